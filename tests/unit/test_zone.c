/* test_zone.c: days, weeks and months in zones that change their clocks or count oddly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "core/zone.h"

#include <cmocka.h>

static int64_t utc(const char *text)
{
    int64_t us = 0;
    struct err e = ERR_INIT;
    assert_int_equal(clock_parse_rfc3339(str_of(text), &us, &e), ERR_OK);
    return us;
}

static void use(const char *zone)
{
    struct err e = ERR_INIT;
    assert_int_equal(zone_use(zone, &e), ERR_OK);
}

static void days_start_at_local_midnight(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *at;
        enum zone_unit unit;
        const char *floor, *next;
    } rows[] = {
        {"UTC", "2026-11-25T03:05:11Z", ZONE_DAY, "2026-11-25T00:00:00Z",
         "2026-11-26T00:00:00Z"},
        {"Europe/Berlin", "2026-11-24T23:30:00Z", ZONE_DAY, "2026-11-24T23:00:00Z",
         "2026-11-25T23:00:00Z"},
        /* 29 March 2026 has 23 hours, 25 October has 25 */
        {"Europe/Berlin", "2026-03-29T12:00:00Z", ZONE_DAY, "2026-03-28T23:00:00Z",
         "2026-03-29T22:00:00Z"},
        {"Europe/Berlin", "2026-10-25T12:00:00Z", ZONE_DAY, "2026-10-24T22:00:00Z",
         "2026-10-25T23:00:00Z"},
        {"Pacific/Kiritimati", "2026-11-25T11:00:00Z", ZONE_DAY, "2026-11-25T10:00:00Z",
         "2026-11-26T10:00:00Z"},
        {"Pacific/Niue", "2026-11-25T10:59:59Z", ZONE_DAY, "2026-11-24T11:00:00Z",
         "2026-11-25T11:00:00Z"},
        {"Asia/Kathmandu", "2026-11-25T10:10:00Z", ZONE_HOUR, "2026-11-25T09:15:00Z",
         "2026-11-25T10:15:00Z"},
        {"Europe/Berlin", "2026-11-25T10:10:00Z", ZONE_WEEK, "2026-11-22T23:00:00Z",
         "2026-11-29T23:00:00Z"},
        {"Europe/Berlin", "2026-11-25T10:10:00Z", ZONE_MONTH, "2026-10-31T23:00:00Z",
         "2026-11-30T23:00:00Z"},
        {"UTC", "2026-12-25T10:10:00Z", ZONE_MONTH, "2026-12-01T00:00:00Z",
         "2027-01-01T00:00:00Z"},
        {"UTC", "2026-12-25T10:10:00Z", ZONE_YEAR, "2026-01-01T00:00:00Z",
         "2027-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        use(rows[i].zone);
        int64_t floor = zone_floor(utc(rows[i].at), rows[i].unit);
        assert_int_equal(floor, utc(rows[i].floor));
        assert_int_equal(zone_step(floor, rows[i].unit, 1), utc(rows[i].next));
        assert_int_equal(zone_step(utc(rows[i].next), rows[i].unit, -1), floor);
    }
}

static void every_hour_of_three_years_goes_both_ways(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "America/St_Johns",
                                        "Australia/Lord_Howe", "Pacific/Apia",
                                        "Asia/Kolkata"};
    for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
        use(zones[z]);
        for (int64_t t = utc("2025-01-01"); t < utc("2028-01-01"); t += US_PER_HOUR) {
            int64_t back = zone_to_us(zone_local(t));
            /* the second of two equal local times gives the first */
            assert_true(back == t || (back < t && t - back <= US_PER_HOUR));
            int64_t day = zone_floor(t, ZONE_DAY);
            assert_true(day <= t && t < zone_step(day, ZONE_DAY, 1));
        }
    }
}

static void users_write_times_in_many_ways(void **state)
{
    (void)state;
    use("Europe/Berlin");
    int64_t now = utc("2026-11-25T12:00:00Z");
    static const struct {
        const char *text;
        bool is_end;
        const char *want;
    } rows[] = {
        {"2026-11-20", false, "2026-11-19T23:00:00Z"},
        {"2026-11-20", true, "2026-11-20T23:00:00Z"},
        {"2026-11-20T10:30", false, "2026-11-20T09:30:00Z"},
        {"2026-11-20T10:30:00", false, "2026-11-20T09:30:00Z"},
        {"2026-11-20T10:30:00Z", true, "2026-11-20T10:30:00Z"},
        {"2026-11-20T10:30:00+01:00", false, "2026-11-20T09:30:00Z"},
        {"-7d", false, "2026-11-18T12:00:00Z"},
        {"-90m", true, "2026-11-25T10:30:00Z"},
        {"@0", false, "1970-01-01T00:00:00Z"},
        {"@1795600000.5", false, "2026-11-25T09:46:40.5Z"},
        {"now", false, "2026-11-25T12:00:00Z"},
        {"today", false, "2026-11-24T23:00:00Z"},
        {"today", true, "2026-11-25T23:00:00Z"},
        {"yesterday", false, "2026-11-23T23:00:00Z"},
        {"yesterday", true, "2026-11-24T23:00:00Z"},
        {"7d", false, NULL},
        {"", false, NULL},
        {"2026-02-30", false, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 0;
        struct err e = ERR_INIT;
        enum errc rc = zone_parse(str_of(rows[i].text), now, rows[i].is_end, &us, &e);
        if (rows[i].want == NULL) {
            assert_int_equal(rc, ERR_USAGE);
        } else {
            assert_int_equal(rc, ERR_OK);
            assert_int_equal(us, utc(rows[i].want));
        }
    }
}

static void unknown_zones_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Europe/Berlyn", "../../etc/passwd",
                                      "/etc/localtime"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(zone_use(bad[i], &e), ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_start_at_local_midnight),
        cmocka_unit_test(every_hour_of_three_years_goes_both_ways),
        cmocka_unit_test(users_write_times_in_many_ways),
        cmocka_unit_test(unknown_zones_are_refused),
    };
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
