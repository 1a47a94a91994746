/*
 * dialect_anthropic.h: between the files of one dialect: dialect_anthropic.c passes bytes,
 * …_decode.c and …_encode.c translate requests, …_reply.c answers.
 */
#ifndef BROKER_DIALECT_ANTHROPIC_H
#define BROKER_DIALECT_ANTHROPIC_H

#include "broker/dialect.h"

enum msg_finish anthropic_finish(struct str word); /* stop_reason */

enum errc anthropic_request_decode(struct str body, const struct jcheck *check,
                                   struct arena *a, struct msg_request *ret,
                                   struct err *e);
enum errc anthropic_request_encode(const struct msg_request *m,
                                   const struct target_caps *t, struct buf *out,
                                   struct dropped *d, struct err *e);
enum errc anthropic_reply_decode(struct str body, const struct provider_kind *kind,
                                 struct arena *a, struct msg_reply *ret, struct err *e);
struct event_decoder *anthropic_decoder_new(const struct provider_kind *kind);
enum errc anthropic_decode_event(struct event_decoder *d, const struct sse_event *ev,
                                 delta_fn *fn, void *arg, struct err *e);
void anthropic_reply_encode(const struct msg_reply *r, const struct encode_ctx *ctx,
                            struct buf *out);
struct delta_encoder *anthropic_encoder_new(const struct encode_ctx *ctx);
void anthropic_encode_delta(struct delta_encoder *n, const struct msg_delta *d,
                            struct buf *out);
void anthropic_encoder_free(struct delta_encoder **n);

#endif
