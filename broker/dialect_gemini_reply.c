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
    bool started;
    unsigned n_made; /* calls of all choices */
    unsigned choice; /* that is being read */
    struct {
        unsigned n_calls;
        bool finished;
    } choices[MSG_CHOICES];
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
    buf_printf(&d->base.text, "call_%s_%u", d->id, d->n_made);
    return buf_str(&d->base.text);
}

static void decode_call(struct event_decoder *d, struct str t,
                        const struct gemini_part *p, struct delta_out *o)
{
    struct str name = scratch_str(o, &d->base.name, t, p->call_name);
    unsigned index = d->choices[d->choice].n_calls++;
    if (str_starts(name, STR(GEMINI_NAME_PREFIX)))
        name = str_sub(name, sizeof GEMINI_NAME_PREFIX - 1, name.len);
    put_delta(o, &(struct msg_delta){.kind = MSG_D_CALL,
                                     .choice = d->choice,
                                     .index = index,
                                     .id = id_of_call(d, t, p, o),
                                     .name = name,
                                     .signature =
                                         scratch_str(o, &d->base.more, t, p->signature)});
    put_delta(o, &(struct msg_delta){.kind = MSG_D_ARGS,
                                     .choice = d->choice,
                                     .index = index,
                                     .text = p->call_args.kind == J_OBJECT
                                                 ? jscan_text(t, p->call_args)
                                                 : STR("{}")});
    d->n_made++;
}

/* A visible text takes with it what was said of its tokens. */
static void put_said(struct event_decoder *d, enum msg_delta_kind kind, struct str text,
                     struct delta_out *o)
{
    bool is_text = kind == MSG_D_TEXT;
    if (text.len == 0)
        return;
    put_delta(o, &(struct msg_delta){.kind = kind,
                                     .choice = d->choice,
                                     .text = text,
                                     .logprobs = is_text ? buf_str(&d->base.logprobs)
                                                         : STR_NONE});
    if (is_text)
        buf_reset(&d->base.logprobs);
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
    put_said(d, p.is_thought ? MSG_D_THINKING : MSG_D_TEXT,
             scratch_str(o, &d->base.text, t, p.text), o);
    if (!p.is_thought) /* it may stand beside an empty text */
        put_said(d, MSG_D_TEXT_STATE, scratch_str(o, &d->base.more, t, p.signature), o);
}

/* Bytes of the visible text, where thoughts or calls stand beside it; SIZE_MAX: none do. */
static size_t said_len(struct str t, struct jspan parts)
{
    struct jspan v;
    size_t it = 0, len = 0;
    bool is_mixed = false;
    while (parts.kind == J_ARRAY && jscan_next(t, parts, &it, &v)) {
        struct gemini_part p;
        gemini_part_read(t, v, &p);
        is_mixed |= p.is_thought || p.call.kind == J_OBJECT;
        len += p.is_thought ? 0 : json_decoded_len(t, p.text);
    }
    return is_mixed ? len : SIZE_MAX;
}

/*
 * What is said of tokens goes with the candidate's first visible text: of a chunk without one, with
 * that of the next. Of thoughts and calls nothing is told.
 */
static void read_logprobs(struct event_decoder *d, struct str t,
                          const struct gemini_candidate *c, struct delta_out *o)
{
    if (c->index != d->choice)
        buf_reset(&d->base.logprobs);
    if (c->logprobs.kind != J_OBJECT)
        return;
    logprobs_read_gemini(t, c->logprobs, said_len(t, c->parts), &d->base.logprobs);
    if (buf_err(&d->base.logprobs) != ERR_OK && o->rc == ERR_OK)
        o->rc = err_set(o->e, buf_err(&d->base.logprobs),
                        "no room for the provider's answer");
}

static void decode_finish(struct event_decoder *d, struct str t, struct jspan v,
                          struct delta_out *o)
{
    struct str word = scratch_str(o, &d->base.text, t, v);
    if (word.len == 0 || d->choices[d->choice].finished)
        return;
    d->choices[d->choice].finished = true;
    put_delta(o, &(struct msg_delta){
                     .kind = MSG_D_FINISH,
                     .choice = d->choice,
                     .finish = gemini_finish(word, d->choices[d->choice].n_calls > 0),
                     .finish_raw = word});
}

static void decode_chunk(struct event_decoder *d, struct str t,
                         const struct gemini_chunk *c, bool is_stream,
                         struct delta_out *o)
{
    struct gemini_candidate one;
    struct jspan part;
    size_t it = 0;
    decode_start(d, t, c, o);
    decode_usage(&d->base, d->base.kind->usage, t, c->usage, o);
    while (gemini_candidate_next(t, c, &it, &one)) {
        size_t part_it = 0;
        read_logprobs(d, t, &one, o);
        d->choice = one.index;
        while (one.parts.kind == J_ARRAY && jscan_next(t, one.parts, &part_it, &part))
            decode_part(d, t, part, o);
        if (!is_stream || !gemini_goes_on(t, &one))
            decode_finish(d, t, one.finish, o);
    }
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
    decode_chunk(d, ev->data, &c, true, &o);
    return o.rc;
}

enum errc gemini_reply_decode(struct str body, const struct provider_kind *kind,
                              struct arena *a, struct msg_reply *ret, struct err *e)
{
    struct event_decoder d = {.started = false};
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
