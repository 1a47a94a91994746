/* fuzz_sse.c: any bytes as an event stream of text. */
#include <stdint.h>

#include "core/sse.h"

#include "tests/fuzz/events_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum errc read_events(struct str bytes, size_t cap, struct cuts *cuts, sse_fn *fn,
                             void *arg, bool *ret_partial)
{
    struct err e = ERR_INIT;
    struct sse s;
    enum errc rc = ERR_OK;
    sse_init(&s, cap);
    for (struct str piece; rc == ERR_OK && cuts_take(cuts, &bytes, &piece);)
        rc = sse_feed(&s, piece, fn, arg, &e);
    *ret_partial = sse_rest(&s).len > 0;
    sse_release(&s);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    events_fuzz((struct str){(const char *)data, len}, 512, read_events);
    return 0;
}
