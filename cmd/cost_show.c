/*
 * cost_show.c: `llmgw cost show ID`: the arithmetic of one request, recomputed by the function
 * that priced it: each attempt's quantities, unit prices, ratios and fees, the price row and
 * its date, and whether the sum is what the ledger holds.
 */
#include <stdio.h>
#include <string.h>

#include "core/num.h"
#include "core/price.h"

#include "cmd/cost.h"
#include "cmd/out.h"

enum { SHOW_MAX = 16 * 1024 * 1024 };

struct show {
    struct cmd_ctx *ctx;
    struct report_request request;
    struct report_attempt *attempts;
    /* one per attempt; total PICO_UNKNOWN where nothing is known */
    struct price_cost *costs;
    size_t n;
    pico sum; /* of the recomputed; PICO_UNKNOWN when one is unknown */
};

/* ---- computing ---- */

static bool is_local(const struct cmd_ctx *ctx, const struct report_attempt *t)
{
    const struct conf_provider *p = conf_provider(ctx->conf, t->provider);
    return p != NULL && p->kind->is_local;
}

/* The model of the answer counts; when the catalog does not know it, the one asked for. */
static enum errc price_attempt(struct cmd_ctx *ctx, const struct report_attempt *t,
                               struct price_cost *ret, struct err *e)
{
    struct usage usage = t->usage;
    struct price_query q = {
        .provider = conf_price_provider(ctx->conf, ctx->catalog, t->provider, t->model),
        .model = t->served_model.len > 0 ? t->served_model : t->model,
        .at_us = t->start_us,
        .usage = &usage,
    };
    *ret = (struct price_cost){.total_pico = PICO_UNKNOWN};
    if (!t->has_usage) {
        ret->total_pico = t->cost_pico;
        snprintf(ret->why, sizeof ret->why, "nothing was used");
        return ERR_OK;
    }
    price_facts_read(t->pricing, &q, &usage.explicit_cache);
    enum errc rc = price_cost(ctx->catalog, &q, ret, e);
    if (rc == ERR_OK && ret->total_pico == PICO_UNKNOWN && !str_eq(q.model, t->model)) {
        struct price_cost asked;
        q.model = t->model;
        rc = price_cost(ctx->catalog, &q, &asked, e);
        if (rc == ERR_OK && asked.total_pico != PICO_UNKNOWN)
            *ret = asked;
    }
    if (rc == ERR_OK && ret->total_pico == PICO_UNKNOWN && is_local(ctx, t)) {
        ret->total_pico = 0;
        snprintf(ret->why, sizeof ret->why, "a local server: zero by definition");
    }
    return rc;
}

static enum errc compute(struct show *s, struct db *db, struct str id, struct err *e)
{
    struct arena *a = &s->ctx->arena;
    if (db == NULL)
        return err_set(e, ERR_NOT_FOUND, "no request %.*s: there is no ledger yet",
                       STR_ARG(id));
    enum errc rc = report_find(db, id, a, &s->request, e);
    if (rc == ERR_OK)
        rc = report_attempts(db, s->request.rid, a, &s->attempts, &s->n, e);
    if (rc != ERR_OK)
        return rc;
    s->costs = ARENA_ARRAY(a, s->n + 1, struct price_cost);
    if (s->costs == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < s->n && rc == ERR_OK; i++) {
        rc = price_attempt(s->ctx, &s->attempts[i], &s->costs[i], e);
        if (rc != ERR_OK || s->sum == PICO_UNKNOWN ||
            s->costs[i].total_pico == PICO_UNKNOWN)
            s->sum = PICO_UNKNOWN;
        else
            rc = money_add(s->sum, s->costs[i].total_pico, &s->sum);
    }
    return rc;
}

/* ---- for people ---- */

/* Exact amounts may have more than twelve places: a line shows them rounded, the sum is not. */
static void line_amount(const struct price_line *l, char out[MONEY_TEXT_LEN])
{
    pico amount;
    if (money_scale(l->amount_num, l->amount_den, &amount) != ERR_OK)
        amount = PICO_UNKNOWN;
    money_exact(out, amount);
}

static void text_line(struct buf *b, const struct price_line *l)
{
    char quantity[NUM_TEXT_LEN], unit[MONEY_TEXT_LEN], amount[MONEY_TEXT_LEN];
    num_group(quantity, l->quantity);
    money_exact(unit, l->unit_pico);
    line_amount(l, amount);
    buf_printf(b, "  %-20s %14s x $%s", l->component, quantity, unit);
    if (l->unit_den != 1)
        buf_printf(b, " / %lld", (long long)l->unit_den);
    buf_printf(b, " = $%s%s\n", amount, l->is_fee ? " fee" : "");
}

static void text_prices(struct buf *b, const struct price_cost *c)
{
    if (c->row_id[0] != '\0')
        buf_printf(b, "  prices of %s", c->row_id);
    if (c->band != NULL)
        buf_printf(b, ", prompt %lld tokens: band %s", (long long)c->prompt_tok, c->band);
    if (c->window != NULL)
        buf_printf(b, ", hours: %s", c->window);
    if (c->printed != NULL)
        buf_printf(b, ", service: %s", c->printed);
    if (c->row_id[0] != '\0')
        buf_addc(b, '\n');
    for (size_t i = 0; i < c->n_lines; i++)
        text_line(b, &c->lines[i]);
    for (size_t i = 0; i < c->n_ratios; i++)
        buf_printf(b, "  %s: times %lld/%lld, in the amounts above\n", c->ratios[i].name,
                   (long long)c->ratios[i].num, (long long)c->ratios[i].den);
    if (c->is_disputed)
        buf_addz(b, "  sources conflict on this price\n");
}

static void text_attempt(struct show *s, size_t i, struct buf *b)
{
    const struct report_attempt *t = &s->attempts[i];
    const struct price_cost *c = &s->costs[i];
    char total[MONEY_TEXT_LEN];
    buf_printf(b, "attempt %zu  %.*s/%.*s", i + 1, STR_ARG(t->provider),
               STR_ARG(t->model));
    if (t->served_model.len > 0 && !str_eq(t->served_model, t->model))
        buf_printf(b, " served by %.*s", STR_ARG(t->served_model));
    buf_printf(b, "  %.*s\n", STR_ARG(t->outcome));
    text_prices(b, c);
    money_exact(total, c->total_pico);
    if (c->total_pico == PICO_UNKNOWN)
        buf_printf(b, "  not known: %s\n", c->why);
    else
        buf_printf(b, "  = $%s%s\n", total,
                   t->estimated ? ", from estimated counts" : "");
}

static void text_verdict(struct show *s, struct buf *b)
{
    char recorded[MONEY_TEXT_LEN], sum[MONEY_TEXT_LEN], reported[MONEY_TEXT_LEN];
    const struct report_request *r = &s->request;
    money_exact(recorded, r->cost_pico);
    money_exact(sum, s->sum);
    if (r->cost_pico == PICO_UNKNOWN)
        buf_addz(b, "recorded  not known\n");
    else
        buf_printf(b, "recorded  $%s (%.*s)%s\n", recorded, STR_ARG(r->cost_source),
                   r->cost_pico == s->sum ? ", the same" : "");
    if (r->cost_pico != s->sum && s->sum != PICO_UNKNOWN)
        buf_printf(b,
                   "today's catalog of %s makes it $%s; it was priced by that of %.*s\n",
                   catalog_date(s->ctx->catalog), sum,
                   r->catalog_date.len > 0 ? (int)r->catalog_date.len : 7,
                   r->catalog_date.len > 0 ? r->catalog_date.ptr : "no date");
    if (r->reported_pico != PICO_UNKNOWN) {
        money_exact(reported, r->reported_pico);
        buf_printf(b, "provider  $%s\n", reported);
    }
}

static void write_text(struct show *s, struct buf *b)
{
    char at[CLOCK_TEXT_LEN];
    const struct report_request *r = &s->request;
    clock_rfc3339(at, r->start_us, zone_offset_s(r->start_us), false);
    buf_printf(b, "request %.*s  %s  %.*s\n", STR_ARG(r->id), at, STR_ARG(r->outcome));
    for (size_t i = 0; i < s->n; i++)
        text_attempt(s, i, b);
    if (s->n == 0)
        buf_addz(b, "no attempt was made\n");
    text_verdict(s, b);
}

/* ---- for programs ---- */

static void json_line(struct jw *w, const struct price_line *l)
{
    char amount[MONEY_TEXT_LEN];
    line_amount(l, amount);
    jw_object(w);
    jw_kstrz(w, "component", l->component);
    jw_ki64(w, "quantity", l->quantity);
    jw_key(w, "unit_usd");
    jw_usd(w, l->unit_pico);
    jw_ki64(w, "unit_per", l->unit_den);
    jw_key(w, "amount_usd");
    jw_raw(w, str_of(amount));
    jw_kbool(w, "is_fee", l->is_fee);
    jw_object_end(w);
}

static void json_money(struct jw *w, const char *usd, const char *pusd, pico p)
{
    jw_key(w, usd);
    jw_usd(w, p);
    jw_key(w, pusd);
    if (p == PICO_UNKNOWN)
        jw_null(w);
    else
        jw_i64(w, p);
}

static void json_attempt(struct show *s, size_t i, struct jw *w)
{
    const struct report_attempt *t = &s->attempts[i];
    const struct price_cost *c = &s->costs[i];
    jw_object(w);
    jw_kstr(w, "provider", t->provider);
    jw_kstr(w, "model", t->model);
    jw_kstr(w, "served_model", t->served_model.len > 0 ? t->served_model : t->model);
    jw_kstr(w, "status", t->outcome);
    jw_kbool(w, "estimated", t->estimated);
    jw_kstrz(w, "price_row", c->row_id[0] != '\0' ? c->row_id : NULL);
    jw_kstrz(w, "band", c->band);
    jw_kstrz(w, "window", c->window);
    jw_key(w, "lines");
    jw_array(w);
    for (size_t k = 0; k < c->n_lines; k++)
        json_line(w, &c->lines[k]);
    jw_array_end(w);
    jw_key(w, "ratios");
    jw_array(w);
    for (size_t k = 0; k < c->n_ratios; k++) {
        jw_object(w);
        jw_kstrz(w, "name", c->ratios[k].name);
        jw_ki64(w, "num", c->ratios[k].num);
        jw_ki64(w, "den", c->ratios[k].den);
        jw_object_end(w);
    }
    jw_array_end(w);
    json_money(w, "cost_usd", "cost_pusd", c->total_pico);
    json_money(w, "recorded_usd", "recorded_pusd", t->cost_pico);
    jw_kstrz(w, "why", c->why[0] != '\0' ? c->why : NULL);
    jw_object_end(w);
}

static void write_json(struct show *s, struct buf *b)
{
    struct jw w;
    const struct report_request *r = &s->request;
    jw_init(&w, b);
    jw_object(&w);
    jw_kstrz(&w, "schema", "llmgw.cost.show/1");
    jw_kstr(&w, "id", r->id);
    jw_key(&w, "start");
    jw_time(&w, r->start_us);
    jw_kstr(&w, "status", r->outcome);
    jw_key(&w, "attempts");
    jw_array(&w);
    for (size_t i = 0; i < s->n; i++)
        json_attempt(s, i, &w);
    jw_array_end(&w);
    json_money(&w, "cost_usd", "cost_pusd", s->sum);
    json_money(&w, "recorded_usd", "recorded_pusd", r->cost_pico);
    jw_kstr(&w, "cost_source", r->cost_source);
    json_money(&w, "reported_usd", "reported_pusd", r->reported_pico);
    jw_kstrz(&w, "catalog", catalog_date(s->ctx->catalog));
    jw_object_end(&w);
    buf_addc(b, '\n');
}

enum errc cost_show(struct cmd_ctx *ctx, enum cmd_format format, struct db *db,
                    struct str id, struct err *e)
{
    struct show s = {.ctx = ctx};
    AUTO(buf_release) struct buf b = BUF_INIT(SHOW_MAX);
    AUTO(buf_release) struct buf text = BUF_INIT(SHOW_MAX);
    if (format != FORMAT_TABLE && format != FORMAT_JSON)
        return err_set(e, ERR_USAGE, "cost show: table or json");
    enum errc rc = cmd_need_catalog(ctx, e);
    if (rc == ERR_OK)
        rc = compute(&s, db, id, e);
    if (rc != ERR_OK)
        return rc;
    if (format == FORMAT_JSON)
        write_json(&s, &b);
    else
        write_text(&s, &text);
    out_wrap(&b, &text);
    if (buf_err(&b) != ERR_OK)
        return err_set(e, buf_err(&b), "out of memory");
    return out_write(ctx, buf_str(&b), e);
}
