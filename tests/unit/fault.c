/*
 * fault.c: see fault.h. Threads may call at the same time: the count is atomic, and which of
 * their calls is the n-th is chance.
 */
#include "tests/unit/fault.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
    atomic_uint kinds; /* 0: no faults */
    enum fault_how how;
    long at;
    atomic_long n;
    atomic_bool has_struck, is_full, is_held;
    sqlite3_mem_methods memory;
    sqlite3_vfs *real, vfs;
} fault;

void fault_arm(unsigned kinds, enum fault_how how, long at)
{
    fault.how = how;
    fault.at = at;
    fault.n = 0;
    fault.has_struck = false;
    fault.kinds = how == FAULT_NONE ? 0 : kinds;
}

bool fault_disarm(void)
{
    fault.kinds = 0;
    return fault.has_struck;
}

void fault_disk_full(bool is_full)
{
    fault.is_full = is_full;
}

void fault_hold(bool holds)
{
    fault.is_held = holds;
}

/* A place for a debugger's breakpoint: who made the call? */
static __attribute__((noinline)) void fault_struck(void)
{
    fault.has_struck = true;
}

static bool strikes(enum fault_kind kind)
{
    if (!(fault.kinds & kind) || fault.is_held)
        return false;
    long n = fault.n++;
    bool hit = fault.how == FAULT_EVER ? n >= fault.at : n == fault.at;
    if (hit)
        fault_struck();
    return hit;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    pause(); /* until it arrives */
}

static bool fails(enum fault_kind kind)
{
    bool hit = strikes(kind);
    if (hit && fault.how == FAULT_KILL)
        die();
    return hit;
}

/* ---- our own calls ---- */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __real_free(void *p);
void __wrap_free(void *p);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
ssize_t __real_pwrite(int fd, const void *p, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at);
ssize_t __real_pread(int fd, void *p, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t len, off_t at);
int __real_posix_fallocate(int fd, off_t at, off_t len);
int __wrap_posix_fallocate(int fd, off_t at, off_t len);

static struct {
    const char *secret; /* NULL: nobody has looked yet */
    bool is_watching;
    long n;
} freed;

void freed_watch(const char *secret)
{
    freed.is_watching = secret != NULL;
    if (secret != NULL)
        freed.secret = secret;
    freed.n = 0;
}

long freed_with_secret(void)
{
    return freed.n;
}

/* Counts it, and wipes it: whoever is given the block next must not be blamed for its bytes. */
static void look_before_free(void *p)
{
    if (freed.secret == NULL || p == NULL)
        return;
    size_t len = malloc_usable_size(p);
    if (memmem(p, len, freed.secret, strlen(freed.secret)) == NULL)
        return;
    freed.n += freed.is_watching && !fault.is_held;
    explicit_bzero(p, len);
}

/* What realloc may do: the secret's old place is seen, whether or not the block had to move. */
static void *move(void *old, size_t size)
{
    size_t len = old != NULL ? malloc_usable_size(old) : 0;
    if (freed.secret == NULL || len == 0)
        return __real_realloc(old, size);
    void *p = __real_calloc(1, size);
    if (p == NULL)
        return NULL;
    memcpy(p, old, MIN(len, size));
    __wrap_free(old);
    return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails(FAULT_MEMORY) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails(FAULT_MEMORY) ? NULL : move(old, size);
}

void __wrap_free(void *p)
{
    look_before_free(p);
    __real_free(p);
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at)
{
    if (!strikes(FAULT_SPOOL))
        return __real_pwrite(fd, p, len, at);
    if (fault.how == FAULT_KILL && __real_pwrite(fd, p, len / 2, at) >= 0)
        die();
    errno = fault.is_full ? ENOSPC : EIO;
    return -1;
}

ssize_t __wrap_pread(int fd, void *p, size_t len, off_t at)
{
    if (!fails(FAULT_SPOOL))
        return __real_pread(fd, p, len, at);
    errno = EIO;
    return -1;
}

int __wrap_posix_fallocate(int fd, off_t at, off_t len)
{
    return !fails(FAULT_SPOOL) ? __real_posix_fallocate(fd, at, len)
           : fault.is_full     ? ENOSPC
                               : EIO;
}

/* ---- SQLite's memory ---- */

static void *sqlite_malloc(int n)
{
    return fails(FAULT_SQLITE_MEMORY) ? NULL : fault.memory.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
    return fails(FAULT_SQLITE_MEMORY) ? NULL : fault.memory.xRealloc(p, n);
}

/* ---- SQLite's files ---- */

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct fault_file *)(void *)f)->real;
}

static int f_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int f_read(sqlite3_file *f, void *p, int len, sqlite3_int64 at)
{
    return fails(FAULT_DATABASE) ? SQLITE_IOERR_READ
                                 : real_of(f)->pMethods->xRead(real_of(f), p, len, at);
}

static int f_write(sqlite3_file *f, const void *p, int len, sqlite3_int64 at)
{
    const sqlite3_io_methods *m = real_of(f)->pMethods;
    if (!strikes(FAULT_DATABASE))
        return m->xWrite(real_of(f), p, len, at);
    if (fault.how == FAULT_KILL && m->xWrite(real_of(f), p, len / 2, at) == SQLITE_OK)
        die();
    return fault.is_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return fails(FAULT_DATABASE) ? SQLITE_IOERR_TRUNCATE
                                 : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int f_sync(sqlite3_file *f, int flags)
{
    return fails(FAULT_DATABASE) ? SQLITE_IOERR_FSYNC
                                 : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int f_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return fails(FAULT_DATABASE) ? SQLITE_IOERR_FSTAT
                                 : real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int f_lock(sqlite3_file *f, int how)
{
    return fails(FAULT_DATABASE) ? SQLITE_IOERR_LOCK
                                 : real_of(f)->pMethods->xLock(real_of(f), how);
}

static int f_unlock(sqlite3_file *f, int how)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), how);
}

static int f_check_lock(sqlite3_file *f, int *ret)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int f_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int f_sector_size(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int f_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int f_shm_map(sqlite3_file *f, int page, int size, int grow, void volatile **ret)
{
    return fails(FAULT_DATABASE)
               ? SQLITE_IOERR_SHMMAP
               : real_of(f)->pMethods->xShmMap(real_of(f), page, size, grow, ret);
}

static int f_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void f_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int f_shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check_lock,
    .xFileControl = f_control,
    .xSectorSize = f_sector_size,
    .xDeviceCharacteristics = f_traits,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                    int *ret)
{
    struct fault_file *file = (struct fault_file *)(void *)f;
    (void)vfs;
    f->pMethods = NULL;
    if (fails(FAULT_DATABASE))
        return SQLITE_CANTOPEN;
    file->real = (sqlite3_file *)(void *)(file + 1);
    int rc = fault.real->xOpen(fault.real, name, file->real, flags, ret);
    if (file->real->pMethods != NULL)
        f->pMethods = &file_methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    return fails(FAULT_DATABASE) ? SQLITE_IOERR_DELETE
                                 : fault.real->xDelete(fault.real, name, sync);
}

void fault_install(void)
{
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &fault.memory);
    sqlite3_mem_methods m = fault.memory;
    m.xMalloc = sqlite_malloc;
    m.xRealloc = sqlite_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &m);
    /* a page cache of its own would hide failing allocations */
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    fault.real = sqlite3_vfs_find(NULL);
    fault.vfs = *fault.real;
    fault.vfs.zName = "fault";
    fault.vfs.szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile;
    fault.vfs.xOpen = vfs_open;
    fault.vfs.xDelete = vfs_delete;
    sqlite3_vfs_register(&fault.vfs, 1);
}
