/*
 * conf_path.c: where files live: the paths part of conf.h.
 *
 * Source: XDG Base Directory Specification 0.8: variables that are not absolute are ignored.
 * The socket is never looked for in a directory that somebody else could have made.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/conf.h"

static const char *home_dir(const char *(*getenv)(const char *))
{
    const char *home = getenv("HOME");
    if (home != NULL && home[0] == '/')
        return home;
    const struct passwd *me = getpwuid(geteuid());
    return me && me->pw_dir ? me->pw_dir : "/";
}

static const char *absolute(const char *value)
{
    return value != NULL && value[0] == '/' ? value : NULL;
}

/* $VARIABLE/llmgw/FILE, or ~/PRESET/llmgw/FILE. */
static const char *xdg_path(struct arena *a, const char *(*getenv)(const char *),
                            const char *variable, const char *preset, const char *file)
{
    const char *base = absolute(getenv(variable));
    if (base != NULL)
        return arena_printf(a, "%s/llmgw/%s", base, file);
    return arena_printf(a, "%s/%s/llmgw/%s", home_dir(getenv), preset, file);
}

const char *conf_path_user(struct arena *a, const char *(*getenv)(const char *))
{
    return xdg_path(a, getenv, "XDG_CONFIG_HOME", ".config", "config");
}

const char *conf_path_data(struct arena *a, const char *(*getenv)(const char *),
                           const char *file)
{
    return xdg_path(a, getenv, "XDG_DATA_HOME", ".local/share", file);
}

const char *conf_path_state(struct arena *a, const char *(*getenv)(const char *),
                            const char *file)
{
    return xdg_path(a, getenv, "XDG_STATE_HOME", ".local/state", file);
}

const char *conf_path_cache(struct arena *a, const char *(*getenv)(const char *),
                            const char *file)
{
    return xdg_path(a, getenv, "XDG_CACHE_HOME", ".cache", file);
}

const char *conf_path_db(struct arena *a, const struct conf *c,
                         const char *(*getenv)(const char *))
{
    const char *db = getenv("LLMGW_DB");
    if (c != NULL && c->broker.db != NULL)
        return c->broker.db; /* the variable, unless --conf has said otherwise */
    if (db != NULL && db[0] != '\0')
        return arena_strz(a, str_of(db));
    return conf_path_data(a, getenv, "llmgw.db");
}

const char *conf_path_project(struct arena *a, const char *cwd,
                              const char *(*getenv)(const char *))
{
    const char *home = getenv("HOME");
    struct str dir = str_of(cwd);
    while (dir.len > 1 && dir.ptr[0] == '/' && !(home != NULL && str_eqz(dir, home))) {
        const char *path = arena_printf(a, "%.*s/.llmgw/config", STR_ARG(dir));
        if (access(path, F_OK) == 0)
            return path;
        if (access(arena_printf(a, "%.*s/.git", STR_ARG(dir)), F_OK) == 0)
            return NULL;
        while (dir.len > 1 && dir.ptr[dir.len - 1] != '/')
            dir.len--;
        dir.len -= dir.len > 1;
    }
    return NULL;
}

/* ---- the socket ---- */

/* A directory of ours that nobody else can write to (or even enter, when `is_private`). */
static bool is_our_dir(const char *path, bool is_private)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & (is_private ? 0077 : 0022)) == 0;
}

/* Named on purpose: only its length can be wrong here. */
static const char *named_socket(const struct conf *c, const char *option,
                                const char *(*getenv)(const char *))
{
    const char *from_env = getenv("LLMGW_SOCKET");
    if (option != NULL)
        return option;
    if (c != NULL && c->broker.socket != NULL)
        return c->broker.socket; /* the variable, unless --conf has said otherwise */
    return from_env != NULL && from_env[0] != '\0' ? from_env : NULL;
}

static const char *usual_socket(struct arena *a, const char *(*getenv)(const char *))
{
    const char *runtime = absolute(getenv("XDG_RUNTIME_DIR"));
    if (runtime != NULL && is_our_dir(runtime, false))
        return arena_printf(a, "%s/llmgw/broker.sock", runtime);
    /* cron and su leave the variable unset, or another user's */
    runtime = arena_printf(a, "/run/user/%u", (unsigned)geteuid());
    if (is_our_dir(runtime, true))
        return arena_printf(a, "%s/llmgw/broker.sock", runtime);
    return conf_path_state(a, getenv, "run/broker.sock");
}

/* What exists already must be ours: the directory, and in it a socket. */
static enum errc check_usual(struct arena *a, const char *path, struct err *e)
{
    struct str dir = str_sub(str_of(path), 0, (size_t)(strrchr(path, '/') - path));
    const char *parent = arena_strz(a, dir);
    struct stat st;
    if (stat(parent, &st) == 0 && !is_our_dir(parent, false))
        return err_set(
            e, ERR_BROKER,
            "%s is another user's, or others can write to it\nhint: chmod 700 it, "
            "or choose another place with --socket",
            parent);
    if (lstat(path, &st) != 0)
        return ERR_OK;
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_BROKER, "%s is no socket", path);
    if (st.st_uid != geteuid())
        return err_set(e, ERR_BROKER, "%s belongs to user %u", path, (unsigned)st.st_uid);
    return ERR_OK;
}

enum errc conf_path_socket(struct arena *a, const struct conf *c, const char *option,
                           const char *(*getenv)(const char *), const char **ret,
                           struct err *e)
{
    const char *named = named_socket(c, option, getenv);
    const char *path = named ? arena_strz(a, str_of(named)) : usual_socket(a, getenv);
    size_t len = strlen(path);
    if (len == 0 || len > LIMIT_SOCK_PATH)
        return err_set(
            e, ERR_BROKER,
            "the socket's path has %zu bytes, and a socket may have from 1 to %d: "
            "%s\nhint: choose a shorter one with --socket or LLMGW_SOCKET",
            len, LIMIT_SOCK_PATH, path);
    enum errc rc = named ? ERR_OK : check_usual(a, path, e);
    if (rc == ERR_OK)
        *ret = path;
    return rc;
}
