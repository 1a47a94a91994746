/*
 * request.c: the life of one client request, from arrival to its recorded end.
 *
 *     NEW ──read──▶ ROUTED ◀──────────time is over─────────── WAITING
 *                     │ ╲                                       ▲  ▲
 *                room │  ╲──────────no room now─────────────────╯  │
 *                     ▼                                            │
 *                  ADMITTED ──sent──▶ SENDING ──content──▶ STREAMING
 *                     │                  │                     │
 *                     ╰──────────────────┴──── failed ─────────┤
 *                                              │               ╰─ the same target, later: WAITING
 *                                              ╰───────────────── the next candidate: ROUTED
 *
 *     every state ──▶ SETTLING ──▶ DONE · FAILED · CANCELLED
 *
 * A request is admitted once; each attempt reserves for its target and settles what it used.
 * An attempt that nobody has seen fails without a trace but its row: the table in retry.c says
 * what comes next. Once content has left, a failure is told inside the stream, or, to clients
 * that understand it, everything begins anew (answer_reset). Nothing says "done" before the
 * ledger has the record: the finish, the usage and the end mark wait for SETTLING.
 *
 * Only request_set_state() assigns the state. Events (request_on_…, the timers, the client's
 * hang-up) change states and run actions; actions (attempt_…, answer_…, settle_…) never do.
 */
#include "broker/request.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"
#include "core/mem.h"
#include "core/num.h"

#include "broker/fetch.h"
#include "broker/request_priv.h"

enum {
    /* usage that has not come so long after the finish is estimated */
    USAGE_WAIT_US = 2 * US_PER_S,
    /* our own clients hear of the commit, or of the spool after this */
    COMMIT_WAIT_US = 250 * US_PER_MS,
    /* nginx and Claude Code give a silent stream up after minutes; proxies sooner */
    KEEPALIVE_US = 15 * US_PER_S,
    /*
     * To the first token, when the route does not say. Models that reason show nothing of it in
     * some dialects. Source: llmgw-config(5).
     */
    FIRST_TOKEN_US = 60 * US_PER_S,
    FIRST_TOKEN_REASONING_US = 180 * US_PER_S,
    /* until a key is looked for again that a command is about to print */
    KEY_LOOK_US = 20 * US_PER_MS,
    /* so that all who wait for the same moment do not come back at it */
    ROOM_JITTER_US = 50 * US_PER_MS,
};

static void admit(struct request *r);
static void fail(struct request *r, const struct err *e);
static void give_up(struct request *r, const struct err *e);

/* ---- states ---- */

#define TO(s) (1U << REQ_##s)

static const struct {
    const char *name, *what;
    unsigned next;
} states[REQ_N_] = {
#define REQUEST_ROW(s, what, next) [REQ_##s] = {#s, what, next},
    REQUEST_STATES(REQUEST_ROW)
#undef REQUEST_ROW
};

const char *request_state_name(enum request_state s)
{
    return states[s].name;
}

bool request_may(enum request_state from, enum request_state to)
{
    return (states[from].next >> to & 1) != 0;
}

void request_write_graph(struct buf *out)
{
    buf_addz(out, "digraph request {\n");
    for (unsigned from = 0; from < REQ_N_; from++) {
        buf_printf(out, "    %s [tooltip=\"%s\"];\n", states[from].name,
                   states[from].what);
        for (unsigned to = 0; to < REQ_N_; to++)
            if (request_may((enum request_state)from, (enum request_state)to))
                buf_printf(out, "    %s -> %s;\n", states[from].name, states[to].name);
    }
    buf_addz(out, "}\n");
}

static int64_t now_us(const struct request *r)
{
    return loop_mono_us(r->b->loop);
}

static void stop_timers(struct request *r)
{
    memset(r->due_us, 0, sizeof r->due_us);
}

static void stop_attempt_timers(struct request *r)
{
    request_timer_stop(r, TIMER_FIRST_TOKEN);
    request_timer_stop(r, TIMER_GAP);
    request_timer_stop(r, TIMER_USAGE);
}

/* The end: out of the broker's list now, out of memory when nobody is on the stack. */
static void leave(struct request *r)
{
    stop_timers(r);
    loop_timer_stop(r->b->loop, &r->clock);
    list_del(&r->link);
    broker_request_ended(r->b);
    loop_later(r->b->loop, &r->task);
}

static void stop(struct request *r)
{
    stop_timers(r);
    fetch_stop(r);
}

static void (*const on_enter[REQ_N_])(struct request *) = {
    [REQ_ROUTED] = stop_attempt_timers,
    [REQ_WAITING] = stop_attempt_timers,
    [REQ_SETTLING] = stop,
    [REQ_DONE] = leave,
    [REQ_FAILED] = leave,
    [REQ_CANCELLED] = leave,
};

static void request_set_state(struct request *r, enum request_state next, const char *why)
{
    assert(request_may(r->state, next));
    log_write(&r->b->log, LOG_DEBUG, "request", why, "req=%s %s->%s", r->id,
              states[r->state].name, states[next].name);
    r->b->n_waiting += next == REQ_WAITING;
    r->b->n_waiting -= r->state == REQ_WAITING;
    r->state = next;
    r->entered_us[next] = now_us(r);
    if (on_enter[next] != NULL)
        on_enter[next](r);
}

/* ---- birth and death ---- */

void request_free(struct request **rp)
{
    struct request *r = *rp;
    if (r == NULL)
        return;
    *rp = NULL;
    fetch_release(r);
    answer_release(r);
    request_ask_release(r);
    broker_conf_unref(r->b, &r->conf);
    arena_release(&r->arena);
    r->magic = 0;
    mem_free(r);
}

static void on_free(void *arg)
{
    struct request *r = OBJ(request, arg);
    request_free(&r);
}

static void on_clock(void *arg);
static void on_gone(void *arg);
static void on_drain(void *arg);

static const struct conn_fns conn_fns = {.on_drain = on_drain, .on_gone = on_gone};

struct request *request_new(struct broker *b, struct conn *c,
                            const struct conn_request *cr,
                            const struct dialect_ops *client)
{
    struct request *r = MEM_NEW(struct request);
    if (r == NULL)
        return NULL;
    r->magic = request_MAGIC;
    r->b = b;
    r->conn = c;
    r->cr = *cr;
    r->client = client;
    r->facts.counts_only =
        client == &dialect_anthropic_count; /* even if it is not well-formed */
    r->conf = broker_conf_ref(b);
    r->catalog = b->catalog;
    r->secrets = b->secrets;
    r->task = (struct loop_task){.fn = on_free, .arg = r};
    r->clock = (struct loop_timer){.fn = on_clock, .arg = r};
    list_init(&r->link);
    arena_init(&r->arena, LIMIT_ARENA_LEN + LIMIT_ARENA_PER_BODY * cr->body.len);
    clock_ulid_pooled(&b->ids, r->id, loop_wall_us(b->loop));
    answer_init(r);
    usage_init(&r->usage);
    return r;
}

/* ---- timers: one clock for all ---- */

static void arm(struct request *r, int64_t due_us)
{
    /* without memory for it the request lives until its client goes */
    if (loop_timer_set(r->b->loop, &r->clock, due_us - now_us(r)) == ERR_OK)
        r->armed_us = due_us;
}

void request_timer_set(struct request *r, enum request_timer t, int64_t after_us)
{
    r->due_us[t] = now_us(r) + after_us;
    /* one that moves on is only written down: most are moved with every byte */
    if (r->armed_us == 0 || r->due_us[t] < r->armed_us)
        arm(r, r->due_us[t]);
}

void request_timer_stop(struct request *r, enum request_timer t)
{
    r->due_us[t] = 0;
}

/* The timer that is due next; TIMER_N_ when none is set. */
static enum request_timer next_timer(const struct request *r)
{
    unsigned next = TIMER_N_;
    for (unsigned t = 0; t < TIMER_N_; t++)
        if (r->due_us[t] != 0 && (next == TIMER_N_ || r->due_us[t] < r->due_us[next]))
            next = t;
    return (enum request_timer)next;
}

int64_t request_left_us(const struct request *r)
{
    return MAX(0, r->cr.start_mono_us + r->rules.timeout_us - now_us(r));
}

/* A limit was passed by an attempt, or by the wait for one. */
static void time_out(struct request *r, enum err_origin origin, const char *what,
                     int64_t limit_us)
{
    struct err e = ERR_INIT;
    char limit[NUM_TEXT_LEN];
    num_duration(limit, limit_us);
    err_set(&e, ERR_TIMEOUT, "%s within %s", what, limit);
    e.origin = origin;
    if (r->attempt != NULL)
        request_on_failure(r, &e);
    else
        fail(r, &e);
}

static void on_deadline(struct request *r)
{
    time_out(r, ERR_BY_GATEWAY, "no whole answer", r->rules.timeout_us);
}

static void on_first_token(struct request *r)
{
    bool is_streamed = attempt_is_streamed(r->attempt);
    time_out(r, ERR_BY_TRANSPORT, is_streamed ? "no first token" : "no answer",
             r->silence_us);
}

static void on_gap(struct request *r)
{
    time_out(r, ERR_BY_TRANSPORT, "the stream stalled: nothing", r->rules.gap_us);
}

static void on_wait(struct request *r)
{
    request_set_state(r, REQ_ROUTED, "the wait is over");
    /* nothing was sent yet: health and limits may look quite different now */
    if (r->n_rows == 0)
        request_decide(r, r->opt.events);
    admit(r);
}

static void on_usage(struct request *r)
{
    attempt_complete(r->attempt);
}

static void on_keepalive(struct request *r)
{
    int64_t silent_us = now_us(r) - r->answer.last_us;
    if (silent_us >= KEEPALIVE_US) {
        answer_keepalive(r);
        silent_us = 0;
    }
    request_timer_set(r, TIMER_KEEPALIVE, KEEPALIVE_US - silent_us);
}

static void on_commit(struct request *r)
{
    answer_end(r, "spooled");
    request_set_state(r, REQ_DONE, "recorded in the spool");
}

static void (*const on_timer[TIMER_N_])(struct request *) = {
    [TIMER_DEADLINE] = on_deadline,
    [TIMER_WAIT] = on_wait,
    [TIMER_FIRST_TOKEN] = on_first_token,
    [TIMER_GAP] = on_gap,
    [TIMER_USAGE] = on_usage,
    [TIMER_KEEPALIVE] = on_keepalive,
    [TIMER_COMMIT] = on_commit,
};

static void on_clock(void *arg)
{
    struct request *r = OBJ(request, arg);
    r->armed_us = 0;
    enum request_timer t = next_timer(r);
    if (t != TIMER_N_ && r->due_us[t] <= now_us(r)) {
        r->due_us[t] = 0;
        on_timer[t](r);
        t = next_timer(r);
    }
    if (t != TIMER_N_ && (r->armed_us == 0 || r->due_us[t] < r->armed_us))
        arm(r, r->due_us[t]);
}

/* ---- NEW: what is asked, and of whom ---- */

static void refuse_for_memory(struct conn *c, const struct dialect_ops *client)
{
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_HEAD_LEN);
    err_set(&e, ERR_MEMORY, "the broker has no memory for this request");
    client->error_body(&e, NULL, &body);
    conn_reply(c, client->error_status(&e), STR("content-type: application/json\r\n"),
               buf_str(&body));
}

void request_begin(struct broker *b, struct conn *c, const struct conn_request *cr,
                   const struct dialect_ops *client)
{
    struct request *r = request_new(b, c, cr, client);
    if (r == NULL) {
        refuse_for_memory(c, client);
        return;
    }
    struct err e = ERR_INIT;
    conn_hold(c, &conn_fns, r);
    list_add(&b->requests, &r->link);
    broker_request_began(b);
    b->metrics.n_requests++;
    if (request_ask(r, &e) != ERR_OK) {
        fail(r, &e);
        return;
    }
    request_timer_set(r, TIMER_DEADLINE, request_left_us(r));
    if (answer_is_streamed(r))
        request_timer_set(r, TIMER_KEEPALIVE, KEEPALIVE_US);
    request_decide(r, r->opt.events);
    request_set_state(r, REQ_ROUTED, "candidates are known");
    admit(r);
}

/* ---- ROUTED: room in the limits, now or later ---- */

static void wait_until(struct request *r, int64_t wait_us, const char *why)
{
    request_set_state(r, REQ_WAITING, why);
    request_timer_set(r, TIMER_WAIT, wait_us);
}

/*
 * Who waits for room stands in a fair queue: one with many requests does not push out one with
 * few. Source: Goyal, Vin and Cheng, "Start-time Fair Queueing", 1996, every request of size 1.
 */
static void take_queue_tag(struct request *r)
{
    int64_t tag = r->b->queue_clock;
    list_for_each (node, &r->b->requests) {
        const struct request *other = container_of(node, struct request, link);
        if (other->cr.client == r->cr.client)
            tag = MAX(tag, other->queue_tag);
    }
    r->queue_tag = tag + 1;
}

/* Room was given back: the next in the queue looks again now. */
static void wake_next(struct broker *b)
{
    struct request *next = NULL;
    if (b->n_waiting == 0)
        return;
    list_for_each (node, &b->requests) {
        struct request *r = container_of(node, struct request, link);
        if (r->state == REQ_WAITING && r->queue_tag != 0 &&
            (next == NULL || r->queue_tag < next->queue_tag))
            next = r;
    }
    if (next == NULL)
        return;
    b->queue_clock = next->queue_tag;
    request_timer_set(next, TIMER_WAIT, 0);
}

/* No candidate can be asked now: look again with fresh eyes, then wait or refuse. */
static void wait_for_room(struct request *r)
{
    struct err e = ERR_INIT;
    request_decide(r, r->opt.events);
    int64_t wait_us = request_room_us(r);
    if (wait_us >= 0) {
        int64_t jitter_us = (int64_t)(broker_random(r->b) % ROOM_JITTER_US);
        r->at = 0;
        if (r->queue_tag == 0)
            take_queue_tag(r);
        wait_until(r, wait_us + jitter_us, "no room now");
        return;
    }
    candidate_explain(r, &e);
    fail(r, &e);
}

static void choose(struct request *r, size_t i)
{
    if (i == r->at)
        return;
    r->at = i;
    r->n_same = 0;
    r->waited_us = 0;
}

/*
 * How long a new attempt may be silent; 0: as long as the request may last. An answer that is
 * not streamed says nothing until it is whole: others that could give it get half of the time.
 */
static int64_t silence_us(const struct request *r)
{
    const struct target_model *m = attempt_model(r->attempt);
    if (!attempt_is_streamed(r->attempt))
        return candidate_find_fit(r, r->at + 1) < r->decision.n_usable
                   ? request_left_us(r) / 2
                   : 0;
    if (r->rules.ttft_us > 0)
        return r->rules.ttft_us;
    return (m->caps_yes & CAP_REASONING) != 0 ? FIRST_TOKEN_REASONING_US : FIRST_TOKEN_US;
}

static void send(struct request *r)
{
    struct err e = ERR_INIT;
    if (r->n_rows == 0)
        answer_note_start(r);
    if (attempt_start(r, &e) != ERR_OK) {
        request_on_failure(r, &e);
        return;
    }
    request_set_state(r, REQ_SENDING, "sent");
    r->silence_us = silence_us(r);
    if (r->silence_us > 0)
        request_timer_set(r, TIMER_FIRST_TOKEN, r->silence_us);
}

/* Where nobody can be asked to count, now or at all, an estimate serves as well as an error. */
static void count_here(struct request *r)
{
    size_t i = r->decision.n > 0 ? r->decision.items[0].target : 0;
    answer_estimate(r, request_input_tok(r, &r->prospects[i].model));
    request_set_state(r, REQ_SETTLING, "counted here");
    settle_request(r, ERR_OK);
    answer_end(r, settle_recorded(r));
    request_set_state(r, REQ_DONE, "counted");
}

/* The first candidate from r->at on that has room gets the request. */
static void admit(struct request *r)
{
    for (size_t i = r->at; i < r->decision.n_usable; i++) {
        if (candidate_is_too_small(r, i) || !candidate_is_healthy(r, i))
            continue;
        if (r->facts.counts_only && !candidate_counts(r, i))
            break;
        if (candidate_is_key_coming(r, i)) {
            wait_until(r, KEY_LOOK_US, "a command fetches the key");
            return;
        }
        if (fetch_is_coming(r, i)) { /* it says when it is over */
            wait_until(r, request_left_us(r), "what it names by URL is being fetched");
            return;
        }
        if (!candidate_reserve(r, i))
            continue;
        choose(r, i);
        r->queue_tag = 0;
        request_set_state(r, REQ_ADMITTED, "room is reserved");
        settle_admit(r);
        send(r);
        return;
    }
    if (r->facts.counts_only)
        count_here(r);
    else if (r->n_rows > 0)
        give_up(r, &r->rows[r->n_rows - 1]->err);
    else
        wait_for_room(r);
}

/* ---- SENDING and STREAMING: what an attempt reports ---- */

static void settle(struct request *r, const struct err *e)
{
    settle_attempt(r, e);
    wake_next(r->b);
}

void request_on_sign(struct request *r)
{
    request_timer_set(r, TIMER_FIRST_TOKEN, r->silence_us);
}

void request_on_content(struct request *r)
{
    request_set_state(r, REQ_STREAMING, "the first content");
    r->first_token_us = loop_wall_us(r->b->loop);
    request_timer_stop(r, TIMER_FIRST_TOKEN);
    request_timer_set(r, TIMER_GAP, r->rules.gap_us);
    settle_accepted(r);
    answer_open(r);
}

void request_on_finish(struct request *r)
{
    request_timer_stop(r, TIMER_FIRST_TOKEN);
    request_timer_stop(r, TIMER_GAP);
    request_timer_set(r, TIMER_USAGE, USAGE_WAIT_US);
}

void request_on_whole(struct request *r)
{
    static const struct err ok = ERR_INIT;
    struct err e = ERR_INIT;
    enum errc rc = answer_seal(r);
    if (rc != ERR_OK) {
        err_set(&e, rc, "no room for the answer");
        request_on_failure(r, &e);
        return;
    }
    settle(r, &ok);
    request_set_state(r, REQ_SETTLING, "the answer is whole");
    if (r->record == CONF_RECORD_FULL)
        answer_keep_rest(r);
    settle_request(r, ERR_OK);
    answer_finish(r);
    if (r->opt.events && r->record_seq > ledger_applied_seq(r->b->ledger)) {
        request_timer_set(r, TIMER_COMMIT, COMMIT_WAIT_US);
        return;
    }
    answer_end(r, settle_recorded(r));
    request_set_state(r, REQ_DONE, "recorded");
}

void request_on_committed(struct broker *b, uint64_t seq)
{
    list_for_each_safe (node, &b->requests) {
        struct request *r = container_of(node, struct request, link);
        if (r->state != REQ_SETTLING || r->record_seq > seq)
            continue;
        answer_end(r, "committed");
        request_set_state(r, REQ_DONE, "recorded in the database");
    }
}

/* ---- failure ---- */

/* May what was shown be declared void? Only to a client that understands it. */
static bool may_restart(const struct request *r)
{
    bool is_asked = r->rules.stream == CONF_STREAM_RESTART;
    for (size_t i = 0; i < r->rules.n_on_cut; i++)
        is_asked |= r->rules.on_cut[i] == CONF_CUT_RESTART;
    return is_asked && r->opt.events;
}

static struct retry_plan plan_retry(struct request *r, const struct err *e,
                                    bool is_crossed)
{
    const struct conf_target *t = candidate_target(r, r->at);
    struct target_state *s = candidate_prospect(r, r->at)->state;
    struct retry_state state = {
        .n_attempts = (unsigned)r->n_rows,
        .n_same = r->n_same,
        .is_mended = candidate_mend(r, e, is_crossed),
        .has_next = candidate_find_fit(r, r->at + 1) < r->decision.n_usable,
        .has_key = request_key(r, t->provider).len == 0 &&
                   secrets_benched_us(r->secrets, str_of(t->provider), now_us(r)) == 0,
        .patience_us = r->rules.patience_us - r->waited_us,
        .left_us = request_left_us(r),
        .budget_ok = retry_budget_has(&s->retries, now_us(r)),
        .random = broker_random(r->b),
        .is_google = candidate_prospect(r, r->at)->model.kind->dialect == DIALECT_GEMINI,
    };
    struct retry_plan plan = retry_after(e, &state);
    if (plan.what == RETRY_SAME)
        (void)retry_budget_take(&s->retries, now_us(r)); /* it had room just now */
    return plan;
}

static void try_same(struct request *r, const struct retry_plan *plan)
{
    int64_t wait_us = plan->wait_us;
    r->b->metrics.n_retries++;
    r->n_same++;
    r->waited_us += wait_us;
    choose(r, candidate_find_soonest(r, &wait_us));
    if (wait_us > 0) {
        wait_until(r, wait_us, plan->why);
        return;
    }
    request_set_state(r, REQ_ROUTED, plan->why);
    admit(r);
}

static void try_next(struct request *r, const struct retry_plan *plan,
                     const struct err *e)
{
    r->b->metrics.n_fallbacks++;
    answer_note_fallback(r, candidate_target(r, r->at),
                         candidate_target(r, candidate_find_fit(r, r->at + 1)), e);
    choose(r, r->at + 1);
    request_set_state(r, REQ_ROUTED, plan->why);
    admit(r);
}

static void try_larger(struct request *r, const struct retry_plan *plan,
                       const struct err *e)
{
    r->too_small_tok =
        MAX(r->too_small_tok, candidate_prospect(r, r->at)->model.context_tok);
    if (candidate_find_fit(r, r->at + 1) < r->decision.n_usable)
        try_next(r, plan, e);
    else
        give_up(r, e);
}

void request_on_failure(struct request *r, const struct err *e)
{
    bool is_seen = r->answer.is_seen;
    bool is_crossed = r->attempt != NULL && attempt_dialect(r->attempt) != r->client->id;
    settle(r, e);
    r->is_seen |= is_seen;
    r->b->metrics.n_cut += is_seen;
    if (is_seen && !may_restart(r)) {
        fail(r, e);
        return;
    }
    struct retry_plan plan = plan_retry(r, e, is_crossed);
    if (plan.what != RETRY_STOP && is_seen)
        answer_reset(r, e);
    else
        answer_discard(r);
    switch (plan.what) {
    case RETRY_SAME:
        try_same(r, &plan);
        break;
    case RETRY_NEXT:
        try_next(r, &plan, e);
        break;
    case RETRY_LARGER:
        try_larger(r, &plan, e);
        break;
    case RETRY_STOP:
        give_up(r, e);
        break;
    }
}

/* No attempt is left. */
static void give_up(struct request *r, const struct err *e)
{
    struct err all;
    if (r->facts.counts_only && (r->is_crossed || e->origin != ERR_BY_CLIENT)) {
        count_here(r);
        return;
    }
    candidate_failure(r, e, &all);
    fail(r, &all);
}

static void fail(struct request *r, const struct err *e)
{
    int http = errc_http(e->code);
    r->err = *e;
    r->is_hint_ours = e->retry_after_us < 0 && errc_is_retryable(e->code) &&
                      (http == 429 || http == 503);
    if (r->is_hint_ours)
        r->err.retry_after_us = candidate_retry_us(r);
    request_set_state(r, REQ_SETTLING, errc_name(e->code));
    settle_request(r, e->code);
    if (r->conn != NULL)
        answer_error(r);
    request_set_state(r, e->code == ERR_CANCELLED ? REQ_CANCELLED : REQ_FAILED,
                      "recorded");
}

/* ---- cancel: the client has gone, or somebody with a say wants it to end ---- */

static void cancel(struct request *r, const char *why)
{
    struct err e = ERR_INIT;
    err_set(&e, ERR_CANCELLED, "%s", why);
    e.origin = ERR_BY_CLIENT;
    if (r->state == REQ_SETTLING) { /* all is recorded; only the commit was waited for */
        if (r->conn != NULL)
            answer_end(r, settle_recorded(r));
        request_set_state(r, REQ_DONE, why);
        return;
    }
    r->is_seen |= r->answer.is_seen;
    if (r->attempt != NULL)
        settle(r, &e);
    fail(r, &e);
}

static void on_gone(void *arg)
{
    struct request *r = OBJ(request, arg);
    r->conn = NULL;
    cancel(r, "the client has gone");
}

static void on_drain(void *arg)
{
    struct request *r = OBJ(request, arg);
    if (r->attempt == NULL || !attempt_resume(r->attempt))
        return;
    if (r->state == REQ_STREAMING && !r->answer.is_finished)
        request_timer_set(r, TIMER_GAP, r->rules.gap_us);
}

bool request_cancel(struct broker *b, struct str id)
{
    list_for_each_safe (node, &b->requests) {
        struct request *r = container_of(node, struct request, link);
        if (!str_eqz(id, r->id))
            continue;
        cancel(r, "cancelled by an administrator");
        return true;
    }
    return false;
}

void request_cancel_all(struct broker *b, const char *why)
{
    list_for_each_safe (node, &b->requests) {
        cancel(container_of(node, struct request, link), why);
    }
}

/* ---- for people ---- */

void request_write_inflight(struct broker *b, struct buf *out)
{
    struct jw w;
    char name[TARGET_NAME_LEN];
    jw_init(&w, out);
    jw_array(&w);
    list_for_each (node, &b->requests) {
        const struct request *r = container_of(node, struct request, link);
        bool has_target = r->decision.n > 0 && r->at < r->decision.n;
        jw_object(&w);
        jw_kstrz(&w, "request_id", r->id);
        jw_kstrz(&w, "state", states[r->state].name);
        jw_kstrz(&w, "route", r->rules.name);
        jw_kstr(&w, "project", r->opt.project);
        jw_kstrz(&w, "client", r->cr.client != NULL ? r->cr.client->name : NULL);
        jw_kstrz(&w, "target",
                 has_target ? target_name(candidate_target(r, r->at), name) : NULL);
        jw_ki64(&w, "attempts", (int64_t)r->n_rows);
        jw_kbool(&w, "stream", r->facts.stream);
        jw_ki64(&w, "age_ms", (now_us(r) - r->cr.start_mono_us) / US_PER_MS);
        jw_object_end(&w);
    }
    jw_array_end(&w);
}
