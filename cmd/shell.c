/* shell.c: see shell.h. Children get signals and terminal as if a shell had started them. */
#include "cmd/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/files.h"

extern char **environ;

struct child {
    pid_t pid;
    int in_fd, out_fd; /* our ends; -1: it has the terminal's */
};

static enum errc open_pipe(int ends[2], struct err *e)
{
    return pipe2(ends, O_CLOEXEC) == 0 ? ERR_OK : err_errno(e, ERR_IO, "pipe");
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static enum errc spawn(const char *path, char *const *argv, int in_fd, int out_fd,
                       pid_t *ret, struct err *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    if (in_fd >= 0)
        posix_spawn_file_actions_adddup2(&files, in_fd, STDIN_FILENO);
    if (out_fd >= 0)
        posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int rc = posix_spawn(ret, path, &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    errno = rc;
    return rc == 0 ? ERR_OK : err_errno(e, ERR_IO, "%s", path);
}

static void wait_for(pid_t pid, int *ret_status)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One write or read at a time, so that neither side waits for the other for ever. */
static void talk(struct child *c, struct str input, struct buf *output)
{
    while (c->in_fd >= 0 || c->out_fd >= 0) {
        struct pollfd fds[] = {{c->in_fd, POLLOUT, 0}, {c->out_fd, POLLIN, 0}};
        if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
            break;
        if (fds[0].revents != 0) {
            ssize_t n = write(c->in_fd, input.ptr, MIN(input.len, (size_t)PIPE_BUF));
            input = str_sub(input, n > 0 ? (size_t)n : 0, input.len);
            if (input.len == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
                close_end(&c->in_fd);
        }
        if (fds[1].revents != 0) {
            char bytes[4096];
            ssize_t n = read(c->out_fd, bytes, sizeof bytes);
            if (n > 0)
                buf_add(output, bytes, (size_t)n);
            else if (n == 0 || errno != EINTR)
                close_end(&c->out_fd);
        }
    }
}

static enum errc start(const char *line, bool has_input, bool has_output, struct child *c,
                       struct err *e)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    char *const argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                          (char *)(uintptr_t)line, NULL};
    enum errc rc = ERR_OK;
    if (has_input)
        rc = open_pipe(in, e);
    if (rc == ERR_OK && has_output)
        rc = open_pipe(out, e);
    if (rc == ERR_OK)
        rc = spawn("/bin/sh", argv, in[0], out[1], &c->pid, e);
    close_end(&in[0]);
    close_end(&out[1]);
    c->in_fd = in[1];
    c->out_fd = out[0];
    return rc;
}

enum errc shell_run(const char *line, struct str input, struct buf *output,
                    int *ret_status, struct err *e)
{
    struct child c = {.in_fd = -1, .out_fd = -1};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_pipe;
    sigemptyset(&ignore.sa_mask);
    enum errc rc = start(line, input.len > 0, output != NULL, &c, e);
    if (rc == ERR_OK) {
        /* Ctrl-C is for it; and it need not read all that it is given */
        sigaction(SIGINT, &ignore, &old_int);
        sigaction(SIGPIPE, &ignore, &old_pipe);
        talk(&c, input, output);
        wait_for(c.pid, ret_status);
        sigaction(SIGINT, &old_int, NULL);
        sigaction(SIGPIPE, &old_pipe, NULL);
    }
    close_end(&c.in_fd);
    close_end(&c.out_fd);
    return rc;
}

enum errc shell_run_self(const char *const *argv, int *ret_status, struct err *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    pid_t pid;
    sigemptyset(&ignore.sa_mask);
    enum errc rc =
        spawn("/proc/self/exe", (char *const *)(uintptr_t)argv, -1, -1, &pid, e);
    if (rc != ERR_OK)
        return rc;
    sigaction(SIGINT, &ignore, &old);
    wait_for(pid, ret_status);
    sigaction(SIGINT, &old, NULL);
    return ERR_OK;
}
