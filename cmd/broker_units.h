/*
 * broker_units.h: the broker as a unit of the user's systemd.
 */
#ifndef CMD_BROKER_UNITS_H
#define CMD_BROKER_UNITS_H

#include "cmd/cmd.h"

/*
 * Tells the user's systemd of the units that were installed with this program. Nothing else
 * changes yet. ERR_NOT_FOUND: there are no units, or no systemd.
 */
enum errc broker_units_link(struct cmd_ctx *ctx, struct err *e) MUST_USE;
/* Enables the socket, which nobody may hold: the broker then starts on demand. */
enum errc broker_units_enable(struct err *e) MUST_USE;
/* Stops both units and forgets them. */
enum errc broker_units_uninstall(struct err *e) MUST_USE;

#endif
