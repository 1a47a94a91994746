/*
 * dialect_cohere.h: between the files of one dialect: dialect_cohere.c watches answers,
 * …_encode.c writes requests, …_reply.c decodes answers.
 */
#ifndef BROKER_DIALECT_COHERE_H
#define BROKER_DIALECT_COHERE_H

#include "broker/dialect.h"

void cohere_request_headers(const struct http1_head *client, bool same_dialect,
                            struct buf *out);
void cohere_scan_init(struct scan_state *s, const struct provider_kind *kind);
void cohere_error_parse(const struct provider_kind *kind, int status,
                        const struct http1_header *headers, size_t n_headers,
                        struct str body, int64_t wall_us, struct err *e);

/* Before the number of a document, from 0. */
#define COHERE_DOCUMENT_ID "doc_"

/* One event of a stream, by its type; what is of no use to us is CO_OTHER. */
enum cohere_what {
    CO_OTHER,
    CO_START,    /* message-start: id */
    CO_CONTENT,  /* content-start, content-delta: text or thinking */
    CO_PLAN,     /* tool-plan-delta: what it thinks before its calls */
    CO_CALL,     /* tool-call-start: id, name, perhaps arguments */
    CO_ARGS,     /* tool-call-delta */
    CO_CALL_END, /* tool-call-end */
    CO_CITATION, /* citation-start: what a text stands on */
    CO_END,      /* message-end: finish, usage, error */
};

struct cohere_event {
    enum cohere_what what;
    struct jspan id;
    struct jspan text, thinking, plan, logprobs;
    struct jspan call;     /* {id, function: {name, arguments}} */
    struct jspan citation; /* {start, end, sources} */
    struct jspan finish, usage, error;
};
/* False when `root` is no event: no object, or one without a type. */
bool cohere_event_read(struct str text, struct jspan root, struct cohere_event *ret);

/* A whole answer. */
struct cohere_reply {
    struct jspan id, finish, usage;
    struct jspan content, calls, citations, logprobs; /* arrays, or J_NONE */
    struct jspan plan;
};
/* False when it holds no message. */
bool cohere_reply_read(struct str text, struct jspan root, struct cohere_reply *ret);

/* A tool call, whole or as it opens. */
struct cohere_call {
    struct jspan id, name, args;
};
void cohere_call_read(struct str text, struct jspan v, struct cohere_call *ret);

/* A finish that is a failure: fills *e and returns true. `error` says why, or is J_NONE. */
bool cohere_failed(struct str text, const struct provider_kind *kind, struct jspan finish,
                   struct jspan error, struct err *e);
enum msg_finish cohere_finish(struct str word, bool saw_call);

/*
 * Names of tools are letters, digits and underscores here, and begin with no digit; elsewhere they
 * may have hyphens. One that does not fit is written so that it can be read back:
 * "7-zip" is "Z_7_dzip".
 */
void cohere_name_write(struct str name, struct buf *out);
/* Appends the name as the client knows it. */
void cohere_name_read(struct str name, struct buf *out);

enum errc cohere_request_encode(const struct msg_request *m, const struct target_caps *t,
                                struct buf *out, struct dropped *d, struct err *e);
enum errc cohere_reply_decode(struct str body, const struct provider_kind *kind,
                              struct arena *a, struct msg_reply *ret, struct err *e);
struct event_decoder *cohere_decoder_new(const struct provider_kind *kind);
enum errc cohere_decode_event(struct event_decoder *d, const struct sse_event *ev,
                              delta_fn *fn, void *arg, struct err *e);

#endif
