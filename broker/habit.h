/*
 * habit.h: what requests that are alike have taught: how long their answers are, and how much of
 * them a target's prompt cache holds.
 *
 * Of fixed size: what was used longest ago makes room. Good for ranking targets; never for a bill
 * or a limit. Nothing of a text is kept, only hashes.
 */
#ifndef BROKER_HABIT_H
#define BROKER_HABIT_H

#include "core/err.h"
#include "core/str.h"

struct jcheck;
struct habits;

enum errc habits_new(struct habits **ret, struct err *e) MUST_USE;
void habits_free(struct habits **h);

/*
 * Tokens of an answer to this template: of that target where it has answered one, else of all
 * that have; −1: of none.
 */
int64_t habits_output_tok(const struct habits *h, struct str template_name,
                          struct str target);
/* An answer of so many, from 0. */
void habits_answered(struct habits *h, struct str template_name, struct str target,
                     int64_t output_tok, int64_t now_us);

/*
 * What the next request with this prefix will find in the target's prompt cache, in tokens;
 * −1: that cache has ended, or nobody knows of one.
 */
int64_t habits_cached_tok(const struct habits *h, uint64_t prefix, struct str target,
                          int64_t now_us);
/* Its provider has told that so many are in there; until then they will be. */
void habits_cached(struct habits *h, uint64_t prefix, struct str target,
                   int64_t cached_tok, int64_t until_us);

/* How long the prompt cache lives of the target that served this prefix last; 0: not that one. */
int64_t habits_kept_us(const struct habits *h, uint64_t prefix, struct str target,
                       int64_t now_us);
void habits_served(struct habits *h, uint64_t prefix, struct str target,
                   int64_t until_us);

/*
 * By what a request is known again: its conversation, or else how its prompt begins (system
 * prompt and messages up to the first of the user, by providers' own measure). Never 0.
 */
uint64_t habit_prefix(struct str conversation, struct str body,
                      const struct jcheck *check);

#endif
