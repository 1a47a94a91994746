/*
 * needs.c: what commands read before they begin, configuration, catalog and ledger, and the one way
 * in which they change the configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/db.h"
#include "core/os.h"

#include "cmd/cmd.h"

enum errc cmd_conf_source(struct cmd_ctx *ctx, struct conf_source *ret, struct err *e)
{
    const struct opt_list *given = &ctx->global.conf;
    const char **overrides = ARENA_ARRAY(&ctx->arena, given->n + 1, const char *);
    char *cwd = arena_alloc(&ctx->arena, PATH_MAX, 1);
    if (overrides == NULL || cwd == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    memcpy(overrides, given->items, given->n * sizeof given->items[0]);
    *ret = (struct conf_source){
        .file = ctx->global.config,
        .overrides = overrides,
        .getenv = cmd_getenv,
        .cwd = getcwd(cwd, PATH_MAX), /* without one there is no project */
    };
    return ERR_OK;
}

/*
 * The catalog with the user's own rows and prices over it. Most commands have no use for it: when
 * it cannot be read, ours alone does, or one without a row, and the rest is catalog_err.
 */
static enum errc load_catalog(struct cmd_ctx *ctx, struct err *e)
{
    const char *path = catalog_default_path(&ctx->arena);
    const char *own = conf_path_data(&ctx->arena, cmd_getenv, "prices.tsv");
    struct err *why = &ctx->catalog_err;
    if (catalog_load(path, own, &ctx->catalog, why) == ERR_OK)
        return ERR_OK;
    struct err ours = ERR_INIT;
    const char *hint = "mend it, or move it away";
    if (catalog_load(path, NULL, &ctx->catalog, &ours) != ERR_OK) {
        hint = "install llmgw, or let LLMGW_CATALOG name its catalog.tsv";
        if (catalog_parse(STR(""), "", &ctx->catalog, e) != ERR_OK)
            return e->code;
    }
    const char *text = arena_strz(&ctx->arena, str_of(why->text));
    err_set(why, why->code, "catalog: %s\nhint: %s", text, hint);
    return ERR_OK;
}

enum errc cmd_need_catalog(const struct cmd_ctx *ctx, struct err *e)
{
    if (ctx->catalog_err.code != ERR_OK)
        *e = ctx->catalog_err;
    return ctx->catalog_err.code;
}

static enum errc override_prices(struct cmd_ctx *ctx, struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < ctx->conf->n_prices; i++) {
        const struct conf_price *p = &ctx->conf->prices[i];
        rc = catalog_override(ctx->catalog, str_of(p->provider), str_of(p->model),
                              str_of(p->component), p->per_unit, e);
        if (rc != ERR_OK)
            err_ctx(e, "%s:%d", p->pos.file, p->pos.line);
    }
    return rc;
}

static enum errc load_conf(struct cmd_ctx *ctx, struct err *e)
{
    AUTO(buf_release) struct buf problems = BUF_INIT(1024 * 1024);
    struct conf_source src;
    enum errc rc = cmd_conf_source(ctx, &src, e);
    src.lenient = true;
    if (rc == ERR_OK)
        rc = conf_load(&src, ctx->catalog, &ctx->conf, &problems, e);
    if (rc == ERR_OK)
        rc = override_prices(ctx, e);
    struct str rest = buf_str(&problems), line;
    /* names that only the catalog knows would all be unknown */
    bool is_told = rc == ERR_OK && ctx->catalog_err.code == ERR_OK;
    while (is_told && str_split(&rest, '\n', &line))
        if (line.len > 0)
            cmd_warn(ctx, "%.*s", STR_ARG(line));
    return rc;
}

enum errc cmd_load(struct cmd_ctx *ctx, unsigned needs, struct err *e)
{
    enum errc rc = ERR_OK;
    if ((needs & (CMD_CATALOG | CMD_NAMES | CMD_CONF)) != 0 && ctx->catalog == NULL)
        rc = load_catalog(ctx, e);
    if (rc == ERR_OK && (needs & CMD_CATALOG) != 0)
        rc = cmd_need_catalog(ctx, e);
    if (rc == ERR_OK && (needs & CMD_CONF) != 0 && ctx->conf == NULL)
        rc = load_conf(ctx, e);
    if (rc == ERR_OK && ctx->conf != NULL) {
        ctx->global.offline |= ctx->conf->core.offline;
        ctx->global.no_autostart |= !ctx->conf->core.autostart;
    }
    return rc;
}

enum errc cmd_open_ledger(struct cmd_ctx *ctx, struct db **ret, struct err *e)
{
    *ret = NULL;
    const char *path = conf_path_db(&ctx->arena, ctx->conf, cmd_getenv);
    enum errc rc = db_open(path, DB_READ, ret, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    return ERR_OK;
}

const char *cmd_conf_path(struct cmd_ctx *ctx)
{
    const char *from_env = cmd_getenv("LLMGW_CONFIG");
    if (ctx->global.config != NULL)
        return ctx->global.config;
    if (from_env != NULL && from_env[0] != '\0')
        return from_env;
    return conf_path_user(&ctx->arena, cmd_getenv);
}

/*
 * Who reads the file to change it locks its folder first, since the file itself is replaced: else
 * of two at a time one would be lost. Where locks or folders cannot be had it goes without.
 */
static enum errc lock_conf(struct cmd_ctx *ctx, const char *path, struct err *e)
{
    enum { STEP_MS = 20, PATIENCE_MS = 10 * 1000 };
    char real[PATH_MAX];
    struct err ignored = ERR_INIT;
    if (ctx->has_conf_lock)
        return ERR_OK;
    const char *file = realpath(path, real) != NULL ? real : path;
    const char *slash = strrchr(file, '/');
    const char *dir =
        slash == NULL ? "."
                      : arena_printf(&ctx->arena, "%.*s", (int)(slash - file) + 1, file);
    (void)!os_make_parents(file, 0700, &ignored);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int ms = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; ms += STEP_MS) {
        if (errno == EWOULDBLOCK && ms >= PATIENCE_MS) {
            close(fd);
            return err_set(e, ERR_IO, "%s: another llmgw is changing it", path);
        }
        if (errno != EWOULDBLOCK && errno != EINTR)
            break;
        poll(NULL, 0, STEP_MS);
    }
    ctx->has_conf_lock = true;
    return ERR_OK;
}

enum errc cmd_conf_open(struct cmd_ctx *ctx, const char **ret_path,
                        struct conf_text **ret_text, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_CONF_LEN);
    const char *path = cmd_conf_path(ctx);
    enum errc rc = lock_conf(ctx, path, e);
    if (rc == ERR_OK)
        rc = conf_read_file(path, &text, e);
    if (rc != ERR_OK && rc != ERR_NOT_FOUND)
        return rc;
    rc = conf_text_parse(buf_str(&text), path, ret_text, e);
    if (rc == ERR_OK)
        *ret_path = path;
    return rc;
}

enum errc cmd_conf_put(struct buf *text, const char *dotted, const char *value, bool add,
                       struct err *e)
{
    AUTO(conf_text_free) struct conf_text *t = NULL;
    AUTO(buf_release) struct buf next = BUF_INIT(2 * LIMIT_CONF_LEN);
    enum errc rc = conf_text_parse(buf_str(text), "configuration", &t, e);
    if (rc == ERR_OK)
        rc = conf_text_set(t, dotted, value, add, &next, e);
    if (rc != ERR_OK)
        return rc;
    buf_reset(text);
    buf_adds(text, buf_str(&next));
    return buf_err(text) == ERR_OK ? ERR_OK : err_set(e, buf_err(text), "%s", dotted);
}

/* How many problems there are, and which; `edited` may be NULL. */
static enum errc count_problems(struct cmd_ctx *ctx, const char *edited, struct str text,
                                struct buf *problems, size_t *ret_n, struct err *e)
{
    struct conf_source src;
    struct conf *conf = NULL;
    enum errc rc = cmd_conf_source(ctx, &src, e);
    src.lenient = true;
    src.edited = edited;
    src.edited_text = text;
    if (rc == ERR_OK)
        rc = conf_load(&src, ctx->catalog, &conf, problems, e);
    conf_free(&conf);
    struct str rest = buf_str(problems), line;
    *ret_n = 0;
    while (str_split(&rest, '\n', &line))
        *ret_n += line.len > 0;
    return rc;
}

/* The first line of `after` that is not in `before`. */
static struct str new_problem(struct str before, struct str after)
{
    struct str line;
    while (str_split(&after, '\n', &line))
        if (line.len > 0 && !str_contains(before, line))
            return line;
    return STR_NONE;
}

enum errc cmd_conf_save(struct cmd_ctx *ctx, const char *path, struct str text,
                        struct err *e)
{
    AUTO(buf_release) struct buf before = BUF_INIT(1024 * 1024);
    AUTO(buf_release) struct buf after = BUF_INIT(1024 * 1024);
    size_t n_before, n_after;
    enum errc rc = count_problems(ctx, NULL, STR_NONE, &before, &n_before, e);
    if (rc == ERR_OK)
        rc = count_problems(ctx, path, text, &after, &n_after, e);
    if (rc != ERR_OK)
        return rc;
    if (n_after > n_before)
        return err_set(e, ERR_CONFIG, "%.*s",
                       STR_ARG(new_problem(buf_str(&before), buf_str(&after))));
    return conf_write_file(path, text, e);
}
