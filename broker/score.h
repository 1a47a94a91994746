/*
 * score.h: how good each target's answers were found, from the ledger's table `score`.
 *
 * Only scores that are called "quality", from 0 to 1, and only the latest ones: what was thought
 * of a model a year ago says little of today's. Read by the writer thread, and at the start.
 */
#ifndef BROKER_SCORE_H
#define BROKER_SCORE_H

#include "core/db.h"
#include "core/limits.h"

struct score {
    char target[2 * LIMIT_NAME_LEN + 2]; /* "PROVIDER/MODEL" */
    int64_t mean_ppm;                    /* of all its scores, 1000000 the best */
    int64_t n;                           /* from 1 */
};

struct scores {
    size_t n;
    struct score items[LIMIT_SCORED_TARGETS]; /* by name */
};

/* The caller's to free. Looks at LIMIT_SCORES_READ rows at most. */
enum errc scores_read(struct db *db, struct scores **ret, struct err *e) MUST_USE;
void scores_free(struct scores **s);
/* NULL: it has none; so has none of NULL. */
const struct score *scores_find(const struct scores *s, struct str target);

#endif
