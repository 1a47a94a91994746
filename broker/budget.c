/* budget.c: see budget.h. Owns calendar windows and sums; knows no request and no bucket.
 */
#include "broker/budget.h"

#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/zone.h"

/* Nobody knows when those under way give back what they do not need: soon enough to ask again. */
enum { SETTLE_WAIT_US = US_PER_S / 10 };

/* A copy of an optional text; false when memory is out. */
static bool copy(char **ret, const char *s)
{
    return s == NULL || (*ret = mem_strdup(s)) != NULL;
}

enum errc budget_init(struct budget *b, const struct conf_budget *c)
{
    *b = (struct budget){
        .limit_pico = c->limit_pico,
        .warn_ppm = c->warn_ppm,
        .per = (int)c->per,
        .hard = c->hard,
    };
    bool ok = copy(&b->name, c->name) && copy(&b->project, c->project) &&
              copy(&b->client, c->client) && copy(&b->provider, c->provider) &&
              copy(&b->tag, c->tag) && copy(&b->tz, c->tz);
    return ok ? ERR_OK : ERR_MEMORY;
}

void budget_release(struct budget *b)
{
    char **const texts[] = {&b->name,     &b->project, &b->client,
                            &b->provider, &b->tag,     &b->tz};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        mem_freep(texts[i]);
}

void budget_turn(struct budget *b, int64_t now_wall_us)
{
    if (now_wall_us >= b->from_us && now_wall_us < b->to_us)
        return;
    budget_window(b->per, b->tz, now_wall_us, &b->from_us, &b->to_us);
    b->spent_pico = 0;
}

pico budget_left(const struct budget *b)
{
    i128 left = (i128)b->limit_pico - b->spent_pico - b->reserved_pico;
    return left > 0 ? (pico)left : 0;
}

/* Of the window that now belongs to. */
static pico spent_pico(const struct budget *b, int64_t now_wall_us)
{
    bool is_over = now_wall_us < b->from_us || now_wall_us >= b->to_us;
    return is_over ? 0 : b->spent_pico;
}

bool budget_is_spent(const struct budget *b, pico cost, int64_t now_wall_us)
{
    return b->hard && (i128)spent_pico(b, now_wall_us) + MAX(cost, 0) > b->limit_pico;
}

int64_t budget_wait_us(const struct budget *b, pico cost, int64_t now_wall_us)
{
    if (!b->hard)
        return 0;
    if (cost == PICO_UNKNOWN || cost > b->limit_pico)
        return -1;
    i128 used = (i128)spent_pico(b, now_wall_us) + b->reserved_pico;
    if (used + cost <= b->limit_pico)
        return 0;
    if (!budget_is_spent(b, cost, now_wall_us))
        return SETTLE_WAIT_US;
    int64_t from_us, to_us;
    budget_window(b->per, b->tz, now_wall_us, &from_us, &to_us);
    return to_us - now_wall_us;
}

bool budget_is_above_warning(const struct budget *b)
{
    return (i128)b->spent_pico * 1000000 >= (i128)b->limit_pico * b->warn_ppm;
}

const char *budget_per_name(int per)
{
    static const char *const names[] = {
        [CONF_PER_HOUR] = "hour",
        [CONF_PER_DAY] = "day",
        [CONF_PER_WEEK] = "week",
        [CONF_PER_MONTH] = "month",
    };
    return names[per];
}

/* The start of the n-th window after the one that holds wall_us, without any zone. */
static int64_t utc_start(int per, int64_t wall_us, int n)
{
    struct civil c = civil_of_us(wall_us);
    struct civil s = {.year = c.year, .month = c.month, .day = 1};
    switch (per) {
    case CONF_PER_HOUR:
        s.day = c.day;
        s.hour = c.hour + n;
        break;
    case CONF_PER_DAY:
        s.day = c.day + n;
        break;
    case CONF_PER_WEEK:
        s.day = c.day - (c.weekday + 6) % 7 + 7 * n;
        break;
    case CONF_PER_MONTH:
        s.year += (c.month - 1 + n) / 12;
        s.month = (c.month - 1 + n) % 12 + 1;
        break;
    }
    return civil_to_us(&s);
}

void budget_window(int per, const char *tz, int64_t wall_us, int64_t *ret_from_us,
                   int64_t *ret_to_us)
{
    static const enum zone_unit units[] = {
        [CONF_PER_HOUR] = ZONE_HOUR,
        [CONF_PER_DAY] = ZONE_DAY,
        [CONF_PER_WEEK] = ZONE_WEEK,
        [CONF_PER_MONTH] = ZONE_MONTH,
    };
    if (tz != NULL && strcmp(tz, "UTC") == 0) {
        *ret_from_us = utc_start(per, wall_us, 0);
        *ret_to_us = utc_start(per, wall_us, 1);
    } else {
        *ret_from_us = zone_floor(wall_us, units[per]);
        *ret_to_us = zone_step(*ret_from_us, units[per], 1);
    }
}
