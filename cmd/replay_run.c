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

#include "cmd/agree.h"
#include "cmd/link.h"

struct work {
    struct replay_plan *plan;
    const struct clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a worker has */
    /* under the lock */
    size_t next, n_ended;
    struct replay_progress so_far;
};

struct worker {
    struct work *work;
    struct link *link; /* owned */
    pthread_t thread;
};

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

static enum errc compare(const struct replay_item *item, const struct link_answer *a,
                         struct replay_result *r, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    enum errc rc = agree_answer(buf_str(&a->body), &text, e);
    if (rc != ERR_OK)
        return rc;
    r->exact = agree(AGREE_EXACT, item->answer, buf_str(&text));
    r->norm = agree(AGREE_NORM, item->answer, buf_str(&text));
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
    http1_write_header(&headers, "x-llmgw-parent", str_of(item->id));
    http1_write_header(&headers, "x-llmgw-record", STR("full"));
    if (anthropic) /* Source: Anthropic, "Versions", 2026-10 */
        http1_write_header(&headers, "anthropic-version", STR("2023-06-01"));
    struct link_answer answer = {.status = 0};
    rc = link_call(w->link, "POST", anthropic ? "/v1/messages" : "/v1/chat/completions",
                   buf_str(&headers), buf_str(&body), &answer, e);
    if (rc == ERR_OK) {
        read_cost(&answer.head, r);
        rc = answer.status == 200 ? compare(item, &answer, r, e) : link_error(&answer, e);
    }
    link_answer_release(&answer);
    return rc;
}

/* The next pair of item and target; false when none is left or the money is spent. */
static bool take(struct work *k, size_t *ret)
{
    const struct replay_plan *p = k->plan;
    struct replay_progress *s = &k->so_far;
    pthread_mutex_lock(&k->lock);
    bool broke = p->max_cost_pico != PICO_UNKNOWN && s->spent_pico >= p->max_cost_pico;
    bool more = !broke && !s->is_stopped && k->next < s->n_all;
    if (more)
        *ret = k->next++;
    s->n_running += more;
    pthread_mutex_unlock(&k->lock);
    return more;
}

static void finish(struct work *k, const struct replay_result *r)
{
    struct replay_progress *s = &k->so_far;
    pico sum;
    pthread_mutex_lock(&k->lock);
    s->n_done++;
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
        struct replay_item *item = &k->plan->items[at / k->plan->n_against];
        size_t target = at % k->plan->n_against;
        struct replay_result *r = &item->results[target];
        struct err e = ERR_INIT;
        int64_t start_us = clock_mono_us(k->clock);
        r->cost_pico = PICO_UNKNOWN;
        r->outcome = call(w, item, k->plan->against[target], r, &e);
        r->total_us = clock_mono_us(k->clock) - start_us;
        if (r->outcome != ERR_OK)
            snprintf(r->error, sizeof r->error, "%s", e.text);
        finish(k, r);
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
        int64_t until_us = clock_wall_us(&clock_system) + TICK_US;
        struct timespec until = {.tv_sec = until_us / US_PER_S,
                                 .tv_nsec = until_us % US_PER_S * 1000};
        pthread_mutex_lock(&k->lock);
        if (k->n_ended < n_workers)
            pthread_cond_timedwait(&k->ended, &k->lock, &until);
        k->so_far.is_stopped |= is_readable(k->plan->stop_fd);
        struct replay_progress now = k->so_far;
        more = k->n_ended < n_workers;
        pthread_mutex_unlock(&k->lock);
        progress(arg, &now);
    }
}

static void clear_results(struct replay_plan *plan)
{
    for (size_t i = 0; i < plan->n_items; i++)
        for (size_t t = 0; t < plan->n_against; t++)
            plan->items[i].results[t] =
                (struct replay_result){.outcome = ERR_AGAIN, .cost_pico = PICO_UNKNOWN};
}

enum errc replay_run(struct cmd_ctx *ctx, struct replay_plan *plan,
                     replay_progress_fn *progress, void *arg, struct err *e)
{
    struct work k = {.plan = plan, .clock = ctx->clock};
    k.so_far.n_all = plan->n_items * plan->n_against;
    size_t n_jobs = MIN((size_t)MAX(plan->jobs, 1), MAX(k.so_far.n_all, (size_t)1));
    struct worker *workers = mem_alloc(n_jobs, sizeof *workers);
    if (workers == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    pthread_mutex_init(&k.lock, NULL);
    pthread_cond_init(&k.ended, NULL);
    clear_results(plan);
    enum errc rc = ERR_OK;
    size_t n_started = 0;
    while (n_started < n_jobs && rc == ERR_OK) {
        rc = start(ctx, &k, &workers[n_started], e);
        n_started += rc == ERR_OK;
    }
    if (n_started > 0)
        wait_for_all(&k, n_started, progress, arg);
    for (size_t i = 0; i < n_started; i++) {
        pthread_join(workers[i].thread, NULL);
        link_close(&workers[i].link);
    }
    pthread_cond_destroy(&k.ended);
    pthread_mutex_destroy(&k.lock);
    mem_free(workers);
    return n_started > 0 ? ERR_OK : rc;
}
