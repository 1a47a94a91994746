/* test_command.c: what a command prints arrives whole, in time and in bounds, or is an error. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"

#include "broker/command.h"

#include <cmocka.h>

struct told {
    struct loop *loop;
    int n;
    enum errc rc;
    size_t len;
    char text[64]; /* the beginning of it */
};

static void on_told(void *arg, enum errc rc, struct str output, const struct err *e)
{
    struct told *t = arg;
    assert_int_equal(rc, e->code);
    t->n++;
    t->rc = rc;
    t->len = output.len;
    snprintf(t->text, sizeof t->text, "%.*s", STR_ARG(output));
    loop_quit(t->loop);
}

static struct told run(const char *line, const char *path, int64_t timeout_us)
{
    struct told t = {.n = 0};
    struct command *c = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(loop_new(NULL, &t.loop, &e), ERR_OK);
    assert_int_equal(command_start(t.loop, line, path, timeout_us, on_told, &t, &c, &e),
                     ERR_OK);
    assert_int_equal(t.n, 0); /* never before the loop runs */
    assert_int_equal(loop_run(t.loop, &e), ERR_OK);
    assert_int_equal(t.n, 1);
    loop_free(&t.loop);
    return t;
}

static void its_output_comes_whole(void **state)
{
    (void)state;
    struct told t = run("printf one; printf ' two'; cat", NULL, 20 * US_PER_S);
    assert_int_equal(t.rc, ERR_OK);
    assert_string_equal(t.text, "one two"); /* and its input is empty */
    assert_string_equal(run("printf %s \"$PATH\"", "/x:/y", 20 * US_PER_S).text, "/x:/y");
    assert_int_equal(run("exit 3", NULL, 20 * US_PER_S).len, 0);
}

static void output_without_end_is_cut(void **state)
{
    (void)state;
    struct told t = run("while :; do echo secret; done", NULL, 20 * US_PER_S);
    assert_int_equal(t.rc, ERR_OK);
    assert_int_equal(t.len, COMMAND_OUTPUT_MAX);
}

static void a_silent_command_is_given_up(void **state)
{
    (void)state;
    int64_t before_us = clock_mono_us(&clock_system);
    struct told t = run("printf part; sleep 60", NULL, 100 * US_PER_MS);
    assert_int_equal(t.rc, ERR_TIMEOUT);
    assert_true(clock_mono_us(&clock_system) - before_us < 30 * US_PER_S);
}

static void a_stopped_command_tells_nobody(void **state)
{
    (void)state;
    struct told t = {.n = 0};
    struct command *c = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(loop_new(NULL, &t.loop, &e), ERR_OK);
    assert_int_equal(command_start(t.loop, "echo x", NULL, US_PER_S, on_told, &t, &c, &e),
                     ERR_OK);
    command_stop(&c);
    assert_null(c);
    command_stop(&c);
    assert_int_equal(loop_turn(t.loop, 0, &e), ERR_OK);
    assert_int_equal(t.n, 0);
    loop_free(&t.loop);
}

static void without_descriptors_nothing_starts(void **state)
{
    (void)state;
    struct told t = {.n = 0};
    struct command *c = NULL;
    struct err e = ERR_INIT;
    struct rlimit saved, none;
    assert_int_equal(loop_new(NULL, &t.loop, &e), ERR_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = saved.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum errc rc = command_start(t.loop, "echo x", NULL, US_PER_S, on_told, &t, &c, &e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    assert_int_equal(rc, ERR_IO);
    assert_null(c);
    loop_free(&t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_output_comes_whole),
        cmocka_unit_test(output_without_end_is_cut),
        cmocka_unit_test(a_silent_command_is_given_up),
        cmocka_unit_test(a_stopped_command_tells_nobody),
        cmocka_unit_test(without_descriptors_nothing_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
