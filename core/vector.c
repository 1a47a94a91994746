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

enum errc vector_base64(struct str array, struct buf *out)
{
    size_t at = 1;
    if (!str_starts(array, STR("[")))
        return ERR_SYNTAX;
    /* a number and its comma have two bytes at least */
    AUTO(buf_release) struct buf bytes = BUF_INIT(array.len / 2 * sizeof(uint32_t) + 1);
    while (at < array.len && is_blank(array.ptr[at]))
        at++;
    while (at < array.len && array.ptr[at] != ']') {
        uint32_t bits;
        if (!vector_bits(next_number(array, &at), &bits))
            return ERR_SYNTAX;
        for (unsigned i = 0; i < sizeof bits; i++)
            buf_addc(&bytes, (char)(bits >> 8 * i));
    }
    if (buf_err(&bytes) != ERR_OK)
        return buf_err(&bytes);
    base64_add(out, buf_str(&bytes));
    return buf_err(out);
}

void vector_write(struct str vector, bool base64, struct buf *out)
{
    if (!base64 || !str_starts(vector, STR("["))) {
        buf_adds(out, vector);
        return;
    }
    buf_addc(out, '"');
    enum errc rc = vector_base64(vector, out);
    if (rc != ERR_OK && buf_err(out) == ERR_OK)
        out->fail = rc;
    buf_addc(out, '"');
}
