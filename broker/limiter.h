/*
 * limiter.h: admission: reserve, settle, release, over all buckets that apply in one step.
 *
 * GCRA per bucket over requests, input, output and total tokens and money; counters for
 * concurrency. A request is admitted once against what it reserves and settled on every way
 * out. A refund is clamped to max(0, own TAT − now): late refunds would otherwise let several
 * times the limit through. The only place that knows where limiter state lives.
 */
#ifndef BROKER_LIMITER_H
#define BROKER_LIMITER_H

#include "core/conf.h"

#include "broker/learned.h"

struct limiter;

/* What a request may use (reserve) or did use (settle). */
struct limit_cost {
    int64_t requests; /* 1 */
    int64_t input_tok, output_tok;
    pico money_pico; /* PICO_UNKNOWN: a hard budget refuses */
};

/* Which buckets apply. */
struct limit_scope {
    struct str provider, model; /* "target:PROVIDER/MODEL", "provider:PROVIDER" */
    struct str client, project, route;
    const struct http1_header *tags;
    size_t n_tags;
};

struct limit_grant; /* what was reserved; owned by the request */

struct limit_refusal {
    char bucket[96];    /* "target:openai/gpt-5.6-luna tokens/min", "budget daily" */
    int64_t fits_in_us; /* true time until it would fit; −1: never */
    bool is_spent; /* a hard budget is used up until its next window: policy, not room */
};

enum errc limiter_new(const struct conf *conf, struct limiter **ret, struct err *e)
    MUST_USE;
void limiter_free(struct limiter **l);
/* New configuration: buckets of the same name keep their state. */
enum errc limiter_reload(struct limiter *l, const struct conf *conf, struct err *e)
    MUST_USE;

/*
 * All or nothing. ERR_RATE_LIMIT, or ERR_REFUSED for a hard budget or a cost above a bucket's
 * whole capacity, with *why filled; ERR_MEMORY.
 */
enum errc limiter_reserve(struct limiter *l, const struct limit_scope *s,
                          const struct limit_cost *cost, int64_t now_mono_us,
                          int64_t now_wall_us, struct limit_grant **ret,
                          struct limit_refusal *why, struct err *e) MUST_USE;
/* Would it fit? For decide() and `route explain`; reserves nothing. 0, a wait, or −1. */
int64_t limiter_fits_in_us(const struct limiter *l, const struct limit_scope *s,
                           const struct limit_cost *cost, int64_t now_mono_us,
                           int64_t now_wall_us, struct limit_refusal *why);
/*
 * What the hard budgets that apply still allow; PICO_UNKNOWN when none does. A request without
 * an output cap gets the one that this affords.
 */
pico limiter_headroom(const struct limiter *l, const struct limit_scope *s,
                      int64_t now_wall_us);
/* What was really used; frees the grant. */
void limiter_settle(struct limiter *l, struct limit_grant **g,
                    const struct limit_cost *used, int64_t now_mono_us,
                    int64_t now_wall_us);
/* Nothing was used (the attempt never reached the provider); frees the grant. */
void limiter_release(struct limiter *l, struct limit_grant **g, int64_t now_mono_us,
                     int64_t now_wall_us);
/*
 * The past, for budgets and rates that are new since the last limiter_seeded: after a start, and
 * after a reload that brought one.
 */
bool limiter_is_seeded(const struct limiter *l);
void limiter_seeded(struct limiter *l);
/* What was spent, for budgets; in any order. */
void limiter_seed(struct limiter *l, const struct limit_scope *s, pico spent,
                  int64_t at_wall_us, int64_t now_wall_us);
/* What was used, for rates; in order of time, from limiter_memory_us() ago on. */
void limiter_seed_rates(struct limiter *l, const struct limit_scope *s,
                        const struct limit_cost *used, int64_t at_mono_us);
/* How far back matters for the rates that are new; 0: there are none. */
int64_t limiter_memory_us(const struct limiter *l);
/* What providers' headers have told; borrowed. */
struct learned *limiter_learned(struct limiter *l);
/* What the tightest limit of a gauge has left. */
struct limit_room {
    int64_t amount;  /* 0: no limit */
    int64_t left;    /* now */
    int64_t full_us; /* until all of it is there again */
};
enum {
    LIMIT_ROOM_REQUESTS,
    LIMIT_ROOM_INPUT,
    LIMIT_ROOM_OUTPUT,
    LIMIT_ROOM_TOKENS,
    LIMIT_ROOMS
};
extern const char *const limit_room_names[LIMIT_ROOMS]; /* as headers have them */
void limiter_rooms(const struct limiter *l, const struct limit_scope *s,
                   int64_t now_mono_us, struct limit_room ret[LIMIT_ROOMS]);
/* Grants outstanding: 0 when idle. */
size_t limiter_n_grants(const struct limiter *l);
/* A JSON array of the budgets that count what is asked in this scope. */
void limiter_write_budgets(const struct limiter *l, const struct limit_scope *s,
                           int64_t now_wall_us, struct buf *out);
/* A JSON array of buckets and budgets with their fill, for status and `route health`. */
void limiter_write(const struct limiter *l, int64_t now_mono_us, int64_t now_wall_us,
                   struct buf *out);

#endif
