/*
 * dialect_bedrock_options.c: what a Converse request says of how to answer: thinking, format,
 * sampling, tier.
 *
 * Source: as in dialect_bedrock_encode.c.
 */
#include <string.h>

#include "core/catalog.h"

#include "broker/dialect_bedrock_encode.h"

static bool is_old_claude(const struct bedrock_writer *b)
{
    return b->claude > 0 && b->claude <= 45;
}

/* Models after Opus 4.6 answer 400 to sampling. Source: Anthropic api/messages (2026-08). */
static bool is_sampled(const struct bedrock_writer *b)
{
    return !b->is_claude || (b->claude > 0 && b->claude <= 46);
}

bool bedrock_takes_format(const struct bedrock_writer *b)
{
    return b->r.m->format == MSG_FORMAT_SCHEMA && b->r.m->schema.len > 0 &&
           (b->r.t->caps_no & CAP_JSON_SCHEMA) == 0;
}

/* ---- thinking ---- */

int64_t bedrock_budget(const struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    int64_t cap = m->max_output_tok > 0 ? m->max_output_tok : b->r.t->max_output_tok;
    if (!is_old_claude(b) || (b->r.t->caps_no & CAP_REASONING) != 0)
        return 0;
    /* in a tool loop the thought that led to the call must stand before it, signed */
    const struct msg_turn *last = m->n_turns > 0 ? &m->turns[m->n_turns - 1] : NULL;
    bool is_loop = last != NULL && last->role == MSG_TOOL;
    for (size_t i = m->n_turns; is_loop && i-- > 0;)
        if (m->turns[i].role == MSG_ASSISTANT) {
            const struct msg_turn *t = &m->turns[i];
            is_loop = t->n_parts == 0 || !bedrock_is_thought(&t->parts[0]) ||
                      !bedrock_is_told(b, &t->parts[0]);
            break;
        }
    return is_loop ? 0 : claude_budget(m, cap);
}

static bool takes_effort(const struct bedrock_writer *b)
{
    return (b->r.t->caps_no & CAP_REASONING) == 0 && !is_old_claude(b);
}

/* How a newer Claude is told not to think, as at its maker's; NULL: it cannot be, or is none. */
static const char *none_type(const struct bedrock_writer *b)
{
    bool is_told = b->is_claude && takes_effort(b) && b->r.m->effort == MSG_EFFORT_NONE;
    return is_told ? claude_none(b->r.t->model) : NULL;
}

/* ---- format, and what only one maker knows ---- */

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

void bedrock_write_output_config(struct bedrock_writer *b)
{
    const struct msg_request *m = b->r.m;
    struct jw *w = &b->r.w;
    bool has_effort =
        m->effort != MSG_EFFORT_UNSET && takes_effort(b) && none_type(b) == NULL;
    if (m->effort > MSG_EFFORT_NONE && !has_effort && b->budget_tok == 0)
        drop(&b->r, "reasoning_effort");
    if (!has_effort && !bedrock_takes_format(b))
        return;
    jw_key(w, "outputConfig");
    jw_object(w);
    if (bedrock_takes_format(b))
        write_text_format(b);
    if (has_effort)
        write_effort(b);
    jw_object_end(w);
}

void bedrock_write_model_fields(struct bedrock_writer *b)
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
    const char *type = b->budget_tok > 0 ? "enabled" : adapts ? "adaptive" : none_type(b);
    if (type == NULL && !has_top_k && !bedrock_is_single(b))
        return;
    jw_key(w, "additionalModelRequestFields");
    jw_object(w);
    if (type != NULL) {
        jw_key(w, "thinking");
        jw_object(w);
        jw_kstrz(w, "type", type);
        if (b->budget_tok > 0)
            jw_ki64(w, "budget_tokens", b->budget_tok);
        const char *display =
            claude_display(b->claude == 0 || b->claude > 46, m->thoughts);
        if (display != NULL && (adapts || b->budget_tok > 0))
            jw_kstrz(w, "display", display);
        jw_object_end(w);
    }
    if (has_top_k)
        write_clamped(w, "top_k", m->top_k, 0, INT64_MAX);
    if (bedrock_is_single(b))
        bedrock_write_single(b);
    jw_object_end(w);
}

/* ---- sampling ---- */

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

void bedrock_write_inference(struct bedrock_writer *b)
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

void bedrock_write_tier(struct bedrock_writer *b)
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
void bedrock_write_user(struct bedrock_writer *b)
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
