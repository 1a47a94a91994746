/* test_jsonx.c: strict parsing, getters that do not clamp, the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/jscan.h"
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

static void parsing_is_strict(void **state)
{
    (void)state;
    static const char *const rows[] = {"{\"a\":NaN}", "[01]", "[1]x", "\"\t\"",
                                       "{'a':1}",     "",     "1."};
    struct json_object *o = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(jx_parse(str_of(rows[i]), &o, &e), ERR_SYNTAX);
        assert_null(o);
    }
}

static void any_value_may_be_the_document(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {{"12", json_type_int},       {"1.5", json_type_double},
                {"\"a\"", json_type_string}, {"null", json_type_null},
                {"true", json_type_boolean}, {" [] ", json_type_array},
                {"{}\n", json_type_object}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(jx_put) struct json_object *o = parse(rows[i].text);
        assert_int_equal(json_object_get_type(o), rows[i].type);
    }
}

/* The slice has no NUL behind it: what follows must not be read. */
static void a_number_ends_with_its_slice(void **state)
{
    (void)state;
    struct json_object *o = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(jx_parse((struct str){"1234", 2}, &o, &e), ERR_OK);
    assert_int_equal(json_object_get_int64(o), 12);
    jx_put(&o);
    assert_null(o);
}

static void getters_answer_only_for_their_type(void **state)
{
    (void)state;
    AUTO(jx_put)
    struct json_object *o =
        parse("{\"s\":\"x\\u0000y\",\"b\":true,\"n\":null,\"o\":{},\"a\":[],\"i\":7}");
    assert_true(str_eq(jx_str(o, "s"), STR("x\0y")));
    assert_null(jx_str(o, "i").ptr);
    assert_null(jx_str(o, "n").ptr);
    assert_null(jx_str(o, "absent").ptr);
    assert_true(jx_bool(o, "b", false));
    assert_true(jx_bool(o, "i", true));
    assert_false(jx_bool(o, "absent", false));
    assert_non_null(jx_obj(o, "o"));
    assert_null(jx_obj(o, "a"));
    assert_non_null(jx_arr(o, "a"));
    assert_null(jx_arr(o, "o"));
    assert_null(jx_get(o, "n"));
    assert_null(jx_get(jx_arr(o, "a"), "x"));
    assert_null(jx_get(NULL, "x"));
}

static void integers_are_never_clamped(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        {"{\"v\":9223372036854775807}", true, INT64_MAX},
        {"{\"v\":9223372036854775808}", false, 0},
        {"{\"v\":18446744073709551615}", false, 0},
        {"{\"v\":99999999999999999999}", false, 0},
        {"{\"v\":-99999999999999999999}", false, 0},
        {"{\"v\":-5}", true, -5},
        {"{\"v\":1.0}", true, 1},
        {"{\"v\":1e3}", true, 1000},
        {"{\"v\":1.5}", false, 0},
        {"{\"v\":\"1\"}", false, 0},
        {"{\"v\":true}", false, 0},
        {"{}", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(jx_put) struct json_object *o = parse(rows[i].text);
        int64_t v = 0;
        assert_int_equal(jx_i64(o, "v", INT64_MIN, INT64_MAX, &v), rows[i].ok);
        assert_true(v == rows[i].want);
    }
    AUTO(jx_put) struct json_object *o = parse("{\"v\":5}");
    int64_t v;
    assert_false(jx_i64(o, "v", 6, 9, &v));
    assert_false(jx_i64(o, "v", 0, 4, &v));
}

static void numbers_keep_their_digits(void **state)
{
    (void)state;
    AUTO(jx_put)
    struct json_object *o =
        parse("{\"a\":0.70,\"b\":1E-7,\"c\":12,\"d\":99999999999999999999,\"e\":\"1\"}");
    assert_true(str_eqz(jx_number(o, "a"), "0.70"));
    assert_true(str_eqz(jx_number(o, "b"), "1E-7"));
    assert_true(str_eqz(jx_number(o, "c"), "12"));
    assert_null(jx_number(o, "d").ptr);
    assert_null(jx_number(o, "e").ptr);
}

static void the_writer_places_commas(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    struct jw w;
    jw_init(&w, &b);
    jw_object(&w);
    jw_kstrz(&w, "s", "x");
    jw_kstrz(&w, "none", NULL);
    jw_ki64(&w, "min", INT64_MIN);
    jw_ki64_if(&w, "seven", true, 7);
    jw_ki64_if(&w, "nobody knows", false, 7);
    jw_key(&w, "a");
    jw_array(&w);
    jw_u64(&w, UINT64_MAX);
    jw_array(&w);
    jw_array_end(&w);
    jw_object(&w);
    jw_key_str(&w, STR("k\"y"));
    jw_null(&w);
    jw_object_end(&w);
    jw_bool(&w, false);
    jw_array_end(&w);
    jw_kbool(&w, "b", true);
    jw_key(&w, "raw");
    jw_raw(&w, STR("[1, 2]"));
    jw_kstr(&w, "e", STR_NONE);
    jw_object_end(&w);
    assert_string_equal(b.data, "{\"s\":\"x\",\"none\":null,\"min\":-9223372036854775808,"
                                "\"seven\":7,\"nobody knows\":null,"
                                "\"a\":[18446744073709551615,[],{\"k\\\"y\":null},false],"
                                "\"b\":true,\"raw\":[1, 2],\"e\":\"\"}");
    buf_release(&b);
}

static void money_and_time_are_exact_or_null(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    struct jw w;
    jw_init(&w, &b);
    jw_array(&w);
    jw_usd(&w, 412000000);
    jw_usd(&w, 0);
    jw_usd(&w, PICO_UNKNOWN);
    jw_time(&w, 1795575911000001);
    jw_time(&w, 0);
    jw_array_end(&w);
    assert_string_equal(b.data, "[0.000412,0,null,\"2026-11-25T03:05:11.000001Z\",null]");
    buf_release(&b);
}

static void quoting_makes_valid_json_of_any_bytes(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *want;
    } rows[] = {
        {{"a\"b\\c/d", 7}, "\"a\\\"b\\\\c/d\""},
        {{"\b\f\n\r\t\x01\x7F", 7}, "\"\\b\\f\\n\\r\\t\\u0001\x7F\""},
        {{"\0", 1}, "\"\\u0000\""},
        {{"\xC3\xA9\xF0\x9F\x98\x80", 6}, "\"\xC3\xA9\xF0\x9F\x98\x80\""},
        {{"a\xFFz\xC3", 4}, "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\""},
        {{NULL, 0}, "\"\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = BUF_INIT(100);
        struct err e = ERR_INIT;
        json_quote(&b, rows[i].text);
        assert_string_equal(b.data, rows[i].want);
        assert_int_equal(jscan_check(buf_str(&b), &e), ERR_OK);
        buf_release(&b);
    }
}

/* Two long texts and a short one, of several pieces. */
static void write_texts(struct str text, struct jw_later *later, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    w.later = later;
    jw_object(&w);
    jw_kstr_kept(&w, "long", text);
    jw_kstr_kept(&w, "short", STR("a\"b"));
    jw_key(&w, "mixed");
    jw_string(&w);
    jw_string_add(&w, STR("<\n"));
    jw_string_kept(&w, text);
    jw_string_add(&w, STR(">"));
    jw_string_end(&w);
    jw_object_end(&w);
}

static void what_was_left_for_later_is_written_in_its_place(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 2, 3, 7, 100, 1500, 100000};
    AUTO(buf_release) struct buf text = BUF_INIT(100000), want = BUF_INIT(100000);
    for (int i = 0; i < 700; i++)
        buf_addz(&text, i % 3 == 0 ? "\n\xC3\xA9" : "x\xF0\x9F\x98\x80\\");
    write_texts(buf_str(&text), NULL, &want);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        AUTO(buf_release) struct buf frame = BUF_INIT(100000), out = BUF_INIT(100000);
        struct jw_later later = {.n = 0};
        write_texts(buf_str(&text), &later, &frame);
        assert_int_equal(later.n, 2);
        assert_true(frame.len < 200);
        size_t before;
        bool done;
        do {
            before = out.len;
            done = jw_later_write(&later, buf_str(&frame), &out, steps[i]);
            /* an escape has two bytes, a character up to four */
            assert_true(done || out.len - before <= frame.len + 2 * (steps[i] + 4));
        } while (!done && out.len > before);
        assert_true(done);
        assert_string_equal(out.data, want.data);
        jw_later_release(&later);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing_is_strict),
        cmocka_unit_test(any_value_may_be_the_document),
        cmocka_unit_test(a_number_ends_with_its_slice),
        cmocka_unit_test(getters_answer_only_for_their_type),
        cmocka_unit_test(integers_are_never_clamped),
        cmocka_unit_test(numbers_keep_their_digits),
        cmocka_unit_test(the_writer_places_commas),
        cmocka_unit_test(money_and_time_are_exact_or_null),
        cmocka_unit_test(quoting_makes_valid_json_of_any_bytes),
        cmocka_unit_test(what_was_left_for_later_is_written_in_its_place),
    };
    return cmocka_run_group_tests_name("jsonx", tests, NULL, NULL);
}
