/*
 * zone.c: the only file that asks the C library about time zones; everything else here is
 * arithmetic over the offset at a moment.
 */
#include "core/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/num.h"

/* Does the zone database have it? A name is a path below the database, so ".." is refused. */
static bool zone_exists(const char *name)
{
    const char *dir = getenv("TZDIR");
    char path[512];
    if (strcmp(name, "UTC") == 0)
        return true;
    if (name[0] == '/' || strstr(name, "..") != NULL)
        return false;
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "/usr/share/zoneinfo", name);
    return access(path, R_OK) == 0;
}

enum errc zone_use(const char *name, struct err *e)
{
    if (name != NULL && name[0] != '\0') {
        if (!zone_exists(name))
            return err_set(e, ERR_USAGE,
                           "no time zone \"%s\" (IANA name, as Europe/Berlin)", name);
        if (setenv("TZ", name, 1) != 0)
            return err_errno(e, ERR_MEMORY, "time zone");
    }
    tzset();
    return ERR_OK;
}

const char *zone_name(void)
{
    const char *tz = getenv("TZ");
    if (tz == NULL || tz[0] == '\0')
        return "local";
    return tz[0] == ':' ? tz + 1 : tz;
}

static int64_t floor_s(int64_t us)
{
    return us / US_PER_S - (us % US_PER_S < 0);
}

int zone_offset_s(int64_t wall_us)
{
    time_t t = (time_t)floor_s(wall_us);
    struct tm tm;
    return localtime_r(&t, &tm) != NULL ? (int)tm.tm_gmtoff : 0;
}

struct civil zone_local(int64_t wall_us)
{
    return civil_of_us(wall_us + (int64_t)zone_offset_s(wall_us) * US_PER_S);
}

int64_t zone_to_us(struct civil c)
{
    int64_t as_utc = civil_to_us(&c);
    int64_t before = (int64_t)zone_offset_s(as_utc - US_PER_DAY) * US_PER_S;
    int64_t after = (int64_t)zone_offset_s(as_utc + US_PER_DAY) * US_PER_S;
    int64_t first = as_utc - before, second = as_utc - after;
    if ((int64_t)zone_offset_s(first) * US_PER_S == before)
        return first;
    if ((int64_t)zone_offset_s(second) * US_PER_S == after)
        return second;
    return first; /* skipped by a change of clocks: the old offset moves it on */
}

/* The local date and time at the start of the unit. */
static struct civil civil_floor(struct civil c, enum zone_unit unit)
{
    switch (unit) {
    case ZONE_YEAR:
        return (struct civil){.year = c.year, .month = 1, .day = 1};
    case ZONE_MONTH:
        return (struct civil){.year = c.year, .month = c.month, .day = 1};
    case ZONE_WEEK:
        return (struct civil){
            .year = c.year, .month = c.month, .day = c.day - (c.weekday + 6) % 7};
    case ZONE_DAY:
    case ZONE_HOUR:
        return (struct civil){.year = c.year, .month = c.month, .day = c.day};
    }
    return c;
}

int64_t zone_floor(int64_t wall_us, enum zone_unit unit)
{
    struct civil c = zone_local(wall_us);
    if (unit == ZONE_HOUR)
        return wall_us - (c.minute * US_PER_MIN + (int64_t)c.second * US_PER_S + c.us);
    return zone_to_us(civil_floor(c, unit));
}

int64_t zone_step(int64_t floor_us, enum zone_unit unit, int n)
{
    if (unit == ZONE_HOUR)
        return floor_us + n * US_PER_HOUR;
    struct civil c = zone_local(floor_us);
    int months = unit == ZONE_MONTH ? n : unit == ZONE_YEAR ? 12 * n : 0;
    int m = c.month - 1 + months;
    c.year += m >= 0 ? m / 12 : -((11 - m) / 12);
    c.month = ((m % 12) + 12) % 12 + 1;
    c.day += unit == ZONE_DAY ? n : unit == ZONE_WEEK ? 7 * n : 0;
    return zone_to_us(c);
}

/* "2026-11-25", "2026-11-25T10:30", "2026-11-25 10:30:00": local. */
static bool parse_local(struct str s, bool is_end, int64_t *ret)
{
    char text[CLOCK_TEXT_LEN];
    struct err ignored = ERR_INIT;
    int64_t as_utc;
    bool bare = s.len == 10;
    if (s.len > 26)
        return false;
    snprintf(text, sizeof text, "%.*s%s", STR_ARG(s), bare ? "" : "Z");
    if (clock_parse_rfc3339(str_of(text), &as_utc, &ignored) != ERR_OK)
        return false;
    struct civil c = civil_of_us(as_utc);
    if (bare && is_end)
        c.day++;
    *ret = zone_to_us(c);
    return true;
}

static bool parse_word(struct str s, int64_t now_us, bool is_end, int64_t *ret)
{
    int64_t today = zone_floor(now_us, ZONE_DAY);
    if (str_eqz(s, "now"))
        *ret = now_us;
    else if (str_eqz(s, "today"))
        *ret = is_end ? zone_step(today, ZONE_DAY, 1) : today;
    else if (str_eqz(s, "yesterday"))
        *ret = is_end ? today : zone_step(today, ZONE_DAY, -1);
    else
        return false;
    return true;
}

enum errc zone_parse(struct str s, int64_t now_us, bool is_end, int64_t *ret,
                     struct err *e)
{
    int64_t v;
    struct err ignored = ERR_INIT;
    if (parse_word(s, now_us, is_end, ret) || parse_local(s, is_end, ret))
        return ERR_OK;
    if (s.len > 1 && s.ptr[0] == '-' &&
        num_duration_us(str_sub(s, 1, s.len), 0, &v) == ERR_OK) {
        *ret = now_us - v;
        return ERR_OK;
    }
    if (s.len > 1 && s.ptr[0] == '@' &&
        num_decimal(str_sub(s, 1, s.len), 6, false, true, &v) == ERR_OK) {
        *ret = v;
        return ERR_OK;
    }
    if (clock_parse_rfc3339(s, ret, &ignored) == ERR_OK)
        return ERR_OK;
    return err_set(e, ERR_USAGE,
                   "not a time: \"%.*s\" (2026-11-25, 2026-11-25T10:30, -7d, @EPOCH)",
                   STR_ARG(str_sub(s, 0, 40)));
}
