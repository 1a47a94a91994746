/* test_score.c: how good each target was found: which scores count, and how many are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/score.h"

#include <cmocka.h>

struct fixture {
    char dir[32], path[64];
    struct db *db;
    struct err e;
};

static void run(struct fixture *f, const char *sql)
{
    if (db_exec(f->db, sql, &f->e) != ERR_OK)
        fail_msg("%s: %s", sql, f->e.text);
}

static int set_up(void **state)
{
    static struct fixture f; /* one test at a time */
    f = (struct fixture){.dir = "/tmp/lgw.XXXXXX"};
    err_clear(&f.e);
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.path, sizeof f.path, "%s/db", f.dir);
    if (db_open(f.path, DB_WRITE, &f.db, &f.e) != ERR_OK)
        fail_msg("%s", f.e.text);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[96];
    db_close(&f->db);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(path, sizeof path, "%s%s", f->path, ends[i]);
        unlink(path);
    }
    return rmdir(f->dir);
}

static void ask(struct fixture *f, int rid, const char *provider, const char *model)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO request (rid, id, start_us, end_us, kind, outcome, flags,"
             " n_attempts, cost_source, record, provider, model) VALUES"
             " (%d, '%d', 1, 1, 'chat', 'ok', 0, 1, 'unknown', 'meta', %s, %s)",
             rid, rid, provider, model);
    run(f, sql);
}

static void judge(struct fixture *f, int rid, const char *name, const char *value)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "INSERT INTO score (rid, at_us, name, value, source) VALUES"
             " (%d, 1, '%s', %s, 'human')",
             rid, name, value);
    run(f, sql);
}

static struct scores *read_all(struct fixture *f)
{
    struct scores *s = NULL;
    if (scores_read(f->db, &s, &f->e) != ERR_OK)
        fail_msg("%s", f->e.text);
    return s;
}

static void a_mean_is_of_all_scores_of_a_target(void **state)
{
    struct fixture *f = *state;
    struct scores *s = read_all(f);
    assert_int_equal(s->n, 0);
    assert_null(scores_find(s, STR("a/m")));
    scores_free(&s);
    assert_null(s);
    assert_null(scores_find(s, STR("a/m")));
    ask(f, 1, "'b'", "'m'");
    ask(f, 2, "'a'", "'m'");
    ask(f, 3, "'a'", "'m'");
    ask(f, 4, "'c'", "'x/y'");
    judge(f, 1, "quality", "0.29");
    judge(f, 2, "quality", "1");
    judge(f, 2, "quality", "0.5");
    judge(f, 3, "quality", "0");
    judge(f, 4, "quality", "0.1234558");
    s = read_all(f);
    assert_int_equal(s->n, 3);
    assert_int_equal(scores_find(s, STR("a/m"))->mean_ppm, 500000);
    assert_int_equal(scores_find(s, STR("a/m"))->n, 3);
    assert_int_equal(scores_find(s, STR("b/m"))->mean_ppm, 290000);
    assert_int_equal(scores_find(s, STR("c/x/y"))->mean_ppm, 123456);
    assert_null(scores_find(s, STR("a/n")));
    assert_null(scores_find(s, STR("0")));
    assert_null(scores_find(s, STR("z")));
    scores_free(&s);
}

static void only_quality_from_0_to_1_counts(void **state)
{
    struct fixture *f = *state;
    ask(f, 1, "'a'", "'m'");
    ask(f, 2, "NULL", "'m'");
    judge(f, 1, "quality", "0.4");
    judge(f, 1, "helpful", "1");
    judge(f, 1, "quality", "1.01");
    judge(f, 1, "quality", "-0.01");
    judge(f, 2, "quality", "1");  /* nobody served it */
    judge(f, 99, "quality", "1"); /* of a request that is gone */
    struct scores *s = read_all(f);
    assert_int_equal(s->n, 1);
    assert_int_equal(scores_find(s, STR("a/m"))->mean_ppm, 400000);
    assert_int_equal(scores_find(s, STR("a/m"))->n, 1);
    scores_free(&s);
}

static void the_latest_count_and_no_more_than_there_is_room_for(void **state)
{
    struct fixture *f = *state;
    char sql[512];
    for (int i = 1; i <= LIMIT_SCORED_TARGETS + 9; i++) {
        char model[16];
        snprintf(model, sizeof model, "'m%03d'", i);
        ask(f, i, "'a'", model);
    }
    judge(f, 1, "quality", "0"); /* the oldest */
    snprintf(
        sql, sizeof sql,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        " INSERT INTO score (rid, at_us, name, value, source)"
        " SELECT 1, 1, iif(i %% 2, 'quality', 'other'), 1, 'judge' FROM n",
        LIMIT_SCORES_READ);
    run(f, sql);
    struct scores *s = read_all(f);
    assert_int_equal(s->n, 1);
    assert_int_equal(s->items[0].mean_ppm, 1000000);
    assert_int_equal(s->items[0].n, LIMIT_SCORES_READ / 2);
    scores_free(&s);
    run(f, "INSERT INTO score (rid, at_us, name, value, source)"
           " SELECT rid, 1, 'quality', 1, 'judge' FROM request");
    s = read_all(f);
    assert_int_equal(s->n, LIMIT_SCORED_TARGETS);
    assert_string_equal(s->items[LIMIT_SCORED_TARGETS - 1].target, "a/m256");
    scores_free(&s);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_mean_is_of_all_scores_of_a_target),
        CASE(only_quality_from_0_to_1_counts),
        CASE(the_latest_count_and_no_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
