/*
 * asks.c: see asks.h. A process a question would cost a busy machine more than the broker that is
 * asked.
 */
#include "tests/e2e/asks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

#include "tests/e2e/client.h"

enum { CLIENTS_MAX = 1024, LINE_LEN = 64 * 1024, WORDS = 64 };

#define O(field) offsetof(struct client_options, field)
static const struct option_row ask_rows[] = {
    {'u', "socket", OPT_STRING, O(socket), "PATH", .help = "Unix socket"},
    {'p', "port", OPT_INT, O(port), "N", .values = "1..65535", .help = "loopback port"},
    {'d', "dialect", OPT_CHOICE, O(dialect), "NAME",
     .values = "openai|anthropic|responses|embeddings", .help = "how to speak"},
    {'m', "model", OPT_STRING, O(model), "NAME", .help = "model"},
    {'k', "key", OPT_STRING, O(key), "KEY", .help = "API key"},
    {'P', "path", OPT_STRING, O(path), "PATH", .help = "another path"},
    {'b', "body", OPT_STRING, O(body), "JSON", .help = "the whole body"},
    {'x', "extra", OPT_STRING, O(extra), "MEMBERS", .help = "members of the body more"},
    {'y', "system", OPT_STRING, O(system), "TEXT", .help = "system prompt"},
    {'n', "max-tokens", OPT_INT, O(max_tok), "N", .values = "1..", .help = "output cap"},
    {'H', "header", OPT_STRINGS, O(headers), "LINE", .help = "another header"},
    {'t', "timeout", OPT_DURATION, O(timeout_us), "DUR", .help = "give up after"},
    {'l', "leave-after", OPT_INT, O(leave_after), "N", .values = "1..",
     .help = "go away after N pieces"},
    {'w', "pause", OPT_DURATION, O(pause_us), "DUR", .help = "read slowly"},
    {'s', "stream", OPT_FLAG, O(stream), .help = "ask for a stream"},
    {'U', "usage", OPT_FLAG, O(usage), .help = "ask for usage in the stream"},
    {'T', "tools", OPT_FLAG, O(tools), .help = "offer a tool"},
    {'K', "keep-alive", OPT_FLAG, O(keep_alive), .help = "do not ask to close"},
    {.name = NULL},
};
#undef O

static enum errc ask(int argc, char *argv[], FILE *to, struct err *e)
{
    struct client_options o = {
        .model = "sim", .key = "test-key", .timeout_us = 10 * US_PER_S, .to = to};
    struct opt_args args = {.n = 0};
    const struct option_row *const tables[OPT_TABLES] = {ask_rows, NULL};
    void *const into[OPT_TABLES] = {&o, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, false, &args, NULL, e);
    if (rc != ERR_OK)
        return rc;
    return client_run(&o, str_of(args.n > 0 ? args.items[0] : "hello"), e);
}

enum errc ask_main(int argc, char *argv[], struct err *e)
{
    return ask(argc, argv, stdout, e);
}

/* ---- many ---- */

struct asks {
    const char *folder;
    int64_t clients;
    pthread_mutex_t lock; /* of standard input */
    atomic_bool has_failed;
};

/* A line into its words, in place. */
static int split(char *line, char *words[WORDS])
{
    int n = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at != NULL && n < WORDS - 1; n++) {
        words[n] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
    }
    words[n] = NULL;
    return n;
}

static void answer_line(struct asks *a, char *line)
{
    char path[4096], *words[WORDS];
    struct err e = ERR_INIT;
    int n = split(line, words);
    snprintf(path, sizeof path, "%s/%s", a->folder, words[0]);
    FILE *to = fopen(path, "we");
    if (to != NULL && ask(n, words, to, &e) != ERR_OK)
        fprintf(to, "tool: %s\n", e.text);
    if (to == NULL || fclose(to) != 0)
        a->has_failed = true;
}

static void *ask_lines(void *arg)
{
    struct asks *a = arg;
    char line[LINE_LEN];
    bool is_more;
    do {
        pthread_mutex_lock(&a->lock);
        is_more = fgets(line, sizeof line, stdin) != NULL;
        pthread_mutex_unlock(&a->lock);
        if (is_more)
            answer_line(a, line);
    } while (is_more);
    return NULL;
}

static enum errc run(struct asks *a, struct err *e)
{
    pthread_t threads[CLIENTS_MAX];
    size_t n = 0;
    pthread_mutex_init(&a->lock, NULL);
    while (n < (size_t)a->clients && pthread_create(&threads[n], NULL, ask_lines, a) == 0)
        n++;
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&a->lock);
    if (n < (size_t)a->clients)
        return err_set(e, ERR_MEMORY, "only %zu clients", n);
    return a->has_failed ? err_set(e, ERR_IO, "%s: not all was written", a->folder)
                         : ERR_OK;
}

#define O(field) offsetof(struct asks, field)
static const struct option_row asks_rows[] = {
    {'j', "clients", OPT_INT, O(clients), "N", .values = "1..1024", .help = "at once"},
    {'o', "folder", OPT_STRING, O(folder), "DIR", .help = "where the answers go"},
    {.name = NULL},
};
#undef O

enum errc asks_main(int argc, char *argv[], struct err *e)
{
    struct asks a = {.clients = 16, .folder = "."};
    struct opt_args args = {.n = 0};
    const struct option_row *const tables[OPT_TABLES] = {asks_rows, NULL};
    void *const into[OPT_TABLES] = {&a, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, false, &args, NULL, e);
    return rc == ERR_OK ? run(&a, e) : rc;
}
