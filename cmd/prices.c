/*
 * prices.c: `llmgw prices`: the prices in force, one model's prices over time, and what given
 * requests cost, with the arithmetic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/num.h"
#include "core/price_json.h"

#include "cmd/files.h"
#include "cmd/models.h"
#include "cmd/out.h"

struct prices_options {
    const char *grep;
};

static const struct option_row options[] = {
    {'g', "grep", OPT_STRING, offsetof(struct prices_options, grep), .arg = "TEXT",
     .with = "list", .help = "only models with TEXT in a name, an alias or the provider"},
    {0},
};

/* --- list --- */

static const struct out_column list_columns[] = {
    {.name = "provider", .type = OUT_TEXT},
    {.name = "model", .type = OUT_TEXT},
    {.name = "input_usd_per_million", .title = "$/M in", .type = OUT_JSON, .right = true},
    {.name = "output_usd_per_million",
     .title = "$/M out",
     .type = OUT_JSON,
     .right = true},
    {.name = "cache_read_usd_per_million",
     .title = "cache read",
     .type = OUT_JSON,
     .right = true,
     .priority = 1},
    {.name = "since", .type = OUT_TEXT, .priority = 2},
    {.name = "dates", .type = OUT_TEXT, .priority = 3},
    {.name = "price_status", .title = "status", .type = OUT_TEXT, .priority = 4},
    {.name = "disputed", .type = OUT_BOOL, .priority = 5},
    {.name = "sources", .type = OUT_TEXT, .priority = 6, .hidden = true},
};

static void list_row(struct cmd_ctx *ctx, struct out *out, const struct catalog_model *m)
{
    const struct catalog_period *p = catalog_period(m, clock_wall_us(ctx->clock));
    const struct price_set *now = p != NULL ? &p->prices : NULL;
    out_textz(out, m->provider);
    out_textz(out, m->model);
    out_text(out, models_price(ctx, now, PRICE_INPUT));
    out_text(out, models_price(ctx, now, PRICE_OUTPUT));
    out_text(out, models_price(ctx, now, PRICE_CACHE_READ));
    out_textz(out, p != NULL ? p->from : NULL);
    out_textz(out, p != NULL ? p->dates : NULL);
    out_textz(out, m->price_status);
    out_int(out, m->is_disputed || m->is_boundary_disputed);
    out_textz(out, p != NULL ? p->sources : NULL);
    out_row_end(out);
}

static enum errc run_list(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)args;
    const struct prices_options *o = opts;
    AUTO(out_free) struct out *out = NULL;
    const struct catalog_model *all = catalog_models(ctx->catalog, &n);
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_prices), "llmgw.prices/1",
                           list_columns, ARRAY_LEN(list_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (models_match(&all[i], o->grep))
            list_row(ctx, out, &all[i]);
    out_if_empty(out, "no model is like that");
    out_footer(out, "base prices of today, in dollars; catalog of %s",
               catalog_date(ctx->catalog));
    return out_finish(out, e);
}

/* --- show: a row for each price that ever held --- */

enum { DATE_LEN = 10 };

/* A bare name may have several providers, and each several times: those columns stay. */
static const struct out_column show_columns[] = {
    {.name = "provider", .type = OUT_TEXT, .keep = 6, .flows = true},
    {.name = "model", .type = OUT_TEXT, .priority = 4},
    {.name = "from", .type = OUT_TEXT, .keep = DATE_LEN},
    {.name = "to", .type = OUT_TEXT, .keep = DATE_LEN, .priority = 3},
    {.name = "when", .type = OUT_TEXT},
    {.name = "component", .type = OUT_TEXT, .flows = true},
    {.name = "usd", .title = "$", .type = OUT_JSON, .right = true},
    {.name = "per", .type = OUT_INT},
    {.name = "unit_price_pusd", .type = OUT_INT, .hidden = true},
    {.name = "dates", .type = OUT_TEXT, .priority = 5},
    {.name = "sources", .type = OUT_TEXT, .priority = 6},
    {.name = "note", .type = OUT_TEXT, .hidden = true},
};

/* What rows of one model share. */
struct showing {
    struct cmd_ctx *ctx;
    struct out *out;
    const struct catalog_model *m;
};

static void show_prices(const struct showing *s, const struct catalog_period *p,
                        const char *when, const struct price_set *set)
{
    for (unsigned i = 0; i < PRICE_N_; i++) {
        enum price_component c = (enum price_component)i;
        if (!price_set_has(set, c))
            continue;
        out_textz(s->out, s->m->provider);
        out_textz(s->out, s->m->model);
        out_textz(s->out, p->from);
        out_textz(s->out, p->to);
        out_textz(s->out, when);
        out_textz(s->out, price_component_name(c));
        out_text(s->out, models_price(s->ctx, set, c));
        out_int(s->out, price_component_decimals(c) == 6 ? 1000000 : 1);
        out_int(s->out, set->unit[i]);
        out_textz(s->out, p->dates);
        out_textz(s->out, p->sources);
        out_textz(s->out, p->note);
        out_row_end(s->out);
    }
}

/* Ratios, fees and doubts do not fit into rows of prices: lines below them. */
static void show_footers(const struct showing *s)
{
    const struct catalog_model *m = s->m;
    char usd[MONEY_TEXT_LEN];
    for (size_t i = 0; i < m->n_services; i++)
        if (m->services[i]->den != 0)
            out_footer(s->out, "%s/%s: service %s: times %lld/%lld%s", m->provider,
                       m->model, m->services[i]->name, (long long)m->services[i]->num,
                       (long long)m->services[i]->den,
                       m->services[i]->is_unverified ? " (no page prints it)" : "");
    for (size_t i = 0; i < m->n_fees; i++) {
        money_exact(usd, m->fees[i].usd);
        out_footer(s->out, "%s/%s: fee %s: $%s", m->provider, m->model, m->fees[i].name,
                   usd);
    }
    for (size_t i = 0; i < m->n_disputes; i++)
        out_footer(s->out, "%s/%s: disputed: %s is %s by %s; %s", m->provider, m->model,
                   m->disputes[i].component, m->disputes[i].chosen,
                   m->disputes[i].sources, m->disputes[i].others);
}

static void show_model(const struct showing *s)
{
    for (size_t i = 0; i < s->m->n_periods; i++) {
        const struct catalog_period *p = &s->m->periods[i];
        show_prices(s, p, p->peak != NULL ? "off-peak" : "base", &p->prices);
        if (p->peak != NULL)
            show_prices(s, p, "peak", &p->peak->prices);
        for (size_t b = 0; b < p->n_bands; b++)
            show_prices(s, p, p->bands[b].label, &p->bands[b].prices);
    }
    const struct catalog_period always = {.dates = "unknown"};
    for (size_t i = 0; i < s->m->n_services; i++)
        show_prices(s, &always, s->m->services[i]->name, &s->m->services[i]->printed);
    show_footers(s);
}

static enum errc run_show(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    const struct catalog_model *named[MODELS_NAMED_MAX];
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = models_named(ctx, models_meant(ctx, args[0]), named, &n, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_prices), "llmgw.prices.show/1",
                     show_columns, ARRAY_LEN(show_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < n; i++)
        show_model(&(struct showing){.ctx = ctx, .out = out, .m = named[i]});
    return out_finish(out, e);
}

/* --- cost, as text: an item a line --- */

/* "$2 / 1M", "$0.01", "$0.017/60" */
static void add_unit(struct buf *b, const struct price_line *l)
{
    enum { MILLION = 1000000 };
    char usd[MONEY_TEXT_LEN];
    pico unit = l->unit_pico;
    enum price_component p = price_component_by_name(str_of(l->component));
    bool per_million = !l->is_fee && p != PRICE_N_ && price_component_decimals(p) == 6 &&
                       money_mul(unit, MILLION, &unit) == ERR_OK;
    money_exact(usd, unit);
    buf_printf(b, "$%s", usd);
    if (l->unit_den != 1)
        buf_printf(b, "/%lld", (long long)l->unit_den);
    buf_addz(b, per_million ? " / 1M" : "");
}

/* Exact dollars, or rounded ones with a mark. */
static void add_amount(struct buf *b, const struct price_line *l)
{
    char usd[MONEY_TEXT_LEN];
    pico p;
    if (money_scale(l->amount_num, l->amount_den, &p) != ERR_OK)
        p = PICO_UNKNOWN;
    money_exact(usd, p);
    buf_printf(b, "%s$%s", l->amount_den == 1 ? "" : "~", usd);
}

static void add_line(struct buf *b, const struct price_line *l)
{
    AUTO(buf_release) struct buf unit = BUF_INIT(256);
    char quantity[NUM_TEXT_LEN];
    num_group(quantity, l->quantity);
    add_unit(&unit, l);
    buf_printf(b, "  %15s  %-21s  %-18s  ", quantity, l->component, buf_str(&unit).ptr);
    add_amount(b, l);
    buf_addc(b, '\n');
}

static void add_bill(struct buf *b, const struct price_request *r,
                     const struct price_cost *c)
{
    char at[CLOCK_TEXT_LEN], usd[MONEY_TEXT_LEN];
    clock_rfc3339(at, r->query.at_us, 0, false);
    buf_printf(b, "%.*s%s%.*s/%.*s  %s\n", STR_ARG(r->id), r->id.len > 0 ? "  " : "",
               STR_ARG(r->query.provider), STR_ARG(r->query.model), at);
    if (c->total_pico == PICO_UNKNOWN) {
        buf_printf(b, "  unknown: %s\n\n", c->why);
        return;
    }
    buf_printf(b, "  price %s", c->row_id);
    if (c->band != NULL)
        buf_printf(b, ", band %s", c->band);
    if (c->window != NULL)
        buf_printf(b, ", %s", c->window);
    if (c->printed != NULL)
        buf_printf(b, ", prices of %s", c->printed);
    for (size_t i = 0; i < c->n_ratios; i++)
        buf_printf(b, ", %s times %lld/%lld", c->ratios[i].name,
                   (long long)c->ratios[i].num, (long long)c->ratios[i].den);
    buf_printf(b, "%s%s\n", c->is_disputed ? " (disputed)" : "",
               r->mismatch ? " (the usage contradicts itself)" : "");
    for (size_t i = 0; i < c->n_lines; i++)
        add_line(b, &c->lines[i]);
    money_exact(usd, c->total_pico);
    buf_printf(b, "  %-58s  $%s\n\n", c->exact ? "total" : "total, rounded once", usd);
}

/* --- cost, for programs and as a table --- */

static const struct out_column cost_columns[] = {
    {.name = "id", .type = OUT_TEXT},
    {.name = "provider", .type = OUT_TEXT},
    {.name = "model", .type = OUT_TEXT},
    {.name = "at", .type = OUT_TIME, .priority = 2},
    {.name = "total", .title = "cost", .type = OUT_MONEY},
    {.name = "exact", .type = OUT_BOOL, .hidden = true},
    {.name = "reason", .type = OUT_TEXT, .priority = 1},
    {.name = "usage_mismatch", .type = OUT_BOOL, .hidden = true},
    {.name = "price", .type = OUT_JSON, .hidden = true},
    {.name = "lines", .type = OUT_JSON, .hidden = true},
    {.name = "multipliers", .type = OUT_JSON, .hidden = true},
    {.name = "fees", .type = OUT_JSON, .hidden = true},
};

static void add_row(struct out *out, const struct price_request *r,
                    const struct price_cost *c)
{
    bool known = c->total_pico != PICO_UNKNOWN;
    out_text(out, r->id);
    out_text(out, r->query.provider);
    out_text(out, r->query.model);
    out_int(out, r->query.at_us);
    out_money(out, c->total_pico);
    if (known)
        out_int(out, c->exact);
    else
        out_null(out);
    out_textz(out, known ? NULL : c->why);
    out_int(out, r->mismatch);
    for (int i = 0; known && i < 4; i++) {
        struct buf json = BUF_INIT(64 * 1024);
        struct jw w;
        jw_init(&w, &json);
        if (i == 0)
            price_write_row(c, &w);
        else if (i == 2)
            price_write_ratios(c, &w);
        else
            price_write_lines(c, i == 3, &w);
        out_text(out, buf_str(&json));
        buf_release(&json);
    }
    out_row_end(out);
}

/* --- cost --- */

struct costing {
    struct cmd_ctx *ctx;
    struct out *out; /* NULL: bills into `text` */
    struct buf text;
    i128 sum;
    size_t n, n_unknown;
};

static enum errc cost_one(struct costing *k, struct str json, struct err *e)
{
    struct price_request r;
    struct price_cost c;
    enum errc rc = price_request_read(json, &k->ctx->arena, &r, e);
    if (rc == ERR_OK)
        rc = price_cost(k->ctx->catalog, &r.query, &c, e);
    if (rc != ERR_OK)
        return rc;
    k->n++;
    if (c.total_pico == PICO_UNKNOWN)
        k->n_unknown++;
    else
        k->sum += c.total_pico;
    if (k->out != NULL)
        add_row(k->out, &r, &c);
    else
        add_bill(&k->text, &r, &c);
    return ERR_OK;
}

static enum errc cost_lines(struct costing *k, const char *name, struct str text,
                            struct err *e)
{
    struct str line;
    for (size_t n = 1; str_split(&text, '\n', &line); n++) {
        if (str_trim(line).len > 0 && cost_one(k, line, e) != ERR_OK)
            return err_ctx(e, "%s:%zu", name, n);
    }
    return ERR_OK;
}

/* The sum of what is known; how much is not known is told beside it. */
static enum errc cost_end(struct costing *k, struct err *e)
{
    pico sum;
    char usd[MONEY_TEXT_LEN];
    if (money_scale(k->sum, 1, &sum) != ERR_OK)
        sum = PICO_UNKNOWN;
    if (k->out == NULL) {
        AUTO(buf_release) struct buf screen = BUF_INIT(2 * LIMIT_BODY_LEN);
        money_exact(usd, sum);
        buf_printf(&k->text, "%zu request%s, %zu without a price: $%s\n", k->n,
                   k->n == 1 ? "" : "s", k->n_unknown, usd);
        out_wrap(&screen, &k->text);
        if (buf_err(&screen) != ERR_OK)
            return err_set(e, ERR_MEMORY, "the report is too large for memory");
        return out_write(k->ctx, buf_str(&screen), e);
    }
    if (k->n_unknown > 0)
        out_warning(k->out, "%zu of %zu request%s without a price", k->n_unknown, k->n,
                    k->n == 1 ? "" : "s");
    out_textz(k->out, "total");
    for (int i = 1; i < 4; i++)
        out_null(k->out);
    out_money(k->out, sum);
    out_totals(k->out);
    return out_finish(k->out, e);
}

static enum errc run_cost(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    bool from_stdin = n == 0 || strcmp(args[0], "-") == 0;
    const char *name = from_stdin ? "stdin" : args[0];
    AUTO(buf_release) struct buf input = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(out_free) struct out *out = NULL;
    struct costing k = {.ctx = ctx};
    enum cmd_format format = cmd_format(ctx, &cmd_prices);
    enum errc rc = from_stdin ? files_read_fd(STDIN_FILENO, name, &input, e)
                              : files_read(name, &input, e);
    if (rc == ERR_OK && format != FORMAT_TEXT)
        rc = out_new(ctx, format, "llmgw.prices.cost/1", cost_columns,
                     ARRAY_LEN(cost_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    k.out = out;
    buf_init(&k.text, LIMIT_BODY_LEN);
    rc = cost_lines(&k, name, buf_str(&input), e);
    if (rc == ERR_OK)
        rc = cost_end(&k, e);
    buf_release(&k.text);
    return rc;
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},
    {"show", "MODEL", 1, 1, run_show},
    {"cost", "[FILE]", 0, 1, run_cost},
    {0},
};

static const struct cmd_example examples[] = {
    {"llmgw prices -g gemini", "what Gemini models cost today"},
    {"llmgw prices show deepseek-v4-pro",
     "every price that it had, and has at which hour"},
    {"llmgw prices cost -F jsonl <requests.jsonl", "what requests cost, item by item"},
    {0},
};

const struct cmd_entry cmd_prices = {
    .name = "prices",
    .args = "[list | show MODEL | cost [FILE]]",
    .summary = "show prices and price requests",
    .options = options,
    .options_size = sizeof(struct prices_options),
    .needs = CMD_CATALOG | CMD_CONF,
    .formats = 1 << FORMAT_TEXT | 1 << FORMAT_TABLE | 1 << FORMAT_JSON |
               1 << FORMAT_JSONL | 1 << FORMAT_CSV | 1 << FORMAT_TSV |
               1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .subs = subs,
};
