/*
 * limiter_conf.c: which limits and budgets there are, by the configuration, and what becomes of
 * their fill when it changes.
 */
#include <string.h>

#include "core/mem.h"

#include "broker/limiter_priv.h"

void limiter_wall_free(struct wall *w)
{
    list_del(&w->link);
    mem_free(w->scope);
    mem_free(w);
}

void limiter_purse_free(struct purse *p)
{
    list_del(&p->link);
    budget_release(&p->budget);
    mem_free(p);
}

static enum errc add_wall(struct limiter *l, const struct conf_limit *c, struct err *e)
{
    const int64_t rates[G_N_][2] = {
        [G_REQUESTS] = {c->requests.amount, c->requests.window_us},
        [G_INPUT] = {c->input_tok.amount, c->input_tok.window_us},
        [G_OUTPUT] = {c->output_tok.amount, c->output_tok.window_us},
        [G_TOTAL] = {c->total_tok.amount, c->total_tok.window_us},
        [G_MONEY] = {c->money.amount, c->money.window_us},
    };
    struct wall *w = MEM_NEW(struct wall);
    if (w == NULL || (w->scope = mem_strdup(c->scope)) == NULL) {
        mem_free(w);
        return err_set(e, ERR_MEMORY, "no memory for limit %s", c->scope);
    }
    for (unsigned i = 0; i < G_N_; i++)
        w->rates[i] = (struct gcra){.amount = rates[i][0], .window_us = rates[i][1]};
    w->concurrency = c->concurrency;
    list_add(&l->walls, &w->link);
    return ERR_OK;
}

static enum errc add_purse(struct limiter *l, const struct conf_budget *c, struct err *e)
{
    struct purse *p = MEM_NEW(struct purse);
    if (p == NULL || budget_init(&p->budget, c) != ERR_OK) {
        if (p != NULL)
            budget_release(&p->budget);
        mem_free(p);
        return err_set(e, ERR_MEMORY, "no memory for budget %s", c->name);
    }
    list_add(&l->purses, &p->link);
    return ERR_OK;
}

enum errc limiter_new(const struct conf *conf, struct limiter **ret, struct err *e)
{
    AUTO(limiter_free) struct limiter *l = MEM_NEW(struct limiter);
    if (l == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the limiter");
    list_init(&l->walls);
    list_init(&l->purses);
    learned_init(&l->learned);
    for (size_t i = 0; i < conf->n_limits; i++)
        if (add_wall(l, &conf->limits[i], e) != ERR_OK)
            return e->code;
    for (size_t i = 0; i < conf->n_budgets; i++)
        if (add_purse(l, &conf->budgets[i], e) != ERR_OK)
            return e->code;
    *ret = l;
    l = NULL;
    return ERR_OK;
}

void limiter_free(struct limiter **lp)
{
    struct limiter *l = *lp;
    if (l == NULL)
        return;
    list_for_each_safe (node, &l->walls)
        limiter_wall_free(container_of(node, struct wall, link));
    list_for_each_safe (node, &l->purses)
        limiter_purse_free(container_of(node, struct purse, link));
    learned_release(&l->learned);
    mem_free(l);
    *lp = NULL;
}

/* ---- a new configuration ---- */

/* The wall in force with this scope takes the new numbers and keeps its fill. */
static bool wall_adopt(struct limiter *l, const struct wall *fresh)
{
    list_for_each (node, &l->walls) {
        struct wall *w = container_of(node, struct wall, link);
        if (strcmp(w->scope, fresh->scope) != 0)
            continue;
        for (unsigned i = 0; i < G_N_; i++) {
            if (w->rates[i].amount == 0)
                w->seeded &= ~(1U << i); /* it was not counted until now */
            w->rates[i].amount = fresh->rates[i].amount;
            w->rates[i].window_us = fresh->rates[i].window_us;
        }
        w->concurrency = fresh->concurrency;
        w->is_retired = false;
        return true;
    }
    return false;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Do both count the same spending? */
static bool same_money(const struct budget *a, const struct budget *b)
{
    return a->per == b->per && same_text(a->tz, b->tz) &&
           same_text(a->project, b->project) && same_text(a->client, b->client) &&
           same_text(a->provider, b->provider) && same_text(a->tag, b->tag);
}

static bool purse_adopt(struct limiter *l, struct purse *fresh)
{
    list_for_each (node, &l->purses) {
        struct purse *p = container_of(node, struct purse, link);
        if (strcmp(p->budget.name, fresh->budget.name) != 0)
            continue;
        struct budget old = p->budget;
        p->budget = fresh->budget;
        p->budget.reserved_pico = old.reserved_pico;
        p->is_seeded = p->is_seeded && same_money(&old, &p->budget);
        if (p->is_seeded) {
            p->budget.from_us = old.from_us;
            p->budget.to_us = old.to_us;
            p->budget.spent_pico = old.spent_pico;
        }
        p->is_retired = false;
        fresh->budget = old; /* freed with it */
        return true;
    }
    return false;
}

enum errc limiter_reload(struct limiter *l, const struct conf *conf, struct err *e)
{
    AUTO(limiter_free) struct limiter *fresh = NULL;
    if (limiter_new(conf, &fresh, e) != ERR_OK)
        return e->code;
    list_for_each (node, &l->walls)
        container_of(node, struct wall, link)->is_retired = true;
    list_for_each (node, &l->purses)
        container_of(node, struct purse, link)->is_retired = true;
    list_for_each_safe (node, &fresh->walls) {
        if (wall_adopt(l, container_of(node, struct wall, link)))
            continue;
        list_del(node);
        list_add(&l->walls, node);
    }
    list_for_each_safe (node, &fresh->purses) {
        if (purse_adopt(l, container_of(node, struct purse, link)))
            continue;
        list_del(node);
        list_add(&l->purses, node);
    }
    list_for_each_safe (node, &l->walls) {
        struct wall *w = container_of(node, struct wall, link);
        if (w->is_retired && w->n_grants == 0)
            limiter_wall_free(w);
    }
    list_for_each_safe (node, &l->purses) {
        struct purse *p = container_of(node, struct purse, link);
        if (p->is_retired && p->n_grants == 0)
            limiter_purse_free(p);
    }
    return ERR_OK;
}
