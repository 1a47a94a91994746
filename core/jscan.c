/*
 * jscan.c: a strict JSON checker, and walks over text that it has passed.
 *
 * Owns the grammar. Builds no tree and allocates nothing. Two halves: check_…() trusts no
 * byte; skip_…() relies on an earlier check and only looks for the ends of values.
 */
#include "core/jscan.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "core/num.h"

/* --- bytes --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Eight bytes at a time: a byte's top bit comes out set when the byte is a control character,
 * a quote, a backslash or not ASCII. A borrow can only spoil bytes above a real hit, so the
 * lowest one is exact.
 */
static uint64_t special_bytes(uint64_t x)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t control = x - ones * 0x20;
    uint64_t quote = (x ^ ones * '"') - ones;
    uint64_t backslash = (x ^ ones * '\\') - ones;
    return (x | control | quote | backslash) & ones * 0x80;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

static const char *skip_plain(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t x;
        memcpy(&x, p, sizeof x);
        uint64_t hits = special_bytes(le64toh(x));
        if (hits != 0)
            return p + __builtin_ctzll(hits) / 8;
        p += 8;
    }
    while (p < end && is_plain(*p))
        p++;
    return p;
}

size_t jscan_plain(struct str s)
{
    return s.len == 0 ? 0 : (size_t)(skip_plain(s.ptr, s.ptr + s.len) - s.ptr);
}

/* --- escapes --- */

/* The four digits of a \u escape at p, which are all there, or -1. */
static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

static bool is_high_surrogate(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

static unsigned put_utf8(unsigned cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    unsigned n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (unsigned i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3F));
    out[0] = (char)((0xF00U >> n & 0xF0) | cp);
    return n;
}

/* Decodes the checked escape at *p, moves behind it, returns the number of bytes. */
static unsigned unescape(const char **p, char out[4])
{
    char c = (*p)[1];
    if (c != 'u') {
        static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
        const char *at = strchr(letters, c);
        out[0] = at == NULL ? c : values[at - letters];
        *p += 2;
        return 1;
    }
    int unit = hex4(*p + 2);
    *p += 6;
    if (!is_high_surrogate(unit))
        return put_utf8((unsigned)unit, out);
    int low = hex4(*p + 2);
    *p += 6;
    return put_utf8(
        0x10000 + ((unsigned)(unit - 0xD800) << 10) + (unsigned)(low - 0xDC00), out);
}

/* The decoded bytes of a checked string's inside, one at a time. */
struct chars {
    const char *p, *end;
    char ready[4];
    unsigned n, at;
};

static int chars_next(struct chars *c)
{
    if (c->at < c->n)
        return (unsigned char)c->ready[c->at++];
    if (c->p == c->end)
        return -1;
    if (*c->p != '\\')
        return (unsigned char)*c->p++;
    c->n = unescape(&c->p, c->ready);
    c->at = 1;
    return (unsigned char)c->ready[0];
}

static struct chars chars_of(struct str inside)
{
    return (struct chars){.p = inside.ptr, .end = inside.ptr + inside.len};
}

static bool has_escape(struct str inside)
{
    return inside.len > 0 && memchr(inside.ptr, '\\', inside.len) != NULL;
}

/* Equality of what two checked insides decode to. */
static bool same_text(struct str a, struct str b)
{
    if (!has_escape(a) && !has_escape(b))
        return str_eq(a, b);
    struct chars ca = chars_of(a), cb = chars_of(b);
    for (;;) {
        int x = chars_next(&ca);
        if (x != chars_next(&cb))
            return false;
        if (x < 0)
            return true;
    }
}

static bool decodes_to(struct str inside, const char *s)
{
    struct chars c = chars_of(inside);
    for (;; s++) {
        int x = chars_next(&c);
        if (x < 0)
            return *s == '\0';
        if (*s == '\0' || x != (unsigned char)*s)
            return false;
    }
}

/* Most keys are another one by their first byte. */
static inline bool text_is(struct str inside, const char *s)
{
    if (inside.len == 0 || (inside.ptr[0] != s[0] && inside.ptr[0] != '\\'))
        return inside.len == 0 && s[0] == '\0';
    return has_escape(inside) ? decodes_to(inside, s) : str_eqz(inside, s);
}

/* --- checking --- */

struct check {
    const char *base, *p, *end;
    struct outer *outer; /* NULL unless the outermost object's members are wanted */
    struct err *e;
};

/* What jscan_object() collects. Keys are few, so a search over their hashes is fast enough. */
struct outer {
    struct jfield *fields;
    size_t n_fields;
    struct {
        uint32_t hash;
        struct str inside;
    } keys[LIMIT_JSON_KEYS];
    size_t n_keys;
};

static enum errc fail(struct check *c, const char *what)
{
    return err_set(c->e, ERR_SYNTAX, "JSON, byte %zu: %s", (size_t)(c->p - c->base),
                   what);
}

static inline void check_blank(struct check *c)
{
    while (c->p < c->end && is_blank(*c->p))
        c->p++;
}

static inline bool check_is(struct check *c, char want)
{
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

static enum errc check_unicode_escape(struct check *c, bool is_key)
{
    int unit = c->end - c->p >= 6 ? hex4(c->p + 2) : -1;
    if (unit < 0)
        return fail(c, "\\u needs four hexadecimal digits");
    /* json-c would end the key here and see another one than the provider does */
    if (unit == 0 && is_key)
        return fail(c, "NUL in a key");
    if (is_low_surrogate(unit))
        return fail(c, "lone surrogate");
    if (!is_high_surrogate(unit)) {
        c->p += 6;
        return ERR_OK;
    }
    if (c->end - c->p < 12 || c->p[6] != '\\' || c->p[7] != 'u' ||
        !is_low_surrogate(hex4(c->p + 8)))
        return fail(c, "lone surrogate");
    c->p += 12;
    return ERR_OK;
}

static enum errc check_escape(struct check *c, bool is_key)
{
    if (c->end - c->p < 2)
        return fail(c, "string without end");
    if (c->p[1] == 'u')
        return check_unicode_escape(c, is_key);
    switch (c->p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        c->p += 2;
        return ERR_OK;
    default:
        return fail(c, "unknown escape");
    }
}

/* A run of bytes outside ASCII stands or falls as a whole. */
static enum errc check_utf8(struct check *c)
{
    const char *from = c->p, *p = from;
    while (p < c->end && (unsigned char)*p >= 0x80)
        p++;
    if (!str_is_utf8((struct str){from, (size_t)(p - from)}))
        return fail(c, "invalid UTF-8");
    c->p = p;
    return ERR_OK;
}

static enum errc check_string(struct check *c, bool is_key)
{
    c->p++;
    for (;;) {
        c->p = skip_plain(c->p, c->end);
        if (c->p == c->end)
            return fail(c, "string without end");
        enum errc rc;
        if (*c->p == '"') {
            c->p++;
            return ERR_OK;
        }
        if (*c->p == '\\')
            rc = check_escape(c, is_key);
        else if ((unsigned char)*c->p >= 0x80)
            rc = check_utf8(c);
        else
            rc = fail(c, "control character in a string");
        if (rc != ERR_OK)
            return rc;
    }
}

static bool check_digits(struct check *c)
{
    const char *from = c->p;
    while (c->p < c->end && is_digit(*c->p))
        c->p++;
    return c->p > from;
}

static enum errc check_number(struct check *c)
{
    check_is(c, '-');
    if (!check_is(c, '0') && !check_digits(c))
        return fail(c, "expected a digit");
    if (c->p < c->end && is_digit(*c->p))
        return fail(c, "number with a leading zero");
    if (check_is(c, '.') && !check_digits(c))
        return fail(c, "expected a digit after the point");
    if (check_is(c, 'e') || check_is(c, 'E')) {
        if (!check_is(c, '-'))
            check_is(c, '+');
        if (!check_digits(c))
            return fail(c, "expected a digit in the exponent");
    }
    return ERR_OK;
}

static enum errc check_word(struct check *c, struct str word)
{
    if ((size_t)(c->end - c->p) < word.len || memcmp(c->p, word.ptr, word.len) != 0)
        return fail(c, "expected a value");
    c->p += word.len;
    return ERR_OK;
}

static enum errc check_value(struct check *c, unsigned depth, struct jspan *ret);

static enum errc check_array(struct check *c, unsigned depth)
{
    c->p++;
    check_blank(c);
    if (check_is(c, ']'))
        return ERR_OK;
    for (;;) {
        struct jspan element;
        enum errc rc = check_value(c, depth, &element);
        if (rc != ERR_OK)
            return rc;
        check_blank(c);
        if (check_is(c, ']'))
            return ERR_OK;
        if (!check_is(c, ','))
            return fail(c, "expected , or ]");
    }
}

/* FNV-1a; a forced collision only costs one comparison more. */
static inline uint32_t hash_byte(uint32_t hash, unsigned char byte)
{
    return (hash ^ byte) * 16777619U;
}

static uint32_t key_hash(struct str inside)
{
    uint32_t hash = 2166136261U;
    if (!has_escape(inside)) {
        for (size_t i = 0; i < inside.len; i++)
            hash = hash_byte(hash, (unsigned char)inside.ptr[i]);
        return hash;
    }
    struct chars chars = chars_of(inside);
    for (int x; (x = chars_next(&chars)) >= 0;)
        hash = hash_byte(hash, (unsigned char)x);
    return hash;
}

static enum errc outer_key(struct check *c, struct str inside)
{
    struct outer *o = c->outer;
    uint32_t hash = key_hash(inside);
    for (size_t i = 0; i < o->n_keys; i++)
        if (o->keys[i].hash == hash && same_text(o->keys[i].inside, inside))
            return fail(c, "duplicate key");
    if (o->n_keys == LIMIT_JSON_KEYS)
        return fail(c, "too many keys");
    o->keys[o->n_keys].hash = hash;
    o->keys[o->n_keys++].inside = inside;
    return ERR_OK;
}

static void note_field(struct jfield *fields, size_t n, struct str inside, size_t key_pos,
                       struct jspan value)
{
    char first = inside.len > 0 ? inside.ptr[0] : '\0';
    for (struct jfield *f = fields; f < fields + n; f++) {
        if (*f->name != first && first != '\\') /* as text_is() finds; most end here */
            continue;
        if (f->value.kind == J_NONE && text_is(inside, f->name)) {
            f->value = value;
            f->key_pos = key_pos;
        }
    }
}

static enum errc check_member(struct check *c, unsigned depth)
{
    bool is_outer = depth == 1 && c->outer != NULL;
    check_blank(c);
    if (c->p == c->end || *c->p != '"')
        return fail(c, "expected a key");
    const char *key = c->p;
    enum errc rc = check_string(c, true);
    struct str inside = {key + 1, (size_t)(c->p - key) - 2};
    if (rc == ERR_OK && is_outer)
        rc = outer_key(c, inside);
    if (rc != ERR_OK)
        return rc;
    check_blank(c);
    if (!check_is(c, ':'))
        return fail(c, "expected :");
    struct jspan value;
    rc = check_value(c, depth, &value);
    if (rc == ERR_OK && is_outer)
        note_field(c->outer->fields, c->outer->n_fields, inside, (size_t)(key - c->base),
                   value);
    return rc;
}

static enum errc check_object(struct check *c, unsigned depth)
{
    c->p++;
    check_blank(c);
    if (check_is(c, '}'))
        return ERR_OK;
    for (;;) {
        enum errc rc = check_member(c, depth);
        if (rc != ERR_OK)
            return rc;
        check_blank(c);
        if (check_is(c, '}'))
            return ERR_OK;
        if (!check_is(c, ','))
            return fail(c, "expected , or }");
    }
}

/* The kind a value's first byte announces; any byte that starts no other is for a number. */
static enum jkind kind_of(char first)
{
    switch (first) {
    case '{':
        return J_OBJECT;
    case '[':
        return J_ARRAY;
    case '"':
        return J_STRING;
    case 't':
        return J_TRUE;
    case 'f':
        return J_FALSE;
    case 'n':
        return J_NULL;
    default:
        return J_NUMBER;
    }
}

static enum errc check_kind(struct check *c, enum jkind kind, unsigned depth)
{
    switch (kind) {
    case J_OBJECT:
    case J_ARRAY:
        if (depth == LIMIT_JSON_DEPTH)
            return fail(c, "nested too deeply");
        return kind == J_OBJECT ? check_object(c, depth + 1) : check_array(c, depth + 1);
    case J_STRING:
        return check_string(c, false);
    case J_TRUE:
        return check_word(c, STR("true"));
    case J_FALSE:
        return check_word(c, STR("false"));
    case J_NULL:
        return check_word(c, STR("null"));
    case J_NUMBER:
    case J_NONE:
        break;
    }
    return check_number(c);
}

static enum errc check_value(struct check *c, unsigned depth, struct jspan *ret)
{
    check_blank(c);
    if (c->p == c->end)
        return fail(c, "expected a value");
    const char *from = c->p;
    enum jkind kind = kind_of(*from);
    enum errc rc = check_kind(c, kind, depth);
    *ret = (struct jspan){kind, (size_t)(from - c->base), (size_t)(c->p - from)};
    return rc;
}

static enum errc check_document(struct str text, struct outer *outer, struct jspan *ret,
                                struct err *e)
{
    if (text.len == 0)
        text = STR("");
    struct check c = {text.ptr, text.ptr, text.ptr + text.len, outer, e};
    enum errc rc = check_value(&c, 0, ret);
    if (rc != ERR_OK)
        return rc;
    check_blank(&c);
    return c.p == c.end ? ERR_OK : fail(&c, "text after the value");
}

enum errc jscan_check(struct str text, struct err *e)
{
    struct jspan root;
    return check_document(text, NULL, &root, e);
}

static void clear_fields(struct jfield *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fields[i].value = (struct jspan){0};
        fields[i].key_pos = 0;
    }
}

enum errc jscan_object(struct str text, struct jfield *fields, size_t n, struct err *e)
{
    struct outer outer;
    outer.fields = fields;
    outer.n_fields = n;
    outer.n_keys = 0;
    clear_fields(fields, n);
    struct jspan root;
    enum errc rc = check_document(text, &outer, &root, e);
    if (rc == ERR_OK && root.kind != J_OBJECT)
        rc = err_set(e, ERR_SYNTAX, "JSON, byte %zu: expected an object", root.pos);
    if (rc != ERR_OK)
        clear_fields(fields, n);
    return rc;
}

/* --- walking over checked text --- */

static inline const char *skip_blank(const char *p)
{
    while (is_blank(*p))
        p++;
    return p;
}

/* p is at the opening quote. The closing one has an even number of backslashes before it. */
static const char *skip_string(const char *p, const char *end)
{
    const char *from = p + 1;
    for (p = from;; p++) {
        p = memchr(p, '"', (size_t)(end - p));
        assert(p != NULL);
        const char *q = p;
        while (q > from && q[-1] == '\\')
            q--;
        if ((p - q) % 2 == 0)
            return p + 1;
    }
}

static const char *skip_container(const char *p, const char *end)
{
    for (size_t depth = 0; p < end;) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if ((*p == '}' || *p == ']') && --depth == 0)
            return p + 1;
        p++;
    }
    return end;
}

static const char *skip_value(const char *p, const char *end, enum jkind kind)
{
    if (kind == J_STRING)
        return skip_string(p, end);
    if (kind == J_OBJECT || kind == J_ARRAY)
        return skip_container(p, end);
    while (p < end && *p != ',' && *p != '}' && *p != ']' && !is_blank(*p))
        p++;
    return p;
}

/* The value at or after p. */
static struct jspan span_at(struct str text, const char *p)
{
    p = skip_blank(p);
    enum jkind kind = kind_of(*p);
    const char *end = skip_value(p, text.ptr + text.len, kind);
    return (struct jspan){kind, (size_t)(p - text.ptr), (size_t)(end - p)};
}

struct jspan jscan_root(struct str text)
{
    struct str t = str_trim(text);
    if (t.len == 0)
        return (struct jspan){0};
    return (struct jspan){kind_of(*t.ptr), (size_t)(t.ptr - text.ptr), t.len};
}

/*
 * Moves *it from the start of a container, or from the end of its last element, to the next
 * element or key. False at the closing bracket.
 */
static bool next_place(struct str text, struct jspan container, size_t *it)
{
    const char *p = text.ptr + (*it == 0 ? container.pos + 1 : *it);
    p = skip_blank(p);
    if (*p == ',')
        p = skip_blank(p + 1);
    *it = (size_t)(p - text.ptr);
    return *p != ']' && *p != '}';
}

bool jscan_next(struct str text, struct jspan array, size_t *it, struct jspan *ret)
{
    if (array.kind != J_ARRAY || !next_place(text, array, it))
        return false;
    *ret = span_at(text, text.ptr + *it);
    *it = ret->pos + ret->len;
    return true;
}

bool jscan_member(struct str text, struct jspan object, size_t *it, struct str *ret_key,
                  struct jspan *ret)
{
    if (object.kind != J_OBJECT || !next_place(text, object, it))
        return false;
    const char *key = text.ptr + *it;
    const char *p = skip_string(key, text.ptr + text.len);
    *ret_key = (struct str){key + 1, (size_t)(p - key) - 2};
    *ret = span_at(text, skip_blank(p) + 1);
    *it = ret->pos + ret->len;
    return true;
}

bool jscan_fields(struct str text, struct jspan span, struct jfield *fields, size_t n)
{
    clear_fields(fields, n);
    size_t it = 0;
    struct str key;
    struct jspan value;
    while (jscan_member(text, span, &it, &key, &value))
        note_field(fields, n, key, (size_t)(key.ptr - text.ptr) - 1, value);
    return span.kind == J_OBJECT;
}

struct jspan jscan_get(struct str text, struct jspan span, const char *name)
{
    size_t it = 0;
    struct str key;
    struct jspan value;
    while (jscan_member(text, span, &it, &key, &value))
        if (text_is(key, name))
            return value;
    return (struct jspan){0};
}

struct str jscan_text(struct str text, struct jspan s)
{
    return str_sub(text, s.pos, s.len);
}

struct str jscan_inside(struct str text, struct jspan s)
{
    return s.kind == J_STRING ? str_sub(text, s.pos + 1, s.len - 2) : STR_NONE;
}

size_t jscan_decode(struct str text, struct jspan s, char *out)
{
    struct str inside = jscan_inside(text, s);
    const char *p = inside.ptr, *end = p + inside.len;
    char *at = out;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t len = (size_t)((escape == NULL ? end : escape) - p);
        memcpy(at, p, len);
        at += len;
        p += len;
        if (p < end)
            at += unescape(&p, at); /* never longer than its escape */
    }
    return (size_t)(at - out);
}

enum errc jscan_string(struct str text, struct jspan s, struct buf *out)
{
    if (s.kind != J_STRING)
        return ERR_SYNTAX;
    char *room = buf_room(out, jscan_inside(text, s).len);
    if (room != NULL)
        buf_grown(out, jscan_decode(text, s, room));
    return buf_err(out);
}

bool jscan_i64(struct str text, struct jspan s, int64_t min, int64_t max, int64_t *ret)
{
    int64_t v;
    if (s.kind != J_NUMBER ||
        num_decimal(jscan_text(text, s), 0, true, false, &v) != ERR_OK)
        return false;
    if (v < min || v > max)
        return false;
    *ret = v;
    return true;
}

bool jscan_is(struct str text, struct jspan span, const char *s)
{
    return span.kind == J_STRING && text_is(jscan_inside(text, span), s);
}
