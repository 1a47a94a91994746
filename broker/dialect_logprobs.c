/*
 * dialect_logprobs.c: how likely the tokens of an answer were, in every dialect's words for it, as
 * objects of Chat: {"token", "logprob", "bytes", "top_logprobs": […]}.
 *
 * Numbers and tokens stay the provider's own text. Bytes are null where nobody tells them: a token
 * may be a part of a character, whose bytes its text does not have.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (ChatCompletionTokenLogprob; ResponseLogProb, which
 * leaves bytes out in streams); googleapis generativelanguage/v1beta generative_service.proto
 * (LogprobsResult); cohere-openapi.yaml of 2026-08-20 (LogprobItem).
 */
#include "broker/dialect_priv.h"

/* Up to the token's bytes. */
static void begin_token(struct str token, struct str logprob, struct str bytes,
                        struct buf *out)
{
    buf_addz(out, out->len > 0 && out->data[out->len - 1] == '}' ? "," : "");
    buf_addz(out, "{\"token\":");
    buf_adds(out, token);
    buf_addz(out, ",\"logprob\":");
    buf_adds(out, logprob);
    buf_addz(out, ",\"bytes\":");
    buf_adds(out, bytes);
}

static void add_openai(struct str t, struct jspan v, bool is_other, struct buf *out)
{
    enum { TOKEN, LOGPROB, BYTES, TOP, N };
    struct jfield f[N] = {[TOKEN] = {.name = "token"},
                          [LOGPROB] = {.name = "logprob"},
                          [BYTES] = {.name = "bytes"},
                          [TOP] = {.name = "top_logprobs"}};
    struct jspan other;
    size_t it = 0;
    if (!jscan_fields(t, v, f, N) || f[TOKEN].value.kind != J_STRING ||
        f[LOGPROB].value.kind != J_NUMBER)
        return;
    struct str bytes =
        f[BYTES].value.kind == J_ARRAY ? jscan_text(t, f[BYTES].value) : STR("null");
    begin_token(jscan_text(t, f[TOKEN].value), jscan_text(t, f[LOGPROB].value), bytes,
                out);
    if (!is_other) {
        buf_addz(out, ",\"top_logprobs\":[");
        while (f[TOP].value.kind == J_ARRAY && jscan_next(t, f[TOP].value, &it, &other))
            add_openai(t, other, true, out);
        buf_addc(out, ']');
    }
    buf_addc(out, '}');
}

void logprobs_read(struct str t, struct jspan array, struct buf *out)
{
    struct jspan v;
    size_t it = 0;
    while (array.kind == J_ARRAY && jscan_next(t, array, &it, &v))
        add_openai(t, v, false, out);
}

/*
 * How many of the first `items` are of the thoughts: those before the ones that make up the text,
 * by their lengths. None, where they do not add up.
 */
static size_t count_thought(struct str t, struct jspan items, const char *name,
                            size_t said_len)
{
    struct jspan v;
    size_t it = 0, len = 0, n = 0;
    if (said_len == SIZE_MAX)
        return 0;
    while (jscan_next(t, items, &it, &v))
        len += json_decoded_len(t, jscan_get(t, v, name));
    for (it = 0; len > said_len && jscan_next(t, items, &it, &v); n++)
        len -= json_decoded_len(t, jscan_get(t, v, name));
    return len == said_len ? n : 0;
}

/* ---- Gemini ---- */

/* False: it is none. What cannot be is no number in proto3's JSON; Chat has one for it. */
static bool begin_candidate(struct str t, struct jspan v, struct buf *out)
{
    enum { TOKEN, LOGPROB, N };
    struct jfield f[N] = {
        [TOKEN] = {.name = "token"}, [LOGPROB] = {.name = "logProbability"}};
    if (!jscan_fields(t, v, f, N))
        return false;
    bool is_never = jscan_is(t, f[LOGPROB].value, "-Infinity");
    if (!is_never && f[LOGPROB].value.kind != J_NUMBER)
        return false;
    begin_token(
        f[TOKEN].value.kind == J_STRING ? jscan_text(t, f[TOKEN].value) : STR("\"\""),
        is_never ? STR("-9999.0") : jscan_text(t, f[LOGPROB].value), STR("null"), out);
    return true;
}

/* The others that came into question at the same step. */
static void add_top(struct str t, struct jspan step, struct buf *out)
{
    struct jspan candidates = jscan_get(t, step, "candidates"), v;
    size_t it = 0;
    while (candidates.kind == J_ARRAY && jscan_next(t, candidates, &it, &v))
        if (begin_candidate(t, v, out))
            buf_addc(out, '}');
}

void logprobs_read_gemini(struct str t, struct jspan result, size_t said_len,
                          struct buf *out)
{
    struct jspan chosen = jscan_get(t, result, "chosenCandidates");
    struct jspan top = jscan_get(t, result, "topCandidates");
    struct jspan v, step;
    size_t it = 0, top_it = 0;
    if (chosen.kind != J_ARRAY)
        return;
    size_t n_thought = count_thought(t, chosen, "token", said_len);
    for (size_t i = 0; jscan_next(t, chosen, &it, &v); i++) {
        bool has_top = top.kind == J_ARRAY && jscan_next(t, top, &top_it, &step);
        if (i < n_thought || !begin_candidate(t, v, out))
            continue;
        buf_addz(out, ",\"top_logprobs\":[");
        if (has_top)
            add_top(t, step, out);
        buf_addz(out, "]}");
    }
}

/* ---- Cohere ---- */

/*
 * An item is a piece of the text, which may be of several tokens: the text is the first one's, the
 * others have theirs without it. So texts and likelihoods both add up to those of the whole.
 */
static void add_item(struct str t, struct jspan item, struct buf *out)
{
    enum { TEXT, LOGPROBS, N };
    struct jfield f[N] = {[TEXT] = {.name = "text"}, [LOGPROBS] = {.name = "logprobs"}};
    struct jspan v;
    size_t it = 0;
    if (!jscan_fields(t, item, f, N) || f[LOGPROBS].value.kind != J_ARRAY)
        return;
    bool has_text = f[TEXT].value.kind == J_STRING;
    while (jscan_next(t, f[LOGPROBS].value, &it, &v)) {
        if (v.kind != J_NUMBER)
            continue;
        begin_token(has_text ? jscan_text(t, f[TEXT].value) : STR("\"\""),
                    jscan_text(t, v), STR("null"), out);
        buf_addz(out, ",\"top_logprobs\":[]}");
        has_text = false;
    }
}

void logprobs_read_cohere(struct str t, struct jspan items, size_t said_len,
                          struct buf *out)
{
    struct jspan v;
    size_t it = 0;
    if (items.kind == J_OBJECT)
        add_item(t, items, out);
    if (items.kind != J_ARRAY)
        return;
    size_t n_thought = count_thought(t, items, "text", said_len);
    for (size_t i = 0; jscan_next(t, items, &it, &v); i++)
        if (i >= n_thought)
            add_item(t, v, out);
}
