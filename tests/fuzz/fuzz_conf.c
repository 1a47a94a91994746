/*
 * fuzz_conf.c: any bytes as a configuration file: read, edited and read again, and loaded. What
 * an edit wrote must read back as the value that was set, and leave every other setting as it
 * was. What loads strictly loads leniently, with the same problems.
 *
 * Lines "%%" part the input: the user's file, one in conf.d, a project's, one that is included,
 * KEY=VALUE of the command line, NAME=VALUE of the environment. All are loaded together then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/catalog.h"
#include "core/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(ok) check_at((ok), __LINE__)
static void check_at(bool ok, int line)
{
    if (!ok) {
        fprintf(stderr, "fuzz_conf.c:%d does not hold\n", line);
        abort();
    }
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Settings other than fuzz.Sub.key, in order, are the same in both. */
static void check_others(const struct conf_text *before, const struct conf_text *after)
{
    size_t n, n_after, j = 0;
    const struct conf_entry *x = conf_text_entries(before, &n);
    const struct conf_entry *y = conf_text_entries(after, &n_after);
    for (size_t i = 0; i < n; i++, j++) {
        while (j < n_after && strcmp(y[j].section, "fuzz") == 0)
            j++;
        if (strcmp(x[i].section, "fuzz") == 0) {
            j--;
            continue;
        }
        check(j < n_after && strcmp(x[i].key, y[j].key) == 0 &&
              is_same(x[i].sub, y[j].sub) && is_same(x[i].value, y[j].value));
    }
}

static void edit(const struct conf_text *t, const char *value, bool add)
{
    static const char name[] = "fuzz.Sub.key";
    struct buf out = BUF_INIT(2 * LIMIT_CONF_LEN);
    struct err e = ERR_INIT;
    struct conf_text *again = NULL;
    if (conf_text_set(t, name, value, add, &out, &e) == ERR_OK) {
        check(conf_text_parse(buf_str(&out), "again", &again, &e) == ERR_OK);
        const struct conf_entry *x = conf_text_get(again, name);
        check(value == NULL ? x == NULL : x != NULL && is_same(x->value, value));
        check_others(t, again);
    }
    conf_text_free(&again);
    buf_release(&out);
}

static const char *no_environment(const char *name)
{
    return strcmp(name, "HOME") == 0 ? "/nonexistent" : NULL;
}

static enum errc load(struct str text, bool lenient, struct buf *problems)
{
    struct conf_source src = {.file = "fuzz",
                              .edited = "fuzz",
                              .edited_text = text,
                              .getenv = no_environment,
                              .lenient = lenient};
    struct conf *c = NULL;
    struct err e = ERR_INIT;
    enum errc rc = conf_load(&src, NULL, &c, problems, &e);
    check(rc == e.code && (rc == ERR_OK) == (c != NULL));
    for (size_t i = 0; c != NULL && i < c->n_routes; i++)
        check(c->routes[i].n_targets > 0 && c->routes[i].targets[0].provider != NULL);
    for (size_t i = 0; c != NULL && i < c->n_aliases; i++)
        check(c->aliases[i].name != NULL && c->aliases[i].target != NULL);
    conf_free(&c);
    return rc;
}

static void load_both(struct str text)
{
    struct buf strict = BUF_INIT(1 << 24), lenient = BUF_INIT(1 << 24);
    if (str_icontains(text, STR("include"))) /* no other files */
        return;
    enum errc rc = load(text, false, &strict);
    check(load(text, true, &lenient) == ERR_OK);
    check((rc == ERR_OK) == (strict.len == 0));
    check(str_eq(buf_str(&strict), buf_str(&lenient)));
    buf_release(&strict);
    buf_release(&lenient);
}

/* ---- all layers ---- */

enum { USER, CONF_D, PROJECT, INCLUDED, OVERRIDES, VARIABLES, N_PARTS, LINES = 8 };

/* Made once, and removed at the end: a HOME, and a project in it. */
static struct {
    char dir[64], files[OVERRIDES][128];
    char lines[2][LINES][256]; /* of the last two parts */
    const char *overrides[LINES + 1];
} tree;

static const char *const names[OVERRIDES] = {
    "/.config/llmgw/config",
    "/.config/llmgw/conf.d/a.conf",
    "/project/.llmgw/config",
    "/.config/llmgw/included",
};

static void fell_tree(void)
{
    static const char *const dirs[] = {
        "/project/.llmgw", "/project", "/.config/llmgw/conf.d",
        "/.config/llmgw",  "/.config", ""};
    char path[128];
    for (size_t i = 0; i < OVERRIDES; i++)
        unlink(tree.files[i]);
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        snprintf(path, sizeof path, "%s%s", tree.dir, dirs[i]);
        rmdir(path);
    }
}

static void plant_tree(void)
{
    static const char *const dirs[] = {"/.config", "/.config/llmgw",
                                       "/.config/llmgw/conf.d", "/project",
                                       "/project/.llmgw"};
    char path[128];
    snprintf(tree.dir, sizeof tree.dir, "/tmp/lgw-fuzz.XXXXXX");
    check(mkdtemp(tree.dir) != NULL);
    atexit(fell_tree);
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        snprintf(path, sizeof path, "%s%s", tree.dir, dirs[i]);
        check(mkdir(path, 0700) == 0);
    }
    for (size_t i = 0; i < OVERRIDES; i++)
        snprintf(tree.files[i], sizeof tree.files[i], "%s%s", tree.dir, names[i]);
}

static const char *in_tree(const char *name)
{
    size_t len = strlen(name);
    if (strcmp(name, "HOME") == 0)
        return tree.dir;
    for (size_t i = 0; i < LINES; i++)
        if (strncmp(tree.lines[1][i], name, len) == 0 && tree.lines[1][i][len] == '=')
            return tree.lines[1][i] + len + 1;
    return NULL;
}

static void write_part(size_t i, struct str text)
{
    FILE *f = fopen(tree.files[i], "we");
    check(f != NULL);
    fwrite(text.ptr, 1, text.len, f);
    if (i == USER)
        fprintf(f, "\n[include]\npath = included\npath = no-such-file\n");
    check(fclose(f) == 0);
}

static void take_lines(size_t kind, struct str text)
{
    struct str line;
    for (size_t i = 0; i < LINES; i++)
        tree.lines[kind][i][0] = '\0';
    for (size_t i = 0; i < LINES && str_split(&text, '\n', &line); i++)
        snprintf(tree.lines[kind][i], sizeof tree.lines[kind][i], "%.*s", STR_ARG(line));
}

static const struct catalog *shipped(void)
{
    static struct catalog *c; /* read once */
    const char *top = getenv("top_srcdir");
    char path[4096];
    struct err e = ERR_INIT;
    snprintf(path, sizeof path, "%s/core/catalog.tsv", top == NULL ? "." : top);
    if (c == NULL)
        check(catalog_load(path, NULL, &c, &e) == ERR_OK);
    return c;
}

static enum errc load_tree(bool lenient, struct buf *problems)
{
    char cwd[128];
    snprintf(cwd, sizeof cwd, "%s/project", tree.dir);
    const struct conf_source src = {
        .overrides = tree.overrides, .getenv = in_tree, .cwd = cwd, .lenient = lenient};
    struct conf *c = NULL;
    struct err e = ERR_INIT;
    enum errc rc = conf_load(&src, shipped(), &c, problems, &e);
    check(rc == e.code && (rc == ERR_OK) == (c != NULL));
    for (size_t i = 0; c != NULL && i < c->n_routes; i++)
        check(c->routes[i].n_targets <= LIMIT_TARGETS);
    conf_free(&c);
    return rc;
}

static void load_layers(struct str text)
{
    struct buf strict = BUF_INIT(1 << 24), lenient = BUF_INIT(1 << 24);
    if (tree.dir[0] == '\0')
        plant_tree();
    for (size_t i = 0; i < N_PARTS; i++) {
        size_t len = str_search(text, STR("\n%%\n"));
        struct str part = str_sub(text, 0, len);
        text = str_sub(text, MIN(len + 4, text.len), text.len);
        if (i < OVERRIDES)
            write_part(i, part);
        else
            take_lines(i - OVERRIDES, part);
    }
    size_t n = 0;
    for (size_t i = 0; i < LINES; i++)
        if (tree.lines[0][i][0] != '\0')
            tree.overrides[n++] = tree.lines[0][i];
    tree.overrides[n] = NULL;
    enum errc rc = load_tree(false, &strict), lenient_rc = load_tree(true, &lenient);
    check(lenient_rc == ERR_OK || n > 0); /* what was typed must be right */
    check((rc == ERR_OK) == (strict.len == 0));
    check(str_eq(buf_str(&strict), buf_str(&lenient)));
    buf_release(&strict);
    buf_release(&lenient);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf_text *t = NULL;
    struct err e = ERR_INIT;
    if (size > 8192)
        return 0;
    if (!str_icontains((struct str){(const char *)data, size}, STR("include")) &&
        str_contains((struct str){(const char *)data, size}, STR("\n%%\n")))
        load_layers((struct str){(const char *)data, size});
    load_both((struct str){(const char *)data, size});
    enum errc rc = conf_text_parse((struct str){(const char *)data, size}, "f", &t, &e);
    check((rc == ERR_OK) == (e.code == ERR_OK));
    if (rc != ERR_OK)
        return 0;
    edit(t, "plain", false);
    edit(t, " a;\"b\\ \n", true);
    edit(t, NULL, false);
    conf_text_free(&t);
    return 0;
}
