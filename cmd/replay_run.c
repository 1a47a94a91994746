/*
 * replay_run.c: worker threads, each with a connection of its own, take the next request until
 * none is left. They share the position and the money spent under one lock; every result has
 * one writer. The caller's thread waits, hears signals, and tells how far they are.
 */
#include "cmd/replay_run.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/jscan.h"
#include "core/jsonx.h"
#include "core/mem.h"

#include "cmd/key_source.h"
#include "cmd/link.h"

struct work {
    struct replay_plan *plan;
    const struct clock *clock;
    size_t *due, *done; /* owned: places in the plan */
    int64_t gap_us;     /* between two beginnings */
    struct buf keys;    /* header lines, of this process's environment; wiped */
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a worker has */
    pthread_cond_t go;    /* nothing more is to be waited for */
    /* under the lock */
    size_t next, n_ended;
    int64_t next_us; /* monotonic: when the next may begin */
    struct replay_progress so_far;
};

struct worker {
    struct work *work;
    struct link *link; /* owned */
    pthread_t thread;
};

size_t replay_n_places(const struct replay_plan *p)
{
    return p->n_items * p->n_against * p->n_repeats;
}

struct replay_place replay_place(const struct replay_plan *p, size_t at)
{
    size_t n_each = p->n_against * p->n_repeats;
    struct replay_item *item = &p->items[at / n_each];
    return (struct replay_place){
        .item = item,
        .result = &item->results[at % n_each],
        .against = p->against[at % n_each / p->n_repeats],
        .repeat = at % p->n_repeats,
    };
}

/* One edit of the body; edits are made from the back, so that places stay valid. */
static void edit(struct buf *out, struct jspan at, struct str with)
{
    if (at.kind != J_NONE)
        buf_splice(out, at.pos, at.len, with);
}

enum errc replay_body(struct str body, const char *model, struct buf *out, struct err *e)
{
    enum { MODEL, STREAM, OPTIONS, N_FIELDS };
    struct jfield f[N_FIELDS] = {[MODEL] = {.name = "model"},
                                 [STREAM] = {.name = "stream"},
                                 [OPTIONS] = {.name = "stream_options"}};
    enum errc rc = jscan_object(body, f, N_FIELDS, e);
    if (rc != ERR_OK)
        return rc;
    if (f[MODEL].value.kind != J_STRING)
        return err_set(e, ERR_SYNTAX, "the recorded request names no model");
    struct buf name = BUF_INIT(LIMIT_NAME_LEN * 8);
    json_quote(&name, str_of(model));
    const struct {
        struct jspan at;
        struct str with;
    } edits[] = {{f[MODEL].value, buf_str(&name)},
                 {f[STREAM].value, STR("false")},
                 {f[OPTIONS].value, STR("null")}};
    buf_adds(out, body);
    size_t limit = SIZE_MAX;
    for (size_t round = 0; round < N_FIELDS; round++) {
        size_t last = N_FIELDS;
        for (size_t i = 0; i < N_FIELDS; i++)
            if (edits[i].at.kind != J_NONE && edits[i].at.pos < limit &&
                (last == N_FIELDS || edits[i].at.pos > edits[last].at.pos))
                last = i;
        if (last == N_FIELDS)
            break;
        limit = edits[last].at.pos;
        edit(out, edits[last].at, edits[last].with);
    }
    rc = buf_err(&name) == ERR_OK ? buf_err(out) : buf_err(&name);
    buf_release(&name);
    return rc == ERR_OK ? ERR_OK : err_set(e, rc, "request too long");
}

static void read_cost(const struct http1_head *head, struct replay_result *r)
{
    snprintf(r->id, sizeof r->id, "%.*s",
             STR_ARG(http1_header(head, "x-llmgw-request-id")));
    if (money_parse(http1_header(head, "x-llmgw-cost-usd"), &r->cost_pico) != ERR_OK)
        r->cost_pico = PICO_UNKNOWN;
}

bool replay_is_compared(const struct replay_item *i, const struct replay_result *r)
{
    return (r->known >> i->metric & 1) != 0;
}

bool replay_agrees(const struct replay_item *i, const struct replay_result *r)
{
    return (r->agree >> i->metric & 1) != 0;
}

void replay_judge(const struct replay_item *i, struct str answer, unsigned metrics,
                  struct replay_result *r)
{
    r->is_json = agree_is_json(answer);
    if (i->answer.ptr == NULL)
        return;
    for (unsigned m = 0; m < AGREE_CMD; m++) {
        if ((metrics >> m & 1) == 0)
            continue;
        unsigned bit = 1U << m;
        r->known |= bit;
        if (agree((enum agree_metric)m, i->answer, answer))
            r->agree |= bit;
    }
}

static enum errc judge(const struct work *k, const struct replay_item *item,
                       const struct link_answer *a, struct replay_result *r,
                       struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    bool agrees = false;
    enum errc rc = agree_answer(buf_str(&a->body), &text, e);
    if (rc != ERR_OK)
        return rc;
    struct str answer = text.len > 0 ? buf_str(&text) : STR("");
    replay_judge(item, answer, k->plan->metrics | 1U << item->metric, r);
    if (k->plan->cmd == NULL || item->answer.ptr == NULL)
        return ERR_OK;
    rc = replay_ask_command(k->plan->cmd, item->answer, answer, &agrees, e);
    if (rc != ERR_OK)
        return rc;
    r->known |= 1U << AGREE_CMD;
    r->agree |= (unsigned)agrees << AGREE_CMD;
    return ERR_OK;
}

static enum errc call(struct worker *w, const struct replay_item *item, const char *model,
                      struct replay_result *r, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    enum errc rc = replay_body(item->body, model, &body, e);
    if (rc != ERR_OK)
        return rc;
    bool anthropic = strcmp(item->dialect, "anthropic") == 0;
    http1_write_header(&headers, "content-type", STR("application/json"));
    http1_write_header(&headers, "x-llmgw-kind", STR("replay"));
    if (item->start_us > 0)
        http1_write_header(&headers, "x-llmgw-parent", str_of(item->id));
    http1_write_header(&headers, "x-llmgw-record", STR("full"));
    if (anthropic) /* Source: Anthropic, "Versions", 2026-10 */
        http1_write_header(&headers, "anthropic-version", STR("2023-06-01"));
    buf_adds(&headers, buf_str(&w->work->keys));
    struct link_answer answer = {.status = 0};
    rc = link_call(w->link, "POST", anthropic ? "/v1/messages" : "/v1/chat/completions",
                   buf_str(&headers), buf_str(&body), &answer, e);
    if (rc == ERR_OK) {
        read_cost(&answer.head, r);
        rc = answer.status == 200 ? judge(w->work, item, &answer, r, e)
                                  : link_error(&answer, e);
    }
    mem_wipe(headers.data, headers.cap);
    link_answer_release(&answer);
    return rc;
}

static struct timespec at_time(int64_t us)
{
    return (struct timespec){.tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * 1000};
}

/* The next place; false when none is left or the money is spent. Waits for its turn. */
static bool take(struct work *k, size_t *ret)
{
    const struct replay_plan *p = k->plan;
    struct replay_progress *s = &k->so_far;
    bool more, is_time = false;
    pthread_mutex_lock(&k->lock);
    do {
        bool broke =
            p->max_cost_pico != PICO_UNKNOWN && s->spent_pico >= p->max_cost_pico;
        int64_t now_us = clock_mono_us(&clock_system);
        more = !broke && !s->is_stopped && k->next < s->n_all;
        is_time = k->gap_us == 0 || now_us >= k->next_us;
        if (more && is_time) {
            *ret = k->due[k->next++];
            k->next_us = now_us + k->gap_us;
            s->n_running++;
        } else if (more) {
            const struct timespec until = at_time(k->next_us);
            pthread_cond_timedwait(&k->go, &k->lock, &until);
        }
    } while (more && !is_time);
    pthread_mutex_unlock(&k->lock);
    return more;
}

static void finish(struct work *k, size_t at, const struct replay_result *r)
{
    struct replay_progress *s = &k->so_far;
    pico sum;
    pthread_mutex_lock(&k->lock);
    k->done[s->n_done++] = at;
    s->n_running--;
    if (r->cost_pico != PICO_UNKNOWN &&
        money_add(s->spent_pico, r->cost_pico, &sum) == ERR_OK)
        s->spent_pico = sum;
    pthread_mutex_unlock(&k->lock);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct work *k = w->work;
    size_t at;
    while (take(k, &at)) {
        struct replay_place to = replay_place(k->plan, at);
        struct replay_result r = {.is_due = true, .cost_pico = PICO_UNKNOWN};
        struct err e = ERR_INIT;
        int64_t start_us = clock_mono_us(k->clock);
        r.outcome = call(w, to.item, to.against, &r, &e);
        r.total_us = clock_mono_us(k->clock) - start_us;
        if (r.outcome != ERR_OK)
            str_copy(r.error, sizeof r.error, str_of(e.text));
        *to.result = r;
        finish(k, at, &r);
    }
    pthread_mutex_lock(&k->lock);
    k->n_ended++;
    pthread_cond_signal(&k->ended);
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* A thread of its own that hears no signals: those are for the caller's. */
static enum errc start(struct cmd_ctx *ctx, struct work *k, struct worker *w,
                       struct err *e)
{
    sigset_t all, before;
    w->work = k;
    enum errc rc = link_open(ctx, true, &w->link, e);
    if (rc != ERR_OK)
        return rc;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        return ERR_OK;
    link_close(&w->link);
    return err_set(e, ERR_MEMORY, "cannot start a thread");
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* Until all workers have gone; a readable stop_fd makes them go early. */
static void wait_for_all(struct work *k, size_t n_workers, replay_progress_fn *progress,
                         void *arg)
{
    enum { TICK_US = 100 * US_PER_MS };
    bool more = true;
    while (more) {
        const struct timespec until = at_time(clock_mono_us(&clock_system) + TICK_US);
        pthread_mutex_lock(&k->lock);
        if (k->n_ended < n_workers)
            pthread_cond_timedwait(&k->ended, &k->lock, &until);
        k->so_far.is_stopped |= is_readable(k->plan->stop_fd);
        if (k->so_far.is_stopped)
            pthread_cond_broadcast(&k->go);
        struct replay_progress now = k->so_far;
        more = k->n_ended < n_workers;
        pthread_mutex_unlock(&k->lock);
        progress(arg, &now);
    }
}

static enum errc init(struct work *k, struct err *e)
{
    const struct replay_plan *p = k->plan;
    size_t n = replay_n_places(p);
    pthread_condattr_t monotonic;
    k->due = mem_alloc(n, sizeof *k->due);
    k->done = mem_alloc(n, sizeof *k->done);
    if (k->due == NULL || k->done == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t at = 0; at < n; at++)
        if (replay_place(p, at).result->is_due)
            k->due[k->so_far.n_all++] = at;
    k->so_far.done = k->done;
    if (p->rate.amount > 0)
        k->gap_us = MAX(p->rate.window_us / p->rate.amount, 1);
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&k->ended, &monotonic);
    pthread_cond_init(&k->go, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return ERR_OK;
}

/* Starts up to n_jobs workers, waits for their ends, and frees what they used. */
static enum errc work(struct cmd_ctx *ctx, struct work *k, replay_progress_fn *progress,
                      void *arg, struct err *e)
{
    size_t n_jobs = MIN((size_t)MAX(k->plan->jobs, 1), MAX(k->so_far.n_all, (size_t)1));
    struct worker *workers = mem_alloc(n_jobs, sizeof *workers);
    enum errc rc =
        workers == NULL ? err_set(e, ERR_MEMORY, "out of memory") : (enum errc)ERR_OK;
    size_t n_started = 0;
    while (n_started < n_jobs && rc == ERR_OK) {
        rc = start(ctx, k, &workers[n_started], e);
        n_started += rc == ERR_OK;
    }
    if (n_started > 0)
        wait_for_all(k, n_started, progress, arg);
    for (size_t i = 0; i < n_started; i++) {
        pthread_join(workers[i].thread, NULL);
        link_close(&workers[i].link);
    }
    mem_free(workers);
    return n_started > 0 ? ERR_OK : rc;
}

enum errc replay_run(struct cmd_ctx *ctx, struct replay_plan *plan,
                     replay_progress_fn *progress, void *arg, struct err *e)
{
    struct work k = {.plan = plan, .clock = ctx->clock, .keys = BUF_INIT(LIMIT_HEAD_LEN)};
    key_headers(ctx->conf, &k.keys);
    enum errc rc = init(&k, e);
    if (rc == ERR_OK) {
        rc = work(ctx, &k, progress, arg, e);
        pthread_cond_destroy(&k.go);
        pthread_cond_destroy(&k.ended);
        pthread_mutex_destroy(&k.lock);
    }
    mem_wipe(k.keys.data, k.keys.cap);
    buf_release(&k.keys);
    mem_free(k.due);
    mem_free(k.done);
    return rc;
}
