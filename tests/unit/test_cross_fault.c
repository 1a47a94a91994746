/*
 * test_cross_fault.c: every allocation of a translation fails in turn. Each time the outcome is
 * an error, or the same bytes as without the failure; never something shorter that looks whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/dialect_test.h"

#include <cmocka.h>

/* ---- the allocator, by -Wl,--wrap ---- */

static struct {
    long at; /* which allocation fails; −1 none */
    long n;
} fault = {.at = -1};

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
    return fault.n++ == fault.at ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fault.n++ == fault.at ? NULL : __real_realloc(old, size);
}

/* ---- translations ---- */

static enum dialect other(enum dialect d)
{
    return d == DIALECT_OPENAI ? DIALECT_ANTHROPIC : DIALECT_OPENAI;
}

static const struct provider_kind *kind_of(enum dialect d)
{
    return provider_kind_find(str_of(dialect_name(d)));
}

static enum errc request(enum dialect d, struct str in, struct buf *out, struct err *e)
{
    struct arena a;
    struct msg_request m;
    struct dropped dropped = {.n = 0};
    const struct target_caps caps = {.kind = kind_of(other(d)),
                                     .model = STR("claude-haiku-4-5")};
    arena_init(&a, 1 << 20);
    enum errc rc = dialect_ops(d)->request_decode(in, NULL, &a, &m, e);
    if (rc == ERR_OK)
        rc = dialect_ops(other(d))->request_encode(&m, &caps, out, &dropped, e);
    arena_release(&a);
    return rc;
}

static enum errc splice(enum dialect d, struct str in, struct buf *out, struct err *e)
{
    const struct body_edits edits = {
        .model = STR("m"), .add_include_usage = true, .max_output_tok = 7};
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    struct pieces pieces;
    struct body_facts f;
    enum errc rc = dialect_ops(d)->facts(in, NULL, &f, e);
    if (rc == ERR_OK)
        rc = dialect_ops(d)->splice(in, &f, &edits, &text, &pieces, e);
    if (rc != ERR_OK)
        return rc;
    pieces_join(&pieces, out);
    buf_addz(out, f.system_hash);
    return rc;
}

static enum errc reply(enum dialect d, struct str in, struct buf *out, struct err *e)
{
    const struct encode_ctx ctx = {.request_id = "01K"};
    struct arena a;
    struct msg_reply r;
    arena_init(&a, 1 << 20);
    enum errc rc = dialect_ops(d)->reply_decode(in, kind_of(d), &a, &r, e);
    if (rc == ERR_OK)
        dialect_ops(other(d))->reply_encode(&r, &ctx, out);
    arena_release(&a);
    return rc;
}

/* Embeddings: `d` is the provider's. */
static enum errc embed_request(enum dialect d, struct str in, struct buf *out,
                               struct err *e)
{
    struct arena a;
    struct msg_request m;
    struct dropped dropped = {.n = 0};
    const struct target_caps caps = {.kind = kind_of(d), .model = STR("m")};
    arena_init(&a, 1 << 20);
    enum errc rc = dialect_openai_embed.request_decode(in, NULL, &a, &m, e);
    if (rc == ERR_OK)
        rc = dialect_embed_ops(d)->request_encode(&m, &caps, out, &dropped, e);
    arena_release(&a);
    return rc;
}

static enum errc embed_reply(enum dialect d, struct str in, struct buf *out,
                             struct err *e)
{
    struct scan_state scan;
    struct embeddings got;
    dialect_embed_ops(d)->scan_init(&scan, kind_of(d));
    return cross_embeddings(dialect_embed_ops(d), &scan, in, true, &got, out, e);
}

struct pipe {
    const struct dialect_ops *from, *to;
    struct event_decoder *decoder;
    struct delta_encoder *encoder;
    struct buf *out;
};

static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct pipe *p = arg;
    p->to->encode_delta(p->encoder, d, p->out);
    return buf_err(p->out) == ERR_OK ? ERR_OK : err_set(e, buf_err(p->out), "no memory");
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct pipe *p = arg;
    return p->from->decode_event(p->decoder, ev, on_delta, p, e);
}

static enum errc stream(enum dialect d, struct str in, struct buf *out, struct err *e)
{
    const struct encode_ctx ctx = {.request_id = "01K", .include_usage = true};
    struct pipe p = {.from = dialect_ops(d), .to = dialect_ops(other(d)), .out = out};
    struct sse sse;
    p.decoder = p.from->decoder_new(kind_of(d));
    p.encoder = p.to->encoder_new(&ctx);
    sse_init(&sse, 1 << 20);
    enum errc rc = ERR_MEMORY;
    if (p.decoder != NULL && p.encoder != NULL)
        rc = sse_feed(&sse, in, on_event, &p, e);
    sse_release(&sse);
    p.from->decoder_free(&p.decoder);
    p.to->encoder_free(&p.encoder);
    return rc;
}

typedef enum errc translation(enum dialect d, struct str in, struct buf *out,
                              struct err *e);

static void check(translation *fn, enum dialect d, const char *in)
{
    AUTO(buf_release) struct buf want = BUF_INIT(1 << 20);
    struct err e = ERR_INIT;
    fault.at = -1;
    assert_int_equal(fn(d, str_of(in), &want, &e), ERR_OK);
    long n_failed = 0;
    for (long at = 0;; at++) {
        AUTO(buf_release) struct buf got = BUF_INIT(1 << 20);
        fault.at = at;
        fault.n = 0;
        enum errc rc = fn(d, str_of(in), &got, &e);
        bool is_through = fault.n <= at;
        fault.at = -1;
        if (rc == ERR_OK && buf_err(&got) == ERR_OK)
            assert_string_equal(got.data, want.data);
        else
            n_failed++;
        if (is_through)
            break;
    }
    assert_true(n_failed > 0);
}

static const char oc_request[] =
    "{\"model\":\"x\",\"stream\":true,\"messages\":[{\"role\":\"system\",\"content\":"
    "\"Be \\u0062rief.\"},"
    "{\"role\":\"user\",\"name\":\"ann\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"a\\nb\"},"
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
    "png;base64,iVBORw0KGgo=\"}}]},"
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c:1\",\"type\":"
    "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
    "{\"role\":\"tool\",\"tool_call_id\":\"c:1\",\"content\":[{\"type\":\"text\","
    "\"text\":\"r\\n1\"}]},{\"role\":\"system\",\"content\":\"S\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,"
    "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}],"
    "\"tool_choice\":\"required\",\"stop\":[\"x\"],\"response_format\":{\"type\":\"json_"
    "object\"}}";
static const char an_request[] =
    "{\"model\":\"x\",\"max_tokens\":90,\"system\":[{\"type\":\"text\",\"text\":"
    "\"A\\tb\"},{\"type\":\"text\",\"text\":\"C\"}],"
    "\"messages\":[{\"role\":\"user\",\"content\":\"a\\nb\"},{\"role\":\"assistant\","
    "\"content\":[{\"type\":\"text\",\"text\":\"t\"},"
    "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{\"a\":1}}]},{"
    "\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
    "\"is_error\":true,\"content\":[{\"type\":\"text\",\"text\":\"r\\n\"},{\"type\":"
    "\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
    "png\",\"data\":\"iVBO\"}}]},"
    "{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":\"text\",\"media_type\":"
    "\"text/plain\",\"data\":\"d\\n\"}}]}],\"stop_sequences\":[\"x\"]}";
static const char oc_reply[] =
    "{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"a\\nb\","
    "\"refusal\":\"no\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","
    "\"arguments\":\"oops\"}}]},\"finish_reason\":\"stop\"}]}";
static const char an_reply[] =
    "{\"id\":\"i\",\"model\":\"m\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
    "\"h\\n\",\"signature\":\"s\"},{\"type\":\"text\",\"text\":\"a\\nb\"},{\"type\":"
    "\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}}],\"stop_reason\":"
    "\"tool_use\",\"stop_sequence\":null}";
static const char oc_stream[] =
    "data: "
    "{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_"
    "content\":\"h\",\"content\":\"a\\nb\"}}]}\n\n"
    "data: "
    "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\","
    "\"function\":{\"name\":\"f\",\"arguments\":\"{\"}},{\"index\":1,\"id\":\"c2\","
    "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}}]}\n\n"
    "data: "
    "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
    "\"arguments\":\"}\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_"
    "tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n"
    "data: [DONE]\n\n";
static const char an_stream[] =
    "data: "
    "{\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"model\":\"m\",\"usage\":{"
    "\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
    "data: "
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
    "\"text\":\"\"}}\n\n"
    "data: "
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
    "\"text\":\"a\\nb\"}}\n\n"
    "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "data: "
    "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_"
    "use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n"
    "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
    "data: "
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{"
    "\"output_tokens\":7}}\n\n"
    "data: {\"type\":\"message_stop\"}\n\n";

static void a_request_is_translated_whole_or_not_at_all(void **state)
{
    (void)state;
    check(request, DIALECT_OPENAI, oc_request);
    check(request, DIALECT_ANTHROPIC, an_request);
}

static void a_body_is_spliced_whole_or_not_at_all(void **state)
{
    (void)state;
    check(splice, DIALECT_OPENAI, oc_request);
    check(splice, DIALECT_ANTHROPIC, an_request);
}

static void an_answer_is_translated_whole_or_not_at_all(void **state)
{
    (void)state;
    check(reply, DIALECT_OPENAI, oc_reply);
    check(reply, DIALECT_ANTHROPIC, an_reply);
}

static const char embed_in[] =
    "{\"model\":\"x\",\"input\":[\"a\\nb\",\"c\"],\"dimensions\":8,\"zz\":1}";
static const char gemini_vectors[] =
    "{\"embeddings\":[{\"values\":[1,-0.25]},{\"values\":[3e-2]}]}";
static const char cohere_vectors[] = "{\"embeddings\":{\"float\":[[1,-0.25],[3e-2]]}}";

static void embeddings_are_translated_whole_or_not_at_all(void **state)
{
    (void)state;
    check(embed_request, DIALECT_GEMINI, embed_in);
    check(embed_request, DIALECT_COHERE, embed_in);
    check(embed_reply, DIALECT_GEMINI, gemini_vectors);
    check(embed_reply, DIALECT_COHERE, cohere_vectors);
}

static void a_stream_is_translated_whole_or_stopped(void **state)
{
    (void)state;
    check(stream, DIALECT_OPENAI, oc_stream);
    check(stream, DIALECT_ANTHROPIC, an_stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_translated_whole_or_not_at_all),
        cmocka_unit_test(a_body_is_spliced_whole_or_not_at_all),
        cmocka_unit_test(an_answer_is_translated_whole_or_not_at_all),
        cmocka_unit_test(embeddings_are_translated_whole_or_not_at_all),
        cmocka_unit_test(a_stream_is_translated_whole_or_stopped),
    };
    return cmocka_run_group_tests_name("cross_fault", tests, NULL, NULL);
}
