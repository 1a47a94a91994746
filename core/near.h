/*
 * near.h: "did you mean": the nearest of the names offered to one that was not found.
 */
#ifndef CORE_NEAR_H
#define CORE_NEAR_H

#include "core/str.h"

enum { NEAR_MAX = 3, NEAR_TEXT_LEN = 256 };

struct near {
    struct str wanted;           /* borrowed, as all names */
    struct str names[NEAR_MAX];  /* nearest first; of equals, the one offered first */
    unsigned distance[NEAR_MAX]; /* halves of an edit away */
    size_t n;
};

void near_init(struct near *n, struct str wanted);
/*
 * Keeps `name` when it is among the nearest, and near enough to be a slip of the hand, or has
 * in it what is wanted, or all of its parts. Capital letters are small ones.
 */
void near_offer(struct near *n, struct str name);
void near_offerz(struct near *n, const char *name);
/* ` (did you mean "haiku" or "opus"?)` with at most `max` names, or "" when nothing is near. */
const char *near_hint(const struct near *n, size_t max, char out[NEAR_TEXT_LEN]);

#endif
