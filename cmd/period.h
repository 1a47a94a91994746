/* period.h: spans of local time as users write them: "month", --since, --until, --last. */
#ifndef CMD_PERIOD_H
#define CMD_PERIOD_H

#include "core/zone.h"

#include "cmd/cmd.h"
#include "cmd/out.h"

struct period_options {
    const char *since, *until; /* NULL: not given */
    int64_t last_us;           /* 0: not given */
};

struct period {
    int64_t since_us, until_us; /* half open */
    const char *label; /* "November 2026 (1–25, Europe/Berlin)"; in the context's arena */
    const char *name; /* "month", "today": the word for it; NULL for a span by options */
    bool is_open;     /* it is not over yet */
};

/*
 * The span that a word and options mean, at ctx's clock. word NULL: `preset`; with options they
 * replace it, and giving a word with them is ERR_USAGE.
 */
enum errc period_parse(struct cmd_ctx *ctx, const char *word, const char *preset,
                       const struct period_options *options, struct period *ret,
                       struct err *e) MUST_USE;
/* From one moment to another; since_us 0: from the beginning. */
void period_between(struct cmd_ctx *ctx, int64_t since_us, int64_t until_us,
                    struct period *ret);
/* "2026-11-25", as a group of that unit is called; hours and weeks: their beginning. */
void period_unit_name(struct buf *b, int64_t from_us, enum zone_unit unit);
/* "since" and "until" of the envelope. */
void period_meta(struct out *o, const struct period *p);

#endif
