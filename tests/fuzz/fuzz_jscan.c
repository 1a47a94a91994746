/*
 * fuzz_jscan.c: what the scanner takes, json-c takes with the same meaning, and the walk over
 * checked text sees every member and element that json-c sees.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/jscan.h"
#include "core/jsonx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_jscan: %s\n", what);
        abort();
    }
}

static void compare(struct str text, struct jspan s, struct json_object *o);

static void compare_string(struct str text, struct jspan s, struct json_object *o)
{
    struct buf b = BUF_INIT(SIZE_MAX / 2);
    require(jscan_string(text, s, &b) == ERR_OK, "a string decodes");
    require(str_eq(buf_str(&b), jx_text(o)), "same string");
    buf_release(&b);
}

static void compare_number(struct str text, struct jspan s, struct json_object *o)
{
    int64_t v;
    struct str digits = jscan_text(text, s);
    if (json_object_is_type(o, json_type_double))
        require(str_eqz(digits, json_object_get_string(o)), "same fraction");
    else if (jscan_i64(text, s, INT64_MIN + 1, INT64_MAX, &v))
        require(v == json_object_get_int64(o), "same integer");
}

static void compare_array(struct str text, struct jspan s, struct json_object *o)
{
    size_t it = 0, n = 0;
    struct jspan element;
    while (jscan_next(text, s, &it, &element))
        compare(text, element, json_object_array_get_idx(o, n++));
    require(n == json_object_array_length(o), "same number of elements");
}

/* json-c keeps the last of equal keys, the walk shows all: compare what a key's last value is. */
static void compare_object(struct str text, struct jspan s, struct json_object *o)
{
    size_t it = 0;
    struct str key;
    struct jspan value;
    while (jscan_member(text, s, &it, &key, &value)) {
        struct jspan quoted = {.kind = J_STRING,
                               .pos = (size_t)(key.ptr - text.ptr) - 1,
                               .len = key.len + 2};
        struct buf name = BUF_INIT(SIZE_MAX / 2);
        require(jscan_string(text, quoted, &name) == ERR_OK, "a key decodes");
        require(jscan_is(text, quoted, buf_str(&name).ptr), "a key equals itself");
        struct json_object *other = NULL;
        require(json_object_object_get_ex(o, buf_str(&name).ptr, &other), "same keys");
        struct jspan last = value, again_value;
        struct str again;
        for (size_t rest = it; jscan_member(text, s, &rest, &again, &again_value);)
            if (jscan_is(text,
                         (struct jspan){.kind = J_STRING,
                                        .pos = (size_t)(again.ptr - text.ptr) - 1,
                                        .len = again.len + 2},
                         buf_str(&name).ptr))
                last = again_value;
        if (last.pos == value.pos)
            compare(text, value, other);
        buf_release(&name);
    }
}

static void compare(struct str text, struct jspan s, struct json_object *o)
{
    switch (s.kind) {
    case J_NULL:
        require(o == NULL, "null");
        break;
    case J_TRUE:
    case J_FALSE:
        require(json_object_is_type(o, json_type_boolean), "boolean");
        require(json_object_get_boolean(o) == (s.kind == J_TRUE), "same boolean");
        break;
    case J_NUMBER:
        compare_number(text, s, o);
        break;
    case J_STRING:
        compare_string(text, s, o);
        break;
    case J_OBJECT:
        compare_object(text, s, o);
        break;
    case J_ARRAY:
        compare_array(text, s, o);
        break;
    case J_NONE:
        require(false, "a checked value has a kind");
    }
}

/* The outermost fields are found by the checking pass as by the walk. */
static void compare_fields(struct str text)
{
    struct err e = ERR_INIT;
    struct jfield a[] = {{.name = "model"}, {.name = "stream"}, {.name = "a"}};
    struct jfield b[] = {{.name = "model"}, {.name = "stream"}, {.name = "a"}};
    if (jscan_object(text, a, ARRAY_LEN(a), &e) != ERR_OK)
        return;
    require(jscan_fields(text, jscan_root(text), b, ARRAY_LEN(b)),
            "an object has fields");
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        require(a[i].value.kind == b[i].value.kind, "same field");
        require(a[i].value.pos == b[i].value.pos && a[i].value.len == b[i].value.len,
                "same place");
        require(a[i].key_pos == b[i].key_pos, "same key place");
    }
}

/* In pieces a document is the same as whole. */
static void compare_pieces(struct str text, size_t piece)
{
    struct err ea = ERR_INIT, eb = ERR_INIT;
    struct jfield a[] = {{.name = "model"}, {.name = "a"}}, b[ARRAY_LEN(a)];
    memcpy(b, a, sizeof b);
    struct jcheck *c = jcheck_new(true);
    require(c != NULL, "memory");
    size_t len = 0;
    do {
        len = MIN(len + piece, text.len);
        jcheck_feed(c, (struct str){text.ptr, len}, len == text.len);
    } while (len < text.len);
    enum errc rc = jcheck_fields(c, text, b, ARRAY_LEN(b), &eb);
    require(jscan_object(text, a, ARRAY_LEN(a), &ea) == rc, "same verdict in pieces");
    for (size_t i = 0; rc == ERR_OK && i < ARRAY_LEN(a); i++)
        require(a[i].value.kind == b[i].value.kind && a[i].value.pos == b[i].value.pos &&
                    a[i].value.len == b[i].value.len && a[i].key_pos == b[i].key_pos,
                "same place in pieces");
    jcheck_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str text = {(const char *)data, len};
    struct err e = ERR_INIT;
    struct json_object *o = NULL;
    struct buf quoted = BUF_INIT(SIZE_MAX / 2);

    json_quote(&quoted, text);
    require(jscan_check(buf_str(&quoted), &e) == ERR_OK, "any bytes can be quoted");
    buf_release(&quoted);
    compare_pieces(text.len > 0 ? text : STR(""), 1 + len % 7);
    if (jscan_check(text, &e) != ERR_OK)
        return 0;
    require(jx_parse(text, &o, &e) == ERR_OK, "json-c agrees");
    compare(text, jscan_root(text), o);
    compare_fields(text);
    jx_put(&o);
    return 0;
}
