/*
 * dialect_responses_encode.c: a provider's Responses request from msg, for crossed pairs.
 *
 * Nothing is stored there: each request holds the whole conversation, and the reasoning items that
 * must come back with their calls are the broker's to keep (signatures.h).
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CreateResponse, InputItem),
 * guides/migrate-to-responses and guides/reasoning (2026-10).
 */
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"

#include "broker/dialect_openai.h"
#include "broker/dialect_priv.h"
#include "broker/dialect_responses.h"

enum {
    CAP_LEAST_TOK = 16, /* of max_output_tokens */
    USER_MAX = 64,      /* characters of safety_identifier */
};

/* Perplexity's: docs.perplexity.ai/agent-api, "OpenAI compatibility" (2026-09). */
static bool is_agent(const struct request_writer *r)
{
    return r->t->kind->quirks.is_agent;
}

/* ---- parts ---- */

static void write_text_part(struct jw *w, const char *type, struct str text)
{
    jw_object(w);
    jw_kstrz(w, "type", type);
    jw_kstr_kept(w, "text", text);
    jw_object_end(w);
}

static void write_data_url(struct jw *w, const char *key, const struct msg_part *p,
                           struct str mime)
{
    jw_key(w, key);
    jw_string(w);
    jw_string_add(w, STR("data:"));
    jw_string_add(w, mime);
    jw_string_add(w, STR(";base64,"));
    jw_string_kept(w, p->data);
    jw_string_end(w);
}

static void write_image(struct jw *w, const struct msg_part *p)
{
    struct str mime = image_mime(p);
    jw_kstrz(w, "type", "input_image");
    if (p->url.len > 0)
        jw_kstr(w, "image_url", p->url);
    else
        write_data_url(w, "image_url", p, mime.len > 0 ? mime : p->mime);
    if (p->detail.len > 0)
        jw_kstr(w, "detail", p->detail);
}

static void write_file(struct jw *w, const struct msg_part *p)
{
    jw_kstrz(w, "type", "input_file");
    if (p->url.len > 0) {
        jw_kstr(w, "file_url", p->url);
    } else {
        jw_kstr(w, "filename", p->filename.len > 0 ? p->filename : STR("document.pdf"));
        write_data_url(w, "file_data", p, p->mime);
    }
}

/* What a user says, behind his name, or a result, which takes no marks. */
static void write_input_part(struct request_writer *r, struct str name,
                             const struct msg_part *p, bool is_result)
{
    struct jw *w = &r->w;
    jw_object(w);
    switch (p->kind) {
    case MSG_IMAGE:
        write_image(&r->w, p);
        break;
    case MSG_FILE:
        write_file(&r->w, p);
        break;
    case MSG_AUDIO:
        refuse(r, "input_audio", "the target cannot hear");
        break;
    case MSG_TEXT:
    case MSG_REFUSAL:
    case MSG_THINKING:
    case MSG_REDACTED:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        jw_kstrz(w, "type", "input_text");
        jw_key(w, "text");
        jw_string(w);
        jw_string_add(w, name);
        jw_string_add(w, name.len > 0 ? STR(": ") : STR_NONE);
        jw_string_kept(w, p->text);
        jw_string_end(w);
        break;
    }
    if (is_result)
        drop_cache(r, p->cache_ttl);
    else
        openai_write_mark(r, p->cache_ttl);
    jw_object_end(w);
}

/* ---- items ---- */

static void begin_message(struct jw *w, const char *role)
{
    jw_object(w);
    jw_kstrz(w, "type", "message");
    jw_kstrz(w, "role", role);
    jw_key(w, "content");
}

static void write_user(struct request_writer *r, const struct msg_turn *t)
{
    struct jw *w = &r->w;
    struct str name = t->name; /* a participant's has no field */
    begin_message(w, t->role == MSG_SYSTEM ? "developer" : "user");
    jw_array(w);
    for (size_t i = 0; i < t->n_parts; i++) {
        bool is_text = t->parts[i].kind == MSG_TEXT;
        write_input_part(r, is_text ? name : STR_NONE, &t->parts[i], false);
        name = is_text ? STR_NONE : name;
    }
    jw_array_end(w);
    jw_object_end(w);
}

/* Only its own can be read there: by its item's id and its encrypted content. */
static void write_reasoning(struct jw *w, const struct msg_part *p)
{
    if (p->id.len == 0 || p->signature.len == 0)
        return;
    jw_object(w);
    jw_kstrz(w, "type", "reasoning");
    jw_kstr(w, "id", p->id);
    jw_key(w, "summary");
    jw_array(w);
    if (p->text.len > 0)
        write_text_part(w, "summary_text", p->text);
    jw_array_end(w);
    jw_kstr(w, "encrypted_content", p->signature);
    jw_object_end(w);
}

/* What Perplexity has no word for stays a function. */
static bool is_custom(const struct request_writer *r, const struct msg_part *p)
{
    return p->is_custom && !is_agent(r);
}

static void write_custom_call(struct jw *w, const struct msg_part *p)
{
    struct buf input = BUF_INIT(LIMIT_BODY_LEN);
    custom_input(p->args, &input);
    jw_object(w);
    jw_kstrz(w, "type", "custom_tool_call");
    jw_kstr(w, "call_id", p->id);
    jw_kstr(w, "name", p->name);
    write_taken(w, "input", &input);
    jw_object_end(w);
}

static void write_call(struct request_writer *r, const struct msg_part *p)
{
    struct jw *w = &r->w;
    if (is_custom(r, p)) {
        write_custom_call(w, p);
        return;
    }
    jw_object(w);
    jw_kstrz(w, "type", "function_call");
    jw_kstr(w, "call_id", p->id);
    jw_kstr(w, "name", p->name);
    jw_kstr(w, "arguments", p->args.len > 0 ? p->args : STR("{}"));
    jw_object_end(w);
}

static bool is_said(const struct msg_part *p)
{
    return (p->kind == MSG_TEXT || p->kind == MSG_REFUSAL) && !is_blank(p->text);
}

/* Its texts that follow each other are one message; thoughts and calls are items of their own. */
static void write_assistant(struct request_writer *r, const struct msg_turn *t)
{
    struct jw *w = &r->w;
    bool is_open = false;
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        drop_cache(r, p->cache_ttl);
        if (is_said(p) && !is_open) {
            begin_message(w, "assistant");
            jw_array(w);
        } else if (!is_said(p) && is_open) {
            jw_array_end(w);
            jw_object_end(w);
        }
        is_open = is_said(p);
        if (p->kind == MSG_REFUSAL && is_open) {
            jw_object(w);
            jw_kstrz(w, "type", "refusal");
            jw_kstr(w, "refusal", p->text);
            jw_object_end(w);
        } else if (is_open) {
            write_text_part(w, "output_text", p->text);
        } else if (p->kind == MSG_THINKING) {
            write_reasoning(w, p);
        } else if (p->kind == MSG_TOOL_CALL) {
            write_call(r, p);
        }
    }
    if (is_open) {
        jw_array_end(w);
        jw_object_end(w);
    }
}

/* There is no flag for an error. */
static void write_output_text(struct jw *w, const struct msg_part *p)
{
    jw_string(w);
    if (p->is_error)
        jw_string_add(w, STR("Error: "));
    jw_string_kept(w, p->text);
    jw_string_end(w);
}

/* Of which kind was the call that this answers? */
static bool answers_custom(const struct request_writer *r, const struct msg_part *result)
{
    for (size_t i = 0; i < r->m->n_turns; i++)
        for (size_t k = 0; k < r->m->turns[i].n_parts; k++) {
            const struct msg_part *p = &r->m->turns[i].parts[k];
            if (p->kind == MSG_TOOL_CALL && str_eq(p->id, result->id))
                return is_custom(r, p);
        }
    return false;
}

static void write_result(struct request_writer *r, const struct msg_part *p)
{
    struct jw *w = &r->w;
    drop_cache(r, p->cache_ttl);
    jw_object(w);
    jw_kstrz(w, "type",
             answers_custom(r, p) ? "custom_tool_call_output" : "function_call_output");
    jw_kstr(w, "call_id", p->id);
    jw_key(w, "output");
    if (p->n_parts == 0) {
        write_output_text(w, p);
    } else {
        jw_array(w);
        if (p->text.len > 0 || p->is_error) {
            jw_object(w);
            jw_kstrz(w, "type", "input_text");
            jw_key(w, "text");
            write_output_text(w, p);
            jw_object_end(w);
        }
        for (size_t i = 0; i < p->n_parts; i++)
            write_input_part(r, STR_NONE, &p->parts[i], true);
        jw_array_end(w);
    }
    jw_object_end(w);
}

/* Is a part of the leading system turns marked? */
static bool has_marked_system(const struct request_writer *r)
{
    const struct msg_request *m = r->m;
    for (size_t i = 0; i < m->n_turns && m->turns[i].role == MSG_SYSTEM; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++)
            if (m->turns[i].parts[k].cache_ttl.len > 0)
                return true;
    return false;
}

/* Leading system turns are the instructions, but where they are marked, which those cannot be. */
static size_t write_instructions(struct request_writer *r)
{
    const struct msg_request *m = r->m;
    struct buf joined = BUF_INIT(LIMIT_BODY_LEN);
    size_t first = 0;
    if (openai_takes_marks(r->t) && has_marked_system(r))
        return 0;
    for (; first < m->n_turns && m->turns[first].role == MSG_SYSTEM; first++)
        for (size_t k = 0; k < m->turns[first].n_parts; k++) {
            const struct msg_part *p = &m->turns[first].parts[k];
            drop_cache(r, p->cache_ttl);
            buf_addz(&joined, joined.len > 0 ? "\n\n" : "");
            buf_adds(&joined, p->text);
        }
    if (joined.len > 0)
        write_taken(&r->w, "instructions", &joined);
    buf_release(&joined);
    return first;
}

static void write_input(struct request_writer *r, size_t first)
{
    const struct msg_request *m = r->m;
    size_t before;
    jw_key(&r->w, "input");
    jw_array(&r->w);
    before = r->w.out->len;
    for (size_t i = first; i < m->n_turns; i++) {
        const struct msg_turn *t = &m->turns[i];
        if (t->role == MSG_ASSISTANT)
            write_assistant(r, t);
        else if (t->role != MSG_TOOL && t->n_parts > 0)
            write_user(r, t);
        for (size_t k = 0; t->role == MSG_TOOL && k < t->n_parts; k++)
            write_result(r, &t->parts[k]);
    }
    if (r->w.out->len == before) { /* empty, it is refused */
        begin_message(&r->w, "user");
        jw_strz(&r->w, ".");
        jw_object_end(&r->w);
    }
    jw_array_end(&r->w);
}

/* ---- tools, format, reasoning, the rest ---- */

static void write_custom_tool(struct jw *w, const struct msg_tool *t)
{
    jw_object(w);
    jw_kstrz(w, "type", "custom");
    jw_kstr(w, "name", t->name);
    if (t->description.len > 0)
        jw_kstr(w, "description", t->description);
    if (t->grammar.len > 0) {
        jw_key(w, "format");
        jw_object(w);
        jw_kstrz(w, "type", "grammar");
        jw_kstr(w, "syntax", t->syntax);
        jw_kstr(w, "definition", t->grammar);
        jw_object_end(w);
    }
    jw_object_end(w);
}

static bool chooses_custom(const struct request_writer *r)
{
    for (size_t i = 0; i < r->m->n_tools; i++)
        if (str_eq(r->m->tools[i].name, r->m->choice_name))
            return r->m->tools[i].is_custom;
    return false;
}

/* Unsaid it would be strict here, and the schema be changed. */
static void write_tool(struct request_writer *r, const struct msg_tool *t)
{
    struct jw *w = &r->w;
    bool is_strict = t->strict == 1 && schema_is_strict(t->schema);
    if (t->strict == 1 && !is_strict)
        drop(r, "tools.strict");
    drop_cache(r, t->cache_ttl);
    if (t->is_custom && !is_agent(r)) {
        write_custom_tool(w, t);
        return;
    }
    jw_object(w);
    jw_kstrz(w, "type", "function");
    jw_kstr(w, "name", t->name);
    if (t->description.len > 0)
        jw_kstr(w, "description", t->description);
    jw_key(w, "parameters");
    jw_raw(w, t->schema.len > 0 ? t->schema
                                : STR("{\"type\":\"object\",\"properties\":{}}"));
    jw_kbool(w, "strict", is_strict);
    jw_object_end(w);
}

static void write_tool_name(struct jw *w, const char *type, struct str name)
{
    jw_kstrz(w, "type", type);
    jw_kstr(w, "name", name);
}

static void write_choice(struct request_writer *r)
{
    static const char *const words[] = {[MSG_CHOICE_AUTO] = "auto",
                                        [MSG_CHOICE_NONE] = "none",
                                        [MSG_CHOICE_ANY] = "required"};
    const struct msg_request *m = r->m;
    struct jw *w = &r->w;
    if (m->choice == MSG_CHOICE_UNSET)
        return;
    jw_key(w, "tool_choice");
    if (m->choice == MSG_CHOICE_ONE) {
        jw_object(w);
        write_tool_name(w, chooses_custom(r) ? "custom" : "function", m->choice_name);
        jw_object_end(w);
    } else if (m->n_all_tools > 0 && m->choice != MSG_CHOICE_NONE) {
        jw_object(w);
        jw_kstrz(w, "type", "allowed_tools");
        jw_kstrz(w, "mode", words[m->choice]);
        jw_key(w, "tools");
        jw_array(w);
        for (size_t i = 0; i < m->n_tools; i++) {
            const struct msg_tool *t = &m->tools[i];
            jw_object(w);
            write_tool_name(w, t->is_custom ? "custom" : "function", t->name);
            jw_object_end(w);
        }
        jw_array_end(w);
        jw_object_end(w);
    } else {
        jw_strz(w, words[m->choice]);
    }
}

/* Where only some may be called, all are named: what is cached of them is found again. */
static void write_tools(struct request_writer *r)
{
    const struct msg_request *m = r->m;
    struct jw *w = &r->w;
    bool has_all = m->n_all_tools > 0 && !is_agent(r);
    const struct msg_tool *tools = has_all ? m->all_tools : m->tools;
    size_t n_tools = has_all ? m->n_all_tools : m->n_tools;
    if (m->n_tools == 0)
        return;
    jw_key(w, "tools");
    jw_array(w);
    for (size_t i = 0; i < n_tools; i++)
        write_tool(r, &tools[i]);
    jw_array_end(w);
    if (is_agent(r)) {
        if (m->parallel_tools == 0)
            drop(r, "parallel_tool_calls");
        if (m->choice != MSG_CHOICE_UNSET && m->choice != MSG_CHOICE_AUTO)
            drop(r, "tool_choice");
        return;
    }
    if (m->parallel_tools >= 0)
        jw_kbool(w, "parallel_tool_calls", m->parallel_tools == 1);
    write_choice(r);
}

/* As Chat has it: the Agent API's own place for it. */
static void write_agent_format(struct request_writer *r)
{
    const struct msg_request *m = r->m;
    struct jw *w = &r->w;
    if (m->format == MSG_FORMAT_JSON)
        drop(r, "response_format");
    if (m->format != MSG_FORMAT_SCHEMA)
        return;
    jw_key(w, "response_format");
    jw_object(w);
    jw_kstrz(w, "type", "json_schema");
    jw_key(w, "json_schema");
    jw_object(w);
    jw_kstr(w, "name", m->schema_name.len > 0 ? m->schema_name : STR("answer"));
    jw_key(w, "schema");
    jw_raw(w, m->schema.len > 0 ? m->schema : STR("{}"));
    jw_object_end(w);
    jw_object_end(w);
    r->dropped->is_schema_cut = true; /* how strictly it is held, nobody says */
}

static void write_format(struct request_writer *r)
{
    const struct msg_request *m = r->m;
    struct jw *w = &r->w;
    bool is_schema = m->format == MSG_FORMAT_SCHEMA && m->schema.len > 0;
    bool is_strict = m->schema_strict != 0 && schema_is_strict(m->schema);
    struct str verbosity = msg_extra(m, "verbosity");
    if (is_agent(r)) {
        write_agent_format(r);
        return;
    }
    if (m->format == MSG_FORMAT_TEXT && verbosity.len == 0)
        return;
    jw_key(w, "text");
    jw_object(w);
    if (verbosity.len > 0) {
        jw_key(w, "verbosity");
        jw_raw(w, verbosity);
    }
    if (m->format == MSG_FORMAT_TEXT) {
        jw_object_end(w);
        return;
    }
    jw_key(w, "format");
    jw_object(w);
    jw_kstrz(w, "type", is_schema ? "json_schema" : "json_object");
    if (is_schema) {
        jw_kstr(w, "name", m->schema_name.len > 0 ? m->schema_name : STR("answer"));
        jw_key(w, "schema");
        jw_raw(w, m->schema);
        jw_kbool(w, "strict", is_strict);
        /* what is not strict is no more than a hint */
        r->dropped->is_schema_cut |= m->schema_strict != 0 && !is_strict;
    }
    jw_object_end(w);
    jw_object_end(w);
}

/*
 * A summary only where one is wished for: an organisation that is not verified gets a 400 for it.
 * Source: OpenAI guides/reasoning, "Reasoning summaries" (2026-10).
 */
static void write_reasoning_wish(struct request_writer *r)
{
    const struct msg_request *m = r->m;
    struct jw *w = &r->w;
    if (!is_agent(r) && !openai_is_reasoning(r->t)) {
        if (m->effort > MSG_EFFORT_NONE)
            drop(r, "reasoning_effort");
        return;
    }
    bool wants_summary =
        m->thoughts == MSG_THOUGHTS_SHOWN && m->effort != MSG_EFFORT_NONE;
    if (m->effort != MSG_EFFORT_UNSET || wants_summary) {
        jw_key(w, "reasoning");
        jw_object(w);
        if (m->effort != MSG_EFFORT_UNSET)
            jw_kstrz(w, "effort", openai_effort_word(m->effort, r->t->model));
        if (wants_summary)
            jw_kstrz(w, "summary", "auto");
        jw_object_end(w);
    }
}

/* What an answer holds only if it is asked for; the agent keeps its thoughts to itself. */
static void write_include(struct request_writer *r)
{
    const struct msg_request *m = r->m;
    struct jw *w = &r->w;
    bool has_state = !is_agent(r) && openai_is_reasoning(r->t);
    if (!has_state && !m->logprobs)
        return;
    jw_key(w, "include");
    jw_array(w);
    if (has_state)
        jw_strz(w, "reasoning.encrypted_content");
    if (m->logprobs)
        jw_strz(w, RESPONSES_LOGPROBS);
    jw_array_end(w);
    if (m->logprobs && m->top_logprobs > 0)
        jw_ki64(w, "top_logprobs", m->top_logprobs);
}

static void write_sampling(struct request_writer *r)
{
    const struct msg_request *m = r->m;
    bool is_open = (!is_agent(r) && !openai_is_reasoning(r->t)) ||
                   (m->effort == MSG_EFFORT_NONE && openai_version(r->t->model) >= 51);
    const struct sampling_row rows[] = {
        {"temperature", m->temperature, 2000000, is_open},
        {"top_p", m->top_p, 1000000, is_open},
        {"top_k", m->top_k, 0, false},
        {"frequency_penalty", m->frequency_penalty, 0, false},
        {"presence_penalty", m->presence_penalty, 0, false},
        {"seed", m->seed, 0, false},
    };
    write_sampling_rows(r, rows, ARRAY_LEN(rows));
    if (m->n_stops > 0)
        drop(r, "stop");
}

static void write_extras(struct request_writer *r)
{
    const struct msg_request *m = r->m;
    struct jw *w = &r->w;
    for (size_t i = 0; i < m->n_ignored; i++) {
        struct str extra = is_agent(r) ? STR_NONE : msg_extra(m, m->ignored[i]);
        if (extra.len == 0) {
            drop(r, m->ignored[i]);
        } else if (strcmp(m->ignored[i], "verbosity") != 0) { /* that is in `text` */
            jw_key(w, m->ignored[i]);
            jw_raw(w, extra);
        }
    }
    if (is_agent(r)) {
        if (m->user.len > 0)
            drop(r, "user");
        if (m->service_tier.len > 0 && !str_eqz(m->service_tier, "auto"))
            drop(r, "service_tier");
        return;
    }
    if (m->user.len > 0 && m->user.len <= USER_MAX)
        jw_kstr(w, "safety_identifier", m->user);
    else if (m->user.len > 0)
        drop(r, "user");
    if (str_eqz(m->service_tier, "standard_only"))
        jw_kstrz(w, "service_tier", "default");
    else if (str_eqz(m->service_tier, "standard"))
        drop(r, "service_tier");
    else if (m->service_tier.len > 0 && !str_eqz(m->service_tier, "auto"))
        jw_kstr(w, "service_tier", m->service_tier);
    jw_kbool(w, "store", false);
}

enum errc responses_count_encode(const struct msg_request *m, const struct target_caps *t,
                                 struct buf *out, struct dropped *d, struct err *e)
{
    struct request_writer r = {.m = m, .t = t, .dropped = d, .e = e};
    refuse_audio(&r);
    jw_init(&r.w, out);
    r.w.later = t->later;
    jw_object(&r.w);
    jw_kstr(&r.w, "model", t->model);
    write_input(&r, write_instructions(&r));
    write_tools(&r);
    write_format(&r);
    write_reasoning_wish(&r);
    jw_object_end(&r.w);
    return request_end(&r);
}

enum errc responses_request_encode(const struct msg_request *m,
                                   const struct target_caps *t, struct buf *out,
                                   struct dropped *d, struct err *e)
{
    struct request_writer r = {.m = m, .t = t, .dropped = d, .e = e};
    struct jw *w = &r.w;
    int64_t cap = m->max_output_tok;
    refuse_audio(&r);
    if (is_agent(&r))
        refuse_logprobs(&r);
    refuse_choices(&r);
    if (cap > 0 && t->max_output_tok > 0)
        cap = MIN(cap, t->max_output_tok);
    jw_init(w, out);
    w->later = t->later;
    jw_object(w);
    struct str model = t->model;
    const char *preset = agent_preset(t->kind, &model);
    jw_kstr(w, "model", model);
    if (preset != NULL)
        jw_kstrz(w, "preset", preset);
    write_input(&r, write_instructions(&r));
    write_tools(&r);
    write_format(&r);
    write_reasoning_wish(&r);
    write_include(&r);
    if (cap > 0)
        jw_ki64(w, "max_output_tokens", MAX(cap, (int64_t)CAP_LEAST_TOK));
    write_sampling(&r);
    write_extras(&r);
    if (t->stream)
        jw_kbool(w, "stream", true);
    jw_object_end(w);
    return request_end(&r);
}
