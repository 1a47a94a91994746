/* err.c: see err.h. */
#include "core/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int http, exit;
    bool retry;
} errc_rows[] = {
#define ERRC_ROW(e, n, h, x, r)                                                          \
    [e] = {.name = (n), .http = (h), .exit = (x), .retry = (r)},
    ERRC_TABLE(ERRC_ROW)
#undef ERRC_ROW
};

void *obj_check(void *arg, uint32_t magic)
{
    if (arg == NULL || *(const uint32_t *)arg != magic)
        abort();
    return arg;
}

enum errc err_set(struct err *e, enum errc code, const char *fmt, ...)
{
    err_clear(e);
    e->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return code;
}

enum errc err_errno(struct err *e, enum errc code, const char *fmt, ...)
{
    int saved = errno;
    err_clear(e);
    e->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    e->sys = saved;
    size_t used = strlen(e->text);
    char why[128];
    snprintf(e->text + used, sizeof e->text - used, ": %s",
             strerror_r(saved, why, sizeof why));
    return code;
}

enum errc err_ctx(struct err *e, const char *fmt, ...)
{
    char where[LIMIT_ERR_TEXT], old[LIMIT_ERR_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(where, sizeof where, fmt, ap);
    va_end(ap);
    memcpy(old, e->text, sizeof old);
    e->field_len = 0;
    size_t n = strnlen(where, sizeof where - 1);
    memcpy(e->text, where, n);
    snprintf(e->text + n, sizeof e->text - n, ": %s", old);
    return e->code;
}

const char *errc_name(enum errc code)
{
    return (unsigned)code < ERR_N_ ? errc_rows[code].name : "unknown";
}

int errc_http(enum errc code)
{
    return (unsigned)code < ERR_N_ ? errc_rows[code].http : 500;
}

int errc_exit(enum errc code)
{
    return (unsigned)code < ERR_N_ ? errc_rows[code].exit : 1;
}

bool errc_is_retryable(enum errc code)
{
    return (unsigned)code < ERR_N_ && errc_rows[code].retry;
}

enum errc errc_by_name(const char *name)
{
    for (unsigned i = 0; i < ERR_N_; i++)
        if (strcmp(errc_rows[i].name, name) == 0)
            return (enum errc)i;
    return ERR_N_;
}

const char *err_origin_name(enum err_origin origin)
{
    switch (origin) {
    case ERR_BY_GATEWAY:
        return "gateway";
    case ERR_BY_CLIENT:
        return "client";
    case ERR_BY_PROVIDER:
        return "provider";
    case ERR_BY_TRANSPORT:
        return "transport";
    }
    return "gateway";
}
