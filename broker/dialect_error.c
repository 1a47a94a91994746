/*
 * dialect_error.c: what a provider's error means, and how clients are told.
 *
 * Errors are classified here for every provider: OpenAI's words, Anthropic's words and those of
 * the compatible servers are disjoint, so one table serves all. First match wins: the body's
 * code, its type, a pattern in the message, then the bare status.
 *
 * Sources: OpenAI error-codes guide (2026-10), Anthropic api/errors (2026-08), and the error
 * pages of the compatible providers as named beside the rows (2026-11).
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/jsonx.h"
#include "core/num.h"

#include "broker/dialect.h"
#include "broker/dialect_priv.h"
#include "broker/ratelimit.h"

/* ---- what an error body says ---- */

void said_release(struct said *s)
{
    buf_release(&s->message);
}

static void say(struct said *s, struct str text, struct jspan message)
{
    if (message.kind != J_STRING || s->message.len > 0)
        return;
    if (jscan_string(text, message, &s->message) != ERR_OK)
        buf_reset(&s->message);
}

static int http_status(const char *digits)
{
    int64_t status;
    return num_i64(str_of(digits), 400, 599, &status) == ERR_OK ? (int)status : 0;
}

/* Google's list: why, which allowance, and when to come back ("34.07s"). */
static void say_google_detail(struct said *s, struct str text, struct jspan detail)
{
    char wait[32];
    struct str quotas = jscan_text(text, jscan_get(text, detail, "violations"));
    json_copy(text, jscan_get(text, detail, "retryDelay"), wait, sizeof wait);
    if (wait[0] != '\0' && num_duration_us(str_of(wait), 0, &s->wait_us) != ERR_OK)
        s->wait_us = -1;
    /* an allowance's quotaId says how long it is for */
    if (str_contains(quotas, STR("PerDay")) || str_contains(quotas, STR("Daily")))
        snprintf(s->detail, sizeof s->detail, "PerDay");
    else if (s->detail[0] == '\0')
        json_copy(text, jscan_get(text, detail, "reason"), s->detail, sizeof s->detail);
}

/* Why a guardrail or a moderation said no; when nobody is there, when to come back, in seconds. */
static void say_openrouter(struct said *s, struct str text, struct jspan metadata)
{
    enum { PATTERNS, REASONS, RETRY_AFTER, N };
    struct jfield f[N] = {[PATTERNS] = {.name = "patterns"},
                          [REASONS] = {.name = "reasons"},
                          [RETRY_AFTER] = {.name = "retry_after"}};
    int64_t wait_us;
    if (!jscan_fields(text, metadata, f, N))
        return;
    if (f[PATTERNS].value.kind == J_ARRAY || f[REASONS].value.kind == J_ARRAY)
        snprintf(s->detail, sizeof s->detail, "content_filter");
    if (f[RETRY_AFTER].value.kind == J_NUMBER &&
        num_decimal(jscan_text(text, f[RETRY_AFTER].value), 6, true, true, &wait_us) ==
            ERR_OK &&
        wait_us >= 0)
        s->wait_us = wait_us;
}

/* "error": {…}, with a sibling status_code (Cerebras, in streams). */
static void say_object(struct said *s, struct str text, struct jspan error)
{
    enum { MESSAGE, TYPE, STATUS, CODE, METADATA, DETAILS, PARAM, N };
    struct jfield f[N] = {
        [MESSAGE] = {.name = "message"},   [TYPE] = {.name = "type"},
        [STATUS] = {.name = "status"},     [CODE] = {.name = "code"},
        [METADATA] = {.name = "metadata"}, [DETAILS] = {.name = "details"},
        [PARAM] = {.name = "param"}};
    jscan_fields(text, error, f, N);
    say(s, text, f[MESSAGE].value);
    json_copy(text, f[TYPE].value, s->type, sizeof s->type);
    json_copy(text, f[CODE].value, s->code, sizeof s->code);
    json_copy(text, f[PARAM].value, s->param, sizeof s->param);
    if (f[STATUS].value.kind == J_STRING && f[CODE].value.kind == J_NUMBER) {
        s->status = http_status(s->code); /* Google: the word says more */
        json_copy(text, f[STATUS].value, s->code, sizeof s->code);
    }
    struct jspan detail;
    size_t it = 0;
    while (f[DETAILS].value.kind == J_ARRAY &&
           jscan_next(text, f[DETAILS].value, &it, &detail))
        say_google_detail(s, text, detail);
    /* OpenRouter's vocabulary; Anthropic's spend caps */
    if (s->detail[0] == '\0')
        json_copy(text, jscan_get(text, f[METADATA].value, "error_type"), s->detail,
                  sizeof s->detail);
    if (s->detail[0] == '\0')
        json_copy(text, jscan_get(text, f[DETAILS].value, "error_code"), s->detail,
                  sizeof s->detail);
    say_openrouter(s, text, f[METADATA].value);
}

/* "detail": a text, {"error": text}, or [{"msg": text, …}] (FastAPI servers). */
static void say_detail(struct said *s, struct str text, struct jspan detail)
{
    size_t it = 0;
    struct jspan first;
    say(s, text, detail);
    say(s, text, jscan_get(text, detail, "error"));
    if (detail.kind == J_ARRAY && jscan_next(text, detail, &it, &first))
        say(s, text, jscan_get(text, first, "msg"));
}

enum {
    ROOT_ERROR,
    ROOT_MESSAGE,
    ROOT_TYPE,
    ROOT_CODE,
    ROOT_ERROR_TYPE,
    ROOT_STATUS_CODE,
    ROOT_STATUS,
    ROOT_TITLE,
    ROOT_DETAIL,
    ROOT_FAULT,
    ROOT_BASE_RESP,
    ROOT_X_GROQ,
    ROOT_CHOICES,
    ROOT_CONTENT,
    ROOT_N,
};

/* An error that is one even beside an answer; false when there is none. */
static bool say_loud(struct said *s, struct str text, const struct jfield *f)
{
    struct jspan error = f[ROOT_ERROR].value;
    if (error.kind == J_OBJECT && error.len > 2) {
        say_object(s, text, error);
        return true;
    }
    if (error.kind == J_STRING && error.len > 2) {
        say(s, text, error);
        return true;
    }
    struct jspan groq = jscan_get(text, f[ROOT_X_GROQ].value, "error");
    if (groq.kind == J_STRING) {
        say(s, text, groq);
        return true;
    }
    int64_t code = 0; /* MiniMax, also with status 200 */
    struct jspan base = f[ROOT_BASE_RESP].value;
    jscan_i64(text, jscan_get(text, base, "status_code"), INT64_MIN, INT64_MAX, &code);
    if (code == 0)
        return false;
    say(s, text, jscan_get(text, base, "status_msg"));
    snprintf(s->code, sizeof s->code, "%lld", (long long)code);
    return true;
}

/* Shapes that only a body without an answer can have. */
static bool say_flat(struct said *s, struct str text, const struct jfield *f)
{
    if (json_is_set(f[ROOT_CHOICES].value) || json_is_set(f[ROOT_CONTENT].value))
        return false;
    say(s, text, f[ROOT_MESSAGE].value);
    say_detail(s, text, f[ROOT_DETAIL].value);
    say(s, text, jscan_get(text, f[ROOT_FAULT].value, "faultstring"));
    say(s, text, f[ROOT_TITLE].value);
    return s->message.len > 0;
}

bool said_read(struct str text, struct said *s)
{
    static const char *const names[ROOT_N] = {
        [ROOT_ERROR] = "error",
        [ROOT_MESSAGE] = "message",
        [ROOT_TYPE] = "type",
        [ROOT_CODE] = "code",
        [ROOT_ERROR_TYPE] = "error_type",
        [ROOT_STATUS_CODE] = "status_code",
        [ROOT_STATUS] = "status",
        [ROOT_TITLE] = "title",
        [ROOT_DETAIL] = "detail",
        [ROOT_FAULT] = "fault",
        [ROOT_BASE_RESP] = "base_resp",
        [ROOT_X_GROQ] = "x_groq",
        [ROOT_CHOICES] = "choices",
        [ROOT_CONTENT] = "content",
    };
    struct jfield f[ROOT_N] = {0};
    for (size_t i = 0; i < ROOT_N; i++)
        f[i].name = names[i];
    *s = (struct said){.message = BUF_INIT(LIMIT_REPLY_LEN), .wait_us = -1};
    struct jspan root = jscan_root(text);
    size_t it = 0;
    if (root.kind == J_ARRAY &&
        !jscan_next(text, root, &it, &root)) /* Google wraps it so */
        return false;
    if (!jscan_fields(text, root, f, ROOT_N))
        return false;
    if (!say_loud(s, text, f) && !say_flat(s, text, f))
        return false;
    /* xAI and Together put them beside a text; Mistral and Cerebras have no wrapper */
    if (s->type[0] == '\0')
        json_copy(text, f[ROOT_TYPE].value, s->type, sizeof s->type);
    if (s->code[0] == '\0')
        json_copy(text, f[ROOT_CODE].value, s->code, sizeof s->code);
    if (s->detail[0] == '\0')
        json_copy(text, f[ROOT_ERROR_TYPE].value, s->detail, sizeof s->detail);
    char digits[16];
    json_copy(text, f[ROOT_STATUS_CODE].value, digits, sizeof digits);
    if (digits[0] == '\0')
        json_copy(text, f[ROOT_STATUS].value, digits, sizeof digits);
    if (s->status == 0)
        s->status = http_status(digits[0] != '\0' ? digits : s->code);
    return true;
}

/* ---- classes ---- */

struct word_row {
    const char *word; /* of code, type or detail; "": whatever they are */
    enum errc class;
    int status;       /* only with this one; 0: any */
    const char *kind; /* only from this kind of provider; NULL: any */
};

/* clang-format off */
static const struct word_row word_rows[] = {
    /* words that mean something else in one place come first */
    {"insufficient_quota", ERR_RATE_LIMIT, 0, "alibaba"}, /* there it is tokens per minute */
    {"model_not_found", ERR_PERMISSION, 403, NULL},         /* OpenAI: project has no access */

    {"api_error", ERR_OVERLOADED, 503, NULL},               /* Ollama: its queue is full */

    /* OpenAI and Azure */
    {"invalid_api_key", ERR_UPSTREAM_AUTH, 0, NULL},
    {"unsupported_country_region_territory", ERR_PERMISSION, 0, NULL},
    {"request_forbidden", ERR_PERMISSION, 0, NULL},
    {"model_not_found", ERR_NOT_FOUND, 0, NULL},
    {"DeploymentNotFound", ERR_NOT_FOUND, 0, NULL},
    {"context_length_exceeded", ERR_CONTEXT, 0, NULL},
    {"content_policy_violation", ERR_FILTER, 0, NULL},
    {"content_filter", ERR_FILTER, 0, NULL},
    {"invalid_prompt", ERR_FILTER, 0, NULL},
    {"unsupported_parameter", ERR_INVALID, 0, NULL},
    {"unsupported_value", ERR_INVALID, 0, NULL},
    {"insufficient_quota", ERR_QUOTA, 0, NULL},
    {"credit_balance_exhausted", ERR_QUOTA, 0, NULL},
    {"organization_spend_limit_exceeded", ERR_QUOTA, 0, NULL},
    {"project_spend_limit_exceeded", ERR_QUOTA, 0, NULL},
    {"organization_usage_limit_exceeded", ERR_QUOTA, 0, NULL},
    {"billing_hard_limit_reached", ERR_QUOTA, 0, NULL},
    {"rate_limit_exceeded", ERR_RATE_LIMIT, 0, NULL},
    {"slow_down", ERR_RATE_LIMIT, 0, NULL},
    {"too_many_requests", ERR_RATE_LIMIT, 0, NULL},
    {"RateLimitReached", ERR_RATE_LIMIT, 0, NULL},
    {"server_is_overloaded", ERR_OVERLOADED, 0, NULL},
    {"service_unavailable_error", ERR_OVERLOADED, 0, NULL},
    {"server_error", ERR_SERVER, 0, NULL},
    /* Responses, error.code, which may come after a 200 */
    {"bio_policy", ERR_FILTER, 0, NULL},
    {"cyber_policy", ERR_FILTER, 0, NULL},
    {"misalignment_policy_violation", ERR_FILTER, 0, NULL},
    {"image_content_policy_violation", ERR_FILTER, 0, NULL},
    {"data_residency_mismatch", ERR_PERMISSION, 0, NULL},
    {"vector_store_timeout", ERR_TIMEOUT, 0, NULL},
    {"unknown_parameter", ERR_INVALID, 0, NULL},
    {"invalid_value", ERR_INVALID, 0, NULL},
    {"missing_required_parameter", ERR_INVALID, 0, NULL},

    /* Anthropic; the finer word stands in details.error_code and is looked up first */
    {"enforced_spend_limit_reached", ERR_QUOTA, 0, NULL},
    {"authentication_error", ERR_UPSTREAM_AUTH, 0, NULL},
    {"billing_error", ERR_QUOTA, 0, NULL},
    {"permission_error", ERR_PERMISSION, 0, NULL},
    {"not_found_error", ERR_NOT_FOUND, 0, NULL},
    {"conflict_error", ERR_SERVER, 0, NULL},
    {"request_too_large", ERR_TOO_LARGE, 0, NULL},
    {"rate_limit_error", ERR_RATE_LIMIT, 0, NULL},
    {"timeout_error", ERR_TIMEOUT, 0, NULL},
    {"overloaded_error", ERR_OVERLOADED, 0, NULL},
    {"api_error", ERR_SERVER, 0, NULL},

    /* OpenRouter, metadata.error_type */
    {"payment_required", ERR_QUOTA, 0, NULL},
    {"permission_denied", ERR_PERMISSION, 0, NULL},
    {"max_tokens_exceeded", ERR_INVALID, 0, NULL},
    {"token_limit_exceeded", ERR_CONTEXT, 0, NULL},
    {"provider_overloaded", ERR_OVERLOADED, 0, NULL},
    {"provider_unavailable", ERR_SERVER, 0, NULL},
    {"timeout", ERR_TIMEOUT, 0, NULL},
    {"refusal", ERR_FILTER, 0, NULL},
    {"in_flight_budget_exhausted", ERR_OVERLOADED, 0, NULL}, /* of requests under way: it passes */

    /* Google: an allowance per day is gone for the day, one per minute is not */
    {"PerDay", ERR_QUOTA, 429, NULL},
    {"API_KEY_INVALID", ERR_UPSTREAM_AUTH, 0, NULL},
    {"MODEL_CAPACITY_EXHAUSTED", ERR_OVERLOADED, 0, NULL},
    {"RESOURCE_EXHAUSTED", ERR_RATE_LIMIT, 0, NULL},
    {"FAILED_PRECONDITION", ERR_PERMISSION, 0, NULL},

    /* Alibaba DashScope */
    {"InvalidApiKey", ERR_UPSTREAM_AUTH, 0, NULL},
    {"DataInspectionFailed", ERR_FILTER, 0, NULL},
    {"data_inspection_failed", ERR_FILTER, 0, NULL},
    {"Arrearage", ERR_QUOTA, 0, NULL},
    {"AccessDenied", ERR_PERMISSION, 0, NULL},
    {"AccessDenied.Unpurchased", ERR_PERMISSION, 0, NULL},
    {"AllocationQuota.FreeTierOnly", ERR_QUOTA, 0, NULL},
    {"ModelNotFound", ERR_NOT_FOUND, 0, NULL},
    {"model_not_supported", ERR_NOT_FOUND, 0, NULL},
    {"Throttling", ERR_RATE_LIMIT, 0, NULL},
    {"Throttling.RateQuota", ERR_RATE_LIMIT, 0, NULL},
    {"Throttling.BurstRate", ERR_RATE_LIMIT, 0, NULL},
    {"Throttling.AllocationQuota", ERR_RATE_LIMIT, 0, NULL},
    {"limit_requests", ERR_RATE_LIMIT, 0, NULL},
    {"limit_burst_rate", ERR_RATE_LIMIT, 0, NULL},
    {"BudgetLimitExceeded", ERR_QUOTA, 0, NULL},
    {"CommodityNotPurchased", ERR_QUOTA, 0, NULL},
    {"PrepaidBillOverdue", ERR_QUOTA, 0, NULL},
    {"PostpaidBillOverdue", ERR_QUOTA, 0, NULL},
    {"RequestTimeOut", ERR_TIMEOUT, 0, NULL},
    {"InternalError.Timeout", ERR_TIMEOUT, 0, NULL},
    {"ModelUnavailable", ERR_OVERLOADED, 0, NULL},

    /* Mistral */
    {"rate_limited", ERR_RATE_LIMIT, 0, NULL},
    {"service_tier_capacity_exceeded", ERR_OVERLOADED, 0, NULL},
    {"3505", ERR_OVERLOADED, 0, "mistral"},

    /* Groq: a malformed call is an accident of sampling, worth one more try */
    {"tool_use_failed", ERR_SERVER, 0, NULL},
    {"capacity_exceeded", ERR_OVERLOADED, 0, NULL},

    /* Together, Cerebras, llama.cpp */
    {"dynamic_request_limited", ERR_RATE_LIMIT, 0, NULL},
    {"dynamic_token_limited", ERR_RATE_LIMIT, 0, NULL},
    {"token_quota_exceeded", ERR_RATE_LIMIT, 0, NULL},
    {"too_many_tokens_error", ERR_RATE_LIMIT, 0, NULL},
    {"exceed_context_size_error", ERR_CONTEXT, 0, NULL},
    {"unavailable_error", ERR_OVERLOADED, 0, NULL},

    /* Moonshot */
    {"engine_overloaded_error", ERR_OVERLOADED, 0, NULL},
    {"rate_limit_reached_error", ERR_RATE_LIMIT, 0, NULL},
    {"exceeded_current_quota_error", ERR_QUOTA, 0, NULL},
    {"invalid_authentication_error", ERR_UPSTREAM_AUTH, 0, NULL},
    {"incorrect_api_key_error", ERR_UPSTREAM_AUTH, 0, NULL},
    {"permission_denied_error", ERR_PERMISSION, 0, NULL},
    {"resource_not_found_error", ERR_NOT_FOUND, 0, NULL},

    /* Z.ai: strings of digits */
    {"1113", ERR_QUOTA, 429, NULL},
    {"1302", ERR_RATE_LIMIT, 429, NULL},
    {"1305", ERR_OVERLOADED, 429, NULL},
    {"1308", ERR_QUOTA, 429, NULL},
    {"1309", ERR_QUOTA, 429, NULL},
    {"1310", ERR_QUOTA, 429, NULL},
    {"1311", ERR_PERMISSION, 429, NULL},
    {"1313", ERR_QUOTA, 429, NULL},
    {"1315", ERR_PERMISSION, 429, NULL},
    {"1211", ERR_NOT_FOUND, 400, NULL},

    /* MiniMax: base_resp.status_code */
    {"1001", ERR_TIMEOUT, 0, "minimax"},
    {"1002", ERR_RATE_LIMIT, 0, "minimax"},
    {"1004", ERR_UPSTREAM_AUTH, 0, "minimax"},
    {"1008", ERR_QUOTA, 0, "minimax"},
    {"1026", ERR_FILTER, 0, "minimax"},
    {"1027", ERR_FILTER, 0, "minimax"},
    {"1039", ERR_CONTEXT, 0, "minimax"},
    {"1041", ERR_RATE_LIMIT, 0, "minimax"},
    {"2049", ERR_UPSTREAM_AUTH, 0, "minimax"},
};

/* These say so little that a pattern in the message comes before them. */
static const struct word_row late_word_rows[] = {
    {"2013", ERR_INVALID, 0, "minimax"}, /* a parameter; or a prompt that is too long */
    {"1042", ERR_INVALID, 0, "minimax"},
    /* a LoRA that did not load; of an account that is suspended the message says so */
    {"PRECONDITION_FAILED", ERR_NOT_FOUND, 412, "fireworks"},
    {"BadRequestError", ERR_INVALID, 0, NULL}, /* vLLM, inside a stream */
    {"invalid_image", ERR_INVALID, 0, NULL}, /* Responses, after a 200, as the next */
    {"invalid_image_format", ERR_INVALID, 0, NULL},
    {"invalid_base64_image", ERR_INVALID, 0, NULL},
    {"invalid_image_url", ERR_INVALID, 0, NULL},
    {"invalid_image_mode", ERR_INVALID, 0, NULL},
    {"image_too_large", ERR_INVALID, 0, NULL},
    {"image_too_small", ERR_INVALID, 0, NULL},
    {"image_parse_error", ERR_INVALID, 0, NULL},
    {"image_file_too_large", ERR_INVALID, 0, NULL},
    {"unsupported_image_media_type", ERR_INVALID, 0, NULL},
    {"empty_image_file", ERR_INVALID, 0, NULL},
    {"failed_to_download_image", ERR_INVALID, 0, NULL},
    {"image_file_not_found", ERR_INVALID, 0, NULL},
    {"", ERR_CONTEXT, 403, "together"}, /* input and cap together exceed the window */
    {"invalid_request_error", ERR_INVALID, 200, NULL}, /* inside a stream: no status tells */
};

struct pattern_row {
    const char *pattern; /* lower case */
    enum errc class;
};

/* These say more than the code beside them, which is that of a rate limit. */
static const struct pattern_row strong_pattern_rows[] = {
    {"request too large for", ERR_TOO_LARGE}, /* OpenAI, Groq: above a whole minute's budget */
    /* OpenRouter, 402: above what is left in the purse, which is not empty */
    {"fewer max_tokens", ERR_TOO_LARGE},
    {"limit: 0", ERR_QUOTA},                  /* Google: the key has no allowance */
    {"duration_s: 86400", ERR_QUOTA},         /* SambaNova: the day's tokens */
};

static const struct pattern_row pattern_rows[] = {
    {"prompt is too long", ERR_CONTEXT},
    {"input is too long", ERR_CONTEXT},
    {"maximum context length", ERR_CONTEXT},
    {"context_length_exceeded", ERR_CONTEXT},
    {"exceeds the maximum number of tokens", ERR_CONTEXT},
    {"input token count", ERR_CONTEXT},
    {"exceed context limit", ERR_CONTEXT},
    {"exceeds the available context size", ERR_CONTEXT},
    {"maximum prompt length", ERR_CONTEXT},                      /* xAI */
    {"exceeded model token limit", ERR_CONTEXT},                 /* Moonshot */
    {"range of input length", ERR_CONTEXT},                      /* DashScope */
    {"max_new_tokens` must be", ERR_CONTEXT},                    /* Together */
    {"context window exceeds limit", ERR_CONTEXT},               /* MiniMax */
    {"tokens in request more than max tokens allowed", ERR_CONTEXT}, /* Z.ai */
    {"exceeds maximum allowed token size", ERR_CONTEXT},         /* NIM */
    {"exceeds the max limit", ERR_CONTEXT},                      /* Perplexity */
    {"when context the overflows", ERR_CONTEXT},                 /* LM Studio, sic */

    {"reached your specified", ERR_QUOTA}, /* Anthropic: … API usage limits; … workspace … */
    {"insufficient_quota", ERR_QUOTA},
    {"exceeded your current quota", ERR_QUOTA},
    {"credit balance is too low", ERR_QUOTA},
    {"used all available credits", ERR_QUOTA},   /* xAI */
    {"monthly spending limit", ERR_QUOTA},       /* xAI */
    {"monthly included credits", ERR_QUOTA},     /* Hugging Face */
    {"insufficient balance", ERR_QUOTA},         /* DeepSeek */
    {"is suspended", ERR_QUOTA},                 /* Fireworks */
    {"api calls a month", ERR_QUOTA},            /* Cohere, trial keys */
    {"api calls / month", ERR_QUOTA},
    {"billing", ERR_QUOTA},
    {"spend limit", ERR_QUOTA},
    {"per day", ERR_QUOTA},

    {"blocked by content filtering policy", ERR_FILTER}, /* Anthropic, with type invalid_request_error */

    {"on-demand throughput isn", ERR_NOT_FOUND}, /* Bedrock: only by an inference profile */

    {"does not support assistant message prefill", ERR_INVALID},
    {"requests ending with a model turn", ERR_INVALID},
    {"expected last role user or tool", ERR_INVALID},

    {"api_key_invalid", ERR_UPSTREAM_AUTH},
    {"api key not valid", ERR_UPSTREAM_AUTH}, /* Google, with status 400 */
    {"invalid api key", ERR_UPSTREAM_AUTH},
    {"incorrect api key", ERR_UPSTREAM_AUTH},
    {"invalid x-api-key", ERR_UPSTREAM_AUTH},

    {"overloaded", ERR_OVERLOADED},
    {"at capacity", ERR_OVERLOADED},
    {"model_capacity_exhausted", ERR_OVERLOADED},
    {"is currently loading", ERR_OVERLOADED},
    {"maximum pending requests exceeded", ERR_OVERLOADED}, /* Ollama */
};

struct status_row {
    int first, last;
    enum errc class;
};

static const struct status_row status_rows[] = {
    {401, 401, ERR_UPSTREAM_AUTH},
    {402, 402, ERR_QUOTA},
    {403, 403, ERR_PERMISSION},
    {404, 404, ERR_NOT_FOUND},
    {408, 408, ERR_TIMEOUT},
    {409, 409, ERR_SERVER},
    {410, 410, ERR_NOT_FOUND},  /* SambaNova: model withdrawn */
    {412, 412, ERR_QUOTA},      /* Fireworks: account suspended */
    {413, 413, ERR_TOO_LARGE},
    {424, 424, ERR_SERVER},     /* Groq: failed dependency */
    {429, 429, ERR_RATE_LIMIT},
    {498, 498, ERR_OVERLOADED}, /* Groq: flex capacity */
    {499, 499, ERR_CANCELLED},
    {400, 499, ERR_INVALID},
    {501, 501, ERR_INVALID},
    {503, 503, ERR_OVERLOADED},
    {504, 504, ERR_TIMEOUT},
    {522, 522, ERR_TIMEOUT},    /* Cloudflare: connection to the origin, 524: its answer */
    {524, 524, ERR_TIMEOUT},
    {529, 529, ERR_OVERLOADED}, /* Anthropic */
};
/* clang-format on */

enum errc error_class_by_status(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(status_rows); i++)
        if (status >= status_rows[i].first && status <= status_rows[i].last)
            return status_rows[i].class;
    return ERR_SERVER;
}

static enum errc class_by_pattern(struct str message, const struct pattern_row *rows,
                                  size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_icontains(message, str_of(rows[i].pattern)))
            return rows[i].class;
    return ERR_OK;
}

enum errc error_class_by_message(struct str message)
{
    enum errc class =
        class_by_pattern(message, strong_pattern_rows, ARRAY_LEN(strong_pattern_rows));
    if (class == ERR_OK)
        class = class_by_pattern(message, pattern_rows, ARRAY_LEN(pattern_rows));
    if (class != ERR_OK)
        return class;
    /* "too many tokens: 9000" is about the prompt, "… tokens per minute" about the rate */
    if (str_icontains(message, STR("too many tokens:")) &&
        !str_icontains(message, STR("per minute")))
        return ERR_CONTEXT;
    return ERR_OK;
}

bool error_says_no_prefill(const struct err *e)
{
    static const char *const words[] = {"does not support assistant message prefill",
                                        "requests ending with a model turn",
                                        "expected last role user or tool"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (e->code == ERR_INVALID && str_icontains(str_of(e->text), str_of(words[i])))
            return true;
    return false;
}

static enum errc class_by_word(const struct word_row *rows, size_t n, const char *word,
                               const char *kind, int status)
{
    for (size_t i = 0; i < n; i++) {
        const struct word_row *r = &rows[i];
        bool is_it = r->word[0] == '\0' || str_ieqz(str_of(word), r->word);
        if (is_it && (r->status == 0 || r->status == status) &&
            (r->kind == NULL || strcmp(r->kind, kind) == 0))
            return r->class;
    }
    return ERR_OK;
}

static enum errc classify(const struct said *s, const char *kind, int status)
{
    struct str message = buf_str(&s->message);
    enum errc class =
        class_by_pattern(message, strong_pattern_rows, ARRAY_LEN(strong_pattern_rows));
    const char *const words[] = {s->detail, s->code, s->type};
    for (size_t i = 0; class == ERR_OK && i < ARRAY_LEN(words); i++)
        class = class_by_word(word_rows, ARRAY_LEN(word_rows), words[i], kind, status);
    if (class == ERR_OK)
        class = error_class_by_message(message);
    for (size_t i = 0; class == ERR_OK && i < ARRAY_LEN(words); i++)
        class = class_by_word(late_word_rows, ARRAY_LEN(late_word_rows), words[i], kind,
                              status);
    if (class == ERR_OK)
        class = error_class_by_status(status);
    /* Google: an allowance that is so far away is gone for now (gemini-cli, 2026-08) */
    return class == ERR_RATE_LIMIT && s->wait_us > 300 * US_PER_S ? ERR_QUOTA : class;
}

/* Who is at fault when a provider says no with this class. */
static enum err_origin class_origin(enum errc class)
{
    static const enum errc by_client[] = {ERR_INVALID, ERR_TOO_LARGE, ERR_CONTEXT,
                                          ERR_FILTER, ERR_CANCELLED};
    for (size_t i = 0; i < ARRAY_LEN(by_client); i++)
        if (class == by_client[i])
            return ERR_BY_CLIENT;
    return ERR_BY_PROVIDER;
}

void said_classify(const struct said *s, const struct provider_kind *kind, int status,
                   struct err *e)
{
    if (status < 400 && s->status != 0)
        status = s->status;
    const char *word = s->code[0] != '\0' ? s->code : s->type;
    const char *space = word[0] != '\0' ? " " : "";
    enum errc class = classify(s, kind != NULL ? kind->kind : "", status);
    struct str text = str_trim(buf_str(&s->message));
    text.len = str_utf8_prefix(text, LIMIT_ERR_TEXT - 1);
    if (class == ERR_UPSTREAM_AUTH) /* the message may quote the key */
        err_set(e, class, "the provider refused the API key (%d%s%s)", status, space,
                word);
    else if (text.len > 0)
        err_set(e, class, "%.*s", STR_ARG(text));
    else
        err_set(e, class, "the provider answered %d%s%s", status, space, word);
    e->origin = class_origin(class);
    e->sys = status;
    e->retry_after_us = s->wait_us;
    snprintf(e->provider_code, sizeof e->provider_code, "%s", word);
    snprintf(e->param, sizeof e->param, "%s", s->param);
}

bool error_in_band(const struct provider_kind *kind, struct str text, struct err *e)
{
    struct said s;
    bool found = said_read(text, &s);
    if (found)
        said_classify(&s, kind, 200, e);
    said_release(&s);
    return found;
}

/* ---- when to come back ---- */

int64_t error_retry_after_us(const struct http1_header *headers, size_t n,
                             int64_t wall_us)
{
    int64_t us = retry_after_us(headers, n, wall_us);
    return us >= 0 ? us : ratelimit_wait_us(headers, n, wall_us);
}

/* "Please try again in 1.574s" (OpenAI, Groq), "retry after 6 seconds" (Azure); −1: none. */
static int64_t wait_of_message(struct str message)
{
    static const char *const before[] = {"try again in ", "retry after ", "retry in "};
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        struct str rest = STR_NONE;
        size_t len = strlen(before[i]);
        for (size_t at = 0; at + len <= message.len && rest.len == 0; at++)
            if (str_ieqz(str_sub(message, at, len), before[i]))
                rest = str_sub(message, at + len, message.len);
        size_t n = 0;
        while (n < rest.len && strchr("0123456789.hmsu", rest.ptr[n]) != NULL)
            n++;
        while (n > 0 && rest.ptr[n - 1] == '.') /* the sentence's own full stop */
            n--;
        int64_t us;
        if (num_duration_us(str_sub(rest, 0, n), US_PER_S, &us) == ERR_OK)
            return us;
    }
    return -1;
}

/* "… regain access on 2026-12-01 at 00:00 UTC" (Anthropic, spend limits); −1: none. */
static int64_t wait_of_date(struct str message, int64_t wall_us)
{
    struct err ignored = ERR_INIT;
    for (size_t at = 0; at + 10 <= message.len; at++) {
        int64_t us;
        if (message.ptr[at] == '2' &&
            clock_parse_rfc3339(str_sub(message, at, 10), &us, &ignored) == ERR_OK)
            return MAX(us - wall_us, 0);
    }
    return -1;
}

/* Does a header say that there is nothing left to wait for? */
static bool is_spent(const struct provider_kind *kind, const struct http1_header *headers,
                     size_t n)
{
    for (size_t i = 0; kind != NULL && i < ARRAY_LEN(kind->quirks.spent); i++)
        for (size_t h = 0; kind->quirks.spent[i] != NULL && h < n; h++)
            if (str_ieqz(headers[h].name, kind->quirks.spent[i]) &&
                str_eqz(headers[h].value, "0"))
                return true;
    return false;
}

void error_parse_any(const struct provider_kind *kind, int status,
                     const struct http1_header *headers, size_t n_headers,
                     struct str body, int64_t wall_us, struct err *e)
{
    struct said s = {.message = BUF_INIT(LIMIT_REPLY_LEN), .wait_us = -1};
    struct err ignored = ERR_INIT;
    if (jscan_check(body, &ignored) == ERR_OK)
        said_read(body, &s);
    said_classify(&s, kind, status, e);
    if (e->code == ERR_RATE_LIMIT && is_spent(kind, headers, n_headers))
        e->code = ERR_QUOTA;
    int64_t explicit_us = retry_after_us(headers, n_headers, wall_us);
    if (explicit_us >= 0)
        e->retry_after_us = explicit_us;
    if (e->retry_after_us < 0 && e->code == ERR_RATE_LIMIT) {
        e->retry_after_us = wait_of_message(buf_str(&s.message));
        if (e->retry_after_us < 0)
            e->retry_after_us = ratelimit_wait_us(headers, n_headers, wall_us);
    }
    if (e->retry_after_us < 0 && e->code == ERR_QUOTA)
        e->retry_after_us = wait_of_date(buf_str(&s.message), wall_us);
    said_release(&s);
}

/* ---- errors to a client ---- */

void error_write_ext(struct jw *w, const struct err *e, const struct error_ext *x)
{
    jw_key(w, "llmgw");
    jw_object(w);
    jw_kstrz(w, "class", errc_name(e->code));
    jw_kstrz(w, "origin", err_origin_name(e->origin));
    jw_kbool(w, "retryable", errc_is_retryable(e->code));
    if (e->retry_after_us >= 0)
        jw_ki64(w, "retry_after_ms", (e->retry_after_us + US_PER_MS - 1) / US_PER_MS);
    if (x != NULL) {
        jw_kstrz(w, "request_id", x->request_id);
        if (x->provider != NULL && x->provider[0] != '\0')
            jw_kstrz(w, "provider", x->provider);
        if (e->provider_code[0] != '\0' && e->origin != ERR_BY_GATEWAY &&
            x->provider != NULL && x->provider[0] != '\0')
            jw_kstrz(w, "provider_code", e->provider_code);
        if (x->attempts.len > 0) {
            jw_key(w, "attempts");
            jw_raw(w, x->attempts);
        }
        if (x->fallbacks.len > 0) {
            jw_key(w, "fallback_models");
            jw_raw(w, x->fallbacks);
        }
        if (x->answer.len > 0)
            jw_kstr(w, "answer", x->answer);
    }
    jw_object_end(w);
}
