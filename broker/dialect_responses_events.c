/*
 * dialect_responses_events.c: answers to a client that speaks Responses.
 *
 * Items open in the order of their first word and stay open until the next of another kind, calls
 * until the end: their arguments may interleave. The last event repeats the whole answer, so all of
 * it is kept until then. A whole answer is written from the same items.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (Response, ResponseStreamEvent); captured streams
 * (vercel/ai fixtures, 2026-08).
 */
#include <stdio.h>

#include "core/mem.h"

#include "broker/dialect_priv.h"
#include "broker/dialect_responses.h"

struct item {
    enum msg_part_kind kind; /* MSG_THINKING, MSG_TEXT, MSG_REFUSAL or MSG_TOOL_CALL */
    bool is_open;
    bool is_custom; /* a call whose input is a text: `text` is that once it is closed */
    unsigned call;  /* MSG_TOOL_CALL: its index among the calls */
    char id[160], call_id[128];
    struct buf name;     /* of the function */
    struct buf text;     /* or arguments */
    struct buf logprobs; /* of it */
    struct buf notes;    /* its annotations: objects with commas between */
    size_t n_notes;
};

/* Members of the request that the response has, too, as the client wrote them. */
enum {
    E_INSTRUCTIONS,
    E_CAP,
    E_TOOL_CALLS,
    E_METADATA,
    E_PARALLEL,
    E_REASONING,
    E_TEMPERATURE,
    E_TEXT,
    E_CHOICE,
    E_TOOLS,
    E_TOP_LOGPROBS,
    E_TOP_P,
    E_TRUNCATION,
    E_USER,
    E_SAFETY_ID,
    E_CACHE_KEY,
    E_COUNT,
};

/* clang-format off */
static const struct {
    const char *name;
    const char *other; /* what it is when the client did not say; NULL: it is left out */
} echoed[E_COUNT] = {
    [E_INSTRUCTIONS] = {"instructions", "null"},
    [E_CAP] = {"max_output_tokens", "null"},
    [E_TOOL_CALLS] = {"max_tool_calls", NULL},
    [E_METADATA] = {"metadata", "{}"},
    [E_PARALLEL] = {"parallel_tool_calls", "true"},
    [E_REASONING] = {"reasoning", NULL}, /* written by parts, as is … */
    [E_TEMPERATURE] = {"temperature", "null"},
    [E_TEXT] = {"text", NULL},
    [E_CHOICE] = {"tool_choice", "\"auto\""},
    [E_TOOLS] = {"tools", "[]"},
    [E_TOP_LOGPROBS] = {"top_logprobs", NULL},
    [E_TOP_P] = {"top_p", "null"},
    [E_TRUNCATION] = {"truncation", "\"disabled\""},
    [E_USER] = {"user", NULL},
    [E_SAFETY_ID] = {"safety_identifier", NULL},
    [E_CACHE_KEY] = {"prompt_cache_key", NULL},
};
/* clang-format on */

struct delta_encoder {
    struct encode_ctx ctx; /* its strings are borrowed */
    char id[128];
    char model[LIMIT_NAME_LEN + 1];
    bool started;
    enum msg_finish finish;
    struct usage usage;
    bool has_usage;
    int64_t own_sequence; /* where the context has none */
    struct item *items;   /* owned */
    size_t n, cap;
    struct jspan echo[E_COUNT]; /* in ctx.body */
};

static void find_echo(struct delta_encoder *n)
{
    struct jfield f[E_COUNT] = {0};
    struct err ignored = ERR_INIT;
    for (size_t i = 0; i < E_COUNT; i++)
        f[i].name = echoed[i].name;
    if (n->ctx.body.len == 0 ||
        body_fields(n->ctx.body, n->ctx.check, f, E_COUNT, &ignored) != ERR_OK)
        return;
    for (size_t i = 0; i < E_COUNT; i++)
        n->echo[i] = f[i].value;
}

static void init(struct delta_encoder *n, const struct encode_ctx *ctx)
{
    *n = (struct delta_encoder){.ctx = *ctx};
    answer_id("resp_", STR_NONE, ctx->request_id, n->id);
    copy_str(n->model, sizeof n->model, ctx->model);
    usage_init(&n->usage);
    if (ctx->sequence != NULL)
        *ctx->sequence = 0;
    find_echo(n);
}

static void release(struct delta_encoder *n)
{
    for (size_t i = 0; i < n->n; i++) {
        buf_release(&n->items[i].name);
        buf_release(&n->items[i].text);
        buf_release(&n->items[i].logprobs);
        buf_release(&n->items[i].notes);
    }
    mem_free(n->items);
}

struct delta_encoder *responses_encoder_new(const struct encode_ctx *ctx)
{
    struct delta_encoder *n = MEM_NEW(struct delta_encoder);
    if (n != NULL)
        init(n, ctx);
    return n;
}

void responses_encoder_free(struct delta_encoder **np)
{
    if (*np != NULL)
        release(*np);
    mem_free(*np);
    *np = NULL;
}

/* ---- objects ---- */

static const char *part_type(const struct item *i)
{
    return i->kind == MSG_REFUSAL ? "refusal" : "output_text";
}

static void write_logprobs(struct jw *w, struct str logprobs)
{
    jw_key(w, "logprobs");
    jw_array(w);
    if (logprobs.len > 0)
        jw_raw_line(w, logprobs);
    jw_array_end(w);
}

/* As it opens, empty, or with all that it holds. */
static void write_content_part(struct jw *w, const struct item *i, struct str text)
{
    jw_object(w);
    jw_kstrz(w, "type", part_type(i));
    if (i->kind == MSG_REFUSAL) {
        jw_kstr(w, "refusal", text);
    } else {
        jw_kstr(w, "text", text);
        jw_key(w, "annotations");
        jw_array(w);
        if (text.len > 0 && i->notes.len > 0)
            jw_raw(w, buf_str(&i->notes));
        jw_array_end(w);
        write_logprobs(w, text.len > 0 ? buf_str(&i->logprobs) : STR_NONE);
    }
    jw_object_end(w);
}

static void write_summary_part(struct jw *w, struct str text)
{
    jw_object(w);
    jw_kstrz(w, "type", "summary_text");
    jw_kstr(w, "text", text);
    jw_object_end(w);
}

/* As it opens, or with all that it holds. */
static void write_item(struct jw *w, const struct item *i, bool is_whole,
                       const char *status)
{
    jw_object(w);
    jw_kstrz(w, "id", i->id);
    if (i->kind == MSG_THINKING) {
        jw_kstrz(w, "type", "reasoning");
        jw_key(w, "summary");
        jw_array(w);
        if (is_whole)
            write_summary_part(w, buf_str(&i->text));
        jw_array_end(w);
    } else if (i->is_custom) {
        jw_kstrz(w, "type", "custom_tool_call");
        jw_kstrz(w, "status", status);
        jw_kstrz(w, "call_id", i->call_id);
        jw_kstr(w, "name", buf_str(&i->name));
        jw_kstr(w, "input", is_whole ? buf_str(&i->text) : STR_NONE);
    } else if (i->kind == MSG_TOOL_CALL) {
        struct str args = i->text.len > 0 ? buf_str(&i->text) : STR("{}");
        jw_kstrz(w, "type", "function_call");
        jw_kstrz(w, "status", status);
        jw_kstr(w, "arguments", is_whole ? args : STR_NONE);
        jw_kstrz(w, "call_id", i->call_id);
        jw_kstr(w, "name", buf_str(&i->name));
    } else {
        jw_kstrz(w, "type", "message");
        jw_kstrz(w, "status", status);
        jw_kstrz(w, "role", "assistant");
        jw_key(w, "content");
        jw_array(w);
        if (is_whole)
            write_content_part(w, i, buf_str(&i->text));
        jw_array_end(w);
    }
    jw_object_end(w);
}

/* NULL: it is complete. */
static const char *incomplete_reason(enum msg_finish finish)
{
    if (finish == MSG_FINISH_LENGTH || finish == MSG_FINISH_CONTEXT_FULL)
        return "max_output_tokens";
    return finish == MSG_FINISH_FILTERED ? "content_filter" : NULL;
}

static void write_echo(struct jw *w, const struct delta_encoder *n, struct jspan v,
                       const char *key, const char *other)
{
    bool is_said = json_is_set(v);
    if (!is_said && other == NULL)
        return;
    jw_key(w, key);
    jw_raw_line(w, is_said ? jscan_text(n->ctx.body, v) : str_of(other));
}

static void write_echo_part(struct jw *w, const struct delta_encoder *n, int member,
                            const char *key, const char *other)
{
    write_echo(w, n, jscan_get(n->ctx.body, n->echo[member], key), key, other);
}

/* A response repeats its request, and fills in what was not said: SDKs' types demand it. */
static void write_request(struct jw *w, const struct delta_encoder *n)
{
    jw_kbool(w, "background", false);
    jw_kstrz(w, "error", NULL);
    jw_kstrz(w, "previous_response_id", NULL);
    jw_kbool(w, "store", false);
    for (int i = 0; i < E_COUNT; i++)
        if (i != E_REASONING && i != E_TEXT)
            write_echo(w, n, n->echo[i], echoed[i].name, echoed[i].other);
    jw_key(w, "reasoning");
    jw_object(w);
    write_echo_part(w, n, E_REASONING, "effort", "null");
    write_echo_part(w, n, E_REASONING, "summary", "null");
    jw_object_end(w);
    jw_key(w, "text");
    jw_object(w);
    write_echo_part(w, n, E_TEXT, "format", "{\"type\":\"text\"}");
    write_echo_part(w, n, E_TEXT, "verbosity", "\"medium\"");
    jw_object_end(w);
}

static void write_usage(struct jw *w, const struct delta_encoder *n)
{
    jw_key(w, "usage");
    if (!n->has_usage) {
        jw_null(w);
        return;
    }
    jw_raw(w, STR_NONE);
    usage_write_responses(&n->usage, w->out);
}

static void write_response(struct jw *w, const struct delta_encoder *n, bool is_ended)
{
    const char *reason = incomplete_reason(n->finish);
    jw_object(w);
    jw_kstrz(w, "id", n->id);
    jw_kstrz(w, "object", "response");
    jw_ki64(w, "created_at", n->ctx.created_s);
    jw_kstrz(w, "status",
             !is_ended        ? "in_progress"
             : reason != NULL ? "incomplete"
                              : "completed");
    jw_key(w, "incomplete_details");
    if (is_ended && reason != NULL) {
        jw_object(w);
        jw_kstrz(w, "reason", reason);
        jw_object_end(w);
    } else {
        jw_null(w);
    }
    jw_kstrz(w, "model", n->model);
    jw_key(w, "output");
    jw_array(w);
    for (size_t i = 0; is_ended && i < n->n; i++) {
        bool is_cut = reason != NULL && i + 1 == n->n;
        write_item(w, &n->items[i], true, is_cut ? "incomplete" : "completed");
    }
    jw_array_end(w);
    write_request(w, n);
    if (is_ended)
        write_usage(w, n);
    else
        jw_kstrz(w, "usage", NULL);
    jw_object_end(w);
}

/* ---- events ---- */

static void begin_event(struct delta_encoder *n, struct jw *w, const char *type,
                        struct buf *out)
{
    int64_t *sequence = n->ctx.sequence != NULL ? n->ctx.sequence : &n->own_sequence;
    buf_printf(out, "event: %s\ndata: ", type);
    jw_init(w, out);
    jw_object(w);
    jw_kstrz(w, "type", type);
    jw_ki64(w, "sequence_number", (*sequence)++);
}

static void end_event(struct jw *w)
{
    jw_object_end(w);
    buf_addz(w->out, "\n\n");
}

static void ensure_started(struct delta_encoder *n, struct buf *out)
{
    static const char *const types[] = {"response.created", "response.in_progress"};
    struct jw w;
    for (size_t i = 0; !n->started && i < ARRAY_LEN(types); i++) {
        begin_event(n, &w, types[i], out);
        jw_key(&w, "response");
        write_response(&w, n, false);
        end_event(&w);
    }
    n->started = true;
}

/* An event of an item, up to what it says of it. */
static void begin_item_event(struct delta_encoder *n, const struct item *i, struct jw *w,
                             const char *type, struct buf *out)
{
    begin_event(n, w, type, out);
    jw_kstrz(w, "item_id", i->id);
    jw_ki64(w, "output_index", i - n->items);
    if (i->kind == MSG_THINKING)
        jw_ki64(w, "summary_index", 0);
    else if (i->kind != MSG_TOOL_CALL)
        jw_ki64(w, "content_index", 0);
}

static void write_item_event(struct delta_encoder *n, const struct item *i,
                             const char *type, bool is_whole, const char *status,
                             struct buf *out)
{
    struct jw w;
    begin_event(n, &w, type, out);
    jw_ki64(&w, "output_index", i - n->items);
    jw_key(&w, "item");
    write_item(&w, i, is_whole, status);
    end_event(&w);
}

/* "…part.added" and "…part.done"; a call has no parts. */
static void write_part_event(struct delta_encoder *n, const struct item *i,
                             const char *what, struct str text, struct buf *out)
{
    char type[64];
    struct jw w;
    if (i->kind == MSG_TOOL_CALL)
        return;
    snprintf(type, sizeof type, "response.%s_part.%s",
             i->kind == MSG_THINKING ? "reasoning_summary" : "content", what);
    begin_item_event(n, i, &w, type, out);
    jw_key(&w, "part");
    if (i->kind == MSG_THINKING)
        write_summary_part(&w, text);
    else
        write_content_part(&w, i, text);
    end_event(&w);
}

/* "response.output_text", and the member that says all of it when it is done. */
static const char *text_type(const struct item *i, const char **ret_member)
{
    *ret_member = "text";
    if (i->kind == MSG_THINKING)
        return "response.reasoning_summary_text";
    if (i->kind == MSG_TEXT)
        return "response.output_text";
    *ret_member = i->kind == MSG_REFUSAL ? "refusal"
                  : i->is_custom         ? "input"
                                         : "arguments";
    if (i->is_custom)
        return "response.custom_tool_call_input";
    return i->kind == MSG_REFUSAL ? "response.refusal"
                                  : "response.function_call_arguments";
}

static void write_text_event(struct delta_encoder *n, const struct item *i, bool is_done,
                             struct str text, struct str logprobs, struct buf *out)
{
    char type[64];
    const char *member;
    struct jw w;
    snprintf(type, sizeof type, "%s.%s", text_type(i, &member),
             is_done ? "done" : "delta");
    begin_item_event(n, i, &w, type, out);
    jw_kstr(&w, is_done ? member : "delta", text);
    if (i->kind == MSG_TEXT) {
        write_logprobs(&w, logprobs);
    } else if (i->kind == MSG_TOOL_CALL && !i->is_custom && is_done) {
        jw_kstr(&w, "name", buf_str(&i->name));
    }
    end_event(&w);
}

/* The input out of the arguments, which are whole. */
static void take_input(struct item *i)
{
    struct buf input = BUF_INIT(LIMIT_REPLY_LEN);
    custom_input(buf_str(&i->text), &input);
    buf_release(&i->text);
    i->text = input;
}

static void close_item(struct delta_encoder *n, struct item *i, const char *status,
                       struct buf *out)
{
    if (!i->is_open)
        return;
    i->is_open = false;
    if (i->is_custom) {
        take_input(i);
        write_text_event(n, i, false, buf_str(&i->text), STR_NONE, out);
    }
    bool is_bare_call = i->kind == MSG_TOOL_CALL && !i->is_custom && i->text.len == 0;
    struct str text = is_bare_call ? STR("{}") : buf_str(&i->text);
    write_text_event(n, i, true, text, buf_str(&i->logprobs), out);
    write_part_event(n, i, "done", text, out);
    write_item_event(n, i, "response.output_item.done", true, status, out);
    if (buf_err(&i->text) != ERR_OK)
        out->fail = buf_err(&i->text);
    if (buf_err(&i->logprobs) != ERR_OK)
        out->fail = buf_err(&i->logprobs);
    if (buf_err(&i->notes) != ERR_OK)
        out->fail = buf_err(&i->notes);
}

/* A thought or a message ends with what comes next; calls may interleave. */
static void close_text(struct delta_encoder *n, struct buf *out)
{
    if (n->n > 0 && n->items[n->n - 1].kind != MSG_TOOL_CALL)
        close_item(n, &n->items[n->n - 1], "completed", out);
}

/* NULL, and a failed buffer, without memory. */
static struct item *add_item(struct delta_encoder *n, enum msg_part_kind kind,
                             struct buf *out)
{
    const char *prefix = kind == MSG_THINKING    ? "rs"
                         : kind == MSG_TOOL_CALL ? "fc"
                                                 : "msg";
    if (n->n == n->cap) {
        size_t cap = MAX(2 * n->cap, (size_t)4);
        struct item *items = mem_resize(n->items, cap, sizeof *items);
        if (items == NULL) {
            out->fail = ERR_MEMORY;
            return NULL;
        }
        n->items = items;
        n->cap = cap;
    }
    struct item *i = &n->items[n->n];
    *i = (struct item){.kind = kind,
                       .is_open = true,
                       .name = BUF_INIT(LIMIT_REPLY_LEN),
                       .text = BUF_INIT(LIMIT_REPLY_LEN),
                       .logprobs = BUF_INIT(LIMIT_REPLY_LEN),
                       .notes = BUF_INIT(LIMIT_REPLY_LEN)};
    snprintf(i->id, sizeof i->id, "%s_%s_%zu", prefix,
             n->ctx.request_id != NULL ? n->ctx.request_id : "", n->n);
    n->n++;
    return i;
}

static struct item *open_item(struct delta_encoder *n, enum msg_part_kind kind,
                              struct buf *out)
{
    ensure_started(n, out);
    close_text(n, out);
    return add_item(n, kind, out);
}

static void encode_text(struct delta_encoder *n, enum msg_part_kind kind,
                        const struct msg_delta *d, struct buf *out)
{
    if (d->text.len == 0)
        return;
    struct item *i = n->n > 0 ? &n->items[n->n - 1] : NULL;
    if (i == NULL || !i->is_open || i->kind != kind) {
        i = open_item(n, kind, out);
        if (i == NULL)
            return;
        write_item_event(n, i, "response.output_item.added", false, "in_progress", out);
        write_part_event(n, i, "added", STR_NONE, out);
    }
    buf_adds(&i->text, d->text);
    buf_addz(&i->logprobs, i->logprobs.len > 0 && d->logprobs.len > 0 ? "," : "");
    buf_adds(&i->logprobs, d->logprobs);
    write_text_event(n, i, false, d->text, d->logprobs, out);
}

/* An annotation of the item. That of an address is the only one whose place in the text is told. */
static void add_note(struct item *i, const struct msg_citation *c, struct buf *note)
{
    struct jw w;
    jw_init(&w, note);
    jw_object(&w);
    jw_kstrz(&w, "type", "url_citation");
    citation_write_address(&w, c);
    jw_object_end(&w);
    buf_addz(&i->notes, i->n_notes++ > 0 ? "," : "");
    buf_adds(&i->notes, buf_str(note));
}

/* Only of the text that is open: it is too late for one that is not. */
static void encode_citation(struct delta_encoder *n, const struct msg_citation *c,
                            struct buf *out)
{
    struct item *i = n->n > 0 ? &n->items[n->n - 1] : NULL;
    AUTO(buf_release) struct buf note = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    if (i == NULL || !i->is_open || i->kind != MSG_TEXT)
        return;
    add_note(i, c, &note);
    begin_item_event(n, i, &w, "response.output_text.annotation.added", out);
    jw_ki64(&w, "annotation_index", (int64_t)i->n_notes - 1);
    jw_key(&w, "annotation");
    jw_raw(&w, buf_str(&note));
    end_event(&w);
}

static void name_call(const struct delta_encoder *n, struct item *i, unsigned call,
                      struct str id, struct str name)
{
    i->call = call;
    i->is_custom = is_custom_tool(&n->ctx, name);
    if (i->is_custom)
        snprintf(i->id, sizeof i->id, "ctc_%s_%zu",
                 n->ctx.request_id != NULL ? n->ctx.request_id : "",
                 (size_t)(i - n->items));
    call_id("call_", id, n->ctx.request_id, call, i->call_id);
    buf_adds(&i->name, name);
}

static void encode_call(struct delta_encoder *n, const struct msg_delta *d,
                        struct buf *out)
{
    struct item *i = open_item(n, MSG_TOOL_CALL, out);
    if (i == NULL)
        return;
    name_call(n, i, d->index, d->id, d->name);
    write_item_event(n, i, "response.output_item.added", false, "in_progress", out);
}

static void encode_args(struct delta_encoder *n, const struct msg_delta *d,
                        struct buf *out)
{
    for (size_t i = 0; i < n->n; i++) {
        struct item *x = &n->items[i];
        if (x->kind != MSG_TOOL_CALL || x->call != d->index || d->text.len == 0)
            continue;
        buf_adds(&x->text, d->text);
        if (!x->is_custom) /* the input is known when it is whole */
            write_text_event(n, x, false, d->text, STR_NONE, out);
    }
}

/* All that is open closes, and the answer is told once more as a whole. */
static void encode_end(struct delta_encoder *n, struct buf *out)
{
    bool is_cut = incomplete_reason(n->finish) != NULL;
    struct jw w;
    ensure_started(n, out);
    for (size_t i = 0; i < n->n; i++)
        close_item(n, &n->items[i], is_cut && i + 1 == n->n ? "incomplete" : "completed",
                   out);
    begin_event(n, &w, is_cut ? "response.incomplete" : "response.completed", out);
    jw_key(&w, "response");
    write_response(&w, n, true);
    end_event(&w);
}

void responses_encode_delta(struct delta_encoder *n, const struct msg_delta *d,
                            struct buf *out)
{
    switch (d->kind) {
    case MSG_D_START:
        answer_id("resp_", d->id, n->ctx.request_id, n->id);
        if (d->model.len > 0) /* what served it, rather than what was asked for */
            copy_str(n->model, sizeof n->model, d->model);
        ensure_started(n, out);
        break;
    case MSG_D_TEXT:
        encode_text(n, MSG_TEXT, d, out);
        break;
    case MSG_D_CITATION:
        encode_citation(n, d->citation, out);
        break;
    case MSG_D_REFUSAL:
        encode_text(n, MSG_REFUSAL, d, out);
        break;
    case MSG_D_THINKING:
        encode_text(n, MSG_THINKING, d, out);
        break;
    case MSG_D_CALL:
        encode_call(n, d, out);
        break;
    case MSG_D_ARGS:
        encode_args(n, d, out);
        break;
    case MSG_D_FINISH:
        n->finish = d->finish;
        break;
    case MSG_D_USAGE:
        n->usage = *d->usage;
        n->has_usage = true;
        break;
    case MSG_D_SIGNATURE:
    case MSG_D_STATE:
    case MSG_D_TEXT_STATE:
    case MSG_D_REDACTED:
        break; /* opaque state of another provider */
    case MSG_D_END:
        encode_end(n, out);
        break;
    }
}

/* ---- a whole answer ---- */

static void add_part(struct delta_encoder *n, const struct msg_part *p, unsigned *calls,
                     struct buf *out)
{
    bool is_call = p->kind == MSG_TOOL_CALL;
    if (p->kind == MSG_REDACTED || (!is_call && p->text.len == 0))
        return;
    struct item *i = add_item(n, p->kind, out);
    if (i == NULL)
        return;
    if (is_call)
        name_call(n, i, (*calls)++, p->id, p->name);
    buf_adds(&i->text, is_call ? p->args : p->text);
    buf_adds(&i->logprobs, p->logprobs);
    for (const struct msg_citation *c = p->citations; c != NULL; c = c->next) {
        AUTO(buf_release) struct buf note = BUF_INIT(LIMIT_REPLY_LEN);
        add_note(i, c, &note);
    }
    if (i->is_custom)
        take_input(i);
    if (buf_err(&i->text) != ERR_OK)
        out->fail = buf_err(&i->text);
}

void responses_reply_encode(const struct msg_reply *r, const struct encode_ctx *ctx,
                            struct buf *out)
{
    struct delta_encoder n;
    struct jw w;
    unsigned calls = 0;
    init(&n, ctx);
    answer_id("resp_", r->id, ctx->request_id, n.id);
    if (ctx->model.len == 0)
        copy_str(n.model, sizeof n.model, r->model);
    if (r->created_s > 0)
        n.ctx.created_s = r->created_s;
    n.finish = r->finish;
    n.usage = r->usage;
    n.has_usage = true;
    for (size_t i = 0; i < r->n_parts; i++)
        add_part(&n, &r->parts[i], &calls, out);
    jw_init(&w, out);
    write_response(&w, &n, true);
    release(&n);
}
