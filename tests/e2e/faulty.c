/*
 * faulty.c: linked into llmgw and llmgwd for tests, it lets allocations of ours fail. In the
 * environment:
 *
 *     FAULT_AT=N       the N-th fails, from 0
 *     FAULT_EVERY=N    every N-th fails
 *     FAULT_WHILE=F    … and is counted, only while there is a file F
 *     FAULT_COUNT=F    how many there were is written to F at the end
 *
 * Linked with --wrap (FAULTY_WRAPS): core/mem.c is the only caller of the two in our objects.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base.h"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static struct {
    long at, every; /* below 0: never */
    const char *file, *count_file;
    atomic_long n;
} fault;

static long number(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : -1;
}

static void write_count(void)
{
    FILE *f = fopen(fault.count_file, "we");
    if (f == NULL)
        return;
    fprintf(f, "%ld\n", (long)fault.n);
    fclose(f);
}

/* Before main: nothing of ours has been allocated. */
static __attribute__((constructor)) void set_up(void)
{
    fault.at = number("FAULT_AT");
    fault.every = number("FAULT_EVERY");
    fault.file = getenv("FAULT_WHILE");
    fault.count_file = getenv("FAULT_COUNT");
    if (fault.count_file != NULL)
        atexit(write_count);
}

/* A place for a debugger's breakpoint: who made the call? */
static __attribute__((noinline)) bool faulty_struck(void)
{
    return true;
}

static bool fails(void)
{
    if (fault.file != NULL && access(fault.file, F_OK) != 0)
        return false;
    long n = fault.n++;
    bool hit = n == fault.at || (fault.every > 0 && n % fault.every == fault.every - 1);
    return hit && faulty_struck();
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}
