/*
 * cuts.h: how a stream of bytes is cut into pieces: not at all, byte by byte, or by chance. What
 * a parser makes of it must be the same for all of them. Of what has no pieces (a configuration,
 * a catalog, a command line: their readers take all of it at once) there is nothing to cut.
 */
#ifndef TESTS_FUZZ_CUTS_H
#define TESTS_FUZZ_CUTS_H

#include "core/num.h"
#include "core/str.h"

enum { CUT_WHOLE, CUT_BYTES, CUT_RANDOM };

struct cuts {
    unsigned how; /* from CUT_RANDOM on, each another sequence */
    uint64_t seed;
};

static inline struct cuts cuts_of(unsigned how)
{
    return (struct cuts){.how = how, .seed = how};
}

/* Length of the next piece, at least 1; mostly short, sometimes long. */
static inline size_t cuts_next(struct cuts *c)
{
    if (c->how < CUT_RANDOM)
        return c->how == CUT_BYTES ? 1 : SIZE_MAX;
    uint64_t draw = num_draw(&c->seed);
    return 1 + draw % (draw >> 32 & 3 ? 7 : 600);
}

/* Takes the next piece off the text; false when it is used up. */
static inline bool cuts_take(struct cuts *c, struct str *rest, struct str *ret)
{
    if (rest->len == 0)
        return false;
    *ret = str_sub(*rest, 0, cuts_next(c));
    *rest = str_sub(*rest, ret->len, rest->len);
    return true;
}

#endif
