/*
 * sig.c: see sig.h. The pipe is at file scope because a signal handler has no other way to
 * find it; nothing else is shared with the handler.
 */
#include "cmd/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int pipe_fds[2] = {-1, -1};

static void on_signal(int signo)
{
    int saved = errno;
    unsigned char byte = (unsigned char)signo;
    if (write(pipe_fds[1], &byte, 1) != 1) {
        /* a full pipe tells of a signal already */
    }
    errno = saved;
}

static void listen_for(int signo, bool once)
{
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = once ? (int)SA_RESETHAND : 0};
    struct sigaction old;
    sigemptyset(&action.sa_mask);
    /* what was ignored on purpose, as by nohup, stays ignored */
    if (sigaction(signo, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(signo, &action, NULL);
}

enum errc sig_open(bool once, int *ret_fd, struct err *e)
{
    if (pipe_fds[0] < 0) {
        if (pipe(pipe_fds) != 0)
            return err_errno(e, ERR_IO, "pipe");
        for (int i = 0; i < 2; i++) {
            fcntl(pipe_fds[i], F_SETFD, FD_CLOEXEC);
            fcntl(pipe_fds[i], F_SETFL, O_NONBLOCK);
        }
    }
    listen_for(SIGINT, once);
    listen_for(SIGTERM, once);
    *ret_fd = pipe_fds[0];
    return ERR_OK;
}

void sig_catch_stop(bool is_on)
{
    struct sigaction preset = {.sa_handler = SIG_DFL}, now;
    sigemptyset(&preset.sa_mask);
    if (is_on)
        listen_for(SIGTSTP, false);
    else if (sigaction(SIGTSTP, NULL, &now) == 0 && now.sa_handler == on_signal)
        sigaction(SIGTSTP, &preset, NULL);
}

int sig_take(void)
{
    unsigned char byte;
    return pipe_fds[0] >= 0 && read(pipe_fds[0], &byte, 1) == 1 ? byte : 0;
}

void sig_die(int signo)
{
    struct sigaction preset = {.sa_handler = SIG_DFL};
    sigemptyset(&preset.sa_mask);
    sigaction(signo, &preset, NULL);
    raise(signo);
}
