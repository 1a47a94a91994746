/* secret_input.c: see secret_input.h. The terminal is as it was, however this ends. */
#include "cmd/secret_input.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "core/mem.h"

#include "cmd/sig.h"

/* Up to the end of the first line. */
static enum errc read_line(int sig_fd, struct buf *ret, struct err *e)
{
    char c = '\0';
    ssize_t n = 1;
    while (c != '\n' && n != 0) {
        struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {sig_fd, POLLIN, 0}};
        if (poll(fds, sig_fd >= 0 ? 2 : 1, -1) < 0 && errno != EINTR)
            return err_errno(e, ERR_IO, "poll");
        if (sig_fd >= 0 && fds[1].revents != 0) {
            err_set(e, ERR_CANCELLED, "interrupted");
            e->sys = sig_take();
            return ERR_CANCELLED;
        }
        if (fds[0].revents == 0)
            continue;
        n = read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno != EINTR)
            return err_errno(e, ERR_IO, "standard input");
        if (n == 1 && c != '\n')
            buf_addc(ret, c);
    }
    return buf_err(ret) == ERR_OK ? ERR_OK
                                  : err_set(e, buf_err(ret), "the key is too long");
}

static enum errc ask(const char *prompt, struct buf *ret, struct err *e)
{
    struct termios before, silent;
    int sig_fd;
    enum errc rc = sig_open(false, &sig_fd, e);
    if (rc != ERR_OK)
        return rc;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return err_errno(e, ERR_IO, "the terminal");
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fprintf(stderr, "%s: ", prompt);
    rc = read_line(sig_fd, ret, e);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return rc;
}

enum errc secret_input(const struct cmd_ctx *ctx, const char *prompt, struct buf *ret,
                       struct err *e)
{
    bool is_person = isatty(STDIN_FILENO);
    if (is_person && ctx->global.no_input)
        return err_set(e, ERR_USAGE, "with --no-input the key must come from a pipe");
    AUTO(buf_release) struct buf line = BUF_INIT(ret->max);
    enum errc rc = is_person ? ask(prompt, &line, e) : read_line(-1, &line, e);
    struct str key = str_trim(buf_str(&line));
    for (size_t i = 0; rc == ERR_OK && i < key.len; i++)
        if ((unsigned char)key.ptr[i] <= ' ' || key.ptr[i] == 0x7f)
            rc = err_set(e, ERR_USAGE, "the key has a blank or control character in it");
    if (rc == ERR_OK && key.len == 0)
        rc = err_set(e, ERR_USAGE, "no key on standard input");
    if (rc == ERR_OK)
        buf_adds(ret, key);
    mem_wipe(line.data, line.cap);
    return rc;
}
