/*
 * mem.h: the only caller of malloc, so that tests can make every allocation fail.
 *
 * All return NULL when memory is out; sizes are checked for overflow.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include "core/base.h"

/* n zeroed objects of `size` bytes. */
void *mem_alloc(size_t n, size_t size) MUST_USE;
/* Grows or shrinks; what is new is not zeroed. On failure `old` stays valid. */
void *mem_resize(void *old, size_t n, size_t size) MUST_USE;
/* A copy of `len` bytes with a NUL after them. */
char *mem_strndup(const char *s, size_t len) MUST_USE;
char *mem_strdup(const char *s) MUST_USE;
/* NULL-safe. */
void mem_free(void *p);
/* Overwrites before freeing; for keys. */
void mem_wipe_free(void *p, size_t len);
void mem_wipe(void *p, size_t len);
/*
 * For a library that frees what is secret without wiping it: the five functions of libc, but that
 * each block is wiped before it is given back. Blocks of one kind are never given to the other.
 */
void *mem_wiped_malloc(size_t len);
void *mem_wiped_calloc(size_t n, size_t size);
void *mem_wiped_realloc(void *old, size_t len);
char *mem_wiped_strdup(const char *s);
void mem_wiped_free(void *p);
/* AUTO(mem_freep) char *s = …; */
void mem_freep(char **p);

/*
 * A program that would rather end than go on without memory defines this, and none of the above
 * returns NULL for lack of it: llmgw does, so that no report is printed by half. llmgwd does not.
 */
void mem_failed(void) __attribute__((weak));

#define MEM_NEW(type) ((type *)mem_alloc(1, sizeof(type)))

#endif
