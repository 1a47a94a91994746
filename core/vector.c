/*
 * vector.c: embeddings as text.
 *
 * A vector has thousands of numbers, and an answer hundreds of vectors: no tree, and integers
 * only, so that neither locale nor the machine's own rounding has a say.
 */
#include "core/vector.h"

enum {
    LIMBS = 4,
    MANTISSA = 24,  /* bits of a binary32, with the one that is not written */
    EXP_MIN = -149, /* of the last bit of the smallest one */
    EXP_MAX = 104,  /* … and of the largest */
    POWER = 19,     /* 10^19 is the largest power of ten in 64 bits */
    DIGITS = 19,
    /* beyond these every number is infinite, or nothing */
    TENS_MAX = 40,
    TENS_MIN = -65,
};

/* A whole number, the least limb first, and what was cut off below it. */
struct wide {
    uint64_t limb[LIMBS];
    bool sticky;
};

static uint64_t power_of_ten(unsigned n)
{
    uint64_t p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

static void multiply(struct wide *w, uint64_t by)
{
    u128 carry = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        carry += (u128)w->limb[i] * by;
        w->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

static void divide(struct wide *w, uint64_t by)
{
    u128 rest = 0;
    for (size_t i = LIMBS; i-- > 0;) {
        if (rest == 0 && w->limb[i] == 0)
            continue;
        rest = rest << 64 | w->limb[i];
        w->limb[i] = (uint64_t)(rest / by);
        rest %= by;
    }
    w->sticky |= rest != 0;
}

/* The place of the highest bit; −1 for zero. */
static int top_bit(const struct wide *w)
{
    for (int i = LIMBS; i-- > 0;)
        if (w->limb[i] != 0)
            return i * 64 + 63 - __builtin_clzll(w->limb[i]);
    return -1;
}

static bool bit_at(const struct wide *w, int at)
{
    return at >= 0 && at < LIMBS * 64 && (w->limb[at / 64] >> at % 64 & 1) != 0;
}

/* Are there bits below this place? */
static bool has_below(const struct wide *w, int at)
{
    for (int i = 0; i < LIMBS && i * 64 < at; i++) {
        uint64_t limb = w->limb[i];
        if (at - i * 64 < 64)
            limb &= ((uint64_t)1 << at % 64) - 1;
        if (limb != 0)
            return true;
    }
    return w->sticky;
}

/* The bits from `at` on; at most 64 of them, and none above. */
static uint64_t bits_from(const struct wide *w, int at)
{
    uint64_t bits = w->limb[at / 64] >> at % 64;
    if (at % 64 != 0 && at / 64 + 1 < LIMBS)
        bits |= w->limb[at / 64 + 1] << (64 - at % 64);
    return bits;
}

/* w × 2^exp, rounded. */
static uint32_t round_to_bits(const struct wide *w, int exp)
{
    int top = top_bit(w);
    if (top < 0)
        return 0;
    /* the last bit that is kept: of small numbers fewer are */
    int last = MAX(top - MANTISSA + 1, EXP_MIN - exp);
    uint64_t kept;
    if (last < 0)
        kept = w->limb[0] << -last; /* few bits: the number has one limb */
    else
        kept = last <= top ? bits_from(w, last) : 0;
    bool half = last > 0 && bit_at(w, last - 1);
    bool more = last > 1 ? has_below(w, last - 1) : w->sticky;
    kept += half && (more || (kept & 1) != 0);
    int last_exp = last + exp;
    if (kept >> MANTISSA != 0) {
        kept >>= 1;
        last_exp++;
    }
    if (last_exp > EXP_MAX)
        return 0x7f800000;
    if (kept >> (MANTISSA - 1) == 0) /* no bit is left unwritten */
        return (uint32_t)kept;
    uint32_t biased = (uint32_t)(last_exp - EXP_MIN + 1);
    return biased << (MANTISSA - 1) | ((uint32_t)kept & 0x7fffff);
}

/* Digits × 10^tens. */
static uint32_t nearest(uint64_t digits, int tens, bool sticky)
{
    struct wide w = {.limb = {digits}, .sticky = sticky};
    if (digits == 0 || tens < TENS_MIN)
        return 0;
    if (tens >= TENS_MAX)
        return 0x7f800000;
    if (tens >= 0) {
        for (; tens > POWER; tens -= POWER)
            multiply(&w, power_of_ten(POWER));
        multiply(&w, power_of_ten((unsigned)tens));
        return round_to_bits(&w, 0);
    }
    /* so far to the left that what remains has more bits than are kept */
    int shift = __builtin_clzll(digits), limb = tens < -POWER ? LIMBS - 1 : 1;
    w.limb[0] = 0;
    w.limb[limb] = digits << shift;
    for (; tens < -POWER; tens += POWER)
        divide(&w, power_of_ten(POWER));
    divide(&w, power_of_ten((unsigned)-tens));
    return round_to_bits(&w, -limb * 64 - shift);
}

static bool is_digit(struct str s, size_t i)
{
    return i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9';
}

struct decimal {
    uint64_t digits; /* the first of them … */
    unsigned n;
    int tens; /* … times 10^tens */
    bool sticky;
};

static void add_digit(struct decimal *d, char c, bool is_fraction)
{
    if (d->n < DIGITS) {
        d->digits = d->digits * 10 + (uint64_t)(c - '0');
        d->n += d->digits != 0;
        d->tens -= is_fraction;
    } else {
        d->sticky |= c != '0';
        d->tens += !is_fraction;
    }
}

/* Past ±10,000 it makes no difference any more. */
static size_t read_exponent(struct str s, size_t i, int *ret)
{
    bool minus = i < s.len && s.ptr[i] == '-';
    int v = 0;
    if (minus || (i < s.len && s.ptr[i] == '+'))
        i++;
    for (; is_digit(s, i); i++)
        v = MIN(v * 10 + (s.ptr[i] - '0'), 10000);
    *ret = minus ? -v : v;
    return i;
}

bool vector_bits(struct str s, uint32_t *ret)
{
    struct decimal d = {0};
    bool minus = s.len > 0 && s.ptr[0] == '-';
    size_t i = minus, n_read;
    int exp = 0;
    for (n_read = i; is_digit(s, i); i++)
        add_digit(&d, s.ptr[i], false);
    if (i == n_read)
        return false;
    if (i < s.len && s.ptr[i] == '.')
        for (i++; is_digit(s, i); i++)
            add_digit(&d, s.ptr[i], true);
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E'))
        i = read_exponent(s, i + 1, &exp);
    if (i != s.len)
        return false;
    *ret = nearest(d.digits, d.tens + exp, d.sticky) | (uint32_t)minus << 31;
    return true;
}

/* ---- base64 ---- */

/* Three bytes at a time become four letters. */
struct base64 {
    uint32_t held;
    unsigned n; /* bytes in `held` */
    char *at;
};

static void put_letters(struct base64 *b, unsigned n)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned i = 0; i < 4; i++)
        *b->at++ = i < n ? letters[b->held >> (18 - 6 * i) & 63] : '=';
    b->held = 0;
    b->n = 0;
}

static void put_byte(struct base64 *b, uint8_t byte)
{
    b->held |= (uint32_t)byte << (16 - 8 * b->n);
    if (++b->n == 3)
        put_letters(b, 4);
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
    size_t most = (array.len / 2 * sizeof(uint32_t) + 2) / 3 * 4;
    struct base64 b = {.at = buf_room(out, most)};
    const char *begin = b.at;
    if (begin == NULL)
        return buf_err(out) != ERR_OK ? buf_err(out) : ERR_MEMORY;
    while (at < array.len && is_blank(array.ptr[at]))
        at++;
    while (at < array.len && array.ptr[at] != ']') {
        uint32_t bits;
        if (!vector_bits(next_number(array, &at), &bits))
            return ERR_SYNTAX;
        for (unsigned i = 0; i < sizeof bits; i++)
            put_byte(&b, (uint8_t)(bits >> 8 * i));
    }
    if (b.n > 0)
        put_letters(&b, b.n + 1);
    buf_grown(out, (size_t)(b.at - begin));
    return ERR_OK;
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
