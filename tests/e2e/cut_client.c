/*
 * cut_client.c: asks the broker for answers that the provider cuts, offset by offset, many at a
 * time, and judges each: the whole answer where enough of it came or another target has it, else
 * a typed error behind a beginning of it; never anything else.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

#include "tests/e2e/client.h"
#include "tests/e2e/cuts.h"

enum { JOBS_MAX = 1024, MODEL_LEN = 64 };

/* ---- what is asked ---- */

enum mode { LIVE, HOLD, RESTART, WHOLE };

/* With `rescued` another target serves what this one cuts. */
static const struct way {
    const char *name;
    enum mode mode;
    bool rescued;
    enum cut_framing framing;
    enum cut_how how;
} ways[] = {
    {"live, closed", LIVE, false, CUT_CHUNKED, CUT_FIN},
    {"live, reset", LIVE, false, CUT_CHUNKED, CUT_RST},
    {"live, ended without framing", LIVE, false, CUT_EOF, CUT_FIN},
    {"live, in two packets", LIVE, false, CUT_CHUNKED, CUT_SPLIT},
    {"live, another target", LIVE, true, CUT_CHUNKED, CUT_FIN},
    {"hold", HOLD, false, CUT_CHUNKED, CUT_FIN},
    {"hold, another target", HOLD, true, CUT_CHUNKED, CUT_FIN},
    {"restart, another target", RESTART, true, CUT_CHUNKED, CUT_FIN},
    {"not streamed, length", WHOLE, false, CUT_LENGTH, CUT_FIN},
    {"not streamed, chunked, reset", WHOLE, false, CUT_CHUNKED, CUT_RST},
    {"not streamed, ended without framing", WHOLE, false, CUT_EOF, CUT_FIN},
    {"not streamed, another target", WHOLE, true, CUT_CHUNKED, CUT_FIN},
};

/* Who asks whom. OpenAI's own kind would be asked in the Responses client's dialect. */
static const struct pair {
    enum client_dialect client;
    enum cut_dialect server;
    const char *provider;
} pairs[] = {
    {CLIENT_OPENAI, CUT_OPENAI, "cut-openai"},
    {CLIENT_OPENAI, CUT_ANTHROPIC, "cut-anthropic"},
    {CLIENT_OPENAI, CUT_GEMINI, "cut-gemini"},
    {CLIENT_OPENAI, CUT_RESPONSES, "cut-responses"},
    {CLIENT_ANTHROPIC, CUT_OPENAI, "cut-openai"},
    {CLIENT_ANTHROPIC, CUT_ANTHROPIC, "cut-anthropic"},
    {CLIENT_ANTHROPIC, CUT_GEMINI, "cut-gemini"},
    {CLIENT_ANTHROPIC, CUT_RESPONSES, "cut-responses"},
    {CLIENT_RESPONSES, CUT_OPENAI, "cut-chat"},
    {CLIENT_RESPONSES, CUT_ANTHROPIC, "cut-anthropic"},
    {CLIENT_RESPONSES, CUT_RESPONSES, "cut-responses"},
};
static const char *const client_names[] = {[CLIENT_OPENAI] = "openai",
                                           [CLIENT_ANTHROPIC] = "anthropic",
                                           [CLIENT_RESPONSES] = "responses"};
enum { CLIENTS = ARRAY_LEN(client_names), PAIRS = ARRAY_LEN(pairs) };

/* A way between two dialects. */
struct course {
    const struct way *way;
    const struct pair *pair;
    struct cut_record record; /* as this provider sends it */
    atomic_int n_ok, n_error, n_wrong;
};
enum { COURSES = ARRAY_LEN(ways) * PAIRS };

struct cell {
    struct course *course;
    size_t offset;
};

/* What a client must see, by [client][other]. */
struct reference {
    struct buf text, args;
    char finish[64];
};

struct run {
    const struct cut_options *o;
    struct course courses[COURSES];
    struct reference refs[CLIENTS][2];
    struct cell *cells; /* owned */
    size_t n_cells;
    atomic_size_t next;
    pthread_mutex_t print; /* lines of different threads do not mix */
};

/* ---- judging ---- */

struct look {
    struct run *run;
    const struct cell *cell;
};

static bool is_answer(const struct seen *s, const struct reference *r)
{
    return str_eq(buf_str(&s->text), buf_str(&r->text)) && s->n_tools == 1 &&
           strcmp(s->tool_names[0], "tide_at") == 0 &&
           str_eq(buf_str(&s->tool_args[0]), buf_str(&r->args)) &&
           strcmp(s->finish, r->finish) == 0;
}

static bool is_beginning(const struct seen *s, const struct reference *r)
{
    return str_starts(buf_str(&r->text), buf_str(&s->text)) &&
           str_starts(buf_str(&r->args), buf_str(&s->tool_args[0])) && s->n_tools <= 1;
}

static bool is_typed(const struct seen *s)
{
    static const char *const classes[] = {"network", "stream_interrupted",
                                          "server_error"};
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (strcmp(s->err_class, classes[i]) == 0)
            return s->err_message[0] != '\0';
    return false;
}

/* Why what came is wrong; NULL when it is not. */
static const char *find_fault(const struct look *l, const struct seen *s,
                              const char *outcome)
{
    const struct course *c = l->cell->course;
    const struct way *w = c->way;
    const struct reference *refs = l->run->refs[c->pair->client];
    bool is_enough = l->cell->offset >= c->record.enough || w->how == CUT_SPLIT;
    /* a reset may overtake what was sent before it */
    bool may_come = is_enough && w->how == CUT_RST;
    bool may_fail = !w->rescued || w->mode == LIVE;
    if (strcmp(outcome, "ok") == 0) {
        if (is_answer(s, &refs[1]))
            return w->rescued ? NULL : "the text of nobody's answer";
        if (!is_answer(s, &refs[0]))
            return "another text";
        return is_enough ? NULL : "a fake finish";
    }
    if (strcmp(outcome, "error") != 0)
        return outcome;
    if (!may_fail || (is_enough && !may_come))
        return "not rescued";
    if (!is_typed(s))
        return "no class";
    return is_beginning(s, &refs[0]) ? NULL : "no beginning of the text";
}

static void on_answer(void *arg, const struct seen *s, const char *outcome)
{
    const struct look *l = arg;
    struct course *c = l->cell->course;
    const char *fault = find_fault(l, s, outcome);
    if (fault == NULL) {
        atomic_fetch_add(strcmp(outcome, "ok") == 0 ? &c->n_ok : &c->n_error, 1);
        return;
    }
    atomic_fetch_add(&c->n_wrong, 1);
    AUTO(buf_release) struct buf facts = BUF_INIT(1024 * 1024);
    seen_print(s, &facts);
    pthread_mutex_lock(&l->run->print);
    printf("wrong\t%s: %s from %s at %zu of %zu, enough %zu: %s: status %d\n%.*s",
           c->way->name, client_names[c->pair->client], cut_dialects[c->pair->server],
           l->cell->offset, c->record.bytes.len, c->record.enough, fault, s->status,
           STR_ARG(buf_str(&facts)));
    pthread_mutex_unlock(&l->run->print);
}

/* ---- asking ---- */

static struct client_options options(const struct run *run, enum client_dialect client,
                                     bool stream)
{
    return (struct client_options){
        .socket = run->o->socket,
        .dialect = client_names[client],
        .key = "test-key",
        .timeout_us = 30 * US_PER_S,
        .stream = stream,
        .usage = stream,
        .tools = true,
    };
}

static void ask(struct run *run, const struct cell *cell)
{
    static const char *const asks[] = {
        [LIVE] = "x-llmgw-stream: live",
        [HOLD] = "x-llmgw-stream: hold",
        [RESTART] = "x-llmgw-stream: restart",
        [WHOLE] = "x-llmgw-project: whole",
    };
    const struct course *c = cell->course;
    const struct way *w = c->way;
    char model[MODEL_LEN];
    const char *provider = c->pair->provider;
    char fallback[MODEL_LEN];
    struct err e = ERR_INIT;
    struct look look = {run, cell};
    struct client_options o = options(run, c->pair->client, w->mode != WHOLE);
    /* a target of its own, so that no breaker and no retry budget is shared */
    snprintf(model, sizeof model, "%s/%s.%s.%zu.%zu", provider, cut_framings[w->framing],
             cut_hows[w->how], cell->offset, (size_t)(c - run->courses));
    o.model = model;
    o.headers.items[o.headers.n++] = asks[w->mode];
    if (w->mode == RESTART)
        o.headers.items[o.headers.n++] = "x-llmgw-events: 1";
    snprintf(fallback, sizeof fallback, "x-llmgw-fallback: %s/other", provider);
    if (w->rescued)
        o.headers.items[o.headers.n++] = fallback;
    if (client_look(&o, STR("hello"), on_answer, &look, &e) == ERR_OK)
        return;
    atomic_fetch_add(&cell->course->n_wrong, 1);
    printf("wrong\t%s: %s\n", model, e.text);
}

static void *work(void *arg)
{
    struct run *run = arg;
    for (;;) {
        size_t i = atomic_fetch_add(&run->next, 1);
        if (i >= run->n_cells)
            return NULL;
        ask(run, &run->cells[i]);
    }
}

static void run_threads(struct run *run)
{
    pthread_t threads[JOBS_MAX];
    size_t n = 0;
    while (n < (size_t)run->o->jobs && n < JOBS_MAX &&
           pthread_create(&threads[n], NULL, work, run) == 0)
        n++;
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

/* ---- what there is to ask ---- */

static void keep(void *arg, const struct seen *s, const char *outcome)
{
    struct reference *r = arg;
    if (strcmp(outcome, "ok") != 0)
        return;
    buf_adds(&r->text, buf_str(&s->text));
    buf_adds(&r->args, buf_str(&s->tool_args[0]));
    snprintf(r->finish, sizeof r->finish, "%s", s->finish);
}

/* The provider itself, undisturbed. */
static enum errc read_references(struct run *run, struct err *e)
{
    for (size_t i = 0; i < 2 * CLIENTS; i++) {
        enum client_dialect client = (enum client_dialect)(i / 2);
        bool other = i % 2;
        struct reference *r = &run->refs[client][other];
        struct client_options o = options(run, client, true);
        buf_init(&r->text, LIMIT_HEAD_LEN);
        buf_init(&r->args, LIMIT_HEAD_LEN);
        o.socket = NULL;
        o.port = run->o->port;
        o.model = other ? "other" : "chunked.fin.max";
        enum errc rc = client_look(&o, STR("hello"), keep, r, e);
        if (rc != ERR_OK)
            return rc;
        if (r->finish[0] == '\0')
            return err_set(e, ERR_INTERNAL, "the record itself is no answer");
    }
    return ERR_OK;
}

static enum errc load_courses(struct run *run, struct err *e)
{
    for (size_t i = 0; i < COURSES; i++) {
        struct course *c = &run->courses[i];
        c->way = &ways[i / PAIRS];
        c->pair = &pairs[i % PAIRS];
        /* a translated answer of Anthropic's comes as a stream whatever was asked */
        bool stream = c->way->mode != WHOLE || (c->pair->server == CUT_ANTHROPIC &&
                                                c->pair->client != CLIENT_ANTHROPIC);
        enum errc rc = cut_record_load(run->o->dir, c->pair->server, stream, false,
                                       c->way->framing, &c->record, e);
        if (rc != ERR_OK)
            return rc;
        run->n_cells += c->record.bytes.len + 1;
    }
    return ERR_OK;
}

/* Every so many offsets, and those around the place where an answer becomes whole. */
static bool is_chosen(const struct run *run, const struct cut_record *r, size_t offset,
                      size_t nth)
{
    size_t stride = (size_t)run->o->stride;
    return (offset + nth + (size_t)run->o->seed) % stride == 0 ||
           (offset + 2 >= r->enough && offset <= r->enough + 2) ||
           offset + 4 >= r->bytes.len;
}

static enum errc list_cells(struct run *run, struct err *e)
{
    run->cells = mem_alloc(run->n_cells, sizeof *run->cells);
    if (run->cells == NULL)
        return err_set(e, ERR_MEMORY, "no memory for %zu requests", run->n_cells);
    run->n_cells = 0;
    for (size_t i = 0; i < COURSES; i++)
        for (size_t at = 0; at <= run->courses[i].record.bytes.len; at++)
            if (is_chosen(run, &run->courses[i].record, at, i))
                run->cells[run->n_cells++] = (struct cell){&run->courses[i], at};
    return ERR_OK;
}

static void print_score(const struct run *run)
{
    for (size_t i = 0; i < COURSES; i++) {
        const struct course *c = &run->courses[i];
        printf("way\t%s\t%s\t%s\t%d\t%d\t%d\n", c->way->name,
               client_names[c->pair->client], cut_dialects[c->pair->server], c->n_ok,
               c->n_error, c->n_wrong);
    }
}

static void run_release(struct run *run)
{
    for (size_t i = 0; i < COURSES; i++)
        cut_record_release(&run->courses[i].record);
    for (size_t i = 0; i < 2 * CLIENTS; i++) {
        buf_release(&run->refs[i / 2][i % 2].text);
        buf_release(&run->refs[i / 2][i % 2].args);
    }
    mem_free(run->cells);
}

enum errc cut_ask(const struct cut_options *o, struct err *e)
{
    AUTO(run_release) struct run run = {.o = o, .print = PTHREAD_MUTEX_INITIALIZER};
    enum errc rc = load_courses(&run, e);
    if (rc == ERR_OK)
        rc = read_references(&run, e);
    if (rc == ERR_OK)
        rc = list_cells(&run, e);
    if (rc != ERR_OK)
        return rc;
    run_threads(&run);
    print_score(&run);
    return ERR_OK;
}
