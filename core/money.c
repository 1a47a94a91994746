/* money.c: see money.h. */
#include "core/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/num.h"

static enum errc narrow(i128 v, pico *ret)
{
    if (v <= INT64_MIN || v > INT64_MAX)
        return ERR_RANGE;
    *ret = (pico)v;
    return ERR_OK;
}

enum errc money_add(pico a, pico b, pico *ret)
{
    return narrow((i128)a + b, ret);
}

enum errc money_mul(pico price, int64_t quantity, pico *ret)
{
    return narrow((i128)price * quantity, ret);
}

enum errc money_scale(i128 num, i128 den, pico *ret)
{
    i128 q = num / den, r = num % den;
    if (r < 0) {
        r += den;
        q--;
    }
    return narrow(r >= den - r ? q + 1 : q, ret);
}

enum errc money_parse(struct str s, pico *ret)
{
    if (s.len > 0 && s.ptr[0] == '$')
        s = str_sub(s, 1, s.len);
    int64_t v;
    enum errc rc = num_decimal(s, 12, true, false, &v);
    if (rc == ERR_OK)
        *ret = v;
    return rc;
}

void money_exact(char out[MONEY_TEXT_LEN], pico p)
{
    if (p == PICO_UNKNOWN) {
        snprintf(out, MONEY_TEXT_LEN, "null");
        return;
    }
    uint64_t v = p < 0 ? -(uint64_t)p : (uint64_t)p;
    uint64_t whole = v / (uint64_t)PICO_PER_USD, rest = v % (uint64_t)PICO_PER_USD;
    char text[MONEY_TEXT_LEN], *const end = text + sizeof text, *at = end;
    int places = rest > 0 ? 12 : 0;
    for (; places > 0 && rest % 10 == 0; places--)
        rest /= 10;
    for (; places > 0; places--) {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (at < end)
        *--at = '.';
    do
        *--at = (char)('0' + whole % 10);
    while ((whole /= 10) > 0);
    if (p < 0)
        *--at = '-';
    str_copy(out, MONEY_TEXT_LEN, (struct str){at, (size_t)(end - at)});
}

void money_people(char out[MONEY_TEXT_LEN], pico p)
{
    if (p == PICO_UNKNOWN) {
        snprintf(out, MONEY_TEXT_LEN, "\xE2\x80\x94"); /* em dash */
        return;
    }
    const char *sign = p < 0 ? "-" : "";
    uint64_t v = p < 0 ? -(uint64_t)p : (uint64_t)p;
    if (v == 0 || v >= (uint64_t)PICO_PER_USD / 10) {
        char whole[NUM_TEXT_LEN];
        uint64_t cents = (v + 5000000000) / 10000000000;
        num_group(whole, (int64_t)(cents / 100));
        snprintf(out, MONEY_TEXT_LEN, "%s$%.20s.%02d", sign, whole, (int)(cents % 100));
        return;
    }
    /* two figures that count: find the place of the first one */
    uint64_t unit = (uint64_t)PICO_PER_USD / 10;
    int places = 1;
    while (v < unit && unit > 1) {
        unit /= 10;
        places++;
    }
    uint64_t step = unit >= 10 ? unit / 10 : 1;
    places += unit >= 10;
    uint64_t rounded = (v + step / 2) / step;
    snprintf(out, MONEY_TEXT_LEN, "%s$0.%0*" PRIu64, sign, places, rounded);
}
