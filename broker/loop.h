/*
 * loop.h: the event loop, a small interface of our own over libevent_core.
 *
 * The turn: wait → read the clock once → descriptors → timers → deferred calls → before-sleep.
 * Timers follow the loop's clock, so that a test which brings its own drives them.
 * loop.c is the only file that includes event2/ headers. One thread; loop_wake is the exception.
 */
#ifndef BROKER_LOOP_H
#define BROKER_LOOP_H

#include "core/clock.h"
#include "core/err.h"
#include "core/list.h"

struct loop;

enum {
    LOOP_READ = 1,
    LOOP_WRITE = 2,
    LOOP_CLOSED = 4, /* the peer hung up; watched together with READ (libevent #1038) */
};

typedef void loop_io_fn(void *arg, unsigned events);
typedef void loop_fn(void *arg);

/* Embedded by their owners; zeroed at first. */
struct loop_io {
    int fd;
    loop_io_fn *fn;
    void *arg;
    unsigned events; /* what is watched now */
    void *impl;      /* loop.c's */
};
struct loop_timer {
    loop_fn *fn;
    void *arg;
    int64_t due_us; /* monotonic; the rest is loop.c's */
    uint64_t seq;
    size_t at;
};
struct loop_task {
    loop_fn *fn;
    void *arg;
    struct list link; /* zeroed or initialised */
    bool is_queued;
};

/* clock may be NULL: the system's. */
enum errc loop_new(const struct clock *clock, struct loop **ret, struct err *e) MUST_USE;
void loop_free(struct loop **l);

/* events 0 stops watching and releases impl; safe from any callback. ERR_MEMORY on failure. */
enum errc loop_io_set(struct loop *l, struct loop_io *io, unsigned events) MUST_USE;
void loop_io_stop(struct loop *l, struct loop_io *io);
/* Once, after at least after_us. Setting again moves it. */
enum errc loop_timer_set(struct loop *l, struct loop_timer *t, int64_t after_us) MUST_USE;
void loop_timer_stop(struct loop *l, struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);
/* Runs at the end of this turn; queueing twice runs once. Nothing is freed in its own callback. */
void loop_later(struct loop *l, struct loop_task *t);
void loop_later_cancel(struct loop *l, struct loop_task *t);
/* fn runs in the loop, not in a signal handler. Up to 8 signals. */
enum errc loop_signal(struct loop *l, int signo, loop_fn *fn, void *arg, struct err *e)
    MUST_USE;
/* Called in every turn just before waiting; up to 4 of them. */
void loop_before_sleep(struct loop *l, loop_fn *fn, void *arg);
/* loop_wake, from any thread, makes fn run in the loop soon. Wakes before it ran are one call. */
enum errc loop_on_wake(struct loop *l, loop_fn *fn, void *arg, struct err *e) MUST_USE;
void loop_wake(struct loop *l);

/* The time of this turn. */
int64_t loop_mono_us(const struct loop *l);
int64_t loop_wall_us(const struct loop *l);

enum errc loop_run(struct loop *l, struct err *e) MUST_USE;
/* One turn, waiting at most wait_us; for tests. */
enum errc loop_turn(struct loop *l, int64_t wait_us, struct err *e) MUST_USE;
void loop_quit(struct loop *l);

#endif
