/* score.c: see score.h. Must not rank. */
#include "broker/score.h"

#include "core/mem.h"

/*
 * ?1 scores from the newest back, ?2 targets at most. Sums of integers are the same in any order.
 */
static const char mean_sql[] =
    "WITH s AS (SELECT rid, name, value FROM score ORDER BY sid DESC LIMIT ?1)"
    " SELECT r.provider || '/' || r.model AS target,"
    " sum(CAST(s.value * 1000000 + 0.5 AS INTEGER)) / count(*), count(*)"
    " FROM s JOIN request r USING (rid)"
    " WHERE s.name = 'quality' AND s.value BETWEEN 0 AND 1"
    " AND r.provider IS NOT NULL AND r.model IS NOT NULL"
    " GROUP BY target ORDER BY target LIMIT ?2";

void scores_free(struct scores **sp)
{
    mem_free(*sp);
    *sp = NULL;
}

enum errc scores_read(struct db *db, struct scores **ret, struct err *e)
{
    sqlite3_stmt *st = NULL;
    bool has_row = false;
    AUTO(scores_free) struct scores *s = MEM_NEW(struct scores);
    if (s == NULL)
        return err_set(e, ERR_MEMORY, "no memory for scores");
    enum errc rc = db_prepare(db, mean_sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(st, 1, LIMIT_SCORES_READ);
    sqlite3_bind_int64(st, 2, LIMIT_SCORED_TARGETS);
    while ((rc = db_step(db, st, &has_row, e)) == ERR_OK && has_row) {
        struct score *one = &s->items[s->n++];
        str_copy(one->target, sizeof one->target, db_col_str(st, 0));
        one->mean_ppm = db_col_i64(st, 1, 0);
        one->n = db_col_i64(st, 2, 1);
    }
    if (rc != ERR_OK)
        return rc;
    *ret = s;
    s = NULL;
    return ERR_OK;
}

const struct score *scores_find(const struct scores *s, struct str target)
{
    size_t from = 0, to = s != NULL ? s->n : 0;
    while (from < to) {
        size_t at = from + (to - from) / 2;
        int order = str_cmp(str_of(s->items[at].target), target);
        if (order == 0)
            return &s->items[at];
        if (order < 0)
            from = at + 1;
        else
            to = at;
    }
    return NULL;
}
