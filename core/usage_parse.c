/*
 * usage_parse.c: from each provider's usage object to disjoint classes.
 *
 * Owns the knowledge of what stands inside what.
 *
 *     cached     inside the prompt (OpenAI and its kin, Gemini), outside (Anthropic, Converse)
 *     reasoning  inside the output (OpenAI, Anthropic, DeepSeek), outside (Gemini, xAI chat,
 *                Perplexity)
 *
 * Sources, read from 2026-08 to 2026-11-22: the usage objects in OpenAI's openapi file,
 * platform.claude.com/docs/en/api/messages, ai.google.dev/api/generate-content
 * (UsageMetadata), api-docs.deepseek.com, alibabacloud.com/help/en/model-studio/context-cache,
 * docs.x.ai/developers/cost-tracking, docs.perplexity.ai/api-reference, docs.mistral.ai/api,
 * docs.cohere.com/v2/reference/chat, docs.aws.amazon.com/bedrock (TokenUsage).
 */
#include <string.h>

#include "core/jscan.h"
#include "core/money.h"
#include "core/num.h"
#include "core/usage.h"

/* No count that a provider sends comes near; sums of them stay in 64 bits. */
#define COUNT_MAX ((int64_t)1000 * 1000 * 1000 * 1000)
enum { ABSENT = -1 };

enum {
    MEMBERS = 16, /* of one object; the widest known has 15 */
    OBJECTS = 4,  /* with members worth keeping: the root and its details */
};

/*
 * The members of an object, found in one pass: a usage object is asked for some forty names,
 * most of which it does not have.
 */
struct members {
    struct jspan object; /* J_NONE: unused */
    size_t n;            /* above MEMBERS: not all are here, or a key has escapes */
    struct {
        struct str key;
        struct jspan value;
    } at[MEMBERS];
};

struct reader {
    struct str text, provider;
    struct members seen[OBJECTS];
    struct jspan root;
    struct usage *u;
    const char *bad;      /* the first field that should be a count and is not */
    bool reasoning_apart; /* completion_tokens is told without the reasoning */
    bool mismatch;
};

static void see(struct reader *r, struct jspan object, struct members *m)
{
    struct str key;
    struct jspan value;
    size_t it = 0;
    m->object = object;
    m->n = 0;
    while (m->n <= MEMBERS && jscan_member(r->text, object, &it, &key, &value)) {
        bool is_plain = str_find(key, '\\') == key.len;
        if (m->n == MEMBERS || !is_plain) {
            m->n = MEMBERS + 1;
            return;
        }
        m->at[m->n].key = key;
        m->at[m->n++].value = value;
    }
}

/* jscan_get, but for the passes it saves. */
static struct jspan member(struct reader *r, struct jspan object, const char *name)
{
    struct members *m = r->seen;
    if (object.kind != J_OBJECT)
        return (struct jspan){0};
    while (m < r->seen + OBJECTS && m->object.kind != J_NONE &&
           m->object.pos != object.pos)
        m++;
    if (m == r->seen + OBJECTS)
        return jscan_get(r->text, object, name);
    if (m->object.kind == J_NONE)
        see(r, object, m);
    if (m->n > MEMBERS)
        return jscan_get(r->text, object, name);
    for (size_t i = 0; i < m->n; i++) {
        struct str key = m->at[i].key;
        if (key.len > 0 && key.ptr[0] == name[0] && str_eqz(key, name))
            return m->at[i].value;
    }
    return (struct jspan){0};
}

/* ABSENT when there is no such field or it is null. */
static int64_t count(struct reader *r, struct jspan object, const char *name)
{
    int64_t n = ABSENT;
    struct jspan v = member(r, object, name);
    if (v.kind == J_NONE || v.kind == J_NULL)
        return ABSENT;
    if (!jscan_i64(r->text, v, 0, COUNT_MAX, &n) && r->bad == NULL)
        r->bad = name;
    return n;
}

/* The first of the fields that is there; names end with NULL. */
static int64_t count_any(struct reader *r, struct jspan object, const char *const *names)
{
    int64_t n = ABSENT;
    for (; n == ABSENT && *names != NULL; names++)
        n = count(r, object, *names);
    return n;
}

static int64_t minus(struct reader *r, int64_t from, int64_t n)
{
    if (n <= from)
        return from - MAX(n, 0);
    r->mismatch = true;
    return 0;
}

static void set(struct reader *r, enum usage_class c, int64_t n)
{
    if (n != ABSENT)
        usage_set(r->u, c, n);
}

static void expect(struct reader *r, int64_t told, int64_t reckoned)
{
    if (told != ABSENT && told != reckoned)
        r->mismatch = true;
}

/* A number of dollars, which may be a fraction below a pico-dollar. */
static pico dollars(struct reader *r, struct jspan object, const char *name)
{
    int64_t v;
    struct jspan n = member(r, object, name);
    if (n.kind != J_NUMBER ||
        num_decimal(jscan_text(r->text, n), 12, true, true, &v) != ERR_OK || v < 0)
        return PICO_UNKNOWN;
    return v;
}

/* OpenRouter: credits, and with the caller's own key what its provider takes beside them. */
static void read_reported(struct reader *r)
{
    enum { PICO_PER_TICK = 100 }; /* xAI: 10^10 ticks a dollar */
    pico cost = dollars(r, r->root, "cost");
    struct jspan details = member(r, r->root, "cost_details");
    if (cost != PICO_UNKNOWN && member(r, r->root, "is_byok").kind == J_TRUE) {
        pico upstream = dollars(r, details, "upstream_inference_cost");
        if (upstream == PICO_UNKNOWN || money_add(cost, upstream, &cost) != ERR_OK)
            cost = PICO_UNKNOWN;
    }
    if (cost == PICO_UNKNOWN) /* Perplexity */
        cost = dollars(r, member(r, r->root, "cost"), "total_cost");
    int64_t ticks = count(r, r->root, "cost_in_usd_ticks");
    if (ticks != ABSENT)
        cost = ticks * PICO_PER_TICK;
    r->u->reported_pico = cost;
}

static void read_server_tools(struct reader *r)
{
    struct jspan tools = member(r, r->root, "server_tool_use");
    set(r, USAGE_WEB_SEARCH, count(r, tools, "web_search_requests"));
}

/* --- OpenAI and its kin: cached and written tokens are inside the prompt --- */

struct openai_names {
    const char *in, *out;
    const char *in_details[2], *out_details; /* in_details: the first that is an object */
};

static const struct openai_names chat_names = {
    /* Mistral also writes prompt_token_details */
    "prompt_tokens",
    "completion_tokens",
    {"prompt_tokens_details", "prompt_token_details"},
    "completion_tokens_details",
};
static const struct openai_names responses_names = {
    "input_tokens",
    "output_tokens",
    {"input_tokens_details", NULL},
    "output_tokens_details",
};
static const struct openai_names realtime_names = {
    "input_tokens",
    "output_tokens",
    {"input_token_details", NULL},
    "output_token_details",
};

/* In the details, then beside the totals: DeepSeek, Kimi, Mistral. */
static int64_t cached_count(struct reader *r, struct jspan details)
{
    static const char *const inner[] = {"cached_tokens", "cache_read_input_tokens", NULL};
    static const char *const outer[] = {"prompt_cache_hit_tokens", "cached_tokens",
                                        "num_cached_tokens", NULL};
    int64_t n = count_any(r, details, inner);
    return n != ABSENT ? n : count_any(r, r->root, outer);
}

static int64_t written_count(struct reader *r, struct jspan details)
{
    static const char *const names[] = {"cache_write_tokens",
                                        "cache_creation_input_tokens", NULL};
    int64_t n = count_any(r, details, names);
    return n != ABSENT ? n : count_any(r, r->root, names);
}

/* The wire does not say how long a write lives: OpenAI's default is 30 minutes, others' 5. */
static enum usage_class write_class(const struct reader *r)
{
    bool openai = str_eqz(r->provider, "openai") || str_eqz(r->provider, "azure");
    return openai ? USAGE_CACHE_WRITE_30M : USAGE_CACHE_WRITE_5M;
}

static void read_prompt(struct reader *r, const struct openai_names *names,
                        int64_t prompt)
{
    struct jspan details = member(r, r->root, names->in_details[0]);
    if (details.kind != J_OBJECT && names->in_details[1] != NULL)
        details = member(r, r->root, names->in_details[1]);
    struct jspan kinds = member(r, details, "cached_tokens_details");
    int64_t cached_audio = MAX(count(r, kinds, "audio_tokens"), 0);
    int64_t cached_image = MAX(count(r, kinds, "image_tokens"), 0);
    int64_t cached = cached_count(r, details), written = written_count(r, details);
    int64_t audio = count(r, details, "audio_tokens");
    int64_t image = count(r, details, "image_tokens");
    if (cached > prompt && prompt != ABSENT) { /* seen at xAI */
        r->mismatch = true;
        cached = prompt;
    }
    if (cached != ABSENT)
        set(r, USAGE_CACHE_READ, minus(r, cached, cached_audio + cached_image));
    if (kinds.kind == J_OBJECT) {
        set(r, USAGE_AUDIO_CACHE_READ, cached_audio);
        set(r, USAGE_IMAGE_CACHE_READ, cached_image);
    }
    set(r, write_class(r), written);
    if (audio != ABSENT)
        set(r, USAGE_AUDIO_IN, minus(r, audio, cached_audio));
    if (image != ABSENT)
        set(r, USAGE_IMAGE_IN, minus(r, image, cached_image));
    if (prompt != ABSENT)
        set(r, USAGE_INPUT, minus(r, prompt, usage_input_tok(r->u)));
    r->u->explicit_cache =
        jscan_is(r->text, member(r, details, "cache_type"), "ephemeral");
}

/*
 * All output that is billed. completion_tokens holds the reasoning at OpenAI; it does not in
 * xAI's chat, in Gemini's OpenAI form, and at DeepInfra for Gemini. The total tells, where
 * there is one.
 */
static int64_t billed_output(struct reader *r, int64_t prompt, int64_t completion,
                             int64_t reasoning, int64_t total)
{
    bool apart = r->reasoning_apart;
    int64_t known = MAX(prompt, 0) + completion;
    reasoning = MAX(reasoning, 0);
    if (total == known || (total == ABSENT && !apart && reasoning <= completion))
        return completion;
    if (total == ABSENT || total == known + reasoning)
        return completion + reasoning;
    if (apart && total > known)
        return total - MAX(prompt, 0);
    r->mismatch = true;
    return reasoning > completion ? completion + reasoning : completion;
}

static void read_openai(struct reader *r, const struct openai_names *names)
{
    struct jspan details = member(r, r->root, names->out_details);
    int64_t prompt = count(r, r->root, names->in);
    int64_t completion = count(r, r->root, names->out);
    int64_t total = count(r, r->root, "total_tokens");
    int64_t reasoning = count(r, details, "reasoning_tokens");
    if (reasoning == ABSENT) /* DeepSeek hosted by Azure */
        reasoning = count(r, r->root, "reasoning_tokens");
    read_prompt(r, names, prompt);
    read_reported(r);
    read_server_tools(r);
    if (completion == ABSENT)
        return;
    int64_t output = billed_output(r, prompt, completion, reasoning, total);
    /* a total may show thoughts that the details keep quiet about */
    if (reasoning == ABSENT && output > completion)
        reasoning = output - completion;
    set(r, USAGE_REASONING, MIN(reasoning, output));
    set(r, USAGE_AUDIO_OUT, count(r, details, "audio_tokens"));
    set(r, USAGE_IMAGE_OUT, count(r, details, "image_tokens"));
    set(r, USAGE_OUTPUT, minus(r, output, usage_output_tok(r->u)));
}

static void read_openai_chat(struct reader *r)
{
    r->reasoning_apart = str_eqz(r->provider, "google");
    read_openai(r, &chat_names);
}

static void read_xai_chat(struct reader *r)
{
    r->reasoning_apart = true;
    read_openai(r, &chat_names);
}

static void read_openai_responses(struct reader *r)
{
    read_openai(r, &responses_names);
}

static void read_openai_realtime(struct reader *r)
{
    read_openai(r, &realtime_names);
}

static int64_t milliseconds(struct reader *r)
{
    int64_t ms;
    struct jspan v = member(r, r->root, "seconds");
    if (v.kind == J_NUMBER &&
        num_decimal(jscan_text(r->text, v), 3, true, true, &ms) == ERR_OK && ms >= 0)
        return ms;
    r->bad = "seconds";
    return ABSENT;
}

static void read_openai_transcription(struct reader *r)
{
    if (jscan_is(r->text, member(r, r->root, "type"), "duration"))
        set(r, USAGE_AUDIO_MS, milliseconds(r));
    else
        read_openai(r, &realtime_names);
}

static void read_embedding(struct reader *r)
{
    static const char *const names[] = {"prompt_tokens", "input_tokens", "total_tokens",
                                        NULL};
    set(r, USAGE_INPUT, count_any(r, r->root, names));
    read_reported(r);
}

static void read_characters(struct reader *r)
{
    set(r, USAGE_CHARACTER, count(r, r->root, "input_characters"));
    set(r, USAGE_CHARACTER_OUT, count(r, r->root, "output_characters"));
}

static void read_deepseek_chat(struct reader *r)
{
    read_openai(r, &chat_names);
    int64_t hit = count(r, r->root, "prompt_cache_hit_tokens");
    int64_t miss = count(r, r->root, "prompt_cache_miss_tokens");
    if (hit != ABSENT && miss != ABSENT)
        expect(r, count(r, r->root, "prompt_tokens"), hit + miss);
}

/* Deep research has five meters, none inside another. */
static void read_perplexity(struct reader *r)
{
    set(r, USAGE_INPUT, count(r, r->root, "prompt_tokens"));
    set(r, USAGE_OUTPUT, count(r, r->root, "completion_tokens"));
    set(r, USAGE_REASONING, count(r, r->root, "reasoning_tokens"));
    set(r, USAGE_CITATION, count(r, r->root, "citation_tokens"));
    set(r, USAGE_SEARCH_QUERY, count(r, r->root, "num_search_queries"));
    read_reported(r);
}

static void read_mistral_ocr(struct reader *r)
{
    set(r, USAGE_PAGE, count(r, r->root, "pages_processed"));
}

/* --- Anthropic and Bedrock's Converse: the cache is outside the input --- */

/* Adds what one iteration, or the whole, took. The API's default lifetime is 5 minutes. */
static void add_anthropic(struct reader *r, struct jspan o)
{
    struct usage part;
    struct reader p = *r;
    usage_init(&part);
    p.u = &part;
    struct jspan split = member(r, o, "cache_creation");
    struct jspan details = member(r, o, "output_tokens_details");
    int64_t written = count(&p, o, "cache_creation_input_tokens");
    int64_t hour = count(&p, split, "ephemeral_1h_input_tokens");
    int64_t short_lived = count(&p, split, "ephemeral_5m_input_tokens");
    int64_t output = count(&p, o, "output_tokens");
    int64_t thinking = count(&p, details, "thinking_tokens");
    set(&p, USAGE_INPUT, count(&p, o, "input_tokens"));
    set(&p, USAGE_CACHE_READ, count(&p, o, "cache_read_input_tokens"));
    set(&p, USAGE_CACHE_WRITE_1H, hour);
    set(&p, USAGE_CACHE_WRITE_5M,
        written != ABSENT ? minus(&p, written, hour) : short_lived);
    if (short_lived != ABSENT)
        expect(&p, written, short_lived + MAX(hour, 0));
    set(&p, USAGE_REASONING, thinking);
    if (output != ABSENT)
        set(&p, USAGE_OUTPUT, minus(&p, output, thinking));
    usage_add(r->u, &part);
    r->mismatch = p.mismatch;
    r->bad = p.bad;
}

/*
 * With compaction the totals leave that pass out: the iterations are summed instead. Advisors
 * and fallbacks are other models with prices of their own and are not in this sum.
 */
static void read_anthropic(struct reader *r)
{
    bool summed = false;
    size_t it = 0;
    struct jspan list = member(r, r->root, "iterations"), one;
    while (list.kind == J_ARRAY && jscan_next(r->text, list, &it, &one)) {
        struct jspan type = member(r, one, "type");
        if (!jscan_is(r->text, type, "message") && !jscan_is(r->text, type, "compaction"))
            continue;
        add_anthropic(r, one);
        summed = true;
    }
    if (!summed)
        add_anthropic(r, r->root);
    read_server_tools(r);
}

static void read_converse(struct reader *r)
{
    int64_t hour = 0;
    size_t it = 0;
    struct jspan list = member(r, r->root, "cacheDetails"), one;
    while (list.kind == J_ARRAY && jscan_next(r->text, list, &it, &one))
        if (jscan_is(r->text, member(r, one, "ttl"), "1h"))
            hour += MAX(count(r, one, "inputTokens"), 0);
    int64_t written = count(r, r->root, "cacheWriteInputTokens");
    set(r, USAGE_INPUT, count(r, r->root, "inputTokens"));
    set(r, USAGE_CACHE_READ, count(r, r->root, "cacheReadInputTokens"));
    if (written != ABSENT)
        set(r, USAGE_CACHE_WRITE_5M, minus(r, written, hour));
    if (hour > 0)
        set(r, USAGE_CACHE_WRITE_1H, hour);
    set(r, USAGE_OUTPUT, count(r, r->root, "outputTokens"));
}

static int64_t sum_of_all(const struct reader *r)
{
    return usage_input_tok(r->u) + usage_output_tok(r->u);
}

static void read_bedrock(struct reader *r)
{
    read_converse(r);
    expect(r, count(r, r->root, "totalTokens"), sum_of_all(r));
}

/*
 * OpenAI's models were seen to count the cache inside the input, and once more in the total, which
 * the documentation does not say: both readings hold, and neither counts a token twice.
 * Source: github.com/maximhq/bifrost issue 6942, ConverseStream of openai.gpt-5.6 (2026).
 */
static void read_bedrock_openai(struct reader *r)
{
    read_converse(r);
    int64_t total = count(r, r->root, "totalTokens"), outside = sum_of_all(r);
    int64_t cached = usage_cached_tok(r->u) + usage_written_tok(r->u);
    if (cached > 0 && r->u->n[USAGE_INPUT] >= cached) {
        usage_set(r->u, USAGE_INPUT, r->u->n[USAGE_INPUT] - cached);
        expect(r, total, total == outside ? outside : outside - cached);
    } else {
        expect(r, total, outside);
    }
}

/* --- Gemini: cached inside the prompt, thoughts outside the candidates --- */

/* The tokens of one modality in a list of {"modality", "tokenCount"}. */
static int64_t modality(struct reader *r, const char *list_name, const char *name)
{
    int64_t n = 0;
    size_t it = 0;
    struct jspan list = member(r, r->root, list_name), one;
    while (list.kind == J_ARRAY && jscan_next(r->text, list, &it, &one))
        if (jscan_is(r->text, member(r, one, "modality"), name))
            n += MAX(count(r, one, "tokenCount"), 0);
    return MIN(n, COUNT_MAX);
}

/* The part of a medium that is not cached; text is what is left in the end. */
static int64_t fresh(struct reader *r, const char *name)
{
    return minus(r, modality(r, "promptTokensDetails", name),
                 modality(r, "cacheTokensDetails", name));
}

static void read_gemini(struct reader *r)
{
    int64_t prompt = count(r, r->root, "promptTokenCount");
    int64_t cached = count(r, r->root, "cachedContentTokenCount");
    int64_t tool_use = MAX(count(r, r->root, "toolUsePromptTokenCount"), 0);
    int64_t candidates = count(r, r->root, "candidatesTokenCount");
    int64_t total = count(r, r->root, "totalTokenCount");
    if (cached != ABSENT) {
        int64_t audio = modality(r, "cacheTokensDetails", "AUDIO");
        set(r, USAGE_AUDIO_CACHE_READ, audio);
        set(r, USAGE_CACHE_READ, minus(r, cached, audio));
    }
    if (member(r, r->root, "promptTokensDetails").kind == J_ARRAY) {
        set(r, USAGE_AUDIO_IN, fresh(r, "AUDIO"));
        set(r, USAGE_IMAGE_IN, fresh(r, "IMAGE"));
        set(r, USAGE_VIDEO_IN, fresh(r, "VIDEO"));
    }
    if (prompt != ABSENT)
        set(r, USAGE_INPUT, minus(r, prompt, usage_input_tok(r->u)) + tool_use);
    if (candidates != ABSENT) {
        set(r, USAGE_AUDIO_OUT, modality(r, "candidatesTokensDetails", "AUDIO"));
        set(r, USAGE_IMAGE_OUT, modality(r, "candidatesTokensDetails", "IMAGE"));
        set(r, USAGE_OUTPUT, minus(r, candidates, usage_output_tok(r->u)));
    }
    set(r, USAGE_REASONING, count(r, r->root, "thoughtsTokenCount"));
    int64_t all = usage_input_tok(r->u) + usage_output_tok(r->u);
    if (total != all - tool_use) /* some answers leave the tools out of the total */
        expect(r, total, all);
}

static void read_gemini_cache_storage(struct reader *r)
{
    int64_t tokens = count(r, r->root, "totalTokenCount");
    int64_t seconds = count(r, r->root, "seconds"), product;
    if (tokens == ABSENT || seconds == ABSENT)
        return;
    if (__builtin_mul_overflow(tokens, seconds, &product))
        r->bad = "seconds";
    else
        set(r, USAGE_CACHE_STORAGE_S, product);
}

/*
 * What is billed; "tokens" also counts the provider's own template. Cached ones are a part of
 * these, and cost what all do.
 */
static void read_cohere(struct reader *r)
{
    struct jspan billed = member(r, r->root, "billed_units");
    int64_t all = count(r, member(r, r->root, "tokens"), "input_tokens");
    if (all != ABSENT && count(r, r->root, "cached_tokens") > all)
        r->mismatch = true;
    set(r, USAGE_INPUT, count(r, billed, "input_tokens"));
    set(r, USAGE_OUTPUT, count(r, billed, "output_tokens"));
    set(r, USAGE_SEARCH_UNIT, count(r, billed, "search_units"));
}

static void (*const readers[])(struct reader *r) = {
    [USAGE_WIRE_OPENAI_CHAT] = read_openai_chat,
    [USAGE_WIRE_OPENAI_RESPONSES] = read_openai_responses,
    [USAGE_WIRE_OPENAI_REALTIME] = read_openai_realtime,
    [USAGE_WIRE_OPENAI_TRANSCRIPTION] = read_openai_transcription,
    [USAGE_WIRE_EMBEDDING] = read_embedding,
    [USAGE_WIRE_CHARACTERS] = read_characters,
    [USAGE_WIRE_ANTHROPIC] = read_anthropic,
    [USAGE_WIRE_GEMINI] = read_gemini,
    [USAGE_WIRE_GEMINI_CACHE_STORAGE] = read_gemini_cache_storage,
    [USAGE_WIRE_DEEPSEEK_CHAT] = read_deepseek_chat,
    [USAGE_WIRE_QWEN_CHAT] = read_openai_chat,
    [USAGE_WIRE_XAI_CHAT] = read_xai_chat,
    [USAGE_WIRE_PERPLEXITY] = read_perplexity,
    [USAGE_WIRE_MISTRAL_OCR] = read_mistral_ocr,
    [USAGE_WIRE_COHERE] = read_cohere,
    [USAGE_WIRE_BEDROCK] = read_bedrock,
    [USAGE_WIRE_BEDROCK_OPENAI] = read_bedrock_openai,
};
_Static_assert(ARRAY_LEN(readers) == USAGE_WIRE_N_, "one reader per wire");

enum errc usage_parse(enum usage_wire wire, struct str provider, struct str json,
                      struct usage *ret, bool *ret_mismatch, struct err *e)
{
    struct usage u;
    usage_init(&u);
    struct reader r = {.text = json, .provider = provider, .u = &u};
    r.root = jscan_root(json);
    if ((unsigned)wire >= USAGE_WIRE_N_ || r.root.kind != J_OBJECT)
        return err_set(e, ERR_SYNTAX, "usage is no object");
    readers[wire](&r);
    if (r.bad != NULL)
        return err_set(e, ERR_SYNTAX, "usage: \"%s\" is no count", r.bad);
    if (u.known == 0)
        return err_set(e, ERR_SYNTAX, "usage has no counts of wire %s",
                       usage_wire_name(wire));
    *ret = u;
    if (ret_mismatch != NULL)
        *ret_mismatch = r.mismatch;
    return ERR_OK;
}

int64_t usage_told_tok(struct str json)
{
    static const char *const names[] = {"total_tokens", "totalTokens", "totalTokenCount"};
    int64_t total = ABSENT;
    for (size_t i = 0; i < ARRAY_LEN(names) && total == ABSENT; i++)
        jscan_i64(json, jscan_get(json, jscan_root(json), names[i]), 0, COUNT_MAX,
                  &total);
    return total;
}

size_t usage_services(enum usage_wire wire, struct str json, struct str *ret, size_t max)
{
    /* Sources: platform.claude.com/docs/en/about-claude/pricing, 2026-10; Gemini's
     * ai.google.dev/gemini-api/docs/optimization, 2026. */
    static const struct {
        enum usage_wire wire;
        const char *field, *value, *service;
    } tiers[] = {
        {USAGE_WIRE_ANTHROPIC, "service_tier", "batch", "batch"},
        {USAGE_WIRE_ANTHROPIC, "service_tier", "priority", "priority"},
        {USAGE_WIRE_ANTHROPIC, "speed", "fast", "fast"},
        {USAGE_WIRE_ANTHROPIC, "inference_geo", "us", "inference_geo_us"},
        {USAGE_WIRE_GEMINI, "serviceTier", "flex", "flex"},
        {USAGE_WIRE_GEMINI, "serviceTier", "priority", "priority"},
    };
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(tiers) && n < max; i++)
        if (tiers[i].wire == wire &&
            jscan_is(json, jscan_get(json, jscan_root(json), tiers[i].field),
                     tiers[i].value))
            ret[n++] = str_of(tiers[i].service);
    return n;
}
