/* seed.c: see seed.h. */
#include "broker/seed.h"

#include <string.h>

#include "core/jscan.h"
#include "core/usage.h"

/* 0.3 s at the start; limits that let more through in their windows begin with a part of it. */
enum { SEED_REQUESTS_MAX = 100 * 1000 };

/* ---- budgets ---- */

/* The longest budget window is a month; roll-ups are keyed by hour. */
#define LOOKBACK_US (32 * US_PER_DAY)

/*
 * Columns of both, and the first of by_attempt: at_us, cost, provider, project, client, tags as
 * lines KEY=VALUE.
 */
static const char by_hour[] =
    "SELECT hour * 3600000000, sum(cost_pico), provider, project, client, ''"
    " FROM rollup_hour_dim WHERE hour >= ?1 / 3600000000"
    " GROUP BY hour, provider, project, client";

/* Roll-ups have no tags. A ULID begins with its time, so ids serve as the index by time. */
static const char by_request[] =
    "SELECT end_us, cost_pico, coalesce(provider, ''), coalesce(project, ''),"
    " coalesce(client, ''), coalesce((SELECT group_concat(key || '=' || value, char(10))"
    " FROM tag WHERE tag.rid = request.rid), '')"
    " FROM request WHERE id >= ?2 AND cost_pico > 0";

static bool has_tagged_budget(const struct conf *c)
{
    for (size_t i = 0; i < c->n_budgets; i++)
        if (c->budgets[i].tag != NULL)
            return true;
    return false;
}

static size_t split_tags(struct str lines, struct http1_header *ret, size_t max)
{
    struct str line;
    size_t n = 0;
    while (n < max && str_split(&lines, '\n', &line)) {
        size_t eq = str_find(line, '=');
        ret[n].name = str_sub(line, 0, eq);
        ret[n++].value = str_sub(line, eq + 1, line.len);
    }
    return n;
}

/* The columns that all queries have. */
static struct limit_scope scope_of(sqlite3_stmt *st, struct http1_header *tags)
{
    return (struct limit_scope){
        .provider = db_col_str(st, 2),
        .project = db_col_str(st, 3),
        .client = db_col_str(st, 4),
        .tags = tags,
        .n_tags = split_tags(db_col_str(st, 5), tags, LIMIT_TAGS),
    };
}

static void seed_row(struct broker *b, sqlite3_stmt *st)
{
    struct http1_header tags[LIMIT_TAGS];
    struct limit_scope scope = scope_of(st, tags);
    limiter_seed(b->limiter, &scope, db_col_pico(st, 1), sqlite3_column_int64(st, 0),
                 clock_wall_us(b->clock));
}

static enum errc seed_budgets(struct broker *b, struct db *db, struct err *e)
{
    sqlite3_stmt *st = NULL;
    char id[ULID_LEN + 1];
    bool has_row;
    int64_t since_us = clock_wall_us(b->clock) - LOOKBACK_US;
    const char *sql = has_tagged_budget(b->conf) ? by_request : by_hour;
    if (b->conf->n_budgets == 0)
        return ERR_OK;
    enum errc rc = db_prepare(db, sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    clock_ulid(id, since_us);
    sqlite3_bind_int64(st, 1, since_us);
    if (sql == by_request)
        db_bind_strz(st, 2, id);
    while ((rc = db_step(db, st, &has_row, e)) == ERR_OK && has_row)
        seed_row(b, st);
    return rc;
}

/* ---- rates: every attempt of the last windows ---- */

/* One that was cut by our own end has no attempt: its target and its estimate stand for it. */
static const char by_attempt[] =
    "SELECT coalesce(a.start_us, r.start_us), coalesce(a.cost_pico, r.cost_pico),"
    " coalesce(a.provider, r.provider, ''), coalesce(r.project, ''),"
    " coalesce(r.client, ''), coalesce((SELECT group_concat(key || '=' || value, "
    "char(10))"
    " FROM tag WHERE tag.rid = r.rid), ''), coalesce(a.model, r.model, ''),"
    " coalesce(r.route, ''), a.usage, r.input_tok_estimate"
    " FROM request r LEFT JOIN attempt a ON a.rid = r.rid AND a.bytes_out > 0"
    " WHERE r.id >= max(?1, coalesce((SELECT id FROM request ORDER BY id DESC"
    " LIMIT 1 OFFSET ?2), '')) AND (a.rid IS NOT NULL OR r.flags & ?3)"
    " ORDER BY r.id";

/* What usage_write_classes wrote. */
static void read_usage(struct str json, struct usage *ret)
{
    struct err ignored = ERR_INIT;
    struct str name;
    struct jspan v;
    size_t it = 0;
    int64_t n;
    usage_init(ret);
    if (json.len == 0 || jscan_check(json, &ignored) != ERR_OK)
        return;
    while (jscan_member(json, jscan_root(json), &it, &name, &v)) {
        enum usage_class c = usage_class_by_name(name);
        if (c != USAGE_N_ && jscan_i64(json, v, 0, INT64_MAX, &n))
            usage_set(ret, c, n);
    }
}

static void seed_attempt(struct broker *b, sqlite3_stmt *st)
{
    struct http1_header tags[LIMIT_TAGS];
    struct usage u;
    struct limit_scope scope = scope_of(st, tags);
    scope.model = db_col_str(st, 6);
    scope.route = db_col_str(st, 7);
    read_usage(db_col_str(st, 8), &u);
    struct limit_cost used = {
        .requests = 1,
        .input_tok = usage_input_tok(&u),
        .output_tok = usage_output_tok(&u),
        .money_pico = db_col_pico(st, 1),
    };
    if (sqlite3_column_type(st, 8) == SQLITE_NULL)
        used.input_tok = sqlite3_column_int64(st, 9);
    int64_t age_us = clock_wall_us(b->clock) - sqlite3_column_int64(st, 0);
    limiter_seed_rates(b->limiter, &scope, &used,
                       clock_mono_us(b->clock) - MAX(age_us, 0));
}

static enum errc seed_rates(struct broker *b, struct db *db, struct err *e)
{
    sqlite3_stmt *st = NULL;
    char id[ULID_LEN + 1];
    bool has_row;
    int64_t memory_us = limiter_memory_us(b->limiter);
    if (memory_us == 0)
        return ERR_OK;
    enum errc rc = db_prepare(db, by_attempt, &st, e);
    if (rc != ERR_OK)
        return rc;
    clock_ulid_floor(id, clock_wall_us(b->clock) - memory_us);
    db_bind_strz(st, 1, id);
    sqlite3_bind_int64(st, 2, SEED_REQUESTS_MAX);
    sqlite3_bind_int64(st, 3, LEDGER_INTERRUPTED);
    while ((rc = db_step(db, st, &has_row, e)) == ERR_OK && has_row)
        seed_attempt(b, st);
    return rc;
}

void seed_limits(struct broker *b, struct db *db)
{
    struct err e = ERR_INIT;
    if (limiter_is_seeded(b->limiter))
        return;
    if (db != NULL &&
        (seed_budgets(b, db, &e) != ERR_OK || seed_rates(b, db, &e) != ERR_OK))
        log_write(&b->log, LOG_WARN, "seed", e.text, "budgets=%zu limits=%zu",
                  b->conf->n_budgets, b->conf->n_limits);
    limiter_seeded(b->limiter);
}
