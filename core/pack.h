/*
 * pack.h: recorded bodies, compressed with zstd, as they stand in the ledger's body table.
 */
#ifndef CORE_PACK_H
#define CORE_PACK_H

#include "core/buf.h"

/* Appends the compressed bytes. ERR_MEMORY, or ERR_TOO_LARGE by the buffer's cap. */
enum errc pack(struct str plain, struct buf *out, struct err *e) MUST_USE;
/*
 * Appends the plain bytes, at most LIMIT_REPLY_LEN of them. ERR_STORE when the bytes are damaged.
 */
enum errc unpack(struct str packed, struct buf *out, struct err *e) MUST_USE;

#endif
