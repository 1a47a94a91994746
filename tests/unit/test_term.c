/* test_term.c: what reaches a terminal of a text that wants to do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cmd/term.h"

#include <cmocka.h>

static const struct {
    const char *text, *want;
} rows[] = {
    {"plain \xC3\xA9 \xF0\x9F\x98\x80\ttab\nline",
     "plain \xC3\xA9 \xF0\x9F\x98\x80\ttab\nline"},
    {"a\rb\bc\x07"
     "d\x0B"
     "e\x7F"
     "f\x01g",
     "abcdefg"},
    {"\x1B[31mred\x1B[0m", "red"},
    {"\x1B[?1049h\x1B[2J\x1B[1;1Hx", "x"},
    {"\x1B]0;title\x07x", "x"},
    {"\x1B]52;c;aGk=\x1B\\x", "x"},
    {"\x1B]8;;http://evil\x1B\\link\x1B]8;;\x1B\\", "link"},
    {"\x1BP1;2|00/aabb\x1B\\x", "x"},
    {"\x1B_app\x1B\\x\x1B^pm\x1B\\y\x1BXsos\x1B\\z", "xyz"},
    {"\x1B(B\x1B=\x1B>\x1B"
     "7\x1B"
     "cx",
     "x"},
    {"\x1B]0;no end\nnext", "\nnext"},
    {"\x1B[12\nnext", "\nnext"},
    {"\x1B[12\xC3\xA9x", "\xC3\xA9x"},
    {"\x1B\x1B[31mx", "x"},
    {"\xC2\x9B"
     "31mx\xC2\x9D"
     "0;t\xC2\x9Cy\xC2\x85z",
     "xyz"},
    {"a\xE2\x80\xAE"
     "b\xE2\x81\xA6"
     "c\xE2\x80\xAA"
     "d\xE2\x81\xA9"
     "e",
     "abcde"},
    {"\xE2\x80\x8F\xD7\x90\xE2\x80\x9C\xE2\x80\xA6",
     "\xE2\x80\x8F\xD7\x90\xE2\x80\x9C\xE2\x80\xA6"},
    {"a\xFFz", "a\xEF\xBF\xBDz"},
};

/* Whole, and cut between any two code points. */
static void only_text_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text = str_of(rows[i].text);
        for (size_t cut = 0; cut <= text.len; cut++) {
            if (str_utf8_prefix(text, cut) != cut)
                continue;
            struct buf out = BUF_INIT(1000);
            struct term_filter f = {0};
            term_filter(&f, str_sub(text, 0, cut), &out);
            term_filter(&f, str_sub(text, cut, text.len), &out);
            if (!str_eqz(buf_str(&out), rows[i].want))
                fail_msg("row %zu cut at %zu: %s", i, cut, buf_str(&out).ptr);
            buf_release(&out);
        }
    }
}

static void an_endless_string_does_not_swallow_the_answer(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(10000);
    struct term_filter f = {0};
    term_filter(&f, STR("\x1B]0;"), &out);
    for (int i = 0; i < 3000; i++)
        term_filter(&f, STR("x"), &out);
    assert_in_range(out.len, 1900, 2100);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_text_passes),
        cmocka_unit_test(an_endless_string_does_not_swallow_the_answer),
    };
    return cmocka_run_group_tests_name("term", tests, NULL, NULL);
}
