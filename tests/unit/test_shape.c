/* test_shape.c: what --schema says becomes a schema, and answers are held against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/files.h"
#include "cmd/shape.h"

#include <cmocka.h>

#define OBJECT(members, names)                                                           \
    "{\"type\":\"object\",\"properties\":{" members "},\"required\":[" names             \
    "],\"additionalProperties\":false}"

static void fields_become_a_schema(void **state)
{
    (void)state;
    static const struct {
        const char *given, *want;
    } rows[] = {
        {"name, age int, city",
         OBJECT("\"name\":{\"type\":\"string\"},\"age\":{\"type\":\"integer\"},"
                "\"city\":{\"type\":\"string\"}",
                "\"name\",\"age\",\"city\"")},
        {" a-1  float\n\n b? bool: is it, then ,",
         OBJECT("\"a-1\":{\"type\":\"number\"},"
                "\"b\":{\"type\":[\"boolean\",\"null\"],\"description\":\"is it\"},"
                "\"then\":{\"type\":\"string\"}",
                "\"a-1\",\"b\",\"then\"")},
        {"tags str[], n? integer []",
         OBJECT("\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
                "\"n\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"integer\"}}",
                "\"tags\",\"n\"")},
        {"{ \"type\" : \"array\", \"x\": \"a \\\" b\" }",
         "{\"type\":\"array\",\"x\":\"a \\\" b\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct shape s;
        struct err e = ERR_INIT;
        if (shape_load(rows[i].given, &s, &e) != ERR_OK)
            fail_msg("%s: %s", rows[i].given, e.text);
        assert_string_equal(s.text.data, rows[i].want);
        shape_release(&s);
    }
}

static void what_is_no_schema_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *given, *want;
        enum errc code;
    } rows[] = {
        {"", "--schema: there is no field in it", ERR_USAGE},
        {" , ", "--schema: there is no field in it", ERR_USAGE},
        {"no-such.json", "--schema: no-such.json: ", ERR_NOT_FOUND},
        {"no/such", "--schema: no/such: ", ERR_NOT_FOUND},
        {"name text", "--schema: field \"name\": \"text\" is none of str", ERR_USAGE},
        {"na$me", "--schema: \"na$me\" is no field", ERR_USAGE},
        {"a, a", "--schema: field \"a\" is there twice", ERR_USAGE},
        {"{\"type\":", "--schema: ", ERR_USAGE},
        {"{\"type\":\"colour\"}", "--schema: ", ERR_USAGE},
        {"@/no/such/file", "--schema: /no/such/file: ", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct shape s;
        struct err e = ERR_INIT;
        if (shape_load(rows[i].given, &s, &e) != rows[i].code)
            fail_msg("%s: %s", rows[i].given, e.text);
        if (strncmp(e.text, rows[i].want, strlen(rows[i].want)) != 0)
            fail_msg("%s: %s", rows[i].given, e.text);
    }
}

static void a_file_is_read(void **state)
{
    (void)state;
    char path[64], at[72];
    struct shape s;
    struct err e = ERR_INIT;
    snprintf(path, sizeof path, "/tmp/test_shape.%ld", (long)getpid());
    snprintf(at, sizeof at, "@%s", path);
    assert_int_equal(files_write(path, STR("{\"type\":\"object\"}\n"), &e), ERR_OK);
    const char *const names[] = {path, at};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(shape_load(names[i], &s, &e), ERR_OK);
        assert_string_equal(s.text.data, "{\"type\":\"object\"}");
        shape_release(&s);
    }
    unlink(path);
}

static void an_answer_is_held_against_it(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *want; /* what is shown; NULL: what does not fit is "why" */
        const char *why;
    } rows[] = {
        {"{\"n\":1}", "{\"n\":1}", NULL},
        {" {\n  \"n\" : 1.5\n}\n", NULL, "/n: type"},
        {"\n{ \"n\" : 12345678901234567890 }", "{\"n\":12345678901234567890}", NULL},
        {"Here:\n```json\n{\"n\": 2}\n```\nDone.", "{\"n\":2}", NULL},
        {"Here:\n```json\n{\"n\": \"2\"}\n```", NULL, "/n: type"},
        {"{\"n\":\"```\\n1\\n```\"}", NULL, "/n: type"},
        {"{\"n\":1} and more", NULL, "the answer is no JSON"},
        {"", NULL, "the answer is no JSON"},
        {"{\"n\":1,\"m\":2}", NULL, "/m: additionalProperties"},
        {"{}", NULL, "the value: required"},
        {"[1]", NULL, "the value: type"},
    };
    struct shape s;
    struct err e = ERR_INIT;
    assert_int_equal(shape_load("n int", &s, &e), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1000);
        err_clear(&e);
        enum errc rc = shape_check(&s, str_of(rows[i].answer), &out, &e);
        assert_int_equal(rc, rows[i].want != NULL ? ERR_OK : ERR_UNUSABLE);
        if (rows[i].want != NULL)
            assert_string_equal(out.data, rows[i].want);
        else if (!str_contains(str_of(e.text), str_of(rows[i].why)))
            fail_msg("%s: %s", rows[i].answer, e.text);
    }
    shape_release(&s);
}

static void providers_are_asked_as_they_can(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        bool is_native, is_strict;
    } rows[] = {
        {"a, b? int", true, true},
        {"{\"type\":\"array\"}", false, false},
        {"{\"type\":\"object\"}", true, false},
        {"{\"type\":\"object\",\"additionalProperties\":false}", true, true},
        {OBJECT("\"a\":{\"type\":\"object\"}", "\"a\""), true, false},
        {OBJECT("\"a\":{\"type\":[\"object\",\"null\"]}", "\"a\""), true, false},
        {OBJECT("\"a\":{\"type\":\"string\"}", ""), true, false},
        {OBJECT("\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "\"a\""),
         true, true},
        {OBJECT("\"a\":{\"oneOf\":[{\"type\":\"string\"}]}", "\"a\""), true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(10000);
        struct shape s;
        struct err e = ERR_INIT;
        struct jw w;
        assert_int_equal(shape_load(rows[i].given, &s, &e), ERR_OK);
        if (s.is_native != rows[i].is_native || s.is_strict != rows[i].is_strict)
            fail_msg("%s: %d %d", rows[i].given, s.is_native, s.is_strict);
        jw_init(&w, &out);
        jw_object(&w);
        shape_write_format(&s, &w);
        jw_object_end(&w);
        assert_int_equal(strstr(out.data, "\"strict\":true") != NULL, rows[i].is_strict);
        assert_non_null(strstr(out.data, s.text.data));
        buf_reset(&out);
        shape_ask_again(&s, "it is wrong", &out);
        assert_non_null(strstr(out.data, "it is wrong"));
        assert_non_null(strstr(out.data, s.text.data));
        shape_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_become_a_schema),
        cmocka_unit_test(what_is_no_schema_is_told),
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(an_answer_is_held_against_it),
        cmocka_unit_test(providers_are_asked_as_they_can),
    };
    return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
