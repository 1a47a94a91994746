/*
 * test_upstream.c: transfers against a server whose every byte the test sends itself.
 *
 * One thread: the test turns the loop until the server's side has what it waits for, answers,
 * and turns it again until the transfer has told what it should.
 */
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
#include <unistd.h>

#include "core/mem.h"

#include "broker/upstream.h"
#include "tests/unit/fault.h"

#include <cmocka.h>

struct site {
    struct loop *loop;
    struct upstream *u;
    int listen_fd;
    char url[64];
};

/* What a transfer told. */
struct told {
    struct site *site;
    struct upstream_xfer *x;
    int n_heads, status, n_done;
    bool reused;
    char content_type[64];
    size_t n_headers;
    struct buf body;
    enum errc rc;
    struct err err;
    /* what to do inside callbacks */
    bool cancel_in_head, cancel_in_body, detach_in_body, pause_in_body, start_in_body;
    struct told *other; /* cancelled, or started, in ours */
};

static void begin(struct told *t, struct str body);

static void on_head(void *arg, const struct upstream_head *h)
{
    struct told *t = arg;
    t->n_heads++;
    t->status = h->status;
    t->reused = h->reused;
    t->n_headers = h->n_headers;
    assert_true(h->reused || h->connect_us > 0);
    for (size_t i = 0; i < h->n_headers; i++)
        if (str_ieqz(h->headers[i].name, "content-type"))
            snprintf(t->content_type, sizeof t->content_type, "%.*s",
                     STR_ARG(h->headers[i].value));
    if (t->cancel_in_head)
        upstream_cancel(&t->x);
}

static void on_body(void *arg, struct str bytes)
{
    struct told *t = arg;
    buf_adds(&t->body, bytes);
    if (t->pause_in_body)
        upstream_pause(t->x);
    if (t->start_in_body) {
        t->start_in_body = false;
        begin(t->other, STR("second"));
    } else if (t->other != NULL) {
        upstream_cancel(&t->other->x);
    }
    if (t->cancel_in_body)
        upstream_cancel(&t->x);
    if (t->detach_in_body)
        upstream_detach(&t->x);
}

static void on_done(void *arg, enum errc rc, const struct err *e)
{
    struct told *t = arg;
    t->n_done++;
    t->rc = rc;
    t->err = *e;
    upstream_cancel(&t->x); /* harmless here */
}

static const struct upstream_fns fns = {on_head, on_body, on_done};

static void turn(struct site *s)
{
    struct err e = ERR_INIT;
    assert_int_equal(loop_turn(s->loop, 20 * US_PER_MS, &e), ERR_OK);
}

static void pump(struct site *s, const int *what, int until)
{
    for (int i = 0; i < 500 && *what < until; i++)
        turn(s);
    assert_true(*what >= until);
}

static void pump_body(struct site *s, const struct told *t, size_t len)
{
    for (int i = 0; i < 500 && t->body.len < len; i++)
        turn(s);
    assert_int_equal(t->body.len, len);
}

/* ---- the server's side ---- */

static int accept_one(struct site *s)
{
    for (int i = 0; i < 500; i++) {
        int fd = accept(s->listen_fd, NULL, NULL);
        if (fd >= 0) {
            assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
            return fd;
        }
        turn(s);
    }
    fail_msg("nobody connects");
    return -1;
}

/* Reads on until `text` is what the received bytes end with. */
static void expect_end(struct site *s, int fd, struct buf *got, const char *text)
{
    for (int i = 0; i < 500; i++) {
        char *room = buf_room(got, 64 * 1024);
        ssize_t n = recv(fd, room, 64 * 1024, 0);
        if (n > 0)
            buf_grown(got, (size_t)n);
        if (str_ends(buf_str(got), str_of(text)))
            return;
        turn(s);
    }
    fail_msg("received: %s", got->data);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns until the other side has closed. */
static void expect_eof(struct site *s, int fd)
{
    char bytes[4096];
    for (int i = 0; i < 500; i++) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET)) {
            close(fd);
            return;
        }
        turn(s);
    }
    fail_msg("still connected");
}

static void expect_silence(struct site *s, int fd)
{
    char byte;
    for (int i = 0; i < 5; i++) {
        turn(s);
        assert_true(recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN);
    }
}

/* ---- set-up ---- */

static int set_up(void **state)
{
    struct site *s = MEM_NEW(struct site);
    struct err e = ERR_INIT;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->listen_fd, 16), 0);
    getsockname(s->listen_fd, (struct sockaddr *)&a, &len);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/v1/x", ntohs(a.sin_port));
    assert_int_equal(loop_new(NULL, &s->loop, &e), ERR_OK);
    assert_int_equal(upstream_new(s->loop, NULL, &s->u, &e), ERR_OK);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct site *s = *state;
    upstream_free(&s->u);
    loop_free(&s->loop);
    close(s->listen_fd);
    mem_free(s);
    return 0;
}

static const struct pieces one_piece = {.at = {{"q", 1}}, .n = 1, .len = 1};

/* In pieces of different length. */
static void begin(struct told *t, struct str body)
{
    struct pieces pieces = {.n = 0};
    pieces_add(&pieces, str_sub(body, 0, 1));
    pieces_add(&pieces, str_sub(body, 1, body.len / 3));
    pieces_add(&pieces, str_sub(body, 1 + body.len / 3, body.len));
    struct http1_header headers[] = {
        {STR("Authorization"), STR("Bearer sk-test")},
        {STR("Content-Type"), STR("application/json")},
    };
    struct upstream_request req = {
        .method = "POST",
        .url = t->site->url,
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .body = pieces,
        .connect_us = 5 * US_PER_S,
        .proxy = "",
    };
    struct err e = ERR_INIT;
    assert_int_equal(upstream_start(t->site->u, &req, &fns, t, &t->x, &e), ERR_OK);
}

static struct told *told_new(struct site *s)
{
    struct told *t = MEM_NEW(struct told);
    assert_non_null(t);
    t->site = s;
    buf_init(&t->body, LIMIT_REPLY_LEN);
    return t;
}

static void told_free(struct told *t)
{
    buf_release(&t->body);
    mem_free(t);
}

/* ---- cases ---- */

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

static void a_whole_answer_comes_through(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(t, STR("question"));
    assert_int_equal(upstream_n_active(s->u), 1);
    int fd = accept_one(s);
    expect_end(s, fd, &got, "\r\n\r\nquestion");
    assert_true(str_starts(buf_str(&got), STR("POST /v1/x HTTP/1.1\r\n")));
    assert_true(
        str_contains(buf_str(&got), STR("\r\nAuthorization: Bearer sk-test\r\n")));
    assert_true(str_contains(buf_str(&got), STR("\r\nContent-Length: 8\r\n")));
    assert_false(str_contains(buf_str(&got), STR("Expect")));
    assert_false(str_contains(buf_str(&got), STR("Accept")));
    say(fd, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_HEAD
            "Content-Length: 6\r\n\r\n");
    say(fd, "answer");
    pump(s, &t->n_done, 1);
    assert_int_equal(t->rc, ERR_OK);
    assert_int_equal(t->n_heads, 1);
    assert_int_equal(t->status, 200);
    assert_int_equal(t->n_headers, 2);
    assert_string_equal(t->content_type, "text/plain");
    assert_string_equal(t->body.data, "answer");
    assert_int_equal(upstream_n_active(s->u), 0);
    assert_int_equal(upstream_n_connects(s->u), 1);
    close(fd);
    buf_release(&got);
    told_free(t);
}

static void a_connection_is_used_again(void **state)
{
    struct site *s = *state;
    int fd = -1;
    for (int round = 0; round < 5; round++) {
        struct told *t = told_new(s);
        struct buf got = BUF_INIT(1 << 20);
        begin(t, STR("question"));
        if (fd < 0)
            fd = accept_one(s);
        expect_end(s, fd, &got, "question");
        say(fd, OK_HEAD "Content-Length: 1\r\n\r\n.");
        pump(s, &t->n_done, 1);
        assert_int_equal(t->rc, ERR_OK);
        assert_int_equal(t->reused, round > 0);
        buf_release(&got);
        told_free(t);
    }
    assert_int_equal(upstream_n_connects(s->u), 1);
    close(fd);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

/* What it does may cost a write to the disk: not with every piece of an answer. */
static void before_sending_is_told_once_a_transfer(void **state)
{
    struct site *s = *state;
    struct told *a = told_new(s), *b = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    int n_told = 0;
    upstream_before_sending(s->u, count, &n_told);
    begin(a, STR("q"));
    assert_int_equal(n_told, 0);
    int fd_a = accept_one(s);
    assert_int_equal(n_told, 1);
    expect_end(s, fd_a, &got, "\r\n\r\nq");
    say(fd_a, CHUNKED "3\r\none\r\n");
    pump_body(s, a, 3);
    begin(b, STR("r"));
    assert_int_equal(n_told, 1);
    int fd_b = accept_one(s);
    assert_int_equal(n_told, 2);
    say(fd_a, "0\r\n\r\n");
    pump(s, &a->n_done, 1);
    assert_int_equal(n_told, 2);
    close(fd_a);
    close(fd_b);
    buf_release(&got);
    upstream_cancel(&b->x);
    told_free(a);
    told_free(b);
}

/* More than are kept in pieces: clients may invent the names that stand in some of them. */
static void addresses_may_come_without_end(void **state)
{
    struct site *s = *state;
    char path[sizeof s->url], line[sizeof s->url + 32];
    int fd = -1;
    memcpy(path, s->url, sizeof path);
    for (int round = 0; round < 300; round++) {
        struct told *t = told_new(s);
        struct buf got = BUF_INIT(1 << 20);
        snprintf(s->url, sizeof s->url, "%.40s%d", path, round);
        snprintf(line, sizeof line, "POST /v1/x%d HTTP/1.1\r\n", round);
        begin(t, STR("question"));
        if (fd < 0)
            fd = accept_one(s);
        expect_end(s, fd, &got, "question");
        assert_true(str_starts(buf_str(&got), str_of(line)));
        say(fd, OK_HEAD "Content-Length: 1\r\n\r\n.");
        pump(s, &t->n_done, 1);
        assert_int_equal(t->rc, ERR_OK);
        buf_release(&got);
        told_free(t);
    }
    memcpy(s->url, path, sizeof path);
    assert_int_equal(upstream_n_connects(s->u), 1);
    close(fd);
}

static void chunks_come_as_they_are_sent(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(t, STR("q"));
    int fd = accept_one(s);
    expect_end(s, fd, &got, "\r\n\r\nq");
    say(fd, CHUNKED "3\r\none\r\n");
    pump_body(s, t, 3);
    say(fd, "3\r\ntwo\r\n");
    pump_body(s, t, 6);
    assert_int_equal(t->n_done, 0);
    say(fd, "0\r\nTrailer: x\r\n\r\n");
    pump(s, &t->n_done, 1);
    assert_int_equal(t->rc, ERR_OK);
    assert_string_equal(t->body.data, "onetwo");
    close(fd);
    buf_release(&got);
    told_free(t);
}

static void a_cut_answer_is_an_error(void **state)
{
    struct site *s = *state;
    static const char *const answers[] = {
        CHUNKED "3\r\none\r\n",
        CHUNKED "3\r\non",
        OK_HEAD "Content-Length: 6\r\n\r\none",
        OK_HEAD,
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct told *t = told_new(s);
        struct buf got = BUF_INIT(1 << 20);
        begin(t, STR("q"));
        int fd = accept_one(s);
        expect_end(s, fd, &got, "\r\n\r\nq");
        say(fd, answers[i]);
        close(fd);
        pump(s, &t->n_done, 1);
        assert_int_equal(t->rc, ERR_NETWORK);
        assert_int_equal(t->err.origin, ERR_BY_TRANSPORT);
        assert_true(t->err.sys > 0 && t->err.text[0] != '\0');
        buf_release(&got);
        told_free(t);
    }
}

static void a_refused_connection_is_an_error(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:1/");
    begin(t, STR("q"));
    pump(s, &t->n_done, 1);
    assert_int_equal(t->rc, ERR_NETWORK);
    assert_int_equal(t->n_heads, 0);
    told_free(t);
}

static void a_silent_host_ends_with_a_timeout(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    /* a full backlog: further connections get no answer */
    int full = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), filler[4];
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    assert_int_equal(bind(full, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(full, 0), 0);
    getsockname(full, (struct sockaddr *)&a, &len);
    for (size_t i = 0; i < ARRAY_LEN(filler); i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(filler[i], (struct sockaddr *)&a, sizeof a);
    }
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(a.sin_port));
    struct upstream_request req = {
        .method = "POST", .url = url, .body = one_piece, .connect_us = 100 * US_PER_MS};
    struct err e = ERR_INIT;
    assert_int_equal(upstream_start(s->u, &req, &fns, t, &t->x, &e), ERR_OK);
    pump(s, &t->n_done, 1);
    assert_int_equal(t->rc, ERR_TIMEOUT);
    for (size_t i = 0; i < ARRAY_LEN(filler); i++)
        close(filler[i]);
    close(full);
    told_free(t);
}

static void a_paused_transfer_waits_and_goes_on(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(t, STR("q"));
    int fd = accept_one(s);
    expect_end(s, fd, &got, "\r\n\r\nq");
    t->pause_in_body = true;
    say(fd, CHUNKED "3\r\none\r\n");
    pump_body(s, t, 3);
    assert_true(upstream_is_paused(t->x));
    say(fd, "3\r\ntwo\r\n");
    for (int i = 0; i < 5; i++)
        turn(s);
    assert_int_equal(t->body.len, 3);
    upstream_resume(t->x);
    pump_body(s, t, 6);
    assert_true(upstream_is_paused(t->x)); /* by the second call of on_body */
    t->pause_in_body = false;
    say(fd, "0\r\n\r\n");
    for (int i = 0; i < 5; i++)
        turn(s);
    assert_int_equal(t->n_done, 0);
    upstream_resume(t->x);
    pump(s, &t->n_done, 1);
    assert_int_equal(t->rc, ERR_OK);
    assert_string_equal(t->body.data, "onetwo");
    close(fd);
    buf_release(&got);
    told_free(t);
}

/* The kernel's buffers, not ours, hold what a paused transfer does not take. */
static void a_paused_transfer_holds_its_sender(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(t, STR("q"));
    int fd = accept_one(s), small = 16 * 1024, large = 4 * 1024 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    expect_end(s, fd, &got, "\r\n\r\nq");
    say(fd, OK_HEAD "Content-Length: 60000000\r\n\r\n");
    pump(s, &t->n_heads, 1);
    upstream_pause(t->x);
    static char zeros[64 * 1024];
    size_t sent = 0;
    for (int quiet = 0; quiet < 5;) {
        ssize_t n = send(fd, zeros, MIN(sizeof zeros, 60000000 - sent), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        turn(s);
        assert_true(sent < 60000000);
    }
    assert_true(t->body.len <= 64 * 1024);
    upstream_resume(t->x);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    while (sent < 60000000) {
        ssize_t n = send(fd, zeros, MIN(sizeof zeros, 60000000 - sent), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        turn(s);
    }
    pump(s, &t->n_done, 1);
    assert_int_equal(t->rc, ERR_OK);
    assert_int_equal(t->body.len, 60000000);
    close(fd);
    buf_release(&got);
    told_free(t);
}

static void a_cancel_closes_the_connection(void **state)
{
    struct site *s = *state;
    enum { BEFORE_HEAD, IN_HEAD, IN_BODY, AFTER_BODY, WHILE_PAUSED, N_PLACES };
    for (int place = 0; place < N_PLACES; place++) {
        struct told *t = told_new(s);
        struct buf got = BUF_INIT(1 << 20);
        begin(t, STR("q"));
        int fd = accept_one(s);
        expect_end(s, fd, &got, "\r\n\r\nq");
        t->cancel_in_head = place == IN_HEAD;
        t->cancel_in_body = place == IN_BODY;
        t->pause_in_body = place == WHILE_PAUSED;
        if (place != BEFORE_HEAD)
            say(fd, CHUNKED "3\r\none\r\n3\r\ntwo\r\n");
        if (place == AFTER_BODY)
            pump_body(s, t, 6);
        if (place == WHILE_PAUSED)
            pump_body(s, t, 3);
        if (place != IN_HEAD && place != IN_BODY)
            upstream_cancel(&t->x);
        expect_eof(s, fd);
        assert_null(t->x);
        assert_int_equal(t->n_done, 0);
        if (place == IN_BODY)
            assert_int_equal(t->body.len, 3);
        assert_int_equal(upstream_n_active(s->u), 0);
        buf_release(&got);
        told_free(t);
    }
}

static void a_detached_transfer_leaves_its_connection(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s), *next = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(t, STR("q"));
    int fd = accept_one(s);
    expect_end(s, fd, &got, "\r\n\r\nq");
    t->detach_in_body = true;
    say(fd, CHUNKED "3\r\none\r\n");
    pump_body(s, t, 3);
    assert_null(t->x);
    assert_int_equal(upstream_n_active(s->u), 0);
    say(fd, "3\r\ntwo\r\n0\r\n\r\n"); /* its end comes late and is heard by nobody */
    turn(s);
    begin(next, STR("again"));
    expect_end(s, fd, &got, "again");
    say(fd, OK_HEAD "Content-Length: 1\r\n\r\n.");
    pump(s, &next->n_done, 1);
    assert_true(next->reused);
    assert_int_equal(t->n_done, 0);
    assert_int_equal(t->body.len, 3);
    close(fd);
    buf_release(&got);
    told_free(t);
    told_free(next);
}

static void a_detached_transfer_that_does_not_end_is_closed(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(t, STR("q"));
    int fd = accept_one(s);
    expect_end(s, fd, &got, "\r\n\r\nq");
    t->detach_in_body = true;
    say(fd, CHUNKED "3\r\none\r\n");
    pump_body(s, t, 3);
    expect_eof(s, fd);
    assert_int_equal(t->n_done, 0);
    buf_release(&got);
    told_free(t);
}

static void a_callback_may_cancel_another_transfer(void **state)
{
    struct site *s = *state;
    struct told *a = told_new(s), *b = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(a, STR("q"));
    int fd_a = accept_one(s);
    begin(b, STR("q"));
    int fd_b = accept_one(s);
    expect_end(s, fd_a, &got, "\r\n\r\nq");
    a->other = b;
    say(fd_a, OK_HEAD "Content-Length: 3\r\n\r\none");
    pump(s, &a->n_done, 1);
    expect_eof(s, fd_b);
    assert_int_equal(b->n_done, 0);
    close(fd_a);
    buf_release(&got);
    told_free(a);
    told_free(b);
}

static void a_callback_may_start_another_transfer(void **state)
{
    struct site *s = *state;
    struct told *a = told_new(s), *b = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(a, STR("q"));
    int fd_a = accept_one(s);
    expect_end(s, fd_a, &got, "\r\n\r\nq");
    a->other = b;
    a->start_in_body = true;
    say(fd_a, CHUNKED "3\r\none\r\n");
    int fd_b = accept_one(s);
    buf_reset(&got);
    expect_end(s, fd_b, &got, "\r\n\r\nsecond");
    say(fd_b, OK_HEAD "Content-Length: 0\r\n\r\n");
    pump(s, &b->n_done, 1);
    assert_int_equal(b->rc, ERR_OK);
    say(fd_a, "0\r\n\r\n");
    pump(s, &a->n_done, 1);
    close(fd_a);
    close(fd_b);
    buf_release(&got);
    told_free(a);
    told_free(b);
}

/* Into a connection that the other side gives up on reading it, after it answered `first`. */
static void send_into_the_dark(struct site *s, struct str body)
{
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(t, STR("first"));
    int fd = accept_one(s);
    expect_end(s, fd, &got, "first");
    say(fd, OK_HEAD "Content-Length: 0\r\n\r\n");
    pump(s, &t->n_done, 1);

    struct told *again = told_new(s);
    begin(again, body);
    expect_end(s, fd, &got, "second");
    close(fd); /* read in whole, never answered */
    pump(s, &again->n_done, 1);
    assert_int_equal(again->rc, ERR_NETWORK);
    assert_int_equal(again->n_heads, 0);
    assert_int_equal(again->err.sys, 65);
    for (int i = 0; i < 5; i++) {
        turn(s);
        /* libcurl connects anew before it asks whether it may send, and says nothing */
        int other = accept(s->listen_fd, NULL, NULL);
        char byte;
        assert_true(other < 0 || recv(other, &byte, 1, 0) == 0);
        close(other);
    }
    buf_release(&got);
    told_free(t);
    told_free(again);
}

/* The paid POST that libcurl would send twice; a long one takes another way through it. */
static void a_body_is_never_sent_again(void **state)
{
    struct buf body = BUF_INIT(1 << 20);
    memset(buf_room(&body, 100000), 'a', 100000);
    buf_grown(&body, 100000);
    buf_addz(&body, "second");
    send_into_the_dark(*state, STR("second"));
    send_into_the_dark(*state, buf_str(&body));
    buf_release(&body);
}

/* Closed while idle: libcurl sees it before it sends anything, and connects anew. */
static void a_dead_idle_connection_is_replaced(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s), *again = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    begin(t, STR("first"));
    int fd = accept_one(s);
    expect_end(s, fd, &got, "first");
    say(fd, OK_HEAD "Content-Length: 0\r\n\r\n");
    pump(s, &t->n_done, 1);
    close(fd);
    turn(s);
    begin(again, STR("second"));
    fd = accept_one(s);
    expect_end(s, fd, &got, "second");
    say(fd, OK_HEAD "Content-Length: 0\r\n\r\n");
    pump(s, &again->n_done, 1);
    assert_int_equal(again->rc, ERR_OK);
    assert_false(again->reused);
    close(fd);
    buf_release(&got);
    told_free(t);
    told_free(again);
}

static void a_large_body_is_sent_whole(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(8 << 20), body = BUF_INIT(8 << 20);
    memset(buf_room(&body, 3 << 20), 'a', 3 << 20);
    buf_grown(&body, 3 << 20);
    buf_addz(&body, "end");
    begin(t, buf_str(&body));
    int fd = accept_one(s);
    expect_end(s, fd, &got, "aend");
    assert_false(str_contains(str_sub(buf_str(&got), 0, 500), STR("Expect")));
    assert_true(str_ends(buf_str(&got), buf_str(&body)));
    say(fd, OK_HEAD "Content-Length: 0\r\n\r\n");
    pump(s, &t->n_done, 1);
    assert_int_equal(t->rc, ERR_OK);
    close(fd);
    buf_release(&got);
    buf_release(&body);
    told_free(t);
}

static void a_warm_connection_is_found(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    upstream_warm(s->u, s->url, "", NULL);
    assert_int_equal(upstream_n_active(s->u), 0);
    int fd = accept_one(s);
    expect_end(s, fd, &got, "\r\n\r\n");
    assert_true(str_starts(buf_str(&got), STR("HEAD ")));
    say(fd, "HTTP/1.1 405 No\r\nContent-Length: 5\r\n\r\n");
    expect_silence(s, fd);
    begin(t, STR("q"));
    expect_end(s, fd, &got, "\r\n\r\nq");
    say(fd, OK_HEAD "Content-Length: 0\r\n\r\n");
    pump(s, &t->n_done, 1);
    assert_true(t->reused);
    close(fd);
    buf_release(&got);
    told_free(t);
}

static void a_proxy_is_asked_where_one_is_configured(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct buf got = BUF_INIT(1 << 20);
    struct err e = ERR_INIT;
    struct upstream_request req = {.method = "POST",
                                   .url = "http://llm.invalid/v1/x",
                                   .body = one_piece,
                                   .connect_us = 5 * US_PER_S,
                                   .proxy = s->url};
    assert_int_equal(upstream_start(s->u, &req, &fns, t, &t->x, &e), ERR_OK);
    int fd = accept_one(s);
    expect_end(s, fd, &got, "\r\n\r\nq");
    assert_true(
        str_starts(buf_str(&got), STR("POST http://llm.invalid/v1/x HTTP/1.1\r\n")));
    say(fd, OK_HEAD "Content-Length: 0\r\n\r\n");
    pump(s, &t->n_done, 1);
    assert_int_equal(t->rc, ERR_OK);
    close(fd);
    buf_release(&got);
    told_free(t);
}

static void a_header_cannot_smuggle_another(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    struct http1_header h = {STR("X-A"), STR("1\r\nX-B: 2")};
    struct upstream_request req = {
        .method = "POST", .url = s->url, .headers = &h, .n_headers = 1};
    struct err e = ERR_INIT;
    assert_int_equal(upstream_start(s->u, &req, &fns, t, &t->x, &e), ERR_INVALID);
    assert_null(t->x);
    assert_int_equal(upstream_n_active(s->u), 0);
    told_free(t);
}

static void freeing_cancels_without_callbacks(void **state)
{
    struct site *s = *state;
    struct told *t = told_new(s);
    begin(t, STR("q"));
    int fd = accept_one(s);
    upstream_free(&s->u);
    expect_eof(s, fd);
    assert_int_equal(t->n_done, 0);
    told_free(t);
}

/* ---- each allocation of ours fails; libcurl 7.88 does not survive that in its own ---- */

/* The server's side of one question, until the transfer is over. */
static void serve_until_done(struct site *s, const struct told *t)
{
    fault_hold(true);
    struct buf got = BUF_INIT(1 << 20);
    fault_hold(false);
    int fd = -1;
    bool is_answered = false;
    for (int i = 0; i < 500 && t->n_done == 0; i++) {
        fault_hold(true);
        if (fd < 0)
            fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : recv(fd, buf_room(&got, 4096), 4096, 0);
        if (n > 0)
            buf_grown(&got, (size_t)n);
        if (n == 0) { /* one of an attempt before */
            close(fd);
            fd = -1;
        }
        fault_hold(false);
        if (!is_answered && str_ends(buf_str(&got), STR("\r\n\r\nquestion"))) {
            is_answered = true;
            say(fd, OK_HEAD "Content-Length: 6\r\n\r\nans");
            turn(s);
            (void)send(fd, "wer", 3, MSG_NOSIGNAL);
        }
        turn(s);
    }
    if (fd >= 0)
        close(fd);
    buf_release(&got);
}

static enum errc ask_anew(struct site *s, struct told *t, struct err *e)
{
    struct http1_header headers[] = {{STR("Authorization"), STR("Bearer sk-test")}};
    struct pieces body = {.n = 0};
    pieces_add(&body, STR("quest"));
    pieces_add(&body, STR("ion"));
    const struct upstream_request req = {.method = "POST",
                                         .url = s->url,
                                         .headers = headers,
                                         .n_headers = ARRAY_LEN(headers),
                                         .body = body,
                                         .connect_us = 20 * US_PER_S,
                                         .proxy = ""};
    enum errc rc = upstream_new(s->loop, NULL, &s->u, e);
    if (rc == ERR_OK)
        rc = upstream_start(s->u, &req, &fns, t, &t->x, e);
    if (rc != ERR_OK)
        return rc;
    serve_until_done(s, t);
    assert_int_equal(t->n_done, 1);
    assert_int_equal(upstream_n_active(s->u), 0);
    *e = t->err;
    return t->rc;
}

static void a_failing_allocation_is_an_error(void **state)
{
    struct site *s = *state;
    long n = 0;
    for (bool has_struck = true; has_struck; n++) {
        struct err e = ERR_INIT;
        struct told *t = told_new(s);
        assert_non_null(buf_room(&t->body, 100)); /* not counted below */
        upstream_free(&s->u);
        fault_arm(FAULT_MEMORY, FAULT_ONCE, n);
        enum errc rc = ask_anew(s, t, &e);
        has_struck = fault_disarm();
        if (rc == ERR_OK) {
            assert_int_equal(t->status, 200);
            assert_string_equal(t->body.data, "answer");
        } else {
            assert_int_equal(rc, ERR_MEMORY);
            assert_true(e.text[0] != '\0');
        }
        told_free(t);
    }
    assert_true(n > 5);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    unsetenv("http_proxy");
    const struct CMUnitTest tests[] = {
        CASE(a_whole_answer_comes_through),
        CASE(a_connection_is_used_again),
        CASE(before_sending_is_told_once_a_transfer),
        CASE(addresses_may_come_without_end),
        CASE(chunks_come_as_they_are_sent),
        CASE(a_cut_answer_is_an_error),
        CASE(a_refused_connection_is_an_error),
        CASE(a_silent_host_ends_with_a_timeout),
        CASE(a_paused_transfer_waits_and_goes_on),
        CASE(a_paused_transfer_holds_its_sender),
        CASE(a_cancel_closes_the_connection),
        CASE(a_detached_transfer_leaves_its_connection),
        CASE(a_detached_transfer_that_does_not_end_is_closed),
        CASE(a_callback_may_cancel_another_transfer),
        CASE(a_callback_may_start_another_transfer),
        CASE(a_body_is_never_sent_again),
        CASE(a_dead_idle_connection_is_replaced),
        CASE(a_large_body_is_sent_whole),
        CASE(a_warm_connection_is_found),
        CASE(a_proxy_is_asked_where_one_is_configured),
        CASE(a_header_cannot_smuggle_another),
        CASE(freeing_cancels_without_callbacks),
        CASE(a_failing_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
