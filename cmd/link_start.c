/*
 * link_start.c: starts llmgwd when nobody answers, once however many ask at the same time.
 *
 * A lock beside the socket makes the others wait; who gets it looks again, and only then
 * starts one. The daemon has its own session, /dev/null for input, broker.log for output, and
 * tells that it is ready through a pipe. It removes a dead socket itself, under its own lock.
 */
#include "cmd/link_start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/os.h"

#include "cmd/link.h"

enum {
    /* bytes of broker.log before a start begins a new one, and how many old ones stay */
    LOG_MAX = 10 * 1024 * 1024,
    LOGS_KEPT = 3,
    READY_FD = 3,
    READY_MS = 5000,
    MAX_ARGS = 2 * OPT_LIST_MAX + 16,
    TAIL_LEN = 400, /* bytes of the daemon's last words */
    DIR_LEN = 4096,
};

/* Makes the folders above `file`, for us alone. */
static enum errc make_parents(struct cmd_ctx *ctx, const char *file, struct err *e)
{
    char *path = arena_strndup(&ctx->arena, file, strlen(file));
    for (char *at = path; at != NULL && (at = strchr(at + 1, '/')) != NULL; *at = '/') {
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return err_errno(e, ERR_BROKER, "%s", path);
    }
    return ERR_OK;
}

/* The socket's folder: one that the user names has to be there, ours is made. */
static enum errc make_folder(struct cmd_ctx *ctx, const char *socket, struct err *e)
{
    if (!link_is_named(ctx))
        return make_parents(ctx, socket, e);
    const char *slash = strrchr(socket, '/');
    const char *dir =
        slash == NULL
            ? "."
            : arena_strz(&ctx->arena, (struct str){socket, (size_t)(slash - socket)});
    struct stat st;
    if (dir[0] == '\0' || (stat(dir, &st) == 0 && S_ISDIR(st.st_mode)))
        return ERR_OK;
    return err_set(e, ERR_BROKER,
                   "no broker at %s, and no folder %s to start one in\n"
                   "hint: mkdir -p -m 700 %s",
                   socket, dir, dir);
}

static enum errc take_lock(struct cmd_ctx *ctx, const char *socket, int *ret_fd,
                           struct err *e)
{
    const char *slash = strrchr(socket, '/');
    int dir_len = slash == NULL ? 1 : (int)(slash - socket);
    const char *path = arena_printf(&ctx->arena, "%.*s/start.lock", dir_len,
                                    slash == NULL ? "." : socket);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, ERR_BROKER, "%s", path);
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR) {
            err_errno(e, ERR_BROKER, "%s", path);
            close(fd);
            return e->code;
        }
    *ret_fd = fd;
    return ERR_OK;
}

/* For a daemon that leaves our directory. */
static const char *absolute(struct cmd_ctx *ctx, const char *path)
{
    char dir[DIR_LEN];
    if (path[0] == '/' || getcwd(dir, sizeof dir) == NULL)
        return path;
    return arena_printf(&ctx->arena, "%s/%s", dir, path);
}

/* --conf broker.db=FILE and other keys that name a file: FILE from here. */
static const char *absolute_setting(struct cmd_ctx *ctx, const char *item)
{
    struct str value = str_of(item), dotted, section, sub, key;
    str_split(&value, '=', &dotted);
    if (value.len == 0 || !conf_split_key(dotted, &section, &sub, &key))
        return item;
    const struct conf_key *row = conf_key(section, key);
    bool is_path =
        row != NULL && (row->type == CONF_PATH ||
                        (row->type == CONF_SECRET && row->first == CONF_KEY_FILE));
    if (!is_path || str_starts(value, STR("~/")))
        return item;
    return arena_printf(&ctx->arena, "%.*s=%s", STR_ARG(dotted),
                        absolute(ctx, value.ptr));
}

/* Variables reach it by themselves, but what they name must be found from where it is. */
static enum errc export_paths(struct cmd_ctx *ctx, struct err *e)
{
    /* the last two are OpenSSL's; Source: OpenSSL, SSL_CTX_set_default_verify_paths(3) */
    static const char *const names[] = {"LLMGW_CONFIG", "LLMGW_DB", "LLMGW_CATALOG",
                                        "SSL_CERT_FILE", "SSL_CERT_DIR"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = cmd_getenv(names[i]);
        if (value != NULL && value[0] != '\0' && value[0] != '/' &&
            setenv(names[i], absolute(ctx, value), 1) != 0)
            return err_set(e, ERR_MEMORY, "out of memory");
    }
    return ERR_OK;
}

/* What llmgwd must know of our options. */
static void fill_args(struct cmd_ctx *ctx, const char *socket, const char *argv[MAX_ARGS])
{
    size_t n = 0;
    argv[n++] = "llmgwd";
    argv[n++] = "--foreground";
    if (socket != NULL) {
        argv[n++] = "--socket";
        argv[n++] = absolute(ctx, socket);
    }
    if (ctx->global.config != NULL) {
        argv[n++] = "--config";
        argv[n++] = absolute(ctx, ctx->global.config);
    }
    for (size_t i = 0; i < ctx->global.conf.n; i++) {
        argv[n++] = "--conf";
        argv[n++] = absolute_setting(ctx, ctx->global.conf.items[i]);
    }
    argv[n] = NULL;
}

/* Ours: the one beside this program, else in PATH, else where it was installed. */
static size_t daemon_paths(struct cmd_ctx *ctx, const char *ret[3])
{
    char dir[4096];
    size_t n = 0;
    if (os_program_dir(dir, sizeof dir))
        ret[n++] = arena_printf(&ctx->arena, "%s/llmgwd", dir);
    ret[n++] = "llmgwd";
    ret[n++] = LLMGW_BINDIR "/llmgwd";
    return n;
}

static enum errc spawn_daemon(struct cmd_ctx *ctx, struct os_spawn *how, struct err *e)
{
    const char *paths[3];
    pid_t pid;
    enum errc rc = ERR_IO;
    e->sys = ENOENT;
    for (size_t i = 0, n = daemon_paths(ctx, paths);
         i < n && rc != ERR_OK && e->sys == ENOENT; i++) {
        how->program = paths[i];
        rc = os_spawn(how, &pid, e);
    }
    return rc;
}

static enum errc launch(struct cmd_ctx *ctx, const char *socket, bool is_auto, int log_fd,
                        int ready_fd, struct err *e)
{
    const char *argv[MAX_ARGS];
    fill_args(ctx, socket, argv);
    size_t n = 0;
    while (argv[n] != NULL)
        n++;
    argv[n++] = "--ready-fd";
    argv[n++] = "3"; /* READY_FD */
    if (is_auto)
        argv[n++] = "--auto";
    argv[n] = NULL;
    struct os_spawn how = {.argv = argv,
                           .fds = {OS_FD_NULL, log_fd, log_fd, [READY_FD] = ready_fd},
                           .has_own_session = true};
    if (spawn_daemon(ctx, &how, e) == ERR_OK)
        return ERR_OK;
    e->code = ERR_BROKER;
    return err_ctx(e, "start llmgwd");
}

/* A long log makes place for a new one; nobody writes into it now. */
static void rotate_log(struct cmd_ctx *ctx, const char *log)
{
    struct stat st;
    if (stat(log, &st) != 0 || st.st_size < LOG_MAX)
        return;
    for (int i = LOGS_KEPT; i > 0; i--) {
        const char *from = i > 1 ? arena_printf(&ctx->arena, "%s.%d", log, i - 1) : log;
        const char *to = arena_printf(&ctx->arena, "%s.%d", log, i);
        if (from != NULL && to != NULL)
            (void)rename(from, to); /* one that is not there yet is no trouble */
    }
}

/* The last line that llmgwd wrote to its log since `from`: why it did not start. */
static enum errc not_started(int log_fd, off_t from, const char *log, struct err *e)
{
    char tail[TAIL_LEN];
    off_t end = lseek(log_fd, 0, SEEK_END);
    off_t start = MAX(from, end - (off_t)sizeof tail);
    ssize_t n = pread(log_fd, tail, sizeof tail, start);
    struct str text = str_trim((struct str){tail, n > 0 ? (size_t)n : 0});
    for (size_t at; (at = str_find(text, '\n')) < text.len;)
        text = str_sub(text, at + 1, text.len);
    if (str_starts(text, STR("llmgwd: ")))
        text = str_sub(text, sizeof "llmgwd: " - 1, text.len);
    if (text.len == 0)
        return err_set(e, ERR_BROKER,
                       "llmgwd did not start\nhint: llmgw doctor, or see %s", log);
    return err_set(e, ERR_BROKER,
                   "llmgwd did not start: %.*s\nhint: llmgw doctor, or see %s",
                   STR_ARG(text), log);
}

/* Ready is a byte; without one, the pipe's end tells that it gave up. */
static bool wait_ready(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    char byte;
    int n;
    do
        n = poll(&p, 1, READY_MS);
    while (n < 0 && errno == EINTR);
    return n == 1 && read(fd, &byte, 1) == 1;
}

static enum errc start_locked(struct cmd_ctx *ctx, const char *socket, bool is_auto,
                              struct err *e)
{
    const char *log = conf_path_state(&ctx->arena, cmd_getenv, "broker.log");
    enum errc rc = make_parents(ctx, log, e);
    if (rc == ERR_OK)
        rc = export_paths(ctx, e);
    if (rc != ERR_OK)
        return rc;
    rotate_log(ctx, log);
    int log_fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return err_errno(e, ERR_BROKER, "%s", log);
    off_t from = lseek(log_fd, 0, SEEK_END);
    int ready[2];
    if (pipe(ready) != 0)
        rc = err_errno(e, ERR_BROKER, "pipe");
    else {
        fcntl(ready[0], F_SETFD, FD_CLOEXEC);
        fcntl(ready[1], F_SETFD, ready[1] == READY_FD ? 0 : FD_CLOEXEC);
        rc = launch(ctx, socket, is_auto, log_fd, ready[1], e);
        close(ready[1]);
        if (rc == ERR_OK && !wait_ready(ready[0]))
            rc = not_started(log_fd, from, log, e);
        close(ready[0]);
    }
    close(log_fd);
    return rc;
}

enum errc link_start_at(struct cmd_ctx *ctx, const char *path, bool is_auto,
                        struct err *e)
{
    int lock = -1;
    enum errc rc = make_folder(ctx, path, e);
    if (rc == ERR_OK)
        rc = take_lock(ctx, path, &lock, e);
    if (rc != ERR_OK)
        return rc;
    int fd = link_connect(path);
    if (fd >= 0)
        close(fd); /* somebody was faster */
    else
        rc = start_locked(ctx, path, is_auto, e);
    close(lock);
    return rc;
}

bool link_has_ended(struct cmd_ctx *ctx)
{
    const char *socket;
    struct err why = ERR_INIT;
    if (conf_path_socket(&ctx->arena, ctx->conf, ctx->global.socket, cmd_getenv, &socket,
                         &why) != ERR_OK)
        return true;
    /* llmgwd holds the lock on this file as long as it lives */
    int fd = open(arena_printf(&ctx->arena, "%s.pid", socket), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    bool is_free = flock(fd, LOCK_SH | LOCK_NB) == 0;
    close(fd);
    return is_free;
}

enum errc link_run(struct cmd_ctx *ctx, struct err *e)
{
    const char *argv[MAX_ARGS];
    fill_args(ctx, ctx->global.socket, argv);
    char *const *args = (char *const *)(uintptr_t)argv;
    const char *paths[3];
    for (size_t i = 0, n = daemon_paths(ctx, paths); i < n; i++)
        execvp(paths[i], args);
    return err_errno(e, ERR_BROKER, "start llmgwd");
}
