/*
 * dry.h: what would be sent, and why, without sending it: `chat --dry-run`, `route explain`.
 */
#ifndef CMD_DRY_H
#define CMD_DRY_H

#include "cmd/prompt.h"
#include "cmd/session.h"

/*
 * Asks the broker to decide about the next turn of the session, p being what the user says, and
 * prints what it says: as text, or as JSON with -j. ERR_REFUSED when policy forbids it.
 */
enum errc dry_run(struct session *s, const struct prompt *p, struct err *e) MUST_USE;
/* The same from the beginning, for commands that share the options of chat. In chat.c. */
enum errc chat_dry_run(struct cmd_ctx *ctx, const struct chat_options *o,
                       const struct opt_args *words, struct err *e) MUST_USE;

#endif
