/* test_link.c: calls and streams over one end of a socket pair; the test is the broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/link.h"

#include <cmocka.h>

/* What the broker says stands in the socket before the call asks for it. */
struct pair {
    struct link *link;
    int broker;
    struct buf seen; /* data of the events, each with "|" behind */
};

static void open_pair(struct pair *p, struct str says, bool then_closes)
{
    int fds[2];
    struct err e = ERR_INIT;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(link_adopt(fds[0], &p->link, &e), ERR_OK);
    p->broker = fds[1];
    p->seen = (struct buf)BUF_INIT(10000);
    assert_int_equal(write(p->broker, says.ptr, says.len), (ssize_t)says.len);
    if (then_closes)
        shutdown(p->broker, SHUT_WR);
}

static void close_pair(struct pair *p)
{
    link_close(&p->link);
    assert_null(p->link);
    close(p->broker);
    buf_release(&p->seen);
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct pair *p = arg;
    (void)e;
    buf_adds(&p->seen, ev->data);
    buf_addc(&p->seen, '|');
    return ERR_OK;
}

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"

static void a_call_brings_its_answer_whole(void **state)
{
    (void)state;
    struct pair p;
    struct err e = ERR_INIT;
    struct link_answer a = {0};
    open_pair(&p,
              STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: "
                  "b\r\nContent-Length: 2\r\n\r\n{}"
                  "HTTP/1.1 204 No Content\r\n\r\n"),
              false);
    assert_int_equal(
        link_call(p.link, "POST", "/x y", STR("A: b\r\n"), STR("[1]"), &a, &e), ERR_OK);
    assert_int_equal(a.status, 200);
    assert_true(str_eqz(buf_str(&a.body), "{}"));
    assert_true(str_eqz(http1_header(&a.head, "x-a"), "b"));
    link_answer_release(&a);
    /* the connection is kept */
    assert_int_equal(link_call(p.link, "GET", "/2", STR_NONE, STR_NONE, &a, &e), ERR_OK);
    assert_int_equal(a.status, 204);
    link_answer_release(&a);
    char sent[1000] = {0};
    assert_true(read(p.broker, sent, sizeof sent - 1) > 0);
    assert_string_equal(
        sent, "POST /x%20y HTTP/1.1\r\nHost: llmgw\r\nx-llmgw-proto: 1\r\nA: b\r\n"
              "Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]"
              "GET /2 HTTP/1.1\r\nHost: llmgw\r\nx-llmgw-proto: 1\r\n\r\n");
    close_pair(&p);
}

static void answers_end_as_their_framing_says(void **state)
{
    (void)state;
    static const struct {
        const char *says, *seen;
        enum errc want;
    } rows[] = {
        {HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n", "1|",
         ERR_OK},
        {HEAD "Content-Length: 18\r\n\r\ndata: 1\n\ndata: 2\n\n", "1|2|", ERR_OK},
        {HEAD "\r\ndata: 1\n\n", "1|", ERR_OK}, /* until the end */
        {HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n", "1|",
         ERR_INTERRUPTED},
        {HEAD "Content-Length: 18\r\n\r\ndata: 1\n\ndata", "1|", ERR_INTERRUPTED},
        {HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "", ERR_INTERRUPTED},
        {HEAD, "", ERR_BROKER},
        {"", "", ERR_BROKER},
        {"hello\r\n\r\n", "", ERR_BROKER},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        struct err e = ERR_INIT;
        struct link_answer a = {0};
        open_pair(&p, str_of(rows[i].says), true);
        enum errc rc =
            link_stream(p.link, "/s", STR_NONE, STR("{}"), on_event, &p, &a, &e);
        if (rc != rows[i].want)
            fail_msg("row %zu: %s", i, e.text);
        assert_true(str_eqz(buf_str(&p.seen), rows[i].seen));
        link_answer_release(&a);
        close_pair(&p);
    }
}

static void a_refused_stream_is_a_body(void **state)
{
    (void)state;
    struct pair p;
    struct err e = ERR_INIT;
    struct link_answer a = {0};
    open_pair(&p, STR("HTTP/1.1 429 No\r\nContent-Length: 9\r\n\r\n{\"error\":"), true);
    assert_int_equal(link_stream(p.link, "/s", STR_NONE, STR("{}"), on_event, &p, &a, &e),
                     ERR_OK);
    assert_int_equal(a.status, 429);
    assert_false(a.is_stream);
    assert_int_equal(a.body.len, 9);
    assert_int_equal(p.seen.len, 0);
    link_answer_release(&a);
    close_pair(&p);
}

/* A broker that refuses a large body need not read it to its end. */
static void an_early_answer_stops_the_sending(void **state)
{
    (void)state;
    struct pair p;
    struct err e = ERR_INIT;
    struct link_answer a = {0};
    struct buf body = BUF_INIT(LIMIT_BODY_LEN);
    for (int i = 0; i < 1 << 20; i++)
        buf_addz(&body, "xxxxxxxx");
    open_pair(&p, STR("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"), false);
    assert_int_equal(link_call(p.link, "POST", "/", STR_NONE, buf_str(&body), &a, &e),
                     ERR_OK);
    assert_int_equal(a.status, 413);
    link_answer_release(&a);
    buf_release(&body);
    close_pair(&p);
}

static void another_descriptor_cancels(void **state)
{
    (void)state;
    struct pair p;
    struct err e = ERR_INIT;
    struct link_answer a = {0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    open_pair(&p, STR(HEAD "Content-Length: 99\r\n\r\ndata: 1\n\n"), false);
    const struct link_waiting w = {.cancel_fd = fds[0]};
    link_wait(p.link, &w);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(link_stream(p.link, "/s", STR_NONE, STR("{}"), on_event, &p, &a, &e),
                     ERR_CANCELLED);
    assert_true(str_eqz(buf_str(&p.seen), "1|"));
    link_answer_release(&a);
    close_pair(&p);
    close(fds[0]);
    close(fds[1]);
}

/* Whatever came, nothing more is to be waited for after so long. */
enum { DEADLINE_US = 60 * US_PER_MS };

struct slow {
    struct pair p;
    int ticks;
};

static void count(void *arg)
{
    ++((struct slow *)arg)->ticks;
}

/* One byte more each time that nothing was to be read; far behind the deadline it ends. */
static void drip(void *arg)
{
    struct slow *s = arg;
    count(s);
    if (s->ticks < 1000)
        (void)!write(s->p.broker, "x", 1);
    else
        shutdown(s->p.broker, SHUT_WR);
}

static void expect_given_up(struct str says, void (*on_tick)(void *))
{
    struct slow s = {.ticks = 0};
    struct err e = ERR_INIT;
    struct link_answer a = {0};
    open_pair(&s.p, says, false);
    const struct link_waiting w = {
        .cancel_fd = -1,
        .until_us = clock_mono_us(&clock_system) + DEADLINE_US,
        .tick_us = 5 * US_PER_MS,
        .on_tick = on_tick,
        .arg = &s,
    };
    link_wait(s.p.link, &w);
    assert_int_equal(link_call(s.p.link, "GET", "/", STR_NONE, STR_NONE, &a, &e),
                     ERR_BROKER);
    assert_true(clock_mono_us(&clock_system) >= w.until_us);
    assert_in_range(s.ticks, 0, 999);
    link_answer_release(&a);
    close_pair(&s.p);
}

static void who_says_nothing_is_given_up(void **state)
{
    (void)state;
    expect_given_up(STR_NONE, count);
}

static void who_says_it_too_slowly_is_given_up(void **state)
{
    (void)state;
    expect_given_up(STR("HTTP/1.1 200 OK\r\nX-Slow: "), drip);
    expect_given_up(STR("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"), drip);
}

static void errors_keep_their_class(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum errc code;
        const char *text;
        int64_t retry_us;
    } rows[] = {
        {429,
         "{\"error\":{\"message\":\"slow "
         "down\",\"type\":\"x\",\"llmgw\":{\"class\":\"quota_exhausted\","
         "\"retry_after_ms\":1500}}}",
         ERR_QUOTA, "slow down", 1500000},
        {429, "{\"error\":{\"message\":\"slow down\"}}", ERR_RATE_LIMIT, "slow down", -1},
        {403, "{\"error\":{\"message\":\"no\",\"llmgw\":{\"class\":\"refused\"}}}",
         ERR_REFUSED, "no", -1},
        {500, "{\"error\":{\"message\":\"no\",\"llmgw\":{\"class\":\"of the future\"}}}",
         ERR_SERVER, "no", -1},
        {404, "", ERR_NOT_FOUND, "the broker answered 404 Not Found", -1},
        {502, "<html>", ERR_SERVER, "the broker answered 502 Bad Gateway", -1},
        {400, "{\"error\":\"text\"}", ERR_INVALID, "the broker answered 400 Bad Request",
         -1},
        {426, "{\"error\":{\"message\":\"too old\"}}", ERR_BROKER,
         "too old\nhint: llmgw broker restart", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct link_answer a = {.status = rows[i].status, .body = BUF_INIT(1000)};
        buf_addz(&a.body, rows[i].body);
        assert_int_equal(link_error(&a, &e), rows[i].code);
        assert_int_equal(e.code, rows[i].code);
        assert_string_equal(e.text, rows[i].text);
        assert_int_equal(e.retry_after_us, rows[i].retry_us);
        link_answer_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_brings_its_answer_whole),
        cmocka_unit_test(answers_end_as_their_framing_says),
        cmocka_unit_test(a_refused_stream_is_a_body),
        cmocka_unit_test(an_early_answer_stops_the_sending),
        cmocka_unit_test(another_descriptor_cancels),
        cmocka_unit_test(who_says_nothing_is_given_up),
        cmocka_unit_test(who_says_it_too_slowly_is_given_up),
        cmocka_unit_test(errors_keep_their_class),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
