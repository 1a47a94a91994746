/*
 * explain.h: why a request goes where it goes, for people: `chat --dry-run`, `route explain`.
 */
#ifndef CMD_EXPLAIN_H
#define CMD_EXPLAIN_H

#include "core/jsonx.h"

/* Appends the broker's decision (llmgw-protocol(7), explain) as text. */
void explain_write(struct json_object *decision, struct buf *out);
/* Only its candidates, as the ledger keeps them in request.trace. */
void explain_candidates(struct json_object *candidates, struct buf *out);
/* "budget daily: $1.92 of $5.00 a day (soft)", of a budget as the broker tells it; no newline. */
void explain_budget(struct json_object *budget, struct buf *out);
/* ", 1h59m left" by a member in milliseconds; nothing when it has no end. */
void explain_left(struct json_object *o, const char *key, struct buf *out);
/* ERR_OK if the request would be sent; ERR_REFUSED when policy forbids it, with the reason. */
enum errc explain_verdict(struct json_object *decision, struct err *e) MUST_USE;

#endif
