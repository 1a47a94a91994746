/* test_cost.c: the words for spans of `llmgw cost`, each at a fixed time in a fixed zone. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"

#include "cmd/cost.h"
#include "cmd/files.h"

#include <cmocka.h>

/* The night in which Berlin's clocks went back: 25 October 2026, 12:30 local, was 11:30 UTC. */
static int64_t autumn_us(const struct clock *c)
{
    (void)c;
    return 1792927800 * (int64_t)US_PER_S;
}

static const struct clock autumn = {.mono_us = autumn_us, .wall_us = autumn_us};

/* Wednesday, 1 January 2025, 00:30 in Berlin: still 2024 in UTC. */
static int64_t new_year_us(const struct clock *c)
{
    (void)c;
    return 1735687800 * (int64_t)US_PER_S;
}

static const struct clock new_year = {.mono_us = new_year_us, .wall_us = new_year_us};

/* What `llmgw cost WORD` prints without a ledger. */
static void run_cost(const struct clock *clock, const char *word, enum cmd_format format,
                     struct buf *ret)
{
    static struct opt_args args;
    char path[] = "/tmp/test_cost.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct err e = ERR_INIT;
    struct conf *conf = NULL;
    struct conf_source none = {.getenv = cmd_getenv};
    AUTO(buf_release) struct buf problems = BUF_INIT(4096);
    assert_int_equal(conf_load(&none, NULL, &conf, &problems, &e), ERR_OK);
    struct cmd_ctx ctx = {
        .program = "llmgw", .command = "cost", .clock = clock, .conf = conf};
    ctx.global.output = path;
    ctx.global.format = cmd_format_name(format);
    arena_init(&ctx.arena, 1 << 20);
    struct cost_options o = {0};
    cmd_cost.init(&o);
    args = (struct opt_args){.items = {word}, .n = 1};
    if (cmd_cost.run(&ctx, &o, &args, &e) != ERR_OK)
        fail_msg("%s: %s", word, e.text);
    assert_int_equal(files_read(path, ret, &e), ERR_OK);
    unlink(path);
    conf_free(&conf);
    arena_release(&ctx.arena);
}

struct span {
    const char *word, *since, *until;
};

static void check_spans(const struct clock *clock, const struct span *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_release) struct buf json = BUF_INIT(1 << 20);
        AUTO(jx_put) struct json_object *o = NULL;
        struct err e = ERR_INIT;
        run_cost(clock, rows[i].word, FORMAT_JSON, &json);
        assert_int_equal(jx_parse(buf_str(&json), &o, &e), ERR_OK);
        struct str since = jx_str(o, "since"), until = jx_str(o, "until");
        bool is_right = str_eqz(since, rows[i].since) && str_eqz(until, rows[i].until);
        if (!is_right)
            fail_msg("%s: %.*s to %.*s", rows[i].word, STR_ARG(since), STR_ARG(until));
        assert_string_equal(json_object_get_string(jx_get(o, "tz")), "Europe/Berlin");
    }
}

static void words_are_spans_of_local_time(void **state)
{
    (void)state;
    static const struct span rows[] = {
        {"today", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"},
        {"yesterday", "2026-10-24T00:00:00+02:00", "2026-10-25T00:00:00+02:00"},
        {"week", "2026-10-19T00:00:00+02:00", "2026-10-26T00:00:00+01:00"},
        {"month", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"},
        {"last-month", "2026-09-01T00:00:00+02:00", "2026-10-01T00:00:00+02:00"},
        {"year", "2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"},
        {"all", "", "2027-01-01T00:00:00+01:00"},
        {"hourly", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"},
        {"daily", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"},
        {"weekly", "2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"},
        {"monthly", "2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"},
        {"sessions", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"},
    };
    check_spans(&autumn, rows, ARRAY_LEN(rows));
}

static void a_year_begins_in_the_zone(void **state)
{
    (void)state;
    static const struct span rows[] = {
        {"today", "2025-01-01T00:00:00+01:00", "2025-01-02T00:00:00+01:00"},
        {"yesterday", "2024-12-31T00:00:00+01:00", "2025-01-01T00:00:00+01:00"},
        {"week", "2024-12-30T00:00:00+01:00", "2025-01-06T00:00:00+01:00"},
        {"month", "2025-01-01T00:00:00+01:00", "2025-02-01T00:00:00+01:00"},
        {"last-month", "2024-12-01T00:00:00+01:00", "2025-01-01T00:00:00+01:00"},
        {"year", "2025-01-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00"},
    };
    check_spans(&new_year, rows, ARRAY_LEN(rows));
}

static void words_for_units_group_by_them(void **state)
{
    (void)state;
    static const struct {
        const char *word, *columns;
    } rows[] = {
        {"today", "model,requests"},   {"hourly", "hour,requests"},
        {"daily", "day,requests"},     {"weekly", "week,requests"},
        {"monthly", "month,requests"}, {"sessions", "conversation,requests"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf csv = BUF_INIT(1 << 20);
        run_cost(&autumn, rows[i].word, FORMAT_CSV, &csv);
        if (!str_starts(buf_str(&csv), str_of(rows[i].columns)))
            fail_msg("%s: %s", rows[i].word, csv.data);
    }
}

static void the_headline_says_which_days(void **state)
{
    (void)state;
    static const struct {
        const char *word, *line;
    } rows[] = {
        {"today", "25 October 2026 (Europe/Berlin)"},
        {"yesterday", "24 October 2026 (Europe/Berlin)"},
        {"week", "week of 19 October 2026 (Europe/Berlin)"},
        {"month", "October 2026 (1\xE2\x80\x93"
                  "25, Europe/Berlin)"},
        {"last-month", "September 2026 (1\xE2\x80\x93"
                       "30, Europe/Berlin)"},
        {"year", "2026 (Europe/Berlin)"},
        {"all", "everything (Europe/Berlin)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf text = BUF_INIT(1 << 20);
        run_cost(&autumn, rows[i].word, FORMAT_TABLE, &text);
        if (!str_starts(buf_str(&text), str_of(rows[i].line)))
            fail_msg("%s: %s", rows[i].word, text.data);
    }
}

static int at_home(void **state)
{
    (void)state;
    static char home[] = "/tmp/test_cost.XXXXXX";
    struct err e = ERR_INIT;
    if (mkdtemp(home) == NULL || setenv("XDG_DATA_HOME", home, 1) != 0 ||
        setenv("XDG_CONFIG_HOME", home, 1) != 0 || unsetenv("LLMGW_DB") != 0)
        return -1;
    rmdir(home); /* nothing is there, and nothing is made */
    return setlocale(LC_CTYPE, "C.UTF-8") != NULL &&
                   zone_use("Europe/Berlin", &e) == ERR_OK
               ? 0
               : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_spans_of_local_time),
        cmocka_unit_test(a_year_begins_in_the_zone),
        cmocka_unit_test(words_for_units_group_by_them),
        cmocka_unit_test(the_headline_says_which_days),
    };
    return cmocka_run_group_tests_name("cost", tests, at_home, NULL);
}
