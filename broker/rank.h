/*
 * rank.h: in which order those who may serve a request are asked, by the strategy of their route.
 *
 * A strategy makes a number of each candidate; the least goes first, and equal ones stay in the
 * order of the configuration. What is not known is no number: who has none comes behind all who
 * have one. As pure as the router; whatever is drawn comes from the seed alone.
 */
#ifndef BROKER_RANK_H
#define BROKER_RANK_H

#include "broker/router.h"

struct ranking {
    const struct rank_rules *rules;
    const struct route_facts *facts;
    const struct conf_target *targets;
    const struct target_view *views; /* views[i] belongs to targets[i] */
    const struct catalog *catalog;
    const struct conf *conf;
};

/* Sorts n candidates who may all serve it, and tells each one's reason in `rank`. */
void rank_candidates(const struct ranking *k, struct candidate *items, size_t n);

static inline void candidate_swap(struct candidate *a, struct candidate *b)
{
    struct candidate c = *a;
    *a = *b;
    *b = c;
}

#endif
