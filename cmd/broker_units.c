/*
 * broker_units.c: see broker_units.h. Writes no unit: `make install` has put them beside the
 * programs, and systemctl(1) links them from there when it would not look there by itself.
 */
#include "cmd/broker_units.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/os.h"

#define SOCKET_UNIT  "llmgw.socket"
#define SERVICE_UNIT "llmgw.service"

/* Where systemd looks for units of users. Source: systemd.unit(5), version 252 */
static bool is_searched(const char *dir)
{
    static const char *const dirs[] = {"/etc/systemd/user", "/usr/local/lib/systemd/user",
                                       "/usr/lib/systemd/user", "/lib/systemd/user"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        if (strcmp(dir, dirs[i]) == 0)
            return true;
    return false;
}

/* The folder with our units: of the tree this program stands in, else where it was built for. */
static enum errc find_units(struct cmd_ctx *ctx, const char **ret, struct err *e)
{
    char bin[4096];
    const char *near = LLMGW_USERUNITDIR;
    if (os_program_dir(bin, sizeof bin)) {
        struct str tree = {bin, strlen(bin)};
        if (str_ends(tree, STR("/bin")))
            tree.len -= strlen("/bin");
        near = arena_printf(&ctx->arena, "%.*s/lib/systemd/user", STR_ARG(tree));
    }
    const char *const dirs[] = {near, LLMGW_USERUNITDIR};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        if (access(arena_printf(&ctx->arena, "%s/" SERVICE_UNIT, dirs[i]), R_OK) == 0) {
            *ret = dirs[i];
            return ERR_OK;
        }
    return err_set(e, ERR_NOT_FOUND, "no " SERVICE_UNIT " in %s\nhint: make install%s%s",
                   near, strcmp(near, dirs[1]) == 0 ? "" : ", or look in ",
                   strcmp(near, dirs[1]) == 0 ? "" : dirs[1]);
}

/* What it writes is for the user; its standard output is not ours. */
static enum errc systemctl(const char *const *args, struct err *e)
{
    enum { ARGS = 8 };
    const char *argv[ARGS] = {"systemctl", "--user", "--quiet"}, *verb = args[0];
    size_t n = 3;
    for (; *args != NULL && n < ARGS - 1; args++)
        argv[n++] = *args;
    argv[n] = NULL;
    const struct os_spawn how = {
        .program = "systemctl",
        .argv = argv,
        .fds = {OS_FD_NULL, STDERR_FILENO, STDERR_FILENO, OS_FD_NULL}};
    pid_t pid;
    if (os_spawn(&how, &pid, e) != ERR_OK)
        return e->sys == ENOENT
                   ? err_set(
                         e, ERR_NOT_FOUND,
                         "there is no systemctl\nhint: without systemd nothing has to "
                         "be installed: llmgw starts the broker when it needs it")
                   : e->code;
    int status = os_wait(pid);
    if (status != 0)
        return err_set(e, ERR_IO, "systemctl --user %s ended with status %d", verb,
                       status);
    return ERR_OK;
}
#define SYSTEMCTL(e, ...) systemctl((const char *const[]){__VA_ARGS__, NULL}, (e))

enum errc broker_units_link(struct cmd_ctx *ctx, struct err *e)
{
    const char *dir = NULL;
    enum errc rc = find_units(ctx, &dir, e);
    if (rc == ERR_OK && !is_searched(dir))
        rc = SYSTEMCTL(e, "link", arena_printf(&ctx->arena, "%s/" SOCKET_UNIT, dir),
                       arena_printf(&ctx->arena, "%s/" SERVICE_UNIT, dir));
    return rc == ERR_OK ? SYSTEMCTL(e, "daemon-reload") : rc;
}

enum errc broker_units_enable(struct err *e)
{
    return SYSTEMCTL(e, "enable", "--now", SOCKET_UNIT);
}

enum errc broker_units_uninstall(struct err *e)
{
    enum errc rc = SYSTEMCTL(e, "disable", "--now", SOCKET_UNIT, SERVICE_UNIT);
    return rc == ERR_OK ? SYSTEMCTL(e, "daemon-reload") : rc;
}
