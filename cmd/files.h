/*
 * files.h: the files that a path stands for: itself, or what a directory holds.
 */
#ifndef CMD_FILES_H
#define CMD_FILES_H

#include "core/arena.h"
#include "core/buf.h"

typedef enum errc files_fn(void *arg, const char *path, struct err *e);

/*
 * Calls fn for a file, or for each file below a directory, in the order of their names. Within a
 * git work tree these are the files that git knows or would add; elsewhere, all that are
 * not hidden. Links to directories are not followed. A failure of fn ends it.
 */
enum errc files_each(const char *path, files_fn *fn, void *arg, struct err *e) MUST_USE;

/* Appends a file's bytes. ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE by the buffer's cap. */
enum errc files_read(const char *path, struct buf *out, struct err *e) MUST_USE;
/* Appends what a descriptor gives until its end. */
enum errc files_read_fd(int fd, const char *name, struct buf *out, struct err *e)
    MUST_USE;
/* Writes all of it, whatever a descriptor takes at a time. */
enum errc files_write_fd(int fd, const char *name, struct str bytes, struct err *e)
    MUST_USE;
/* Makes the file, or replaces what is in it. */
enum errc files_write(const char *path, struct str bytes, struct err *e) MUST_USE;
/*
 * The name beside a file under which its new contents are written, to be renamed to *path, which
 * becomes the file that links lead to. NULL: a device, a pipe or the like, which is written as it
 * is and must not be replaced.
 */
const char *files_beside(struct arena *a, const char **path);

#endif
