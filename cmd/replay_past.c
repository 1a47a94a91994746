/*
 * replay_past.c: runs that the ledger knows: `replay list`, and an earlier run with what has come
 * of it, for `replay show` and --resume.
 */
#include <string.h>

#include "core/jsonx.h"

#include "cmd/out.h"
#include "cmd/replay.h"

/* ---- one run ---- */

/* ?1 the beginning of an id, ?2 its length, 0: the newest. */
static const char find_sql[] =
    "SELECT id, state, args, start_us FROM replay_run WHERE substr(id, 1, ?2) = ?1"
    " ORDER BY id DESC LIMIT 2";

enum errc replay_find(struct cmd_ctx *ctx, struct db *db, const char *id,
                      struct replay_past *ret, struct err *e)
{
    struct arena *a = &ctx->arena;
    bool is_last = strcmp(id, "last") == 0, row = false;
    char prefix[ULID_LEN + 1] = "";
    size_t n = is_last ? 0 : strlen(id);
    sqlite3_stmt *st;
    for (size_t i = 0; i < n && i < ULID_LEN; i++)
        prefix[i] = (char)(id[i] >= 'a' && id[i] <= 'z' ? id[i] - 32 : id[i]);
    if (db == NULL || n > ULID_LEN)
        return err_set(e, ERR_NOT_FOUND, "no run %.40s\nhint: llmgw replay list", id);
    enum errc rc = db_prepare(db, find_sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_str(st, 1, (struct str){prefix, n});
    sqlite3_bind_int64(st, 2, (int64_t)n);
    rc = db_step(db, st, &row, e);
    if (rc == ERR_OK && !row)
        return err_set(e, ERR_NOT_FOUND, "no run %s\nhint: llmgw replay list", id);
    if (rc != ERR_OK)
        return rc;
    struct replay_past found = {
        .id = arena_strz(a, db_col_str(st, 0)),
        .state = arena_strz(a, db_col_str(st, 1)),
        .args = arena_strz(a, db_col_str(st, 2)),
        .start_us = sqlite3_column_int64(st, 3),
    };
    rc = db_step(db, st, &row, e);
    if (rc == ERR_OK && row && !is_last)
        rc = err_set(e, ERR_NOT_FOUND, "several runs begin with %s", id);
    sqlite3_reset(st);
    if (rc == ERR_OK)
        *ret = found;
    return rc;
}

/* ---- its requests ---- */

static const char items_sql[] =
    "SELECT i.source, i.against, i.repeat, i.state, i.agree, i.note, i.request, s.rid,"
    " n.cost_pico, n.end_us - n.start_us, nb.response, nb.answer, i.metric"
    " FROM replay_item i LEFT JOIN request s ON s.id = i.source"
    " LEFT JOIN request n ON n.id = i.request LEFT JOIN body nb ON nb.rid = n.rid"
    " WHERE i.run = ? ORDER BY i.source, i.against, i.repeat";

static enum errc read_args(const char *args, struct replay_selection *s, struct err *e)
{
    AUTO(jx_put) struct json_object *o = NULL;
    int64_t n_repeats = 1;
    enum errc rc = jx_parse(str_of(args), &o, e);
    if (rc != ERR_OK)
        return err_ctx(e, "ledger: arguments of a run");
    struct json_object *names = jx_arr(o, "against");
    size_t n = names != NULL ? json_object_array_length(names) : 0;
    const char **against = ARENA_ARRAY(&s->arena, n + 1, const char *);
    if (n == 0 || n > REPLAY_AGAINST)
        return err_set(e, ERR_STORE, "ledger: a run without targets");
    if (against == NULL)
        return replay_selection_err(s, e);
    for (size_t i = 0; i < n; i++)
        against[i] = arena_strz(&s->arena, jx_text(json_object_array_get_idx(names, i)));
    (void)jx_i64(o, "repeat", 1, REPLAY_REPEATS, &n_repeats);
    s->against = against;
    s->n_against = n;
    s->n_repeats = (size_t)n_repeats;
    return ERR_OK;
}

/* The result that the row tells of; NULL when the run has no such target or repeat. */
static struct replay_result *result_of(const struct replay_selection *s,
                                       const struct replay_item *item, struct str against,
                                       int64_t repeat)
{
    if (repeat < 0 || (size_t)repeat >= s->n_repeats)
        return NULL;
    for (size_t i = 0; i < s->n_against; i++)
        if (str_eqz(against, s->against[i]))
            return &item->results[i * s->n_repeats + (size_t)repeat];
    return NULL;
}

/* How it was judged stands in the row; what else can be said, only the texts can tell. */
static void read_result(struct replay_selection *s, sqlite3_stmt *st,
                        struct replay_item *item, struct replay_result *r)
{
    struct str state = db_col_str(st, 3);
    r->outcome = str_eqz(state, "done")     ? ERR_OK
                 : str_eqz(state, "failed") ? ERR_SERVER
                                            : ERR_AGAIN;
    str_copy(r->error, sizeof r->error, db_col_str(st, 5));
    str_copy(r->id, sizeof r->id, db_col_str(st, 6));
    r->cost_pico = db_col_pico(st, 8);
    r->total_us = sqlite3_column_int64(st, 9);
    if (sqlite3_column_type(st, 4) != SQLITE_NULL &&
        agree_metric_by_name(db_col_str(st, 12), &item->metric)) {
        r->known = 1U << item->metric;
        r->agree = (unsigned)(sqlite3_column_int64(st, 4) != 0) << item->metric;
    }
    if (r->outcome != ERR_OK)
        return;
    r->answer = replay_read_answer(&s->arena, db_col_str(st, 10), db_col_str(st, 11));
    if (r->answer.ptr != NULL)
        replay_judge(item, r->answer, ~r->known & REPLAY_CHEAP, r);
}

static enum errc read_row(struct replay_selection *s, struct db *db, sqlite3_stmt *st,
                          struct err *e)
{
    struct str source = db_col_str(st, 0);
    struct replay_item *item = s->n > 0 ? &s->items[s->n - 1] : NULL;
    enum errc rc = ERR_OK;
    if (item == NULL || !str_eqz(source, item->id)) {
        item = replay_selection_add(s);
        if (item == NULL)
            return err_set(e, ERR_MEMORY, "out of memory");
        item->id = arena_strz(&s->arena, source);
        if (sqlite3_column_type(st, 7) != SQLITE_NULL)
            rc = replay_read_item(&s->arena, db, sqlite3_column_int64(st, 7), item, e);
    }
    struct replay_result *r =
        result_of(s, item, db_col_str(st, 1), sqlite3_column_int64(st, 2));
    if (rc == ERR_OK && r != NULL)
        read_result(s, st, item, r);
    return rc == ERR_OK ? replay_selection_err(s, e) : rc;
}

enum errc replay_load(struct db *db, const struct replay_past *run,
                      struct replay_selection *s, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    enum errc rc = read_args(run->args, s, e);
    if (rc == ERR_OK)
        rc = db_prepare(db, items_sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_strz(st, 1, run->id);
    while ((rc = db_step(db, st, &row, e)) == ERR_OK && row) {
        rc = read_row(s, db, st, e);
        if (rc != ERR_OK)
            break;
    }
    sqlite3_reset(st);
    return rc;
}

size_t replay_take_up(struct replay_selection *s, const char *only)
{
    bool wants_disagreeing = only != NULL && strcmp(only, "disagree") == 0;
    bool wants_unsent = only == NULL;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->n_against * s->n_repeats; k++) {
            struct replay_result *r = &s->items[i].results[k];
            bool is_due =
                wants_disagreeing
                    ? r->outcome == ERR_OK && replay_is_compared(&s->items[i], r) &&
                          !replay_agrees(&s->items[i], r)
                    : r->outcome != ERR_OK && (wants_unsent || r->outcome != ERR_AGAIN);
            s->n_bodiless += is_due && s->items[i].body.ptr == NULL;
            if (!is_due || s->items[i].body.ptr == NULL)
                continue;
            *r = (struct replay_result){
                .is_due = true, .outcome = ERR_AGAIN, .cost_pico = PICO_UNKNOWN};
            n++;
        }
    }
    return n;
}

/* ---- the list ---- */

static const struct out_column list_columns[] = {
    {.name = "run", .type = OUT_TEXT, .keep = ULID_LEN},
    {.name = "start", .type = OUT_TIME, .priority = 2, .soft = 1},
    {.name = "state", .type = OUT_TEXT},
    {.name = "against", .type = OUT_TEXT, .soft = 16, .priority = 1},
    {.name = "requests", .type = OUT_INT, .priority = 3},
    {.name = "answered", .type = OUT_INT, .priority = 4},
    {.name = "failed", .type = OUT_INT, .priority = 4},
    {.name = "agree", .type = OUT_PPM},
    {.name = "cost", .type = OUT_MONEY},
    {.name = "end", .type = OUT_TIME, .hidden = true},
};

static const char list_sql[] =
    "SELECT r.id, r.start_us, r.state,"
    " (SELECT group_concat(value, ', ') FROM json_each(r.args, '$.against')), r.n_items,"
    " sum(i.state = 'done'), sum(i.state = 'failed'), sum(i.agree), count(i.agree),"
    " r.cost_pico, r.end_us FROM (SELECT * FROM replay_run ORDER BY id DESC LIMIT ?) r"
    " LEFT JOIN replay_item i ON i.run = r.id GROUP BY r.id ORDER BY r.id DESC";

static void put_number(struct out *o, bool is_known, int64_t v)
{
    if (is_known)
        out_int(o, v);
    else
        out_null(o);
}

static void put_run(struct out *o, sqlite3_stmt *st)
{
    int64_t n_compared = sqlite3_column_int64(st, 8);
    out_text(o, db_col_str(st, 0));
    out_int(o, sqlite3_column_int64(st, 1));
    out_text(o, db_col_str(st, 2));
    out_text(o, db_col_str(st, 3));
    for (int at = 4; at < 7; at++)
        out_int(o, sqlite3_column_int64(st, at));
    put_number(o, n_compared > 0,
               n_compared > 0 ? sqlite3_column_int64(st, 7) * 1000000 / n_compared : 0);
    out_money(o, db_col_pico(st, 9));
    put_number(o, sqlite3_column_type(st, 10) != SQLITE_NULL,
               sqlite3_column_int64(st, 10));
    out_row_end(o);
}

enum errc replay_list(struct cmd_ctx *ctx, struct db *db, int64_t max, struct err *e)
{
    AUTO(out_free) struct out *o = NULL;
    sqlite3_stmt *st = NULL;
    bool row = false;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_replay), "llmgw.replay.list/1",
                           list_columns, ARRAY_LEN(list_columns), &o, e);
    if (rc == ERR_OK && db != NULL)
        rc = db_prepare(db, list_sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    if (st != NULL)
        sqlite3_bind_int64(st, 1, max);
    while (st != NULL && (rc = db_step(db, st, &row, e)) == ERR_OK && row)
        put_run(o, st);
    if (rc == ERR_OK)
        out_if_empty(o, "no run yet\nhint: llmgw replay --last 1d --against MODEL");
    return rc == ERR_OK ? out_finish(o, e) : rc;
}
