/* test_retry.c: what happens after a failure, class by class, and the retry budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/clock.h"

#include "broker/retry.h"

#include <cmocka.h>

static struct retry_plan plan(enum errc code, int64_t hint_us,
                              const struct retry_state *s)
{
    struct err e = ERR_INIT;
    err_set(&e, code, "x");
    e.origin = ERR_BY_PROVIDER;
    e.retry_after_us = hint_us;
    return retry_after(&e, s);
}

static const struct retry_state easy = {
    .n_attempts = 1,
    .has_next = true,
    .patience_us = 3 * US_PER_S,
    .left_us = 600 * (int64_t)US_PER_S,
    .budget_ok = true,
};

static void what_was_put_right_is_sent_again_at_once(void **state)
{
    (void)state;
    struct retry_state s = easy;
    s.is_mended = true;
    struct retry_plan p = plan(ERR_INVALID, -1, &s);
    assert_int_equal(p.what, RETRY_SAME);
    assert_int_equal(p.wait_us, 0);
    s.left_us = 0;
    assert_int_equal(plan(ERR_INVALID, -1, &s).what, RETRY_STOP);
    s = easy;
    s.is_mended = true;
    s.n_attempts = LIMIT_ATTEMPTS;
    assert_int_equal(plan(ERR_INVALID, -1, &s).what, RETRY_STOP);
}

static void every_class_follows_the_contract(void **state)
{
    (void)state;
    static const struct {
        enum errc code;
        int64_t hint_us;
        enum retry_what first, second,
            alone;        /* with a next; the same again; without a next */
        unsigned n_alone; /* that often the same, if it is the only one */
    } rows[] = {
        {ERR_RATE_LIMIT, 2 * US_PER_S, RETRY_SAME, RETRY_SAME, RETRY_SAME, 3},
        {ERR_RATE_LIMIT, 20 * US_PER_S, RETRY_NEXT, RETRY_NEXT, RETRY_SAME, 3},
        {ERR_RATE_LIMIT, -1, RETRY_NEXT, RETRY_NEXT, RETRY_SAME, 3},
        {ERR_SERVER, -1, RETRY_SAME, RETRY_NEXT, RETRY_SAME, 1},
        {ERR_NETWORK, -1, RETRY_SAME, RETRY_NEXT, RETRY_SAME, 1},
        {ERR_OVERLOADED, -1, RETRY_SAME, RETRY_NEXT, RETRY_SAME, 2},
        {ERR_OVERLOADED, 30 * US_PER_S, RETRY_NEXT, RETRY_NEXT, RETRY_SAME, 2},
        {ERR_TIMEOUT, -1, RETRY_NEXT, RETRY_NEXT, RETRY_STOP, 0},
        {ERR_QUOTA, -1, RETRY_NEXT, RETRY_NEXT, RETRY_STOP, 0},
        {ERR_UPSTREAM_AUTH, -1, RETRY_NEXT, RETRY_NEXT, RETRY_STOP, 0},
        {ERR_PERMISSION, -1, RETRY_NEXT, RETRY_NEXT, RETRY_STOP, 0},
        {ERR_NOT_FOUND, -1, RETRY_NEXT, RETRY_NEXT, RETRY_STOP, 0},
        {ERR_CONTEXT, -1, RETRY_LARGER, RETRY_LARGER, RETRY_STOP, 0},
        {ERR_UNUSABLE, -1, RETRY_SAME, RETRY_NEXT, RETRY_SAME, 1},
        {ERR_INTERRUPTED, -1, RETRY_NEXT, RETRY_NEXT, RETRY_SAME, 1},
        {ERR_FILTER, -1, RETRY_STOP, RETRY_STOP, RETRY_STOP, 0},
        {ERR_INVALID, -1, RETRY_STOP, RETRY_STOP, RETRY_STOP, 0},
        {ERR_CANCELLED, -1, RETRY_STOP, RETRY_STOP, RETRY_STOP, 0},
        {ERR_MEMORY, -1, RETRY_STOP, RETRY_STOP, RETRY_STOP, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct retry_state s = easy;
        assert_int_equal(plan(rows[i].code, rows[i].hint_us, &s).what, rows[i].first);
        s.n_same = 1;
        assert_int_equal(plan(rows[i].code, rows[i].hint_us, &s).what, rows[i].second);
        s.n_same = 0;
        s.has_next = false;
        assert_int_equal(plan(rows[i].code, rows[i].hint_us, &s).what, rows[i].alone);
        s.patience_us = 0; /* which would be more than a count */
        s.n_same = rows[i].n_alone;
        assert_int_equal(plan(rows[i].code, rows[i].hint_us, &s).what, RETRY_STOP);
        s.n_same = rows[i].n_alone - 1;
        if (rows[i].n_alone > 0)
            assert_int_equal(plan(rows[i].code, rows[i].hint_us, &s).what, RETRY_SAME);
    }
}

static void every_code_has_a_plan_and_a_reason(void **state)
{
    (void)state;
    for (unsigned code = 0; code < ERR_N_; code++)
        assert_true(strlen(plan((enum errc)code, -1, &easy).why) > 0);
}

static void waits_are_bounded_by_patience_deadline_and_budget(void **state)
{
    (void)state;
    struct retry_state s = easy;
    assert_int_equal(plan(ERR_RATE_LIMIT, 2 * US_PER_S, &s).wait_us, 2 * US_PER_S);
    s.patience_us = US_PER_S;
    assert_int_equal(plan(ERR_RATE_LIMIT, 2 * US_PER_S, &s).what, RETRY_NEXT);
    s = easy;
    s.left_us = US_PER_S;
    assert_int_equal(plan(ERR_RATE_LIMIT, 2 * US_PER_S, &s).what, RETRY_NEXT);
    s.has_next = false;
    assert_int_equal(plan(ERR_RATE_LIMIT, 2 * US_PER_S, &s).what, RETRY_STOP);
    s = easy;
    s.budget_ok = false;
    assert_int_equal(plan(ERR_SERVER, -1, &s).what, RETRY_NEXT);
    s = easy;
    s.left_us = 0;
    assert_int_equal(plan(ERR_SERVER, -1, &s).what, RETRY_STOP);
    s = easy;
    s.n_attempts = LIMIT_ATTEMPTS;
    assert_int_equal(plan(ERR_SERVER, -1, &s).what, RETRY_STOP);
}

static void another_key_is_tried_at_once(void **state)
{
    (void)state;
    struct retry_state s = easy;
    s.has_key = true;
    struct retry_plan p = plan(ERR_UPSTREAM_AUTH, -1, &s);
    assert_int_equal(p.what, RETRY_SAME);
    assert_int_equal(p.wait_us, 0);
    assert_int_equal(plan(ERR_QUOTA, -1, &s).what, RETRY_SAME);
    assert_int_equal(plan(ERR_PERMISSION, -1, &s).what, RETRY_NEXT);
}

static void what_only_this_target_cannot_do_moves_on(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    err_set(&e, ERR_INVALID, "x");
    e.origin = ERR_BY_PROVIDER;
    strcpy(e.provider_code, "unsupported_parameter");
    assert_int_equal(retry_after(&e, &easy).what, RETRY_NEXT);
    strcpy(e.provider_code, "invalid_value");
    assert_int_equal(retry_after(&e, &easy).what, RETRY_STOP);
    strcpy(e.provider_code, "3051"); /* Mistral: an image for a model of text */
    assert_int_equal(retry_after(&e, &easy).what, RETRY_NEXT);
    e.provider_code[0] = '\0';
    err_set(&e, ERR_INVALID, "`logprobs` is not supported with this model");
    e.origin = ERR_BY_CLIENT;
    assert_int_equal(retry_after(&e, &easy).what, RETRY_NEXT);
    err_set(&e, ERR_INVALID, "Logprobs is not enabled for models/gemini-2.5-pro");
    e.origin = ERR_BY_CLIENT;
    assert_int_equal(retry_after(&e, &easy).what, RETRY_NEXT);
    err_set(&e, ERR_INVALID, "messages: at least one is needed");
    e.origin = ERR_BY_CLIENT;
    assert_int_equal(retry_after(&e, &easy).what, RETRY_STOP);
    e.origin = ERR_BY_GATEWAY; /* our own encoder could not express it for this target */
    assert_int_equal(retry_after(&e, &easy).what, RETRY_NEXT);
}

static void backoff_doubles_up_to_its_cap(void **state)
{
    (void)state;
    /* Google's, from a second to a minute, come second */
    static const int64_t tops[2][8] = {
        {500000, 1000000, 2000000, 4000000, 8000000, 8000000, 8000000, 8000000},
        {1000000, 2000000, 4000000, 8000000, 16000000, 32000000, 60000000, 60000000}};
    for (int google = 0; google < 2; google++) {
        for (unsigned n = 0; n < ARRAY_LEN(tops[0]); n++) {
            int64_t top = tops[google][n];
            assert_int_equal(retry_backoff_us(n, google, (uint64_t)top), top);
            assert_int_equal(retry_backoff_us(n, google, (uint64_t)top + 1), 0);
            for (uint64_t r = 1; r < 1000; r++)
                assert_in_range(retry_backoff_us(n, google, r * 0x9e3779b97f4a7c15U), 0,
                                top);
        }
    }
    assert_in_range(retry_backoff_us(4000000000U, false, UINT64_MAX), 0, 8000000);
}

static void one_retry_in_five_and_a_floor(void **state)
{
    (void)state;
    struct retry_budget b = {0};
    int64_t now_us = 1000 * (int64_t)US_PER_S;
    unsigned n = 0;
    while (retry_budget_take(&b, now_us))
        n++;
    assert_int_equal(n, 10);
    for (int i = 0; i < 1000; i++)
        retry_budget_request(&b, now_us);
    for (n = 0; retry_budget_take(&b, now_us); n++)
        ;
    assert_int_equal(n, 200);
    assert_false(retry_budget_has(&b, now_us + 10 * US_PER_S));
    assert_true(retry_budget_has(&b, now_us + 20 * US_PER_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_follows_the_contract),
        cmocka_unit_test(what_was_put_right_is_sent_again_at_once),
        cmocka_unit_test(every_code_has_a_plan_and_a_reason),
        cmocka_unit_test(waits_are_bounded_by_patience_deadline_and_budget),
        cmocka_unit_test(another_key_is_tried_at_once),
        cmocka_unit_test(what_only_this_target_cannot_do_moves_on),
        cmocka_unit_test(backoff_doubles_up_to_its_cap),
        cmocka_unit_test(one_retry_in_five_and_a_floor),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
