/*
 * upstream.c: HTTP to providers: libcurl's multi socket interface inside our loop.
 *
 * libcurl says which descriptors it waits for and when it wants to be called; the loop tells
 * it what happened. From inside its callbacks hardly any of its functions may be called, so
 * what our callers ask for meanwhile (cancel, start, resume) goes on a list, and settle() does
 * it as soon as libcurl has returned.
 *
 * A descriptor stays registered in the loop between two transfers: taking it out and putting
 * it back costs 17 % of the CPU of a request. Only those that brought an answer are kept so,
 * since libcurl closes others (failed connects, the resolver's pipe) without telling us.
 *
 * Must not look into bodies, decide about retries, or send a body twice.
 */
#include "broker/upstream.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/map.h"
#include "core/mem.h"

enum {
    upstream_MAGIC = 0x75707374,
    upstream_xfer_MAGIC = 0x78666572,
    sock_MAGIC = 0x736f636b,
    /* how long a detached transfer may take to end by itself */
    LINGER_US = 2 * US_PER_S,
    /* libcurl puts a shorter body behind the head: one packet. MAX_INITIAL_POST_SIZE, http.h */
    SHORT_BODY_LEN = 64 * 1024,
    /* bytes of a longer one given to the kernel at once; libcurl takes at least 16 KiB */
    UPLOAD_MAX_LEN = 256 * 1024,
    /* handles kept for the next transfer; one has 6 KB */
    SPARE_MAX = 64,
    /* addresses kept in pieces */
    URLS_MAX = 256,
    /* bytes read at once; the buffer lives as long as the answer, and a stream fills it seldom */
    READ_LEN = 16 * 1024,
    READ_STREAM_LEN = 4 * 1024,
};

/* One of libcurl's descriptors. */
struct sock {
    uint32_t magic;
    struct upstream *u; /* borrowed */
    struct loop_io io;
    /* libcurl waits for nothing on it: kept registered for the next transfer */
    bool is_idle;
};

struct upstream {
    uint32_t magic;
    struct loop *loop; /* borrowed */
    struct log *log;   /* borrowed */
    CURLM *multi;      /* owned, as all below */
    CURLSH *share;
    struct loop_timer timer;
    loop_fn *before; /* may be NULL */
    void *before_arg;
    struct sock **socks; /* by descriptor */
    size_t n_socks;
    CURL *spare[SPARE_MAX]; /* owned; handles of POSTs that went well */
    size_t n_spare;
    struct map urls;   /* CURLU, owned; URLS_MAX of them */
    struct list xfers; /* struct upstream_xfer, by `link` */
    struct list todo;  /* struct upstream_xfer, by `todo`: what settle() has to do */
    int in_curl;       /* depth of libcurl on our stack */
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
    bool is_ok;               /* it came to its announced end */
    struct loop_timer linger; /* a detached transfer that does not end */
    char error[CURL_ERROR_SIZE];
};

static void settle(struct upstream *u);

/* ---- descriptors and the timer ---- */

/* It waits for ever rather than not at all: so it keeps its place, and cannot fail. */
static void set_timer(struct upstream *u, int64_t after_us)
{
    enum errc rc = loop_timer_set(u->loop, &u->timer, after_us);
    assert(rc == ERR_OK);
}

/* Whatever socket it is told of, libcurl serves other transfers that are due as well. */
static void act(struct upstream *u, curl_socket_t fd, int mask)
{
    int running;
    if (u->before != NULL)
        u->before(u->before_arg);
    u->in_curl++;
    curl_multi_socket_action(u->multi, fd, mask, &running);
    u->in_curl--;
    settle(u);
}

static void on_sock(void *arg, unsigned events)
{
    struct sock *s = OBJ(sock, arg);
    struct upstream *u = s->u;
    if (s->is_idle) {
        /* closed by the other side, or a TLS ticket: libcurl finds out at the next transfer */
        loop_io_stop(u->loop, &s->io);
        return;
    }
    act(u, s->io.fd,
        ((events & LOOP_READ) ? CURL_CSELECT_IN : 0) |
            ((events & LOOP_WRITE) ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *arg)
{
    struct upstream *u = OBJ(upstream, arg);
    set_timer(u, INT64_MAX); /* the place that it had is free still */
    act(u, CURL_SOCKET_TIMEOUT, 0);
}

static struct sock *sock_find(struct upstream *u, int fd)
{
    return (size_t)fd < u->n_socks ? u->socks[fd] : NULL;
}

/* The entry of a descriptor, made when it is new; NULL when memory is out. */
static struct sock *sock_get(struct upstream *u, int fd)
{
    size_t at = (size_t)fd;
    if (at >= u->n_socks) {
        size_t n = MAX(2 * u->n_socks, at + 16);
        struct sock **socks = mem_resize(u->socks, n, sizeof(struct sock *));
        if (socks == NULL)
            return NULL;
        memset(socks + u->n_socks, 0, (n - u->n_socks) * sizeof(struct sock *));
        u->socks = socks;
        u->n_socks = n;
    }
    if (u->socks[at] == NULL) {
        struct sock *s = MEM_NEW(struct sock);
        if (s == NULL)
            return NULL;
        *s = (struct sock){.magic = sock_MAGIC, .u = u};
        s->io = (struct loop_io){.fd = fd, .fn = on_sock, .arg = s};
        u->socks[at] = s;
    }
    return u->socks[at];
}

static void sock_drop(struct upstream *u, int fd)
{
    struct sock *s = sock_find(u, fd);
    if (s == NULL)
        return;
    loop_io_stop(u->loop, &s->io);
    u->socks[fd] = NULL;
    s->magic = 0;
    mem_free(s);
}

/* libcurl waits for nothing on it now; it may be closed already unless it brought an answer. */
static void sock_rest(struct upstream *u, CURL *easy, int fd)
{
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    struct sock *s = sock_find(u, fd);
    if (s == NULL || private == NULL || !OBJ(upstream_xfer, private)->has_head) {
        sock_drop(u, fd);
        return;
    }
    s->is_idle = true;
    if (s->io.events != 0 && loop_io_set(u->loop, &s->io, LOOP_READ) != ERR_OK)
        sock_drop(u, fd);
}

static void todo(struct upstream_xfer *x);

/* Told of an error, libcurl would end every transfer there is: the one that met it ends. */
static void lose(CURL *easy)
{
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    if (private == NULL)
        return;
    struct upstream_xfer *x = OBJ(upstream_xfer, private);
    x->is_lost = true;
    todo(x);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    (void)unused;
    struct upstream *u = OBJ(upstream, arg);
    if (what == CURL_POLL_REMOVE) {
        sock_rest(u, easy, fd);
        return 0;
    }
    unsigned events = ((what & CURL_POLL_IN) ? LOOP_READ : 0U) |
                      ((what & CURL_POLL_OUT) ? LOOP_WRITE : 0U);
    struct sock *s = sock_get(u, fd);
    if (s != NULL)
        s->is_idle = false;
    if (s == NULL || loop_io_set(u->loop, &s->io, events) != ERR_OK)
        lose(easy);
    return 0;
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct upstream *u = OBJ(upstream, arg);
    set_timer(u, ms < 0 ? INT64_MAX : ms * (int64_t)US_PER_MS);
    return 0;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)purpose;
    int fd = socket(a->family, a->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    sock_drop(OBJ(upstream, arg),
              fd); /* one of that number that was closed behind our back */
    return fd;
}

static int on_close(void *arg, curl_socket_t fd)
{
    sock_drop(OBJ(upstream, arg), fd);
    return close(fd);
}

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
        curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, u) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, on_close) == CURLE_OK &&
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

static void xfer_free(struct upstream_xfer **xp)
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

static void wipe_line(struct buf *b)
{
    mem_wipe(b->data, b->cap); /* one of them is the key */
    buf_release(b);
}

/* "Name: value"; to libcurl "Name:" would mean to leave the header out, "Name;" is an empty one. */
static enum errc add_headers(struct upstream_xfer *x, const struct http1_header *h,
                             size_t n, struct err *e)
{
    bool has_accept = false;
    AUTO(wipe_line) struct buf line = BUF_INIT(LIMIT_HEAD_LEN);
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

static bool set_options(struct upstream_xfer *x, const struct upstream_request *req)
{
    CURL *c = x->easy;
    /* over HTTP/2 a paused stream buffers 33 MB: only where a provider is configured so */
    long version =
        req->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1;
    long read_len = req->is_stream ? READ_STREAM_LEN : READ_LEN;
    long connect_ms = MAX((long)(req->connect_us / US_PER_MS), 1L);
    const char *proxy = req->proxy == NULL && !x->u->has_env_proxy ? "" : req->proxy;
    return curl_easy_setopt(c, CURLOPT_HTTP_VERSION, version) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PIPEWAIT, req->http2 ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_BUFFERSIZE, read_len) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_URL, req->url) == CURLE_OK &&
           set_url(x->u, c, req->url) &&
           curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, proxy) == CURLE_OK &&
           set_tls(x, req->ca_file) && set_body(x, req->method) && set_callbacks(x) &&
           set_signature(x, req);
}

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

static void todo(struct upstream_xfer *x)
{
    list_del(&x->todo);
    list_add(&x->u->todo, &x->todo);
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
        xfer_add(x);
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

/* Once libcurl is off the stack: what was put off, then what has ended. */
static void settle(struct upstream *u)
{
    if (u->in_curl > 0 || u->is_settling)
        return;
    u->is_settling = true;
    while (settle_todo(u) || settle_done(u))
        ;
    u->is_settling = false;
}

/* ---- the interface ---- */

static enum errc xfer_make(struct upstream *u, const struct upstream_request *req,
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
    if (u->in_curl > 0) {
        todo(x);
    } else {
        CURLMcode mrc = curl_multi_add_handle(u->multi, x->easy);
        x->is_added = mrc == CURLM_OK;
        if (!x->is_added) {
            xfer_free(&x);
            return err_set(e, ERR_MEMORY, "cannot start a transfer: %s",
                           curl_multi_strerror(mrc));
        }
    }
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
        todo(x);
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
    todo(x);
    settle(x->u);
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
    todo(x);
    settle(u);
}

size_t upstream_n_active(const struct upstream *u)
{
    return u->n_active;
}

uint64_t upstream_n_connects(const struct upstream *u)
{
    return u->n_connects;
}

static bool set_multi(struct upstream *u)
{
    CURLM *m = u->multi;
    return curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_curl_socket) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_SOCKETDATA, u) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_curl_timer) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERDATA, u) == CURLM_OK &&
           /* at least peak streams and idle ones: three times the CPU when it is too small */
           curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)LIMIT_CONNS) == CURLM_OK;
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
    u->timer = (struct loop_timer){.fn = on_timer, .arg = u};
    list_init(&u->xfers);
    list_init(&u->todo);
    map_init(&u->urls);
    find_ca(u);
    u->has_env_proxy = find_proxy();
    u->multi = curl_multi_init();
    u->share = curl_share_init();
    if (u->multi == NULL || u->share == NULL || !set_multi(u) ||
        loop_timer_set(u->loop, &u->timer, INT64_MAX) != ERR_OK ||
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
    for (size_t i = 0; i < u->n_spare; i++)
        curl_easy_cleanup(u->spare[i]);
    map_for_each (slot, &u->urls) {
        curl_url_cleanup(slot->value);
    }
    map_release(&u->urls);
    if (u->multi != NULL)
        curl_multi_cleanup(u->multi); /* closes the kept connections: on_close */
    if (u->share != NULL)
        curl_share_cleanup(u->share);
    for (size_t fd = 0; fd < u->n_socks; fd++)
        sock_drop(u, (int)fd);
    loop_timer_stop(u->loop, &u->timer);
    mem_free(u->socks);
    u->magic = 0;
    mem_free(u);
    curl_global_cleanup();
}
