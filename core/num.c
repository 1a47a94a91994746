/* num.c: see num.h. */
#include "core/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum errc num_u64(struct str s, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    if (s.len == 0)
        return ERR_SYNTAX;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            return ERR_SYNTAX;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
            return ERR_RANGE;
    }
    if (v > max)
        return ERR_RANGE;
    *ret = v;
    return ERR_OK;
}

enum errc num_i64(struct str s, int64_t min, int64_t max, int64_t *ret)
{
    bool minus = s.len > 0 && s.ptr[0] == '-';
    uint64_t v;
    enum errc rc = num_u64(minus ? str_sub(s, 1, s.len) : s, (uint64_t)INT64_MAX + 1, &v);
    if (rc != ERR_OK)
        return rc;
    i128 wide = minus ? -(i128)v : (i128)v;
    if (wide < min || wide > max)
        return ERR_RANGE;
    *ret = (int64_t)wide;
    return ERR_OK;
}

struct decimal {
    bool minus;
    i128 digits;  /* all digits as one integer, without leading zeros */
    int exponent; /* of ten */
};

/* Collects digits; past 37 of them the number cannot be held and is out of range. */
static enum errc decimal_digits(struct str s, size_t *at, bool fraction,
                                struct decimal *d)
{
    size_t from = *at;
    for (; *at < s.len && is_digit(s.ptr[*at]); (*at)++) {
        if (d->digits > (((i128)1 << 126) / 10))
            return ERR_RANGE;
        d->digits = d->digits * 10 + (s.ptr[*at] - '0');
        if (fraction)
            d->exponent--;
    }
    return *at > from ? ERR_OK : ERR_SYNTAX;
}

static enum errc decimal_parse(struct str s, bool exp_ok, struct decimal *d)
{
    size_t at = 0;
    *d = (struct decimal){0};
    if (s.len > 0 && s.ptr[0] == '-') {
        d->minus = true;
        at++;
    }
    enum errc rc = decimal_digits(s, &at, false, d);
    if (rc == ERR_OK && at < s.len && s.ptr[at] == '.') {
        at++;
        rc = decimal_digits(s, &at, true, d);
    }
    if (rc == ERR_OK && exp_ok && at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        int64_t exp;
        at++;
        if (at < s.len && s.ptr[at] == '+')
            at++;
        rc = num_i64(str_sub(s, at, s.len), -100, 100, &exp);
        d->exponent += rc == ERR_OK ? (int)exp : 0;
        at = s.len;
    }
    return rc == ERR_OK && at != s.len ? ERR_SYNTAX : rc;
}

enum errc num_decimal(struct str s, unsigned scale, bool exp_ok, bool round, int64_t *ret)
{
    struct decimal d;
    enum errc rc = decimal_parse(s, exp_ok, &d);
    if (rc != ERR_OK)
        return rc;
    int shift = d.exponent + (int)scale;
    i128 v = d.digits;
    for (; shift > 0 && v != 0; shift--) {
        if (v > (((i128)1 << 126) / 10))
            return ERR_RANGE;
        v *= 10;
    }
    i128 half = 0; /* the last digit dropped, for rounding half up */
    for (; shift < 0 && v != 0; shift++) {
        half = v % 10;
        if (half != 0 && !round)
            return ERR_RANGE;
        v /= 10;
    }
    if (half >= 5)
        v++;
    v = d.minus ? -v : v;
    if (v < INT64_MIN || v > INT64_MAX)
        return ERR_RANGE;
    *ret = (int64_t)v;
    return ERR_OK;
}

/* A number of any size: sign, the power of ten of its first digit that is not 0, the digits. */
struct magnitude {
    int sign;          /* 0: the number is zero */
    int64_t power;     /* 3 for 1234, -2 for 0.012 */
    struct str digits; /* from that first digit on; a point may stand among them */
};

static struct magnitude magnitude(struct str s)
{
    /* beyond them two numbers of one document cannot be told apart by a few digits */
    const int64_t far = INT64_C(1) << 50;
    struct magnitude m = {.sign = s.len > 0 && s.ptr[0] == '-' ? -1 : 1};
    size_t exp = MIN(str_find(s, 'e'), str_find(s, 'E'));
    struct str mantissa = str_sub(s, m.sign < 0, exp - (m.sign < 0));
    size_t point = str_find(mantissa, '.'), first = 0;
    if (exp < s.len) {
        struct str text = str_sub(s, exp + 1, s.len);
        bool minus = str_starts(text, STR("-"));
        text = minus || str_starts(text, STR("+")) ? str_sub(text, 1, text.len) : text;
        uint64_t v;
        if (num_u64(text, (uint64_t)far, &v) != ERR_OK)
            v = (uint64_t)far;
        m.power = minus ? -(int64_t)v : (int64_t)v;
    }
    while (first < mantissa.len && (mantissa.ptr[first] == '0' || first == point))
        first++;
    m.digits = str_sub(mantissa, first, mantissa.len);
    m.power += (int64_t)point - (int64_t)first - (first < point);
    if (first == mantissa.len)
        m.sign = 0;
    return m;
}

static char next_digit(struct str *digits)
{
    if (str_starts(*digits, STR(".")))
        *digits = str_sub(*digits, 1, digits->len);
    char c = digits->len > 0 ? digits->ptr[0] : '0';
    *digits = str_sub(*digits, 1, digits->len);
    return c;
}

int num_compare(struct str a, struct str b)
{
    struct magnitude x = magnitude(a), y = magnitude(b);
    if (x.sign != y.sign)
        return x.sign - y.sign;
    if (x.sign == 0)
        return 0;
    if (x.power != y.power)
        return x.power > y.power ? x.sign : -x.sign;
    while (x.digits.len > 0 || y.digits.len > 0) {
        int diff = next_digit(&x.digits) - next_digit(&y.digits);
        if (diff != 0)
            return diff * x.sign;
    }
    return 0;
}

bool num_is_whole(struct str s)
{
    struct magnitude m = magnitude(s);
    if (m.sign == 0)
        return true;
    for (int64_t power = m.power; m.digits.len > 0; power--)
        if (next_digit(&m.digits) != '0' && power < 0)
            return false;
    return true;
}

enum errc num_fraction_ppm(struct str s, int64_t *ret)
{
    bool percent = s.len > 0 && s.ptr[s.len - 1] == '%';
    if (percent)
        return num_decimal(str_trim(str_sub(s, 0, s.len - 1)), 4, false, false, ret);
    return num_decimal(s, 6, false, false, ret);
}

struct unit {
    const char *name;
    int64_t ns;
};

/* Longest name first, so that "ms" is not read as "m". */
static const struct unit duration_units[] = {
    {"min", 60000000000},
    {"ms", 1000000},
    {"us", 1000},
    {"\xC2\xB5s", 1000}, /* U+00B5 micro sign */
    {"\xCE\xBCs", 1000}, /* U+03BC Greek mu */
    {"ns", 1},
    {"s", 1000000000},
    {"m", 60000000000},
    {"h", 3600000000000},
    {"d", 86400000000000},
    {"w", 604800000000000},
};

static const struct unit *find_unit(struct str s)
{
    for (size_t i = 0; i < ARRAY_LEN(duration_units); i++)
        if (str_starts(s, str_of(duration_units[i].name)))
            return &duration_units[i];
    return NULL;
}

enum errc num_duration_us(struct str s, int64_t bare_us, int64_t *ret)
{
    i128 total_ns = 0;
    if (s.len == 0)
        return ERR_SYNTAX;
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        while (at < s.len && (is_digit(s.ptr[at]) || s.ptr[at] == '.'))
            at++;
        int64_t micro; /* the number times 10^6 */
        enum errc rc = num_decimal(str_sub(s, from, at - from), 6, false, true, &micro);
        if (rc != ERR_OK)
            return rc;
        const struct unit *u = find_unit(str_sub(s, at, s.len));
        if (u == NULL) {
            if (at != s.len || from != 0 || bare_us == 0)
                return ERR_SYNTAX;
            total_ns = (i128)micro * bare_us / 1000;
            break;
        }
        at += strlen(u->name);
        total_ns += (i128)micro * u->ns / 1000000;
        if (total_ns / 1000 > INT64_MAX)
            return ERR_RANGE;
    }
    if (total_ns / 1000 > INT64_MAX)
        return ERR_RANGE;
    *ret = (int64_t)(total_ns / 1000);
    return ERR_OK;
}

enum errc num_size(struct str s, int64_t *ret)
{
    static const struct {
        const char *suffix;
        int shift;
    } rows[] = {{"kib", 10}, {"mib", 20}, {"gib", 30}, {"tib", 40},
                {"kb", 10},  {"mb", 20},  {"gb", 30},  {"tb", 40},
                {"k", 10},   {"m", 20},   {"g", 30},   {"t", 40}};
    int shift = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].suffix);
        if (s.len > n && str_ieqz(str_sub(s, s.len - n, n), rows[i].suffix)) {
            shift = rows[i].shift;
            s = str_trim(str_sub(s, 0, s.len - n));
            break;
        }
    }
    uint64_t v;
    enum errc rc = num_u64(s, (uint64_t)INT64_MAX >> shift, &v);
    if (rc == ERR_OK)
        *ret = (int64_t)(v << shift);
    return rc;
}

enum errc num_bool(struct str s, bool *ret)
{
    static const char *const yes[] = {"", "true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_ieqz(s, yes[i])) {
            *ret = true;
            return ERR_OK;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        if (str_ieqz(s, no[i])) {
            *ret = false;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

uint64_t num_draw(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

void num_group(char out[NUM_TEXT_LEN], int64_t v)
{
    char digits[24];
    int n =
        snprintf(digits, sizeof digits, "%" PRIu64, v < 0 ? -(uint64_t)v : (uint64_t)v);
    size_t o = 0;
    if (v < 0)
        out[o++] = '-';
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = '\0';
}

void num_short(char out[NUM_TEXT_LEN], int64_t v)
{
    static const char units[] = "kMGTPE";
    if (v < 0 || v < 1000) {
        snprintf(out, NUM_TEXT_LEN, "%" PRId64, v);
        return;
    }
    int64_t div = 1000;
    int u = 0;
    /* 999,950 and more rounds to 1000.0 k: the next unit */
    while (u < 5 && v / div >= 1000 - (v % div * 20 / div >= 19))
        div *= 1000, u++;
    i128 tenths = ((i128)v * 10 + div / 2) / div;
    snprintf(out, NUM_TEXT_LEN, "%d.%d %c", (int)(tenths / 10), (int)(tenths % 10),
             units[u]);
}

void num_duration(char out[NUM_TEXT_LEN], int64_t us)
{
    int64_t ms = (us + 500) / 1000;
    int64_t s = us / US_PER_S;
    if (ms < 1000)
        snprintf(out, NUM_TEXT_LEN, "%dms", (int)ms);
    else if (us < 59950000)
        snprintf(out, NUM_TEXT_LEN, "%d.%ds", (int)((us + 50000) / US_PER_S),
                 (int)((us + 50000) / 100000 % 10));
    else if (s < 3600)
        snprintf(out, NUM_TEXT_LEN, "%dm%02ds", (int)(MAX(s, 60) / 60),
                 (int)(MAX(s, 60) % 60));
    else if (s < 86400)
        snprintf(out, NUM_TEXT_LEN, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
    else
        snprintf(out, NUM_TEXT_LEN, "%" PRId64 "d", s / 86400);
}
