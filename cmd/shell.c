/* shell.c: see shell.h. Children get signals and terminal as if a shell had started them. */
#include "cmd/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "core/os.h"

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
    enum errc rc = ERR_OK;
    if (has_input)
        rc = open_pipe(in, e);
    if (rc == ERR_OK && has_output)
        rc = open_pipe(out, e);
    const struct os_spawn how = {.program = "/bin/sh",
                                 .argv = OS_SHELL(line),
                                 .fds = {in[0], out[1], OS_FD_KEPT, OS_FD_KEPT}};
    if (rc == ERR_OK)
        rc = os_spawn(&how, &c->pid, e);
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
        *ret_status = os_wait(c.pid);
        sigaction(SIGINT, &old_int, NULL);
        sigaction(SIGPIPE, &old_pipe, NULL);
    }
    close_end(&c.in_fd);
    close_end(&c.out_fd);
    return rc;
}

/* Ctrl-C is for it, not for us. */
static int wait_for(pid_t pid)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &ignore, &old);
    int status = os_wait(pid);
    sigaction(SIGINT, &old, NULL);
    return status;
}

enum errc shell_run_self(const char *const *argv, int *ret_status, struct err *e)
{
    const struct os_spawn how = {
        .program = "/proc/self/exe", .argv = argv, .fds = OS_FDS_KEPT};
    pid_t pid;
    enum errc rc = os_spawn(&how, &pid, e);
    if (rc == ERR_OK)
        *ret_status = wait_for(pid);
    return rc;
}

enum errc shell_edit(const char *editor, const char *path, int *ret_status, struct err *e)
{
    AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_HEAD_LEN);
    buf_printf(&line, "%s \"$@\"", editor);
    if (buf_err(&line) != ERR_OK)
        return err_set(e, ERR_USAGE, "the editor's name is too long");
    const char *const argv[] = {"sh", "-c", line.data, editor, path, NULL};
    struct os_spawn how = {.program = "/bin/sh", .argv = argv, .fds = OS_FDS_KEPT};
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    pid_t pid;
    for (int fd = STDIN_FILENO; tty >= 0 && fd <= STDOUT_FILENO; fd++)
        if (isatty(fd) == 0)
            how.fds[fd] = tty;
    enum errc rc = os_spawn(&how, &pid, e);
    if (rc == ERR_OK)
        *ret_status = wait_for(pid);
    close_end(&tty);
    return rc;
}
