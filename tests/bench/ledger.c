/*
 * ledger.c: what recording costs: appends by the loop's thread, rows by the writer's. Prints one
 * JSON line.
 *
 * In laps: with the database locked by another connection the spool takes LAP requests, then the
 * lock goes and the writer drains them: its speed and CPU time are read from its first commit
 * on. At last requests come at a pace, so that appends meet commits and checkpoints.
 */
#include "broker/ledger.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/num.h"
#include "core/opt.h"

enum {
    LAP = 50 * 1000,   /* requests in the spool at once: a third of its room */
    PACED = 20 * 1000, /* requests that meet a writer at work … */
    PACE_US = 100,     /* … so far apart */
    ROWS = 2,          /* of a request: table request and table attempt */
    TEXTS = 2000,      /* bytes of a body */
    PATIENCE_US = 600 * 1000 * 1000,
};

struct options {
    int64_t requests;
    bool full;
};

#define AT(field) offsetof(struct options, field)
static const struct option_row ledger_options[] = {
    {.letter = 'n',
     .name = "requests",
     .type = OPT_INT,
     .offset = AT(requests),
     .arg = "N",
     .help = "how many, in whole laps"},
    {.name = "full", .type = OPT_FLAG, .offset = AT(full), .help = "with bodies"},
    {.name = NULL},
};
#undef AT

/* Nanoseconds that appending one request took. */
struct samples {
    uint32_t *ns; /* owned */
    size_t n;
};

struct bench {
    struct options o;
    const char *path;
    struct ledger *ledger;
    struct samples locked, paced;
    char body[TEXTS];
    uint64_t n_made, last_seq;
    uint64_t n_drained;             /* requests, after each lap's first commit … */
    int64_t drain_us, drain_cpu_us; /* … and what they took */
};

static int64_t read_ns(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_us(int64_t us)
{
    const struct timespec t = {.tv_nsec = us * 1000};
    nanosleep(&t, NULL);
}

/* CPU time of the other thread. */
static int64_t writer_cpu_us(void)
{
    return (read_ns(CLOCK_PROCESS_CPUTIME_ID) - read_ns(CLOCK_THREAD_CPUTIME_ID)) / 1000;
}

/* ---- one request, as the broker records a plain answer ---- */

static enum errc admit(struct bench *b, const char *id, int64_t now_us, struct err *e)
{
    struct ledger_admit a = {
        .start_us = now_us,
        .client = STR("bench"),
        .dialect = STR("openai"),
        .route = STR("bench"),
        .asked_model = STR("bench"),
        .kind = STR("chat"),
        .provider = STR("sim"),
        .model = STR("sim"),
        .input_tok_estimate = 495,
        .reserved_pico = 1519000000,
    };
    memcpy(a.id, id, sizeof a.id);
    return ledger_admit(b->ledger, &a, NULL, e);
}

static enum errc settle(struct bench *b, const char *id, int64_t now_us, struct err *e)
{
    static const enum usage_class known[] = {USAGE_INPUT,    USAGE_CACHE_READ,
                                             USAGE_OUTPUT,   USAGE_REASONING,
                                             USAGE_AUDIO_IN, USAGE_AUDIO_OUT};
    struct usage u;
    usage_init(&u);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        usage_set(&u, known[i], i % 2 == 0 ? 496 : 0);
    const struct ledger_attempt attempt = {
        .provider = STR("sim"),
        .model = STR("sim"),
        .served_model = STR("sim"),
        .key_id = STR("sim#1"),
        .price_row = STR("sim/sim@-"),
        .start_us = now_us,
        .first_byte_us = now_us + 140,
        .end_us = now_us + 146,
        .http_status = 200,
        .upstream_id = STR("req_088712be8a582fca"),
        .bytes_in = 630,
        .bytes_out = 2045,
        .usage = &u,
        .cost_pico = 528000000,
    };
    const struct str body = {b->body, b->o.full ? TEXTS : 0};
    struct ledger_settle s = {
        .end_us = now_us + 146,
        .provider = STR("sim"),
        .model = STR("sim"),
        .served_model = STR("sim"),
        .finish = STR("stop"),
        .price_row = STR("sim/sim@-"),
        .catalog_date = STR("2026-11-22"),
        .usage = &u,
        .cost_pico = 528000000,
        .reported_pico = PICO_UNKNOWN,
        .attempts = &attempt,
        .n_attempts = 1,
        .request_body = body,
        .response_body = body,
        .response_text = body,
        .record = b->o.full ? CONF_RECORD_FULL : CONF_RECORD_META,
    };
    memcpy(s.id, id, sizeof s.id);
    return ledger_settle(b->ledger, &s, &b->last_seq, e);
}

static enum errc append(struct bench *b, struct samples *s, struct err *e)
{
    char id[ULID_LEN + 1];
    int64_t now_us = clock_wall_us(&clock_system);
    clock_ulid(id, now_us);
    int64_t start_ns = read_ns(CLOCK_MONOTONIC);
    enum errc rc = admit(b, id, now_us, e);
    if (rc == ERR_OK)
        rc = settle(b, id, now_us, e);
    s->ns[s->n++] = (uint32_t)MIN(read_ns(CLOCK_MONOTONIC) - start_ns, UINT32_MAX);
    b->n_made += rc == ERR_OK;
    return rc;
}

/* ---- laps ---- */

static enum errc lock_database(const char *path, sqlite3 **ret, struct err *e)
{
    int rc = sqlite3_open(path, ret);
    sqlite3_busy_timeout(*ret, PATIENCE_US / 1000);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(*ret, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK
                           : err_set(e, ERR_STORE, "lock: %s", sqlite3_errmsg(*ret));
}

/* Waits for the commit of record `seq`. */
static enum errc wait_applied(struct bench *b, uint64_t seq, struct err *e)
{
    int64_t until_us = clock_mono_us(&clock_system) + PATIENCE_US;
    while (ledger_applied_seq(b->ledger) < seq) {
        if (clock_mono_us(&clock_system) > until_us)
            return err_set(e, ERR_STORE, "the writer does not come to an end");
        pause_us(PACE_US);
    }
    return ERR_OK;
}

/* Records up to `seq` are rows; those behind it are to become some. */
static enum errc drain(struct bench *b, uint64_t seq, struct err *e)
{
    struct ledger_stats first, last;
    enum errc rc = wait_applied(b, seq + 1, e);
    int64_t start_us = clock_mono_us(&clock_system), cpu_us = writer_cpu_us();
    ledger_stats(b->ledger, &first);
    if (rc == ERR_OK)
        rc = wait_applied(b, b->last_seq, e);
    ledger_stats(b->ledger, &last);
    b->drain_us += clock_mono_us(&clock_system) - start_us;
    b->drain_cpu_us += writer_cpu_us() - cpu_us;
    b->n_drained +=
        (last.n_applied - first.n_applied) / 2; /* an admission, a settlement */
    return rc;
}

static enum errc lap(struct bench *b, struct err *e)
{
    sqlite3 *other = NULL;
    uint64_t seq = b->last_seq;
    enum errc rc = lock_database(b->path, &other, e);
    for (int64_t i = 0; i < LAP && rc == ERR_OK; i++)
        rc = append(b, &b->locked, e);
    sqlite3_close(other);
    return rc == ERR_OK ? drain(b, seq, e) : rc;
}

static enum errc paced(struct bench *b, struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < PACED && rc == ERR_OK; i++) {
        rc = append(b, &b->paced, e);
        if (i % 10 == 0)
            pause_us(PACE_US);
    }
    return rc == ERR_OK ? wait_applied(b, b->last_seq, e) : rc;
}

/* ---- results ---- */

static int by_value(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void print_samples(const char *name, struct samples *s)
{
    qsort(s->ns, s->n, sizeof *s->ns, by_value);
    printf(",\"%s_p50_ns\":%u,\"%s_p99_ns\":%u,\"%s_max_ns\":%u", name, s->ns[s->n / 2],
           name, s->ns[s->n * 99 / 100], name, s->ns[s->n - 1]);
}

static void print(struct bench *b, int64_t file_len, int64_t old_len)
{
    int64_t n = (int64_t)b->n_drained;
    printf("{\"requests\":%" PRIu64 ",\"drained\":%" PRId64 ",\"requests_per_s\":%" PRId64
           ",\"rows_per_s\":%" PRId64 ",\"writer_ns_per_request\":%" PRId64
           ",\"writer_ns_per_row\":%" PRId64 ",\"bytes_per_request\":%" PRId64,
           b->n_made, n, n * US_PER_S / b->drain_us, n * ROWS * US_PER_S / b->drain_us,
           b->drain_cpu_us * 1000 / n, b->drain_cpu_us * 1000 / n / ROWS,
           (file_len - old_len) / (int64_t)b->n_made);
    print_samples("locked", &b->locked);
    print_samples("paced", &b->paced);
    puts("}");
}

static int64_t file_len(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static enum errc run(struct bench *b, struct err *e)
{
    b->locked.ns = mem_alloc((size_t)(b->o.requests + LAP), sizeof *b->locked.ns);
    b->paced.ns = mem_alloc(PACED, sizeof *b->paced.ns);
    if (b->locked.ns == NULL || b->paced.ns == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (uint64_t i = 0, seed = 1; i < TEXTS; i++) /* packs by half, as texts do */
        b->body[i] = (char)('a' + num_draw(&seed) % 16);
    int64_t old_len = file_len(b->path);
    enum errc rc = ledger_open(b->path, NULL, NULL, NULL, NULL, NULL, &b->ledger, e);
    while (rc == ERR_OK && b->n_made < (uint64_t)b->o.requests)
        rc = lap(b, e);
    if (rc == ERR_OK)
        rc = paced(b, e);
    ledger_close(&b->ledger, PATIENCE_US);
    if (rc == ERR_OK)
        print(b, file_len(b->path), old_len);
    return rc;
}

int main(int argc, char **argv)
{
    struct bench b = {.o = {.requests = 4 * LAP}};
    struct opt_args args = {.n = 0};
    struct err e = ERR_INIT;
    int used;
    const struct option_row *const tables[OPT_TABLES] = {ledger_options, NULL};
    void *const into[OPT_TABLES] = {&b.o, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, false, &args, &used, &e);
    if (rc == ERR_OK && args.n != 1)
        rc = err_set(&e, ERR_USAGE, "one path of a database, please");
    b.path = args.items[0];
    if (rc == ERR_OK)
        rc = run(&b, &e);
    mem_free(b.locked.ns);
    mem_free(b.paced.ns);
    if (rc != ERR_OK)
        fprintf(stderr, "ledger: %s\n", e.text);
    return rc != ERR_OK;
}
