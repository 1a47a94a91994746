/*
 * test_properties.c: what holds in every dialect, for messages by chance (gen_msg.h):
 *
 *   - a request that a dialect can express is the same message when it was read again;
 *   - so is an answer, whole and streamed;
 *   - where the bytes of a stream are cut makes no difference to what a client gets;
 *   - a tool that the provider calls has the name that the client gave it.
 *
 * What a dialect can express is a row of `voices`: one more row is one more dialect, or one more
 * family of its models.
 *
 * Who reads and writes the other end: for dialects that clients speak, the broker's own other
 * half (what a client's request is read with, and its answers written with). The others have no
 * such half; there it is the provider's end of wire.h, which is written from the vendors'
 * descriptions and shares nothing with the broker.
 *
 * Not an identity, and so not generated: what is merged (neighbouring texts of an answer), what
 * is translated to something that others say, too (a single tool to be called, at Cohere), what is
 * put in words (a participant's name), and what is dropped by name. test_dialect_*.c have those.
 *
 * A failure names its row and seed: PROPERTY_SEED=N runs that one alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/eventstream.h"
#include "core/num.h"
#include "core/sse.h"

#include "broker/dialect.h"
#include "tests/fuzz/cuts.h"
#include "tests/unit/gen_msg.h"
#include "tests/unit/wire.h"

#include <cmocka.h>

/* ---- what each dialect can express ---- */

struct voice {
    enum dialect dialect;
    const char *kind, *model;
    const struct wire *wire; /* NULL: the broker's other half */
    struct asks asks;
    struct tells tells;
    /* What is particular; NULL: nothing. */
    void (*fit)(struct dice *d, const struct asks *asks, struct msg_request *m);
};

#define E(name) (1U << MSG_EFFORT_##name)
#define C(name) (1U << MSG_CHOICE_##name)
#define F(name) (1U << MSG_FINISH_##name)

enum {
    CHOICE_ANY = C(UNSET) | C(AUTO) | C(NONE) | C(ANY) | C(ONE),
    FINISH_ANY = F(STOP) | F(LENGTH) | F(FILTERED),
    /* what OpenAI's dialects take from a user, and where from the system */
    OPENAI_TURNS = IMAGE_URL | IMAGE_DETAIL | FILES | FILE_NAMES | LATE_SYSTEM,
    OPENAI_FORMAT = SCHEMA | SCHEMA_NAME | SCHEMA_STRICT,
    ANTHROPIC_TURNS = MIXED | THOUGHTS | SIGNED | REDACTED | ANY_NAMES,
    ANTHROPIC_MEDIA = IMAGE_URL | FILES | FILE_NAMES | CACHE_MARKS,
    RESULTS = ONE_RESULT_TURN | RESULT_ERROR | RESULT_MEDIA,
};

/* Its calls must carry a thought; an empty one is made up where there is none. */
static void fit_deepseek(struct dice *d, const struct asks *asks, struct msg_request *m)
{
    do
        any_exchange(d, asks, m);
    while (m->turns[1].parts[0].kind != MSG_THINKING);
}

/* Whether calls may be parallel is said as a part of the choice, if that is not "none". */
static void fit_anthropic(struct dice *d, const struct asks *asks, struct msg_request *m)
{
    (void)d;
    (void)asks;
    if (m->choice == MSG_CHOICE_NONE)
        m->parallel_tools = -1;
    else if (m->choice == MSG_CHOICE_UNSET && m->parallel_tools >= 0)
        m->choice = MSG_CHOICE_AUTO;
}

/* One of temperature and top_p; neither, and no forced call, where it thinks by a budget. */
static void fit_haiku(struct dice *d, const struct asks *asks, struct msg_request *m)
{
    fit_anthropic(d, asks, m);
    if (m->temperature.len > 0)
        m->top_p = STR_NONE;
    if (roll(d, 2) == 0)
        return;
    m->temperature = m->top_p = m->top_k = STR_NONE;
    m->effort = MSG_EFFORT_LOW;
    m->budget_tok = 1024 + (int64_t)roll(d, 900);
    m->n_turns =
        m->turns[0].role == MSG_SYSTEM ? 2 : 1; /* a tool loop has no room for it */
    if (m->choice > MSG_CHOICE_NONE) {
        m->choice = MSG_CHOICE_AUTO;
        m->choice_name = STR_NONE;
    }
}

/* With tools it takes no schema; it is asked for in words. */
static void fit_cohere(struct dice *d, const struct asks *asks, struct msg_request *m)
{
    (void)d;
    (void)asks;
    if (m->n_tools == 0)
        return;
    m->format = MSG_FORMAT_TEXT;
    m->schema = STR_NONE;
}

/*
 * A conversation with calls must offer tools; else those that were called are, and in words not.
 * One of temperature and top_p: Claude takes no more.
 */
static void fit_bedrock(struct dice *d, const struct asks *asks, struct msg_request *m)
{
    (void)asks;
    if (m->temperature.len > 0)
        m->top_p = STR_NONE;
    if (m->n_tools == 0)
        m->tools[m->n_tools++] = (struct msg_tool){.name = any_tool_name(d),
                                                   .schema = STR("{\"type\":\"object\"}"),
                                                   .strict = -1};
}

/* clang-format off */
static const struct voice voices[] = {
    {DIALECT_OPENAI, "openai", "gpt-5.1", NULL,
     {OPENAI_TURNS | PARTICIPANTS | AUDIO | ANY_ARGS | ANY_IDS | ANY_NAMES | USER | CHOICES | OPENAI_FORMAT,
      CHOICE_ANY, ANY, ANY,
      E(UNSET) | E(NONE) | E(MINIMAL) | E(LOW) | E(HIGH), 4},
     {THOUGHTS | ANY_ARGS | ANY_IDS | ANY_NAMES,
      TOLD_ID | TOLD_MODEL | TOLD_CACHED | TOLD_REASONING | TOLD_REFUSAL | TOLD_LOGPROBS, FINISH_ANY,
      "chatcmpl-"}, NULL},
    {DIALECT_OPENAI, "openai", "gpt-4.1", NULL,
     {OPENAI_TURNS | ANY_ARGS | SAMPLING | PENALTIES | SEED | JSON_MODE | OPENAI_FORMAT,
      CHOICE_ANY, ANY, ANY, E(UNSET), 4},
     {0, TOLD_ID | TOLD_MODEL, FINISH_ANY, "chatcmpl-"}, NULL},
    {DIALECT_OPENAI, "deepseek", "deepseek-flash", NULL,
     {THOUGHTS | ANY_ARGS, CHOICE_ANY, ANY, ANY, E(UNSET), 4},
     {THOUGHTS | ANY_ARGS, TOLD_ID | TOLD_MODEL, FINISH_ANY, "chatcmpl-"}, fit_deepseek},
    {DIALECT_ANTHROPIC, "anthropic", "claude-opus-4-8", NULL,
     {ANTHROPIC_TURNS | ANTHROPIC_MEDIA | RESULTS | SCHEMA | USER,
      CHOICE_ANY, ANY, ANY,
      E(UNSET) | E(NONE) | E(LOW) | E(MEDIUM) | E(XHIGH) | E(MAX), 4},
     {ANTHROPIC_TURNS, TOLD_ID | TOLD_MODEL | TOLD_STOP | TOLD_CACHED,
      FINISH_ANY | F(STOP_SEQUENCE) | F(CONTEXT_FULL) | F(PAUSED), "msg_"}, fit_anthropic},
    {DIALECT_ANTHROPIC, "anthropic", "claude-haiku-4-5", NULL,
     {ANTHROPIC_TURNS | ANTHROPIC_MEDIA | RESULTS | USER | SAMPLING | TOP_K,
      CHOICE_ANY, ANY, ANY, E(UNSET), 4},
     {ANTHROPIC_TURNS, TOLD_ID | TOLD_MODEL, FINISH_ANY, "msg_"}, fit_haiku},
    {DIALECT_RESPONSES, "openai", "gpt-5.5", NULL,
     {OPENAI_TURNS | MIXED | THOUGHTS | STATE | ANY_ARGS | ANY_IDS | ANY_NAMES | USER |
          OPENAI_FORMAT,
      CHOICE_ANY | C(SOME), NO | YES, ANY, E(UNSET) | E(NONE) | E(LOW) | E(XHIGH), 0},
     {MIXED | THOUGHTS | ANY_ARGS | ANY_IDS | ANY_NAMES,
      TOLD_ID | TOLD_MODEL | TOLD_CACHED | TOLD_REASONING | TOLD_REFUSAL | TOLD_LOGPROBS, FINISH_ANY,
      "resp_"}, NULL},
    {DIALECT_RESPONSES, "openai", "gpt-4.1", NULL,
     {OPENAI_TURNS | MIXED | ANY_ARGS | SAMPLING, CHOICE_ANY, NO | YES, ANY, E(UNSET), 0},
     {MIXED, TOLD_ID | TOLD_MODEL, FINISH_ANY, "resp_"}, NULL},
    {DIALECT_GEMINI, "gemini", "gemini-3-flash", &wire_gemini,
     {FILES | AUDIO | MIXED | SIGNED_CALLS | ANY_IDS | RESULTS | SAMPLING | TOP_K |
          PENALTIES | SEED | JSON_MODE | SCHEMA,
      CHOICE_ANY | C(SOME), UNSAID, UNSAID, E(UNSET) | E(MINIMAL) | E(LOW) | E(MEDIUM) | E(HIGH), 5},
     {MIXED | THOUGHTS | SIGNED_CALLS | ANY_IDS,
      TOLD_ID | TOLD_MODEL | TOLD_CACHED | TOLD_REASONING, FINISH_ANY, "aX"}, NULL},
    {DIALECT_COHERE, "cohere", "command-a-plus-05-2026", &wire_cohere,
     {IMAGE_URL | IMAGE_DETAIL | ANY_ARGS | ANY_IDS | SAMPLING | TOP_K | SEED | SCHEMA,
      C(UNSET) | C(NONE) | C(ANY), UNSAID, UNSAID, E(UNSET) | E(NONE), 5},
     {THOUGHTS | ANY_ARGS | ANY_IDS, TOLD_ID, F(STOP) | F(LENGTH) | F(STOP_SEQUENCE), ""},
     fit_cohere},
    {DIALECT_BEDROCK, "bedrock", "global.anthropic.claude-opus-4-6-v1", &wire_bedrock,
     {SYSTEM_PARTS | CACHE_MARKS | FILES | MIXED | THOUGHTS | SIGNED | REDACTED | ANY_NAMES |
          RESULTS | SAMPLING | TOP_K | SCHEMA | SCHEMA_NAME | USER,
      C(UNSET) | C(AUTO) | C(ANY) | C(ONE), UNSAID | YES, UNSAID,
      E(UNSET) | E(LOW) | E(MEDIUM) | E(HIGH) | E(XHIGH) | E(MAX), 9},
     {MIXED | THOUGHTS | SIGNED | REDACTED | ANY_NAMES, TOLD_CACHED,
      FINISH_ANY | F(STOP_SEQUENCE) | F(CONTEXT_FULL), ""}, fit_bedrock},
};
/* clang-format on */

/* ---- one case: a row and a seed ---- */

struct trial {
    const struct voice *v;
    const struct dialect_ops *ops;
    const struct provider_kind *kind;
    unsigned seed;
    struct dice d;
};

#define FAIL(t, ...)                                                                     \
    do {                                                                                 \
        print_error("%s: ", (t)->v->model);                                              \
        print_error(__VA_ARGS__);                                                        \
        fail_msg("%s as %s: PROPERTY_SEED=%u", (t)->v->model, (t)->ops->name,            \
                 (t)->seed);                                                             \
    } while (0)

/* Fails with the place where two long texts part. */
static void require_same(const struct trial *t, const char *what, const struct buf *got,
                         const struct buf *want)
{
    size_t i = 0;
    if (str_eq(buf_str(got), buf_str(want)))
        return;
    while (i < got->len && i < want->len && got->data[i] == want->data[i])
        i++;
    size_t from = i > 200 ? i - 200 : 0;
    FAIL(t, "byte %zu:\n…%.400s\nwant:\n…%.400s\n%s\n", i, got->data + from,
         want->data + from, what);
}

typedef void property(struct trial *t);

static void each_voice(property *holds, unsigned n_seeds)
{
    const char *only = getenv("PROPERTY_SEED");
    uint64_t first = 1, last = n_seeds;
    if (only != NULL && num_u64(str_of(only), UINT32_MAX, &first) == ERR_OK)
        last = first;
    for (size_t i = 0; i < ARRAY_LEN(voices); i++)
        for (uint64_t seed = first; seed <= last; seed++) {
            struct trial t = {.v = &voices[i],
                              .ops = dialect_ops(voices[i].dialect),
                              .kind = provider_kind_find(str_of(voices[i].kind)),
                              .seed = (unsigned)seed};
            dice_init(&t.d, seed);
            holds(&t);
            dice_release(&t.d);
        }
}

/* ---- requests ---- */

static void encode_request(struct trial *t, const struct msg_request *m, struct buf *out)
{
    const struct target_caps caps = {.kind = t->kind, .model = str_of(t->v->model)};
    struct dropped dropped = {.n = 0};
    struct err e = ERR_INIT;
    if (t->ops->request_encode(m, &caps, out, &dropped, &e) != ERR_OK)
        FAIL(t, "encode: %s\n", e.text);
    if (jscan_check(buf_str(out), &e) != ERR_OK)
        FAIL(t, "%s: %s\n", e.text, out->data);
    if (dropped.n > 0)
        FAIL(t, "dropped %s: %s\n", dropped.names[0], out->data);
}

static void read_request(struct trial *t, struct str body, struct msg_request *ret)
{
    struct err e = ERR_INIT;
    enum errc rc = t->v->wire != NULL
                       ? t->v->wire->read_request(body, &t->d.a, ret, &e)
                       : t->ops->request_decode(body, NULL, &t->d.a, ret, &e);
    if (rc != ERR_OK)
        FAIL(t, "read: %s: %.*s\n", e.text, STR_ARG(body));
}

static void request_comes_back(struct trial *t)
{
    struct msg_request m, again;
    AUTO(buf_release) struct buf body = BUF_INIT(1 << 20);
    AUTO(buf_release) struct buf want = BUF_INIT(1 << 20);
    AUTO(buf_release) struct buf got = BUF_INIT(1 << 20);
    any_request(&t->d, &t->v->asks, &m);
    if (t->v->fit != NULL)
        t->v->fit(&t->d, &t->v->asks, &m);
    encode_request(t, &m, &body);
    read_request(t, buf_str(&body), &again);
    show_request(&want, &m);
    show_request(&got, &again);
    require_same(t, body.data, &got, &want);
}

static void what_a_request_can_say_survives_it(void **state)
{
    (void)state;
    each_voice(request_comes_back, 1000);
}

/* ---- answers, as a provider writes them ---- */

static const struct encode_ctx ctx = {
    .request_id = "01K", .created_s = 7, .include_usage = true};

static void encode_pieces(struct trial *t, struct delta_encoder *n,
                          struct msg_delta delta, struct str text, struct buf *out)
{
    while (wire_piece(&t->d, &text, &delta.text)) {
        t->ops->encode_delta(n, &delta, out);
        delta.logprobs = STR_NONE; /* all came with the first */
    }
}

static void encode_part(struct trial *t, struct delta_encoder *n,
                        const struct msg_part *p, unsigned *n_calls, struct buf *out)
{
    struct msg_delta call = {
        .kind = MSG_D_CALL, .index = *n_calls, .id = p->id, .name = p->name};
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        encode_pieces(
            t, n,
            (struct msg_delta){.kind = p->kind == MSG_TEXT ? MSG_D_TEXT : MSG_D_REFUSAL,
                               .logprobs = p->logprobs},
            p->text, out);
        break;
    case MSG_THINKING:
        encode_pieces(t, n, (struct msg_delta){.kind = MSG_D_THINKING}, p->text, out);
        if (p->signature.len > 0)
            t->ops->encode_delta(
                n, &(struct msg_delta){.kind = MSG_D_SIGNATURE, .text = p->signature},
                out);
        break;
    case MSG_REDACTED:
        t->ops->encode_delta(
            n, &(struct msg_delta){.kind = MSG_D_REDACTED, .text = p->data}, out);
        break;
    case MSG_TOOL_CALL:
        t->ops->encode_delta(n, &call, out);
        encode_pieces(t, n, (struct msg_delta){.kind = MSG_D_ARGS, .index = (*n_calls)++},
                      p->args, out);
        break;
    case MSG_IMAGE:
    case MSG_FILE:
    case MSG_AUDIO:
    case MSG_TOOL_RESULT:
        FAIL(t, "an answer has no part %d\n", (int)p->kind);
    }
}

/* The broker's other half. */
static void encode_stream(struct trial *t, const struct msg_reply *r, struct buf *out)
{
    struct delta_encoder *n = t->ops->encoder_new(&ctx);
    const struct msg_delta start = {.kind = MSG_D_START, .id = r->id, .model = r->model};
    const struct msg_delta ends[] = {
        {.kind = MSG_D_FINISH, .finish = r->finish, .stop_sequence = r->stop_sequence},
        {.kind = MSG_D_USAGE, .usage = &r->usage},
        {.kind = MSG_D_END},
    };
    unsigned n_calls = 0;
    t->ops->encode_delta(n, &start, out);
    for (size_t i = 0; i < r->n_parts; i++)
        encode_part(t, n, &r->parts[i], &n_calls, out);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        t->ops->encode_delta(n, &ends[i], out);
    t->ops->encoder_free(&n);
    if (!str_ends(buf_str(out), str_of(t->ops->end_mark())))
        FAIL(t, "no end mark: %s\n", out->data);
}

static void write_stream(struct trial *t, const struct msg_reply *r, struct buf *out)
{
    if (t->v->wire != NULL)
        t->v->wire->write_stream(&t->d, r, out);
    else
        encode_stream(t, r, out);
}

static void write_reply(struct trial *t, const struct msg_reply *r, struct buf *out)
{
    if (t->v->wire != NULL)
        t->v->wire->write_reply(&t->d, r, out);
    else
        t->ops->reply_encode(r, &ctx, out);
}

/* ---- answers, as the broker reads them ---- */

/* The bytes of a stream: what was collected, and what a client of each dialect gets. */
struct reading {
    struct trial *t;
    struct event_decoder *decoder;
    struct arena arena;
    struct msg_collect collect;
    struct scan_state scan;
    struct delta_encoder *clients[DIALECT_N_];
    struct buf out[DIALECT_N_];
    unsigned n_start, n_finish, n_end, flags;
};

static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct reading *r = arg;
    r->n_start += d->kind == MSG_D_START;
    r->n_finish += d->kind == MSG_D_FINISH;
    r->n_end += d->kind == MSG_D_END;
    for (enum dialect c = 0; c < DIALECT_N_; c++)
        if (r->clients[c] != NULL)
            dialect_ops(c)->encode_delta(r->clients[c], d, &r->out[c]);
    return msg_collect_delta(&r->collect, d, e);
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct reading *r = arg;
    r->flags |= r->t->ops->scan_event(&r->scan, ev, e);
    return r->t->ops->decode_event(r->decoder, ev, on_delta, r, e);
}

static void reading_begin(struct reading *r, struct trial *t)
{
    *r = (struct reading){.t = t, .decoder = t->ops->decoder_new(t->kind)};
    arena_init(&r->arena, 1 << 22);
    msg_collect_init(&r->collect, &r->arena);
    t->ops->scan_init(&r->scan, t->kind);
    for (enum dialect c = 0; c < DIALECT_N_; c++) {
        r->out[c] = (struct buf)BUF_INIT(1 << 20);
        if (dialect_ops(c)->encoder_new != NULL)
            r->clients[c] = dialect_ops(c)->encoder_new(&ctx);
    }
}

static void reading_end(struct reading *r)
{
    msg_collect_release(&r->collect);
    arena_release(&r->arena);
    r->t->ops->decoder_free(&r->decoder);
    for (enum dialect c = 0; c < DIALECT_N_; c++) {
        if (r->clients[c] != NULL)
            dialect_ops(c)->encoder_free(&r->clients[c]);
        buf_release(&r->out[c]);
    }
}

/* Where the bytes are cut: once, or as cuts.h does. */
struct knife {
    size_t once; /* SIZE_MAX: not so */
    struct cuts cuts;
};

static size_t next_cut(struct knife *k)
{
    size_t len = k->once == SIZE_MAX ? cuts_next(&k->cuts) : k->once;
    if (k->once != SIZE_MAX) /* then all of the rest */
        k->once = SIZE_MAX, k->cuts.how = CUT_WHOLE;
    return MAX(len, (size_t)1);
}

static void read_stream(struct reading *r, struct str bytes, struct knife knife)
{
    const bool is_binary = r->t->ops->is_binary;
    struct err e = ERR_INIT;
    struct sse text;
    struct eventstream binary;
    sse_init(&text, 1 << 20);
    eventstream_init(&binary, 1 << 20);
    while (bytes.len > 0) {
        size_t len = next_cut(&knife);
        struct str piece = str_sub(bytes, 0, len);
        enum errc rc = is_binary ? eventstream_feed(&binary, piece, on_event, r, &e)
                                 : sse_feed(&text, piece, on_event, r, &e);
        if (rc != ERR_OK)
            FAIL(r->t, "stream: %s\n", e.text);
        bytes = str_sub(bytes, len, bytes.len);
    }
    if (eventstream_is_partial(&binary) || sse_rest(&text).len > 0)
        FAIL(r->t, "a stream ends within an event\n");
    sse_release(&text);
    eventstream_release(&binary);
}

static const struct knife whole = {SIZE_MAX, {CUT_WHOLE, 0}};
static const struct knife by_bytes = {SIZE_MAX, {CUT_BYTES, 0}};

/* What was watched agrees with what was decoded: usage and finish are taken from there. */
static void require_watched(const struct trial *t, const struct reading *r,
                            const struct msg_reply *want)
{
    if ((r->flags & (EV_MALFORMED | EV_ERROR)) != 0 || (r->flags & EV_CONTENT) == 0)
        FAIL(t, "the scan says %x\n", r->flags);
    if (r->scan.finish != want->finish)
        FAIL(t, "the scan ends with %s, want %s\n", msg_finish_name(r->scan.finish),
             msg_finish_name(want->finish));
    if (memcmp(r->scan.usage.n, want->usage.n, sizeof want->usage.n) != 0)
        FAIL(t, "the scan has another usage\n");
}

static void reply_comes_back(struct trial *t)
{
    struct msg_reply want_reply, got_reply;
    struct reading r;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf bytes = BUF_INIT(1 << 20);
    AUTO(buf_release) struct buf want = BUF_INIT(1 << 20);
    AUTO(buf_release) struct buf got = BUF_INIT(1 << 20);
    any_reply(&t->d, &t->v->tells, &want_reply);
    show_reply(&want, &want_reply);
    write_stream(t, &want_reply, &bytes);
    reading_begin(&r, t);
    read_stream(&r, buf_str(&bytes), whole);
    show_reply(&got, msg_collect_reply(&r.collect));
    require_same(t, "streamed", &got, &want);
    unsigned n_end = t->v->dialect == DIALECT_GEMINI ? 0 : 1; /* it just closes */
    if (r.n_start != 1 || r.n_finish != 1 || r.n_end != n_end)
        FAIL(t, "%u starts, %u finishes, %u ends\n", r.n_start, r.n_finish, r.n_end);
    require_watched(t, &r, &want_reply);
    reading_end(&r);
    buf_reset(&bytes);
    buf_reset(&got);
    write_reply(t, &want_reply, &bytes);
    if (t->ops->reply_decode(buf_str(&bytes), t->kind, &t->d.a, &got_reply, &e) != ERR_OK)
        FAIL(t, "%s: %s\n", e.text, bytes.data);
    show_reply(&got, &got_reply);
    require_same(t, bytes.data, &got, &want);
}

static void what_an_answer_can_say_survives_it(void **state)
{
    (void)state;
    each_voice(reply_comes_back, 1000);
}

/* ---- cuts ---- */

static void require_same_cut(struct trial *t, struct str bytes, struct knife knife,
                             const struct reading *want)
{
    struct reading r;
    char what[64];
    snprintf(what, sizeof what, "cut at %zu, %u", knife.once, knife.cuts.how);
    reading_begin(&r, t);
    read_stream(&r, bytes, knife);
    for (enum dialect c = 0; c < DIALECT_N_; c++)
        require_same(t, what, &r.out[c], &want->out[c]);
    require_watched(t, &r, msg_collect_reply(&r.collect));
    reading_end(&r);
}

/* Byte by byte, by chance, and (every) once at each byte. */
static void check_cuts(struct trial *t, bool every)
{
    struct msg_reply m;
    struct reading want;
    AUTO(buf_release) struct buf bytes = BUF_INIT(1 << 20);
    any_reply(&t->d, &t->v->tells, &m);
    write_stream(t, &m, &bytes);
    reading_begin(&want, t);
    read_stream(&want, buf_str(&bytes), whole);
    require_same_cut(t, buf_str(&bytes), by_bytes, &want);
    for (unsigned how = CUT_RANDOM; how < CUT_RANDOM + 3; how++)
        require_same_cut(t, buf_str(&bytes),
                         (struct knife){SIZE_MAX, cuts_of(how + CUT_RANDOM * t->seed)},
                         &want);
    for (size_t i = 1; every && i < bytes.len; i++)
        require_same_cut(t, buf_str(&bytes), (struct knife){i, {CUT_WHOLE, 0}}, &want);
    reading_end(&want);
}

static void cuts_make_no_difference(struct trial *t)
{
    check_cuts(t, false);
}

static void no_cut_makes_a_difference(struct trial *t)
{
    check_cuts(t, true);
}

static void where_a_stream_is_cut_makes_no_difference(void **state)
{
    (void)state;
    each_voice(cuts_make_no_difference, 100);
}

static void nor_does_a_cut_at_any_byte(void **state)
{
    (void)state;
    each_voice(no_cut_makes_a_difference, 1);
}

/* ---- names of tools ---- */

/* The provider is offered a tool, and calls it by the name that it was told. */
static void name_comes_back(struct trial *t)
{
    struct msg_request m, offered;
    struct msg_reply r;
    struct msg_part call;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf body = BUF_INIT(1 << 20);
    AUTO(buf_release) struct buf answer = BUF_INIT(1 << 20);
    const struct asks bare = {
        0,      C(UNSET), t->v->dialect == DIALECT_RESPONSES ? NO : UNSAID,
        UNSAID, E(UNSET), 0};
    any_request(&t->d, &bare, &m);
    m.n_turns = 1;
    m.n_tools = 1;
    m.tools[0] = (struct msg_tool){.name = any_tool_name(&t->d), .strict = -1};
    encode_request(t, &m, &body);
    read_request(t, buf_str(&body), &offered);
    struct str name = offered.tools[0].name;
    if (t->v->wire != NULL && !t->v->wire->is_name(name))
        FAIL(t, "%.*s is no name for %.*s\n", STR_ARG(name), STR_ARG(m.tools[0].name));
    any_reply(&t->d, &t->v->tells, &r);
    call = (struct msg_part){
        .kind = MSG_TOOL_CALL, .id = STR("call_1"), .name = name, .args = STR("{}")};
    r.parts = &call;
    r.n_parts = 1;
    r.finish = MSG_FINISH_TOOL;
    write_reply(t, &r, &answer);
    if (t->ops->reply_decode(buf_str(&answer), t->kind, &t->d.a, &r, &e) != ERR_OK)
        FAIL(t, "%s: %s\n", e.text, answer.data);
    if (r.n_parts != 1 || !str_eq(r.parts[0].name, m.tools[0].name))
        FAIL(t, "%.*s came back from %.*s, offered as %.*s\n", STR_ARG(r.parts[0].name),
             STR_ARG(m.tools[0].name), STR_ARG(name));
}

static void a_tool_is_called_by_the_name_it_was_given(void **state)
{
    (void)state;
    each_voice(name_comes_back, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_request_can_say_survives_it),
        cmocka_unit_test(what_an_answer_can_say_survives_it),
        cmocka_unit_test(where_a_stream_is_cut_makes_no_difference),
        cmocka_unit_test(nor_does_a_cut_at_any_byte),
        cmocka_unit_test(a_tool_is_called_by_the_name_it_was_given),
    };
    return cmocka_run_group_tests_name("properties", tests, NULL, NULL);
}
