/*
 * editor.h: a text written in the user's editor: VISUAL, EDITOR or vi.
 */
#ifndef CMD_EDITOR_H
#define CMD_EDITOR_H

#include "cmd/cmd.h"

/*
 * Opens the editor with the text and replaces it by what was saved, without blanks at its end;
 * that may be nothing. The editor gets the terminal, also where our own input or output is a
 * pipe. ERR_IO when it cannot be started or fails; the text is as it was then.
 */
enum errc editor_edit(struct cmd_ctx *ctx, struct buf *text, struct err *e) MUST_USE;

#endif
