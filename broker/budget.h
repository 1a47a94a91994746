/*
 * budget.h: money with calendar windows: so much an hour, day, week or month.
 *
 * What is under way counts as spent at its reserved, worst price until it settles. A soft
 * budget only tells; a hard one refuses before anything is sent.
 */
#ifndef BROKER_BUDGET_H
#define BROKER_BUDGET_H

#include "core/conf.h"

struct budget {
    char *name;                              /* owned, as the filters below */
    char *project, *client, *provider, *tag; /* NULL: everything; tag is "KEY=VALUE" */
    char *tz;                                /* NULL: local */
    pico limit_pico;
    int64_t warn_ppm;
    int per; /* CONF_PER_… */
    bool hard;
    int64_t from_us, to_us; /* wall: the window that spent_pico belongs to */
    pico spent_pico, reserved_pico;
};

/* Copies; ERR_MEMORY leaves *b releasable. */
enum errc budget_init(struct budget *b, const struct conf_budget *c) MUST_USE;
void budget_release(struct budget *b);
/* Begins a new window when the old one is over. */
void budget_turn(struct budget *b, int64_t now_wall_us);
/*
 * 0: fits now; −1: never. Else the time to the next window, or, when only what is under way
 * stands in its way, a moment. Soft budgets always fit.
 */
int64_t budget_wait_us(const struct budget *b, pico cost, int64_t now_wall_us);
/* A hard one, and whatever those under way give back, this is too much for its window. */
bool budget_is_spent(const struct budget *b, pico cost, int64_t now_wall_us);
/* What may still be reserved in this window; not below 0. */
pico budget_left(const struct budget *b);
bool budget_is_above_warning(const struct budget *b);
/*
 * Beginning and end of the calendar window around a time: in UTC when tz says so, else in the
 * zone of the process (zone.h), which the broker sets to the one its budgets name.
 */
void budget_window(int per, const char *tz, int64_t wall_us, int64_t *ret_from_us,
                   int64_t *ret_to_us);
const char *budget_per_name(int per);

#endif
