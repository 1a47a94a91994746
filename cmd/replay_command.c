/* replay_command.c: a program of the user's as the judge of two answers. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/os.h"

#include "cmd/files.h"
#include "cmd/replay_run.h"

enum {
    PATH_LEN = 4096,
    FAILED_FROM = 126
}; /* 126, 127: sh could not run it; above: a signal */

static enum errc run(const char *command, const char *recorded, const char *answer,
                     bool *ret_agrees, struct err *e)
{
    char line[PATH_LEN];
    pid_t pid;
    int n = snprintf(line, sizeof line, "%s \"$1\" \"$2\"", command);
    if (n < 0 || (size_t)n >= sizeof line)
        return err_set(e, ERR_USAGE, "--cmd: too long");
    const char *const argv[] = {"sh", "-c", line, "sh", recorded, answer, NULL};
    const struct os_spawn how = {.program = "/bin/sh",
                                 .argv = argv,
                                 .fds = {OS_FD_NULL, OS_FD_NULL, OS_FD_KEPT, OS_FD_KEPT}};
    enum errc rc = os_spawn(&how, &pid, e);
    if (rc != ERR_OK)
        return rc;
    int status = os_wait(pid);
    if (status >= FAILED_FROM)
        return err_set(e, ERR_CHECK,
                       "--cmd: it could not be run, or was ended (status %d)", status);
    *ret_agrees = status == 0;
    return ERR_OK;
}

enum errc replay_ask_command(const char *command, struct str recorded, struct str answer,
                             bool *ret_agrees, struct err *e)
{
    char dir[PATH_LEN], paths[2][PATH_LEN + 16];
    const char *top = cmd_getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/llmgw.XXXXXX", top != NULL && top[0] ? top : "/tmp");
    if (mkdtemp(dir) == NULL)
        return err_errno(e, ERR_IO, "%s", dir);
    snprintf(paths[0], sizeof paths[0], "%s/recorded", dir);
    snprintf(paths[1], sizeof paths[1], "%s/answer", dir);
    enum errc rc = files_write(paths[0], recorded, e);
    if (rc == ERR_OK)
        rc = files_write(paths[1], answer, e);
    if (rc == ERR_OK)
        rc = run(command, paths[0], paths[1], ret_agrees, e);
    unlink(paths[0]);
    unlink(paths[1]);
    rmdir(dir);
    return rc;
}
