/*
 * price.h: usage × price row → cost; pure arithmetic in 128 bits, one rounding, half up.
 *
 * The steps are those of llmgw-prices(7): model of the answer, period by the time the provider
 * got the request, time-of-day window, band by the whole prompt, service ratios multiplied
 * together, fees, one rounding. A counter without a price makes the cost unknown, never zero.
 */
#ifndef CORE_PRICE_H
#define CORE_PRICE_H

#include "core/catalog.h"
#include "core/usage.h"

enum { PRICE_SERVICES = 4, PRICE_LINES = 40 };

struct price_query {
    struct str provider, model; /* of the answer, not of the request */
    int64_t at_us;              /* wall; when the provider got the request */
    const struct usage *usage;
    const struct catalog_model *row; /* of provider and model; NULL: it is looked for */
    struct str services[PRICE_SERVICES]; /* "batch", "flex", "priority", "data_zone", … */
    size_t n_services;
    /*
     * "12h", "1h", … when the request asked for it and the usage does not tell: moves 5- and
     * 30-minute writes. Empty: as the usage has them.
     */
    struct str cache_ttl;
    struct str search_context; /* "low", "medium", "high" or empty */
    bool thinking;             /* Qwen hybrids: thinking mode prices all output higher */
};

struct price_line {
    const char *component; /* catalog's name, the fee's, or "seconds" and the like */
    int64_t quantity;
    pico unit_pico;   /* numerator, over unit_den */
    int64_t unit_den; /* 1, or 60 for minutes billed by the second, … */
    i128 amount_num;  /* after the ratios, before rounding, in lowest terms */
    i128 amount_den;
    bool is_fee;
};

struct price_cost {
    pico total_pico; /* PICO_UNKNOWN when not known */
    char why[128];   /* reason when unknown: "model not in the catalogue", … */
    struct {
        const char *name;
        int64_t num, den;
    } ratios[PRICE_SERVICES];
    size_t n_ratios;
    const char *band;    /* ">272000", "base"; NULL: the period has no bands */
    const char *window;  /* "peak", "off-peak"; NULL: the hour does not matter */
    const char *printed; /* the service whose own prices were taken, or NULL */
    int64_t prompt_tok;  /* what the band was chosen by */
    int64_t period_from_us, period_to_us; /* INT64_MIN, INT64_MAX: unbounded */
    char row_id[160]; /* "openai/gpt-6.1-sol@2026-09-29"; "@-": begin not known */
    bool exact;       /* no rounding was needed */
    bool is_disputed; /* sources conflict, or nobody printed the service's ratio */
    size_t n_lines;
    struct price_line lines[PRICE_LINES]; /* last: those from n_lines on mean nothing */
};

/* ERR_OK also when the cost is unknown; errors are ERR_RANGE (overflow) only. */
enum errc price_cost(const struct catalog *c, const struct price_query *q,
                     struct price_cost *ret, struct err *e) MUST_USE;
/*
 * What in_tok of plain input and out_tok of output would cost at `at_us`; PICO_UNKNOWN when not
 * known. cached_tok of the input are priced as cache reads. `service` is what the account is in,
 * STR_NONE if nothing; models that have no such price keep theirs. For routing and reservations.
 */
pico price_estimate(const struct catalog *c, struct str provider, struct str model,
                    struct str service, int64_t at_us, int64_t in_tok, int64_t cached_tok,
                    int64_t out_tok);
/* The same for a model that was found: `m` is the row of provider and model, NULL if none. */
pico price_estimate_row(const struct catalog *c, const struct catalog_model *m,
                        struct str provider, struct str service, int64_t at_us,
                        int64_t in_tok, int64_t cached_tok, int64_t out_tok);

/*
 * What the query says beside model, time and counts, as one line for the ledger, and back:
 * "batch data_zone ttl=12h context=high thinking"; empty when there is nothing to say. Read
 * slices borrow from the text; *ret_explicit_cache belongs into the usage.
 */
void price_facts_write(const struct price_query *q, struct buf *out);
void price_facts_read(struct str text, struct price_query *q, bool *ret_explicit_cache);

#endif
