/*
 * dialect_gemini.h: between the files of one dialect: dialect_gemini.c watches answers,
 * …_encode.c writes requests (with …_encode.h), …_reply.c decodes answers.
 */
#ifndef BROKER_DIALECT_GEMINI_H
#define BROKER_DIALECT_GEMINI_H

#include "broker/dialect.h"

/*
 * Stands before the names of functions that begin with a digit or a hyphen, which other dialects
 * allow; none of them allows the dot, so that it can be taken off again.
 */
#define GEMINI_NAME_PREFIX "_."

/* The path of a model's method: ":generateContent". */
void gemini_path_write(const struct provider_kind *kind, struct str model,
                       const char *method, struct buf *out);
void gemini_request_headers(const struct http1_head *client, bool same_dialect,
                            struct buf *out);
void gemini_scan_init(struct scan_state *s, const struct provider_kind *kind);

/* One GenerateContentResponse: a whole answer, or an event of a stream. */
struct gemini_chunk {
    struct jspan candidates;
    struct jspan blocked;    /* promptFeedback.blockReason */
    struct jspan block_text; /* promptFeedback.blockReasonMessage */
    struct jspan usage, model, id, error;
    bool has_candidate;
};
/* False when `root` is no object. */
bool gemini_chunk_read(struct str text, struct jspan root, struct gemini_chunk *ret);

/* One of the answers that were asked for, or what there is of it. */
struct gemini_candidate {
    unsigned index; /* below MSG_CHOICES */
    struct jspan parts;
    struct jspan finish, reason; /* finishReason, finishMessage */
    struct jspan token;          /* continuationToken */
    struct jspan logprobs;       /* logprobsResult */
};
/* The next candidate, from *it 0 on; false when there is none. */
bool gemini_candidate_next(struct str text, const struct gemini_chunk *c, size_t *it,
                           struct gemini_candidate *ret);
/*
 * A piece of a long answer is over, and another request gets the next: no finish. Only streams are
 * given in pieces.
 */
bool gemini_goes_on(struct str text, const struct gemini_candidate *c);
/* A blocked prompt, or a finish that is a failure: fills *e and returns true. */
bool gemini_chunk_failed(struct str text, const struct gemini_chunk *c, struct err *e);
enum msg_finish gemini_finish(struct str word, bool saw_call);

/* One part. */
struct gemini_part {
    struct jspan text, signature;
    struct jspan call; /* functionCall */
    struct jspan call_id, call_name, call_args;
    bool is_thought;
};
void gemini_part_read(struct str text, struct jspan v, struct gemini_part *ret);

enum errc gemini_count_encode(const struct msg_request *m, const struct target_caps *t,
                              struct buf *out, struct dropped *d, struct err *e);
enum errc gemini_request_encode(const struct msg_request *m, const struct target_caps *t,
                                struct buf *out, struct dropped *d, struct err *e);
enum errc gemini_reply_decode(struct str body, const struct provider_kind *kind,
                              struct arena *a, struct msg_reply *ret, struct err *e);
struct event_decoder *gemini_decoder_new(const struct provider_kind *kind);
enum errc gemini_decode_event(struct event_decoder *d, const struct sse_event *ev,
                              delta_fn *fn, void *arg, struct err *e);

#endif
