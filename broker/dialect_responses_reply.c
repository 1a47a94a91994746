/*
 * dialect_responses_reply.c: a provider's Responses answers to msg.
 *
 * Some servers leave deltas out and say it all when a part, an item or the answer is done: what was
 * told is counted, and the rest is told then. A whole answer is read as its items, each done.
 *
 * Source: as in dialect_responses.c; captured streams of OpenAI and LM Studio (2026-08).
 */
#include "broker/dialect_priv.h"
#include "broker/dialect_responses.h"

enum { ITEMS_MAX = 256 };

/* An item of the output, by its place there. */
struct item {
    bool is_open;
    bool is_call;
    bool is_custom, is_closed; /* a call whose input is a text; all of it was told */
    unsigned call;             /* its index among the calls */
    int64_t part;              /* the part being told */
    size_t told_len;           /* bytes of it, or of the arguments */
    bool has_told;             /* anything at all */
};

struct event_decoder {
    struct decoder base;
    struct item items[ITEMS_MAX];
    unsigned n_calls;
    bool started, finished;
};

struct event_decoder *responses_decoder_new(const struct provider_kind *kind)
{
    return decoder_alloc(sizeof(struct event_decoder), kind);
}

/* NULL: no index, or more items than anybody sends. */
static struct item *item_at(struct event_decoder *d, int64_t index)
{
    return index >= 0 && index < ITEMS_MAX ? &d->items[index] : NULL;
}

static void decode_start(struct event_decoder *d, struct str t,
                         const struct responses_object *r, struct delta_out *o)
{
    if (d->started)
        return;
    d->started = true;
    put_delta(o,
              &(struct msg_delta){.kind = MSG_D_START,
                                  .id = scratch_str(o, &d->base.text, t, r->id),
                                  .model = scratch_str(o, &d->base.name, t, r->model)});
}

/* With what was said last of its tokens. */
static void tell(struct event_decoder *d, struct item *i, enum msg_delta_kind kind,
                 struct str text, struct delta_out *o)
{
    if (text.len > 0) {
        i->has_told = true;
        i->told_len += text.len;
        put_delta(o, &(struct msg_delta){.kind = kind,
                                         .index = i->call,
                                         .text = text,
                                         .logprobs = buf_str(&d->base.logprobs)});
    }
    buf_reset(&d->base.logprobs);
}

/* What an event or a part says of the tokens of a text that is to be told. */
static void read_logprobs(struct event_decoder *d, struct str t, struct jspan array,
                          struct delta_out *o)
{
    buf_reset(&d->base.logprobs);
    logprobs_read(t, array, &d->base.logprobs);
    if (buf_err(&d->base.logprobs) != ERR_OK && o->rc == ERR_OK)
        o->rc = err_set(o->e, buf_err(&d->base.logprobs),
                        "no room for the provider's answer");
}

/* A piece of a part, or with `is_whole` all of it, of which the rest is told. */
static void tell_part(struct event_decoder *d, struct item *i, int64_t part,
                      enum msg_delta_kind kind, struct str text, bool is_whole,
                      struct delta_out *o)
{
    if (i == NULL)
        return;
    if (i->part != part)
        i->told_len = 0;
    i->part = part;
    if (is_whole)
        text = str_sub(text, i->told_len, text.len);
    tell(d, i, kind, text, o);
}

static void open_call(struct event_decoder *d, struct item *i, struct str t,
                      struct jspan item, struct delta_out *o)
{
    i->is_call = true;
    i->call = d->n_calls++;
    put_delta(o,
              &(struct msg_delta){
                  .kind = MSG_D_CALL,
                  .index = i->call,
                  .id = scratch_str(o, &d->base.text, t, jscan_get(t, item, "call_id")),
                  .name = scratch_str(o, &d->base.name, t, jscan_get(t, item, "name"))});
}

/* A custom tool's input becomes arguments while it comes: {"input":"…"}. */
static void tell_input(struct event_decoder *d, struct item *i, struct str input,
                       struct delta_out *o)
{
    AUTO(buf_release) struct buf args = BUF_INIT(LIMIT_REPLY_LEN);
    if (!i->has_told)
        buf_addz(&args, "{\"input\":\"");
    custom_escape(input, &args);
    size_t told_len = i->told_len + input.len;
    tell(d, i, MSG_D_ARGS, buf_str(&args), o);
    i->told_len = told_len;
    if (buf_err(&args) != ERR_OK && o->rc == ERR_OK)
        o->rc = err_set(o->e, buf_err(&args), "no room for the provider's answer");
}

static void close_input(struct event_decoder *d, struct item *i, struct str t,
                        struct jspan item, struct delta_out *o)
{
    struct str whole = scratch_str(o, &d->base.text, t, jscan_get(t, item, "input"));
    if (i->is_closed)
        return;
    i->is_closed = true;
    tell_input(d, i, str_sub(whole, i->told_len, whole.len), o);
    tell(d, i, MSG_D_ARGS, STR("\"}"), o);
}

static void decode_added(struct event_decoder *d, struct item *i, struct str t,
                         struct jspan item, struct delta_out *o)
{
    if (i == NULL || i->is_open)
        return;
    i->is_open = true;
    struct jspan type = jscan_get(t, item, "type");
    i->is_custom = jscan_is(t, type, "custom_tool_call");
    if (i->is_custom || jscan_is(t, type, "function_call"))
        open_call(d, i, t, item, o);
}

/* The parts of a message or a summary that were not told while they grew. */
static void decode_parts(struct event_decoder *d, struct item *i, struct str t,
                         struct jspan parts, enum msg_delta_kind kind,
                         struct delta_out *o)
{
    struct jspan part;
    size_t it = 0;
    if (i->has_told || parts.kind != J_ARRAY)
        return;
    while (jscan_next(t, parts, &it, &part)) {
        struct jspan refusal = jscan_get(t, part, "refusal");
        bool is_refusal = refusal.kind == J_STRING;
        struct jspan text = is_refusal ? refusal : jscan_get(t, part, "text");
        read_logprobs(d, t, jscan_get(t, part, "logprobs"), o);
        tell(d, i, is_refusal ? MSG_D_REFUSAL : kind,
             scratch_str(o, &d->base.text, t, text), o);
    }
}

/* Opaque: it comes back as an item of its own, and by its id. */
static void decode_state(struct event_decoder *d, struct str t, struct jspan item,
                         struct delta_out *o)
{
    struct str id = scratch_str(o, &d->base.name, t, jscan_get(t, item, "id"));
    struct str text =
        scratch_str(o, &d->base.text, t, jscan_get(t, item, "encrypted_content"));
    if (text.len > 0)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_STATE, .id = id, .text = text});
}

/* An item as it is in the end. */
static void decode_done(struct event_decoder *d, struct item *i, struct str t,
                        struct jspan item, struct delta_out *o)
{
    struct jspan type = jscan_get(t, item, "type");
    if (i == NULL)
        return;
    decode_added(d, i, t, item, o);
    if (i->is_custom) {
        close_input(d, i, t, item, o);
    } else if (i->is_call) {
        struct jspan args = jscan_get(t, item, "arguments");
        tell_part(d, i, i->part, MSG_D_ARGS, scratch_str(o, &d->base.text, t, args), true,
                  o);
    } else if (jscan_is(t, type, "reasoning")) {
        decode_parts(d, i, t, jscan_get(t, item, "summary"), MSG_D_THINKING, o);
        decode_parts(d, i, t, jscan_get(t, item, "content"), MSG_D_THINKING, o);
        decode_state(d, t, item, o);
    } else if (jscan_is(t, type, "message")) {
        decode_parts(d, i, t, jscan_get(t, item, "content"), MSG_D_TEXT, o);
    }
}

/* The whole response: items that nobody told of, finish and usage. */
static void decode_whole(struct event_decoder *d, struct str t, struct jspan v,
                         struct delta_out *o)
{
    struct responses_object r;
    struct jspan item;
    size_t it = 0;
    responses_object_read(t, v, &r);
    decode_start(d, t, &r, o);
    for (int64_t n = 0; r.output.kind == J_ARRAY && jscan_next(t, r.output, &it, &item);
         n++) {
        struct item *i = item_at(d, n);
        if (i != NULL && (!i->is_open || i->is_custom))
            decode_done(d, i, t, item, o);
    }
    enum msg_finish finish = responses_finish(t, &r, d->n_calls > 0);
    if (finish == MSG_FINISH_NONE || d->finished)
        return;
    d->finished = true;
    struct jspan why = json_is_set(r.reason) ? r.reason : r.status;
    put_delta(o,
              &(struct msg_delta){.kind = MSG_D_FINISH,
                                  .finish = finish,
                                  .finish_raw = scratch_str(o, &d->base.text, t, why)});
    decode_usage(&d->base, USAGE_WIRE_OPENAI_RESPONSES, t, r.usage, o);
}

static void decode_failure(struct event_decoder *d, struct str t,
                           const struct responses_event *r, struct delta_out *o)
{
    struct responses_object v;
    responses_object_read(t, r->response, &v);
    bool is_told =
        json_is_set(v.error) && responses_failed(d->base.kind, t, &v, r->response, o->e);
    /* Perplexity has it beside the response, not in it */
    is_told = is_told || error_in_band(d->base.kind, t, o->e);
    if (!is_told)
        err_set(o->e, ERR_SERVER, "the provider broke off, without a reason");
    o->rc = o->e->code;
}

static void decode_read(struct event_decoder *d, struct str t,
                        const struct responses_event *r, struct delta_out *o)
{
    struct item *i = item_at(d, r->output_index);
    struct responses_object v;
    bool is_piece = r->delta.kind == J_STRING;
    struct str text = scratch_str(o, &d->base.text, t, is_piece ? r->delta : r->whole);
    switch (r->kind) {
    case RESPONSES_CREATED:
        responses_object_read(t, r->response, &v);
        decode_start(d, t, &v, o);
        break;
    case RESPONSES_ITEM_ADDED:
        decode_added(d, i, t, r->item, o);
        break;
    case RESPONSES_ITEM_DONE:
        decode_done(d, i, t, r->item, o);
        break;
    case RESPONSES_TEXT:
    case RESPONSES_TEXT_DONE:
        /* of the rest of a text nobody says which tokens it is */
        if (is_piece || (i != NULL && !i->has_told))
            read_logprobs(d, t, r->logprobs, o);
        tell_part(d, i, r->part_index, MSG_D_TEXT, text, !is_piece, o);
        break;
    case RESPONSES_REFUSAL:
    case RESPONSES_REFUSAL_DONE:
        tell_part(d, i, r->part_index, MSG_D_REFUSAL, text, !is_piece, o);
        break;
    case RESPONSES_THOUGHT:
    case RESPONSES_THOUGHT_DONE:
        tell_part(d, i, r->part_index, MSG_D_THINKING, text, !is_piece, o);
        break;
    case RESPONSES_ARGS:
    case RESPONSES_ARGS_DONE:
        if (i != NULL && i->is_call)
            tell_part(d, i, r->part_index, MSG_D_ARGS, text, !is_piece, o);
        break;
    case RESPONSES_END:
        decode_whole(d, t, r->response, o);
        put_delta(o, &(struct msg_delta){.kind = MSG_D_END});
        break;
    case RESPONSES_FAILED:
    case RESPONSES_ERROR:
        decode_failure(d, t, r, o);
        break;
    case RESPONSES_CUSTOM_INPUT:
        if (i != NULL && i->is_custom)
            tell_input(d, i, text, o);
        break;
    case RESPONSES_OTHER:
        break;
    }
}

enum errc responses_decode_event(struct event_decoder *d, const struct sse_event *ev,
                                 delta_fn *fn, void *arg, struct err *e)
{
    struct delta_out o = {fn, arg, e, ERR_OK};
    struct err ignored = ERR_INIT;
    struct responses_event r;
    if (ev->has_data && jscan_check(ev->data, &ignored) == ERR_OK &&
        responses_event_read(ev->data, &r))
        decode_read(d, ev->data, &r, &o); /* what is malformed was counted by the scan */
    return o.rc;
}

enum errc responses_reply_decode(struct str body, const struct provider_kind *kind,
                                 struct arena *a, struct msg_reply *ret, struct err *e)
{
    struct responses_object r;
    struct msg_collect c;
    if (reply_check(body, e) != ERR_OK)
        return e->code;
    struct jspan root = jscan_root(body);
    responses_object_read(body, root, &r);
    if (responses_failed(kind, body, &r, root, e))
        return e->code;
    if (r.output.kind != J_ARRAY)
        return reply_broken(e, "the provider's answer holds no output");
    struct event_decoder *d = responses_decoder_new(kind);
    if (d == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the answer");
    struct delta_out o = collect_begin(&c, a, e);
    decode_whole(d, body, root, &o);
    jscan_i64(body, jscan_get(body, root, "created_at"), 0, INT64_MAX,
              &c.reply.created_s);
    c.reply.service_tier = arena_str(a, scratch_str(&o, &d->base.text, body, r.tier));
    decoder_free(&d);
    return collect_end(&c, &o, ret);
}
