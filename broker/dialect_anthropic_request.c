/*
 * dialect_anthropic_request.c: Anthropic Messages requests to and from msg, for crossed pairs.
 *
 * Source: Anthropic api/messages, build-with-claude/{thinking, effort, structured-outputs,
 * prompt-caching, mid-conversation-system-messages} (2026-08, release notes to 2026-11).
 */
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"

#include "broker/dialect_anthropic.h"
#include "broker/dialect_priv.h"

/* ---- request_decode: blocks ---- */

static struct str decode_cache(struct reader *r, const struct jfield *cache)
{
    struct jfield ttl = {.name = "cache_control.ttl"};
    if (read_raw(r, cache, J_OBJECT).len == 0)
        return STR_NONE;
    ttl.value = jscan_get(r->text, cache->value, "ttl");
    struct str s = read_str(r, &ttl);
    return s.len > 0 ? s : STR("5m");
}

static void add_line(struct buf *out, struct str line)
{
    if (out->len > 0 && line.len > 0)
        buf_addc(out, '\n');
    buf_adds(out, line);
}

/* A block that only this dialect has becomes its text, after its title. */
static void decode_as_text(struct reader *r, struct str title, struct jspan content,
                           struct msg_part *p)
{
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    struct jspan block;
    size_t it = 0;
    add_line(&text, title);
    if (content.kind == J_STRING)
        add_line(&text, read_string(r, content));
    while (jscan_next(r->text, content, &it, &block)) {
        struct jspan inner = jscan_get(r->text, block, "text");
        if (inner.kind == J_STRING)
            add_line(&text, read_string(r, inner));
    }
    p->kind = MSG_TEXT;
    p->text = arena_str(r->arena, buf_str(&text));
    buf_release(&text);
}

static void decode_source(struct reader *r, struct jspan v, struct str title,
                          enum msg_part_kind kind, struct msg_part *p)
{
    enum { TYPE, MEDIA, DATA, URL, CONTENT, N };
    enum { BASE64, BY_URL, BY_FILE, AS_TEXT, AS_CONTENT };
    static const char *const types[] = {"base64", "url", "file", "text", "content"};
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [MEDIA] = {.name = "media_type"},
                          [DATA] = {.name = "data"},
                          [URL] = {.name = "url"},
                          [CONTENT] = {.name = "content"}};
    size_t mark = read_enter(r, "source");
    if (read_fields(r, v, f, N)) {
        int type = read_word(r, &f[TYPE], types, ARRAY_LEN(types));
        p->kind = kind;
        if (type == BASE64) {
            p->mime = read_need_str(r, &f[MEDIA]);
            p->data = read_need_str(r, &f[DATA]);
        } else if (type == BY_URL) {
            p->url = read_need_str(r, &f[URL]);
        } else if (type == BY_FILE) {
            read_fail(r, "file_id", "a stored file is known to its own provider only");
        } else if (type == AS_TEXT) {
            decode_as_text(r, title, f[DATA].value, p);
        } else if (type == AS_CONTENT) {
            decode_as_text(r, title, f[CONTENT].value, p);
        } else {
            read_fail(r, "type", "is required");
        }
    }
    read_leave(r, mark);
}

enum {
    B_TYPE,
    B_TEXT,
    B_SOURCE,
    B_TITLE,
    B_CACHE,
    B_ID,
    B_NAME,
    B_INPUT,
    B_RESULT_ID,
    B_CONTENT,
    B_IS_ERROR,
    B_THINKING,
    B_SIGNATURE,
    B_DATA,
    B_COUNT,
};

/* clang-format off */
static const char *const block_fields[B_COUNT] = {
    [B_TYPE] = "type", [B_TEXT] = "text", [B_SOURCE] = "source", [B_TITLE] = "title",
    [B_CACHE] = "cache_control", [B_ID] = "id", [B_NAME] = "name", [B_INPUT] = "input",
    [B_RESULT_ID] = "tool_use_id", [B_CONTENT] = "content", [B_IS_ERROR] = "is_error",
    [B_THINKING] = "thinking", [B_SIGNATURE] = "signature", [B_DATA] = "data",
};
/* clang-format on */

enum block_type {
    BLOCK_TEXT,
    BLOCK_IMAGE,
    BLOCK_DOCUMENT,
    BLOCK_SEARCH_RESULT,
    BLOCK_TOOL_USE,
    BLOCK_TOOL_RESULT,
    BLOCK_THINKING,
    BLOCK_REDACTED,
    BLOCK_OTHER,
};

static enum block_type block_type(struct reader *r, const struct jfield *type)
{
    static const char *const words[BLOCK_OTHER] = {
        "text",     "image",       "document", "search_result",
        "tool_use", "tool_result", "thinking", "redacted_thinking"};
    struct str word = read_need_str(r, type);
    for (int i = 0; i < BLOCK_OTHER; i++)
        if (str_eqz(word, words[i]))
            return (enum block_type)i;
    return BLOCK_OTHER;
}

static bool decode_block(struct reader *r, struct jspan v, struct msg_request *m,
                         struct msg_part *p);

/* What a tool gave back: its texts joined, images and files beside them. */
static void decode_result(struct reader *r, const struct jfield *f, struct msg_request *m,
                          struct msg_part *p)
{
    const struct jfield *content = &f[B_CONTENT];
    p->kind = MSG_TOOL_RESULT;
    p->id = read_need_str(r, &f[B_RESULT_ID]);
    p->is_error = read_bool(r, &f[B_IS_ERROR]) == 1;
    if (content->value.kind == J_STRING) {
        p->text = read_string(r, content->value);
        return;
    }
    size_t n = read_array(r, content), it = 0, i = 0;
    if (n == 0)
        return;
    p->parts = ARENA_ARRAY(r->arena, n, struct msg_part);
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    struct jspan v;
    for (; p->parts != NULL && jscan_next(r->text, content->value, &it, &v); i++) {
        struct msg_part inner = {.kind = MSG_TEXT};
        size_t mark = read_enter(r, "content.%zu", i);
        bool is_told = decode_block(r, v, m, &inner);
        if (inner.kind == MSG_TOOL_RESULT)
            read_fail(r, "type", "a result cannot stand in a result");
        read_leave(r, mark);
        if (!is_told || r->rc != ERR_OK)
            continue;
        if (inner.kind != MSG_TEXT)
            p->parts[p->n_parts++] = inner;
        else
            add_line(&text, inner.text);
    }
    p->text = arena_str(r->arena, buf_str(&text));
    buf_release(&text);
}

/* False: the block has no place outside its dialect and is left out by name. */
static bool decode_block(struct reader *r, struct jspan v, struct msg_request *m,
                         struct msg_part *p)
{
    struct jfield f[B_COUNT] = {0};
    for (size_t i = 0; i < B_COUNT; i++)
        f[i].name = block_fields[i];
    if (!read_fields(r, v, f, B_COUNT))
        return false;
    enum block_type type = block_type(r, &f[B_TYPE]);
    p->cache_ttl = decode_cache(r, &f[B_CACHE]);
    switch (type) {
    case BLOCK_TEXT:
        p->kind = MSG_TEXT;
        p->text = read_need_str(r, &f[B_TEXT]);
        break;
    case BLOCK_IMAGE:
        decode_source(r, f[B_SOURCE].value, STR_NONE, MSG_IMAGE, p);
        break;
    case BLOCK_DOCUMENT:
        p->filename = read_str(r, &f[B_TITLE]);
        decode_source(r, f[B_SOURCE].value, p->filename, MSG_FILE, p);
        break;
    case BLOCK_SEARCH_RESULT:
        decode_as_text(r, read_str(r, &f[B_TITLE]), f[B_CONTENT].value, p);
        break;
    case BLOCK_TOOL_USE:
        p->kind = MSG_TOOL_CALL;
        p->id = read_need_str(r, &f[B_ID]);
        p->name = read_need_str(r, &f[B_NAME]);
        if (!json_is_set(f[B_INPUT].value))
            read_fail(r, "input", "is required");
        p->args = read_raw(r, &f[B_INPUT], J_OBJECT);
        break;
    case BLOCK_TOOL_RESULT:
        decode_result(r, f, m, p);
        break;
    case BLOCK_THINKING:
        p->kind = MSG_THINKING;
        p->text = read_str(r, &f[B_THINKING]);
        p->signature = read_str(r, &f[B_SIGNATURE]);
        break;
    case BLOCK_REDACTED:
        p->kind = MSG_REDACTED;
        p->data = read_str(r, &f[B_DATA]);
        break;
    case BLOCK_OTHER:
        ignore_field(m, "messages.content.type");
        return false;
    }
    return true;
}

/* ---- request_decode: messages ---- */

static void add_part(struct msg_turn *t, struct msg_part p)
{
    t->parts[t->n_parts++] = p;
}

/*
 * One message is one turn, or two: results of tools are a turn of their own. `t` has room for
 * both; returns how many were filled.
 */
static size_t decode_message(struct reader *r, struct jspan v, struct msg_request *m,
                             struct msg_turn t[2])
{
    enum { ROLE, CONTENT, N };
    static const char *const roles[] = {"user", "assistant", "system"};
    static const enum msg_role kinds[] = {MSG_USER, MSG_ASSISTANT, MSG_SYSTEM};
    struct jfield f[N] = {[ROLE] = {.name = "role"}, [CONTENT] = {.name = "content"}};
    if (!read_fields(r, v, f, N))
        return 0;
    if (!json_is_set(f[ROLE].value))
        read_fail(r, "role", "is required");
    int role = read_word(r, &f[ROLE], roles, ARRAY_LEN(roles));
    struct jspan content = f[CONTENT].value, block;
    if (content.kind != J_STRING && content.kind != J_ARRAY)
        read_fail(r, "content", "must be a string or an array of blocks");
    size_t n = content.kind == J_ARRAY ? read_array(r, &f[CONTENT]) : 1;
    t[0] = (struct msg_turn){.role = MSG_TOOL};
    t[1] = (struct msg_turn){.role = role >= 0 ? kinds[role] : MSG_USER};
    t[0].parts = ARENA_ARRAY(r->arena, n, struct msg_part);
    t[1].parts = ARENA_ARRAY(r->arena, n, struct msg_part);
    if (r->rc != ERR_OK || t[0].parts == NULL || t[1].parts == NULL)
        return 0;
    if (content.kind == J_STRING)
        add_part(&t[1],
                 (struct msg_part){.kind = MSG_TEXT, .text = read_string(r, content)});
    size_t it = 0, i = 0;
    for (; r->rc == ERR_OK && jscan_next(r->text, content, &it, &block); i++) {
        struct msg_part p = {.kind = MSG_TEXT};
        size_t mark = read_enter(r, "content.%zu", i);
        bool is_told = decode_block(r, block, m, &p);
        read_leave(r, mark);
        if (is_told && (p.kind != MSG_TEXT || p.text.len > 0))
            add_part(&t[p.kind == MSG_TOOL_RESULT ? 0 : 1], p);
    }
    if (t[0].n_parts == 0) {
        t[0] = t[1];
        return 1;
    }
    return t[1].n_parts > 0 ? 2 : 1;
}

static void decode_system(struct reader *r, const struct jfield *system,
                          struct msg_request *m)
{
    struct jspan v = system->value, block;
    if (!json_is_set(v))
        return;
    if (v.kind != J_STRING && v.kind != J_ARRAY)
        read_fail(r, system->name, "must be a string or an array of text blocks");
    size_t n = v.kind == J_ARRAY ? read_array(r, system) : 1;
    struct msg_turn t = {.role = MSG_SYSTEM};
    t.parts = ARENA_ARRAY(r->arena, MAX(n, (size_t)1), struct msg_part);
    if (t.parts == NULL)
        return;
    if (v.kind == J_STRING)
        add_part(&t, (struct msg_part){.kind = MSG_TEXT, .text = read_string(r, v)});
    size_t it = 0, i = 0;
    for (; jscan_next(r->text, v, &it, &block); i++) {
        size_t mark = read_enter(r, "system.%zu", i);
        struct msg_part *p = &t.parts[t.n_parts];
        bool is_told = decode_block(r, block, m, p);
        if (is_told && p->kind != MSG_TEXT)
            read_fail(r, "type", "must be text");
        read_leave(r, mark);
        t.n_parts += is_told && p->text.len > 0 ? 1 : 0;
    }
    if (t.n_parts > 0)
        m->turns[m->n_turns++] = t;
}

/* ---- request_decode: tools and the rest ---- */

enum {
    Q_MODEL,
    Q_MESSAGES,
    Q_SYSTEM,
    Q_MAX_TOKENS,
    Q_STOPS,
    Q_STREAM,
    Q_TEMPERATURE,
    Q_TOP_P,
    Q_TOP_K,
    Q_TOOLS,
    Q_TOOL_CHOICE,
    Q_THINKING,
    Q_OUTPUT_CONFIG,
    Q_OUTPUT_FORMAT,
    Q_METADATA,
    Q_TIER,
    Q_COUNT,
};

/* clang-format off */
static const char *const request_fields[Q_COUNT] = {
    [Q_MODEL] = "model", [Q_MESSAGES] = "messages", [Q_SYSTEM] = "system",
    [Q_MAX_TOKENS] = "max_tokens", [Q_STOPS] = "stop_sequences", [Q_STREAM] = "stream",
    [Q_TEMPERATURE] = "temperature", [Q_TOP_P] = "top_p", [Q_TOP_K] = "top_k",
    [Q_TOOLS] = "tools", [Q_TOOL_CHOICE] = "tool_choice", [Q_THINKING] = "thinking",
    [Q_OUTPUT_CONFIG] = "output_config", [Q_OUTPUT_FORMAT] = "output_format",
    [Q_METADATA] = "metadata", [Q_TIER] = "service_tier",
};
/* clang-format on */

/* False: a tool that the provider itself runs. */
static bool decode_tool(struct reader *r, struct jspan v, struct msg_request *m,
                        struct msg_tool *t)
{
    enum { TYPE, NAME, DESCRIPTION, SCHEMA, STRICT, CACHE, N };
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [NAME] = {.name = "name"},
                          [DESCRIPTION] = {.name = "description"},
                          [SCHEMA] = {.name = "input_schema"},
                          [STRICT] = {.name = "strict"},
                          [CACHE] = {.name = "cache_control"}};
    if (!read_fields(r, v, f, N))
        return false;
    struct str type = read_str(r, &f[TYPE]);
    if (type.len > 0 && !str_eqz(type, "custom")) {
        ignore_field(m, "tools.type");
        return false;
    }
    t->name = read_need_str(r, &f[NAME]);
    t->description = read_str(r, &f[DESCRIPTION]);
    t->schema = read_raw(r, &f[SCHEMA], J_OBJECT);
    t->strict = read_bool(r, &f[STRICT]);
    t->cache_ttl = decode_cache(r, &f[CACHE]);
    return true;
}

static void decode_tools(struct reader *r, const struct jfield *tools,
                         struct msg_request *m)
{
    size_t n = read_array(r, tools), it = 0, i = 0;
    m->tools = n > 0 ? ARENA_ARRAY(r->arena, n, struct msg_tool) : NULL;
    struct jspan v;
    for (; m->tools != NULL && jscan_next(r->text, tools->value, &it, &v); i++) {
        size_t mark = read_enter(r, "tools.%zu", i);
        if (decode_tool(r, v, m, &m->tools[m->n_tools]))
            m->n_tools++;
        read_leave(r, mark);
    }
}

static void decode_choice(struct reader *r, const struct jfield *choice,
                          struct msg_request *m)
{
    enum { TYPE, NAME, SERIAL, N };
    static const char *const types[] = {"auto", "none", "any", "tool"};
    static const enum msg_choice choices[] = {MSG_CHOICE_AUTO, MSG_CHOICE_NONE,
                                              MSG_CHOICE_ANY, MSG_CHOICE_ONE};
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [NAME] = {.name = "name"},
                          [SERIAL] = {.name = "disable_parallel_tool_use"}};
    if (read_raw(r, choice, J_OBJECT).len == 0)
        return;
    size_t mark = read_enter(r, "%s", choice->name);
    jscan_fields(r->text, choice->value, f, N);
    if (!json_is_set(f[TYPE].value))
        read_fail(r, "type", "is required");
    int i = read_word(r, &f[TYPE], types, ARRAY_LEN(types));
    m->choice = i >= 0 ? choices[i] : MSG_CHOICE_UNSET;
    if (m->choice == MSG_CHOICE_ONE)
        m->choice_name = read_need_str(r, &f[NAME]);
    int serial = read_bool(r, &f[SERIAL]);
    m->parallel_tools = serial < 0 ? -1 : !serial;
    read_leave(r, mark);
}

/* Budgets as words. Source: none; the steps of the budgets that thinking_budget() sends. */
static enum msg_effort effort_of_budget(int64_t budget_tok)
{
    if (budget_tok < 2000)
        return MSG_EFFORT_LOW;
    if (budget_tok < 12000)
        return MSG_EFFORT_MEDIUM;
    return budget_tok < 28000 ? MSG_EFFORT_HIGH : MSG_EFFORT_XHIGH;
}

static void decode_thinking(struct reader *r, const struct jfield *f,
                            struct msg_request *m)
{
    enum { ADAPTIVE, ENABLED, DISABLED, BETWEEN };
    static const char *const types[] = {"adaptive", "enabled", "disabled",
                                        "between_tools"};
    struct jfield type = {.name = "thinking.type"};
    struct jfield budget = {.name = "thinking.budget_tokens"};
    struct jfield effort = {.name = "output_config.effort"};
    m->budget_tok = -1;
    if (read_raw(r, &f[Q_OUTPUT_CONFIG], J_OBJECT).len > 0) {
        effort.value = jscan_get(r->text, f[Q_OUTPUT_CONFIG].value, "effort");
        struct str word = read_str(r, &effort);
        if (word.len > 0 && !msg_effort_by_name(word, &m->effort))
            read_fail(r, effort.name, "must be low, medium, high, xhigh or max");
    }
    if (read_raw(r, &f[Q_THINKING], J_OBJECT).len == 0)
        return;
    type.value = jscan_get(r->text, f[Q_THINKING].value, "type");
    if (!json_is_set(type.value))
        read_fail(r, type.name, "is required");
    int i = read_word(r, &type, types, ARRAY_LEN(types));
    budget.value = jscan_get(r->text, f[Q_THINKING].value, "budget_tokens");
    if (i == ENABLED) {
        m->budget_tok = read_i64(r, &budget, 1024, INT32_MAX, 1024);
        if (m->effort == MSG_EFFORT_UNSET)
            m->effort = effort_of_budget(m->budget_tok);
    } else if (i == DISABLED || i == BETWEEN) {
        m->effort = MSG_EFFORT_NONE;
    }
}

static void decode_format(struct reader *r, const struct jfield *f, struct msg_request *m)
{
    static const char *const types[] = {"json_schema"};
    struct jfield format = {.name = "output_config.format"};
    struct jfield type = {.name = "output_config.format.type"};
    struct jfield schema = {.name = "output_config.format.schema"};
    m->schema_strict = -1;
    format.value = jscan_get(r->text, f[Q_OUTPUT_CONFIG].value, "format");
    if (!json_is_set(format.value))
        format = f[Q_OUTPUT_FORMAT];
    if (read_raw(r, &format, J_OBJECT).len == 0)
        return;
    type.value = jscan_get(r->text, format.value, "type");
    schema.value = jscan_get(r->text, format.value, "schema");
    read_word(r, &type, types, ARRAY_LEN(types));
    m->format = MSG_FORMAT_SCHEMA;
    m->schema = read_raw(r, &schema, J_OBJECT);
}

static void decode_stops(struct reader *r, const struct jfield *f, struct msg_request *m)
{
    size_t n = read_array(r, f), it = 0;
    m->stops = n > 0 ? ARENA_ARRAY(r->arena, n, struct str) : NULL;
    struct jspan v;
    while (m->stops != NULL && jscan_next(r->text, f->value, &it, &v)) {
        struct jfield one = {.name = "stop_sequences.", .value = v};
        m->stops[m->n_stops++] = read_need_str(r, &one);
    }
}

static void decode_options(struct reader *r, const struct jfield *f,
                           struct msg_request *m)
{
    struct jfield user = {.name = "metadata.user_id"};
    m->model = read_need_str(r, &f[Q_MODEL]);
    m->stream = read_bool(r, &f[Q_STREAM]) == 1;
    m->include_usage = true;
    m->n = 1;
    m->parallel_tools = -1;
    m->max_output_tok = read_i64(r, &f[Q_MAX_TOKENS], 0, INT32_MAX, -1);
    m->temperature = read_number(r, &f[Q_TEMPERATURE]);
    m->top_p = read_number(r, &f[Q_TOP_P]);
    m->top_k = read_number(r, &f[Q_TOP_K]);
    decode_stops(r, &f[Q_STOPS], m);
    decode_tools(r, &f[Q_TOOLS], m);
    decode_choice(r, &f[Q_TOOL_CHOICE], m);
    decode_thinking(r, f, m);
    decode_format(r, f, m);
    if (read_raw(r, &f[Q_METADATA], J_OBJECT).len > 0) {
        user.value = jscan_get(r->text, f[Q_METADATA].value, "user_id");
        m->user = read_str(r, &user);
    }
    m->service_tier = read_str(r, &f[Q_TIER]);
    read_ignored(r, m, request_fields, Q_COUNT);
}

enum errc anthropic_request_decode(struct str body, struct arena *a,
                                   struct msg_request *ret, struct err *e)
{
    struct msg_request m = {0};
    struct jfield f[Q_COUNT] = {0};
    for (size_t i = 0; i < Q_COUNT; i++)
        f[i].name = request_fields[i];
    enum errc rc = body_fields(body, f, Q_COUNT, e);
    if (rc != ERR_OK)
        return rc;
    struct reader r;
    reader_init(&r, body, a, e);
    decode_options(&r, f, &m);
    size_t n = read_array(&r, &f[Q_MESSAGES]), it = 0, i = 0;
    if (n == 0)
        read_fail(&r, "messages", "must be an array of messages");
    m.turns =
        ARENA_ARRAY(a, 2 * n + 1, struct msg_turn); /* two a message, and the system's */
    struct jspan v;
    if (m.turns != NULL)
        decode_system(&r, &f[Q_SYSTEM], &m);
    for (; m.turns != NULL && r.rc == ERR_OK &&
           jscan_next(body, f[Q_MESSAGES].value, &it, &v);
         i++) {
        size_t mark = read_enter(&r, "messages.%zu", i);
        m.n_turns += decode_message(&r, v, &m, &m.turns[m.n_turns]);
        read_leave(&r, mark);
    }
    rc = reader_end(&r);
    if (rc == ERR_OK)
        *ret = m;
    return rc;
}

/* ---- request_encode: model families ---- */

enum none_style {
    NONE_ABSENT,   /* thinking is off unless a budget is given */
    NONE_DISABLED, /* thinking: disabled */
    NONE_BETWEEN,  /* thinking: between_tools, as near as it gets */
    NONE_LOW,      /* always on: low effort */
};

struct family {
    const char *name; /* NULL: any */
    int from, to;     /* versions, 45 is 4.5 */
    enum none_style none;
    bool is_manual;   /* thinking by budget, prefill allowed */
    bool is_sampled;  /* takes temperature, top_p and top_k */
    bool is_unforced; /* a forced choice of tools is a 400 */
    bool has_system;  /* takes role "system" inside messages */
};

/* Source: build-with-claude/thinking and release notes to 2026-11-12, one row a line there. */
/* clang-format off */
static const struct family families[] = {
    {NULL, 0, 45, .none = NONE_ABSENT, .is_manual = true, .is_sampled = true},
    {NULL, 46, 46, .none = NONE_DISABLED, .is_sampled = true},
    {"opus", 47, 47, .none = NONE_DISABLED},
    {"opus", 48, 48, .none = NONE_DISABLED, .has_system = true},
    {"opus", 50, 54, .none = NONE_DISABLED, .has_system = true},
    {"opus", 55, 99, .none = NONE_LOW, .is_unforced = true, .has_system = true},
    {"sonnet", 50, 54, .none = NONE_DISABLED},
    {"sonnet", 55, 99, .none = NONE_BETWEEN, .is_unforced = true, .has_system = true},
    {"haiku", 50, 99, .none = NONE_DISABLED},
    {"fable", 50, 50, .none = NONE_LOW, .has_system = true},
    {"fable", 51, 99, .none = NONE_LOW, .is_unforced = true, .has_system = true},
    {"mythos", 50, 99, .none = NONE_LOW, .has_system = true},
};
/* clang-format on */

/* The next token of a model id, cut at "-", ".", "@" and ":". */
static bool next_token(struct str *rest, struct str *ret)
{
    size_t n = 0;
    if (rest->len == 0)
        return false;
    while (n < rest->len && strchr("-.@:", rest->ptr[n]) == NULL)
        n++;
    *ret = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n + 1, rest->len);
    return true;
}

/* "claude-opus-4-7-20260416" is opus 47, "claude-3-5-haiku-latest" haiku 35; 0: no version. */
static int model_version(struct str model, const char **ret_name)
{
    static const char *const names[] = {"opus", "sonnet", "haiku", "fable", "mythos"};
    int version = 0, n_digits = 0;
    struct str token;
    *ret_name = NULL;
    while (next_token(&model, &token)) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (str_eqz(token, names[i]))
                *ret_name = names[i];
        if (token.len == 1 && token.ptr[0] >= '0' && token.ptr[0] <= '9' &&
            n_digits < 2) {
            version = version * 10 + (token.ptr[0] - '0');
            n_digits++;
        }
    }
    return n_digits == 1 ? version * 10 : version;
}

/* An unknown model is taken for a current one. */
static const struct family *family_of(struct str model)
{
    static const struct family current = {NULL, 0, 99, NONE_LOW, .is_unforced = false};
    const char *name;
    int version = model_version(model, &name);
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const struct family *f = &families[i];
        if (version > 0 && version >= f->from && version <= f->to && name != NULL &&
            (f->name == NULL || strcmp(f->name, name) == 0))
            return f;
    }
    return &current;
}

/* ---- request_encode: blocks ---- */

struct anthropic_writer {
    struct request_writer r;
    const struct family *family;
    int64_t max_tok;
    int64_t budget_tok; /* of manual thinking; 0: none */
    size_t first;       /* turn after the leading system turns */
};

static bool is_blank(struct str s)
{
    return str_trim(s).len == 0;
}

/* Whether a part becomes a block: empty texts are a 400, foreign thoughts mean nothing. */
static bool is_told(const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        return !is_blank(p->text);
    case MSG_THINKING:
        return p->signature.len > 0;
    case MSG_IMAGE:
    case MSG_FILE:
    case MSG_AUDIO:
    case MSG_REDACTED:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        break;
    }
    return true;
}

static bool turn_is_told(const struct msg_turn *t)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (is_told(&t->parts[i]))
            return true;
    return false;
}

static void write_cache(struct jw *w, struct str ttl)
{
    if (ttl.len == 0)
        return;
    jw_key(w, "cache_control");
    jw_object(w);
    jw_kstrz(w, "type", "ephemeral");
    if (str_eqz(ttl, "1h"))
        jw_kstrz(w, "ttl", "1h");
    jw_object_end(w);
}

static void write_text_block(struct jw *w, struct str text, struct str ttl)
{
    jw_object(w);
    jw_kstrz(w, "type", "text");
    jw_kstr(w, "text", text);
    write_cache(w, ttl);
    jw_object_end(w);
}

/* What the first bytes say, in base64; labels lie. STR_NONE: none of the four it may be. */
static struct str image_type(const struct msg_part *p)
{
    static const struct {
        struct str magic, mime;
    } rows[] = {
        {{"iVBORw0KGgo", 11}, {"image/png", 9}},
        {{"/9j/", 4}, {"image/jpeg", 10}},
        {{"R0lGOD", 6}, {"image/gif", 9}},
        {{"UklGR", 5}, {"image/webp", 10}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_starts(p->data, rows[i].magic))
            return rows[i].mime;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq(p->mime, rows[i].mime))
            return p->mime;
    return STR_NONE;
}

static void write_source(struct jw *w, const struct msg_part *p, struct str mime)
{
    jw_key(w, "source");
    jw_object(w);
    if (p->url.len > 0) {
        jw_kstrz(w, "type", "url");
        jw_kstr(w, "url", p->url);
    } else {
        jw_kstrz(w, "type", "base64");
        jw_kstr(w, "media_type", mime);
        jw_kstr(w, "data", p->data);
    }
    jw_object_end(w);
}

static void write_media(struct anthropic_writer *a, const struct msg_part *p)
{
    struct jw *w = &a->r.w;
    bool is_image = p->kind == MSG_IMAGE;
    struct str mime = is_image ? image_type(p) : p->mime;
    if (is_image && p->url.len == 0 && mime.len == 0)
        refuse(&a->r, "image_url", "must be jpeg, png, gif or webp for this target");
    if (!is_image && p->url.len == 0 && !str_eqz(mime, "application/pdf"))
        refuse(&a->r, "file", "must be a PDF for this target");
    jw_object(w);
    jw_kstrz(w, "type", is_image ? "image" : "document");
    write_source(w, p, mime);
    if (!is_image && p->filename.len > 0)
        jw_kstr(w, "title", p->filename);
    write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

static void write_thought(struct jw *w, const struct msg_part *p)
{
    bool is_redacted = p->kind == MSG_REDACTED;
    jw_object(w);
    jw_kstrz(w, "type", is_redacted ? "redacted_thinking" : "thinking");
    if (is_redacted) {
        jw_kstr(w, "data", p->data);
    } else {
        jw_kstr(w, "thinking", p->text);
        jw_kstr(w, "signature", p->signature);
    }
    jw_object_end(w);
}

static void write_call(struct jw *w, const struct msg_part *p)
{
    char id[TOOL_ID_LEN + 1];
    fit_tool_id(p->id, false, TOOL_ID_LEN, id);
    jw_object(w);
    jw_kstrz(w, "type", "tool_use");
    jw_kstrz(w, "id", id);
    jw_kstr(w, "name", p->name);
    jw_key(w, "input");
    write_args(w, p->args);
    write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

static void write_block(struct anthropic_writer *a, const struct msg_part *p);

static void write_result(struct anthropic_writer *a, const struct msg_part *p)
{
    struct jw *w = &a->r.w;
    char id[TOOL_ID_LEN + 1];
    fit_tool_id(p->id, false, TOOL_ID_LEN, id);
    jw_object(w);
    jw_kstrz(w, "type", "tool_result");
    jw_kstrz(w, "tool_use_id", id);
    if (p->n_parts > 0) {
        jw_key(w, "content");
        jw_array(w);
        if (!is_blank(p->text))
            write_text_block(w, p->text, STR_NONE);
        for (size_t i = 0; i < p->n_parts; i++)
            write_block(a, &p->parts[i]);
        jw_array_end(w);
    } else if (p->text.len > 0) {
        jw_kstr(w, "content", p->text);
    }
    if (p->is_error)
        jw_kbool(w, "is_error", true);
    write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

/* A text that the answer is to go on from must not end in blanks. */
static struct str prefill_text(const struct anthropic_writer *a, const struct msg_part *p)
{
    const struct msg_turn *last = &a->r.m->turns[a->r.m->n_turns - 1];
    if (!a->family->is_manual || last->role != MSG_ASSISTANT || last->n_parts == 0 ||
        p != &last->parts[last->n_parts - 1])
        return p->text;
    struct str trimmed = str_trim(p->text);
    return str_sub(p->text, 0, (size_t)(trimmed.ptr - p->text.ptr) + trimmed.len);
}

static void write_block(struct anthropic_writer *a, const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        write_text_block(&a->r.w, prefill_text(a, p), p->cache_ttl);
        break;
    case MSG_IMAGE:
    case MSG_FILE:
        write_media(a, p);
        break;
    case MSG_AUDIO:
        refuse(&a->r, "input_audio", "the target cannot hear");
        break;
    case MSG_THINKING:
    case MSG_REDACTED:
        write_thought(&a->r.w, p);
        break;
    case MSG_TOOL_CALL:
        write_call(&a->r.w, p);
        break;
    case MSG_TOOL_RESULT:
        write_result(a, p);
        break;
    }
}

/* ---- request_encode: messages ---- */

/* The text of a part with something before and after it. */
static void write_wrapped(struct jw *w, struct str before, const struct msg_part *p,
                          struct str after)
{
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    buf_adds(&text, before);
    buf_adds(&text, p->text);
    buf_adds(&text, after);
    write_text_block(w, buf_str(&text), p->cache_ttl);
    if (buf_err(&text) != ERR_OK)
        w->out->fail = buf_err(&text);
    buf_release(&text);
}

/* A participant's name stands before the first text; there is no field for it. */
static void write_named(struct anthropic_writer *a, const struct msg_turn *t,
                        const struct msg_part *p)
{
    struct buf name = BUF_INIT(LIMIT_BODY_LEN);
    buf_adds(&name, t->name);
    buf_addz(&name, ": ");
    write_wrapped(&a->r.w, buf_str(&name), p, STR_NONE);
    buf_release(&name);
}

/* The blocks of a turn that are results, or those that are not. */
static void write_blocks(struct anthropic_writer *a, const struct msg_turn *t,
                         bool results)
{
    bool is_named = t->role == MSG_USER && t->name.len > 0;
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (!is_told(p) || (p->kind == MSG_TOOL_RESULT) != results)
            continue;
        if (t->role == MSG_SYSTEM) {
            write_wrapped(&a->r.w, STR("<system>"), p, STR("</system>"));
        } else if (is_named && p->kind == MSG_TEXT) {
            write_named(a, t, p);
            is_named = false;
        } else {
            write_block(a, p);
        }
    }
}

enum wire_role { WIRE_NONE, WIRE_USER, WIRE_ASSISTANT, WIRE_SYSTEM };

static const struct msg_turn *next_told(const struct msg_request *m, size_t i)
{
    for (; i < m->n_turns; i++)
        if (turn_is_told(&m->turns[i]))
            return &m->turns[i];
    return NULL;
}

/* A system turn keeps its role only right after a user's and before the assistant's. */
static enum wire_role wire_role(const struct anthropic_writer *a, size_t i,
                                enum wire_role prev)
{
    const struct msg_turn *t = &a->r.m->turns[i];
    if (t->role == MSG_ASSISTANT)
        return WIRE_ASSISTANT;
    if (t->role != MSG_SYSTEM || !a->family->has_system || prev != WIRE_USER)
        return WIRE_USER;
    const struct msg_turn *next = next_told(a->r.m, i + 1);
    return next == NULL || next->role == MSG_ASSISTANT ? WIRE_SYSTEM : WIRE_USER;
}

static void begin_message(struct jw *w, const char *role)
{
    jw_object(w);
    jw_kstrz(w, "role", role);
    jw_key(w, "content");
}

static void write_said(struct jw *w, const char *text)
{
    begin_message(w, "user");
    jw_strz(w, text);
    jw_object_end(w);
}

/* The texts of a system turn, as they are. */
static void write_system_blocks(struct jw *w, const struct msg_turn *t)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (is_told(&t->parts[i]))
            write_text_block(w, t->parts[i].text, t->parts[i].cache_ttl);
}

/* Turns [from, to) of one role as one message: results come first or it is a 400. */
static void write_run(struct anthropic_writer *a, enum wire_role role, size_t from,
                      size_t to)
{
    struct jw *w = &a->r.w;
    const struct msg_turn *turns = a->r.m->turns;
    begin_message(w, role == WIRE_USER ? "user" : "assistant");
    jw_array(w);
    for (size_t i = from; i < to; i++)
        write_blocks(a, &turns[i], true);
    for (size_t i = from; i < to; i++)
        write_blocks(a, &turns[i], false);
    jw_array_end(w);
    jw_object_end(w);
}

static void write_messages(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    enum wire_role prev = WIRE_NONE;
    jw_key(w, "messages");
    jw_array(w);
    for (size_t i = a->first, end; i < m->n_turns; i = end) {
        end = i + 1;
        if (!turn_is_told(&m->turns[i]))
            continue;
        enum wire_role role = wire_role(a, i, prev);
        if (role == WIRE_SYSTEM) {
            begin_message(w, "system");
            jw_array(w);
            write_system_blocks(w, &m->turns[i]);
            jw_array_end(w);
            jw_object_end(w);
            prev = role;
            continue;
        }
        while (end < m->n_turns &&
               (!turn_is_told(&m->turns[end]) || wire_role(a, end, role) == role))
            end++;
        if (prev == WIRE_NONE && role != WIRE_USER)
            write_said(w, "."); /* the first must be the user's */
        write_run(a, role, i, end);
        prev = role;
    }
    if (prev == WIRE_NONE)
        write_said(w, ".");
    /* only older models go on where the assistant left off, the others answer 400 */
    if (prev == WIRE_ASSISTANT && !a->family->is_manual)
        write_said(w, "Continue.");
    jw_array_end(w);
}

/* ---- request_encode: system ---- */

static bool is_forced(const struct msg_request *m)
{
    return m->choice == MSG_CHOICE_ANY || m->choice == MSG_CHOICE_ONE;
}

/* A forced choice that the model refuses becomes a request in words. */
static bool is_unforced(const struct anthropic_writer *a)
{
    return is_forced(a->r.m) && a->r.m->n_tools > 0 &&
           (a->family->is_unforced || a->budget_tok > 0);
}

static bool takes_schema(const struct anthropic_writer *a)
{
    return (a->r.t->caps_no & CAP_JSON_SCHEMA) == 0;
}

/* What the target has no field for and a model does when told. */
static void add_instructions(struct anthropic_writer *a, struct buf *out)
{
    const struct msg_request *m = a->r.m;
    if (is_unforced(a)) {
        drop(&a->r, "tool_choice");
        buf_addz(out, out->len > 0 ? "\n\n" : "");
        if (m->choice == MSG_CHOICE_ONE) {
            buf_addz(out, "Answer by calling the tool ");
            buf_adds(out, m->choice_name);
            buf_addc(out, '.');
        } else {
            buf_addz(out, "Answer by calling at least one of the tools.");
        }
    }
    if (m->format == MSG_FORMAT_TEXT ||
        (m->format == MSG_FORMAT_SCHEMA && takes_schema(a)))
        return;
    drop(&a->r, "response_format");
    buf_addz(out, out->len > 0 ? "\n\n" : "");
    buf_addz(out, "Answer with one JSON object and nothing else.");
    if (m->schema.len > 0) {
        buf_addz(out, " It must be valid under this JSON Schema: ");
        buf_adds(out, m->schema);
    }
}

/* Leading system turns, joined; as blocks only where a cache mark needs its place. */
static void write_system(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    struct buf joined = BUF_INIT(LIMIT_BODY_LEN), extra = BUF_INIT(LIMIT_BODY_LEN);
    bool has_marks = false;
    add_instructions(a, &extra);
    for (size_t i = 0; i < a->first; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++) {
            const struct msg_part *p = &m->turns[i].parts[k];
            has_marks = has_marks || p->cache_ttl.len > 0;
            buf_addz(&joined, joined.len > 0 ? "\n\n" : "");
            buf_adds(&joined, p->text);
        }
    if (has_marks) {
        jw_key(w, "system");
        jw_array(w);
        for (size_t i = 0; i < a->first; i++)
            write_system_blocks(w, &m->turns[i]);
        if (extra.len > 0)
            write_text_block(w, buf_str(&extra), STR_NONE);
        jw_array_end(w);
    } else {
        buf_addz(&joined, joined.len > 0 && extra.len > 0 ? "\n\n" : "");
        buf_adds(&joined, buf_str(&extra));
        if (!is_blank(buf_str(&joined)))
            jw_kstr(w, "system", buf_str(&joined));
    }
    if (buf_err(&joined) != ERR_OK || buf_err(&extra) != ERR_OK)
        w->out->fail = ERR_TOO_LARGE;
    buf_release(&joined);
    buf_release(&extra);
}

/* ---- request_encode: tools, thinking, sampling ---- */

static void write_tool(struct anthropic_writer *a, const struct msg_tool *t)
{
    struct jw *w = &a->r.w;
    jw_object(w);
    jw_kstr(w, "name", t->name);
    if (t->description.len > 0)
        jw_kstr(w, "description", t->description);
    jw_key(w, "input_schema");
    if (t->schema.len == 0) {
        jw_raw(w, STR("{\"type\":\"object\",\"properties\":{}}"));
    } else if (t->strict == 1) {
        jw_raw(w, STR_NONE);
        schema_write(&a->r, t->schema, SCHEMA_CLOSE | SCHEMA_BARE, w->out);
    } else {
        jw_raw(w, t->schema);
    }
    if (t->strict >= 0)
        jw_kbool(w, "strict", t->strict == 1);
    write_cache(w, t->cache_ttl);
    jw_object_end(w);
}

static void write_tools(struct anthropic_writer *a)
{
    static const char *const words[] = {[MSG_CHOICE_UNSET] = "auto",
                                        [MSG_CHOICE_AUTO] = "auto",
                                        [MSG_CHOICE_NONE] = "none",
                                        [MSG_CHOICE_ANY] = "any",
                                        [MSG_CHOICE_ONE] = "tool"};
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    if (m->n_tools == 0)
        return;
    jw_key(w, "tools");
    jw_array(w);
    for (size_t i = 0; i < m->n_tools; i++)
        write_tool(a, &m->tools[i]);
    jw_array_end(w);
    if (m->choice == MSG_CHOICE_UNSET && m->parallel_tools < 0)
        return;
    enum msg_choice choice = is_unforced(a) ? MSG_CHOICE_AUTO : m->choice;
    jw_key(w, "tool_choice");
    jw_object(w);
    jw_kstrz(w, "type", words[choice]);
    if (choice == MSG_CHOICE_ONE)
        jw_kstr(w, "name", m->choice_name);
    if (m->parallel_tools >= 0 && choice != MSG_CHOICE_NONE)
        jw_kbool(w, "disable_parallel_tool_use", m->parallel_tools == 0);
    jw_object_end(w);
}

/* The cap is required here; without the client's it is the model's own. */
static int64_t max_tokens(const struct msg_request *m, const struct target_caps *t)
{
    /* every model with a cap of its own has at least this one (Claude 3) */
    const int64_t least = 4096;
    int64_t limit = t->max_output_tok > 0 ? t->max_output_tok : least;
    if (m->max_output_tok < 0)
        return limit;
    return t->max_output_tok > 0 ? MIN(m->max_output_tok, limit) : m->max_output_tok;
}

/* Tokens to think with, for models that count them: 0 where it cannot be. */
static int64_t manual_budget(const struct anthropic_writer *a)
{
    enum { LEAST = 1024 };
    static const int64_t budgets[] = {
        [MSG_EFFORT_UNSET] = 0,       [MSG_EFFORT_NONE] = 0,
        [MSG_EFFORT_MINIMAL] = LEAST, [MSG_EFFORT_LOW] = 2048,
        [MSG_EFFORT_MEDIUM] = 8192,   [MSG_EFFORT_HIGH] = 16384,
        [MSG_EFFORT_XHIGH] = 32768,   [MSG_EFFORT_MAX] = INT32_MAX,
    };
    const struct msg_request *m = a->r.m;
    int64_t budget = budgets[m->effort];
    if (m->effort > MSG_EFFORT_NONE && m->budget_tok > 0)
        budget = m->budget_tok;
    budget = MIN(budget, a->max_tok - 1);
    /* inside a tool loop the last thought must come back signed, which no other dialect can */
    const struct msg_turn *last = m->n_turns > 0 ? &m->turns[m->n_turns - 1] : NULL;
    bool is_fresh = last == NULL || last->role == MSG_USER || last->role == MSG_SYSTEM;
    return budget >= LEAST && is_fresh ? budget : 0;
}

static void write_thinking_type(struct jw *w, const char *type, int64_t budget_tok)
{
    jw_key(w, "thinking");
    jw_object(w);
    jw_kstrz(w, "type", type);
    if (budget_tok > 0)
        jw_ki64(w, "budget_tokens", budget_tok);
    jw_object_end(w);
}

/* The word for output_config.effort; NULL: none. */
static const char *write_thinking(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    bool on = m->effort > MSG_EFFORT_NONE;
    if (m->effort == MSG_EFFORT_UNSET)
        return NULL;
    if ((a->r.t->caps_no & CAP_REASONING) != 0 || (a->family->is_manual && on)) {
        if (a->budget_tok > 0)
            write_thinking_type(w, "enabled", a->budget_tok);
        else if (on)
            drop(&a->r, "reasoning_effort");
        return NULL;
    }
    if (on) {
        write_thinking_type(w, "adaptive", 0);
        return m->effort == MSG_EFFORT_MINIMAL ? "low" : msg_effort_name(m->effort);
    }
    switch (a->family->none) {
    case NONE_ABSENT:
        return NULL;
    case NONE_DISABLED:
        write_thinking_type(w, "disabled", 0);
        return NULL;
    case NONE_BETWEEN:
        write_thinking_type(w, "between_tools", 0);
        return NULL;
    case NONE_LOW:
        break;
    }
    return "low";
}

static void write_output_config(struct anthropic_writer *a, const char *effort)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    bool has_schema =
        m->format == MSG_FORMAT_SCHEMA && m->schema.len > 0 && takes_schema(a);
    if (effort == NULL && !has_schema)
        return;
    jw_key(w, "output_config");
    jw_object(w);
    if (effort != NULL)
        jw_kstrz(w, "effort", effort);
    if (has_schema) {
        jw_key(w, "format");
        jw_object(w);
        jw_kstrz(w, "type", "json_schema");
        jw_key(w, "schema");
        jw_raw(w, STR_NONE);
        schema_write(&a->r, m->schema, SCHEMA_CLOSE | SCHEMA_BARE, w->out);
        jw_object_end(w);
    }
    jw_object_end(w);
}

/* Newer models fix sampling, and so does manual thinking. */
static void write_sampling(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    bool is_open = a->family->is_sampled && a->budget_tok == 0;
    const struct {
        const char *key;
        struct str number;
        int64_t max_u;
        bool is_taken;
    } rows[] = {
        {"temperature", m->temperature, 1000000, is_open},
        /* from 4.1 on not both. Source: release notes of Claude Opus 4.1 (2025-08) */
        {"top_p", m->top_p, 1000000, is_open && m->temperature.len == 0},
        {"top_k", m->top_k, INT64_MAX, is_open},
        {"frequency_penalty", m->frequency_penalty, 0, false},
        {"presence_penalty", m->presence_penalty, 0, false},
        {"seed", m->seed, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].is_taken)
            write_clamped(&a->r.w, rows[i].key, rows[i].number, 0, rows[i].max_u);
        else if (rows[i].number.len > 0)
            drop(&a->r, rows[i].key);
    }
}

static void write_stops(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    size_t n = 0;
    for (size_t i = 0; i < m->n_stops; i++) {
        if (is_blank(m->stops[i])) { /* a 400 here */
            drop(&a->r, "stop");
            continue;
        }
        if (n++ == 0) {
            jw_key(w, "stop_sequences");
            jw_array(w);
        }
        jw_str(w, m->stops[i]);
    }
    if (n > 0)
        jw_array_end(w);
}

static void write_extras(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    if (m->user.len > 0) {
        jw_key(w, "metadata");
        jw_object(w);
        jw_kstr(w, "user_id", m->user);
        jw_object_end(w);
    }
    if (str_eqz(m->service_tier, "auto") || str_eqz(m->service_tier, "standard_only"))
        jw_kstr(w, "service_tier", m->service_tier);
    else if (str_eqz(m->service_tier, "default"))
        jw_kstrz(w, "service_tier", "standard_only");
    else if (m->service_tier.len > 0)
        drop(&a->r, "service_tier");
}

enum errc anthropic_request_encode(const struct msg_request *m,
                                   const struct target_caps *t, struct buf *out,
                                   struct dropped *d, struct err *e)
{
    struct anthropic_writer a = {.r = {.m = m, .t = t, .dropped = d, .e = e},
                                 .family = family_of(t->model),
                                 .max_tok = max_tokens(m, t)};
    struct jw *w = &a.r.w;
    while (a.first < m->n_turns && m->turns[a.first].role == MSG_SYSTEM)
        a.first++;
    if (a.family->is_manual && (t->caps_no & CAP_REASONING) == 0)
        a.budget_tok = manual_budget(&a);
    refuse_unsayable(&a.r);
    if (m->n > 1)
        refuse(&a.r, "n", "the target gives one choice");
    jw_init(w, out);
    jw_object(w);
    jw_kstr(w, "model", t->model);
    jw_ki64(w, "max_tokens", a.max_tok);
    write_system(&a);
    write_messages(&a);
    write_tools(&a);
    const char *effort = write_thinking(&a);
    write_output_config(&a, effort);
    write_sampling(&a);
    write_stops(&a);
    write_extras(&a);
    if (t->stream)
        jw_kbool(w, "stream", true);
    jw_object_end(w);
    for (size_t i = 0; i < m->n_ignored; i++)
        drop(&a.r, m->ignored[i]);
    if (a.r.rc == ERR_OK && buf_err(out) != ERR_OK)
        a.r.rc = err_set(e, buf_err(out), "no room for the request body");
    return a.r.rc;
}
