/*
 * link.c: one connection to the broker: finds it, writes requests, reads answers and streams.
 *
 * Owns the descriptor and the bytes on their way. Knows HTTP and the shape of an error, not
 * what requests mean. Starting a broker is link_start.c's.
 */
#include "cmd/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/jsonx.h"
#include "core/mem.h"
#include "core/os.h"

#include "cmd/link_start.h"

enum { READ_LEN = 64 * 1024, IDLE_US = 120 * US_PER_S };

struct link {
    int fd;
    const char *host; /* NULL: it is a broker */
    bool is_offline;  /* said with each call */
    struct buf in;    /* read, not yet used */
    struct buf head;  /* the current answer's */
    struct link_waiting waiting;
};

/* --- the connection --- */

enum errc link_adopt(int fd, struct link **ret, struct err *e)
{
    struct link *l = MEM_NEW(struct link);
    if (l == NULL) {
        close(fd);
        return err_set(e, ERR_MEMORY, "out of memory");
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    l->fd = fd;
    buf_init(&l->in, READ_LEN + LIMIT_HEAD_LEN);
    buf_init(&l->head, LIMIT_HEAD_LEN);
    l->waiting.cancel_fd = -1;
    *ret = l;
    return ERR_OK;
}

void link_close(struct link **lp)
{
    struct link *l = *lp;
    if (l == NULL)
        return;
    close(l->fd);
    buf_release(&l->in);
    buf_release(&l->head);
    mem_free(l);
    *lp = NULL;
}

void link_wait(struct link *l, const struct link_waiting *w)
{
    l->waiting = *w;
}

void link_call_as(struct link *l, const char *host)
{
    l->host = host;
}

int link_connect(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len > LIMIT_SOCK_PATH) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

bool link_is_named(const struct cmd_ctx *ctx)
{
    return ctx->global.socket != NULL || cmd_getenv("LLMGW_SOCKET") != NULL ||
           (ctx->conf != NULL && ctx->conf->broker.socket != NULL);
}

/* A socket in a place we chose must be ours; one that the user names may be a service's. */
static enum errc check_peer(struct cmd_ctx *ctx, int fd, const char *path, struct err *e)
{
    int64_t uid;
    enum errc rc = os_peer_uid(fd, &uid, e);
    if (rc == ERR_OK && !link_is_named(ctx) && uid != (int64_t)geteuid() && uid != 0)
        rc = err_set(e, ERR_BROKER, "%s belongs to another user (%lld)", path,
                     (long long)uid);
    return rc;
}

enum errc link_open(struct cmd_ctx *ctx, bool may_start, struct link **ret, struct err *e)
{
    const char *path;
    enum errc rc = conf_path_socket(&ctx->arena, ctx->conf, ctx->global.socket,
                                    cmd_getenv, &path, e);
    if (rc != ERR_OK)
        return rc;
    int fd = link_connect(path);
    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED) && may_start &&
        !ctx->global.no_autostart) {
        rc = link_start_at(ctx, path, true, e);
        if (rc != ERR_OK)
            return rc;
        fd = link_connect(path);
    }
    if (fd < 0)
        return err_errno(e, ERR_BROKER, "no broker at %s", path);
    rc = check_peer(ctx, fd, path, e);
    if (rc != ERR_OK) {
        close(fd);
        return rc;
    }
    rc = link_adopt(fd, ret, e);
    if (rc == ERR_OK)
        (*ret)->is_offline = ctx->global.offline;
    return rc;
}

enum errc link_start(struct cmd_ctx *ctx, bool is_auto, struct err *e)
{
    const char *path;
    enum errc rc = conf_path_socket(&ctx->arena, ctx->conf, ctx->global.socket,
                                    cmd_getenv, &path, e);
    return rc == ERR_OK ? link_start_at(ctx, path, is_auto, e) : rc;
}

/* --- bytes --- */

/* Monotonic: when a wait that begins now is over. */
static int64_t wait_until_us(const struct link_waiting *w)
{
    int64_t idle_us = clock_mono_us(&clock_system) + IDLE_US;
    return w->until_us > 0 ? MIN(idle_us, w->until_us) : idle_us;
}

/* Waits for `events` of the broker; *ret is what came. */
static enum errc wait_for(struct link *l, short events, short *ret, struct err *e)
{
    const struct link_waiting *w = &l->waiting;
    int64_t until_us = wait_until_us(w);
    for (;;) {
        struct pollfd fds[] = {{l->fd, events, 0},
                               {w->cancel_fd, POLLIN, 0},
                               {w->on_key != NULL ? w->key_fd : -1, POLLIN, 0}};
        int64_t left_us = until_us - clock_mono_us(&clock_system);
        if (left_us <= 0)
            return err_set(e, ERR_BROKER, "the broker does not answer");
        int64_t nap_us = w->tick_us > 0 ? MIN(w->tick_us, left_us) : left_us;
        int n = poll(fds, ARRAY_LEN(fds), (int)((nap_us + US_PER_MS - 1) / US_PER_MS));
        if (n < 0 && errno != EINTR)
            return err_errno(e, ERR_IO, "poll");
        bool is_cancelled =
            fds[1].revents != 0 && (w->on_cancel == NULL || w->on_cancel(w->key_arg));
        if (is_cancelled || (fds[2].revents != 0 && w->on_key(w->key_arg)))
            return err_set(e, ERR_CANCELLED, "cancelled");
        if (fds[1].revents != 0) { /* we may have been stopped for long */
            until_us = wait_until_us(w);
            continue;
        }
        if (n > 0 && fds[0].revents != 0) {
            *ret = fds[0].revents;
            return ERR_OK;
        }
        if (w->tick_us > 0)
            w->on_tick(w->arg);
    }
}

/* Writes all of it, unless the broker answers before it has read everything. */
static enum errc write_all(struct link *l, struct str bytes, bool *ret_answered,
                           struct err *e)
{
    while (bytes.len > 0 && !*ret_answered) {
        ssize_t n = send(l->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n >= 0) {
            bytes = str_sub(bytes, (size_t)n, bytes.len);
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET) {
            *ret_answered = true; /* perhaps: reading will tell */
            break;
        }
        if (errno != EAGAIN && errno != EINTR)
            return err_errno(e, ERR_BROKER, "write to the broker");
        short came;
        enum errc rc = wait_for(l, POLLIN | POLLOUT, &came, e);
        if (rc != ERR_OK)
            return rc;
        *ret_answered = (came & POLLIN) != 0;
    }
    return ERR_OK;
}

/* One read; *ret_eof at the end. */
static enum errc read_more(struct link *l, bool *ret_eof, struct err *e)
{
    int64_t until_us = l->waiting.until_us;
    /* who never stops sending is not waited for either */
    if (until_us > 0 && clock_mono_us(&clock_system) >= until_us)
        return err_set(e, ERR_BROKER, "the answer does not end");
    for (;;) {
        char *at = buf_room(&l->in, READ_LEN);
        if (at == NULL)
            return err_set(e, ERR_MEMORY, "out of memory");
        ssize_t n = recv(l->fd, at, READ_LEN, 0);
        if (n >= 0 || errno == ECONNRESET) {
            buf_grown(&l->in, n > 0 ? (size_t)n : 0);
            *ret_eof = n <= 0;
            return ERR_OK;
        }
        if (errno != EAGAIN && errno != EINTR)
            return err_errno(e, ERR_BROKER, "read from the broker");
        short came;
        enum errc rc = wait_for(l, POLLIN, &came, e);
        if (rc != ERR_OK)
            return rc;
    }
}

/* --- one call --- */

/* A parser's error as ours, with its reason behind ours. */
static enum errc recode(struct err *e, enum errc code, const char *text)
{
    err_ctx(e, "%s", text);
    e->code = code;
    return code;
}

static enum errc send_request(struct link *l, const char *method, const char *path,
                              struct str headers, struct str body, struct err *e)
{
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_HEAD_LEN + LIMIT_BODY_LEN);
    http1_write_request(&out, method, str_of(path));
    http1_write_header(&out, "Host", l->host != NULL ? str_of(l->host) : STR("llmgw"));
    if (l->host == NULL)
        http1_write_header(&out, "x-llmgw-proto", STR("1"));
    if (l->is_offline)
        http1_write_header(&out, "x-llmgw-offline", STR("1"));
    buf_adds(&out, headers);
    if (body.len > 0)
        http1_write_header(&out, "Content-Type", STR("application/json"));
    if (strcmp(method, "GET") != 0)
        http1_printf_header(&out, "Content-Length", "%zu", body.len);
    http1_write_end(&out);
    if (out.len > LIMIT_HEAD_LEN)
        return err_set(e, ERR_TOO_LARGE, "too many tags and other names for one request");
    buf_adds(&out, body);
    if (buf_err(&out) != ERR_OK)
        return err_set(e, buf_err(&out), "request of %zu bytes", body.len);
    bool answered = false;
    return write_all(l, buf_str(&out), &answered, e);
}

/* The head of the answer, past any 1xx. */
static enum errc read_head(struct link *l, struct http1_head *h, struct err *e)
{
    size_t scan = 0, used = 0;
    for (;;) {
        enum errc rc = http1_parse_response(buf_str(&l->in), &scan, h, &used, e);
        if (rc == ERR_OK && h->status < 200) {
            buf_consume(&l->in, used);
            continue;
        }
        if (rc == ERR_OK)
            break;
        if (rc != ERR_AGAIN)
            return recode(e, ERR_BROKER, "the broker's answer is not HTTP");
        bool eof;
        rc = read_more(l, &eof, e);
        if (rc == ERR_OK && eof)
            rc = err_set(e, ERR_BROKER, "the broker closed the connection");
        if (rc != ERR_OK)
            return rc;
    }
    /* parsed again where its bytes may stay */
    buf_reset(&l->head);
    buf_add(&l->head, l->in.data, used);
    buf_consume(&l->in, used);
    return http1_parse_response(buf_str(&l->head), &scan, h, &used, e);
}

/* Where decoded bytes of the body go. */
struct receiver {
    struct http1_body body;
    struct buf *whole; /* collected here … */
    struct sse *sse;   /* … or read as events, when not NULL */
    sse_fn *fn;
    void *arg;
};

static enum errc on_bytes(struct link *l, struct receiver *r, bool *ret_done,
                          struct err *e)
{
    AUTO(buf_release) struct buf piece = BUF_INIT(READ_LEN + LIMIT_HEAD_LEN);
    size_t used;
    enum errc rc = http1_body_feed(&r->body, buf_str(&l->in), r->sse ? &piece : r->whole,
                                   &used, ret_done, e);
    if (rc != ERR_OK)
        return recode(e, ERR_INTERRUPTED, "the broker's answer is damaged");
    buf_consume(&l->in, used);
    return r->sse ? sse_feed(r->sse, buf_str(&piece), r->fn, r->arg, e) : ERR_OK;
}

static enum errc read_body(struct link *l, struct receiver *r, struct err *e)
{
    bool done = false, eof = false;
    for (;;) {
        enum errc rc = on_bytes(l, r, &done, e);
        if (rc != ERR_OK || done)
            return rc;
        if (eof && http1_body_is_done(&r->body))
            return ERR_OK;
        if (eof)
            return err_set(e, ERR_INTERRUPTED, "the broker cut the answer off");
        rc = read_more(l, &eof, e);
        if (rc != ERR_OK)
            return rc;
    }
}

static bool is_event_stream(const struct http1_head *h)
{
    struct str type = http1_header(h, "content-type");
    type = str_trim(str_sub(type, 0, str_find(type, ';')));
    return h->status == 200 && str_ieqz(type, "text/event-stream");
}

static enum errc call(struct link *l, const char *method, const char *path,
                      struct str headers, struct str body, sse_fn *fn, void *arg,
                      struct link_answer *ret, struct err *e)
{
    buf_init(&ret->body, LIMIT_REPLY_LEN);
    enum errc rc = send_request(l, method, path, headers, body, e);
    if (rc == ERR_OK)
        rc = read_head(l, &ret->head, e);
    if (rc != ERR_OK)
        return rc;
    struct sse sse;
    struct receiver r = {.whole = &ret->body, .fn = fn, .arg = arg};
    ret->status = ret->head.status;
    ret->is_stream = fn != NULL && is_event_stream(&ret->head);
    if (ret->is_stream) {
        sse_init(&sse, LIMIT_EVENT_LEN);
        r.sse = &sse;
    }
    http1_body_init(&r.body, &ret->head, ret->is_stream ? INT64_MAX : LIMIT_REPLY_LEN,
                    ret->status == 204 || ret->status == 304);
    rc = read_body(l, &r, e);
    if (ret->is_stream)
        sse_release(&sse);
    if (rc == ERR_OK && ret->status == 426)
        rc = link_error(ret, e);
    return rc;
}

enum errc link_call(struct link *l, const char *method, const char *path,
                    struct str headers, struct str body, struct link_answer *ret,
                    struct err *e)
{
    return call(l, method, path, headers, body, NULL, NULL, ret, e);
}

enum errc link_stream(struct link *l, const char *path, struct str headers,
                      struct str body, sse_fn *fn, void *arg, struct link_answer *ret,
                      struct err *e)
{
    return call(l, "POST", path, headers, body, fn, arg, ret, e);
}

void link_answer_release(struct link_answer *a)
{
    buf_release(&a->body);
}

/* --- errors --- */

/* For a body that does not say its class. Source: RFC 9110 section 15, RFC 6585. */
static enum errc class_of_status(int status)
{
    static const struct {
        int status;
        enum errc code;
    } rows[] = {
        {401, ERR_AUTH},       {403, ERR_PERMISSION}, {404, ERR_NOT_FOUND},
        {408, ERR_TIMEOUT},    {413, ERR_TOO_LARGE},  {426, ERR_BROKER},
        {429, ERR_RATE_LIMIT}, {499, ERR_CANCELLED},  {503, ERR_OVERLOADED},
        {504, ERR_TIMEOUT},    {529, ERR_OVERLOADED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].status == status)
            return rows[i].code;
    return status >= 400 && status < 500 ? ERR_INVALID : ERR_SERVER;
}

static enum errc class_of(struct json_object *ext, int status)
{
    struct str name = jx_str(ext, "class");
    enum errc code = name.len > 0 ? errc_by_name(name.ptr) : ERR_N_;
    return code == ERR_N_ || code == ERR_OK ? class_of_status(status) : code;
}

enum errc link_error_body(int status, struct str body, struct err *e)
{
    AUTO(jx_put) struct json_object *root = NULL;
    struct err why = ERR_INIT;
    if (jx_parse(body, &root, &why) != ERR_OK)
        root = NULL; /* not ours, or a proxy's page: its status must do */
    struct json_object *error = jx_obj(root, "error");
    struct json_object *ext = jx_obj(error, "llmgw");
    struct str text = jx_str(error, "message");
    struct str code = jx_str(ext, "provider_code");
    int64_t retry_ms;
    err_clear(e);
    if (text.len > 0)
        err_set(e, class_of(ext, status), "%.*s", STR_ARG(text));
    else
        err_set(e, class_of(ext, status), "the broker answered %d %s", status,
                http1_reason(status));
    e->sys = status;
    str_copy(e->param, sizeof e->param, jx_str(error, "param"));
    snprintf(e->provider_code, sizeof e->provider_code, "%.*s", STR_ARG(code));
    if (str_eqz(jx_str(ext, "origin"), err_origin_name(ERR_BY_PROVIDER)))
        e->origin = ERR_BY_PROVIDER;
    if (jx_i64(ext, "retry_after_ms", 0, INT64_MAX / US_PER_MS, &retry_ms))
        e->retry_after_us = retry_ms * US_PER_MS;
    return e->code;
}

enum errc link_error(const struct link_answer *a, struct err *e)
{
    enum errc code = link_error_body(a->status, buf_str(&a->body), e);
    if (a->status != 426)
        return code;
    size_t len = strlen(e->text);
    snprintf(e->text + len, sizeof e->text - len, "\nhint: llmgw broker restart");
    e->code = ERR_BROKER;
    return e->code;
}

enum errc link_ask(struct cmd_ctx *ctx, bool may_start, const char *method,
                   const char *path, struct str headers, struct str body, struct buf *out,
                   struct err *e)
{
    AUTO(link_close) struct link *l = NULL;
    AUTO(link_answer_release) struct link_answer a = {0};
    enum errc rc = link_open(ctx, may_start, &l, e);
    if (rc == ERR_OK)
        rc = link_call(l, method, path, headers, body, &a, e);
    if (rc == ERR_OK && a.status != 200)
        rc = link_error(&a, e);
    if (rc == ERR_OK)
        buf_adds(out, buf_str(&a.body));
    return rc == ERR_OK && buf_err(out) != ERR_OK
               ? err_set(e, buf_err(out), "the answer is too long")
               : rc;
}

void link_reload(struct cmd_ctx *ctx)
{
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    struct err why = ERR_INIT;
    if (link_ask(ctx, false, "POST", "/llmgw/v1/reload", STR_NONE, STR_NONE, &answer,
                 &why) != ERR_OK &&
        why.code != ERR_BROKER)
        cmd_warn(ctx, "the broker keeps its configuration: %s", why.text);
}
