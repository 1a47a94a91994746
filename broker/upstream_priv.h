/*
 * upstream_priv.h: between the files of upstream.h, which alone know libcurl: upstream.c is the
 * interface and does what was asked for, upstream_xfer.c sets transfers up and hears their answers,
 * upstream_sock.c serves libcurl's descriptors and its timer.
 */
#ifndef BROKER_UPSTREAM_PRIV_H
#define BROKER_UPSTREAM_PRIV_H

#include <curl/curl.h>

#include "core/map.h"

#include "broker/upstream.h"

enum {
    upstream_MAGIC = 0x75707374,
    upstream_xfer_MAGIC = 0x78666572,
    /* handles kept for the next transfer; one has 6 KB */
    SPARE_MAX = 64,
};

struct sock;

struct upstream {
    uint32_t magic;
    struct loop *loop; /* borrowed */
    struct log *log;   /* borrowed */
    CURLM *multi;      /* owned, as all below */
    CURLSH *share;
    struct loop_timer timer;
    struct loop_timer begin; /* with those of `starting` */
    loop_fn *before;         /* may be NULL */
    void *before_arg;
    struct sock **socks; /* by descriptor */
    size_t n_socks;
    CURL *spare[SPARE_MAX]; /* owned; handles of POSTs that went well */
    size_t n_spare;
    struct map urls;      /* CURLU, owned; URLS_MAX of them */
    struct list xfers;    /* struct upstream_xfer, by `link` */
    struct list todo;     /* struct upstream_xfer, by `todo`: what is to be done … */
    struct list starting; /* … or, likewise, not yet begun */
    int in_curl;          /* depth of libcurl on our stack */
    bool is_settling;
    size_t n_active;
    uint64_t n_connects;
    const char *ca_file, *ca_path; /* the environment's or the system's; NULL if none */
    bool has_env_proxy; /* else libcurl need not look through the environment each time */
};

struct upstream_xfer {
    uint32_t magic;
    struct upstream *u; /* borrowed */
    CURL *easy;         /* owned */
    struct curl_slist *headers;
    const struct upstream_fns *fns;
    void *arg;
    struct pieces body; /* borrowed bytes */
    struct buf whole;   /* a short one in one piece */
    size_t sent;        /* bytes of it given to libcurl */
    bool is_asked;      /* the request was handed to a connection */
    bool is_again;      /* libcurl wanted to do so once more */
    struct buf head;    /* lines of the answer's head, each with its CRLF */
    struct list link, todo;
    bool is_http2, is_post, is_added, has_head, is_paused, is_signed;
    bool is_silent; /* nobody listens: made to warm a connection, or detached */
    bool is_cancelled, wants_resume, is_lost, is_done;
    bool is_private;          /* an address that it may not go to */
    bool is_ok;               /* it came to its announced end */
    struct loop_timer linger; /* a detached transfer that does not end */
    char error[CURL_ERROR_SIZE];
};

/* ---- upstream.c ---- */

/* Puts what is to be done with it on the list of settle(). */
void upstream_todo(struct upstream_xfer *x);
/* Once libcurl is off the stack: what was put off, then what has ended. */
void upstream_settle(struct upstream *u);

/* ---- upstream_xfer.c ---- */

/* A transfer as it is asked for, not yet given to libcurl. ERR_MEMORY, ERR_INVALID. */
enum errc xfer_make(struct upstream *u, const struct upstream_request *req,
                    bool is_silent, struct upstream_xfer **ret, struct err *e) MUST_USE;
void xfer_free(struct upstream_xfer **xp);
/* Handles and addresses that were kept. */
void xfer_free_kept(struct upstream *u);

/* ---- upstream_sock.c ---- */

/* libcurl tells of its descriptors and of its timer from now on; false: memory. */
bool sock_watch(struct upstream *u);
/* Lets libcurl act on what a descriptor is ready for, or on its timer: CURL_SOCKET_TIMEOUT. */
void sock_act(struct upstream *u, curl_socket_t fd, int mask);
/* Sets one of ours: it waits for ever rather than not at all, keeps its place, and cannot fail. */
void timer_keep(struct upstream *u, struct loop_timer *t, int64_t after_us);
/* libcurl opens and closes through these; arg is a struct upstream. */
curl_socket_t sock_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a);
/* The same, but none to an address that is not public; arg is a struct upstream_xfer. */
curl_socket_t sock_open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *a);
int sock_close(void *arg, curl_socket_t fd);
void sock_free_all(struct upstream *u);

#endif
