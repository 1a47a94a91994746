/*
 * test_cross.c: messages that cross dialects, spelled out: streams, whole answers, and what goes
 * wrong. What holds for any message is in test_properties.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/jscan.h"
#include "core/sse.h"

#include "broker/dialect.h"
#include "tests/unit/gen_msg.h"

#include <cmocka.h>

/* Fails with the place where two long texts part. */
static void assert_same(const char *got, const char *want)
{
    size_t i = 0;
    while (got[i] != '\0' && got[i] == want[i])
        i++;
    if (got[i] != want[i])
        fail_msg("at %zu: …%.300s\nwant …%.300s", i, got + (i > 40 ? i - 40 : 0),
                 want + (i > 40 ? i - 40 : 0));
}

/* ---- reading ---- */

/* A reader of an upstream's bytes. */
struct reading {
    const struct dialect_ops *ops;
    struct event_decoder *decoder;
    struct msg_collect collect;
    unsigned n_finish, n_end, n_start;
};

static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct reading *r = arg;
    r->n_finish += d->kind == MSG_D_FINISH ? 1 : 0;
    r->n_end += d->kind == MSG_D_END ? 1 : 0;
    r->n_start += d->kind == MSG_D_START ? 1 : 0;
    return msg_collect_delta(&r->collect, d, e);
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct reading *r = arg;
    return r->ops->decode_event(r->decoder, ev, on_delta, r, e);
}

static void read_stream(const struct dialect_ops *ops, const char *kind, struct str bytes,
                        struct arena *a, struct buf *shown)
{
    struct reading r = {.ops = ops};
    struct err e = ERR_INIT;
    struct sse sse;
    r.decoder = ops->decoder_new(provider_kind_find(str_of(kind)));
    assert_non_null(r.decoder);
    msg_collect_init(&r.collect, a);
    sse_init(&sse, 1 << 20);
    for (size_t i = 0; i < bytes.len; i++)
        if (sse_feed(&sse, str_sub(bytes, i, 1), on_event, &r, &e) != ERR_OK)
            fail_msg("%s", e.text);
    show_reply(shown, msg_collect_reply(&r.collect));
    assert_int_equal(r.n_start, 1);
    assert_int_equal(r.n_finish, 1);
    assert_int_equal(r.n_end, 1);
    sse_release(&sse);
    msg_collect_release(&r.collect);
    ops->decoder_free(&r.decoder);
}

/* ---- streams across ---- */

/* Upstream bytes through decoder and encoder, in the pieces that cut() gives. */
struct pipe {
    const struct dialect_ops *from, *to;
    struct event_decoder *decoder;
    struct delta_encoder *encoder;
    struct buf *out;
};

static enum errc pipe_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct pipe *p = arg;
    (void)e;
    p->to->encode_delta(p->encoder, d, p->out);
    return ERR_OK;
}

static enum errc pipe_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct pipe *p = arg;
    return p->from->decode_event(p->decoder, ev, pipe_delta, p, e);
}

static enum errc pipe_stream(const char *kind, enum dialect to, bool include_usage,
                             struct str in, size_t step, struct buf *out, struct err *e)
{
    const struct provider_kind *k = provider_kind_find(str_of(kind));
    const struct encode_ctx ctx = {
        .request_id = "01K", .created_s = 7, .include_usage = include_usage};
    struct pipe p = {.from = dialect_ops(k->dialect), .to = dialect_ops(to), .out = out};
    struct sse sse;
    enum errc rc = ERR_OK;
    p.decoder = p.from->decoder_new(k);
    p.encoder = p.to->encoder_new(&ctx);
    sse_init(&sse, 1 << 20);
    for (size_t i = 0; i < in.len && rc == ERR_OK; i += step)
        rc = sse_feed(&sse, str_sub(in, i, step), pipe_event, &p, e);
    sse_release(&sse);
    p.from->decoder_free(&p.decoder);
    p.to->encoder_free(&p.encoder);
    return rc;
}

#define C_HEAD                                                                           \
    "{\"id\":\"chatcmpl-7h\",\"object\":\"chat.completion.chunk\",\"created\":1,"        \
    "\"model\":\"gpt-5-mini\",\"choices\":["
#define C(choice) "data: " C_HEAD choice "]}\n\n"
#define CD(delta) C("{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}")
#define CF(word)  C("{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}")
#define CU                                                                               \
    "data: " C_HEAD "],\"usage\":{\"prompt_tokens\":61,\"completion_tokens\":3,\"total_" \
    "tokens\":64}}\n\n"
#define CALL(i, id, name, args)                                                          \
    CD("{\"tool_calls\":[{\"index\":" #i ",\"id\":\"" id                                 \
       "\",\"type\":\"function\",\"function\":{\"name\":\"" name                         \
       "\",\"arguments\":\"" args "\"}}]}")
#define ARGS(i, args)                                                                    \
    CD("{\"tool_calls\":[{\"index\":" #i ",\"function\":{\"arguments\":\"" args "\"}}]"  \
       "}")
#define DONE "data: [DONE]\n\n"

#define E(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define A_SPLIT                                                                          \
    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_"          \
    "tokens\":0}"
#define A_START(id)                                                                      \
    E("message_start",                                                                   \
      ",\"message\":{\"id\":\"" id                                                       \
      "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"gpt-"                  \
      "5-mini\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":"                  \
      "null,\"usage\":{\"input_tokens\":0,\"cache_creation_input_"                       \
      "tokens\":0,\"cache_read_input_tokens\":0," A_SPLIT ",\"output_tokens\":0}}")
#define A_OPEN(i, block)                                                                 \
    E("content_block_start", ",\"index\":" #i ",\"content_block\":" block)
#define A_TEXT(i, t)                                                                     \
    E("content_block_delta",                                                             \
      ",\"index\":" #i ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" t "\"}")
#define A_THINK(i, t)                                                                    \
    E("content_block_delta",                                                             \
      ",\"index\":" #i ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"" t       \
      "\"}")
#define A_JSON(i, t)                                                                     \
    E("content_block_delta",                                                             \
      ",\"index\":" #i ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" t \
      "\"}")
#define A_CLOSE(i) E("content_block_stop", ",\"index\":" #i)
#define A_TOOL(id, name)                                                                 \
    "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}}"
#define A_STOP(word, usage)                                                              \
    E("message_delta", ",\"delta\":{\"stop_reason\":\"" word                             \
                       "\",\"stop_sequence\":null},\"usage\":" usage)                    \
    E("message_stop", "")
#define A_USAGE                                                                          \
    "{\"input_tokens\":61,\"cache_creation_input_tokens\":0,\"cache_read_input_"         \
    "tokens\":0," A_SPLIT ",\"output_tokens\":3}"

struct flow {
    const char *kind;
    const char *in, *want;
};

static void check_flows(enum dialect to, const struct flow *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_release) struct buf whole = BUF_INIT(1 << 20);
        struct err e = ERR_INIT;
        struct str in = str_of(rows[i].in);
        assert_int_equal(pipe_stream(rows[i].kind, to, true, in, in.len, &whole, &e),
                         ERR_OK);
        assert_same(whole.data, rows[i].want);
        for (size_t step = 1; step < 8; step += 2) {
            AUTO(buf_release) struct buf cut = BUF_INIT(1 << 20);
            assert_int_equal(pipe_stream(rows[i].kind, to, true, in, step, &cut, &e),
                             ERR_OK);
            assert_string_equal(cut.data, whole.data);
        }
    }
}

static void openai_streams_become_anthropic_ones(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct flow rows[] = {
        /* text, with a filter chunk before and usage after */
        {"openai", "data: {\"id\":\"\",\"model\":\"\",\"choices\":[],"
         "\"prompt_filter_results\":[]}\n\n"
         CD("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}")
         CD("{\"content\":\"High \"}") ": comment\n\ndata: nonsense\n\n"
         CD("{\"content\":\"water\"}") CF("stop") CU DONE, A_START("msg_01K")
         A_OPEN(0, "{\"type\":\"text\",\"text\":\"\"}") A_TEXT(0, "High ") A_TEXT(0,
         "water") A_CLOSE(0) A_STOP("end_turn", A_USAGE)},
        /* reasoning, text, two calls one after the other */
        {"openai", CD("{\"reasoning_content\":\"hm\"}") CD("{\"content\":\"So\"}")
         CALL(0, "call_1", "tide", "") ARGS(0, "{\\\"po") ARGS(0, "rt\\\":1}")
         CALL(1, "call_2", "now", "") ARGS(1, "{}") CF("tool_calls") CU DONE,
         A_START("msg_01K") A_OPEN(0, "{\"type\":\"thinking\",\"thinking\":\"\","
         "\"signature\":\"\"}") A_THINK(0, "hm") A_CLOSE(0)
         A_OPEN(1, "{\"type\":\"text\",\"text\":\"\"}") A_TEXT(1, "So") A_CLOSE(1)
         A_OPEN(2, A_TOOL("call_1", "tide")) A_JSON(2, "{\\\"po") A_JSON(2, "rt\\\":1}")
         A_CLOSE(2) A_OPEN(3, A_TOOL("call_2", "now")) A_JSON(3, "{}") A_CLOSE(3)
         A_STOP("tool_use", A_USAGE)},
        /* calls that grow in turns: the second waits until the first is whole */
        {"openai", CALL(0, "call_1", "a", "") CALL(1, "call_2", "b", "") ARGS(1,
         "{\\\"x\\\"") ARGS(0, "{\\\"y\\\":") ARGS(1, ":2}") ARGS(0, "1}")
         CD("{\"content\":\"end\"}") CF("tool_calls") CU DONE, A_START("msg_01K")
         A_OPEN(0, A_TOOL("call_1", "a")) A_JSON(0, "{\\\"y\\\":") A_JSON(0, "1}")
         A_CLOSE(0) A_OPEN(1, A_TOOL("call_2", "b")) A_JSON(1, "{\\\"x\\\":2}")
         A_CLOSE(1) A_OPEN(2, "{\"type\":\"text\",\"text\":\"\"}") A_TEXT(2, "end")
         A_CLOSE(2) A_STOP("tool_use", A_USAGE)},
        /* a call cut off by the cap; what was gathered behind it is still sent */
        {"openai", CALL(0, "call_1", "a", "{") CALL(1, "call_2", "b", "{}") CF("length")
         CU DONE, A_START("msg_01K") A_OPEN(0, A_TOOL("call_1", "a")) A_JSON(0, "{")
         A_CLOSE(0) A_OPEN(1, A_TOOL("call_2", "b")) A_JSON(1, "{}") A_CLOSE(1)
         A_STOP("max_tokens", A_USAGE)},
        /* whole calls without an index; arguments as an object; "stop" for calls */
        {"mistral", CD("{\"tool_calls\":[{\"id\":\"aaaaaaaaa\","
         "\"function\":{\"name\":\"a\",\"arguments\":{\"x\":1}}},{\"id\":\"bbbbbbbbb\","
         "\"function\":{\"name\":\"b\",\"arguments\":\"{}\"}}]}") "data: " C_HEAD
         "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
         "\"usage\":{\"prompt_tokens\":61,\"completion_tokens\":3,\"total_tokens\":"
         "64}}\n\n" DONE, A_START("msg_01K") A_OPEN(0, A_TOOL("aaaaaaaaa", "a"))
         A_JSON(0, "{\\\"x\\\":1}") A_CLOSE(0) A_OPEN(1, A_TOOL("bbbbbbbbb", "b"))
         A_JSON(1, "{}") A_CLOSE(1) A_STOP("tool_use", A_USAGE)},
        /* an empty id in later fragments; both calls numbered 0 */
        {"alibaba", CALL(0, "call_1", "a", "{") CALL(0, "", "a", "}") CALL(0, "call_2",
         "b", "{}") CF("tool_calls") CU DONE, A_START("msg_01K") A_OPEN(0,
         A_TOOL("call_1", "a")) A_JSON(0, "{") A_JSON(0, "}") A_CLOSE(0) A_OPEN(1,
         A_TOOL("call_2", "b")) A_JSON(1, "{}") A_CLOSE(1) A_STOP("tool_use", A_USAGE)},
        /* no id at all: one is made of ours */
        {"ollama", CALL(0, "", "a", "{}") CF("tool_calls") CU DONE, A_START("msg_01K")
         A_OPEN(0, A_TOOL("toolu_01K_0", "a")) A_JSON(0, "{}") A_CLOSE(0)
         A_STOP("tool_use", A_USAGE)},
        /* a refusal */
        {"openai", CD("{\"refusal\":\"No.\"}") CF("stop") CU DONE, A_START("msg_01K")
         A_OPEN(0, "{\"type\":\"text\",\"text\":\"\"}") A_TEXT(0, "No.") A_CLOSE(0)
         A_STOP("refusal", A_USAGE)},
        {"openai", CD("{\"content\":\"x\"}") CF("content_filter") CU DONE,
         A_START("msg_01K") A_OPEN(0, "{\"type\":\"text\",\"text\":\"\"}") A_TEXT(0, "x")
         A_CLOSE(0) A_STOP("refusal", A_USAGE)},
        /* thinking as a part (Mistral) */
        {"mistral", CD("{\"content\":[{\"type\":\"thinking\","
         "\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]}]}")
         CD("{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}") CF("model_length") CU
         DONE, A_START("msg_01K")
         A_OPEN(0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
         A_THINK(0, "hm") A_CLOSE(0) A_OPEN(1, "{\"type\":\"text\",\"text\":\"\"}")
         A_TEXT(1, "a") A_CLOSE(1) A_STOP("model_context_window_exceeded", A_USAGE)},
        /* a call before tools */
        {"openai", CD("{\"function_call\":{\"name\":\"a\",\"arguments\":\"{\"}}")
         CD("{\"function_call\":{\"arguments\":\"}\"}}") CF("function_call") CU DONE,
         A_START("msg_01K") A_OPEN(0, A_TOOL("toolu_01K_0", "a")) A_JSON(0, "{")
         A_JSON(0, "}") A_CLOSE(0) A_STOP("tool_use", A_USAGE)},
        /* nothing at all */
        {"openai", CD("{\"role\":\"assistant\"}") CF("stop") CU DONE,
         A_START("msg_01K") A_STOP("end_turn", A_USAGE)},
    };
    /* clang-format on */
    check_flows(DIALECT_ANTHROPIC, rows, ARRAY_LEN(rows));
}

#define B_HEAD                                                                           \
    "{\"id\":\"chatcmpl-01K\",\"object\":\"chat.completion.chunk\",\"created\":7,"       \
    "\"model\":\"claude-opus-5\",\"choices\":["
#define B(delta, finish)                                                                 \
    "data: " B_HEAD "{\"index\":0,\"delta\":" delta                                      \
    ",\"logprobs\":null,\"finish_reason\":" finish "}],\"usage\":null}\n\n"
#define BD(delta) B(delta, "null")
#define B_START   BD("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}")
#define BF(word)  B("{}", "\"" word "\"")
#define BCALL(i, id, name)                                                               \
    BD("{\"tool_calls\":[{\"index\":" #i ",\"id\":\"" id                                 \
       "\",\"type\":\"function\",\"function\":{\"name\":\"" name                         \
       "\",\"arguments\":\"\"}}]}")
#define BARGS(i, args)                                                                   \
    BD("{\"tool_calls\":[{\"index\":" #i ",\"function\":{\"arguments\":\"" args "\"}}]"  \
       "}")
#define M_START                                                                          \
    E("message_start",                                                                   \
      ",\"message\":{\"id\":\"msg_01Zt\",\"type\":\"message\",\"role\":\"assistant\","   \
      "\"model\":\"claude-opus-5\",\"content\":[],\"stop_reason\":null,\"usage\":{"      \
      "\"input_tokens\":22,\"cache_read_input_tokens\":5,\"output_tokens\":1}}")
#define PING E("ping", "")

static void anthropic_streams_become_openai_ones(void **state)
{
    (void)state;
    static const char in[] = M_START A_OPEN(
        0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
        A_THINK(0, "hm")
            E("content_block_delta",
              ",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"s\"}")
                A_CLOSE(0) A_OPEN(1, "{\"type\":\"text\",\"text\":\"\"}")
                    PING A_TEXT(1, "So \\u00e9") A_CLOSE(1)
                        A_OPEN(2, A_TOOL("toolu_1", "tide")) A_JSON(2, "")
                            A_JSON(2, "{\\\"port\\\": \\\"Bre") A_JSON(2, "st\\\"}")
                                A_CLOSE(2) E("from_the_future", "")
                                    A_OPEN(3, A_TOOL("toolu_2", "now")) A_CLOSE(3)
                                        A_STOP("tool_use", "{\"output_tokens\":37}");
    static const char *const want = B_START BD("{\"reasoning_content\":\"hm\"}")
        BD("{\"content\":\"So \xC3\xA9\"}") BCALL(0, "toolu_1", "tide")
            BARGS(0, "{\\\"port\\\": \\\"Bre") BARGS(0, "st\\\"}")
                BCALL(1, "toolu_2", "now") BARGS(1, "{}") BF("tool_calls");
    AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
    struct err e = ERR_INIT;
    for (size_t step = 1; step < sizeof in; step = step * 3 + 1) {
        buf_reset(&out);
        assert_int_equal(
            pipe_stream("anthropic", DIALECT_OPENAI, true, STR(in), step, &out, &e),
            ERR_OK);
        assert_true(str_starts(buf_str(&out), str_of(want)));
        struct str rest = str_sub(buf_str(&out), strlen(want), out.len);
        assert_true(str_starts(rest, STR("data: " B_HEAD
                                         "],\"usage\":{\"prompt_tokens\":27,\"completion_"
                                         "tokens\":37,\"total_tokens\":64")));
        assert_true(str_ends(rest, STR("}}\n\n" DONE)));
    }
    /* without usage asked for there is none, nor null */
    buf_reset(&out);
    assert_int_equal(
        pipe_stream("anthropic", DIALECT_OPENAI, false, STR(in), sizeof in, &out, &e),
        ERR_OK);
    assert_null(strstr(out.data, "usage"));
    assert_true(
        str_ends(buf_str(&out), STR("\"finish_reason\":\"tool_calls\"}]}\n\n" DONE)));
}

static void every_stop_reason_has_its_finish(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"end_turn", "stop"},
                                          {"stop_sequence", "stop"},
                                          {"max_tokens", "length"},
                                          {"refusal", "content_filter"},
                                          {"pause_turn", "stop"},
                                          {"tool_use", "tool_calls"},
                                          {"model_context_window_exceeded", "length"},
                                          {"odd", "stop"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char in[512], want[64];
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        struct err e = ERR_INIT;
        snprintf(
            in, sizeof in,
            "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\"}}\n\n",
            rows[i][0]);
        snprintf(want, sizeof want, "\"finish_reason\":\"%s\"", rows[i][1]);
        assert_int_equal(
            pipe_stream("anthropic", DIALECT_OPENAI, false, str_of(in), 99, &out, &e),
            ERR_OK);
        assert_non_null(strstr(out.data, want));
    }
}

static void an_error_inside_a_stream_stops_it(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *kind, *in;
        enum errc class;
    } rows[] = {
        {"openai", CD("{\"content\":\"a\"}") "data: {\"error\":{\"message\":\"x\","
         "\"type\":\"server_error\"}}\n\n", ERR_SERVER},
        {"openai", CD("{\"content\":\"a\"}") CF("error"), ERR_SERVER},
        {"openai", "data: {\"error\":\"rate\",\"status_code\":429}\n\n", ERR_RATE_LIMIT},
        {"anthropic", M_START
         E("error", ",\"error\":{\"type\":\"overloaded_error\","
         "\"message\":\"Overloaded\"}"), ERR_OVERLOADED},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        struct err e = ERR_INIT;
        assert_int_equal(pipe_stream(rows[i].kind, DIALECT_OPENAI, false,
                                     str_of(rows[i].in), 7, &out, &e),
                         rows[i].class);
        assert_null(out.len > 0 ? strstr(out.data, "[DONE]") : NULL);
    }
}

/* Blocks of an Anthropic stream: numbered, opened and closed one at a time. */
struct order {
    int64_t next;
    bool is_open, started, stopped;
    unsigned n_deltas;
};

static enum errc check_order(void *arg, const struct sse_event *ev, struct err *e)
{
    struct order *o = arg;
    struct jspan root = jscan_root(ev->data);
    int64_t index = -1;
    assert_int_equal(jscan_check(ev->data, e), ERR_OK);
    struct str type = jscan_inside(ev->data, jscan_get(ev->data, root, "type"));
    assert_true(str_eq(type, ev->event));
    jscan_i64(ev->data, jscan_get(ev->data, root, "index"), 0, 1000, &index);
    if (str_eqz(ev->event, "message_start")) {
        assert_false(o->started);
        o->started = true;
    } else if (str_eqz(ev->event, "content_block_start")) {
        assert_false(o->is_open);
        assert_int_equal(index, o->next);
        o->is_open = true;
    } else if (str_eqz(ev->event, "content_block_delta")) {
        assert_true(o->is_open);
        assert_int_equal(index, o->next);
    } else if (str_eqz(ev->event, "content_block_stop")) {
        assert_true(o->is_open);
        assert_int_equal(index, o->next++);
        o->is_open = false;
    } else if (str_eqz(ev->event, "message_delta")) {
        assert_false(o->is_open);
        o->n_deltas++;
    } else if (str_eqz(ev->event, "message_stop")) {
        o->stopped = true;
    }
    return ERR_OK;
}

static void calls_that_grow_in_any_order_come_out_in_order(void **state)
{
    (void)state;
    const struct encode_ctx ctx = {.request_id = "01K"};
    for (int round = 0; round < 500; round++) {
        struct str left[6];
        struct dice d;
        dice_init(&d, (uint64_t)round);
        struct msg_collect c;
        struct err e = ERR_INIT;
        unsigned n = 1 + roll(&d, 6), n_open = 0;
        AUTO(buf_release) struct buf bytes = BUF_INIT(1 << 20);
        AUTO(buf_release) struct buf want = BUF_INIT(1 << 20);
        AUTO(buf_release) struct buf got = BUF_INIT(1 << 20);
        struct delta_encoder *enc = dialect_anthropic.encoder_new(&ctx);
        msg_collect_init(&c, &d.a);
        for (bool more = true; more;) {
            struct msg_delta delta = {.kind = MSG_D_TEXT, .text = STR("t")};
            unsigned what = roll(&d, 8);
            if (what > 0 && n_open < n && (what < 3 || n_open == 0)) {
                left[n_open] = any_args(&d);
                delta = (struct msg_delta){
                    .kind = MSG_D_CALL, .index = n_open, .name = STR("f")};
                delta.id = any_name(&d, "id");
                n_open++;
            } else if (what > 0) {
                unsigned i = roll(&d, n_open);
                size_t len = MIN(left[i].len, (size_t)1 + roll(&d, 5));
                delta = (struct msg_delta){.kind = MSG_D_ARGS, .index = i};
                delta.text = str_sub(left[i], 0, len);
                left[i] = str_sub(left[i], len, left[i].len);
            }
            if (delta.kind != MSG_D_ARGS || delta.text.len > 0) {
                dialect_anthropic.encode_delta(enc, &delta, &bytes);
                assert_int_equal(msg_collect_delta(&c, &delta, &e), ERR_OK);
            }
            more = n_open < n;
            for (unsigned i = 0; i < n_open; i++)
                more = more || left[i].len > 0;
        }
        struct msg_delta finish = {.kind = MSG_D_FINISH, .finish = MSG_FINISH_TOOL};
        dialect_anthropic.encode_delta(enc, &finish, &bytes);
        dialect_anthropic.encode_delta(enc, &(struct msg_delta){.kind = MSG_D_END},
                                       &bytes);
        dialect_anthropic.encoder_free(&enc);
        assert_int_equal(msg_collect_delta(&c, &finish, &e), ERR_OK);
        struct order o = {.next = 0};
        struct sse sse;
        sse_init(&sse, 1 << 20);
        assert_int_equal(sse_feed(&sse, buf_str(&bytes), check_order, &o, &e), ERR_OK);
        sse_release(&sse);
        assert_true(o.started && o.stopped && o.n_deltas == 1);
        read_stream(&dialect_anthropic, "anthropic", buf_str(&bytes), &d.a, &got);
        const struct msg_reply *r = msg_collect_reply(&c);
        show_parts(&want, r->parts, r->n_parts);
        assert_non_null(strstr(got.data, want.data));
        msg_collect_release(&c);
        dice_release(&d);
    }
}

/* ---- whole answers across ---- */

static void whole_answers_cross(void **state)
{
    (void)state;
    static const char oc[] =
        "{\"id\":\"chatcmpl-Zx91\",\"created\":5,\"model\":\"gpt-5-mini\",\"choices\":[{"
        "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Look.\","
        "\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":"
        "\"f\",\"arguments\":\"{\\\"a\\\": 1}\"}},"
        "{\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":\"g\","
        "\"arguments\":\"oops\"}}]},\"finish_reason\":\"tool_calls\"}],"
        "\"usage\":{\"prompt_tokens\":61,\"completion_tokens\":3,\"total_tokens\":64}}";
    static const char an[] =
        "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
        "\"claude-opus-5\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\","
        "\"signature\":\"s\"},"
        "{\"type\":\"text\",\"text\":\"6.12 "
        "m.\"},{\"type\":\"server_tool_use\",\"id\":\"x\"},{\"type\":\"text\",\"text\":"
        "\" Bye\"}],\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\","
        "\"usage\":{\"input_tokens\":41,\"output_tokens\":9}}";
    const struct encode_ctx ctx = {.request_id = "01K", .created_s = 7};
    struct msg_reply r;
    struct err e = ERR_INIT;
    struct arena a;
    AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
    arena_init(&a, 1 << 20);
    assert_int_equal(dialect_openai.reply_decode(
                         STR(oc), provider_kind_find(STR("openai")), &a, &r, &e),
                     ERR_OK);
    dialect_anthropic.reply_encode(&r, &ctx, &out);
    assert_string_equal(
        out.data,
        "{\"id\":\"msg_01K\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"gpt-"
        "5-mini\",\"content\":[{\"type\":\"text\",\"text\":\"Look.\"},"
        "{\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":\"f\",\"input\":{\"a\": "
        "1}},{\"type\":\"tool_use\",\"id\":\"call_2\",\"name\":\"g\",\"input\":{\"_raw\":"
        "\"oops\"}}],"
        "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":" A_USAGE "}");
    buf_reset(&out);
    assert_int_equal(dialect_anthropic.reply_decode(
                         STR(an), provider_kind_find(STR("anthropic")), &a, &r, &e),
                     ERR_OK);
    assert_string_equal(arena_strz(&a, r.stop_sequence), "END");
    dialect_openai.reply_encode(&r, &ctx, &out);
    assert_true(str_starts(buf_str(&out),
                           STR("{\"id\":\"chatcmpl-01K\",\"object\":\"chat.completion\","
                               "\"created\":7,\"model\":\"claude-opus-5\",\"choices\":[{"
                               "\"index\":0,\"message\":{\"role\":\"assistant\","
                               "\"content\":\"6.12 m. "
                               "Bye\",\"refusal\":null,\"reasoning_content\":\"hm\"},"
                               "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":"
                               "{\"prompt_tokens\":41,\"completion_tokens\":9,")));
    arena_release(&a);
}

#define GE(candidates)                                                                   \
    "data: {\"candidates\":[" candidates "],\"modelVersion\":\"claude-opus-5\"}\n\n"
#define GE_SAYS(i, part) "{\"index\":" #i ",\"content\":{\"parts\":[" part "]}}"
#define GE_STOPS(i)      "{\"index\":" #i ",\"finishReason\":\"STOP\"}"
#define BN(i, delta, finish)                                                             \
    "data: " B_HEAD "{\"index\":" #i ",\"delta\":" delta                                 \
    ",\"logprobs\":null,\"finish_reason\":" finish "}],\"usage\":null}\n\n"
#define BN_START(i)                                                                      \
    BN(i, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null")

/* Each with a beginning, calls and an end of its own; made-up ids differ. */
static void several_answers_come_out_with_their_index(void **state)
{
    (void)state;
#define GE_CALL "{\"functionCall\":{\"name\":\"f\"}}"
#define BN_CALL(i, id)                                                                   \
    BN(i,                                                                                \
       "{\"tool_calls\":[{\"index\":0,\"id\":\"" id                                      \
       "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}",   \
       "null")                                                                           \
    BN(i, "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}", "null")
    /* clang-format off */
    static const struct flow rows[] = {
        {"gemini", GE(GE_SAYS(0, "{\"text\":\"a\"}") "," GE_SAYS(1, GE_CALL))
         GE(GE_SAYS(0, GE_CALL) "," GE_STOPS(1)) GE(GE_STOPS(0)),
         BN_START(0) BN(0, "{\"content\":\"a\"}", "null") BN_START(1)
         BN_CALL(1, "call_01K_0") BN_CALL(0, "call_01K_1") BN(1, "{}", "\"tool_calls\"")
         BN(0, "{}", "\"tool_calls\"")},
    };
    /* clang-format on */
    check_flows(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    static const char whole[] =
        "{\"candidates\":[{\"index\":0,\"finishReason\":\"STOP\",\"content\":{\"parts\":["
        "{\"text\":\"a\"}]}},{\"index\":1,\"finishReason\":\"MAX_TOKENS\",\"content\":{"
        "\"parts\":[{\"text\":\"b\"}]}}],\"modelVersion\":\"g\"}";
    struct arena a;
    struct msg_reply r;
    struct err e = ERR_INIT;
    const struct encode_ctx ctx = {.request_id = "01K", .created_s = 7};
    AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
    arena_init(&a, 1 << 20);
    assert_int_equal(dialect_gemini.reply_decode(
                         STR(whole), provider_kind_find(STR("gemini")), &a, &r, &e),
                     ERR_OK);
    dialect_openai.reply_encode(&r, &ctx, &out);
    assert_non_null(strstr(
        out.data,
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\","
        "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"},{\"index\":1,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"b\",\"refusal\":null},"
        "\"logprobs\":null,\"finish_reason\":\"length\"}],\"usage\":"));
    arena_release(&a);
}

static void bad_answers_are_errors(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "[]",
                                       "{}",
                                       "{\"choices\":[]}",
                                       "{\"content\":1}",
                                       "{\"error\":{\"message\":\"x\"}}"};
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int k = 0; k < DIALECT_N_; k++) {
            struct msg_reply r;
            struct err e = ERR_INIT;
            const struct provider_kind *kind =
                provider_kind_find(str_of(dialect_name((enum dialect)k)));
            assert_int_equal(dialect_ops((enum dialect)k)
                                 ->reply_decode(str_of(rows[i]), kind, &a, &r, &e),
                             ERR_SERVER);
        }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openai_streams_become_anthropic_ones),
        cmocka_unit_test(anthropic_streams_become_openai_ones),
        cmocka_unit_test(every_stop_reason_has_its_finish),
        cmocka_unit_test(an_error_inside_a_stream_stops_it),
        cmocka_unit_test(calls_that_grow_in_any_order_come_out_in_order),
        cmocka_unit_test(whole_answers_cross),
        cmocka_unit_test(several_answers_come_out_with_their_index),
        cmocka_unit_test(bad_answers_are_errors),
    };
    return cmocka_run_group_tests_name("cross", tests, NULL, NULL);
}
