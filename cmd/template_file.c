/* template_file.c: see template_file.h. Owns the format; asks nobody and shows nothing. */
#include "cmd/template_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/near.h"
#include "core/num.h"
#include "core/sha256.h"

#include "cmd/files.h"

enum { FILE_MAX = 1024 * 1024, NAMES_MAX = 4096 };

static const char suffix[] = ".md"; /* editors know it, and models write it */
static const char fence[] = "---";

/* ---- where they are ---- */

const char *template_folder(struct cmd_ctx *ctx)
{
    const char *config = conf_path_user(&ctx->arena, cmd_getenv);
    const char *slash = strrchr(config, '/');
    return arena_printf(&ctx->arena, "%.*s/templates", (int)(slash - config), config);
}

enum errc template_path(struct cmd_ctx *ctx, const char *name, const char **ret,
                        struct err *e)
{
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '@') != NULL ||
        strchr(name, '/') != NULL || strlen(name) > LIMIT_NAME_LEN)
        return err_set(e, ERR_USAGE,
                       "\"%s\" is no name for a template: no \"/\" or \"@\" in it, no "
                       "\".\" before it",
                       name);
    *ret = arena_printf(&ctx->arena, "%s/%s%s", template_folder(ctx), name, suffix);
    return *ret != NULL ? ERR_OK : err_set(e, ERR_MEMORY, "out of memory");
}

static int compare(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static bool is_template(const char *file, struct str *ret_name)
{
    struct str name = str_of(file);
    if (file[0] == '.' || !str_ends(name, str_of(suffix)))
        return false;
    *ret_name = str_sub(name, 0, name.len - strlen(suffix));
    return true;
}

/* No folder is no name. */
enum errc template_names(struct cmd_ctx *ctx, const char ***ret, size_t *ret_n,
                         struct err *e)
{
    const char **names = ARENA_ARRAY(&ctx->arena, NAMES_MAX, const char *);
    const struct dirent *entry;
    size_t n = 0;
    *ret = names;
    *ret_n = 0;
    if (names == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    DIR *d = opendir(template_folder(ctx));
    if (d == NULL)
        return errno == ENOENT ? ERR_OK
                               : err_errno(e, ERR_IO, "%s", template_folder(ctx));
    while (n < NAMES_MAX && (entry = readdir(d)) != NULL) {
        struct str name;
        if (is_template(entry->d_name, &name))
            names[n++] = arena_strz(&ctx->arena, name);
    }
    closedir(d);
    qsort(names, n, sizeof *names, compare);
    *ret_n = n;
    return ERR_OK;
}

/* ---- places in a text ---- */

static bool is_name_char(char c, bool is_first)
{
    return isalpha((unsigned char)c) != 0 || c == '_' ||
           (!is_first && isdigit((unsigned char)c) != 0);
}

static size_t name_len(struct str s)
{
    size_t n = 0;
    while (n < s.len && is_name_char(s.ptr[n], n == 0))
        n++;
    return n;
}

/*
 * Takes what stands before the next place into *ret_text, and the place's name into *ret_name,
 * which is empty where the text ends. A dollar sign that begins no place belongs to the text.
 */
static void next_place(struct str *rest, struct str *ret_text, struct str *ret_name)
{
    size_t from = 0;
    for (;;) {
        size_t at = from + str_find(str_sub(*rest, from, rest->len), '$');
        struct str behind = str_sub(*rest, at + 1, rest->len);
        bool has_brace = behind.len > 0 && behind.ptr[0] == '{';
        size_t n = name_len(str_sub(behind, has_brace, behind.len));
        bool is_closed = !has_brace || (n + 1 < behind.len && behind.ptr[n + 1] == '}');
        bool is_dollar = behind.len > 0 && behind.ptr[0] == '$';
        if (at < rest->len && !is_dollar && (n == 0 || !is_closed)) {
            from = at + 1;
            continue;
        }
        /* the first of two dollar signs goes with the text */
        *ret_text = str_sub(*rest, 0, at + is_dollar);
        *ret_name = str_sub(behind, has_brace, is_dollar ? 0 : n);
        *rest = str_sub(behind, is_dollar ? 1 : n + 2 * has_brace, behind.len);
        return;
    }
}

/* ---- parameters ---- */

static struct template_param *find_param(struct template_file *t, struct str name)
{
    for (size_t i = 0; i < t->n_params; i++)
        if (str_eqz(name, t->params[i].name))
            return &t->params[i];
    return NULL;
}

static enum errc add_param(struct cmd_ctx *ctx, struct template_file *t, struct str name,
                           const char *value, struct err *e)
{
    if (find_param(t, name) != NULL)
        return ERR_OK;
    if (t->n_params == ARRAY_LEN(t->params))
        return err_set(e, ERR_CONFIG, "%s: more than %d parameters", t->path,
                       TEMPLATE_PARAMS);
    t->params[t->n_params++] =
        (struct template_param){arena_strz(&ctx->arena, name), value};
    return ERR_OK;
}

/* What a text names is a parameter, also where the settings do not speak of it. */
static enum errc collect_params(struct cmd_ctx *ctx, struct template_file *t,
                                const char *text, bool is_system, struct err *e)
{
    struct str rest = str_of(text), before, name;
    while (rest.len > 0) {
        next_place(&rest, &before, &name);
        bool is_input = str_eqz(name, "input");
        if (is_input && is_system)
            return err_set(e, ERR_CONFIG,
                           "%s: $input is part of the prompt, not of the system prompt\n"
                           "hint: $$input is the word itself",
                           t->path);
        t->takes_input |= is_input;
        if (name.len > 0 && !is_input && add_param(ctx, t, name, NULL, e) != ERR_OK)
            return e->code;
    }
    return ERR_OK;
}

/* The last -p of that name, else the template's own value. */
static const char *value_of(const struct template_param *param,
                            const struct opt_list *params)
{
    const char *value = param->value;
    for (size_t i = 0; i < params->n; i++) {
        struct str given = str_of(params->items[i]), name;
        str_split(&given, '=', &name);
        if (str_eqz(name, param->name))
            value = given.ptr;
    }
    return value;
}

static enum errc check_given(struct template_file *t, const char *item, struct err *e)
{
    struct str rest = str_of(item), name;
    struct near near;
    char hint[NEAR_TEXT_LEN];
    str_split(&rest, '=', &name);
    if (name.len == 0 || rest.ptr == NULL)
        return err_set(e, ERR_USAGE, "-p %s: not NAME=VALUE", item);
    if (find_param(t, name) != NULL)
        return ERR_OK;
    near_init(&near, name);
    for (size_t i = 0; i < t->n_params; i++)
        near_offerz(&near, t->params[i].name);
    return err_set(e, ERR_USAGE, "template %s has no parameter \"%.*s\"%s", t->name,
                   STR_ARG(name), near_hint(&near, 1, hint));
}

static enum errc check_params(const struct template_file *t,
                              const struct opt_list *params, struct err *e)
{
    struct template_file all = *t;
    for (size_t i = 0; i < params->n; i++)
        if (check_given(&all, params->items[i], e) != ERR_OK)
            return e->code;
    for (size_t i = 0; i < t->n_params; i++)
        if (value_of(&t->params[i], params) == NULL)
            return err_set(e, ERR_USAGE,
                           "template %s needs its parameter \"%s\"\n"
                           "hint: -p %s=VALUE; $$ in %s is a dollar sign",
                           t->name, t->params[i].name, t->params[i].name, t->path);
    return ERR_OK;
}

/* Parameters have been checked. */
static void expand(const struct template_file *t, const struct opt_list *params,
                   const char *text, struct str input, struct buf *out)
{
    struct str rest = str_of(text), before, name;
    while (rest.len > 0) {
        next_place(&rest, &before, &name);
        buf_adds(out, before);
        if (str_eqz(name, "input"))
            buf_adds(out, input);
        for (size_t i = 0; i < t->n_params; i++)
            if (str_eqz(name, t->params[i].name))
                buf_addz(out, value_of(&t->params[i], params));
    }
}

/* ---- settings ---- */

struct place {
    struct cmd_ctx *ctx;
    struct template_file *t;
    const char *key;
    int line;
};

static enum errc wrong(const struct place *p, struct err *e, const char *want,
                       const char *value)
{
    return err_set(e, ERR_CONFIG, "%s:%d: %s = %s: %s", p->t->path, p->line, p->key,
                   value, want);
}

static enum errc set_tokens(const struct place *p, const char *value, void *field,
                            struct err *e)
{
    int64_t *tok = field;
    return num_i64(str_of(value), 1, INT64_MAX, tok) == ERR_OK
               ? ERR_OK
               : wrong(p, e, "not a number of tokens", value);
}

static enum errc set_money(const struct place *p, const char *value, void *field,
                           struct err *e)
{
    pico *money = field;
    return money_parse(str_of(value), money) == ERR_OK && *money >= 0
               ? ERR_OK
               : wrong(p, e, "not an amount in dollars such as 0.02", value);
}

static enum errc set_text(const struct place *p, const char *value, void *field,
                          struct err *e)
{
    const char **text = field;
    (void)p, (void)e;
    *text = value;
    return ERR_OK;
}

static enum errc set_decimal(const struct place *p, const char *value, void *field,
                             struct err *e)
{
    int64_t ignored;
    return num_decimal(str_of(value), 9, false, true, &ignored) == ERR_OK
               ? set_text(p, value, field, e)
               : wrong(p, e, "no number", value);
}

static enum errc set_effort(const struct place *p, const char *value, void *field,
                            struct err *e)
{
    struct str rest = STR(CHAT_EFFORTS), one;
    while (str_split(&rest, '|', &one))
        if (str_eqz(one, value))
            return set_text(p, value, field, e);
    return wrong(p, e, "none of " CHAT_EFFORTS, value);
}

static enum errc set_extract(const struct place *p, const char *value, void *field,
                             struct err *e)
{
    bool is_last = strcmp(value, "last") == 0;
    (void)field;
    if (!is_last && strcmp(value, "first") != 0)
        return wrong(p, e, "neither first nor last", value);
    p->t->extract = !is_last;
    p->t->extract_last = is_last;
    return ERR_OK;
}

/* A path that is not absolute begins where the template is. */
static const char *beside(const struct place *p, const char *path)
{
    const char *slash = strrchr(p->t->path, '/');
    if (path[0] == '/' || slash == NULL)
        return path;
    return arena_printf(&p->ctx->arena, "%.*s/%s", (int)(slash - p->t->path), p->t->path,
                        path);
}

/* JSON, fields, or @FILE. */
static enum errc set_schema(const struct place *p, const char *value, void *field,
                            struct err *e)
{
    if (value[0] == '@')
        value = arena_printf(&p->ctx->arena, "@%s", beside(p, value + 1));
    return set_text(p, value, field, e);
}

/* TEXT, or the text of a file beside the template. */
static enum errc set_system(const struct place *p, const char *value, void *field,
                            struct err *e)
{
    AUTO(buf_release) struct buf bytes = BUF_INIT(FILE_MAX);
    if (value[0] != '@')
        return set_text(p, value, field, e);
    if (files_read(beside(p, value + 1), &bytes, e) != ERR_OK)
        return err_ctx(e, "%s:%d: system", p->t->path, p->line);
    struct str text = buf_str(&bytes);
    while (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    return set_text(p, arena_strz(&p->ctx->arena, text), field, e);
}

static enum errc add_pair(const struct place *p, const char *value, void *field,
                          struct err *e)
{
    struct opt_list *list = field;
    const char *eq = strchr(value, '=');
    if (eq == NULL || eq == value)
        return wrong(p, e, "not KEY=VALUE", value);
    if (list->n == ARRAY_LEN(list->items))
        return wrong(p, e, "too many of them", value);
    list->items[list->n++] = value;
    return ERR_OK;
}

/* "NAME = VALUE", or NAME alone: it must be given. */
static enum errc set_param(const struct place *p, const char *value, void *field,
                           struct err *e)
{
    struct str rest = str_of(value), name;
    (void)field;
    bool has_value = str_find(rest, '=') < rest.len;
    str_split(&rest, '=', &name);
    name = str_trim(name);
    if (name.len == 0 || name_len(name) != name.len || str_eqz(name, "input"))
        return wrong(p, e, "no name for a parameter", value);
    return add_param(p->ctx, p->t, name,
                     has_value ? arena_strz(&p->ctx->arena, str_trim(rest)) : NULL, e);
}

#define AT(field) offsetof(struct template_file, field)

static const struct key {
    const char *name;
    size_t offset;
    enum errc (*set)(const struct place *p, const char *value, void *field,
                     struct err *e);
    bool is_list;
} keys[] = {
    {"model", AT(model), set_text, false},
    {"route", AT(route), set_text, false},
    {"system", AT(system), set_system, false},
    {"temperature", AT(temperature), set_decimal, false},
    {"max-tokens", AT(max_tok), set_tokens, false},
    {"seed", AT(seed), set_decimal, false},
    {"effort", AT(effort), set_effort, false},
    {"max-cost", AT(max_cost), set_money, false},
    {"project", AT(project), set_text, false},
    {"schema", AT(schema), set_schema, false},
    {"extract", 0, set_extract, false},
    {"option", AT(options), add_pair, true},
    {"tag", AT(tags), add_pair, true},
    {"param", 0, set_param, true},
};

#undef AT

/* The row of a key that may be set here. */
static enum errc find_key(struct place *p, struct str name, uint64_t *seen,
                          const struct key **ret, struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, name);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        near_offerz(&near, keys[i].name);
        if (!str_eqz(name, keys[i].name))
            continue;
        if ((*seen >> i & 1) != 0 && !keys[i].is_list)
            return err_set(e, ERR_CONFIG, "%s:%d: %s is set twice", p->t->path, p->line,
                           keys[i].name);
        *seen |= (uint64_t)1 << i;
        *ret = &keys[i];
        p->key = keys[i].name;
        return ERR_OK;
    }
    return err_set(e, ERR_CONFIG, "%s:%d: unknown key \"%.*s\"%s", p->t->path, p->line,
                   STR_ARG(name), near_hint(&near, 1, hint));
}

static bool is_indented(struct str line)
{
    return line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
}

static bool is_empty(struct str line)
{
    return str_trim(line).len == 0;
}

/* Blanks before the line, of which those of the first continued line are not part of the value. */
static size_t indent_of(struct str line)
{
    size_t n = 0;
    while (n < line.len && (line.ptr[n] == ' ' || line.ptr[n] == '\t'))
        n++;
    return n;
}

/* Appends the lines that go on with a value: indented ones, and empty ones between them. */
static void take_continuation(struct str *rest, int *line_no, struct buf *value)
{
    size_t indent = 0, n_empty = 0;
    struct str line, ahead = *rest;
    for (int n = 1; str_split(&ahead, '\n', &line); n++) {
        if (is_empty(line)) {
            n_empty++;
            continue;
        }
        if (!is_indented(line))
            return;
        indent = indent == 0 ? indent_of(line) : indent;
        for (; n_empty > 0; n_empty--)
            buf_addc(value, '\n');
        buf_addc(value, '\n');
        buf_adds(value, str_sub(line, MIN(indent, indent_of(line)), line.len));
        *rest = ahead;
        *line_no += n;
        n = 0;
    }
}

static enum errc read_setting(struct place *p, struct str line, struct str *rest,
                              uint64_t *seen, struct err *e)
{
    AUTO(buf_release) struct buf value = BUF_INIT(FILE_MAX);
    const struct key *key = NULL;
    struct place here = *p;
    size_t eq = str_find(line, '=');
    if (is_indented(line) || eq == line.len)
        return err_set(e, ERR_CONFIG, "%s:%d: not KEY = VALUE, nor \"---\"", p->t->path,
                       p->line);
    if (find_key(&here, str_trim(str_sub(line, 0, eq)), seen, &key, e) != ERR_OK)
        return e->code;
    buf_adds(&value, str_trim(str_sub(line, eq + 1, line.len)));
    take_continuation(rest, &p->line, &value);
    struct str s = buf_str(&value);
    if (s.len > 0 && s.ptr[0] == '\n') /* it begins on the next line */
        s = str_sub(s, 1, s.len);
    const char *kept = arena_strz(&p->ctx->arena, s);
    if (kept == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    return key->set(&here, kept, (char *)p->t + key->offset, e);
}

/* *rest begins behind the first "---" and is moved behind the second. */
static enum errc read_settings(struct cmd_ctx *ctx, struct template_file *t,
                               struct str *rest, struct err *e)
{
    struct place p = {.ctx = ctx, .t = t, .line = 1};
    uint64_t seen = 0;
    struct str line;
    while (str_split(rest, '\n', &line)) {
        p.line++;
        if (str_eqz(str_trim(line), fence) && !is_indented(line))
            return ERR_OK;
        if (is_empty(line) || line.ptr[0] == '#' || line.ptr[0] == ';')
            continue;
        if (read_setting(&p, line, rest, &seen, e) != ERR_OK)
            return e->code;
    }
    return err_set(e, ERR_CONFIG,
                   "%s:1: the settings do not end: a second \"---\" is "
                   "missing",
                   t->path);
}

/* ---- a whole template ---- */

/* "commit" of "/home/me/templates/commit.md" */
static const char *name_of(struct cmd_ctx *ctx, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_of(slash != NULL ? slash + 1 : path);
    if (str_ends(name, str_of(suffix)))
        name.len -= strlen(suffix);
    return arena_strz(&ctx->arena, name);
}

enum errc template_parse(struct cmd_ctx *ctx, const char *path, struct str text,
                         struct template_file *ret, struct err *e)
{
    struct template_file t = {.name = name_of(ctx, path),
                              .path = path,
                              .max_tok = -1,
                              .max_cost = PICO_UNKNOWN};
    char digits[SHA256_HEX_LEN + 1];
    struct str rest = text, line;
    if (!str_is_utf8(text) || str_find(text, '\0') < text.len)
        return err_set(e, ERR_CONFIG, "%s is no text in UTF-8", path);
    sha256_hex(text, digits);
    snprintf(t.version, sizeof t.version, "%.*s", TEMPLATE_VERSION_LEN, digits);
    if (str_split(&rest, '\n', &line) && str_eqz(str_trim(line), fence)) {
        if (read_settings(ctx, &t, &rest, e) != ERR_OK)
            return e->code;
        text = rest;
    }
    t.text = arena_strz(&ctx->arena, str_trim(text));
    if (t.text == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    enum errc rc = collect_params(ctx, &t, t.text, false, e);
    if (rc == ERR_OK && t.system != NULL)
        rc = collect_params(ctx, &t, t.system, true, e);
    if (rc == ERR_OK)
        *ret = t;
    return rc;
}

enum errc template_load(struct cmd_ctx *ctx, const char *name, struct template_file *ret,
                        struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(FILE_MAX);
    const char *path = name;
    enum errc rc = ERR_OK;
    if (strchr(name, '/') == NULL)
        rc = template_path(ctx, name, &path, e);
    if (rc == ERR_OK)
        rc = files_read(path, &text, e);
    if (rc == ERR_NOT_FOUND && path != name)
        return err_set(e, ERR_NOT_FOUND,
                       "no template \"%s\"\nhint: llmgw template lists them", name);
    return rc == ERR_OK ? template_parse(ctx, path, buf_str(&text), ret, e) : rc;
}

/* ---- what becomes of it ---- */

static void fill(const char **option, const char *value)
{
    if (*option == NULL)
        *option = value;
}

/* The template's come first: of two with one key the later one counts. */
static enum errc join(struct opt_list *list, const struct opt_list *first, struct err *e)
{
    if (list->n + first->n > ARRAY_LEN(list->items))
        return err_set(e, ERR_USAGE, "too many options and tags");
    memmove(list->items + first->n, list->items, list->n * sizeof list->items[0]);
    memcpy(list->items, first->items, first->n * sizeof first->items[0]);
    list->n += first->n;
    return ERR_OK;
}

enum errc template_apply(struct cmd_ctx *ctx, const struct template_file *t,
                         const struct opt_list *params, struct chat_options *o,
                         struct err *e)
{
    AUTO(buf_release) struct buf system = BUF_INIT(FILE_MAX);
    enum errc rc = check_params(t, params, e);
    if (rc == ERR_OK)
        rc = join(&o->options, &t->options, e);
    if (rc == ERR_OK)
        rc = join(&o->tags, &t->tags, e);
    if (rc != ERR_OK)
        return rc;
    if (o->model == NULL && o->route == NULL) {
        o->model = t->model;
        o->route = t->route;
    }
    if (o->system == NULL && t->system != NULL) {
        expand(t, params, t->system, STR_NONE, &system);
        o->system = arena_strz(&ctx->arena, buf_str(&system));
    }
    fill(&o->temperature, t->temperature);
    fill(&o->seed, t->seed);
    fill(&o->effort, t->effort);
    fill(&o->project, t->project);
    fill(&o->schema, t->schema);
    o->max_tok = o->max_tok < 0 ? t->max_tok : o->max_tok;
    o->max_cost = o->max_cost == PICO_UNKNOWN ? t->max_cost : o->max_cost;
    if (!o->extract && !o->extract_last) {
        o->extract = t->extract;
        o->extract_last = t->extract_last;
    }
    o->template_id = arena_printf(&ctx->arena, "%.*s@%s", (int)strcspn(t->name, "@"),
                                  t->name, t->version);
    return ERR_OK;
}

enum errc template_expand(const struct template_file *t, const struct opt_list *params,
                          struct str input, struct buf *out, struct err *e)
{
    if (check_params(t, params, e) != ERR_OK)
        return e->code;
    expand(t, params, t->text, input, out);
    if (!t->takes_input && t->text[0] != '\0' && input.len > 0)
        buf_addz(out, "\n\n");
    if (!t->takes_input)
        buf_adds(out, input);
    return ERR_OK;
}

void template_overrule(const struct template_file *t, struct chat_options *o)
{
    if (t->model != NULL || t->route != NULL)
        o->model = o->route = NULL;
    o->system = t->system != NULL ? NULL : o->system;
    o->temperature = t->temperature != NULL ? NULL : o->temperature;
    o->seed = t->seed != NULL ? NULL : o->seed;
    o->effort = t->effort != NULL ? NULL : o->effort;
    o->project = t->project != NULL ? NULL : o->project;
    o->schema = t->schema != NULL ? NULL : o->schema;
    o->max_tok = t->max_tok >= 0 ? -1 : o->max_tok;
    o->max_cost = t->max_cost != PICO_UNKNOWN ? PICO_UNKNOWN : o->max_cost;
    if (t->extract || t->extract_last)
        o->extract = o->extract_last = false;
}

/* ---- writing ---- */

static void put(struct buf *out, const char *key, const char *value)
{
    struct str rest = str_of(value), line;
    if (value == NULL)
        return;
    buf_printf(out, "%s =", key);
    bool is_long = str_find(rest, '\n') < rest.len;
    while (str_split(&rest, '\n', &line)) {
        if (is_long)
            buf_addz(out, "\n   ");
        if (line.len > 0)
            buf_printf(out, " %.*s", STR_ARG(line));
    }
    buf_addc(out, '\n');
}

static void put_list(struct buf *out, const char *key, const struct opt_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        put(out, key, list->items[i]);
}

void template_write(const struct chat_options *o, struct str text, struct buf *out)
{
    char number[NUM_TEXT_LEN], money[MONEY_TEXT_LEN];
    snprintf(number, sizeof number, "%lld", (long long)o->max_tok);
    buf_printf(out, "%s\n", fence);
    put(out, "model", o->model);
    put(out, "route", o->route);
    put(out, "system", o->system);
    put(out, "temperature", o->temperature);
    put(out, "max-tokens", o->max_tok >= 0 ? number : NULL);
    put(out, "seed", o->seed);
    put(out, "effort", o->effort);
    if (o->max_cost != PICO_UNKNOWN)
        money_exact(money, o->max_cost);
    put(out, "max-cost", o->max_cost != PICO_UNKNOWN ? money : NULL);
    put(out, "project", o->project);
    put(out, "schema", o->schema);
    put(out, "extract", o->extract ? "first" : o->extract_last ? "last" : NULL);
    put_list(out, "option", &o->options);
    put_list(out, "tag", &o->tags);
    buf_printf(out, "%s\n%.*s\n", fence, STR_ARG(text));
}
