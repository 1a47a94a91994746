/*
 * dialect_write.c: what the encoders of requests share: refusals, drops, tool ids, schemas.
 */
#include <stdio.h>
#include <string.h>

#include "core/map.h"
#include "core/num.h"

#include "broker/dialect_priv.h"

void refuse(struct request_writer *w, const char *field, const char *why)
{
    if (w->rc != ERR_OK)
        return;
    w->rc = field_error(w->e, field, "%s", why);
    w->e->origin = ERR_BY_GATEWAY;
}

void drop(struct request_writer *w, const char *field)
{
    struct dropped *d = w->dropped;
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->names[i], field) == 0)
            return;
    if (d->n < ARRAY_LEN(d->names))
        d->names[d->n++] = field;
}

bool target_is(const struct target_caps *t, const char *kind)
{
    return strcmp(t->kind->kind, kind) == 0;
}

void write_taken(struct jw *w, const char *key, struct buf *b)
{
    jw_kstr(w, key, buf_str(b));
    if (buf_err(b) != ERR_OK)
        w->out->fail = buf_err(b);
    buf_release(b);
}

void refuse_unsayable(struct request_writer *w)
{
    if (w->m->logprobs)
        refuse(w, "logprobs", "the target does not tell them");
    if (w->m->audio_out)
        refuse(w, "modalities", "the target cannot speak");
}

void write_clamped(struct jw *w, const char *key, struct str number, int64_t min_u,
                   int64_t max_u)
{
    int64_t v;
    if (number.len == 0)
        return;
    jw_key(w, key);
    if (num_decimal(number, 6, true, true, &v) != ERR_OK)
        v = str_starts(number, STR("-")) ? min_u : max_u;
    if (v >= min_u && v <= max_u)
        jw_raw(w, number);
    else
        jw_i64(w, (v < min_u ? min_u : max_u) / 1000000);
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void fit_tool_id(struct str id, bool alnum, size_t max, char out[TOOL_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static const uint64_t seed[2] = {0, 0};
    bool fits = alnum ? id.len == max : id.len > 0 && id.len <= max;
    for (size_t i = 0; i < id.len && fits; i++)
        fits = is_alnum(id.ptr[i]) || (!alnum && (id.ptr[i] == '_' || id.ptr[i] == '-'));
    if (fits) {
        snprintf(out, TOOL_ID_LEN + 1, "%.*s", STR_ARG(id));
        return;
    }
    uint64_t hash = map_hash(seed, id);
    if (!alnum) {
        snprintf(out, TOOL_ID_LEN + 1, "call_%016llx", (unsigned long long)hash);
        return;
    }
    for (size_t i = 0; i < max; i++, hash /= 36)
        out[i] = digits[hash % 36];
    out[max] = '\0';
}

void write_args(struct jw *w, struct str args)
{
    struct err ignored = ERR_INIT;
    struct str trimmed = str_trim(args);
    if (trimmed.len == 0) {
        jw_raw(w, STR("{}"));
    } else if (trimmed.ptr[0] == '{' && jscan_check(trimmed, &ignored) == ERR_OK) {
        jw_raw(w, trimmed);
    } else {
        jw_object(w);
        jw_kstr(w, "_raw", args);
        jw_object_end(w);
    }
}

/* ---- JSON Schema ---- */

enum keyword_what {
    KEYWORD_OTHER,  /* copied */
    KEYWORD_MAP,    /* its members are schemas */
    KEYWORD_SCHEMA, /* a schema */
    KEYWORD_LIST,   /* its elements are schemas */
    KEYWORD_CLOSES, /* additionalProperties */
    KEYWORD_LIMIT,  /* a constraint that goes with SCHEMA_BARE */
};

/* Source: JSON Schema 2020-12; Anthropic build-with-claude/structured-outputs (2026-08). */
static const struct keyword {
    const char *name;
    enum keyword_what what;
    const char *dropped; /* its name when it goes */
} keywords[] = {
    {"properties", KEYWORD_MAP, NULL},
    {"$defs", KEYWORD_MAP, NULL},
    {"definitions", KEYWORD_MAP, NULL},
    {"items", KEYWORD_SCHEMA, NULL},
    {"not", KEYWORD_SCHEMA, NULL},
    {"anyOf", KEYWORD_LIST, NULL},
    {"allOf", KEYWORD_LIST, NULL},
    {"oneOf", KEYWORD_LIST, NULL},
    {"prefixItems", KEYWORD_LIST, NULL},
    {"additionalProperties", KEYWORD_CLOSES, NULL},
    {"minimum", KEYWORD_LIMIT, "schema.minimum"},
    {"maximum", KEYWORD_LIMIT, "schema.maximum"},
    {"exclusiveMinimum", KEYWORD_LIMIT, "schema.exclusiveMinimum"},
    {"exclusiveMaximum", KEYWORD_LIMIT, "schema.exclusiveMaximum"},
    {"multipleOf", KEYWORD_LIMIT, "schema.multipleOf"},
    {"minLength", KEYWORD_LIMIT, "schema.minLength"},
    {"maxLength", KEYWORD_LIMIT, "schema.maxLength"},
    {"maxItems", KEYWORD_LIMIT, "schema.maxItems"},
    {"uniqueItems", KEYWORD_LIMIT, "schema.uniqueItems"},
};

static const struct keyword *keyword_find(struct str key)
{
    static const struct keyword other = {NULL, KEYWORD_OTHER, NULL};
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (str_eqz(key, keywords[i].name))
            return &keywords[i];
    return &other;
}

/* One schema, or a container of schemas, being rewritten. */
struct schema_job {
    struct request_writer *w;
    struct str text;
    unsigned rules;
    struct buf *out;
};

static void write_schema(struct schema_job *j, struct jspan v);

static void write_schema_map(struct schema_job *j, struct jspan map)
{
    struct jspan v;
    struct str key;
    size_t it = 0, n = 0;
    buf_addc(j->out, '{');
    while (jscan_member(j->text, map, &it, &key, &v)) {
        buf_printf(j->out, "%s\"", n++ > 0 ? "," : "");
        buf_adds(j->out, key);
        buf_addz(j->out, "\":");
        write_schema(j, v);
    }
    buf_addc(j->out, '}');
}

static void write_schema_list(struct schema_job *j, struct jspan list)
{
    struct jspan v;
    size_t it = 0, n = 0;
    buf_addc(j->out, '[');
    while (jscan_next(j->text, list, &it, &v)) {
        buf_addz(j->out, n++ > 0 ? "," : "");
        write_schema(j, v);
    }
    buf_addc(j->out, ']');
}

static void write_keyword(struct schema_job *j, const struct keyword *k, struct jspan v)
{
    if (k->what == KEYWORD_MAP && v.kind == J_OBJECT)
        write_schema_map(j, v);
    else if (k->what == KEYWORD_LIST && v.kind == J_ARRAY)
        write_schema_list(j, v);
    else if (k->what == KEYWORD_SCHEMA)
        write_schema(j, v);
    else
        buf_adds(j->out, jscan_text(j->text, v));
}

static bool is_object_schema(struct str text, struct jspan v)
{
    return jscan_is(text, jscan_get(text, v, "type"), "object") ||
           json_is_set(jscan_get(text, v, "properties"));
}

static void write_schema(struct schema_job *j, struct jspan v)
{
    if (v.kind != J_OBJECT) {
        buf_adds(j->out, jscan_text(j->text, v));
        return;
    }
    bool close = (j->rules & SCHEMA_CLOSE) != 0 && is_object_schema(j->text, v);
    struct jspan member;
    struct str key;
    size_t it = 0, n = 0;
    buf_addc(j->out, '{');
    while (jscan_member(j->text, v, &it, &key, &member)) {
        const struct keyword *k = keyword_find(key);
        if (k->what == KEYWORD_LIMIT && (j->rules & SCHEMA_BARE) != 0) {
            drop(j->w, k->dropped);
            continue;
        }
        if (k->what == KEYWORD_CLOSES && close)
            continue;
        buf_printf(j->out, "%s\"", n++ > 0 ? "," : "");
        buf_adds(j->out, key);
        buf_addz(j->out, "\":");
        write_keyword(j, k, member);
    }
    if (close)
        buf_printf(j->out, "%s\"additionalProperties\":false", n > 0 ? "," : "");
    buf_addc(j->out, '}');
}

void schema_write(struct request_writer *w, struct str schema, unsigned rules,
                  struct buf *out)
{
    struct schema_job j = {w, schema, rules, out};
    if (schema.len > 0)
        write_schema(&j, jscan_root(schema));
}

static bool requires_all(struct str text, struct jspan v)
{
    struct jspan properties = jscan_get(text, v, "properties"), member, name;
    struct jspan required = jscan_get(text, v, "required");
    struct str key;
    size_t it = 0;
    while (jscan_member(text, properties, &it, &key, &member)) {
        bool found = false;
        size_t at = 0;
        while (required.kind == J_ARRAY && !found &&
               jscan_next(text, required, &at, &name))
            found = name.kind == J_STRING && str_eq(jscan_inside(text, name), key);
        if (!found)
            return false;
    }
    return true;
}

static bool is_strict(struct str text, struct jspan v)
{
    if (is_object_schema(text, v) &&
        (jscan_get(text, v, "additionalProperties").kind != J_FALSE ||
         !requires_all(text, v)))
        return false;
    struct jspan member, inner;
    struct str key;
    size_t it = 0;
    while (v.kind == J_OBJECT && jscan_member(text, v, &it, &key, &member)) {
        enum keyword_what what = keyword_find(key)->what;
        size_t at = 0;
        if (what == KEYWORD_SCHEMA && !is_strict(text, member))
            return false;
        while (what == KEYWORD_MAP && jscan_member(text, member, &at, &key, &inner))
            if (!is_strict(text, inner))
                return false;
        while (what == KEYWORD_LIST && jscan_next(text, member, &at, &inner))
            if (!is_strict(text, inner))
                return false;
    }
    return true;
}

bool schema_is_strict(struct str schema)
{
    return schema.len > 0 && is_strict(schema, jscan_root(schema));
}
