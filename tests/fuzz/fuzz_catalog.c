/*
 * fuzz_catalog.c: any text as a catalog; what is taken can be looked up by every name that it has,
 * priced at any time, and overridden.
 */
#include <stdlib.h>

#include "core/price.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void price_model(struct catalog *c, const struct catalog_model *m, int64_t at_us)
{
    struct usage u;
    struct price_cost cost;
    struct err e = ERR_INIT;
    usage_init(&u);
    for (unsigned i = 0; i < USAGE_N_; i++)
        usage_set(&u, (enum usage_class)i, at_us / 1000000 % 100000 * i);
    struct price_query q = {.provider = str_of(m->provider),
                            .model = str_of(m->model),
                            .at_us = at_us,
                            .usage = &u};
    for (; q.n_services < m->n_services && q.n_services < PRICE_SERVICES; q.n_services++)
        q.services[q.n_services] = str_of(m->services[q.n_services]->name);
    if (price_cost(c, &q, &cost, &e) == ERR_OK && cost.total_pico < 0 &&
        cost.total_pico != PICO_UNKNOWN)
        abort();
}

/* By its id, by its aliases, and by what its provider has as its own. */
static void look_up(const struct catalog *c, const struct catalog_model *m)
{
    enum { MOST = 8 };
    const struct catalog_model *found[MOST];
    size_t n = catalog_by_id(c, str_of(m->model), found, MOST);
    bool is_there = n > MOST;
    for (size_t i = 0; i < MIN(n, (size_t)MOST); i++)
        is_there |= found[i] == m;
    if (!is_there)
        abort();
    const char *preset = catalog_default_model(c, str_of(m->provider));
    if (preset != NULL && catalog_rule(c, str_of(m->provider)) == NULL)
        abort();
    for (unsigned bit = 0; bit < 32; bit++) {
        unsigned cap = (m->caps_yes | m->caps_no) & 1U << bit;
        const char *name = catalog_cap_name(cap);
        if (cap != 0 && (name == NULL || catalog_cap_by_name(str_of(name)) != cap))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog *c = NULL;
    struct err e = ERR_INIT;
    if (catalog_parse((struct str){(const char *)data, size}, "fuzz", &c, &e) != ERR_OK) {
        if (c != NULL || e.text[0] == '\0')
            abort();
        return 0;
    }
    size_t n;
    const struct catalog_model *m = catalog_models(c, &n);
    for (size_t i = 0; i < n; i++) {
        if (catalog_find(c, str_of(m[i].provider), str_of(m[i].model)) != &m[i])
            abort();
        look_up(c, &m[i]);
        price_model(c, &m[i], 1795132800000000);
        price_model(c, &m[i], 1795176000000000); /* noon, a Sunday */
        price_model(c, &m[i], 0);
    }
    if (catalog_override(c, STR("fuzz"), STR("m"), STR("input"), 1, &e) != ERR_OK)
        abort();
    /* all of a model's periods, bands and peaks */
    if (n > 0 && catalog_override(c, str_of(m[0].provider), str_of(m[0].model),
                                  STR("output"), 1, &e) == ERR_OK)
        price_model(c, catalog_find(c, str_of(m[0].provider), str_of(m[0].model)), 0);
    catalog_free(&c);
    return 0;
}
