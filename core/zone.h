/*
 * zone.h: local time: the zone that reports and budgets count days in.
 *
 * One zone per process, chosen at the start by zone_use; the C library holds it. Days that a
 * change of clocks makes shorter or longer, and zones with odd offsets, come out right.
 */
#ifndef CORE_ZONE_H
#define CORE_ZONE_H

#include "core/clock.h"

enum zone_unit {
    ZONE_HOUR,
    ZONE_DAY,
    ZONE_WEEK, /* from Monday, as ISO 8601 has it */
    ZONE_MONTH,
    ZONE_YEAR,
};

/* An IANA name; NULL or "": TZ, else the machine's. ERR_USAGE when there is no such zone. */
enum errc zone_use(const char *name, struct err *e) MUST_USE;
/* The name in force; "local" when neither option nor TZ named one. */
const char *zone_name(void);
/* Seconds east of UTC at that moment. */
int zone_offset_s(int64_t wall_us);
struct civil zone_local(int64_t wall_us);
/*
 * The moment of a local date and time. A time that happens twice is the first of the two; one
 * that a change of clocks skips is moved on by as much. Days and months may be out of range.
 */
int64_t zone_to_us(struct civil c);
/* Start of the unit that holds the moment, and of the n-th unit after it (n may be negative). */
int64_t zone_floor(int64_t wall_us, enum zone_unit unit);
int64_t zone_step(int64_t floor_us, enum zone_unit unit, int n);
/*
 * What users write for a moment: a date or a date and time (local unless an offset stands
 * behind), "-7d" before now, "@epoch seconds", "now", "today", "yesterday". is_end: a bare date
 * means the end of that day.
 */
enum errc zone_parse(struct str s, int64_t now_us, bool is_end, int64_t *ret,
                     struct err *e) MUST_USE;

#endif
