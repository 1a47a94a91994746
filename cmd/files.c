/* files.c: see files.h. Owns the walk; knows nothing of what the files are for. */
#include "cmd/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/os.h"

enum {
    NAMES_LEN = 16 * 1024 * 1024, /* bytes of names below one directory */
    PATH_LEN = 4096,              /* bytes of a path, from Linux's PATH_MAX */
    DEPTH_MAX = 64,               /* levels of directories */
    READ_LEN = 16 * 1024,
};

enum errc files_read_fd(int fd, const char *name, struct buf *out, struct err *e)
{
    for (;;) {
        char bytes[READ_LEN];
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n == 0)
            return ERR_OK;
        if (n > 0)
            buf_add(out, bytes, (size_t)n);
        else if (errno == EAGAIN)
            poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1);
        else if (errno != EINTR)
            return err_errno(e, ERR_IO, "%s", name);
        if (buf_err(out) == ERR_TOO_LARGE)
            return err_set(e, ERR_TOO_LARGE, "%s is larger than %zu bytes", name,
                           out->max);
        if (buf_err(out) != ERR_OK)
            return err_set(e, buf_err(out), "%s: out of memory", name);
    }
}

enum errc files_write_fd(int fd, const char *name, struct str bytes, struct err *e)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n >= 0)
            bytes = str_sub(bytes, (size_t)n, bytes.len);
        else if (errno == EAGAIN)
            poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
        else if (errno != EINTR)
            return err_errno(e, ERR_IO, "%s", name);
    }
    return ERR_OK;
}

enum errc files_read(const char *path, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", path);
    enum errc rc = files_read_fd(fd, path, out, e);
    close(fd);
    return rc;
}

/* Appends what git knows below `dir`, each name followed by NUL. False: no work tree, no git. */
static bool list_by_git(const char *dir, struct buf *names)
{
    const char *const argv[] = {"git", "-C",       dir,        "ls-files",
                                "-z",  "--cached", "--others", "--exclude-standard",
                                NULL};
    struct err why = ERR_INIT;
    int out[2];
    pid_t pid;
    if (pipe2(out, O_CLOEXEC) != 0)
        return false;
    const struct os_spawn how = {.program = "git",
                                 .argv = argv,
                                 .fds = {OS_FD_NULL, out[1], OS_FD_NULL, OS_FD_KEPT}};
    bool ok = os_spawn(&how, &pid, &why) == ERR_OK;
    close(out[1]);
    bool has_read = ok && files_read_fd(out[0], "git", names, &why) == ERR_OK;
    close(out[0]); /* before waiting: a git that still writes must not hang us */
    return ok && os_wait(pid) == 0 && has_read;
}

/* Appends the names below `dir`, relative to the `skip` first bytes of it. */
static enum errc list_by_walk(const char *dir, size_t skip, int depth, struct buf *names,
                              struct err *e)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return err_errno(e, ERR_IO, "%s", dir);
    enum errc rc =
        depth < DEPTH_MAX ? ERR_OK : err_set(e, ERR_TOO_LARGE, "%s: too deep", dir);
    for (const struct dirent *entry; rc == ERR_OK && (entry = readdir(d)) != NULL;) {
        char path[PATH_LEN];
        struct stat st;
        if (entry->d_name[0] == '.')
            continue;
        int len = snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (len >= (int)sizeof path || lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            rc = list_by_walk(path, skip, depth + 1, names, e);
        else if (S_ISREG(st.st_mode))
            buf_add(names, path + skip, (size_t)len - skip + 1);
    }
    closedir(d);
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static enum errc each_sorted(const char *dir, struct str names, files_fn *fn, void *arg,
                             struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < names.len; i++)
        n += names.ptr[i] == '\0';
    const char **sorted = mem_alloc(n + 1, sizeof *sorted);
    if (sorted == NULL)
        return err_set(e, ERR_MEMORY, "%s: out of memory", dir);
    const char *at = names.ptr;
    for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
        sorted[i] = at;
    qsort(sorted, n, sizeof *sorted, compare_names);
    enum errc rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        char path[PATH_LEN];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, sorted[i]);
        /* git also names what was deleted, submodules, and links */
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            rc = fn(arg, path, e);
    }
    mem_free(sorted);
    return rc;
}

enum errc files_each(const char *path, files_fn *fn, void *arg, struct err *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", path);
    if (!S_ISDIR(st.st_mode))
        return fn(arg, path, e);
    char dir[PATH_LEN];
    struct str trimmed = str_of(path);
    while (trimmed.len > 1 && str_ends(trimmed, STR("/")))
        trimmed.len--;
    snprintf(dir, sizeof dir, "%.*s", STR_ARG(trimmed));
    AUTO(buf_release) struct buf names = BUF_INIT(NAMES_LEN);
    if (!list_by_git(dir, &names)) {
        buf_reset(&names);
        enum errc rc = list_by_walk(dir, strlen(dir) + 1, 0, &names, e);
        if (rc != ERR_OK)
            return rc;
    }
    if (buf_err(&names) != ERR_OK)
        return err_set(e, buf_err(&names), "%s: too many files", path);
    return each_sorted(dir, buf_str(&names), fn, arg, e);
}

const char *files_beside(struct arena *a, const char **path)
{
    char real[PATH_LEN];
    struct stat st;
    if (stat(*path, &st) == 0 && !S_ISREG(st.st_mode))
        return NULL;
    if (realpath(*path, real) != NULL)
        *path = arena_strndup(a, real, strlen(real));
    else if (lstat(*path, &st) == 0)
        return NULL; /* a link to what is made by opening it, or has no name */
    return arena_printf(a, "%s.%ld.new", *path, (long)getpid());
}

enum errc files_write(const char *path, struct str bytes, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(e, ERR_IO, "%s", path);
    enum errc rc = files_write_fd(fd, path, bytes, e);
    if (close(fd) != 0 && rc == ERR_OK)
        rc = err_errno(e, ERR_IO, "%s", path);
    return rc;
}
