/*
 * fault.c: errors as providers send them, one row per kind, with what each dialect makes of it.
 *
 * Sources: OpenAI error-codes and rate-limits guides and captured replies (2026-10); Anthropic
 * api/errors and api/rate-limits (2026-08); ai.google.dev troubleshooting and rate-limits, and
 * captured replies (2026-08); docs.cohere.com errors and rate-limits (2026-08);
 * botocore bedrock-runtime service model (2026-08-07). Wordings matter: gateways match on them.
 */
#include <string.h>

#include "tests/sim/sim.h"

struct fault_row {
    const char *name;
    struct fault by[SIM_SHAPES];
};

#define OA(status, type, code, param, message)                                           \
    {                                                                                    \
        status, type, code, param, message, NULL, false                                  \
    }
#define AN(status, type, message)                                                        \
    {                                                                                    \
        status, type, NULL, NULL, message, NULL, false                                   \
    }
#define GG(status, word, message, details)                                               \
    {                                                                                    \
        status, word, NULL, NULL, message, details, false                                \
    }
#define CO(status, message)                                                              \
    {                                                                                    \
        status, NULL, NULL, NULL, message, NULL, false                                   \
    }
#define BR(status, type, message)                                                        \
    {                                                                                    \
        status, type "Exception", NULL, NULL, message, NULL, false                       \
    }
#define RPC(name) "{\"@type\":\"type.googleapis.com/google.rpc." name "\","
#define QUOTA(id)                                                                        \
    RPC("QuotaFailure")                                                                  \
    "\"violations\":[{\"quotaMetric\":\"generativelanguage.googleapis.com/"              \
    "generate_content_requests\",\"quotaId\":\"" id "\",\"quotaValue\":\"60\"}]}"
#define RETRY_IN(s) RPC("RetryInfo") "\"retryDelay\":\"" s "\"}"
#define PROXY(status)                                                                    \
    {                                                                                    \
        status, "server_error", NULL, NULL, "upstream connect error", NULL, true         \
    }

/* The first row with a status is what that status alone means. */
static const struct fault_row rows[] = {
    {"invalid",
     {OA(400, "invalid_request_error", "invalid_value", "messages",
         "Invalid value in 'messages'."),
      AN(400, "invalid_request_error", "messages: invalid value"),
      GG(400, "INVALID_ARGUMENT", "Invalid value at 'contents'", NULL),
      CO(400, "invalid request: messages is not valid"),
      BR(400, "Validation",
         "Malformed input request, please reformat your input and try again.")}},
    {"rate-limit",
     {OA(429, "requests", "rate_limit_exceeded", NULL,
         "Rate limit reached for sim in organization org-sim on requests per min (RPM): "
         "Limit "
         "60, Used 60, Requested 1. Please try again in 1s."),
      AN(429, "rate_limit_error",
         "This request would exceed your organization's rate limit of 60 requests per "
         "minute"),
      GG(429, "RESOURCE_EXHAUSTED",
         "You exceeded your current quota, please check your plan and billing details. "
         "Please retry in 1s.",
         QUOTA("GenerateRequestsPerMinutePerProjectPerModel") "," RETRY_IN("1s")),
      CO(429,
         "You are past the per minute request limit, please wait and try again later."),
      BR(429, "Throttling", "Too many requests, please wait before trying again.")}},
    {"rate-limit-tokens",
     {OA(429, "tokens", "rate_limit_exceeded", NULL,
         "Rate limit reached for sim in organization org-sim on tokens per min (TPM): "
         "Limit "
         "30000, Used 29000, Requested 2000. Please try again in 2s."),
      AN(429, "rate_limit_error",
         "This request would exceed your organization's rate limit of 30,000 input "
         "tokens "
         "per "
         "minute"),
      GG(429, "RESOURCE_EXHAUSTED",
         "You exceeded your current quota, please check your plan and billing details. "
         "Please retry in 2s.",
         QUOTA("GenerateContentInputTokensPerModelPerMinute") "," RETRY_IN("2s")),
      CO(429,
         "You are past the per minute token limit, please wait and try again later."),
      BR(429, "Throttling", "Too many tokens, please wait before trying again.")}},
    {"too-large-for-limit",
     {OA(429, "tokens", "rate_limit_exceeded", NULL,
         "Request too large for sim in organization org-sim on tokens per min (TPM): "
         "Limit "
         "30000, Requested 40000. The input or output tokens must be reduced in order to "
         "run "
         "successfully."),
      AN(429, "rate_limit_error",
         "This request would exceed your organization's rate limit of 30,000 input "
         "tokens "
         "per "
         "minute"),
      GG(429, "RESOURCE_EXHAUSTED",
         "You exceeded your current quota, please check your plan and billing details.",
         QUOTA("GenerateContentInputTokensPerModelPerMinute")),
      CO(429,
         "You are past the per minute token limit, please wait and try again later."),
      BR(429, "Throttling", "Too many tokens, please wait before trying again.")}},
    {"slow-down",
     {OA(429, "rate_limit_error", "slow_down", NULL, "Reduce your request rate"),
      AN(429, "rate_limit_error",
         "Your usage increase rate has exceeded your organization's acceleration limit"),
      GG(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).",
         NULL),
      CO(429, "Please wait and try again later"),
      BR(429, "Throttling",
         "Your request rate is too high. Reduce the frequency of requests.")}},
    {"quota",
     {OA(429, "insufficient_quota", "insufficient_quota", NULL,
         "You exceeded your current quota, please check your plan and billing details."),
      {429, "rate_limit_error", NULL, NULL,
       "Your organization has reached its spend limit",
       "{\"error_code\":\"enforced_spend_limit_reached\"}", false},
      GG(429, "RESOURCE_EXHAUSTED",
         "You exceeded your current quota, please check your plan and billing details.",
         QUOTA("GenerateRequestsPerDayPerProjectPerModel") "," RETRY_IN("34.07s")),
      CO(429,
         "You are using a Trial key, which is limited to 1,000 API calls a month. You "
         "can continue to use the Trial key for free or upgrade to a Production key."),
      BR(429, "Throttling",
         "Too many tokens per day, please wait before trying again.")}},
    {"billing",
     {OA(429, "insufficient_quota", "credit_balance_exhausted", NULL,
         "Your credit balance is exhausted."),
      AN(402, "billing_error", "Your credit balance is too low to access the API"),
      GG(429, "RESOURCE_EXHAUSTED",
         "Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, "
         "model: sim",
         QUOTA("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")),
      CO(402, "Please add or update your payment method to continue"),
      BR(400, "ServiceQuotaExceeded",
         "Your request exceeds the service quota for your account.")}},
    {"spend-limit",
     {OA(429, "insufficient_quota", "project_spend_limit_exceeded", NULL,
         "The project's spend limit was reached."),
      AN(400, "invalid_request_error",
         "You have reached your specified API usage limits. You will regain access on "
         "2026-12-01 at 00:00 UTC."),
      GG(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its spending cap.",
         RETRY_IN("86400s")),
      CO(402, "You have reached your billing limit. Please raise it to continue."),
      BR(400, "ServiceQuotaExceeded",
         "Your request exceeds the service quota for your account.")}},
    {"server",
     {OA(500, "server_error", NULL, NULL,
         "The server had an error while processing your request. Sorry about that!"),
      AN(500, "api_error", "Internal server error"),
      GG(500, "INTERNAL", "An internal error has occurred. Please retry.", NULL),
      CO(500, "internal server error, this has been reported to our developers."),
      BR(500, "InternalServer",
         "The system encountered an unexpected error during processing. Try your request "
         "again.")}},
    {"overloaded",
     {OA(503, "service_unavailable_error", "server_is_overloaded", NULL,
         "The engine is currently overloaded, please try again later"),
      AN(529, "overloaded_error", "Overloaded"),
      GG(503, "UNAVAILABLE", "The model is overloaded. Please try again later.", NULL),
      CO(503, "The model is currently overloaded, please try again later."),
      BR(503, "ServiceUnavailable",
         "Bedrock is currently overloaded and unable to process your request.")}},
    {"bad-gateway", {PROXY(502), PROXY(502), PROXY(502), PROXY(502), PROXY(502)}},
    {"unavailable", {PROXY(503), PROXY(503), PROXY(503), PROXY(503), PROXY(503)}},
    {"timeout",
     {PROXY(504), AN(504, "timeout_error", "The request timed out"),
      GG(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.",
         NULL),
      CO(504, "the request timed out"),
      BR(408, "ModelTimeout",
         "Model has timed out in processing the request. Try your request again.")}},
    {"origin-overloaded",
     {PROXY(529), AN(529, "overloaded_error", "Overloaded"), PROXY(529), PROXY(529),
      PROXY(529)}},
    {"auth",
     {OA(401, "invalid_request_error", "invalid_api_key", NULL,
         "Incorrect API key provided. You can find your API key at the provider's site."),
      AN(401, "authentication_error", "invalid x-api-key"),
      GG(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
         RPC("ErrorInfo") "\"reason\":\"API_KEY_INVALID\",\"domain\":\"googleapis."
                          "com\"}"),
      CO(401, "invalid api token"),
      BR(403, "UnrecognizedClient",
         "The security token included in the request is invalid.")}},
    {"permission",
     {OA(403, "request_forbidden", "unsupported_country_region_territory", NULL,
         "Country, region, or territory not supported"),
      AN(403, "permission_error",
         "Your API key does not have permission to use the specified resource"),
      GG(403, "PERMISSION_DENIED", "The caller does not have permission", NULL),
      CO(403, "You are not allowed to use this model."),
      BR(403, "AccessDenied",
         "You don't have access to the model with the specified model ID.")}},
    {"not-found",
     {OA(404, "invalid_request_error", "model_not_found", "model",
         "The model `sim` does not exist or you do not have access to it."),
      AN(404, "not_found_error", "model: sim"),
      GG(404, "NOT_FOUND",
         "models/sim is not found for API version v1beta, or is not supported for "
         "generateContent.",
         NULL),
      CO(404, "model 'sim' not found, make sure the correct model ID was used and that "
              "you have access to the model."),
      BR(404, "ResourceNotFound",
         "Could not resolve the foundation model from the provided model identifier.")}},
    {"context",
     {OA(400, "invalid_request_error", "context_length_exceeded", "messages",
         "This model's maximum context length is 8192 tokens. However, you requested "
         "9000 "
         "tokens (8000 in the messages, 1000 in the completion). Please reduce the "
         "length "
         "of "
         "the messages or completion."),
      AN(400, "invalid_request_error",
         "prompt is too long: 250000 tokens > 200000 maximum"),
      GG(400, "INVALID_ARGUMENT",
         "The input token count (1250000) exceeds the maximum number of tokens allowed "
         "(1048576).",
         NULL),
      CO(400, "too many tokens: size limit exceeded by 9000 tokens. Try using shorter or "
              "fewer inputs, or setting prompt_truncation."),
      BR(400, "Validation", "Input is too long for requested model.")}},
    {"filter",
     {OA(400, "invalid_request_error", "content_policy_violation", NULL,
         "Your request was rejected as a result of our safety system."),
      AN(400, "invalid_request_error", "Output blocked by content filtering policy"),
      GG(200, "PROHIBITED_CONTENT", "blocked", NULL),
      CO(498, "blocked output: a deny-listed token was found"),
      BR(400, "Validation", "Output blocked by content filtering policy")}},
    {"unsupported",
     {OA(400, "invalid_request_error", "unsupported_parameter", "max_tokens",
         "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
         "'max_completion_tokens' instead."),
      AN(400, "invalid_request_error", "max_tokens: Extra inputs are not permitted"),
      GG(400, "INVALID_ARGUMENT", "Penalty is not enabled for this model", NULL),
      CO(400, "invalid request: frequency_penalty and presence_penalty are exclusive for "
              "this model"),
      BR(400, "Validation", "This model doesn't support tool use.")}},
    {"no-prefill",
     {OA(400, "invalid_request_error", "invalid_value", "messages",
         "Invalid value in 'messages'."),
      AN(400, "invalid_request_error",
         "This model does not support assistant message prefill. The conversation must "
         "end "
         "with a user message."),
      GG(400, "INVALID_ARGUMENT", "Requests ending with a model turn are not supported.",
         NULL),
      CO(400, "invalid request: messages is not valid"),
      BR(400, "Validation",
         "This model does not support assistant message prefill. The conversation must "
         "end with a user message.")}},
    {"too-large",
     {OA(413, "invalid_request_error", NULL, NULL, "Request body is too large"),
      AN(413, "request_too_large", "Request exceeds the maximum size"),
      {413, "INVALID_ARGUMENT", NULL, NULL, "Request entity too large", NULL, true},
      CO(413, "request body is too large"),
      BR(413, "RequestEntityTooLarge", "Request body is too large")}},
    {"conflict",
     {OA(409, "invalid_request_error", NULL, NULL, "Conflict"),
      AN(409, "conflict_error", "Conflict"), GG(409, "ABORTED", "Conflict", NULL),
      CO(409, "conflict"), BR(409, "Conflict", "Conflict")}},
    {"unprocessable",
     {OA(422, "invalid_request_error", NULL, NULL, "Unprocessable"),
      AN(422, "invalid_request_error", "Unprocessable"),
      GG(422, "INVALID_ARGUMENT", "Unprocessable", NULL), CO(422, "unprocessable entity"),
      BR(422, "Validation", "Unprocessable")}},
};
#undef OA
#undef AN
#undef GG
#undef CO
#undef BR
#undef RPC
#undef QUOTA
#undef RETRY_IN
#undef PROXY

size_t fault_count(void)
{
    return ARRAY_LEN(rows);
}

const char *fault_name(size_t i)
{
    return rows[i].name;
}

static const struct fault *row_of(size_t i, const struct sim_dialect *d)
{
    return &rows[i].by[d->shape];
}

static const struct fault *row_by_status(int64_t status, const struct sim_dialect *d)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (row_of(i, d)->status == status)
            return row_of(i, d);
    return row_by_status(status < 500 ? 400 : 500, d);
}

void fault_of_plan(const struct plan *p, const struct sim_dialect *d, struct fault *ret)
{
    if (p->error >= 0)
        *ret = *row_of((size_t)p->error, d);
    else
        *ret = *row_by_status(p->status ? p->status : 500, d);
    if (p->error < 0 && p->status != 0 && p->status != ret->status)
        ret->code = NULL; /* of another status: there the number alone speaks */
    if (p->status != 0)
        ret->status = (int)p->status;
    ret->type = p->type ? p->type : ret->type;
    ret->code = p->code ? p->code : ret->code;
    ret->message = p->message ? p->message : ret->message;
    ret->details = p->message ? NULL : ret->details; /* they would contradict it */
    ret->html = ret->html || p->html;
}

void fault_invalid(struct fault *ret, const char *type, const char *code,
                   const char *param, const char *message)
{
    *ret = (struct fault){400, type, code, param, message, NULL, false};
}
