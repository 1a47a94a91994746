/*
 * rows.h: records become rows: the writer thread's half of the ledger.
 *
 * Works in transactions that the caller opens: after an error it rolls back and may do the same
 * records again. Knows which requests were admitted and have not ended. One thread.
 */
#ifndef BROKER_ROWS_H
#define BROKER_ROWS_H

#include "broker/record.h"

struct rows;

/* Bodies of one request, uncompressed; empty when not kept. */
struct rows_body {
    struct str request, response, answer;
};

/*
 * Opens or makes the database. *ret_applied: records of this spool up to that position are rows
 * already; 0 for a spool that the database does not know.
 */
enum errc rows_open(const char *path, uint64_t spool_id, struct rows **ret,
                    uint64_t *ret_applied, struct err *e) MUST_USE;
void rows_close(struct rows **r);

enum errc rows_begin(struct rows *r, struct err *e) MUST_USE;
/* Writes the sums and the position that is reached, and commits. */
enum errc rows_commit(struct rows *r, uint64_t applied, struct err *e) MUST_USE;
void rows_rollback(struct rows *r);

/* Remembers an admission; its record begins at `from` in the spool. Needs no transaction. */
enum errc rows_admit(struct rows *r, const char *id, struct str record, uint64_t from,
                     struct err *e) MUST_USE;
/* The request has a row already: forgets its admission at the next commit. */
void rows_forget(struct rows *r, const char *id);
/* An end: the row, its attempts, tags, bodies and sums. A second end of one id does nothing. */
enum errc rows_settle(struct rows *r, const struct ledger_settle *s,
                      const struct rows_body *body, struct err *e) MUST_USE;
/* Keeps a key of table `state`, or forgets it. */
enum errc rows_state(struct rows *r, const struct ledger_state *s, struct err *e)
    MUST_USE;
/*
 * A row of replay_run, from an object with its columns as members, and rows of replay_item, from
 * those of "items". What is no such object makes no rows, or ERR_STORE for a wrong type.
 */
enum errc rows_replay(struct rows *r, struct str json, struct err *e) MUST_USE;
/* Everything admitted that has not ended becomes a row marked interrupted. */
enum errc rows_interrupt(struct rows *r, int64_t now_us, struct err *e) MUST_USE;
size_t rows_n_open(const struct rows *r);

/* The oldest position in the spool that is still needed, at most `applied`. */
uint64_t rows_tail(const struct rows *r, uint64_t applied);
/* Moves admissions whose records begin before `before` into the database. */
enum errc rows_keep(struct rows *r, uint64_t before, struct err *e) MUST_USE;
/* Notes that something could not be recorded. */
enum errc rows_loss(struct rows *r, int64_t now_us, uint64_t n_rows, uint64_t n_bodies,
                    const char *why, struct err *e) MUST_USE;

/* The writing connection, for prune.h. */
struct db *rows_db(struct rows *r);
/* Pages in the write-ahead log since it was last reset. */
int rows_wal_pages(const struct rows *r);
/* Moves what it can of the log's pages into the database. */
enum errc rows_checkpoint(struct rows *r, struct err *e) MUST_USE;

#endif
