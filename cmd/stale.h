/*
 * stale.h: does the broker have the configuration that all others read? Neither asks it to read
 * it again.
 */
#ifndef CMD_STALE_H
#define CMD_STALE_H

#include "core/jsonx.h"

#include "cmd/cmd.h"

enum stale {
    STALE_NOT,     /* or it cannot be told */
    STALE_UNREAD,  /* the file was changed after the broker read it */
    STALE_REFUSED, /* there are errors in it, and the broker keeps what it had */
    STALE_OTHER,   /* it reads another file */
};

/* By what the broker answers to GET /llmgw/v1/status. */
enum stale stale_conf(struct cmd_ctx *ctx, struct json_object *status);
/*
 * *e: the broker knows no such model or route. When our configuration does, and the broker has
 * another, that takes the place of any hint. One of model and route is NULL.
 */
void stale_hint(struct cmd_ctx *ctx, const char *model, const char *route, struct err *e);

#endif
