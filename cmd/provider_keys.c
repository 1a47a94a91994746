/*
 * provider_keys.c: `llmgw keys`: where the keys of providers come from, and whether they work.
 *
 * A key that is set here goes into a file of its own, which the configuration names; it is in no
 * argument, no configuration and no output.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/os.h"

#include "cmd/key_source.h"
#include "cmd/link.h"
#include "cmd/out.h"
#include "cmd/probe.h"
#include "cmd/secret_input.h"

enum { KEY_LEN = 16 * 1024 };

struct keys_options {
    const char *env, *file, *command;
    bool add;
};

#define AT(field) .offset = offsetof(struct keys_options, field)

static const struct option_row options[] = {
    {0, "key-env", OPT_STRING, AT(env), .arg = "VARIABLE", .group = "where the key is",
     .with = "set", .help = "the key is in this environment variable of the broker"},
    {0, "key-file", OPT_STRING, AT(file), .arg = "FILE", .complete = OPT_C_FILE,
     .with = "set", .help = "the key is the first line of this file"},
    {0, "key-cmd", OPT_STRING, AT(command), .arg = "COMMAND", .with = "set",
     .help = "the key is what this command prints first, as in 'pass show llm/openai'"},
    {0, "add", OPT_FLAG, AT(add), .with = "set",
     .help = "keep the keys that are there: several take turns"},
    {0},
};

#undef AT

/* ---- list ---- */

static const struct out_column list_columns[] = {
    {.name = "provider", .type = OUT_TEXT},
    {.name = "source", .type = OUT_TEXT, .soft = 40},
    {.name = "state", .type = OUT_TEXT},
    {.name = "ends", .type = OUT_TEXT, .priority = 1},
    {.name = "origin", .type = OUT_TEXT, .hidden = true},
    {.name = "line", .type = OUT_INT, .hidden = true},
};

static const char *source_text(struct cmd_ctx *ctx, const struct conf_secret *s)
{
    static const char *const words[] = {
        [CONF_KEY_ENV] = "env", [CONF_KEY_FILE] = "file", [CONF_KEY_CMD] = "command"};
    return arena_printf(&ctx->arena, "%s %s", words[s->source], s->value);
}

static void list_key(struct cmd_ctx *ctx, struct out *out, const struct conf_provider *p,
                     const struct conf_secret *s)
{
    char tail[KEY_TAIL_LEN] = "";
    out_textz(out, p->name);
    if (s != NULL) {
        enum key_state state = key_look(s, tail);
        out_textz(out, source_text(ctx, s));
        out_textz(out, key_state_name(state));
    } else {
        out_null(out);
        out_textz(out, "none needed");
    }
    if (tail[0] != '\0')
        out_textz(out, arena_printf(&ctx->arena, "…%s", tail));
    else
        out_null(out);
    out_textz(out, p->pos.file);
    if (p->pos.line > 0)
        out_int(out, p->pos.line);
    out_row_end(out);
}

static enum errc run_list(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_keys), "llmgw.keys/1", list_columns,
                           ARRAY_LEN(list_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < ctx->conf->n_providers; i++) {
        const struct conf_provider *p = &ctx->conf->providers[i];
        for (size_t k = 0; k < p->n_keys; k++)
            list_key(ctx, out, p, &p->keys[k]);
        if (p->n_keys == 0)
            list_key(ctx, out, p, NULL);
    }
    if (ctx->conf->n_providers == 0)
        out_if_empty(out, "no provider is in use\nhint: llmgw keys set openai, or set "
                          "OPENAI_API_KEY");
    return out_finish(out, e);
}

/* ---- set and rm ---- */

/* Of our own key files. */
static const char *folder(struct cmd_ctx *ctx)
{
    const char *config = conf_path_user(&ctx->arena, cmd_getenv);
    const char *slash = strrchr(config, '/');
    return arena_printf(&ctx->arena, "%.*s/keys", (int)(slash - config), config);
}

static enum errc check_name(const char *name, struct err *e)
{
    struct str s = str_of(name);
    bool is_plain = s.len > 0 && s.len < LIMIT_NAME_LEN && s.ptr[0] != '.';
    for (size_t i = 0; i < s.len; i++)
        is_plain = is_plain && s.ptr[i] != '/' && (unsigned char)s.ptr[i] > ' ';
    return is_plain ? ERR_OK
                    : err_set(e, ERR_USAGE, "\"%s\" is no provider's name", name);
}

/* The configuration without keys of the provider, unless they are to stay. */
static enum errc drop_keys(struct cmd_ctx *ctx, const char *name, struct buf *text,
                           struct err *e)
{
    static const char *const names[] = {"key-env", "key-file", "key-cmd"};
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(names) && rc == ERR_OK; i++)
        rc = cmd_conf_put(text,
                          arena_printf(&ctx->arena, "provider.%s.%s", name, names[i]),
                          NULL, false, e);
    return rc;
}

static enum errc configure(struct cmd_ctx *ctx, const char *name, const char *key,
                           const char *value, bool add, struct err *e)
{
    AUTO(conf_text_free) struct conf_text *t = NULL;
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_CONF_LEN);
    const char *path = NULL;
    enum errc rc = cmd_conf_open(ctx, &path, &t, e);
    if (rc != ERR_OK)
        return rc;
    buf_adds(&text, conf_text_str(t));
    if (!add)
        rc = drop_keys(ctx, name, &text, e);
    if (rc == ERR_OK)
        rc = cmd_conf_put(&text, arena_printf(&ctx->arena, "provider.%s.%s", name, key),
                          value, add, e);
    return rc == ERR_OK ? cmd_conf_save(ctx, path, buf_str(&text), e) : rc;
}

/* A file of our own; with --add one more beside it. */
static const char *fresh_file(struct cmd_ctx *ctx, const char *name, bool add)
{
    const char *path = arena_printf(&ctx->arena, "%s/%s", folder(ctx), name);
    for (int i = 2; add && access(path, F_OK) == 0; i++)
        path = arena_printf(&ctx->arena, "%s/%s.%d", folder(ctx), name, i);
    return path;
}

static enum errc store(struct cmd_ctx *ctx, const char *name, bool add, struct err *e)
{
    AUTO(buf_release) struct buf key = BUF_INIT(KEY_LEN);
    const char *path = fresh_file(ctx, name, add);
    enum errc rc =
        secret_input(ctx, arena_printf(&ctx->arena, "key of %s", name), &key, e);
    buf_addc(&key, '\n');
    if (rc == ERR_OK)
        rc = os_make_parents(path, 0700, e);
    if (rc == ERR_OK)
        rc = conf_write_file(path, buf_str(&key), e);
    mem_wipe(key.data, key.cap);
    if (rc == ERR_OK) {
        rc = configure(ctx, name, "key-file", path, add, e);
        if (rc != ERR_OK)
            unlink(path);
    }
    return rc;
}

static enum errc run_set(struct cmd_ctx *ctx, void *opts, const char *const *args,
                         size_t n, struct err *e)
{
    (void)n;
    const struct keys_options *o = opts;
    if ((o->env != NULL) + (o->file != NULL) + (o->command != NULL) > 1)
        return err_set(e, ERR_USAGE, "one of --key-env, --key-file and --key-cmd");
    enum errc rc = check_name(args[0], e);
    if (rc == ERR_OK)
        rc = o->env != NULL    ? configure(ctx, args[0], "key-env", o->env, o->add, e)
             : o->file != NULL ? configure(ctx, args[0], "key-file", o->file, o->add, e)
             : o->command != NULL
                 ? configure(ctx, args[0], "key-cmd", o->command, o->add, e)
                 : store(ctx, args[0], o->add, e);
    if (rc == ERR_OK)
        link_reload(ctx);
    return rc;
}

/* Files that `set` has made; those of others stay. */
static enum errc remove_files(struct cmd_ctx *ctx, const struct conf_provider *p,
                              struct err *e)
{
    const char *ours = arena_printf(&ctx->arena, "%s/", folder(ctx));
    for (size_t i = 0; i < p->n_keys; i++) {
        const struct conf_secret *s = &p->keys[i];
        if (s->source == CONF_KEY_FILE && str_starts(str_of(s->value), str_of(ours)) &&
            unlink(s->value) != 0 && errno != ENOENT)
            return err_errno(e, ERR_IO, "%s", s->value);
    }
    return ERR_OK;
}

static enum errc run_rm(struct cmd_ctx *ctx, void *opts, const char *const *args,
                        size_t n, struct err *e)
{
    (void)opts;
    (void)n;
    AUTO(conf_text_free) struct conf_text *t = NULL;
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_CONF_LEN);
    const char *path = NULL;
    const struct conf_provider *p = conf_provider(ctx->conf, str_of(args[0]));
    if (p == NULL || p->n_keys == 0)
        return err_set(e, ERR_NOT_FOUND, "no key of \"%s\" is known\nhint: llmgw keys",
                       args[0]);
    if (p->is_implicit)
        return err_set(e, ERR_USAGE,
                       "the key of %s is in the environment: %s; unset it there", p->name,
                       p->keys[0].value);
    enum errc rc = cmd_conf_open(ctx, &path, &t, e);
    if (rc == ERR_OK) {
        buf_adds(&text, conf_text_str(t));
        rc = drop_keys(ctx, args[0], &text, e);
    }
    if (rc == ERR_OK && str_eq(buf_str(&text), conf_text_str(t)))
        rc = err_set(e, ERR_NOT_FOUND, "%s sets no key of %s", path, args[0]);
    if (rc == ERR_OK)
        rc = cmd_conf_save(ctx, path, buf_str(&text), e);
    if (rc == ERR_OK)
        rc = remove_files(ctx, p, e);
    if (rc == ERR_OK)
        link_reload(ctx);
    return rc;
}

static enum errc run_path(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    if (cmd_formats(ctx, "keys path", 0, e) != ERR_OK)
        return e->code;
    return out_write(ctx, str_of(arena_printf(&ctx->arena, "%s\n", folder(ctx))), e);
}

/* ---- test ---- */

static const struct out_column test_columns[] = {
    {.name = "provider", .type = OUT_TEXT},
    {.name = "model", .type = OUT_TEXT, .priority = 1},
    {.name = "result", .type = OUT_TEXT},
    {.name = "why", .type = OUT_TEXT, .flows = true},
};

/* Something that its key is needed for: a model that a route asks of it, or its default one. */
static const char *model_of(struct cmd_ctx *ctx, const struct conf_provider *p)
{
    const struct conf *c = ctx->conf;
    for (size_t i = 0; i < c->n_routes; i++)
        for (size_t k = 0; k < c->routes[i].n_targets; k++)
            if (strcmp(c->routes[i].targets[k].provider, p->name) == 0)
                return c->routes[i].targets[k].model;
    return p->kind->catalog != NULL
               ? catalog_default_model(ctx->catalog, str_of(p->kind->catalog))
               : NULL;
}

/* A row for the provider; the code of what went wrong, of the first one in *ret. */
static void test_one(struct cmd_ctx *ctx, struct out *out, const struct conf_provider *p,
                     enum errc *ret)
{
    struct err why = ERR_INIT;
    struct probe ignored;
    const char *model = model_of(ctx, p);
    out_textz(out, p->name);
    out_textz(out, model);
    if (model == NULL) {
        out_textz(out, "not tested");
        out_textz(out, "no model of it is known; name one in a route");
    } else if (probe_ask(ctx, arena_printf(&ctx->arena, "%s/%s", p->name, model),
                         &ignored, &why) == ERR_OK) {
        out_textz(out, "ok");
        out_null(out);
    } else {
        /* who is told to wait was let in: the key is good */
        bool is_limited = why.code == ERR_RATE_LIMIT && why.origin == ERR_BY_PROVIDER;
        bool is_key = why.code == ERR_UPSTREAM_AUTH;
        out_textz(out, is_limited ? "ok" : is_key ? "refused" : "failed");
        out_textz(out, why.text);
        if (!is_limited && (*ret == ERR_OK || is_key))
            *ret = why.code;
    }
    out_row_end(out);
}

static enum errc run_test(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    AUTO(out_free) struct out *out = NULL;
    enum errc worst = ERR_OK;
    const struct conf_provider *only =
        n > 0 ? conf_provider(ctx->conf, str_of(args[0])) : NULL;
    if (n > 0 && only == NULL)
        return err_set(e, ERR_NOT_FOUND, "no provider \"%s\"\nhint: llmgw keys", args[0]);
    if (cmd_need_catalog(ctx, e) != ERR_OK) /* it says what to ask */
        return e->code;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_keys), "llmgw.keys.test/1",
                           test_columns, ARRAY_LEN(test_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    if (only != NULL)
        test_one(ctx, out, only, &worst);
    for (size_t i = 0; only == NULL && i < ctx->conf->n_providers; i++)
        test_one(ctx, out, &ctx->conf->providers[i], &worst);
    rc = out_finish(out, e);
    if (rc == ERR_OK && ctx->conf->n_providers == 0)
        return err_set(e, ERR_UPSTREAM_AUTH,
                       "no provider is in use\nhint: llmgw keys set openai, or set "
                       "OPENAI_API_KEY");
    if (rc != ERR_OK || worst == ERR_OK)
        return rc;
    return err_set(e, worst,
                   worst == ERR_UPSTREAM_AUTH ? "a key is missing or not accepted"
                                              : "a provider could not be asked");
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},     {"set", "PROVIDER", 1, 1, run_set},
    {"rm", "PROVIDER", 1, 1, run_rm}, {"test", "[PROVIDER]", 0, 1, run_test},
    {"path", "", 0, 0, run_path},     {0},
};

static const struct cmd_example examples[] = {
    {"llmgw keys", "which providers have a key, and where it comes from"},
    {"llmgw keys set openai <key.txt", "from a pipe; on a terminal it asks, unseen"},
    {"llmgw keys set anthropic --key-cmd 'pass show llm/anthropic'",
     "from a password manager, when it is needed"},
    {"llmgw keys test openai", "does it accept the key? costs a few tokens"},
    {0},
};

const struct cmd_entry cmd_keys = {
    .name = "keys",
    .args = "[list | set PROVIDER | rm PROVIDER | test [PROVIDER] | path]",
    .summary = "keys of providers: where they come from, and whether they work",
    .options = options,
    .options_size = sizeof(struct keys_options),
    .needs = CMD_CONF,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
};
