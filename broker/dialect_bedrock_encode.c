/*
 * dialect_bedrock_encode.c: a provider's Converse request from msg.
 *
 * Source: as in dialect_bedrock.c; docs.aws.amazon.com/bedrock, prompt caching, tool use and
 * structured outputs (2026); for Claude, platform.claude.com extended and adaptive thinking.
 */
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/num.h"

#include "broker/dialect_bedrock.h"
#include "broker/dialect_priv.h"

struct bedrock_writer {
    struct request_writer r;
    size_t first;   /* turn after the leading system turns */
    size_t n_files; /* documents need names of their own */
    size_t n_images;
    bool has_calls; /* the conversation holds tool calls or results */
    bool is_claude, is_mistral;
    int claude;         /* its version, 45 is 4.5; 0: none in the id */
    int64_t budget_tok; /* Claude up to 4.5 thinks by one; 0: it does not */
};

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

/* Models after Opus 4.6 answer 400 to sampling. Source: Anthropic api/messages (2026-08). */
static bool is_sampled(const struct bedrock_writer *b)
{
    return !b->is_claude || (b->claude > 0 && b->claude <= 46);
}

/* ---- blocks ---- */

static bool is_thought(const struct msg_part *p)
{
    return p->kind == MSG_THINKING || p->kind == MSG_REDACTED;
}

/* Whether a part is sent: empty texts are a 400, and only Claude reads its own thoughts. */
static bool is_told(const struct bedrock_writer *b, const struct msg_part *p)
{
    if (p->kind == MSG_TEXT || p->kind == MSG_REFUSAL)
        return !is_blank(p->text);
    if (p->kind == MSG_THINKING) /* what has an id of its own is another provider's */
        return b->is_claude && p->signature.len > 0 && p->id.len == 0;
    return p->kind != MSG_REDACTED || b->is_claude;
}

static bool turn_is_told(const struct bedrock_writer *b, const struct msg_turn *t)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (is_told(b, &t->parts[i]))
            return true;
    return false;
}

static void write_text(struct bedrock_writer *b, struct str before, struct str text,
                       struct str after)
{
    struct jw *w = &b->r.w;
    struct buf whole = BUF_INIT(LIMIT_BODY_LEN);
    buf_adds(&whole, before);
    buf_adds(&whole, text);
    buf_adds(&whole, after);
    jw_object(w);
    write_taken(w, "text", &whole);
    jw_object_end(w);
}

/* What stands before it is kept. Marks with an odd lifetime get the default one. */
static void write_cache_mark(struct bedrock_writer *b, struct str ttl)
{
    struct jw *w = &b->r.w;
    if (ttl.len == 0)
        return;
    if ((b->r.t->caps_no & CAP_PROMPT_CACHING) != 0) {
        drop(&b->r, "cache_control");
        return;
    }
    jw_object(w);
    jw_key(w, "cachePoint");
    jw_object(w);
    jw_kstrz(w, "type", "default");
    if (str_eqz(ttl, "1h"))
        jw_kstr(w, "ttl", ttl);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_source(struct jw *w, struct str data)
{
    jw_key(w, "source");
    jw_object(w);
    jw_kstr(w, "bytes", data);
    jw_object_end(w);
}

/* In one request. Source: Converse API reference, Message (2026). */
enum { MOST_IMAGES = 20, MOST_FILES = 5 };

/* Nothing is fetched from the web. */
static void write_image(struct bedrock_writer *b, const struct msg_part *p)
{
    struct jw *w = &b->r.w;
    struct str mime = image_mime(p);
    if (++b->n_images > MOST_IMAGES)
        refuse(&b->r, "image_url", "the target takes 20 images in a request");
    else if (p->url.len > 0)
        refuse(&b->r, "image_url",
               "the target fetches nothing from the web: send the data");
    else if (mime.len == 0)
        refuse(&b->r, "image_url", "the target reads png, jpeg, gif and webp only");
    jw_object(w);
    jw_key(w, "image");
    jw_object(w);
    jw_kstr(w, "format", str_sub(mime, sizeof "image/" - 1, mime.len));
    write_source(w, p->data);
    jw_object_end(w);
    jw_object_end(w);
}

static const char *file_format(struct str mime)
{
    static const char *const rows[][2] = {
        {"application/pdf", "pdf"},
        {"text/csv", "csv"},
        {"text/html", "html"},
        {"text/plain", "txt"},
        {"text/markdown", "md"},
        {"application/msword", "doc"},
        {"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
         "docx"},
        {"application/vnd.ms-excel", "xls"},
        {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(mime, rows[i][0]))
            return rows[i][1];
    return NULL;
}

/* Letters, digits, blanks, hyphens and brackets are allowed, and no name may come twice. */
static void write_file_name(struct bedrock_writer *b, struct str name)
{
    char out[96];
    size_t n = 0;
    for (size_t i = 0; i < name.len && n < 64; i++) {
        char c = name.ptr[i];
        bool is_alnum =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out[n++] = is_alnum || strchr("()[]", c) != NULL ? c : '-';
    }
    snprintf(out + n, sizeof out - n, "%s(%zu)", n > 0 ? "" : "document", ++b->n_files);
    jw_kstrz(&b->r.w, "name", out);
}

static void write_file(struct bedrock_writer *b, const struct msg_part *p)
{
    struct jw *w = &b->r.w;
    const char *format = file_format(p->mime);
    if (p->data.len == 0 || format == NULL)
        refuse(&b->r, "file", "the target takes documents of known kinds, as data only");
    jw_object(w);
    jw_key(w, "document");
    jw_object(w);
    jw_kstrz(w, "format", format);
    write_file_name(b, p->filename);
    if (b->n_files > MOST_FILES)
        refuse(&b->r, "file", "the target takes 5 documents in a request");
    write_source(w, p->data);
    jw_object_end(w);
    jw_object_end(w);
}

/* A few models hear. "audio/mpeg" and the like are known by their other names here. */
static void write_audio(struct bedrock_writer *b, const struct msg_part *p)
{
    struct jw *w = &b->r.w;
    struct str format = str_sub(p->mime, sizeof "audio/" - 1, p->mime.len);
    if ((b->r.t->caps_yes & CAP_AUDIO_IN) == 0)
        refuse(&b->r, "input_audio", "the target cannot hear");
    jw_object(w);
    jw_key(w, "audio");
    jw_object(w);
    jw_kstr(w, "format", str_eqz(format, "mpeg") ? STR("mp3") : format);
    write_source(w, p->data);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_thought(struct jw *w, const struct msg_part *p)
{
    jw_object(w);
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
    jw_object_end(w);
}

static void write_tool_id(struct bedrock_writer *b, struct str id)
{
    char fitted[TOOL_ID_LEN + 1];
    fit_tool_id(id, b->is_mistral, b->is_mistral ? 9 : TOOL_ID_LEN, fitted);
    jw_kstrz(&b->r.w, "toolUseId", fitted);
}

static void write_call(struct bedrock_writer *b, const struct msg_part *p)
{
    struct jw *w = &b->r.w;
    jw_object(w);
    jw_key(w, "toolUse");
    jw_object(w);
    write_tool_id(b, p->id);
    jw_kstr(w, "name", p->name);
    jw_key(w, "input");
    write_args(w, p->args);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_part(struct bedrock_writer *b, const struct msg_part *p);

static void write_result(struct bedrock_writer *b, const struct msg_part *p)
{
    struct jw *w = &b->r.w;
    jw_object(w);
    jw_key(w, "toolResult");
    jw_object(w);
    write_tool_id(b, p->id);
    jw_key(w, "content");
    jw_array(w);
    if (!is_blank(p->text) || p->n_parts == 0)
        write_text(b, STR_NONE, is_blank(p->text) ? STR("(nothing)") : p->text, STR_NONE);
    for (size_t i = 0; i < p->n_parts; i++)
        write_part(b, &p->parts[i]);
    jw_array_end(w);
    if (p->is_error)
        jw_kstrz(w, "status", "error");
    jw_object_end(w);
    jw_object_end(w);
}

static void write_part(struct bedrock_writer *b, const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        write_text(b, STR_NONE, p->text, STR_NONE);
        break;
    case MSG_IMAGE:
        write_image(b, p);
        break;
    case MSG_FILE:
        write_file(b, p);
        break;
    case MSG_AUDIO:
        write_audio(b, p);
        break;
    case MSG_THINKING:
    case MSG_REDACTED:
        write_thought(&b->r.w, p);
        break;
    case MSG_TOOL_CALL:
        write_call(b, p);
        break;
    case MSG_TOOL_RESULT:
        write_result(b, p);
        break;
    }
    write_cache_mark(b, p->cache_ttl);
}

/* ---- messages ---- */

static void write_blocks(struct bedrock_writer *b, const struct msg_turn *t, bool results)
{
    bool is_named = t->role == MSG_USER && t->name.len > 0;
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        struct buf name = BUF_INIT(LIMIT_BODY_LEN);
        if (!is_told(b, p) || (p->kind == MSG_TOOL_RESULT) != results)
            continue;
        if (t->role == MSG_SYSTEM) {
            write_text(b, STR("<system>"), p->text, STR("</system>"));
            write_cache_mark(b, p->cache_ttl);
        } else if (is_named && p->kind == MSG_TEXT) {
            buf_printf(&name, "%.*s: ", STR_ARG(t->name));
            write_text(b, buf_str(&name), p->text, STR_NONE);
            write_cache_mark(b, p->cache_ttl);
            is_named = false;
        } else {
            write_part(b, p);
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
    write_text(b, STR_NONE, str_of(text), STR_NONE);
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

static bool takes_format(const struct bedrock_writer *b)
{
    return b->r.m->format == MSG_FORMAT_SCHEMA && b->r.m->schema.len > 0 &&
           (b->r.t->caps_no & CAP_JSON_SCHEMA) == 0;
}

/* What has no field is asked for in words. */
static void instruct(struct bedrock_writer *b, struct buf *out)
{
    const struct msg_request *m = b->r.m;
    bool forces = m->choice == MSG_CHOICE_ANY || m->choice == MSG_CHOICE_ONE;
    if (m->format != MSG_FORMAT_TEXT && !takes_format(b)) {
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
            if (!is_told(b, p))
                continue;
            if (!is_open) {
                jw_key(w, "system");
                jw_array(w);
            }
            is_open = true;
            write_text(b, STR_NONE, p->text, STR_NONE);
            write_cache_mark(b, p->cache_ttl);
        }
    if (words.len > 0 && !is_open) {
        jw_key(w, "system");
        jw_array(w);
        is_open = true;
    }
    if (words.len > 0)
        write_text(b, STR_NONE, buf_str(&words), STR_NONE);
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
    write_cache_mark(b, t->cache_ttl);
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

/* One call at a time: only Claude can be told, in its own words. */
static bool is_single(const struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    return b->is_claude && m->n_tools > 0 && m->parallel_tools == 0 &&
           m->choice != MSG_CHOICE_NONE;
}

/* Which stands in for toolChoice. Source: Anthropic tool-use page, tool_choice (2026-11). */
static void write_single(struct bedrock_writer *b)
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
        (forces && forbids_force(b)) || is_single(b))
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
    if (m->parallel_tools == 0 && !is_single(b))
        drop(&b->r, "parallel_tool_calls");
}

/* ---- thinking, format, sampling ---- */

/* Tokens to think with, for a Claude up to 4.5: at least 1,024, and less than the cap. */
static int64_t budget_of(const struct bedrock_writer *b)
{
    enum { LEAST = 1024 };
    static const int64_t budgets[] = {
        [MSG_EFFORT_UNSET] = 0,      [MSG_EFFORT_NONE] = 0,
        [MSG_EFFORT_MINIMAL] = 1024, [MSG_EFFORT_LOW] = 2048,
        [MSG_EFFORT_MEDIUM] = 8192,  [MSG_EFFORT_HIGH] = 16384,
        [MSG_EFFORT_XHIGH] = 32768,  [MSG_EFFORT_MAX] = INT64_MAX,
    };
    const struct msg_request *m = b->r.m;
    int64_t budget = budgets[m->effort];
    int64_t cap = m->max_output_tok > 0 ? m->max_output_tok : b->r.t->max_output_tok;
    if (budget > 0 && m->budget_tok > 0)
        budget = m->budget_tok;
    if (cap > 0)
        budget = MIN(budget, cap - 1);
    /* in a tool loop the thought that led to the call must stand before it, signed */
    const struct msg_turn *last = m->n_turns > 0 ? &m->turns[m->n_turns - 1] : NULL;
    bool is_loop = last != NULL && last->role == MSG_TOOL;
    for (size_t i = m->n_turns; is_loop && i-- > 0;)
        if (m->turns[i].role == MSG_ASSISTANT) {
            const struct msg_turn *t = &m->turns[i];
            is_loop =
                t->n_parts == 0 || !is_thought(&t->parts[0]) || !is_told(b, &t->parts[0]);
            break;
        }
    return budget >= LEAST && budget < INT64_MAX && !is_loop ? budget : 0;
}

static bool is_old_claude(const struct bedrock_writer *b)
{
    return b->claude > 0 && b->claude <= 45;
}

static bool takes_effort(const struct bedrock_writer *b)
{
    return (b->r.t->caps_no & CAP_REASONING) == 0 && !is_old_claude(b);
}

static void write_effort(struct bedrock_writer *b)
{
    enum msg_effort effort = b->r.m->effort;
    if (effort == MSG_EFFORT_NONE || effort == MSG_EFFORT_MINIMAL)
        effort = MSG_EFFORT_LOW; /* the least there is */
    jw_kstrz(&b->r.w, "effort", msg_effort_name(effort));
}

static void write_text_format(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    struct buf schema = BUF_INIT(LIMIT_BODY_LEN);
    answer_schema_write(&b->r, SCHEMA_CLOSE | SCHEMA_BARE | SCHEMA_INLINE, &schema);
    jw_key(w, "textFormat");
    jw_object(w);
    jw_kstrz(w, "type", "json_schema");
    jw_key(w, "structure");
    jw_object(w);
    jw_key(w, "jsonSchema");
    jw_object(w);
    write_taken(w, "schema", &schema); /* a text, not an object */
    jw_kstr(w, "name", m->schema_name.len > 0 ? m->schema_name : STR("answer"));
    jw_object_end(w);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_output_config(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    bool has_effort = m->effort != MSG_EFFORT_UNSET && takes_effort(b);
    if (m->effort > MSG_EFFORT_NONE && !has_effort && b->budget_tok == 0)
        drop(&b->r, "reasoning_effort");
    if (!has_effort && !takes_format(b))
        return;
    jw_key(w, "outputConfig");
    jw_object(w);
    if (takes_format(b))
        write_text_format(b);
    if (has_effort)
        write_effort(b);
    jw_object_end(w);
}

/* What only Claude knows goes to it as it stands. */
static void write_model_fields(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    bool adapts = b->is_claude && !is_old_claude(b) && takes_effort(b) &&
                  m->effort > MSG_EFFORT_NONE;
    bool has_top_k =
        m->top_k.len > 0 && b->is_claude && is_sampled(b) && b->budget_tok == 0;
    if (m->top_k.len > 0 && !has_top_k)
        drop(&b->r, "top_k");
    if (b->is_claude && m->n_stops > 0) { /* which of them it was */
        jw_key(w, "additionalModelResponseFieldPaths");
        jw_array(w);
        jw_strz(w, "/stop_sequence");
        jw_array_end(w);
    }
    if (!adapts && !has_top_k && b->budget_tok == 0 && !is_single(b))
        return;
    jw_key(w, "additionalModelRequestFields");
    jw_object(w);
    if (adapts || b->budget_tok > 0) {
        jw_key(w, "thinking");
        jw_object(w);
        jw_kstrz(w, "type", adapts ? "adaptive" : "enabled");
        if (!adapts)
            jw_ki64(w, "budget_tokens", b->budget_tok);
        const char *display =
            claude_display(b->claude == 0 || b->claude > 46, m->thoughts);
        if (display != NULL)
            jw_kstrz(w, "display", display);
        jw_object_end(w);
    }
    if (has_top_k)
        write_clamped(w, "top_k", m->top_k, 0, INT64_MAX);
    if (is_single(b))
        write_single(b);
    jw_object_end(w);
}

static void write_stops(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    if (m->n_stops == 0)
        return;
    jw_key(&b->r.w, "stopSequences");
    jw_array(&b->r.w);
    for (size_t i = 0; i < m->n_stops; i++)
        jw_str(&b->r.w, m->stops[i]);
    jw_array_end(&b->r.w);
}

/* A model that thinks by a budget has its own temperature, and so have newer Claudes. */
static void write_number(struct bedrock_writer *b, const char *key, const char *field,
                         struct str number)
{
    if (b->budget_tok == 0 && is_sampled(b))
        write_clamped(&b->r.w, key, number, 0, 1000000);
    else if (number.len > 0)
        drop(&b->r, field);
}

static void write_inference(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    int64_t limit = b->r.t->max_output_tok;
    const struct {
        const char *field;
        struct str number;
    } untold[] = {{"frequency_penalty", m->frequency_penalty},
                  {"presence_penalty", m->presence_penalty},
                  {"seed", m->seed}};
    jw_key(w, "inferenceConfig");
    jw_object(w);
    if (m->max_output_tok > 0)
        jw_ki64(w, "maxTokens",
                limit > 0 ? MIN(m->max_output_tok, limit) : m->max_output_tok);
    write_number(b, "temperature", "temperature", m->temperature);
    /* Claude, from 4.1 on, not both. Source: release notes of Claude Opus 4.1 (2025-08) */
    if (b->is_claude && m->temperature.len > 0 && m->top_p.len > 0)
        drop(&b->r, "top_p");
    else
        write_number(b, "topP", "top_p", m->top_p);
    write_stops(b);
    jw_object_end(w);
    for (size_t i = 0; i < ARRAY_LEN(untold); i++)
        if (untold[i].number.len > 0)
            drop(&b->r, untold[i].field);
}

/* ---- the rest ---- */

static void write_tier(struct bedrock_writer *b)
{
    static const char *const tiers[][2] = {
        {"default", "default"}, {"standard", "default"},  {"standard_only", "default"},
        {"flex", "flex"},       {"priority", "priority"}, {"reserved", "reserved"}};
    struct str asked = b->r.m->service_tier;
    if (asked.len == 0 || str_eqz(asked, "auto"))
        return;
    for (size_t i = 0; i < ARRAY_LEN(tiers); i++)
        if (str_eqz(asked, tiers[i][0])) {
            jw_key(&b->r.w, "serviceTier");
            jw_object(&b->r.w);
            jw_kstrz(&b->r.w, "type", tiers[i][1]);
            jw_object_end(&b->r.w);
            return;
        }
    drop(&b->r, "service_tier");
}

/* Values of metadata are short and plain. */
static void write_user(struct bedrock_writer *b)
{
    struct str user = b->r.m->user;
    bool fits = user.len <= 256;
    for (size_t i = 0; i < user.len && fits; i++) {
        char c = user.ptr[i];
        fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c >= '0' && c <= '9') || (c != '\0' && strchr(" :_@$#=/+,-.", c) != NULL);
    }
    if (user.len == 0)
        return;
    if (!fits) {
        drop(&b->r, "user");
        return;
    }
    jw_key(&b->r.w, "requestMetadata");
    jw_object(&b->r.w);
    jw_kstr(&b->r.w, "user_id", user);
    jw_object_end(&b->r.w);
}

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
    if (is_old_claude(b) && (t->caps_no & CAP_REASONING) == 0)
        b->budget_tok = budget_of(b);
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
    write_inference(&b);
    write_tools(&b);
    write_output_config(&b);
    write_model_fields(&b);
    write_tier(&b);
    write_user(&b);
    jw_object_end(w);
    drop_ignored(&b.r);
    return request_end(&b.r);
}
