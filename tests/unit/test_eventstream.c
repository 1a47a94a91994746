/* test_eventstream.c: Amazon's binary messages, however their bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/eventstream.h"

#include <cmocka.h>

/* Messages as one text: "<id|event|data>", and all raw bytes. */
struct seen {
    struct buf text, raw;
    int stop_at; /* the message, counted from 1, at which to fail */
    int n;
};

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct seen *s = arg;
    assert_true(ev->has_data);
    buf_printf(&s->text, "<%.*s|%.*s|%.*s>", STR_ARG(ev->id), STR_ARG(ev->event),
               STR_ARG(ev->data));
    buf_adds(&s->raw, ev->raw);
    return ++s->n == s->stop_at ? err_set(e, ERR_CANCELLED, "enough") : ERR_OK;
}

static void seen_release(struct seen *s)
{
    buf_release(&s->text);
    buf_release(&s->raw);
}

#define SEEN_INIT                                                                        \
    {                                                                                    \
        BUF_INIT(100000), BUF_INIT(100000), 0, 0                                         \
    }

/* ---- messages, made here bit by bit ---- */

static uint32_t crc_of(const struct buf *b)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < b->len; i++) {
        crc ^= (unsigned char)b->data[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void add_u32(struct buf *b, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_addc(b, (char)(v >> shift & 0xff));
}

static void add_head(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, "%c%s", (int)strlen(name), name);
    buf_addc(b, 7);
    buf_addc(b, 0);
    buf_printf(b, "%c%s", (int)strlen(value), value);
}

static void add_message(struct buf *out, const struct buf *heads, const char *payload)
{
    struct buf m = BUF_INIT(100000);
    add_u32(&m, (uint32_t)(16 + heads->len + strlen(payload)));
    add_u32(&m, (uint32_t)heads->len);
    add_u32(&m, crc_of(&m));
    buf_adds(&m, buf_str(heads));
    buf_addz(&m, payload);
    add_u32(&m, crc_of(&m));
    buf_adds(out, buf_str(&m));
    buf_release(&m);
}

static void add_typed(struct buf *out, const char *kind, const char *name,
                      const char *value, const char *payload)
{
    struct buf heads = BUF_INIT(1000);
    add_head(&heads, name, value);
    add_head(&heads, ":content-type", "application/json");
    add_head(&heads, ":message-type", kind);
    add_message(out, &heads, payload);
    buf_release(&heads);
}

static enum errc feed(struct str bytes, size_t step, size_t max, struct seen *seen,
                      bool *ret_partial, struct err *e)
{
    struct eventstream s;
    enum errc rc = ERR_OK;
    eventstream_init(&s, max);
    for (size_t i = 0; i < bytes.len && rc == ERR_OK; i += step)
        rc = eventstream_feed(&s, str_sub(bytes, i, step), on_event, seen, e);
    *ret_partial = eventstream_is_partial(&s);
    eventstream_release(&s);
    return rc;
}

/* The vendor's own bytes: a messageStop, as a client of it would read them. */
static void a_known_message_is_read(void **state)
{
    (void)state;
    static const char bytes[] =
        "\x00\x00\x00\x7a\x00\x00\x00\x51\xca\x2c\x46\x65\x0b:event-type\x07\x00\x0b"
        "messageStop\x0d:content-type\x07\x00\x10"
        "application/json\x0d:message-type\x07\x00\x05"
        "event{\"stopReason\":\"end_turn\"}\x5f\xbf\x09\xfc";
    for (size_t step = 1; step <= sizeof bytes; step++) {
        struct seen seen = SEEN_INIT;
        struct err e = ERR_INIT;
        bool partial;
        struct str all = {bytes, sizeof bytes - 1};
        assert_int_equal(feed(all, step, 4096, &seen, &partial, &e), ERR_OK);
        assert_string_equal(seen.text.data,
                            "<event|messageStop|{\"stopReason\":\"end_turn\"}>");
        assert_true(str_eq(buf_str(&seen.raw), all));
        assert_false(partial);
        seen_release(&seen);
    }
}

static void a_known_exception_has_its_checksums(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    add_typed(&out, "exception", ":exception-type", "throttlingException",
              "{\"message\":\"Too many requests, please wait before trying again.\"}");
    assert_int_equal(out.len, 178);
    assert_memory_equal(out.data, "\x00\x00\x00\xb2\x00\x00\x00\x61\x35\x90\xd5\xd3", 12);
    assert_memory_equal(out.data + 174, "\xe8\xff\xb2\x6a", 4);
    assert_int_equal(eventstream_crc32(str_sub(buf_str(&out), 0, 8)), 0x3590d5d3);
    buf_release(&out);
}

static void messages_come_whole_however_they_are_cut(void **state)
{
    (void)state;
    static const char want[] = "<event|a|{}><exception|b|{\"message\":\"m\"}>"
                               "<error|Code|what happened><event||x><event|c|>";
    struct buf stream = BUF_INIT(100000), heads = BUF_INIT(1000);
    add_typed(&stream, "event", ":event-type", "a", "{}");
    add_typed(&stream, "exception", ":exception-type", "b", "{\"message\":\"m\"}");
    add_head(&heads, ":error-code", "Code");
    add_head(&heads, ":message-type", "error");
    add_head(&heads, ":error-message", "what happened");
    add_message(&stream, &heads, "");
    /* headers of every type are passed over by their width */
    static const char all_types[] =
        "\x01t\x00\x01u\x01\x01v\x02.\x01w\x03..\x01x\x04...."
        "\x01y\x05........\x01z\x06\x00\x03...\x01s\x07\x00\x02.."
        "\x01q\x08........\x01r\x09................";
    buf_reset(&heads);
    buf_adds(&heads, (struct str){all_types, sizeof all_types - 1});
    add_message(&stream, &heads, "x");
    add_typed(&stream, "event", ":event-type", "c", "");
    for (size_t step = 1; step <= stream.len; step++) {
        struct seen seen = SEEN_INIT;
        struct err e = ERR_INIT;
        bool partial;
        assert_int_equal(feed(buf_str(&stream), step, 4096, &seen, &partial, &e), ERR_OK);
        assert_string_equal(seen.text.data, want);
        assert_true(str_eq(buf_str(&seen.raw), buf_str(&stream)));
        assert_false(partial);
        seen_release(&seen);
    }
    struct seen seen = SEEN_INIT; /* the end is missing */
    struct err e = ERR_INIT;
    bool partial;
    struct str some = str_sub(buf_str(&stream), 0, stream.len - 1);
    assert_int_equal(feed(some, 7, 4096, &seen, &partial, &e), ERR_OK);
    assert_true(partial);
    assert_int_equal(seen.n, 4);
    seen_release(&seen);
    buf_release(&stream);
    buf_release(&heads);
}

/* Whichever bit of a message is another: what came before it counts, and nothing after it. */
static void every_broken_bit_is_found(void **state)
{
    (void)state;
    struct buf stream = BUF_INIT(4096);
    add_typed(&stream, "event", ":event-type", "a", "{}");
    size_t first_len = stream.len;
    add_typed(&stream, "event", ":event-type", "b", "{\"c\":1}");
    for (size_t bit = first_len * 8; bit < stream.len * 8; bit++) {
        struct seen seen = SEEN_INIT;
        struct err e = ERR_INIT;
        bool partial;
        stream.data[bit / 8] = (char)(stream.data[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(feed(buf_str(&stream), 5, 4096, &seen, &partial, &e),
                         ERR_SYNTAX);
        assert_string_equal(seen.text.data, "<event|a|{}>");
        stream.data[bit / 8] = (char)(stream.data[bit / 8] ^ 1 << bit % 8);
        seen_release(&seen);
    }
    buf_release(&stream);
}

static void what_contradicts_itself_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t len, heads_len;
        struct str heads;
        enum errc rc;
    } rows[] = {
        {15, 0, {"", 0}, ERR_SYNTAX},          /* shorter than an empty one */
        {20, 5, {"", 0}, ERR_SYNTAX},          /* headers behind the end */
        {300000, 200000, {"", 0}, ERR_SYNTAX}, /* more than any has */
        {5000, 0, {"", 0}, ERR_TOO_LARGE},     /* more than we take */
        {18,
         2,
         {"\x05"
          "a",
          2},
         ERR_SYNTAX}, /* half a name */
        {19,
         3,
         {"\x01"
          "a\x0a",
          3},
         ERR_SYNTAX}, /* no such type */
        {21,
         5,
         {"\x01"
          "a\x07\x00\x09",
          5},
         ERR_SYNTAX}, /* half a value */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seen seen = SEEN_INIT;
        struct err e = ERR_INIT;
        struct buf m = BUF_INIT(4096);
        bool partial;
        add_u32(&m, rows[i].len);
        add_u32(&m, rows[i].heads_len);
        add_u32(&m, crc_of(&m));
        buf_adds(&m, rows[i].heads);
        add_u32(&m, crc_of(&m));
        assert_int_equal(feed(buf_str(&m), 3, 4096, &seen, &partial, &e), rows[i].rc);
        assert_int_equal(e.code, rows[i].rc);
        assert_int_equal(seen.n, 0);
        buf_release(&m);
        seen_release(&seen);
    }
}

static void who_listens_may_stop_it(void **state)
{
    (void)state;
    struct buf stream = BUF_INIT(4096);
    add_typed(&stream, "event", ":event-type", "a", "{}");
    add_typed(&stream, "event", ":event-type", "b", "{}");
    for (size_t step = 1; step <= stream.len; step++) {
        struct seen seen = SEEN_INIT;
        struct err e = ERR_INIT;
        bool partial;
        seen.stop_at = 1;
        assert_int_equal(feed(buf_str(&stream), step, 4096, &seen, &partial, &e),
                         ERR_CANCELLED);
        assert_int_equal(seen.n, 1);
        seen_release(&seen);
    }
    buf_release(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_message_is_read),
        cmocka_unit_test(a_known_exception_has_its_checksums),
        cmocka_unit_test(messages_come_whole_however_they_are_cut),
        cmocka_unit_test(every_broken_bit_is_found),
        cmocka_unit_test(what_contradicts_itself_is_refused),
        cmocka_unit_test(who_listens_may_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
