/* asks.h: one question, or a file of them with many clients at once. */
#ifndef E2E_ASKS_H
#define E2E_ASKS_H

#include "core/err.h"

/* tool ask [options] PROMPT: to standard output. */
enum errc ask_main(int argc, char *argv[], struct err *e) MUST_USE;
/*
 * tool asks -j N -o DIR <LINES: each line is a question, ID and the words of tool ask behind it,
 * apart by tabs; DIR/ID gets its facts, or what is wrong.
 */
enum errc asks_main(int argc, char *argv[], struct err *e) MUST_USE;

#endif
