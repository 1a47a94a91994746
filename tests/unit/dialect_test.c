/* dialect_test.c: see dialect_test.h. */
#include "tests/unit/dialect_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/jscan.h"

#include <cmocka.h>

const char *json(const char *s)
{
    static char texts[8][8192];
    static unsigned at;
    char *out = texts[at++ % 8];
    size_t n = strlen(s);
    assert_true(n < sizeof texts[0]);
    for (size_t i = 0; i <= n; i++)
        out[i] = s[i] == '\'' ? '"' : s[i];
    return out;
}

struct body_facts facts_of(const struct dialect_ops *ops, const char *body)
{
    struct body_facts f;
    struct err e = ERR_INIT;
    if (ops->facts(str_of(body), NULL, &f, &e) != ERR_OK)
        fail_msg("%s: %s", body, e.text);
    return f;
}

void check_no_facts(const struct dialect_ops *ops, const char *body, const char *word)
{
    struct body_facts f;
    struct err e = ERR_INIT;
    assert_int_equal(ops->facts(str_of(body), NULL, &f, &e), ERR_INVALID);
    if (strstr(e.text, word) == NULL)
        fail_msg("%s: %s", body, e.text);
    assert_int_equal(e.origin, ERR_BY_CLIENT);
}

/* ---- requests ---- */

enum errc cross(enum dialect from, const struct dialect_ops *to,
                const struct target_caps *caps, const char *in, struct buf *out,
                struct buf *dropped, struct err *e)
{
    struct arena a;
    struct msg_request m;
    struct dropped d = {.n = 0};
    arena_init(&a, 1 << 20);
    enum errc rc = dialect_ops(from)->request_decode(str_of(json(in)), NULL, &a, &m, e);
    if (rc == ERR_OK)
        rc = to->request_encode(&m, caps, out, &d, e);
    buf_addz(dropped, "");
    for (size_t i = 0; i < d.n; i++)
        buf_printf(dropped, "%s%s", i > 0 ? "," : "", d.names[i]);
    arena_release(&a);
    return rc;
}

void check_crossing(enum dialect from, const struct dialect_ops *to,
                    const struct target_caps *caps, const char *in, const char *want,
                    const char *dropped)
{
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
    AUTO(buf_release) struct buf names = BUF_INIT(4096);
    if (cross(from, to, caps, in, &out, &names, &e) != ERR_OK)
        fail_msg("%s: %s", in, e.text);
    assert_int_equal(jscan_check(buf_str(&out), &e), ERR_OK);
    assert_string_equal(out.data, json(want));
    assert_string_equal(names.len > 0 ? names.data : "", dropped != NULL ? dropped : "");
}

void check_refused(enum dialect from, const struct dialect_ops *to,
                   const struct target_caps *caps, const char *in, const char *field)
{
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
    AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
    assert_int_equal(cross(from, to, caps, in, &out, &dropped, &e), ERR_INVALID);
    assert_int_equal(e.origin, ERR_BY_GATEWAY);
    assert_true(str_starts(str_of(e.text), str_of(field)));
}

/* ---- answers ---- */

void check_call(const struct msg_part *p, const char *id, const char *name,
                const char *args)
{
    assert_int_equal(p->kind, MSG_TOOL_CALL);
    assert_true(str_eqz(p->id, id));
    assert_true(str_eqz(p->name, name));
    assert_true(str_eqz(p->args, json(args)));
}

static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct watched *w = arg;
    w->n_end += d->kind == MSG_D_END;
    return msg_collect_delta(&w->collect, d, e);
}

void check_again(const struct dialect_ops *ops, const struct provider_kind *kind,
                 const char *const *events, size_t n, unsigned min_again)
{
    struct scan_state fast, slow;
    unsigned n_again = 0;
    ops->scan_init(&fast, kind);
    ops->scan_init(&slow, kind);
    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT, slow_e = ERR_INIT;
        const struct sse_event ev = {.data = str_of(events[i]), .has_data = true};
        size_t before_len = fast.again.before_len;
        slow.again.before_len = 0;
        unsigned flags = ops->scan_event(&fast, &ev, &e);
        assert_int_equal(flags, ops->scan_event(&slow, &ev, &slow_e));
        assert_string_equal(e.text, slow_e.text);
        assert_int_equal(fast.output_len, slow.output_len);
        assert_int_equal(fast.reasoning_len, slow.reasoning_len);
        assert_int_equal(fast.n_malformed, slow.n_malformed);
        assert_int_equal(fast.finish, slow.finish);
        assert_int_equal(fast.tool_open, slow.tool_open);
        assert_memory_equal(fast.open, slow.open, sizeof fast.open);
        n_again += before_len > 0 && fast.again.before_len == before_len;
    }
    assert_true(n_again >= min_again);
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct watched *w = arg;
    unsigned flags = w->ops->scan_event(&w->scan, ev, &w->err);
    w->flags |= flags;
    if ((flags & (EV_ERROR | EV_MALFORMED)) != 0)
        return ERR_OK;
    return w->ops->decode_event(w->decoder, ev, on_delta, w, e);
}

void watch(struct watched *w, const struct dialect_ops *ops,
           const struct provider_kind *kind, const char *bytes, size_t step)
{
    struct err e = ERR_INIT;
    *w = (struct watched){.ops = ops, .err = ERR_INIT};
    arena_init(&w->arena, 1 << 20);
    msg_collect_init(&w->collect, &w->arena);
    ops->scan_init(&w->scan, kind);
    w->decoder = ops->decoder_new(kind);
    sse_init(&w->sse, 1 << 20);
    size_t len = strlen(bytes);
    for (size_t i = 0; i < len; i += step) {
        struct str piece = {bytes + i, step < len - i ? step : len - i};
        assert_int_equal(sse_feed(&w->sse, piece, on_event, w, &e), ERR_OK);
    }
}

void unwatch(struct watched *w)
{
    w->ops->decoder_free(&w->decoder);
    msg_collect_release(&w->collect);
    sse_release(&w->sse);
    arena_release(&w->arena);
}

enum errc cross_embeddings(const struct dialect_ops *ops, struct scan_state *scan,
                           struct str body, bool base64, struct embeddings *ret_got,
                           struct buf *out, struct err *e)
{
    struct arena a;
    struct vector_writer v;
    arena_init(&a, 1 << 20);
    *ret_got = (struct embeddings){.n = 0};
    enum errc rc = ops->embed_read(scan, body, jscan_root(body), &a, ret_got, e);
    for (size_t i = 0; rc == ERR_OK && i < ret_got->n; i++) {
        dialect_openai_embed.embed_head(i, out);
        vector_begin(&v, ret_got->vectors[i], base64);
        rc = vector_go_on(&v, SIZE_MAX, out);
    }
    if (rc == ERR_OK)
        dialect_openai_embed.embed_end(&scan->usage, STR("m"), out);
    arena_release(&a);
    return rc;
}

void read_whole(const struct dialect_ops *ops, const struct provider_kind *kind,
                const char *body, struct arena *a, struct msg_reply *ret)
{
    struct err e = ERR_INIT;
    struct scan_state s;
    ops->scan_init(&s, kind);
    assert_int_equal(ops->scan_reply(&s, str_of(body), &e), ERR_OK);
    assert_int_equal(s.finish, MSG_FINISH_TOOL);
    assert_true(s.has_usage);
    assert_int_equal(ops->reply_decode(str_of(body), kind, a, ret, &e), ERR_OK);
}
