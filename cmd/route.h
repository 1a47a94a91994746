/*
 * route.h: the parts of `llmgw route`.
 */
#ifndef CMD_ROUTE_H
#define CMD_ROUTE_H

#include "cmd/cmd.h"

/* Asks the targets, those of the routes, or of every route. ERR_CHECK when one fails. */
enum errc route_test(struct cmd_ctx *ctx, void *opts, const char *const *args, size_t n,
                     struct err *e) MUST_USE;
/* The latest requests with whom they went to, and why not to others; route NULL: of all. */
enum errc route_history(struct cmd_ctx *ctx, int64_t max, const char *route,
                        struct err *e) MUST_USE;

#endif
