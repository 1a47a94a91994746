/*
 * link.h: the way to the broker: find the socket, start llmgwd if absent, call, stream.
 *
 * HTTP/1.1 by core/http1 over the Unix socket; no libcurl here.
 */
#ifndef CMD_LINK_H
#define CMD_LINK_H

#include "core/http1.h"
#include "core/sse.h"

#include "cmd/cmd.h"

struct link;

/*
 * Connects. When nobody answers and autostart is not off: takes the lock, retries once, starts
 * `llmgwd --auto`, waits for readiness (5 s). ERR_BROKER otherwise.
 */
enum errc link_open(struct cmd_ctx *ctx, bool may_start, struct link **ret, struct err *e)
    MUST_USE;
/* Over a connected socket, which it owns from then on, also on failure. */
enum errc link_adopt(int fd, struct link **ret, struct err *e) MUST_USE;
void link_close(struct link **l);

/* Starts llmgwd and waits until it is ready; `is_auto`: it may end itself when idle. */
enum errc link_start(struct cmd_ctx *ctx, bool is_auto, struct err *e) MUST_USE;
/* Has the broker of our socket ended? One that drains lives on after it has stopped answering. */
bool link_has_ended(struct cmd_ctx *ctx);
/* Becomes llmgwd in the foreground; returns only on failure. */
enum errc link_run(struct cmd_ctx *ctx, struct err *e) MUST_USE;

/* What a call does while it waits, which is for 2 min without a byte at most. */
struct link_waiting {
    int cancel_fd; /* readable: the call ends with ERR_CANCELLED; -1: none */
    bool (*on_cancel)(void *key_arg); /* … only when this says so; NULL: always */
    int64_t
        until_us; /* monotonic: then it ends with ERR_BROKER, whatever comes; 0: never */
    int64_t tick_us; /* on_tick is called about so often; 0: never */
    void (*on_tick)(void *arg);
    void *arg;
    int key_fd;                    /* readable: asks on_key; not when that is NULL */
    bool (*on_key)(void *key_arg); /* true: the call ends with ERR_CANCELLED */
    void *key_arg;
};
void link_wait(struct link *l, const struct link_waiting *w);
/* To another server than a broker: the name that it goes by; borrowed. */
void link_call_as(struct link *l, const char *host);

struct link_answer {
    int status;
    struct http1_head head; /* slices live as long as the link's current answer */
    bool is_stream;         /* events were delivered, the body is empty */
    struct buf body;        /* whole answers */
};

/* One call, answer whole. `headers` are header lines. A 426 is ERR_BROKER about versions. */
enum errc link_call(struct link *l, const char *method, const char *path,
                    struct str headers, struct str body, struct link_answer *ret,
                    struct err *e) MUST_USE;
void link_answer_release(struct link_answer *a);
/*
 * Opens, makes one call, closes. The body of a 200 is appended to `out`; every other answer
 * becomes *e, as link_error has it.
 */
enum errc link_ask(struct cmd_ctx *ctx, bool may_start, const char *method,
                   const char *path, struct str headers, struct str body, struct buf *out,
                   struct err *e) MUST_USE;

/*
 * After a change of the configuration: a broker that runs reads it again, and a warning tells when
 * it cannot; none is started.
 */
void link_reload(struct cmd_ctx *ctx);

/*
 * A streamed POST: events are given to fn as they come. When the answer is no event stream it
 * is collected in ret->body instead. A cut connection is ERR_INTERRUPTED. After a failure the
 * link is of no more use.
 */
enum errc link_stream(struct link *l, const char *path, struct str headers,
                      struct str body, sse_fn *fn, void *arg, struct link_answer *ret,
                      struct err *e) MUST_USE;

/* Turns an error body (any dialect, with our extension object) into *e; returns its code. */
enum errc link_error(const struct link_answer *a, struct err *e);
/* The same for the error object of a stream; status 0. */
enum errc link_error_body(int status, struct str body, struct err *e);

#endif
