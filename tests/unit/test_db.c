/* test_db.c: opening, migrating and refusing a ledger; the schema against the code's names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/db.h"
#include "core/pack.h"
#include "core/texts.h"
#include "core/usage.h"

#include <cmocka.h>

struct fixture {
    char dir[64], path[96];
};

static int setup(void **state)
{
    static struct fixture f;
    strcpy(f.dir, "/tmp/test_db.XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.path, sizeof f.path, "%s/llmgw.db", f.dir);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
        unlink(path);
    }
    rmdir(f->dir);
    return 0;
}

static void open_ok(const char *path, enum db_mode mode, struct db **ret)
{
    struct err e = ERR_INIT;
    if (db_open(path, mode, ret, &e) != ERR_OK)
        fail_msg("%s", e.text);
}

static void exec_ok(struct db *d, const char *sql)
{
    struct err e = ERR_INIT;
    if (db_exec(d, sql, &e) != ERR_OK)
        fail_msg("%s: %s", sql, e.text);
}

static int64_t one_int(struct db *d, const char *sql)
{
    struct err e = ERR_INIT;
    sqlite3_stmt *st;
    bool row = false;
    if (db_prepare(d, sql, &st, &e) != ERR_OK || db_step(d, st, &row, &e) != ERR_OK)
        fail_msg("%s: %s", sql, e.text);
    assert_true(row);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return v;
}

static void reading_never_creates(void **state)
{
    struct fixture *f = *state;
    struct db *d = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(db_open(f->path, DB_READ, &d, &e), ERR_NOT_FOUND);
    assert_null(d);
    assert_int_equal(access(f->path, F_OK), -1);
}

static void writing_creates_a_private_wal_database(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *d = NULL;
    open_ok(f->path, DB_WRITE, &d);
    assert_int_equal(one_int(d, "PRAGMA user_version"), DB_SCHEMA_VERSION);
    assert_int_equal(one_int(d, "PRAGMA secure_delete"), 1);
    assert_int_equal(one_int(d, "PRAGMA synchronous"), 1);
    assert_int_equal(one_int(d, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"),
                     1);
    assert_int_equal(one_int(d, "SELECT count(*) FROM pragma_table_list"
                                " WHERE schema = 'main' AND type = 'table'"
                                " AND name NOT LIKE 'sqlite_%' AND NOT strict"),
                     0);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    AUTO(db_close) struct db *reader = NULL;
    open_ok(f->path, DB_READ, &reader);
    assert_int_equal(one_int(reader, "SELECT count(*) FROM request"), 0);
}

static void opening_again_keeps_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct db *d = NULL;
    open_ok(f->path, DB_WRITE, &d);
    exec_ok(d, "INSERT INTO state VALUES ('pin:fast', '{}', 1)");
    db_close(&d);
    open_ok(f->path, DB_WRITE, &d);
    assert_int_equal(one_int(d, "SELECT count(*) FROM state"), 1);
    db_close(&d);
}

static void a_newer_schema_is_refused_with_both_numbers(void **state)
{
    struct fixture *f = *state;
    struct db *d = NULL;
    open_ok(f->path, DB_WRITE, &d);
    exec_ok(d, "PRAGMA user_version = 4"); /* the very next one */
    db_close(&d);
    static const enum db_mode modes[] = {DB_READ, DB_WRITE};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(db_open(f->path, modes[i], &d, &e), ERR_STORE);
        assert_non_null(strstr(e.text, "schema 4"));
        assert_non_null(strstr(e.text, "schema 3"));
        assert_null(d);
    }
}

static void somebody_elses_database_is_left_alone(void **state)
{
    struct fixture *f = *state;
    sqlite3 *other;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    sqlite3_exec(other, "CREATE TABLE theirs (x)", NULL, NULL, NULL);
    sqlite3_close(other);
    struct db *d = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(db_open(f->path, DB_WRITE, &d, &e), ERR_STORE);
    FILE *junk = fopen(f->path, "w");
    fputs("this is no database, only text that is long enough to be looked at\n", junk);
    fclose(junk);
    assert_int_equal(db_open(f->path, DB_WRITE, &d, &e), ERR_STORE);
}

static void an_empty_database_is_no_ledger_until_it_is_migrated(void **state)
{
    struct fixture *f = *state;
    struct db *d = NULL;
    sqlite3 *old;
    assert_int_equal(sqlite3_open(f->path, &old), SQLITE_OK);
    sqlite3_exec(old, "PRAGMA application_id = 0x4c475731", NULL, NULL, NULL);
    sqlite3_close(old);
    struct err e = ERR_INIT;
    /* as when a broker has opened a new one a moment ago */
    assert_int_equal(db_open(f->path, DB_READ, &d, &e), ERR_NOT_FOUND);
    open_ok(f->path, DB_WRITE, &d);
    db_close(&d);
    open_ok(f->path, DB_READ, &d);
    db_close(&d);
}

static struct buf packed(const char *text)
{
    struct buf b = BUF_INIT(1000);
    struct err e = ERR_INIT;
    assert_int_equal(pack(str_of(text), &b, &e), ERR_OK);
    return b;
}

static void put_body(struct db *d, int rid, const char *request, const char *answer)
{
    AUTO(buf_release) struct buf asked = packed(request);
    AUTO(buf_release) struct buf said = packed(answer);
    struct err e = ERR_INIT;
    sqlite3_stmt *st;
    assert_int_equal(
        db_prepare(d, "INSERT INTO body VALUES (?, 1, 1, 1, 1, 1, ?, NULL, ?)", &st, &e),
        ERR_OK);
    sqlite3_bind_int(st, 1, rid);
    sqlite3_bind_blob(st, 2, asked.data, (int)asked.len, SQLITE_STATIC);
    sqlite3_bind_blob(st, 3, said.data, (int)said.len, SQLITE_STATIC);
    assert_int_equal(db_step(d, st, NULL, &e), ERR_OK);
}

/* Schema 1 had no search: it is read as it is, and its texts are taken in later. */
static void the_first_schema_is_read_and_made_searchable(void **state)
{
    struct fixture *f = *state;
    struct db *d = NULL;
    struct err e = ERR_INIT;
    bool is_full = false;
    open_ok(f->path, DB_WRITE, &d);
    put_body(d, 1, "{\"messages\":[{\"role\":\"user\",\"content\":\"old pond\"}]}",
             "frog");
    put_body(d, 2, "{\"messages\":[]}", "splash");
    exec_ok(d, "DROP TABLE body_text; PRAGMA user_version = 1");
    db_close(&d);
    open_ok(f->path, DB_READ, &d);
    assert_int_equal(db_schema(d), 1);
    db_close(&d);
    open_ok(f->path, DB_WRITE, &d);
    assert_int_equal(db_schema(d), DB_SCHEMA_VERSION);
    for (int i = 0; i < 3; i++) { /* one a step, and one to see that there is no other */
        assert_int_equal(texts_is_full(d, &is_full, &e), ERR_OK);
        assert_int_equal(is_full, false);
        assert_int_equal(texts_fill(d, 1, &e), ERR_OK);
    }
    assert_int_equal(texts_is_full(d, &is_full, &e), ERR_OK);
    assert_int_equal(is_full, true);
    assert_int_equal(one_int(d, "SELECT count(*) FROM body_text"), 2);
    assert_int_equal(
        one_int(d, "SELECT rowid FROM body_text WHERE body_text MATCH '\"pond\"'"), 1);
    assert_int_equal(
        one_int(d, "SELECT rowid FROM body_text WHERE body_text MATCH '\"splash\"'"), 2);
    db_close(&d);
}

static int64_t n_found(struct db *d, const char *words)
{
    AUTO(buf_release) struct buf match = BUF_INIT(1000);
    AUTO(buf_release) struct buf sql = BUF_INIT(1000);
    texts_query(str_of(words), &match);
    buf_printf(&sql, "SELECT count(*) FROM body_text WHERE body_text MATCH '%.*s'",
               STR_ARG(buf_str(&match)));
    return one_int(d, sql.data);
}

#define ASKED "{\"messages\":[{\"role\":\"user\",\"content\":\""

static void words_within_a_sentence_without_blanks_are_found(void **state)
{
    struct fixture *f = *state;
    struct db *d = NULL;
    struct err e = ERR_INIT;
    static const struct {
        const char *words;
        int64_t n;
    } rows[] = {
        {"飛び込む", 1}, {"池や", 1},   {"池", 1},          {"古池に", 0},
        {"水蛙", 0},     {"sqlite", 2}, {"数据库", 1},      {"据库", 1},
        {"库数", 0},     {"검색", 1},   {"검색을 한다", 1}, {"\"を SQLite\"", 0},
        {"สวัสดี", 1},     {"ครับ", 1},    {"naive", 1},       {"데이터베이스에서", 1},
        {"사과", 0},
    };
    open_ok(f->path, DB_WRITE, &d);
    put_body(d, 1, ASKED "古池や蛙飛び込む水の音\"}]}", "SQLiteは速い naïve");
    put_body(d, 2, ASKED "用SQLite数据库\"}]}", "데이터베이스에서 검색을 한다");
    put_body(d, 3, ASKED "plain words\"}]}", "สวัสดีครับ");
    exec_ok(d, "DELETE FROM body_text; PRAGMA user_version = 2");
    /* as schema 2 had them */
    exec_ok(d, "INSERT INTO body_text (rowid, prompt, answer) VALUES"
               " (1, '古池や蛙飛び込む水の音', 'SQLiteは速い naïve'),"
               " (3, 'plain words, of the old index', '')");
    db_close(&d);
    open_ok(f->path, DB_WRITE, &d);
    assert_int_equal(n_found(d, "池"), 0);
    bool is_full = false;
    while (!is_full) {
        assert_int_equal(texts_fill(d, 1, &e), ERR_OK);
        assert_int_equal(texts_is_full(d, &is_full, &e), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (n_found(d, rows[i].words) != rows[i].n)
            fail_msg("%s: not %d", rows[i].words, (int)rows[i].n);
    assert_int_equal(one_int(d, "SELECT count(*) FROM body_text"), 3);
    db_close(&d);
}

/* The index serves the rows, never the other way round. */
static void a_missing_index_is_forgiven(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *d = NULL;
    struct err e = ERR_INIT;
    open_ok(f->path, DB_WRITE, &d);
    exec_ok(d, "DROP TABLE body_text");
    assert_int_equal(texts_add(d, 1, STR("{\"messages\":[]}"), STR("x"), &e), ERR_OK);
    assert_int_equal(texts_drop(d, 1, &e), ERR_OK);
    assert_int_equal(texts_clean(d, &e), ERR_OK);
    assert_int_equal(e.code, ERR_OK);
}

static void a_search_is_words_phrases_and_beginnings(void **state)
{
    (void)state;
    static const struct {
        const char *words, *want;
    } rows[] = {
        {"", ""},
        {"  ", ""},
        {"pond", "\"pond\""},
        {" old\tpond ", "\"old\" \"pond\""},
        {"\"old pond\" frog", "\"old pond\" \"frog\""},
        {"\"open", "\"open\""},
        {"fro*", "\"fro\"*"},
        {"*", "\"*\""},
        {"a\"b", "\"a\"\"b\""},
        {"NOT (x OR y) col:z -1", "\"NOT\" \"(x\" \"OR\" \"y)\" \"col:z\" \"-1\""},
        {"検索 \"x 語\" na\xC3\xAFve", "\"検" TEXTS_GAP "索\" \"x 語\" \"na\xC3\xAFve\""},
        {"go言語*", "\"go" TEXTS_GAP "言" TEXTS_GAP "語\"*"},
        {"「語」、\xE8\xAA", "\"「" TEXTS_GAP "語" TEXTS_GAP "」、\xE8\xAA\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1000);
        texts_query(str_of(rows[i].words), &out);
        assert_string_equal(out.len > 0 ? out.data : "", rows[i].want);
    }
}

static void every_usage_class_has_its_columns(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *d = NULL;
    open_ok(f->path, DB_WRITE, &d);
#define PROBE(e, name)                                                                   \
    assert_int_equal(one_int(d, "SELECT count(*) FROM pragma_table_info('request')"      \
                                " WHERE name = '" name "'"),                             \
                     1);
    USAGE_CLASSES(PROBE)
#undef PROBE
}

static void rows_cannot_be_written_by_a_reader(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *w = NULL;
    AUTO(db_close) struct db *r = NULL;
    open_ok(f->path, DB_WRITE, &w);
    open_ok(f->path, DB_READ, &r);
    struct err e = ERR_INIT;
    assert_int_equal(db_exec(r, "DELETE FROM request", &e), ERR_STORE);
}

static void unknown_money_is_null(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *d = NULL;
    open_ok(f->path, DB_WRITE, &d);
    struct err e = ERR_INIT;
    sqlite3_stmt *st, *again;
    bool row;
    static const char sql[] = "SELECT ?1, ?1 IS NULL, ?2, ?3 IS NULL";
    assert_int_equal(db_prepare(d, sql, &st, &e), ERR_OK);
    sqlite3_bind_null(st, 1);
    db_bind_str(st, 2, STR("a\0b"));
    db_bind_str(st, 3, STR_NONE);
    assert_int_equal(db_step(d, st, &row, &e), ERR_OK);
    assert_true(db_col_pico(st, 0) == PICO_UNKNOWN);
    assert_int_equal(sqlite3_column_int(st, 1), 1);
    assert_true(str_eq(db_col_str(st, 2), STR("a\0b")));
    assert_int_equal(sqlite3_column_int(st, 3), 1);
    assert_int_equal(db_prepare(d, sql, &again, &e), ERR_OK);
    assert_ptr_equal(st, again);
    sqlite3_bind_int64(st, 1, 0);
    assert_int_equal(db_step(d, st, &row, &e), ERR_OK);
    assert_int_equal(db_col_pico(st, 0), 0);
    assert_int_equal(sqlite3_column_int(st, 1), 0);
}

static void a_busy_database_is_try_again(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *a = NULL;
    AUTO(db_close) struct db *b = NULL;
    open_ok(f->path, DB_WRITE, &a);
    open_ok(f->path, DB_WRITE, &b);
    sqlite3_busy_timeout(db_handle(b), 0);
    exec_ok(a, "BEGIN IMMEDIATE");
    struct err e = ERR_INIT;
    assert_int_equal(db_exec(b, "BEGIN IMMEDIATE", &e), ERR_AGAIN);
    exec_ok(a, "ROLLBACK");
    exec_ok(b, "BEGIN IMMEDIATE");
    exec_ok(b, "ROLLBACK");
}

static int drop_fts5(sqlite3 *handle, char **ret_why,
                     const struct sqlite3_api_routines *api)
{
    (void)ret_why;
    (void)api;
    return sqlite3_drop_modules(handle, NULL);
}

static void a_sqlite_without_fts5_is_told_from_a_broken_ledger(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *d = NULL;
    struct err e = ERR_INIT;
    void (*hook)(void) = (void (*)(void))drop_fts5;
    assert_int_equal(sqlite3_auto_extension(hook), SQLITE_OK);
    enum errc rc = db_open(f->path, DB_WRITE, &d, &e);
    sqlite3_cancel_auto_extension(hook);
    assert_int_equal(rc, ERR_STORE);
    assert_non_null(strstr(e.text, "was built without FTS5"));
    assert_non_null(strstr(e.text, sqlite3_libversion()));
    open_ok(f->path, DB_WRITE,
            &d); /* with one that has it, the same file is made whole */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reading_never_creates),
        TEST(writing_creates_a_private_wal_database),
        TEST(opening_again_keeps_what_is_there),
        TEST(a_newer_schema_is_refused_with_both_numbers),
        TEST(somebody_elses_database_is_left_alone),
        TEST(an_empty_database_is_no_ledger_until_it_is_migrated),
        TEST(the_first_schema_is_read_and_made_searchable),
        TEST(words_within_a_sentence_without_blanks_are_found),
        TEST(a_missing_index_is_forgiven),
        TEST(a_search_is_words_phrases_and_beginnings),
        TEST(every_usage_class_has_its_columns),
        TEST(rows_cannot_be_written_by_a_reader),
        TEST(unknown_money_is_null),
        TEST(a_busy_database_is_try_again),
        TEST(a_sqlite_without_fts5_is_told_from_a_broken_ledger),
    };
    return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
