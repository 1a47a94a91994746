/* test_http1.c: heads and bodies, good ones whole and byte by byte, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http1.h"

#include <cmocka.h>

#define ROW(literal)                                                                     \
    {                                                                                    \
        literal, sizeof(literal) - 1                                                     \
    }
#define H    "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

/* Heads that must be refused, with the status to answer. */
static const struct {
    struct str head;
    int status;
} refused_heads[] = {
    /* framing said twice or in two ways */
    {ROW(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {ROW(POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"), 400},
    {ROW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {ROW(POST "Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n"), 400},
    /* lengths that are none */
    {ROW(POST "Content-Length: +5\r\n\r\n"), 400},
    {ROW(POST "Content-Length: -5\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 5, 5\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 5,6\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 0x5\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 5 5\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 1e1\r\n\r\n"), 400},
    {ROW(POST "Content-Length:\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 9223372036854775808\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 18446744073709551621\r\n\r\n"), 400},
    /* codings */
    {ROW(POST "Transfer-Encoding: identity\r\n\r\n"), 501},
    {ROW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501},
    {ROW(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 501},
    {ROW(POST "Transfer-Encoding: chunked,\r\n\r\n"), 501},
    {ROW(POST "Transfer-Encoding: xchunked\r\n\r\n"), 501},
    {ROW(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 501},
    {ROW(POST "Transfer-Encoding: chunked;q=1\r\n\r\n"), 501},
    {ROW(POST "Transfer-Encoding:\r\n\r\n"), 501},
    {ROW(POST "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n"),
     400},
    {ROW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    /* lines */
    {ROW("GET / HTTP/1.1\nHost: a\n\n"), 400},
    {ROW("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400},
    {ROW(H "X: 1\n\r\n"), 400},
    {ROW(H "\n"), 400},
    {ROW(H "X: 1\rY: 2\r\n\r\n"), 400},
    {ROW(H "X: 1\r\r\n\r\n"), 400},
    {ROW(H " folded: 1\r\n\r\n"), 400},
    {ROW(H "X: 1\r\n 2\r\n\r\n"), 400},
    {ROW(H "X: 1\r\n\t2\r\n\r\n"), 400},
    {ROW("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 05\r\n\r\n"), 400},
    {ROW(POST "Content-Length: 00\r\n\r\n"), 400},
    /* names and values */
    {ROW(POST "Content-Length : 5\r\n\r\n"), 400},
    {ROW(POST "Content-Length\t: 5\r\n\r\n"), 400},
    {ROW(POST "Transfer-Encoding : chunked\r\n\r\n"), 400},
    {ROW(POST "Content Length: 5\r\n\r\n"), 400},
    {ROW(POST "Content-Length\x00: 5\r\n\r\n"), 400},
    {ROW(POST "\x00"
              "Content-Length: 5\r\n\r\n"),
     400},
    {ROW(H ": no name\r\n\r\n"), 400},
    {ROW(H "no colon\r\n\r\n"), 400},
    {ROW(H "X: a\x00z\r\n\r\n"), 400},
    {ROW(H "X: a\x7Fz\r\n\r\n"), 400},
    {ROW(H "X: a\x1Bz\r\n\r\n"), 400},
    {ROW(H "X\xC3\xA9: 1\r\n\r\n"), 400},
    {ROW(H "X(1): 1\r\n\r\n"), 400},
    /* hosts */
    {ROW("GET / HTTP/1.1\r\n\r\n"), 400},
    {ROW(H "Host: a\r\n\r\n"), 400},
    {ROW(H "host: b\r\n\r\n"), 400},
    {ROW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400},
    {ROW("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400},
    {ROW("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"), 400},
    {ROW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
    /* first lines */
    {ROW("GET /\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400},
    {ROW("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("G@T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW(" / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET / http/1.1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET / HTTP/1.10\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET / HTTP/1,1\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET / HTTP/11\r\nHost: a\r\n\r\n"), 400},
    {ROW("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505},
    {ROW("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505},
    {ROW("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505},
    {ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
    {ROW(H "Expect: 200-ok\r\n\r\n"), 417},
    /* another protocol, told from its first byte */
    {ROW("\x16\x03\x01"), 400},
    {ROW("\x00"), 400},
};

/* Feeds the bytes of a heap copy in growing prefixes; the last result. */
static enum errc parse_by(struct str head, size_t step, struct http1_head *h,
                          size_t *used, char **copy, struct err *e)
{
    size_t scan = 0;
    enum errc rc = ERR_AGAIN;
    *copy = malloc(head.len);
    assert_non_null(*copy);
    memcpy(*copy, head.ptr, head.len);
    for (size_t n = 0; rc == ERR_AGAIN && n < head.len;) {
        n = step < head.len - n ? n + step : head.len;
        rc = http1_parse_request((struct str){*copy, n}, &scan, h, used, e);
    }
    return rc;
}

static void ambiguous_heads_are_refused(void **state)
{
    (void)state;
    static const size_t steps[] = {SIZE_MAX, 1, 2, 3};
    for (size_t i = 0; i < ARRAY_LEN(refused_heads); i++)
        for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
            struct err e = ERR_INIT;
            struct http1_head h;
            size_t used = 77;
            char *copy;
            enum errc rc =
                parse_by(refused_heads[i].head, steps[k], &h, &used, &copy, &e);
            if (rc == ERR_OK || rc == ERR_AGAIN || e.sys != refused_heads[i].status)
                fail_msg("row %zu by %zu: %s, status %d", i, steps[k], errc_name(rc),
                         e.sys);
            assert_int_equal(used, 77);
            free(copy);
        }
}

static void a_good_head_is_taken_apart(void **state)
{
    (void)state;
    struct str head =
        STR("POST /v1/chat/completions?a=b&c HTTP/1.1\r\nHost: localhost:8080\r\n"
            "Content-Type:application/json\r\nX-Empty:\r\nx-tag: \t a b \t\r\n"
            "X-Tag: c\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n");
    for (size_t step = 1; step < 40; step += 7) {
        struct err e = ERR_INIT;
        struct http1_head h;
        size_t used = 0, it = 0;
        char *copy;
        assert_int_equal(parse_by(head, step, &h, &used, &copy, &e), ERR_OK);
        assert_int_equal(used, head.len);
        assert_true(str_eqz(h.method, "POST"));
        assert_true(str_eqz(h.target, "/v1/chat/completions?a=b&c"));
        assert_true(str_eqz(h.path, "/v1/chat/completions"));
        assert_true(str_eqz(h.query, "a=b&c"));
        assert_int_equal(h.n_headers, 7);
        assert_int_equal(h.content_length, 12);
        assert_true(h.keep_alive && h.expect_continue && !h.chunked && !h.is_response);
        assert_true(str_eqz(http1_header(&h, "content-type"), "application/json"));
        assert_true(str_eqz(http1_header(&h, "x-empty"), ""));
        assert_null(http1_header(&h, "x-absent").ptr);
        struct str v;
        assert_true(http1_next(&h, "X-TAG", &it, &v));
        assert_true(str_eqz(v, "a b"));
        assert_true(http1_next(&h, "X-TAG", &it, &v));
        assert_true(str_eqz(v, "c"));
        assert_false(http1_next(&h, "X-TAG", &it, &v));
        free(copy);
    }
}

static void connections_persist_by_version_and_wish(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool keep;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: te, Close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: "
         "close\r\n\r\n",
         false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nExpect: anything\r\n\r\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct http1_head h;
        size_t used, scan = 0;
        assert_int_equal(http1_parse_request(str_of(rows[i].head), &scan, &h, &used, &e),
                         ERR_OK);
        assert_int_equal(h.keep_alive, rows[i].keep);
        assert_int_equal(h.content_length, -1);
        assert_false(h.expect_continue);
    }
}

static void targets_have_three_forms(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path, *query;
    } rows[] = {
        {"GET /a/b?c?d", "/a/b", "c?d"},
        {"GET /?", "/", ""},
        {"GET /v1/models/org%2Fm:free", "/v1/models/org%2Fm:free", ""},
        {"GET http://host/x?y", "/x", "y"},
        {"GET http://HOST", "/", ""},
        {"GET https://host?q=/", "/", "q=/"},
        {"OPTIONS *", "*", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char head[200];
        snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: host\r\n\r\n", rows[i].line);
        struct err e = ERR_INIT;
        struct http1_head h;
        size_t used, scan = 0;
        assert_int_equal(http1_parse_request(str_of(head), &scan, &h, &used, &e), ERR_OK);
        assert_true(str_eqz(h.path, rows[i].path));
        assert_true(str_eqz(h.query, rows[i].query));
    }
}

/* Every byte value in a name, a value and a target, against the grammar spelled out. */
static void byte_sets_follow_the_grammar(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool alnum =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool tchar = alnum || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
        bool value = c == '\t' || (c >= ' ' && c != 0x7F);
        bool target = alnum || (c != 0 && strchr("-._~:/?[]@!$&'()*+,;=%", c) != NULL);
        const struct {
            const char *before, *after;
            bool ok;
        } rows[] = {
            {"GET / HTTP/1.1\r\nHost: a\r\nX", "Y: 1\r\n\r\n", tchar || c == ':'},
            {"GET / HTTP/1.1\r\nHost: a\r\nX: b", "c\r\n\r\n", value},
            {"GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n", target},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct buf b = BUF_INIT(1000);
            struct err e = ERR_INIT;
            struct http1_head h;
            size_t used, scan = 0;
            buf_addz(&b, rows[i].before);
            buf_addc(&b, (char)c);
            buf_addz(&b, rows[i].after);
            enum errc rc = http1_parse_request(buf_str(&b), &scan, &h, &used, &e);
            if ((rc == ERR_OK) != rows[i].ok)
                fail_msg("byte %d in row %zu: %s", c, i, e.text);
            buf_release(&b);
        }
    }
}

static void heads_have_caps(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100000);
    struct err e = ERR_INIT;
    struct http1_head h;
    size_t used, scan = 0;
    buf_addz(&b, H);
    for (int i = 1; i < LIMIT_HEADERS; i++)
        buf_printf(&b, "x%d: 1\r\n", i);
    buf_addz(&b, "\r\n");
    assert_int_equal(http1_parse_request(buf_str(&b), &scan, &h, &used, &e), ERR_OK);
    buf_splice(&b, b.len - 2, 0, STR("y: 1\r\n"));
    assert_int_equal(http1_parse_request(buf_str(&b), &scan, &h, &used, &e),
                     ERR_TOO_LARGE);
    assert_int_equal(e.sys, 431);

    buf_reset(&b);
    buf_addz(&b, H "X: ");
    while (b.len < LIMIT_HEAD_LEN - 4)
        buf_addc(&b, 'x');
    scan = 0;
    assert_int_equal(http1_parse_request(buf_str(&b), &scan, &h, &used, &e), ERR_AGAIN);
    buf_addz(&b, "\r\n\r\n");
    assert_int_equal(http1_parse_request(buf_str(&b), &scan, &h, &used, &e), ERR_OK);
    assert_int_equal(used, LIMIT_HEAD_LEN);
    buf_splice(&b, b.len - 4, 0, STR("x"));
    assert_int_equal(http1_parse_request(buf_str(&b), &scan, &h, &used, &e),
                     ERR_TOO_LARGE);
    assert_int_equal(e.sys, 431);
    buf_release(&b);
}

static void the_next_message_starts_behind_this_one(void **state)
{
    (void)state;
    struct str two = STR(H "\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    struct err e = ERR_INIT;
    struct http1_head h;
    size_t used, scan = 0;
    assert_int_equal(http1_parse_request(two, &scan, &h, &used, &e), ERR_OK);
    two = str_sub(two, used, two.len);
    assert_int_equal(http1_parse_request(two, &scan, &h, &used, &e), ERR_OK);
    assert_true(str_eqz(h.path, "/2"));
    assert_int_equal(used, two.len);
}

static void answers_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        int status; /* 0: refused */
        const char *reason;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "OK"},
        {"HTTP/1.0 404 \r\n\r\n", 404, ""},
        {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n\r\n", 429,
         "Too Many Requests"},
        {"HTTP/1.1 200\r\n\r\n", 0, ""},
        {"HTTP/1.1 20 OK\r\n\r\n", 0, ""},
        {"HTTP/1.1 2000 OK\r\n\r\n", 0, ""},
        {"HTTP/1.1 +20 OK\r\n\r\n", 0, ""},
        {"HTTP/1.1 099 OK\r\n\r\n", 0, ""},
        {"HTTP/1.1 600 OK\r\n\r\n", 0, ""},
        {"HTTP/1.1  200 OK\r\n\r\n", 0, ""},
        {"HTTP/2.0 200 OK\r\n\r\n", 0, ""},
        {"ICY 200 OK\r\n\r\n", 0, ""},
        {"HTTP/1.1 200 O\x01K\r\n\r\n", 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
         ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct http1_head h;
        size_t used, scan = 0;
        enum errc rc = http1_parse_response(str_of(rows[i].head), &scan, &h, &used, &e);
        if ((rc == ERR_OK) != (rows[i].status != 0))
            fail_msg("%s", rows[i].head);
        if (rc == ERR_OK) {
            assert_int_equal(h.status, rows[i].status);
            assert_true(str_eqz(h.reason, rows[i].reason));
            assert_true(h.is_response);
        }
    }
}

enum { BODY_MAX = 20 };

/* Bodies; those with a status are refused. */
static const struct {
    int64_t length; /* -1: chunked */
    struct str bytes;
    int status;
    const char *want;
    size_t used; /* 0: not done */
} bodies[] = {
    {5, ROW("helloGET"), 0, "hello", 5},
    {5, ROW("hell"), 0, "hell", 0},
    {21, ROW("123456789012345678901"), 413, "", 0},
    {-1, ROW("5\r\nhello\r\n0\r\n\r\nGET"), 0, "hello", 15},
    {-1, ROW("5\r\nhello\r\nA\r\n0123456789\r\n00\r\n\r\n"), 0, "hello0123456789", 31},
    {-1, ROW("a;n;m=v;q=\"s\"\r\n0123456789\r\n0;x\r\nT: v\r\nU:\r\n\r\n"), 0,
     "0123456789", 44},
    {-1, ROW("5\r\nhel"), 0, "hel", 0},
    {-1, ROW("0\r\n"), 0, "", 0},
    {-1, ROW("0\r\n\r"), 0, "", 0},
    {-1, ROW("15\r\n"), 413, "", 0},
    {-1, ROW("FFFFFFFFFFFFFFFF\r\n"), 413, "", 0},
    {-1, ROW("14\r\n01234567890123456789\r\n1\r\n"), 413, "", 0},
    {-1, ROW("00000000000000005\r\n"), 400, "", 0},
    {-1, ROW("\r\nhello"), 400, "", 0},
    {-1, ROW(";x\r\nhello"), 400, "", 0},
    {-1, ROW("0x5\r\nhello\r\n"), 400, "", 0},
    {-1, ROW("+5\r\nhello\r\n"), 400, "", 0},
    {-1, ROW("-5\r\nhello\r\n"), 400, "", 0},
    {-1, ROW(" 5\r\nhello\r\n"), 400, "", 0},
    {-1, ROW("5 \r\nhello\r\n"), 400, "", 0},
    {-1, ROW("5 ;x\r\nhello\r\n"), 400, "", 0},
    {-1, ROW("5\nhello\r\n"), 400, "", 0},
    {-1, ROW("5\rhello\r\n"), 400, "", 0},
    {-1, ROW("5\r\r\nhello\r\n"), 400, "", 0},
    {-1, ROW("5;\r\nhello\r\n"), 400, "", 0},
    {-1, ROW("5; x\r\nhello\r\n"), 400, "", 0},
    {-1, ROW("5;x\nhello\r\n"), 400, "", 0},
    {-1, ROW("5;x\rhello\r\n"), 400, "", 0},
    {-1, ROW("5;x=\x00\r\nhello\r\n"), 400, "", 0},
    {-1, ROW("g\r\n"), 400, "", 0},
    {-1, ROW("5\r\nhello!\r\n"), 400, "", 0},
    {-1, ROW("5\r\nhello\n0\r\n\r\n"), 400, "", 0},
    {-1, ROW("5\r\nhello\rx"), 400, "", 0},
    {-1, ROW("5\r\nhello0\r\n\r\n"), 400, "", 0},
    {-1, ROW("0\r\n\rx"), 400, "", 0},
    {-1, ROW("0\r\n\n"), 400, "", 0},
    {-1, ROW("0\r\n X: 1\r\n"), 400, "", 0},
    {-1, ROW("0\r\nX : 1\r\n"), 400, "", 0},
    {-1, ROW("0\r\nX\r\n"), 400, "", 0},
    {-1, ROW("0\r\nX: 1\n"), 400, "", 0},
    {-1, ROW("0\r\nX: \x00\r\n"), 400, "", 0},
};

static enum errc feed_by(struct http1_body *b, struct str bytes, size_t step,
                         struct buf *out, size_t *used, bool *done, struct err *e)
{
    enum errc rc = ERR_OK;
    *used = 0;
    *done = false;
    while (rc == ERR_OK && !*done && *used < bytes.len) {
        size_t n;
        rc = http1_body_feed(b, str_sub(bytes, *used, step), out, &n, done, e);
        *used += rc == ERR_OK ? n : 0;
    }
    return rc;
}

static void bodies_end_where_their_framing_says(void **state)
{
    (void)state;
    static const size_t steps[] = {SIZE_MAX, 1, 2, 3, 5};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
            struct http1_head h = {.chunked = bodies[i].length < 0,
                                   .content_length = bodies[i].length};
            struct buf out = BUF_INIT(1000);
            struct err e = ERR_INIT;
            struct http1_body b;
            size_t used;
            bool done;
            http1_body_init(&b, &h, BODY_MAX, false);
            enum errc rc = feed_by(&b, bodies[i].bytes, steps[k], &out, &used, &done, &e);
            if ((rc == ERR_OK) != (bodies[i].status == 0) ||
                (rc != ERR_OK && e.sys != bodies[i].status))
                fail_msg("row %zu by %zu: %s", i, steps[k], e.text);
            if (rc == ERR_OK) {
                assert_true(str_eqz(buf_str(&out), bodies[i].want));
                assert_int_equal(done, bodies[i].used != 0);
                assert_int_equal(used, done ? bodies[i].used : bodies[i].bytes.len);
                assert_int_equal(http1_body_is_done(&b), done);
                assert_int_equal(b.total, out.len);
            }
            buf_release(&out);
        }
}

static void long_chunk_lines_and_trailers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        size_t n;
        int status;
    } rows[] = {{"1;", 300, 400}, {"0\r\nX:", LIMIT_HEAD_LEN + 1, 431}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http1_head h = {.chunked = true, .content_length = -1};
        struct buf bytes = BUF_INIT(100000), out = BUF_INIT(100);
        struct err e = ERR_INIT;
        struct http1_body b;
        size_t used;
        bool done;
        buf_addz(&bytes, rows[i].before);
        for (size_t n = 0; n < rows[i].n; n++)
            buf_addc(&bytes, 'x');
        http1_body_init(&b, &h, BODY_MAX, false);
        assert_int_not_equal(
            feed_by(&b, buf_str(&bytes), SIZE_MAX, &out, &used, &done, &e), ERR_OK);
        assert_int_equal(e.sys, rows[i].status);
        buf_release(&bytes);
        buf_release(&out);
    }
}

static void some_messages_have_no_body(void **state)
{
    (void)state;
    static const struct {
        struct http1_head h;
        bool no_body, done, done_at_eof;
    } rows[] = {
        {{.content_length = -1}, false, true, true},
        {{.content_length = 0}, false, true, true},
        {{.content_length = 9}, false, false, false},
        {{.content_length = 9, .is_response = true}, true, true, true},
        {{.content_length = -1, .is_response = true}, false, false, true},
        {{.content_length = -1, .chunked = true, .is_response = true},
         false,
         false,
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(100);
        struct err e = ERR_INIT;
        struct http1_body b;
        size_t used = 9;
        bool done;
        http1_body_init(&b, &rows[i].h, BODY_MAX, rows[i].no_body);
        assert_int_equal(http1_body_feed(&b, STR_NONE, &out, &used, &done, &e), ERR_OK);
        assert_int_equal(used, 0);
        assert_int_equal(done, rows[i].done);
        assert_int_equal(http1_body_is_done(&b), rows[i].done_at_eof);
        buf_release(&out);
    }
}

static void writers_cannot_be_made_to_forge(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    http1_write_request(&b, "GET", STR("/v1/models/a b\r\nX: y?\xC3"));
    http1_write_header(&b, "Host", STR("a\r\nEvil: 1"));
    http1_write_header(&b, "N", STR("a\0b\033[31m\177\t\xC3\xA9"));
    http1_printf_header(&b, "M", "%d\n%s", 7, "x");
    http1_write_end(&b);
    http1_write_chunk(&b, STR_NONE);
    http1_write_chunk(&b, STR("0123456789abcdef!"));
    http1_write_last_chunk(&b);
    assert_string_equal(b.data,
                        "GET /v1/models/a%20b%0D%0AX:%20y?%C3 HTTP/1.1\r\n"
                        "Host: a  Evil: 1\r\nN: a b [31m \t\xC3\xA9\r\nM: 7 x\r\n\r\n"
                        "11\r\n0123456789abcdef!\r\n0\r\n\r\n");
    buf_reset(&b);
    http1_write_status(&b, 529);
    assert_string_equal(b.data, "HTTP/1.1 529 Overloaded\r\n");
    assert_string_equal(http1_reason(299), "Unknown");
    buf_release(&b);
}

static void a_chunk_says_its_length_in_hexadecimal(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 9, 10, 15, 16, 255, 4096, 65535, SIZE_MAX};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        char room[HTTP1_CHUNK_LINE_LEN], want[32];
        snprintf(want, sizeof want, "%zx\r\n", lens[i]);
        assert_true(str_eqz(http1_chunk_line(lens[i], room), want));
    }
}

static void escapes_in_a_path_are_bytes(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"a%2Fb%2fc", "a/b/c"}, {"%41%", "A%"},
                                          {"%4", "%4"},           {"%zz%20", "%zz "},
                                          {"%4\x11", "%4\x11"},   {"", ""}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[16];
        size_t len = http1_percent_decode(str_of(rows[i][0]), out);
        assert_true(str_eqz((struct str){out, len}, rows[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_in_a_path_are_bytes),
        cmocka_unit_test(ambiguous_heads_are_refused),
        cmocka_unit_test(a_good_head_is_taken_apart),
        cmocka_unit_test(connections_persist_by_version_and_wish),
        cmocka_unit_test(targets_have_three_forms),
        cmocka_unit_test(byte_sets_follow_the_grammar),
        cmocka_unit_test(heads_have_caps),
        cmocka_unit_test(the_next_message_starts_behind_this_one),
        cmocka_unit_test(answers_are_parsed),
        cmocka_unit_test(bodies_end_where_their_framing_says),
        cmocka_unit_test(long_chunk_lines_and_trailers_are_refused),
        cmocka_unit_test(some_messages_have_no_body),
        cmocka_unit_test(writers_cannot_be_made_to_forge),
        cmocka_unit_test(a_chunk_says_its_length_in_hexadecimal),
    };
    return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
