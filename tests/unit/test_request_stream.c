/* test_request_stream.c: streams that fail, are held or begin anew, and what is kept of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/request_world.h"

#include <cmocka.h>

static const char responses_ask[] =
    "{\"model\":\"one/m\",\"stream\":true,\"input\":\"hi\"}";

static void commit(struct world *w)
{
    w->applied = w->seq;
    request_on_committed(&w->b, w->seq);
}

/* ---- anew ---- */

static void what_was_declared_void_is_not_kept(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1\nx-llmgw-record: full", ASK_STREAM("again"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    cut(call(w, 0));
    begin_stream(call(w, 1));
    say(call(w, 1), ROLE WORLD FINISH USAGE DONE);
    commit(w);
    expect_ended(w, 200);
    assert_string_equal(w->told.text, " world");
    assert_non_null(strstr(w->told.response, "\" world\""));
    assert_null(strstr(w->told.response, "Hello"));
    /* the answer is whole, whatever its client saw before */
    assert_true((w->told.flags & LEDGER_RESTARTED) != 0);
    assert_int_equal(w->told.flags & LEDGER_PARTIAL, 0);
}

static void nothing_begins_anew_that_nobody_is_asked_for(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("again"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO "data: " ERROR("invalid_request_error") "\n\n");
    expect_ended(w, 200);
    assert_int_equal(w->n_calls, 1);
    assert_false(has(&w->got, "\"type\":\"reset\""));
    expect(&w->got, HELLO);
    assert_true((w->told.flags & LEDGER_PARTIAL) != 0);
}

static void what_another_target_dropped_is_not_said_of_this_one(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-fallback: one/m",
        "{\"model\":\"claude/c\",\"seed\":7,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    reject(call(w, 0), 404, NULL, ERROR("not_found_error"));
    pass_time(w, 0);
    reject(call(w, 1), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 400);
    assert_false(has(&w->got_headers, "x-llmgw-dropped"));
    w->told = (struct told){0};
    ask(w, "",
        "{\"model\":\"claude/c\",\"seed\":7,\"presence_penalty\":0.5,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    begin_stream(call(w, 2));
    say(call(w, 2), AN_START AN_HELLO AN_END);
    expect_ended(w, 200);
    expect(&w->got_headers, "x-llmgw-dropped: presence_penalty, seed\r\n");
}

/* ---- held ---- */

static void what_is_held_back_has_a_cap(void **state)
{
    struct world *w = *state;
    w->b.conf->broker.stream_memory = 1000;
    ask(w, "x-llmgw-stream: hold", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    for (int i = 0; i < 20 && !w->calls[0].is_cancelled; i++)
        say(call(w, 0), HELLO);
    assert_false(w->has_replied);
    assert_true(w->calls[0].is_cancelled);
    pass_time(w, S);
    begin_stream(call(w, 1));
    say(call(w, 1), HELLO FINISH USAGE DONE);
    expect_ended(w, 200);
    assert_int_equal(w->told.classes[0], ERR_SERVER);
}

/* ---- the end ---- */

static void who_goes_before_the_commit_has_had_it_all(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 0));
    assert_int_equal(w->n_ends, 0);
    w->client_fns->on_gone(w->client_arg);
    turn(w);
    assert_int_equal(w->told.n_settles, 1);
    assert_int_equal(w->told.outcome, ERR_OK);
    assert_int_equal(w->b.n_requests, 0);
}

/* ---- what a failure is ---- */

static void bytes_that_are_no_stream_are_a_fault_of_the_way(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-fallback: one/m", ASK_STREAM("aws/a"));
    send_head(call(w, 0), 200, "application/vnd.amazon.eventstream", NULL, 0);
    /* a message of 20 bytes whose checksum is wrong */
    const struct str bad = STR("\0\0\0\x14\0\0\0\0\x01\x02\x03\x04 and so on");
    w->calls[0].fns->on_body(w->calls[0].arg, bad);
    pass_time(w, S);
    while (strstr(w->calls[w->n_calls - 1].url, "one") == NULL) {
        send_head(call(w, w->n_calls - 1), 200, "application/vnd.amazon.eventstream",
                  NULL, 0);
        call(w, w->n_calls - 1)->fns->on_body(w->calls[w->n_calls - 1].arg, bad);
        pass_time(w, S);
    }
    answer_stream(call(w, w->n_calls - 1));
    expect_ended(w, 200);
    assert_int_equal(w->told.classes[0], ERR_NETWORK);
}

/* Who was never reached has used nothing; who was at work may have. */
static void a_timeout_costs_where_somebody_was_at_work(void **state)
{
    struct world *w = *state;
    struct err e = ERR_INIT;
    ask(w, "", ASK_STREAM("one/m"));
    err_set(&e, ERR_TIMEOUT, "no connection within 10s");
    e.origin = ERR_BY_TRANSPORT;
    e.sys = 28;
    w->calls[0].is_done = true;
    w->calls[0].fns->on_done(w->calls[0].arg, ERR_TIMEOUT, &e);
    expect_ended(w, 504);
    assert_false(w->told.has_usage);
    w->told = (struct told){0};
    ask(w, "x-llmgw-ttft-timeout-ms: 5000", ASK_STREAM("one/m"));
    begin_stream(call(w, 1));
    pass_time(w, 5 * S);
    expect_ended(w, 504);
    assert_true(w->told.has_usage);
    assert_int_equal(w->told.cost_source, COST_ESTIMATED);
}

/* SDKs sleep whatever they are told: above a minute they are told not to. */
static void a_long_pause_is_not_to_be_slept(void **state)
{
    static const struct {
        const char *hint, *want;
    } rows[] = {{"60", "x-should-retry: true\r\n"}, {"61", "x-should-retry: false\r\n"}};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[128], told[64];
        snprintf(body, sizeof body,
                 "{\"model\":\"one/m%zu\",\"messages\":"
                 "[{\"role\":\"user\",\"content\":\"hi\"}]}",
                 i);
        snprintf(told, sizeof told, "retry-after: %s\r\n", rows[i].hint);
        w->told = (struct told){0};
        ask(w, "x-llmgw-timeout-ms: 1000", body);
        reject(call(w, i), 429, rows[i].hint, ERROR("rate_limit_error"));
        expect_ended(w, 429);
        expect(&w->got_headers, told);
        expect(&w->got_headers, rows[i].want);
    }
}

/* ---- Responses ---- */

#define RS(type, rest) "data: {\"type\":\"response." type "\"" rest "}\n\n"

static void a_message_that_opens_is_no_content_yet(void **state)
{
    struct world *w = *state;
    ask_in(w, &dialect_responses, "x-llmgw-fallback: two/m", responses_ask);
    begin_stream(call(w, 0));
    say(call(w, 0),
        RS("created", ",\"response\":{\"id\":\"r1\",\"status\":\"in_progress\"}")
            RS("output_item.added", ",\"output_index\":0,\"item\":{\"type\":"
                                    "\"message\",\"content\":[]}"));
    assert_false(w->has_replied);
    cut(call(w, 0));
    pass_time(w, S);
    assert_int_equal(w->n_calls, 2);
    reject(call(w, 1), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 400);
    assert_int_equal(w->told.classes[0], ERR_NETWORK);
}

/* Compatible servers may leave the numbers out: ours go on from what was seen. */
static void an_error_has_the_number_behind_the_events_that_were_seen(void **state)
{
    struct world *w = *state;
    ask_in(w, &dialect_responses, "", responses_ask);
    begin_stream(call(w, 0));
    say(call(w, 0),
        RS("created", ",\"response\":{\"id\":\"r1\",\"status\":\"in_progress\"}")
            RS("output_text.delta", ",\"output_index\":0,\"delta\":\"Hello\""));
    cut(call(w, 0));
    expect_ended(w, 200);
    expect(&w->got, "\"sequence_number\":2");
    /* of an attempt that nobody saw there is nothing to follow */
    w->told = (struct told){0};
    ask_in(w, &dialect_responses, "", responses_ask);
    pass_time(w, 15 * S);
    assert_true(w->has_replied);
    begin_stream(call(w, 1));
    say(call(w, 1), RS("created", ",\"response\":{\"id\":\"r1\",\"status\":\"in_"
                                  "progress\"}") "data: "
                                                 "{\"type\":\"error\",\"code\":\"invalid_"
                                                 "value\",\"message\":\"no\"}\n\n");
    expect_ended(w, 200);
    expect(&w->got, "\"sequence_number\":0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_declared_void_is_not_kept),
        CASE(nothing_begins_anew_that_nobody_is_asked_for),
        CASE(what_another_target_dropped_is_not_said_of_this_one),
        CASE(what_is_held_back_has_a_cap),
        CASE(who_goes_before_the_commit_has_had_it_all),
        CASE(bytes_that_are_no_stream_are_a_fault_of_the_way),
        CASE(a_timeout_costs_where_somebody_was_at_work),
        CASE(a_long_pause_is_not_to_be_slept),
        CASE(a_message_that_opens_is_no_content_yet),
        CASE(an_error_has_the_number_behind_the_events_that_were_seen),
    };
    return cmocka_run_group_tests_name("request_stream", tests, NULL, NULL);
}
