/* period.c: see period.h. */
#include "cmd/period.h"

#include <string.h>

#include "core/near.h"

enum period_word { TODAY, YESTERDAY, WEEK, MONTH, LAST_MONTH, YEAR, ALL };

static const struct {
    const char *name;
    enum zone_unit unit;
    int from, n; /* units from now, and how many */
} words[] = {
    [TODAY] = {"today", ZONE_DAY, 0, 1},
    [YESTERDAY] = {"yesterday", ZONE_DAY, -1, 1},
    [WEEK] = {"week", ZONE_WEEK, 0, 1},
    [MONTH] = {"month", ZONE_MONTH, 0, 1},
    [LAST_MONTH] = {"last-month", ZONE_MONTH, -1, 1},
    [YEAR] = {"year", ZONE_YEAR, 0, 1},
    [ALL] = {"all", ZONE_YEAR, 0, 1},
};

/* English in every locale: reports are compared and quoted. */
static const char *const months[] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December",
};

static bool find_word(struct str name, enum period_word *ret)
{
    for (unsigned w = 0; w < ARRAY_LEN(words); w++)
        if (str_eqz(name, words[w].name)) {
            *ret = (enum period_word)w;
            return true;
        }
    return false;
}

/* What is near it; another time by the options, as 7d and 2026-11 are no words. */
static enum errc no_period(const char *word, struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, str_of(word));
    for (unsigned w = 0; w < ARRAY_LEN(words); w++)
        near_offerz(&near, words[w].name);
    near_hint(&near, 1, hint);
    return err_set(
        e, ERR_USAGE,
        "no period \"%s\" (today, yesterday, week, month, last-month, year, "
        "all)%s",
        word, hint[0] != '\0' ? hint : "\nhint: another one: --last 7d, or --since DATE");
}

void period_unit_name(struct buf *b, int64_t from_us, enum zone_unit unit)
{
    struct civil c = zone_local(from_us);
    char text[CLOCK_TEXT_LEN];
    switch (unit) {
    case ZONE_HOUR: /* with its offset: one hour of the year comes twice */
        clock_rfc3339(text, from_us, zone_offset_s(from_us), false);
        buf_addz(b, text);
        break;
    case ZONE_DAY:
    case ZONE_WEEK:
        buf_printf(b, "%04d-%02d-%02d", c.year, c.month, c.day);
        break;
    case ZONE_MONTH:
        buf_printf(b, "%04d-%02d", c.year, c.month);
        break;
    case ZONE_YEAR:
        buf_printf(b, "%04d", c.year);
        break;
    }
}

/* "2026-11-25" or "2026-11-25 10:30", whichever says it. */
static const char *moment(struct arena *a, int64_t us)
{
    struct civil c = zone_local(us);
    if (c.hour == 0 && c.minute == 0 && c.second == 0)
        return arena_printf(a, "%04d-%02d-%02d", c.year, c.month, c.day);
    return arena_printf(a, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour,
                        c.minute);
}

/* A span that ends at midnight ends with the day before. */
static const char *label_span(struct arena *a, const struct period *p)
{
    const char *dash = out_is_utf8() ? "\xE2\x80\x93" : "-";
    int64_t last_us = p->until_us;
    if (zone_floor(last_us, ZONE_DAY) == last_us)
        last_us = zone_step(last_us, ZONE_DAY, -1);
    if (last_us < p->since_us)
        last_us = p->until_us;
    return arena_printf(a, "%s %s %s (%s)", moment(a, p->since_us), dash,
                        moment(a, last_us), zone_name());
}

static const char *label_word(struct arena *a, enum period_word w, const struct period *p,
                              int64_t now_us)
{
    struct civil from = zone_local(p->since_us);
    struct civil last = zone_local(MIN(p->until_us - 1, now_us));
    const char *dash = out_is_utf8() ? "\xE2\x80\x93" : "-";
    switch (w) {
    case TODAY:
    case YESTERDAY:
        return arena_printf(a, "%d %s %d (%s)", from.day, months[from.month - 1],
                            from.year, zone_name());
    case MONTH:
    case LAST_MONTH:
        return arena_printf(a, "%s %d (1%s%d, %s)", months[from.month - 1], from.year,
                            dash, last.day, zone_name());
    case YEAR:
        return arena_printf(a, "%d (%s)", from.year, zone_name());
    case WEEK:
        return arena_printf(a, "week of %d %s %d (%s)", from.day, months[from.month - 1],
                            from.year, zone_name());
    case ALL:
        return arena_printf(a, "everything (%s)", zone_name());
    }
    return "";
}

static void by_word(struct cmd_ctx *ctx, enum period_word w, int64_t now_us,
                    struct period *p)
{
    enum zone_unit unit = words[w].unit;
    p->since_us = zone_step(zone_floor(now_us, unit), unit, words[w].from);
    p->until_us = zone_step(p->since_us, unit, words[w].n);
    if (w == ALL)
        p->since_us = 0;
    p->name = words[w].name;
    p->label = label_word(&ctx->arena, w, p, now_us);
}

static enum errc by_options(struct cmd_ctx *ctx, const struct period_options *o,
                            int64_t now_us, struct period *p, struct err *e)
{
    enum errc rc = ERR_OK;
    p->until_us = now_us;
    if (o->until != NULL)
        rc = zone_parse(str_of(o->until), now_us, true, &p->until_us, e);
    if (rc == ERR_OK && o->since != NULL)
        rc = zone_parse(str_of(o->since), now_us, false, &p->since_us, e);
    else if (o->last_us > 0)
        p->since_us = p->until_us - o->last_us;
    if (rc == ERR_OK && p->since_us >= p->until_us)
        rc = err_set(e, ERR_USAGE, "the span ends before it begins");
    if (rc == ERR_OK)
        p->label = label_span(&ctx->arena, p);
    return rc;
}

void period_between(struct cmd_ctx *ctx, int64_t since_us, int64_t until_us,
                    struct period *ret)
{
    *ret = (struct period){.since_us = since_us, .until_us = until_us};
    if (since_us > 0)
        ret->label = label_span(&ctx->arena, ret);
    else
        ret->label = arena_printf(&ctx->arena, "until %s (%s)",
                                  moment(&ctx->arena, until_us), zone_name());
}

enum errc period_parse(struct cmd_ctx *ctx, const char *word, const char *preset,
                       const struct period_options *options, struct period *ret,
                       struct err *e)
{
    struct period p = {0};
    enum period_word w;
    enum errc rc = ERR_OK;
    int64_t now_us = clock_wall_us(ctx->clock);
    bool has_options =
        options->since != NULL || options->until != NULL || options->last_us > 0;
    if (has_options && word != NULL)
        return err_set(e, ERR_USAGE, "%s and --since, --until or --last: one of them",
                       word);
    if (options->since != NULL && options->last_us > 0)
        return err_set(e, ERR_USAGE, "--since and --last: one of them");
    if (has_options)
        rc = by_options(ctx, options, now_us, &p, e);
    else if (find_word(str_of(word != NULL ? word : preset), &w))
        by_word(ctx, w, now_us, &p);
    else
        rc = no_period(word, e);
    if (rc != ERR_OK)
        return rc;
    p.is_open = p.until_us > now_us;
    *ret = p;
    return ERR_OK;
}

static void meta_time(struct out *o, const char *key, int64_t us)
{
    char text[CLOCK_TEXT_LEN + 2];
    text[0] = '"';
    clock_rfc3339(text + 1, us, zone_offset_s(us), us % US_PER_S != 0);
    size_t n = strlen(text);
    text[n] = '"';
    out_meta(o, key, (struct str){text, n + 1});
}

void period_meta(struct out *o, const struct period *p)
{
    if (p->since_us > 0)
        meta_time(o, "since", p->since_us);
    else
        out_meta(o, "since", STR("null"));
    meta_time(o, "until", p->until_us);
}
