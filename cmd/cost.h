/* cost.h: what the files of `llmgw cost` share; nobody else includes it. */
#ifndef CMD_COST_H
#define CMD_COST_H

#include "core/report.h"

#include "cmd/period.h"

struct cost_options {
    struct period_options period;
    bool since_last;
    const char *mark;
    struct opt_list by;
    bool breakdown;
    int64_t top; /* 0: all */
    const char *sort, *order;
    const char *model, *route, *project, *tag, *kind;
    bool check, strict;
    pico limit_pico;  /* PICO_UNKNOWN: not given */
    int64_t warn_ppm; /* −1: not given */
    bool total_only, oneline, if_any, spark, csv_raw;
};

/* report_run, which finds nothing in a ledger that is not there. */
enum errc cost_report(struct cmd_ctx *ctx, struct db *db, const struct report_query *q,
                      struct report *ret, struct err *e) MUST_USE;

/* `cost --check`, `cost --limit`: lines for what is over, ERR_CHECK without a text then. */
enum errc cost_check(struct cmd_ctx *ctx, const struct cost_options *o, struct db *db,
                     const struct period *p, const struct report_query *q, struct err *e)
    MUST_USE;
/* Sum and limit of the first budget without a filter for this period; false if there is none. */
bool cost_budget(struct cmd_ctx *ctx, const struct period *p, pico *ret_limit);

/* Requests that wait in the spool for a broker or for the database; db may be NULL. */
enum errc cost_waiting(struct cmd_ctx *ctx, struct db *db, int64_t *ret_n, struct err *e)
    MUST_USE;

/* Where the last report of this name has ended; 0: there was none. ERR_USAGE for no name. */
enum errc cost_mark_load(struct cmd_ctx *ctx, const char *name, int64_t *ret_us,
                         struct err *e) MUST_USE;
enum errc cost_mark_save(struct cmd_ctx *ctx, const char *name, int64_t us, struct err *e)
    MUST_USE;
/*
 * Up to then no request is under way: its row would come too late for this report, and for the
 * next one, which begins where this one ends.
 */
int64_t cost_settled_us(struct cmd_ctx *ctx);

/* `cost show ID`: the arithmetic of one request. */
enum errc cost_show(struct cmd_ctx *ctx, enum cmd_format format, struct db *db,
                    struct str id, struct err *e) MUST_USE;

#endif
