/* test_turns.c: what was said in a request, in the three shapes that clients send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "core/turns.h"

#include <cmocka.h>

static void what_is_new_stands_behind_the_last_answer(void **state)
{
    (void)state;
    static const struct {
        const char *request, *want;
    } rows[] = {
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\\u00e9\\n\"}]}",
         "a\xC3\xA9\n"},
        {"{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\","
         "\"content\":"
         "\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\","
         "\"content\":\"c\"},"
         "{\"role\":\"user\",\"content\":\"d\"}]}",
         "c\n\nd"},
        {"{\"messages\":[{\"role\":\"developer\",\"content\":\"s\"},{\"role\":\"user\","
         "\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\","
         "\"image_url\":"
         "{\"url\":\"data:x\"}},{\"type\":\"text\",\"text\":\"b\"}]}]}",
         "a\n\nb"},
        {"{\"system\":[{\"type\":\"text\",\"text\":\"s\"}],\"messages\":[{\"role\":"
         "\"assistant\","
         "\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{}}]}"
         ","
         "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
         "\"1\","
         "\"content\":[{\"type\":\"text\",\"text\":\"r\"}]},{\"type\":\"text\",\"text\":"
         "\"q\"}]}]}",
         "r\n\nq"},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":null},{\"role\":\"tool\","
         "\"tool_call_id\":\"1\",\"content\":\"r\"}]}",
         "r"},
        {"{\"instructions\":\"s\",\"input\":\"a\"}", "a"},
        {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
         "\"a\"}]},"
         "{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"{}\"},"
         "{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"r\"}]}",
         "a\n\nr"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
         "\"content\":\"b\"}]}",
         ""},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\","
         "\"content\":["
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:x\"}}]}]}",
         "a"},
        {"{\"messages\":{}}", ""},
        {"{\"messages\":[1,null,[],{\"role\":1}]}", ""},
        {"{\"messages\":[{\"role\":\"user\"}]}", ""},
        {"[]", ""},
        {"{\"messages\":[", ""},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(1000);
        turns_new(str_of(rows[i].request), &out);
        assert_string_equal(out.len > 0 ? out.data : "", rows[i].want);
    }
}

static void add_role(void *arg, struct str role, struct jspan content)
{
    (void)content;
    buf_printf(arg, "%.*s ", STR_ARG(role));
}

static void every_turn_has_its_role(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf out = BUF_INIT(1000);
    turns_each(STR("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
                   "\"assistant\","
                   "\"content\":\"b\"}],\"system\":\"s\"}"),
               add_role, &out);
    assert_string_equal(out.data, "system user assistant ");
}

/* Content within content has an end, however deep a client nests it. */
static void deep_nesting_is_cut(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf out = BUF_INIT(1000);
    AUTO(buf_release) struct buf json = BUF_INIT(10000);
    buf_addz(&json, "{\"messages\":[{\"role\":\"user\",\"content\":");
    for (int i = 0; i < 100; i++)
        buf_addc(&json, '[');
    buf_addz(&json, "\"deep\"");
    for (int i = 0; i < 100; i++)
        buf_addc(&json, ']');
    buf_addz(&json, "}]}");
    turns_new(buf_str(&json), &out);
    assert_int_equal(out.len, 0);
}

static void a_title_is_the_first_line_that_says_something(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf out = BUF_INIT(1000);
    turns_title(STR("{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":"
                    "\"user\",\"content\":\" \\n  where to? \\nsay\"}]}"),
                &out);
    assert_string_equal(out.data, "where to?");
    buf_reset(&out);
    AUTO(buf_release) struct buf json = BUF_INIT(10000);
    buf_addz(&json, "{\"input\":\"x");
    for (int i = 0; i < TURNS_TITLE_LEN; i++)
        buf_addz(&json, "\xC3\xA9");
    buf_addz(&json, "\"}");
    turns_title(buf_str(&json), &out);
    assert_int_equal(out.len, TURNS_TITLE_LEN - 1); /* no character is cut in two */
    buf_reset(&out);
    turns_title(STR("no request"), &out);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_new_stands_behind_the_last_answer),
        cmocka_unit_test(every_turn_has_its_role),
        cmocka_unit_test(deep_nesting_is_cut),
        cmocka_unit_test(a_title_is_the_first_line_that_says_something),
    };
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
