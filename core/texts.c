/* texts.c: see texts.h. */
#include "core/texts.h"

#include "core/pack.h"
#include "core/turns.h"

static void cut(struct buf *b)
{
    if (b->len > TEXTS_LEN)
        buf_truncate(b, str_utf8_prefix(buf_str(b), TEXTS_LEN));
}

static bool is_within(struct db *d)
{
    return !sqlite3_get_autocommit(db_handle(d));
}

/*
 * A damaged or missing index is no reason to keep a row out of the ledger, or in it; unless the
 * transaction is gone with it.
 */
static enum errc forgive(struct db *d, bool was_within, enum errc rc, struct err *e)
{
    int primary = e->sys & 0xff;
    if (rc != ERR_STORE || (primary != SQLITE_CORRUPT && primary != SQLITE_ERROR) ||
        was_within != is_within(d))
        return rc;
    err_clear(e);
    return ERR_OK;
}

enum errc texts_add(struct db *d, int64_t rid, struct str request, struct str answer,
                    struct err *e)
{
    AUTO(buf_release) struct buf asked = BUF_INIT(LIMIT_BODY_LEN);
    sqlite3_stmt *st;
    bool was_within = is_within(d);
    turns_new(request, &asked);
    cut(&asked);
    enum errc rc = db_prepare(
        d, "INSERT INTO body_text (rowid, prompt, answer) VALUES (?, ?, ?)", &st, e);
    if (rc != ERR_OK)
        return forgive(d, was_within, rc, e);
    sqlite3_bind_int64(st, 1, rid);
    db_bind_str(st, 2, asked.len > 0 ? buf_str(&asked) : STR(""));
    answer = str_sub(answer, 0, str_utf8_prefix(answer, TEXTS_LEN));
    db_bind_str(st, 3, answer.len > 0 ? answer : STR(""));
    return forgive(d, was_within, db_step(d, st, NULL, e), e);
}

enum errc texts_drop(struct db *d, int64_t rid, struct err *e)
{
    sqlite3_stmt *st;
    bool was_within = is_within(d);
    enum errc rc = db_prepare(d, "DELETE FROM body_text WHERE rowid = ?", &st, e);
    if (rc != ERR_OK)
        return forgive(d, was_within, rc, e);
    sqlite3_bind_int64(st, 1, rid);
    return forgive(d, was_within, db_step(d, st, NULL, e), e);
}

enum errc texts_clean(struct db *d, struct err *e)
{
    bool was_within = is_within(d);
    enum errc rc = db_exec(d, "INSERT INTO body_text (body_text) VALUES ('optimize')", e);
    return forgive(d, was_within, rc, e);
}

/* ---- what an older schema left out ---- */

static enum errc fill_one(struct db *d, sqlite3_stmt *st, struct err *e)
{
    AUTO(buf_release) struct buf request = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    struct err ignored = ERR_INIT; /* what cannot be read is not found */
    if (sqlite3_column_type(st, 1) != SQLITE_NULL)
        (void)!unpack(db_col_str(st, 1), &request, &ignored);
    if (sqlite3_column_type(st, 2) != SQLITE_NULL)
        (void)!unpack(db_col_str(st, 2), &answer, &ignored);
    return texts_add(d, sqlite3_column_int64(st, 0), buf_str(&request), buf_str(&answer),
                     e);
}

/* State 'texts:fill' is the number of the body that was looked at last; without it, all are in. */
static enum errc read_mark(struct db *d, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    enum errc rc =
        db_prepare(d, "SELECT value FROM state WHERE key = 'texts:fill'", &st, e);
    if (rc == ERR_OK)
        rc = db_step(d, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    *ret = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return ERR_OK;
}

static enum errc write_mark(struct db *d, int64_t rid, struct err *e)
{
    sqlite3_stmt *st;
    const char *sql = rid > 0 ? "UPDATE state SET value = ? WHERE key = 'texts:fill'"
                              : "DELETE FROM state WHERE key = 'texts:fill'";
    enum errc rc = db_prepare(d, sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    if (rid > 0)
        sqlite3_bind_int64(st, 1, rid);
    return db_step(d, st, NULL, e);
}

enum errc texts_is_full(struct db *d, bool *ret, struct err *e)
{
    int64_t mark = 0;
    enum errc rc = read_mark(d, &mark, e);
    if (rc == ERR_OK)
        *ret = mark == 0;
    return rc;
}

enum errc texts_fill(struct db *d, size_t max, struct err *e)
{
    sqlite3_stmt *st;
    bool row = false;
    int64_t mark, next = 0;
    size_t n = 0;
    enum errc rc = read_mark(d, &mark, e);
    if (rc == ERR_OK)
        rc = db_prepare(d,
                        "SELECT rid, request, answer FROM body WHERE rid < ?"
                        " ORDER BY rid DESC LIMIT ?",
                        &st, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(st, 1, mark);
    sqlite3_bind_int64(st, 2, (int64_t)max);
    while ((rc = db_step(d, st, &row, e)) == ERR_OK && row) {
        next = sqlite3_column_int64(st, 0);
        rc = fill_one(d, st, e);
        if (rc != ERR_OK)
            break;
        n++;
    }
    sqlite3_reset(st);
    return rc == ERR_OK ? write_mark(d, n == max ? next : 0, e) : rc;
}

/* ---- asking ---- */

/* FTS5 strings: a double quote within is doubled; NUL ends SQL text. */
static void add_quoted(struct str word, struct buf *out)
{
    if (out->len > 0)
        buf_addc(out, ' ');
    buf_addc(out, '"');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '"')
            buf_addc(out, '"');
        if (word.ptr[i] != '\0')
            buf_addc(out, word.ptr[i]);
    }
    buf_addc(out, '"');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void texts_query(struct str words, struct buf *out)
{
    while (words.len > 0) {
        size_t n = 0;
        if (is_blank(words.ptr[0])) {
            words = str_sub(words, 1, words.len);
            continue;
        }
        bool is_phrase = words.ptr[0] == '"';
        if (is_phrase)
            words = str_sub(words, 1, words.len);
        while (n < words.len &&
               (is_phrase ? words.ptr[n] != '"' : !is_blank(words.ptr[n])))
            n++;
        struct str word = str_sub(words, 0, n);
        words = str_sub(words, n + (is_phrase && n < words.len), words.len);
        bool is_prefix = !is_phrase && word.len > 1 && word.ptr[word.len - 1] == '*';
        if (is_prefix)
            word.len--;
        if (str_trim(word).len == 0)
            continue;
        add_quoted(word, out);
        buf_addz(out, is_prefix ? "*" : "");
    }
}
