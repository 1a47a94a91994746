/* clock.c: see clock.h. */
#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static int64_t system_mono_us(const struct clock *c)
{
    (void)c;
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_wall_us(const struct clock *c)
{
    (void)c;
    return read_us(CLOCK_REALTIME);
}

const struct clock clock_system = {.mono_us = system_mono_us, .wall_us = system_wall_us};

int64_t clock_mono_us(const struct clock *c)
{
    return c->mono_us(c);
}

int64_t clock_wall_us(const struct clock *c)
{
    return c->wall_us(c);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

struct civil civil_of_us(int64_t wall_us)
{
    int64_t days = floor_div(wall_us, US_PER_DAY);
    int64_t rest = wall_us - days * US_PER_DAY;
    int64_t z = days + 719468; /* days from 0000-03-01 to 1970-01-01 */
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    struct civil c = {
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .month = (int)(mp < 10 ? mp + 3 : mp - 9),
        .year = (int)(yoe + era * 400),
        .hour = (int)(rest / US_PER_HOUR),
        .minute = (int)(rest / US_PER_MIN % 60),
        .second = (int)(rest / US_PER_S % 60),
        .us = (int)(rest % US_PER_S),
        .weekday = (int)(((days + 4) % 7 + 7) % 7),
    };
    if (c.month <= 2)
        c.year++;
    return c;
}

int64_t civil_to_us(const struct civil *c)
{
    int64_t y = c->year - (c->month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (c->month + (c->month > 2 ? -3 : 9)) + 2) / 5 + c->day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    int64_t days = era * 146097 + doe - 719468;
    return days * US_PER_DAY + c->hour * US_PER_HOUR + c->minute * US_PER_MIN +
           (int64_t)c->second * US_PER_S + c->us;
}

/* The last n digits of a value, behind a mark ('\0': none); returns the end. */
static char *put_digits(char *out, char before, int n, int value)
{
    if (before != '\0')
        *out++ = before;
    for (int i = n; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + n;
}

void clock_rfc3339(char out[CLOCK_TEXT_LEN], int64_t wall_us, int offset_s, bool frac)
{
    struct civil c = civil_of_us(wall_us + (int64_t)offset_s * US_PER_S);
    const struct {
        char before;
        int n, value;
    } fields[] = {{'\0', 4, MAX(c.year, 0)}, {'-', 2, c.month},  {'-', 2, c.day},
                  {'T', 2, c.hour},          {':', 2, c.minute}, {':', 2, c.second}};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        out = put_digits(out, fields[i].before, fields[i].n, fields[i].value);
    if (frac)
        out = put_digits(out, '.', 6, c.us);
    if (offset_s == 0) {
        *out++ = 'Z';
    } else {
        int m = abs(offset_s) / 60;
        out = put_digits(out, offset_s < 0 ? '-' : '+', 2, m / 60);
        out = put_digits(out, ':', 2, m % 60);
    }
    *out = '\0';
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool civil_is_valid(const struct civil *c)
{
    return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= month_days(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 60;
}

/* Exactly n digits at s[*at]; moves *at. */
static bool take_digits(struct str s, size_t *at, int n, int *ret)
{
    int value = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (*at >= s.len || s.ptr[*at] < '0' || s.ptr[*at] > '9')
            return false;
        value = value * 10 + (s.ptr[*at] - '0');
    }
    *ret = value;
    return true;
}

static bool take_char(struct str s, size_t *at, const char *set)
{
    if (*at >= s.len || s.ptr[*at] == '\0' || strchr(set, s.ptr[*at]) == NULL)
        return false;
    (*at)++;
    return true;
}

static bool take_fraction(struct str s, size_t *at, int *ret_us)
{
    int us = 0, scale = US_PER_S / 10;
    size_t from = *at;
    for (; *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9'; (*at)++, scale /= 10)
        us += (s.ptr[*at] - '0') * scale;
    *ret_us = us;
    return *at > from;
}

static bool take_offset(struct str s, size_t *at, int64_t *ret_us)
{
    if (take_char(s, at, "Zz")) {
        *ret_us = 0;
        return true;
    }
    bool minus = *at < s.len && s.ptr[*at] == '-';
    int h, m;
    if (!take_char(s, at, "+-") || !take_digits(s, at, 2, &h) || !take_char(s, at, ":") ||
        !take_digits(s, at, 2, &m) || h > 23 || m > 59)
        return false;
    *ret_us = (h * US_PER_HOUR + m * US_PER_MIN) * (minus ? -1 : 1);
    return true;
}

enum errc clock_parse_rfc3339(struct str s, int64_t *ret_wall_us, struct err *e)
{
    struct civil c = {0};
    int64_t offset_us = 0;
    size_t at = 0;
    bool ok = take_digits(s, &at, 4, &c.year) && take_char(s, &at, "-") &&
              take_digits(s, &at, 2, &c.month) && take_char(s, &at, "-") &&
              take_digits(s, &at, 2, &c.day);
    if (ok && at < s.len) {
        ok = take_char(s, &at, "Tt ") && take_digits(s, &at, 2, &c.hour) &&
             take_char(s, &at, ":") && take_digits(s, &at, 2, &c.minute);
        if (ok && at < s.len && s.ptr[at] == ':')
            ok = take_char(s, &at, ":") && take_digits(s, &at, 2, &c.second);
        if (ok && at < s.len && s.ptr[at] == '.')
            ok = take_char(s, &at, ".") && take_fraction(s, &at, &c.us);
        ok = ok && take_offset(s, &at, &offset_us);
    }
    if (!ok || at != s.len || !civil_is_valid(&c))
        return err_set(e, ERR_SYNTAX, "not a date and time: \"%.*s\"",
                       STR_ARG(str_sub(s, 0, 40)));
    *ret_wall_us = civil_to_us(&c) - offset_us;
    return ERR_OK;
}

static bool take_month(struct str s, size_t *at, int *ret)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int m = 0; m < 12; m++) {
        if (str_starts(str_sub(s, *at, 3), (struct str){names + (size_t)m * 3, 3})) {
            *at += 3;
            *ret = m + 1;
            return true;
        }
    }
    return false;
}

static bool take_hms(struct str s, size_t *at, struct civil *c)
{
    return take_digits(s, at, 2, &c->hour) && take_char(s, at, ":") &&
           take_digits(s, at, 2, &c->minute) && take_char(s, at, ":") &&
           take_digits(s, at, 2, &c->second);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" and "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool parse_fixed(struct str s, size_t comma, struct civil *c)
{
    size_t at = comma + 1;
    if (!take_char(s, &at, " ") || !take_digits(s, &at, 2, &c->day) ||
        !take_char(s, &at, " -") || !take_month(s, &at, &c->month) ||
        !take_char(s, &at, " -"))
        return false;
    if (take_digits(s, &at, 4, &c->year)) {
        ;
    } else {
        at = comma + 1 + 8;
        if (!take_digits(s, &at, 2, &c->year))
            return false;
        c->year += c->year < 70 ? 2000 : 1900;
    }
    return take_char(s, &at, " ") && take_hms(s, &at, c) &&
           str_eq(str_sub(s, at, s.len), STR(" GMT"));
}

/* "Sun Nov  6 08:49:37 1994" */
static bool parse_asctime(struct str s, struct civil *c)
{
    size_t at = 4;
    if (!take_month(s, &at, &c->month) || !take_char(s, &at, " "))
        return false;
    if (at < s.len && s.ptr[at] == ' ') {
        at++;
        if (!take_digits(s, &at, 1, &c->day))
            return false;
    } else if (!take_digits(s, &at, 2, &c->day)) {
        return false;
    }
    return take_char(s, &at, " ") && take_hms(s, &at, c) && take_char(s, &at, " ") &&
           take_digits(s, &at, 4, &c->year) && at == s.len;
}

enum errc clock_parse_http_date(struct str s, int64_t *ret_wall_us, struct err *e)
{
    struct civil c = {0};
    size_t comma = str_find(s, ',');
    bool ok = comma < s.len ? parse_fixed(s, comma, &c) : parse_asctime(s, &c);
    if (!ok || !civil_is_valid(&c))
        return err_set(e, ERR_SYNTAX, "not an HTTP date: \"%.*s\"",
                       STR_ARG(str_sub(s, 0, 40)));
    *ret_wall_us = civil_to_us(&c);
    return ERR_OK;
}

static const char ulid_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void ulid_time(char out[ULID_LEN + 1], int64_t wall_us)
{
    uint64_t ms = (uint64_t)MAX(wall_us / US_PER_MS, 0);
    for (int i = 9; i >= 0; i--, ms >>= 5)
        out[i] = ulid_alphabet[ms & 31];
    out[ULID_LEN] = '\0';
}

enum { ULID_RANDOM = 16 }; /* digits behind the time, a byte for each */

static void draw(unsigned char *random, size_t len)
{
    if (getrandom(random, len, 0) != (ssize_t)len)
        abort(); /* since Linux 5.6 this cannot fail once the pool is ready */
}

static void ulid_from(char out[ULID_LEN + 1], int64_t wall_us,
                      const unsigned char random[ULID_RANDOM])
{
    ulid_time(out, wall_us);
    for (size_t i = 0; i < ULID_RANDOM; i++)
        out[ULID_LEN - ULID_RANDOM + i] = ulid_alphabet[random[i] & 31];
}

void clock_ulid(char out[ULID_LEN + 1], int64_t wall_us)
{
    unsigned char random[ULID_RANDOM];
    draw(random, sizeof random);
    ulid_from(out, wall_us, random);
}

void clock_ulid_pooled(struct ulid_pool *p, char out[ULID_LEN + 1], int64_t wall_us)
{
    if (p->left == 0) {
        draw(p->random, sizeof p->random);
        p->left = sizeof p->random;
    }
    p->left -= ULID_RANDOM;
    ulid_from(out, wall_us, p->random + p->left);
}

void clock_ulid_floor(char out[ULID_LEN + 1], int64_t wall_us)
{
    ulid_time(out, wall_us);
    memset(out + 10, '0', ULID_LEN - 10);
}

int64_t clock_ulid_us(struct str id)
{
    int64_t ms = 0;
    if (id.len != ULID_LEN || id.ptr[0] > '7')
        return -1;
    for (size_t i = 0; i < ULID_LEN; i++) {
        const char *digit = memchr(ulid_alphabet, id.ptr[i], 32);
        if (digit == NULL)
            return -1;
        if (i < 10)
            ms = ms << 5 | (digit - ulid_alphabet);
    }
    return ms * US_PER_MS;
}
