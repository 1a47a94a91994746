/*
 * repl.h: a conversation at a terminal: lines, answers, and commands that begin with "/".
 */
#ifndef CMD_REPL_H
#define CMD_REPL_H

#include "cmd/prompt.h"
#include "cmd/session.h"

/*
 * Until Ctrl-D or /exit. The session is open; nothing has been asked yet. `first`, unless it is
 * NULL, is asked before the first line is read.
 */
enum errc repl_run(struct session *s, const struct prompt *first, struct err *e) MUST_USE;

#endif
