/*
 * dialect_bedrock_reply.c: Converse answers to msg. The blocks of a whole answer are read as the
 * events of a stream.
 *
 * Source: as in dialect_bedrock.c.
 */
#include "broker/dialect_bedrock.h"
#include "broker/dialect_priv.h"

struct event_decoder {
    struct decoder base;
    unsigned n_calls;
    bool in_call, has_args; /* of the open call */
    bool has_content;
};

struct event_decoder *bedrock_decoder_new(const struct provider_kind *kind)
{
    return decoder_alloc(sizeof(struct event_decoder), kind);
}

static void put_args(struct event_decoder *d, struct str args, struct delta_out *o)
{
    if (!d->in_call || args.len == 0)
        return;
    d->has_args = true;
    put_delta(o, &(struct msg_delta){
                     .kind = MSG_D_ARGS, .index = d->n_calls - 1, .text = args});
}

/* A call without a word of input has the empty object for it. */
static void close_call(struct event_decoder *d, struct delta_out *o)
{
    if (!d->has_args)
        put_args(d, STR("{}"), o);
    d->in_call = d->has_args = false;
}

static void decode_block(struct event_decoder *d, struct str t,
                         const struct bedrock_event *b, struct delta_out *o)
{
    d->has_content = true;
    put_text(o, MSG_D_THINKING, scratch_str(o, &d->base.text, t, b->thinking));
    put_text(o, MSG_D_SIGNATURE, scratch_str(o, &d->base.text, t, b->signature));
    put_text(o, MSG_D_REDACTED, scratch_str(o, &d->base.text, t, b->redacted));
    put_text(o, MSG_D_TEXT, scratch_str(o, &d->base.text, t, b->text));
    if (b->call.kind == J_OBJECT) {
        struct jspan input = jscan_get(t, b->call, "input");
        struct jspan id = jscan_get(t, b->call, "toolUseId");
        struct jspan name = jscan_get(t, b->call, "name");
        close_call(d, o); /* its end may be missing */
        d->in_call = true;
        put_delta(o, &(struct msg_delta){.kind = MSG_D_CALL,
                                         .index = d->n_calls++,
                                         .id = scratch_str(o, &d->base.text, t, id),
                                         .name = scratch_str(o, &d->base.name, t, name)});
        if (input.kind == J_OBJECT && !json_is_empty(t, input))
            put_args(d, jscan_text(t, input), o);
    }
    put_args(d, scratch_str(o, &d->base.text, t, b->args), o);
}

static void decode_finish(struct event_decoder *d, struct str t, struct jspan finish,
                          struct jspan stop, struct delta_out *o)
{
    struct str word = scratch_str(o, &d->base.text, t, finish);
    close_call(d, o);
    if (word.len > 0)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_FINISH,
                                         .finish = bedrock_finish(word, d->n_calls > 0),
                                         .finish_raw = word,
                                         .stop_sequence =
                                             scratch_str(o, &d->base.name, t, stop)});
}

/* An answer says neither which it is nor which model it is of. */
static void decode_start(struct delta_out *o)
{
    put_delta(o, &(struct msg_delta){.kind = MSG_D_START});
}

static void decode_object(struct event_decoder *d, const struct sse_event *ev,
                          const struct bedrock_event *b, struct delta_out *o)
{
    struct str t = ev->data;
    switch (b->what) {
    case BR_START:
        decode_start(o);
        break;
    case BR_OPEN:
    case BR_DELTA:
        decode_block(d, t, b, o);
        break;
    case BR_CLOSE:
        close_call(d, o);
        break;
    case BR_FINISH:
        if (bedrock_failed(t, b->finish, o->e))
            o->rc = o->e->code;
        else
            decode_finish(d, t, b->finish, b->stop, o);
        break;
    case BR_METADATA:
        decode_usage(&d->base, d->base.kind->usage, t, b->usage, o);
        put_delta(o, &(struct msg_delta){.kind = MSG_D_END});
        break;
    case BR_EXCEPTION:
        bedrock_exception(d->base.kind, ev, d->has_content, o->e);
        o->rc = o->e->code;
        break;
    case BR_OTHER:
        break;
    }
}

enum errc bedrock_decode_event(struct event_decoder *d, const struct sse_event *ev,
                               delta_fn *fn, void *arg, struct err *e)
{
    struct delta_out o = {fn, arg, e, ERR_OK};
    struct err ignored = ERR_INIT;
    struct bedrock_event b;
    bool is_exception = str_eqz(ev->id, "exception") || str_eqz(ev->id, "error");
    if (!ev->has_data || (!is_exception && jscan_check(ev->data, &ignored) != ERR_OK))
        return ERR_OK; /* what is malformed was counted by the scan */
    if (bedrock_event_read(ev, &b))
        decode_object(d, ev, &b, &o);
    return o.rc;
}

enum errc bedrock_reply_decode(struct str body, const struct provider_kind *kind,
                               struct arena *a, struct msg_reply *ret, struct err *e)
{
    struct event_decoder d = {.n_calls = 0};
    struct msg_collect collect;
    struct bedrock_reply r;
    struct bedrock_event b;
    struct jspan block;
    size_t it = 0;
    if (reply_open(kind, body, e) != ERR_OK)
        return e->code;
    if (!bedrock_reply_read(body, jscan_root(body), &r))
        return reply_broken(e, "the provider's answer holds no message");
    if (bedrock_failed(body, r.finish, e))
        return e->code;
    decoder_init(&d.base, kind);
    struct delta_out o = collect_begin(&collect, a, e);
    decode_start(&o);
    while (jscan_next(body, r.content, &it, &block)) {
        bedrock_block_read(body, block, &b);
        decode_block(&d, body, &b, &o);
        close_call(&d, &o);
    }
    decode_usage(&d.base, BEDROCK_WHOLE_USAGE, body, r.usage, &o);
    decode_finish(&d, body, r.finish, r.stop, &o);
    decoder_release(&d.base);
    return collect_end(&collect, &o, ret);
}
