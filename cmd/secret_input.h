/*
 * secret_input.h: a secret from a person who types it unseen, or from a pipe; never from an
 * argument, which everybody on the machine can see.
 */
#ifndef CMD_SECRET_INPUT_H
#define CMD_SECRET_INPUT_H

#include "cmd/cmd.h"

/*
 * Appends the first line of standard input, without blanks around it. On a terminal it asks with
 * `prompt` and echoes nothing. ERR_USAGE when that is empty, has blanks or control characters in
 * it, or may not be asked for; ERR_CANCELLED for Ctrl-C. Wipe what it gave.
 */
enum errc secret_input(const struct cmd_ctx *ctx, const char *prompt, struct buf *ret,
                       struct err *e) MUST_USE;

#endif
