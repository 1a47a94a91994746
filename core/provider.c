/*
 * provider.c: the table of provider kinds; see provider.h. Data and look-ups only.
 *
 * Sources: each provider's API reference, read from 2026-08 to 2026-11-22: addresses and key
 * forms from the "quickstart" pages named in each row, key variables from the provider's own
 * SDK, the cap's name and include_usage from its chat completion reference. Admission counts
 * the output cap at OpenAI, Azure, Groq, Cerebras and Kimi, says each one's rate limit page;
 * Anthropic's and Groq's do not count input that was read from a cache.
 * Quirks: what each one's parameters page leaves out or forbids; prefilling from the pages named
 * "prefix", "partial mode" or "continue" (Mistral, Kimi, DashScope, vLLM); DeepSeek goes on at
 * its /beta address only. Tags in the text: MiniMax without reasoning_split, Together's older
 * models, SambaNova; details to be given back: OpenRouter, reasoning tokens, and MiniMax, tool use.
 */
#include "core/provider.h"

#define CHAT       "/chat/completions"
#define RESPONSES  "/responses"
#define EMBEDDINGS "/embeddings"
/* The current name of the cap, and the one that OpenAI deprecated and many others kept. */
#define CAP_NEW "max_completion_tokens"
#define CAP_OLD "max_tokens"

#define MODELS     "/models/"
#define CAP_GEMINI "maxOutputTokens"

#define BEDROCK(wire)                                                                    \
    {                                                                                    \
        "bedrock", "amazon-bedrock", DIALECT_BEDROCK, NULL, "/model/",                   \
            {"AWS_BEARER_TOKEN_BEDROCK"}, AUTH_AWS, "maxTokens", .usage = (wire)         \
    }

static const struct provider_kind kinds[] = {
    /* developers.openai.com/api/reference */
    {"openai",
     "openai",
     DIALECT_OPENAI,
     "https://api.openai.com/v1",
     CHAT,
     {"OPENAI_API_KEY"},
     AUTH_BEARER,
     CAP_NEW,
     .ask_usage = true,
     .counts_cap = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .responses = RESPONSES,
     .counts = RESPONSES "/input_tokens",
     .quirks = {.effort = EFFORT_OPENAI, .is_openai = true, .knows_developer = true}},
    /* the same service, or one like it, asked by its newer API only */
    {"openai-responses",
     "openai",
     DIALECT_OPENAI,
     "https://api.openai.com/v1",
     CHAT,
     {NULL},
     AUTH_BEARER,
     CAP_NEW,
     .counts_cap = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .responses = RESPONSES,
     .counts = RESPONSES "/input_tokens",
     .is_responses = true,
     .quirks = {.effort = EFFORT_OPENAI, .is_openai = true, .knows_developer = true}},
    /* platform.claude.com/docs/en/api/messages; usage comes unasked */
    {"anthropic",
     "anthropic",
     DIALECT_ANTHROPIC,
     "https://api.anthropic.com/v1",
     "/messages",
     {"ANTHROPIC_API_KEY"},
     AUTH_X_API_KEY,
     CAP_OLD,
     .usage = USAGE_WIRE_ANTHROPIC,
     .quirks = {.is_cached_free = true}},
    /* ai.google.dev/api/generate-content; usage comes in every event */
    {"gemini",
     "google",
     DIALECT_GEMINI,
     "https://generativelanguage.googleapis.com/v1beta",
     MODELS,
     {"GEMINI_API_KEY", "GOOGLE_API_KEY"},
     AUTH_GOOGLE,
     CAP_GEMINI,
     .usage = USAGE_WIRE_GEMINI,
     .embeddings = MODELS},
    /*
     * docs.cloud.google.com/vertex-ai: the address names place and project, as in
     * https://LOCATION-aiplatform.googleapis.com/v1/projects/P/locations/LOCATION/publishers/google;
     * the key is an OAuth access token of about an hour, in gcloud's own variable or from key-cmd
     * = gcloud auth print-access-token
     */
    {"vertex",
     "google",
     DIALECT_GEMINI,
     NULL,
     MODELS,
     {"CLOUDSDK_AUTH_ACCESS_TOKEN"},
     AUTH_BEARER,
     CAP_GEMINI,
     .usage = USAGE_WIRE_GEMINI,
     .embeddings = MODELS},
    /* docs.cohere.com/reference/chat; usage comes unasked; CO_API_KEY is its own SDK's name */
    {"cohere",
     "cohere",
     DIALECT_COHERE,
     "https://api.cohere.com/v2",
     "/chat",
     {"COHERE_API_KEY", "CO_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .usage = USAGE_WIRE_COHERE,
     .embeddings = "/embed"},
    /*
     * docs.aws.amazon.com/bedrock, API keys: the address names the region, which `region` in the
     * configuration puts in
     */
    BEDROCK(USAGE_WIRE_BEDROCK),
    /* docs.mistral.ai/api; stream_options is not in its request model: 422 */
    {"mistral",
     "mistral",
     DIALECT_OPENAI,
     "https://api.mistral.ai/v1",
     CHAT,
     {"MISTRAL_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.prefill = PREFILL_PREFIX,
                .lacks = LACKS_LOGPROBS,
                .may_echo = true,
                .short_ids = true,
                .seed = "random_seed",
                .required = "any",
                .spent = {"x-ratelimit-remaining-tokens-month",
                          "x-ratelimit-limit-req-minute"}}},
    /* api-docs.deepseek.com; usage stands in the chunk that finishes */
    {"deepseek",
     "deepseek",
     DIALECT_OPENAI,
     "https://api.deepseek.com",
     CHAT,
     {"DEEPSEEK_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .usage = USAGE_WIRE_DEEPSEEK_CHAT,
     .quirks = {.effort = EFFORT_DEEPSEEK,
                .prefill = PREFILL_PREFIX,
                .may_echo = true,
                .prefill_dir = "/beta",
                .lacks = LACKS_N | LACKS_SCHEMA,
                .wants_thought = true,
                .max_stops = 16}},
    /* alibabacloud.com/help/en/model-studio/base-url; Singapore: other regions, other keys */
    {"alibaba",
     "alibaba",
     DIALECT_OPENAI,
     "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
     CHAT,
     {"DASHSCOPE_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .usage = USAGE_WIRE_QWEN_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.effort = EFFORT_ALIBABA,
                .prefill = PREFILL_PARTIAL,
                .may_echo = true,
                .lacks = LACKS_N,
                .takes_top_k = true}},
    /* docs.x.ai/developers/api-reference */
    {"xai",
     "xai",
     DIALECT_OPENAI,
     "https://api.x.ai/v1",
     CHAT,
     {"XAI_API_KEY"},
     AUTH_BEARER,
     CAP_NEW,
     .ask_usage = true,
     .usage = USAGE_WIRE_XAI_CHAT,
     .responses = RESPONSES,
     .quirks = {.lacks = LACKS_N | LACKS_WHILE_THINKING}},
    /* console.groq.com/docs/api-reference */
    {"groq",
     "groq",
     DIALECT_OPENAI,
     "https://api.groq.com/openai/v1",
     CHAT,
     {"GROQ_API_KEY"},
     AUTH_BEARER,
     CAP_NEW,
     .counts_cap = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .quirks = {.lacks = LACKS_N | LACKS_PENALTIES | LACKS_LOGPROBS,
                .is_cached_free = true}},
    /* docs.together.ai/reference */
    {"together",
     "together",
     DIALECT_OPENAI,
     "https://api.together.ai/v1",
     CHAT,
     {"TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.prefill = PREFILL_PLAIN,
                .may_echo = true,
                .takes_top_k = true,
                .tags_thought = true}},
    /* docs.fireworks.ai/api-reference */
    {"fireworks",
     "fireworks",
     DIALECT_OPENAI,
     "https://api.fireworks.ai/inference/v1",
     CHAT,
     {"FIREWORKS_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.prefill = PREFILL_PLAIN,
                .may_echo = true,
                .takes_top_k = true,
                .cuts_cap = true}},
    /* inference-docs.cerebras.ai/api-reference */
    {"cerebras",
     "cerebras",
     DIALECT_OPENAI,
     "https://api.cerebras.ai/v1",
     CHAT,
     {"CEREBRAS_API_KEY"},
     AUTH_BEARER,
     CAP_NEW,
     .counts_cap = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .quirks = {.lacks = LACKS_N}},
    /* docs.perplexity.ai/agent-api; chat completions ended on 2026-09-27 */
    {"perplexity",
     "perplexity",
     DIALECT_OPENAI,
     "https://api.perplexity.ai/v1",
     CHAT,
     {"PERPLEXITY_API_KEY", "PPLX_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .responses = RESPONSES,
     .is_responses = true,
     .quirks = {.is_agent = true, .lacks = LACKS_N | LACKS_PARALLEL | LACKS_TOOL_CHOICE}},
    /* openrouter.ai/docs/api_reference; usage is always sent */
    {"openrouter",
     "openrouter",
     DIALECT_OPENAI,
     "https://openrouter.ai/api/v1",
     CHAT,
     {"OPENROUTER_API_KEY"},
     AUTH_BEARER,
     CAP_NEW,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.effort = EFFORT_NESTED,
                .prefill = PREFILL_PLAIN,
                .may_echo = true,
                .lacks = LACKS_N,
                .takes_top_k = true,
                .wants_details = true,
                .knows_developer = true}},
    /* platform.kimi.ai/docs/api; the Chinese site has addresses and keys of its own */
    {"moonshotai",
     "moonshotai",
     DIALECT_OPENAI,
     "https://api.moonshot.ai/v1",
     CHAT,
     {"MOONSHOT_API_KEY", "KIMI_API_KEY"},
     AUTH_BEARER,
     CAP_NEW,
     .counts_cap = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .quirks = {.prefill = PREFILL_PARTIAL,
                .begins_no_json = true,
                .lacks = LACKS_N | LACKS_PARALLEL,
                .wants_thought = true,
                .max_temperature = 1}},
    /* docs.z.ai/api-reference */
    {"zai",
     "zai",
     DIALECT_OPENAI,
     "https://api.z.ai/api/paas/v4",
     CHAT,
     {"ZAI_API_KEY", "ZHIPU_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .quirks = {.effort = EFFORT_SWITCH,
                .lacks = LACKS_N | LACKS_SEED | LACKS_PARALLEL | LACKS_TOOL_CHOICE |
                         LACKS_SCHEMA | LACKS_LOGPROBS,
                .max_temperature = 1,
                .max_stops = 1}},
    /* platform.minimax.io/docs/api-reference */
    {"minimax",
     "minimax",
     DIALECT_OPENAI,
     "https://api.minimax.io/v1",
     CHAT,
     {"MINIMAX_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .quirks = {.lacks = LACKS_N,
                .splits_thought = true,
                .tags_thought = true,
                .wants_details = true}},
    /* docs.api.nvidia.com/nim */
    {"nvidia",
     "nvidia",
     DIALECT_OPENAI,
     "https://integrate.api.nvidia.com/v1",
     CHAT,
     {"NVIDIA_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.prefill = PREFILL_CONTINUE}},
    /* docs.sambanova.ai/docs/en/api-reference */
    {"sambanova",
     "sambanova",
     DIALECT_OPENAI,
     "https://api.sambanova.ai/v1",
     CHAT,
     {"SAMBANOVA_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.lacks = LACKS_N | LACKS_PENALTIES | LACKS_LOGPROBS,
                .takes_top_k = true,
                .tags_thought = true}},
    /* deepinfra.com/docs/openai_api */
    {"deepinfra",
     "deepinfra",
     DIALECT_OPENAI,
     "https://api.deepinfra.com/v1/openai",
     CHAT,
     {"DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.lacks = LACKS_N}},
    /* huggingface.co/docs/inference-providers; prices are those of the provider behind it */
    {"huggingface",
     NULL,
     DIALECT_OPENAI,
     "https://router.huggingface.co/v1",
     CHAT,
     {"HF_TOKEN"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .quirks = {.lacks = LACKS_N}},
    /* learn.microsoft.com/azure/foundry/openai/api-version-lifecycle: …/openai/v1 */
    {"azure",
     "azure",
     DIALECT_OPENAI,
     NULL,
     CHAT,
     {"AZURE_OPENAI_API_KEY"},
     AUTH_API_KEY,
     CAP_NEW,
     .ask_usage = true,
     .counts_cap = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .responses = RESPONSES,
     .quirks = {.effort = EFFORT_OPENAI, .is_openai = true, .knows_developer = true}},
    /* docs.ollama.com/openai; a key only for its cloud */
    {"ollama",
     "local",
     DIALECT_OPENAI,
     "http://localhost:11434/v1",
     CHAT,
     {"OLLAMA_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .is_local = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.prefill = PREFILL_PLAIN,
                .may_echo = true,
                .lacks = LACKS_N | LACKS_PARALLEL | LACKS_TOOL_CHOICE}},
    /* github.com/ggml-org/llama.cpp, tools/server/README.md */
    {"llamacpp",
     "local",
     DIALECT_OPENAI,
     "http://localhost:8080/v1",
     CHAT,
     {"LLAMA_API_KEY"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .is_local = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.prefill = PREFILL_PLAIN,
                .may_echo = true,
                .lacks = LACKS_N,
                .takes_top_k = true}},
    /* docs.vllm.ai/en/latest/serving/openai_compatible_server.html */
    {"vllm",
     "local",
     DIALECT_OPENAI,
     "http://localhost:8000/v1",
     CHAT,
     {"VLLM_API_KEY"},
     AUTH_BEARER,
     CAP_NEW,
     .ask_usage = true,
     .is_local = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.prefill = PREFILL_CONTINUE, .takes_top_k = true}},
    /* lmstudio.ai/docs/developer/openai-compat */
    {"lmstudio",
     "local",
     DIALECT_OPENAI,
     "http://localhost:1234/v1",
     CHAT,
     {"LM_API_TOKEN"},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .is_local = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS,
     .quirks = {.prefill = PREFILL_PLAIN,
                .may_echo = true,
                .lacks = LACKS_N,
                .takes_top_k = true}},
    /* any other server of this shape; prices come from [price] */
    {"openai-compatible",
     NULL,
     DIALECT_OPENAI,
     NULL,
     CHAT,
     {NULL},
     AUTH_BEARER,
     CAP_OLD,
     .ask_usage = true,
     .usage = USAGE_WIRE_OPENAI_CHAT,
     .embeddings = EMBEDDINGS},
};

static const char *const dialect_names[] = {
    [DIALECT_OPENAI] = "openai",   [DIALECT_ANTHROPIC] = "anthropic",
    [DIALECT_GEMINI] = "gemini",   [DIALECT_COHERE] = "cohere",
    [DIALECT_BEDROCK] = "bedrock", [DIALECT_RESPONSES] = "responses",
};

const struct provider_kind *provider_kind_find(struct str kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eqz(kind, kinds[i].kind))
            return &kinds[i];
    return NULL;
}

const struct provider_kind *provider_kind_for(const struct provider_kind *k,
                                              struct str model)
{
    static const struct provider_kind bedrock_openai = BEDROCK(USAGE_WIRE_BEDROCK_OPENAI);
    bool is_openais = str_starts(model, STR("openai.")) ||
                      str_contains(model, STR(".openai.")) || /* us.openai.… */
                      str_contains(model, STR("/openai."));   /* an ARN */
    return k->dialect == DIALECT_BEDROCK && is_openais ? &bedrock_openai : k;
}

const struct provider_kind *provider_kinds(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(kinds);
    return kinds;
}

const char *dialect_name(enum dialect d)
{
    return (unsigned)d < DIALECT_N_ ? dialect_names[d] : "unknown";
}
