/*
 * models.c: `llmgw models`: what the catalog knows of models; lists them, shows one.
 */
#include "cmd/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/near.h"

#include "cmd/key_source.h"
#include "cmd/locals.h"
#include "cmd/out.h"

struct models_options {
    const char *grep, *capability, *sort;
    pico max_price;
    bool all, usable;
};

#define AT(field) .offset = offsetof(struct models_options, field)

static const struct option_row options[] = {
    {'g', "grep", OPT_STRING, AT(grep), .arg = "TEXT", .group = "which", .with = "list",
     .help = "only models with TEXT in a name, an alias or the provider"},
    {0, "capability", OPT_STRING, AT(capability), .arg = "LIST", .with = "list",
     .help = "only models that have all of LIST: tools, vision, json_schema, reasoning, "
             "audio_in, audio_out, prefill, prompt_caching, pdf_in, video_in, image_out"},
    {0, "max-price", OPT_MONEY, AT(max_price), .arg = "USD", .with = "list",
     .help = "only models whose input and output cost at most USD per million tokens"},
    {0, "usable", OPT_FLAG, AT(usable), .with = "list",
     .help = "only models that chat can be held with here: their provider has a key, or "
             "needs none and answers on this machine"},
    {'a', "all", OPT_FLAG, AT(all), .with = "list", .help = "retired models too"},
    {0, "sort", OPT_CHOICE, AT(sort), .arg = "BY", .values = "name|price|context|latency",
     .with = "list",
     .help =
         "by name, price (cheapest first), context (largest first), or latency: who has "
         "begun to answer soonest of late, by your ledger"},
    {0},
};

#undef AT

static void init(void *opts)
{
    struct models_options *o = opts;
    o->sort = "name";
    o->max_price = PICO_UNKNOWN;
}

/* --- names --- */

bool models_match(const struct catalog_model *m, const char *text)
{
    char lower[LIMIT_NAME_LEN];
    size_t n = 0;
    if (text == NULL)
        return true;
    for (; text[n] != '\0' && n < sizeof lower; n++)
        lower[n] = (char)(text[n] >= 'A' && text[n] <= 'Z' ? text[n] + 32 : text[n]);
    struct str wanted = {lower, n};
    bool found = str_icontains(str_of(m->model), wanted) ||
                 str_icontains(str_of(m->provider), wanted);
    for (size_t i = 0; !found && i < m->n_aliases; i++)
        found = str_icontains(str_of(m->aliases[i]), wanted);
    return found;
}

static enum errc not_found(struct cmd_ctx *ctx, const char *name, struct err *e)
{
    size_t n;
    struct near near;
    char hint[NEAR_TEXT_LEN];
    const struct catalog_model *all = catalog_models(ctx->catalog, &n);
    bool has_provider = strchr(name, '/') != NULL;
    near_init(&near, str_of(name));
    for (size_t i = 0; i < n; i++)
        near_offerz(&near, has_provider ? arena_printf(&ctx->arena, "%s/%s",
                                                       all[i].provider, all[i].model)
                                        : all[i].model);
    near_hint(&near, 3, hint);
    return err_set(e, ERR_NOT_FOUND, "no model \"%s\" in the catalog%s", name,
                   hint[0] != '\0' ? hint : "\nhint: llmgw models");
}

/* "PROVIDER/MODEL", the provider by the user's name for it or the catalog's; NULL if it is none. */
static const struct catalog_model *named_at(struct cmd_ctx *ctx, struct str name,
                                            struct str *ret_provider)
{
    size_t slash = str_find(name, '/');
    if (slash >= name.len)
        return NULL;
    struct str model = str_sub(name, slash + 1, name.len);
    *ret_provider = str_sub(name, 0, slash);
    return catalog_find(
        ctx->catalog, conf_price_provider(ctx->conf, ctx->catalog, *ret_provider, model),
        model);
}

enum errc models_named(struct cmd_ctx *ctx, const char *name,
                       const struct catalog_model *ret[MODELS_NAMED_MAX], size_t *ret_n,
                       struct err *e)
{
    struct str provider;
    const struct catalog_model *m = named_at(ctx, str_of(name), &provider);
    size_t n = catalog_by_id(ctx->catalog, str_of(name), ret, MODELS_NAMED_MAX);
    if (m != NULL) {
        ret[0] = m;
        n = 1;
    }
    if (n == 0)
        return not_found(ctx, name, e);
    *ret_n = MIN(n, (size_t)MODELS_NAMED_MAX);
    return ERR_OK;
}

struct str models_price(struct cmd_ctx *ctx, const struct price_set *s,
                        enum price_component p)
{
    enum { MILLION = 1000000 };
    char text[MONEY_TEXT_LEN];
    pico usd = s != NULL && price_set_has(s, p) ? s->unit[p] : PICO_UNKNOWN;
    if (usd == PICO_UNKNOWN ||
        (price_component_decimals(p) == 6 && money_mul(usd, MILLION, &usd) != ERR_OK))
        return STR_NONE;
    money_exact(text, usd);
    return arena_str(&ctx->arena, str_of(text));
}

/* --- list --- */

struct listed {
    const struct catalog_model *m;
    const char *provider;        /* as a user names it */
    const struct price_set *now; /* NULL: no price today */
    bool usable, is_default;
    bool is_near;    /* of a server on this machine, which tells what it has */
    int64_t ttft_us; /* −1: never asked, or not wanted */
};

/* Who sells a model here: the provider as the user calls it, and whether it can be asked. */
struct seller {
    const struct conf_provider *p;
    bool can_ask;
};

struct sellers {
    struct seller *items; /* arena */
    size_t n;
};

/* Providers in use; those that only lack a key cannot be asked. */
static enum errc find_sellers(struct cmd_ctx *ctx, struct sellers *ret, struct err *e)
{
    const struct conf *c = ctx->conf;
    *ret = (struct sellers){.n = c->n_providers};
    ret->items = ARENA_ARRAY(&ctx->arena, c->n_providers + 1, struct seller);
    if (ret->items == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < c->n_providers; i++)
        ret->items[i] = (struct seller){&c->providers[i], key_can_ask(&c->providers[i])};
    return ERR_OK;
}

/* One row for many names: none that could be asked for. */
static bool is_pattern(const struct catalog_model *m)
{
    return str_ends(str_of(m->model), STR("*"));
}

static struct listed look_at(struct cmd_ctx *ctx, const struct catalog_model *m,
                             const struct seller *by)
{
    const struct catalog_period *p = catalog_period(m, clock_wall_us(ctx->clock));
    const char *preset = catalog_default_model(ctx->catalog, str_of(m->provider));
    return (struct listed){
        .m = m,
        .provider = by != NULL ? by->p->name : m->provider,
        .now = p != NULL ? &p->prices : NULL,
        .usable = by != NULL && by->can_ask && catalog_can_chat(m) && !is_pattern(m),
        .is_near = by != NULL && by->p->kind->is_local && conf_provider_is_near(by->p),
        .is_default = preset != NULL && strcmp(preset, m->model) == 0,
        .ttft_us = -1,
    };
}

/*
 * The model once for each provider that sells it here, under the name that `chat -m` takes; once
 * under the catalog's when nobody does. A name "PROVIDER/…" asks for that provider's only.
 * At most sellers + 1; how many.
 */
static size_t look_around(struct cmd_ctx *ctx, const struct sellers *s, const char *name,
                          const struct catalog_model *m, struct listed *ret)
{
    size_t n = 0;
    struct str by = STR_NONE;
    bool is_one = named_at(ctx, str_of(name), &by) == m;
    for (size_t i = 0; i < s->n; i++) {
        const struct conf_provider *p = s->items[i].p;
        bool sells = conf_serves(p, m) || strcmp(p->name, m->provider) == 0;
        if (sells && (!is_one || str_eqz(by, p->name)))
            ret[n++] = look_at(ctx, m, &s->items[i]);
    }
    if (n == 0)
        ret[n++] = look_at(ctx, m, NULL);
    return n;
}

static bool costs_at_most(const struct price_set *s, pico per_million)
{
    static const enum price_component both[] = {PRICE_INPUT, PRICE_OUTPUT};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        pico usd;
        if (s == NULL ||
            (price_set_has(s, both[i]) &&
             (money_mul(s->unit[both[i]], 1000000, &usd) != ERR_OK || usd > per_million)))
            return false;
    }
    return s->known != 0;
}

static enum errc read_capabilities(const char *list, unsigned *ret, struct err *e)
{
    struct str rest = str_of(list), name;
    *ret = 0;
    while (str_split(&rest, ',', &name)) {
        name = str_trim(name);
        /* as the routes' conditions call it */
        unsigned cap =
            str_eqz(name, "json") ? CAP_JSON_SCHEMA : catalog_cap_by_name(name);
        if (cap == 0)
            return err_set(e, ERR_USAGE, "--capability: no capability \"%.*s\"",
                           STR_ARG(name));
        *ret |= cap;
    }
    return ERR_OK;
}

static bool is_chosen(const struct models_options *o, unsigned caps,
                      const struct listed *l)
{
    const struct catalog_model *m = l->m;
    return (o->all || !catalog_is_retired(m)) &&
           (!o->usable || (l->usable && !l->is_near)) && (m->caps_yes & caps) == caps &&
           (models_match(m, o->grep) ||
            str_icontains(str_of(l->provider), str_of(o->grep))) &&
           (o->max_price == PICO_UNKNOWN || costs_at_most(l->now, o->max_price));
}

/* Three of input to one of output, as most chats are; models without a price come last. */
static pico sort_price(const struct listed *l)
{
    if (l->now == NULL || !price_set_has(l->now, PRICE_INPUT))
        return INT64_MAX;
    pico in = MIN(l->now->unit[PRICE_INPUT], INT64_MAX / 8);
    return 3 * in + MIN(l->now->unit[PRICE_OUTPUT], INT64_MAX / 8);
}

/* The catalog's order, by name, is kept among equals. */
static int by_name(const struct listed *a, const struct listed *b)
{
    return (a->m > b->m) - (a->m < b->m);
}

static int by_price(const void *x, const void *y)
{
    const struct listed *a = x, *b = y;
    pico pa = sort_price(a), pb = sort_price(b);
    return pa != pb ? (pa > pb) - (pa < pb) : by_name(a, b);
}

static int by_context(const void *x, const void *y)
{
    const struct listed *a = x, *b = y;
    int64_t ca = a->m->context_tok, cb = b->m->context_tok;
    return ca != cb ? (ca < cb) - (ca > cb) : by_name(a, b);
}

static int by_latency(const void *x, const void *y)
{
    const struct listed *a = x, *b = y;
    uint64_t la = (uint64_t)a->ttft_us,
             lb = (uint64_t)b->ttft_us; /* unknown comes last */
    return la != lb ? (la > lb) - (la < lb) : by_name(a, b);
}

static struct str cap_words(struct cmd_ctx *ctx, unsigned caps)
{
    struct buf b = BUF_INIT(1024);
    for (unsigned bit = 1; bit <= CAP_EMBEDDING; bit <<= 1)
        if (caps & bit)
            buf_printf(&b, "%s%s", b.len > 0 ? " " : "", catalog_cap_name(bit));
    struct str words = arena_str(&ctx->arena, buf_str(&b));
    buf_release(&b);
    return words;
}

/* 0 is "not known" in the catalog. */
static void show_count(struct out *out, int64_t n)
{
    if (n > 0)
        out_int(out, n);
    else
        out_null(out);
}

static const struct out_column list_columns[] = {
    {.name = "provider", .type = OUT_TEXT},
    {.name = "model", .type = OUT_TEXT},
    {.name = "input_usd_per_million", .title = "$/M in", .type = OUT_JSON, .right = true},
    {.name = "output_usd_per_million",
     .title = "$/M out",
     .type = OUT_JSON,
     .right = true},
    {.name = "context_tokens", .title = "context", .type = OUT_TOKENS, .priority = 1},
    {.name = "max_output_tokens", .title = "output", .type = OUT_TOKENS, .priority = 3},
    {.name = "mode", .type = OUT_TEXT, .priority = 4},
    {.name = "status", .type = OUT_TEXT, .priority = 5},
    {.name = "usable", .type = OUT_BOOL, .priority = 6},
    {.name = "default", .type = OUT_BOOL, .priority = 7},
    {.name = "capabilities", .type = OUT_TEXT, .priority = 8},
    {.name = "ttft", .type = OUT_DURATION, .hidden = true},
};
enum { TTFT_COLUMN = ARRAY_LEN(list_columns) - 1 };

static void list_row(struct cmd_ctx *ctx, struct out *out, const struct listed *l)
{
    const struct catalog_model *m = l->m;
    out_textz(out, l->provider);
    out_textz(out, m->model);
    out_text(out, models_price(ctx, l->now, PRICE_INPUT));
    out_text(out, models_price(ctx, l->now, PRICE_OUTPUT));
    show_count(out, m->context_tok);
    show_count(out, m->max_output_tok);
    out_textz(out, m->mode);
    out_textz(out, m->status);
    out_int(out, l->usable);
    out_int(out, l->is_default);
    out_text(out, cap_words(ctx, m->caps_yes));
    if (l->ttft_us >= 0)
        out_int(out, l->ttft_us);
    else
        out_null(out);
    out_row_end(out);
}

/* A ledger that cannot be read is in the way of no list but the one that needs it. */
static enum errc read_speeds(struct cmd_ctx *ctx, const struct models_options *o,
                             struct models_speeds *ret, struct err *e)
{
    bool is_needed = strcmp(o->sort, "latency") == 0;
    bool is_shown = is_needed || ctx->global.fields != NULL ||
                    cmd_format(ctx, &cmd_models) != FORMAT_TABLE;
    *ret = (struct models_speeds){.n = 0};
    enum errc rc = is_shown ? models_speeds(ctx, ret, e) : ERR_OK;
    if (rc == ERR_OK || is_needed)
        return rc;
    err_clear(e);
    *ret = (struct models_speeds){.n = 0};
    return ERR_OK;
}

static void sort(struct listed *list, size_t n, const char *how)
{
    static const struct {
        const char *name;
        int (*order)(const void *, const void *);
    } rows[] = {{"price", by_price}, {"context", by_context}, {"latency", by_latency}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(how, rows[i].name) == 0)
            qsort(list, n, sizeof *list, rows[i].order);
}

/* What it costs there: nothing, unless the configuration says otherwise. */
static const struct price_set *local_price(struct cmd_ctx *ctx, const char *provider,
                                           const char *model)
{
    static const struct price_set nothing = {.known =
                                                 1U << PRICE_INPUT | 1U << PRICE_OUTPUT};
    const struct catalog_model *m =
        catalog_find(ctx->catalog, str_of(provider), str_of(model));
    const struct catalog_period *p =
        m != NULL ? catalog_period(m, clock_wall_us(ctx->clock)) : NULL;
    return p != NULL ? &p->prices : &nothing;
}

/* What servers on this machine have, at the end of the list; how many. */
static size_t add_locals(struct cmd_ctx *ctx, const struct models_options *o,
                         unsigned caps, const struct models_speeds *speeds,
                         struct listed *list)
{
    struct local_server servers[LOCALS_MAX];
    size_t n = locals_find(ctx, servers), chosen = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < servers[i].n_models; k++) {
            const struct catalog_model *m = &servers[i].models[k];
            struct listed *l = &list[chosen];
            *l = (struct listed){.m = m,
                                 .provider = m->provider,
                                 .now = local_price(ctx, m->provider, m->model),
                                 .usable = catalog_can_chat(m),
                                 .ttft_us = models_ttft_us(speeds, m->provider, m)};
            chosen += is_chosen(o, caps, l);
        }
    return chosen;
}

static enum errc run_list(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)args;
    const struct models_options *o = opts;
    AUTO(out_free) struct out *out = NULL;
    unsigned caps;
    struct models_speeds speeds;
    struct out_column shown[ARRAY_LEN(list_columns)];
    memcpy(shown, list_columns, sizeof list_columns);
    shown[TTFT_COLUMN].hidden = strcmp(o->sort, "latency") != 0;
    enum errc rc = read_capabilities(o->capability, &caps, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_models), "llmgw.models/1", shown,
                     ARRAY_LEN(shown), &out, e);
    if (rc == ERR_OK)
        rc = read_speeds(ctx, o, &speeds, e);
    if (rc != ERR_OK)
        return rc;
    struct sellers sellers;
    rc = find_sellers(ctx, &sellers, e);
    if (rc != ERR_OK)
        return rc;
    const struct catalog_model *all = catalog_models(ctx->catalog, &n);
    size_t n_near = o->usable ? (size_t)LOCALS_MAX * LOCALS_MODELS_MAX : 0;
    struct listed *list =
        ARENA_ARRAY(&ctx->arena, (n + 1) * (sellers.n + 1) + n_near, struct listed);
    if (list == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    size_t chosen = 0;
    for (size_t i = 0; i < n; i++) {
        size_t from = chosen,
               end = from + look_around(ctx, &sellers, NULL, &all[i], list + from);
        for (size_t k = from; k < end; k++)
            if (is_chosen(o, caps, &list[k])) {
                list[chosen] = list[k];
                list[chosen].ttft_us =
                    models_ttft_us(&speeds, list[k].provider, list[k].m);
                chosen++;
            }
    }
    if (o->usable)
        chosen += add_locals(ctx, o, caps, &speeds, list + chosen);
    sort(list, chosen, o->sort);
    for (size_t i = 0; i < chosen; i++)
        list_row(ctx, out, &list[i]);
    out_if_empty(out, "no model is like that");
    out_footer(out, "%zu model%s; prices of today, catalog of %s", chosen,
               chosen == 1 ? "" : "s", catalog_date(ctx->catalog));
    return out_finish(out, e);
}

/* --- show --- */

static const struct out_column show_columns[] = {
    {.name = "provider", .type = OUT_TEXT},
    {.name = "model", .type = OUT_TEXT},
    {.name = "aliases", .type = OUT_TEXT},
    {.name = "family", .type = OUT_TEXT},
    {.name = "mode", .type = OUT_TEXT},
    {.name = "status", .type = OUT_TEXT},
    {.name = "context_tokens", .title = "context", .type = OUT_INT},
    {.name = "max_output_tokens", .title = "max output", .type = OUT_INT},
    {.name = "has", .type = OUT_TEXT},
    {.name = "lacks", .type = OUT_TEXT},
    {.name = "services", .type = OUT_TEXT},
    {.name = "input_usd_per_million", .title = "$/M in", .type = OUT_JSON},
    {.name = "output_usd_per_million", .title = "$/M out", .type = OUT_JSON},
    {.name = "price_status", .type = OUT_TEXT},
    {.name = "disputed", .type = OUT_BOOL},
    {.name = "shutdown", .type = OUT_TEXT},
    {.name = "replacement", .type = OUT_TEXT},
    {.name = "usable", .type = OUT_BOOL},
    {.name = "default", .type = OUT_BOOL},
    {.name = "basis", .type = OUT_TEXT},
    {.name = "note", .type = OUT_TEXT},
};

static struct str join_aliases(struct cmd_ctx *ctx, const struct catalog_model *m)
{
    const char *all = "";
    for (size_t i = 0; i < m->n_aliases; i++)
        all = arena_printf(&ctx->arena, "%s%s%s", all, i > 0 ? " " : "", m->aliases[i]);
    return str_of(m->n_aliases > 0 ? all : NULL);
}

/* The tiers that are offered today, with their ratios. */
static struct str join_services(struct cmd_ctx *ctx, const struct catalog_model *m)
{
    const char *all = NULL;
    int64_t now_us = clock_wall_us(ctx->clock);
    for (size_t i = 0; i < m->n_services; i++) {
        const struct catalog_service *s = m->services[i];
        if (now_us < s->from_us || now_us >= s->to_us)
            continue;
        const char *before = all != NULL ? all : "", *gap = all != NULL ? " " : "";
        all = s->den == 0
                  ? arena_printf(&ctx->arena, "%s%s%s=printed", before, gap, s->name)
                  : arena_printf(&ctx->arena, "%s%s%s=%lld/%lld", before, gap, s->name,
                                 (long long)s->num, (long long)s->den);
    }
    return str_of(all);
}

static void show_row(struct cmd_ctx *ctx, struct out *out, const struct listed *l)
{
    const struct catalog_model *m = l->m;
    out_textz(out, l->provider);
    out_textz(out, m->model);
    out_text(out, join_aliases(ctx, m));
    out_textz(out, m->family);
    out_textz(out, m->mode);
    out_textz(out, m->status);
    show_count(out, m->context_tok);
    show_count(out, m->max_output_tok);
    out_text(out, cap_words(ctx, m->caps_yes));
    out_text(out, cap_words(ctx, m->caps_no));
    out_text(out, join_services(ctx, m));
    out_text(out, models_price(ctx, l->now, PRICE_INPUT));
    out_text(out, models_price(ctx, l->now, PRICE_OUTPUT));
    out_textz(out, m->price_status);
    out_int(out, m->is_disputed || m->is_boundary_disputed);
    out_textz(out, m->shutdown);
    out_textz(out, m->replacement);
    out_int(out, l->usable);
    out_int(out, l->is_default);
    out_textz(out, m->basis);
    out_textz(out, m->note);
    out_row_end(out);
}

static enum errc run_show(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    const struct catalog_model *named[MODELS_NAMED_MAX];
    AUTO(out_free) struct out *out = NULL;
    struct sellers sellers;
    const char *name = models_meant(ctx, args[0]);
    enum errc rc = models_named(ctx, name, named, &n, e);
    if (rc == ERR_OK)
        rc = find_sellers(ctx, &sellers, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_models), "llmgw.models.show/1",
                     show_columns, ARRAY_LEN(show_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    struct listed *rows = ARENA_ARRAY(&ctx->arena, sellers.n + 1, struct listed);
    if (rows == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    out_vertical(out);
    for (size_t i = 0; i < n; i++) {
        size_t n_rows = look_around(ctx, &sellers, name, named[i], rows);
        for (size_t k = 0; k < n_rows; k++)
            show_row(ctx, out, &rows[k]);
    }
    return out_finish(out, e);
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},
    {"show", "MODEL", 1, 1, run_show},
    {"alias", "[list | set NAME MODEL | rm NAME]", 0, 3, models_alias},
    {"default", "[MODEL]", 0, 1, models_default},
    {"refresh", "[PROVIDER]", 0, 1, models_refresh},
    {0},
};

static const struct cmd_example examples[] = {
    {"llmgw models --capability tools,vision --max-price 3 --sort price",
     "cheap models that see and call tools"},
    {"llmgw models show claude-haiku-5-5", "what is known of one"},
    {"llmgw models -g qwen -j", "for programs"},
    {"llmgw models alias set smart anthropic/claude-sonnet-5", "a name of one's own"},
    {"llmgw models refresh", "what providers serve that the catalog does not know"},
    {"llmgw models default smart", "what is asked when nobody says"},
    {0},
};

const struct cmd_entry cmd_models = {
    .name = "models",
    .args = "[list | show MODEL | alias [set NAME MODEL; rm NAME] | default [MODEL] | "
            "refresh [PROVIDER]]",
    .summary = "list and show models, and name them",
    .options = options,
    .options_size = sizeof(struct models_options),
    .init = init,
    .needs = CMD_CATALOG | CMD_CONF,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
};
