/*
 * catalog.h: models and their dated prices, from core/catalog.tsv.
 *
 * The file is data for people to review: sorted, one row per model and per price period, with
 * rows of their own for aliases, provider rules, bands, peaks, service tiers, fees and
 * holidays. Its head comment documents the row kinds. Loaded in about a millisecond; nothing
 * changes after loading but by catalog_override.
 */
#ifndef CORE_CATALOG_H
#define CORE_CATALOG_H

#include "core/arena.h"
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
    CAP_EMBEDDING = 1 << 11, /* makes embeddings, and no answers; from the mode */
};

/*
 * X(enum suffix, name, decimals): what has a price. Written in the file as dollars for
 * 10^(12 - decimals) units: 6 is per million tokens (token-hours, characters), 12 is for one.
 */
#define PRICE_COMPONENTS(X)                                                              \
    X(INPUT, "input", 6)                                                                 \
    X(OUTPUT, "output", 6)                                                               \
    X(CACHE_READ, "cache_read", 6)                                                       \
    X(CACHE_WRITE_5M, "cache_write_5m", 6)                                               \
    X(CACHE_WRITE_30M, "cache_write_30m", 6)                                             \
    X(CACHE_WRITE_1H, "cache_write_1h", 6)                                               \
    X(CACHE_WRITE_12H, "cache_write_12h", 6)                                             \
    X(OUTPUT_THINKING, "output_thinking", 6)                                             \
    X(REASONING, "reasoning", 6)                                                         \
    X(CITATION, "citation", 6)                                                           \
    X(AUDIO_IN, "audio_in", 6)                                                           \
    X(AUDIO_CACHE_READ, "audio_cache_read", 6)                                           \
    X(AUDIO_OUT, "audio_out", 6)                                                         \
    X(IMAGE_IN, "image_in", 6)                                                           \
    X(IMAGE_CACHE_READ, "image_cache_read", 6)                                           \
    X(IMAGE_OUT, "image_out", 6)                                                         \
    X(VIDEO_IN, "video_in", 6)                                                           \
    X(CACHE_STORAGE_HOUR, "cache_storage_hour", 6)                                       \
    X(SEARCH, "per_search", 12)                                                          \
    X(SEARCH_UNIT, "per_search_unit", 12)                                                \
    X(PAGE, "per_page", 12)                                                              \
    X(ANNOTATED_PAGE, "per_annotated_page", 12)                                          \
    X(CHARACTER, "per_character", 6)                                                     \
    X(CHARACTER_OUT, "per_character_out", 6)                                             \
    X(AUDIO_MINUTE, "audio_minute", 12)                                                  \
    X(AUDIO_HOUR, "audio_hour", 12)

enum price_component {
#define PRICE_ENUM(e, name, decimals) PRICE_##e,
    PRICE_COMPONENTS(PRICE_ENUM)
#undef PRICE_ENUM
        PRICE_N_
};

/* Prices per one unit; only what is `known` counts, unknown is not zero. */
struct price_set {
    uint32_t known; /* bit per component */
    pico unit[PRICE_N_];
};

/* All pointers and strings below are owned by the catalog. */

struct catalog_band {
    int64_t limit_tok;
    bool inclusive;
    const char *label; /* ">272000" */
    struct price_set prices;
};

enum { CATALOG_HOURS = 4 };
struct catalog_peak {
    bool mon_fri;          /* else every day */
    int64_t day_offset_us; /* of the calendar whose days count, from UTC */
    const char *holidays;  /* calendar's name; NULL: none are excluded */
    struct {
        int64_t from_us, to_us; /* of the UTC day, half-open */
    } hours[CATALOG_HOURS];
    size_t n_hours;
    struct price_set prices;
};

/* Prices of a model in a span of time. */
struct catalog_period {
    int64_t from_us, to_us; /* half-open; INT64_MIN, INT64_MAX: unbounded */
    const char *from, *to;  /* as written; NULL: unbounded */
    const char *dates;      /* effective, release, first_seen, approximate, unknown */
    struct price_set prices;
    const struct catalog_band *bands; /* rising limits */
    size_t n_bands;
    const struct catalog_peak *peak; /* NULL: the same all day */
    const char *sources, *note;      /* note may be NULL */
};

struct catalog_service {
    struct catalog_service *next;
    const char *provider, *id; /* "priority", "priority@gpt-4o" */
    const char *name;          /* the id up to "@" */
    int64_t num, den;          /* 0/0: `printed` prices instead */
    uint32_t on; /* components that the ratio multiplies; all bits: every one */
    int64_t from_us, to_us;
    bool no_cache_discount, is_unverified;
    struct price_set printed;
    const char *sources, *note;
};

struct catalog_fee {
    const char *name; /* "web_search", "request_low" */
    pico usd;         /* per call or request */
};

struct catalog_dispute {
    const char *component, *chosen, *sources, *others;
};

struct catalog_model {
    const char *provider, *model;
    const char *family;         /* NULL: not known */
    const char *mode;           /* chat, embedding, … */
    const char *status;         /* active, preview, deprecated, retired */
    int64_t context_tok;        /* 0: not known */
    int64_t max_output_tok;     /* 0: not known */
    unsigned caps_yes, caps_no; /* enum catalog_cap; in neither: not known */
    /* priced, listed_as_free, zero_by_definition, by_served_model */
    const char *price_status;
    bool is_disputed;          /* in a price */
    bool is_boundary_disputed; /* in a band's limit */
    const char *basis;
    const char *shutdown, *replacement;   /* NULL: none */
    const char *agreeing, *note;          /* NULL: none */
    const struct catalog_period *periods; /* in the order of time */
    size_t n_periods;
    const char *const *aliases;
    size_t n_aliases;
    const struct catalog_fee *fees;
    size_t n_fees;
    const struct catalog_service *const *services;
    size_t n_services;
    const struct catalog_dispute *disputes;
    size_t n_disputes;
};

/* Where caches cost a part of the input price when a model has no price for them. */
enum catalog_ratio {
    RATIO_IMPLICIT_READ,
    RATIO_EXPLICIT_READ,
    RATIO_EXPLICIT_WRITE,
    RATIO_N_,
};

struct catalog_rule {
    struct catalog_rule *next;
    const char *provider;
    const char *default_model; /* NULL: none */
    bool read_inside, write_inside, reasoning_inside;
    bool audio_as_text; /* audio without a price of its own costs what text does */
    struct {
        int64_t num, den; /* 0/0: no such ratio */
    } ratios[RATIO_N_];
    const char *sources, *note; /* may be NULL */
    int line;                   /* of its file, for messages */
};

struct catalog;

/*
 * Loads the file, then `overrides` (same format; may be NULL; a missing file is no error): a
 * model there replaces the whole model, a rule the rule. ERR_SYNTAX with file, line, column.
 */
enum errc catalog_load(const char *path, const char *overrides, struct catalog **ret,
                       struct err *e) MUST_USE;
void catalog_free(struct catalog **c);
/* From memory, for tests and fuzzing; name stands in messages. */
enum errc catalog_parse(struct str text, const char *name, struct catalog **ret,
                        struct err *e) MUST_USE;
/* LLMGW_CATALOG, else the installed file, else the one in the source tree beside the program. */
const char *catalog_default_path(struct arena *a);

/*
 * By exact id, then by alias, then by an id that ends in "*"; NULL when unknown.
 * Pointers to models stay valid until catalog_override adds a model, or catalog_free.
 */
const struct catalog_model *catalog_find(const struct catalog *c, struct str provider,
                                         struct str model);
/* Every model, sorted by provider and model. */
const struct catalog_model *catalog_models(const struct catalog *c, size_t *ret_n);
/* Its provider does not answer for it any more. */
bool catalog_is_retired(const struct catalog_model *m);
/* Can a chat be held with it? */
bool catalog_can_chat(const struct catalog_model *m);
/* Does it make embeddings? */
bool catalog_can_embed(const struct catalog_model *m);
/* Models with this id or alias at any provider: fills up to max, returns how many there are. */
size_t catalog_by_id(const struct catalog *c, struct str model,
                     const struct catalog_model **ret, size_t max);
/* The provider's default model for `llmgw chat` without a configuration; NULL if none. */
const char *catalog_default_model(const struct catalog *c, struct str provider);
/* "2026-11-22" */
const char *catalog_date(const struct catalog *c);

/* NULL: the provider has no rule. */
const struct catalog_rule *catalog_rule(const struct catalog *c, struct str provider);
/* The period that holds at that time; NULL when none does. */
const struct catalog_period *catalog_period(const struct catalog_model *m, int64_t at_us);
/* The service tier of that name at that time; NULL when the model is not offered in it. */
const struct catalog_service *catalog_service(const struct catalog_model *m,
                                              struct str name, int64_t at_us);
const struct catalog_fee *catalog_fee(const struct catalog_model *m, struct str name);
bool catalog_is_peak(const struct catalog *c, const struct catalog_peak *p,
                     int64_t at_us);

const char *price_component_name(enum price_component p);
enum price_component price_component_by_name(struct str name); /* PRICE_N_ if none */
/* 6: dollars per million; 12: dollars for one. */
unsigned price_component_decimals(enum price_component p);
bool price_set_has(const struct price_set *s, enum price_component p);
/* Replaces what `by` knows. */
void price_set_replace(struct price_set *s, const struct price_set *by);

/* Capabilities as words: "tools", …; 0 when unknown. */
unsigned catalog_cap_by_name(struct str name);
const char *catalog_cap_name(unsigned cap);

/*
 * A price from the configuration: [price "PROVIDER/MODEL"] input = …, in dollars per million
 * tokens there, pico per token here; components by name. Overrides every period, band and
 * peak; a model that is not in the catalog is added, and so priced from then on.
 */
enum errc catalog_override(struct catalog *c, struct str provider, struct str model,
                           struct str component, pico per_unit, struct err *e) MUST_USE;

#endif
