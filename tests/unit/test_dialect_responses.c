/*
 * test_dialect_responses.c: OpenAI Responses: what is read of a client's body, what passes, what is
 * translated, the events of a stream in both directions, and errors in its shape.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/catalog.h"
#include "core/jsonx.h"

#include "broker/dialect.h"

#include <cmocka.h>

static const struct dialect_ops *const ops = &dialect_responses;

static const struct provider_kind *kind(const char *name)
{
    return provider_kind_find(str_of(name));
}

/* ---- facts and splice ---- */

static void facts_are_found(void **state)
{
    (void)state;
    static const char body[] =
        "{\"model\":\"m\",\"stream\":true,\"max_output_tokens\":64,\"instructions\":\"Be "
        "brief.\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
        "\"image_url\":\"data:image/png;base64,AAAA\"}]},{\"type\":\"function_call_"
        "output\",\"call_id\":\"c\",\"output\":\"x\"}],\"tools\":[{\"type\":\"function\","
        "\"name\":\"f\"}],\"text\":{\"format\":{\"type\":\"json_schema\"}},\"reasoning\":"
        "{\"effort\":\"low\"},\"safety_identifier\":\"u\"}";
    struct body_facts f, chat;
    struct err e = ERR_INIT;
    assert_int_equal(ops->facts(str_of(body), NULL, &f, &e), ERR_OK);
    assert_string_equal(f.model_name, "m");
    assert_true(f.stream && f.tool_results && f.says_effort);
    assert_int_equal(f.max_output_tok, 64);
    assert_int_equal(f.n_images, 1);
    assert_int_equal(f.needs, CAP_TOOLS | CAP_VISION | CAP_JSON_SCHEMA | CAP_REASONING);
    assert_string_equal(f.user, "u");
    /* the same system prompt has the same name in all dialects */
    assert_int_equal(
        dialect_openai.facts(STR("{\"model\":\"m\",\"messages\":[{\"role\":\"system\","
                                 "\"content\":\"Be brief.\"}]}"),
                             NULL, &chat, &e),
        ERR_OK);
    assert_string_equal(f.system_hash, chat.system_hash);
}

static void what_cannot_be_relied_on_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } rows[] = {
        {"{\"input\":\"x\"}", "model"},
        {"{\"model\":\"m\"}", "input"},
        {"{\"model\":\"m\",\"input\":1}", "input"},
        {"{\"model\":\"m\",\"input\":[]}", "input"},
        {"{\"model\":\"m\",\"input\":[1]}", "input"},
        {"{\"model\":\"m\",\"input\":\"x\",\"stream\":1}", "stream"},
        {"{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":0}",
         "max_output_tokens"},
        {"{\"model\":\"m\",\"input\":\"x\",\"tools\":{}}", "tools"},
        {"{\"model\":\"m\",\"input\":\"x\",\"previous_response_id\":\"r\"}",
         "previous_response_id"},
        {"{\"model\":\"m\",\"input\":\"x\",\"conversation\":{\"id\":\"c\"}}",
         "conversation"},
        {"{\"model\":\"m\",\"input\":\"x\",\"background\":true}", "background"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct body_facts f;
        struct err e = ERR_INIT;
        assert_int_equal(ops->facts(str_of(rows[i].body), NULL, &f, &e), ERR_INVALID);
        assert_int_equal(e.origin, ERR_BY_CLIENT);
        assert_true(str_starts(str_of(e.text), str_of(rows[i].field)));
    }
}

static void only_what_must_change_changes(void **state)
{
    (void)state;
#define THOUGHT(id, state)                                                               \
    "{\"type\":\"reasoning\",\"id\":\"" id                                               \
    "\",\"summary\":[],\"encrypted_content\":\"" state "\"}"
    static const struct {
        const char *in;
        int64_t cap;
        const char *out;
    } rows[] = {
        {"{ \"input\":\"h\\u0069\",\"model\":\"a/b\" ,\"x\":1.50e0}", -1,
         "{ \"input\":\"h\\u0069\",\"model\":\"m-1\" ,\"x\":1.50e0}"},
        {"{\"model\":\"a\",\"input\":\"x\"}", 40,
         "{\"model\":\"m-1\",\"max_output_tokens\":40,\"input\":\"x\"}"},
        {"{\"model\":\"a\",\"input\":\"x\",\"max_output_tokens\":99}", 40,
         "{\"model\":\"m-1\",\"input\":\"x\",\"max_output_tokens\":40}"},
        {"{\"model\":\"a\",\"input\":\"x\",\"max_output_tokens\":null}", 40,
         "{\"model\":\"m-1\",\"input\":\"x\",\"max_output_tokens\":40}"},
        /* a thought that we have told of another provider; not one of OpenAI's own */
        {"{\"model\":\"a\",\"input\":[" THOUGHT(
             "rs_01M8NA28R8GZ07VZZZAMESE8M7_0",
             "") ", {\"role\":\"user\",\"content\":\"x\"} ]}",
         -1, "{\"model\":\"m-1\",\"input\":[{\"role\":\"user\",\"content\":\"x\"}]}"},
        {"{\"model\":\"a\",\"input\":[" THOUGHT("rs_1", "") " ]}", -1,
         "{\"model\":\"m-1\",\"input\":[" THOUGHT("rs_1", "") " ]}"},
        {"{\"model\":\"a\",\"input\":[" THOUGHT("rs_01M8NA28R8GZ07VZZZAMESE8M7_0",
                                                "x") "]}",
         -1,
         "{\"model\":\"m-1\",\"input\":[" THOUGHT("rs_01M8NA28R8GZ07VZZZAMESE8M7_0",
                                                  "x") "]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct body_edits edits = {.model = STR("m-1"),
                                         .add_include_usage = true,
                                         .max_output_tok = rows[i].cap,
                                         .cap_field = "max_completion_tokens"};
        struct body_facts f;
        struct err e = ERR_INIT;
        struct buf text = BUF_INIT(10000), out = BUF_INIT(10000);
        struct pieces pieces;
        assert_int_equal(ops->facts(str_of(rows[i].in), NULL, &f, &e), ERR_OK);
        assert_int_equal(ops->splice(str_of(rows[i].in), &f, &edits, &text, &pieces, &e),
                         ERR_OK);
        pieces_join(&pieces, &out);
        buf_release(&text);
        assert_string_equal(out.data, rows[i].out);
        buf_release(&out);
    }
}

/* ---- which dialect ---- */

static void a_target_is_asked_in_the_dialect_that_serves_it(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *model;
        enum dialect client;
        unsigned needs;
        bool says_effort;
        enum dialect want;
    } rows[] = {
        {"openai", "gpt-5.5", DIALECT_RESPONSES, 0, false, DIALECT_RESPONSES},
        {"groq", "m", DIALECT_RESPONSES, 0, false, DIALECT_OPENAI},
        {"anthropic", "m", DIALECT_RESPONSES, 0, false, DIALECT_ANTHROPIC},
        {"openai-responses", "m", DIALECT_OPENAI, 0, false, DIALECT_RESPONSES},
        {"openai", "gpt-5.5", DIALECT_OPENAI, CAP_TOOLS, false, DIALECT_OPENAI},
        {"openai", "gpt-5.5", DIALECT_OPENAI, CAP_TOOLS | CAP_REASONING, true,
         DIALECT_RESPONSES},
        {"openai", "gpt-5.1", DIALECT_OPENAI, CAP_TOOLS | CAP_REASONING, true,
         DIALECT_OPENAI},
        {"openai", "gpt-5.5", DIALECT_OPENAI, CAP_REASONING, true, DIALECT_OPENAI},
        {"openai", "gpt-5.6", DIALECT_OPENAI, CAP_TOOLS, false, DIALECT_RESPONSES},
        {"openai", "gpt-5.6", DIALECT_OPENAI, CAP_TOOLS, true, DIALECT_OPENAI},
        {"openai", "gpt-5.6", DIALECT_ANTHROPIC, CAP_TOOLS, false, DIALECT_OPENAI},
        {"azure", "gpt-6", DIALECT_ANTHROPIC, CAP_TOOLS | CAP_REASONING, true,
         DIALECT_RESPONSES},
        {"openrouter", "gpt-5.6", DIALECT_OPENAI, CAP_TOOLS, false, DIALECT_OPENAI},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct body_facts f = {
            .needs = rows[i].needs, .says_effort = rows[i].says_effort, .n = 1};
        assert_int_equal(
            dialect_for(kind(rows[i].kind), rows[i].client, &f, str_of(rows[i].model))
                ->id,
            rows[i].want);
    }
}

/* ---- requests, translated ---- */

#define CHAT(m, more) "{\"model\":\"m\",\"messages\":[" m "]" more "}"
#define HI            "{\"role\":\"user\",\"content\":\"hi\"}"
#define IN_HI                                                                            \
    "\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_" \
    "text\",\"text\":\"hi\"}]}]"
#define OUT(m, more) "{\"model\":\"" m "\"," more ",\"store\":false}"

static void chat_becomes_responses(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *model, *in, *out, *dropped;
        const char *kind; /* NULL: OpenAI */
    } rows[] = {
        {.kind = "perplexity", .model = "sonar-pro",
         .in = CHAT(HI, ",\"max_tokens\":50,\"temperature\":0.5,\"user\":\"u\","
         "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
         "\"schema\":{\"type\":\"object\"}}}"),
         .out = "{\"model\":\"perplexity/sonar\",\"preset\":\"fast\"," IN_HI
         ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
         "\"schema\":{\"type\":\"object\"}}},\"max_output_tokens\":50}",
         .dropped = "temperature,user"},
        {.kind = "perplexity", .model = "openai/gpt-5.5", .in = CHAT(HI, ""),
         .out = "{\"model\":\"openai/gpt-5.5\"," IN_HI "}", .dropped = ""},
        {"gpt-4.1", CHAT(HI, ""), OUT("gpt-4.1", IN_HI), "", NULL},
        {"gpt-4.1", CHAT("{\"role\":\"system\",\"content\":\"Be brief.\"}," HI,
         ",\"max_tokens\":5,\"temperature\":0.5,\"seed\":7,\"stop\":\"x\""),
         OUT("gpt-4.1", "\"instructions\":\"Be brief.\"," IN_HI
         ",\"max_output_tokens\":16,\"temperature\":0.5"), "seed,stop", NULL},
        {"gpt-4.1", CHAT(HI, ",\"verbosity\":\"low\",\"metadata\":{\"a\":\"b\"},"
         "\"prompt_cache_key\":\"k\",\"prediction\":null,\"logit_bias\":{}"),
         OUT("gpt-4.1", IN_HI ",\"text\":{\"verbosity\":\"low\"},\"metadata\":{\"a\":\"b\"},"
         "\"prompt_cache_key\":\"k\""), "logit_bias", NULL},
        {"gpt-5.5", CHAT(HI, ",\"reasoning_effort\":\"high\",\"temperature\":0.5"),
         OUT("gpt-5.5", IN_HI ",\"reasoning\":{\"effort\":\"high\"},"
         "\"include\":[\"reasoning.encrypted_content\"]"), "temperature", NULL},
        {"gpt-4.1", CHAT(HI ",{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":["
         "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
         "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\","
         "\"content\":\"r\"}", ",\"tools\":[{\"type\":\"function\",\"function\":{"
         "\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}],\"tool_choice\":"
         "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"),
         OUT("gpt-4.1", "\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":["
         "{\"type\":\"input_text\",\"text\":\"hi\"}]},{\"type\":\"message\","
         "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"}]},"
         "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\","
         "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c1\","
         "\"output\":\"r\"}],\"tools\":[{\"type\":\"function\",\"name\":\"f\","
         "\"parameters\":{\"type\":\"object\"},\"strict\":false}],\"tool_choice\":"
         "{\"type\":\"function\",\"name\":\"f\"}"), "", NULL},
        /* some of the tools: all are listed still, as here they can be named */
        {"gpt-4.1", CHAT(HI, ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"g\"}},"
         "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}],"
         "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\","
         "\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"g\"}}]}}"),
         OUT("gpt-4.1", IN_HI ",\"tools\":[{\"type\":\"custom\",\"name\":\"g\"},"
         "{\"type\":\"function\",\"name\":\"f\",\"parameters\":{},\"strict\":false}],"
         "\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":["
         "{\"type\":\"custom\",\"name\":\"g\"}]}"), "", NULL},
        {.kind = "perplexity", .model = "openai/gpt-5.5",
         .in = CHAT(HI, ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}},"
         "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}],"
         "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\","
         "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}}"),
         .out = "{\"model\":\"openai/gpt-5.5\"," IN_HI ",\"tools\":[{\"type\":\"function\","
         "\"name\":\"f\",\"parameters\":{},\"strict\":false}]}", .dropped = ""},
        {"gpt-4.1", CHAT(HI ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
         "{\"id\":\"c1\",\"type\":\"custom\",\"custom\":{\"name\":\"sh\","
         "\"input\":\"a \\\"b\\\"\\n\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\","
         "\"content\":\"r\"}", ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"sh\","
         "\"format\":{\"type\":\"grammar\",\"grammar\":{\"syntax\":\"lark\","
         "\"definition\":\"start: X\"}}}}],\"tool_choice\":{\"type\":\"custom\","
         "\"custom\":{\"name\":\"sh\"}}"),
         OUT("gpt-4.1", "\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":["
         "{\"type\":\"input_text\",\"text\":\"hi\"}]},{\"type\":\"custom_tool_call\","
         "\"call_id\":\"c1\",\"name\":\"sh\",\"input\":\"a \\\"b\\\"\\n\"},"
         "{\"type\":\"custom_tool_call_output\",\"call_id\":\"c1\",\"output\":\"r\"}],"
         "\"tools\":[{\"type\":\"custom\",\"name\":\"sh\",\"format\":{\"type\":\"grammar\","
         "\"syntax\":\"lark\",\"definition\":\"start: X\"}}],\"tool_choice\":"
         "{\"type\":\"custom\",\"name\":\"sh\"}"), "", NULL},
        {"gpt-4.1", CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"https://e.org/a.png\",\"detail\":\"low\"}}]}", ""),
         OUT("gpt-4.1", "\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":["
         "{\"type\":\"input_image\",\"image_url\":\"https://e.org/a.png\","
         "\"detail\":\"low\"}]}]"), "", NULL},
        {"gpt-4.1", CHAT(HI, ",\"response_format\":{\"type\":\"json_schema\","
         "\"json_schema\":{\"name\":\"n\",\"strict\":true,\"schema\":{\"type\":\"object\","
         "\"properties\":{},\"required\":[],\"additionalProperties\":false}}}"),
         OUT("gpt-4.1", IN_HI ",\"text\":{\"format\":{\"type\":\"json_schema\","
         "\"name\":\"n\",\"schema\":{\"type\":\"object\",\"properties\":{},"
         "\"required\":[],\"additionalProperties\":false},\"strict\":true}}"), "", NULL},
        {"gpt-4.1", CHAT("{\"role\":\"system\",\"content\":\"a\"}", ""),
         OUT("gpt-4.1", "\"instructions\":\"a\",\"input\":[{\"type\":\"message\","
         "\"role\":\"user\",\"content\":\".\"}]"), "", NULL},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct msg_request m;
        struct err e = ERR_INIT;
        struct dropped d = {.n = 0};
        struct buf out = BUF_INIT(100000), names = BUF_INIT(1000);
        const struct target_caps caps = {
            .kind = kind(rows[i].kind != NULL ? rows[i].kind : "openai"),
            .model = str_of(rows[i].model)};
        arena_init(&a, 1 << 20);
        assert_int_equal(
            dialect_openai.request_decode(str_of(rows[i].in), NULL, &a, &m, &e), ERR_OK);
        assert_int_equal(ops->request_encode(&m, &caps, &out, &d, &e), ERR_OK);
        assert_string_equal(out.data, rows[i].out);
        for (size_t k = 0; k < d.n; k++)
            buf_printf(&names, "%s%s", k > 0 ? "," : "", d.names[k]);
        assert_string_equal(names.len > 0 ? names.data : "", rows[i].dropped);
        buf_release(&out);
        buf_release(&names);
        arena_release(&a);
    }
}

static void what_it_has_no_place_for_is_left_to_others(void **state)
{
    (void)state;
    static const char *const rows[] = {
        CHAT(HI, ",\"n\":2"),
        CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":"
             "{\"data\":\"AA==\",\"format\":\"wav\"}}]}",
             "")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct msg_request m;
        struct err e = ERR_INIT;
        struct dropped d = {.n = 0};
        struct buf out = BUF_INIT(100000);
        const struct target_caps caps = {.kind = kind("openai"), .model = STR("gpt-4.1")};
        arena_init(&a, 1 << 20);
        assert_int_equal(dialect_openai.request_decode(str_of(rows[i]), NULL, &a, &m, &e),
                         ERR_OK);
        assert_int_equal(ops->request_encode(&m, &caps, &out, &d, &e), ERR_INVALID);
        assert_int_equal(e.origin, ERR_BY_GATEWAY);
        buf_release(&out);
        arena_release(&a);
    }
}

static void items_become_turns(void **state)
{
    (void)state;
    static const char body[] =
        "{\"model\":\"m\",\"instructions\":\"Be brief.\",\"input\":[{\"role\":\"user\","
        "\"content\":\"hi\"},{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{"
        "\"type\":\"summary_text\",\"text\":\"hm\"}],\"encrypted_content\":\"x\"},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"}]}"
        ","
        "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{}"
        "\"},"
        "{\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"f\",\"arguments\":\"{}"
        "\"},"
        "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":[{\"type\":"
        "\"input_text\",\"text\":\"r\"},{\"type\":\"input_image\",\"image_url\":"
        "\"https://e.org/a\"}]},{\"type\":\"function_call_output\",\"call_id\":\"c2\","
        "\"output\":\"s\"}]}";
    struct arena a;
    struct msg_request m;
    struct err e = ERR_INIT;
    arena_init(&a, 1 << 20);
    assert_int_equal(ops->request_decode(str_of(body), NULL, &a, &m, &e), ERR_OK);
    assert_int_equal(m.n_turns, 5);
    assert_int_equal(m.turns[0].role, MSG_SYSTEM);
    assert_int_equal(m.turns[2].role, MSG_ASSISTANT);
    assert_int_equal(m.turns[2].n_parts, 4);
    const struct msg_part *p = m.turns[2].parts;
    assert_int_equal(p[0].kind, MSG_THINKING);
    assert_true(str_eqz(p[0].id, "rs_1") && str_eqz(p[0].signature, "x"));
    assert_int_equal(p[1].kind, MSG_TEXT);
    assert_int_equal(p[3].kind, MSG_TOOL_CALL);
    assert_true(str_eqz(p[3].id, "c2"));
    p = m.turns[3].parts;
    assert_int_equal(p[0].kind, MSG_TOOL_RESULT);
    assert_true(str_eqz(p[0].text, "r"));
    assert_int_equal(p[0].n_parts, 1);
    assert_int_equal(p[0].parts[0].kind, MSG_IMAGE);
    arena_release(&a);
}

static void a_body_is_read_with_the_place_of_its_fault(void **state)
{
    (void)state;
    static const struct {
        const char *more, *where;
        bool is_foreign; /* right, and without a meaning elsewhere */
    } rows[] = {
        {"\"input\":[{\"content\":\"x\"}]", "input[0].role", false},
        {"\"input\":[{\"role\":\"user\"}]", "input[0].content", false},
        {"\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\"}]}]",
         "input[0].content[0].text", false},
        {"\"input\":[{\"type\":\"item_reference\",\"id\":\"x\"}]", "input[0].type", true},
        {"\"input\":[{\"type\":\"function_call\",\"name\":\"f\"}]", "input[0].call_id",
         false},
        {"\"input\":\"x\",\"tools\":[{\"type\":\"web_search\"}]", "tools[0].type", true},
        {"\"input\":\"x\",\"tools\":[{\"type\":\"function\"}]", "tools[0].name", false},
        {"\"input\":\"x\",\"tool_choice\":{\"type\":\"mcp\"}", "tool_choice.type", true},
        {"\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_schema\"}}",
         "text.format.name", false},
        {"\"input\":\"x\",\"reasoning\":{\"effort\":\"huge\"}", "reasoning.effort",
         false},
        {"\"input\":\"x\",\"prompt\":{\"id\":\"p\"}", "prompt", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct msg_request m;
        struct err e = ERR_INIT;
        struct buf body = BUF_INIT(10000);
        buf_printf(&body, "{\"model\":\"m\",%s}", rows[i].more);
        arena_init(&a, 1 << 20);
        assert_int_equal(ops->request_decode(buf_str(&body), NULL, &a, &m, &e),
                         ERR_INVALID);
        if (!str_starts(str_of(e.text), str_of(rows[i].where)))
            fail_msg("%s: %s", rows[i].more, e.text);
        assert_int_equal(e.origin, rows[i].is_foreign ? ERR_BY_GATEWAY : ERR_BY_CLIENT);
        arena_release(&a);
        buf_release(&body);
    }
}

/* ---- streams ---- */

#define EV(type, more) "event: " type "\ndata: {\"type\":\"" type "\"" more "}\n\n"
#define CREATED                                                                          \
    EV("response.created", ",\"response\":{\"id\":\"resp_1\",\"model\":\"m-1\"}")
#define ADDED(i, item)                                                                   \
    EV("response.output_item.added", ",\"output_index\":" #i ",\"item\":" item)
#define DONE(i, item)                                                                    \
    EV("response.output_item.done", ",\"output_index\":" #i ",\"item\":" item)
#define DELTA(what, i, t)                                                                \
    EV("response." what ".delta", ",\"output_index\":" #i ",\"delta\":\"" t "\"")
#define USAGE                                                                            \
    "\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4},"      \
    "\"output_tokens\":5,\"output_tokens_details\":{\"reasoning_tokens\":2},"            \
    "\"total_tokens\":14}"
#define END(output)                                                                      \
    EV("response.completed",                                                             \
       ",\"response\":{\"id\":\"resp_1\",\"model\":\"m-1\","                             \
       "\"status\":\"completed\",\"output\":[" output "]," USAGE "}")
#define MSG                                                                              \
    "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"ab\"}]}"
#define CALL                                                                             \
    "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}"
#define OPEN_CALL                                                                        \
    "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\"}"

/* Deltas as a line of text. */
static enum errc note(void *arg, const struct msg_delta *d, struct err *e)
{
    struct buf *out = arg;
    (void)e;
    switch (d->kind) {
    case MSG_D_START:
        buf_printf(out, "start:%.*s ", STR_ARG(d->id));
        break;
    case MSG_D_TEXT:
        buf_printf(out, "text:%.*s ", STR_ARG(d->text));
        break;
    case MSG_D_THINKING:
        buf_printf(out, "think:%.*s ", STR_ARG(d->text));
        break;
    case MSG_D_STATE:
        buf_printf(out, "state:%.*s/%.*s ", STR_ARG(d->id), STR_ARG(d->text));
        break;
    case MSG_D_REFUSAL:
        buf_printf(out, "refusal:%.*s ", STR_ARG(d->text));
        break;
    case MSG_D_CALL:
        buf_printf(out, "call:%.*s/%.*s ", STR_ARG(d->id), STR_ARG(d->name));
        break;
    case MSG_D_ARGS:
        buf_printf(out, "args:%.*s ", STR_ARG(d->text));
        break;
    case MSG_D_FINISH:
        buf_printf(out, "%s ", msg_finish_name(d->finish));
        break;
    case MSG_D_END:
        buf_addz(out, "end");
        break;
    case MSG_D_SIGNATURE:
    case MSG_D_TEXT_STATE:
    case MSG_D_CITATION:
    case MSG_D_REDACTED:
    case MSG_D_USAGE:
        break;
    }
    return ERR_OK;
}

struct watched {
    struct event_decoder *d;
    struct scan_state s;
    struct buf out;
    unsigned flags; /* of all events */
};

static enum errc watch(void *arg, const struct sse_event *ev, struct err *e)
{
    struct watched *w = arg;
    w->flags |= ops->scan_event(&w->s, ev, e);
    return ops->decode_event(w->d, ev, note, &w->out, e);
}

static enum errc read_stream(const char *stream, struct watched *w, struct err *e)
{
    struct sse in;
    *w = (struct watched){.d = ops->decoder_new(kind("openai")), .out = BUF_INIT(10000)};
    ops->scan_init(&w->s, kind("openai"));
    sse_init(&in, LIMIT_EVENT_LEN);
    enum errc rc = sse_feed(&in, str_of(stream), watch, w, e);
    sse_release(&in);
    ops->decoder_free(&w->d);
    return rc;
}

#define CUSTOM(input)                                                                    \
    "{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"sh\",\"input\":"        \
    "\"" input "\"}"

static void a_providers_events_become_deltas(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *deltas;
    } rows[] = {
        {CREATED ADDED(0, "{\"type\":\"message\"}") DELTA("output_text", 0, "a")
             DELTA("output_text", 0, "b") DONE(0, MSG) END(MSG),
         "start:resp_1 text:a text:b stop end"},
        {CREATED ADDED(0, "{\"type\":\"reasoning\"}")
             DELTA("reasoning_summary_text", 0, "hm")
                 DONE(0, "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],"
                         "\"encrypted_content\":\"x\"}") ADDED(1, OPEN_CALL)
                     DELTA("function_call_arguments", 1, "{}") DONE(1, CALL) END(""),
         "start:resp_1 think:hm state:rs_1/x call:c/f args:{} tool end"},
        {CREATED ADDED(0, "{\"type\":\"message\"}") DELTA("refusal", 0, "No.") END(""),
         "start:resp_1 refusal:No. stop end"},
        /* what was left out is told when it is done: a part, an item, the whole */
        {CREATED ADDED(0, "{\"type\":\"message\"}") DELTA("output_text", 0, "a")
             EV("response.output_text.done", ",\"output_index\":0,\"text\":\"ab\"")
                 DONE(0, MSG) END(MSG),
         "start:resp_1 text:a text:b stop end"},
        {CREATED DONE(0, MSG) DONE(1, CALL) END(MSG "," CALL),
         "start:resp_1 text:ab call:c/f args:{} tool end"},
        {END(MSG "," CALL), "start:resp_1 text:ab call:c/f args:{} tool end"},
        /* a custom tool's input is what a function with one string would be given */
        {CREATED ADDED(0, CUSTOM("")) DELTA("custom_tool_call_input", 0, "a \\\"")
             DELTA("custom_tool_call_input", 0, "b") DONE(0, CUSTOM("a \\\"b")) END(""),
         "start:resp_1 call:c/sh args:{\"input\":\"a \\\" args:b args:\"} tool "
         "end"},
        {CREATED ADDED(0, CUSTOM("")) DELTA("custom_tool_call_input", 0, "a")
             END(CUSTOM("ab")),
         "start:resp_1 call:c/sh args:{\"input\":\"a args:b args:\"} tool end"},
        {END(CUSTOM("a")),
         "start:resp_1 call:c/sh args:{\"input\":\"a args:\"} tool end"},
        /* … and what nobody knows is passed over */
        {CREATED EV("response.moon.phase", ",\"output_index\":0") END(MSG),
         "start:resp_1 text:ab stop end"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct watched w;
        struct err e = ERR_INIT;
        assert_int_equal(read_stream(rows[i].stream, &w, &e), ERR_OK);
        assert_string_equal(w.out.data, rows[i].deltas);
        assert_int_equal(w.flags & (EV_FINISH | EV_USAGE | EV_END | EV_ERROR),
                         EV_FINISH | EV_USAGE | EV_END);
        assert_int_equal(usage_input_tok(&w.s.usage), 9);
        assert_int_equal(usage_output_tok(&w.s.usage), 5);
        assert_int_equal(w.s.usage.n[USAGE_REASONING], 2);
        assert_string_equal(w.s.model, "m-1");
        buf_release(&w.out);
    }
}

static void why_it_is_incomplete_is_the_finish(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        enum msg_finish finish;
    } rows[] = {{"max_output_tokens", MSG_FINISH_LENGTH},
                {"content_filter", MSG_FINISH_FILTERED},
                {"moon", MSG_FINISH_UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        struct buf body = BUF_INIT(1000);
        buf_printf(
            &body,
            "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"%s\"},"
            "\"output\":[]}",
            rows[i].reason);
        ops->scan_init(&s, kind("openai"));
        assert_int_equal(ops->scan_reply(&s, buf_str(&body), &e), ERR_OK);
        assert_int_equal(s.finish, rows[i].finish);
        assert_string_equal(s.finish_raw, rows[i].reason);
        buf_release(&body);
    }
}

static void failures_have_their_class(void **state)
{
    (void)state;
    static const struct {
        const char *stream;
        enum errc code;
    } rows[] = {
        {EV("error", ",\"code\":\"rate_limit_exceeded\",\"message\":\"Slow\""),
         ERR_RATE_LIMIT},
        {EV("error", ",\"error\":{\"type\":\"insufficient_quota\",\"code\":"
                     "\"insufficient_quota\",\"message\":\"No money\"}"),
         ERR_QUOTA},
        {EV("response.failed", ",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
                               "\"server_error\",\"message\":\"Oh\"}}"),
         ERR_SERVER},
        {EV("response.failed", ",\"response\":{\"status\":\"failed\"}"), ERR_SERVER},
        /* Perplexity: beside the response */
        {EV("response.failed",
            ",\"response\":{\"status\":\"failed\",\"error\":null},"
            "\"error\":{\"message\":\"Slow\",\"type\":\"x\",\"code\":429}"),
         ERR_RATE_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct watched w;
        struct err e = ERR_INIT;
        assert_int_equal(read_stream(rows[i].stream, &w, &e), rows[i].code);
        assert_true((w.flags & EV_ERROR) != 0);
        buf_release(&w.out);
    }
    static const char *const whole[] = {
        "{\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"Oh\"},"
        "\"output\":[]}",
        "{\"status\":\"in_progress\",\"output\":[]}", "{\"status\":\"completed\"}", "{"};
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        ops->scan_init(&s, kind("openai"));
        assert_int_equal(ops->scan_reply(&s, str_of(whole[i]), &e), ERR_SERVER);
        assert_int_equal(e.origin, ERR_BY_PROVIDER);
    }
}

/* ---- answers to a client ---- */

static enum errc list_events(void *arg, const struct sse_event *ev, struct err *e)
{
    struct buf *out = arg;
    AUTO(jx_put) struct json_object *o = NULL;
    int64_t sequence = -1, n = 0;
    assert_int_equal(jx_parse(ev->data, &o, e), ERR_OK);
    assert_true(str_eq(ev->event, jx_str(o, "type")));
    for (size_t i = 0; i < out->len; i++)
        n += out->data[i] == '\n';
    assert_true(jx_i64(o, "sequence_number", 0, INT64_MAX, &sequence));
    assert_int_equal(sequence, n); /* from 0 without gaps */
    buf_adds(out, str_sub(ev->event, sizeof "response." - 1, ev->event.len));
    buf_addc(out, '\n');
    return ERR_OK;
}

static void a_client_gets_the_whole_sequence(void **state)
{
    (void)state;
    const struct encode_ctx ctx = {.request_id = "01K", .model = STR("m")};
    struct usage usage;
    struct err e = ERR_INIT;
    struct sse in;
    struct buf out = BUF_INIT(100000), names = BUF_INIT(10000);
    usage_init(&usage);
    usage_set(&usage, USAGE_INPUT, 9);
    usage_set(&usage, USAGE_OUTPUT, 5);
    const struct msg_delta deltas[] = {
        {.kind = MSG_D_START, .id = STR("chatcmpl-1"), .model = STR("m-1")},
        {.kind = MSG_D_THINKING, .text = STR("hm")},
        {.kind = MSG_D_TEXT, .text = STR("a")},
        {.kind = MSG_D_TEXT, .text = STR("b")},
        {.kind = MSG_D_CALL, .index = 0, .id = STR("c0"), .name = STR("f")},
        {.kind = MSG_D_CALL, .index = 1, .id = STR("c1"), .name = STR("g")},
        {.kind = MSG_D_ARGS, .index = 1, .text = STR("{}")},
        {.kind = MSG_D_ARGS, .index = 0, .text = STR("{\"a\":1}")},
        {.kind = MSG_D_FINISH, .finish = MSG_FINISH_TOOL},
        {.kind = MSG_D_USAGE, .usage = &usage},
        {.kind = MSG_D_END},
    };
    struct delta_encoder *n = ops->encoder_new(&ctx);
    for (size_t i = 0; i < ARRAY_LEN(deltas); i++)
        ops->encode_delta(n, &deltas[i], &out);
    ops->encoder_free(&n);
    sse_init(&in, LIMIT_EVENT_LEN);
    assert_int_equal(sse_feed(&in, buf_str(&out), list_events, &names, &e), ERR_OK);
    sse_release(&in);
    assert_string_equal(
        names.data,
        "created\nin_progress\n"
        "output_item.added\nreasoning_summary_part.added\nreasoning_summary_text.delta\n"
        "reasoning_summary_text.done\nreasoning_summary_part.done\noutput_item.done\n"
        "output_item.added\ncontent_part.added\noutput_text.delta\noutput_text.delta\n"
        "output_text.done\ncontent_part.done\noutput_item.done\n"
        "output_item.added\noutput_item.added\nfunction_call_arguments.delta\n"
        "function_call_arguments.delta\nfunction_call_arguments.done\noutput_item.done\n"
        "function_call_arguments.done\noutput_item.done\ncompleted\n");
    assert_non_null(
        strstr(out.data, "\"arguments\":\"{\\\"a\\\":1}\",\"call_id\":\"c0\""));
    assert_non_null(strstr(out.data, "\"input_tokens\":9"));
    buf_release(&out);
    buf_release(&names);
}

/* A stream, put together, is the whole answer. */
static void a_whole_answer_says_what_the_stream_says(void **state)
{
    (void)state;
    static const struct {
        enum msg_finish finish;
        const char *status, *reason;
    } rows[] = {{MSG_FINISH_STOP, "completed", ""},
                {MSG_FINISH_TOOL, "completed", ""},
                {MSG_FINISH_LENGTH, "incomplete", "max_output_tokens"},
                {MSG_FINISH_CONTEXT_FULL, "incomplete", "max_output_tokens"},
                {MSG_FINISH_FILTERED, "incomplete", "content_filter"}};
    struct msg_part parts[] = {
        {.kind = MSG_THINKING, .text = STR("hm"), .signature = STR("s")},
        {.kind = MSG_THINKING, .id = STR("rs_9"), .signature = STR("s")},
        {.kind = MSG_TEXT, .text = STR("ab")},
        {.kind = MSG_TOOL_CALL, .id = STR("c"), .name = STR("f")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct encode_ctx ctx = {.request_id = "01K", .model = STR("m")};
        const struct msg_reply r = {
            .parts = parts, .n_parts = ARRAY_LEN(parts), .finish = rows[i].finish};
        AUTO(jx_put) struct json_object *o = NULL;
        struct err e = ERR_INIT;
        struct buf out = BUF_INIT(100000);
        ops->reply_encode(&r, &ctx, &out);
        assert_int_equal(jx_parse(buf_str(&out), &o, &e), ERR_OK);
        assert_true(str_eqz(jx_str(o, "status"), rows[i].status));
        assert_true(
            str_eqz(jx_str(jx_obj(o, "incomplete_details"), "reason"), rows[i].reason));
        struct json_object *output = jx_arr(o, "output");
        assert_int_equal(json_object_array_length(output),
                         3); /* bare state is not shown */
        assert_true(
            str_eqz(jx_str(json_object_array_get_idx(output, 2), "arguments"), "{}"));
        assert_null(strstr(out.data, "encrypted_content"));
        buf_release(&out);
    }
}

/* What the client asked for stands in the answer as it was written; the rest is filled in. */
static void an_answer_repeats_its_request(void **state)
{
    (void)state;
    static const struct {
        const char *body, *said[8];
    } rows[] = {
        {"{\"model\":\"m\",\"input\":\"x\"}",
         {"\"instructions\":null", "\"temperature\":null", "\"tools\":[]",
          "\"tool_choice\":\"auto\"", "\"metadata\":{}",
          "\"reasoning\":{\"effort\":null,\"summary\":null}",
          "\"text\":{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"}"}},
        {"{\"model\":\"m\",\"input\":\"x\",\"instructions\":\"B\\u0065\",\"temperature\":"
         "0.50,"
         "\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],\"tool_choice\":"
         "\"required\","
         "\"metadata\":{\"a\":\"b\"},\"reasoning\":{\"effort\":\"low\"},\"text\":{"
         "\"format\":"
         "{\"type\":\"json_object\"}},\"max_output_tokens\":64,\"parallel_tool_calls\":"
         "false,"
         "\"user\":\"u\",\"top_p\":null,\"store\":true}",
         {"\"instructions\":\"B\\u0065\",\"max_output_tokens\":64",
          "\"temperature\":0.50,\"tool_choice\":\"required\"",
          "\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],\"top_p\":null",
          "\"metadata\":{\"a\":\"b\"},\"parallel_tool_calls\":false",
          "\"reasoning\":{\"effort\":\"low\",\"summary\":null}",
          "\"text\":{\"format\":{\"type\":\"json_object\"},\"verbosity\":\"medium\"}",
          "\"user\":\"u\"", "\"store\":false"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct encode_ctx ctx = {
            .request_id = "01K", .model = STR("m"), .body = str_of(rows[i].body)};
        const struct msg_reply r = {.finish = MSG_FINISH_STOP};
        AUTO(buf_release) struct buf out = BUF_INIT(100000);
        AUTO(jx_put) struct json_object *o = NULL;
        struct err e = ERR_INIT;
        ops->reply_encode(&r, &ctx, &out);
        assert_int_equal(jx_parse(buf_str(&out), &o, &e), ERR_OK);
        for (size_t k = 0; k < ARRAY_LEN(rows[i].said) && rows[i].said[k] != NULL; k++)
            if (strstr(out.data, rows[i].said[k]) == NULL)
                fail_msg("no %s in %s", rows[i].said[k], out.data);
    }
}

static enum errc is_one_json(void *arg, const struct sse_event *ev, struct err *e)
{
    unsigned *n = arg;
    ++*n;
    assert_int_equal(jscan_check(ev->data, e), ERR_OK);
    return ERR_OK;
}

/* A request may be written over many lines; an event of its answer that repeats it is one. */
static void a_request_of_many_lines_ends_no_event(void **state)
{
    (void)state;
    const struct encode_ctx ctx = {
        .request_id = "01K",
        .body = STR("{\"model\":\"m\",\"input\":\"x\",\"tools\":[\n\n  {\n    \"type\":"
                    "\"function\",\r\n    \"name\":\"f\"\n  }\r]}")};
    const struct msg_delta d = {.kind = MSG_D_START};
    struct delta_encoder *n = ops->encoder_new(&ctx);
    AUTO(buf_release) struct buf out = BUF_INIT(100000);
    unsigned n_events = 0;
    struct err e = ERR_INIT;
    struct sse sse;
    ops->encode_delta(n, &d, &out);
    ops->encoder_free(&n);
    sse_init(&sse, 100000);
    assert_int_equal(sse_feed(&sse, buf_str(&out), is_one_json, &n_events, &e), ERR_OK);
    assert_int_equal(n_events, 2);
    assert_int_equal(sse_rest(&sse).len, 0);
    sse_release(&sse);
}

static void an_error_in_a_stream_is_a_failed_response(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(100000);
    const struct error_ext x = {.request_id = "01K", .provider = "p", .sequence = 7};
    err_set(&e, ERR_OVERLOADED, "too much");
    e.origin = ERR_BY_PROVIDER;
    ops->error_event(&e, &x, &out);
    assert_true(str_starts(
        buf_str(&out), STR("event: error\ndata: {\"type\":\"error\","
                           "\"sequence_number\":7,\"code\":\"server_is_overloaded\"")));
    assert_non_null(strstr(out.data, "\"class\":\"overloaded\""));
    assert_non_null(strstr(out.data, "event: response.failed\ndata: {\"type\":"
                                     "\"response.failed\",\"sequence_number\":8"));
    assert_non_null(strstr(out.data, "\"id\":\"resp_01K\""));
    /* where the provider's bytes have passed, it is the provider's response that failed */
    const struct error_ext shown = {
        .request_id = "01K", .provider = "p", .id = "resp_a1"};
    buf_reset(&out);
    ops->error_event(&e, &shown, &out);
    assert_non_null(strstr(out.data, "\"id\":\"resp_a1\""));
    buf_release(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_found),
        cmocka_unit_test(what_cannot_be_relied_on_is_refused),
        cmocka_unit_test(only_what_must_change_changes),
        cmocka_unit_test(a_target_is_asked_in_the_dialect_that_serves_it),
        cmocka_unit_test(chat_becomes_responses),
        cmocka_unit_test(what_it_has_no_place_for_is_left_to_others),
        cmocka_unit_test(items_become_turns),
        cmocka_unit_test(a_body_is_read_with_the_place_of_its_fault),
        cmocka_unit_test(a_providers_events_become_deltas),
        cmocka_unit_test(why_it_is_incomplete_is_the_finish),
        cmocka_unit_test(failures_have_their_class),
        cmocka_unit_test(a_client_gets_the_whole_sequence),
        cmocka_unit_test(a_whole_answer_says_what_the_stream_says),
        cmocka_unit_test(an_answer_repeats_its_request),
        cmocka_unit_test(a_request_of_many_lines_ends_no_event),
        cmocka_unit_test(an_error_in_a_stream_is_a_failed_response),
    };
    return cmocka_run_group_tests_name("responses", tests, NULL, NULL);
}
