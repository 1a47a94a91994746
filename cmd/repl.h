/*
 * repl.h: a conversation at a terminal: lines, answers, and commands that begin with "/".
 */
#ifndef CMD_REPL_H
#define CMD_REPL_H

#include "cmd/session.h"

/* Until Ctrl-D or /exit. The session is open; nothing has been asked yet. */
enum errc repl_run(struct session *s, struct err *e) MUST_USE;

#endif
