/*
 * test_price.c: worked examples to the pico-dollar, and what must stay unknown.
 *
 * tests/data/price_examples.jsonl holds requests with their totals and line items, each
 * reckoned twice by other means: in fractions, and in decimals from price pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/jscan.h"
#include "core/mem.h"
#include "core/num.h"
#include "core/price_json.h"

#include <cmocka.h>

enum { TEXT_MAX = 4 * 1024 * 1024 };

static char *read_file(const char *name)
{
    char path[4096];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/%s", top != NULL ? top : "..", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, TEXT_MAX);
    assert_non_null(text);
    size_t n = fread(text, 1, TEXT_MAX - 1, f);
    assert_true(n > 0 && n < TEXT_MAX - 1);
    fclose(f);
    return text;
}

struct fixture {
    char *examples, *tsv;
    struct catalog *catalog;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err e = ERR_INIT;
    f->examples = read_file("tests/data/price_examples.jsonl");
    f->tsv = read_file("core/catalog.tsv");
    if (catalog_parse(str_of(f->tsv), "catalog.tsv", &f->catalog, &e) != ERR_OK)
        fail_msg("%s", e.text);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    catalog_free(&f->catalog);
    free(f->examples);
    free(f->tsv);
    free(f);
    return 0;
}

/* --- the examples --- */

static struct price_cost cost_of(const struct catalog *c, struct str json,
                                 struct arena *a)
{
    struct err e = ERR_INIT;
    struct price_request r;
    struct price_cost cost;
    if (price_request_read(json, a, &r, &e) != ERR_OK ||
        price_cost(c, &r.query, &cost, &e) != ERR_OK)
        fail_msg("%.*s: %s", (int)MIN(json.len, (size_t)40), json.ptr, e.text);
    return cost;
}

static struct str field(struct str json, struct jspan object, const char *name)
{
    struct jspan v = jscan_get(json, object, name);
    return v.kind == J_STRING ? jscan_inside(json, v) : jscan_text(json, v);
}

/* One wanted line: found among those made, once, with the same quantity, price and amount. */
static void check_line(const struct price_cost *c, struct str json, struct jspan want,
                       bool is_fee)
{
    struct str name = field(json, want, is_fee ? "fee" : "component");
    const struct price_line *l = NULL;
    char text[PRICE_FRACTION_LEN];
    for (size_t i = 0; i < c->n_lines; i++) {
        if (!str_eqz(name, c->lines[i].component) || c->lines[i].is_fee != is_fee)
            continue;
        assert_null(l);
        l = &c->lines[i];
    }
    if (l == NULL)
        fail_msg("no line %.*s", STR_ARG(name));
    snprintf(text, sizeof text, "%lld", (long long)l->quantity);
    assert_true(str_eqz(field(json, want, "quantity"), text));
    price_fraction(text, l->unit_pico, l->unit_den);
    assert_true(str_eqz(field(json, want, "unit_price_pusd"), text));
    price_fraction(text, l->amount_num, l->amount_den);
    assert_true(str_eqz(field(json, want, "amount_pusd"), text));
}

static size_t check_lines(const struct price_cost *c, struct str json, const char *list,
                          bool is_fee)
{
    size_t n = 0;
    struct jspan lines = jscan_get(json, jscan_root(json), list), one;
    for (size_t it = 0; lines.kind == J_ARRAY && jscan_next(json, lines, &it, &one); n++)
        check_line(c, json, one, is_fee);
    return n;
}

static bool same_time(struct str want, int64_t us, int64_t unbounded)
{
    int64_t t;
    struct err e = ERR_INIT;
    if (str_eqz(want, "null"))
        return us == unbounded;
    return clock_parse_rfc3339(want, &t, &e) == ERR_OK && t == us;
}

static void check_price(const struct price_cost *c, struct str json)
{
    struct jspan price = jscan_get(json, jscan_root(json), "price");
    assert_true(
        same_time(field(json, price, "period_from"), c->period_from_us, INT64_MIN));
    assert_true(same_time(field(json, price, "period_to"), c->period_to_us, INT64_MAX));
    assert_true(str_eqz(field(json, price, "band"), c->band != NULL ? c->band : ""));
    assert_true(
        str_eqz(field(json, price, "window"), c->window != NULL ? c->window : ""));
}

static void every_example_is_exact_to_the_pico_dollar(void **state)
{
    const struct fixture *f = *state;
    struct str rest = str_of(f->examples), json;
    size_t n = 0;
    while (str_split(&rest, '\n', &json) && json.len > 0) {
        struct arena a;
        char total[24] = "null";
        struct jspan root = jscan_root(json);
        arena_init(&a, 1024 * 1024);
        print_message("# %.*s\n", STR_ARG(field(json, root, "id")));
        struct price_cost c = cost_of(f->catalog, json, &a);
        if (c.total_pico != PICO_UNKNOWN)
            snprintf(total, sizeof total, "%lld", (long long)c.total_pico);
        else
            assert_true(str_eqz(field(json, root, "reason"), c.why));
        assert_true(str_eqz(field(json, root, "total_pusd"), total));
        assert_int_equal(check_lines(&c, json, "lines", false) +
                             check_lines(&c, json, "fees", true),
                         c.n_lines);
        if (c.total_pico != PICO_UNKNOWN)
            check_price(&c, json);
        arena_release(&a);
        n++;
    }
    assert_int_equal(n, 81);
}

/* --- every price counts --- */

/* Adds one pico-dollar to each NAME=DOLLARS of a cell. */
static void bump_prices(struct str cell, struct buf *out)
{
    struct str pair;
    for (bool first = true; str_split(&cell, ' ', &pair); first = false) {
        size_t eq = str_find(pair, '=');
        enum price_component p = price_component_by_name(str_sub(pair, 0, eq));
        buf_addz(out, first ? "" : " ");
        if (p == PRICE_N_ || eq == pair.len) {
            buf_adds(out, pair);
            continue;
        }
        int64_t v;
        unsigned places = price_component_decimals(p);
        int64_t one = places == 12 ? 1000000000000 : 1000000;
        assert_int_equal(
            num_decimal(str_sub(pair, eq + 1, pair.len), places, false, false, &v),
            ERR_OK);
        v++;
        buf_printf(out, "%.*s=%lld.%0*lld", STR_ARG(str_sub(pair, 0, eq)),
                   (long long)(v / one), (int)places, (long long)(v % one));
    }
}

static char *bumped_catalog(const char *tsv)
{
    struct buf out = BUF_INIT(TEXT_MAX);
    struct str rest = str_of(tsv), line, cell;
    while (str_split(&rest, '\n', &line)) {
        bool has_prices =
            str_starts(line, STR("price\t")) || str_starts(line, STR("band\t")) ||
            str_starts(line, STR("peak\t")) || str_starts(line, STR("service\t"));
        for (bool first = true; str_split(&line, '\t', &cell); first = false) {
            buf_addz(&out, first ? "" : "\t");
            if (has_prices && str_contains(cell, STR("=")))
                bump_prices(cell, &out);
            else
                buf_adds(&out, cell);
        }
        buf_addc(&out, '\n');
    }
    assert_int_equal(buf_err(&out), ERR_OK);
    char *text = mem_strdup(buf_str(&out).ptr);
    buf_release(&out);
    return text;
}

static void one_pico_dollar_more_per_unit_changes_every_total(void **state)
{
    const struct fixture *f = *state;
    char *tsv = bumped_catalog(f->tsv);
    struct catalog *dearer = NULL;
    struct err e = ERR_INIT;
    struct str rest = str_of(f->examples), json;
    size_t priced = 0;
    if (catalog_parse(str_of(tsv), "dearer.tsv", &dearer, &e) != ERR_OK)
        fail_msg("%s", e.text);
    while (str_split(&rest, '\n', &json) && json.len > 0) {
        struct arena a;
        arena_init(&a, 1024 * 1024);
        struct price_cost before = cost_of(f->catalog, json, &a);
        struct price_cost after = cost_of(dearer, json, &a);
        priced += before.total_pico != PICO_UNKNOWN;
        if (before.total_pico == PICO_UNKNOWN) {
            assert_int_equal(after.total_pico, PICO_UNKNOWN);
        } else {
            assert_true(after.total_pico > before.total_pico);
        }
        arena_release(&a);
    }
    assert_int_equal(priced, 79);
    catalog_free(&dearer);
    free(tsv);
}

/* --- what has no price is unknown --- */

static void what_has_no_price_is_unknown_never_zero(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        const char *json, *why;
    } rows[] = {
        {"{\"provider\":\"openai\",\"model_requested\":\"gpt-4o\",\"at\":\"2020-01-01\","
         "\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":"
         "1}}",
         "no price of that time in the catalogue"},
        {"{\"provider\":\"nobody\",\"model_requested\":\"gpt-4o\",\"at\":\"2026-11-20\","
         "\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":"
         "1}}",
         "model not in the catalogue"},
        {"{\"provider\":\"anthropic\",\"model_requested\":\"claude-opus-5-5\","
         "\"at\":\"2026-11-20\",\"wire\":\"anthropic\",\"service\":\"warp\","
         "\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}",
         "no price for service \"warp\""},
        {"{\"provider\":\"openai\",\"model_requested\":\"gpt-4o\",\"at\":\"2026-11-20\","
         "\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":"
         "1,"
         "\"prompt_tokens_details\":{\"audio_tokens\":4}}}",
         "no price for audio_in"},
        {"{\"provider\":\"openai\",\"model_requested\":\"gpt-realtime-whisper\","
         "\"at\":\"2026-11-20\",\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":9}"
         "}",
         "no price for input"},
        {"{\"provider\":\"openai\",\"model_requested\":\"tts-1\",\"at\":\"2026-11-20\","
         "\"wire\":\"openai_transcription\",\"usage\":{\"type\":\"duration\",\"seconds\":"
         "1}}",
         "no price for audio by time"},
        {"{\"provider\":\"perplexity\",\"model_requested\":\"sonar-pro\","
         "\"at\":\"2026-11-20\",\"wire\":\"perplexity\",\"usage\":{\"prompt_tokens\":9}}",
         "the request fee needs the search context: low, medium or high"},
        {"{\"provider\":\"deepseek\",\"model_requested\":\"deepseek-flash\","
         "\"at\":\"2026-11-20\",\"wire\":\"deepseek_chat\",\"usage\":{\"prompt_tokens\":"
         "9},"
         "\"fees\":[{\"fee\":\"web_search\",\"quantity\":1}]}",
         "no price for web_search"},
        {"{\"provider\":\"openai\",\"model_requested\":\"gpt-6.1-sol\",\"at\":\"2026-11-"
         "20\","
         "\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":"
         "1,"
         "\"prompt_tokens_details\":{\"cache_write_tokens\":4}},"
         "\"context\":{\"cache_ttl\":\"7d\"}}",
         "no price for a cache of \"7d\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        arena_init(&a, 1024 * 1024);
        struct price_cost c = cost_of(f->catalog, str_of(rows[i].json), &a);
        assert_string_equal(c.why, rows[i].why);
        assert_int_equal(c.total_pico, PICO_UNKNOWN);
        assert_int_equal(c.n_lines, 0);
        arena_release(&a);
    }
}

/* --- rules that no example shows; prices as in core/catalog.tsv of 2026-11-22 --- */

static void the_finer_rules_hold(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        const char *what, *json;
        pico want;
    } rows[] = {
        {"xAI's limit is inclusive: everything doubles at 200000",
         "{\"provider\":\"xai\",\"model_requested\":\"grok-4.7\",\"at\":\"2026-11-20\","
         "\"wire\":\"xai_chat\",\"usage\":{\"prompt_tokens\":200000,\"completion_"
         "tokens\":1,"
         "\"total_tokens\":200001}}",
         200000 * (pico)4000000 + 12000000},
        {"a Chinese holiday has no peak",
         "{\"provider\":\"deepseek\",\"model_requested\":\"deepseek-v4-pro\","
         "\"at\":\"2026-10-01T02:30:00Z\",\"wire\":\"deepseek_chat\","
         "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1}}",
         10 * 660000 + 1980000},
        {"a weekend by the Beijing calendar has none",
         "{\"provider\":\"deepseek\",\"model_requested\":\"deepseek-v4-pro\","
         "\"at\":\"2026-11-21T02:30:00Z\",\"wire\":\"deepseek_chat\","
         "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1}}",
         10 * 660000 + 1980000},
        {"ultrafast costs three times the price until its end",
         "{\"provider\":\"openai\",\"model_requested\":\"gpt-6.2-sol\","
         "\"at\":\"2027-02-28T23:59:59Z\",\"wire\":\"openai_chat\",\"service\":"
         "\"ultrafast\","
         "\"usage\":{\"prompt_tokens\":8000,\"completion_tokens\":1500}}",
         (8000 * (pico)2000000 + 1500 * (pico)10000000) * 3},
        {"the tier stands in Anthropic's usage when nobody says it",
         "{\"provider\":\"anthropic\",\"model_requested\":\"claude-haiku-5-5\","
         "\"at\":\"2026-11-20\",\"wire\":\"anthropic\",\"usage\":{\"input_tokens\":20,"
         "\"output_tokens\":0,\"service_tier\":\"batch\",\"inference_geo\":\"us\"}}",
         20 * 100000 / 2 / 10 * 11},
        {"images without a price of their own are text",
         "{\"provider\":\"google\",\"model_requested\":\"gemini-3.8-flash\","
         "\"at\":\"2026-11-20\",\"wire\":\"gemini\",\"usage\":{\"promptTokenCount\":1000,"
         "\"promptTokensDetails\":[{\"modality\":\"IMAGE\",\"tokenCount\":900}]}}",
         1000 * 750000},
        {"Gemini 2.5 bills the grounded request, not its queries",
         "{\"provider\":\"google\",\"model_requested\":\"gemini-2.5-flash\","
         "\"at\":\"2026-11-20\",\"wire\":\"gemini\",\"usage\":{\"promptTokenCount\":10},"
         "\"fees\":[{\"fee\":\"grounding_query\",\"quantity\":3}]}",
         10 * 300000 + 35000000000},
        {"deep research has five meters",
         "{\"provider\":\"perplexity\",\"model_requested\":\"sonar-deep-research\","
         "\"at\":\"2026-11-20\",\"wire\":\"perplexity\",\"usage\":{\"prompt_tokens\":33,"
         "\"completion_tokens\":7163,\"citation_tokens\":20016,\"num_search_queries\":18,"
         "\"reasoning_tokens\":73997}}",
         33 * (pico)2000000 + 7163 * (pico)8000000 + 20016 * (pico)2000000 +
             73997 * (pico)3000000 + 18 * (pico)5000000000},
        {"Qwen's explicit cache: read at a tenth, written at five quarters",
         "{\"provider\":\"alibaba\",\"model_requested\":\"qwen-plus\",\"at\":\"2026-11-"
         "20\","
         "\"wire\":\"qwen_chat\",\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":"
         "0,"
         "\"cache_creation_input_tokens\":400,\"prompt_tokens_details\":{"
         "\"cached_tokens\":500,\"cache_type\":\"ephemeral\"}}}",
         100 * 400000 + 500 * 40000 + 400 * 500000},
        {"thinking makes all of Qwen's output dearer, if no count of it is told",
         "{\"provider\":\"alibaba\",\"model_requested\":\"qwen-plus\",\"at\":\"2026-11-"
         "20\","
         "\"wire\":\"qwen_chat\",\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":"
         "10},\"context\":{\"thinking\":true}}",
         1000 * 400000 + 10 * 4000000},
        {"Kimi's writes without a lifetime live five minutes, an hour when asked",
         "{\"provider\":\"moonshotai\",\"model_requested\":\"kimi-k3.1-pro\","
         "\"at\":\"2026-11-20\",\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":10,"
         "\"completion_tokens\":0,\"cache_write_tokens\":10},\"context\":{\"cache_ttl\":"
         "\"1h\"}}",
         10 * 4000000},
        {"cached audio without a price of its own is not discounted",
         "{\"provider\":\"openai\",\"model_requested\":\"gpt-audio\",\"at\":\"2026-11-"
         "20\","
         "\"wire\":\"openai_realtime\",\"usage\":{\"input_tokens\":100,\"output_tokens\":"
         "0,"
         "\"input_token_details\":{\"audio_tokens\":100,\"cached_tokens\":60,"
         "\"cached_tokens_details\":{\"audio_tokens\":60}}}}",
         100 * (pico)32000000},
        {"speech output without a text price is audio",
         "{\"provider\":\"openai\",\"model_requested\":\"gpt-4o-mini-tts\","
         "\"at\":\"2026-11-20\",\"wire\":\"openai_responses\",\"usage\":{\"input_"
         "tokens\":14,"
         "\"output_tokens\":101,\"total_tokens\":115}}",
         14 * 600000 + 101 * (pico)12000000},
        {"an hour price, rounded half up once",
         "{\"provider\":\"groq\",\"model_requested\":\"whisper-large-v3\","
         "\"at\":\"2026-11-20\",\"wire\":\"openai_transcription\","
         "\"usage\":{\"type\":\"duration\",\"seconds\":0.5}}",
         15416667},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        arena_init(&a, 1024 * 1024);
        print_message("# %s\n", rows[i].what);
        struct price_cost c = cost_of(f->catalog, str_of(rows[i].json), &a);
        assert_string_equal(c.why, "");
        assert_int_equal(c.total_pico, rows[i].want);
        arena_release(&a);
    }
}

static void rounding_happens_once_and_half_up(void **state)
{
    (void)state;
    static const char tsv[] =
        "source\ttest\tpage\t2026\there\n"
        "service\tp\thalf\t1/2\tall\t-\t-\t-\t-\ttest\t-\n"
        "rule\tp\t-\tinside\tinside\tinside\t-\t-\t-\t-\n"
        "model\tp\tm\t-\tchat\tactive\t-\t-\t-\thalf\tpriced\t-\ttest\t-\t-\t-\t-\n"
        "price\tp\tm\t-\t-\tunknown\tinput=0.000001 output=0.000001\ttest\t-\n";
    struct catalog *c = NULL;
    struct err e = ERR_INIT;
    struct usage u;
    struct price_cost cost;
    struct price_query q = {.provider = STR("p"), .model = STR("m"), .usage = &u};
    q.services[q.n_services++] = STR("half");
    assert_int_equal(catalog_parse(str_of(tsv), "t", &c, &e), ERR_OK);
    usage_init(&u);
    usage_set(&u, USAGE_INPUT, 1);
    usage_set(&u, USAGE_OUTPUT, 1);
    assert_int_equal(price_cost(c, &q, &cost, &e), ERR_OK);
    assert_int_equal(cost.total_pico, 1); /* each line alone would round up to 1 */
    assert_true(cost.exact);
    usage_set(&u, USAGE_OUTPUT, 2);
    assert_int_equal(price_cost(c, &q, &cost, &e), ERR_OK);
    assert_int_equal(cost.total_pico, 2); /* 1.5 */
    assert_false(cost.exact);
    catalog_free(&c);
}

static void a_ratio_is_of_the_prices_that_it_names(void **state)
{
    (void)state;
    static const char tsv[] =
        "source\ttest\tpage\t2026\there\n"
        "service\tp\thalf\t1/2\tinput output\t-\t-\t-\t-\ttest\t-\n"
        "model\tp\tm\t-\tchat\tactive\t-\t-\t-\thalf\tpriced\t-\ttest\t-\t-\t-\t-\n"
        "price\tp\tm\t-\t-\tunknown\tinput=2 output=4 cache_read=1\ttest\t-\n";
    struct catalog *c = NULL;
    struct err e = ERR_INIT;
    struct usage u;
    struct price_cost cost;
    struct price_query q = {.provider = STR("p"), .model = STR("m"), .usage = &u};
    q.services[q.n_services++] = STR("half");
    assert_int_equal(catalog_parse(str_of(tsv), "t", &c, &e), ERR_OK);
    usage_init(&u);
    usage_set(&u, USAGE_INPUT, 10);
    usage_set(&u, USAGE_OUTPUT, 100);
    usage_set(&u, USAGE_CACHE_READ, 1000);
    assert_int_equal(price_cost(c, &q, &cost, &e), ERR_OK);
    assert_int_equal(cost.total_pico, (10 * 2 / 2 + 100 * 4 / 2 + 1000) * 1000000);
    catalog_free(&c);
}

static void more_than_can_be_counted_is_an_error(void **state)
{
    const struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct usage u;
    struct price_cost cost = {.total_pico = 77};
    usage_init(&u);
    usage_set(&u, USAGE_INPUT, INT64_MAX);
    usage_set(&u, USAGE_CACHE_READ, INT64_MAX);
    struct price_query q = {.provider = STR("openai"),
                            .model = STR("gpt-6.1-sol"),
                            .at_us = 1795132800 * (int64_t)US_PER_S,
                            .usage = &u};
    assert_int_equal(price_cost(f->catalog, &q, &cost, &e), ERR_RANGE);
    assert_int_equal(cost.total_pico, 77);
}

static void an_estimate_is_the_price_of_its_counts(void **state)
{
    const struct fixture *f = *state;
    int64_t at_us = 1795132800 * (int64_t)US_PER_S; /* 2026-11-20 */
    assert_int_equal(price_estimate(f->catalog, STR("openai"), STR("gpt-6.1-sol"),
                                    STR_NONE, at_us, 1000, 400, 50),
                     600 * 2000000 + 400 * 100000 + 50 * 10000000);
    /* one that the account is in, and one that the model does not have */
    assert_int_equal(price_estimate(f->catalog, STR("openai"), STR("gpt-6.1-sol"),
                                    STR("regional_processing"), at_us, 1000, 400, 50),
                     (600 * 2000000 + 400 * 100000 + 50 * 10000000) / 10 * 11);
    assert_int_equal(price_estimate(f->catalog, STR("openai"), STR("gpt-6.1-sol"),
                                    STR("data_zone"), at_us, 1000, 400, 50),
                     600 * 2000000 + 400 * 100000 + 50 * 10000000);
    assert_int_equal(price_estimate(f->catalog, STR("local"), STR("ollama/any:8b"),
                                    STR_NONE, at_us, 9, 0, 9),
                     0);
    assert_int_equal(
        price_estimate(f->catalog, STR("openai"), STR("none"), STR_NONE, at_us, 1, 0, 1),
        PICO_UNKNOWN);
}

static void a_bad_request_names_its_fault(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"[]", NULL},
        {"{\"provider\":\"openai\"}", "\"model_requested\" must be a text"},
        {"{\"provider\":\"openai\",\"servce\":\"batch\"}",
         "request: unknown key \"servce\" (did you mean \"service\"?)"},
        {"{\"provider\":\"openai\",\"model_requested\":\"m\",\"at\":\"yesterday\"}",
         "\"at\" must be a time such as 2026-11-20T12:00:00Z"},
        {"{\"provider\":\"openai\",\"model_requested\":\"m\",\"at\":\"2026-11-20\","
         "\"wire\":\"fax\"}",
         "unknown wire \"fax\""},
        {"{\"provider\":\"openai\",\"model_requested\":\"m\",\"at\":\"2026-11-20\","
         "\"wire\":\"openai_chat\"}",
         "\"usage\" must be an object"},
        {"{\"provider\":\"openai\",\"model_requested\":\"m\",\"at\":\"2026-11-20\","
         "\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":\"9\"}}",
         "usage: \"prompt_tokens\" is no count"},
        {"{\"provider\":\"openai\",\"model_requested\":\"m\",\"at\":\"2026-11-20\","
         "\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":9},\"context\":{\"ttl\":"
         "1}}",
         "context: unknown key \"ttl\" (did you mean \"cache_ttl\"?)"},
        {"{\"provider\":\"openai\",\"model_requested\":\"m\",\"at\":\"2026-11-20\","
         "\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":9},\"service\":[1]}",
         "\"service\" must be a text"},
        {"{\"provider\":\"openai\",\"model_requested\":\"m\",\"at\":\"2026-11-20\","
         "\"wire\":\"openai_chat\",\"usage\":{\"prompt_tokens\":9},"
         "\"fees\":[{\"fee\":\"input\",\"quantity\":1}]}",
         "unknown fee \"input\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct err e = ERR_INIT;
        struct price_request r = {.mismatch = true};
        arena_init(&a, 1024 * 1024);
        assert_int_not_equal(price_request_read(str_of(rows[i].json), &a, &r, &e),
                             ERR_OK);
        if (rows[i].text != NULL)
            assert_string_equal(e.text, rows[i].text);
        assert_true(r.mismatch); /* untouched */
        arena_release(&a);
    }
}

/* The ledger keeps them as a line, and `cost show` reads it. */
static void the_facts_of_a_query_go_both_ways(void **state)
{
    (void)state;
    static const char line[] =
        "batch data_zone ttl=12h context=high thinking explicit-cache";
    struct price_query q = {.at_us = 1};
    struct usage u;
    AUTO(buf_release) struct buf b = BUF_INIT(200);
    usage_init(&u);
    q.usage = &u;
    price_facts_write(&q, &b);
    assert_int_equal(b.len, 0);
    price_facts_read(STR(line), &q, &u.explicit_cache);
    assert_int_equal(q.n_services, 2);
    assert_true(str_eqz(q.services[1], "data_zone") && str_eqz(q.cache_ttl, "12h"));
    assert_true(str_eqz(q.search_context, "high") && q.thinking && u.explicit_cache);
    price_facts_write(&q, &b);
    assert_string_equal(b.data, line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_facts_of_a_query_go_both_ways),
        cmocka_unit_test(every_example_is_exact_to_the_pico_dollar),
        cmocka_unit_test(one_pico_dollar_more_per_unit_changes_every_total),
        cmocka_unit_test(what_has_no_price_is_unknown_never_zero),
        cmocka_unit_test(the_finer_rules_hold),
        cmocka_unit_test(rounding_happens_once_and_half_up),
        cmocka_unit_test(a_ratio_is_of_the_prices_that_it_names),
        cmocka_unit_test(more_than_can_be_counted_is_an_error),
        cmocka_unit_test(an_estimate_is_the_price_of_its_counts),
        cmocka_unit_test(a_bad_request_names_its_fault),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
