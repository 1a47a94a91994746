/*
 * ratelimit.h: what a provider's headers say of its limits, and when to come back.
 *
 * Every provider spells them its own way; here they are one record. Which of it binds is
 * learned.c's to decide.
 */
#ifndef BROKER_RATELIMIT_H
#define BROKER_RATELIMIT_H

#include "core/clock.h"
#include "core/http1.h"

/* No limit is counted for longer; what claims to be is added to clocks all the same. */
#define RATELIMIT_RESET_MAX_US (366 * US_PER_DAY)

/* What a limit counts, as far as an admission can be held against it. */
enum ratelimit_gauge {
    RATELIMIT_REQUESTS,
    RATELIMIT_INPUT,
    RATELIMIT_OUTPUT,
    RATELIMIT_TOKENS,
    RATELIMIT_OTHER, /* nothing that is known before the answer */
};

struct ratelimit_row {
    char name
        [32]; /* the provider's own word: "requests", "tokens-minute", "input-tokens" */
    enum ratelimit_gauge gauge;
    int64_t limit, left; /* −1: not told */
    int64_t reset_us;    /* from now until all of it is there again; −1: not told */
    bool is_window; /* all of it comes back at once, at the end of the named period */
};

enum { RATELIMIT_ROWS = 12 };

/*
 * The limits that headers name, in their order; figures below 0 are placeholders, and so is the row
 * that has one. Returns how many.
 */
size_t ratelimit_read(const struct http1_header *headers, size_t n, int64_t wall_us,
                      struct ratelimit_row ret[RATELIMIT_ROWS]);

/* retry-after-ms, which is finer and wins, as in the vendors' SDKs, or retry-after; −1: neither. */
int64_t retry_after_us(const struct http1_header *headers, size_t n, int64_t wall_us);
/*
 * The soonest reset of a limit that is said to be used up; with none, the latest of all: a request
 * larger than what is left was refused by the emptiest bucket. −1: none is told.
 */
int64_t ratelimit_wait_us(const struct http1_header *headers, size_t n, int64_t wall_us);

#endif
