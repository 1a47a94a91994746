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
 * Connects. When nobody answers and autostart is not off: takes the lock, retries once, unlinks
 * a dead socket, starts `llmgwd --auto`, waits for readiness (5 s). ERR_BROKER otherwise.
 */
enum errc link_open(struct cmd_ctx *ctx, bool may_start, struct link **ret, struct err *e)
    MUST_USE;
void link_close(struct link **l);
int link_fd(const struct link *l); /* for poll() in the REPL */

struct link_answer {
    int status;
    struct http1_head head; /* slices live as long as the link's current answer */
    struct buf body;        /* whole answers */
};

/* One call, answer whole. `headers` are header lines. A 426 is ERR_BROKER about versions. */
enum errc link_call(struct link *l, const char *method, const char *path,
                    struct str headers, struct str body, struct link_answer *ret,
                    struct err *e) MUST_USE;
void link_answer_release(struct link_answer *a);

/*
 * A streamed call: events are given to fn as they come. When the answer is no event stream it
 * is collected in ret->body instead. A cut connection is ERR_INTERRUPTED.
 */
enum errc link_stream(struct link *l, const char *path, struct str headers,
                      struct str body, sse_fn *fn, void *arg, struct link_answer *ret,
                      struct err *e) MUST_USE;

/* Turns an error body (any dialect, with our extension object) into *e; returns its code. */
enum errc link_error(const struct link_answer *a, struct err *e);

#endif
