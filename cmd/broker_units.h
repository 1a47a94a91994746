/*
 * broker_units.h: the broker as a unit of the user's systemd.
 */
#ifndef CMD_BROKER_UNITS_H
#define CMD_BROKER_UNITS_H

#include "cmd/cmd.h"

/* ERR_NOT_FOUND: no units were installed with this program. */
enum errc broker_units_find(struct cmd_ctx *ctx, struct err *e) MUST_USE;
/*
 * Tells the user's systemd of the units that were installed with this program, and enables the
 * socket: the broker then starts on demand. ERR_NOT_FOUND: there are no units, or no systemd.
 */
enum errc broker_units_install(struct cmd_ctx *ctx, struct err *e) MUST_USE;
/* Stops both units and forgets them. */
enum errc broker_units_uninstall(struct err *e) MUST_USE;

#endif
