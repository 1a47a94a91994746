/*
 * test_wrong_types.c: every field of both dialects with a value of every wrong type.
 *
 * Bodies that hold every field are taken apart with json-c; each value in them is replaced in
 * turn, and the body decoded as for a provider of the other dialect. The table says which types a
 * field may have; any other must be refused by name. A field that the table lacks fails the test.
 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/jscan.h"

#include "broker/dialect.h"

#include <cmocka.h>

enum { PATH_LEN = 200 };

/* ---- what a field may be ---- */

enum kind {
    BOOL = 1 << 0,
    INT = 1 << 1,
    REAL = 1 << 2,
    STRING = 1 << 3,
    ARRAY = 1 << 4,
    OBJECT = 1 << 5,
    NUMBER = INT | REAL,
    ANY = BOOL | NUMBER | STRING | ARRAY | OBJECT, /* passes or is left out, unread */
};

struct field {
    const char *path; /* without indexes: "messages[].content" */
    unsigned kinds;
};

/* clang-format off */
static const struct field openai_fields[] = {
    {"model", STRING},
    {"messages", ARRAY},
    {"messages[]", OBJECT},
    {"messages[].role", STRING},
    {"messages[].name", STRING},
    {"messages[].content", STRING | ARRAY},
    {"messages[].content[]", OBJECT},
    {"messages[].content[].type", STRING},
    {"messages[].content[].text", STRING},
    {"messages[].content[].prompt_cache_breakpoint", OBJECT},
    {"messages[].content[].prompt_cache_breakpoint.mode", ANY},
    {"messages[].content[].refusal", STRING},
    {"messages[].content[].image_url", OBJECT},
    {"messages[].content[].image_url.url", STRING},
    {"messages[].content[].image_url.detail", STRING},
    {"messages[].content[].input_audio", OBJECT},
    {"messages[].content[].input_audio.data", STRING},
    {"messages[].content[].input_audio.format", STRING},
    {"messages[].content[].file", OBJECT},
    {"messages[].content[].file.filename", STRING},
    {"messages[].content[].file.file_data", STRING},
    {"messages[].refusal", STRING},
    {"messages[].reasoning_content", STRING},
    {"messages[].reasoning", STRING},
    {"messages[].tool_calls", ARRAY},
    {"messages[].tool_calls[]", OBJECT},
    {"messages[].tool_calls[].id", STRING},
    {"messages[].tool_calls[].type", STRING},
    {"messages[].tool_calls[].function", OBJECT},
    {"messages[].tool_calls[].function.name", STRING},
    {"messages[].tool_calls[].function.arguments", STRING},
    {"messages[].tool_call_id", STRING},
    {"messages[].function_call", OBJECT},
    {"messages[].function_call.name", STRING},
    {"messages[].function_call.arguments", STRING},
    {"messages[].audio", OBJECT},
    {"messages[].audio.id", ANY},
    {"max_completion_tokens", INT},
    {"max_tokens", INT},
    {"temperature", NUMBER},
    {"top_p", NUMBER},
    {"top_k", NUMBER},
    {"frequency_penalty", NUMBER},
    {"presence_penalty", NUMBER},
    {"seed", NUMBER},
    {"stop", STRING | ARRAY},
    {"stop[]", STRING},
    {"n", INT},
    {"logprobs", BOOL},
    {"stream", BOOL},
    {"stream_options", OBJECT},
    {"stream_options.include_usage", BOOL},
    {"response_format", OBJECT},
    {"response_format.type", STRING},
    {"response_format.json_schema", OBJECT},
    {"response_format.json_schema.name", STRING},
    {"response_format.json_schema.description", ANY},
    {"response_format.json_schema.schema", OBJECT},
    {"response_format.json_schema.schema.type", ANY},
    {"response_format.json_schema.strict", BOOL},
    {"tools", ARRAY},
    {"tools[]", OBJECT},
    {"tools[].type", STRING},
    {"tools[].function", OBJECT},
    {"tools[].function.name", STRING},
    {"tools[].function.description", STRING},
    {"tools[].function.parameters", OBJECT},
    {"tools[].function.parameters.type", ANY},
    {"tools[].function.strict", BOOL},
    {"tool_choice", STRING | OBJECT},
    {"tool_choice.type", STRING},
    {"tool_choice.function", OBJECT},
    {"tool_choice.function.name", STRING},
    {"tool_choice.allowed_tools", OBJECT},
    {"tool_choice.allowed_tools.mode", STRING},
    {"tool_choice.allowed_tools.tools", ARRAY},
    {"tool_choice.allowed_tools.tools[]", OBJECT},
    {"tool_choice.allowed_tools.tools[].type", ANY},
    {"tool_choice.allowed_tools.tools[].function", OBJECT},
    {"tool_choice.allowed_tools.tools[].function.name", STRING},
    {"parallel_tool_calls", BOOL},
    {"functions", ARRAY},
    {"functions[]", OBJECT},
    {"functions[].name", STRING},
    {"functions[].description", STRING},
    {"functions[].parameters", OBJECT},
    {"functions[].parameters.type", ANY},
    {"function_call", STRING | OBJECT},
    {"function_call.name", STRING},
    {"reasoning_effort", STRING},
    {"modalities", ARRAY},
    {"modalities[]", STRING},
    {"audio", OBJECT},
    {"audio.voice", ANY},
    {"safety_identifier", STRING},
    {"user", STRING},
    {"service_tier", STRING},
    /* left out by name when they go to another dialect */
    {"prompt_cache_options", ANY},
    {"prompt_cache_options.ttl", ANY},
    {"metadata", ANY},
    {"metadata.a", ANY},
    {"logit_bias", ANY},
    {"store", ANY},
};

static const char *const openai_bodies[] = {
    "{\"model\":\"m\",\"messages\":["
    "{\"role\":\"system\",\"content\":\"s\",\"name\":\"n\"},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\","
    "\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}},"
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\",\"detail\":\"low\"}},"
    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}},"
    "{\"type\":\"file\",\"file\":{\"filename\":\"f\","
    "\"file_data\":\"data:application/pdf;base64,AAAA\"}}]},"
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"r\"}],"
    "\"refusal\":\"r\",\"reasoning_content\":\"z\",\"audio\":{\"id\":\"a\"},"
    "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"arguments\":\"{}\"}}]},"
    "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":\"r\"}]}],"
    "\"max_completion_tokens\":10,\"temperature\":1,\"top_p\":1,\"top_k\":5,"
    "\"frequency_penalty\":0,\"presence_penalty\":0,\"seed\":1,\"stop\":[\"a\"],\"n\":1,"
    "\"logprobs\":false,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
    "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
    "\"description\":\"d\",\"schema\":{\"type\":\"object\"},\"strict\":true}},"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
    "\"parameters\":{\"type\":\"object\"},\"strict\":true}}],"
    "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
    "\"parallel_tool_calls\":true,\"reasoning_effort\":\"low\",\"modalities\":[\"text\"],"
    "\"safety_identifier\":\"u\",\"service_tier\":\"auto\",\"metadata\":{\"a\":\"b\"},"
    "\"prompt_cache_options\":{\"ttl\":\"5m\"},\"logit_bias\":{},\"store\":false}",
    /* older names, and the other forms */
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
    "{\"role\":\"assistant\",\"reasoning\":\"z\",\"function_call\":{\"name\":\"f\","
    "\"arguments\":\"{}\"}},{\"role\":\"function\",\"name\":\"f\",\"content\":\"x\"}],"
    "\"max_tokens\":10,\"stop\":\"a\",\"functions\":[{\"name\":\"f\",\"description\":\"d\","
    "\"parameters\":{\"type\":\"object\"}}],\"function_call\":{\"name\":\"f\"},"
    "\"audio\":{\"voice\":\"v\"},\"user\":\"u\"}",
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
    "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\","
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}}}",
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
    "\"tool_choice\":\"auto\"}",
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],"
    "\"functions\":[{\"name\":\"f\"}],\"function_call\":\"auto\"}",
};

static const struct field anthropic_fields[] = {
    {"model", STRING},
    {"max_tokens", INT},
    {"system", STRING | ARRAY},
    {"system[]", OBJECT},
    {"system[].type", STRING},
    {"system[].text", STRING},
    {"system[].cache_control", OBJECT},
    {"system[].cache_control.type", ANY},
    {"system[].cache_control.ttl", STRING},
    {"messages", ARRAY},
    {"messages[]", OBJECT},
    {"messages[].role", STRING},
    {"messages[].content", STRING | ARRAY},
    {"messages[].content[]", OBJECT},
    {"messages[].content[].type", STRING},
    {"messages[].content[].text", STRING},
    {"messages[].content[].citations", ANY},
    {"messages[].content[].cache_control", OBJECT},
    {"messages[].content[].cache_control.type", ANY},
    {"messages[].content[].cache_control.ttl", STRING},
    {"messages[].content[].source", OBJECT | STRING}, /* of a search result: an address */
    {"messages[].content[].source.type", STRING},
    {"messages[].content[].source.media_type", STRING},
    {"messages[].content[].source.data", STRING},
    {"messages[].content[].source.url", STRING},
    {"messages[].content[].source.content", STRING | ARRAY},
    {"messages[].content[].source.content[]", OBJECT},
    {"messages[].content[].source.content[].type", STRING},
    {"messages[].content[].source.content[].text", STRING},
    {"messages[].content[].title", STRING},
    {"messages[].content[].context", ANY},
    {"messages[].content[].id", STRING},
    {"messages[].content[].name", STRING},
    {"messages[].content[].input", OBJECT},
    {"messages[].content[].input.a", ANY},
    {"messages[].content[].tool_use_id", STRING},
    {"messages[].content[].is_error", BOOL},
    {"messages[].content[].content", STRING | ARRAY},
    {"messages[].content[].content[]", OBJECT},
    {"messages[].content[].content[].type", STRING},
    {"messages[].content[].content[].text", STRING},
    {"messages[].content[].thinking", STRING},
    {"messages[].content[].signature", STRING},
    {"messages[].content[].data", STRING},
    {"stop_sequences", ARRAY},
    {"stop_sequences[]", STRING},
    {"stream", BOOL},
    {"temperature", NUMBER},
    {"top_p", NUMBER},
    {"top_k", NUMBER},
    {"tools", ARRAY},
    {"tools[]", OBJECT},
    {"tools[].type", STRING},
    {"tools[].name", STRING},
    {"tools[].description", STRING},
    {"tools[].input_schema", OBJECT},
    {"tools[].input_schema.type", ANY},
    {"tools[].strict", BOOL},
    {"tools[].cache_control", OBJECT},
    {"tools[].cache_control.type", ANY},
    {"tool_choice", OBJECT},
    {"tool_choice.type", STRING},
    {"tool_choice.name", STRING},
    {"tool_choice.disable_parallel_tool_use", BOOL},
    {"thinking", OBJECT},
    {"thinking.type", STRING},
    {"thinking.budget_tokens", INT},
    {"output_config", OBJECT},
    {"output_config.effort", STRING},
    {"output_config.format", OBJECT},
    {"output_config.format.type", STRING},
    {"output_config.format.schema", OBJECT},
    {"output_config.format.schema.type", ANY},
    {"output_format", OBJECT},
    {"output_format.type", STRING},
    {"output_format.schema", OBJECT},
    {"output_format.schema.type", ANY},
    {"metadata", OBJECT},
    {"metadata.user_id", STRING},
    {"service_tier", STRING},
    /* left out by name when they go to another dialect */
    {"container", ANY},
    {"mcp_servers", ANY},
};

static const char *const anthropic_bodies[] = {
    "{\"model\":\"m\",\"max_tokens\":10,\"system\":[{\"type\":\"text\",\"text\":\"s\","
    "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"5m\"}}],\"messages\":["
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\",\"citations\":[],"
    "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},"
    "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
    "\"data\":\"AAAA\"}},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}},"
    "{\"type\":\"document\",\"title\":\"d\",\"context\":\"c\",\"source\":{\"type\":\"text\","
    "\"media_type\":\"text/plain\",\"data\":\"d\"}},"
    "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":"
    "[{\"type\":\"text\",\"text\":\"d\"}]}},"
    "{\"type\":\"search_result\",\"title\":\"d\",\"source\":\"https://x\",\"content\":"
    "[{\"type\":\"text\",\"text\":\"d\"}]}]},"
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"z\","
    "\"signature\":\"s\"},{\"type\":\"redacted_thinking\",\"data\":\"d\"},"
    "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{\"a\":1}}]},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
    "\"is_error\":false,\"content\":[{\"type\":\"text\",\"text\":\"r\"}]}]}],"
    "\"stop_sequences\":[\"a\"],\"stream\":true,\"temperature\":1,\"top_p\":1,\"top_k\":5,"
    "\"tools\":[{\"type\":\"custom\",\"name\":\"f\",\"description\":\"d\","
    "\"input_schema\":{\"type\":\"object\"},\"strict\":true,"
    "\"cache_control\":{\"type\":\"ephemeral\"}}],"
    "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":true},"
    "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},"
    "\"output_config\":{\"effort\":\"low\",\"format\":{\"type\":\"json_schema\","
    "\"schema\":{\"type\":\"object\"}}},\"metadata\":{\"user_id\":\"u\"},"
    "\"service_tier\":\"auto\",\"container\":\"c\",\"mcp_servers\":[]}",
    "{\"model\":\"m\",\"max_tokens\":10,\"system\":\"s\",\"messages\":["
    "{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":"
    "[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}]},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
    "\"content\":\"r\"}]}],\"output_format\":{\"type\":\"json_schema\","
    "\"schema\":{\"type\":\"object\"}}}",
};
/* clang-format on */

/* ---- one of each wrong type ---- */

static const struct value {
    const char *json;
    unsigned kind; /* 0: null, which stands for "not given" */
} values[] = {
    {"null", 0},           {"true", BOOL},
    {"false", BOOL},       {"7", INT},
    {"-7", INT},           {"1.5", REAL},
    {"1e999", REAL},       {"\"x\"", STRING},
    {"\"\"", STRING},      {"[]", ARRAY},
    {"[[1]]", ARRAY},      {"{}", OBJECT},
    {"{\"x\":1}", OBJECT}, {"12345678901234567890123456789", INT},
};

struct trial {
    const struct dialect_ops *ops;
    const struct field *fields;
    size_t n_fields;
    struct json_object *root;
    int n_done, n_wrong;
};

static unsigned kinds_of(const struct trial *t, const char *path)
{
    char bare[PATH_LEN];
    size_t n = 0;
    for (const char *p = path; *p != '\0'; p++)
        if (*p < '0' || *p > '9')
            bare[n++] = *p;
    bare[n] = '\0';
    for (size_t i = 0; i < t->n_fields; i++)
        if (strcmp(t->fields[i].path, bare) == 0)
            return t->fields[i].kinds;
    fail_msg("%s: the table lacks %s", t->ops->name, bare);
    return 0;
}

/* "messages[1].content" as this dialect's errors spell it. */
static void spell(const struct trial *t, const char *path, char out[PATH_LEN])
{
    size_t n = 0;
    bool dots = t->ops == &dialect_anthropic;
    for (const char *p = path; *p != '\0'; p++) {
        if (*p == '[' && dots)
            out[n++] = '.';
        else if (*p != ']' || !dots)
            out[n++] = *p;
    }
    out[n] = '\0';
}

static void report(struct trial *t, const char *path, const struct value *v,
                   const char *what, const struct err *e)
{
    print_error("%s: %s = %s: %s: %s\n", t->ops->name, path, v->json, what, e->text);
    t->n_wrong++;
}

static bool names(const struct err *e, const char *path)
{
    size_t len = strlen(path);
    return e->field_len == len && strncmp(e->text, path, len) == 0 &&
           strncmp(e->text + len, ": ", 2) == 0 && strlen(e->text) > len + 8;
}

/* The body as it stands, with `v` at `path`. */
static void judge(struct trial *t, const char *path, const struct value *v)
{
    char spelled[PATH_LEN];
    struct str body =
        str_of(json_object_to_json_string_ext(t->root, JSON_C_TO_STRING_PLAIN));
    unsigned kinds = kinds_of(t, path);
    struct arena a;
    struct msg_request m;
    struct body_facts facts;
    struct err e = ERR_INIT, ef = ERR_INIT;
    spell(t, path, spelled);
    arena_init(&a, 1 << 20);
    enum errc rc = t->ops->request_decode(body, NULL, &a, &m, &e);
    arena_release(&a);
    if (rc != ERR_OK && rc != ERR_INVALID)
        report(t, path, v, "not the client's fault", &e);
    else if (v->kind != 0 && (kinds & v->kind) == 0 && rc == ERR_OK)
        report(t, path, v, "taken", &e);
    else if (v->kind != 0 && (kinds & v->kind) == 0 && !names(&e, spelled))
        report(t, path, v, "not named", &e);
    /* what only passes may be judged by its provider, or as strictly as here */
    rc = t->ops->facts(body, NULL, &facts, &ef);
    if (rc != ERR_OK && rc != ERR_INVALID)
        report(t, path, v, "not the client's fault, passing", &ef);
    else if (v->kind != 0 && (kinds & v->kind) == 0 && rc != ERR_OK &&
             !names(&ef, spelled))
        report(t, path, v, "not named, passing", &ef);
    t->n_done++;
}

static void walk(struct trial *t, struct json_object *at, const char *path);

/* Puts every value in the place of a child and looks; then goes into the child. */
static void try_child(struct trial *t, struct json_object *parent, const char *key,
                      size_t index, const char *path)
{
    struct json_object *child = key != NULL ? json_object_object_get(parent, key)
                                            : json_object_array_get_idx(parent, index);
    json_object_get(child);
    for (size_t i = 0; i <= ARRAY_LEN(values); i++) {
        struct json_object *put = i == ARRAY_LEN(values) ? json_object_get(child) : NULL;
        /* digits as they are: json-c would round and cut them */
        if (i < ARRAY_LEN(values) && (values[i].kind & NUMBER) != 0)
            put = json_object_new_double_s(1, values[i].json);
        else if (i < ARRAY_LEN(values))
            put = json_tokener_parse(values[i].json);
        if (key != NULL)
            json_object_object_add(parent, key, put);
        else
            json_object_array_put_idx(parent, index, put);
        if (i < ARRAY_LEN(values))
            judge(t, path, &values[i]);
    }
    walk(t, child, path);
    json_object_put(child);
}

static void walk(struct trial *t, struct json_object *at, const char *path)
{
    char inner[PATH_LEN];
    if (json_object_is_type(at, json_type_array))
        for (size_t i = 0; i < json_object_array_length(at); i++) {
            snprintf(inner, sizeof inner, "%s[%zu]", path, i);
            try_child(t, at, NULL, i, inner);
        }
    if (!json_object_is_type(at, json_type_object))
        return;
    const char *keys[64];
    size_t n = 0;
    json_object_object_foreach(at, key, value)
    {
        (void)value;
        keys[n++] = key;
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(inner, sizeof inner, "%s%s%s", path, path[0] ? "." : "", keys[i]);
        try_child(t, at, keys[i], 0, inner);
    }
}

static void run(const struct dialect_ops *ops, const struct field *fields, size_t n,
                const char *const *bodies, size_t n_bodies)
{
    struct trial t = {.ops = ops, .fields = fields, .n_fields = n};
    for (size_t i = 0; i < n_bodies; i++) {
        struct arena a;
        struct msg_request m;
        struct body_facts facts;
        struct err e = ERR_INIT;
        arena_init(&a, 1 << 20);
        /* a body that is refused as it stands would prove nothing */
        if (ops->request_decode(str_of(bodies[i]), NULL, &a, &m, &e) != ERR_OK ||
            ops->facts(str_of(bodies[i]), NULL, &facts, &e) != ERR_OK)
            fail_msg("body %zu: %s", i, e.text);
        arena_release(&a);
        t.root = json_tokener_parse(bodies[i]);
        assert_non_null(t.root);
        walk(&t, t.root, "");
        json_object_put(t.root);
    }
    assert_true(t.n_done > 500);
    assert_int_equal(t.n_wrong, 0);
}

static void wrong_types_in_a_chat_completion_are_named(void **state)
{
    (void)state;
    run(&dialect_openai, openai_fields, ARRAY_LEN(openai_fields), openai_bodies,
        ARRAY_LEN(openai_bodies));
}

static void wrong_types_in_a_message_are_named(void **state)
{
    (void)state;
    run(&dialect_anthropic, anthropic_fields, ARRAY_LEN(anthropic_fields),
        anthropic_bodies, ARRAY_LEN(anthropic_bodies));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_types_in_a_chat_completion_are_named),
        cmocka_unit_test(wrong_types_in_a_message_are_named),
    };
    return cmocka_run_group_tests_name("wrong_types", tests, NULL, NULL);
}
