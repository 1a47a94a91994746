/*
 * events_fuzz.h: whole, byte by byte and in random pieces a stream has the same events, breaks at
 * the same place, and no byte of an event is lost.
 */
#ifndef TESTS_FUZZ_EVENTS_FUZZ_H
#define TESTS_FUZZ_EVENTS_FUZZ_H

#include "core/sse.h"

#include "tests/fuzz/cuts.h"

/*
 * Reads a stream in pieces; an event of more than `cap` bytes must not come. *ret_partial: is an
 * event left unfinished?
 */
typedef enum errc read_events_fn(struct str bytes, size_t cap, struct cuts *cuts,
                                 sse_fn *fn, void *arg, bool *ret_partial);
void events_fuzz(struct str bytes, size_t cap, read_events_fn *read);

#endif
