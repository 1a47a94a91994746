/*
 * test_provider_errors.c: the error tables of every provider of OpenAI's shape, row by row: what
 * each status and body means. JSON stands here with ' for ". The status is that of the answer, or
 * 200 for an error inside a stream or a whole answer.
 *
 * Samples are made up after each provider's own pages on errors (2026-08 to 2026-11).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/clock.h"
#include "core/jscan.h"

#include "broker/dialect.h"

#include <cmocka.h>

struct row {
    const char *kind;
    int status;
    const char *body;
    enum errc class;
    int64_t wait_ms; /* 0: it does not say */
};

#define SAYS(message) "{'error':{'message':'" message "'}}"
#define TYPE(type)    "{'error':{'message':'m','type':'" type "'}}"
#define CODE(code)    "{'error':{'message':'m','code':'" code "'}}"
#define NUMBER(code)  "{'error':{'code':" code ",'message':'m'}}"
#define WHY(code, type)                                                                  \
    "{'error':{'code':" code ",'message':'m','metadata':{'error_type':'" type "'}}}"
#define BASE(code)                                                                       \
    "{'id':'x','choices':null,'base_resp':{'status_code':" code ",'status_msg':'m'}}"
#define FAILED(code) "{'code':'" code "','message':'m'}"

/* clang-format off */
static const struct row rows[] = {
    /* OpenAI, error.code of a response that failed */
    {"openai", 200, "{'error':" FAILED("server_error") "}", ERR_SERVER, 0},
    {"openai", 200, "{'error':" FAILED("rate_limit_exceeded") "}", ERR_RATE_LIMIT, 0},
    {"openai", 200, "{'error':" FAILED("invalid_prompt") "}", ERR_FILTER, 0},
    {"openai", 200, "{'error':" FAILED("bio_policy") "}", ERR_FILTER, 0},
    {"openai", 200, "{'error':" FAILED("cyber_policy") "}", ERR_FILTER, 0},
    {"openai", 200, "{'error':" FAILED("misalignment_policy_violation") "}", ERR_FILTER, 0},
    {"openai", 200, "{'error':" FAILED("image_content_policy_violation") "}", ERR_FILTER, 0},
    {"openai", 200, "{'error':" FAILED("data_residency_mismatch") "}", ERR_PERMISSION, 0},
    {"openai", 200, "{'error':" FAILED("vector_store_timeout") "}", ERR_TIMEOUT, 0},
    {"openai", 200, "{'error':" FAILED("insufficient_quota") "}", ERR_QUOTA, 0},
    {"openai", 200, "{'error':" FAILED("context_length_exceeded") "}", ERR_CONTEXT, 0},
    {"openai", 200, "{'error':" FAILED("invalid_image") "}", ERR_INVALID, 0},
    {"openai", 200, "{'error':" FAILED("image_too_large") "}", ERR_INVALID, 0},
    {"openai", 200, "{'error':" FAILED("failed_to_download_image") "}", ERR_INVALID, 0},
    {"openai", 200, "{'error':" FAILED("image_file_not_found") "}", ERR_INVALID, 0},
    {"openai", 200, TYPE("invalid_request_error"), ERR_INVALID, 0},
    {"openai", 429, SAYS("Rate limit reached. Please try again in 1.574s."), ERR_RATE_LIMIT, 1574},
    {"openai", 502, "<html>", ERR_SERVER, 0},
    {"openai", 520, "", ERR_SERVER, 0},

    {"azure", 400, CODE("content_filter"), ERR_FILTER, 0},
    {"azure", 401, CODE("401"), ERR_UPSTREAM_AUTH, 0},
    {"azure", 403, SAYS("Virtual network"), ERR_PERMISSION, 0},
    {"azure", 404, CODE("DeploymentNotFound"), ERR_NOT_FOUND, 0},
    {"azure", 404, SAYS("Resource not found"), ERR_NOT_FOUND, 0},
    {"azure", 408, SAYS("m"), ERR_TIMEOUT, 0},
    {"azure", 429, "{'error':{'code':'429','message':'… Please retry after 6 seconds.'}}", ERR_RATE_LIMIT, 6000},
    {"azure", 429, CODE("too_many_requests"), ERR_RATE_LIMIT, 0},
    {"azure", 429, CODE("RateLimitReached"), ERR_RATE_LIMIT, 0},
    {"azure", 500, "", ERR_SERVER, 0},
    {"azure", 503, "", ERR_OVERLOADED, 0},

    {"mistral", 429, "{'object':'error','message':'m','type':'rate_limited','param':null,'code':'1300'}", ERR_RATE_LIMIT, 0},
    {"mistral", 429, "{'message':'m','type':'service_tier_capacity_exceeded','code':'3505'}", ERR_OVERLOADED, 0},
    {"mistral", 429, "{'message':'m','type':'x','code':'3505'}", ERR_OVERLOADED, 0},
    {"mistral", 400, "{'message':'m','type':'invalid_request','code':'3051'}", ERR_INVALID, 0},
    {"mistral", 401, "{'detail':'Unauthorized'}", ERR_UPSTREAM_AUTH, 0},
    {"mistral", 401, "{'message':'Unauthorized','request_id':'r'}", ERR_UPSTREAM_AUTH, 0},
    {"mistral", 403, "", ERR_PERMISSION, 0},
    {"mistral", 404, "", ERR_NOT_FOUND, 0},
    {"mistral", 422, "{'detail':[{'loc':['body','messages',0],'msg':'m','type':'missing','input':1}]}", ERR_INVALID, 0},
    {"mistral", 500, "", ERR_SERVER, 0},
    {"mistral", 503, "", ERR_OVERLOADED, 0},

    {"deepseek", 400, TYPE("invalid_request_error"), ERR_INVALID, 0},
    {"deepseek", 401, TYPE("authentication_error"), ERR_UPSTREAM_AUTH, 0},
    {"deepseek", 402, SAYS("Insufficient Balance"), ERR_QUOTA, 0},
    {"deepseek", 422, TYPE("invalid_request_error"), ERR_INVALID, 0},
    {"deepseek", 429, SAYS("m"), ERR_RATE_LIMIT, 0},
    {"deepseek", 500, SAYS("m"), ERR_SERVER, 0},
    {"deepseek", 503, SAYS("m"), ERR_OVERLOADED, 0},

    {"alibaba", 400, "{'error':{'message':'Range of max_tokens should be [1, 8192]','code':'invalid_parameter_error'}}", ERR_INVALID, 0},
    {"alibaba", 400, "{'error':{'message':'InternalError.Algo.InvalidParameter: Range of input length should be [1, 9]','code':'invalid_parameter_error'}}", ERR_CONTEXT, 0},
    {"alibaba", 400, CODE("DataInspectionFailed"), ERR_FILTER, 0},
    {"alibaba", 400, CODE("Arrearage"), ERR_QUOTA, 0},
    {"alibaba", 401, CODE("InvalidApiKey"), ERR_UPSTREAM_AUTH, 0},
    {"alibaba", 403, CODE("AccessDenied"), ERR_PERMISSION, 0},
    {"alibaba", 403, CODE("AccessDenied.Unpurchased"), ERR_PERMISSION, 0},
    {"alibaba", 403, CODE("AllocationQuota.FreeTierOnly"), ERR_QUOTA, 0},
    {"alibaba", 404, CODE("ModelNotFound"), ERR_NOT_FOUND, 0},
    {"alibaba", 404, CODE("model_not_supported"), ERR_NOT_FOUND, 0},
    {"alibaba", 429, CODE("Throttling"), ERR_RATE_LIMIT, 0},
    {"alibaba", 429, CODE("Throttling.RateQuota"), ERR_RATE_LIMIT, 0},
    {"alibaba", 429, CODE("limit_requests"), ERR_RATE_LIMIT, 0},
    {"alibaba", 429, CODE("Throttling.BurstRate"), ERR_RATE_LIMIT, 0},
    {"alibaba", 429, CODE("limit_burst_rate"), ERR_RATE_LIMIT, 0},
    {"alibaba", 429, CODE("Throttling.AllocationQuota"), ERR_RATE_LIMIT, 0},
    {"alibaba", 429, CODE("insufficient_quota"), ERR_RATE_LIMIT, 0},
    {"alibaba", 429, CODE("BudgetLimitExceeded"), ERR_QUOTA, 0},
    {"alibaba", 429, CODE("CommodityNotPurchased"), ERR_QUOTA, 0},
    {"alibaba", 429, CODE("PrepaidBillOverdue"), ERR_QUOTA, 0},
    {"alibaba", 429, CODE("PostpaidBillOverdue"), ERR_QUOTA, 0},
    {"alibaba", 500, CODE("InternalError"), ERR_SERVER, 0},
    {"alibaba", 500, CODE("InternalError.Timeout"), ERR_TIMEOUT, 0},
    {"alibaba", 500, CODE("RequestTimeOut"), ERR_TIMEOUT, 0},
    {"alibaba", 500, CODE("ModelServingError"), ERR_SERVER, 0},
    {"alibaba", 503, CODE("ModelServingError"), ERR_OVERLOADED, 0},
    {"alibaba", 503, CODE("ModelUnavailable"), ERR_OVERLOADED, 0},

    {"xai", 400, "{'code':'Client specified an invalid argument','error':'Incorrect API key provided: xa***'}", ERR_UPSTREAM_AUTH, 0},
    {"xai", 400, "{'error':'This model\\'s maximum prompt length is 9 but the request contains 99 tokens.'}", ERR_CONTEXT, 0},
    {"xai", 401, SAYS("m"), ERR_UPSTREAM_AUTH, 0},
    {"xai", 403, "{'error':'m'}", ERR_PERMISSION, 0},
    {"xai", 404, "{'error':'m'}", ERR_NOT_FOUND, 0},
    {"xai", 415, "", ERR_INVALID, 0},
    {"xai", 422, "", ERR_INVALID, 0},
    {"xai", 429, "{'error':'m'}", ERR_RATE_LIMIT, 0},
    {"xai", 429, "{'code':'c','error':'Your team t has either used all available credits or reached its monthly spending limit.'}", ERR_QUOTA, 0},
    {"xai", 403, "{'code':'c','error':'Your team t has used all available credits.'}", ERR_QUOTA, 0},

    {"groq", 400, "{'error':{'message':'m','type':'invalid_request_error','code':'tool_use_failed','failed_generation':'<f'}}", ERR_SERVER, 0},
    {"groq", 413, "{'error':{'message':'Request too large for model m (TPM): Limit 6000, Requested 9000','type':'tokens','code':'rate_limit_exceeded'}}", ERR_TOO_LARGE, 0},
    {"groq", 422, SAYS("m"), ERR_INVALID, 0},
    {"groq", 424, SAYS("m"), ERR_SERVER, 0},
    {"groq", 429, "{'error':{'message':'… Please try again in 9m38.016s.','type':'tokens','code':'rate_limit_exceeded'}}", ERR_RATE_LIMIT, 578016},
    {"groq", 498, CODE("capacity_exceeded"), ERR_OVERLOADED, 0},
    {"groq", 499, SAYS("m"), ERR_CANCELLED, 0},
    {"groq", 500, SAYS("m"), ERR_SERVER, 0},
    {"groq", 502, SAYS("m"), ERR_SERVER, 0},
    {"groq", 503, SAYS("m"), ERR_OVERLOADED, 0},
    {"groq", 200, "{'id':'x','choices':[],'x_groq':{'id':'r','error':'over capacity'}}", ERR_SERVER, 0},

    {"together", 402, SAYS("m"), ERR_QUOTA, 0},
    {"together", 403, SAYS("m"), ERR_CONTEXT, 0},
    {"together", 422, "{'error':'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 9','model':'m'}", ERR_CONTEXT, 0},
    {"together", 429, "{'error':{'message':'m'},'error_type':'dynamic_request_limited'}", ERR_RATE_LIMIT, 0},
    {"together", 429, "{'message':'m','type':'x','error_type':'dynamic_token_limited'}", ERR_RATE_LIMIT, 0},
    {"together", 500, SAYS("m"), ERR_SERVER, 0},
    {"together", 503, SAYS("m"), ERR_OVERLOADED, 0},
    {"together", 504, SAYS("m"), ERR_TIMEOUT, 0},
    {"together", 524, "", ERR_TIMEOUT, 0},
    {"together", 529, "", ERR_OVERLOADED, 0},

    {"fireworks", 401, SAYS("m"), ERR_UPSTREAM_AUTH, 0},
    {"fireworks", 402, SAYS("m"), ERR_QUOTA, 0},
    {"fireworks", 403, SAYS("m"), ERR_PERMISSION, 0},
    {"fireworks", 404, "{'detail':'m'}", ERR_NOT_FOUND, 0},
    {"fireworks", 408, SAYS("m"), ERR_TIMEOUT, 0},
    {"fireworks", 412, "{'error':{'message':'Account a is suspended, possibly due to unpaid invoices.','code':'PRECONDITION_FAILED','type':'error'}}", ERR_QUOTA, 0},
    {"fireworks", 412, "{'error':{'message':'The adapter failed to load.','code':'PRECONDITION_FAILED','type':'error'}}", ERR_NOT_FOUND, 0},
    {"fireworks", 412, SAYS("Account is suspended"), ERR_QUOTA, 0},
    {"fireworks", 429, "{'fault':{'faultstring':'m','detail':{'errorcode':'e'}}}", ERR_RATE_LIMIT, 0},
    {"fireworks", 503, SAYS("m"), ERR_OVERLOADED, 0},
    {"fireworks", 504, SAYS("m"), ERR_TIMEOUT, 0},

    {"cerebras", 408, "{'message':'m','type':'x','code':'y'}", ERR_TIMEOUT, 0},
    {"cerebras", 422, "{'message':'m','type':'x','code':'y'}", ERR_INVALID, 0},
    {"cerebras", 429, "{'message':'Tokens per minute limit exceeded','type':'too_many_tokens_error','param':'quota','code':'token_quota_exceeded'}", ERR_RATE_LIMIT, 0},
    {"cerebras", 503, "{'message':'m','type':'x','code':'y'}", ERR_OVERLOADED, 0},
    {"cerebras", 200, "{'error':{'id':'','code':'x','message':'m','param':'quota','type':'y'},'status_code':429}", ERR_RATE_LIMIT, 0},

    {"perplexity", 400, NUMBER("400"), ERR_INVALID, 0},
    {"perplexity", 400, SAYS("Messages have 9 tokens, which exceeds the max limit"), ERR_CONTEXT, 0},
    {"perplexity", 401, NUMBER("401"), ERR_UPSTREAM_AUTH, 0},
    {"perplexity", 402, NUMBER("402"), ERR_QUOTA, 0},
    {"perplexity", 429, NUMBER("429"), ERR_RATE_LIMIT, 0},

    {"openrouter", 400, WHY("400", "context_length_exceeded"), ERR_CONTEXT, 0},
    {"openrouter", 400, SAYS("This endpoint\\'s maximum context length is 9 tokens. However"), ERR_CONTEXT, 0},
    {"openrouter", 400, WHY("400", "max_tokens_exceeded"), ERR_INVALID, 0},
    {"openrouter", 400, WHY("400", "token_limit_exceeded"), ERR_CONTEXT, 0},
    {"openrouter", 400, WHY("400", "string_too_long"), ERR_INVALID, 0},
    {"openrouter", 400, WHY("400", "content_policy_violation"), ERR_FILTER, 0},
    {"openrouter", 400, WHY("400", "refusal"), ERR_FILTER, 0},
    {"openrouter", 401, NUMBER("401"), ERR_UPSTREAM_AUTH, 0},
    {"openrouter", 402, WHY("402", "payment_required"), ERR_QUOTA, 0},
    {"openrouter", 402, SAYS("This request requires more credits, or fewer max_tokens. You requested up to 9 tokens, but can only afford 5."), ERR_TOO_LARGE, 0},
    {"openrouter", 402, WHY("402", "in_flight_budget_exhausted"), ERR_OVERLOADED, 0},
    {"openrouter", 403, WHY("403", "permission_denied"), ERR_PERMISSION, 0},
    {"openrouter", 403, "{'error':{'code':403,'message':'m','metadata':{'reasons':['violence'],'flagged_input':'x','provider_name':'p'}}}", ERR_FILTER, 0},
    {"openrouter", 403, "{'error':{'code':403,'message':'m','metadata':{'patterns':['p']}}}", ERR_FILTER, 0},
    {"openrouter", 404, NUMBER("404"), ERR_NOT_FOUND, 0},
    {"openrouter", 408, NUMBER("408"), ERR_TIMEOUT, 0},
    {"openrouter", 413, NUMBER("413"), ERR_TOO_LARGE, 0},
    {"openrouter", 422, NUMBER("422"), ERR_INVALID, 0},
    {"openrouter", 429, WHY("429", "rate_limit_exceeded"), ERR_RATE_LIMIT, 0},
    {"openrouter", 502, WHY("502", "provider_unavailable"), ERR_SERVER, 0},
    {"openrouter", 503, WHY("503", "provider_overloaded"), ERR_OVERLOADED, 0},
    {"openrouter", 503, "{'error':{'code':503,'message':'m','metadata':{'code':'c','retryable':true,'retry_after':7}}}", ERR_OVERLOADED, 7000},
    {"openrouter", 504, WHY("504", "timeout"), ERR_TIMEOUT, 0},
    {"openrouter", 200, WHY("429", "rate_limit_exceeded"), ERR_RATE_LIMIT, 0},
    {"openrouter", 200, NUMBER("402"), ERR_QUOTA, 0},
    {"openrouter", 200, NUMBER("502"), ERR_SERVER, 0},

    {"moonshotai", 400, TYPE("content_filter"), ERR_FILTER, 0},
    {"moonshotai", 400, "{'error':{'type':'invalid_request_error','message':'Your request exceeded model token limit: 9 (requested: 99)'}}", ERR_CONTEXT, 0},
    {"moonshotai", 400, TYPE("invalid_request_error"), ERR_INVALID, 0},
    {"moonshotai", 401, TYPE("invalid_authentication_error"), ERR_UPSTREAM_AUTH, 0},
    {"moonshotai", 401, TYPE("incorrect_api_key_error"), ERR_UPSTREAM_AUTH, 0},
    {"moonshotai", 403, TYPE("permission_denied_error"), ERR_PERMISSION, 0},
    {"moonshotai", 404, TYPE("resource_not_found_error"), ERR_NOT_FOUND, 0},
    {"moonshotai", 429, TYPE("engine_overloaded_error"), ERR_OVERLOADED, 0},
    {"moonshotai", 429, TYPE("rate_limit_reached_error"), ERR_RATE_LIMIT, 0},
    {"moonshotai", 429, TYPE("exceeded_current_quota_error"), ERR_QUOTA, 0},
    {"moonshotai", 499, TYPE("client_closed_request"), ERR_CANCELLED, 0},
    {"moonshotai", 500, TYPE("server_error"), ERR_SERVER, 0},
    {"moonshotai", 500, TYPE("unexpected_output"), ERR_SERVER, 0},
    {"moonshotai", 503, TYPE("server_unavailable"), ERR_OVERLOADED, 0},
    {"moonshotai", 504, "<html>", ERR_TIMEOUT, 0},

    {"zai", 401, CODE("1003"), ERR_UPSTREAM_AUTH, 0},
    {"zai", 400, CODE("1210"), ERR_INVALID, 0},
    {"zai", 400, CODE("1211"), ERR_NOT_FOUND, 0},
    {"zai", 400, CODE("1214"), ERR_INVALID, 0},
    {"zai", 400, SAYS("tokens in request more than max tokens allowed"), ERR_CONTEXT, 0},
    {"zai", 429, CODE("1302"), ERR_RATE_LIMIT, 0},
    {"zai", 429, CODE("1305"), ERR_OVERLOADED, 0},
    {"zai", 429, CODE("1113"), ERR_QUOTA, 0},
    {"zai", 429, CODE("1308"), ERR_QUOTA, 0},
    {"zai", 429, CODE("1309"), ERR_QUOTA, 0},
    {"zai", 429, CODE("1310"), ERR_QUOTA, 0},
    {"zai", 429, CODE("1311"), ERR_PERMISSION, 0},
    {"zai", 429, CODE("1313"), ERR_QUOTA, 0},
    {"zai", 429, CODE("1315"), ERR_PERMISSION, 0},
    {"zai", 500, CODE("500"), ERR_SERVER, 0},
    {"zai", 500, CODE("1230"), ERR_SERVER, 0},

    {"minimax", 200, BASE("1000"), ERR_SERVER, 0},
    {"minimax", 200, BASE("1001"), ERR_TIMEOUT, 0},
    {"minimax", 200, BASE("1002"), ERR_RATE_LIMIT, 0},
    {"minimax", 200, BASE("1004"), ERR_UPSTREAM_AUTH, 0},
    {"minimax", 200, BASE("1008"), ERR_QUOTA, 0},
    {"minimax", 200, BASE("1024"), ERR_SERVER, 0},
    {"minimax", 200, BASE("1026"), ERR_FILTER, 0},
    {"minimax", 200, BASE("1027"), ERR_FILTER, 0},
    {"minimax", 200, BASE("1033"), ERR_SERVER, 0},
    {"minimax", 200, BASE("1039"), ERR_CONTEXT, 0},
    {"minimax", 200, BASE("1041"), ERR_RATE_LIMIT, 0},
    {"minimax", 200, BASE("1042"), ERR_INVALID, 0},
    {"minimax", 200, BASE("2013"), ERR_INVALID, 0},
    {"minimax", 200, "{'base_resp':{'status_code':2013,'status_msg':'invalid params, context window exceeds limit'}}", ERR_CONTEXT, 0},
    {"minimax", 200, BASE("2049"), ERR_UPSTREAM_AUTH, 0},
    {"minimax", 500, BASE("1002"), ERR_RATE_LIMIT, 0},

    {"nvidia", 402, "", ERR_QUOTA, 0},
    {"nvidia", 404, "{'status':404,'title':'Not Found','detail':'Function f: Not found for account a'}", ERR_NOT_FOUND, 0},
    {"nvidia", 422, SAYS("m"), ERR_INVALID, 0},
    {"nvidia", 429, "{'status':429,'title':'Too Many Requests'}", ERR_RATE_LIMIT, 0},
    {"nvidia", 400, SAYS("Input length 99 exceeds maximum allowed token size 9"), ERR_CONTEXT, 0},
    {"nvidia", 500, "", ERR_SERVER, 0},

    {"sambanova", 400, "{'error':{'message':'m','type':'invalid_request_error','param':'temperature','code':'decimal_above_max_value'},'request_id':'r'}", ERR_INVALID, 0},
    {"sambanova", 401, SAYS("m"), ERR_UPSTREAM_AUTH, 0},
    {"sambanova", 408, SAYS("m"), ERR_TIMEOUT, 0},
    {"sambanova", 410, SAYS("m"), ERR_NOT_FOUND, 0},
    {"sambanova", 429, SAYS("Request would exceed rate limit. Violated duration_s: 60, current usage: 9, limit: 9"), ERR_RATE_LIMIT, 0},
    {"sambanova", 429, SAYS("Request would exceed rate limit. Violated duration_s: 86400, current usage: 9, limit: 9"), ERR_QUOTA, 0},

    {"deepinfra", 429, "{'detail':{'error':'Rate limited'}}", ERR_RATE_LIMIT, 0},
    {"deepinfra", 422, "{'detail':[{'loc':['body'],'msg':'m','type':'missing'}]}", ERR_INVALID, 0},
    {"deepinfra", 401, "{'detail':'m'}", ERR_UPSTREAM_AUTH, 0},

    {"huggingface", 402, "{'error':'You have exceeded your monthly included credits for Inference Providers.'}", ERR_QUOTA, 0},
    {"huggingface", 429, "{'error':'You have exceeded your monthly included credits for Inference Providers.'}", ERR_QUOTA, 0},
    {"huggingface", 429, SAYS("m"), ERR_RATE_LIMIT, 0},

    {"ollama", 400, TYPE("invalid_request_error"), ERR_INVALID, 0},
    {"ollama", 401, SAYS("m"), ERR_UPSTREAM_AUTH, 0},
    {"ollama", 404, TYPE("not_found_error"), ERR_NOT_FOUND, 0},
    {"ollama", 500, TYPE("api_error"), ERR_SERVER, 0},
    {"ollama", 503, "{'error':{'message':'server busy, please try again. maximum pending requests exceeded','type':'api_error','param':null,'code':null}}", ERR_OVERLOADED, 0},

    {"llamacpp", 400, "{'error':{'code':400,'message':'request (99 tokens) exceeds the available context size (9 tokens)','type':'exceed_context_size_error','n_prompt_tokens':99,'n_ctx':9}}", ERR_CONTEXT, 0},
    {"llamacpp", 401, "{'error':{'code':401,'message':'m','type':'authentication_error'}}", ERR_UPSTREAM_AUTH, 0},
    {"llamacpp", 501, "{'error':{'code':501,'message':'m','type':'not_supported_error'}}", ERR_INVALID, 0},
    {"llamacpp", 503, "{'error':{'code':503,'message':'Loading model','type':'unavailable_error'}}", ERR_OVERLOADED, 0},

    {"vllm", 400, "{'error':{'message':'This model\\'s maximum context length is 9 tokens. However, you requested 1 output tokens','type':'BadRequestError','param':null,'code':400}}", ERR_CONTEXT, 0},
    {"vllm", 400, "{'error':{'message':'m','type':'BadRequestError','param':null,'code':400}}", ERR_INVALID, 0},
    {"vllm", 200, "{'error':{'message':'m','type':'BadRequestError','param':null,'code':400}}", ERR_INVALID, 0},
    {"vllm", 400, "{'object':'error','message':'m','type':'BadRequestError','code':400}", ERR_INVALID, 0},
    {"vllm", 503, "", ERR_OVERLOADED, 0},

    {"lmstudio", 400, "{'error':'Trying to keep the first 99 tokens when context the overflows.'}", ERR_CONTEXT, 0},
    {"lmstudio", 400, "{'error':'m'}", ERR_INVALID, 0},
};
/* clang-format on */

static struct str json(const char *s, struct buf *out)
{
    for (; *s != '\0'; s++) {
        if (*s == '\\' && s[1] == '\'')
            buf_addc(out, *++s);
        else
            buf_addc(out, *s == '\'' ? '"' : *s);
    }
    return buf_str(out);
}

static void each_body_means_what_its_page_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        const struct provider_kind *kind = provider_kind_find(str_of(r->kind));
        AUTO(buf_release) struct buf text = BUF_INIT(10000);
        struct scan_state s;
        struct err e = ERR_INIT;
        assert_non_null(kind);
        const struct dialect_ops *ops = dialect_ops(kind->dialect);
        struct str body = json(r->body, &text);
        ops->scan_init(&s, kind);
        if (r->status == 200)
            (void)ops->scan_event(&s, &(struct sse_event){.has_data = true, .data = body},
                                  &e);
        else
            ops->error_parse(kind, r->status, NULL, 0, body, 0, &e);
        if (e.code != r->class)
            fail_msg("%s %d %s: %s, not %s", r->kind, r->status, r->body,
                     errc_name(e.code), errc_name(r->class));
        int64_t wait_ms = e.retry_after_us < 0 ? 0 : e.retry_after_us / US_PER_MS;
        if (wait_ms != r->wait_ms)
            fail_msg("%s %s: %lld ms", r->kind, r->body, (long long)wait_ms);
    }
}

/* Every kind of this shape has its rows. */
static void no_provider_is_left_out(void **state)
{
    (void)state;
    size_t n;
    const struct provider_kind *kinds = provider_kinds(&n);
    for (size_t i = 0; i < n; i++) {
        bool found = kinds[i].dialect != DIALECT_OPENAI ||
                     !strcmp(kinds[i].kind, "openai-responses") ||
                     !strcmp(kinds[i].kind, "openai-compatible");
        for (size_t k = 0; k < ARRAY_LEN(rows) && !found; k++)
            found = !strcmp(rows[k].kind, kinds[i].kind);
        if (!found)
            fail_msg("%s has no row", kinds[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_body_means_what_its_page_says),
        cmocka_unit_test(no_provider_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
