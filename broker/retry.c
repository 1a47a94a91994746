/*
 * retry.c: what happens after a failed attempt, by its class.
 *
 * Owns the table of the error contract's retry column and the retry budget. Must not look
 * at a clock, a socket or a target: request.c asks and obeys.
 */
#include "broker/retry.h"

#include <string.h>

#include "core/clock.h"

#include "broker/dialect.h"

enum {
    BACKOFF_FIRST_US = US_PER_S / 2,
    BACKOFF_MAX_US = 8 * US_PER_S,
    GOOGLE_FIRST_US = US_PER_S,
    GOOGLE_MAX_US = 60 * US_PER_S,
    BUDGET_SLOT_US = 10 * US_PER_S,
    /* retries that are always allowed in two slots, so that a quiet target can be retried
     */
    BUDGET_FLOOR = 10,
    /* retries per request: one in five */
    BUDGET_SHARE = 5,
};

/*
 * What a class allows: so many more tries on the same target when another candidate fits
 * now, and when none does; and where to go after them. Source: the error contract,
 * llmgw-protocol(7), columns "retry same target" and "fail over".
 */
struct rule {
    unsigned same_with_next, same_alone;
    enum retry_what then;
    const char *why;
};

static const struct rule *rule_of(enum errc code)
{
    static const struct rule rules[ERR_N_] = {
        [ERR_RATE_LIMIT] = {0, 3, RETRY_NEXT, "rate limited"},
        [ERR_OVERLOADED] = {1, 2, RETRY_NEXT, "overloaded"},
        [ERR_SERVER] = {1, 1, RETRY_NEXT, "server error"},
        [ERR_NETWORK] = {1, 1, RETRY_NEXT, "network fault"},
        [ERR_UNUSABLE] = {1, 1, RETRY_NEXT, "answer does not fit its schema"},
        [ERR_INTERRUPTED] = {0, 1, RETRY_NEXT, "answer cut"},
        [ERR_TIMEOUT] = {0, 0, RETRY_NEXT, "silent target"},
        [ERR_QUOTA] = {0, 0, RETRY_NEXT, "quota used up"},
        [ERR_UPSTREAM_AUTH] = {0, 0, RETRY_NEXT, "key refused"},
        [ERR_PERMISSION] = {0, 0, RETRY_NEXT, "not permitted"},
        [ERR_NOT_FOUND] = {0, 0, RETRY_NEXT, "model not found"},
        [ERR_TOO_LARGE] = {0, 0, RETRY_NEXT, "too large for the target"},
        [ERR_CONTEXT] = {0, 0, RETRY_LARGER, "context too long"},
        [ERR_INVALID] = {0, 0, RETRY_STOP, "request refused"},
        [ERR_FILTER] = {0, 0, RETRY_STOP, "content filtered"},
        [ERR_CANCELLED] = {0, 0, RETRY_STOP, "cancelled"},
    };
    static const struct rule stop = {0, 0, RETRY_STOP, "not retryable"};
    return rules[code].why != NULL ? &rules[code] : &stop;
}

/*
 * The client's request is fine, this target lacks something: others may have it. Mistral's code is
 * that of an image to a model for text (docs.mistral.ai/api, 2026-11).
 */
static bool is_unsupported_here(const struct err *e)
{
    static const char *const words[] = {"not supported", "unsupported",
                                        "does not support", "doesn't support",
                                        "is not enabled for" /* Google, of a model */};
    if (e->code != ERR_INVALID)
        return false;
    bool found = e->origin == ERR_BY_GATEWAY || strcmp(e->provider_code, "3051") == 0;
    for (size_t i = 0; i < ARRAY_LEN(words) && !found; i++)
        found = str_icontains(str_of(e->text), str_of(words[i]));
    found = found || error_says_no_prefill(e);
    return found || strncmp(e->provider_code, "unsupported_", 12) == 0;
}

static struct retry_plan move_on(const struct rule *r, const struct err *e,
                                 const struct retry_state *s)
{
    enum retry_what then = is_unsupported_here(e) ? RETRY_NEXT : r->then;
    if (then == RETRY_STOP || !s->has_next)
        return (struct retry_plan){.what = RETRY_STOP, .why = r->why};
    return (struct retry_plan){.what = then, .why = r->why};
}

struct retry_plan retry_after(const struct err *e, const struct retry_state *s)
{
    const struct rule *r = rule_of(e->code);
    if (s->n_attempts >= LIMIT_ATTEMPTS)
        return (struct retry_plan){.what = RETRY_STOP, .why = "too many attempts"};
    if (s->left_us <= 0)
        return (struct retry_plan){.what = RETRY_STOP, .why = "deadline"};
    if (s->is_mended)
        return (struct retry_plan){.what = RETRY_SAME, .why = "refused, and put right"};
    if (s->has_key && (e->code == ERR_UPSTREAM_AUTH || e->code == ERR_QUOTA))
        return (struct retry_plan){.what = RETRY_SAME, .why = "another key"};

    bool told = e->retry_after_us >= 0;
    int64_t wait_us =
        told ? e->retry_after_us : retry_backoff_us(s->n_same, s->is_google, s->random);
    bool is_patient = told && e->code == ERR_RATE_LIMIT && wait_us <= s->patience_us;
    unsigned n_max = s->has_next ? r->same_with_next : r->same_alone;
    /* a hint beyond our patience is worth waiting for only when there is nobody else */
    bool is_short = !s->has_next || wait_us <= MAX(s->patience_us, BACKOFF_FIRST_US);
    bool may_stay = is_patient || (s->n_same < n_max && is_short);
    if (may_stay && s->budget_ok && wait_us < s->left_us)
        return (struct retry_plan){.what = RETRY_SAME, .wait_us = wait_us, .why = r->why};
    return move_on(r, e, s);
}

int64_t retry_backoff_us(unsigned n, bool is_google, uint64_t random)
{
    int64_t first_us = is_google ? GOOGLE_FIRST_US : BACKOFF_FIRST_US;
    int64_t max_us = is_google ? GOOGLE_MAX_US : BACKOFF_MAX_US;
    int64_t top_us = MIN(first_us << MIN(n, 6U), max_us);
    return (int64_t)(random % (uint64_t)(top_us + 1));
}

/* Makes slot 0 the current one. */
static void budget_turn(struct retry_budget *b, int64_t now_us)
{
    int64_t slot = now_us / BUDGET_SLOT_US;
    if (slot == b->slot)
        return;
    bool is_next = slot == b->slot + 1;
    b->requests[1] = is_next ? b->requests[0] : 0;
    b->retries[1] = is_next ? b->retries[0] : 0;
    b->requests[0] = b->retries[0] = 0;
    b->slot = slot;
}

void retry_budget_request(struct retry_budget *b, int64_t now_us)
{
    budget_turn(b, now_us);
    b->requests[0]++;
}

bool retry_budget_has(struct retry_budget *b, int64_t now_us)
{
    budget_turn(b, now_us);
    unsigned n_retries = b->retries[0] + b->retries[1];
    unsigned n_requests = b->requests[0] + b->requests[1];
    return n_retries < BUDGET_FLOOR + n_requests / BUDGET_SHARE;
}

bool retry_budget_take(struct retry_budget *b, int64_t now_us)
{
    if (!retry_budget_has(b, now_us))
        return false;
    b->retries[0]++;
    return true;
}
