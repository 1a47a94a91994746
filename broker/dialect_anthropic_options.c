/*
 * dialect_anthropic_options.c: what a Messages request says of how to answer: thinking, format,
 * sampling, tier.
 *
 * Source: as in dialect_anthropic_encode.c.
 */
#include <string.h>

#include "core/catalog.h"

#include "broker/dialect_anthropic_encode.h"

bool anthropic_takes_schema(const struct anthropic_writer *a)
{
    return (a->r.t->caps_no & CAP_JSON_SCHEMA) == 0;
}

/* ---- thinking ---- */

static bool begins_with_thought(const struct msg_turn *t)
{
    return t->n_parts > 0 && anthropic_is_told(&t->parts[0]) &&
           (t->parts[0].kind == MSG_THINKING || t->parts[0].kind == MSG_REDACTED);
}

/*
 * May it think by a budget? In a tool loop the turn with the calls must begin with the thought
 * that led to them, signed: kept by the broker, unless it has been forgotten.
 */
static bool may_think(const struct msg_request *m)
{
    for (size_t i = m->n_turns; i-- > 0;) {
        if (m->turns[i].role != MSG_ASSISTANT && m->turns[i].role != MSG_TOOL)
            continue;
        if (m->turns[i].role == MSG_ASSISTANT)
            return i + 1 < m->n_turns;
        while (i > 0 && m->turns[i].role == MSG_TOOL)
            i--;
        return begins_with_thought(&m->turns[i]);
    }
    return true;
}

int64_t anthropic_budget(const struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    if (!a->family->is_manual || (a->r.t->caps_no & CAP_REASONING) != 0 || !may_think(m))
        return 0;
    return claude_budget(m, a->max_tok);
}

static void write_thinking_type(struct anthropic_writer *a, const char *type,
                                int64_t budget_tok)
{
    struct jw *w = &a->r.w;
    jw_key(w, "thinking");
    jw_object(w);
    jw_kstrz(w, "type", type);
    if (budget_tok > 0)
        jw_ki64(w, "budget_tokens", budget_tok);
    bool is_on = budget_tok > 0 || strcmp(type, "adaptive") == 0;
    const char *display = claude_display(a->family->is_silent, a->r.m->thoughts);
    if (is_on && display != NULL)
        jw_kstrz(w, "display", display);
    jw_object_end(w);
}

const char *anthropic_write_thinking(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    bool on = m->effort > MSG_EFFORT_NONE;
    if (m->effort == MSG_EFFORT_UNSET)
        return NULL;
    if ((a->r.t->caps_no & CAP_REASONING) != 0 || (a->family->is_manual && on)) {
        if (a->budget_tok > 0)
            write_thinking_type(a, "enabled", a->budget_tok);
        else if (on)
            drop(&a->r, "reasoning_effort");
        return NULL;
    }
    if (on) {
        write_thinking_type(a, "adaptive", 0);
        return m->effort == MSG_EFFORT_MINIMAL ? "low" : msg_effort_name(m->effort);
    }
    const char *none = claude_none(a->r.t->model);
    if (none != NULL)
        write_thinking_type(a, none, 0);
    return a->family->none == NONE_LOW ? "low" : NULL;
}

void anthropic_write_output_config(struct anthropic_writer *a, const char *effort)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    bool has_schema =
        m->format == MSG_FORMAT_SCHEMA && m->schema.len > 0 && anthropic_takes_schema(a);
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
        answer_schema_write(&a->r, STRICT_SCHEMA, w->out);
        jw_object_end(w);
    }
    jw_object_end(w);
}

/* ---- sampling, and the rest ---- */

/* Newer models fix sampling, and so does manual thinking. */
void anthropic_write_sampling(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    bool is_open = a->family->is_sampled && a->budget_tok == 0;
    const struct sampling_row rows[] = {
        {"temperature", m->temperature, 1000000, is_open},
        /* from 4.1 on not both. Source: release notes of Claude Opus 4.1 (2025-08) */
        {"top_p", m->top_p, 1000000, is_open && m->temperature.len == 0},
        {"top_k", m->top_k, INT64_MAX, is_open},
        {"frequency_penalty", m->frequency_penalty, 0, false},
        {"presence_penalty", m->presence_penalty, 0, false},
        {"seed", m->seed, 0, false},
    };
    write_sampling_rows(&a->r, rows, ARRAY_LEN(rows));
}

void anthropic_write_stops(struct anthropic_writer *a)
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

void anthropic_write_extras(struct anthropic_writer *a)
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
