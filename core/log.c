/* log.c: see log.h. */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_init(struct log *l, int fd, enum log_level level, const struct clock *clock)
{
    *l = (struct log){.fd = fd, .level = level, .clock = clock};
}

static bool is_on(const struct log *l, enum log_level level)
{
    return l != NULL && l->fd >= 0 && level <= l->level;
}

bool log_level_parse(struct str s, enum log_level *ret)
{
    for (unsigned i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_eqz(s, level_names[i])) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Control bytes become '?': a field cannot start a line of its own. */
static void log_clean(char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            s[i] = '?';
}

const char *log_quote(char *out, size_t size, struct str s)
{
    size_t len = 0;
    out[len++] = '"';
    for (size_t n; s.len > 0; s = str_sub(s, n, s.len)) {
        bool is_marked = s.ptr[0] == '"' || s.ptr[0] == '\\';
        n = MAX(str_utf8_len(s), (size_t)1);
        if (len + is_marked + n + 2 > size)
            break;
        if (is_marked)
            out[len++] = '\\';
        memcpy(out + len, s.ptr, n);
        len += n;
    }
    out[len++] = '"';
    out[len] = '\0';
    return out;
}

void log_write(struct log *l, enum log_level level, const char *module, const char *text,
               const char *fmt, ...)
{
    if (!is_on(l, level))
        return;
    char line[2048], when[CLOCK_TEXT_LEN];
    clock_rfc3339(when, clock_wall_us(l->clock), 0, true);
    int n =
        snprintf(line, sizeof line - 1, "%s %s %s ", when, level_names[level], module);
    size_t used = MIN((size_t)n, sizeof line - 2);
    va_list ap;
    va_start(ap, fmt);
    n = vsnprintf(line + used, sizeof line - 1 - used, fmt, ap);
    va_end(ap);
    used = MIN(used + (size_t)MAX(n, 0), sizeof line - 2);
    n = snprintf(line + used, sizeof line - 1 - used, "%s%s",
                 used > 0 && fmt[0] ? " " : "", text);
    used = MIN(used + (size_t)n, sizeof line - 2);
    log_clean(line, used);
    line[used++] = '\n';
    l->n_lines++;
    if (write(l->fd, line, used) < 0)
        return; /* a log that cannot be written has nowhere to say so */
}
