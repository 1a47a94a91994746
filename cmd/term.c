/* term.c: see term.h. Source: ECMA-48 (1991) for sequences; Unicode 15 UAX #9 for marks. */
#include "cmd/term.h"

enum {
    STRING_MAX = 1024
}; /* bytes; a string without an end must not swallow the answer */

/* C1 controls come as U+0080 to U+009F, which is C2 80 to C2 9F. */
static bool is_c1(struct str cp)
{
    return cp.len == 2 && cp.ptr[0] == '\xC2' && (unsigned char)cp.ptr[1] < 0xA0;
}

/* U+202A to U+202E and U+2066 to U+2069: overrides, embeddings, isolates. */
static bool is_reordering(struct str cp)
{
    if (cp.len != 3 || cp.ptr[0] != '\xE2')
        return false;
    unsigned char b = (unsigned char)cp.ptr[1], c = (unsigned char)cp.ptr[2];
    return (b == 0x80 && c >= 0xAA && c <= 0xAE) || (b == 0x81 && c >= 0xA6 && c <= 0xA9);
}

bool term_is_printable(struct str cp)
{
    unsigned char c = (unsigned char)cp.ptr[0];
    if (cp.len == 1)
        return c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7F);
    return !is_c1(cp) && !is_reordering(cp);
}

bool term_is_line(struct str s)
{
    while (s.len > 0) {
        size_t len = str_utf8_len(s);
        if (len == 0 || s.ptr[0] == '\n' || s.ptr[0] == '\t' ||
            !term_is_printable(str_sub(s, 0, len)))
            return false;
        s = str_sub(s, len, s.len);
    }
    return true;
}

/* What a control begins: ESC itself, or the C1 form of ESC and a letter. */
static void begin(struct term_filter *f, unsigned char final)
{
    f->state = TERM_TEXT;
    f->string_len = 0;
    if (final == '[')
        f->state = TERM_CONTROL;
    else if (final == ']' || final == 'P' || final == 'X' || final == '^' || final == '_')
        f->state = TERM_STRING;
}

/* Inside a sequence. True when the code point belongs to it; false shows it as text. */
static bool swallows(struct term_filter *f, struct str cp)
{
    unsigned char c = cp.len == 1 ? (unsigned char)cp.ptr[0] : 0;
    switch (f->state) {
    case TERM_TEXT:
        return false;
    case TERM_ESCAPE:
        if (c >= 0x20 &&
            c < 0x30) /* an intermediate byte, as in a choice of character set */
            return true;
        f->state = TERM_TEXT;
        if (c < 0x30 || c >= 0x7F)
            return false;
        begin(f, c);
        return true;
    case TERM_CONTROL:
        if (c < 0x20 || c >= 0x7F) {
            f->state = TERM_TEXT;
            return false;
        }
        if (c >= 0x40)
            f->state = TERM_TEXT;
        return true;
    case TERM_STRING:
    case TERM_STRING_ESCAPE:
        if (f->state == TERM_STRING_ESCAPE && c == '\\')
            f->state = TERM_TEXT;
        else if (c == '\n' || ++f->string_len > STRING_MAX) {
            f->state = TERM_TEXT;
            return false;
        } else
            f->state = c == 0x07 || (is_c1(cp) && cp.ptr[1] == '\x9C') ? TERM_TEXT
                       : c == 0x1B ? TERM_STRING_ESCAPE
                                   : TERM_STRING;
        return true;
    }
    return false;
}

void term_filter(struct term_filter *f, struct str text, struct buf *out)
{
    while (text.len > 0) {
        size_t len = str_utf8_len(text);
        struct str cp = str_sub(text, 0, len > 0 ? len : 1);
        text = str_sub(text, cp.len, text.len);
        if (swallows(f, cp))
            continue;
        if (len == 0)
            buf_addz(out, "\xEF\xBF\xBD"); /* U+FFFD */
        else if (cp.ptr[0] == '\x1B')
            f->state = TERM_ESCAPE;
        else if (is_c1(cp))
            begin(f, (unsigned char)cp.ptr[1] - 0x40);
        else if (term_is_printable(cp))
            buf_adds(out, cp);
    }
}
