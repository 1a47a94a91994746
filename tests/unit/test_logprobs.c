/*
 * How likely tokens were: asked for and told in both of OpenAI's dialects, of which one is
 * translated to the other, and told by Gemini and Cohere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/sse.h"

#include "broker/dialect.h"
#include "tests/unit/dialect_test.h"

#include <cmocka.h>

#define CHAT(more)  "{'model':'m','messages':[{'role':'user','content':'hi'}]" more "}"
#define ITEMS(more) "{'model':'m','input':'hi'" more "}"
#define TO_ITEMS(model, more)                                                            \
    "{'model':'" model "','input':[{'type':'message','role':'user','content':["          \
    "{'type':'input_text','text':'hi'}]}]" more ",'store':false}"
#define TO_CHAT(more)                                                                    \
    "{'model':'qwen3','messages':[{'role':'user','content':'hi'}]" more "}"

static void they_are_asked_for_in_the_targets_words(void **state)
{
    (void)state;
    static const struct {
        enum dialect from;
        const char *kind, *model, *in, *want, *dropped;
    } rows[] = {
        {DIALECT_OPENAI, "openai", "gpt-4.1", CHAT(",'logprobs':true"),
         TO_ITEMS("gpt-4.1", ",'include':['message.output_text.logprobs']"), NULL},
        {DIALECT_OPENAI, "openai", "gpt-5.5",
         CHAT(",'logprobs':true,'top_logprobs':3,'reasoning_effort':'none'"),
         TO_ITEMS("gpt-5.5",
                  ",'reasoning':{'effort':'none'},'include':['reasoning.encrypted_"
                  "content','message.output_text.logprobs'],'top_logprobs':3"),
         NULL},
        {DIALECT_OPENAI, "openai", "gpt-4.1", CHAT(",'top_logprobs':3"),
         TO_ITEMS("gpt-4.1", ""), "top_logprobs"},
        {DIALECT_RESPONSES, "vllm", "qwen3",
         ITEMS(",'include':['message.output_text.logprobs']"),
         TO_CHAT(",'logprobs':true"), NULL},
        {DIALECT_RESPONSES, "vllm", "qwen3", ITEMS(",'top_logprobs':20"),
         TO_CHAT(",'logprobs':true,'top_logprobs':20"), NULL},
        {DIALECT_RESPONSES, "vllm", "qwen3", ITEMS(",'top_logprobs':0,'include':[]"),
         TO_CHAT(""), NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct dialect_ops *to =
            rows[i].from == DIALECT_OPENAI ? &dialect_responses : &dialect_openai;
        const struct target_caps caps = {.kind = provider_kind_find(str_of(rows[i].kind)),
                                         .model = str_of(rows[i].model)};
        check_crossing(rows[i].from, to, &caps, rows[i].in, rows[i].want,
                       rows[i].dropped);
    }
}

static void who_does_not_tell_them_is_not_asked(void **state)
{
    (void)state;
    static const char *const kinds[] = {"mistral", "groq", "zai", "sambanova"};
    const struct target_caps agent = {.kind = provider_kind_find(STR("perplexity")),
                                      .model = STR("sonar")};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct target_caps caps = {.kind = provider_kind_find(str_of(kinds[i])),
                                         .model = STR("m")};
        check_refused(DIALECT_RESPONSES, &dialect_openai, &caps,
                      ITEMS(",'top_logprobs':2"), "logprobs: ");
    }
    check_refused(DIALECT_OPENAI, &dialect_responses, &agent, CHAT(",'logprobs':true"),
                  "logprobs: ");
}

/* Tools with reasoning are asked for in Responses, which tells them, too. */
static void they_keep_nobody_from_responses(void **state)
{
    (void)state;
    const struct body_facts f = {.needs = CAP_TOOLS | CAP_REASONING,
                                 .says_effort = true,
                                 .n = 1,
                                 .logprobs = true};
    assert_int_equal(
        dialect_for(provider_kind_find(STR("openai")), DIALECT_OPENAI, &f, STR("gpt-5.5"))
            ->id,
        DIALECT_RESPONSES);
}

/* ---- told ---- */

#define A(bytes)                                                                         \
    "{'token':'a','logprob':-0.10,'bytes':" bytes ",'top_logprobs':["                    \
    "{'token':'b','logprob':-9999.0,'bytes':" bytes "}]}"
#define SHORT_A                                                                          \
    "{'token':'a','logprob':-0.10,'top_logprobs':[{'token':'b','logprob':-9999.0}]}"
#define E_ACUTE "{'token':'\\u00e9','logprob':-1e-3,'bytes':[195,169],'top_logprobs':[]}"

#define EV(type, more) "event: " type "\ndata: {'type':'" type "'" more "}\n\n"
#define ITEM(more)                                                                       \
    "{'type':'message','content':[{'type':'output_text','text':'a\xC3\xA9'" more "}]}"
#define ENDS(output)                                                                     \
    EV("response.completed",                                                             \
       ",'response':{'id':'resp_1','model':'m','status':'completed','output':[" output   \
       "]}")
#define CHUNK(delta, logprobs, finish)                                                   \
    "data: {'id':'c','model':'m','choices':[{'index':0,'delta':" delta                   \
    ",'logprobs':" logprobs ",'finish_reason':" finish "}]}\n\n"

struct crossing_stream {
    const struct dialect_ops *from, *to;
    struct event_decoder *decoder;
    struct delta_encoder *encoder;
    struct buf out;
};

static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct crossing_stream *s = arg;
    (void)e;
    s->to->encode_delta(s->encoder, d, &s->out);
    return ERR_OK;
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct crossing_stream *s = arg;
    return s->from->decode_event(s->decoder, ev, on_delta, s, e);
}

static void cross_stream_of(struct crossing_stream *s, const char *kind, const char *in)
{
    const struct encode_ctx ctx = {.request_id = "01K"};
    struct err e = ERR_INIT;
    struct sse sse;
    s->decoder = s->from->decoder_new(provider_kind_find(str_of(kind)));
    s->encoder = s->to->encoder_new(&ctx);
    s->out = (struct buf)BUF_INIT(1 << 20);
    sse_init(&sse, 1 << 20);
    assert_int_equal(sse_feed(&sse, str_of(json(in)), on_event, s, &e), ERR_OK);
    sse_release(&sse);
    s->from->decoder_free(&s->decoder);
    s->to->encoder_free(&s->encoder);
}

static void cross_stream(struct crossing_stream *s, const char *in)
{
    cross_stream_of(s, "openai", in);
}

static void expect(const struct buf *out, const char *text)
{
    if (strstr(out->data, json(text)) == NULL)
        fail_msg("%s\nis not in\n%s", json(text), out->data);
}

/* An item that grew, and one that was only told when it was done. */
static void a_client_of_chat_is_told_with_the_text(void **state)
{
    (void)state;
    static const char *const streams[] = {
        EV("response.output_item.added", ",'output_index':0,'item':{'type':'message'}")
            EV("response.output_text.delta",
               ",'output_index':0,'content_index':0,'delta':'a','logprobs':[" SHORT_A "]")
                EV("response.output_text.delta",
                   ",'output_index':0,'content_index':0,'delta':'\xC3\xA9','logprobs':["
                   "{'token':'\\u00e9','logprob':-1e-3,'top_logprobs':[]}]")
                    EV("response.output_text.done",
                       ",'output_index':0,'content_index':0,'text':'a\xC3\xA9',"
                       "'logprobs':[" A("null") "," E_ACUTE "]")
                        ENDS(ITEM(",'logprobs':[" A("[97]") "," E_ACUTE "]")),
        EV("response.output_item.done",
           ",'output_index':0,'item':" ITEM(",'logprobs':[" A("[97]") "," E_ACUTE "]"))
            ENDS(ITEM(",'logprobs':[" A("[97]") "," E_ACUTE "]")),
    };
    static const char *const wants[] = {
        "'delta':{'content':'a'},'logprobs':{'content':[" A("null") "],'refusal':null}",
        "'delta':{'content':'a\xC3\xA9'},'logprobs':{'content':[" A(
            "[97]") "," E_ACUTE "],'refusal':null}"};
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        struct crossing_stream s = {.from = &dialect_responses, .to = &dialect_openai};
        cross_stream(&s, streams[i]);
        expect(&s.out, wants[i]);
        expect(&s.out, "'delta':{},'logprobs':null,'finish_reason':'stop'");
        buf_release(&s.out);
    }
}

/* What comes without a text goes with the next one. */
static void a_client_of_responses_is_told_with_the_text(void **state)
{
    (void)state;
    struct crossing_stream s = {.from = &dialect_openai, .to = &dialect_responses};
    cross_stream(&s, CHUNK("{'content':'a'}", "{'content':[" A("[97]") "]}", "null")
                         CHUNK("{'content':''}", "{'content':[" E_ACUTE "]}", "null")
                             CHUNK("{'content':'\xC3\xA9'}", "null", "null")
                                 CHUNK("{}", "null", "'stop'") "data: [DONE]\n\n");
    expect(&s.out, "'delta':'a','logprobs':[" A("[97]") "]");
    expect(&s.out, "'delta':'\xC3\xA9','logprobs':[" E_ACUTE "]");
    expect(&s.out, "'text':'a\xC3\xA9','logprobs':[" A("[97]") "," E_ACUTE "]");
    expect(&s.out,
           "'text':'a\xC3\xA9','annotations':[],'logprobs':[" A("[97]") "," E_ACUTE "]");
    expect(&s.out,
           "'part':{'type':'output_text','text':'','annotations':[],'logprobs':[]}");
    buf_release(&s.out);
}

/* An event may come in several lines; it leaves in one. */
static void line_ends_within_them_end_no_event(void **state)
{
    (void)state;
    static const char token[] =
        "{'token':'a','logprob':-1,\ndata: 'bytes':[\ndata: \ndata: 97\r\ndata: ]}";
    char in[1024];
    const struct dialect_ops *const pairs[][2] = {{&dialect_openai, &dialect_responses},
                                                  {&dialect_responses, &dialect_openai}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct crossing_stream s = {.from = pairs[i][0], .to = pairs[i][1]};
        if (i == 0)
            snprintf(
                in, sizeof in,
                CHUNK("{'content':'a'}", "{'content':[%s]}", "'stop'") "data: [DONE]\n\n",
                token);
        else
            snprintf(
                in, sizeof in,
                EV("response.output_text.delta",
                   ",'output_index':0,'content_index':0,'delta':'a','logprobs':[%s]"),
                token);
        cross_stream(&s, in);
        expect(&s.out, "'token':'a','logprob':-1,'bytes':[97]");
        buf_release(&s.out);
    }
}

/* ---- told by others ---- */

#define TOKEN(token, logprob, top)                                                       \
    "{'token':'" token "','logprob':" logprob ",'bytes':null,'top_logprobs':[" top "]}"
#define OTHER(token, logprob) "{'token':'" token "','logprob':" logprob ",'bytes':null}"
#define STEP(token, logprob)                                                             \
    "{'token':'" token "','tokenId':7,'logProbability':" logprob "}"
#define CANDIDATE(parts, chosen, more)                                                   \
    "{'content':{'parts':[" parts "]},'logprobsResult':{'chosenCandidates':[" chosen     \
    "]" more "}"
#define G_CHUNK(candidates) "data: {'candidates':[" candidates "]}\n\n"
#define THOUGHT             "{'text':'hm','thought':true}"
#define CALL                "{'functionCall':{'name':'f','args':{}}}"

/*
 * With the text that they came with; without one, with the next. A thought's and a call's are
 * nobody's, and each answer of several has its own.
 */
static void geminis_tokens_go_with_their_text(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want, *none;
    } rows[] = {
        {G_CHUNK(CANDIDATE("{'text':'ab'}", STEP("a", "-0.10") "," STEP("b", "-1e-3"),
                           ",'topCandidates':[{'candidates':[" STEP(
                               "a", "-0.10") "," STEP("c", "'-Infinity'") "]},{}]}")),
         "'delta':{'content':'ab'},'logprobs':{'content':[" TOKEN(
             "a", "-0.10",
             OTHER("a", "-0.10") "," OTHER("c", "-9999.0")) "," TOKEN("b",
                                                                      "-1"
                                                                      "e-3",
                                                                      "") "]",
         NULL},
        {G_CHUNK(CANDIDATE("{'text':''}", STEP("a", "-1"), "}"))
             G_CHUNK(CANDIDATE("{'text':'b'}", STEP("b", "-2"), "}")),
         "'content':[" TOKEN("a", "-1", "") "," TOKEN("b", "-2", "") "]", NULL},
        {G_CHUNK(CANDIDATE(THOUGHT, STEP("hm", "-9"), "}"))
             G_CHUNK(CANDIDATE("{'text':'b'}", STEP("b", "-2"), "}")),
         "'content':[" TOKEN("b", "-2", "") "]", "-9"},
        {G_CHUNK(CANDIDATE(CALL, STEP("f", "-9"), "}"))
             G_CHUNK(CANDIDATE("{'text':'b'}", STEP("b", "-2"), "}")),
         "'content':[" TOKEN("b", "-2", "") "]", "-9"},
        /* both at once: those that make up the text; all, if none do */
        {G_CHUNK(CANDIDATE(THOUGHT ",{'text':'b'}", STEP("hm", "-9") "," STEP("b", "-2"),
                           "}")),
         "'content':[" TOKEN("b", "-2", "") "]", "-9"},
        {G_CHUNK(CANDIDATE(THOUGHT ",{'text':'b'}", STEP("hm", "-8") "," STEP("bc", "-2"),
                           "}")),
         "'content':[" TOKEN("hm", "-8", "") "," TOKEN("bc", "-2", "") "]", NULL},
        {G_CHUNK(CANDIDATE("{'text':''}", STEP("x", "-9"), "}") "," CANDIDATE(
             "{'text':'b'}", STEP("b", "-2"), "},'index':1")),
         "'index':1,'delta':{'content':'b'},'logprobs':{'content':[" TOKEN("b", "-2",
                                                                           "") "]",
         "-9"},
        /* what is no token is none */
        {G_CHUNK("{'content':{'parts':[{'text':'b'}]},'logprobsResult':{"
                 "'chosenCandidates':[1,{'token':'x'},{'token':'x','logProbability':'y'}"
                 "],'topCandidates':7}}"),
         "'delta':{'content':'b'},'logprobs':null", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct crossing_stream s = {.from = &dialect_gemini, .to = &dialect_openai};
        cross_stream_of(&s, "gemini", rows[i].in);
        expect(&s.out, rows[i].want);
        if (rows[i].none != NULL && strstr(s.out.data, rows[i].none) != NULL)
            fail_msg("%s", s.out.data);
        buf_release(&s.out);
    }
}

#define C_DELTA(key, text, logprobs)                                                     \
    "data: {'type':'content-delta','index':0,'delta':{'message':{'content':{'" key       \
    "':'" text "'}}}" logprobs "}\n\n"

/* A piece of several tokens: its text is the first one's. */
static void coheres_pieces_are_tokens(void **state)
{
    (void)state;
    struct crossing_stream s = {.from = &dialect_cohere, .to = &dialect_openai};
    cross_stream_of(
        &s, "cohere",
        C_DELTA("thinking", "hm",
                ",'logprobs':{'text':'hm','token_ids':[1],'logprobs':[-9]}")
            C_DELTA("text", "a",
                    ",'logprobs':{'text':'a','token_ids':[2],'logprobs':[-0.10]}")
                C_DELTA("text", "\xC3\xA9",
                        ",'logprobs':{'text':'\xC3\xA9','token_ids':[3,4],'logprobs':["
                        "-1e-3,-2]}")
                    C_DELTA("text", "b", ",'logprobs':{'token_ids':[5]}")
                        C_DELTA("text", "c", ""));
    expect(&s.out,
           "'delta':{'content':'a'},'logprobs':{'content':[" TOKEN("a", "-0.10", "") "]");
    expect(&s.out, "'delta':{'content':'\xC3\xA9'},'logprobs':{'content':[" TOKEN(
                       "\xC3\xA9", "-1e-3", "") "," TOKEN("", "-2", "") "]");
    expect(&s.out, "'delta':{'content':'b'},'logprobs':null");
    expect(&s.out, "'delta':{'content':'c'},'logprobs':null");
    assert_null(strstr(s.out.data, "-9"));
    buf_release(&s.out);
}

#define COHERE(content, more)                                                            \
    "{'id':'i','finish_reason':'COMPLETE','message':{'role':'assistant','content':"      \
    "[" content "]" more ",'logprobs':[{'text':'hm','token_ids':[1],'logprobs':[-9]},{"  \
    "'text':'a','token_ids':[2,3],'logprobs':[-1,-2]}]}"

static void whole_answers_tell_them(void **state)
{
    (void)state;
    static const struct {
        const struct dialect_ops *from, *to;
        const char *in, *want;
    } rows[] = {
        {&dialect_gemini, &dialect_responses,
         "{'candidates':[" CANDIDATE(THOUGHT ",{'text':'b'}",
                                     STEP("hm", "-9") "," STEP("b", "-2"), "}") "]}",
         "'logprobs':[" TOKEN("b", "-2", "") "]"},
        {&dialect_gemini, &dialect_openai,
         "{'candidates':[" CANDIDATE("{'text':'a'}", STEP("a", "-1"), "}") "," CANDIDATE(
             "{'text':'b'}", STEP("b", "-2"), "},'index':1") "]}",
         "'index':1,'message':{'role':'assistant','content':'b','refusal':null},"
         "'logprobs':{'content':[" TOKEN("b", "-2", "") "],'refusal':null}"},
        {&dialect_cohere, &dialect_openai,
         COHERE("{'type':'thinking','thinking':'hm'},{'type':'text','text':'a'}", "}"),
         "'logprobs':{'content':[" TOKEN("a", "-1", "") "," TOKEN("", "-2", "") "],"},
        {&dialect_cohere, &dialect_responses,
         COHERE("{'type':'text','text':'a'}", ",'tool_plan':'hm'}"),
         "'logprobs':[" TOKEN("a", "-1", "") "," TOKEN("", "-2", "") "]"},
        {&dialect_cohere, &dialect_openai, COHERE("{'type':'text','text':'hma'}", "}"),
         "'logprobs':{'content':[" TOKEN("hm", "-9", "") "," TOKEN("a", "-1", "") ","},
        {&dialect_responses, &dialect_openai,
         "{'id':'resp_1','status':'completed','output':[" ITEM(",'logprobs':[" SHORT_A
                                                               "," E_ACUTE "]") "]}",
         "'logprobs':{'content':[" A("null") "," E_ACUTE "],'refusal':null}"},
        {&dialect_openai, &dialect_responses,
         "{'id':'c','choices':[{'index':0,'message':{'content':'a\xC3\xA9'},'logprobs':{"
         "'content':[" A("[97]") "," E_ACUTE "]},'finish_reason':'stop'}]}",
         "'logprobs':[" A("[97]") "," E_ACUTE "]"},
        /* what is no token is none */
        {&dialect_openai, &dialect_responses,
         "{'id':'c','choices':[{'index':0,'message':{'content':'a'},'logprobs':{"
         "'content':[1,{'token':1},{'logprob':0}]},'finish_reason':'stop'}]}",
         "'logprobs':[]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct encode_ctx ctx = {.request_id = "01K"};
        struct arena a;
        struct msg_reply r;
        struct err e = ERR_INIT;
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        arena_init(&a, 1 << 20);
        assert_int_equal(rows[i].from->reply_decode(str_of(json(rows[i].in)),
                                                    provider_kind_find(STR("openai")), &a,
                                                    &r, &e),
                         ERR_OK);
        rows[i].to->reply_encode(&r, &ctx, &out);
        expect(&out, rows[i].want);
        arena_release(&a);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_asked_for_in_the_targets_words),
        cmocka_unit_test(who_does_not_tell_them_is_not_asked),
        cmocka_unit_test(they_keep_nobody_from_responses),
        cmocka_unit_test(a_client_of_chat_is_told_with_the_text),
        cmocka_unit_test(a_client_of_responses_is_told_with_the_text),
        cmocka_unit_test(line_ends_within_them_end_no_event),
        cmocka_unit_test(geminis_tokens_go_with_their_text),
        cmocka_unit_test(coheres_pieces_are_tokens),
        cmocka_unit_test(whole_answers_tell_them),
    };
    return cmocka_run_group_tests_name("logprobs", tests, NULL, NULL);
}
