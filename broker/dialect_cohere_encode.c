/*
 * dialect_cohere_encode.c: a provider's Cohere chat request from msg.
 *
 * Source: as in dialect_cohere.c; docs.cohere.com/docs/{structured-outputs, reasoning, tool-use}
 * (2026-08).
 */
#include <stdio.h>

#include "core/base64.h"
#include "core/catalog.h"
#include "core/num.h"

#include "broker/dialect_cohere.h"
#include "broker/dialect_priv.h"

struct cohere_writer {
    struct request_writer r;
    size_t n_documents; /* that the conversation has */
    size_t first;       /* turn after the leading system turns */
};

/* ---- messages ---- */

/* Whether a part of a user's turn is sent: empty texts are a 400. */
static bool is_told(const struct msg_part *p)
{
    bool is_text = p->kind == MSG_TEXT || p->kind == MSG_REFUSAL;
    bool is_thought = p->kind == MSG_THINKING || p->kind == MSG_REDACTED;
    return !is_thought && (!is_text || !is_blank(p->text));
}

static void write_text(struct cohere_writer *c, struct str before, struct str text,
                       struct str after)
{
    struct jw *w = &c->r.w;
    struct buf whole = BUF_INIT(LIMIT_BODY_LEN);
    buf_adds(&whole, before);
    buf_adds(&whole, text);
    buf_adds(&whole, after);
    jw_object(w);
    jw_kstrz(w, "type", "text");
    write_taken(w, "text", &whole);
    jw_object_end(w);
}

static void write_image(struct cohere_writer *c, const struct msg_part *p)
{
    struct jw *w = &c->r.w;
    struct buf url = BUF_INIT(LIMIT_BODY_LEN);
    struct str mime = image_mime(p);
    if (p->url.len > 0)
        buf_adds(&url, p->url);
    else
        buf_printf(&url, "data:%.*s;base64,", STR_ARG(mime.len > 0 ? mime : p->mime));
    buf_adds(&url, p->data);
    jw_object(w);
    jw_kstrz(w, "type", "image_url");
    jw_key(w, "image_url");
    jw_object(w);
    write_taken(w, "url", &url);
    if (p->detail.len > 0)
        jw_kstr(w, "detail", p->detail);
    jw_object_end(w);
    jw_object_end(w);
}

/* ---- files: a text is a document, beside the conversation ---- */

static bool is_document(const struct msg_part *p)
{
    return p->kind == MSG_FILE && p->data.len > 0 && is_text_mime(p->mime);
}

static struct str document_title(const struct msg_part *p)
{
    return p->filename.len > 0 ? p->filename : STR("document");
}

static void write_document(struct cohere_writer *c, const struct msg_part *p, size_t i)
{
    struct jw *w = &c->r.w;
    char id[32];
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (!base64_read(p->data, &text) || !str_is_utf8(buf_str(&text)))
        refuse(&c->r, "file", "is no text, though its type says so");
    snprintf(id, sizeof id, COHERE_DOCUMENT_ID "%zu", i);
    jw_object(w);
    jw_kstrz(w, "id", id);
    jw_key(w, "data");
    jw_object(w);
    jw_kstr(w, "title", document_title(p));
    write_taken(w, "text", &text);
    jw_object_end(w);
    jw_object_end(w);
}

typedef void document_fn(struct cohere_writer *c, const struct msg_part *p, size_t i);

/* Of the turns, in their order, with those of the results; how many. */
static size_t each_document(struct cohere_writer *c, document_fn *fn)
{
    size_t n = 0;
    for (size_t i = 0; i < c->r.m->n_turns; i++)
        for (size_t k = 0; k < c->r.m->turns[i].n_parts; k++) {
            const struct msg_part *p = &c->r.m->turns[i].parts[k];
            bool is_one = is_document(p);
            if (is_one && fn != NULL)
                fn(c, p, n);
            n += is_one;
            for (size_t f = 0; f < p->n_parts; f++) {
                is_one = is_document(&p->parts[f]);
                if (is_one && fn != NULL)
                    fn(c, &p->parts[f], n);
                n += is_one;
            }
        }
    return n;
}

static void write_documents(struct cohere_writer *c)
{
    if (c->n_documents == 0)
        return;
    jw_key(&c->r.w, "documents");
    jw_array(&c->r.w);
    each_document(c, write_document);
    jw_array_end(&c->r.w);
}

/* In its place only its name is said. */
static void write_file(struct cohere_writer *c, const struct msg_part *p)
{
    if (is_document(p))
        write_text(c, STR("(document: "), document_title(p), STR(")"));
    else
        refuse(&c->r, "file", "the target reads no files but texts");
}

static void write_part(struct cohere_writer *c, const struct msg_part *p)
{
    drop_cache(&c->r, p->cache_ttl); /* caching is the provider's own affair */
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        write_text(c, STR_NONE, p->text, STR_NONE);
        break;
    case MSG_IMAGE:
        write_image(c, p);
        break;
    case MSG_FILE:
        write_file(c, p);
        break;
    case MSG_AUDIO:
        refuse(&c->r, "input_audio", "the target cannot hear");
        break;
    case MSG_THINKING:
    case MSG_REDACTED:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        break; /* not told, or written apart */
    }
}

static void begin_message(struct jw *w, const char *role)
{
    jw_object(w);
    jw_kstrz(w, "role", role);
}

static void begin_parts(struct jw *w)
{
    jw_key(w, "content");
    jw_array(w);
}

static void end_parts(struct jw *w)
{
    jw_array_end(w);
    jw_object_end(w);
}

static void write_said(struct cohere_writer *c, const char *text)
{
    begin_message(&c->r.w, "user");
    jw_kstrz(&c->r.w, "content", text);
    jw_object_end(&c->r.w);
}

/* A participant's name has no field: it stands before what he says. */
static void write_user(struct cohere_writer *c, const struct msg_turn *t)
{
    struct jw *w = &c->r.w;
    bool is_named = t->name.len > 0;
    begin_message(w, "user");
    begin_parts(w);
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        struct buf name = BUF_INIT(LIMIT_BODY_LEN);
        if (!is_told(p))
            continue;
        if (is_named && p->kind == MSG_TEXT) {
            buf_printf(&name, "%.*s: ", STR_ARG(t->name));
            write_text(c, buf_str(&name), p->text, STR_NONE);
            is_named = false;
        } else {
            write_part(c, p);
        }
        buf_release(&name);
    }
    end_parts(w);
}

/* A system turn further down: the provider takes only the first message of that role. */
static void write_late_system(struct cohere_writer *c, const struct msg_turn *t)
{
    begin_message(&c->r.w, "user");
    begin_parts(&c->r.w);
    for (size_t i = 0; i < t->n_parts; i++)
        if (is_told(&t->parts[i]))
            write_text(c, STR("<system>"), t->parts[i].text, STR("</system>"));
    end_parts(&c->r.w);
}

static void write_name(struct jw *w, struct str name)
{
    struct buf written = BUF_INIT(LIMIT_BODY_LEN);
    cohere_name_write(name, &written);
    write_taken(w, "name", &written);
}

static void write_call(struct cohere_writer *c, const struct msg_part *p)
{
    struct jw *w = &c->r.w;
    drop_cache(&c->r, p->cache_ttl);
    jw_object(w);
    jw_kstr(w, "id", p->id);
    jw_kstrz(w, "type", "function");
    jw_key(w, "function");
    jw_object(w);
    write_name(w, p->name);
    jw_kstr(w, "arguments", p->args.len > 0 ? p->args : STR("{}"));
    jw_object_end(w);
    jw_object_end(w);
}

static size_t count_kind(const struct msg_turn *t, enum msg_part_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_parts; i++)
        n += t->parts[i].kind == kind;
    return n;
}

static size_t count_told(const struct msg_turn *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_parts; i++)
        n += is_told(&t->parts[i]);
    return n;
}

static void write_assistant(struct cohere_writer *c, const struct msg_turn *t)
{
    struct jw *w = &c->r.w;
    size_t n_calls = count_kind(t, MSG_TOOL_CALL);
    begin_message(w, "assistant");
    if (count_told(t) > n_calls) {
        begin_parts(w);
        for (size_t i = 0; i < t->n_parts; i++)
            if (is_told(&t->parts[i]))
                write_part(c, &t->parts[i]);
        jw_array_end(w);
    }
    if (n_calls > 0) {
        jw_key(w, "tool_calls");
        jw_array(w);
        for (size_t i = 0; i < t->n_parts; i++)
            if (t->parts[i].kind == MSG_TOOL_CALL)
                write_call(c, &t->parts[i]);
        jw_array_end(w);
    }
    jw_object_end(w);
}

/* There is no flag for a failed call, and no result without a text. */
static void write_result(struct cohere_writer *c, const struct msg_part *p)
{
    struct jw *w = &c->r.w;
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (p->is_error)
        buf_addz(&text, "Error: ");
    buf_adds(&text, p->text);
    if (is_blank(buf_str(&text)))
        buf_addz(&text, p->n_parts > 0 ? "(see the next message)" : "(nothing)");
    drop_cache(&c->r, p->cache_ttl);
    begin_message(w, "tool");
    jw_kstr(w, "tool_call_id", p->id);
    write_taken(w, "content", &text);
    jw_object_end(w);
}

/* Results hold text only: the images of a run of them come after it, as the user's. */
static void write_result_media(struct cohere_writer *c, size_t from, size_t to)
{
    struct jw *w = &c->r.w;
    bool is_open = false;
    for (size_t i = from; i < to; i++)
        for (size_t k = 0; k < c->r.m->turns[i].n_parts; k++) {
            const struct msg_part *result = &c->r.m->turns[i].parts[k];
            for (size_t n = 0; n < result->n_parts; n++) {
                if (!is_open) {
                    begin_message(w, "user");
                    begin_parts(w);
                }
                is_open = true;
                write_part(c, &result->parts[n]);
            }
        }
    if (is_open)
        end_parts(w);
}

/* Results of tools in turns from `i` on; returns the turn after them. */
static size_t write_results(struct cohere_writer *c, size_t i)
{
    size_t from = i;
    for (; i < c->r.m->n_turns && c->r.m->turns[i].role == MSG_TOOL; i++)
        for (size_t k = 0; k < c->r.m->turns[i].n_parts; k++)
            write_result(c, &c->r.m->turns[i].parts[k]);
    write_result_media(c, from, i);
    return i;
}

/*
 * With tools or documents the provider takes no schema, and without one an answer may run on and
 * on.
 */
static bool takes_format(const struct cohere_writer *c)
{
    return c->r.m->n_tools == 0 && c->n_documents == 0 &&
           (c->r.t->caps_no & CAP_JSON_SCHEMA) == 0;
}

static void write_system(struct cohere_writer *c)
{
    const struct msg_request *m = c->r.m;
    struct buf joined = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t i = 0; i < c->first; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++) {
            const struct msg_part *p = &m->turns[i].parts[k];
            drop_cache(&c->r, p->cache_ttl);
            buf_addz(&joined, joined.len > 0 ? "\n\n" : "");
            buf_adds(&joined, p->text);
        }
    if (m->format != MSG_FORMAT_TEXT && !takes_format(c))
        drop(&c->r, "response_format");
    if (m->format == MSG_FORMAT_JSON ||
        (m->format == MSG_FORMAT_SCHEMA && !takes_format(c)))
        format_words(&c->r, &joined);
    if (is_blank(buf_str(&joined))) {
        buf_release(&joined);
        return;
    }
    begin_message(&c->r.w, "system");
    write_taken(&c->r.w, "content", &joined);
    jw_object_end(&c->r.w);
}

static void write_messages(struct cohere_writer *c)
{
    const struct msg_request *m = c->r.m;
    bool is_empty = true;
    jw_key(&c->r.w, "messages");
    jw_array(&c->r.w);
    write_system(c);
    for (size_t i = c->first; i < m->n_turns;) {
        const struct msg_turn *t = &m->turns[i];
        if (t->role == MSG_TOOL) {
            i = write_results(c, i);
            is_empty = false;
            continue;
        }
        i++;
        if (count_told(t) == 0)
            continue;
        is_empty = false;
        if (t->role == MSG_ASSISTANT)
            write_assistant(c, t);
        else if (t->role == MSG_SYSTEM)
            write_late_system(c, t);
        else
            write_user(c, t);
    }
    if (is_empty)
        write_said(c, ".");
    jw_array_end(&c->r.w);
}

/* ---- tools ---- */

static void write_tool(struct cohere_writer *c, const struct msg_tool *t)
{
    struct jw *w = &c->r.w;
    jw_object(w);
    jw_kstrz(w, "type", "function");
    jw_key(w, "function");
    jw_object(w);
    write_name(w, t->name);
    if (t->description.len > 0)
        jw_kstr(w, "description", t->description);
    if (t->schema.len > 0) {
        jw_key(w, "parameters");
        jw_raw(w, t->schema);
    }
    jw_object_end(w);
    jw_object_end(w);
    drop_cache(&c->r, t->cache_ttl);
}

/* A single tool cannot be named: it is the only one that is offered. */
static void write_tools(struct cohere_writer *c)
{
    const struct msg_request *m = c->r.m;
    struct jw *w = &c->r.w;
    bool is_one = m->choice == MSG_CHOICE_ONE;
    size_t n_strict = 0, n = 0;
    if (m->n_tools == 0)
        return;
    jw_key(w, "tools");
    jw_array(w);
    for (size_t i = 0; i < m->n_tools; i++) {
        if (is_one && !str_eq(m->tools[i].name, m->choice_name))
            continue;
        write_tool(c, &m->tools[i]);
        n_strict += m->tools[i].strict == 1 && schema_is_strict(m->tools[i].schema);
        n++;
    }
    jw_array_end(w);
    if (n == 0)
        refuse(&c->r, "tool_choice", "names a tool that is not offered");
    if (m->choice == MSG_CHOICE_NONE)
        jw_kstrz(w, "tool_choice", "NONE");
    else if (m->choice == MSG_CHOICE_ANY || is_one)
        jw_kstrz(w, "tool_choice", "REQUIRED");
    /* one switch for all of them */
    if (n_strict == n)
        jw_kbool(w, "strict_tools", true);
    for (size_t i = 0; i < m->n_tools && n_strict < n; i++)
        if (m->tools[i].strict == 1)
            drop(&c->r, "tools.strict");
    if (m->parallel_tools == 0)
        drop(&c->r, "parallel_tool_calls");
}

/* ---- format, thinking, sampling ---- */

static void write_format(struct cohere_writer *c)
{
    const struct msg_request *m = c->r.m;
    struct jw *w = &c->r.w;
    if (m->format == MSG_FORMAT_TEXT || !takes_format(c))
        return;
    jw_key(w, "response_format");
    jw_object(w);
    jw_kstrz(w, "type", "json_object");
    if (m->format == MSG_FORMAT_SCHEMA && m->schema.len > 0) {
        jw_key(w, "json_schema");
        jw_raw(w, STR_NONE);
        answer_schema_write(&c->r, SCHEMA_SUBSET | SCHEMA_BARE | SCHEMA_INLINE, w->out);
    }
    jw_object_end(w);
}

/* Tokens to think with; 0: as many as it likes. The vendor wants 1,000 left for the answer. */
static int64_t budget_of(const struct msg_request *m)
{
    enum { ROOM_TOK = 1000 };
    static const int64_t budgets[] = {
        [MSG_EFFORT_UNSET] = 0,  [MSG_EFFORT_NONE] = 0,      [MSG_EFFORT_MINIMAL] = 512,
        [MSG_EFFORT_LOW] = 1024, [MSG_EFFORT_MEDIUM] = 8192, [MSG_EFFORT_HIGH] = 0,
        [MSG_EFFORT_XHIGH] = 0,  [MSG_EFFORT_MAX] = 0,
    };
    int64_t budget = m->budget_tok > 0 ? m->budget_tok : budgets[m->effort];
    if (m->max_output_tok <= 0)
        return budget;
    int64_t most = MAX(m->max_output_tok - ROOM_TOK, (m->max_output_tok + 1) / 2);
    return budget > 0 ? MIN(budget, most) : most;
}

static void write_thinking(struct cohere_writer *c)
{
    const struct msg_request *m = c->r.m;
    struct jw *w = &c->r.w;
    bool on = m->effort != MSG_EFFORT_NONE;
    if (m->effort == MSG_EFFORT_UNSET)
        return;
    if ((c->r.t->caps_no & CAP_REASONING) != 0) {
        if (on)
            drop(&c->r, "reasoning_effort");
        return;
    }
    jw_key(w, "thinking");
    jw_object(w);
    jw_kstrz(w, "type", on ? "enabled" : "disabled");
    if (on && budget_of(m) > 0)
        jw_ki64(w, "token_budget", budget_of(m));
    jw_object_end(w);
}

/* p has bounds that are no whole numbers: 0.01 and 0.99. */
static void write_p(struct cohere_writer *c)
{
    struct str number = c->r.m->top_p;
    int64_t v;
    if (number.len == 0)
        return;
    jw_key(&c->r.w, "p");
    if (num_decimal(number, 6, true, true, &v) != ERR_OK || v > 990000)
        jw_raw(&c->r.w, STR("0.99"));
    else
        jw_raw(&c->r.w, v < 10000 ? STR("0.01") : number);
}

static void write_sampling(struct cohere_writer *c)
{
    const struct msg_request *m = c->r.m;
    struct jw *w = &c->r.w;
    uint64_t seed;
    write_clamped(w, "temperature", m->temperature, 0, 1000000);
    write_p(c);
    write_clamped(w, "k", m->top_k, 0, 500000000);
    write_clamped(w, "frequency_penalty", m->frequency_penalty, 0, 1000000);
    if (m->frequency_penalty.len == 0)
        write_clamped(w, "presence_penalty", m->presence_penalty, 0, 1000000);
    else if (m->presence_penalty.len > 0) /* some models take but one of the two */
        drop(&c->r, "presence_penalty");
    if (num_u64(m->seed, UINT64_MAX, &seed) == ERR_OK) {
        jw_key(w, "seed");
        jw_raw(w, m->seed);
    } else if (m->seed.len > 0) {
        drop(&c->r, "seed");
    }
}

static void write_stops(struct cohere_writer *c)
{
    enum { MOST = 5 };
    const struct msg_request *m = c->r.m;
    if (m->n_stops == 0)
        return;
    if (m->n_stops > MOST)
        drop(&c->r, "stop.5");
    jw_key(&c->r.w, "stop_sequences");
    jw_array(&c->r.w);
    for (size_t i = 0; i < MIN(m->n_stops, (size_t)MOST); i++)
        jw_str(&c->r.w, m->stops[i]);
    jw_array_end(&c->r.w);
}

/* It tells of the tokens that it took, and of no others. */
static void write_logprobs(struct cohere_writer *c)
{
    const struct msg_request *m = c->r.m;
    if (m->logprobs)
        jw_kbool(&c->r.w, "logprobs", true);
    if (m->logprobs && m->top_logprobs > 0)
        drop(&c->r, "top_logprobs");
}

static bool is_plain_tier(struct str tier)
{
    return tier.len == 0 || str_eqz(tier, "auto") || str_eqz(tier, "default") ||
           str_eqz(tier, "standard") || str_eqz(tier, "standard_only");
}

enum errc cohere_request_encode(const struct msg_request *m, const struct target_caps *t,
                                struct buf *out, struct dropped *d, struct err *e)
{
    struct cohere_writer c = {.r = {.m = m, .t = t, .dropped = d, .e = e}};
    struct jw *w = &c.r.w;
    c.first = first_turn(m);
    c.n_documents = each_document(&c, NULL);
    refuse_audio(&c.r);
    refuse_choices(&c.r);
    jw_init(w, out);
    jw_object(w);
    jw_kstr(w, "model", t->model);
    if (t->stream)
        jw_kbool(w, "stream", true);
    write_messages(&c);
    write_documents(&c);
    write_tools(&c);
    write_format(&c);
    write_thinking(&c);
    if (m->max_output_tok >= 0)
        jw_ki64(w, "max_tokens",
                t->max_output_tok > 0 ? MIN(m->max_output_tok, t->max_output_tok)
                                      : m->max_output_tok);
    write_sampling(&c);
    write_stops(&c);
    write_logprobs(&c);
    jw_object_end(w);
    if (m->user.len > 0)
        drop(&c.r, "user");
    if (!is_plain_tier(m->service_tier))
        drop(&c.r, "service_tier");
    drop_ignored(&c.r);
    return request_end(&c.r);
}
