/*
 * seed.h: what was spent before this process began, so that budgets go on where they stood.
 */
#ifndef BROKER_SEED_H
#define BROKER_SEED_H

#include "core/db.h"

#include "broker/broker.h"

/*
 * Fills those of b->limiter's budgets that are new from the ledger, NULL when there is none;
 * trouble is logged, and the budgets begin at zero then. Spending is counted by hours: in zones
 * that begin their days within a UTC hour, up to an hour around the window's beginning may be
 * missing.
 */
void seed_budgets(struct broker *b, struct db *db);

#endif
