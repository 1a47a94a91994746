/*
 * base64.h: bytes as base64, with padding. Source: RFC 4648 section 4.
 */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include "core/buf.h"

/* Appends; errors stay in the buffer, as of buf_add. */
void base64_add(struct buf *out, struct str bytes);
/* Appends the bytes; false: it is none, and nothing was appended. */
bool base64_read(struct str text, struct buf *out) MUST_USE;

#endif
