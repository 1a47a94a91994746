/*
 * wire_bedrock.c: Converse and ConverseStream from the provider's side, as a Claude sees them.
 *
 * Source: botocore bedrock-runtime service model 2023-09-30, of 2026-08-07; smithy.io, Amazon
 * Event Stream specification (2026).
 */
#include "core/eventstream.h"

#include "tests/unit/wire.h"

/* ---- a request ---- */

static void read_source(struct wire_doc *doc, struct jspan v, const char *mime,
                        struct msg_part *p)
{
    struct str format = wire_str(doc, wire_get(doc, v, "format"));
    p->mime = str_of(arena_printf(doc->arena, "%s/%.*s", mime, STR_ARG(format)));
    p->data = wire_str(doc, wire_get(doc, wire_get(doc, v, "source"), "bytes"));
}

static void read_thought(struct wire_doc *doc, struct jspan v, struct msg_turn *t)
{
    struct jspan text = wire_get(doc, v, "reasoningText");
    struct msg_part *p =
        wire_add_part(t, text.kind == J_OBJECT ? MSG_THINKING : MSG_REDACTED);
    p->text = wire_str(doc, wire_get(doc, text, "text"));
    p->signature = wire_str(doc, wire_get(doc, text, "signature"));
    p->data = wire_str(doc, wire_get(doc, v, "redactedContent"));
}

static void read_call(struct wire_doc *doc, struct jspan v, struct msg_part *p)
{
    p->id = wire_str(doc, wire_get(doc, v, "toolUseId"));
    p->name = wire_str(doc, wire_get(doc, v, "name"));
    p->args = wire_raw(doc, wire_get(doc, v, "input"));
}

/* A mark stands behind what it marks. */
static void read_mark(struct wire_doc *doc, struct jspan v, struct str *ttl)
{
    struct jspan said = wire_get(doc, v, "ttl");
    *ttl = said.kind == J_NONE ? STR("5m") : wire_str(doc, said);
}

/* A block that may stand in a result, too. */
static void read_block(struct wire_doc *doc, struct jspan v, struct msg_turn *t)
{
    struct jspan image = wire_get(doc, v, "image");
    struct jspan document = wire_get(doc, v, "document");
    struct jspan text = wire_get(doc, v, "text");
    if (image.kind == J_OBJECT)
        read_source(doc, image, "image", wire_add_part(t, MSG_IMAGE));
    else if (document.kind == J_OBJECT)
        read_source(doc, document, "application", wire_add_part(t, MSG_FILE));
    else if (text.kind == J_STRING)
        wire_add_part(t, MSG_TEXT)->text = wire_str(doc, text);
    else
        wire_fail(doc, "a block of no known kind", v);
}

/* Its first text is the result's; what follows lies beside it. */
static void read_result(struct wire_doc *doc, struct jspan v, struct msg_part *p)
{
    struct msg_turn *inside = wire_add_turn(doc, MSG_TOOL);
    struct jspan block;
    size_t it = 0;
    p->id = wire_str(doc, wire_get(doc, v, "toolUseId"));
    p->is_error = wire_is(doc, wire_get(doc, v, "status"), "error");
    while (wire_next(doc, wire_get(doc, v, "content"), &it, &block))
        read_block(doc, block, inside);
    doc->m->n_turns--; /* it was no turn */
    if (inside->n_parts == 0 || inside->parts[0].kind != MSG_TEXT) {
        wire_fail(doc, "a result without a text", v);
        return;
    }
    p->text = inside->parts[0].text;
    p->parts = inside->parts + 1;
    p->n_parts = inside->n_parts - 1;
}

static void read_content(struct wire_doc *doc, struct jspan v, struct msg_turn *t)
{
    struct jspan thought = wire_get(doc, v, "reasoningContent");
    struct jspan call = wire_get(doc, v, "toolUse");
    struct jspan mark = wire_get(doc, v, "cachePoint");
    if (thought.kind == J_OBJECT)
        read_thought(doc, thought, t);
    else if (call.kind == J_OBJECT)
        read_call(doc, call, wire_add_part(t, MSG_TOOL_CALL));
    else if (mark.kind == J_OBJECT && t->n_parts > 0)
        read_mark(doc, mark, &t->parts[t->n_parts - 1].cache_ttl);
    else
        read_block(doc, v, t);
}

/* Results stand in a user's message: they come first, and are the tools'. */
static void read_message(struct wire_doc *doc, struct jspan v)
{
    struct msg_turn *t = NULL;
    struct jspan block;
    bool is_user = wire_is(doc, wire_get(doc, v, "role"), "user");
    size_t it = 0;
    while (wire_next(doc, wire_get(doc, v, "content"), &it, &block)) {
        struct jspan result = wire_get(doc, block, "toolResult");
        bool is_mark = t != NULL && wire_get(doc, block, "cachePoint").kind == J_OBJECT;
        enum msg_role role = result.kind == J_OBJECT ? MSG_TOOL
                             : is_mark               ? t->role
                             : is_user               ? MSG_USER
                                                     : MSG_ASSISTANT;
        t = wire_go_on(doc, t, role, block);
        if (result.kind == J_OBJECT)
            read_result(doc, result, wire_add_part(t, MSG_TOOL_RESULT));
        else
            read_content(doc, block, t);
    }
}

static void read_system(struct wire_doc *doc, struct jspan system)
{
    struct jspan v;
    size_t it = 0;
    if (system.kind == J_NONE)
        return;
    struct msg_turn *t = wire_add_turn(doc, MSG_SYSTEM);
    while (wire_next(doc, system, &it, &v))
        read_content(doc, v, t);
}

static void read_tool(struct wire_doc *doc, struct jspan v)
{
    struct jspan spec = wire_get(doc, v, "toolSpec");
    struct jspan mark = wire_get(doc, v, "cachePoint");
    if (mark.kind == J_OBJECT && doc->m->n_tools > 0) {
        read_mark(doc, mark, &doc->m->tools[doc->m->n_tools - 1].cache_ttl);
        return;
    }
    struct msg_tool *t = wire_add_tool(doc);
    t->name = wire_str(doc, wire_get(doc, spec, "name"));
    t->description = wire_str(doc, wire_get(doc, spec, "description"));
    t->schema = wire_raw(doc, wire_get(doc, wire_get(doc, spec, "inputSchema"), "json"));
    if (wire_get(doc, spec, "strict").kind == J_TRUE)
        t->strict = 1;
}

static void read_choice(struct wire_doc *doc, struct jspan choice)
{
    struct jspan one = wire_get(doc, choice, "tool");
    if (wire_get(doc, choice, "auto").kind == J_OBJECT)
        doc->m->choice = MSG_CHOICE_AUTO;
    else if (wire_get(doc, choice, "any").kind == J_OBJECT)
        doc->m->choice = MSG_CHOICE_ANY;
    else if (one.kind == J_OBJECT)
        doc->m->choice = MSG_CHOICE_ONE;
    doc->m->choice_name = wire_str(doc, wire_get(doc, one, "name"));
}

static void read_tools(struct wire_doc *doc, struct jspan config)
{
    struct jspan v;
    size_t it = 0;
    while (wire_next(doc, wire_get(doc, config, "tools"), &it, &v))
        read_tool(doc, v);
    read_choice(doc, wire_get(doc, config, "toolChoice"));
}

/* The schema is a text here. */
static void read_output_config(struct wire_doc *doc, struct jspan config)
{
    struct jspan format = wire_get(doc, config, "textFormat");
    struct jspan schema = wire_get(doc, wire_get(doc, format, "structure"), "jsonSchema");
    struct str effort = wire_str(doc, wire_get(doc, config, "effort"));
    if (format.kind == J_OBJECT) {
        doc->m->format = MSG_FORMAT_SCHEMA;
        doc->m->schema = wire_str(doc, wire_get(doc, schema, "schema"));
        doc->m->schema_name = wire_str(doc, wire_get(doc, schema, "name"));
    }
    if (effort.len > 0 && !msg_effort_by_name(effort, &doc->m->effort))
        wire_fail(doc, "no effort", config);
}

static enum errc read_request(struct str body, struct arena *a, struct msg_request *ret,
                              struct err *e)
{
    struct wire_doc doc;
    struct jspan root = jscan_root(body), v;
    size_t it = 0;
    wire_begin(&doc, body, a, ret, e);
    read_system(&doc, wire_get(&doc, root, "system"));
    while (wire_next(&doc, wire_get(&doc, root, "messages"), &it, &v))
        read_message(&doc, v);
    read_tools(&doc, wire_get(&doc, root, "toolConfig"));
    read_output_config(&doc, wire_get(&doc, root, "outputConfig"));
    struct jspan config = wire_get(&doc, root, "inferenceConfig");
    ret->max_output_tok = wire_i64(&doc, wire_get(&doc, config, "maxTokens"), -1);
    ret->temperature = wire_raw(&doc, wire_get(&doc, config, "temperature"));
    ret->top_p = wire_raw(&doc, wire_get(&doc, config, "topP"));
    wire_stops(&doc, wire_get(&doc, config, "stopSequences"));
    ret->top_k = wire_raw(
        &doc,
        wire_get(&doc, wire_get(&doc, root, "additionalModelRequestFields"), "top_k"));
    ret->user = wire_str(
        &doc, wire_get(&doc, wire_get(&doc, root, "requestMetadata"), "user_id"));
    return wire_end(&doc);
}

/* ---- an answer ---- */

static const char *finish_word(const struct msg_reply *r)
{
    static const char *const words[] = {[MSG_FINISH_STOP] = "end_turn",
                                        [MSG_FINISH_STOP_SEQUENCE] = "stop_sequence",
                                        [MSG_FINISH_LENGTH] = "max_tokens",
                                        [MSG_FINISH_CONTEXT_FULL] =
                                            "model_context_window_exceeded",
                                        [MSG_FINISH_TOOL] = "tool_use",
                                        [MSG_FINISH_FILTERED] = "content_filtered"};
    return words[r->finish];
}

/* What was read from a cache is not of the input. */
static void write_usage(struct jw *w, const struct usage *u)
{
    jw_key(w, "usage");
    jw_object(w);
    jw_ki64(w, "inputTokens", u->n[USAGE_INPUT]);
    jw_ki64(w, "outputTokens", u->n[USAGE_OUTPUT]);
    jw_ki64(w, "totalTokens",
            u->n[USAGE_INPUT] + u->n[USAGE_OUTPUT] + u->n[USAGE_CACHE_READ]);
    jw_ki64(w, "cacheReadInputTokens", u->n[USAGE_CACHE_READ]);
    jw_ki64(w, "cacheWriteInputTokens", 0);
    jw_object_end(w);
}

static void write_thought(struct jw *w, const struct msg_part *p)
{
    jw_key(w, "reasoningContent");
    jw_object(w);
    if (p->kind == MSG_REDACTED) {
        jw_kstr(w, "redactedContent", p->data);
    } else {
        jw_key(w, "reasoningText");
        jw_object(w);
        jw_kstr(w, "text", p->text);
        jw_kstr(w, "signature", p->signature);
        jw_object_end(w);
    }
    jw_object_end(w);
}

static void write_block(struct jw *w, const struct msg_part *p)
{
    jw_object(w);
    if (p->kind == MSG_TEXT) {
        jw_kstr(w, "text", p->text);
    } else if (p->kind == MSG_TOOL_CALL) {
        jw_key(w, "toolUse");
        jw_object(w);
        jw_kstr(w, "toolUseId", p->id);
        jw_kstr(w, "name", p->name);
        jw_key(w, "input");
        jw_raw(w, p->args);
        jw_object_end(w);
    } else {
        write_thought(w, p);
    }
    jw_object_end(w);
}

static void write_reply(struct dice *d, const struct msg_reply *r, struct buf *out)
{
    struct jw w;
    (void)d;
    jw_init(&w, out);
    jw_object(&w);
    jw_key(&w, "output");
    jw_object(&w);
    jw_key(&w, "message");
    jw_object(&w);
    jw_kstrz(&w, "role", "assistant");
    jw_key(&w, "content");
    jw_array(&w);
    for (size_t i = 0; i < r->n_parts; i++)
        write_block(&w, &r->parts[i]);
    jw_array_end(&w);
    jw_object_end(&w);
    jw_object_end(&w);
    jw_kstrz(&w, "stopReason", finish_word(r));
    write_usage(&w, &r->usage);
    jw_key(&w, "metrics");
    jw_raw(&w, STR("{\"latencyMs\":611}"));
    jw_object_end(&w);
}

/* ---- its stream: binary messages ---- */

static void add_u32(struct buf *out, size_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_addc(out, (char)(v >> shift & 0xff));
}

/* A header of text. */
static void add_head(struct buf *out, const char *name, const char *value)
{
    buf_addc(out, (char)strlen(name));
    buf_addz(out, name);
    buf_addc(out, 7);
    buf_addc(out, 0);
    buf_addc(out, (char)strlen(value));
    buf_addz(out, value);
}

static void add_message(const char *type, const struct buf *payload, struct buf *out)
{
    AUTO(buf_release) struct buf heads = BUF_INIT(1000);
    AUTO(buf_release) struct buf m = BUF_INIT(1 << 20);
    add_head(&heads, ":event-type", type);
    add_head(&heads, ":content-type", "application/json");
    add_head(&heads, ":message-type", "event");
    add_u32(&m, 12 + heads.len + payload->len + 4);
    add_u32(&m, heads.len);
    add_u32(&m, eventstream_crc32(buf_str(&m)));
    buf_adds(&m, buf_str(&heads));
    buf_adds(&m, buf_str(payload));
    add_u32(&m, eventstream_crc32(buf_str(&m)));
    buf_adds(out, buf_str(&m));
}

/* An event whose payload is begun, and may be given more members. */
struct event {
    struct jw w;
    struct buf payload;
};

static void begin(struct event *ev)
{
    *ev = (struct event){.payload = BUF_INIT(1 << 20)};
    jw_init(&ev->w, &ev->payload);
    jw_object(&ev->w);
}

/* Padding against those who look at lengths. */
static void end(struct event *ev, struct dice *d, const char *type, struct buf *out)
{
    if (roll(d, 2) == 0)
        jw_kstrz(&ev->w, "p", &"abcdefghijklmnopqrstuvwxyz"[roll(d, 26)]);
    jw_object_end(&ev->w);
    add_message(type, &ev->payload, out);
    buf_release(&ev->payload);
}

/* {"contentBlockIndex": …, "delta": {WITHIN: {KEY: "…"}}}; without WITHIN one level less */
static void stream_delta(struct dice *d, size_t index, const char *within,
                         const char *key, struct str text, struct buf *out)
{
    struct event ev;
    begin(&ev);
    jw_key(&ev.w, "delta");
    jw_object(&ev.w);
    if (within != NULL) {
        jw_key(&ev.w, within);
        jw_object(&ev.w);
    }
    jw_kstr(&ev.w, key, text);
    if (within != NULL)
        jw_object_end(&ev.w);
    jw_object_end(&ev.w);
    jw_ki64(&ev.w, "contentBlockIndex", (int64_t)index);
    end(&ev, d, "contentBlockDelta", out);
}

static void stream_pieces(struct dice *d, size_t index, const char *within,
                          const char *key, struct str rest, struct buf *out)
{
    struct str piece;
    while (wire_piece(d, &rest, &piece))
        stream_delta(d, index, within, key, piece, out);
}

static void stream_call(struct dice *d, size_t index, const struct msg_part *p,
                        struct buf *out)
{
    struct event ev;
    begin(&ev);
    jw_key(&ev.w, "start");
    jw_object(&ev.w);
    jw_key(&ev.w, "toolUse");
    jw_object(&ev.w);
    jw_kstr(&ev.w, "toolUseId", p->id);
    jw_kstr(&ev.w, "name", p->name);
    jw_object_end(&ev.w);
    jw_object_end(&ev.w);
    jw_ki64(&ev.w, "contentBlockIndex", (int64_t)index);
    end(&ev, d, "contentBlockStart", out);
    bool is_empty = str_eqz(p->args, "{}") && roll(d, 2) == 0;
    if (!is_empty) /* one without members may come without a word */
        stream_pieces(d, index, "toolUse", "input", p->args, out);
}

/* Only calls are opened; all are closed. */
static void stream_block(struct dice *d, size_t index, const struct msg_part *p,
                         struct buf *out)
{
    struct event ev;
    if (p->kind == MSG_TOOL_CALL) {
        stream_call(d, index, p, out);
    } else if (p->kind == MSG_TEXT) {
        stream_pieces(d, index, NULL, "text", p->text, out);
    } else if (p->kind == MSG_REDACTED) {
        stream_delta(d, index, "reasoningContent", "redactedContent", p->data, out);
    } else {
        stream_pieces(d, index, "reasoningContent", "text", p->text, out);
        stream_delta(d, index, "reasoningContent", "signature", p->signature, out);
    }
    begin(&ev);
    jw_ki64(&ev.w, "contentBlockIndex", (int64_t)index);
    end(&ev, d, "contentBlockStop", out);
}

static void write_stream(struct dice *d, const struct msg_reply *r, struct buf *out)
{
    struct event ev;
    begin(&ev);
    jw_kstrz(&ev.w, "role", "assistant");
    end(&ev, d, "messageStart", out);
    for (size_t i = 0; i < r->n_parts; i++)
        stream_block(d, i, &r->parts[i], out);
    begin(&ev);
    jw_kstrz(&ev.w, "stopReason", finish_word(r));
    end(&ev, d, "messageStop", out);
    begin(&ev);
    write_usage(&ev.w, &r->usage);
    end(&ev, d, "metadata", out);
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!wire_is_word(name.ptr[i], "_-"))
            return false;
    return name.len > 0 && name.len <= 64;
}

const struct wire wire_bedrock = {read_request, write_reply, write_stream, is_name};
