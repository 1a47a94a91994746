/*
 * dialect_gemini_encode.c: a provider's generateContent request from msg.
 *
 * Source: as in dialect_gemini.c; ai.google.dev/gemini-api/docs/{thinking, thought-signatures,
 * function-calling, structured-output} and the Gemini 4 migration pages (2026-08 to 2026-11-19).
 */
#include <stdio.h>

#include "core/catalog.h"
#include "core/num.h"

#include "broker/dialect_gemini.h"
#include "broker/dialect_priv.h"

/* ---- model families ---- */

enum thinking_style {
    THINK_NONE,
    THINK_BUDGET, /* thinkingBudget, in tokens */
    THINK_LEVEL,  /* thinkingLevel, a word; a budget beside it is a 400 */
};

enum level { LEVEL_MINIMAL = 1 << 0, LEVEL_MEDIUM = 1 << 1, LEVEL_XHIGH = 1 << 2 };

struct family {
    const char *name; /* a word of the id; NULL: any */
    int from, to;     /* versions, 25 is 2.5 */
    enum thinking_style style;
    int64_t min_tok, max_tok; /* of a budget */
    bool can_rest;            /* a budget of 0 turns thinking off */
    unsigned levels;          /* beside LOW and HIGH */
};

/* First match wins. Source: ai.google.dev thinking page, budgets and levels by model. */
/* clang-format off */
static const struct family families[] = {
    {NULL, 10, 24, THINK_NONE, 0, 0, false, 0},
    {"lite", 25, 25, THINK_BUDGET, 512, 24576, true, 0},
    {"flash", 25, 25, THINK_BUDGET, 1, 24576, true, 0},
    {"pro", 25, 25, THINK_BUDGET, 128, 32768, false, 0},
    {"pro", 30, 30, THINK_LEVEL, 0, 0, false, 0},
    {"pro", 31, 39, THINK_LEVEL, 0, 0, false, LEVEL_MEDIUM},
    {NULL, 26, 39, THINK_LEVEL, 0, 0, false, LEVEL_MINIMAL | LEVEL_MEDIUM},
    {"neon", 40, 99, THINK_LEVEL, 0, 0, false, LEVEL_MEDIUM | LEVEL_XHIGH},
    {NULL, 40, 99, THINK_LEVEL, 0, 0, false, LEVEL_MEDIUM},
};
/* clang-format on */

/* "gemini-flash-latest" and the like are one of these; what is no Gemini does not think. */
static const struct family unnumbered = {NULL, 0, 0,     THINK_LEVEL,
                                         0,    0, false, LEVEL_MEDIUM};
static const struct family foreign = {NULL, 0, 0, THINK_NONE, 0, 0, false, 0};

static bool is_digit(struct str s, size_t i)
{
    return i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9';
}

/* "gemini-2.5-flash" is 25, "gemini-4-argon" 40; 0: no version. */
static int gemini_version(struct str id)
{
    struct str rest = str_sub(id, sizeof "gemini-" - 1, id.len);
    if (!is_digit(rest, 0))
        return 0;
    int version = (rest.ptr[0] - '0') * 10;
    if (rest.len > 1 && rest.ptr[1] == '.' && is_digit(rest, 2))
        version += rest.ptr[2] - '0';
    return version;
}

struct gemini_writer {
    struct request_writer r;
    const struct family *family;
    int version; /* 0: none in the id */
    bool is_gemini, is_vertex;
    size_t first; /* turn after the leading system turns */
};

static void find_family(struct gemini_writer *g)
{
    struct str id = g->r.t->model;
    if (str_starts(id, STR("models/")))
        id = str_sub(id, 7, id.len);
    g->is_gemini = str_starts(id, STR("gemini-"));
    g->version = g->is_gemini ? gemini_version(id) : 0;
    g->family = g->is_gemini ? &unnumbered : &foreign;
    for (size_t i = 0; g->version > 0 && i < ARRAY_LEN(families); i++) {
        const struct family *f = &families[i];
        if (g->version >= f->from && g->version <= f->to &&
            (f->name == NULL || str_contains(id, str_of(f->name)))) {
            g->family = f;
            return;
        }
    }
}

/* From 3.5-flash-lite and 3.6 on, a request that ends with the model's turn is a 400. */
static bool goes_on(const struct gemini_writer *g)
{
    if ((g->r.t->caps_no & CAP_PREFILL) != 0)
        return false;
    bool is_lite = str_contains(g->r.t->model, STR("lite"));
    return g->version > 0 && (g->version < 35 || (g->version == 35 && !is_lite));
}

/* Gemini 3 and later check the signatures of calls. */
static bool is_signed(const struct gemini_writer *g)
{
    return g->is_gemini && (g->version == 0 || g->version >= 30);
}

/* ---- parts ---- */

/* Whether a part is sent: empty texts are a 400, thoughts are not said again. */
static bool is_told(const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        return !is_blank(p->text);
    case MSG_THINKING:
    case MSG_REDACTED:
        return false;
    case MSG_IMAGE:
    case MSG_FILE:
    case MSG_AUDIO:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        break;
    }
    return true;
}

static bool turn_is_told(const struct msg_turn *t)
{
    return turn_has(t, is_told);
}

/* A text of the request as a part, with something before and after it. */
static void write_signed_text(struct gemini_writer *g, struct str before, struct str text,
                              struct str after, struct str signature)
{
    struct jw *w = &g->r.w;
    jw_object(w);
    jw_key(w, "text");
    jw_string(w);
    jw_string_add(w, before);
    jw_string_kept(w, text);
    jw_string_add(w, after);
    jw_string_end(w);
    if (signature.len > 0 && is_signed(g))
        jw_kstr(w, "thoughtSignature", signature);
    jw_object_end(w);
}

static void write_text(struct gemini_writer *g, struct str before, struct str text,
                       struct str after)
{
    write_signed_text(g, before, text, after, STR_NONE);
}

/* A name that begins as none may here gets a mark that the decoder takes off again. */
static void write_name_value(struct jw *w, struct str name)
{
    char marked[160];
    bool is_odd = name.len > 0 && (is_digit(name, 0) || name.ptr[0] == '-');
    if (is_odd && name.len < sizeof marked - sizeof GEMINI_NAME_PREFIX) {
        snprintf(marked, sizeof marked, "%s%.*s", GEMINI_NAME_PREFIX, STR_ARG(name));
        jw_strz(w, marked);
    } else {
        jw_str(w, name);
    }
}

static void write_name(struct jw *w, struct str name)
{
    jw_key(w, "name");
    write_name_value(w, name);
}

static void write_blob(struct jw *w, struct str mime, struct str data)
{
    jw_key(w, "inlineData");
    jw_object(w);
    jw_kstr(w, "mimeType", mime);
    jw_kstr_kept(w, "data", data);
    jw_object_end(w);
}

/* Stored where the provider itself can read it. */
static bool is_own_uri(const struct gemini_writer *g, struct str url)
{
    return g->is_vertex
               ? str_starts(url, STR("gs://"))
               : str_starts(url, STR("https://generativelanguage.googleapis.com/"));
}

/* What a stored file is, if nobody says it: by the end of its name. */
static struct str mime_of_uri(struct str uri)
{
    static const char *const rows[][2] = {
        {".png", "image/png"},   {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
        {".webp", "image/webp"}, {".gif", "image/gif"},  {".heic", "image/heic"},
        {".heif", "image/heif"}, {".mp3", "audio/mp3"},  {".wav", "audio/wav"},
        {".mp4", "video/mp4"},   {".txt", "text/plain"}, {".pdf", "application/pdf"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str end = str_of(rows[i][0]);
        if (uri.len > end.len &&
            str_ieqz(str_sub(uri, uri.len - end.len, end.len), rows[i][0]))
            return str_of(rows[i][1]);
    }
    return STR_NONE;
}

static void write_media(struct gemini_writer *g, const struct msg_part *p)
{
    struct jw *w = &g->r.w;
    struct msg_part there = *p;
    bool is_own = p->url.len > 0 && is_own_uri(g, p->url);
    if (!is_own && !take_media(&g->r, p, &there))
        return;
    struct str mime = p->kind == MSG_IMAGE ? image_mime(&there) : there.mime;
    if (mime.len == 0) /* heic and heif are known here, and to no magic of ours */
        mime = there.mime;
    jw_object(w);
    if (!is_own) {
        write_blob(w, mime, there.data);
    } else {
        jw_key(w, "fileData");
        jw_object(w);
        jw_kstr(w, "fileUri", p->url);
        mime = mime.len > 0 ? mime : mime_of_uri(p->url);
        if (mime.len > 0) /* Vertex wants it */
            jw_kstr(w, "mimeType", mime);
        jw_object_end(w);
    }
    jw_object_end(w);
}

/*
 * Only the first of parallel calls is signed, and from Gemini 3 on must be. A call from elsewhere
 * has no signature; the vendor names this text for it.
 */
static void write_call(struct gemini_writer *g, const struct msg_part *p, bool is_first)
{
    struct jw *w = &g->r.w;
    jw_object(w);
    jw_key(w, "functionCall");
    jw_object(w);
    if (p->id.len > 0)
        jw_kstr(w, "id", p->id);
    write_name(w, p->name);
    jw_key(w, "args");
    write_args(w, p->args);
    jw_object_end(w);
    if (p->signature.len > 0)
        jw_kstr(w, "thoughtSignature", p->signature);
    else if (is_first && is_signed(g))
        jw_kstrz(w, "thoughtSignature", "skip_thought_signature_validator");
    jw_object_end(w);
}

static void write_part(struct gemini_writer *g, const struct msg_part *p)
{
    struct jw *w = &g->r.w;
    if (p->cache_ttl.len >
        0) /* caches here are objects of their own, or nobody's business */
        drop(&g->r, "cache_control");
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        write_signed_text(g, STR_NONE, p->text, STR_NONE, p->signature);
        break;
    case MSG_IMAGE:
    case MSG_FILE:
        write_media(g, p);
        break;
    case MSG_AUDIO:
        jw_object(w);
        write_blob(w, p->mime, p->data);
        jw_object_end(w);
        break;
    case MSG_THINKING:
    case MSG_REDACTED:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        break; /* not told, or written apart */
    }
}

/* What lies beside a result's text is a part of it from Gemini 3 on, before that beside it. */
static void write_result(struct gemini_writer *g, const struct msg_part *p,
                         struct str name)
{
    struct jw *w = &g->r.w;
    jw_object(w);
    jw_key(w, "functionResponse");
    jw_object(w);
    if (p->id.len > 0)
        jw_kstr(w, "id", p->id);
    write_name(w, name);
    jw_key(w, "response");
    jw_object(w);
    jw_kstr(w, p->is_error ? "error" : "output", p->text);
    jw_object_end(w);
    if (p->n_parts > 0 && is_signed(g)) {
        jw_key(w, "parts");
        jw_array(w);
        for (size_t i = 0; i < p->n_parts; i++)
            write_part(g, &p->parts[i]);
        jw_array_end(w);
    }
    jw_object_end(w);
    jw_object_end(w);
    for (size_t i = 0; i < p->n_parts && !is_signed(g); i++)
        write_part(g, &p->parts[i]);
}

/* ---- contents ---- */

/* Turns [from, to) that are one turn here. */
struct run {
    size_t from, to;
    bool is_model;
};

/* The parts of one kind in a run, in turn. */
static const struct msg_part *next_of_kind(const struct gemini_writer *g,
                                           const struct run *run, enum msg_part_kind kind,
                                           size_t *turn, size_t *part)
{
    for (; *turn < run->to; (*turn)++, *part = 0) {
        const struct msg_turn *t = &g->r.m->turns[*turn];
        while (*part < t->n_parts) {
            const struct msg_part *p = &t->parts[(*part)++];
            if (p->kind == kind)
                return p;
        }
    }
    return NULL;
}

static const struct msg_part *find_result(const struct gemini_writer *g,
                                          const struct run *run, struct str id)
{
    const struct msg_part *p;
    size_t turn = run->from, part = 0;
    while ((p = next_of_kind(g, run, MSG_TOOL_RESULT, &turn, &part)) != NULL)
        if (str_eq(p->id, id))
            return p;
    return NULL;
}

static size_t count_kind(const struct gemini_writer *g, const struct run *run,
                         enum msg_part_kind kind)
{
    size_t n = 0, turn = run->from, part = 0;
    while (next_of_kind(g, run, kind, &turn, &part) != NULL)
        n++;
    return n;
}

/* Exactly one for each call of the model's turn before, in their order: else it is a 400. */
static void write_results(struct gemini_writer *g, const struct run *calls,
                          const struct run *run)
{
    const struct msg_part *call;
    size_t turn = calls->from, part = 0;
    if (count_kind(g, run, MSG_TOOL_RESULT) != count_kind(g, calls, MSG_TOOL_CALL))
        refuse(&g->r, "messages", "the target wants one result for each call, at once");
    while ((call = next_of_kind(g, calls, MSG_TOOL_CALL, &turn, &part)) != NULL) {
        const struct msg_part *result = find_result(g, run, call->id);
        if (result == NULL)
            refuse(&g->r, "messages", "a tool call has no result");
        else
            write_result(g, result, call->name);
    }
}

static void write_user_turn(struct gemini_writer *g, const struct msg_turn *t)
{
    bool is_named = t->role == MSG_USER && t->name.len > 0;
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (!is_told(p) || p->kind == MSG_TOOL_RESULT)
            continue;
        if (t->role == MSG_SYSTEM) {
            write_text(g, STR("<system>"), p->text, STR("</system>"));
        } else if (is_named && p->kind == MSG_TEXT) {
            /* a participant's name has no field */
            struct buf name = BUF_INIT(LIMIT_BODY_LEN);
            buf_printf(&name, "%.*s: ", STR_ARG(t->name));
            write_text(g, buf_str(&name), p->text, STR_NONE);
            buf_release(&name);
            is_named = false;
        } else {
            write_part(g, p);
        }
    }
}

static void write_model_turn(struct gemini_writer *g, const struct msg_turn *t,
                             bool *has_call)
{
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (p->kind == MSG_TOOL_CALL) {
            write_call(g, p, !*has_call);
            *has_call = true;
        } else if (is_told(p)) {
            write_part(g, p);
        }
    }
}

static void begin_content(struct jw *w, bool is_model)
{
    jw_object(w);
    jw_kstrz(w, "role", is_model ? "model" : "user");
    jw_key(w, "parts");
    jw_array(w);
}

static void end_content(struct jw *w)
{
    jw_array_end(w);
    jw_object_end(w);
}

static void write_said(struct gemini_writer *g, const char *text)
{
    begin_content(&g->r.w, false);
    write_text(g, str_of(text), STR_NONE, STR_NONE);
    end_content(&g->r.w);
}

static void write_run(struct gemini_writer *g, const struct run *prev,
                      const struct run *run)
{
    const struct msg_turn *turns = g->r.m->turns;
    bool has_call = false;
    begin_content(&g->r.w, run->is_model);
    if (!run->is_model)
        write_results(g, prev, run);
    for (size_t i = run->from; i < run->to; i++) {
        if (run->is_model)
            write_model_turn(g, &turns[i], &has_call);
        else
            write_user_turn(g, &turns[i]);
    }
    end_content(&g->r.w);
}

/* The next turns that are told and of one role; false: none is left. */
static bool next_run(const struct gemini_writer *g, size_t from, struct run *ret)
{
    const struct msg_request *m = g->r.m;
    while (from < m->n_turns && !turn_is_told(&m->turns[from]))
        from++;
    if (from == m->n_turns)
        return false;
    *ret = (struct run){from, from + 1, m->turns[from].role == MSG_ASSISTANT};
    while (ret->to < m->n_turns &&
           (!turn_is_told(&m->turns[ret->to]) ||
            (m->turns[ret->to].role == MSG_ASSISTANT) == ret->is_model))
        ret->to++;
    return true;
}

static void write_contents(struct gemini_writer *g)
{
    struct jw *w = &g->r.w;
    struct run prev = {.is_model = false}, run;
    bool is_first = true;
    jw_key(w, "contents");
    jw_array(w);
    for (size_t i = g->first; next_run(g, i, &run); i = run.to) {
        if (is_first && run.is_model)
            write_said(g, "."); /* the first must be the user's */
        write_run(g, &prev, &run);
        is_first = false;
        prev = run;
    }
    if (is_first)
        write_said(g, ".");
    if (prev.is_model && count_kind(g, &prev, MSG_TOOL_CALL) > 0)
        refuse(&g->r, "messages", "a tool call has no result");
    else if (prev.is_model && !goes_on(g))
        write_said(g, "Continue.");
    jw_array_end(w);
}

/* ---- system ---- */

/* With tools, older models take no schema: they are told in words. */
static bool takes_format(const struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    bool has_tools = m->n_tools > 0 && m->choice != MSG_CHOICE_NONE;
    return (g->r.t->caps_no & CAP_JSON_SCHEMA) == 0 && (is_signed(g) || !has_tools);
}

static void write_system(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    struct buf joined = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t i = 0; i < g->first; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++) {
            const struct msg_part *p = &m->turns[i].parts[k];
            if (p->cache_ttl.len > 0)
                drop(&g->r, "cache_control");
            buf_addz(&joined, joined.len > 0 ? "\n\n" : "");
            buf_adds(&joined, p->text);
        }
    if (m->format != MSG_FORMAT_TEXT && !takes_format(g)) {
        drop(&g->r, "response_format");
        format_words(&g->r, &joined);
    }
    if (!is_blank(buf_str(&joined))) {
        jw_key(w, "systemInstruction");
        jw_object(w);
        jw_key(w, "parts");
        jw_array(w);
        write_text(g, buf_str(&joined), STR_NONE, STR_NONE);
        jw_array_end(w);
        jw_object_end(w);
    }
    if (buf_err(&joined) != ERR_OK)
        w->out->fail = buf_err(&joined);
    buf_release(&joined);
}

/* ---- tools ---- */

enum { SCHEMA_RULES = SCHEMA_SUBSET | SCHEMA_INLINE };

static void write_tool_schema(struct gemini_writer *g, struct str schema)
{
    if (schema.len == 0)
        return;
    jw_key(&g->r.w, "parametersJsonSchema");
    jw_raw(&g->r.w, STR_NONE);
    schema_write(&g->r, schema, SCHEMA_RULES, g->r.w.out);
}

/*
 * Can it be told to call only some of the tools? The list of all stays the same then, and so does
 * what is cached of it. A mode that leaves the choice with the model, and takes names, is only in
 * the Gemini API. Source: googleapis v1beta content.proto, FunctionCallingConfig (2026-08).
 */
static bool takes_names(const struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    bool is_validated = !g->is_vertex && (g->version == 0 || g->version >= 25);
    return m->n_all_tools > 0 && (m->choice == MSG_CHOICE_ANY || is_validated);
}

static const char *choice_mode(const struct gemini_writer *g)
{
    switch (g->r.m->choice) {
    case MSG_CHOICE_AUTO:
        return takes_names(g) ? "VALIDATED" : "AUTO";
    case MSG_CHOICE_ANY:
    case MSG_CHOICE_ONE:
        return "ANY";
    case MSG_CHOICE_UNSET:
    case MSG_CHOICE_NONE:
        break;
    }
    return "NONE";
}

static void write_choice(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    bool has_names = takes_names(g) && m->choice != MSG_CHOICE_NONE;
    if (m->n_tools > 0 && m->parallel_tools == 0)
        drop(&g->r, "parallel_tool_calls");
    if (m->n_tools == 0 || m->choice == MSG_CHOICE_UNSET)
        return;
    jw_key(w, "toolConfig");
    jw_object(w);
    jw_key(w, "functionCallingConfig");
    jw_object(w);
    jw_kstrz(w, "mode", choice_mode(g));
    if (m->choice == MSG_CHOICE_ONE || has_names) {
        jw_key(w, "allowedFunctionNames");
        jw_array(w);
        for (size_t i = 0; i < m->n_tools && has_names; i++)
            write_name_value(w, m->tools[i].name);
        if (!has_names)
            write_name_value(w, m->choice_name);
        jw_array_end(w);
    }
    jw_object_end(w);
    jw_object_end(w);
}

static void write_tools(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    const struct msg_tool *tools = takes_names(g) ? m->all_tools : m->tools;
    size_t n_tools = takes_names(g) ? m->n_all_tools : m->n_tools;
    if (m->n_tools == 0)
        return;
    jw_key(w, "tools");
    jw_array(w);
    jw_object(w);
    jw_key(w, "functionDeclarations");
    jw_array(w);
    for (size_t i = 0; i < n_tools; i++) {
        const struct msg_tool *t = &tools[i];
        jw_object(w);
        write_name(w, t->name);
        if (t->description.len > 0)
            jw_kstr(w, "description", t->description);
        write_tool_schema(g, t->schema);
        jw_object_end(w);
        if (t->strict == 1)
            drop(&g->r, "strict");
        if (t->cache_ttl.len > 0)
            drop(&g->r, "cache_control");
    }
    jw_array_end(w);
    jw_object_end(w);
    jw_array_end(w);
}

/* ---- generationConfig ---- */

/* Tokens to think with. The cap holds thoughts too, and must leave room for the answer. */
static int64_t budget_of(const struct gemini_writer *g)
{
    static const int64_t budgets[] = {
        [MSG_EFFORT_UNSET] = 0,      [MSG_EFFORT_NONE] = 0,
        [MSG_EFFORT_MINIMAL] = 1024, [MSG_EFFORT_LOW] = 1024,
        [MSG_EFFORT_MEDIUM] = 8192,  [MSG_EFFORT_HIGH] = 24576,
        [MSG_EFFORT_XHIGH] = 32768,  [MSG_EFFORT_MAX] = 32768,
    };
    const struct msg_request *m = g->r.m;
    const struct family *f = g->family;
    int64_t budget = budgets[m->effort];
    if (m->effort == MSG_EFFORT_NONE)
        return f->can_rest ? 0 : f->min_tok;
    if (m->budget_tok > 0)
        budget = m->budget_tok;
    if (m->max_output_tok > 0)
        budget = MIN(budget, m->max_output_tok - 1);
    return MIN(MAX(budget, f->min_tok), f->max_tok);
}

static const char *level_of(const struct gemini_writer *g)
{
    unsigned levels = g->family->levels;
    switch (g->r.m->effort) {
    case MSG_EFFORT_NONE:
    case MSG_EFFORT_MINIMAL:
        return (levels & LEVEL_MINIMAL) != 0 ? "MINIMAL" : "LOW";
    case MSG_EFFORT_LOW:
        return "LOW";
    case MSG_EFFORT_MEDIUM:
        return (levels & LEVEL_MEDIUM) != 0 ? "MEDIUM" : "HIGH";
    case MSG_EFFORT_XHIGH:
    case MSG_EFFORT_MAX:
        return (levels & LEVEL_XHIGH) != 0 ? "XHIGH" : "HIGH";
    case MSG_EFFORT_UNSET:
    case MSG_EFFORT_HIGH:
        break;
    }
    return "HIGH";
}

static void write_thinking(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    bool on = m->effort > MSG_EFFORT_NONE;
    if (m->effort == MSG_EFFORT_UNSET)
        return;
    if (g->family->style == THINK_NONE || (g->r.t->caps_no & CAP_REASONING) != 0) {
        if (on)
            drop(&g->r, "reasoning_effort");
        return;
    }
    jw_key(w, "thinkingConfig");
    jw_object(w);
    if (on && m->thoughts != MSG_THOUGHTS_HIDDEN) /* who asks may want to see it */
        jw_kbool(w, "includeThoughts", true);
    if (g->family->style == THINK_BUDGET)
        jw_ki64(w, "thinkingBudget", budget_of(g));
    else
        jw_kstrz(w, "thinkingLevel", level_of(g));
    jw_object_end(w);
}

static void write_format(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    if (m->format == MSG_FORMAT_TEXT || !takes_format(g))
        return;
    jw_kstrz(&g->r.w, "responseMimeType", "application/json");
    if (m->format != MSG_FORMAT_SCHEMA || m->schema.len == 0)
        return;
    jw_key(&g->r.w, "responseJsonSchema");
    jw_raw(&g->r.w, STR_NONE);
    answer_schema_write(&g->r, SCHEMA_RULES, g->r.w.out);
}

/* Gemini 4 ignores sampling, and answers penalties with a 400. */
static void write_sampling(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    bool is_sampled = g->version < 40;
    int64_t seed;
    const struct {
        const char *key, *field;
        struct str number;
        int64_t min_u, max_u;
        bool is_taken;
    } rows[] = {
        {"temperature", "temperature", m->temperature, 0, 2000000, is_sampled},
        {"topP", "top_p", m->top_p, 0, 1000000, is_sampled},
        {"topK", "top_k", m->top_k, 0, INT64_MAX, is_sampled},
        {"frequencyPenalty", "frequency_penalty", m->frequency_penalty, -2000000, 2000000,
         is_sampled},
        {"presencePenalty", "presence_penalty", m->presence_penalty, -2000000, 2000000,
         is_sampled},
        {"seed", "seed", m->seed, INT64_MIN, INT64_MAX,
         num_i64(m->seed, INT32_MIN, INT32_MAX, &seed) == ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].is_taken)
            write_clamped(&g->r.w, rows[i].key, rows[i].number, rows[i].min_u,
                          rows[i].max_u);
        else if (rows[i].number.len > 0)
            drop(&g->r, rows[i].field);
    }
}

static void write_stops(struct gemini_writer *g)
{
    enum { MOST = 5 };
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    if (m->n_stops == 0)
        return;
    if (m->n_stops > MOST)
        drop(&g->r, "stop.5");
    jw_key(w, "stopSequences");
    jw_array(w);
    for (size_t i = 0; i < MIN(m->n_stops, (size_t)MOST); i++)
        jw_str(w, m->stops[i]);
    jw_array_end(w);
}

/*
 * The next piece of a long answer: the same request, and the token of the last piece. Where it
 * stands is documented for the SDKs only, beside maxOutputTokens.
 * Source: ai.google.dev/gemini-api/docs, long decode (2026-11).
 */
static void write_hop_token(struct gemini_writer *g)
{
    if (g->r.t->hop_token.len > 0)
        jw_kstr(&g->r.w, "continuationToken", g->r.t->hop_token);
}

/*
 * Gemini 4 gives one answer, and the unnumbered names are of the latest; all before give as many as
 * a translated answer may hold.
 */
static void write_choices(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    if (m->n <= 1)
        return;
    if (g->version == 0 || g->version >= 40)
        refuse_choices(&g->r);
    else if (m->n > MSG_CHOICES)
        refuse(&g->r, "n", "the target gives eight choices at most");
    else
        jw_ki64(&g->r.w, "candidateCount", m->n);
}

static void write_config(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    int64_t limit = g->r.t->max_output_tok;
    jw_key(w, "generationConfig");
    jw_object(w);
    if (m->max_output_tok >= 0)
        jw_ki64(w, "maxOutputTokens",
                limit > 0 ? MIN(m->max_output_tok, limit) : m->max_output_tok);
    write_sampling(g);
    write_stops(g);
    write_format(g);
    write_thinking(g);
    write_choices(g);
    if (!g->r.t->is_hop_on_top)
        write_hop_token(g);
    jw_object_end(w);
}

/* ---- the rest ---- */

static void write_tier(struct gemini_writer *g)
{
    static const char *const tiers[][2] = {{"default", "standard"},
                                           {"standard", "standard"},
                                           {"standard_only", "standard"},
                                           {"flex", "flex"},
                                           {"priority", "priority"}};
    struct str asked = g->r.m->service_tier;
    if (asked.len == 0 || str_eqz(asked, "auto"))
        return;
    for (size_t i = 0; i < ARRAY_LEN(tiers) && !g->is_vertex; i++)
        if (str_eqz(asked, tiers[i][0])) {
            jw_kstrz(&g->r.w, "serviceTier", tiers[i][1]);
            return;
        }
    drop(&g->r, "service_tier");
}

/*
 * Vertex has labels, whose values are short and plain, and the Gemini API nothing.
 * Source: docs.cloud.google.com/vertex-ai, generateContent, labels (2026).
 */
static void write_user(struct gemini_writer *g)
{
    struct str user = g->r.m->user;
    bool fits = g->is_vertex && user.len <= 63;
    for (size_t i = 0; i < user.len && fits; i++) {
        char c = user.ptr[i];
        fits = (c >= 'a' && c <= 'z') || is_digit(user, i) || c == '_' || c == '-';
    }
    if (user.len == 0)
        return;
    if (!fits) {
        drop(&g->r, "user");
        return;
    }
    jw_key(&g->r.w, "labels");
    jw_object(&g->r.w);
    jw_kstr(&g->r.w, "user_id", user);
    jw_object_end(&g->r.w);
}

static void writer_init(struct gemini_writer *g, const struct msg_request *m,
                        const struct target_caps *t, struct buf *out, struct dropped *d,
                        struct err *e)
{
    *g = (struct gemini_writer){.r = {.m = m, .t = t, .dropped = d, .e = e},
                                .is_vertex = target_is(t, "vertex")};
    find_family(g);
    g->first = first_turn(m);
    jw_init(&g->r.w, out);
    g->r.w.later = t->later;
}

/*
 * What a prompt consists of. The Gemini API counts tools and system prompt only inside a request of
 * their own, which names the model again; Vertex has them side by side.
 * Sources: ai.google.dev/api/tokens; google-genai, models.py, count_tokens (2026-08).
 */
enum errc gemini_count_encode(const struct msg_request *m, const struct target_caps *t,
                              struct buf *out, struct dropped *d, struct err *e)
{
    struct gemini_writer g;
    writer_init(&g, m, t, out, d, e);
    struct jw *w = &g.r.w;
    AUTO(buf_release) struct buf name = BUF_INIT(LIMIT_HEAD_LEN);
    buf_printf(&name, "%s%.*s", str_find(t->model, '/') < t->model.len ? "" : "models/",
               STR_ARG(t->model));
    jw_object(w);
    if (!g.is_vertex) {
        jw_key(w, "generateContentRequest");
        jw_object(w);
        jw_kstr(w, "model", buf_str(&name));
    }
    write_contents(&g);
    write_system(&g);
    write_tools(&g);
    if (!g.is_vertex)
        jw_object_end(w);
    jw_object_end(w);
    return request_end(&g.r);
}

enum errc gemini_request_encode(const struct msg_request *m, const struct target_caps *t,
                                struct buf *out, struct dropped *d, struct err *e)
{
    struct gemini_writer g;
    writer_init(&g, m, t, out, d, e);
    struct jw *w = &g.r.w;
    refuse_unsayable(&g.r);
    jw_object(w);
    write_contents(&g);
    write_system(&g);
    write_tools(&g);
    write_choice(&g);
    write_config(&g);
    write_tier(&g);
    if (t->is_hop_on_top)
        write_hop_token(&g);
    /* projects of late keep what they are asked unless told not to (since 2026-10-26) */
    if (!g.is_vertex)
        jw_kbool(w, "store", false);
    write_user(&g);
    jw_object_end(w);
    drop_ignored(&g.r);
    return request_end(&g.r);
}
