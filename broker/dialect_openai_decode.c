/*
 * dialect_openai_decode.c: a client's Chat Completions request to msg, for crossed pairs.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CreateChatCompletionRequest).
 */
#include "broker/dialect_openai.h"
#include "broker/dialect_priv.h"

/* ---- parts ---- */

static void decode_image(struct reader *r, struct jspan v, struct msg_part *p)
{
    enum { URL, DETAIL, N };
    struct jfield f[N] = {[URL] = {.name = "url"}, [DETAIL] = {.name = "detail"}};
    size_t mark = read_enter(r, "image_url");
    if (read_fields(r, v, f, N)) {
        struct str url = read_need_str(r, &f[URL]);
        p->kind = MSG_IMAGE;
        if (!read_data_url(url, &p->mime, &p->data))
            p->url = url;
        p->detail = read_str(r, &f[DETAIL]);
    }
    read_leave(r, mark);
}

static void decode_audio(struct reader *r, struct jspan v, struct msg_part *p)
{
    enum { DATA, FORMAT, N };
    struct jfield f[N] = {[DATA] = {.name = "data"}, [FORMAT] = {.name = "format"}};
    size_t mark = read_enter(r, "input_audio");
    if (read_fields(r, v, f, N)) {
        p->kind = MSG_AUDIO;
        p->data = read_need_str(r, &f[DATA]);
        struct str format = read_need_str(r, &f[FORMAT]);
        p->mime = str_of(arena_printf(r->arena, "audio/%.*s", STR_ARG(format)));
    }
    read_leave(r, mark);
}

static void decode_file(struct reader *r, struct jspan v, struct msg_part *p)
{
    enum { FILE_ID, FILENAME, FILE_DATA, N };
    struct jfield f[N] = {[FILE_ID] = {.name = "file_id"},
                          [FILENAME] = {.name = "filename"},
                          [FILE_DATA] = {.name = "file_data"}};
    size_t mark = read_enter(r, "file");
    if (read_fields(r, v, f, N)) {
        p->kind = MSG_FILE;
        p->filename = read_str(r, &f[FILENAME]);
        if (json_is_set(f[FILE_ID].value))
            read_foreign(r, "file_id", "a stored file is known to its own provider only");
        if (!read_data_url(read_need_str(r, &f[FILE_DATA]), &p->mime, &p->data))
            read_fail(r, "file_data", "must be a data URL in base64");
    }
    read_leave(r, mark);
}

static void decode_part(struct reader *r, struct jspan v, struct msg_part *p)
{
    enum { TYPE, TEXT, REFUSAL, IMAGE, AUDIO, FILE_, CACHE, N };
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [TEXT] = {.name = "text"},
                          [REFUSAL] = {.name = "refusal"},
                          [IMAGE] = {.name = "image_url"},
                          [AUDIO] = {.name = "input_audio"},
                          [FILE_] = {.name = "file"},
                          [CACHE] = {.name = "prompt_cache_breakpoint"}};
    static const char *const types[] = {"text", "refusal", "image_url", "input_audio",
                                        "file"};
    if (!read_fields(r, v, f, N))
        return;
    if (!json_is_set(f[TYPE].value))
        read_fail(r, "type", "is required");
    int type = read_word(r, &f[TYPE], types, ARRAY_LEN(types));
    if (read_raw(r, &f[CACHE], J_OBJECT).len > 0)
        p->cache_ttl = STR("5m"); /* the shortest that any dialect has */
    if (type == 0) {
        p->kind = MSG_TEXT;
        p->text = read_need_str(r, &f[TEXT]);
    } else if (type == 1) {
        p->kind = MSG_REFUSAL;
        p->text = read_need_str(r, &f[REFUSAL]);
    } else if (type == 2) {
        decode_image(r, f[IMAGE].value, p);
    } else if (type == 3) {
        decode_audio(r, f[AUDIO].value, p);
    } else if (type == 4) {
        decode_file(r, f[FILE_].value, p);
    }
}

/* A string or parts; empty texts say nothing and are left out. */
static void decode_content(struct reader *r, const struct jfield *content,
                           struct msg_turn *t)
{
    if (content->value.kind == J_STRING) {
        struct str text = read_string(r, content->value);
        if (text.len > 0)
            t->parts[t->n_parts++] = (struct msg_part){.kind = MSG_TEXT, .text = text};
        return;
    }
    struct jspan v;
    size_t it = 0, i = 0;
    for (; jscan_next(r->text, content->value, &it, &v); i++) {
        struct msg_part *p = &t->parts[t->n_parts];
        size_t mark = read_enter(r, "%s[%zu]", content->name, i);
        decode_part(r, v, p);
        read_leave(r, mark);
        if (p->kind != MSG_TEXT || p->text.len > 0)
            t->n_parts++;
    }
}

/* ---- messages ---- */

enum {
    M_ROLE,
    M_CONTENT,
    M_NAME,
    M_REFUSAL,
    M_CALLS,
    M_CALL_ID,
    M_FUNCTION_CALL,
    M_REASONING_CONTENT,
    M_REASONING,
    M_AUDIO,
    M_COUNT,
};

/* clang-format off */
static const char *const message_fields[M_COUNT] = {
    [M_ROLE] = "role", [M_CONTENT] = "content", [M_NAME] = "name", [M_REFUSAL] = "refusal",
    [M_CALLS] = "tool_calls", [M_CALL_ID] = "tool_call_id",
    [M_FUNCTION_CALL] = "function_call", [M_REASONING_CONTENT] = "reasoning_content",
    [M_REASONING] = "reasoning", [M_AUDIO] = "audio",
};
/* clang-format on */

static void decode_function(struct reader *r, struct jspan v, struct msg_part *p)
{
    enum { NAME, ARGS, N };
    struct jfield f[N] = {[NAME] = {.name = "name"}, [ARGS] = {.name = "arguments"}};
    if (!read_fields(r, v, f, N))
        return;
    p->kind = MSG_TOOL_CALL;
    p->name = read_need_str(r, &f[NAME]);
    p->args = read_str(r, &f[ARGS]);
}

static void decode_custom(struct reader *r, struct jspan v, struct msg_part *p)
{
    enum { NAME, INPUT, N };
    struct jfield f[N] = {[NAME] = {.name = "name"}, [INPUT] = {.name = "input"}};
    if (!read_fields(r, v, f, N))
        return;
    p->kind = MSG_TOOL_CALL;
    p->is_custom = true;
    p->name = read_need_str(r, &f[NAME]);
    p->args = custom_args(r, &f[INPUT]);
}

static void decode_calls(struct reader *r, const struct jfield *calls, struct msg_turn *t)
{
    enum { ID, TYPE, FUNCTION, CUSTOM, N };
    static const char *const types[] = {"function", "custom"};
    struct jspan v;
    size_t it = 0, i = 0;
    for (; jscan_next(r->text, calls->value, &it, &v); i++) {
        struct jfield f[N] = {[ID] = {.name = "id"},
                              [TYPE] = {.name = "type"},
                              [FUNCTION] = {.name = "function"},
                              [CUSTOM] = {.name = "custom"}};
        struct msg_part *p = &t->parts[t->n_parts++];
        size_t mark = read_enter(r, "%s[%zu]", calls->name, i);
        if (read_fields(r, v, f, N)) {
            bool is_custom = read_word(r, &f[TYPE], types, ARRAY_LEN(types)) == 1;
            size_t inner = read_enter(r, "%s", is_custom ? "custom" : "function");
            if (is_custom)
                decode_custom(r, f[CUSTOM].value, p);
            else
                decode_function(r, f[FUNCTION].value, p);
            read_leave(r, inner);
            p->id = read_need_str(r, &f[ID]);
        }
        read_leave(r, mark);
    }
}

/* Before tools a call had no id; the turn it stands in gives it one. */
static struct str legacy_id(struct reader *r, size_t turn)
{
    return str_of(arena_printf(r->arena, "call_%zu", turn));
}

static void decode_assistant(struct reader *r, const struct jfield *f,
                             struct msg_request *m, struct msg_turn *t)
{
    struct str reasoning = read_str(r, &f[M_REASONING_CONTENT]);
    if (reasoning.len == 0)
        reasoning = read_str(r, &f[M_REASONING]);
    if (reasoning.len > 0)
        t->parts[t->n_parts++] =
            (struct msg_part){.kind = MSG_THINKING, .text = reasoning};
    decode_content(r, &f[M_CONTENT], t);
    struct str refusal = read_str(r, &f[M_REFUSAL]);
    if (refusal.len > 0)
        t->parts[t->n_parts++] = (struct msg_part){.kind = MSG_REFUSAL, .text = refusal};
    if (read_raw(r, &f[M_AUDIO], J_OBJECT).len > 0)
        ignore_field(m, "messages.audio");
    decode_calls(r, &f[M_CALLS], t);
    if (json_is_set(f[M_FUNCTION_CALL].value)) {
        struct msg_part *p = &t->parts[t->n_parts++];
        size_t mark = read_enter(r, "function_call");
        decode_function(r, f[M_FUNCTION_CALL].value, p);
        read_leave(r, mark);
        p->id = legacy_id(r, (size_t)(t - m->turns));
    }
}

/* The turn becomes one result: its texts joined, and what else it holds beside them. */
static void decode_result(struct reader *r, const struct jfield *f, struct msg_request *m,
                          struct msg_turn *t, bool is_legacy)
{
    struct msg_part *p = ARENA_NEW(r->arena, struct msg_part);
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    decode_content(r, &f[M_CONTENT], t);
    if (p == NULL)
        return;
    p->kind = MSG_TOOL_RESULT;
    p->parts = t->parts;
    for (size_t i = 0; i < t->n_parts; i++) {
        if (t->parts[i].kind == MSG_TEXT)
            buf_adds(&text, t->parts[i].text);
        else
            p->parts[p->n_parts++] = t->parts[i];
    }
    p->text = read_taken(r, &text);
    size_t turn = (size_t)(t - m->turns);
    p->id = is_legacy ? legacy_id(r, turn > 0 ? turn - 1 : 0)
                      : read_need_str(r, &f[M_CALL_ID]);
    t->parts = p;
    t->n_parts = 1;
}

static void decode_message(struct reader *r, struct jspan v, struct msg_request *m,
                           struct msg_turn *t)
{
    static const char *const roles[] = {"system",    "developer", "user",
                                        "assistant", "tool",      "function"};
    static const enum msg_role kinds[] = {MSG_SYSTEM,    MSG_SYSTEM, MSG_USER,
                                          MSG_ASSISTANT, MSG_TOOL,   MSG_TOOL};
    struct jfield f[M_COUNT] = {0};
    for (size_t i = 0; i < M_COUNT; i++)
        f[i].name = message_fields[i];
    if (!read_fields(r, v, f, M_COUNT))
        return;
    struct jfield *content = &f[M_CONTENT];
    if (json_is_set(content->value) && content->value.kind != J_STRING &&
        content->value.kind != J_ARRAY)
        read_fail(r, content->name, "must be a string or an array of parts");
    size_t n_content = content->value.kind == J_ARRAY ? read_array(r, content) : 1;
    /* beside the content: reasoning, a refusal, a legacy call */
    size_t n = n_content + read_array(r, &f[M_CALLS]) + 3;
    t->parts = ARENA_ARRAY(r->arena, n, struct msg_part);
    if (!json_is_set(f[M_ROLE].value))
        read_fail(r, "role", "is required");
    int role = read_word(r, &f[M_ROLE], roles, ARRAY_LEN(roles));
    if (role < 0 || t->parts == NULL)
        return;
    t->role = kinds[role];
    struct str name = read_str(r, &f[M_NAME]);
    t->name = t->role == MSG_TOOL ? STR_NONE : name;
    if (t->role == MSG_ASSISTANT)
        decode_assistant(r, f, m, t);
    else if (t->role == MSG_TOOL)
        decode_result(r, f, m, t, role == 5);
    else
        decode_content(r, content, t);
}

/* ---- tools and the rest ---- */

enum {
    Q_MODEL,
    Q_MESSAGES,
    Q_MAX_COMPLETION,
    Q_MAX_TOKENS,
    Q_TEMPERATURE,
    Q_TOP_P,
    Q_TOP_K,
    Q_FREQUENCY,
    Q_PRESENCE,
    Q_SEED,
    Q_STOP,
    Q_N,
    Q_LOGPROBS,
    Q_TOP_LOGPROBS,
    Q_STREAM,
    Q_STREAM_OPTIONS,
    Q_FORMAT,
    Q_TOOLS,
    Q_TOOL_CHOICE,
    Q_PARALLEL,
    Q_FUNCTIONS,
    Q_FUNCTION_CALL,
    Q_EFFORT,
    Q_MODALITIES,
    Q_AUDIO,
    Q_SAFETY_ID,
    Q_USER,
    Q_TIER,
    Q_COUNT,
};

/* clang-format off */
static const char *const request_fields[Q_COUNT] = {
    [Q_MODEL] = "model", [Q_MESSAGES] = "messages",
    [Q_MAX_COMPLETION] = "max_completion_tokens", [Q_MAX_TOKENS] = "max_tokens",
    [Q_TEMPERATURE] = "temperature", [Q_TOP_P] = "top_p", [Q_TOP_K] = "top_k",
    [Q_FREQUENCY] = "frequency_penalty", [Q_PRESENCE] = "presence_penalty",
    [Q_SEED] = "seed", [Q_STOP] = "stop", [Q_N] = "n", [Q_LOGPROBS] = "logprobs",
    [Q_TOP_LOGPROBS] = "top_logprobs",
    [Q_STREAM] = "stream", [Q_STREAM_OPTIONS] = "stream_options",
    [Q_FORMAT] = "response_format", [Q_TOOLS] = "tools", [Q_TOOL_CHOICE] = "tool_choice",
    [Q_PARALLEL] = "parallel_tool_calls", [Q_FUNCTIONS] = "functions",
    [Q_FUNCTION_CALL] = "function_call", [Q_EFFORT] = "reasoning_effort",
    [Q_MODALITIES] = "modalities", [Q_AUDIO] = "audio",
    [Q_SAFETY_ID] = "safety_identifier", [Q_USER] = "user", [Q_TIER] = "service_tier",
};
/* clang-format on */

static void decode_tool(struct reader *r, struct jspan function, struct msg_tool *t)
{
    enum { NAME, DESCRIPTION, PARAMETERS, STRICT, N };
    struct jfield f[N] = {[NAME] = {.name = "name"},
                          [DESCRIPTION] = {.name = "description"},
                          [PARAMETERS] = {.name = "parameters"},
                          [STRICT] = {.name = "strict"}};
    if (!read_fields(r, function, f, N))
        return;
    t->name = read_need_str(r, &f[NAME]);
    t->description = read_str(r, &f[DESCRIPTION]);
    t->schema = read_raw(r, &f[PARAMETERS], J_OBJECT);
    t->strict = read_bool(r, &f[STRICT]);
}

/* {"type": "function", "function": {…}}, as tools have it and as a choice names one. */
static void decode_tool_entry(struct reader *r, struct jspan v, struct msg_tool *t)
{
    enum { TYPE, FUNCTION, CUSTOM, N };
    static const char *const types[] = {"function", "custom"};
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [FUNCTION] = {.name = "function"},
                          [CUSTOM] = {.name = "custom"}};
    if (!read_fields(r, v, f, N))
        return;
    bool is_custom = read_word(r, &f[TYPE], types, ARRAY_LEN(types)) == 1;
    size_t mark = read_enter(r, "%s", is_custom ? "custom" : "function");
    if (is_custom)
        custom_tool(r, f[CUSTOM].value, t);
    else
        decode_tool(r, f[FUNCTION].value, t);
    read_leave(r, mark);
}

static void decode_tools(struct reader *r, const struct jfield *f, struct msg_request *m)
{
    size_t n = read_array(r, &f[Q_TOOLS]) + read_array(r, &f[Q_FUNCTIONS]);
    if (n == 0)
        return;
    m->tools = ARENA_ARRAY(r->arena, n, struct msg_tool);
    if (m->tools == NULL)
        return;
    struct jspan v;
    size_t it = 0;
    while (jscan_next(r->text, f[Q_TOOLS].value, &it, &v)) {
        size_t mark = read_enter(r, "tools[%zu]", m->n_tools);
        decode_tool_entry(r, v, &m->tools[m->n_tools++]);
        read_leave(r, mark);
    }
    it = 0;
    for (size_t i = 0; jscan_next(r->text, f[Q_FUNCTIONS].value, &it, &v); i++) {
        size_t mark = read_enter(r, "functions[%zu]", i);
        decode_tool(r, v, &m->tools[m->n_tools++]);
        read_leave(r, mark);
    }
}

/* "any" is Mistral's word. Source: Mistral API reference, chat completions (2026-11). */
static enum msg_choice choice_word(struct reader *r, const struct jfield *f)
{
    static const char *const words[] = {"auto", "none", "required", "any"};
    static const enum msg_choice choices[] = {MSG_CHOICE_AUTO, MSG_CHOICE_NONE,
                                              MSG_CHOICE_ANY, MSG_CHOICE_ANY};
    int i = read_word(r, f, words, ARRAY_LEN(words));
    return i >= 0 ? choices[i] : MSG_CHOICE_UNSET;
}

/* {"function": {"name"}}, or "custom" in its place: the name. */
static struct str function_name(struct reader *r, struct jspan entry)
{
    struct jfield name = {.name = "name"};
    struct str s = STR_NONE;
    bool is_custom = jscan_is(r->text, jscan_get(r->text, entry, "type"), "custom");
    const char *member = is_custom ? "custom" : "function";
    size_t mark = read_enter(r, "%s", member);
    if (read_fields(r, jscan_get(r->text, entry, member), &name, 1))
        s = read_need_str(r, &name);
    read_leave(r, mark);
    return s;
}

static void decode_allowed(struct reader *r, struct jspan allowed, struct msg_request *m)
{
    enum { MODE, TOOLS, N };
    struct jfield f[N] = {[MODE] = {.name = "mode"}, [TOOLS] = {.name = "tools"}};
    size_t mark = read_enter(r, "allowed_tools");
    if (read_fields(r, allowed, f, N)) {
        m->choice = choice_word(r, &f[MODE]);
        read_allowed(r, &f[TOOLS], function_name, m);
    }
    read_leave(r, mark);
}

static void decode_choice(struct reader *r, const struct jfield *choice,
                          struct msg_request *m)
{
    enum { TYPE, ALLOWED, N };
    static const char *const types[] = {"function", "allowed_tools", "custom"};
    struct jfield f[N] = {
        [TYPE] = {.name = "type"}, [ALLOWED] = {.name = "allowed_tools"}};
    if (choice->value.kind != J_OBJECT) {
        m->choice = choice_word(r, choice);
        return;
    }
    size_t mark = read_enter(r, "%s", choice->name);
    jscan_fields(r->text, choice->value, f, N);
    if (read_word(r, &f[TYPE], types, ARRAY_LEN(types)) == 1) {
        decode_allowed(r, f[ALLOWED].value, m);
    } else {
        m->choice = MSG_CHOICE_ONE;
        m->choice_name = function_name(r, choice->value);
    }
    read_leave(r, mark);
}

/* function_call, before tools: a word, or {"name"}. */
static void decode_legacy_choice(struct reader *r, const struct jfield *f,
                                 struct msg_request *m)
{
    if (f->value.kind != J_OBJECT) {
        m->choice = choice_word(r, f);
        return;
    }
    struct jfield name = {.name = "function_call.name"};
    name.value = jscan_get(r->text, f->value, "name");
    m->choice = MSG_CHOICE_ONE;
    m->choice_name = read_need_str(r, &name);
}

static void decode_format(struct reader *r, const struct jfield *format,
                          struct msg_request *m)
{
    enum { NAME, SCHEMA, STRICT, N };
    static const char *const types[] = {"text", "json_object", "json_schema"};
    struct jfield f[N] = {[NAME] = {.name = "name"},
                          [SCHEMA] = {.name = "schema"},
                          [STRICT] = {.name = "strict"}};
    struct jfield type = {.name = "response_format.type"};
    m->schema_strict = -1;
    if (read_raw(r, format, J_OBJECT).len == 0)
        return;
    type.value = jscan_get(r->text, format->value, "type");
    if (!json_is_set(type.value))
        read_fail(r, type.name, "is required");
    int i = read_word(r, &type, types, ARRAY_LEN(types));
    m->format = i == 2 ? MSG_FORMAT_SCHEMA : i == 1 ? MSG_FORMAT_JSON : MSG_FORMAT_TEXT;
    if (m->format != MSG_FORMAT_SCHEMA)
        return;
    size_t mark = read_enter(r, "response_format.json_schema");
    if (read_fields(r, jscan_get(r->text, format->value, "json_schema"), f, N)) {
        m->schema_name = read_need_str(r, &f[NAME]);
        m->schema = read_raw(r, &f[SCHEMA], J_OBJECT);
        m->schema_strict = read_bool(r, &f[STRICT]);
    }
    read_leave(r, mark);
}

static void decode_stops(struct reader *r, const struct jfield *f, struct msg_request *m)
{
    if (f->value.kind == J_STRING) {
        m->stops = ARENA_NEW(r->arena, struct str);
        if (m->stops != NULL)
            m->stops[m->n_stops++] = read_string(r, f->value);
        return;
    }
    size_t n = read_array(r, f), it = 0;
    m->stops = n > 0 ? ARENA_ARRAY(r->arena, n, struct str) : NULL;
    struct jspan v;
    while (m->stops != NULL && jscan_next(r->text, f->value, &it, &v)) {
        size_t mark = read_enter(r, "stop[%zu]", m->n_stops);
        m->stops[m->n_stops++] =
            read_need_str(r, &(struct jfield){.name = "", .value = v});
        read_leave(r, mark);
    }
}

static void decode_sampling(struct reader *r, const struct jfield *f,
                            struct msg_request *m)
{
    m->temperature = read_number(r, &f[Q_TEMPERATURE]);
    m->top_p = read_number(r, &f[Q_TOP_P]);
    m->top_k = read_number(r, &f[Q_TOP_K]);
    m->frequency_penalty = read_number(r, &f[Q_FREQUENCY]);
    m->presence_penalty = read_number(r, &f[Q_PRESENCE]);
    m->seed = read_number(r, &f[Q_SEED]);
    m->max_output_tok = read_i64(r, &f[Q_MAX_TOKENS], 1, INT32_MAX, -1);
    m->max_output_tok =
        read_i64(r, &f[Q_MAX_COMPLETION], 1, INT32_MAX, m->max_output_tok);
    m->n = read_i64(r, &f[Q_N], 1, 128, 1);
    m->logprobs = read_bool(r, &f[Q_LOGPROBS]) == 1;
    m->top_logprobs = read_i64(r, &f[Q_TOP_LOGPROBS], 0, 20, 0);
    if (m->top_logprobs > 0 && !m->logprobs)
        ignore_field(m, "top_logprobs");
    struct str effort = read_str(r, &f[Q_EFFORT]);
    if (effort.len > 0 && !msg_effort_by_name(effort, &m->effort))
        read_fail(r, "reasoning_effort",
                  "must be none, minimal, low, medium, high, xhigh or max");
}

static void decode_modalities(struct reader *r, const struct jfield *f,
                              struct msg_request *m)
{
    size_t it = 0;
    struct jspan v;
    read_array(r, &f[Q_MODALITIES]);
    for (size_t i = 0; jscan_next(r->text, f[Q_MODALITIES].value, &it, &v); i++) {
        size_t mark = read_enter(r, "modalities[%zu]", i);
        struct str one = read_need_str(r, &(struct jfield){.name = "", .value = v});
        m->audio_out = m->audio_out || str_eqz(one, "audio");
        read_leave(r, mark);
    }
    if (read_raw(r, &f[Q_AUDIO], J_OBJECT).len > 0)
        m->audio_out = true;
}

/* Responses takes these, the first elsewhere; to all others they are unknown. */
static void keep_extras(struct reader *r, struct msg_request *m)
{
    static const char *const names[MSG_EXTRAS] = {
        "verbosity", "metadata", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention"};
    for (size_t i = 0; i < m->n_ignored; i++)
        for (size_t k = 0; k < ARRAY_LEN(names) && names[k] != NULL; k++) {
            if (strcmp(m->ignored[i], names[k]) != 0)
                continue;
            struct jspan v = jscan_get(r->text, r->root, names[k]);
            m->extras[m->n_extras++] =
                (struct msg_extra){m->ignored[i], jscan_text(r->text, v)};
        }
}

static void decode_options(struct reader *r, const struct jfield *f,
                           struct msg_request *m)
{
    m->model = read_need_str(r, &f[Q_MODEL]);
    m->stream = read_bool(r, &f[Q_STREAM]) == 1;
    if (read_raw(r, &f[Q_STREAM_OPTIONS], J_OBJECT).len > 0) {
        struct jfield include = {.name = "stream_options.include_usage"};
        include.value = jscan_get(r->text, f[Q_STREAM_OPTIONS].value, "include_usage");
        m->include_usage = read_bool(r, &include) == 1;
    }
    decode_tools(r, f, m);
    if (json_is_set(f[Q_TOOL_CHOICE].value))
        decode_choice(r, &f[Q_TOOL_CHOICE], m);
    else if (json_is_set(f[Q_FUNCTION_CALL].value))
        decode_legacy_choice(r, &f[Q_FUNCTION_CALL], m);
    m->parallel_tools = read_bool(r, &f[Q_PARALLEL]);
    decode_format(r, &f[Q_FORMAT], m);
    decode_stops(r, &f[Q_STOP], m);
    decode_sampling(r, f, m);
    decode_modalities(r, f, m);
    m->user = read_str(r, &f[Q_SAFETY_ID]);
    if (m->user.len == 0)
        m->user = read_str(r, &f[Q_USER]);
    m->service_tier = read_str(r, &f[Q_TIER]);
    read_ignored(r, m, request_fields, Q_COUNT);
    keep_extras(r, m);
}

enum errc openai_request_decode(struct str body, const struct jcheck *check,
                                struct arena *a, struct msg_request *ret, struct err *e)
{
    struct msg_request m = {.budget_tok = -1};
    struct jfield f[Q_COUNT];
    struct reader r;
    enum errc rc = reader_open(&r, body, check, request_fields, f, Q_COUNT, a, e);
    if (rc != ERR_OK)
        return rc;
    decode_options(&r, f, &m);
    size_t n = read_array(&r, &f[Q_MESSAGES]), it = 0;
    if (n == 0)
        read_fail(&r, "messages", "must be an array of messages");
    m.turns = ARENA_ARRAY(a, n, struct msg_turn);
    struct jspan v;
    while (m.turns != NULL && r.rc == ERR_OK &&
           jscan_next(body, f[Q_MESSAGES].value, &it, &v)) {
        size_t mark = read_enter(&r, "messages[%zu]", m.n_turns);
        decode_message(&r, v, &m, &m.turns[m.n_turns++]);
        read_leave(&r, mark);
    }
    rc = reader_end(&r);
    if (rc == ERR_OK)
        *ret = m;
    return rc;
}
