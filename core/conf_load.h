/*
 * conf_load.h: a configuration while it is read; between conf.c, conf_read.c and conf_names.c.
 */
#ifndef CORE_CONF_LOAD_H
#define CORE_CONF_LOAD_H

#include "core/catalog.h"
#include "core/conf.h"
#include "core/conf_store.h"

/* Later ones win; of a key that may be repeated the values of one layer count together. */
enum conf_layer {
    CONF_BUILT_IN,
    CONF_SYSTEM,
    CONF_USER,
    CONF_PROJECT,
    CONF_ENVIRONMENT,
    CONF_COMMAND_LINE,
};

struct conf_setting {
    const char *section, *sub, *key, *value; /* sub, value: NULL if none */
    struct conf_place place;
    enum conf_layer layer;
    bool is_untrusted; /* of a project file that nobody has trusted */
    bool is_refused;   /* was a problem, or is none to keep */
    bool is_empty;     /* a section's header with nothing under it: key is "" */
};

struct conf_load {
    const struct conf_source *src;
    const char *(*getenv)(const char *name);
    const struct catalog *cat; /* may be NULL */
    struct conf *conf;         /* owned until it is handed over */
    const char *home;
    struct conf_setting *settings; /* owned; in order of reading */
    size_t n_settings, cap_settings;
    struct map items;  /* "section sub" → 1 + index of its struct */
    struct map layers; /* "section sub key" → 1 + highest layer that sets it */
    struct buf *problems;
    struct err *first;       /* the first problem */
    struct err *first_typed; /* … of the command line, which is never overlooked */
    size_t n_problems;
};

enum errc conf_out_of_memory(struct err *e);
/* Collects settings, the weakest first; what cannot be read is a problem. */
enum errc conf_read(struct conf_load *l, struct err *e) MUST_USE;
/* Notes `FILE:LINE: section "NAME": text`; loading goes on. */
void conf_problem(struct conf_load *l, const struct conf_pos *pos, const char *section,
                  const char *sub, const char *fmt, ...) PRINTF(5, 6);
/* A name that is no problem only because the catalog is_partial: a warning. */
void conf_unjudged(struct conf_load *l, const struct conf_pos *pos, const char *section,
                   const char *sub, const char *name);
/* One more zeroed element of an array in the arena; NULL when memory is out. */
void *conf_grow(struct arena *a, void *items_field, size_t *n, size_t size);
/* Fills in the defaults of a section's struct. */
enum errc conf_presets(struct conf_load *l, const char *section, void *item);

/*
 * The second half of loading: kinds and keys of providers, implicit ones, targets of aliases
 * and routes, route "default", and every name that another section must have.
 */
enum errc conf_names(struct conf_load *l, struct err *e) MUST_USE;

#endif
