/* test_catalog.c: the shipped catalog, its look-ups, overrides, and what the loader refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/catalog.h"
#include "core/clock.h"
#include "core/provider.h"

#include <cmocka.h>

static const char *tsv_path(void)
{
    static char path[4096];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/core/catalog.tsv", top != NULL ? top : "..");
    return path;
}

static int set_up(void **state)
{
    struct err e = ERR_INIT;
    struct catalog *c = NULL;
    if (catalog_load(tsv_path(), NULL, &c, &e) != ERR_OK)
        fail_msg("%s", e.text);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    struct catalog *c = *state;
    catalog_free(&c);
    assert_null(c);
    return 0;
}

static int64_t at(const char *text)
{
    int64_t us = 0;
    struct err e = ERR_INIT;
    assert_int_equal(clock_parse_rfc3339(str_of(text), &us, &e), ERR_OK);
    return us;
}

/* --- the file we ship --- */

static void the_shipped_file_is_whole(void **state)
{
    size_t n, periods = 0, bands = 0, aliases = 0, fees = 0, disputes = 0, peaks = 0;
    const struct catalog_model *m = catalog_models(*state, &n);
    assert_true(n >= 400);
    for (size_t i = 0; i < n; i++) {
        periods += m[i].n_periods;
        aliases += m[i].n_aliases;
        fees += m[i].n_fees;
        disputes += m[i].n_disputes;
        assert_int_equal(m[i].caps_yes & m[i].caps_no, 0);
        for (size_t p = 0; p < m[i].n_periods; p++) {
            bands += m[i].periods[p].n_bands;
            peaks += m[i].periods[p].peak != NULL;
        }
        /* every model is found by its own names, and by no other's */
        struct str provider = str_of(m[i].provider);
        assert_ptr_equal(catalog_find(*state, provider, str_of(m[i].model)), &m[i]);
        for (size_t a = 0; a < m[i].n_aliases; a++)
            assert_ptr_equal(catalog_find(*state, provider, str_of(m[i].aliases[a])),
                             &m[i]);
    }
    assert_true(periods >= 473);
    assert_true(bands >= 86);
    assert_true(aliases >= 44);
    assert_true(fees >= 150);
    assert_true(disputes >= 140);
    assert_true(peaks >= 7);
    assert_int_equal(strlen(catalog_date(*state)), strlen("2026-11-22"));
}

static void every_price_has_a_source_and_a_unit_that_can_be_true(void **state)
{
    size_t n;
    const struct catalog_model *m = catalog_models(*state, &n);
    for (size_t i = 0; i < n; i++) {
        for (size_t p = 0; p < m[i].n_periods; p++) {
            const struct catalog_period *t = &m[i].periods[p];
            assert_non_null(t->sources);
            /* the dearest known token costs 750 dollars a million; more is a slip of units */
            for (unsigned k = 0; k < PRICE_N_; k++)
                if (price_component_decimals((enum price_component)k) == 6)
                    assert_in_range(t->prices.unit[k], 0, 1000 * (pico)1000000);
        }
    }
}

static void default_models_can_be_asked(void **state)
{
    size_t n, with_default = 0;
    const struct provider_kind *k = provider_kinds(&n);
    for (size_t i = 0; i < n; i++) {
        if (k[i].catalog == NULL)
            continue;
        struct str provider = str_of(k[i].catalog);
        assert_non_null(catalog_rule(*state, provider));
        const char *id = catalog_default_model(*state, provider);
        if (id == NULL)
            continue;
        const struct catalog_model *m = catalog_find(*state, provider, str_of(id));
        assert_non_null(m);
        assert_string_equal(m->mode, "chat");
        assert_string_equal(m->status, "active");
        assert_non_null(catalog_period(m, at("2026-11-25")));
        with_default++;
    }
    assert_true(with_default >= 17);
    assert_null(catalog_default_model(*state, STR("nobody")));
}

/* The rules say where cached and reasoning tokens stand; usage.c must read them so. */
static void rules_and_the_reading_of_usage_agree(void **state)
{
    static const char chat[] =
        "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":%d,"
        "\"prompt_tokens_details\":{\"cached_tokens\":60},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":15}}";
    static const char messages[] =
        "{\"input_tokens\":100,\"output_tokens\":20,\"cache_read_input_tokens\":60,"
        "\"output_tokens_details\":{\"thinking_tokens\":15}}";
    static const char gemini[] =
        "{\"promptTokenCount\":100,\"cachedContentTokenCount\":60,"
        "\"candidatesTokenCount\":20,\"thoughtsTokenCount\":15,\"totalTokenCount\":135}";
    size_t n;
    const struct provider_kind *k = provider_kinds(&n);
    for (size_t i = 0; i < n; i++) {
        char json[512];
        struct usage u;
        struct err e = ERR_INIT;
        if (k[i].catalog == NULL || k[i].usage == USAGE_WIRE_COHERE ||
            k[i].usage == USAGE_WIRE_BEDROCK)
            continue; /* neither says how much of its output was reasoning */
        const struct catalog_rule *r = catalog_rule(*state, str_of(k[i].catalog));
        if (k[i].usage == USAGE_WIRE_ANTHROPIC)
            snprintf(json, sizeof json, "%s", messages);
        else if (k[i].usage == USAGE_WIRE_GEMINI)
            snprintf(json, sizeof json, "%s", gemini);
        else
            snprintf(json, sizeof json, chat, r->reasoning_inside ? 120 : 135);
        assert_int_equal(
            usage_parse(k[i].usage, str_of(k[i].catalog), str_of(json), &u, NULL, &e),
            ERR_OK);
        print_message("# %s\n", k[i].kind);
        assert_int_equal(u.n[USAGE_INPUT], r->read_inside ? 40 : 100);
        assert_int_equal(u.n[USAGE_OUTPUT], r->reasoning_inside ? 5 : 20);
    }
}

/* --- look-ups --- */

static void names_find_models(void **state)
{
    const struct catalog_model *found[4];
    const struct catalog_model *m = catalog_find(*state, STR("openai"), STR("gpt-5.6"));
    assert_string_equal(m->model, "gpt-5.6-sol"); /* an alias */
    m = catalog_find(*state, STR("local"), STR("ollama/qwen3:8b"));
    assert_string_equal(m->price_status, "zero_by_definition");
    assert_null(catalog_find(*state, STR("local"), STR("ollama")));
    assert_null(catalog_find(*state, STR("openai"), STR("gpt-9-imaginary")));
    assert_null(catalog_find(*state, STR("openai"), STR("")));
    assert_null(catalog_find(*state, STR_NONE, STR("gpt-4o")));
    assert_int_equal(catalog_by_id(*state, STR("gpt-6.1-sol"), found, 4), 2);
    assert_string_equal(found[0]->provider, "azure");
    assert_string_equal(found[1]->provider, "openai");
    assert_int_equal(catalog_by_id(*state, STR("gpt-6.1-sol"), found, 0), 2);
}

static void periods_are_half_open(void **state)
{
    const struct catalog_model *m =
        catalog_find(*state, STR("anthropic"), STR("claude-sonnet-5-5"));
    const struct catalog_period *before = catalog_period(m, at("2026-10-06T23:59:59Z"));
    const struct catalog_period *after = catalog_period(m, at("2026-10-07"));
    assert_ptr_equal(after, before + 1);
    assert_string_equal(after->from, "2026-10-07");
    assert_null(after->to);
    assert_null(catalog_period(m, at("2020-01-01")));
}

static void a_schedule_of_a_service_is_followed(void **state)
{
    const struct catalog_model *m =
        catalog_find(*state, STR("openai"), STR("gpt-6.2-sol"));
    assert_int_equal(
        catalog_service(m, STR("ultrafast"), at("2027-02-28T23:59:59Z"))->num, 3);
    assert_int_equal(catalog_service(m, STR("ultrafast"), at("2027-03-01"))->num, 6);
    assert_null(catalog_service(m, STR("warp"), at("2027-03-01")));
    assert_int_equal(catalog_fee(m, STR("web_search"))->usd, 10000000000);
    assert_null(catalog_fee(m, STR("fax")));
}

static void peaks_follow_days_hours_and_holidays(void **state)
{
    static const struct {
        const char *at;
        bool peak;
    } rows[] = {
        {"2026-11-20T00:59:59Z", false}, {"2026-11-20T01:00:00Z", true},
        {"2026-11-20T03:59:59Z", true},  {"2026-11-20T04:00:00Z", false},
        {"2026-11-20T06:00:00Z", true},  {"2026-11-20T10:00:00Z", false},
        {"2026-11-21T02:00:00Z", false}, {"2026-11-23T02:00:00Z", true},
        {"2026-10-07T02:00:00Z", false}, {"2026-10-08T02:00:00Z", true},
    };
    const struct catalog_model *m =
        catalog_find(*state, STR("deepseek"), STR("deepseek-v4-pro"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = at(rows[i].at);
        assert_int_equal(catalog_is_peak(*state, catalog_period(m, us)->peak, us),
                         rows[i].peak);
    }
}

/* --- overriding --- */

#define HEAD                                                                             \
    "date\t2026-11-25\n"                                                                 \
    "source\ttest\tpage\t2026\there\n"                                                   \
    "rule\ta\t-\tinside\tinside\tinside\t-\t-\t-\t-\n"
#define MODEL(id)                                                                        \
    "model\ta\t" id                                                                      \
    "\t-\tchat\tactive\t-\t-\ttools -vision\t-\tpriced\t-\ttest\t-\t-\t-\t-\n"
#define PRICE(id, prices) "price\ta\t" id "\t-\t-\tunknown\t" prices "\ttest\t-\n"

static void the_configuration_overrides_every_price(void **state)
{
    (void)state;
    static const char tsv[] =
        HEAD MODEL("m") "alias\ta\tm\tm-latest\n"
                        "price\ta\tm\t-\t2026-01-01\tunknown\tinput=1 "
                        "output=2\ttest\t-\n"
                        "price\ta\tm\t2026-01-01\t-\tunknown\tinput=3 "
                        "output=4\ttest\t-\n"
                        "band\ta\tm\t2026-01-01\t>100\tinput=6\n";
    struct err e = ERR_INIT;
    struct catalog *c = NULL;
    assert_int_equal(catalog_parse(str_of(tsv), "t", &c, &e), ERR_OK);
    assert_int_equal(catalog_override(c, STR("a"), STR("m-latest"), STR("input"), 7, &e),
                     ERR_OK);
    const struct catalog_model *m = catalog_find(c, STR("a"), STR("m"));
    for (size_t i = 0; i < m->n_periods; i++)
        assert_int_equal(m->periods[i].prices.unit[PRICE_INPUT], 7);
    assert_int_equal(m->periods[1].bands[0].prices.unit[PRICE_INPUT], 7);
    assert_int_equal(m->periods[1].prices.unit[PRICE_OUTPUT], 4000000);
    assert_int_equal(catalog_override(c, STR("b"), STR("n"), STR("output"), 9, &e),
                     ERR_OK);
    assert_int_equal(catalog_override(c, STR("a"), STR("a"), STR("output"), 8, &e),
                     ERR_OK);
    m = catalog_find(c, STR("b"), STR("n"));
    assert_int_equal(catalog_period(m, 0)->prices.unit[PRICE_OUTPUT], 9);
    assert_false(price_set_has(&catalog_period(m, 0)->prices, PRICE_INPUT));
    size_t n;
    m = catalog_models(c, &n);
    assert_int_equal(n, 3);
    assert_string_equal(m[0].model, "a");
    assert_string_equal(m[1].model, "m");
    assert_string_equal(m[2].model, "n");
    assert_int_equal(catalog_override(c, STR("a"), STR("m"), STR("fax"), 1, &e),
                     ERR_INVALID);
    catalog_free(&c);
}

static void a_long_configuration_costs_what_it_holds(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct err e = ERR_INIT;
    struct catalog *c = NULL;
    char model[16];
    assert_int_equal(catalog_parse(STR(HEAD MODEL("m")), "t", &c, &e), ERR_OK);
    for (int i = 0; i < N; i++) {
        snprintf(model, sizeof model, "m%d", i * 7919 % N);
        assert_int_equal(
            catalog_override(c, STR("b"), str_of(model), STR("input"), i + 1, &e),
            ERR_OK);
    }
    size_t n;
    catalog_models(c, &n);
    assert_int_equal(n, N + 1);
    for (int i = 0; i < N; i++) {
        snprintf(model, sizeof model, "m%d", i * 7919 % N);
        const struct catalog_model *m = catalog_find(c, STR("b"), str_of(model));
        assert_int_equal(catalog_period(m, 0)->prices.unit[PRICE_INPUT], i + 1);
    }
    catalog_free(&c);
}

static void an_overriding_file_replaces_whole_models(void **state)
{
    (void)state;
    char base[] = "/tmp/test_catalog.XXXXXX", over[] = "/tmp/test_catalog.XXXXXX";
    static const char first[] =
        HEAD MODEL("b") PRICE("b", "input=1 output=1") MODEL("d") PRICE("d", "input=4");
    static const char second[] = HEAD MODEL("a") PRICE("a", "input=7") MODEL("b")
        PRICE("b", "input=2") MODEL("e") PRICE("e", "input=5");
    struct err e = ERR_INIT;
    struct catalog *c = NULL;
    int fd = mkstemp(base);
    assert_int_equal(write(fd, first, sizeof first - 1), sizeof first - 1);
    close(fd);
    fd = mkstemp(over);
    assert_int_equal(write(fd, second, sizeof second - 1), sizeof second - 1);
    close(fd);
    assert_int_equal(catalog_load(base, over, &c, &e), ERR_OK);
    size_t n;
    const struct catalog_model *m = catalog_models(c, &n);
    assert_int_equal(n, 4);
    static const pico want[] = {7000000, 2000000, 4000000, 5000000};
    for (size_t i = 0; i < n; i++)
        assert_int_equal(m[i].periods[0].prices.unit[PRICE_INPUT], want[i]);
    assert_false(price_set_has(&m[1].periods[0].prices, PRICE_OUTPUT));
    catalog_free(&c);
    unlink(over);
    assert_int_equal(catalog_load(base, over, &c, &e), ERR_OK); /* may be absent */
    catalog_free(&c);
    unlink(base);
    assert_int_equal(catalog_load(base, NULL, &c, &e), ERR_IO);
    assert_null(c);
}

static void the_environment_names_the_file(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 65536);
    setenv("LLMGW_CATALOG", "/x/y.tsv", 1);
    assert_string_equal(catalog_default_path(&a), "/x/y.tsv");
    unsetenv("LLMGW_CATALOG");
    assert_non_null(strstr(catalog_default_path(&a), "catalog.tsv"));
    arena_release(&a);
}

/* --- what is refused --- */

static void a_fault_is_named_with_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *tsv, *text;
    } rows[] = {
        {"modell\tx\n", "t:1: unknown kind of row \"modell\""},
        {"\n# x\nholiday\tCN\n", "t:3: holiday: day: the column is missing"},
        {"holiday\tCN\t\n", "t:1: holiday: day: the cell is empty; \"-\" is none"},
        {"holiday\t-\t2026-01-01\n", "t:1: holiday: calendar: must be given"},
        {"holiday\tCN\t2026-01-01\tx\n", "t:1: holiday: one column too many: \"x\""},
        {"holiday\tCN\t2026-02-30\n",
         "t:1: holiday: day: \"2026-02-30\" is no date or time"},
        {HEAD MODEL("m") MODEL("m"),
         "t:5: model: model: \"a/m\" is out of order or there twice"},
        {HEAD MODEL("m") MODEL("l"),
         "t:5: model: model: \"a/l\" is out of order or there twice"},
        {HEAD PRICE("m", "input=1"),
         "t:4: price: provider: \"a\" is not the provider of the model above"},
        {HEAD MODEL("m") PRICE("n", "input=1"),
         "t:5: price: model: \"n\" is not the model above"},
        {HEAD MODEL("m") PRICE("m", "input=1.0000001"),
         "t:5: price: prices: \"input=1.0000001\" is no exact price"},
        {HEAD MODEL("m") PRICE("m", "input=-1"),
         "t:5: price: prices: \"input=-1\" is no exact price"},
        {HEAD MODEL("m") PRICE("m", "inputs=1"),
         "t:5: price: prices: unknown or doubled component \"inputs=1\""},
        {HEAD MODEL("m") PRICE("m", "input=1 input=2"),
         "t:5: price: prices: unknown or doubled component \"input=2\""},
        {HEAD MODEL("m") "price\ta\tm\t-\t-\tunknown\tinput=1\tnowhere\t-\n",
         "t:5: price: sources: \"nowhere\" has no source row"},
        {HEAD MODEL(
             "m") "price\ta\tm\t2026-02-01\t2026-02-01\tunknown\tinput=1\ttest\t-\n",
         "t:5: price: to: \"2026-02-01\" is not after the begin"},
        {HEAD MODEL("m") PRICE("m", "input=1") PRICE("m", "input=2"),
         "t:6: price: from: \"-\" is before the end of the period above"},
        {HEAD MODEL("m") PRICE("m", "input=1") "band\ta\tm\t2026-01-01\t>1\tinput=2\n",
         "t:6: band: from: is not the begin of the price above"},
        {HEAD MODEL("m") PRICE("m", "input=1") "band\ta\tm\t-\t1\tinput=2\n",
         "t:6: band: limit: \"1\" is no limit such as >272000"},
        {HEAD MODEL("m") PRICE("m", "input=1") "band\ta\tm\t-\t>9\tinput=2\n"
                                               "band\ta\tm\t-\t>9\tinput=3\n",
         "t:7: band: limit: \">9\" is not above the band before"},
        {HEAD MODEL("m") PRICE(
             "m", "input=1") "peak\ta\tm\t-\tevery\t+00:00\t-\t04:00-01:00\tinput=2\n",
         "t:6: peak: hours: \"04:00-01:00\" is no range such as 01:00-04:00"},
        {HEAD MODEL("m") "fee\ta\tm\tfax\t1\n", "t:5: fee: name: unknown word \"fax\""},
        {HEAD "service\ta\tfast\t2\tall\t-\t-\t-\t-\ttest\t-\n",
         "t:4: service: ratio: \"2\" is no ratio"},
        {HEAD "service\ta\tfast\t2/1\t-\t-\t-\t-\t-\ttest\t-\n",
         "t:4: service: ratio: either a ratio on components, or prices"},
        {HEAD
         "model\ta\tm\t-\tchat\tactive\t-\t-\t-\tfast\tpriced\t-\ttest\t-\t-\t-\t-\n",
         "t:4: model: services: \"fast\" has no service row above"},
        {HEAD "model\ta\tm\t-\tchat\tactive\t-\t1000000001\t-\t-\tpriced\t-\ttest\t-\t-"
              "\t-\t-\n",
         "t:4: model: max output: \"1000000001\" is no count from 1 to 1000000000"},
        {HEAD "model\ta\tm\t-\tchat\tactive\t0\t-\t-\t-\tpriced\t-\ttest\t-\t-\t-\t-\n",
         "t:4: model: context: \"0\" is no count from 1 to 1000000000"},
        {HEAD
         "model\ta\tm\t-\tchat\tactive\t-\t-\tflies\t-\tpriced\t-\ttest\t-\t-\t-\t-\n",
         "t:4: model: capabilities: unknown capability \"flies\""},
        {"rule\ta\tnone\tinside\tinside\tinside\t-\t-\t-\t-\n",
         "t:1: rule: default model: no model \"a/none\""},
        {"rule\ta\t-\tinside\tinside\tbeside\t-\t-\t-\t-\n",
         "t:1: rule: reasoning: unknown word \"beside\""},
        {"\xff\n", "t: is no UTF-8 text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct catalog *c = NULL;
        assert_int_equal(catalog_parse(str_of(rows[i].tsv), "t", &c, &e), ERR_SYNTAX);
        assert_string_equal(e.text, rows[i].text);
        assert_null(c);
    }
}

static void names_of_components_and_capabilities(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PRICE_N_; p++)
        assert_int_equal(price_component_by_name(
                             str_of(price_component_name((enum price_component)p))),
                         p);
    assert_int_equal(price_component_by_name(STR("tokens")), PRICE_N_);
    for (unsigned bit = 1; bit <= CAP_EMBEDDING; bit <<= 1)
        assert_int_equal(catalog_cap_by_name(str_of(catalog_cap_name(bit))), bit);
    assert_int_equal(catalog_cap_by_name(STR("json_schema")), CAP_JSON_SCHEMA);
    assert_null(catalog_cap_name(CAP_EMBEDDING << 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_file_is_whole),
        cmocka_unit_test(every_price_has_a_source_and_a_unit_that_can_be_true),
        cmocka_unit_test(default_models_can_be_asked),
        cmocka_unit_test(rules_and_the_reading_of_usage_agree),
        cmocka_unit_test(names_find_models),
        cmocka_unit_test(periods_are_half_open),
        cmocka_unit_test(a_schedule_of_a_service_is_followed),
        cmocka_unit_test(peaks_follow_days_hours_and_holidays),
        cmocka_unit_test(the_configuration_overrides_every_price),
        cmocka_unit_test(a_long_configuration_costs_what_it_holds),
        cmocka_unit_test(an_overriding_file_replaces_whole_models),
        cmocka_unit_test(the_environment_names_the_file),
        cmocka_unit_test(a_fault_is_named_with_line_and_column),
        cmocka_unit_test(names_of_components_and_capabilities),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
