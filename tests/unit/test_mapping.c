/*
 * test_mapping.c: the tables of how one dialect's settings and ends are another's: how hard to
 * think, sampling and limits, why an answer ends. A row for each cell, in the tables' order; what
 * needs more than a cell is in the dialects' own tests. JSON stands here with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/jscan.h"

#include "broker/dialect.h"
#include "tests/unit/dialect_test.h"

#include <cmocka.h>

static const struct dialect_ops *ops_of(const char *kind)
{
    const struct provider_kind *k = provider_kind_find(str_of(kind));
    return dialect_ops(k->is_responses ? DIALECT_RESPONSES : k->dialect);
}

/* What stands at a path of members, "a.b.c"; NULL: nothing does. */
static bool stands_at(const struct buf *body, const char *path, const char *want)
{
    struct jspan v = jscan_root(buf_str(body));
    struct str rest = str_of(path), step;
    while (str_split(&rest, '.', &step)) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", STR_ARG(step));
        v = jscan_get(buf_str(body), v, name);
    }
    if (want == NULL)
        return v.kind == J_NONE;
    return v.kind != J_NONE && str_eqz(jscan_text(buf_str(body), v), json(want));
}

/* ---- how hard to think ---- */

static const char *const efforts[] = {"none", "minimal", "low", "medium",
                                      "high", "xhigh",   "max"};

/* clang-format off */
static const struct {
    const char *kind, *model, *path;
    const char *want[ARRAY_LEN(efforts)];
} effort_rows[] = {
    {"openai", "gpt-5", "reasoning_effort",
     {"'minimal'", "'minimal'", "'low'", "'medium'", "'high'", "'high'", "'high'"}},
    {"openai", "gpt-5.1", "reasoning_effort",
     {"'none'", "'minimal'", "'low'", "'medium'", "'high'", "'high'", "'high'"}},
    {"openai", "gpt-5.5", "reasoning_effort",
     {"'none'", "'minimal'", "'low'", "'medium'", "'high'", "'xhigh'", "'xhigh'"}},
    {"openai", "gpt-5.6", "reasoning_effort",
     {"'none'", "'low'", "'low'", "'medium'", "'high'", "'xhigh'", "'xhigh'"}},
    {"openai-responses", "gpt-5.6", "reasoning.effort",
     {"'none'", "'low'", "'low'", "'medium'", "'high'", "'xhigh'", "'xhigh'"}},
    {"anthropic", "claude-opus-4-6", "thinking.type",
     {"'disabled'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'",
      "'adaptive'"}},
    {"anthropic", "claude-opus-4-6", "output_config.effort",
     {NULL, "'low'", "'low'", "'medium'", "'high'", "'xhigh'", "'max'"}},
    /* those that cannot be told not to think */
    {"anthropic", "claude-opus-5-5", "output_config.effort",
     {"'low'", "'low'", "'low'", "'medium'", "'high'", "'xhigh'", "'max'"}},
    {"anthropic", "claude-sonnet-5-5", "thinking.type",
     {"'between_tools'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'",
      "'adaptive'"}},
    {"anthropic", "claude-haiku-4-5", "thinking.budget_tokens",
     {NULL, "1024", "2048", "8192", "16384", "32768", "63999"}},
    {"gemini", "gemini-2.5-flash", "generationConfig.thinkingConfig.thinkingBudget",
     {"0", "1024", "1024", "8192", "24576", "24576", "24576"}}, /* its most */
    {"gemini", "gemini-2.5-pro", "generationConfig.thinkingConfig.thinkingBudget",
     {"128", "1024", "1024", "8192", "24576", "32768", "32768"}},
    {"gemini", "gemini-3.8-flash", "generationConfig.thinkingConfig.thinkingLevel",
     {"'MINIMAL'", "'MINIMAL'", "'LOW'", "'MEDIUM'", "'HIGH'", "'HIGH'", "'HIGH'"}},
    {"gemini", "gemini-3-pro-preview", "generationConfig.thinkingConfig.thinkingLevel",
     {"'LOW'", "'LOW'", "'LOW'", "'HIGH'", "'HIGH'", "'HIGH'", "'HIGH'"}},
    {"gemini", "gemini-4-argon", "generationConfig.thinkingConfig.thinkingLevel",
     {"'LOW'", "'LOW'", "'LOW'", "'MEDIUM'", "'HIGH'", "'HIGH'", "'HIGH'"}},
    {"gemini", "gemini-4-neon", "generationConfig.thinkingConfig.thinkingLevel",
     {"'LOW'", "'LOW'", "'LOW'", "'MEDIUM'", "'HIGH'", "'XHIGH'", "'HIGH'"}},
    {"cohere", "command-a-reasoning-08-2025", "thinking.type",
     {"'disabled'", "'enabled'", "'enabled'", "'enabled'", "'enabled'", "'enabled'",
      "'enabled'"}},
    {"cohere", "command-a-reasoning-08-2025", "thinking.token_budget",
     {NULL, "512", "1024", "8192", NULL, NULL, NULL}},
    {"bedrock", "global.anthropic.claude-opus-5", "outputConfig.effort",
     {NULL, "'low'", "'low'", "'medium'", "'high'", "'xhigh'", "'max'"}},
    {"bedrock", "global.anthropic.claude-opus-5", "additionalModelRequestFields.thinking.type",
     {"'disabled'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'",
      "'adaptive'"}},
    {"bedrock", "us.anthropic.claude-sonnet-5-5-v1:0",
     "additionalModelRequestFields.thinking.type",
     {"'between_tools'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'",
      "'adaptive'"}},
    {"bedrock", "anthropic.claude-opus-5-5-20260922-v1:0", "outputConfig.effort",
     {"'low'", "'low'", "'low'", "'medium'", "'high'", "'xhigh'", "'max'"}},
    {"bedrock", "anthropic.claude-opus-5-5-20260922-v1:0",
     "additionalModelRequestFields.thinking.type",
     {NULL, "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'", "'adaptive'"}},
    {"bedrock", "amazon.nova-2-lite-v1:0", "outputConfig.effort",
     {"'low'", "'low'", "'low'", "'medium'", "'high'", "'xhigh'", "'max'"}},
    {"bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0",
     "additionalModelRequestFields.thinking.budget_tokens",
     {NULL, "1024", "2048", "8192", "16384", "32768", "63999"}},
};
/* clang-format on */

static void every_effort_has_its_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(effort_rows); i++)
        for (size_t k = 0; k < ARRAY_LEN(efforts); k++) {
            /* who counts thoughts as output is given room, but for Cohere, which has its own */
            bool has_cap = strcmp(effort_rows[i].kind, "anthropic") == 0 ||
                           strcmp(effort_rows[i].kind, "bedrock") == 0;
            char in[256];
            struct err e = ERR_INIT;
            AUTO(buf_release) struct buf out = BUF_INIT(1 << 16);
            AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
            const struct target_caps caps = {
                .kind = provider_kind_find(str_of(effort_rows[i].kind)),
                .model = str_of(effort_rows[i].model)};
            snprintf(in, sizeof in,
                     "{'model':'m','messages':[{'role':'user','content':'hi'}],"
                     "'reasoning_effort':'%s'%s}",
                     efforts[k], has_cap ? ",'max_completion_tokens':64000" : "");
            assert_int_equal(cross(DIALECT_OPENAI, ops_of(effort_rows[i].kind), &caps, in,
                                   &out, &dropped, &e),
                             ERR_OK);
            if (!stands_at(&out, effort_rows[i].path, effort_rows[i].want[k]) ||
                (dropped.len > 0 && dropped.data[0] != '\0'))
                fail_msg("%s, %s: %s, without %s", effort_rows[i].model, efforts[k],
                         out.data, dropped.data);
        }
}

/* How Claude's clients say it; budgets are words by their size. */
static void what_claudes_clients_say_of_thinking_is_an_effort(void **state)
{
    (void)state;
    static const struct {
        const char *says, *want;
    } rows[] = {
        {"'thinking':{'type':'disabled'}", "'none'"},
        {"'thinking':{'type':'adaptive'}", NULL},
        {"'output_config':{'effort':'low'}", "'low'"},
        {"'output_config':{'effort':'medium'}", "'medium'"},
        {"'output_config':{'effort':'high'}", "'high'"},
        {"'output_config':{'effort':'xhigh'}", "'xhigh'"},
        {"'output_config':{'effort':'max'}", "'xhigh'"},
        {"'thinking':{'type':'enabled','budget_tokens':1999}", "'low'"},
        {"'thinking':{'type':'enabled','budget_tokens':2000}", "'medium'"},
        {"'thinking':{'type':'enabled','budget_tokens':11999}", "'medium'"},
        {"'thinking':{'type':'enabled','budget_tokens':12000}", "'high'"},
        {"'thinking':{'type':'enabled','budget_tokens':27999}", "'high'"},
        {"'thinking':{'type':'enabled','budget_tokens':28000}", "'xhigh'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char in[256];
        struct err e = ERR_INIT;
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 16);
        AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
        const struct target_caps caps = {.kind = provider_kind_find(STR("openai")),
                                         .model = STR("gpt-5.5")};
        snprintf(in, sizeof in,
                 "{'model':'m','max_tokens':64000,%s,'messages':[{'role':'user',"
                 "'content':'hi'}]}",
                 rows[i].says);
        assert_int_equal(
            cross(DIALECT_ANTHROPIC, &dialect_openai, &caps, in, &out, &dropped, &e),
            ERR_OK);
        if (!stands_at(&out, "reasoning_effort", rows[i].want))
            fail_msg("%s: %s", rows[i].says, out.data);
    }
}

/* ---- sampling and limits ---- */

#define REFUSED "refused"

struct setting {
    const char *kind, *model;
    const char *says;        /* a member of the request, as Chat has it */
    const char *path, *want; /* NULL: nothing stands there; REFUSED */
    const char *dropped;     /* NULL: nothing */
};

#define OPENAI  "openai", "gpt-4.1"
#define THINKER "openai", "gpt-5"
#define ITEMS   "openai-responses", "gpt-4.1"
#define CLAUDE  "anthropic", "claude-haiku-4-5"
#define NEW     "anthropic", "claude-opus-5"
#define GEMINI  "gemini", "gemini-3.8-flash"
#define GEMINI4 "gemini", "gemini-4-argon"
#define COHERE  "cohere", "command-a-03-2025"
#define NOVA    "bedrock", "amazon.nova-pro-v1:0"
#define ON_AWS  "bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0"
#define SIXTY   "012345678901234567890123456789012345678901234567890123456789"
#define CONFIG  "generationConfig."
#define INFER   "inferenceConfig."

/* clang-format off */
static const struct setting settings[] = {
    /* max output */
    {OPENAI, "'max_completion_tokens':900", "max_completion_tokens", "900", NULL},
    {"deepseek", "deepseek-flash", "'max_completion_tokens':900", "max_tokens", "900", NULL},
    {ITEMS, "'max_completion_tokens':900", "max_output_tokens", "900", NULL},
    {ITEMS, "'max_completion_tokens':9", "max_output_tokens", "16", NULL},
    {CLAUDE, "'max_tokens':900", "max_tokens", "900", NULL},
    {GEMINI, "'max_tokens':900", CONFIG "maxOutputTokens", "900", NULL},
    {COHERE, "'max_tokens':900", "max_tokens", "900", NULL},
    {NOVA, "'max_tokens':900", INFER "maxTokens", "900", NULL},
    /* temperature */
    {OPENAI, "'temperature':1.70", "temperature", "1.70", NULL},
    {OPENAI, "'temperature':2.5", "temperature", "2", NULL},
    {THINKER, "'temperature':0.5", "temperature", NULL, "temperature"},
    {"openai", "gpt-5.1", "'reasoning_effort':'none','temperature':0.5", "temperature", "0.5", NULL},
    {ITEMS, "'temperature':2.5", "temperature", "2", NULL},
    {CLAUDE, "'temperature':1.70", "temperature", "1", NULL},
    {NEW, "'temperature':0.5", "temperature", NULL, "temperature"},
    {GEMINI, "'temperature':1.70", CONFIG "temperature", "1.70", NULL},
    {GEMINI, "'temperature':2.5", CONFIG "temperature", "2", NULL},
    {GEMINI4, "'temperature':0.5", CONFIG "temperature", NULL, "temperature"},
    {COHERE, "'temperature':1.70", "temperature", "1", NULL},
    {NOVA, "'temperature':1.70", INFER "temperature", "1", NULL},
    /* top_p */
    {OPENAI, "'top_p':1.5", "top_p", "1", NULL},
    {THINKER, "'top_p':0.5", "top_p", NULL, "top_p"},
    {ITEMS, "'top_p':0.50", "top_p", "0.50", NULL},
    {CLAUDE, "'top_p':0.50", "top_p", "0.50", NULL},
    {NEW, "'top_p':0.50", "top_p", NULL, "top_p"},
    {GEMINI, "'top_p':1.5", CONFIG "topP", "1", NULL},
    {GEMINI4, "'top_p':0.5", CONFIG "topP", NULL, "top_p"},
    {COHERE, "'top_p':0", "p", "0.01", NULL},
    {COHERE, "'top_p':1.0", "p", "0.99", NULL},
    {COHERE, "'top_p':0.50", "p", "0.50", NULL},
    {NOVA, "'top_p':1.5", INFER "topP", "1", NULL},
    /* top_k */
    {OPENAI, "'top_k':40", "top_k", NULL, "top_k"},
    {"vllm", "m", "'top_k':40", "top_k", "40", NULL},
    {ITEMS, "'top_k':40", "top_k", NULL, "top_k"},
    {CLAUDE, "'top_k':40", "top_k", "40", NULL},
    {NEW, "'top_k':40", "top_k", NULL, "top_k"},
    {GEMINI, "'top_k':40", CONFIG "topK", "40", NULL},
    {GEMINI4, "'top_k':40", CONFIG "topK", NULL, "top_k"},
    {COHERE, "'top_k':900", "k", "500", NULL},
    {ON_AWS, "'top_k':40", "additionalModelRequestFields.top_k", "40", NULL},
    /* penalties */
    {OPENAI, "'frequency_penalty':-3", "frequency_penalty", "-2", NULL},
    {OPENAI, "'presence_penalty':2.5", "presence_penalty", "2", NULL},
    {"groq", "m", "'presence_penalty':1", "presence_penalty", NULL, "presence_penalty"},
    {ITEMS, "'frequency_penalty':1", "frequency_penalty", NULL, "frequency_penalty"},
    {CLAUDE, "'frequency_penalty':1", "frequency_penalty", NULL, "frequency_penalty"},
    {CLAUDE, "'presence_penalty':1", "presence_penalty", NULL, "presence_penalty"},
    {GEMINI, "'frequency_penalty':-3", CONFIG "frequencyPenalty", "-2", NULL},
    {GEMINI, "'presence_penalty':2.5", CONFIG "presencePenalty", "2", NULL},
    {GEMINI4, "'presence_penalty':1", CONFIG "presencePenalty", NULL, "presence_penalty"},
    {COHERE, "'frequency_penalty':1.5", "frequency_penalty", "1", NULL},
    {COHERE, "'presence_penalty':-1", "presence_penalty", "0", NULL},
    {NOVA, "'frequency_penalty':1", "frequency_penalty", NULL, "frequency_penalty"},
    {NOVA, "'presence_penalty':1", "presence_penalty", NULL, "presence_penalty"},
    /* stop */
#define STOPS "'stop':['1','2','3','4','5','6']"
    {OPENAI, STOPS, "stop", "['1','2','3','4']", "stop.4"},
    {"openai", "o3", "'stop':'1'", "stop", NULL, "stop"},
    {ITEMS, "'stop':'1'", "stop", NULL, "stop"},
    {CLAUDE, STOPS, "stop_sequences", "['1','2','3','4','5','6']", NULL},
    {GEMINI, STOPS, CONFIG "stopSequences", "['1','2','3','4','5']", "stop.5"},
    {COHERE, STOPS, "stop_sequences", "['1','2','3','4','5']", "stop.5"},
    {NOVA, STOPS, INFER "stopSequences", "['1','2','3','4','5','6']", NULL},
    /* seed */
    {OPENAI, "'seed':7", "seed", "7", NULL},
    {"mistral", "m", "'seed':7", "random_seed", "7", NULL},
    {ITEMS, "'seed':7", "seed", NULL, "seed"},
    {CLAUDE, "'seed':7", "seed", NULL, "seed"},
    {GEMINI, "'seed':-2147483648", CONFIG "seed", "-2147483648", NULL},
    {GEMINI, "'seed':2147483648", CONFIG "seed", NULL, "seed"},
    {COHERE, "'seed':18446744073709551615", "seed", "18446744073709551615", NULL},
    {COHERE, "'seed':-1", "seed", NULL, "seed"},
    {NOVA, "'seed':7", "seed", NULL, "seed"},
    /* n */
    {OPENAI, "'n':2", "n", "2", NULL},
    {"groq", "m", "'n':2", "n", REFUSED, NULL},
    {ITEMS, "'n':2", "n", REFUSED, NULL},
    {CLAUDE, "'n':2", "n", REFUSED, NULL},
    {GEMINI, "'n':2", CONFIG "candidateCount", "2", NULL},
    {GEMINI4, "'n':2", "n", REFUSED, NULL},
    {COHERE, "'n':2", "n", REFUSED, NULL},
    {NOVA, "'n':2", "n", REFUSED, NULL},
    /* logprobs */
    {OPENAI, "'logprobs':true,'top_logprobs':20", "top_logprobs", "20", NULL},
    {ITEMS, "'logprobs':true", "include", "['message.output_text.logprobs']", NULL},
    {CLAUDE, "'logprobs':true", "logprobs", REFUSED, NULL},
    {GEMINI, "'logprobs':true", CONFIG "responseLogprobs", "true", NULL},
    {GEMINI, "'logprobs':true", CONFIG "logprobs", NULL, NULL},
    {GEMINI, "'logprobs':true,'top_logprobs':20", CONFIG "logprobs", "20", NULL},
    {GEMINI, "'logprobs':false", CONFIG "responseLogprobs", NULL, NULL},
    {COHERE, "'logprobs':true", "logprobs", "true", NULL},
    {COHERE, "'logprobs':true,'top_logprobs':2", "logprobs", "true", "top_logprobs"},
    {COHERE, "'logprobs':false", "logprobs", NULL, NULL},
    {NOVA, "'logprobs':true", "logprobs", REFUSED, NULL},
    /* spoken answers */
    {OPENAI, "'modalities':['text','audio']", "modalities", REFUSED, NULL},
    {ITEMS, "'modalities':['text','audio']", "modalities", REFUSED, NULL},
    {CLAUDE, "'modalities':['text','audio']", "modalities", REFUSED, NULL},
    {GEMINI, "'audio':{'voice':'a','format':'wav'}", "modalities", REFUSED, NULL},
    {COHERE, "'modalities':['text','audio']", "modalities", REFUSED, NULL},
    {NOVA, "'modalities':['text','audio']", "modalities", REFUSED, NULL},
    /* what only Chat has */
    {ITEMS, "'logit_bias':{'1':2}", "logit_bias", NULL, "logit_bias"},
    {CLAUDE, "'logit_bias':{'1':2}", "logit_bias", NULL, "logit_bias"},
    {GEMINI, "'logit_bias':{'1':2}", "logit_bias", NULL, "logit_bias"},
    {COHERE, "'logit_bias':{'1':2}", "logit_bias", NULL, "logit_bias"},
    {NOVA, "'logit_bias':{'1':2}", "logit_bias", NULL, "logit_bias"},
    {ITEMS, "'prediction':{'type':'content'}", "prediction", NULL, "prediction"},
    {CLAUDE, "'prediction':{'type':'content'}", "prediction", NULL, "prediction"},
    {GEMINI, "'prediction':{'type':'content'}", "prediction", NULL, "prediction"},
    {COHERE, "'prediction':{'type':'content'}", "prediction", NULL, "prediction"},
    {NOVA, "'prediction':{'type':'content'}", "prediction", NULL, "prediction"},
    /* user id */
    {OPENAI, "'user':'" SIXTY "1234'", "safety_identifier", "'" SIXTY "1234'", NULL},
    {OPENAI, "'user':'" SIXTY "12345'", "safety_identifier", NULL, "user"},
    {ITEMS, "'safety_identifier':'u'", "safety_identifier", "'u'", NULL},
    {CLAUDE, "'safety_identifier':'u'", "metadata.user_id", "'u'", NULL},
    {GEMINI, "'user':'u'", "labels", NULL, "user"},
    {"vertex", "gemini-3.8-flash", "'user':'u'", "labels.user_id", "'u'", NULL},
    {COHERE, "'user':'u'", "user", NULL, "user"},
    {NOVA, "'user':'u'", "requestMetadata", "{'user_id':'u'}", NULL},
    /* tier */
    {OPENAI, "'service_tier':'flex'", "service_tier", "'flex'", NULL},
    {OPENAI, "'service_tier':'auto'", "service_tier", NULL, NULL},
    {ITEMS, "'service_tier':'priority'", "service_tier", "'priority'", NULL},
    {CLAUDE, "'service_tier':'default'", "service_tier", "'standard_only'", NULL},
    {CLAUDE, "'service_tier':'flex'", "service_tier", NULL, "service_tier"},
    {GEMINI, "'service_tier':'default'", "serviceTier", "'standard'", NULL},
    {GEMINI, "'service_tier':'priority'", "serviceTier", "'priority'", NULL},
    {GEMINI, "'service_tier':'scale'", "serviceTier", NULL, "service_tier"},
    {"vertex", "gemini-3.8-flash", "'service_tier':'flex'", "serviceTier", NULL, "service_tier"},
    {NOVA, "'service_tier':'flex'", "serviceTier", "{'type':'flex'}", NULL},
    {NOVA, "'service_tier':'scale'", "serviceTier", NULL, "service_tier"},
    {COHERE, "'service_tier':'flex'", "priority", NULL, "service_tier"},
    /* cache key */
    {ITEMS, "'prompt_cache_key':'k'", "prompt_cache_key", "'k'", NULL},
    {CLAUDE, "'prompt_cache_key':'k'", "prompt_cache_key", NULL, "prompt_cache_key"},
    {GEMINI, "'prompt_cache_key':'k'", "prompt_cache_key", NULL, "prompt_cache_key"},
    {COHERE, "'prompt_cache_key':'k'", "prompt_cache_key", NULL, "prompt_cache_key"},
    {NOVA, "'prompt_cache_key':'k'", "prompt_cache_key", NULL, "prompt_cache_key"},
};
/* clang-format on */

static void every_setting_is_cut_dropped_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct setting *s = &settings[i];
        const struct target_caps caps = {.kind = provider_kind_find(str_of(s->kind)),
                                         .model = str_of(s->model)};
        char in[512];
        struct err e = ERR_INIT;
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 16);
        AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
        snprintf(in, sizeof in,
                 "{'model':'m','messages':[{'role':'user','content':'hi'}],%s}", s->says);
        enum errc rc =
            cross(DIALECT_OPENAI, ops_of(s->kind), &caps, in, &out, &dropped, &e);
        if (s->want != NULL && strcmp(s->want, REFUSED) == 0) {
            /* the next target may take it: the fault is not the client's */
            if (rc != ERR_INVALID || e.origin != ERR_BY_GATEWAY ||
                strncmp(e.text, s->path, strlen(s->path)) != 0)
                fail_msg("%s, %s: %s", s->model, s->says, e.text);
            continue;
        }
        if (rc != ERR_OK || !stands_at(&out, s->path, s->want) ||
            strcmp(dropped.data, s->dropped != NULL ? s->dropped : "") != 0)
            fail_msg("%s, %s: %s, without %s %s", s->model, s->says, out.data,
                     dropped.data, e.text);
    }
}

/* ---- why an answer ends ---- */

enum { FAILS = -1 };

/* clang-format off */
static const struct {
    const char *kind, *word;
    int finish; /* FAILS: it is no answer */
    const char *chat, *claude, *items; /* what clients are told */
} end_rows[] = {
    {"openai", "stop", MSG_FINISH_STOP, "stop", "end_turn", "completed"},
    {"openai", "length", MSG_FINISH_LENGTH, "length", "max_tokens", "incomplete"},
    {"openai", "content_filter", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"openai", "what is to come", MSG_FINISH_UNKNOWN, "stop", "end_turn", "completed"},
    {"openrouter", "error", FAILS, NULL, NULL, NULL},
    {"anthropic", "end_turn", MSG_FINISH_STOP, "stop", "end_turn", "completed"},
    {"anthropic", "stop_sequence", MSG_FINISH_STOP_SEQUENCE, "stop", "stop_sequence", "completed"},
    {"anthropic", "max_tokens", MSG_FINISH_LENGTH, "length", "max_tokens", "incomplete"},
    {"anthropic", "model_context_window_exceeded", MSG_FINISH_CONTEXT_FULL, "length",
     "model_context_window_exceeded", "incomplete"},
    {"anthropic", "refusal", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"anthropic", "pause_turn", MSG_FINISH_PAUSED, "stop", "pause_turn", "completed"},
    {"anthropic", "compaction", MSG_FINISH_PAUSED, "stop", "pause_turn", "completed"},
    {"anthropic", "what is to come", MSG_FINISH_UNKNOWN, "stop", "end_turn", "completed"},
    {"gemini", "STOP", MSG_FINISH_STOP, "stop", "end_turn", "completed"},
    {"gemini", "MAX_TOKENS", MSG_FINISH_LENGTH, "length", "max_tokens", "incomplete"},
    {"gemini", "SAFETY", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"gemini", "RECITATION", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"gemini", "BLOCKLIST", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"gemini", "PROHIBITED_CONTENT", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"gemini", "SPII", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"gemini", "IMAGE_SAFETY", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"gemini", "IMAGE_PROHIBITED_CONTENT", MSG_FINISH_FILTERED, "content_filter", "refusal",
     "incomplete"},
    {"gemini", "IMAGE_RECITATION", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"gemini", "LANGUAGE", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"gemini", "MALFORMED_FUNCTION_CALL", FAILS, NULL, NULL, NULL},
    {"gemini", "UNEXPECTED_TOOL_CALL", FAILS, NULL, NULL, NULL},
    {"gemini", "TOO_MANY_TOOL_CALLS", FAILS, NULL, NULL, NULL},
    {"gemini", "OTHER", MSG_FINISH_UNKNOWN, "stop", "end_turn", "completed"},
    {"cohere", "COMPLETE", MSG_FINISH_STOP, "stop", "end_turn", "completed"},
    {"cohere", "STOP_SEQUENCE", MSG_FINISH_STOP_SEQUENCE, "stop", "stop_sequence", "completed"},
    {"cohere", "MAX_TOKENS", MSG_FINISH_LENGTH, "length", "max_tokens", "incomplete"},
    {"cohere", "ERROR", FAILS, NULL, NULL, NULL},
    {"cohere", "TIMEOUT", FAILS, NULL, NULL, NULL},
    {"cohere", "what is to come", MSG_FINISH_UNKNOWN, "stop", "end_turn", "completed"},
    {"bedrock", "end_turn", MSG_FINISH_STOP, "stop", "end_turn", "completed"},
    {"bedrock", "stop_sequence", MSG_FINISH_STOP_SEQUENCE, "stop", "stop_sequence", "completed"},
    {"bedrock", "max_tokens", MSG_FINISH_LENGTH, "length", "max_tokens", "incomplete"},
    {"bedrock", "model_context_window_exceeded", MSG_FINISH_CONTEXT_FULL, "length",
     "model_context_window_exceeded", "incomplete"},
    {"bedrock", "content_filtered", MSG_FINISH_FILTERED, "content_filter", "refusal", "incomplete"},
    {"bedrock", "guardrail_intervened", MSG_FINISH_FILTERED, "content_filter", "refusal",
     "incomplete"},
    {"bedrock", "malformed_tool_use", FAILS, NULL, NULL, NULL},
    {"bedrock", "malformed_model_output", FAILS, NULL, NULL, NULL},
    {"bedrock", "what is to come", MSG_FINISH_UNKNOWN, "stop", "end_turn", "completed"},
};
/* With a call: whatever the word, unless the answer was cut or filtered. */
static const struct {
    const char *kind, *word;
    enum msg_finish finish;
} call_rows[] = {
    {"openai", "tool_calls", MSG_FINISH_TOOL},
    {"openai", "function_call", MSG_FINISH_TOOL},
    {"openai", "stop", MSG_FINISH_TOOL},
    {"openai", "length", MSG_FINISH_LENGTH},
    {"openai", "content_filter", MSG_FINISH_FILTERED},
    {"anthropic", "tool_use", MSG_FINISH_TOOL},
    {"anthropic", "max_tokens", MSG_FINISH_LENGTH},
    {"gemini", "STOP", MSG_FINISH_TOOL},
    {"gemini", "MAX_TOKENS", MSG_FINISH_LENGTH},
    {"gemini", "SAFETY", MSG_FINISH_FILTERED},
    {"cohere", "TOOL_CALL", MSG_FINISH_TOOL},
    {"cohere", "MAX_TOKENS", MSG_FINISH_LENGTH},
    {"bedrock", "tool_use", MSG_FINISH_TOOL},
    {"bedrock", "max_tokens", MSG_FINISH_LENGTH},
    {"bedrock", "guardrail_intervened", MSG_FINISH_FILTERED},
};

/* A whole answer: the call stands behind the first piece, the word behind the second. */
static const struct {
    enum dialect dialect;
    const char *said, *call, *until_word, *rest;
} bodies[] = {
    {DIALECT_OPENAI, "{'id':'c','model':'m','choices':[{'index':0,'message':{'role':'assistant',"
     "'content':'x'",
     ",'tool_calls':[{'id':'t','type':'function','function':{'name':'f','arguments':'{}'}}]",
     "},'finish_reason':'", "'}]}"},
    {DIALECT_ANTHROPIC, "{'id':'msg_1','type':'message','role':'assistant','model':'m','content':["
     "{'type':'text','text':'x'}", ",{'type':'tool_use','id':'t','name':'f','input':{}}",
     "],'stop_reason':'",
     "','stop_sequence':null,'usage':{'input_tokens':1,'output_tokens':1}}"},
    {DIALECT_GEMINI, "{'candidates':[{'content':{'parts':[{'text':'x'}",
     ",{'functionCall':{'name':'f','args':{}}}", "]},'finishReason':'", "'}]}"},
    {DIALECT_COHERE, "{'id':'i','message':{'role':'assistant','content':[{'type':'text','text':"
     "'x'}]",
     ",'tool_calls':[{'id':'t','type':'function','function':{'name':'f','arguments':'{}'}}]",
     "},'finish_reason':'", "'}"},
    {DIALECT_BEDROCK, "{'output':{'message':{'role':'assistant','content':[{'text':'x'}",
     ",{'toolUse':{'toolUseId':'t','name':'f','input':{}}}", "]}},'stopReason':'",
     "','usage':{'inputTokens':1,'outputTokens':1,'totalTokens':2}}"},
};
/* clang-format on */

/* What an answer that ends so is taken for; FAILS. */
static int read_end(const char *kind, const char *word, bool has_call, struct arena *a,
                    struct msg_reply *ret)
{
    const struct provider_kind *k = provider_kind_find(str_of(kind));
    const struct dialect_ops *ops = dialect_ops(k->dialect);
    struct scan_state s;
    struct err e = ERR_INIT, ignored = ERR_INIT;
    char body[512];
    size_t i = 0;
    while (bodies[i].dialect != k->dialect)
        i++;
    snprintf(body, sizeof body, "%s%s%s%s%s", bodies[i].said,
             has_call ? bodies[i].call : "", bodies[i].until_word, word, bodies[i].rest);
    ops->scan_init(&s, k);
    enum errc scanned = ops->scan_reply(&s, str_of(json(body)), &e);
    enum errc rc = ops->reply_decode(str_of(json(body)), k, a, ret, &ignored);
    assert_int_equal(scanned == ERR_OK, rc == ERR_OK);
    if (rc == ERR_OK)
        assert_int_equal(s.finish, ret->finish); /* who watches sees the same */
    return rc == ERR_OK ? (int)ret->finish : FAILS;
}

static void expect_told(const struct dialect_ops *client, const struct msg_reply *r,
                        const char *member, const char *word)
{
    const struct encode_ctx ctx = {.request_id = "01K", .model = STR("m")};
    char want[128];
    AUTO(buf_release) struct buf out = BUF_INIT(1 << 16);
    client->reply_encode(r, &ctx, &out);
    snprintf(want, sizeof want, "'%s':'%s'", member, word);
    if (strstr(out.data, json(want)) == NULL)
        fail_msg("no %s: %s", want, out.data);
}

static void every_end_has_its_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(end_rows); i++) {
        struct arena a;
        struct msg_reply r;
        arena_init(&a, 1 << 20);
        int finish = read_end(end_rows[i].kind, end_rows[i].word, false, &a, &r);
        if (finish != end_rows[i].finish)
            fail_msg("%s %s: %d", end_rows[i].kind, end_rows[i].word, finish);
        if (finish != FAILS) {
            expect_told(&dialect_openai, &r, "finish_reason", end_rows[i].chat);
            expect_told(&dialect_anthropic, &r, "stop_reason", end_rows[i].claude);
            expect_told(&dialect_responses, &r, "status", end_rows[i].items);
        }
        arena_release(&a);
    }
}

static void a_call_is_why_an_answer_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(call_rows); i++) {
        struct arena a;
        struct msg_reply r;
        arena_init(&a, 1 << 20);
        int finish = read_end(call_rows[i].kind, call_rows[i].word, true, &a, &r);
        if (finish != (int)call_rows[i].finish)
            fail_msg("%s %s: %d", call_rows[i].kind, call_rows[i].word, finish);
        if (finish == MSG_FINISH_TOOL) {
            expect_told(&dialect_openai, &r, "finish_reason", "tool_calls");
            expect_told(&dialect_anthropic, &r, "stop_reason", "tool_use");
            expect_told(&dialect_responses, &r, "status", "completed");
        }
        arena_release(&a);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_effort_has_its_word),
        cmocka_unit_test(what_claudes_clients_say_of_thinking_is_an_effort),
        cmocka_unit_test(every_setting_is_cut_dropped_or_refused),
        cmocka_unit_test(every_end_has_its_word),
        cmocka_unit_test(a_call_is_why_an_answer_ends),
    };
    return cmocka_run_group_tests_name("mapping", tests, NULL, NULL);
}
