/* gcra.c: see gcra.h. Pure arithmetic; products are made in 128 bits. */
#include "broker/gcra.h"

/* The time that n units take to drain, rounded up: rounding never lets more through. */
static int64_t drain_us(const struct gcra *g, int64_t n)
{
    i128 us = ((i128)n * g->window_us + g->amount - 1) / g->amount;
    return us > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)us;
}

int64_t gcra_wait_us(const struct gcra *g, int64_t n, int64_t now_us)
{
    if (g->amount == 0)
        return 0;
    if (n > g->amount)
        return -1;
    int64_t end_us = MAX(g->tat_us, now_us) + drain_us(g, n);
    return MAX(0, end_us - g->window_us - now_us);
}

struct gcra_slot gcra_take(struct gcra *g, int64_t n, int64_t now_us)
{
    if (g->amount == 0)
        return (struct gcra_slot){0};
    int64_t len_us = drain_us(g, n);
    g->tat_us = MAX(g->tat_us, now_us) + len_us;
    return (struct gcra_slot){len_us, g->tat_us, g->refunded_us};
}

void gcra_settle(struct gcra *g, const struct gcra_slot *s, int64_t n_used,
                 int64_t now_us)
{
    if (g->amount == 0)
        return;
    int64_t used_us = drain_us(g, n_used);
    if (used_us > s->len_us) {
        g->tat_us = MAX(g->tat_us, now_us) + used_us - s->len_us;
        return;
    }
    /*
     * Only what has not drained can be given back; the rest has let others through
     * already. Refunds made meanwhile moved our slot forward, at most by their whole sum.
     */
    int64_t end_us = s->end_us - (g->refunded_us - s->refunded_us);
    int64_t refund_us = MIN(s->len_us - used_us, MAX(0, end_us - now_us));
    g->tat_us -= refund_us;
    g->refunded_us += refund_us;
}

int64_t gcra_left(const struct gcra *g, int64_t now_us)
{
    int64_t free_us = g->window_us - MAX(0, g->tat_us - now_us);
    return free_us <= 0 ? 0 : (int64_t)((i128)free_us * g->amount / g->window_us);
}
