/* test_markdown.c: Markdown becomes terminal text, the same however it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cmd/markdown.h"

#include <cmocka.h>

enum { WIDTH = 32 };

static void render(const char *text, size_t step, bool has_style, bool is_utf8,
                   struct buf *out)
{
    struct markdown m;
    struct str s = str_of(text);
    markdown_init(&m, WIDTH, has_style, is_utf8);
    for (size_t i = 0; i < s.len; i += step)
        markdown_feed(&m, str_sub(s, i, step), out);
    markdown_end(&m, out);
    markdown_release(&m);
}

static void expect(const char *text, const char *want, bool has_style, bool is_utf8)
{
    static const size_t steps[] = {1000000, 1, 2, 3, 7};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1000000);
        render(text, steps[i], has_style, is_utf8, &out);
        if (!str_eqz(buf_str(&out), want))
            fail_msg("%s\nin steps of %zu:\n%.*s\nnot\n%s", text, steps[i],
                     STR_ARG(buf_str(&out)), want);
    }
}

static void lines_are_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"plain\n", "plain\n"},
        {"two\n\nparts\n", "two\n\nparts\n"},
        {"# Head\ntext", "Head\ntext"},
        {"#tag", "#tag"},
        {"####### seven", "####### seven"},
        {"- a\n- b\n  - c", "- a\n- b\n  - c"},
        {"* a\n+ b", "- a\n- b"},
        {"1. one\n12) twelve", "1. one\n12) twelve"},
        {"1.5 is a number", "1.5 is a number"},
        {"2026", "2026"},
        {"> said\n> so", "> said\n> so"},
        {"---", "--------------------------------"},
        {"* * *", "--------------------------------"},
        {"--", "--"},
        {"```c\nint  *a_b;\n```\nend", "-- c ---------------------------\nint  *a_b;\n"
                                       "--------------------------------\nend"},
        {"````\n```\n````", "--------------------------------\n```\n"
                            "--------------------------------"},
        {"~~~\n# no head\n~~~", "--------------------------------\n# no head\n"
                                "--------------------------------"},
        {"```\ncut off", "--------------------------------\ncut off"},
        {"``` one line ```", "one line"},
        {"    four", "    four"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(rows[i].text, rows[i].want, false, false);
    expect("- a\n> b", "• a\n│ b", false, true);
}

static void marks_need_their_other_end(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"a **b** c", "a \033[0;1mb\033[0m c"},
        {"a *b* c", "a \033[0;3mb\033[0m c"},
        {"_b_", "\033[0;3mb\033[0m"},
        {"***b***", "\033[0;1;3mb\033[0m"},
        {"**a *b* c**", "\033[0;1ma \033[0;1;3mb\033[0;1m c\033[0m"},
        {"use `x*y*z`", "use \033[0;35mx*y*z\033[0m"},
        {"`` a`b ``", "\033[0;35ma`b\033[0m"},
        {"a * b * c", "a * b * c"},
        {"my_var_ x_ _y_", "my_var_ x_ \033[0;3my\033[0m"},
        {"2*3*4 and 5", "2\033[0;3m3\033[0m4 and 5"},
        {"snake_case_name", "snake_case_name"},
        {"**open", "**open"},
        {"`open", "`open"},
        {"a ` b", "a ` b"},
        {"[text](http://x/) z", "text (\033[0;2mhttp://x/\033[0m) z"},
        {"[http://x/](http://x/)", "http://x/"},
        {"a[0] and [1]", "a[0] and [1]"},
        {"[open](http", "[open](http"},
        {"\\*no\\*", "*no*"},
        {"a\\b", "a\\b"},
        {"end\\", "end\\"},
        {"# Tide tables",
         "\033[0;1mTide tables\033[0m"}, /* as long as what set the style */
        {"**Tide tables** x", "\033[0;1mTide tables\033[0m x"},
        {"# A `b`", "\033[0;1mA \033[0;1;35mb\033[0m"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(rows[i].text, rows[i].want, true, true);
}

static void words_wrap_at_the_screen(void **state)
{
    (void)state;
    expect("one two three four five six seven", "one two three four five six\nseven",
           false, false);
    expect("- one two three four five six seven eight nine",
           "- one two three four five six\n  seven eight nine", false, false);
    expect("> one two three four five six seven",
           "│ one two three four five six\n│ seven", false, true);
    expect("a_word_that_is_much_longer_than_the_screen is kept",
           "a_word_that_is_much_longer_than_the_screen\nis kept", false, false);
    expect("日本語日本語日本語日本 日本語日本", "日本語日本語日本語日本\n日本語日本",
           false, true);
}

static void tables_are_aligned_when_they_fit(void **state)
{
    (void)state;
    expect("| a | count |\n|---|------:|\n| `x` | 1 |\n| long | 12 |\nend",
           "a     count\n-----------\nx         1\nlong     12\nend", false, false);
    expect("|a|b|\n|-|-|\n|1|", "a  b\n----\n1  ", false, false);
    expect("| not a table\n", "| not a table", false, false);
    expect("| a \\| b | c |\n|---|---|\n", "a | b  c\n--------", false, false);
    static const char wide[] = "| aaaaaaaaaaaaaaaaaaaa | bbbbbbbbbbbbbbbbbbbb |\n"
                               "|---|---|\n| 1 | 2 |";
    expect(wide, wide, false, false);
}

/* Nobody waits for the end of a paragraph to see its beginning. */
static void words_leave_as_they_come(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf out = BUF_INIT(1000);
    struct markdown m;
    markdown_init(&m, 80, false, false);
    markdown_feed(&m, STR("The first words **and"), &out);
    assert_string_equal(out.data, "The first words");
    markdown_feed(&m, STR(" more** of"), &out);
    assert_string_equal(out.data, "The first words and more");
    markdown_end(&m, &out);
    assert_string_equal(out.data, "The first words and more of");
    markdown_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_what_they_are),
        cmocka_unit_test(marks_need_their_other_end),
        cmocka_unit_test(words_wrap_at_the_screen),
        cmocka_unit_test(tables_are_aligned_when_they_fit),
        cmocka_unit_test(words_leave_as_they_come),
    };
    return cmocka_run_group_tests_name("markdown", tests, NULL, NULL);
}
