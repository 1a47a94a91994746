/*
 * eventstream.h: Amazon's binary event streams, read incrementally.
 *
 * A message, all integers big-endian:
 *
 *     0     4  length of the whole message, N
 *     4     4  length of the headers, H
 *     8     4  CRC-32 of bytes 0 to 7
 *     12    H  headers: u8 length, name, u8 type, value
 *     12+H     payload
 *     N-4   4  CRC-32 of all bytes before
 *
 * Source: smithy.io, Amazon Event Stream specification (2026); AWS SDK for C, aws-c-event-stream.
 */
#ifndef CORE_EVENTSTREAM_H
#define CORE_EVENTSTREAM_H

#include "core/sse.h"

struct eventstream {
    struct buf in; /* from the first byte of a message on */
    size_t max;    /* bytes of one message */
};

/* max: bytes of one message; a longer one is ERR_TOO_LARGE. */
void eventstream_init(struct eventstream *s, size_t max);
void eventstream_release(struct eventstream *s);
/*
 * Each message as what an event stream of text would have: `id` is its :message-type (event,
 * exception, error), `event` its :event-type, :exception-type or :error-code, `data` its payload
 * or :error-message, `raw` all of it. ERR_SYNTAX when a checksum or a length is wrong: nothing
 * that follows can be trusted. Else what fn returns, which stops it.
 */
enum errc eventstream_feed(struct eventstream *s, struct str bytes, sse_fn *fn, void *arg,
                           struct err *e) MUST_USE;
/* At EOF: are bytes of an unfinished message left? */
bool eventstream_is_partial(const struct eventstream *s);

/* The checksum of such messages: CRC-32 of ISO 3309, as zlib has it. */
uint32_t eventstream_crc32(struct str s);

#endif
