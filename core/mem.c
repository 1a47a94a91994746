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

void mem_freep(char **p)
{
    free(*p);
    *p = NULL;
}
