/*
 * replay_show.c: the table of a run: what was recorded, and beside it what each target made, or
 * would make, of the same requests. Knows nothing of how they were chosen or sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/price.h"
#include "core/zone.h"

#include "cmd/out.h"
#include "cmd/replay.h"
#include "cmd/stat.h"

/* In the order of struct replay_summary's cells; those of the metrics last but two. */
enum { FIRST_METRIC = 11, JSON_OK = FIRST_METRIC + AGREE_N_ - 1 };
static const struct out_column columns[] = {
    {.name = "against", .title = "", .type = OUT_TEXT, .soft = 28},
    {.name = "requests", .type = OUT_INT, .priority = 5},
    {.name = "cost", .type = OUT_MONEY},
    {.name = "cost_change",
     .title = "change",
     .type = OUT_PPM,
     .priority = 1,
     .is_change = true},
    {.name = "p50", .type = OUT_DURATION, .priority = 3},
    {.name = "p95", .type = OUT_DURATION, .priority = 4},
    {.name = "exact", .type = OUT_PPM, .priority = 2},
    {.name = "agree", .type = OUT_PPM},
    {.name = "agree_low", .title = "95 % from", .type = OUT_PPM, .priority = 3},
    {.name = "agree_high", .title = "to", .type = OUT_PPM, .priority = 3},
    {.name = "errors", .type = OUT_INT, .priority = 1},
    {.name = "norm", .type = OUT_PPM, .priority = 2, .hidden = true},
    {.name = "json", .type = OUT_PPM, .priority = 2, .hidden = true},
    {.name = "contains", .type = OUT_PPM, .priority = 2, .hidden = true},
    {.name = "rouge", .type = OUT_PPM, .priority = 2, .hidden = true},
    {.name = "cmd", .type = OUT_PPM, .priority = 2, .hidden = true},
    {.name = "json_ok",
     .title = "json ok",
     .type = OUT_PPM,
     .priority = 3,
     .hidden = true},
    {.name = "unpriced", .type = OUT_INT, .hidden = true},
    {.name = "compared", .type = OUT_INT, .hidden = true},
    {.name = "cost_per_agree", .type = OUT_MONEY, .hidden = true},
};

static void add_cost(pico *sum, pico cost)
{
    pico total;
    if (cost != PICO_UNKNOWN && *sum != PICO_UNKNOWN &&
        money_add(*sum, cost, &total) == ERR_OK)
        *sum = total;
    else
        *sum = PICO_UNKNOWN;
}

/* (now − before) / before in parts per million; false when it cannot be said. */
static bool change_ppm(pico before, pico now, int64_t *ret)
{
    if (before == PICO_UNKNOWN || now == PICO_UNKNOWN || before <= 0)
        return false;
    i128 ppm = ((i128)now - before) * 1000000 / before;
    *ret = (int64_t)ppm;
    return true;
}

/* ---- adding up ---- */

static void count(struct replay_summary *s, const struct replay_item *item,
                  const struct replay_result *r, bool asks_json, int64_t *samples)
{
    if (s->is_dry ? !r->is_due : r->outcome == ERR_AGAIN)
        return;
    if (r->outcome != ERR_OK && !s->is_dry) {
        s->n_errors++;
        return;
    }
    if (samples != NULL)
        samples[s->n_answered] = r->total_us;
    s->n_answered++;
    s->n_asked_json += asks_json && !s->is_dry;
    s->n_json += asks_json && !s->is_dry && r->is_json;
    s->n_compared += replay_is_compared(item, r);
    s->n_agree += replay_agrees(item, r);
    for (unsigned m = 0; m < AGREE_N_; m++) {
        s->n_known[m] += r->known >> m & 1;
        s->n_by[m] += r->agree >> m & 1;
    }
    s->n_unpriced += r->cost_pico == PICO_UNKNOWN;
    add_cost(&s->cost_pico, r->cost_pico);
    add_cost(&s->recorded_pico, item->cost_pico);
}

/* What a file brought has no record: no cost, no duration. */
static void count_record(struct replay_summary *s, const struct replay_item *item,
                         bool asks_json, int64_t *samples)
{
    if (item->start_us == 0)
        return;
    if (samples != NULL)
        samples[s->n_answered] = item->total_us;
    s->n_answered++;
    s->n_asked_json += asks_json && item->answer.ptr != NULL;
    s->n_json += asks_json && item->answer.ptr != NULL && agree_is_json(item->answer);
    s->n_unpriced += item->cost_pico == PICO_UNKNOWN;
    add_cost(&s->cost_pico, item->cost_pico);
}

void replay_summarise(const struct replay_selection *sel, size_t target, bool is_dry,
                      struct replay_summary *ret)
{
    bool is_record = target == REPLAY_RECORDED;
    int64_t *samples =
        is_dry && !is_record
            ? NULL
            : mem_alloc(MAX(sel->n * sel->n_repeats, (size_t)1), sizeof *samples);
    struct replay_summary s = {
        .name = is_record ? "recorded" : sel->against[target],
        .is_record = is_record,
        .is_dry = is_dry,
        .p50_us = -1,
        .p95_us = -1,
    };
    for (size_t i = 0; i < sel->n; i++) {
        const struct replay_item *item = &sel->items[i];
        bool asks_json = agree_preset(item->body) == AGREE_JSON;
        if (is_record)
            count_record(&s, item, asks_json, samples);
        for (size_t k = 0; !is_record && k < sel->n_repeats; k++)
            count(&s, item, &item->results[target * sel->n_repeats + k], asks_json,
                  samples);
    }
    if (samples != NULL && s.n_answered > 0) {
        s.p50_us = stat_quantile(samples, s.n_answered, 500);
        s.p95_us = stat_quantile(samples, s.n_answered, 950);
    }
    if (s.n_unpriced > 0 || (s.n_answered == 0 && !is_record))
        s.cost_pico = PICO_UNKNOWN;
    stat_wilson(s.n_agree, s.n_compared, &s.agree_low_ppm, &s.agree_high_ppm);
    mem_free(samples);
    *ret = s;
}

/* ---- showing ---- */

static void add_number(struct out *o, bool is_known, int64_t v)
{
    if (is_known)
        out_int(o, v);
    else
        out_null(o);
}

static void add_share(struct out *o, size_t k, size_t n)
{
    add_number(o, n > 0, n > 0 ? (int64_t)(k * 1000000 / n) : 0);
}

static void add_summary(struct out *o, const struct replay_summary *s)
{
    int64_t ppm = 0;
    pico per_agree = PICO_UNKNOWN;
    bool is_compared = s->n_compared > 0;
    out_textz(o, s->name);
    out_int(o, (int64_t)s->n_answered);
    out_money(o, s->cost_pico);
    bool has_change = !s->is_record && change_ppm(s->recorded_pico, s->cost_pico, &ppm);
    add_number(o, has_change, ppm);
    add_number(o, s->p50_us >= 0, s->p50_us);
    add_number(o, s->p95_us >= 0, s->p95_us);
    add_share(o, s->n_by[AGREE_EXACT], s->n_known[AGREE_EXACT]);
    add_share(o, s->n_agree, s->n_compared);
    add_number(o, is_compared, s->agree_low_ppm);
    add_number(o, is_compared, s->agree_high_ppm);
    out_int(o, (int64_t)s->n_errors);
    for (unsigned m = AGREE_EXACT + 1; m < AGREE_N_; m++)
        add_share(o, s->n_by[m], s->n_known[m]);
    add_share(o, s->n_json, s->n_asked_json);
    out_int(o, (int64_t)s->n_unpriced);
    out_int(o, (int64_t)s->n_compared);
    if (s->cost_pico == PICO_UNKNOWN || s->n_agree == 0 ||
        money_scale(s->cost_pico, (int64_t)s->n_agree, &per_agree) != ERR_OK)
        per_agree = PICO_UNKNOWN;
    out_money(o, per_agree);
    out_row_end(o);
}

static void sentence(struct out *o, const struct replay_summary *s)
{
    int64_t ppm;
    if (s->n_answered == 0 || !change_ppm(s->recorded_pico, s->cost_pico, &ppm))
        return;
    int64_t percent = (llabs(ppm) + 5000) / 10000;
    char agreed[64] = "";
    if (s->n_compared > 0)
        snprintf(agreed, sizeof agreed, " and agree on %zu %%",
                 (s->n_agree * 100 + s->n_compared / 2) / s->n_compared);
    char prompts[40] = "prompt";
    if (s->n_answered > 1)
        snprintf(prompts, sizeof prompts, "%zu prompts", s->n_answered);
    if (percent == 0)
        out_footer(o, "The same %s on %s would have cost the same%s.", prompts, s->name,
                   agreed);
    else
        out_footer(o, "The same %s on %s would have cost %" PRId64 " %% %s%s.", prompts,
                   s->name, percent, ppm <= 0 ? "less" : "more", agreed);
}

static void put_date(char out[CLOCK_TEXT_LEN], int64_t us)
{
    clock_rfc3339(out, us, zone_offset_s(us), false);
    out[10] = '\0'; /* 2026-11-25 */
}

/* "3 requests recorded on one/gpt, 2026-11-25 · run 01K…" */
static void headline(struct out *o, const struct replay_selection *sel, const char *run)
{
    char models[2 * LIMIT_NAME_LEN + 20] = "", dates[2 * CLOCK_TEXT_LEN + 8] = "";
    const struct replay_item *first = NULL;
    int64_t from_us = INT64_MAX, to_us = 0;
    bool is_one = true;
    for (size_t i = 0; i < sel->n; i++) {
        const struct replay_item *item = &sel->items[i];
        if (item->start_us == 0)
            continue;
        first = first == NULL ? item : first;
        is_one &= strcmp(item->model, first->model) == 0 &&
                  strcmp(item->provider, first->provider) == 0;
        from_us = MIN(from_us, item->start_us);
        to_us = MAX(to_us, item->start_us);
    }
    if (first != NULL) {
        char from[CLOCK_TEXT_LEN], to[CLOCK_TEXT_LEN];
        put_date(from, from_us);
        put_date(to, to_us);
        if (is_one)
            snprintf(models, sizeof models, " recorded on %s/%s", first->provider,
                     first->model);
        snprintf(dates, sizeof dates, ", %s%s%s", from, strcmp(from, to) ? " – " : "",
                 strcmp(from, to) ? to : "");
    }
    out_headline(o, "%zu request%s%s%s%s%s", sel->n, sel->n == 1 ? "" : "s", models,
                 dates, run == NULL ? " · priced only" : " · run ",
                 run == NULL ? "" : run);
}

static void warnings(struct out *o, const struct replay_selection *sel)
{
    if (sel->n_bodiless > 0)
        out_warning(o, "%zu more request%s not recorded in full and cannot be sent again",
                    sel->n_bodiless, sel->n_bodiless == 1 ? " was" : "s were");
    if (sel->n_unusable > 0)
        out_warning(o, "%zu recorded request%s cannot be read and %s left out",
                    sel->n_unusable, sel->n_unusable == 1 ? "" : "s",
                    sel->n_unusable == 1 ? "was" : "were");
}

/* The columns of the metrics that were asked for, or that a request's own form asks for. */
static void choose_columns(const struct replay_selection *sel, unsigned metrics,
                           struct out_column shown[ARRAY_LEN(columns)])
{
    memcpy(shown, columns, sizeof columns);
    for (unsigned m = AGREE_EXACT + 1; m < AGREE_N_; m++)
        shown[FIRST_METRIC + m - 1].hidden = (metrics >> m & 1) == 0;
    for (size_t i = 0; i < sel->n; i++)
        if (sel->items[i].metric == AGREE_JSON)
            shown[JSON_OK].hidden = false;
}

/* What was paid, and where to look. */
static void last_line(struct out *o, size_t n_disagree, pico paid, const char *run)
{
    char cost[MONEY_TEXT_LEN];
    money_people(cost, paid);
    if (n_disagree == 0)
        out_footer(o, "this run cost %s", cost);
    else
        out_footer(o, "%zu disagreement%s: llmgw replay diff %s · this run cost %s",
                   n_disagree, n_disagree == 1 ? "" : "s", run, cost);
}

enum errc replay_show(struct cmd_ctx *ctx, const struct replay_selection *sel,
                      const char *run, unsigned metrics, struct err *e)
{
    AUTO(buf_release) struct buf json = BUF_INIT(1000);
    AUTO(out_free) struct out *o = NULL;
    struct out_column shown[ARRAY_LEN(columns)];
    struct replay_summary s;
    size_t n_disagree = 0;
    pico paid = 0;
    choose_columns(sel, metrics, shown);
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_replay), "llmgw.replay/1", shown,
                           ARRAY_LEN(columns), &o, e);
    if (rc != ERR_OK)
        return rc;
    headline(o, sel, run);
    if (run != NULL)
        json_quote(&json, str_of(run));
    out_meta(o, "run", run == NULL ? STR("null") : buf_str(&json));
    replay_summarise(sel, REPLAY_RECORDED, false, &s);
    add_summary(o, &s);
    for (size_t t = 0; t < sel->n_against; t++) {
        replay_summarise(sel, t, run == NULL, &s);
        add_summary(o, &s);
        sentence(o, &s);
        n_disagree += s.n_compared - s.n_agree;
        if (s.n_answered > 0)
            add_cost(&paid, s.cost_pico);
    }
    if (run != NULL)
        last_line(o, n_disagree, paid, run);
    warnings(o, sel);
    return out_finish(o, e);
}

/* ---- prices ---- */

/* What the recorded usage of one request costs there; of one whose usage is not known, unknown. */
static enum errc price_item(struct cmd_ctx *ctx, const struct conf_target *to,
                            const struct replay_item *item, pico *ret, struct err *e)
{
    struct str model = str_of(to->model);
    struct price_query q = {
        .provider =
            conf_price_provider(ctx->conf, ctx->catalog, str_of(to->provider), model),
        .model = model,
        .at_us = clock_wall_us(ctx->clock),
        .usage = &item->usage,
    };
    struct price_cost cost = {.total_pico = PICO_UNKNOWN};
    enum errc rc = ERR_OK;
    if (item->usage.known != 0)
        rc = price_cost(ctx->catalog, &q, &cost, e);
    *ret = cost.total_pico;
    return rc;
}

enum errc replay_price(struct cmd_ctx *ctx, struct replay_selection *s, pico *ret_sum,
                       struct err *e)
{
    enum errc rc = ERR_OK;
    *ret_sum = 0;
    for (size_t t = 0; t < s->n_against; t++) {
        struct conf_resolved to;
        rc = conf_resolve(ctx->conf, ctx->catalog, str_of(s->against[t]), &ctx->arena,
                          &to, e);
        for (size_t i = 0; i < s->n && rc == ERR_OK; i++) {
            struct replay_result *r = &s->items[i].results[t * s->n_repeats];
            pico cost;
            rc = price_item(ctx, to.route != NULL ? &to.route->targets[0] : &to.target,
                            &s->items[i], &cost, e);
            for (size_t k = 0; k < s->n_repeats && rc == ERR_OK; k++) {
                if (!r[k].is_due)
                    continue;
                r[k].cost_pico = cost;
                add_cost(ret_sum, cost);
            }
        }
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}
