/*
 * test_dialect_bedrock.c: Bedrock's Converse as a provider: where it is asked, what it is asked,
 * and what its answers mean. JSON stands here with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/clock.h"
#include "core/jscan.h"
#include "core/sse.h"

#include "broker/dialect.h"
#include "tests/unit/dialect_test.h"

#include <cmocka.h>

static const struct dialect_ops *const ops = &dialect_bedrock;

static const struct provider_kind *kind(void)
{
    return provider_kind_find(STR("bedrock"));
}

/* ---- where ---- */

static void the_url_holds_the_model_and_the_method(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        bool stream;
        const char *path;
    } rows[] = {
        {"global.anthropic.claude-opus-5-5", false,
         "/model/global.anthropic.claude-opus-5-5/converse"},
        {"amazon.nova-lite-v1:0", true, "/model/amazon.nova-lite-v1%3A0/converse-stream"},
        {"arn:aws:bedrock:eu-west-3:1:inference-profile/eu.a", false,
         "/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A1%3Ainference-profile%2Feu.a/"
         "converse"},
        {"a/../b?c", false, "/model/a%2F..%2Fb%3Fc/converse"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(4096);
        ops->path(kind(), str_of(rows[i].model), rows[i].stream, &out);
        assert_string_equal(out.data, rows[i].path);
    }
}

/* ---- what is asked ---- */

#define OPUS4 "us.anthropic.claude-opus-4-5-20251101-v1:0"
#define OPUS5 "global.anthropic.claude-opus-5"
#define NEW5  "global.anthropic.claude-opus-5-5"
#define NOVA  "amazon.nova-pro-v1:0"
#define MIST  "mistral.mistral-large-3-675b-instruct"

struct crossing {
    const char *model;
    const char *in, *want;
    const char *dropped; /* joined by commas; NULL: none */
    unsigned caps_no;
};

static struct target_caps target(const char *model, unsigned caps_no)
{
    return (struct target_caps){.kind = kind(),
                                .model = str_of(model),
                                .max_output_tok = 64000,
                                .caps_no = caps_no};
}

static void check(enum dialect from, const struct crossing *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct target_caps caps = target(rows[i].model, rows[i].caps_no);
        check_crossing(from, ops, &caps, rows[i].in, rows[i].want, rows[i].dropped);
    }
}

#define OC(rest) "{'model':'x','messages':[" rest "}"
#define HI       "{'role':'user','content':'hi'}]"
#define AN(rest) "{'model':'x','max_tokens':900,'messages':[" rest "}"
#define TEXT(t)  "{'text':'" t "'}"
#define USER(p)  "{'role':'user','content':[" p "]}"
#define BOT(p)   "{'role':'assistant','content':[" p "]}"
#define POINT    "{'cachePoint':{'type':'default'}}"
/* messages, inferenceConfig, what follows it */
#define BR(messages, config, more)                                                       \
    "{'messages':[" messages "],'inferenceConfig':{" config "}" more "}"
#define BR_HI(config, more) BR(USER(TEXT("hi")), config, more)
#define SYSTEM(messages, system, config, more)                                           \
    "{'messages':[" messages "],'system':[" system "],'inferenceConfig':{" config        \
    "}" more "}"

static void roles_are_made_to_fit(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {NOVA, OC(HI), BR_HI("", ""), NULL, 0},
        /* neighbours merge; later system texts are wrapped */
        {NOVA, OC("{'role':'system','content':'Be brief.'},{'role':'user','content':'a'},"
         "{'role':'system','content':'Now.'},{'role':'user','name':'Ann','content':'b'},"
         "{'role':'assistant','content':'c'},{'role':'user','content':'d'}]"),
         SYSTEM(USER(TEXT("a") "," TEXT("<system>Now.</system>") "," TEXT("Ann: b")) ","
                BOT(TEXT("c")) "," USER(TEXT("d")), TEXT("Be brief."), "", ""), NULL, 0},
        /* the user begins; what is empty is left out; only old Claudes go on with their turn */
        {NOVA, OC("{'role':'assistant','content':'a'},{'role':'user','content':' '}]"),
         BR(USER(TEXT(".")) "," BOT(TEXT("a")) "," USER(TEXT("Continue.")), "", ""), NULL, 0},
        {OPUS4, OC("{'role':'user','content':'a'},{'role':'assistant','content':'b'}]"),
         BR(USER(TEXT("a")) "," BOT(TEXT("b")), "", ""), NULL, 0},
        {OPUS5, OC("{'role':'user','content':'a'},{'role':'assistant','content':'b'}]"),
         BR(USER(TEXT("a")) "," BOT(TEXT("b")) "," USER(TEXT("Continue.")), "", ""), NULL, 0},
        {NOVA, OC("{'role':'user','content':''}]"), BR(USER(TEXT(".")), "", ""), NULL, 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

#define PNG "{'image':{'format':'png','source':{'bytes':'iVBORw0KGgoAAAA'}}}"

static void media_are_data(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        /* labels lie: the first bytes do not */
        {NOVA, OC("{'role':'user','content':[{'type':'image_url','image_url':{'url':"
         "'data:image/gif;base64,iVBORw0KGgoAAAA'}}]}]"), BR(USER(PNG), "", ""), NULL, 0},
        {NOVA, OC("{'role':'user','content':[{'type':'file','file':{'filename':'a_b.pdf',"
         "'file_data':'data:application/pdf;base64,BB'}},{'type':'file','file':{'filename':'',"
         "'file_data':'data:text/csv;base64,CC'}},{'type':'file','file':{'filename':'b.json',"
         "'file_data':'data:application/json;base64,DD'}}]}]"),
         BR(USER("{'document':{'format':'pdf','name':'a-b-pdf(1)','source':{'bytes':'BB'}}},"
            "{'document':{'format':'csv','name':'document(2)','source':{'bytes':'CC'}}},"
            "{'document':{'format':'txt','name':'b-json(3)','source':{'bytes':'DD'}}}"), "", ""),
         NULL, 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

#define OC_CALL(id, name, args)                                                          \
    "{'id':'" id "','type':'function','function':{'name':'" name "','arguments':'" args  \
    "'}}"
#define CALL(id, name, args)                                                             \
    "{'toolUse':{'toolUseId':'" id "','name':'" name "','input':" args "}}"
#define RESULT(id, content, more)                                                        \
    "{'toolResult':{'toolUseId':'" id "','content':[" content "]" more "}}"
#define SPEC(name, more, schema)                                                         \
    "{'toolSpec':{'name':'" name "'" more ",'inputSchema':{'json':" schema "}}}"
#define NO_SCHEMA    "{'type':'object','properties':{}}"
#define TOOLS(specs) ",'toolConfig':{'tools':[" specs "]}"
#define NO_CALLS     TEXT("Do not call any tool.")

static void calls_and_results_belong_together(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        /* a conversation with calls must offer tools, though the client does not */
        {NOVA, OC("{'role':'user','content':'a'},{'role':'assistant','content':'So.','tool_calls':["
         OC_CALL("c1", "tide", "{}") "," OC_CALL("c:2", "tide", "oops") "]},"
         "{'role':'tool','tool_call_id':'c1','content':'1'},"
         "{'role':'tool','tool_call_id':'c:2','content':''},{'role':'user','content':'b'}]"),
         SYSTEM(USER(TEXT("a")) "," BOT(TEXT("So.") "," CALL("c1", "tide", "{}") ","
                CALL("call_7ba55fa26ecec489", "tide", "{'_raw':'oops'}")) ","
                USER(RESULT("c1", TEXT("1"), "") ","
                     RESULT("call_7ba55fa26ecec489", TEXT("(nothing)"), "") "," TEXT("b")),
                NO_CALLS, "", TOOLS(SPEC("tide", "", NO_SCHEMA))), NULL, 0},
    };
    static const struct crossing from_anthropic[] = {
        /* Claude reads its own thoughts; others are not told them */
        {OPUS5, AN("{'role':'user','content':'a'},{'role':'assistant','content':["
         "{'type':'thinking','thinking':'hm','signature':'S'},{'type':'redacted_thinking',"
         "'data':'RR'},{'type':'tool_use','id':'t1','name':'f','input':{'a':1}}]},"
         "{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1','is_error':true,"
         "'content':[{'type':'text','text':'no'},{'type':'image','source':{'type':'base64',"
         "'media_type':'image/png','data':'iVBORw0KGgoAAAA'}}]}]}],"
         "'tools':[{'name':'f','input_schema':{'type':'object'}}]"),
         BR(USER(TEXT("a")) "," BOT("{'reasoningContent':{'reasoningText':{'text':'hm',"
            "'signature':'S'}}},{'reasoningContent':{'redactedContent':'RR'}},"
            CALL("t1", "f", "{'a':1}")) "," USER(RESULT("t1", TEXT("no") "," PNG,
            ",'status':'error'")), "'maxTokens':900", TOOLS(SPEC("f", "", "{'type':'object'}"))),
         NULL, 0},
        {NOVA, AN("{'role':'user','content':'a'},{'role':'assistant','content':["
         "{'type':'thinking','thinking':'hm','signature':'S'},{'type':'text','text':'b'}]},"
         "{'role':'user','content':'c'}]"),
         BR(USER(TEXT("a")) "," BOT(TEXT("b")) "," USER(TEXT("c")), "'maxTokens':900", ""),
         NULL, 0},
    };
    static const struct crossing from_responses[] = {
        /* what OpenAI encrypted is no signature */
        {OPUS5, "{'model':'x','input':[{'role':'user','content':'a'},{'type':'reasoning','id':"
         "'rs_1','summary':[{'type':'summary_text','text':'hm'}],'encrypted_content':'gAAA'},"
         "{'role':'assistant','content':'b'},{'role':'user','content':'c'}]}",
         BR(USER(TEXT("a")) "," BOT(TEXT("b")) "," USER(TEXT("c")), "", ""), NULL, 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    check(DIALECT_ANTHROPIC, from_anthropic, ARRAY_LEN(from_anthropic));
    check(DIALECT_RESPONSES, from_responses, ARRAY_LEN(from_responses));
}

static void ids_of_mistral_have_nine_characters(void **state)
{
    (void)state;
    const struct target_caps caps = target(MIST, 0);
    static const char in[] =
        OC("{'role':'user','content':'a'},{'role':'assistant','content':null,'tool_calls'"
           ":[" OC_CALL("call_1", "f", "{}") "]},{'role':'tool','tool_call_id':'call_1',"
                                             "'content':'1'}]");
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
    AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
    assert_int_equal(cross(DIALECT_OPENAI, ops, &caps, in, &out, &dropped, &e), ERR_OK);
    const char *call = strstr(out.data, json("'toolUseId':'"));
    const char *result = strstr(call + 1, json("'toolUseId':'"));
    assert_int_equal(strcspn(call + 13, "\""), 9);
    assert_memory_equal(call, result, 13 + 10);
}

static void caches_are_marked_behind_what_is_kept(void **state)
{
    (void)state;
#define MARK ",'cache_control':{'type':'ephemeral'}"
#define HOUR ",'cache_control':{'type':'ephemeral','ttl':'1h'}"
    /* clang-format off */
    static const struct crossing rows[] = {
        {OPUS5, "{'model':'x','max_tokens':900,'system':[{'type':'text','text':'s'" HOUR "}],"
         "'tools':[{'name':'f','input_schema':{}" MARK "}],'messages':[{'role':'user','content':["
         "{'type':'text','text':'hi'" MARK "}]}]}",
         SYSTEM(USER(TEXT("hi") "," POINT), TEXT("s") ",{'cachePoint':{'type':'default',"
                "'ttl':'1h'}}", "'maxTokens':900", TOOLS(SPEC("f", "", "{}") "," POINT)), NULL, 0},
        {NOVA, AN("{'role':'user','content':[{'type':'text','text':'hi'" MARK "}]}]"),
         BR_HI("'maxTokens':900", ""), "cache_control", CAP_PROMPT_CACHING},
    };
    /* clang-format on */
    check(DIALECT_ANTHROPIC, rows, ARRAY_LEN(rows));
}

#define SINGLE(choice)                                                                   \
    ",'additionalModelRequestFields':{'tool_choice':{" choice                            \
    ",'disable_parallel_tool_use':true}}"
#define TOOL(name) "{'type':'function','function':{'name':'" name "','parameters':{}}}"
#define CONFIG(name, choice)                                                             \
    ",'toolConfig':{'tools':[" SPEC(name, "", "{}") "]" choice "}"

static void tools_and_their_choice(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {NOVA, OC(HI ",'tools':[" TOOL("f") "]"), BR_HI("", CONFIG("f", "")), NULL, 0},
        {NOVA, OC(HI ",'tools':[" TOOL("f") "],'tool_choice':'auto'"),
         BR_HI("", CONFIG("f", ",'toolChoice':{'auto':{}}")), NULL, 0},
        {NOVA, OC(HI ",'tools':[" TOOL("f") "],'tool_choice':'required'"),
         BR_HI("", CONFIG("f", ",'toolChoice':{'any':{}}")), NULL, 0},
        {NOVA, OC(HI ",'tools':[" TOOL("f") "],'tool_choice':{'type':'function','function':"
         "{'name':'f'}},'parallel_tool_calls':false"),
         BR_HI("", CONFIG("f", ",'toolChoice':{'tool':{'name':'f'}}")), "parallel_tool_calls", 0},
        /* some of the tools become the list */
        {NOVA, OC(HI ",'tools':[" TOOL("g") "," TOOL("f") "],'tool_choice':{'type':"
         "'allowed_tools','allowed_tools':{'mode':'required','tools':[{'type':'function',"
         "'function':{'name':'f'}}]}}"),
         BR_HI("", CONFIG("f", ",'toolChoice':{'any':{}}")), NULL, 0},
        /* there is no "none" */
        {NOVA, OC(HI ",'tools':[" TOOL("f") "],'tool_choice':'none'"),
         SYSTEM(USER(TEXT("hi")), NO_CALLS, "", CONFIG("f", "")), NULL, 0},
        /* and some of Claude's cannot be forced */
        {NEW5, OC(HI ",'tools':[" TOOL("f") "],'tool_choice':{'type':'function','function':"
         "{'name':'f'}}"),
         SYSTEM(USER(TEXT("hi")), TEXT("Call the tool f."), "", CONFIG("f", "")), "tool_choice", 0},
        /* one call at a time is said in Claude's own words, choice and all */
        {OPUS5, OC(HI ",'tools':[" TOOL("f") "],'parallel_tool_calls':false"),
         BR_HI("", CONFIG("f", "") SINGLE("'type':'auto'")), NULL, 0},
        {OPUS5, OC(HI ",'tools':[" TOOL("f") "],'tool_choice':'required','parallel_tool_calls':false"),
         BR_HI("", CONFIG("f", "") SINGLE("'type':'any'")), NULL, 0},
        {OPUS5, OC(HI ",'tools':[" TOOL("f") "],'tool_choice':{'type':'function','function':"
         "{'name':'f'}},'parallel_tool_calls':false"),
         BR_HI("", CONFIG("f", "") SINGLE("'type':'tool','name':'f'")), NULL, 0},
        {NEW5, OC(HI ",'tools':[" TOOL("f") "],'tool_choice':'required','parallel_tool_calls':false"),
         SYSTEM(USER(TEXT("hi")), TEXT("Call one of the tools."), "",
                CONFIG("f", "") SINGLE("'type':'auto'")), "tool_choice", 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

#define FORMAT(schema)                                                                   \
    "'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':" schema \
    "}}"
#define WORDS "Answer with one JSON object and nothing else."

static void structured_output_is_made_to_fit(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {NOVA, OC(HI "," FORMAT("{'type':'object','properties':{'a':{'$ref':'#/$defs/A'}},"
         "'$defs':{'A':{'type':'integer','minimum':3}}}")),
         BR_HI("", ",'outputConfig':{'textFormat':{'type':'json_schema','structure':{"
         "'jsonSchema':{'schema':'{\\'type\\':\\'object\\',\\'properties\\':{\\'a\\':{"
         "\\'type\\':\\'integer\\'}},\\'additionalProperties\\':false}','name':'n'}}}}"),
         "schema.minimum", 0},
        {NOVA, OC(HI "," FORMAT("{'type':'object'}")),
         SYSTEM(USER(TEXT("hi")), TEXT(WORDS " It must be valid under this JSON Schema: "
                "{\\'type\\':\\'object\\'}"), "", ""), "response_format", CAP_JSON_SCHEMA},
        {NOVA, OC(HI ",'response_format':{'type':'json_object'}"),
         SYSTEM(USER(TEXT("hi")), TEXT(WORDS), "", ""), "response_format", 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

#define EFFORT(e) ",'outputConfig':{'effort':'" e "'}"
#define FIELDS(f) ",'additionalModelRequestFields':{" f "}"
#define ADAPTIVE  FIELDS("'thinking':{'type':'adaptive','display':'summarized'}")
#define BUDGET(n) FIELDS("'thinking':{'type':'enabled','budget_tokens':" n "}")

static void effort_is_said_as_the_model_knows_it(void **state)
{
    (void)state;
#define ASK(e) OC(HI ",'reasoning_effort':'" e "'")
    /* clang-format off */
    static const struct crossing rows[] = {
        {OPUS5, ASK("high"), BR_HI("", EFFORT("high") ADAPTIVE), NULL, 0},
        {OPUS5, ASK("minimal"), BR_HI("", EFFORT("low") ADAPTIVE), NULL, 0},
        {OPUS5, ASK("none"), BR_HI("", ",'additionalModelRequestFields':{'thinking':{'type':"
         "'disabled'}}"), NULL, 0},
        {OPUS5, ASK("none"), BR_HI("", ""), NULL, CAP_REASONING},
        {"openai.gpt-oss-120b-1:0", ASK("medium"), BR_HI("", EFFORT("medium")), NULL, 0},
        {NOVA, ASK("low"), BR_HI("", ""), "reasoning_effort", CAP_REASONING},
        {NOVA, ASK("none"), BR_HI("", ""), NULL, CAP_REASONING},
        {OPUS4, ASK("medium"), BR_HI("", BUDGET("8192")), NULL, 0},
        {OPUS4, ASK("max"), BR_HI("", BUDGET("63999")), NULL, 0},
        {OPUS4, ASK("none"), BR_HI("", ""), NULL, 0},
        /* a budget must be below the cap, and leaves the temperature alone */
        {OPUS4, OC(HI ",'reasoning_effort':'high','max_completion_tokens':3000,'temperature':0.5"),
         BR_HI("'maxTokens':3000", BUDGET("2999")), "temperature", 0},
        {OPUS4, OC(HI ",'reasoning_effort':'high','max_completion_tokens':900"),
         BR_HI("'maxTokens':900", ""), "reasoning_effort", 0},
    };
    static const struct crossing budgets[] = {
        {OPUS4, "{'model':'x','max_tokens':9000,'thinking':{'type':'enabled',"
         "'budget_tokens':3000},'messages':[" HI "}",
         BR_HI("'maxTokens':9000", BUDGET("3000")), NULL, 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    check(DIALECT_ANTHROPIC, budgets, ARRAY_LEN(budgets));
}

static void sampling_keeps_to_its_range(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {OPUS4, OC(HI ",'temperature':0.5,'top_p':0.5"), BR_HI("'temperature':0.5", ""),
         "top_p", 0},
        {NOVA, OC(HI ",'temperature':1.7,'top_p':0.50,'frequency_penalty':0.5,"
         "'presence_penalty':1,'seed':7,'stop':['a','b'],'max_completion_tokens':90000"),
         BR_HI("'maxTokens':64000,'temperature':1,'topP':0.50,'stopSequences':['a','b']", ""),
         "frequency_penalty,presence_penalty,seed", 0},
        {NOVA, OC(HI ",'user':'ann@example.org','service_tier':'flex','logit_bias':{'1':2}"),
         BR_HI("", ",'serviceTier':{'type':'flex'},'requestMetadata':{"
         "'user_id':'ann@example.org'}"), "logit_bias", 0},
        {NOVA, OC(HI ",'user':'a|b','service_tier':'scale'"), BR_HI("", ""),
         "service_tier,user", 0},
    };
    static const struct crossing from_anthropic[] = {
        {OPUS4, "{'model':'x','max_tokens':900,'top_k':40,'temperature':0.5,'messages':[" HI "}",
         BR_HI("'maxTokens':900,'temperature':0.5", FIELDS("'top_k':40")), NULL, 0},
        /* newer ones sample as they like */
        {OPUS5, "{'model':'x','max_tokens':900,'top_k':40,'top_p':0.5,'temperature':1,'messages':["
         HI "}", BR_HI("'maxTokens':900", ""), "temperature,top_p,top_k", 0},
        /* Claude tells at which sequence it stopped */
        {OPUS5, "{'model':'x','max_tokens':900,'stop_sequences':['##'],'messages':[" HI "}",
         BR_HI("'maxTokens':900,'stopSequences':['##']",
               ",'additionalModelResponseFieldPaths':['/stop_sequence']"), NULL, 0},
        {NOVA, "{'model':'x','max_tokens':900,'top_k':40,'messages':[" HI "}",
         BR_HI("'maxTokens':900", ""), "top_k", 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    check(DIALECT_ANTHROPIC, from_anthropic, ARRAY_LEN(from_anthropic));
}

static void what_cannot_be_said_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in, *field;
    } rows[] = {
        {OC(HI ",'n':2"), "n: "},
        {OC(HI ",'logprobs':true"), "logprobs: "},
        {OC("{'role':'user','content':[{'type':'image_url','image_url':{'url':"
            "'https://x.example/a.png'}}]}]"),
         "image_url: "},
        {OC("{'role':'user','content':[{'type':'image_url','image_url':{'url':"
            "'data:image/heic;base64,AAAA'}}]}]"),
         "image_url: "},
        {OC("{'role':'user','content':[{'type':'file','file':{'filename':'f.zip',"
            "'file_data':'data:application/zip;base64,BB'}}]}]"),
         "file: "},
        {OC("{'role':'user','content':[{'type':'input_audio','input_audio':{'data':'AA',"
            "'format':'wav'}}]}]"),
         "input_audio: "},
        {OC(HI "," FORMAT("{'type':'object','properties':{'a':{'$ref':'#'}}}")),
         "schema: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct target_caps caps = target(NOVA, 0);
        check_refused(DIALECT_OPENAI, ops, &caps, rows[i].in, rows[i].field);
    }
}

/* Of what a request may hold so many of, one more. */
static void too_many_media_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *part, *field;
        size_t most;
    } rows[] = {
        {"{'type':'image_url','image_url':{'url':'data:image/"
         "png;base64,iVBORw0KGgoAAAA'}}",
         "image_url: ", 20},
        {"{'type':'file','file':{'filename':'f.pdf','file_data':'data:application/pdf;"
         "base64,AA'}}",
         "file: ", 5},
    };
    const struct target_caps caps = target(NOVA, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t n = rows[i].most; n <= rows[i].most + 1; n++) {
            struct msg_request m;
            struct dropped d = {.n = 0};
            struct err e = ERR_INIT;
            struct arena a;
            AUTO(buf_release) struct buf in = BUF_INIT(1 << 16), out = BUF_INIT(1 << 16);
            arena_init(&a, 1 << 20);
            buf_addz(&in, "{'model':'x','messages':[{'role':'user','content':[");
            for (size_t k = 0; k < n; k++)
                buf_printf(&in, "%s%s", k > 0 ? "," : "", rows[i].part);
            buf_addz(&in, "]}]}");
            assert_int_equal(
                dialect_openai.request_decode(str_of(json(in.data)), NULL, &a, &m, &e),
                ERR_OK);
            enum errc rc = ops->request_encode(&m, &caps, &out, &d, &e);
            assert_int_equal(rc, n > rows[i].most ? ERR_INVALID : ERR_OK);
            assert_true(rc == ERR_OK ||
                        str_starts(str_of(e.text), str_of(rows[i].field)));
            arena_release(&a);
        }
    }
}

static void who_can_hear_is_told(void **state)
{
    (void)state;
    struct target_caps caps = target("mistral.voxtral-small-24b-2507", 0);
    caps.caps_yes = CAP_AUDIO_IN;
    check_crossing(
        DIALECT_OPENAI, ops, &caps,
        OC("{'role':'user','content':[{'type':'input_audio','input_audio':{'data':'AA',"
           "'format':'wav'}}]}]"),
        BR(USER("{'audio':{'format':'wav','source':{'bytes':'AA'}}}"), "", ""), NULL);
}

/* ---- what is answered ---- */

#define USAGE                                                                            \
    "'usage':{'inputTokens':18,'outputTokens':8,'totalTokens':1050,"                     \
    "'cacheReadInputTokens':1000,'cacheWriteInputTokens':24,"                            \
    "'cacheDetails':[{'ttl':'1h','inputTokens':20}]}"
#define BLOCK(i, delta) "{'contentBlockIndex':" i ",'delta':{" delta "},'p':'abc'}"

struct happening {
    const char *kind, *type, *data;
};

static unsigned scan(struct scan_state *s, const struct happening *h, struct err *e)
{
    const struct sse_event ev = {.id = str_of(h->kind),
                                 .event = str_of(h->type),
                                 .data = str_of(json(h->data)),
                                 .has_data = true};
    return ops->scan_event(s, &ev, e);
}

static void an_event_says_what_it_holds(void **state)
{
    (void)state;
    static const struct {
        struct happening h;
        unsigned flags;
    } rows[] = {
        {{"event", "messageStart", "{'role':'assistant'}"}, 0},
        {{"event", "contentBlockDelta", BLOCK("0", "'text':'a'")}, EV_CONTENT},
        {{"event", "contentBlockDelta", BLOCK("0", "'text':''")}, 0},
        {{"event", "contentBlockDelta", BLOCK("0", "'reasoningContent':{'text':'a'}")},
         EV_CONTENT | EV_REASONING},
        {{"event", "contentBlockDelta",
          BLOCK("0", "'reasoningContent':{'signature':'S'}")},
         EV_REASONING},
        {{"event", "contentBlockDelta",
          BLOCK("0", "'reasoningContent':{'redactedContent':'R'}")},
         EV_REASONING},
        {{"event", "contentBlockStart",
          "{'contentBlockIndex':1,'start':{'toolUse':{'toolUseId':'t','name':'f'}}}"},
         EV_CONTENT | EV_TOOL},
        {{"event", "contentBlockDelta", BLOCK("1", "'toolUse':{'input':'{'}")},
         EV_CONTENT | EV_TOOL},
        {{"event", "contentBlockDelta", BLOCK("1", "'citation':{}")}, 0},
        {{"event", "contentBlockStop", "{'contentBlockIndex':1}"}, 0},
        {{"event", "messageStop", "{'stopReason':'end_turn'}"}, EV_FINISH},
        {{"event", "messageStop", "{'stopReason':'malformed_tool_use'}"}, EV_ERROR},
        {{"event", "metadata", "{" USAGE ",'metrics':{'latencyMs':9}}"},
         EV_USAGE | EV_END},
        {{"event", "what-is-to-come", "{}"}, 0},
        {{"event", "contentBlockDelta", "{'contentBlockIndex':0,'del"}, EV_MALFORMED},
        {{"event", "contentBlockDelta", "[]"}, EV_MALFORMED},
        {{"exception", "throttlingException", "{'message':'m'}"}, EV_ERROR},
        {{"exception", "throttlingException", "no JSON"}, EV_ERROR},
        {{"error", "InternalError", "what happened"}, EV_ERROR},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        ops->scan_init(&s, kind());
        if (scan(&s, &rows[i].h, &e) != rows[i].flags)
            fail_msg("%s %s", rows[i].h.type, rows[i].h.data);
    }
}

static void finishes_have_their_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum msg_finish finish, with_call;
    } rows[] = {
        {"end_turn", MSG_FINISH_STOP, MSG_FINISH_TOOL},
        {"tool_use", MSG_FINISH_TOOL, MSG_FINISH_TOOL},
        {"max_tokens", MSG_FINISH_LENGTH, MSG_FINISH_LENGTH},
        {"stop_sequence", MSG_FINISH_STOP_SEQUENCE, MSG_FINISH_STOP_SEQUENCE},
        {"guardrail_intervened", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"content_filtered", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"model_context_window_exceeded", MSG_FINISH_CONTEXT_FULL,
         MSG_FINISH_CONTEXT_FULL},
        {"what is to come", MSG_FINISH_UNKNOWN, MSG_FINISH_TOOL},
    };
    static const struct happening call = {
        "event", "contentBlockStart",
        "{'start':{'toolUse':{'toolUseId':'t','name':'f'}}}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        char data[128];
        snprintf(data, sizeof data, "{'stopReason':'%s'}", rows[i].word);
        const struct happening stop = {"event", "messageStop", data};
        ops->scan_init(&s, kind());
        assert_int_equal(scan(&s, &stop, &e), EV_FINISH);
        assert_int_equal(s.finish, rows[i].finish);
        assert_string_equal(s.finish_raw, rows[i].word);
        ops->scan_init(&s, kind());
        scan(&s, &call, &e);
        scan(&s, &stop, &e);
        assert_int_equal(s.finish, rows[i].with_call);
    }
}

static void usage_is_disjoint(void **state)
{
    (void)state;
    struct scan_state s;
    struct err e = ERR_INIT;
    const struct happening h = {"event", "metadata", "{" USAGE "}"};
    ops->scan_init(&s, kind());
    scan(&s, &h, &e);
    assert_true(s.has_usage);
    assert_false(s.usage_mismatch);
    assert_int_equal(s.usage.n[USAGE_INPUT], 18);
    assert_int_equal(s.usage.n[USAGE_CACHE_READ], 1000);
    assert_int_equal(s.usage.n[USAGE_CACHE_WRITE_5M], 4);
    assert_int_equal(s.usage.n[USAGE_CACHE_WRITE_1H], 20);
    assert_int_equal(s.usage.n[USAGE_OUTPUT], 8);
    const struct happening odd = {
        "event", "metadata",
        "{'usage':{'inputTokens':1,'outputTokens':2,'totalTokens':9}}"};
    ops->scan_init(&s, kind());
    scan(&s, &odd, &e);
    assert_true(s.usage_mismatch);
}

static void openai_models_count_the_cache_inside_in_streams_only(void **state)
{
    (void)state;
    static const char whole[] =
        "{'output':{'message':{'role':'assistant','content':[{'text':'a'}]}},'stopReason'"
        ":"
        "'end_turn','usage':{'inputTokens':1000,'outputTokens':8,'totalTokens':1908,"
        "'cacheWriteInputTokens':900}}";
    const struct provider_kind *k = provider_kind_for(kind(), STR("openai.gpt-5.6"));
    struct scan_state s;
    struct arena a;
    struct msg_reply r;
    struct err e = ERR_INIT;
    const struct happening h = {
        "event", "metadata",
        "{'usage':{'inputTokens':1000,'outputTokens':8,'totalTokens':1908,"
        "'cacheWriteInputTokens':900}}"};
    ops->scan_init(&s, k);
    scan(&s, &h, &e);
    assert_int_equal(s.usage.n[USAGE_INPUT], 100);
    ops->scan_init(&s, k);
    assert_int_equal(ops->scan_reply(&s, str_of(json(whole)), &e), ERR_OK);
    assert_int_equal(s.usage.n[USAGE_INPUT], 1000);
    assert_false(s.usage_mismatch);
    arena_init(&a, 1 << 20);
    assert_int_equal(ops->reply_decode(str_of(json(whole)), k, &a, &r, &e), ERR_OK);
    assert_int_equal(r.usage.n[USAGE_INPUT], 1000);
    arena_release(&a);
}

struct failure {
    int status;
    const char *type, *body;
    enum errc class;
    enum err_origin origin;
};

/* The table of the vendor's page; names may have their first letter small. */
/* clang-format off */
static const struct failure failures[] = {
    {403, "AccessDeniedException", "{'message':'m'}", ERR_PERMISSION, ERR_BY_PROVIDER},
    {403, "UnrecognizedClientException", "{'message':'m'}", ERR_UPSTREAM_AUTH, ERR_BY_PROVIDER},
    {403, "InvalidSignatureException", "{'message':'m'}", ERR_UPSTREAM_AUTH, ERR_BY_PROVIDER},
    {403, "ExpiredTokenException", "{'message':'m'}", ERR_UPSTREAM_AUTH, ERR_BY_PROVIDER},
    {404, "ResourceNotFoundException", "{'message':'m'}", ERR_NOT_FOUND, ERR_BY_PROVIDER},
    {400, "ValidationException", "{'message':'m'}", ERR_INVALID, ERR_BY_CLIENT},
    {400, "ValidationException", "{'message':'Input is too long for requested model.'}",
     ERR_CONTEXT, ERR_BY_CLIENT},
    {400, "ValidationException", "{'message':'Invocation of model ID a with on-demand throughput "
     "isn’t supported.'}", ERR_NOT_FOUND, ERR_BY_PROVIDER},
    {400, "ServiceQuotaExceededException", "{'message':'m'}", ERR_QUOTA, ERR_BY_PROVIDER},
    {400, "ConflictException", "{'message':'m'}", ERR_INVALID, ERR_BY_CLIENT},
    {408, "ModelTimeoutException", "{'message':'m'}", ERR_TIMEOUT, ERR_BY_PROVIDER},
    {424, "ModelErrorException", "{'message':'m','originalStatusCode':400}", ERR_INVALID,
     ERR_BY_CLIENT},
    {424, "ModelErrorException", "{'message':'m','originalStatusCode':500}", ERR_SERVER,
     ERR_BY_PROVIDER},
    {424, "ModelStreamErrorException", "{'message':'m'}", ERR_SERVER, ERR_BY_PROVIDER},
    {429, "ThrottlingException", "{'Message':'Too many tokens, please wait before trying again.'}",
     ERR_RATE_LIMIT, ERR_BY_PROVIDER},
    {429, "ThrottlingException", "{'message':'Too many tokens per day, please wait.'}", ERR_QUOTA,
     ERR_BY_PROVIDER},
    {429, "ModelNotReadyException", "{'message':'m'}", ERR_OVERLOADED, ERR_BY_PROVIDER},
    {500, "InternalServerException", "{'message':'m'}", ERR_SERVER, ERR_BY_PROVIDER},
    {503, "ServiceUnavailableException", "{'message':'m'}", ERR_OVERLOADED, ERR_BY_PROVIDER},
    {503, "", "<html>", ERR_OVERLOADED, ERR_BY_PROVIDER},
};
/* clang-format on */

static void every_exception_has_its_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        const struct failure *f = &failures[i];
        struct err e = ERR_INIT;
        char type[128];
        snprintf(type, sizeof type, "%s:http://internal.amazon.com/coral/", f->type);
        const struct http1_header head = {STR("x-amzn-ErrorType"), str_of(type)};
        ops->error_parse(kind(), f->status, &head, 1, str_of(json(f->body)), 0, &e);
        if (e.code != f->class || e.origin != f->origin)
            fail_msg("%s: %s", f->type, errc_name(e.code));
        assert_string_equal(e.provider_code, f->type);
        assert_int_equal(e.retry_after_us, -1);
        if (f->type[0] == '\0')
            continue;
        /* the same in a stream */
        struct scan_state s;
        struct err in_stream = ERR_INIT;
        snprintf(type, sizeof type, "%c%s", f->type[0] | 0x20, f->type + 1);
        const struct happening h = {"exception", type, f->body};
        ops->scan_init(&s, kind());
        assert_int_equal(scan(&s, &h, &in_stream), EV_ERROR);
        assert_int_equal(in_stream.code, f->class);
    }
    struct err e = ERR_INIT; /* the type may stand in the body */
    ops->error_parse(
        kind(), 400, NULL, 0,
        str_of(json("{'__type':'com.amazon#ServiceQuotaExceededException'}")), 0, &e);
    assert_int_equal(e.code, ERR_QUOTA);
    /* after some of the answer, an error of its stream is a cut */
    struct scan_state s;
    const struct happening text = {"event", "contentBlockDelta",
                                   BLOCK("0", "'text':'a'")};
    const struct happening cut = {"exception", "modelStreamErrorException",
                                  "{'message':'m'}"};
    ops->scan_init(&s, kind());
    scan(&s, &text, &e);
    scan(&s, &cut, &e);
    assert_int_equal(e.code, ERR_INTERRUPTED);
}

static void bad_answers_are_errors(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{'output':{}}",
        "{'output':{'message':{'content':1}}}",
        "{'stopReason':'malformed_model_output','output':{'message':{'content':[]}}}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct msg_reply r;
        struct arena a;
        struct err e = ERR_INIT;
        arena_init(&a, 1 << 20);
        ops->scan_init(&s, kind());
        assert_int_equal(ops->scan_reply(&s, str_of(json(rows[i])), &e), ERR_SERVER);
        assert_int_equal(ops->reply_decode(str_of(json(rows[i])), kind(), &a, &r, &e),
                         ERR_SERVER);
        arena_release(&a);
    }
}

/* ---- streams ---- */

static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    return msg_collect_delta(arg, d, e);
}

static void check_reply(const struct msg_reply *r)
{
    assert_int_equal(r->finish, MSG_FINISH_TOOL);
    assert_true(str_eqz(r->finish_raw, "tool_use"));
    assert_int_equal(usage_output_tok(&r->usage), 8);
    assert_int_equal(r->n_parts, 5);
    assert_int_equal(r->parts[0].kind, MSG_THINKING);
    assert_true(str_eqz(r->parts[0].text, "Weigh it."));
    assert_true(str_eqz(r->parts[0].signature, "Sg=="));
    assert_int_equal(r->parts[1].kind, MSG_REDACTED);
    assert_true(str_eqz(r->parts[1].data, "UmVk"));
    assert_int_equal(r->parts[2].kind, MSG_TEXT);
    assert_true(str_eqz(r->parts[2].text, "Fog from\n18:40."));
    check_call(&r->parts[3], "t1", "fog_state", "{'hour':18}");
    check_call(&r->parts[4], "t2", "now", "{}");
}

static void a_stop_sequence_is_told(void **state)
{
    (void)state;
    static const char whole[] =
        "{'output':{'message':{'role':'assistant','content':[{'text':'a'}]}},'stopReason'"
        ":"
        "'stop_sequence','additionalModelResponseFields':{'stop_sequence':'##'}," USAGE
        "}";
    static const char data[] = "{'stopReason':'stop_sequence',"
                               "'additionalModelResponseFields':{'stop_sequence':'##'}}";
    const struct sse_event ev = {.id = STR("event"),
                                 .event = STR("messageStop"),
                                 .data = str_of(json(data)),
                                 .has_data = true};
    struct arena a;
    struct msg_collect collect;
    struct msg_reply r;
    struct err e = ERR_INIT;
    arena_init(&a, 1 << 20);
    msg_collect_init(&collect, &a);
    assert_int_equal(ops->reply_decode(str_of(json(whole)), kind(), &a, &r, &e), ERR_OK);
    assert_true(str_eqz(r.stop_sequence, "##"));
    struct event_decoder *d = ops->decoder_new(kind());
    assert_int_equal(ops->decode_event(d, &ev, on_delta, &collect, &e), ERR_OK);
    assert_true(str_eqz(msg_collect_reply(&collect)->stop_sequence, "##"));
    ops->decoder_free(&d);
    msg_collect_release(&collect);
    arena_release(&a);
}

static void streams_and_whole_answers_agree(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct happening stream[] = {
        {"event", "messageStart", "{'role':'assistant'}"},
        {"event", "contentBlockDelta", BLOCK("0", "'reasoningContent':{'text':'Weigh '}")},
        {"event", "contentBlockDelta", BLOCK("0", "'reasoningContent':{'text':'it.'}")},
        {"event", "contentBlockDelta", BLOCK("0", "'reasoningContent':{'signature':'Sg=='}")},
        {"event", "contentBlockStop", "{'contentBlockIndex':0}"},
        {"event", "contentBlockDelta", BLOCK("1", "'reasoningContent':{'redactedContent':'UmVk'}")},
        {"event", "contentBlockDelta", BLOCK("2", "'text':'Fog from\\n'")},
        {"event", "contentBlockDelta", BLOCK("2", "'text':'18:40.'")},
        {"event", "contentBlockStop", "{'contentBlockIndex':2}"},
        {"event", "contentBlockStart", "{'contentBlockIndex':3,'start':{'toolUse':{"
         "'toolUseId':'t1','name':'fog_state'}}}"},
        {"event", "contentBlockDelta", BLOCK("3", "'toolUse':{'input':'{\\'hour\\':'}")},
        {"event", "contentBlockDelta", BLOCK("3", "'toolUse':{'input':'18}'}")},
        {"event", "contentBlockStop", "{'contentBlockIndex':3}"},
        {"event", "contentBlockStart", "{'contentBlockIndex':4,'start':{'toolUse':{"
         "'toolUseId':'t2','name':'now'}}}"},
        {"event", "contentBlockStop", "{'contentBlockIndex':4}"},
        {"event", "messageStop", "{'stopReason':'tool_use'}"},
        {"event", "metadata", "{" USAGE "}"},
    };
    static const char whole[] =
        "{'output':{'message':{'role':'assistant','content':["
        "{'reasoningContent':{'reasoningText':{'text':'Weigh it.','signature':'Sg=='}}},"
        "{'reasoningContent':{'redactedContent':'UmVk'}},{'text':'Fog from\\n18:40.'},"
        "{'toolUse':{'toolUseId':'t1','name':'fog_state','input':{'hour':18}}},"
        "{'toolUse':{'toolUseId':'t2','name':'now','input':{}}}]}},'stopReason':'tool_use',"
        USAGE "}";
    /* clang-format on */
    struct arena a;
    struct msg_collect collect;
    struct msg_reply r;
    struct err e = ERR_INIT;
    arena_init(&a, 1 << 20);
    msg_collect_init(&collect, &a);
    struct event_decoder *d = ops->decoder_new(kind());
    for (size_t i = 0; i < ARRAY_LEN(stream); i++) {
        const struct sse_event ev = {.id = str_of(stream[i].kind),
                                     .event = str_of(stream[i].type),
                                     .data = str_of(json(stream[i].data)),
                                     .has_data = true};
        assert_int_equal(ops->decode_event(d, &ev, on_delta, &collect, &e), ERR_OK);
    }
    check_reply(msg_collect_reply(&collect));
    ops->decoder_free(&d);
    msg_collect_release(&collect);
    read_whole(ops, kind(), json(whole), &a, &r);
    check_reply(&r);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_url_holds_the_model_and_the_method),
        cmocka_unit_test(roles_are_made_to_fit),
        cmocka_unit_test(media_are_data),
        cmocka_unit_test(calls_and_results_belong_together),
        cmocka_unit_test(ids_of_mistral_have_nine_characters),
        cmocka_unit_test(caches_are_marked_behind_what_is_kept),
        cmocka_unit_test(tools_and_their_choice),
        cmocka_unit_test(structured_output_is_made_to_fit),
        cmocka_unit_test(effort_is_said_as_the_model_knows_it),
        cmocka_unit_test(sampling_keeps_to_its_range),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(too_many_media_are_refused),
        cmocka_unit_test(who_can_hear_is_told),
        cmocka_unit_test(an_event_says_what_it_holds),
        cmocka_unit_test(finishes_have_their_meaning),
        cmocka_unit_test(usage_is_disjoint),
        cmocka_unit_test(openai_models_count_the_cache_inside_in_streams_only),
        cmocka_unit_test(every_exception_has_its_class),
        cmocka_unit_test(bad_answers_are_errors),
        cmocka_unit_test(a_stop_sequence_is_told),
        cmocka_unit_test(streams_and_whole_answers_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
