/*
 * jschema_keyword.c: a table with a row per keyword: the form of its argument, and what it asks
 * of a value.
 */
#include <stdio.h>

#include "core/jschema_priv.h"
#include "core/jsonx.h"
#include "core/num.h"
#include "core/pattern.h"

/* --- types and values --- */

static const char *type_name(struct json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "boolean";
    case json_type_double:
    case json_type_int:
        return num_is_whole(jschema_digits(v)) ? "integer" : "number";
    case json_type_object:
        return "object";
    case json_type_array:
        return "array";
    case json_type_string:
        return "string";
    }
    return "";
}

static bool is_type(struct json_object *v, struct str name)
{
    return str_eqz(name, type_name(v)) ||
           (str_eqz(name, "number") && jschema_is_number(v));
}

static bool is_equal(struct check *c, struct json_object *a, struct json_object *b);

static bool are_arrays_equal(struct check *c, struct json_object *a,
                             struct json_object *b)
{
    size_t n = json_object_array_length(a);
    if (n != json_object_array_length(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_equal(c, json_object_array_get_idx(a, i),
                      json_object_array_get_idx(b, i)))
            return false;
    return true;
}

static bool are_objects_equal(struct check *c, struct json_object *a,
                              struct json_object *b)
{
    if (json_object_object_length(a) != json_object_object_length(b))
        return false;
    json_object_object_foreach(a, key, value)
    {
        struct json_object *other;
        if (!json_object_object_get_ex(b, key, &other) || !is_equal(c, value, other))
            return false;
    }
    return true;
}

/* Out of steps it says no; the caller sees it by the steps. */
static bool is_equal(struct check *c, struct json_object *a, struct json_object *b)
{
    c->steps -= MIN(c->steps, 1 + jschema_weight(b));
    if (c->steps == 0)
        return false;
    if (jschema_is_number(a) && jschema_is_number(b))
        return num_compare(jschema_digits(a), jschema_digits(b)) == 0;
    enum json_type type = json_object_get_type(a);
    if (type != json_object_get_type(b))
        return false;
    if (type == json_type_boolean)
        return json_object_get_boolean(a) == json_object_get_boolean(b);
    if (type == json_type_string)
        return str_eq(jx_text(a), jx_text(b));
    if (type == json_type_array)
        return are_arrays_equal(c, a, b);
    return type == json_type_null || are_objects_equal(c, a, b);
}

/* --- keywords for any value --- */

static enum errc check_type(struct check *c, const struct pair *p,
                            struct json_object *arg)
{
    char names[100] = "";
    AUTO(buf_release) struct buf b = BUF_INIT(sizeof names - 1);
    if (json_object_is_type(arg, json_type_string)) {
        if (is_type(p->value, jx_text(arg)))
            return ERR_OK;
        return jschema_misfit(c, p, "type: is %s, not %s", type_name(p->value),
                              json_object_get_string(arg));
    }
    for (size_t i = 0; i < json_object_array_length(arg); i++) {
        struct str name = jx_text(json_object_array_get_idx(arg, i));
        if (is_type(p->value, name))
            return ERR_OK;
        buf_printf(&b, "%s%.*s", i > 0 ? ", " : "", STR_ARG(name));
    }
    str_copy(names, sizeof names, buf_str(&b));
    return jschema_misfit(c, p, "type: is %s, none of %s", type_name(p->value), names);
}

static enum errc check_enum(struct check *c, const struct pair *p,
                            struct json_object *arg)
{
    size_t n = json_object_array_length(arg);
    for (size_t i = 0; i < n; i++)
        if (is_equal(c, p->value, json_object_array_get_idx(arg, i)))
            return ERR_OK;
    enum errc rc = jschema_spend(c, 0);
    return rc != ERR_OK ? rc : jschema_misfit(c, p, "enum: is none of the %zu values", n);
}

static enum errc check_const(struct check *c, const struct pair *p,
                             struct json_object *arg)
{
    if (is_equal(c, p->value, arg))
        return ERR_OK;
    enum errc rc = jschema_spend(c, 0);
    return rc != ERR_OK ? rc : jschema_misfit(c, p, "const: is another value");
}

/* Runs a branch without a text of its own: ERR_OK, ERR_UNUSABLE, or what ends the check. */
static enum errc branch(struct check *c, const struct pair *p, struct json_object *schema,
                        bool *ret_is_sure)
{
    size_t n = c->n_unchecked;
    c->quiet++;
    enum errc rc = jschema_walk(c, schema, p->value, p->place);
    c->quiet--;
    *ret_is_sure = n == c->n_unchecked;
    return rc;
}

static enum errc check_all_of(struct check *c, const struct pair *p,
                              struct json_object *arg)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < json_object_array_length(arg) && rc == ERR_OK; i++)
        rc = jschema_walk(c, json_object_array_get_idx(arg, i), p->value, p->place);
    return rc;
}

static enum errc check_any_of(struct check *c, const struct pair *p,
                              struct json_object *arg)
{
    size_t n = json_object_array_length(arg);
    bool is_sure;
    for (size_t i = 0; i < n; i++) {
        enum errc rc = branch(c, p, json_object_array_get_idx(arg, i), &is_sure);
        if (rc != ERR_UNUSABLE)
            return rc;
    }
    return jschema_misfit(c, p, "anyOf: fits none of the %zu schemas", n);
}

static enum errc check_one_of(struct check *c, const struct pair *p,
                              struct json_object *arg)
{
    size_t n = json_object_array_length(arg), n_fit = 0;
    bool are_sure = true;
    for (size_t i = 0; i < n; i++) {
        bool is_sure;
        enum errc rc = branch(c, p, json_object_array_get_idx(arg, i), &is_sure);
        if (rc != ERR_OK && rc != ERR_UNUSABLE)
            return rc;
        n_fit += rc == ERR_OK;
        are_sure = are_sure && (is_sure || rc != ERR_OK);
    }
    if (n_fit == 0)
        return jschema_misfit(c, p, "oneOf: fits none of the %zu schemas", n);
    if (n_fit > 1 && are_sure)
        return jschema_misfit(c, p, "oneOf: fits %zu of the %zu schemas", n_fit, n);
    return ERR_OK;
}

static enum errc check_not(struct check *c, const struct pair *p, struct json_object *arg)
{
    bool is_sure;
    enum errc rc = branch(c, p, arg, &is_sure);
    if (rc == ERR_OK && is_sure)
        return jschema_misfit(c, p, "not: fits the schema that it must not fit");
    return rc == ERR_UNUSABLE ? ERR_OK : rc;
}

static enum errc check_ref(struct check *c, const struct pair *p, struct json_object *arg)
{
    struct json_object *target;
    if (!jschema_resolve(c->root, jx_text(arg), &target))
        return err_set(c->e, ERR_INVALID, "schema: $ref: no such place in this schema");
    return jschema_walk(c, target, p->value, p->place);
}

/* --- keywords for objects --- */

static enum errc check_member(struct check *c, const struct pair *p, const char *key,
                              struct json_object *schema, struct json_object *value)
{
    const struct place place = {.up = p->place, .key = str_of(key)};
    return jschema_walk(c, schema, value, &place);
}

static enum errc check_properties(struct check *c, const struct pair *p,
                                  struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_object))
        return ERR_OK;
    json_object_object_foreach(arg, key, schema)
    {
        struct json_object *member;
        enum errc rc = jschema_spend(c, 1);
        if (rc == ERR_OK && json_object_object_get_ex(p->value, key, &member))
            rc = check_member(c, p, key, schema, member);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* *ret_found is true, too, for a pattern that we cannot read: it is counted as unchecked. */
static enum errc search(struct check *c, struct str source, struct str text,
                        bool *ret_found)
{
    AUTO(pattern_free) struct pattern *pattern = NULL;
    struct err why = ERR_INIT;
    enum errc rc = jschema_spend(c, 16 + source.len);
    if (rc != ERR_OK)
        return rc;
    rc = pattern_new(source, &pattern, &why);
    if (rc == ERR_OK)
        rc = pattern_search(pattern, text, &c->steps, ret_found);
    else if (rc != ERR_MEMORY) {
        c->n_unchecked++;
        *ret_found = true;
        return ERR_OK;
    }
    if (rc == ERR_MEMORY)
        return err_set(c->e, rc, "schema: out of memory");
    return jschema_spend(c, 0);
}

static enum errc check_patterns(struct check *c, const struct pair *p,
                                struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_object))
        return ERR_OK;
    json_object_object_foreach(arg, source, schema)
    {
        json_object_object_foreach(p->value, key, member)
        {
            bool found = false;
            size_t n = c->n_unchecked;
            enum errc rc = search(c, str_of(source), str_of(key), &found);
            if (rc == ERR_OK && found && n == c->n_unchecked)
                rc = check_member(c, p, key, schema, member);
            if (rc != ERR_OK)
                return rc;
        }
    }
    return ERR_OK;
}

/* Neither properties nor patternProperties speak of the key. */
static enum errc is_additional(struct check *c, const struct pair *p, const char *key,
                               bool *ret)
{
    struct json_object *patterns = jx_obj(p->schema, "patternProperties");
    *ret = !json_object_object_get_ex(jx_obj(p->schema, "properties"), key, NULL);
    if (patterns == NULL)
        return ERR_OK;
    json_object_object_foreach(patterns, source, schema)
    {
        (void)schema;
        bool found = false;
        enum errc rc = *ret ? search(c, str_of(source), str_of(key), &found) : ERR_OK;
        if (rc != ERR_OK)
            return rc;
        *ret = *ret && !found;
    }
    return ERR_OK;
}

static enum errc check_additional(struct check *c, const struct pair *p,
                                  struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_object))
        return ERR_OK;
    json_object_object_foreach(p->value, key, member)
    {
        bool additional = false;
        enum errc rc = jschema_spend(c, 1);
        if (rc == ERR_OK)
            rc = is_additional(c, p, key, &additional);
        if (rc == ERR_OK && additional && json_object_is_type(arg, json_type_boolean) &&
            !json_object_get_boolean(arg)) {
            const struct place place = {.up = p->place, .key = str_of(key)};
            const struct pair at = {.value = member, .place = &place};
            rc = jschema_misfit(c, &at,
                                "additionalProperties: this member is not allowed");
        } else if (rc == ERR_OK && additional) {
            rc = check_member(c, p, key, arg, member);
        }
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum errc check_required(struct check *c, const struct pair *p,
                                struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_object))
        return ERR_OK;
    for (size_t i = 0; i < json_object_array_length(arg); i++) {
        const char *key = json_object_get_string(json_object_array_get_idx(arg, i));
        enum errc rc = jschema_spend(c, 1);
        if (rc == ERR_OK && !json_object_object_get_ex(p->value, key, NULL))
            rc = jschema_misfit(c, p, "required: \"%.80s\" is missing", key);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* --- bounds --- */

static int compare_count(size_t n, struct json_object *limit)
{
    char text[NUM_TEXT_LEN];
    snprintf(text, sizeof text, "%zu", n);
    return num_compare(str_of(text), jschema_digits(limit));
}

static enum errc at_least(struct check *c, const struct pair *p, const char *keyword,
                          const char *what, size_t n, struct json_object *limit)
{
    if (compare_count(n, limit) >= 0)
        return ERR_OK;
    return jschema_misfit(c, p, "%s: has %zu %s, fewer than %s", keyword, n, what,
                          json_object_get_string(limit));
}

static enum errc at_most(struct check *c, const struct pair *p, const char *keyword,
                         const char *what, size_t n, struct json_object *limit)
{
    if (compare_count(n, limit) <= 0)
        return ERR_OK;
    return jschema_misfit(c, p, "%s: has %zu %s, more than %s", keyword, n, what,
                          json_object_get_string(limit));
}

static enum errc check_min_properties(struct check *c, const struct pair *p,
                                      struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_object))
        return ERR_OK;
    size_t n = (size_t)json_object_object_length(p->value);
    return at_least(c, p, "minProperties", "members", n, arg);
}

static enum errc check_max_properties(struct check *c, const struct pair *p,
                                      struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_object))
        return ERR_OK;
    size_t n = (size_t)json_object_object_length(p->value);
    return at_most(c, p, "maxProperties", "members", n, arg);
}

static enum errc check_min_items(struct check *c, const struct pair *p,
                                 struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_array))
        return ERR_OK;
    return at_least(c, p, "minItems", "elements", json_object_array_length(p->value),
                    arg);
}

static enum errc check_max_items(struct check *c, const struct pair *p,
                                 struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_array))
        return ERR_OK;
    return at_most(c, p, "maxItems", "elements", json_object_array_length(p->value), arg);
}

/* A character is a code point. Source: validation, section 6.3 */
static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

static enum errc check_min_length(struct check *c, const struct pair *p,
                                  struct json_object *arg)
{
    struct str s = jx_text(p->value);
    if (!json_object_is_type(p->value, json_type_string))
        return ERR_OK;
    return at_least(c, p, "minLength", "characters", characters(s), arg);
}

static enum errc check_max_length(struct check *c, const struct pair *p,
                                  struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_string))
        return ERR_OK;
    size_t n = characters(jx_text(p->value));
    return at_most(c, p, "maxLength", "characters", n, arg);
}

static enum errc check_pattern(struct check *c, const struct pair *p,
                               struct json_object *arg)
{
    bool found = false;
    if (!json_object_is_type(p->value, json_type_string))
        return ERR_OK;
    enum errc rc = search(c, jx_text(arg), jx_text(p->value), &found);
    return rc == ERR_OK && !found
               ? jschema_misfit(c, p, "pattern: does not match \"%.80s\"",
                                json_object_get_string(arg))
               : rc;
}

static enum errc check_minimum(struct check *c, const struct pair *p,
                               struct json_object *arg)
{
    if (!jschema_is_number(p->value) ||
        num_compare(jschema_digits(p->value), jschema_digits(arg)) >= 0)
        return ERR_OK;
    return jschema_misfit(c, p, "minimum: is below %.80s", json_object_get_string(arg));
}

static enum errc check_maximum(struct check *c, const struct pair *p,
                               struct json_object *arg)
{
    if (!jschema_is_number(p->value) ||
        num_compare(jschema_digits(p->value), jschema_digits(arg)) <= 0)
        return ERR_OK;
    return jschema_misfit(c, p, "maximum: is above %.80s", json_object_get_string(arg));
}

static enum errc check_above(struct check *c, const struct pair *p,
                             struct json_object *arg)
{
    if (!jschema_is_number(p->value) ||
        num_compare(jschema_digits(p->value), jschema_digits(arg)) > 0)
        return ERR_OK;
    return jschema_misfit(c, p, "exclusiveMinimum: is not above %.80s",
                          json_object_get_string(arg));
}

static enum errc check_below(struct check *c, const struct pair *p,
                             struct json_object *arg)
{
    if (!jschema_is_number(p->value) ||
        num_compare(jschema_digits(p->value), jschema_digits(arg)) < 0)
        return ERR_OK;
    return jschema_misfit(c, p, "exclusiveMaximum: is not below %.80s",
                          json_object_get_string(arg));
}

/* --- keywords for arrays --- */

static enum errc check_element(struct check *c, const struct pair *p, size_t i,
                               struct json_object *schema)
{
    const struct place place = {.up = p->place, .index = i};
    return jschema_walk(c, schema, json_object_array_get_idx(p->value, i), &place);
}

static enum errc check_prefix(struct check *c, const struct pair *p,
                              struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_array))
        return ERR_OK;
    size_t n = MIN(json_object_array_length(arg), json_object_array_length(p->value));
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        rc = check_element(c, p, i, json_object_array_get_idx(arg, i));
    return rc;
}

static enum errc check_items(struct check *c, const struct pair *p,
                             struct json_object *arg)
{
    struct json_object *prefix = jx_arr(p->schema, "prefixItems");
    size_t i = prefix != NULL ? json_object_array_length(prefix) : 0;
    enum errc rc = ERR_OK;
    if (json_object_is_type(arg, json_type_array)) /* as up to draft 2019-09 */
        return check_prefix(c, p, arg);
    if (!json_object_is_type(p->value, json_type_array))
        return ERR_OK;
    for (; i < json_object_array_length(p->value) && rc == ERR_OK; i++)
        rc = check_element(c, p, i, arg);
    return rc;
}

static enum errc check_unique(struct check *c, const struct pair *p,
                              struct json_object *arg)
{
    if (!json_object_is_type(p->value, json_type_array) || !json_object_get_boolean(arg))
        return ERR_OK;
    for (size_t i = 1; i < json_object_array_length(p->value); i++)
        for (size_t k = 0; k < i; k++) {
            enum errc rc = jschema_spend(c, 1);
            if (rc != ERR_OK)
                return rc;
            if (is_equal(c, json_object_array_get_idx(p->value, i),
                         json_object_array_get_idx(p->value, k)))
                return jschema_misfit(c, p, "uniqueItems: elements %zu and %zu are equal",
                                      k, i);
        }
    return ERR_OK;
}

/* --- the table --- */

static const struct keyword keywords[] = {
    {"type", FORM_TYPE, check_type},
    {"enum", FORM_ARRAY, check_enum},
    {"const", FORM_ANY, check_const},
    {"properties", FORM_NAMED, check_properties},
    {"required", FORM_STRINGS, check_required},
    {"additionalProperties", FORM_SCHEMA, check_additional},
    {"patternProperties", FORM_NAMED, check_patterns},
    {"minProperties", FORM_COUNT, check_min_properties},
    {"maxProperties", FORM_COUNT, check_max_properties},
    {"items", FORM_ITEMS, check_items},
    {"prefixItems", FORM_SCHEMAS, check_prefix},
    {"minItems", FORM_COUNT, check_min_items},
    {"maxItems", FORM_COUNT, check_max_items},
    {"uniqueItems", FORM_BOOL, check_unique},
    {"minLength", FORM_COUNT, check_min_length},
    {"maxLength", FORM_COUNT, check_max_length},
    {"pattern", FORM_STRING, check_pattern},
    {"minimum", FORM_NUMBER, check_minimum},
    {"maximum", FORM_NUMBER, check_maximum},
    {"exclusiveMinimum", FORM_NUMBER, check_above},
    {"exclusiveMaximum", FORM_NUMBER, check_below},
    {"anyOf", FORM_SOME_SCHEMAS, check_any_of},
    {"oneOf", FORM_SOME_SCHEMAS, check_one_of},
    {"allOf", FORM_SOME_SCHEMAS, check_all_of},
    {"not", FORM_SCHEMA, check_not},
    {"$ref", FORM_REF, check_ref},
    {"$defs", FORM_NAMED, NULL},
    {"definitions", FORM_NAMED, NULL},
    /* what describes, and `format`, which asserts nothing unless a validator chooses so */
    {"$schema", FORM_ANY, NULL},
    {"$id", FORM_ANY, NULL},
    {"$anchor", FORM_ANY, NULL},
    {"$comment", FORM_ANY, NULL},
    {"title", FORM_ANY, NULL},
    {"description", FORM_ANY, NULL},
    {"default", FORM_ANY, NULL},
    {"examples", FORM_ANY, NULL},
    {"deprecated", FORM_ANY, NULL},
    {"readOnly", FORM_ANY, NULL},
    {"writeOnly", FORM_ANY, NULL},
    {"format", FORM_ANY, NULL},
    {"contentEncoding", FORM_ANY, NULL},
    {"contentMediaType", FORM_ANY, NULL},
};

const struct keyword *jschema_keyword(const char *name)
{
    struct str s = str_of(name);
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (str_eqz(s, keywords[i].name))
            return &keywords[i];
    return NULL;
}

bool jschema_is_pattern(const struct keyword *k)
{
    return k->check == check_pattern;
}

bool jschema_is_patterns(const struct keyword *k)
{
    return k->check == check_patterns;
}
