/* router_bench.c: see router_bench.h. */
#include "tests/unit/router_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "core/clock.h"

#include <cmocka.h>

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

struct bench *bench_open(const char *config, const char *catalog)
{
    static struct bench b; /* one test at a time */
    struct err e = ERR_INIT;
    struct conf_source src = {.file = "test.conf",
                              .edited = "test.conf",
                              .edited_text = str_of(config),
                              .getenv = no_env};
    b = (struct bench){.facts = {.input_tok = 100,
                                 .max_output_tok = -1,
                                 .n_choices = 1,
                                 .max_cost_pico = PICO_UNKNOWN,
                                 .now_wall_us = 1795575911 * (int64_t)US_PER_S,
                                 .seed = 1}};
    if (catalog_parse(str_of(catalog), "test.tsv", &b.catalog, &e) != ERR_OK ||
        conf_load(&src, b.catalog, &b.conf, NULL, &e) != ERR_OK)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < b.conf->n_prices; i++) {
        const struct conf_price *p = &b.conf->prices[i];
        assert_int_equal(catalog_override(b.catalog, str_of(p->provider),
                                          str_of(p->model), str_of(p->component),
                                          p->per_unit, &e),
                         ERR_OK);
    }
    for (size_t i = 0; i < TARGETS; i++)
        b.views[i] = (struct target_view){.has_key = true};
    return &b;
}

void bench_close(struct bench *b)
{
    conf_free(&b->conf);
    catalog_free(&b->catalog);
}
