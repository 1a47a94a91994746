/* editor.c: see editor.h. */
#include "cmd/editor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/files.h"
#include "cmd/shell.h"

static bool is_dumb(void)
{
    const char *term = cmd_getenv("TERM");
    return term == NULL || strcmp(term, "dumb") == 0;
}

/*
 * Source: git-var(1), GIT_EDITOR: a dumb terminal has no use for VISUAL, and none for vi; NULL
 * then, and where there is no terminal.
 */
static const char *editor(void)
{
    const char *visual = is_dumb() ? NULL : cmd_getenv("VISUAL");
    const char *any = cmd_getenv("EDITOR");
    bool has_screen = !is_dumb() && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    return visual != NULL && visual[0] != '\0' ? visual
           : any != NULL && any[0] != '\0'     ? any
           : has_screen                        ? "vi"
                                               : NULL;
}

/* Editors tell Markdown by the name's end. */
static enum errc make_file(struct cmd_ctx *ctx, struct str text, char **ret,
                           struct err *e)
{
    const char *dir = cmd_getenv("TMPDIR");
    const char *pattern = arena_printf(&ctx->arena, "%s/llmgw-XXXXXX.md",
                                       dir != NULL && dir[0] == '/' ? dir : "/tmp");
    char *path =
        pattern != NULL ? arena_strndup(&ctx->arena, pattern, strlen(pattern)) : NULL;
    if (path == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    int fd = mkostemps(path, (int)strlen(".md"), O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "%s", path);
    enum errc rc = files_write_fd(fd, path, text, e);
    if (rc == ERR_OK && text.len > 0 && !str_ends(text, STR("\n")))
        rc = files_write_fd(fd, path, STR("\n"), e);
    close(fd);
    if (rc != ERR_OK)
        unlink(path);
    *ret = path;
    return rc;
}

static enum errc run_editor(const char *path, struct err *e)
{
    int status;
    enum errc rc = shell_edit(editor(), path, &status, e);
    if (rc == ERR_OK && status != 0)
        rc = err_set(e, ERR_IO, "the editor, \"%s\", ended with status %d", editor(),
                     status);
    return rc;
}

enum errc editor_edit(struct cmd_ctx *ctx, struct buf *text, struct err *e)
{
    AUTO(buf_release) struct buf saved = BUF_INIT(LIMIT_BODY_LEN);
    char *path = NULL;
    if (editor() == NULL)
        return err_set(e, ERR_USAGE,
                       "no terminal for vi, and EDITOR names no other editor");
    enum errc rc = make_file(ctx, buf_str(text), &path, e);
    if (rc != ERR_OK)
        return rc;
    rc = run_editor(path, e);
    if (rc == ERR_OK)
        rc = files_read(path, &saved, e);
    unlink(path);
    if (rc != ERR_OK)
        return rc;
    struct str s = buf_str(&saved);
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL)
        s.len--;
    buf_reset(text);
    buf_adds(text, s);
    return ERR_OK;
}
