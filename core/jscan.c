/*
 * jscan.c: walks over JSON text that jcheck.c has passed, and what its strings decode to.
 *
 * Builds no tree and allocates nothing. Relies on the check, and only looks for the ends of
 * values, or looks them up where the check has noted them.
 */
#include "core/jscan.h"

#include <assert.h>
#include <string.h>

#include "core/jscan_priv.h"
#include "core/num.h"

size_t jscan_plain(struct str s)
{
    return s.len == 0 ? 0 : (size_t)(skip_plain(s.ptr, s.ptr + s.len) - s.ptr);
}

/* --- escapes --- */

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

/* What an escape of one letter stands for. */
static char letter_of(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* Decodes the checked escape at *p, moves behind it, returns the number of bytes. */
static unsigned unescape(const char **p, char out[4])
{
    char c = (*p)[1];
    if (c != 'u') {
        out[0] = letter_of(c);
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

bool jscan_same(struct str a, struct str b)
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

/* s is plain: the two differ where their bytes first do, unless an escape begins there. */
static inline bool text_is(struct str inside, const char *s)
{
    size_t i = 0;
    while (i < inside.len && inside.ptr[i] == s[i])
        i++;
    if (i == inside.len)
        return s[i] == '\0';
    return inside.ptr[i] == '\\' && decodes_to(inside, s);
}

/* Eight bytes at a time; a forced collision only costs one comparison more. */
static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
    return hash ^ hash >> 32;
}

/* The rest of fewer than eight bytes, and how many there were in all. */
static inline uint64_t hash_end(uint64_t hash, const char *rest, size_t rest_len,
                                size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < rest_len; i++)
        word = word << 8 | (unsigned char)rest[i];
    return hash_word(hash_word(hash, word), len);
}

uint64_t jscan_hash_plain(struct str inside)
{
    uint64_t hash = 0, word;
    size_t at = 0;
    for (; inside.len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, inside.ptr + at, sizeof word);
        hash = hash_word(hash, word);
    }
    return hash_end(hash, inside.ptr + at, inside.len - at, inside.len);
}

uint64_t jscan_hash(struct str inside)
{
    if (!has_escape(inside))
        return jscan_hash_plain(inside);
    uint64_t hash = 0, word;
    char part[sizeof word];
    size_t len = 0;
    struct chars chars = chars_of(inside);
    for (int x; (x = chars_next(&chars)) >= 0;) {
        part[len++ % sizeof part] = (char)x;
        if (len % sizeof part == 0) {
            memcpy(&word, part, sizeof word);
            hash = hash_word(hash, word);
        }
    }
    return hash_end(hash, part, len % sizeof part, len);
}

void jscan_note(struct jfield *fields, size_t n, struct str inside, size_t key_pos,
                struct jspan value)
{
    char first = inside.len > 0 ? inside.ptr[0] : '\0';
    for (size_t i = 0; i < n; i++) { /* `fields` may be NULL then */
        struct jfield *f = &fields[i];
        if (*f->name != first && first != '\\') /* as text_is() finds; most end here */
            continue;
        if (f->value.kind == J_NONE && text_is(inside, f->name)) {
            f->value = value;
            f->key_pos = key_pos;
        }
    }
}

/* --- walking over checked text --- */

static inline const char *skip_blank(const char *p)
{
    while (is_blank(*p))
        p++;
    return p;
}

/*
 * p is at the opening quote. The closing one has an even number of backslashes before it. NULL, as
 * below, when the end is not before `end`.
 */
static const char *skip_string(const char *p, const char *end)
{
    const char *from = p + 1;
    for (p = from;; p++) {
        p = memchr(p, '"', (size_t)(end - p));
        if (p == NULL)
            return NULL;
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
            if (p == NULL)
                return NULL;
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if ((*p == '}' || *p == ']') && --depth == 0)
            return p + 1;
        p++;
    }
    return NULL;
}

static const char *skip_word(const char *p, const char *end)
{
    while (p < end && *p != ',' && *p != '}' && *p != ']' && !is_blank(*p))
        p++;
    return p;
}

/* 0: it is not in the index. */
static size_t index_end(const struct jindex *x, size_t pos)
{
    size_t from = 0, to = x->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (x->items[mid].pos == pos)
            return x->items[mid].end;
        if (x->items[mid].pos < pos)
            from = mid + 1;
        else
            to = mid;
    }
    return 0;
}

/* The value at or after p. */
static struct jspan span_at(struct str text, const struct jindex *index, const char *p)
{
    const char *end = text.ptr + text.len, *behind = NULL;
    p = skip_blank(p);
    size_t pos = (size_t)(p - text.ptr), long_end;
    enum jkind kind = kind_of(*p);
    bool is_short = kind != J_STRING && kind != J_OBJECT && kind != J_ARRAY;
    const char *(*skip)(const char *, const char *) = is_short           ? skip_word
                                                      : kind == J_STRING ? skip_string
                                                                         : skip_container;
    if (index != NULL && !is_short && end - p > JINDEX_LONG) {
        behind = skip(p, p + JINDEX_LONG);
        if (behind == NULL && (long_end = index_end(index, pos)) > 0)
            behind = text.ptr + long_end;
    }
    if (behind == NULL)
        behind = skip(p, end);
    assert(behind != NULL); /* the text was checked */
    return (struct jspan){kind, pos, (size_t)(behind - p), index};
}

struct jspan jscan_root(struct str text)
{
    struct str t = str_trim(text);
    if (t.len == 0)
        return (struct jspan){0};
    return (struct jspan){kind_of(*t.ptr), (size_t)(t.ptr - text.ptr), t.len, NULL};
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
    *ret = span_at(text, array.index, text.ptr + *it);
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
    *ret = span_at(text, object.index, skip_blank(p) + 1);
    *it = ret->pos + ret->len;
    return true;
}

static void clear_fields(struct jfield *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fields[i].value = (struct jspan){0};
        fields[i].key_pos = 0;
    }
}

bool jscan_fields(struct str text, struct jspan span, struct jfield *fields, size_t n)
{
    clear_fields(fields, n);
    size_t it = 0;
    struct str key;
    struct jspan value;
    while (jscan_member(text, span, &it, &key, &value))
        jscan_note(fields, n, key, (size_t)(key.ptr - text.ptr) - 1, value);
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

/*
 * Copies up to the next escape, eight bytes at a time: it may write so many behind what it copies,
 * where there is room since *at never overtakes *p. Stops for good only at an escape or the end.
 */
static void copy_unescaped(const char **p, const char *end, char **at)
{
    const uint64_t ones = UINT64_MAX / 255;
    while (end - *p >= 8) {
        uint64_t x;
        memcpy(&x, *p, sizeof x);
        memcpy(*at, &x, sizeof x);
        uint64_t v = le64toh(x) ^ ones * '\\';
        uint64_t hits = (v - ones) & ~v & ones * 0x80;
        ptrdiff_t len = hits != 0 ? __builtin_ctzll(hits) / 8 : 8;
        *p += len;
        *at += len;
        if (hits != 0)
            return;
    }
    while (*p < end && **p != '\\')
        *(*at)++ = *(*p)++;
}

size_t jscan_decode(struct str text, struct jspan s, char *out)
{
    struct str inside = jscan_inside(text, s);
    const char *p = inside.ptr, *end = p + inside.len;
    char *at = out;
    while (p < end) {
        copy_unescaped(&p, end, &at);
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
