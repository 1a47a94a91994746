/*
 * dialect_openai.h: between the files of one dialect: dialect_openai.c and …_client.c pass bytes,
 * …_decode.c and …_encode.c translate requests, …_reply.c answers.
 */
#ifndef BROKER_DIALECT_OPENAI_H
#define BROKER_DIALECT_OPENAI_H

#include "broker/dialect.h"

struct request_writer;

/* Of the vtable: see dialect.h. */
enum errc openai_facts(struct str body, const struct jcheck *check,
                       struct body_facts *ret, struct err *e);
enum errc openai_splice(struct str body, const struct body_facts *f,
                        const struct body_edits *edits, struct buf *text,
                        struct pieces *ret, struct err *e);

/* finish_reason; "stop" after calls means calls. */
enum msg_finish openai_finish(struct str word, bool saw_call);
bool openai_finish_is_error(struct str word);

/* The text of one of reasoning_details (OpenRouter, MiniMax): a thought or its summary. */
struct jspan openai_detail_text(struct str t, struct jspan detail);
/* What an id says of OpenAI's own models: "gpt-5.6-mini" is 56, "gpt-4o" 40; else −1. */
int openai_version(struct str model);
/* Does the target reason, by what is known of it or by its id? */
bool openai_is_reasoning(const struct target_caps *t);
/*
 * gpt-5.6 and later take marks of what is to be cached on the parts of what they are told, but not
 * on what they have said; older ones answer 400.
 * Source: developers.openai.com guides/prompt-caching, breakpoints (2026-10).
 */
bool openai_takes_marks(const struct target_caps *t);
/* The mark of a part that has one; dropped by name where it is not taken. */
void openai_write_mark(struct request_writer *r, struct str ttl);
/* The nearest effort that a reasoning model of OpenAI's takes. */
const char *openai_effort_word(enum msg_effort e, struct str model);
/* The tier that served it, for the price. */
void openai_scan_tier(struct scan_state *s, struct str t, struct jspan tier);
/* What both of OpenAI's APIs have in common. */
void openai_request_headers(const struct http1_head *client, bool same_dialect,
                            struct buf *out);
void openai_scan_init(struct scan_state *s, const struct provider_kind *kind);
void openai_keepalive(struct buf *out);
int openai_error_status(const struct err *e);
void openai_error_body(const struct err *e, const struct error_ext *x, struct buf *out);
/* type and code of an error, as openai_error_body() has them; code may be NULL. */
void openai_error_words(const struct err *e, const char **ret_type,
                        const char **ret_code);

enum errc openai_request_decode(struct str body, const struct jcheck *check,
                                struct arena *a, struct msg_request *ret, struct err *e);
enum errc openai_request_encode(const struct msg_request *m, const struct target_caps *t,
                                struct buf *out, struct dropped *d, struct err *e);
enum errc openai_reply_decode(struct str body, const struct provider_kind *kind,
                              struct arena *a, struct msg_reply *ret, struct err *e);
/* The id of a thought whose signature is reasoning_details, joined by commas. */
#define openai_details_id "reasoning_details"
void openai_decoder_free(struct event_decoder **d);
struct event_decoder *openai_decoder_new(const struct provider_kind *kind);
enum errc openai_decode_event(struct event_decoder *d, const struct sse_event *ev,
                              delta_fn *fn, void *arg, struct err *e);
void openai_reply_encode(const struct msg_reply *r, const struct encode_ctx *ctx,
                         struct buf *out);
struct delta_encoder *openai_encoder_new(const struct encode_ctx *ctx);
void openai_encode_delta(struct delta_encoder *n, const struct msg_delta *d,
                         struct buf *out);
void openai_encoder_free(struct delta_encoder **n);

#endif
