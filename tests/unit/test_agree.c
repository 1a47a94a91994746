/* test_agree.c: when do two answers agree, and how sure is a share of agreements? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "cmd/agree.h"
#include "cmd/stat.h"

#include <cmocka.h>

static void norm_ignores_case_space_and_compatibility_forms(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool exact, norm;
    } rows[] = {
        {"Paris", "Paris", true, true},
        {"Paris", "paris", false, true},
        {"  Paris\n", "Paris", false, true},
        {"a  b\n\nc", "A B C", false, true},
        {"\xEF\xBC\xA1", "a", false, true}, /* fullwidth A */
        {"stra\xC3\x9F"
         "e",
         "STRASSE", false, true},
        {"a\xC2\xA0"
         "b",
         "a b", false, true}, /* no-break space */
        {"Paris.", "Paris", false, false},
        {"ab", "a b", false, false},
        {"\xFF", "\xFF", true, true}, /* not UTF-8 */
        {"\xFF x", "\xFF  x", false, true},
        {"", " ", false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str a = str_of(rows[i].a), b = str_of(rows[i].b);
        assert_int_equal(agree(AGREE_EXACT, a, b), rows[i].exact);
        assert_int_equal(agree(AGREE_NORM, a, b), rows[i].norm);
        assert_int_equal(agree(AGREE_NORM, b, a), rows[i].norm);
    }
}

static void both_dialects_give_one_comparable_form(void **state)
{
    (void)state;
    static const struct {
        const char *json, *want;
    } rows[] = {
        {"{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}", "hi"},
        {"{\"content\":[{\"type\":\"thinking\",\"thinking\":\"x\"},{\"type\":\"text\","
         "\"text\":\"hi\"}]}",
         "hi"},
        {"{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"function\":"
         "{\"name\":\"f\",\"arguments\":\"{ \\\"b\\\": 1, \\\"a\\\": [true] }\"}}]}}]}",
         "tool f {\"a\":[true],\"b\":1}\n"},
        {"{\"content\":[{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{\"b\":1,\"a\":["
         "true]}}]}",
         "tool f {\"a\":[true],\"b\":1}\n"},
        {"{\"choices\":[{\"message\":{\"content\":\"x\",\"tool_calls\":[{\"function\":"
         "{\"name\":\"f\",\"arguments\":\"{oops\"}}]}}]}",
         "x\ntool f {oops\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(1000);
        struct err e = ERR_INIT;
        assert_int_equal(agree_answer(str_of(rows[i].json), &out, &e), ERR_OK);
        assert_string_equal(out.data, rows[i].want);
        buf_release(&out);
    }
    struct buf out = BUF_INIT(1000);
    struct err e = ERR_INIT;
    assert_int_equal(agree_answer(STR("{\"error\":{}}"), &out, &e), ERR_SYNTAX);
    assert_int_equal(agree_answer(STR("{"), &out, &e), ERR_SYNTAX);
    buf_release(&out);
}

static void wilson_agrees_with_published_values(void **state)
{
    (void)state;
    /* Newcombe, Statistics in Medicine 17 (1998), table I, method 3: four decimals */
    static const struct {
        size_t k, n;
        int64_t low, high;
    } rows[] = {{81, 263, 255300, 366200},
                {15, 148, 62400, 160500},
                {0, 20, 0, 161100},
                {1, 29, 6100, 171800}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t low, high;
        stat_wilson(rows[i].k, rows[i].n, &low, &high);
        assert_true(low >= rows[i].low - 60 && low <= rows[i].low + 60);
        assert_true(high >= rows[i].high - 60 && high <= rows[i].high + 60);
    }
    int64_t low, high;
    stat_wilson(0, 0, &low, &high);
    assert_int_equal(low, 0);
    assert_int_equal(high, 1000000);
    stat_wilson(5, 5, &low, &high);
    assert_int_equal(high, 1000000);
}

static void quantiles_take_the_lower_middle(void **state)
{
    (void)state;
    int64_t v[] = {5, 1, 4, 2};
    assert_int_equal(stat_quantile(v, 4, 500), 2);
    assert_int_equal(stat_quantile(v, 4, 1000), 5);
    assert_int_equal(stat_quantile(v, 0, 500), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_ignores_case_space_and_compatibility_forms),
        cmocka_unit_test(both_dialects_give_one_comparable_form),
        cmocka_unit_test(wilson_agrees_with_published_values),
        cmocka_unit_test(quantiles_take_the_lower_middle),
    };
    return cmocka_run_group_tests_name("agree", tests, NULL, NULL);
}
