/*
 * price_json.h: a request to price as a JSON object, and the arithmetic of its cost as one.
 *
 * The form of tests/data/price_examples.jsonl and of `llmgw prices cost`.
 */
#ifndef CORE_PRICE_JSON_H
#define CORE_PRICE_JSON_H

#include "core/arena.h"
#include "core/jsonx.h"
#include "core/price.h"

struct price_request {
    struct str id; /* empty when not given */
    struct str model_requested;
    struct price_query
        query; /* points to `usage` below: the struct must stay in its place */
    struct usage usage;
    bool mismatch; /* the usage's own check sum does not hold */
};

/*
 * Reads {"id", "provider", "model_requested", "model_served", "at", "wire", "usage",
 * "context", "service", "fees"}; model_served, context, service and fees may be absent. Without
 * "service" the tier is what the usage object says; "fees" counts calls that the usage
 * object does not ([{"fee":"grounding_query","quantity":4}]). Keys of results are skipped.
 * Strings live in `a`. ERR_SYNTAX for bad JSON, ERR_INVALID with the key's name for the rest.
 */
enum errc price_request_read(struct str json, struct arena *a, struct price_request *ret,
                             struct err *e) MUST_USE;

/*
 * Members of an object that is open in w: total_pusd, total_usd, reason when unknown, exact,
 * price (row, period, band, window), lines, multipliers, fees. Amounts that are no whole
 * number are texts: "51850000000/3".
 */
void price_cost_write(const struct price_cost *c, struct jw *w);

enum { PRICE_FRACTION_LEN = 84 };
/* "51850000000/3", or the whole number. */
void price_fraction(char out[PRICE_FRACTION_LEN], i128 num, i128 den);

#endif
