/*
 * Marks of what is to be cached: kept where the target has them, dropped by name where not. JSON
 * stands here with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "broker/dialect.h"
#include "tests/unit/dialect_test.h"

#include <cmocka.h>

#define MARK  ",'cache_control':{'type':'ephemeral'}"
#define BREAK ",'prompt_cache_breakpoint':{'mode':'explicit'}"

/* A client of Anthropic that marks all it can, and the same without a mark. */
#define SYSTEM(mark)                                                                     \
    "'system':[{'type':'text','text':'s'" mark "},{'type':'text','text':'t'}]"
#define TURNS(mark)                                                                      \
    "'messages':[{'role':'user','content':[{'type':'text','text':'hi'" mark "}]},{"      \
    "'role':'assistant','content':[{'type':'tool_use','id':'c1','name':'f','input':{"    \
    "}" mark                                                                             \
    "}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'c1','content':"  \
    "'612'" mark "}]}]"
#define ASK(mark) "{'model':'m','max_tokens':99," SYSTEM(mark) "," TURNS(mark) "}"

#define CALL                                                                             \
    "{'role':'assistant','content':null,'tool_calls':[{'id':'c1','type':'function',"     \
    "'function':{'name':'f','arguments':'{}'}}]}"
#define CHAT(model, system, user, result)                                                \
    "{'model':'" model "','messages':[{'role':'system','content':" system "},{"          \
    "'role':'user','content':" user "}," CALL ",{'role':'tool','tool_call_id':'c1',"     \
    "'content':" result "}],'max_completion_tokens':99}"
#define PART(type, text, mark) "{'type':'" type "','text':'" text "'" mark "}"
#define ITEM(role, parts)      "{'type':'message','role':'" role "','content':[" parts "]}"
#define ITEMS(model, head, before, mark)                                                 \
    "{'model':'" model "'," head "'input':[" before ITEM(                                \
        "user",                                                                          \
        PART("input_text", "hi",                                                         \
             mark)) ",{'type':'function_call','call_id':'c1','name':'f','arguments':'{}" \
                    "'},{"                                                               \
                    "'type':'function_call_output','call_id':'c1','output':'612'}],"     \
                    "'include':['reasoning.encrypted_content'],'max_output_tokens':99,'" \
                    "store':false}"

static struct target_caps target(const char *kind, const char *model)
{
    return (struct target_caps){.kind = provider_kind_find(str_of(kind)),
                                .model = str_of(model)};
}

/* On parts of what it is told, from gpt-5.6 on; what it has said itself has none. */
static void chat_has_them_on_its_parts(void **state)
{
    (void)state;
    const struct target_caps new = target("openai", "gpt-5.6-mini"),
                             old = target("openai", "gpt-5.5"),
                             other = target("vllm", "gpt-5.6-mini");
    check_crossing(
        DIALECT_ANTHROPIC, &dialect_openai, &new, ASK(MARK),
        CHAT("gpt-5.6-mini", "[" PART("text", "s", BREAK) "," PART("text", "t", "") "]",
             "[" PART("text", "hi", BREAK) "]", "[" PART("text", "612", BREAK) "]"),
        "cache_control");
    check_crossing(DIALECT_ANTHROPIC, &dialect_openai, &new, ASK(""),
                   CHAT("gpt-5.6-mini", "'s\\n\\nt'", "'hi'", "'612'"), NULL);
    check_crossing(DIALECT_ANTHROPIC, &dialect_openai, &old, ASK(MARK),
                   CHAT("gpt-5.5", "'s\\n\\nt'", "'hi'", "'612'"), "cache_control");
    check_crossing(DIALECT_ANTHROPIC, &dialect_openai, &other, ASK(MARK),
                   CHAT("gpt-5.6-mini", "'s\\n\\nt'", "'hi'", "'612'"), "cache_control");
}

/* Instructions cannot be marked: they are said as messages then. Results cannot, either. */
static void responses_has_them_on_what_is_put_in(void **state)
{
    (void)state;
    const struct target_caps new = target("openai-responses", "gpt-5.6"),
                             old = target("openai-responses", "gpt-5.5");
    check_crossing(DIALECT_ANTHROPIC, &dialect_responses, &new, ASK(MARK),
                   ITEMS("gpt-5.6", "",
                         ITEM("developer", PART("input_text", "s", BREAK) "," PART(
                                               "input_text", "t", "")) ",",
                         BREAK),
                   "cache_control");
    check_crossing(DIALECT_ANTHROPIC, &dialect_responses, &new, ASK(""),
                   ITEMS("gpt-5.6", "'instructions':'s\\n\\nt',", "", ""), NULL);
    check_crossing(DIALECT_ANTHROPIC, &dialect_responses, &old, ASK(MARK),
                   ITEMS("gpt-5.5", "'instructions':'s\\n\\nt',", "", ""),
                   "cache_control");
    check_crossing(
        DIALECT_OPENAI, &dialect_responses, &new,
        "{'model':'m','messages':[{'role':'user','name':'ann','content':[" PART(
            "text", "hi", BREAK) ",{'type':'image_url','image_url':{'url':"
                                 "'https://x/y.png'}" BREAK "}]}]}",
        "{'model':'gpt-5.6','input':[" ITEM(
            "user", PART("input_text", "ann: hi",
                         BREAK) ",{'type':'input_image',"
                                "'image_url':'https://x/y.png'" BREAK
                                "}") "],'include':["
                                     "'reasoning.encrypted_content'],'store':false}",
        NULL);
}

/* Whatever it is that was marked, its loss is told. */
static void no_mark_is_lost_silently(void **state)
{
    (void)state;
#define HI  "{'role':'user','content':'hi'}"
#define USE "{'type':'tool_use','id':'c1','name':'f','input':{}"
#define OUT "{'type':'tool_result','tool_use_id':'c1','content':'612'"
    static const struct {
        const char *kind, *model;
    } targets[] = {{"openai", "gpt-4.1"},
                   {"openai-responses", "gpt-4.1"},
                   {"gemini", "gemini-3.8-flash"},
                   {"cohere", "command-a-03-2025"}};
    static const char *const asks[] = {
        "{'model':'m','max_tokens':9,'messages':[" HI ",{'role':'assistant','content':[{"
        "'type':'text','text':'a'" MARK "}]}," HI "]}",
        "{'model':'m','max_tokens':9,'messages':[" HI
        ",{'role':'assistant','content':[" USE MARK "}]},{'role':'user','content':[" OUT
        "}]}]}",
        "{'model':'m','max_tokens':9,'messages':[" HI
        ",{'role':'assistant','content':[" USE "}]},{'role':'user','content':[" OUT MARK
        "}]}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        for (size_t k = 0; k < ARRAY_LEN(asks); k++) {
            const struct target_caps caps = target(targets[i].kind, targets[i].model);
            struct err e = ERR_INIT;
            AUTO(buf_release) struct buf out = BUF_INIT(1 << 16);
            AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
            const struct dialect_ops *ops = dialect_ops(
                caps.kind->is_responses ? DIALECT_RESPONSES : caps.kind->dialect);
            assert_int_equal(
                cross(DIALECT_ANTHROPIC, ops, &caps, asks[k], &out, &dropped, &e),
                ERR_OK);
            if (!str_eqz(buf_str(&dropped), "cache_control"))
                fail_msg("%s, %zu: %s", targets[i].kind, k, out.data);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat_has_them_on_its_parts),
        cmocka_unit_test(responses_has_them_on_what_is_put_in),
        cmocka_unit_test(no_mark_is_lost_silently),
    };
    return cmocka_run_group_tests_name("marks", tests, NULL, NULL);
}
