/*
 * jschema.c: see jschema.h. Two walks over a schema: with a value, to check it, and without, to
 * see whether the schema is well-formed and what of it would be ignored.
 */
#include "core/jschema.h"

#include <stdio.h>

#include "core/jschema_priv.h"
#include "core/jsonx.h"
#include "core/num.h"
#include "core/pattern.h"

/* --- places --- */

static void put_place(struct buf *b, const struct place *p)
{
    if (p == NULL)
        return;
    put_place(b, p->up);
    buf_addc(b, '/');
    if (p->key.ptr == NULL)
        buf_addu(b, p->index);
    for (size_t i = 0; i < p->key.len; i++) /* Source: RFC 6901, section 3 */
        if (p->key.ptr[i] == '~')
            buf_addz(b, "~0");
        else if (p->key.ptr[i] == '/')
            buf_addz(b, "~1");
        else
            buf_addc(b, p->key.ptr[i]);
}

enum { PLACE_MAX = 64 * 1024, PLACE_LEN = 200 };

/* A JSON pointer, cut when long; `whole` when it is the root. */
static const char *place_text(char out[PLACE_LEN], const struct place *p,
                              const char *whole)
{
    AUTO(buf_release) struct buf b = BUF_INIT(PLACE_MAX);
    put_place(&b, p);
    str_copy(out, PLACE_LEN, b.len > 0 ? buf_str(&b) : str_of(whole));
    return out;
}

enum errc jschema_misfit(struct check *c, const struct pair *p, const char *fmt, ...)
{
    char place[PLACE_LEN], what[LIMIT_ERR_TEXT - PLACE_LEN];
    if (c->quiet > 0)
        return ERR_UNUSABLE;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(c->e, ERR_UNUSABLE, "%s: %s", place_text(place, p->place, "the value"),
                   what);
}

enum errc jschema_spend(struct check *c, size_t steps)
{
    if (steps >= c->steps)
        return err_set(c->e, ERR_TOO_LARGE,
                       "schema: checking the value takes more than %d steps",
                       LIMIT_SCHEMA_STEPS);
    c->steps -= steps;
    return ERR_OK;
}

size_t jschema_weight(struct json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_null:
    case json_type_boolean:
    case json_type_int:
        return 0;
    case json_type_double:
        return jschema_digits(v).len / 16;
    case json_type_string:
        return (size_t)json_object_get_string_len(v) / 16;
    case json_type_array:
        return json_object_array_length(v);
    case json_type_object:
        return (size_t)json_object_object_length(v);
    }
    return 0;
}

/* One step of a JSON pointer: "~1" is a slash, "~0" a tilde. Source: RFC 6901, section 4. */
static struct json_object *step_into(struct json_object *o, struct str part)
{
    AUTO(buf_release) struct buf name = BUF_INIT(LIMIT_CONF_LINE);
    uint64_t index;
    if (json_object_is_type(o, json_type_array))
        return num_u64(part, UINT32_MAX, &index) == ERR_OK
                   ? json_object_array_get_idx(o, index)
                   : NULL;
    for (size_t i = 0; i < part.len; i++)
        if (part.ptr[i] == '~' && i + 1 < part.len)
            buf_addc(&name, part.ptr[++i] == '1' ? '/' : '~');
        else
            buf_addc(&name, part.ptr[i]);
    return buf_err(&name) == ERR_OK ? jx_get(o, name.len > 0 ? name.data : "") : NULL;
}

bool jschema_resolve(struct json_object *root, struct str ref, struct json_object **ret)
{
    struct str part, rest = str_sub(ref, 2, ref.len);
    *ret = root;
    if (str_eqz(ref, "#"))
        return true;
    if (!str_starts(ref, STR("#/")))
        return false;
    while (*ret != NULL && str_split(&rest, '/', &part))
        *ret = step_into(*ret, part);
    return *ret != NULL;
}

/* --- forms of arguments --- */

static bool is_type_name(struct json_object *v)
{
    static const char *const names[] = {"null",   "boolean", "object", "array",
                                        "number", "integer", "string"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eqz(jx_text(v), names[i]))
            return true;
    return false;
}

static bool is_schema(struct json_object *v)
{
    return json_object_is_type(v, json_type_object) ||
           json_object_is_type(v, json_type_boolean);
}

static bool all_are(struct json_object *array, bool (*is)(struct json_object *))
{
    if (!json_object_is_type(array, json_type_array))
        return false;
    for (size_t i = 0; i < json_object_array_length(array); i++)
        if (!is(json_object_array_get_idx(array, i)))
            return false;
    return true;
}

static bool is_string(struct json_object *v)
{
    return json_object_is_type(v, json_type_string);
}

static bool are_named_schemas(struct json_object *o)
{
    if (!json_object_is_type(o, json_type_object))
        return false;
    json_object_object_foreach(o, key, schema)
    {
        (void)key;
        if (!is_schema(schema))
            return false;
    }
    return true;
}

/* NULL: the argument has the form; else what it should be. */
static const char *wanted_for(enum form form, struct json_object *arg)
{
    switch (form) {
    case FORM_ANY:
        return NULL;
    case FORM_TYPE:
        return is_type_name(arg) || all_are(arg, is_type_name)
                   ? NULL
                   : "the name of a type, or an array of them";
    case FORM_ARRAY:
        return json_object_is_type(arg, json_type_array) ? NULL : "an array";
    case FORM_BOOL:
        return json_object_is_type(arg, json_type_boolean) ? NULL : "true or false";
    case FORM_STRING:
    case FORM_REF:
        return is_string(arg) ? NULL : "a string";
    case FORM_STRINGS:
        return all_are(arg, is_string) ? NULL : "an array of strings";
    case FORM_NUMBER:
        return jschema_is_number(arg) ? NULL : "a number";
    case FORM_COUNT:
        return jschema_is_number(arg) && num_is_whole(jschema_digits(arg)) &&
                       num_compare(jschema_digits(arg), STR("0")) >= 0
                   ? NULL
                   : "a whole number, 0 or more";
    case FORM_SCHEMA:
        return is_schema(arg) ? NULL : "a schema";
    case FORM_SOME_SCHEMAS:
        if (json_object_is_type(arg, json_type_array) &&
            json_object_array_length(arg) == 0)
            return "an array of at least one schema";
        return all_are(arg, is_schema) ? NULL : "an array of schemas";
    case FORM_SCHEMAS:
        return all_are(arg, is_schema) ? NULL : "an array of schemas";
    case FORM_NAMED:
        return are_named_schemas(arg) ? NULL : "an object of schemas";
    case FORM_ITEMS:
        return is_schema(arg) || all_are(arg, is_schema)
                   ? NULL
                   : "a schema, or an array of them";
    }
    return NULL;
}

/* --- the two walks --- */

static enum errc check_keywords(struct check *c, const struct pair *p)
{
    size_t value_weight = jschema_is_container(p->value) ? 0 : jschema_weight(p->value);
    json_object_object_foreach(p->schema, name, arg)
    {
        const struct keyword *k = jschema_keyword(name);
        enum errc rc = jschema_spend(c, 1 + jschema_weight(arg) + value_weight);
        const char *wanted = k != NULL ? wanted_for(k->form, arg) : NULL;
        c->n_unchecked += k == NULL;
        if (rc == ERR_OK && wanted != NULL)
            rc = err_set(c->e, ERR_INVALID, "schema: %s must be %s", name, wanted);
        else if (rc == ERR_OK && k != NULL && k->check != NULL)
            rc = k->check(c, p, arg);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum errc jschema_walk(struct check *c, struct json_object *schema,
                       struct json_object *value, const struct place *place)
{
    const struct pair p = {.schema = schema, .value = value, .place = place};
    enum errc rc = jschema_spend(c, 1);
    if (rc != ERR_OK)
        return rc;
    if (json_object_is_type(schema, json_type_boolean))
        return json_object_get_boolean(schema)
                   ? ERR_OK
                   : jschema_misfit(c, &p, "false: fits nothing");
    if (!json_object_is_type(schema, json_type_object))
        return err_set(c->e, ERR_INVALID, "schema: is neither an object nor a boolean");
    if (c->depth >= LIMIT_SCHEMA_DEPTH)
        return err_set(c->e, ERR_TOO_LARGE,
                       "schema: nests deeper than %d, perhaps by a $ref in a circle",
                       LIMIT_SCHEMA_DEPTH);
    c->depth++;
    rc = check_keywords(c, &p);
    c->depth--;
    return rc;
}

enum errc jschema_check(struct json_object *schema, struct json_object *value,
                        struct err *e)
{
    struct check c = {.root = schema, .steps = LIMIT_SCHEMA_STEPS, .e = e};
    return jschema_walk(&c, schema, value, NULL);
}

struct examiner {
    struct json_object *root;
    struct buf *unchecked; /* borrowed; may be NULL */
    struct err *e;
};

static enum errc examine(struct examiner *x, struct json_object *schema,
                         const struct place *place);

static enum errc examine_all(struct examiner *x, struct json_object *schemas,
                             const struct place *place)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < json_object_array_length(schemas) && rc == ERR_OK; i++) {
        const struct place at = {.up = place, .index = i};
        rc = examine(x, json_object_array_get_idx(schemas, i), &at);
    }
    return rc;
}

static enum errc examine_named(struct examiner *x, struct json_object *schemas,
                               const struct place *place)
{
    json_object_object_foreach(schemas, key, schema)
    {
        const struct place at = {.up = place, .key = str_of(key)};
        enum errc rc = examine(x, schema, &at);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static void report_unchecked(struct examiner *x, const struct place *place)
{
    if (x->unchecked == NULL)
        return;
    put_place(x->unchecked, place);
    buf_addc(x->unchecked, '\n');
}

static void examine_pattern(struct examiner *x, struct str source,
                            const struct place *place)
{
    AUTO(pattern_free) struct pattern *pattern = NULL;
    struct err why = ERR_INIT;
    if (pattern_new(source, &pattern, &why) != ERR_OK)
        report_unchecked(x, place);
}

static void examine_patterns(struct examiner *x, struct json_object *schemas,
                             const struct place *place)
{
    json_object_object_foreach(schemas, key, schema)
    {
        (void)schema;
        const struct place at = {.up = place, .key = str_of(key)};
        examine_pattern(x, str_of(key), &at);
    }
}

/* A keyword whose argument has the right form. */
static enum errc examine_keyword(struct examiner *x, const struct keyword *k,
                                 struct json_object *arg, const struct place *place)
{
    struct json_object *target;
    char text[PLACE_LEN];
    bool is_array = json_object_is_type(arg, json_type_array);
    if (k->form == FORM_REF && !jschema_resolve(x->root, jx_text(arg), &target))
        return err_set(x->e, ERR_INVALID, "schema, %s: no such place in this schema",
                       place_text(text, place, "the whole"));
    if (jschema_is_pattern(k))
        examine_pattern(x, jx_text(arg), place);
    if (jschema_is_patterns(k))
        examine_patterns(x, arg, place);
    if (k->form == FORM_NAMED)
        return examine_named(x, arg, place);
    if (is_array && (k->form == FORM_SCHEMAS || k->form == FORM_SOME_SCHEMAS ||
                     k->form == FORM_ITEMS))
        return examine_all(x, arg, place);
    return k->form == FORM_SCHEMA || k->form == FORM_ITEMS ? examine(x, arg, place)
                                                           : ERR_OK;
}

static enum errc examine(struct examiner *x, struct json_object *schema,
                         const struct place *place)
{
    char text[PLACE_LEN];
    if (json_object_is_type(schema, json_type_boolean))
        return ERR_OK;
    if (!json_object_is_type(schema, json_type_object))
        return err_set(x->e, ERR_INVALID, "schema, %s: must be an object, true or false",
                       place_text(text, place, "the whole"));
    json_object_object_foreach(schema, name, arg)
    {
        const struct place at = {.up = place, .key = str_of(name)};
        const struct keyword *k = jschema_keyword(name);
        enum errc rc = ERR_OK;
        if (k == NULL) {
            report_unchecked(x, &at);
            continue;
        }
        const char *wanted = wanted_for(k->form, arg);
        if (wanted != NULL)
            return err_set(x->e, ERR_INVALID, "schema, %s: must be %s",
                           place_text(text, &at, "the whole"), wanted);
        rc = examine_keyword(x, k, arg, &at);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum errc jschema_examine(struct json_object *schema, struct buf *unchecked,
                          struct err *e)
{
    struct examiner x = {.root = schema, .unchecked = unchecked, .e = e};
    enum errc rc = examine(&x, schema, NULL);
    if (rc == ERR_OK && unchecked != NULL && buf_err(unchecked) != ERR_OK)
        return err_set(e, buf_err(unchecked), "schema: out of room for what is ignored");
    return rc;
}
