/* ask.h: a question on the terminal that is answered with yes or no. */
#ifndef CMD_ASK_H
#define CMD_ASK_H

#include "cmd/cmd.h"

/* Is there somebody to ask: a terminal at both ends, and no --no-input? */
bool ask_can(const struct cmd_ctx *ctx);
/* "llmgw: log: QUESTION [y/N] "; everything but a yes is a no. */
bool ask_yes(const struct cmd_ctx *ctx, const char *fmt, ...) PRINTF(2, 3);

#endif
