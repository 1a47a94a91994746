/*
 * catalog.h: models and their dated prices, from core/catalog.tsv.
 *
 * The file is data for people to review: sorted, one row per model and per price period, with
 * rows of their own for aliases, provider rules, bands, windows, ratios, fees and holidays.
 * Its head comment documents the row kinds. Loaded in about a millisecond, immutable after.
 */
#ifndef CORE_CATALOG_H
#define CORE_CATALOG_H

#include "core/err.h"
#include "core/money.h"
#include "core/str.h"

enum catalog_cap {
    CAP_TOOLS = 1 << 0,
    CAP_VISION = 1 << 1,
    CAP_JSON_SCHEMA = 1 << 2,
    CAP_REASONING = 1 << 3,
    CAP_AUDIO_IN = 1 << 4,
    CAP_AUDIO_OUT = 1 << 5,
    CAP_PREFILL = 1 << 6,
    CAP_PROMPT_CACHING = 1 << 7,
    CAP_PDF_IN = 1 << 8,
    CAP_VIDEO_IN = 1 << 9,
    CAP_IMAGE_OUT = 1 << 10,
};

struct catalog;
struct catalog_period; /* prices of a model in a span of time; price.c reads it */

struct catalog_model {
    const char *provider, *model; /* all strings owned by the catalog */
    const char *family;
    const char *mode;           /* chat, embedding, … */
    const char *status;         /* active, preview, deprecated, retired */
    int64_t context_tok;        /* 0: not known */
    int64_t max_output_tok;     /* 0: not known */
    unsigned caps_yes, caps_no; /* enum catalog_cap; in neither: not known */
    const char
        *price_status; /* priced, listed_as_free, zero_by_definition, by_served_model */
    bool is_disputed;
    const struct catalog_period *periods;
    size_t n_periods;
};

/* Loads the file, then `overrides` (same format; may be NULL; missing file is no error). */
enum errc catalog_load(const char *path, const char *overrides, struct catalog **ret,
                       struct err *e) MUST_USE;
void catalog_free(struct catalog **c);
/* From memory, for tests and fuzzing; name stands in messages. */
enum errc catalog_parse(struct str text, const char *name, struct catalog **ret,
                        struct err *e) MUST_USE;
/* LLMGW_CATALOG, else the installed file, else the one in the source tree beside the program. */
const char *catalog_default_path(void);

/* By exact id, then by alias; NULL when unknown. */
const struct catalog_model *catalog_find(const struct catalog *c, struct str provider,
                                         struct str model);
/* Every model, sorted by provider and model. */
const struct catalog_model *catalog_models(const struct catalog *c, size_t *ret_n);
/* Models with this id at any provider: fills up to max, returns how many there are. */
size_t catalog_by_id(const struct catalog *c, struct str model,
                     const struct catalog_model **ret, size_t max);
/* The provider's default model for `llmgw chat` without a configuration; NULL if none. */
const char *catalog_default_model(const struct catalog *c, struct str provider);
/* "2026-11-22" */
const char *catalog_date(const struct catalog *c);

/*
 * A price from the configuration: [price "PROVIDER/MODEL"] input = …, in dollars per million
 * tokens there, pico per token here; components by name. Overrides every period.
 */
enum errc catalog_override(struct catalog *c, struct str provider, struct str model,
                           struct str component, pico per_unit, struct err *e) MUST_USE;

#endif
