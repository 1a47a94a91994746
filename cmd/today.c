/* today.c: see today.h. Asks the ledger itself, as `llmgw cost --oneline` does. */
#include "cmd/today.h"

#include "cmd/cost.h"

void today_add(struct cmd_ctx *ctx, const char *before, struct buf *out)
{
    static const struct period_options no_options = {0};
    AUTO(db_close) struct db *db = NULL;
    struct period p;
    struct report r;
    struct err why = ERR_INIT;
    char money[MONEY_TEXT_LEN];
    pico limit;
    if (ctx->conf == NULL || cmd_open_ledger(ctx, &db, &why) != ERR_OK || db == NULL ||
        period_parse(ctx, "today", NULL, &no_options, &p, &why) != ERR_OK)
        return;
    const struct report_query q = {.since_us = p.since_us, .until_us = p.until_us};
    if (cost_report(ctx, db, &q, &r, &why) != ERR_OK)
        return;
    money_people(money, report_cost(&r.all));
    buf_printf(out, "%stoday %s", before, money);
    if (!cost_budget(ctx, &p, &limit))
        return;
    money_people(money, limit);
    buf_printf(out, " of %s", money);
}
