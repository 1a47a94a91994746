/*
 * spool.h: a ring of checksummed records in one preallocated file, which survives kill -9.
 *
 * One thread appends, one thread reads and releases; each append is one pwrite, and takes what
 * was staged before it along. A record is
 * numbered by the position of its end, counted in bytes since the file was made, so numbers
 * only grow and tell how far to read. What was appended and not released is found again by the
 * next spool_open, up to the first record that was not written whole; a record that was damaged
 * later is skipped and counted.
 *
 * The file's layout is in core/spoolfile.h. The checksum is SipHash-2-4 keyed by the file's
 * random identity and the position, so that what an earlier lap or file left behind never passes
 * for a record.
 */
#ifndef BROKER_SPOOL_H
#define BROKER_SPOOL_H

#include "core/spoolfile.h"

struct spool;

/*
 * Opens or makes the file, takes its lock and finds the records that are left. `size` is the
 * ring's when it is made; on a disk too full for it a smaller ring is made. A file whose head
 * is damaged is set aside as PATH.damaged. ERR_BROKER: another process holds the lock.
 */
enum errc spool_open(const char *path, uint64_t size, struct spool **ret, struct err *e)
    MUST_USE;
void spool_close(struct spool **s);

struct spool_info {
    uint64_t id;   /* random identity of the file */
    uint64_t size; /* bytes of the ring */
    uint64_t head; /* position after the newest record */
    uint64_t tail; /* position of the oldest that was not released */
    /* head as spool_open found it: this process's records begin here */
    uint64_t recovered;
    uint64_t n_damaged; /* places where records were unreadable */
    bool was_set_aside; /* the file that was there had a damaged head */
};
void spool_info(struct spool *s, struct spool_info *ret);

/*
 * Appends; *ret_end numbers the record. ERR_STORE when there is no room or the disk refuses:
 * nothing was appended then.
 */
enum errc spool_append(struct spool *s, struct str record, uint64_t *ret_end,
                       struct err *e) MUST_USE;
/* Appends with the next spool_append or spool_flush; until then it is in memory only. */
enum errc spool_stage(struct spool *s, struct str record, uint64_t *ret_end,
                      struct err *e) MUST_USE;
/* Writes what is staged. When that fails, here or in spool_append, all of it is lost. */
enum errc spool_flush(struct spool *s, struct err *e) MUST_USE;
/* Records that are staged. */
size_t spool_n_staged(const struct spool *s);

/* Reads in order. One at a time; start with .at = spool_info.tail. */
struct spool_cursor {
    uint64_t at;    /* position of the next record */
    uint64_t limit; /* read only before it; 0: up to the head */
    uint64_t head;  /* as last seen: looked for again when it is reached */
    char *data;     /* owned */
    size_t cap;     /* bytes of data */
    uint64_t from;  /* position of data[0] */
    size_t len;     /* bytes of data in use */
};
void spool_cursor_release(struct spool_cursor *c);
/*
 * The next record, valid until the next call; c->at moves behind it. *ret_found is false at the
 * head or limit.
 */
enum errc spool_next(struct spool *s, struct spool_cursor *c, struct str *ret,
                     bool *ret_found, struct err *e) MUST_USE;

/*
 * Frees the room up to `tail`, which is not behind the head; `applied` is remembered in the
 * file: later records get numbers above it, whatever becomes of the ring.
 */
enum errc spool_release(struct spool *s, uint64_t tail, uint64_t applied, struct err *e)
    MUST_USE;
/* Overwrites what was released, in small steps, so that deleted rows leave no trace here. */
enum errc spool_scrub(struct spool *s, struct err *e) MUST_USE;

#endif
