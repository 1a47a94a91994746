/*
 * models_names.c: `llmgw models alias` and `llmgw models default`: what models are called here,
 * as lines of the configuration.
 */
#include <string.h>

#include "cmd/link.h"
#include "cmd/models.h"
#include "cmd/out.h"

/* Does the name mean something? Its nearest are told when not. */
static enum errc check_target(struct cmd_ctx *ctx, const char *name, struct err *e)
{
    struct conf_resolved r;
    return conf_resolve(ctx->conf, ctx->catalog, str_of(name), &ctx->arena, &r, e);
}

/* Opens the user's file, as text to be changed. */
static enum errc open_text(struct cmd_ctx *ctx, const char **ret_path, struct buf *text,
                           struct err *e)
{
    AUTO(conf_text_free) struct conf_text *t = NULL;
    enum errc rc = cmd_conf_open(ctx, ret_path, &t, e);
    if (rc == ERR_OK)
        buf_adds(text, conf_text_str(t));
    return rc;
}

/* ---- alias ---- */

static const struct conf_alias *find_alias(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_aliases; i++)
        if (strcmp(c->aliases[i].name, name) == 0)
            return &c->aliases[i];
    return NULL;
}

const char *models_meant(const struct cmd_ctx *ctx, const char *name)
{
    const struct conf_alias *alias =
        ctx->conf != NULL ? find_alias(ctx->conf, name) : NULL;
    return alias != NULL ? alias->target : name;
}

static enum errc list_aliases(struct cmd_ctx *ctx, struct err *e)
{
    static const struct out_column columns[] = {
        {.name = "alias", .type = OUT_TEXT},
        {.name = "target", .type = OUT_TEXT},
        {.name = "origin", .type = OUT_TEXT, .hidden = true},
        {.name = "line", .type = OUT_INT, .hidden = true},
    };
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_models), "llmgw.models.alias/1",
                           columns, ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < ctx->conf->n_aliases; i++) {
        const struct conf_alias *a = &ctx->conf->aliases[i];
        out_textz(out, a->name);
        out_textz(out, a->target);
        out_textz(out, a->pos.file);
        out_int(out, a->pos.line);
        out_row_end(out);
    }
    out_if_empty(out, "no alias yet\nhint: llmgw models alias set NAME MODEL");
    return out_finish(out, e);
}

/* With value NULL the alias goes. */
static enum errc put_alias(struct cmd_ctx *ctx, const char *name, const char *value,
                           struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_CONF_LEN);
    const char *path = NULL;
    enum errc rc = open_text(ctx, &path, &text, e);
    if (rc == ERR_OK)
        rc = cmd_conf_put(&text, arena_printf(&ctx->arena, "alias.%s", name), value,
                          false, e);
    if (rc == ERR_OK)
        rc = cmd_conf_save(ctx, path, buf_str(&text), e);
    if (rc == ERR_OK)
        link_reload(ctx);
    return rc;
}

enum errc models_alias(struct cmd_ctx *ctx, void *opts, const char *const *args, size_t n,
                       struct err *e)
{
    (void)opts;
    const char *word = n > 0 ? args[0] : "list";
    if (strcmp(word, "list") == 0 && n <= 1)
        return list_aliases(ctx, e);
    if (strcmp(word, "set") == 0 && n == 3) {
        enum errc rc = check_target(ctx, args[2], e);
        return rc == ERR_OK ? put_alias(ctx, args[1], args[2], e) : rc;
    }
    if (strcmp(word, "rm") == 0 && n == 2) {
        if (find_alias(ctx->conf, args[1]) == NULL)
            return err_set(e, ERR_NOT_FOUND,
                           "no alias \"%s\"\nhint: llmgw models alias list", args[1]);
        return put_alias(ctx, args[1], NULL, e);
    }
    return err_set(e, ERR_USAGE,
                   "usage: llmgw models alias [list | set NAME MODEL | rm NAME]");
}

/* ---- default ---- */

/* The order of chat_request.c. */
const char *models_default_name(const struct conf *c)
{
    const char *const names[] = {c->chat.model, c->chat.route, c->core.default_model,
                                 c->core.default_route};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i] != NULL)
            return names[i];
    return "default";
}

enum errc models_default(struct cmd_ctx *ctx, void *opts, const char *const *args,
                         size_t n, struct err *e)
{
    (void)opts;
    static const char *const keys[] = {"core.default-route", "core.default-model"};
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_CONF_LEN);
    const char *path = NULL;
    if (cmd_formats(ctx, "models default", 0, e) != ERR_OK)
        return e->code;
    if (n == 0)
        return out_write(
            ctx,
            str_of(arena_printf(&ctx->arena, "%s\n", models_default_name(ctx->conf))), e);
    bool is_route = conf_route(ctx->conf, str_of(args[0])) != NULL;
    enum errc rc = check_target(ctx, args[0], e);
    if (rc == ERR_OK)
        rc = open_text(ctx, &path, &text, e);
    for (size_t i = 0; i < ARRAY_LEN(keys) && rc == ERR_OK;
         i++) /* one takes the other's place */
        rc = cmd_conf_put(&text, keys[i], NULL, false, e);
    if (rc == ERR_OK)
        rc = cmd_conf_put(&text, keys[is_route ? 0 : 1], args[0], false, e);
    if (rc == ERR_OK)
        rc = cmd_conf_save(ctx, path, buf_str(&text), e);
    if (rc == ERR_OK)
        link_reload(ctx);
    if (rc == ERR_OK && (ctx->conf->chat.model != NULL || ctx->conf->chat.route != NULL))
        cmd_note(ctx, "llmgw chat still asks %s: [chat] says so",
                 models_default_name(ctx->conf));
    return rc;
}
