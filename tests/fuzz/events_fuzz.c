/* events_fuzz.c: see events_fuzz.h. */
#include "tests/fuzz/events_fuzz.h"

#include <stdio.h>
#include <stdlib.h>

struct outcome {
    size_t cap;
    enum errc rc;
    bool is_partial;
    struct buf log;
};

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "events_fuzz: %s\n", what);
        abort();
    }
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct outcome *o = arg;
    struct buf *log = &o->log;
    (void)e;
    require(ev->raw.len > 0 && ev->raw.len <= o->cap, "an event is within its cap");
    buf_printf(log, "%zu %zu %zu %zu %d:", ev->event.len, ev->data.len, ev->id.len,
               ev->raw.len, ev->has_data);
    buf_adds(log, ev->event);
    buf_adds(log, ev->data);
    buf_adds(log, ev->id);
    buf_adds(log, ev->raw);
    return ERR_OK;
}

static struct outcome read_cut(struct str bytes, size_t cap, read_events_fn *read,
                               unsigned how)
{
    struct outcome o = {.cap = cap, .log = BUF_INIT(SIZE_MAX / 2)};
    struct cuts cuts = cuts_of(how);
    o.rc = read(bytes, cap, &cuts, on_event, &o, &o.is_partial);
    return o;
}

void events_fuzz(struct str bytes, size_t cap, read_events_fn *read)
{
    struct outcome whole = read_cut(bytes, cap, read, CUT_WHOLE);
    for (unsigned how = CUT_BYTES; how < CUT_RANDOM + 3; how++) {
        struct outcome cut = read_cut(bytes, cap, read, how);
        require(cut.rc == whole.rc, "same result");
        require(str_eq(buf_str(&cut.log), buf_str(&whole.log)), "same events");
        require(cut.rc != ERR_OK || cut.is_partial == whole.is_partial, "same rest");
        buf_release(&cut.log);
    }
    buf_release(&whole.log);
}
