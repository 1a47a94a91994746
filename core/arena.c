/* arena.c: see arena.h. */
#include "core/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

enum {
    /* what a request needs whose body passes as it is */
    FIRST_BLOCK = 2560,
    NEXT_BLOCK = 4096,
};

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

void arena_release(struct arena *a)
{
    while (a->head != NULL) {
        struct arena_block *b = a->head;
        a->head = b->next;
        mem_free(b);
    }
    a->used = 0;
    a->broken = a->is_full = false;
}

void arena_wipe(struct arena *a)
{
    for (struct arena_block *b = a->head; b != NULL; b = b->next)
        mem_wipe(b->bytes, b->used);
}

static void *arena_grab(struct arena *a, size_t len)
{
    const size_t align = alignof(max_align_t);
    a->is_full = len > a->max || a->used > a->max - len;
    if (a->is_full)
        return NULL;
    size_t rounded = (len + align - 1) / align * align;
    struct arena_block *b = a->head;
    if (b == NULL || b->cap - b->used < rounded) {
        size_t cap = MAX(rounded, (size_t)(b == NULL ? FIRST_BLOCK : NEXT_BLOCK));
        b = mem_resize(NULL, 1, sizeof *b + cap); /* zeroed as it is handed out */
        if (b == NULL)
            return NULL;
        *b = (struct arena_block){.next = a->head, .cap = cap};
        a->head = b;
    }
    void *p = b->bytes + b->used;
    b->used += rounded;
    a->used += len;
    return memset(p, 0, rounded);
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
    size_t len;
    void *p = NULL;
    if (!a->broken && !__builtin_mul_overflow(n, size, &len))
        p = arena_grab(a, len ? len : 1);
    if (p == NULL)
        a->broken = true;
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = len < SIZE_MAX ? arena_alloc(a, len + 1, 1) : NULL;
    if (copy != NULL && len > 0)
        memcpy(copy, s, len);
    return copy;
}

const char *arena_strz(struct arena *a, struct str s)
{
    const char *copy = arena_strndup(a, s.ptr, s.len);
    return copy ? copy : "";
}

struct str arena_str(struct arena *a, struct str s)
{
    const char *copy = arena_strndup(a, s.ptr, s.len);
    return copy ? (struct str){copy, s.len} : STR_NONE;
}

const char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1, 1);
    if (text != NULL)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return text ? text : "";
}

bool arena_is_broken(const struct arena *a)
{
    return a->broken;
}

enum errc arena_err(const struct arena *a)
{
    if (!a->broken)
        return ERR_OK;
    return a->is_full ? ERR_TOO_LARGE : ERR_MEMORY;
}
