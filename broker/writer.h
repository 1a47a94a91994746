/*
 * writer.h: the ledger's writer thread: spool → SQLite, group commit, replay at start.
 *
 * Private to ledger.c and writer.c. What both threads touch stands between lock and end of the
 * struct, guarded by the lock; what is before it is set once, before the thread starts.
 */
#ifndef BROKER_WRITER_H
#define BROKER_WRITER_H

#include <pthread.h>

#include "core/list.h"
#include "core/prune.h"

#include "broker/ledger.h"
#include "broker/score.h"
#include "broker/spool.h"

/* Bodies on their way; the three texts stand one after the other in `bytes`. */
struct body_node {
    struct list link;
    uint64_t seq; /* of the settlement */
    size_t request_len, response_len, answer_len;
    char bytes[];
};

struct removal {
    struct list link;
    struct prune_selection what; /* its texts stand in `bytes` */
    bool is_done; /* the thread's: the rows are gone, but not every trace of them */
    char bytes[];
};

/* How long things stay; 0: for ever, as many as there are. */
struct retention {
    int64_t body_days, body_bytes, row_days;
};

struct writer {
    struct loop *loop;   /* borrowed, may be NULL */
    char *db_path;       /* owned */
    struct spool *spool; /* owned; has a lock of its own */
    pthread_cond_t work; /* the thread waits on it; monotonic, as … */
    pthread_cond_t rest; /* … this: told when nothing waits any more */

    pthread_mutex_t lock;
    struct list bodies, removals;
    struct retention retention;
    bool must_prune;       /* it has become shorter, perhaps: not in an hour, but now */
    size_t bodies_len;     /* bytes in the queue of bodies */
    uint64_t n_waiting;    /* settlements in the spool that the thread has not taken */
    uint64_t signal_at;    /* so many of them wake it */
    bool is_replayed;      /* what the last run left is in the database */
    bool must_score;       /* scores are to be read … */
    struct scores *scores; /* … and were; owned until they are taken */
    bool is_stopping;
    int64_t stop_at_us; /* monotonic: what is not committed by then stays in the spool */
    uint64_t applied;   /* everything up to this record is committed */
    uint64_t n_records, n_applied, n_dropped_rows, n_dropped_bodies;
    uint64_t n_removals, n_removed; /* asked for; done */
    uint64_t n_lost; /* records in the spool that are unreadable, or cannot be rows */
    bool append_ok;
    char trouble[256]; /* "" or what keeps the thread from committing */
};

enum errc writer_init(struct writer *w, const char *db_path, struct loop *loop,
                      struct err *e) MUST_USE;
/* While the thread runs. What is too old or too much by it goes at once. */
void writer_set_retention(struct writer *w, const struct retention *r);
/* When the thread has ended, or was never started. */
void writer_release(struct writer *w);
/* The thread; arg is the struct writer. */
void *writer_main(void *arg);
/* Makes it end when all is committed, or after wait_us. */
void writer_stop(struct writer *w, int64_t wait_us);

/* Under the lock. */
void writer_queue_body(struct writer *w, struct body_node *node, uint64_t seq);
void writer_settled(struct writer *w, uint64_t n);
void writer_dropped(struct writer *w, size_t n_rows);
/* Take the lock. What ledger.h says of scores. */
void writer_ask_scores(struct writer *w);
struct scores *writer_take_scores(struct writer *w);
/* Takes the lock. Returns the number of the removal, from 1. */
uint64_t writer_queue_removal(struct writer *w, struct removal *node);
/* Until no settlement waits, or wait_us is over: false. */
bool writer_wait(struct writer *w, int64_t wait_us);

#endif
