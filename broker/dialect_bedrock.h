/*
 * dialect_bedrock.h: between the files of one dialect: dialect_bedrock.c watches answers,
 * …_encode.c writes requests (with …_encode.h), …_reply.c decodes answers.
 */
#ifndef BROKER_DIALECT_BEDROCK_H
#define BROKER_DIALECT_BEDROCK_H

#include "broker/dialect.h"

/* Whole answers count as documented, also OpenAI's models: only of streams is it told otherwise. */
#define BEDROCK_WHOLE_USAGE USAGE_WIRE_BEDROCK

enum bedrock_what {
    BR_OTHER,
    BR_START,     /* messageStart */
    BR_OPEN,      /* contentBlockStart: a tool call; texts may open without it */
    BR_DELTA,     /* contentBlockDelta */
    BR_CLOSE,     /* contentBlockStop */
    BR_FINISH,    /* messageStop */
    BR_METADATA,  /* usage; the last */
    BR_EXCEPTION, /* an error inside the stream */
};

/* One event, or one block of a whole answer. */
struct bedrock_event {
    enum bedrock_what what;
    struct jspan text, thinking, signature, redacted;
    struct jspan call; /* {toolUseId, name}, and input in a whole answer */
    struct jspan args; /* a piece of them, a string */
    struct jspan finish, usage;
    struct jspan stop; /* the sequence that matched, where it was asked for */
    int64_t index;     /* of its block; -1 none */
};
/* False when its data is no JSON object. The data must be checked. */
bool bedrock_event_read(const struct sse_event *ev, struct bedrock_event *ret);
/* A block of a whole answer, as the event that it would have been. */
void bedrock_block_read(struct str text, struct jspan block, struct bedrock_event *ret);

/* A whole answer. */
struct bedrock_reply {
    struct jspan content; /* an array */
    struct jspan finish, usage;
    struct jspan stop; /* as above */
};
bool bedrock_reply_read(struct str text, struct jspan root, struct bedrock_reply *ret);

enum msg_finish bedrock_finish(struct str word, bool saw_call);
/* A finish that is a failure of the model: fills *e and returns true. */
bool bedrock_failed(struct str text, struct jspan finish, struct err *e);
/* An exception in the stream: fills *e. `has_content`: after some of the answer. */
void bedrock_exception(const struct provider_kind *kind, const struct sse_event *ev,
                       bool has_content, struct err *e);

/* An id, a profile or an ARN of one of Anthropic's models. */
bool bedrock_is_claude(struct str model);
enum errc bedrock_count_encode(const struct msg_request *m, const struct target_caps *t,
                               struct buf *out, struct dropped *d, struct err *e);
enum errc bedrock_request_encode(const struct msg_request *m, const struct target_caps *t,
                                 struct buf *out, struct dropped *d, struct err *e);
enum errc bedrock_reply_decode(struct str body, const struct provider_kind *kind,
                               struct arena *a, struct msg_reply *ret, struct err *e);
struct event_decoder *bedrock_decoder_new(const struct provider_kind *kind);
enum errc bedrock_decode_event(struct event_decoder *d, const struct sse_event *ev,
                               delta_fn *fn, void *arg, struct err *e);

#endif
