/*
 * err.h: one space of error codes for the whole suite.
 *
 * A code's wire name and exit status never change meaning. Whatever can fail returns
 * `enum errc` (ERR_OK is 0) and fills the caller's `struct err`: fixed size, needs no
 * memory. On failure outputs are untouched and nothing is half done.
 *
 * Source of classes, HTTP status and retry rule: the error contract in llmgw-protocol(7).
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdarg.h>

#include "core/base.h"
#include "core/limits.h"

/*
 * X(enum, wire name, HTTP status, exit status, retryable by the client)
 * First our own faults, then the classes of the error contract.
 */
#define ERRC_TABLE(X)                                                                    \
    X(ERR_OK, "ok", 200, 0, false)                                                       \
    X(ERR_MEMORY, "out_of_memory", 503, 1, true)                                         \
    X(ERR_RANGE, "out_of_range", 400, 1, false)                                          \
    X(ERR_SYNTAX, "syntax", 400, 1, false)                                               \
    X(ERR_IO, "io", 500, 1, false)                                                       \
    X(ERR_STORE, "store", 500, 1, false)                                                 \
    X(ERR_INTERNAL, "internal", 500, 1, false)                                           \
    X(ERR_AGAIN, "again", 503, 1, true)                                                  \
    X(ERR_USAGE, "usage", 400, 2, false)                                                 \
    X(ERR_CONFIG, "config", 500, 2, false)                                               \
    X(ERR_PARTIAL, "partial", 200, 3, false)                                             \
    X(ERR_REFUSED, "refused", 403, 5, false)                                             \
    X(ERR_CHECK, "check_failed", 200, 6, false)                                          \
    X(ERR_BROKER, "broker", 502, 10, false)                                              \
    X(ERR_UNUSABLE, "unusable_answer", 502, 11, false)                                   \
    X(ERR_AUTH, "authentication", 401, 8, false)                                         \
    X(ERR_UPSTREAM_AUTH, "upstream_authentication", 502, 8, false)                       \
    X(ERR_PERMISSION, "permission", 403, 7, false)                                       \
    X(ERR_NOT_FOUND, "not_found", 404, 4, false)                                         \
    X(ERR_INVALID, "invalid_request", 400, 7, false)                                     \
    X(ERR_TOO_LARGE, "request_too_large", 413, 7, false)                                 \
    X(ERR_CONTEXT, "context_length", 400, 7, false)                                      \
    X(ERR_FILTER, "content_filter", 400, 11, false)                                      \
    X(ERR_RATE_LIMIT, "rate_limit", 429, 7, true)                                        \
    X(ERR_QUOTA, "quota_exhausted", 429, 7, false)                                       \
    X(ERR_OVERLOADED, "overloaded", 503, 7, true)                                        \
    X(ERR_TIMEOUT, "timeout", 504, 9, true)                                              \
    X(ERR_SERVER, "server_error", 502, 7, true)                                          \
    X(ERR_NETWORK, "network", 502, 7, true)                                              \
    X(ERR_INTERRUPTED, "stream_interrupted", 502, 3, true)                               \
    X(ERR_CANCELLED, "cancelled", 499, 1, false)

enum errc {
#define ERRC_ENUM(e, name, http, exit, retry) e,
    ERRC_TABLE(ERRC_ENUM)
#undef ERRC_ENUM
        ERR_N_
};

/* Who is at fault, as the wire extension says it. */
enum err_origin {
    ERR_BY_GATEWAY,
    ERR_BY_CLIENT,
    ERR_BY_PROVIDER,
    ERR_BY_TRANSPORT,
};

struct err {
    enum errc code;
    enum err_origin origin;
    int sys;                /* errno, CURLcode, SQLite result or HTTP status; 0 if none */
    int64_t retry_after_us; /* −1: the other side gave no hint */
    size_t field_len; /* the text begins with the name of a field of so many bytes */
    char param[64];   /* the field that the provider blames, "" if none */
    char provider_code[64];    /* the provider's own code or type, "" if none */
    char text[LIMIT_ERR_TEXT]; /* one sentence, UTF-8, no secret and no prompt */
};

#define ERR_INIT                                                                         \
    {                                                                                    \
        .code = ERR_OK, .retry_after_us = -1                                             \
    }

/* Fills *e and returns code, so that `return err_set(e, ERR_IO, "…")` reads as one step. */
enum errc err_set(struct err *e, enum errc code, const char *fmt, ...) PRINTF(3, 4);
/* The same, with errno's text appended after ": " and kept in e->sys. */
enum errc err_errno(struct err *e, enum errc code, const char *fmt, ...) PRINTF(3, 4);
/* Puts "context: " before the text. Returns e->code. */
enum errc err_ctx(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/*
 * Back to ERR_OK with no text. Where most calls need no text, as for each event of a stream, this
 * is much cheaper than ERR_INIT, which zeroes it all.
 */
static inline void err_clear(struct err *e)
{
    e->code = ERR_OK;
    e->origin = ERR_BY_GATEWAY;
    e->sys = 0;
    e->retry_after_us = -1;
    e->field_len = 0;
    e->param[0] = e->provider_code[0] = e->text[0] = '\0';
}

/* Properties of a code, from the table. */
const char *errc_name(enum errc code);
int errc_http(enum errc code);
int errc_exit(enum errc code);
bool errc_is_retryable(enum errc code);
/* The code with this wire name, or ERR_N_ when there is none. */
enum errc errc_by_name(const char *name);
/* "gateway", "client", "provider", "transport" */
const char *err_origin_name(enum err_origin origin);

#endif
