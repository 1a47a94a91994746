/*
 * dialect_responses.h: between the files of one dialect: dialect_responses.c passes bytes,
 * …_decode.c and …_encode.c translate requests, …_reply.c a provider's answers, …_events.c answers
 * to a client.
 */
#ifndef BROKER_DIALECT_RESPONSES_H
#define BROKER_DIALECT_RESPONSES_H

#include "broker/dialect.h"

/* What asks for them, in `include`. */
#define RESPONSES_LOGPROBS "message.output_text.logprobs"

enum responses_kind {
    RESPONSES_OTHER, /* of no interest, or not known */
    RESPONSES_CREATED,
    RESPONSES_ITEM_ADDED,
    RESPONSES_ITEM_DONE,
    RESPONSES_TEXT,
    RESPONSES_TEXT_DONE,
    RESPONSES_REFUSAL,
    RESPONSES_REFUSAL_DONE,
    RESPONSES_THOUGHT, /* a summary, or the reasoning itself */
    RESPONSES_THOUGHT_DONE,
    RESPONSES_ARGS,
    RESPONSES_ARGS_DONE,
    RESPONSES_CUSTOM_INPUT,
    RESPONSES_END, /* completed or incomplete */
    RESPONSES_FAILED,
    RESPONSES_ERROR,
};

/* One event of a stream. */
struct responses_event {
    enum responses_kind kind;
    struct jspan response, item;
    struct jspan delta, whole; /* a string; of …DONE: the whole of what the deltas were */
    struct jspan logprobs;     /* of it */
    int64_t output_index, part_index, sequence; /* −1: not said */
};
/* False when it is no object. */
bool responses_event_read(struct str text, struct responses_event *ret);

/* A response object: whole, or as an event brings it. */
struct responses_object {
    struct jspan id, model, status, output, usage, error, tier, reason;
};
void responses_object_read(struct str text, struct jspan v, struct responses_object *ret);
/* From status and incomplete_details; MSG_FINISH_NONE: it has not ended. */
enum msg_finish responses_finish(struct str text, const struct responses_object *o,
                                 bool saw_call);
/*
 * Perplexity's models as the Agent API knows them: what is asked for in the place of `model`, and
 * beside it the preset that it stood for, NULL: none. Other models are themselves.
 */
const char *agent_preset(const struct provider_kind *kind, struct str *model);
/* A response that failed, or an error event: fills *e and returns true. */
bool responses_failed(const struct provider_kind *kind, struct str text,
                      const struct responses_object *o, struct jspan v, struct err *e);

enum errc responses_request_decode(struct str body, const struct jcheck *check,
                                   struct arena *a, struct msg_request *ret,
                                   struct err *e);
/* What concerns the prompt, and nothing of the answer. */
enum errc responses_count_encode(const struct msg_request *m, const struct target_caps *t,
                                 struct buf *out, struct dropped *d, struct err *e);
enum errc responses_request_encode(const struct msg_request *m,
                                   const struct target_caps *t, struct buf *out,
                                   struct dropped *d, struct err *e);
enum errc responses_reply_decode(struct str body, const struct provider_kind *kind,
                                 struct arena *a, struct msg_reply *ret, struct err *e);
struct event_decoder *responses_decoder_new(const struct provider_kind *kind);
enum errc responses_decode_event(struct event_decoder *d, const struct sse_event *ev,
                                 delta_fn *fn, void *arg, struct err *e);
void responses_reply_encode(const struct msg_reply *r, const struct encode_ctx *ctx,
                            struct buf *out);
struct delta_encoder *responses_encoder_new(const struct encode_ctx *ctx);
void responses_encode_delta(struct delta_encoder *n, const struct msg_delta *d,
                            struct buf *out);
void responses_encoder_free(struct delta_encoder **n);

#endif
