/*
 * buf.h: growable bytes, always NUL-terminated, with a cap given at birth.
 *
 * Fails softly: after one failure appends do nothing, and buf_err() tells once at the end.
 * `data` and `len` may be read freely; everything else belongs to buf.c.
 */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdarg.h>
#include <string.h>

#include "core/err.h"
#include "core/str.h"

struct buf {
    char *data; /* owned; NULL until the first byte */
    size_t len; /* bytes in use, without the NUL */
    size_t cap;
    size_t max;     /* largest len; appending past it is ERR_TOO_LARGE */
    enum errc fail; /* sticky */
    bool is_secret; /* whatever memory it leaves is wiped */
};

#define BUF_INIT(maximum)                                                                \
    {                                                                                    \
        .max = (maximum)                                                                 \
    }

/* One that holds a key. */
#define BUF_SECRET(maximum)                                                              \
    {                                                                                    \
        .max = (maximum), .is_secret = true                                              \
    }

void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer may be used again. AUTO(buf_release) works. */
void buf_release(struct buf *b);
/* len = 0 and no failure; keeps the memory. */
void buf_reset(struct buf *b);
/* ERR_OK, ERR_MEMORY or ERR_TOO_LARGE. */
static inline enum errc buf_err(const struct buf *b)
{
    return b->fail;
}
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->data != NULL ? b->data : "", b->len};
}

void buf_add(struct buf *b, const void *p, size_t len);
static inline void buf_adds(struct buf *b, struct str s)
{
    buf_add(b, s.ptr, s.len);
}
/* Nearly always a literal, whose length the compiler knows. */
static inline void buf_addz(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}
void buf_addc(struct buf *b, char c);
/* In decimal, without printf: a ledger row or a stream event has many numbers. */
void buf_addu(struct buf *b, uint64_t v);
void buf_addi(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF(2, 0);
/* Room for `len` more bytes at the returned place, or NULL; buf_grown says how many came. */
char *buf_room(struct buf *b, size_t len);
void buf_grown(struct buf *b, size_t len);
/* Drops bytes from the front. */
void buf_consume(struct buf *b, size_t len);
/* Cuts to len bytes, where there are more. */
void buf_truncate(struct buf *b, size_t len);
/* Replaces b[from, from+old_len) by s: the splice of a pass-through. */
void buf_splice(struct buf *b, size_t from, size_t old_len, struct str s);

#endif
