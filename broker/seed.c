/* seed.c: see seed.h. */
#include "broker/seed.h"

#include <string.h>

/* The longest budget window is a month; roll-ups are keyed by hour. */
#define LOOKBACK_US (32 * US_PER_DAY)

/* Columns of both: at_us, cost, provider, project, client, tags as lines KEY=VALUE. */
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

static void seed_row(struct broker *b, sqlite3_stmt *st)
{
    struct http1_header tags[LIMIT_TAGS];
    struct limit_scope scope = {
        .provider = db_col_str(st, 2),
        .project = db_col_str(st, 3),
        .client = db_col_str(st, 4),
        .tags = tags,
    };
    scope.n_tags = split_tags(db_col_str(st, 5), tags, LIMIT_TAGS);
    limiter_seed(b->limiter, &scope, db_col_pico(st, 1), sqlite3_column_int64(st, 0),
                 clock_wall_us(b->clock));
}

static enum errc seed_from(struct broker *b, struct db *db, struct err *e)
{
    sqlite3_stmt *st = NULL;
    char id[ULID_LEN + 1];
    bool has_row;
    int64_t since_us = clock_wall_us(b->clock) - LOOKBACK_US;
    const char *sql = has_tagged_budget(b->conf) ? by_request : by_hour;
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

void seed_budgets(struct broker *b, struct db *db)
{
    struct err e = ERR_INIT;
    if (limiter_is_seeded(b->limiter))
        return;
    if (db != NULL && seed_from(b, db, &e) != ERR_OK)
        log_write(&b->log, LOG_WARN, "seed", e.text, "budgets=%zu", b->conf->n_budgets);
    limiter_seeded(b->limiter);
}
