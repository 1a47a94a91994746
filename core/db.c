/*
 * db.c: opens the SQLite ledger, brings its schema up to date and keeps its statements. Knows
 * no table but by db_schema.c; what is asked of them is in report.c and the broker's ledger.
 */
#include "core/db.h"

#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/map.h"
#include "core/mem.h"

/* PRAGMA application_id, "LGW1", so that file(1) and db_open know the file. */
enum { DB_APPLICATION_ID = 0x4c475731 };
/* How long a statement waits for a lock that another process holds. */
enum { DB_BUSY_MS = 5000 };
/* A statement of a migration is a few KiB; this bounds the joined text. */
enum { DB_SQL_MAX = 256 * 1024 };

struct db {
    sqlite3 *handle;       /* owned */
    struct map statements; /* SQL text → sqlite3_stmt, owned */
    int64_t schema;
};

static enum errc db_fail(struct db *d, int rc, const char *what, struct err *e)
{
    enum errc code;
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        code = ERR_AGAIN;
        break;
    case SQLITE_NOMEM:
        code = ERR_MEMORY;
        break;
    default:
        code = ERR_STORE;
    }
    const char *text = d->handle != NULL ? sqlite3_errmsg(d->handle) : sqlite3_errstr(rc);
    if (strcmp(text, "no such module: fts5") == 0)
        err_set(
            e, code,
            "%s: SQLite %s here was built without FTS5, which searches recorded text; "
            "install one that has it",
            what, sqlite3_libversion());
    else
        err_set(e, code, "%s: %s", what, text);
    e->sys = rc;
    return code;
}

enum errc db_exec(struct db *d, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : db_fail(d, rc, "ledger", e);
}

enum errc db_prepare(struct db *d, const char *sql, sqlite3_stmt **ret, struct err *e)
{
    struct str key = str_of(sql);
    sqlite3_stmt *st = map_get(&d->statements, key);
    if (st != NULL) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
        *ret = st;
        return ERR_OK;
    }
    int rc = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK)
        return db_fail(d, rc, "ledger", e);
    if (map_set(&d->statements, key, st) != ERR_OK) {
        sqlite3_finalize(st);
        return err_set(e, ERR_MEMORY, "ledger: out of memory");
    }
    *ret = st;
    return ERR_OK;
}

enum errc db_step(struct db *d, sqlite3_stmt *st, bool *ret_row, struct err *e)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW && ret_row != NULL) {
        *ret_row = true;
        return ERR_OK;
    }
    enum errc code = ERR_OK;
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        /* before reset, which may change the message */
        code = db_fail(d, rc, "ledger", e);
    else if (ret_row != NULL)
        *ret_row = false;
    sqlite3_reset(st);
    return code;
}

static enum errc query_int(struct db *d, const char *sql, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row = false;
    enum errc rc = db_prepare(d, sql, &st, e);
    if (rc == ERR_OK)
        rc = db_step(d, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    *ret = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return ERR_OK;
}

static enum errc migrate_one(struct db *d, int64_t from, struct err *e)
{
    AUTO(buf_release) struct buf sql = BUF_INIT(DB_SQL_MAX);
    for (const char *const *piece = db_migrations[from]; *piece != NULL; piece++)
        buf_addz(&sql, *piece);
    buf_printf(&sql, "PRAGMA user_version = %d;", (int)from + 1);
    if (buf_err(&sql) != ERR_OK)
        return err_set(e, buf_err(&sql), "ledger: migration from schema %d", (int)from);
    enum errc rc = db_exec(d, sql.data, e);
    return rc == ERR_OK ? rc : err_ctx(e, "migration from schema %d", (int)from);
}

/* `may_be_empty`: a file without anything in it will be one; a reader finds no ledger there. */
static enum errc check_version(struct db *d, int64_t version, bool may_be_empty,
                               struct err *e)
{
    int64_t id, n_tables = 0;
    enum errc rc = query_int(d, "PRAGMA application_id", &id, e);
    if (rc == ERR_OK && id != DB_APPLICATION_ID)
        rc = query_int(d, "SELECT count(*) FROM sqlite_schema", &n_tables, e);
    if (rc != ERR_OK)
        return rc;
    if (id != DB_APPLICATION_ID && (id != 0 || version != 0 || n_tables != 0))
        return err_set(e, ERR_STORE, "this SQLite database is not an llmgw ledger");
    if (id != DB_APPLICATION_ID && !may_be_empty)
        return err_set(e, ERR_NOT_FOUND, "no ledger: the broker is only making it");
    if (version > DB_SCHEMA_VERSION)
        return err_set(
            e, ERR_STORE,
            "the ledger has schema %d, newer than this llmgw, which knows up to "
            "schema %d: use the newer version",
            (int)version, DB_SCHEMA_VERSION);
    return ERR_OK;
}

/* All migrations in one transaction, so that a reader sees the old schema or the new one. */
static enum errc migrate(struct db *d, struct err *e)
{
    int64_t version = 0;
    enum errc rc = db_exec(d, "BEGIN IMMEDIATE", e);
    if (rc != ERR_OK)
        return rc;
    rc = query_int(d, "PRAGMA user_version", &version, e);
    if (rc == ERR_OK)
        rc = check_version(d, version, true, e);
    if (rc == ERR_OK && version == 0)
        rc = db_exec(d, "PRAGMA application_id = 0x4c475731", e); /* DB_APPLICATION_ID */
    for (; rc == ERR_OK && version < DB_SCHEMA_VERSION; version++)
        rc = migrate_one(d, version, e);
    if (rc == ERR_OK)
        rc = db_exec(d, "COMMIT", e);
    if (rc != ERR_OK)
        sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/*
 * Checkpoints are the writer's own business, at a moment of its choice: hence no automatic
 * ones. Deleted content is overwritten: hence secure_delete.
 */
static enum errc open_for_writing(struct db *d, int64_t version, struct err *e)
{
    enum errc rc = db_exec(d,
                           "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                           "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0;"
                           "PRAGMA journal_size_limit = 67108864;",
                           e);
    return rc == ERR_OK && version < DB_SCHEMA_VERSION ? migrate(d, e) : rc;
}

/* What it is, at one moment: another process may be making it. */
static enum errc look(struct db *d, enum db_mode mode, int64_t *ret_version,
                      struct err *e)
{
    enum errc rc = db_exec(d, "BEGIN", e);
    if (rc != ERR_OK)
        return rc;
    rc = query_int(d, "PRAGMA user_version", ret_version, e);
    if (rc == ERR_OK)
        rc = check_version(d, *ret_version, mode == DB_WRITE, e);
    int ended = sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
    return rc == ERR_OK && ended != SQLITE_OK ? db_fail(d, ended, "ledger", e) : rc;
}

static enum errc open_file(struct db *d, const char *path, enum db_mode mode,
                           struct err *e)
{
    struct stat st;
    if (mode == DB_READ && stat(path, &st) != 0)
        return err_errno(e, ERR_NOT_FOUND, "no ledger");
    /* No statistics: their mutex is taken at each allocation. Too late, it is ignored. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int flags = mode == DB_READ ? SQLITE_OPEN_READONLY
                                : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return db_fail(d, rc, "cannot open the ledger", e);
    sqlite3_extended_result_codes(d->handle, 1);
    sqlite3_busy_timeout(d->handle, DB_BUSY_MS);
    int64_t version;
    enum errc code = look(d, mode, &version, e);
    if (code != ERR_OK)
        return code;
    d->schema = version;
    if (mode == DB_WRITE) {
        chmod(path, 0600); /* SQLite gives the WAL the same mode */
        d->schema = DB_SCHEMA_VERSION;
        return open_for_writing(d, version, e);
    }
    if (version == 0) /* a broker is about to make it */
        return err_set(e, ERR_NOT_FOUND, "%s: nothing is in the ledger yet", path);
    if (version < DB_SCHEMA_OLDEST)
        return err_set(
            e, ERR_STORE,
            "the ledger has schema %d, older than this llmgw, which reads schema %d: "
            "start the broker once to bring it up to date",
            (int)version, DB_SCHEMA_VERSION);
    return ERR_OK;
}

enum errc db_open(const char *path, enum db_mode mode, struct db **ret, struct err *e)
{
    AUTO(db_close) struct db *d = MEM_NEW(struct db);
    if (d == NULL)
        return err_set(e, ERR_MEMORY, "%s: out of memory", path);
    map_init(&d->statements);
    if (open_file(d, path, mode, e) != ERR_OK)
        return err_ctx(e, "%s", path);
    *ret = d;
    d = NULL;
    return ERR_OK;
}

void db_close(struct db **d)
{
    if (*d == NULL)
        return;
    map_for_each (slot, &(*d)->statements)
        sqlite3_finalize(slot->value);
    map_release(&(*d)->statements);
    sqlite3_close((*d)->handle);
    mem_free(*d);
    *d = NULL;
}

struct sqlite3 *db_handle(struct db *d)
{
    return d->handle;
}

int db_schema(const struct db *d)
{
    return (int)d->schema;
}

enum errc db_copy(struct db *d, const char *path, struct err *e)
{
    sqlite3_stmt *st;
    enum errc rc = db_prepare(d, "VACUUM INTO ?", &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_strz(st, 1, path);
    return db_step(d, st, NULL, e);
}

enum errc db_truncate_wal(struct db *d, bool *ret_done, struct err *e)
{
    int rc = sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                       NULL);
    int primary = rc & 0xff;
    if (rc != SQLITE_OK && primary != SQLITE_BUSY && primary != SQLITE_LOCKED)
        return db_fail(d, rc, "checkpoint", e);
    *ret_done = rc == SQLITE_OK;
    return ERR_OK;
}

/* SQLITE_STATIC: callers keep the bytes until the statement is reset. */
void db_bind_str(sqlite3_stmt *st, int at, struct str s)
{
    if (s.ptr == NULL)
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_text64(st, at, s.ptr, s.len, SQLITE_STATIC, SQLITE_UTF8);
}

void db_bind_strz(sqlite3_stmt *st, int at, const char *s)
{
    db_bind_str(st, at, str_of(s));
}

struct str db_col_str(sqlite3_stmt *st, int at)
{
    const void *text = sqlite3_column_text(st, at);
    if (text == NULL)
        return STR_NONE;
    return (struct str){text, (size_t)sqlite3_column_bytes(st, at)};
}

pico db_col_pico(sqlite3_stmt *st, int at)
{
    return db_col_i64(st, at, PICO_UNKNOWN);
}

int64_t db_col_i64(sqlite3_stmt *st, int at, int64_t other)
{
    if (sqlite3_column_type(st, at) == SQLITE_NULL)
        return other;
    return sqlite3_column_int64(st, at);
}
