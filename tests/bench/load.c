/*
 * load.c: a closed-loop HTTP client for benchmarks: N connections, each with one request out,
 * over TCP on loopback or a Unix socket, whole answers or event streams. Prints one JSON line.
 *
 * Counts an answer only when it is complete: status 200, the body whole and, for streams, the
 * end mark seen. Everything else is an error: a fast proxy that cuts streams must not win.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/http1.h"
#include "core/mem.h"
#include "core/money.h"
#include "core/num.h"
#include "core/opt.h"

struct options {
    int64_t port, clients, requests, pad, ramp_us, stalled;
    int64_t duration_us;
    const char *unix_path, *model, *stalled_model, *path;
    struct opt_list headers;
    bool stream, reconnect;
};

#define AT(field) offsetof(struct options, field)
static const struct option_row load_options[] = {
    {.letter = 'p',
     .name = "port",
     .type = OPT_INT,
     .offset = AT(port),
     .arg = "PORT",
     .help = "TCP port on loopback"},
    {.letter = 'u',
     .name = "unix",
     .type = OPT_STRING,
     .offset = AT(unix_path),
     .arg = "PATH",
     .help = "Unix socket instead"},
    {.letter = 'c',
     .name = "clients",
     .type = OPT_INT,
     .offset = AT(clients),
     .arg = "N",
     .help = "connections, each with one request out"},
    {.letter = 'd',
     .name = "duration",
     .type = OPT_DURATION,
     .offset = AT(duration_us),
     .arg = "DUR",
     .help = "how long to send"},
    {.letter = 'n',
     .name = "requests",
     .type = OPT_INT,
     .offset = AT(requests),
     .arg = "N",
     .help = "stop after so many"},
    {.letter = 'b',
     .name = "pad",
     .type = OPT_INT,
     .offset = AT(pad),
     .arg = "BYTES",
     .help = "pad the prompt to so many bytes"},
    {.name = "ramp",
     .type = OPT_DURATION,
     .offset = AT(ramp_us),
     .arg = "DUR",
     .help = "pause between new connections"},
    {.letter = 'm',
     .name = "model",
     .type = OPT_STRING,
     .offset = AT(model),
     .arg = "NAME",
     .help = "model to ask"},
    {.name = "path",
     .type = OPT_STRING,
     .offset = AT(path),
     .arg = "PATH",
     .help = "request target"},
    {.letter = 'H',
     .name = "header",
     .type = OPT_STRINGS,
     .offset = AT(headers),
     .arg = "LINE",
     .help = "another header"},
    {.letter = 's',
     .name = "stream",
     .type = OPT_FLAG,
     .offset = AT(stream),
     .help = "ask for a stream"},
    {.name = "stalled",
     .type = OPT_INT,
     .offset = AT(stalled),
     .arg = "N",
     .help = "so many clients read nothing until the others are done"},
    {.name = "stalled-model",
     .type = OPT_STRING,
     .offset = AT(stalled_model),
     .arg = "NAME",
     .help = "model that these ask"},
    {.letter = 'C',
     .name = "reconnect",
     .type = OPT_FLAG,
     .offset = AT(reconnect),
     .help = "a new connection for each request"},
    {.name = NULL},
};
#undef AT

enum { READ_LEN = 64 * 1024, SAMPLES = 4 * 1000 * 1000 };

/* Times in microseconds, kept to be sorted at the end. */
struct samples {
    uint32_t *us; /* owned */
    size_t n;
};

struct client {
    int fd;
    struct buf in;   /* head bytes not parsed yet */
    struct buf body; /* decoded bytes of the answer so far, its last part for streams */
    struct http1_body decoder;
    size_t scan;
    bool have_head, ok_status, saw_end;
    bool is_stalled; /* its answers wait in the kernel, the proxy and the provider */
    int64_t sent_us, first_us, last_us;
};

struct load {
    struct options o;
    int epoll;
    struct buf request, stalled_request;
    struct client *clients; /* owned */
    struct samples latency, ttft, gap;
    uint64_t n_started, n_ok, n_errors, n_events, n_bytes;
    size_t n_live;
    bool has_drained; /* stalled clients read by now */
    int64_t stop_us;
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

static void sample(struct samples *s, int64_t us)
{
    if (s->n < SAMPLES)
        s->us[s->n++] = (uint32_t)MIN(us, (int64_t)UINT32_MAX);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static uint32_t quantile(struct samples *s, unsigned permille)
{
    return s->n ? s->us[(s->n - 1) * permille / 1000] : 0;
}

static void make_request(struct load *l, struct buf *out, const char *model)
{
    static const char filler[] = "lorem ipsum dolor sit amet ";
    struct buf body = BUF_INIT(LIMIT_BODY_LEN);
    buf_printf(&body,
               "{\"model\":\"%s\",%s\"temperature\":0.2,\"messages\":[{\"role\":\"user\","
               "\"content\":\"",
               model,
               l->o.stream
                   ? "\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                   : "");
    while (body.len < (size_t)l->o.pad)
        buf_adds(&body, STR(filler));
    buf_addz(&body, "Say something about a fox.\"}]}");
    buf_init(out, LIMIT_BODY_LEN);
    http1_write_request(out, "POST", str_of(l->o.path));
    http1_write_header(out, "Host", STR("127.0.0.1"));
    http1_write_header(out, "Content-Type", STR("application/json"));
    if (l->o.headers.n == 0) /* a key of the caller's own stands there */
        http1_write_header(out, "Authorization", STR("Bearer sk-bench"));
    for (size_t i = 0; i < l->o.headers.n; i++)
        buf_printf(out, "%s\r\n", l->o.headers.items[i]);
    http1_printf_header(out, "Content-Length", "%zu", body.len);
    http1_write_end(out);
    buf_adds(out, buf_str(&body));
    buf_release(&body);
}

static int dial(const struct load *l)
{
    if (l->o.unix_path != NULL) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        snprintf(a.sun_path, sizeof a.sun_path, "%s", l->o.unix_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return connect(fd, (struct sockaddr *)&a, sizeof a) == 0 ? fd : (close(fd), -1);
    }
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)l->o.port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        return close(fd), -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static bool client_dial(struct load *l, struct client *c)
{
    c->fd = dial(l);
    struct epoll_event ev = {.events = c->is_stalled ? 0 : EPOLLIN, .data.ptr = c};
    return c->fd >= 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0;
}

static bool client_send(struct load *l, struct client *c)
{
    c->have_head = c->ok_status = c->saw_end = false;
    c->scan = 0;
    c->first_us = c->last_us = 0;
    buf_reset(&c->in);
    buf_reset(&c->body);
    c->sent_us = now_us();
    l->n_started++;
    struct str request = buf_str(c->is_stalled ? &l->stalled_request : &l->request);
    for (size_t at = 0; at < request.len;) {
        ssize_t n = send(c->fd, request.ptr + at, request.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* Counts events and looks for the end mark in the decoded bytes; keeps a short tail. */
static void watch_stream(struct load *l, struct client *c, int64_t now)
{
    struct str rest = buf_str(&c->body);
    size_t at;
    while ((at = str_search(rest, STR("\n\n"))) < rest.len) {
        struct str event = str_sub(rest, 0, at);
        l->n_events++;
        if (c->last_us != 0 && !c->is_stalled)
            sample(&l->gap, now - c->last_us);
        c->last_us = now;
        c->saw_end = str_contains(event, STR("[DONE]")) ||
                     str_contains(event, STR("message_stop"));
        rest = str_sub(rest, at + 2, rest.len);
    }
    buf_consume(&c->body, c->body.len - rest.len);
}

enum answer { ANSWER_MORE, ANSWER_DONE, ANSWER_BAD };

static enum answer client_feed(struct load *l, struct client *c, struct str bytes,
                               int64_t now)
{
    struct err e = ERR_INIT;
    bool done = false;
    size_t used;
    if (!c->have_head) {
        struct http1_head head;
        buf_adds(&c->in, bytes);
        enum errc rc = http1_parse_response(buf_str(&c->in), &c->scan, &head, &used, &e);
        if (rc != ERR_OK)
            return rc == ERR_AGAIN ? ANSWER_MORE : ANSWER_BAD;
        c->have_head = true;
        c->ok_status = head.status == 200;
        http1_body_init(&c->decoder, &head, INT64_MAX, false);
        bytes = str_sub(buf_str(&c->in), used, c->in.len);
        if (bytes.len == 0 && !http1_body_is_done(&c->decoder))
            return ANSWER_MORE;
    }
    if (http1_body_feed(&c->decoder, bytes, &c->body, &used, &done, &e) != ERR_OK)
        return ANSWER_BAD;
    if (c->first_us == 0 && c->body.len > 0)
        c->first_us = now;
    l->n_bytes += bytes.len;
    if (l->o.stream)
        watch_stream(l, c, now);
    if (!done)
        return ANSWER_MORE;
    return c->ok_status && (!l->o.stream || c->saw_end) ? ANSWER_DONE : ANSWER_BAD;
}

static void client_close(struct load *l, struct client *c)
{
    close(c->fd);
    c->fd = -1;
    l->n_live--;
}

static void client_next(struct load *l, struct client *c, enum answer a, int64_t now)
{
    if (a == ANSWER_DONE) {
        l->n_ok++;
        if (!c->is_stalled) {
            sample(&l->latency, now - c->sent_us);
            sample(&l->ttft, c->first_us - c->sent_us);
        }
    } else if (l->n_errors++ < 3) {
        fprintf(stderr, "load: bad answer: %.300s\n", c->in.data ? c->in.data : "");
    }
    if (now >= l->stop_us || l->n_started >= (uint64_t)l->o.requests ||
        l->n_errors > 1000 || c->is_stalled) {
        client_close(l, c);
        return;
    }
    if (a == ANSWER_BAD || l->o.reconnect) {
        close(c->fd);
        if (!client_dial(l, c)) {
            l->n_live--;
            l->n_errors++;
            return;
        }
    }
    if (!client_send(l, c))
        client_close(l, c);
}

static void client_readable(struct load *l, struct client *c, char *scratch)
{
    ssize_t n = recv(c->fd, scratch, READ_LEN, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    int64_t now = now_us();
    enum answer a =
        n <= 0 ? ANSWER_BAD : client_feed(l, c, (struct str){scratch, (size_t)n}, now);
    if (a != ANSWER_MORE)
        client_next(l, c, a, now);
}

static void open_clients(struct load *l, size_t *n_open, int64_t *next_us)
{
    while (*n_open < (size_t)l->o.clients && now_us() >= *next_us) {
        struct client *c = &l->clients[*n_open];
        c->is_stalled = (*n_open)++ < (size_t)l->o.stalled;
        buf_init(&c->in, LIMIT_REPLY_LEN);
        buf_init(&c->body, LIMIT_REPLY_LEN);
        if (client_dial(l, c) && client_send(l, c))
            l->n_live++;
        else
            l->n_errors++;
        *next_us += l->o.ramp_us;
    }
}

/* The others are done: whatever piled up must still come, whole. */
static void drain_stalled(struct load *l)
{
    for (size_t i = 0; i < (size_t)l->o.stalled; i++) {
        struct client *c = &l->clients[i];
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        if (c->fd >= 0)
            epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &ev);
    }
    l->has_drained = true;
}

static void load_run(struct load *l)
{
    AUTO(mem_freep) char *scratch = mem_alloc(READ_LEN, 1);
    struct epoll_event events[256];
    size_t n_open = 0;
    int64_t start = now_us(), next_us = start;
    l->stop_us = start + l->o.duration_us;
    int64_t hard_stop = l->stop_us + 60 * (int64_t)US_PER_S;
    while ((l->n_live > 0 || n_open < (size_t)l->o.clients) && now_us() < hard_stop) {
        open_clients(l, &n_open, &next_us);
        int n = epoll_wait(l->epoll, events, (int)ARRAY_LEN(events),
                           n_open < (size_t)l->o.clients ? 1 : 200);
        for (int i = 0; i < n; i++)
            client_readable(l, events[i].data.ptr, scratch);
        if (!l->has_drained && n_open == (size_t)l->o.clients &&
            l->n_live <= (size_t)l->o.stalled)
            drain_stalled(l);
    }
    int64_t took = now_us() - start;
    struct samples *all[] = {&l->latency, &l->ttft, &l->gap};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        qsort(all[i]->us, all[i]->n, sizeof all[i]->us[0], by_value);
    printf("{\"requests\":%" PRIu64 ",\"errors\":%" PRIu64
           ",\"unfinished\":%zu,\"us\":%" PRId64 ",\"rps\":%" PRIu64
           ",\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"ttft_p50_us\":%u,"
           "\"ttft_p99_us\":%u,\"gap_p50_us\":%u,\"gap_p99_us\":%u,\"events\":%" PRIu64
           ",\"events_per_s\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
           l->n_ok, l->n_errors, l->n_live, took, l->n_ok * US_PER_S / (uint64_t)took,
           quantile(&l->latency, 500), quantile(&l->latency, 900),
           quantile(&l->latency, 990), quantile(&l->ttft, 500), quantile(&l->ttft, 990),
           quantile(&l->gap, 500), quantile(&l->gap, 990), l->n_events,
           l->n_events * US_PER_S / (uint64_t)took, l->n_bytes);
}

int main(int argc, char **argv)
{
    struct load l = {.o = {.clients = 1,
                           .requests = INT64_MAX,
                           .duration_us = 5 * US_PER_S,
                           .model = "sim",
                           .stalled_model = "sim",
                           .path = "/v1/chat/completions"}};
    struct opt_args args = {.n = 0};
    struct err e = ERR_INIT;
    int used;
    const struct option_row *const tables[OPT_TABLES] = {load_options, NULL};
    void *const into[OPT_TABLES] = {&l.o, NULL};
    if (opt_parse(argc, argv, tables, into, false, &args, &used, &e) != ERR_OK) {
        fprintf(stderr, "load: %s\n", e.text);
        return 2;
    }
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.clients = mem_alloc((size_t)l.o.clients, sizeof *l.clients);
    l.latency.us = mem_alloc(SAMPLES, sizeof(uint32_t));
    l.ttft.us = mem_alloc(SAMPLES, sizeof(uint32_t));
    l.gap.us = mem_alloc(SAMPLES, sizeof(uint32_t));
    if (l.clients == NULL || l.latency.us == NULL || l.ttft.us == NULL ||
        l.gap.us == NULL) {
        fprintf(stderr, "load: out of memory\n");
        return 1;
    }
    make_request(&l, &l.request, l.o.model);
    make_request(&l, &l.stalled_request, l.o.stalled_model);
    load_run(&l);
    return l.n_errors > 0;
}
