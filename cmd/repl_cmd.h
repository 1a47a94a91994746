/*
 * repl_cmd.h: what the commands of the interactive chat share, and those that are not in
 * repl_cmd.c, whose table names them all.
 */
#ifndef CMD_REPL_CMD_H
#define CMD_REPL_CMD_H

#include "cmd/repl_priv.h"

/* A copy that lives as long as the session; "" when there is no memory. */
const char *repl_keep(struct repl *r, struct str s);
void repl_tell(const struct err *e, struct repl *r);
/* "on", "off" or nothing: the other way. */
bool repl_switched(struct str arg, bool was);
/* Lines that end with words, not in the middle of them. */
void repl_print(struct str text, size_t indent);

/* repl_answer.c */
void repl_compare(struct repl *r, struct str arg);
void repl_why(struct repl *r, struct str arg);
void repl_save(struct repl *r, struct str arg);
void repl_view(struct repl *r, struct str arg);
void repl_copy(struct repl *r, struct str arg);
void repl_raw(struct repl *r, struct str arg);
void repl_usage(struct repl *r, struct str arg);

#endif
