/*
 * jcheck.c: a strict JSON checker that takes a document in pieces.
 *
 * Owns the grammar. The state is what comes next (enum place), with a stack of what is open; no
 * byte is looked at twice, but for a few of a token that a piece has cut. What is wrong stays
 * wrong. Trusts no byte.
 */
#include <assert.h>

#include "core/jscan.h"
#include "core/jscan_priv.h"
#include "core/mem.h"

/* What may come next. */
enum place {
    VALUE,
    FIRST_ELEMENT, /* or ] */
    KEY,
    FIRST_KEY, /* or } */
    COLON,
    AFTER_VALUE, /* a comma, or the end of what is open */
    IN_STRING,
    IN_KEY,
    IN_NUMBER,
    END,
};

/* How much of a number is there. */
enum number {
    SIGN,
    ZERO,
    INTEGER,
    POINT,
    FRACTION,
    EXPONENT,
    EXPONENT_SIGN,
    EXPONENT_DIGITS
};

enum {
    /* entries of an index: with 1 KiB for each, twice the longest body */
    INDEX_MAX = 128 * 1024,
};
#define NO_ENTRY UINT32_MAX

/* An object or an array that is not at its end. */
struct open {
    size_t pos;
    uint32_t entry; /* in the index */
    bool is_array;
};

/* One of the outermost object's. Keys are few, so a search over their hashes is fast enough. */
struct member {
    uint64_t hash;
    size_t key_pos, key_len; /* quotes included */
    struct jspan value;
};

struct jcheck {
    enum errc rc;
    const char *what; /* is wrong, at pos */
    size_t pos;       /* everything before it was looked at */
    enum place place;
    enum number number;
    size_t value_pos; /* of the string or number, or of the key */
    uint32_t entry;   /* of the string */
    unsigned depth;
    bool wants_members, has_index;
    struct jspan root;
    struct jindex index;
    size_t n_members;
    struct open open[LIMIT_JSON_DEPTH];
    struct member members[LIMIT_JSON_KEYS];
};

/* The check and the bytes that are there. */
struct cursor {
    struct jcheck *c;
    const char *base, *p, *end;
    bool is_all;
};

static enum errc fail(struct cursor *k, const char *what)
{
    k->c->what = what;
    return ERR_SYNTAX;
}

/* The bytes end here: so far, or for good. */
static enum errc need_more(struct cursor *k, const char *what)
{
    return k->is_all ? fail(k, what) : ERR_AGAIN;
}

static inline size_t pos_of(const struct cursor *k, const char *p)
{
    return (size_t)(p - k->base);
}

static bool skip_blanks(struct cursor *k)
{
    while (k->p < k->end && is_blank(*k->p))
        k->p++;
    return k->p == k->end;
}

/* Behind blanks, which most texts do not have. */
static inline bool at_end(struct cursor *k)
{
    return k->p < k->end && (unsigned char)*k->p > ' ' ? false : skip_blanks(k);
}

/* ---- where long values end ---- */

/* Values begin in the order of their places: an entry is made before those inside it. */
static uint32_t index_add(struct jcheck *c, size_t pos)
{
    struct jindex *x = &c->index;
    if (x->n == INDEX_MAX)
        return NO_ENTRY;
    if (x->n == x->cap) {
        size_t cap = MAX(2 * x->cap, (size_t)256);
        struct jplace *items = mem_resize(x->items, cap, sizeof *items);
        if (items == NULL)
            return NO_ENTRY; /* walks take longer, and find the same */
        x->items = items;
        x->cap = cap;
    }
    x->items[x->n] = (struct jplace){pos, 0};
    return (uint32_t)x->n++;
}

static inline uint32_t index_begin(struct jcheck *c, size_t pos)
{
    return c->has_index ? index_add(c, pos) : NO_ENTRY;
}

/* A short one goes; it is the last, since what is inside it is shorter still. */
static inline void index_end(struct jcheck *c, uint32_t entry, size_t end)
{
    if (entry == NO_ENTRY)
        return;
    struct jplace *place = &c->index.items[entry];
    place->end = end;
    if (end - place->pos < JINDEX_LONG)
        c->index.n = entry;
}

/* ---- strings ---- */

static enum errc check_unicode_escape(struct cursor *k, bool is_key)
{
    size_t left = (size_t)(k->end - k->p);
    int unit = left >= 6 ? hex4(k->p + 2) : -1;
    if (left < 6 && !k->is_all)
        return ERR_AGAIN;
    if (unit < 0)
        return fail(k, "\\u needs four hexadecimal digits");
    /* json-c would end the key here and see another one than the provider does */
    if (unit == 0 && is_key)
        return fail(k, "NUL in a key");
    if (is_low_surrogate(unit))
        return fail(k, "lone surrogate");
    if (!is_high_surrogate(unit)) {
        k->p += 6;
        return ERR_OK;
    }
    if (left < 12 && !k->is_all)
        return ERR_AGAIN;
    if (left < 12 || k->p[6] != '\\' || k->p[7] != 'u' ||
        !is_low_surrogate(hex4(k->p + 8)))
        return fail(k, "lone surrogate");
    k->p += 12;
    return ERR_OK;
}

static enum errc check_escape(struct cursor *k, bool is_key)
{
    if (k->end - k->p < 2)
        return need_more(k, "string without end");
    switch (k->p[1]) {
    case 'u':
        return check_unicode_escape(k, is_key);
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        k->p += 2;
        return ERR_OK;
    default:
        return fail(k, "unknown escape");
    }
}

/* Bytes that the piece has cut off the character at their end; 0 to 3. */
static size_t cut_len(const char *from, const char *end)
{
    for (size_t n = 1; n <= 3 && n <= (size_t)(end - from); n++) {
        unsigned char c = (unsigned char)end[-(ptrdiff_t)n];
        if (c >= 0xC0)
            return n < (c >= 0xF0 ? 4U : c >= 0xE0 ? 3U : 2U) ? n : 0;
    }
    return 0;
}

/* A run of bytes outside ASCII stands or falls as a whole. */
static enum errc check_utf8(struct cursor *k)
{
    const char *from = k->p, *p = from;
    while (p < k->end && (unsigned char)*p >= 0x80)
        p++;
    if (p == k->end && !k->is_all)
        p -= cut_len(from, p);
    if (!str_is_utf8((struct str){from, (size_t)(p - from)}))
        return fail(k, "invalid UTF-8");
    k->p = p;
    return p == from ? ERR_AGAIN : ERR_OK;
}

/* From a string's first quote behind its end, if it is as plain as most; else as far as it is. */
static inline bool step_over_string(struct cursor *k)
{
    k->p = skip_plain(k->p + 1, k->end);
    if (k->p == k->end || *k->p != '"')
        return false;
    k->p++;
    return true;
}

/* From anywhere inside a string to behind its end. */
static enum errc check_string(struct cursor *k, bool is_key)
{
    for (;;) {
        enum errc rc;
        const char *p = skip_plain(k->p, k->end);
        k->p = p;
        if (p == k->end)
            return need_more(k, "string without end");
        if (*p == '"') {
            k->p = p + 1;
            return ERR_OK;
        }
        if (*p == '\\')
            rc = check_escape(k, is_key);
        else if ((unsigned char)*p >= 0x80)
            rc = check_utf8(k);
        else
            rc = fail(k, "control character in a string");
        if (rc != ERR_OK)
            return rc;
    }
}

/* ---- numbers and words ---- */

/* What the byte makes of the number; false: it is behind its end, or wrong. */
static bool number_goes_on(enum number *n, char c)
{
    bool digit = is_digit(c), is_e = c == 'e' || c == 'E';
    switch (*n) {
    case SIGN:
        *n = c == '0' ? ZERO : INTEGER;
        return digit;
    case ZERO:
    case INTEGER:
        if (digit && *n == INTEGER)
            return true;
        if (c != '.' && !is_e)
            return false;
        *n = c == '.' ? POINT : EXPONENT;
        return true;
    case POINT:
        *n = digit ? FRACTION : POINT;
        return digit;
    case FRACTION:
        if (is_e)
            *n = EXPONENT;
        return digit || is_e;
    case EXPONENT:
        if (c == '+' || c == '-')
            *n = EXPONENT_SIGN;
        else if (digit)
            *n = EXPONENT_DIGITS;
        return *n != EXPONENT;
    case EXPONENT_SIGN:
        *n = digit ? EXPONENT_DIGITS : EXPONENT_SIGN;
        return digit;
    case EXPONENT_DIGITS:
        return digit;
    }
    return false;
}

static enum errc check_number(struct cursor *k)
{
    struct jcheck *c = k->c;
    for (; k->p < k->end; k->p++) {
        enum number next = c->number;
        if (!number_goes_on(&next, *k->p))
            break;
        c->number = next;
    }
    if (k->p == k->end && !k->is_all)
        return ERR_AGAIN;
    switch (c->number) {
    case SIGN:
        return fail(k, "expected a digit");
    case POINT:
        return fail(k, "expected a digit after the point");
    case EXPONENT:
    case EXPONENT_SIGN:
        return fail(k, "expected a digit in the exponent");
    case ZERO:
        if (k->p < k->end && is_digit(*k->p))
            return fail(k, "number with a leading zero");
        break;
    case INTEGER:
    case FRACTION:
    case EXPONENT_DIGITS:
        break;
    }
    return ERR_OK;
}

static enum errc check_word(struct cursor *k, struct str word)
{
    size_t len = MIN((size_t)(k->end - k->p), word.len);
    if (memcmp(k->p, word.ptr, len) != 0)
        return fail(k, "expected a value");
    if (len < word.len)
        return need_more(k, "expected a value");
    k->p += word.len;
    return ERR_OK;
}

/* ---- values ---- */

static void note_value(struct cursor *k, enum jkind kind, size_t pos)
{
    struct jcheck *c = k->c;
    struct jspan v = {kind, pos, pos_of(k, k->p) - pos, c->has_index ? &c->index : NULL};
    if (c->depth == 0) {
        c->root = v;
        c->place = END;
    } else if (c->wants_members && !c->open[0].is_array) {
        c->members[c->n_members - 1].value = v;
    }
}

static inline enum errc value_ended(struct cursor *k, enum jkind kind, size_t pos)
{
    k->c->place = AFTER_VALUE;
    if (k->c->depth <= 1)
        note_value(k, kind, pos);
    return ERR_OK;
}

static enum errc string_ended(struct cursor *k)
{
    index_end(k->c, k->c->entry, pos_of(k, k->p));
    return value_ended(k, J_STRING, k->c->value_pos);
}

static enum errc open_container(struct cursor *k, bool is_array)
{
    struct jcheck *c = k->c;
    if (c->depth == LIMIT_JSON_DEPTH)
        return fail(k, "nested too deeply");
    size_t pos = pos_of(k, k->p++);
    c->open[c->depth++] = (struct open){pos, index_begin(c, pos), is_array};
    c->place = is_array ? FIRST_ELEMENT : FIRST_KEY;
    return ERR_OK;
}

static enum errc close_container(struct cursor *k)
{
    struct jcheck *c = k->c;
    const struct open o = c->open[--c->depth];
    k->p++;
    index_end(c, o.entry, pos_of(k, k->p));
    return value_ended(k, o.is_array ? J_ARRAY : J_OBJECT, o.pos);
}

static enum errc begin_string(struct cursor *k)
{
    struct jcheck *c = k->c;
    c->value_pos = pos_of(k, k->p);
    c->entry = index_begin(c, c->value_pos);
    if (step_over_string(k))
        return string_ended(k);
    c->place = IN_STRING;
    enum errc rc = check_string(k, false);
    return rc == ERR_OK ? string_ended(k) : rc;
}

static enum errc begin_number(struct cursor *k)
{
    struct jcheck *c = k->c;
    c->value_pos = pos_of(k, k->p);
    c->number = SIGN;
    c->place = IN_NUMBER;
    if (*k->p == '-') {
        k->p++;
    } else if (is_digit(*k->p) && *k->p != '0') {
        c->number = INTEGER; /* most have digits only */
        while (k->p < k->end && is_digit(*k->p))
            k->p++;
    }
    enum errc rc = check_number(k);
    return rc == ERR_OK ? value_ended(k, J_NUMBER, c->value_pos) : rc;
}

static enum errc begin_word(struct cursor *k, enum jkind kind, struct str word)
{
    size_t pos = pos_of(k, k->p);
    enum errc rc = check_word(k, word);
    return rc == ERR_OK ? value_ended(k, kind, pos) : rc;
}

static enum errc check_value(struct cursor *k)
{
    if (at_end(k))
        return need_more(k, "expected a value");
    if (k->c->place == FIRST_ELEMENT && *k->p == ']')
        return close_container(k);
    enum jkind kind = kind_of(*k->p);
    switch (kind) {
    case J_OBJECT:
    case J_ARRAY:
        return open_container(k, kind == J_ARRAY);
    case J_STRING:
        return begin_string(k);
    case J_TRUE:
        return begin_word(k, kind, STR("true"));
    case J_FALSE:
        return begin_word(k, kind, STR("false"));
    case J_NULL:
        return begin_word(k, kind, STR("null"));
    case J_NUMBER:
    case J_NONE:
        break;
    }
    return begin_number(k);
}

/* ---- members ---- */

static struct str inside_of(const char *base, const struct member *m)
{
    return (struct str){base + m->key_pos + 1, m->key_len - 2};
}

static bool is_known(const struct cursor *k, uint64_t hash, struct str inside)
{
    const struct jcheck *c = k->c;
    for (const struct member *m = c->members; m < c->members + c->n_members; m++)
        if (m->hash == hash && jscan_same(inside_of(k->base, m), inside))
            return true;
    return false;
}

static enum errc note_member(struct cursor *k, bool is_plain)
{
    struct jcheck *c = k->c;
    size_t len = pos_of(k, k->p) - c->value_pos;
    struct str inside = {k->base + c->value_pos + 1, len - 2};
    uint64_t hash = is_plain ? jscan_hash_plain(inside) : jscan_hash(inside);
    if (is_known(k, hash, inside))
        return fail(k, "duplicate key");
    if (c->n_members == LIMIT_JSON_KEYS)
        return fail(k, "too many keys");
    struct member *m = &c->members[c->n_members++];
    m->hash = hash;
    m->key_pos = c->value_pos;
    m->key_len = len;
    return ERR_OK;
}

static enum errc check_colon(struct cursor *k)
{
    k->c->place = COLON;
    if (at_end(k))
        return need_more(k, "expected :");
    if (*k->p != ':')
        return fail(k, "expected :");
    k->p++;
    k->c->place = VALUE;
    return check_value(k);
}

static inline enum errc key_ended(struct cursor *k, bool is_plain)
{
    enum errc rc = ERR_OK;
    if (k->c->depth == 1 && k->c->wants_members)
        rc = note_member(k, is_plain);
    return rc == ERR_OK ? check_colon(k) : rc;
}

static enum errc check_rest_of_key(struct cursor *k)
{
    enum errc rc = check_string(k, true);
    return rc == ERR_OK ? key_ended(k, false) : rc;
}

static enum errc check_key(struct cursor *k)
{
    if (at_end(k))
        return need_more(k, "expected a key");
    if (k->c->place == FIRST_KEY && *k->p == '}')
        return close_container(k);
    if (*k->p != '"')
        return fail(k, "expected a key");
    k->c->value_pos = pos_of(k, k->p);
    if (step_over_string(k))
        return key_ended(k, true);
    k->c->place = IN_KEY;
    return check_rest_of_key(k);
}

static enum errc check_after(struct cursor *k)
{
    bool is_array = k->c->open[k->c->depth - 1].is_array;
    const char *what = is_array ? "expected , or ]" : "expected , or }";
    if (at_end(k))
        return need_more(k, what);
    if (*k->p == (is_array ? ']' : '}'))
        return close_container(k);
    if (*k->p != ',')
        return fail(k, what);
    k->p++;
    k->c->place = is_array ? VALUE : KEY;
    return is_array ? check_value(k) : check_key(k);
}

/* ---- the document ---- */

/* A step: to the end of a value, or into one. ERR_OK: there may be another. */
static enum errc check_next(struct cursor *k)
{
    enum errc rc;
    if (k->c->place == AFTER_VALUE) /* the one that comes most */
        return check_after(k);
    switch (k->c->place) {
    case VALUE:
    case FIRST_ELEMENT:
        return check_value(k);
    case KEY:
    case FIRST_KEY:
        return check_key(k);
    case COLON:
        return check_colon(k);
    case IN_STRING:
        rc = check_string(k, false);
        return rc == ERR_OK ? string_ended(k) : rc;
    case IN_KEY:
        return check_rest_of_key(k);
    case IN_NUMBER:
        rc = check_number(k);
        return rc == ERR_OK ? value_ended(k, J_NUMBER, k->c->value_pos) : rc;
    case END:
        if (at_end(k))
            return ERR_AGAIN;
        return fail(k, "text after the value");
    case AFTER_VALUE:
        break;
    }
    return ERR_OK;
}

void jcheck_feed(struct jcheck *c, struct str text, bool is_all)
{
    if (c->rc != ERR_AGAIN)
        return;
    struct cursor k = {c, text.ptr, text.ptr + c->pos, text.ptr + text.len, is_all};
    enum errc rc;
    do
        rc = check_next(&k);
    while (rc == ERR_OK);
    c->pos = pos_of(&k, k.p);
    c->rc = rc == ERR_AGAIN && is_all ? ERR_OK : rc; /* only END asks for more then */
}

static void init(struct jcheck *c, bool wants_members, bool has_index)
{
    c->rc = ERR_AGAIN;
    c->what = NULL;
    c->pos = 0;
    c->place = VALUE;
    c->depth = 0;
    c->n_members = 0;
    c->wants_members = wants_members;
    c->has_index = has_index;
    c->index = (struct jindex){0};
}

struct jcheck *jcheck_new(bool has_fields)
{
    struct jcheck *c = mem_alloc(1, sizeof *c);
    if (c != NULL)
        init(c, has_fields, true);
    return c;
}

void jcheck_free(struct jcheck **cp)
{
    struct jcheck *c = *cp;
    if (c == NULL)
        return;
    *cp = NULL;
    mem_free(c->index.items);
    mem_free(c);
}

enum errc jcheck_result(const struct jcheck *c, struct err *e)
{
    assert(c->rc != ERR_AGAIN);
    if (c->rc == ERR_OK)
        return ERR_OK;
    return err_set(e, ERR_SYNTAX, "JSON, byte %zu: %s", c->pos, c->what);
}

enum errc jcheck_fields(const struct jcheck *c, struct str text, struct jfield *fields,
                        size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        fields[i].value = (struct jspan){0};
        fields[i].key_pos = 0;
    }
    enum errc rc = jcheck_result(c, e);
    if (rc == ERR_OK && c->root.kind != J_OBJECT)
        rc = err_set(e, ERR_SYNTAX, "JSON, byte %zu: expected an object", c->root.pos);
    for (size_t i = 0; rc == ERR_OK && i < c->n_members; i++) {
        const struct member *m = &c->members[i];
        jscan_note(fields, n, inside_of(text.ptr, m), m->key_pos, m->value);
    }
    return rc;
}

struct jspan jcheck_root(const struct jcheck *c)
{
    return c->root;
}

enum errc jscan_check(struct str text, struct err *e)
{
    struct jcheck c;
    init(&c, false, false);
    jcheck_feed(&c, text.len > 0 ? text : STR(""), true);
    return jcheck_result(&c, e);
}

enum errc jscan_object(struct str text, struct jfield *fields, size_t n, struct err *e)
{
    struct jcheck c;
    init(&c, true, false);
    jcheck_feed(&c, text.len > 0 ? text : STR(""), true);
    return jcheck_fields(&c, text, fields, n, e);
}
