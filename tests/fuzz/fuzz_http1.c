/*
 * fuzz_http1.c: a message means the same whole and in pieces, and its framing is said once.
 *
 * The first byte of the input tells request from response.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/http1.h"

#include "tests/fuzz/cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { BODY_MAX = 4096 };

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_http1: %s\n", what);
        abort();
    }
}

struct outcome {
    enum errc head, body;
    size_t head_len, body_len;
    bool done;
    struct buf out;
};

static void check_head(const struct http1_head *h)
{
    size_t it = 0, n_lengths = 0, n_codings = 0, n_hosts = 0;
    struct str v;
    while (http1_next(h, "content-length", &it, &v))
        n_lengths++;
    for (it = 0; http1_next(h, "transfer-encoding", &it, &v);)
        n_codings++;
    for (it = 0; http1_next(h, "host", &it, &v);)
        n_hosts++;
    require(n_lengths + n_codings <= 1, "one framing");
    require(h->chunked == (n_codings == 1), "chunked by its header");
    require((h->content_length >= 0) == (n_lengths == 1), "length by its header");
    require(n_hosts <= 1, "one host");
    require(h->is_response || h->minor == 0 || n_hosts == 1, "a host in a 1.1 request");
}

static void run(struct str bytes, bool is_response, unsigned how, struct outcome *o)
{
    struct err e = ERR_INIT;
    struct cuts cuts = cuts_of(how);
    struct http1_head h;
    size_t scan = 0;
    o->head = ERR_AGAIN;
    for (size_t n = 0; o->head == ERR_AGAIN && n < bytes.len;) {
        n += MIN(cuts_next(&cuts), bytes.len - n);
        struct str part = str_sub(bytes, 0, n);
        o->head = is_response ? http1_parse_response(part, &scan, &h, &o->head_len, &e)
                              : http1_parse_request(part, &scan, &h, &o->head_len, &e);
    }
    if (o->head != ERR_OK)
        return;
    check_head(&h);
    struct http1_body b;
    http1_body_init(&b, &h, BODY_MAX, false);
    o->done = http1_body_is_done(&b) && !b.until_eof;
    bytes = str_sub(bytes, o->head_len, bytes.len);
    while (o->body == ERR_OK && !o->done && bytes.len > 0) {
        size_t used = 0;
        struct str part = str_sub(bytes, 0, cuts_next(&cuts));
        o->body = http1_body_feed(&b, part, &o->out, &used, &o->done, &e);
        o->body_len += used;
        bytes = str_sub(bytes, used, bytes.len);
    }
    require(o->out.len <= BODY_MAX, "the body is within its cap");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    struct str bytes = {(const char *)data + 1, len - 1};
    struct outcome whole = {.out = BUF_INIT(SIZE_MAX / 2)};
    run(bytes, data[0] & 1, CUT_WHOLE, &whole);
    for (unsigned how = CUT_BYTES; how < CUT_RANDOM + 3; how++) {
        struct outcome cut = {.out = BUF_INIT(SIZE_MAX / 2)};
        run(bytes, data[0] & 1, how, &cut);
        require(cut.head == whole.head && cut.head_len == whole.head_len, "same head");
        require(cut.body == whole.body && cut.done == whole.done, "same end");
        if (cut.body == ERR_OK) {
            require(cut.body_len == whole.body_len, "same body length");
            require(str_eq(buf_str(&cut.out), buf_str(&whole.out)), "same body");
        }
        buf_release(&cut.out);
    }
    buf_release(&whole.out);
    return 0;
}
