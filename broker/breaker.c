/*
 * breaker.c: is a target, or a key, healthy?
 *
 *     CLOSED ── too many failures, timeouts in a row, quota ──▶ OPEN ── pause over ──▶ HALF_OPEN
 *       ▲                                                         ▲                        │
 *       │                                                         └───── probe failed ─────┤
 *       └──────────────────────── probe answered ──────────────────────────────────────────┘
 *
 * Owns the counting and the pauses. Must not know why somebody asks, nor read a clock.
 */
#include "broker/breaker.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"

enum {
    /* failures in the window before their share is looked at: a blip opens nothing */
    FAILURES_MIN = 5,
    /* … and the share of attempts they must make: one in two */
    FAILURES_SHARE = 2,
    TIMEOUTS_MAX = 3,
    PAUSE_FIRST_US = 5 * US_PER_S,
    PAUSE_MAX_US = 300 * US_PER_S,
    /* until a second request may ask while the probe is under way */
    PROBE_WAIT_US = US_PER_S,
};
/* Quotas that name no reset are asked again after this. */
#define QUOTA_PAUSE_US ((int64_t)10 * 60 * US_PER_S)
/* A key that was refused rests so long: most need a person. */
#define REFUSED_PAUSE_US ((int64_t)10 * 60 * US_PER_S)
/* Longer hints are not trusted. Quotas are renewed each month at the latest. */
#define HINT_MAX_US       US_PER_DAY
#define QUOTA_HINT_MAX_US (32 * US_PER_DAY)

static const char quota_why[] = "quota exhausted";

void breaker_init(struct breaker *b)
{
    *b = (struct breaker){.state = BREAKER_CLOSED};
}

bool breaker_allows(const struct breaker *b, int64_t now_us)
{
    return breaker_wait_us(b, now_us) == 0;
}

int64_t breaker_wait_us(const struct breaker *b, int64_t now_us)
{
    switch (b->state) {
    case BREAKER_CLOSED:
        return 0;
    case BREAKER_OPEN:
        return MAX(0, b->open_until_us - now_us);
    case BREAKER_HALF_OPEN:
        return b->probe_out ? PROBE_WAIT_US : 0;
    }
    return 0;
}

void breaker_retry(struct breaker *b, int64_t now_us)
{
    if (b->state == BREAKER_OPEN)
        b->open_until_us = MIN(b->open_until_us, now_us);
}

void breaker_start(struct breaker *b, int64_t now_us)
{
    if (b->state == BREAKER_OPEN && now_us >= b->open_until_us)
        b->state = BREAKER_HALF_OPEN;
    if (b->state == BREAKER_HALF_OPEN)
        b->probe_out = true;
}

/* The slot of now, emptied if it held an older minute. */
static size_t slot_at(struct breaker *b, int64_t now_us)
{
    int64_t slot = now_us / BREAKER_SLOT_US;
    size_t i = (size_t)(slot % BREAKER_SLOTS);
    if (b->slots[i].slot != slot) {
        b->slots[i].slot = slot;
        b->slots[i].ok = b->slots[i].failed = 0;
    }
    return i;
}

static void count_window(const struct breaker *b, int64_t now_us, unsigned *ret_failed,
                         unsigned *ret_all)
{
    int64_t oldest = now_us / BREAKER_SLOT_US - BREAKER_SLOTS + 1;
    *ret_failed = *ret_all = 0;
    for (size_t i = 0; i < BREAKER_SLOTS; i++) {
        if (b->slots[i].slot < oldest)
            continue;
        *ret_failed += b->slots[i].failed;
        *ret_all += b->slots[i].failed + b->slots[i].ok;
    }
}

void breaker_ok(struct breaker *b, int64_t now_us)
{
    /* an answer that was under way when the breaker opened does not close it */
    if (b->state == BREAKER_OPEN)
        return;
    if (b->state == BREAKER_HALF_OPEN)
        breaker_init(b);
    b->n_timeouts = 0;
    b->slots[slot_at(b, now_us)].ok++;
}

static void open_for(struct breaker *b, int64_t pause_us, int64_t now_us)
{
    b->state = BREAKER_OPEN;
    b->probe_out = b->is_quota = false;
    b->open_until_us = MAX(b->open_until_us, now_us + pause_us);
}

/* Each reopening doubles the pause; the other side's hint is its floor. */
static void open_again(struct breaker *b, const struct err *e, int64_t now_us)
{
    b->pause_us =
        b->pause_us == 0 ? PAUSE_FIRST_US : MIN(2 * b->pause_us, (int64_t)PAUSE_MAX_US);
    open_for(b, MAX(b->pause_us, MIN(e->retry_after_us, HINT_MAX_US)), now_us);
}

/* How long a spent quota is left alone: until its reset, if that was told. */
static int64_t quota_pause_us(const struct err *e)
{
    return e->retry_after_us >= 0 ? MIN(e->retry_after_us, QUOTA_HINT_MAX_US)
                                  : QUOTA_PAUSE_US;
}

/* Does this class say anything about the target's health? */
static bool counts(enum errc code)
{
    static const bool rows[ERR_N_] = {
        [ERR_RATE_LIMIT] = true, [ERR_OVERLOADED] = true,  [ERR_SERVER] = true,
        [ERR_NETWORK] = true,    [ERR_INTERRUPTED] = true, [ERR_TIMEOUT] = true,
        [ERR_QUOTA] = true,
    };
    return rows[code];
}

/* "529", or the class where no status came. */
static void name_failure(const struct err *e, char out[32])
{
    if (e->origin == ERR_BY_PROVIDER && e->sys >= 400)
        snprintf(out, 32, "%d", e->sys);
    else
        snprintf(out, 32, "%s", errc_name(e->code));
}

void breaker_failed(struct breaker *b, const struct err *e, int64_t now_us)
{
    if (!counts(e->code)) {
        breaker_void(b, now_us);
        return;
    }
    if (b->state == BREAKER_OPEN)
        return;
    unsigned n_failed, n_all;
    b->slots[slot_at(b, now_us)].failed++;
    b->n_timeouts = e->code == ERR_TIMEOUT ? b->n_timeouts + 1 : 0;
    count_window(b, now_us, &n_failed, &n_all);
    char name[32];
    name_failure(e, name);
    if (e->code == ERR_QUOTA) {
        snprintf(b->why, sizeof b->why, "%s", quota_why);
        open_for(b, quota_pause_us(e), now_us);
        b->is_quota = true;
    } else if (b->state == BREAKER_HALF_OPEN) {
        snprintf(b->why, sizeof b->why, "probe failed: %s", name);
        open_again(b, e, now_us);
    } else if (b->n_timeouts >= TIMEOUTS_MAX) {
        snprintf(b->why, sizeof b->why, "%u timeouts in a row", b->n_timeouts);
        open_again(b, e, now_us);
    } else if (n_failed >= FAILURES_MIN && n_failed * FAILURES_SHARE >= n_all) {
        snprintf(b->why, sizeof b->why, "%u×%s in 60s", n_failed, name);
        open_again(b, e, now_us);
    }
}

void breaker_key_failed(struct breaker *b, const struct err *e, int64_t now_us)
{
    if (e->code == ERR_QUOTA) {
        breaker_failed(b, e, now_us);
    } else if (e->code != ERR_UPSTREAM_AUTH) {
        breaker_void(b, now_us);
    } else if (b->state != BREAKER_OPEN) {
        snprintf(b->why, sizeof b->why, "not accepted");
        open_for(b, REFUSED_PAUSE_US, now_us);
    }
}

void breaker_void(struct breaker *b, int64_t now_us)
{
    (void)now_us;
    if (b->state == BREAKER_HALF_OPEN)
        b->probe_out = false;
}

void breaker_reopen(struct breaker *b, int64_t until_us, int64_t pause_us, struct str why)
{
    b->state = BREAKER_OPEN;
    b->open_until_us = until_us;
    b->pause_us = MIN(pause_us, (int64_t)PAUSE_MAX_US);
    str_copy(b->why, sizeof b->why, why);
    b->is_quota = str_eqz(why, quota_why);
}

const char *breaker_state_name(enum breaker_state s)
{
    switch (s) {
    case BREAKER_CLOSED:
        return "closed";
    case BREAKER_OPEN:
        return "open";
    case BREAKER_HALF_OPEN:
        return "half-open";
    }
    return "?";
}
