/*
 * sse.h: event streams, read incrementally and written.
 *
 * Source: WHATWG HTML, section "Server-sent events" (2026): LF, CRLF and CR end lines, ":"
 * starts a comment, a blank line dispatches, an optional BOM comes first.
 */
#ifndef CORE_SSE_H
#define CORE_SSE_H

#include "core/buf.h"

struct sse_event {
    struct str event; /* "" when the stream names none */
    struct str data;  /* data lines joined by LF */
    struct str id;
    struct str raw; /* every byte of the block, blank line included: for pass-through */
    bool has_data;  /* a block of comments only is delivered too, with has_data false */
};

/*
 * Slices are valid during the call. A result that is not ERR_OK stops sse_feed, which returns it.
 */
typedef enum errc sse_fn(void *arg, const struct sse_event *ev, struct err *e);

struct sse {
    struct buf raw;  /* the block being read */
    struct buf data; /* its data lines, joined */
    struct buf line; /* the line being read, without its end */
    struct buf event, id;
    size_t max;
    bool has_data, started;
    bool last_was_cr; /* an LF now belongs to that CR */
    bool bare_cr;     /* the last CR had no LF */
    bool pending;     /* the block ended with a CR whose LF is awaited */
};

/* max: bytes of one block; a longer one is ERR_TOO_LARGE. */
void sse_init(struct sse *s, size_t max);
void sse_release(struct sse *s);
enum errc sse_feed(struct sse *s, struct str bytes, sse_fn *fn, void *arg, struct err *e)
    MUST_USE;
/* At EOF: the bytes of an unfinished block; empty: there is none. */
struct str sse_rest(const struct sse *s);

/* event may be NULL; data may have several lines. */
void sse_write(struct buf *out, const char *event, struct str data);
void sse_write_comment(struct buf *out, struct str text);

#endif
