/*
 * dialect_anthropic_decode.c: a client's Anthropic Messages request to msg, for crossed pairs.
 *
 * Source: Anthropic api/messages, build-with-claude/{thinking, effort, structured-outputs,
 * prompt-caching, mid-conversation-system-messages} (2026-08, release notes to 2026-11).
 */
#include "broker/dialect_anthropic.h"
#include "broker/dialect_priv.h"

/* ---- blocks ---- */

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

/* What only this dialect has becomes its text, after its title. */
static void decode_as_text(struct reader *r, struct str title,
                           const struct jfield *content, struct msg_part *p)
{
    enum { TYPE, TEXT, N };
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    struct jspan block;
    size_t it = 0;
    add_line(&text, title);
    if (content->value.kind == J_STRING)
        add_line(&text, read_string(r, content->value));
    else
        read_array(r, content);
    for (size_t i = 0; jscan_next(r->text, content->value, &it, &block); i++) {
        struct jfield f[N] = {[TYPE] = {.name = "type"}, [TEXT] = {.name = "text"}};
        size_t mark = read_enter(r, "%s.%zu", content->name, i);
        if (read_fields(r, block, f, N) && str_eqz(read_need_str(r, &f[TYPE]), "text"))
            add_line(&text, read_need_str(r, &f[TEXT]));
        read_leave(r, mark);
    }
    p->kind = MSG_TEXT;
    p->text = read_taken(r, &text);
}

/* Plain text in a document, after its title. */
static void decode_plain(struct reader *r, struct str title, struct str plain,
                         struct msg_part *p)
{
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    add_line(&text, title);
    add_line(&text, plain);
    p->kind = MSG_TEXT;
    p->text = read_taken(r, &text);
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
            read_foreign(r, "file_id", "a stored file is known to its own provider only");
        } else if (type == AS_TEXT) {
            read_str(r, &f[MEDIA]);
            decode_plain(r, title, read_need_str(r, &f[DATA]), p);
        } else if (type == AS_CONTENT) {
            decode_as_text(r, title, &f[CONTENT], p);
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
    p->text = read_taken(r, &text);
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
        read_str(r, &f[B_SOURCE]);
        decode_as_text(r, read_str(r, &f[B_TITLE]), &f[B_CONTENT], p);
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

/* ---- messages ---- */

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

/* ---- tools and the rest ---- */

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
    struct jfield display = {.name = "thinking.display"};
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
    display.value = jscan_get(r->text, f[Q_THINKING].value, "display");
    struct str shown = read_str(r, &display);
    if (shown.len > 0)
        m->thoughts =
            str_eqz(shown, "omitted") ? MSG_THOUGHTS_HIDDEN : MSG_THOUGHTS_SHOWN;
}

static void decode_format(struct reader *r, const struct jfield *f, struct msg_request *m)
{
    enum { TYPE, SCHEMA, N };
    static const char *const types[] = {"json_schema"};
    struct jfield in[N] = {[TYPE] = {.name = "type"}, [SCHEMA] = {.name = "schema"}};
    struct jfield format = {.name = "output_config.format"};
    m->schema_strict = -1;
    format.value = jscan_get(r->text, f[Q_OUTPUT_CONFIG].value, "format");
    if (!json_is_set(format.value))
        format = f[Q_OUTPUT_FORMAT];
    if (read_raw(r, &format, J_OBJECT).len == 0)
        return;
    size_t mark = read_enter(r, "%s", format.name);
    read_fields(r, format.value, in, N);
    read_word(r, &in[TYPE], types, ARRAY_LEN(types));
    m->format = MSG_FORMAT_SCHEMA;
    m->schema = read_raw(r, &in[SCHEMA], J_OBJECT);
    read_leave(r, mark);
}

static void decode_stops(struct reader *r, const struct jfield *f, struct msg_request *m)
{
    size_t n = read_array(r, f), it = 0;
    m->stops = n > 0 ? ARENA_ARRAY(r->arena, n, struct str) : NULL;
    struct jspan v;
    while (m->stops != NULL && jscan_next(r->text, f->value, &it, &v)) {
        size_t mark = read_enter(r, "stop_sequences.%zu", m->n_stops);
        m->stops[m->n_stops++] =
            read_need_str(r, &(struct jfield){.name = "", .value = v});
        read_leave(r, mark);
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
    if (m->max_output_tok == 0)
        read_foreign(r, "max_tokens",
                     "0 warms a cache that only Anthropic's dialect has");
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

enum errc anthropic_request_decode(struct str body, const struct jcheck *check,
                                   struct arena *a, struct msg_request *ret,
                                   struct err *e)
{
    struct msg_request m = {0};
    struct jfield f[Q_COUNT];
    struct reader r;
    enum errc rc = reader_open(&r, body, check, request_fields, f, Q_COUNT, a, e);
    if (rc != ERR_OK)
        return rc;
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
