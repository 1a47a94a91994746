/* test_request_asked.c: what is asked, what is translated, and what becomes of it without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/request_world.h"

#include <cmocka.h>

/* ---- what is asked ---- */

static void headers_are_read_strictly(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *header, *want;
    } rows[] = {
        {"x-llmgw-timeout-ms: soon", "header x-llmgw-timeout-ms: must be milliseconds"},
        {"x-llmgw-timeout-ms: 0", "x-llmgw-timeout-ms"},
        {"x-llmgw-max-cost: -1", "x-llmgw-max-cost"},
        {"x-llmgw-tag: colour", "x-llmgw-tag: must be NAME=VALUE"},
        {"x-llmgw-stream: maybe", "must be live, hold or restart"},
        {"x-llmgw-stream: restart", "needs x-llmgw-events: 1"},
        {"x-llmgw-record: all", "must be full, meta or off"},
        {"x-llmgw-events: yes", "must be 0 or 1"},
        {"x-llmgw-hop: HOP", "through this broker before"},
        {"x-llmgw-template: @2", "x-llmgw-template"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        w->told = (struct told){0};
        ask(w, rows[i].header, ASK("one/m"));
        expect_ended(w, 400);
        expect(&w->got, rows[i].want);
        assert_int_equal(w->told.outcome, ERR_INVALID);
        /* no other target would take it */
        expect(&w->got, "\"fallback_models\":[]");
    }
    assert_int_equal(w->n_calls, 0);
}

static void unknown_names_are_not_found(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("nobody/knows"));
    expect_ended(w, 404);
    w->told = (struct told){0};
    ask(w, "x-llmgw-route: nowhere", ASK("one/m"));
    expect_ended(w, 404);
    expect(&w->got, "no route \\\"nowhere\\\"");
}

static void a_body_that_is_no_request_is_recorded_too(void **state)
{
    struct world *w = *state;
    ask(w, "", "{\"model\":1}");
    expect_ended(w, 400);
    assert_int_equal(w->told.n_attempts, 0);
}

static void fallbacks_of_the_client_come_last(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-fallback: two/m", ASK("one/m"));
    reject(call(w, 0), 404, NULL, ERROR("not_found_error"));
    assert_string_equal(w->calls[1].url, "http://two/chat/completions");
    reject(call(w, 1), 404, NULL, ERROR("not_found_error"));
    expect_ended(w, 404);
}

static void a_cost_cap_becomes_an_output_cap(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-max-cost: 0.001", ASK("one/m"));
    expect(&call(w, 0)->body, "\"max_completion_tokens\":");
    reject(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    expect(&w->got_headers, "x-llmgw-max-output-tokens: ");
    w->told = (struct told){0};
    ask(w, "x-llmgw-max-cost: 0", ASK("one/m"));
    expect_ended(w, 403);
}

/* The worst case of a model without a cap is all that it may say: never affordable. */
static void what_money_buys_becomes_the_output_cap(void **state)
{
    static const struct {
        const char *headers, *body, *cap;
    } rows[] = {
        {"x-llmgw-max-cost: 0.01", ASK("one/big"), "\"max_completion_tokens\":499"},
        {"x-llmgw-project: cents", ASK("one/big"), "\"max_completion_tokens\":499"},
        {"x-llmgw-max-cost: 0.01",
         "{\"model\":\"one/big\",\"n\":4,\"messages\":"
         "[{\"role\":\"user\",\"content\":\"hi\"}]}",
         "\"max_completion_tokens\":124"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask(w, rows[i].headers, rows[i].body);
        expect(&call(w, i)->body, rows[i].cap);
        /* if we die now: not all that was allowed, but what is to be expected */
        assert_in_range(w->told.expected_pico, 500 * 2000000, 9999999999);
        reject(call(w, i), 400, NULL, ERROR("invalid_request_error"));
        expect(&w->got_headers, "x-llmgw-max-output-tokens: ");
        w->told = (struct told){0};
    }
}

static void a_spent_budget_refuses_at_once(void **state)
{
    struct world *w = *state;
    const struct limit_scope scope = {.provider = STR("one"), .project = STR("cents")};
    limiter_seed(w->b.limiter, &scope, PICO_PER_USD / 100, w->wall_us, w->wall_us);
    ask(w, "x-llmgw-project: cents", ASK("one/big"));
    expect_ended(w, 403);
    assert_int_equal(w->told.outcome, ERR_REFUSED);
    expect(&w->got, "budget cents is used up, next one in ");
    expect(&w->got, "\"code\":\"refused\"");
    expect(&w->got_headers, "x-should-retry: false");
    assert_int_equal(w->n_calls, 0);
}

static void an_output_cap_is_kept_mid_stream(void **state)
{
    struct world *w = *state;
    ask(w, "",
        "{\"model\":\"one/m\",\"stream\":true,\"max_tokens\":5,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    begin_stream(call(w, 0));
    for (int i = 0; i < 100 && w->n_ends == 0; i++)
        say(call(w, 0), HELLO WORLD);
    expect_ended(w, 200);
    assert_int_equal(w->told.outcome, ERR_REFUSED);
    expect(&w->got, "has passed its cap of 5 tokens");
    assert_true(w->calls[0].is_cancelled);
}

/* The cap is of each choice. */
static void an_output_cap_is_of_each_choice(void **state)
{
    struct world *w = *state;
    int n_said[2] = {0, 0};
    static const char *const asks[] = {
        "{\"model\":\"one/m\",\"stream\":true,\"max_tokens\":500,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}",
        "{\"model\":\"one/m\",\"stream\":true,\"max_tokens\":500,\"n\":4,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}"};
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        w->n_ends = 0;
        ask(w, "", asks[i]);
        begin_stream(call(w, i));
        for (; n_said[i] < 100000 && w->n_ends == 0; n_said[i]++)
            say(call(w, i), HELLO WORLD);
        assert_int_equal(w->told.outcome, ERR_REFUSED);
    }
    assert_true(n_said[1] > 3 * n_said[0]);
}

static void explaining_sends_nothing(void **state)
{
    struct world *w = *state;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(100000);
    const struct conn_request cr = {.head = &w->head, .body = STR(ASK("both"))};
    assert_int_equal(request_explain(&w->b, &cr, &dialect_openai, &out, &e), ERR_OK);
    expect(&out, "\"route\":\"both\"");
    expect(&out, "{\"target\":\"one/m\",\"verdict\":\"chosen\"");
    expect(&out, "{\"target\":\"two/m\",\"verdict\":\"standby\"");
    expect(&out, "\"would_send\":true");
    assert_false(has(&out, "wait_ms"));
    assert_int_equal(jscan_check(buf_str(&out), &e), ERR_OK);
    assert_int_equal(w->n_calls, 0);
    assert_int_equal(w->told.n_admits, 0);
}

/* A limit on what comes out is reserved for each of them. */
static void room_is_reserved_for_each_choice(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-project: short",
        "{\"model\":\"one/m\",\"max_tokens\":400,\"n\":3,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    expect_ended(w, 403);
    expect(&w->got, "never fits: project:short output tokens");
    assert_int_equal(w->n_calls, 0);
    w->told = (struct told){0};
    ask(w, "x-llmgw-project: short",
        "{\"model\":\"one/m\",\"max_tokens\":400,\"n\":2,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    reject(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
}

static void explaining_tells_what_asking_would_wait_for(void **state)
{
    struct world *w = *state;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(100000);
    ask(w, "", ASK("one/slow"));
    reject(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    const struct conn_request cr = {
        .head = &w->head, .body = STR(ASK("one/slow")), .start_mono_us = w->mono_us};
    assert_int_equal(request_explain(&w->b, &cr, &dialect_openai, &out, &e), ERR_OK);
    expect(&out, "\"verdict\":\"later\"");
    expect(&out, "\"would_send\":true,\"wait_ms\":1000");
}

/* Which of the targets of route quick would be asked first, and by what it is ranked. */
static void expect_first(struct world *w, const char *want)
{
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(100000);
    const struct conn_request cr = {.head = &w->head, .body = STR(ASK("quick"))};
    assert_int_equal(request_explain(&w->b, &cr, &dialect_openai, &out, &e), ERR_OK);
    expect(&out, want);
}

static void what_was_measured_long_ago_is_measured_again(void **state)
{
    struct world *w = *state;
    const struct target_times slow = {.total_us = 800000, .output_tok = 5},
                              quick = {.total_us = 300000, .output_tok = 5};
    targets_time(broker_target(&w->b, STR("one"), STR("m")), &slow, w->mono_us);
    pass_time(w, 300 * (int64_t)S);
    targets_time(broker_target(&w->b, STR("two"), STR("m")), &quick, w->mono_us);
    expect_first(w, "{\"target\":\"two/m\",\"verdict\":\"chosen\",\"rank\":\"~300ms\"");
    pass_time(w, 300 * (int64_t)S);
    expect_first(w, "\"chosen\",\"rank\":\"~300ms\"");
    pass_time(w, 1);
    expect_first(w, "{\"target\":\"one/m\",\"verdict\":\"chosen\","
                    "\"rank\":\"speed not measured lately, asked to learn it\"");
}

/* ---- crossed ---- */

static void a_stream_is_translated(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("cross"));
    assert_string_equal(w->calls[0].url, "http://claude/messages");
    expect(&call(w, 0)->head, "x-api-key: sk-1\n");
    expect(&call(w, 0)->body, "\"max_tokens\":");
    begin_stream(call(w, 0));
    say(call(w, 0), AN_START AN("ping", ""));
    assert_false(w->has_replied);
    say(call(w, 0), AN_HELLO);
    expect(&w->got, "\"content\":\"Hello\"");
    say(call(w, 0), AN_END);
    expect_ended(w, 200);
    expect(&w->got, "\"finish_reason\":\"stop\"");
    assert_true(str_ends(buf_str(&w->got), STR(DONE)));
    assert_int_equal(w->told.in_tok, 9);
    assert_int_equal(w->told.out_tok, 2);
    assert_true((w->told.flags & LEDGER_CROSSED) != 0);
}

static void a_translated_answer_that_is_not_streamed_is_collected(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-record: full", ASK("cross"));
    expect(&call(w, 0)->body, "\"stream\":true");
    begin_stream(call(w, 0));
    say(call(w, 0), AN_START AN_HELLO AN_END);
    expect_ended(w, 200);
    expect(&w->got, "\"object\":\"chat.completion\"");
    expect(&w->got, "\"content\":\"Hello\"");
    assert_string_equal(w->told.text, "Hello");
}

/* A request for the crossed route whose message holds `piece` until it has so many bytes. */
static void ask_long(struct world *w, const char *from, const char *piece, const char *to,
                     size_t len)
{
    struct buf *body = &w->asked;
    buf_reset(body);
    buf_addz(body, "{\"model\":\"cross\",\"messages\":[{\"role\":\"user\",\"content\":");
    buf_addz(body, from);
    while (body->len < len)
        buf_addz(body, piece);
    buf_addz(body, to);
    buf_addz(body, "}]}");
    w->told = (struct told){0};
    ask(w, "", body->data);
}

/* The turns that the loop takes until call i is made. */
static size_t turns_to_call(struct world *w, size_t i)
{
    size_t n = 0;
    for (; w->n_calls <= i && n < 10000; n++)
        turn(w);
    return n;
}

static void long_texts_are_translated_too(void **state)
{
    struct world *w = *state;
    static const char *const pieces[] = {"one sentence after another, ",
                                         "lines of text\\n"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        ask_long(w, "\"", pieces[i], "\"", (size_t)33 << 20);
        /* others have their turn meanwhile: no turn writes more than 64 KB of it */
        assert_true(turns_to_call(w, i) > ((size_t)30 << 20) / (64 * 1024));
        assert_true(call(w, i)->body.len > (size_t)33 << 20);
        expect(&call(w, i)->body, pieces[i]);
        reject(call(w, i), 400, NULL, ERROR("invalid_request_error"));
        expect_ended(w, 400);
    }
}

static void nobody_is_asked_for_who_left_while_his_text_was_written(void **state)
{
    struct world *w = *state;
    ask_long(w, "\"", "lines of text\\n", "\"", (size_t)1 << 20);
    turn(w);
    assert_int_equal(w->n_calls, 0);
    w->client_fns->on_gone(w->client_arg);
    for (int i = 0; i < 100; i++)
        turn(w);
    assert_int_equal(w->n_calls, 0);
    assert_int_equal(w->told.outcome, ERR_CANCELLED);
}

static void a_call_that_fails_when_its_text_is_written_is_told(void **state)
{
    struct world *w = *state;
    ask_long(w, "\"", "lines of text\\n", "\"", (size_t)1 << 20);
    turn(w);
    w->n_keys = 0; /* a reload took it away */
    for (int i = 0; i < 100; i++)
        turn(w);
    assert_int_equal(w->n_calls, 0);
    expect_ended(w, 502);
    expect(&w->got, "has no key that may be used now");
}

static void parts_without_end_are_too_many(void **state)
{
    struct world *w = *state;
    ask_long(w, "[{\"type\":\"text\",\"text\":\"a\"}",
             ",{\"type\":\"text\",\"text\":\"a\"}", "]", (size_t)16 << 20);
    expect_ended(w, 413);
    expect(&w->got, "no room to read the body");
    assert_int_equal(w->n_calls, 0);
}

static void a_translated_stream_without_its_end_is_completed(void **state)
{
    struct world *w = *state;
    ask_in(
        w, &dialect_anthropic, "",
        "{\"model\":\"one/m\",\"stream\":true,\"max_tokens\":100,\"messages\":[{\"role\":"
        "\"user\",\"content\":\"hi\"}]}");
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO FINISH);
    end(call(w, 0));
    expect_ended(w, 200);
    expect(&w->got, "event: message_delta\n");
    assert_true(
        str_ends(buf_str(&w->got),
                 STR("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")));
}

/* ---- memory ---- */

/* What an open transfer is answered; the request may let it go at any of these. */
static void answer_if_open(struct upstream_xfer *x, bool is_anthropic)
{
    const char *const openai[] = {ROLE, HELLO, WORLD, FINISH, USAGE DONE};
    const char *const anthropic[] = {AN_START, AN_HELLO, AN_END};
    const char *const *parts = is_anthropic ? anthropic : openai;
    size_t n = is_anthropic ? ARRAY_LEN(anthropic) : ARRAY_LEN(openai);
    begin_stream(x);
    for (size_t i = 0; i < n && !x->is_cancelled && !x->is_detached; i++)
        say(x, parts[i]);
    if (!x->is_cancelled && !x->is_detached)
        end(x);
}

/* Until the request is over: every transfer is answered, and waits pass. */
static void play(struct world *w, bool is_anthropic)
{
    for (int i = 0; i < 20 && w->b.n_requests > 0; i++) {
        for (size_t k = 0; k < w->n_calls; k++) {
            struct upstream_xfer *x = &w->calls[k];
            if (!x->is_done && !x->is_cancelled && !x->is_detached)
                answer_if_open(x, is_anthropic);
        }
        pass_time(w, S);
    }
}

/* Either what comes without a fault or an error; never an end that only looks like one. */
static void check_outcome(const struct world *w, const char *whole,
                          const struct told *want)
{
    assert_int_equal(w->b.n_requests, 0);
    assert_true(w->n_ends == 1 || w->is_aborted);
    assert_true(w->told.n_settles <= 1);
    if (w->n_ends == 0)
        return;
    expect(&w->got_headers, "content-type: ");
    assert_true(str_ends(buf_str(&w->got_headers), STR("\r\n")));
    if (w->status == 200 && !has(&w->got, "\"error\"")) {
        expect(&w->got, whole);
        assert_int_equal(w->told.outcome, ERR_OK);
        assert_int_equal(w->told.cost_pico, want->cost_pico);
        if (w->told.text[0] != '\0') /* else there was no room to keep it */
            assert_string_equal(w->told.text, want->text);
    } else {
        expect(&w->got, "\"error\"");
    }
}

struct memory_case {
    const char *headers, *body, *whole;
    bool is_anthropic;
};

/* The request with its n-th allocation failing, or none; false: it has not so many. */
static bool ask_failing_at(void **state, const struct memory_case *c, enum fault_how how,
                           long n, struct told *want)
{
    set_up(state);
    struct world *w = *state;
    w->may_abort = true;
    fault_arm(FAULT_MEMORY, how, n);
    ask(w, c->headers, c->body);
    play(w, c->is_anthropic);
    bool has_struck = fault_disarm();
    if (how == FAULT_NONE)
        *want = w->told;
    check_outcome(w, c->whole, want);
    tear_down(state);
    return has_struck;
}

static void a_failing_allocation_is_never_a_wrong_answer(void **state)
{
    static const struct memory_case cases[] = {
        {"", ASK_STREAM("one/m"), FINISH, false},
        {"x-llmgw-record: full", ASK_STREAM("both"), FINISH, false},
        {"", ASK_STREAM("cross"), DONE, true},
        {"x-llmgw-stream: hold", ASK_STREAM("both"), FINISH, false},
        {"x-llmgw-record: full", ASK("cross"), "\"content\":\"Hello\"", true},
    };
    tear_down(state);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct told want;
        ask_failing_at(state, &cases[i], FAULT_NONE, 0, &want);
        for (long n = 0; ask_failing_at(state, &cases[i], FAULT_ONCE, n, &want);)
            n++;
    }
    set_up(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(headers_are_read_strictly),
        CASE(unknown_names_are_not_found),
        CASE(a_body_that_is_no_request_is_recorded_too),
        CASE(fallbacks_of_the_client_come_last),
        CASE(a_cost_cap_becomes_an_output_cap),
        CASE(what_money_buys_becomes_the_output_cap),
        CASE(a_spent_budget_refuses_at_once),
        CASE(an_output_cap_is_kept_mid_stream),
        CASE(an_output_cap_is_of_each_choice),
        CASE(room_is_reserved_for_each_choice),
        CASE(explaining_tells_what_asking_would_wait_for),
        CASE(explaining_sends_nothing),
        CASE(what_was_measured_long_ago_is_measured_again),
        CASE(a_stream_is_translated),
        CASE(a_translated_answer_that_is_not_streamed_is_collected),
        CASE(long_texts_are_translated_too),
        CASE(nobody_is_asked_for_who_left_while_his_text_was_written),
        CASE(a_call_that_fails_when_its_text_is_written_is_told),
        CASE(parts_without_end_are_too_many),
        CASE(a_translated_stream_without_its_end_is_completed),
        CASE(a_failing_allocation_is_never_a_wrong_answer),
    };
    return cmocka_run_group_tests_name("request_asked", tests, NULL, NULL);
}
