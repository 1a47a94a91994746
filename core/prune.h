/*
 * prune.h: deletes requests for good, on wish and by age. Roll-ups keep the sums.
 *
 * Works in short transactions of its own, so that recording goes on in between. The caller makes
 * sure that nothing is left in the search index (texts_clean), the write-ahead log
 * (db_truncate_wal) and the spool.
 */
#ifndef CORE_PRUNE_H
#define CORE_PRUNE_H

#include "core/db.h"

/* What to delete; the first that is set counts. */
struct prune_selection {
    struct str id, conversation;
    int64_t since_us, until_us; /* by when they began; until 0: open */
    bool texts_only; /* of an id or a conversation: what was said goes, the rows stay */
};
/* *ret_n: how many requests went. */
enum errc prune_requests(struct db *d, const struct prune_selection *what, int64_t *ret_n,
                         struct err *e) MUST_USE;
/*
 * Bodies of requests that ended before older_than_us go, and the oldest while there are more
 * than max_len bytes of them (0: no such bound).
 */
enum errc prune_bodies(struct db *d, int64_t older_than_us, int64_t max_len,
                       int64_t *ret_n, struct err *e) MUST_USE;

#endif
