/* texts.c: see texts.h. */
#include "core/texts.h"

#include "core/pack.h"
#include "core/turns.h"

/* A short character and a gap on both sides of a long one are the worst. */
enum { SPREAD_LEN = 3 * TEXTS_LEN };

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

/* ---- words ---- */

/*
 * Scripts that are written without blanks between words; of Korean, particles are written to the
 * word. Source: the Unicode Standard 15.0, Blocks.txt; UAX #14, classes SA, ID, H2 and H3.
 */
static bool is_unspaced(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        {0x0E00, 0x0EFF},   /* Thai, Lao */
        {0x1000, 0x109F},   /* Myanmar */
        {0x1780, 0x17FF},   /* Khmer */
        {0x3005, 0x3007},   /* ideographs among the punctuation */
        {0x3040, 0x318F},   /* Hiragana, Katakana, Bopomofo, Hangul letters */
        {0x31A0, 0x31BF},   /* Bopomofo */
        {0x31F0, 0x31FF},   /* Katakana */
        {0x3400, 0x4DBF},   /* ideographs */
        {0x4E00, 0x9FFF},   /* … */
        {0xAC00, 0xD7A3},   /* Hangul syllables */
        {0xF900, 0xFAFF},   /* ideographs */
        {0xFF66, 0xFFDC},   /* Katakana and Hangul of half width */
        {0x20000, 0x3FFFF}, /* ideographs */
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (c <= ranges[i].to)
            return c >= ranges[i].from;
    return false;
}

/* Such characters have three bytes or four. */
static bool has_long(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0xE0)
            return true;
    return false;
}

/* The code point that the text begins with, and its bytes; what is no UTF-8 is one a byte. */
static uint32_t first_of(struct str text, size_t *ret_len)
{
    unsigned char lead = (unsigned char)text.ptr[0];
    size_t len = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t c = len == 1 ? lead : lead & (0x7FU >> len);
    *ret_len = 1;
    if (len > text.len)
        return lead;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)text.ptr[i] & 0x3F);
    *ret_len = len;
    return c;
}

static bool is_of_word(uint32_t c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

/*
 * FTS5 takes what has no blank in it for one word, so that only who knows a whole sentence would
 * find it. With TEXTS_GAP, which it takes for a blank, around each character of such a script,
 * each is a word, and several are a phrase; what is searched for is treated alike.
 */
static void spread(struct str text, struct buf *out)
{
    uint32_t before = ' ';
    size_t len;
    for (; text.len > 0; text = str_sub(text, len, text.len)) {
        uint32_t c = first_of(text, &len);
        if ((is_unspaced(c) || is_unspaced(before)) && is_of_word(c) &&
            is_of_word(before))
            buf_addz(out, TEXTS_GAP);
        buf_add(out, text.ptr, len);
        before = c;
    }
}

/* The text as it is indexed: itself, or in `room`. */
static struct str indexed(struct str text, struct buf *room)
{
    text = str_sub(text, 0, str_utf8_prefix(text, TEXTS_LEN));
    if (!has_long(text))
        return text.len > 0 ? text : STR("");
    spread(text, room);
    return buf_err(room) == ERR_OK ? buf_str(room) : text;
}

static enum errc add(struct db *d, int64_t rid, struct str asked, struct str answer,
                     struct err *e)
{
    AUTO(buf_release) struct buf room = BUF_INIT(SPREAD_LEN);
    AUTO(buf_release) struct buf other = BUF_INIT(SPREAD_LEN);
    sqlite3_stmt *st;
    bool was_within = is_within(d);
    enum errc rc = db_prepare(
        d, "INSERT INTO body_text (rowid, prompt, answer) VALUES (?, ?, ?)", &st, e);
    if (rc != ERR_OK)
        return forgive(d, was_within, rc, e);
    sqlite3_bind_int64(st, 1, rid);
    db_bind_str(st, 2, indexed(asked, &room));
    db_bind_str(st, 3, indexed(answer, &other));
    return forgive(d, was_within, db_step(d, st, NULL, e), e);
}

enum errc texts_add(struct db *d, int64_t rid, struct str request, struct str answer,
                    struct err *e)
{
    AUTO(buf_release) struct buf asked = BUF_INIT(LIMIT_BODY_LEN);
    turns_new(request, &asked);
    return add(d, rid, buf_str(&asked), answer, e);
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

/* ---- what an older schema left out, or took in otherwise ---- */

static enum errc is_indexed(struct db *d, int64_t rid, bool *ret, struct err *e)
{
    sqlite3_stmt *st;
    enum errc rc = db_prepare(d, "SELECT rowid FROM body_text WHERE rowid = ?", &st, e);
    if (rc != ERR_OK)
        return forgive(d, is_within(d), rc, e);
    sqlite3_bind_int64(st, 1, rid);
    rc = db_step(d, st, ret, e);
    sqlite3_reset(st);
    return rc;
}

static enum errc fill_one(struct db *d, sqlite3_stmt *st, struct err *e)
{
    AUTO(buf_release) struct buf request = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf asked = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    struct err ignored = ERR_INIT; /* what cannot be read is not found */
    if (sqlite3_column_type(st, 1) != SQLITE_NULL)
        (void)!unpack(db_col_str(st, 1), &request, &ignored);
    if (sqlite3_column_type(st, 2) != SQLITE_NULL)
        (void)!unpack(db_col_str(st, 2), &answer, &ignored);
    turns_new(buf_str(&request), &asked);
    int64_t rid = sqlite3_column_int64(st, 0);
    bool is_same = !has_long(buf_str(&asked)) && !has_long(buf_str(&answer));
    bool is_there = false;
    enum errc rc = is_indexed(d, rid, &is_there, e);
    if (rc != ERR_OK || (is_there && is_same))
        return rc;
    if (is_there)
        rc = texts_drop(d, rid, e);
    return rc == ERR_OK ? add(d, rid, buf_str(&asked), buf_str(&answer), e) : rc;
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
        AUTO(buf_release) struct buf parts = BUF_INIT(3 * word.len + 8);
        spread(word, &parts);
        add_quoted(buf_str(&parts), out);
        buf_addz(out, is_prefix ? "*" : "");
    }
}
