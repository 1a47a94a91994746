/* log_about.c: the ledger as such: its conversations, how large it is, a copy of it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/pack.h"
#include "core/turns.h"

#include "cmd/cost.h"
#include "cmd/files.h"
#include "cmd/log.h"

/* ---- conversations ---- */

static const struct out_column conversation_columns[] = {
    {.name = "last", .type = OUT_TIME, .priority = 3, .soft = 1},
    {.name = "id", .type = OUT_TEXT, .keep = ULID_LEN},
    {.name = "name", .type = OUT_TEXT, .priority = 2, .soft = 12},
    {.name = "title", .type = OUT_TEXT, .priority = 1, .soft = 16},
    {.name = "requests", .type = OUT_INT, .priority = 4},
    {.name = "cost", .type = OUT_MONEY},
    {.name = "project", .type = OUT_TEXT, .hidden = true},
    {.name = "start", .type = OUT_TIME, .hidden = true},
    {.name = "forked_from", .type = OUT_TEXT, .hidden = true},
};

#define CHOSEN                                                                           \
    "SELECT * FROM conversation WHERE last_us >= ?2 AND last_us < ?3"                    \
    " ORDER BY last_us DESC LIMIT ?4"
/* The newest first; one pass over the requests since the first of them, ?1 by its id. */
static const char conversations_sql[] =
    "WITH c AS (" CHOSEN "), g AS (SELECT conversation, min(rid) AS first,"
    " iif(count(*) = count(cost_pico), sum(cost_pico), NULL) AS cost FROM request"
    " WHERE id >= ?1 AND conversation IN (SELECT id FROM c) GROUP BY conversation)"
    " SELECT c.last_us, c.id, c.name, c.title, c.n_requests, c.project, c.start_us,"
    " c.forked_from, g.cost, b.request FROM c LEFT JOIN g ON g.conversation = c.id"
    " LEFT JOIN body b ON b.rid = g.first ORDER BY c.last_us DESC";
static const char oldest_sql[] = "SELECT min(start_us) FROM (" CHOSEN ")";

/* The first words of the first prompt, also of conversations that an older broker wrote down. */
static void put_title(struct out *o, sqlite3_stmt *st)
{
    AUTO(buf_release) struct buf request = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf title = BUF_INIT(LIMIT_HEAD_LEN);
    struct err ignored = ERR_INIT;
    if (sqlite3_column_type(st, 3) != SQLITE_NULL) {
        out_text(o, db_col_str(st, 3));
        return;
    }
    if (sqlite3_column_type(st, 9) != SQLITE_NULL &&
        unpack(db_col_str(st, 9), &request, &ignored) == ERR_OK)
        turns_title(buf_str(&request), &title);
    if (title.len > 0)
        out_text(o, buf_str(&title));
    else
        out_null(o);
}

static void put_column(struct out *o, sqlite3_stmt *st, int at)
{
    if (sqlite3_column_type(st, at) != SQLITE_NULL)
        out_text(o, db_col_str(st, at));
    else
        out_null(o);
}

static void put_conversation(struct out *o, sqlite3_stmt *st)
{
    out_int(o, sqlite3_column_int64(st, 0));
    out_text(o, db_col_str(st, 1));
    put_column(o, st, 2);
    put_title(o, st);
    out_int(o, sqlite3_column_int64(st, 4));
    out_money(o, db_col_pico(st, 8));
    put_column(o, st, 5);
    out_int(o, sqlite3_column_int64(st, 6));
    put_column(o, st, 7);
    out_row_end(o);
}

static enum errc prepare(struct db *db, const char *sql, const struct period *p,
                         int64_t max, sqlite3_stmt **ret, struct err *e)
{
    enum errc rc = db_prepare(db, sql, ret, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(*ret, 2, p->since_us);
    sqlite3_bind_int64(*ret, 3, p->until_us);
    sqlite3_bind_int64(*ret, 4, max);
    return ERR_OK;
}

static enum errc put_conversations(struct db *db, const struct period *p, int64_t max,
                                   struct out *o, struct err *e)
{
    char floor[ULID_LEN + 1];
    sqlite3_stmt *st;
    bool row = false;
    enum errc rc = prepare(db, oldest_sql, p, max, &st, e);
    if (rc == ERR_OK)
        rc = db_step(db, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    clock_ulid_floor(floor, sqlite3_column_int64(st, 0) - US_PER_HOUR);
    sqlite3_reset(st);
    rc = prepare(db, conversations_sql, p, max, &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_strz(st, 1, floor);
    while ((rc = db_step(db, st, &row, e)) == ERR_OK && row)
        put_conversation(o, st);
    return rc;
}

enum errc log_conversations(struct cmd_ctx *ctx, void *options, const char *const *args,
                            size_t n, struct err *e)
{
    enum { MAX_ROWS = 10 };
    AUTO(db_close) struct db *db = NULL;
    AUTO(out_free) struct out *out = NULL;
    const struct log_options *o = options;
    struct period p;
    (void)args;
    (void)n;
    enum errc rc = period_parse(ctx, NULL, "all", &o->period, &p, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_log), "llmgw.log.conversations/1",
                     conversation_columns, ARRAY_LEN(conversation_columns), &out, e);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    if (rc == ERR_OK && db != NULL)
        rc = put_conversations(db, &p, o->n > 0 ? o->n : MAX_ROWS, out, e);
    if (rc == ERR_OK)
        out_if_empty(out, "no conversation %s", db == NULL ? "yet" : "in that time");
    return rc == ERR_OK ? out_finish(out, e) : rc;
}

/* ---- how large it is ---- */

static const struct out_column stats_columns[] = {
    {.name = "path", .type = OUT_TEXT},
    {.name = "schema_version", .title = "schema", .type = OUT_INT},
    {.name = "file_bytes", .title = "database, bytes", .type = OUT_INT},
    {.name = "wal_bytes", .title = "write-ahead log, bytes", .type = OUT_INT},
    {.name = "waiting", .title = "requests that wait in the spool", .type = OUT_INT},
    {.name = "requests", .type = OUT_INT},
    {.name = "attempts", .type = OUT_INT},
    {.name = "tags", .type = OUT_INT},
    {.name = "conversations", .type = OUT_INT},
    {.name = "bodies", .title = "requests with texts", .type = OUT_INT},
    {.name = "body_bytes", .title = "texts, bytes as stored", .type = OUT_INT},
    {.name = "plain_bytes", .title = "texts, bytes as sent", .type = OUT_INT},
    {.name = "replay_runs", .title = "replays", .type = OUT_INT},
    {.name = "first", .title = "first request", .type = OUT_TIME},
    {.name = "last", .title = "last request", .type = OUT_TIME},
    {.name = "first_body", .title = "oldest text", .type = OUT_TIME},
    {.name = "lost_rows", .title = "requests that could not be kept", .type = OUT_INT},
    {.name = "lost_bodies", .title = "texts that could not be kept", .type = OUT_INT},
    {.name = "cost", .title = "cost of all", .type = OUT_MONEY},
};
enum { FROM_SQL = 5 }; /* columns before those that the query below has */

/* Sums of money come from the roll-ups, which stay when rows go. */
static const char stats_sql[] =
    "SELECT (SELECT count(*) FROM request), (SELECT count(*) FROM attempt),"
    " (SELECT count(*) FROM tag), (SELECT count(*) FROM conversation), b.n, b.stored, "
    "b.plain,"
    " (SELECT count(*) FROM replay_run), (SELECT start_us FROM request ORDER BY id LIMIT "
    "1),"
    " (SELECT start_us FROM request ORDER BY id DESC LIMIT 1), b.first,"
    " (SELECT ifnull(sum(n_rows), 0) FROM loss), (SELECT ifnull(sum(n_bodies), 0) FROM "
    "loss),"
    " (SELECT ifnull(sum(cost_pico), 0) FROM rollup_hour)"
    " FROM (SELECT count(*) AS n, ifnull(sum(stored_len), 0) AS stored,"
    "   ifnull(sum(request_len + response_len + answer_len), 0) AS plain,"
    "   min(at_us) AS first FROM body) b";

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static enum errc put_stats(struct cmd_ctx *ctx, struct db *db, const char *path,
                           struct out *o, struct err *e)
{
    sqlite3_stmt *st;
    bool row = false;
    int64_t n_waiting = 0;
    enum errc rc = cost_waiting(ctx, db, &n_waiting, e);
    if (rc == ERR_OK)
        rc = db_prepare(db, stats_sql, &st, e);
    if (rc == ERR_OK)
        rc = db_step(db, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    out_textz(o, path);
    out_int(o, db_schema(db));
    out_int(o, size_of(path));
    out_int(o, size_of(arena_printf(&ctx->arena, "%s-wal", path)));
    out_int(o, n_waiting);
    for (int i = 0; i < (int)ARRAY_LEN(stats_columns) - FROM_SQL; i++) {
        if (stats_columns[FROM_SQL + i].type == OUT_MONEY)
            out_money(o, db_col_pico(st, i));
        else if (sqlite3_column_type(st, i) == SQLITE_NULL)
            out_null(o);
        else
            out_int(o, sqlite3_column_int64(st, i));
    }
    out_row_end(o);
    sqlite3_reset(st);
    return ERR_OK;
}

enum errc log_stats(struct cmd_ctx *ctx, void *options, const char *const *args, size_t n,
                    struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    AUTO(out_free) struct out *out = NULL;
    const char *path = conf_path_db(&ctx->arena, ctx->conf, cmd_getenv);
    (void)options;
    (void)args;
    (void)n;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_log), "llmgw.log.stats/1",
                           stats_columns, ARRAY_LEN(stats_columns), &out, e);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    if (rc != ERR_OK)
        return rc;
    out_vertical(out);
    if (db != NULL)
        rc = put_stats(ctx, db, path, out, e);
    return rc == ERR_OK ? out_finish(out, e) : rc;
}

/* ---- a copy ---- */

/* Its bytes are on the disk, and only then its name is the one asked for. */
static enum errc move_copy(const char *from, const char *to, struct err *e)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fchmod(fd, 0600) == 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    if (!ok || rename(from, to) != 0)
        return err_errno(e, ERR_IO, "%s", to);
    return ERR_OK;
}

enum errc log_backup(struct cmd_ctx *ctx, void *options, const char *const *args,
                     size_t n, struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    const char *to = args[0], *temp = files_beside(&ctx->arena, &to);
    int64_t n_waiting = 0;
    (void)options;
    (void)n;
    enum errc rc = cmd_formats(ctx, "log backup", 0, e);
    if (rc == ERR_OK && temp == NULL)
        rc = err_set(e, ERR_USAGE, "%s is no file that a copy could replace", to);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    if (rc == ERR_OK && db == NULL)
        rc = err_set(e, ERR_NOT_FOUND, "there is no ledger yet");
    if (rc == ERR_OK)
        rc = cost_waiting(ctx, db, &n_waiting, e);
    if (rc != ERR_OK)
        return rc;
    if (n_waiting > 0)
        cmd_warn(ctx, "%lld requests still wait in the spool and are not in the copy",
                 (long long)n_waiting);
    unlink(temp);
    rc = db_copy(db, temp, e);
    if (rc == ERR_OK)
        rc = move_copy(temp, to, e);
    unlink(temp);
    return rc;
}
