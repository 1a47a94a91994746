/*
 * upstream.h: HTTP to providers, by libcurl multi inside our loop; no other file includes curl.h.
 *
 * Each transfer is one attempt: it sends its body once and never again by itself. HTTP/1.1,
 * kept-alive connections, TCP_NODELAY, no redirects, a private CA or proxy by configuration.
 */
#ifndef BROKER_UPSTREAM_H
#define BROKER_UPSTREAM_H

#include "core/buf.h"
#include "core/http1.h"
#include "core/log.h"
#include "core/pieces.h"

#include "broker/loop.h"

struct upstream;      /* the pool */
struct upstream_xfer; /* one transfer */

/*
 * Amazon's Signature Version 4, made by libcurl at the time of sending. The headers must hold
 * x-amz-content-sha256 with the hash of the body, and their names be in small letters.
 */
struct upstream_sign {
    const char *scope;       /* "aws:amz:eu-west-3:bedrock" */
    const char *id, *secret; /* copied */
};

struct upstream_request {
    const char *method;           /* "POST" */
    const char *url;              /* copied */
    struct http1_header *headers; /* copied, wiped after: they hold the key */
    size_t n_headers;
    /* Its bytes are borrowed until on_done or upstream_cancel, or upstream_is_sent. */
    struct pieces body;
    int64_t connect_us;          /* name, TCP and TLS together */
    const char *proxy, *ca_file; /* NULL: the environment's, the system's */
    bool http2;
    const struct upstream_sign *sign; /* NULL: none */
    bool is_stream;  /* the answer comes in small pieces, over a long time */
    bool is_foreign; /* not to a provider: over a connection of its own, and no proxy */
    bool is_public;  /* … and only to an address of the public Internet */
};

/* The head of an answer. Slices are valid during on_head only. */
struct upstream_head {
    int status;
    const struct http1_header *headers;
    size_t n_headers;
    int64_t connect_us; /* from start to connected; 0 on a kept connection */
    bool reused;
};

/*
 * Callbacks run from the loop. on_head comes at most once, before any on_body; 1xx heads are
 * not shown. on_done comes exactly once unless upstream_cancel was called, and the transfer is
 * gone after it. Calling upstream_pause, _cancel or _start inside a callback is allowed.
 */
struct upstream_fns {
    void (*on_head)(void *arg, const struct upstream_head *h);
    /* Takes all bytes. */
    void (*on_body)(void *arg, struct str bytes);
    /*
     * ERR_OK: the answer came to its announced end. Else ERR_NETWORK (with e->sys = CURLcode;
     * e->origin ERR_BY_TRANSPORT), ERR_TIMEOUT (connect) or ERR_MEMORY.
     */
    void (*on_done)(void *arg, enum errc rc, const struct err *e);
};

enum errc upstream_new(struct loop *l, struct log *log, struct upstream **ret,
                       struct err *e) MUST_USE;
/* fn is called before a transfer begins, and anything of it may reach a provider. */
void upstream_before_sending(struct upstream *u, loop_fn *fn, void *arg);
/* Cancels what is running, without callbacks. */
void upstream_free(struct upstream **u);
enum errc upstream_start(struct upstream *u, const struct upstream_request *req,
                         const struct upstream_fns *fns, void *arg,
                         struct upstream_xfer **ret, struct err *e) MUST_USE;
/* No callback after it, and the connection is closed: the provider stops working. NULL-safe. */
void upstream_cancel(struct upstream_xfer **x);
/*
 * The answer is whole for us, though the other side has not ended it: no callback after this,
 * the body is not looked at again, and the connection is kept if the end comes soon. NULL-safe.
 */
void upstream_detach(struct upstream_xfer **x);
/* Stops reading; what is on its way may still come once. */
void upstream_pause(struct upstream_xfer *x);
/* From the loop, never from a callback of the same transfer. */
void upstream_resume(struct upstream_xfer *x);
bool upstream_is_paused(const struct upstream_xfer *x);
/* The body was read to its end, and is not looked at again. */
bool upstream_is_sent(const struct upstream_xfer *x);
/* Opens a connection to the URL's host so that the first request finds it warm. */
void upstream_warm(struct upstream *u, const char *url, const char *proxy,
                   const char *ca_file);
/* Transfers running, and connections opened since the start. */
size_t upstream_n_active(const struct upstream *u);
uint64_t upstream_n_connects(const struct upstream *u);

#endif
