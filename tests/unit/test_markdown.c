/* test_markdown.c: Markdown becomes terminal text, the same however it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cmd/markdown.h"

#include <cmocka.h>

enum { WIDTH = 32 };

/* In steps of so many bytes, and what a code point has more. */
static void render(struct markdown *m, const char *text, size_t step, struct buf *out)
{
    struct str s = str_of(text);
    while (s.len > 0) {
        size_t n = MIN(step, s.len);
        while (n < s.len && (s.ptr[n] & 0xC0) == 0x80)
            n++;
        markdown_feed(m, str_sub(s, 0, n), out);
        s = str_sub(s, n, s.len);
    }
    markdown_end(m, out);
}

static void expect_as(const struct markdown *how, const char *text, const char *want)
{
    static const size_t steps[] = {1000000, 1, 2, 3, 7};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1000000);
        struct markdown m = *how;
        render(&m, text, steps[i], &out);
        markdown_release(&m);
        if (!str_eqz(buf_str(&out), want))
            fail_msg("%s\nin steps of %zu:\n%.*s\nnot\n%s", text, steps[i],
                     STR_ARG(buf_str(&out)), want);
    }
}

static void expect(const char *text, const char *want, bool has_style, bool is_utf8)
{
    struct markdown m;
    markdown_init(&m, WIDTH, has_style, is_utf8);
    expect_as(&m, text, want);
}

/* At so many columns; plain: as text that has no marks. */
static void expect_at(size_t width, bool is_plain, const char *text, const char *want)
{
    struct markdown m;
    markdown_init(&m, width, false, true);
    m.is_plain = is_plain;
    expect_as(&m, text, want);
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
    expect("a_word_that_is_much_longer_than_the_screen is broken",
           "a_word_that_is_much_longer_than_\nthe_screen is broken", false, false);
    expect("日本語日本語日本語日本 日本語日本", "日本語日本語日本語日本 日本語日\n本",
           false, true);
}

#define TEN          "一二三四五六七八九十"
#define FORTY        TEN TEN TEN TEN
#define FAMILY       "\U0001F469\u200D\U0001F469\u200D\U0001F467"
#define TEN_FAMILIES FAMILY FAMILY FAMILY FAMILY FAMILY FAMILY FAMILY FAMILY FAMILY FAMILY

static void rows_break_without_blanks(void **state)
{
    (void)state;
    static const struct {
        size_t width;
        const char *text, *want;
    } rows[] = {
        {40, TEN TEN TEN, TEN TEN "\n" TEN},
        {80, FORTY TEN, FORTY "\n" TEN},
        {200, FORTY FORTY FORTY, FORTY FORTY TEN TEN "\n" TEN TEN},
        /* what closes takes what is before it along; what opens goes with what it opens */
        {40, TEN TEN "。" TEN, TEN "一二三四五六七八九\n十。" TEN},
        {40, TEN TEN "）。一", TEN "一二三四五六七八九\n十）。一"},
        {40, TEN "一二三四五六七八九「十」", TEN "一二三四五六七八九\n「十」"},
        {40, TEN TEN "ー", TEN "一二三四五六七八九\n十ー"},
        {40, TEN TEN "ッ", TEN "一二三四五六七八九\n十ッ"},
        {40, TEN TEN "々", TEN "一二三四五六七八九\n十々"},
        {40, TEN TEN "!", TEN "一二三四五六七八九\n十!"},
        {40, TEN "一二三四五六七八九$55", TEN "一二三四五六七八九\n$55"},
        /* words of other scripts stay whole, and may stand at either side */
        {40, TEN "一二三四五六七八word一", TEN "一二三四五六七八word\n一"},
        {40, TEN "一二三四五六七八words", TEN "一二三四五六七八\nwords"},
        /* lists and quotes keep their indents */
        {40, "- " TEN TEN, "• " TEN "一二三四五六七八九\n  十"},
        {40, "  10. " TEN TEN, "  10. " TEN "一二三四五六七\n      八九十"},
        {40, "> " TEN TEN, "│ " TEN "一二三四五六七八九\n│ 十"},
        {40, "# " TEN TEN TEN, TEN TEN "\n" TEN},
        {40, "see http://x.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.",
         "see\nhttp://x.example/aaaaaaaaaaaaaaaaaaaaaaa\naaaaaaaaaaaaaaaaaaaaa."},
        {40, "- http://x.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "• http://x.example/aaaaaaaaaaaaaaaaaaaaa\n  aaaaaaaaaaaaaaaaaaaaaaa"},
        /* also where a long word would leave it alone */
        {20, "aaaaaaaaaaaaaaaaaaaa) b", "aaaaaaaaaaaaaaaaaaa\na) b"},
        {20, "            10. four five", "          10. four\n          five"},
        /* a cluster is one, however many code points it has */
        {20, "aaaaaaaaaaaaaaaaaae\u0301e\u0301e\u0301",
         "aaaaaaaaaaaaaaaaaae\u0301e\u0301\ne\u0301"},
        {20, TEN_FAMILIES FAMILY, TEN_FAMILIES "\n" FAMILY},
        {20, "**一二三**四五六七八九十一", "一二三四五六七八九十\n一"},
        {20, "a\tb", "a b"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_at(rows[i].width, false, rows[i].text, rows[i].want);
}

/* What a model thinks is no Markdown, but its rows break the same. */
static void plain_text_has_no_marks(void **state)
{
    (void)state;
    expect_at(40, true, "**Thinking** of `x`\n# 1\n| a |\n```\n- b",
              "**Thinking** of `x`\n# 1\n| a |\n```\n- b");
    expect_at(40, true, "  " TEN TEN, "  " TEN "一二三四五六七八九\n  十");
    expect_at(40, true, "one two three four five six seven eight nine",
              "one two three four five six seven eight\nnine");
}

static void tables_are_aligned_when_they_fit(void **state)
{
    (void)state;
    expect("| a | count |\n|---|------:|\n| `x` | 1 |\n| long | 12 |\nend",
           "a     count\n-----------\nx         1\nlong     12\nend", false, false);
    expect("|a|b|\n|-|-|\n|1|", "a  b\n----\n1  ", false, false);
    expect("| not a table\n", "| not a table", false, false);
    expect("| a \\| b | c |\n|---|---|\n", "a | b  c\n--------", false, false);
    /* cells of more rows than one are without styles */
    expect("| aaaaaaaaaaaaaaaaaaaa | bbbb bbbb bbbb bbbb |\n|---|--:|\n| 1 | `2` |",
           "aaaaaaaaaaaaaaa   bbbb bbbb bbbb\naaaaa                       bbbb\n"
           "--------------------------------\n1                              2",
           false, false);
    expect("| a | bbbb **bbbb** bbbb bbbb bbbb bbbb bbbb |\n|--|--|\n| **1** | 2 |",
           "\033[0;1ma\033[0m  bbbb bbbb bbbb bbbb bbbb bbbb\n   bbbb\n"
           "\033[2m────────────────────────────────\033[0m\n\033[0;1m1\033[0m  2",
           true, true);
    /* no screen is wide enough for that many */
    static const char wide[] = "|a|b|c|d|e|f|g|h|i|j|k|l|\n|-|-|-|-|-|-|-|-|-|-|-|-|\n";
    expect(wide, "|a|b|c|d|e|f|g|h|i|j|k|l|\n|-|-|-|-|-|-|-|-|-|-|-|-|", false, false);
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
    buf_reset(&out);
    /* nor do those who write without blanks */
    markdown_feed(&m, STR(TEN), &out);
    assert_string_equal(out.data, "一二三四五六七八九");
    markdown_end(&m, &out);
    assert_string_equal(out.data, TEN);
    markdown_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_what_they_are),
        cmocka_unit_test(marks_need_their_other_end),
        cmocka_unit_test(words_wrap_at_the_screen),
        cmocka_unit_test(rows_break_without_blanks),
        cmocka_unit_test(plain_text_has_no_marks),
        cmocka_unit_test(tables_are_aligned_when_they_fit),
        cmocka_unit_test(words_leave_as_they_come),
    };
    return cmocka_run_group_tests_name("markdown", tests, NULL, NULL);
}
