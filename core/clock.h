/*
 * clock.h: the only reader of clocks, and the calendar.
 *
 * Time is int64 microseconds: wall (UTC, since 1970) to store and show, monotonic for
 * deadlines. A test brings a struct clock of its own.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/err.h"
#include "core/str.h"

enum {
    US_PER_MS = 1000,
    US_PER_S = 1000 * 1000,
};
#define US_PER_MIN  ((int64_t)60 * US_PER_S)
#define US_PER_HOUR ((int64_t)3600 * US_PER_S)
#define US_PER_DAY  ((int64_t)86400 * US_PER_S)

struct clock {
    int64_t (*mono_us)(const struct clock *c);
    int64_t (*wall_us)(const struct clock *c);
};

/* The machine's own clocks. */
extern const struct clock clock_system;

int64_t clock_mono_us(const struct clock *c);
int64_t clock_wall_us(const struct clock *c);

/* A UTC or local date and time of day; no zone inside. */
struct civil {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
    int us;      /* 0 … 999999 */
    int weekday; /* 0 = Sunday; filled by civil_of_us, ignored by civil_to_us */
};

/*
 * Proleptic Gregorian calendar, UTC. Source: Hinnant, "chrono-compatible low-level date
 * algorithms".
 */
struct civil civil_of_us(int64_t wall_us);
int64_t civil_to_us(const struct civil *c);

enum { CLOCK_TEXT_LEN = 40 };
/* RFC 3339, "2026-11-25T03:05:11Z", with ".123456" when frac; offset_s 0 prints Z. */
void clock_rfc3339(char out[CLOCK_TEXT_LEN], int64_t wall_us, int offset_s, bool frac);
/* RFC 3339 date and time, or a bare date as 00:00 UTC. */
enum errc clock_parse_rfc3339(struct str s, int64_t *ret_wall_us, struct err *e);
/* The three HTTP date forms. Source: RFC 9110 section 5.6.7. */
enum errc clock_parse_http_date(struct str s, int64_t *ret_wall_us, struct err *e);

/*
 * A ULID: 48 bits of milliseconds and 80 random bits in Crockford base 32, so that ids sort
 * by time. Source: github.com/ulid/spec, 2019.
 */
enum { ULID_LEN = 26 };
void clock_ulid(char out[ULID_LEN + 1], int64_t wall_us);
/* The same for those who make many: a system call for every 16. Zeroed at first; one thread. */
struct ulid_pool {
    unsigned char random[16 * 16];
    size_t left; /* bytes of it */
};
void clock_ulid_pooled(struct ulid_pool *p, char out[ULID_LEN + 1], int64_t wall_us);
/* The smallest id of that millisecond: ids from then on compare greater or equal. */
void clock_ulid_floor(char out[ULID_LEN + 1], int64_t wall_us);
/* The time in an id, to the millisecond; −1 when it is no ULID. */
int64_t clock_ulid_us(struct str id);

#endif
