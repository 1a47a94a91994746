/* pty.c: see pty.h. */
#include "tests/e2e/pty.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/num.h"

enum { EXPECT_US = 60 * US_PER_S, OUTPUT_MAX = 16 * 1024 * 1024 };

struct pty {
    int fd; /* -1: the program has closed its side */
    pid_t pid;
    struct buf shown;
    size_t seen; /* what expect has passed */
};

/* Reads what is there, waiting at most wait_us for the first of it. */
static void read_some(struct pty *p, int64_t wait_us)
{
    char bytes[4096];
    struct pollfd fd = {p->fd, POLLIN, 0};
    if (poll(&fd, 1, (int)(wait_us / US_PER_MS)) <= 0)
        return;
    ssize_t n = read(p->fd, bytes, sizeof bytes);
    if (n > 0) {
        buf_add(&p->shown, bytes, (size_t)n);
    } else if (n == 0 || errno != EINTR) {
        close(p->fd); /* EIO: nobody has the other side open any more */
        p->fd = -1;
    }
}

static enum errc expect(struct pty *p, struct str text, struct err *e)
{
    int64_t until_us = clock_mono_us(&clock_system) + EXPECT_US;
    for (;;) {
        struct str rest = str_sub(buf_str(&p->shown), p->seen, p->shown.len);
        size_t at = str_search(rest, text);
        if (at < rest.len) {
            p->seen += at + text.len;
            return ERR_OK;
        }
        int64_t left_us = until_us - clock_mono_us(&clock_system);
        if (p->fd < 0 || left_us <= 0)
            return err_set(e, ERR_TIMEOUT, "never shown: %.*s", STR_ARG(text));
        read_some(p, left_us);
    }
}

static void unescape(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        static const char names[] = "rnte\\", codes[] = "\r\n\t\033\\";
        const char *which =
            s.ptr[i] == '\\' && i + 1 < s.len ? strchr(names, s.ptr[i + 1]) : NULL;
        if (which != NULL) {
            buf_addc(out, codes[which - names]);
            i++;
        } else if (s.ptr[i] == '\\' && i + 2 < s.len && s.ptr[i + 1] == 'c') {
            buf_addc(out, (char)(s.ptr[i + 2] & 0x1f));
            i += 2;
        } else {
            buf_addc(out, s.ptr[i]);
        }
    }
}

static enum errc type(struct pty *p, struct str text, struct err *e)
{
    AUTO(buf_release) struct buf keys = BUF_INIT(OUTPUT_MAX);
    unescape(text, &keys);
    if (p->fd < 0 || write(p->fd, keys.data, keys.len) != (ssize_t)keys.len)
        return err_errno(e, ERR_IO, "type");
    return ERR_OK;
}

/* A stop that has been asked for, not one that is on its way. */
static enum errc await_stop(struct pty *p, struct err *e)
{
    int64_t until_us = clock_mono_us(&clock_system) + EXPECT_US;
    int status = 0;
    while (waitpid(p->pid, &status, WUNTRACED | WNOHANG) != p->pid) {
        if (clock_mono_us(&clock_system) > until_us)
            return err_set(e, ERR_TIMEOUT, "it does not stop");
        poll(NULL, 0, 10);
    }
    return WIFSTOPPED(status) ? ERR_OK : err_set(e, ERR_IO, "it ended");
}

/* To the program, or to another process: NAME [PID]. */
static enum errc send_signal(struct pty *p, struct str arg, struct err *e)
{
    static const struct {
        const char *name;
        int signo;
    } rows[] = {
        {"INT", SIGINT}, {"TSTP", SIGTSTP}, {"CONT", SIGCONT}, {"WINCH", SIGWINCH}};
    struct str pid = arg, name;
    int64_t to = p->pid;
    size_t i = 0;
    (void)str_split(&pid, ' ', &name);
    while (i < ARRAY_LEN(rows) && !str_eqz(name, rows[i].name))
        i++;
    if (i == ARRAY_LEN(rows) ||
        (pid.len > 0 && num_i64(pid, 2, INT32_MAX, &to) != ERR_OK))
        return err_set(e, ERR_USAGE, "no signal %.*s", STR_ARG(arg));
    if (kill((pid_t)to, rows[i].signo) != 0)
        return err_errno(e, ERR_IO, "signal");
    return rows[i].signo == SIGTSTP && to == p->pid ? await_stop(p, e) : ERR_OK;
}

static enum errc resize(struct pty *p, struct str sizes, struct err *e)
{
    struct str columns, rows = sizes;
    uint64_t c = 0, r = 0;
    (void)str_split(&rows, ' ', &columns);
    if (num_u64(columns, 1000, &c) != ERR_OK || num_u64(rows, 1000, &r) != ERR_OK)
        return err_set(e, ERR_USAGE, "size COLUMNS ROWS");
    const struct winsize size = {.ws_col = (unsigned short)c,
                                 .ws_row = (unsigned short)r};
    return ioctl(p->fd, TIOCSWINSZ, &size) == 0 ? ERR_OK : err_errno(e, ERR_IO, "size");
}

static enum errc await_cooked(struct pty *p, struct str wanted, struct err *e)
{
    const tcflag_t cooked = ECHO | ICANON;
    int64_t until_us = clock_mono_us(&clock_system) + EXPECT_US;
    struct termios t = {.c_lflag = 0};
    while (tcgetattr(p->fd, &t) == 0 &&
           ((t.c_lflag & cooked) == cooked) != str_eqz(wanted, "yes")) {
        if (clock_mono_us(&clock_system) > until_us)
            return err_set(e, ERR_TIMEOUT, "cooked is never %.*s", STR_ARG(wanted));
        read_some(p, 10 * US_PER_MS);
    }
    return ERR_OK;
}

static enum errc await_end(struct pty *p, struct str none, struct err *e)
{
    int status = 0;
    int64_t until_us = clock_mono_us(&clock_system) + EXPECT_US;
    (void)none;
    while (p->fd >= 0) {
        int64_t left_us = until_us - clock_mono_us(&clock_system);
        if (left_us <= 0)
            return err_set(e, ERR_TIMEOUT, "it does not end");
        read_some(p, left_us);
    }
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    p->pid = 0;
    buf_printf(&p->shown, "exit=%d\n",
               WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return ERR_OK;
}

static enum errc do_line(struct pty *p, struct str line, struct err *e)
{
    static const struct {
        const char *name;
        enum errc (*fn)(struct pty *p, struct str arg, struct err *e);
    } rows[] = {{"send", type},   {"expect", expect},       {"signal", send_signal},
                {"size", resize}, {"cooked", await_cooked}, {"end", await_end}};
    size_t blank = str_find(line, ' ');
    struct str word = str_sub(line, 0, blank), arg = str_sub(line, blank + 1, line.len);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(word, rows[i].name))
            return rows[i].fn(p, arg, e);
    return err_set(e, ERR_USAGE, "what is \"%.*s\"?", STR_ARG(line));
}

enum errc pty_run(char *argv[], struct err *e)
{
    const struct winsize size = {.ws_col = 80, .ws_row = 24};
    struct pty p = {.shown = BUF_INIT(OUTPUT_MAX)};
    char line[4096];
    enum errc rc = ERR_OK;
    p.pid = forkpty(&p.fd, NULL, NULL, &size);
    if (p.pid < 0)
        return err_errno(e, ERR_IO, "forkpty");
    if (p.pid == 0) {
        /* who types ^C is heard, also when all of this runs in the background of a script */
        signal(SIGINT, SIG_DFL);
        signal(SIGQUIT, SIG_DFL);
        execvp(argv[0], argv);
        _exit(127);
    }
    for (int n = 1; rc == ERR_OK && fgets(line, sizeof line, stdin) != NULL; n++) {
        struct str s = str_of(line);
        s.len -= str_ends(s, STR("\n"));
        if (s.len > 0 && do_line(&p, s, e) != ERR_OK)
            rc = err_ctx(e, "line %d", n);
    }
    if (p.pid > 0)
        kill(p.pid, SIGKILL);
    fwrite(p.shown.data, 1, p.shown.len, stdout);
    buf_release(&p.shown);
    return rc;
}
