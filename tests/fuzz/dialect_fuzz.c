/* dialect_fuzz.c: see dialect_fuzz.h. */
#include "tests/fuzz/dialect_fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/jscan.h"
#include "core/sse.h"

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

static enum dialect other(enum dialect d)
{
    return d == DIALECT_OPENAI ? DIALECT_ANTHROPIC : DIALECT_OPENAI;
}

static const struct provider_kind *kind_of(enum dialect d)
{
    return provider_kind_find(str_of(dialect_name(d)));
}

static void splice_body(const struct dialect_ops *ops, struct str bytes)
{
    const struct body_edits edits = {.model = STR("spliced"),
                                     .add_include_usage = true,
                                     .max_output_tok = 7,
                                     .cap_field = "max_tokens"};
    struct body_facts f, g;
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(LIMIT_BODY_LEN);
    if (ops->facts(bytes, &f, &e) == ERR_OK) {
        require(ops->splice(bytes, &f, &edits, &out, &e) == ERR_OK, "splices");
        require(ops->facts(buf_str(&out), &g, &e) == ERR_OK,
                "is a body after the splice");
        require(str_eqz(edits.model, g.model_name), "has the model");
        require(g.max_output_tok == 7, "has the cap");
        require(f.prompt_len == g.prompt_len && f.needs == g.needs, "asks the same");
    }
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
    const struct target_caps caps = {.kind = kind_of(to), .model = STR("model-1")};
    arena_init(&a, LIMIT_BODY_LEN);
    if (ops->request_decode(bytes, &a, &m, &e) == ERR_OK &&
        dialect_ops(to)->request_encode(&m, &caps, &out, &dropped, &e) == ERR_OK) {
        struct msg_request again;
        require_json(&out, "writes a body");
        require(dialect_ops(to)->request_decode(buf_str(&out), &a, &again, &e) == ERR_OK,
                "reads its own body");
    }
    arena_release(&a);
    buf_release(&out);
}

static void translate_reply(const struct dialect_ops *ops, struct str bytes)
{
    const struct encode_ctx ctx = {.request_id = "01K"};
    struct arena a;
    struct msg_reply r;
    struct scan_state s;
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(LIMIT_BODY_LEN);
    arena_init(&a, LIMIT_BODY_LEN);
    ops->scan_init(&s, kind_of(ops->id));
    (void)ops->scan_reply(&s, bytes, &e);
    ops->error_parse(kind_of(ops->id), 400, NULL, 0, bytes, 0, &e);
    ops->error_body(&e, NULL, &out);
    require_json(&out, "writes an error");
    if (ops->reply_decode(bytes, kind_of(ops->id), &a, &r, &e) == ERR_OK) {
        buf_reset(&out);
        dialect_ops(other(ops->id))->reply_encode(&r, &ctx, &out);
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
    if ((flags & EV_MALFORMED) == 0)
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

static void translate_stream(const struct dialect_ops *ops, struct str bytes)
{
    const struct encode_ctx ctx = {.request_id = "01K", .include_usage = true};
    struct stream s = {.from = ops,
                       .to = dialect_ops(other(ops->id)),
                       .out = BUF_INIT(LIMIT_REPLY_LEN),
                       .stripped = BUF_INIT(LIMIT_REPLY_LEN)};
    struct err e = ERR_INIT;
    struct sse in, written;
    ops->scan_init(&s.scan, kind_of(ops->id));
    s.decoder = ops->decoder_new(kind_of(ops->id));
    s.encoder = s.to->encoder_new(&ctx);
    sse_init(&in, LIMIT_EVENT_LEN);
    sse_init(&written, LIMIT_EVENT_LEN);
    enum errc rc = sse_feed(&in, bytes, on_event, &s, &e);
    require(rc == e.code || rc == ERR_OK, "says why it stops");
    s.to->encode_delta(s.encoder, &(struct msg_delta){.kind = MSG_D_END}, &s.out);
    require(buf_err(&s.out) == ERR_OK, "has room");
    require(sse_feed(&written, buf_str(&s.out), on_written, NULL, &e) == ERR_OK &&
                !sse_is_partial(&written),
            "writes whole events");
    sse_release(&in);
    sse_release(&written);
    ops->decoder_free(&s.decoder);
    s.to->encoder_free(&s.encoder);
    buf_release(&s.out);
    buf_release(&s.stripped);
}

void dialect_fuzz(enum dialect d, struct str bytes)
{
    const struct dialect_ops *ops = dialect_ops(d);
    splice_body(ops, bytes);
    translate_body(ops, bytes, DIALECT_OPENAI);
    translate_body(ops, bytes, DIALECT_ANTHROPIC);
    translate_reply(ops, bytes);
    translate_stream(ops, bytes);
}
