/*
 * record.h: admissions and ends of requests, and what the broker wants to remember, as compact
 * binary records for the spool.
 *
 *     byte 0  'A' admission, 'S' settlement, 'T' state or 'R' run of replay
 *     byte 1  version of the layout; an old broker's spool is read by a new one
 *     then    the fields in the order of record.c: integers as varints (signed: zigzag),
 *             texts as length + 1 and bytes, 0 for an absent one
 */
#ifndef BROKER_RECORD_H
#define BROKER_RECORD_H

#include "core/buf.h"

#include "broker/ledger.h"
#include "broker/spool.h"

/* bytes; no record is longer, and the buffers of record_put_* must be able to hold so many */
enum { RECORD_MAX = SPOOL_RECORD_MAX };

enum record_kind {
    RECORD_ADMIT = 'A',
    RECORD_SETTLE = SPOOL_KIND_END,
    RECORD_STATE = 'T',
    RECORD_REPLAY = 'R',
};

/* A decoded record. Texts borrow from the bytes it was made of; pointers point into itself. */
struct record {
    enum record_kind kind;
    struct ledger_admit admit;   /* RECORD_ADMIT */
    struct ledger_settle settle; /* RECORD_SETTLE */
    struct ledger_state state;   /* RECORD_STATE */
    struct str replay;           /* RECORD_REPLAY: JSON */
    struct http1_header tags[LIMIT_TAGS];
    struct ledger_attempt attempts[LIMIT_ATTEMPTS];
    struct usage usages[LIMIT_ATTEMPTS + 1]; /* the last is the settlement's own */
};

/* Append to `out`; its own error state tells whether it worked. Long texts are cut. */
void record_put_admit(struct buf *out, const struct ledger_admit *a);
void record_put_settle(struct buf *out, const struct ledger_settle *s);
void record_put_state(struct buf *out, const struct ledger_state *s);
void record_put_replay(struct buf *out, struct str json);
/* What it is and, of an admission, whose; the rest may still turn out to be none. */
enum errc record_peek(struct str bytes, enum record_kind *ret, char ret_id[ULID_LEN + 1],
                      struct err *e) MUST_USE;
/* ERR_SYNTAX: not a record, or one of a newer layout. *ret is undefined then. */
enum errc record_get(struct str bytes, struct record *ret, struct err *e) MUST_USE;

#endif
