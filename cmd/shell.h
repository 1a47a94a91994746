/*
 * shell.h: other programs, run from a conversation with the terminal as theirs.
 */
#ifndef CMD_SHELL_H
#define CMD_SHELL_H

#include "core/buf.h"
#include "core/err.h"

/*
 * Runs `sh -c line` and waits. With `input` it reads that text; with `output` what it writes to
 * standard output is appended there. *ret_status: its exit status, 128 + signal when one ended
 * it. ERR_IO when it cannot be started.
 */
enum errc shell_run(const char *line, struct str input, struct buf *output,
                    int *ret_status, struct err *e) MUST_USE;
/* Runs this very program with these arguments, which end with NULL; argv[0] is ours to set. */
enum errc shell_run_self(const char *const *argv, int *ret_status, struct err *e)
    MUST_USE;

/*
 * Runs `editor path` by the shell, on the terminal, also where our standard input or output is
 * something else.
 */
enum errc shell_edit(const char *editor, const char *path, int *ret_status, struct err *e)
    MUST_USE;

#endif
