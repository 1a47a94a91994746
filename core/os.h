/*
 * os.h: the system-specific calls, so that a port is this file and broker/loop.c; here for
 * Linux. And what POSIX makes longer than it is.
 */
#ifndef CORE_OS_H
#define CORE_OS_H

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

#endif
