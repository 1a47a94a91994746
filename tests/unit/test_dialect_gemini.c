/*
 * test_dialect_gemini.c: Gemini as a provider: where it is asked, what it is asked, what its
 * answers mean. JSON stands here with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/jscan.h"
#include "core/sse.h"

#include "broker/dialect.h"
#include "tests/unit/dialect_test.h"

#include <cmocka.h>

static const struct dialect_ops *const ops = &dialect_gemini;

static const struct provider_kind *kind(void)
{
    return provider_kind_find(STR("gemini"));
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
        {"gemini-3.8-flash", false, "/models/gemini-3.8-flash:generateContent"},
        {"gemini-3.8-flash", true,
         "/models/gemini-3.8-flash:streamGenerateContent?alt=sse"},
        {"models/gemini-2.5-pro", false, "/models/gemini-2.5-pro:generateContent"},
        {"a/../b?c", false, "/models/a%2F..%2Fb%3Fc:generateContent"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(4096);
        ops->path(kind(), str_of(rows[i].model), rows[i].stream, &out);
        assert_string_equal(out.data, rows[i].path);
    }
}

/* ---- what is asked ---- */

struct crossing {
    const char *model;
    const char *in, *want;
    const char *dropped; /* joined by commas; NULL: none */
};

static struct target_caps target(const char *kind_name, const char *model)
{
    return (struct target_caps){.kind = provider_kind_find(str_of(kind_name)),
                                .model = str_of(model)};
}

static void check_from(enum dialect from, const char *kind_name,
                       const struct crossing *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct target_caps caps = target(kind_name, rows[i].model);
        check_crossing(from, ops, &caps, rows[i].in, rows[i].want, rows[i].dropped);
    }
}

static void check(enum dialect from, const struct crossing *rows, size_t n)
{
    check_from(from, "gemini", rows, n);
}

#define OC(rest) "{'model':'x','messages':[" rest "}"
#define HI       "{'role':'user','content':'hi'}]"
#define AN(rest) "{'model':'x','max_tokens':900,'messages':[" rest "}"
#define USER(p)  "{'role':'user','parts':[" p "]}"
#define MODEL(p) "{'role':'model','parts':[" p "]}"
#define TEXT(t)  "{'text':'" t "'}"
/* contents, what follows them, generationConfig */
#define GE(contents, more, config)                                                       \
    "{'contents':[" contents "]" more ",'generationConfig':{" config "},'store':false}"
#define GE_HI(more, config) GE(USER(TEXT("hi")), more, config)

static void roles_are_made_to_fit(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {"gemini-3.8-flash", OC(HI), GE_HI("", ""), NULL},
        /* leading system texts are one; later ones are wrapped; neighbours merge */
        {"gemini-3.8-flash", OC("{'role':'system','content':'Be brief.'},"
         "{'role':'developer','content':'Be exact.'},{'role':'user','content':'a'},"
         "{'role':'system','content':'Now.'},{'role':'user','name':'Ann','content':'b'}]"),
         GE(USER(TEXT("a") "," TEXT("<system>Now.</system>") "," TEXT("Ann: b")),
            ",'systemInstruction':{'parts':[" TEXT("Be brief.\\n\\nBe exact.") "]}", ""), NULL},
        /* the first turn must be the user's; empty texts are left out */
        {"gemini-2.5-pro", OC("{'role':'assistant','content':'a'},{'role':'user',"
         "'content':' '},{'role':'assistant','content':'b'}]"),
         GE(USER(TEXT(".")) "," MODEL(TEXT("a") "," TEXT("b")), "", ""), NULL},
        {"gemini-2.5-pro", OC("{'role':'user','content':''}]"), GE(USER(TEXT(".")), "", ""),
         NULL},
        /* the last may be the model's up to 3.5-flash */
        {"gemini-3.5-flash", OC("{'role':'user','content':'a'},{'role':'assistant',"
         "'content':'b'}]"), GE(USER(TEXT("a")) "," MODEL(TEXT("b")), "", ""), NULL},
        {"gemini-3.5-flash-lite", OC("{'role':'user','content':'a'},{'role':'assistant',"
         "'content':'b'}]"),
         GE(USER(TEXT("a")) "," MODEL(TEXT("b")) "," USER(TEXT("Continue.")), "", ""), NULL},
        {"gemini-4-argon", OC("{'role':'user','content':'a'},{'role':'assistant',"
         "'content':'b'}]"),
         GE(USER(TEXT("a")) "," MODEL(TEXT("b")) "," USER(TEXT("Continue.")), "", ""), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void media_are_data(void **state)
{
    (void)state;
#define IMAGE_URL(u)     "{'type':'image_url','image_url':{'url':'" u "'}}"
#define BLOB(mime, data) "{'inlineData':{'mimeType':'" mime "','data':'" data "'}}"
    /* clang-format off */
    static const struct crossing rows[] = {
        /* labels lie: the first bytes do not */
        {"gemini-3.8-flash", OC("{'role':'user','content':[{'type':'text','text':'a'},"
         IMAGE_URL("data:image/gif;base64,iVBORw0KGgoAAAA") "]}]"),
         GE(USER(TEXT("a") "," BLOB("image/png", "iVBORw0KGgoAAAA")), "", ""), NULL},
        {"gemini-3.8-flash", OC("{'role':'user','content':["
         IMAGE_URL("data:image/heic;base64,AAAA") "]}]"),
         GE(USER(BLOB("image/heic", "AAAA")), "", ""), NULL},
        {"gemini-3.8-flash", OC("{'role':'user','content':[{'type':'input_audio',"
         "'input_audio':{'data':'AA','format':'wav'}},{'type':'file','file':{'filename':'f.pdf',"
         "'file_data':'data:application/pdf;base64,BB'}}]}]"),
         GE(USER(BLOB("audio/wav", "AA") "," BLOB("application/pdf", "BB")), "", ""), NULL},
        {"gemini-3.8-flash", OC("{'role':'user','content':["
         IMAGE_URL("https://generativelanguage.googleapis.com/v1beta/files/f1") "]}]"),
         GE(USER("{'fileData':{'fileUri':"
            "'https://generativelanguage.googleapis.com/v1beta/files/f1'}}"), "", ""), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

#define CALL(id, name, args)                                                             \
    "{'functionCall':{'id':'" id "','name':'" name "','args':" args "}"
#define RESULT(id, name, key, text)                                                      \
    "{'functionResponse':{'id':'" id "','name':'" name "','response':{'" key "':'" text  \
    "'}}}"
#define SKIP ",'thoughtSignature':'skip_thought_signature_validator'}"
#define OC_CALL(id, name, args)                                                          \
    "{'id':'" id "','type':'function','function':{'name':'" name "','arguments':'" args  \
    "'}}"

static void calls_and_results_belong_together(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        /* results in the order of their calls, before the text; the first call is signed */
        {"gemini-3.8-flash", OC("{'role':'user','content':'a'},{'role':'assistant',"
         "'content':'So.','tool_calls':[" OC_CALL("c:1", "tide", "{}") ","
         OC_CALL("c2", "7zip", "oops") "," OC_CALL("c3", "now", "") "]},"
         "{'role':'tool','tool_call_id':'c3','content':'3'},"
         "{'role':'tool','tool_call_id':'c:1','content':'1'},"
         "{'role':'tool','tool_call_id':'c2','content':'2'},{'role':'user','content':'b'}]"),
         GE(USER(TEXT("a")) "," MODEL(TEXT("So.") "," CALL("c:1", "tide", "{}") SKIP ","
            CALL("c2", "_.7zip", "{'_raw':'oops'}") "}," CALL("c3", "now", "{}") "}") ","
            USER(RESULT("c:1", "tide", "output", "1") "," RESULT("c2", "_.7zip", "output", "2")
            "," RESULT("c3", "now", "output", "3") "," TEXT("b")), "", ""), NULL},
        /* older models check no signature */
        {"gemini-2.5-flash", OC("{'role':'user','content':'a'},{'role':'assistant',"
         "'content':null,'tool_calls':[" OC_CALL("c1", "tide", "{}") "]},"
         "{'role':'tool','tool_call_id':'c1','content':'1'}]"),
         GE(USER(TEXT("a")) "," MODEL(CALL("c1", "tide", "{}") "}") ","
            USER(RESULT("c1", "tide", "output", "1")), "", ""), NULL},
    };
    static const struct crossing from_anthropic[] = {
        {"gemini-3.8-flash", AN("{'role':'user','content':'a'},{'role':'assistant','content':["
         "{'type':'thinking','thinking':'hm','signature':'S'},"
         "{'type':'tool_use','id':'t1','name':'tide','input':{'a':1}}]},{'role':'user','content':["
         "{'type':'tool_result','tool_use_id':'t1','is_error':true,'content':["
         "{'type':'text','text':'no'},{'type':'image','source':{'type':'base64',"
         "'media_type':'image/png','data':'iVBORw0KGgo'}}]}]}]"),
         GE(USER(TEXT("a")) "," MODEL(CALL("t1", "tide", "{'a':1}") SKIP) ","
            USER("{'functionResponse':{'id':'t1','name':'tide','response':{'error':'no'},"
            "'parts':[" BLOB("image/png", "iVBORw0KGgo") "]}}"), "", "'maxOutputTokens':900"),
         NULL},
        {"gemini-2.5-flash", AN("{'role':'user','content':'a'},{'role':'assistant','content':["
         "{'type':'tool_use','id':'t1','name':'tide','input':{}}]},{'role':'user','content':["
         "{'type':'tool_result','tool_use_id':'t1','content':["
         "{'type':'image','source':{'type':'base64',"
         "'media_type':'image/png','data':'iVBORw0KGgo'}}]}]}]"),
         GE(USER(TEXT("a")) "," MODEL(CALL("t1", "tide", "{}") "}") ","
            USER(RESULT("t1", "tide", "output", "") "," BLOB("image/png", "iVBORw0KGgo")), "",
            "'maxOutputTokens':900"), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    check(DIALECT_ANTHROPIC, from_anthropic, ARRAY_LEN(from_anthropic));
}

static void a_known_signature_comes_back_with_its_call(void **state)
{
    (void)state;
    struct msg_part call = {.kind = MSG_TOOL_CALL,
                            .id = STR("c1"),
                            .name = STR("f"),
                            .signature = STR("U0lH")};
    struct msg_part result = {.kind = MSG_TOOL_RESULT, .id = STR("c1"), .text = STR("1")};
    struct msg_turn turns[] = {{.role = MSG_ASSISTANT, .parts = &call, .n_parts = 1},
                               {.role = MSG_TOOL, .parts = &result, .n_parts = 1}};
    const struct msg_request m = {
        .turns = turns, .n_turns = 2, .max_output_tok = -1, .parallel_tools = -1, .n = 1};
    const struct target_caps caps = {.kind = kind(), .model = STR("gemini-4-argon")};
    struct dropped d = {.n = 0};
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(4096);
    assert_int_equal(ops->request_encode(&m, &caps, &out, &d, &e), ERR_OK);
    assert_non_null(strstr(out.data, json("'thoughtSignature':'U0lH'")));
    assert_null(strstr(out.data, "skip_thought"));
}

#define TOOL_F "'tools':[{'type':'function','function':{'name':'f','parameters':{}}}]"
#define GE_F                                                                             \
    ",'tools':[{'functionDeclarations':[{'name':'f','parametersJsonSchema':{}}]}]"
#define MODE(m) GE_F ",'toolConfig':{'functionCallingConfig':{'mode':'" m "'}}"

#define TOOLS_FG                                                                         \
    "'tools':[{'type':'function','function':{'name':'f','parameters':{}}},"              \
    "{'type':'function','function':{'name':'g'}}]"
#define GE_FG                                                                            \
    ",'tools':[{'functionDeclarations':[{'name':'f','parametersJsonSchema':{}},"         \
    "{'name':'g'}]}]"
#define SOME(mode, name)                                                                 \
    "{'type':'allowed_tools','allowed_tools':{'mode':'" mode "','tools':["               \
    "{'type':'function','function':{'name':'" name "'}}]}}"

static void tools_and_their_choice(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {"gemini-3.8-flash", OC(HI "," TOOL_F), GE_HI(GE_F, ""), NULL},
        {"gemini-3.8-flash", OC(HI "," TOOL_F ",'tool_choice':'auto'"),
         GE_HI(MODE("AUTO"), ""), NULL},
        {"gemini-3.8-flash", OC(HI "," TOOL_F ",'tool_choice':'none'"),
         GE_HI(MODE("NONE"), ""), NULL},
        {"gemini-3.8-flash", OC(HI "," TOOL_F ",'tool_choice':'required'"),
         GE_HI(MODE("ANY"), ""), NULL},
        {"gemini-3.8-flash", OC(HI "," TOOL_F ",'parallel_tool_calls':false,"
         "'tool_choice':{'type':'function','function':{'name':'f'}}"),
         GE_HI(GE_F ",'toolConfig':{'functionCallingConfig':{'mode':'ANY',"
         "'allowedFunctionNames':['f']}}", ""), "parallel_tool_calls"},
        /* some of the tools: all are listed still, and named are those that may be called */
        {"gemini-3.8-flash", OC(HI "," TOOLS_FG ",'tool_choice':" SOME("required", "g")),
         GE_HI(GE_FG ",'toolConfig':{'functionCallingConfig':{'mode':'ANY',"
         "'allowedFunctionNames':['g']}}", ""), NULL},
        {"gemini-3.8-flash", OC(HI "," TOOLS_FG ",'tool_choice':" SOME("auto", "f")),
         GE_HI(GE_FG ",'toolConfig':{'functionCallingConfig':{'mode':'VALIDATED',"
         "'allowedFunctionNames':['f']}}", ""), NULL},
        {"gemini-2.0-flash", OC(HI "," TOOLS_FG ",'tool_choice':" SOME("auto", "f")),
         GE_HI(MODE("AUTO"), ""), NULL},
        {"gemini-3.8-flash", OC(HI "," TOOLS_FG ",'tool_choice':" SOME("auto", "h")),
         GE_HI("", ""), NULL},
        {"gemini-3.8-flash", OC(HI ",'tools':[{'type':'function','function':{'name':'-f',"
         "'description':'d','strict':true}}]"),
         GE_HI(",'tools':[{'functionDeclarations':[{'name':'_.-f','description':'d'}]}]", ""),
         "strict"},
    };
    static const struct crossing vertex[] = { /* there it has no word for "auto" of some */
        {"gemini-3.8-flash", OC(HI "," TOOLS_FG ",'tool_choice':" SOME("auto", "f")),
         "{'contents':[" USER(TEXT("hi")) "]" MODE("AUTO") ",'generationConfig':{}}", NULL},
        {"gemini-3.8-flash", OC(HI "," TOOLS_FG ",'tool_choice':" SOME("required", "f")),
         "{'contents':[" USER(TEXT("hi")) "]" GE_FG ",'toolConfig':{'functionCallingConfig':{"
         "'mode':'ANY','allowedFunctionNames':['f']}},'generationConfig':{}}", NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    check_from(DIALECT_OPENAI, "vertex", vertex, ARRAY_LEN(vertex));
}

#define FORMAT(schema)                                                                   \
    "'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':" schema \
    "}}"
#define GE_JSON "'responseMimeType':'application/json'"

static void structured_output_is_made_to_fit(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {"gemini-3.8-flash", OC(HI ",'response_format':{'type':'json_object'}"),
         GE_HI("", GE_JSON), NULL},
        /* definitions stand where they are meant, and what is no keyword there is named */
        {"gemini-3.8-flash", OC(HI "," FORMAT("{'$schema':'s','type':'object','properties':{"
         "'a':{'$ref':'#/$defs/A','description':'mine'},'b':{'allOf':[{'$ref':"
         "'#/definitions/B'}]},'c':{'const':1},'d':{'type':'string','pattern':'x',"
         "'minLength':2}},'$defs':{'A':{'type':'string','description':'its'}},"
         "'definitions':{'B':{'type':'integer','minimum':3}}}")),
         GE_HI("", GE_JSON ",'responseJsonSchema':{'type':'object','properties':{"
         "'a':{'description':'mine','type':'string'},'b':{'type':'integer','minimum':3},"
         "'c':{'enum':[1]},'d':{'type':'string'}}}"), "schema.pattern,schema.minLength"},
        /* with tools, older models are told in words */
        {"gemini-2.5-flash", OC(HI "," TOOL_F "," FORMAT("{'type':'object'}")),
         GE_HI(",'systemInstruction':{'parts':[" TEXT("Answer with one JSON object and nothing "
         "else. It must be valid under this JSON Schema: {\\'type\\':\\'object\\'}") "]}" GE_F,
         ""), "response_format"},
        {"gemini-3.8-flash", OC(HI "," TOOL_F "," FORMAT("{'type':'object'}")),
         GE_HI(GE_F, GE_JSON ",'responseJsonSchema':{'type':'object'}"), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void effort_becomes_a_budget_or_a_level(void **state)
{
    (void)state;
    /* Source of the rows: the table of efforts in llmgw-protocol(7). */
    static const struct {
        const char *model, *effort, *want; /* NULL: no thinkingConfig */
    } rows[] = {
        {"gemini-2.5-pro", "none", "{'thinkingBudget':128}"},
        {"gemini-2.5-pro", "xhigh", "{'includeThoughts':true,'thinkingBudget':32768}"},
        {"gemini-2.5-flash", "none", "{'thinkingBudget':0}"},
        {"gemini-2.5-flash", "minimal", "{'includeThoughts':true,'thinkingBudget':1024}"},
        {"gemini-2.5-flash", "low", "{'includeThoughts':true,'thinkingBudget':1024}"},
        {"gemini-2.5-flash", "medium", "{'includeThoughts':true,'thinkingBudget':8192}"},
        {"gemini-2.5-flash", "high", "{'includeThoughts':true,'thinkingBudget':24576}"},
        {"gemini-2.5-flash", "max", "{'includeThoughts':true,'thinkingBudget':24576}"},
        {"gemini-2.5-flash-lite", "low",
         "{'includeThoughts':true,'thinkingBudget':1024}"},
        {"gemini-3-pro-preview", "none", "{'thinkingLevel':'LOW'}"},
        {"gemini-3-pro-preview", "medium",
         "{'includeThoughts':true,'thinkingLevel':'HIGH'}"},
        {"gemini-3.1-pro", "medium", "{'includeThoughts':true,'thinkingLevel':'MEDIUM'}"},
        {"gemini-3.8-flash", "none", "{'thinkingLevel':'MINIMAL'}"},
        {"gemini-3.8-flash", "minimal",
         "{'includeThoughts':true,'thinkingLevel':'MINIMAL'}"},
        {"gemini-3.8-flash", "xhigh", "{'includeThoughts':true,'thinkingLevel':'HIGH'}"},
        {"gemini-4-argon", "none", "{'thinkingLevel':'LOW'}"},
        {"gemini-4-argon", "medium", "{'includeThoughts':true,'thinkingLevel':'MEDIUM'}"},
        {"gemini-4-neon", "xhigh", "{'includeThoughts':true,'thinkingLevel':'XHIGH'}"},
        {"gemini-flash-latest", "low", "{'includeThoughts':true,'thinkingLevel':'LOW'}"},
        {"gemini-2.0-flash", "none", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char in[256], want[256];
        snprintf(in, sizeof in, OC(HI ",'reasoning_effort':'%s'"), rows[i].effort);
        snprintf(want, sizeof want, GE_HI("", "%s%s"),
                 rows[i].want != NULL ? "'thinkingConfig':" : "",
                 rows[i].want != NULL ? rows[i].want : "");
        const struct crossing c = {rows[i].model, in, want, NULL};
        check(DIALECT_OPENAI, &c, 1);
    }
    /* clang-format off */
    static const struct crossing others[] = {
        {"gemini-2.0-flash", OC(HI ",'reasoning_effort':'low'"), GE_HI("", ""),
         "reasoning_effort"},
        /* the cap holds thoughts too, and must leave room for the answer */
        {"gemini-2.5-flash", OC(HI ",'reasoning_effort':'high','max_completion_tokens':700"),
         GE_HI("", "'maxOutputTokens':700,'thinkingConfig':{'includeThoughts':true,"
         "'thinkingBudget':699}"), NULL},
    };
    static const struct crossing budgets[] = {
        {"gemini-2.5-pro", "{'model':'x','max_tokens':4000,'thinking':{'type':'enabled',"
         "'budget_tokens':3000},'messages':[" HI "}",
         GE_HI("", "'maxOutputTokens':4000,'thinkingConfig':{'includeThoughts':true,"
         "'thinkingBudget':3000}"), NULL},
        {"gemini-3.8-flash", "{'model':'x','max_tokens':4000,'thinking':{'type':'enabled',"
         "'budget_tokens':3000},'messages':[" HI "}",
         GE_HI("", "'maxOutputTokens':4000,'thinkingConfig':{'includeThoughts':true,"
         "'thinkingLevel':'MEDIUM'}"), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, others, ARRAY_LEN(others));
    check(DIALECT_ANTHROPIC, budgets, ARRAY_LEN(budgets));
}

static void sampling_keeps_to_its_range(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {"gemini-3.8-flash", OC(HI ",'temperature':0.70,'top_p':1.0,'presence_penalty':-3,"
         "'frequency_penalty':0.5,'seed':7,'stop':['a','b']"),
         GE_HI("", "'temperature':0.70,'topP':1.0,'frequencyPenalty':0.5,"
         "'presencePenalty':-2,'seed':7,'stopSequences':['a','b']"), NULL},
        {"gemini-4-argon", OC(HI ",'temperature':0.7,'top_p':1,'presence_penalty':1,'seed':7"),
         GE_HI("", "'seed':7"), "temperature,top_p,presence_penalty"},
        {"gemini-3.8-flash", OC(HI ",'seed':9007199254740993"), GE_HI("", ""), "seed"},
        {"gemini-3.8-flash", OC(HI ",'service_tier':'flex','user':'u'"),
         "{'contents':[" USER(TEXT("hi")) "],'generationConfig':{},'serviceTier':'flex',"
         "'store':false}", "user"},
        {"gemini-3.8-flash", OC(HI ",'service_tier':'scale'"), GE_HI("", ""), "service_tier"},
        {"gemini-3.8-flash", OC(HI ",'logit_bias':{'1':2}"), GE_HI("", ""), "logit_bias"},
    };
    static const struct crossing from_anthropic[] = {
        {"gemini-3.8-flash", "{'model':'x','max_tokens':900,'top_k':40,'stop_sequences':["
         "'1','2','3','4','5','6'],'system':[{'type':'text','text':'s',"
         "'cache_control':{'type':'ephemeral'}}],'messages':[" HI "}",
         GE_HI(",'systemInstruction':{'parts':[" TEXT("s") "]}",
         "'maxOutputTokens':900,'topK':40,'stopSequences':['1','2','3','4','5']"),
         "cache_control,stop.5"},
    };
    static const struct crossing vertex[] = {
        /* files of its own say what they are; the end user is a label */
        {"gemini-3.8-flash", OC("{'role':'user','content':[" IMAGE_URL("gs://b/a.JPG") "]}],"
         "'user':'user-7_a'"),
         "{'contents':[" USER("{'fileData':{'fileUri':'gs://b/a.JPG','mimeType':'image/jpeg'}}")
         "],'generationConfig':{},'labels':{'user_id':'user-7_a'}}", NULL},
        {"gemini-3.8-flash", OC(HI ",'user':'Ann@x'"),
         "{'contents':[" USER(TEXT("hi")) "],'generationConfig':{}}", "user"},
        {"gemini-3.8-flash", OC(HI ",'service_tier':'flex'"),
         "{'contents':[" USER(TEXT("hi")) "],'generationConfig':{}}", "service_tier"},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    check(DIALECT_ANTHROPIC, from_anthropic, ARRAY_LEN(from_anthropic));
    check_from(DIALECT_OPENAI, "vertex", vertex, ARRAY_LEN(vertex));
}

static void what_cannot_be_said_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in, *field;
    } rows[] = {
        {OC(HI ",'n':9"), "n: "},
        {OC("{'role':'user','content':[" IMAGE_URL("https://x.example/a.png") "]}]"),
         "image_url: "},
        {OC("{'role':'user','content':'a'},{'role':'assistant','content':null,"
            "'tool_calls':[" OC_CALL("c1", "f", "{}") "]}]"),
         "messages: "},
        {OC("{'role':'user','content':'a'},{'role':'assistant','content':null,"
            "'tool_calls':[" OC_CALL("c1", "f",
                                     "{}") "]},{'role':'user','content':'b'}]"),
         "messages: "},
        {OC("{'role':'user','content':'a'},{'role':'tool','tool_call_id':'c1',"
            "'content':'1'}]"),
         "messages: "},
        {OC("{'role':'user','content':'a'},{'role':'assistant','content':null,"
            "'tool_calls':[" OC_CALL(
                "c1", "f", "{}") "]},"
                                 "{'role':'tool','tool_call_id':'c2','content':'1'}]"),
         "messages: "},
        {OC(HI "," FORMAT("{'type':'object','properties':{'a':{'$ref':'#'}}}")),
         "schema: "},
        {OC(HI "," FORMAT("{'$ref':'#/$defs/A','$defs':{'A':{'anyOf':[{'$ref':"
                          "'#/$defs/A'},{'$ref':'#/$defs/A'}]}}}")),
         "schema: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct target_caps caps = target("gemini", "gemini-3.8-flash");
        check_refused(DIALECT_OPENAI, ops, &caps, rows[i].in, rows[i].field);
    }
}

/* Gemini 4 gives one, and what has no number is of the latest. */
static void several_answers_are_asked_for_where_they_are_given(void **state)
{
    (void)state;
    static const struct crossing rows[] = {
        {"gemini-3.8-flash", OC(HI ",'n':2"), GE_HI("", "'candidateCount':2"), NULL},
        {"gemini-2.0-flash", OC(HI ",'n':8"), GE_HI("", "'candidateCount':8"), NULL},
        {"gemini-4-argon", OC(HI ",'n':1"), GE_HI("", ""), NULL},
        /* each is checked here against what the target was not told of its schema */
        {"gemini-3.8-flash", OC(HI ",'n':2," FORMAT("{'type':'string','minLength':2}")),
         GE_HI("", GE_JSON ",'responseJsonSchema':{'type':'string'},'candidateCount':2"),
         "schema.minLength"},
    };
    static const char *const single[] = {"gemini-4-argon", "gemini-flash-latest",
                                         "gemma-3-27b"};
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(single); i++) {
        const struct target_caps caps = target("gemini", single[i]);
        check_refused(DIALECT_OPENAI, ops, &caps, OC(HI ",'n':2"), "n: ");
    }
}

/* ---- what is answered ---- */

#define CAND(parts)                                                                      \
    "'candidates':[{'content':{'role':'model','parts':[" parts "]},'index':0"
#define USAGE                                                                            \
    "'usageMetadata':{'promptTokenCount':212,'cachedContentTokenCount':128,"             \
    "'candidatesTokenCount':9,'thoughtsTokenCount':47,'totalTokenCount':268},"           \
    "'modelVersion':'gemini-3.8-flash','responseId':'aX9fZ'"
#define DATA(object) "data: " object "\r\n\r\n"

static unsigned scan(struct scan_state *s, const char *data, struct err *e)
{
    const struct sse_event ev = {.data = str_of(json(data)), .has_data = true};
    return ops->scan_event(s, &ev, e);
}

static void an_event_says_what_it_holds(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        unsigned flags;
    } rows[] = {
        {"{" CAND("{'text':'a'}") "}]}", EV_CONTENT},
        {"{" CAND("{'text':''}") "}]}", 0},
        {"{" CAND("{'text':'','thoughtSignature':'QQ=='}") "}]}", 0},
        {"{" CAND("{'text':'a','thought':true}") "}]}", EV_CONTENT | EV_REASONING},
        {"{" CAND("{'text':'','thought':true}") "}]}", EV_REASONING},
        {"{" CAND("{'functionCall':{'name':'f','args':{}}}") "}]}", EV_CONTENT | EV_TOOL},
        {"{" CAND("{'inlineData':{'mimeType':'image/png','data':'A'}}") "}]}",
         EV_CONTENT},
        {"{'candidates':[{'finishReason':'STOP','index':0}]," USAGE "}",
         EV_FINISH | EV_USAGE},
        {"{" CAND("{'text':'a'}") ",'finishReason':'STOP'}]," USAGE "}",
         EV_CONTENT | EV_FINISH | EV_USAGE},
        {"{" USAGE "}", EV_USAGE},
        {"{'candidates':[]}", 0},
        {"{'candidates':[{'content':{'role':'mod", EV_MALFORMED},
        {"[]", EV_MALFORMED},
        {"{'promptFeedback':{'blockReason':'SAFETY'}}", EV_ERROR},
        {"{'candidates':[{'finishReason':'MALFORMED_FUNCTION_CALL'}]}", EV_ERROR},
        {"{'error':{'code':503,'message':'m','status':'UNAVAILABLE'}}", EV_ERROR},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        ops->scan_init(&s, kind());
        if (scan(&s, rows[i].data, &e) != rows[i].flags)
            fail_msg("%s", rows[i].data);
    }
}

static void finishes_have_their_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum msg_finish finish, with_call;
    } rows[] = {
        {"STOP", MSG_FINISH_STOP, MSG_FINISH_TOOL},
        {"MAX_TOKENS", MSG_FINISH_LENGTH, MSG_FINISH_LENGTH},
        {"CONTINUATION", MSG_FINISH_LENGTH, MSG_FINISH_LENGTH},
        {"SAFETY", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"RECITATION", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"BLOCKLIST", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"PROHIBITED_CONTENT", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"SPII", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"LANGUAGE", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"IMAGE_SAFETY", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"IMAGE_PROHIBITED_CONTENT", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"IMAGE_RECITATION", MSG_FINISH_FILTERED, MSG_FINISH_FILTERED},
        {"OTHER", MSG_FINISH_UNKNOWN, MSG_FINISH_TOOL},
        {"NO_IMAGE", MSG_FINISH_UNKNOWN, MSG_FINISH_TOOL},
        {"what is to come", MSG_FINISH_UNKNOWN, MSG_FINISH_TOOL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        char data[256];
        snprintf(data, sizeof data, "{'candidates':[{'finishReason':'%s'}]}",
                 rows[i].word);
        ops->scan_init(&s, kind());
        assert_int_equal(scan(&s, data, &e), EV_FINISH);
        assert_int_equal(s.finish, rows[i].finish);
        assert_string_equal(s.finish_raw, rows[i].word);
        ops->scan_init(&s, kind());
        scan(&s, "{" CAND("{'functionCall':{'name':'f'}}") "}]}", &e);
        scan(&s, data, &e);
        assert_int_equal(s.finish, rows[i].with_call);
    }
}

static void the_last_usage_counts_and_no_other(void **state)
{
    (void)state;
    struct scan_state s;
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    scan(&s,
         "{" CAND("{'text':'a'}") "}],'usageMetadata':{'promptTokenCount':212,"
                                  "'candidatesTokenCount':4,'totalTokenCount':216}}",
         &e);
    assert_false(s.has_usage); /* not the whole of it yet */
    assert_int_equal(usage_output_tok(&s.usage), 4);
    scan(&s, "{'candidates':[{'finishReason':'STOP'}]," USAGE "}", &e);
    assert_true(s.has_usage);
    assert_false(s.usage_mismatch);
    /* cached inside the prompt, thoughts outside the candidates */
    assert_int_equal(s.usage.n[USAGE_INPUT], 84);
    assert_int_equal(s.usage.n[USAGE_CACHE_READ], 128);
    assert_int_equal(s.usage.n[USAGE_OUTPUT], 9);
    assert_int_equal(s.usage.n[USAGE_REASONING], 47);
    assert_string_equal(s.model, "gemini-3.8-flash");
    assert_string_equal(s.id, "aX9fZ");
}

static void a_tier_is_told_for_the_price(void **state)
{
    (void)state;
    struct scan_state s;
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    scan(&s,
         "{'candidates':[{'finishReason':'STOP'}],'usageMetadata':{'promptTokenCount':1,"
         "'candidatesTokenCount':1,'totalTokenCount':2,'serviceTier':'flex'}}",
         &e);
    assert_int_equal(s.n_services, 1);
    assert_true(str_eqz(s.services[0], "flex"));
}

static void failures_have_their_class(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum errc class;
        const char *code;
    } rows[] = {
        {"{'promptFeedback':{'blockReason':'MODEL_ARMOR','blockReasonMessage':'m'}}",
         ERR_FILTER, "MODEL_ARMOR"},
        {"{'promptFeedback':{'blockReason':'PROHIBITED_CONTENT'},'usageMetadata':"
         "{'promptTokenCount':4}}",
         ERR_FILTER, "PROHIBITED_CONTENT"},
        {"{'candidates':[{'finishReason':'MALFORMED_FUNCTION_CALL',"
         "'finishMessage':'print(1)'}]}",
         ERR_SERVER, "MALFORMED_FUNCTION_CALL"},
        {"{'candidates':[{'finishReason':'UNEXPECTED_TOOL_CALL'}]}", ERR_SERVER,
         "UNEXPECTED_TOOL_CALL"},
        {"{'error':{'code':503,'message':'m','status':'UNAVAILABLE'}}", ERR_OVERLOADED,
         "UNAVAILABLE"},
        {"[{'error':{'code':429,'message':'m','status':'RESOURCE_EXHAUSTED'}}]",
         ERR_RATE_LIMIT, "RESOURCE_EXHAUSTED"},
        {"{}", ERR_SERVER, ""},
        {"{'candidates':[]}", ERR_SERVER, ""},
        {"[]", ERR_SERVER, ""},
        {"nothing", ERR_SERVER, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct msg_reply r;
        struct arena a;
        struct err e = ERR_INIT, e2 = ERR_INIT;
        const char *body = json(rows[i].body);
        arena_init(&a, 1 << 20);
        ops->scan_init(&s, kind());
        assert_int_equal(ops->scan_reply(&s, str_of(body), &e), rows[i].class);
        assert_int_equal(e.code, rows[i].class);
        assert_string_equal(e.provider_code, rows[i].code);
        assert_int_equal(ops->reply_decode(str_of(body), kind(), &a, &r, &e2),
                         rows[i].class);
        arena_release(&a);
    }
}

/* ---- streams ---- */

/* What stands behind the last event is watched, too. */
static void watch_all(struct watched *w, const char *bytes, size_t step)
{
    watch(w, ops, kind(), bytes, step);
    const struct sse_event rest = {.raw = sse_rest(&w->sse)};
    w->flags |= ops->scan_event(&w->scan, &rest, &w->err);
}

static void check_reply(const struct msg_reply *r)
{
    assert_true(str_eqz(r->id, "aX9fZ"));
    assert_true(str_eqz(r->model, "gemini-3.8-flash"));
    assert_int_equal(r->finish, MSG_FINISH_TOOL);
    assert_true(str_eqz(r->finish_raw, "STOP"));
    assert_int_equal(usage_output_tok(&r->usage), 56);
    assert_int_equal(r->n_parts, 4);
    assert_int_equal(r->parts[0].kind, MSG_THINKING);
    assert_true(str_eqz(r->parts[0].text, "Checking the board"));
    assert_int_equal(r->parts[1].kind, MSG_TEXT);
    assert_true(str_eqz(r->parts[1].text, "14:20 from berth\n2."));
    check_call(&r->parts[2], "fc-1", "7zip", "{'to':'Sark'}");
    assert_true(str_eqz(r->parts[2].signature, "Qk9BVA=="));
    assert_true(str_eqz(r->parts[3].id, "call_aX9fZ_1")); /* made: it came without */
    assert_true(str_eqz(r->parts[3].args, "{}"));
    assert_int_equal(r->parts[3].signature.len, 0);
}

#define CALLS                                                                            \
    "{'functionCall':{'id':'fc-1','name':'_.7zip','args':{'to':'Sark'}},"                \
    "'thoughtSignature':'Qk9BVA=='},{'functionCall':{'name':'now'}}"

static void a_piece_of_an_answer_is_no_end(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        unsigned flags;
        enum msg_finish finish;
        const char *token;
    } rows[] = {
        {"{" CAND("{'text':'a'}") ",'finishReason':'CONTINUATION','continuationToken':'t/"
                                  "+='}]}",
         EV_CONTENT | EV_HOP, MSG_FINISH_NONE, "t/+="},
        /* all of it went to thinking */
        {"{'candidates':[{'finishReason':'CONTINUATION','continuationToken':'t'}]}",
         EV_HOP, MSG_FINISH_NONE, "t"},
        {"{" CAND("{'text':'a'}") ",'finishReason':'CONTINUATION'}]}",
         EV_CONTENT | EV_FINISH, MSG_FINISH_LENGTH, NULL},
        /* the cap is used up; raising it would go on */
        {"{" CAND(
             "{'text':'a'}") ",'finishReason':'MAX_TOKENS','continuationToken':'t'}]}",
         EV_CONTENT | EV_FINISH, MSG_FINISH_LENGTH, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        AUTO(buf_release) struct buf token = BUF_INIT(256);
        const struct sse_event ev = {.data = str_of(json(rows[i].data)),
                                     .has_data = true};
        struct arena a;
        struct msg_reply r;
        ops->scan_init(&s, kind());
        assert_int_equal(ops->scan_event(&s, &ev, &e), rows[i].flags);
        assert_int_equal(s.finish, rows[i].finish);
        if (rows[i].token != NULL) {
            ops->hop_token(&ev, &token);
            assert_string_equal(token.data, rows[i].token);
        }
        /* a whole answer has no pieces */
        arena_init(&a, 1 << 20);
        assert_int_equal(ops->reply_decode(ev.data, kind(), &a, &r, &e), ERR_OK);
        assert_int_equal(r.finish, MSG_FINISH_LENGTH);
        arena_release(&a);
    }
}

static void the_next_piece_is_asked_for_with_its_token(void **state)
{
    (void)state;
    for (int top = 0; top < 2; top++) {
        const struct target_caps caps = {.kind = kind(),
                                         .model = STR("gemini-4-argon"),
                                         .hop_token = STR("t/+="),
                                         .is_hop_on_top = top};
        check_crossing(DIALECT_OPENAI, ops, &caps, OC(HI),
                       top ? "{'contents':[" USER(
                                 TEXT("hi")) "],'generationConfig':{},"
                                             "'continuationToken':'t/+=','store':false}"
                           : GE_HI("", "'continuationToken':'t/+='"),
                       NULL);
    }
}

static void a_text_keeps_its_signature(void **state)
{
    (void)state;
    static const char *const streams[] = {
        DATA("{" CAND("{'text':'14:20 '}") "}]}") DATA("{" CAND(
            "{'text':'from 2','thoughtSignature':'WkVE'}") ",'finishReason':'STOP'}]}"),
        DATA("{" CAND("{'text':'14:20 from 2'}") "}]}") DATA("{" CAND(
            "{'text':'','thoughtSignature':'WkVE'}") ",'finishReason':'STOP'}]}"),
    };
    static const char whole[] = "{" CAND(
        "{'text':'14:20 from 2','thoughtSignature':'WkVE'}") ",'finishReason':'STOP'}]}";
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        struct watched w;
        watch_all(&w, json(streams[i]), 4096);
        const struct msg_reply *r = msg_collect_reply(&w.collect);
        assert_int_equal(r->n_parts, 1);
        assert_true(str_eqz(r->parts[0].text, "14:20 from 2"));
        assert_true(str_eqz(r->parts[0].signature, "WkVE"));
        unwatch(&w);
    }
    struct arena a;
    struct msg_reply r;
    struct err e = ERR_INIT;
    arena_init(&a, 1 << 20);
    assert_int_equal(ops->reply_decode(str_of(json(whole)), kind(), &a, &r, &e), ERR_OK);
    assert_true(str_eqz(r.parts[0].signature, "WkVE"));
    arena_release(&a);
}

static void streams_and_whole_answers_agree(void **state)
{
    (void)state;
    static const char stream[] =
        DATA("{" CAND("{'text':'Checking ','thought':true}") "}]," USAGE "}")
            DATA("{" CAND("{'text':'the board','thought':true}") "}]}")
                DATA("{" CAND("{'text':'14:20 from '}") "}]}")
                    DATA("{" CAND("{'text':'berth\\n2.'}") "}]}")
                        DATA("{" CAND(CALLS) "}]}") DATA("{" CAND(
                            "{'text':'','thoughtSignature':'WkVE'}") ",'finishReas"
                                                                     "on':'STOP'}]," USAGE
                                                                     "}");
    static const char whole[] = "{" CAND(
        "{'text':'Checking the board','thought':true},{'text':'14:20 from "
        "berth\\n2.'}," CALLS) ",'finishReason':'STOP','safetyRatings':[]}]," USAGE "}";
    for (size_t step = 1; step < 200; step += step < 8 ? 1 : 61) {
        struct watched w;
        watch_all(&w, json(stream), step);
        assert_int_equal(w.flags & EV_ERROR, 0);
        assert_int_equal(w.scan.finish, MSG_FINISH_TOOL);
        check_reply(msg_collect_reply(&w.collect));
        unwatch(&w);
    }
    struct arena a;
    struct msg_reply r;
    arena_init(&a, 1 << 20);
    read_whole(ops, kind(), json(whole), &a, &r);
    check_reply(&r);
    arena_release(&a);
}

#define ONE(index, parts, finish)                                                        \
    "{'content':{'role':'model','parts':[" parts "]}" finish index "}"
#define STOPS ",'finishReason':'STOP'"

static void check_choices(const struct msg_reply *r)
{
    assert_int_equal(r->n_more, 2);
    assert_int_equal(r->finish, MSG_FINISH_TOOL);
    assert_int_equal(r->n_parts, 2);
    assert_true(str_eqz(r->parts[0].text, "ab"));
    check_call(&r->parts[1], "call_aX9fZ_0", "f", "{}");
    const struct msg_reply *second = &r->more[0], *third = &r->more[1];
    assert_int_equal(second->finish, MSG_FINISH_TOOL);
    assert_int_equal(second->n_parts, 1);
    check_call(&second->parts[0], "call_aX9fZ_1", "g", "{}"); /* an id is given once */
    assert_int_equal(third->finish, MSG_FINISH_LENGTH);
    assert_true(str_eqz(third->parts[0].text, "no"));
}

/* In one chunk, or a chunk each; the index 0 may be left out. */
static void several_answers_are_kept_apart(void **state)
{
    (void)state;
    static const char f[] = "{'functionCall':{'name':'f'}}",
                      g[] = "{'functionCall':{'name':'g'}}",
                      max[] = ",'finishReason':'MAX_TOKENS'";
    char stream[2048], whole[2048];
    snprintf(
        stream, sizeof stream,
        DATA("{'candidates':[" ONE("", "{'text':'a'}", "") "," ONE(
            ",'index':2", "{'text':'n'}", "") "]," USAGE "}")
            DATA("{'candidates':[" ONE(",'index':0", "{'text':'b'},%s", STOPS) "]}")
                DATA("{'candidates':[" ONE(",'index':2", "{'text':'o'}", "%s") "," ONE(
                    ",'index':1", "%s", STOPS) "]," USAGE "}"),
        f, max, g);
    snprintf(whole, sizeof whole,
             "{'candidates':[" ONE("", "{'text':'ab'},%s", STOPS) "," ONE(
                 ",'index':1", "%s", STOPS) "," ONE(",'index':2", "{'text':'no'}",
                                                    "%s") "]," USAGE "}",
             f, g, max);
    for (size_t step = 1; step < 200; step += step < 8 ? 1 : 61) {
        struct watched w;
        watch_all(&w, json(stream), step);
        assert_true(scan_is_finished(&w.scan));
        check_choices(msg_collect_reply(&w.collect));
        unwatch(&w);
    }
    struct arena a;
    struct msg_reply r;
    arena_init(&a, 1 << 20);
    struct err e = ERR_INIT;
    assert_int_equal(ops->reply_decode(str_of(json(whole)), kind(), &a, &r, &e), ERR_OK);
    check_choices(&r);
    arena_release(&a);
    /* the first finish ends its own choice only */
    struct scan_state s;
    ops->scan_init(&s, kind());
    scan(&s,
         "{'candidates':[" ONE("", "{'text':'a'}", "") "," ONE(",'index':1",
                                                               "{'text':'n'}", "") "]}",
         &e);
    scan(&s, "{'candidates':[{'finishReason':'STOP'}]}", &e);
    assert_false(scan_is_finished(&s));
    scan(&s, "{'candidates':[{'index':1,'finishReason':'STOP'}]}", &e);
    assert_true(scan_is_finished(&s));
}

static void an_error_without_an_event_is_seen(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\n  'error': {\n    'code': 503,\n    'message': 'm',\n"
        "    'status': 'UNAVAILABLE'\n  }\n}\n",
        "[{\n  'error': {\n    'code': 503,\n    'message': 'm',\n"
        "    'status': 'UNAVAILABLE'\n  }\n}\n]",
        "{'error':{'code':503,'message':'m','status':'UNAVAILABLE'}}\n\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char bytes[1024];
        snprintf(bytes, sizeof bytes, DATA("{" CAND("{'text':'a'}") "}]}") "%s", rows[i]);
        for (size_t step = 1; step < 2000; step += 1000) {
            struct watched w;
            watch_all(&w, json(bytes), step);
            assert_int_equal(w.flags & EV_ERROR, EV_ERROR);
            assert_int_equal(w.err.code, ERR_OVERLOADED);
            assert_string_equal(w.err.provider_code, "UNAVAILABLE");
            unwatch(&w);
        }
    }
    struct watched w; /* half an event is no error, and no answer either */
    watch_all(&w, "data: {\"candi", 100);
    assert_int_equal(w.flags, EV_PING);
    unwatch(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_url_holds_the_model_and_the_method),
        cmocka_unit_test(roles_are_made_to_fit),
        cmocka_unit_test(media_are_data),
        cmocka_unit_test(calls_and_results_belong_together),
        cmocka_unit_test(a_known_signature_comes_back_with_its_call),
        cmocka_unit_test(tools_and_their_choice),
        cmocka_unit_test(structured_output_is_made_to_fit),
        cmocka_unit_test(effort_becomes_a_budget_or_a_level),
        cmocka_unit_test(sampling_keeps_to_its_range),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(several_answers_are_asked_for_where_they_are_given),
        cmocka_unit_test(several_answers_are_kept_apart),
        cmocka_unit_test(an_event_says_what_it_holds),
        cmocka_unit_test(finishes_have_their_meaning),
        cmocka_unit_test(the_last_usage_counts_and_no_other),
        cmocka_unit_test(a_tier_is_told_for_the_price),
        cmocka_unit_test(failures_have_their_class),
        cmocka_unit_test(a_piece_of_an_answer_is_no_end),
        cmocka_unit_test(the_next_piece_is_asked_for_with_its_token),
        cmocka_unit_test(a_text_keeps_its_signature),
        cmocka_unit_test(streams_and_whole_answers_agree),
        cmocka_unit_test(an_error_without_an_event_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
