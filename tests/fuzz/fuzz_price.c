/*
 * fuzz_price.c: any JSON as a request to price, by the catalog that is shipped. A cost is never
 * negative, and is written as JSON.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/jscan.h"
#include "core/price_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_price: %s\n", what);
        abort();
    }
}

static const struct catalog *shipped(void)
{
    static struct catalog *c; /* read once */
    const char *top = getenv("top_srcdir");
    char path[4096];
    struct err e = ERR_INIT;
    if (c != NULL)
        return c;
    snprintf(path, sizeof path, "%s/core/catalog.tsv", top == NULL ? "." : top);
    require(catalog_load(path, NULL, &c, &e) == ERR_OK, "has the catalog in $top_srcdir");
    return c;
}

static void check_written(const struct price_cost *cost)
{
    struct buf out = BUF_INIT(1 << 20);
    struct jw w;
    struct err e = ERR_INIT;
    jw_init(&w, &out);
    jw_array(&w);
    price_write_row(cost, &w);
    price_write_lines(cost, false, &w);
    price_write_lines(cost, true, &w);
    price_write_ratios(cost, &w);
    jw_array_end(&w);
    require(buf_err(&out) == ERR_OK, "has room");
    require(jscan_check(buf_str(&out), &e) == ERR_OK, "is written as JSON");
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct price_request r;
    struct price_cost cost;
    struct err e = ERR_INIT;
    const struct catalog *c = shipped();
    arena_init(&a, 1 << 20);
    enum errc rc = price_request_read((struct str){(const char *)data, size}, &a, &r, &e);
    require((rc == ERR_OK) == (e.code == ERR_OK), "says why it refuses");
    if (rc == ERR_OK && price_cost(c, &r.query, &cost, &e) == ERR_OK &&
        cost.total_pico != PICO_UNKNOWN) {
        require(cost.total_pico >= 0, "a cost is not negative");
        check_written(&cost);
    }
    arena_release(&a);
    return 0;
}
