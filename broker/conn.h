/*
 * conn.h: one client connection: bytes ↔ requests and answers, with back-pressure.
 *
 * conn.c reads heads and bodies, keeps the time limits of a slow sender, and hands whole
 * requests to a handler. The handler answers through the functions below, now or later. One
 * request at a time; pipelined bytes wait. A hang-up is noticed at once and told.
 */
#ifndef BROKER_CONN_H
#define BROKER_CONN_H

#include "core/buf.h"
#include "core/conf.h"
#include "core/http1.h"
#include "core/jscan.h"

#include "broker/loop.h"

struct broker;
struct conn;

/* A whole request. Head and body are borrowed until the answer ends or the client is gone. */
struct conn_request {
    const struct http1_head *head;
    struct str body;
    const struct jcheck *check;       /* of a long body, made while it came; NULL: none */
    bool is_unix;                     /* came over the Unix socket */
    int64_t uid;                      /* of the peer; −1 over TCP */
    const struct conf_client *client; /* NULL over the Unix socket */
    int64_t start_mono_us, start_wall_us; /* first byte of the head */
};

/* What the handler wants to hear while it answers. */
struct conn_fns {
    /* The output queue fell below LIMIT_OUT_LOW after conn_write said it was full. */
    void (*on_drain)(void *arg);
    /* The client hung up. The conn is gone after this call; no conn_ function may be called. */
    void (*on_gone)(void *arg);
};

/* Who answers a request: api.c's table decides. Called in the loop; answering at once is fine. */
typedef void conn_handler(struct broker *b, struct conn *c, const struct conn_request *r);

/* Owned by the broker's list of connections. fd is taken also on failure. */
enum errc conn_new(struct broker *b, int fd, bool is_unix, int64_t uid,
                   conn_handler *handler, struct err *e) MUST_USE;
/* Answers `why` to whatever comes, unread, and closes. fd is taken also on failure. */
enum errc conn_new_refused(struct broker *b, int fd, const struct err *why, struct err *e)
    MUST_USE;
/* Every connection: closed now if idle, else after the answer that is under way. */
void conn_drain_all(struct broker *b);
/* Every connection, now; on_gone is called where an answer is due. */
void conn_close_all(struct broker *b);
/* The handler keeps the conn for a later answer. */
void conn_hold(struct conn *c, const struct conn_fns *fns, void *arg);

/*
 * Answers. `headers` are lines "Name: value\r\n" made with http1_write_header; framing headers
 * are conn.c's. Head and first bytes leave in one write. Errors of the socket come as on_gone.
 */
void conn_reply(struct conn *c, int status, struct str headers, struct str body);
/* The same; what is not sent at once of a long body may stay in *body's memory, which is taken. */
void conn_reply_take(struct conn *c, int status, struct str headers, struct buf *body);
/* A streamed answer: chunked for HTTP/1.1. */
void conn_reply_start(struct conn *c, int status, struct str headers);
/* Returns false when the queue is above LIMIT_OUT_HIGH: stop until on_drain. */
bool conn_write(struct conn *c, struct str bytes);
/* The last chunk; the next request may come. */
void conn_reply_end(struct conn *c);
/* Cuts a streamed answer: no last chunk, so that the client sees it. */
void conn_reply_abort(struct conn *c);
bool conn_has_replied(const struct conn *c); /* a head has been written */
size_t conn_queue_len(const struct conn *c); /* bytes not yet taken by the kernel */

#endif
