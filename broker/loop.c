/*
 * loop.c: the event loop: descriptors and signals by libevent_core, timers and turns by us.
 *
 * One turn is one pass of libevent and what follows it, always in this order:
 *
 *     wait → read the clock once → descriptors, signals → timers → deferred → before-sleep
 *
 * Timers stand in a heap of our own, so that they follow the loop's clock and cost no system
 * call; libevent knows a single one, the alarm that ends a wait in time. It is moved only when
 * the next timer is due before it: timeouts of requests are set and dropped thousands of times
 * a second, nearly always later than the one the alarm is set to.
 */
#include "broker/loop.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/mem.h"

enum {
    LOOP_SIGNALS = 8,
    LOOP_HOOKS = 4,
    loop_MAGIC = 0x6c6f6f70,
    watch_MAGIC = 0x77617463,
    signal_hook_MAGIC = 0x7369676e,
};

struct hook {
    loop_fn *fn;
    void *arg;
};

struct signal_hook {
    uint32_t magic;
    struct event *ev; /* owned */
    struct hook hook;
    struct loop *loop;
};

struct loop {
    uint32_t magic;
    const struct clock *clock;
    struct event_base *base; /* owned */
    int64_t mono_us, wall_us;
    bool is_stale; /* the clock has not been read since the wait */
    bool quit;
    struct event *alarm;      /* owned */
    int64_t alarm_us;         /* monotonic time it is set to; INT64_MAX: it is not set */
    struct loop_timer **heap; /* owned; a binary heap by due time, then by age */
    size_t n_timers, heap_cap;
    uint64_t timer_seq;
    struct list tasks;     /* struct loop_task */
    struct list last_task; /* marks the end of the round in run_tasks */
    struct hook hooks[LOOP_HOOKS];
    size_t n_hooks;
    struct signal_hook signals[LOOP_SIGNALS];
    size_t n_signals;
    struct loop_io wake_io; /* fd is an eventfd, owned; −1 at first */
    struct hook wake;
};

/* One watched descriptor: two events, so that each direction comes and goes by itself. */
struct watch {
    uint32_t magic;
    struct loop *loop; /* borrowed */
    struct loop_io *io;
    struct event read, write;
};

/* ---- the clock ---- */

static void read_clock(struct loop *l)
{
    if (!l->is_stale)
        return;
    l->is_stale = false;
    l->mono_us = clock_mono_us(l->clock);
    l->wall_us = clock_wall_us(l->clock);
}

int64_t loop_mono_us(const struct loop *l)
{
    return l->mono_us;
}

int64_t loop_wall_us(const struct loop *l)
{
    return l->wall_us;
}

/* ---- descriptors ---- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct watch *w = OBJ(watch, arg);
    read_clock(w->loop);
    struct loop_io *io = w->io;
    io->fn(io->arg, ((what & EV_READ) ? LOOP_READ : 0U) |
                        ((what & EV_WRITE) ? LOOP_WRITE : 0U) |
                        ((what & EV_CLOSED) ? LOOP_CLOSED : 0U));
}

static struct watch *watch_new(struct loop *l, struct loop_io *io)
{
    struct watch *w = MEM_NEW(struct watch);
    if (w == NULL)
        return NULL;
    w->magic = watch_MAGIC;
    w->loop = l;
    w->io = io;
    event_assign(&w->read, l->base, io->fd, EV_READ | EV_PERSIST, on_event, w);
    event_assign(&w->write, l->base, io->fd, EV_WRITE | EV_PERSIST, on_event, w);
    return w;
}

/* The read side watches for READ alone or for READ and CLOSED; libevent fixes it when assigned. */
static int watch_read(struct loop *l, struct watch *w, unsigned old, unsigned events)
{
    const unsigned mask = LOOP_READ | LOOP_CLOSED;
    if ((old & mask) == (events & mask))
        return 0;
    if ((old & mask) != 0)
        event_del(&w->read);
    if ((events & mask) == 0)
        return 0;
    short what =
        (events & LOOP_CLOSED) ? EV_READ | EV_CLOSED | EV_PERSIST : EV_READ | EV_PERSIST;
    event_assign(&w->read, l->base, w->io->fd, what, on_event, w);
    return event_add(&w->read, NULL);
}

static int watch_write(struct watch *w, unsigned old, unsigned events)
{
    if (((old ^ events) & LOOP_WRITE) == 0)
        return 0;
    return (events & LOOP_WRITE) ? event_add(&w->write, NULL) : event_del(&w->write);
}

enum errc loop_io_set(struct loop *l, struct loop_io *io, unsigned events)
{
    if (events == io->events)
        return ERR_OK;
    if (events == 0) {
        loop_io_stop(l, io);
        return ERR_OK;
    }
    if (io->impl == NULL && (io->impl = watch_new(l, io)) == NULL)
        return ERR_MEMORY;
    struct watch *w = OBJ(watch, io->impl);
    if (watch_read(l, w, io->events, events) != 0 ||
        watch_write(w, io->events, events) != 0) {
        loop_io_stop(l, io);
        return ERR_MEMORY;
    }
    io->events = events;
    return ERR_OK;
}

void loop_io_stop(struct loop *l, struct loop_io *io)
{
    (void)l;
    if (io->impl == NULL)
        return;
    struct watch *w = OBJ(watch, io->impl);
    event_del(&w->read);
    event_del(&w->write);
    w->magic = 0;
    mem_free(w);
    io->impl = NULL;
    io->events = 0;
}

/* ---- timers: heap[i] is at place i + 1; `at` 0 means that a timer is not set ---- */

static bool is_sooner(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->seq < b->seq;
}

static void heap_put(struct loop *l, size_t i, struct loop_timer *t)
{
    l->heap[i] = t;
    t->at = i + 1;
}

static void heap_up(struct loop *l, size_t i, struct loop_timer *t)
{
    while (i > 0 && is_sooner(t, l->heap[(i - 1) / 2])) {
        heap_put(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(l, i, t);
}

static void heap_down(struct loop *l, size_t i, struct loop_timer *t)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= l->n_timers)
            break;
        if (child + 1 < l->n_timers && is_sooner(l->heap[child + 1], l->heap[child]))
            child++;
        if (!is_sooner(l->heap[child], t))
            break;
        heap_put(l, i, l->heap[child]);
        i = child;
    }
    heap_put(l, i, t);
}

static void heap_move(struct loop *l, size_t i, struct loop_timer *t)
{
    if (i > 0 && is_sooner(t, l->heap[(i - 1) / 2]))
        heap_up(l, i, t);
    else
        heap_down(l, i, t);
}

static bool heap_reserve(struct loop *l)
{
    if (l->n_timers < l->heap_cap)
        return true;
    size_t cap = l->heap_cap ? 2 * l->heap_cap : 64;
    struct loop_timer **heap = mem_resize(l->heap, cap, sizeof(struct loop_timer *));
    if (heap == NULL)
        return false;
    l->heap = heap;
    l->heap_cap = cap;
    return true;
}

enum errc loop_timer_set(struct loop *l, struct loop_timer *t, int64_t after_us)
{
    if (t->at == 0 && !heap_reserve(l))
        return ERR_MEMORY;
    if (__builtin_add_overflow(l->mono_us, MAX(after_us, 0), &t->due_us))
        t->due_us = INT64_MAX;
    t->seq = ++l->timer_seq;
    if (t->at == 0)
        heap_up(l, l->n_timers++, t);
    else
        heap_move(l, t->at - 1, t);
    return ERR_OK;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
    if (t->at == 0)
        return;
    size_t i = t->at - 1;
    t->at = 0;
    struct loop_timer *last = l->heap[--l->n_timers];
    if (last != t)
        heap_move(l, i, last);
}

bool loop_timer_is_set(const struct loop_timer *t)
{
    return t->at != 0;
}

/* Runs what is due; a timer that is set meanwhile waits for the next turn. */
static void run_timers(struct loop *l)
{
    uint64_t last = l->timer_seq;
    while (l->n_timers > 0 && l->heap[0]->due_us <= l->mono_us &&
           l->heap[0]->seq <= last) {
        struct loop_timer *t = l->heap[0];
        loop_timer_stop(l, t);
        t->fn(t->arg);
    }
}

/* ---- deferred calls ---- */

void loop_later(struct loop *l, struct loop_task *t)
{
    if (t->is_queued)
        return;
    t->is_queued = true;
    list_init(&t->link);
    list_add(&l->tasks, &t->link);
}

void loop_later_cancel(struct loop *l, struct loop_task *t)
{
    (void)l;
    if (!t->is_queued)
        return;
    t->is_queued = false;
    list_del(&t->link);
}

/* Runs what is queued now; what the calls queue waits for the next turn. */
static void run_tasks(struct loop *l)
{
    list_add(&l->tasks, &l->last_task);
    while (l->tasks.next != &l->last_task) {
        struct loop_task *t = container_of(l->tasks.next, struct loop_task, link);
        loop_later_cancel(l, t);
        t->fn(t->arg);
    }
    list_del(&l->last_task);
}

void loop_before_sleep(struct loop *l, loop_fn *fn, void *arg)
{
    assert(l->n_hooks < LOOP_HOOKS);
    l->hooks[l->n_hooks++] = (struct hook){fn, arg};
}

/* ---- signals and wakes ---- */

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
    (void)signo;
    (void)what;
    struct signal_hook *s = OBJ(signal_hook, arg);
    read_clock(s->loop);
    s->hook.fn(s->hook.arg);
}

enum errc loop_signal(struct loop *l, int signo, loop_fn *fn, void *arg, struct err *e)
{
    assert(l->n_signals < LOOP_SIGNALS);
    struct signal_hook *s = &l->signals[l->n_signals];
    *s = (struct signal_hook){.magic = signal_hook_MAGIC, .hook = {fn, arg}, .loop = l};
    s->ev = evsignal_new(l->base, signo, on_signal, s);
    if (s->ev == NULL || event_add(s->ev, NULL) != 0) {
        if (s->ev != NULL)
            event_free(s->ev);
        return err_set(e, ERR_MEMORY, "cannot watch for signal %d", signo);
    }
    l->n_signals++;
    return ERR_OK;
}

static void on_wake(void *arg, unsigned events)
{
    (void)events;
    struct loop *l = OBJ(loop, arg);
    uint64_t n;
    if (read(l->wake_io.fd, &n, sizeof n) < 0)
        return; /* somebody read it before: nothing to do */
    l->wake.fn(l->wake.arg);
}

enum errc loop_on_wake(struct loop *l, loop_fn *fn, void *arg, struct err *e)
{
    l->wake = (struct hook){fn, arg};
    if (l->wake_io.fd >= 0)
        return ERR_OK;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "eventfd");
    l->wake_io = (struct loop_io){.fd = fd, .fn = on_wake, .arg = l};
    if (loop_io_set(l, &l->wake_io, LOOP_READ) != ERR_OK) {
        close(fd);
        l->wake_io.fd = -1;
        return err_set(e, ERR_MEMORY, "cannot watch for wakes");
    }
    return ERR_OK;
}

void loop_wake(struct loop *l)
{
    const uint64_t one = 1;
    if (write(l->wake_io.fd, &one, sizeof one) < 0)
        return; /* EAGAIN: the counter is full, so a wake is on its way already */
}

/* ---- turns ---- */

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop *l = OBJ(loop, arg);
    l->alarm_us = INT64_MAX;
    read_clock(l);
}

/* Makes the wait end no later than at due_us. */
static int set_alarm(struct loop *l, int64_t due_us)
{
    if (due_us >= l->alarm_us)
        return 0;
    int64_t wait_us = due_us - clock_mono_us(l->clock);
    struct timeval tv = {.tv_sec = wait_us / US_PER_S, .tv_usec = wait_us % US_PER_S};
    if (wait_us <= 0)
        tv = (struct timeval){0};
    l->alarm_us = due_us;
    return evtimer_add(l->alarm, &tv);
}

enum errc loop_turn(struct loop *l, int64_t wait_us, struct err *e)
{
    for (size_t i = 0; i < l->n_hooks; i++)
        l->hooks[i].fn(l->hooks[i].arg);

    int64_t due_us = l->n_timers > 0 ? l->heap[0]->due_us : INT64_MAX;
    int64_t until_us;
    if (__builtin_add_overflow(l->mono_us, wait_us, &until_us))
        until_us = INT64_MAX;
    due_us = MIN(due_us, until_us);
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
    if (l->quit || due_us <= l->mono_us || !list_is_empty(&l->tasks))
        flags |= EVLOOP_NONBLOCK;
    else if (due_us != INT64_MAX && set_alarm(l, due_us) != 0)
        return err_set(e, ERR_MEMORY, "cannot set the loop's alarm");

    l->is_stale = true;
    if (event_base_loop(l->base, flags) < 0)
        return err_set(e, ERR_IO, "the event loop failed");
    read_clock(l);
    run_timers(l);
    run_tasks(l);
    return ERR_OK;
}

enum errc loop_run(struct loop *l, struct err *e)
{
    while (!l->quit) {
        enum errc rc = loop_turn(l, INT64_MAX, e);
        if (rc != ERR_OK)
            return rc;
    }
    l->quit = false;
    return ERR_OK;
}

void loop_quit(struct loop *l)
{
    l->quit = true;
}

/* ---- birth and death ---- */

static struct event_base *base_new(void)
{
    struct event_config *c = event_config_new();
    if (c == NULL)
        return NULL;
    /* loop_wake writes to a descriptor, so that libevent needs no locks */
    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    struct event_base *base = event_base_new_with_config(c);
    event_config_free(c);
    return base;
}

enum errc loop_new(const struct clock *clock, struct loop **ret, struct err *e)
{
    AUTO(loop_free) struct loop *l = MEM_NEW(struct loop);
    if (l == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the event loop");
    l->magic = loop_MAGIC;
    l->clock = clock != NULL ? clock : &clock_system;
    l->alarm_us = INT64_MAX;
    l->wake_io.fd = -1;
    list_init(&l->tasks);
    list_init(&l->last_task);
    l->is_stale = true;
    read_clock(l);
    l->base = base_new();
    if (l->base == NULL)
        return err_set(e, ERR_IO, "cannot make an event base");
    l->alarm = evtimer_new(l->base, on_alarm, l);
    if (l->alarm == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the event loop");
    *ret = l;
    l = NULL;
    return ERR_OK;
}

void loop_free(struct loop **lp)
{
    struct loop *l = *lp;
    if (l == NULL)
        return;
    *lp = NULL;
    for (size_t i = 0; i < l->n_signals; i++)
        event_free(l->signals[i].ev);
    loop_io_stop(l, &l->wake_io);
    if (l->wake_io.fd >= 0)
        close(l->wake_io.fd);
    if (l->alarm != NULL)
        event_free(l->alarm);
    if (l->base != NULL)
        event_base_free(l->base);
    mem_free(l->heap);
    l->magic = 0;
    mem_free(l);
}
