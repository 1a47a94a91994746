/*
 * raw.h: bytes as they stand, to the broker's doors, and what comes back.
 */
#ifndef E2E_RAW_H
#define E2E_RAW_H

#include <stdbool.h>

#include "core/err.h"

struct raw_options {
    const char *socket;
    const char *key; /* for the macros' requests; NULL: none */
    int64_t port;
    int64_t timeout_us; /* for the whole */
    int64_t drip_us;    /* between two bytes sent; 0: all at once */
    bool leave;         /* go away as soon as all is sent */
    bool reset;         /* … or when it ends, however it does, with a reset */
    bool half;          /* close our side when all is sent, and read on */
};

/*
 * Sends `text` with its escapes (\r \n \t \\ \0 \xHH) and macros (raw.c) resolved and prints
 *
 *     answers=STATUS …    of every answer that came, 1xx too
 *     end=closed|reset|open|left
 *     body=…              of the last answer, in one line
 */
enum errc raw_run(const struct raw_options *o, const char *text, struct err *e) MUST_USE;

#endif
