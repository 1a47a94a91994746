/*
 * conf.c: from files, environment and command line to struct conf.
 *
 * Owns where settings come from, in which order, and which may come from where; conf_text.c
 * reads the syntax, conf_store.c places values, conf_names.c ties names together. A problem is
 * noted with its place and loading goes on, so that all of them are told at once.
 */
#include "core/conf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/conf_load.h"
#include "core/mem.h"
#include "core/near.h"

enum { CONF_ARENA = 64 * 1024 * 1024 };

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

/* ---- settings from everywhere ---- */

static enum errc out_of_memory(struct err *e)
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
            return out_of_memory(e);
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
            .place = {.arena = &l->conf->arena,
                      .pos = {.file = name, .line = x->line},
                      .dir = dir,
                      .home = l->home},
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
        buf_adds(text, l->src->edited_text);
        return true;
    }
    struct err why = ERR_INIT;
    enum errc rc = conf_read_file(path, text, &why);
    if (rc != ERR_OK && (rc != ERR_NOT_FOUND || role.is_required))
        conf_problem(l, pos, section, NULL, "%s%s%s", section ? self.file : "",
                     section ? ": " : "", str_of(why.text).ptr + strlen(path) + 2);
    return rc == ERR_OK;
}

static enum errc load_file(struct conf_load *l, const char *path, struct file_role role,
                           struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_CONF_LEN + 1);
    if (!file_is_there(l, path, role, &text))
        return ERR_OK;
    if (role.layer == CONF_PROJECT)
        role.is_untrusted =
            !conf_is_trusted(&l->conf->arena, l->getenv, path, buf_str(&text));
    AUTO(conf_text_free) struct conf_text *t = NULL;
    struct err why = ERR_INIT;
    const char *name = shown(l, path);
    if (conf_text_parse(buf_str(&text), name, &t, &why) != ERR_OK) {
        if (why.code == ERR_MEMORY)
            return out_of_memory(e);
        note(l, &why); /* which names file and line already */
        return ERR_OK;
    }
    return load_entries(l, t, name, dir_of(l, path), role, e);
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

/* ---- from settings to structs ---- */

void *conf_grow(struct arena *a, void *items_field, size_t *n, size_t size)
{
    void **items = items_field;
    enum { FIRST = 4 };
    bool is_full = *n == 0 || (*n >= FIRST && (*n & (*n - 1)) == 0);
    if (is_full) {
        char *bigger = arena_alloc(a, *n ? 2 * *n : FIRST, size);
        if (bigger == NULL)
            return NULL;
        if (*n > 0)
            memcpy(bigger, *items, *n * size);
        *items = bigger;
    }
    return (char *)*items + (*n)++ * size;
}

enum errc conf_presets(struct conf_load *l, const char *section, void *item)
{
    size_t n;
    const struct conf_key *keys = conf_schema(&n);
    struct err e = ERR_INIT;
    struct conf_place at = {.arena = &l->conf->arena};
    for (size_t i = 0; i < n; i++) {
        if (strcmp(keys[i].section, section) != 0 || keys[i].multi)
            continue;
        if (keys[i].type == CONF_MONEY && keys[i].preset == NULL)
            *(pico *)(void *)((char *)item + keys[i].offset) = PICO_UNKNOWN;
        else if (keys[i].preset != NULL &&
                 conf_store(&keys[i], item, keys[i].preset, &at, &e) != ERR_OK)
            return e.code;
    }
    return ERR_OK;
}

static const struct conf_section *find_section(const char *name)
{
    size_t n;
    const struct conf_section *sections = conf_sections(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    return NULL;
}

static void unknown_section(struct conf_load *l, const struct conf_setting *s)
{
    size_t n;
    const struct conf_section *sections = conf_sections(&n);
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, str_of(s->section));
    for (size_t i = 0; i < n; i++)
        near_offerz(&near, sections[i].name);
    conf_problem(l, &s->place.pos, NULL, NULL, "unknown section \"%s\"%s", s->section,
                 near_hint(&near, 1, hint));
}

static void unknown_key(struct conf_load *l, const struct conf_setting *s)
{
    size_t n;
    const struct conf_key *keys = conf_schema(&n);
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, str_of(s->key));
    for (size_t i = 0; i < n; i++)
        if (strcmp(keys[i].section, s->section) == 0)
            near_offerz(&near, keys[i].key);
    conf_problem(l, &s->place.pos, s->section, s->sub, "unknown key \"%s\"%s", s->key,
                 near_hint(&near, 1, hint));
}

static bool is_plain(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7F)
            return false;
    return true;
}

/* Is the quoted name there exactly when the section has one, and a name at all? */
static bool name_is_good(struct conf_load *l, const struct conf_section *section,
                         const struct conf_setting *s)
{
    const char *what = NULL;
    struct str provider, model;
    if (section->sub == NULL && s->sub != NULL)
        what = "this section has no name in quotes";
    else if (section->sub != NULL && (s->sub == NULL || s->sub[0] == '\0'))
        what = "a name in quotes is missing";
    else if (s->sub != NULL && (strlen(s->sub) > LIMIT_NAME_LEN || !is_plain(s->sub)))
        what = "the name is too long, or has control characters";
    else if (s->sub != NULL && strcmp(section->name, "provider") == 0 &&
             strchr(s->sub, '/') != NULL)
        what = "a provider's name has no \"/\"";
    else if (s->sub != NULL && strchr(section->sub, '/') != NULL &&
             !conf_split_model(str_of(s->sub), &provider, &model))
        what = "the name is not PROVIDER/MODEL";
    if (what != NULL)
        conf_problem(l, &s->place.pos, s->section, s->sub, "%s", what);
    return what == NULL;
}

/* "all", "provider:NAME" and so on. */
static bool scope_is_good(struct conf_load *l, const struct conf_setting *s)
{
    static const char *const kinds[] = {
        "all", "provider:", "target:", "client:", "project:", "route:", "tag:"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct str kind = str_of(kinds[i]), scope = str_of(s->sub);
        if (i == 0 ? str_eq(scope, kind)
                   : str_starts(scope, kind) && scope.len > kind.len)
            return true;
    }
    conf_problem(l, &s->place.pos, s->section, s->sub,
                 "no scope; all, provider:NAME, target:PROVIDER/MODEL, client:NAME, "
                 "project:NAME, route:NAME and tag:KEY=VALUE are");
    return false;
}

/* A new struct of the section: presets, place and name, which is the first member of each. */
static void *item_new(struct conf_load *l, const struct conf_section *section,
                      const struct conf_setting *s)
{
    char *conf = (char *)l->conf;
    size_t *n = (size_t *)(void *)(conf + section->n);
    char *item = conf_grow(&l->conf->arena, conf + section->items, n, section->size);
    if (item == NULL || conf_presets(l, section->name, item) != ERR_OK)
        return NULL;
    *(struct conf_pos *)(void *)(item + section->pos) = s->place.pos;
    const char **names = (const char **)(void *)item;
    struct str provider, model;
    names[0] = s->sub;
    if (section->sub != NULL && strchr(section->sub, '/') != NULL) {
        conf_split_model(str_of(s->sub), &provider, &model);
        names[0] = arena_strz(&l->conf->arena, provider);
        names[1] = arena_strz(&l->conf->arena, model);
    }
    return item;
}

/* The struct a setting belongs to; made when it is the first of its section. */
static void *item_of(struct conf_load *l, const struct conf_section *section,
                     const struct conf_setting *s, struct err *e)
{
    if (section->size == 0)
        return l->conf;
    const char *key =
        arena_printf(&l->conf->arena, "%s %s", s->section, section->by_key ? s->key : "");
    key = s->sub ? arena_printf(&l->conf->arena, "%s %s", key, s->sub) : key;
    char *conf = (char *)l->conf;
    uintptr_t index = (uintptr_t)map_get(&l->items, str_of(key));
    if (index != 0)
        return *(char **)(void *)(conf + section->items) + (index - 1) * section->size;
    void *item = item_new(l, section, s);
    index = *(size_t *)(void *)(conf + section->n);
    if (item == NULL || map_set(&l->items, str_of(key), (void *)index) != ERR_OK) {
        out_of_memory(e);
        return NULL;
    }
    return item;
}

/* May this file say that? A budget of a project may only come on top of the others. */
static bool is_allowed(struct conf_load *l, const struct conf_setting *s,
                       const struct conf_key *row)
{
    if (!s->is_untrusted)
        return true;
    const char *what = NULL;
    if (!row->in_project)
        what = "not allowed in a project's file";
    for (size_t i = 0; what == NULL && i < l->n_settings; i++) {
        const struct conf_setting *other = &l->settings[i];
        if (strcmp(row->section, "budget") == 0 && !other->is_untrusted &&
            strcmp(other->section, "budget") == 0 && other->sub != NULL &&
            s->sub != NULL && strcmp(other->sub, s->sub) == 0)
            what = "a project's file cannot change this budget";
    }
    if (what != NULL)
        conf_problem(l, &s->place.pos, s->section, s->sub, "%s: %s", s->key, what);
    return what == NULL;
}

static const char *dotted(struct conf_load *l, const struct conf_setting *s)
{
    return arena_printf(&l->conf->arena, "%s %s %s", s->section, s->sub ? s->sub : "",
                        s->key);
}

/* Of a key that may be repeated, is there a later layer that replaces this one's values? */
static bool is_shadowed(struct conf_load *l, const struct conf_setting *s)
{
    uintptr_t highest = (uintptr_t)map_get(&l->layers, str_of(dotted(l, s)));
    return highest > (uintptr_t)s->layer + 1;
}

static enum errc note_layers(struct conf_load *l, struct err *e)
{
    for (size_t i = 0; i < l->n_settings; i++) {
        const struct conf_setting *s = &l->settings[i];
        const struct conf_key *row = conf_key(str_of(s->section), str_of(s->key));
        /* settings come in the order of their layers */
        if (row != NULL && row->multi &&
            map_set(&l->layers, str_of(dotted(l, s)),
                    (void *)((uintptr_t)s->layer + 1)) != ERR_OK)
            return out_of_memory(e);
    }
    return ERR_OK;
}

static enum errc apply(struct conf_load *l, const struct conf_setting *s, struct err *e)
{
    const struct conf_section *section = find_section(s->section);
    if (section == NULL) {
        unknown_section(l, s);
        return ERR_OK;
    }
    const struct conf_key *row = conf_key(str_of(s->section), str_of(s->key));
    if (!name_is_good(l, section, s) ||
        (strcmp(section->name, "limit") == 0 && !scope_is_good(l, s)))
        return ERR_OK;
    if (row == NULL) {
        unknown_key(l, s);
        return ERR_OK;
    }
    if (!is_allowed(l, s, row) || (row->multi && is_shadowed(l, s)))
        return ERR_OK;
    void *item = item_of(l, section, s, e);
    if (item == NULL)
        return e->code;
    struct err why = ERR_INIT;
    if (conf_store(row, item, s->value, &s->place, &why) != ERR_OK)
        conf_problem(l, &s->place.pos, s->section, s->sub, "%s", why.text);
    return ERR_OK;
}

static enum errc apply_all(struct conf_load *l, struct err *e)
{
    for (size_t i = 0; i < l->n_settings; i++) {
        size_t before = l->n_problems;
        enum errc rc = apply(l, &l->settings[i], e);
        if (rc != ERR_OK)
            return rc;
        l->settings[i].is_refused = l->n_problems > before;
    }
    return ERR_OK;
}

/* Keeps what was read; of a key that is not repeated, the last one is in force. */
static enum errc keep_values(struct conf_load *l, struct err *e)
{
    struct conf *c = l->conf;
    c->values = ARENA_ARRAY(&c->arena, l->n_settings + 1, struct conf_value);
    if (c->values == NULL)
        return out_of_memory(e);
    c->n_values = l->n_settings;
    for (size_t i = l->n_settings; i-- > 0;) {
        const struct conf_setting *s = &l->settings[i];
        const struct conf_key *row = conf_key(str_of(s->section), str_of(s->key));
        bool is_single = row == NULL || !row->multi;
        struct str name = str_of(dotted(l, s));
        c->values[i] = (struct conf_value){
            .section = s->section,
            .sub = s->sub,
            .key = s->key,
            .value = s->value,
            .pos = s->place.pos,
            .in_force = !s->is_refused && !is_shadowed(l, s),
        };
        /* read from the end, the first of its name shadows all that come before it */
        if (is_single && c->values[i].in_force &&
            map_set(&l->layers, name, (void *)(uintptr_t)UINTPTR_MAX) != ERR_OK)
            return out_of_memory(e);
    }
    return ERR_OK;
}

/* ---- loading ---- */

static enum errc load_all(struct conf_load *l, struct err *e)
{
    enum errc rc = load_files(l, e);
    if (rc == ERR_OK)
        rc = load_environment(l, e);
    if (rc == ERR_OK)
        rc = load_overrides(l, e);
    if (rc == ERR_OK)
        rc = note_layers(l, e);
    size_t n;
    const struct conf_section *sections = conf_sections(&n);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        if (sections[i].size == 0 && conf_presets(l, sections[i].name, l->conf) != ERR_OK)
            rc = err_set(e, ERR_INTERNAL, "presets of section %s", sections[i].name);
    if (rc == ERR_OK)
        rc = apply_all(l, e);
    if (rc == ERR_OK)
        rc = conf_names(l, e);
    if (rc == ERR_OK)
        rc = keep_values(l, e);
    if (rc == ERR_OK && arena_is_broken(&l->conf->arena))
        rc = out_of_memory(e);
    return rc;
}

static const char *own_getenv(const char *name)
{
    return getenv(name);
}

enum errc conf_load(const struct conf_source *src, const struct catalog *cat,
                    struct conf **ret, struct buf *problems, struct err *e)
{
    struct err first = ERR_INIT, first_typed = ERR_INIT;
    AUTO(conf_free) struct conf *conf = MEM_NEW(struct conf);
    if (conf == NULL)
        return out_of_memory(e);
    arena_init(&conf->arena, CONF_ARENA);
    struct conf_load l = {.src = src,
                          .getenv = src->getenv ? src->getenv : own_getenv,
                          .cat = cat,
                          .conf = conf,
                          .problems = problems,
                          .first = &first,
                          .first_typed = &first_typed};
    l.home = l.getenv("HOME");
    map_init(&l.items);
    map_init(&l.layers);
    enum errc rc = load_all(&l, e);
    map_release(&l.items);
    map_release(&l.layers);
    mem_free(l.settings);
    if (rc != ERR_OK)
        return rc;
    if (src->lenient)
        first = first_typed;
    if (first.code != ERR_OK) {
        *e = first;
        return first.code;
    }
    *ret = conf;
    conf = NULL;
    return ERR_OK;
}

void conf_free(struct conf **cp)
{
    struct conf *c = *cp;
    if (c == NULL)
        return;
    arena_release(&c->arena);
    mem_free(c);
    *cp = NULL;
}
