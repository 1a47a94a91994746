/*
 * catalog_priv.h: the inside of struct catalog, for catalog.c and catalog_load.c only.
 */
#ifndef CORE_CATALOG_PRIV_H
#define CORE_CATALOG_PRIV_H

#include "core/catalog.h"

struct catalog_source {
    struct catalog_source *next;
    const char *name;
};

struct catalog_holiday {
    struct catalog_holiday *next;
    const char *calendar;
    int64_t day_us; /* its first instant, as if the calendar were UTC */
};

/* Lists are newest first, so that what an overriding file says is found before the rest. */
struct catalog {
    struct arena arena; /* all that is below, and the text of the files */
    const char *date;
    struct catalog_model *models; /* sorted */
    size_t n_models, models_cap;  /* cap: there is room for so many */
    struct catalog_rule *rules;
    struct catalog_service *services;
    struct catalog_source *sources;
    struct catalog_holiday *holidays;
};

int catalog_compare(const struct catalog_model *a, struct str provider, struct str model);
/* Adds a file's rows. The text is in the arena, ends with NUL and is cut into cells. */
enum errc catalog_read(struct catalog *c, char *text, size_t len, const char *name,
                       struct err *e) MUST_USE;

#endif
