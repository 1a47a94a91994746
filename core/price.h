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

enum { PRICE_SERVICES = 4, PRICE_LINES = 32 };

struct price_query {
    struct str provider, model; /* of the answer, not of the request */
    int64_t at_us;              /* wall; when the provider got the request */
    const struct usage *usage;
    struct str services[PRICE_SERVICES]; /* "batch", "flex", "priority", "data_zone", … */
    size_t n_services;
    struct str cache_ttl;      /* "12h" when the request asked for it; else empty */
    struct str search_context; /* "low", "medium", "high" or empty */
    bool thinking;             /* Qwen hybrids: thinking mode prices all output higher */
};

struct price_line {
    const char *component; /* catalog's name, or the fee's */
    int64_t quantity;
    pico unit_pico;   /* numerator, over unit_den */
    int64_t unit_den; /* 1, or 60 for minutes billed by the second, … */
    i128 amount_num;  /* amount × amount_den before rounding */
    i128 amount_den;
    bool is_fee;
};

struct price_cost {
    pico total_pico; /* PICO_UNKNOWN when not known */
    char why[128];   /* reason when unknown: "model not in the catalogue", … */
    struct price_line lines[PRICE_LINES];
    size_t n_lines;
    struct {
        const char *name;
        int64_t num, den;
    } ratios[PRICE_SERVICES];
    size_t n_ratios;
    const char *band;                     /* ">272000" or "base" */
    const char *window;                   /* "peak", "otherwise" or NULL */
    int64_t prompt_tok;                   /* what the band was chosen by */
    int64_t period_from_us, period_to_us; /* INT64_MIN, INT64_MAX: unbounded */
    char row_id[128];                     /* "openai/gpt-6.1-sol@2026-09-29" */
    bool exact;                           /* no rounding was needed */
};

/* ERR_OK also when the cost is unknown; errors are ERR_RANGE (overflow) only. */
enum errc price_cost(const struct catalog *c, const struct price_query *q,
                     struct price_cost *ret, struct err *e) MUST_USE;
/*
 * What in_tok of plain input and out_tok of output would cost at `at_us`; PICO_UNKNOWN when
 * not known. cached_tok of the input are priced as cache reads. For routing and reservations.
 */
pico price_estimate(const struct catalog *c, struct str provider, struct str model,
                    int64_t at_us, int64_t in_tok, int64_t cached_tok, int64_t out_tok);

#endif
