/*
 * log.h: key=value lines on one descriptor.
 *
 *     2026-11-25T03:05:11.123456Z info request req=01K… attempts=2 answer finished
 *
 * Constant text, data in fields. Never a prompt, an answer, a header or a key, at any level.
 * Control characters are escaped, so that a field cannot forge a line.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/clock.h"

enum log_level {
    LOG_ERROR,
    LOG_WARN,
    LOG_INFO,
    LOG_DEBUG,
};

struct log {
    int fd; /* borrowed; −1 drops everything */
    enum log_level level;
    const struct clock *clock; /* borrowed */
    uint64_t n_lines;          /* written, for tests and /metrics */
};

void log_init(struct log *l, int fd, enum log_level level, const struct clock *clock);
/* `text` says what happened; `fmt` makes "key=value…" fields, "" for none. NULL log is silent. */
void log_write(struct log *l, enum log_level level, const char *module, const char *text,
               const char *fmt, ...) PRINTF(5, 6);
/*
 * A value in quotes, for a field of any text: "\\" stands before quotes and backslashes. What does
 * not fit into `size` bytes is left out from a whole character on.
 */
const char *log_quote(char *out, size_t size, struct str s);
/* "error", "warn", "info", "debug" */
bool log_level_parse(struct str s, enum log_level *ret);

#endif
