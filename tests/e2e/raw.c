/*
 * raw.c: a client without manners. It sends what no library would and reads answers strictly.
 */
#include "tests/e2e/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/http1.h"
#include "core/num.h"

enum { BYTES_MAX = 128 * 1024 * 1024, READ_LEN = 64 * 1024 };

/* ---- what is sent ---- */

#define BODY(model)                                                                      \
    "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define POST "POST /v1/chat/completions HTTP/1.1\r\n@H@"

static const struct {
    const char *name, *text;
} macros[] = {
    {"@POST@", POST},
    {"@H@", "Host: llmgw\r\n@KEY@Content-Type: application/json\r\n"},
    {"@BODY@", BODY("one/vector")}, /* 66 bytes, 0x42 */
    /* must never be served where something is refused before it */
    {"@NEXT@",
     POST "Connection: close\r\nContent-Length: 68\r\n\r\n" BODY("one/smuggled")},
    {"@GET@", "GET /healthz HTTP/1.1\r\n@H@"},
    {"@LAST@", "GET /healthz HTTP/1.1\r\n@H@Connection: close\r\n\r\n"},
};

static void expand(struct str text, const char *key, struct buf *out);

/* "@1000*a@" is a thousand times "a". */
static size_t add_repeated(struct str text, struct buf *out)
{
    uint64_t n;
    AUTO(buf_release) struct buf one = BUF_INIT(BYTES_MAX);
    size_t star = str_find(text, '*');
    size_t end = star + str_find(str_sub(text, star, text.len), '@');
    if (end >= text.len || num_u64(str_sub(text, 1, star - 1), BYTES_MAX, &n) != ERR_OK)
        return 0;
    expand(str_sub(text, star + 1, end - star - 1), NULL, &one);
    while (n-- > 0)
        buf_adds(out, buf_str(&one));
    return end + 1;
}

/* "@CHUNKED@" makes a body of all that follows it. */
static size_t add_chunk(struct str text, const char *key, size_t name_len,
                        struct buf *out)
{
    AUTO(buf_release) struct buf body = BUF_INIT(BYTES_MAX);
    expand(str_sub(text, name_len, text.len), key, &body);
    http1_write_chunk(out, buf_str(&body));
    http1_write_last_chunk(out);
    return text.len;
}

/* The bytes of `text` that were one; 0: it is no macro. */
static size_t add_macro(struct str text, const char *key, struct buf *out)
{
    const struct str key_name = STR("@KEY@"), chunk_name = STR("@CHUNKED@");
    for (size_t i = 0; i < ARRAY_LEN(macros); i++)
        if (str_starts(text, str_of(macros[i].name))) {
            expand(str_of(macros[i].text), key, out);
            return strlen(macros[i].name);
        }
    if (str_starts(text, chunk_name))
        return add_chunk(text, key, chunk_name.len, out);
    if (!str_starts(text, key_name))
        return add_repeated(text, out);
    if (key != NULL)
        buf_printf(out, "Authorization: Bearer %s\r\n", key);
    return key_name.len;
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);
    return at != NULL ? (int)(at - digits) : 0;
}

static size_t add_escape(struct str text, struct buf *out)
{
    static const char names[] = "rnt\\0", bytes[] = "\r\n\t\\\0";
    const char *at = text.len > 1 ? strchr(names, text.ptr[1]) : NULL;
    if (at != NULL) {
        buf_addc(out, bytes[at - names]);
        return 2;
    }
    if (text.len < 4 || text.ptr[1] != 'x')
        return 0;
    buf_addc(out, (char)(hex(text.ptr[2]) << 4 | hex(text.ptr[3])));
    return 4;
}

static void expand(struct str text, const char *key, struct buf *out)
{
    while (text.len > 0) {
        size_t used = text.ptr[0] == '@'    ? add_macro(text, key, out)
                      : text.ptr[0] == '\\' ? add_escape(text, out)
                                            : 0;
        if (used == 0)
            buf_addc(out, text.ptr[0]);
        text = str_sub(text, MAX(used, 1), text.len);
    }
}

/* ---- the connection ---- */

struct raw {
    const struct raw_options *o;
    int fd;
    int64_t deadline_us;
    struct buf out, in;
    size_t sent;
    const char *end;
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

static enum errc dial(struct raw *r, struct err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET};
    const char *path = r->o->socket;
    if (path != NULL && strlen(path) >= sizeof un.sun_path)
        return err_set(e, ERR_USAGE, "the socket's path is too long");
    if (path != NULL)
        memcpy(un.sun_path, path, strlen(path));
    in.sin_port = htons((uint16_t)r->o->port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    r->fd = socket(path != NULL ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = path != NULL ? connect(r->fd, (struct sockaddr *)&un, sizeof un)
                          : connect(r->fd, (struct sockaddr *)&in, sizeof in);
    return rc == 0 ? ERR_OK : err_errno(e, ERR_BROKER, "connect");
}

/* All was sent, or cannot be: what the options say comes next. */
static void end_sending(struct raw *r)
{
    r->sent = r->out.len;
    if (r->o->half)
        shutdown(r->fd, SHUT_WR);
    if (r->o->leave)
        r->end = "left";
}

static void send_more(struct raw *r)
{
    size_t len = r->o->drip_us > 0 ? 1 : r->out.len - r->sent;
    ssize_t n = send(r->fd, r->out.data + r->sent, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        r->sent += (size_t)n;
    bool failed = n < 0 && errno != EINTR && errno != EAGAIN;
    if (failed || r->sent == r->out.len)
        end_sending(r);
    else if (r->o->drip_us > 0)
        poll(NULL, 0, (int)(r->o->drip_us / US_PER_MS));
}

static void receive(struct raw *r)
{
    char *at = buf_room(&r->in, READ_LEN);
    ssize_t n = at != NULL ? recv(r->fd, at, READ_LEN, MSG_DONTWAIT) : 0;
    if (n > 0)
        buf_grown(&r->in, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        r->end = n == 0 ? "closed" : "reset";
}

static void converse(struct raw *r)
{
    while (r->end == NULL) {
        int64_t left_us = r->deadline_us - now_us();
        struct pollfd p = {.fd = r->fd, .events = POLLIN};
        if (r->sent < r->out.len)
            p.events |= POLLOUT;
        if (left_us <= 0 || poll(&p, 1, (int)(left_us / US_PER_MS) + 1) == 0) {
            r->end = "open";
            return;
        }
        if (p.revents & (POLLIN | POLLHUP | POLLERR))
            receive(r);
        if (r->end == NULL && (p.revents & POLLOUT) && r->sent < r->out.len)
            send_more(r);
    }
}

/* ---- what came ---- */

static void print_body(struct str body)
{
    printf("body=");
    for (size_t i = 0; i < body.len; i++)
        putchar(body.ptr[i] == '\n' ? ' ' : body.ptr[i]);
    putchar('\n');
}

/* One answer off the front of *rest; false when there is none that is whole. */
static bool next_answer(struct str *rest, struct buf *body)
{
    struct http1_head head;
    struct http1_body decoder;
    struct err e = ERR_INIT;
    size_t scan = 0, len, used = 0;
    bool done = false;
    if (http1_parse_response(*rest, &scan, &head, &len, &e) != ERR_OK)
        return false;
    buf_reset(body);
    http1_body_init(&decoder, &head, BYTES_MAX, head.status < 200);
    if (http1_body_feed(&decoder, str_sub(*rest, len, rest->len), body, &used, &done,
                        &e) != ERR_OK)
        return false;
    printf("%d ", head.status);
    *rest = str_sub(*rest, len + used, rest->len);
    return true;
}

static void print(const struct raw *r)
{
    AUTO(buf_release) struct buf body = BUF_INIT(BYTES_MAX);
    struct str rest = buf_str(&r->in);
    printf("answers=");
    while (rest.len > 0 && next_answer(&rest, &body))
        ;
    printf("%s\nend=%s\n", rest.len > 0 ? "junk" : "", r->end);
    print_body(buf_str(&body));
}

enum errc raw_run(const struct raw_options *o, const char *text, struct err *e)
{
    struct raw r = {.o = o, .fd = -1, .deadline_us = now_us() + o->timeout_us};
    buf_init(&r.out, BYTES_MAX);
    buf_init(&r.in, BYTES_MAX);
    expand(str_of(text), o->key, &r.out);
    enum errc rc = buf_err(&r.out) == ERR_OK ? dial(&r, e) : buf_err(&r.out);
    const struct linger reset = {.l_onoff = 1};
    if (o->reset && r.fd >= 0) /* at once: it may be killed */
        setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (rc == ERR_OK) {
        converse(&r);
        print(&r);
    }
    if (r.fd >= 0)
        close(r.fd);
    buf_release(&r.out);
    buf_release(&r.in);
    return rc;
}
