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
    /* points to `usage` below: the struct must stay in its place */
    struct price_query query;
    struct usage usage;
    bool mismatch; /* the usage's own check sum does not hold */
};

/*
 * Reads {"id", "provider", "model_requested", "model_served", "at", "wire", "usage",
 * "context", "service", "fees"}; id, model_served, context, service and fees may be absent.
 * Without "service" the tier is what the usage object says; "fees" counts calls that it
 * does not tell of: [{"fee":"grounding_query","quantity":4}]. Keys of results are skipped.
 * Strings live in `a`. ERR_SYNTAX names the key or the place.
 */
enum errc price_request_read(struct str json, struct arena *a, struct price_request *ret,
                             struct err *e) MUST_USE;

/*
 * The arithmetic of a known cost, each as a value for w: the price row with its period, band and
 * window; the lines, or the fees; the ratios. Amounts that are no whole number of pico-dollars
 * are texts: "51850000000/3".
 */
void price_write_row(const struct price_cost *c, struct jw *w);
void price_write_lines(const struct price_cost *c, bool fees, struct jw *w);
void price_write_ratios(const struct price_cost *c, struct jw *w);

enum { PRICE_FRACTION_LEN = 84 };
/* "51850000000/3", or the whole number. */
void price_fraction(char out[PRICE_FRACTION_LEN], i128 num, i128 den);

#endif
