/* buf.c: see buf.h. */
#include "core/buf.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
    if (b->is_secret)
        mem_wipe_free(b->data, b->cap);
    else
        mem_free(b->data);
    *b = (struct buf){.max = b->max, .is_secret = b->is_secret};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->fail = ERR_OK;
    if (b->data != NULL)
        b->data[0] = '\0';
}

/* realloc() would leave a copy behind where it moves. */
static char *move(const struct buf *b, size_t cap)
{
    char *to = mem_resize(NULL, cap, 1);
    if (to == NULL || b->data == NULL)
        return to;
    memcpy(to, b->data, b->len + 1);
    mem_wipe_free(b->data, b->cap);
    return to;
}

/* There is not enough room, or there was a failure before. */
static char *make_room(struct buf *b, size_t len)
{
    if (b->fail != ERR_OK)
        return NULL;
    if (len > b->max || b->len > b->max - len) {
        b->fail = ERR_TOO_LARGE;
        return NULL;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : MAX(need, (size_t)BUF_FIRST);
        while (cap < need)
            cap = cap > SIZE_MAX / 2 ? need : cap * 2;
        char *grown = b->is_secret ? move(b, cap) : mem_resize(b->data, cap, 1);
        if (grown == NULL) {
            b->fail = ERR_MEMORY;
            return NULL;
        }
        b->data = grown;
        b->cap = cap;
    }
    return b->data + b->len;
}

static inline char *room(struct buf *b, size_t len)
{
    bool fits = b->fail == ERR_OK && len < b->cap - b->len && b->len + len <= b->max;
    return fits ? b->data + b->len : make_room(b, len);
}

char *buf_room(struct buf *b, size_t len)
{
    return room(b, len);
}

void buf_grown(struct buf *b, size_t len)
{
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    char *at = room(b, len);
    if (at == NULL)
        return;
    if (len > 0)
        memcpy(at, p, len);
    b->len += len;
    at[len] = '\0';
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addu(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_addi(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_addc(b, '-');
    buf_addu(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* Into the room there is; only what does not fit is formatted again. */
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    size_t room = b->cap - b->len;
    char *at = room > 0 ? b->data + b->len : NULL;
    int n = vsnprintf(at, room, fmt, ap);
    bool fits = n >= 0 && (size_t)n < room;
    at = n < 0 ? NULL : buf_room(b, (size_t)n);
    if (at != NULL && !fits)
        vsnprintf(at, (size_t)n + 1, fmt, again);
    if (at != NULL)
        buf_grown(b, (size_t)n);
    else if (room > 0)
        b->data[b->len] = '\0';
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_consume(struct buf *b, size_t len)
{
    if (len >= b->len) {
        b->len = 0;
        if (b->data != NULL)
            b->data[0] = '\0';
        return;
    }
    memmove(b->data, b->data + len, b->len - len + 1);
    b->len -= len;
}

void buf_truncate(struct buf *b, size_t len)
{
    if (len < b->len) {
        b->len = len;
        b->data[len] = '\0';
    }
}

void buf_splice(struct buf *b, size_t from, size_t old_len, struct str s)
{
    size_t tail = b->len - from - old_len;
    if (s.len > old_len && buf_room(b, s.len - old_len) == NULL)
        return;
    if (b->fail != ERR_OK || b->data == NULL)
        return;
    memmove(b->data + from + s.len, b->data + from + old_len, tail);
    if (s.len > 0)
        memcpy(b->data + from, s.ptr, s.len);
    b->len = from + s.len + tail;
    b->data[b->len] = '\0';
}
