/* test_request.c: a request that is answered: its states, its stream, its record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/request_world.h"

#include <cmocka.h>

/* ---- states ---- */

static void only_listed_pairs_of_states_may_follow(void **state)
{
    (void)state;
    /* written apart from the table in request_priv.h, so that a slip there is seen */
    static const enum request_state pairs[][2] = {
        {REQ_NEW, REQ_ROUTED},         {REQ_NEW, REQ_SETTLING},
        {REQ_ROUTED, REQ_ADMITTED},    {REQ_ROUTED, REQ_WAITING},
        {REQ_ROUTED, REQ_SETTLING},    {REQ_WAITING, REQ_ROUTED},
        {REQ_WAITING, REQ_SETTLING},   {REQ_ADMITTED, REQ_SENDING},
        {REQ_ADMITTED, REQ_ROUTED},    {REQ_ADMITTED, REQ_WAITING},
        {REQ_ADMITTED, REQ_SETTLING},  {REQ_SENDING, REQ_STREAMING},
        {REQ_SENDING, REQ_ROUTED},     {REQ_SENDING, REQ_WAITING},
        {REQ_SENDING, REQ_SETTLING},   {REQ_STREAMING, REQ_ROUTED},
        {REQ_STREAMING, REQ_WAITING},  {REQ_STREAMING, REQ_SETTLING},
        {REQ_SETTLING, REQ_DONE},      {REQ_SETTLING, REQ_FAILED},
        {REQ_SETTLING, REQ_CANCELLED},
    };
    AUTO(buf_release) struct buf graph = BUF_INIT(100000);
    request_write_graph(&graph);
    for (unsigned from = 0; from < REQ_N_; from++)
        for (unsigned to = 0; to < REQ_N_; to++) {
            bool is_listed = false;
            char edge[64];
            for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
                is_listed |= pairs[i][0] == from && pairs[i][1] == to;
            assert_int_equal(
                request_may((enum request_state)from, (enum request_state)to), is_listed);
            snprintf(edge, sizeof edge, "%s -> %s;",
                     request_state_name((enum request_state)from),
                     request_state_name((enum request_state)to));
            assert_int_equal(has(&graph, edge), is_listed);
        }
}

/* ---- streams ---- */

static void a_stream_passes_and_ends_after_its_record(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    struct upstream_xfer *x = call(w, 0);
    expect(&x->body, "\"model\":\"m\"");
    expect(&x->body, "\"include_usage\":true");
    expect(&x->head, "authorization: Bearer sk-1\n");
    assert_string_equal(x->url, "http://one/chat/completions");
    begin_stream(x);
    say(x, ROLE);
    assert_false(w->has_replied); /* a role is no content */
    say(x, HELLO);
    assert_int_equal(w->status, 200);
    assert_string_equal(w->got.data, ROLE HELLO);
    expect(&w->got_headers, "x-llmgw-target: one/m\r\n");
    expect(&w->got_headers, "x-llmgw-model: m-2026-01-02\r\n");
    say(x, WORLD FINISH);
    assert_string_equal(w->got.data, ROLE HELLO WORLD); /* nothing that looks complete */
    say(x, USAGE DONE);
    expect_ended(w, 200);
    assert_true(x->is_detached);
    assert_int_equal(w->told.seen_len, strlen(ROLE HELLO WORLD));
    assert_int_equal(w->told.cost_pico, 9 * 1000000 + 2 * 2000000);
    assert_int_equal(w->told.cost_source, COST_COMPUTED);
    assert_string_equal(w->told.served, "m-2026-01-02");
    assert_string_equal(w->told.finish, "stop");
    assert_false(has(&w->got, "\"usage\":{\"prompt_tokens\"") &&
                 !has(&w->got, ": llmgw"));
    expect(&w->got, FINISH ": llmgw {\"request_id\"");
    expect(&w->got, "\"cost_usd\":0.000013,");
    assert_true(str_ends(buf_str(&w->got), STR("\n\n" DONE)));
}

static void usage_reaches_the_client_that_asked(void **state)
{
    struct world *w = *state;
    ask(w, "",
        "{\"model\":\"one/"
        "m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    answer_stream(call(w, 0));
    expect(&w->got, FINISH USAGE ": llmgw");
}

static void nobody_else_hears_that_there_is_none_yet(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0),
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n");
    expect(&w->got, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
    say(call(w, 0), FINISH USAGE DONE);
    expect_ended(w, 200);
}

static void the_model_of_the_answer_has_the_price(void **state)
{
    static const struct {
        const char *served, *pricing;
        enum ledger_cost_source source;
        const char *asked;
    } rows[] = {
        {"\"model\":\"m\",", "", COST_COMPUTED, ASK("one/m")},
        {"\"model\":\"m-20260102\",", "", COST_COMPUTED, ASK("one/m")},
        /* who does not say is believed to be what was asked for */
        {"", "", COST_COMPUTED, ASK("one/m")},
        {"\"model\":\"m-mini\",", "", COST_UNKNOWN, ASK("one/m")},
        {"\"model\":\"m-2.5\",", "", COST_UNKNOWN, ASK("one/m")},
        {"\"model\":\"m\",\"service_tier\":\"default\",", "", COST_COMPUTED,
         ASK("one/m")},
        /* a tier without a price */
        {"\"model\":\"m\",\"service_tier\":\"priority\",", "priority", COST_UNKNOWN,
         ASK("one/m")},
        /* how long a cache is to live only the request tells */
        {"\"model\":\"m\",", "ttl=12h", COST_COMPUTED,
         "{\"model\":\"one/m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
         "\"prompt_cache_options\":{\"mode\":\"implicit\",\"ttl\":\"12h\"}}"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{%s\"choices\":[{\"index\":0,\"message\":{\"content\":\"Hello\"},"
                 "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
                 "\"completion_tokens\":2,\"total_tokens\":11}}",
                 rows[i].served);
        w->told = (struct told){0};
        ask(w, "", rows[i].asked);
        send_head(call(w, i), 200, "application/json", NULL, 0);
        say(call(w, i), body);
        end(call(w, i));
        expect_ended(w, 200);
        assert_int_equal(w->told.cost_source, rows[i].source);
        assert_string_equal(w->told.pricing, rows[i].pricing);
        turn(w);
    }
}

/* Beside our own figure, or instead of it. */
static void what_the_provider_says_that_it_cost_is_kept(void **state)
{
    static const struct {
        const char *served;
        enum ledger_cost_source source;
        pico cost;
    } rows[] = {{"m", COST_COMPUTED, 9 * 1000000 + 2 * 2000000},
                {"m-mini", COST_REPORTED, 250000000000}};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"model\":\"%s\",\"choices\":[{\"index\":0,"
                 "\"message\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}],"
                 "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,"
                 "\"total_tokens\":11,\"cost\":0.25}}",
                 rows[i].served);
        w->told = (struct told){0};
        ask(w, "", ASK("one/m"));
        send_head(call(w, i), 200, "application/json", NULL, 0);
        say(call(w, i), body);
        end(call(w, i));
        expect_ended(w, 200);
        assert_int_equal(w->told.cost_source, rows[i].source);
        assert_int_equal(w->told.cost_pico, rows[i].cost);
        assert_int_equal(w->told.reported_pico, 250000000000);
        turn(w);
    }
}

/* Nothing was used by it: what the others have used and told is all there is. */
static void an_attempt_that_used_nothing_makes_nothing_unknown(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("both"));
    for (size_t i = 0; i < 2; i++) {
        reject(call(w, i), 500, NULL, "{\"error\":{\"message\":\"no\"}}");
        pass_time(w, 0);
    }
    send_head(call(w, 2), 200, "application/json", NULL, 0);
    say(call(w, 2),
        "{\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"content\":"
        "\"Hello\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":"
        "9,\"completion_tokens\":2,\"total_tokens\":11,\"cost\":0.25}}");
    end(call(w, 2));
    expect_ended(w, 200);
    assert_int_equal(w->told.reported_pico, 250000000000);
    assert_int_equal(w->told.in_tok, 9);
}

static void a_failed_request_has_used_nothing(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    reject(call(w, 0), 400, NULL, "{\"error\":{\"message\":\"no\"}}");
    expect_ended(w, 400);
    assert_false(w->told.has_usage);
    assert_int_equal(w->told.cost_pico, 0);
}

static void a_stream_cut_at_any_byte_is_never_a_success(void **state)
{
    struct world *w = *state;
    static const char text[] = ROLE HELLO WORLD FINISH USAGE DONE;
    size_t finished = strlen(ROLE HELLO WORLD FINISH), content = strlen(ROLE HELLO);
    for (size_t n = 0; n < sizeof text; n += 7) {
        char part[sizeof text];
        memcpy(part, text, n);
        part[n] = '\0';
        w->told = (struct told){0};
        ask(w, "", ASK_STREAM("one/m"));
        for (size_t i = 0; i < w->n_calls && w->n_ends == 0; i++) {
            begin_stream(call(w, i));
            say(call(w, i), part);
            if (!w->calls[i].is_detached)
                cut(call(w, i));
            pass_time(w, 9 * S);
        }
        assert_int_equal(w->n_ends, 1);
        assert_int_equal(has(&w->got, DONE), n >= finished);
        assert_int_equal(w->told.outcome == ERR_OK, n >= finished);
        assert_int_equal(w->status == 200, n >= content);
        forget_calls(w);
        breaker_init(&broker_target(&w->b, STR("one"), STR("m"))->breaker);
    }
}

static void usage_that_never_comes_is_estimated(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO WORLD FINISH);
    pass_time(w, S);
    assert_int_equal(w->n_ends, 0);
    pass_time(w, S);
    expect_ended(w, 200);
    assert_int_equal(w->told.outcome, ERR_OK);
    assert_true(w->told.has_usage && w->told.out_tok > 0);
    assert_int_equal(w->told.cost_source, COST_ESTIMATED);
    assert_true((w->told.flags & LEDGER_ESTIMATED) != 0);
    assert_true(str_ends(buf_str(&w->got), STR(DONE)));
}

/* A stream tells at its start what went in, and one token out: no count of what it said by then. */
static void usage_told_at_the_start_is_not_that_of_a_cut_answer(void **state)
{
    struct world *w = *state;
    w->may_abort = true;
    ask_in(w, &dialect_anthropic, "",
           "{\"model\":\"claude/"
           "c\",\"stream\":true,\"max_tokens\":100,\"messages\":[{\"role\":"
           "\"user\",\"content\":\"hi\"}]}");
    begin_stream(call(w, 0));
    say(call(w, 0), AN_START AN_HELLO);
    for (int i = 0; i < 20; i++)
        say(call(w, 0), AN("content_block_delta",
                           ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
                           "\" and so on, and on\"}"));
    cut(call(w, 0));
    assert_int_equal(w->told.outcome, ERR_INTERRUPTED);
    assert_int_equal(w->told.in_tok, 9);
    assert_true(w->told.out_tok > 20);
    assert_true((w->told.flags & LEDGER_ESTIMATED) != 0);
}

static void a_second_choice_may_go_on_behind_the_first_finish(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO FINISH);
    say(call(w, 0), WORLD);
    assert_string_equal(w->got.data, HELLO FINISH WORLD);
    say(call(w, 0), FINISH USAGE DONE);
    expect_ended(w, 200);
}

#define ASK_TWO                                                                          \
    "{\"model\":\"one/m\",\"n\":2,\"stream\":true,\"messages\":[{\"role\":\"user\","     \
    "\"content\":\"hi\"}]}"
#define SECOND(delta, finish)                                                            \
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":"               \
    "\"m-2026-01-02\",\"choices\":[{\"index\":1,\"delta\":" delta                        \
    ",\"finish_reason\":" finish "}]}\n\n"

/* One choice that has ended does not make a whole of the other. */
static void an_end_before_all_choices_have_ended_is_a_cut(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_TWO);
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO SECOND("{\"content\":\"Hi\"}", "null") FINISH);
    cut(call(w, 0));
    expect(&w->got, "\"code\":\"stream_interrupted\"");
    assert_int_equal(w->told.outcome, ERR_INTERRUPTED);
}

static void an_end_mark_before_all_choices_have_ended_is_a_cut(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_TWO);
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO SECOND("{\"content\":\"Hi\"}", "null") FINISH DONE);
    expect(&w->got, "\"code\":\"stream_interrupted\"");
    assert_int_equal(w->told.outcome, ERR_INTERRUPTED);
}

static void both_choices_make_a_whole(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_TWO);
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO SECOND("{\"content\":\"Hi\"}", "null") FINISH);
    say(call(w, 0), SECOND("{}", "\"stop\"") USAGE DONE);
    expect_ended(w, 200);
    assert_int_equal(w->told.outcome, ERR_OK);
}

static void malformed_events_are_skipped(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO "data: {\"choices\":[{\n\n" WORLD FINISH USAGE DONE);
    expect_ended(w, 200);
    assert_int_equal(w->b.metrics.n_malformed_events, 1);
    assert_true(str_starts(buf_str(&w->got), STR(ROLE HELLO WORLD)));
}

/* What a server sends whose own upstream was cut: neither a success nor an end mark. */
static void an_end_mark_without_a_finish_is_a_cut(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO DONE);
    expect_ended(w, 200);
    assert_int_equal(w->n_calls, 1);
    expect(&w->got, "\"code\":\"stream_interrupted\"");
    assert_false(has(&w->got, "[DONE]"));
    assert_int_equal(w->told.outcome, ERR_INTERRUPTED);
}

static void a_cut_after_content_is_a_typed_error_in_the_stream(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    cut(call(w, 0));
    expect_ended(w, 200);
    assert_int_equal(w->n_calls, 1); /* nobody opted in to a second sample */
    expect(&w->got, "\"code\":\"stream_interrupted\"");
    assert_false(has(&w->got, "[DONE]"));
    assert_int_equal(w->told.outcome, ERR_INTERRUPTED);
    assert_true((w->told.flags & LEDGER_PARTIAL) != 0);
    assert_true(w->told.has_usage && w->told.cost_pico > 0);
    assert_int_equal(w->told.cost_source, COST_ESTIMATED);
    assert_int_equal(w->b.metrics.n_cut, 1);
}

static void an_error_event_before_content_is_an_attempt(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE "data: " ERROR("permission_error") "\n\n");
    answer_stream(call(w, 1));
    expect_ended(w, 200);
    assert_string_equal(w->calls[1].url, "http://two/chat/completions");
    assert_int_equal(w->told.classes[0], ERR_PERMISSION);
    assert_true(w->calls[0].is_cancelled);
    assert_true(str_starts(buf_str(&w->got), STR(ROLE HELLO WORLD)));
}

static void a_held_answer_is_rescued_by_another_target(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-stream: hold", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    assert_false(w->has_replied);
    cut(call(w, 0));
    answer_stream(call(w, 1));
    expect_ended(w, 200);
    assert_true(str_starts(buf_str(&w->got), STR(ROLE HELLO WORLD FINISH)));
    assert_int_equal(w->told.n_attempts, 2);
    assert_int_equal(w->told.classes[0], ERR_INTERRUPTED);
    assert_true((w->told.flags & LEDGER_HELD) != 0);
    assert_int_equal(w->b.metrics.n_rescued, 1);
    /* the lost leg is paid for, too */
    assert_true(w->told.cost_pico > 9 * 1000000 + 2 * 2000000);
}

static void a_client_that_understands_it_starts_over(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("again"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    cut(call(w, 0));
    assert_int_equal(w->n_ends, 0);
    expect(&w->got,
           "event: llmgw\ndata: {\"type\":\"reset\",\"reason\":\"stream_interrupted\"");
    answer_stream(call(w, 1));
    w->applied = w->seq;
    request_on_committed(&w->b, w->seq);
    expect_ended(w, 200);
    expect(&w->got, ROLE HELLO WORLD FINISH "event: llmgw\ndata: {\"type\":\"end\"");
    expect(&w->got, "\"legs\":2");
    assert_true((w->told.flags & LEDGER_RESTARTED) != 0);
}

static void others_get_the_error_even_on_such_a_route(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("again"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    cut(call(w, 0));
    expect_ended(w, 200);
    expect(&w->got, "stream_interrupted");
}

static void our_own_clients_hear_of_the_commit(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 0));
    expect(&w->got, "{\"type\":\"start\"");
    expect(&w->got, FINISH);
    assert_false(has(&w->got, "[DONE]"));
    w->applied = w->seq;
    request_on_committed(&w->b, w->seq);
    expect_ended(w, 200);
    expect(&w->got, "\"recorded\":\"committed\"");

    w->told = (struct told){0};
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 1));
    pass_time(w, 250 * US_PER_MS);
    expect_ended(w, 200);
    expect(&w->got, "\"recorded\":\"spooled\"");
}

static void a_record_that_was_dropped_is_told(void **state)
{
    struct world *w = *state;
    w->ledger_fails = true;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 0));
    assert_int_equal(w->n_ends, 1);
    expect(&w->got, "\"recorded\":\"dropped\"");
}

static void silence_is_broken_by_signs_of_life(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    pass_time(w, 14 * S);
    assert_false(w->has_replied);
    pass_time(w, S);
    assert_true(w->has_replied);
    assert_string_equal(w->got.data, ": keep-alive\n\n");
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO);
    pass_time(w, 14 * S);
    assert_string_equal(w->got.data, ": keep-alive\n\n" HELLO);
    pass_time(w, S);
    assert_string_equal(w->got.data, ": keep-alive\n\n" HELLO ": keep-alive\n\n");
    w->is_full = true; /* a client that does not even read is not sent more */
    pass_time(w, 15 * S);
    w->is_full = false;
    say(call(w, 0), FINISH USAGE DONE);
    assert_true(str_starts(buf_str(&w->got),
                           STR(": keep-alive\n\n" HELLO ": keep-alive\n\n" FINISH)));
}

static void a_failure_after_the_head_is_told_inside(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    pass_time(w, 15 * S);
    reject(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 200);
    expect(&w->got, "\"type\":\"invalid_request_error\"");
    assert_false(has(&w->got, "[DONE]"));
}

static void a_slow_client_pauses_its_own_upstream(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    w->is_full = true;
    say(call(w, 0), HELLO);
    assert_true(call(w, 0)->is_paused);
    pass_time(w, 500 * (int64_t)S); /* the gap timer does not run while we pause */
    assert_int_equal(w->n_ends, 0);
    w->is_full = false;
    w->client_fns->on_drain(w->client_arg);
    assert_int_equal(w->n_resumes, 1);
    pass_time(w, 90 * (int64_t)S);
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->told.outcome, ERR_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(only_listed_pairs_of_states_may_follow),
        CASE(a_stream_passes_and_ends_after_its_record),
        CASE(usage_reaches_the_client_that_asked),
        CASE(nobody_else_hears_that_there_is_none_yet),
        CASE(the_model_of_the_answer_has_the_price),
        CASE(what_the_provider_says_that_it_cost_is_kept),
        CASE(an_attempt_that_used_nothing_makes_nothing_unknown),
        CASE(a_failed_request_has_used_nothing),
        CASE(a_stream_cut_at_any_byte_is_never_a_success),
        CASE(usage_that_never_comes_is_estimated),
        CASE(usage_told_at_the_start_is_not_that_of_a_cut_answer),
        CASE(a_second_choice_may_go_on_behind_the_first_finish),
        CASE(an_end_before_all_choices_have_ended_is_a_cut),
        CASE(an_end_mark_before_all_choices_have_ended_is_a_cut),
        CASE(both_choices_make_a_whole),
        CASE(malformed_events_are_skipped),
        CASE(an_end_mark_without_a_finish_is_a_cut),
        CASE(a_cut_after_content_is_a_typed_error_in_the_stream),
        CASE(an_error_event_before_content_is_an_attempt),
        CASE(a_held_answer_is_rescued_by_another_target),
        CASE(a_client_that_understands_it_starts_over),
        CASE(others_get_the_error_even_on_such_a_route),
        CASE(our_own_clients_hear_of_the_commit),
        CASE(a_record_that_was_dropped_is_told),
        CASE(silence_is_broken_by_signs_of_life),
        CASE(a_failure_after_the_head_is_told_inside),
        CASE(a_slow_client_pauses_its_own_upstream),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
