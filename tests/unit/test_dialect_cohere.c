/*
 * test_dialect_cohere.c: Cohere as a provider: what it is asked, and what its answers mean. JSON
 * stands here with ' for ".
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

static const struct dialect_ops *const ops = &dialect_cohere;

static const struct provider_kind *kind(void)
{
    return provider_kind_find(STR("cohere"));
}

/* ---- what is asked ---- */

struct crossing {
    const char *in, *want;
    const char *dropped; /* joined by commas; NULL: none */
    unsigned caps_no;
};

static struct target_caps target(unsigned caps_no)
{
    return (struct target_caps){.kind = kind(),
                                .model = STR("command-a-plus-05-2026"),
                                .max_output_tok = 64000,
                                .caps_no = caps_no};
}

static void check(enum dialect from, const struct crossing *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct target_caps caps = target(rows[i].caps_no);
        check_crossing(from, ops, &caps, rows[i].in, rows[i].want, rows[i].dropped);
    }
}

#define OC(rest) "{'model':'x','messages':[" rest "}"
#define HI       "{'role':'user','content':'hi'}]"
#define AN(rest) "{'model':'x','max_tokens':900,'messages':[" rest "}"
#define TEXT(t)  "{'type':'text','text':'" t "'}"
#define USER(p)  "{'role':'user','content':[" p "]}"
#define BOT(p)   "{'role':'assistant','content':[" p "]}"
#define CO(messages, more)                                                               \
    "{'model':'command-a-plus-05-2026','messages':[" messages "]" more "}"
#define CO_HI(more) CO(USER(TEXT("hi")), more)

static void roles_are_made_to_fit(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {OC(HI), CO_HI(""), NULL, 0},
        /* leading system texts are one; later ones are wrapped */
        {OC("{'role':'system','content':'Be brief.'},{'role':'developer','content':'Be exact.'},"
         "{'role':'user','content':'a'},{'role':'system','content':'Now.'},"
         "{'role':'user','name':'Ann','content':'b'}]"),
         CO("{'role':'system','content':'Be brief.\\n\\nBe exact.'}," USER(TEXT("a")) ","
            USER(TEXT("<system>Now.</system>")) "," USER(TEXT("Ann: b")), ""), NULL, 0},
        /* an assistant may be last; what is empty is left out */
        {OC("{'role':'user','content':'a'},{'role':'user','content':' '},"
         "{'role':'assistant','content':'b'}]"),
         CO(USER(TEXT("a")) "," BOT(TEXT("b")), ""), NULL, 0},
        {OC("{'role':'user','content':''}]"),
         CO("{'role':'user','content':'.'}", ""), NULL, 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

#define IMAGE(u, rest) "{'type':'image_url','image_url':{'url':'" u "'" rest "}}"

static void images_pass_by_address_and_as_data(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {OC("{'role':'user','content':[" IMAGE("https://x.example/a.png", ",'detail':'low'") "]}]"),
         CO(USER(IMAGE("https://x.example/a.png", ",'detail':'low'")), ""), NULL, 0},
        /* labels lie: the first bytes do not */
        {OC("{'role':'user','content':[" IMAGE("data:image/gif;base64,iVBORw0KGgoAAAA", "") "]}]"),
         CO(USER(IMAGE("data:image/png;base64,iVBORw0KGgoAAAA", "")), ""), NULL, 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

#define CALL(id, name, args)                                                             \
    "{'id':'" id "','type':'function','function':{'name':'" name "','arguments':'" args  \
    "'}}"
#define RESULT(id, text) "{'role':'tool','tool_call_id':'" id "','content':'" text "'}"

#define FILE_OF(name, mime, data)                                                        \
    "{'type':'file','file':{'filename':'" name "','file_data':'data:" mime               \
    ";base64," data "'}}"

static void texts_are_documents(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        /* "tide: 17:42\n" and "a;b" */
        {OC("{'role':'user','content':[{'type':'text','text':'When?'},"
            FILE_OF("a.md", "text/markdown", "dGlkZTogMTc6NDIK") ","
            FILE_OF("", "text/csv", "YTti") "]}]"),
         CO(USER(TEXT("When?") "," TEXT("(document: a.md)") "," TEXT("(document: document)")),
            ",'documents':[{'id':'doc_0','data':{'title':'a.md','text':'tide: 17:42\\n'}},"
            "{'id':'doc_1','data':{'title':'document','text':'a;b'}}]"), NULL, 0},
        /* which bar a format */
        {OC("{'role':'user','content':[" FILE_OF("a", "application/json", "e30=") "]}],"
            "'response_format':{'type':'json_object'}"),
         CO("{'role':'system','content':'Answer with one JSON object and nothing else.'},"
            USER(TEXT("(document: a)")),
            ",'documents':[{'id':'doc_0','data':{'title':'a','text':'{}'}}]"),
         "response_format", 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void calls_and_results_stay_together(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {OC("{'role':'user','content':'a'},{'role':'assistant','content':'So.','tool_calls':["
         CALL("c:1", "tide", "{}") "," CALL("c2", "7-zip_x", "") "]},"
         RESULT("c:1", "1") "," RESULT("c2", "") ",{'role':'user','content':'b'}]"),
         CO(USER(TEXT("a")) ",{'role':'assistant','content':[" TEXT("So.") "],'tool_calls':["
            CALL("c:1", "tide", "{}") "," CALL("c2", "Z_7_dzip__x", "{}") "]},"
            RESULT("c:1", "1") "," RESULT("c2", "(nothing)") "," USER(TEXT("b")), ""), NULL, 0},
    };
    static const struct crossing from_anthropic[] = {
        {AN("{'role':'user','content':'a'},{'role':'assistant','content':["
         "{'type':'thinking','thinking':'hm','signature':'S'},"
         "{'type':'tool_use','id':'t1','name':'tide','input':{'a':1}}]},"
         "{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1','is_error':true,"
         "'content':[{'type':'text','text':'no'},{'type':'image','source':{'type':'base64',"
         "'media_type':'image/png','data':'iVBORw0KGgo'}}]}]}]"),
         CO(USER(TEXT("a")) ",{'role':'assistant','tool_calls':["
            CALL("t1", "tide", "{\\'a\\':1}") "]}," RESULT("t1", "Error: no") ","
            USER(IMAGE("data:image/png;base64,iVBORw0KGgo", "")), ",'max_tokens':900"), NULL, 0},
        {AN("{'role':'user','content':'a'},{'role':'assistant','content':["
         "{'type':'tool_use','id':'t1','name':'f','input':{}}]},"
         "{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1',"
         "'content':[{'type':'image','source':{'type':'base64',"
         "'media_type':'image/png','data':'iVBORw0KGgo'}}]},{'type':'text','text':'b'}]}]"),
         CO(USER(TEXT("a")) ",{'role':'assistant','tool_calls':[" CALL("t1", "f", "{}") "]},"
            RESULT("t1", "(see the next message)") ","
            USER(IMAGE("data:image/png;base64,iVBORw0KGgo", "")) "," USER(TEXT("b")),
            ",'max_tokens':900"), NULL, 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
    check(DIALECT_ANTHROPIC, from_anthropic, ARRAY_LEN(from_anthropic));
}

#define TOOL(name, more) "{'type':'function','function':{'name':'" name "'" more "}}"
#define P0               ",'parameters':{}"
#define STRICT                                                                           \
    ",'parameters':{'type':'object','properties':{},'required':[],"                      \
    "'additionalProperties':false}"

static void tools_and_their_choice(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {OC(HI ",'tools':[" TOOL("f", P0) "]"), CO_HI(",'tools':[" TOOL("f", P0) "]"), NULL, 0},
        {OC(HI ",'tools':[" TOOL("f", P0) "],'tool_choice':'auto'"),
         CO_HI(",'tools':[" TOOL("f", P0) "]"), NULL, 0},
        {OC(HI ",'tools':[" TOOL("f", P0) "],'tool_choice':'none'"),
         CO_HI(",'tools':[" TOOL("f", P0) "],'tool_choice':'NONE'"), NULL, 0},
        {OC(HI ",'tools':[" TOOL("f", P0) "],'tool_choice':'required'"),
         CO_HI(",'tools':[" TOOL("f", P0) "],'tool_choice':'REQUIRED'"), NULL, 0},
        /* some of the tools become the list */
        {OC(HI ",'tools':[" TOOL("g", "") "," TOOL("f", P0) "],'tool_choice':{'type':"
         "'allowed_tools','allowed_tools':{'mode':'required','tools':[{'type':'function',"
         "'function':{'name':'f'}}]}}"),
         CO_HI(",'tools':[" TOOL("f", P0) "],'tool_choice':'REQUIRED'"), NULL, 0},
        /* one tool cannot be named: it is the only one */
        {OC(HI ",'tools':[" TOOL("f", P0) "," TOOL("g-h", ",'description':'d'") "],"
         "'tool_choice':{'type':'function','function':{'name':'g-h'}},'parallel_tool_calls':false"),
         CO_HI(",'tools':[" TOOL("Z_g_dh", ",'description':'d'") "],'tool_choice':'REQUIRED'"),
         "parallel_tool_calls", 0},
        /* strictness is one switch for all */
        {OC(HI ",'tools':[" TOOL("f", ",'strict':true" STRICT) "]"),
         CO_HI(",'tools':[" TOOL("f", STRICT) "],'strict_tools':true"), NULL, 0},
        {OC(HI ",'tools':[" TOOL("f", ",'strict':true" STRICT) "," TOOL("g", "") "]"),
         CO_HI(",'tools':[" TOOL("f", STRICT) "," TOOL("g", "") "]"), "tools.strict", 0},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

#define FORMAT(schema)                                                                   \
    "'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':" schema \
    "}}"
#define WORDS        "Answer with one JSON object and nothing else."
#define SYSTEM(text) "{'role':'system','content':'" text "'}"

static void structured_output_is_made_to_fit(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        /* without a schema the prompt must ask for JSON, or the answer may run on */
        {OC(HI ",'response_format':{'type':'json_object'}"),
         CO(SYSTEM(WORDS) "," USER(TEXT("hi")), ",'response_format':{'type':'json_object'}"),
         NULL, 0},
        {OC(HI "," FORMAT("{'type':'object','properties':{'a':{'$ref':'#/$defs/A'}},"
         "'$defs':{'A':{'type':'integer','minimum':3}}}")),
         CO_HI(",'response_format':{'type':'json_object','json_schema':{'type':'object',"
         "'properties':{'a':{'type':'integer'}}}}"), "schema.minimum", 0},
        /* not with tools, and not where the model takes none: in words */
        {OC(HI ",'tools':[" TOOL("f", "") "]," FORMAT("{'type':'object'}")),
         CO(SYSTEM(WORDS " It must be valid under this JSON Schema: {\\'type\\':\\'object\\'}") ","
            USER(TEXT("hi")), ",'tools':[" TOOL("f", "") "]"), "response_format", 0},
        {OC(HI "," FORMAT("{'type':'object'}")),
         CO(SYSTEM(WORDS " It must be valid under this JSON Schema: {\\'type\\':\\'object\\'}") ","
            USER(TEXT("hi")), ""), "response_format", CAP_JSON_SCHEMA},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void effort_becomes_a_budget(void **state)
{
    (void)state;
#define EFFORT(e)   OC(HI ",'reasoning_effort':'" e "'")
#define THINKING(t) CO_HI(",'thinking':{'type':" t "}")
    /* clang-format off */
    static const struct crossing rows[] = {
        {EFFORT("none"), THINKING("'disabled'"), NULL, 0},
        {EFFORT("minimal"), THINKING("'enabled','token_budget':512"), NULL, 0},
        {EFFORT("low"), THINKING("'enabled','token_budget':1024"), NULL, 0},
        {EFFORT("medium"), THINKING("'enabled','token_budget':8192"), NULL, 0},
        {EFFORT("high"), THINKING("'enabled'"), NULL, 0},
        {EFFORT("xhigh"), THINKING("'enabled'"), NULL, 0},
        {EFFORT("high"), CO_HI(""), "reasoning_effort", CAP_REASONING},
        {EFFORT("none"), CO_HI(""), NULL, CAP_REASONING},
        /* the cap holds thoughts too: 1,000 stay for the answer, or half of it */
        {OC(HI ",'reasoning_effort':'high','max_completion_tokens':3000"),
         CO_HI(",'thinking':{'type':'enabled','token_budget':2000},'max_tokens':3000"), NULL, 0},
        {OC(HI ",'reasoning_effort':'medium','max_completion_tokens':700"),
         CO_HI(",'thinking':{'type':'enabled','token_budget':350},'max_tokens':700"), NULL, 0},
    };
    static const struct crossing budgets[] = {
        {"{'model':'x','max_tokens':9000,'thinking':{'type':'enabled','budget_tokens':3000},"
         "'messages':[" HI "}",
         CO_HI(",'thinking':{'type':'enabled','token_budget':3000},'max_tokens':9000"), NULL, 0},
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
        {OC(HI ",'temperature':1.7,'top_p':1.0,'frequency_penalty':0.50,'presence_penalty':-3,"
         "'seed':18446744073709551615,'stop':['a','b']"),
         CO_HI(",'temperature':1,'p':0.99,'frequency_penalty':0.50,"
         "'seed':18446744073709551615,'stop_sequences':['a','b']"), "presence_penalty", 0},
        {OC(HI ",'temperature':0.70,'top_p':0,'presence_penalty':-3,'seed':-1"),
         CO_HI(",'temperature':0.70,'p':0.01,'presence_penalty':0"), "seed", 0},
        {OC(HI ",'top_p':0.500,'max_completion_tokens':90000,'user':'u','service_tier':'flex',"
         "'logit_bias':{'1':2}"), CO_HI(",'max_tokens':64000,'p':0.500"),
         "user,service_tier,logit_bias", 0},
    };
    static const struct crossing from_anthropic[] = {
        {"{'model':'x','max_tokens':900,'top_k':900,'stop_sequences':['1','2','3','4','5','6'],"
         "'system':[{'type':'text','text':'s','cache_control':{'type':'ephemeral'}}],"
         "'service_tier':'standard_only','messages':[" HI "}",
         CO(SYSTEM("s") "," USER(TEXT("hi")), ",'max_tokens':900,'k':500,"
         "'stop_sequences':['1','2','3','4','5']"), "cache_control,stop.5", 0},
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
        {OC("{'role':'user','content':[{'type':'file','file':{'filename':'f.pdf',"
            "'file_data':'data:application/pdf;base64,BB'}}]}]"),
         "file: "},
        {OC("{'role':'user','content':[" FILE_OF("f.txt", "text/plain", "/w==") "]}]"),
         "file: "},
        {OC("{'role':'user','content':[" FILE_OF("f.txt", "text/plain", "a") "]}]"),
         "file: "},
        {OC("{'role':'user','content':[{'type':'input_audio','input_audio':{'data':'AA',"
            "'format':'wav'}}]}]"),
         "input_audio: "},
        {OC(HI ",'tools':[" TOOL("f", "") "],'tool_choice':{'type':'function',"
                                          "'function':{'name':'g'}}"),
         "tool_choice: "},
        {OC(HI "," FORMAT("{'type':'object','properties':{'a':{'$ref':'#'}}}")),
         "schema: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct target_caps caps = target(0);
        check_refused(DIALECT_OPENAI, ops, &caps, rows[i].in, rows[i].field);
    }
}

/* ---- what is answered ---- */

#define EVENT(type, rest)   "{'type':'" type "'" rest "}"
#define MESSAGE(type, rest) EVENT(type, ",'index':0,'delta':{'message':{" rest "}}")
#define END(word, rest)                                                                  \
    EVENT("message-end", ",'delta':{'finish_reason':'" word "'" rest "}")
#define USAGE                                                                            \
    "'usage':{'billed_units':{'input_tokens':14.0,'output_tokens':21},"                  \
    "'tokens':{'input_tokens':902,'output_tokens':25.0},'cached_tokens':864}"
#define ARGS(a)                                                                          \
    MESSAGE("tool-call-delta", "'tool_calls':{'function':{'arguments':'" a "'}}")

static unsigned scan(struct scan_state *s, const char *data, struct err *e)
{
    const struct sse_event ev = {.data = str_of(json(data)), .has_data = true};
    return ops->scan_event(s, &ev, e);
}

/* ---- what a text stands on ---- */

#define SOURCE                                                                           \
    "{'type':'document','id':'doc_1','document':{'id':'doc_1','title':'a.md','text':"    \
    "'tide: 17:42'}}"
#define CITED_RESULT "{'type':'tool','id':'tide_1:0','tool_output':{'high':'17:42'}}"
#define CITATION(type)                                                                   \
    "{'start':3,'end':8,'text':'17:42','sources':[" CITED_RESULT                         \
    ",{'type':'else','id':'x'},"                                                         \
    "{'type':'tool'}," SOURCE "],'type':'" type "'}"

static void citations_reach_clients_of_each_dialect(void **state)
{
    (void)state;
    static const char whole[] =
        "{'id':'x','finish_reason':'COMPLETE','message':{'role':'assistant','content':[{"
        "'type':'text','text':'At 17:42.'}],'citations':[" CITATION("PLAN") "," CITATION(
            "TEXT_CONTENT") "]}}";
    static const struct {
        const struct dialect_ops *client;
        const char *want;
    } rows[] = {
        {&dialect_openai,
         "'annotations':[{'type':'url_citation','url_citation':{'start_index':3,"
         "'end_index':8,'title':'tide_1:0','url':'tool:tide_1:0'}},"
         "{'type':'url_citation','url_citation':{'start_index':3,"
         "'end_index':8,'title':'a.md','url':'document:1'}}]"},
        {&dialect_responses,
         "'text':'At 17:42.','annotations':[{'type':'url_citation','start_index':3,"
         "'end_index':8,'title':'tide_1:0','url':'tool:tide_1:0'},"
         "{'type':'url_citation','start_index':3,'end_index':8,'title':'a.md','url':'"
         "document:1'}]"},
        {&dialect_anthropic,
         "{'type':'text','text':'At 17:42.','citations':[{'type':"
         "'search_result_location','cited_text':'{\\'high\\':\\'17:42\\'}',"
         "'source':'tool:tide_1:0','title':null,'search_result_index':0,"
         "'start_block_index':0,'end_block_index':1},{'type':'content_block_location','"
         "cited_text':'tide: 17:42','document_index':1,"
         "'document_title':'a.md','start_block_index':0,'end_block_index':1}]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct msg_reply r;
        struct err e = ERR_INIT;
        AUTO(buf_release) struct buf out = BUF_INIT(8192);
        const struct encode_ctx ctx = {.request_id = "1"};
        arena_init(&a, 1 << 20);
        assert_int_equal(ops->reply_decode(str_of(json(whole)), kind(), &a, &r, &e),
                         ERR_OK);
        rows[i].client->reply_encode(&r, &ctx, &out);
        if (strstr(out.data, json(rows[i].want)) == NULL)
            fail_msg("%s", out.data);
        arena_release(&a);
    }
}

static void citations_stay_in_order_and_with_their_text(void **state)
{
    (void)state;
    static const int documents[] = {4, 0, 7, 2, 9};
    struct arena a;
    struct msg_collect c;
    struct err e = ERR_INIT;
    arena_init(&a, 1 << 20);
    msg_collect_init(&c, &a);
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        const struct msg_citation cited = {.document = documents[i]};
        const struct msg_delta call = {.kind = MSG_D_CALL},
                               text = {.kind = MSG_D_TEXT, .text = STR("a")},
                               citation = {.kind = MSG_D_CITATION, .citation = &cited};
        if (i == 3) /* what follows a call is another text */
            assert_int_equal(msg_collect_delta(&c, &call, &e), ERR_OK);
        if (i == 0 || i == 3)
            assert_int_equal(msg_collect_delta(&c, &text, &e), ERR_OK);
        assert_int_equal(msg_collect_delta(&c, &citation, &e), ERR_OK);
    }
    const struct msg_reply *r = msg_collect_reply(&c);
    assert_int_equal(r->n_parts, 3);
    const struct msg_citation *at = r->parts[0].citations;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++, at = at->next) {
        if (i == 3) {
            assert_null(at);
            at = r->parts[2].citations;
        }
        assert_int_equal(at->document, documents[i]);
    }
    assert_null(at);
    msg_collect_release(&c);
    arena_release(&a);
}

static void an_event_says_what_it_holds(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        unsigned flags;
    } rows[] = {
        {EVENT("message-start", ",'id':'c1'"), 0},
        {MESSAGE("content-start", "'content':{'type':'text','text':''}"), 0},
        {MESSAGE("content-delta", "'content':{'text':'a'}"), EV_CONTENT},
        {MESSAGE("content-delta", "'content':{'thinking':'a'}"),
         EV_CONTENT | EV_REASONING},
        {MESSAGE("content-start", "'content':{'type':'thinking','thinking':''}"),
         EV_REASONING},
        {EVENT("content-end", ""), 0},
        {MESSAGE("tool-plan-delta", "'tool_plan':'I will'"), EV_CONTENT | EV_REASONING},
        {MESSAGE("tool-call-start", "'tool_calls':{'id':'a','function':{'name':'f'}}"),
         EV_CONTENT | EV_TOOL},
        {ARGS("{"), EV_CONTENT | EV_TOOL},
        {EVENT("tool-call-end", ",'index':0"), 0},
        {MESSAGE("citation-start", "'citations':{'start':0,'text':'x'}"), 0},
        {EVENT("debug", ",'prompt':'x'"), 0},
        {EVENT("what-is-to-come", ""), 0},
        {END("COMPLETE", "," USAGE), EV_FINISH | EV_USAGE | EV_END},
        {END("COMPLETE", ""), EV_FINISH | EV_END},
        {END("ERROR", "," USAGE), EV_ERROR | EV_USAGE},
        {END("TIMEOUT", ""), EV_ERROR},
        {"[DONE]", EV_END},
        {"{'type':'content-delta','del", EV_MALFORMED},
        {"{'delta':{}}", EV_MALFORMED},
        {"[]", EV_MALFORMED},
        {"{'id':'x','message':'too many tokens: 9'}", EV_ERROR},
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
        {"COMPLETE", MSG_FINISH_STOP, MSG_FINISH_TOOL},
        {"STOP_SEQUENCE", MSG_FINISH_STOP_SEQUENCE, MSG_FINISH_TOOL},
        {"MAX_TOKENS", MSG_FINISH_LENGTH, MSG_FINISH_LENGTH},
        {"TOOL_CALL", MSG_FINISH_TOOL, MSG_FINISH_TOOL},
        {"what is to come", MSG_FINISH_UNKNOWN, MSG_FINISH_TOOL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        char data[256];
        snprintf(data, sizeof data, END("%s", ""), rows[i].word);
        ops->scan_init(&s, kind());
        assert_int_equal(scan(&s, data, &e), EV_FINISH | EV_END);
        assert_int_equal(s.finish, rows[i].finish);
        assert_string_equal(s.finish_raw, rows[i].word);
        ops->scan_init(&s, kind());
        scan(&s, MESSAGE("tool-call-start", "'tool_calls':{'id':'a'}"), &e);
        scan(&s, data, &e);
        assert_int_equal(s.finish, rows[i].with_call);
    }
}

static void what_is_billed_is_counted(void **state)
{
    (void)state;
    struct scan_state s;
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    scan(&s, END("COMPLETE", "," USAGE), &e);
    assert_true(s.has_usage);
    assert_false(s.usage_mismatch);
    assert_int_equal(s.usage.n[USAGE_INPUT], 14); /* without the provider's preamble */
    assert_int_equal(s.usage.n[USAGE_OUTPUT], 21);
    assert_int_equal(s.usage.n[USAGE_CACHE_READ], 0); /* it was of the preamble */
    assert_false(usage_has(&s.usage, USAGE_REASONING));
}

static void failures_have_their_class(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum errc class;
        const char *code;
    } rows[] = {
        {"{'id':'x','message':'invalid api key'}", ERR_UPSTREAM_AUTH, ""},
        {"{'finish_reason':'ERROR','message':{}}", ERR_SERVER, "ERROR"},
        {"{'finish_reason':'TIMEOUT','message':{}}", ERR_TIMEOUT, "TIMEOUT"},
        {"{'finish_reason':'COMPLETE'}", ERR_SERVER, ""},
        {"{}", ERR_SERVER, ""},
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
    struct scan_state s; /* the text of an error in the stream says more than its word */
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    scan(&s, END("ERROR", ",'error':'the model is overloaded'"), &e);
    assert_int_equal(e.code, ERR_OVERLOADED);
}

static void every_status_has_its_class(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *message;
        enum errc class;
        enum err_origin origin;
    } rows[] = {
        {400, "invalid request", ERR_INVALID, ERR_BY_CLIENT},
        {400, "too many tokens: size limit exceeded", ERR_CONTEXT, ERR_BY_CLIENT},
        {401, "invalid api token", ERR_UPSTREAM_AUTH, ERR_BY_PROVIDER},
        {402, "Please add or update your payment method", ERR_QUOTA, ERR_BY_PROVIDER},
        {403, "forbidden", ERR_PERMISSION, ERR_BY_PROVIDER},
        {404, "model not found", ERR_NOT_FOUND, ERR_BY_PROVIDER},
        {422, "unprocessable", ERR_INVALID, ERR_BY_CLIENT},
        {429, "too many tokens: limit per minute", ERR_RATE_LIMIT, ERR_BY_PROVIDER},
        {429, "You are using a Trial key, which is limited to 20 API calls / minute.",
         ERR_RATE_LIMIT, ERR_BY_PROVIDER},
        {429, "You are using a Trial key, which is limited to 1000 API calls / month.",
         ERR_QUOTA, ERR_BY_PROVIDER},
        {498, "a deny-listed token", ERR_FILTER, ERR_BY_CLIENT},
        {499, "cancelled", ERR_CANCELLED, ERR_BY_CLIENT},
        {500, "internal", ERR_SERVER, ERR_BY_PROVIDER},
        {501, "not implemented", ERR_INVALID, ERR_BY_CLIENT},
        {503, "try later", ERR_OVERLOADED, ERR_BY_PROVIDER},
        {504, "gateway", ERR_TIMEOUT, ERR_BY_PROVIDER},
    };
    const int64_t now_us = 1795600000 * (int64_t)US_PER_S;
    const struct http1_header reset = {STR("x-ratelimit-reset"), STR("1795600012")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        char body[256];
        snprintf(body, sizeof body, "{\"id\":\"x\",\"message\":\"%s\"}", rows[i].message);
        ops->error_parse(kind(), rows[i].status, &reset, 1, str_of(body), now_us, &e);
        if (e.code != rows[i].class || e.origin != rows[i].origin)
            fail_msg("%d %s: %s", rows[i].status, rows[i].message, errc_name(e.code));
        if (e.code == ERR_RATE_LIMIT) /* seconds since 1970 */
            assert_int_equal(e.retry_after_us, 12 * US_PER_S);
    }
}

/* ---- streams ---- */

static void check_reply(const struct msg_reply *r)
{
    assert_true(str_eqz(r->id, "c1"));
    assert_int_equal(r->finish, MSG_FINISH_TOOL);
    assert_true(str_eqz(r->finish_raw, "TOOL_CALL"));
    assert_int_equal(usage_output_tok(&r->usage), 21);
    assert_int_equal(r->n_parts, 6);
    assert_int_equal(r->parts[0].kind, MSG_THINKING);
    assert_true(str_eqz(r->parts[0].text, "I will weigh it."));
    assert_int_equal(r->parts[1].kind, MSG_TEXT);
    assert_true(str_eqz(r->parts[1].text, "Two\nknots."));
    check_call(&r->parts[2], "a", "7-zip", "{'to':'Sark'}");
    /* without parameters there are nothing, "null" or both halves of it */
    check_call(&r->parts[3], "b", "now", "{}");
    check_call(&r->parts[4], "c", "now", "{}");
    check_call(&r->parts[5], "d", "Z_", "{}");
}

#define DATA(object) "data: " object "\n\n"
#define START(id, name, more)                                                            \
    DATA(MESSAGE("tool-call-start",                                                      \
                 "'tool_calls':{'id':'" id                                               \
                 "','type':'function','function':{'name':'" name "'" more "}}"))
#define CALL_END DATA(EVENT("tool-call-end", ",'index':0"))
#define WHOLE_CALL(id, name, args)                                                       \
    "{'id':'" id "','type':'function','function':{'name':'" name "','arguments':" args   \
    "}}"

static void streams_and_whole_answers_agree(void **state)
{
    (void)state;
    /* clang-format off */
    static const char stream[] =
        DATA(EVENT("message-start", ",'id':'c1','delta':{'message':{'role':'assistant'}}"))
        DATA(MESSAGE("tool-plan-delta", "'tool_plan':'I will '"))
        DATA(MESSAGE("content-start", "'content':{'type':'thinking','thinking':''}"))
        DATA(MESSAGE("content-delta", "'content':{'thinking':'weigh it.'}"))
        DATA(MESSAGE("content-delta", "'content':{'text':'Two\\n'}"))
        DATA(EVENT("debug", ",'prompt':'x'"))
        DATA(MESSAGE("content-delta", "'content':{'text':'knots.'}"))
        START("a", "Z_7_dzip", ",'arguments':''") DATA(ARGS("{\\'to\\':")) DATA(ARGS("\\'Sark\\'}"))
        CALL_END START("b", "now", "") CALL_END
        START("c", "now", ",'arguments':'nu'") DATA(ARGS("ll"))
        START("d", "Z_Z__", ",'arguments':'null'") CALL_END
        DATA(END("TOOL_CALL", "," USAGE)) DATA("[DONE]");
    static const char whole[] =
        "{'id':'c1','finish_reason':'TOOL_CALL','message':{'role':'assistant','tool_plan':'I will ',"
        "'content':[{'type':'thinking','thinking':'weigh it.'},{'type':'text','text':'Two\\nknots.'}],"
        "'tool_calls':[" WHOLE_CALL("a", "Z_7_dzip", "'{\\'to\\':\\'Sark\\'}'") ","
        WHOLE_CALL("b", "now", "''") "," WHOLE_CALL("c", "now", "'null'") ","
        WHOLE_CALL("d", "Z_Z__", "null") "],'citations':[]}," USAGE "}";
    /* clang-format on */
    for (size_t step = 1; step < 200; step += step < 8 ? 1 : 61) {
        struct watched w;
        watch(&w, ops, kind(), json(stream), step);
        assert_int_equal(w.flags & (EV_ERROR | EV_MALFORMED), 0);
        assert_int_equal(w.scan.finish, MSG_FINISH_TOOL);
        assert_int_equal(w.n_end, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_made_to_fit),
        cmocka_unit_test(images_pass_by_address_and_as_data),
        cmocka_unit_test(texts_are_documents),
        cmocka_unit_test(calls_and_results_stay_together),
        cmocka_unit_test(tools_and_their_choice),
        cmocka_unit_test(structured_output_is_made_to_fit),
        cmocka_unit_test(effort_becomes_a_budget),
        cmocka_unit_test(sampling_keeps_to_its_range),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(citations_reach_clients_of_each_dialect),
        cmocka_unit_test(citations_stay_in_order_and_with_their_text),
        cmocka_unit_test(an_event_says_what_it_holds),
        cmocka_unit_test(finishes_have_their_meaning),
        cmocka_unit_test(what_is_billed_is_counted),
        cmocka_unit_test(failures_have_their_class),
        cmocka_unit_test(every_status_has_its_class),
        cmocka_unit_test(streams_and_whole_answers_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
