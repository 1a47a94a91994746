/* test_request_limits.c: what a request takes of limits, budgets, retries and breakers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/request_world.h"

#include <cmocka.h>

static void answer_whole(struct upstream_xfer *x)
{
    send_head(x, 200, "application/json", NULL, 0);
    say(x, WHOLE);
    end(x);
}

static void a_budget_is_charged_what_was_used(void **state)
{
    struct world *w = *state;
    const struct limit_scope scope = {.provider = STR("one"), .project = STR("cents")};
    const pico cent = PICO_PER_USD / 100;
    ask(w, "x-llmgw-project: cents",
        "{\"model\":\"one/m\",\"max_tokens\":1000,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    assert_in_range(limiter_headroom(w->b.limiter, &scope, w->wall_us), cent * 7 / 10,
                    cent * 8 / 10);
    answer_whole(call(w, 0));
    expect_ended(w, 200);
    assert_int_equal(w->told.cost_pico, 13000000);
    assert_int_equal(limiter_headroom(w->b.limiter, &scope, w->wall_us), cent - 13000000);
}

/* Some providers count the cap when they admit; others what comes out. */
static void a_cap_is_reserved_where_it_is_counted(void **state)
{
    static const struct {
        const char *body, *provider;
        int64_t left;
    } rows[] = {
        {"{\"model\":\"one/m\",\"max_tokens\":900,\"messages\":"
         "[{\"role\":\"user\",\"content\":\"hi\"}]}",
         "one", 100},
        {"{\"model\":\"gem/m\",\"max_tokens\":900,\"messages\":"
         "[{\"role\":\"user\",\"content\":\"hi\"}]}",
         "gem", 1000 - 512},
        {"{\"model\":\"gem/m\",\"max_tokens\":90,\"messages\":"
         "[{\"role\":\"user\",\"content\":\"hi\"}]}",
         "gem", 910},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct limit_room rooms[LIMIT_ROOMS];
        const struct limit_scope scope = {.provider = str_of(rows[i].provider),
                                          .project = STR("short")};
        w->told = (struct told){0};
        ask(w, "x-llmgw-project: short", rows[i].body);
        /* as of a moment before: rooms are told for a moment later */
        limiter_rooms(w->b.limiter, &scope, w->mono_us - US_PER_MS, rooms);
        assert_int_equal(rooms[LIMIT_ROOM_OUTPUT].left, rows[i].left);
        reject(call(w, i), 400, NULL, ERROR("invalid_request_error"));
        expect_ended(w, 400);
    }
}

/* Nobody knows how much of a prompt is cached, and free: only that nothing is left holds it. */
static void what_is_left_holds_no_prompt_that_may_be_cached(void **state)
{
    static const struct {
        const char *model, *left;
        bool is_held;
    } rows[] = {{"claude/c", "1", false}, {"claude/d", "0", true}, {"one/m", "1", true}};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct http1_header told[] = {
            {STR("x-ratelimit-limit-tokens"), STR("9000")},
            {STR("x-ratelimit-remaining-tokens"), str_of(rows[i].left)},
            {STR("x-ratelimit-reset-tokens"), STR("600s")},
        };
        char body[128];
        snprintf(body, sizeof body,
                 "{\"model\":\"%s\",\"messages\":"
                 "[{\"role\":\"user\",\"content\":\"hi there\"}]}",
                 rows[i].model);
        forget_calls(w);
        w->told = (struct told){0};
        ask(w, "", body);
        send_head(call(w, 0), 400, "application/json", told, ARRAY_LEN(told));
        say(call(w, 0), ERROR("invalid_request_error"));
        end(call(w, 0));
        expect_ended(w, 400);
        w->told = (struct told){0};
        ask(w, "x-llmgw-timeout-ms: 1000", body);
        assert_int_equal(w->n_calls, rows[i].is_held ? 1 : 2);
        if (!rows[i].is_held)
            reject(call(w, 1), 400, NULL, ERROR("invalid_request_error"));
        expect_ended(w, rows[i].is_held ? 429 : 400);
    }
}

static void a_retry_is_taken_off_its_budget(void **state)
{
    struct world *w = *state;
    const struct target_state *t = broker_target(&w->b, STR("one"), STR("m"));
    ask(w, "", ASK("one/m"));
    assert_int_equal(t->retries.retries[0], 0);
    reject(call(w, 0), 500, NULL, ERROR("server_error"));
    pass_time(w, 0);
    answer_whole(call(w, 1));
    expect_ended(w, 200);
    assert_int_equal(t->retries.retries[0], 1);
    assert_int_equal(t->retries.requests[0], 2);
}

/* Neither is the next as small asked; the larger one is. */
static void what_is_too_long_goes_to_a_larger_window(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-fallback: two/narrow\nx-llmgw-fallback: two/wide", ASK("one/narrow"));
    reject(call(w, 0), 400, NULL,
           "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\","
           "\"code\":\"context_length_exceeded\"}}");
    pass_time(w, 0);
    assert_int_equal(w->n_calls, 2);
    expect(&w->calls[1].body, "\"wide\"");
    answer_whole(call(w, 1));
    expect_ended(w, 200);
    assert_int_equal(w->told.classes[0], ERR_CONTEXT);
}

/* One that is as small would have served nobody: it is not named to whoever asks next. */
static void a_window_as_small_is_no_fallback(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-fallback: two/narrow", ASK("one/narrow"));
    reject(call(w, 0), 400, NULL,
           "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\","
           "\"code\":\"context_length_exceeded\"}}");
    expect_ended(w, 400);
    assert_int_equal(w->told.classes[0], ERR_CONTEXT);
    assert_false(has(&w->got, "two/narrow"));
    /* nor is anybody to whom no fallback is wanted */
    w->told = (struct told){0};
    ask(w, "x-llmgw-no-fallback: 1", ASK("one/m"));
    reject(call(w, 1), 404, NULL, ERROR("not_found_error"));
    expect_ended(w, 404);
    expect(&w->got, "\"fallback_models\":[]");
    /* a body that no door takes is too large everywhere; one target's minute is its own */
    w->told = (struct told){0};
    ask(w, "", ASK("one/m"));
    reject(call(w, 2), 413, NULL, ERROR("request_too_large"));
    expect_ended(w, 413);
    expect(&w->got, "\"fallback_models\":[\"two/m\"");
}

/* Who was asked last and would have room soon is more to a client than that one is not there. */
static void a_rate_limit_speaks_before_a_refusal(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-timeout-ms: 1000", ASK("both"));
    reject(call(w, 0), 404, NULL, ERROR("not_found_error"));
    pass_time(w, 0);
    reject(call(w, 1), 429, "20", ERROR("rate_limit_error"));
    expect_ended(w, 429);
    assert_int_equal(w->told.outcome, ERR_RATE_LIMIT);
    expect(&w->got_headers, "retry-after: 20\r\n");
}

/* … and of all others, what the preferred target itself says. */
static void the_preferred_targets_refusal_speaks_before_a_fault(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("both"));
    reject(call(w, 0), 404, NULL, ERROR("not_found_error"));
    pass_time(w, 0);
    reject(call(w, 1), 500, NULL, ERROR("server_error"));
    pass_time(w, S);
    reject(call(w, 2), 500, NULL, ERROR("server_error"));
    expect_ended(w, 404);
    assert_int_equal(w->told.outcome, ERR_NOT_FOUND);
}

static void who_cannot_count_may_well_answer(void **state)
{
    struct world *w = *state;
    const struct target_state *t = broker_target(&w->b, STR("claude"), STR("c"));
    for (int i = 0; i < 5; i++) {
        ask_in(w, &dialect_anthropic_count, "", ASK("claude/c"));
        while (w->n_ends == 0) {
            reject(call(w, w->n_calls - 1), 500, NULL, ERROR("api_error"));
            pass_time(w, S);
        }
        assert_int_equal(w->status, 200); /* counted here */
        forget_calls(w);
    }
    assert_int_equal(t->breaker.state, BREAKER_CLOSED);
    assert_int_equal(w->told.n_admits, 0);
}

static void answer_vectors(struct upstream_xfer *x, int n)
{
    AUTO(buf_release) struct buf body = BUF_INIT(10000);
    for (int i = 0; i < n; i++)
        buf_addz(&body, i == 0 ? "{\"embeddings\":{\"float\":[[1]" : ",[1]");
    buf_printf(&body, "]},\"meta\":{\"billed_units\":{\"input_tokens\":%d}}}", n);
    send_head(x, 200, "application/json", NULL, 0);
    say(x, body.data);
    end(x);
}

/* Each is billed for itself; and who answers one is not silent while the next is asked. */
static void the_calls_of_one_attempt_are_summed(void **state)
{
    enum { INPUTS = 250, AT_ONCE = 96 };
    struct world *w = *state;
    buf_addz(&w->asked, "{\"model\":\"co/embed-english-v3.0\",\"input\":[\"a\"");
    for (int i = 1; i < INPUTS; i++)
        buf_addz(&w->asked, ",\"a\"");
    buf_addz(&w->asked, "]}");
    ask_in(w, &dialect_openai_embed,
           "x-llmgw-timeout-ms: 100000\nx-llmgw-fallback: gem/gemini-embedding-001",
           w->asked.data);
    for (size_t i = 0; i < 3; i++) {
        pass_time(w, 30 * S); /* the next one would be asked after 50 s of silence */
        answer_vectors(call(w, i), MIN(INPUTS - (int)i * AT_ONCE, (int)AT_ONCE));
        turn(w);
    }
    expect_ended(w, 200);
    assert_int_equal(w->told.n_attempts, 1);
    assert_int_equal(w->told.in_tok, INPUTS);
}

static void an_error_behind_the_finish_takes_nothing_back(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO FINISH "data: " ERROR("server_error") "\n\n");
    expect_ended(w, 200);
    assert_int_equal(w->told.outcome, ERR_OK);
    expect(&w->got, DONE);
    assert_false(has(&w->got, "server_error"));
    w->told = (struct told){0};
    ask_in(w, &dialect_anthropic, "",
           "{\"model\":\"one/m\",\"max_tokens\":9,\"stream\":true,\"messages\":"
           "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    begin_stream(call(w, 1));
    say(call(w, 1), ROLE HELLO FINISH USAGE "data: " ERROR("server_error") "\n\n");
    expect_ended(w, 200);
    expect(&w->got, "\"stop_reason\":\"end_turn\"");
    expect(&w->got, "\"output_tokens\":2}");
    expect(&w->got, "event: message_stop\n");
    assert_false(has(&w->got, "server_error"));
}

/* Relays say so that a stream failed before it began: what it is decides what comes next. */
static void an_error_that_is_no_event_is_told_as_what_it_is(void **state)
{
    static const struct {
        const char *model, *end;
    } rows[] = {{"one/m", ""}, {"one/m", "\n\n"},    {"claude/c", ""},
                {"co/m", ""},  {"claude/c", "\n\n"}, {"gem/m", "\n\n"}};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"model\":\"%s\",\"stream\":true,\"messages\":"
                 "[{\"role\":\"user\",\"content\":\"hi\"}]}",
                 rows[i].model);
        w->told = (struct told){0};
        ask(w, "", body);
        begin_stream(call(w, i));
        say(call(w, i), "{\n  \"error\": {\"type\": \"invalid_request_error\",");
        say(call(w, i), "\n  \"message\": \"temperature: too hot\"}\n}");
        say(call(w, i), rows[i].end);
        if (w->n_ends == 0)
            end(call(w, i));
        expect_ended(w, 400);
        expect(&w->got, "temperature: too hot");
    }
    w->told = (struct told){0};
    ask_in(w, &dialect_responses, "",
           "{\"model\":\"one/m\",\"stream\":true,\"input\":\"hi\"}");
    begin_stream(call(w, ARRAY_LEN(rows)));
    say(call(w, ARRAY_LEN(rows)), ERROR("invalid_request_error"));
    end(call(w, ARRAY_LEN(rows)));
    expect_ended(w, 400);
}

static void signs_of_life_before_the_first_content_are_ours_to_give(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), ": PROCESSING\n\n" ROLE ": PROCESSING\n\n");
    say(call(w, 0), HELLO FINISH USAGE DONE);
    expect_ended(w, 200);
    assert_false(has(&w->got, "PROCESSING"));
    expect(&w->got, ROLE HELLO);
}

/* Neither a key nor another header that lets us in. */
static void what_a_provider_quotes_of_a_secret_is_hidden(void **state)
{
    struct world *w = *state;
    w->keys[0].value = "key-12345678";
    w->keys[0].len = 12;
    ask(w, "", ASK("two/m"));
    reject(
        call(w, 0), 400, NULL,
        "{\"error\":{\"message\":\"no key-12345678, no pass-87654321 and no tenant-7\","
        "\"type\":\"invalid_request_error\",\"code\":\"a:key-12345678:pass-87654321\"}}");
    expect_ended(w, 400);
    expect(&w->got, "no ************, no ************* and no tenant-7");
    expect(&w->got, "\"provider_code\":\"a:************:*************\"");
    assert_false(has(&w->got, "12345678"));
    assert_false(has(&w->got, "87654321"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_budget_is_charged_what_was_used),
        CASE(a_cap_is_reserved_where_it_is_counted),
        CASE(what_is_left_holds_no_prompt_that_may_be_cached),
        CASE(a_retry_is_taken_off_its_budget),
        CASE(what_is_too_long_goes_to_a_larger_window),
        CASE(a_window_as_small_is_no_fallback),
        CASE(a_rate_limit_speaks_before_a_refusal),
        CASE(the_preferred_targets_refusal_speaks_before_a_fault),
        CASE(who_cannot_count_may_well_answer),
        CASE(the_calls_of_one_attempt_are_summed),
        CASE(an_error_behind_the_finish_takes_nothing_back),
        CASE(an_error_that_is_no_event_is_told_as_what_it_is),
        CASE(what_a_provider_quotes_of_a_secret_is_hidden),
        CASE(signs_of_life_before_the_first_content_are_ours_to_give),
    };
    return cmocka_run_group_tests_name("request_limits", tests, NULL, NULL);
}
