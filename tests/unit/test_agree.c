/* test_agree.c: when do two answers agree, and how sure is a share of agreements? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "core/num.h"

#include "cmd/agree.h"
#include "cmd/stat.h"
#include "cmd/words.h"

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

static void the_other_measures_have_their_own_idea(void **state)
{
    (void)state;
    static const struct {
        enum agree_metric m;
        const char *recorded, *answer;
        bool want;
    } rows[] = {
        {AGREE_JSON, "{\"a\":1,\"b\":[1,2]}", " { \"b\" : [1, 2], \"a\" : 1 }\n", true},
        {AGREE_JSON, "{\"a\":1}", "{\"a\":2}", false},
        {AGREE_JSON, "[1,2]", "[2,1]", false},
        {AGREE_JSON, "[1]", "so:\n```json\n[1]\n```\n", true},
        {AGREE_JSON, "[1]", "so: [1]", false},
        {AGREE_JSON, "no json", "no json", true},
        {AGREE_JSON, "no json", "No json", false},
        {AGREE_CONTAINS, "Paris", "It is PARIS, of course", true},
        {AGREE_CONTAINS, "It is Paris", "Paris", false},
        {AGREE_CONTAINS, "", "anything", true},
        {AGREE_ROUGE, "a b c d", "a b x d", true}, /* 6 of 8 */
        {AGREE_ROUGE, "a b c d", "a x y d", false},
        {AGREE_ROUGE, "a b c d", "d c b a", false},
        {AGREE_ROUGE, "", "a", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(
            agree(rows[i].m, str_of(rows[i].recorded), str_of(rows[i].answer)),
            rows[i].want);
    assert_int_equal(agree_rouge_ppm(STR("a b c d"), STR("a b x d")), 750000);
    assert_int_equal(agree_rouge_ppm(STR("the cat sat"), STR("the cat")), 800000);
    assert_int_equal(agree_rouge_ppm(STR(""), STR("")), 0);
}

static void a_request_says_whether_it_wants_json(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        enum agree_metric want;
    } rows[] = {
        {"{\"messages\":[]}", AGREE_NORM},
        {"{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}}",
         AGREE_JSON},
        {"{\"response_format\":{\"type\":\"text\"}}", AGREE_NORM},
        {"{\"response_format\":null}", AGREE_NORM},
        {"{\"output_config\":{\"format\":{\"type\":\"json_schema\"}}}", AGREE_JSON},
        {"{\"output_config\":{\"effort\":\"low\"}}", AGREE_NORM},
        {"{\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"x\"}}}", AGREE_JSON},
        {"{\"text\":{\"format\":{\"type\":\"text\"}}}", AGREE_NORM},
        {"{\"text\":{\"verbosity\":\"low\"}}", AGREE_NORM},
        {"no json", AGREE_NORM},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(agree_preset(str_of(rows[i].request)), rows[i].want);
}

/* ---- words ---- */

static void on_change(void *arg, enum words_change change, struct str item)
{
    static const char *const marks[] = {
        [WORDS_SAME] = "", [WORDS_GONE] = "-", [WORDS_NEW] = "+"};
    buf_printf(arg, "%s%.*s", marks[change], STR_ARG(item));
}

static void a_diff_says_how_one_text_becomes_the_other(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *want;
    } rows[] = {
        {"", "", ""},
        {"same text", "same text", "same text"},
        {"the brown fox", "the red fox", "the -brown+red fox"},
        {"a", "", "-a"},
        {"", "a b", "+a+ +b"},
        {"a\nb", "a\n\nb", "a\n+\nb"},
        {"x a y", "a", "-x- a- -y"},
        {"one two three", "one three", "one -two- three"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1000);
        AUTO(arena_release) struct arena arena;
        struct words a, b;
        struct err e = ERR_INIT;
        arena_init(&arena, 100000);
        assert_int_equal(words_split(str_of(rows[i].a), true, &arena, &a, &e), ERR_OK);
        assert_int_equal(words_split(str_of(rows[i].b), true, &arena, &b, &e), ERR_OK);
        assert_int_equal(words_diff(&a, &b, on_change, &out, &e), ERR_OK);
        assert_string_equal(out.len > 0 ? out.data : "", rows[i].want);
    }
}

static void on_side(void *arg, enum words_change change, struct str item)
{
    struct buf *sides = arg;
    if (change != WORDS_NEW)
        buf_adds(&sides[0], item);
    if (change != WORDS_GONE)
        buf_adds(&sides[1], item);
}

/* Whatever differs: without the marks of one side, it is the other. */
static void same_and_gone_is_one_text_same_and_new_the_other(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        AUTO(buf_release) struct buf a = BUF_INIT(10000);
        AUTO(buf_release) struct buf b = BUF_INIT(10000);
        AUTO(arena_release) struct arena arena;
        struct words wa, wb;
        struct err e = ERR_INIT;
        arena_init(&arena, 1000000);
        for (uint64_t n = num_draw(&seed) % 30; n > 0; n--)
            buf_addc(num_draw(&seed) % 2 ? &a : &b, "ab \n"[num_draw(&seed) % 4]);
        assert_int_equal(words_split(buf_str(&a), true, &arena, &wa, &e), ERR_OK);
        assert_int_equal(words_split(buf_str(&b), true, &arena, &wb, &e), ERR_OK);
        struct buf sides[2] = {BUF_INIT(10000), BUF_INIT(10000)};
        assert_int_equal(words_diff(&wa, &wb, on_side, sides, &e), ERR_OK);
        assert_true(str_eq(buf_str(&sides[0]), buf_str(&a)));
        assert_true(str_eq(buf_str(&sides[1]), buf_str(&b)));
        buf_release(&sides[0]);
        buf_release(&sides[1]);
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
        cmocka_unit_test(the_other_measures_have_their_own_idea),
        cmocka_unit_test(a_request_says_whether_it_wants_json),
        cmocka_unit_test(a_diff_says_how_one_text_becomes_the_other),
        cmocka_unit_test(same_and_gone_is_one_text_same_and_new_the_other),
        cmocka_unit_test(norm_ignores_case_space_and_compatibility_forms),
        cmocka_unit_test(both_dialects_give_one_comparable_form),
        cmocka_unit_test(wilson_agrees_with_published_values),
        cmocka_unit_test(quantiles_take_the_lower_middle),
    };
    return cmocka_run_group_tests_name("agree", tests, NULL, NULL);
}
