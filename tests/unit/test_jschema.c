/* test_jschema.c: values against schemas, keyword by keyword; what is ignored; what is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/jschema.h"
#include "core/jsonx.h"

#include <cmocka.h>

static struct json_object *parse(const char *text)
{
    struct json_object *o = NULL;
    struct err e = ERR_INIT;
    if (jx_parse(str_of(text), &o, &e) != ERR_OK)
        fail_msg("%s: %s", text, e.text);
    return o;
}

static enum errc check(const char *schema, const char *value, struct err *e)
{
    AUTO(jx_put) struct json_object *s = parse(schema), *v = parse(value);
    return jschema_check(s, v, e);
}

struct row {
    const char *schema, *value;
    const char *why; /* NULL: it fits */
};

static void run(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT;
        enum errc rc = check(rows[i].schema, rows[i].value, &e);
        if (rc != (rows[i].why == NULL ? ERR_OK : ERR_UNUSABLE))
            fail_msg("%s with %s: %s: %s", rows[i].schema, rows[i].value, errc_name(rc),
                     e.text);
        if (rows[i].why != NULL)
            assert_string_equal(e.text, rows[i].why);
    }
}

static void types(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"type\":\"object\"}", "{}", NULL},
        {"{\"type\":\"object\"}", "[]", "the value: type: is array, not object"},
        {"{\"type\":\"array\"}", "[]", NULL},
        {"{\"type\":\"string\"}", "\"a\"", NULL},
        {"{\"type\":\"string\"}", "1", "the value: type: is integer, not string"},
        {"{\"type\":\"boolean\"}", "false", NULL},
        {"{\"type\":\"null\"}", "null", NULL},
        {"{\"type\":\"null\"}", "0", "the value: type: is integer, not null"},
        {"{\"type\":\"number\"}", "1.5", NULL},
        {"{\"type\":\"number\"}", "1", NULL},
        {"{\"type\":\"integer\"}", "1", NULL},
        {"{\"type\":\"integer\"}", "1.0", NULL},
        {"{\"type\":\"integer\"}", "15e-1", "the value: type: is number, not integer"},
        {"{\"type\":\"integer\"}", "1e400", NULL},
        {"{\"type\":[\"string\",\"null\"]}", "null", NULL},
        {"{\"type\":[\"string\",\"null\"]}", "1",
         "the value: type: is integer, none of string, null"},
        {"true", "1", NULL},
        {"false", "1", "the value: false: fits nothing"},
        {"{}", "[{}]", NULL},
    };
    run(rows, ARRAY_LEN(rows));
}

static void values(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"enum\":[\"a\",1,null,{\"b\":[2]}]}", "\"a\"", NULL},
        {"{\"enum\":[\"a\",1,null,{\"b\":[2]}]}", "1.0", NULL},
        {"{\"enum\":[\"a\",1,null,{\"b\":[2]}]}", "null", NULL},
        {"{\"enum\":[\"a\",1,null,{\"b\":[2]}]}", "{\"b\":[2]}", NULL},
        {"{\"enum\":[\"a\",1,null,{\"b\":[2]}]}", "{\"b\":[2,3]}",
         "the value: enum: is none of the 4 values"},
        {"{\"enum\":[false]}", "0", "the value: enum: is none of the 1 values"},
        {"{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2,\"a\":1}", NULL},
        {"{\"const\":{\"a\":1}}", "{\"a\":1,\"b\":2}",
         "the value: const: is another value"},
        {"{\"const\":null}", "null", NULL},
        {"{\"const\":null}", "false", "the value: const: is another value"},
        {"{\"const\":\"1\"}", "1", "the value: const: is another value"},
    };
    run(rows, ARRAY_LEN(rows));
}

static void members(void **state)
{
    (void)state;
    static const char strict[] = "{\"properties\":{\"a\":{\"type\":\"integer\"}},"
                                 "\"required\":[\"a\"],\"additionalProperties\":false}";
    static const char patterns[] =
        "{\"patternProperties\":{\"^x\":{\"type\":\"string\"}},"
        "\"additionalProperties\":false}";
    static const struct row rows[] = {
        {strict, "{\"a\":1}", NULL},
        {strict, "{}", "the value: required: \"a\" is missing"},
        {strict, "{\"a\":\"1\"}", "/a: type: is string, not integer"},
        {strict, "{\"a\":1,\"b/~\":2}",
         "/b~1~0: additionalProperties: this member is not allowed"},
        {strict, "[]", NULL}, /* they ask nothing of what is no object */
        {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"a\":1}",
         "/a: type: is integer, not null"},
        {patterns, "{\"x1\":\"\"}", NULL},
        {patterns, "{\"x1\":1}", "/x1: type: is integer, not string"},
        {patterns, "{\"y\":1}", "/y: additionalProperties: this member is not allowed"},
        {"{\"minProperties\":1}", "{}",
         "the value: minProperties: has 0 members, fewer than 1"},
        {"{\"maxProperties\":1}", "{\"a\":1,\"b\":1}",
         "the value: maxProperties: has 2 members, more than 1"},
        {"{\"properties\":{\"a\":{\"properties\":{\"b\":false}}}}", "{\"a\":{\"b\":1}}",
         "/a/b: false: fits nothing"},
    };
    run(rows, ARRAY_LEN(rows));
}

static void elements(void **state)
{
    (void)state;
    static const char tuple[] = "{\"prefixItems\":[{\"type\":\"string\"},true],"
                                "\"items\":{\"type\":\"integer\"}}";
    static const struct row rows[] = {
        {"{\"items\":{\"type\":\"string\"}}", "[\"a\",\"b\"]", NULL},
        {"{\"items\":{\"type\":\"string\"}}", "[\"a\",1]",
         "/1: type: is integer, not string"},
        {"{\"items\":{\"items\":{\"type\":\"null\"}}}", "[[],[null,0]]",
         "/1/1: type: is integer, not null"},
        {tuple, "[\"a\",null,1]", NULL},
        {tuple, "[1]", "/0: type: is integer, not string"},
        {tuple, "[\"a\",null,1,\"b\"]", "/3: type: is string, not integer"},
        {"{\"items\":[{\"type\":\"string\"}]}", "[1]",
         "/0: type: is integer, not string"},
        {"{\"items\":false}", "[]", NULL},
        {"{\"items\":{\"type\":\"string\"}}", "{\"0\":1}", NULL},
        {"{\"minItems\":2}", "[1]", "the value: minItems: has 1 elements, fewer than 2"},
        {"{\"maxItems\":2.0}", "[1,2]", NULL},
        {"{\"maxItems\":1}", "[1,2]", "the value: maxItems: has 2 elements, more than 1"},
        {"{\"uniqueItems\":true}", "[1,\"1\",{\"a\":1},{\"a\":2}]", NULL},
        {"{\"uniqueItems\":true}", "[1,2,1.0]",
         "the value: uniqueItems: elements 0 and 2 are equal"},
        {"{\"uniqueItems\":false}", "[1,1]", NULL},
    };
    run(rows, ARRAY_LEN(rows));
}

static void strings_and_numbers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"minLength\":2}", "\"é\"",
         "the value: minLength: has 1 characters, fewer than 2"},
        {"{\"maxLength\":1}", "\"🌊\"", NULL},
        {"{\"maxLength\":1}", "\"ab\"",
         "the value: maxLength: has 2 characters, more than 1"},
        {"{\"pattern\":\"^a\\\\d$\"}", "\"a1\"", NULL},
        {"{\"pattern\":\"^a\\\\d$\"}", "\"ab\"",
         "the value: pattern: does not match \"^a\\d$\""},
        {"{\"pattern\":\"^a\"}", "1", NULL},
        {"{\"minimum\":0.1}", "0.1", NULL},
        {"{\"minimum\":0.1}", "0.09999999999999999999",
         "the value: minimum: is below 0.1"},
        {"{\"maximum\":-1e2}", "-100.0", NULL},
        {"{\"maximum\":-1e2}", "-99", "the value: maximum: is above -1e2"},
        {"{\"exclusiveMinimum\":1}", "1", "the value: exclusiveMinimum: is not above 1"},
        {"{\"exclusiveMinimum\":1}", "1.1", NULL},
        {"{\"exclusiveMaximum\":1}", "1.0",
         "the value: exclusiveMaximum: is not below 1"},
        {"{\"exclusiveMaximum\":1}", "-5", NULL},
        {"{\"minimum\":1}", "\"0\"", NULL},
        {"{\"format\":\"date\"}", "\"no date\"", NULL},
    };
    run(rows, ARRAY_LEN(rows));
}

static void combinations(void **state)
{
    (void)state;
    static const char one[] = "{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":5}]}";
    static const struct row rows[] = {
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "null", NULL},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "1",
         "the value: anyOf: fits none of the 2 schemas"},
        {one, "1", NULL},
        {one, "5.5", NULL},
        {one, "6", "the value: oneOf: fits 2 of the 2 schemas"},
        {one, "1.5", "the value: oneOf: fits none of the 2 schemas"},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "3",
         "the value: maximum: is above 2"},
        {"{\"not\":{\"type\":\"null\"}}", "1", NULL},
        {"{\"not\":{\"type\":\"null\"}}", "null",
         "the value: not: fits the schema that it must not fit"},
    };
    run(rows, ARRAY_LEN(rows));
}

static void references(void **state)
{
    (void)state;
    static const char tree[] =
        "{\"$ref\":\"#/$defs/node\",\"$defs\":{\"node\":{\"type\":\"object\","
        "\"properties\":{\"v\":{\"type\":\"integer\"},"
        "\"next\":{\"anyOf\":[{\"$ref\":\"#/$defs/node\"},{\"type\":\"null\"}]}}}}}";
    static const struct row rows[] = {
        {tree, "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}", NULL},
        {tree, "{\"v\":\"1\"}", "/v: type: is string, not integer"},
        {tree, "{\"next\":{\"v\":\"2\"}}", "/next: anyOf: fits none of the 2 schemas"},
        {"{\"items\":{\"$ref\":\"#\"},\"type\":\"array\"}", "[[[]],[1]]",
         "/1/0: type: is integer, not array"},
        {"{\"$ref\":\"#/definitions/a~1b\",\"definitions\":{\"a/b\":{\"const\":1}}}", "1",
         NULL},
        {"{\"$ref\":\"#/prefixItems/0\",\"prefixItems\":[{\"const\":1}]}", "2",
         "the value: const: is another value"},
        {"{\"$ref\":\"#/$defs/a\",\"minimum\":2,\"$defs\":{\"a\":{}}}", "1",
         "the value: minimum: is below 2"},
    };
    run(rows, ARRAY_LEN(rows));
}

/* What cannot be checked never refuses. */
static void what_is_ignored_lets_pass(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"multipleOf\":2}", "3", NULL},
        {"{\"not\":{\"multipleOf\":2}}", "3", NULL},
        {"{\"not\":{\"not\":{\"multipleOf\":2}}}", "3", NULL},
        {"{\"oneOf\":[{\"multipleOf\":2},{\"multipleOf\":3}]}", "3", NULL},
        {"{\"pattern\":\"(?=a)\"}", "\"b\"", NULL},
        {"{\"not\":{\"pattern\":\"(?=a)\"}}", "\"b\"", NULL},
        {"{\"patternProperties\":{\"(?=a)\":{\"type\":\"string\"}},"
         "\"additionalProperties\":false}",
         "{\"b\":1}", NULL},
        {"{\"not\":{\"multipleOf\":2,\"type\":\"string\"}}", "3", NULL},
        {"{\"not\":{\"multipleOf\":2}, \"type\":\"string\"}", "3",
         "the value: type: is integer, not string"},
    };
    run(rows, ARRAY_LEN(rows));
}

static void what_is_ignored_is_named(void **state)
{
    (void)state;
    AUTO(jx_put)
    struct json_object *s = parse(
        "{\"type\":\"object\",\"title\":\"t\",\"if\":{},\"properties\":{\"a\":"
        "{\"multipleOf\":2},\"b\":{\"items\":[{\"contains\":{}}],\"pattern\":\"\\\\1\"},"
        "\"format\":{\"format\":\"date\"}},\"patternProperties\":{\"(?=b)\":true},"
        "\"$defs\":{\"c/d\":{\"not\":{\"unevaluatedItems\":false}}}}");
    struct buf out = BUF_INIT(1000);
    struct err e = ERR_INIT;
    assert_int_equal(jschema_examine(s, &out, &e), ERR_OK);
    assert_string_equal(out.data, "/if\n/properties/a/multipleOf\n"
                                  "/properties/b/items/0/contains\n"
                                  "/properties/b/pattern\n/patternProperties/(?=b)\n"
                                  "/$defs/c~1d/not/unevaluatedItems\n");
    buf_release(&out);
    assert_int_equal(jschema_examine(s, NULL, &e), ERR_OK);
}

static void a_malformed_schema_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *why;
    } rows[] = {
        {"1", "schema, the whole: must be an object, true or false"},
        {"{\"type\":\"text\"}",
         "schema, /type: must be the name of a type, or an array of them"},
        {"{\"type\":[1]}",
         "schema, /type: must be the name of a type, or an array of them"},
        {"{\"enum\":1}", "schema, /enum: must be an array"},
        {"{\"required\":\"a\"}", "schema, /required: must be an array of strings"},
        {"{\"minLength\":-1}", "schema, /minLength: must be a whole number, 0 or more"},
        {"{\"minItems\":1.5}", "schema, /minItems: must be a whole number, 0 or more"},
        {"{\"exclusiveMinimum\":true}", "schema, /exclusiveMinimum: must be a number"},
        {"{\"anyOf\":[]}", "schema, /anyOf: must be an array of at least one schema"},
        {"{\"allOf\":{}}", "schema, /allOf: must be an array of schemas"},
        {"{\"pattern\":1}", "schema, /pattern: must be a string"},
        {"{\"uniqueItems\":1}", "schema, /uniqueItems: must be true or false"},
        {"{\"prefixItems\":{}}", "schema, /prefixItems: must be an array of schemas"},
        {"{\"items\":1}", "schema, /items: must be a schema, or an array of them"},
        {"{\"not\":[]}", "schema, /not: must be a schema"},
        {"{\"properties\":{\"a\":1}}",
         "schema, /properties: must be an object of schemas"},
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/b\"}}}",
         "schema, /properties/a/$ref: no such place in this schema"},
        {"{\"$ref\":\"https://example.org/s\"}",
         "schema, /$ref: no such place in this schema"},
        {"{\"items\":[{\"type\":3}]}",
         "schema, /items/0/type: must be the name of a type, or an array of them"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        AUTO(jx_put) struct json_object *s = parse(rows[i].schema);
        assert_int_equal(jschema_examine(s, NULL, &e), ERR_INVALID);
        assert_string_equal(e.text, rows[i].why);
    }
    struct err e = ERR_INIT;
    assert_int_equal(check("{\"properties\":{\"a\":{\"type\":3}}}", "{\"a\":1}", &e),
                     ERR_INVALID);
    assert_int_equal(check("{\"$ref\":\"#/$defs/b\"}", "1", &e), ERR_INVALID);
}

/* A schema comes from a client: neither its nesting nor its branches may stop the loop. */
static void a_hostile_schema_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *value;
    } rows[] = {
        {"{\"$ref\":\"#\"}", "1"},
        {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/"
         "a\"}]}}}",
         "1"},
        {"{\"allOf\":[{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}]}", "1"},
        {"{\"not\":{\"$ref\":\"#\"}}", "1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(check(rows[i].schema, rows[i].value, &e), ERR_TOO_LARGE);
    }
}

/* Each of 40 levels asks the next one twice: 2^40 checks, if nobody counted. */
static void branches_without_end_are_counted(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(100000);
    struct err e = ERR_INIT;
    buf_addz(&text, "{\"$ref\":\"#/$defs/a0\",\"$defs\":{\"a40\":{\"type\":\"string\"}");
    for (int i = 0; i < 40; i++)
        buf_printf(&text,
                   ",\"a%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/a%d\"},"
                   "{\"$ref\":\"#/$defs/a%d\"}]}",
                   i, i + 1, i + 1);
    buf_addz(&text, "}}");
    assert_int_equal(check(text.data, "1", &e), ERR_TOO_LARGE);
    assert_int_equal(check(text.data, "\"a\"", &e), ERR_OK);
    buf_release(&text);
}

static void long_lists_are_counted(void **state)
{
    (void)state;
    struct buf schema = BUF_INIT(1000000), value = BUF_INIT(1000000);
    struct err e = ERR_INIT;
    buf_addz(&schema, "{\"items\":{\"enum\":[1");
    buf_addz(&value, "[0");
    for (int i = 0; i < 5000; i++) {
        buf_addz(&schema, ",1");
        buf_addz(&value, ",0");
    }
    buf_addz(&schema, "]}}");
    buf_addz(&value, "]");
    assert_int_equal(check("{\"uniqueItems\":true}", value.data, &e), ERR_UNUSABLE);
    assert_int_equal(check(schema.data, value.data, &e), ERR_UNUSABLE);
    buf_reset(&schema);
    buf_addz(&schema, "{\"items\":{\"anyOf\":[{\"enum\":[1");
    for (int i = 0; i < 5000; i++)
        buf_addz(&schema, ",1");
    buf_addz(&schema, "]},{\"type\":\"integer\"}]}}");
    assert_int_equal(check(schema.data, value.data, &e), ERR_TOO_LARGE);
    buf_release(&schema);
    buf_release(&value);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(values),
        cmocka_unit_test(members),
        cmocka_unit_test(elements),
        cmocka_unit_test(strings_and_numbers),
        cmocka_unit_test(combinations),
        cmocka_unit_test(references),
        cmocka_unit_test(what_is_ignored_lets_pass),
        cmocka_unit_test(what_is_ignored_is_named),
        cmocka_unit_test(a_malformed_schema_is_refused),
        cmocka_unit_test(a_hostile_schema_is_bounded),
        cmocka_unit_test(branches_without_end_are_counted),
        cmocka_unit_test(long_lists_are_counted),
    };
    return cmocka_run_group_tests_name("jschema", tests, NULL, NULL);
}
