/*
 * words.h: two texts word by word: how much is common to both, and what differs.
 */
#ifndef CMD_WORDS_H
#define CMD_WORDS_H

#include "core/arena.h"

struct words {
    struct str *items; /* in the arena; they borrow from the text */
    size_t n;
};

/*
 * The words of a text; with `blanks` also what is between them, each line end by itself, so that
 * all items together are the text. ERR_MEMORY.
 */
enum errc words_split(struct str text, bool blanks, struct arena *a, struct words *ret,
                      struct err *e) MUST_USE;

/*
 * Length of the longest common subsequence, in words. Of more than WORDS_MAX each, the first
 * count.
 */
enum { WORDS_MAX = 10000 };
enum errc words_common(const struct words *a, const struct words *b, size_t *ret,
                       struct err *e) MUST_USE;

enum words_change { WORDS_SAME, WORDS_GONE, WORDS_NEW };
typedef void words_fn(void *arg, enum words_change change, struct str item);
/* How `a` becomes `b`; what is too long to be compared is gone and new as a whole. */
enum errc words_diff(const struct words *a, const struct words *b, words_fn *fn,
                     void *arg, struct err *e) MUST_USE;

#endif
