/*
 * code.h: the blocks of code in a model's Markdown, those between fences.
 */
#ifndef CMD_CODE_H
#define CMD_CODE_H

#include "core/buf.h"

/* A scan that is under way: lines come, whole or in pieces. Zeroed at first. */
struct code_scan {
    struct buf line; /* what has come of the line at hand */
    char mark;       /* '`' or '~' between fences; 0 outside */
    size_t fence_len, indent;
    size_t n; /* blocks begun so far */
};

void code_init(struct code_scan *c);
void code_release(struct code_scan *c);
/* Ready for another text. */
void code_restart(struct code_scan *c);
/*
 * Appends the code of block `wanted` (1, 2, …) that text brings: lines leave when they are whole,
 * without the blanks that stand before their fence.
 */
void code_feed(struct code_scan *c, struct str text, size_t wanted, struct buf *out);
/* The text has ended: appends what is held; a fence that nobody closed ends here. */
void code_end(struct code_scan *c, size_t wanted, struct buf *out);

/* How many blocks a whole text has. */
size_t code_count(struct str text);
/* Appends block `wanted` of a whole text, the last one for 0. False: there is none. */
bool code_find(struct str text, size_t wanted, struct buf *out);

#endif
