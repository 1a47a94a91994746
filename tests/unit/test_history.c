/* test_history.c: turns of a conversation come back from the ledger. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/db.h"
#include "core/pack.h"

#include "cmd/history.h"

#include <cmocka.h>

struct fixture {
    char dir[32], path[64];
    struct cmd_ctx ctx;
    struct db *db;
    struct err e;
};

static void bind_packed(sqlite3_stmt *st, int at, const char *text)
{
    struct buf packed = BUF_INIT(10000);
    struct err e = ERR_INIT;
    assert_int_equal(pack(str_of(text), &packed, &e), ERR_OK);
    sqlite3_bind_blob(st, at, packed.data, (int)packed.len, SQLITE_TRANSIENT);
    buf_release(&packed);
}

static void run(struct fixture *f, const char *sql)
{
    if (db_exec(f->db, sql, &f->e) != ERR_OK)
        fail_msg("%s", f->e.text);
}

/* A request with its texts; an answer of NULL is one that never came. */
static void add(struct fixture *f, const char *id, const char *conversation,
                const char *dialect, const char *request, const char *answer)
{
    sqlite3_stmt *st;
    assert_int_equal(
        db_prepare(f->db,
                   "INSERT INTO request (id, start_us, end_us, kind, outcome,"
                   " asked_model, route, dialect, conversation, flags, n_attempts,"
                   " cost_source, record, trace) VALUES (?1, 1, 2, 'chat', 'ok', 'haiku',"
                   " 'fast', ?2, ?3, 0, 1, 'unknown', 'full', '[1]')",
                   &st, &f->e),
        ERR_OK);
    db_bind_strz(st, 1, id);
    db_bind_strz(st, 2, dialect);
    db_bind_strz(st, 3, conversation);
    assert_int_equal(db_step(f->db, st, NULL, &f->e), ERR_OK);
    assert_int_equal(
        db_prepare(f->db,
                   "INSERT INTO body SELECT rid, 1, 1, ?2, 0, ?3, ?4, NULL, ?5"
                   " FROM request WHERE id = ?1",
                   &st, &f->e),
        ERR_OK);
    db_bind_strz(st, 1, id);
    sqlite3_bind_int64(st, 2, (int64_t)strlen(request));
    sqlite3_bind_int64(st, 3, answer == NULL ? 0 : (int64_t)strlen(answer));
    bind_packed(st, 4, request);
    if (answer != NULL)
        bind_packed(st, 5, answer);
    assert_int_equal(db_step(f->db, st, NULL, &f->e), ERR_OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/test_history.XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return 1;
    snprintf(f->path, sizeof f->path, "%s/db", f->dir);
    setenv("LLMGW_DB", f->path, 1);
    f->ctx = (struct cmd_ctx){.program = "llmgw", .clock = &clock_system};
    arena_init(&f->ctx.arena, 1 << 20);
    f->e = (struct err)ERR_INIT;
    assert_int_equal(db_open(f->path, DB_WRITE, &f->db, &f->e), ERR_OK);
    run(f, "INSERT INTO conversation (id, name, start_us, last_us, last_request, "
           "n_requests) VALUES"
           " ('01AAA', 'old', 1, 5, '0002', 2), ('01ABB', NULL, 2, 9, '0004', 2),"
           " ('01B', NULL, 3, 3, '0005', 1), ('off', NULL, 4, 4, '0006', 1)");
    add(f, "0001", "01AAA", "openai",
        "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"be\"},"
        "{\"role\":\"user\",\"content\":\"one\"}]}",
        "first");
    add(f, "0002", "01AAA", "openai",
        "{\"messages\":[{\"role\":\"system\",\"content\":\"be\"},{\"role\":\"user\","
        "\"content\":\"one\"},"
        "{\"role\":\"assistant\",\"content\":\"first\"},{\"role\":\"user\",\"content\":"
        "\"t\\u0077o\"}]}",
        "second \"q\"");
    add(f, "0003", "01ABB", "openai",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]}", "kept");
    add(f, "0004", "01ABB", "openai",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"lost\"}]}", NULL);
    add(f, "0005", "01B", "anthropic", "{\"messages\":[]}", "x");
    *state = f;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    db_close(&f->db);
    arena_release(&f->ctx.arena);
    nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

#define USER(text)      "{\"role\":\"user\",\"content\":\"" text "\"},"
#define ASSISTANT(text) "{\"role\":\"assistant\",\"content\":\"" text "\"},"
#define OLD             USER("one") ASSISTANT("first") USER("t\\u0077o") ASSISTANT("second \\\"q\\\"")

static void conversations_are_found_and_their_turns_kept(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *which;
        bool keep_system;
        enum errc want;
        const char *id, *parent, *messages;
    } rows[] = {
        {"01AAA", true, ERR_OK, "01AAA", "0002",
         "{\"role\":\"system\",\"content\":\"be\"}," OLD},
        {"old", false, ERR_OK, "01AAA", "0002", OLD},
        {"01AA", false, ERR_OK, "01AAA", "0002", OLD},
        {NULL, true, ERR_OK, "01ABB", "0003", USER("q") ASSISTANT("kept")},
        {"01A", true, ERR_NOT_FOUND, NULL, NULL, NULL}, /* begins two */
        {"none", true, ERR_NOT_FOUND, NULL, NULL, NULL},
        {"off", true, ERR_NOT_FOUND, NULL, NULL, NULL}, /* not recorded */
        {"01B", true, ERR_USAGE, NULL, NULL, NULL},     /* another dialect */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct history h;
        enum errc rc =
            history_load(&f->ctx, rows[i].which, rows[i].keep_system, &h, &f->e);
        if (rc != rows[i].want)
            fail_msg("row %zu: %s", i, f->e.text);
        if (rc != ERR_OK)
            continue;
        assert_string_equal(h.conversation, rows[i].id);
        assert_string_equal(h.parent, rows[i].parent);
        assert_string_equal(h.model, "haiku");
        assert_string_equal(h.route, "fast");
        assert_string_equal(buf_str(&h.messages).ptr, rows[i].messages);
        history_release(&h);
    }
}

static void names_are_taken_or_free(void **state)
{
    struct fixture *f = *state;
    assert_true(history_exists(&f->ctx, "old"));
    assert_true(history_exists(&f->ctx, "01B"));
    assert_false(history_exists(&f->ctx, "01A"));
}

static void a_trace_is_found_by_request(void **state)
{
    struct fixture *f = *state;
    struct buf b = BUF_INIT(100);
    assert_int_equal(history_trace(&f->ctx, "0001", &b, &f->e), ERR_OK);
    assert_string_equal(buf_str(&b).ptr, "[1]");
    assert_int_equal(history_trace(&f->ctx, "9999", &b, &f->e), ERR_NOT_FOUND);
    buf_release(&b);
}

static void without_a_ledger_there_is_no_conversation(void **state)
{
    struct fixture *f = *state;
    struct history h;
    setenv("LLMGW_DB", "/nonexistent/db", 1);
    assert_int_equal(history_load(&f->ctx, NULL, true, &h, &f->e), ERR_NOT_FOUND);
    assert_false(history_exists(&f->ctx, "old"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(conversations_are_found_and_their_turns_kept,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_taken_or_free, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trace_is_found_by_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_ledger_there_is_no_conversation, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
