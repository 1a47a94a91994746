/* os.c: see os.h. */
#include "core/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

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

static void fill_files(const struct os_spawn *s, posix_spawn_file_actions_t *files)
{
    posix_spawn_file_actions_init(files);
    for (int i = 0; i < OS_SPAWN_FDS; i++)
        if (s->fds[i] >= 0)
            posix_spawn_file_actions_adddup2(files, s->fds[i], i);
        else if (s->fds[i] == OS_FD_NULL)
            posix_spawn_file_actions_addopen(files, i, "/dev/null", O_RDWR, 0);
}

static void fill_attributes(const struct os_spawn *s, posix_spawnattr_t *attr)
{
    int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(attr);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setpgroup(attr, 0);
    flags |= s->has_own_group ? POSIX_SPAWN_SETPGROUP : 0;
    flags |= s->has_own_session ? POSIX_SPAWN_SETSID : 0;
    posix_spawnattr_setflags(attr,
                             (short)flags); /* short is the type that POSIX gave it */
}

enum errc os_spawn(const struct os_spawn *s, pid_t *ret, struct err *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    /* argv is not const only for reasons of history: POSIX, exec, "rationale" */
    char *const *argv = (char *const *)(uintptr_t)s->argv;
    fill_files(s, &files);
    fill_attributes(s, &attr);
    int rc = posix_spawnp(ret, s->program, &files, &attr, argv,
                          s->env != NULL ? s->env : environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    errno = rc;
    return rc == 0 ? ERR_OK : err_errno(e, ERR_IO, "%s", s->program);
}

int os_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
