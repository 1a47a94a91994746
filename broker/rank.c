/*
 * rank.c: see rank.h. Must not filter: who comes here may serve the request.
 */
#include "broker/rank.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/map.h"
#include "core/num.h"

enum {
    PPM = 1000 * 1000,
    /* fewer say too little of what the next one will be */
    SCORES_ENOUGH = 5,
};

/* The groups of candidates, in their order; within one the least rank_key goes first. */
enum group {
    EXPLORED, /* asked to learn what is not known of it */
    KNOWN,
    UNKNOWN, /* behind whatever is known … */
    POOR,    /* … but for what is known to be not good enough */
};

/* Who has none of what the strategy goes by: all of these are equal. */
static void set_unknown(struct candidate *c, const char *why)
{
    c->rank_group = UNKNOWN;
    c->rank_key = 0;
    snprintf(c->rank, sizeof c->rank, "%s", why);
}

static void set_known(struct candidate *c, int64_t key)
{
    c->rank_group = KNOWN;
    c->rank_key = key;
}

static const struct target_view *view_of(const struct ranking *k,
                                         const struct candidate *c)
{
    return &k->views[c->target];
}

/* ---- weighted ---- */

static uint64_t weight_of(const struct ranking *k, const struct candidate *c)
{
    int steered = view_of(k, c)->weight;
    return (uint64_t)(steered > 0 ? steered : k->targets[c->target].weight);
}

/* Draws without putting back: the first by weight, then the next of those left, … */
static void draw_by_weight(const struct ranking *k, struct candidate *items, size_t n)
{
    uint64_t seed = k->facts->seed;
    for (size_t at = 0; at + 1 < n; at++) {
        uint64_t sum = 0;
        for (size_t i = at; i < n; i++)
            sum += weight_of(k, &items[i]);
        uint64_t left = num_draw(&seed) % MAX(sum, 1);
        size_t i = at;
        while (i + 1 < n && left >= weight_of(k, &items[i]))
            left -= weight_of(k, &items[i++]);
        candidate_swap(&items[at], &items[i]);
    }
}

/* ---- the number of each candidate, and its reason ---- */

static pico cost_of(const struct ranking *k, const struct candidate *c)
{
    return router_expected(k->facts, &k->targets[c->target], view_of(k, c), k->catalog,
                           k->conf);
}

static void by_cost(const struct ranking *k, struct candidate *c)
{
    const struct target_view *v = view_of(k, c);
    char money[MONEY_TEXT_LEN], cached[NUM_TEXT_LEN];
    pico cost = cost_of(k, c);
    if (cost == PICO_UNKNOWN) {
        set_unknown(c, "price unknown, ranks last");
        return;
    }
    set_known(c, cost);
    money_people(money, cost);
    int n = snprintf(c->rank, sizeof c->rank, "expected %s", money);
    if (v->cached_tok > 0) {
        num_group(cached, v->cached_tok);
        snprintf(c->rank + n, sizeof c->rank - (size_t)n, ", ~%s tokens cached", cached);
    }
}

static void by_speed(const struct ranking *k, struct candidate *c)
{
    const struct target_view *v = view_of(k, c);
    char text[NUM_TEXT_LEN];
    if (v->last_token_us == 0) {
        set_unknown(c, "speed unknown, ranks last");
        return;
    }
    set_known(c, v->last_token_us);
    num_duration(text, v->last_token_us);
    snprintf(c->rank, sizeof c->rank, "~%s", text);
}

static void by_load(const struct ranking *k, struct candidate *c)
{
    set_known(c, view_of(k, c)->in_flight);
    snprintf(c->rank, sizeof c->rank, "%" PRId64 " in flight", c->rank_key);
}

/* ---- sticky ---- */

/*
 * Each target draws a number for each prefix: whoever is added or taken out moves only what he
 * wins or leaves. Source: Thaler and Ravishankar, "Using name-based mappings to increase hit
 * rates", 1998.
 */
static void by_hash(const struct ranking *k, struct candidate *c)
{
    const struct conf_target *t = &k->targets[c->target];
    const uint64_t seed[2] = {k->facts->prefix, 0};
    const uint64_t of_provider[2] = {map_hash(seed, str_of(t->provider)), 0};
    set_known(c, (int64_t)(map_hash(of_provider, str_of(t->model)) >> 1));
    snprintf(c->rank, sizeof c->rank, "by hash of the %s",
             k->facts->is_conversation ? "conversation" : "prompt");
}

/* The one that served the like last goes first while its cache is worth more than the price gap. */
static void keep(const struct ranking *k, struct candidate *items, size_t n)
{
    char left[NUM_TEXT_LEN];
    size_t at = 0;
    while (at < n && view_of(k, &items[at])->kept_us == 0)
        at++;
    if (at == n)
        return;
    pico here = cost_of(k, &items[at]), there = cost_of(k, &items[0]);
    if (here != PICO_UNKNOWN && there != PICO_UNKNOWN && here > there) {
        snprintf(items[at].rank, sizeof items[at].rank,
                 "served it last, but costs more than a fresh start");
        return;
    }
    num_duration(left, view_of(k, &items[at])->kept_us);
    snprintf(items[at].rank, sizeof items[at].rank, "served it last, its cache lives %s",
             left);
    for (; at > 0; at--)
        candidate_swap(&items[at], &items[at - 1]);
}

/* ---- best ---- */

/* "0.82" */
static void write_quality(char out[NUM_TEXT_LEN], int64_t ppm)
{
    int64_t hundredths = (ppm + 5000) / 10000;
    snprintf(out, NUM_TEXT_LEN, "%d.%02d", (int)(hundredths / 100),
             (int)(hundredths % 100));
}

/* Good enough: by cost. Not known: in order. Known to be not good enough: the better first. */
static void by_quality(const struct ranking *k, struct candidate *c)
{
    const struct target_view *v = view_of(k, c);
    char quality[NUM_TEXT_LEN], least[NUM_TEXT_LEN], money[MONEY_TEXT_LEN];
    write_quality(quality, v->quality_ppm);
    write_quality(least, k->rules->min_quality_ppm);
    if (v->n_scores == 0) {
        set_unknown(c, "no quality scores, in order");
        return;
    }
    int n = snprintf(c->rank, sizeof c->rank, "quality %s of %" PRId64 " score%s",
                     quality, v->n_scores, v->n_scores == 1 ? "" : "s");
    char *rest = c->rank + n;
    size_t room = sizeof c->rank - (size_t)n;
    if (v->n_scores < SCORES_ENOUGH) {
        c->rank_group = UNKNOWN;
        snprintf(rest, room, ", too few");
    } else if (v->quality_ppm < k->rules->min_quality_ppm) {
        c->rank_group = POOR;
        c->rank_key = -v->quality_ppm;
        snprintf(rest, room, ", below %s", least);
    } else {
        pico cost = cost_of(k, c);
        set_known(c, cost != PICO_UNKNOWN ? cost : INT64_MAX);
        money_people(money, cost);
        snprintf(rest, room, cost != PICO_UNKNOWN ? ", expected %s" : ", price unknown",
                 money);
    }
}

/* ---- learning ---- */

/* Is it worth a request to learn how this one fares? */
static bool is_to_learn(const struct ranking *k, const struct candidate *c)
{
    bool is_old = k->rules->strategy == CONF_FASTEST && view_of(k, c)->is_speed_old;
    return c->rank_group == UNKNOWN || is_old;
}

/*
 * A part of the requests goes first to one of those that nothing, or nothing recent, is known of:
 * else who is behind once would stay there, whatever becomes of him. Where nothing is known of
 * anybody there is no need: the first will be known next.
 */
static void explore(const struct ranking *k, struct candidate *items, size_t n,
                    const char *what)
{
    uint64_t seed = k->facts->seed, n_to_learn = 0, n_unknown = 0;
    for (size_t i = 0; i < n; i++) {
        n_to_learn += is_to_learn(k, &items[i]);
        n_unknown += items[i].rank_group == UNKNOWN;
    }
    if (n_to_learn == 0 || n_unknown == n ||
        num_draw(&seed) % PPM >= (uint64_t)k->rules->explore_ppm)
        return;
    uint64_t left = num_draw(&seed) % n_to_learn;
    size_t i = 0;
    while (!is_to_learn(k, &items[i]) || left-- > 0)
        i++;
    struct candidate *c = &items[i];
    snprintf(c->rank, sizeof c->rank, "%s %s, asked to learn it", what,
             c->rank_group == UNKNOWN ? "unknown" : "not measured lately");
    c->rank_group = EXPLORED;
}

/* ---- all together ---- */

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    return a->rank_group != b->rank_group ? a->rank_group < b->rank_group
                                          : a->rank_key < b->rank_key;
}

/* Insertion: stable, and routes are short. */
static void sort(struct candidate *items, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t at = i; at > 0 && is_before(&items[at], &items[at - 1]); at--)
            candidate_swap(&items[at], &items[at - 1]);
}

static void measure(const struct ranking *k, struct candidate *items, size_t n,
                    void (*by)(const struct ranking *k, struct candidate *c))
{
    for (size_t i = 0; i < n; i++)
        by(k, &items[i]);
}

void rank_candidates(const struct ranking *k, struct candidate *items, size_t n)
{
    switch (k->rules->strategy) {
    case CONF_ORDER:
        return;
    case CONF_WEIGHTED:
        draw_by_weight(k, items, n);
        return;
    case CONF_CHEAPEST:
        measure(k, items, n, by_cost);
        break;
    case CONF_FASTEST:
        measure(k, items, n, by_speed);
        explore(k, items, n, "speed");
        break;
    case CONF_LEAST_BUSY:
        measure(k, items, n, by_load);
        break;
    case CONF_STICKY:
        measure(k, items, n, by_hash);
        break;
    case CONF_BEST:
        measure(k, items, n, by_quality);
        explore(k, items, n, "quality");
        break;
    }
    sort(items, n);
    if (k->rules->strategy == CONF_STICKY)
        keep(k, items, n);
}
