/* fuzz_eventstream.c: any bytes as a binary event stream. */
#include <stdint.h>

#include "core/eventstream.h"

#include "tests/fuzz/events_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum errc read_events(struct str bytes, size_t cap, struct cuts *cuts, sse_fn *fn,
                             void *arg, bool *ret_partial)
{
    struct err e = ERR_INIT;
    struct eventstream s;
    enum errc rc = ERR_OK;
    eventstream_init(&s, cap);
    for (struct str piece; rc == ERR_OK && cuts_take(cuts, &bytes, &piece);)
        rc = eventstream_feed(&s, piece, fn, arg, &e);
    *ret_partial = eventstream_is_partial(&s);
    eventstream_release(&s);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    events_fuzz((struct str){(const char *)data, len}, 2048, read_events);
    return 0;
}
