/*
 * cut_server.c: a provider of recorded answers that breaks off where the model's name says. One
 * thread a connection. It looks at nothing of a request but its path, model and stream.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/eventstream.h"
#include "core/http1.h"
#include "core/mem.h"
#include "core/num.h"

#include "tests/e2e/cuts.h"

enum { RECORD_MAX = 1024 * 1024, READ_LEN = 16 * 1024, SPLIT_MS = 2 };

const char *const cut_dialects[CUT_DIALECTS_] = {"openai",    "anthropic", "gemini",
                                                 "responses", "cohere",    "bedrock"};
const char *const cut_framings[CUT_FRAMINGS_] = {"chunked", "length", "eof"};
const char *const cut_hows[CUT_HOWS_] = {"fin", "rst", "split"};

/* ---- records ---- */

static enum errc read_file(const char *path, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "%s", path);
    ssize_t n;
    do {
        char *at = buf_room(out, READ_LEN);
        n = at != NULL ? read(fd, at, READ_LEN) : -1;
        if (n > 0)
            buf_grown(out, (size_t)n);
    } while (n > 0);
    close(fd);
    return n == 0 ? buf_err(out) : err_set(e, ERR_IO, "cannot read %s", path);
}

static void exchange_text(struct buf *body)
{
    struct str all = buf_str(body), word = STR("Ebbe");
    for (size_t at = 0; (at += str_search(str_sub(all, at, all.len), word)) < all.len;)
        memcpy(body->data + at, "Flut", word.len);
}

static uint32_t u32_at(const char *bytes)
{
    const unsigned char *p = (const unsigned char *)bytes;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Amazon's messages begin with their length, which no text does. */
static bool is_binary(struct str body)
{
    return body.len >= 16 && body.ptr[0] == 0;
}

/* The checksum at the end of each message, after its text was exchanged. */
static void renew_checksums(struct buf *body)
{
    for (size_t at = 0; is_binary(str_sub(buf_str(body), at, body->len));) {
        size_t len = u32_at(body->data + at);
        uint32_t crc = eventstream_crc32((struct str){body->data + at, len - 4});
        for (size_t i = 0; i < 4; i++)
            body->data[at + len - 4 + i] = (char)(crc >> (24 - 8 * i) & 0xff);
        at += len;
    }
}

/* With the empty line that ends it; Gemini's lines end with CRLF. */
static size_t event_len(struct str body)
{
    if (is_binary(body))
        return u32_at(body.ptr);
    size_t lf = str_search(body, STR("\n\n")) + 2;
    size_t crlf = str_search(body, STR("\r\n\r\n")) + 4;
    return MIN(MIN(lf, crlf), body.len);
}

/* finish_reason, stop_reason and finishReason, once they have a value; Responses ends with it. */
static struct str finish_mark(enum cut_dialect d)
{
    return d == CUT_RESPONSES ? STR("event: response.completed") : STR("eason\":\"");
}

/* A chunk an event; what is no stream goes in two. */
static void write_chunks(struct cut_record *r, enum cut_dialect d, struct str body,
                         bool stream)
{
    bool is_finished = false;
    while (body.len > 0) {
        size_t len = stream ? event_len(body) : (body.len + 1) / 2;
        struct str piece = str_sub(body, 0, len);
        body = str_sub(body, len, body.len);
        http1_write_chunk(&r->bytes, piece);
        if (!is_finished && stream && str_contains(piece, finish_mark(d))) {
            is_finished = true;
            r->enough = r->bytes.len - STR("\r\n").len;
        }
    }
    http1_write_last_chunk(&r->bytes);
}

static void write_plain(struct cut_record *r, enum cut_dialect d, struct str body,
                        bool stream)
{
    size_t from = r->bytes.len, mark = str_search(body, finish_mark(d)), end = 0;
    buf_adds(&r->bytes, body);
    while (end <= mark && end < body.len)
        end += event_len(str_sub(body, end, body.len));
    if (stream)
        r->enough = from + end;
}

enum errc cut_record_load(const char *dir, enum cut_dialect dialect, bool stream,
                          bool other, enum cut_framing framing, struct cut_record *ret,
                          struct err *e)
{
    char path[4096];
    AUTO(buf_release) struct buf body = BUF_INIT(RECORD_MAX);
    snprintf(path, sizeof path, "%s/cut-%s.%s", dir, cut_dialects[dialect],
             stream ? "sse" : "json");
    enum errc rc = read_file(path, &body, e);
    if (rc != ERR_OK)
        return rc;
    if (other) {
        exchange_text(&body);
        renew_checksums(&body);
    }
    buf_init(&ret->bytes, RECORD_MAX);
    ret->enough = 0;
    http1_write_status(&ret->bytes, 200);
    const char *type = !stream                  ? "application/json"
                       : dialect == CUT_BEDROCK ? "application/vnd.amazon.eventstream"
                                                : "text/event-stream";
    http1_write_header(&ret->bytes, "content-type", str_of(type));
    if (framing == CUT_CHUNKED)
        http1_write_header(&ret->bytes, "transfer-encoding", STR("chunked"));
    else if (framing == CUT_LENGTH)
        http1_printf_header(&ret->bytes, "content-length", "%zu", body.len);
    else
        http1_write_header(&ret->bytes, "connection", STR("close"));
    http1_write_end(&ret->bytes);
    if (framing == CUT_CHUNKED)
        write_chunks(ret, dialect, buf_str(&body), stream);
    else
        write_plain(ret, dialect, buf_str(&body), stream);
    /* the last LF of a last chunk says nothing that its CR has not said */
    if (ret->enough == 0)
        ret->enough = ret->bytes.len - (framing == CUT_CHUNKED);
    return buf_err(&ret->bytes);
}

void cut_record_release(struct cut_record *r)
{
    buf_release(&r->bytes);
}

/* ---- requests ---- */

struct peer {
    const char *dir;
    int fd;
    struct buf in;
};

/* A whole request is at the start of `in`; false when the peer has gone. */
static bool receive(struct peer *p, struct http1_head *head, size_t *ret_head_len)
{
    size_t scan = 0;
    struct err e = ERR_INIT;
    for (;;) {
        enum errc rc =
            http1_parse_request(buf_str(&p->in), &scan, head, ret_head_len, &e);
        if (rc == ERR_OK &&
            p->in.len - *ret_head_len >= (size_t)MAX(head->content_length, 0))
            return true;
        char *at = buf_room(&p->in, READ_LEN);
        if ((rc != ERR_OK && rc != ERR_AGAIN) || at == NULL)
            return false;
        scan = rc == ERR_OK ? 0 : scan;
        ssize_t n = recv(p->fd, at, READ_LEN, 0);
        if (n <= 0)
            return false;
        buf_grown(&p->in, (size_t)n);
    }
}

static bool send_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        bytes = str_sub(bytes, n > 0 ? (size_t)n : 0, bytes.len);
    }
    return true;
}

/* What the model's name asks for. */
struct wish {
    bool other;
    enum cut_framing framing;
    enum cut_how how;
    uint64_t offset;
};

static unsigned find(const char *const *names, unsigned n, struct str name)
{
    unsigned i = 0;
    while (i < n - 1 && !str_eqz(name, names[i]))
        i++;
    return i;
}

/* What stands between two marks. */
static struct str between(struct str text, struct str before, char after)
{
    size_t at = str_search(text, before) + before.len;
    struct str rest = str_sub(text, at, text.len);
    return str_sub(rest, 0, str_find(rest, after));
}

static struct wish read_wish(struct str name)
{
    struct wish w = {.other = true, .offset = UINT64_MAX};
    struct str part;
    if (str_eqz(name, "other"))
        return w;
    w.other = false;
    if (str_split(&name, '.', &part))
        w.framing = (enum cut_framing)find(cut_framings, CUT_FRAMINGS_, part);
    if (str_split(&name, '.', &part))
        w.how = (enum cut_how)find(cut_hows, CUT_HOWS_, part);
    if (!str_split(&name, '.', &part) || num_u64(part, UINT64_MAX, &w.offset) != ERR_OK)
        w.offset = UINT64_MAX;
    return w;
}

/* Sends up to the cut; true when the connection may be used again. */
static bool answer(const struct peer *p, const struct wish *w, struct str bytes)
{
    size_t first = (size_t)MIN(w->offset, bytes.len);
    bool is_whole = first == bytes.len;
    if (!send_all(p->fd, str_sub(bytes, 0, first)))
        return false;
    if (!is_whole && w->how == CUT_SPLIT) {
        poll(NULL, 0, SPLIT_MS);
        is_whole = send_all(p->fd, str_sub(bytes, first, bytes.len));
    }
    const struct linger reset = {.l_onoff = 1};
    if (!is_whole && w->how == CUT_RST)
        setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return is_whole && w->framing != CUT_EOF;
}

static enum cut_dialect dialect_of(const struct http1_head *h)
{
    if (str_ends(h->path, STR("/messages")))
        return CUT_ANTHROPIC;
    if (str_ends(h->path, STR("/responses")))
        return CUT_RESPONSES;
    if (str_ends(h->path, STR("/v2/chat")))
        return CUT_COHERE;
    if (str_contains(h->path, STR("/converse")))
        return CUT_BEDROCK;
    return str_ends(h->path, STR("/completions")) ? CUT_OPENAI : CUT_GEMINI;
}

static bool serve_one(struct peer *p)
{
    struct http1_head head;
    struct cut_record record;
    struct err e = ERR_INIT;
    size_t head_len;
    if (!receive(p, &head, &head_len))
        return false;
    size_t len = head_len + (size_t)MAX(head.content_length, 0);
    struct str body = str_sub(buf_str(&p->in), head_len, len - head_len);
    enum cut_dialect d = dialect_of(&head);
    struct str name = between(body, STR("\"model\":\""), '"');
    bool stream = str_contains(body, STR("\"stream\":true"));
    if (d == CUT_GEMINI) {
        name = between(head.path, STR("/models/"), ':');
        stream = str_ends(head.path, STR(":streamGenerateContent"));
    } else if (d == CUT_BEDROCK) {
        name = between(head.path, STR("/model/"), '/');
        stream = str_ends(head.path, STR("/converse-stream"));
    }
    struct wish w = read_wish(name);
    if (cut_record_load(p->dir, d, stream, w.other, w.framing, &record, &e) != ERR_OK)
        return false;
    bool goes_on = answer(p, &w, buf_str(&record.bytes));
    cut_record_release(&record);
    buf_consume(&p->in, len);
    return goes_on;
}

static void *serve_peer(void *arg)
{
    struct peer *p = arg;
    const int one = 1;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    buf_init(&p->in, RECORD_MAX);
    while (serve_one(p))
        ;
    close(p->fd);
    buf_release(&p->in);
    mem_free(p);
    return NULL;
}

enum errc cut_serve(const char *dir, struct err *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
        listen(fd, SOMAXCONN) != 0 || getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return err_errno(e, ERR_IO, "listen");
    printf("ready %u\n", ntohs(a.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        struct peer *p = MEM_NEW(struct peer);
        if (p == NULL)
            return err_set(e, ERR_MEMORY, "no memory for a peer");
        *p = (struct peer){.dir = dir, .fd = accept(fd, NULL, NULL)};
        if (p->fd < 0 || pthread_create(&thread, NULL, serve_peer, p) != 0)
            return err_errno(e, ERR_IO, "accept");
        pthread_detach(thread);
    }
}
