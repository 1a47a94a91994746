/*
 * wire_gemini.c: generateContent from the provider's side.
 *
 * Source: googleapis generativelanguage/v1beta (content.proto, generative_service.proto) of
 * 2026-08-21; ai.google.dev thinking and thought-signatures pages (2026-08).
 */
#include "tests/unit/wire.h"

/* ---- a request ---- */

static void read_blob(struct wire_doc *doc, struct jspan blob, struct msg_part *p)
{
    p->mime = wire_str(doc, wire_get(doc, blob, "mimeType"));
    p->data = wire_str(doc, wire_get(doc, blob, "data"));
    if (str_starts(p->mime, STR("image/")))
        p->kind = MSG_IMAGE;
    else if (str_starts(p->mime, STR("audio/")))
        p->kind = MSG_AUDIO;
}

static void read_call(struct wire_doc *doc, struct jspan part, struct msg_part *p)
{
    struct jspan call = wire_get(doc, part, "functionCall");
    p->id = wire_str(doc, wire_get(doc, call, "id"));
    p->name = wire_str(doc, wire_get(doc, call, "name"));
    p->args = wire_raw(doc, wire_get(doc, call, "args"));
    p->signature = wire_str(doc, wire_get(doc, part, "thoughtSignature"));
}

static void read_text(struct wire_doc *doc, struct jspan part, struct msg_part *p)
{
    p->text = wire_str(doc, wire_get(doc, part, "text"));
    p->signature = wire_str(doc, wire_get(doc, part, "thoughtSignature"));
}

static void read_part(struct wire_doc *doc, struct jspan part, struct msg_turn *t)
{
    struct jspan blob = wire_get(doc, part, "inlineData");
    if (wire_get(doc, part, "functionCall").kind == J_OBJECT)
        read_call(doc, part, wire_add_part(t, MSG_TOOL_CALL));
    else if (blob.kind == J_OBJECT)
        read_blob(doc, blob, wire_add_part(t, MSG_FILE));
    else if (wire_get(doc, part, "text").kind == J_STRING)
        read_text(doc, part, wire_add_part(t, MSG_TEXT));
    else
        wire_fail(doc, "a part of no known kind", part);
}

/* The call that a result is of: in the last turn of the model's. */
static bool is_of_call(const struct wire_doc *doc, struct str id, struct str name)
{
    for (size_t i = doc->m->n_turns; i-- > 0;)
        for (size_t k = 0; k < doc->m->turns[i].n_parts; k++) {
            const struct msg_part *p = &doc->m->turns[i].parts[k];
            if (p->kind == MSG_TOOL_CALL && str_eq(p->id, id))
                return str_eq(p->name, name);
        }
    return false;
}

static void read_result(struct wire_doc *doc, struct jspan v, struct msg_turn *t)
{
    struct jspan response = wire_get(doc, v, "response");
    struct jspan error = wire_get(doc, response, "error"), media;
    struct msg_part *p = wire_add_part(t, MSG_TOOL_RESULT);
    size_t it = 0;
    p->id = wire_str(doc, wire_get(doc, v, "id"));
    p->is_error = error.kind != J_NONE;
    p->text = wire_str(doc, p->is_error ? error : wire_get(doc, response, "output"));
    if (!is_of_call(doc, p->id, wire_str(doc, wire_get(doc, v, "name"))))
        wire_fail(doc, "a result of no call", v);
    struct jspan parts = wire_get(doc, v, "parts");
    if (parts.kind != J_ARRAY)
        return;
    struct msg_turn *inside = wire_add_turn(doc, MSG_USER);
    while (wire_next(doc, parts, &it, &media))
        read_part(doc, media, inside);
    p->parts = inside->parts;
    p->n_parts = inside->n_parts;
    doc->m->n_turns--; /* it was no turn */
}

/* Results stand in a user's turn: they come first, and are the tools'. */
static void read_user(struct wire_doc *doc, struct jspan parts)
{
    struct jspan part;
    struct msg_turn *t = NULL;
    size_t it = 0;
    while (wire_next(doc, parts, &it, &part)) {
        struct jspan result = wire_get(doc, part, "functionResponse");
        enum msg_role role = result.kind == J_OBJECT ? MSG_TOOL : MSG_USER;
        t = wire_go_on(doc, t, role, part);
        if (role == MSG_TOOL)
            read_result(doc, result, t);
        else
            read_part(doc, part, t);
    }
}

static void read_contents(struct wire_doc *doc, struct jspan contents)
{
    struct jspan v, part;
    size_t it = 0;
    while (wire_next(doc, contents, &it, &v)) {
        struct jspan parts = wire_get(doc, v, "parts");
        size_t parts_it = 0;
        if (wire_is(doc, wire_get(doc, v, "role"), "user")) {
            read_user(doc, parts);
            continue;
        }
        struct msg_turn *t = wire_add_turn(doc, MSG_ASSISTANT);
        while (wire_next(doc, parts, &parts_it, &part))
            read_part(doc, part, t);
    }
}

static void read_system(struct wire_doc *doc, struct jspan v)
{
    struct jspan part;
    size_t it = 0;
    if (v.kind == J_NONE)
        return;
    struct msg_turn *t = wire_add_turn(doc, MSG_SYSTEM);
    while (wire_next(doc, wire_get(doc, v, "parts"), &it, &part))
        read_part(doc, part, t);
}

static void read_tools(struct wire_doc *doc, struct jspan tools)
{
    struct jspan group, v;
    size_t it = 0, group_it = 0;
    if (!wire_next(doc, tools, &it, &group))
        return;
    while (wire_next(doc, wire_get(doc, group, "functionDeclarations"), &group_it, &v)) {
        struct msg_tool *t = wire_add_tool(doc);
        t->name = wire_str(doc, wire_get(doc, v, "name"));
        t->description = wire_str(doc, wire_get(doc, v, "description"));
        t->schema = wire_raw(doc, wire_get(doc, v, "parametersJsonSchema"));
    }
}

static void read_choice(struct wire_doc *doc, struct jspan config)
{
    struct jspan v = wire_get(doc, config, "functionCallingConfig"), name;
    struct jspan mode = wire_get(doc, v, "mode");
    size_t it = 0;
    if (wire_is(doc, mode, "AUTO") || wire_is(doc, mode, "VALIDATED"))
        doc->m->choice = MSG_CHOICE_AUTO;
    else if (wire_is(doc, mode, "NONE"))
        doc->m->choice = MSG_CHOICE_NONE;
    else if (wire_is(doc, mode, "ANY"))
        doc->m->choice = MSG_CHOICE_ANY;
    else if (v.kind != J_NONE)
        wire_fail(doc, "no mode", v);
    struct jspan names = wire_get(doc, v, "allowedFunctionNames");
    struct msg_tool *some = ARENA_ARRAY(doc->arena, doc->m->n_tools, struct msg_tool);
    size_t n_some = 0;
    while (some != NULL && wire_next(doc, names, &it, &name))
        for (size_t i = 0; i < doc->m->n_tools; i++)
            if (str_eq(doc->m->tools[i].name, wire_str(doc, name)))
                some[n_some++] = doc->m->tools[i];
    if (n_some == 1 && doc->m->choice == MSG_CHOICE_ANY) {
        doc->m->choice = MSG_CHOICE_ONE;
        doc->m->choice_name = some[0].name;
    } else if (n_some > 0) {
        doc->m->all_tools = doc->m->tools;
        doc->m->n_all_tools = doc->m->n_tools;
        doc->m->tools = some;
        doc->m->n_tools = n_some;
    }
}

static void read_thinking(struct wire_doc *doc, struct jspan v)
{
    static const char *const levels[] = {[MSG_EFFORT_MINIMAL] = "MINIMAL",
                                         [MSG_EFFORT_LOW] = "LOW",
                                         [MSG_EFFORT_MEDIUM] = "MEDIUM",
                                         [MSG_EFFORT_HIGH] = "HIGH"};
    struct jspan level = wire_get(doc, v, "thinkingLevel");
    for (size_t i = MSG_EFFORT_MINIMAL; i < ARRAY_LEN(levels); i++)
        if (wire_is(doc, level, levels[i]))
            doc->m->effort = (enum msg_effort)i;
}

static void read_config(struct wire_doc *doc, struct jspan v)
{
    struct msg_request *m = doc->m;
    m->max_output_tok = wire_i64(doc, wire_get(doc, v, "maxOutputTokens"), -1);
    m->temperature = wire_raw(doc, wire_get(doc, v, "temperature"));
    m->top_p = wire_raw(doc, wire_get(doc, v, "topP"));
    m->top_k = wire_raw(doc, wire_get(doc, v, "topK"));
    m->seed = wire_raw(doc, wire_get(doc, v, "seed"));
    m->presence_penalty = wire_raw(doc, wire_get(doc, v, "presencePenalty"));
    m->frequency_penalty = wire_raw(doc, wire_get(doc, v, "frequencyPenalty"));
    wire_stops(doc, wire_get(doc, v, "stopSequences"));
    m->schema = wire_raw(doc, wire_get(doc, v, "responseJsonSchema"));
    if (wire_is(doc, wire_get(doc, v, "responseMimeType"), "application/json"))
        m->format = m->schema.len > 0 ? MSG_FORMAT_SCHEMA : MSG_FORMAT_JSON;
    read_thinking(doc, wire_get(doc, v, "thinkingConfig"));
}

static enum errc read_request(struct str body, struct arena *a, struct msg_request *ret,
                              struct err *e)
{
    struct wire_doc doc;
    struct jspan root = jscan_root(body);
    wire_begin(&doc, body, a, ret, e);
    read_system(&doc, wire_get(&doc, root, "systemInstruction"));
    read_contents(&doc, wire_get(&doc, root, "contents"));
    read_tools(&doc, wire_get(&doc, root, "tools"));
    read_choice(&doc, wire_get(&doc, root, "toolConfig"));
    read_config(&doc, wire_get(&doc, root, "generationConfig"));
    return wire_end(&doc);
}

/* ---- an answer ---- */

static void write_text(struct jw *w, const struct msg_part *p)
{
    jw_object(w);
    jw_kstr(w, "text", p->text);
    if (p->kind == MSG_THINKING)
        jw_kbool(w, "thought", true);
    if (p->signature.len > 0)
        jw_kstr(w, "thoughtSignature", p->signature);
    jw_object_end(w);
}

static void write_call(struct jw *w, const struct msg_part *p)
{
    jw_object(w);
    if (p->signature.len > 0)
        jw_kstr(w, "thoughtSignature", p->signature);
    jw_key(w, "functionCall");
    jw_object(w);
    jw_kstr(w, "id", p->id);
    jw_kstr(w, "name", p->name);
    if (!str_eqz(p->args, "{}")) { /* a map without members is left out */
        jw_key(w, "args");
        jw_raw(w, p->args);
    }
    jw_object_end(w);
    jw_object_end(w);
}

static void write_part(struct jw *w, const struct msg_part *p)
{
    if (p->kind == MSG_TOOL_CALL)
        write_call(w, p);
    else
        write_text(w, p);
}

/* Cached tokens are of the prompt's; thoughts are not of the candidates'. */
static void write_usage(struct jw *w, const struct usage *u)
{
    int64_t prompt = u->n[USAGE_INPUT] + u->n[USAGE_CACHE_READ];
    jw_key(w, "usageMetadata");
    jw_object(w);
    jw_ki64(w, "promptTokenCount", prompt);
    jw_ki64(w, "cachedContentTokenCount", u->n[USAGE_CACHE_READ]);
    jw_ki64(w, "candidatesTokenCount", u->n[USAGE_OUTPUT]);
    jw_ki64(w, "thoughtsTokenCount", u->n[USAGE_REASONING]);
    jw_ki64(w, "totalTokenCount", prompt + u->n[USAGE_OUTPUT] + u->n[USAGE_REASONING]);
    jw_object_end(w);
}

static const char *finish_word(const struct msg_reply *r)
{
    if (r->finish == MSG_FINISH_LENGTH)
        return "MAX_TOKENS";
    return r->finish == MSG_FINISH_FILTERED ? "SAFETY" : "STOP";
}

static void begin_chunk(struct jw *w)
{
    jw_object(w);
    jw_key(w, "candidates");
    jw_array(w);
    jw_object(w);
    jw_ki64(w, "index", 0);
    jw_key(w, "content");
    jw_object(w);
    jw_kstrz(w, "role", "model");
    jw_key(w, "parts");
    jw_array(w);
}

static void end_chunk(struct jw *w, const struct msg_reply *r, bool is_last)
{
    jw_array_end(w);
    jw_object_end(w);
    if (is_last)
        jw_kstrz(w, "finishReason", finish_word(r));
    jw_object_end(w);
    jw_array_end(w);
    if (is_last)
        write_usage(w, &r->usage);
    jw_kstr(w, "modelVersion", r->model);
    jw_kstr(w, "responseId", r->id);
    jw_object_end(w);
}

static void write_reply(struct dice *d, const struct msg_reply *r, struct buf *out)
{
    struct jw w;
    (void)d;
    jw_init(&w, out);
    begin_chunk(&w);
    for (size_t i = 0; i < r->n_parts; i++)
        write_part(&w, &r->parts[i]);
    end_chunk(&w, r, true);
}

/* A chunk of one part, or of none. */
static void stream_chunk(const struct msg_reply *r, const struct msg_part *p,
                         bool is_last, struct buf *out)
{
    struct buf data = BUF_INIT(1 << 20);
    struct jw w;
    jw_init(&w, &data);
    begin_chunk(&w);
    if (p != NULL)
        write_part(&w, p);
    end_chunk(&w, r, is_last);
    wire_event(NULL, &data, out);
    buf_release(&data);
}

/* A text grows. Its signature stands beside its last piece, or beside an empty one. */
static void stream_text(struct dice *d, const struct msg_reply *r,
                        const struct msg_part *part, bool is_last, struct buf *out)
{
    struct msg_part p = *part;
    struct str rest = p.text;
    bool is_apart = p.signature.len > 0 && roll(d, 2) == 0;
    while (wire_piece(d, &rest, &p.text)) {
        bool is_whole = rest.len == 0 && !is_apart;
        p.signature = is_whole ? part->signature : STR_NONE;
        stream_chunk(r, &p, is_last && is_whole, out);
    }
    p.text = STR_NONE;
    p.signature = part->signature;
    if (is_apart)
        stream_chunk(r, &p, is_last, out);
}

/* A call comes whole. The last part may stand beside the finish, or before it. */
static void write_stream(struct dice *d, const struct msg_reply *r, struct buf *out)
{
    bool is_beside = roll(d, 2) == 0;
    for (size_t i = 0; i < r->n_parts; i++) {
        const struct msg_part *p = &r->parts[i];
        bool is_last = is_beside && i + 1 == r->n_parts;
        if (p->kind == MSG_TOOL_CALL)
            stream_chunk(r, p, is_last, out);
        else
            stream_text(d, r, p, is_last, out);
    }
    if (!is_beside)
        stream_chunk(r, NULL, true, out);
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!wire_is_word(name.ptr[i], "_.:-"))
            return false;
    return name.len > 0 && name.len <= 128 && wire_is_word(name.ptr[0], "_") &&
           (name.ptr[0] < '0' || name.ptr[0] > '9');
}

const struct wire wire_gemini = {read_request, write_reply, write_stream, is_name};
