/* test_record.c: spool records: what goes in comes out, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "broker/record.h"

#include <cmocka.h>

static const char some_id[] = "01KB0000000000000000000001";

static struct usage some_usage(void)
{
    struct usage u = {.reported_pico = PICO_UNKNOWN, .estimated = true};
    for (unsigned i = 0; i < USAGE_N_; i += 2) {
        u.known |= 1U << i;
        u.n[i] = (int64_t)i * 1000003 - 5;
    }
    return u;
}

static void put_some_admit(struct buf *out)
{
    const struct http1_header tags[] = {{STR("ticket"), STR("A-1")},
                                        {STR("empty"), STR("")}};
    struct ledger_admit a = {
        .start_us = 1795575911123456,
        .client = STR("ci"),
        .conversation_name = STR("trip"),
        .route = STR("fast"),
        .project = STR("\xE6\x97\xA5\xE6\x9C\xAC"),
        .kind = STR("chat"),
        .provider = STR("openai"),
        .model = STR("m"),
        .tags = tags,
        .n_tags = ARRAY_LEN(tags),
        .input_tok_estimate = 12345,
        .reserved_pico = PICO_UNKNOWN,
    };
    memcpy(a.id, some_id, sizeof a.id);
    record_put_admit(out, &a);
}

static void put_some_settle(struct buf *out)
{
    struct usage u = some_usage();
    const struct ledger_attempt attempts[] = {
        {.provider = STR("openai"),
         .model = STR("m"),
         .outcome = ERR_OVERLOADED,
         .http_status = 529,
         .cost_pico = 0,
         .start_us = 1,
         .end_us = 2},
        {.index = 1,
         .leg = 1,
         .provider = STR("anthropic"),
         .served_model = STR("m-2026"),
         .usage = &u,
         .cost_pico = 412000000,
         .cost_source = COST_ESTIMATED,
         .billed_estimate = true,
         .pricing = STR("batch"),
         .bytes_in = INT64_MAX},
    };
    struct ledger_settle s = {
        .end_us = INT64_MAX,
        .first_token_us = -1,
        .outcome = ERR_CANCELLED,
        .provider = STR("anthropic"),
        .finish = STR("stop"),
        .usage = &u,
        .cost_pico = INT64_MAX,
        .reported_pico = PICO_UNKNOWN,
        .cost_source = COST_REPORTED,
        .flags = LEDGER_PARTIAL | LEDGER_CACHED,
        .attempts = attempts,
        .n_attempts = ARRAY_LEN(attempts),
        .trace = STR("[{\"a\":1}]"),
        .record = CONF_RECORD_FULL,
    };
    memcpy(s.id, some_id, sizeof s.id);
    record_put_settle(out, &s);
}

static void get_ok(const struct buf *b, struct record *ret)
{
    struct err e = ERR_INIT;
    if (record_get(buf_str(b), ret, &e) != ERR_OK)
        fail_msg("%s", e.text);
}

static void an_admission_comes_back(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf b = BUF_INIT(RECORD_MAX);
    static struct record r;
    put_some_admit(&b);
    get_ok(&b, &r);
    const struct ledger_admit *a = &r.admit;
    assert_int_equal(r.kind, RECORD_ADMIT);
    assert_string_equal(a->id, some_id);
    assert_true(a->start_us == 1795575911123456);
    assert_true(str_eqz(a->project, "\xE6\x97\xA5\xE6\x9C\xAC"));
    assert_true(str_eqz(a->model, "m"));
    assert_null(a->user.ptr);
    assert_true(str_eqz(a->conversation_name, "trip"));
    assert_int_equal(a->input_tok_estimate, 12345);
    assert_true(a->reserved_pico == PICO_UNKNOWN);
    assert_int_equal(a->n_tags, 2);
    assert_true(str_eqz(a->tags[0].value, "A-1"));
    assert_true(a->tags[1].value.ptr != NULL && a->tags[1].value.len == 0);
    assert_true(b.len < 150); /* compact: no names, short numbers */
}

static void an_admission_of_an_older_broker_is_read(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf b = BUF_INIT(RECORD_MAX);
    static struct record r;
    put_some_admit(&b);
    b.data[1] = 1;
    buf_truncate(&b, b.len - (sizeof "trip" - 1) - 1); /* it had no name at the end */
    get_ok(&b, &r);
    assert_true(str_eqz(r.admit.model, "m"));
    assert_null(r.admit.conversation_name.ptr);
}

static void a_settlement_comes_back(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf b = BUF_INIT(RECORD_MAX);
    static struct record r;
    put_some_settle(&b);
    get_ok(&b, &r);
    const struct ledger_settle *s = &r.settle;
    const struct usage want = some_usage();
    assert_int_equal(r.kind, RECORD_SETTLE);
    assert_string_equal(s->id, some_id);
    assert_true(s->end_us == INT64_MAX && s->first_token_us == -1);
    assert_int_equal(s->outcome, ERR_CANCELLED);
    assert_true(s->cost_pico == INT64_MAX && s->reported_pico == PICO_UNKNOWN);
    assert_int_equal(s->cost_source, COST_REPORTED);
    assert_int_equal(s->flags, LEDGER_PARTIAL | LEDGER_CACHED);
    assert_int_equal(s->record, CONF_RECORD_FULL);
    assert_memory_equal(s->usage->n, want.n, sizeof want.n);
    assert_true(s->usage->known == want.known && s->usage->estimated);
    assert_int_equal(s->n_attempts, 2);
    assert_null(s->attempts[0].usage);
    assert_int_equal(s->attempts[0].http_status, 529);
    assert_int_equal(s->attempts[1].leg, 1);
    assert_true(s->attempts[1].bytes_in == INT64_MAX);
    assert_memory_equal(s->attempts[1].usage->n, want.n, sizeof want.n);
    assert_true(str_eqz(s->attempts[1].pricing, "batch"));
    assert_true(str_eqz(s->trace, "[{\"a\":1}]"));
}

static void put_some_state(struct buf *out)
{
    const struct ledger_state s = {
        .key = STR("pin:fast"), .value = STR("{\"target\":\"one/m\"}"), .at_us = -7};
    record_put_state(out, &s);
}

static void a_state_comes_back(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf b = BUF_INIT(RECORD_MAX);
    static struct record r;
    put_some_state(&b);
    get_ok(&b, &r);
    assert_int_equal(r.kind, RECORD_STATE);
    assert_true(str_eqz(r.state.key, "pin:fast"));
    assert_true(str_eqz(r.state.value, "{\"target\":\"one/m\"}"));
    assert_int_equal(r.state.at_us, -7);
}

static void put_some_replay(struct buf *out)
{
    record_put_replay(out, STR("{\"id\":\"R\"}"));
}

static void a_run_of_replay_comes_back(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf b = BUF_INIT(RECORD_MAX);
    static struct record r;
    put_some_replay(&b);
    get_ok(&b, &r);
    assert_int_equal(r.kind, RECORD_REPLAY);
    assert_true(str_eqz(r.replay, "{\"id\":\"R\"}"));
}

static void a_cut_record_is_none(void **state)
{
    (void)state;
    void (*const put[])(struct buf *) = {put_some_admit, put_some_settle, put_some_state,
                                         put_some_replay};
    for (size_t k = 0; k < ARRAY_LEN(put); k++) {
        AUTO(buf_release) struct buf b = BUF_INIT(RECORD_MAX);
        static struct record r;
        struct err e = ERR_INIT;
        put[k](&b);
        for (size_t len = 0; len < b.len; len++)
            assert_int_equal(record_get((struct str){b.data, len}, &r, &e), ERR_SYNTAX);
        buf_addc(&b, '\0');
        assert_int_equal(record_get(buf_str(&b), &r, &e), ERR_SYNTAX);
    }
}

static void long_texts_are_cut_between_code_points(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf b = BUF_INIT(RECORD_MAX), text = BUF_INIT(1000000);
    static struct record r;
    buf_addc(&text, 'a');
    while (text.len < 300000)
        buf_addz(&text, "\xE2\x82\xAC");
    struct ledger_settle s = {
        .id = "X", .finish = buf_str(&text), .trace = buf_str(&text)};
    record_put_settle(&b, &s);
    get_ok(&b, &r);
    assert_int_equal(r.settle.finish.len, 4096); /* 1 + 3 × 1365 */
    assert_true(str_is_utf8(r.settle.finish));
    assert_null(r.settle.trace.ptr); /* half a JSON text is none */
}

static void more_than_fits_is_left_out(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf b = BUF_INIT(RECORD_MAX);
    static struct record r;
    struct ledger_attempt attempts[LIMIT_ATTEMPTS + 5] = {{.index = 0}};
    struct http1_header tags[LIMIT_TAGS + 5] = {{STR("k"), STR("v")}};
    struct ledger_settle s = {
        .id = "X", .attempts = attempts, .n_attempts = ARRAY_LEN(attempts)};
    record_put_settle(&b, &s);
    get_ok(&b, &r);
    assert_int_equal(r.settle.n_attempts, LIMIT_ATTEMPTS);
    buf_reset(&b);
    struct ledger_admit a = {.id = "X", .tags = tags, .n_tags = ARRAY_LEN(tags)};
    record_put_admit(&b, &a);
    get_ok(&b, &r);
    assert_int_equal(r.admit.n_tags, LIMIT_TAGS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_admission_comes_back),
        cmocka_unit_test(an_admission_of_an_older_broker_is_read),
        cmocka_unit_test(a_settlement_comes_back),
        cmocka_unit_test(a_state_comes_back),
        cmocka_unit_test(a_run_of_replay_comes_back),
        cmocka_unit_test(a_cut_record_is_none),
        cmocka_unit_test(long_texts_are_cut_between_code_points),
        cmocka_unit_test(more_than_fits_is_left_out),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
