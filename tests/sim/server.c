/*
 * server.c: sockets, bytes and timers: one epoll loop, one thread. What is answered is none of
 * its business; it feeds whole requests to exchange.c and sends what play.c makes.
 *
 * A peer:   HEAD → BODY → ANSWER → HEAD …      and closed from any of them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/num.h"

#include "tests/sim/sim.h"

enum {
    SCRATCH_LEN = 64 * 1024,
    EVENTS = 256,
    BACKLOG = 1024,
    OUT_MAX = 3 * LIMIT_REPLY_LEN,
    PEER_MAGIC = 0x70656572,
};

enum watch_kind { WATCH_LISTENER, WATCH_PEER, WATCH_SIGNAL };

/* What epoll hands back; embedded first. */
struct watch {
    enum watch_kind kind;
    int fd;
};

struct listener {
    struct watch watch;
    char name[64];
};

enum peer_state { PEER_HEAD, PEER_BODY, PEER_ANSWER };

struct peer {
    struct watch watch;
    struct list link;
    const struct listener *listener;
    uint64_t id;
    unsigned n_requests;
    enum peer_state state;
    struct buf in;    /* a head, or the start of one; head's slices point into it */
    struct buf body;  /* decoded */
    struct buf ahead; /* came while an answer was under way */
    struct buf out;
    size_t scan, out_at;
    struct http1_head head;
    struct http1_body framing;
    struct exchange x;
    struct play_step step; /* what follows once `out` is sent */
    int64_t due_us;        /* monotonic */
    size_t heap_at;        /* place in the heap, from 1; 0: no timer */
    bool watches_out;
};

struct server {
    struct sim *sim;
    int epoll_fd;
    struct watch signals;
    struct listener listeners[SIM_LISTENERS];
    size_t n_listeners;
    struct list peers;
    struct peer **heap; /* owned; earliest due first, from index 1 */
    size_t n_heap, heap_cap;
    char *scratch; /* owned */
    bool quit;
};

/* ---- timers: a binary heap that knows where each peer stands ---- */

static void heap_put(struct server *sv, size_t at, struct peer *p)
{
    sv->heap[at] = p;
    p->heap_at = at;
}

static void heap_up(struct server *sv, size_t at)
{
    struct peer *p = sv->heap[at];
    for (; at > 1 && sv->heap[at / 2]->due_us > p->due_us; at /= 2)
        heap_put(sv, at, sv->heap[at / 2]);
    heap_put(sv, at, p);
}

static void heap_down(struct server *sv, size_t at)
{
    struct peer *p = sv->heap[at];
    for (size_t child; (child = 2 * at) <= sv->n_heap; at = child) {
        if (child < sv->n_heap && sv->heap[child + 1]->due_us < sv->heap[child]->due_us)
            child++;
        if (sv->heap[child]->due_us >= p->due_us)
            break;
        heap_put(sv, at, sv->heap[child]);
    }
    heap_put(sv, at, p);
}

static void timer_stop(struct server *sv, struct peer *p)
{
    size_t at = p->heap_at;
    if (at == 0)
        return;
    struct peer *last = sv->heap[sv->n_heap--];
    p->heap_at = 0;
    if (last == p)
        return;
    heap_put(sv, at, last);
    heap_up(sv, at);
    heap_down(sv, last->heap_at);
}

static bool timer_set(struct server *sv, struct peer *p, int64_t after_us)
{
    timer_stop(sv, p);
    if (sv->n_heap + 2 > sv->heap_cap) {
        size_t cap = MAX(sv->heap_cap * 2, 64);
        struct peer **grown = mem_resize(sv->heap, cap, sizeof *grown);
        if (grown == NULL)
            return false;
        sv->heap = grown;
        sv->heap_cap = cap;
    }
    p->due_us = sv->sim->mono_us + after_us;
    heap_put(sv, ++sv->n_heap, p);
    heap_up(sv, sv->n_heap);
    return true;
}

/* ---- peers ---- */

static void peer_close(struct server *sv, struct peer *p, bool reset)
{
    /* with no time to linger close() sends RST instead of FIN */
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    /* one that hangs waits for this: nothing else ends it */
    bool is_left = p->x.play.end == NULL || p->step.verb == PLAY_HANG;
    exchange_end(sv->sim, &p->x, p->x.is_open && is_left);
    timer_stop(sv, p);
    if (reset)
        setsockopt(p->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(p->watch.fd);
    list_del(&p->link);
    sv->sim->n_open--;
    buf_release(&p->in);
    buf_release(&p->body);
    buf_release(&p->ahead);
    buf_release(&p->out);
    mem_free(p);
}

static void watch_out(struct server *sv, struct peer *p, bool on)
{
    struct epoll_event ev = {.events = EPOLLIN | (on ? EPOLLOUT : 0U),
                             .data.ptr = &p->watch};
    if (p->watches_out != on)
        epoll_ctl(sv->epoll_fd, EPOLL_CTL_MOD, p->watch.fd, &ev);
    p->watches_out = on;
}

enum flush { FLUSHED, FLUSH_LATER, FLUSH_FAILED };

/* Sends what is queued, in the portions that the plan asks for. */
static enum flush peer_flush(struct server *sv, struct peer *p)
{
    const struct plan *plan = &p->x.plan;
    size_t portion = plan->split > 0      ? (size_t)plan->split
                     : plan->drip_us >= 0 ? 1
                                          : SIZE_MAX;
    while (p->out_at < p->out.len) {
        size_t n = MIN(portion, p->out.len - p->out_at);
        ssize_t sent = send(p->watch.fd, p->out.data + p->out_at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN)
            return FLUSH_FAILED;
        if (sent > 0)
            p->out_at += (size_t)sent;
        if (sent < 0 || (size_t)sent < n) {
            watch_out(sv, p, true);
            return FLUSH_LATER;
        }
        if (plan->drip_us > 0 && p->out_at < p->out.len)
            return timer_set(sv, p, plan->drip_us) ? FLUSH_LATER : FLUSH_FAILED;
    }
    watch_out(sv, p, false);
    buf_reset(&p->out);
    p->out_at = 0;
    return FLUSHED;
}

/* The answer is out: the next request, if the connection lives. False: the peer is gone. */
static bool peer_next_request(struct server *sv, struct peer *p)
{
    int64_t idle_us = p->x.plan.idle_close_us;
    exchange_end(sv->sim, &p->x, false);
    buf_reset(&p->in);
    buf_reset(&p->body);
    p->scan = 0;
    p->state = PEER_HEAD;
    if (idle_us == 0 || (idle_us > 0 && !timer_set(sv, p, idle_us))) {
        peer_close(sv, p, false);
        return false;
    }
    return true;
}

/* Sends and asks the play for more until it pauses. False: the peer is gone. */
static bool peer_drive(struct server *sv, struct peer *p)
{
    for (;;) {
        enum flush flush = peer_flush(sv, p);
        if (flush == FLUSH_LATER)
            return true;
        if (flush == FLUSH_FAILED || buf_err(&p->out) != ERR_OK) {
            p->x.play.end = flush == FLUSH_FAILED ? NULL : "no memory";
            peer_close(sv, p, true);
            return false;
        }
        switch (p->step.verb) {
        case PLAY_DONE:
            return peer_next_request(sv, p);
        case PLAY_FIN:
        case PLAY_RST:
            peer_close(sv, p, p->step.verb == PLAY_RST);
            return false;
        case PLAY_HANG:
            return true;
        case PLAY_ON:
            break;
        }
        if (p->step.wait_us > 0) {
            int64_t wait_us = p->step.wait_us;
            p->step.wait_us = 0;
            if (timer_set(sv, p, wait_us))
                return true;
        }
        p->step = play_next(&p->x.play, &p->out);
    }
}

/* ---- requests ---- */

static bool peer_serve(struct server *sv, struct peer *p)
{
    timer_stop(sv, p);
    p->state = PEER_ANSWER;
    p->step = (struct play_step){PLAY_ON, 0};
    exchange_begin(sv->sim, &p->x, &p->head, buf_str(&p->body), p->id, ++p->n_requests,
                   p->listener->name);
    return peer_drive(sv, p);
}

/* What cannot be parsed is told so, and the connection ends. */
static void peer_refuse(struct server *sv, struct peer *p, const struct err *e)
{
    http1_write_status(&p->out, e->sys >= 400 ? e->sys : 400);
    http1_write_header(&p->out, "connection", STR("close"));
    http1_write_header(&p->out, "content-length", STR("0"));
    http1_write_end(&p->out);
    if (buf_err(&p->out) == ERR_OK)
        send(p->watch.fd, p->out.data, p->out.len, MSG_NOSIGNAL);
    peer_close(sv, p, false);
}

/* Takes bytes of a head; *rest is what follows it. False: the peer is gone. */
static bool peer_head(struct server *sv, struct peer *p, struct str *rest)
{
    struct err e = ERR_INIT;
    size_t used = 0;
    buf_adds(&p->in, *rest);
    *rest = STR_NONE;
    enum errc rc = http1_parse_request(buf_str(&p->in), &p->scan, &p->head, &used, &e);
    if (rc == ERR_AGAIN)
        return true;
    if (rc != ERR_OK) {
        peer_refuse(sv, p, &e);
        return false;
    }
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (p->head.expect_continue)
        send(p->watch.fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL);
    http1_body_init(&p->framing, &p->head, LIMIT_BODY_LEN, false);
    p->state = PEER_BODY;
    *rest = str_sub(buf_str(&p->in), used, p->in.len);
    return true;
}

/* Takes bytes as they come, a request after another. False: the peer is gone. */
static bool peer_feed(struct server *sv, struct peer *p, struct str bytes)
{
    struct err e = ERR_INIT;
    do {
        if (p->state == PEER_ANSWER) {
            buf_adds(&p->ahead, bytes);
            return true;
        }
        if (p->state == PEER_HEAD && !peer_head(sv, p, &bytes))
            return false;
        if (p->state != PEER_BODY)
            continue;
        size_t used = 0;
        bool done = false;
        if (http1_body_feed(&p->framing, bytes, &p->body, &used, &done, &e) != ERR_OK) {
            peer_refuse(sv, p, &e);
            return false;
        }
        bytes = str_sub(bytes, used, bytes.len);
        if (!done)
            continue;
        buf_adds(&p->ahead, bytes);
        bytes = STR_NONE;
        if (!peer_serve(sv, p))
            return false;
    } while (bytes.len > 0);
    return true;
}

/* Requests that came ahead of their turn. */
static bool peer_feed_ahead(struct server *sv, struct peer *p)
{
    while (p->state != PEER_ANSWER && p->ahead.len > 0) {
        struct buf bytes = p->ahead;
        buf_init(&p->ahead, bytes.max);
        bool alive = peer_feed(sv, p, buf_str(&bytes));
        buf_release(&bytes);
        if (!alive)
            return false;
    }
    return true;
}

static void peer_readable(struct server *sv, struct peer *p)
{
    ssize_t n = recv(p->watch.fd, sv->scratch, SCRATCH_LEN, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        peer_close(sv, p, false);
    else if (peer_feed(sv, p, (struct str){sv->scratch, (size_t)n}))
        peer_feed_ahead(sv, p);
}

static void peer_continue(struct server *sv, struct peer *p)
{
    if (p->state != PEER_ANSWER)
        peer_close(sv, p, false); /* idle for as long as the plan allowed */
    else if (peer_drive(sv, p))
        peer_feed_ahead(sv, p);
}

/* ---- the loop ---- */

static void peer_accept(struct server *sv, const struct listener *l)
{
    const int on = 1;
    for (;;) {
        int fd = accept4(l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct peer *p = fd >= 0 ? MEM_NEW(struct peer) : NULL;
        if (p == NULL) {
            if (fd >= 0)
                close(fd);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        p->watch = (struct watch){WATCH_PEER, fd};
        p->listener = l;
        p->id = ++sv->sim->n_conns;
        buf_init(&p->in, LIMIT_HEAD_LEN + (size_t)SCRATCH_LEN);
        buf_init(&p->body, LIMIT_BODY_LEN);
        buf_init(&p->ahead, LIMIT_BODY_LEN);
        buf_init(&p->out, OUT_MAX);
        list_add(&sv->peers, &p->link);
        sv->sim->n_open++;
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &p->watch};
        if (epoll_ctl(sv->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
            peer_close(sv, p, true);
    }
}

static void on_signal(struct server *sv)
{
    struct signalfd_siginfo info;
    struct err e = ERR_INIT;
    if (read(sv->signals.fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo != SIGHUP) {
        sv->quit = true;
        return;
    }
    if (sv->sim->scenario_file == NULL)
        return;
    if (sim_load(sv->sim, sv->sim->scenario_file, &e) == ERR_OK)
        printf("reloaded\n");
    else
        printf("not reloaded: %s\n", e.text);
    fflush(stdout);
}

static void on_event(struct server *sv, struct watch *w, uint32_t events)
{
    switch (w->kind) {
    case WATCH_LISTENER:
        peer_accept(sv, container_of(w, struct listener, watch));
        return;
    case WATCH_SIGNAL:
        on_signal(sv);
        return;
    case WATCH_PEER:
        break;
    }
    struct peer *p = container_of(w, struct peer, watch);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        peer_readable(sv, p);
    else if (events & EPOLLOUT)
        peer_continue(sv, p);
}

static void run_timers(struct server *sv)
{
    while (sv->n_heap > 0 && sv->heap[1]->due_us <= sv->sim->mono_us) {
        struct peer *p = sv->heap[1];
        timer_stop(sv, p);
        peer_continue(sv, p);
    }
}

static int wait_ms(const struct server *sv)
{
    if (sv->n_heap == 0)
        return -1;
    int64_t us = sv->heap[1]->due_us - clock_mono_us(&clock_system);
    return us <= 0 ? 0 : (int)MIN((us + US_PER_MS - 1) / US_PER_MS, 60 * 1000);
}

static enum errc run(struct server *sv, struct err *e)
{
    struct epoll_event events[EVENTS];
    while (!sv->quit) {
        int n = epoll_wait(sv->epoll_fd, events, EVENTS, wait_ms(sv));
        if (n < 0 && errno != EINTR)
            return err_errno(e, ERR_IO, "epoll_wait");
        sv->sim->mono_us = clock_mono_us(&clock_system);
        sv->sim->wall_us = clock_wall_us(&clock_system);
        for (int i = 0; i < n; i++)
            on_event(sv, events[i].data.ptr, events[i].events);
        run_timers(sv);
    }
    return ERR_OK;
}

/* ---- start ---- */

static enum errc watch_in(struct server *sv, struct watch *w, struct err *e)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = w};
    if (epoll_ctl(sv->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) != 0)
        return err_errno(e, ERR_IO, "epoll_ctl");
    return ERR_OK;
}

/* "[NAME=]127.0.0.1:PORT": this is a provider for tests, so loopback only. */
static enum errc read_address(const char *text, struct listener *l,
                              struct sockaddr_in *addr, struct err *e)
{
    struct str s = str_of(text);
    size_t eq = str_find(s, '=');
    struct str where = eq < s.len ? str_sub(s, eq + 1, s.len) : s;
    size_t colon = str_find(where, ':');
    uint64_t port;
    snprintf(l->name, sizeof l->name, "%.*s", eq < s.len ? (int)eq : 0, text);
    struct str host = str_sub(where, 0, colon);
    if (!str_eqz(host, "127.0.0.1") && !str_eqz(host, "localhost"))
        return err_set(e, ERR_USAGE, "--listen %s: the address must be 127.0.0.1", text);
    if (num_u64(str_sub(where, colon + 1, where.len), UINT16_MAX, &port) != ERR_OK)
        return err_set(e, ERR_USAGE, "--listen %s: bad port", text);
    *addr =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ERR_OK;
}

static enum errc listen_on(struct server *sv, const char *text, struct err *e)
{
    struct listener *l = &sv->listeners[sv->n_listeners];
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    const int on = 1;
    enum errc rc = read_address(text, l, &addr, e);
    if (rc != ERR_OK)
        return rc;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, ERR_IO, "socket");
    l->watch = (struct watch){WATCH_LISTENER, fd};
    sv->n_listeners++;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        return err_errno(e, ERR_IO, "--listen %s", text);
    if ((rc = watch_in(sv, &l->watch, e)) != ERR_OK)
        return rc;
    printf("ready %d%s%s\n", ntohs(addr.sin_port), l->name[0] ? " " : "", l->name);
    fflush(stdout);
    return ERR_OK;
}

static enum errc watch_signals(struct server *sv, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sv->signals =
        (struct watch){WATCH_SIGNAL, signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (sv->signals.fd < 0)
        return err_errno(e, ERR_IO, "signalfd");
    return watch_in(sv, &sv->signals, e);
}

enum errc sim_serve(struct sim *s, const char *const *listen, size_t n, struct err *e)
{
    struct server *sv = MEM_NEW(struct server);
    enum errc rc = ERR_OK;
    if (sv == NULL || (sv->scratch = mem_alloc(1, SCRATCH_LEN)) == NULL) {
        mem_free(sv);
        return err_set(e, ERR_MEMORY, "no memory");
    }
    sv->sim = s;
    list_init(&sv->peers);
    sv->signals.fd = -1;
    sv->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (sv->epoll_fd < 0)
        rc = err_errno(e, ERR_IO, "epoll_create");
    if (rc == ERR_OK)
        rc = watch_signals(sv, e);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = listen_on(sv, listen[i], e);
    if (rc == ERR_OK)
        rc = run(sv, e);
    list_for_each_safe (node, &sv->peers)
        peer_close(sv, container_of(node, struct peer, link), true);
    for (size_t i = 0; i < sv->n_listeners; i++)
        close(sv->listeners[i].watch.fd);
    if (sv->signals.fd >= 0)
        close(sv->signals.fd);
    if (sv->epoll_fd >= 0)
        close(sv->epoll_fd);
    mem_free(sv->heap);
    mem_free(sv->scratch);
    mem_free(sv);
    return rc;
}
