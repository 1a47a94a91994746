/* dialect_fuzz.c: see dialect_fuzz.h. */
#include "tests/fuzz/dialect_fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/jscan.h"
#include "core/sse.h"

#include "tests/fuzz/cuts.h"

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "dialect_fuzz: %s\n", what);
        abort();
    }
}

static void require_json(const struct buf *b, const char *what)
{
    struct err e = ERR_INIT;
    require(buf_err(b) == ERR_OK && jscan_check(buf_str(b), &e) == ERR_OK, what);
}

/* Some have no clients: nothing is asked in them, and no answer is written in them. */
static bool has_clients(enum dialect d)
{
    return dialect_ops(d)->request_decode != NULL;
}

static bool speaks(const struct provider_kind *kind, enum dialect d)
{
    return d == DIALECT_RESPONSES ? kind->responses != NULL : kind->dialect == d;
}

/* A provider that speaks it; which one, with its quirks, the input's length chooses. */
static const struct provider_kind *kind_of(enum dialect d, struct str input)
{
    size_t n, n_left = input.len % 64;
    const struct provider_kind *kinds = provider_kinds(&n);
    for (size_t i = 0;; i = (i + 1) % n)
        if (speaks(&kinds[i], d) && n_left-- == 0)
            return &kinds[i];
}

/* What is asked decides what a body may hold: versions, and models that reason or see. */
static struct target_caps target_of(enum dialect d, struct str input)
{
    static const char *const models[] = {
        "model-1", "gpt-6-luna",      "gpt-5.2",           "gpt-5",          "o4-mini",
        "gpt-4.1", "claude-opus-4-5", "claude-sonnet-5-1", "gemini-2.5-pro", "gemini-3",
    };
    struct target_caps caps = {.kind = kind_of(d, input),
                               .model = str_of(models[input.len / 3 % ARRAY_LEN(models)]),
                               .max_output_tok = input.len % 2 ? 8192 : 0,
                               .stream = input.len % 5 == 0};
    caps.caps_yes = input.len % 3 == 1 ? CAP_REASONING : 0;
    caps.caps_no = input.len % 11 == 2 ? CAP_REASONING : 0;
    return caps;
}

static void splice_body(const struct dialect_ops *ops, struct str bytes)
{
    const struct body_edits edits = {.model = STR("spliced"),
                                     .add_include_usage = true,
                                     .max_output_tok = 7,
                                     .cap_field = "max_tokens"};
    struct body_facts f, g;
    struct err e = ERR_INIT;
    struct buf text = BUF_INIT(LIMIT_BODY_LEN), out = BUF_INIT(LIMIT_BODY_LEN);
    struct pieces pieces;
    if (ops->facts(bytes, NULL, &f, &e) == ERR_OK) {
        require(ops->splice(bytes, &f, &edits, &text, &pieces, &e) == ERR_OK, "splices");
        pieces_join(&pieces, &out);
        require(ops->facts(buf_str(&out), NULL, &g, &e) == ERR_OK,
                "is a body after the splice");
        require(str_eqz(edits.model, g.model_name), "has the model");
        require(g.max_output_tok == 7, "has the cap");
        require(f.has_foreign || (f.prompt_len == g.prompt_len && f.needs == g.needs),
                "asks the same");
    }
    buf_release(&text);
    buf_release(&out);
}

static void translate_body(const struct dialect_ops *ops, struct str bytes,
                           enum dialect to)
{
    struct arena a;
    struct msg_request m;
    struct err e = ERR_INIT;
    struct dropped dropped = {.n = 0};
    struct buf out = BUF_INIT(LIMIT_BODY_LEN);
    const struct target_caps caps = target_of(to, bytes);
    arena_init(&a, LIMIT_BODY_LEN);
    if (ops->request_decode(bytes, NULL, &a, &m, &e) == ERR_OK &&
        dialect_ops(to)->request_encode(&m, &caps, &out, &dropped, &e) == ERR_OK) {
        struct msg_request again;
        require_json(&out, "writes a body");
        require(!has_clients(to) || dialect_ops(to)->request_decode(
                                        buf_str(&out), NULL, &a, &again, &e) == ERR_OK,
                "reads its own body");
    }
    arena_release(&a);
    buf_release(&out);
}

static void parse_error(const struct dialect_ops *ops, const struct dialect_ops *client,
                        struct str bytes)
{
    static const int statuses[] = {400, 401, 403, 404, 408, 413, 422, 429, 500, 503, 529};
    const struct http1_header headers[] = {
        {STR("retry-after-ms"), STR("1500")},
        {STR("retry-after"), STR("Wed, 25 Nov 2026 10:00:00 GMT")},
        {STR("anthropic-ratelimit-tokens-reset"), STR("2026-11-25T10:00:00Z")},
        {STR("anthropic-ratelimit-tokens-remaining"), STR("0")},
        {STR("x-ratelimit-reset-requests"), STR("6m0s")},
        {STR("x-ratelimit-remaining-requests"), STR("0")},
    };
    const int64_t wall_us = 1795600000 * (int64_t)US_PER_S;
    size_t first = bytes.len % (ARRAY_LEN(headers) + 1);
    const struct error_ext ext = {
        .request_id = "01K", .provider = "p", .n_attempts = 1, .attempts = STR("[1]")};
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(LIMIT_BODY_LEN);
    ops->error_parse(kind_of(ops->id, bytes), statuses[bytes.len % ARRAY_LEN(statuses)],
                     headers + first, ARRAY_LEN(headers) - first, bytes, wall_us, &e);
    require(e.code != ERR_OK, "an error answer is an error");
    client->error_body(&e, &ext, &out);
    require_json(&out, "writes an error");
    buf_release(&out);
}

static void translate_reply(const struct dialect_ops *ops, struct str bytes,
                            enum dialect to)
{
    const struct dialect_ops *client = dialect_ops(to);
    const struct encode_ctx ctx = {.request_id = "01K"};
    struct arena a;
    struct msg_reply r;
    struct scan_state s;
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(LIMIT_BODY_LEN);
    arena_init(&a, LIMIT_BODY_LEN);
    ops->scan_init(&s, kind_of(ops->id, bytes));
    (void)ops->scan_reply(&s, bytes, &e);
    parse_error(ops, client, bytes);
    if (ops->reply_decode(bytes, kind_of(ops->id, bytes), &a, &r, &e) == ERR_OK) {
        buf_reset(&out);
        client->reply_encode(&r, &ctx, &out);
        require_json(&out, "writes an answer");
    }
    arena_release(&a);
    buf_release(&out);
}

/* One stream, watched, stripped and translated. */
struct stream {
    const struct dialect_ops *from, *to;
    struct scan_state scan;
    struct event_decoder *decoder;
    struct delta_encoder *encoder;
    enum errc rc;
    struct buf out, stripped;
};

static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct stream *s = arg;
    (void)e;
    s->to->encode_delta(s->encoder, d, &s->out);
    return ERR_OK;
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct stream *s = arg;
    unsigned flags = s->from->scan_event(&s->scan, ev, e);
    if ((flags & EV_ERROR) != 0)
        require(e->code != ERR_OK, "an error has a class");
    if ((flags & EV_MALFORMED) == 0 && s->from->strip_usage != NULL)
        (void)s->from->strip_usage(ev, &s->stripped);
    return s->from->decode_event(s->decoder, ev, on_delta, s, e);
}

/* What an encoder wrote is a stream of JSON. */
static enum errc on_written(void *arg, const struct sse_event *ev, struct err *e)
{
    (void)arg;
    if (ev->has_data && !str_eqz(ev->data, "[DONE]"))
        require(jscan_check(ev->data, e) == ERR_OK, "writes events");
    return ERR_OK;
}

static void feed(struct stream *s, struct str bytes, unsigned how)
{
    const struct encode_ctx ctx = {.request_id = "01K", .include_usage = true};
    const struct provider_kind *kind = kind_of(s->from->id, bytes);
    struct cuts cuts = cuts_of(how);
    struct err e = ERR_INIT;
    struct sse in;
    s->from->scan_init(&s->scan, kind);
    s->decoder = s->from->decoder_new(kind);
    s->encoder = s->to->encoder_new(&ctx);
    sse_init(&in, LIMIT_EVENT_LEN);
    for (struct str piece; s->rc == ERR_OK && cuts_take(&cuts, &bytes, &piece);)
        s->rc = sse_feed(&in, piece, on_event, s, &e);
    require(s->rc == ERR_OK || s->rc == e.code, "says why it stops");
    s->to->encode_delta(s->encoder, &(struct msg_delta){.kind = MSG_D_END}, &s->out);
    require(buf_err(&s->out) == ERR_OK, "has room");
    sse_release(&in);
    s->from->decoder_free(&s->decoder);
    s->to->encoder_free(&s->encoder);
}

static void stream_release(struct stream *s)
{
    buf_release(&s->out);
    buf_release(&s->stripped);
}

static void translate_stream(const struct dialect_ops *ops, struct str bytes,
                             enum dialect to)
{
    const struct stream init = {.from = ops,
                                .to = dialect_ops(to),
                                .out = BUF_INIT(LIMIT_REPLY_LEN),
                                .stripped = BUF_INIT(LIMIT_REPLY_LEN)};
    struct stream whole = init;
    struct err e = ERR_INIT;
    struct sse written;
    feed(&whole, bytes, CUT_WHOLE);
    sse_init(&written, LIMIT_EVENT_LEN);
    require(sse_feed(&written, buf_str(&whole.out), on_written, NULL, &e) == ERR_OK &&
                sse_rest(&written).len == 0,
            "writes whole events");
    sse_release(&written);
    for (unsigned how = CUT_BYTES; how <= CUT_RANDOM; how++) {
        struct stream cut = init;
        feed(&cut, bytes, how);
        require(cut.rc == whole.rc, "ends the same in pieces");
        require(str_eq(buf_str(&cut.out), buf_str(&whole.out)),
                "says the same in pieces");
        require(str_eq(buf_str(&cut.stripped), buf_str(&whole.stripped)),
                "strips the same in pieces");
        stream_release(&cut);
    }
    stream_release(&whole);
}

void dialect_fuzz(enum dialect d, struct str bytes)
{
    const struct dialect_ops *ops = dialect_ops(d);
    if (has_clients(d))
        splice_body(ops, bytes);
    for (enum dialect to = 0; to < DIALECT_N_; to++) {
        if (has_clients(d))
            translate_body(ops, bytes, to);
        if (has_clients(to)) {
            translate_reply(ops, bytes, to);
            translate_stream(ops, bytes, to);
        }
    }
}
