/*
 * dialect_responses_decode.c: a client's Responses request to msg.
 *
 * Items that are the assistant's and follow each other are one turn: its thoughts, what it said,
 * its calls. Tools that OpenAI runs itself, and what refers to a store, have no meaning
 * elsewhere.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CreateResponse, InputItem).
 */
#include "core/num.h"

#include "broker/dialect_priv.h"
#include "broker/dialect_responses.h"

enum {
    Q_MODEL,
    Q_INPUT,
    Q_INSTRUCTIONS,
    Q_CAP,
    Q_TEMPERATURE,
    Q_TOP_P,
    Q_TOP_LOGPROBS,
    Q_STREAM,
    Q_STREAM_OPTIONS,
    Q_TEXT,
    Q_TOOLS,
    Q_TOOL_CHOICE,
    Q_PARALLEL,
    Q_REASONING,
    Q_INCLUDE,
    Q_SAFETY_ID,
    Q_USER,
    Q_TIER,
    Q_STORE,
    Q_TRUNCATION,
    Q_PROMPT,
    Q_PREVIOUS,
    Q_CONVERSATION,
    Q_BACKGROUND,
    Q_COUNT,
};

/* clang-format off */
static const char *const request_fields[Q_COUNT] = {
    [Q_MODEL] = "model", [Q_INPUT] = "input", [Q_INSTRUCTIONS] = "instructions",
    [Q_CAP] = "max_output_tokens", [Q_TEMPERATURE] = "temperature", [Q_TOP_P] = "top_p",
    [Q_TOP_LOGPROBS] = "top_logprobs", [Q_STREAM] = "stream",
    [Q_STREAM_OPTIONS] = "stream_options", [Q_TEXT] = "text", [Q_TOOLS] = "tools",
    [Q_TOOL_CHOICE] = "tool_choice", [Q_PARALLEL] = "parallel_tool_calls",
    [Q_REASONING] = "reasoning", [Q_INCLUDE] = "include",
    [Q_SAFETY_ID] = "safety_identifier", [Q_USER] = "user", [Q_TIER] = "service_tier",
    [Q_STORE] = "store", [Q_TRUNCATION] = "truncation", [Q_PROMPT] = "prompt",
    [Q_PREVIOUS] = "previous_response_id", [Q_CONVERSATION] = "conversation",
    [Q_BACKGROUND] = "background",
};
/* clang-format on */

/* ---- parts ---- */

static void decode_image(struct reader *r, const struct jfield *url,
                         const struct jfield *file_id, const struct jfield *detail,
                         struct msg_part *p)
{
    p->kind = MSG_IMAGE;
    if (json_is_set(file_id->value)) {
        read_foreign(r, "file_id", "files of another provider cannot be reached here");
        return;
    }
    struct str where = read_need_str(r, url);
    p->detail = read_str(r, detail);
    if (str_eqz(p->detail, "original")) /* Chat's next word */
        p->detail = STR("high");
    if (!read_data_url(where, &p->mime, &p->data))
        p->url = where;
}

static void decode_file(struct reader *r, const struct jfield *data,
                        const struct jfield *url, const struct jfield *file_id,
                        const struct jfield *name, struct msg_part *p)
{
    p->kind = MSG_FILE;
    p->filename = read_str(r, name);
    if (json_is_set(file_id->value)) {
        read_foreign(r, "file_id", "files of another provider cannot be reached here");
    } else if (json_is_set(url->value)) {
        p->url = read_str(r, url);
    } else {
        struct str text = read_need_str(r, data);
        if (r->rc == ERR_OK && !read_data_url(text, &p->mime, &p->data))
            read_fail(r, data->name, "must be a data URL in base64");
    }
}

static void decode_part(struct reader *r, struct jspan v, struct msg_part *p)
{
    enum { TYPE, TEXT, REFUSAL, IMAGE, DETAIL, FILE_ID, DATA, URL, NAME, CACHE, N };
    struct jfield f[N] = {
        [TYPE] = {.name = "type"},       [TEXT] = {.name = "text"},
        [REFUSAL] = {.name = "refusal"}, [IMAGE] = {.name = "image_url"},
        [DETAIL] = {.name = "detail"},   [FILE_ID] = {.name = "file_id"},
        [DATA] = {.name = "file_data"},  [URL] = {.name = "file_url"},
        [NAME] = {.name = "filename"},   [CACHE] = {.name = "prompt_cache_breakpoint"}};
    static const char *const types[] = {"input_text", "output_text", "refusal",
                                        "input_image", "input_file"};
    if (!read_fields(r, v, f, N))
        return;
    if (!json_is_set(f[TYPE].value))
        read_fail(r, "type", "is required");
    if (read_raw(r, &f[CACHE], J_OBJECT).len > 0)
        p->cache_ttl = STR("5m"); /* the shortest that any dialect has */
    switch (read_word(r, &f[TYPE], types, ARRAY_LEN(types))) {
    case 0:
    case 1:
        p->kind = MSG_TEXT;
        p->text = read_need_str(r, &f[TEXT]);
        break;
    case 2:
        p->kind = MSG_REFUSAL;
        p->text = read_need_str(r, &f[REFUSAL]);
        break;
    case 3:
        decode_image(r, &f[IMAGE], &f[FILE_ID], &f[DETAIL], p);
        break;
    case 4:
        decode_file(r, &f[DATA], &f[URL], &f[FILE_ID], &f[NAME], p);
        break;
    default:
        break;
    }
}

/* A string or parts, at the end of what `to` holds already; room for them was made. */
static void decode_content(struct reader *r, const struct jfield *content,
                           struct msg_part *to, size_t *n)
{
    struct jspan v;
    size_t it = 0;
    if (content->value.kind == J_STRING) {
        struct str text = read_string(r, content->value);
        if (text.len > 0)
            to[(*n)++] = (struct msg_part){.kind = MSG_TEXT, .text = text};
        return;
    }
    read_array(r, content); /* anything else is an error */
    for (size_t i = 0; r->rc == ERR_OK && content->value.kind == J_ARRAY &&
                       jscan_next(r->text, content->value, &it, &v);
         i++) {
        struct msg_part *p = &to[*n];
        size_t mark = read_enter(r, "%s[%zu]", content->name, i);
        decode_part(r, v, p);
        read_leave(r, mark);
        if (p->kind != MSG_TEXT || p->text.len > 0)
            (*n)++;
    }
}

static size_t count_content(struct reader *r, const struct jfield *content)
{
    return content->value.kind == J_ARRAY ? read_array(r, content) : 1;
}

/* ---- items ---- */

enum {
    I_TYPE,
    I_ROLE,
    I_CONTENT,
    I_ID,
    I_CALL_ID,
    I_NAME,
    I_ARGS,
    I_OUTPUT,
    I_SUMMARY,
    I_ENCRYPTED,
    I_INPUT,
    I_COUNT,
};

/* clang-format off */
static const char *const item_fields[I_COUNT] = {
    [I_TYPE] = "type", [I_ROLE] = "role", [I_CONTENT] = "content", [I_ID] = "id",
    [I_CALL_ID] = "call_id", [I_NAME] = "name", [I_ARGS] = "arguments",
    [I_OUTPUT] = "output", [I_SUMMARY] = "summary", [I_ENCRYPTED] = "encrypted_content",
    [I_INPUT] = "input",
};
/* clang-format on */

enum item_type {
    ITEM_MESSAGE,
    ITEM_REASONING,
    ITEM_CALL,
    ITEM_RESULT,
    ITEM_CUSTOM_CALL,
    ITEM_CUSTOM_RESULT,
    ITEM_NONE
};

static enum item_type item_type(struct reader *r, const struct jfield *f)
{
    static const char *const types[] = {"message",          "reasoning",
                                        "function_call",    "function_call_output",
                                        "custom_tool_call", "custom_tool_call_output"};
    if (!json_is_set(f[I_TYPE].value))
        return ITEM_MESSAGE; /* a message may lack it */
    int i = read_word(r, &f[I_TYPE], types, ARRAY_LEN(types));
    return i >= 0 ? (enum item_type)i : ITEM_NONE;
}

/* Turns being made of items. */
struct turns {
    struct reader *r;
    struct msg_turn *to;
    size_t n;
    bool is_assistant; /* the last one is the assistant's, and goes on */
};

/* Adds room for parts to the last turn, or begins one. */
static struct msg_turn *turn_for(struct turns *s, enum msg_role role, size_t n_parts)
{
    bool goes_on = role == MSG_ASSISTANT && s->is_assistant;
    struct msg_turn *t = goes_on ? &s->to[s->n - 1] : &s->to[s->n++];
    struct msg_part *parts =
        ARENA_ARRAY(s->r->arena, t->n_parts + n_parts, struct msg_part);
    if (parts == NULL)
        return NULL;
    if (t->n_parts > 0)
        memcpy(parts, t->parts, t->n_parts * sizeof *parts);
    t->role = role;
    t->parts = parts;
    s->is_assistant = role == MSG_ASSISTANT;
    return t;
}

static void decode_message(struct turns *s, const struct jfield *f)
{
    static const char *const roles[] = {"user", "assistant", "system", "developer"};
    static const enum msg_role kinds[] = {MSG_USER, MSG_ASSISTANT, MSG_SYSTEM,
                                          MSG_SYSTEM};
    struct reader *r = s->r;
    if (!json_is_set(f[I_ROLE].value))
        read_fail(r, "role", "is required");
    if (!json_is_set(f[I_CONTENT].value))
        read_fail(r, "content", "is required");
    int role = read_word(r, &f[I_ROLE], roles, ARRAY_LEN(roles));
    size_t n = count_content(r, &f[I_CONTENT]);
    struct msg_turn *t = role >= 0 ? turn_for(s, kinds[role], n) : NULL;
    if (t != NULL)
        decode_content(r, &f[I_CONTENT], t->parts, &t->n_parts);
}

static void decode_reasoning(struct turns *s, const struct jfield *f)
{
    struct reader *r = s->r;
    struct jspan v;
    size_t it = 0;
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    struct msg_turn *t = turn_for(s, MSG_ASSISTANT, 1);
    read_array(r, &f[I_SUMMARY]);
    while (t != NULL && r->rc == ERR_OK && f[I_SUMMARY].value.kind == J_ARRAY &&
           jscan_next(r->text, f[I_SUMMARY].value, &it, &v)) {
        struct jfield part = {.name = "summary.text",
                              .value = jscan_get(r->text, v, "text")};
        buf_addz(&text, text.len > 0 ? "\n\n" : "");
        buf_adds(&text, read_str(r, &part));
    }
    struct str said = read_taken(r, &text);
    if (t != NULL)
        t->parts[t->n_parts++] =
            (struct msg_part){.kind = MSG_THINKING,
                              .text = said,
                              .id = read_str(r, &f[I_ID]),
                              .signature = read_str(r, &f[I_ENCRYPTED])};
}

static void decode_call(struct turns *s, const struct jfield *f)
{
    struct msg_turn *t = turn_for(s, MSG_ASSISTANT, 1);
    if (t != NULL)
        t->parts[t->n_parts++] =
            (struct msg_part){.kind = MSG_TOOL_CALL,
                              .id = read_need_str(s->r, &f[I_CALL_ID]),
                              .name = read_need_str(s->r, &f[I_NAME]),
                              .args = read_str(s->r, &f[I_ARGS])};
}

static void decode_custom_call(struct turns *s, const struct jfield *f)
{
    struct msg_turn *t = turn_for(s, MSG_ASSISTANT, 1);
    if (t != NULL)
        t->parts[t->n_parts++] =
            (struct msg_part){.kind = MSG_TOOL_CALL,
                              .is_custom = true,
                              .id = read_need_str(s->r, &f[I_CALL_ID]),
                              .name = read_need_str(s->r, &f[I_NAME]),
                              .args = custom_args(s->r, &f[I_INPUT])};
}

/* Its texts joined, and what else it holds beside them. */
static void decode_result(struct turns *s, const struct jfield *f)
{
    struct reader *r = s->r;
    size_t n = count_content(r, &f[I_OUTPUT]), n_parts = 0;
    struct msg_part *parts = ARENA_ARRAY(r->arena, n, struct msg_part);
    struct msg_turn *t = turn_for(s, MSG_TOOL, 1);
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (t == NULL || parts == NULL)
        return;
    struct msg_part *p = &t->parts[t->n_parts++];
    *p = (struct msg_part){.kind = MSG_TOOL_RESULT, .parts = parts};
    decode_content(r, &f[I_OUTPUT], parts, &n_parts);
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].kind == MSG_TEXT)
            buf_adds(&text, parts[i].text);
        else
            parts[p->n_parts++] = parts[i];
    }
    p->text = read_taken(r, &text);
    p->id = read_need_str(r, &f[I_CALL_ID]);
}

static void decode_item(struct turns *s, struct jspan v)
{
    struct jfield f[I_COUNT] = {0};
    for (size_t i = 0; i < I_COUNT; i++)
        f[i].name = item_fields[i];
    if (!read_fields(s->r, v, f, I_COUNT))
        return;
    switch (item_type(s->r, f)) {
    case ITEM_MESSAGE:
        decode_message(s, f);
        break;
    case ITEM_REASONING:
        decode_reasoning(s, f);
        break;
    case ITEM_CALL:
        decode_call(s, f);
        break;
    case ITEM_RESULT:
    case ITEM_CUSTOM_RESULT:
        decode_result(s, f);
        break;
    case ITEM_CUSTOM_CALL:
        decode_custom_call(s, f);
        break;
    case ITEM_NONE:
        break;
    }
}

static void decode_input(struct reader *r, const struct jfield *f, struct msg_request *m)
{
    const struct jfield *input = &f[Q_INPUT];
    bool is_text = input->value.kind == J_STRING;
    size_t n = is_text ? 1 : read_array(r, input), it = 0, i = 0;
    struct turns s = {.r = r, .to = ARENA_ARRAY(r->arena, n + 1, struct msg_turn)};
    struct jspan v;
    if (n == 0)
        read_fail(r, "input", "must be a string or an array of items");
    if (s.to == NULL)
        return;
    struct str instructions = read_str(r, &f[Q_INSTRUCTIONS]);
    struct msg_turn *t = instructions.len > 0 ? turn_for(&s, MSG_SYSTEM, 1) : NULL;
    if (t != NULL)
        t->parts[t->n_parts++] =
            (struct msg_part){.kind = MSG_TEXT, .text = instructions};
    t = is_text ? turn_for(&s, MSG_USER, 1) : NULL;
    if (t != NULL)
        decode_content(r, input, t->parts, &t->n_parts);
    for (; !is_text && r->rc == ERR_OK && jscan_next(r->text, input->value, &it, &v);
         i++) {
        size_t mark = read_enter(r, "input[%zu]", i);
        decode_item(&s, v);
        read_leave(r, mark);
    }
    m->turns = s.to;
    m->n_turns = s.n;
}

/* ---- tools and the rest ---- */

static void decode_tool(struct reader *r, struct jspan v, struct msg_tool *t)
{
    enum { TYPE, NAME, DESCRIPTION, PARAMETERS, STRICT, N };
    static const char *const types[] = {"function", "custom"};
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [NAME] = {.name = "name"},
                          [DESCRIPTION] = {.name = "description"},
                          [PARAMETERS] = {.name = "parameters"},
                          [STRICT] = {.name = "strict"}};
    if (!read_fields(r, v, f, N))
        return;
    if (!json_is_set(f[TYPE].value))
        read_fail(r, "type", "is required");
    int type = read_word(r, &f[TYPE], types, ARRAY_LEN(types));
    if (type == 1)
        custom_tool(r, v, t);
    if (type != 0)
        return;
    t->name = read_need_str(r, &f[NAME]);
    t->description = read_str(r, &f[DESCRIPTION]);
    t->schema = read_raw(r, &f[PARAMETERS], J_OBJECT);
    t->strict = read_bool(r, &f[STRICT]);
    if (t->strict < 0) /* as strict as the schema allows */
        t->strict = schema_is_strict(t->schema) ? 1 : 0;
}

static void decode_tools(struct reader *r, const struct jfield *tools,
                         struct msg_request *m)
{
    size_t n = read_array(r, tools), it = 0;
    struct jspan v;
    m->tools = n > 0 ? ARENA_ARRAY(r->arena, n, struct msg_tool) : NULL;
    while (m->tools != NULL && r->rc == ERR_OK &&
           jscan_next(r->text, tools->value, &it, &v)) {
        size_t mark = read_enter(r, "tools[%zu]", m->n_tools);
        decode_tool(r, v, &m->tools[m->n_tools++]);
        read_leave(r, mark);
    }
}

static enum msg_choice choice_word(struct reader *r, const struct jfield *f)
{
    static const char *const words[] = {"auto", "none", "required"};
    static const enum msg_choice choices[] = {MSG_CHOICE_AUTO, MSG_CHOICE_NONE,
                                              MSG_CHOICE_ANY};
    int i = read_word(r, f, words, ARRAY_LEN(words));
    return i >= 0 ? choices[i] : MSG_CHOICE_UNSET;
}

static struct str tool_name(struct reader *r, struct jspan entry)
{
    return read_need_str(
        r, &(struct jfield){.name = "name", .value = jscan_get(r->text, entry, "name")});
}

static void decode_choice(struct reader *r, const struct jfield *choice,
                          struct msg_request *m)
{
    enum { TYPE, NAME, MODE, TOOLS, N };
    static const char *const types[] = {"function", "allowed_tools", "custom"};
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [NAME] = {.name = "name"},
                          [MODE] = {.name = "mode"},
                          [TOOLS] = {.name = "tools"}};
    if (choice->value.kind != J_OBJECT) {
        m->choice = choice_word(r, choice);
        return;
    }
    size_t mark = read_enter(r, "%s", choice->name);
    jscan_fields(r->text, choice->value, f, N);
    if (read_word(r, &f[TYPE], types, ARRAY_LEN(types)) == 1) {
        m->choice = choice_word(r, &f[MODE]);
        read_allowed(r, &f[TOOLS], tool_name, m);
    } else {
        m->choice = MSG_CHOICE_ONE;
        m->choice_name = read_need_str(r, &f[NAME]);
    }
    read_leave(r, mark);
}

static void decode_text(struct reader *r, const struct jfield *text,
                        struct msg_request *m)
{
    enum { TYPE, NAME, SCHEMA, STRICT, N };
    static const char *const types[] = {"text", "json_object", "json_schema"};
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [NAME] = {.name = "name"},
                          [SCHEMA] = {.name = "schema"},
                          [STRICT] = {.name = "strict"}};
    m->schema_strict = -1;
    if (read_raw(r, text, J_OBJECT).len == 0)
        return;
    if (json_is_set(jscan_get(r->text, text->value, "verbosity")))
        ignore_field(m, "text.verbosity");
    struct jspan format = jscan_get(r->text, text->value, "format");
    size_t mark = read_enter(r, "text.format");
    if (json_is_set(format) && read_fields(r, format, f, N)) {
        int i = read_word(r, &f[TYPE], types, ARRAY_LEN(types));
        m->format = i == 2   ? MSG_FORMAT_SCHEMA
                    : i == 1 ? MSG_FORMAT_JSON
                             : MSG_FORMAT_TEXT;
        if (m->format == MSG_FORMAT_SCHEMA) {
            m->schema_name = read_need_str(r, &f[NAME]);
            m->schema = read_raw(r, &f[SCHEMA], J_OBJECT);
            m->schema_strict = read_bool(r, &f[STRICT]);
        }
    }
    read_leave(r, mark);
}

static void decode_effort(struct reader *r, const struct jfield *reasoning,
                          struct msg_request *m)
{
    struct jfield effort = {.name = "reasoning.effort"};
    struct jfield summary = {.name = "reasoning.summary"};
    if (read_raw(r, reasoning, J_OBJECT).len == 0)
        return;
    effort.value = jscan_get(r->text, reasoning->value, "effort");
    struct str word = read_str(r, &effort);
    if (word.len > 0 && !msg_effort_by_name(word, &m->effort))
        read_fail(r, effort.name,
                  "must be none, minimal, low, medium, high, xhigh or max");
    summary.value = jscan_get(r->text, reasoning->value, "summary");
    if (read_str(r, &summary).len > 0)
        m->thoughts = MSG_THOUGHTS_SHOWN;
}

static bool includes(struct reader *r, const struct jfield *include, const char *what)
{
    struct jspan v;
    size_t it = 0, n = read_array(r, include);
    while (n > 0 && jscan_next(r->text, include->value, &it, &v))
        if (jscan_is(r->text, v, what))
            return true;
    return false;
}

static void decode_options(struct reader *r, const struct jfield *f,
                           struct msg_request *m)
{
    m->model = read_need_str(r, &f[Q_MODEL]);
    m->stream = read_bool(r, &f[Q_STREAM]) == 1;
    m->include_usage = true;
    if (json_is_set(f[Q_PROMPT].value))
        read_foreign(r, "prompt", "templates of another provider cannot be reached here");
    decode_tools(r, &f[Q_TOOLS], m);
    if (json_is_set(f[Q_TOOL_CHOICE].value))
        decode_choice(r, &f[Q_TOOL_CHOICE], m);
    m->parallel_tools = read_bool(r, &f[Q_PARALLEL]);
    decode_text(r, &f[Q_TEXT], m);
    decode_effort(r, &f[Q_REASONING], m);
    m->temperature = read_number(r, &f[Q_TEMPERATURE]);
    m->top_p = read_number(r, &f[Q_TOP_P]);
    m->top_logprobs = read_i64(r, &f[Q_TOP_LOGPROBS], 0, 20, 0);
    m->logprobs = m->top_logprobs > 0 || includes(r, &f[Q_INCLUDE], RESPONSES_LOGPROBS);
    m->max_output_tok = read_i64(r, &f[Q_CAP], 1, INT32_MAX, -1);
    m->n = 1;
    m->user = read_str(r, &f[Q_SAFETY_ID]);
    if (m->user.len == 0)
        m->user = read_str(r, &f[Q_USER]);
    m->service_tier = read_str(r, &f[Q_TIER]);
    if (read_bool(r, &f[Q_STORE]) == 1)
        ignore_field(m, "store");
    read_ignored(r, m, request_fields, Q_COUNT);
}

enum errc responses_request_decode(struct str body, const struct jcheck *check,
                                   struct arena *a, struct msg_request *ret,
                                   struct err *e)
{
    struct msg_request m = {.budget_tok = -1};
    struct jfield f[Q_COUNT];
    struct reader r;
    enum errc rc = reader_open(&r, body, check, request_fields, f, Q_COUNT, a, e);
    if (rc != ERR_OK)
        return rc;
    decode_options(&r, f, &m);
    decode_input(&r, f, &m);
    rc = reader_end(&r);
    if (rc == ERR_OK)
        *ret = m;
    return rc;
}
