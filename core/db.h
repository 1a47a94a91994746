/*
 * db.h: the SQLite ledger: open, pragmas, schema and migrations, statements.
 *
 * The schema is in db_schema.c with a comment per column, documented for users in llmgw-log(5).
 * One writer (the broker's ledger thread, or a command that holds the spool's lock), any number
 * of readers. WAL, synchronous=NORMAL, STRICT tables, secure_delete, busy_timeout.
 */
#ifndef CORE_DB_H
#define CORE_DB_H

#include <sqlite3.h>

#include "core/err.h"
#include "core/money.h"
#include "core/str.h"

enum {
    DB_SCHEMA_VERSION = 3,
    DB_SCHEMA_TEXTS = 2, /* since then there is body_text */
    DB_SCHEMA_OLDEST = 1 /* readers need no newer one: later ones only added tables */
};

enum db_mode {
    DB_READ,  /* must exist and hold something; never creates, never migrates */
    DB_WRITE, /* creates and migrates forward */
};

struct db;

/*
 * In db_schema.c: row i holds the pieces of SQL, ending in NULL, that lead from schema i to i +
 * 1.
 */
extern const char *const *const db_migrations[DB_SCHEMA_VERSION];

/*
 * A missing file is ERR_NOT_FOUND when reading. A database of a newer schema is ERR_STORE that
 * says so, with both numbers; so is one that is not ours.
 */
enum errc db_open(const char *path, enum db_mode mode, struct db **ret, struct err *e)
    MUST_USE;
void db_close(struct db **d);
struct sqlite3 *db_handle(struct db *d);
/* The version of its schema when it was opened, and after a migration. */
int db_schema(const struct db *d);
/*
 * A copy in one file, complete and consistent as of now, while others write. The file must not
 * exist.
 */
enum errc db_copy(struct db *d, const char *path, struct err *e) MUST_USE;
/*
 * Moves the write-ahead log into the database and empties it. *ret_done false: a reader needs
 * it still, after as long as the connection waits for locks.
 */
enum errc db_truncate_wal(struct db *d, bool *ret_done, struct err *e) MUST_USE;
enum errc db_exec(struct db *d, const char *sql, struct err *e) MUST_USE;
/* Prepared and kept by the db; the same text gives the same statement, reset. */
enum errc db_prepare(struct db *d, const char *sql, sqlite3_stmt **ret, struct err *e)
    MUST_USE;
/*
 * SQLITE_ROW → ERR_OK with *ret_row true, SQLITE_DONE → false, and the statement is reset, as it
 * is after an error. ret_row may be NULL for statements without rows. Errors: ERR_AGAIN when
 * the database is busy, ERR_STORE with SQLite's code in e->sys otherwise.
 */
enum errc db_step(struct db *d, sqlite3_stmt *st, bool *ret_row, struct err *e) MUST_USE;
void db_bind_str(sqlite3_stmt *st, int at, struct str s); /* NULL ptr binds NULL */
void db_bind_strz(sqlite3_stmt *st, int at, const char *s);
struct str db_col_str(sqlite3_stmt *st, int at); /* valid until the next step */
pico db_col_pico(sqlite3_stmt *st, int at);
int64_t db_col_i64(sqlite3_stmt *st, int at, int64_t other); /* `other` for NULL */

#endif
