/* test_listen.c: doors: one broker a socket, dead sockets, modes, TCP only where it is meant. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/mem.h"

#include "broker/broker.h"
#include "broker/listen.h"
#include "tests/unit/fault.h"

#include <cmocka.h>

struct site {
    struct broker b;
    struct conf conf;
    struct listen *l;
    char dir[32], path[64], lock[72], log[64];
    int n_requests;
};

/* The parts of the broker that doors and connections need. */
struct conf *broker_conf_ref(struct broker *b)
{
    return b->conf;
}

void broker_conf_unref(struct broker *b, struct conf **c)
{
    (void)b;
    *c = NULL;
}

int api_refusal(struct broker *b, const struct http1_head *head, const struct err *e,
                struct buf *headers, struct buf *body)
{
    (void)b, (void)head;
    http1_write_header(headers, "content-type", STR("application/json"));
    buf_printf(body, "{\"error\":{\"message\":\"%s\"}}", e->text);
    return e->sys >= 400 && e->sys < 600 ? e->sys : errc_http(e->code);
}

void broker_client_came(struct broker *b)
{
    (void)b;
}

static void handler(struct broker *b, struct conn *c, const struct conn_request *r)
{
    struct site *s = container_of(b, struct site, b);
    s->n_requests++;
    assert_int_equal(r->uid, (int64_t)geteuid());
    conn_reply(c, 200, STR_NONE, STR("fine"));
}

static int set_up(void **state)
{
    struct site *s = MEM_NEW(struct site);
    struct err e = ERR_INIT;
    snprintf(s->dir, sizeof s->dir, "/tmp/lgw-listen.XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof s->path, "%s/run/broker.sock", s->dir);
    snprintf(s->lock, sizeof s->lock, "%s.pid", s->path);
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    s->b.clock = &clock_system;
    s->b.conf = &s->conf;
    list_init(&s->b.conns);
    log_init(&s->b.log, open(s->log, O_RDWR | O_CREAT | O_CLOEXEC, 0600), LOG_INFO,
             &clock_system);
    assert_int_equal(loop_new(NULL, &s->b.loop, &e), ERR_OK);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct site *s = *state;
    char run[64];
    listen_free(&s->l);
    conn_close_all(&s->b);
    loop_free(&s->b.loop);
    assert_int_not_equal(access(s->path, F_OK), 0); /* our socket goes with us */
    close(s->b.log.fd);
    unlink(s->lock);
    unlink(s->log);
    snprintf(run, sizeof run, "%s/run", s->dir);
    rmdir(run);
    assert_int_equal(rmdir(s->dir), 0);
    mem_free(s);
    return 0;
}

static enum errc open_doors(struct site *s, struct listen **ret, struct err *e)
{
    enum errc rc = listen_open(&s->b, s->path, handler, ret, e);
    if (rc == ERR_OK)
        listen_start(*ret);
    return rc;
}

static void turns(struct site *s)
{
    struct err e = ERR_INIT;
    for (int i = 0; i < 5; i++)
        assert_int_equal(loop_turn(s->b.loop, 5 * US_PER_MS, &e), ERR_OK);
}

static int unix_socket(const char *path, bool as_server)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = as_server ? bind(fd, (struct sockaddr *)&a, sizeof a)
                       : connect(fd, (struct sockaddr *)&a, sizeof a);
    if (rc == 0)
        return fd;
    close(fd);
    return -1;
}

static void expect_answer(struct site *s)
{
    char text[512];
    int fd = unix_socket(s->path, false), before = s->n_requests;
    assert_true(fd >= 0);
    assert_true(send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, 0) == 27);
    turns(s);
    assert_int_equal(s->n_requests, before + 1);
    ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);
    assert_true(n > 12 && memcmp(text, "HTTP/1.1 200", 12) == 0);
    close(fd);
    turns(s);
}

static void the_socket_is_for_its_owner_alone(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    struct stat st;
    char run[64];
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    assert_int_equal(stat(s->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(run, sizeof run, "%s/run", s->dir);
    assert_int_equal(stat(run, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    expect_answer(s);
}

static void others_are_let_near_only_on_purpose(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    struct stat st;
    s->conf.broker.allow_uid[0] = 12345;
    s->conf.broker.n_allow_uid = 1;
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    listen_free(&s->l);
    s->conf.broker.n_allow_uid = 0;
    s->conf.broker.socket_group = "no-such-group";
    assert_int_equal(open_doors(s, &s->l, &e), ERR_CONFIG);
}

static void a_second_broker_is_refused(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    struct listen *other = NULL;
    char pid[32];
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    assert_int_equal(open_doors(s, &other, &e), ERR_BROKER);
    snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
    assert_non_null(strstr(e.text, pid));
    assert_null(other);
    expect_answer(s);
}

static void a_dead_socket_is_replaced(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    listen_free(&s->l);
    int dead = unix_socket(s->path, true);
    assert_true(dead >= 0);
    close(dead);
    assert_int_equal(access(s->path, F_OK), 0);
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    expect_answer(s);
}

static void what_answers_or_is_no_socket_stays(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    listen_free(&s->l);
    int alive = unix_socket(s->path, true);
    assert_int_equal(listen(alive, 5), 0);
    assert_int_equal(open_doors(s, &s->l, &e), ERR_BROKER);
    close(alive);
    unlink(s->path);
    int file = open(s->path, O_CREAT | O_WRONLY, 0600);
    close(file);
    assert_int_equal(open_doors(s, &s->l, &e), ERR_BROKER);
    assert_int_equal(unlink(s->path), 0);
}

static void a_deleted_socket_is_made_anew(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(listen_recreate(s->l, &e), ERR_OK);
    expect_answer(s);
    /* also while it is still there */
    assert_int_equal(listen_recreate(s->l, &e), ERR_OK);
    expect_answer(s);
}

static void a_socket_of_somebody_else_is_not_removed(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    unlink(s->path);
    int other = unix_socket(s->path, true);
    listen_free(&s->l);
    assert_int_equal(access(s->path, F_OK), 0);
    close(other);
    unlink(s->path);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    char path[200];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_int_equal(listen_open(&s->b, path, handler, &s->l, &e), ERR_BROKER);
    assert_non_null(strstr(e.text, "107"));
}

/* The port of the only TCP door, from the log. */
static int tcp_port(struct site *s)
{
    char text[4096];
    ssize_t n = pread(s->b.log.fd, text, sizeof text - 1, 0);
    text[MAX(n, 0)] = '\0';
    const char *p = strstr(text, " port=");
    int port = 0;
    for (p = p ? p + 6 : ""; *p >= '0' && *p <= '9'; p++)
        port = 10 * port + (*p - '0');
    return port;
}

static bool connects(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}

static void tcp_follows_the_configuration(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    s->conf.broker.listen = "127.0.0.1:0";
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    int port = tcp_port(s);
    assert_true(port > 0 && connects(port));
    /* what cannot be had leaves what was */
    s->conf.broker.listen = "0.0.0.0:0";
    assert_int_equal(listen_reload(s->l, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "listen-any"));
    assert_true(connects(port));
    s->conf.broker.listen = "somewhere";
    assert_int_equal(listen_reload(s->l, &e), ERR_CONFIG);
    s->conf.broker.listen = NULL;
    assert_int_equal(listen_reload(s->l, &e), ERR_OK);
    assert_false(connects(port));
    expect_answer(s);
}

static void tcp_clients_cannot_fill_the_house(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    s->conf.broker.listen = "127.0.0.1:0";
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    const size_t tcp_most = LIMIT_CONNS - LIMIT_CONNS / 8;
    s->b.n_conns += tcp_most - 1;
    assert_true(connects(tcp_port(s))); /* the last one; it has left again */
    turns(s);
    s->b.n_conns++;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)tcp_port(s))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    turns(s);
    assert_int_equal(s->b.n_conns, tcp_most); /* it waits in the kernel */
    expect_answer(s);
    for (int i = 0; i < 10; i++) /* past the pause: it is full still, our door is not */
        turns(s);
    expect_answer(s);
    s->b.n_conns -= tcp_most;
    for (int i = 0; i < 10; i++)
        turns(s);
    assert_int_equal(s->b.n_conns, 1);
    close(fd);
    turns(s);
}

static void doors_handed_over_are_taken(void **state)
{
    struct site *s = *state;
    struct err e = ERR_INIT;
    char pid[32], path[64];
    snprintf(path, sizeof path, "%s/handed.sock", s->dir);
    int saved = dup(3), fd = unix_socket(path, true);
    assert_int_equal(listen(fd, 5), 0);
    if (fd != 3) {
        assert_int_equal(dup2(fd, 3), 3);
        close(fd);
    }
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    assert_true(listen_is_activated(s->l));
    assert_null(getenv("LISTEN_FDS"));
    assert_int_not_equal(access(s->path, F_OK), 0);
    char made[64];
    snprintf(made, sizeof made, "%s", s->path);
    snprintf(s->path, sizeof s->path, "%s", path);
    expect_answer(s);
    assert_int_equal(listen_recreate(s->l, &e), ERR_BROKER);
    listen_free(&s->l);
    assert_int_equal(access(path, F_OK), 0); /* the service manager's to remove */
    unlink(path);
    snprintf(s->path, sizeof s->path, "%s", made);
    if (saved >= 0) {
        dup2(saved, 3);
        close(saved);
    }
}

/* Opens, lets somebody in over each door, makes the socket anew, loads anew, and closes. */
static enum errc live(struct site *s, struct err *e)
{
    struct listen *l = NULL;
    enum errc rc = open_doors(s, &l, e);
    if (rc != ERR_OK) {
        assert_null(l);
        return rc;
    }
    int fd = unix_socket(s->path, false);
    assert_true(fd >= 0);
    turns(s);
    close(fd);
    assert_true(connects(tcp_port(s)));
    turns(s);
    rc = listen_recreate(l, e);
    if (rc == ERR_OK)
        rc = listen_reload(l, e);
    turns(s);
    listen_free(&l);
    assert_int_equal(s->b.n_conns, 0);
    return rc;
}

static void a_failing_allocation_is_told_and_leaves_no_door(void **state)
{
    struct site *s = *state;
    long n = 0;
    s->conf.broker.listen = "127.0.0.1:0";
    for (bool has_struck = true; has_struck; n++) {
        struct err e = ERR_INIT;
        assert_int_equal(ftruncate(s->b.log.fd, 0), 0);
        assert_int_equal(lseek(s->b.log.fd, 0, SEEK_SET), 0);
        fault_arm(FAULT_MEMORY, FAULT_ONCE, n);
        enum errc rc = live(s, &e);
        has_struck = fault_disarm();
        assert_true(rc == ERR_OK || rc == ERR_MEMORY);
        assert_true(rc == ERR_OK || e.text[0] != '\0');
        assert_int_not_equal(access(s->path, F_OK), 0);
    }
    assert_true(n > 4);
    struct err e = ERR_INIT;
    assert_int_equal(open_doors(s, &s->l, &e), ERR_OK);
    expect_answer(s);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_socket_is_for_its_owner_alone),
        CASE(others_are_let_near_only_on_purpose),
        CASE(a_second_broker_is_refused),
        CASE(a_dead_socket_is_replaced),
        CASE(what_answers_or_is_no_socket_stays),
        CASE(a_deleted_socket_is_made_anew),
        CASE(a_socket_of_somebody_else_is_not_removed),
        CASE(a_path_that_is_too_long_is_refused),
        CASE(tcp_follows_the_configuration),
        CASE(tcp_clients_cannot_fill_the_house),
        CASE(doors_handed_over_are_taken),
        CASE(a_failing_allocation_is_told_and_leaves_no_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
