/*
 * vector.c: embeddings as text.
 *
 * Floats are what is asked for here, and nothing else in llmgw is reckoned with them. strtof
 * rounds correctly, and nobody sets LC_NUMERIC: a point is a point.
 */
#include "core/vector.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/mem.h"

/*
 * Most numbers at a fifth of strtof's price. The digits and the power of ten are exact as doubles,
 * so that their quotient is the double that is nearest; and its own nearest float is that of the
 * number, unless it lies just between two floats, or the float has fewer bits than others.
 * Source: W. D. Clinger, How to read floating point numbers accurately (1990).
 */
static bool read_short(const char *s, float *ret)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const uint64_t cut = ((uint64_t)1 << (DBL_MANT_DIG - FLT_MANT_DIG)) - 1;
    uint64_t digits = 0, bits;
    size_t n = 0, n_behind = 0;
    bool minus = *s == '-', is_behind = false;
    for (s += minus; *s != '\0'; s++) {
        if (*s == '.' && !is_behind) {
            is_behind = true;
            continue;
        }
        if (*s < '0' || *s > '9' || ++n > 18)
            return false;
        digits = digits * 10 + (uint64_t)(*s - '0');
        n_behind += is_behind;
    }
    if (FLT_EVAL_METHOD != 0 || digits >> DBL_MANT_DIG != 0)
        return false;
    double d = (double)digits / tens[n_behind];
    memcpy(&bits, &d, sizeof bits);
    if ((bits & cut) == cut / 2 + 1 || (digits != 0 && d < (double)FLT_MIN))
        return false;
    *ret = (float)(minus ? -d : d);
    return true;
}

static bool read_text(const char *text, size_t len, uint32_t *ret)
{
    char *end;
    float nearest;
    if (text[strspn(text, "0123456789+-.eE")] != '\0')
        return false;
    if (!read_short(text, &nearest)) {
        nearest = strtof(text, &end);
        if (end != text + len)
            return false;
    }
    memcpy(ret, &nearest, sizeof *ret);
    return true;
}

bool vector_bits(struct str s, uint32_t *ret)
{
    char text[128]; /* providers write a dozen characters */
    size_t first = s.len > 0 && s.ptr[0] == '-';
    /* strtof takes more than JSON does: blanks, a plus, "inf", hexadecimal */
    if (first == s.len || s.ptr[first] < '0' || s.ptr[first] > '9')
        return false;
    if (s.len < sizeof text) {
        str_copy(text, sizeof text, s);
        return read_text(text, s.len, ret);
    }
    char *copy = mem_strndup(s.ptr, s.len);
    bool is_number = copy != NULL && read_text(copy, s.len, ret);
    mem_free(copy);
    return is_number;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The number at *at, which ends before a comma, a blank or the array's end; moves past these. */
static struct str next_number(struct str array, size_t *at)
{
    size_t from = *at, to = from;
    while (to < array.len && array.ptr[to] != ',' && array.ptr[to] != ']' &&
           !is_blank(array.ptr[to]))
        to++;
    size_t next = to;
    while (next < array.len && (array.ptr[next] == ',' || is_blank(array.ptr[next])))
        next++;
    *at = next;
    return str_sub(array, from, to - from);
}

/* Of what cannot be base64 as it stands, with an escape or too short for its padding, none. */
static void count_bytes(struct vector_writer *w)
{
    size_t pad = str_ends(w->text, STR("==\"")) ? 2 : str_ends(w->text, STR("=\""));
    if (w->text.len >= 2 + 4 && str_find(w->text, '\\') == w->text.len)
        w->n_numbers = ((w->text.len - 2) / 4 * 3 - pad) / sizeof(uint32_t);
}

void vector_begin(struct vector_writer *w, struct str text, bool base64)
{
    *w = (struct vector_writer){.text = text};
    w->is_array = str_starts(text, STR("["));
    w->base64 = base64 && w->is_array;
    if (!w->is_array)
        count_bytes(w);
}

/* In checked JSON, whatever else an array may hold begins with one of these, or is a literal. */
static bool count_numbers(struct vector_writer *w, struct str slice)
{
    size_t n_commas = 0;
    for (size_t i = w->at == 0; i < slice.len; i++)
        switch (slice.ptr[i]) {
        case '"':
        case '[':
        case '{':
        case 't':
        case 'f':
        case 'n':
            return false;
        case ',':
            n_commas++;
            break;
        }
    w->n_numbers += n_commas + (w->at == 0 && w->text.len > 2);
    return true;
}

static enum errc pass(struct vector_writer *w, size_t len, struct buf *out)
{
    struct str slice = str_sub(w->text, w->at, len);
    if (w->is_array && !count_numbers(w, slice))
        return ERR_SYNTAX;
    if (out != NULL)
        buf_adds(out, slice);
    w->at += slice.len;
    return ERR_OK;
}

/* So many at a time that no byte of theirs is left over for the next letters. */
static enum errc convert(struct vector_writer *w, size_t len, struct buf *out)
{
    enum { AT_ONCE = 3 * 64 };
    char bytes[AT_ONCE * sizeof(uint32_t)];
    size_t stop = w->at + MIN(len, w->text.len - w->at);
    if (w->at == 0) {
        buf_addc(out, '"');
        for (w->at = 1; w->at < w->text.len && is_blank(w->text.ptr[w->at]);)
            w->at++;
    }
    while (w->at < stop && w->text.ptr[w->at] != ']') {
        size_t n = 0;
        while (n < sizeof bytes && w->at < w->text.len && w->text.ptr[w->at] != ']') {
            uint32_t bits;
            if (!vector_bits(next_number(w->text, &w->at), &bits))
                return ERR_SYNTAX;
            for (unsigned i = 0; i < sizeof bits; i++)
                bytes[n++] = (char)(bits >> 8 * i);
        }
        w->n_numbers += n / sizeof(uint32_t);
        base64_add(out, (struct str){bytes, n});
    }
    if (w->at < w->text.len && w->text.ptr[w->at] == ']') {
        buf_addc(out, '"');
        w->at = w->text.len;
    }
    return ERR_OK;
}

enum errc vector_go_on(struct vector_writer *w, size_t len, struct buf *out)
{
    bool is_converted = w->base64 && out != NULL;
    enum errc rc = is_converted ? convert(w, len, out) : pass(w, len, out);
    if (rc == ERR_OK && out != NULL)
        rc = buf_err(out);
    return rc == ERR_OK && w->at < w->text.len ? ERR_AGAIN : rc;
}
