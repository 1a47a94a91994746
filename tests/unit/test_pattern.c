/* test_pattern.c: ECMA-262's patterns without backtracking, each as a table of texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pattern.h"

#include <cmocka.h>

static bool matches(const char *source, struct str text)
{
    AUTO(pattern_free) struct pattern *p = NULL;
    struct err e = ERR_INIT;
    size_t steps = 10000000;
    bool found;
    if (pattern_new(str_of(source), &p, &e) != ERR_OK)
        fail_msg("%s: %s", source, e.text);
    assert_int_equal(pattern_search(p, text, &steps, &found), ERR_OK);
    return found;
}

static void a_pattern_matches_what_ecmascript_matches(void **state)
{
    (void)state;
    static const struct {
        const char *source, *yes, *no; /* texts between spaces; "_" is the empty one */
    } rows[] = {
        {"", "_ a", NULL},
        {"b", "b abc", "a _ B"},
        {"^b", "b bc", "ab"},
        {"b$", "b ab", "bc"},
        {"^$", "_", "a"},
        {"^a*$", "_ a aaa", "b ab"},
        {"^a+$", "a aa", "_ b"},
        {"^ab?c$", "abc ac", "abbc c"},
        {"^a{2}$", "aa", "a aaa"},
        {"^a{2,}$", "aa aaaa", "a"},
        {"^a{0,2}$", "_ a aa", "aaa"},
        {"^a{1,3}?$", "a aa aaa", "_ aaaa"},
        {"^(ab|cd|e)+$", "ab abcde e", "_ a abc"},
        {"^a|b$", "ax xb", "xa bx"},
        {"^(?:a|b)$", "a b", "ab"},
        {"^(?<year>\\d{4})-\\d\\d$", "2026-11", "26-11 2026-1"},
        {"^(a*)*$", "_ aaa", "b"},
        {"^(a|a?)+b$", "b aab", "a"},
        {"^[a-c_-]+$", "a-_c", "d _d"},
        {"^[^a-c]$", "d é", "a _"},
        {"^\\d\\D\\w\\W\\S$", "1ax-z", "aaaaa"},
        {"^[\\d\\-x]+$", "1-x", "a"},
        {"^[\\w.]+@[\\w.]+$", "a.b@c.d", "a@ @b"},
        {"^.$", "a é 🌊", "_ ab"},
        {"^\\u00e9\\xe9\\u{1F30A}\\ud83c\\udf0a$", "éé🌊🌊", "ee"},
        {"\\bcat\\b", "cat a-cat-b", "cats concat"},
        {"\\Bcat", "concat", "cat"},
        {"^\\$\\(\\)\\.\\/\\\\$", "$()./\\", "a"},
        {"^é{2}$", "éé", "é"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str part, rest = str_of(rows[i].yes);
        while (str_split(&rest, ' ', &part))
            if (!matches(rows[i].source, str_eqz(part, "_") ? STR_NONE : part))
                fail_msg("%s must match \"%.*s\"", rows[i].source, STR_ARG(part));
        rest = str_of(rows[i].no);
        while (str_split(&rest, ' ', &part))
            if (matches(rows[i].source, str_eqz(part, "_") ? STR_NONE : part))
                fail_msg("%s must not match \"%.*s\"", rows[i].source, STR_ARG(part));
    }
}

static void white_space_and_line_ends(void **state)
{
    (void)state;
    assert_true(matches("^a\\sb$", STR("a\xc2\xa0"
                                       "b")));
    assert_true(matches("^\\t\\n\\v\\f\\r\\cJ$", STR("\t\n\v\f\r\n")));
    assert_false(matches("^.$", STR("\n")));
    assert_true(matches("^\\0$", STR("\0")));
    /* without the flag m the ends are those of the text */
    assert_false(matches("^b$", STR("a\nb")));
    assert_true(matches("^[\\b]$", STR("\b")));
}

static void what_it_cannot_do_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        enum errc code;
    } rows[] = {
        {"(?=a)", ERR_INVALID},
        {"(?<!a)b", ERR_INVALID},
        {"(a)\\1", ERR_INVALID},
        {"\\p{L}", ERR_INVALID},
        {"(a", ERR_INVALID},
        {"a)", ERR_INVALID},
        {"[a", ERR_INVALID},
        {"*a", ERR_INVALID},
        {"a**", ERR_INVALID},
        {"a{2,1}", ERR_INVALID},
        {"a{x}", ERR_INVALID},
        {"a\\", ERR_INVALID},
        {"[z-a]", ERR_INVALID},
        {"\\u12", ERR_INVALID},
        {"^*", ERR_INVALID},
        {"(?<n", ERR_INVALID},
        {"[a-\\d]", ERR_INVALID},
        {"\\u{110000}", ERR_INVALID},
        {"a{1001}", ERR_TOO_LARGE},
        {"(a{100}){100}", ERR_TOO_LARGE},
        {"((((a{9}){9}){9}){9})", ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(pattern_free) struct pattern *p = NULL;
        struct err e = ERR_INIT;
        enum errc rc = pattern_new(str_of(rows[i].source), &p, &e);
        if (rc != rows[i].code)
            fail_msg("%s: %s", rows[i].source, errc_name(rc));
        assert_null(p);
        assert_true(str_starts(str_of(e.text), STR("pattern")));
    }
}

static void deep_groups_and_long_alternatives_are_bounded(void **state)
{
    (void)state;
    char source[4096];
    static const char *const pieces[] = {"(", "a|", "(?:a|"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        AUTO(pattern_free) struct pattern *p = NULL;
        struct err e = ERR_INIT;
        size_t len = 0, piece = strlen(pieces[i]);
        for (; len + piece < sizeof source; len += piece)
            memcpy(source + len, pieces[i], piece);
        assert_int_equal(pattern_new((struct str){source, len}, &p, &e), ERR_TOO_LARGE);
    }
}

/* What a backtracking engine takes 2^n steps for. */
static void the_time_is_bounded_by_text_and_program(void **state)
{
    (void)state;
    AUTO(pattern_free) struct pattern *p = NULL;
    struct err e = ERR_INIT;
    bool found = true;
    char text[1000];
    memset(text, 'a', sizeof text);
    assert_int_equal(pattern_new(STR("^(a|aa|(a*)*)*b$"), &p, &e), ERR_OK);
    size_t steps = 40 * sizeof text;
    assert_int_equal(pattern_search(p, (struct str){text, sizeof text}, &steps, &found),
                     ERR_OK);
    assert_false(found);
    steps = 100;
    assert_int_equal(pattern_search(p, (struct str){text, sizeof text}, &steps, &found),
                     ERR_TOO_LARGE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_what_ecmascript_matches),
        cmocka_unit_test(white_space_and_line_ends),
        cmocka_unit_test(what_it_cannot_do_is_refused),
        cmocka_unit_test(deep_groups_and_long_alternatives_are_bounded),
        cmocka_unit_test(the_time_is_bounded_by_text_and_program),
    };
    return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
