/* str.c: see str.h. */
#include "core/str.h"

#include <string.h>
#include <strings.h>

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

bool str_ieq(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower((unsigned char)a.ptr[i]) != lower((unsigned char)b.ptr[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           str_eq(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

int str_cmp(struct str a, struct str b)
{
    size_t n = MIN(a.len, b.len);
    int d = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (d != 0)
        return d;
    return a.len < b.len ? -1 : a.len > b.len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

size_t str_find(struct str s, char c)
{
    const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : s.len;
}

bool str_has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F)
            return true;
    return false;
}

size_t str_search(struct str s, struct str needle)
{
    if (needle.len == 0)
        return 0;
    const char *hit = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : s.len;
}

bool str_contains(struct str s, struct str needle)
{
    return needle.len == 0 || str_search(s, needle) < s.len;
}

bool str_icontains(struct str s, struct str needle)
{
    for (size_t i = 0; i + needle.len <= s.len; i++)
        if (str_ieq((struct str){s.ptr + i, needle.len}, needle))
            return true;
    return false;
}

bool str_split(struct str *rest, char sep, struct str *ret)
{
    if (rest->ptr == NULL)
        return false;
    size_t at = str_find(*rest, sep);
    *ret = str_sub(*rest, 0, at);
    *rest = at < rest->len ? str_sub(*rest, at + 1, rest->len) : STR_NONE;
    return true;
}

/*
 * Length of the well-formed sequence at p, 0 if there is none.
 * Source: RFC 3629 section 4, the table of UTF8-1 to UTF8-4.
 */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xC2 && c <= 0xDF   ? 2
               : c >= 0xE0 && c <= 0xEF ? 3
               : c >= 0xF0 && c <= 0xF4 ? 4
                                        : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) ||
        (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F))
        return 0;
    return n;
}

/* Length of the ASCII text that the slice begins with, but for up to 7 bytes; by words. */
static size_t ascii_len(const unsigned char *p, size_t len)
{
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, p + i, sizeof word);
        if (word & UINT64_MAX / 255 * 0x80)
            break;
    }
    return i;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t i = 0; i < s.len;) {
        i += ascii_len(p + i, s.len - i);
        if (i == s.len)
            break;
        size_t n = utf8_len(p + i, s.len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t str_utf8_len(struct str s)
{
    return s.len == 0 ? 0 : utf8_len((const unsigned char *)s.ptr, s.len);
}

size_t str_utf8_prefix(struct str s, size_t max)
{
    if (max >= s.len)
        return s.len;
    size_t n = max;
    while (n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80)
        n--;
    return n;
}

size_t str_copy(char *out, size_t size, struct str s)
{
    size_t len = s.len < size ? s.len : str_utf8_prefix(s, size - 1);
    if (len > 0)
        memcpy(out, s.ptr, len);
    out[len] = '\0';
    return len;
}

void str_hide(char *text, struct str secret)
{
    enum { BEGINNING = 8 }; /* bytes; fewer of them could be anything */
    size_t len = strlen(text);
    if (secret.len == 0)
        return;
    for (size_t at = 0; at < len; at += secret.len) {
        at += str_search(str_sub(str_of(text), at, len), secret);
        if (at < len)
            memset(text + at, '*', secret.len);
    }
    for (size_t n = MIN(secret.len - 1, len); n >= BEGINNING; n--)
        if (str_ends(str_of(text), str_sub(secret, 0, n)))
            memset(text + len - n, '*', n);
}

unsigned str_distance(struct str a, struct str b)
{
    enum { MOST = 64 };
    unsigned rows[3][MOST + 1]; /* of the last three letters of a */
    a = str_sub(a, 0, MOST);
    b = str_sub(b, 0, MOST);
    for (unsigned j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned same = a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1;
            row[j] = MIN(above[j - 1] + same, MIN(row[j - 1], above[j]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
                a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = MIN(row[j], above2[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}
