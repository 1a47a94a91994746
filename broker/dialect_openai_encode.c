/*
 * dialect_openai_encode.c: a provider's Chat Completions request from msg, for crossed pairs.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CreateChatCompletionRequest); what other kinds of
 * provider take, from the API reference of each (2026-08 to 2026-11).
 */
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/num.h"

#include "broker/dialect_openai.h"
#include "broker/dialect_priv.h"

/* ---- what an id says ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int openai_version(struct str model)
{
    struct str rest = str_sub(model, 4, model.len);
    if (!str_starts(model, STR("gpt-")) || rest.len == 0 || !is_digit(rest.ptr[0]))
        return -1;
    int version = (rest.ptr[0] - '0') * 10;
    if (rest.len > 2 && rest.ptr[1] == '.' && is_digit(rest.ptr[2]))
        version += rest.ptr[2] - '0';
    return version;
}

/* o1, o3-mini, … */
static bool is_o_series(struct str model)
{
    return model.len > 1 && model.ptr[0] == 'o' && is_digit(model.ptr[1]);
}

bool openai_is_reasoning(const struct target_caps *t)
{
    return (t->caps_no & CAP_REASONING) == 0 &&
           ((t->caps_yes & CAP_REASONING) != 0 || is_o_series(t->model) ||
            openai_version(t->model) >= 50);
}

/* ---- messages ---- */

struct openai_writer {
    struct request_writer r;
    const struct provider_quirks *quirk; /* of the provider */
};

static bool lacks(const struct openai_writer *o, enum provider_lack what)
{
    return (o->quirk->lacks & (unsigned)what) != 0;
}

static void write_data_url(struct jw *w, const char *key, const struct msg_part *p)
{
    jw_key(w, key);
    jw_string(w);
    jw_string_add(w, STR("data:"));
    jw_string_add(w, p->mime);
    jw_string_add(w, STR(";base64,"));
    jw_string_kept(w, p->data);
    jw_string_end(w);
}

static void write_image(struct jw *w, const struct msg_part *p)
{
    jw_kstrz(w, "type", "image_url");
    jw_key(w, "image_url");
    jw_object(w);
    if (p->url.len > 0)
        jw_kstr(w, "url", p->url);
    else
        write_data_url(w, "url", p);
    if (p->detail.len > 0)
        jw_kstr(w, "detail", p->detail);
    jw_object_end(w);
}

static void write_file(struct openai_writer *o, const struct msg_part *p)
{
    struct jw *w = &o->r.w;
    if (p->data.len == 0)
        refuse(&o->r, "document", "the target takes files as data only, not by URL");
    jw_kstrz(w, "type", "file");
    jw_key(w, "file");
    jw_object(w);
    jw_kstr(w, "filename", p->filename.len > 0 ? p->filename : STR("document.pdf"));
    write_data_url(w, "file_data", p);
    jw_object_end(w);
}

static void write_audio(struct jw *w, const struct msg_part *p)
{
    struct str format = p->mime;
    if (str_starts(format, STR("audio/")))
        format = str_sub(format, 6, format.len);
    jw_kstrz(w, "type", "input_audio");
    jw_key(w, "input_audio");
    jw_object(w);
    jw_kstr_kept(w, "data", p->data);
    jw_kstr(w, "format", str_eqz(format, "mpeg") ? STR("mp3") : format);
    jw_object_end(w);
}

bool openai_takes_marks(const struct target_caps *t)
{
    return t->kind->quirks.is_openai && openai_version(t->model) >= 56;
}

void openai_write_mark(struct request_writer *r, struct str ttl)
{
    if (ttl.len == 0)
        return;
    if (!openai_takes_marks(r->t)) {
        drop_cache(r, ttl);
        return;
    }
    jw_key(&r->w, "prompt_cache_breakpoint");
    jw_object(&r->w);
    jw_kstrz(&r->w, "mode", "explicit");
    jw_object_end(&r->w);
}

/* A mark stands on a part: a text that has one is no plain string. */
static bool is_marked(const struct openai_writer *o, const struct msg_part *p)
{
    return p->cache_ttl.len > 0 && openai_takes_marks(o->r.t);
}

static void write_part(struct openai_writer *o, const struct msg_part *p)
{
    struct jw *w = &o->r.w;
    jw_object(w);
    switch (p->kind) {
    case MSG_IMAGE:
        write_image(w, p);
        break;
    case MSG_FILE:
        write_file(o, p);
        break;
    case MSG_AUDIO:
        write_audio(w, p);
        break;
    case MSG_TEXT:
    case MSG_THINKING:
    case MSG_REDACTED:
    case MSG_REFUSAL:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        jw_kstrz(w, "type", "text");
        jw_kstr_kept(w, "text", p->text);
        break;
    }
    openai_write_mark(&o->r, p->cache_ttl);
    jw_object_end(w);
}

/* One plain text is a string, which every server takes; else parts. */
static void write_user_content(struct openai_writer *o, const struct msg_turn *t)
{
    struct jw *w = &o->r.w;
    if (t->n_parts == 0) {
        jw_kstrz(w, "content", "");
    } else if (t->n_parts == 1 && t->parts[0].kind == MSG_TEXT &&
               !is_marked(o, &t->parts[0])) {
        jw_kstr_kept(w, "content", t->parts[0].text);
        drop_cache(&o->r, t->parts[0].cache_ttl);
    } else {
        jw_key(w, "content");
        jw_array(w);
        for (size_t i = 0; i < t->n_parts; i++)
            write_part(o, &t->parts[i]);
        jw_array_end(w);
    }
}

/* The texts of one kind, joined. */
static void write_joined(struct openai_writer *o, const char *key,
                         const struct msg_turn *t, enum msg_part_kind kind,
                         const char *between)
{
    struct jw *w = &o->r.w;
    bool is_first = true;
    jw_key(w, key);
    jw_string(w);
    for (size_t i = 0; i < t->n_parts; i++) {
        if (t->parts[i].kind != kind || t->parts[i].text.len == 0)
            continue;
        if (!is_first)
            jw_string_add(w, str_of(between));
        is_first = false;
        jw_string_kept(w, t->parts[i].text);
    }
    jw_string_end(w);
}

static bool has_kind(const struct msg_turn *t, enum msg_part_kind kind)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].kind == kind)
            return true;
    return false;
}

static void write_tool_id(struct openai_writer *o, const char *key, struct str id)
{
    char fitted[TOOL_ID_LEN + 1];
    if (o->quirk->short_ids) {
        fit_tool_id(id, true, SHORT_ID_LEN, fitted);
        jw_kstrz(&o->r.w, key, fitted);
    } else {
        jw_kstr(&o->r.w, key, id);
    }
}

static void write_calls(struct openai_writer *o, const struct msg_turn *t)
{
    struct jw *w = &o->r.w;
    jw_key(w, "tool_calls");
    jw_array(w);
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (p->kind != MSG_TOOL_CALL)
            continue;
        jw_object(w);
        write_tool_id(o, "id", p->id);
        jw_kstrz(w, "type", "function");
        jw_key(w, "function");
        jw_object(w);
        jw_kstr(w, "name", p->name);
        jw_kstr(w, "arguments", p->args.len > 0 ? p->args : STR("{}"));
        jw_object_end(w);
        jw_object_end(w);
    }
    jw_array_end(w);
}

/* Unchanged, as they came with the calls; whoever says what they are, they must be JSON. */
static void write_details(struct openai_writer *o, const struct msg_turn *t)
{
    struct err ignored = ERR_INIT;
    AUTO(buf_release) struct buf all = BUF_INIT(LIMIT_BODY_LEN);
    buf_addc(&all, '[');
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (p->kind != MSG_THINKING || !str_eqz(p->id, openai_details_id))
            continue;
        buf_addz(&all, all.len > 1 ? "," : "");
        buf_adds(&all, p->signature);
    }
    buf_addc(&all, ']');
    if (all.len <= 2 || buf_err(&all) != ERR_OK ||
        jscan_check(buf_str(&all), &ignored) != ERR_OK)
        return;
    jw_key(&o->r.w, "reasoning_details");
    jw_raw(&o->r.w, buf_str(&all));
}

/* Its texts are one, but where one of them is marked. */
static void write_system(struct openai_writer *o, const struct msg_turn *t)
{
    struct jw *w = &o->r.w;
    bool has_marks = false;
    for (size_t i = 0; i < t->n_parts; i++)
        has_marks |= t->parts[i].text.len > 0 && is_marked(o, &t->parts[i]);
    jw_kstrz(w, "role", "system");
    if (!has_marks) {
        write_joined(o, "content", t, MSG_TEXT, "\n\n");
        for (size_t i = 0; i < t->n_parts; i++)
            drop_cache(&o->r, t->parts[i].cache_ttl);
        return;
    }
    jw_key(w, "content");
    jw_array(w);
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].text.len > 0)
            write_part(o, &t->parts[i]);
    jw_array_end(w);
}

static void write_assistant(struct openai_writer *o, const struct msg_turn *t)
{
    struct jw *w = &o->r.w;
    bool has_calls = has_kind(t, MSG_TOOL_CALL), has_refusal = has_kind(t, MSG_REFUSAL);
    /* OpenAI knows the member; to the rest a refusal is a text like any other */
    bool as_text = has_refusal && !o->quirk->is_openai;
    jw_kstrz(w, "role", "assistant");
    if (has_kind(t, MSG_TEXT))
        write_joined(o, "content", t, MSG_TEXT, "");
    else if (as_text)
        write_joined(o, "content", t, MSG_REFUSAL, "");
    else
        jw_kstrz(w, "content", has_calls || has_refusal ? NULL : "");
    if (has_refusal && !as_text)
        write_joined(o, "refusal", t, MSG_REFUSAL, "");
    /* a foreign thought is no more than its text; where it is not demanded it stays behind */
    if (o->quirk->wants_thought && (has_calls || has_kind(t, MSG_THINKING)))
        write_joined(o, "reasoning_content", t, MSG_THINKING, "");
    if (o->quirk->wants_details && has_calls)
        write_details(o, t);
    if (has_calls)
        write_calls(o, t);
    for (size_t i = 0; i < t->n_parts; i++) /* nothing that it says can be marked */
        drop_cache(&o->r, t->parts[i].cache_ttl);
}

static void write_result(struct openai_writer *o, const struct msg_part *p)
{
    struct jw *w = &o->r.w;
    bool has_mark = is_marked(o, p);
    jw_object(w);
    jw_kstrz(w, "role", "tool");
    write_tool_id(o, "tool_call_id", p->id);
    jw_key(w, "content");
    if (has_mark) {
        jw_array(w);
        jw_object(w);
        jw_kstrz(w, "type", "text");
        jw_key(w, "text");
    }
    jw_string(w);
    if (p->is_error) /* there is no flag for it */
        jw_string_add(w, STR("Error: "));
    jw_string_kept(w, p->text);
    if (p->text.len == 0 && p->n_parts > 0)
        jw_string_add(w, STR("(see the next message)"));
    jw_string_end(w);
    openai_write_mark(&o->r, has_mark ? p->cache_ttl : STR_NONE);
    if (has_mark) {
        jw_object_end(w);
        jw_array_end(w);
    } else {
        drop_cache(&o->r, p->cache_ttl);
    }
    jw_object_end(w);
}

/* Tool messages hold text only: what else the results of a run of turns hold comes after. */
static void write_result_media(struct openai_writer *o, const struct msg_turn *turns,
                               size_t n)
{
    struct jw *w = &o->r.w;
    bool is_open = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < turns[i].n_parts; k++) {
            const struct msg_part *result = &turns[i].parts[k];
            for (size_t m = 0; m < result->n_parts; m++) {
                if (!is_open) {
                    jw_object(w);
                    jw_kstrz(w, "role", "user");
                    jw_key(w, "content");
                    jw_array(w);
                }
                is_open = true;
                write_part(o, &result->parts[m]);
            }
        }
    if (is_open) {
        jw_array_end(w);
        jw_object_end(w);
    }
}

static void write_turn(struct openai_writer *o, const struct msg_turn *t)
{
    struct jw *w = &o->r.w;
    jw_object(w);
    if (t->role == MSG_ASSISTANT) {
        write_assistant(o, t);
    } else if (t->role == MSG_SYSTEM) {
        write_system(o, t);
    } else {
        jw_kstrz(w, "role", "user");
        write_user_content(o, t);
    }
    if (t->name.len > 0)
        jw_kstr(w, "name", t->name);
    bool is_begun = t + 1 == o->r.m->turns + o->r.m->n_turns && msg_is_begun(o->r.m);
    if (is_begun && o->quirk->prefill == PREFILL_PREFIX)
        jw_kbool(w, "prefix", true);
    else if (is_begun && o->quirk->prefill == PREFILL_PARTIAL)
        jw_kbool(w, "partial", true);
    jw_object_end(w);
}

/* Is the format one that the target cannot be told, but in words? */
static bool is_worded(const struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    if (m->format == MSG_FORMAT_SCHEMA)
        return lacks(o, LACKS_SCHEMA);
    return m->format == MSG_FORMAT_JSON && o->quirk->begins_no_json && msg_is_begun(m);
}

/* A server without schemas takes the word of the prompt for it. */
static void write_format_words(struct openai_writer *o)
{
    struct jw *w = &o->r.w;
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    format_words(&o->r, &text);
    jw_object(w);
    jw_kstrz(w, "role", "system");
    write_taken(w, "content", &text);
    jw_object_end(w);
}

static void write_messages(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    jw_key(&o->r.w, "messages");
    jw_array(&o->r.w);
    if (is_worded(o))
        write_format_words(o);
    size_t run = 0; /* tool turns just written */
    for (size_t i = 0; i < m->n_turns; i++) {
        const struct msg_turn *t = &m->turns[i];
        if (t->role != MSG_TOOL) {
            write_result_media(o, t - run, run);
            run = 0;
            write_turn(o, t);
            continue;
        }
        for (size_t k = 0; k < t->n_parts; k++)
            write_result(o, &t->parts[k]);
        run++;
    }
    write_result_media(o, m->turns + m->n_turns - run, run);
    jw_array_end(&o->r.w);
}

/* ---- tools, format, effort, sampling ---- */

static void write_tools(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    struct jw *w = &o->r.w;
    if (m->n_tools == 0)
        return;
    jw_key(w, "tools");
    jw_array(w);
    for (size_t i = 0; i < m->n_tools; i++) {
        const struct msg_tool *t = &m->tools[i];
        jw_object(w);
        jw_kstrz(w, "type", "function");
        jw_key(w, "function");
        jw_object(w);
        jw_kstr(w, "name", t->name);
        if (t->description.len > 0)
            jw_kstr(w, "description", t->description);
        if (t->schema.len > 0) {
            jw_key(w, "parameters");
            jw_raw(w, t->schema);
        }
        if (t->strict == 0 || (t->strict == 1 && schema_is_strict(t->schema)))
            jw_kbool(w, "strict", t->strict == 1);
        else if (t->strict == 1)
            drop(&o->r, "tools.strict");
        jw_object_end(w);
        jw_object_end(w);
        drop_cache(&o->r, t->cache_ttl);
    }
    jw_array_end(w);
}

static void write_choice(struct openai_writer *o)
{
    static const char *const words[] = {[MSG_CHOICE_AUTO] = "auto",
                                        [MSG_CHOICE_NONE] = "none",
                                        [MSG_CHOICE_ANY] = "required"};
    const struct msg_request *m = o->r.m;
    struct jw *w = &o->r.w;
    if (m->n_tools == 0)
        return;
    if (m->parallel_tools >= 0 && !lacks(o, LACKS_PARALLEL))
        jw_kbool(w, "parallel_tool_calls", m->parallel_tools == 1);
    else if (m->parallel_tools == 0)
        drop(&o->r, "parallel_tool_calls");
    if (m->choice == MSG_CHOICE_UNSET)
        return;
    if (lacks(o, LACKS_TOOL_CHOICE) && m->choice != MSG_CHOICE_AUTO) {
        drop(&o->r, "tool_choice");
        return;
    }
    jw_key(w, "tool_choice");
    if (m->choice != MSG_CHOICE_ONE) {
        bool is_own = m->choice == MSG_CHOICE_ANY && o->quirk->required != NULL;
        jw_strz(w, is_own ? o->quirk->required : words[m->choice]);
        return;
    }
    jw_object(w);
    jw_kstrz(w, "type", "function");
    jw_key(w, "function");
    jw_object(w);
    jw_kstr(w, "name", m->choice_name);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_format(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    struct jw *w = &o->r.w;
    bool is_schema = m->format == MSG_FORMAT_SCHEMA && !is_worded(o);
    bool has_none = is_worded(o) && o->quirk->begins_no_json && msg_is_begun(m);
    if (is_worded(o)) /* see write_messages() */
        drop(&o->r, m->format == MSG_FORMAT_SCHEMA ? "json_schema" : "response_format");
    if (m->format == MSG_FORMAT_TEXT || has_none)
        return;
    jw_key(w, "response_format");
    jw_object(w);
    jw_kstrz(w, "type", is_schema ? "json_schema" : "json_object");
    if (is_schema) {
        jw_key(w, "json_schema");
        jw_object(w);
        jw_kstr(w, "name", m->schema_name.len > 0 ? m->schema_name : STR("answer"));
        if (m->schema.len > 0) {
            jw_key(w, "schema");
            jw_raw(w, m->schema);
        }
        /* unsaid, as in a dialect that is always strict: as strict as the schema allows */
        if (m->schema_strict == 0 || schema_is_strict(m->schema))
            jw_kbool(w, "strict", m->schema_strict != 0);
        else /* what is not strict is no more than a hint */
            o->r.dropped->is_schema_cut = true;
        jw_object_end(w);
    }
    jw_object_end(w);
}

const char *openai_effort_word(enum msg_effort e, struct str model)
{
    int version = openai_version(model);
    if (version < 0 && !is_o_series(model))
        return msg_effort_name(e); /* a name of the customer's own */
    if (e == MSG_EFFORT_NONE && version < 51)
        return version == 50 ? "minimal" : "low";
    if (e == MSG_EFFORT_MINIMAL && (version < 50 || version >= 56))
        return "low";
    if (e == MSG_EFFORT_XHIGH || e == MSG_EFFORT_MAX)
        return version >= 52 ? "xhigh" : "high";
    return msg_effort_name(e);
}

static const char *openai_effort(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    enum msg_effort e = m->effort;
    int version = openai_version(o->r.t->model);
    /*
     * Function tools and effort do not go together on Chat Completions: gpt-5.6 wants "none"
     * said, 5.2 to 5.5 want nothing said. Source: litellm#34569, LibreChat#14355 (2026-10).
     */
    if (m->n_tools > 0 && version >= 52) {
        if (e != MSG_EFFORT_UNSET && e != MSG_EFFORT_NONE)
            drop(&o->r, "reasoning_effort");
        return version >= 56 ? "none" : NULL;
    }
    if (e == MSG_EFFORT_UNSET)
        return NULL;
    if (!openai_is_reasoning(o->r.t)) {
        if (e != MSG_EFFORT_NONE) /* that is what it does anyway */
            drop(&o->r, "reasoning_effort");
        return NULL;
    }
    return openai_effort_word(e, o->r.t->model);
}

/* The nearest of low, medium and high. */
static const char *plain_effort(enum msg_effort e)
{
    switch (e) {
    case MSG_EFFORT_UNSET:
    case MSG_EFFORT_NONE:
        return "none";
    case MSG_EFFORT_MINIMAL:
    case MSG_EFFORT_LOW:
        return "low";
    case MSG_EFFORT_MEDIUM:
        return "medium";
    case MSG_EFFORT_HIGH:
    case MSG_EFFORT_XHIGH:
    case MSG_EFFORT_MAX:
        break;
    }
    return "high";
}

static void write_thinking_switch(struct jw *w, bool on)
{
    jw_key(w, "thinking");
    jw_object(w);
    jw_kstrz(w, "type", on ? "enabled" : "disabled");
    jw_object_end(w);
}

static void write_effort(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    struct jw *w = &o->r.w;
    if (o->quirk->effort == EFFORT_OPENAI) {
        const char *word = openai_effort(o);
        if (word != NULL)
            jw_kstrz(w, "reasoning_effort", word);
        return;
    }
    if (o->quirk->effort == EFFORT_ALIBABA && msg_is_begun(m)) {
        /* it goes on with a beginning only where it does not think before (partial mode) */
        jw_kbool(w, "enable_thinking", false);
        if (m->effort > MSG_EFFORT_NONE)
            drop(&o->r, "reasoning_effort");
        return;
    }
    if (m->effort == MSG_EFFORT_UNSET)
        return;
    if ((o->r.t->caps_no & CAP_REASONING) != 0) {
        if (m->effort != MSG_EFFORT_NONE)
            drop(&o->r, "reasoning_effort");
        return;
    }
    bool on = m->effort != MSG_EFFORT_NONE;
    switch (o->quirk->effort) {
    case EFFORT_OPENAI:
        break;
    case EFFORT_WORD:
        jw_kstrz(w, "reasoning_effort", plain_effort(m->effort));
        break;
    case EFFORT_DEEPSEEK:
        write_thinking_switch(w, on);
        if (on)
            jw_kstrz(w, "reasoning_effort",
                     m->effort == MSG_EFFORT_MAX     ? "max"
                     : m->effort < MSG_EFFORT_MEDIUM ? "low"
                                                     : "high");
        break;
    case EFFORT_SWITCH:
        write_thinking_switch(w, on);
        break;
    case EFFORT_ALIBABA:
        jw_kbool(w, "enable_thinking", on);
        if (on && m->budget_tok > 0)
            jw_ki64(w, "thinking_budget", m->budget_tok);
        break;
    case EFFORT_NESTED:
        jw_key(w, "reasoning");
        jw_object(w);
        jw_kstrz(w, "effort", msg_effort_name(m->effort));
        jw_object_end(w);
        break;
    }
}

static void write_number(struct openai_writer *o, const char *key, struct str number,
                         bool is_taken, int64_t min_u, int64_t max_u)
{
    if (number.len == 0)
        return;
    if (is_taken)
        write_clamped(&o->r.w, key, number, min_u, max_u);
    else
        drop(&o->r, key);
}

/* Models that reason, elsewhere than at OpenAI. */
static bool is_limited(const struct openai_writer *o)
{
    return lacks(o, LACKS_WHILE_THINKING) && (o->r.t->caps_yes & CAP_REASONING) != 0;
}

/* OpenAI's reasoning models refuse sampling parameters unless told not to reason. */
static void write_sampling(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    bool open = !o->quirk->is_openai || !openai_is_reasoning(o->r.t) ||
                (m->effort == MSG_EFFORT_NONE && openai_version(o->r.t->model) >= 51);
    int max_temperature = o->quirk->max_temperature > 0 ? o->quirk->max_temperature : 2;
    bool has_penalties = open && !lacks(o, LACKS_PENALTIES) && !is_limited(o);
    write_number(o, "temperature", m->temperature, open, 0,
                 max_temperature * (int64_t)1000000);
    write_number(o, "top_p", m->top_p, open, 0, 1000000);
    write_number(o, "top_k", m->top_k, o->quirk->takes_top_k, 0, INT64_MAX);
    write_number(o, "frequency_penalty", m->frequency_penalty, has_penalties, -2000000,
                 2000000);
    write_number(o, "presence_penalty", m->presence_penalty, has_penalties, -2000000,
                 2000000);
    if (m->seed.len > 0 && lacks(o, LACKS_SEED)) {
        drop(&o->r, "seed");
    } else if (m->seed.len > 0) {
        jw_key(&o->r.w, o->quirk->seed != NULL ? o->quirk->seed : "seed");
        jw_raw(&o->r.w, m->seed);
    }
}

/* At most four, or as many as the server takes, and none on o3 and o4. */
static void write_stops(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    struct str model = o->r.t->model;
    if (m->n_stops == 0)
        return;
    bool has_none = o->quirk->is_openai &&
                    (str_starts(model, STR("o3")) || str_starts(model, STR("o4")));
    size_t most = o->quirk->max_stops > 0 ? (size_t)o->quirk->max_stops : 4;
    if (has_none || is_limited(o)) {
        drop(&o->r, "stop");
        return;
    }
    if (m->n_stops > most)
        drop(&o->r, most == 1 ? "stop.1" : most == 4 ? "stop.4" : "stop.16");
    jw_key(&o->r.w, "stop");
    jw_array(&o->r.w);
    for (size_t i = 0; i < MIN(m->n_stops, most); i++)
        jw_str(&o->r.w, m->stops[i]);
    jw_array_end(&o->r.w);
}

/* OpenAI's own extras; others do not know them, or refuse them. */
static void write_extras(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    struct jw *w = &o->r.w;
    if (m->user.len > 0 && o->quirk->is_openai && m->user.len <= 64)
        jw_kstr(w, "safety_identifier", m->user);
    else if (m->user.len > 0)
        drop(&o->r, "user");
    if (m->service_tier.len == 0 || str_eqz(m->service_tier, "auto"))
        return;
    if (o->quirk->is_openai && str_eqz(m->service_tier, "standard_only"))
        jw_kstrz(w, "service_tier", "default");
    else if (o->quirk->is_openai && !str_eqz(m->service_tier, "standard"))
        jw_kstr(w, "service_tier", m->service_tier);
    else
        drop(&o->r, "service_tier");
}

static void write_logprobs(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    if (lacks(o, LACKS_LOGPROBS))
        refuse_logprobs(&o->r);
    if (!m->logprobs)
        return;
    jw_kbool(&o->r.w, "logprobs", true);
    if (m->top_logprobs > 0)
        jw_ki64(&o->r.w, "top_logprobs", m->top_logprobs);
}

static void write_request(struct openai_writer *o)
{
    const struct msg_request *m = o->r.m;
    const struct target_caps *t = o->r.t;
    struct jw *w = &o->r.w;
    jw_object(w);
    jw_kstr(w, "model", t->model);
    write_messages(o);
    write_tools(o);
    write_choice(o);
    write_format(o);
    write_effort(o);
    int64_t cap = m->max_output_tok;
    if (cap > 0 && t->max_output_tok > 0)
        cap = MIN(cap, t->max_output_tok);
    if (cap > 0)
        jw_ki64(w, t->kind->cap_field != NULL ? t->kind->cap_field : "max_tokens", cap);
    write_sampling(o);
    write_stops(o);
    write_extras(o);
    if (m->n > 1 && lacks(o, LACKS_N))
        refuse(&o->r, "n", "the target gives one choice");
    else if (m->n > 1)
        jw_ki64(w, "n", m->n);
    write_logprobs(o);
    if (o->quirk->cuts_cap)
        jw_kstrz(w, "context_length_exceeded_behavior", "error");
    if (o->quirk->splits_thought)
        jw_kbool(w, "reasoning_split", true);
    if (msg_is_begun(m) && o->quirk->prefill == PREFILL_CONTINUE) {
        jw_kbool(w, "continue_final_message", true);
        jw_kbool(w, "add_generation_prompt", false);
    }
    if (t->stream) {
        jw_kbool(w, "stream", true);
        if (t->kind->ask_usage) {
            jw_key(w, "stream_options");
            jw_object(w);
            jw_kbool(w, "include_usage", true);
            jw_object_end(w);
        }
    }
    jw_object_end(w);
}

enum errc openai_request_encode(const struct msg_request *m, const struct target_caps *t,
                                struct buf *out, struct dropped *d, struct err *e)
{
    struct openai_writer o = {.r = {.m = m, .t = t, .dropped = d, .e = e},
                              .quirk = &t->kind->quirks};
    jw_init(&o.r.w, out);
    o.r.w.later = t->later;
    refuse_audio(&o.r);
    write_request(&o);
    drop_ignored(&o.r);
    return request_end(&o.r);
}
