/*
 * upstream.c: HTTP to providers: libcurl's multi socket interface inside our loop.
 *
 * libcurl says which descriptors it waits for and when it wants to be called; the loop tells
 * it what happened. From inside its callbacks hardly any of its functions may be called, so
 * what our callers ask for meanwhile (cancel, resume) goes on a list, and settle() does it as
 * soon as libcurl has returned. Transfers begin together, after the descriptors of a turn.
 *
 * Must not look into bodies, decide about retries, or send a body twice.
 */
#include "broker/upstream.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#include "broker/upstream_priv.h"

/* how long a detached transfer may take to end by itself */
enum { LINGER_US = 2 * US_PER_S };

/* ---- doing what was asked for ---- */

/* Ours says so by refusing a line; libcurl calls it lack of memory above 100 KB. */
static bool is_head_too_large(struct upstream_xfer *x, CURLcode rc)
{
    long status = 0;
    if (x->has_head || (rc != CURLE_OUT_OF_MEMORY && rc != CURLE_WRITE_ERROR))
        return false;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    return status != 0 && buf_err(&x->head) != ERR_MEMORY;
}

static void tell_done(struct upstream_xfer *x, CURLcode rc)
{
    struct err e = ERR_INIT;
    bool is_too_large = is_head_too_large(x, rc);
    if (x->is_again)
        rc = CURLE_SEND_FAIL_REWIND; /* what libcurl says when it cannot send again */
    if (rc == CURLE_OK && !x->has_head)
        rc = CURLE_GOT_NOTHING; /* libcurl is content with half a head */
    if (rc == CURLE_WRITE_ERROR && buf_err(&x->head) == ERR_MEMORY) {
        rc = CURLE_OUT_OF_MEMORY;
        x->error[0] = '\0';
    }
    if (rc != CURLE_OK) {
        enum errc code = rc == CURLE_OPERATION_TIMEDOUT               ? ERR_TIMEOUT
                         : rc == CURLE_OUT_OF_MEMORY && !is_too_large ? ERR_MEMORY
                                                                      : ERR_NETWORK;
        if (is_too_large)
            err_set(&e, code, "the head of the answer is too large");
        else if (x->is_private && !x->has_head)
            err_set(&e, code, "its address is of a private network");
        else if (rc == CURLE_SEND_FAIL_REWIND)
            err_set(&e, code, "the kept-alive connection was closed by the other side");
        else
            err_set(&e, code, "%s", x->error[0] ? x->error : curl_easy_strerror(rc));
        e.origin = ERR_BY_TRANSPORT;
        e.sys = (int)rc;
    }
    x->is_done = true;
    x->is_ok = rc == CURLE_OK;
    if (!x->is_silent)
        x->fns->on_done(x->arg, e.code, &e);
    else if (rc != CURLE_OK)
        log_write(x->u->log, LOG_DEBUG, "upstream", "a transfer without listener failed",
                  "curl=%d", (int)rc);
    xfer_free(&x);
}

static void xfer_add(struct upstream_xfer *x)
{
    CURLMcode rc = curl_multi_add_handle(x->u->multi, x->easy);
    x->is_added = rc == CURLM_OK;
    if (!x->is_added)
        tell_done(x, CURLE_OUT_OF_MEMORY);
}

static void xfer_resume(struct upstream_xfer *x)
{
    struct upstream *u = x->u;
    x->wants_resume = x->is_paused = false;
    u->in_curl++;
    /* delivers here and now what libcurl holds */
    curl_easy_pause(x->easy, CURLPAUSE_CONT);
    u->in_curl--;
}

void upstream_todo(struct upstream_xfer *x)
{
    list_del(&x->todo);
    list_add(&x->u->todo, &x->todo);
}

/*
 * After the turn's descriptors, with all others that start by then: what `before` does for them is
 * done once. libcurl does not know them until then, and might begin with them in any of its calls.
 */
static void start_soon(struct upstream_xfer *x)
{
    struct upstream *u = x->u;
    bool is_first = list_is_empty(&u->starting);
    list_del(&x->todo);
    list_add(&u->starting, &x->todo);
    if (is_first)
        timer_keep(u, &u->begin, 0);
}

static void on_begin(void *arg)
{
    struct upstream *u = OBJ(upstream, arg);
    timer_keep(u, &u->begin, INT64_MAX);
    while (!list_is_empty(&u->starting)) {
        struct upstream_xfer *x =
            container_of(u->starting.next, struct upstream_xfer, todo);
        list_del(&x->todo);
        if (u->before != NULL)
            u->before(u->before_arg);
        xfer_add(x);
    }
    sock_act(u, CURL_SOCKET_TIMEOUT, 0);
}

static bool settle_todo(struct upstream *u)
{
    if (list_is_empty(&u->todo))
        return false;
    struct upstream_xfer *x = container_of(u->todo.next, struct upstream_xfer, todo);
    list_del(&x->todo);
    if (x->is_cancelled)
        xfer_free(&x);
    else if (!x->is_added)
        start_soon(x);
    else if (x->is_lost)
        tell_done(x, CURLE_OUT_OF_MEMORY);
    else if (x->wants_resume)
        xfer_resume(x);
    return true;
}

static bool settle_done(struct upstream *u)
{
    int left;
    CURLMsg *m = curl_multi_info_read(u->multi, &left);
    if (m == NULL)
        return false;
    char *private = NULL;
    CURLcode rc = m->data.result;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
    tell_done(OBJ(upstream_xfer, private), rc);
    return true;
}

void upstream_settle(struct upstream *u)
{
    if (u->in_curl > 0 || u->is_settling)
        return;
    u->is_settling = true;
    while (settle_todo(u) || settle_done(u))
        ;
    u->is_settling = false;
}

/* ---- the interface ---- */

enum errc upstream_start(struct upstream *u, const struct upstream_request *req,
                         const struct upstream_fns *fns, void *arg,
                         struct upstream_xfer **ret, struct err *e)
{
    struct upstream_xfer *x;
    enum errc rc = xfer_make(u, req, false, &x, e);
    if (rc != ERR_OK)
        return rc;
    x->fns = fns;
    x->arg = arg;
    start_soon(x);
    *ret = x;
    return ERR_OK;
}

void upstream_cancel(struct upstream_xfer **xp)
{
    struct upstream_xfer *x = *xp;
    *xp = NULL;
    if (x == NULL || x->is_done)
        return;
    x->is_cancelled = true;
    if (x->u->in_curl > 0)
        upstream_todo(x);
    else
        xfer_free(&x);
}

static void on_linger(void *arg)
{
    struct upstream_xfer *x = OBJ(upstream_xfer, arg);
    upstream_cancel(&x);
}

void upstream_detach(struct upstream_xfer **xp)
{
    struct upstream_xfer *x = *xp;
    if (x == NULL || x->is_done || !upstream_is_sent(x)) {
        upstream_cancel(xp);
        return;
    }
    *xp = NULL;
    x->is_silent = true;
    x->u->n_active--;
    x->linger = (struct loop_timer){.fn = on_linger, .arg = x};
    if (loop_timer_set(x->u->loop, &x->linger, LINGER_US) != ERR_OK)
        upstream_cancel(&x);
    else if (x->is_paused)
        upstream_resume(x);
}

void upstream_pause(struct upstream_xfer *x)
{
    x->wants_resume = false;
    if (x->is_paused)
        return;
    x->is_paused = true;
    if (x->is_added)
        curl_easy_pause(x->easy, CURLPAUSE_RECV);
}

void upstream_resume(struct upstream_xfer *x)
{
    if (!x->is_paused)
        return;
    x->wants_resume = true;
    upstream_todo(x);
    upstream_settle(x->u);
}

bool upstream_is_paused(const struct upstream_xfer *x)
{
    return x->is_paused;
}

bool upstream_is_sent(const struct upstream_xfer *x)
{
    return x->sent == x->body.len;
}

void upstream_warm(struct upstream *u, const char *url, const char *proxy,
                   const char *ca_file)
{
    struct upstream_request req = {
        .method = "HEAD",
        .url = url,
        .connect_us = 10 * US_PER_S,
        .proxy = proxy,
        .ca_file = ca_file,
    };
    struct err e = ERR_INIT;
    struct upstream_xfer *x;
    if (xfer_make(u, &req, true, &x, &e) != ERR_OK)
        return; /* the first request connects by itself */
    curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, 20 * 1000L);
    start_soon(x);
}

size_t upstream_n_active(const struct upstream *u)
{
    return u->n_active;
}

uint64_t upstream_n_connects(const struct upstream *u)
{
    return u->n_connects;
}

/* Source: curl(1), "ENVIRONMENT". */
static bool find_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy", "ALL_PROXY"};
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        found |= getenv(names[i]) != NULL;
    return found;
}

/* SSL_CERT_FILE and SSL_CERT_DIR as every OpenSSL program has them, and libcurl's own file. */
static void find_ca(struct upstream *u)
{
    u->ca_file = getenv("SSL_CERT_FILE");
    u->ca_path = getenv("SSL_CERT_DIR");
    if (u->ca_file == NULL)
        u->ca_file = curl_version_info(CURLVERSION_NOW)->cainfo;
}

void upstream_before_sending(struct upstream *u, loop_fn *fn, void *arg)
{
    u->before = fn;
    u->before_arg = arg;
}

enum errc upstream_new(struct loop *l, struct log *log, struct upstream **ret,
                       struct err *e)
{
    /* its buffers hold keys and prompts, and it frees them as they are */
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_wiped_malloc, mem_wiped_free,
                             mem_wiped_realloc, mem_wiped_strdup,
                             mem_wiped_calloc) != CURLE_OK)
        return err_set(e, ERR_INTERNAL, "cannot initialise libcurl");
    AUTO(upstream_free) struct upstream *u = MEM_NEW(struct upstream);
    if (u == NULL) {
        curl_global_cleanup();
        return err_set(e, ERR_MEMORY, "no memory for transfers");
    }
    u->magic = upstream_MAGIC;
    u->loop = l;
    u->log = log;
    list_init(&u->xfers);
    list_init(&u->todo);
    list_init(&u->starting);
    u->begin = (struct loop_timer){.fn = on_begin, .arg = u};
    map_init(&u->urls);
    find_ca(u);
    u->has_env_proxy = find_proxy();
    u->multi = curl_multi_init();
    u->share = curl_share_init();
    if (u->multi == NULL || u->share == NULL || !sock_watch(u) ||
        curl_share_setopt(u->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) !=
            CURLSHE_OK)
        return err_set(e, ERR_MEMORY, "no memory for transfers");
    *ret = u;
    u = NULL;
    return ERR_OK;
}

void upstream_free(struct upstream **up)
{
    struct upstream *u = *up;
    if (u == NULL)
        return;
    *up = NULL;
    list_for_each_safe (node, &u->xfers) {
        struct upstream_xfer *x = container_of(node, struct upstream_xfer, link);
        xfer_free(&x);
    }
    xfer_free_kept(u);
    if (u->multi != NULL)
        curl_multi_cleanup(u->multi); /* closes the kept connections: sock_close */
    if (u->share != NULL)
        curl_share_cleanup(u->share);
    sock_free_all(u);
    u->magic = 0;
    mem_free(u);
    curl_global_cleanup();
}
