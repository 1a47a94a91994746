/*
 * target.h: what the broker knows of targets beyond the configuration: health and counts.
 *
 * A client may name any model of a provider, so the number of states has a bound: above it the
 * one that was used longest ago goes, and those first that nobody but a client has heard of.
 */
#ifndef BROKER_TARGET_H
#define BROKER_TARGET_H

#include "core/limits.h"
#include "core/list.h"
#include "core/map.h"

#include "broker/breaker.h"
#include "broker/retry.h"

/* Of attempts that have ended, since start. */
struct target_counts {
    uint64_t n_attempts, n_ok, n_failed;
};

struct target_state {
    char name[2 * LIMIT_NAME_LEN + 2]; /* "PROVIDER/MODEL" */
    struct breaker breaker;
    struct retry_budget retries;
    int64_t drained_until_us; /* monotonic; INT64_MAX until undrained; 0 not */
    int weight;               /* in weighted draws, in place of the configured one … */
    int64_t weight_until_us;  /* … until then, as above */
    /* by configuration or catalog, or it has answered: counted by its name */
    bool is_known;
    struct target_counts counts; /* since it is known */
    int64_t ttft_us;             /* exponentially weighted, 0 none; so are … */
    int64_t us_per_ktok;         /* … after the first token, for 1,000 of the output */
    int64_t whole_us;     /* … and of answers that were not streamed, from sending */
    int64_t measured_us;  /* monotonic: when one of the last two was heard of; 0 never */
    size_t n_in_flight;   /* attempts that run */
    bool has_new_limits;  /* learned since they were kept … */
    bool has_kept_limits; /* … in a row that is there */
    int64_t cap_tok;      /* it has said that its answers have at most so many; 0 none */
    bool no_prefill;  /* it has said that it does not go on with an assistant's message */
    size_t n_users;   /* who holds it; it stays as long */
    struct list link; /* in targets.by_use */
};

struct targets {
    struct map by_name;          /* struct target_state, owned */
    struct list by_use;          /* the one used last at the end */
    struct target_counts others; /* of those not known, and of those forgotten */
};

void targets_init(struct targets *ts);
void targets_release(struct targets *ts);
/* NULL when there is none. */
struct target_state *targets_find(const struct targets *ts, struct str name);
/* Made when it is new; NULL only when memory is out. It is the one used last now. */
struct target_state *targets_get(struct targets *ts, struct str provider,
                                 struct str model);
/* One of more than LIMIT_TARGET_STATES that may be forgotten; NULL: none. */
struct target_state *targets_surplus(const struct targets *ts);
void targets_forget(struct targets *ts, struct target_state **tp);
/* How long an attempt took that gave its answer, or a part of it. */
struct target_times {
    int64_t ttft_us, total_us; /* from sending; ttft_us 0: it was not streamed */
    int64_t output_tok;        /* of a whole answer; −1: it is none, or nobody knows */
};
void targets_time(struct target_state *t, const struct target_times *x, int64_t now_us);
/* From sending to the last of so many tokens, as predicted; 0: not known. */
int64_t target_last_token_us(const struct target_state *t, int64_t output_tok);
/* An attempt has ended; one that is ERR_CANCELLED neither went well nor failed. */
void targets_count(struct targets *ts, struct target_state *t, enum errc outcome);

#endif
