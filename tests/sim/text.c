/*
 * text.c: words and numbers from a seed, so that every run of a scenario says the same, and
 * what a tokenizer would make of them: here a token is a word with the blanks before it.
 */
#include <string.h>

#include "core/jsonx.h"
#include "core/num.h"

#include "tests/sim/sim.h"

enum { SCHEMA_DEPTH = 16 };

uint64_t text_mix(uint64_t x)
{
    return num_draw(&x);
}

/* A power of two of them; some of two, three and four bytes a letter. */
static const char *const words[64] = {
    "the",   "tide",  "rises",  "over",   "a",     "low",    "stone", "quay",
    "where", "two",   "boats",  "lie",    "and",   "wait",   "for",   "wind",
    "café",  "lamp",  "burns",  "until",  "fog",   "lifts",  "from",  "harbour",
    "naïve", "gulls", "follow", "every",  "trawl", "that",   "comes", "home",
    "señal", "rope",  "is",     "coiled", "by",    "hand",   "then",  "hung",
    "東京",  "salt",  "dries",  "white",  "on",    "dark",   "wood",  "again",
    "crème", "maps",  "show",   "depth",  "in",    "metres", "not",   "feet",
    "⛵",     "night", "watch",  "begins", "at",    "eight",  "bells", "🌊",
};

void text_lorem(struct buf *out, uint64_t seed, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(out, ' ');
        buf_addz(out, words[text_mix(seed + (uint64_t)i) % ARRAY_LEN(words)]);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

struct str text_token(struct str s)
{
    size_t n = 0;
    while (n < s.len && is_blank(s.ptr[n]))
        n++;
    while (n < s.len && !is_blank(s.ptr[n]))
        n++;
    return str_sub(s, 0, n);
}

int64_t text_count(struct str s)
{
    int64_t n = 0;
    for (; s.len > 0; n++)
        s = str_sub(s, text_token(s).len, s.len);
    return n;
}

struct str text_first(struct str s, int64_t n)
{
    struct str rest = s;
    for (int64_t i = 0; i < n && rest.len > 0; i++)
        rest = str_sub(rest, text_token(rest).len, rest.len);
    return str_sub(s, 0, s.len - rest.len);
}

int64_t text_cost(size_t len)
{
    return (int64_t)((len + 3) / 4);
}

static struct str schema_type(struct json_object *schema)
{
    struct json_object *list = jx_arr(schema, "type");
    if (list != NULL && json_object_array_length(list) > 0)
        return jx_text(json_object_array_get_idx(list, 0));
    return jx_str(schema, "type");
}

static void fill_object(struct buf *out, struct json_object *schema, uint64_t seed,
                        int depth)
{
    struct json_object *required = jx_arr(schema, "required");
    struct json_object *properties = jx_obj(schema, "properties");
    size_t n = required ? json_object_array_length(required) : 0;
    buf_addc(out, '{');
    for (size_t i = 0; i < n; i++) {
        struct str key = jx_text(json_object_array_get_idx(required, i));
        struct json_object *member = NULL;
        if (properties != NULL && key.ptr != NULL)
            json_object_object_get_ex(properties, key.ptr, &member);
        buf_addz(out, i > 0 ? ", " : "");
        json_quote(out, key);
        buf_addz(out, ": ");
        text_fill_schema(out, member, text_mix(seed + i), depth + 1);
    }
    buf_addc(out, '}');
}

void text_fill_schema(struct buf *out, struct json_object *schema, uint64_t seed,
                      int depth)
{
    struct json_object *choices = jx_arr(schema, "enum");
    struct str type = schema_type(schema);
    if (choices != NULL && json_object_array_length(choices) > 0) {
        size_t at = seed % json_object_array_length(choices);
        buf_addz(out,
                 json_object_to_json_string_ext(json_object_array_get_idx(choices, at),
                                                JSON_C_TO_STRING_PLAIN));
    } else if (str_eqz(type, "object") && depth < SCHEMA_DEPTH) {
        fill_object(out, schema, seed, depth);
    } else if (str_eqz(type, "array")) {
        buf_addz(out, "[]");
    } else if (str_eqz(type, "integer") || str_eqz(type, "number")) {
        buf_printf(out, "%d", (int)(seed % 100));
    } else if (str_eqz(type, "boolean")) {
        buf_addz(out, seed & 1 ? "true" : "false");
    } else if (str_eqz(type, "null")) {
        buf_addz(out, "null");
    } else {
        json_quote(out, str_of(words[seed % ARRAY_LEN(words)]));
    }
}
