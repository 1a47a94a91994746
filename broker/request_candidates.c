/*
 * request_candidates.c: what a request asks about its candidates: who has room, who is well, who
 * would be next and when, and which of their failures speaks for all. Changes no state but the
 * grant that was reserved.
 */
#include <stdio.h>

#include "broker/cap.h"
#include "broker/limiter.h"
#include "broker/request_priv.h"
#include "broker/secret.h"
#include "broker/state.h"

enum {
    /* the longest wait for room in a limit; above it the client is told when to come back */
    ROOM_WAIT_US = 30 * US_PER_S,
};

static int64_t now_us(const struct request *r)
{
    return loop_mono_us(r->b->loop);
}

const struct conf_target *candidate_target(const struct request *r, size_t i)
{
    return &r->targets[r->decision.items[i].target];
}

struct prospect *candidate_prospect(const struct request *r, size_t i)
{
    return &r->prospects[r->decision.items[i].target];
}

/* May this candidate be asked now, limits apart? */
bool candidate_is_healthy(const struct request *r, size_t i)
{
    const struct conf_target *t = candidate_target(r, i);
    if (request_breaker_us(r, r->decision.items[i].target) > 0)
        return false;
    return request_key(r, t->provider).len > 0 ||
           secrets_benched_us(r->secrets, str_of(t->provider), now_us(r)) <= 0;
}

/* Is the window of this candidate known to be too small? */
bool candidate_is_too_small(const struct request *r, size_t i)
{
    int64_t window = candidate_prospect(r, i)->model.context_tok;
    return r->too_small_tok > 0 && window > 0 && window <= r->too_small_tok;
}

bool candidate_reserve(struct request *r, size_t i)
{
    struct err e = ERR_INIT;
    struct limit_refusal why;
    struct limit_scope scope = request_scope(r, candidate_target(r, i));
    r->bounds = candidate_prospect(r, i)->bounds;
    return limiter_reserve(r->b->limiter, &scope, &r->bounds.cost, now_us(r),
                           loop_wall_us(r->b->loop), &r->grant, &why, &e) == ERR_OK;
}

/* When the limits will have room for candidate i: 0 now, −1 never. */
static int64_t fits_in_us(const struct request *r, size_t i)
{
    struct limit_refusal why;
    struct limit_scope scope = request_scope(r, candidate_target(r, i));
    return limiter_fits_in_us(r->b->limiter, &scope,
                              &candidate_prospect(r, i)->bounds.cost, now_us(r),
                              loop_wall_us(r->b->loop), &why);
}

/* The first candidate from `from` on that could be asked now; decision.n_usable if none. */
size_t candidate_find_fit(const struct request *r, size_t from)
{
    for (size_t i = from; i < r->decision.n_usable; i++)
        if (!candidate_is_too_small(r, i) && candidate_is_healthy(r, i) &&
            fits_in_us(r, i) == 0)
            return i;
    return r->decision.n_usable;
}

bool candidate_is_of_other_mode(const struct decision *d)
{
    return d->n > 0 &&
           (d->items[0].skip == SKIP_MODE ||
            (d->items[0].skip == SKIP_CAPABILITY && d->items[0].lacks == CAP_EMBEDDING));
}

/* "; these could: a/x, b/y", or nothing. */
static void write_able(const struct request *r, struct buf *out)
{
    struct able able[ABLE_MOST];
    size_t n = request_find_able(r, able, ARRAY_LEN(able));
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s/%s", i > 0 ? ", " : "; these could: ", able[i].provider,
                   able[i].model);
}

/* The decision when it must be read aloud: the first candidate's class, everybody's reason. */
void candidate_explain(const struct request *r, struct err *e)
{
    const struct decision *d = &r->decision;
    char text[LIMIT_ERR_TEXT] = "", name[TARGET_NAME_LEN];
    size_t len = 0;
    for (size_t i = 0; i < d->n && len < sizeof text; i++)
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%s: %s", i > 0 ? "; " : "",
                             target_name(candidate_target(r, i), name), d->items[i].why);
    bool is_key = d->n > 0 && d->items[0].skip == SKIP_NO_KEY;
    bool no_key = is_key && d->items[0].verdict == VERDICT_SKIPPED;
    AUTO(buf_release) struct buf able = BUF_INIT(LIMIT_ERR_TEXT / 2);
    if (candidate_is_of_other_mode(d))
        write_able(r, &able);
    err_set(e, d->n > 0 ? d->items[0].class : ERR_NOT_FOUND, "%s%.*s%s", text,
            STR_ARG(buf_str(&able)),
            no_key   ? "\nhint: llmgw doctor tells which keys are missing"
            : is_key ? "\nhint: llmgw keys test tries it at once"
                     : "");
    if (candidate_is_of_other_mode(d))
        snprintf(e->param, sizeof e->param, "model");
    if (d->n > 0 && d->items[0].lacks == CAP_JSON_SCHEMA)
        snprintf(e->param, sizeof e->param, "response_format");
    /* the pause of a key or a quota is our guess, unless a person acts */
    if (errc_is_retryable(e->code) && d->items[0].verdict == VERDICT_LATER)
        e->retry_after_us = d->items[0].wait_us;
    if (e->code == ERR_QUOTA || e->code == ERR_UPSTREAM_AUTH)
        e->origin = ERR_BY_PROVIDER;
}

int64_t request_room_us(const struct request *r)
{
    if (r->decision.n_usable > 0)
        return 0;
    const struct candidate *first = &r->decision.items[0];
    if (r->decision.n == 0 || first->verdict != VERDICT_LATER)
        return -1;
    /* who is ill is waited for like who has asked for a pause */
    int64_t most_us =
        first->skip == SKIP_BREAKER ? r->rules.patience_us : (int64_t)ROOM_WAIT_US;
    bool is_worth_it = first->wait_us <= most_us && first->wait_us < request_left_us(r) &&
                       r->b->n_waiting < LIMIT_QUEUE;
    return is_worth_it ? first->wait_us : -1;
}

/* A candidate whose key is being fetched is worth a moment. */
bool candidate_is_key_coming(const struct request *r, size_t i)
{
    const char *provider = candidate_target(r, i)->provider;
    return request_key(r, provider).len == 0 &&
           secrets_await(r->secrets, str_of(provider), now_us(r));
}

/* Does this candidate's provider count for others? */
bool candidate_counts(const struct request *r, size_t i)
{
    const struct target_model *m = &candidate_prospect(r, i)->model;
    return dialect_count_ops(m->kind, str_of(candidate_target(r, i)->model)) != NULL;
}

/* Of all candidates the one that will have room first, if that is before *wait_us. */
size_t candidate_find_soonest(const struct request *r, int64_t *wait_us)
{
    size_t soonest = r->at;
    for (size_t i = 0; i < r->decision.n_usable; i++) {
        int64_t fits_us =
            i != r->at && candidate_is_healthy(r, i) ? fits_in_us(r, i) : -1;
        if (fits_us > 0 && fits_us < *wait_us) {
            *wait_us = fits_us;
            soonest = i;
        }
    }
    return soonest;
}

/*
 * When it may be worth asking again: as soon as a breaker or a limit would let it through, else
 * longer with each attempt that was made. Source: llmgw-protocol(7), Errors.
 */
int64_t candidate_retry_us(const struct request *r)
{
    int64_t guess_us = INT64_MAX;
    for (size_t i = 0; i < r->decision.n_usable; i++) {
        int64_t breaker_us = request_breaker_us(r, r->decision.items[i].target);
        int64_t wait_us = MAX(breaker_us, fits_in_us(r, i));
        if (wait_us > 0)
            guess_us = MIN(guess_us, wait_us);
    }
    int64_t steps = MIN(MAX((int64_t)r->n_rows, 1), 4) - 1;
    return guess_us < INT64_MAX ? guess_us : (int64_t)US_PER_S << steps;
}

/* ---- what a refusal teaches ---- */

static bool mend_cap(struct request *r, struct prospect *p, const struct err *e)
{
    bool is_model;
    if (p->cap_tok > 0 || r->facts.counts_only || request_is_embed(r))
        return false;
    int64_t cap =
        cap_of_refusal(e, r->bounds.cap_tok, p->model.max_output_tok, &is_model);
    if (cap < 0)
        return false;
    p->cap_tok = cap;
    if (is_model) {
        p->state->cap_tok = cap;
        state_save_facts(r->b, p->state);
    }
    request_bound(r, r->decision.items[r->at].target);
    return true;
}

/* A client that means the beginning to be gone on with is better served by who does that. */
static bool mend_prefill(const struct request *r, struct prospect *p, const struct err *e)
{
    if (!error_says_no_prefill(e) || (r->facts.needs & CAP_PREFILL) != 0 ||
        (p->model.caps_no & CAP_PREFILL) != 0)
        return false;
    p->model.caps_yes &= ~(unsigned)CAP_PREFILL;
    p->model.caps_no |= CAP_PREFILL;
    return true;
}

bool candidate_mend(struct request *r, const struct err *e, bool is_crossed)
{
    struct prospect *p = candidate_prospect(r, r->at);
    return mend_cap(r, p, e) || (is_crossed && mend_prefill(r, p, e));
}

/* ---- when all have failed ---- */

/* Nobody knows is later than any time that was told. */
static bool is_sooner(const struct err *a, const struct err *b)
{
    if (a->retry_after_us < 0 || b->retry_after_us < 0)
        return b->retry_after_us < 0;
    return a->retry_after_us <= b->retry_after_us;
}

/* The last failure of a class, or NULL; a rate limit with the smallest hint of all. */
static const struct err *last_of(const struct request *r, enum errc code)
{
    const struct err *found = NULL;
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct err *e = &r->rows[i]->err;
        if (e->code == code &&
            (found == NULL || code != ERR_RATE_LIMIT || is_sooner(e, found)))
            found = e;
    }
    return found;
}

/* What the preferred target itself said against the request. */
static const struct err *refusal(const struct request *r)
{
    for (size_t i = r->n_rows; i-- > 0;) {
        const struct err *e = &r->rows[i]->err;
        if (r->rows[i]->target == r->rows[0]->target && errc_http(e->code) / 100 == 4 &&
            !errc_is_retryable(e->code))
            return e;
    }
    return NULL;
}

/*
 * Which of the failures speaks for all.
 * Source: the error contract, llmgw-protocol(7): the last rate limit, else the preferred
 * target's own refusal, else a timeout, else overload, else the last.
 */
void candidate_failure(const struct request *r, const struct err *last, struct err *ret)
{
    bool is_about_request = last->code == ERR_INVALID || last->code == ERR_FILTER;
    const struct err *const order[] = {last_of(r, ERR_RATE_LIMIT), refusal(r),
                                       last_of(r, ERR_TIMEOUT),
                                       last_of(r, ERR_OVERLOADED)};
    size_t i = 0;
    *ret = *last;
    while (i < ARRAY_LEN(order) && order[i] == NULL)
        i++;
    if (i < ARRAY_LEN(order) && !is_about_request)
        *ret = *order[i];
    else if (r->n_rows > 1 && !is_about_request)
        err_ctx(ret, "all upstreams failed (%zu attempts), the last one", r->n_rows);
}
