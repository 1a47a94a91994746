/*
 * sse.c: event streams. Owns line ends and fields; knows nothing of what events mean.
 *
 * Feeding is independent of how bytes are cut. Only one case needs a memory of its own: CR
 * ends a line, but an LF behind it belongs to the same end. A blank line that ends in CR is
 * delivered at once in a stream that uses bare CR, and otherwise when the LF has come, so
 * that the raw bytes of a block are whole.
 */
#include "core/sse.h"

#include <string.h>

void sse_init(struct sse *s, size_t max)
{
    *s = (struct sse){.max = max};
    buf_init(&s->raw, max);
    buf_init(&s->data, max);
    buf_init(&s->line, max);
    buf_init(&s->event, max);
    buf_init(&s->id, max);
}

void sse_release(struct sse *s)
{
    buf_release(&s->raw);
    buf_release(&s->data);
    buf_release(&s->line);
    buf_release(&s->event);
    buf_release(&s->id);
}

static void set(struct buf *b, struct str value)
{
    buf_reset(b);
    buf_adds(b, value);
}

static void on_field(struct sse *s, struct str name, struct str value)
{
    if (str_eqz(name, "data")) {
        if (s->has_data)
            buf_addc(&s->data, '\n');
        buf_adds(&s->data, value);
        s->has_data = true;
    } else if (str_eqz(name, "event"))
        set(&s->event, value);
    else if (str_eqz(name, "id") && str_find(value, '\0') == value.len)
        set(&s->id, value);
}

static void on_line(struct sse *s, struct str line)
{
    if (!s->started && str_starts(line, STR("\xEF\xBB\xBF")))
        line = str_sub(line, 3, line.len);
    s->started = true;
    size_t colon = str_find(line, ':');
    if (colon == 0 && line.len > 0)
        return; /* a comment stands in raw only */
    struct str value = str_sub(line, colon + 1, line.len);
    if (str_starts(value, STR(" ")))
        value = str_sub(value, 1, value.len);
    on_field(s, str_sub(line, 0, colon), value);
}

static enum errc check_memory(const struct sse *s, struct err *e)
{
    const struct buf *all[] = {&s->raw, &s->data, &s->line, &s->event, &s->id};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (buf_err(all[i]) == ERR_TOO_LARGE)
            return err_set(e, ERR_TOO_LARGE, "event of more than %zu bytes", s->max);
        if (buf_err(all[i]) != ERR_OK)
            return err_set(e, buf_err(all[i]), "event stream: out of memory");
    }
    return ERR_OK;
}

static enum errc dispatch(struct sse *s, sse_fn *fn, void *arg, struct err *e)
{
    enum errc rc = check_memory(s, e);
    if (rc == ERR_OK) {
        const struct sse_event ev = {buf_str(&s->event), buf_str(&s->data),
                                     buf_str(&s->id), buf_str(&s->raw), s->has_data};
        rc = fn(arg, &ev, e);
    }
    buf_reset(&s->raw);
    buf_reset(&s->data);
    buf_reset(&s->event);
    s->has_data = false;
    return rc;
}

/* The line is whole, up to an LF, or a CR whose LF may follow. */
static enum errc end_line(struct sse *s, struct str tail, char end, sse_fn *fn, void *arg,
                          struct err *e)
{
    bool is_split = s->line.len > 0;
    if (is_split)
        buf_adds(&s->line, tail);
    struct str line = is_split ? buf_str(&s->line) : tail;
    bool is_blank = line.len == 0;
    if (!is_blank)
        on_line(s, line);
    buf_reset(&s->line);
    s->started = true;
    s->last_was_cr = end == '\r';
    if (!is_blank)
        return check_memory(s, e);
    s->pending = s->last_was_cr && !s->bare_cr;
    return s->pending ? ERR_OK : dispatch(s, fn, arg, e);
}

/* Looks at the byte behind a CR. *ret_used is 1 when it is that line end's LF. */
static enum errc after_cr(struct sse *s, char next, size_t *ret_used, sse_fn *fn,
                          void *arg, struct err *e)
{
    s->last_was_cr = false;
    s->bare_cr = next != '\n';
    *ret_used = next == '\n';
    /* the LF of a block delivered already says nothing any more and is dropped */
    if (next == '\n' && (s->pending || s->raw.len > 0))
        buf_addc(&s->raw, next);
    if (!s->pending)
        return ERR_OK;
    s->pending = false;
    return dispatch(s, fn, arg, e);
}

/* Offset of the first CR or LF at or after `at`; *lf caches where the next LF is. */
static size_t find_end(struct str bytes, size_t at, size_t *lf)
{
    if (*lf < at)
        *lf = at + str_find(str_sub(bytes, at, bytes.len), '\n');
    return at + str_find(str_sub(bytes, at, *lf - at), '\r');
}

enum errc sse_feed(struct sse *s, struct str bytes, sse_fn *fn, void *arg, struct err *e)
{
    enum errc rc = ERR_OK;
    size_t lf = str_find(bytes, '\n');
    for (size_t at = 0; rc == ERR_OK && at < bytes.len;) {
        if (s->last_was_cr) {
            size_t used;
            rc = after_cr(s, bytes.ptr[at], &used, fn, arg, e);
            at += used;
            continue;
        }
        size_t end = find_end(bytes, at, &lf);
        struct str tail = str_sub(bytes, at, end - at);
        at = end + (end < bytes.len);
        buf_add(&s->raw, tail.ptr, tail.len + (end < bytes.len));
        if (end < bytes.len)
            rc = end_line(s, tail, bytes.ptr[end], fn, arg, e);
        else
            buf_adds(&s->line, tail);
    }
    return rc == ERR_OK ? check_memory(s, e) : rc;
}

struct str sse_rest(const struct sse *s)
{
    return buf_str(&s->raw);
}

/* One line for each of the text's, so that no end within it can be taken for a frame's. */
static void write_lines(struct buf *out, const char *prefix, struct str text)
{
    struct str rest = text;
    do {
        size_t end = str_find(str_sub(rest, 0, str_find(rest, '\n')), '\r');
        buf_addz(out, prefix);
        buf_adds(out, str_sub(rest, 0, end));
        buf_addc(out, '\n');
        bool is_crlf = str_starts(str_sub(rest, end, 2), STR("\r\n"));
        rest = end < rest.len ? str_sub(rest, end + 1 + is_crlf, rest.len) : STR_NONE;
    } while (rest.ptr != NULL);
    buf_addc(out, '\n');
}

void sse_write(struct buf *out, const char *event, struct str data)
{
    if (event != NULL)
        buf_printf(out, "event: %s\n", event);
    write_lines(out, "data: ", data);
}

void sse_write_comment(struct buf *out, struct str text)
{
    write_lines(out, ": ", text);
}
