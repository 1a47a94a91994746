/*
 * limiter_priv.h: between limiter.c, which admits, and limiter_conf.c, which makes what it asks.
 */
#ifndef BROKER_LIMITER_PRIV_H
#define BROKER_LIMITER_PRIV_H

#include "core/list.h"

#include "broker/budget.h"
#include "broker/gcra.h"
#include "broker/limiter.h"

enum gauge { G_REQUESTS, G_INPUT, G_OUTPUT, G_TOTAL, G_MONEY, G_N_ };

/* [limit "SCOPE"] */
struct wall {
    struct list link;
    char *scope; /* owned: "target:openai/gpt-5.6-luna" */
    struct gcra rates[G_N_];
    unsigned seeded; /* a bit per rate: it knows what was used before it was there */
    int64_t concurrency, n_running; /* concurrency 0: no limit */
    size_t n_grants;                /* that point here */
    bool is_retired;                /* no longer configured: goes with its last grant */
};

/* [budget "NAME"] */
struct purse {
    struct list link;
    struct budget budget;
    size_t n_grants;
    bool is_retired;
    bool is_seeded; /* it knows what was spent before it was there */
};

struct limiter {
    struct list walls, purses;
    struct learned learned;
    size_t n_grants;
};

/* Out of its list, and gone. */
void limiter_wall_free(struct wall *w);
void limiter_purse_free(struct purse *p);

#endif
