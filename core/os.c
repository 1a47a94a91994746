/* os.c: see os.h. */
#include "core/os.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum errc os_peer_uid(int fd, int64_t *ret_uid, struct err *e)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return err_errno(e, ERR_IO, "SO_PEERCRED");
    *ret_uid = peer.uid;
    return ERR_OK;
}

int os_accept(int listen_fd)
{
    return accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

enum errc os_forbid_dumps(struct err *e)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return err_errno(e, ERR_IO, "cannot forbid core dumps");
    return ERR_OK;
}

enum errc os_make_parents(const char *path, unsigned mode, struct err *e)
{
    char dir[PATH_MAX];
    for (const char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        snprintf(dir, sizeof dir, "%.*s", (int)(p - path), path);
        if (mkdir(dir, (mode_t)mode) != 0 && errno != EEXIST)
            return err_errno(e, ERR_IO, "cannot make %s", dir);
    }
    return ERR_OK;
}

int64_t os_raise_fd_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return 0;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) != 0 && getrlimit(RLIMIT_NOFILE, &r) != 0)
        return 0;
    return (int64_t)MIN(r.rlim_cur, (rlim_t)INT64_MAX);
}

bool os_program_dir(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size);
    char *slash = n > 0 && (size_t)n < size ? memrchr(out, '/', (size_t)n) : NULL;
    if (slash == NULL)
        return false;
    *slash = '\0';
    return true;
}
