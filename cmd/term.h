/*
 * term.h: what an untrusted text may do to a terminal: print, and nothing else.
 */
#ifndef CMD_TERM_H
#define CMD_TERM_H

#include "core/buf.h"

/* Remembers a sequence that a cut text has begun. Zeroed at first. */
struct term_filter {
    enum {
        TERM_TEXT,
        TERM_ESCAPE,  /* behind ESC */
        TERM_CONTROL, /* in a CSI sequence, until its final byte */
        TERM_STRING,  /* in OSC, DCS, SOS, PM or APC, until BEL, ST or the line's end */
        TERM_STRING_ESCAPE,
    } state;
    size_t string_len;
};

/*
 * Appends `text`, which is UTF-8, without control characters other than tab and newline,
 * without the sequences they begin, and without marks that reorder what is read.
 */
void term_filter(struct term_filter *f, struct str text, struct buf *out);

/* One code point: a tab, a newline, or what neither controls nor reorders anything. */
bool term_is_printable(struct str cp);
/* Nothing but such, and no tab and no newline. */
bool term_is_line(struct str s);

#endif
