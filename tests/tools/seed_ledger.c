/*
 * seed_ledger.c: see seed_ledger.h. Requests of all kinds: cached and reasoning tokens, media,
 * failures, retries, unknown and estimated costs, absent names, tags that stand twice.
 */
#include "tests/tools/seed_ledger.h"

#include <stdio.h>
#include <string.h>

#include "core/num.h"

#include "broker/rows.h"

enum { GROUP = 5000 };

struct maker {
    uint64_t state; /* num_draw's seed */
    struct rows *rows;
    struct buf record;
};

static uint64_t draw(struct maker *m, uint64_t below)
{
    return num_draw(&m->state) % below;
}

static struct str pick(struct maker *m, const char *const *names, size_t n)
{
    return str_of(names[draw(m, n)]);
}

static void draw_usage(struct maker *m, struct usage *u)
{
    usage_init(u);
    usage_set(u, USAGE_INPUT, (int64_t)draw(m, 5000));
    usage_set(u, USAGE_OUTPUT, (int64_t)draw(m, 900));
    for (unsigned c = 0; c < USAGE_WEB_SEARCH; c++)
        if (c != USAGE_INPUT && c != USAGE_OUTPUT && draw(m, 6) == 0)
            usage_set(u, (enum usage_class)c, (int64_t)draw(m, 2000));
}

static enum errc admit(struct maker *m, const struct ledger_admit *a, struct err *e)
{
    buf_reset(&m->record);
    record_put_admit(&m->record, a);
    if (buf_err(&m->record) != ERR_OK)
        return err_set(e, buf_err(&m->record), "seed: record");
    return rows_admit(m->rows, a->id, buf_str(&m->record), 0, e);
}

static struct ledger_admit draw_admit(struct maker *m, int64_t start_us, int64_t n)
{
    static const char *const routes[] = {"fast", "smart", "private", NULL};
    static const char *const projects[] = {"web", "ops", "\xE6\x97\xA5\xE6\x9C\xAC", NULL,
                                           NULL};
    static const char *const kinds[] = {"chat",  "chat",   "chat",
                                        "batch", "replay", "judge"};
    static const char *const users[] = {"ann", "ben", NULL};
    static const char *const templates[] = {"triage", "tldr", NULL};
    static const char *const conversations[] = {"c1", "c2", "c3", NULL, NULL, NULL};
    /* programs that ask: each has its names, so that an hour has few combinations of them */
    size_t program = draw(m, 24);
    struct ledger_admit a = {
        .start_us = start_us,
        .client = program % 7 == 0 ? STR("web") : STR("cli"),
        .dialect = STR("openai"),
        .route = str_of(routes[program % ARRAY_LEN(routes)]),
        .asked_model = STR("fast"),
        .project = str_of(projects[program % ARRAY_LEN(projects)]),
        .conversation = pick(m, conversations, ARRAY_LEN(conversations)),
        .template_name = str_of(templates[program % ARRAY_LEN(templates)]),
        .kind = str_of(kinds[program % ARRAY_LEN(kinds)]),
        .user = pick(m, users, ARRAY_LEN(users)),
        .input_tok_estimate = 1000,
        .reserved_pico = 1000000000,
    };
    clock_ulid_floor(a.id, start_us);
    snprintf(a.id + 14, sizeof a.id - 14, "%012lld", (long long)n);
    return a;
}

static enum errc make_one(struct maker *m, int64_t start_us, int64_t n, struct err *e)
{
    static const char *const models[] = {"gpt-5.6-luna", "gpt-5.6-sol", "claude-sonnet-5",
                                         "qwen3"};
    static const char *const providers[] = {"openai", "openai", "anthropic", "local"};
    const struct http1_header tags[] = {
        {STR("ticket"), draw(m, 2) ? STR("A-1") : STR("A-2")},
        {STR("ticket"), STR("B-9")}, /* the same key twice */
    };
    struct ledger_admit a = draw_admit(m, start_us, n);
    a.tags = tags;
    a.n_tags = draw(m, 3);
    struct usage u;
    draw_usage(m, &u);
    size_t model = draw(m, ARRAY_LEN(models));
    bool is_priced = model != 3, is_ok = draw(m, 20) != 0;
    struct ledger_attempt attempts[2] = {
        {.provider = STR("openai"),
         .model = STR("gpt-5.6-luna"),
         .start_us = start_us,
         .end_us = start_us + 1000,
         .http_status = 529,
         .outcome = ERR_OVERLOADED},
        {.index = 1,
         .provider = str_of(providers[model]),
         .model = str_of(models[model]),
         .start_us = start_us + 2000,
         .end_us = start_us + 900000,
         .http_status = 200,
         .usage = &u,
         .outcome = is_ok ? ERR_OK : ERR_CANCELLED},
    };
    size_t first = draw(m, 10) != 0;
    pico cost = is_priced ? (pico)draw(m, 20000000000) : PICO_UNKNOWN;
    struct ledger_settle s = {
        .end_us = start_us + 1000000 + (int64_t)draw(m, 5000000),
        .first_token_us = start_us + 300000,
        .outcome = is_ok ? ERR_OK : ERR_CANCELLED,
        .provider = str_of(providers[model]),
        .model = str_of(models[model]),
        .served_model = str_of(models[model]),
        .finish = STR("stop"),
        .usage = &u,
        .cost_pico = cost,
        .reported_pico = PICO_UNKNOWN,
        .cost_source = !is_priced   ? COST_UNKNOWN
                       : draw(m, 9) ? COST_COMPUTED
                                    : COST_ESTIMATED,
        .attempts = attempts + first,
        .n_attempts = 2 - first,
        .record = CONF_RECORD_META,
    };
    attempts[first].index = 0;
    attempts[1].cost_pico = cost;
    attempts[1].cost_source = s.cost_source;
    memcpy(s.id, a.id, sizeof s.id);
    enum errc rc = admit(m, &a, e);
    return rc == ERR_OK ? rows_settle(m->rows, &s, NULL, e) : rc;
}

static enum errc make_all(struct maker *m, int64_t n, int64_t since_us, int64_t until_us,
                          struct err *e)
{
    enum errc rc = ERR_OK;
    for (int64_t i = 0; i < n && rc == ERR_OK; i++) {
        int64_t at_us = since_us + (int64_t)((i128)(until_us - since_us) * i / n);
        if (i % GROUP == 0)
            rc = rows_begin(m->rows, e);
        if (rc == ERR_OK)
            rc = make_one(m, at_us + (int64_t)draw(m, 1000), i, e);
        if (rc == ERR_OK && (i % GROUP == GROUP - 1 || i == n - 1))
            rc = rows_commit(m->rows, (uint64_t)i + 1, e);
        if (rc == ERR_OK && rows_wal_pages(m->rows) > 20000)
            rc = rows_checkpoint(m->rows, e);
    }
    return rc;
}

enum errc seed_ledger(const char *path, int64_t n, uint64_t seed, int64_t since_us,
                      int64_t until_us, struct err *e)
{
    struct maker m = {.state = seed};
    uint64_t applied;
    buf_init(&m.record, RECORD_MAX);
    enum errc rc = rows_open(path, seed, &m.rows, &applied, e);
    if (rc == ERR_OK)
        rc = make_all(&m, n, since_us, until_us, e);
    rows_close(&m.rows);
    buf_release(&m.record);
    return rc;
}
