/* shape.c: see shape.h. */
#include "cmd/shape.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "core/jscan.h"
#include "core/jschema.h"

#include "cmd/code.h"
#include "cmd/files.h"

enum { SCHEMA_MAX = 1024 * 1024 };

/* ---- a line of fields ---- */

static const struct {
    const char *word, *type;
} types[] = {
    {"str", "string"},      {"string", "string"},   {"int", "integer"},
    {"integer", "integer"}, {"float", "number"},    {"number", "number"},
    {"bool", "boolean"},    {"boolean", "boolean"},
};

struct field {
    struct str name, about; /* about: empty if none */
    const char *type;       /* JSON Schema's word */
    bool is_list, may_be_null;
};

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (isalnum((unsigned char)s.ptr[i]) == 0 && s.ptr[i] != '_' && s.ptr[i] != '-')
            return false;
    return s.len > 0;
}

static bool take_suffix(struct str *s, struct str suffix)
{
    if (!str_ends(*s, suffix))
        return false;
    *s = str_trim(str_sub(*s, 0, s->len - suffix.len));
    return true;
}

/* "age? int[]: in years" */
static enum errc read_field(struct str text, struct field *ret, struct err *e)
{
    struct str rest = text, head, name;
    struct field f = {.type = NULL};
    str_split(&rest, ':', &head);
    f.about = str_trim(rest);
    head = str_trim(head);
    str_split(&head, ' ', &name);
    head = str_trim(head);
    f.may_be_null = take_suffix(&name, STR("?"));
    f.is_list = take_suffix(&head, STR("[]"));
    f.name = name;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eqz(head, types[i].word))
            f.type = types[i].type;
    if (head.len == 0)
        f.type = "string";
    if (!is_name(f.name))
        return err_set(e, ERR_USAGE,
                       "\"%.*s\" is no field: NAME TYPE, with letters, digits, \"_\" and "
                       "\"-\" in the name",
                       STR_ARG(str_trim(text)));
    if (f.type == NULL)
        return err_set(e, ERR_USAGE,
                       "field \"%.*s\": \"%.*s\" is none of str, int, float and bool",
                       STR_ARG(f.name), STR_ARG(head));
    *ret = f;
    return ERR_OK;
}

static void write_type(struct jw *w, const char *type, bool may_be_null)
{
    jw_key(w, "type");
    if (may_be_null) {
        jw_array(w);
        jw_strz(w, type);
        jw_strz(w, "null");
        jw_array_end(w);
    } else {
        jw_strz(w, type);
    }
}

static void write_field(struct jw *w, const struct field *f)
{
    jw_key_str(w, f->name);
    jw_object(w);
    write_type(w, f->is_list ? "array" : f->type, f->may_be_null);
    if (f->is_list) {
        jw_key(w, "items");
        jw_object(w);
        write_type(w, f->type, false);
        jw_object_end(w);
    }
    if (f->about.len > 0)
        jw_kstr(w, "description", f->about);
    jw_object_end(w);
}

/* The next of the fields between commas and newlines; false behind the last one. */
static bool next_field(struct str *rest, struct str *ret)
{
    while (rest->ptr != NULL) {
        size_t comma = str_find(*rest, ','), end = MIN(comma, str_find(*rest, '\n'));
        bool is_last = end == rest->len;
        *ret = str_sub(*rest, 0, end);
        *rest = is_last ? STR_NONE : str_sub(*rest, end + 1, rest->len);
        if (str_trim(*ret).len > 0)
            return true;
    }
    return false;
}

/* Is it in the list of names, which need no escapes? */
static bool has_name(struct str json, struct str name)
{
    AUTO(buf_release) struct buf quoted = BUF_INIT(SCHEMA_MAX);
    json_quote(&quoted, name);
    return str_contains(json, buf_str(&quoted));
}

static enum errc write_fields(struct str text, struct buf *out, struct err *e)
{
    AUTO(buf_release) struct buf required = BUF_INIT(SCHEMA_MAX);
    struct jw w, names;
    struct str rest = text, one;
    struct field f = {.type = NULL};
    size_t n = 0;
    jw_init(&w, out);
    jw_init(&names, &required);
    jw_array(&names);
    jw_object(&w);
    jw_kstrz(&w, "type", "object");
    jw_key(&w, "properties");
    jw_object(&w);
    for (; next_field(&rest, &one); n++) {
        if (read_field(one, &f, e) != ERR_OK)
            return e->code;
        if (has_name(buf_str(&required), f.name))
            return err_set(e, ERR_USAGE, "field \"%.*s\" is there twice",
                           STR_ARG(f.name));
        write_field(&w, &f);
        jw_str(&names, f.name);
    }
    jw_object_end(&w);
    jw_array_end(&names);
    jw_key(&w, "required");
    jw_raw(&w, buf_str(&required));
    jw_kbool(&w, "additionalProperties", false);
    jw_object_end(&w);
    return n > 0 ? ERR_OK : err_set(e, ERR_USAGE, "there is no field in it");
}

/* ---- what providers take ---- */

/*
 * OpenAI's strict form: objects name all their members as required and allow no others.
 * Source: OpenAI, "Structured Outputs", supported schemas (2026-11).
 */
static bool is_closed(struct json_object *schema)
{
    struct json_object *members = jx_obj(schema, "properties");
    struct json_object *required = jx_arr(schema, "required");
    size_t n = required != NULL ? json_object_array_length(required) : 0;
    return !jx_bool(schema, "additionalProperties", true) &&
           (members == NULL ? 0 : (size_t)json_object_object_length(members)) == n;
}

static bool is_of_object(struct json_object *schema)
{
    struct json_object *several = jx_arr(schema, "type");
    size_t n = several != NULL ? json_object_array_length(several) : 0;
    bool is_one =
        str_eqz(jx_str(schema, "type"), "object") || jx_obj(schema, "properties") != NULL;
    for (size_t i = 0; i < n && !is_one; i++)
        is_one = str_eqz(jx_text(json_object_array_get_idx(several, i)), "object");
    return is_one;
}

static bool is_strict(struct json_object *schema)
{
    static const char *const not_taken[] = {
        "allOf",       "oneOf",       "not",           "patternProperties",
        "uniqueItems", "prefixItems", "minProperties", "maxProperties",
    };
    enum json_type type = json_object_get_type(schema);
    if (type == json_type_array) {
        for (size_t i = 0; i < json_object_array_length(schema); i++)
            if (!is_strict(json_object_array_get_idx(schema, i)))
                return false;
        return true;
    }
    if (type != json_type_object)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(not_taken); i++)
        if (json_object_object_get_ex(schema, not_taken[i], NULL))
            return false;
    if (is_of_object(schema) && !is_closed(schema))
        return false;
    json_object_object_foreach(schema, key, member)
    {
        (void)key;
        if (!is_strict(member))
            return false;
    }
    return true;
}

/* ---- loading ---- */

/* The text without the blanks that mean nothing; it is well-formed. */
static void squeeze(struct str text, struct buf *out)
{
    bool is_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_string && c == '\\') {
            buf_adds(out, str_sub(text, i++, 2));
            continue;
        }
        is_string ^= c == '"';
        if (is_string || strchr(" \t\r\n", c) == NULL)
            buf_addc(out, c);
    }
}

static enum errc parse(struct str text, struct shape *s, struct err *e)
{
    s->text = (struct buf)BUF_INIT(SCHEMA_MAX);
    s->schema = NULL;
    enum errc rc = jx_parse(text, &s->schema, e);
    if (rc == ERR_OK)
        rc = jschema_examine(s->schema, NULL, e);
    if (rc != ERR_OK) {
        jx_put(&s->schema);
        e->code = rc == ERR_MEMORY ? ERR_MEMORY : ERR_USAGE;
        return e->code;
    }
    squeeze(text, &s->text);
    /* the root of a response_format is an object. Source: as above */
    s->is_native = str_eqz(jx_str(s->schema, "type"), "object");
    s->is_strict = s->is_native && is_strict(s->schema);
    return ERR_OK;
}

/* No name of a field has a "/" or a "." in it. */
static bool is_file(const char *given)
{
    struct str s = str_of(given), head = str_sub(s, 0, str_find(s, ':'));
    return access(given, F_OK) == 0 || str_ends(s, STR(".json")) ||
           (s.len > 0 && str_find(head, '/') < head.len);
}

enum errc shape_load(const char *given, struct shape *ret, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(SCHEMA_MAX);
    struct str s = str_trim(str_of(given));
    enum errc rc = ERR_OK;
    if (s.len > 0 && s.ptr[0] == '{')
        buf_adds(&text, s);
    else if (s.len > 0 && s.ptr[0] == '@')
        rc = files_read(given + 1, &text, e);
    else if (is_file(given))
        rc = files_read(given, &text, e);
    else
        rc = write_fields(s, &text, e);
    if (rc == ERR_OK)
        rc = parse(buf_str(&text), ret, e);
    return rc == ERR_OK ? ERR_OK : err_ctx(e, "--schema");
}

void shape_release(struct shape *s)
{
    jx_put(&s->schema);
    buf_release(&s->text);
}

enum errc shape_unchecked(const struct shape *s, struct buf *out, struct err *e)
{
    return jschema_examine(s->schema, out, e);
}

/* ---- checking ---- */

static enum errc check(const struct shape *s, struct str text, struct buf *out,
                       struct err *e)
{
    AUTO(jx_put) struct json_object *value = NULL;
    if (jx_parse(text, &value, e) != ERR_OK)
        return err_set(e, ERR_UNUSABLE, "the answer is no JSON");
    enum errc rc = jschema_check(s->schema, value, e);
    if (rc == ERR_OK)
        squeeze(text, out);
    return rc;
}

enum errc shape_check(const struct shape *s, struct str answer, struct buf *out,
                      struct err *e)
{
    AUTO(buf_release) struct buf code = BUF_INIT(LIMIT_REPLY_LEN);
    struct err why = ERR_INIT;
    enum errc rc = check(s, str_trim(answer), out, e);
    if (rc == ERR_OK || jscan_check(str_trim(answer), &why) == ERR_OK ||
        !code_find(answer, 1, &code))
        return rc;
    err_clear(e);
    return check(s, str_trim(buf_str(&code)), out, e);
}

/* ---- asking ---- */

/* Source: OpenAI API reference, chat completions, response_format (2026-11). */
void shape_write_format(const struct shape *s, struct jw *w)
{
    jw_key(w, "response_format");
    jw_object(w);
    jw_kstrz(w, "type", "json_schema");
    jw_key(w, "json_schema");
    jw_object(w);
    jw_kstrz(w, "name", "answer");
    jw_key(w, "schema");
    jw_raw(w, buf_str(&s->text));
    if (s->is_strict)
        jw_kbool(w, "strict", true);
    jw_object_end(w);
    jw_object_end(w);
}

void shape_ask(const struct shape *s, struct buf *out)
{
    buf_printf(out,
               "Answer with one JSON value that fits this JSON Schema, and with nothing "
               "else: no explanation, no fence around it.\n%.*s",
               STR_ARG(buf_str(&s->text)));
}

void shape_ask_again(const struct shape *s, const char *why, struct buf *out)
{
    buf_printf(out, "Your answer does not fit the JSON Schema: %s.\n", why);
    shape_ask(s, out);
}
