/* test_dialect_openai.c: Chat Completions as bytes that pass: facts, splice, scan. */
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

static const struct dialect_ops *const ops = &dialect_openai;

static const struct provider_kind *kind(void)
{
    return provider_kind_find(STR("openai"));
}

/* ---- facts ---- */

#define USER "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void facts_are_found_with_their_places(void **state)
{
    (void)state;
    static const char body[] =
        "{ \"temperature\" : 0.0, " USER ", \"max\\u005ftokens\": 1e2,\"stream\":true,\n"
        "\"stream_options\":{\"include_usage\":true},\"model\":\"gpt\\u002d5\",\"n\":2,"
        "\"logprobs\":true}";
    struct body_facts f = facts_of(ops, body);
    assert_string_equal(f.model_name, "gpt-5");
    assert_memory_equal(body + f.model.pos, "\"gpt\\u002d5\"", f.model.len);
    assert_true(f.stream);
    assert_true(f.include_usage);
    assert_int_equal(f.max_output_tok, 100);
    assert_memory_equal(body + f.cap.pos, "1e2", f.cap.len);
    assert_memory_equal(body + f.cap_key_pos, "\"max\\u005ftokens\"", 17);
    assert_int_equal(f.n, 2);
    assert_true(f.logprobs);
    assert_true(f.repeatable);
    assert_false(f.tool_results);
    assert_int_equal(f.needs, 0);
    assert_int_equal(f.prompt_len, strlen(USER) - strlen("\"messages\":"));
    assert_string_equal(f.system_hash, "");
}

static void needs_follow_from_the_body(void **state)
{
    (void)state;
#define PARTS(p)                                                                         \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[" p "]}]}"
#define WITH(x) "{\"model\":\"m\"," USER "," x "}"
    static const struct {
        const char *body;
        unsigned needs;
    } rows[] = {
        {WITH("\"tools\":[{}]"), CAP_TOOLS},
        {WITH("\"tools\":[ ]"), 0},
        {WITH("\"functions\":[{}]"), CAP_TOOLS},
        {WITH("\"response_format\":{\"type\":\"json_schema\"}"), CAP_JSON_SCHEMA},
        {WITH("\"response_format\":{\"type\":\"json_object\"}"), 0},
        {WITH("\"reasoning_effort\":\"low\""), CAP_REASONING},
        {WITH("\"reasoning_effort\":\"none\""), 0},
        {WITH("\"modalities\":[\"text\",\"audio\"]"), CAP_AUDIO_OUT},
        {PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}}"),
         CAP_VISION},
        {PARTS("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA\"}}"),
         CAP_AUDIO_IN},
        {PARTS("{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}"), CAP_PDF_IN},
        {PARTS("{\"type\":\"text\",\"text\":\"x\"}"), 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(facts_of(ops, rows[i].body).needs, rows[i].needs);
}

static void a_cache_has_the_lifetime_asked_for(void **state)
{
    (void)state;
    struct body_facts f = facts_of(ops, "{\"model\":\"m\"," USER "}");
    assert_string_equal(f.cache_ttl, "");
    f = facts_of(ops,
                 "{\"model\":\"m\"," USER
                 ",\"prompt_cache_options\":{\"mode\":\"implicit\",\"ttl\":\"12h\"}}");
    assert_string_equal(f.cache_ttl, "12h");
}

static void media_are_not_text(void **state)
{
    (void)state;
    struct body_facts a =
        facts_of(ops, PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":"
                            "\"data:image/png;base64,AAAA\"}}"));
    struct body_facts b =
        facts_of(ops, PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":"
                            "\"data:image/png;base64,AAAAAAAAAAAA\"}}"));
    assert_int_equal(a.n_images, 1);
    assert_int_equal(a.prompt_len, b.prompt_len);
}

static void a_system_prompt_has_one_name(void **state)
{
    (void)state;
    struct body_facts a = facts_of(
        ops, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be "
             "br\\u0069ef.\"},{\"role\":\"user\",\"content\":\"a\"}]}");
    struct body_facts b = facts_of(
        ops,
        "{\"model\":\"x\",\"messages\":[{\"role\":\"developer\",\"content\":[{\"type\":"
        "\"text\",\"text\":\"Be brief.\"}]},{\"role\":\"user\",\"content\":\"b\"}]}");
    struct body_facts c = facts_of(
        ops, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be "
             "long.\"},{\"role\":\"user\",\"content\":\"a\"}]}");
    assert_int_equal(strlen(a.system_hash), 16);
    assert_string_equal(a.system_hash, b.system_hash);
    assert_string_not_equal(a.system_hash, c.system_hash);
}

static void tool_turns_are_noticed(void **state)
{
    (void)state;
    assert_true(facts_of(ops,
                         "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"content\":"
                         "\"x\",\"tool_call_id\":\"c\"}]}")
                    .tool_results);
}

static void wrong_fields_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *body, *word;
    } rows[] = {
        {"", "not valid JSON"},
        {"[]", "not valid JSON"},
        {"{\"model\":\"m\",\"model\":\"m\"," USER "}", "not valid JSON"},
        {"{" USER "}", "model: is required"},
        {"{\"model\":null," USER "}", "model: is required"},
        {"{\"model\":7," USER "}", "model: must be a string, not a number"},
        {"{\"model\":\"\"," USER "}", "model: must have 1 to 200 bytes"},
        {"{\"model\":\"m\"}", "messages: is required"},
        {"{\"model\":\"m\",\"messages\":{}}",
         "messages: must be an array, not an object"},
        {"{\"model\":\"m\",\"messages\":[]}", "messages: must not be empty"},
        {"{\"model\":\"m\",\"messages\":[1]}", "messages[0]: must be an object"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":1}]}",
         "messages[0].role: must be a string"},
        {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":4}]}",
         "messages[0].content: must be"},
        {WITH("\"stream\":\"yes\""), "stream: must be a boolean, not a string"},
        {WITH("\"stream_options\":true"),
         "stream_options: must be an object, not a boolean"},
        {WITH("\"stream_options\":{\"include_usage\":1}"),
         "stream_options.include_usage: must be a boolean"},
        {WITH("\"max_tokens\":\"9\""), "max_tokens: must be a number"},
        {WITH("\"max_tokens\":0"), "max_tokens: must be an integer from 1"},
        {WITH("\"max_tokens\":1.5"), "max_tokens: must be an integer"},
        {WITH("\"max_completion_tokens\":-1"),
         "max_completion_tokens: must be an integer"},
        {WITH("\"max_tokens\":1,\"max_completion_tokens\":1"), "not both"},
        {WITH("\"n\":0"), "n: must be an integer from 1 to 128"},
        {WITH("\"n\":{}"), "n: must be a number, not an object"},
        {WITH("\"tools\":{}"), "tools: must be an array"},
        {WITH("\"functions\":1"), "functions: must be an array"},
        {WITH("\"temperature\":\"hot\""), "temperature: must be a number"},
        {WITH("\"seed\":\"x\""), "seed: must be a number"},
        {WITH("\"logprobs\":1"), "logprobs: must be a boolean"},
        {WITH("\"response_format\":\"json\""), "response_format: must be an object"},
        {WITH("\"reasoning_effort\":1"), "reasoning_effort: must be a string"},
        {WITH("\"modalities\":\"text\""), "modalities: must be an array"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_no_facts(ops, rows[i].body, rows[i].word);
}

/* ---- splice ---- */

static void check_splice(const char *body, const struct body_edits *edits,
                         const char *want)
{
    struct body_facts f = facts_of(ops, body);
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf text = BUF_INIT(4096), out = BUF_INIT(4096);
    struct pieces pieces;
    assert_int_equal(ops->splice(str_of(body), &f, edits, &text, &pieces, &e), ERR_OK);
    pieces_join(&pieces, &out);
    assert_string_equal(out.data, want);
}

/* Mistral answers 400 to ids that are not of nine letters and digits. */
static void ids_are_short_where_they_must_be(void **state)
{
    (void)state;
    const struct body_edits edits = {.kind = provider_kind_find(STR("mistral")),
                                     .model = STR("y"),
                                     .max_output_tok = -1};
    const struct body_edits other = {
        .kind = provider_kind_find(STR("groq")), .model = STR("y"), .max_output_tok = -1};
#define LOOP(model, first, second)                                                       \
    "{\"x\":1e0, \"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"         \
    "\"assistant\",\"tool_calls\":[{\"type\":\"function\",\"id\": \"" first              \
    "\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"" second           \
    "\",\"x\":-0}]},{\"tool_call_id\":\"" first                                          \
    "\",\"role\":\"tool\",\"content\":\"7\"},{\"role\":\"tool\",\"tool_call_id\":"       \
    "\"" second "\",\"content\":\"8\"}], \"model\" :\"" model "\"}"
    check_splice(LOOP("m", "functions.f:0", "aB3dE6gH9"), &edits,
                 LOOP("y", "li0mr3keh", "aB3dE6gH9"));
    check_splice(LOOP("m", "functions.f:0", "b"), &other,
                 LOOP("y", "functions.f:0", "b"));
}

/* A provider takes what is its own word for a thing, and nothing else moves. */
static void words_are_those_of_the_provider(void **state)
{
    static const struct {
        const char *kind, *role, *seed;
    } rows[] = {
        {"openai", "developer", "seed"},      {"azure", "developer", "seed"},
        {"openrouter", "developer", "seed"},  {"deepseek", "system", "seed"},
        {"mistral", "system", "random_seed"}, {"ollama", "system", "seed"},
    };
    static const char form[] = "{\"x\":1e0,\"messages\":[{\"role\" : \"%s\",\"content\":"
                               "\"developer\"},{\"role\":\"user\",\"content\":\"a\"},"
                               "{\"content\":\"b\",\"role\":\"%s\"}],\"%s\":7,"
                               "\"model\":\"%s\"}";
    char body[512], want[512];
    (void)state;
    snprintf(body, sizeof body, form, "developer", "developer", "seed", "m");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct body_edits edits = {.kind = provider_kind_find(str_of(rows[i].kind)),
                                         .model = STR("y"),
                                         .max_output_tok = -1};
        snprintf(want, sizeof want, form, rows[i].role, rows[i].role, rows[i].seed, "y");
        check_splice(body, &edits, want);
    }
}

static void only_permitted_edits_are_made(void **state)
{
    (void)state;
    const struct body_edits model = {.model = STR("a\"b"), .max_output_tok = -1};
    const struct body_edits usage = {
        .model = STR("y"), .add_include_usage = true, .max_output_tok = -1};
    const struct body_edits cap = {.model = STR("y"), .max_output_tok = 64};
    const struct body_edits rename = {
        .model = STR("y"), .max_output_tok = -1, .cap_field = "max_tokens"};
    const struct body_edits both = {.model = STR("y"),
                                    .add_include_usage = true,
                                    .max_output_tok = 7,
                                    .cap_field = "max_completion_tokens"};
#define ODD "\"x\":[1.50E+02,-0.0,\"\\u00e9\\/\"],\"zz\" :  null"
    static const char plain[] = "{" ODD ",\"model\" : \"m\",\n" USER "} ";
    check_splice(plain, &model, "{" ODD ",\"model\" : \"a\\\"b\",\n" USER "} ");
    /* usage is asked of streams only */
    check_splice(plain, &usage, "{" ODD ",\"model\" : \"y\",\n" USER "} ");
    check_splice("{\"stream\":true,\"model\":\"m\"," USER "}", &usage,
                 "{\"stream\":true,\"model\":\"y\",\"stream_options\":{\"include_usage\":"
                 "true}," USER "}");
    check_splice("{\"stream\":true,\"model\":\"m\"," USER ",\"stream_options\":null}",
                 &usage,
                 "{\"stream\":true,\"model\":\"y\"," USER
                 ",\"stream_options\":{\"include_usage\":true}}");
    check_splice("{\"stream\":true,\"stream_options\":{ },\"model\":\"m\"," USER "}",
                 &usage,
                 "{\"stream\":true,\"stream_options\":{\"include_usage\":true "
                 "},\"model\":\"y\"," USER "}");
    check_splice("{\"stream\":true,\"stream_options\":{\"include_obfuscation\":false},"
                 "\"model\":\"m\"," USER "}",
                 &usage,
                 "{\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_"
                 "obfuscation\":false},\"model\":\"y\"," USER "}");
    check_splice("{\"stream\":true,\"stream_options\":{\"include_usage\": "
                 "false},\"model\":\"m\"," USER "}",
                 &usage,
                 "{\"stream\":true,\"stream_options\":{\"include_usage\": "
                 "true},\"model\":\"y\"," USER "}");
    check_splice("{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":"
                 "\"m\"," USER "}",
                 &usage,
                 "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":"
                 "\"y\"," USER "}");
    check_splice("{\"model\":\"m\"," USER "}", &cap,
                 "{\"model\":\"y\",\"max_completion_tokens\":64," USER "}");
    check_splice("{\"max_tokens\":9,\"model\":\"m\"," USER "}", &cap,
                 "{\"max_tokens\":64,\"model\":\"y\"," USER "}");
    check_splice("{\"max_completion_tokens\":9e1,\"model\":\"m\"," USER "}", &rename,
                 "{\"max_tokens\":9e1,\"model\":\"y\"," USER "}");
    check_splice("{\"model\":\"m\"," USER "}", &rename, "{\"model\":\"y\"," USER "}");
    check_splice("{\"stream\":true,\"model\":\"m\"," USER ",\"max_\\u0074okens\" : 9}",
                 &both,
                 "{\"stream\":true,\"model\":\"y\",\"stream_options\":{\"include_usage\":"
                 "true}," USER ",\"max_completion_tokens\" : 7}");
    /* a null is there already: a member twice would be refused */
    check_splice("{\"model\":\"m\",\"max_tokens\":null," USER "}", &cap,
                 "{\"model\":\"y\",\"max_tokens\":64," USER "}");
    check_splice("{\"model\":\"m\",\"max_tokens\":null," USER "}", &both,
                 "{\"model\":\"y\",\"max_completion_tokens\":7," USER "}");
    check_splice(
        "{\"max_completion_tokens\":null,\"model\":\"m\",\"max_tokens\":5," USER "}",
        &both,
        "{\"max_tokens\":null,\"model\":\"y\",\"max_completion_tokens\":7," USER "}");
    check_splice(
        "{\"max_tokens\":null,\"model\":\"m\",\"max_completion_tokens\":5," USER "}",
        &both,
        "{\"max_tokens\":null,\"model\":\"y\",\"max_completion_tokens\":7," USER "}");
    check_splice(
        "{\"max_tokens\":null,\"model\":\"m\",\"max_completion_tokens\":null," USER "}",
        &rename,
        "{\"max_completion_tokens\":null,\"model\":\"y\",\"max_tokens\":null," USER "}");
}

/* A seeded generator of bodies: odd spellings, any order, unknown fields. */
struct dice {
    uint64_t x;
};

static unsigned roll(struct dice *d, unsigned n)
{
    d->x = d->x * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(d->x >> 33) % n;
}

static void any_space(struct dice *d, struct buf *b)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t ", "\r\n"};
    buf_addz(b, spaces[roll(d, ARRAY_LEN(spaces))]);
}

static void any_value(struct dice *d, struct buf *b, unsigned depth)
{
    static const char *const scalars[] = {"1e3",
                                          "-0.0",
                                          "1.50",
                                          "12345678901234567890",
                                          "true",
                                          "null",
                                          "\"\"",
                                          "\"\\u00e9\\n\\/\"",
                                          "\"\xC3\xA9 {[,\"",
                                          "\"\\\\\\\"\"",
                                          "\"model\"",
                                          "0"};
    unsigned what = roll(d, depth > 3 ? 1 : 4);
    if (what < 2) {
        buf_addz(b, scalars[roll(d, ARRAY_LEN(scalars))]);
        return;
    }
    bool is_array = what == 2;
    buf_addc(b, is_array ? '[' : '{');
    for (unsigned i = 0, n = roll(d, 4); i < n; i++) {
        any_space(d, b);
        if (i > 0)
            buf_addc(b, ',');
        if (!is_array)
            buf_printf(b, "\"model\\u00%02x\":", 0x30 + roll(d, 9));
        any_value(d, b, depth + 1);
        any_space(d, b);
    }
    buf_addc(b, is_array ? ']' : '}');
}

static void any_body(struct dice *d, struct buf *b)
{
    static const char *const wanted[] = {
        "\"model\":\"m\\u0031\"", USER, "\"stream\":true",
        "\"max_completion_tokens\": 5.0",
        "\"stream_options\" : {\"include_usage\" : false , \"x\":1}"};
    unsigned start = roll(d, 5), i = 0;
    buf_addc(b, '{');
    for (unsigned left = 5; left > 0; i++) {
        any_space(d, b);
        if (roll(d, 2) == 0) {
            buf_printf(b, "\"unknown_%u\":", i);
            any_value(d, b, 0);
        } else {
            buf_addz(b, wanted[(start + left) % 5]);
            left--;
        }
        buf_addz(b, left > 0 ? "," : "");
        any_space(d, b);
    }
    buf_addc(b, '}');
}

/* Members with the keys that may change left out; raw keys, values and their order. */
static void untouched(struct str body, struct buf *out)
{
    static const char *const edited[] = {"model", "stream_options",
                                         "max_completion_tokens", "max_tokens"};
    struct jspan v;
    struct str key;
    size_t it = 0;
    while (jscan_member(body, jscan_root(body), &it, &key, &v)) {
        bool skip = false;
        for (size_t i = 0; i < ARRAY_LEN(edited); i++)
            skip = skip || str_eqz(key, edited[i]);
        if (skip)
            continue;
        buf_adds(out, key);
        buf_addc(out, '=');
        buf_adds(out, jscan_text(body, v));
        buf_addc(out, ';');
    }
}

static void generated_bodies_keep_every_other_byte(void **state)
{
    (void)state;
    struct dice d = {20261125};
    for (int i = 0; i < 2000; i++) {
        AUTO(buf_release) struct buf body = BUF_INIT(65536);
        AUTO(buf_release) struct buf out = BUF_INIT(65536);
        AUTO(buf_release) struct buf before = BUF_INIT(65536);
        AUTO(buf_release) struct buf after = BUF_INIT(65536);
        any_body(&d, &body);
        struct body_facts f = facts_of(ops, body.data);
        struct err e = ERR_INIT;
        const struct body_edits edits = {.model = STR("target/model"),
                                         .add_include_usage = true,
                                         .max_output_tok = 4096,
                                         .cap_field = "max_tokens"};
        AUTO(buf_release) struct buf text = BUF_INIT(65536);
        struct pieces pieces;
        assert_int_equal(ops->splice(buf_str(&body), &f, &edits, &text, &pieces, &e),
                         ERR_OK);
        pieces_join(&pieces, &out);
        struct body_facts g = facts_of(ops, out.data);
        assert_string_equal(g.model_name, "target/model");
        assert_true(g.include_usage);
        assert_int_equal(g.max_output_tok, 4096);
        untouched(buf_str(&body), &before);
        untouched(buf_str(&out), &after);
        assert_string_equal(before.data, after.data);
        /* edits change the length by themselves and nothing else */
        assert_int_equal(out.len, body.len + strlen("\"target/model\"") -
                                      strlen("\"m\\u0031\"") + strlen("true") -
                                      strlen("false") + strlen("4096") - strlen("5.0") +
                                      strlen("\"max_tokens\"") -
                                      strlen("\"max_completion_tokens\""));
    }
}

/* ---- scan ---- */

static unsigned scan(struct scan_state *s, const char *data, struct err *e)
{
    char raw[4096];
    snprintf(raw, sizeof raw, "data: %s\n\n", data);
    const struct sse_event ev = {
        .data = str_of(data), .raw = str_of(raw), .has_data = true};
    return ops->scan_event(s, &ev, e);
}

#define CHUNK(choice, rest)                                                              \
    "{\"id\":\"chatcmpl-7h\",\"object\":\"chat.completion.chunk\",\"created\":"          \
    "1795000001,"                                                                        \
    "\"model\":\"gpt-5-mini-2025-08-07\",\"choices\":[" choice "]" rest "}"
#define DELTA(delta) CHUNK("{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}", "")
#define FINISH(word)                                                                     \
    CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}", "")

/* As many as may be asked for. */
static void a_finish_ends_its_own_choice_only(void **state)
{
    (void)state;
    static const int choices[] = {1, 63, 64, 127};
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        struct err e = ERR_INIT;
        struct scan_state s;
        char begun[512], ended[512];
        snprintf(begun, sizeof begun,
                 CHUNK("{\"index\":%d,\"delta\":{\"content\":\"a\"}}", ""), choices[i]);
        snprintf(ended, sizeof ended,
                 CHUNK("{\"index\":%d,\"delta\":{},\"finish_reason\":\"stop\"}", ""),
                 choices[i]);
        ops->scan_init(&s, kind());
        (void)scan(&s, DELTA("{\"content\":\"a\"}"), &e);
        (void)scan(&s, begun, &e);
        (void)scan(&s, FINISH("stop"), &e);
        assert_false(scan_is_finished(&s));
        (void)scan(&s, ended, &e);
        assert_true(scan_is_finished(&s));
    }
}

/* What an event is told by may also stand behind its text. */
static void an_event_is_no_repetition_if_its_end_differs(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct scan_state s;
    ops->scan_init(&s, kind());
    (void)scan(&s, CHUNK("{\"delta\":{\"content\":\"a\"},\"index\":0}", ""), &e);
    (void)scan(&s, CHUNK("{\"delta\":{\"content\":\"b\"},\"index\":1}", ""), &e);
    (void)scan(&s, FINISH("stop"), &e);
    assert_false(scan_is_finished(&s)); /* the second has not ended */
}

static void every_event_has_its_flags(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *data;
        unsigned flags;
    } rows[] = {
        {DELTA("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"), 0},
        {DELTA("{\"content\":\"High\"}"), EV_CONTENT},
        {DELTA("{\"content\":\"\"}"), 0},
        {DELTA("{\"refusal\":\"No\"}"), EV_CONTENT},
        {DELTA("{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}"), EV_CONTENT},
        {DELTA("{\"content\":[{\"type\":\"thinking\",\"thinking\":[]}]}"), EV_CONTENT |
         EV_REASONING},
        {DELTA("{\"reasoning_content\":\"hm\"}"), EV_CONTENT | EV_REASONING},
        {DELTA("{\"reasoning\":\"hm\",\"content\":\"\"}"), EV_CONTENT | EV_REASONING},
        {DELTA("{\"reasoning\":\"hm\",\"content\":\"a\"}"), EV_CONTENT},
        {DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"t\","
         "\"arguments\":\"\"}}]}"), EV_CONTENT | EV_TOOL},
        {DELTA("{\"function_call\":{\"name\":\"t\"}}"), EV_CONTENT | EV_TOOL},
        {DELTA("{\"audio\":{\"data\":\"AA\"}}"), EV_CONTENT},
        {FINISH("stop"), EV_FINISH},
        {CHUNK("", ",\"usage\":{\"prompt_tokens\":61,\"completion_tokens\":3,"
         "\"total_tokens\":64}"), EV_USAGE | EV_USAGE_ONLY},
        {CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}",
         ",\"usage\":{\"prompt_tokens\":61,\"completion_tokens\":3,\"total_tokens\":64}"),
         EV_FINISH | EV_USAGE},
        {CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"}}", ",\"usage\":null"),
         EV_CONTENT | EV_NO_USAGE},
        {CHUNK("", ",\"prompt_filter_results\":[]"), 0},
        /* Azure */
        {CHUNK("{\"index\":0,\"delta\":{}}", ",\"x_groq\":{\"id\":\"r\"}"), 0},
        {CHUNK("{\"index\":0,\"delta\":{}}", ",\"x_groq\":{\"error\":\"broken\"}"),
         EV_ERROR},
        {CHUNK("{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}",
         ",\"error\":{\"code\":502,\"message\":\"x\"}"), EV_ERROR},
        {FINISH("insufficient_system_resource"), EV_ERROR},
        {"{\"error\":{\"message\":\"x\",\"type\":\"server_error\"}}", EV_ERROR},
        {"{\"error\":\"x\"}", EV_ERROR},
        {"{\"base_resp\":{\"status_code\":1002,\"status_msg\":\"rate\"}}", EV_ERROR},
        {CHUNK("{\"index\":0,\"delta\":{}}", ",\"base_resp\":{\"status_code\":0}"), 0},
        {CHUNK("{\"index\":0,\"delta\":{}}", ",\"error\":null"), 0},
        {"[DONE]", EV_END},
        {"", EV_PING},
        {"{\"choices\":[", EV_MALFORMED},
        {"17", EV_MALFORMED},
        {"\xff", EV_MALFORMED},
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
            assert_int_not_equal(e.code, ERR_OK);
    }
    struct scan_state s;
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    const struct sse_event comment = {.raw = STR(": OPENROUTER PROCESSING\n\n")};
    assert_int_equal(ops->scan_event(&s, &comment, &e), EV_PING);
}

static void errors_in_a_stream_keep_their_class(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *data;
        enum errc class;
    } rows[] = {
        {"{\"error\":{\"message\":\"x\",\"type\":\"tokens\","
         "\"code\":\"rate_limit_exceeded\"}}", ERR_RATE_LIMIT},
        {"{\"error\":{\"code\":503,\"message\":\"no\"}}", ERR_OVERLOADED},
        {"{\"error\":{\"message\":\"slow down\",\"type\":\"t\"},\"status_code\":429}",
         ERR_RATE_LIMIT},
        {"{\"error\":\"something\"}", ERR_SERVER},
        {"{\"error\":{\"message\":\"This model's maximum context length is 9 tokens\"}}",
         ERR_CONTEXT},
        {"{\"object\":\"error\",\"message\":\"bad\",\"code\":400}", ERR_INVALID},
        {FINISH("network_error"), ERR_SERVER},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        ops->scan_init(&s, kind());
        assert_int_equal(scan(&s, rows[i].data, &e), EV_ERROR);
        assert_int_equal(e.code, rows[i].class);
    }
}

static void an_event_like_the_last_is_no_other(void **state)
{
    (void)state;
#define CUT(text)                                                                        \
    CHUNK("{\"index\":0,\"delta\":{\"content\":\"" text                                  \
          "\"},\"finish_reason\":\"network_error\"}",                                    \
          "")
    static const char *const events[] = {
        DELTA("{\"role\":\"assistant\",\"content\":\"\"}"),
        DELTA("{\"content\":\"a\"}"),
        DELTA("{\"content\":\"bcd\"}"),
        DELTA("{\"content\":\"\\u00e9\\ud83d\\ude00\\n\\\"\"}"),
        DELTA("{\"content\":\"\xC3\xA9 plain text that is longer than sixteen bytes\"}"),
        DELTA("{\"content\":\"\"}"),
        DELTA("{\"content\":\"e\"}"),
        DELTA("{\"content\":\"\xC3\"}"),
        DELTA("{\"content\":\"e\"}"),
        DELTA("{\"content\":\"\\ud83d\"}"),
        DELTA("{\"content\":\"e\"}"),
        DELTA("{\"content\":\"line\nbreak\"}"),
        DELTA("{\"content\":\"e\"}"),
        DELTA("{\"content\":\"e\\\"}"),
        DELTA("{\"content\":\"e\"}"),
        DELTA("{\"content\":\"e\",\"refusal\":\"f\"}"),
        DELTA("{\"content\":\"g\",\"refusal\":\"f\"}"),
        DELTA("{\"content\":\"e\"}"),
        DELTA("{\"content\":\"e\",\"reasoning\":\"f\"}"),
        DELTA("{\"content\":\"g\",\"reasoning\":\"f\"}"),
        DELTA("{\"content\":\"e\"}"),
        DELTA("{\"content\":\"e\"}},{\"index\":1,\"delta\":{\"content\":\"f\"}"),
        DELTA("{\"content\":\"e\"}"),
        DELTA("{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}"),
        DELTA("{\"tool_calls\":[{\"function\":{\"name\":\"gh\"}}]}"),
        DELTA("{\"content\":\"e\"}"),
        CUT("e"),
        CUT("f"),
        FINISH("stop"),
        DELTA("{\"content\":\"e\"}"),
    };
#undef CUT
    check_again(ops, kind(), events, ARRAY_LEN(events), 3);
}

static void a_stream_is_summed_up(void **state)
{
    (void)state;
    struct scan_state s;
    struct err e = ERR_INIT;
    ops->scan_init(&s, kind());
    scan(&s, DELTA("{\"role\":\"assistant\",\"content\":\"\"}"), &e);
    scan(&s, DELTA("{\"reasoning_content\":\"ab\"}"), &e);
    scan(&s, DELTA("{\"content\":\"\\u00e9\\ud83d\\ude00\\n\\\"x\"}"), &e);
    scan(&s, "nonsense", &e);
    scan(&s, FINISH("length"), &e);
    scan(&s,
         CHUNK("", ",\"service_tier\":\"default\",\"usage\":{\"prompt_tokens\":61,"
                   "\"completion_tokens\":3,\"total_tokens\":64}"),
         &e);
    assert_string_equal(s.id, "chatcmpl-7h");
    assert_string_equal(s.model, "gpt-5-mini-2025-08-07");
    assert_int_equal(s.n_services, 0);
    assert_int_equal(s.finish, MSG_FINISH_LENGTH);
    assert_string_equal(s.finish_raw, "length");
    assert_int_equal(s.output_len, 2 + 4 + 3);
    assert_int_equal(s.reasoning_len, 2);
    assert_int_equal(s.n_malformed, 1);
    assert_true(s.has_usage);
    assert_false(s.usage_mismatch);
    assert_int_equal(usage_input_tok(&s.usage), 61);
    assert_int_equal(usage_output_tok(&s.usage), 3);
}

static void a_finish_has_one_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        bool call;
        enum msg_finish finish;
    } rows[] = {{"stop", false, MSG_FINISH_STOP},
                {"length", false, MSG_FINISH_LENGTH},
                {"tool_calls", true, MSG_FINISH_TOOL},
                {"function_call", true, MSG_FINISH_TOOL},
                {"content_filter", false, MSG_FINISH_FILTERED},
                {"model_length", false, MSG_FINISH_CONTEXT_FULL},
                {"eos", false, MSG_FINISH_STOP},
                {"odd", false, MSG_FINISH_UNKNOWN},
                {"stop", true, MSG_FINISH_TOOL},
                {"length", true, MSG_FINISH_LENGTH},
                {"content_filter", true, MSG_FINISH_FILTERED}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        char data[512];
        ops->scan_init(&s, kind());
        if (rows[i].call)
            scan(&s,
                 DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"t\"}}]}"),
                 &e);
        assert_int_equal(s.tool_open, rows[i].call);
        snprintf(data, sizeof data, FINISH("%s"), rows[i].word);
        assert_int_equal(scan(&s, data, &e), EV_FINISH);
        assert_int_equal(s.finish, rows[i].finish);
        assert_false(s.tool_open);
    }
}

static void usage_is_found_wherever_it_stands(void **state)
{
    (void)state;
#define USAGE                                                                            \
    "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}"
    static const char *const rows[] = {
        CHUNK("", "," USAGE),
        CHUNK("{\"delta\":{}}", ",\"x_groq\":{" USAGE "}"),
        CHUNK("{\"delta\":{},\"finish_reason\":\"stop\"," USAGE "}", ""),
        CHUNK("{\"delta\":{},\"finish_reason\":\"stop\"}",
              "," USAGE ",\"x_groq\":{\"id\":\"r\"}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        ops->scan_init(&s, kind());
        assert_true((scan(&s, rows[i], &e) & EV_USAGE) != 0);
        assert_int_equal(usage_input_tok(&s.usage), 7);
        /* the last one wins */
        scan(&s,
             CHUNK("", ",\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":5,\"total_"
                       "tokens\":13}"),
             &e);
        assert_int_equal(usage_input_tok(&s.usage), 8);
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
                        STR(" \n{\"id\":\"chatcmpl-Zx91\",\"object\":\"chat.completion\","
                            "\"model\":\"gpt-5-mini\","
                            "\"choices\":[{\"index\":0,\"message\":{\"role\":"
                            "\"assistant\",\"content\":\"High water.\"},"
                            "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":"
                            "61,\"completion_tokens\":75,"
                            "\"total_tokens\":136,\"completion_tokens_details\":{"
                            "\"reasoning_tokens\":64}}}"),
                        &e),
        ERR_OK);
    assert_int_equal(s.finish, MSG_FINISH_STOP);
    assert_int_equal(s.output_len, 11);
    assert_string_equal(s.id, "chatcmpl-Zx91");
    assert_int_equal(usage_output_tok(&s.usage), 75);
}

static void errors_hide_in_a_200(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *body;
        enum errc class;
    } rows[] = {
        {"{\"error\":{\"code\":429,\"message\":\"x\"}}", ERR_RATE_LIMIT},
        {"{\"error\":\"prompt is too long\"}", ERR_CONTEXT},
        {"{\"id\":\"x\",\"choices\":null,"
         "\"base_resp\":{\"status_code\":1004,\"status_msg\":\"login fail\"}}", ERR_SERVER},
        {"{\"id\":\"x\",\"choices\":[]}", ERR_SERVER},
        {"{\"id\":\"x\"}", ERR_SERVER},
        {"{\"choices\":[{\"error\":{\"code\":502,\"message\":\"x\"},"
         "\"finish_reason\":\"error\"}]}", ERR_SERVER},
        {"<html>", ERR_SERVER},
        {"", ERR_SERVER},
        {"[]", ERR_SERVER},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scan_state s;
        struct err e = ERR_INIT;
        ops->scan_init(&s, kind());
        assert_int_equal(ops->scan_reply(&s, str_of(rows[i].body), &e), rows[i].class);
        assert_int_equal(e.code, rows[i].class);
        assert_true(e.text[0] != '\0');
    }
}

static void usage_is_stripped_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *data, *want; /* want NULL: nothing is left */
    } rows[] = {
        {CHUNK("", "," USAGE), NULL},
        {"{\"choices\":[{}],\"usage\":null,\"obfuscation\":\"q\"}",
         "{\"choices\":[{}],\"obfuscation\":\"q\"}"},
        {"{\"choices\":[{}],\"usage\":null}", "{\"choices\":[{}]}"},
        {"{\"choices\":[{}] , \"usage\" : {\"prompt_tokens\":1} }",
         "{\"choices\":[{}]  }"},
        {"{\"usage\":null,\"choices\":[{\"usage\":1}]}", "{\"choices\":[{\"usage\":1}]}"},
        {"{\"usage\":null}", "{}"},
        {"{\"choices\":[],\"usage\":null}", "{\"choices\":[]}"},
        {"{\"choices\":[{\"delta\":{\"content\":\"usage\"}}]}",
         "{\"choices\":[{\"delta\":{\"content\":\"usage\"}}]}"},
        {"[DONE]", "[DONE]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char raw[512], want[512];
        snprintf(raw, sizeof raw, "data: %s\n\n", rows[i].data);
        const struct sse_event ev = {
            .data = str_of(rows[i].data), .raw = str_of(raw), .has_data = true};
        AUTO(buf_release) struct buf out = BUF_INIT(4096);
        assert_int_equal(ops->strip_usage(&ev, &out), rows[i].want != NULL);
        snprintf(want, sizeof want, "data: %s\n\n",
                 rows[i].want != NULL ? rows[i].want : "");
        assert_string_equal(out.len > 0 ? out.data : "data: \n\n", want);
    }
    const struct sse_event comment = {.raw = STR(": hold on\n\n")};
    AUTO(buf_release) struct buf out = BUF_INIT(4096);
    assert_true(ops->strip_usage(&comment, &out));
    assert_string_equal(out.data, ": hold on\n\n");
}

static void only_a_trace_id_passes_upstream(void **state)
{
    (void)state;
    const struct http1_head head = {
        .headers = {{STR("Authorization"), STR("Bearer x")},
                    {STR("OpenAI-Organization"), STR("org-1")},
                    {STR("X-Client-Request-Id"), STR("trace-1")}},
        .n_headers = 3};
    AUTO(buf_release) struct buf out = BUF_INIT(4096);
    ops->request_headers(&head, true, &out);
    assert_string_equal(out.data, "x-client-request-id: trace-1\r\n");
    buf_reset(&out);
    ops->request_headers(&head, false, &out);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_found_with_their_places),
        cmocka_unit_test(needs_follow_from_the_body),
        cmocka_unit_test(media_are_not_text),
        cmocka_unit_test(a_cache_has_the_lifetime_asked_for),
        cmocka_unit_test(a_system_prompt_has_one_name),
        cmocka_unit_test(tool_turns_are_noticed),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(ids_are_short_where_they_must_be),
        cmocka_unit_test(words_are_those_of_the_provider),
        cmocka_unit_test(only_permitted_edits_are_made),
        cmocka_unit_test(generated_bodies_keep_every_other_byte),
        cmocka_unit_test(a_finish_ends_its_own_choice_only),
        cmocka_unit_test(an_event_is_no_repetition_if_its_end_differs),
        cmocka_unit_test(every_event_has_its_flags),
        cmocka_unit_test(errors_in_a_stream_keep_their_class),
        cmocka_unit_test(an_event_like_the_last_is_no_other),
        cmocka_unit_test(a_stream_is_summed_up),
        cmocka_unit_test(a_finish_has_one_meaning),
        cmocka_unit_test(usage_is_found_wherever_it_stands),
        cmocka_unit_test(a_whole_answer_is_scanned),
        cmocka_unit_test(errors_hide_in_a_200),
        cmocka_unit_test(usage_is_stripped_and_nothing_else),
        cmocka_unit_test(only_a_trace_id_passes_upstream),
    };
    return cmocka_run_group_tests_name("dialect_openai", tests, NULL, NULL);
}
