/*
 * dialect_bedrock_encode.c: a provider's Converse request from msg.
 *
 * Source: as in dialect_bedrock.c; docs.aws.amazon.com/bedrock, prompt caching, tool use and
 * structured outputs (2026); for Claude, platform.claude.com extended and adaptive thinking.
 */
#include "broker/dialect_bedrock_encode.h"

#include "core/catalog.h"

/* ---- what the id says ---- */

static bool is_digit(struct str s, size_t i)
{
    return i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9';
}

/* "eu.anthropic.claude-opus-4-5-20251101-v1:0" is 45, "claude-sonnet-5" 50. */
static int claude_version(struct str id)
{
    size_t at = str_search(id, STR("claude-"));
    struct str rest = str_sub(id, at, id.len);
    for (size_t i = 0; i < rest.len; i++) {
        if (!is_digit(rest, i) || rest.ptr[i - 1] != '-')
            continue;
        if (is_digit(rest, i + 1)) /* a date */
            return 0;
        bool has_minor = i + 2 < rest.len && rest.ptr[i + 1] == '-' &&
                         is_digit(rest, i + 2) && !is_digit(rest, i + 3);
        return (rest.ptr[i] - '0') * 10 + (has_minor ? rest.ptr[i + 2] - '0' : 0);
    }
    return 0;
}

bool bedrock_is_claude(struct str model)
{
    return str_contains(model, STR("anthropic.claude"));
}

static void read_id(struct bedrock_writer *b)
{
    struct str id = b->r.t->model;
    b->is_claude = bedrock_is_claude(id);
    b->is_mistral = str_contains(id, STR("mistral."));
    b->claude = b->is_claude ? claude_version(id) : 0;
}

/* These answer 400 to a choice that forces a call. Source: Anthropic tool-use page (2026-11). */
static bool forbids_force(const struct bedrock_writer *b)
{
    static const char *const names[] = {"fable-5-1", "fable-5-2", "opus-5-5",
                                        "sonnet-5-5"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (b->is_claude && str_contains(b->r.t->model, str_of(names[i])))
            return true;
    return b->budget_tok > 0; /* nor does one that thinks by a budget */
}

/* A last turn of the assistant's is gone on with by older models; newer ones answer 400. */
static bool goes_on(const struct bedrock_writer *b)
{
    if ((b->r.t->caps_no & CAP_PREFILL) != 0)
        return false;
    return (b->r.t->caps_yes & CAP_PREFILL) != 0 || (b->claude > 0 && b->claude <= 45);
}

/* ---- messages ---- */

static bool turn_is_told(const struct bedrock_writer *b, const struct msg_turn *t)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (bedrock_is_told(b, &t->parts[i]))
            return true;
    return false;
}

static void write_blocks(struct bedrock_writer *b, const struct msg_turn *t, bool results)
{
    bool is_named = t->role == MSG_USER && t->name.len > 0;
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        struct buf name = BUF_INIT(LIMIT_BODY_LEN);
        if (!bedrock_is_told(b, p) || (p->kind == MSG_TOOL_RESULT) != results)
            continue;
        if (t->role == MSG_SYSTEM) {
            bedrock_write_text(b, STR("<system>"), p->text, STR("</system>"));
            bedrock_write_cache_mark(b, p->cache_ttl);
        } else if (is_named && p->kind == MSG_TEXT) {
            buf_printf(&name, "%.*s: ", STR_ARG(t->name));
            bedrock_write_text(b, buf_str(&name), p->text, STR_NONE);
            bedrock_write_cache_mark(b, p->cache_ttl);
            is_named = false;
        } else {
            bedrock_write_part(b, p);
        }
        buf_release(&name);
    }
}

static void begin_message(struct jw *w, const char *role)
{
    jw_object(w);
    jw_kstrz(w, "role", role);
    jw_key(w, "content");
    jw_array(w);
}

static void end_message(struct jw *w)
{
    jw_array_end(w);
    jw_object_end(w);
}

static void write_said(struct bedrock_writer *b, const char *text)
{
    begin_message(&b->r.w, "user");
    bedrock_write_text(b, STR_NONE, str_of(text), STR_NONE);
    end_message(&b->r.w);
}

/* Turns [from, to) of one role as one message; results come first. */
static void write_run(struct bedrock_writer *b, bool is_model, size_t from, size_t to)
{
    const struct msg_turn *turns = b->r.m->turns;
    begin_message(&b->r.w, is_model ? "assistant" : "user");
    for (size_t i = from; i < to; i++)
        write_blocks(b, &turns[i], true);
    for (size_t i = from; i < to; i++)
        write_blocks(b, &turns[i], false);
    end_message(&b->r.w);
}

static bool is_model_turn(const struct msg_turn *t)
{
    return t->role == MSG_ASSISTANT;
}

/* Roles must alternate, beginning with the user's. */
static void write_messages(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    bool is_first = true, is_model = false;
    jw_key(&b->r.w, "messages");
    jw_array(&b->r.w);
    for (size_t i = b->first, end; i < m->n_turns; i = end) {
        end = i + 1;
        if (!turn_is_told(b, &m->turns[i]))
            continue;
        is_model = is_model_turn(&m->turns[i]);
        while (end < m->n_turns && (!turn_is_told(b, &m->turns[end]) ||
                                    is_model_turn(&m->turns[end]) == is_model))
            end++;
        if (is_first && is_model)
            write_said(b, ".");
        write_run(b, is_model, i, end);
        is_first = false;
    }
    if (is_first)
        write_said(b, ".");
    else if (is_model && !goes_on(b))
        write_said(b, "Continue.");
    jw_array_end(&b->r.w);
}

/* ---- system ---- */

/* What has no field is asked for in words. */
static void instruct(struct bedrock_writer *b, struct buf *out)
{
    const struct msg_request *m = b->r.m;
    bool forces = m->choice == MSG_CHOICE_ANY || m->choice == MSG_CHOICE_ONE;
    if (m->format != MSG_FORMAT_TEXT && !bedrock_takes_format(b)) {
        drop(&b->r, "response_format");
        format_words(&b->r, out);
    }
    const char *between = out->len > 0 ? "\n\n" : "";
    if (m->choice == MSG_CHOICE_NONE || (m->n_tools == 0 && b->has_calls)) {
        buf_printf(out, "%sDo not call any tool.", between);
    } else if (forces && m->n_tools > 0 && forbids_force(b)) {
        drop(&b->r, "tool_choice");
        buf_printf(out, "%sCall %s%.*s.", between,
                   m->choice == MSG_CHOICE_ONE ? "the tool " : "one of the tools",
                   STR_ARG(m->choice == MSG_CHOICE_ONE ? m->choice_name : STR_NONE));
    }
}

static void write_system(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    AUTO(buf_release) struct buf words = BUF_INIT(LIMIT_BODY_LEN);
    bool is_open = false;
    instruct(b, &words);
    for (size_t i = 0; i < b->first; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++) {
            const struct msg_part *p = &m->turns[i].parts[k];
            if (!bedrock_is_told(b, p))
                continue;
            if (!is_open) {
                jw_key(w, "system");
                jw_array(w);
            }
            is_open = true;
            bedrock_write_text(b, STR_NONE, p->text, STR_NONE);
            bedrock_write_cache_mark(b, p->cache_ttl);
        }
    if (words.len > 0 && !is_open) {
        jw_key(w, "system");
        jw_array(w);
        is_open = true;
    }
    if (words.len > 0)
        bedrock_write_text(b, STR_NONE, buf_str(&words), STR_NONE);
    if (buf_err(&words) != ERR_OK)
        w->out->fail = buf_err(&words);
    if (is_open)
        jw_array_end(w);
}

/* ---- tools ---- */

static void begin_tool(struct jw *w, struct str name)
{
    jw_object(w);
    jw_key(w, "toolSpec");
    jw_object(w);
    jw_kstr(w, "name", name);
}

static void end_tool(struct jw *w, struct str schema)
{
    jw_key(w, "inputSchema");
    jw_object(w);
    jw_key(w, "json");
    jw_raw(w, schema.len > 0 ? schema : STR("{\"type\":\"object\",\"properties\":{}}"));
    jw_object_end(w);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_tool(struct bedrock_writer *b, const struct msg_tool *t)
{
    struct jw *w = &b->r.w;
    begin_tool(w, t->name);
    if (t->description.len > 0)
        jw_kstr(w, "description", t->description);
    if (t->strict == 1 && schema_is_strict(t->schema))
        jw_kbool(w, "strict", true);
    else if (t->strict == 1)
        drop(&b->r, "tools.strict");
    end_tool(w, t->schema);
    bedrock_write_cache_mark(b, t->cache_ttl);
}

/* Was a tool of that name called in an earlier turn, or part, than this one? */
static bool was_called(const struct msg_request *m, size_t turn, size_t part,
                       struct str name)
{
    for (size_t i = 0; i <= turn; i++)
        for (size_t k = 0; k < (i < turn ? m->turns[i].n_parts : part); k++)
            if (m->turns[i].parts[k].kind == MSG_TOOL_CALL &&
                str_eq(m->turns[i].parts[k].name, name))
                return true;
    return false;
}

/* A conversation with calls must offer tools: those that were called, if the client has none. */
static void write_old_tools(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    size_t n = 0;
    for (size_t i = 0; i < m->n_turns; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++) {
            const struct msg_part *p = &m->turns[i].parts[k];
            if (p->kind != MSG_TOOL_CALL || was_called(m, i, k, p->name))
                continue;
            begin_tool(&b->r.w, p->name);
            end_tool(&b->r.w, STR_NONE);
            n++;
        }
    if (n ==
        0) { /* results without a call: the provider will say what it thinks of them */
        begin_tool(&b->r.w, STR("none"));
        end_tool(&b->r.w, STR_NONE);
    }
}

bool bedrock_is_single(const struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    return b->is_claude && m->n_tools > 0 && m->parallel_tools == 0 &&
           m->choice != MSG_CHOICE_NONE;
}

/* Which stands in for toolChoice. Source: Anthropic tool-use page, tool_choice (2026-11). */
void bedrock_write_single(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    bool forces = !forbids_force(b);
    const char *type = m->choice == MSG_CHOICE_ANY && forces   ? "any"
                       : m->choice == MSG_CHOICE_ONE && forces ? "tool"
                                                               : "auto";
    jw_key(w, "tool_choice");
    jw_object(w);
    jw_kstrz(w, "type", type);
    if (m->choice == MSG_CHOICE_ONE && forces)
        jw_kstr(w, "name", m->choice_name);
    jw_kbool(w, "disable_parallel_tool_use", true);
    jw_object_end(w);
}

static void write_choice(struct bedrock_writer *b)
{
    static const char *const words[] = {
        [MSG_CHOICE_AUTO] = "auto", [MSG_CHOICE_ANY] = "any", [MSG_CHOICE_ONE] = "tool"};
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    enum msg_choice choice = m->choice;
    bool forces = choice == MSG_CHOICE_ANY || choice == MSG_CHOICE_ONE;
    if (choice == MSG_CHOICE_UNSET || choice == MSG_CHOICE_NONE ||
        (forces && forbids_force(b)) || bedrock_is_single(b))
        return;
    jw_key(w, "toolChoice");
    jw_object(w);
    jw_key(w, words[choice]);
    jw_object(w);
    if (choice == MSG_CHOICE_ONE)
        jw_kstr(w, "name", m->choice_name);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_tools(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    if (m->n_tools == 0 && !b->has_calls)
        return;
    jw_key(w, "toolConfig");
    jw_object(w);
    jw_key(w, "tools");
    jw_array(w);
    for (size_t i = 0; i < m->n_tools; i++)
        write_tool(b, &m->tools[i]);
    if (m->n_tools == 0)
        write_old_tools(b);
    jw_array_end(w);
    if (m->n_tools > 0)
        write_choice(b);
    jw_object_end(w);
    if (m->parallel_tools == 0 && !bedrock_is_single(b))
        drop(&b->r, "parallel_tool_calls");
}

/* ---- the request ---- */

static void find_calls(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    for (size_t i = 0; i < m->n_turns; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++)
            b->has_calls |= m->turns[i].parts[k].kind == MSG_TOOL_CALL ||
                            m->turns[i].parts[k].kind == MSG_TOOL_RESULT;
}

static void writer_init(struct bedrock_writer *b, const struct msg_request *m,
                        const struct target_caps *t, struct buf *out, struct dropped *d,
                        struct err *e)
{
    *b = (struct bedrock_writer){.r = {.m = m, .t = t, .dropped = d, .e = e}};
    b->first = first_turn(m);
    read_id(b);
    find_calls(b);
    b->budget_tok = bedrock_budget(b);
    jw_init(&b->r.w, out);
}

enum errc bedrock_count_encode(const struct msg_request *m, const struct target_caps *t,
                               struct buf *out, struct dropped *d, struct err *e)
{
    struct bedrock_writer b;
    writer_init(&b, m, t, out, d, e);
    struct jw *w = &b.r.w;
    jw_object(w);
    jw_key(w, "input");
    jw_object(w);
    jw_key(w, "converse");
    jw_object(w);
    write_messages(&b);
    write_system(&b);
    write_tools(&b);
    jw_object_end(w);
    jw_object_end(w);
    jw_object_end(w);
    return request_end(&b.r);
}

enum errc bedrock_request_encode(const struct msg_request *m, const struct target_caps *t,
                                 struct buf *out, struct dropped *d, struct err *e)
{
    struct bedrock_writer b;
    writer_init(&b, m, t, out, d, e);
    struct jw *w = &b.r.w;
    refuse_unsayable(&b.r);
    refuse_choices(&b.r);
    jw_object(w);
    write_messages(&b);
    write_system(&b);
    bedrock_write_inference(&b);
    write_tools(&b);
    bedrock_write_output_config(&b);
    bedrock_write_model_fields(&b);
    bedrock_write_tier(&b);
    bedrock_write_user(&b);
    jw_object_end(w);
    drop_ignored(&b.r);
    return request_end(&b.r);
}
