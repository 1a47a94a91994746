/* test_habit.c: what requests that are alike have taught, in a table that never grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/limits.h"

#include "broker/habit.h"

#include <cmocka.h>

static int set_up(void **state)
{
    struct habits *h = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(habits_new(&h, &e), ERR_OK);
    *state = h;
    return 0;
}

static int tear_down(void **state)
{
    struct habits *h = *state;
    habits_free(&h);
    assert_null(h);
    return 0;
}

static void answers_of_a_template_tell_how_long_the_next_is(void **state)
{
    struct habits *h = *state;
    assert_int_equal(habits_output_tok(h, STR("sum"), STR("a/m")), -1);
    habits_answered(h, STR("sum"), STR("a/m"), 800, 1);
    assert_int_equal(habits_output_tok(h, STR("sum"), STR("a/m")), 800);
    /* nothing is known of b but the template: no reason to think it shorter or longer */
    assert_int_equal(habits_output_tok(h, STR("sum"), STR("b/m")), 800);
    assert_int_equal(habits_output_tok(h, STR("other"), STR("a/m")), -1);
    assert_int_equal(habits_output_tok(h, STR_NONE, STR("a/m")), -1);
    habits_answered(h, STR("sum"), STR("b/m"), 0, 2);
    assert_int_equal(habits_output_tok(h, STR("sum"), STR("b/m")), 0);
    assert_int_equal(habits_output_tok(h, STR("sum"), STR("a/m")), 800);
    assert_int_equal(habits_output_tok(h, STR("sum"), STR("c/m")), 700);
    habits_answered(h, STR("sum"), STR("a/m"), 0, 3);
    assert_int_equal(habits_output_tok(h, STR("sum"), STR("a/m")), 700);
}

static void a_cache_is_known_until_it_ends(void **state)
{
    struct habits *h = *state;
    assert_int_equal(habits_cached_tok(h, 7, STR("a/m"), 0), -1);
    habits_cached(h, 7, STR("a/m"), 5000, 100);
    assert_int_equal(habits_cached_tok(h, 7, STR("a/m"), 99), 5000);
    assert_int_equal(habits_cached_tok(h, 7, STR("a/m"), 100), -1);
    assert_int_equal(habits_cached_tok(h, 7, STR("b/m"), 0), -1);
    assert_int_equal(habits_cached_tok(h, 8, STR("a/m"), 0), -1);
    habits_cached(h, 7, STR("a/m"), 6000, 200);
    assert_int_equal(habits_cached_tok(h, 7, STR("a/m"), 100), 6000);
}

static void who_served_it_last_is_known_until_its_cache_ends(void **state)
{
    struct habits *h = *state;
    assert_int_equal(habits_kept_us(h, 7, STR("a/m"), 0), 0);
    habits_served(h, 7, STR("a/m"), 100);
    assert_int_equal(habits_kept_us(h, 7, STR("a/m"), 40), 60);
    assert_int_equal(habits_kept_us(h, 7, STR("a/m"), 100), 0);
    assert_int_equal(habits_kept_us(h, 7, STR("a/m"), 101), 0);
    assert_int_equal(habits_kept_us(h, 7, STR("b/m"), 40), 0);
    assert_int_equal(habits_kept_us(h, 8, STR("a/m"), 40), 0);
    habits_served(h, 7, STR("b/m"), 90); /* one at a time */
    assert_int_equal(habits_kept_us(h, 7, STR("a/m"), 40), 0);
    assert_int_equal(habits_kept_us(h, 7, STR("b/m"), 40), 50);
    /* is no cache of which so many tokens are known */
    assert_int_equal(habits_cached_tok(h, 7, STR("b/m"), 40), -1);
}

static void the_oldest_makes_room(void **state)
{
    struct habits *h = *state;
    int64_t n = 20 * LIMIT_HABIT_CACHES, kept = 0;
    for (int64_t i = 1; i <= n; i++)
        habits_cached(h, (uint64_t)i, STR("a/m"), i, 1000 + i);
    for (int64_t i = 1; i <= n; i++) {
        int64_t tok = habits_cached_tok(h, (uint64_t)i, STR("a/m"), 0);
        assert_true(tok == i || tok == -1);
        kept += tok == i;
        if (i <= n / 2)
            assert_int_equal(tok, -1);
    }
    assert_in_range(kept, LIMIT_HABIT_CACHES * 9 / 10, LIMIT_HABIT_CACHES);
    assert_int_equal(habits_cached_tok(h, (uint64_t)n, STR("a/m"), 0), n);
}

static uint64_t of(const char *body)
{
    return habit_prefix(STR_NONE, str_of(body), NULL);
}

static void a_prompt_is_known_by_its_beginning(void **state)
{
    (void)state;
    static const char *const turns[][2] = {
        {"{\"model\":\"a\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
         "{\"role\":\"user\",\"content\":\"one\"}]}",
         "{\"model\":\"b\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
         "{\"role\":\"user\",\"content\":\"one\"},"
         "{\"role\":\"assistant\",\"content\":\"x\"},"
         "{\"role\":\"user\",\"content\":\"two\"}],\"n\":2}"},
        {"{\"system\":\"s\",\"messages\":[{\"role\":\"user\",\"content\":\"one\"}]}",
         "{\"system\":\"s\",\"messages\":[{\"role\":\"user\",\"content\":\"one\"},"
         "{\"role\":\"assistant\",\"content\":\"x\"}]}"},
        {"{\"instructions\":\"s\",\"input\":[{\"role\":\"user\",\"content\":\"one\"}]}",
         "{\"instructions\":\"s\",\"input\":[{\"role\":\"user\",\"content\":\"one\"},"
         "{\"type\":\"reasoning\"}]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(turns); i++)
        assert_int_equal(of(turns[i][0]), of(turns[i][1]));
    assert_true(of("{\"input\":\"a\"}") != of("{\"input\":\"b\"}"));
    assert_true(of("{\"system\":\"a\",\"messages\":[]}") !=
                of("{\"system\":\"b\",\"messages\":[]}"));
    assert_true(of("no object") != 0);
    /* a conversation is known by its name, whatever is said in it */
    assert_int_equal(habit_prefix(STR("c1"), STR("{}"), NULL),
                     habit_prefix(STR("c1"), str_of(turns[0][0]), NULL));
    assert_true(habit_prefix(STR("c1"), STR("{}"), NULL) !=
                habit_prefix(STR("c2"), STR("{}"), NULL));
}

static void only_so_much_of_a_beginning_counts(void **state)
{
    (void)state;
    char a[4096], b[4096];
    memset(a, 'x', sizeof a);
    memcpy(a, "{\"input\":\"", 10);
    memcpy(a + sizeof a - 3, "\"}", 3);
    memcpy(b, a, sizeof a);
    b[2000] = 'y';
    assert_int_equal(of(a), of(b));
    b[500] = 'y';
    assert_true(of(a) != of(b));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(answers_of_a_template_tell_how_long_the_next_is),
        CASE(a_cache_is_known_until_it_ends),
        CASE(who_served_it_last_is_known_until_its_cache_ends),
        CASE(the_oldest_makes_room),
        CASE(a_prompt_is_known_by_its_beginning),
        CASE(only_so_much_of_a_beginning_counts),
    };
    return cmocka_run_group_tests_name("habit", tests, NULL, NULL);
}
