/*
 * client.c: one question over a Unix socket or loopback, byte by byte as it comes. It owns the
 * connection and the request; what the answer means is seen.c's.
 */
#include "tests/e2e/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/jsonx.h"
#include "core/mem.h"

enum { ANSWER_MAX = 256 * 1024 * 1024, READ_LEN = 64 * 1024 };

struct client {
    const struct client_options *o;
    int fd;
    int64_t began_us, ttft_us, deadline_us;
    struct buf in;   /* until the head is whole, which borrows from it */
    struct buf body; /* decoded, not yet read as events */
    size_t scan, head_len;
    struct http1_head head;
    struct http1_body framing;
    bool has_head, is_stream, done, left;
    struct seen seen;
    const char *end; /* how the connection ended */
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

static enum errc dial(struct client *c, struct err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET};
    const char *path = c->o->socket;
    if (path != NULL && strlen(path) >= sizeof un.sun_path)
        return err_set(e, ERR_USAGE, "the socket's path is too long");
    c->fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return err_errno(e, ERR_IO, "socket");
    if (path != NULL)
        memcpy(un.sun_path, path, strlen(path));
    in.sin_port = htons((uint16_t)c->o->port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int rc = path ? connect(c->fd, (struct sockaddr *)&un, sizeof un)
                  : connect(c->fd, (struct sockaddr *)&in, sizeof in);
    return rc == 0 ? ERR_OK : err_errno(e, ERR_BROKER, "connect");
}

/* ---- the request ---- */

static void write_tool(struct jw *w, enum client_dialect dialect)
{
    static const char schema[] =
        "{\"type\":\"object\",\"properties\":{\"port\":{\"type\":\"string\"},\"hour\":"
        "{\"type\":\"integer\"}},\"required\":[\"port\",\"hour\"]}";
    jw_key(w, "tools");
    jw_array(w);
    jw_object(w);
    if (dialect != CLIENT_ANTHROPIC)
        jw_kstrz(w, "type", "function");
    if (dialect == CLIENT_OPENAI) {
        jw_key(w, "function");
        jw_object(w);
    }
    jw_kstrz(w, "name", "tide_at");
    jw_kstrz(w, "description", "Height in cm");
    jw_key(w, dialect == CLIENT_ANTHROPIC ? "input_schema" : "parameters");
    jw_raw(w, STR(schema));
    if (dialect == CLIENT_OPENAI)
        jw_object_end(w);
    jw_object_end(w);
    jw_array_end(w);
}

static void write_message(struct jw *w, const char *role, struct str text)
{
    jw_object(w);
    jw_kstrz(w, "role", role);
    jw_kstr(w, "content", text);
    jw_object_end(w);
}

static void write_body(const struct client_options *o, struct str prompt,
                       enum client_dialect dialect, struct buf *out)
{
    bool anthropic = dialect == CLIENT_ANTHROPIC, responses = dialect == CLIENT_RESPONSES;
    struct jw w;
    if (o->body != NULL) {
        buf_addz(out, o->body);
        return;
    }
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "model", o->model);
    if (anthropic || o->max_tok > 0)
        jw_ki64(&w, responses ? "max_output_tokens" : "max_tokens",
                o->max_tok > 0 ? o->max_tok : 1024);
    if (dialect != CLIENT_OPENAI && o->system != NULL)
        jw_kstrz(&w, anthropic ? "system" : "instructions", o->system);
    jw_key(&w, responses || dialect == CLIENT_EMBEDDINGS ? "input" : "messages");
    jw_array(&w);
    if (dialect == CLIENT_OPENAI && o->system != NULL)
        write_message(&w, "system", str_of(o->system));
    if (dialect == CLIENT_EMBEDDINGS) {
        jw_str(&w, prompt);
        jw_str(&w, STR("another"));
    } else {
        write_message(&w, "user", prompt);
    }
    jw_array_end(&w);
    if (o->tools)
        write_tool(&w, dialect);
    if (o->stream)
        jw_kbool(&w, "stream", true);
    if (o->stream && o->usage && dialect == CLIENT_OPENAI) {
        jw_key(&w, "stream_options");
        jw_raw(&w, STR("{\"include_usage\":true}"));
    }
    jw_object_end(&w);
    if (o->extra != NULL) { /* members more, as raw text */
        buf_truncate(out, out->len - 1);
        buf_printf(out, ",%s}", o->extra);
    }
}

static void write_request(const struct client_options *o, struct str prompt,
                          enum client_dialect dialect, struct buf *out)
{
    static const char *const paths[] = {[CLIENT_OPENAI] = "/v1/chat/completions",
                                        [CLIENT_ANTHROPIC] = "/v1/messages",
                                        [CLIENT_RESPONSES] = "/v1/responses",
                                        [CLIENT_EMBEDDINGS] = "/v1/embeddings"};
    AUTO(buf_release) struct buf body = BUF_INIT(ANSWER_MAX);
    write_body(o, prompt, dialect, &body);
    http1_write_request(out, "POST", str_of(o->path ? o->path : paths[dialect]));
    http1_write_header(out, "host", STR("localhost"));
    http1_write_header(out, "content-type", STR("application/json"));
    if (dialect == CLIENT_ANTHROPIC) {
        http1_write_header(out, "anthropic-version", STR("2023-06-01"));
        http1_write_header(out, "x-api-key", str_of(o->key));
    } else {
        http1_printf_header(out, "authorization", "Bearer %s", o->key);
    }
    for (size_t i = 0; i < o->headers.n; i++)
        buf_printf(out, "%s\r\n", o->headers.items[i]);
    http1_printf_header(out, "content-length", "%zu", body.len);
    if (!o->keep_alive)
        http1_write_header(out, "connection", STR("close"));
    http1_write_end(out);
    buf_adds(out, buf_str(&body));
}

static enum errc send_all(struct client *c, const struct buf *out, struct err *e)
{
    for (size_t at = 0; at < out->len;) {
        ssize_t n = send(c->fd, out->data + at, out->len - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return err_errno(e, ERR_NETWORK, "send");
        at += n > 0 ? (size_t)n : 0;
    }
    return ERR_OK;
}

/* ---- the answer ---- */

/* One block of lines without the empty one behind it. */
static void read_block(struct client *c, struct str block)
{
    AUTO(buf_release) struct buf data = BUF_INIT(ANSWER_MAX);
    struct str line, name = STR_NONE;
    bool has_data = false;
    while (str_split(&block, '\n', &line)) {
        if (str_starts(line, STR("data: "))) {
            buf_addz(&data, has_data ? "\n" : "");
            buf_adds(&data, str_sub(line, 6, line.len));
            has_data = true;
        } else if (str_starts(line, STR("event: "))) {
            name = str_sub(line, 7, line.len);
        } else if (str_starts(line, STR(":"))) {
            seen_comment(&c->seen, str_sub(line, 1, line.len));
        } else if (line.len > 0) {
            seen_problem(&c->seen, "odd-line");
        }
    }
    if (has_data)
        seen_event(&c->seen, name, buf_str(&data));
}

static void read_events(struct client *c)
{
    for (;;) {
        struct str all = buf_str(&c->body);
        size_t end = str_search(all, STR("\n\n"));
        if (end == all.len)
            return;
        read_block(c, str_sub(all, 0, end));
        buf_consume(&c->body, end + 2);
        if (c->seen.n_pieces > 0 && c->ttft_us < 0)
            c->ttft_us = now_us() - c->began_us;
        if (c->o->leave_after > 0 && c->seen.n_pieces >= c->o->leave_after) {
            c->left = true;
            return;
        }
    }
}

static void note_header(struct client *c, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%.*s", STR_ARG(http1_header(&c->head, name)));
}

static enum errc read_head(struct client *c, struct str *rest, struct err *e)
{
    buf_adds(&c->in, *rest);
    *rest = STR_NONE;
    enum errc rc =
        http1_parse_response(buf_str(&c->in), &c->scan, &c->head, &c->head_len, e);
    if (rc != ERR_OK)
        return rc == ERR_AGAIN ? ERR_OK : rc;
    if (c->head.status < 200) { /* 100 Continue */
        buf_consume(&c->in, c->head_len);
        c->scan = 0;
        return read_head(c, rest, e);
    }
    c->has_head = true;
    c->seen.status = c->head.status;
    c->is_stream =
        str_starts(http1_header(&c->head, "content-type"), STR("text/event-stream"));
    note_header(c, "x-llmgw-request-id", c->seen.request_id, sizeof c->seen.request_id);
    note_header(c, "x-llmgw-cost-usd", c->seen.cost_usd, sizeof c->seen.cost_usd);
    http1_body_init(&c->framing, &c->head, ANSWER_MAX, false);
    *rest = str_sub(buf_str(&c->in), c->head_len, c->in.len);
    return ERR_OK;
}

static enum errc feed(struct client *c, struct str bytes, struct err *e)
{
    enum errc rc = ERR_OK;
    size_t used;
    if (!c->has_head)
        rc = read_head(c, &bytes, e);
    if (rc == ERR_OK && c->has_head)
        rc = http1_body_feed(&c->framing, bytes, &c->body, &used, &c->done, e);
    if (c->is_stream)
        read_events(c);
    return rc;
}

/* Reads to the end of the answer, the deadline, or until it wants to leave. */
static void receive(struct client *c)
{
    struct err e = ERR_INIT;
    AUTO(mem_freep) char *bytes = mem_alloc(1, READ_LEN);
    size_t portion = c->o->pause_us > 0 ? 512 : READ_LEN;
    while (bytes != NULL && !c->done && !c->left) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int64_t left_us = c->deadline_us - now_us();
        if (c->o->pause_us > 0)
            poll(NULL, 0, (int)(c->o->pause_us / US_PER_MS));
        if (left_us <= 0 || poll(&p, 1, (int)(left_us / US_PER_MS) + 1) == 0) {
            c->end = "timeout";
            return;
        }
        ssize_t n = recv(c->fd, bytes, portion, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            bool whole = n == 0 && c->has_head && http1_body_is_done(&c->framing);
            c->end = whole ? "close" : n == 0 ? "eof" : "reset";
            return;
        }
        if (feed(c, (struct str){bytes, (size_t)n}, &e) != ERR_OK) {
            seen_problem(&c->seen, "http");
            c->end = "bad-http";
            return;
        }
    }
    c->end = c->left ? "left" : "keep";
}

static void print(const struct client *c, const char *outcome)
{
    AUTO(buf_release) struct buf out = BUF_INIT(ANSWER_MAX);
    buf_printf(&out, "outcome=%s\nend=%s\nstatus=%d\n", outcome, c->end, c->seen.status);
    buf_printf(&out, "stream=%s\n", c->is_stream ? "yes" : "no");
    buf_printf(&out, "took_ms=%" PRId64 "\n", (now_us() - c->began_us) / US_PER_MS);
    if (c->ttft_us >= 0)
        buf_printf(&out, "ttft_ms=%" PRId64 "\n", c->ttft_us / US_PER_MS);
    seen_print(&c->seen, &out);
    for (size_t i = 0; c->has_head && i < c->head.n_headers; i++)
        buf_printf(&out, "h.%.*s=%.*s\n", STR_ARG(c->head.headers[i].name),
                   STR_ARG(c->head.headers[i].value));
    fwrite(out.data, 1, out.len, c->o->to);
}

static const char *judge(struct client *c)
{
    if (strcmp(c->end, "timeout") == 0 || strcmp(c->end, "left") == 0)
        return c->end;
    if (!c->has_head)
        return "no-answer";
    if (strcmp(c->end, "keep") != 0 && strcmp(c->end, "close") != 0)
        seen_problem(&c->seen, "cut-http");
    if (c->is_stream && c->body.len > 0)
        seen_problem(&c->seen, "partial-event");
    if (!c->is_stream)
        seen_body(&c->seen, buf_str(&c->body));
    if (c->o->stream && c->seen.status == 200 && !c->is_stream)
        seen_problem(&c->seen, "not-a-stream");
    return seen_verdict(&c->seen, c->o->stream);
}

static enum errc exchange(struct client *c, struct str prompt, struct err *e)
{
    AUTO(buf_release) struct buf out = BUF_INIT(ANSWER_MAX);
    write_request(c->o, prompt, c->seen.dialect, &out);
    enum errc rc = dial(c, e);
    if (rc == ERR_OK)
        rc = send_all(c, &out, e);
    if (rc == ERR_OK)
        receive(c);
    return rc;
}

static enum client_dialect dialect_of(const char *name)
{
    static const char *const names[] = {[CLIENT_OPENAI] = "openai",
                                        [CLIENT_ANTHROPIC] = "anthropic",
                                        [CLIENT_RESPONSES] = "responses",
                                        [CLIENT_EMBEDDINGS] = "embeddings"};
    for (size_t i = 0; name != NULL && i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum client_dialect)i;
    return CLIENT_OPENAI;
}

static void client_init(struct client *c, const struct client_options *o)
{
    *c =
        (struct client){.o = o, .fd = -1, .began_us = now_us(), .ttft_us = -1, .end = ""};
    c->deadline_us = c->began_us + o->timeout_us;
    buf_init(&c->in, ANSWER_MAX);
    buf_init(&c->body, ANSWER_MAX);
    seen_init(&c->seen, dialect_of(o->dialect));
}

static void client_release(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    seen_release(&c->seen);
    buf_release(&c->in);
    buf_release(&c->body);
}

enum errc client_run(const struct client_options *o, struct str prompt, struct err *e)
{
    AUTO(client_release) struct client c;
    client_init(&c, o);
    enum errc rc = exchange(&c, prompt, e);
    if (rc == ERR_OK)
        print(&c, judge(&c));
    return rc;
}

enum errc client_look(const struct client_options *o, struct str prompt, client_fn *fn,
                      void *arg, struct err *e)
{
    AUTO(client_release) struct client c;
    client_init(&c, o);
    enum errc rc = exchange(&c, prompt, e);
    if (rc == ERR_OK)
        fn(arg, &c.seen, judge(&c));
    return rc;
}
