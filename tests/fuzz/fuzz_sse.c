/*
 * fuzz_sse.c: whole and byte by byte give the same events, and no byte of a block is lost.
 *
 * The first byte of the input says how the rest is cut.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CAP = 512 };

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_sse: %s\n", what);
        abort();
    }
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct buf *log = arg;
    (void)e;
    require(ev->raw.len > 0 && ev->raw.len <= CAP, "a block is within its cap");
    buf_printf(log, "%zu %zu %zu %zu %d:", ev->event.len, ev->data.len, ev->id.len,
               ev->raw.len, ev->has_data);
    buf_adds(log, ev->event);
    buf_adds(log, ev->data);
    buf_adds(log, ev->id);
    buf_adds(log, ev->raw);
    return ERR_OK;
}

static enum errc feed(struct str bytes, size_t step, struct buf *log, bool *ret_partial)
{
    struct err e = ERR_INIT;
    struct sse s;
    enum errc rc = ERR_OK;
    sse_init(&s, CAP);
    for (; rc == ERR_OK && bytes.len > 0; bytes = str_sub(bytes, step, bytes.len))
        rc = sse_feed(&s, str_sub(bytes, 0, step), on_event, log, &e);
    *ret_partial = sse_is_partial(&s);
    sse_release(&s);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    struct str bytes = {(const char *)data + 1, len - 1};
    struct buf whole = BUF_INIT(SIZE_MAX / 2), cut = BUF_INIT(SIZE_MAX / 2);
    bool whole_partial, cut_partial;
    enum errc a = feed(bytes, SIZE_MAX, &whole, &whole_partial);
    enum errc b = feed(bytes, 1 + data[0] % 16, &cut, &cut_partial);
    require(a == b, "same result");
    require(str_eq(buf_str(&whole), buf_str(&cut)), "same events");
    require(a != ERR_OK || whole_partial == cut_partial, "same rest");
    buf_release(&whole);
    buf_release(&cut);
    return 0;
}
