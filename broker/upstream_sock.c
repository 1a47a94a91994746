/*
 * upstream_sock.c: libcurl's descriptors and its timer inside our loop.
 *
 * A descriptor stays registered in the loop between two transfers: taking it out and putting
 * it back costs 17 % of the CPU of a request. Only those that brought an answer are kept so,
 * since libcurl closes others (failed connects, the resolver's pipe) without telling us.
 */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mem.h"

#include "broker/address.h"
#include "broker/upstream_priv.h"

enum { sock_MAGIC = 0x736f636b };

/* One of libcurl's descriptors. */
struct sock {
    uint32_t magic;
    struct upstream *u; /* borrowed */
    struct loop_io io;
    /* libcurl waits for nothing on it: kept registered for the next transfer */
    bool is_idle;
};

void timer_keep(struct upstream *u, struct loop_timer *t, int64_t after_us)
{
    enum errc rc = loop_timer_set(u->loop, t, after_us);
    assert(rc == ERR_OK);
}

/* Whatever socket it is told of, libcurl serves other transfers that are due as well. */
void sock_act(struct upstream *u, curl_socket_t fd, int mask)
{
    int running;
    u->in_curl++;
    curl_multi_socket_action(u->multi, fd, mask, &running);
    u->in_curl--;
    upstream_settle(u);
}

static void on_sock(void *arg, unsigned events)
{
    struct sock *s = OBJ(sock, arg);
    struct upstream *u = s->u;
    if (s->is_idle) {
        /* closed by the other side, or a TLS ticket: libcurl finds out at the next transfer */
        loop_io_stop(u->loop, &s->io);
        return;
    }
    sock_act(u, s->io.fd,
             ((events & LOOP_READ) ? CURL_CSELECT_IN : 0) |
                 ((events & LOOP_WRITE) ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *arg)
{
    struct upstream *u = OBJ(upstream, arg);
    timer_keep(u, &u->timer, INT64_MAX); /* the place that it had is free still */
    sock_act(u, CURL_SOCKET_TIMEOUT, 0);
}

static struct sock *sock_find(struct upstream *u, int fd)
{
    return (size_t)fd < u->n_socks ? u->socks[fd] : NULL;
}

/* The entry of a descriptor, made when it is new; NULL when memory is out. */
static struct sock *sock_get(struct upstream *u, int fd)
{
    size_t at = (size_t)fd;
    if (at >= u->n_socks) {
        size_t n = MAX(2 * u->n_socks, at + 16);
        struct sock **socks = mem_resize(u->socks, n, sizeof(struct sock *));
        if (socks == NULL)
            return NULL;
        memset(socks + u->n_socks, 0, (n - u->n_socks) * sizeof(struct sock *));
        u->socks = socks;
        u->n_socks = n;
    }
    if (u->socks[at] == NULL) {
        struct sock *s = MEM_NEW(struct sock);
        if (s == NULL)
            return NULL;
        *s = (struct sock){.magic = sock_MAGIC, .u = u};
        s->io = (struct loop_io){.fd = fd, .fn = on_sock, .arg = s};
        u->socks[at] = s;
    }
    return u->socks[at];
}

static void sock_drop(struct upstream *u, int fd)
{
    struct sock *s = sock_find(u, fd);
    if (s == NULL)
        return;
    loop_io_stop(u->loop, &s->io);
    u->socks[fd] = NULL;
    s->magic = 0;
    mem_free(s);
}

/* libcurl waits for nothing on it now; it may be closed already unless it brought an answer. */
static void sock_rest(struct upstream *u, CURL *easy, int fd)
{
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    struct sock *s = sock_find(u, fd);
    if (s == NULL || private == NULL || !OBJ(upstream_xfer, private)->has_head) {
        sock_drop(u, fd);
        return;
    }
    s->is_idle = true;
    if (s->io.events != 0 && loop_io_set(u->loop, &s->io, LOOP_READ) != ERR_OK)
        sock_drop(u, fd);
}

/* Told of an error, libcurl would end every transfer there is: the one that met it ends. */
static void lose(CURL *easy)
{
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    if (private == NULL)
        return;
    struct upstream_xfer *x = OBJ(upstream_xfer, private);
    x->is_lost = true;
    upstream_todo(x);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    (void)unused;
    struct upstream *u = OBJ(upstream, arg);
    if (what == CURL_POLL_REMOVE) {
        sock_rest(u, easy, fd);
        return 0;
    }
    unsigned events = ((what & CURL_POLL_IN) ? LOOP_READ : 0U) |
                      ((what & CURL_POLL_OUT) ? LOOP_WRITE : 0U);
    struct sock *s = sock_get(u, fd);
    if (s != NULL)
        s->is_idle = false;
    if (s == NULL || loop_io_set(u->loop, &s->io, events) != ERR_OK)
        lose(easy);
    return 0;
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct upstream *u = OBJ(upstream, arg);
    timer_keep(u, &u->timer, ms < 0 ? INT64_MAX : ms * (int64_t)US_PER_MS);
    return 0;
}

curl_socket_t sock_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)purpose;
    int fd = socket(a->family, a->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    sock_drop(OBJ(upstream, arg),
              fd); /* one of that number that was closed behind our back */
    return fd;
}

curl_socket_t sock_open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct upstream_xfer *x = OBJ(upstream_xfer, arg);
    if (address_is_public(&a->addr))
        return sock_open(x->u, purpose, a);
    x->is_private = true;
    return CURL_SOCKET_BAD;
}

int sock_close(void *arg, curl_socket_t fd)
{
    sock_drop(OBJ(upstream, arg), fd);
    return close(fd);
}

bool sock_watch(struct upstream *u)
{
    CURLM *m = u->multi;
    u->timer = (struct loop_timer){.fn = on_timer, .arg = u};
    return curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_curl_socket) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_SOCKETDATA, u) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_curl_timer) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERDATA, u) == CURLM_OK &&
           /* at least peak streams and idle ones: three times the CPU when it is too small */
           curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)LIMIT_CONNS) == CURLM_OK &&
           loop_timer_set(u->loop, &u->timer, INT64_MAX) == ERR_OK &&
           loop_timer_set(u->loop, &u->begin, INT64_MAX) == ERR_OK;
}

void sock_free_all(struct upstream *u)
{
    for (size_t fd = 0; fd < u->n_socks; fd++)
        sock_drop(u, (int)fd);
    loop_timer_stop(u->loop, &u->timer);
    loop_timer_stop(u->loop, &u->begin);
    mem_free(u->socks);
}
