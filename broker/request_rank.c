/*
 * request_rank.c: what the strategies of routes go by beyond the configuration: for the router
 * before a request, and learned from it at its end.
 *
 * Must not decide, send or change states. Routes with strategy order or weighted never come here.
 */
#include <string.h>

#include "core/num.h"

#include "broker/habit.h"
#include "broker/request_priv.h"
#include "broker/score.h"

enum {
    /*
     * A prompt cache lives so long after its last use, if the request says nothing else.
     * Source: Anthropic, prompt caching: 5 minutes; OpenAI, prompt caching: 5 to 10 (2026-11).
     */
    CACHE_LIVES_US = 300 * US_PER_S,
    /* scores are read again by then, while somebody ranks by them */
    SCORES_OLD_US = 60 * US_PER_S,
    /* what was measured longer ago may be different by now */
    SPEED_OLD_US = 600 * US_PER_S,
};

/* None lives longer, whatever is asked. Source: OpenAI, prompt_cache_retention 24h (2026-11). */
#define CACHE_MOST_US US_PER_DAY

bool request_is_ranked(const struct request *r)
{
    return r->strategy != CONF_ORDER && r->strategy != CONF_WEIGHTED;
}

uint64_t request_prefix(struct request *r)
{
    if (r->prefix == 0)
        r->prefix = habit_prefix(r->opt.conversation, r->cr.body, r->cr.check);
    return r->prefix;
}

void request_refresh_scores(struct request *r)
{
    struct broker *b = r->b;
    int64_t now_us = loop_mono_us(b->loop);
    struct scores *read = ledger_take_scores(b->ledger);
    if (read != NULL) {
        scores_free(&b->scores);
        b->scores = read;
    }
    if (b->scores_asked_us != 0 && now_us - b->scores_asked_us < SCORES_OLD_US)
        return;
    b->scores_asked_us = now_us;
    ledger_ask_scores(b->ledger);
}

static struct str template_of(const struct request *r)
{
    return r->opt.template_name;
}

void request_view_rank(struct request *r, size_t i, struct target_view *v)
{
    const struct target_state *s = r->prospects[i].state;
    struct str name = str_of(s->name);
    int64_t now_us = loop_mono_us(r->b->loop);
    uint64_t prefix = request_prefix(r);
    int64_t cached_tok = habits_cached_tok(r->b->habits, prefix, name, now_us);
    int64_t output_tok = habits_output_tok(r->b->habits, template_of(r), name);
    v->input_tok = r->prospects[i].bounds.cost.input_tok;
    v->cached_tok = MIN(MAX(cached_tok, 0), v->input_tok);
    v->output_tok = output_tok >= 0 ? output_tok : EXPECTED_OUTPUT_TOK;
    if (r->facts.max_output_tok >= 0)
        v->output_tok = MIN(v->output_tok, r->facts.max_output_tok);
    v->last_token_us = target_last_token_us(s, v->output_tok);
    v->is_speed_old = s->measured_us < now_us - SPEED_OLD_US;
    v->in_flight = (int64_t)s->n_in_flight;
    if (r->strategy == CONF_BEST) {
        const struct score *score = scores_find(r->b->scores, name);
        v->quality_ppm = score != NULL ? score->mean_ppm : 0;
        v->n_scores = score != NULL ? score->n : 0;
    }
    v->kept_us = habits_kept_us(r->b->habits, prefix, name, now_us);
}

/* How long the cache lives that this answer has read or written. */
static int64_t cache_lives_us(const struct request *r)
{
    int64_t us;
    struct str asked = str_of(r->facts.cache_ttl);
    if (asked.len > 0 && num_duration_us(asked, 0, &us) == ERR_OK && us > 0)
        return MIN(us, CACHE_MOST_US);
    return CACHE_LIVES_US;
}

static int64_t cached_tok(const struct usage *u)
{
    static const enum usage_class classes[] = {
        USAGE_CACHE_READ, USAGE_CACHE_WRITE_5M, USAGE_CACHE_WRITE_30M,
        USAGE_CACHE_WRITE_1H, USAGE_CACHE_WRITE_12H};
    int64_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        sum += u->n[classes[i]];
    return sum;
}

void request_learn_rank(struct request *r, const struct target_state *t,
                        const struct attempt_row *row)
{
    int64_t now_us = loop_mono_us(r->b->loop);
    struct str name = str_of(t->name);
    const struct usage *u = &row->usage;
    if (!request_is_ranked(r))
        return;
    int64_t until_us = now_us + cache_lives_us(r);
    habits_served(r->b->habits, r->prefix, name, until_us);
    if (!row->has_usage || u->estimated)
        return;
    habits_answered(r->b->habits, template_of(r), name,
                    usage_output_tok(u) / MAX(r->facts.n, 1), now_us);
    if (cached_tok(u) > 0)
        habits_cached(r->b->habits, r->prefix, name, cached_tok(u), until_us);
}
