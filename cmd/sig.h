/*
 * sig.h: SIGINT and SIGTERM as bytes in a pipe, so that one poll() waits for all there is.
 */
#ifndef CMD_SIG_H
#define CMD_SIG_H

#include "core/err.h"

/*
 * From now on SIGINT and SIGTERM are told by the descriptor returned, which becomes readable.
 * `once`: a second one of its kind ends the process at once, whatever it is waiting for.
 */
enum errc sig_open(bool once, int *ret_fd, struct err *e) MUST_USE;
/* SIGTSTP, too, until it is turned off; then it stops us as ever. */
void sig_catch_stop(bool is_on);
/* The signal that came, 0 if none; takes it. */
int sig_take(void);
/* Dies of the signal, so that a shell's loop stops too. Returns only when that is blocked. */
void sig_die(int signo);

#endif
