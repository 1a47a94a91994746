/*
 * dialect_gemini_encode.c: a provider's generateContent request from msg.
 *
 * Source: as in dialect_gemini.c; ai.google.dev/gemini-api/docs/{thinking, thought-signatures,
 * function-calling, structured-output} and the Gemini 4 migration pages (2026-08 to 2026-11-19).
 */
#include "broker/dialect_gemini_encode.h"

#include "core/catalog.h"

/* ---- model families ---- */

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

bool gemini_is_signed(const struct gemini_writer *g)
{
    return g->is_gemini && (g->version == 0 || g->version >= 30);
}

/* ---- contents ---- */

static bool turn_is_told(const struct msg_turn *t)
{
    return turn_has(t, gemini_is_told);
}

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
            gemini_write_result(g, result, call->name);
    }
}

static void write_user_turn(struct gemini_writer *g, const struct msg_turn *t)
{
    bool is_named = t->role == MSG_USER && t->name.len > 0;
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (!gemini_is_told(p) || p->kind == MSG_TOOL_RESULT)
            continue;
        if (t->role == MSG_SYSTEM) {
            gemini_write_text(g, STR("<system>"), p->text, STR("</system>"));
        } else if (is_named && p->kind == MSG_TEXT) {
            /* a participant's name has no field */
            struct buf name = BUF_INIT(LIMIT_BODY_LEN);
            buf_printf(&name, "%.*s: ", STR_ARG(t->name));
            gemini_write_text(g, buf_str(&name), p->text, STR_NONE);
            buf_release(&name);
            is_named = false;
        } else {
            gemini_write_part(g, p);
        }
    }
}

static void write_model_turn(struct gemini_writer *g, const struct msg_turn *t,
                             bool *has_call)
{
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (p->kind == MSG_TOOL_CALL) {
            gemini_write_call(g, p, !*has_call);
            *has_call = true;
        } else if (gemini_is_told(p)) {
            gemini_write_part(g, p);
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
    gemini_write_text(g, str_of(text), STR_NONE, STR_NONE);
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

static void write_system(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    struct buf joined = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t i = 0; i < g->first; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++) {
            const struct msg_part *p = &m->turns[i].parts[k];
            drop_cache(&g->r, p->cache_ttl);
            buf_addz(&joined, joined.len > 0 ? "\n\n" : "");
            buf_adds(&joined, p->text);
        }
    if (m->format != MSG_FORMAT_TEXT && !gemini_takes_format(g)) {
        drop(&g->r, "response_format");
        format_words(&g->r, &joined);
    }
    if (!is_blank(buf_str(&joined))) {
        jw_key(w, "systemInstruction");
        jw_object(w);
        jw_key(w, "parts");
        jw_array(w);
        gemini_write_text(g, buf_str(&joined), STR_NONE, STR_NONE);
        jw_array_end(w);
        jw_object_end(w);
    }
    if (buf_err(&joined) != ERR_OK)
        w->out->fail = buf_err(&joined);
    buf_release(&joined);
}

/* ---- tools ---- */

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
            gemini_write_name_value(w, m->tools[i].name);
        if (!has_names)
            gemini_write_name_value(w, m->choice_name);
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
        gemini_write_name(w, t->name);
        if (t->description.len > 0)
            jw_kstr(w, "description", t->description);
        write_tool_schema(g, t->schema);
        jw_object_end(w);
        if (t->strict == 1)
            drop(&g->r, "strict");
        drop_cache(&g->r, t->cache_ttl);
    }
    jw_array_end(w);
    jw_object_end(w);
    jw_array_end(w);
}

/* ---- requests ---- */

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
    refuse_audio(&g.r);
    jw_object(w);
    write_contents(&g);
    write_system(&g);
    write_tools(&g);
    write_choice(&g);
    gemini_write_config(&g);
    gemini_write_tier(&g);
    if (t->is_hop_on_top)
        gemini_write_hop_token(&g);
    /* projects of late keep what they are asked unless told not to (since 2026-10-26) */
    if (!g.is_vertex)
        jw_kbool(w, "store", false);
    gemini_write_user(&g);
    jw_object_end(w);
    drop_ignored(&g.r);
    return request_end(&g.r);
}
