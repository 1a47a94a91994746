/*
 * router.c: which targets may serve a request, in which order, and why.
 *
 * Pure: facts, views and prices in, an ordered list with reasons out. `route explain`,
 * the broker and the tests run this same code. Must not send, reserve, wait or read a
 * clock.
 */
#include "broker/router.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/num.h"
#include "core/price.h"

#include "broker/rank.h"

/* ---- what is known of a target's model ---- */

static const struct conf_model *find_override(const struct conf *conf,
                                              const struct conf_target *t)
{
    for (size_t i = 0; i < conf->n_models; i++)
        if (strcmp(conf->models[i].provider, t->provider) == 0 &&
            strcmp(conf->models[i].model, t->model) == 0)
            return &conf->models[i];
    return NULL;
}

static void apply_override(const struct conf_model *o, struct target_model *ret)
{
    if (o == NULL)
        return;
    if (o->context_tok > 0)
        ret->context_tok = o->context_tok;
    if (o->max_output_tok > 0)
        ret->max_output_tok = o->max_output_tok;
    ret->caps_yes = (ret->caps_yes & ~o->caps_no) | o->caps_yes;
    ret->caps_no = (ret->caps_no & ~o->caps_yes) | o->caps_no;
}

void router_model(const struct conf *conf, const struct catalog *cat,
                  const struct conf_target *t, struct target_model *ret)
{
    const struct conf_provider *p = conf_provider(conf, str_of(t->provider));
    struct str model = str_of(t->model);
    struct str provider = conf_price_provider(conf, cat, str_of(t->provider), model);
    *ret = (struct target_model){.kind = provider_kind_for(p->kind, model),
                                 .price_provider = provider,
                                 .price_service = str_of(p->price_service),
                                 .row = catalog_find(cat, provider, model)};
    if (ret->row != NULL) {
        ret->context_tok = ret->row->context_tok;
        ret->max_output_tok = ret->row->max_output_tok;
        ret->caps_yes = ret->row->caps_yes;
        ret->caps_no = ret->row->caps_no;
    }
    apply_override(find_override(conf, t), ret);
    if (p->kind->embeddings == NULL)
        ret->caps_no |= CAP_EMBEDDING;
}

static pico cost_with_cache(const struct catalog *cat, const struct target_model *m,
                            int64_t at_us, int64_t in_tok, int64_t cached_tok,
                            int64_t out_tok)
{
    pico cost = price_estimate_row(cat, m->row, m->price_provider, m->price_service,
                                   at_us, in_tok, cached_tok, out_tok);
    return cost == PICO_UNKNOWN && m->kind->is_local ? 0 : cost;
}

pico router_cost(const struct catalog *cat, const struct target_model *m, int64_t at_us,
                 int64_t in_tok, int64_t out_tok)
{
    return cost_with_cache(cat, m, at_us, in_tok, 0, out_tok);
}

/* The most that may come out: our cap, the client's or the model's own; −1 unknown. */
static int64_t top_output_tok(const struct route_facts *f, const struct target_view *v,
                              const struct target_model *m)
{
    if (v->our_cap_tok > 0)
        return v->our_cap_tok;
    if (f->max_output_tok >= 0 && m->max_output_tok > 0)
        return MIN(f->max_output_tok, m->max_output_tok);
    if (f->max_output_tok >= 0)
        return f->max_output_tok;
    return m->max_output_tok > 0 ? m->max_output_tok : -1;
}

static void bound_cost(const struct route_facts *f, const struct target_view *v,
                       const struct target_model *m, const struct catalog *cat,
                       struct candidate *c)
{
    int64_t top = top_output_tok(f, v, m);
    c->min_pico = router_cost(cat, m, f->now_wall_us, f->input_tok, 0);
    c->max_pico = PICO_UNKNOWN;
    if (top >= 0)
        c->max_pico =
            router_cost(cat, m, f->now_wall_us, f->input_tok, top * MAX(f->n_choices, 1));
}

/* ---- the filters, each with its reason ---- */

/* What a client is told when nobody can serve it for this reason. */
static enum errc skip_class(enum skip s)
{
    static const enum errc classes[] = {
        [SKIP_NONE] = ERR_RATE_LIMIT,    [SKIP_CONDITION] = ERR_REFUSED,
        [SKIP_CAPABILITY] = ERR_INVALID, [SKIP_CONTEXT] = ERR_CONTEXT,
        [SKIP_MAX_COST] = ERR_REFUSED,   [SKIP_UNPRICED] = ERR_REFUSED,
        [SKIP_DRAINED] = ERR_OVERLOADED, [SKIP_NO_KEY] = ERR_UPSTREAM_AUTH,
        [SKIP_BREAKER] = ERR_OVERLOADED, [SKIP_LIMIT] = ERR_RATE_LIMIT,
        [SKIP_NEVER_FITS] = ERR_REFUSED, [SKIP_BUDGET] = ERR_REFUSED,
        [SKIP_RETIRED] = ERR_NOT_FOUND,  [SKIP_NOT_PINNED] = ERR_OVERLOADED,
        [SKIP_OFFLINE] = ERR_REFUSED,    [SKIP_NO_FALLBACK] = ERR_REFUSED,
        [SKIP_MODE] = ERR_INVALID,
    };
    return classes[s];
}

static bool set(struct candidate *c, enum verdict v, enum skip why)
{
    c->verdict = v;
    c->skip = why;
    c->class = skip_class(why);
    return true;
}

static bool skip_condition(const struct route_facts *f, const struct conf_target *t,
                           struct candidate *c)
{
    if (t->when == NULL || when_holds(t->when, f))
        return false;
    snprintf(c->why, sizeof c->why, "not when %s", t->when);
    return set(c, VERDICT_SKIPPED, SKIP_CONDITION);
}

static bool skip_capability(const struct route_facts *f, const struct target_model *m,
                            struct candidate *c)
{
    static const struct {
        unsigned cap;
        const char *name;
    } names[] = {
        {CAP_TOOLS, "tools"},
        {CAP_VISION, "vision"},
        {CAP_JSON_SCHEMA, "json schema"},
        {CAP_REASONING, "reasoning"},
        {CAP_AUDIO_IN, "audio"},
        {CAP_AUDIO_OUT, "audio output"},
        {CAP_PDF_IN, "pdf"},
        {CAP_VIDEO_IN, "video"},
        {CAP_IMAGE_OUT, "image output"},
        {CAP_PREFILL, "prefill"},
        {CAP_PROMPT_CACHING, "prompt caching"},
        {CAP_EMBEDDING, "embeddings"},
    };
    unsigned missing = f->needs & m->caps_no;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (missing & names[i].cap) {
            snprintf(c->why, sizeof c->why, "cannot do %s", names[i].name);
            c->lacks = names[i].cap;
            return set(c, VERDICT_SKIPPED, SKIP_CAPABILITY);
        }
    return false;
}

/* What makes embeddings makes nothing else. */
static bool skip_mode(const struct route_facts *f, const struct target_model *m,
                      struct candidate *c)
{
    if ((f->needs & CAP_EMBEDDING) != 0 || (m->caps_yes & CAP_EMBEDDING) == 0)
        return false;
    snprintf(c->why, sizeof c->why, "makes embeddings only");
    c->lacks = 0;
    return set(c, VERDICT_SKIPPED, SKIP_MODE);
}

static bool skip_offline(const struct route_facts *f, const struct conf *conf,
                         const struct conf_target *t, struct candidate *c)
{
    if (!f->is_offline || conf_provider_is_near(conf_provider(conf, str_of(t->provider))))
        return false;
    snprintf(c->why, sizeof c->why, "offline, and it is not on this machine");
    return set(c, VERDICT_SKIPPED, SKIP_OFFLINE);
}

static bool skip_retired(const struct target_model *m, struct candidate *c)
{
    if (m->row == NULL || !catalog_is_retired(m->row))
        return false;
    snprintf(c->why, sizeof c->why, "retired by its provider");
    return set(c, VERDICT_SKIPPED, SKIP_RETIRED);
}

static bool skip_context(const struct route_facts *f, const struct target_model *m,
                         struct candidate *c)
{
    int64_t input_tok = f->longest_tok > 0 ? f->longest_tok : f->input_tok;
    int64_t need = input_tok + MAX(f->max_output_tok, 0);
    if (m->context_tok == 0 || need <= m->context_tok)
        return false;
    char tokens[NUM_TEXT_LEN], window[NUM_TEXT_LEN];
    num_group(tokens, need);
    num_group(window, m->context_tok);
    snprintf(c->why, sizeof c->why, "needs ~%s tokens, window is %s", tokens, window);
    return set(c, VERDICT_SKIPPED, SKIP_CONTEXT);
}

static bool skip_cost(const struct route_facts *f, struct candidate *c)
{
    if (f->max_cost_pico == PICO_UNKNOWN)
        return false;
    pico bound = c->max_pico != PICO_UNKNOWN ? c->max_pico : c->min_pico;
    if (bound == PICO_UNKNOWN) {
        snprintf(c->why, sizeof c->why, "price unknown, and there is a cost cap");
        return set(c, VERDICT_SKIPPED, SKIP_UNPRICED);
    }
    if (bound <= f->max_cost_pico)
        return false;
    char cost[MONEY_TEXT_LEN], cap[MONEY_TEXT_LEN];
    money_people(cost, bound);
    money_people(cap, f->max_cost_pico);
    snprintf(c->why, sizeof c->why, "could cost %s, cap is %s", cost, cap);
    return set(c, VERDICT_SKIPPED, SKIP_MAX_COST);
}

static bool skip_steered(const struct target_view *v, bool some_pinned,
                         struct candidate *c)
{
    if (v->drained) {
        snprintf(c->why, sizeof c->why, "drained");
        return set(c, VERDICT_SKIPPED, SKIP_DRAINED);
    }
    if (some_pinned && !v->pinned) {
        snprintf(c->why, sizeof c->why, "another target is pinned");
        return set(c, VERDICT_SKIPPED, SKIP_NOT_PINNED);
    }
    return false;
}

static bool later(struct candidate *c, enum skip why, int64_t wait_us)
{
    c->wait_us = wait_us;
    return set(c, VERDICT_LATER, why);
}

static bool skip_key(const struct target_view *v, struct candidate *c)
{
    char wait[NUM_TEXT_LEN];
    if (!v->has_key) {
        snprintf(c->why, sizeof c->why, "no key");
        return set(c, VERDICT_SKIPPED, SKIP_NO_KEY);
    }
    if (v->key_benched_us == 0)
        return false;
    num_duration(wait, v->key_benched_us);
    snprintf(c->why, sizeof c->why, "key %s %s, retry in %s", v->key_id,
             v->key_class == ERR_QUOTA ? "has used up its quota" : "was not accepted",
             wait);
    later(c, SKIP_NO_KEY, v->key_benched_us);
    c->class = v->key_class;
    return true;
}

static bool skip_breaker(const struct target_view *v, struct candidate *c)
{
    char wait[NUM_TEXT_LEN];
    if (!v->breaker_open || v->breaker_retry_us == 0)
        return false;
    num_duration(wait, v->breaker_retry_us);
    snprintf(c->why, sizeof c->why, "circuit open: %s, retry in %s",
             v->breaker_why != NULL ? v->breaker_why : "", wait);
    later(c, SKIP_BREAKER, v->breaker_retry_us);
    if (v->is_quota)
        c->class = ERR_QUOTA;
    return true;
}

static bool skip_limit(const struct target_view *v, struct candidate *c)
{
    char wait[NUM_TEXT_LEN];
    const char *name = v->limit_name != NULL ? v->limit_name : "limit";
    if (v->fits_in_us == 0)
        return false;
    if (v->fits_in_us < 0) {
        snprintf(c->why, sizeof c->why, "never fits: %s", name);
        return set(c, VERDICT_SKIPPED, SKIP_NEVER_FITS);
    }
    num_duration(wait, v->fits_in_us);
    if (v->is_spent) {
        snprintf(c->why, sizeof c->why, "%s is used up, next one in %s", name, wait);
        return set(c, VERDICT_SKIPPED, SKIP_BUDGET);
    }
    snprintf(c->why, sizeof c->why, "no room: %s, fits in %s", name, wait);
    return later(c, SKIP_LIMIT, v->fits_in_us);
}

static const struct target_model *
model_of(const struct target_view *v, const struct conf *conf, const struct catalog *cat,
         const struct conf_target *t, struct target_model *found)
{
    if (v->model != NULL)
        return v->model;
    router_model(conf, cat, t, found);
    return found;
}

pico router_expected(const struct route_facts *f, const struct conf_target *t,
                     const struct target_view *v, const struct catalog *cat,
                     const struct conf *conf)
{
    struct target_model found;
    const struct target_model *m = model_of(v, conf, cat, t, &found);
    int64_t in_tok = v->input_tok > 0 ? v->input_tok : f->input_tok;
    int64_t top = top_output_tok(f, v, m);
    int64_t out_tok = top >= 0 ? MIN(v->output_tok, top) : v->output_tok;
    return cost_with_cache(cat, m, f->now_wall_us, in_tok, v->cached_tok,
                           out_tok * MAX(f->n_choices, 1));
}

static void judge(const struct route_facts *f, const struct conf_target *t,
                  const struct target_view *v, bool some_pinned,
                  const struct catalog *cat, const struct conf *conf, struct candidate *c)
{
    struct target_model found;
    const struct target_model *m = model_of(v, conf, cat, t, &found);
    if (f->max_cost_pico !=
        PICO_UNKNOWN) /* else it decides nothing, and takes its time */
        bound_cost(f, v, m, cat, c);
    bool is_out = skip_offline(f, conf, t, c) || skip_condition(f, t, c) ||
                  skip_retired(m, c) || skip_mode(f, m, c) || skip_capability(f, m, c) ||
                  skip_context(f, m, c) || skip_cost(f, c) ||
                  skip_steered(v, some_pinned, c) || skip_key(v, c) ||
                  skip_breaker(v, c) || skip_limit(v, c);
    if (!is_out)
        set(c, VERDICT_STANDBY, SKIP_NONE);
}

/* ---- ranking ---- */

/* Groups: usable, later, skipped. Within a group the route's order stays. */
static unsigned group_of(const struct candidate *c)
{
    switch (c->verdict) {
    case VERDICT_CHOSEN:
    case VERDICT_STANDBY:
        return 0;
    case VERDICT_LATER:
        return 1;
    case VERDICT_SKIPPED:
        break;
    }
    return 2;
}

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    unsigned ga = group_of(a), gb = group_of(b);
    return ga != gb ? ga < gb : ga == 1 && a->wait_us < b->wait_us;
}

/* Insertion: stable, and routes are short. */
static void sort(struct candidate *items, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && is_before(&items[k], &items[k - 1]); k--)
            candidate_swap(&items[k], &items[k - 1]);
}

/* Who would be a fallback is none. */
static void keep_first(struct decision *d)
{
    for (; d->n_usable > 1; d->n_usable--) {
        struct candidate *c = &d->items[d->n_usable - 1];
        snprintf(c->why, sizeof c->why, "no fallback is wanted");
        set(c, VERDICT_SKIPPED, SKIP_NO_FALLBACK);
    }
}

/* Those that the client has named as fallbacks stay behind the route's own, in their order. */
static void rank(const struct ranking *k, struct decision *d)
{
    size_t n = d->n_usable;
    if (k->facts->n_own > 0)
        while (n > 0 && d->items[n - 1].target >= k->facts->n_own)
            n--;
    rank_candidates(k, d->items, n);
}

void router_decide(const struct route_facts *f, const struct rank_rules *rules,
                   const struct conf_target *targets, const struct target_view *views,
                   size_t n, const struct catalog *cat, const struct conf *conf,
                   struct decision *ret)
{
    bool some_pinned = false;
    ret->n = n;
    ret->n_usable = 0;
    for (size_t i = 0; i < ret->n; i++)
        some_pinned |= views[i].pinned;
    for (size_t i = 0; i < ret->n; i++) {
        ret->items[i] = (struct candidate){
            .target = i,
            .min_pico = PICO_UNKNOWN,
            .max_pico = PICO_UNKNOWN,
            .cached_pico = PICO_UNKNOWN,
            .top_out_tok = -1,
        };
        judge(f, &targets[i], &views[i], some_pinned, cat, conf, &ret->items[i]);
        ret->n_usable += ret->items[i].verdict == VERDICT_STANDBY;
    }
    sort(ret->items, ret->n);
    if (rules->strategy != CONF_ORDER) {
        const struct ranking k = {rules, f, targets, views, cat, conf};
        rank(&k, ret);
    }
    if (f->no_fallback)
        keep_first(ret);
    if (ret->n_usable > 0)
        ret->items[0].verdict = VERDICT_CHOSEN;
}

/* "healthy, key ok, ~9 in + ≤1024 out, $0.000002–$0.001231", "… + uncapped out, from $0.01" */
static void tell_usable(const struct route_facts *f, const struct target_view *v,
                        const struct target_model *m, struct candidate *c)
{
    char out[48] = "uncapped", cost[2 * MONEY_TEXT_LEN + 8] = "price unknown";
    char low[MONEY_TEXT_LEN], high[MONEY_TEXT_LEN];
    int64_t top = top_output_tok(f, v, m);
    if (top >= 0)
        snprintf(out, sizeof out, "≤%" PRId64, top);
    money_people(low, c->min_pico);
    money_people(high, c->max_pico);
    if (c->max_pico != PICO_UNKNOWN)
        snprintf(cost, sizeof cost, "%s–%s", low, high);
    else if (c->min_pico != PICO_UNKNOWN)
        snprintf(cost, sizeof cost, "from %s", low);
    snprintf(c->why, sizeof c->why, "%s, key ok, ~%" PRId64 " in + %s out%s, %s",
             v->half_open ? "half-open, this is the probe" : "healthy", f->input_tok, out,
             v->our_cap_tok > 0 ? " (all that the money buys)" : "", cost);
}

void router_explain(const struct route_facts *f, const struct conf_target *targets,
                    const struct target_view *views, const struct catalog *cat,
                    const struct conf *conf, struct decision *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct target_model found;
        size_t at = d->items[i].target;
        const struct target_model *m =
            model_of(&views[at], conf, cat, &targets[at], &found);
        bound_cost(f, &views[at], m, cat, &d->items[i]);
        d->items[i].cached_pico =
            cost_with_cache(cat, m, f->now_wall_us, f->input_tok, f->input_tok, 0);
        d->items[i].top_out_tok = top_output_tok(f, &views[at], m);
        if (i < d->n_usable)
            tell_usable(f, &views[at], m, &d->items[i]);
    }
}

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {"chosen", "standby", "skipped", "later"};
    return names[v];
}

const char *skip_name(enum skip s)
{
    static const char *const names[] = {
        [SKIP_NONE] = "",
        [SKIP_CONDITION] = "condition",
        [SKIP_CAPABILITY] = "capability",
        [SKIP_CONTEXT] = "context",
        [SKIP_MAX_COST] = "max_cost",
        [SKIP_UNPRICED] = "unpriced",
        [SKIP_DRAINED] = "drained",
        [SKIP_NO_KEY] = "key",
        [SKIP_BREAKER] = "breaker",
        [SKIP_LIMIT] = "limit",
        [SKIP_NEVER_FITS] = "never_fits",
        [SKIP_BUDGET] = "budget",
        [SKIP_NOT_PINNED] = "not_pinned",
        [SKIP_RETIRED] = "retired",
        [SKIP_OFFLINE] = "offline",
        [SKIP_NO_FALLBACK] = "no_fallback",
        [SKIP_MODE] = "mode",
    };
    return names[s];
}
