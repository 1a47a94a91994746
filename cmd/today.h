/* today.h: what the day has cost so far, as a piece of a line. */
#ifndef CMD_TODAY_H
#define CMD_TODAY_H

#include "cmd/cmd.h"

/*
 * Appends `before` and "today $0.43 of $5.00", the latter when a budget of the day counts
 * everything. Nothing when there is no ledger that can be read: it is a remark, not a report.
 */
void today_add(struct cmd_ctx *ctx, const char *before, struct buf *out);

#endif
