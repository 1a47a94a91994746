/*
 * fuzz_eventstream.c: whole, byte by byte and in random pieces a binary stream has the same
 * messages and breaks at the same place.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/eventstream.h"

#include "tests/fuzz/cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CAP = 2048 };

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_eventstream: %s\n", what);
        abort();
    }
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct buf *log = arg;
    (void)e;
    require(ev->raw.len > 0 && ev->raw.len <= CAP, "a message is within its cap");
    buf_printf(log, "%zu %zu %zu %zu %d:", ev->event.len, ev->data.len, ev->id.len,
               ev->raw.len, ev->has_data);
    buf_adds(log, ev->event);
    buf_adds(log, ev->data);
    buf_adds(log, ev->id);
    buf_adds(log, ev->raw);
    return ERR_OK;
}

struct outcome {
    enum errc rc;
    bool is_partial;
    struct buf log;
};

static void feed(struct str bytes, unsigned how, struct outcome *o)
{
    struct err e = ERR_INIT;
    struct eventstream s;
    struct cuts cuts = cuts_of(how);
    o->log = (struct buf)BUF_INIT(SIZE_MAX / 2);
    eventstream_init(&s, CAP);
    while (o->rc == ERR_OK && bytes.len > 0) {
        size_t step = cuts_next(&cuts);
        o->rc = eventstream_feed(&s, str_sub(bytes, 0, step), on_event, &o->log, &e);
        bytes = str_sub(bytes, step, bytes.len);
    }
    o->is_partial = eventstream_is_partial(&s);
    eventstream_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str bytes = {(const char *)data, len};
    struct outcome whole = {.rc = ERR_OK};
    feed(bytes, CUT_WHOLE, &whole);
    for (unsigned how = CUT_BYTES; how < CUT_RANDOM + 3; how++) {
        struct outcome cut = {.rc = ERR_OK};
        feed(bytes, how, &cut);
        require(cut.rc == whole.rc, "same result");
        require(str_eq(buf_str(&cut.log), buf_str(&whole.log)), "same events");
        require(cut.rc != ERR_OK || cut.is_partial == whole.is_partial, "same rest");
        buf_release(&cut.log);
    }
    buf_release(&whole.log);
    return 0;
}
