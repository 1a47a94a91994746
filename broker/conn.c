/*
 * conn.c: one client connection: bytes ↔ http1, output queue, high-water mark.
 *
 *     HEAD ──head whole──> BODY ──body whole──> BUSY ──answer ended──> ENDED ──all sent──┐
 *       ^                                                                                │
 *       └────────────── keep-alive: the next request, perhaps received already ──────────┤
 *                                                     LINGER <── close after this one ───┘
 *
 * What a handler writes is queued and leaves at the end of the loop's turn, or at once when it
 * is much: so head and first bytes, or several events of a stream, are one packet. Errors of
 * the socket are also told there, never from inside a conn_ function that a handler called.
 *
 * Input goes on while a request is answered, because a client that hangs up must be noticed:
 * pipelined bytes wait in `next`; when they are too many the rest is thrown away and the
 * connection closed after the answer, which tells the client to ask again.
 *
 * Must not know paths, dialects or upstreams.
 */
#include "broker/conn.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/mem.h"

#include "broker/auth.h"
#include "broker/broker.h"

enum {
    conn_MAGIC = 0x636f6e6e,
    RECV_LEN = 64 * 1024,
    INPUT_MAX = LIMIT_HEAD_LEN + RECV_LEN + LIMIT_PIPELINE,
    /* queued bytes that leave at once: a TCP window takes them, and copying is saved */
    SEND_NOW_LEN = 16 * 1024,
    /* memory kept by an idle connection's buffers */
    KEEP_LEN = 4 * 1024,
    /* a longer body is looked at piece by piece: bytes of a turn, about 40 µs */
    CHECK_FROM_LEN = RECV_LEN,
    /* body memory taken ahead of the bytes on the word of Content-Length */
    AHEAD_LEN = 1024 * 1024,
    PARTS_MAX = 3,
};

enum conn_state {
    CONN_HEAD,   /* idle, or reading a head */
    CONN_BODY,   /* reading the body */
    CONN_BUSY,   /* the handler answers */
    CONN_ENDED,  /* the answer is complete; the kernel has not taken all of it */
    CONN_LINGER, /* all is sent and our side closed; waits for the client's close */
};

struct conn {
    uint32_t magic;
    struct broker *b; /* borrowed */
    struct list link; /* in b->conns */
    struct loop_io io;
    struct loop_timer timer;
    struct loop_task task; /* flushes, and does what must not happen inside a handler */
    enum conn_state state;
    conn_handler *handler;
    const struct conn_fns *fns; /* borrowed; NULL unless the handler holds the conn */
    void *arg;

    struct buf in;           /* a head; the slices of *head point into it */
    struct buf body;         /* decoded */
    struct jcheck *check;    /* owned; of a long body */
    struct buf next;         /* bytes behind the request */
    size_t scan;             /* http1_parse_request's */
    bool has_begun;          /* bytes of a head have come, and its clock runs */
    struct http1_head *head; /* owned; NULL until it is whole */
    struct http1_body decoder;
    int64_t body_mono_us; /* when the body began */
    struct conn_request request;
    struct conf *conf; /* a reference; request.client points into it */

    struct buf out;
    size_t out_from;  /* bytes of it that were sent */
    bool wants_write; /* the kernel takes no more now */
    bool is_full;     /* conn_write said so, on_drain is due */
    bool is_broken;   /* the socket failed: the task tells */
    bool must_close;  /* after this answer */
    bool has_replied, is_chunked, is_bodiless;
    bool has_more; /* bytes came with the head and behind it */
    bool is_unix;
    int64_t uid;
};

static void step(struct conn *c);

/* ---- death ---- */

static void conn_free(struct conn **cp)
{
    struct conn *c = *cp;
    if (c == NULL)
        return;
    *cp = NULL;
    struct broker *b = c->b;
    loop_io_stop(b->loop, &c->io);
    loop_timer_stop(b->loop, &c->timer);
    loop_later_cancel(b->loop, &c->task);
    close(c->io.fd);
    list_del(&c->link);
    b->n_conns--;
    b->last_active_us = loop_mono_us(b->loop);
    buf_release(&c->in);
    buf_release(&c->body);
    jcheck_free(&c->check);
    buf_release(&c->next);
    buf_release(&c->out);
    mem_free(c->head);
    if (c->conf != NULL)
        broker_conf_unref(b, &c->conf);
    c->magic = 0;
    mem_free(c);
}

/* Tells the handler, if it still has to answer. */
static void conn_close(struct conn **cp)
{
    struct conn *c = *cp;
    *cp = NULL;
    if (c->state == CONN_BUSY && c->fns != NULL)
        c->fns->on_gone(c->arg);
    conn_free(&c);
}

void conn_close_all(struct broker *b)
{
    list_for_each_safe (node, &b->conns) {
        struct conn *c = container_of(node, struct conn, link);
        conn_close(&c);
    }
}

void conn_drain_all(struct broker *b)
{
    list_for_each_safe (node, &b->conns) {
        struct conn *c = container_of(node, struct conn, link);
        c->must_close = true;
        if (c->state == CONN_HEAD && c->in.len == 0)
            conn_free(&c);
    }
}

/* ---- output ---- */

size_t conn_queue_len(const struct conn *c)
{
    return c->out.len - c->out_from;
}

/* READ in every state, so that a hang-up is noticed; WRITE only while the kernel is full. */
static void watch(struct conn *c)
{
    unsigned events = LOOP_READ | LOOP_CLOSED | (c->wants_write ? LOOP_WRITE : 0U);
    if (loop_io_set(c->b->loop, &c->io, events) != ERR_OK) {
        c->is_broken = true;
        loop_later(c->b->loop, &c->task);
    }
}

/* Sends once; returns what was taken. Sets wants_write or is_broken when it was not all. */
static size_t send_parts(struct conn *c, const struct iovec *iov, size_t n, size_t len)
{
    /* the end of an answer is not seen before its record is in the spool */
    if (c->b->ledger != NULL)
        ledger_flush(c->b->ledger);
    /* sendmsg reads the parts only */
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
    ssize_t sent;
    do {
        sent = sendmsg(c->io.fd, &m, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        c->is_broken = true;
    size_t taken = sent > 0 ? (size_t)sent : 0;
    c->wants_write = taken < len && !c->is_broken;
    return taken;
}

static void queue_consume(struct conn *c, size_t len)
{
    c->out_from += len;
    if (c->out_from < c->out.len) {
        /* moving the rest to the front is paid for by what was sent since the last time; behind
         * the end nothing is added, which would need the room */
        if (c->out_from > c->out.len / 2 && c->state != CONN_ENDED) {
            buf_consume(&c->out, c->out_from);
            c->out_from = 0;
        }
        return;
    }
    c->out_from = 0;
    buf_reset(&c->out);
    if (c->out.cap > LIMIT_OUT_LOW)
        buf_release(&c->out);
}

static void flush(struct conn *c)
{
    size_t len = conn_queue_len(c);
    c->is_broken |= buf_err(&c->out) != ERR_OK; /* part of an answer is missing */
    if (len > 0 && !c->is_broken) {
        struct iovec iov = {.iov_base = c->out.data + c->out_from, .iov_len = len};
        queue_consume(c, send_parts(c, &iov, 1, len));
    }
    watch(c);
}

/* The queue and the parts in one packet, without copying the parts unless the kernel is full. */
static void send_now(struct conn *c, const struct str *parts, size_t n)
{
    struct iovec iov[PARTS_MAX + 1];
    size_t n_iov = 0, len = conn_queue_len(c), queued = len;
    if (queued > 0)
        iov[n_iov++] = (struct iovec){c->out.data + c->out_from, queued};
    for (size_t i = 0; i < n; i++) {
        /* sendmsg reads the parts only */
        iov[n_iov++] = (struct iovec){(void *)(uintptr_t)parts[i].ptr, parts[i].len};
        len += parts[i].len;
    }
    size_t sent = send_parts(c, iov, n_iov, len);
    size_t skip = sent - MIN(sent, queued);
    queue_consume(c, MIN(sent, queued));
    for (size_t i = 0; i < n; i++) {
        struct str rest = str_sub(parts[i], skip, parts[i].len);
        skip -= MIN(skip, parts[i].len);
        buf_adds(&c->out, rest);
    }
}

static void emit(struct conn *c, const struct str *parts, size_t n)
{
    assert(n <= PARTS_MAX);
    c->is_broken |= buf_err(&c->out) != ERR_OK; /* a body goes nowhere without its head */
    if (c->is_broken) {
        loop_later(c->b->loop, &c->task);
        return;
    }
    size_t len = conn_queue_len(c);
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    if (!c->wants_write && len >= SEND_NOW_LEN)
        send_now(c, parts, n);
    else
        for (size_t i = 0; i < n; i++)
            buf_adds(&c->out, parts[i]);
    c->is_broken |= buf_err(&c->out) != ERR_OK;
    loop_later(c->b->loop, &c->task);
}

/* ---- answers ---- */

void conn_hold(struct conn *c, const struct conn_fns *fns, void *arg)
{
    assert(c->state == CONN_BUSY && c->fns == NULL);
    c->fns = fns;
    c->arg = arg;
}

bool conn_has_replied(const struct conn *c)
{
    return c->has_replied;
}

static void write_head(struct conn *c, int status, struct str headers)
{
    assert(c->state == CONN_BUSY && !c->has_replied);
    c->has_replied = true;
    c->must_close |= c->b->draining;
    http1_write_status(&c->out, status);
    buf_adds(&c->out, headers);
    if (c->must_close)
        http1_write_header(&c->out, "Connection", STR("close"));
}

static void end(struct conn *c)
{
    c->state = CONN_ENDED;
    c->fns = NULL;
    loop_later(c->b->loop, &c->task);
}

void conn_reply(struct conn *c, int status, struct str headers, struct str body)
{
    write_head(c, status, headers);
    http1_number_header(&c->out, "Content-Length", (int64_t)body.len, "");
    http1_write_end(&c->out);
    emit(c, &body, c->is_bodiless ? 0 : 1);
    end(c);
}

/* Sends what the kernel takes; the rest waits where it stands: to copy it may take long. */
static void emit_taken(struct conn *c, struct buf *body)
{
    size_t queued = conn_queue_len(c), max = c->out.max;
    struct iovec iov[] = {{c->out.data + c->out_from, queued}, {body->data, body->len}};
    size_t sent = send_parts(c, iov, ARRAY_LEN(iov), queued + body->len);
    if (sent < queued) {
        queue_consume(c, sent);
        buf_adds(&c->out, buf_str(body));
        return;
    }
    buf_release(&c->out);
    c->out = *body;
    c->out.max = max;
    c->out_from = 0;
    buf_init(body, body->max);
    queue_consume(c, sent - queued);
}

void conn_reply_take(struct conn *c, int status, struct str headers, struct buf *body)
{
    if (body->len < SEND_NOW_LEN || c->wants_write || c->is_bodiless) {
        conn_reply(c, status, headers, buf_str(body));
        return;
    }
    write_head(c, status, headers);
    http1_number_header(&c->out, "Content-Length", (int64_t)body->len, "");
    http1_write_end(&c->out);
    c->is_broken |= buf_err(&c->out) != ERR_OK;
    if (!c->is_broken)
        emit_taken(c, body);
    c->is_broken |= buf_err(&c->out) != ERR_OK;
    end(c);
}

void conn_reply_start(struct conn *c, int status, struct str headers)
{
    /* HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer */
    c->is_chunked = c->head->minor > 0;
    c->must_close |= !c->is_chunked;
    write_head(c, status, headers);
    if (c->is_chunked)
        http1_write_header(&c->out, "Transfer-Encoding", STR("chunked"));
    http1_write_end(&c->out);
    emit(c, NULL, 0);
}

bool conn_write(struct conn *c, struct str bytes)
{
    assert(c->state == CONN_BUSY && c->has_replied);
    if (bytes.len == 0 || c->is_bodiless)
        return true;
    if (c->is_chunked) {
        char room[HTTP1_CHUNK_LINE_LEN];
        const struct str parts[PARTS_MAX] = {http1_chunk_line(bytes.len, room), bytes,
                                             STR("\r\n")};
        emit(c, parts, PARTS_MAX);
    } else {
        emit(c, &bytes, 1);
    }
    c->is_full |= conn_queue_len(c) > LIMIT_OUT_HIGH;
    return !c->is_full;
}

void conn_reply_end(struct conn *c)
{
    assert(c->state == CONN_BUSY && c->has_replied);
    if (c->is_chunked && !c->is_bodiless)
        http1_write_last_chunk(&c->out);
    end(c);
}

void conn_reply_abort(struct conn *c)
{
    assert(c->state == CONN_BUSY);
    c->must_close = true;
    end(c);
}

/* Our own answer to what is no request. */
static void refuse(struct conn *c, const struct err *e)
{
    struct buf body = BUF_INIT(LIMIT_HEAD_LEN), headers = BUF_INIT(LIMIT_HEAD_LEN);
    int status = api_refusal(c->b, c->request.head, e, &headers, &body);
    if (status == 401)
        http1_write_header(&headers, "WWW-Authenticate", STR("Bearer"));
    c->b->metrics.n_rejected++;
    c->state = CONN_BUSY;
    c->must_close = true;
    conn_reply(c, status, buf_str(&headers), buf_str(&body));
    buf_release(&headers);
    buf_release(&body);
}

/* ---- input ---- */

static void set_timer(struct conn *c, int64_t after_s)
{
    if (loop_timer_set(c->b->loop, &c->timer, after_s * US_PER_S) != ERR_OK)
        c->is_broken = true;
    if (c->is_broken)
        loop_later(c->b->loop, &c->task);
}

static void dispatch(struct conn *c)
{
    loop_timer_stop(c->b->loop, &c->timer);
    c->state = CONN_BUSY;
    c->is_bodiless = str_eqz(c->head->method, "HEAD");
    c->request.body = buf_str(&c->body);
    c->request.check = c->check;
    c->handler(c->b, c, &c->request);
    assert(c->state != CONN_BUSY || c->fns != NULL); /* answered, or held */
}

/*
 * A long body is JSON on every path, and is checked as it comes: at its end that would hold up
 * everybody else. One whose check found no memory is checked by whoever reads it.
 */
static void check_body(struct conn *c, bool is_all)
{
    if (c->check == NULL && c->body.len > CHECK_FROM_LEN)
        c->check = jcheck_new(true);
    if (c->check != NULL)
        jcheck_feed(c->check, buf_str(&c->body), is_all);
}

/* Decodes what came of the body; what comes behind it belongs to the next request. */
static void feed_body(struct conn *c, struct str bytes)
{
    struct err e = ERR_INIT;
    size_t used;
    bool done;
    if (http1_body_feed(&c->decoder, bytes, &c->body, &used, &done, &e) != ERR_OK) {
        refuse(c, &e);
        return;
    }
    buf_adds(&c->next, str_sub(bytes, used, bytes.len));
    check_body(c, done);
    if (done)
        dispatch(c);
}

static void begin_body(struct conn *c, size_t head_len)
{
    struct err e = ERR_INIT;
    c->must_close |= !c->head->keep_alive;
    c->request.head = c->head;
    c->conf = broker_conf_ref(c->b);
    if (!c->is_unix && auth_client(c->conf, c->head, &c->request.client, &e) != ERR_OK) {
        refuse(c, &e);
        return;
    }
    if (c->head->content_length > LIMIT_BODY_LEN) {
        err_set(&e, ERR_TOO_LARGE, "the body is longer than %d bytes", LIMIT_BODY_LEN);
        refuse(c, &e);
        return;
    }
    c->state = CONN_BODY;
    c->body_mono_us = loop_mono_us(c->b->loop);
    http1_body_init(&c->decoder, c->head, LIMIT_BODY_LEN, false);
    if (c->head->content_length > 0)
        (void)buf_room(&c->body, (size_t)MIN(c->head->content_length, AHEAD_LEN));
    set_timer(c, LIMIT_BODY_S);
    struct str rest = str_sub(buf_str(&c->in), head_len, c->in.len);
    feed_body(c, rest);
    if (c->state == CONN_BODY && c->head->expect_continue && !c->has_more) {
        const struct str go_on = STR("HTTP/1.1 100 Continue\r\n\r\n");
        emit(c, &go_on, 1);
    }
}

static void begin_head(struct conn *c)
{
    c->has_begun = true;
    c->scan = 0;
    c->request = (struct conn_request){
        .is_unix = c->is_unix,
        .uid = c->uid,
        .start_mono_us = loop_mono_us(c->b->loop),
        .start_wall_us = loop_wall_us(c->b->loop),
    };
    set_timer(c, LIMIT_HEAD_S);
}

/* Goes as far as the bytes of `in` reach. */
static void step(struct conn *c)
{
    if (!c->has_begun)
        begin_head(c);
    if (c->is_broken)
        return;
    struct http1_head
        head; /* with room for any: what is kept has no more than it needs */
    struct err e = ERR_INIT;
    size_t head_len;
    enum errc rc = http1_parse_request(buf_str(&c->in), &c->scan, &head, &head_len, &e);
    if (rc != ERR_OK) {
        if (rc != ERR_AGAIN)
            refuse(c, &e);
        return;
    }
    c->head = http1_head_copy(&head);
    if (c->head != NULL) {
        begin_body(c, head_len);
    } else {
        c->is_broken = true;
        loop_later(c->b->loop, &c->task);
    }
}

/* Back to HEAD, with the bytes that came meanwhile. */
static void next_request(struct conn *c)
{
    mem_wipe(c->in.data, c->in.len);
    buf_reset(&c->in);
    if (c->in.cap > KEEP_LEN)
        buf_release(&c->in);
    buf_reset(&c->body);
    if (c->body.cap > KEEP_LEN)
        buf_release(&c->body);
    jcheck_free(&c->check);
    mem_free(c->head);
    c->head = NULL;
    c->has_begun = false;
    if (c->conf != NULL)
        broker_conf_unref(c->b, &c->conf);
    c->has_replied = c->is_chunked = c->is_bodiless = c->is_full = false;
    c->state = CONN_HEAD;
    if (c->next.len > 0) {
        struct buf in = c->in;
        c->in = c->next;
        c->next = in;
        c->has_more = false;
        step(c);
    } else if (!c->is_unix) {
        set_timer(c, LIMIT_IDLE_S);
    } else {
        loop_timer_stop(c->b->loop, &c->timer);
    }
}

/* ---- what happens between two calls of a handler ---- */

static void all_sent(struct conn *c)
{
    if (!c->must_close) {
        next_request(c);
        return;
    }
    shutdown(c->io.fd, SHUT_WR);
    c->state = CONN_LINGER;
    set_timer(c, LIMIT_LINGER_S);
}

/* Flushes and acts on what that showed. False: the conn is gone. */
static bool settle(struct conn *c)
{
    if (!c->is_broken)
        flush(c);
    if (c->is_broken) {
        conn_close(&c);
        return false;
    }
    if (c->state == CONN_ENDED) {
        if (conn_queue_len(c) == 0)
            all_sent(c);
        else
            set_timer(c, LIMIT_STALL_S);
    } else if (c->is_full && conn_queue_len(c) < LIMIT_OUT_LOW) {
        c->is_full = false;
        if (c->fns != NULL && c->fns->on_drain != NULL)
            c->fns->on_drain(c->arg);
    }
    return true;
}

static void on_task(void *arg)
{
    settle(OBJ(conn, arg));
}

/* As far as a head goes that ends here; else all. What stands behind it needs no place in `in`. */
static size_t head_part(struct str bytes)
{
    const struct str end = STR("\r\n\r\n");
    return MIN(str_search(bytes, end) + end.len, bytes.len);
}

static void on_bytes(struct conn *c, struct str bytes)
{
    size_t len;
    switch (c->state) {
    case CONN_HEAD:
        len = head_part(bytes);
        buf_adds(&c->in, str_sub(bytes, 0, len));
        c->has_more = len < bytes.len;
        step(c);
        if (c->has_more)
            on_bytes(c, str_sub(bytes, len, bytes.len));
        return;
    case CONN_BODY:
        feed_body(c, bytes);
        return;
    case CONN_BUSY:
    case CONN_ENDED:
        if (c->next.len + bytes.len <= LIMIT_PIPELINE)
            buf_adds(&c->next, bytes);
        else
            c->must_close = true;
        return;
    case CONN_LINGER:
        return;
    }
}

static void on_io(void *arg, unsigned events)
{
    struct conn *c = OBJ(conn, arg);
    if ((events & LOOP_WRITE) != 0 && !settle(c))
        return;
    if ((events & (LOOP_READ | LOOP_CLOSED)) == 0)
        return;
    char bytes[RECV_LEN];
    ssize_t n;
    do {
        n = recv(c->io.fd, bytes, sizeof bytes, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    /* a client that closes its side only counts as gone too: it cannot be told from the other */
    bool is_gone = (events & LOOP_CLOSED) != 0 && c->state == CONN_BUSY;
    if (n <= 0 || is_gone) {
        conn_close(&c);
        return;
    }
    bool has_head = c->state != CONN_BODY;
    on_bytes(c, (struct str){bytes, (size_t)n});
    if (has_head)
        mem_wipe(bytes, MIN((size_t)n, LIMIT_HEAD_LEN)); /* a client's key */
    if (buf_err(&c->in) != ERR_OK || buf_err(&c->next) != ERR_OK) {
        c->is_broken = true;
        loop_later(c->b->loop, &c->task);
    }
}

/* A body must come at a minimum rate, once the first seconds are over. */
static bool is_slow(const struct conn *c)
{
    int64_t took_us = loop_mono_us(c->b->loop) - c->body_mono_us;
    return took_us > LIMIT_BODY_S * (int64_t)US_PER_S +
                         (int64_t)c->body.len * US_PER_S / LIMIT_BODY_RATE;
}

static void on_timer(void *arg)
{
    struct conn *c = OBJ(conn, arg);
    struct err e = ERR_INIT;
    if (c->state == CONN_BODY && !is_slow(c)) {
        set_timer(c, 1);
        return;
    }
    if (c->state == CONN_BODY || (c->state == CONN_HEAD && c->in.len > 0)) {
        err_set(&e, ERR_TIMEOUT, "the request came too slowly");
        e.sys = 408;
        refuse(c, &e);
        return;
    }
    conn_close(&c);
}

/* ---- birth ---- */

static enum errc make(struct broker *b, int fd, bool is_unix, struct conn **ret,
                      struct err *e)
{
    struct conn *c = MEM_NEW(struct conn);
    if (c == NULL) {
        close(fd);
        return err_set(e, ERR_MEMORY, "no memory for a connection");
    }
    c->magic = conn_MAGIC;
    c->b = b;
    c->io = (struct loop_io){.fd = fd, .fn = on_io, .arg = c};
    c->timer = (struct loop_timer){.fn = on_timer, .arg = c};
    c->task = (struct loop_task){.fn = on_task, .arg = c};
    c->is_unix = is_unix;
    c->in = (struct buf)BUF_SECRET(INPUT_MAX);   /* a client's key comes in both: */
    c->next = (struct buf)BUF_SECRET(INPUT_MAX); /* they change places */
    buf_init(&c->body, LIMIT_BODY_LEN);
    buf_init(&c->out, LIMIT_REPLY_LEN + LIMIT_OUT_HIGH);
    list_init(&c->link);
    list_add(&b->conns, &c->link);
    b->n_conns++;
    watch(c);
    if (c->is_broken) {
        conn_free(&c);
        return err_set(e, ERR_MEMORY, "no memory for a connection");
    }
    *ret = c;
    return ERR_OK;
}

enum errc conn_new(struct broker *b, int fd, bool is_unix, int64_t uid,
                   conn_handler *handler, struct err *e)
{
    const int one = 1;
    struct conn *c;
    enum errc rc = make(b, fd, is_unix, &c, e);
    if (rc != ERR_OK)
        return rc;
    c->handler = handler;
    c->uid = uid;
    if (!is_unix) {
        /* Nagle with delayed ACK would hold an answer's last packet back for 40 ms */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        set_timer(c, LIMIT_HEAD_S);
    }
    return ERR_OK;
}

enum errc conn_new_refused(struct broker *b, int fd, const struct err *why, struct err *e)
{
    struct conn *c;
    enum errc rc = make(b, fd, true, &c, e);
    if (rc == ERR_OK)
        refuse(c, why);
    return rc;
}
