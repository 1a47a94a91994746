/*
 * listen.c: the doors: the Unix socket, TCP, and who may come in.
 *
 * The socket is 0600 in a 0700 directory, and the peer's uid is checked at every accept all the
 * same. `socket-group` and `allow-uid` open it to others on purpose. TCP stands on loopback
 * unless `listen-any` is set, and every request there needs a client key (auth.c).
 *
 * One broker a socket: the lock on PATH.pid is held as long as the process lives, so that a
 * socket whose lock is free is a dead one and may be replaced. Two brokers that start at once
 * meet at the lock, not at the socket.
 */
#include "broker/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/num.h"
#include "core/os.h"

#include "broker/broker.h"

enum {
    listen_MAGIC = 0x6c697374,
    door_MAGIC = 0x646f6f72,
    DOORS_MAX = 8,
    /* connections taken in one go, so that a flood of them leaves time for transfers */
    ACCEPTS_PER_TURN = 64,
    /* pause after running out of descriptors or connections */
    RETRY_US = 100 * US_PER_MS,
    /* … which is worth a line in the log so often */
    TELL_US = 60 * US_PER_S,
    /* connections that TCP leaves to the Unix socket, by which a broker is steered */
    UNIX_ROOM = LIMIT_CONNS / 8,
    /* a broker that stops needs a moment to write down what it knows */
    LOCK_WAIT_US = 4 * US_PER_S,
    LOCK_POLL_MS = 20,
    /* Source: systemd, sd_listen_fds(3): the first descriptor that is handed over */
    FIRST_FD = 3,
};

struct door {
    uint32_t magic;
    struct listen *l; /* borrowed */
    struct loop_io io;
    bool is_unix, is_inherited;
};

struct listen {
    uint32_t magic;
    struct broker *b; /* borrowed */
    conn_handler *handler;
    struct door doors[DOORS_MAX];
    size_t n_doors;
    struct loop_timer retry;
    int64_t told_us; /* when a pause was told; monotonic, 0 never */
    bool is_started;
    char path[LIMIT_SOCK_PATH + 1];
    char lock_path[LIMIT_SOCK_PATH + 8];
    int lock_fd;
    struct stat made; /* our socket in the file system; st_ino 0: none */
    char tcp[128];    /* broker.listen as it is in force, "" if none */
};

/* ---- coming in ---- */

static bool is_welcome(const struct conf *c, int64_t uid)
{
    /* with a group, the file's mode has let in nobody else */
    if (uid == (int64_t)geteuid() || c->broker.socket_group != NULL)
        return true;
    for (size_t i = 0; i < c->broker.n_allow_uid; i++)
        if (c->broker.allow_uid[i] == uid)
            return true;
    return false;
}

static enum errc turn_away(struct listen *l, int fd, int64_t uid, struct err *e)
{
    struct err why = ERR_INIT;
    log_write(&l->b->log, LOG_WARN, "listen", "another user was turned away", "uid=%lld",
              (long long)uid);
    err_set(&why, ERR_PERMISSION, "this broker is another user's");
    return conn_new_refused(l->b, fd, &why, e);
}

static void let_in(struct listen *l, const struct door *d, int fd)
{
    struct err e = ERR_INIT;
    int64_t uid = -1;
    enum errc rc = d->is_unix ? os_peer_uid(fd, &uid, &e) : ERR_OK;
    if (rc != ERR_OK)
        close(fd);
    else if (d->is_unix && !is_welcome(l->b->conf, uid))
        rc = turn_away(l, fd, uid, &e);
    else
        rc = conn_new(l->b, fd, d->is_unix, uid, l->handler, &e);
    if (rc != ERR_OK)
        log_write(&l->b->log, LOG_WARN, "listen", e.text, "connections=%zu",
                  l->b->n_conns);
    else
        broker_client_came(l->b);
}

static void watch_doors(struct listen *l, bool on, bool unix_too)
{
    for (size_t i = 0; i < l->n_doors; i++)
        if ((unix_too || !l->doors[i].is_unix) &&
            loop_io_set(l->b->loop, &l->doors[i].io, on ? LOOP_READ : 0) != ERR_OK)
            log_write(&l->b->log, LOG_ERROR, "listen", "no memory to watch a door",
                      "door=%zu", i);
}

static void on_retry(void *arg)
{
    watch_doors(OBJ(listen, arg), true, true);
}

/* Connections wait in the kernel meanwhile; without the pause the loop would spin. */
static void pause_doors(struct listen *l, bool unix_too, const char *why)
{
    int64_t now_us = loop_mono_us(l->b->loop);
    if (l->told_us == 0 || now_us - l->told_us >= TELL_US) {
        log_write(&l->b->log, LOG_WARN, "listen", why, "connections=%zu", l->b->n_conns);
        l->told_us = now_us;
    }
    watch_doors(l, false, unix_too);
    if (loop_timer_set(l->b->loop, &l->retry, RETRY_US) != ERR_OK)
        watch_doors(l, true, unix_too);
}

static bool is_full(const struct door *d)
{
    return d->l->b->n_conns >= LIMIT_CONNS - (d->is_unix ? 0 : UNIX_ROOM);
}

static void on_accept(void *arg, unsigned events)
{
    (void)events;
    struct door *d = OBJ(door, arg);
    struct listen *l = d->l;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (is_full(d)) {
            pause_doors(l, d->is_unix, "too many connections");
            return;
        }
        int fd = os_accept(d->io.fd);
        if (fd >= 0) {
            let_in(l, d, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                   errno == ENOMEM) {
            pause_doors(l, true, "out of descriptors or memory");
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* ---- making doors ---- */

static struct door *add_door(struct listen *l, int fd, bool is_unix, bool is_inherited)
{
    struct door *d = &l->doors[l->n_doors++];
    *d = (struct door){
        .magic = door_MAGIC,
        .l = l,
        .io = {.fd = fd, .fn = on_accept, .arg = d},
        .is_unix = is_unix,
        .is_inherited = is_inherited,
    };
    return d;
}

static void close_doors(struct listen *l, bool unix_too, bool tcp_too)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n_doors; i++) {
        struct door *d = &l->doors[i];
        loop_io_stop(l->b->loop, &d->io);
        if (d->is_unix ? unix_too : tcp_too) {
            close(d->io.fd);
            continue;
        }
        struct door moved = *d;
        l->doors[kept] = moved;
        l->doors[kept].io.arg = &l->doors[kept];
        kept++;
    }
    l->n_doors = kept;
    if (l->is_started)
        watch_doors(l, true, true);
}

static bool is_opened_to_others(const struct conf *c)
{
    return c->broker.socket_group != NULL || c->broker.n_allow_uid > 0;
}

/* For us alone, or for others to pass through. */
static enum errc make_dirs(const struct listen *l, struct err *e)
{
    return os_make_parents(l->path, is_opened_to_others(l->b->conf) ? 0711 : 0700, e);
}

/* Who may reach the socket: us; a group; or everybody, and allow-uid decides at the door. */
static enum errc set_access(const struct conf *c, const char *path, struct err *e)
{
    if (c->broker.socket_group != NULL) {
        const struct group *g = getgrnam(c->broker.socket_group);
        if (g == NULL)
            return err_set(e, ERR_CONFIG, "broker.socket-group: no group \"%s\"",
                           c->broker.socket_group);
        if (chown(path, (uid_t)-1, g->gr_gid) != 0 || chmod(path, 0660) != 0)
            return err_errno(e, ERR_BROKER, "cannot give %s to group %s", path,
                             c->broker.socket_group);
        return ERR_OK;
    }
    if (chmod(path, c->broker.n_allow_uid > 0 ? 0666 : 0600) != 0)
        return err_errno(e, ERR_BROKER, "chmod %s", path);
    return ERR_OK;
}

static enum errc bind_unix(const struct listen *l, int fd, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", l->path);
    mode_t old = umask(0177);
    int rc = bind(fd, (const struct sockaddr *)&a, sizeof a);
    umask(old);
    if (rc != 0)
        return err_errno(e, ERR_BROKER, "cannot bind %s", l->path);
    enum errc ec = set_access(l->b->conf, l->path, e);
    if (ec == ERR_OK && listen(fd, SOMAXCONN) != 0)
        ec = err_errno(e, ERR_BROKER, "cannot listen on %s", l->path);
    if (ec != ERR_OK)
        unlink(l->path);
    return ec;
}

/* A socket for others behind a directory that is closed to them helps nobody. */
static void check_way(const struct listen *l)
{
    char dir[PATH_MAX];
    struct stat st;
    if (!is_opened_to_others(l->b->conf))
        return;
    for (const char *p = strchr(l->path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        snprintf(dir, sizeof dir, "%.*s", (int)(p - l->path), l->path);
        if (stat(dir, &st) == 0 && (st.st_mode & (S_IXGRP | S_IXOTH)) == 0)
            log_write(&l->b->log, LOG_WARN, "listen",
                      "nobody else can reach the socket: its directory is closed",
                      "dir=%s mode=%o", dir, (unsigned)(st.st_mode & 07777));
    }
}

/* Somebody who answers there without our lock is no broker of ours to replace. */
static bool is_answered(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 ||
                           errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return yes;
}

static enum errc open_unix(struct listen *l, struct err *e)
{
    if (is_answered(l->path))
        return err_set(e, ERR_BROKER, "something else answers on %s", l->path);
    struct stat st;
    if (lstat(l->path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return err_set(e, ERR_BROKER, "%s is there, and is no socket", l->path);
    if (unlink(l->path) != 0 && errno != ENOENT)
        return err_errno(e, ERR_BROKER, "cannot remove the dead socket %s", l->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, ERR_BROKER, "socket");
    enum errc rc = bind_unix(l, fd, e);
    if (rc == ERR_OK && stat(l->path, &l->made) != 0)
        rc = err_errno(e, ERR_BROKER, "stat %s", l->path);
    if (rc != ERR_OK) {
        close(fd);
        return rc;
    }
    check_way(l);
    add_door(l, fd, true, false);
    return ERR_OK;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, a, sizeof six);
        return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
    }
    struct sockaddr_in four;
    memcpy(&four, a, sizeof four);
    return ntohl(four.sin_addr.s_addr) >> 24 == 127;
}

static enum errc bind_tcp(const struct addrinfo *a, const char *where, int *ret_fd,
                          struct err *e)
{
    const int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, ERR_BROKER, "socket for %s", where);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        err_errno(e, ERR_BROKER, "cannot listen on %s", where);
        close(fd);
        return e->code;
    }
    *ret_fd = fd;
    return ERR_OK;
}

/* The port that the kernel chose for ":0" is worth a line in the log. */
static void tell_address(struct listen *l, int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[64] = "?", port[16] = "?";
    if (getsockname(fd, (struct sockaddr *)&a, &len) == 0)
        getnameinfo((const struct sockaddr *)&a, len, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    log_write(&l->b->log, LOG_INFO, "listen", "listening on TCP", "host=%s port=%s", host,
              port);
}

/* "HOST:PORT" or "[HOST]:PORT", numeric. */
static enum errc resolve(const char *where, struct addrinfo **ret, struct err *e)
{
    char host[64] = "";
    const char *colon = strrchr(where, ':');
    struct str h =
        colon != NULL ? str_sub(str_of(where), 0, (size_t)(colon - where)) : STR_NONE;
    if (str_starts(h, STR("[")) && str_ends(h, STR("]")))
        h = str_sub(h, 1, h.len - 2);
    snprintf(host, sizeof host, "%.*s", STR_ARG(h));
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
    };
    if (h.len == 0 || getaddrinfo(host, colon + 1, &hints, ret) != 0)
        return err_set(e, ERR_CONFIG, "broker.listen: \"%s\" is no ADDRESS:PORT", where);
    return ERR_OK;
}

static enum errc open_tcp(struct listen *l, int *ret_fd, struct err *e)
{
    const struct conf *c = l->b->conf;
    struct addrinfo *a = NULL;
    enum errc rc = resolve(c->broker.listen, &a, e);
    if (rc != ERR_OK)
        return rc;
    if (!is_loopback(a->ai_addr) && !c->broker.listen_any)
        rc = err_set(e, ERR_CONFIG,
                     "broker.listen: %s is reachable from other machines; say "
                     "listen-any = yes if that is meant",
                     c->broker.listen);
    else
        rc = bind_tcp(a, c->broker.listen, ret_fd, e);
    freeaddrinfo(a);
    return rc;
}

/* ---- what a service manager hands over ---- */

static bool is_listening(int fd, int *ret_family)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    int yes = 0;
    socklen_t yes_len = sizeof yes;
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &yes_len) != 0)
        return false;
    *ret_family = a.ss_family;
    return yes != 0;
}

/* Source: systemd, sd_listen_fds(3), "Notes": the protocol in the environment. */
static size_t take_handed_over(struct listen *l)
{
    const char *pid = getenv("LISTEN_PID"), *n_text = getenv("LISTEN_FDS");
    uint64_t n = 0, for_pid = 0;
    if (pid == NULL || n_text == NULL ||
        num_u64(str_of(pid), INT32_MAX, &for_pid) != ERR_OK ||
        for_pid != (uint64_t)getpid() || num_u64(str_of(n_text), DOORS_MAX, &n) != ERR_OK)
        n = 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (int fd = FIRST_FD; fd < FIRST_FD + (int)n; fd++) {
        int family = AF_UNSPEC, flags = fcntl(fd, F_GETFL);
        if (!is_listening(fd, &family) || flags < 0)
            continue;
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        add_door(l, fd, family == AF_UNIX, true);
    }
    return l->n_doors;
}

bool listen_is_activated(const struct listen *l)
{
    return l->n_doors > 0 && l->doors[0].is_inherited;
}

/* ---- the lock ---- */

static enum errc write_pid(struct listen *l, struct err *e)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(l->lock_fd, 0) != 0 || pwrite(l->lock_fd, text, (size_t)n, 0) != n)
        return err_errno(e, ERR_BROKER, "cannot write %s", l->lock_path);
    return ERR_OK;
}

/*
 * Who holds the lock and answers is the broker of this socket. Who holds it and does not answer is
 * stopping, and has the ledger still: worth a short wait, as a client started us in its place.
 */
static enum errc take_lock(struct listen *l, struct err *e)
{
    l->lock_fd = open(l->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->lock_fd < 0)
        return err_errno(e, ERR_BROKER, "cannot open %s", l->lock_path);
    int64_t until_us = clock_mono_us(l->b->clock) + LOCK_WAIT_US;
    while (flock(l->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (!is_answered(l->path) && clock_mono_us(l->b->clock) < until_us) {
            poll(NULL, 0, LOCK_POLL_MS);
            continue;
        }
        char text[32];
        ssize_t n = pread(l->lock_fd, text, sizeof text, 0);
        struct str pid = str_trim((struct str){text, (size_t)MAX(n, 0)});
        return err_set(e, ERR_BROKER, "a broker is running already on %s (pid %.*s)",
                       l->path, STR_ARG(pid));
    }
    return write_pid(l, e);
}

/* Ours, and not one that somebody else has put in its place since? */
static void remove_socket(struct listen *l)
{
    struct stat st;
    if (l->made.st_ino != 0 && lstat(l->path, &st) == 0 && st.st_ino == l->made.st_ino &&
        st.st_dev == l->made.st_dev)
        unlink(l->path);
    l->made.st_ino = 0;
}

/* ---- the interface ---- */

enum errc listen_open(struct broker *b, const char *path, conn_handler *handler,
                      struct listen **ret, struct err *e)
{
    AUTO(listen_free) struct listen *l = MEM_NEW(struct listen);
    if (l == NULL)
        return err_set(e, ERR_MEMORY, "no memory to listen");
    *l =
        (struct listen){.magic = listen_MAGIC, .b = b, .handler = handler, .lock_fd = -1};
    l->retry = (struct loop_timer){.fn = on_retry, .arg = l};
    if (strlen(path) > LIMIT_SOCK_PATH)
        return err_set(e, ERR_BROKER, "the socket's path is longer than %d bytes: %s",
                       LIMIT_SOCK_PATH, path);
    snprintf(l->path, sizeof l->path, "%s", path);
    snprintf(l->lock_path, sizeof l->lock_path, "%s.pid", path);
    enum errc rc = make_dirs(l, e);
    if (rc == ERR_OK)
        rc = take_lock(l, e);
    if (rc == ERR_OK && take_handed_over(l) == 0)
        rc = open_unix(l, e);
    if (rc == ERR_OK)
        rc = listen_reload(l, e);
    if (rc != ERR_OK)
        return rc;
    *ret = l;
    l = NULL;
    return ERR_OK;
}

void listen_start(struct listen *l)
{
    l->is_started = true;
    watch_doors(l, true, true);
}

void listen_stop(struct listen *l)
{
    l->is_started = false;
    loop_timer_stop(l->b->loop, &l->retry);
    close_doors(l, true, true);
    remove_socket(l);
}

void listen_free(struct listen **lp)
{
    struct listen *l = *lp;
    if (l == NULL)
        return;
    *lp = NULL;
    listen_stop(l);
    if (l->lock_fd >= 0)
        close(l->lock_fd);
    l->magic = 0;
    mem_free(l);
}

enum errc listen_recreate(struct listen *l, struct err *e)
{
    if (listen_is_activated(l))
        return err_set(e, ERR_BROKER, "the socket belongs to the service manager");
    close_doors(l, true, false);
    enum errc rc = make_dirs(l, e);
    if (rc == ERR_OK)
        rc = open_unix(l, e);
    if (rc == ERR_OK && l->is_started)
        watch_doors(l, true, true);
    return rc;
}

enum errc listen_reload(struct listen *l, struct err *e)
{
    int fd = -1;
    const char *where = l->b->conf->broker.listen;
    if (where == NULL || listen_is_activated(l))
        where = "";
    if (strcmp(where, l->tcp) == 0)
        return ERR_OK;
    if (where[0] != '\0' && open_tcp(l, &fd, e) != ERR_OK)
        return e->code;
    close_doors(l, false, true);
    snprintf(l->tcp, sizeof l->tcp, "%s", where);
    if (fd >= 0) {
        add_door(l, fd, false, false);
        tell_address(l, fd);
        if (l->b->conf->n_clients == 0)
            log_write(&l->b->log, LOG_WARN, "listen",
                      "no client has a key yet: llmgw client add NAME makes one",
                      "listen=%s", where);
    }
    if (l->is_started)
        watch_doors(l, true, true);
    return ERR_OK;
}
