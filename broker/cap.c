/*
 * cap.c: see cap.h. One row for each wording.
 *
 * Sources: OpenAI error texts; OpenRouter, DashScope, Kimi and vLLM from their error pages
 * (2026-11); the rest as captured in public issues: Anthropic (anthropics/claude-code#24451),
 * DeepSeek (deepseek-ai/DeepSeek-V3#69), Groq (RooCodeInc/Roo-Code#5136), Bedrock
 * (vercel/ai#2772), Vertex, whose bound is the first that is too high (aaif-goose/goose#11364).
 */
#include "broker/cap.h"

#include <string.h>

#include "core/num.h"
#include "core/str.h"

enum {
    /* tokens: an answer that is cut to fit its window or its purse below this is a stump */
    CAP_LEAST_TOK = 1024,
};

enum cap_form {
    FORM_MODEL,   /* the model's most */
    FORM_BELOW,   /* the same, and one more than it may be */
    FORM_PURSE,   /* what the account can pay */
    FORM_WINDOW,  /* the window, and what the prompt takes of it */
    FORM_REQUEST, /* the window, and what prompt and cap took together */
};

static const struct cap_row {
    enum cap_form form;
    const char *marker; /* lower case */
    const char *most;   /* the number stands behind it */
    const char *taken;  /* of the last two: so does the other */
} rows[] = {
    {FORM_MODEL, "tokens is too large", "at most ", NULL}, /* OpenAI */
    {FORM_MODEL, "range of max_tokens", "[1, ", NULL},     /* DashScope, DeepSeek */
    {FORM_MODEL, "maximum allowed number of output tokens", " > ", NULL}, /* Anthropic */
    {FORM_MODEL, "maximum tokens you requested exceeds", "limit of ", NULL}, /* Bedrock */
    {FORM_MODEL, "tokens` must be less than or equal to", "equal to `", NULL}, /* Groq */
    {FORM_BELOW, "maxoutputtokens value of", "(inclusive) to ", NULL}, /* Vertex */
    {FORM_PURSE, "fewer max_tokens", "can only afford ", NULL},        /* OpenRouter */
    {FORM_WINDOW, "maximum context length is", "length is ", " tokens ("}, /* OpenAI … */
    {FORM_WINDOW, "maximum context length is", "length is ", "contains at least "},
    {FORM_REQUEST, "exceeded model token limit", "limit: ", "requested: "}, /* Kimi */
};

/* The number behind the first `before`; −1: there is none. */
static int64_t number_behind(struct str text, const char *before)
{
    struct str needle = str_of(before);
    int64_t n;
    size_t at = str_search(text, needle), len = 0;
    if (at == text.len)
        return -1;
    struct str rest = str_sub(text, at + needle.len, text.len);
    while (len < rest.len && rest.ptr[len] >= '0' && rest.ptr[len] <= '9')
        len++;
    bool is_number = num_i64(str_sub(rest, 0, len), 1, INT64_MAX / 4, &n) == ERR_OK;
    return is_number ? n : -1;
}

/* −1: it does not say. */
static int64_t stated(const struct cap_row *row, struct str text, int64_t sent_tok)
{
    int64_t most = number_behind(text, row->most);
    int64_t taken = row->taken != NULL ? number_behind(text, row->taken) : 0;
    int64_t cap = -1;
    if (most < 0 || taken < 0)
        return -1;
    switch (row->form) {
    case FORM_MODEL:
        return most;
    case FORM_BELOW:
        return most - 1;
    case FORM_PURSE:
        cap = most;
        break;
    case FORM_WINDOW:
        cap = most - taken;
        break;
    case FORM_REQUEST:
        cap = sent_tok >= 0 ? sent_tok - (taken - most) : -1;
        break;
    }
    return cap >= CAP_LEAST_TOK ? cap : -1;
}

static bool is_about_request(enum errc code)
{
    return code == ERR_INVALID || code == ERR_CONTEXT || code == ERR_TOO_LARGE;
}

int64_t cap_of_refusal(const struct err *e, int64_t sent_tok, int64_t model_tok,
                       bool *ret_is_model)
{
    struct str text = str_of(e->text);
    int64_t cap = -1;
    /* OpenRouter's word, whatever it says beside */
    bool is_named = str_eqz(str_of(e->provider_code), "max_tokens_exceeded");
    *ret_is_model = is_named;
    if (e->origin != ERR_BY_CLIENT || !is_about_request(e->code))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(rows) && cap < 0; i++) {
        if (!str_icontains(text, str_of(rows[i].marker)))
            continue;
        cap = stated(&rows[i], text, sent_tok);
        *ret_is_model = rows[i].form == FORM_MODEL || rows[i].form == FORM_BELOW;
        is_named |= *ret_is_model;
    }
    if (cap < 0 && is_named && model_tok > 0)
        cap = model_tok;
    /* a refusal may quote its request: no client makes stumps of all others' answers */
    *ret_is_model &= cap >= CAP_LEAST_TOK;
    return cap > 0 && (sent_tok < 0 || cap < sent_tok) ? cap : -1;
}
