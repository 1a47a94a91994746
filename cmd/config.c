/*
 * config.c: `llmgw config`: look at the configuration, check it, and change one line of it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/near.h"

#include "cmd/cmd.h"
#include "cmd/editor.h"
#include "cmd/link.h"
#include "cmd/out.h"

struct config_options {
    bool show_origin, add;
};

#define AT(field) .offset = offsetof(struct config_options, field)

static const struct option_row options[] = {
    {0, "show-origin", OPT_FLAG, AT(show_origin), .with = "list",
     .help = "the file and line that each value comes from"},
    {0, "add", OPT_FLAG, AT(add), .with = "set",
     .help = "keep the values that are there and add one more"},
    {0},
};

#undef AT

/* SECTION[.NAME].KEY of a value. */
static const char *dotted(struct cmd_ctx *ctx, const struct conf_value *v)
{
    return v->sub ? arena_printf(&ctx->arena, "%s.%s.%s", v->section, v->sub, v->key)
                  : arena_printf(&ctx->arena, "%s.%s", v->section, v->key);
}

/* The row of a key, or ERR_USAGE with the nearest. */
static enum errc find_key(struct cmd_ctx *ctx, const char *name,
                          const struct conf_key **ret, struct err *e)
{
    struct str section, sub, key;
    struct near near;
    char hint[NEAR_TEXT_LEN];
    if (!conf_split_key(str_of(name), &section, &sub, &key))
        return err_set(e, ERR_USAGE, "\"%s\" is no SECTION.KEY", name);
    *ret = conf_key(section, key);
    if (*ret != NULL)
        return ERR_OK;
    size_t n;
    const struct conf_key *keys = conf_schema(&n);
    struct arena *a = &ctx->arena;
    near_init(&near, str_of(name));
    for (size_t i = 0; i < n; i++)
        if (keys[i].key != NULL)
            near_offerz(&near,
                        arena_printf(a, "%s%s%.*s.%s", keys[i].section,
                                     sub.len > 0 ? "." : "", STR_ARG(sub), keys[i].key));
    return err_set(e, ERR_USAGE, "unknown key \"%s\"%s", name, near_hint(&near, 1, hint));
}

/* Values, a line each, as one object. */
static void as_json(const char *key, struct buf *values)
{
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_CONF_LEN);
    struct str rest = buf_str(values), line;
    struct jw w;
    jw_init(&w, &json);
    jw_object(&w);
    jw_kstrz(&w, "schema", "llmgw.config.get/1");
    jw_kstrz(&w, "key", key);
    jw_key(&w, "values");
    jw_array(&w);
    while (str_split(&rest, '\n', &line))
        if (rest.len > 0 || line.len > 0)
            jw_str(&w, line);
    jw_array_end(&w);
    jw_object_end(&w);
    buf_addc(&json, '\n');
    buf_reset(values);
    buf_adds(values, buf_str(&json));
}

static enum errc run_get(struct cmd_ctx *ctx, void *opts, const char *const *args,
                         size_t n, struct err *e)
{
    (void)opts;
    (void)n;
    const struct conf_key *row = NULL;
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_CONF_LEN);
    enum errc rc = cmd_formats(ctx, "config get", 1 << FORMAT_JSON, e);
    if (rc == ERR_OK)
        rc = find_key(ctx, args[0], &row, e);
    if (rc == ERR_OK)
        rc = cmd_load(ctx, CMD_CONF, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < ctx->conf->n_values; i++) {
        const struct conf_value *v = &ctx->conf->values[i];
        if (v->in_force && str_ieqz(str_of(args[0]), dotted(ctx, v)))
            buf_printf(&out, "%s\n", v->value ? v->value : "true");
    }
    if (out.len == 0 && row->preset != NULL)
        buf_printf(&out, "%s\n", row->preset);
    if (out.len == 0)
        return err_set(e, ERR_NOT_FOUND, "%s is not set", args[0]);
    if (cmd_format(ctx, &cmd_config) == FORMAT_JSON)
        as_json(args[0], &out);
    return out_write(ctx, buf_str(&out), e);
}

/* What is written is in force: a running broker is told. */
static enum errc save(struct cmd_ctx *ctx, const char *path, struct str text,
                      struct err *e)
{
    enum errc rc = cmd_conf_save(ctx, path, text, e);
    if (rc == ERR_OK)
        link_reload(ctx);
    return rc;
}

static enum errc change(struct cmd_ctx *ctx, const char *key, const char *value, bool add,
                        struct err *e)
{
    AUTO(conf_text_free) struct conf_text *t = NULL;
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_CONF_LEN);
    const char *path = NULL;
    enum errc rc = cmd_conf_open(ctx, &path, &t, e);
    if (rc == ERR_OK && value == NULL && conf_text_get(t, key) == NULL)
        rc = err_set(e, ERR_NOT_FOUND, "%s is not set in %s", key, path);
    if (rc == ERR_OK)
        rc = conf_text_set(t, key, value, add, &text, e);
    return rc == ERR_OK ? save(ctx, path, buf_str(&text), e) : rc;
}

static enum errc run_set(struct cmd_ctx *ctx, void *opts, const char *const *args,
                         size_t n, struct err *e)
{
    (void)n;
    const struct config_options *o = opts;
    const struct conf_key *row;
    enum errc rc = find_key(ctx, args[0], &row, e);
    return rc == ERR_OK ? change(ctx, args[0], args[1], o->add, e) : rc;
}

static enum errc run_unset(struct cmd_ctx *ctx, void *opts, const char *const *args,
                           size_t n, struct err *e)
{
    (void)opts;
    (void)n;
    return change(ctx, args[0], NULL, false, e);
}

/* For people from where they stand, so that it has room. */
static void put_origin(struct cmd_ctx *ctx, struct out *out, const char *file)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_HEAD_LEN);
    out_without_home(&text, str_of(file));
    if (file != NULL && cmd_format(ctx, &cmd_config) == FORMAT_TABLE)
        out_text(out, buf_str(&text));
    else
        out_textz(out, file);
}

static enum errc run_list(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)args;
    (void)n;
    const struct config_options *o = opts;
    const struct out_column columns[] = {
        {.name = "key", .type = OUT_TEXT, .keep = 28, .flows = true},
        {.name = "value", .type = OUT_TEXT, .flows = true},
        {.name = "origin", .type = OUT_TEXT, .keep = 22, .hidden = !o->show_origin},
        {.name = "line", .type = OUT_INT, .hidden = !o->show_origin},
    };
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = cmd_load(ctx, CMD_CONF, e);
    if (rc != ERR_OK)
        return rc;
    rc = out_new(ctx, cmd_format(ctx, &cmd_config), "llmgw.config/1", columns,
                 ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < ctx->conf->n_values; i++) {
        const struct conf_value *v = &ctx->conf->values[i];
        if (!v->in_force)
            continue;
        out_textz(out, dotted(ctx, v));
        out_textz(out, v->value ? v->value : "true");
        put_origin(ctx, out, v->pos.file);
        if (v->pos.line > 0)
            out_int(out, v->pos.line);
        else
            out_null(out);
        out_row_end(out);
    }
    out_if_empty(out, "nothing is set\nhint: llmgw config init begins a file");
    return out_finish(out, e);
}

/* ---- a first configuration ---- */

/* Targets for each provider whose key is in the environment; else an example of them. */
static void write_targets(struct cmd_ctx *ctx, struct buf *out)
{
    const struct conf *c = ctx->conf;
    size_t n = 0;
    for (size_t i = 0; c != NULL && i < c->n_providers; i++) {
        const struct conf_provider *p = &c->providers[i];
        const char *model =
            p->kind->catalog != NULL
                ? catalog_default_model(ctx->catalog, str_of(p->kind->catalog))
                : NULL;
        if (model == NULL)
            continue;
        if (n++ == 0)
            buf_addz(out,
                     "[route \"default\"]            ; in order: the next one answers "
                     "when the first cannot\n");
        buf_printf(out, "    target = %s/%s\n", p->name, model);
    }
    if (n > 0)
        return;
    buf_addz(out,
             "# no key was found in the environment: llmgw keys set openai asks for one\n"
             "# [route \"default\"]          ; in order: the next one answers when the "
             "first cannot\n"
             "#     target = openai/MODEL\n"
             "#     target = anthropic/MODEL\n");
}

/* Every setting that most people want, off where it needs a choice. */
static void write_first(struct cmd_ctx *ctx, struct buf *out)
{
    buf_addz(
        out,
        "# llmgw's configuration, in git's syntax; see llmgw-config(5).\n"
        "# llmgw config check finds mistakes; git config -f works on this file.\n\n");
    write_targets(ctx, out);
    buf_addz(out,
             "\n# [core]\n"
             "#     record = full           ; full, meta or off: what the ledger keeps\n"
             "\n# [alias]\n"
             "#     fast = openai/MODEL     ; llmgw chat -m fast\n"
             "\n# [budget \"daily\"]\n"
             "#     limit = 5.00/day\n"
             "#     warn = 80%\n"
             "#     hard = no               ; yes: refuse what would go over it\n"
             "\n# [provider \"local\"]         ; a server on this machine\n"
             "#     kind = openai-compatible\n"
             "#     base-url = http://127.0.0.1:11434/v1\n");
}

/*
 * All problems, a line each; the last one is told by main, as the command's error. Without a
 * catalog what can be checked is, and what cannot is told: that is no success.
 */
static enum errc run_check(struct cmd_ctx *ctx, void *opts, const char *const *args,
                           size_t n, struct err *e)
{
    (void)opts;
    AUTO(buf_release) struct buf problems = BUF_INIT(1024 * 1024);
    AUTO(conf_free) struct conf *conf = NULL;
    struct conf_source src;
    enum errc rc = cmd_conf_source(ctx, &src, e);
    if (rc != ERR_OK)
        return rc;
    if (n > 0)
        src.file = args[0];
    src.is_partial = ctx->catalog_err.code != ERR_OK;
    rc = conf_load(&src, ctx->catalog, &conf, &problems, e);
    for (size_t i = 0; conf != NULL && i < conf->n_warnings; i++)
        cmd_warn(ctx, "%s", conf->warnings[i]);
    if (rc == ERR_OK && src.is_partial) {
        cmd_note(ctx, "%s",
                 conf->n_unjudged > 0 ? "all else is well"
                                      : "all is well but for the catalog");
        return cmd_need_catalog(ctx, e);
    }
    if (rc != ERR_CONFIG)
        return rc;
    if (src.is_partial)
        cmd_warn(ctx, "%s", ctx->catalog_err.text);
    struct str rest = buf_str(&problems), line, before = STR_NONE;
    while (str_split(&rest, '\n', &line)) {
        if (line.len > 0 && before.len > 0)
            cmd_warn(ctx, "%.*s", STR_ARG(before));
        before = line.len > 0 ? line : before;
    }
    return err_set(e, ERR_CONFIG, "%.*s", STR_ARG(before));
}

static enum errc run_path(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    if (cmd_formats(ctx, "config path", 0, e) != ERR_OK)
        return e->code;
    return out_write(ctx, str_of(arena_printf(&ctx->arena, "%s\n", cmd_conf_path(ctx))),
                     e);
}

static enum errc run_trust(struct cmd_ctx *ctx, void *opts, const char *const *args,
                           size_t n, struct err *e)
{
    (void)opts;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_CONF_LEN);
    struct conf_source src;
    char real[PATH_MAX];
    enum errc rc = cmd_conf_source(ctx, &src, e);
    if (rc != ERR_OK)
        return rc;
    const char *path = n > 0 ? realpath(args[0], real)
                             : conf_path_project(&ctx->arena, src.cwd, cmd_getenv);
    if (path == NULL && n > 0)
        return err_errno(e, ERR_NOT_FOUND, "%s", args[0]);
    if (path == NULL)
        return err_set(e, ERR_NOT_FOUND, "no .llmgw/config here or above");
    rc = conf_read_file(path, &text, e);
    if (rc == ERR_OK)
        rc = conf_trust(&ctx->arena, cmd_getenv, path, buf_str(&text), e);
    if (rc == ERR_OK)
        cmd_note(ctx, "%s is trusted until it changes", path);
    return rc;
}

/* ---- the whole file ---- */

/* What was written and refused the last time, or the file; ERR_OK also when there is neither. */
static enum errc read_draft(struct cmd_ctx *ctx, const char *path, const char *draft,
                            struct buf *text, struct err *e)
{
    enum errc rc = conf_read_file(draft, text, e);
    if (rc == ERR_OK) {
        cmd_note(ctx, "going on with %s, which was refused", draft);
        return ERR_OK;
    }
    err_clear(e);
    rc = conf_read_file(path, text, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    write_first(ctx, text);
    return ERR_OK;
}

/* What is refused is kept beside the file, so that no work is lost. */
static enum errc run_edit(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_CONF_LEN);
    AUTO(buf_release) struct buf before = BUF_INIT(LIMIT_CONF_LEN);
    const char *path = cmd_conf_path(ctx);
    const char *draft = arena_printf(&ctx->arena, "%s.refused", path);
    struct err ignored = ERR_INIT;
    if (ctx->global.no_input)
        return err_set(e, ERR_USAGE, "edit and --no-input exclude each other");
    enum errc rc = read_draft(ctx, path, draft, &text, e);
    (void)!conf_read_file(path, &before, &ignored);
    if (rc == ERR_OK)
        rc = editor_edit(ctx, &text, e);
    if (rc != ERR_OK)
        return rc;
    if (text.len > 0)
        buf_addc(&text, '\n');
    if (str_eq(buf_str(&text), buf_str(&before))) {
        unlink(draft);
        cmd_note(ctx, "nothing has changed");
        return ERR_OK;
    }
    rc = save(ctx, path, buf_str(&text), e);
    if (rc == ERR_OK) {
        unlink(draft);
        return ERR_OK;
    }
    if (conf_write_file(draft, buf_str(&text), &ignored) == ERR_OK)
        err_set(e, rc,
                "%s\nhint: what you wrote is in %s; llmgw config edit goes on with it",
                arena_strz(&ctx->arena, str_of(e->text)), draft);
    return rc;
}

static enum errc run_init(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_CONF_LEN);
    const char *path = cmd_conf_path(ctx);
    if (access(path, F_OK) == 0)
        return err_set(e, ERR_USAGE, "%s is there already\nhint: llmgw config edit",
                       path);
    enum errc rc = cmd_load(ctx, CMD_CONF, e);
    if (rc != ERR_OK)
        return rc;
    write_first(ctx, &text);
    rc = save(ctx, path, buf_str(&text), e);
    if (rc == ERR_OK)
        cmd_note(ctx, "%s is written", path);
    return rc;
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},         {"get", "KEY", 1, 1, run_get},
    {"set", "KEY VALUE", 2, 2, run_set},  {"unset", "KEY", 1, 1, run_unset},
    {"check", "[FILE]", 0, 1, run_check}, {"path", "", 0, 0, run_path},
    {"trust", "[FILE]", 0, 1, run_trust}, {"edit", "", 0, 0, run_edit},
    {"init", "", 0, 0, run_init},         {0},
};

static const struct cmd_example examples[] = {
    {"llmgw config set route.fast.ttft-timeout 6s", "change one line"},
    {"llmgw config list --show-origin", "what is in force, and why"},
    {"llmgw config check", "every problem with its line"},
    {"llmgw config init --config first.conf",
     "a first file, with what the environment has"},
    {0},
};

const struct cmd_entry cmd_config = {
    .name = "config",
    .args = "[list | get KEY | set KEY VALUE | unset KEY | edit | check [FILE] | path | "
            "trust [FILE] | init]",
    .summary = "show, check and change the configuration",
    .options = options,
    .options_size = sizeof(struct config_options),
    .needs = CMD_NAMES,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
};
