/*
 * dialect_cohere_reply.c: Cohere answers to msg. A whole answer is read as the events that a
 * stream would have had.
 *
 * Source: as in dialect_cohere.c; docs.cohere.com/docs/tool-use-citations (2026-08).
 */
#include "core/num.h"

#include "broker/dialect_cohere.h"
#include "broker/dialect_priv.h"

struct event_decoder {
    struct decoder base; /* more: arguments that may yet turn out to be "null" */
    unsigned n_calls;
    bool in_call, has_args; /* of the open call */
    bool ended;
};

struct event_decoder *cohere_decoder_new(const struct provider_kind *kind)
{
    return decoder_alloc(sizeof(struct event_decoder), kind);
}

/* ---- calls ---- */

static void put_args(struct event_decoder *d, struct str text, struct delta_out *o)
{
    d->has_args = true;
    put_delta(o, &(struct msg_delta){
                     .kind = MSG_D_ARGS, .index = d->n_calls - 1, .text = text});
}

/* A tool without parameters may be called with nothing, or with "null": both mean {}. */
static void decode_args(struct event_decoder *d, struct str args, struct delta_out *o)
{
    if (!d->in_call || args.len == 0)
        return;
    if (d->has_args) {
        put_args(d, args, o);
        return;
    }
    buf_adds(&d->base.more, args);
    if (buf_err(&d->base.more) != ERR_OK)
        o->rc =
            err_set(o->e, buf_err(&d->base.more), "no room for the arguments of a call");
    else if (!str_starts(STR("null"), buf_str(&d->base.more)))
        put_args(d, buf_str(&d->base.more), o);
}

static void close_call(struct event_decoder *d, struct delta_out *o)
{
    if (d->in_call && !d->has_args)
        put_args(d, STR("{}"), o);
    d->in_call = d->has_args = false;
    buf_reset(&d->base.more);
}

static void open_call(struct event_decoder *d, struct str t, struct jspan v,
                      struct delta_out *o)
{
    struct cohere_call c;
    cohere_call_read(t, v, &c);
    close_call(d, o); /* an end may be missing */
    struct str name = scratch_str(o, &d->base.text, t, c.name);
    buf_reset(&d->base.name);
    cohere_name_read(name, &d->base.name);
    d->in_call = true;
    put_delta(o, &(struct msg_delta){.kind = MSG_D_CALL,
                                     .index = d->n_calls++,
                                     .id = scratch_str(o, &d->base.text, t, c.id),
                                     .name = buf_str(&d->base.name)});
    decode_args(d, scratch_str(o, &d->base.text, t, c.args), o);
}

/* ---- the rest ---- */

static void decode_finish(struct event_decoder *d, struct str t, struct jspan v,
                          struct delta_out *o)
{
    struct str word = scratch_str(o, &d->base.text, t, v);
    close_call(d, o);
    if (word.len > 0)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_FINISH,
                                         .finish = cohere_finish(word, d->n_calls > 0),
                                         .finish_raw = word});
}

static void decode_end(struct event_decoder *d, struct delta_out *o)
{
    if (!d->ended)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_END});
    d->ended = true;
}

/* The answer does not say which model it is of. */
static void decode_start(struct event_decoder *d, struct str t, struct jspan id,
                         struct delta_out *o)
{
    put_delta(o, &(struct msg_delta){.kind = MSG_D_START,
                                     .id = scratch_str(o, &d->base.text, t, id)});
}

/* A visible text takes with it what was said of its tokens; of a thought's nothing is told. */
static void decode_content(struct event_decoder *d, struct str t, struct jspan thinking,
                           struct jspan text, struct delta_out *o)
{
    put_text(o, MSG_D_THINKING, scratch_str(o, &d->base.text, t, thinking));
    struct str said = scratch_str(o, &d->base.text, t, text);
    if (said.len == 0)
        return;
    put_delta(o, &(struct msg_delta){.kind = MSG_D_TEXT,
                                     .text = said,
                                     .logprobs = buf_str(&d->base.logprobs)});
    buf_reset(&d->base.logprobs);
}

static void read_logprobs(struct event_decoder *d, struct str t, struct jspan items,
                          size_t said_len, struct delta_out *o)
{
    logprobs_read_cohere(t, items, said_len, &d->base.logprobs);
    if (buf_err(&d->base.logprobs) != ERR_OK && o->rc == ERR_OK)
        o->rc = err_set(o->e, buf_err(&d->base.logprobs),
                        "no room for the provider's answer");
}

/*
 * One of its sources: a document of the request, by the id that it was sent with, or a tool's
 * result, by an id that the provider makes of the call's.
 */
static void decode_source(struct event_decoder *d, struct str t, struct jspan source,
                          struct msg_citation *c, struct delta_out *o)
{
    struct str prefix = STR(COHERE_DOCUMENT_ID);
    struct jspan document = jscan_get(t, source, "document");
    struct jspan output = jscan_get(t, source, "tool_output");
    struct jspan type = jscan_get(t, source, "type");
    struct str id = scratch_str(o, &d->base.text, t, jscan_get(t, source, "id"));
    struct str number = str_sub(id, prefix.len, id.len);
    if (jscan_is(t, type, "tool") && id.len > 0) {
        c->result = id;
        c->quoted = output.kind == J_OBJECT ? jscan_text(t, output) : STR_NONE;
        put_delta(o, &(struct msg_delta){.kind = MSG_D_CITATION, .citation = c});
        return;
    }
    if (!jscan_is(t, type, "document") || !str_starts(id, prefix) ||
        num_i64(number, 0, INT32_MAX, &c->document) != ERR_OK)
        return;
    c->result = STR_NONE;
    c->title = scratch_str(o, &d->base.text, t, jscan_get(t, document, "title"));
    c->quoted = scratch_str(o, &d->base.name, t, jscan_get(t, document, "text"));
    put_delta(o, &(struct msg_delta){.kind = MSG_D_CITATION, .citation = c});
}

/* Of the answer; what a plan or a thought cites is nobody's to read. */
static void decode_citation(struct event_decoder *d, struct str t, struct jspan v,
                            struct delta_out *o)
{
    enum { START, END, SOURCES, TYPE, N };
    struct jfield f[N] = {[START] = {.name = "start"},
                          [END] = {.name = "end"},
                          [SOURCES] = {.name = "sources"},
                          [TYPE] = {.name = "type"}};
    struct msg_citation c = {.next = NULL};
    struct jspan source;
    size_t it = 0;
    if (!jscan_fields(t, v, f, N) ||
        (json_is_set(f[TYPE].value) && !jscan_is(t, f[TYPE].value, "TEXT_CONTENT")) ||
        !jscan_i64(t, f[START].value, 0, INT32_MAX, &c.start) ||
        !jscan_i64(t, f[END].value, c.start, INT32_MAX, &c.end))
        return;
    while (f[SOURCES].value.kind == J_ARRAY &&
           jscan_next(t, f[SOURCES].value, &it, &source))
        decode_source(d, t, source, &c, o);
}

static void decode_object(struct event_decoder *d, struct str t,
                          const struct cohere_event *ev, struct delta_out *o)
{
    struct cohere_call c;
    switch (ev->what) {
    case CO_START:
        decode_start(d, t, ev->id, o);
        break;
    case CO_CONTENT:
        if (ev->thinking.kind != J_STRING)
            read_logprobs(d, t, ev->logprobs, SIZE_MAX, o);
        decode_content(d, t, ev->thinking, ev->text, o);
        break;
    case CO_PLAN:
        decode_content(d, t, ev->plan, (struct jspan){0}, o);
        break;
    case CO_CALL:
        open_call(d, t, ev->call, o);
        break;
    case CO_ARGS:
        cohere_call_read(t, ev->call, &c);
        decode_args(d, scratch_str(o, &d->base.text, t, c.args), o);
        break;
    case CO_CALL_END:
        close_call(d, o);
        break;
    case CO_CITATION:
        decode_citation(d, t, ev->citation, o);
        break;
    case CO_END:
        decode_usage(&d->base, d->base.kind->usage, t, ev->usage, o);
        if (cohere_failed(t, d->base.kind, ev->finish, ev->error, o->e)) {
            o->rc = o->e->code;
            break;
        }
        decode_finish(d, t, ev->finish, o);
        decode_end(d, o);
        break;
    case CO_OTHER:
        break;
    }
}

enum errc cohere_decode_event(struct event_decoder *d, const struct sse_event *ev,
                              delta_fn *fn, void *arg, struct err *e)
{
    struct delta_out o = {fn, arg, e, ERR_OK};
    struct err ignored = ERR_INIT;
    struct cohere_event c;
    if (!ev->has_data)
        return ERR_OK;
    if (str_eqz(ev->data, "[DONE]")) {
        decode_end(d, &o);
        return o.rc;
    }
    if (jscan_check(ev->data, &ignored) != ERR_OK)
        return ERR_OK; /* what is malformed was counted by the scan */
    if (cohere_event_read(ev->data, jscan_root(ev->data), &c))
        decode_object(d, ev->data, &c, &o);
    else if (error_in_band(d->base.kind, ev->data, e))
        return e->code;
    return o.rc;
}

/* In the order of a stream: what it planned, what it says, whom it calls. */
static void decode_reply(struct event_decoder *d, struct str t,
                         const struct cohere_reply *r, struct delta_out *o)
{
    struct jspan v;
    size_t it = 0, said_len = 0;
    bool has_thought = json_is_set(r->plan);
    while (r->content.kind == J_ARRAY && jscan_next(t, r->content, &it, &v)) {
        has_thought |= jscan_get(t, v, "thinking").kind == J_STRING;
        said_len += json_decoded_len(t, jscan_get(t, v, "text"));
    }
    read_logprobs(d, t, r->logprobs, has_thought ? said_len : SIZE_MAX, o);
    decode_start(d, t, r->id, o);
    decode_content(d, t, r->plan, (struct jspan){0}, o);
    for (it = 0; r->content.kind == J_ARRAY && jscan_next(t, r->content, &it, &v);)
        decode_content(d, t, jscan_get(t, v, "thinking"), jscan_get(t, v, "text"), o);
    for (it = 0; r->citations.kind == J_ARRAY && jscan_next(t, r->citations, &it, &v);)
        decode_citation(d, t, v, o);
    for (it = 0; r->calls.kind == J_ARRAY && jscan_next(t, r->calls, &it, &v);) {
        open_call(d, t, v, o);
        close_call(d, o);
    }
    decode_usage(&d->base, d->base.kind->usage, t, r->usage, o);
    decode_finish(d, t, r->finish, o);
}

enum errc cohere_reply_decode(struct str body, const struct provider_kind *kind,
                              struct arena *a, struct msg_reply *ret, struct err *e)
{
    struct event_decoder d = {.n_calls = 0};
    struct msg_collect collect;
    struct cohere_reply r;
    if (reply_open(kind, body, e) != ERR_OK)
        return e->code;
    if (!cohere_reply_read(body, jscan_root(body), &r))
        return reply_broken(e, "the provider's answer holds no message");
    if (cohere_failed(body, kind, r.finish, (struct jspan){0}, e))
        return e->code;
    decoder_init(&d.base, kind);
    struct delta_out o = collect_begin(&collect, a, e);
    decode_reply(&d, body, &r, &o);
    decoder_release(&d.base);
    return collect_end(&collect, &o, ret);
}
