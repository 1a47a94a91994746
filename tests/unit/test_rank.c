/* test_rank.c: in which order a route's strategy asks those who may serve a request, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

#include "tests/unit/router_bench.h"

#include <cmocka.h>

enum { MS = US_PER_MS, PPM = 1000000 };
#define UUSD (PICO_PER_USD / 1000000) /* a millionth of a dollar: a token at $1/M */

/* All but "free" are asked over the network, "odd" without any price. */
static const char config[] =
    "[provider \"a\"]\n kind = openai\n base-url = http://a.example/v1\n key-env = K\n"
    "[provider \"b\"]\n kind = openai\n base-url = http://b.example/v1\n key-env = K\n"
    "[provider \"c\"]\n kind = openai\n base-url = http://c.example/v1\n key-env = K\n"
    "[provider \"free\"]\n kind = ollama\n"
    "[price \"a/m\"]\n input = 10\n output = 10\n cache-read = 1\n"
    "[price \"b/m\"]\n input = 1\n output = 30\n"
    "[price \"c/m\"]\n input = 10\n output = 10\n"
    "[model \"b/m\"]\n max-output = 1000\n"
    "[route \"r\"]\n target = a/m\n target = b/m\n target = c/m\n"
    "[route \"odd\"]\n target = a/unpriced\n target = b/m\n target = c/unpriced\n"
    " target = free/m\n";

static int set_up(void **state)
{
    *state = bench_open(config, "date\t2026-11-25\n");
    return 0;
}

static int tear_down(void **state)
{
    bench_close(*state);
    return 0;
}

/* Places in the configuration from 0, first asked first: "201"; those not usable in brackets. */
static const char *decide(struct bench *b, const char *route, enum conf_strategy strategy)
{
    static char order[2 * TARGETS + 3];
    size_t len = 0;
    b->route = conf_route(b->conf, str_of(route));
    assert_non_null(b->route);
    b->rules.strategy = strategy;
    b->d.items = b->items;
    router_decide(&b->facts, &b->rules, b->route->targets, b->views, b->route->n_targets,
                  b->catalog, b->conf, &b->d);
    for (size_t i = 0; i < b->d.n; i++)
        len += (size_t)snprintf(order + len, sizeof order - len, "%s%zu",
                                i == b->d.n_usable ? "|" : "", b->items[i].target);
    assert_int_equal(b->items[0].verdict,
                     b->d.n_usable > 0 ? VERDICT_CHOSEN : VERDICT_SKIPPED);
    return order;
}

/* Why the candidate of that place in the configuration stands where it stands. */
static const char *rank_of(const struct bench *b, size_t target)
{
    for (size_t i = 0; i < b->d.n; i++)
        if (b->items[i].target == target)
            return b->items[i].rank;
    fail();
    return "";
}

/* ---- cheapest ---- */

static void the_cheapest_is_so_for_this_request(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < 3; i++)
        b->views[i].output_tok = 20;
    /* 100 in, 20 out: 1200, 700, 1200 */
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "102");
    assert_string_equal(rank_of(b, 0), "expected $0.0012");
    assert_string_equal(rank_of(b, 1), "expected $0.00070");
    assert_int_equal(router_expected(&b->facts, &b->route->targets[1], &b->views[1],
                                     b->catalog, b->conf),
                     700 * UUSD);
    /* … 100 out: 2000, 3100, 2000; equal ones in their order */
    for (size_t i = 0; i < 3; i++)
        b->views[i].output_tok = 100;
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "021");
    /* one choice more doubles the output */
    for (size_t i = 0; i < 3; i++)
        b->views[i].output_tok = 30;
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "102");
    b->facts.n_choices = 2;
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "021");
}

static void each_counts_by_its_own_tokens_caches_and_caps(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < 3; i++)
        b->views[i].output_tok = 1;
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "102");
    /* 2000 tokens there are 1000 here */
    b->views[1].input_tok = 2000;
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "021");
    b->views[2].input_tok = 99;
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "201");
    /* a prompt cache: 90 of 100 at a tenth, 1 out */
    b->views[0].cached_tok = 90;
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "021");
    assert_string_equal(rank_of(b, 0), "expected $0.00020, ~90 tokens cached");
    b->views[0].cached_tok = 5000; /* no more than there is */
    assert_string_equal(decide(b, "r", CONF_CHEAPEST), "021");
    assert_string_equal(rank_of(b, 0), "expected $0.00011, ~5,000 tokens cached");
    /* what may not be said costs nothing: the client's cap, and the model's own */
    b->views[0] = b->views[1] = b->views[2] = (struct target_view){.has_key = true};
    b->views[0].output_tok = b->views[1].output_tok = b->views[2].output_tok = 1000000;
    decide(b, "r", CONF_CHEAPEST);
    assert_string_equal(rank_of(b, 1), "expected $0.030"); /* 100 + 1000 × 30 */
    b->facts.max_output_tok = 10;
    decide(b, "r", CONF_CHEAPEST);
    assert_string_equal(rank_of(b, 1), "expected $0.00040");
    b->views[1].our_cap_tok = 5;
    decide(b, "r", CONF_CHEAPEST);
    assert_string_equal(rank_of(b, 1), "expected $0.00025");
}

static void an_unknown_price_is_never_the_least(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < TARGETS; i++)
        b->views[i].output_tok = 1000;
    /* the local one costs nothing, which is known; the two unpriced ones in their order */
    assert_string_equal(decide(b, "odd", CONF_CHEAPEST), "3102");
    assert_string_equal(rank_of(b, 3), "expected $0.00");
    assert_string_equal(rank_of(b, 0), "price unknown, ranks last");
    b->views[3].drained = b->views[1].drained = true;
    assert_string_equal(decide(b, "odd", CONF_CHEAPEST), "02|13");
}

/* ---- fastest ---- */

static void the_fastest_ends_first(void **state)
{
    struct bench *b = *state;
    b->views[0].last_token_us = 1200 * MS;
    b->views[1].last_token_us = 300 * MS;
    b->views[2].last_token_us = 1200 * MS;
    assert_string_equal(decide(b, "r", CONF_FASTEST), "102");
    assert_string_equal(rank_of(b, 0), "~1.2s");
    assert_string_equal(rank_of(b, 1), "~300ms");
}

static void an_unknown_speed_is_never_the_best(void **state)
{
    struct bench *b = *state;
    b->views[2].last_token_us = 3600 * (int64_t)US_PER_S;
    assert_string_equal(decide(b, "r", CONF_FASTEST), "201");
    assert_string_equal(rank_of(b, 0), "speed unknown, ranks last");
    b->views[2].last_token_us = 0;
    assert_string_equal(decide(b, "r", CONF_FASTEST), "012");
}

/* Draws of 4000 seeds; how often each place came first. */
static void draw(struct bench *b, enum conf_strategy strategy, unsigned n_first[TARGETS])
{
    memset(n_first, 0, TARGETS * sizeof *n_first);
    for (b->facts.seed = 1; b->facts.seed <= 4000; b->facts.seed++) {
        char order[16];
        snprintf(order, sizeof order, "%s", decide(b, "r", strategy));
        assert_string_equal(order, decide(b, "r", strategy)); /* by the seed alone */
        n_first[b->items[0].target]++;
    }
}

static void a_declared_share_learns_what_is_not_known(void **state)
{
    struct bench *b = *state;
    unsigned n[TARGETS];
    b->views[1].last_token_us = 300 * MS;
    draw(b, CONF_FASTEST, n);
    assert_int_equal(n[1], 4000); /* none, unless it is said */
    b->rules.explore_ppm = PPM / 10;
    draw(b, CONF_FASTEST, n);
    /* a tenth, half of it each: 200; five standard deviations are 69 */
    assert_in_range(n[0], 131, 269);
    assert_in_range(n[2], 131, 269);
    /* what was measured long ago is learned anew, what is new is not */
    b->views[0].last_token_us = b->views[2].last_token_us = 900 * MS;
    b->views[2].is_speed_old = true;
    draw(b, CONF_FASTEST, n);
    assert_int_equal(n[0], 0);
    assert_in_range(n[2], 400 - 95, 400 + 95);
    b->rules.explore_ppm = PPM;
    assert_string_equal(decide(b, "r", CONF_FASTEST), "210");
    assert_string_equal(rank_of(b, 2), "speed not measured lately, asked to learn it");
    b->views[2].last_token_us = 0;
    assert_string_equal(decide(b, "r", CONF_FASTEST), "210");
    assert_string_equal(rank_of(b, 2), "speed unknown, asked to learn it");
    /* who cannot be asked is not asked to learn it */
    b->views[2].drained = true;
    assert_string_equal(decide(b, "r", CONF_FASTEST), "10|2");
}

/* ---- least-busy ---- */

static void the_least_busy_has_the_fewest_in_flight(void **state)
{
    struct bench *b = *state;
    assert_string_equal(decide(b, "r", CONF_LEAST_BUSY), "012");
    b->views[0].in_flight = 3;
    b->views[1].in_flight = 2;
    b->views[2].in_flight = 2;
    assert_string_equal(decide(b, "r", CONF_LEAST_BUSY), "120");
    assert_string_equal(rank_of(b, 0), "3 in flight");
}

/* ---- sticky ---- */

static void a_prefix_goes_to_one_target_and_all_share_them(void **state)
{
    struct bench *b = *state;
    unsigned n[TARGETS] = {0}, n_moved = 0;
    for (b->facts.prefix = 1; b->facts.prefix <= 3000; b->facts.prefix++) {
        char order[16], without[4] = "";
        b->facts.seed = b->facts.prefix;
        snprintf(order, sizeof order, "%s", decide(b, "r", CONF_STICKY));
        b->facts.seed = 7; /* is no matter of chance */
        assert_string_equal(decide(b, "r", CONF_STICKY), order);
        n[order[0] - '0']++;
        /* whose target is not that one stays, the others go to who would be next */
        b->views[1].drained = true;
        for (size_t i = 0, len = 0; i < 3; i++)
            if (order[i] != '1')
                without[len++] = order[i];
        assert_memory_equal(decide(b, "r", CONF_STICKY), without, 2);
        n_moved += b->items[0].target != (size_t)(order[0] - '0');
        b->views[1].drained = false;
    }
    /* a third each; five standard deviations are 129 */
    for (size_t i = 0; i < 3; i++)
        assert_in_range(n[i], 1000 - 129, 1000 + 129);
    assert_int_equal(n_moved, n[1]);
    assert_string_equal(rank_of(b, 0), "by hash of the prompt");
    b->facts.is_conversation = true;
    decide(b, "r", CONF_STICKY);
    assert_string_equal(rank_of(b, 0), "by hash of the conversation");
}

/* Another prefix, until it goes there first. */
static void find_prefix(struct bench *b, const char *route, char first)
{
    b->facts.prefix = 1;
    while (decide(b, route, CONF_STICKY)[0] != first)
        b->facts.prefix++;
}

static void who_served_it_last_keeps_it_while_that_is_worth_it(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < 3; i++)
        b->views[i].output_tok = 10;
    /* 1100, 400, 1100 */
    find_prefix(b, "r", '2');
    b->views[0].kept_us = 90 * (int64_t)US_PER_S;
    assert_int_equal(decide(b, "r", CONF_STICKY)[0], '0');
    assert_int_equal(b->items[1].target, 2); /* the others as they were */
    assert_string_equal(rank_of(b, 0), "served it last, its cache lives 1m30s");
    b->views[0].kept_us = 0;
    find_prefix(b, "r", '1');
    b->views[0].kept_us = 90 * (int64_t)US_PER_S;
    assert_int_equal(decide(b, "r", CONF_STICKY)[0], '1');
    assert_string_equal(rank_of(b, 0),
                        "served it last, but costs more than a fresh start");
    b->views[0].cached_tok = 100; /* 200 */
    assert_int_equal(decide(b, "r", CONF_STICKY)[0], '0');
    b->views[0].drained = true; /* who is out keeps nothing */
    assert_int_equal(decide(b, "r", CONF_STICKY)[0], '1');
}

static void where_no_price_tells_it_is_kept(void **state)
{
    struct bench *b = *state;
    find_prefix(b, "odd", '1');
    b->views[0].kept_us = 1;
    assert_int_equal(decide(b, "odd", CONF_STICKY)[0], '0');
    b->views[0].kept_us = 0;
    find_prefix(b, "odd", '0');
    b->views[1].kept_us = 1;
    assert_int_equal(decide(b, "odd", CONF_STICKY)[0], '1');
}

/* ---- best ---- */

static void score(struct bench *b, size_t target, int64_t ppm, int64_t n)
{
    b->views[target].quality_ppm = ppm;
    b->views[target].n_scores = n;
}

static void the_best_is_the_cheapest_that_is_good_enough(void **state)
{
    struct bench *b = *state;
    b->rules.min_quality_ppm = 800000;
    for (size_t i = 0; i < 3; i++)
        b->views[i].output_tok = 20; /* 1200, 700, 1200 */
    score(b, 0, 900000, 41);
    score(b, 1, 800000, 5);
    score(b, 2, 1000000, 7);
    assert_string_equal(decide(b, "r", CONF_BEST), "102");
    assert_string_equal(rank_of(b, 1), "quality 0.80 of 5 scores, expected $0.00070");
    /* just below it, the price is no matter */
    score(b, 1, 799999, 5);
    assert_string_equal(decide(b, "r", CONF_BEST), "021");
    assert_string_equal(rank_of(b, 1), "quality 0.80 of 5 scores, below 0.80");
    /* the better ones of those that are not good enough */
    score(b, 0, 500000, 41);
    assert_string_equal(decide(b, "r", CONF_BEST), "210");
    score(b, 2, 400000, 41);
    assert_string_equal(decide(b, "r", CONF_BEST), "102");
    b->rules.min_quality_ppm = 0;
    assert_string_equal(decide(b, "r", CONF_BEST), "102");
    assert_string_equal(rank_of(b, 2), "quality 0.40 of 41 scores, expected $0.0012");
}

static void a_quality_that_is_not_known_is_never_the_best(void **state)
{
    struct bench *b = *state;
    b->rules.min_quality_ppm = 800000;
    for (size_t i = 0; i < TARGETS; i++)
        b->views[i].output_tok = 20;
    /* nothing is known of any: in order, whatever they cost */
    assert_string_equal(decide(b, "r", CONF_BEST), "012");
    assert_string_equal(rank_of(b, 1), "no quality scores, in order");
    /* behind who is good, before who is not */
    score(b, 2, 810000, 5);
    assert_string_equal(decide(b, "r", CONF_BEST), "201");
    score(b, 2, 100000, 5);
    assert_string_equal(decide(b, "r", CONF_BEST), "012");
    /* a few are none, for good or bad */
    score(b, 1, 1000000, 4);
    score(b, 0, 0, 1);
    assert_string_equal(decide(b, "r", CONF_BEST), "012");
    assert_string_equal(rank_of(b, 0), "quality 0.00 of 1 score, too few");
    assert_string_equal(rank_of(b, 1), "quality 1.00 of 4 scores, too few");
    score(b, 2, 810000, 5);
    assert_string_equal(decide(b, "r", CONF_BEST), "201");
    /* good, but nobody knows what it costs: behind who is good and known to cost so much */
    score(b, 0, 1000000, 5);
    score(b, 1, 810000, 5);
    score(b, 2, 0, 0);
    assert_string_equal(decide(b, "odd", CONF_BEST), "1023");
    assert_string_equal(rank_of(b, 0), "quality 1.00 of 5 scores, price unknown");
}

static void a_declared_share_asks_whose_quality_is_not_known(void **state)
{
    struct bench *b = *state;
    unsigned n[TARGETS];
    b->rules = (struct rank_rules){.explore_ppm = PPM / 10, .min_quality_ppm = 800000};
    draw(b, CONF_BEST, n);
    assert_int_equal(n[0], 4000); /* there is nothing to be better than */
    score(b, 0, 900000, 9);
    score(b, 2, 100000, 9);
    b->views[0].is_speed_old = true; /* is no matter here */
    draw(b, CONF_BEST, n);
    assert_in_range(n[1], 400 - 95, 400 + 95);
    assert_int_equal(n[2], 0);
    b->rules.explore_ppm = PPM;
    assert_string_equal(decide(b, "r", CONF_BEST), "102");
    assert_string_equal(rank_of(b, 1), "quality unknown, asked to learn it");
}

/* ---- with all else ---- */

static void who_is_out_has_no_rank(void **state)
{
    struct bench *b = *state;
    b->views[0].in_flight = 5;
    b->views[1].in_flight = 1;
    b->views[1].drained = true;
    assert_string_equal(decide(b, "r", CONF_LEAST_BUSY), "20|1");
    assert_string_equal(rank_of(b, 1), "");
    b->views[0].pinned = true; /* a pin is stronger than any strategy */
    assert_string_equal(decide(b, "r", CONF_LEAST_BUSY), "0|12");
    assert_string_equal(rank_of(b, 0), "5 in flight");
    b->views[0].pinned = false;
    b->facts.no_fallback = true; /* the first by rank stays */
    b->views[0].in_flight = 0;
    b->views[2].in_flight = 1;
    assert_string_equal(decide(b, "r", CONF_LEAST_BUSY), "0|21");
    b->facts.no_fallback = false;
    b->views[0].fits_in_us = 2 * US_PER_S; /* room first, then the strategy */
    assert_string_equal(decide(b, "r", CONF_LEAST_BUSY), "2|01");
}

static void a_fallback_of_the_clients_stays_behind(void **state)
{
    struct bench *b = *state;
    b->facts.n_own = 2;
    b->views[0].in_flight = 3;
    b->views[1].in_flight = 2;
    assert_string_equal(decide(b, "r", CONF_LEAST_BUSY), "102");
    assert_string_equal(rank_of(b, 2), "");
    for (b->facts.seed = 1; b->facts.seed < 100; b->facts.seed++) {
        decide(b, "r", CONF_WEIGHTED);
        assert_int_equal(b->items[2].target, 2);
    }
}

static void order_and_weight_have_no_reason_to_tell(void **state)
{
    struct bench *b = *state;
    assert_string_equal(decide(b, "r", CONF_ORDER), "012");
    assert_string_equal(rank_of(b, 0), "");
    decide(b, "r", CONF_WEIGHTED);
    assert_string_equal(rank_of(b, 0), "");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_cheapest_is_so_for_this_request),
        CASE(each_counts_by_its_own_tokens_caches_and_caps),
        CASE(an_unknown_price_is_never_the_least),
        CASE(the_fastest_ends_first),
        CASE(an_unknown_speed_is_never_the_best),
        CASE(a_declared_share_learns_what_is_not_known),
        CASE(the_least_busy_has_the_fewest_in_flight),
        CASE(a_prefix_goes_to_one_target_and_all_share_them),
        CASE(who_served_it_last_keeps_it_while_that_is_worth_it),
        CASE(where_no_price_tells_it_is_kept),
        CASE(the_best_is_the_cheapest_that_is_good_enough),
        CASE(a_quality_that_is_not_known_is_never_the_best),
        CASE(a_declared_share_asks_whose_quality_is_not_known),
        CASE(who_is_out_has_no_rank),
        CASE(a_fallback_of_the_clients_stays_behind),
        CASE(order_and_weight_have_no_reason_to_tell),
    };
    return cmocka_run_group_tests_name("rank", tests, NULL, NULL);
}
