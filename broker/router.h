/*
 * router.h: which targets may serve a request, in which order, and why. Pure: no I/O, no clock.
 *
 *     decide(facts, targets, health, limits, prices, statistics, now, seed)
 *         → ordered candidates, each with its reasons
 *
 * `route explain`, the broker, the simulator and the tests run the same code.
 */
#ifndef BROKER_ROUTER_H
#define BROKER_ROUTER_H

#include "core/catalog.h"
#include "core/conf.h"
#include "core/list.h"
#include "core/when.h"

struct target_model;

/* Health and limits of a target as decide() sees them: filled by the broker, or by a test. */
struct target_view {
    const struct target_model *model; /* as router_model has it; NULL: not known yet */
    bool breaker_open;                /* no request may go there now … */
    int64_t breaker_retry_us; /* … for so long; 0 when half-open: one probe may go */
    bool half_open;
    const char *breaker_why; /* "5×529 in 60s" */
    bool is_quota;           /* it opened because a quota is used up */
    bool has_key;
    int64_t key_benched_us; /* every key is benched for so long; 0 no */
    enum errc key_class;    /* … because of this: ERR_QUOTA or ERR_UPSTREAM_AUTH */
    const char *key_id;     /* … the first to be tried again */
    bool drained;
    bool pinned;
    int weight;             /* in a weighted draw; 0: as configured */
    int64_t fits_in_us;     /* 0: the limits have room now; −1: never fits */
    const char *limit_name; /* the limit that has no room */
    bool is_spent;          /* … is a hard budget: refused, not waited for */
    /* output cap that the money allows and the broker sets; 0: none */
    int64_t our_cap_tok;
    /* for the strategies that ask; nothing is looked up for the others */
    int64_t input_tok;     /* by this target's tokenizer; 0: as in the facts */
    int64_t cached_tok;    /* of them, known to be in its provider's prompt cache */
    int64_t output_tok;    /* expected of each choice */
    int64_t last_token_us; /* from sending to it, as predicted; 0: not known */
    bool is_speed_old;     /* … from what was measured a while ago */
    int64_t in_flight;     /* attempts of any request */
    int64_t quality_ppm, n_scores; /* mean of so many scores; 0: it has none */
    int64_t kept_us; /* it served the like last, and its cache lives so long; 0: no */
};

/* Of a route, as far as they rank who may serve a request. */
struct rank_rules {
    enum conf_strategy strategy;
    int64_t explore_ppm, min_quality_ppm;
};

enum verdict {
    VERDICT_CHOSEN,
    VERDICT_STANDBY,
    VERDICT_SKIPPED, /* cannot serve it */
    VERDICT_LATER,   /* could after wait_us: limits or breaker */
};

enum skip {
    SKIP_NONE,
    SKIP_CONDITION,
    SKIP_CAPABILITY,
    SKIP_CONTEXT,
    SKIP_MAX_COST,
    SKIP_UNPRICED,
    SKIP_DRAINED,
    SKIP_NO_KEY,
    SKIP_BREAKER,
    SKIP_LIMIT,
    SKIP_NEVER_FITS,
    SKIP_BUDGET,
    SKIP_NOT_PINNED,
    SKIP_RETIRED,
    SKIP_OFFLINE,
    SKIP_NO_FALLBACK,
    SKIP_MODE, /* embeddings are asked of a model for chats, or the reverse */
};

struct candidate {
    size_t target; /* index into the route's targets */
    enum verdict verdict;
    enum skip skip;
    enum errc class;         /* what a client is told of the skip */
    unsigned lacks;          /* the enum catalog_cap of SKIP_CAPABILITY */
    int64_t wait_us;         /* VERDICT_LATER */
    pico min_pico, max_pico; /* PICO_UNKNOWN: unpriced, or neither capped nor explained */
    pico cached_pico;        /* only explained: the whole input from a prompt cache */
    int64_t top_out_tok;     /* … the output that max_pico is for; −1: unbounded */
    char why[160];           /* "circuit open: 5×529 in 60s, retry in 41s" */
    int rank_group;          /* rank.c's: first by this … */
    int64_t rank_key;        /* … then by this */
    char rank[80]; /* of one who may serve it, by strategy: "expected $0.00041"; or "" */
};

struct decision {
    struct candidate *items; /* the caller's, one per target; usable first, best first */
    size_t n, n_usable;      /* usable: CHOSEN and STANDBY */
};

/* What catalog and configuration together know of a target's model. */
struct target_model {
    const struct provider_kind *kind;
    const struct catalog_model *row; /* NULL: not in the catalog */
    struct str price_provider;       /* whose prices count … */
    struct str price_service;        /* … and what the account adds to them, or none */
    int64_t context_tok, max_output_tok; /* 0: not known */
    unsigned caps_yes, caps_no;          /* enum catalog_cap */
};
/* t->provider must be one of conf's. */
void router_model(const struct conf *conf, const struct catalog *cat,
                  const struct conf_target *t, struct target_model *ret);
/* A bound for so many tokens; 0 at local providers without a price; else PICO_UNKNOWN. */
pico router_cost(const struct catalog *cat, const struct target_model *m, int64_t at_us,
                 int64_t in_tok, int64_t out_tok);

/* What it will cost there in all likelihood; PICO_UNKNOWN where router_cost has none. */
pico router_expected(const struct route_facts *f, const struct conf_target *t,
                     const struct target_view *v, const struct catalog *cat,
                     const struct conf *conf);

/* views[i] belongs to targets[i]. Who is passed over has his reason; who is usable needs none … */
void router_decide(const struct route_facts *f, const struct rank_rules *rules,
                   const struct conf_target *targets, const struct target_view *views,
                   size_t n, const struct catalog *cat, const struct conf *conf,
                   struct decision *ret);
/* … but when people ask. */
void router_explain(const struct route_facts *f, const struct conf_target *targets,
                    const struct target_view *views, const struct catalog *cat,
                    const struct conf *conf, struct decision *d);

const char *verdict_name(enum verdict v);
const char *skip_name(enum skip s);

#endif
