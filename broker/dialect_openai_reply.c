/*
 * dialect_openai_reply.c: Chat Completions answers to and from msg, for crossed pairs.
 *
 * A whole answer is read as a stream of one chunk, so that both always say the same.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CreateChatCompletionResponse, …StreamResponse);
 * what compatible servers do differently, from their captured streams (2026-08).
 */
#include <stdio.h>

#include "core/map.h"
#include "core/mem.h"

#include "broker/dialect_openai.h"
#include "broker/dialect_openai_thought.h"
#include "broker/dialect_priv.h"

/* ---- chunks to deltas ---- */

enum { CALLS_MAX = 128 };

struct event_decoder {
    struct decoder base;
    struct tags tags;       /* where the kind has them */
    struct details details; /* the same */
    bool started, finished;
    unsigned n_calls;
    struct {
        int64_t wire_index; /* −1: the server counts none */
        uint64_t id_hash;   /* 0: no id */
    } calls[CALLS_MAX];
};

struct event_decoder *openai_decoder_new(const struct provider_kind *kind)
{
    struct event_decoder *d = decoder_alloc(sizeof(struct event_decoder), kind);
    if (d != NULL)
        details_init(&d->details);
    return d;
}

void openai_decoder_free(struct event_decoder **dp)
{
    if (*dp != NULL)
        details_release(&(*dp)->details);
    decoder_free(dp);
}

static void on_tagged(void *out, bool is_thought, struct str text)
{
    put_text(out, is_thought ? MSG_D_THINKING : MSG_D_TEXT, text);
}

/* Before calls and before the end: what was held back, and what must come back with the calls. */
static void put_held(struct event_decoder *d, bool has_calls, struct delta_out *o)
{
    if (d->base.kind->quirks.tags_thought)
        tags_end(&d->tags, on_tagged, o);
    if (!has_calls)
        return;
    struct str details = details_take(&d->details);
    if (details.len > 0)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_STATE,
                                         .id = str_of(openai_details_id),
                                         .text = details});
    details_reset(&d->details);
}

/* A visible text, with what was said of its tokens. */
static void put_said(struct event_decoder *d, struct str text, struct delta_out *o)
{
    if (text.len == 0)
        return;
    put_delta(o, &(struct msg_delta){.kind = MSG_D_TEXT,
                                     .text = text,
                                     .logprobs = buf_str(&d->base.logprobs)});
    buf_reset(&d->base.logprobs);
}

/* The same, once no tag may come: before, what is said of tokens is of the tags, too. */
static void put_visible(struct event_decoder *d, struct str text, struct delta_out *o)
{
    if (!d->base.kind->quirks.tags_thought || d->tags.at == TAGS_TEXT) {
        put_said(d, text, o);
        return;
    }
    tags_hear(&d->tags, text, on_tagged, o);
    buf_reset(&d->base.logprobs);
}

/* Text, or parts of text and thinking (Mistral). */
static void decode_content(struct event_decoder *d, struct str t, struct jspan content,
                           struct delta_out *o)
{
    put_visible(d, scratch_str(o, &d->base.text, t, content), o);
    struct jspan part, inner;
    size_t it = 0;
    while (jscan_next(t, content, &it, &part)) {
        struct jspan thinking = jscan_get(t, part, "thinking");
        put_text(o, MSG_D_THINKING, scratch_str(o, &d->base.text, t, thinking));
        size_t at = 0;
        while (jscan_next(t, thinking, &at, &inner))
            put_text(o, MSG_D_THINKING,
                     scratch_str(o, &d->base.text, t, jscan_get(t, inner, "text")));
        put_visible(d, scratch_str(o, &d->base.text, t, jscan_get(t, part, "text")), o);
    }
}

/*
 * Which call a fragment belongs to: the one of its index. A new id and name under an old index
 * are a new call (Google numbers all parallel calls 0); without an index calls are counted as
 * they come (Mistral). An empty id says nothing (DashScope repeats it so).
 */
static unsigned find_call(const struct event_decoder *d, int64_t index, uint64_t id_hash,
                          bool has_name)
{
    for (unsigned i = d->n_calls; i-- > 0;) {
        if (d->calls[i].wire_index != index)
            continue;
        bool same_id = id_hash == 0 || id_hash == d->calls[i].id_hash;
        if (index < 0)
            return same_id && !(has_name && id_hash == 0) ? i : d->n_calls;
        return same_id || !has_name ? i : d->n_calls;
    }
    return d->n_calls;
}

static void decode_call(struct event_decoder *d, struct str t, struct jspan call,
                        struct delta_out *o)
{
    static const uint64_t seed[2] = {0, 0};
    struct jspan function = jscan_get(t, call, "function");
    struct jspan args = jscan_get(t, function, "arguments");
    struct str id = scratch_str(o, &d->base.text, t, jscan_get(t, call, "id"));
    struct str name = scratch_str(o, &d->base.name, t, jscan_get(t, function, "name"));
    int64_t index = -1;
    jscan_i64(t, jscan_get(t, call, "index"), 0, INT32_MAX, &index);
    uint64_t hash = id.len > 0 ? map_hash(seed, id) | 1 : 0;
    unsigned i = find_call(d, index, hash, name.len > 0);
    if (i == d->n_calls) {
        if (i == CALLS_MAX) {
            o->rc = err_set(o->e, ERR_SERVER, "the provider made more than %d calls",
                            CALLS_MAX);
            return;
        }
        d->calls[i].wire_index = index;
        d->calls[i].id_hash = hash;
        d->n_calls++;
        put_delta(o, &(struct msg_delta){
                         .kind = MSG_D_CALL, .index = i, .id = id, .name = name});
    }
    struct str text = args.kind == J_STRING   ? scratch_str(o, &d->base.text, t, args)
                      : args.kind == J_OBJECT ? jscan_text(t, args) /* Mistral */
                                              : STR_NONE;
    if (text.len > 0)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_ARGS, .index = i, .text = text});
}

/* function_call, before tools: one call without an id. */
static void decode_legacy_call(struct event_decoder *d, struct str t,
                               struct jspan function, struct delta_out *o)
{
    if (function.kind != J_OBJECT)
        return;
    if (d->n_calls == 0) {
        struct str name =
            scratch_str(o, &d->base.name, t, jscan_get(t, function, "name"));
        d->n_calls = 1;
        put_delta(o, &(struct msg_delta){.kind = MSG_D_CALL, .name = name});
    }
    struct str args =
        scratch_str(o, &d->base.text, t, jscan_get(t, function, "arguments"));
    if (args.len > 0)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_ARGS, .text = args});
}

static void decode_message(struct event_decoder *d, struct str t, struct jspan message,
                           struct delta_out *o)
{
    enum { CONTENT, REASONING_CONTENT, REASONING, DETAILS, REFUSAL, CALLS, FUNCTION, N };
    struct jfield f[N] = {[CONTENT] = {.name = "content"},
                          [REASONING_CONTENT] = {.name = "reasoning_content"},
                          [REASONING] = {.name = "reasoning"},
                          [DETAILS] = {.name = "reasoning_details"},
                          [REFUSAL] = {.name = "refusal"},
                          [CALLS] = {.name = "tool_calls"},
                          [FUNCTION] = {.name = "function_call"}};
    if (!jscan_fields(t, message, f, N))
        return;
    struct str reasoning = scratch_str(o, &d->base.text, t, f[REASONING_CONTENT].value);
    if (reasoning.len == 0)
        reasoning = scratch_str(o, &d->base.text, t, f[REASONING].value);
    struct jspan detail;
    size_t at = 0;
    put_text(o, MSG_D_THINKING, reasoning);
    while (f[DETAILS].value.kind == J_ARRAY &&
           jscan_next(t, f[DETAILS].value, &at, &detail)) {
        if (d->base.kind->quirks.wants_details)
            details_add(&d->details, t, detail);
        if (reasoning.len == 0)
            put_text(o, MSG_D_THINKING,
                     scratch_str(o, &d->base.name, t, openai_detail_text(t, detail)));
    }
    decode_content(d, t, f[CONTENT].value, o);
    put_text(o, MSG_D_REFUSAL, scratch_str(o, &d->base.text, t, f[REFUSAL].value));
    struct jspan call;
    size_t it = 0;
    if (f[CALLS].value.kind == J_ARRAY && f[CALLS].value.len > 2)
        put_held(d, true, o);
    while (o->rc == ERR_OK && jscan_next(t, f[CALLS].value, &it, &call))
        decode_call(d, t, call, o);
    decode_legacy_call(d, t, f[FUNCTION].value, o);
}

static void decode_finish(struct event_decoder *d, struct str t, struct jspan choice,
                          struct jspan finish, struct delta_out *o)
{
    struct str word = scratch_str(o, &d->base.text, t, finish);
    if (word.len == 0 || d->finished || o->rc != ERR_OK)
        return;
    if (openai_finish_is_error(word)) {
        if (!error_in_band(d->base.kind, jscan_text(t, choice), o->e)) {
            err_set(o->e, ERR_SERVER, "the provider broke off: %.*s", STR_ARG(word));
            o->e->origin = ERR_BY_PROVIDER;
        }
        o->rc = o->e->code;
        return;
    }
    d->finished = true;
    put_held(d, d->n_calls > 0, o);
    put_delta(o, &(struct msg_delta){.kind = MSG_D_FINISH,
                                     .finish = openai_finish(word, d->n_calls > 0),
                                     .finish_raw = word});
}

/* The first choice; others cannot be asked for across dialects. */
static void decode_choice(struct event_decoder *d, struct str t, struct jspan choice,
                          struct delta_out *o)
{
    enum { INDEX, DELTA, MESSAGE, FINISH, USAGE, LOGPROBS, N };
    struct jfield f[N] = {
        [INDEX] = {.name = "index"},     [DELTA] = {.name = "delta"},
        [MESSAGE] = {.name = "message"}, [FINISH] = {.name = "finish_reason"},
        [USAGE] = {.name = "usage"},     [LOGPROBS] = {.name = "logprobs"}};
    int64_t index = 0;
    if (!jscan_fields(t, choice, f, N))
        return;
    jscan_i64(t, f[INDEX].value, 0, INT32_MAX, &index);
    if (index > 0)
        return;
    /* of a token that is no whole character comes no text: it goes with the next */
    logprobs_read(t, jscan_get(t, f[LOGPROBS].value, "content"), &d->base.logprobs);
    if (buf_err(&d->base.logprobs) != ERR_OK && o->rc == ERR_OK)
        o->rc = err_set(o->e, buf_err(&d->base.logprobs),
                        "no room for the provider's answer");
    decode_message(d, t, f[DELTA].value, o);
    decode_message(d, t, f[MESSAGE].value, o);
    decode_finish(d, t, choice, f[FINISH].value, o);
    decode_usage(&d->base, d->base.kind->usage, t, f[USAGE].value, o);
}

/* A chunk, or a whole answer. */
static void decode_object(struct event_decoder *d, struct str t, struct delta_out *o)
{
    enum { CHOICES, USAGE, ERROR, ID, MODEL, X_GROQ, BASE_RESP, N };
    struct jfield f[N] = {
        [CHOICES] = {.name = "choices"},    [USAGE] = {.name = "usage"},
        [ERROR] = {.name = "error"},        [ID] = {.name = "id"},
        [MODEL] = {.name = "model"},        [X_GROQ] = {.name = "x_groq"},
        [BASE_RESP] = {.name = "base_resp"}};
    jscan_fields(t, jscan_root(t), f, N);
    if ((json_is_set(f[ERROR].value) || json_is_set(f[X_GROQ].value) ||
         json_is_set(f[BASE_RESP].value) || f[CHOICES].value.kind != J_ARRAY) &&
        error_in_band(d->base.kind, t, o->e)) {
        o->rc = o->e->code;
        return;
    }
    struct jspan choice;
    size_t it = 0;
    while (o->rc == ERR_OK && jscan_next(t, f[CHOICES].value, &it, &choice)) {
        if (!d->started) { /* Azure's first chunk has neither id nor choices */
            d->started = true;
            put_delta(o, &(struct msg_delta){
                             .kind = MSG_D_START,
                             .id = scratch_str(o, &d->base.text, t, f[ID].value),
                             .model = scratch_str(o, &d->base.name, t, f[MODEL].value)});
        }
        decode_choice(d, t, choice, o);
    }
    decode_usage(&d->base, d->base.kind->usage, t, jscan_get(t, f[X_GROQ].value, "usage"),
                 o);
    decode_usage(&d->base, d->base.kind->usage, t, f[USAGE].value, o);
}

enum errc openai_decode_event(struct event_decoder *d, const struct sse_event *ev,
                              delta_fn *fn, void *arg, struct err *e)
{
    struct delta_out o = {fn, arg, e, ERR_OK};
    struct err ignored = ERR_INIT;
    if (!ev->has_data || ev->data.len == 0)
        return ERR_OK;
    if (str_eqz(ev->data, "[DONE]")) {
        put_held(d, d->n_calls > 0, &o); /* if no finish came */
        put_delta(&o, &(struct msg_delta){.kind = MSG_D_END});
    } else if (jscan_check(ev->data, &ignored) == ERR_OK)
        decode_object(d, ev->data, &o); /* what is malformed was counted by the scan */
    return o.rc;
}

enum errc openai_reply_decode(struct str body, const struct provider_kind *kind,
                              struct arena *a, struct msg_reply *ret, struct err *e)
{
    struct event_decoder d = {.n_calls = 0};
    struct msg_collect c;
    if (reply_check(body, e) != ERR_OK)
        return e->code;
    decoder_init(&d.base, kind);
    details_init(&d.details);
    struct delta_out o = collect_begin(&c, a, e);
    decode_object(&d, body, &o);
    put_held(&d, d.n_calls > 0, &o);
    if (o.rc == ERR_OK && !d.started)
        o.rc = err_set(e, ERR_SERVER, "the provider's answer holds no choices");
    struct jspan root = jscan_root(body);
    jscan_i64(body, jscan_get(body, root, "created"), 0, INT64_MAX, &c.reply.created_s);
    c.reply.service_tier = arena_str(
        a, scratch_str(&o, &d.base.text, body, jscan_get(body, root, "service_tier")));
    details_release(&d.details);
    decoder_release(&d.base);
    return collect_end(&c, &o, ret);
}

/* ---- deltas to chunks ---- */

static const char *finish_word(enum msg_finish finish)
{
    switch (finish) {
    case MSG_FINISH_LENGTH:
    case MSG_FINISH_CONTEXT_FULL:
        return "length";
    case MSG_FINISH_TOOL:
        return "tool_calls";
    case MSG_FINISH_FILTERED:
        return "content_filter";
    case MSG_FINISH_NONE:
    case MSG_FINISH_STOP:
    case MSG_FINISH_STOP_SEQUENCE:
    case MSG_FINISH_PAUSED:
    case MSG_FINISH_UNKNOWN:
        break;
    }
    return "stop";
}

/* What has been told of one choice. */
struct choice {
    bool started, finished, saw_call;
    /* of the custom tool's call that is open: its arguments, until they are whole */
    bool is_custom;
    unsigned custom_index;
    struct buf custom;
};

struct delta_encoder {
    struct encode_ctx ctx; /* its strings are borrowed */
    char id[128];
    char model[LIMIT_NAME_LEN + 1];
    bool has_usage;
    struct usage usage;
    unsigned n_calls; /* of all choices */
    struct choice choices[MSG_CHOICES];
    struct choice *at; /* the choice that is being told of */
};

struct delta_encoder *openai_encoder_new(const struct encode_ctx *ctx)
{
    struct delta_encoder *n = MEM_NEW(struct delta_encoder);
    if (n == NULL)
        return NULL;
    n->ctx = *ctx;
    for (size_t i = 0; i < MSG_CHOICES; i++)
        buf_init(&n->choices[i].custom, LIMIT_REPLY_LEN);
    n->at = n->choices;
    answer_id("chatcmpl-", STR_NONE, ctx->request_id, n->id);
    copy_str(n->model, sizeof n->model, ctx->model);
    return n;
}

void openai_encoder_free(struct delta_encoder **np)
{
    for (size_t i = 0; *np != NULL && i < MSG_CHOICES; i++)
        buf_release(&(*np)->choices[i].custom);
    mem_free(*np);
    *np = NULL;
}

static void begin_chunk(const struct delta_encoder *n, struct jw *w, struct buf *out)
{
    buf_addz(out, "data: ");
    jw_init(w, out);
    jw_object(w);
    jw_kstrz(w, "id", n->id);
    jw_kstrz(w, "object", "chat.completion.chunk");
    jw_ki64(w, "created", n->ctx.created_s);
    jw_kstrz(w, "model", n->model);
    jw_key(w, "choices");
    jw_array(w);
}

/* Up to and with the delta's opening brace. */
static void begin_delta(const struct delta_encoder *n, struct jw *w, struct buf *out)
{
    begin_chunk(n, w, out);
    jw_object(w);
    jw_ki64(w, "index", n->at - n->choices);
    jw_key(w, "delta");
    jw_object(w);
}

static void write_logprobs(struct jw *w, struct str logprobs)
{
    jw_key(w, "logprobs");
    if (logprobs.len == 0) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_key(w, "content");
    jw_array(w);
    jw_raw_line(w, logprobs);
    jw_array_end(w);
    jw_kstrz(w, "refusal", NULL);
    jw_object_end(w);
}

static void end_said(const struct delta_encoder *n, struct jw *w, struct str logprobs,
                     const char *finish)
{
    jw_object_end(w);
    write_logprobs(w, logprobs);
    jw_kstrz(w, "finish_reason", finish);
    jw_object_end(w);
    jw_array_end(w);
    if (n->ctx.include_usage)
        jw_kstrz(w, "usage", NULL);
    jw_object_end(w);
    buf_addz(w->out, "\n\n");
}

static void end_delta(const struct delta_encoder *n, struct jw *w, const char *finish)
{
    end_said(n, w, STR_NONE, finish);
}

/* The role comes first, once, whatever the upstream began with. */
static void ensure_started(struct delta_encoder *n, struct buf *out)
{
    struct jw w;
    if (n->at->started)
        return;
    n->at->started = true;
    begin_delta(n, &w, out);
    jw_kstrz(&w, "role", "assistant");
    jw_kstrz(&w, "content", "");
    jw_kstrz(&w, "refusal", NULL);
    end_delta(n, &w, NULL);
}

static void encode_start(struct delta_encoder *n, const struct msg_delta *d,
                         struct buf *out)
{
    answer_id("chatcmpl-", d->id, n->ctx.request_id, n->id);
    if (d->model.len > 0) /* what served it, rather than what was asked for */
        copy_str(n->model, sizeof n->model, d->model);
    ensure_started(n, out);
}

static void encode_text(struct delta_encoder *n, const char *key,
                        const struct msg_delta *d, struct buf *out)
{
    struct jw w;
    if (d->text.len == 0)
        return;
    ensure_started(n, out);
    begin_delta(n, &w, out);
    jw_kstr(&w, key, d->text);
    end_said(n, &w, d->logprobs, NULL);
}

/* The only annotation that Chat Completions knows is of an address. */
static void write_citation(struct jw *w, const struct msg_citation *c)
{
    jw_object(w);
    jw_kstrz(w, "type", "url_citation");
    jw_key(w, "url_citation");
    jw_object(w);
    citation_write_address(w, c);
    jw_object_end(w);
    jw_object_end(w);
}

static void encode_citation(struct delta_encoder *n, const struct msg_citation *c,
                            struct buf *out)
{
    struct jw w;
    ensure_started(n, out);
    begin_delta(n, &w, out);
    jw_key(&w, "annotations");
    jw_array(&w);
    write_citation(&w, c);
    jw_array_end(&w);
    end_delta(n, &w, NULL);
}

/* A chunk of a call, up to what it says of the function or the custom tool. */
static void begin_call(const struct delta_encoder *n, struct jw *w, unsigned index,
                       struct buf *out)
{
    begin_delta(n, w, out);
    jw_key(w, "tool_calls");
    jw_array(w);
    jw_object(w);
    jw_ki64(w, "index", (int64_t)index);
}

static void end_call(const struct delta_encoder *n, struct jw *w)
{
    jw_object_end(w);
    jw_array_end(w);
    end_delta(n, w, NULL);
}

/* The input of the custom tool's call that is open. */
static void close_custom(struct delta_encoder *n, struct buf *out)
{
    struct buf input = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    if (!n->at->is_custom)
        return;
    n->at->is_custom = false;
    custom_input(buf_str(&n->at->custom), &input);
    begin_call(n, &w, n->at->custom_index, out);
    jw_key(&w, "custom");
    jw_object(&w);
    write_taken(&w, "input", &input);
    jw_object_end(&w);
    end_call(n, &w);
    if (buf_err(&n->at->custom) != ERR_OK)
        out->fail = buf_err(&n->at->custom);
    buf_reset(&n->at->custom);
}

static void open_call(struct delta_encoder *n, const struct msg_delta *d, struct buf *out)
{
    struct jw w;
    char id[128];
    close_custom(n, out);
    n->at->is_custom = is_custom_tool(&n->ctx, d->name);
    n->at->custom_index = d->index;
    begin_call(n, &w, d->index, out);
    call_id("call_", d->id, n->ctx.request_id, n->n_calls++, id);
    jw_kstrz(&w, "id", id);
    jw_kstrz(&w, "type", n->at->is_custom ? "custom" : "function");
    jw_key(&w, n->at->is_custom ? "custom" : "function");
    jw_object(&w);
    jw_kstr(&w, "name", d->name);
    jw_kstr(&w, n->at->is_custom ? "input" : "arguments", STR(""));
    jw_object_end(&w);
    end_call(n, &w);
}

static void encode_args(struct delta_encoder *n, const struct msg_delta *d,
                        struct buf *out)
{
    struct jw w;
    if (n->at->is_custom && d->index == n->at->custom_index) {
        buf_adds(&n->at->custom, d->text);
        return;
    }
    begin_call(n, &w, d->index, out);
    jw_key(&w, "function");
    jw_object(&w);
    jw_kstr(&w, "arguments", d->text);
    jw_object_end(&w);
    end_call(n, &w);
}

static void encode_call(struct delta_encoder *n, const struct msg_delta *d,
                        struct buf *out)
{
    n->at->saw_call = true;
    ensure_started(n, out);
    if (d->kind == MSG_D_CALL)
        open_call(n, d, out);
    else
        encode_args(n, d, out);
}

static void encode_finish(struct delta_encoder *n, enum msg_finish finish,
                          struct buf *out)
{
    struct jw w;
    if (n->at->finished)
        return;
    n->at->finished = true;
    ensure_started(n, out);
    close_custom(n, out);
    begin_delta(n, &w, out);
    end_delta(n, &w, finish_word(finish));
}

static void encode_end(struct delta_encoder *n, struct buf *out)
{
    struct jw w;
    for (size_t i = 0; i < MSG_CHOICES; i++) { /* if no finish came */
        n->at = &n->choices[i];
        if (i == 0 || n->at->started)
            encode_finish(n, n->at->saw_call ? MSG_FINISH_TOOL : MSG_FINISH_STOP, out);
    }
    if (n->ctx.include_usage && n->has_usage) {
        begin_chunk(n, &w, out);
        jw_array_end(&w);
        jw_key(&w, "usage");
        jw_raw(&w, STR(""));
        usage_write_openai(&n->usage, out);
        jw_object_end(&w);
        buf_addz(out, "\n\n");
    }
    buf_addz(out, dialect_openai.end_mark());
}

void openai_encode_delta(struct delta_encoder *n, const struct msg_delta *d,
                         struct buf *out)
{
    n->at = &n->choices[d->choice];
    switch (d->kind) {
    case MSG_D_START:
        encode_start(n, d, out);
        break;
    case MSG_D_TEXT:
        encode_text(n, "content", d, out);
        break;
    case MSG_D_THINKING:
        encode_text(n, "reasoning_content", d, out);
        break;
    case MSG_D_REFUSAL:
        encode_text(n, "refusal", d, out);
        break;
    case MSG_D_CITATION:
        encode_citation(n, d->citation, out);
        break;
    case MSG_D_SIGNATURE:
    case MSG_D_STATE:
    case MSG_D_TEXT_STATE:
    case MSG_D_REDACTED:
        break; /* opaque state of another provider */
    case MSG_D_CALL:
    case MSG_D_ARGS:
        encode_call(n, d, out);
        break;
    case MSG_D_FINISH:
        encode_finish(n, d->finish, out);
        break;
    case MSG_D_USAGE:
        n->usage = *d->usage;
        n->has_usage = true;
        break;
    case MSG_D_END:
        encode_end(n, out);
        break;
    }
}

/* ---- a whole answer ---- */

static bool reply_has(const struct msg_reply *r, enum msg_part_kind kind)
{
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i].kind == kind)
            return true;
    return false;
}

/* A thought may be nothing but its signature. */
static bool reply_says(const struct msg_reply *r, enum msg_part_kind kind)
{
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i].kind == kind && r->parts[i].text.len > 0)
            return true;
    return false;
}

/* The texts of one kind in one member; null when there is none. */
static void write_texts(struct jw *w, const char *key, const struct msg_reply *r,
                        enum msg_part_kind kind)
{
    struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    if (!reply_has(r, kind)) {
        jw_kstrz(w, key, NULL);
        return;
    }
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i].kind == kind)
            buf_adds(&text, r->parts[i].text);
    write_taken(w, key, &text);
}

static void write_citations(struct jw *w, const struct msg_reply *r)
{
    bool is_open = false;
    for (size_t i = 0; i < r->n_parts; i++)
        for (const struct msg_citation *c = r->parts[i].citations; c; c = c->next) {
            if (!is_open) {
                jw_key(w, "annotations");
                jw_array(w);
            }
            is_open = true;
            write_citation(w, c);
        }
    if (is_open)
        jw_array_end(w);
}

static void write_function(struct jw *w, const struct msg_part *p, bool is_custom)
{
    struct buf input = BUF_INIT(LIMIT_REPLY_LEN);
    jw_kstrz(w, "type", is_custom ? "custom" : "function");
    jw_key(w, is_custom ? "custom" : "function");
    jw_object(w);
    jw_kstr(w, "name", p->name);
    if (is_custom) {
        custom_input(p->args, &input);
        write_taken(w, "input", &input);
    } else {
        jw_kstr(w, "arguments", p->args.len > 0 ? p->args : STR("{}"));
    }
    jw_object_end(w);
}

/* `n_before`: calls of the choices before this one. */
static unsigned write_calls(struct jw *w, const struct msg_reply *r, unsigned n_before,
                            const struct encode_ctx *ctx)
{
    unsigned n = 0;
    for (size_t i = 0; i < r->n_parts; i++) {
        const struct msg_part *p = &r->parts[i];
        char id[128];
        if (p->kind != MSG_TOOL_CALL)
            continue;
        if (n == 0) {
            jw_key(w, "tool_calls");
            jw_array(w);
        }
        call_id("call_", p->id, ctx->request_id, n_before + n++, id);
        jw_object(w);
        jw_kstrz(w, "id", id);
        write_function(w, p, is_custom_tool(ctx, p->name));
        jw_object_end(w);
    }
    if (n > 0)
        jw_array_end(w);
    return n;
}

static void write_reply_logprobs(struct jw *w, const struct msg_reply *r)
{
    struct buf all = BUF_INIT(LIMIT_REPLY_LEN);
    for (size_t i = 0; i < r->n_parts; i++) {
        struct str logprobs = r->parts[i].logprobs;
        buf_addz(&all, all.len > 0 && logprobs.len > 0 ? "," : "");
        buf_adds(&all, logprobs);
    }
    write_logprobs(w, buf_str(&all));
    if (buf_err(&all) != ERR_OK)
        w->out->fail = buf_err(&all);
    buf_release(&all);
}

static unsigned write_choice(struct jw *w, const struct msg_reply *r, size_t index,
                             unsigned n_before, const struct encode_ctx *ctx)
{
    jw_object(w);
    jw_ki64(w, "index", (int64_t)index);
    jw_key(w, "message");
    jw_object(w);
    jw_kstrz(w, "role", "assistant");
    write_texts(w, "content", r, MSG_TEXT);
    write_texts(w, "refusal", r, MSG_REFUSAL);
    if (reply_says(r, MSG_THINKING))
        write_texts(w, "reasoning_content", r, MSG_THINKING);
    write_citations(w, r);
    unsigned n_calls = write_calls(w, r, n_before, ctx);
    jw_object_end(w);
    write_reply_logprobs(w, r);
    jw_kstrz(w, "finish_reason", finish_word(r->finish));
    jw_object_end(w);
    return n_calls;
}

void openai_reply_encode(const struct msg_reply *r, const struct encode_ctx *ctx,
                         struct buf *out)
{
    struct jw w;
    char id[128];
    answer_id("chatcmpl-", r->id, ctx->request_id, id);
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "id", id);
    jw_kstrz(&w, "object", "chat.completion");
    jw_ki64(&w, "created", r->created_s > 0 ? r->created_s : ctx->created_s);
    jw_kstr(&w, "model", ctx->model.len > 0 ? ctx->model : r->model);
    jw_key(&w, "choices");
    jw_array(&w);
    unsigned n_calls = write_choice(&w, r, 0, 0, ctx);
    for (size_t i = 0; i < r->n_more; i++)
        n_calls += write_choice(&w, &r->more[i], i + 1, n_calls, ctx);
    jw_array_end(&w);
    jw_key(&w, "usage");
    jw_raw(&w, STR(""));
    usage_write_openai(&r->usage, out);
    jw_object_end(&w);
}
