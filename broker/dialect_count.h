/*
 * dialect_count.h: what the dialects' ways to count tokens share: one number in the answer.
 */
#ifndef BROKER_DIALECT_COUNT_H
#define BROKER_DIALECT_COUNT_H

#include "broker/dialect.h"

/* The count is the input of s->usage. ERR_SERVER: there is none. */
enum errc count_scan_reply(struct scan_state *s, struct str body, struct err *e);
enum errc count_reply_decode(struct str body, const struct provider_kind *kind,
                             struct arena *a, struct msg_reply *ret, struct err *e);
/* As Anthropic's clients have it. */
void count_reply_encode(const struct msg_reply *r, const struct encode_ctx *ctx,
                        struct buf *out);

#endif
