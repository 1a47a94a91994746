/*
 * dialect_gemini_reply.c: Gemini answers to msg. A whole answer is read as a stream of one event.
 *
 * Source: as in dialect_gemini.c; ai.google.dev/gemini-api/docs/thought-signatures (2026-08).
 */
#include <stdio.h>

#include "broker/dialect_gemini.h"
#include "broker/dialect_priv.h"

struct event_decoder {
    struct decoder base;
    char id[96]; /* of the answer */
    unsigned n_calls;
    bool started, finished;
};

struct event_decoder *gemini_decoder_new(const struct provider_kind *kind)
{
    return decoder_alloc(sizeof(struct event_decoder), kind);
}

static void decode_start(struct event_decoder *d, struct str t,
                         const struct gemini_chunk *c, struct delta_out *o)
{
    if (d->started)
        return;
    d->started = true;
    json_copy(t, c->id, d->id, sizeof d->id);
    put_delta(o,
              &(struct msg_delta){.kind = MSG_D_START,
                                  .id = str_of(d->id),
                                  .model = scratch_str(o, &d->base.name, t, c->model)});
}

/* Older models give their calls no id, and results need one. */
static struct str id_of_call(struct event_decoder *d, struct str t,
                             const struct gemini_part *p, struct delta_out *o)
{
    struct str id = scratch_str(o, &d->base.text, t, p->call_id);
    if (id.len > 0 || d->id[0] == '\0')
        return id;
    buf_printf(&d->base.text, "call_%s_%u", d->id, d->n_calls);
    return buf_str(&d->base.text);
}

static void decode_call(struct event_decoder *d, struct str t,
                        const struct gemini_part *p, struct delta_out *o)
{
    struct str name = scratch_str(o, &d->base.name, t, p->call_name);
    if (str_starts(name, STR(GEMINI_NAME_PREFIX)))
        name = str_sub(name, sizeof GEMINI_NAME_PREFIX - 1, name.len);
    put_delta(o, &(struct msg_delta){.kind = MSG_D_CALL,
                                     .index = d->n_calls,
                                     .id = id_of_call(d, t, p, o),
                                     .name = name,
                                     .signature =
                                         scratch_str(o, &d->base.more, t, p->signature)});
    put_delta(o, &(struct msg_delta){.kind = MSG_D_ARGS,
                                     .index = d->n_calls,
                                     .text = p->call_args.kind == J_OBJECT
                                                 ? jscan_text(t, p->call_args)
                                                 : STR("{}")});
    d->n_calls++;
}

static void decode_part(struct event_decoder *d, struct str t, struct jspan v,
                        struct delta_out *o)
{
    struct gemini_part p;
    gemini_part_read(t, v, &p);
    if (p.call.kind == J_OBJECT) {
        decode_call(d, t, &p, o);
        return;
    }
    put_text(o, p.is_thought ? MSG_D_THINKING : MSG_D_TEXT,
             scratch_str(o, &d->base.text, t, p.text));
    if (!p.is_thought) /* it may stand beside an empty text */
        put_text(o, MSG_D_TEXT_STATE, scratch_str(o, &d->base.more, t, p.signature));
}

static void decode_finish(struct event_decoder *d, struct str t, struct jspan v,
                          struct delta_out *o)
{
    struct str word = scratch_str(o, &d->base.text, t, v);
    if (word.len == 0 || d->finished)
        return;
    d->finished = true;
    put_delta(o, &(struct msg_delta){.kind = MSG_D_FINISH,
                                     .finish = gemini_finish(word, d->n_calls > 0),
                                     .finish_raw = word});
}

static void decode_chunk(struct event_decoder *d, struct str t,
                         const struct gemini_chunk *c, bool goes_on, struct delta_out *o)
{
    struct jspan part;
    size_t it = 0;
    decode_start(d, t, c, o);
    decode_usage(&d->base, d->base.kind->usage, t, c->usage, o);
    while (c->parts.kind == J_ARRAY && jscan_next(t, c->parts, &it, &part))
        decode_part(d, t, part, o);
    if (!goes_on)
        decode_finish(d, t, c->finish, o);
}

enum errc gemini_decode_event(struct event_decoder *d, const struct sse_event *ev,
                              delta_fn *fn, void *arg, struct err *e)
{
    struct delta_out o = {fn, arg, e, ERR_OK};
    struct err ignored = ERR_INIT;
    struct gemini_chunk c;
    if (!ev->has_data || jscan_check(ev->data, &ignored) != ERR_OK ||
        !gemini_chunk_read(ev->data, jscan_root(ev->data), &c))
        return ERR_OK; /* what is malformed was counted by the scan */
    if ((json_is_set(c.error) && error_in_band(d->base.kind, ev->data, e)) ||
        gemini_chunk_failed(ev->data, &c, e))
        return e->code;
    decode_chunk(d, ev->data, &c, gemini_goes_on(ev->data, &c), &o);
    return o.rc;
}

enum errc gemini_reply_decode(struct str body, const struct provider_kind *kind,
                              struct arena *a, struct msg_reply *ret, struct err *e)
{
    struct event_decoder d = {.n_calls = 0};
    struct msg_collect collect;
    struct gemini_chunk c;
    if (reply_open(kind, body, e) != ERR_OK)
        return e->code;
    if (!gemini_chunk_read(body, jscan_root(body), &c))
        return reply_broken(e, "the provider's answer is no object");
    if (gemini_chunk_failed(body, &c, e))
        return e->code;
    if (!c.has_candidate)
        return reply_broken(e, "the provider's answer holds no candidate");
    decoder_init(&d.base, kind);
    struct delta_out o = collect_begin(&collect, a, e);
    decode_chunk(&d, body, &c, false, &o);
    decoder_release(&d.base);
    return collect_end(&collect, &o, ret);
}
