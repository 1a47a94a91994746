/*
 * dialect_anthropic_reply.c: Anthropic Messages answers to and from msg, for crossed pairs.
 *
 * A whole answer is read as a stream of whole blocks, so that both always say the same.
 *
 * The encoder keeps a queue of blocks, because this dialect opens and closes its blocks one
 * after another, while others may let two tool calls grow in turns:
 *
 *     head                                   tail
 *     open on the wire, sent as it grows  →  waiting, gathered  →  …
 *
 * The head is closed as soon as a block stands behind it and it cannot grow any more: a text at
 * once, a call when its arguments are a whole object.
 *
 * Source: Anthropic api/messages and build-with-claude/streaming (2026-08).
 */
#include "core/mem.h"

#include "broker/dialect_anthropic.h"
#include "broker/dialect_priv.h"

/* ---- events to deltas ---- */

struct event_decoder {
    struct decoder base; /* its usage is cumulative */
    unsigned n_calls;
    bool in_call, has_args; /* of the open block */
};

struct event_decoder *anthropic_decoder_new(const struct provider_kind *kind)
{
    return decoder_alloc(sizeof(struct event_decoder), kind);
}

static void decode_args(struct event_decoder *d, struct str args, struct delta_out *o)
{
    if (!d->in_call || args.len == 0)
        return;
    d->has_args = true;
    put_delta(o, &(struct msg_delta){
                     .kind = MSG_D_ARGS, .index = d->n_calls - 1, .text = args});
}

/* A block as it opens, or whole: what it already holds is told. Server tools are not ours. */
static void decode_block(struct event_decoder *d, struct str t, struct jspan block,
                         struct delta_out *o)
{
    enum { TYPE, TEXT, THINKING, SIGNATURE, DATA, ID, NAME, INPUT, N };
    struct jfield f[N] = {
        [TYPE] = {.name = "type"},         [TEXT] = {.name = "text"},
        [THINKING] = {.name = "thinking"}, [SIGNATURE] = {.name = "signature"},
        [DATA] = {.name = "data"},         [ID] = {.name = "id"},
        [NAME] = {.name = "name"},         [INPUT] = {.name = "input"}};
    jscan_fields(t, block, f, N);
    struct jspan type = f[TYPE].value;
    d->in_call = jscan_is(t, type, "tool_use");
    d->has_args = false;
    if (jscan_is(t, type, "text")) {
        put_text(o, MSG_D_TEXT, scratch_str(o, &d->base.text, t, f[TEXT].value));
    } else if (jscan_is(t, type, "thinking")) {
        put_text(o, MSG_D_THINKING, scratch_str(o, &d->base.text, t, f[THINKING].value));
        put_text(o, MSG_D_SIGNATURE,
                 scratch_str(o, &d->base.text, t, f[SIGNATURE].value));
    } else if (jscan_is(t, type, "redacted_thinking")) {
        put_text(o, MSG_D_REDACTED, scratch_str(o, &d->base.text, t, f[DATA].value));
    } else if (d->in_call) {
        put_delta(o, &(struct msg_delta){
                         .kind = MSG_D_CALL,
                         .index = d->n_calls++,
                         .id = scratch_str(o, &d->base.text, t, f[ID].value),
                         .name = scratch_str(o, &d->base.name, t, f[NAME].value)});
        if (f[INPUT].value.kind == J_OBJECT && !json_is_empty(t, f[INPUT].value))
            decode_args(d, jscan_text(t, f[INPUT].value), o);
    }
}

/* A call without a word of input has the empty object for it. */
static void decode_block_end(struct event_decoder *d, struct delta_out *o)
{
    if (d->in_call && !d->has_args)
        decode_args(d, STR("{}"), o);
    d->in_call = false;
}

static void decode_block_delta(struct event_decoder *d, struct str t, struct jspan delta,
                               struct delta_out *o)
{
    enum { TEXT, THINKING, SIGNATURE, JSON, N };
    struct jfield f[N] = {[TEXT] = {.name = "text"},
                          [THINKING] = {.name = "thinking"},
                          [SIGNATURE] = {.name = "signature"},
                          [JSON] = {.name = "partial_json"}};
    jscan_fields(t, delta, f, N);
    put_text(o, MSG_D_TEXT, scratch_str(o, &d->base.text, t, f[TEXT].value));
    put_text(o, MSG_D_THINKING, scratch_str(o, &d->base.text, t, f[THINKING].value));
    put_text(o, MSG_D_SIGNATURE, scratch_str(o, &d->base.text, t, f[SIGNATURE].value));
    decode_args(d, scratch_str(o, &d->base.text, t, f[JSON].value), o);
}

static void decode_report(struct event_decoder *d, struct str t, struct jspan v,
                          struct delta_out *o)
{
    struct usage usage;
    struct err ignored = ERR_INIT;
    if (v.kind != J_OBJECT ||
        usage_parse(d->base.kind->usage, str_of(d->base.kind->catalog), jscan_text(t, v),
                    &usage, NULL, &ignored) != ERR_OK)
        return;
    usage_update(&d->base.usage, &usage);
    put_delta(o, &(struct msg_delta){.kind = MSG_D_USAGE, .usage = &d->base.usage});
}

/* `v` holds stop_reason and stop_sequence: message_delta's delta, or a whole answer. */
static void decode_finish(struct event_decoder *d, struct str t, struct jspan v,
                          struct delta_out *o)
{
    struct str word = scratch_str(o, &d->base.text, t, jscan_get(t, v, "stop_reason"));
    struct str stop = scratch_str(o, &d->base.name, t, jscan_get(t, v, "stop_sequence"));
    if (word.len > 0)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_FINISH,
                                         .finish = anthropic_finish(word),
                                         .finish_raw = word,
                                         .stop_sequence = stop});
}

/* `v` is message_start's message, or a whole answer. */
static void decode_start(struct event_decoder *d, struct str t, struct jspan v,
                         struct delta_out *o)
{
    put_delta(o,
              &(struct msg_delta){
                  .kind = MSG_D_START,
                  .id = scratch_str(o, &d->base.text, t, jscan_get(t, v, "id")),
                  .model = scratch_str(o, &d->base.name, t, jscan_get(t, v, "model"))});
    decode_report(d, t, jscan_get(t, v, "usage"), o);
}

static void decode_object(struct event_decoder *d, struct str t, struct delta_out *o)
{
    enum { TYPE, MESSAGE, BLOCK, DELTA, USAGE, ERROR, N };
    struct jfield f[N] = {
        [TYPE] = {.name = "type"},           [MESSAGE] = {.name = "message"},
        [BLOCK] = {.name = "content_block"}, [DELTA] = {.name = "delta"},
        [USAGE] = {.name = "usage"},         [ERROR] = {.name = "error"}};
    jscan_fields(t, jscan_root(t), f, N);
    struct jspan type = f[TYPE].value;
    if (json_is_set(f[ERROR].value) && error_in_band(d->base.kind, t, o->e)) {
        o->rc = o->e->code;
    } else if (jscan_is(t, type, "content_block_delta")) {
        decode_block_delta(d, t, f[DELTA].value, o);
    } else if (jscan_is(t, type, "content_block_start")) {
        decode_block(d, t, f[BLOCK].value, o);
    } else if (jscan_is(t, type, "content_block_stop")) {
        decode_block_end(d, o);
    } else if (jscan_is(t, type, "message_start")) {
        decode_start(d, t, f[MESSAGE].value, o);
    } else if (jscan_is(t, type, "message_delta")) {
        decode_report(d, t, f[USAGE].value, o);
        decode_finish(d, t, f[DELTA].value, o);
    } else if (jscan_is(t, type, "message_stop")) {
        put_delta(o, &(struct msg_delta){.kind = MSG_D_END});
    }
}

enum errc anthropic_decode_event(struct event_decoder *d, const struct sse_event *ev,
                                 delta_fn *fn, void *arg, struct err *e)
{
    struct delta_out o = {fn, arg, e, ERR_OK};
    struct err ignored = ERR_INIT;
    if (ev->has_data && jscan_check(ev->data, &ignored) == ERR_OK)
        decode_object(d, ev->data, &o); /* what is malformed was counted by the scan */
    return o.rc;
}

enum errc anthropic_reply_decode(struct str body, const struct provider_kind *kind,
                                 struct arena *a, struct msg_reply *ret, struct err *e)
{
    struct event_decoder d = {.n_calls = 0};
    struct msg_collect c;
    if (reply_check(body, e) != ERR_OK)
        return e->code;
    struct jspan root = jscan_root(body), block;
    struct jspan content = jscan_get(body, root, "content");
    if (error_in_band(kind, body, e))
        return e->code;
    if (content.kind != J_ARRAY)
        return reply_broken(e, "the provider's answer holds no content");
    decoder_init(&d.base, kind);
    struct delta_out o = collect_begin(&c, a, e);
    decode_start(&d, body, root, &o);
    size_t it = 0;
    while (jscan_next(body, content, &it, &block)) {
        decode_block(&d, body, block, &o);
        decode_block_end(&d, &o);
    }
    decode_finish(&d, body, root, &o);
    decoder_release(&d.base);
    return collect_end(&c, &o, ret);
}

/* ---- deltas to events ---- */

struct block {
    struct block *next; /* owned */
    enum msg_part_kind kind;
    unsigned call;        /* MSG_TOOL_CALL: its index among the calls */
    char id[128];         /* MSG_TOOL_CALL */
    struct buf name;      /* MSG_TOOL_CALL */
    struct buf text;      /* all of a call's arguments, else what is not sent yet */
    struct buf signature; /* MSG_THINKING; MSG_REDACTED: its data */
    size_t sent_len;      /* of `text` */
    size_t checked_len;   /* of `text`, when it was last found not to be whole */
    bool is_open;
};

struct delta_encoder {
    struct encode_ctx ctx; /* its strings are borrowed */
    char id[128];
    char model[LIMIT_NAME_LEN + 1];
    bool started, saw_refusal, saw_call;
    enum msg_finish finish;
    struct buf stop_sequence;
    struct usage usage;
    struct block *head, *tail; /* owned */
    int64_t index;             /* of the head among all blocks */
};

struct delta_encoder *anthropic_encoder_new(const struct encode_ctx *ctx)
{
    struct delta_encoder *n = MEM_NEW(struct delta_encoder);
    if (n == NULL)
        return NULL;
    n->ctx = *ctx;
    n->stop_sequence = (struct buf)BUF_INIT(LIMIT_REPLY_LEN);
    answer_id("msg_", STR_NONE, ctx->request_id, n->id);
    copy_str(n->model, sizeof n->model, ctx->model);
    usage_init(&n->usage);
    return n;
}

static void pop_block(struct delta_encoder *n)
{
    struct block *b = n->head;
    n->head = b->next;
    if (n->head == NULL)
        n->tail = NULL;
    buf_release(&b->name);
    buf_release(&b->text);
    buf_release(&b->signature);
    mem_free(b);
    n->index++;
}

void anthropic_encoder_free(struct delta_encoder **np)
{
    if (*np != NULL) {
        while ((*np)->head != NULL)
            pop_block(*np);
        buf_release(&(*np)->stop_sequence);
    }
    mem_free(*np);
    *np = NULL;
}

static void begin_event(struct jw *w, struct buf *out, const char *name)
{
    buf_printf(out, "event: %s\ndata: ", name);
    jw_init(w, out);
    jw_object(w);
    jw_kstrz(w, "type", name);
}

static void end_event(struct jw *w)
{
    jw_object_end(w);
    buf_addz(w->out, "\n\n");
}

static void write_usage(struct jw *w, const struct usage *u)
{
    jw_key(w, "usage");
    jw_raw(w, STR_NONE);
    usage_write_anthropic(u, w->out);
}

static void ensure_started(struct delta_encoder *n, struct buf *out)
{
    struct jw w;
    if (n->started)
        return;
    n->started = true;
    begin_event(&w, out, "message_start");
    jw_key(&w, "message");
    jw_object(&w);
    jw_kstrz(&w, "id", n->id);
    jw_kstrz(&w, "type", "message");
    jw_kstrz(&w, "role", "assistant");
    jw_kstrz(&w, "model", n->model);
    jw_key(&w, "content");
    jw_raw(&w, STR("[]"));
    jw_kstrz(&w, "stop_reason", NULL);
    jw_kstrz(&w, "stop_sequence", NULL);
    write_usage(&w, &n->usage);
    jw_object_end(&w);
    end_event(&w);
}

/* ---- the queue of blocks ---- */

static struct block *add_block(struct delta_encoder *n, enum msg_part_kind kind)
{
    struct block *b = MEM_NEW(struct block);
    if (b == NULL)
        return NULL;
    b->kind = kind;
    buf_init(&b->name, LIMIT_REPLY_LEN);
    buf_init(&b->text, LIMIT_REPLY_LEN);
    buf_init(&b->signature, LIMIT_REPLY_LEN);
    if (n->tail != NULL)
        n->tail->next = b;
    else
        n->head = b;
    n->tail = b;
    return b;
}

/* The last block if it is of this kind and can grow; else a new one. */
static struct block *growing_block(struct delta_encoder *n, enum msg_part_kind kind)
{
    struct block *b = n->tail;
    if (b != NULL && b->kind == kind && b->signature.len == 0)
        return b;
    return add_block(n, kind);
}

static struct block *block_of_call(const struct delta_encoder *n, unsigned call)
{
    struct block *b = n->head;
    while (b != NULL && !(b->kind == MSG_TOOL_CALL && b->call == call))
        b = b->next;
    return b; /* NULL: closed already, when only blanks can follow */
}

static void open_block(struct delta_encoder *n, struct block *b, struct buf *out)
{
    struct jw w;
    b->is_open = true;
    begin_event(&w, out, "content_block_start");
    jw_ki64(&w, "index", n->index);
    jw_key(&w, "content_block");
    jw_object(&w);
    if (b->kind == MSG_TOOL_CALL) {
        jw_kstrz(&w, "type", "tool_use");
        jw_kstrz(&w, "id", b->id);
        jw_kstr(&w, "name", buf_str(&b->name));
        jw_key(&w, "input");
        jw_raw(&w, STR("{}"));
    } else if (b->kind == MSG_THINKING) {
        jw_kstrz(&w, "type", "thinking");
        jw_kstrz(&w, "thinking", "");
        jw_kstrz(&w, "signature", "");
    } else if (b->kind == MSG_REDACTED) {
        jw_kstrz(&w, "type", "redacted_thinking");
        jw_kstr(&w, "data", buf_str(&b->signature));
    } else {
        jw_kstrz(&w, "type", "text");
        jw_kstrz(&w, "text", "");
    }
    jw_object_end(&w);
    end_event(&w);
}

static void write_block_delta(const struct delta_encoder *n, const char *type,
                              const char *key, struct str text, struct buf *out)
{
    struct jw w;
    begin_event(&w, out, "content_block_delta");
    jw_ki64(&w, "index", n->index);
    jw_key(&w, "delta");
    jw_object(&w);
    jw_kstrz(&w, "type", type);
    jw_kstr(&w, key, text);
    jw_object_end(&w);
    end_event(&w);
}

/*
 * A tool's result: the kind for what was found in one, whose source is any text. The client gave it
 * as no search result, so that it has no number among them.
 * Source: platform.claude.com build-with-claude/search-results (2026-08).
 */
static void write_result_citation(struct jw *w, const struct msg_citation *c)
{
    jw_kstrz(w, "type", "search_result_location");
    jw_kstr(w, "cited_text", c->quoted);
    jw_key(w, "source");
    jw_string(w);
    jw_string_add(w, STR("tool:"));
    jw_string_add(w, c->result);
    jw_string_end(w);
    jw_kstrz(w, "title", NULL);
    jw_ki64(w, "search_result_index", 0);
    jw_ki64(w, "start_block_index", 0);
    jw_ki64(w, "end_block_index", 1);
}

/* A document as a whole is cited: its one block. */
static void write_citation(struct jw *w, const struct msg_citation *c)
{
    jw_object(w);
    if (c->result.len > 0) {
        write_result_citation(w, c);
        jw_object_end(w);
        return;
    }
    jw_kstrz(w, "type", "content_block_location");
    jw_kstr(w, "cited_text", c->quoted);
    jw_ki64(w, "document_index", c->document);
    jw_kstr(w, "document_title", c->title);
    jw_ki64(w, "start_block_index", 0);
    jw_ki64(w, "end_block_index", 1);
    jw_object_end(w);
}

/* Only of the text that is open: it is too late for one that is not. */
static void encode_citation(struct delta_encoder *n, const struct msg_citation *c,
                            struct buf *out)
{
    struct jw w;
    if (n->head == NULL || n->head->kind != MSG_TEXT || !n->head->is_open)
        return;
    begin_event(&w, out, "content_block_delta");
    jw_ki64(&w, "index", n->index);
    jw_key(&w, "delta");
    jw_object(&w);
    jw_kstrz(&w, "type", "citations_delta");
    jw_key(&w, "citation");
    write_citation(&w, c);
    jw_object_end(&w);
    end_event(&w);
}

/* Sends what the head has and the client has not. */
static void send_head(struct delta_encoder *n, struct buf *out)
{
    struct block *b = n->head;
    if (!b->is_open)
        open_block(n, b, out);
    struct str text = str_sub(buf_str(&b->text), b->sent_len, b->text.len);
    if (text.len == 0)
        return;
    if (b->kind == MSG_TOOL_CALL)
        write_block_delta(n, "input_json_delta", "partial_json", text, out);
    else if (b->kind == MSG_THINKING)
        write_block_delta(n, "thinking_delta", "thinking", text, out);
    else
        write_block_delta(n, "text_delta", "text", text, out);
    b->sent_len = b->text.len;
    if (b->kind != MSG_TOOL_CALL) {
        buf_reset(&b->text);
        b->sent_len = 0;
    }
}

static void close_head(struct delta_encoder *n, struct buf *out)
{
    struct block *b = n->head;
    struct jw w;
    if (b->kind == MSG_THINKING && b->signature.len > 0)
        write_block_delta(n, "signature_delta", "signature", buf_str(&b->signature), out);
    begin_event(&w, out, "content_block_stop");
    jw_ki64(&w, "index", n->index);
    end_event(&w);
    pop_block(n);
}

static bool can_grow(struct block *b)
{
    struct err ignored = ERR_INIT;
    struct str args = str_trim(buf_str(&b->text));
    if (b->kind != MSG_TOOL_CALL)
        return false;
    if (args.len == 0 || b->checked_len == b->text.len)
        return true;
    if (args.ptr[0] == '{' && args.ptr[args.len - 1] == '}' &&
        jscan_check(args, &ignored) == ERR_OK)
        return false;
    b->checked_len = b->text.len;
    return true;
}

/* `all`: nothing more will come. */
static void pump(struct delta_encoder *n, bool all, struct buf *out)
{
    while (n->head != NULL) {
        send_head(n, out);
        if (!all && (n->head->next == NULL || can_grow(n->head)))
            return;
        close_head(n, out);
    }
}

/* ---- one delta ---- */

/* Each grows the queue by a delta; false: memory is out. */
static bool grow_by_call(struct delta_encoder *n, const struct msg_delta *d)
{
    struct block *b = add_block(n, MSG_TOOL_CALL);
    n->saw_call = true;
    if (b == NULL)
        return false;
    b->call = d->index;
    call_id("toolu_", d->id, n->ctx.request_id, d->index, b->id);
    buf_adds(&b->name, d->name);
    return buf_err(&b->name) == ERR_OK;
}

static bool grow_by_text(struct delta_encoder *n, enum msg_part_kind kind,
                         struct str text)
{
    struct block *b = growing_block(n, kind);
    if (b == NULL)
        return false;
    buf_adds(&b->text, text);
    return buf_err(&b->text) == ERR_OK;
}

/* The signature of a thought; the opaque data of a hidden one. */
static bool grow_by_signature(struct delta_encoder *n, enum msg_part_kind kind,
                              struct str signature)
{
    struct block *b = kind == MSG_THINKING ? growing_block(n, kind) : add_block(n, kind);
    if (b == NULL)
        return false;
    buf_adds(&b->signature, signature);
    return buf_err(&b->signature) == ERR_OK;
}

static bool grow_by_args(struct delta_encoder *n, unsigned call, struct str args)
{
    struct block *b = block_of_call(n, call);
    if (b == NULL)
        return true;
    buf_adds(&b->text, args);
    return buf_err(&b->text) == ERR_OK;
}

static bool grow(struct delta_encoder *n, const struct msg_delta *d)
{
    switch (d->kind) {
    case MSG_D_TEXT:
        return grow_by_text(n, MSG_TEXT, d->text);
    case MSG_D_REFUSAL:
        n->saw_refusal = true;
        return grow_by_text(n, MSG_TEXT, d->text);
    case MSG_D_THINKING:
        return grow_by_text(n, MSG_THINKING, d->text);
    case MSG_D_SIGNATURE:
        return grow_by_signature(n, MSG_THINKING, d->text);
    case MSG_D_REDACTED:
        return grow_by_signature(n, MSG_REDACTED, d->text);
    case MSG_D_CALL:
        return grow_by_call(n, d);
    case MSG_D_ARGS:
        return grow_by_args(n, d->index, d->text);
    case MSG_D_START:
    case MSG_D_STATE:
    case MSG_D_CITATION:
    case MSG_D_TEXT_STATE:
    case MSG_D_FINISH:
    case MSG_D_USAGE:
    case MSG_D_END:
        break;
    }
    return true;
}

static const char *stop_word(const struct delta_encoder *n)
{
    switch (n->finish) {
    case MSG_FINISH_STOP_SEQUENCE:
        return "stop_sequence";
    case MSG_FINISH_LENGTH:
        return "max_tokens";
    case MSG_FINISH_CONTEXT_FULL:
        return "model_context_window_exceeded";
    case MSG_FINISH_TOOL:
        return "tool_use";
    case MSG_FINISH_FILTERED:
        return "refusal";
    case MSG_FINISH_PAUSED:
        return "pause_turn";
    case MSG_FINISH_NONE:
    case MSG_FINISH_STOP:
    case MSG_FINISH_UNKNOWN:
        break;
    }
    return n->saw_refusal ? "refusal" : n->saw_call ? "tool_use" : "end_turn";
}

static void write_stop(struct jw *w, const struct delta_encoder *n)
{
    jw_kstrz(w, "stop_reason", stop_word(n));
    jw_key(w, "stop_sequence");
    if (n->finish == MSG_FINISH_STOP_SEQUENCE)
        jw_str(w, buf_str(&n->stop_sequence));
    else
        jw_null(w);
}

/* The finish waits for the usage, which others send after it. */
static void encode_end(struct delta_encoder *n, struct buf *out)
{
    struct jw w;
    ensure_started(n, out);
    pump(n, true, out);
    begin_event(&w, out, "message_delta");
    jw_key(&w, "delta");
    jw_object(&w);
    write_stop(&w, n);
    jw_object_end(&w);
    write_usage(&w, &n->usage);
    end_event(&w);
    buf_addz(out, dialect_anthropic.end_mark());
}

static void encode_start(struct delta_encoder *n, const struct msg_delta *d,
                         struct buf *out)
{
    answer_id("msg_", d->id, n->ctx.request_id, n->id);
    if (d->model.len > 0) /* what served it, rather than what was asked for */
        copy_str(n->model, sizeof n->model, d->model);
    ensure_started(n, out);
}

void anthropic_encode_delta(struct delta_encoder *n, const struct msg_delta *d,
                            struct buf *out)
{
    switch (d->kind) {
    case MSG_D_START:
        encode_start(n, d, out);
        break;
    case MSG_D_TEXT:
    case MSG_D_THINKING:
    case MSG_D_SIGNATURE:
    case MSG_D_REDACTED:
    case MSG_D_REFUSAL:
    case MSG_D_CALL:
    case MSG_D_ARGS:
        ensure_started(n, out);
        if (!grow(n, d))
            out->fail = ERR_MEMORY;
        pump(n, false, out);
        break;
    case MSG_D_FINISH:
        n->finish = d->finish;
        buf_reset(&n->stop_sequence);
        buf_adds(&n->stop_sequence, d->stop_sequence);
        if (buf_err(&n->stop_sequence) != ERR_OK)
            out->fail = buf_err(&n->stop_sequence);
        ensure_started(n, out);
        pump(n, true, out);
        break;
    case MSG_D_USAGE:
        n->usage = *d->usage;
        break;
    case MSG_D_CITATION:
        encode_citation(n, d->citation, out);
        break;
    case MSG_D_STATE:
    case MSG_D_TEXT_STATE:
        break; /* another provider's, and the broker's to keep */
    case MSG_D_END:
        encode_end(n, out);
        break;
    }
}

/* ---- a whole answer ---- */

static void write_citations(struct jw *w, const struct msg_citation *c)
{
    if (c == NULL)
        return;
    jw_key(w, "citations");
    jw_array(w);
    for (; c != NULL; c = c->next)
        write_citation(w, c);
    jw_array_end(w);
}

static void write_part(struct jw *w, const struct msg_part *p,
                       const struct encode_ctx *ctx, unsigned call)
{
    char id[128];
    jw_object(w);
    if (p->kind == MSG_TOOL_CALL) {
        call_id("toolu_", p->id, ctx->request_id, call, id);
        jw_kstrz(w, "type", "tool_use");
        jw_kstrz(w, "id", id);
        jw_kstr(w, "name", p->name);
        jw_key(w, "input");
        write_args(w, p->args);
    } else if (p->kind == MSG_THINKING) {
        jw_kstrz(w, "type", "thinking");
        jw_kstr(w, "thinking", p->text);
        /* what has an id of its own is another provider's state */
        jw_kstr(w, "signature", p->id.len == 0 ? p->signature : STR_NONE);
    } else if (p->kind == MSG_REDACTED) {
        jw_kstrz(w, "type", "redacted_thinking");
        jw_kstr(w, "data", p->data);
    } else {
        jw_kstrz(w, "type", "text");
        jw_kstr(w, "text", p->text);
        write_citations(w, p->citations);
    }
    jw_object_end(w);
}

/* A thought of which there is nothing but another provider's state. */
static bool is_hidden(const struct msg_part *p)
{
    return p->kind == MSG_THINKING && p->text.len == 0 && p->id.len > 0;
}

void anthropic_reply_encode(const struct msg_reply *r, const struct encode_ctx *ctx,
                            struct buf *out)
{
    struct delta_encoder n = {.finish = r->finish,
                              .stop_sequence = BUF_INIT(LIMIT_REPLY_LEN)};
    struct jw w;
    char id[128];
    unsigned n_calls = 0;
    answer_id("msg_", r->id, ctx->request_id, id);
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "id", id);
    jw_kstrz(&w, "type", "message");
    jw_kstrz(&w, "role", "assistant");
    jw_kstr(&w, "model", ctx->model.len > 0 ? ctx->model : r->model);
    jw_key(&w, "content");
    jw_array(&w);
    for (size_t i = 0; i < r->n_parts; i++) {
        if (!is_hidden(&r->parts[i]))
            write_part(&w, &r->parts[i], ctx, n_calls);
        n_calls += r->parts[i].kind == MSG_TOOL_CALL ? 1 : 0;
        n.saw_refusal = n.saw_refusal || r->parts[i].kind == MSG_REFUSAL;
    }
    jw_array_end(&w);
    n.saw_call = n_calls > 0;
    buf_adds(&n.stop_sequence, r->stop_sequence);
    if (buf_err(&n.stop_sequence) != ERR_OK)
        out->fail = buf_err(&n.stop_sequence);
    write_stop(&w, &n);
    write_usage(&w, &r->usage);
    jw_object_end(&w);
    buf_release(&n.stop_sequence);
}
