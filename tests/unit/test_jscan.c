/* test_jscan.c: the scanner's grammar against json-c, places of fields, walks. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/jscan.h"

#include <cmocka.h>

/* With the NUL bytes a literal may hold. */
#define ROW(literal)                                                                     \
    {                                                                                    \
        literal, sizeof(literal) - 1                                                     \
    }

static const struct str good[] = {
    ROW("{}"),
    ROW(" [ ] "),
    ROW("\t\r\n null \n"),
    ROW("true"),
    ROW("[false,true,null]"),
    ROW("0"),
    ROW("-0"),
    ROW("-0.0e-0"),
    ROW("1E+2"),
    ROW("[1e400,0.10,123456789012345678901234567890]"),
    ROW("\"\""),
    ROW("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83d\\uDE00\""),
    ROW("\"\\u0000\""),
    ROW("\"a\x7F\""),
    ROW("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\""),
    ROW("{\"\":{\"\":[]},\"a\":{\"b\":1,\"b\":2}}"),
    ROW("{\"a\":[{\"b\":[1,2,{}]},[]],\"c\":\"d\"}"),
};

static const struct str bad[] = {
    ROW(""),
    ROW(" "),
    ROW("{"),
    ROW("}"),
    ROW("[1,]"),
    ROW("[,1]"),
    ROW("[1 2]"),
    ROW("[1}"),
    ROW("{\"a\":1,}"),
    ROW("{,}"),
    ROW("{\"a\"}"),
    ROW("{\"a\" 1}"),
    ROW("{\"a\":}"),
    ROW("{a:1}"),
    ROW("{'a':1}"),
    ROW("{1:1}"),
    ROW("{} {}"),
    ROW("{}x"),
    ROW("[]\0"),
    ROW("tru"),
    ROW("True"),
    ROW("truex"),
    ROW("nul"),
    ROW("NaN"),
    ROW("[-NaN]"),
    ROW("Infinity"),
    ROW("-Infinity"),
    ROW("01"),
    ROW("-01"),
    ROW("-"),
    ROW("+1"),
    ROW(".5"),
    ROW("1."),
    ROW("1.e5"),
    ROW("1e"),
    ROW("1e+"),
    ROW("0x10"),
    ROW("1_000"),
    ROW("\"a"),
    ROW("\"\\"),
    ROW("\"\\x\""),
    ROW("\"\\\0\""),
    ROW("\"\\u12\""),
    ROW("\"\\u12g4\""),
    ROW("\"\\uD800\""),
    ROW("\"\\uD800\\n\""),
    ROW("\"\\uD800\\u0041\""),
    ROW("\"\\uDC00\""),
    ROW("\"\\uDC00\\uD800\""),
    ROW("\"a\nb\""),
    ROW("\"a\tb\""),
    ROW("\"a\0b\""),
    ROW("\"12345678901234567\x1F\""),
    ROW("\"\x80\""),
    ROW("\"\xC0\x80\""),
    ROW("\"\xE2\x82\""),
    ROW("\"\xE2\x82"),
    ROW("\"\xED\xA0\x80\""),
    ROW("\"\xF4\x90\x80\x80\""),
    ROW("\"\xFF\""),
    ROW("\xEF\xBB\xBF{}"),
    ROW("{\"a\\u0000\":1}"),
    ROW("// comment\n{}"),
    ROW("/* comment */ {}"),
    ROW("[1]/**/"),
    ROW("\xC2\xA0{}"),
    ROW("\f[]"),
};

static bool json_c_takes(struct str text)
{
    struct json_tokener *t = json_tokener_new_ex(LIMIT_JSON_DEPTH + 2);
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *o = json_tokener_parse_ex(t, text.ptr, (int)text.len);
    if (json_tokener_get_error(t) == json_tokener_continue)
        o = json_tokener_parse_ex(t, "", 1);
    bool ok = json_tokener_get_error(t) == json_tokener_success;
    json_object_put(o);
    json_tokener_free(t);
    return ok;
}

/* The check of a heap copy of exactly this size, so that a read past the end is seen. */
static enum errc check(struct str text)
{
    struct err e = ERR_INIT;
    char *copy = malloc(text.len + (text.len == 0));
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    enum errc rc = jscan_check((struct str){copy, text.len}, &e);
    free(copy);
    return rc;
}

static void good_text_is_taken_and_by_json_c_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (check(good[i]) != ERR_OK)
            fail_msg("refused: %s", good[i].ptr);
        if (!json_c_takes(good[i]))
            fail_msg("json-c refuses: %s", good[i].ptr);
    }
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (check(bad[i]) != ERR_SYNTAX)
            fail_msg("taken: row %zu: %s", i, bad[i].ptr);
}

static void no_prefix_of_a_container_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct str t = str_trim(good[i]);
        if (t.ptr[0] != '{' && t.ptr[0] != '[' && t.ptr[0] != '"')
            continue;
        for (size_t len = 0; len < t.len; len++)
            assert_int_equal(check(str_sub(t, 0, len)), ERR_SYNTAX);
    }
}

/* Each byte value at each offset of a long string: the eight-byte steps miss none. */
static void every_byte_is_seen_at_every_offset(void **state)
{
    (void)state;
    char text[40];
    for (size_t at = 1; at < sizeof text - 1; at++)
        for (unsigned c = 0; c < 256; c++) {
            memset(text, 'x', sizeof text);
            text[0] = text[sizeof text - 1] = '"';
            text[at] = (char)c;
            bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            enum errc rc = check((struct str){text, sizeof text});
            assert_int_equal(rc, plain ? ERR_OK : ERR_SYNTAX);
            struct str inside = {text + 1, sizeof text - 2};
            assert_int_equal(jscan_plain(inside), plain ? inside.len : at - 1);
        }
}

static void an_error_names_its_byte(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    assert_int_equal(jscan_check(STR("{\"a\": [1,\n x]}"), &e), ERR_SYNTAX);
    assert_string_equal(e.text, "JSON, byte 11: expected a digit");
}

static void nesting_has_a_cap(void **state)
{
    (void)state;
    char text[2 * LIMIT_JSON_DEPTH + 2];
    memset(text, '[', LIMIT_JSON_DEPTH + 1);
    memset(text + LIMIT_JSON_DEPTH + 1, ']', LIMIT_JSON_DEPTH + 1);
    struct str deepest = {text + 1, 2 * LIMIT_JSON_DEPTH};
    assert_int_equal(check(deepest), ERR_OK);
    assert_true(json_c_takes(deepest));
    assert_int_equal(check((struct str){text, sizeof text}), ERR_SYNTAX);
}

static void fields_are_found_with_their_places(void **state)
{
    (void)state;
    static const char text[] =
        "{ \"messages\":[{\"model\":\"inner\"}], \"mod\\u0065l\" : \"gpt\", "
        "\"stream\":true,\"n\":1e0,\"x\":null}";
    static const struct {
        const char *name;
        enum jkind kind;
        const char *raw;
        size_t key_pos;
    } rows[] = {
        {"model", J_STRING, "\"gpt\"", 34},
        {"stream", J_TRUE, "true", 56},
        {"n", J_NUMBER, "1e0", 70},
        {"messages", J_ARRAY, "[{\"model\":\"inner\"}]", 2},
        {"x", J_NULL, "null", 78},
        {"absent", J_NONE, "", 0},
    };
    struct str t = STR(text);
    struct jfield a[ARRAY_LEN(rows)], b[ARRAY_LEN(rows)];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        a[i].name = b[i].name = rows[i].name;
    struct err e = ERR_INIT;
    assert_int_equal(jscan_object(t, a, ARRAY_LEN(a), &e), ERR_OK);
    assert_true(jscan_fields(t, jscan_root(t), b, ARRAY_LEN(b)));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(a[i].value.kind, rows[i].kind);
        assert_true(str_eqz(jscan_text(t, a[i].value), rows[i].raw));
        assert_int_equal(a[i].key_pos, rows[i].key_pos);
        struct jspan got = jscan_get(t, jscan_root(t), rows[i].name);
        assert_int_equal(got.pos, a[i].value.pos);
        assert_int_equal(b[i].value.pos, a[i].value.pos);
        assert_int_equal(b[i].value.len, a[i].value.len);
        assert_int_equal(b[i].key_pos, a[i].key_pos);
    }
}

static void outermost_keys_are_unique_after_decoding(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum errc want;
    } rows[] = {
        {"{\"model\":1,\"model\":2}", ERR_SYNTAX},
        {"{\"model\":1,\"m\\u006fdel\":2}", ERR_SYNTAX},
        {"{\"\xC3\xA9\":1,\"\\u00E9\":2}", ERR_SYNTAX},
        {"{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}", ERR_SYNTAX},
        {"{\"\\/\":1,\"/\":2}", ERR_SYNTAX},
        {"{\"\":1,\"\":2}", ERR_SYNTAX},
        {"{\"model\":1,\"Model\":2}", ERR_OK},
        {"{\"model\":1,\"model \":2,\"mode\":3}", ERR_OK},
        {"{\"a\":{\"b\":1,\"b\":2}}", ERR_OK},
        {"[]", ERR_SYNTAX},
        {"[{\"model\":1}]", ERR_SYNTAX},
        {"\"model\"", ERR_SYNTAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct jfield f = {.name = "model"};
        if (jscan_object(str_of(rows[i].text), &f, 1, &e) != rows[i].want)
            fail_msg("%s", rows[i].text);
        if (rows[i].want != ERR_OK)
            assert_int_equal(f.value.kind, J_NONE);
    }
}

static void outermost_keys_have_a_cap(void **state)
{
    (void)state;
    for (unsigned n = LIMIT_JSON_KEYS; n <= LIMIT_JSON_KEYS + 1; n++) {
        struct buf b = BUF_INIT(100000);
        struct err e = ERR_INIT;
        for (unsigned i = 0; i < n; i++)
            buf_printf(&b, "%c\"k%u\":%u", i == 0 ? '{' : ',', i, i);
        buf_addc(&b, '}');
        assert_int_equal(jscan_object(buf_str(&b), NULL, 0, &e),
                         n > LIMIT_JSON_KEYS ? ERR_SYNTAX : ERR_OK);
        assert_int_equal(check(buf_str(&b)), ERR_OK);
        buf_release(&b);
    }
}

/* In pieces of so many bytes; each piece stands at the end of memory of its own. */
static struct jcheck *check_in_pieces(struct str text, size_t piece)
{
    struct jcheck *c = jcheck_new(true);
    assert_non_null(c);
    for (size_t len = 0; len < text.len || text.len == 0;) {
        len = MIN(text.len, len + piece);
        char *copy = malloc(len + (len == 0));
        assert_non_null(copy);
        memcpy(copy, text.ptr, len);
        jcheck_feed(c, (struct str){copy, len}, len == text.len);
        free(copy);
        if (text.len == 0)
            break;
    }
    return c;
}

static void compare_pieces(struct str text, size_t piece)
{
    struct err ea = ERR_INIT, eb = ERR_INIT;
    struct jfield a[] = {{.name = "a"}, {.name = "model"}, {.name = ""}}, b[ARRAY_LEN(a)];
    memcpy(b, a, sizeof b);
    struct jcheck *c = check_in_pieces(text, piece);
    enum errc want = jscan_object(text, a, ARRAY_LEN(a), &ea);
    assert_int_equal(jcheck_fields(c, text, b, ARRAY_LEN(b), &eb), want);
    if (strstr(ea.text, "UTF-8") == NULL) /* of which a piece may show the end only */
        assert_string_equal(ea.text, eb.text);
    for (size_t i = 0; want == ERR_OK && i < ARRAY_LEN(a); i++) {
        assert_int_equal(a[i].value.kind, b[i].value.kind);
        assert_int_equal(a[i].value.pos, b[i].value.pos);
        assert_int_equal(a[i].value.len, b[i].value.len);
        assert_int_equal(a[i].key_pos, b[i].key_pos);
    }
    jcheck_free(&c);
}

static void pieces_tell_the_same_as_the_whole(void **state)
{
    (void)state;
    static const struct str more[] = {
        ROW("{\"model\":-12.50e+10,\"m\xC3\xA9\\uD83D\\uDE00\":tru}"),
        ROW("{\"model\":false,\"mod\\u0065l\":null}"),
        ROW("{ \"a\" : [ 10 , 2.5E-7 , null ] , \"model\" : \"\xE2\x82\xAC\\n\" } "),
        ROW("{\"\xF0\x9F\x98\":1}"),
    };
    for (size_t piece = 1; piece < 20; piece++) {
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
            compare_pieces(good[i], piece);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
            compare_pieces(bad[i], piece);
        for (size_t i = 0; i < ARRAY_LEN(more); i++)
            compare_pieces(more[i], piece);
    }
}

/* {"messages":[{"role":"user","content":"…"},{"content":[[…],…]}],"model":"m"}, long in each. */
static void write_long(struct buf *b)
{
    buf_addz(b, "{\"messages\":[{\"content\":\"");
    for (int i = 0; i < 50000; i++)
        buf_addz(b, "\xC3\xA9\\n\\u00e9x");
    buf_addz(b, "\",\"role\":\"user\"},{\"content\":[0");
    for (int i = 0; i < 50000; i++)
        buf_addz(b, ",[1,{\"a\":\"b\"}]");
    buf_addz(b, "],\"role\":\"tool\"}],\"model\":\"m\"}");
    assert_int_equal(buf_err(b), ERR_OK);
}

/* What was looked at is spoilt before the next piece: nobody looks at it again. */
static void no_byte_is_checked_twice(void **state)
{
    (void)state;
    enum { PIECE = 4096, LAST = 16 };
    AUTO(buf_release) struct buf b = BUF_INIT(10000000), spoilt = BUF_INIT(10000000);
    struct err e = ERR_INIT;
    struct jfield f = {.name = "model"};
    write_long(&b);
    buf_adds(&spoilt, buf_str(&b));
    struct jcheck *c = jcheck_new(true);
    for (size_t len = 0; len < b.len;) {
        if (len > LAST)
            memset(spoilt.data, 0xFF, len - LAST);
        len = MIN(len + PIECE, b.len);
        jcheck_feed(c, (struct str){spoilt.data, len}, len == b.len);
    }
    assert_int_equal(jcheck_fields(c, buf_str(&b), &f, 1, &e), ERR_OK);
    assert_true(jscan_is(buf_str(&b), f.value, "m"));
    jcheck_free(&c);
}

/* The inside of what is long is spoilt after the check: walks do not see it. */
static void walks_step_over_long_values(void **state)
{
    (void)state;
    enum { NEAR = 1100 }; /* bytes that a walk may look at before it looks up the end */
    AUTO(buf_release) struct buf b = BUF_INIT(10000000);
    struct err e = ERR_INIT;
    struct jfield f[] = {{.name = "messages"}, {.name = "model"}};
    write_long(&b);
    struct str t = buf_str(&b);
    struct jcheck *c = check_in_pieces(t, 65536);
    assert_int_equal(jcheck_fields(c, t, f, ARRAY_LEN(f), &e), ERR_OK);
    struct jspan first, second, content[2];
    size_t it = 0;
    assert_true(jscan_next(t, f[0].value, &it, &first));
    assert_true(jscan_next(t, f[0].value, &it, &second));
    content[0] = jscan_get(t, first, "content");
    content[1] = jscan_get(t, second, "content");
    assert_int_equal(content[0].kind, J_STRING);
    assert_int_equal(content[1].kind, J_ARRAY);
    for (int i = 0; i < 2; i++)
        memset(b.data + content[i].pos + NEAR, '"', content[i].len - NEAR);
    struct str key;
    struct jspan v;
    size_t n = 0;
    it = 0;
    while (jscan_member(t, jcheck_root(c), &it, &key, &v))
        n++;
    assert_int_equal(n, 2);
    it = n = 0;
    while (jscan_next(t, f[0].value, &it, &v))
        n += jscan_is(t, jscan_get(t, v, "role"), n == 0 ? "user" : "tool");
    assert_int_equal(n, 2);
    jcheck_free(&c);
}

static void of_equal_keys_the_walk_takes_the_first(void **state)
{
    (void)state;
    struct str t = STR("{\"a\":1,\"a\":2}");
    struct jfield f = {.name = "a"};
    int64_t v = 0;
    assert_true(jscan_fields(t, jscan_root(t), &f, 1));
    assert_true(jscan_i64(t, f.value, 0, 9, &v));
    assert_int_equal(v, 1);
    assert_true(jscan_i64(t, jscan_get(t, jscan_root(t), "a"), 0, 9, &v));
    assert_int_equal(v, 1);
    struct str array = STR("[1]");
    assert_false(jscan_fields(array, jscan_root(array), &f, 1));
    assert_int_equal(f.value.kind, J_NONE);
}

static void a_walk_visits_each_element_once(void **state)
{
    (void)state;
    struct str t = STR(" [ 1 , \"],\\\\\" , [ [ ] , {\"]\":\"}\"} ] , {} ,null]");
    static const char *const want[] = {"1", "\"],\\\\\"", "[ [ ] , {\"]\":\"}\"} ]", "{}",
                                       "null"};
    size_t it = 0, n = 0;
    struct jspan s;
    while (jscan_next(t, jscan_root(t), &it, &s)) {
        assert_true(n < ARRAY_LEN(want));
        assert_true(str_eqz(jscan_text(t, s), want[n++]));
    }
    assert_int_equal(n, ARRAY_LEN(want));
    it = 0;
    struct str empty = STR("[ ]"), object = STR("{\"a\":1}");
    assert_false(jscan_next(empty, jscan_root(empty), &it, &s));
    it = 0;
    assert_false(jscan_next(object, jscan_root(object), &it, &s));
}

static void members_come_with_raw_keys(void **state)
{
    (void)state;
    struct str t = STR("{\"a\\\"b\" : [1] , \"\":2}");
    size_t it = 0;
    struct str key;
    struct jspan s;
    assert_true(jscan_member(t, jscan_root(t), &it, &key, &s));
    assert_true(str_eqz(key, "a\\\"b"));
    assert_true(str_eqz(jscan_text(t, s), "[1]"));
    assert_true(jscan_member(t, jscan_root(t), &it, &key, &s));
    assert_int_equal(key.len, 0);
    assert_false(jscan_member(t, jscan_root(t), &it, &key, &s));
}

static void strings_are_decoded(void **state)
{
    (void)state;
    struct str t = STR(
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u0041\\u00e9\\u20AC\\uD83D\\ude00 \xC3\xA9\"");
    static const char want[] =
        "\"\\/\b\f\n\r\t A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 \xC3\xA9";
    struct buf b = BUF_INIT(100);
    assert_int_equal(jscan_string(t, jscan_root(t), &b), ERR_OK);
    assert_string_equal(b.data, want);
    assert_true(jscan_is(t, jscan_root(t), want));
    assert_false(jscan_is(t, jscan_root(t), "\""));
    assert_int_equal(jscan_inside(t, jscan_root(t)).len, t.len - 2);
    struct str number = STR("1");
    assert_int_equal(jscan_string(number, jscan_root(number), &b), ERR_SYNTAX);
    assert_false(jscan_is(number, jscan_root(number), "1"));
    b.max = b.len + 1;
    assert_int_equal(jscan_string(t, jscan_root(t), &b), ERR_TOO_LARGE);
    buf_release(&b);
}

static void integers_are_whole_and_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"1.0", true, 1},
        {"1e3", true, 1000},
        {"12.50e1", true, 125},
        {"1.5", false, 0},
        {"1e-1", false, 0},
        {"9223372036854775808", false, 0},
        {"1e400", false, 0},
        {"\"1\"", false, 0},
        {"null", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = -7;
        struct str t = str_of(rows[i].text);
        assert_int_equal(jscan_i64(t, jscan_root(t), INT64_MIN, INT64_MAX, &v),
                         rows[i].ok);
        assert_true(v == (rows[i].ok ? rows[i].want : -7));
    }
    int64_t v;
    struct str five = STR("5");
    assert_true(jscan_i64(five, jscan_root(five), 5, 5, &v));
    assert_false(jscan_i64(five, jscan_root(five), 6, 9, &v));
    assert_false(jscan_i64(five, jscan_root(five), 0, 4, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_is_taken_and_by_json_c_too),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(no_prefix_of_a_container_is_taken),
        cmocka_unit_test(every_byte_is_seen_at_every_offset),
        cmocka_unit_test(an_error_names_its_byte),
        cmocka_unit_test(nesting_has_a_cap),
        cmocka_unit_test(fields_are_found_with_their_places),
        cmocka_unit_test(outermost_keys_are_unique_after_decoding),
        cmocka_unit_test(outermost_keys_have_a_cap),
        cmocka_unit_test(pieces_tell_the_same_as_the_whole),
        cmocka_unit_test(no_byte_is_checked_twice),
        cmocka_unit_test(walks_step_over_long_values),
        cmocka_unit_test(of_equal_keys_the_walk_takes_the_first),
        cmocka_unit_test(a_walk_visits_each_element_once),
        cmocka_unit_test(members_come_with_raw_keys),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(integers_are_whole_and_in_range),
    };
    return cmocka_run_group_tests_name("jscan", tests, NULL, NULL);
}
