/* base64.c: see base64.h. */
#include "core/base64.h"

void base64_add(struct buf *out, struct str bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (bytes.len + 2) / 3 * 4;
    char *to = buf_room(out, len);
    if (to == NULL)
        return;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = MIN(bytes.len - i, (size_t)3);
        unsigned v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (unsigned char)bytes.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            *to++ = k > n ? '=' : letters[v >> (18 - 6 * k) & 63];
    }
    buf_grown(out, len);
}

/* 64: none of the letters. */
static unsigned value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool base64_read(struct str text, struct buf *out)
{
    size_t len = text.len, n = 0;
    unsigned v = 0;
    if (len % 4 != 0)
        return false;
    for (int pad = 0; pad < 2 && len > 0 && text.ptr[len - 1] == '='; pad++)
        len--;
    for (size_t i = 0; i < len; i++)
        if (value_of(text.ptr[i]) > 63)
            return false;
    char *to = buf_room(out, len / 4 * 3 + 3);
    if (to == NULL)
        return true;
    for (size_t i = 0; i < len; i++) {
        v = v << 6 | value_of(text.ptr[i]);
        if (i % 4 != 0) /* the bits of the letters before: 6, 4, 2 */
            to[n++] = (char)(v >> (6 - 2 * (i % 4)) & 255);
    }
    buf_grown(out, n);
    return true;
}
