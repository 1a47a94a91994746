/*
 * conf_store.h: from the text of one setting to its field; between conf.c and conf_store.c.
 */
#ifndef CORE_CONF_STORE_H
#define CORE_CONF_STORE_H

#include "core/conf.h"

/* Where a setting stands, and what it is relative to. */
struct conf_place {
    struct arena *arena; /* for every string kept */
    struct conf_pos pos;
    const char *dir;  /* of its file, for relative paths; NULL: they stay as they are */
    const char *home; /* for "~/"; NULL: it stays as it is */
    const char *key;  /* as written, for rows that take any */
};

/*
 * Checks the value and places it in *item: struct conf, or the section's struct. A NULL value is
 * git's bare key, true for a CONF_BOOL and an error elsewhere. ERR_CONFIG says `KEY: what is
 * wrong`, without the place.
 */
enum errc conf_store(const struct conf_key *row, void *item, const char *value,
                     const struct conf_place *at, struct err *e) MUST_USE;

/* "PROVIDER/MODEL" in its parts; false without a slash inside. */
bool conf_split_model(struct str s, struct str *ret_provider, struct str *ret_model);

#endif
