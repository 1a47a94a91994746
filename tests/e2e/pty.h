/*
 * pty.h: a program at a terminal, and somebody who types and reads.
 */
#ifndef E2E_PTY_H
#define E2E_PTY_H

#include "core/err.h"

/*
 * Runs argv (ends with NULL) on a terminal of 80 × 24 and does what the lines of standard input
 * say, one after the other:
 *
 *     send TEXT      types it; \r Enter, \n Ctrl-J, \t Tab, \e Esc, \cX Ctrl-X, \\ a backslash
 *     expect TEXT    waits until the screen has shown it since the last expect; 60 s
 *     signal NAME    INT, TSTP, CONT, WINCH to the program
 *     size C R       columns and rows
 *     cooked yes|no  waits until the terminal echoes and edits lines, or does not; 60 s
 *     end            waits for the program's end and prints "exit=STATUS"
 *
 * All that the program wrote goes to standard output at the end. What is returned names the line
 * that could not be done.
 */
enum errc pty_run(char *argv[], struct err *e) MUST_USE;

#endif
