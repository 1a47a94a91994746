/*
 * price.c: usage times price row; see price.h. Pure arithmetic: fractions of 128 bits, one
 * rounding at the end. Knows no wire and reads no clock.
 *
 *     model -> period -> peak or not -> band -> services -> counters -> lines -> fees -> sum
 */
#include "core/price.h"

#include <stdio.h>
#include <string.h>

/* What the steps have found so far. */
struct work {
    const struct catalog *c;
    const struct price_query *q;
    struct price_cost *out;
    const struct catalog_model *model;
    const struct catalog_rule *rule; /* NULL: none */
    const struct catalog_period *period;
    struct price_set prices;
    const struct catalog_service *ratio[PRICE_SERVICES];
    bool no_cache_discount;
    int64_t n[USAGE_N_];            /* counters, moved to the classes that are priced */
    enum price_component output_by; /* what prices visible output */
    i128 num, den;                  /* the sum of all lines */
    bool overflow;
};

/* --- fractions --- */

static i128 gcd(i128 a, i128 b)
{
    while (b != 0) {
        i128 r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static void reduce(i128 *num, i128 *den)
{
    i128 g = gcd(*num, *den);
    if (g > 1) {
        *num /= g;
        *den /= g;
    }
}

static i128 times(struct work *w, i128 a, i128 b)
{
    i128 product = 0;
    w->overflow |= __builtin_mul_overflow(a, b, &product);
    return product;
}

static void multiply(struct work *w, i128 *num, i128 *den, i128 by_num, i128 by_den)
{
    *num = times(w, *num, by_num);
    *den = times(w, *den, by_den);
    reduce(num, den);
}

static void add_to_sum(struct work *w, i128 num, i128 den)
{
    i128 mine = times(w, w->num, den), other = times(w, num, w->den);
    w->overflow |= __builtin_add_overflow(mine, other, &w->num);
    w->den = times(w, w->den, den);
    reduce(&w->num, &w->den);
}

/* --- which prices hold --- */

static bool unknown(struct work *w, const char *fmt, ...) PRINTF(2, 3);

static bool unknown(struct work *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->out->why, sizeof w->out->why, fmt, ap);
    va_end(ap);
    return false;
}

static bool find_period(struct work *w)
{
    const struct price_query *q = w->q;
    w->model = q->row != NULL ? q->row : catalog_find(w->c, q->provider, q->model);
    if (w->model == NULL)
        return unknown(w, "model not in the catalogue");
    if (strcmp(w->model->price_status, "by_served_model") == 0)
        return unknown(w, "price is that of the served model");
    w->rule = catalog_rule(w->c, q->provider);
    w->period = catalog_period(w->model, q->at_us);
    if (w->period == NULL)
        return unknown(w, "no price of that time in the catalogue");
    w->prices = w->period->prices;
    struct price_cost *out = w->out;
    out->period_from_us = w->period->from_us;
    out->period_to_us = w->period->to_us;
    out->is_disputed = w->model->is_disputed;
    return true;
}

static void apply_peak(struct work *w)
{
    const struct catalog_peak *peak = w->period->peak;
    if (peak == NULL)
        return;
    bool is_peak = catalog_is_peak(w->c, peak, w->q->at_us);
    w->out->window = is_peak ? "peak" : "off-peak";
    if (is_peak)
        price_set_replace(&w->prices, &peak->prices);
}

/* The last band that the whole prompt passes, cached tokens and all. */
static void apply_band(struct work *w)
{
    int64_t prompt = w->out->prompt_tok = usage_input_tok(w->q->usage);
    const struct catalog_band *chosen = NULL;
    for (size_t i = 0; i < w->period->n_bands; i++) {
        const struct catalog_band *b = &w->period->bands[i];
        if (prompt > b->limit_tok || (b->inclusive && prompt == b->limit_tok))
            chosen = b;
    }
    if (w->period->n_bands > 0)
        w->out->band = chosen != NULL ? chosen->label : "base";
    if (chosen != NULL)
        price_set_replace(&w->prices, &chosen->prices);
}

/* Names that providers give to the service at list price. */
static bool is_standard(struct str service)
{
    static const char *const names[] = {"", "standard", "default", "on_demand", "auto"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eqz(service, names[i]))
            return true;
    return false;
}

static bool apply_service(struct work *w, struct str name)
{
    struct price_cost *out = w->out;
    const struct catalog_service *s = catalog_service(w->model, name, w->q->at_us);
    if (s == NULL)
        return unknown(w, "no price for service \"%.*s\"", STR_ARG(name));
    w->no_cache_discount |= s->no_cache_discount;
    out->is_disputed |= s->is_unverified;
    if (s->den == 0) {
        price_set_replace(&w->prices, &s->printed);
        out->printed = s->name;
        return true;
    }
    w->ratio[out->n_ratios] = s;
    out->ratios[out->n_ratios].name = s->name;
    out->ratios[out->n_ratios].num = s->num;
    out->ratios[out->n_ratios].den = s->den;
    out->n_ratios++;
    return true;
}

static bool apply_services(struct work *w)
{
    for (size_t i = 0; i < w->q->n_services && i < PRICE_SERVICES; i++)
        if (!is_standard(w->q->services[i]) && !apply_service(w, w->q->services[i]))
            return false;
    return true;
}

static bool has(const struct work *w, enum price_component p)
{
    return price_set_has(&w->prices, p);
}

/* --- counters: what has no price of its own goes where it is billed --- */

static void move(struct work *w, enum usage_class from, enum usage_class to)
{
    w->overflow |= __builtin_add_overflow(w->n[to], w->n[from], &w->n[to]);
    w->n[from] = 0;
}

static void move_unpriced(struct work *w, enum usage_class from, enum price_component p,
                          enum usage_class to)
{
    if (!has(w, p))
        move(w, from, to);
}

/* Images and video without a price of their own are input tokens, and so is audio at some. */
static void move_media(struct work *w)
{
    move_unpriced(w, USAGE_IMAGE_CACHE_READ, PRICE_IMAGE_CACHE_READ, USAGE_CACHE_READ);
    move_unpriced(w, USAGE_IMAGE_IN, PRICE_IMAGE_IN, USAGE_INPUT);
    move_unpriced(w, USAGE_VIDEO_IN, PRICE_VIDEO_IN, USAGE_INPUT);
    if (has(w, PRICE_AUDIO_IN))
        move_unpriced(w, USAGE_AUDIO_CACHE_READ, PRICE_AUDIO_CACHE_READ, USAGE_AUDIO_IN);
    else
        move_unpriced(w, USAGE_AUDIO_CACHE_READ, PRICE_AUDIO_CACHE_READ,
                      USAGE_CACHE_READ);
    if (w->rule != NULL && w->rule->audio_as_text)
        move_unpriced(w, USAGE_AUDIO_IN, PRICE_AUDIO_IN, USAGE_INPUT);
}

/* Writes whose lifetime the wire did not tell: the request's, else the one that has a price. */
static bool move_writes(struct work *w)
{
    static const struct {
        const char *ttl;
        enum usage_class c;
    } lifetimes[] = {
        {"5m", USAGE_CACHE_WRITE_5M},
        {"30m", USAGE_CACHE_WRITE_30M},
        {"1h", USAGE_CACHE_WRITE_1H},
        {"12h", USAGE_CACHE_WRITE_12H},
    };
    enum usage_class told = USAGE_N_;
    for (size_t i = 0; i < ARRAY_LEN(lifetimes); i++)
        if (str_eqz(w->q->cache_ttl, lifetimes[i].ttl))
            told = lifetimes[i].c;
    int64_t *n = w->n;
    bool any = n[USAGE_CACHE_WRITE_5M] > 0 || n[USAGE_CACHE_WRITE_30M] > 0;
    if (any && w->q->cache_ttl.len > 0 && told == USAGE_N_)
        return unknown(w, "no price for a cache of \"%.*s\"", STR_ARG(w->q->cache_ttl));
    if (told == USAGE_CACHE_WRITE_1H || told == USAGE_CACHE_WRITE_12H) {
        move(w, USAGE_CACHE_WRITE_5M, told);
        move(w, USAGE_CACHE_WRITE_30M, told);
    } else if (has(w, PRICE_CACHE_WRITE_5M)) {
        move_unpriced(w, USAGE_CACHE_WRITE_30M, PRICE_CACHE_WRITE_30M,
                      USAGE_CACHE_WRITE_5M);
    } else if (has(w, PRICE_CACHE_WRITE_30M)) {
        move(w, USAGE_CACHE_WRITE_5M, USAGE_CACHE_WRITE_30M);
    }
    return true;
}

/* Reasoning is output unless priced apart; it may make all output dearer (Qwen). */
static void choose_output(struct work *w)
{
    bool thinking = w->q->thinking || w->n[USAGE_REASONING] > 0;
    move_unpriced(w, USAGE_REASONING, PRICE_REASONING, USAGE_OUTPUT);
    w->output_by = PRICE_OUTPUT;
    if (thinking && has(w, PRICE_OUTPUT_THINKING))
        w->output_by = PRICE_OUTPUT_THINKING;
    else if (!has(w, PRICE_OUTPUT) && has(w, PRICE_AUDIO_OUT))
        w->output_by = PRICE_AUDIO_OUT; /* speech: all output is audio */
    else if (!has(w, PRICE_OUTPUT) && has(w, PRICE_IMAGE_OUT))
        w->output_by = PRICE_IMAGE_OUT;
}

static bool count(struct work *w)
{
    memcpy(w->n, w->q->usage->n, sizeof w->n);
    if (w->no_cache_discount) {
        move(w, USAGE_CACHE_READ, USAGE_INPUT);
        move(w, USAGE_AUDIO_CACHE_READ, USAGE_AUDIO_IN);
        move(w, USAGE_IMAGE_CACHE_READ, USAGE_IMAGE_IN);
    }
    move_media(w);
    choose_output(w);
    return move_writes(w);
}

/* --- lines --- */

static struct price_line *new_line(struct work *w, const char *component,
                                   int64_t quantity, pico unit, int64_t unit_den)
{
    struct price_line *l = &w->out->lines[w->out->n_lines++];
    *l = (struct price_line){
        .component = component,
        .quantity = quantity,
        .unit_pico = unit,
        .unit_den = unit_den,
        .amount_num = times(w, unit, quantity),
        .amount_den = unit_den,
    };
    reduce(&l->amount_num, &l->amount_den);
    return l;
}

/* A line whose component is multiplied by the services that name it. */
static void price_line(struct work *w, enum price_component p, const char *name,
                       int64_t quantity, pico unit, int64_t unit_den)
{
    struct price_line *l = new_line(w, name, quantity, unit, unit_den);
    for (size_t i = 0; i < w->out->n_ratios; i++)
        if (w->ratio[i]->on >> p & 1)
            multiply(w, &l->amount_num, &l->amount_den, w->ratio[i]->num,
                     w->ratio[i]->den);
    add_to_sum(w, l->amount_num, l->amount_den);
}

/* A cache counter without a price: the provider's ratio of input, else the input price. */
static bool price_cache(struct work *w, enum usage_class c, enum price_component p)
{
    bool is_read = c == USAGE_CACHE_READ;
    enum catalog_ratio r = !is_read                      ? RATIO_EXPLICIT_WRITE
                           : w->q->usage->explicit_cache ? RATIO_EXPLICIT_READ
                                                         : RATIO_IMPLICIT_READ;
    pico unit = w->prices.unit[PRICE_INPUT];
    int64_t den = 1;
    if (!has(w, PRICE_INPUT))
        return unknown(w, "no price for %s", price_component_name(p));
    if (w->rule != NULL && w->rule->ratios[r].den != 0) {
        w->overflow |= __builtin_mul_overflow(unit, w->rule->ratios[r].num, &unit);
        den = w->rule->ratios[r].den;
    }
    price_line(w, p, price_component_name(p), w->n[c], unit, den);
    return true;
}

static bool price_audio_time(struct work *w)
{
    enum { MS_PER_S = 1000, S_PER_MIN = 60, S_PER_HOUR = 3600 };
    int64_t ms = w->n[USAGE_AUDIO_MS];
    enum price_component p =
        has(w, PRICE_AUDIO_MINUTE) ? PRICE_AUDIO_MINUTE : PRICE_AUDIO_HOUR;
    int64_t den = p == PRICE_AUDIO_MINUTE ? S_PER_MIN : S_PER_HOUR;
    if (!has(w, p))
        return unknown(w, "no price for audio by time");
    if (ms % MS_PER_S == 0)
        price_line(w, p, "seconds", ms / MS_PER_S, w->prices.unit[p], den);
    else
        price_line(w, p, "milliseconds", ms, w->prices.unit[p], den * MS_PER_S);
    return true;
}

/* How a class finds its price; the classes that are not here are fees. */
static const struct meter {
    enum usage_class c;
    enum price_component p;
    bool is_cache;
} meters[] = {
    {USAGE_INPUT, PRICE_INPUT, false},
    {USAGE_CACHE_READ, PRICE_CACHE_READ, true},
    {USAGE_CACHE_WRITE_5M, PRICE_CACHE_WRITE_5M, true},
    {USAGE_CACHE_WRITE_30M, PRICE_CACHE_WRITE_30M, true},
    {USAGE_CACHE_WRITE_1H, PRICE_CACHE_WRITE_1H, true},
    {USAGE_CACHE_WRITE_12H, PRICE_CACHE_WRITE_12H, true},
    {USAGE_AUDIO_IN, PRICE_AUDIO_IN, false},
    {USAGE_AUDIO_CACHE_READ, PRICE_AUDIO_CACHE_READ, false},
    {USAGE_IMAGE_IN, PRICE_IMAGE_IN, false},
    {USAGE_IMAGE_CACHE_READ, PRICE_IMAGE_CACHE_READ, false},
    {USAGE_VIDEO_IN, PRICE_VIDEO_IN, false},
    {USAGE_OUTPUT, PRICE_OUTPUT, false},
    {USAGE_REASONING, PRICE_REASONING, false},
    {USAGE_AUDIO_OUT, PRICE_AUDIO_OUT, false},
    {USAGE_IMAGE_OUT, PRICE_IMAGE_OUT, false},
    {USAGE_CITATION, PRICE_CITATION, false},
    {USAGE_SEARCH_UNIT, PRICE_SEARCH_UNIT, false},
    {USAGE_PAGE, PRICE_PAGE, false},
    {USAGE_ANNOTATED_PAGE, PRICE_ANNOTATED_PAGE, false},
    {USAGE_CHARACTER, PRICE_CHARACTER, false},
    {USAGE_CHARACTER_OUT, PRICE_CHARACTER_OUT, false},
};

static bool price_meter(struct work *w, const struct meter *m)
{
    enum price_component p = m->c == USAGE_OUTPUT ? w->output_by : m->p;
    if (w->n[m->c] == 0)
        return true;
    if (!has(w, p))
        return m->is_cache ? price_cache(w, m->c, p)
                           : unknown(w, "no price for %s", price_component_name(p));
    price_line(w, p, price_component_name(p), w->n[m->c], w->prices.unit[p], 1);
    return true;
}

static bool price_meters(struct work *w)
{
    enum { S_PER_HOUR = 3600 };
    for (size_t i = 0; i < ARRAY_LEN(meters); i++)
        if (!price_meter(w, &meters[i]))
            return false;
    if (w->n[USAGE_CACHE_STORAGE_S] > 0) {
        if (!has(w, PRICE_CACHE_STORAGE_HOUR))
            return unknown(w, "no price for cache_storage_hour");
        price_line(w, PRICE_CACHE_STORAGE_HOUR, "cache_storage_seconds",
                   w->n[USAGE_CACHE_STORAGE_S], w->prices.unit[PRICE_CACHE_STORAGE_HOUR],
                   S_PER_HOUR);
    }
    return w->n[USAGE_AUDIO_MS] == 0 || price_audio_time(w);
}

/* --- fees: by call, not multiplied --- */

static void add_fee(struct work *w, const char *name, int64_t quantity, pico usd)
{
    struct price_line *l = new_line(w, name, quantity, usd, 1);
    l->is_fee = true;
    add_to_sum(w, l->amount_num, l->amount_den);
}

/* What a request costs with a search as wide as this one; NULL: it was not told how wide. */
static const struct catalog_fee *request_fee(const struct work *w)
{
    char name[32];
    snprintf(name, sizeof name, "request_%.*s",
             STR_ARG(str_sub(w->q->search_context, 0, 16)));
    return catalog_fee(w->model, str_of(name));
}

/* Perplexity: by request, as wide as the search was. Its queries are in it unless priced. */
static bool add_request_fee(struct work *w)
{
    bool has_fee = catalog_fee(w->model, STR("request_low")) != NULL;
    const struct catalog_fee *fee = has_fee ? request_fee(w) : NULL;
    if (has_fee && fee == NULL)
        return unknown(w,
                       "the request fee needs the search context: low, medium or high");
    if (has_fee)
        add_fee(w, "request_fee", 1, fee->usd);
    int64_t queries = w->n[USAGE_SEARCH_QUERY];
    if (queries == 0 || (has_fee && !has(w, PRICE_SEARCH)))
        return true;
    if (!has(w, PRICE_SEARCH))
        return unknown(w, "no price for per_search");
    price_line(w, PRICE_SEARCH, price_component_name(PRICE_SEARCH), queries,
               w->prices.unit[PRICE_SEARCH], 1);
    return true;
}

static bool add_fees(struct work *w)
{
    static const enum usage_class calls[] = {
        USAGE_WEB_SEARCH,      USAGE_FILE_SEARCH,       USAGE_X_SEARCH,
        USAGE_CODE_EXECUTION,  USAGE_ATTACHMENT_SEARCH, USAGE_COLLECTIONS_SEARCH,
        USAGE_GROUNDING_QUERY, USAGE_GROUNDED_REQUEST,
    };
    /* Gemini 2.5 bills the request that was grounded, later ones each query. */
    if (w->n[USAGE_GROUNDING_QUERY] > 0 &&
        catalog_fee(w->model, STR("grounding_query")) == NULL) {
        w->n[USAGE_GROUNDED_REQUEST] = MAX(w->n[USAGE_GROUNDED_REQUEST], 1);
        w->n[USAGE_GROUNDING_QUERY] = 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (w->n[calls[i]] == 0)
            continue;
        const char *name = usage_class_name(calls[i]);
        const struct catalog_fee *fee = catalog_fee(w->model, str_of(name));
        if (fee == NULL)
            return unknown(w, "no price for %s", name);
        add_fee(w, name, w->n[calls[i]], fee->usd);
    }
    return add_request_fee(w);
}

/* --- the whole --- */

static bool price_all(struct work *w)
{
    if (w->q->usage->known == 0)
        return unknown(w, "usage not known");
    if (!find_period(w))
        return false;
    apply_peak(w);
    apply_band(w);
    return apply_services(w) && count(w) && price_meters(w) && add_fees(w);
}

/* Fills *out; false when it is more than can be counted. */
static bool reckon(struct work *w, const struct catalog *c, const struct price_query *q,
                   struct price_cost *out)
{
    memset(out, 0, offsetof(struct price_cost, lines)); /* most have two of the lines */
    out->total_pico = PICO_UNKNOWN;
    out->period_from_us = INT64_MIN;
    out->period_to_us = INT64_MAX;
    *w = (struct work){.c = c, .q = q, .out = out, .den = 1};
    bool known = price_all(w);
    if (w->overflow || (known && money_scale(w->num, w->den, &out->total_pico) != ERR_OK))
        return false;
    out->exact = known && w->den == 1;
    if (!known)
        out->n_lines = 0;
    return true;
}

/* "provider/model@begin of the period" */
static void name_row(const struct work *w, char *out, size_t size)
{
    const char *from = w->period->from;
    const char *const parts[] = {w->model->provider, "/", w->model->model, "@",
                                 from != NULL ? from : "-"};
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        len += str_copy(out + len, size - len, str_of(parts[i]));
}

enum errc price_cost(const struct catalog *c, const struct price_query *q,
                     struct price_cost *ret, struct err *e)
{
    struct price_cost out;
    struct work w;
    if (!reckon(&w, c, q, &out))
        return err_set(e, ERR_RANGE, "price of %.*s/%.*s: more than can be counted",
                       STR_ARG(q->provider), STR_ARG(q->model));
    if (w.period != NULL)
        name_row(&w, out.row_id, sizeof out.row_id);
    memcpy(ret, &out,
           offsetof(struct price_cost, lines) + out.n_lines * sizeof out.lines[0]);
    return ERR_OK;
}

pico price_estimate_row(const struct catalog *c, const struct catalog_model *m,
                        struct str provider, struct str service, int64_t at_us,
                        int64_t in_tok, int64_t cached_tok, int64_t out_tok)
{
    struct usage u;
    struct price_cost out;
    struct work w;
    if (m == NULL)
        return PICO_UNKNOWN;
    usage_init(&u);
    usage_set(&u, USAGE_INPUT, MAX(in_tok - cached_tok, 0));
    usage_set(&u, USAGE_CACHE_READ, MIN(cached_tok, in_tok));
    usage_set(&u, USAGE_OUTPUT, out_tok);
    u.estimated = true;
    struct price_query q = {.provider = provider,
                            .model = str_of(m->model),
                            .row = m,
                            .at_us = at_us,
                            .usage = &u};
    if (service.len > 0 && catalog_service(m, service, at_us) != NULL)
        q.services[q.n_services++] = service;
    return reckon(&w, c, &q, &out) ? out.total_pico : PICO_UNKNOWN;
}

pico price_estimate(const struct catalog *c, struct str provider, struct str model,
                    struct str service, int64_t at_us, int64_t in_tok, int64_t cached_tok,
                    int64_t out_tok)
{
    return price_estimate_row(c, catalog_find(c, provider, model), provider, service,
                              at_us, in_tok, cached_tok, out_tok);
}
