/*
 * spool.c: the ring file of spool.h. Owns the descriptor, its lock and the positions; knows
 * nothing of what the records mean.
 *
 * The mutex covers positions and is held across the appending pwrite, so that scrubbing never
 * meets an append; the reader holds it for a few instructions only.
 */
#include "broker/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/mem.h"

enum {
    CHUNK = 256 * 1024,     /* bytes read at once */
    SCRUB_STEP = 64 * 1024, /* bytes overwritten while an append may have to wait */
};

struct spool {
    pthread_mutex_t lock;
    int fd;
    uint64_t generation, applied;
    /* bytes of the ring that were ever written: what scrubbing must cover */
    uint64_t used_to;
    struct spool_info info;
    /* what only the appending thread touches */
    /* owned: records with their heads, from info.head on, not yet in the file */
    char *stage;
    size_t stage_len, n_staged;
};

static uint64_t lap_left(const struct spool *s, uint64_t at)
{
    return s->info.size - at % s->info.size;
}

static enum errc write_all(int fd, const void *p, size_t len, uint64_t offset,
                           struct err *e)
{
    for (size_t done = 0; done < len;) {
        ssize_t n =
            pwrite(fd, (const char *)p + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(e, ERR_STORE, "spool: write");
        done += (size_t)n;
    }
    return ERR_OK;
}

/* Reads what there is of len bytes; what the file lacks reads as zeroes. */
static enum errc read_all(int fd, void *p, size_t len, uint64_t offset, struct err *e)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (char *)p + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_STORE, "spool: read");
        if (n == 0)
            break;
        done += (size_t)n;
    }
    memset((char *)p + done, 0, len - done);
    return ERR_OK;
}

static enum errc write_head(struct spool *s, uint64_t tail, uint64_t applied,
                            struct err *e)
{
    struct spool_head h = {
        .version = SPOOL_VERSION,
        .generation = s->generation + 1,
        .id = s->info.id,
        .size = s->info.size,
        .tail = tail,
        .applied = applied,
    };
    spool_head_seal(&h);
    enum errc rc = write_all(s->fd, &h, sizeof h, h.generation % 2 * SPOOL_SLOT_LEN, e);
    if (rc == ERR_OK)
        s->generation = h.generation;
    return rc;
}

/* ---- opening ---- */

/* The newer of the valid copies; with none, what is the matter with them. */
static enum errc read_head(struct spool *s, enum spool_head_state *ret, struct err *e)
{
    enum spool_head_state state = SPOOL_HEAD_EMPTY;
    for (unsigned i = 0; i < 2; i++) {
        struct spool_head h;
        enum errc rc = read_all(s->fd, &h, sizeof h, i * SPOOL_SLOT_LEN, e);
        if (rc != ERR_OK)
            return rc;
        enum spool_head_state one = spool_head_judge(&h);
        if (one == SPOOL_HEAD_VALID && h.generation >= s->generation) {
            s->generation = h.generation;
            s->applied = h.applied;
            s->info.id = h.id;
            s->info.size = h.size;
            s->info.tail = h.tail;
        }
        if (one == SPOOL_HEAD_NEWER ||
            (one == SPOOL_HEAD_VALID && state != SPOOL_HEAD_NEWER) ||
            (one == SPOOL_HEAD_DAMAGED && state == SPOOL_HEAD_EMPTY))
            state = one;
    }
    *ret = state;
    return ERR_OK;
}

/* A new file; on a disk too full for it, a smaller one. */
static enum errc make_file(struct spool *s, uint64_t size, struct err *e)
{
    if (getrandom(&s->info.id, sizeof s->info.id, 0) != (ssize_t)sizeof s->info.id)
        return err_errno(e, ERR_IO, "spool: random number");
    int rc;
    for (;; size /= 4) {
        size = MAX(size / SPOOL_RING_AT * SPOOL_RING_AT, (uint64_t)SPOOL_SIZE_MIN);
        rc = posix_fallocate(s->fd, 0, (off_t)(SPOOL_RING_AT + size));
        if ((rc != ENOSPC && rc != EFBIG) || size == SPOOL_SIZE_MIN)
            break;
    }
    if (rc != 0) {
        errno = rc;
        return err_errno(e, ERR_STORE, "spool: cannot reserve %llu bytes",
                         (unsigned long long)size);
    }
    s->info.size = size;
    return write_head(s, 0, 0, e);
}

static enum errc open_locked(const char *path, struct spool *s, struct err *e)
{
    s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->fd < 0)
        return err_errno(e, ERR_STORE, "open");
    if (flock(s->fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK)
        return err_set(e, ERR_BROKER, "another broker uses this ledger");
    return err_errno(e, ERR_STORE, "lock");
}

static enum errc set_aside(const char *path, struct spool *s, struct err *e)
{
    AUTO(buf_release) struct buf to = BUF_INIT(8192);
    buf_printf(&to, "%s.damaged", path);
    if (buf_err(&to) != ERR_OK)
        return err_set(e, buf_err(&to), "set aside");
    if (rename(path, to.data) != 0)
        return err_errno(e, ERR_STORE, "set aside");
    close(s->fd);
    s->info.was_set_aside = true;
    return open_locked(path, s, e);
}

static enum errc find_records(struct spool *s, struct err *e);

static enum errc open_file(const char *path, uint64_t size, struct spool *s,
                           struct err *e)
{
    enum spool_head_state state;
    enum errc rc = open_locked(path, s, e);
    if (rc == ERR_OK)
        rc = read_head(s, &state, e);
    if (rc != ERR_OK)
        return rc;
    switch (state) {
    case SPOOL_HEAD_VALID:
        return find_records(s, e);
    case SPOOL_HEAD_NEWER:
        return err_set(e, ERR_STORE, "written by a newer llmgw");
    case SPOOL_HEAD_DAMAGED:
        rc = set_aside(path, s, e);
        return rc == ERR_OK ? make_file(s, size, e) : rc;
    case SPOOL_HEAD_EMPTY:
        return make_file(s, size, e);
    }
    return ERR_OK;
}

enum errc spool_open(const char *path, uint64_t size, struct spool **ret, struct err *e)
{
    AUTO(spool_close) struct spool *s = MEM_NEW(struct spool);
    if (s == NULL)
        return err_set(e, ERR_MEMORY, "spool: out of memory");
    s->fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    /* and room for the mark at the end of a lap */
    s->stage = mem_alloc(1, spool_record_room(SPOOL_RECORD_MAX) + spool_record_room(0));
    if (s->stage == NULL)
        return err_set(e, ERR_MEMORY, "spool: out of memory");
    if (open_file(path, size, s, e) != ERR_OK)
        return err_ctx(e, "%s", path);
    *ret = s;
    s = NULL;
    return ERR_OK;
}

void spool_close(struct spool **s)
{
    if (*s == NULL)
        return;
    if ((*s)->fd >= 0)
        close((*s)->fd);
    pthread_mutex_destroy(&(*s)->lock);
    mem_free((*s)->stage);
    mem_free(*s);
    *s = NULL;
}

void spool_info(struct spool *s, struct spool_info *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->info;
    pthread_mutex_unlock(&s->lock);
}

/* ---- appending ---- */

/* Puts a record with its head at p; returns the bytes it takes. */
static uint64_t compose(const struct spool *s, char *p, uint64_t at, struct str record)
{
    struct spool_record_head h = {
        .sum = spool_record_sum(s->info.id, at, record),
        .at = at,
        .len = (uint32_t)record.len,
    };
    uint64_t room = spool_record_room(record.len);
    memcpy(p, &h, sizeof h);
    if (record.len > 0)
        memcpy(p + sizeof h, record.ptr, record.len);
    memset(p + sizeof h + record.len, 0, room - sizeof h - record.len);
    return room;
}

/* Under the lock. Nothing is staged after it, whether it worked or not. */
static enum errc write_stage(struct spool *s, struct err *e)
{
    uint64_t offset = s->info.head % s->info.size;
    size_t len = s->stage_len;
    s->stage_len = s->n_staged = 0;
    s->used_to = MAX(s->used_to, offset + len);
    enum errc rc = write_all(s->fd, s->stage, len, SPOOL_RING_AT + offset, e);
    if (rc == ERR_OK)
        s->info.head += len;
    return rc;
}

/* Under the lock: from the end of this lap to the next one, which the file must know first. */
static enum errc next_lap(struct spool *s, struct err *e)
{
    uint64_t left = lap_left(s, s->info.head + s->stage_len);
    if (left >= sizeof(struct spool_record_head))
        s->stage_len +=
            compose(s, s->stage + s->stage_len, s->info.head + s->stage_len, STR_NONE);
    enum errc rc = write_stage(s, e);
    if (rc == ERR_OK)
        s->info.head += lap_left(s, s->info.head) % s->info.size;
    return rc;
}

/* Under the lock. */
static enum errc stage(struct spool *s, struct str record, struct err *e)
{
    uint64_t room = spool_record_room(record.len), at = s->info.head + s->stage_len;
    uint64_t left = lap_left(s, at), skip = room > left ? left : 0;
    if (at + skip + room > s->info.tail + s->info.size)
        return err_set(e, ERR_STORE, "spool: full");
    enum errc rc = ERR_OK;
    if (skip > 0)
        rc = next_lap(s, e);
    else if (s->stage_len + room > spool_record_room(SPOOL_RECORD_MAX))
        rc = write_stage(s, e);
    if (rc != ERR_OK)
        return rc;
    s->stage_len +=
        compose(s, s->stage + s->stage_len, s->info.head + s->stage_len, record);
    s->n_staged++;
    return ERR_OK;
}

static enum errc add(struct spool *s, struct str record, bool is_last, uint64_t *ret_end,
                     struct err *e)
{
    if (record.len == 0 || record.len > SPOOL_RECORD_MAX)
        return err_set(e, ERR_RANGE, "spool: a record of %zu bytes", record.len);
    pthread_mutex_lock(&s->lock);
    enum errc rc = stage(s, record, e);
    uint64_t end = s->info.head + s->stage_len;
    if (rc == ERR_OK && is_last)
        rc = write_stage(s, e);
    pthread_mutex_unlock(&s->lock);
    if (rc == ERR_OK)
        *ret_end = end;
    return rc;
}

enum errc spool_append(struct spool *s, struct str record, uint64_t *ret_end,
                       struct err *e)
{
    return add(s, record, true, ret_end, e);
}

enum errc spool_stage(struct spool *s, struct str record, uint64_t *ret_end,
                      struct err *e)
{
    return add(s, record, false, ret_end, e);
}

enum errc spool_flush(struct spool *s, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    enum errc rc = write_stage(s, e);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

size_t spool_n_staged(const struct spool *s)
{
    return s->n_staged;
}

/* ---- reading ---- */

void spool_cursor_release(struct spool_cursor *c)
{
    mem_free(c->data);
    *c = (struct spool_cursor){0};
}

/*
 * Has the bytes [c->at, c->at + need) at the returned place; NULL after an error. They lie in
 * one lap and before `limit`: nothing from there on may be read, because it is being written.
 */
static const char *fill(struct spool *s, struct spool_cursor *c, size_t need,
                        uint64_t limit, struct err *e)
{
    if (c->at >= c->from && c->at + need <= c->from + c->len)
        return c->data + (c->at - c->from);
    if (c->cap < need || c->cap < CHUNK) {
        size_t cap = MAX(need, (size_t)CHUNK);
        char *data = mem_resize(c->data, cap, 1);
        if (data == NULL) {
            err_set(e, ERR_MEMORY, "spool: out of memory");
            return NULL;
        }
        c->data = data;
        c->cap = cap;
    }
    uint64_t len = MIN(MIN((uint64_t)c->cap, lap_left(s, c->at)), limit - c->at);
    c->len = 0;
    if (read_all(s->fd, c->data, len, SPOOL_RING_AT + c->at % s->info.size, e) != ERR_OK)
        return NULL;
    c->from = c->at;
    c->len = len;
    return c->data;
}

enum found { FOUND_RECORD, FOUND_END, FOUND_DAMAGE, FOUND_FAILURE };

/* One record at c->at; moves behind it only when it is whole. */
static enum found read_record(struct spool *s, struct spool_cursor *c, uint64_t limit,
                              struct str *ret, struct err *e)
{
    for (;;) {
        struct spool_record_head h;
        uint64_t left = lap_left(s, c->at);
        if (left < sizeof h) {
            c->at += left;
            continue;
        }
        if (c->at + sizeof h > limit)
            return FOUND_END;
        const char *p = fill(s, c, sizeof h, limit, e);
        if (p == NULL)
            return FOUND_FAILURE;
        memcpy(&h, p, sizeof h);
        uint64_t room = spool_record_room(h.len);
        if (h.at != c->at || h.zero != 0 || h.len > SPOOL_RECORD_MAX || room > left ||
            c->at + room > limit)
            return FOUND_DAMAGE;
        p = fill(s, c, room, limit, e);
        if (p == NULL)
            return FOUND_FAILURE;
        struct str record = {p + sizeof h, h.len};
        if (spool_record_sum(s->info.id, c->at, record) != h.sum)
            return FOUND_DAMAGE;
        if (h.len == 0) {
            c->at += left;
            continue;
        }
        c->at += room;
        *ret = record;
        return FOUND_RECORD;
    }
}

/* The first place from `at` on where a head names itself, or that is not in the cursor's buffer. */
static uint64_t next_head(const struct spool_cursor *c, uint64_t at, uint64_t to)
{
    uint64_t named, end = c->from + c->len;
    for (; at < to && at >= c->from && at + sizeof(struct spool_record_head) <= end;
         at += 8) {
        const char *head = c->data + (at - c->from);
        memcpy(&named, head + offsetof(struct spool_record_head, at), sizeof named);
        if (named == at)
            break;
    }
    return at;
}

/*
 * After damage: the next whole record within the reach of the largest one. Every start comes
 * here, behind the last record.
 */
static enum found find_next(struct spool *s, struct spool_cursor *c, uint64_t limit,
                            struct str *ret, struct err *e)
{
    uint64_t from = c->at,
             to = MIN(limit, from + 2 * spool_record_room(SPOOL_RECORD_MAX));
    for (uint64_t at = next_head(c, from + 8, to); at < to;
         at = next_head(c, at + 8, to)) {
        c->at = at;
        enum found f = read_record(s, c, limit, ret, e);
        if (f == FOUND_RECORD || f == FOUND_FAILURE)
            return f;
    }
    c->at = from;
    return FOUND_DAMAGE;
}

/* From the tail to the last whole record: where appending goes on. */
static enum errc find_records(struct spool *s, struct err *e)
{
    struct spool_cursor c = {.at = s->info.tail};
    uint64_t limit = s->info.tail + s->info.size;
    struct str record;
    enum found f;
    for (;;) {
        f = read_record(s, &c, limit, &record, e);
        if (f == FOUND_DAMAGE) {
            f = find_next(s, &c, limit, &record, e);
        }
        if (f != FOUND_RECORD)
            break;
    }
    s->info.head = s->info.recovered = MAX(c.at, s->applied);
    s->used_to = s->info.head >= s->info.size ? s->info.size : s->info.head;
    spool_cursor_release(&c);
    return f == FOUND_FAILURE ? e->code : ERR_OK;
}

/* Seldom asks for the head: whoever reads behind the loop must not keep it from appending. */
static uint64_t reach(struct spool *s, struct spool_cursor *c)
{
    if (c->limit != 0)
        return c->limit;
    if (c->at >= c->head) {
        pthread_mutex_lock(&s->lock);
        c->head = s->info.head;
        pthread_mutex_unlock(&s->lock);
    }
    return c->head;
}

enum errc spool_next(struct spool *s, struct spool_cursor *c, struct str *ret,
                     bool *ret_found, struct err *e)
{
    uint64_t limit = reach(s, c);
    enum found f = c->at < limit ? read_record(s, c, limit, ret, e) : FOUND_END;
    if (f == FOUND_DAMAGE) {
        f = find_next(s, c, limit, ret, e);
        if (f == FOUND_DAMAGE)
            c->at = limit;
        pthread_mutex_lock(&s->lock);
        s->info.n_damaged++;
        pthread_mutex_unlock(&s->lock);
    }
    *ret_found = f == FOUND_RECORD;
    return f == FOUND_FAILURE ? e->code : ERR_OK;
}

/* ---- releasing ---- */

enum errc spool_release(struct spool *s, uint64_t tail, uint64_t applied, struct err *e)
{
    if (tail == s->info.tail && applied == s->applied)
        return ERR_OK;
    /* The file first: room that it still counts as taken must not be overwritten. */
    enum errc rc = write_head(s, tail, applied, e);
    if (rc != ERR_OK)
        return rc;
    s->applied = applied;
    pthread_mutex_lock(&s->lock);
    s->info.tail = tail;
    pthread_mutex_unlock(&s->lock);
    return ERR_OK;
}

enum errc spool_scrub(struct spool *s, struct err *e)
{
    enum errc rc = ERR_OK;
    uint64_t end = s->info.tail + s->info.size, at = 0;
    char *zeroes = mem_alloc(1, SCRUB_STEP);
    if (zeroes == NULL)
        return err_set(e, ERR_MEMORY, "spool: out of memory");
    while (rc == ERR_OK) {
        pthread_mutex_lock(&s->lock);
        at = MAX(at, s->info.head);
        uint64_t offset = at % s->info.size;
        uint64_t len =
            MIN(MIN((uint64_t)SCRUB_STEP, lap_left(s, at)), end - MIN(at, end));
        if (len > 0 && offset < s->used_to)
            rc = write_all(s->fd, zeroes, len, SPOOL_RING_AT + offset, e);
        pthread_mutex_unlock(&s->lock);
        if (len == 0)
            break;
        at += len;
    }
    mem_free(zeroes);
    return rc;
}
