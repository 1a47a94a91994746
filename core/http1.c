/*
 * http1.c: HTTP/1.1 messages. Owns framing: where a head and a body end is decided here and
 * nowhere else, in one way or not at all. Does no I/O and keeps no connection.
 */
#include "core/http1.h"

#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "core/num.h"

/* --- sets of bytes, a bit each --- */

struct set {
    uint64_t bits[4];
};

/* tchar: letters, digits, !#$%&'*+-.^_`|~. Source: RFC 9110 section 5.6.2. */
static const struct set token_bytes = {
    {0x03ff6cfa00000000, 0x57ffffffc7fffffe, 0x0000000000000000, 0x0000000000000000}};
/* field-vchar, space, tab. Source: RFC 9110 section 5.5. */
static const struct set value_bytes = {
    {0xffffffff00000200, 0x7fffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff}};
/* unreserved, reserved but "#", "%". Source: RFC 3986 section 2. */
static const struct set target_bytes = {
    {0xaffffff200000000, 0x47fffffeafffffff, 0x0000000000000000, 0x0000000000000000}};
/* Letters, digits, -._~:[]%: of what RFC 3986 allows, what names and addresses need. */
static const struct set host_bytes = {
    {0x07ff602000000000, 0x47fffffeaffffffe, 0x0000000000000000, 0x0000000000000000}};

static bool has(const struct set *set, char c)
{
    unsigned char u = (unsigned char)c;
    return (set->bits[u >> 6] >> (u & 63)) & 1;
}

static bool all_in(const struct set *set, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!has(set, s.ptr[i]))
            return false;
    return true;
}

static bool is_token(struct str s)
{
    return s.len > 0 && all_in(&token_bytes, s);
}

static enum errc refuse(struct err *e, int status, const char *what)
{
    enum errc code = status == 400                    ? ERR_SYNTAX
                     : status == 413 || status == 431 ? ERR_TOO_LARGE
                                                      : ERR_INVALID;
    err_set(e, code, "HTTP: %s", what);
    e->sys = status;
    return code;
}

/* --- heads --- */

/* Looks for the empty line, at *scan and after; each LF on the way must follow a CR. */
static enum errc find_end(struct str bytes, size_t *scan, size_t *ret, struct err *e)
{
    struct str window = str_sub(bytes, 0, LIMIT_HEAD_LEN);
    for (;;) {
        size_t at = *scan + str_find(str_sub(window, *scan, window.len), '\n');
        if (at == window.len) {
            *scan = at;
            return at < LIMIT_HEAD_LEN ? ERR_AGAIN : refuse(e, 431, "head too long");
        }
        if (at == 0 || window.ptr[at - 1] != '\r')
            return refuse(e, 400, "line without CR");
        if (at == 1)
            return refuse(e, 400, "blank line before the message");
        *scan = at + 1;
        if (window.ptr[at - 2] == '\n')
            break;
    }
    *ret = *scan;
    *scan = 0;
    return ERR_OK;
}

/* Takes the next line off *rest, which ends with CRLF. */
static bool next_line(struct str *rest, struct str *ret)
{
    if (rest->len == 0)
        return false;
    size_t at = str_find(*rest, '\n');
    *ret = str_sub(*rest, 0, at - 1);
    *rest = str_sub(*rest, at + 1, rest->len);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum errc parse_version(struct str s, struct http1_head *h, struct err *e)
{
    if (s.len != 8 || !str_starts(s, STR("HTTP/")) || !is_digit(s.ptr[5]) ||
        s.ptr[6] != '.' || !is_digit(s.ptr[7]))
        return refuse(e, 400, "no HTTP version in the first line");
    if (s.ptr[5] != '1' || s.ptr[7] > '1')
        return refuse(e, 505, "version is not 1.0 or 1.1");
    h->minor = s.ptr[7] - '0';
    return ERR_OK;
}

/* "HOST:PORT" of an absolute target, and what follows it; false for another form. */
static bool split_absolute(struct str target, struct str *ret_host, struct str *ret_rest)
{
    size_t skip = str_starts(target, STR("http://"))    ? 7
                  : str_starts(target, STR("https://")) ? 8
                                                        : 0;
    if (skip == 0)
        return false;
    struct str rest = str_sub(target, skip, target.len);
    size_t len = MIN(str_find(rest, '/'), str_find(rest, '?'));
    *ret_host = str_sub(rest, 0, len);
    *ret_rest = str_sub(rest, len, rest.len);
    return true;
}

/* Source: RFC 9112 section 3.2; authority-form is for CONNECT, which nobody here speaks. */
static enum errc parse_target(struct http1_head *h, struct err *e)
{
    struct str t = h->target, host;
    if (!all_in(&target_bytes, t))
        return refuse(e, 400, "bad byte in the target");
    if (split_absolute(t, &host, &t)) {
        if (host.len == 0)
            return refuse(e, 400, "target without a host");
    } else if (!str_starts(t, STR("/")) &&
               !(str_eqz(t, "*") && str_eqz(h->method, "OPTIONS")))
        return refuse(e, 400, "target is no path");
    size_t mark = str_find(t, '?');
    h->path = mark == 0 ? STR("/") : str_sub(t, 0, mark);
    h->query = str_sub(t, mark + 1, t.len);
    return ERR_OK;
}

static enum errc parse_request_line(struct str line, struct http1_head *h, struct err *e)
{
    size_t at = str_find(line, ' ');
    h->method = str_sub(line, 0, at);
    struct str rest = str_sub(line, at + 1, line.len);
    if (!is_token(h->method))
        return refuse(e, 400, "bad method");
    at = str_find(rest, ' ');
    h->target = str_sub(rest, 0, at);
    enum errc rc = parse_version(str_sub(rest, at + 1, rest.len), h, e);
    return rc == ERR_OK ? parse_target(h, e) : rc;
}

static enum errc parse_status_line(struct str line, struct http1_head *h, struct err *e)
{
    uint64_t status;
    enum errc rc = parse_version(str_sub(line, 0, 8), h, e);
    if (rc != ERR_OK)
        return rc;
    h->reason = str_sub(line, 13, line.len);
    if (line.len < 13 || line.ptr[8] != ' ' || line.ptr[12] != ' ' ||
        num_u64(str_sub(line, 9, 3), 599, &status) != ERR_OK || status < 100)
        return refuse(e, 400, "bad status line");
    if (!all_in(&value_bytes, h->reason))
        return refuse(e, 400, "bad byte in the reason");
    h->status = (int)status;
    return ERR_OK;
}

/* What the header lines say about framing, before it is judged as a whole. */
struct framing {
    unsigned n_lengths, n_codings, n_hosts;
    bool close, keep;
};

typedef enum errc field_fn(struct http1_head *h, struct framing *f, struct str value,
                           struct err *e);

static enum errc on_content_length(struct http1_head *h, struct framing *f,
                                   struct str value, struct err *e)
{
    uint64_t n;
    if (f->n_lengths++ > 0)
        return refuse(e, 400, "two content-length headers");
    bool is_octal = value.len > 1 && value.ptr[0] == '0'; /* to some who read it */
    if (is_octal || num_u64(value, INT64_MAX, &n) != ERR_OK)
        return refuse(e, 400, "bad content-length");
    h->content_length = (int64_t)n;
    return ERR_OK;
}

static enum errc on_transfer_encoding(struct http1_head *h, struct framing *f,
                                      struct str value, struct err *e)
{
    if (f->n_codings++ > 0)
        return refuse(e, 400, "two transfer-encoding headers");
    if (!str_ieqz(value, "chunked"))
        return refuse(e, 501, "transfer-encoding is not chunked");
    h->chunked = true;
    return ERR_OK;
}

static enum errc on_host(struct http1_head *h, struct framing *f, struct str value,
                         struct err *e)
{
    (void)h;
    if (f->n_hosts++ > 0)
        return refuse(e, 400, "two host headers");
    return all_in(&host_bytes, value) ? ERR_OK : refuse(e, 400, "bad host");
}

static enum errc on_connection(struct http1_head *h, struct framing *f, struct str value,
                               struct err *e)
{
    struct str option;
    (void)h;
    (void)e;
    while (str_split(&value, ',', &option)) {
        f->close |= str_ieqz(str_trim(option), "close");
        f->keep |= str_ieqz(str_trim(option), "keep-alive");
    }
    return ERR_OK;
}

static enum errc on_expect(struct http1_head *h, struct framing *f, struct str value,
                           struct err *e)
{
    (void)f;
    if (h->is_response || h->minor == 0) /* to be ignored: RFC 9110 section 10.1.1 */
        return ERR_OK;
    h->expect_continue = str_ieqz(value, "100-continue");
    return h->expect_continue ? ERR_OK : refuse(e, 417, "unknown expectation");
}

static const struct {
    const char *name;
    field_fn *fn;
} framing_fields[] = {
    {"content-length", on_content_length},
    {"transfer-encoding", on_transfer_encoding},
    {"host", on_host},
    {"connection", on_connection},
    {"expect", on_expect},
};

static enum errc parse_field(struct str line, struct http1_head *h, struct framing *f,
                             struct err *e)
{
    size_t colon = str_find(line, ':');
    struct http1_header field = {str_sub(line, 0, colon),
                                 str_trim(str_sub(line, colon + 1, line.len))};
    /* a folded line, a blank before the colon and a line without one all end here */
    if (colon == line.len || !is_token(field.name))
        return refuse(e, 400, "bad header name");
    if (!all_in(&value_bytes, str_sub(line, colon + 1, line.len)))
        return refuse(e, 400, "bad byte in a header");
    if (h->n_headers == LIMIT_HEADERS)
        return refuse(e, 431, "too many headers");
    h->headers[h->n_headers++] = field;
    for (size_t i = 0; i < ARRAY_LEN(framing_fields); i++)
        if (str_ieqz(field.name, framing_fields[i].name))
            return framing_fields[i].fn(h, f, field.value, e);
    return ERR_OK;
}

/* Two names for one host are one too many: who stands before us may have read the other. */
static bool hosts_differ(const struct http1_head *h)
{
    struct str host, rest;
    return split_absolute(h->target, &host, &rest) &&
           !str_ieq(host, http1_header(h, "host"));
}

/* Source: RFC 9112 sections 3.2 (host), 6.1 (coding and length), 9.3 (persistence). */
static enum errc judge_framing(struct http1_head *h, const struct framing *f,
                               struct err *e)
{
    if (f->n_codings > 0 && f->n_lengths > 0)
        return refuse(e, 400, "both content-length and transfer-encoding");
    if (f->n_codings > 0 && h->minor == 0)
        return refuse(e, 400, "transfer-encoding in HTTP/1.0");
    if (!h->is_response && h->minor == 1 && f->n_hosts == 0)
        return refuse(e, 400, "no host header");
    if (!h->is_response && f->n_hosts > 0 && hosts_differ(h))
        return refuse(e, 400, "target and host header differ");
    h->keep_alive = !f->close && (h->minor == 1 || f->keep);
    return ERR_OK;
}

typedef enum errc start_fn(struct str line, struct http1_head *h, struct err *e);

static enum errc parse_head(struct str bytes, start_fn *start, bool is_response,
                            size_t *scan, struct http1_head *h, size_t *ret_used,
                            struct err *e)
{
    size_t len;
    /* TLS and other protocols: no line of theirs need ever end */
    if (bytes.len > 0 && !has(&token_bytes, bytes.ptr[0]))
        return refuse(e, 400, "this is no HTTP message");
    enum errc rc = find_end(bytes, scan, &len, e);
    if (rc != ERR_OK)
        return rc;
    struct str rest = str_sub(bytes, 0, len - 2), line;
    struct framing framing = {0};
    /* not a compound literal: zeroing the array of headers would cost more than parsing */
    memset(h, 0, offsetof(struct http1_head, headers));
    h->is_response = is_response;
    h->n_headers = 0;
    h->chunked = h->expect_continue = false;
    h->content_length = -1;
    next_line(&rest, &line);
    rc = start(line, h, e);
    while (rc == ERR_OK && next_line(&rest, &line))
        rc = parse_field(line, h, &framing, e);
    if (rc == ERR_OK)
        rc = judge_framing(h, &framing, e);
    if (rc == ERR_OK)
        *ret_used = len;
    return rc;
}

enum errc http1_parse_request(struct str bytes, size_t *scan, struct http1_head *ret,
                              size_t *ret_used, struct err *e)
{
    return parse_head(bytes, parse_request_line, false, scan, ret, ret_used, e);
}

enum errc http1_parse_response(struct str bytes, size_t *scan, struct http1_head *ret,
                               size_t *ret_used, struct err *e)
{
    return parse_head(bytes, parse_status_line, true, scan, ret, ret_used, e);
}

bool http1_next(const struct http1_head *h, const char *name, size_t *it, struct str *ret)
{
    while (*it < h->n_headers) {
        const struct http1_header *field = &h->headers[(*it)++];
        if (str_ieqz(field->name, name)) {
            *ret = field->value;
            return true;
        }
    }
    return false;
}

struct str http1_header(const struct http1_head *h, const char *name)
{
    size_t it = 0;
    struct str value = STR_NONE;
    http1_next(h, name, &it, &value);
    return value;
}

/* --- bodies --- */

enum {
    /* bytes of a chunk's size and extensions; real ones have none */
    CHUNK_LINE_LEN = 256,
    CHUNK_SIZE_DIGITS = 16,
};

void http1_body_init(struct http1_body *b, const struct http1_head *h, int64_t max,
                     bool no_body)
{
    *b = (struct http1_body){.max = max};
    if (no_body)
        b->state = HTTP1_BODY_DONE;
    else if (h->chunked)
        b->state = HTTP1_CHUNK_SIZE;
    else if (h->content_length > 0) {
        b->state = HTTP1_BODY_LENGTH;
        b->left = h->content_length;
    } else if (h->is_response && h->content_length < 0) {
        b->state = HTTP1_BODY_EOF;
        b->until_eof = true;
    }
}

static enum errc go(struct http1_body *b, enum http1_body_state state)
{
    b->state = state;
    return ERR_OK;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static enum errc on_size_byte(struct http1_body *b, char c, struct err *e)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (b->line_len > CHUNK_SIZE_DIGITS)
            return refuse(e, 400, "chunk size too long");
        if (__builtin_mul_overflow(b->left, 16, &b->left) ||
            b->left > INT64_MAX - digit || b->left + digit > b->max - b->total)
            return refuse(e, 413, "body too large");
        b->left += digit;
        return ERR_OK;
    }
    if (b->line_len == 1)
        return refuse(e, 400, "no chunk size");
    if (c == ';')
        return go(b, HTTP1_CHUNK_EXT_NAME);
    return c == '\r' ? go(b, HTTP1_CHUNK_SIZE_LF) : refuse(e, 400, "bad chunk size");
}

/* Extensions are ignored, but what cannot be one is not. Source: RFC 9112 section 7.1.1. */
static enum errc on_chunk_line_byte(struct http1_body *b, char c, struct err *e)
{
    if (++b->line_len > CHUNK_LINE_LEN)
        return refuse(e, 400, "chunk line too long");
    if (b->state == HTTP1_CHUNK_SIZE)
        return on_size_byte(b, c, e);
    if (b->state == HTTP1_CHUNK_EXT_NAME)
        return has(&token_bytes, c) ? go(b, HTTP1_CHUNK_EXT)
                                    : refuse(e, 400, "bad chunk extension");
    if (b->state == HTTP1_CHUNK_EXT) {
        if (c == ';')
            return go(b, HTTP1_CHUNK_EXT_NAME);
        if (c == '\r')
            return go(b, HTTP1_CHUNK_SIZE_LF);
        return has(&value_bytes, c) ? ERR_OK : refuse(e, 400, "bad chunk extension");
    }
    if (c != '\n')
        return refuse(e, 400, "chunk line without LF");
    b->line_len = 0;
    return go(b, b->left > 0 ? HTTP1_CHUNK_DATA : HTTP1_TRAILER_START);
}

/* Trailers are checked and dropped: nothing a sender may say there matters here. */
static enum errc on_trailer_byte(struct http1_body *b, char c, struct err *e)
{
    if (++b->line_len > LIMIT_HEAD_LEN)
        return refuse(e, 431, "trailer too long");
    switch (b->state) {
    case HTTP1_TRAILER_START:
        if (c == '\r')
            return go(b, HTTP1_LAST_LF);
        return has(&token_bytes, c) ? go(b, HTTP1_TRAILER_NAME)
                                    : refuse(e, 400, "bad trailer");
    case HTTP1_TRAILER_NAME:
        if (c == ':')
            return go(b, HTTP1_TRAILER_VALUE);
        return has(&token_bytes, c) ? ERR_OK : refuse(e, 400, "bad trailer");
    case HTTP1_TRAILER_VALUE:
        if (c == '\r')
            return go(b, HTTP1_TRAILER_LF);
        return has(&value_bytes, c) ? ERR_OK : refuse(e, 400, "bad trailer");
    case HTTP1_TRAILER_LF:
        return c == '\n' ? go(b, HTTP1_TRAILER_START) : refuse(e, 400, "bad trailer");
    case HTTP1_LAST_LF:
        return c == '\n' ? go(b, HTTP1_BODY_DONE)
                         : refuse(e, 400, "bad end of the last chunk");
    case HTTP1_BODY_DONE:
    case HTTP1_BODY_LENGTH:
    case HTTP1_BODY_EOF:
    case HTTP1_CHUNK_SIZE:
    case HTTP1_CHUNK_EXT_NAME:
    case HTTP1_CHUNK_EXT:
    case HTTP1_CHUNK_SIZE_LF:
    case HTTP1_CHUNK_DATA:
    case HTTP1_CHUNK_DATA_CR:
    case HTTP1_CHUNK_DATA_LF:
        break;
    }
    return refuse(e, 500, "no such state");
}

static enum errc on_framing_byte(struct http1_body *b, char c, struct err *e)
{
    if (b->state == HTTP1_CHUNK_DATA_CR)
        return c == '\r' ? go(b, HTTP1_CHUNK_DATA_LF)
                         : refuse(e, 400, "chunk longer than its size");
    if (b->state == HTTP1_CHUNK_DATA_LF)
        return c == '\n' ? go(b, HTTP1_CHUNK_SIZE) : refuse(e, 400, "chunk without LF");
    return b->state >= HTTP1_TRAILER_START ? on_trailer_byte(b, c, e)
                                           : on_chunk_line_byte(b, c, e);
}

/* Moves as much of a run of body bytes as there is. */
static enum errc take_data(struct http1_body *b, struct str bytes, struct buf *out,
                           size_t *ret_taken, struct err *e)
{
    int64_t room = b->max - b->total;
    int64_t want = b->state == HTTP1_BODY_EOF ? (int64_t)bytes.len : b->left;
    if (want > room)
        return refuse(e, 413, "body too large");
    size_t n = (uint64_t)want < bytes.len ? (size_t)want : bytes.len;
    buf_add(out, bytes.ptr, n);
    if (buf_err(out) != ERR_OK)
        return err_set(e, buf_err(out), "HTTP: no room for the body");
    b->total += (int64_t)n;
    if (b->state != HTTP1_BODY_EOF) {
        b->left -= (int64_t)n;
        if (b->left == 0)
            b->state =
                b->state == HTTP1_CHUNK_DATA ? HTTP1_CHUNK_DATA_CR : HTTP1_BODY_DONE;
    }
    *ret_taken = n;
    return ERR_OK;
}

static bool is_data(enum http1_body_state state)
{
    return state == HTTP1_BODY_LENGTH || state == HTTP1_BODY_EOF ||
           state == HTTP1_CHUNK_DATA;
}

enum errc http1_body_feed(struct http1_body *b, struct str bytes, struct buf *out,
                          size_t *ret_used, bool *ret_done, struct err *e)
{
    size_t at = 0;
    while (at < bytes.len && b->state != HTTP1_BODY_DONE) {
        size_t taken = 1;
        enum errc rc = is_data(b->state)
                           ? take_data(b, str_sub(bytes, at, bytes.len), out, &taken, e)
                           : on_framing_byte(b, bytes.ptr[at], e);
        if (rc != ERR_OK)
            return rc;
        at += taken;
    }
    *ret_used = at;
    *ret_done = b->state == HTTP1_BODY_DONE;
    return ERR_OK;
}

bool http1_body_is_done(const struct http1_body *b)
{
    return b->state == HTTP1_BODY_DONE || b->until_eof;
}

/* --- writers --- */

/* Source: RFC 9110 section 15, RFC 6585; 499 is nginx's, 529 Anthropic's. */
static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {529, "Overloaded"},
};

const char *http1_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

void http1_write_status(struct buf *out, int status)
{
    const char digits[] = {(char)('0' + status / 100 % 10),
                           (char)('0' + status / 10 % 10), (char)('0' + status % 10),
                           ' '};
    buf_addz(out, "HTTP/1.1 ");
    buf_add(out, digits, sizeof digits);
    buf_addz(out, http1_reason(status));
    buf_addz(out, "\r\n");
}

size_t http1_percent_decode(struct str s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool is_escape = s.ptr[i] == '%' && i + 2 < s.len &&
                         hex_value(s.ptr[i + 1]) >= 0 && hex_value(s.ptr[i + 2]) >= 0;
        out[n++] = is_escape
                       ? (char)(hex_value(s.ptr[i + 1]) * 16 + hex_value(s.ptr[i + 2]))
                       : s.ptr[i];
        i += is_escape ? 2 : 0;
    }
    return n;
}

void http1_write_request(struct buf *out, const char *method, struct str target)
{
    buf_printf(out, "%s ", method);
    for (size_t i = 0; i < target.len; i++)
        if (has(&target_bytes, target.ptr[i]))
            buf_addc(out, target.ptr[i]);
        else
            buf_printf(out, "%%%02X", (unsigned char)target.ptr[i]);
    buf_addz(out, " HTTP/1.1\r\n");
}

/*
 * A value, from byte `from` on, has nothing that a reader refuses, or that ends its line; then
 * ends it.
 */
static void end_field(struct buf *out, size_t from)
{
    for (size_t i = from; i < out->len; i++)
        if (!has(&value_bytes, out->data[i]))
            out->data[i] = ' ';
    buf_addz(out, "\r\n");
}

struct http1_head *http1_head_copy(const struct http1_head *h)
{
    size_t len =
        offsetof(struct http1_head, headers) + h->n_headers * sizeof h->headers[0];
    struct http1_head *copy = mem_resize(NULL, 1, len);
    if (copy != NULL)
        memcpy(copy, h, len);
    return copy;
}

void http1_write_header(struct buf *out, const char *name, struct str value)
{
    buf_addz(out, name);
    buf_addz(out, ": ");
    size_t from = out->len;
    buf_adds(out, value);
    end_field(out, from);
}

void http1_number_header(struct buf *out, const char *name, int64_t v, const char *unit)
{
    buf_addz(out, name);
    buf_addz(out, ": ");
    buf_addi(out, v);
    buf_addz(out, unit);
    buf_addz(out, "\r\n");
}

void http1_printf_header(struct buf *out, const char *name, const char *fmt, ...)
{
    va_list ap;
    buf_addz(out, name);
    buf_addz(out, ": ");
    size_t from = out->len;
    va_start(ap, fmt);
    buf_vprintf(out, fmt, ap);
    va_end(ap);
    end_field(out, from);
}

void http1_write_end(struct buf *out)
{
    buf_addz(out, "\r\n");
}

struct str http1_chunk_line(size_t len, char room[HTTP1_CHUNK_LINE_LEN])
{
    char *const end = room + HTTP1_CHUNK_LINE_LEN, *at = end;
    *--at = '\n';
    *--at = '\r';
    do
        *--at = "0123456789abcdef"[len % 16];
    while ((len /= 16) > 0);
    return (struct str){at, (size_t)(end - at)};
}

void http1_write_chunk(struct buf *out, struct str bytes)
{
    char room[HTTP1_CHUNK_LINE_LEN];
    if (bytes.len == 0)
        return; /* a chunk of size 0 would end the body */
    buf_adds(out, http1_chunk_line(bytes.len, room));
    buf_adds(out, bytes);
    buf_addz(out, "\r\n");
}

void http1_write_last_chunk(struct buf *out)
{
    buf_addz(out, "0\r\n\r\n");
}
