/* test_sim_scenario.c: the scenario language of llmgw-sim: grammar, choosing, counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim.h"

#include <cmocka.h>

static struct scenario *parse(const char *text)
{
    struct scenario *s = NULL;
    struct err e = ERR_INIT;
    if (scenario_parse(str_of(text), &s, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return s;
}

static const struct plan_facts any = {
    .listener = {"a", 1},
    .path = {"/v1/chat/completions", 20},
    .model = {"gpt-x", 5},
    .key = {"sk-one", 6},
    .body = {"{\"hi\":1}", 8},
    .dialect = "openai",
    .stream = true,
    .nth_on_conn = 1,
};

/* The line of the rule that acts; the plan in *p. */
static int decide(struct scenario *s, const struct plan_facts *f, struct plan *p)
{
    struct arena a;
    struct err e = ERR_INIT;
    int line = -1;
    arena_init(&a, 1 << 20);
    assert_int_equal(scenario_plan(s, f, &a, p, &line, &e), ERR_OK);
    arena_release(&a);
    return line;
}

static void an_empty_scenario_answers_plainly(void **state)
{
    (void)state;
    struct scenario *s = parse("\n# only a comment\n   \n");
    struct plan p;
    assert_int_equal(decide(s, &any, &p), 0);
    assert_int_equal(p.tokens, 16);
    assert_int_equal(p.cut, -1);
    assert_int_equal(p.error, -1);
    assert_int_equal(p.batch, 1);
    assert_null(p.text);
    scenario_free(&s);
}

static void words_fill_the_plan(void **state)
{
    (void)state;
    struct scenario *s =
        parse("on model=gpt-*: 429 retry-after=2 cut=3 rst gap=10ms first=1.5s "
              "text=\"a \\\"b\\\" c\" header=A:1 header=B:2 by=end drip "
              "oversize=1k usage=null error=quota # and no more\n");
    struct plan p;
    assert_int_equal(decide(s, &any, &p), 1);
    assert_int_equal(p.status, 429);
    assert_string_equal(p.retry_after, "2");
    assert_int_equal(p.cut, 3);
    assert_int_equal(p.by, CUT_BY_END);
    assert_int_equal(p.gap_us, 10000);
    assert_int_equal(p.first_us, 1500000);
    assert_string_equal(p.text, "a \"b\" c");
    assert_string_equal(p.headers, "A:1\nB:2");
    assert_int_equal(p.drip_us, 0);
    assert_int_equal(p.oversize, 1024);
    assert_int_equal(p.usage, USAGE_NULL);
    assert_string_equal(fault_name((size_t)p.error), "quota");
    scenario_free(&s);
}

static void later_words_overrule_and_presets_stay(void **state)
{
    (void)state;
    struct scenario *s = parse("set tokens=5 gap=1ms\n"
                               "set gap=2ms\n"
                               "on: tokens=7\n");
    struct plan p;
    assert_int_equal(decide(s, &any, &p), 3);
    assert_int_equal(p.tokens, 7);
    assert_int_equal(p.gap_us, 2000);
    struct plan_facts f = any;
    f.model = STR("x-sim:tokens=9,503,fin");
    decide(s, &f, &p);
    assert_int_equal(p.tokens, 9);
    assert_int_equal(p.gap_us, 2000);
    assert_int_equal(p.status, 503);
    scenario_free(&s);
}

static void the_first_rule_that_matches_acts(void **state)
{
    (void)state;
    static const struct {
        const char *terms;
        int line;
    } rows[] = {
        {"model=gpt-x", 1},    {"model=gpt-?", 1},    {"model=claude*", 2},
        {"listener=a", 1},     {"listener=b", 2},     {"path=*/completions", 1},
        {"key=sk-*", 1},       {"key=other", 2},      {"has=hi", 1},
        {"has=ho", 2},         {"dialect=openai", 1}, {"dialect=anthropic", 2},
        {"dialect=gemini", 2}, {"stream=yes", 1},     {"stream=no", 2},
        {"tools=no", 1},       {"tools=yes", 2},      {"conn=1", 1},
        {"conn=2..", 2},       {"nth=1", 1},          {"nth=2..3", 2},
        {"nth=..3", 1},        {"every=2", 2},        {"every=1", 1},
        {"p=100%", 1},         {"p=0%", 2},           {"after=1s", 2},
        {"before=1s", 1},      {"during=1s/2s", 1},   {"model=gpt-x key=no", 2},
        {"over=1/1s", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        struct plan p;
        snprintf(text, sizeof text, "on %s: tokens=1\non: tokens=2\n", rows[i].terms);
        struct scenario *s = parse(text);
        if (decide(s, &any, &p) != rows[i].line)
            fail_msg("%s", rows[i].terms);
        scenario_free(&s);
    }
}

static void nth_counts_what_met_the_other_terms(void **state)
{
    (void)state;
    struct scenario *s = parse("on model=gpt-x nth=2..3: 500\non every=3: 503\n");
    struct plan_facts other = any;
    struct plan p;
    other.model = STR("other");
    assert_int_equal(decide(s, &other, &p), 0);
    assert_int_equal(decide(s, &any, &p), 0);
    assert_int_equal(decide(s, &any, &p), 1);
    assert_int_equal(decide(s, &other, &p), 2);
    assert_int_equal(decide(s, &any, &p), 1);
    assert_int_equal(decide(s, &any, &p), 0);
    scenario_free(&s);
}

static void a_bucket_lets_its_rate_through(void **state)
{
    (void)state;
    struct scenario *s = parse("on over=5/1s: 429\n");
    struct plan_facts f = any;
    struct plan p;
    int n = 0;
    for (int i = 0; i < 20; i++)
        n += decide(s, &f, &p) == 0;
    assert_int_equal(n, 5);
    f.now_us = 200000;
    assert_int_equal(decide(s, &f, &p), 0);
    assert_int_equal(decide(s, &f, &p), 1);
    scenario_free(&s);
}

static void a_window_flaps_by_the_clock(void **state)
{
    (void)state;
    struct scenario *s = parse("on during=5s/20s: 500\n");
    struct plan_facts f = any;
    struct plan p;
    static const struct {
        int64_t s;
        int line;
    } rows[] = {{0, 1}, {4, 1}, {5, 0}, {19, 0}, {20, 1}, {24, 1}, {26, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        f.now_us = rows[i].s * US_PER_S;
        assert_int_equal(decide(s, &f, &p), rows[i].line);
    }
    scenario_free(&s);
}

static void chance_is_the_seed_s(void **state)
{
    (void)state;
    struct scenario *s = parse("on p=30%: 500\n");
    struct plan_facts f = any;
    struct plan p;
    int hits = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        f.random = text_mix(i);
        int line = decide(s, &f, &p);
        assert_int_equal(decide(s, &f, &p), line);
        hits += line;
    }
    assert_in_range(hits, 250, 350);
    scenario_free(&s);
}

static void mistakes_are_named_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"set tokens=5\nwhen x: 429", "line 2: a line starts with \"set\" or \"on\""},
        {"on model=x 429", "line 1: unknown word \"429\""},
        {"on model=x", "line 1: \"on …:\" has no colon"},
        {"on model=x: tokns=4", "line 1: unknown word \"tokns\""},
        {"on model=x: tokens=four", "line 1: tokens: bad value \"four\""},
        {"on model=x: tokens", "line 1: tokens needs a value"},
        {"set error=nosuch", "line 1: error: bad value \"nosuch\""},
        {"set text=\"abc", "line 1: a quote is not closed"},
        {"on nth=3..1: 500", "line 1: nth: bad value \"3..1\""},
        {"on during=5s: 500", "line 1: during: bad value \"5s\""},
        {"set status=700", "line 1: status: 700 is not in 200..599"},
        {"set gap=5", "line 1: gap: bad value \"5\""},
        {"set a: 5", "line 1: \":\" is out of place"},
        {"set html=yes", "line 1: html: bad value \"yes\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scenario *s = NULL;
        struct err e = ERR_INIT;
        assert_int_not_equal(scenario_parse(str_of(rows[i].text), &s, &e), ERR_OK);
        assert_null(s);
        assert_string_equal(e.text, rows[i].want);
    }
}

static void a_model_s_bad_word_is_an_error(void **state)
{
    (void)state;
    struct scenario *s = parse("");
    struct plan_facts f = any;
    struct plan p;
    struct arena a;
    struct err e = ERR_INIT;
    int line;
    f.model = STR("sim:cut=x");
    arena_init(&a, 1 << 16);
    assert_int_equal(scenario_plan(s, &f, &a, &p, &line, &e), ERR_SYNTAX);
    assert_string_equal(e.text, "model sim:cut=x: cut: bad value \"x\"");
    arena_release(&a);
    scenario_free(&s);
}

static void a_model_s_words_can_wear_off(void **state)
{
    (void)state;
    struct scenario *s = parse("");
    struct plan_facts f = any;
    struct plan p;
    for (int i = 0; i < 4; i++) {
        f.model = STR("a-sim:times=2,429");
        decide(s, &f, &p);
        assert_int_equal(p.status, i < 2 ? 429 : 0);
    }
    f.model = STR("b-sim:times=2,429");
    decide(s, &f, &p);
    assert_int_equal(p.status, 429);
    scenario_free(&s);
}

static void a_status_means_its_common_error(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int openai, anthropic;
        const char *openai_code, *anthropic_type;
    } rows[] = {
        {"429", 429, 429, "rate_limit_exceeded", "rate_limit_error"},
        {"error=overloaded", 503, 529, "server_is_overloaded", "overloaded_error"},
        {"error=quota", 429, 429, "insufficient_quota", "rate_limit_error"},
        {"400", 400, 400, "invalid_value", "invalid_request_error"},
        {"401", 401, 401, "invalid_api_key", "authentication_error"},
        {"418", 418, 418, NULL, "invalid_request_error"}, /* no row: the number speaks */
        {"429 code=mine type=own", 429, 429, "mine", "own"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        struct plan p;
        struct fault o, a;
        snprintf(text, sizeof text, "set %s", rows[i].words);
        struct scenario *s = parse(text);
        decide(s, &any, &p);
        fault_of_plan(&p, &sim_openai, &o);
        fault_of_plan(&p, &sim_anthropic, &a);
        assert_int_equal(o.status, rows[i].openai);
        assert_int_equal(a.status, rows[i].anthropic);
        if (rows[i].openai_code == NULL)
            assert_null(o.code);
        else
            assert_string_equal(o.code, rows[i].openai_code);
        assert_string_equal(a.type, rows[i].anthropic_type);
        scenario_free(&s);
    }
}

static void texts_are_the_seed_s(void **state)
{
    (void)state;
    struct buf a = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
    text_lorem(&a, 1, 200);
    text_lorem(&b, 1, 200);
    assert_string_equal(a.data, b.data);
    assert_true(str_is_utf8(buf_str(&a)));
    assert_int_equal(text_count(buf_str(&a)), 200);
    assert_int_equal(text_count(text_first(buf_str(&a), 7)), 7);
    buf_reset(&b);
    text_lorem(&b, 2, 200);
    assert_string_not_equal(a.data, b.data);
    buf_release(&a);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_scenario_answers_plainly),
        cmocka_unit_test(words_fill_the_plan),
        cmocka_unit_test(later_words_overrule_and_presets_stay),
        cmocka_unit_test(the_first_rule_that_matches_acts),
        cmocka_unit_test(nth_counts_what_met_the_other_terms),
        cmocka_unit_test(a_bucket_lets_its_rate_through),
        cmocka_unit_test(a_window_flaps_by_the_clock),
        cmocka_unit_test(chance_is_the_seed_s),
        cmocka_unit_test(mistakes_are_named_by_line),
        cmocka_unit_test(a_model_s_bad_word_is_an_error),
        cmocka_unit_test(a_model_s_words_can_wear_off),
        cmocka_unit_test(a_status_means_its_common_error),
        cmocka_unit_test(texts_are_the_seed_s),
    };
    return cmocka_run_group_tests_name("sim_scenario", tests, NULL, NULL);
}
