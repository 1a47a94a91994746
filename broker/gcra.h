/*
 * gcra.h: one rate limit as a single number, the theoretical arrival time (TAT).
 *
 * A bucket of `amount` units that refills evenly in `window_us`. In any stretch of time t
 * at most amount × (1 + t / window) units pass, whatever is reserved, settled late or
 * given back. Source: ITU-T I.371 (2004), annex A, "generic cell rate algorithm", virtual
 * scheduling.
 */
#ifndef BROKER_GCRA_H
#define BROKER_GCRA_H

#include "core/base.h"

struct gcra {
    int64_t amount, window_us; /* amount 0: no limit */
    int64_t tat_us;      /* monotonic: when all that was reserved will have drained */
    int64_t refunded_us; /* sum of all refunds, ever */
};

/* What one reservation holds: a stretch of the bucket's time that ends at its own TAT. */
struct gcra_slot {
    int64_t len_us, end_us;
    int64_t refunded_us; /* the bucket's sum when the slot was taken */
};

/* 0: n units fit now; else the time until they would; −1: above the capacity, never. */
int64_t gcra_wait_us(const struct gcra *g, int64_t n, int64_t now_us);
/* Takes n units, whether they fit or not. */
struct gcra_slot gcra_take(struct gcra *g, int64_t n, int64_t now_us);
/* n_used were used in truth: gives the rest back, or puts the bucket into debt. */
void gcra_settle(struct gcra *g, const struct gcra_slot *s, int64_t n_used,
                 int64_t now_us);
/* Units that would fit now. */
int64_t gcra_left(const struct gcra *g, int64_t now_us);

#endif
