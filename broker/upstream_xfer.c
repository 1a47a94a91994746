/*
 * upstream_xfer.c: one transfer: its handle and how that is set up, and what libcurl tells of its
 * answer.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#include "broker/upstream_priv.h"

enum {
    /* libcurl puts a shorter body behind the head: one packet. MAX_INITIAL_POST_SIZE, http.h */
    SHORT_BODY_LEN = 64 * 1024,
    /* bytes of a longer one given to the kernel at once; libcurl takes at least 16 KiB */
    UPLOAD_MAX_LEN = 256 * 1024,
    /* addresses kept in pieces */
    URLS_MAX = 256,
    /*
     * Bytes read at once. The buffer lives as long as the answer and is wiped when that ends: few
     * whole answers are longer, and a stream fills it seldom.
     */
    READ_LEN = 8 * 1024,
    READ_STREAM_LEN = 4 * 1024,
};

/* ---- the answer ---- */

/* The lines of x->head as an array of slices. */
static size_t split_head(const struct buf *head, struct http1_header *ret, size_t max)
{
    struct str rest = buf_str(head), line;
    size_t n = 0;
    while (n < max && str_split(&rest, '\n', &line)) {
        size_t colon = str_find(line, ':');
        if (colon == line.len)
            continue;
        ret[n].name = str_sub(line, 0, colon);
        ret[n++].value = str_trim(str_sub(line, colon + 1, line.len));
    }
    return n;
}

static void tell_head(struct upstream_xfer *x, int status)
{
    struct http1_header headers[LIMIT_HEADERS];
    struct upstream_head h = {.status = status, .headers = headers};
    h.n_headers = split_head(&x->head, headers, LIMIT_HEADERS);
    long n_connects = 0;
    curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &n_connects);
    h.reused = n_connects == 0;
    if (!h.reused) {
        curl_off_t tcp_us = 0, tls_us = 0;
        curl_easy_getinfo(x->easy, CURLINFO_CONNECT_TIME_T, &tcp_us);
        curl_easy_getinfo(x->easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
        h.connect_us = MAX(tcp_us, tls_us);
    }
    x->has_head = true;
    if (upstream_is_sent(x))
        buf_release(&x->whole);
    if (!x->is_silent)
        x->fns->on_head(x->arg, &h);
}

/* One that goes with the head in one piece. Over HTTP/2 there is no such thing. */
static bool is_short(const struct upstream_xfer *x)
{
    return !x->is_http2 && x->body.len < SHORT_BODY_LEN;
}

/* A line of the head: the status, a header, the empty line; trailers come after the body. */
static size_t on_curl_header(char *p, size_t size, size_t n, void *arg)
{
    struct upstream_xfer *x = OBJ(upstream_xfer, arg);
    struct str line = {p, size * n};
    if (x->is_cancelled)
        return 0;
    if (x->has_head)
        return line.len;
    if (str_starts(line, STR("HTTP/"))) {
        buf_reset(&x->head);
        return line.len;
    }
    buf_adds(&x->head, line);
    if (buf_err(&x->head) != ERR_OK)
        return 0;
    if (str_trim(line).len > 0)
        return line.len;
    long status = 0;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200)
        tell_head(x, (int)status);
    return x->is_cancelled ? 0 : line.len;
}

static size_t on_curl_write(char *p, size_t size, size_t n, void *arg)
{
    struct upstream_xfer *x = OBJ(upstream_xfer, arg);
    size_t len = size * n;
    if (x->is_cancelled)
        return 0;
    /* HTTP/2 may deliver after curl_easy_pause */
    if (x->is_paused)
        return CURL_WRITEFUNC_PAUSE;
    if (!x->is_silent && len > 0)
        x->fns->on_body(x->arg, (struct str){p, len});
    return x->is_cancelled ? 0 : len;
}

static size_t on_curl_read(char *p, size_t size, size_t n, void *arg)
{
    struct upstream_xfer *x = OBJ(upstream_xfer, arg);
    if (x->is_cancelled)
        return CURL_READFUNC_ABORT;
    size_t len = pieces_read(&x->body, x->sent, p, size * n);
    x->sent += len;
    return len;
}

/*
 * libcurl is about to send the request. When a kept-alive connection turns out to be dead it
 * wants to send again over another one: a paid POST, behind our back.
 */
static int on_curl_ask(void *arg, char *ip, char *own_ip, int port, int own_port)
{
    (void)ip;
    (void)own_ip;
    (void)port;
    (void)own_port;
    struct upstream_xfer *x = OBJ(upstream_xfer, arg);
    x->is_again = x->is_asked;
    x->is_asked = true;
    if (x->is_again || x->is_cancelled)
        return CURL_PREREQFUNC_ABORT;
    if (is_short(x))
        x->sent = x->body.len; /* copied by libcurl right after this */
    return CURL_PREREQFUNC_OK;
}

/* ---- handles: making one and setting it up is 4 % of a request ---- */

/* What every transfer has in common, and why; figures are from libcurl 7.88. */
static const struct {
    CURLoption option;
    long value;
} easy_options[] = {
    /* no SIGALRM and no SIGPIPE: signals belong to the loop */
    {CURLOPT_NOSIGNAL, 1L},
    /* removing a transfer during slow DNS blocks the loop for seconds otherwise */
    {CURLOPT_QUICK_EXIT, 1L},
    /* Nagle with delayed ACK costs 40 ms */
    {CURLOPT_TCP_NODELAY, 1L},
    /* minutes of silence while a model thinks: address translators forget idle connections */
    {CURLOPT_TCP_KEEPALIVE, 1L},
    /* answers to CONNECT are the proxy's, not the provider's */
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L},
    /* a redirected POST would carry the key to a host that nobody configured */
    {CURLOPT_FOLLOWLOCATION, 0L},
};

static CURL *easy_new(struct upstream *u)
{
    CURL *c = curl_easy_init();
    bool ok = c != NULL;
    for (size_t i = 0; ok && i < ARRAY_LEN(easy_options); i++)
        ok = curl_easy_setopt(c, easy_options[i].option, easy_options[i].value) ==
             CURLE_OK;
    if (ok && curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_curl_header) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_curl_write) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_READFUNCTION, on_curl_read) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_curl_ask) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, sock_open) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, u) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, sock_close) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, u) == CURLE_OK &&
        /* sessions to resume must not die with a handle */
        curl_easy_setopt(c, CURLOPT_SHARE, u->share) == CURLE_OK)
        return c;
    curl_easy_cleanup(c);
    return NULL;
}

static CURL *easy_get(struct upstream *u)
{
    return u->n_spare > 0 ? u->spare[--u->n_spare] : easy_new(u);
}

/* Whatever the last transfer had set, the next one sets, too; the rest is easy_new's. */
static void easy_put(struct upstream *u, CURL *c)
{
    if (u->n_spare < SPARE_MAX &&
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL) == CURLE_OK)
        u->spare[u->n_spare++] = c;
    else
        curl_easy_cleanup(c);
}

/*
 * The URL taken to pieces, once: libcurl does it for each transfer otherwise, and back. NULL: not
 * one that is worth it. Some hold the model's name, and clients may invent names without end.
 */
static CURLU *find_url(struct upstream *u, const char *url)
{
    CURLU *parsed = map_get(&u->urls, str_of(url));
    if (parsed != NULL || u->urls.n >= URLS_MAX)
        return parsed;
    parsed = curl_url();
    if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        map_set(&u->urls, str_of(url), parsed) == ERR_OK)
        return parsed;
    curl_url_cleanup(parsed);
    return NULL; /* the transfer will fail, and say why */
}

static bool set_url(struct upstream *u, CURL *c, const char *url)
{
    CURLU *parsed = find_url(u, url);
    return curl_easy_setopt(c, CURLOPT_CURLU, parsed) == CURLE_OK &&
           (parsed != NULL || curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK);
}

/* ---- a transfer's birth and death ---- */

static void headers_free(struct upstream_xfer *x)
{
    for (struct curl_slist *h = x->headers; h != NULL; h = h->next)
        mem_wipe(h->data, strlen(h->data)); /* one of them is the key */
    curl_slist_free_all(x->headers);
    x->headers = NULL;
}

void xfer_free(struct upstream_xfer **xp)
{
    struct upstream_xfer *x = *xp;
    if (x == NULL)
        return;
    *xp = NULL;
    if (x->is_added) {
        long n_connects = 0;
        curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &n_connects);
        x->u->n_connects += (uint64_t)MAX(n_connects, 0);
        /* over HTTP/2 the cancel of the only stream never reaches the origin: curl #17611 */
        if (x->is_http2 && !x->is_done)
            curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L);
        curl_multi_remove_handle(x->u->multi, x->easy);
    }
    if (!x->is_silent)
        x->u->n_active--;
    loop_timer_stop(x->u->loop, &x->linger);
    list_del(&x->link);
    list_del(&x->todo);
    if (x->is_post && x->is_ok && !x->is_signed) /* libcurl keeps what it signed with */
        easy_put(x->u, x->easy);
    else
        curl_easy_cleanup(x->easy);
    headers_free(x);
    buf_release(&x->head);
    buf_release(&x->whole);
    x->magic = 0;
    mem_free(x);
}

static struct upstream_xfer *xfer_new(struct upstream *u, bool is_post, bool is_silent)
{
    struct upstream_xfer *x = MEM_NEW(struct upstream_xfer);
    if (x == NULL)
        return NULL;
    x->magic = upstream_xfer_MAGIC;
    x->u = u;
    x->is_post = is_post;
    x->is_silent = is_silent;
    if (!is_silent)
        u->n_active++;
    buf_init(&x->head, 4 * LIMIT_HEAD_LEN);
    buf_init(&x->whole, SHORT_BODY_LEN);
    list_init(&x->todo);
    list_init(&x->link);
    list_add(&u->xfers, &x->link);
    x->easy = is_post ? easy_get(u) : easy_new(u);
    if (x->easy == NULL)
        xfer_free(&x);
    return x;
}

static bool add_header(struct upstream_xfer *x, const char *line)
{
    struct curl_slist *l = curl_slist_append(x->headers, line);
    if (l != NULL)
        x->headers = l;
    return l != NULL;
}

/* "Name: value"; to libcurl "Name:" would mean to leave the header out, "Name;" is an empty one. */
static enum errc add_headers(struct upstream_xfer *x, const struct http1_header *h,
                             size_t n, struct err *e)
{
    bool has_accept = false;
    AUTO(buf_release) struct buf line = BUF_SECRET(LIMIT_HEAD_LEN); /* one is the key */
    for (size_t i = 0; i < n; i++) {
        buf_reset(&line);
        buf_adds(&line, h[i].name);
        buf_addz(&line, h[i].value.len > 0 ? ": " : ";");
        buf_adds(&line, h[i].value);
        if (buf_err(&line) != ERR_OK)
            return err_set(e, ERR_MEMORY, "no memory for the request's headers");
        if (strcspn(line.data, "\r\n") != line.len)
            return err_set(e, ERR_INVALID,
                           "header \"%.*s\" has a line break or NUL in it",
                           STR_ARG(h[i].name));
        if (!add_header(x, line.data))
            return err_set(e, ERR_MEMORY, "no memory for the request's headers");
        has_accept |= str_ieqz(h[i].name, "accept");
    }
    if (x->is_signed) /* libcurl 7.88 signs a line that takes a header out as if it were one */
        return ERR_OK;
    /* libcurl waits a second for "100 Continue" on bodies over 1 MiB otherwise */
    bool ok = is_short(x) || add_header(x, "Expect:");
    ok = ok && (has_accept || add_header(x, "Accept:"));
    return ok ? ERR_OK : err_set(e, ERR_MEMORY, "no memory for the request's headers");
}

static bool set_callbacks(struct upstream_xfer *x)
{
    CURL *c = x->easy;
    return curl_easy_setopt(c, CURLOPT_HEADERDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_READDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PREREQDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->error) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PRIVATE, x) == CURLE_OK;
}

/*
 * A short body goes with the head; a longer one by READFUNCTION, which can be told of a cancel
 * while libcurl is at work.
 */
static const char *short_body(struct upstream_xfer *x)
{
    if (!is_short(x))
        return NULL;
    if (x->body.n == 1)
        return x->body.at[0].ptr;
    pieces_join(&x->body, &x->whole);
    return buf_str(&x->whole).ptr;
}

static bool set_body(struct upstream_xfer *x, const char *method)
{
    CURL *c = x->easy;
    if (!x->is_post)
        return curl_easy_setopt(c, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_NOBODY,
                                strcmp(method, "HEAD") == 0 ? 1L : 0L) == CURLE_OK;
    /* a large body takes a turn a buffer */
    long buffer_len = (long)MIN(x->body.len, UPLOAD_MAX_LEN);
    return curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, buffer_len) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.len) ==
               CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDS, short_body(x)) == CURLE_OK &&
           buf_err(&x->whole) == ERR_OK;
}

static bool set_tls(struct upstream_xfer *x, const char *ca_file)
{
    CURL *c = x->easy;
    /*
     * Debian's built-in CAPATH disables the cache of CA certificates: 20 ms on the loop and
     * 900 KB for every new connection instead of 0.8 ms and 68 KB.
     */
    const char *path = ca_file == NULL ? x->u->ca_path : NULL;
    const char *file = ca_file != NULL ? ca_file : x->u->ca_file;
    return curl_easy_setopt(c, CURLOPT_CAPATH, path) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CAINFO, file) == CURLE_OK;
}

/*
 * Amazon encodes the path once more to sign it. libcurl does so from 8.14.0 on (commit c19465ca55);
 * an older one signs the path of the URL as it stands, and is given that of the signature, with
 * the one to send beside it.
 */
static bool set_signed_url(struct upstream_xfer *x, const char *url)
{
    enum { ENCODES_PATH = 0x080e00 };
    const char *host = strstr(url, "://");
    const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
    struct buf twice = BUF_INIT(LIMIT_HEAD_LEN);
    if (path == NULL || curl_version_info(CURLVERSION_NOW)->version_num >= ENCODES_PATH)
        return curl_easy_setopt(x->easy, CURLOPT_URL, url) == CURLE_OK;
    buf_adds(&twice, str_sub(str_of(url), 0, (size_t)(path - url)));
    for (const char *p = path; *p != '\0'; p++)
        buf_printf(&twice, "%c%s", *p, *p == '%' ? "25" : "");
    bool ok = buf_err(&twice) == ERR_OK &&
              curl_easy_setopt(x->easy, CURLOPT_URL, twice.data) == CURLE_OK &&
              curl_easy_setopt(x->easy, CURLOPT_REQUEST_TARGET, path) == CURLE_OK;
    buf_release(&twice);
    return ok;
}

static bool set_signature(struct upstream_xfer *x, const struct upstream_request *req)
{
    CURL *c = x->easy;
    if (req->sign == NULL)
        return true;
    return curl_easy_setopt(c, CURLOPT_AWS_SIGV4, req->sign->scope) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERNAME, req->sign->id) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PASSWORD, req->sign->secret) == CURLE_OK &&
           /* the header that asks for 100 cannot be left out here: do not wait for it */
           curl_easy_setopt(c, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CURLU, NULL) == CURLE_OK &&
           set_signed_url(x, req->url);
}

/*
 * A connection that was kept might lead to where none of these may: its address was not looked at.
 * Their handles are not kept, so that what is set here ends with them.
 */
static bool set_foreign(struct upstream_xfer *x, const struct upstream_request *req)
{
    CURL *c = x->easy;
    return curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           (!req->is_public ||
            (curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, sock_open_public) ==
                 CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x) == CURLE_OK));
}

static bool set_options(struct upstream_xfer *x, const struct upstream_request *req)
{
    CURL *c = x->easy;
    /* over HTTP/2 a paused stream buffers 33 MB: only where a provider is configured so */
    long version =
        req->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1;
    long read_len = req->is_stream ? READ_STREAM_LEN : READ_LEN;
    long connect_ms = MAX((long)(req->connect_us / US_PER_MS), 1L);
    bool has_no_proxy = req->proxy == NULL && (!x->u->has_env_proxy || req->is_foreign);
    const char *proxy = has_no_proxy ? "" : req->proxy;
    return curl_easy_setopt(c, CURLOPT_HTTP_VERSION, version) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PIPEWAIT, req->http2 ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_BUFFERSIZE, read_len) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_URL, req->url) == CURLE_OK &&
           (req->is_foreign ? set_foreign(x, req) : set_url(x->u, c, req->url)) &&
           curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, proxy) == CURLE_OK &&
           set_tls(x, req->ca_file) && set_body(x, req->method) && set_callbacks(x) &&
           set_signature(x, req);
}

enum errc xfer_make(struct upstream *u, const struct upstream_request *req,
                    bool is_silent, struct upstream_xfer **ret, struct err *e)
{
    AUTO(xfer_free)
    struct upstream_xfer *x = xfer_new(u, strcmp(req->method, "POST") == 0, is_silent);
    if (x == NULL)
        return err_set(e, ERR_MEMORY, "no memory for a transfer");
    x->body = req->body;
    x->is_http2 = req->http2;
    x->is_signed = req->sign != NULL;
    enum errc rc = add_headers(x, req->headers, req->n_headers, e);
    if (rc != ERR_OK)
        return rc;
    if (!set_options(x, req))
        return err_set(e, ERR_MEMORY, "no memory for a transfer's options");
    *ret = x;
    x = NULL;
    return ERR_OK;
}

void xfer_free_kept(struct upstream *u)
{
    for (size_t i = 0; i < u->n_spare; i++)
        curl_easy_cleanup(u->spare[i]);
    map_for_each (slot, &u->urls) {
        curl_url_cleanup(slot->value);
    }
    map_release(&u->urls);
}
