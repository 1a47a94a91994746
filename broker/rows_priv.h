/*
 * rows_priv.h: what the two halves of rows.h share: rows.c has the connection, the admissions and
 * the transactions, rows_insert.c the statements, the rows of a request and the sums.
 */
#ifndef BROKER_ROWS_PRIV_H
#define BROKER_ROWS_PRIV_H

#include "core/arena.h"
#include "core/db.h"
#include "core/list.h"
#include "core/map.h"

#include "broker/bind.h"
#include "broker/rows.h"

enum statement {
    ST_REQUEST,
    ST_ATTEMPT,
    ST_TAG,
    ST_BODY,
    ST_CONVERSATION,
    ST_ROLLUP,
    ST_ROLLUP_DIM,
    ST_KEEP,
    ST_UNKEEP,
    ST_LOSS,
    ST_STATE,
    ST_NO_STATE,
    ST_REPLAY_RUN,
    ST_REPLAY_ITEMS,
    ST_REPLAY_NO_ITEMS,
    ST_REPLAY_NO_RUN,
    ST_SPOOL,
    ST_N_
};

enum rollup { ROLLUP_HOUR, ROLLUP_DIM, ROLLUP_N_ };

struct sum; /* of one key of a roll-up; rows_insert.c has it */

struct rows {
    struct db *db;
    struct bind bind[ST_N_];
    uint64_t spool_id;
    struct map pending; /* id → struct pending, owned */
    struct list open, closing;
    struct arena arena; /* of the batch */
    struct map sums[ROLLUP_N_];
    struct sum *last_sum[ROLLUP_N_]; /* in sums; the next request is often of the same */
    struct buf text;                 /* scratch: keys of the maps, JSON */
    struct record *scratch;          /* owned: an admission, decoded */
    struct buf packed[3];            /* scratch for compressed bodies */
    int64_t next_rid;  /* numbers are not used again while we live, for who follows */
    int64_t first_rid; /* of the batch */
    int wal_pages;
};

/* ---- rows_insert.c ---- */

enum errc rows_prepare(struct rows *r, struct err *e) MUST_USE;
/* Its parameters follow in the order of the statement. */
struct bind *rows_bind(struct rows *r, enum statement which);
enum errc rows_run(struct rows *r, const struct bind *b, struct err *e) MUST_USE;

/* The sums of a batch: none yet, and given back. */
void rows_begin_sums(struct rows *r);
void rows_end_sums(struct rows *r);
enum errc rows_write_sums(struct rows *r, struct err *e) MUST_USE;

/* All rows of one request, and its part of the sums; nothing when its id has a row already. */
enum errc rows_insert(struct rows *r, const struct ledger_admit *a,
                      const struct ledger_settle *s, const struct rows_body *body,
                      struct err *e) MUST_USE;

#endif
