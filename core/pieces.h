/*
 * pieces.h: bytes that stand in several places, so that the long ones among them need no copy.
 */
#ifndef CORE_PIECES_H
#define CORE_PIECES_H

#include "core/buf.h"

enum { PIECES_MAX = 16 };

struct pieces {
    struct str at[PIECES_MAX]; /* borrowed */
    size_t n, len;             /* len: of all together */
};

/* Behind the others; there must be room for it. */
void pieces_add(struct pieces *p, struct str s);
/* Up to max bytes from offset `from` on; returns how many. */
size_t pieces_read(const struct pieces *p, size_t from, char *to, size_t max);
/* Appends them all. */
void pieces_join(const struct pieces *p, struct buf *out);

#endif
