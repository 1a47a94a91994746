/*
 * history.h: the turns of a conversation so far, read from the ledger.
 */
#ifndef CMD_HISTORY_H
#define CMD_HISTORY_H

#include "core/db.h"
#include "core/jsonx.h"

#include "cmd/cmd.h"

struct history {
    struct buf messages;      /* JSON, each message with a comma behind */
    const char *conversation; /* its id; this and the following in the command's arena */
    const char *name, *title; /* NULL if none */
    const char *parent;       /* request id of the last answered turn */
    const char *model;        /* as it was asked for */
    const char *route;        /* NULL if none */
};

/*
 * Loads the conversation of that id, name, or beginning of an id; NULL: the latest.
 * keep_system: its system prompt stays. ERR_NOT_FOUND.
 */
enum errc history_load(struct cmd_ctx *ctx, const char *which, bool keep_system,
                       struct history *ret, struct err *e) MUST_USE;
void history_release(struct history *h);
/*
 * The id of the conversation of that id, name, or beginning of an id; NULL: of the latest. In the
 * command's arena. ERR_NOT_FOUND.
 */
enum errc history_find(struct cmd_ctx *ctx, struct db *db, const char *which,
                       const char **ret_id, struct err *e) MUST_USE;
/* Is there a conversation of exactly this id or name? False too when there is no ledger. */
bool history_exists(struct cmd_ctx *ctx, const char *name);
/*
 * The request that `id` continues, the one that this continues, and so on: at most `max` ids, in
 * the command's arena; an empty one where there is none before.
 */
enum errc history_parents(struct cmd_ctx *ctx, const char *id, const char **ids,
                          size_t max, size_t *ret_n, struct err *e) MUST_USE;
/* A conversation among others; its texts are in the command's arena. */
struct history_item {
    const char *id, *about; /* its name, or the first line of its first question, or "" */
    int64_t last_us, n_requests;
};

/*
 * The latest conversations, at most `max`; with `query` those that have it in `about`, ASCII case
 * ignored, or in whose texts these words are, the last of them perhaps as a beginning. No ledger
 * is none.
 */
enum errc history_recent(struct cmd_ctx *ctx, struct str query,
                         struct history_item *items, size_t max, size_t *ret_n,
                         struct err *e) MUST_USE;
/* Appends why the broker chose as it did: JSON. ERR_NOT_FOUND when it is not recorded (yet). */
enum errc history_trace(struct cmd_ctx *ctx, const char *request_id, struct buf *out,
                        struct err *e) MUST_USE;
/* What a request has cost, PICO_UNKNOWN if unpriced. ERR_NOT_FOUND when there is no row (yet). */
enum errc history_cost(struct cmd_ctx *ctx, const char *request_id, pico *ret,
                       struct err *e) MUST_USE;
/*
 * Appends what the broker recorded of a request, with the members of its "end" event: for an
 * answer that we stopped and whose end we have not seen. Waits a moment for the row.
 * ERR_NOT_FOUND when there is none.
 */
enum errc history_facts(struct cmd_ctx *ctx, const char *request_id, struct buf *out,
                        struct err *e) MUST_USE;

#endif
