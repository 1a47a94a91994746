/*
 * faulty.c: linked into llmgw and llmgwd for tests, it lets allocations of ours fail, or has the
 * process killed in the middle of a write. In the environment:
 *
 *     FAULT_AT=N       the N-th allocation fails, from 0
 *     FAULT_EVERY=N    every N-th fails
 *     FAULT_KILL=N     SIGKILL when half of the N-th pwrite is done, from 0
 *     FAULT_WHILE=F    … and is counted, only while there is a file F
 *     FAULT_COUNT=F    how many allocations there were is written to F at the end
 *
 * Linked with --wrap (FAULTY_WRAPS): core/mem.c is the only caller of the allocators in our
 * objects, and what pwrite writes is the spool, once a broker has started.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base.h"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
ssize_t __real_pwrite(int fd, const void *p, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static struct {
    long at, every, kill; /* below 0: never */
    const char *file, *count_file;
    atomic_long n, n_writes;
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
    fault.kill = number("FAULT_KILL");
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

static bool counts(void)
{
    return fault.file == NULL || access(fault.file, F_OK) == 0;
}

static bool fails(void)
{
    if (!counts())
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

ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at)
{
    if (fault.kill < 0 || !counts() || fault.n_writes++ != fault.kill)
        return __real_pwrite(fd, p, len, at);
    if (__real_pwrite(fd, p, len / 2, at) >= 0)
        kill(getpid(), SIGKILL);
    pause(); /* until it arrives */
    return -1;
}
