/* test_request_failure.c: what a request does after a failure, at a limit, without its client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/request_world.h"

#include <cmocka.h>

/* ---- what comes after a failure ---- */

static void a_server_error_is_tried_once_more_then_elsewhere(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("both"));
    reject(call(w, 0), 500, NULL, ERROR("server_error"));
    pass_time(w, 0);
    reject(call(w, 1), 500, NULL, ERROR("server_error"));
    assert_string_equal(w->calls[1].url, "http://one/chat/completions");
    assert_string_equal(w->calls[2].url, "http://two/chat/completions");
    send_head(call(w, 2), 200, "application/json", NULL, 0);
    say(call(w, 2), WHOLE);
    end(call(w, 2));
    expect_ended(w, 200);
    assert_string_equal(w->got.data, WHOLE);
    expect(&w->got_headers, "x-llmgw-attempts: 3\r\n");
    expect(&w->got_headers, "x-llmgw-cost-usd: 0.000013\r\n");
    expect(&w->got_headers, "x-llmgw-cost-source: computed\r\n");
    assert_int_equal(w->told.classes[2], ERR_OK);
    assert_int_equal(w->b.metrics.n_fallbacks, 1);
}

/* What one target's dialect has no word for, another's may have, or not. */
static void fallbacks_are_those_that_could_be_sent_it(void **state)
{
    struct world *w = *state;
    ask(w, "",
        "{\"model\":\"claude/c\",\"messages\":[{\"role\":\"user\",\"content\":["
        "{\"type\":\"text\",\"text\":\"What?\"},{\"type\":\"image_url\",\"image_url\":"
        "{\"url\":\"data:image/tiff;base64,AAAA\"}}]}]}");
    expect_ended(w, 400);
    expect(&w->got, "\"fallback_models\":[\"one/m\",\"two/m\",\"gem/g\"]");
    assert_int_equal(w->n_calls, 0);
}

static void fallbacks_may_be_the_client_s_own_dialect_only(void **state)
{
    struct world *w = *state;
    ask_in(w, &dialect_anthropic, "",
           "{\"model\":\"one/m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
           "\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"url\","
           "\"url\":\"https://example.com/a.pdf\"}}]}]}");
    expect_ended(w, 400);
    expect(&w->got, "\"fallback_models\":[\"claude/c\"]");
    assert_int_equal(w->n_calls, 0);
}

#define TOO_MUCH(cap)                                                                    \
    "{\"error\":{\"message\":\"max_tokens is too large: 90000. This model supports at "  \
    "most " cap " completion tokens, whereas you provided 90000.\",\"type\":"            \
    "\"invalid_request_error\",\"param\":\"max_tokens\",\"code\":null}}"
#define ASK_CAP(model, cap)                                                              \
    "{\"model\":\"" model "\",\"max_completion_tokens\":" cap                            \
    ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static void answer_whole(struct upstream_xfer *x)
{
    send_head(x, 200, "application/json", NULL, 0);
    say(x, WHOLE);
    end(x);
}

static void a_cap_that_is_too_high_is_lowered_once(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_CAP("both", "90000"));
    expect(&call(w, 0)->body, "\"max_completion_tokens\":90000");
    reject(call(w, 0), 400, NULL, TOO_MUCH("16384"));
    assert_string_equal(call(w, 1)->url, "http://one/chat/completions");
    expect(&call(w, 1)->body, "\"max_completion_tokens\":16384");
    if (strstr(w->told.state, "facts:one/m") == NULL ||
        strstr(w->told.state, "\"cap_tok\":16384") == NULL)
        fail_msg("%s", w->told.state);
    answer_whole(call(w, 1));
    expect_ended(w, 200);
    expect(&w->got_headers, "x-llmgw-max-output-tokens: 16384\r\n");
}

static void a_cap_that_a_model_has_refused_is_not_sent_to_it_again(void **state)
{
    struct world *w = *state;
    broker_target(&w->b, STR("one"), STR("m"))->cap_tok = 16384;
    ask(w, "", ASK_CAP("one/m", "90000"));
    expect(&call(w, 0)->body, "\"max_completion_tokens\":16384");
    answer_whole(call(w, 0));
    expect_ended(w, 200);
    expect(&w->got_headers, "x-llmgw-max-output-tokens: 16384\r\n");
}

static void a_cap_that_is_refused_again_is_an_error(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_CAP("one/m", "90000"));
    reject(call(w, 0), 400, NULL, TOO_MUCH("16384"));
    reject(call(w, 1), 400, NULL, TOO_MUCH("8192"));
    assert_int_equal(w->n_calls, 2);
    expect_ended(w, 400);
}

static const char begun[] =
    "{\"model\":\"gem/gemini-3.5-flash\",\"messages\":[{\"role\":\"user\",\"content\":"
    "\"hi\"},{\"role\":\"assistant\",\"content\":\"I\"}]}";
static const char no_prefill[] =
    "{\"error\":{\"code\":400,\"message\":\"Requests ending with a model turn are not "
    "supported\",\"status\":\"INVALID_ARGUMENT\"}}";

static void a_beginning_that_is_refused_is_sent_with_words(void **state)
{
    struct world *w = *state;
    ask(w, "", begun);
    assert_false(has(&call(w, 0)->body, "Continue."));
    reject(call(w, 0), 400, NULL, no_prefill);
    expect(&call(w, 1)->body, "Continue.");
    reject(call(w, 1), 400, NULL, no_prefill); /* it is not that, then */
    assert_int_equal(w->n_calls, 2);
    expect_ended(w, 400);
}

static void a_beginning_that_is_meant_goes_to_who_goes_on_with_it(void **state)
{
    struct world *w = *state;
    ask_in(
        w, &dialect_anthropic, "x-llmgw-fallback: claude/c\r\n",
        "{\"model\":\"gem/gemini-3.5-flash\",\"max_tokens\":99,\"messages\":[{\"role\":"
        "\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"I\"}]}");
    reject(call(w, 0), 400, NULL, no_prefill);
    assert_string_equal(call(w, 1)->url, "http://claude/messages");
    reject(call(w, 1), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 400);
}

static void a_short_retry_after_is_waited_out_on_the_same_target(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("both"));
    reject(call(w, 0), 429, "2", ERROR("rate_limit_error"));
    assert_int_equal(w->n_calls, 1);
    pass_time(w, 2 * S - 1);
    assert_int_equal(w->n_calls, 1);
    pass_time(w, 1);
    assert_string_equal(w->calls[1].url, "http://one/chat/completions");
    reject(call(w, 1), 429, "2", ERROR("rate_limit_error")); /* patience is used up */
    assert_string_equal(w->calls[2].url, "http://two/chat/completions");
    reject(call(w, 2), 429, "100", ERROR("rate_limit_error"));
    assert_int_equal(w->n_ends,
                     0); /* nobody has room now: the one that has it first is awaited */
    pass_time(w, 2 * S);
    assert_string_equal(w->calls[3].url, "http://one/chat/completions");
    reject(call(w, 3), 429, "700", ERROR("rate_limit_error")); /* beyond the deadline */
    expect_ended(w, 429);
    expect(&w->got_headers, "retry-after: 2\r\n");
    expect(&w->got, "\"attempts\":[{\"target\":\"one/m\",\"class\":\"rate_limit\"");
}

static void a_long_retry_after_moves_on_at_once(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("both"));
    reject(call(w, 0), 429, "30", ERROR("rate_limit_error"));
    answer_stream(call(w, 1));
    pass_time(w, S);
    expect_ended(w, 200);
    expect(
        &w->got,
        "{\"type\":\"fallback\",\"from\":\"one/m\",\"to\":\"two/m\",\"reason\":\"429\"");
}

static void a_silent_target_is_never_asked_twice(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-ttft-timeout-ms: 5000", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE);
    pass_time(w, 5 * S);
    assert_true(w->calls[0].is_cancelled);
    assert_string_equal(w->calls[1].url, "http://two/chat/completions");
    pass_time(w, 5 * S);
    expect_ended(w, 504);
    assert_int_equal(w->n_calls, 2);
    assert_int_equal(w->told.classes[0], ERR_TIMEOUT);
}

/* Without a stream nobody knows who is at work: the next one gets half of the time. */
static void a_silent_target_leaves_time_for_the_next(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-timeout-ms: 20000", ASK("both"));
    pass_time(w, 10 * S - 1);
    assert_int_equal(w->n_calls, 1);
    pass_time(w, 1);
    assert_true(w->calls[0].is_cancelled);
    assert_string_equal(w->calls[1].url, "http://two/chat/completions");
    pass_time(w, 10 * S - 1);
    assert_int_equal(w->n_ends, 0);
    pass_time(w, 1);
    expect_ended(w, 504);
    assert_int_equal(w->told.classes[0], ERR_TIMEOUT);
}

static void who_thinks_is_not_silent(void **state)
{
    static const char thought[] = AN(
        "content_block_delta",
        ",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}");
    struct world *w = *state;
    ask(w, "", ASK_STREAM("cross"));
    begin_stream(call(w, 0));
    say(call(w, 0), AN_START);
    for (int i = 0; i < 3; i++) {
        pass_time(w, 50 * S);
        say(call(w, 0), thought);
    }
    pass_time(w, 50 * S);
    say(call(w, 0), AN("ping", "")); /* says only that the line holds */
    assert_false(w->calls[0].is_cancelled);
    pass_time(w, 10 * S);
    assert_true(w->calls[0].is_cancelled);
    expect(&w->got, "no first token within 1m");
}

static void the_smallest_hint_is_told_whoever_gave_none(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-timeout-ms: 1000", ASK("both"));
    reject(call(w, 0), 429, "20", ERROR("rate_limit_error"));
    reject(call(w, 1), 429, NULL, ERROR("rate_limit_error"));
    pass_time(w, 2 * S);
    while (w->n_ends == 0)
        reject(call(w, w->n_calls - 1), 429, NULL, ERROR("rate_limit_error"));
    expect_ended(w, 429);
    expect(&w->got_headers, "retry-after: 20\r\n");
}

static void who_gets_no_hint_is_given_ours(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    reject(call(w, 0), 503, NULL, ERROR("overloaded_error"));
    reject(call(w, 1), 503, NULL, ERROR("overloaded_error"));
    reject(call(w, 2), 503, NULL, ERROR("overloaded_error"));
    expect_ended(w, 503);
    expect(&w->got_headers, "retry-after: 4\r\n");
    expect(&w->got_headers, "retry-after-ms: 4000\r\n");
    expect(&w->got_headers, "x-should-retry: false\r\n"); /* that was done here */
}

static void nobody_waits_long_for_the_ill(void **state)
{
    struct world *w = *state;
    struct err e = ERR_INIT;
    err_set(&e, ERR_TIMEOUT, "silent");
    e.retry_after_us = 20 * S;
    for (int i = 0; i < 3; i++)
        breaker_failed(&broker_target(&w->b, STR("one"), STR("m"))->breaker, &e,
                       w->mono_us);
    ask(w, "", ASK("one/m"));
    expect_ended(w, 503);
    assert_int_equal(w->n_calls, 0);
    expect(&w->got_headers, "retry-after: 20\r\n");
}

static void one_deadline_bounds_it_all(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-timeout-ms: 20000", ASK("one/m"));
    pass_time(w, 10 * S);
    reject(call(w, 0), 429, "3", ERROR("rate_limit_error"));
    pass_time(w, 3 * S);
    assert_int_equal(w->n_calls, 2);
    pass_time(w, 7 * S);
    expect_ended(w, 429); /* the rate limit says more than the deadline */
    assert_true(w->calls[1].is_cancelled);
}

static void what_the_request_itself_does_wrong_stops(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("both"));
    reject(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 400);
    assert_int_equal(w->n_calls, 1);
    expect(&w->got_headers, "x-should-retry: false\r\n");
}

static void a_key_that_is_being_fetched_is_waited_for(void **state)
{
    struct world *w = *state;
    w->key_comes_us = w->mono_us + S;
    ask(w, "", ASK("both"));
    pass_time(w, S - 1);
    assert_int_equal(w->n_calls, 0);
    pass_time(w, S / 10);
    assert_string_equal(w->calls[0].url, "http://one/chat/completions");
    reject(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 400);
}

static void a_refused_key_rests_and_the_next_is_tried(void **state)
{
    struct world *w = *state;
    w->n_keys = 2;
    ask(w, "", ASK("both"));
    reject(call(w, 0), 401, NULL, ERROR("authentication_error"));
    expect(&call(w, 1)->head, "authorization: Bearer sk-2\n");
    assert_string_equal(w->calls[1].url, "http://one/chat/completions");
    reject(call(w, 1), 401, NULL, ERROR("authentication_error"));
    expect_ended(w, 502); /* "two" has no key that may be used either */
    assert_int_equal(w->states[0].breaker.state, BREAKER_OPEN);
    assert_int_equal(w->states[1].breaker.state, BREAKER_OPEN);
    expect(&w->got, "upstream_authentication");
}

/* What gem answers to `n` inputs: vectors of so many ones each. */
static void answer_vectors(struct upstream_xfer *x, size_t n, size_t n_numbers)
{
    AUTO(buf_release) struct buf one = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t k = 0; k < n_numbers; k++)
        buf_addz(&one, k == 0 ? "{\"values\":[1" : ",1");
    buf_addz(&one, "]}");
    send_head(x, 200, "application/json", NULL, 0);
    say(x, "{\"embeddings\":[");
    for (size_t k = 0; k < n; k++) {
        say(x, k == 0 ? "" : ",");
        say(x, one.data);
    }
    say(x, "]}");
    end(x);
}

#define GEM "gem/gemini-embedding-001"

static void ask_vectors(struct world *w, const char *model, size_t n, const char *rest)
{
    struct buf *body = &w->asked; /* it is read from for some turns */
    buf_reset(body);
    buf_printf(body, "{\"model\":\"%s\",\"input\":[\"a\"", model);
    for (size_t i = 1; i < n; i++)
        buf_addz(body, ",\"a\"");
    buf_printf(body, "]%s}", rest);
    ask_in(w, &dialect_openai_embed, "", body->data);
}

/* A target that takes fewer at a time is asked more often: it may be named, too. */
static void a_fallback_may_take_several_calls(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < 2; i++) {
        w->told = (struct told){0};
        ask_vectors(w, "co/embed-english-v3.0", i == 0 ? 150 : 3300, ",\"dimensions\":9");
        expect_ended(w, 400);
        expect(&w->got, "\"one/m\",\"two/m\"");
        assert_int_equal(has(&w->got, "\"gem/g\""), i == 0);
        turn(w);
    }
}

/* Embeddings may take several calls: whose key was on trial hears how all ended. */
static void the_calls_of_one_attempt_have_one_key(void **state)
{
    struct world *w = *state;
    w->n_keys = 2;
    w->states[0].breaker.state = BREAKER_HALF_OPEN;
    ask_vectors(w, GEM, 150, "");
    for (size_t i = 0; i < 2; i++) {
        expect(&call(w, i)->head, "x-goog-api-key: sk-1\n");
        answer_vectors(call(w, i), i == 0 ? 100 : 50, 1);
        turn(w);
    }
    expect_ended(w, 200);
    assert_int_equal(w->states[0].breaker.state, BREAKER_CLOSED);
}

static unsigned turns_to_reply(struct world *w)
{
    unsigned n = 0;
    for (; !w->has_replied && n < 100; n++)
        turn(w);
    return n;
}

/* 600 KB of numbers are no turn's work: 64 KB of them are. */
static void a_long_answer_of_embeddings_takes_some_turns(void **state)
{
    struct world *w = *state;
    static const char *const rest[] = {"", ",\"encoding_format\":\"base64\""};
    for (size_t i = 0; i < ARRAY_LEN(rest); i++) {
        w->has_replied = false;
        ask_vectors(w, GEM, 100, rest[i]);
        answer_vectors(call(w, i), 100, 3000);
        assert_in_range(turns_to_reply(w), 9, 15);
        assert_int_equal(w->status, 200);
        assert_true(has(&w->got, "\"index\":99,"));
    }
}

/* What the first call brought tells how long all would be. */
static void too_many_embeddings_are_not_asked_for_to_the_end(void **state)
{
    struct world *w = *state;
    ask_vectors(w, GEM, 3200, "");
    answer_vectors(call(w, 0), 100, 20000);
    assert_in_range(turns_to_reply(w), 50, 80);
    expect_ended(w, 400);
    assert_int_equal(w->n_calls, 1);
    expect(&w->got,
           "the embeddings of all 3200 are more than the 64 MiB that an answer may have: "
           "ask for \\\"encoding_format\\\": \\\"base64\\\", fewer dimensions, or for "
           "fewer");
    assert_true(w->told.has_usage);
}

/* Nor are more asked for that pass the cap in one call; they were made all the same. */
static void an_answer_of_embeddings_beyond_the_cap_is_billed(void **state)
{
    struct world *w = *state;
    AUTO(buf_release) struct buf piece = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t i = 0; i < 1024 * 1024 / 4; i++)
        buf_addz(&piece, "0.1,");
    ask_in(w, &dialect_openai_embed, "",
           "{\"model\":\"one/text-embedding-3-large\",\"input\":[\"a\",\"b\"],"
           "\"encoding_format\":\"base64\"}");
    send_head(call(w, 0), 200, "application/json", NULL, 0);
    say(call(w, 0), "{\"data\":[{\"embedding\":[");
    for (size_t i = 0; i < LIMIT_REPLY_LEN >> 20; i++)
        say(call(w, 0), piece.data);
    expect_ended(w, 400);
    assert_int_equal(w->n_calls, 1);
    expect(&w->got, "may have: ask for fewer dimensions, or for fewer at once");
    assert_true(w->told.has_usage && (w->told.flags & LEDGER_ESTIMATED) != 0);
}

static void embeddings_of_other_sizes_are_no_answer(void **state)
{
    struct world *w = *state;
    ask_vectors(w, GEM, 150, "");
    for (size_t i = 0; i < 4; i += 2) { /* it is asked again, once */
        answer_vectors(call(w, i), 100, 3);
        turn(w);
        answer_vectors(call(w, i + 1), 50, 4);
        pass_time(w, S);
    }
    expect_ended(w, 502);
    expect(&w->got, "embedding 100 has 4 numbers, not 3");
}

/* The first says that a field stands in the wrong place. */
static void the_second_error_of_an_attempt_has_its_own_headers(void **state)
{
    struct world *w = *state;
    static const char error[] =
        "{\"error\":{\"code\":%d,\"message\":\"%s\",\"status\":\"%s\"}}";
    char text[256];
    ask(w, "", ASK_STREAM("gem/gemini-3-flash"));
    begin_stream(call(w, 0));
    say(call(w, 0), "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":["
                    "{\"text\":\"Hello\"}]},\"finishReason\":\"CONTINUATION\","
                    "\"continuationToken\":\"go on\"}]}\n\n");
    end(call(w, 0));
    snprintf(text, sizeof text, error, 400, "Unknown name continuationToken",
             "INVALID_ARGUMENT");
    reject(call(w, 1), 400, "100", text);
    snprintf(text, sizeof text, error, 429, "slowly", "RESOURCE_EXHAUSTED");
    reject(call(w, 2), 429, "700", text);
    expect_ended(w, 200);
    expect(&w->got, "700");
    assert_int_equal(w->told.classes[0], ERR_RATE_LIMIT);
}

/* The pieces of a long answer are counted together, or guessed together. */
static void a_piece_that_does_not_tell_its_usage_makes_the_sum_an_estimate(void **state)
{
    struct world *w = *state;
    static const char *const usages[] = {
        "", ",\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":2}"};
    for (size_t i = 0; i < ARRAY_LEN(usages); i++) {
        char text[512];
        w->told = (struct told){0};
        ask(w, "", ASK_STREAM("gem/gemini-3-flash"));
        begin_stream(call(w, 2 * i));
        snprintf(
            text, sizeof text,
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}]},"
            "\"finishReason\":\"CONTINUATION\",\"continuationToken\":\"go on\"}]%s}\n\n",
            usages[i]);
        say(call(w, 2 * i), text);
        end(call(w, 2 * i));
        begin_stream(call(w, 2 * i + 1));
        snprintf(
            text, sizeof text,
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" world\"}]},"
            "\"finishReason\":\"STOP\"}]%s}\n\n",
            usages[1]);
        say(call(w, 2 * i + 1), text);
        end(call(w, 2 * i + 1));
        expect_ended(w, 200);
        assert_int_equal(w->told.outcome, ERR_OK);
        assert_int_equal((w->told.flags & LEDGER_ESTIMATED) != 0, i == 0);
        turn(w);
    }
}

/* Its text would be told as that of the answer. */
static void an_answer_that_nobody_asked_for_is_not_told(void **state)
{
    struct world *w = *state;
    static const char *const chunks[] = {
        "data: "
        "{\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"Hello\"}]}},"
        "{\"index\":1,\"content\":{\"parts\":[{\"text\":\"Other\"}]}}]}\n\n",
        "data: {\"candidates\":[{\"index\":1,\"finishReason\":\"MAX_TOKENS\"},"
        "{\"index\":0,\"finishReason\":\"STOP\"}]}\n\n"};
    ask(w, "", ASK_STREAM("gem/gemini-3-flash"));
    begin_stream(call(w, 0));
    for (size_t i = 0; i < ARRAY_LEN(chunks); i++)
        say(call(w, 0), chunks[i]);
    end(call(w, 0));
    expect_ended(w, 200);
    expect(&w->got, "Hello");
    expect(&w->got, "\"finish_reason\":\"stop\"");
    assert_null(strstr(w->got.data, "Other"));
    assert_null(strstr(w->got.data, "\"finish_reason\":\"length\""));
}

/* What is signed with grows to make room for what goes beside it. */
static void no_copy_of_a_signing_key_is_left_behind(void **state)
{
    struct world *w = *state;
    char key[1024] = "AKID:sk-signs:";
    size_t len = strlen(key);
    memset(key + len, 't', sizeof key - len);
    w->keys[0].value = key;
    w->keys[0].len = sizeof key;
    ask(w, "", ASK("aws/anthropic.claude-sonnet-4-5"));
    reject(call(w, 0), 400, NULL, "{\"message\":\"no\"}");
    expect_ended(w, 400);
}

/* The next request is one of its own, for the ledger too. */
static void ask_next(struct world *w, const struct dialect_ops *dialect,
                     const char *headers, const char *body)
{
    w->told = (struct told){0};
    ask_in(w, dialect, headers, body);
}

static void a_quota_that_is_used_up_is_told_to_whoever_asks_next(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    reject(call(w, 0), 429, NULL, ERROR("insufficient_quota"));
    expect_ended(w, 429);
    static const char *const models[] = {ASK("one/m"), ASK("one/other")};
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        ask_next(w, &dialect_openai, "", models[i]);
        expect_ended(w, 429);
        expect(&w->got, "\"code\":\"insufficient_quota\"");
        expect(&w->got, "key one#1 has used up its quota, retry in 10m");
        expect(&w->got_headers, "x-should-retry: false\r\n");
        assert_false(has(&w->got_headers, "retry-after"));
    }
    ask_next(w, &dialect_anthropic, "",
             "{\"model\":\"one/m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
             "\"content\":\"hi\"}]}");
    expect_ended(w, 402);
    expect(&w->got, "billing_error");
    assert_int_equal(w->n_calls, 1);
}

static void a_quota_rests_until_its_reset_however_far(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    reject(call(w, 0), 429, "604800", ERROR("insufficient_quota"));
    expect_ended(w, 429);
    pass_time(w, 6 * 86400 * (int64_t)S);
    ask_next(w, &dialect_openai, "", ASK("one/m"));
    expect_ended(w, 429);
    assert_int_equal(w->n_calls, 1);
}

static void a_refused_key_is_named_to_whoever_asks_next(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    reject(call(w, 0), 401, NULL, ERROR("authentication_error"));
    ask_next(w, &dialect_openai, "", ASK("one/other"));
    expect_ended(w, 502);
    expect(&w->got, "upstream_authentication");
    expect(&w->got, "key one#1 was not accepted, retry in 10m");
}

static void one_request_tries_a_benched_key_for_all(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    reject(call(w, 0), 401, NULL, ERROR("authentication_error"));
    expect(&w->got, "upstream_authentication");
    assert_non_null(strstr(w->told.state, "key:one:1={\"until_us\":"));
    pass_time(w, 600 * (int64_t)S);
    ask_next(w, &dialect_openai, "", ASK_STREAM("one/m"));
    expect(&call(w, 1)->head, "authorization: Bearer sk-1\n");
    assert_int_equal(breaker_wait_us(&w->states[0].breaker, w->mono_us), S);
    begin_stream(call(w, 1));
    say(call(w, 1), ROLE HELLO);
    /* the key is good, whatever comes of this answer */
    assert_int_equal(w->states[0].breaker.state, BREAKER_CLOSED);
    assert_string_equal(w->told.state, "key:one:1=");
    say(call(w, 1), FINISH USAGE DONE);
    expect_ended(w, 200);
}

static void the_clients_own_key_is_no_matter_of_others(void **state)
{
    struct world *w = *state;
    static const int told[] = {429, 402};
    static const char *const why[] = {ERROR("rate_limit_error"), ERROR("billing_error")};
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        ask_next(w, &dialect_openai, "x-llmgw-provider-key: one=sk-mine", ASK("one/m"));
        reject(call(w, 2 * i), told[i], "700", why[i]);
        expect_ended(w, 429);
        ask_next(w, &dialect_openai, "", ASK("one/m"));
        expect(&call(w, 2 * i + 1)->head, "authorization: Bearer sk-1\n");
        reject(call(w, 2 * i + 1), 400, NULL, ERROR("invalid_request_error"));
    }
}

static void what_is_left_of_a_clients_limits_is_no_matter_of_others(void **state)
{
    struct world *w = *state;
    const struct http1_header spent[] = {
        {STR("x-ratelimit-limit-requests"), STR("9")},
        {STR("x-ratelimit-remaining-requests"), STR("0")},
        {STR("x-ratelimit-reset-requests"), STR("60s")},
    };
    static const char *const keys[] = {"x-llmgw-provider-key: one=sk-mine", ""};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        ask_next(w, &dialect_openai, keys[i], ASK("one/m"));
        send_head(call(w, i), 200, "application/json", spent, ARRAY_LEN(spent));
        say(call(w, i), WHOLE);
        end(call(w, i));
        expect_ended(w, 200);
    }
    ask_next(w, &dialect_openai, "", ASK("one/m"));
    assert_int_equal(w->n_calls, 2); /* of ours nothing is left */
    pass_time(w, 61 * (int64_t)S);
    reject(call(w, 2), 400, NULL, ERROR("invalid_request_error"));
}

static void our_quota_is_no_matter_of_a_client_with_a_key(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    reject(call(w, 0), 429, NULL, ERROR("insufficient_quota"));
    ask_next(w, &dialect_openai, "x-llmgw-provider-key: one=sk-mine", ASK("one/m"));
    reject(call(w, 1), 402, NULL, ERROR("billing_error"));
    expect_ended(w, 429);
    expect(&w->got, "insufficient_quota");
}

static void a_key_of_the_client_is_used_once(void **state)
{
    struct world *w = *state;
    w->n_keys = 0;
    ask(w, "x-llmgw-provider-key: one=sk-mine", ASK("one/m"));
    expect(&call(w, 0)->head, "authorization: Bearer sk-mine\n");
    reject(call(w, 0), 401, NULL, ERROR("authentication_error"));
    expect_ended(w, 502);
    assert_false(has(&w->got, "sk-mine"));
}

static void a_spare_key_is_for_whom_we_have_none(void **state)
{
    struct world *w = *state;
    static const char spare[] =
        "x-llmgw-spare-keys: 1\nx-llmgw-provider-key: one=sk-mine";
    ask(w, spare, ASK("one/m"));
    expect(&call(w, 0)->head, "authorization: Bearer sk-1\n");
    reject(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    w->n_keys = 0;
    ask_next(w, &dialect_openai, spare, ASK("one/m"));
    expect(&call(w, 1)->head, "authorization: Bearer sk-mine\n");
    reject(call(w, 1), 400, NULL, ERROR("invalid_request_error"));
}

static void nothing_answers_where_nobody_can(void **state)
{
    struct world *w = *state;
    w->n_keys = 0;
    ask(w, "", ASK("both"));
    expect_ended(w, 502);
    assert_int_equal(w->n_calls, 0);
    expect(&w->got, "one/m: no key; two/m: no key\\nhint: llmgw doctor ");
}

/* ---- limits ---- */

static void what_does_not_fit_waits_for_its_turn(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/slow"));
    send_head(call(w, 0), 200, "application/json", NULL, 0);
    say(call(w, 0), WHOLE);
    end(call(w, 0));
    w->told = (struct told){0};
    ask(w, "", ASK("one/slow"));
    assert_int_equal(w->n_calls, 1);
    assert_int_equal(w->b.n_waiting, 1);
    pass_time(w, S);
    assert_int_equal(w->b.n_waiting, 0);
    send_head(call(w, 1), 200, "application/json", NULL, 0);
    say(call(w, 1), WHOLE);
    end(call(w, 1));
    expect_ended(w, 200);
}

static void who_waits_may_go(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/slow"));
    w->client_fns->on_gone(w->client_arg);
    w->told = (struct told){0};
    ask(w, "", ASK("one/slow"));
    assert_int_equal(w->b.n_waiting, 1);
    w->client_fns->on_gone(w->client_arg);
    assert_int_equal(w->told.outcome, ERR_CANCELLED);
    assert_int_equal(w->told.n_attempts, 0);
}

/* ---- the client goes ---- */

static void a_client_that_goes_stops_its_upstream(void **state)
{
    struct world *w = *state;
    static const char *const said[] = {"", ROLE, ROLE HELLO, ROLE HELLO FINISH};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        w->told = (struct told){0};
        ask(w, "", ASK_STREAM("both"));
        begin_stream(call(w, i));
        say(call(w, i), said[i]);
        w->client_fns->on_gone(w->client_arg);
        assert_true(w->calls[i].is_cancelled);
        assert_int_equal(w->told.outcome, ERR_CANCELLED);
        assert_int_equal(w->told.n_settles, 1);
        assert_int_equal(w->told.cost_source, COST_ESTIMATED);
        assert_true(w->told.in_tok > 0);
        turn(w);
    }
    assert_true(
        breaker_allows(&broker_target(&w->b, STR("one"), STR("m"))->breaker, w->mono_us));
}

static void an_administrator_may_end_it(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO);
    AUTO(buf_release) struct buf list = BUF_INIT(10000);
    request_write_inflight(&w->b, &list);
    expect(&list, "\"state\":\"STREAMING\"");
    char id[27];
    memcpy(id, container_of(w->b.requests.next, struct request, link)->id, sizeof id);
    assert_false(request_cancel(&w->b, STR("nobody")));
    assert_true(request_cancel(&w->b, str_of(id)));
    expect_ended(w, 200);
    assert_int_equal(w->told.outcome, ERR_CANCELLED);
    assert_false(has(&w->got, "[DONE]"));
}

/* All of it has been recorded: its end is told, and nobody holds the connection any more. */
static void who_waits_for_the_commit_is_told_when_the_broker_stops(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 0));
    assert_int_equal(w->n_ends, 0);
    request_cancel_all(&w->b, "the broker stops");
    expect_ended(w, 200);
    assert_null(w->client_fns);
    assert_int_equal(w->told.outcome, ERR_OK);
    expect(&w->got, "\"recorded\":\"spooled\"");
    expect(&w->got, "[DONE]");

    w->told = (struct told){0};
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 1));
    w->client_fns->on_gone(w->client_arg);
    assert_int_equal(w->n_ends, 0);
    assert_int_equal(w->told.outcome, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_server_error_is_tried_once_more_then_elsewhere),
        CASE(a_cap_that_is_too_high_is_lowered_once),
        CASE(a_cap_that_a_model_has_refused_is_not_sent_to_it_again),
        CASE(a_cap_that_is_refused_again_is_an_error),
        CASE(a_beginning_that_is_refused_is_sent_with_words),
        CASE(a_beginning_that_is_meant_goes_to_who_goes_on_with_it),
        CASE(fallbacks_are_those_that_could_be_sent_it),
        CASE(fallbacks_may_be_the_client_s_own_dialect_only),
        CASE(a_short_retry_after_is_waited_out_on_the_same_target),
        CASE(a_long_retry_after_moves_on_at_once),
        CASE(a_silent_target_is_never_asked_twice),
        CASE(a_silent_target_leaves_time_for_the_next),
        CASE(who_thinks_is_not_silent),
        CASE(the_smallest_hint_is_told_whoever_gave_none),
        CASE(who_gets_no_hint_is_given_ours),
        CASE(nobody_waits_long_for_the_ill),
        CASE(one_deadline_bounds_it_all),
        CASE(what_the_request_itself_does_wrong_stops),
        CASE(a_key_that_is_being_fetched_is_waited_for),
        CASE(a_refused_key_rests_and_the_next_is_tried),
        CASE(a_fallback_may_take_several_calls),
        CASE(the_calls_of_one_attempt_have_one_key),
        CASE(a_long_answer_of_embeddings_takes_some_turns),
        CASE(too_many_embeddings_are_not_asked_for_to_the_end),
        CASE(an_answer_of_embeddings_beyond_the_cap_is_billed),
        CASE(embeddings_of_other_sizes_are_no_answer),
        CASE(the_second_error_of_an_attempt_has_its_own_headers),
        CASE(a_piece_that_does_not_tell_its_usage_makes_the_sum_an_estimate),
        CASE(an_answer_that_nobody_asked_for_is_not_told),
        CASE(no_copy_of_a_signing_key_is_left_behind),
        CASE(a_quota_that_is_used_up_is_told_to_whoever_asks_next),
        CASE(a_quota_rests_until_its_reset_however_far),
        CASE(a_refused_key_is_named_to_whoever_asks_next),
        CASE(the_clients_own_key_is_no_matter_of_others),
        CASE(one_request_tries_a_benched_key_for_all),
        CASE(what_is_left_of_a_clients_limits_is_no_matter_of_others),
        CASE(our_quota_is_no_matter_of_a_client_with_a_key),
        CASE(a_key_of_the_client_is_used_once),
        CASE(a_spare_key_is_for_whom_we_have_none),
        CASE(nothing_answers_where_nobody_can),
        CASE(what_does_not_fit_waits_for_its_turn),
        CASE(who_waits_may_go),
        CASE(a_client_that_goes_stops_its_upstream),
        CASE(an_administrator_may_end_it),
        CASE(who_waits_for_the_commit_is_told_when_the_broker_stops),
    };
    return cmocka_run_group_tests_name("request_failure", tests, NULL, NULL);
}
