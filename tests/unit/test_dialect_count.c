/*
 * test_dialect_count.c: how providers are asked how many tokens a prompt has, and what they say.
 * JSON stands here with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/jscan.h"

#include "broker/dialect.h"

#include <cmocka.h>

static struct str json(const char *s, struct buf *out)
{
    buf_reset(out);
    for (; *s != '\0'; s++)
        buf_addc(out, *s == '\'' ? '"' : *s);
    return buf_str(out);
}

#define PROMPT                                                                           \
    "{'model':'x','system':'Be brief.','messages':[{'role':'user','content':'hi'}],"     \
    "'tools':[{'name':'tide','input_schema':{'type':'object'}}],'tool_choice':"          \
    "{'type':'auto'}}"
#define GE                                                                               \
    "'contents':[{'role':'user','parts':[{'text':'hi'}]}],'systemInstruction':{"         \
    "'parts':[{'text':'Be brief.'}]},'tools':[{'functionDeclarations':[{'name':'tide',"  \
    "'parametersJsonSchema':{'type':'object'}}]}]"
#define RS                                                                               \
    "'instructions':'Be "                                                                \
    "brief.','input':[{'type':'message','role':'user','content':[{'type':"               \
    "'input_text','text':'hi'}]}],'tools':[{'type':'function','name':'tide',"            \
    "'parameters':{'type':'object'},'strict':false}],'tool_choice':'auto'"
#define BR                                                                               \
    "{'input':{'converse':{'messages':[{'role':'user','content':[{'text':'hi'}]}],"      \
    "'system':[{'text':'Be brief.'}],'toolConfig':{'tools':[{'toolSpec':{'name':"        \
    "'tide','inputSchema':{'json':{'type':'object'}}}}],'toolChoice':{'auto':{}}}}}}"

static void a_prompt_is_sent_without_what_concerns_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *model, *path, *want;
    } rows[] = {
        {"gemini", "gemini-3.8-flash", "/models/gemini-3.8-flash:countTokens",
         "{'generateContentRequest':{'model':'models/gemini-3.8-flash'," GE "}}"},
        {"gemini", "models/gemini-2.5-pro", "/models/gemini-2.5-pro:countTokens",
         "{'generateContentRequest':{'model':'models/gemini-2.5-pro'," GE "}}"},
        {"vertex", "gemini-3.8-flash", "/models/gemini-3.8-flash:countTokens",
         "{" GE "}"},
        {"openai", "gpt-5.5", "/responses/input_tokens", "{'model':'gpt-5.5'," RS "}"},
        {"openai-responses", "gpt-4.1", "/responses/input_tokens",
         "{'model':'gpt-4.1'," RS "}"},
        {"bedrock", "eu.anthropic.claude-opus-4-5-20251101-v1:0",
         "/model/anthropic.claude-opus-4-5-20251101-v1%3A0/count-tokens", BR},
        {"bedrock", "arn:aws:bedrock:eu-west-3::foundation-model/anthropic.claude-opus-5",
         "/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A%3Afoundation-model%2F"
         "anthropic.claude-opus-5/count-tokens",
         BR},
    };
    AUTO(buf_release) struct buf in = BUF_INIT(8192), want = BUF_INIT(8192);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct provider_kind *kind = provider_kind_find(str_of(rows[i].kind));
        const struct dialect_ops *ops = dialect_count_ops(kind, str_of(rows[i].model));
        const struct target_caps caps = {.kind = kind, .model = str_of(rows[i].model)};
        struct dropped dropped = {.n = 0};
        struct err e = ERR_INIT;
        struct msg_request m;
        struct arena a;
        AUTO(buf_release) struct buf out = BUF_INIT(8192), path = BUF_INIT(8192);
        arena_init(&a, 1 << 20);
        assert_non_null(ops);
        assert_int_equal(
            dialect_anthropic_count.request_decode(json(PROMPT, &in), NULL, &a, &m, &e),
            ERR_OK);
        assert_int_equal(ops->request_encode(&m, &caps, &out, &dropped, &e), ERR_OK);
        json(rows[i].want, &want);
        assert_string_equal(out.data, want.data);
        ops->path(kind, str_of(rows[i].model), false, &path);
        assert_string_equal(path.data, rows[i].path);
        arena_release(&a);
    }
}

static void some_providers_do_not_count(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"openai-compatible", "gpt-4.1"},
                                          {"azure", "gpt-4.1"},
                                          {"cohere", "command-a-plus-05-2026"},
                                          {"bedrock", "amazon.nova-pro-v1:0"},
                                          {"mistral", "mistral-large"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_null(dialect_count_ops(provider_kind_find(str_of(rows[i][0])),
                                      str_of(rows[i][1])));
}

static void a_client_need_not_say_how_long_the_answer_may_be(void **state)
{
    (void)state;
    struct body_facts f;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf in = BUF_INIT(8192);
    struct str body = json(PROMPT, &in);
    assert_int_equal(dialect_anthropic.facts(body, NULL, &f, &e), ERR_INVALID);
    assert_int_equal(dialect_anthropic_count.facts(body, NULL, &f, &e), ERR_OK);
    assert_true(f.counts_only);
    assert_string_equal(f.model_name, "x");
    assert_int_equal(
        dialect_anthropic_count.facts(json("{'model':'x'}", &in), NULL, &f, &e),
        ERR_INVALID);
}

static void the_answer_is_one_number(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *body, *want; /* NULL: none */
    } rows[] = {
        {"anthropic", "{'input_tokens':2188}", "{\"input_tokens\":2188}"},
        {"gemini", "{'totalTokens':57,'cachedContentTokenCount':0}",
         "{\"input_tokens\":57}"},
        {"bedrock", "{'inputTokens':7}", "{\"input_tokens\":7}"},
        {"openai", "{'object':'response.input_tokens','input_tokens':123}",
         "{\"input_tokens\":123}"},
        {"gemini", "{}", NULL},
        {"gemini", "{'totalTokens':'7'}", NULL},
        {"gemini", "{'totalTokens':-7}", NULL},
        {"gemini", "no", NULL},
        {"gemini", "{'error':{'code':500,'message':'m','status':'INTERNAL'}}", NULL},
    };
    AUTO(buf_release) struct buf in = BUF_INIT(8192);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct provider_kind *kind = provider_kind_find(str_of(rows[i].kind));
        const struct dialect_ops *ops =
            dialect_count_ops(kind, STR("anthropic.claude-opus-5"));
        struct scan_state s;
        struct msg_reply reply;
        struct err e = ERR_INIT;
        AUTO(buf_release) struct buf out = BUF_INIT(8192);
        struct str body = json(rows[i].body, &in);
        ops->scan_init(&s, kind);
        enum errc rc = ops->scan_reply(&s, body, &e);
        if (rows[i].want == NULL) {
            assert_int_equal(rc, ERR_SERVER);
            assert_int_equal(e.origin, ERR_BY_PROVIDER);
            continue;
        }
        assert_int_equal(rc, ERR_OK);
        assert_int_equal(ops->reply_decode(body, kind, NULL, &reply, &e), ERR_OK);
        assert_int_equal(usage_input_tok(&s.usage), usage_input_tok(&reply.usage));
        dialect_anthropic_count.reply_encode(&reply, NULL, &out);
        assert_string_equal(out.data, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_is_sent_without_what_concerns_an_answer),
        cmocka_unit_test(some_providers_do_not_count),
        cmocka_unit_test(a_client_need_not_say_how_long_the_answer_may_be),
        cmocka_unit_test(the_answer_is_one_number),
    };
    return cmocka_run_group_tests_name("count", tests, NULL, NULL);
}
