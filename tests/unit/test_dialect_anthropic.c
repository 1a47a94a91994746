/* test_dialect_anthropic.c: Anthropic Messages as bytes that pass: facts, splice, scan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/jscan.h"
#include "core/provider.h"

#include "broker/dialect.h"
#include "tests/unit/dialect_test.h"

#include <cmocka.h>

static const struct dialect_ops *const ops = &dialect_anthropic;

static const struct provider_kind *kind(void)
{
    return provider_kind_find(STR("anthropic"));
}

/* ---- facts ---- */

#define USER    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CAP     "\"max_tokens\":9,"
#define BARE(x) "{\"model\":\"m\"," USER "," x "}"
#define WITH(x) BARE(CAP x)
#define PARTS(p)                                                                         \
    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" p \
    "]}]}"

static void facts_are_found_with_their_places(void **state)
{
    (void)state;
    static const char body[] =
        "{\"max_tokens\" : 900,\"system\":\"Be brief.\",\"model\":\"claude\","
        "\"stream\":true," USER ",\"temperature\":0}";
    struct body_facts f = facts_of(ops, body);
    assert_string_equal(f.model_name, "claude");
    assert_memory_equal(body + f.model.pos, "\"claude\"", f.model.len);
    assert_memory_equal(body + f.cap.pos, "900", f.cap.len);
    assert_int_equal(f.cap_key_pos, 1);
    assert_int_equal(f.max_output_tok, 900);
    assert_true(f.stream);
    assert_true(f.include_usage);
    assert_true(f.repeatable);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.needs, 0);
    assert_int_equal(f.prompt_len,
                     strlen("\"Be brief.\"") + strlen(USER) - strlen("\"messages\":"));
    assert_int_equal(strlen(f.system_hash), 16);
}

static void a_system_prompt_has_the_same_name_in_both_dialects(void **state)
{
    (void)state;
    struct body_facts a = facts_of(ops, WITH("\"system\":\"Be brief.\""));
    struct body_facts b =
        facts_of(ops, WITH("\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\"}]"));
    struct body_facts c;
    struct err e = ERR_INIT;
    assert_int_equal(
        dialect_openai.facts(STR("{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{"
                                 "\"role\":\"system\",\"content\":\"Be "
                                 "brief.\"},{\"role\":\"user\",\"content\":\"a\"}]}"),
                             NULL, &c, &e),
        ERR_OK);
    assert_string_equal(a.system_hash, b.system_hash);
    assert_string_equal(a.system_hash, c.system_hash);
}

static void needs_follow_from_the_body(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *body;
        unsigned needs;
    } rows[] = {
        {WITH("\"tools\":[{\"name\":\"t\"}]"), CAP_TOOLS},
        {WITH("\"tools\":[]"), 0},
        {WITH("\"output_config\":{\"format\":{\"type\":\"json_schema\"}}"),
         CAP_JSON_SCHEMA},
        {WITH("\"output_format\":{\"type\":\"json_schema\"}"), CAP_JSON_SCHEMA},
        {WITH("\"output_config\":{\"effort\":\"low\"}"), 0},
        {WITH("\"thinking\":{\"type\":\"adaptive\"}"), CAP_REASONING},
        {WITH("\"thinking\":{\"type\":\"disabled\"}"), 0},
        {PARTS("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"x\"}}"),
         CAP_VISION},
        {PARTS("{\"type\":\"document\",\"source\":{\"type\":\"base64\","
         "\"media_type\":\"application/pdf\",\"data\":\"AA\"}}"), CAP_PDF_IN},
        {PARTS("{\"type\":\"document\",\"source\":{\"type\":\"text\","
         "\"media_type\":\"text/plain\",\"data\":\"AA\"}}"), 0},
        {PARTS("{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
         "\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"file\","
         "\"file_id\":\"f\"}}]}"), CAP_VISION},
        {"{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
         "{\"role\":\"assistant\",\"content\":\"b\"}]}", CAP_PREFILL},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(facts_of(ops, rows[i].body).needs, rows[i].needs);
    assert_true(facts_of(ops, PARTS("{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}"))
                    .tool_results);
}

static void the_end_user_is_known_by_its_id(void **state)
{
    (void)state;
    assert_string_equal(
        facts_of(ops, WITH("\"metadata\":{\"user_id\":\"u-\\u0035\"}")).user, "u-5");
    assert_string_equal(facts_of(ops, WITH("\"metadata\":{}")).user, "");
}

static void media_are_not_text(void **state)
{
    (void)state;
#define IMAGE(data)                                                                      \
    "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"        \
    "png\",\"data\":\"" data "\"}}"
    struct body_facts a = facts_of(ops, PARTS(IMAGE("AAAA")));
    struct body_facts b = facts_of(ops, PARTS(IMAGE("AAAAAAAAAAAA")));
    assert_int_equal(a.n_images, 1);
    assert_int_equal(a.prompt_len, b.prompt_len);
}

static void wrong_fields_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *body, *word;
    } rows[] = {
        {"{", "not valid JSON"},
        {"{\"a\":1,\"\\u0061\":1}", "not valid JSON"},
        {"{" USER "}", "model: is required"},
        {"{\"model\":true," USER "}", "model: must be a string, not a boolean"},
        {"{\"model\":\"m\"}", "messages: is required"},
        {"{\"model\":\"m\",\"max_tokens\":9,\"messages\":\"hi\"}",
         "messages: must be an array, not a string"},
        {"{\"model\":\"m\",\"max_tokens\":9,\"messages\":[]}",
         "messages: must not be empty"},
        {"{\"model\":\"m\",\"max_tokens\":9,\"messages\":[[]]}",
         "messages.0: must be an object"},
        {"{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{}]}",
         "messages.0.role: must be a string"},
        {"{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\"}]}",
         "messages.0.content: must be"},
        {WITH("\"system\":1"), "system: must be"},
        {WITH("\"system\":[1]"), "system.0: must be a text block"},
        {WITH("\"stream\":0"), "stream: must be a boolean, not a number"},
        {BARE("\"stream\":true"), "max_tokens: is required"},
        {BARE("\"max_tokens\":null"), "max_tokens: is required"},
        {WITH("\"metadata\":\"me\""), "metadata: must be an object"},
        {BARE("\"max_tokens\":\"9\""), "max_tokens: must be a number, not a string"},
        {BARE("\"max_tokens\":-1"), "max_tokens: must be an integer from 0"},
        {WITH("\"tools\":1"), "tools: must be an array"},
        {WITH("\"thinking\":\"on\""), "thinking: must be an object"},
        {WITH("\"output_config\":[]"), "output_config: must be an object, not an array"},
        {WITH("\"output_format\":1"), "output_format: must be an object"},
        {WITH("\"temperature\":\"1\""), "temperature: must be a number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_no_facts(ops, rows[i].body, rows[i].word);
}

static void only_model_and_cap_are_spliced(void **state)
{
    (void)state;
#define ASKED "{\"role\":\"user\",\"content\":\"a\"}"
#define TURNS(rest)                                                                      \
    "{\"messages\":[" ASKED "," rest " ],\"max_tokens\":9,\"model\":\"m\"}"
#define OWN_TURNS(rest) "{\"messages\":[" ASKED rest "],\"max_tokens\":5,\"model\":\"y\"}"
#define HM(signature)                                                                    \
    "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":" signature "}"
#define CALL(id) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"f\",\"input\":{}}"
#define RESULT(id)                                                                       \
    "{\"tool_use_id\":\"" id "\",\"type\":\"tool_result\",\"content\":\"7\"}"
#define SAID "{\"type\":\"text\",\"text\":\"b\"}"
    static const struct {
        const char *body;
        int64_t cap;
        const char *want;
    } rows[] = {
        {" {\"x\":1e0,\"model\":\"m\" ,\"max_tokens\":9," USER "}", -1,
         " {\"x\":1e0,\"model\":\"y\" ,\"max_tokens\":9," USER "}"},
        {"{\"model\":\"m\",\"max_tokens\": 9.0," USER "}", 5,
         "{\"model\":\"y\",\"max_tokens\": 5," USER "}"},
        /* thoughts without a signature are another provider's */
        {TURNS(" {\"role\":\"assistant\",\"x\":1e0,\"content\": [" HM(
             "\"\"") " , " SAID "] }, {\"role\":\"user\",\"content\":\"c\"}"),
         5,
         OWN_TURNS(",{\"role\":\"assistant\",\"x\":1e0,\"content\": [" SAID
                   "] },{\"role\":\"user\",\"content\":\"c\"}")},
        {TURNS("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
               "\"hm\"}]},{\"role\":\"user\",\"content\":[" SAID "]}"),
         5, OWN_TURNS(",{\"role\":\"user\",\"content\":[" SAID "]}")},
        /* an id that another provider gave a call stands for itself no more */
        {TURNS("{\"role\":\"assistant\",\"content\":[" CALL(
             "functions.f:0") "]},{\"role\":"
                              "\"user\",\"content\":[" RESULT("functions.f:0") "]}"),
         5,
         OWN_TURNS(",{\"role\":\"assistant\",\"content\":[" CALL(
             "call_5ac0976c23ad531d") "]},{\"role\":"
                                      "\"user\",\"content\":[" RESULT(
                                          "call_5ac0976c23ad531d") "]}")},
        /* a signed one stays, also beside another */
        {TURNS("{\"role\":\"assistant\",\"content\":[" HM("\"S\"") "," HM("\"\"") "," SAID
                                                                                  "]}"),
         5,
         OWN_TURNS(",{\"role\":\"assistant\",\"content\":[" HM("\"S\"") "," SAID "]}")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct body_facts f = facts_of(ops, rows[i].body);
        struct err e = ERR_INIT;
        const struct body_edits edits = {
            .model = STR("y"), .add_include_usage = true, .max_output_tok = rows[i].cap};
        AUTO(buf_release) struct buf text = BUF_INIT(4096), out = BUF_INIT(4096);
        struct pieces pieces;
        assert_int_equal(
            ops->splice(str_of(rows[i].body), &f, &edits, &text, &pieces, &e), ERR_OK);
        pieces_join(&pieces, &out);
        assert_string_equal(out.data, rows[i].want);
    }
}

static void version_and_betas_travel_with_the_body(void **state)
{
    (void)state;
    const struct http1_head head = {
        .headers = {{STR("x-api-key"), STR("sk")},
                    {STR("Anthropic-Version"), STR("2026-10-21")},
                    {STR("anthropic-beta"), STR("a-1,b-2")},
                    {STR("anthropic-beta"), STR("c-3")}},
        .n_headers = 4};
    AUTO(buf_release) struct buf out = BUF_INIT(4096);
    ops->request_headers(&head, true, &out);
    assert_string_equal(out.data,
                        "Anthropic-Version: 2026-10-21\r\nanthropic-beta: a-1,b-2\r\n"
                        "anthropic-beta: c-3\r\n");
    buf_reset(&out);
    ops->request_headers(&head, false, &out);
    assert_string_equal(out.data, "anthropic-version: 2023-06-01\r\n");
}

/* ---- scan ---- */

static unsigned scan(struct scan_state *s, const char *data, struct err *e)
{
    const struct sse_event ev = {.data = str_of(data), .has_data = true};
    return ops->scan_event(s, &ev, e);
}

#define BLOCK(b) "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":" b "}"
#define DELTA(d) "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":" d "}"
#define START                                                                            \
    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_01Zt\",\"type\":\"message\"," \
    "\"role\":\"assistant\",\"model\":\"claude-opus-5\",\"content\":[],"                 \
    "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":22,"        \
    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":5,\"output_tokens\":" \
    "1,"                                                                                 \
    "\"service_tier\":\"standard\"}}}"

/* What multiplies the price is told at the start; the last usage may be silent about it. */
static void services_are_kept_for_the_price(void **state)
{
    (void)state;
    struct scan_state s;
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    scan(&s,
         "{\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-5\",\"usage\":"
         "{\"input_tokens\":22,\"output_tokens\":1,\"speed\":\"fast\",\"inference_geo\":"
         "\"us\"}}}",
         &e);
    scan(&s,
         "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"
         "{\"output_tokens\":9}}",
         &e);
    assert_int_equal(s.n_services, 2);
    assert_true(str_eqz(s.services[0], "fast"));
    assert_true(str_eqz(s.services[1], "inference_geo_us"));
}

static void every_event_has_its_flags(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *data;
        unsigned flags;
    } rows[] = {
        {START, EV_USAGE},
        {"{\"type\": \"ping\"}", EV_PING},
        {BLOCK("{\"type\":\"text\",\"text\":\"\"}"), 0},
        {BLOCK("{\"type\":\"text\",\"text\":\"a\"}"), EV_CONTENT},
        {BLOCK("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"),
         EV_REASONING},
        {BLOCK("{\"type\":\"redacted_thinking\",\"data\":\"x\"}"), EV_CONTENT |
         EV_REASONING},
        {BLOCK("{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"t\",\"input\":{}}"),
         EV_CONTENT | EV_TOOL},
        {BLOCK("{\"type\":\"web_search_tool_result\",\"content\":[]}"), EV_CONTENT},
        {DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}"), EV_CONTENT},
        {DELTA("{\"type\":\"text_delta\",\"text\":\"\"}"), 0},
        {DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"a\"}"), EV_CONTENT |
         EV_REASONING},
        {DELTA("{\"type\":\"signature_delta\",\"signature\":\"a\"}"), EV_REASONING},
        {DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\"}"), EV_CONTENT
         | EV_TOOL},
        {DELTA("{\"type\":\"citations_delta\",\"citation\":{}}"), EV_CONTENT},
        {"{\"type\":\"content_block_stop\",\"index\":0}", 0},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
         "\"usage\":{\"output_tokens\":37}}", EV_FINISH | EV_USAGE},
        {"{\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":37}}",
         EV_USAGE},
        {"{\"type\":\"message_stop\"}", EV_END},
        {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
         "\"message\":\"Overloaded\"}}", EV_ERROR},
        {"{\"type\":\"from_the_future\"}", 0},
        {"{\"type\":", EV_MALFORMED},
        {"[]", EV_MALFORMED},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        ops->scan_init(&s, kind());
        unsigned flags = scan(&s, rows[i].data, &e);
        if (flags != rows[i].flags)
            fail_msg("%s: %#x, not %#x", rows[i].data, flags, rows[i].flags);
        if ((flags & EV_ERROR) != 0)
            assert_int_equal(e.code, ERR_OVERLOADED);
    }
}

static void a_stream_is_summed_up(void **state)
{
    (void)state;
    struct scan_state s;
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    scan(&s, START, &e);
    assert_int_equal(usage_output_tok(&s.usage), 1);
    assert_false(s.has_usage); /* it tells of the input only */
    scan(&s, BLOCK("{\"type\":\"thinking\",\"thinking\":\"\"}"), &e);
    scan(&s, DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"abc\"}"), &e);
    scan(&s,
         BLOCK(
             "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"tide\",\"input\":{}}"),
         &e);
    assert_true(s.tool_open);
    scan(&s, DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}"), &e);
    scan(&s, "{\"type\":\"content_block_stop\",\"index\":1}", &e);
    assert_false(s.tool_open);
    scan(&s,
         "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},"
         "\"usage\":{\"input_tokens\":null,\"output_tokens\":37}}",
         &e);
    assert_string_equal(s.id, "msg_01Zt");
    assert_string_equal(s.model, "claude-opus-5");
    assert_int_equal(s.finish, MSG_FINISH_TOOL);
    assert_string_equal(s.finish_raw, "tool_use");
    assert_int_equal(s.output_len, 4 + 2);
    assert_int_equal(s.reasoning_len, 3);
    /* cumulative: later figures replace, missing ones stay */
    assert_int_equal(usage_input_tok(&s.usage), 27);
    assert_int_equal(usage_output_tok(&s.usage), 37);
    assert_true(s.has_usage);
}

static void an_event_like_the_last_is_no_other(void **state)
{
    (void)state;
    static const char *const events[] = {
        BLOCK("{\"type\":\"text\",\"text\":\"\"}"),
        DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}"),
        DELTA("{\"type\":\"text_delta\",\"text\":\"\\u00e9\\n\xC3\xA9\"}"),
        DELTA("{\"type\":\"text_delta\",\"text\":\"\"}"),
        DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}"),
        DELTA("{\"type\":\"text_delta\",\"text\":\"a\",\"signature\":\"b\"}"),
        DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}"),
        DELTA("{\"type\":\"text_delta\",\"text\":\"\xC3\"}"),
        DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"a\"}"),
        DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"bc\"}"),
        BLOCK("{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{}}"),
        DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"a\"}"),
        DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"bc\"}"),
        "{\"type\":\"content_block_stop\",\"index\":0}",
        DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}"),
    };
    check_again(ops, kind(), events, ARRAY_LEN(events), 1);
}

static void a_stop_reason_has_one_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum msg_finish finish;
    } rows[] = {{"end_turn", MSG_FINISH_STOP},
                {"stop_sequence", MSG_FINISH_STOP_SEQUENCE},
                {"max_tokens", MSG_FINISH_LENGTH},
                {"model_context_window_exceeded", MSG_FINISH_CONTEXT_FULL},
                {"tool_use", MSG_FINISH_TOOL},
                {"refusal", MSG_FINISH_FILTERED},
                {"pause_turn", MSG_FINISH_PAUSED},
                {"compaction", MSG_FINISH_PAUSED},
                {"odd", MSG_FINISH_UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        char data[256];
        ops->scan_init(&s, kind());
        snprintf(data, sizeof data,
                 "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\"}}",
                 rows[i].word);
        assert_int_equal(scan(&s, data, &e), EV_FINISH);
        assert_int_equal(s.finish, rows[i].finish);
    }
}

static void a_whole_answer_is_scanned(void **state)
{
    (void)state;
    struct scan_state s;
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    assert_int_equal(
        ops->scan_reply(&s,
                        STR("{\"id\":\"msg_01Kd\",\"type\":\"message\",\"role\":"
                            "\"assistant\",\"model\":\"claude-sonnet-5\","
                            "\"content\":[{\"type\":\"text\",\"text\":\"6.12 "
                            "m.\"}],\"stop_reason\":\"end_turn\","
                            "\"usage\":{\"input_tokens\":41,\"cache_read_input_tokens\":"
                            "1310,\"output_tokens\":9,"
                            "\"service_tier\":\"standard\"}}"),
                        &e),
        ERR_OK);
    assert_string_equal(s.model, "claude-sonnet-5");
    assert_int_equal(s.n_services, 0);
    assert_int_equal(s.finish, MSG_FINISH_STOP);
    assert_int_equal(s.output_len, 7);
    assert_int_equal(usage_input_tok(&s.usage), 1351);
    ops->scan_init(&s, kind());
    assert_int_equal(ops->scan_reply(&s, STR("{\"input_tokens\":2188}"), &e), ERR_OK);
}

static void errors_hide_in_a_200(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}", "{}",
        "", "<html>", "{\"content\":\"x\"}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        ops->scan_init(&s, kind());
        assert_int_equal(ops->scan_reply(&s, str_of(rows[i]), &e), ERR_SERVER);
        assert_int_equal(e.origin, ERR_BY_PROVIDER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_found_with_their_places),
        cmocka_unit_test(a_system_prompt_has_the_same_name_in_both_dialects),
        cmocka_unit_test(needs_follow_from_the_body),
        cmocka_unit_test(the_end_user_is_known_by_its_id),
        cmocka_unit_test(media_are_not_text),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(only_model_and_cap_are_spliced),
        cmocka_unit_test(version_and_betas_travel_with_the_body),
        cmocka_unit_test(services_are_kept_for_the_price),
        cmocka_unit_test(every_event_has_its_flags),
        cmocka_unit_test(a_stream_is_summed_up),
        cmocka_unit_test(an_event_like_the_last_is_no_other),
        cmocka_unit_test(a_stop_reason_has_one_meaning),
        cmocka_unit_test(a_whole_answer_is_scanned),
        cmocka_unit_test(errors_hide_in_a_200),
    };
    return cmocka_run_group_tests_name("dialect_anthropic", tests, NULL, NULL);
}
