/* template.c: `llmgw template`: look at the templates of chat, and change them. */
#include <string.h>
#include <unistd.h>

#include "core/near.h"
#include "core/os.h"

#include "cmd/editor.h"
#include "cmd/files.h"
#include "cmd/out.h"
#include "cmd/template_file.h"

enum { FILE_MAX = 1024 * 1024, ABOUT_LEN = 200 };

/* ---- list ---- */

static const struct out_column columns[] = {
    {.name = "name", .type = OUT_TEXT},
    {.name = "target", .type = OUT_TEXT, .priority = 1},
    {.name = "params", .type = OUT_TEXT, .priority = 2, .soft = 24},
    {.name = "about", .type = OUT_TEXT, .priority = 3, .soft = 40},
    {.name = "path", .type = OUT_TEXT, .hidden = true},
    {.name = "version", .type = OUT_TEXT, .hidden = true},
};

/* "lang=English topic": those without a value must be given. */
static void join_params(const struct template_file *t, struct buf *out)
{
    for (size_t i = 0; i < t->n_params; i++) {
        const struct template_param *p = &t->params[i];
        buf_printf(out, "%s%s", i > 0 ? " " : "", p->name);
        if (p->value != NULL)
            buf_printf(out, "=%s", p->value);
    }
}

/* The first line that says something. */
static struct str about(const struct template_file *t)
{
    struct str s = str_of(t->text[0] != '\0' ? t->text : t->system);
    s = str_sub(s, 0, str_find(s, '\n'));
    return str_sub(s, 0, str_utf8_prefix(s, ABOUT_LEN));
}

static void list_one(struct cmd_ctx *ctx, const char *name, struct out *out)
{
    AUTO(buf_release) struct buf params = BUF_INIT(FILE_MAX);
    struct template_file t;
    struct err e = ERR_INIT;
    const char *path = "";
    if (template_path(ctx, name, &path, &e) != ERR_OK ||
        template_load(ctx, name, &t, &e) != ERR_OK) {
        out_warning(out, "%s", e.text);
        t = (struct template_file){.path = path, .text = ""};
    }
    join_params(&t, &params);
    out_textz(out, name);
    out_textz(out, t.model != NULL ? t.model : t.route);
    out_text(out, buf_str(&params));
    out_text(out, about(&t));
    out_textz(out, t.path);
    out_textz(out, t.version);
    out_row_end(out);
}

static enum errc run_list(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    AUTO(out_free) struct out *out = NULL;
    const char **names;
    (void)opts, (void)args;
    enum errc rc = template_names(ctx, &names, &n, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_template), "llmgw.template/1", columns,
                     ARRAY_LEN(columns), &out, e);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        list_one(ctx, names[i], out);
    if (rc == ERR_OK)
        out_if_empty(
            out, "no template yet\nhint: llmgw chat --save NAME \"PROMPT\" makes one");
    return rc == ERR_OK ? out_finish(out, e) : rc;
}

/* ---- one of them ---- */

/* Its text as it stands. ERR_NOT_FOUND with the nearest names. */
static enum errc read_one(struct cmd_ctx *ctx, const char *name, const char **ret_path,
                          struct buf *text, struct err *e)
{
    const char **names;
    size_t n = 0;
    struct near near;
    struct err ignored = ERR_INIT;
    char hint[NEAR_TEXT_LEN];
    enum errc rc = template_path(ctx, name, ret_path, e);
    if (rc == ERR_OK)
        rc = files_read(*ret_path, text, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    near_init(&near, str_of(name));
    if (template_names(ctx, &names, &n, &ignored) == ERR_OK)
        for (size_t i = 0; i < n; i++)
            near_offerz(&near, names[i]);
    return err_set(e, ERR_NOT_FOUND, "no template \"%s\"%s", name,
                   near_hint(&near, NEAR_MAX, hint)[0] != '\0'
                       ? hint
                       : "\nhint: llmgw template lists them");
}

static enum errc run_show(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(FILE_MAX);
    const char *path;
    (void)opts, (void)n;
    enum errc rc = cmd_formats(ctx, "template show", 1 << FORMAT_TEXT, e);
    if (rc == ERR_OK)
        rc = read_one(ctx, args[0], &path, &text, e);
    return rc == ERR_OK ? out_write(ctx, buf_str(&text), e) : rc;
}

static const char scaffold[] = "---\n"
                               "# model = NAME, system = TEXT, extract = first, …:\n"
                               "# llmgw-template(1) lists the keys\n"
                               "---\n"
                               "\n"
                               "$input\n";

/* What was written is kept also when it is wrong: it can be mended. */
static enum errc keep(struct cmd_ctx *ctx, const char *path, struct buf *text,
                      struct err *e)
{
    struct template_file t;
    buf_addc(text, '\n');
    enum errc rc = os_make_parents(path, 0700, e);
    if (rc == ERR_OK)
        rc = conf_write_file(path, buf_str(text), e);
    return rc == ERR_OK ? template_parse(ctx, path, buf_str(text), &t, e) : rc;
}

static enum errc run_edit(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(FILE_MAX);
    const char *path;
    (void)opts, (void)n;
    enum errc rc = cmd_formats(ctx, "template edit", 1 << FORMAT_TEXT, e);
    if (rc == ERR_OK)
        rc = read_one(ctx, args[0], &path, &text, e);
    if (rc == ERR_NOT_FOUND) {
        err_clear(e);
        buf_addz(&text, scaffold);
        rc = ERR_OK;
    }
    if (rc == ERR_OK && ctx->global.no_input)
        rc = err_set(e, ERR_USAGE, "edit and --no-input exclude each other");
    if (rc == ERR_OK)
        rc = editor_edit(ctx, &text, e);
    if (rc != ERR_OK)
        return rc;
    if (text.len == 0 || str_eq(buf_str(&text), str_trim(STR(scaffold))))
        return err_set(e, ERR_CANCELLED, "nothing was written, so nothing has changed");
    return keep(ctx, path, &text, e);
}

static enum errc run_rm(struct cmd_ctx *ctx, void *opts, const char *const *args,
                        size_t n, struct err *e)
{
    (void)opts;
    enum errc rc = cmd_formats(ctx, "template rm", 1 << FORMAT_TEXT, e);
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        AUTO(buf_release) struct buf text = BUF_INIT(FILE_MAX);
        const char *path;
        rc = read_one(ctx, args[i], &path, &text, e);
        if (rc == ERR_OK && unlink(path) != 0)
            rc = err_errno(e, ERR_IO, "%s", path);
    }
    return rc;
}

static enum errc run_path(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    const char *path = template_folder(ctx);
    (void)opts;
    enum errc rc = cmd_formats(ctx, "template path", 1 << FORMAT_TEXT, e);
    if (rc == ERR_OK && n > 0)
        rc = template_path(ctx, args[0], &path, e);
    return rc == ERR_OK
               ? out_write(ctx, str_of(arena_printf(&ctx->arena, "%s\n", path)), e)
               : rc;
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},       {"show", "NAME", 1, 1, run_show},
    {"edit", "NAME", 1, 1, run_edit},   {"rm", "NAME...", 1, SIZE_MAX, run_rm},
    {"path", "[NAME]", 0, 1, run_path}, {0},
};

static const struct cmd_example examples[] = {
    {"llmgw chat --save tldr -s \"Be brief.\" 'Sum up: $input'", "make one"},
    {"llmgw template", "which there are"},
    {"llmgw template show tldr", "what it says"},
    {"llmgw chat -t tldr -f src/main.c", "use it"},
    {0},
};

const struct cmd_entry cmd_template = {
    .name = "template",
    .args = "[list | show TEMPLATE | edit TEMPLATE | rm TEMPLATE | path [TEMPLATE]]",
    .summary = "the prompts that chat -t uses",
    .formats = 1 << FORMAT_TEXT | 1 << FORMAT_TABLE | 1 << FORMAT_JSON |
               1 << FORMAT_JSONL | 1 << FORMAT_CSV | 1 << FORMAT_TSV |
               1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
};
