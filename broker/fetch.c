/*
 * fetch.c: see fetch.h.
 *
 *     planned ──asked──▶ coming ──▶ there
 *                          ╰──────▶ failed, with the reason
 *
 * A URL is a client's: so each goes out over a connection of its own, with no key, cookie, proxy or
 * redirect, to a host that the configuration lists and an address that is public; what comes is
 * counted, timed, and taken for what its first bytes say. The request waits meanwhile, in WAITING,
 * and holds no room in any limit.
 */
#include "broker/fetch.h"

#include <stdio.h>
#include <string.h>

#include "core/base64.h"
#include "core/mem.h"

#include "broker/address.h"
#include "broker/request_priv.h"
#include "broker/upstream.h"

enum { fetch_MAGIC = 0x66657463 };

enum fetch_state { PLANNED, COMING, THERE, FAILED };

struct fetch {
    uint32_t magic;
    enum fetch_state state;
    struct request *r; /* borrowed: owns us */
    struct str url;    /* borrowed from the request's body or arena */
    struct upstream_xfer *xfer;
    int status;            /* of the answer; 0: none yet */
    struct buf data;       /* base64 of what has come */
    unsigned char rest[3]; /* bytes that do not fill a group of it yet */
    size_t n_rest;
    char why[160];
};

struct fetches {
    struct fetch at[LIMIT_FETCHES];
    struct media media[LIMIT_FETCHES]; /* of at[], as encoders see it */
    size_t n;
    size_t total_len; /* bytes that have come */
    struct loop_timer timer;
};

/* ---- which hosts ---- */

static bool host_matches(struct str host, struct str pattern)
{
    if (!str_starts(pattern, STR("*.")))
        return str_ieq(host, pattern);
    struct str end = str_sub(pattern, 1, pattern.len);
    return host.len > end.len && str_ieq(str_sub(host, host.len - end.len, end.len), end);
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '-';
}

/*
 * Strict, so that nobody can read it otherwise: no user, no escapes, no brackets, nothing but
 * printable ASCII.
 */
static bool split_url(struct str url, bool *ret_is_https, struct str *ret_host,
                      struct str *ret_port)
{
    *ret_is_https = str_starts(url, STR("https://"));
    if (!*ret_is_https && !str_starts(url, STR("http://")))
        return false;
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || url.ptr[i] == '\\')
            return false;
    struct str rest = str_sub(url, *ret_is_https ? 8 : 7, url.len);
    size_t n = 0;
    while (n < rest.len && is_host_char(rest.ptr[n]))
        n++;
    *ret_host = str_sub(rest, 0, n);
    rest = str_sub(rest, n, rest.len);
    *ret_port = STR_NONE;
    if (str_starts(rest, STR(":"))) {
        n = 1;
        while (n < rest.len && rest.ptr[n] >= '0' && rest.ptr[n] <= '9')
            n++;
        *ret_port = str_sub(rest, 1, n - 1);
        rest = str_sub(rest, n, rest.len);
    }
    bool is_end = rest.len == 0 || strchr("/?#", rest.ptr[0]) != NULL;
    return ret_host->len > 0 && is_end;
}

struct str fetch_host(struct str url, const char *const *hosts, size_t n,
                      bool *ret_is_literal)
{
    struct str host, port;
    bool is_https;
    if (!split_url(url, &is_https, &host, &port))
        return STR_NONE;
    if (str_eqz(port, is_https ? "443" : "80"))
        port = STR_NONE;
    for (size_t i = 0; i < n; i++) {
        struct str entry = str_of(hosts[i]);
        size_t colon = str_find(entry, ':');
        struct str pattern = str_sub(entry, 0, colon);
        if (!str_eq(str_sub(entry, MIN(colon + 1, entry.len), entry.len), port) ||
            !host_matches(host, pattern) || (!is_https && !address_is_loopback(pattern)))
            continue;
        *ret_is_literal = address_is_ipv4(pattern);
        return host;
    }
    return STR_NONE;
}

/* ---- what comes ---- */

static void on_timer(void *arg);

/* All that was asked for has come or failed: the request looks again. */
static void wake(struct request *r)
{
    struct fetches *all = r->fetches;
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].state == COMING)
            return;
    loop_timer_stop(r->b->loop, &all->timer);
    if (r->state == REQ_WAITING)
        request_timer_set(r, TIMER_WAIT, 0);
}

static struct str allowed_host(const struct request *r, struct str url,
                               bool *ret_is_literal)
{
    return fetch_host(url, r->conf->broker.fetch_host, r->conf->broker.n_fetch_host,
                      ret_is_literal);
}

static void fail(struct fetch *f, const char *why)
{
    bool is_literal;
    struct str host = allowed_host(f->r, f->url, &is_literal);
    snprintf(f->why, sizeof f->why, "nothing could be fetched from %.*s: %s",
             (int)MIN(host.len, (size_t)60), host.ptr, why);
    f->state = FAILED;
    f->r->fetches->media[f - f->r->fetches->at].why = f->why;
    upstream_cancel(&f->xfer);
    buf_release(&f->data);
}

static void on_head(void *arg, const struct upstream_head *h)
{
    struct fetch *f = OBJ(fetch, arg);
    f->status = h->status;
}

static void take(struct fetch *f, struct str bytes)
{
    while (f->n_rest > 0 && f->n_rest < 3 && bytes.len > 0) {
        f->rest[f->n_rest++] = (unsigned char)bytes.ptr[0];
        bytes = str_sub(bytes, 1, bytes.len);
    }
    if (f->n_rest == 3) {
        base64_add(&f->data, (struct str){(const char *)f->rest, 3});
        f->n_rest = 0;
    }
    size_t whole = bytes.len - bytes.len % 3;
    base64_add(&f->data, str_sub(bytes, 0, whole));
    for (size_t i = whole; i < bytes.len; i++)
        f->rest[f->n_rest++] = (unsigned char)bytes.ptr[i];
}

static void on_body(void *arg, struct str bytes)
{
    struct fetch *f = OBJ(fetch, arg);
    struct fetches *all = f->r->fetches;
    if (f->state != COMING || f->status != 200)
        return;
    all->total_len += bytes.len;
    if (all->total_len > LIMIT_FETCH_LEN) {
        fail(f, "it is too large");
        wake(f->r);
        return;
    }
    take(f, bytes);
}

static void on_done(void *arg, enum errc rc, const struct err *e)
{
    struct fetch *f = OBJ(fetch, arg);
    struct media *m = &f->r->fetches->media[f - f->r->fetches->at];
    char why[64];
    f->xfer = NULL;
    if (f->state != COMING)
        return;
    base64_add(&f->data, (struct str){(const char *)f->rest, f->n_rest});
    snprintf(why, sizeof why, "the answer was %d", f->status);
    struct str mime = media_mime(buf_str(&f->data)); /* labels and names lie */
    if (rc != ERR_OK)
        fail(f, e->text);
    else if (f->status != 200) /* a redirect is not followed */
        fail(f, why);
    else if (buf_err(&f->data) != ERR_OK)
        fail(f, "there is no room for it");
    else if (mime.len == 0)
        fail(f, "it is no PNG, JPEG, GIF, WebP or PDF");
    else
        f->state = THERE;
    m->mime = mime;
    m->data = buf_str(&f->data);
    wake(f->r);
}

static void on_timer(void *arg)
{
    struct request *r = OBJ(request, arg);
    char why[64];
    snprintf(why, sizeof why, "it has not come within %d s", LIMIT_FETCH_S);
    for (size_t i = 0; i < r->fetches->n; i++)
        if (r->fetches->at[i].state == COMING)
            fail(&r->fetches->at[i], why);
    wake(r);
}

/* ---- asking ---- */

static void ask(struct fetch *f)
{
    static const struct upstream_fns fns = {on_head, on_body, on_done};
    struct http1_header headers[] = {
        {STR("accept"),
         STR("image/png, image/jpeg, image/gif, image/webp, application/pdf")},
        {STR("user-agent"), STR("llmgw/" PACKAGE_VERSION)},
    };
    struct err e = ERR_INIT;
    bool is_literal = false;
    AUTO(buf_release) struct buf url = BUF_INIT(LIMIT_HEAD_LEN);
    (void)allowed_host(f->r, f->url, &is_literal);
    buf_adds(&url, f->url);
    const struct upstream_request req = {
        .method = "GET",
        .url = buf_str(&url).ptr,
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .connect_us = LIMIT_FETCH_S * US_PER_S,
        .is_foreign = true,
        .is_public = !is_literal,
    };
    f->state = COMING;
    if (buf_err(&url) != ERR_OK)
        fail(f, "the URL is too long");
    else if (upstream_start(f->r->b->upstream, &req, &fns, f, &f->xfer, &e) != ERR_OK)
        fail(f, e.text);
}

static struct fetches *fetches_new(struct request *r)
{
    struct fetches *all = MEM_NEW(struct fetches);
    if (all != NULL)
        all->timer = (struct loop_timer){.fn = on_timer, .arg = r};
    return all;
}

/* One that may be fetched, and is not planned already. */
static void plan(struct request *r, const struct msg_part *p)
{
    bool is_literal;
    bool is_media = p->kind == MSG_IMAGE || p->kind == MSG_FILE;
    if (!is_media || p->url.len == 0 || allowed_host(r, p->url, &is_literal).len == 0)
        return;
    if (r->fetches == NULL)
        r->fetches = fetches_new(r);
    struct fetches *all = r->fetches;
    for (size_t i = 0; all != NULL && i < all->n; i++)
        if (str_eq(all->at[i].url, p->url))
            return;
    if (all == NULL || all->n == LIMIT_FETCHES)
        return; /* the encoder refuses what is not there */
    struct fetch *f = &all->at[all->n];
    *f = (struct fetch){.magic = fetch_MAGIC,
                        .r = r,
                        .url = p->url,
                        .data = BUF_INIT(LIMIT_FETCH_LEN / 3 * 4 + 4)};
    all->media[all->n++] = (struct media){
        .url = p->url,
        .mime = p->kind == MSG_IMAGE ? STR("image/png") : STR("application/pdf")};
}

void fetch_plan(struct request *r, const struct dialect_ops *ops)
{
    if (!ops->takes_no_urls || r->conf->broker.n_fetch_host == 0 || r->msg == NULL)
        return;
    for (size_t i = 0; i < r->msg->n_turns; i++)
        for (size_t k = 0; k < r->msg->turns[i].n_parts; k++) {
            const struct msg_part *p = &r->msg->turns[i].parts[k];
            plan(r, p);
            for (size_t n = 0; n < p->n_parts; n++)
                plan(r, &p->parts[n]);
        }
}

bool fetch_is_coming(struct request *r, size_t i)
{
    const struct target_model *m = &candidate_prospect(r, i)->model;
    struct err ignored = ERR_INIT;
    bool is_coming = false;
    if (r->conf->broker.n_fetch_host == 0)
        return false;
    const struct dialect_ops *ops = dialect_for(m->kind, r->client->id, &r->facts,
                                                str_of(candidate_target(r, i)->model));
    if (ops == NULL || ops == r->client || !ops->takes_no_urls ||
        attempt_decode(r, &ignored) != ERR_OK)
        return false;
    fetch_plan(r, ops);
    for (size_t k = 0; r->fetches != NULL && k < r->fetches->n; k++) {
        struct fetch *f = &r->fetches->at[k];
        if (f->state == PLANNED)
            ask(f);
        is_coming |= f->state == COMING;
    }
    if (is_coming && !loop_timer_is_set(&r->fetches->timer) &&
        loop_timer_set(r->b->loop, &r->fetches->timer, LIMIT_FETCH_S * US_PER_S) !=
            ERR_OK) {
        on_timer(r);
        return false;
    }
    return is_coming;
}

const struct media *fetch_media(const struct request *r, size_t *ret_n)
{
    *ret_n = r->fetches != NULL ? r->fetches->n : 0;
    return r->fetches != NULL ? r->fetches->media : NULL;
}

void fetch_stop(struct request *r)
{
    if (r->fetches == NULL)
        return;
    loop_timer_stop(r->b->loop, &r->fetches->timer);
    for (size_t i = 0; i < r->fetches->n; i++)
        if (r->fetches->at[i].state == COMING)
            fail(&r->fetches->at[i], "the request is over");
}

void fetch_release(struct request *r)
{
    fetch_stop(r);
    for (size_t i = 0; r->fetches != NULL && i < r->fetches->n; i++)
        buf_release(&r->fetches->at[i].data);
    mem_free(r->fetches);
    r->fetches = NULL;
}
