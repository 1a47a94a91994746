/*
 * test_compatible.c: providers of OpenAI's shape, one row each: where they are asked and how, what
 * of an answer is thought and what is counted, and what their refusals mean. A new provider is a
 * row in core/provider.c, and one here. JSON stands here with ' for ".
 *
 * Samples are made up after each provider's own pages (2026-08 to 2026-11).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/clock.h"
#include "core/sse.h"

#include "broker/dialect.h"
#include "tests/unit/dialect_test.h"

#include <cmocka.h>

enum { NOW_S = 1795600000 };

struct refusal {
    int status; /* 0: none is known */
    const char *body;
    const char *header, *value; /* NULL: none */
    int64_t wait_ms;            /* −1: it does not say */
};

struct row {
    const char *kind, *base_url, *key_env, *cap;
    /* a delta that holds "hm" as reasoning; NULL: it has no field for it */
    const char *thought;
    /* the event that ends the counting: 100 in, 60 of it cached, 20 out */
    const char *usage;
    struct refusal rate;  /* come back later */
    struct refusal spent; /* money or allowance is gone */
    /* what a beginning of the answer needs in the request; NULL: nothing */
    const char *prefill;
    const char *dropped; /* of all parameters, joined by commas */
};

#define DELTA(d) "{'choices':[{'index':0,'delta':{" d "}}]}"
#define CONTENT  DELTA("'reasoning_content':'hm'")
#define PLAIN    DELTA("'reasoning':'hm'")
#define COUNTS(more)                                                                     \
    "'usage':{'prompt_tokens':100,'completion_tokens':20,'total_tokens':120" more "}"
#define CACHED       ",'prompt_tokens_details':{'cached_tokens':60}"
#define ENDS         "'choices':[{'index':0,'delta':{},'finish_reason':'stop'}]"
#define APART(more)  "{'choices':[]," COUNTS(more) "}"
#define BESIDE(more) "{" ENDS "," COUNTS(more) "}"
#define RATE         "{'error':{'message':'slow down','type':'rate_limit_error'}}"
#define PENALTIES    "frequency_penalty,presence_penalty"

/* clang-format off */
static const struct row rows[] = {
    {"openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "max_completion_tokens", CONTENT,
     APART(CACHED), {429, RATE, "x-ratelimit-reset-requests", "1m2.5s", 62500},
     {429, "{'error':{'message':'m','type':'insufficient_quota','code':'insufficient_quota'}}", NULL, NULL, -1},
     NULL, "top_k"},
    {"azure", NULL, "AZURE_OPENAI_API_KEY", "max_completion_tokens", CONTENT,
     APART(CACHED), {429, "{'error':{'code':'429','message':'Please retry after 6 seconds.'}}",
     "x-ratelimit-reset-tokens", "9", 6000},
     {429, "{'error':{'message':'m','code':'insufficient_quota'}}", NULL, NULL, -1}, NULL, "top_k"},
    {"mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "max_tokens",
     DELTA("'content':[{'type':'thinking','thinking':[{'type':'text','text':'hm'}]}]"),
     BESIDE(",'num_cached_tokens':60"),
     {429, "{'object':'error','message':'m','type':'rate_limited','param':null,'code':'1300'}", NULL, NULL, -1},
     {429, "{'object':'error','message':'m','type':'rate_limited','param':null,'code':'1300'}",
     "x-ratelimit-remaining-tokens-month", "0", -1}, "'prefix':true", "top_k"},
    {"deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY", "max_tokens", CONTENT,
     BESIDE(",'prompt_cache_hit_tokens':60,'prompt_cache_miss_tokens':40"),
     {429, "{'error':{'message':'too many at once'}}", NULL, NULL, -1},
     {402, "{'error':{'message':'Insufficient Balance','code':'invalid_request_error'}}", NULL, NULL, -1},
     "'prefix':true", "top_k"},
    {"alibaba", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY", "max_tokens",
     CONTENT, APART(CACHED),
     {429, "{'error':{'message':'m','code':'insufficient_quota'},'request_id':'r'}", NULL, NULL, -1},
     {400, "{'error':{'message':'m','code':'Arrearage'},'request_id':'r'}", NULL, NULL, -1},
     "'partial':true", NULL},
    {"xai", "https://api.x.ai/v1", "XAI_API_KEY", "max_completion_tokens", CONTENT, APART(CACHED),
     {429, "{'code':'resource-exhausted','error':'slow down'}", "x-ratelimit-reset-requests", "1795600012", 12000},
     {429, "{'error':'Your team has either used all available credits or reached its monthly spending limit.'}",
     NULL, NULL, -1}, NULL, "top_k"},
    {"groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "max_completion_tokens", PLAIN,
     "{" ENDS ",'x_groq':{'id':'r'," COUNTS(CACHED) "}}",
     {429, "{'error':{'message':'Rate limit reached. Please try again in 5.289s.','type':'tokens',"
     "'code':'rate_limit_exceeded'}}", "x-ratelimit-reset-requests", "2m59.56s", 5289},
     {0}, NULL, "top_k," PENALTIES},
    {"together", "https://api.together.ai/v1", "TOGETHER_API_KEY", "max_tokens", PLAIN,
     BESIDE(",'cached_tokens':60"),
     {429, "{'error':{'message':'m','type':'rate'},'error_type':'dynamic_request_limited'}",
     "x-ratelimit-reset", "3", 3000},
     {402, "{'error':{'message':'spending limit'}}", NULL, NULL, -1}, NULL, NULL},
    {"fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", "max_tokens", CONTENT,
     BESIDE(CACHED), {429, "{'fault':{'faultstring':'slow down','detail':{'errorcode':'policies'}}}", NULL, NULL, -1},
     {412, "{'error':{'message':'Account is suspended'}}", NULL, NULL, -1}, NULL, NULL},
    {"cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", "max_completion_tokens", PLAIN,
     BESIDE(CACHED),
     {429, "{'message':'Tokens per minute limit exceeded','type':'too_many_tokens_error','param':'quota',"
     "'code':'token_quota_exceeded'}", "x-ratelimit-reset-tokens-minute", "33.25", 33250},
     {0}, NULL, "top_k"},
    {"openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "max_completion_tokens", PLAIN,
     APART(CACHED),
     {429, "{'error':{'code':429,'message':'m','metadata':{'error_type':'rate_limit_exceeded'}}}",
     "X-RateLimit-Reset", "1795600004000", 4000},
     {402, "{'error':{'code':402,'message':'m','metadata':{'error_type':'payment_required'}}}", NULL, NULL, -1},
     NULL, NULL},
    {"moonshotai", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", "max_completion_tokens", CONTENT,
     "{'choices':[{'index':0,'delta':{},'finish_reason':'stop'," COUNTS(",'cached_tokens':60") "}]}",
     {429, "{'error':{'type':'rate_limit_reached_error','message':'m'}}", "retry-after", "2", 2000},
     {429, "{'error':{'type':'exceeded_current_quota_error','message':'m'}}", NULL, NULL, -1},
     "'partial':true", "parallel_tool_calls,top_k"},
    {"zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", "max_tokens", CONTENT, BESIDE(CACHED),
     {429, "{'error':{'code':'1302','message':'m'}}", NULL, NULL, -1},
     {429, "{'error':{'code':'1113','message':'m'}}", NULL, NULL, -1},
     NULL, "parallel_tool_calls,tool_choice,top_k,seed,stop.1"},
    {"minimax", "https://api.minimax.io/v1", "MINIMAX_API_KEY", "max_tokens",
     DELTA("'reasoning_details':[{'type':'reasoning.text','text':'hm'}]"), BESIDE(CACHED),
     {200, "{'base_resp':{'status_code':1002,'status_msg':'m'}}", NULL, NULL, -1},
     {200, "{'base_resp':{'status_code':1008,'status_msg':'m'}}", NULL, NULL, -1}, NULL, "top_k"},
    {"nvidia", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY", "max_tokens", CONTENT, APART(CACHED),
     {429, "{'status':429,'title':'Too Many Requests'}", NULL, NULL, -1},
     {402, "", NULL, NULL, -1}, "'continue_final_message':true,'add_generation_prompt':false", "top_k"},
    {"sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY", "max_tokens", NULL, APART(CACHED),
     {429, "{'error':{'message':'Request would exceed rate limit','type':'m'}}",
     "x-ratelimit-reset-requests", "1795600030", 30000},
     {0}, NULL, PENALTIES},
    {"deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY", "max_tokens", CONTENT,
     APART(CACHED), {429, "{'detail':{'error':'Rate limited'}}", NULL, NULL, -1}, {0}, NULL, "top_k"},
    {"huggingface", "https://router.huggingface.co/v1", "HF_TOKEN", "max_tokens", CONTENT, APART(CACHED),
     {429, "{'error':'slow down'}", NULL, NULL, -1},
     {429, "{'error':'You have exceeded your monthly included credits for Inference Providers.'}", NULL, NULL, -1},
     NULL, "top_k"},
    {"ollama", "http://localhost:11434/v1", "OLLAMA_API_KEY", "max_tokens", PLAIN, APART(""),
     {429, RATE, NULL, NULL, -1}, {0}, NULL, "parallel_tool_calls,tool_choice,top_k"},
    {"llamacpp", "http://localhost:8080/v1", "LLAMA_API_KEY", "max_tokens", CONTENT, APART(CACHED),
     {0}, {0}, NULL, NULL},
    {"vllm", "http://localhost:8000/v1", "VLLM_API_KEY", "max_completion_tokens", PLAIN, APART(CACHED),
     {0}, {0}, "'continue_final_message':true,'add_generation_prompt':false", NULL},
    {"lmstudio", "http://localhost:1234/v1", "LM_API_TOKEN", "max_tokens", CONTENT, APART(""),
     {0}, {0}, NULL, NULL},
};
/* clang-format on */

static const struct provider_kind *kind_of(const struct row *r)
{
    const struct provider_kind *k = provider_kind_find(str_of(r->kind));
    assert_non_null(k);
    return k;
}

/* Every kind of this shape has its row, but for that of no provider in particular. */
static void no_provider_is_without_a_row(void **state)
{
    (void)state;
    size_t n, n_found = 0;
    const struct provider_kind *kinds = provider_kinds(&n);
    for (size_t i = 0; i < n; i++) {
        bool found = kinds[i].dialect != DIALECT_OPENAI || kinds[i].is_responses ||
                     !strcmp(kinds[i].kind, "openai-compatible");
        for (size_t k = 0; k < ARRAY_LEN(rows) && !found; k++)
            found = !strcmp(rows[k].kind, kinds[i].kind);
        if (!found)
            fail_msg("%s has no row", kinds[i].kind);
        n_found += found;
    }
    assert_true(n_found > ARRAY_LEN(rows));
}

static void each_is_asked_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct provider_kind *k = kind_of(&rows[i]);
        if (rows[i].base_url != NULL)
            assert_string_equal(k->base_url, rows[i].base_url);
        else
            assert_null(k->base_url);
        assert_string_equal(k->key_env[0], rows[i].key_env);
        assert_string_equal(k->cap_field, rows[i].cap);
        assert_int_equal(k->is_local,
                         strstr(k->base_url ? k->base_url : "", "localhost") != NULL);
    }
}

struct heard {
    char thought[16];
};

static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct heard *h = arg;
    (void)e;
    if (d->kind == MSG_D_THINKING)
        snprintf(h->thought, sizeof h->thought, "%.*s", STR_ARG(d->text));
    return ERR_OK;
}

static void thoughts_are_found_in_each_ones_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct provider_kind *k = kind_of(&rows[i]);
        struct heard heard = {""};
        struct scan_state s;
        struct err e = ERR_INIT;
        if (rows[i].thought == NULL)
            continue;
        const struct sse_event ev = {.data = str_of(json(rows[i].thought)),
                                     .has_data = true};
        struct event_decoder *d = dialect_openai.decoder_new(k);
        dialect_openai.scan_init(&s, k);
        unsigned flags = dialect_openai.scan_event(&s, &ev, &e);
        assert_int_equal(dialect_openai.decode_event(d, &ev, on_delta, &heard, &e),
                         ERR_OK);
        dialect_openai.decoder_free(&d);
        if ((flags & EV_REASONING) == 0 || strcmp(heard.thought, "hm") != 0)
            fail_msg("%s: no thought in %s", rows[i].kind, rows[i].thought);
    }
}

static void usage_is_found_in_each_ones_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct provider_kind *k = kind_of(&rows[i]);
        const struct sse_event ev = {.data = str_of(json(rows[i].usage)),
                                     .has_data = true};
        struct scan_state s;
        struct err e = ERR_INIT;
        dialect_openai.scan_init(&s, k);
        unsigned flags = dialect_openai.scan_event(&s, &ev, &e);
        int64_t cached = strstr(rows[i].usage, "60") != NULL ? 60 : 0;
        if ((flags & EV_USAGE) == 0 || s.usage.n[USAGE_CACHE_READ] != cached ||
            s.usage.n[USAGE_INPUT] != 100 - cached || usage_output_tok(&s.usage) != 20 ||
            s.usage_mismatch)
            fail_msg("%s: %s", rows[i].kind, rows[i].usage);
        /* what must be asked for comes apart, but OpenRouter's, which comes unasked */
        bool is_apart = strncmp(rows[i].usage, "{'choices':[],", 14) == 0;
        if (k->ask_usage && !is_apart)
            assert_string_equal(rows[i].kind, "minimax");
    }
}

static void check_refusal(const struct row *row, const struct refusal *r, enum errc class)
{
    const struct provider_kind *k = kind_of(row);
    const struct http1_header header = {str_of(r->header != NULL ? r->header : ""),
                                        str_of(r->value != NULL ? r->value : "")};
    struct scan_state s;
    struct err e = ERR_INIT;
    if (r->status == 0)
        return;
    dialect_openai.scan_init(&s, k);
    if (r->status == 200)
        (void)dialect_openai.scan_reply(&s, str_of(json(r->body)), &e);
    else
        dialect_openai.error_parse(k, r->status, &header, r->header != NULL,
                                   str_of(json(r->body)), NOW_S * (int64_t)US_PER_S, &e);
    if (e.code != class)
        fail_msg("%s: %d %s is %s", row->kind, r->status, r->body, errc_name(e.code));
    int64_t wait_us = r->wait_ms < 0 ? -1 : r->wait_ms * US_PER_MS;
    if (e.retry_after_us != wait_us)
        fail_msg("%s: wait %lld", row->kind, (long long)e.retry_after_us);
}

static void refusals_say_when_to_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_refusal(&rows[i], &rows[i].rate, ERR_RATE_LIMIT);
}

static void money_that_is_gone_is_not_waited_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_refusal(&rows[i], &rows[i].spent, ERR_QUOTA);
}

/* ---- requests ---- */

static enum errc ask(const struct row *row, const char *in, struct buf *out,
                     struct buf *dropped, struct err *e)
{
    const struct target_caps caps = {.kind = kind_of(row), .model = STR("model-1")};
    struct arena a;
    struct msg_request m;
    struct dropped d = {.n = 0};
    arena_init(&a, 1 << 20);
    enum errc rc = dialect_anthropic.request_decode(str_of(json(in)), NULL, &a, &m, e);
    if (strstr(in, "more") != NULL) { /* what Anthropic's clients cannot say */
        m.frequency_penalty = m.presence_penalty = STR("1");
        m.seed = STR("7");
    }
    if (rc == ERR_OK)
        rc = dialect_openai.request_encode(&m, &caps, out, &d, e);
    buf_addz(dropped, "");
    for (size_t i = 0; i < d.n; i++)
        buf_printf(dropped, "%s%s", i > 0 ? "," : "", d.names[i]);
    arena_release(&a);
    return rc;
}

static void a_beginning_is_marked_as_each_wants_it(void **state)
{
    (void)state;
    static const char in[] = "{'model':'x','max_tokens':9,'messages':[{'role':'user',"
                             "'content':'a'},{'role':'assistant','content':'b'}]}";
    static const char *const marks[] = {"'prefix'", "'partial'",
                                        "'continue_final_message'"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
        struct err e = ERR_INIT;
        assert_int_equal(ask(&rows[i], in, &out, &dropped, &e), ERR_OK);
        if (rows[i].prefill != NULL && strstr(out.data, json(rows[i].prefill)) == NULL)
            fail_msg("%s: %s", rows[i].kind, out.data);
        for (size_t k = 0; k < ARRAY_LEN(marks) && rows[i].prefill == NULL; k++)
            assert_null(strstr(out.data, json(marks[k])));
    }
}

static void a_beginning_bars_a_json_object_at_kimi(void **state)
{
    (void)state;
    static const char *const kinds[] = {"moonshotai", "deepseek"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (size_t n = 1; n <= 2; n++) { /* with the user's turn only, and begun */
            const struct target_caps caps = {.kind = provider_kind_find(str_of(kinds[i])),
                                             .model = STR("m")};
            struct msg_part said = {.kind = MSG_TEXT, .text = STR("{")};
            struct msg_turn turns[] = {
                {.role = MSG_USER, .parts = &said, .n_parts = 1},
                {.role = MSG_ASSISTANT, .parts = &said, .n_parts = 1}};
            const struct msg_request m = {.turns = turns,
                                          .n_turns = n,
                                          .n = 1,
                                          .max_output_tok = -1,
                                          .parallel_tools = -1,
                                          .format = MSG_FORMAT_JSON};
            AUTO(buf_release) struct buf out = BUF_INIT(1 << 16);
            struct dropped d = {.n = 0};
            struct err e = ERR_INIT;
            assert_int_equal(dialect_openai.request_encode(&m, &caps, &out, &d, &e),
                             ERR_OK);
            bool is_barred = i == 0 && n == 2;
            assert_int_equal(strstr(out.data, "response_format") == NULL, is_barred);
            assert_int_equal(strstr(out.data, "one JSON object") != NULL, is_barred);
            assert_int_equal(d.n, is_barred);
        }
}

static void what_each_does_not_take_is_dropped_by_name(void **state)
{
    (void)state;
    static const char in[] =
        "{'model':'more','max_tokens':9,'temperature':1,'top_k':5,'stop_sequences':['1','"
        "2'],"
        "'tools':[{'name':'f','input_schema':{}}],'tool_choice':{'type':'any',"
        "'disable_parallel_tool_use':true},'messages':[{'role':'user','content':'a'}]}";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
        struct err e = ERR_INIT;
        const char *want = rows[i].dropped != NULL ? rows[i].dropped : "";
        char cap[64];
        assert_int_equal(ask(&rows[i], in, &out, &dropped, &e), ERR_OK);
        if (strcmp(dropped.len > 0 ? dropped.data : "", want) != 0)
            fail_msg("%s drops %s", rows[i].kind, dropped.data);
        snprintf(cap, sizeof cap, "\"%s\":9", rows[i].cap);
        assert_non_null(strstr(out.data, cap));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_provider_is_without_a_row),
        cmocka_unit_test(each_is_asked_at_its_place),
        cmocka_unit_test(thoughts_are_found_in_each_ones_field),
        cmocka_unit_test(usage_is_found_in_each_ones_place),
        cmocka_unit_test(refusals_say_when_to_come_back),
        cmocka_unit_test(money_that_is_gone_is_not_waited_for),
        cmocka_unit_test(a_beginning_is_marked_as_each_wants_it),
        cmocka_unit_test(a_beginning_bars_a_json_object_at_kimi),
        cmocka_unit_test(what_each_does_not_take_is_dropped_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
