/* eventstream.c: see eventstream.h. */
#include "core/eventstream.h"

enum {
    PRELUDE_LEN = 12,
    CRC_LEN = 4,
    /* as Amazon's own client has it */
    HEADERS_MAX = 128 * 1024,
};

enum value_type {
    VALUE_TRUE,
    VALUE_FALSE,
    VALUE_I8,
    VALUE_I16,
    VALUE_I32,
    VALUE_I64,
    VALUE_BYTES, /* u16 length before it, as before a string */
    VALUE_STRING,
    VALUE_TIME,
    VALUE_UUID,
};

void eventstream_init(struct eventstream *s, size_t max)
{
    *s = (struct eventstream){.max = max};
    buf_init(&s->in, max);
}

void eventstream_release(struct eventstream *s)
{
    buf_release(&s->in);
}

uint32_t eventstream_crc32(struct str s)
{
    /* of each half of a byte; 0xEDB88320 is the polynomial, bits reversed */
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (unsigned char)s.ptr[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static uint32_t u32_at(struct str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool take(struct str *rest, size_t len, struct str *ret)
{
    if (rest->len < len)
        return false;
    *ret = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return true;
}

static bool take_number(struct str *rest, size_t width, size_t *ret)
{
    struct str bytes;
    if (!take(rest, width, &bytes))
        return false;
    *ret = 0;
    for (size_t i = 0; i < width; i++)
        *ret = *ret << 8 | (unsigned char)bytes.ptr[i];
    return true;
}

/* The value of a header; of one that is no text nothing but its width matters. */
static bool take_value(struct str *rest, struct str *ret)
{
    static const size_t widths[] = {
        [VALUE_TRUE] = 0, [VALUE_FALSE] = 0, [VALUE_I8] = 1,    [VALUE_I16] = 2,
        [VALUE_I32] = 4,  [VALUE_I64] = 8,   [VALUE_BYTES] = 0, [VALUE_STRING] = 0,
        [VALUE_TIME] = 8, [VALUE_UUID] = 16,
    };
    size_t type, len;
    if (!take_number(rest, 1, &type) || type >= ARRAY_LEN(widths))
        return false;
    len = widths[type];
    if ((type == VALUE_BYTES || type == VALUE_STRING) && !take_number(rest, 2, &len))
        return false;
    if (!take(rest, len, ret))
        return false;
    if (type != VALUE_STRING)
        *ret = STR_NONE;
    return true;
}

struct heads {
    struct str message_type, event_type, exception_type, error_code, error_message;
};

static bool read_heads(struct str rest, struct heads *ret)
{
    struct {
        const char *name;
        struct str *value;
    } rows[] = {
        {":message-type", &ret->message_type},     {":event-type", &ret->event_type},
        {":exception-type", &ret->exception_type}, {":error-code", &ret->error_code},
        {":error-message", &ret->error_message},
    };
    struct str name, value;
    size_t len;
    *ret = (struct heads){.message_type = STR("event")};
    while (rest.len > 0) {
        if (!take_number(&rest, 1, &len) || !take(&rest, len, &name) ||
            !take_value(&rest, &value))
            return false;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            if (str_eqz(name, rows[i].name))
                *rows[i].value = value;
    }
    return true;
}

static enum errc deliver(struct str message, size_t heads_len, sse_fn *fn, void *arg,
                         struct err *e)
{
    struct heads h;
    if (!read_heads(str_sub(message, PRELUDE_LEN, heads_len), &h))
        return err_set(e, ERR_SYNTAX, "a header of a message is broken");
    size_t from = PRELUDE_LEN + heads_len;
    struct sse_event ev = {.event = h.event_type,
                           .id = h.message_type,
                           .data = str_sub(message, from, message.len - CRC_LEN - from),
                           .raw = message,
                           .has_data = true};
    if (str_eqz(h.message_type, "exception"))
        ev.event = h.exception_type;
    if (str_eqz(h.message_type, "error")) { /* one that has no payload */
        ev.event = h.error_code;
        ev.data = h.error_message;
    }
    return fn(arg, &ev, e);
}

/* The length of the message at the start of `s`: ERR_AGAIN, not all of it is there. */
static enum errc find_end(const struct eventstream *s, struct str in, size_t *ret_len,
                          size_t *ret_heads_len, struct err *e)
{
    if (in.len < PRELUDE_LEN)
        return ERR_AGAIN;
    size_t len = u32_at(in, 0), heads_len = u32_at(in, 4);
    if (eventstream_crc32(str_sub(in, 0, 8)) != u32_at(in, 8))
        return err_set(e, ERR_SYNTAX, "the checksum of a message's lengths is wrong");
    if (heads_len > HEADERS_MAX || len < PRELUDE_LEN + heads_len + CRC_LEN)
        return err_set(e, ERR_SYNTAX, "a message's lengths contradict each other");
    if (len > s->max)
        return err_set(e, ERR_TOO_LARGE, "a message of %zu bytes is too long", len);
    if (in.len < len)
        return ERR_AGAIN;
    if (eventstream_crc32(str_sub(in, 0, len - CRC_LEN)) != u32_at(in, len - CRC_LEN))
        return err_set(e, ERR_SYNTAX, "the checksum of a message is wrong");
    *ret_len = len;
    *ret_heads_len = heads_len;
    return ERR_OK;
}

/* Whole messages at the start of `in` are delivered; *ret_used: how many bytes they have. */
static enum errc deliver_all(struct eventstream *s, struct str in, size_t *ret_used,
                             sse_fn *fn, void *arg, struct err *e)
{
    size_t len = 0, heads_len = 0;
    enum errc rc;
    *ret_used = 0;
    for (;;) {
        struct str rest = str_sub(in, *ret_used, in.len);
        rc = find_end(s, rest, &len, &heads_len, e);
        if (rc != ERR_OK)
            return rc == ERR_AGAIN ? ERR_OK : rc;
        *ret_used += len;
        rc = deliver(str_sub(rest, 0, len), heads_len, fn, arg, e);
        if (rc != ERR_OK)
            return rc;
    }
}

/* The bytes of one message at most are kept: those of the rest are delivered where they lie. */
enum errc eventstream_feed(struct eventstream *s, struct str bytes, sse_fn *fn, void *arg,
                           struct err *e)
{
    size_t used;
    enum errc rc = ERR_OK;
    while (rc == ERR_OK && s->in.len > 0 && bytes.len > 0) {
        size_t want = PRELUDE_LEN;
        if (s->in.len >= PRELUDE_LEN)
            want = u32_at(buf_str(&s->in), 0);
        struct str piece = str_sub(bytes, 0, want - s->in.len);
        buf_adds(&s->in, piece);
        bytes = str_sub(bytes, piece.len, bytes.len);
        if (buf_err(&s->in) != ERR_OK)
            return err_set(e, buf_err(&s->in), "no room for a message");
        rc = deliver_all(s, buf_str(&s->in), &used, fn, arg, e);
        buf_consume(&s->in, used);
    }
    if (rc == ERR_OK && bytes.len > 0) {
        rc = deliver_all(s, bytes, &used, fn, arg, e);
        if (rc == ERR_OK)
            buf_adds(&s->in, str_sub(bytes, used, bytes.len));
        if (rc == ERR_OK && buf_err(&s->in) != ERR_OK)
            rc = err_set(e, buf_err(&s->in), "no room for a message");
    }
    return rc;
}

bool eventstream_is_partial(const struct eventstream *s)
{
    return s->in.len > 0;
}
