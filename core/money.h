/*
 * money.h: money as integer pico-dollars. 1 USD = 10^12 pico; no floating point anywhere.
 *
 * int64 holds ±9.22 million dollars. Products and long sums are made in 128 bits and narrowed
 * with a check. Unknown money is a pointer to nothing or PICO_UNKNOWN, never 0.
 */
#ifndef CORE_MONEY_H
#define CORE_MONEY_H

#include "core/err.h"
#include "core/str.h"

typedef int64_t pico;

#define PICO_PER_USD ((pico)1000000000000)
/* Stands for "not known"; stored as NULL, printed as "—". */
#define PICO_UNKNOWN INT64_MIN

/* ERR_RANGE when the sum leaves int64 or comes to PICO_UNKNOWN. */
enum errc money_add(pico a, pico b, pico *ret) MUST_USE;
enum errc money_mul(pico price, int64_t quantity, pico *ret) MUST_USE;
/* num/den rounded once, half up (towards +∞ at exactly one half). den > 0. */
enum errc money_scale(i128 num, i128 den, pico *ret) MUST_USE;
/* Dollars as decimal text, up to 12 places: "0.02", "5", "1e-6". */
enum errc money_parse(struct str s, pico *ret) MUST_USE;

enum { MONEY_TEXT_LEN = 32 };
/* The exact decimal, trailing zeros dropped: "0.000412"; a valid JSON number. "null" if unknown. */
void money_exact(char out[MONEY_TEXT_LEN], pico p);
/*
 * For people: "$41.87", "$0.0012", "$0.0000003"; two places above ten cents, else two figures.
 * "—" if unknown.
 */
void money_people(char out[MONEY_TEXT_LEN], pico p);

#endif
