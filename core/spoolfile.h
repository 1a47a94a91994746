/*
 * spoolfile.h: how the ledger's spool lies in its file: for the broker, which owns it
 * (broker/spool.h), and for commands, which only look what waits there.
 *
 *     file    two copies of the head (the newer valid one counts), at 4096 the ring
 *     record  u64 checksum, u64 position of its start, u32 length, u32 zero, bytes, to 8 bytes
 *
 * Positions count bytes since the file was made. A record never straddles the end of the ring:
 * one of length 0 says "go on at the start". Numbers are in the host's order.
 */
#ifndef CORE_SPOOLFILE_H
#define CORE_SPOOLFILE_H

#include "core/err.h"
#include "core/str.h"

enum {
    SPOOL_VERSION = 1,
    SPOOL_SLOT_LEN = 512,             /* distance of the two copies of the head */
    SPOOL_RING_AT = 4096,             /* offset of the ring in the file */
    SPOOL_RECORD_MAX = 1024 * 1024,   /* bytes of one record */
    SPOOL_SIZE_MIN = 4 * 1024 * 1024, /* bytes of the smallest ring */
    SPOOL_KIND_END = 'S', /* first byte of a record: the end of a request (record.h) */
};

struct spool_head {
    char magic[8];
    uint32_t version, zero;
    uint64_t generation; /* grows with each write; its parity chooses the copy */
    uint64_t id, size, tail, applied;
    uint64_t sum; /* of all before */
};
_Static_assert(sizeof(struct spool_head) == 64, "the head has no padding");

struct spool_record_head {
    uint64_t sum, at;
    uint32_t len, zero;
};
_Static_assert(sizeof(struct spool_record_head) == 24, "nor has a record's");

enum spool_head_state {
    SPOOL_HEAD_VALID,
    SPOOL_HEAD_EMPTY,
    SPOOL_HEAD_DAMAGED,
    SPOOL_HEAD_NEWER,
};

/* Puts the mark and the checksum of a head that is about to be written. */
void spool_head_seal(struct spool_head *h);
enum spool_head_state spool_head_judge(const struct spool_head *h);
/* `id` and `at` are part of it: what an earlier lap or file left is no record. */
uint64_t spool_record_sum(uint64_t id, uint64_t at, struct str record);
/* Bytes a record takes in the ring. */
uint64_t spool_record_room(uint64_t len);

struct spool_waiting {
    int64_t n_requests; /* that have ended */
    uint64_t end;       /* position behind the last of them */
};
/*
 * What is in the file and not in the database, which has the records of file `id` up to
 * `applied`. A file that is missing or cannot be read has nothing.
 */
enum errc spool_waiting(const char *path, uint64_t id, uint64_t applied,
                        struct spool_waiting *ret, struct err *e) MUST_USE;

/*
 * For a command that changes the ledger without its broker: takes the lock that a broker holds,
 * which goes when *ret_fd is closed; a missing file is made, empty. *ret_empty: no record waits
 * in it. ERR_BROKER when a broker has it.
 */
enum errc spool_claim(const char *path, int *ret_fd, bool *ret_empty, struct err *e)
    MUST_USE;
/* Overwrites the ring of an empty, claimed spool with zeroes. */
enum errc spool_wipe(int fd, struct err *e) MUST_USE;

#endif
