/*
 * breaker.h: is a target, or a key, healthy? Closed, open, half-open with one probe.
 *
 * Opened by failure ratio over a sliding window with a minimum count, by consecutive timeouts,
 * or at once for quota_exhausted (until its reset) and, a key's, for authentication. Retry-After
 * is the floor of the pause.
 * Client aborts and client errors never count. No I/O, no clock of its own.
 */
#ifndef BROKER_BREAKER_H
#define BROKER_BREAKER_H

#include "core/buf.h"
#include "core/err.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum { BREAKER_SLOTS = 6, BREAKER_SLOT_US = 10 * 1000 * 1000 };

struct breaker {
    enum breaker_state state;
    int64_t open_until_us; /* monotonic */
    int64_t pause_us;      /* doubles with each reopening, capped */
    bool probe_out;        /* half-open: the one probe is under way */
    unsigned n_timeouts;   /* consecutive */
    struct {
        int64_t slot; /* now / BREAKER_SLOT_US */
        unsigned ok, failed;
    } slots[BREAKER_SLOTS];
    char why[64];  /* "5×529 in 60s" */
    bool is_quota; /* opened because our money there is spent: others' may not be */
};

void breaker_init(struct breaker *b);
/* May a request go there? Half-open: only the one that breaker_take_probe gives it. */
bool breaker_allows(const struct breaker *b, int64_t now_us);
/* Time until it would; 0 when it does. */
int64_t breaker_wait_us(const struct breaker *b, int64_t now_us);
/* Marks the probe as under way if the breaker is half-open. Call when the attempt starts. */
void breaker_start(struct breaker *b, int64_t now_us);
void breaker_ok(struct breaker *b, int64_t now_us);
/* A failure of class e->code with e->sys = HTTP status and e->retry_after_us. */
void breaker_failed(struct breaker *b, const struct err *e, int64_t now_us);
/* The same for a key: only what is said of the key itself counts, and at once. */
void breaker_key_failed(struct breaker *b, const struct err *e, int64_t now_us);
/* The attempt ended without telling anything (client gone, client error). */
void breaker_void(struct breaker *b, int64_t now_us);
/* A person says that it may be well again: when it is open, the next request is the probe. */
void breaker_retry(struct breaker *b, int64_t now_us);
/* As it was before a restart. */
void breaker_reopen(struct breaker *b, int64_t until_us, int64_t pause_us,
                    struct str why);
const char *breaker_state_name(enum breaker_state s);

#endif
