/*
 * seed.h: what was spent and used before this process began, so that budgets and limits go on
 * where they stood.
 */
#ifndef BROKER_SEED_H
#define BROKER_SEED_H

#include "core/db.h"

#include "broker/broker.h"

/*
 * Fills those of b->limiter's budgets and rates that are new from the ledger, NULL when there is
 * none; trouble is logged, and they begin empty then. Spending is counted by hours: in zones that
 * begin their days within a UTC hour, up to an hour around the window's beginning may be missing.
 * Rates are counted by attempts, at most the last SEED_REQUESTS_MAX requests'.
 */
void seed_limits(struct broker *b, struct db *db);

#endif
