/*
 * os.h: the system-specific calls, so that a port is this file and broker/loop.c; here for
 * Linux. And what POSIX makes longer than it is.
 */
#ifndef CORE_OS_H
#define CORE_OS_H

#include <sys/types.h>

#include "core/err.h"

/* The user at the other end of a Unix socket. */
enum errc os_peer_uid(int fd, int64_t *ret_uid, struct err *e) MUST_USE;
/* A connection from a listening socket, not blocking and closed on exec; −1 and errno. */
int os_accept(int listen_fd);
/* No core dump, no debugger of the same user: the memory holds keys. */
enum errc os_forbid_dumps(struct err *e) MUST_USE;
/* Makes every missing directory above the file. */
enum errc os_make_parents(const char *path, unsigned mode, struct err *e) MUST_USE;
/* As many descriptors as we are allowed; how many that is. */
int64_t os_raise_fd_limit(void);
/* The folder that the running program's file is in; false when the system does not tell. */
bool os_program_dir(char *out, size_t size);

enum { OS_SPAWN_FDS = 4 };
/* What stands for a descriptor of ours in struct os_spawn. */
enum { OS_FD_KEPT = -1, OS_FD_NULL = -2 }; /* the one of the same number; /dev/null */

/* A program to start, with no signal ignored or blocked. */
struct os_spawn {
    const char *program;     /* looked for in PATH when there is no "/" in it */
    const char *const *argv; /* ends with NULL */
    char *const *env;        /* NULL: our environment */
    /* what its descriptors 0, 1, … are: ours of another place, or the above */
    int fds[OS_SPAWN_FDS];
    bool has_own_group, has_own_session;
};
#define OS_FDS_KEPT                                                                      \
    {                                                                                    \
        OS_FD_KEPT, OS_FD_KEPT, OS_FD_KEPT, OS_FD_KEPT                                   \
    }

/* ERR_IO with e->sys when it cannot be started: ENOENT, EACCES, … */
enum errc os_spawn(const struct os_spawn *s, pid_t *ret, struct err *e) MUST_USE;
/* argv of `sh -c line`, for struct os_spawn. */
#define OS_SHELL(line) ((const char *const[]){"sh", "-c", (line), NULL})
/* Waits for its end: the exit status, or 128 + the signal that ended it. */
int os_wait(pid_t pid);

#endif
