/* test_loop.c: turns, timers, descriptors, deferred calls, signals and wakes. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mem.h"

#include "broker/loop.h"

#include <cmocka.h>

/* A clock that stands still until a test moves it. */
struct test_clock {
    struct clock clock;
    int64_t now_us;
};

static int64_t test_now(const struct clock *c)
{
    return container_of((void *)(uintptr_t)c, struct test_clock, clock)->now_us;
}

/* What happened, a letter each. */
struct trace {
    struct loop *loop;
    struct test_clock clock;
    char text[64];
    size_t len;
    struct loop_timer timer;
    struct loop_task task;
    struct loop_io io;
    unsigned events;
};

static void note(struct trace *t, char c)
{
    assert_true(t->len < sizeof t->text - 1);
    t->text[t->len++] = c;
}

static struct trace *trace_new(bool own_clock)
{
    struct trace *t = MEM_NEW(struct trace);
    assert_non_null(t);
    t->clock = (struct test_clock){.clock = {test_now, test_now}, .now_us = 1000};
    struct err e = ERR_INIT;
    assert_int_equal(loop_new(own_clock ? &t->clock.clock : NULL, &t->loop, &e), ERR_OK);
    return t;
}

static void trace_free(struct trace *t)
{
    loop_free(&t->loop);
    mem_free(t);
}

static void turn(struct trace *t, int64_t wait_us)
{
    struct err e = ERR_INIT;
    assert_int_equal(loop_turn(t->loop, wait_us, &e), ERR_OK);
}

static void on_io(void *arg, unsigned events)
{
    struct trace *t = arg;
    t->events |= events;
    note(t, 'i');
}

static void on_timer(void *arg)
{
    note(arg, 't');
}

static void on_task(void *arg)
{
    note(arg, 'd');
}

static void on_sleep(void *arg)
{
    note(arg, 's');
}

static void a_turn_has_its_order(void **state)
{
    (void)state;
    struct trace *t = trace_new(true);
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    t->io = (struct loop_io){.fd = fd[0], .fn = on_io, .arg = t};
    t->timer = (struct loop_timer){.fn = on_timer, .arg = t};
    t->task = (struct loop_task){.fn = on_task, .arg = t};
    loop_before_sleep(t->loop, on_sleep, t);
    loop_later(t->loop, &t->task);
    loop_later(t->loop, &t->task);
    assert_int_equal(loop_timer_set(t->loop, &t->timer, 0), ERR_OK);
    assert_int_equal(loop_io_set(t->loop, &t->io, LOOP_READ), ERR_OK);
    assert_int_equal(write(fd[1], "x", 1), 1);
    turn(t, US_PER_S);
    assert_string_equal(t->text, "sitd");
    loop_io_stop(t->loop, &t->io);
    close(fd[0]);
    close(fd[1]);
    trace_free(t);
}

enum { N_TIMERS = 300 };
struct timer_row {
    struct trace *trace;
    struct loop_timer timer;
    int64_t due_us;
    int64_t *last_us;
    size_t *n;
};

static void on_row(void *arg)
{
    struct timer_row *r = arg;
    assert_true(r->due_us >= *r->last_us);
    assert_true(r->due_us <= loop_mono_us(r->trace->loop));
    *r->last_us = r->due_us;
    (*r->n)++;
}

static void timers_run_in_order_of_time(void **state)
{
    (void)state;
    struct trace *t = trace_new(true);
    static struct timer_row rows[N_TIMERS];
    int64_t last = 0;
    size_t n = 0;
    uint32_t x = 7;
    for (size_t i = 0; i < N_TIMERS; i++) {
        rows[i] = (struct timer_row){.trace = t, .last_us = &last, .n = &n};
        rows[i].timer = (struct loop_timer){.fn = on_row, .arg = &rows[i]};
        for (int again = 0; again < 2; again++) { /* the second setting moves it */
            x = x * 1664525U + 1013904223U;
            rows[i].due_us = t->clock.now_us + (x >> 16) % 1000;
            assert_int_equal(loop_timer_set(t->loop, &rows[i].timer, (x >> 16) % 1000),
                             ERR_OK);
        }
    }
    for (size_t i = 0; i < N_TIMERS; i += 3)
        loop_timer_stop(t->loop, &rows[i].timer);
    while (t->clock.now_us < 2100) {
        t->clock.now_us += 50;
        turn(t, 0);
    }
    assert_int_equal(n, N_TIMERS - N_TIMERS / 3);
    assert_false(loop_timer_is_set(&rows[1].timer));
    trace_free(t);
}

static void on_rearm(void *arg)
{
    struct trace *t = arg;
    note(t, 't');
    assert_int_equal(loop_timer_set(t->loop, &t->timer, 0), ERR_OK);
}

static void a_timer_set_again_at_once_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct trace *t = trace_new(true);
    t->timer = (struct loop_timer){.fn = on_rearm, .arg = t};
    assert_int_equal(loop_timer_set(t->loop, &t->timer, 0), ERR_OK);
    turn(t, US_PER_S);
    turn(t, US_PER_S);
    assert_string_equal(t->text, "tt");
    trace_free(t);
}

static void on_again(void *arg)
{
    struct trace *t = arg;
    note(t, 'd');
    loop_later(t->loop, &t->task);
}

static void a_deferred_call_queued_by_itself_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct trace *t = trace_new(false);
    t->task = (struct loop_task){.fn = on_again, .arg = t};
    loop_later(t->loop, &t->task);
    turn(t, US_PER_S);
    turn(t, US_PER_S);
    assert_string_equal(t->text, "dd");
    loop_later_cancel(t->loop, &t->task);
    turn(t, 0);
    assert_string_equal(t->text, "dd");
    trace_free(t);
}

static void a_wait_ends_when_a_timer_is_due(void **state)
{
    (void)state;
    struct trace *t = trace_new(false);
    struct loop_timer late = {.fn = on_timer, .arg = t};
    t->timer = (struct loop_timer){.fn = on_timer, .arg = t};
    int64_t from = clock_mono_us(&clock_system);
    assert_int_equal(loop_timer_set(t->loop, &late, 3600 * (int64_t)US_PER_S), ERR_OK);
    turn(t, 5000);
    assert_int_equal(loop_timer_set(t->loop, &t->timer, 10000), ERR_OK);
    while (t->len == 0)
        turn(t, 60 * (int64_t)US_PER_S);
    int64_t took = clock_mono_us(&clock_system) - from;
    assert_true(took >= 10000 && took < 5 * (int64_t)US_PER_S);
    loop_timer_stop(t->loop, &late);
    trace_free(t);
}

static void a_hang_up_is_told_while_bytes_wait(void **state)
{
    (void)state;
    struct trace *t = trace_new(false);
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    t->io = (struct loop_io){.fd = fd[0], .fn = on_io, .arg = t};
    assert_int_equal(loop_io_set(t->loop, &t->io, LOOP_READ | LOOP_CLOSED), ERR_OK);
    assert_int_equal(write(fd[1], "x", 1), 1);
    turn(t, US_PER_S);
    assert_int_equal(t->events, LOOP_READ);
    close(fd[1]);
    turn(t, US_PER_S);
    assert_int_equal(t->events, LOOP_READ | LOOP_CLOSED);
    loop_io_stop(t->loop, &t->io);
    t->events = 0;
    turn(t, 0);
    assert_int_equal(t->events, 0);
    close(fd[0]);
    trace_free(t);
}

static void on_stop(void *arg, unsigned events)
{
    struct trace *t = arg;
    on_io(t, events);
    loop_io_stop(t->loop, &t->io);
}

static void each_direction_comes_and_goes_by_itself(void **state)
{
    (void)state;
    struct trace *t = trace_new(false);
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    t->io = (struct loop_io){.fd = fd[0], .fn = on_io, .arg = t};
    assert_int_equal(loop_io_set(t->loop, &t->io, LOOP_READ), ERR_OK);
    turn(t, 0);
    assert_int_equal(t->events, 0);
    assert_int_equal(loop_io_set(t->loop, &t->io, LOOP_READ | LOOP_WRITE), ERR_OK);
    turn(t, US_PER_S);
    assert_int_equal(t->events, LOOP_WRITE);
    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(loop_io_set(t->loop, &t->io, LOOP_READ), ERR_OK);
    t->events = 0;
    turn(t, US_PER_S);
    assert_int_equal(t->events, LOOP_READ);
    /* both directions are ready, the first callback stops the second */
    t->io.fn = on_stop;
    t->len = 0;
    assert_int_equal(loop_io_set(t->loop, &t->io, LOOP_READ | LOOP_WRITE), ERR_OK);
    turn(t, US_PER_S);
    assert_int_equal(t->len, 1);
    close(fd[0]);
    close(fd[1]);
    trace_free(t);
}

static void on_quit(void *arg)
{
    struct trace *t = arg;
    note(t, 'q');
    loop_quit(t->loop);
}

static void a_signal_is_told_in_the_loop(void **state)
{
    (void)state;
    struct trace *t = trace_new(false);
    struct err e = ERR_INIT;
    assert_int_equal(loop_signal(t->loop, SIGUSR2, on_quit, t, &e), ERR_OK);
    raise(SIGUSR2);
    assert_int_equal(t->len, 0);
    assert_int_equal(loop_run(t->loop, &e), ERR_OK);
    assert_string_equal(t->text, "q");
    trace_free(t);
}

static void *wake_twice(void *arg)
{
    loop_wake(arg);
    loop_wake(arg);
    return NULL;
}

static void a_thread_wakes_the_loop(void **state)
{
    (void)state;
    struct trace *t = trace_new(false);
    struct err e = ERR_INIT;
    assert_int_equal(loop_on_wake(t->loop, on_quit, t, &e), ERR_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_twice, t->loop), 0);
    assert_int_equal(loop_run(t->loop, &e), ERR_OK);
    pthread_join(thread, NULL);
    assert_true(t->len >= 1);
    trace_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_has_its_order),
        cmocka_unit_test(timers_run_in_order_of_time),
        cmocka_unit_test(a_timer_set_again_at_once_waits_for_the_next_turn),
        cmocka_unit_test(a_deferred_call_queued_by_itself_waits_for_the_next_turn),
        cmocka_unit_test(a_wait_ends_when_a_timer_is_due),
        cmocka_unit_test(a_hang_up_is_told_while_bytes_wait),
        cmocka_unit_test(each_direction_comes_and_goes_by_itself),
        cmocka_unit_test(a_signal_is_told_in_the_loop),
        cmocka_unit_test(a_thread_wakes_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
