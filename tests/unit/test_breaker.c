/* test_breaker.c: when a target is left alone, for how long, and how it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/clock.h"

#include "broker/breaker.h"

#include <cmocka.h>

enum { S = US_PER_S };
static const int64_t t0 = 5000 * (int64_t)S;

static void attempt_fails(struct breaker *b, enum errc code, int64_t hint_us,
                          int64_t now_us)
{
    struct err e = ERR_INIT;
    err_set(&e, code, "x");
    e.origin = ERR_BY_PROVIDER;
    e.sys = 529;
    e.retry_after_us = hint_us;
    breaker_start(b, now_us);
    breaker_failed(b, &e, now_us);
}

static void five_failures_at_half_the_attempts_open_it(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b);
    for (int i = 0; i < 4; i++)
        attempt_fails(&b, ERR_OVERLOADED, -1, t0 + i * S);
    assert_true(breaker_allows(&b, t0 + 4 * S));
    attempt_fails(&b, ERR_OVERLOADED, -1, t0 + 4 * S);
    assert_false(breaker_allows(&b, t0 + 4 * S));
    assert_string_equal(b.why, "5×529 in 60s");
    assert_int_equal(breaker_wait_us(&b, t0 + 4 * S), 5 * S);
}

static void many_good_answers_keep_it_closed(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b);
    for (int i = 0; i < 50; i++) {
        breaker_ok(&b, t0 + i * S);
        if (i % 3 == 0)
            attempt_fails(&b, ERR_SERVER, -1, t0 + i * S);
        assert_true(breaker_allows(&b, t0 + i * S));
    }
}

static void the_window_forgets(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b);
    for (int i = 0; i < 20; i++)
        attempt_fails(&b, ERR_SERVER, -1, t0 + i * 20 * (int64_t)S);
    assert_true(breaker_allows(&b, t0 + 400 * (int64_t)S));
    /* nor are old answers good for anything, when all fail that come later */
    breaker_init(&b);
    for (int i = 0; i < 50; i++)
        breaker_ok(&b, t0 + i % 10 * S);
    for (int i = 0; i < 5; i++)
        attempt_fails(&b, ERR_SERVER, -1, t0 + 80 * S);
    assert_false(breaker_allows(&b, t0 + 80 * S));
}

static void three_timeouts_in_a_row_open_it(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b);
    for (int i = 0; i < 20; i++)
        breaker_ok(&b, t0);
    attempt_fails(&b, ERR_TIMEOUT, -1, t0);
    attempt_fails(&b, ERR_TIMEOUT, -1, t0);
    breaker_ok(&b, t0);
    attempt_fails(&b, ERR_TIMEOUT, -1, t0);
    attempt_fails(&b, ERR_TIMEOUT, -1, t0);
    assert_true(breaker_allows(&b, t0));
    attempt_fails(&b, ERR_SERVER, -1, t0); /* which is no timeout */
    attempt_fails(&b, ERR_TIMEOUT, -1, t0);
    attempt_fails(&b, ERR_TIMEOUT, -1, t0);
    assert_true(breaker_allows(&b, t0));
    attempt_fails(&b, ERR_TIMEOUT, -1, t0);
    assert_false(breaker_allows(&b, t0));
    assert_string_equal(b.why, "3 timeouts in a row");
}

static void quota_opens_at_once_until_its_reset(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b);
    attempt_fails(&b, ERR_QUOTA, 7200 * (int64_t)S, t0);
    assert_int_equal(breaker_wait_us(&b, t0), 7200 * (int64_t)S);
    /* quotas are renewed each month at the latest: a longer hint is not believed */
    breaker_init(&b);
    attempt_fails(&b, ERR_QUOTA, 20 * US_PER_DAY, t0);
    assert_int_equal(breaker_wait_us(&b, t0), 20 * US_PER_DAY);
    breaker_init(&b);
    attempt_fails(&b, ERR_QUOTA, 400 * US_PER_DAY, t0);
    assert_int_equal(breaker_wait_us(&b, t0), 32 * US_PER_DAY);
    breaker_init(&b);
    attempt_fails(&b, ERR_QUOTA, -1, t0);
    assert_int_equal(breaker_wait_us(&b, t0), 600 * S);
}

static void every_fault_of_the_other_side_counts(void **state)
{
    (void)state;
    static const enum errc codes[] = {ERR_RATE_LIMIT, ERR_OVERLOADED,  ERR_SERVER,
                                      ERR_NETWORK,    ERR_INTERRUPTED, ERR_TIMEOUT};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct breaker b;
        breaker_init(&b);
        for (int k = 0; k < 5; k++)
            attempt_fails(&b, codes[i], -1, t0);
        assert_false(breaker_allows(&b, t0));
    }
}

static void only_what_is_said_of_a_key_counts_for_it(void **state)
{
    (void)state;
    static const enum errc others[] = {ERR_RATE_LIMIT, ERR_SERVER, ERR_NETWORK,
                                       ERR_INVALID};
    struct breaker b;
    struct err e = ERR_INIT;
    breaker_init(&b);
    for (int i = 0; i < 100; i++) {
        e.code = others[(size_t)i % ARRAY_LEN(others)];
        breaker_key_failed(&b, &e, t0);
    }
    assert_int_equal(b.state, BREAKER_CLOSED);
    e.code = ERR_UPSTREAM_AUTH;
    breaker_key_failed(&b, &e, t0);
    assert_int_equal(breaker_wait_us(&b, t0), 600 * S);
    breaker_key_failed(&b, &e, t0 + S); /* one that was under way */
    assert_int_equal(breaker_wait_us(&b, t0 + S), 599 * S);
    breaker_start(&b, t0 + 600 * S);
    e.code = ERR_QUOTA;
    e.retry_after_us = 7 * S;
    breaker_key_failed(&b, &e, t0 + 600 * S);
    assert_int_equal(breaker_wait_us(&b, t0 + 600 * S), 7 * S);
    assert_true(b.is_quota);
}

static void faults_of_the_client_never_count(void **state)
{
    (void)state;
    static const enum errc codes[] = {ERR_INVALID,   ERR_CANCELLED,     ERR_CONTEXT,
                                      ERR_FILTER,    ERR_UPSTREAM_AUTH, ERR_NOT_FOUND,
                                      ERR_PERMISSION};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct breaker b;
        breaker_init(&b);
        for (int k = 0; k < 100; k++)
            attempt_fails(&b, codes[i], -1, t0);
        assert_true(breaker_allows(&b, t0));
    }
}

static struct breaker opened(int64_t hint_us)
{
    struct breaker b;
    breaker_init(&b);
    for (int i = 0; i < 5; i++)
        attempt_fails(&b, ERR_OVERLOADED, hint_us, t0);
    return b;
}

static void one_probe_goes_and_a_good_one_closes_it(void **state)
{
    (void)state;
    struct breaker b = opened(-1);
    int64_t now_us = t0 + 5 * S;
    assert_false(breaker_allows(&b, now_us - 1));
    assert_true(breaker_allows(&b, now_us));
    breaker_start(&b, now_us);
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_false(breaker_allows(&b, now_us));
    breaker_ok(&b, now_us + S);
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_true(breaker_allows(&b, now_us + S));
    attempt_fails(&b, ERR_SERVER, -1, now_us + S); /* the old failures are forgotten */
    assert_true(breaker_allows(&b, now_us + S));
}

static void a_failed_probe_doubles_the_pause_up_to_its_cap(void **state)
{
    (void)state;
    struct breaker b = opened(-1);
    int64_t now_us = t0, want_us = 5 * S;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(breaker_wait_us(&b, now_us), want_us);
        now_us += want_us;
        attempt_fails(&b, ERR_SERVER, -1, now_us);
        want_us = MIN(2 * want_us, 300 * (int64_t)S);
    }
}

static void a_probe_that_tells_nothing_frees_its_place(void **state)
{
    (void)state;
    struct breaker b = opened(-1);
    breaker_start(&b, t0 + 5 * S);
    assert_false(breaker_allows(&b, t0 + 5 * S));
    breaker_void(&b, t0 + 6 * S);
    assert_true(breaker_allows(&b, t0 + 6 * S));
}

static void retry_after_is_the_floor_of_the_pause(void **state)
{
    (void)state;
    struct breaker b = opened(42 * S);
    assert_int_equal(breaker_wait_us(&b, t0), 42 * S);
}

static void a_late_answer_does_not_close_an_open_breaker(void **state)
{
    (void)state;
    struct breaker b = opened(-1);
    breaker_ok(&b, t0 + S);
    assert_false(breaker_allows(&b, t0 + S));
    attempt_fails(&b, ERR_SERVER, -1,
                  t0 + 2 * S); /* nor does a late failure prolong the pause */
    assert_int_equal(breaker_wait_us(&b, t0 + 2 * S), 3 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_failures_at_half_the_attempts_open_it),
        cmocka_unit_test(many_good_answers_keep_it_closed),
        cmocka_unit_test(the_window_forgets),
        cmocka_unit_test(three_timeouts_in_a_row_open_it),
        cmocka_unit_test(quota_opens_at_once_until_its_reset),
        cmocka_unit_test(only_what_is_said_of_a_key_counts_for_it),
        cmocka_unit_test(faults_of_the_client_never_count),
        cmocka_unit_test(every_fault_of_the_other_side_counts),
        cmocka_unit_test(one_probe_goes_and_a_good_one_closes_it),
        cmocka_unit_test(a_failed_probe_doubles_the_pause_up_to_its_cap),
        cmocka_unit_test(a_probe_that_tells_nothing_frees_its_place),
        cmocka_unit_test(retry_after_is_the_floor_of_the_pause),
        cmocka_unit_test(a_late_answer_does_not_close_an_open_breaker),
    };
    return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
