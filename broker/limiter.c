/*
 * limiter.c: admission over every bucket that applies, in one step.
 *
 * A request meets three kinds of walls: configured limits (struct wall: five rates and a
 * counter of requests under way), budgets (budget.c), and what providers' headers have
 * told (learned.c). It passes all or none, and what it took is written in one grant,
 * which ends by limiter_settle or limiter_release. What limits there are is limiter_conf.c's. Must
 * not do I/O, read clocks, or know requests.
 */
#include "broker/limiter.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/jsonx.h"
#include "core/mem.h"

#include "broker/limiter_priv.h"

static const char *const gauge_names[G_N_] = {"requests", "input tokens", "output tokens",
                                              "tokens", "money"};

enum {
    ALL_RATES = (1U << G_N_) - 1,
    /* of the past: in the first one a bucket that was in use becomes what it was */
    SEED_WINDOWS = 2,
};

_Static_assert((int)LIMIT_ROOMS == (int)G_MONEY, "headers speak of all gauges but money");
const char *const limit_room_names[LIMIT_ROOMS] = {"requests", "input-tokens",
                                                   "output-tokens", "tokens"};

struct grant_wall {
    struct wall *wall;
    struct gcra_slot slots[G_N_];
};

struct grant_purse {
    struct purse *purse;
    pico reserved_pico;
};

struct limit_grant {
    size_t n_walls, n_purses;
    struct grant_purse *purses; /* behind walls[], in the same block */
    struct grant_wall walls[];
};

/* ---- which walls apply ---- */

/* The part of `scope` behind "KIND:". */
static bool scope_is(struct str scope, const char *kind, struct str *ret_name)
{
    size_t n = strlen(kind);
    if (!str_starts(scope, (struct str){kind, n}))
        return false;
    *ret_name = str_sub(scope, n, scope.len);
    return true;
}

static bool has_tag(const struct limit_scope *s, struct str pair)
{
    size_t eq = str_find(pair, '=');
    struct str key = str_sub(pair, 0, eq), value = str_sub(pair, eq + 1, pair.len);
    for (size_t i = 0; i < s->n_tags; i++)
        if (str_eq(s->tags[i].name, key) &&
            (eq == pair.len || str_eq(s->tags[i].value, value)))
            return true;
    return false;
}

static bool is_target(const struct limit_scope *s, struct str name)
{
    size_t slash = str_find(name, '/');
    return str_eq(str_sub(name, 0, slash), s->provider) &&
           str_eq(str_sub(name, slash + 1, name.len), s->model);
}

static bool wall_applies(const struct wall *w, const struct limit_scope *s)
{
    struct str scope = str_of(w->scope), name;
    if (w->is_retired)
        return false;
    if (str_eqz(scope, "all"))
        return true;
    if (scope_is(scope, "target:", &name))
        return is_target(s, name);
    if (scope_is(scope, "provider:", &name))
        return str_eq(name, s->provider);
    if (scope_is(scope, "client:", &name))
        return str_eq(name, s->client);
    if (scope_is(scope, "project:", &name))
        return str_eq(name, s->project);
    if (scope_is(scope, "route:", &name))
        return str_eq(name, s->route);
    return scope_is(scope, "tag:", &name) && has_tag(s, name);
}

static bool matches(const char *filter, struct str value)
{
    return filter == NULL || str_eqz(value, filter);
}

static bool purse_applies(const struct purse *p, const struct limit_scope *s)
{
    const struct budget *b = &p->budget;
    return !p->is_retired && matches(b->project, s->project) &&
           matches(b->client, s->client) && matches(b->provider, s->provider) &&
           (b->tag == NULL || has_tag(s, str_of(b->tag)));
}

/* ---- would it fit? ---- */

static int64_t gauge_of(const struct limit_cost *c, enum gauge g)
{
    switch (g) {
    case G_REQUESTS:
        return c->requests;
    case G_INPUT:
        return c->input_tok;
    case G_OUTPUT:
        return c->output_tok;
    case G_TOTAL:
        return c->input_tok + c->output_tok;
    case G_MONEY:
        return c->money_pico;
    case G_N_:
        break;
    }
    return 0;
}

/* Keeps the wall that holds longest; −1 is for ever. */
static void hold(struct limit_refusal *why, int64_t wait_us, bool is_spent,
                 const char *name, const char *gauge)
{
    if (wait_us == 0 || why->fits_in_us < 0 ||
        (wait_us > 0 && wait_us <= why->fits_in_us))
        return;
    why->fits_in_us = wait_us;
    why->is_spent = is_spent;
    snprintf(why->bucket, sizeof why->bucket, "%s%s%s", name, *gauge ? " " : "", gauge);
}

static void ask_wall(const struct wall *w, const struct limit_cost *cost, int64_t now_us,
                     struct limit_refusal *why)
{
    for (unsigned i = 0; i < G_N_; i++) {
        int64_t n = gauge_of(cost, (enum gauge)i);
        bool is_priceless = i == G_MONEY && n == PICO_UNKNOWN && w->rates[i].amount > 0;
        hold(why, is_priceless ? -1 : gcra_wait_us(&w->rates[i], MAX(n, 0), now_us),
             false, w->scope, gauge_names[i]);
    }
    /* nobody knows when one of those under way ends: soon enough to ask again */
    if (w->concurrency > 0 && w->n_running >= w->concurrency)
        hold(why, US_PER_S / 10, false, w->scope, "concurrency");
}

/* By the gauges that headers speak of. */
static void needs_of(const struct limit_cost *cost, int64_t ret[RATELIMIT_OTHER])
{
    ret[RATELIMIT_REQUESTS] = cost->requests;
    ret[RATELIMIT_INPUT] = cost->input_tok;
    ret[RATELIMIT_OUTPUT] = cost->output_tok;
    ret[RATELIMIT_TOKENS] = cost->input_tok + cost->output_tok;
}

static void ask_learned(const struct limiter *l, const struct limit_scope *s,
                        const struct limit_cost *cost, int64_t now_us,
                        struct limit_refusal *why)
{
    char target[LEARNED_NAME_LEN];
    int64_t needs[RATELIMIT_OTHER], wait_us;
    const char *name;
    needs_of(cost, needs);
    wait_us = learned_wait_us(&l->learned, s, needs, now_us, target, &name);
    if (wait_us > 0)
        hold(why, wait_us, false, target, name);
}

static void ask_all(const struct limiter *l, const struct limit_scope *s,
                    const struct limit_cost *cost, int64_t now_mono_us,
                    int64_t now_wall_us, struct limit_refusal *why)
{
    *why = (struct limit_refusal){0};
    list_for_each (node, &l->walls) {
        const struct wall *w = container_of(node, struct wall, link);
        if (wall_applies(w, s))
            ask_wall(w, cost, now_mono_us, why);
    }
    list_for_each (node, &l->purses) {
        const struct purse *p = container_of(node, struct purse, link);
        if (purse_applies(p, s))
            hold(why, budget_wait_us(&p->budget, cost->money_pico, now_wall_us),
                 budget_is_spent(&p->budget, cost->money_pico, now_wall_us), "budget",
                 p->budget.name);
    }
    if (!learned_is_empty(&l->learned))
        ask_learned(l, s, cost, now_mono_us, why);
}

int64_t limiter_fits_in_us(const struct limiter *l, const struct limit_scope *s,
                           const struct limit_cost *cost, int64_t now_mono_us,
                           int64_t now_wall_us, struct limit_refusal *why)
{
    ask_all(l, s, cost, now_mono_us, now_wall_us, why);
    return why->fits_in_us;
}

pico limiter_headroom(const struct limiter *l, const struct limit_scope *s,
                      int64_t now_wall_us)
{
    pico left = PICO_UNKNOWN;
    list_for_each (node, &l->purses) {
        struct purse *p = container_of(node, struct purse, link);
        if (!p->budget.hard || !purse_applies(p, s))
            continue;
        budget_turn(&p->budget, now_wall_us);
        pico mine = budget_left(&p->budget);
        left = left == PICO_UNKNOWN ? mine : MIN(left, mine);
    }
    return left;
}

/* ---- reserve, settle, release ---- */

static enum errc refuse(const struct limit_refusal *why, struct err *e)
{
    if (why->fits_in_us < 0)
        return err_set(e, ERR_REFUSED, "never fits: %s", why->bucket);
    err_set(e, why->is_spent ? ERR_REFUSED : ERR_RATE_LIMIT, "no room: %s", why->bucket);
    e->retry_after_us = why->fits_in_us;
    return e->code;
}

static struct limit_grant *grant_new(const struct limiter *l, const struct limit_scope *s)
{
    size_t n_walls = 0, n_purses = 0;
    list_for_each (node, &l->walls)
        n_walls += wall_applies(container_of(node, struct wall, link), s);
    list_for_each (node, &l->purses)
        n_purses += purse_applies(container_of(node, struct purse, link), s);
    size_t walls_len = n_walls * sizeof(struct grant_wall);
    struct limit_grant *g =
        mem_alloc(1, sizeof *g + walls_len + n_purses * sizeof(struct grant_purse));
    if (g != NULL)
        g->purses = (struct grant_purse *)(void *)((char *)g->walls + walls_len);
    return g;
}

static void take_wall(struct wall *w, const struct limit_cost *cost, int64_t now_us,
                      struct grant_wall *ret)
{
    ret->wall = w;
    for (unsigned i = 0; i < G_N_; i++)
        ret->slots[i] =
            gcra_take(&w->rates[i], MAX(gauge_of(cost, (enum gauge)i), 0), now_us);
    w->n_running++;
    w->n_grants++;
}

static void take_purse(struct purse *p, const struct limit_cost *cost,
                       int64_t now_wall_us, struct grant_purse *ret)
{
    ret->purse = p;
    ret->reserved_pico =
        MAX(cost->money_pico, 0); /* a soft budget takes unpriced requests */
    budget_turn(&p->budget, now_wall_us);
    p->budget.reserved_pico += ret->reserved_pico;
    p->n_grants++;
}

enum errc limiter_reserve(struct limiter *l, const struct limit_scope *s,
                          const struct limit_cost *cost, int64_t now_mono_us,
                          int64_t now_wall_us, struct limit_grant **ret,
                          struct limit_refusal *why, struct err *e)
{
    ask_all(l, s, cost, now_mono_us, now_wall_us, why);
    if (why->fits_in_us != 0)
        return refuse(why, e);
    struct limit_grant *g = grant_new(l, s);
    if (g == NULL)
        return err_set(e, ERR_MEMORY, "no memory for a reservation");
    list_for_each (node, &l->walls) {
        struct wall *w = container_of(node, struct wall, link);
        if (wall_applies(w, s))
            take_wall(w, cost, now_mono_us, &g->walls[g->n_walls++]);
    }
    list_for_each (node, &l->purses) {
        struct purse *p = container_of(node, struct purse, link);
        if (purse_applies(p, s))
            take_purse(p, cost, now_wall_us, &g->purses[g->n_purses++]);
    }
    if (!learned_is_empty(&l->learned)) {
        int64_t needs[RATELIMIT_OTHER];
        needs_of(cost, needs);
        learned_take(&l->learned, s, needs);
    }
    l->n_grants++;
    *ret = g;
    return ERR_OK;
}

void limiter_settle(struct limiter *l, struct limit_grant **gp,
                    const struct limit_cost *used, int64_t now_mono_us,
                    int64_t now_wall_us)
{
    struct limit_grant *g = *gp;
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->n_walls; i++) {
        struct wall *w = g->walls[i].wall;
        for (unsigned k = 0; k < G_N_; k++)
            gcra_settle(&w->rates[k], &g->walls[i].slots[k],
                        MAX(gauge_of(used, (enum gauge)k), 0), now_mono_us);
        w->n_running--;
        if (--w->n_grants == 0 && w->is_retired)
            limiter_wall_free(w);
    }
    for (size_t i = 0; i < g->n_purses; i++) {
        struct purse *p = g->purses[i].purse;
        budget_turn(&p->budget, now_wall_us);
        p->budget.reserved_pico -= g->purses[i].reserved_pico;
        p->budget.spent_pico += MAX(used->money_pico, 0);
        if (--p->n_grants == 0 && p->is_retired)
            limiter_purse_free(p);
    }
    l->n_grants--;
    mem_free(g);
    *gp = NULL;
}

void limiter_release(struct limiter *l, struct limit_grant **g, int64_t now_mono_us,
                     int64_t now_wall_us)
{
    static const struct limit_cost nothing = {0};
    limiter_settle(l, g, &nothing, now_mono_us, now_wall_us);
}

void limiter_rooms(const struct limiter *l, const struct limit_scope *s,
                   int64_t now_mono_us, struct limit_room ret[LIMIT_ROOMS])
{
    memset(ret, 0, LIMIT_ROOMS * sizeof *ret);
    list_for_each (node, &l->walls) {
        const struct wall *w = container_of(node, struct wall, link);
        if (!wall_applies(w, s))
            continue;
        for (unsigned i = 0; i < LIMIT_ROOMS; i++) {
            const struct gcra *g = &w->rates[i];
            /* the answer is on its way: it is a moment later when it is read */
            int64_t left =
                g->amount > 0 ? gcra_left(g, now_mono_us + US_PER_MS) : INT64_MAX;
            if (g->amount > 0 && (ret[i].amount == 0 || left < ret[i].left))
                ret[i] =
                    (struct limit_room){g->amount, left, MAX(0, g->tat_us - now_mono_us)};
        }
    }
}

size_t limiter_n_grants(const struct limiter *l)
{
    return l->n_grants;
}

/* ---- what the past tells ---- */

int64_t limiter_memory_us(const struct limiter *l)
{
    int64_t longest_us = 0;
    list_for_each (node, &l->walls) {
        const struct wall *w = container_of(node, struct wall, link);
        for (unsigned i = 0; i < G_N_; i++)
            if (w->rates[i].amount > 0 && (w->seeded >> i & 1) == 0)
                longest_us = MAX(longest_us, w->rates[i].window_us);
    }
    return SEED_WINDOWS * longest_us;
}

bool limiter_is_seeded(const struct limiter *l)
{
    bool all = limiter_memory_us(l) == 0;
    list_for_each (node, &l->purses)
        all &= container_of(node, struct purse, link)->is_seeded;
    return all;
}

void limiter_seeded(struct limiter *l)
{
    list_for_each (node, &l->purses)
        container_of(node, struct purse, link)->is_seeded = true;
    list_for_each (node, &l->walls)
        container_of(node, struct wall, link)->seeded = ALL_RATES;
}

void limiter_seed_rates(struct limiter *l, const struct limit_scope *s,
                        const struct limit_cost *used, int64_t at_mono_us)
{
    list_for_each (node, &l->walls) {
        struct wall *w = container_of(node, struct wall, link);
        if (w->seeded == ALL_RATES || !wall_applies(w, s))
            continue;
        for (unsigned i = 0; i < G_N_; i++)
            if ((w->seeded >> i & 1) == 0)
                gcra_take(&w->rates[i], MAX(gauge_of(used, (enum gauge)i), 0),
                          at_mono_us);
    }
}

void limiter_seed(struct limiter *l, const struct limit_scope *s, pico spent,
                  int64_t at_wall_us, int64_t now_wall_us)
{
    list_for_each (node, &l->purses) {
        struct purse *p = container_of(node, struct purse, link);
        budget_turn(&p->budget, now_wall_us);
        if (spent > 0 && !p->is_seeded && purse_applies(p, s) &&
            at_wall_us >= p->budget.from_us && at_wall_us < p->budget.to_us)
            p->budget.spent_pico += spent;
    }
}

struct learned *limiter_learned(struct limiter *l)
{
    return &l->learned;
}

/* ---- for people ---- */

static void write_wall(const struct wall *w, int64_t now_us, struct jw *j)
{
    for (unsigned i = 0; i < G_N_; i++) {
        if (w->rates[i].amount == 0)
            continue;
        jw_object(j);
        jw_kstrz(j, "limit", w->scope);
        jw_kstrz(j, "gauge", gauge_names[i]);
        jw_ki64(j, "amount", w->rates[i].amount);
        jw_ki64(j, "window_us", w->rates[i].window_us);
        jw_ki64(j, "left", gcra_left(&w->rates[i], now_us));
        jw_object_end(j);
    }
    if (w->concurrency == 0)
        return;
    jw_object(j);
    jw_kstrz(j, "limit", w->scope);
    jw_kstrz(j, "gauge", "concurrency");
    jw_ki64(j, "amount", w->concurrency);
    jw_ki64(j, "left", MAX(0, w->concurrency - w->n_running));
    jw_object_end(j);
}

static void write_purse(struct purse *p, int64_t now_wall_us, struct jw *j)
{
    struct budget *b = &p->budget;
    budget_turn(b, now_wall_us);
    jw_object(j);
    jw_kstrz(j, "budget", b->name);
    jw_kbool(j, "hard", b->hard);
    jw_kstrz(j, "per", budget_per_name(b->per));
    jw_key(j, "limit_usd");
    jw_usd(j, b->limit_pico);
    jw_key(j, "spent_usd");
    jw_usd(j, b->spent_pico);
    jw_key(j, "reserved_usd");
    jw_usd(j, b->reserved_pico);
    jw_kbool(j, "warn", budget_is_above_warning(b));
    jw_key(j, "from");
    jw_time(j, b->from_us);
    jw_key(j, "until");
    jw_time(j, b->to_us);
    jw_object_end(j);
}

void limiter_write_budgets(const struct limiter *l, const struct limit_scope *s,
                           int64_t now_wall_us, struct buf *out)
{
    struct jw j;
    jw_init(&j, out);
    jw_array(&j);
    list_for_each (node, &l->purses) {
        struct purse *p = container_of(node, struct purse, link);
        if (purse_applies(p, s))
            write_purse(p, now_wall_us, &j);
    }
    jw_array_end(&j);
}

void limiter_write(const struct limiter *l, int64_t now_mono_us, int64_t now_wall_us,
                   struct buf *out)
{
    struct jw j;
    jw_init(&j, out);
    jw_array(&j);
    list_for_each (node, &l->walls) {
        const struct wall *w = container_of(node, struct wall, link);
        if (!w->is_retired)
            write_wall(w, now_mono_us, &j);
    }
    list_for_each (node, &l->purses) {
        struct purse *p = container_of(node, struct purse, link);
        if (!p->is_retired)
            write_purse(p, now_wall_us, &j);
    }
    learned_write(&l->learned, now_mono_us, &j);
    jw_array_end(&j);
}
