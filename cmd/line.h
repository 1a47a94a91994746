/*
 * line.h: lines typed by a person. The only user of readline.
 */
#ifndef CMD_LINE_H
#define CMD_LINE_H

#include "core/buf.h"

/*
 * Reads one line, without its end, into out. False at the end of input. Needs sig_open(): an
 * interrupt clears the line.
 */
bool line_read(const char *prompt, struct buf *out);

#endif
