/*
 * retry.h: what happens after a failed attempt, by its class. Pure: tables and arithmetic.
 *
 * Source: the error contract (llmgw-protocol(7)): rate limits within the route's patience are
 * waited out on the same target; server errors and network faults get one more try there, with
 * jitter; a silent target is never asked twice; a longer context moves only to a larger
 * window; content filter, invalid request and cancel stop.
 */
#ifndef BROKER_RETRY_H
#define BROKER_RETRY_H

#include "core/err.h"

enum retry_what {
    RETRY_SAME,   /* wait, then the same target */
    RETRY_NEXT,   /* the next candidate now */
    RETRY_LARGER, /* the next candidate with a larger context window */
    RETRY_STOP,   /* tell the client */
};

struct retry_state {
    unsigned n_attempts; /* in the request */
    unsigned n_same;     /* on this target, before this failure */
    bool is_mended;      /* what it refused is known now, and left out */
    bool has_next;       /* another candidate fits now */
    bool has_key;        /* another key of the same provider is not benched */
    int64_t patience_us; /* what is left of the route's, on this target */
    int64_t left_us;     /* of the request's deadline */
    bool budget_ok;      /* the target's retry budget has room */
    uint64_t random;     /* jitter */
    bool is_google;      /* waits longer: see retry_backoff_us */
};

struct retry_plan {
    enum retry_what what;
    int64_t wait_us;
    const char *why; /* constant text */
};

struct retry_plan retry_after(const struct err *e, const struct retry_state *s);
/*
 * 0.5 s × 2^n with full jitter, capped at 8 s; for Google 1 s × 2^n, capped at 60 s.
 * Source: the defaults of the OpenAI and Anthropic SDKs, and of google-genai (2026-08).
 */
int64_t retry_backoff_us(unsigned n, bool is_google, uint64_t random);

/* At most 20 % of the recent requests to a target may be retries, plus a small floor. */
struct retry_budget {
    int64_t slot;                     /* now / 10 s */
    unsigned requests[2], retries[2]; /* this slot and the one before */
};
void retry_budget_request(struct retry_budget *b, int64_t now_us);
/* Is there room? Asked before a plan is made; taken when the plan stays on the target. */
bool retry_budget_has(struct retry_budget *b, int64_t now_us);
bool retry_budget_take(struct retry_budget *b, int64_t now_us);

#endif
