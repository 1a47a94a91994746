/* test_limiter.c: admission over all buckets at once; budgets; what headers teach; reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/http1.h"
#include "core/jscan.h"

#include "broker/budget.h"
#include "broker/limiter.h"

#include <cmocka.h>

enum { S = US_PER_S };
static const int64_t mono = 5000 * (int64_t)S;
static const int64_t wall =
    1795575911 * (int64_t)S; /* 2026-11-25T03:05:11Z, a Wednesday */

static const struct http1_header tags[] = {{{"team", 4}, {"red", 3}}};
static const struct limit_scope scope = {
    .provider = {"openai", 6},
    .model = {"luna", 4},
    .client = {"ci", 2},
    .project = {"web", 3},
    .route = {"fast", 4},
    .tags = tags,
    .n_tags = 1,
};

static struct limiter *make(const struct conf *c)
{
    struct limiter *l = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(limiter_new(c, &l, &e), ERR_OK);
    return l;
}

static enum errc reserve(struct limiter *l, struct limit_cost cost,
                         struct limit_grant **ret, struct limit_refusal *why)
{
    struct err e = ERR_INIT;
    return limiter_reserve(l, &scope, &cost, mono, wall, ret, why, &e);
}

static void each_scope_meets_its_own_requests(void **state)
{
    (void)state;
    static const struct {
        const char *scope;
        bool applies;
    } rows[] = {
        {"all", true},
        {"target:openai/luna", true},
        {"target:openai/lun", false},
        {"provider:openai", true},
        {"provider:groq", false},
        {"client:ci", true},
        {"client:c", false},
        {"project:web", true},
        {"project:", false},
        {"route:fast", true},
        {"route:slow", false},
        {"tag:team=red", true},
        {"tag:team=blue", false},
        {"tag:team", true},
        {"tag:red", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf_limit limit = {.scope = rows[i].scope, .requests = {1, S}};
        struct conf c = {.limits = &limit, .n_limits = 1};
        struct limiter *l = make(&c);
        struct limit_grant *a = NULL, *b = NULL;
        struct limit_refusal why;
        assert_int_equal(reserve(l, (struct limit_cost){.requests = 1}, &a, &why),
                         ERR_OK);
        enum errc second = reserve(l, (struct limit_cost){.requests = 1}, &b, &why);
        assert_int_equal(second, rows[i].applies ? ERR_RATE_LIMIT : ERR_OK);
        if (rows[i].applies)
            assert_non_null(strstr(why.bucket, rows[i].scope));
        limiter_release(l, &a, mono, wall);
        limiter_release(l, &b, mono, wall);
        limiter_free(&l);
    }
}

static void admission_is_all_or_nothing(void **state)
{
    (void)state;
    struct conf_limit limits[] = {
        {.scope = "all", .input_tok = {1000, S}},
        {.scope = "client:ci", .total_tok = {100, S}},
    };
    struct conf c = {.limits = limits, .n_limits = 2};
    struct limiter *l = make(&c);
    struct limit_grant *g = NULL;
    struct limit_refusal why;
    struct limit_cost small = {.requests = 1, .input_tok = 60, .output_tok = 30};
    assert_int_equal(reserve(l, small, &g, &why), ERR_OK);
    struct limit_grant *none = NULL;
    for (int i = 0; i < 100; i++)
        assert_int_equal(reserve(l, small, &none, &why), ERR_RATE_LIMIT);
    assert_null(none);
    assert_string_equal(why.bucket, "client:ci tokens");
    assert_int_equal(why.fits_in_us, S * 8 / 10);
    assert_int_equal(limiter_n_grants(l), 1);
    /* the hundred that did not pass took nothing from the first bucket */
    limiter_release(l, &g, mono, wall);
    assert_int_equal(limiter_fits_in_us(l, &scope, &small, mono, wall, &why), 0);
    struct limit_cost huge = {.requests = 1, .input_tok = 101};
    assert_int_equal(reserve(l, huge, &g, &why), ERR_REFUSED);
    assert_int_equal(why.fits_in_us, -1);
    limiter_free(&l);
}

/* What money buys has no room for what nobody knows the price of, now or later. */
static void a_rate_of_money_never_fits_what_has_no_price(void **state)
{
    (void)state;
    struct conf_limit limit = {.scope = "all", .money = {1000, S}};
    struct conf c = {.limits = &limit, .n_limits = 1};
    struct limiter *l = make(&c);
    struct limit_grant *g = NULL;
    struct limit_refusal why;
    struct limit_cost cost = {.requests = 1, .money_pico = PICO_UNKNOWN};
    assert_int_equal(reserve(l, cost, &g, &why), ERR_REFUSED);
    assert_int_equal(why.fits_in_us, -1);
    assert_string_equal(why.bucket, "all money");
    limiter_free(&l);
}

static void the_longest_wait_is_told(void **state)
{
    (void)state;
    struct conf_limit limits[] = {
        {.scope = "client:ci", .requests = {1, S}},
        {.scope = "all", .requests = {1, 60 * S}},
        {.scope = "project:web", .requests = {1, 10 * S}},
    };
    struct conf c = {.limits = limits, .n_limits = ARRAY_LEN(limits)};
    struct limiter *l = make(&c);
    struct limit_grant *g = NULL, *none = NULL;
    struct limit_refusal why;
    const struct limit_cost one = {.requests = 1};
    assert_int_equal(reserve(l, one, &g, &why), ERR_OK);
    assert_int_equal(reserve(l, one, &none, &why), ERR_RATE_LIMIT);
    assert_int_equal(why.fits_in_us, 60 * S);
    assert_string_equal(why.bucket, "all requests");
    limiter_release(l, &g, mono, wall);
    limiter_free(&l);
}

static void requests_under_way_are_counted(void **state)
{
    (void)state;
    struct conf_limit limit = {.scope = "provider:openai", .concurrency = 2};
    struct conf c = {.limits = &limit, .n_limits = 1};
    struct limiter *l = make(&c);
    struct limit_grant *g[3] = {NULL};
    struct limit_refusal why;
    struct limit_cost one = {.requests = 1};
    assert_int_equal(reserve(l, one, &g[0], &why), ERR_OK);
    assert_int_equal(reserve(l, one, &g[1], &why), ERR_OK);
    assert_int_equal(reserve(l, one, &g[2], &why), ERR_RATE_LIMIT);
    limiter_settle(l, &g[0], &one, mono, wall);
    assert_int_equal(reserve(l, one, &g[2], &why), ERR_OK);
    limiter_release(l, &g[1], mono, wall);
    limiter_release(l, &g[2], mono, wall);
    assert_int_equal(limiter_n_grants(l), 0);
    limiter_free(&l);
}

static void a_hard_budget_refuses_before_sending(void **state)
{
    (void)state;
    struct conf_budget budget = {.name = "daily",
                                 .limit_pico = 1000,
                                 .per = CONF_PER_DAY,
                                 .warn_ppm = 800000,
                                 .hard = true,
                                 .project = "web",
                                 .tz = "UTC"};
    struct conf c = {.budgets = &budget, .n_budgets = 1};
    struct limiter *l = make(&c);
    struct limit_grant *g = NULL, *h = NULL;
    struct limit_refusal why;
    assert_int_equal(limiter_headroom(l, &scope, wall), 1000);
    assert_int_equal(reserve(l, (struct limit_cost){.money_pico = 900}, &g, &why),
                     ERR_OK);
    assert_int_equal(limiter_headroom(l, &scope, wall), 100);
    assert_int_equal(reserve(l, (struct limit_cost){.money_pico = 101}, &h, &why),
                     ERR_RATE_LIMIT);
    assert_false(why.is_spent);
    assert_string_equal(why.bucket, "budget daily");
    assert_in_range(why.fits_in_us, 1, S);
    limiter_settle(l, &g, &(struct limit_cost){.money_pico = 20}, mono, wall);
    assert_int_equal(reserve(l, (struct limit_cost){.money_pico = 981}, &h, &why),
                     ERR_REFUSED);
    assert_true(why.is_spent);
    assert_int_equal(why.fits_in_us, US_PER_DAY - wall % US_PER_DAY);
    assert_int_equal(limiter_headroom(l, &scope, wall), 980);
    assert_int_equal(
        reserve(l, (struct limit_cost){.money_pico = PICO_UNKNOWN}, &h, &why),
        ERR_REFUSED);
    assert_int_equal(why.fits_in_us, -1);
    assert_int_equal(reserve(l, (struct limit_cost){.money_pico = 1001}, &h, &why),
                     ERR_REFUSED);
    assert_int_equal(why.fits_in_us, -1);
    assert_int_equal(limiter_headroom(l, &scope, wall + US_PER_DAY), 1000);
    limiter_free(&l);
}

static void of_two_budgets_the_smaller_rest_counts(void **state)
{
    (void)state;
    struct conf_budget budgets[] = {
        {.name = "a", .limit_pico = 70, .per = CONF_PER_DAY, .hard = true, .tz = "UTC"},
        {.name = "b", .limit_pico = 90, .per = CONF_PER_DAY, .hard = true, .tz = "UTC"},
    };
    struct conf c = {.budgets = budgets, .n_budgets = 2};
    struct limiter *l = make(&c);
    struct limit_grant *g = NULL;
    struct limit_refusal why;
    assert_int_equal(limiter_headroom(l, &scope, wall), 70);
    /* what it cost is not known: it has spent nothing that could be counted */
    assert_int_equal(reserve(l, (struct limit_cost){.money_pico = 20}, &g, &why), ERR_OK);
    limiter_settle(l, &g, &(struct limit_cost){.money_pico = PICO_UNKNOWN}, mono, wall);
    assert_int_equal(limiter_headroom(l, &scope, wall), 70);
    limiter_free(&l);
    budgets[0].limit_pico = 110;
    l = make(&c);
    assert_int_equal(limiter_headroom(l, &scope, wall), 90);
    limiter_free(&l);
}

static void a_soft_budget_only_tells(void **state)
{
    (void)state;
    struct conf_budget budget = {.name = "b",
                                 .limit_pico = 10,
                                 .per = CONF_PER_MONTH,
                                 .warn_ppm = 800000,
                                 .tz = "UTC"};
    struct conf c = {.budgets = &budget, .n_budgets = 1};
    struct limiter *l = make(&c);
    struct limit_grant *g = NULL;
    struct limit_refusal why;
    assert_int_equal(limiter_headroom(l, &scope, wall), PICO_UNKNOWN);
    assert_int_equal(reserve(l, (struct limit_cost){.money_pico = 99}, &g, &why), ERR_OK);
    limiter_settle(l, &g, &(struct limit_cost){.money_pico = 8}, mono, wall);
    AUTO(buf_release) struct buf out = BUF_INIT(10000);
    limiter_write(l, mono, wall, &out);
    assert_non_null(strstr(out.data, "\"warn\":true"));
    assert_int_equal(
        reserve(l, (struct limit_cost){.money_pico = PICO_UNKNOWN}, &g, &why), ERR_OK);
    limiter_release(l, &g, mono, wall);
    limiter_free(&l);
}

static void the_past_fills_budgets_after_a_restart(void **state)
{
    (void)state;
    struct conf_budget budget = {
        .name = "b", .limit_pico = 100, .per = CONF_PER_DAY, .hard = true, .tz = "UTC"};
    struct conf c = {.budgets = &budget, .n_budgets = 1};
    struct limiter *l = make(&c);
    limiter_seed(l, &scope, 30, wall - US_PER_HOUR, wall);
    limiter_seed(l, &scope, 50, wall - US_PER_DAY, wall); /* yesterday */
    limiter_seed(l, &scope, PICO_UNKNOWN, wall, wall);
    assert_int_equal(limiter_headroom(l, &scope, wall), 70);
    limiter_free(&l);
}

static void a_budget_is_told_of_the_past_once(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct conf_budget budgets[] = {
        {.name = "a", .limit_pico = 100, .per = CONF_PER_DAY, .hard = true, .tz = "UTC"},
        {.name = "b", .limit_pico = 90, .per = CONF_PER_DAY, .hard = true, .tz = "UTC"},
    };
    struct conf c = {.budgets = budgets, .n_budgets = 1};
    struct limiter *l = make(&c);
    assert_false(limiter_is_seeded(l));
    limiter_seed(l, &scope, 30, wall, wall);
    limiter_seeded(l);
    assert_true(limiter_is_seeded(l));
    c.n_budgets = 2;
    assert_int_equal(limiter_reload(l, &c, &e), ERR_OK);
    assert_false(limiter_is_seeded(l));
    limiter_seed(l, &scope, 30, wall, wall);
    limiter_seeded(l);
    assert_int_equal(limiter_headroom(l, &scope, wall), 60); /* of b: a has 70 */
    budgets[1].provider = "nobody";                          /* counts other money now */
    assert_int_equal(limiter_reload(l, &c, &e), ERR_OK);
    assert_false(limiter_is_seeded(l));
    assert_int_equal(limiter_headroom(l, &scope, wall), 70);
    limiter_free(&l);
}

static void the_past_fills_rates_after_a_restart(void **state)
{
    (void)state;
    const struct limit_cost one = {.requests = 1, .input_tok = 30, .output_tok = 10};
    const struct limit_scope other = {.provider = STR("two"), .model = STR("m")};
    struct err e = ERR_INIT;
    struct limit_refusal why;
    struct limit_room rooms[LIMIT_ROOMS];
    struct conf_limit limits[] = {
        {.scope = "provider:openai", .requests = {4, 60 * US_PER_S}},
        {.scope = "all", .total_tok = {1000, US_PER_HOUR}},
    };
    struct conf c = {.limits = limits, .n_limits = 1};
    struct limiter *l = make(&c);
    assert_int_equal(limiter_memory_us(l), 120 * US_PER_S);
    for (int i = 4; i > 0; i--)
        limiter_seed_rates(l, &scope, &one, mono - i * 100);
    limiter_seed_rates(l, &other, &one, mono - 100); /* of another provider */
    limiter_seeded(l);
    assert_int_equal(limiter_memory_us(l), 0);
    limiter_seed_rates(l, &scope, &one, mono); /* too late: nothing is counted twice */
    /* four a minute are gone since the first of them, 400 µs ago */
    assert_int_equal(limiter_fits_in_us(l, &scope, &one, mono, wall, &why),
                     15 * US_PER_S - 400);
    c.n_limits = 2;
    assert_int_equal(limiter_reload(l, &c, &e), ERR_OK);
    assert_int_equal(limiter_memory_us(l), 2 * US_PER_HOUR);
    limiter_seed_rates(l, &scope, &one, mono);
    limiter_seed_rates(l, &other, &one, mono);
    limiter_seeded(l);
    limiter_rooms(l, &scope, mono - US_PER_MS, rooms);
    assert_int_equal(rooms[LIMIT_ROOM_TOKENS].left, 920);
    assert_int_equal(limiter_fits_in_us(l, &scope, &one, mono, wall, &why),
                     15 * US_PER_S - 400);
    /* a rate that its limit did not have before is a new one */
    limits[0].input_tok = (struct conf_rate){50, 60 * US_PER_S};
    assert_int_equal(limiter_reload(l, &c, &e), ERR_OK);
    assert_int_equal(limiter_memory_us(l), 120 * US_PER_S);
    limiter_seed_rates(l, &scope, &one, mono);
    limiter_seeded(l);
    limiter_rooms(l, &scope, mono - US_PER_MS, rooms);
    assert_int_equal(rooms[LIMIT_ROOM_INPUT].left, 20);
    assert_int_equal(rooms[LIMIT_ROOM_TOKENS].left, 920);
    limiter_free(&l);
}

static void headers_teach_until_they_reset(void **state)
{
    (void)state;
    struct conf c = {0};
    struct limiter *l = make(&c);
    struct limit_grant *g = NULL;
    struct limit_refusal why;
    struct ratelimit_row row = {.name = "tokens",
                                .gauge = RATELIMIT_TOKENS,
                                .limit = -1,
                                .left = 100,
                                .reset_us = 30 * S};
    learned_add(limiter_learned(l), &scope, &row, mono);
    const struct ratelimit_row other = {
        .name = "coffee", .gauge = RATELIMIT_OTHER, .left = 0, .reset_us = 30 * S};
    learned_add(limiter_learned(l), &scope, &other, mono);
    const struct ratelimit_row unbound = {
        .name = "req-minute", .gauge = RATELIMIT_REQUESTS, .left = 0, .reset_us = -1};
    learned_add(limiter_learned(l), &scope, &unbound, mono);
    struct limit_cost cost = {.requests = 1, .input_tok = 50, .output_tok = 20};
    assert_int_equal(reserve(l, cost, &g, &why), ERR_OK);
    limiter_settle(l, &g, &cost, mono, wall);
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, mono, wall, &why), 30 * S);
    assert_string_equal(why.bucket, "openai/luna tokens");
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, mono + 30 * S, wall, &why), 0);
    /* 30 of 130 left, 40 missing of the 100 that take 30 seconds */
    row.limit = 130;
    row.left = 30;
    learned_add(limiter_learned(l), &scope, &row, mono);
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, mono, wall, &why), 12 * S + 1);
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, mono + 13 * S, wall, &why), 0);
    struct limit_cost huge = {.requests = 1, .input_tok = 500};
    assert_int_equal(limiter_fits_in_us(l, &scope, &huge, mono, wall, &why), 30 * S);
    row.is_window = true;
    learned_add(limiter_learned(l), &scope, &row, mono);
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, mono, wall, &why), 30 * S);
    limiter_free(&l);
}

static bool recall(struct limiter *l, const struct limit_scope *s, const char *text)
{
    struct err e = ERR_INIT;
    AUTO(jx_put) struct json_object *rows = NULL;
    assert_int_equal(jx_parse(str_of(text), &rows, &e), ERR_OK);
    return learned_recall(limiter_learned(l), s, rows, mono, wall);
}

/* Whoever writes into the ledger, or damages it, holds nobody up for ever. */
static void what_a_ledger_says_is_not_believed_blindly(void **state)
{
    (void)state;
    struct conf c = {0};
    struct limiter *l = make(&c);
    const struct limit_cost cost = {.requests = 1};
    struct limit_refusal why;
    assert_false(recall(l, &scope, "[]"));
    assert_false(recall(l, &scope, "[1,null,\"x\",[],{}]"));
#define TOLD(until)                                                                      \
    "[{\"name\":\"requests\",\"gauge\":\"requests\",\"limit\":9,\"left\":0,"             \
    "\"at_us\":1795575910000000,\"until_us\":" until "}]"
    assert_false(recall(l, &scope, TOLD("9223372036854775807")));
    assert_false(recall(l, &scope, TOLD("1795575911000000"))); /* is over */
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, mono, wall, &why), 0);
    /* a name beyond what any target has */
    char name[3 * LIMIT_NAME_LEN];
    memset(name, 'x', sizeof name);
    const struct limit_scope longer = {.provider = {name, sizeof name},
                                       .model = {name, sizeof name}};
    assert_true(recall(l, &longer, TOLD("1795575941000000")));
    assert_in_range(limiter_fits_in_us(l, &longer, &cost, mono, wall, &why), 1, 30 * S);
    limiter_free(&l);
}

static void what_was_learned_outlives_a_restart_until_it_resets(void **state)
{
    (void)state;
    struct conf c = {0};
    struct limiter *l = make(&c);
    struct limit_refusal why;
    const struct ratelimit_row rows[] = {
        {.name = "tokens-minute",
         .gauge = RATELIMIT_TOKENS,
         .limit = 1000,
         .left = 100,
         .reset_us = 30 * S,
         .is_window = true},
        {.name = "requests",
         .gauge = RATELIMIT_REQUESTS,
         .limit = 10,
         .left = 0,
         .reset_us = 100 * S},
        {.name = "coffee", .gauge = RATELIMIT_OTHER, .limit = -1, .reset_us = 30 * S},
        {.name = "soon", .gauge = RATELIMIT_INPUT, .limit = 1, .reset_us = 3 * S / 2},
        {.name = "untold", .gauge = RATELIMIT_INPUT, .limit = 1, .reset_us = -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        learned_add(limiter_learned(l), &scope, &rows[i], mono);
    AUTO(buf_release) struct buf text = BUF_INIT(10000);
    struct jw w;
    struct err e = ERR_INIT;
    jw_init(&w, &text);
    assert_true(learned_keep(limiter_learned(l), &scope, mono + S, wall + S, &w));
    limiter_free(&l);

    /* after a reboot the monotonic clock begins anew */
    const int64_t early = 5 * S, later = wall + 11 * S;
    AUTO(jx_put) struct json_object *kept = NULL;
    assert_int_equal(jx_parse(buf_str(&text), &kept, &e), ERR_OK);
    assert_int_equal(json_object_array_length(kept), 3);
    l = make(&c);
    assert_true(learned_recall(limiter_learned(l), &scope, kept, early, later));
    struct limit_cost cost = {.input_tok = 101};
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, early, later, &why), 19 * S);
    assert_string_equal(why.bucket, "openai/luna tokens-minute");
    /* the bucket has been filling since, and not only since the start */
    cost = (struct limit_cost){.requests = 1};
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, early, later, &why), 0);
    cost.requests = 2;
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, early, later, &why), 9 * S + 1);
    limiter_free(&l);
    l = make(&c);
    assert_false(learned_recall(limiter_learned(l), &scope, kept, early, wall + 200 * S));
    assert_int_equal(limiter_fits_in_us(l, &scope, &cost, early, later, &why), 0);
    limiter_free(&l);
}

/* Clients may invent targets: for those, nothing is forgotten that still holds. */
static void many_targets_push_out_only_what_is_void(void **state)
{
    (void)state;
    struct conf c = {0};
    struct limiter *l = make(&c);
    struct limit_refusal why;
    struct ratelimit_row row = {.name = "requests",
                                .gauge = RATELIMIT_REQUESTS,
                                .limit = 9,
                                .left = 0,
                                .reset_us = 30 * S,
                                .is_window = true};
    const struct limit_cost one = {.requests = 1};
    const struct limit_scope last = {.provider = STR("new"), .model = STR("m")};
    for (int i = 0; i < LIMIT_TARGET_STATES; i++) {
        char name[16];
        int n = snprintf(name, sizeof name, "m%d", i);
        const struct limit_scope s = {.provider = STR("p"), .model = {name, (size_t)n}};
        row.reset_us = i == 7 ? S : 30 * (int64_t)S;
        learned_add(limiter_learned(l), &s, &row, mono);
    }
    const struct limit_scope first = {.provider = STR("p"), .model = STR("m0")};
    learned_add(limiter_learned(l), &last, &row, mono);
    assert_int_equal(limiter_fits_in_us(l, &first, &one, mono, wall, &why), 30 * S);
    assert_int_equal(limiter_fits_in_us(l, &last, &one, mono, wall, &why), 0);
    learned_add(limiter_learned(l), &last, &row, mono + 2 * S); /* m7 has been reset */
    assert_int_equal(limiter_fits_in_us(l, &first, &one, mono + 2 * S, wall, &why),
                     28 * S);
    assert_int_equal(limiter_fits_in_us(l, &last, &one, mono + 2 * S, wall, &why),
                     30 * S);
    limiter_free(&l);
}

static void a_reload_keeps_what_was_used(void **state)
{
    (void)state;
    struct conf_limit limits[] = {{.scope = "all", .requests = {10, 10 * S}},
                                  {.scope = "client:ci", .requests = {5, S}}};
    struct conf_budget budget = {
        .name = "b", .limit_pico = 100, .per = CONF_PER_DAY, .hard = true, .tz = "UTC"};
    struct conf before = {
        .limits = limits, .n_limits = 2, .budgets = &budget, .n_budgets = 1};
    struct limiter *l = make(&before);
    struct limit_grant *g = NULL;
    struct limit_refusal why;
    struct err e = ERR_INIT;
    struct limit_cost five = {.requests = 5, .money_pico = 40};
    assert_int_equal(reserve(l, five, &g, &why), ERR_OK);
    limits[0].requests.amount = 20;
    budget.limit_pico = 50;
    struct conf after = {
        .limits = limits, .n_limits = 1, .budgets = &budget, .n_budgets = 1};
    assert_int_equal(limiter_reload(l, &after, &e), ERR_OK);
    assert_int_equal(limiter_headroom(l, &scope, wall), 10);
    struct limit_cost ten = {.requests = 10};
    assert_int_equal(limiter_fits_in_us(l, &scope, &ten, mono, wall, &why), 0);
    struct limit_cost eleven = {.requests = 11};
    assert_true(limiter_fits_in_us(l, &scope, &eleven, mono, wall, &why) > 0);
    limiter_settle(l, &g, &five, mono, wall); /* also into the limit that is gone */
    assert_int_equal(limiter_headroom(l, &scope, wall), 10);
    struct conf empty = {0};
    assert_int_equal(limiter_reload(l, &empty, &e), ERR_OK);
    assert_int_equal(limiter_headroom(l, &scope, wall), PICO_UNKNOWN);
    limiter_free(&l);
}

static void its_account_is_json(void **state)
{
    (void)state;
    struct conf_limit limit = {
        .scope = "all", .requests = {10, S}, .money = {1000, S}, .concurrency = 3};
    struct conf_budget budget = {
        .name = "b", .limit_pico = 100, .per = CONF_PER_WEEK, .tz = "UTC"};
    struct conf c = {.limits = &limit, .n_limits = 1, .budgets = &budget, .n_budgets = 1};
    struct limiter *l = make(&c);
    const struct ratelimit_row row = {.name = "requests-day",
                                      .gauge = RATELIMIT_REQUESTS,
                                      .limit = 9,
                                      .left = 1,
                                      .reset_us = S};
    learned_add(limiter_learned(l), &scope, &row, mono);
    AUTO(buf_release) struct buf out = BUF_INIT(10000);
    struct err e = ERR_INIT;
    /* what names no reset is told all the same, each of them */
    static const char *const unbound[] = {"req-minute", "tokens-minute"};
    for (size_t i = 0; i < ARRAY_LEN(unbound); i++) {
        struct ratelimit_row more = {.limit = 60, .left = 59, .reset_us = -1};
        snprintf(more.name, sizeof more.name, "%s", unbound[i]);
        learned_add(limiter_learned(l), &scope, &more, mono);
    }
    limiter_write(l, mono, wall, &out);
    assert_int_equal(jscan_check(buf_str(&out), &e), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(unbound); i++)
        assert_non_null(strstr(out.data, unbound[i]));
    assert_non_null(strstr(out.data, "\"from\":\"2026-11-23T00:00:00"));
    assert_non_null(strstr(out.data,
                           "{\"learned\":\"openai/luna\",\"gauge\":\"requests-day\","
                           "\"amount\":9,\"left\":1,\"resets_in_us\":1000000,"
                           "\"age_us\":0}"));
    limiter_free(&l);
}

static void windows_follow_the_calendar(void **state)
{
    (void)state;
    static const struct {
        int per;
        const char *at, *from, *to;
    } rows[] = {
        {CONF_PER_HOUR, "2026-12-31T23:59:59Z", "2026-12-31T23:00:00Z",
         "2027-01-01T00:00:00Z"},
        {CONF_PER_DAY, "2028-02-28T12:00:00Z", "2028-02-28T00:00:00Z",
         "2028-02-29T00:00:00Z"},
        {CONF_PER_WEEK, "2026-11-29T10:00:00Z", "2026-11-23T00:00:00Z",
         "2026-11-30T00:00:00Z"},
        {CONF_PER_WEEK, "2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z",
         "2026-12-07T00:00:00Z"},
        {CONF_PER_MONTH, "2026-12-15T10:00:00Z", "2026-12-01T00:00:00Z",
         "2027-01-01T00:00:00Z"},
        {CONF_PER_MONTH, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z",
         "2026-03-01T00:00:00Z"},
    };
    struct err e = ERR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t at_us, from_us, to_us;
        char text[CLOCK_TEXT_LEN];
        assert_int_equal(clock_parse_rfc3339(str_of(rows[i].at), &at_us, &e), ERR_OK);
        budget_window(rows[i].per, "UTC", at_us, &from_us, &to_us);
        clock_rfc3339(text, from_us, 0, false);
        assert_string_equal(text, rows[i].from);
        clock_rfc3339(text, to_us, 0, false);
        assert_string_equal(text, rows[i].to);
    }
}

static void the_tightest_room_is_told(void **state)
{
    (void)state;
    struct conf_limit limits[] = {
        {.scope = "all", .requests = {100, S}, .output_tok = {50, S}},
        {.scope = "client:ci", .requests = {3, S}},
        {.scope = "client:other", .requests = {1, S}},
    };
    struct conf c = {.limits = limits, .n_limits = ARRAY_LEN(limits)};
    struct limiter *l = make(&c);
    struct limit_grant *g = NULL;
    struct limit_refusal why;
    struct limit_room rooms[LIMIT_ROOMS];
    const struct limit_cost cost = {.requests = 1, .input_tok = 5, .output_tok = 20};
    assert_int_equal(reserve(l, cost, &g, &why), ERR_OK);
    limiter_rooms(l, &scope, mono, rooms);
    assert_int_equal(rooms[LIMIT_ROOM_REQUESTS].amount, 3);
    assert_int_equal(rooms[LIMIT_ROOM_REQUESTS].left, 2);
    assert_int_equal(rooms[LIMIT_ROOM_REQUESTS].full_us, 333334);
    assert_int_equal(rooms[LIMIT_ROOM_OUTPUT].left, 30);
    assert_int_equal(rooms[LIMIT_ROOM_INPUT].amount, 0);
    assert_int_equal(rooms[LIMIT_ROOM_TOKENS].amount, 0);
    limiter_release(l, &g, mono, wall);
    limiter_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tightest_room_is_told),
        cmocka_unit_test(each_scope_meets_its_own_requests),
        cmocka_unit_test(admission_is_all_or_nothing),
        cmocka_unit_test(requests_under_way_are_counted),
        cmocka_unit_test(a_rate_of_money_never_fits_what_has_no_price),
        cmocka_unit_test(the_longest_wait_is_told),
        cmocka_unit_test(of_two_budgets_the_smaller_rest_counts),
        cmocka_unit_test(a_hard_budget_refuses_before_sending),
        cmocka_unit_test(a_soft_budget_only_tells),
        cmocka_unit_test(the_past_fills_budgets_after_a_restart),
        cmocka_unit_test(a_budget_is_told_of_the_past_once),
        cmocka_unit_test(the_past_fills_rates_after_a_restart),
        cmocka_unit_test(headers_teach_until_they_reset),
        cmocka_unit_test(what_was_learned_outlives_a_restart_until_it_resets),
        cmocka_unit_test(what_a_ledger_says_is_not_believed_blindly),
        cmocka_unit_test(many_targets_push_out_only_what_is_void),
        cmocka_unit_test(a_reload_keeps_what_was_used),
        cmocka_unit_test(its_account_is_json),
        cmocka_unit_test(windows_follow_the_calendar),
    };
    return cmocka_run_group_tests_name("limiter", tests, NULL, NULL);
}
