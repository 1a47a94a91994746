/*
 * test_conn.c: connections against a handler and a client that the test plays both.
 *
 * Most use a pair of SEQPACKET sockets, where every write is a packet of its own: so a test
 * sees what left together.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mem.h"

#include "broker/broker.h"
#include "broker/conn.h"
#include "broker/secret.h"
#include "tests/unit/fault.h"

#include <cmocka.h>

struct test_clock {
    struct clock clock;
    int64_t now_us;
};

static int64_t test_now(const struct clock *c)
{
    return container_of((void *)(uintptr_t)c, struct test_clock, clock)->now_us;
}

struct site {
    struct broker b;
    struct test_clock clock;
    struct conf conf;
    struct conf_client client;
    char hash[SECRET_HASH_LEN + 1];
    int n_refs;
    int fd; /* the client's side */
    /* what the handler saw */
    struct conn *c;
    int n_requests, n_gone, n_drained;
    struct buf seen; /* "METHOD PATH body\n" */
    const char *client_name;
    size_t checked_len; /* of member "a", found while a long body came */
    bool hold;          /* the test answers later */
};

/* The parts of the broker that conn.c needs. */
struct conf *broker_conf_ref(struct broker *b)
{
    struct site *s = container_of(b, struct site, b);
    s->n_refs++;
    return &s->conf;
}

void broker_conf_unref(struct broker *b, struct conf **c)
{
    struct site *s = container_of(b, struct site, b);
    s->n_refs--;
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

static void on_drain(void *arg)
{
    ((struct site *)arg)->n_drained++;
}

static void on_gone(void *arg)
{
    ((struct site *)arg)->n_gone++;
}

static const struct conn_fns fns = {on_drain, on_gone};

static void handler(struct broker *b, struct conn *c, const struct conn_request *r)
{
    struct site *s = container_of(b, struct site, b);
    s->c = c;
    s->n_requests++;
    s->client_name = r->client != NULL ? r->client->name : NULL;
    struct jfield a = {.name = "a"};
    struct err e = ERR_INIT;
    if (r->check != NULL && jcheck_fields(r->check, r->body, &a, 1, &e) == ERR_OK)
        s->checked_len = a.value.len;
    buf_printf(&s->seen, "%.*s %.*s %.*s\n", STR_ARG(r->head->method),
               STR_ARG(r->head->path), STR_ARG(r->body));
    if (s->hold)
        conn_hold(c, &fns, s);
    else
        conn_reply(c, 200, STR("X-A: 1\r\n"), STR("fine"));
}

static void turn(struct site *s)
{
    struct err e = ERR_INIT;
    assert_int_equal(loop_turn(s->b.loop, 0, &e), ERR_OK);
}

static void turns(struct site *s, int n)
{
    while (n-- > 0)
        turn(s);
}

static void say(struct site *s, const char *text)
{
    assert_int_equal(send(s->fd, text, strlen(text), MSG_NOSIGNAL),
                     (ssize_t)strlen(text));
    turns(s, 3);
}

enum { NOTHING = -1, CLOSED = 0 };

/* The next packet as text: NOTHING there, or CLOSED. */
static ssize_t hear(struct site *s, char *text, size_t max)
{
    turns(s, 3);
    ssize_t n = recv(s->fd, text, max - 1, 0);
    text[MAX(n, 0)] = '\0';
    return n < 0 ? NOTHING : n;
}

static void expect(struct site *s, const char *want)
{
    char got[8192];
    assert_true(hear(s, got, sizeof got) > 0);
    assert_string_equal(got, want);
}

static void expect_start(struct site *s, const char *want)
{
    char got[8192];
    assert_true(hear(s, got, sizeof got) > 0);
    got[MIN(strlen(want), sizeof got - 1)] = '\0';
    assert_string_equal(got, want);
}

static void expect_no(struct site *s, ssize_t what)
{
    char got[8192];
    assert_int_equal(hear(s, got, sizeof got), what);
}

static void pass(struct site *s, int64_t us)
{
    s->clock.now_us += us;
    turns(s, 2);
}

static void open_pair(struct site *s, int type, bool is_unix)
{
    int fd[2];
    struct err e = ERR_INIT;
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fd), 0);
    s->fd = fd[0];
    assert_int_equal(conn_new(&s->b, fd[1], is_unix, is_unix ? 0 : -1, handler, &e),
                     ERR_OK);
}

static int set_up(void **state)
{
    struct site *s = MEM_NEW(struct site);
    struct err e = ERR_INIT;
    s->clock = (struct test_clock){.clock = {test_now, test_now}, .now_us = US_PER_S};
    list_init(&s->b.conns);
    assert_int_equal(loop_new(&s->clock.clock, &s->b.loop, &e), ERR_OK);
    secret_hash(STR("sk-client"), s->hash);
    s->client = (struct conf_client){.name = "ci", .key_hash = s->hash};
    s->conf.clients = &s->client;
    s->conf.n_clients = 1;
    buf_init(&s->seen, 1 << 20);
    open_pair(s, SOCK_SEQPACKET, true);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct site *s = *state;
    if (s->fd >= 0)
        close(s->fd);
    turns(s, 3);
    /* every connection noticed, and put everything back */
    assert_int_equal(s->b.n_conns, 0);
    assert_int_equal(s->n_refs, 0);
    loop_free(&s->b.loop);
    buf_release(&s->seen);
    mem_free(s);
    return 0;
}

#define POST "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
#define FINE "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 4\r\n\r\nfine"

static void requests_are_answered_one_after_the_other(void **state)
{
    struct site *s = *state;
    for (int i = 0; i < 3; i++) {
        say(s, POST);
        expect(s, FINE);
    }
    assert_string_equal(s->seen.data, "POST /a body\nPOST /a body\nPOST /a body\n");
}

static void a_request_may_come_byte_by_byte(void **state)
{
    struct site *s = *state;
    for (size_t i = 0; i < sizeof POST - 1; i++) {
        char one[2] = {POST[i], '\0'};
        assert_int_equal(s->n_requests, 0);
        say(s, one);
    }
    expect(s, FINE);
}

/* A head that comes in parts moves as it grows, and so does one that waits its turn. */
static void no_freed_memory_has_a_key(void **state)
{
    struct site *s = *state;
    char more[1500];
    memset(more, 'x', sizeof more - 1);
    more[sizeof more - 1] = '\0';
    freed_watch("sk-secret");
    s->hold = true;
    for (int i = 0; i < 2; i++) { /* the second comes while the first is answered */
        say(s,
            "POST /a HTTP/1.1\r\nHost: x\r\nx-llmgw-provider-key: p=sk-secret\r\nx-y: ");
        say(s, more);
        say(s, "\r\nContent-Length: 0\r\n\r\n");
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s->n_requests, i + 1);
        conn_reply(s->c, 200, STR_NONE, STR("1"));
        expect_start(s, "HTTP/1.1 200 OK");
    }
    close(s->fd);
    s->fd = -1;
    turns(s, 3);
    assert_int_equal(s->b.n_conns, 0);
    assert_int_equal(freed_with_secret(), 0);
    freed_watch(NULL);
}

static void chunked_bodies_are_decoded(void **state)
{
    struct site *s = *state;
    say(s,
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n");
    say(s, "2\r\ndy\r\n0\r\n\r\n");
    expect(s, FINE);
    assert_string_equal(s->seen.data, "POST /a body\n");
}

static void pipelined_requests_wait(void **state)
{
    struct site *s = *state;
    s->hold = true;
    say(s, POST POST "GET /b HTTP/1.1\r\nHost: x\r\n\r\nPO");
    assert_int_equal(s->n_requests, 1);
    conn_reply(s->c, 200, STR_NONE, STR("1"));
    expect(s, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(s->n_requests, 2);
    conn_reply(s->c, 200, STR_NONE, STR("2"));
    expect_start(s, "HTTP/1.1 200 OK");
    assert_int_equal(s->n_requests, 3);
    conn_reply(s->c, 200, STR_NONE, STR("3"));
    expect_start(s, "HTTP/1.1 200 OK");
    say(s, "ST /c HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(s->seen.data, "POST /a body\nPOST /a body\nGET /b \nPOST /c \n");
    conn_reply(s->c, 200, STR_NONE, STR("4"));
}

static void too_many_pipelined_bytes_end_the_connection(void **state)
{
    struct site *s = *state;
    static char junk[32 * 1024];
    s->hold = true;
    say(s, POST);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(send(s->fd, junk, sizeof junk, 0), sizeof junk);
        turns(s, 2);
    }
    conn_reply(s->c, 200, STR_NONE, STR("1"));
    expect(s, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1");
    expect_no(s, CLOSED);
    assert_int_equal(s->n_requests, 1);
}

static void what_is_no_request_is_refused(void **state)
{
    struct site *s = *state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
         "chunked\r\n\r\n",
         "HTTP/1.1 400 Bad Request"},
        {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 68719476736\r\n\r\n",
         "HTTP/1.1 413 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         "HTTP/1.1 400 Bad Request"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[8192];
        say(s, rows[i].text);
        assert_true(hear(s, got, sizeof got) > 0);
        assert_int_equal(strncmp(got, rows[i].want, strlen(rows[i].want)), 0);
        assert_non_null(strstr(got, "\r\nConnection: close\r\n"));
        assert_non_null(strstr(got, "\r\n\r\n{\"error\":{\"message\":"));
        expect_no(s, CLOSED);
        close(s->fd);
        turn(s);
        open_pair(s, SOCK_SEQPACKET, true);
    }
    assert_int_equal(s->n_requests, 0);
}

static void a_slow_head_is_given_up(void **state)
{
    struct site *s = *state;
    pass(s, 3600 * (int64_t)US_PER_S); /* idle on the Unix socket: no limit */
    say(s, "GET / HT");
    pass(s, 9 * US_PER_S);
    expect_no(s, NOTHING);
    say(s, "TP/1.1\r\n");
    pass(s, 2 * US_PER_S);
    expect_start(s, "HTTP/1.1 408 ");
    expect_no(s, CLOSED);
}

static void a_long_body_is_checked_when_it_is_there(void **state)
{
    struct site *s = *state;
    static const struct {
        size_t len, checked_len;
    } rows[] = {{1000, 0}, {64 * 1024, 0}, {300000, 300000 - 6}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf body = BUF_INIT(1 << 20);
        char head[100];
        s->checked_len = 0;
        buf_addz(&body, "{\"a\":\"");
        while (body.len < rows[i].len - 2)
            buf_addc(&body, 'x');
        buf_addz(&body, "\"}");
        snprintf(head, sizeof head,
                 "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", body.len);
        say(s, head);
        for (size_t at = 0; at < body.len; at += 10000) {
            struct str part = str_sub(buf_str(&body), at, 10000);
            assert_int_equal(send(s->fd, part.ptr, part.len, MSG_NOSIGNAL),
                             (ssize_t)part.len);
            turn(s);
        }
        buf_release(&body);
        turns(s, 3);
        assert_int_equal(s->n_requests, i + 1);
        assert_int_equal(s->checked_len, rows[i].checked_len);
        char text[1000];
        assert_true(hear(s, text, sizeof text) > 0);
    }
}

static void a_body_must_keep_a_minimum_rate(void **state)
{
    struct site *s = *state;
    static char part[128 * 1024];
    say(s, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    assert_int_equal(send(s->fd, part, sizeof part, 0), sizeof part);
    turns(s, 4);
    pass(s, 32 * (int64_t)US_PER_S); /* 30 s, and 2 to 4 for 64 to 128 KiB */
    expect_no(s, NOTHING);
    pass(s, 3 * US_PER_S);
    expect_start(s, "HTTP/1.1 408 ");
    assert_int_equal(s->n_requests, 0);
}

static void the_client_is_told_to_go_on(void **state)
{
    struct site *s = *state;
    say(s, "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
           "4\r\n\r\n");
    expect(s, "HTTP/1.1 100 Continue\r\n\r\n");
    say(s, "body");
    expect(s, FINE);
    say(s, "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
           "4\r\n\r\nbody");
    expect(s, FINE);
}

static void head_and_first_bytes_leave_together(void **state)
{
    struct site *s = *state;
    s->hold = true;
    say(s, POST);
    conn_reply_start(s->c, 200, STR("X-A: 1\r\n"));
    assert_true(conn_write(s->c, STR("data: 1\n\n")));
    assert_true(conn_write(s->c, STR("data: 2\n\n")));
    expect(s, "HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
              "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n");
    conn_write(s->c, STR("data: 3\n\n"));
    conn_reply_end(s->c);
    expect(s, "9\r\ndata: 3\n\n\r\n0\r\n\r\n");
    assert_int_equal(s->n_gone, 0);
}

static void an_aborted_answer_has_no_last_chunk(void **state)
{
    struct site *s = *state;
    s->hold = true;
    say(s, POST);
    conn_reply_start(s->c, 200, STR_NONE);
    conn_write(s->c, STR("x"));
    conn_reply_abort(s->c);
    expect(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    expect_no(s, CLOSED);
    assert_int_equal(s->n_gone, 0);
}

static void old_clients_get_no_chunks(void **state)
{
    struct site *s = *state;
    s->hold = true;
    say(s, "GET /a HTTP/1.0\r\n\r\n");
    conn_reply_start(s->c, 200, STR_NONE);
    conn_write(s->c, STR("x"));
    expect(s, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx");
    conn_reply_end(s->c);
    expect_no(s, CLOSED);
}

static void head_requests_get_no_body(void **state)
{
    struct site *s = *state;
    say(s, "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(s,
           "HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: close\r\nContent-Length: 4\r\n\r\n");
    expect_no(s, CLOSED);
}

static void a_hang_up_is_told_at_once(void **state)
{
    struct site *s = *state;
    enum { BEFORE_ANSWER, IN_STREAM, WITH_BYTES_WAITING, N_CASES };
    s->hold = true;
    for (int i = 0; i < N_CASES; i++) {
        say(s, POST);
        assert_int_equal(s->n_requests, i + 1);
        if (i == IN_STREAM)
            conn_reply_start(s->c, 200, STR_NONE);
        if (i == WITH_BYTES_WAITING)
            assert_int_equal(send(s->fd, POST, sizeof POST - 1, 0), sizeof POST - 1);
        close(s->fd);
        turn(s);
        turn(s);
        assert_int_equal(s->n_gone, i + 1);
        assert_int_equal(s->b.n_conns, 0);
        open_pair(s, SOCK_SEQPACKET, true);
    }
}

static void a_slow_reader_holds_its_writer(void **state)
{
    struct site *s = *state;
    static char part[50000], bytes[50000];
    close(s->fd);
    turn(s);
    open_pair(s, SOCK_STREAM, true);
    s->hold = true;
    say(s, POST);
    conn_reply_start(s->c, 200, STR_NONE);
    size_t n_written = 0;
    memset(part, 'p', sizeof part);
    do {
        n_written++;
    } while (conn_write(s->c, (struct str){part, sizeof part}));
    assert_true(conn_queue_len(s->c) > LIMIT_OUT_HIGH);
    assert_true(conn_queue_len(s->c) < LIMIT_OUT_HIGH + 2 * sizeof part);
    turns(s, 5);
    assert_int_equal(s->n_drained, 0);
    size_t n_p = 0;
    for (int i = 0; i < 200; i++) {
        ssize_t n = recv(s->fd, bytes, sizeof bytes, 0);
        for (ssize_t k = 0; k < n; k++)
            n_p += bytes[k] == 'p';
        turn(s);
        assert_true(s->n_drained == 0 || conn_queue_len(s->c) < LIMIT_OUT_LOW);
    }
    assert_int_equal(s->n_drained, 1);
    assert_int_equal(n_p, n_written * sizeof part);
    assert_true(conn_write(s->c, STR("x")));
    conn_reply_end(s->c);
    turns(s, 2);
}

/* More than the kernel takes at once, from one call, and every byte in its place. */
static void a_large_answer_comes_whole(void **state)
{
    struct site *s = *state;
    enum { LEN = 5000011 };
    for (int taken = 0; taken <= 1; taken++) {
        close(s->fd);
        turn(s);
        open_pair(s, SOCK_STREAM, true);
        s->hold = true;
        say(s, POST);
        struct buf body = BUF_INIT(LEN), sent = BUF_INIT(LEN),
                   got = BUF_INIT(LEN + 100000);
        for (uint32_t i = 0; i < LEN; i++)
            buf_addc(&body, (char)('a' + i % 23));
        buf_adds(&sent, buf_str(&body));
        const char *at = body.data;
        if (taken)
            conn_reply_take(s->c, 200, STR_NONE, &body);
        else
            conn_reply(s->c, 200, STR_NONE, buf_str(&body));
        assert_true(conn_queue_len(s->c) > LEN / 2);
        assert_ptr_equal(body.data, taken ? NULL : at); /* it is not copied */
        while (got.len < LEN) {
            ssize_t n = recv(s->fd, buf_room(&got, 70000), 70000, 0);
            if (n > 0)
                buf_grown(&got, (size_t)n);
            turn(s);
        }
        assert_true(str_ends(buf_str(&got), buf_str(&sent)));
        say(s, POST);
        conn_reply(s->c, 200, STR_NONE, STR("x"));
        turn(s);
        buf_release(&body);
        buf_release(&sent);
        buf_release(&got);
    }
    assert_int_equal(s->n_requests, 4);
}

/* Its predecessors have filled the kernel: not even its head is taken at once. */
static void a_large_answer_behind_others_comes_whole(void **state)
{
    enum { ANSWERS = 60, LEN = 20000 };
    struct site *s = *state;
    struct buf want = BUF_INIT(ANSWERS * (LEN + 100)), got = BUF_INIT(want.max);
    int n_answered = 0;
    close(s->fd);
    turn(s);
    open_pair(s, SOCK_STREAM, true);
    s->hold = true;
    for (int i = 0; i < ANSWERS; i++)
        say(s, POST);
    while (n_answered < ANSWERS) {
        struct buf body = BUF_INIT(LEN);
        turns(s, 3);
        if (n_answered == s->n_requests) { /* it waits for us to read */
            ssize_t n = recv(s->fd, buf_room(&got, 7000), 7000, 0);
            assert_true(n > 0);
            buf_grown(&got, (size_t)n);
            continue;
        }
        for (int i = 0; i < LEN; i++)
            buf_addc(&body, (char)('a' + (i + n_answered) % 23));
        buf_printf(&want, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", LEN,
                   body.data);
        conn_reply_take(s->c, 200, STR_NONE, &body);
        n_answered++;
        buf_release(&body);
    }
    while (got.len < want.len) {
        ssize_t n = recv(s->fd, buf_room(&got, 7000), 7000, 0);
        assert_true(n > 0);
        buf_grown(&got, (size_t)n);
        turns(s, 3);
    }
    assert_true(str_eq(buf_str(&got), buf_str(&want)));
    buf_release(&want);
    buf_release(&got);
}

static void a_tcp_client_needs_its_key(void **state)
{
    struct site *s = *state;
    static const struct {
        const char *header;
        bool ok;
    } rows[] = {
        {"", false},
        {"Authorization: Bearer sk-other\r\n", false},
        {"Authorization: Bearer sk-client2\r\n", false},
        {"Authorization: Basic sk-client\r\n", false},
        {"x-api-key: sk-clien\r\n", false},
        {"Authorization: Bearer sk-client\r\n", true},
        {"authorization: bearer sk-client\r\n", true},
        {"X-Api-Key: sk-client\r\n", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512], got[2048];
        close(s->fd);
        turn(s);
        open_pair(s, SOCK_SEQPACKET, false);
        s->n_requests = 0;
        snprintf(text, sizeof text,
                 "POST /a HTTP/1.1\r\nHost: x\r\n%sContent-Length: 9\r\n\r\n",
                 rows[i].header);
        say(s, text);
        if (rows[i].ok) {
            say(s, "012345678");
            expect(s, FINE);
            assert_string_equal(s->client_name, "ci");
            continue;
        }
        /* refused before the body comes */
        assert_true(hear(s, got, sizeof got) > 0);
        assert_int_equal(strncmp(got, "HTTP/1.1 401 ", 13), 0);
        assert_non_null(strstr(got, "\r\nWWW-Authenticate: Bearer\r\n"));
        assert_null(strstr(got, "sk-"));
        expect_no(s, CLOSED);
        assert_int_equal(s->n_requests, 0);
    }
}

static void an_idle_tcp_client_is_sent_away(void **state)
{
    struct site *s = *state;
    close(s->fd);
    turn(s);
    open_pair(s, SOCK_SEQPACKET, false);
    say(s, "GET /a HTTP/1.1\r\nHost: x\r\nx-api-key: sk-client\r\n\r\n");
    expect(s, FINE);
    pass(s, 74 * US_PER_S);
    expect_no(s, NOTHING);
    pass(s, 2 * US_PER_S);
    expect_no(s, CLOSED);
}

static void draining_ends_idle_and_busy_connections(void **state)
{
    struct site *s = *state;
    s->hold = true;
    say(s, POST);
    conn_drain_all(&s->b);
    turns(s, 3);
    assert_int_equal(s->b.n_conns, 1);
    conn_reply(s->c, 200, STR_NONE, STR("x"));
    expect_start(s, "HTTP/1.1 200 OK\r\nConnection: close\r\n");
    expect_no(s, CLOSED);
    close(s->fd);
    turn(s);
    open_pair(s, SOCK_SEQPACKET, true);
    s->hold = false;
    say(s, POST);
    expect(s, FINE);
    conn_drain_all(&s->b);
    assert_int_equal(s->b.n_conns, 0);
    expect_no(s, CLOSED);
}

/* ---- each allocation fails ---- */

enum { LARGE_LEN = 100 * 1024 };

/* What the three requests of the conversation get: an answer, a stream, a large answer. */
static void answer_all_kinds(struct broker *b, struct conn *c,
                             const struct conn_request *r)
{
    static char large[LARGE_LEN];
    struct site *s = container_of(b, struct site, b);
    s->n_requests++;
    if (str_eqz(r->head->path, "/stream")) {
        conn_hold(c, &fns, s);
        conn_reply_start(c, 200, STR("X-A: 1\r\n"));
        for (int i = 0; i < 3; i++)
            (void)conn_write(c, STR("some words of a stream"));
        conn_reply_end(c);
    } else if (str_eqz(r->head->path, "/large")) {
        memset(large, 'l', sizeof large);
        conn_reply(c, 200, STR_NONE, (struct str){large, sizeof large});
    } else {
        conn_reply(c, 200, STR("X-A: 1\r\n"), r->body);
    }
}

/* Packets; where a large answer or a stream comes first, no queue is there yet. */
enum { PACKETS = 3 };
static const char *const conversations[][PACKETS] = {
    {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbo",
     "dy\r\n3\r\n...\r\n0\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /la",
     "rge HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", "", ""},
    {"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", "", ""},
};

/* All that comes of the conversation, and whether the connection ended. */
static bool converse(struct site *s, const char *const *packets, struct buf *got)
{
    int fd[2];
    struct err e = ERR_INIT;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    if (conn_new(&s->b, fd[1], true, 0, answer_all_kinds, &e) != ERR_OK)
        assert_int_equal(e.code, ERR_MEMORY);
    ssize_t n = -1;
    for (size_t i = 0; i < PACKETS + 20; i++) {
        if (i < PACKETS && packets[i][0] != '\0')
            (void)send(fd[0], packets[i], strlen(packets[i]), MSG_NOSIGNAL);
        turns(s, 3);
        fault_hold(true);
        while ((n = recv(fd[0], buf_room(got, LARGE_LEN), LARGE_LEN, 0)) > 0)
            buf_grown(got, (size_t)n);
        fault_hold(false);
    }
    bool is_closed = n == 0 || errno == ECONNRESET;
    close(fd[0]);
    turns(s, 3);
    assert_int_equal(s->b.n_conns, 1); /* the one of set_up */
    return is_closed;
}

/* Whole answers as ever; behind them nothing, the beginning of one, or an error; then the end. */
static void check_transcript(struct str got, struct str want, bool is_closed)
{
    size_t same = 0, start = 0;
    while (same < got.len && same < want.len && got.ptr[same] == want.ptr[same])
        same++;
    if (same == want.len && same == got.len)
        return;
    assert_true(is_closed);
    if (same == got.len)
        return;
    for (size_t i = 0; i <= same; i++)
        if (str_starts(str_sub(want, i, want.len), STR("HTTP/1.1 ")))
            start = i;
    struct str rest = str_sub(got, start, got.len);
    assert_true(str_starts(rest, STR("HTTP/1.1 503 ")));
    assert_true(str_contains(rest, STR("\r\nConnection: close\r\n")));
    assert_true(str_ends(rest, STR("\r\n\r\n")) || str_ends(rest, STR("\"}}")));
}

static void fail_everywhere(struct site *s, const char *const *packets)
{
    struct buf want = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
    assert_false(converse(s, packets, &want));
    assert_true(str_ends(buf_str(&want), STR("lll")) ||
                str_ends(buf_str(&want), STR("\r\n0\r\n\r\n")));
    long n = 0;
    for (bool has_struck = true; has_struck; n++) {
        buf_reset(&got);
        fault_arm(FAULT_MEMORY, FAULT_ONCE, n);
        bool is_closed = converse(s, packets, &got);
        has_struck = fault_disarm();
        check_transcript(buf_str(&got), buf_str(&want), is_closed);
        say(s, POST);
        expect(s, FINE);
    }
    assert_true(n > 4);
    buf_release(&want);
    buf_release(&got);
}

static void a_failing_allocation_costs_its_connection_at_most(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(conversations); i++)
        fail_everywhere(*state, conversations[i]);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(requests_are_answered_one_after_the_other),
        CASE(a_request_may_come_byte_by_byte),
        CASE(no_freed_memory_has_a_key),
        CASE(chunked_bodies_are_decoded),
        CASE(pipelined_requests_wait),
        CASE(too_many_pipelined_bytes_end_the_connection),
        CASE(what_is_no_request_is_refused),
        CASE(a_slow_head_is_given_up),
        CASE(a_long_body_is_checked_when_it_is_there),
        CASE(a_body_must_keep_a_minimum_rate),
        CASE(the_client_is_told_to_go_on),
        CASE(head_and_first_bytes_leave_together),
        CASE(an_aborted_answer_has_no_last_chunk),
        CASE(old_clients_get_no_chunks),
        CASE(head_requests_get_no_body),
        CASE(a_hang_up_is_told_at_once),
        CASE(a_slow_reader_holds_its_writer),
        CASE(a_large_answer_comes_whole),
        CASE(a_large_answer_behind_others_comes_whole),
        CASE(a_tcp_client_needs_its_key),
        CASE(an_idle_tcp_client_is_sent_away),
        CASE(draining_ends_idle_and_busy_connections),
        CASE(a_failing_allocation_costs_its_connection_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
