/*
 * progress.h: one line on the terminal while nothing else happens; erased when something does.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include "cmd/cmd.h"

enum { PROGRESS_TICK_US = 100 * US_PER_MS };

struct progress {
    bool is_on;    /* stderr is a terminal that can erase, and nobody said -q */
    bool is_shown; /* the line is on the screen now */
    bool is_utf8;
    unsigned frame;
    int64_t start_us; /* monotonic; 0: nothing is waited for */
    char label[160];
};

void progress_init(struct progress *p, const struct cmd_ctx *ctx);
/* Begins to wait; shown from 400 ms on. */
void progress_start(struct progress *p);
void progress_label(struct progress *p, const char *fmt, ...) PRINTF(2, 3);
/* Called about every PROGRESS_TICK_US. */
void progress_tick(void *progress);
/* Erases the line for something else on the terminal; it comes back with the next tick. */
void progress_hide(struct progress *p);
/* The wait is over. */
void progress_end(struct progress *p);

#endif
