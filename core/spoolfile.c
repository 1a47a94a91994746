/* spoolfile.c: see spoolfile.h. But for the end, writes nothing and takes no lock. */
#include "core/spoolfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/map.h"
#include "core/mem.h"

static const char magic[8] = "LGWSPOOL";

static uint64_t head_sum(const struct spool_head *h)
{
    const uint64_t seed[2] = {h->generation, h->id};
    return map_hash(seed,
                    (struct str){(const char *)h, offsetof(struct spool_head, sum)});
}

void spool_head_seal(struct spool_head *h)
{
    memcpy(h->magic, magic, sizeof h->magic);
    h->sum = head_sum(h);
}

enum spool_head_state spool_head_judge(const struct spool_head *h)
{
    static const struct spool_head nothing;
    if (memcmp(h, &nothing, sizeof nothing) == 0)
        return SPOOL_HEAD_EMPTY;
    if (memcmp(h->magic, magic, sizeof h->magic) != 0 || h->sum != head_sum(h))
        return SPOOL_HEAD_DAMAGED;
    if (h->version > SPOOL_VERSION)
        return SPOOL_HEAD_NEWER;
    bool sane =
        h->size >= SPOOL_SIZE_MIN && h->size % SPOOL_RING_AT == 0 && h->tail % 8 == 0;
    return sane ? SPOOL_HEAD_VALID : SPOOL_HEAD_DAMAGED;
}

uint64_t spool_record_sum(uint64_t id, uint64_t at, struct str record)
{
    const uint64_t seed[2] = {id, at};
    return map_hash(seed, record);
}

uint64_t spool_record_room(uint64_t len)
{
    return sizeof(struct spool_record_head) + (len + 7) / 8 * 8;
}

/* ---- looking ---- */

struct reader {
    int fd;
    struct spool_head head;
    uint64_t at;
    char *record; /* owned: SPOOL_RECORD_MAX bytes */
};

static bool read_at(const struct reader *r, void *to, size_t len, uint64_t offset)
{
    return pread(r->fd, to, len, (off_t)offset) == (ssize_t)len;
}

static bool read_head(struct reader *r)
{
    bool found = false;
    for (unsigned i = 0; i < 2; i++) {
        struct spool_head h;
        if (!read_at(r, &h, sizeof h, i * SPOOL_SLOT_LEN) ||
            spool_head_judge(&h) != SPOOL_HEAD_VALID ||
            (found && h.generation < r->head.generation))
            continue;
        r->head = h;
        found = true;
    }
    return found;
}

/* The record at r->at, which moves behind it; false at the end of what was written whole. */
static bool read_record(struct reader *r, struct str *ret)
{
    uint64_t limit = r->head.tail + r->head.size;
    while (r->at < limit) {
        struct spool_record_head h;
        uint64_t offset = r->at % r->head.size, left = r->head.size - offset;
        if (left < sizeof h) {
            r->at += left;
            continue;
        }
        if (!read_at(r, &h, sizeof h, SPOOL_RING_AT + offset) || h.at != r->at ||
            h.zero != 0 || h.len > SPOOL_RECORD_MAX || spool_record_room(h.len) > left ||
            !read_at(r, r->record, h.len, SPOOL_RING_AT + offset + sizeof h))
            return false;
        *ret = (struct str){r->record, h.len};
        if (spool_record_sum(r->head.id, r->at, *ret) != h.sum)
            return false;
        r->at += h.len > 0 ? spool_record_room(h.len) : left;
        if (h.len > 0)
            return true;
    }
    return false;
}

static enum errc count_ends(struct reader *r, struct spool_waiting *ret, struct err *e)
{
    struct str record;
    r->record = mem_alloc(1, SPOOL_RECORD_MAX);
    if (r->record == NULL)
        return err_set(e, ERR_MEMORY, "spool: out of memory");
    while (read_record(r, &record))
        ret->n_requests += record.ptr[0] == SPOOL_KIND_END;
    ret->end = r->at;
    mem_free(r->record);
    return ERR_OK;
}

enum errc spool_waiting(const char *path, uint64_t id, uint64_t applied,
                        struct spool_waiting *ret, struct err *e)
{
    struct spool_waiting found = {.n_requests = 0};
    struct reader r = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    enum errc rc = ERR_OK;
    if (r.fd >= 0 && read_head(&r)) {
        r.at = r.head.id == id ? MAX(applied, r.head.applied) : r.head.applied;
        rc = count_ends(&r, &found, e);
    }
    if (r.fd >= 0)
        close(r.fd);
    if (rc == ERR_OK)
        *ret = found;
    return rc;
}

/* ---- changing ---- */

/* A broker that is just ending is waited for. */
static enum errc lock(int fd, struct err *e)
{
    enum { STEP_MS = 20, PATIENCE_MS = 2000 };
    for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; ms += STEP_MS) {
        if (errno != EWOULDBLOCK)
            return err_errno(e, ERR_STORE, "lock");
        if (ms >= PATIENCE_MS)
            return err_set(e, ERR_BROKER, "a broker uses this ledger, at another socket");
        poll(NULL, 0, STEP_MS);
    }
    return ERR_OK;
}

static enum errc has_record(int fd, bool *ret, struct err *e)
{
    struct reader r = {.fd = fd};
    struct str record;
    *ret = false;
    if (!read_head(&r))
        return ERR_OK;
    r.record = mem_alloc(1, SPOOL_RECORD_MAX);
    if (r.record == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    r.at = r.head.tail;
    *ret = read_record(&r, &record);
    mem_free(r.record);
    return ERR_OK;
}

enum errc spool_claim(const char *path, int *ret_fd, bool *ret_empty, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool has = false;
    if (fd < 0)
        return err_errno(e, ERR_STORE, "%s", path);
    enum errc rc = lock(fd, e);
    if (rc == ERR_OK)
        rc = has_record(fd, &has, e);
    if (rc != ERR_OK) {
        close(fd);
        return err_ctx(e, "%s", path);
    }
    *ret_fd = fd;
    *ret_empty = !has;
    return ERR_OK;
}

static bool is_zero(const char *p, size_t len)
{
    return len == 0 || (p[0] == '\0' && memcmp(p, p + 1, len - 1) == 0);
}

enum errc spool_wipe(int fd, struct err *e)
{
    enum { CHUNK = 64 * 1024 };
    static const char zeroes[CHUNK];
    char *chunk = mem_alloc(1, CHUNK);
    enum errc rc =
        chunk == NULL ? err_set(e, ERR_MEMORY, "out of memory") : (enum errc)ERR_OK;
    ssize_t n = 1;
    for (off_t at = SPOOL_RING_AT; rc == ERR_OK && n > 0; at += n) {
        n = pread(fd, chunk, CHUNK, at);
        if (n < 0 || (n > 0 && !is_zero(chunk, (size_t)n) &&
                      pwrite(fd, zeroes, (size_t)n, at) != n))
            rc = err_errno(e, ERR_STORE, "spool: wipe");
    }
    mem_free(chunk);
    return rc;
}
