/*
 * logprobs.c: how likely the tokens of a text were, as each provider says it, if that was asked for.
 *
 * Sources: OpenAI's OpenAPI file of 2026-08-21 (ChatCompletionTokenLogprob, LogProb,
 * ResponseLogProb); googleapis generativelanguage/v1beta generative_service.proto
 * (GenerationConfig, LogprobsResult); cohere-openapi.yaml of 2026-08-20 (LogprobItem).
 */
#include <inttypes.h>

#include "core/jsonx.h"

#include "tests/sim/sim.h"

/* The next token of the text, which loses it. */
static struct str take_token(struct str *text)
{
    struct str token = text_token(*text);
    *text = str_sub(*text, token.len, text->len);
    return token;
}

/* ---- OpenAI ---- */

static void openai_token(struct str token, bool has_bytes, int64_t rank, struct buf *out)
{
    buf_addz(out, "{\"token\":");
    json_quote(out, token);
    buf_printf(out, ",\"logprob\":-%" PRId64 ".25", rank);
    if (has_bytes)
        buf_addz(out, ",\"bytes\":[");
    for (size_t i = 0; has_bytes && i < token.len; i++)
        buf_printf(out, "%s%d", i > 0 ? "," : "", (unsigned char)token.ptr[i]);
    buf_addz(out, has_bytes ? "]" : "");
}

void logprobs_openai(const struct answer *a, struct str text, bool has_bytes,
                     struct buf *out)
{
    buf_addc(out, '[');
    for (size_t n = 0; a->ask->logprobs && text.len > 0; n++) {
        struct str token = take_token(&text);
        buf_addz(out, n > 0 ? "," : "");
        openai_token(token, has_bytes, 0, out);
        buf_addz(out, ",\"top_logprobs\":[");
        for (int64_t i = 0; i < a->ask->top_logprobs; i++) {
            buf_addz(out, i > 0 ? "," : "");
            openai_token(i == 0 ? token : STR("?"), has_bytes, i, out);
            buf_addc(out, '}');
        }
        buf_addz(out, "]}");
    }
    buf_addc(out, ']');
}

/* ---- Gemini ---- */

bool logprobs_gemini_read(struct ask *ask, struct json_object *config, struct fault *f)
{
    enum { MOST = 20 };
    const char *wrong = NULL;
    ask->logprobs = jx_bool(config, "responseLogprobs", false);
    if (!json_object_object_get_ex(config, "logprobs", NULL))
        return true;
    if (!ask->logprobs)
        wrong = "logprobs is only valid if response_logprobs is true.";
    else if (!jx_i64(config, "logprobs", 0, MOST, &ask->top_logprobs))
        wrong = "logprobs must be in the range of [0, 20].";
    if (wrong != NULL)
        fault_invalid(f, "INVALID_ARGUMENT", NULL, NULL, wrong);
    return wrong == NULL;
}

static void gemini_token(struct str token, int64_t rank, struct buf *out)
{
    buf_addz(out, "{\"token\":");
    json_quote(out, token);
    buf_printf(out, ",\"tokenId\":%zu,\"logProbability\":-%" PRId64 ".25}", token.len,
               rank);
}

static void gemini_top(const struct answer *a, struct str text, struct buf *out)
{
    buf_addz(out, "\"topCandidates\":[");
    for (size_t n = 0; text.len > 0; n++) {
        struct str token = take_token(&text);
        buf_printf(out, "%s{\"candidates\":[", n > 0 ? "," : "");
        for (int64_t i = 0; i < a->ask->top_logprobs; i++) {
            buf_addz(out, i > 0 ? "," : "");
            gemini_token(i == 0 ? token : STR("?"), i, out);
        }
        buf_addz(out, "]}");
    }
    buf_addz(out, "],");
}

void logprobs_gemini(const struct answer *a, struct str text, struct buf *out)
{
    if (!a->ask->logprobs || text.len == 0)
        return;
    buf_addz(out, ",\"logprobsResult\":{");
    if (a->ask->top_logprobs > 0)
        gemini_top(a, text, out);
    buf_addz(out, "\"chosenCandidates\":[");
    for (size_t n = 0; text.len > 0; n++) {
        buf_addz(out, n > 0 ? "," : "");
        gemini_token(take_token(&text), 0, out);
    }
    buf_addz(out, "]}");
}

/* ---- Cohere ---- */

/* What is not all ASCII is of two tokens. */
static void cohere_item(struct str text, struct buf *out)
{
    bool is_two = false;
    for (size_t i = 0; i < text.len; i++)
        is_two |= (unsigned char)text.ptr[i] > 127;
    buf_addz(out, "{\"text\":");
    json_quote(out, text);
    buf_addz(out, is_two ? ",\"token_ids\":[7,8],\"logprobs\":[-0.25,-1e-3]}"
                         : ",\"token_ids\":[7],\"logprobs\":[-0.25]}");
}

void logprobs_cohere(const struct answer *a, struct str text, bool is_whole,
                     struct buf *out)
{
    if (!a->ask->logprobs || text.len == 0)
        return;
    buf_printf(out, ",\"logprobs\":%s", is_whole ? "[" : "");
    for (size_t n = 0; text.len > 0; n++) {
        buf_addz(out, n > 0 ? "," : "");
        cohere_item(is_whole ? take_token(&text) : text, out);
        if (!is_whole)
            break;
    }
    buf_addz(out, is_whole ? "]" : "");
}
