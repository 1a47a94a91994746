/* prune.c: see prune.h. secure_delete overwrites what goes. */
#include "core/prune.h"

#include "core/clock.h"
#include "core/texts.h"

enum { STEP = 500 }; /* requests in one transaction */

/* Which requests, from ?2 on, at most ?3 of them. */
static const char by_id[] = "SELECT rid FROM request WHERE id = ?1 AND rid > ?2 LIMIT ?3";
static const char by_conversation[] = "SELECT rid FROM request WHERE conversation = ?1"
                                      " AND rid > ?2 ORDER BY rid LIMIT ?3";
static const char by_age[] =
    "SELECT rid FROM request WHERE id >= ?1 AND id < ?4 AND ?2 <= 0 LIMIT ?3";

/* Before the row itself goes: what refers to it by id, then what refers to it by number. */
static const char *const deletions[] = {
    ("UPDATE conversation SET n_requests = n_requests - 1, title = NULL"
     " WHERE id = (SELECT conversation FROM request WHERE rid = ?1)"),
    ("DELETE FROM conversation WHERE n_requests <= 0"
     " AND id = (SELECT conversation FROM request WHERE rid = ?1)"),
    ("DELETE FROM replay_item WHERE source = (SELECT id FROM request WHERE rid = ?1)"
     " OR request = (SELECT id FROM request WHERE rid = ?1)"),
    "DELETE FROM tag WHERE rid = ?1",
    "DELETE FROM attempt WHERE rid = ?1",
    "DELETE FROM body WHERE rid = ?1",
    "DELETE FROM score WHERE rid = ?1",
    "DELETE FROM guard WHERE rid = ?1",
    "DELETE FROM request WHERE rid = ?1",
};

/* What was said, and what may quote it; times, names, usage and cost stay. */
static const char *const redactions[] = {
    ("UPDATE replay_item SET note = NULL WHERE source = (SELECT id FROM request WHERE "
     "rid = ?1)"
     " OR request = (SELECT id FROM request WHERE rid = ?1)"),
    ("UPDATE conversation SET title = NULL"
     " WHERE id = (SELECT conversation FROM request WHERE rid = ?1)"),
    "DELETE FROM body WHERE rid = ?1",
    "UPDATE score SET note = NULL WHERE rid = ?1",
    "UPDATE guard SET note = NULL WHERE rid = ?1",
    "UPDATE request SET error = NULL, trace = NULL, record = 'meta' WHERE rid = ?1",
};

static enum errc run_all(struct db *d, const char *const *sql, size_t n, int64_t rid,
                         struct err *e)
{
    enum errc rc = texts_drop(d, rid, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        sqlite3_stmt *st;
        rc = db_prepare(d, sql[i], &st, e);
        if (rc != ERR_OK)
            break;
        sqlite3_bind_int64(st, 1, rid);
        rc = db_step(d, st, NULL, e);
    }
    return rc;
}

static enum errc delete_one(struct db *d, int64_t rid, bool texts_only, struct err *e)
{
    if (texts_only)
        return run_all(d, redactions, ARRAY_LEN(redactions), rid, e);
    return run_all(d, deletions, ARRAY_LEN(deletions), rid, e);
}

/* A selection as its query has it. */
struct step {
    const char *sql;
    struct str key, end;
    bool texts_only;
    int64_t after; /* the number behind which it goes on, where the rows stay */
};

/* Up to STEP numbers. */
static enum errc select_step(struct db *d, const struct step *step, int64_t rids[STEP],
                             size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st;
    enum errc rc = db_prepare(d, step->sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_str(st, 1, step->key);
    sqlite3_bind_int64(st, 2, step->after);
    sqlite3_bind_int64(st, 3, STEP);
    if (step->end.len > 0)
        db_bind_str(st, 4, step->end);
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

/* One transaction. */
static enum errc delete_step(struct db *d, struct step *step, size_t *ret_n,
                             struct err *e)
{
    int64_t rids[STEP];
    size_t n = 0;
    enum errc rc = db_exec(d, "BEGIN IMMEDIATE", e);
    if (rc != ERR_OK)
        return rc;
    rc = select_step(d, step, rids, &n, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        rc = delete_one(d, rids[i], step->texts_only, e);
    rc = end_transaction(d, rc, e);
    if (rc == ERR_OK && n > 0 && step->sql != by_age)
        step->after = rids[n - 1];
    *ret_n = n;
    return rc;
}

/* Whatever their counts say: all their requests are gone. */
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
    sqlite3_bind_int64(st, 2, by_name ? INT64_MIN : what->until_us);
    return db_step(d, st, NULL, e);
}

enum errc prune_requests(struct db *d, const struct prune_selection *what, int64_t *ret_n,
                         struct err *e)
{
    char from[ULID_LEN + 1], to[ULID_LEN + 1] = "~"; /* above any id */
    struct step step = {.sql = by_age, .texts_only = what->texts_only};
    if (what->id.len > 0) {
        step.sql = by_id;
        step.key = what->id;
    } else if (what->conversation.len > 0) {
        step.sql = by_conversation;
        step.key = what->conversation;
    } else {
        clock_ulid_floor(from, what->since_us);
        if (what->until_us > 0)
            clock_ulid_floor(to, what->until_us);
        step.key = str_of(from);
        step.end = str_of(to);
    }
    size_t n;
    enum errc rc;
    *ret_n = 0;
    do {
        rc = delete_step(d, &step, &n, e);
        *ret_n += (int64_t)(rc == ERR_OK ? n : 0);
    } while (rc == ERR_OK && n == STEP);
    bool by_age_alone = step.sql == by_age && what->since_us <= 0 && what->until_us > 0;
    if (rc != ERR_OK || what->texts_only ||
        (step.sql != by_conversation && !by_age_alone))
        return rc;
    return forget_conversations(d, what, e);
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

/* The body, and the title that was made of its first words. */
static enum errc delete_body(struct db *d, int64_t rid, struct err *e)
{
    static const char *const sql[] = {
        "DELETE FROM body WHERE rid = ?1",
        ("UPDATE conversation SET title = NULL"
         " WHERE id = (SELECT conversation FROM request WHERE rid = ?1)"),
    };
    return run_all(d, sql, ARRAY_LEN(sql), rid, e);
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
        rc = oldest_body(d, older_than_us, *excess, &rid, &len, e);
        if (rc != ERR_OK || rid == 0)
            break;
        rc = delete_body(d, rid, e);
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
