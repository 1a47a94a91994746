/*
 * models_speed.c: how long models have taken to begin their answers, as the ledger tells it.
 */
#include <string.h>

#include "core/db.h"

#include "cmd/models.h"

/*
 * The median of each target among the latest attempts: others' speed, and last year's, is not
 * ours.
 */
static const char median_sql[] =
    "WITH t AS (SELECT provider, model, first_token_us - start_us AS us FROM attempt"
    " WHERE first_token_us > 0 AND outcome = 'ok' ORDER BY rid DESC LIMIT 20000),"
    " r AS (SELECT provider, model, us,"
    " row_number() OVER (PARTITION BY provider, model ORDER BY us) AS k,"
    " count(*) OVER (PARTITION BY provider, model) AS n FROM t)"
    " SELECT provider, model, us FROM r WHERE k = (n + 1) / 2";

static enum errc take_rows(struct cmd_ctx *ctx, struct db *db, struct models_speeds *ret,
                           struct err *e)
{
    sqlite3_stmt *st;
    bool row = false;
    size_t cap = 0;
    enum errc rc = db_prepare(db, median_sql, &st, e);
    while (rc == ERR_OK && (rc = db_step(db, st, &row, e)) == ERR_OK && row) {
        if (ret->n == cap) {
            cap = MAX(2 * cap, (size_t)32);
            struct models_speed *grown =
                ARENA_ARRAY(&ctx->arena, cap, struct models_speed);
            if (grown == NULL)
                return err_set(e, ERR_MEMORY, "out of memory");
            if (ret->n > 0)
                memcpy(grown, ret->items, ret->n * sizeof *grown);
            ret->items = grown;
        }
        ret->items[ret->n++] = (struct models_speed){
            arena_strz(&ctx->arena, db_col_str(st, 0)),
            arena_strz(&ctx->arena, db_col_str(st, 1)), db_col_i64(st, 2, -1)};
    }
    return rc;
}

enum errc models_speeds(struct cmd_ctx *ctx, struct models_speeds *ret, struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    *ret = (struct models_speeds){.n = 0};
    enum errc rc =
        db_open(conf_path_db(&ctx->arena, ctx->conf, cmd_getenv), DB_READ, &db, e);
    if (rc == ERR_NOT_FOUND) {
        err_clear(e);
        return ERR_OK;
    }
    return rc == ERR_OK ? take_rows(ctx, db, ret, e) : rc;
}

static bool is_called(const struct catalog_model *m, const char *name)
{
    bool found = strcmp(m->model, name) == 0;
    for (size_t i = 0; !found && i < m->n_aliases; i++)
        found = strcmp(m->aliases[i], name) == 0;
    return found;
}

int64_t models_ttft_us(const struct models_speeds *s, const char *provider,
                       const struct catalog_model *m)
{
    int64_t best_us = -1;
    for (size_t i = 0; i < s->n; i++) {
        const struct models_speed *one = &s->items[i];
        if (strcmp(one->provider, provider) == 0 && is_called(m, one->model) &&
            (best_us < 0 || one->ttft_us < best_us))
            best_us = one->ttft_us;
    }
    return best_us;
}
