/* test_target.c: states of targets: as many as clients invent, but never more than the bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base.h"
#include "core/clock.h"

#include "broker/target.h"

#include <cmocka.h>

/* As the broker does it: the new one, then those that must go for it. */
static struct target_state *get(struct targets *ts, const char *model)
{
    struct target_state *old, *t = targets_get(ts, STR("p"), str_of(model));
    while ((old = targets_surplus(ts)) != NULL)
        targets_forget(ts, &old);
    return t;
}

static void invent(struct targets *ts, int n)
{
    char model[32];
    for (int i = 0; i < n; i++) {
        snprintf(model, sizeof model, "invented-%d", i);
        targets_count(ts, get(ts, model), ERR_NOT_FOUND);
        assert_true(ts->by_name.n <= LIMIT_TARGET_STATES);
    }
}

static void invented_names_take_each_others_place(void **state)
{
    (void)state;
    struct targets ts;
    targets_init(&ts);
    struct target_state *good = get(&ts, "good"), *held = get(&ts, "held"),
                        *drained = get(&ts, "drained"), *weighed = get(&ts, "weighed");
    targets_count(&ts, good, ERR_OK); /* an answer makes it known */
    held->n_users = 1;
    drained->drained_until_us = INT64_MAX;
    weighed->weight_until_us = INT64_MAX;
    invent(&ts, 10 * LIMIT_TARGET_STATES);
    assert_ptr_equal(targets_find(&ts, STR("p/good")), good);
    assert_ptr_equal(targets_find(&ts, STR("p/held")), held);
    assert_ptr_equal(targets_find(&ts, STR("p/drained")), drained);
    assert_ptr_equal(targets_find(&ts, STR("p/weighed")), weighed);
    assert_null(targets_find(&ts, STR("p/invented-0")));
    assert_int_equal(ts.others.n_attempts, 10 * LIMIT_TARGET_STATES);
    assert_int_equal(ts.others.n_failed, 10 * LIMIT_TARGET_STATES);
    assert_int_equal(good->counts.n_ok, 1);
    targets_release(&ts);
}

static void among_known_ones_the_longest_unused_goes(void **state)
{
    (void)state;
    struct targets ts;
    char model[32];
    targets_init(&ts);
    for (int i = 0; i < LIMIT_TARGET_STATES; i++) {
        snprintf(model, sizeof model, "m%d", i);
        targets_count(&ts, get(&ts, model), ERR_OK);
    }
    get(&ts, "m0");
    targets_count(&ts, get(&ts, "one-more"), ERR_CANCELLED);
    assert_non_null(targets_find(&ts, STR("p/m0")));
    assert_null(targets_find(&ts, STR("p/m1")));
    /* what it counted is not lost, nor counted as anything else */
    assert_int_equal(ts.others.n_attempts, 2);
    assert_int_equal(ts.others.n_ok, 1);
    assert_int_equal(ts.others.n_failed, 0);
    targets_release(&ts);
}

static void who_is_in_use_stays_beyond_the_bound(void **state)
{
    (void)state;
    struct targets ts;
    char model[32];
    targets_init(&ts);
    for (int i = 0; i < LIMIT_TARGET_STATES + 10; i++) {
        snprintf(model, sizeof model, "m%d", i);
        get(&ts, model)->n_users = 1;
    }
    assert_int_equal(ts.by_name.n, LIMIT_TARGET_STATES + 10);
    map_for_each (slot, &ts.by_name)
        ((struct target_state *)slot->value)->n_users = 0;
    get(&ts, "another");
    assert_int_equal(ts.by_name.n, LIMIT_TARGET_STATES);
    targets_release(&ts);
}

static void times_predict_when_the_last_token_comes(void **state)
{
    (void)state;
    struct target_state t = {.ttft_us = 0};
    assert_int_equal(target_last_token_us(&t, 100), 0);
    /* a stream of 101 tokens: 200 ms to the first, then 10 ms each */
    const struct target_times stream = {200000, 1200000, 101};
    targets_time(&t, &stream, 5);
    assert_int_equal(t.us_per_ktok, 10000000);
    assert_int_equal(target_last_token_us(&t, 100), 1200000);
    assert_int_equal(target_last_token_us(&t, 0), 200000);
    assert_int_equal(t.measured_us, 5);
    /* each new one moves it by an eighth */
    const struct target_times slow = {1000000, 2000000, 11};
    targets_time(&t, &slow, 6);
    assert_int_equal(t.ttft_us, 300000);
    assert_int_equal(t.us_per_ktok, 21250000);
    /* one that was cut, or has but one token, tells of the first token alone */
    const struct target_times cut = {300000, 9000000, -1}, one = {300000, 9000000, 1};
    targets_time(&t, &cut, 7);
    targets_time(&t, &one, 7);
    assert_int_equal(t.us_per_ktok, 21250000);
    assert_int_equal(t.measured_us, 6);
    /* where nothing is streamed, whole answers have to do */
    struct target_state u = {.ttft_us = 0};
    const struct target_times whole = {0, 700000, 50}, failed = {0, 900000, -1};
    targets_time(&u, &failed, 8);
    assert_int_equal(target_last_token_us(&u, 100), 0);
    targets_time(&u, &whole, 8);
    assert_int_equal(u.ttft_us, 0);
    assert_int_equal(target_last_token_us(&u, 100), 700000);
    /* all at once is quick, and known */
    struct target_state v = {.ttft_us = 0};
    const struct target_times burst = {50000, 50000, 9};
    targets_time(&v, &burst, 9);
    assert_int_equal(target_last_token_us(&v, 1000), 50001);
    /* what nobody believes is at least no short time */
    const struct target_times slug = {1000000, 600000000, 2};
    targets_time(&v, &slug, 10);
    assert_in_range(target_last_token_us(&v, 1000000000000), US_PER_DAY,
                    US_PER_DAY + 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invented_names_take_each_others_place),
        cmocka_unit_test(among_known_ones_the_longest_unused_goes),
        cmocka_unit_test(who_is_in_use_stays_beyond_the_bound),
        cmocka_unit_test(times_predict_when_the_last_token_comes),
    };
    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
