/*
 * swarm.c: see swarm.h. A thread is a client; what request n is like follows from the seed.
 * It also stands for people: what it saw finished must be in the ledger, whatever happened to
 * the broker a moment later.
 */
#include "tests/e2e/swarm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

#include "tests/e2e/client.h"

enum { CLIENTS_MAX = 4096, STACK_LEN = 256 * 1024, PIECES = 12 };

struct swarm {
    const struct swarm_options *o;
    atomic_long next;
    atomic_bool is_over;
    pthread_mutex_t lock;
    FILE *report; /* owned */
};

/* SplitMix64. Source: Steele, Lea, Flood, OOPSLA 2014. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

/* The connection ended in the middle and nothing said that the answer was whole. */
static bool is_cut(const struct seen *s)
{
    for (size_t i = 0; i < s->n_problems; i++)
        if (strcmp(s->problems[i], "cut-http") == 0)
            return s->n_end == 0;
    return false;
}

static void note(void *arg, const struct seen *s, const char *outcome)
{
    struct swarm *w = arg;
    if (is_cut(s))
        outcome = "cut";
    pthread_mutex_lock(&w->lock);
    fprintf(w->report, "%s %s %s %d\n", outcome, s->request_id[0] ? s->request_id : "-",
            s->cost_usd[0] ? s->cost_usd : "-", s->status);
    pthread_mutex_unlock(&w->lock);
}

static struct client_options choose(const struct swarm *w, long n)
{
    uint64_t dice = mix((uint64_t)w->o->seed ^ mix((uint64_t)n));
    bool leaves = (int64_t)(dice >> 8 & 1023) * 1000 / 1024 < w->o->leave;
    return (struct client_options){
        .socket = w->o->socket,
        .dialect = dice & 1 ? "anthropic" : "openai",
        .model = w->o->model,
        .key = "test-key",
        .timeout_us = 30 * US_PER_S,
        .stream = leaves || (dice & 2) != 0,
        .max_tok = w->o->cap_tok,
        .usage = (dice & 4) != 0,
        .leave_after = leaves ? 1 + (int64_t)(dice >> 20) % PIECES : 0,
    };
}

static void *client_main(void *arg)
{
    struct swarm *w = arg;
    while (!w->is_over) {
        long n = w->next++;
        if (w->o->requests > 0 && n >= w->o->requests)
            break;
        struct err e = ERR_INIT;
        char model[64];
        struct client_options o = choose(w, n);
        snprintf(model, sizeof model, "%s%ld", o.model, n);
        o.model = w->o->invent ? model : o.model;
        enum errc rc = client_look(&o, STR("hello"), note, w, &e);
        if (rc == ERR_BROKER && w->o->until_refused)
            w->is_over = true;
        else if (rc != ERR_OK)
            note(w, &(struct seen){.status = 0}, "no-answer");
    }
    return NULL;
}

static size_t start(struct swarm *w, pthread_t *threads)
{
    pthread_attr_t attr;
    size_t n = 0;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_LEN);
    while (n < (size_t)w->o->clients &&
           pthread_create(&threads[n], &attr, client_main, w) == 0)
        n++;
    pthread_attr_destroy(&attr);
    return n;
}

enum errc swarm_run(const struct swarm_options *o, struct err *e)
{
    struct swarm w = {.o = o, .report = fopen(o->report, "ae")};
    pthread_t *threads = mem_alloc((size_t)o->clients, sizeof *threads);
    enum errc rc = w.report != NULL ? ERR_OK : err_errno(e, ERR_IO, "%s", o->report);
    if (rc == ERR_OK && threads == NULL)
        rc = err_set(e, ERR_MEMORY, "no memory");
    if (rc == ERR_OK) {
        pthread_mutex_init(&w.lock, NULL);
        size_t n = start(&w, threads);
        for (size_t i = 0; i < n; i++)
            pthread_join(threads[i], NULL);
        pthread_mutex_destroy(&w.lock);
        if (n < (size_t)o->clients)
            rc = err_set(e, ERR_MEMORY, "only %zu clients", n);
    }
    if (w.report != NULL && fclose(w.report) != 0 && rc == ERR_OK)
        rc = err_errno(e, ERR_IO, "%s", o->report);
    mem_free(threads);
    return rc;
}
