/* command.c: see command.h. Must not log or keep what a command prints. */
#include "broker/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/os.h"

struct command {
    struct loop *loop;
    struct loop_io io;
    struct loop_timer timer;
    command_fn *fn;
    void *arg;
    pid_t pid;
    size_t len;
    char output[COMMAND_OUTPUT_MAX];
};

extern char **environ;

/* Our environment with another PATH; free the array alone. */
static char **environment(const char *path, char *path_line, size_t path_line_len)
{
    size_t n = 0;
    while (environ[n] != NULL)
        n++;
    char **env = mem_alloc(n + 2, sizeof(char *));
    if (env == NULL)
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (path == NULL || strncmp(environ[i], "PATH=", 5) != 0)
            env[used++] = environ[i];
    if (path != NULL) {
        snprintf(path_line, path_line_len, "PATH=%s", path);
        env[used++] = path_line;
    }
    return env;
}

/* Its output is *ret_fd. */
static enum errc spawn(const char *line, const char *path, pid_t *ret_pid, int *ret_fd,
                       struct err *e)
{
    int fd[2];
    char path_line[4096];
    char **env = environment(path, path_line, sizeof path_line);
    if (env == NULL)
        return err_set(e, ERR_MEMORY, "no memory for a command");
    if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0) {
        mem_free(env);
        return err_errno(e, ERR_IO, "pipe");
    }
    const struct os_spawn how = {.program = "/bin/sh",
                                 .argv = OS_SHELL(line),
                                 .env = env,
                                 .fds = {OS_FD_NULL, fd[1], OS_FD_KEPT, OS_FD_KEPT},
                                 .has_own_group = true};
    enum errc rc = os_spawn(&how, ret_pid, e);
    mem_free(env);
    close(fd[1]);
    if (rc != ERR_OK) {
        close(fd[0]);
        return rc;
    }
    *ret_fd = fd[0];
    return ERR_OK;
}

/* Its output has ended, or is given up: nothing to wait for. */
void command_stop(struct command **cp)
{
    struct command *c = *cp;
    if (c == NULL)
        return;
    *cp = NULL;
    loop_timer_stop(c->loop, &c->timer);
    loop_io_stop(c->loop, &c->io);
    close(c->io.fd);
    kill(-c->pid, SIGKILL);
    (void)os_wait(c->pid);
    mem_wipe_free(c, sizeof *c);
}

static void tell(struct command *c, const struct err *e)
{
    c->fn(c->arg, e->code, (struct str){c->output, c->len}, e);
    command_stop(&c);
}

static void on_readable(void *arg, unsigned events)
{
    struct command *c = arg;
    struct err e = ERR_INIT;
    (void)events;
    ssize_t n = read(c->io.fd, c->output + c->len, sizeof c->output - c->len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0)
        err_errno(&e, ERR_IO, "read");
    c->len += n > 0 ? (size_t)n : 0;
    if (n <= 0 || c->len == sizeof c->output)
        tell(c, &e);
}

static void on_time(void *arg)
{
    struct command *c = arg;
    struct err e = ERR_INIT;
    err_set(&e, ERR_TIMEOUT, "the command prints nothing in time");
    tell(c, &e);
}

enum errc command_start(struct loop *l, const char *line, const char *path,
                        int64_t timeout_us, command_fn *fn, void *arg,
                        struct command **ret, struct err *e)
{
    struct command *c = MEM_NEW(struct command);
    if (c == NULL)
        return err_set(e, ERR_MEMORY, "no memory for a command");
    c->loop = l;
    c->fn = fn;
    c->arg = arg;
    c->io = (struct loop_io){.fn = on_readable, .arg = c};
    c->timer = (struct loop_timer){.fn = on_time, .arg = c};
    if (spawn(line, path, &c->pid, &c->io.fd, e) != ERR_OK) {
        mem_free(c);
        return e->code;
    }
    if (loop_io_set(l, &c->io, LOOP_READ) != ERR_OK ||
        loop_timer_set(l, &c->timer, timeout_us) != ERR_OK) {
        command_stop(&c);
        return err_set(e, ERR_MEMORY, "no memory for a command");
    }
    *ret = c;
    return ERR_OK;
}
