/*
 * num.h: strict parsing and printing of numbers, without locale and without floating point.
 *
 * All parsers take the whole slice: no leading blank, no trailing byte, no "+", no overflow.
 * Errors are ERR_SYNTAX or ERR_RANGE, without a text of their own; callers name the field.
 */
#ifndef CORE_NUM_H
#define CORE_NUM_H

#include "core/err.h"
#include "core/str.h"

enum errc num_u64(struct str s, uint64_t max, uint64_t *ret) MUST_USE;
/* Digits with an optional "-", in [min, max]. */
enum errc num_i64(struct str s, int64_t min, int64_t max, int64_t *ret) MUST_USE;
/*
 * A decimal ("12", "0.0375", "-1.5e-7" with exp_ok) times 10^scale, exactly: more digits than
 * the scale holds is ERR_RANGE unless `round`, which rounds half up.
 */
enum errc num_decimal(struct str s, unsigned scale, bool exp_ok, bool round, int64_t *ret)
    MUST_USE;
/* "80%" or "0.8" as parts per million: 800000. */
enum errc num_fraction_ppm(struct str s, int64_t *ret) MUST_USE;
/*
 * A duration in microseconds: one or more of NUMBER UNIT with unit ns us µs ms s m min h d w,
 * as in "1.5s", "6m0s", "1h12m3.5s"; a bare number counts `bare_us` each (0: not allowed).
 * Source: Go time.ParseDuration, which is what x-ratelimit-reset-* headers print.
 */
enum errc num_duration_us(struct str s, int64_t bare_us, int64_t *ret) MUST_USE;
/* Bytes: "64k", "10M", "1GiB", powers of 1024; no sign. */
enum errc num_size(struct str s, int64_t *ret) MUST_USE;
/* yes/no, true/false, on/off, 1/0, ASCII case ignored; "" is true, as git has it. */
enum errc num_bool(struct str s, bool *ret) MUST_USE;

/*
 * Two JSON numbers by value, whatever their length and exponent: below, at or above 0 as
 * strcmp() has it; "1", "1.0" and "10e-1" are equal. num_is_whole: is it an integer, as 1.0 is?
 */
int num_compare(struct str a, struct str b);
bool num_is_whole(struct str s);

/*
 * SplitMix64: moves *seed and returns the next draw. For choices and jitter, not for secrets.
 * Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
 */
uint64_t num_draw(uint64_t *seed);

enum { NUM_TEXT_LEN = 48 };
/* "1,204,333" for people. */
void num_group(char out[NUM_TEXT_LEN], int64_t v);
/* "18.2 M", "1.1 k", "999": three figures for people. */
void num_short(char out[NUM_TEXT_LEN], int64_t v);
/* "310ms", "1.9s", "2m05s", "3h20m", "4d": two figures for people. */
void num_duration(char out[NUM_TEXT_LEN], int64_t us);

#endif
