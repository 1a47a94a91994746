/*
 * str.h: borrowed slices of text, and scanning over them without copying.
 *
 * A struct str points into memory that somebody else owns; it is not NUL-terminated.
 */
#ifndef CORE_STR_H
#define CORE_STR_H

#include <string.h>

#include "core/base.h"

struct str {
    const char *ptr; /* borrowed; may be NULL when len is 0 */
    size_t len;      /* bytes */
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

/* The smallest ones are inline: a request calls them some 500 times, mostly with literals. */

/* The slice over a C string; NULL gives the empty slice. */
static inline struct str str_of(const char *s)
{
    return s ? (struct str){s, strlen(s)} : STR_NONE;
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_eqz(struct str a, const char *b)
{
    if (a.len == 0 || b == NULL)
        return a.len == 0 && (b == NULL || b[0] == '\0');
    if (a.ptr[0] != b[0]) /* most look-ups in tables end here */
        return false;
    return str_eq(a, str_of(b));
}

/* ASCII case ignored. */
bool str_ieq(struct str a, struct str b);

static inline bool str_ieqz(struct str a, const char *b)
{
    if (a.len > 0 && b != NULL && ((a.ptr[0] ^ b[0]) & ~0x20) != 0)
        return false; /* not even the same letter to begin with */
    struct str text = str_of(b);
    return a.len == text.len && str_ieq(a, text);
}

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* memcmp order, shorter first; for qsort and tests. */
int str_cmp(struct str a, struct str b);
/* Without spaces and tabs (and CR, LF) at both ends. */
struct str str_trim(struct str s);

/* From byte `from` on, at most `len` bytes; clamped to s. */
static inline struct str str_sub(struct str s, size_t from, size_t len)
{
    if (from >= s.len)
        return (struct str){s.ptr ? s.ptr + s.len : NULL, 0};
    return (struct str){s.ptr + from, MIN(len, s.len - from)};
}

/* Offset of the first c, or s.len. */
size_t str_find(struct str s, char c);
/* A byte below 0x20, or DEL: no name that is shown, sent in a header or kept as a line has one. */
bool str_has_control(struct str s);
/* Offset of the first occurrence of needle, or s.len. */
size_t str_search(struct str s, struct str needle);
bool str_contains(struct str s, struct str needle);
/* The same, ASCII case ignored; needle in lower case. */
bool str_icontains(struct str s, struct str needle);
/*
 * Takes the part of *rest up to `sep` into *ret and moves *rest behind it.
 * False when *rest is used up: for (rest = s; str_split(&rest, ',', &part);) …
 */
bool str_split(struct str *rest, char sep, struct str *ret);
/*
 * Stars in place of every occurrence of the secret, and of a beginning of it at the text's end,
 * where it may have been cut. For texts from outside that may quote what was sent.
 */
void str_hide(char *text, struct str secret);
/* Is every byte part of well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool str_is_utf8(struct str s);
/* Bytes of the well-formed code point at the start of s; 0 when there is none. */
size_t str_utf8_len(struct str s);
/* Longest prefix of at most max bytes that ends between code points. */
size_t str_utf8_prefix(struct str s, size_t max);
/* Into size bytes, NUL included, cut between code points. Returns the length without the NUL. */
size_t str_copy(char *out, size_t size, struct str s);
/*
 * Edit distance, for "did you mean": letters changed, left out, put in, or two neighbours swapped.
 * Both sides are cut to 64 bytes.
 */
unsigned str_distance(struct str a, struct str b);

#endif
