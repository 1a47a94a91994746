/*
 * jscan_priv.h: what the two halves of the scanner share: jcheck.c, which trusts no byte, and
 * jscan.c, which walks over text that was checked. Nobody else includes it.
 */
#ifndef CORE_JSCAN_PRIV_H
#define CORE_JSCAN_PRIV_H

#include <endian.h>
#include <string.h>

#include "core/jscan.h"

/* ---- bytes ---- */

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of a \u escape at p, which are all there, or -1. */
static inline int hex4(const char *p)
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

static inline bool is_high_surrogate(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static inline bool is_low_surrogate(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/*
 * Eight bytes at a time: a byte's top bit comes out set when the byte is a control character,
 * a quote, a backslash or not ASCII. A borrow can only spoil bytes above a real hit, so the
 * lowest one is exact.
 */
static inline uint64_t special_bytes(uint64_t x)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t control = x - ones * 0x20;
    uint64_t quote = (x ^ ones * '"') - ones;
    uint64_t backslash = (x ^ ones * '\\') - ones;
    return (x | control | quote | backslash) & ones * 0x80;
}

/* Of sixteen bytes, is any not plain? As signed numbers, those outside ASCII are below a space. */
typedef signed char sixteen __attribute__((vector_size(16)));

static inline bool has_special(const char *p)
{
    const sixteen all_quotes = (sixteen){0} + '"', all_backslashes = (sixteen){0} + '\\';
    sixteen x;
    uint64_t halves[2];
    memcpy(&x, p, sizeof x);
    sixteen hits = (x < (sixteen){0} + ' ') | (x == all_quotes) | (x == all_backslashes);
    memcpy(halves, &hits, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

static inline bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* The first special byte of the eight at p, or the byte behind them. */
static inline const char *skip_eight(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    uint64_t hits = special_bytes(le64toh(x));
    return hits != 0 ? p + __builtin_ctzll(hits) / 8 : p + 8;
}

/* Most strings are keys and names of less than eight. */
static inline const char *skip_plain(const char *p, const char *end)
{
    while (end - p >= 8) {
        const char *from = p;
        p = skip_eight(p);
        if (p < from + 8)
            return p;
        while (end - p >= 16 && !has_special(p))
            p += 16;
    }
    while (p < end && is_plain(*p))
        p++;
    return p;
}

/* The kind a value's first byte announces; any byte that starts no other is for a number. */
static inline enum jkind kind_of(char first)
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

/* ---- keys, by what they decode to; `inside` is raw and checked ---- */

uint64_t jscan_hash(struct str inside);
uint64_t jscan_hash_plain(struct str inside); /* the same, without escapes */
bool jscan_same(struct str a, struct str b);
/* Fills those of fields[] that have this key and no value yet. */
void jscan_note(struct jfield *fields, size_t n, struct str inside, size_t key_pos,
                struct jspan value);

/* ---- where long values end ---- */

/* Shorter ones are stepped over faster than they are looked up. */
enum { JINDEX_LONG = 1024 };

struct jindex {
    struct jplace {
        size_t pos, end;
    } * items; /* owned by the check; by pos */
    size_t n, cap;
};

#endif
