/* test_gcra.c: whatever is reserved, settled late or given back, the limit holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

#include "broker/gcra.h"

#include <cmocka.h>

enum { S = US_PER_S };
static const int64_t t0 = 5000 * (int64_t)S;

static void a_bucket_empties_and_refills_evenly(void **state)
{
    (void)state;
    struct gcra g = {.amount = 60, .window_us = 60 * S};
    for (int i = 0; i < 60; i++) {
        assert_int_equal(gcra_wait_us(&g, 1, t0), 0);
        gcra_take(&g, 1, t0);
    }
    assert_int_equal(gcra_left(&g, t0), 0);
    assert_int_equal(gcra_wait_us(&g, 1, t0), S);
    assert_int_equal(gcra_wait_us(&g, 10, t0 + S), 9 * S);
    assert_int_equal(gcra_wait_us(&g, 1, t0 + S), 0);
    assert_int_equal(gcra_left(&g, t0 + 30 * S), 30);
}

static void a_long_prompt_costs_what_it_is(void **state)
{
    (void)state;
    struct gcra a = {.amount = 1000000, .window_us = 60 * S}, b = a;
    gcra_take(&a, 100000, t0);
    gcra_take(&b, 100, t0);
    assert_int_equal(a.tat_us - t0, 1000 * (b.tat_us - t0));
}

static void above_the_capacity_never_fits(void **state)
{
    (void)state;
    struct gcra g = {.amount = 1000, .window_us = S};
    assert_int_equal(gcra_wait_us(&g, 1001, t0), -1);
    assert_int_equal(gcra_wait_us(&g, 1000, t0), 0);
    struct gcra none = {0};
    assert_int_equal(gcra_wait_us(&none, INT64_MAX, t0), 0);
}

static void what_was_not_used_comes_back(void **state)
{
    (void)state;
    struct gcra g = {.amount = 100, .window_us = 100 * S};
    struct gcra_slot s = gcra_take(&g, 100, t0);
    gcra_settle(&g, &s, 10, t0);
    assert_int_equal(gcra_left(&g, t0), 90);
}

static void more_than_reserved_is_debt(void **state)
{
    (void)state;
    struct gcra g = {.amount = 100, .window_us = 100 * S};
    struct gcra_slot s = gcra_take(&g, 50, t0);
    gcra_settle(&g, &s, 250, t0);
    assert_int_equal(gcra_wait_us(&g, 1, t0), 151 * S);
    assert_int_equal(gcra_left(&g, t0), 0);
}

static void late_debt_counts_from_when_it_is_told(void **state)
{
    (void)state;
    struct gcra g = {.amount = 100, .window_us = 100 * S};
    struct gcra_slot s = gcra_take(&g, 10, t0);
    gcra_settle(&g, &s, 100, t0 + 500 * S); /* the bucket was full again long ago */
    assert_int_equal(gcra_left(&g, t0 + 500 * S), 10);
}

static void a_late_refund_gives_only_what_has_not_drained(void **state)
{
    (void)state;
    struct gcra g = {.amount = 100, .window_us = 100 * S};
    struct gcra_slot s = gcra_take(&g, 100, t0);
    gcra_take(&g, 40, t0 + 40 * S);
    gcra_settle(&g, &s, 0, t0 + 90 * S); /* 90 of 100 have drained */
    assert_int_equal(g.tat_us, t0 + 130 * S);
    struct gcra_slot again = gcra_take(&g, 10, t0 + 90 * S);
    gcra_settle(&g, &again, 10, t0 + 200 * S);
    struct gcra before = g;
    gcra_settle(&g, &again, 0, t0 + 300 * S);
    assert_int_equal(g.tat_us, before.tat_us);
}

/* ---- the property ---- */

struct grant {
    struct gcra_slot slot;
    int64_t taken_us, n, used;
    bool is_open;
};

static uint64_t draw(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    return z ^ (z >> 27);
}

/* Over every stretch that begins and ends with an admission: amount × (1 + t / window). */
static void check_every_stretch(const struct grant *grants, size_t n,
                                const struct gcra *g)
{
    for (size_t from = 0; from < n; from++) {
        int64_t sum = 0;
        for (size_t to = from; to < n; to++) {
            sum += grants[to].used;
            int64_t t = grants[to].taken_us - grants[from].taken_us;
            assert_true((i128)sum * g->window_us <= (i128)g->amount * (g->window_us + t));
        }
    }
}

/* Settles one that is open, late and in any order. */
static void settle_one(struct gcra *g, struct grant *grants, size_t n, uint64_t *seed,
                       int64_t now_us)
{
    for (size_t i = 0, at = draw(seed) % n; i < n; i++, at = (at + 1) % n) {
        struct grant *x = &grants[at];
        if (!x->is_open)
            continue;
        gcra_settle(g, &x->slot, x->used, now_us);
        x->is_open = false;
        return;
    }
}

static void run(uint64_t seed)
{
    enum { N = 200 };
    static struct grant grants[N];
    struct gcra g = {.amount = 1 + (int64_t)(draw(&seed) % 5000),
                     .window_us = (int64_t)(1 + draw(&seed) % 120) * S};
    uint64_t pace = 2 + draw(&seed) % 30, lateness = 2 + draw(&seed) % 4;
    int64_t now_us = t0;
    size_t n = 0;
    for (int step = 0; step < 2000 && n < N; step++) {
        now_us += (int64_t)(draw(&seed) % ((uint64_t)g.window_us / pace));
        if (n > 0 && draw(&seed) % lateness == 0)
            settle_one(&g, grants, n, &seed, now_us);
        int64_t want = gcra_left(&g, now_us) / (int64_t)(1 + draw(&seed) % 3);
        if (want == 0 || gcra_wait_us(&g, want, now_us) != 0)
            continue;
        /* what uses nothing at all is what late refunds feed on */
        int64_t used = draw(&seed) % 2 ? 0 : want;
        grants[n++] =
            (struct grant){gcra_take(&g, want, now_us), now_us, want, used, true};
    }
    check_every_stretch(grants, n, &g);
}

static void the_limit_holds_in_every_window(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        run(seed);
}

static void the_wait_told_is_true(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 2000; i++) {
        struct gcra g = {.amount = 1 + (int64_t)(draw(&seed) % 100000),
                         .window_us = 60 * S};
        int64_t n = 1 + (int64_t)(draw(&seed) % (uint64_t)g.amount);
        gcra_take(&g, (int64_t)(draw(&seed) % (uint64_t)(3 * g.amount)), t0);
        int64_t wait_us = gcra_wait_us(&g, n, t0);
        assert_int_equal(gcra_wait_us(&g, n, t0 + wait_us), 0);
        if (wait_us > 0)
            assert_int_equal(gcra_wait_us(&g, n, t0 + wait_us - 1), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_empties_and_refills_evenly),
        cmocka_unit_test(a_long_prompt_costs_what_it_is),
        cmocka_unit_test(above_the_capacity_never_fits),
        cmocka_unit_test(what_was_not_used_comes_back),
        cmocka_unit_test(more_than_reserved_is_debt),
        cmocka_unit_test(late_debt_counts_from_when_it_is_told),
        cmocka_unit_test(a_late_refund_gives_only_what_has_not_drained),
        cmocka_unit_test(the_limit_holds_in_every_window),
        cmocka_unit_test(the_wait_told_is_true),
    };
    return cmocka_run_group_tests_name("gcra", tests, NULL, NULL);
}
