/* test_router.c: which targets serve a request, in which order, and every reason not to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

#include "tests/unit/router_bench.h"

#include <cmocka.h>

enum { S = US_PER_S };

static const char config[] =
    "[provider \"one\"]\n kind = openai\n base-url = http://one.example/v1\n key-env = "
    "K\n"
    "[provider \"two\"]\n kind = openai\n base-url = http://two.example/v1\n key-env = "
    "K\n"
    "[provider \"near\"]\n kind = openai\n base-url = http://127.0.0.1/v1\n key-env = K\n"
    "[model \"one/m\"]\n cannot = tools vision\n context = 1000\n max-output = 200\n"
    "[price \"one/m\"]\n input = 1\n output = 2\n"
    "[price \"two/m\"]\n input = 10\n output = 20\n"
    "[route \"r\"]\n target = one/m\n target = two/m weight=3\n target = near/m\n"
    "[route \"when\"]\n target = one/m when tokens > 500\n target = two/m\n"
    "[route \"odd\"]\n target = two/unpriced\n target = old/old\n"
    "[provider \"claude\"]\n kind = anthropic\n key-env = K\n"
    "[route \"vectors\"]\n target = old/chatty\n target = old/vec\n target = claude/x\n"
    "[provider \"old\"]\n kind = openai\n base-url = http://old.example/v1\n key-env = "
    "K\n";

static const char tsv[] =
    "date\t2026-11-25\n"
    "source\ttest\tpage\t2026\there\n"
    "rule\told\t-\tinside\tinside\tinside\t-\t-\t-\t-\n"
    "model\told\tchatty\t-\tchat\tactive\t-\t-\ttools\t-\tpriced\t-"
    "\ttest\t-\t-\t-\t-\n"
    "model\told\told\t-\tchat\tretired\t-\t-\ttools\t-\tpriced\t-\t"
    "test\t-\t-\t-\t-\n"
    "price\told\told\t-\t-\tunknown\tinput=1 output=1\ttest\t-\n"
    "model\told\tvec\t-\tembedding\tactive\t1000\t-\t-tools\t-\tpriced"
    "\t-\ttest\t-\t-\t-\t-\n";

static int set_up(void **state)
{
    *state = bench_open(config, tsv);
    return 0;
}

static int tear_down(void **state)
{
    bench_close(*state);
    return 0;
}

/* Costs are found when a cap needs them, or people. */
static void explain(struct bench *b)
{
    router_explain(&b->facts, b->route->targets, b->views, b->catalog, b->conf, &b->d);
}

static void decide(struct bench *b, const char *route)
{
    b->route = conf_route(b->conf, str_of(route));
    assert_non_null(b->route);
    b->d.items = b->items;
    b->rules.strategy = b->route->strategy;
    router_decide(&b->facts, &b->rules, b->route->targets, b->views, b->route->n_targets,
                  b->catalog, b->conf, &b->d);
    assert_int_equal(b->d.n, b->route->n_targets);
}

/* Route "r", by another strategy than its own. */
static void decide_by(struct bench *b, enum conf_strategy strategy)
{
    b->route = conf_route(b->conf, STR("r"));
    b->rules.strategy = strategy;
    b->d.items = b->items;
    router_decide(&b->facts, &b->rules, b->route->targets, b->views, b->route->n_targets,
                  b->catalog, b->conf, &b->d);
}

/* "one two near": the providers, best first. */
static const char *order_of(const struct bench *b, char out[64])
{
    size_t len = 0;
    for (size_t i = 0; i < b->d.n; i++)
        len += (size_t)snprintf(out + len, 64 - len, "%s%s", i > 0 ? " " : "",
                                b->route->targets[b->items[i].target].provider);
    return out;
}

/* ---- order ---- */

static void the_order_is_the_routes_own(void **state)
{
    struct bench *b = *state;
    char order[64];
    decide(b, "r");
    assert_string_equal(order_of(b, order), "one two near");
    assert_int_equal(b->d.n_usable, 3);
    assert_int_equal(b->items[0].verdict, VERDICT_CHOSEN);
    assert_int_equal(b->items[1].verdict, VERDICT_STANDBY);
    assert_int_equal(b->items[2].verdict, VERDICT_STANDBY);
}

static void who_comes_later_comes_by_his_wait(void **state)
{
    struct bench *b = *state;
    char order[64];
    b->views[0].fits_in_us = 9 * S;
    b->views[1].fits_in_us = 2 * S;
    decide(b, "r");
    assert_string_equal(order_of(b, order), "near two one");
    assert_int_equal(b->d.n_usable, 1);
    b->views[2].drained = true;
    decide(b, "r");
    assert_string_equal(order_of(b, order), "two one near");
    assert_int_equal(b->d.n_usable, 0);
    assert_int_equal(b->items[0].wait_us, 2 * S);
}

static void a_draw_follows_its_seed_and_the_weights(void **state)
{
    struct bench *b = *state;
    enum { DRAWS = 5000 };
    unsigned n_first[3] = {0};
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        char order[64], again[64];
        b->facts.seed = seed;
        for (int i = 0; i < 2; i++) {
            decide_by(b, CONF_WEIGHTED);
            order_of(b, i == 0 ? order : again);
        }
        assert_string_equal(order, again);
        assert_int_equal(b->items[0].target + b->items[1].target + b->items[2].target, 3);
        assert_int_equal(b->items[0].verdict, VERDICT_CHOSEN);
        n_first[b->items[0].target]++;
    }
    /* 1 : 3 : 1; five standard deviations are 150 */
    assert_in_range(n_first[0], DRAWS / 5 - 150, DRAWS / 5 + 150);
    assert_in_range(n_first[1], DRAWS * 3 / 5 - 175, DRAWS * 3 / 5 + 175);
}

static void a_weight_that_is_steered_takes_the_place_of_the_configured(void **state)
{
    struct bench *b = *state;
    enum { DRAWS = 2000 };
    unsigned n_first[3] = {0};
    b->views[0].weight = 46; /* 46 : 3 : 1 */
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        b->facts.seed = seed;
        decide_by(b, CONF_WEIGHTED);
        n_first[b->items[0].target]++;
    }
    /* five standard deviations are 61 */
    assert_in_range(n_first[0], DRAWS * 46 / 50 - 61, DRAWS * 46 / 50 + 61);
}

static void who_is_out_takes_part_in_no_draw(void **state)
{
    struct bench *b = *state;
    b->views[1].drained = true;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        b->facts.seed = seed;
        decide_by(b, CONF_WEIGHTED);
        assert_int_equal(b->items[2].target, 1);
    }
}

/* ---- conditions, pins, probes ---- */

static void a_condition_opens_its_target(void **state)
{
    struct bench *b = *state;
    char order[64];
    decide(b, "when");
    assert_string_equal(order_of(b, order), "two one");
    assert_string_equal(b->items[1].why, "not when tokens > 500");
    b->facts.input_tok = 501;
    decide(b, "when");
    assert_string_equal(order_of(b, order), "one two");
    assert_int_equal(b->d.n_usable, 2);
}

static void a_pin_puts_all_others_out(void **state)
{
    struct bench *b = *state;
    char order[64];
    b->views[2].pinned = true;
    decide(b, "r");
    assert_string_equal(order_of(b, order), "near one two");
    assert_int_equal(b->d.n_usable, 1);
    assert_int_equal(b->items[1].skip, SKIP_NOT_PINNED);
    b->views[2].drained = true; /* a pin is no cure */
    decide(b, "r");
    assert_int_equal(b->d.n_usable, 0);
}

static void without_fallbacks_the_first_stands_alone(void **state)
{
    struct bench *b = *state;
    char order[64];
    b->facts.no_fallback = true;
    decide(b, "r");
    assert_string_equal(order_of(b, order), "one two near");
    assert_int_equal(b->d.n_usable, 1);
    assert_int_equal(b->items[0].verdict, VERDICT_CHOSEN);
    assert_int_equal(b->items[1].skip, SKIP_NO_FALLBACK);
    assert_string_equal(b->items[2].why, "no fallback is wanted");
    b->views[0].drained = true; /* the first that can be asked */
    decide(b, "r");
    assert_string_equal(order_of(b, order), "two near one");
    assert_int_equal(b->d.n_usable, 1);
}

static void a_half_open_breaker_lets_its_probe_through(void **state)
{
    struct bench *b = *state;
    b->views[0].breaker_open = b->views[0].half_open = true;
    decide(b, "r");
    assert_int_equal(b->d.n_usable, 3);
    explain(b);
    assert_non_null(strstr(b->items[0].why, "half-open, this is the probe"));
}

/* ---- reasons ---- */

struct reason {
    const char *route;
    size_t target;
    struct route_facts facts; /* what is not 0 replaces the bench's */
    struct target_view view;  /* of that target; has_key turned round: true is none */
    enum verdict verdict;
    enum skip skip;
    enum errc class;
    const char *why;
};

static void every_reason_has_its_word_and_its_class(void **state)
{
    struct bench *b = *state;
    /* clang-format off */
    static const struct reason rows[] = {
        {"when", 0, {.input_tok = 0}, {.has_key = false},
         VERDICT_SKIPPED, SKIP_CONDITION, ERR_REFUSED, "not when tokens > 500"},
        {"r", 0, {.needs = CAP_VISION}, {.has_key = false},
         VERDICT_SKIPPED, SKIP_CAPABILITY, ERR_INVALID, "cannot do vision"},
        {"r", 0, {.input_tok = 900, .max_output_tok = 101}, {.has_key = false},
         VERDICT_SKIPPED, SKIP_CONTEXT, ERR_CONTEXT, "needs ~1,001 tokens, window is 1,000"},
        {"r", 0, {.max_cost_pico = 1}, {.has_key = false},
         VERDICT_SKIPPED, SKIP_MAX_COST, ERR_REFUSED, "could cost $0.00050, cap is"},
        {"odd", 0, {.max_cost_pico = PICO_PER_USD}, {.has_key = false},
         VERDICT_SKIPPED, SKIP_UNPRICED, ERR_REFUSED, "price unknown, and there is a cost cap"},
        {"odd", 1, {.input_tok = 0}, {.has_key = false},
         VERDICT_SKIPPED, SKIP_RETIRED, ERR_NOT_FOUND, "retired by its provider"},
        {"r", 0, {.is_offline = true}, {.has_key = false},
         VERDICT_SKIPPED, SKIP_OFFLINE, ERR_REFUSED, "offline, and it is not on this machine"},
        {"r", 0, {.input_tok = 0}, {.drained = true},
         VERDICT_SKIPPED, SKIP_DRAINED, ERR_OVERLOADED, "drained"},
        {"r", 0, {.input_tok = 0}, {.has_key = true},
         VERDICT_SKIPPED, SKIP_NO_KEY, ERR_UPSTREAM_AUTH, "no key"},
        {"r", 0, {.input_tok = 0},
         {.key_benched_us = 60 * S, .key_class = ERR_QUOTA, .key_id = "one#1"},
         VERDICT_LATER, SKIP_NO_KEY, ERR_QUOTA,
         "key one#1 has used up its quota, retry in 1m"},
        {"r", 0, {.input_tok = 0},
         {.key_benched_us = 60 * S, .key_class = ERR_UPSTREAM_AUTH, .key_id = "one#1"},
         VERDICT_LATER, SKIP_NO_KEY, ERR_UPSTREAM_AUTH,
         "key one#1 was not accepted, retry in 1m"},
        {"r", 0, {.input_tok = 0},
         {.breaker_open = true, .breaker_retry_us = 41 * S, .breaker_why = "5×529 in 60s"},
         VERDICT_LATER, SKIP_BREAKER, ERR_OVERLOADED,
         "circuit open: 5×529 in 60s, retry in 41"},
        {"r", 0, {.input_tok = 0},
         {.breaker_open = true, .breaker_retry_us = 41 * S, .is_quota = true},
         VERDICT_LATER, SKIP_BREAKER, ERR_QUOTA, "circuit open"},
        {"r", 0, {.input_tok = 0}, {.fits_in_us = 5 * S, .limit_name = "all requests"},
         VERDICT_LATER, SKIP_LIMIT, ERR_RATE_LIMIT, "no room: all requests, fits in 5"},
        {"r", 0, {.input_tok = 0}, {.fits_in_us = -1, .limit_name = "all tokens"},
         VERDICT_SKIPPED, SKIP_NEVER_FITS, ERR_REFUSED, "never fits: all tokens"},
        {"r", 0, {.input_tok = 0},
         {.fits_in_us = 5 * S, .limit_name = "budget daily", .is_spent = true},
         VERDICT_SKIPPED, SKIP_BUDGET, ERR_REFUSED,
         "budget daily is used up, next one in 5"},
    };
    /* clang-format on */
    const struct route_facts plain = b->facts;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct reason *r = &rows[i];
        b->facts = plain;
        b->facts.needs = r->facts.needs;
        b->facts.is_offline = r->facts.is_offline;
        if (r->facts.input_tok != 0)
            b->facts.input_tok = r->facts.input_tok;
        if (r->facts.max_output_tok != 0)
            b->facts.max_output_tok = r->facts.max_output_tok;
        if (r->facts.max_cost_pico != 0)
            b->facts.max_cost_pico = r->facts.max_cost_pico;
        b->views[r->target] = r->view;
        b->views[r->target].has_key = !r->view.has_key;
        decide(b, r->route);
        b->views[r->target] = (struct target_view){.has_key = true};
        const struct candidate *c = b->items;
        while (c->target != r->target)
            c++;
        if (c->skip != r->skip || strncmp(c->why, r->why, strlen(r->why)) != 0)
            fail_msg("%s: %s", skip_name(r->skip), c->why);
        assert_int_equal(c->verdict, r->verdict);
        assert_int_equal(c->class, r->class);
    }
}

static void costs_are_bounds(void **state)
{
    struct bench *b = *state;
    decide(b, "r");
    explain(b);
    /* 100 tokens in at a dollar a million, at most 200 out at two */
    assert_int_equal(b->items[0].min_pico, 100 * (PICO_PER_USD / 1000000));
    assert_int_equal(b->items[0].max_pico, 500 * (PICO_PER_USD / 1000000));
    assert_int_equal(b->items[1].max_pico,
                     PICO_UNKNOWN); /* nobody knows how long it is */
    b->facts.max_output_tok = 50;
    b->facts.n_choices = 2;
    decide(b, "r");
    explain(b);
    assert_int_equal(b->items[0].max_pico, 300 * (PICO_PER_USD / 1000000));
    assert_int_equal(b->items[1].max_pico, 3000 * (PICO_PER_USD / 1000000));
}

/* What the money buys, and not what the model could say, is held against the cap. */
static void a_cap_of_ours_bounds_the_cost(void **state)
{
    struct bench *b = *state;
    b->facts.max_cost_pico = 200 * (PICO_PER_USD / 1000000);
    decide(b, "r");
    assert_int_equal(b->items[0].skip, SKIP_MAX_COST);
    assert_int_equal(b->d.n_usable, 0);
    b->views[0].our_cap_tok = 50;
    decide(b, "r");
    assert_int_equal(b->items[0].target, 0);
    assert_int_equal(b->items[0].verdict, VERDICT_CHOSEN);
    explain(b);
    assert_non_null(strstr(b->items[0].why, "≤50 out (all that the money buys)"));
}

static void embeddings_are_asked_of_who_makes_them(void **state)
{
    struct bench *b = *state;
    char order[64];
    b->facts.needs = CAP_EMBEDDING;
    decide(b, "vectors");
    assert_int_equal(b->d.n_usable, 1);
    assert_string_equal(b->route->targets[b->items[0].target].model, "vec");
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(b->items[i].skip, SKIP_CAPABILITY);
        assert_int_equal(b->items[i].lacks, CAP_EMBEDDING);
        assert_int_equal(b->items[i].class, ERR_INVALID);
        assert_string_equal(b->items[i].why, "cannot do embeddings");
    }
    b->facts.needs = 0;
    decide(b, "vectors");
    assert_string_equal(order_of(b, order), "old claude old");
    assert_string_equal(b->route->targets[b->items[2].target].model, "vec");
    assert_int_equal(b->items[2].skip, SKIP_MODE);
    assert_int_equal(b->items[2].class, ERR_INVALID);
    assert_string_equal(skip_name(b->items[2].skip), "mode");
}

static void inputs_need_not_fit_the_window_together(void **state)
{
    struct bench *b = *state;
    b->facts.needs = CAP_EMBEDDING;
    b->facts.input_tok = 5000;
    b->facts.longest_tok = 1000;
    b->facts.max_output_tok = 0;
    decide(b, "vectors");
    assert_int_equal(b->d.n_usable, 1);
    b->facts.longest_tok = 1001;
    decide(b, "vectors");
    assert_int_equal(b->d.n_usable, 0);
    assert_int_equal(b->items[1].skip, SKIP_CONTEXT);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_order_is_the_routes_own),
        CASE(who_comes_later_comes_by_his_wait),
        CASE(a_draw_follows_its_seed_and_the_weights),
        CASE(a_weight_that_is_steered_takes_the_place_of_the_configured),
        CASE(who_is_out_takes_part_in_no_draw),
        CASE(a_condition_opens_its_target),
        CASE(a_pin_puts_all_others_out),
        CASE(without_fallbacks_the_first_stands_alone),
        CASE(a_half_open_breaker_lets_its_probe_through),
        CASE(every_reason_has_its_word_and_its_class),
        CASE(costs_are_bounds),
        CASE(a_cap_of_ours_bounds_the_cost),
        cmocka_unit_test_setup_teardown(embeddings_are_asked_of_who_makes_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(inputs_need_not_fit_the_window_together, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
