/*
 * link_start.h: how llmgwd comes to life; between link.c and link_start.c.
 */
#ifndef CMD_LINK_START_H
#define CMD_LINK_START_H

#include "cmd/cmd.h"

/* A blocking connection, closed on exec; −1 and errno. */
int link_connect(const char *path);

/* Has the user said where the socket is, by an option, a variable or the configuration? */
bool link_is_named(const struct cmd_ctx *ctx);

/* Starts a broker on this socket unless one has come up meanwhile. ERR_BROKER. */
enum errc link_start_at(struct cmd_ctx *ctx, const char *path, bool is_auto,
                        struct err *e) MUST_USE;

#endif
