/*
 * conf_read.c: the settings of a configuration, from wherever they come.
 *
 * Owns the places (files and what they include, environment, command line), their order, and
 * the notes of what is wrong. Knows no key by name but include.path and those that a variable
 * stands for.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/conf_load.h"
#include "core/mem.h"

/* The "file" of what --conf sets; compared by address. */
static const char typed[] = "--conf";

/* ---- problems ---- */

static void note(struct conf_load *l, const struct err *e)
{
    if (l->n_problems++ == 0)
        *l->first = *e;
    if (l->problems != NULL)
        buf_printf(l->problems, "%s\n", e->text);
}

void conf_problem(struct conf_load *l, const struct conf_pos *pos, const char *section,
                  const char *sub, const char *fmt, ...)
{
    struct err e = ERR_INIT;
    char text[LIMIT_ERR_TEXT], line[16] = "", name[LIMIT_NAME_LEN + 8] = "";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (pos->line > 0)
        snprintf(line, sizeof line, ":%d", pos->line);
    if (sub != NULL)
        snprintf(name, sizeof name, " \"%s\"", sub);
    err_set(&e, ERR_CONFIG, "%s%s: %s%s%s%s", pos->file, line, section ? section : "",
            name, section ? ": " : "", text);
    if (pos->file == typed && l->first_typed->code == ERR_OK)
        *l->first_typed = e;
    note(l, &e);
}

/* What is no problem, but not wise either. */
PRINTF(2, 3)
static void warn(struct conf_load *l, const char *fmt, ...)
{
    struct conf *c = l->conf;
    char text[LIMIT_ERR_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char **line =
        conf_grow(&c->arena, &c->warnings, &c->n_warnings, sizeof *c->warnings);
    if (line != NULL)
        *line = arena_strz(&c->arena, str_of(text));
}

void conf_unjudged(struct conf_load *l, const struct conf_pos *pos, const char *section,
                   const char *sub, const char *name)
{
    l->conf->n_unjudged++;
    warn(l, "%s:%d: %s%s%s%s: \"%s\" is not checked: the catalog may know it", pos->file,
         pos->line, section, sub != NULL ? " \"" : "", sub != NULL ? sub : "",
         sub != NULL ? "\"" : "", name);
}

/* ---- settings from everywhere ---- */

enum errc conf_out_of_memory(struct err *e)
{
    return err_set(e, ERR_MEMORY, "out of memory");
}

static enum errc add_setting(struct conf_load *l, const struct conf_setting *s,
                             struct err *e)
{
    if (l->n_settings == l->cap_settings) {
        size_t more = l->cap_settings ? 2 * l->cap_settings : 64;
        void *bigger = mem_resize(l->settings, more, sizeof *l->settings);
        if (bigger == NULL)
            return conf_out_of_memory(e);
        l->settings = bigger;
        l->cap_settings = more;
    }
    l->settings[l->n_settings++] = *s;
    return ERR_OK;
}

static const char *keep(struct conf_load *l, const char *s)
{
    return s ? arena_strz(&l->conf->arena, str_of(s)) : NULL;
}

static const char *keep_lower(struct conf_load *l, struct str s)
{
    char *copy = arena_strndup(&l->conf->arena, s.ptr, s.len);
    for (char *p = copy; p != NULL && *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + ('a' - 'A'));
    return copy ? copy : "";
}

/* "~/.config/llmgw/config": as people write it. */
static const char *shown(struct conf_load *l, const char *path)
{
    struct str home = str_of(l->home), p = str_of(path);
    if (home.len > 1 && str_starts(p, home) && p.ptr[home.len] == '/')
        return arena_printf(&l->conf->arena, "~%s", path + home.len);
    return keep(l, path);
}

static const char *dir_of(struct conf_load *l, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return ".";
    return arena_strz(&l->conf->arena, (struct str){path, (size_t)(slash - path)});
}

/* What a file is read as. */
struct file_role {
    enum conf_layer layer;
    bool is_required; /* absent is a problem */
    bool is_untrusted;
    int depth;                       /* of includes */
    const struct conf_pos *named_at; /* the include that names it; NULL if none */
};

/* A file may hold passwords, in headers and proxies. */
static void forget(struct buf *text)
{
    mem_wipe(text->data, text->cap);
    buf_release(text);
}

static enum errc load_file(struct conf_load *l, const char *path, struct file_role role,
                           struct err *e);

static enum errc load_include(struct conf_load *l, const struct conf_setting *s,
                              struct file_role role, struct err *e)
{
    const struct conf_key *row = conf_key(STR("include"), STR("path"));
    const char *path = NULL;
    struct err why = ERR_INIT;
    if (conf_store(row, &path, s->value, &s->place, &why) != ERR_OK) {
        conf_problem(l, &s->place.pos, s->section, NULL, "%s", why.text);
        return ERR_OK;
    }
    role.depth++;
    role.is_required = true;
    role.named_at = &s->place.pos;
    return load_file(l, path, role, e);
}

static struct conf_place place_at(struct conf_load *l, const char *name, const char *dir,
                                  int line)
{
    return (struct conf_place){.arena = &l->conf->arena,
                               .pos = {.file = name, .line = line},
                               .dir = dir,
                               .home = l->home};
}

/* Headers with nothing under them, which are no settings but may be wrong. */
static enum errc load_headers(struct conf_load *l, const struct conf_text *t,
                              const char *name, const char *dir, struct file_role role,
                              struct err *e)
{
    const struct conf_heading *h;
    enum errc rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && (h = conf_text_heading(t, i)) != NULL; i++) {
        const struct conf_setting s = {
            .section = keep(l, h->section),
            .sub = keep(l, h->sub),
            .key = "",
            .place = place_at(l, name, dir, h->line),
            .layer = role.layer,
            .is_untrusted = role.is_untrusted,
            .is_empty = true,
        };
        if (h->n_entries == 0)
            rc = add_setting(l, &s, e);
    }
    return rc;
}

static enum errc load_entries(struct conf_load *l, const struct conf_text *t,
                              const char *name, const char *dir, struct file_role role,
                              struct err *e)
{
    size_t n;
    const struct conf_entry *entries = conf_text_entries(t, &n);
    for (size_t i = 0; i < n; i++) {
        const struct conf_entry *x = &entries[i];
        struct conf_setting s = {
            .section = keep(l, x->section),
            .sub = keep(l, x->sub),
            .key = keep(l, x->key),
            .value = keep(l, x->value),
            .place = place_at(l, name, dir, x->line),
            .layer = role.layer,
            .is_untrusted = role.is_untrusted,
        };
        s.place.key = s.key;
        bool is_include = strcmp(x->section, "include") == 0 && x->sub == NULL &&
                          strcmp(x->key, "path") == 0 && !role.is_untrusted;
        enum errc rc = is_include ? load_include(l, &s, role, e) : add_setting(l, &s, e);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* A file that is absent, too deep or not readable: noted, unless nobody asked for it. */
static bool file_is_there(struct conf_load *l, const char *path, struct file_role role,
                          struct buf *text)
{
    struct conf_pos self = {.file = shown(l, path)};
    const struct conf_pos *pos = role.named_at ? role.named_at : &self;
    const char *section = role.named_at ? "include" : NULL;
    if (role.depth > LIMIT_CONF_DEPTH) {
        conf_problem(l, pos, section, NULL, "files include each other more than %d deep",
                     LIMIT_CONF_DEPTH);
        return false;
    }
    if (l->src->edited != NULL && strcmp(path, l->src->edited) == 0) {
        buf_adds(text, l->src->edited_text); /* too long a text is told by its parser */
        return true;
    }
    struct err why = ERR_INIT;
    enum errc rc = conf_read_file(path, text, &why);
    if (rc != ERR_OK && (rc != ERR_NOT_FOUND || role.is_required))
        conf_problem(l, pos, section, NULL, "%s%s%s", section ? self.file : "",
                     section ? ": " : "", str_of(why.text).ptr + strlen(path) + 2);
    return rc == ERR_OK;
}

/* Values that give away what a provider's key would: headers, and passwords in addresses. */
static bool is_secret(const struct conf_setting *s)
{
    struct str value = str_of(s->value);
    if (strcmp(s->section, "provider") != 0 || s->value == NULL)
        return false;
    bool is_address = strcmp(s->key, "proxy") == 0 || strcmp(s->key, "base-url") == 0;
    return strcmp(s->key, "header") == 0 ||
           (is_address && str_find(value, '@') < value.len);
}

/* Whoever can write the file can run programs with key-cmd. */
static void check_mode(struct conf_load *l, const char *path, const char *name,
                       size_t from)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    unsigned mode = (unsigned)st.st_mode & 0777;
    if ((mode & 022) != 0)
        warn(l, "%s: others can write it (mode %03o)", name, mode);
    for (size_t i = from; i < l->n_settings && (mode & 044) != 0; i++)
        if (l->settings[i].place.pos.file == name && is_secret(&l->settings[i])) {
            warn(l, "%s:%d: holds a secret, and others can read it (mode %03o)", name,
                 l->settings[i].place.pos.line, mode);
            return;
        }
}

static enum errc load_file(struct conf_load *l, const char *path, struct file_role role,
                           struct err *e)
{
    AUTO(forget) struct buf text = BUF_INIT(LIMIT_CONF_LEN + 1);
    bool is_there = file_is_there(l, path, role, &text);
    if (buf_err(&text) == ERR_MEMORY)
        return conf_out_of_memory(e);
    if (!is_there)
        return ERR_OK;
    if (role.layer == CONF_PROJECT)
        role.is_untrusted =
            !conf_is_trusted(&l->conf->arena, l->getenv, path, buf_str(&text));
    AUTO(conf_text_free) struct conf_text *t = NULL;
    struct err why = ERR_INIT;
    const char *name = shown(l, path);
    if (conf_text_parse(buf_str(&text), name, &t, &why) != ERR_OK) {
        if (why.code == ERR_MEMORY)
            return conf_out_of_memory(e);
        note(l, &why); /* which names file and line already */
        return ERR_OK;
    }
    const char *dir = dir_of(l, path);
    size_t from = l->n_settings;
    enum errc rc = load_entries(l, t, name, dir, role, e);
    if (rc == ERR_OK)
        rc = load_headers(l, t, name, dir, role, e);
    if (role.layer != CONF_PROJECT)
        check_mode(l, path, name, from);
    return rc;
}

/* ---- the usual places ---- */

static enum errc load_system(struct conf_load *l, struct err *e)
{
    struct file_role role = {.layer = CONF_SYSTEM};
    enum errc rc = load_file(l, LLMGW_SYSCONFDIR "/llmgw/config", role, e);
    const char *dirs = l->getenv("XDG_CONFIG_DIRS");
    struct str rest = str_of(dirs && dirs[0] ? dirs : "/etc/xdg"), dir;
    const char *paths[16];
    size_t n = 0;
    while (n < ARRAY_LEN(paths) && str_split(&rest, ':', &dir))
        if (dir.len > 0 && dir.ptr[0] == '/')
            paths[n++] = arena_printf(&l->conf->arena, "%.*s/llmgw/config", STR_ARG(dir));
    /* The first directory is the most important one, so it is read last. */
    while (rc == ERR_OK && n > 0)
        rc = load_file(l, paths[--n], role, e);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* conf.d/ *.conf beside the user's file, in the order of their names. */
static enum errc load_conf_d(struct conf_load *l, const char *user, struct err *e)
{
    enum { MOST = 256 };
    const char *names[MOST];
    size_t n = 0;
    const char *dir = arena_printf(&l->conf->arena, "%s/conf.d", dir_of(l, user));
    DIR *d = opendir(dir);
    if (d == NULL)
        return ERR_OK;
    for (struct dirent *x; n < MOST && (x = readdir(d)) != NULL;)
        if (x->d_name[0] != '.' && str_ends(str_of(x->d_name), STR(".conf")))
            names[n++] = arena_printf(&l->conf->arena, "%s/%s", dir, x->d_name);
    closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    enum errc rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = load_file(l, names[i], (struct file_role){.layer = CONF_USER}, e);
    return rc;
}

static enum errc load_project(struct conf_load *l, struct err *e)
{
    if (l->src->cwd == NULL)
        return ERR_OK;
    const char *path = conf_path_project(&l->conf->arena, l->src->cwd, l->getenv);
    struct file_role role = {.layer = CONF_PROJECT};
    return path ? load_file(l, path, role, e) : ERR_OK;
}

static enum errc load_files(struct conf_load *l, struct err *e)
{
    const char *file = l->src->file, *from_env = l->getenv("LLMGW_CONFIG");
    if (file == NULL && from_env != NULL && from_env[0] != '\0')
        file = from_env;
    if (file != NULL) {
        struct file_role role = {.layer = CONF_USER, .is_required = true};
        return load_file(l, file, role, e);
    }
    const char *user = conf_path_user(&l->conf->arena, l->getenv);
    enum errc rc = load_system(l, e);
    if (rc == ERR_OK)
        rc = load_file(l, user, (struct file_role){.layer = CONF_USER}, e);
    if (rc == ERR_OK)
        rc = load_conf_d(l, user, e);
    if (rc == ERR_OK)
        rc = load_project(l, e);
    return rc;
}

/* ---- environment and command line ---- */

static const struct {
    const char *variable, *section, *key;
    bool is_list; /* commas between */
} variables[] = {
    {"LLMGW_MODEL", "chat", "model", false},
    {"LLMGW_ROUTE", "chat", "route", false},
    {"LLMGW_PROJECT", "chat", "project", false},
    {"LLMGW_TAGS", "chat", "tag", true},
    {"LLMGW_MAX_COST", "chat", "max-cost", false},
    {"LLMGW_STDIN", "chat", "stdin", false},
    {"LLMGW_LOG", "core", "record", false},
    {"LLMGW_AUTOSTART", "core", "autostart", false},
    {"LLMGW_OFFLINE", "core", "offline", false},
    {"LLMGW_SOCKET", "broker", "socket", false},
    {"LLMGW_DB", "broker", "db", false},
};

static enum errc load_variable(struct conf_load *l, size_t i, const char *text,
                               struct err *e)
{
    struct conf_setting s = {
        .section = variables[i].section,
        .key = variables[i].key,
        .place = {.arena = &l->conf->arena,
                  .pos = {.file = variables[i].variable},
                  .home = l->home,
                  .key = variables[i].key},
        .layer = CONF_ENVIRONMENT,
    };
    struct str rest = str_of(text), part = rest;
    enum errc rc = ERR_OK;
    while (rc == ERR_OK && (!variables[i].is_list || str_split(&rest, ',', &part))) {
        s.value = arena_strz(&l->conf->arena, str_trim(part));
        rc = add_setting(l, &s, e);
        if (!variables[i].is_list)
            break;
    }
    return rc;
}

static enum errc load_environment(struct conf_load *l, struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < ARRAY_LEN(variables); i++) {
        const char *text = l->getenv(variables[i].variable);
        if (text != NULL && text[0] != '\0')
            rc = load_variable(l, i, text, e);
    }
    return rc;
}

/* SECTION[.NAME].KEY=VALUE, or without "=VALUE" for true. */
static enum errc load_override(struct conf_load *l, const char *text, struct err *e)
{
    struct str all = str_of(text), section, sub, key;
    size_t eq = str_find(all, '=');
    struct arena *a = &l->conf->arena;
    struct conf_setting s = {
        .value = eq < all.len ? text + eq + 1 : NULL,
        .place = {.arena = a, .pos = {.file = typed}, .home = l->home},
        .layer = CONF_COMMAND_LINE,
    };
    if (!conf_split_key(str_sub(all, 0, eq), &section, &sub, &key)) {
        conf_problem(l, &s.place.pos, NULL, NULL, "\"%s\" is no SECTION.KEY=VALUE", text);
        return ERR_OK;
    }
    s.section = keep_lower(l, section);
    s.sub = sub.ptr ? arena_strz(a, sub) : NULL;
    s.key = keep_lower(l, key);
    s.place.key = s.key;
    return add_setting(l, &s, e);
}

static enum errc load_overrides(struct conf_load *l, struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; l->src->overrides != NULL && l->src->overrides[i] != NULL; i++)
        if (rc == ERR_OK)
            rc = load_override(l, l->src->overrides[i], e);
    return rc;
}

enum errc conf_read(struct conf_load *l, struct err *e)
{
    enum errc rc = load_files(l, e);
    if (rc == ERR_OK)
        rc = load_environment(l, e);
    if (rc == ERR_OK)
        rc = load_overrides(l, e);
    return rc;
}
