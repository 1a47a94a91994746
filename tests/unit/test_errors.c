/* test_errors.c: which class an error answer has, and when to come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/jscan.h"

#include "broker/dialect.h"

#include <cmocka.h>

/* 2026-11-25T03:05:11Z */
static const int64_t now_us = 1795575911LL * US_PER_S;

static const struct provider_kind openai = {.kind = "openai", .catalog = "openai"};
static const struct provider_kind anthropic = {
    .kind = "anthropic", .catalog = "anthropic", .dialect = DIALECT_ANTHROPIC};
static const struct provider_kind alibaba = {.kind = "alibaba", .catalog = "alibaba"};
static const struct provider_kind minimax = {.kind = "minimax", .catalog = "minimax"};
static const struct provider_kind gemini = {
    .kind = "gemini", .catalog = "google", .dialect = DIALECT_GEMINI};
static const struct provider_kind mistral = {.kind = "mistral", .catalog = "mistral"};
static const struct provider_kind other = {.kind = "openai-compatible", .catalog = ""};

struct answer {
    const struct provider_kind *kind;
    int status;
    const char *body;
    enum errc class;
    const char *code; /* provider_code; NULL: not looked at */
};

static void parse(const struct answer *a, const struct http1_header *headers, size_t n,
                  struct err *e)
{
    const struct dialect_ops *ops = dialect_ops(a->kind->dialect);
    ops->error_parse(a->kind, a->status, headers, n, str_of(a->body), now_us, e);
}

static void check_answers(const struct answer *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT;
        parse(&rows[i], NULL, 0, &e);
        if (e.code != rows[i].class)
            fail_msg("%d %s: %s, not %s", rows[i].status, rows[i].body, errc_name(e.code),
                     errc_name(rows[i].class));
        if (rows[i].code != NULL)
            assert_string_equal(e.provider_code, rows[i].code);
        assert_true(e.text[0] != '\0');
        assert_int_equal(e.sys >= 400, 1);
    }
}

#define OAI(message, type, code)                                                         \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type                           \
    "\",\"param\":null,\"code\":" code "}}"
#define ANT(type, message)                                                               \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message        \
    "\"},\"request_id\":\"req_1\"}"

static void openai_errors_have_their_class(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct answer rows[] = {
        {&openai, 401, OAI("Incorrect API key provided: sk-ab*cd.",
         "invalid_request_error", "\"invalid_api_key\""), ERR_UPSTREAM_AUTH,
         "invalid_api_key"},
        {&openai, 401, OAI("You must be a member of an organization",
         "invalid_request_error", "null"), ERR_UPSTREAM_AUTH, "invalid_request_error"},
        {&openai, 403, OAI("Country, region, or territory not supported",
         "request_forbidden", "\"unsupported_country_region_territory\""), ERR_PERMISSION,
         NULL},
        {&openai, 403, OAI("Project `p` does not have access to model `m`",
         "invalid_request_error", "\"model_not_found\""), ERR_PERMISSION, NULL},
        {&openai, 404, OAI("The model `m` does not exist", "invalid_request_error",
         "\"model_not_found\""), ERR_NOT_FOUND, "model_not_found"},
        {&openai, 404, OAI("no such thing", "invalid_request_error", "null"),
         ERR_NOT_FOUND, NULL},
        {&openai, 400, OAI("too long", "invalid_request_error",
         "\"context_length_exceeded\""), ERR_CONTEXT, NULL},
        {&openai, 400, OAI("This model's maximum context length is 8192 tokens. However",
         "invalid_request_error", "null"), ERR_CONTEXT, NULL},
        {&openai, 400, OAI("blocked", "invalid_request_error",
         "\"content_policy_violation\""), ERR_FILTER, NULL},
        {&openai, 400, OAI("filtered", "null", "\"content_filter\""), ERR_FILTER, NULL},
        {&openai, 400, OAI("usage policy", "invalid_request_error", "\"invalid_prompt\""),
         ERR_FILTER, NULL},
        {&openai, 400, OAI("Unsupported parameter: 'max_tokens'", "invalid_request_error",
         "\"unsupported_parameter\""), ERR_INVALID, "unsupported_parameter"},
        {&openai, 400, OAI("Unsupported value", "invalid_request_error",
         "\"unsupported_value\""), ERR_INVALID, NULL},
        {&openai, 400, OAI("bad", "invalid_request_error", "null"), ERR_INVALID, NULL},
        {&openai, 422, OAI("bad", "invalid_request_error", "null"), ERR_INVALID, NULL},
        {&openai, 429, OAI("Rate limit reached for M on tokens per min (TPM): Limit 1, "
         "Used 2, Requested 3.", "tokens", "\"rate_limit_exceeded\""), ERR_RATE_LIMIT,
         NULL},
        {&openai, 429, OAI("Rate limit reached for M on requests per day (RPD)",
         "requests", "\"rate_limit_exceeded\""), ERR_RATE_LIMIT, NULL},
        {&openai, 429, OAI("slow", "rate_limit_error", "\"slow_down\""), ERR_RATE_LIMIT,
         NULL},
        {&openai, 503, OAI("slow", "rate_limit_error", "\"slow_down\""), ERR_RATE_LIMIT,
         NULL},
        {&openai, 429, OAI("Request too large for gpt in organization o on tokens per "
         "min (TPM): Limit 30000, Requested 40000.", "tokens", "\"rate_limit_exceeded\""),
         ERR_TOO_LARGE, NULL},
        {&openai, 429, OAI("You exceeded your current quota", "insufficient_quota",
         "\"insufficient_quota\""), ERR_QUOTA, NULL},
        {&openai, 429, OAI("x", "insufficient_quota", "\"credit_balance_exhausted\""),
         ERR_QUOTA, NULL},
        {&openai, 429, OAI("x", "insufficient_quota",
         "\"organization_spend_limit_exceeded\""), ERR_QUOTA, NULL},
        {&openai, 429, OAI("x", "insufficient_quota", "\"project_spend_limit_exceeded\""),
         ERR_QUOTA, NULL},
        {&openai, 429, OAI("x", "y", "\"organization_usage_limit_exceeded\""), ERR_QUOTA,
         NULL},
        {&openai, 500, OAI("The server had an error", "server_error", "null"), ERR_SERVER,
         "server_error"},
        {&openai, 503, OAI("x", "service_unavailable_error", "\"server_is_overloaded\""),
         ERR_OVERLOADED, NULL},
        {&openai, 503, OAI("x", "service_unavailable_error", "null"), ERR_OVERLOADED, NULL},
        {&openai, 502, "<html>Bad Gateway</html>", ERR_SERVER, ""},
        {&openai, 520, "", ERR_SERVER, ""},
        {&openai, 524, "", ERR_TIMEOUT, ""},
    };
    /* clang-format on */
    check_answers(rows, ARRAY_LEN(rows));
}

static void anthropic_errors_have_their_class(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct answer rows[] = {
        {&anthropic, 400, ANT("invalid_request_error", "max_tokens: field required"),
         ERR_INVALID, "invalid_request_error"},
        {&anthropic, 400, ANT("invalid_request_error",
         "prompt is too long: 210000 tokens > 200000 maximum"), ERR_CONTEXT, NULL},
        {&anthropic, 400, ANT("invalid_request_error",
         "You have reached your specified API usage limits. You will regain access on "
         "2026-12-01 at 00:00 UTC."), ERR_QUOTA, NULL},
        {&anthropic, 400, ANT("invalid_request_error",
         "You have reached your specified workspace API usage limits."), ERR_QUOTA, NULL},
        {&anthropic, 400, ANT("invalid_request_error",
         "Your credit balance is too low to access the API."), ERR_QUOTA, NULL},
        {&anthropic, 400, ANT("invalid_request_error",
         "This model does not support assistant message prefill. The conversation must "
         "end with a user message."), ERR_INVALID, NULL},
        {&anthropic, 401, ANT("authentication_error", "invalid x-api-key"),
         ERR_UPSTREAM_AUTH, NULL},
        {&anthropic, 402, ANT("billing_error", "pay"), ERR_QUOTA, NULL},
        {&anthropic, 403, ANT("permission_error", "no"), ERR_PERMISSION, NULL},
        {&anthropic, 404, ANT("not_found_error", "model: claude-x"), ERR_NOT_FOUND, NULL},
        {&anthropic, 409, ANT("conflict_error", "again"), ERR_SERVER, NULL},
        {&anthropic, 413, ANT("request_too_large", "big"), ERR_TOO_LARGE, NULL},
        {&anthropic, 413, "<html>", ERR_TOO_LARGE, NULL},
        {&anthropic, 429, ANT("rate_limit_error",
         "This request would exceed your rate limit"), ERR_RATE_LIMIT, NULL},
        {&anthropic, 429, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","
         "\"message\":\"cap\",\"details\":{\"error_code\":"
         "\"enforced_spend_limit_reached\"}}}", ERR_QUOTA, NULL},
        {&anthropic, 500, ANT("api_error", "Internal server error"), ERR_SERVER, NULL},
        {&anthropic, 504, ANT("timeout_error", "slow"), ERR_TIMEOUT, NULL},
        {&anthropic, 529, ANT("overloaded_error", "Overloaded"), ERR_OVERLOADED,
         "overloaded_error"},
        {&anthropic, 529, "", ERR_OVERLOADED, ""},
    };
    /* clang-format on */
    check_answers(rows, ARRAY_LEN(rows));
}

static void compatible_servers_are_understood(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct answer rows[] = {
        {&other, 429, "{\"error\":\"Your team T has either used all available credits "
         "or reached its monthly spending limit.\",\"code\":\"8\"}", ERR_QUOTA, "8"},
        /* xAI */
        {&other, 400, "{\"error\":\"This model's maximum prompt length is 131072 but "
         "the request contains 200000 tokens.\"}", ERR_CONTEXT, NULL},
        {&other, 402, "{\"error\":{\"message\":\"Insufficient Balance\","
         "\"type\":\"unknown_error\",\"code\":\"invalid_request_error\"}}", ERR_QUOTA,
         NULL},
        /* DeepSeek */
        {&mistral, 429, "{\"object\":\"error\",\"message\":\"Service tier capacity "
         "exceeded for this model.\",\"type\":\"service_tier_capacity_exceeded\","
         "\"code\":\"3505\"}", ERR_OVERLOADED, "3505"},
        {&mistral, 422, "{\"detail\":[{\"loc\":[\"body\",\"x\"],"
         "\"msg\":\"Field required\",\"type\":\"missing\"}]}", ERR_INVALID, NULL},
        {&mistral, 401, "{\"detail\":\"Unauthorized\"}", ERR_UPSTREAM_AUTH, NULL},
        {&other, 429, "{\"message\":\"Tokens per minute limit exceeded\","
         "\"type\":\"too_many_tokens_error\",\"param\":\"quota\","
         "\"code\":\"token_quota_exceeded\"}", ERR_RATE_LIMIT, "token_quota_exceeded"},
        /* Cerebras */
        {&other, 413, OAI("Request too large for model `m` (TPM): Limit 6000, Requested "
         "9000", "tokens", "\"rate_limit_exceeded\""), ERR_TOO_LARGE, NULL},
        /* Groq */
        {&other, 400, OAI("Failed to call a function.", "invalid_request_error",
         "\"tool_use_failed\""), ERR_SERVER, NULL},
        {&other, 498, OAI("flex", "x", "\"capacity_exceeded\""), ERR_OVERLOADED, NULL},
        {&other, 403, "{\"error\":{\"message\":\"Input "
         "validation error: `inputs` tokens + `max_new_tokens` must be <= 8193\"}}",
         ERR_CONTEXT, NULL},
        /* Together */
        {&other, 502, "{\"error\":{\"code\":502,\"message\":\"Provider returned error\","
         "\"metadata\":{\"error_type\":\"provider_overloaded\"}}}", ERR_OVERLOADED, "502"},
        /* OpenRouter */
        {&other, 402, "{\"error\":{\"code\":402,\"message\":\"requires more credits\"}}",
         ERR_QUOTA, "402"},
        {&alibaba, 429, OAI("tpm", "insufficient_quota", "\"insufficient_quota\""),
         ERR_RATE_LIMIT, NULL},
        {&alibaba, 400, OAI("Access denied, overdue", "Arrearage", "\"Arrearage\""),
         ERR_QUOTA, NULL},
        {&alibaba, 400, OAI("Range of input length should be [1, 30720]",
         "invalid_request_error", "\"invalid_parameter_error\""), ERR_CONTEXT, NULL},
        {&minimax, 400, "{\"base_resp\":{\"status_code\":1008,\"status_msg\":"
         "\"insufficient balance\"}}", ERR_QUOTA, "1008"},
        {&other, 429, "{\"error\":{\"code\":\"1113\",\"message\":\"x\"}}", ERR_QUOTA,
         "1113"},
        /* Z.ai */
        {&other, 429, "{\"error\":{\"code\":\"1302\",\"message\":\"x\"}}", ERR_RATE_LIMIT,
         "1302"},
        {&other, 429, "{\"error\":{\"type\":\"exceeded_current_quota_error\","
         "\"message\":\"x\"}}", ERR_QUOTA, NULL},
        /* Moonshot */
        {&other, 429, "{\"error\":{\"type\":\"engine_overloaded_error\","
         "\"message\":\"x\"}}", ERR_OVERLOADED, NULL},
        {&other, 400, "{\"error\":{\"message\":\"Your "
         "request exceeded model token limit: 8192\","
         "\"type\":\"invalid_request_error\"}}", ERR_CONTEXT, NULL},
        {&other, 429, "{\"status\":429,\"title\":\"Too Many Requests\"}", ERR_RATE_LIMIT,
         NULL},
        /* NIM */
        {&other, 503, "{\"fault\":{\"faultstring\":\"busy\","
         "\"detail\":{\"errorcode\":\"x\"}}}", ERR_OVERLOADED, NULL},
        /* Fireworks */
        {&other, 400, "{\"error\":{\"code\":400,\"message\":\"request "
         "(9000 tokens) exceeds the available context size (4096 tokens)\","
         "\"type\":\"exceed_context_size_error\"}}", ERR_CONTEXT, NULL},
        /* llama.cpp */
        {&other, 400, "{\"object\":\"error\",\"message\":\"bad\","
         "\"type\":\"BadRequestError\",\"code\":400}", ERR_INVALID, "400"},
        /* vLLM */
        {&other, 400, "{\"detail\":{\"error\":\"no\"}}", ERR_INVALID, NULL},
        /* DeepInfra */
        {&other, 410, "{\"error\":{\"message\":\"withdrawn\"}}", ERR_NOT_FOUND, NULL},
        {&other, 503, OAI("server busy, please try again. maximum pending requests "
         "exceeded", "api_error", "null"), ERR_OVERLOADED, NULL},
        /* Ollama */
        {&gemini, 429, "[{\"error\":{\"code\":429,\"message\":\"You "
         "exceeded your current quota\",\"status\":\"RESOURCE_EXHAUSTED\","
         "\"details\":[{\"violations\":[{\"quotaId\":"
         "\"GenerateRequestsPerMinutePerProjectPerModel\"}]}]}}]", ERR_RATE_LIMIT,
         "RESOURCE_EXHAUSTED"},
        {&gemini, 429, "[{\"error\":{\"code\":429,\"message\":\"You "
         "exceeded your current quota\",\"status\":\"RESOURCE_EXHAUSTED\","
         "\"details\":[{\"violations\":[{\"quotaId\":"
         "\"GenerateRequestsPerDayPerProjectPerModel\"}]}]}}]", ERR_QUOTA,
         "RESOURCE_EXHAUSTED"},
        {&gemini, 429, "{\"error\":{\"code\":429,\"message\":\"Quota "
         "exceeded, limit: 0, model: m\",\"status\":\"RESOURCE_EXHAUSTED\"}}", ERR_QUOTA,
         "RESOURCE_EXHAUSTED"},
        {&gemini, 400, "{\"error\":{\"code\":400,\"message\":\"API "
         "key not valid. Please pass a valid API key.\","
         "\"status\":\"INVALID_ARGUMENT\"}}", ERR_UPSTREAM_AUTH,
         "INVALID_ARGUMENT"},
        {&gemini, 400, "{\"error\":{\"code\":400,\"message\":\"User "
         "location is not supported\",\"status\":\"FAILED_PRECONDITION\"}}",
         ERR_PERMISSION, "FAILED_PRECONDITION"},
        {&other, 500, "[1]", ERR_SERVER, ""},
        {&other, 400, "{\"error\":{}}", ERR_INVALID, ""},
    };
    /* clang-format on */
    check_answers(rows, ARRAY_LEN(rows));
}

#define GOOGLE(code, message, status, details)                                           \
    "{\"error\":{\"code\":" code ",\"message\":\"" message "\",\"status\":\"" status     \
    "\",\"details\":[" details "]}}"
#define RPC(name, rest) "{\"@type\":\"type.googleapis.com/google.rpc." name "\"," rest "}"
#define QUOTA_ID(id)    RPC("QuotaFailure", "\"violations\":[{\"quotaId\":\"" id "\"}]")
#define RETRY_IN(s)     RPC("RetryInfo", "\"retryDelay\":\"" s "\"")
#define REASON(r)       RPC("ErrorInfo", "\"reason\":\"" r "\"")

static void google_says_it_in_the_details(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        struct answer a;
        int64_t us;
    } rows[] = {
        {{&gemini, 400, GOOGLE("400", "API key not valid.", "INVALID_ARGUMENT",
          REASON("API_KEY_INVALID")), ERR_UPSTREAM_AUTH, "INVALID_ARGUMENT"}, -1},
        {{&gemini, 400, GOOGLE("400", "The input token count (9) exceeds the maximum number of "
          "tokens allowed (8).", "INVALID_ARGUMENT", ""), ERR_CONTEXT, NULL}, -1},
        {{&gemini, 400, GOOGLE("400", "Requests ending with a model turn are not supported.",
          "INVALID_ARGUMENT", ""), ERR_INVALID, NULL}, -1},
        {{&gemini, 400, GOOGLE("400", "Billing is not enabled.", "FAILED_PRECONDITION", ""),
          ERR_PERMISSION, "FAILED_PRECONDITION"}, -1},
        {{&gemini, 401, GOOGLE("401", "m", "UNAUTHENTICATED", ""), ERR_UPSTREAM_AUTH,
          "UNAUTHENTICATED"}, -1},
        {{&gemini, 403, GOOGLE("403", "m", "PERMISSION_DENIED", ""), ERR_PERMISSION, NULL}, -1},
        {{&gemini, 404, GOOGLE("404", "m", "NOT_FOUND", ""), ERR_NOT_FOUND, NULL}, -1},
        {{&gemini, 429, GOOGLE("429", "Quota exceeded. Please retry in 12.4s.",
          "RESOURCE_EXHAUSTED", QUOTA_ID("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")
          "," RETRY_IN("12.4s")), ERR_RATE_LIMIT, "RESOURCE_EXHAUSTED"}, 12400000},
        {{&gemini, 429, GOOGLE("429", "Quota exceeded.", "RESOURCE_EXHAUSTED",
          REASON("RATE_LIMIT_EXCEEDED") "," QUOTA_ID("GenerateRequestsPerDayPerProjectPerModel")
          "," RETRY_IN("37s")), ERR_QUOTA, "RESOURCE_EXHAUSTED"}, 37 * US_PER_S},
        {{&gemini, 429, GOOGLE("429", "Quota exceeded.", "RESOURCE_EXHAUSTED",
          QUOTA_ID("InputTokensDaily")), ERR_QUOTA, NULL}, -1},
        {{&gemini, 429, GOOGLE("429", "m", "RESOURCE_EXHAUSTED", RETRY_IN("301s")), ERR_QUOTA,
          NULL}, 301 * US_PER_S},
        {{&gemini, 429, GOOGLE("429", "m", "RESOURCE_EXHAUSTED", RETRY_IN("soon")),
          ERR_RATE_LIMIT, NULL}, -1},
        {{&gemini, 429, GOOGLE("429", "Please retry in 12.4s.", "RESOURCE_EXHAUSTED", ""),
          ERR_RATE_LIMIT, NULL}, 12400000},
        {{&gemini, 429, GOOGLE("429", "Resource has been exhausted (e.g. check quota).",
          "RESOURCE_EXHAUSTED", ""), ERR_RATE_LIMIT, NULL}, -1},
        {{&gemini, 499, GOOGLE("499", "m", "CANCELLED", ""), ERR_CANCELLED, NULL}, -1},
        {{&gemini, 500, GOOGLE("500", "m", "INTERNAL", ""), ERR_SERVER, NULL}, -1},
        {{&gemini, 503, GOOGLE("503", "m", "UNAVAILABLE", REASON("MODEL_CAPACITY_EXHAUSTED")),
          ERR_OVERLOADED, NULL}, -1},
        {{&gemini, 503, GOOGLE("503", "m", "UNAVAILABLE", RETRY_IN("301s")), ERR_OVERLOADED,
          NULL}, 301 * US_PER_S},
        {{&gemini, 504, GOOGLE("504", "m", "DEADLINE_EXCEEDED", ""), ERR_TIMEOUT, NULL}, -1},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        check_answers(&rows[i].a, 1);
        parse(&rows[i].a, NULL, 0, &e);
        assert_int_equal(e.retry_after_us, rows[i].us);
    }
}

static void messages_have_a_class_without_a_code(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum errc class;
    } rows[] = {
        {"PROMPT IS TOO LONG", ERR_CONTEXT},
        {"Input is too long for requested model.", ERR_CONTEXT},
        {"x exceeds the maximum number of tokens allowed", ERR_CONTEXT},
        {"The input token count (9) exceeds", ERR_CONTEXT},
        {"too many tokens: size limit exceeded by 9", ERR_CONTEXT},
        {"Too many tokens: 9 per minute", ERR_OK},
        {"Too many tokens: 9 per day", ERR_QUOTA},
        {"input length and max_tokens exceed context limit", ERR_CONTEXT},
        {"Please check your plan and billing details", ERR_QUOTA},
        {"quota, limit: 0", ERR_QUOTA},
        {"Requests ending with a model turn are not supported", ERR_INVALID},
        {"Expected last role User or Tool (or Assistant with prefix True)", ERR_INVALID},
        {"API_KEY_INVALID", ERR_UPSTREAM_AUTH},
        {"Model m is currently loading", ERR_OVERLOADED},
        {"we are at capacity", ERR_OVERLOADED},
        {"hello", ERR_OK},
        {"", ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(error_class_by_message(str_of(rows[i].text)), rows[i].class);
}

static void a_bare_status_has_a_class(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum errc class;
    } rows[] = {{400, ERR_INVALID},    {401, ERR_UPSTREAM_AUTH}, {402, ERR_QUOTA},
                {403, ERR_PERMISSION}, {404, ERR_NOT_FOUND},     {408, ERR_TIMEOUT},
                {409, ERR_SERVER},     {413, ERR_TOO_LARGE},     {422, ERR_INVALID},
                {429, ERR_RATE_LIMIT}, {499, ERR_CANCELLED},     {500, ERR_SERVER},
                {502, ERR_SERVER},     {503, ERR_OVERLOADED},    {504, ERR_TIMEOUT},
                {529, ERR_OVERLOADED}, {599, ERR_SERVER},        {302, ERR_SERVER}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(error_class_by_status(rows[i].status), rows[i].class);
}

static void a_key_never_reaches_the_text(void **state)
{
    (void)state;
    static const struct answer a = {&openai, 401,
                                    OAI("Incorrect API key provided: sk-secret.",
                                        "invalid_request_error", "\"invalid_api_key\""),
                                    ERR_UPSTREAM_AUTH, NULL};
    struct err e = ERR_INIT;
    parse(&a, NULL, 0, &e);
    assert_null(strstr(e.text, "sk-secret"));
}

static void who_says_nothing_is_told_by_the_status(void **state)
{
    (void)state;
    static const struct {
        struct answer a;
        const char *want;
    } rows[] = {
        {{&openai, 413, "{}", ERR_TOO_LARGE, NULL}, "the provider answered 413"},
        {{&openai, 502, "<html>", ERR_SERVER, NULL}, "the provider answered 502"},
        {{&openai, 401, "", ERR_UPSTREAM_AUTH, NULL},
         "the provider refused the API key (401)"},
        {{&openai, 401, OAI("no", "invalid_request_error", "\"invalid_api_key\""),
          ERR_UPSTREAM_AUTH, NULL},
         "the provider refused the API key (401 invalid_api_key)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        parse(&rows[i].a, NULL, 0, &e);
        assert_string_equal(e.text, rows[i].want);
    }
}

static void fault_is_laid_where_it_belongs(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum err_origin origin;
    } rows[] = {{400, ERR_BY_CLIENT},
                {413, ERR_BY_CLIENT},
                {429, ERR_BY_PROVIDER},
                {500, ERR_BY_PROVIDER},
                {401, ERR_BY_PROVIDER}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer a = {&openai, rows[i].status, "{}", ERR_OK, NULL};
        struct err e = ERR_INIT;
        parse(&a, NULL, 0, &e);
        assert_int_equal(e.origin, rows[i].origin);
    }
}

#define H(name, value)                                                                   \
    {                                                                                    \
        {name, sizeof(name) - 1},                                                        \
        {                                                                                \
            value, sizeof(value) - 1                                                     \
        }                                                                                \
    }

static void retry_after_is_read_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        struct http1_header headers[4];
        int64_t us;
    } rows[] = {
        {{H("Retry-After", "8")}, 8 * US_PER_S},
        {{H("retry-after", "1.5")}, 1500000},
        {{H("retry-after", "0")}, 0},
        {{H("retry-after", "-1")}, -1},
        {{H("retry-after", "soon")}, -1},
        {{H("retry-after", "9223372036854s")}, 366 * US_PER_DAY},
        {{H("retry-after", "Wed, 25 Nov 2026 03:05:41 GMT")}, 30 * US_PER_S},
        {{H("retry-after", "Wed, 25 Nov 2020 03:05:41 GMT")}, 0},
        {{H("retry-after-ms", "250")}, 250000},
        {{H("retry-after-ms", "250.5")}, 250500},
        {{H("retry-after", "8"), H("retry-after-ms", "250")}, 250000},
        {{H("retry-after-ms", "x"), H("retry-after", "8")}, 8 * US_PER_S},
        /* OpenAI: Go durations */
        {{H("x-ratelimit-reset-requests", "12ms")}, 12000},
        {{H("x-ratelimit-reset-tokens", "6m0s")}, 360 * (int64_t)US_PER_S},
        {{H("x-ratelimit-remaining-requests", "0"),
          H("x-ratelimit-reset-requests", "1h12m3.5s"),
          H("x-ratelimit-remaining-tokens", "77"), H("x-ratelimit-reset-tokens", "1s")},
         4323500000},
        {{H("x-ratelimit-remaining-requests", "9"),
          H("x-ratelimit-reset-requests", "17ms"),
          H("x-ratelimit-remaining-tokens", "77"), H("x-ratelimit-reset-tokens", "6s")},
         6 * US_PER_S},
        {{H("retry-after", "2"), H("x-ratelimit-reset-tokens", "6s")}, 2 * US_PER_S},
        /* Cerebras: seconds; SambaNova: epoch seconds; OpenRouter: epoch milliseconds */
        {{H("x-ratelimit-reset-tokens-minute", "33.38")}, 33380000},
        {{H("x-ratelimit-reset-requests", "1795575921")}, 10 * US_PER_S},
        {{H("X-RateLimit-Reset", "1795575921000")}, 10 * US_PER_S},
        {{H("x-ratelimit-reset-tokens", "-1")}, -1},
        /* Anthropic: RFC 3339 */
        {{H("anthropic-ratelimit-requests-remaining", "0"),
          H("anthropic-ratelimit-requests-reset", "2026-11-25T03:05:21Z"),
          H("anthropic-ratelimit-input-tokens-remaining", "1000"),
          H("anthropic-ratelimit-input-tokens-reset", "2026-11-25T03:05:12Z")},
         10 * US_PER_S},
        {{H("anthropic-ratelimit-requests-remaining", "0"),
          H("anthropic-ratelimit-requests-reset", "2026-11-25T03:05:21Z"),
          H("anthropic-ratelimit-tokens-remaining", "0"),
          H("anthropic-ratelimit-tokens-reset", "2026-11-25T03:05:14Z")},
         3 * US_PER_S},
        {{H("x-request-id", "req_1")}, -1},
        {{H("date", "Wed, 25 Nov 2026 03:05:41 GMT")}, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = 0;
        while (n < 4 && rows[i].headers[n].name.len > 0)
            n++;
        int64_t us = error_retry_after_us(rows[i].headers, n, now_us);
        if (us != rows[i].us)
            fail_msg("row %zu: %lld, not %lld", i, (long long)us, (long long)rows[i].us);
    }
}

/* Of a month's tokens nothing is left: no pause helps. Source: core/provider.c, "mistral". */
static void a_header_may_say_that_a_quota_is_spent(void **state)
{
    (void)state;
    const struct provider_kind *kind = provider_kind_find(STR("mistral"));
    static const struct {
        struct http1_header header;
        enum errc class;
    } rows[] = {
        {H("X-RateLimit-Remaining-Tokens-Month", "0"), ERR_QUOTA},
        {H("x-ratelimit-remaining-tokens-month", "10"), ERR_RATE_LIMIT},
        {H("x-ratelimit-limit-req-minute", "0"), ERR_QUOTA},
        {H("x-ratelimit-remaining-tokens-minute", "0"), ERR_RATE_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct answer a = {
            kind, 429, "{\"message\":\"Requests rate limit exceeded\"}", ERR_OK, NULL};
        parse(&a, &rows[i].header, 1, &e);
        assert_int_equal(e.code, rows[i].class);
        const struct answer other_status = {kind, 503, "{}", ERR_OK, NULL};
        parse(&other_status, &rows[i].header, 1, &e);
        assert_int_equal(e.code, ERR_OVERLOADED);
    }
}

static void the_message_tells_when_headers_do_not(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        struct answer a;
        int64_t us;
    } rows[] = {
        {{&openai, 429, OAI("Please try again in 1.574s.", "tokens",
         "\"rate_limit_exceeded\""), ERR_OK, NULL}, 1574000},
        {{&openai, 429, OAI("Please try again in 9m38.016s. Visit", "tokens",
         "\"rate_limit_exceeded\""), ERR_OK, NULL}, 578016000},
        {{&openai, 429, OAI("Please try again in 20ms.", "tokens",
         "\"rate_limit_exceeded\""), ERR_OK, NULL}, 20000},
        {{&openai, 429, OAI("Please retry after 6 seconds.", "x", "\"429\""), ERR_OK, NULL},
         6 * US_PER_S},
        {{&openai, 429, OAI("Please try again in a while.", "x", "null"), ERR_OK, NULL},
         -1},
        {{&openai, 500, OAI("Please try again in 3s", "server_error", "null"), ERR_OK,
         NULL}, -1},
        {{&anthropic, 400, ANT("invalid_request_error",
         "You have reached your specified API usage limits. You will regain access on "
         "2026-12-01 at 00:00 UTC."), ERR_OK, NULL}, 507289LL * US_PER_S},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        parse(&rows[i].a, NULL, 0, &e);
        assert_int_equal(e.retry_after_us, rows[i].us);
    }
}

static void a_reset_header_says_nothing_about_a_server_error(void **state)
{
    (void)state;
    static const struct http1_header headers[] = {H("x-ratelimit-reset-tokens", "6m0s")};
    struct answer a = {&openai, 500, "{}", ERR_SERVER, NULL};
    struct err e = ERR_INIT;
    parse(&a, headers, 1, &e);
    assert_int_equal(e.retry_after_us, -1);
    a.status = 429;
    parse(&a, headers, 1, &e);
    assert_int_equal(e.retry_after_us, 360 * (int64_t)US_PER_S);
}

/* ---- to a client ---- */

static void clients_get_the_contract(void **state)
{
    (void)state;
    static const struct {
        enum errc class;
        int oc_status;
        const char *oc_type, *oc_code;
        int an_status;
        const char *an_type;
    } rows[] = {
        {ERR_AUTH, 401, "invalid_request_error", "invalid_api_key", 401,
         "authentication_error"},
        {ERR_UPSTREAM_AUTH, 502, "server_error", "upstream_authentication", 502,
         "api_error"},
        {ERR_PERMISSION, 403, "permission_error", "permission_denied", 403,
         "permission_error"},
        {ERR_NOT_FOUND, 404, "invalid_request_error", "model_not_found", 404,
         "not_found_error"},
        {ERR_INVALID, 400, "invalid_request_error", NULL, 400, "invalid_request_error"},
        {ERR_TOO_LARGE, 413, "invalid_request_error", "request_too_large", 413,
         "request_too_large"},
        {ERR_CONTEXT, 400, "invalid_request_error", "context_length_exceeded", 400,
         "invalid_request_error"},
        {ERR_FILTER, 400, "invalid_request_error", "content_filter", 400,
         "invalid_request_error"},
        {ERR_RATE_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded", 429,
         "rate_limit_error"},
        {ERR_QUOTA, 429, "insufficient_quota", "insufficient_quota", 402,
         "billing_error"},
        {ERR_OVERLOADED, 503, "service_unavailable_error", "server_is_overloaded", 529,
         "overloaded_error"},
        {ERR_TIMEOUT, 504, "server_error", "upstream_timeout", 504, "timeout_error"},
        {ERR_SERVER, 502, "server_error", "upstream_error", 502, "api_error"},
        {ERR_NETWORK, 502, "server_error", "upstream_unreachable", 502, "api_error"},
        {ERR_UNUSABLE, 502, "server_error", "unusable_answer", 502, "api_error"},
        {ERR_INTERRUPTED, 502, "server_error", "stream_interrupted", 502, "api_error"},
        {ERR_INTERNAL, 500, "server_error", "internal", 500, "api_error"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        err_set(&e, rows[i].class, "it \"broke\"");
        AUTO(buf_release) struct buf b = BUF_INIT(4096);
        assert_int_equal(dialect_openai.error_status(&e), rows[i].oc_status);
        dialect_openai.error_body(&e, NULL, &b);
        struct jspan error = jscan_get(buf_str(&b), jscan_root(buf_str(&b)), "error");
        assert_int_equal(jscan_check(buf_str(&b), &e), ERR_OK);
        assert_true(jscan_is(buf_str(&b), jscan_get(buf_str(&b), error, "type"),
                             rows[i].oc_type));
        struct jspan code = jscan_get(buf_str(&b), error, "code");
        if (rows[i].oc_code == NULL)
            assert_int_equal(code.kind, J_NULL);
        else
            assert_true(jscan_is(buf_str(&b), code, rows[i].oc_code));
        buf_reset(&b);
        assert_int_equal(dialect_anthropic.error_status(&e), rows[i].an_status);
        dialect_anthropic.error_body(&e, NULL, &b);
        error = jscan_get(buf_str(&b), jscan_root(buf_str(&b)), "error");
        assert_true(jscan_is(buf_str(&b), jscan_get(buf_str(&b), error, "type"),
                             rows[i].an_type));
    }
}

static void an_error_is_written_whole(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    err_set(&e, ERR_RATE_LIMIT, "harbour-1: rate limit reached, retry in 8 s");
    e.origin = ERR_BY_PROVIDER;
    e.retry_after_us = 7999001;
    snprintf(e.provider_code, sizeof e.provider_code, "rate_limit_exceeded");
    const struct error_ext x = {.request_id = "01K",
                                .provider = "openai",
                                .n_attempts = 1,
                                .attempts = STR("[{\"target\":\"openai/m\"}]"),
                                .fallbacks = STR("[\"anthropic/c\"]")};
    static const char ext[] =
        "\"llmgw\":{\"class\":\"rate_limit\",\"origin\":\"provider\",\"retryable\":true,"
        "\"retry_after_ms\":8000,\"request_id\":\"01K\",\"provider\":\"openai\","
        "\"provider_code\":\"rate_limit_exceeded\",\"attempts\":[{\"target\":\"openai/"
        "m\"}],"
        "\"fallback_models\":[\"anthropic/c\"]}";
    char want[1024];
    AUTO(buf_release) struct buf b = BUF_INIT(4096);
    dialect_openai.error_event(&e, &x, &b);
    snprintf(
        want, sizeof want,
        "data: "
        "{\"error\":{\"message\":\"%s\",\"type\":\"rate_limit_error\",\"param\":null,"
        "\"code\":\"rate_limit_exceeded\",%s}}\n\n",
        e.text, ext);
    assert_string_equal(b.data, want);
    buf_reset(&b);
    dialect_anthropic.error_event(&e, &x, &b);
    snprintf(want, sizeof want,
             "event: error\ndata: "
             "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","
             "\"message\":\"%s\",%s},\"request_id\":\"01K\"}\n\n",
             e.text, ext);
    assert_string_equal(b.data, want);
}

static void a_full_context_is_told_in_known_words(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"maximum context length is 9",
         "prompt is too long: maximum context length is 9"},
        {"Prompt is too long: 9 > 8", "Prompt is too long: 9 > 8"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        err_set(&e, ERR_CONTEXT, "%s", rows[i][0]);
        AUTO(buf_release) struct buf b = BUF_INIT(4096);
        dialect_anthropic.error_body(&e, NULL, &b);
        struct jspan error = jscan_get(buf_str(&b), jscan_root(buf_str(&b)), "error");
        assert_true(
            jscan_is(buf_str(&b), jscan_get(buf_str(&b), error, "message"), rows[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openai_errors_have_their_class),
        cmocka_unit_test(anthropic_errors_have_their_class),
        cmocka_unit_test(compatible_servers_are_understood),
        cmocka_unit_test(google_says_it_in_the_details),
        cmocka_unit_test(messages_have_a_class_without_a_code),
        cmocka_unit_test(a_bare_status_has_a_class),
        cmocka_unit_test(a_key_never_reaches_the_text),
        cmocka_unit_test(who_says_nothing_is_told_by_the_status),
        cmocka_unit_test(a_header_may_say_that_a_quota_is_spent),
        cmocka_unit_test(fault_is_laid_where_it_belongs),
        cmocka_unit_test(retry_after_is_read_in_every_spelling),
        cmocka_unit_test(the_message_tells_when_headers_do_not),
        cmocka_unit_test(a_reset_header_says_nothing_about_a_server_error),
        cmocka_unit_test(clients_get_the_contract),
        cmocka_unit_test(an_error_is_written_whole),
        cmocka_unit_test(a_full_context_is_told_in_known_words),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
