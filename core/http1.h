/*
 * http1.h: HTTP/1.1, strictly: one framing or an error. Incremental, no I/O of its own.
 *
 * Source: RFC 9112 (message syntax), RFC 9110 (semantics). Where the RFC lets a recipient be
 * lenient (bare LF, obs-fold, blank before the colon, several equal lengths) this parser
 * refuses: leniency is what request smuggling lives on.
 */
#ifndef CORE_HTTP1_H
#define CORE_HTTP1_H

#include "core/buf.h"

struct http1_header {
    struct str name, value; /* borrowed from the bytes parsed; value is trimmed */
};

struct http1_head {
    bool is_response;
    /* request */
    struct str method, target; /* target as sent; path and query are its parts */
    struct str path, query;    /* query without "?"; empty if none */
    /* response */
    int status;
    struct str reason;
    /* both */
    int minor; /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;
    bool chunked;
    bool expect_continue;
    int64_t content_length; /* −1: none given */
    size_t n_headers;
    struct http1_header headers[LIMIT_HEADERS]; /* last: http1_head_copy() */
};

/*
 * Parses a head at the start of `bytes`. ERR_OK: *ret_used is its length with the empty line.
 * ERR_AGAIN: not all there yet. Else an error whose e->sys is the HTTP status to answer
 * (400, 417, 431, 501, 505) and the connection must be closed. *scan remembers how far the
 * search for the end came (0 at first and after ERR_OK), so that a slow sender costs no
 * quadratic time. Slices borrow from `bytes`. *ret means nothing unless ERR_OK.
 */
enum errc http1_parse_request(struct str bytes, size_t *scan, struct http1_head *ret,
                              size_t *ret_used, struct err *e) MUST_USE;
enum errc http1_parse_response(struct str bytes, size_t *scan, struct http1_head *ret,
                               size_t *ret_used, struct err *e) MUST_USE;

/* The value of the first header of that name, ASCII case ignored; STR_NONE if none. */
struct str http1_header(const struct http1_head *h, const char *name);
/* Every header of that name in turn: size_t it = 0; while (http1_next(h, "x", &it, &v)) … */
bool http1_next(const struct http1_head *h, const char *name, size_t *it,
                struct str *ret);

/* Where a body stands; http1.c's business. */
enum http1_body_state {
    HTTP1_BODY_DONE,
    HTTP1_BODY_LENGTH, /* `left` bytes to come */
    HTTP1_BODY_EOF,    /* until the connection closes */
    HTTP1_CHUNK_SIZE,
    HTTP1_CHUNK_EXT_NAME, /* behind ";" */
    HTTP1_CHUNK_EXT,
    HTTP1_CHUNK_SIZE_LF,
    HTTP1_CHUNK_DATA, /* `left` bytes to come */
    HTTP1_CHUNK_DATA_CR,
    HTTP1_CHUNK_DATA_LF,
    HTTP1_TRAILER_START,
    HTTP1_TRAILER_NAME,
    HTTP1_TRAILER_VALUE,
    HTTP1_TRAILER_LF,
    HTTP1_LAST_LF,
};

/* Decodes the body that a head announces. */
struct http1_body {
    enum http1_body_state state;
    int64_t left;  /* bytes to come of the length or the chunk */
    int64_t total; /* bytes delivered */
    int64_t max;
    size_t line_len;
    bool until_eof; /* response without framing */
};

/* `max` bounds the decoded length. no_body: answers to HEAD, 204, 304. */
void http1_body_init(struct http1_body *b, const struct http1_head *h, int64_t max,
                     bool no_body);
/*
 * Takes bytes, appends the decoded ones to `out`. *ret_used tells how many were taken; when
 * *ret_done, the rest belongs to the next message. ERR_TOO_LARGE (413) or ERR_SYNTAX (400).
 */
enum errc http1_body_feed(struct http1_body *b, struct str bytes, struct buf *out,
                          size_t *ret_used, bool *ret_done, struct err *e) MUST_USE;
/* At EOF: was the body whole? */
bool http1_body_is_done(const struct http1_body *b);

/* Writers. */
const char *http1_reason(int status);
void http1_write_status(struct buf *out, int status); /* "HTTP/1.1 200 OK\r\n" */
/* What cannot stand in a target is percent-encoded. */
void http1_write_request(struct buf *out, const char *method, struct str target);
/* %XX in a path are bytes; what is no escape stays. `out` has room for s.len; returns how many. */
size_t http1_percent_decode(struct str s, char *out);
/*
 * A parsed head in as much memory as its headers need: it may not be copied as a struct, nor be
 * parsed into. The slices stay where they are. For mem_free(); NULL when memory is out.
 */
struct http1_head *http1_head_copy(const struct http1_head *h) MUST_USE;
/* Control characters in a value, but for tabs, are replaced by spaces. */
void http1_write_header(struct buf *out, const char *name, struct str value);
/* A number, with what stands behind it. */
void http1_number_header(struct buf *out, const char *name, int64_t v, const char *unit);
void http1_printf_header(struct buf *out, const char *name, const char *fmt, ...)
    PRINTF(3, 4);
void http1_write_end(struct buf *out);                     /* the empty line */
void http1_write_chunk(struct buf *out, struct str bytes); /* nothing for no bytes */
/* The line before a chunk of `len` bytes; it stands in `room`. */
enum { HTTP1_CHUNK_LINE_LEN = 2 * sizeof(size_t) + 2 };
struct str http1_chunk_line(size_t len, char room[HTTP1_CHUNK_LINE_LEN]);
void http1_write_last_chunk(struct buf *out);

#endif
