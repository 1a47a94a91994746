/*
 * conf.c: from settings to struct conf.
 *
 * Owns which setting is in force and which may come from where. conf_read.c collects settings,
 * conf_text.c reads their syntax, conf_store.c places values, conf_names.c ties names together.
 * A problem is noted with its place and loading goes on, so that all are told at once.
 */
#include "core/conf.h"

#include <stdlib.h>
#include <string.h>

#include "core/conf_load.h"
#include "core/mem.h"
#include "core/near.h"

enum { CONF_ARENA = 64 * 1024 * 1024 };

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
    /* a key that was not made would find another section's struct */
    if (arena_is_broken(&l->conf->arena)) {
        conf_out_of_memory(e);
        return NULL;
    }
    uintptr_t index = (uintptr_t)map_get(&l->items, str_of(key));
    if (index != 0)
        return *(char **)(void *)(conf + section->items) + (index - 1) * section->size;
    void *item = item_new(l, section, s);
    index = *(size_t *)(void *)(conf + section->n);
    if (item == NULL || map_set(&l->items, str_of(key), (void *)index) != ERR_OK) {
        conf_out_of_memory(e);
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
            return conf_out_of_memory(e);
    }
    return ERR_OK;
}

/* A section with nothing in it may still lack something. */
static enum errc begin_item(struct conf_load *l, const struct conf_section *section,
                            const struct conf_setting *s, struct err *e)
{
    if (section->by_key || s->is_untrusted || item_of(l, section, s, e) != NULL)
        return ERR_OK;
    return e->code;
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
    if (s->is_empty)
        return begin_item(l, section, s, e);
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
        l->settings[i].is_refused = l->n_problems > before || l->settings[i].is_empty;
    }
    return ERR_OK;
}

/* Keeps what was read; of a key that is not repeated, the last one is in force. */
static enum errc keep_values(struct conf_load *l, struct err *e)
{
    struct conf *c = l->conf;
    c->values = ARENA_ARRAY(&c->arena, l->n_settings + 1, struct conf_value);
    if (c->values == NULL)
        return conf_out_of_memory(e);
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
            return conf_out_of_memory(e);
    }
    return ERR_OK;
}

/* ---- loading ---- */

static enum errc load_all(struct conf_load *l, struct err *e)
{
    enum errc rc = conf_read(l, e);
    if (rc == ERR_OK && arena_is_broken(&l->conf->arena))
        rc = conf_out_of_memory(e);
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
        rc = conf_out_of_memory(e);
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
        return conf_out_of_memory(e);
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
    arena_wipe(&c->arena); /* headers and proxies may hold passwords */
    arena_release(&c->arena);
    mem_free(c);
    *cp = NULL;
}
