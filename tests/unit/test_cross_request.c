/* test_cross_request.c: requests from one dialect to the other: golden bodies, drops, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/jscan.h"

#include "broker/dialect.h"

#include <cmocka.h>

struct crossing {
    const char *kind, *model;
    const char *in, *want;
    const char *dropped; /* joined by commas; NULL: none */
};

static enum errc cross(enum dialect from, const struct crossing *c, struct buf *out,
                       struct dropped *d, struct err *e)
{
    const struct provider_kind *kind = provider_kind_find(str_of(c->kind));
    const struct target_caps caps = {.kind = kind, .model = str_of(c->model)};
    const struct body_facts facts = {.n = 1};
    struct arena a;
    struct msg_request m;
    arena_init(&a, 1 << 20);
    enum errc rc = dialect_ops(from)->request_decode(str_of(c->in), NULL, &a, &m, e);
    if (rc == ERR_OK)
        rc = dialect_for(kind, from, &facts, caps.model)
                 ->request_encode(&m, &caps, out, d, e);
    /* dropped names may live in the arena: make them outlive it as constants */
    static char names[32][65];
    for (size_t i = 0; i < d->n; i++) {
        snprintf(names[i], sizeof names[i], "%s", d->names[i]);
        d->names[i] = names[i];
    }
    arena_release(&a);
    return rc;
}

static void check(enum dialect from, const struct crossing *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT;
        struct dropped d = {.n = 0};
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        AUTO(buf_release) struct buf dropped = BUF_INIT(4096);
        if (cross(from, &rows[i], &out, &d, &e) != ERR_OK)
            fail_msg("%s: %s", rows[i].in, e.text);
        for (size_t k = 0; k < d.n; k++)
            buf_printf(&dropped, "%s%s", k > 0 ? "," : "", d.names[k]);
        assert_int_equal(jscan_check(buf_str(&out), &e), ERR_OK);
        assert_string_equal(out.data, rows[i].want);
        assert_string_equal(dropped.len > 0 ? dropped.data : "",
                            rows[i].dropped != NULL ? rows[i].dropped : "");
    }
}

/* ---- OpenAI to Anthropic ---- */

#define OC(rest)        "{\"model\":\"x\",\"messages\":[" rest "}"
#define HI              "{\"role\":\"user\",\"content\":\"hi\"}]"
#define AN(model, rest) "{\"model\":\"" model "\",\"max_tokens\":4096," rest "}"
#define AN_HI                                                                            \
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]" \
    "}]"
#define TEXT(t) "{\"type\":\"text\",\"text\":\"" t "\"}"

static void a_conversation_with_tools_goes_to_anthropic(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {"anthropic", "claude-sonnet-5", "{\"model\":\"x\",\"stream\":true,"
         "\"max_completion_tokens\":400,\"messages\":[{\"role\":\"developer\","
         "\"content\":\"Answer in one line.\"},{\"role\":\"system\","
         "\"content\":\"Be exact.\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
         "\"text\":\"Tide at Brest?\"}]},{\"role\":\"assistant\",\"content\":null,"
         "\"tool_calls\":[{\"id\":\"call_a1\",\"type\":\"function\","
         "\"function\":{\"name\":\"tide\","
         "\"arguments\":\"{\\\"port\\\":\\\"Brest\\\"}\"}},{\"id\":\"call:b2\","
         "\"type\":\"function\",\"function\":{\"name\":\"tide\","
         "\"arguments\":\"{oops\"}},{\"id\":\"call_c3\",\"type\":\"function\","
         "\"function\":{\"name\":\"now\",\"arguments\":\"\"}}]},{\"role\":\"tool\","
         "\"tool_call_id\":\"call_a1\",\"content\":\"{\\\"high\\\":\\\"17:42\\\"}\"},"
         "{\"role\":\"tool\",\"tool_call_id\":\"call:b2\","
         "\"content\":[{\"type\":\"text\",\"text\":\"bad\"}]},{\"role\":\"tool\","
         "\"tool_call_id\":\"call_c3\",\"content\":\"\"},{\"role\":\"user\","
         "\"content\":\"and?\"}],\"tools\":[{\"type\":\"function\","
         "\"function\":{\"name\":\"tide\",\"description\":\"d\",\"strict\":false,"
         "\"parameters\":{\"type\":\"object\","
         "\"properties\":{\"port\":{\"type\":\"string\"}}}}},{\"type\":\"function\","
         "\"function\":{\"name\":\"now\"}}],\"tool_choice\":\"auto\","
         "\"parallel_tool_calls\":false}", "{\"model\":\"claude-sonnet-5\","
         "\"max_tokens\":400,\"system\":\"Answer in one line.\\n\\nBe exact.\","
         "\"messages\":[{\"role\":\"user\",\"content\":["
         TEXT("Tide at Brest?") "]},{\"role\":\"assistant\","
         "\"content\":[{\"type\":\"tool_use\",\"id\":\"call_a1\",\"name\":\"tide\","
         "\"input\":{\"port\":\"Brest\"}},{\"type\":\"tool_use\","
         "\"id\":\"call_1659eab3115a0e8f\",\"name\":\"tide\","
         "\"input\":{\"_raw\":\"{oops\"}},{\"type\":\"tool_use\",\"id\":\"call_c3\","
         "\"name\":\"now\",\"input\":{}}]},{\"role\":\"user\","
         "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"call_a1\","
         "\"content\":\"{\\\"high\\\":\\\"17:42\\\"}\"},{\"type\":\"tool_result\","
         "\"tool_use_id\":\"call_1659eab3115a0e8f\",\"content\":\"bad\"},"
         "{\"type\":\"tool_result\",\"tool_use_id\":\"call_c3\"},"
         TEXT("and?") "]}],\"tools\":[{\"name\":\"tide\",\"description\":\"d\","
         "\"input_schema\":{\"type\":\"object\","
         "\"properties\":{\"port\":{\"type\":\"string\"}}},\"strict\":false},"
         "{\"name\":\"now\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],"
         "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}}", NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void roles_are_made_to_fit_anthropic(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        /* the first turn must be the user's, the last is a finished one here */
        {"anthropic", "claude-opus-5",
         OC("{\"role\":\"assistant\",\"content\":\"Yes? \"}]"),
         AN("claude-opus-5", "\"messages\":[{\"role\":\"user\",\"content\":\".\"},"
         "{\"role\":\"assistant\",\"content\":["
         TEXT("Yes? ") "]},{\"role\":\"user\",\"content\":\"Continue.\"}]"), NULL},
        /* older models go on from it, when it ends in no blank */
        {"anthropic", "claude-haiku-4-5-20251001",
         OC("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
         "\"content\":\"Yes \"}]"),
         AN("claude-haiku-4-5-20251001", "\"messages\":[{\"role\":\"user\",\"content\":["
         TEXT("a") "]},{\"role\":\"assistant\",\"content\":[" TEXT("Yes") "]}]"), NULL},
        /* neighbours of one role merge; empty texts are a 400 */
        {"anthropic", "claude-opus-5",
         OC("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
         "\"content\":\"\"},{\"role\":\"user\",\"content\":\" \"},{\"role\":\"user\","
         "\"name\":\"Ann\",\"content\":\"b\"}]"),
         AN("claude-opus-5", "\"messages\":[{\"role\":\"user\",\"content\":[" TEXT("a")
         "," TEXT("Ann: b") "]}]"), NULL},
        {"anthropic", "claude-opus-5", OC("{\"role\":\"user\",\"content\":\"\"}]"),
         AN("claude-opus-5", "\"messages\":[{\"role\":\"user\",\"content\":\".\"}]"), NULL},
        /* a later system turn keeps its role where models take it: between user and assistant */
        {"anthropic", "claude-opus-5",
         OC("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\","
         "\"content\":\"S\"}]"),
         AN("claude-opus-5", "\"messages\":[{\"role\":\"user\",\"content\":["
         TEXT("a") "]},{\"role\":\"system\",\"content\":[" TEXT("S") "]}]"), NULL},
        {"anthropic", "claude-sonnet-5",
         OC("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\","
         "\"content\":\"S\"}]"),
         AN("claude-sonnet-5", "\"messages\":[{\"role\":\"user\",\"content\":[" TEXT("a")
         "," TEXT("<system>S</system>") "]}]"), NULL},
        {"anthropic", "claude-opus-5",
         OC("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\","
         "\"content\":\"S\"},{\"role\":\"user\",\"content\":\"b\"}]"),
         AN("claude-opus-5", "\"messages\":[{\"role\":\"user\",\"content\":[" TEXT("a")
         "," TEXT("<system>S</system>") "," TEXT("b") "]}]"), NULL},
        /* a thought without a signature is worth nothing here; a refusal is a text */
        {"anthropic", "claude-opus-5",
         OC("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
         "\"reasoning_content\":\"hm\",\"content\":null,\"refusal\":\"No.\"},"
         "{\"role\":\"user\",\"content\":\"b\"}]"),
         AN("claude-opus-5", "\"messages\":[{\"role\":\"user\",\"content\":["
         TEXT("a") "]},{\"role\":\"assistant\",\"content\":["
         TEXT("No.") "]},{\"role\":\"user\",\"content\":[" TEXT("b") "]}]"), NULL},
        /* before tools there were functions */
        {"anthropic", "claude-opus-5",
         OC("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
         "\"content\":null,\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
         "{\"role\":\"function\",\"name\":\"f\",\"content\":\"r\"}],"
         "\"functions\":[{\"name\":\"f\"}],\"function_call\":{\"name\":\"f\"}"),
         AN("claude-opus-5", "\"messages\":[{\"role\":\"user\",\"content\":["
         TEXT("a") "]},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
         "\"id\":\"call_1\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\","
         "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"call_1\","
         "\"content\":\"r\"}]}],\"tools\":[{\"name\":\"f\","
         "\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],"
         "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void parts_go_to_anthropic(void **state)
{
    (void)state;
#define PARTS(p) OC("{\"role\":\"user\",\"content\":[" p "]}]")
#define AN_PARTS(p)                                                                      \
    AN("claude-opus-5", "\"messages\":[{\"role\":\"user\",\"content\":[" p "]}]")
    /* clang-format off */
    static const struct crossing rows[] = {
        {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\","
         "\"detail\":\"low\"}}"),
         AN_PARTS("{\"type\":\"image\",\"source\":{\"type\":\"url\","
         "\"url\":\"https://x/y.png\"}}"), "image_url.detail"},
        /* the label says png, the bytes say jpeg */
        {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,"
         "/9j/4AAQ\"}}"), AN_PARTS("{\"type\":\"image\",\"source\":{\"type\":\"base64\","
         "\"media_type\":\"image/jpeg\",\"data\":\"/9j/4AAQ\"}}"), NULL},
        {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","
         "\"file_data\":\"data:application/pdf;base64,JVBE\"}}"),
         AN_PARTS("{\"type\":\"document\",\"source\":{\"type\":\"base64\","
         "\"media_type\":\"application/pdf\",\"data\":\"JVBE\"},\"title\":\"a.pdf\"}"),
         NULL},
        /* a text is a document as it stands: "tide" */
        {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"file\",\"file\":{\"filename\":\"a.json\","
         "\"file_data\":\"data:application/json;base64,dGlkZQ==\"}}"),
         AN_PARTS("{\"type\":\"document\",\"source\":{\"type\":\"text\","
         "\"media_type\":\"text/plain\",\"data\":\"tide\"},\"title\":\"a.json\"}"),
         NULL},
        {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"text\",\"text\":\"long\","
         "\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}}," TEXT("b")),
         AN_PARTS("{\"type\":\"text\",\"text\":\"long\","
         "\"cache_control\":{\"type\":\"ephemeral\"}}," TEXT("b")), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

/* What a client says of thoughts, in its own dialect, and what a provider is asked then. */
static void thoughts_are_shown_as_the_client_wishes(void **state)
{
    (void)state;
#define SAYS(display)                                                                    \
    OC(HI ",\"max_tokens\":9000,\"output_config\":{\"effort\":\"low\"},"                 \
          "\"thinking\":{\"type\":\"adaptive\"" display "}")
#define ITEM(summary)                                                                    \
    "{\"model\":\"m\",\"input\":\"x\",\"reasoning\":{\"effort\":\"low\"" summary "}}"
#define OMITTED    ",\"display\":\"omitted\""
#define SUMMARIZED ",\"display\":\"summarized\""
#define SUMMARY    ",\"summary\":\"auto\""
    static const struct {
        enum dialect client;
        struct crossing c; /* want: a part of the body */
        const char *unwanted;
    } rows[] = {
        {DIALECT_ANTHROPIC,
         {"gemini", "gemini-3.8-flash", SAYS(OMITTED), "{\"thinkingLevel\":\"LOW\"}",
          NULL},
         "includeThoughts"},
        {DIALECT_ANTHROPIC,
         {"gemini", "gemini-3.8-flash", SAYS(""), "\"includeThoughts\":true", NULL},
         NULL},
        {DIALECT_ANTHROPIC,
         {"openai-responses", "gpt-5.5", SAYS(SUMMARIZED),
          "\"reasoning\":{\"effort\":\"low\"" SUMMARY "}", NULL},
         NULL},
        {DIALECT_ANTHROPIC,
         {"openai-responses", "gpt-5.5", SAYS(""), "\"reasoning\":{\"effort\":\"low\"}",
          NULL},
         "summary"},
        {DIALECT_ANTHROPIC,
         {"bedrock", "anthropic.claude-opus-5", SAYS(OMITTED),
          "\"thinking\":{\"type\":\"adaptive\"}", NULL},
         "display"},
        {DIALECT_ANTHROPIC,
         {"bedrock", "anthropic.claude-opus-4-6", SAYS(OMITTED), OMITTED "}", NULL},
         NULL},
        {DIALECT_RESPONSES,
         {"anthropic", "claude-opus-5", ITEM(SUMMARY), SUMMARIZED "}", NULL},
         NULL},
        {DIALECT_RESPONSES,
         {"anthropic", "claude-opus-4-6", ITEM(SUMMARY),
          "\"thinking\":{\"type\":\"adaptive\"}", NULL},
         "display"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct dropped d = {.n = 0};
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        assert_int_equal(cross(rows[i].client, &rows[i].c, &out, &d, &e), ERR_OK);
        if (strstr(out.data, rows[i].c.want) == NULL ||
            (rows[i].unwanted != NULL && strstr(out.data, rows[i].unwanted) != NULL))
            fail_msg("row %zu: %s", i, out.data);
    }
}

static void effort_follows_the_family(void **state)
{
    (void)state;
    static const struct {
        const char *model, *effort;
        int64_t cap;
        const char *want; /* what stands in the body */
        const char *dropped;
    } rows[] = {
        {"claude-sonnet-4-5", "none", 9000, NULL, ""},
        {"claude-sonnet-4-5", "minimal", 9000,
         "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}", ""},
        {"claude-sonnet-4-5", "low", 9000,
         "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}", ""},
        {"claude-3-7-sonnet-latest", "medium", 9000, "\"budget_tokens\":8192}", ""},
        {"claude-opus-4-20250514", "high", 9000, "\"budget_tokens\":8999}", ""},
        {"claude-haiku-4-5", "xhigh", 64000, "\"budget_tokens\":32768}", ""},
        {"claude-haiku-4-5", "max", 64000, "\"budget_tokens\":63999}", ""},
        {"claude-haiku-4-5", "low", 1000, NULL, "reasoning_effort"},
        {"claude-opus-4-6", "none", 9000, "\"thinking\":{\"type\":\"disabled\"}", ""},
        {"claude-opus-4-6", "minimal", 9000,
         "\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}",
         ""},
        {"claude-opus-4-8", "high", 9000,
         "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
         "\"output_config\":{\"effort\":\"high\"}",
         ""},
        {"claude-sonnet-5", "max", 9000, "\"output_config\":{\"effort\":\"max\"}", ""},
        {"claude-sonnet-5", "none", 9000, "\"thinking\":{\"type\":\"disabled\"}", ""},
        {"claude-sonnet-5-5", "none", 9000, "\"thinking\":{\"type\":\"between_tools\"}",
         ""},
        {"claude-opus-5-5", "none", 9000, "\"output_config\":{\"effort\":\"low\"}", ""},
        {"claude-haiku-5-5", "none", 9000, "\"thinking\":{\"type\":\"disabled\"}", ""},
        {"claude-fable-5-2", "none", 9000, "\"output_config\":{\"effort\":\"low\"}", ""},
        {"harbour-gate", "medium", 9000,
         "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
         "\"output_config\":{\"effort\":\"medium\"}",
         ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char in[512];
        snprintf(in, sizeof in,
                 OC(HI ",\"reasoning_effort\":\"%s\",\"max_completion_tokens\":%lld"),
                 rows[i].effort, (long long)rows[i].cap);
        const struct crossing c = {"anthropic", rows[i].model, in, NULL, NULL};
        struct err e = ERR_INIT;
        struct dropped d = {.n = 0};
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        assert_int_equal(cross(DIALECT_OPENAI, &c, &out, &d, &e), ERR_OK);
        if (rows[i].want == NULL) {
            assert_null(strstr(out.data, "thinking"));
            assert_null(strstr(out.data, "effort"));
        } else if (strstr(out.data, rows[i].want) == NULL) {
            fail_msg("%s %s: %s", rows[i].model, rows[i].effort, out.data);
        }
        assert_string_equal(d.n > 0 ? d.names[0] : "", rows[i].dropped);
    }
}

static void in_a_tool_loop_there_is_no_thinking_by_budget(void **state)
{
    (void)state;
    static const char calls[] =
        "{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"tool_calls\":"
        "[{\"id\":\"c\",\"function\":{\"name\":\"f\"}}]},";
    static const struct {
        const char *after;
        bool thinks;
    } rows[] = {
        {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"}", false},
        {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"},{\"role\":"
         "\"user\",\"content\":\"b\"}",
         false},
        {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"},{\"role\":"
         "\"assistant\",\"content\":\"x\"},"
         "{\"role\":\"user\",\"content\":\"b\"}",
         true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char in[1024];
        snprintf(in, sizeof in, OC("%s%s],\"reasoning_effort\":\"low\""), calls,
                 rows[i].after);
        const struct crossing c = {"anthropic", "claude-haiku-4-5", in, NULL, NULL};
        struct err e = ERR_INIT;
        struct dropped d = {.n = 0};
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        assert_int_equal(cross(DIALECT_OPENAI, &c, &out, &d, &e), ERR_OK);
        assert_int_equal(strstr(out.data, "budget_tokens") != NULL, rows[i].thinks);
        assert_int_equal(d.n, rows[i].thinks ? 0 : 1);
    }
}

static void a_forced_choice_is_asked_for_in_words_where_it_is_refused(void **state)
{
    (void)state;
#define TOOL_F "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define AN_TOOL_F                                                                        \
    "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}" \
    "}}]"
#define ONE_F ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"
    /* clang-format off */
    static const struct crossing rows[] = {
        {"anthropic", "claude-opus-5", OC(HI "," TOOL_F ",\"tool_choice\":\"required\""),
         AN("claude-opus-5", AN_HI "," AN_TOOL_F ",\"tool_choice\":{\"type\":\"any\"}"),
         NULL},
        {"anthropic", "claude-opus-5", OC(HI "," TOOL_F ",\"tool_choice\":\"any\""),
         AN("claude-opus-5", AN_HI "," AN_TOOL_F ",\"tool_choice\":{\"type\":\"any\"}"),
         NULL},
        {"anthropic", "claude-opus-5-5", OC(HI "," TOOL_F ",\"tool_choice\":\"required\""),
         AN("claude-opus-5-5", "\"system\":\"Answer "
         "by calling at least one of the tools.\"," AN_HI "," AN_TOOL_F
         ",\"tool_choice\":{\"type\":\"auto\"}"), "tool_choice"},
        {"anthropic", "claude-fable-5-1", OC("{\"role\":\"system\",\"content\":\"S\"}," HI
         "," TOOL_F ONE_F), AN("claude-fable-5-1",
         "\"system\":\"S\\n\\nAnswer by calling the tool f.\"," AN_HI "," AN_TOOL_F
         ",\"tool_choice\":{\"type\":\"auto\"}"), "tool_choice"},
        {"anthropic", "claude-haiku-4-5", OC(HI "," TOOL_F ONE_F
         ",\"reasoning_effort\":\"low\""),
         AN("claude-haiku-4-5", "\"system\":\"Answer by calling the tool f.\"," AN_HI ","
         AN_TOOL_F ",\"tool_choice\":{\"type\":\"auto\"},"
         "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}"), "tool_choice"},
        {"anthropic", "claude-opus-5", OC(HI "," TOOL_F
         ",\"tool_choice\":\"none\",\"parallel_tool_calls\":true"), AN("claude-opus-5",
         AN_HI "," AN_TOOL_F ",\"tool_choice\":{\"type\":\"none\"}"), NULL},
        /* a subset of the tools becomes the list */
        {"anthropic", "claude-opus-5",
         OC(HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}},"
         "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
         "\"tool_choice\":{\"type\":\"allowed_tools\","
         "\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":\"function\","
         "\"function\":{\"name\":\"f\"}}]}}"), AN("claude-opus-5", AN_HI "," AN_TOOL_F
         ",\"tool_choice\":{\"type\":\"any\"}"), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void schemas_are_made_to_fit_anthropic(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {"anthropic", "claude-opus-5",
         OC(HI ",\"response_format\":{\"type\":\"json_schema\","
         "\"json_schema\":{\"name\":\"n\",\"strict\":true,"
         "\"schema\":{\"type\":\"object\","
         "\"properties\":{\"minimum\":{\"type\":\"integer\",\"minimum\":1},"
         "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
         "\"additionalProperties\":true}}},\"anyOf\":[{\"properties\":{}}],"
         "\"$defs\":{\"d\":{\"type\":\"string\",\"maxLength\":3}}}}}"),
         AN("claude-opus-5", AN_HI ",\"output_config\":{\"format\":{\"type\":"
         "\"json_schema\",\"schema\":{\"type\":\"object\","
         "\"properties\":{\"minimum\":{\"type\":\"integer\"},"
         "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
         "\"additionalProperties\":false}}},\"anyOf\":[{\"properties\":{},"
         "\"additionalProperties\":false}],"
         "\"additionalProperties\":false}}}"), "schema.minimum"},
        /* definitions stand where they are referred to, once more for each place */
        {"anthropic", "claude-opus-5",
         OC(HI ",\"response_format\":{\"type\":\"json_schema\","
         "\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\","
         "\"properties\":{\"a\":{\"$ref\":\"#/$defs/d\"},"
         "\"b\":{\"$ref\":\"#/definitions/e\",\"description\":\"B\"}},"
         "\"$defs\":{\"d\":{\"type\":\"string\",\"maxLength\":3}},"
         "\"definitions\":{\"e\":{\"type\":\"object\"}}}}}"),
         AN("claude-opus-5", AN_HI ",\"output_config\":{\"format\":{\"type\":"
         "\"json_schema\",\"schema\":{\"type\":\"object\","
         "\"properties\":{\"a\":{\"type\":\"string\"},"
         "\"b\":{\"description\":\"B\",\"type\":\"object\","
         "\"additionalProperties\":false}},"
         "\"additionalProperties\":false}}}"), "schema.maxLength"},
        /* a recursive tool is not strict */
        {"anthropic", "claude-opus-5",
         OC(HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
         "\"strict\":true,\"parameters\":{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":"
         "{\"properties\":{\"n\":{\"$ref\":\"#/$defs/n\"}}}}}}}]"),
         AN("claude-opus-5", AN_HI ",\"tools\":[{\"name\":\"f\",\"input_schema\":"
         "{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"properties\":"
         "{\"n\":{\"$ref\":\"#/$defs/n\"}}}}},\"strict\":false}]"), "tools.strict"},
        {"anthropic", "claude-opus-5",
         OC(HI ",\"response_format\":{\"type\":\"json_object\"}"),
         AN("claude-opus-5", "\"system\":\"Answer with one JSON object and nothing "
         "else.\"," AN_HI), "response_format"},
        {"anthropic", "claude-opus-5", OC(HI ",\"response_format\":{\"type\":\"text\"}"),
         AN("claude-opus-5", AN_HI), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void parameters_are_cut_or_dropped_for_anthropic(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {"anthropic", "claude-haiku-4-5",
         OC(HI ",\"temperature\":1.7,\"stop\":[\"END\",\"\\n\"],\"user\":\"u1\""),
         AN("claude-haiku-4-5", AN_HI ",\"temperature\":1,\"stop_sequences\":[\"END\"],"
         "\"metadata\":{\"user_id\":\"u1\"}"), "stop"},
        {"anthropic", "claude-haiku-4-5",
         OC(HI ",\"temperature\":0.70,\"top_p\":0.9,\"stop\":\"END\""),
         AN("claude-haiku-4-5", AN_HI ",\"temperature\":0.70,\"stop_sequences\":["
         "\"END\"]"), "top_p"},
        {"anthropic", "claude-opus-5",
         OC(HI ",\"temperature\":0.7,\"top_p\":0.9,\"seed\":7,\"frequency_penalty\":1,"
         "\"presence_penalty\":1"), AN("claude-opus-5", AN_HI),
         "temperature,top_p,frequency_penalty,presence_penalty,seed"},
        {"anthropic", "claude-opus-5",
         OC(HI ",\"logit_bias\":{\"1\":2},\"verbosity\":\"low\",\"store\":false,"
         "\"metadata\":null,\"n\":1,\"logprobs\":false,\"service_tier\":\"flex\""),
         AN("claude-opus-5", AN_HI), "service_tier,logit_bias,verbosity,store"},
        {"anthropic", "claude-opus-5", OC(HI ",\"service_tier\":\"default\""),
         AN("claude-opus-5", AN_HI ",\"service_tier\":\"standard_only\""), NULL},
    };
    /* clang-format on */
    check(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void the_cap_is_the_models_own_without_the_clients(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int64_t limit;
        const char *want;
    } rows[] = {{OC(HI), 0, "\"max_tokens\":4096,"},
                {OC(HI), 128000, "\"max_tokens\":128000,"},
                {OC(HI ",\"max_tokens\":50"), 128000, "\"max_tokens\":50,"},
                {OC(HI ",\"max_tokens\":500000"), 128000, "\"max_tokens\":128000,"},
                {OC(HI ",\"max_tokens\":500000"), 0, "\"max_tokens\":500000,"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct msg_request m;
        struct err e = ERR_INIT;
        struct dropped d = {.n = 0};
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        const struct target_caps caps = {.kind = provider_kind_find(STR("anthropic")),
                                         .model = STR("claude-opus-5"),
                                         .max_output_tok = rows[i].limit,
                                         .stream = true};
        arena_init(&a, 1 << 20);
        assert_int_equal(
            dialect_openai.request_decode(str_of(rows[i].in), NULL, &a, &m, &e), ERR_OK);
        assert_int_equal(dialect_anthropic.request_encode(&m, &caps, &out, &d, &e),
                         ERR_OK);
        assert_non_null(strstr(out.data, rows[i].want));
        assert_non_null(strstr(out.data, "\"stream\":true"));
        arena_release(&a);
    }
}

/* ---- Anthropic to OpenAI ---- */

#define A(rest)          "{\"model\":\"x\",\"max_tokens\":900," rest "}"
#define A_HI             "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define O(model, cap, m) "{\"model\":\"" model "\",\"messages\":[" m ",\"" cap "\":900}"
#define O_HI             "{\"role\":\"user\",\"content\":\"hi\"}]"

static void a_conversation_with_tools_goes_to_openai(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct crossing rows[] = {
        {"openai", "gpt-4.1", "{\"model\":\"claude-sonnet-5\","
         "\"max_tokens\":900,\"system\":[{\"type\":\"text\","
         "\"text\":\"Answer as a tide-table clerk.\","
         "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},{\"type\":\"text\","
         "\"text\":\"Be brief.\"}],\"tools\":[{\"name\":\"tide_at\","
         "\"description\":\"Height in cm\",\"input_schema\":{\"type\":\"object\","
         "\"properties\":{\"port\":{\"type\":\"string\"}},\"required\":[\"port\"],"
         "\"additionalProperties\":false},\"strict\":true},"
         "{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}],"
         "\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true},"
         "\"messages\":[{\"role\":\"user\",\"content\":\"High water at Brest?\"},"
         "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
         "\"thinking\":\"hm\",\"signature\":\"sig\"},{\"type\":\"redacted_thinking\","
         "\"data\":\"x\"},{\"type\":\"text\",\"text\":\"Let me see.\"},"
         "{\"type\":\"tool_use\",\"id\":\"toolu_01Q7\",\"name\":\"tide_at\","
         "\"input\":{\"port\": \"Brest\"}},{\"type\":\"tool_use\",\"id\":\"toolu_01Q8\","
         "\"name\":\"tide_at\",\"input\":{}}]},{\"role\":\"user\","
         "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_01Q7\","
         "\"content\":\"612\"},{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_01Q8\","
         "\"is_error\":true,\"content\":[{\"type\":\"text\",\"text\":\"no port\"},"
         "{\"type\":\"image\",\"source\":{\"type\":\"base64\","
         "\"media_type\":\"image/png\",\"data\":\"iVBORw0KGgo=\"}}]},{\"type\":\"text\","
         "\"text\":\"in metres please\"}]}],\"metadata\":{\"user_id\":\"u-5f1c\"},"
         "\"stop_sequences\":[\"a\",\"b\"],"
         "\"temperature\":0.5,\"top_k\":40,\"stream\":true}",
         "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"system\","
         "\"content\":\"Answer as a tide-table clerk.\\n\\nBe brief.\"},"
         "{\"role\":\"user\",\"content\":\"High water at Brest?\"},"
         "{\"role\":\"assistant\",\"content\":\"Let me see.\","
         "\"tool_calls\":[{\"id\":\"toolu_01Q7\",\"type\":\"function\","
         "\"function\":{\"name\":\"tide_at\","
         "\"arguments\":\"{\\\"port\\\": \\\"Brest\\\"}\"}},{\"id\":\"toolu_01Q8\","
         "\"type\":\"function\",\"function\":{\"name\":\"tide_at\","
         "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"toolu_01Q7\","
         "\"content\":\"612\"},{\"role\":\"tool\",\"tool_call_id\":\"toolu_01Q8\","
         "\"content\":\"Error: no port\"},{\"role\":\"user\","
         "\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgo=\"}}]},"
         "{\"role\":\"user\",\"content\":\"in metres please\"}],"
         "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"tide_at\","
         "\"description\":\"Height in cm\",\"parameters\":{\"type\":\"object\","
         "\"properties\":{\"port\":{\"type\":\"string\"}},\"required\":[\"port\"],"
         "\"additionalProperties\":false},\"strict\":true}}],"
         "\"parallel_tool_calls\":false,\"tool_choice\":\"required\","
         "\"max_completion_tokens\":900,\"temperature\":0.5,\"stop\":[\"a\",\"b\"],"
         "\"safety_identifier\":\"u-5f1c\"}", "cache_control,top_k,tools.type"},
    };
    /* clang-format on */
    check(DIALECT_ANTHROPIC, rows, ARRAY_LEN(rows));
}

static void blocks_go_to_openai(void **state)
{
    (void)state;
#define BLOCKS(b) A("\"messages\":[{\"role\":\"user\",\"content\":[" b "]}]")
#define O_PARTS(p)                                                                       \
    O("gpt-4.1", "max_completion_tokens", "{\"role\":\"user\",\"content\":" p "}]")
    /* clang-format off */
    static const struct crossing rows[] = {
        {"openai", "gpt-4.1",
         BLOCKS("{\"type\":\"image\",\"source\":{\"type\":\"url\","
         "\"url\":\"https://x\"}}," TEXT("a")),
         O_PARTS("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}},"
         TEXT("a") "]"), NULL},
        {"openai", "gpt-4.1",
         BLOCKS("{\"type\":\"document\",\"source\":{\"type\":\"base64\","
         "\"media_type\":\"application/pdf\",\"data\":\"JVBE\"}}"),
         O_PARTS("[{\"type\":\"file\",\"file\":{\"filename\":\"document.pdf\","
         "\"file_data\":\"data:application/pdf;base64,JVBE\"}}]"), NULL},
        {"openai", "gpt-4.1",
         BLOCKS("{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":\"text\","
         "\"media_type\":\"text/plain\",\"data\":\"body\"}}"), O_PARTS("\"T\\nbody\""),
         NULL},
        {"openai", "gpt-4.1",
         BLOCKS("{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":["
         TEXT("a") "," TEXT("b") "]}}"), O_PARTS("\"a\\nb\""), NULL},
        {"openai", "gpt-4.1",
         BLOCKS("{\"type\":\"search_result\",\"source\":\"s\",\"title\":\"T\","
         "\"content\":[" TEXT("a") "]}"), O_PARTS("\"T\\na\""), NULL},
        {"openai", "gpt-4.1",
         BLOCKS("{\"type\":\"container_upload\",\"file_id\":\"f\"}," TEXT("a")),
         O_PARTS("\"a\""), "messages.content.type"},
        {"openai", "gpt-5.6-mini",
         BLOCKS("{\"type\":\"text\",\"text\":\"a\","
         "\"cache_control\":{\"type\":\"ephemeral\"}}," TEXT("b")),
         O("gpt-5.6-mini", "max_completion_tokens",
         "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
         "\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}}," TEXT("b") "]}]"), NULL},
        {"openai", "gpt-5", BLOCKS("{\"type\":\"text\",\"text\":\"a\","
         "\"cache_control\":{\"type\":\"ephemeral\"}}," TEXT("b")),
         O("gpt-5", "max_completion_tokens", "{\"role\":\"user\",\"content\":[" TEXT("a")
         "," TEXT("b") "]}]"), "cache_control"},
    };
    /* clang-format on */
    check(DIALECT_ANTHROPIC, rows, ARRAY_LEN(rows));
}

static void kinds_of_provider_get_what_they_take(void **state)
{
    (void)state;
#define THINK(t) A(A_HI ",\"thinking\":" t)
#define EFFORT(w)                                                                        \
    A(A_HI ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"" w    \
           "\"}")
#define OUT(m, x) "{\"model\":\"" m "\",\"messages\":[" O_HI x
#define A_TOOL_F  ",\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]"
#define O_TOOL_F                                                                         \
    ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}" \
    "}]"
#define CAP     ",\"max_completion_tokens\":900}"
#define OLD_CAP ",\"max_tokens\":900}"
    /* clang-format off */
    static const struct crossing rows[] = {
        {"openai", "gpt-5", THINK("{\"type\":\"disabled\"}"),
         OUT("gpt-5", ",\"reasoning_effort\":\"minimal\"" CAP), NULL},
        {"openai", "gpt-5.1", THINK("{\"type\":\"disabled\"}"),
         OUT("gpt-5.1", ",\"reasoning_effort\":\"none\"" CAP), NULL},
        {"openai", "o4-mini", THINK("{\"type\":\"disabled\"}"),
         OUT("o4-mini", ",\"reasoning_effort\":\"low\"" CAP), NULL},
        {"openai", "gpt-5.1", THINK("{\"type\":\"enabled\",\"budget_tokens\":1024}"),
         OUT("gpt-5.1", ",\"reasoning_effort\":\"low\"" CAP), NULL},
        {"openai", "gpt-5.1", THINK("{\"type\":\"enabled\",\"budget_tokens\":10000}"),
         OUT("gpt-5.1", ",\"reasoning_effort\":\"medium\"" CAP), NULL},
        {"openai", "gpt-5.1", THINK("{\"type\":\"enabled\",\"budget_tokens\":20000}"),
         OUT("gpt-5.1", ",\"reasoning_effort\":\"high\"" CAP), NULL},
        {"openai", "gpt-5.2", THINK("{\"type\":\"enabled\",\"budget_tokens\":32000}"),
         OUT("gpt-5.2", ",\"reasoning_effort\":\"xhigh\"" CAP), NULL},
        {"openai", "gpt-5.6", EFFORT("max"), OUT("gpt-5.6",
         ",\"reasoning_effort\":\"xhigh\"" CAP), NULL},
        {"openai", "o3", EFFORT("max"), OUT("o3", ",\"reasoning_effort\":\"high\"" CAP),
         NULL},
        {"openai", "gpt-4o", EFFORT("high"), OUT("gpt-4o", CAP), "reasoning_effort"},
        {"openai", "gpt-4o", THINK("{\"type\":\"disabled\"}"), OUT("gpt-4o", CAP), NULL},
        {"openai", "gpt-5.1", THINK("{\"type\":\"adaptive\"}"), OUT("gpt-5.1", CAP), NULL},
        /* tools and effort on Chat Completions */
        {"openai", "gpt-5.6", A(A_HI A_TOOL_F), OUT("gpt-5.6", O_TOOL_F
         ",\"reasoning_effort\":\"none\"" CAP), NULL},
        {"openai", "gpt-5.4", A(A_HI A_TOOL_F ",\"output_config\":{\"effort\":\"low\"}"),
         OUT("gpt-5.4", O_TOOL_F CAP), "reasoning_effort"},
        {"openai", "gpt-5.1", A(A_HI A_TOOL_F ",\"output_config\":{\"effort\":\"low\"}"),
         OUT("gpt-5.1", O_TOOL_F ",\"reasoning_effort\":\"low\"" CAP), NULL},
        /* reasoning models fix sampling */
        {"openai", "gpt-5", A(A_HI ",\"temperature\":0.5"), OUT("gpt-5", CAP),
         "temperature"},
        {"openai", "gpt-5.1",
         A(A_HI ",\"temperature\":0.5,\"thinking\":{\"type\":\"disabled\"}"),
         OUT("gpt-5.1", ",\"reasoning_effort\":\"none\","
         "\"max_completion_tokens\":900,\"temperature\":0.5}"), NULL},
        {"openai", "o3", A(A_HI ",\"stop_sequences\":[\"x\"]"), OUT("o3", CAP), "stop"},
        {"openai", "gpt-4o", A(A_HI ",\"stop_sequences\":[\"1\",\"2\",\"3\",\"4\",\"5\"]"),
         OUT("gpt-4o", ",\"max_completion_tokens\":900,\"stop\":[\"1\",\"2\",\"3\","
         "\"4\"]}"), "stop.4"},
        {"openai", "gpt-4o", A(A_HI ",\"service_tier\":\"standard_only\""),
         OUT("gpt-4o", ",\"max_completion_tokens\":900,\"service_tier\":\"default\"}"),
         NULL},
        /* the rest of the world */
        {"groq", "m", A(A_HI ",\"temperature\":0.5,\"metadata\":{\"user_id\":\"u\"}"),
         OUT("m", ",\"max_completion_tokens\":900,\"temperature\":0.5}"), "user"},
        {"vllm", "m", A(A_HI ",\"top_k\":40"),
         OUT("m", ",\"max_completion_tokens\":900,\"top_k\":40}"), NULL},
        {"deepseek", "m", THINK("{\"type\":\"disabled\"}"),
         OUT("m", ",\"thinking\":{\"type\":\"disabled\"}" OLD_CAP), NULL},
        {"deepseek", "m", EFFORT("max"),
         OUT("m", ",\"thinking\":{\"type\":\"enabled\"},\"reasoning_effort\":\"max\""
         OLD_CAP), NULL},
        {"zai", "m", EFFORT("low"), OUT("m", ",\"thinking\":{\"type\":\"enabled\"}"
         OLD_CAP), NULL},
        {"zai", "m", A(A_HI A_TOOL_F ",\"tool_choice\":{\"type\":\"any\"}"),
         OUT("m", O_TOOL_F OLD_CAP), "tool_choice"},
        {"alibaba", "m", THINK("{\"type\":\"enabled\",\"budget_tokens\":2048}"),
         OUT("m", ",\"enable_thinking\":true,\"thinking_budget\":2048" OLD_CAP), NULL},
        {"openrouter", "m", EFFORT("xhigh"), OUT("m",
         ",\"reasoning\":{\"effort\":\"xhigh\"}" CAP), NULL},
        {"groq", "m", EFFORT("max"), OUT("m", ",\"reasoning_effort\":\"high\"" CAP), NULL},
        /* schemas */
        {"openai", "gpt-4o",
         A(A_HI ",\"output_config\":{\"format\":{\"type\":\"json_schema\","
         "\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{}},"
         "\"required\":[\"a\"],\"additionalProperties\":false}}}"),
         OUT("gpt-4o", ",\"response_format\":{\"type\":\"json_schema\","
         "\"json_schema\":{\"name\":\"answer\",\"schema\":{\"type\":\"object\","
         "\"properties\":{\"a\":{}},\"required\":[\"a\"],"
         "\"additionalProperties\":false},\"strict\":true}}" CAP), NULL},
        {"openai", "gpt-4o",
         A(A_HI ",\"output_format\":{\"type\":\"json_schema\","
         "\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{}},"
         "\"additionalProperties\":false}}"),
         OUT("gpt-4o", ",\"response_format\":{\"type\":\"json_schema\","
         "\"json_schema\":{\"name\":\"answer\",\"schema\":{\"type\":\"object\","
         "\"properties\":{\"a\":{}},\"additionalProperties\":false}}}" CAP), NULL},
        {"deepseek", "m", A(A_HI ",\"output_format\":{\"type\":\"json_schema\","
         "\"schema\":{}}"),
         "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
         "\"Answer with one JSON object and nothing else. It must be valid under this JSON "
         "Schema: {}\"},{\"role\":\"user\",\"content\":\"hi\"}],"
         "\"response_format\":{\"type\":\"json_object\"}" OLD_CAP, "json_schema"},
        {"mistral", "m", A("\"messages\":[{\"role\":\"assistant\","
         "\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\","
         "\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
         "\"tool_use_id\":\"toolu_1\",\"content\":\"r\"}]}]"),
         "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":null,"
         "\"tool_calls\":[{\"id\":\"vlqpmlx0g\",\"type\":\"function\","
         "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
         "\"tool_call_id\":\"vlqpmlx0g\",\"content\":\"r\"}],\"max_tokens\":900}", NULL},
        /* DeepSeek refuses calls that come back without their thought */
        {"deepseek", "m", A("\"messages\":[{\"role\":\"assistant\","
         "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},"
         "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}]},"
         "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
         "\"tool_use_id\":\"t1\",\"content\":\"r\"}]}]"),
         "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":null,"
         "\"reasoning_content\":\"hm\",\"tool_calls\":[{\"id\":\"t1\","
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
         "{\"role\":\"tool\",\"tool_call_id\":\"t1\",\"content\":\"r\"}],"
         "\"max_tokens\":900}", NULL},
    };
    /* clang-format on */
    check(DIALECT_ANTHROPIC, rows, ARRAY_LEN(rows));
}

/* ---- what cannot be said ---- */

static void what_cannot_be_said_is_refused(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        enum dialect from;
        struct crossing c; /* want: a word of the error */
    } rows[] = {
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5", OC(HI ",\"n\":2"), "n: ", NULL}},
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5", OC(HI ",\"logprobs\":true"),
         "logprobs: ", NULL}},
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5",
         OC(HI ",\"modalities\":[\"text\",\"audio\"]"), "modalities: ", NULL}},
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA\","
         "\"format\":\"wav\"}}"), "input_audio: ", NULL}},
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/tiff;base64,"
         "AA\"}}"), "image_url: ", NULL}},
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"file\",\"file\":{\"file_data\":\"data:a/zip;base64,AA\"}}"),
         "file: must be a PDF", NULL}},
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"file\",\"file\":{\"file_data\":\"data:text/csv;base64,/w==\"}}"),
         "file: ", NULL}},
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5",
         PARTS("{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}"),
         "messages[0].content[0].file.file_id: ", NULL}},
        {DIALECT_OPENAI, {"anthropic", "claude-opus-5",
         OC(HI ",\"tools\":[{\"type\":\"mcp\",\"name\":\"c\"}]"),
         "tools[0].type: \"mcp\"", NULL}},
        {DIALECT_ANTHROPIC, {"openai", "gpt-4o",
         BLOCKS("{\"type\":\"document\",\"source\":{\"type\":\"url\","
         "\"url\":\"https://x/a.pdf\"}}"), "document: ", NULL}},
        {DIALECT_ANTHROPIC, {"openai", "gpt-4o",
         BLOCKS("{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}"),
         "messages.0.content.0.source.file_id: ", NULL}},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct dropped d = {.n = 0};
        AUTO(buf_release) struct buf out = BUF_INIT(1 << 20);
        assert_int_equal(cross(rows[i].from, &rows[i].c, &out, &d, &e), ERR_INVALID);
        if (strncmp(e.text, rows[i].c.want, strlen(rows[i].c.want)) != 0)
            fail_msg("%s: %s", rows[i].c.in, e.text);
        assert_int_equal(e.origin, ERR_BY_GATEWAY);
    }
}

/* ---- wrong types ---- */

struct wrong {
    const char *body, *field;
};

static void check_wrong(enum dialect from, const struct wrong *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct arena a;
        struct msg_request m;
        struct err e = ERR_INIT;
        arena_init(&a, 1 << 20);
        enum errc rc =
            dialect_ops(from)->request_decode(str_of(rows[i].body), NULL, &a, &m, &e);
        arena_release(&a);
        if (rc != ERR_INVALID)
            fail_msg("%s: %s", rows[i].body, errc_name(rc));
        size_t len = strlen(rows[i].field);
        if (strncmp(e.text, rows[i].field, len) != 0 ||
            strncmp(e.text + len, ": ", 2) != 0)
            fail_msg("%s: %s", rows[i].body, e.text);
        /* in the dialect's own shape */
        AUTO(buf_release) struct buf b = BUF_INIT(4096);
        dialect_ops(from)->error_body(&e, NULL, &b);
        struct jspan error = jscan_get(buf_str(&b), jscan_root(buf_str(&b)), "error");
        struct jspan type = jscan_get(buf_str(&b), error, "type");
        assert_true(jscan_is(buf_str(&b), type, "invalid_request_error"));
        assert_int_equal(dialect_ops(from)->error_status(&e), 400);
    }
}

static void wrong_types_are_named_in_openai(void **state)
{
    (void)state;
#define W(x)     OC(HI "," x)
#define MSG(x)   OC("{\"role\":\"user\",\"content\":\"a\"}," x "]")
#define PART(x)  OC("{\"role\":\"user\",\"content\":[" x "]}]")
#define CALLS(x) OC("{\"role\":\"assistant\",\"tool_calls\":" x "}]")
    /* clang-format off */
    static const struct wrong rows[] = {
        {"{\"messages\":[" HI "}", "model"},
        {"{\"model\":1,\"messages\":[" HI "}", "model"},
        {"{\"model\":\"x\"}", "messages"},
        {"{\"model\":\"x\",\"messages\":{}}", "messages"},
        {"{\"model\":\"x\",\"messages\":[]}", "messages"},
        {MSG("7"), "messages[1]"},
        {MSG("{}"), "messages[1].role"},
        {MSG("{\"role\":1}"), "messages[1].role"},
        {MSG("{\"role\":\"wizard\"}"), "messages[1].role"},
        {MSG("{\"role\":\"user\",\"content\":{}}"), "messages[1].content"},
        {MSG("{\"role\":\"user\",\"content\":\"a\",\"name\":1}"), "messages[1].name"},
        {MSG("{\"role\":\"tool\",\"content\":\"a\"}"), "messages[1].tool_call_id"},
        {MSG("{\"role\":\"tool\",\"content\":\"a\",\"tool_call_id\":1}"),
         "messages[1].tool_call_id"},
        {MSG("{\"role\":\"assistant\",\"refusal\":1}"), "messages[1].refusal"},
        {MSG("{\"role\":\"assistant\",\"reasoning_content\":[]}"),
         "messages[1].reasoning_content"},
        {MSG("{\"role\":\"assistant\",\"function_call\":1}"), "messages[1].function_call"},
        {PART("1"), "messages[0].content[0]"},
        {PART("{}"), "messages[0].content[0].type"},
        {PART("{\"type\":\"video\"}"), "messages[0].content[0].type"},
        {PART("{\"type\":\"text\"}"), "messages[0].content[0].text"},
        {PART("{\"type\":\"text\",\"text\":1}"), "messages[0].content[0].text"},
        {PART("{\"type\":\"image_url\",\"image_url\":\"u\"}"),
         "messages[0].content[0].image_url"},
        {PART("{\"type\":\"image_url\",\"image_url\":{}}"),
         "messages[0].content[0].image_url.url"},
        {PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\",\"detail\":1}}"),
         "messages[0].content[0].image_url.detail"},
        {PART("{\"type\":\"input_audio\"}"), "messages[0].content[0].input_audio"},
        {PART("{\"type\":\"input_audio\",\"input_audio\":{\"data\":1}}"),
         "messages[0].content[0].input_audio.data"},
        {PART("{\"type\":\"file\",\"file\":{}}"), "messages[0].content[0].file.file_data"},
        {PART("{\"type\":\"file\",\"file\":{\"file_data\":\"JVBE\"}}"),
         "messages[0].content[0].file.file_data"},
        {CALLS("{}"), "messages[0].tool_calls"},
        {CALLS("[1]"), "messages[0].tool_calls[0]"},
        {CALLS("[{\"id\":\"c\"}]"), "messages[0].tool_calls[0].function"},
        {CALLS("[{\"id\":\"c\",\"type\":\"mcp\",\"function\":{\"name\":\"f\"}}]"),
         "messages[0].tool_calls[0].type"},
        {CALLS("[{\"id\":\"c\",\"function\":{}}]"),
         "messages[0].tool_calls[0].function.name"},
        {CALLS("[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":{}}}]"),
         "messages[0].tool_calls[0].function.arguments"},
        {CALLS("[{\"function\":{\"name\":\"f\"}}]"), "messages[0].tool_calls[0].id"},
        {W("\"max_tokens\":\"9\""), "max_tokens"},
        {W("\"max_completion_tokens\":0.5"), "max_completion_tokens"},
        {W("\"temperature\":\"hot\""), "temperature"},
        {W("\"top_p\":[]"), "top_p"},
        {W("\"top_k\":true"), "top_k"},
        {W("\"frequency_penalty\":\"1\""), "frequency_penalty"},
        {W("\"presence_penalty\":{}"), "presence_penalty"},
        {W("\"seed\":\"s\""), "seed"},
        {W("\"stop\":1"), "stop"},
        {W("\"stop\":[1]"), "stop[0]"},
        {W("\"n\":\"2\""), "n"},
        {W("\"logprobs\":\"yes\""), "logprobs"},
        {W("\"stream\":1"), "stream"},
        {W("\"stream_options\":[]"), "stream_options"},
        {W("\"stream_options\":{\"include_usage\":\"x\"}"),
         "stream_options.include_usage"},
        {W("\"response_format\":\"json\""), "response_format"},
        {W("\"response_format\":{}"), "response_format.type"},
        {W("\"response_format\":{\"type\":\"yaml\"}"), "response_format.type"},
        {W("\"response_format\":{\"type\":\"json_schema\"}"),
         "response_format.json_schema"},
        {W("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}"),
         "response_format.json_schema.name"},
        {W("\"response_format\":{\"type\":\"json_schema\","
         "\"json_schema\":{\"name\":\"n\",\"schema\":[]}}"),
         "response_format.json_schema.schema"},
        {W("\"tools\":{}"), "tools"},
        {W("\"tools\":[1]"), "tools[0]"},
        {W("\"tools\":[{\"type\":\"function\",\"function\":{}}]"),
         "tools[0].function.name"},
        {W("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
         "\"description\":1}}]"), "tools[0].function.description"},
        {W("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
         "\"parameters\":\"{}\"}}]"), "tools[0].function.parameters"},
        {W("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
         "\"strict\":1}}]"), "tools[0].function.strict"},
        {W("\"tool_choice\":\"maybe\""), "tool_choice"},
        {W("\"tool_choice\":1"), "tool_choice"},
        {W("\"tool_choice\":{\"type\":\"function\"}"), "tool_choice.function"},
        {W("\"parallel_tool_calls\":\"no\""), "parallel_tool_calls"},
        {W("\"functions\":{}"), "functions"},
        {W("\"function_call\":1"), "function_call"},
        {W("\"reasoning_effort\":\"huge\""), "reasoning_effort"},
        {W("\"reasoning_effort\":3"), "reasoning_effort"},
        {W("\"modalities\":\"text\""), "modalities"},
        {W("\"audio\":1"), "audio"},
        {W("\"safety_identifier\":1"), "safety_identifier"},
        {W("\"user\":1"), "user"},
        {W("\"service_tier\":1"), "service_tier"},
    };
    /* clang-format on */
    check_wrong(DIALECT_OPENAI, rows, ARRAY_LEN(rows));
}

static void wrong_types_are_named_in_anthropic(void **state)
{
    (void)state;
#define AW(x)     A(A_HI "," x)
#define AMSG(x)   A("\"messages\":[{\"role\":\"user\",\"content\":\"a\"}," x "]")
#define ABLOCK(x) A("\"messages\":[{\"role\":\"user\",\"content\":[" x "]}]")
    /* clang-format off */
    static const struct wrong rows[] = {
        {"{" A_HI "}", "model"},
        {"{\"model\":[]," A_HI "}", "model"},
        {"{\"model\":\"x\"}", "messages"},
        {"{\"model\":\"x\",\"messages\":\"hi\"}", "messages"},
        {AMSG("1"), "messages.1"},
        {AMSG("{\"content\":\"a\"}"), "messages.1.role"},
        {AMSG("{\"role\":\"tool\",\"content\":\"a\"}"), "messages.1.role"},
        {AMSG("{\"role\":\"user\"}"), "messages.1.content"},
        {AMSG("{\"role\":\"user\",\"content\":1}"), "messages.1.content"},
        {ABLOCK("1"), "messages.0.content.0"},
        {ABLOCK("{}"), "messages.0.content.0.type"},
        {ABLOCK("{\"type\":\"text\"}"), "messages.0.content.0.text"},
        {ABLOCK("{\"type\":\"text\",\"text\":[]}"), "messages.0.content.0.text"},
        {ABLOCK("{\"type\":\"text\",\"text\":\"a\",\"cache_control\":1}"),
         "messages.0.content.0.cache_control"},
        {ABLOCK("{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"ttl\":1}}"),
         "messages.0.content.0.cache_control.ttl"},
        {ABLOCK("{\"type\":\"image\"}"), "messages.0.content.0.source"},
        {ABLOCK("{\"type\":\"image\",\"source\":{}}"), "messages.0.content.0.source.type"},
        {ABLOCK("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"A\"}}"),
         "messages.0.content.0.source.media_type"},
        {ABLOCK("{\"type\":\"image\",\"source\":{\"type\":\"url\"}}"),
         "messages.0.content.0.source.url"},
        {ABLOCK("{\"type\":\"document\",\"title\":1}"), "messages.0.content.0.title"},
        {ABLOCK("{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{}}"),
         "messages.0.content.0.id"},
        {ABLOCK("{\"type\":\"tool_use\",\"id\":\"t\",\"input\":{}}"),
         "messages.0.content.0.name"},
        {ABLOCK("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\"}"),
         "messages.0.content.0.input"},
        {ABLOCK("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":\"{}\"}"),
         "messages.0.content.0.input"},
        {ABLOCK("{\"type\":\"tool_result\"}"), "messages.0.content.0.tool_use_id"},
        {ABLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":1}"),
         "messages.0.content.0.content"},
        {ABLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"is_error\":\"y\"}"),
         "messages.0.content.0.is_error"},
        {ABLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
         "\"content\":[{\"type\":\"text\"}]}"), "messages.0.content.0.content.0.text"},
        {ABLOCK("{\"type\":\"thinking\",\"thinking\":1}"),
         "messages.0.content.0.thinking"},
        {AW("\"system\":1"), "system"},
        {AW("\"system\":[{\"type\":\"image\",\"source\":{\"type\":\"url\","
         "\"url\":\"u\"}}]"), "system.0.type"},
        {AW("\"stop_sequences\":\"x\""), "stop_sequences"},
        {AW("\"stop_sequences\":[1]"), "stop_sequences.0"},
        {AW("\"stream\":\"x\""), "stream"},
        {AW("\"temperature\":\"x\""), "temperature"},
        {AW("\"top_p\":\"x\""), "top_p"},
        {AW("\"top_k\":\"x\""), "top_k"},
        {AW("\"tools\":1"), "tools"},
        {AW("\"tools\":[1]"), "tools.0"},
        {AW("\"tools\":[{}]"), "tools.0.name"},
        {AW("\"tools\":[{\"name\":\"f\",\"input_schema\":1}]"), "tools.0.input_schema"},
        {AW("\"tools\":[{\"name\":\"f\",\"strict\":1}]"), "tools.0.strict"},
        {AW("\"tool_choice\":\"auto\""), "tool_choice"},
        {AW("\"tool_choice\":{}"), "tool_choice.type"},
        {AW("\"tool_choice\":{\"type\":\"tool\"}"), "tool_choice.name"},
        {AW("\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":1}"),
         "tool_choice.disable_parallel_tool_use"},
        {AW("\"thinking\":1"), "thinking"},
        {AW("\"thinking\":{}"), "thinking.type"},
        {AW("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1}"),
         "thinking.budget_tokens"},
        {AW("\"output_config\":1"), "output_config"},
        {AW("\"output_config\":{\"effort\":\"huge\"}"), "output_config.effort"},
        {AW("\"output_config\":{\"format\":1}"), "output_config.format"},
        {AW("\"output_config\":{\"format\":{\"type\":\"xml\"}}"),
         "output_config.format.type"},
        {AW("\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":1}}"),
         "output_config.format.schema"},
        {AW("\"metadata\":1"), "metadata"},
        {AW("\"metadata\":{\"user_id\":1}"), "metadata.user_id"},
        {AW("\"service_tier\":1"), "service_tier"},
    };
    /* clang-format on */
    check_wrong(DIALECT_ANTHROPIC, rows, ARRAY_LEN(rows));
    static const struct wrong caps[] = {
        {"{\"model\":\"x\",\"max_tokens\":\"9\"," A_HI "}", "max_tokens"},
        {"{\"model\":\"x\",\"max_tokens\":-9," A_HI "}", "max_tokens"},
        {"{\"model\":\"x\",\"max_tokens\":0," A_HI "}", "max_tokens"},
    };
    check_wrong(DIALECT_ANTHROPIC, caps, ARRAY_LEN(caps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_with_tools_goes_to_anthropic),
        cmocka_unit_test(roles_are_made_to_fit_anthropic),
        cmocka_unit_test(parts_go_to_anthropic),
        cmocka_unit_test(thoughts_are_shown_as_the_client_wishes),
        cmocka_unit_test(effort_follows_the_family),
        cmocka_unit_test(in_a_tool_loop_there_is_no_thinking_by_budget),
        cmocka_unit_test(a_forced_choice_is_asked_for_in_words_where_it_is_refused),
        cmocka_unit_test(schemas_are_made_to_fit_anthropic),
        cmocka_unit_test(parameters_are_cut_or_dropped_for_anthropic),
        cmocka_unit_test(the_cap_is_the_models_own_without_the_clients),
        cmocka_unit_test(a_conversation_with_tools_goes_to_openai),
        cmocka_unit_test(blocks_go_to_openai),
        cmocka_unit_test(kinds_of_provider_get_what_they_take),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(wrong_types_are_named_in_openai),
        cmocka_unit_test(wrong_types_are_named_in_anthropic),
    };
    return cmocka_run_group_tests_name("cross_request", tests, NULL, NULL);
}
