/* test_code.c: blocks of code are found between their fences, however the text comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cmd/code.h"

#include <cmocka.h>

/* What of block `wanted` comes when the text is fed in pieces of `step` bytes. */
static void scan(struct str text, size_t wanted, size_t step, struct buf *out)
{
    struct code_scan c;
    code_init(&c);
    for (size_t i = 0; i < text.len; i += step)
        code_feed(&c, str_sub(text, i, step), wanted, out);
    code_end(&c, wanted, out);
    code_release(&c);
}

static void blocks_are_found_by_their_fences(void **state)
{
    (void)state;
    static const struct {
        const char *text, *first, *last; /* NULL: there is none */
    } rows[] = {
        {"", NULL, NULL},
        {"no code", NULL, NULL},
        {"`inline` ``two``", NULL, NULL},
        {"```\na\n```\n", "a\n", "a\n"},
        {"say\n```c\nint a;\n\nint b;\n```\nend\n~~~\nlast\n~~~", "int a;\n\nint b;\n",
         "last\n"},
        {"```\n```\n", "", ""},
        {"````md\n```c\nx\n```\n````\n", "```c\nx\n```\n", "```c\nx\n```\n"},
        {"~~~\n```\n~~~~\n", "```\n", "```\n"},
        {"1. so:\n   ```sh\n   ls\n     -l\n   ```\n", "ls\n  -l\n", "ls\n  -l\n"},
        {"```sh\n  kept\n```x\n```", "  kept\n```x\n", "  kept\n```x\n"},
        {"```not `a` fence\n", NULL, NULL},
        {"```\nnobody closed", "nobody closed\n", "nobody closed\n"},
        {"```\r\na\r\n```\r\n", "a\r\n", "a\r\n"},
        {"``\na\n``\n", NULL, NULL},
    };
    static const size_t steps[] = {100000, 1, 2, 5};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf first = BUF_INIT(1000);
        AUTO(buf_release) struct buf last = BUF_INIT(1000);
        struct str text = str_of(rows[i].text);
        bool has_first = code_find(text, 1, &first), has_last = code_find(text, 0, &last);
        assert_int_equal(has_first, rows[i].first != NULL);
        assert_int_equal(has_last, rows[i].last != NULL);
        if (!str_eq(buf_str(&first), str_of(rows[i].first)) ||
            !str_eq(buf_str(&last), str_of(rows[i].last)))
            fail_msg("%s: first %.*s, last %.*s", rows[i].text, STR_ARG(buf_str(&first)),
                     STR_ARG(buf_str(&last)));
        for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
            AUTO(buf_release) struct buf piece = BUF_INIT(1000);
            scan(text, 1, steps[k], &piece);
            assert_true(str_eq(buf_str(&piece), buf_str(&first)));
        }
    }
}

static void a_line_leaves_when_it_is_whole(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf out = BUF_INIT(1000);
    struct code_scan c;
    code_init(&c);
    code_feed(&c, STR("```\none\ntw"), 1, &out);
    assert_string_equal(out.data, "one\n");
    code_feed(&c, STR("o\n``"), 1, &out);
    assert_string_equal(out.data, "one\ntwo\n");
    code_feed(&c, STR("`\n```\nanother\n```\n"), 1, &out);
    assert_string_equal(out.data, "one\ntwo\n");
    code_release(&c);
}

static void blocks_are_counted_from_one(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf out = BUF_INIT(1000);
    struct str text = STR("```\n1\n```\n```\n2\n```\n```\n3\n```\n");
    assert_true(code_find(text, 2, &out));
    assert_string_equal(out.data, "2\n");
    assert_false(code_find(text, 4, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_found_by_their_fences),
        cmocka_unit_test(a_line_leaves_when_it_is_whole),
        cmocka_unit_test(blocks_are_counted_from_one),
    };
    return cmocka_run_group_tests_name("code", tests, NULL, NULL);
}
