/* stale.c: see stale.h. */
#include "cmd/stale.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/link.h"

enum stale stale_conf(struct cmd_ctx *ctx, struct json_object *status)
{
    struct err ignored = ERR_INIT;
    struct stat st;
    int64_t read_us;
    const char *path = cmd_conf_path(ctx);
    if (jx_str(status, "config_error").len > 0)
        return STALE_REFUSED;
    if (!str_eqz(jx_str(status, "config"), path))
        return STALE_OTHER;
    if (stat(path, &st) != 0 || clock_parse_rfc3339(jx_str(status, "config_read_at"),
                                                    &read_us, &ignored) != ERR_OK)
        return STALE_NOT;
    int64_t changed_us =
        (int64_t)st.st_mtim.tv_sec * US_PER_S + (int64_t)st.st_mtim.tv_nsec / 1000;
    return changed_us > read_us ? STALE_UNREAD : STALE_NOT;
}

/* Is it that name which is not known, and do we know it? */
static bool is_known_here(struct cmd_ctx *ctx, const char *model, const char *route,
                          const struct err *e)
{
    struct conf_resolved to;
    struct err ignored = ERR_INIT;
    const char *quoted =
        arena_printf(&ctx->arena, "\"%s\"", route != NULL ? route : model);
    if (ctx->conf == NULL || !str_contains(str_of(e->text), str_of(quoted)))
        return false;
    if (route != NULL)
        return conf_route(ctx->conf, str_of(route)) != NULL;
    return conf_resolve(ctx->conf, ctx->catalog, str_of(model), &ctx->arena, &to,
                        &ignored) == ERR_OK;
}

void stale_hint(struct cmd_ctx *ctx, const char *model, const char *route, struct err *e)
{
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *status = NULL;
    struct err ignored = ERR_INIT;
    const char *path = cmd_conf_path(ctx), *hint = NULL;
    if (e->code != ERR_NOT_FOUND || e->origin == ERR_BY_PROVIDER ||
        !is_known_here(ctx, model, route, e) ||
        link_ask(ctx, false, "GET", "/llmgw/v1/status", STR_NONE, STR_NONE, &answer,
                 &ignored) != ERR_OK ||
        jx_parse(buf_str(&answer), &status, &ignored) != ERR_OK)
        return;
    switch (stale_conf(ctx, status)) {
    case STALE_NOT:
        return;
    case STALE_UNREAD:
        hint = arena_printf(&ctx->arena,
                            "%s was changed after the broker read it: llmgw broker "
                            "reload",
                            path);
        break;
    case STALE_REFUSED:
        hint = arena_printf(&ctx->arena,
                            "%.*s has errors, and the broker keeps what it had: llmgw "
                            "config check",
                            STR_ARG(jx_str(status, "config")));
        break;
    case STALE_OTHER:
        hint = arena_printf(&ctx->arena, "the broker reads %.*s, not %s",
                            STR_ARG(jx_str(status, "config")), path);
        break;
    }
    size_t end = str_search(str_of(e->text), STR("\nhint: "));
    if (hint != NULL)
        snprintf(e->text + end, sizeof e->text - end, "\nhint: %s", hint);
}
