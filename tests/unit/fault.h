/*
 * fault.h: faults on order: the n-th call of a kind fails, or every one from there on, or the
 * process is killed in the middle of it. And a look into what is freed.
 *
 * A program that links it is linked with FAULT_WRAPS (tests/local.mk): the calls of our own
 * objects are caught by --wrap, SQLite's by a VFS and an allocator of its own.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include "core/base.h"

enum fault_kind {
    FAULT_DATABASE = 1 << 0, /* SQLite's opens, reads, writes, syncs … */
    FAULT_SPOOL = 1 << 1,    /* our own pread, pwrite, posix_fallocate */
    FAULT_MEMORY = 1 << 2,   /* core/mem.c's allocations */
    FAULT_SQLITE_MEMORY = 1 << 3,
};

enum fault_how {
    FAULT_NONE,
    FAULT_ONCE,
    FAULT_EVER,
    FAULT_KILL, /* SIGKILL; a write is half done then */
};

/* SQLite's allocator and its default VFS: before anything opens a database. */
void fault_install(void);
/* Starts to count calls of these kinds; the one numbered `at`, from 0, meets its fate. */
void fault_arm(unsigned kinds, enum fault_how how, long at);
/* Writes say "no space left" instead of "input/output error". */
void fault_disk_full(bool is_full);
/* While it holds, calls are not counted: those of the test itself. */
void fault_hold(bool holds);
/* Ends it; true when a call met its fate. */
bool fault_disarm(void);

/* From now on our own objects' freed blocks are searched for `secret`; NULL: no more. */
void freed_watch(const char *secret);
/* The blocks that had it, since the watch began; those freed while fault_hold holds are the test's. */
long freed_with_secret(void);

#endif
