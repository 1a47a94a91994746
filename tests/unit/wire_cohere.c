/*
 * wire_cohere.c: Cohere's chat, version 2, from the provider's side.
 *
 * Source: cohere-openapi.yaml of 2026-08-20; docs.cohere.com, streaming and reasoning (2026-08).
 */
#include "tests/unit/wire.h"

/* ---- a request ---- */

/* "data:image/png;base64,AAAA" */
static void read_image(struct wire_doc *doc, struct jspan v, struct msg_part *p)
{
    struct str url = wire_str(doc, wire_get(doc, v, "url"));
    size_t comma = str_find(url, ',');
    p->detail = wire_str(doc, wire_get(doc, v, "detail"));
    if (!str_starts(url, STR("data:"))) {
        p->url = url;
        return;
    }
    struct str head = str_sub(url, 5, comma - 5);
    if (!str_ends(head, STR(";base64")))
        wire_fail(doc, "no base64", v);
    p->mime = str_sub(head, 0, str_find(head, ';'));
    p->data = str_sub(url, comma + 1, url.len);
}

static void read_part(struct wire_doc *doc, struct jspan v, struct msg_turn *t)
{
    struct jspan type = wire_get(doc, v, "type");
    if (wire_is(doc, type, "text"))
        wire_add_part(t, MSG_TEXT)->text = wire_str(doc, wire_get(doc, v, "text"));
    else if (wire_is(doc, type, "image_url"))
        read_image(doc, wire_get(doc, v, "image_url"), wire_add_part(t, MSG_IMAGE));
    else
        wire_fail(doc, "a part of no known kind", v);
}

/* A string, or parts. */
static void read_content(struct wire_doc *doc, struct jspan v, struct msg_turn *t)
{
    struct jspan part;
    size_t it = 0;
    if (v.kind == J_STRING)
        wire_add_part(t, MSG_TEXT)->text = wire_str(doc, v);
    while (wire_next(doc, v, &it, &part))
        read_part(doc, part, t);
}

static void read_calls(struct wire_doc *doc, struct jspan calls, struct msg_turn *t)
{
    struct jspan v;
    size_t it = 0;
    while (wire_next(doc, calls, &it, &v)) {
        struct jspan function = wire_get(doc, v, "function");
        struct msg_part *p = wire_add_part(t, MSG_TOOL_CALL);
        p->id = wire_str(doc, wire_get(doc, v, "id"));
        p->name = wire_str(doc, wire_get(doc, function, "name"));
        p->args = wire_str(doc, wire_get(doc, function, "arguments"));
    }
}

static void read_message(struct wire_doc *doc, struct jspan v)
{
    static const char *const roles[] = {[MSG_SYSTEM] = "system",
                                        [MSG_USER] = "user",
                                        [MSG_ASSISTANT] = "assistant",
                                        [MSG_TOOL] = "tool"};
    struct jspan content = wire_get(doc, v, "content");
    size_t role = 0;
    while (role < ARRAY_LEN(roles) &&
           !wire_is(doc, wire_get(doc, v, "role"), roles[role]))
        role++;
    if (role == ARRAY_LEN(roles)) {
        wire_fail(doc, "no role", v);
        return;
    }
    struct msg_turn *t = wire_add_turn(doc, (enum msg_role)role);
    if (t->role == MSG_TOOL) {
        struct msg_part *p = wire_add_part(t, MSG_TOOL_RESULT);
        p->id = wire_str(doc, wire_get(doc, v, "tool_call_id"));
        p->text = wire_str(doc, content);
        return;
    }
    read_content(doc, content, t);
    read_calls(doc, wire_get(doc, v, "tool_calls"), t);
    if (t->role == MSG_SYSTEM && doc->m->n_turns > 1)
        wire_fail(doc, "the system is not first", v);
}

static void read_tools(struct wire_doc *doc, struct jspan tools, bool is_strict)
{
    struct jspan v;
    size_t it = 0;
    while (wire_next(doc, tools, &it, &v)) {
        struct jspan function = wire_get(doc, v, "function");
        struct msg_tool *t = wire_add_tool(doc);
        t->name = wire_str(doc, wire_get(doc, function, "name"));
        t->description = wire_str(doc, wire_get(doc, function, "description"));
        t->schema = wire_raw(doc, wire_get(doc, function, "parameters"));
        t->strict = is_strict ? 1 : -1;
    }
}

static void read_settings(struct wire_doc *doc, struct jspan root)
{
    struct msg_request *m = doc->m;
    struct jspan choice = wire_get(doc, root, "tool_choice");
    struct jspan format = wire_get(doc, root, "response_format");
    m->max_output_tok = wire_i64(doc, wire_get(doc, root, "max_tokens"), -1);
    m->temperature = wire_raw(doc, wire_get(doc, root, "temperature"));
    m->top_p = wire_raw(doc, wire_get(doc, root, "p"));
    m->top_k = wire_raw(doc, wire_get(doc, root, "k"));
    m->seed = wire_raw(doc, wire_get(doc, root, "seed"));
    wire_stops(doc, wire_get(doc, root, "stop_sequences"));
    if (wire_is(doc, choice, "NONE"))
        m->choice = MSG_CHOICE_NONE;
    else if (wire_is(doc, choice, "REQUIRED"))
        m->choice = MSG_CHOICE_ANY;
    else if (choice.kind != J_NONE)
        wire_fail(doc, "no choice", choice);
    m->schema = wire_raw(doc, wire_get(doc, format, "json_schema"));
    if (wire_is(doc, wire_get(doc, format, "type"), "json_object"))
        m->format = m->schema.len > 0 ? MSG_FORMAT_SCHEMA : MSG_FORMAT_JSON;
    if (wire_is(doc, wire_get(doc, wire_get(doc, root, "thinking"), "type"), "disabled"))
        m->effort = MSG_EFFORT_NONE;
}

static enum errc read_request(struct str body, struct arena *a, struct msg_request *ret,
                              struct err *e)
{
    struct wire_doc doc;
    struct jspan root = jscan_root(body), v;
    size_t it = 0;
    wire_begin(&doc, body, a, ret, e);
    ret->model = wire_str(&doc, wire_get(&doc, root, "model"));
    while (wire_next(&doc, wire_get(&doc, root, "messages"), &it, &v))
        read_message(&doc, v);
    read_tools(&doc, wire_get(&doc, root, "tools"),
               wire_get(&doc, root, "strict_tools").kind == J_TRUE);
    read_settings(&doc, root);
    return wire_end(&doc);
}

/* ---- an answer ---- */

static const char *finish_word(const struct msg_reply *r)
{
    if (r->finish == MSG_FINISH_LENGTH)
        return "MAX_TOKENS";
    if (r->finish == MSG_FINISH_STOP_SEQUENCE)
        return "STOP_SEQUENCE";
    return r->finish == MSG_FINISH_TOOL ? "TOOL_CALL" : "COMPLETE";
}

/* What it processed, a hidden preamble too, is not what is billed. Numbers are floats. */
static void write_usage(struct jw *w, const struct usage *u)
{
    struct buf tokens = BUF_INIT(1000);
    buf_printf(&tokens,
               "{\"billed_units\":{\"input_tokens\":%lld.0,\"output_tokens\":%lld},"
               "\"tokens\":{\"input_tokens\":%lld,\"output_tokens\":%lld},"
               "\"cached_tokens\":864}",
               (long long)u->n[USAGE_INPUT], (long long)u->n[USAGE_OUTPUT],
               (long long)u->n[USAGE_INPUT] + 900, (long long)u->n[USAGE_OUTPUT] + 2);
    jw_key(w, "usage");
    jw_raw(w, buf_str(&tokens));
    buf_release(&tokens);
}

/* Arguments of a tool without parameters may be left empty, or be "null". */
static struct str spell_args(struct dice *d, struct str args)
{
    static const char *const spellings[] = {"{}", "", "null"};
    return str_eqz(args, "{}") ? pick(d, spellings, ARRAY_LEN(spellings)) : args;
}

static void write_call(struct jw *w, const struct msg_part *p, struct str args)
{
    jw_object(w);
    jw_kstr(w, "id", p->id);
    jw_kstrz(w, "type", "function");
    jw_key(w, "function");
    jw_object(w);
    jw_kstr(w, "name", p->name);
    jw_kstr(w, "arguments", args);
    jw_object_end(w);
    jw_object_end(w);
}

/* {"type": "text", "text": …} */
static void write_content(struct jw *w, const struct msg_part *p, struct str text)
{
    const char *type = p->kind == MSG_THINKING ? "thinking" : "text";
    jw_object(w);
    jw_kstrz(w, "type", type);
    jw_kstr(w, type, text);
    jw_object_end(w);
}

static size_t count_calls(const struct msg_reply *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_parts; i++)
        n += r->parts[i].kind == MSG_TOOL_CALL;
    return n;
}

/* What it thinks before it calls may be a plan instead. */
static const struct msg_part *plan_of(struct dice *d, const struct msg_reply *r)
{
    bool is_plan = r->n_parts > 0 && r->parts[0].kind == MSG_THINKING &&
                   count_calls(r) > 0 && roll(d, 2) == 0;
    return is_plan ? &r->parts[0] : NULL;
}

static void write_reply(struct dice *d, const struct msg_reply *r, struct buf *out)
{
    const struct msg_part *plan = plan_of(d, r);
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstr(&w, "id", r->id);
    jw_kstrz(&w, "finish_reason", finish_word(r));
    jw_key(&w, "message");
    jw_object(&w);
    jw_kstrz(&w, "role", "assistant");
    if (count_calls(r) > 0) {
        jw_key(&w, "tool_calls");
        jw_array(&w);
        for (size_t i = 0; i < r->n_parts; i++)
            if (r->parts[i].kind == MSG_TOOL_CALL)
                write_call(&w, &r->parts[i], spell_args(d, r->parts[i].args));
        jw_array_end(&w);
    }
    jw_key(&w, "content");
    jw_array(&w);
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i].kind != MSG_TOOL_CALL && &r->parts[i] != plan)
            write_content(&w, &r->parts[i], r->parts[i].text);
    jw_array_end(&w);
    if (plan != NULL)
        jw_kstr(&w, "tool_plan", plan->text);
    jw_object_end(&w);
    write_usage(&w, &r->usage);
    jw_object_end(&w);
}

/* ---- its events ---- */

/* An event under way: begun with its delta open, or without any. */
struct event {
    struct jw w;
    struct buf data;
    const char *type;
    struct buf *out;
};

static void begin(struct event *ev, const char *type, struct buf *out)
{
    *ev = (struct event){.data = BUF_INIT(1 << 20), .type = type, .out = out};
    jw_init(&ev->w, &ev->data);
    jw_object(&ev->w);
    jw_kstrz(&ev->w, "type", type);
}

static void end(struct event *ev)
{
    jw_object_end(&ev->w);
    wire_event(ev->type, &ev->data, ev->out);
    buf_release(&ev->data);
}

/* {"type": …, "index": …, "delta": {"message": {…: */
static void begin_delta(struct event *ev, const char *type, size_t index, struct buf *out)
{
    begin(ev, type, out);
    jw_ki64(&ev->w, "index", (int64_t)index);
    jw_key(&ev->w, "delta");
    jw_object(&ev->w);
    jw_key(&ev->w, "message");
    jw_object(&ev->w);
}

static void end_delta(struct event *ev)
{
    jw_object_end(&ev->w);
    jw_object_end(&ev->w);
    end(ev);
}

static void stream_end(const char *type, size_t index, struct buf *out)
{
    struct event ev;
    begin(&ev, type, out);
    jw_ki64(&ev.w, "index", (int64_t)index);
    end(&ev);
}

static void stream_start(const struct msg_reply *r, struct buf *out)
{
    struct event ev;
    begin(&ev, "message-start", out);
    jw_kstr(&ev.w, "id", r->id);
    jw_key(&ev.w, "delta");
    jw_raw(&ev.w, STR("{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":"
                      "\"\",\"tool_calls\":[],\"citations\":[]}}"));
    end(&ev);
}

static void stream_plan(struct dice *d, struct str rest, struct buf *out)
{
    struct event ev;
    struct str piece;
    while (wire_piece(d, &rest, &piece)) {
        begin_delta(&ev, "tool-plan-delta", 0, out);
        jw_kstr(&ev.w, "tool_plan", piece);
        end_delta(&ev);
    }
}

/* The first piece may stand in the start. */
static void stream_content(struct dice *d, const struct msg_part *p, size_t index,
                           struct buf *out)
{
    struct event ev;
    struct str rest = p->text, piece = STR_NONE;
    if (roll(d, 4) == 0)
        wire_piece(d, &rest, &piece);
    begin_delta(&ev, "content-start", index, out);
    jw_key(&ev.w, "content");
    write_content(&ev.w, p, piece);
    end_delta(&ev);
    while (wire_piece(d, &rest, &piece)) {
        begin_delta(&ev, "content-delta", index, out);
        jw_key(&ev.w, "content");
        jw_object(&ev.w);
        jw_kstr(&ev.w, p->kind == MSG_THINKING ? "thinking" : "text", piece);
        jw_object_end(&ev.w);
        end_delta(&ev);
    }
    stream_end("content-end", index, out);
}

/* The call is an object here, not a list of one. */
static void stream_call(struct dice *d, const struct msg_part *p, size_t index,
                        struct buf *out)
{
    struct event ev;
    struct str rest = spell_args(d, p->args), piece;
    begin_delta(&ev, "tool-call-start", index, out);
    jw_key(&ev.w, "tool_calls");
    write_call(&ev.w, p, STR_NONE);
    end_delta(&ev);
    while (wire_piece(d, &rest, &piece)) {
        begin_delta(&ev, "tool-call-delta", index, out);
        jw_key(&ev.w, "tool_calls");
        jw_object(&ev.w);
        jw_key(&ev.w, "function");
        jw_object(&ev.w);
        jw_kstr(&ev.w, "arguments", piece);
        jw_object_end(&ev.w);
        jw_object_end(&ev.w);
        end_delta(&ev);
    }
    stream_end("tool-call-end", index, out);
}

static void stream_finish(const struct msg_reply *r, struct buf *out)
{
    struct event ev;
    begin(&ev, "message-end", out);
    jw_key(&ev.w, "delta");
    jw_object(&ev.w);
    jw_kstrz(&ev.w, "finish_reason", finish_word(r));
    write_usage(&ev.w, &r->usage);
    jw_object_end(&ev.w);
    end(&ev);
}

static void write_stream(struct dice *d, const struct msg_reply *r, struct buf *out)
{
    const struct msg_part *plan = plan_of(d, r);
    stream_start(r, out);
    for (size_t i = 0; i < r->n_parts; i++) {
        const struct msg_part *p = &r->parts[i];
        if (p == plan)
            stream_plan(d, p->text, out);
        else if (p->kind == MSG_TOOL_CALL)
            stream_call(d, p, i, out);
        else
            stream_content(d, p, i, out);
    }
    stream_finish(r, out);
    if (roll(d, 2) == 0)
        buf_addz(out, "data: [DONE]\n\n");
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!wire_is_word(name.ptr[i], "_"))
            return false;
    return name.len > 0 && (name.ptr[0] < '0' || name.ptr[0] > '9');
}

const struct wire wire_cohere = {read_request, write_reply, write_stream, is_name};
