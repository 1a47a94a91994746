/*
 * dialect_gemini_options.c: what a generateContent request says of how to answer: thinking, format,
 * sampling, tier.
 *
 * Source: as in dialect_gemini_encode.c.
 */
#include "core/catalog.h"
#include "core/num.h"

#include "broker/dialect_gemini_encode.h"

bool gemini_takes_format(const struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    bool has_tools = m->n_tools > 0 && m->choice != MSG_CHOICE_NONE;
    return (g->r.t->caps_no & CAP_JSON_SCHEMA) == 0 &&
           (gemini_is_signed(g) || !has_tools);
}

/* ---- generationConfig ---- */

/* Tokens to think with. The cap holds thoughts too, and must leave room for the answer. */
static int64_t budget_of(const struct gemini_writer *g)
{
    static const int64_t budgets[] = {
        [MSG_EFFORT_UNSET] = 0,      [MSG_EFFORT_NONE] = 0,
        [MSG_EFFORT_MINIMAL] = 1024, [MSG_EFFORT_LOW] = 1024,
        [MSG_EFFORT_MEDIUM] = 8192,  [MSG_EFFORT_HIGH] = 24576,
        [MSG_EFFORT_XHIGH] = 32768,  [MSG_EFFORT_MAX] = 32768,
    };
    const struct msg_request *m = g->r.m;
    const struct family *f = g->family;
    int64_t budget = budgets[m->effort];
    if (m->effort == MSG_EFFORT_NONE)
        return f->can_rest ? 0 : f->min_tok;
    if (m->budget_tok > 0)
        budget = m->budget_tok;
    if (m->max_output_tok > 0)
        budget = MIN(budget, m->max_output_tok - 1);
    return MIN(MAX(budget, f->min_tok), f->max_tok);
}

static const char *level_of(const struct gemini_writer *g)
{
    unsigned levels = g->family->levels;
    switch (g->r.m->effort) {
    case MSG_EFFORT_NONE:
    case MSG_EFFORT_MINIMAL:
        return (levels & LEVEL_MINIMAL) != 0 ? "MINIMAL" : "LOW";
    case MSG_EFFORT_LOW:
        return "LOW";
    case MSG_EFFORT_MEDIUM:
        return (levels & LEVEL_MEDIUM) != 0 ? "MEDIUM" : "HIGH";
    case MSG_EFFORT_XHIGH:
        return (levels & LEVEL_XHIGH) != 0 ? "XHIGH" : "HIGH";
    case MSG_EFFORT_UNSET:
    case MSG_EFFORT_HIGH:
    case MSG_EFFORT_MAX: /* as llmgw-protocol(7) has it: XHIGH is for who says xhigh */
        break;
    }
    return "HIGH";
}

static void write_thinking(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    bool on = m->effort > MSG_EFFORT_NONE;
    if (m->effort == MSG_EFFORT_UNSET)
        return;
    if (g->family->style == THINK_NONE || (g->r.t->caps_no & CAP_REASONING) != 0) {
        if (on)
            drop(&g->r, "reasoning_effort");
        return;
    }
    jw_key(w, "thinkingConfig");
    jw_object(w);
    if (on && m->thoughts != MSG_THOUGHTS_HIDDEN) /* who asks may want to see it */
        jw_kbool(w, "includeThoughts", true);
    if (g->family->style == THINK_BUDGET)
        jw_ki64(w, "thinkingBudget", budget_of(g));
    else
        jw_kstrz(w, "thinkingLevel", level_of(g));
    jw_object_end(w);
}

static void write_format(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    if (m->format == MSG_FORMAT_TEXT || !gemini_takes_format(g))
        return;
    jw_kstrz(&g->r.w, "responseMimeType", "application/json");
    if (m->format != MSG_FORMAT_SCHEMA || m->schema.len == 0)
        return;
    jw_key(&g->r.w, "responseJsonSchema");
    jw_raw(&g->r.w, STR_NONE);
    answer_schema_write(&g->r, SCHEMA_RULES, g->r.w.out);
}

/* Gemini 4 ignores sampling, and answers penalties with a 400. */
static void write_sampling(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    bool is_sampled = g->version < 40;
    int64_t seed;
    const struct {
        const char *key, *field;
        struct str number;
        int64_t min_u, max_u;
        bool is_taken;
    } rows[] = {
        {"temperature", "temperature", m->temperature, 0, 2000000, is_sampled},
        {"topP", "top_p", m->top_p, 0, 1000000, is_sampled},
        {"topK", "top_k", m->top_k, 0, INT64_MAX, is_sampled},
        {"frequencyPenalty", "frequency_penalty", m->frequency_penalty, -2000000, 2000000,
         is_sampled},
        {"presencePenalty", "presence_penalty", m->presence_penalty, -2000000, 2000000,
         is_sampled},
        {"seed", "seed", m->seed, INT64_MIN, INT64_MAX,
         num_i64(m->seed, INT32_MIN, INT32_MAX, &seed) == ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].is_taken)
            write_clamped(&g->r.w, rows[i].key, rows[i].number, rows[i].min_u,
                          rows[i].max_u);
        else if (rows[i].number.len > 0)
            drop(&g->r, rows[i].field);
    }
}

static void write_stops(struct gemini_writer *g)
{
    enum { MOST = 5 };
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    if (m->n_stops == 0)
        return;
    if (m->n_stops > MOST)
        drop(&g->r, "stop.5");
    jw_key(w, "stopSequences");
    jw_array(w);
    for (size_t i = 0; i < MIN(m->n_stops, (size_t)MOST); i++)
        jw_str(w, m->stops[i]);
    jw_array_end(w);
}

void gemini_write_hop_token(struct gemini_writer *g)
{
    if (g->r.t->hop_token.len > 0)
        jw_kstr(&g->r.w, "continuationToken", g->r.t->hop_token);
}

/*
 * Gemini 4 gives one answer, and the unnumbered names are of the latest; all before give as many as
 * a translated answer may hold.
 */
static void write_choices(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    if (m->n <= 1)
        return;
    if (g->version == 0 || g->version >= 40)
        refuse_choices(&g->r);
    else if (m->n > MSG_CHOICES)
        refuse(&g->r, "n", "the target gives eight choices at most");
    else
        jw_ki64(&g->r.w, "candidateCount", m->n);
}

/*
 * Not all models tell them; the 400 of one that does not sends the request to the next target.
 * Source: googleapis generativelanguage/v1beta generative_service.proto, GenerationConfig:
 * response_logprobs, and logprobs from 0 to 20, how many others are told with each.
 */
static void write_logprobs(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    if (!m->logprobs)
        return;
    jw_kbool(&g->r.w, "responseLogprobs", true);
    if (m->top_logprobs > 0)
        jw_ki64(&g->r.w, "logprobs", m->top_logprobs);
}

void gemini_write_config(struct gemini_writer *g)
{
    const struct msg_request *m = g->r.m;
    struct jw *w = &g->r.w;
    int64_t limit = g->r.t->max_output_tok;
    jw_key(w, "generationConfig");
    jw_object(w);
    if (m->max_output_tok >= 0)
        jw_ki64(w, "maxOutputTokens",
                limit > 0 ? MIN(m->max_output_tok, limit) : m->max_output_tok);
    write_sampling(g);
    write_stops(g);
    write_format(g);
    write_thinking(g);
    write_choices(g);
    write_logprobs(g);
    if (!g->r.t->is_hop_on_top)
        gemini_write_hop_token(g);
    jw_object_end(w);
}

/* ---- the rest ---- */

void gemini_write_tier(struct gemini_writer *g)
{
    static const char *const tiers[][2] = {{"default", "standard"},
                                           {"standard", "standard"},
                                           {"standard_only", "standard"},
                                           {"flex", "flex"},
                                           {"priority", "priority"}};
    struct str asked = g->r.m->service_tier;
    if (asked.len == 0 || str_eqz(asked, "auto"))
        return;
    for (size_t i = 0; i < ARRAY_LEN(tiers) && !g->is_vertex; i++)
        if (str_eqz(asked, tiers[i][0])) {
            jw_kstrz(&g->r.w, "serviceTier", tiers[i][1]);
            return;
        }
    drop(&g->r, "service_tier");
}

/*
 * Vertex has labels, whose values are short and plain, and the Gemini API nothing.
 * Source: docs.cloud.google.com/vertex-ai, generateContent, labels (2026).
 */
void gemini_write_user(struct gemini_writer *g)
{
    struct str user = g->r.m->user;
    bool fits = g->is_vertex && user.len <= 63;
    for (size_t i = 0; i < user.len && fits; i++) {
        char c = user.ptr[i];
        fits = (c >= 'a' && c <= 'z') || is_digit(user, i) || c == '_' || c == '-';
    }
    if (user.len == 0)
        return;
    if (!fits) {
        drop(&g->r, "user");
        return;
    }
    jw_key(&g->r.w, "labels");
    jw_object(&g->r.w);
    jw_kstr(&g->r.w, "user_id", user);
    jw_object_end(&g->r.w);
}
