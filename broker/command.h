/*
 * command.h: what a shell command prints, without waiting for it: for keys that a password
 * manager holds.
 */
#ifndef BROKER_COMMAND_H
#define BROKER_COMMAND_H

#include "broker/loop.h"

struct command;

/* bytes; what a command prints beyond them is not read */
enum { COMMAND_OUTPUT_MAX = 16 * 1024 };

/*
 * Told once, in the loop: ERR_OK and what was printed before the output ended, wiped when this
 * returns; or ERR_TIMEOUT, ERR_IO. The command and what it started are killed then.
 */
typedef void command_fn(void *arg, enum errc rc, struct str output, const struct err *e);

/*
 * Runs `sh -c line` in a process group of its own, without input, with our environment but for
 * PATH when `path` is not NULL. ERR_MEMORY, ERR_IO.
 */
enum errc command_start(struct loop *l, const char *line, const char *path,
                        int64_t timeout_us, command_fn *fn, void *arg,
                        struct command **ret, struct err *e) MUST_USE;
/* Kills it and tells nobody. NULL-safe; not after it was told. */
void command_stop(struct command **c);

#endif
