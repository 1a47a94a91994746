/*
 * arena.h: memory of one request, freed at once.
 *
 * Holds memory only: no descriptor, handle or statement, and no key. Nothing that outlives
 * the request may point into it. Fails softly: arena_is_broken() tells.
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <stdarg.h>

#include "core/err.h"
#include "core/str.h"

struct arena_block;

struct arena {
    struct arena_block *head; /* owned */
    size_t used;              /* bytes handed out in all */
    size_t max;               /* cap on `used` */
    bool broken;
    bool is_full; /* … because of the cap, not for want of memory */
};

void arena_init(struct arena *a, size_t max);
void arena_release(struct arena *a);
/* Zeroes what it holds, before the release of what may hold a password: nothing is read after. */
void arena_wipe(struct arena *a);
/* Zeroed, aligned for any type; NULL after failure. */
void *arena_alloc(struct arena *a, size_t n, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len);
/* A NUL-terminated copy; the empty string after failure, never NULL. */
const char *arena_strz(struct arena *a, struct str s);
struct str arena_str(struct arena *a, struct str s);
const char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
bool arena_is_broken(const struct arena *a);
/* ERR_OK, ERR_TOO_LARGE or ERR_MEMORY. */
enum errc arena_err(const struct arena *a);

#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), 1, sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_alloc((a), (n), sizeof(type)))

#endif
