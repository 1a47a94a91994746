/*
 * fuzz_texts.c: any bytes as a recorded request: what is new in it is UTF-8, and part of what its
 * turns say; and as words to search for: never an error of SQLite's.
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/texts.h"
#include "core/turns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_texts: %s\n", what);
        abort();
    }
}

struct said {
    struct str request;
    struct buf all;
};

static void add_turn(void *arg, struct str role, struct jspan content)
{
    struct said *s = arg;
    require(str_is_utf8(role), "a role is UTF-8");
    turns_text(s->request, content, &s->all);
}

static void check_turns(struct str request)
{
    struct buf fresh = BUF_INIT(SIZE_MAX / 2);
    struct said s = {.request = request, .all = BUF_INIT(SIZE_MAX / 2)};
    turns_new(request, &fresh);
    turns_each(request, add_turn, &s);
    require(str_is_utf8(buf_str(&fresh)), "what is new is UTF-8");
    require(str_is_utf8(buf_str(&s.all)), "what was said is UTF-8");
    require(fresh.len <= 3 * s.all.len, "what is new was said"); /* "\n\n" between */
    buf_release(&fresh);
    buf_release(&s.all);
}

/* One for all inputs: the schema is what takes time. */
static sqlite3_stmt *search(void)
{
    static sqlite3_stmt *st;
    sqlite3 *db;
    if (st != NULL)
        return st;
    require(sqlite3_open(":memory:", &db) == SQLITE_OK &&
                sqlite3_exec(db,
                             "CREATE VIRTUAL TABLE body_text USING fts5 (prompt, answer,"
                             " tokenize = 'unicode61 remove_diacritics 2');"
                             "INSERT INTO body_text VALUES ('an old pond', 'splash')",
                             NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3_prepare_v2(db,
                                   "SELECT rowid FROM body_text WHERE body_text MATCH ?",
                                   -1, &st, NULL) == SQLITE_OK,
            "a table to search in");
    return st;
}

static void check_query(struct str words)
{
    struct buf query = BUF_INIT(SIZE_MAX / 2);
    sqlite3_stmt *st = search();
    texts_query(words, &query);
    if (query.len > 0 && query.len < 10000) {
        sqlite3_bind_text(st, 1, query.data, (int)query.len, SQLITE_STATIC);
        int rc = sqlite3_step(st);
        require(rc == SQLITE_ROW || rc == SQLITE_DONE, query.data);
        sqlite3_reset(st);
    }
    buf_release(&query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str text = {(const char *)data, len};
    check_turns(text);
    check_query(text);
    return 0;
}
