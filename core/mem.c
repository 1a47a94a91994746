/* mem.c: see mem.h. */
#include "core/mem.h"

#include <stdlib.h>
#include <string.h>

static void *tell_failure(void *p)
{
    if (p == NULL && mem_failed != NULL)
        mem_failed();
    return p;
}

void *mem_alloc(size_t n, size_t size)
{
    return tell_failure(calloc(n ? n : 1, size ? size : 1));
}

void *mem_resize(void *old, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total))
        return NULL;
    return tell_failure(realloc(old, total ? total : 1));
}

char *mem_strndup(const char *s, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = tell_failure(calloc(len + 1, 1));
    if (copy != NULL && len > 0)
        memcpy(copy, s, len);
    return copy;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe(void *p, size_t len)
{
    if (p != NULL)
        explicit_bzero(p, len);
}

void mem_wipe_free(void *p, size_t len)
{
    mem_wipe(p, len);
    free(p);
}

/* A block that knows its length, for when it is wiped. */
struct wiped {
    size_t len;
    max_align_t bytes[];
};

static struct wiped *wiped_of(void *p)
{
    return container_of(p, struct wiped, bytes);
}

void *mem_wiped_malloc(size_t len)
{
    struct wiped *w = NULL;
    if (len <= SIZE_MAX - sizeof *w)
        w = tell_failure(malloc(sizeof *w + len));
    if (w == NULL)
        return NULL;
    w->len = len;
    return w->bytes;
}

void *mem_wiped_calloc(size_t n, size_t size)
{
    size_t len;
    void *p = __builtin_mul_overflow(n, size, &len) ? NULL : mem_wiped_malloc(len);
    if (p != NULL)
        memset(p, 0, len);
    return p;
}

void *mem_wiped_realloc(void *old, size_t len)
{
    void *p = mem_wiped_malloc(len);
    if (p == NULL || old == NULL)
        return p;
    memcpy(p, old, MIN(len, wiped_of(old)->len));
    mem_wiped_free(old);
    return p;
}

char *mem_wiped_strdup(const char *s)
{
    size_t len = strlen(s) + 1;
    char *copy = mem_wiped_malloc(len);
    if (copy != NULL)
        memcpy(copy, s, len);
    return copy;
}

void mem_wiped_free(void *p)
{
    if (p != NULL)
        mem_wipe_free(wiped_of(p), sizeof(struct wiped) + wiped_of(p)->len);
}

void mem_freep(char **p)
{
    free(*p);
    *p = NULL;
}
