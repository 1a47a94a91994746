/*
 * jsonx.c: json-c behind typed getters, and a JSON writer.
 *
 * Owns how numbers leave json-c: as their digits, because its integer getters clamp.
 */
#include "core/jsonx.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "core/clock.h"
#include "core/jscan.h"
#include "core/mem.h"
#include "core/num.h"

/* Shorter strings are quoted at once: bytes. */
enum { LATER_LEN = 1024 };

static enum errc parse_checked(struct json_tokener *t, struct str text,
                               struct json_object **ret, struct err *e)
{
    struct json_object *o = json_tokener_parse_ex(t, text.ptr, (int)text.len);
    /* a number at the very end is complete only when a NUL follows */
    if (json_tokener_get_error(t) == json_tokener_continue)
        o = json_tokener_parse_ex(t, "", 1);
    /* the text is known to be right, and json-c 0.16 has no code of its own for this */
    if (json_tokener_get_error(t) != json_tokener_success)
        return err_set(e, ERR_MEMORY, "JSON: json-c gave up: %s",
                       json_tokener_error_desc(json_tokener_get_error(t)));
    *ret = o;
    return ERR_OK;
}

enum errc jx_parse(struct str text, struct json_object **ret, struct err *e)
{
    if (text.len > INT_MAX)
        return err_set(e, ERR_TOO_LARGE, "JSON of %zu bytes", text.len);
    enum errc rc = jscan_check(text, e);
    if (rc != ERR_OK)
        return rc;
    /* json-c counts the level of a scalar too, and refuses to reach its maximum */
    struct json_tokener *t = json_tokener_new_ex(LIMIT_JSON_DEPTH + 2);
    if (t == NULL)
        return err_set(e, ERR_MEMORY, "JSON: out of memory");
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    rc = parse_checked(t, text, ret, e);
    json_tokener_free(t);
    return rc;
}

void jx_put(struct json_object **o)
{
    json_object_put(*o);
    *o = NULL;
}

/* --- getters --- */

struct json_object *jx_get(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;
    if (!json_object_is_type(o, json_type_object))
        return NULL;
    json_object_object_get_ex(o, key, &v);
    return v;
}

static struct json_object *typed(struct json_object *o, const char *key,
                                 enum json_type type)
{
    struct json_object *v = jx_get(o, key);
    return json_object_is_type(v, type) ? v : NULL;
}

struct json_object *jx_obj(struct json_object *o, const char *key)
{
    return typed(o, key, json_type_object);
}

struct json_object *jx_arr(struct json_object *o, const char *key)
{
    return typed(o, key, json_type_array);
}

struct str jx_text(struct json_object *v)
{
    if (!json_object_is_type(v, json_type_string))
        return STR_NONE;
    return (struct str){json_object_get_string(v), (size_t)json_object_get_string_len(v)};
}

struct str jx_str(struct json_object *o, const char *key)
{
    return jx_text(jx_get(o, key));
}

bool jx_bool(struct json_object *o, const char *key, bool other)
{
    struct json_object *v = typed(o, key, json_type_boolean);
    return v == NULL ? other : json_object_get_boolean(v);
}

/* json-c keeps the digits of a fraction, but an integer beyond 64 bits has become a limit. */
static bool is_clamped(struct json_object *v)
{
    return json_object_is_type(v, json_type_int) &&
           (json_object_get_uint64(v) == UINT64_MAX ||
            json_object_get_int64(v) == INT64_MIN);
}

struct str jx_number(struct json_object *o, const char *key)
{
    struct json_object *v = jx_get(o, key);
    bool is_number =
        json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
    return is_number && !is_clamped(v) ? str_of(json_object_get_string(v)) : STR_NONE;
}

bool jx_i64(struct json_object *o, const char *key, int64_t min, int64_t max,
            int64_t *ret)
{
    int64_t v;
    if (num_decimal(jx_number(o, key), 0, true, false, &v) != ERR_OK || v < min ||
        v > max)
        return false;
    *ret = v;
    return true;
}

/* --- the writer --- */

static void quote_inside(struct buf *out, struct str s)
{
    static const char letters[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt";
    while (s.len > 0) {
        size_t plain = jscan_plain(s);
        buf_add(out, s.ptr, plain);
        s = str_sub(s, plain, s.len);
        if (s.len == 0)
            break;
        unsigned char c = (unsigned char)s.ptr[0];
        size_t used = 1;
        const char *at = c == '\0' ? NULL : strchr(letters, c);
        if (at != NULL)
            buf_add(out, (char[]){'\\', escapes[at - letters]}, 2);
        else if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else if ((used = str_utf8_len(s)) > 0)
            buf_add(out, s.ptr, used);
        else {
            buf_addz(out, "\xEF\xBF\xBD"); /* U+FFFD */
            used = 1;
        }
        s = str_sub(s, used, s.len);
    }
}

void json_quote(struct buf *out, struct str s)
{
    buf_addc(out, '"');
    quote_inside(out, s);
    buf_addc(out, '"');
}

/* ---- what is left for later ---- */

/* Without memory it is not left. */
static bool leave(struct jw_later *l, size_t at, struct str text)
{
    if (l->n == l->cap) {
        size_t cap = MAX(2 * l->cap, (size_t)16);
        struct jw_later_item *items = mem_resize(l->items, cap, sizeof *items);
        if (items == NULL)
            return false;
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = (struct jw_later_item){at, text};
    l->len += text.len;
    return true;
}

void jw_later_release(struct jw_later *l)
{
    mem_free(l->items);
    *l = (struct jw_later){.n = 0};
}

/* About max bytes of s, with whole characters. */
static struct str beginning(struct str s, size_t max)
{
    enum { CHAR_MAX_LEN = 4 };
    return str_sub(s, 0,
                   MAX(str_utf8_prefix(s, MAX(max, (size_t)CHAR_MAX_LEN)), (size_t)1));
}

bool jw_later_write(struct jw_later *l, struct str written, struct buf *out, size_t max)
{
    for (size_t left = max; l->item < l->n && left > 0;) {
        const struct jw_later_item *i = &l->items[l->item];
        buf_adds(out, str_sub(written, l->from, i->at - l->from));
        l->from = i->at;
        struct str part = beginning(str_sub(i->text, l->to, i->text.len), left);
        quote_inside(out, part);
        left -= MIN(left, part.len);
        l->to += part.len;
        if (l->to == i->text.len) {
            l->item++;
            l->to = 0;
        }
    }
    if (l->item < l->n)
        return false;
    buf_adds(out, str_sub(written, l->from, written.len));
    l->from = written.len;
    return true;
}

void jw_init(struct jw *w, struct buf *out)
{
    *w = (struct jw){.out = out};
}

static uint64_t level_bit(const struct jw *w)
{
    return (uint64_t)1 << (w->depth - 1);
}

static void separate(struct jw *w)
{
    if (w->nonempty & level_bit(w))
        buf_addc(w->out, ',');
    w->nonempty |= level_bit(w);
}

/* What stands before each value: nothing after a key, a comma in an array. */
static void begin_value(struct jw *w)
{
    if (w->depth == 0)
        return;
    if (w->objects & level_bit(w)) {
        assert(w->have_key);
        w->have_key = false;
    } else
        separate(w);
}

static void open_level(struct jw *w, bool is_object)
{
    begin_value(w);
    assert(w->depth < 64);
    w->depth++;
    w->nonempty &= ~level_bit(w);
    w->objects = is_object ? w->objects | level_bit(w) : w->objects & ~level_bit(w);
    buf_addc(w->out, is_object ? '{' : '[');
}

static void close_level(struct jw *w, bool is_object)
{
    assert(w->depth > 0 && !w->have_key);
    assert(is_object == ((w->objects & level_bit(w)) != 0));
    w->depth--;
    buf_addc(w->out, is_object ? '}' : ']');
}

void jw_object(struct jw *w)
{
    open_level(w, true);
}

void jw_object_end(struct jw *w)
{
    close_level(w, true);
}

void jw_array(struct jw *w)
{
    open_level(w, false);
}

void jw_array_end(struct jw *w)
{
    close_level(w, false);
}

void jw_key_str(struct jw *w, struct str key)
{
    assert(w->depth > 0 && (w->objects & level_bit(w)) && !w->have_key);
    separate(w);
    json_quote(w->out, key);
    buf_addc(w->out, ':');
    w->have_key = true;
}

void jw_key(struct jw *w, const char *key)
{
    jw_key_str(w, str_of(key));
}

void jw_raw(struct jw *w, struct str json)
{
    begin_value(w);
    buf_adds(w->out, json);
}

void jw_raw_line(struct jw *w, struct str json)
{
    begin_value(w);
    while (json.len > 0) {
        size_t n = 0;
        while (n < json.len && json.ptr[n] != '\n' && json.ptr[n] != '\r')
            n++;
        buf_adds(w->out, str_sub(json, 0, n));
        json = str_sub(json, n + 1, json.len);
    }
}

void jw_str(struct jw *w, struct str s)
{
    begin_value(w);
    json_quote(w->out, s);
}

void jw_string(struct jw *w)
{
    begin_value(w);
    buf_addc(w->out, '"');
}

void jw_string_add(struct jw *w, struct str s)
{
    quote_inside(w->out, s);
}

void jw_string_kept(struct jw *w, struct str s)
{
    if (w->later == NULL || s.len < LATER_LEN || !leave(w->later, w->out->len, s))
        quote_inside(w->out, s);
}

void jw_string_end(struct jw *w)
{
    buf_addc(w->out, '"');
}

void jw_kstr_kept(struct jw *w, const char *key, struct str s)
{
    jw_key(w, key);
    jw_string(w);
    jw_string_kept(w, s);
    jw_string_end(w);
}

void jw_strz(struct jw *w, const char *s)
{
    if (s == NULL)
        jw_null(w);
    else
        jw_str(w, str_of(s));
}

void jw_i64(struct jw *w, int64_t v)
{
    begin_value(w);
    buf_addi(w->out, v);
}

void jw_u64(struct jw *w, uint64_t v)
{
    begin_value(w);
    buf_addu(w->out, v);
}

void jw_bool(struct jw *w, bool v)
{
    jw_raw(w, v ? STR("true") : STR("false"));
}

void jw_null(struct jw *w)
{
    jw_raw(w, STR("null"));
}

void jw_usd(struct jw *w, pico p)
{
    char text[MONEY_TEXT_LEN];
    money_exact(text, p); /* says "null" when unknown */
    jw_raw(w, str_of(text));
}

void jw_time(struct jw *w, int64_t wall_us)
{
    char text[CLOCK_TEXT_LEN];
    if (wall_us == 0) {
        jw_null(w);
        return;
    }
    clock_rfc3339(text, wall_us, 0, true);
    jw_strz(w, text);
}

void jw_kstr(struct jw *w, const char *key, struct str s)
{
    jw_key(w, key);
    jw_str(w, s);
}

void jw_kstrz(struct jw *w, const char *key, const char *s)
{
    jw_key(w, key);
    jw_strz(w, s);
}

void jw_ki64(struct jw *w, const char *key, int64_t v)
{
    jw_key(w, key);
    jw_i64(w, v);
}

void jw_ki64_if(struct jw *w, const char *key, bool is_known, int64_t v)
{
    jw_key(w, key);
    if (is_known)
        jw_i64(w, v);
    else
        jw_null(w);
}

void jw_kbool(struct jw *w, const char *key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}
