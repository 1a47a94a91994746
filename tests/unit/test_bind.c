/* test_bind.c: whatever a parameter held before, it holds what was bound last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/mem.h"

#include "broker/bind.h"

#include <cmocka.h>

enum what { A_NULL, AN_INTEGER, A_TEXT, A_BLOB };

static const struct {
    enum what what;
    int64_t v;
    const char *text;
} values[] = {
    {A_NULL, 0, NULL},
    {AN_INTEGER, 0, NULL},
    {AN_INTEGER, 7, NULL},
    {A_TEXT, 0, ""},
    {A_TEXT, 0, "a"},
    {A_TEXT, 0, "b"},
    {A_TEXT, 0, "exactly fifty-five bytes, which is the most that is kept"},
    {A_TEXT, 0, "exactly fifty-five bytes, which is the most that is kep"},
    {A_TEXT, 0, "a text that is longer than that and is bound each time it comes"},
    {A_BLOB, 0, "a"},
    {A_BLOB, 0, "b"},
};

static void bind_value(struct bind *b, size_t i)
{
    switch (values[i].what) {
    case A_NULL:
        bind_null(b);
        return;
    case AN_INTEGER:
        bind_i64(b, values[i].v);
        return;
    case A_TEXT:
        bind_str(b, str_of(values[i].text));
        return;
    case A_BLOB:
        bind_blob(b, str_of(values[i].text));
        return;
    }
}

static void assert_value(sqlite3_stmt *st, int at, size_t i)
{
    static const int types[] = {[A_NULL] = SQLITE_NULL,
                                [AN_INTEGER] = SQLITE_INTEGER,
                                [A_TEXT] = SQLITE_TEXT,
                                [A_BLOB] = SQLITE_BLOB};
    assert_int_equal(sqlite3_column_type(st, at), types[values[i].what]);
    assert_int_equal(sqlite3_column_int64(st, at), values[i].v);
    if (values[i].text != NULL) {
        assert_int_equal(sqlite3_column_bytes(st, at), strlen(values[i].text));
        assert_memory_equal(sqlite3_column_blob(st, at), values[i].text,
                            strlen(values[i].text));
    }
}

/* Every value after every other, at two parameters. */
static void the_last_value_counts(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *st;
    struct bind b;
    struct err e = ERR_INIT;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT ?, ?", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(bind_init(&b, st, &e), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(values) * ARRAY_LEN(values); i++) {
        size_t pair[] = {i / ARRAY_LEN(values), i % ARRAY_LEN(values)};
        for (size_t turn = 0; turn < 2; turn++) {
            bind_start(&b);
            bind_value(&b, pair[turn]);
            bind_value(&b, pair[1 - turn]);
            assert_int_equal(sqlite3_step(st), SQLITE_ROW);
            assert_value(st, 0, pair[turn]);
            assert_value(st, 1, pair[1 - turn]);
            sqlite3_reset(st);
        }
    }
    bind_release(&b);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

/* The caller's memory is its own again once the statement has run. */
static void short_texts_are_copies(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *st;
    struct bind b;
    struct err e = ERR_INIT;
    char text[] = "one";
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT ?", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(bind_init(&b, st, &e), ERR_OK);
    bind_str(&b, str_of(text));
    memcpy(text, "two", 3);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(st, 0), "one");
    sqlite3_reset(st);
    bind_start(&b);
    bind_str(&b, str_of(text));
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(st, 0), "two");
    bind_release(&b);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_value_counts),
        cmocka_unit_test(short_texts_are_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
