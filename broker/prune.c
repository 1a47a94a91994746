/*
 * prune.c: see prune.h. secure_delete overwrites what goes; the caller truncates the
 * write-ahead log and scrubs the spool afterwards.
 */
#include "broker/prune.h"

#include "core/clock.h"

enum { STEP = 500 }; /* requests in one transaction */

/* Which requests, from ?2 on, at most ?3 of them. */
static const char by_id[] = "SELECT rid FROM request WHERE id = ?1 AND rid > ?2 LIMIT ?3";
static const char by_conversation[] = "SELECT rid FROM request WHERE conversation = ?1"
                                      " AND rid > ?2 ORDER BY rid LIMIT ?3";
static const char by_age[] = "SELECT rid FROM request WHERE id < ?1 AND ?2 <= 0 LIMIT ?3";

/* Before the row itself goes: what refers to it by id, then what refers to it by number. */
static const char *const deletions[] = {
    ("DELETE FROM replay_item WHERE source = (SELECT id FROM request WHERE rid = ?1)"
     " OR request = (SELECT id FROM request WHERE rid = ?1)"),
    "DELETE FROM tag WHERE rid = ?1",
    "DELETE FROM attempt WHERE rid = ?1",
    "DELETE FROM body WHERE rid = ?1",
    "DELETE FROM score WHERE rid = ?1",
    "DELETE FROM guard WHERE rid = ?1",
    "DELETE FROM request WHERE rid = ?1",
};

static enum errc delete_one(struct db *d, int64_t rid, struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(deletions) && rc == ERR_OK; i++) {
        sqlite3_stmt *st;
        rc = db_prepare(d, deletions[i], &st, e);
        if (rc != ERR_OK)
            break;
        sqlite3_bind_int64(st, 1, rid);
        rc = db_step(d, st, NULL, e);
    }
    return rc;
}

/* Up to STEP numbers above `after`. */
static enum errc select_step(struct db *d, const char *sql, struct str key, int64_t after,
                             int64_t rids[STEP], size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st;
    enum errc rc = db_prepare(d, sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_str(st, 1, key);
    sqlite3_bind_int64(st, 2, after);
    sqlite3_bind_int64(st, 3, STEP);
    bool row;
    size_t n = 0;
    while ((rc = db_step(d, st, &row, e)) == ERR_OK && row)
        rids[n++] = sqlite3_column_int64(st, 0);
    *ret_n = n;
    return rc;
}

static enum errc end_transaction(struct db *d, enum errc rc, struct err *e)
{
    if (rc == ERR_OK)
        rc = db_exec(d, "COMMIT", e);
    if (rc != ERR_OK)
        sqlite3_exec(db_handle(d), "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* One transaction; *after moves on where the selection counts by number. */
static enum errc delete_step(struct db *d, const char *sql, struct str key,
                             int64_t *after, size_t *ret_n, struct err *e)
{
    int64_t rids[STEP];
    size_t n = 0;
    enum errc rc = db_exec(d, "BEGIN IMMEDIATE", e);
    if (rc != ERR_OK)
        return rc;
    rc = select_step(d, sql, key, *after, rids, &n, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        rc = delete_one(d, rids[i], e);
    rc = end_transaction(d, rc, e);
    if (rc == ERR_OK && n > 0 && sql != by_age)
        *after = rids[n - 1];
    *ret_n = n;
    return rc;
}

static enum errc forget_conversations(struct db *d, const struct prune_selection *what,
                                      struct err *e)
{
    sqlite3_stmt *st;
    enum errc rc =
        db_prepare(d, "DELETE FROM conversation WHERE id = ?1 OR last_us < ?2", &st, e);
    if (rc != ERR_OK)
        return rc;
    bool by_name = what->conversation.len > 0;
    db_bind_str(st, 1, by_name ? what->conversation : STR_NONE);
    sqlite3_bind_int64(st, 2, by_name ? INT64_MIN : what->older_than_us);
    return db_step(d, st, NULL, e);
}

enum errc prune_requests(struct db *d, const struct prune_selection *what, int64_t *ret_n,
                         struct err *e)
{
    char floor[ULID_LEN + 1];
    const char *sql = by_age;
    struct str key = {floor, ULID_LEN};
    if (what->id.len > 0) {
        sql = by_id;
        key = what->id;
    } else if (what->conversation.len > 0) {
        sql = by_conversation;
        key = what->conversation;
    } else {
        clock_ulid_floor(floor, what->older_than_us);
    }
    int64_t after = 0;
    size_t n;
    enum errc rc;
    *ret_n = 0;
    do {
        rc = delete_step(d, sql, key, &after, &n, e);
        *ret_n += (int64_t)(rc == ERR_OK ? n : 0);
    } while (rc == ERR_OK && n == STEP);
    return rc == ERR_OK && what->id.len == 0 ? forget_conversations(d, what, e) : rc;
}

static enum errc bodies_len(struct db *d, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    enum errc rc = db_prepare(d, "SELECT ifnull(sum(stored_len), 0) FROM body", &st, e);
    if (rc == ERR_OK)
        rc = db_step(d, st, &row, e);
    if (rc == ERR_OK) {
        *ret = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return rc;
}

/* The oldest body, if it is too old or too many; numbers grow with time. */
static enum errc oldest_body(struct db *d, int64_t older_than_us, int64_t excess,
                             int64_t *ret_rid, int64_t *ret_len, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    *ret_rid = 0;
    enum errc rc = db_prepare(
        d, "SELECT rid, at_us, stored_len FROM body ORDER BY rid LIMIT 1", &st, e);
    if (rc == ERR_OK)
        rc = db_step(d, st, &row, e);
    if (rc != ERR_OK || !row)
        return rc;
    if (excess > 0 || sqlite3_column_int64(st, 1) < older_than_us) {
        *ret_rid = sqlite3_column_int64(st, 0);
        *ret_len = sqlite3_column_int64(st, 2);
    }
    sqlite3_reset(st);
    return ERR_OK;
}

static enum errc delete_bodies(struct db *d, int64_t older_than_us, int64_t *excess,
                               size_t *ret_n, struct err *e)
{
    size_t n = 0;
    enum errc rc = db_exec(d, "BEGIN IMMEDIATE", e);
    if (rc != ERR_OK)
        return rc;
    for (; n < STEP && rc == ERR_OK; n++) {
        int64_t rid, len;
        sqlite3_stmt *st;
        rc = oldest_body(d, older_than_us, *excess, &rid, &len, e);
        if (rc != ERR_OK || rid == 0)
            break;
        rc = db_prepare(d, "DELETE FROM body WHERE rid = ?", &st, e);
        if (rc != ERR_OK)
            break;
        sqlite3_bind_int64(st, 1, rid);
        rc = db_step(d, st, NULL, e);
        *excess -= len;
    }
    *ret_n = n;
    return end_transaction(d, rc, e);
}

enum errc prune_bodies(struct db *d, int64_t older_than_us, int64_t max_len,
                       int64_t *ret_n, struct err *e)
{
    int64_t excess = 0;
    size_t n;
    *ret_n = 0;
    enum errc rc = max_len > 0 ? bodies_len(d, &excess, e) : ERR_OK;
    if (max_len > 0)
        excess -= max_len;
    if (rc != ERR_OK)
        return rc;
    do {
        rc = delete_bodies(d, older_than_us, &excess, &n, e);
        *ret_n += (int64_t)(rc == ERR_OK ? n : 0);
    } while (rc == ERR_OK && n == STEP);
    return rc;
}
