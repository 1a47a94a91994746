/*
 * conf_file.c: reading and writing configuration files, and which project's file is trusted.
 *
 * A file is replaced by rename, so that no reader sees half of it and a full disk leaves the
 * old one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/conf.h"
#include "core/mem.h"
#include "core/sha256.h"

static enum errc read_fd(int fd, const char *path, struct buf *out, struct err *e)
{
    struct stat st;
    char piece[16 * 1024];
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return err_errno(e, ERR_IO, "%s", path);
    }
    ssize_t n = 1;
    while (n != 0 && buf_err(out) == ERR_OK) {
        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno != EINTR)
            break;
        buf_add(out, piece, n > 0 ? (size_t)n : 0);
    }
    int why = errno;
    mem_wipe(piece, sizeof piece); /* headers and proxies may hold passwords */
    errno = why;
    if (n < 0 && errno != EINTR)
        return err_errno(e, ERR_IO, "%s", path);
    if (buf_err(out) == ERR_TOO_LARGE)
        return err_set(e, ERR_TOO_LARGE, "%s: longer than %zu bytes", path, out->max);
    if (buf_err(out) != ERR_OK)
        return err_set(e, buf_err(out), "%s: out of memory", path);
    return ERR_OK;
}

enum errc conf_read_file(const char *path, struct buf *ret, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
                         "%s", path);
    enum errc rc = read_fd(fd, path, ret, e);
    close(fd);
    return rc;
}

/* Every directory above the file. */
static void make_dirs(char *path)
{
    for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
}

static bool write_fd(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            text = str_sub(text, (size_t)n, text.len);
    }
    return fsync(fd) == 0;
}

enum errc conf_write_file(const char *path, struct str text, struct err *e)
{
    char real[PATH_MAX], beside[PATH_MAX];
    struct stat st;
    if (realpath(path, real) == NULL)
        snprintf(real, sizeof real, "%s", path);
    bool is_there = stat(real, &st) == 0;
    if (is_there && !S_ISREG(st.st_mode))
        return err_set(e, ERR_IO, "%s: it is no file", path);
    mode_t mode = is_there ? st.st_mode & 0777 : 0600;
    if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", real) >= sizeof beside)
        return err_set(e, ERR_IO, "%s: the path is too long", path);
    make_dirs(real);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "%s", path);
    bool ok = write_fd(fd, text) && fchmod(fd, mode) == 0;
    ok = close(fd) == 0 && ok && rename(beside, real) == 0;
    if (ok)
        return ERR_OK;
    enum errc rc = err_errno(e, ERR_IO, "%s", path);
    unlink(beside);
    return rc;
}

/* "HASH PATH", a line of the file of trusted ones. */
static const char *trust_line(struct arena *a, const char *path, struct str text)
{
    char hex[SHA256_HEX_LEN + 1];
    sha256_hex(text, hex);
    return arena_printf(a, "%s %s", hex, path);
}

bool conf_is_trusted(struct arena *a, const char *(*getenv)(const char *),
                     const char *path, struct str text)
{
    AUTO(buf_release) struct buf known = BUF_INIT(LIMIT_CONF_LEN);
    struct err e = ERR_INIT;
    if (conf_read_file(conf_path_state(a, getenv, "trusted"), &known, &e) != ERR_OK)
        return false;
    struct str wanted = str_of(trust_line(a, path, text)), rest = buf_str(&known), line;
    while (str_split(&rest, '\n', &line))
        if (wanted.len > 0 && str_eq(line, wanted))
            return true;
    return false;
}

enum errc conf_trust(struct arena *a, const char *(*getenv)(const char *),
                     const char *path, struct str text, struct err *e)
{
    AUTO(buf_release) struct buf known = BUF_INIT(LIMIT_CONF_LEN);
    AUTO(buf_release) struct buf next = BUF_INIT(LIMIT_CONF_LEN);
    const char *file = conf_path_state(a, getenv, "trusted");
    enum errc rc = conf_read_file(file, &known, e);
    if (rc != ERR_OK && rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    /* an older hash of the same file goes */
    struct str rest = buf_str(&known), line;
    while (str_split(&rest, '\n', &line))
        if (line.len > SHA256_HEX_LEN &&
            !str_eqz(str_sub(line, SHA256_HEX_LEN + 1, line.len), path))
            buf_printf(&next, "%.*s\n", STR_ARG(line));
    buf_printf(&next, "%s\n", trust_line(a, path, text));
    if (buf_err(&next) != ERR_OK)
        return err_set(e, buf_err(&next), "%s", file);
    return conf_write_file(file, buf_str(&next), e);
}
