/*
 * call_headers.h: the headers of one call to a provider, its key among them.
 */
#ifndef BROKER_CALL_HEADERS_H
#define BROKER_CALL_HEADERS_H

#include "core/http1.h"
#include "core/provider.h"

enum { CALL_HEADERS_MAX = 32 };

struct call_headers {
    struct http1_header items[CALL_HEADERS_MAX]; /* borrowed: names and values */
    size_t n;
    struct buf text; /* of those made here; wiped: it holds the key */
};

void call_headers_release(struct call_headers *h);
void call_header(struct call_headers *h, const char *name, struct str value);
/* Header lines, as dialects write them. */
void call_header_lines(struct call_headers *h, struct str lines);
/* The key as the provider wants it; it must live as long as `h`. At most once. */
void call_credentials(struct call_headers *h, enum auth_style style, struct str key);

#endif
