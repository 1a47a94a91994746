/* test_sse.c: blocks and fields of event streams, however their bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/sse.h"

#include <cmocka.h>

/* Events as one text: "<event|data|id>" with "-" for no data, and all raw bytes. */
struct seen {
    struct buf text, raw;
    int stop_at; /* the event, counted from 1, at which to fail */
    int n;
};

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct seen *s = arg;
    buf_addc(&s->text, '<');
    buf_adds(&s->text, ev->event);
    buf_addc(&s->text, '|');
    buf_adds(&s->text, ev->has_data ? ev->data : STR("-"));
    buf_addc(&s->text, '|');
    buf_adds(&s->text, ev->id);
    buf_addc(&s->text, '>');
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

static const struct {
    const char *stream, *want;
    bool partial;
} rows[] = {
    {"data: a\n\n", "<|a|>", false},
    {"data: a\r\n\r\n", "<|a|>", false},
    {"data: a\r\rdata: b\r\r", "<|a|><|b|>", false},
    {"data: a\r\ndata: b\ndata:c\r\rdata\n\n", "<|a\nb\nc|><||>", false},
    {"data:  two\n\n", "<| two|>", false},
    {"data:\n\n", "<||>", false},
    {"data\n\n", "<||>", false},
    {"data: a\ndata\ndata: b\n\n", "<|a\n\nb|>", false},
    {"event: x\ndata: 1\n\ndata: 2\n\n", "<x|1|><|2|>", false},
    {"event: x\nevent: y\ndata: 1\n\n", "<y|1|>", false},
    {"id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n", "<|1|7><|2|7><|3|>", false},
    {": ping\n\n", "<|-|>", false},
    {": a\n: b\n\ndata: 1\n\n", "<|-|><|1|>", false},
    {":\n\n", "<|-|>", false},
    {"\n\ndata: 1\n\n\n", "<|-|><|-|><|1|><|-|>", false},
    {"retry: 10\nunknown: x\n data: no\nDATA: no\ndata: 1\n\n", "<|1|>", false},
    {"\xEF\xBB\xBF"
     "data: 1\n\n\xEF\xBB\xBF"
     "data: 2\n\n",
     "<|1|><|-|>", false},
    {"data: a: b\n\n", "<|a: b|>", false},
    {"data: [DONE]", "", true},
    {"data: [DONE]\n", "", true},
    {"data: 1\n\n: x", "<|1|>", true},
    {"data: 1\r\n\r", "", true},
    {"", "", false},
};

static void check(size_t row, size_t step)
{
    struct seen seen = SEEN_INIT;
    struct err e = ERR_INIT;
    struct sse s;
    sse_init(&s, 1000);
    struct str rest = str_of(rows[row].stream);
    while (rest.len > 0) {
        assert_int_equal(sse_feed(&s, str_sub(rest, 0, step), on_event, &seen, &e),
                         ERR_OK);
        rest = str_sub(rest, step, rest.len);
    }
    if (!str_eqz(buf_str(&seen.text), rows[row].want))
        fail_msg("row %zu by %zu: %s", row, step, buf_str(&seen.text).ptr);
    assert_int_equal(sse_rest(&s).len > 0, rows[row].partial);
    if (!rows[row].partial)
        assert_true(str_eqz(buf_str(&seen.raw), rows[row].stream));
    sse_release(&s);
    seen_release(&seen);
}

static void events_are_the_same_however_bytes_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t step = 1; step <= 8; step++)
            check(i, step);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(i, SIZE_MAX);
}

/* A reader of a CR stream must not wait for the next event to see this one. */
static void a_bare_cr_stream_is_not_held_back(void **state)
{
    (void)state;
    struct seen seen = SEEN_INIT;
    struct err e = ERR_INIT;
    struct sse s;
    sse_init(&s, 100);
    assert_int_equal(sse_feed(&s, STR("data: a\r\r"), on_event, &seen, &e), ERR_OK);
    assert_string_equal(buf_str(&seen.text).ptr, "<|a|>");
    sse_release(&s);
    seen_release(&seen);
}

static void an_id_with_nul_is_ignored(void **state)
{
    (void)state;
    struct seen seen = SEEN_INIT;
    struct err e = ERR_INIT;
    struct sse s;
    sse_init(&s, 100);
    assert_int_equal(sse_feed(&s, STR("id: a\nid: b\0c\ndata\n\n"), on_event, &seen, &e),
                     ERR_OK);
    assert_string_equal(buf_str(&seen.text).ptr, "<||a>");
    sse_release(&s);
    seen_release(&seen);
}

static void a_block_has_a_cap(void **state)
{
    (void)state;
    for (size_t step = 1; step <= 9; step++) {
        struct seen seen = SEEN_INIT;
        struct err e = ERR_INIT;
        struct sse s;
        sse_init(&s, 9);
        struct str rest = STR("data: a\n\ndata: b\n\ndata: ccc");
        enum errc rc = ERR_OK;
        for (; rc == ERR_OK && rest.len > 0; rest = str_sub(rest, step, rest.len))
            rc = sse_feed(&s, str_sub(rest, 0, step), on_event, &seen, &e);
        assert_int_equal(rc, ERR_OK);
        rest = STR("c\n");
        for (; rc == ERR_OK && rest.len > 0; rest = str_sub(rest, step, rest.len))
            rc = sse_feed(&s, str_sub(rest, 0, step), on_event, &seen, &e);
        assert_int_equal(rc, ERR_TOO_LARGE);
        assert_string_equal(buf_str(&seen.text).ptr, "<|a|><|b|>");
        sse_release(&s);
        seen_release(&seen);
    }
}

static void the_reader_may_stop_the_stream(void **state)
{
    (void)state;
    struct seen seen = SEEN_INIT;
    struct err e = ERR_INIT;
    struct sse s;
    seen.stop_at = 2;
    sse_init(&s, 100);
    assert_int_equal(
        sse_feed(&s, STR("data: 1\n\ndata: 2\n\ndata: 3\n\n"), on_event, &seen, &e),
        ERR_CANCELLED);
    assert_string_equal(buf_str(&seen.text).ptr, "<|1|><|2|>");
    sse_release(&s);
    seen_release(&seen);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *event, *data, *frame, *read;
    } writes[] = {
        {NULL, "a", "data: a\n\n", "<|a|>"},
        {"x", "a\nb", "event: x\ndata: a\ndata: b\n\n", "<x|a\nb|>"},
        {NULL, "a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n", "<|a\nb\nc\n|>"},
        {NULL, "", "data: \n\n", "<||>"},
        {NULL, " a", "data:  a\n\n", "<| a|>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
        struct seen seen = SEEN_INIT;
        struct buf out = BUF_INIT(1000);
        struct err e = ERR_INIT;
        struct sse s;
        sse_init(&s, 100);
        sse_write(&out, writes[i].event, str_of(writes[i].data));
        assert_string_equal(out.data, writes[i].frame);
        assert_int_equal(sse_feed(&s, buf_str(&out), on_event, &seen, &e), ERR_OK);
        assert_string_equal(buf_str(&seen.text).ptr, writes[i].read);
        sse_release(&s);
        seen_release(&seen);
        buf_release(&out);
    }
}

static void a_comment_cannot_leave_its_lines(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1000);
    sse_write_comment(&out, STR("llmgw {}\n\rdata: forged"));
    assert_string_equal(out.data, ": llmgw {}\n: \n: data: forged\n\n");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_however_bytes_are_cut),
        cmocka_unit_test(a_bare_cr_stream_is_not_held_back),
        cmocka_unit_test(an_id_with_nul_is_ignored),
        cmocka_unit_test(a_block_has_a_cap),
        cmocka_unit_test(the_reader_may_stop_the_stream),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_comment_cannot_leave_its_lines),
    };
    return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}
