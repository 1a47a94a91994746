/*
 * state.h: what outlives a restart beside money: pins, preferences, drained targets and weights,
 * open breakers of targets and keys, and what providers have told of their limits and models.
 *
 * Each change becomes a record in the spool and so a row of table `state`: "pin:ROUTE",
 * "prefer:ROUTE", "drain:TARGET", "weight:TARGET", "breaker:TARGET", "limits:TARGET",
 * "facts:TARGET" or "key:PROVIDER:FINGERPRINT", with JSON as its value. Times are wall time
 * there.
 */
#ifndef BROKER_STATE_H
#define BROKER_STATE_H

#include "core/db.h"

#include "broker/broker.h"

/* As they are now; a record that finds no room is counted as lost by the ledger, and logged. */
void state_save_pin(struct broker *b, const struct pin *p);
void state_forget_pin(struct broker *b, const char *route);
void state_save_prefer(struct broker *b, const struct prefer *p);
void state_forget_prefer(struct broker *b, const char *route);
void state_save_drain(struct broker *b, const struct target_state *t);
void state_save_weight(struct broker *b, const struct target_state *t);
void state_save_breaker(struct broker *b, const struct target_state *t);
void state_save_key(struct broker *b, const struct secret_state *k);
/* Those whose reset lies ahead; the row goes when there are none. */
void state_save_limits(struct broker *b, struct target_state *t);
void state_forget_limits(struct broker *b, struct target_state *t);
/* What its refusals have taught of the model; read back for a week, because models change. */
void state_save_facts(struct broker *b, const struct target_state *t);
void state_forget_facts(struct broker *b, const struct target_state *t);

/* At the start, from the ledger, NULL when there is none; trouble is logged. */
void state_load(struct broker *b, struct db *db);

#endif
