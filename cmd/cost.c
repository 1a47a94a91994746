/*
 * cost.c: `llmgw cost`: what was spent, on what, by whom. Reads the ledger itself; needs no
 * broker. Sums are exact; what is not known is said, and never counts as nothing.
 */
#include "cmd/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/near.h"
#include "core/num.h"

#include "cmd/out.h"

#define AT(field) offsetof(struct cost_options, field)

/* clang-format off */
static const struct option_row rows[] = {
    {0, "since", OPT_STRING, AT(period.since), "WHEN", .group = "range",
     .help = "from then on: a date, a date and time, -7d, @EPOCH"},
    {0, "until", OPT_STRING, AT(period.until), "WHEN",
     .help = "up to then; a date includes that day"},
    {0, "last", OPT_DURATION, AT(period.last_us), "DUR", .help = "the last 30d, 24h, ..."},
    {0, "since-last", OPT_FLAG, AT(since_last),
     .help = "from where the previous report with the same --mark has ended"},
    {0, "mark", OPT_STRING, AT(mark), "NAME", .help = "the name of that end; default"},
    {0, "by", OPT_STRINGS, AT(by), "WHAT", .complete = OPT_C_CHOICE, .group = "groups",
     .values = "hour|day|week|month|model|provider|route|project|template|client|kind|status|"
               "conversation|user|tag:",
     .help = "hour, day, week, month, model, provider, route, project, template, client, kind, "
             "status, conversation, user or tag:KEY; up to two"},
    {'b', "breakdown", OPT_FLAG, AT(breakdown), .help = "also by model"},
    {0, "top", OPT_INT, AT(top), "N", .values = "1..", .help = "only the first N groups"},
    {0, "sort", OPT_CHOICE, AT(sort), "KEY", .values = "cost|requests|tokens|name",
     .complete = OPT_C_CHOICE, .help = "cost, requests, tokens or name"},
    {0, "order", OPT_CHOICE, AT(order), "ORDER", .values = "asc|desc",
     .complete = OPT_C_CHOICE, .help = "asc or desc"},
    {'m', "model", OPT_STRING, AT(model), "NAME", .complete = OPT_C_MODEL, .group = "filters",
     .help = "only this model: PROVIDER/MODEL, an alias, or a model of any provider"},
    {'r', "route", OPT_STRING, AT(route), "NAME", .complete = OPT_C_ROUTE,
     .help = "only this route"},
    {'P', "project", OPT_STRING, AT(project), "NAME", .complete = OPT_C_PROJECT,
     .help = "only this project"},
    {0, "tag", OPT_STRING, AT(tag), "K=V", .complete = OPT_C_TAG, .help = "only with this tag"},
    {0, "kind", OPT_CHOICE, AT(kind), "KIND", .values = "chat|batch|replay|judge|embed",
     .help = "only requests of this kind"},
    {0, "check", OPT_FLAG, AT(check), .group = "checks",
     .help = "exit 6 when a budget is used up; silent when all is well"},
    {0, "limit", OPT_MONEY, AT(limit_pico), "USD", .help = "exit 6 when more than this was spent"},
    {0, "warn-at", OPT_FRACTION, AT(warn_ppm), "PART",
     .help = "say once per period when so much is used, as in 0.8"},
    {0, "strict", OPT_FLAG, AT(strict), .help = "exit 6 when a request has no known cost"},
    {0, "total-only", OPT_FLAG, AT(total_only), .group = "output", .help = "only the sum"},
    {0, "oneline", OPT_FLAG, AT(oneline), .help = "one short line, for a prompt or status bar"},
    {0, "if-any", OPT_FLAG, AT(if_any), .help = "print nothing when there is nothing"},
    {0, "spark", OPT_FLAG, AT(spark), .negatable = true, .help = "a line of bars, one a day"},
    {0, "csv-raw", OPT_FLAG, AT(csv_raw), .help = "CSV cells that look like formulas stay as they are"},
    {0},
};
/* clang-format on */

static void init(void *options)
{
    struct cost_options *o = options;
    o->limit_pico = PICO_UNKNOWN;
    o->warn_ppm = -1;
    o->spark = true;
}

enum errc cost_report(struct cmd_ctx *ctx, struct db *db, const struct report_query *q,
                      struct report *ret, struct err *e)
{
    *ret = (struct report){0};
    return db == NULL ? ERR_OK : report_run(db, q, &ctx->arena, ret, e);
}

/* ---- the question ---- */

/* Words that choose groups as well as a span. */
static const struct {
    const char *name, *range;
    enum report_dim by;
} groupings[] = {
    {"hourly", "today", REPORT_BY_HOUR},
    {"daily", "month", REPORT_BY_DAY},
    {"weekly", "year", REPORT_BY_WEEK},
    {"monthly", "year", REPORT_BY_MONTH},
    {"sessions", "month", REPORT_BY_CONVERSATION},
};

static enum errc add_by(struct report_query *q, enum report_dim d, struct err *e)
{
    for (size_t i = 0; i < q->n_by; i++) {
        if (q->by[i] == d)
            return ERR_OK;
        if (report_dim_is_time(q->by[i]) && report_dim_is_time(d))
            return err_set(e, ERR_USAGE, "--by: %s and %s: one unit of time",
                           report_dim_name(q->by[i]), report_dim_name(d));
    }
    if (q->n_by == REPORT_BY_MAX)
        return err_set(e, ERR_USAGE, "--by: two at most");
    q->by[q->n_by++] = d;
    return ERR_OK;
}

static enum errc unknown_by(struct str word, struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, word);
    for (unsigned d = 0; d < REPORT_BY_TAG; d++)
        near_offerz(&near, report_dim_name((enum report_dim)d));
    near_offerz(&near, "tag:KEY");
    return err_set(e, ERR_USAGE, "--by: no \"%.*s\"%s", STR_ARG(word),
                   near_hint(&near, NEAR_MAX, hint));
}

/* --by A,B or --by A --by B. */
static enum errc add_by_list(struct report_query *q, const struct opt_list *list,
                             struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < list->n; i++) {
        struct str rest = str_of(list->items[i]), word;
        while (rc == ERR_OK && str_split(&rest, ',', &word)) {
            enum report_dim d = report_dim_by_name(word);
            if (d == REPORT_BY_N_)
                return unknown_by(word, e);
            if (d == REPORT_BY_TAG)
                q->by_tag = str_sub(word, 4, word.len);
            rc = add_by(q, d, e);
        }
    }
    return rc;
}

/* An alias stands for its target. */
static struct str resolve_model(const struct cmd_ctx *ctx, const char *name)
{
    for (size_t i = 0; name != NULL && i < ctx->conf->n_aliases; i++)
        if (strcmp(ctx->conf->aliases[i].name, name) == 0)
            return str_of(ctx->conf->aliases[i].target);
    return str_of(name);
}

static enum errc make_query(struct cmd_ctx *ctx, const struct cost_options *o,
                            const struct period *p, struct report_query *q, struct err *e)
{
    q->since_us = p->since_us;
    q->until_us = p->until_us;
    q->model = resolve_model(ctx, o->model);
    q->route = str_of(o->route);
    q->project = str_of(o->project);
    q->kind = str_of(o->kind);
    enum errc rc = cmd_tag(o->tag, &q->tag_key, &q->tag_value, e);
    if (rc == ERR_OK)
        rc = add_by_list(q, &o->by, e);
    if (rc == ERR_OK && o->breakdown)
        rc = add_by(q, REPORT_BY_MODEL, e);
    if (rc == ERR_OK && q->n_by == 0)
        rc = add_by(q, REPORT_BY_MODEL, e);
    return rc;
}

/* ---- the order of groups ---- */

struct item {
    const struct report_row *row;
    int64_t time, key; /* ascending */
    struct str name;
    bool descending; /* names */
};

static int64_t sort_key(const struct report_sums *s, const char *sort)
{
    if (strcmp(sort, "requests") == 0)
        return s->n_requests;
    if (strcmp(sort, "tokens") == 0)
        return s->input_tok + s->output_tok;
    return report_cost(s) == PICO_UNKNOWN ? -1 : s->cost_pico;
}

static int by_item(const void *pa, const void *pb)
{
    const struct item *a = pa, *b = pb;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    int names = str_cmp(a->name, b->name);
    if (names == 0)
        names = str_cmp(a->row->key[1], b->row->key[1]);
    return a->descending ? -names : names;
}

/* By time when time is a group and nothing else was asked for; dearest first otherwise. */
static struct item *sort_rows(struct cmd_ctx *ctx, const struct cost_options *o,
                              const struct report *r)
{
    struct item *items = ARENA_ARRAY(&ctx->arena, r->n + 1, struct item);
    const char *sort = o->sort != NULL ? o->sort : "cost";
    bool by_name = strcmp(sort, "name") == 0;
    bool is_desc = o->order != NULL ? strcmp(o->order, "desc") == 0 : !by_name;
    for (size_t i = 0; items != NULL && i < r->n; i++) {
        const struct report_row *row = r->rows[i];
        int64_t key = by_name ? row->from_us : sort_key(&row->sums, sort);
        items[i] = (struct item){
            .row = row,
            .time = o->sort == NULL ? row->from_us : 0,
            .key = is_desc ? -key : key,
            .name = row->key[0].len > 0 ? row->key[0] : row->key[1],
            .descending = by_name && is_desc,
        };
        if (o->sort == NULL && o->order != NULL && is_desc)
            items[i].time = -row->from_us;
    }
    if (items != NULL)
        qsort(items, r->n, sizeof items[0], by_item);
    return items;
}

/* ---- the table ---- */

enum { COLUMNS = REPORT_BY_MAX + 14 };

static const struct out_column sum_columns[] = {
    {.name = "requests", .type = OUT_INT, .priority = 2},
    {.name = "failed_requests", .title = "failed", .type = OUT_INT, .hidden = true},
    {.name = "attempts", .type = OUT_INT, .hidden = true},
    {.name = "input_tokens", .title = "input", .type = OUT_TOKENS, .priority = 3},
    {.name = "cached_tokens", .type = OUT_TOKENS, .hidden = true},
    {.name = "cached_share", .title = "cached", .type = OUT_PPM, .priority = 4},
    {.name = "output_tokens", .title = "output", .type = OUT_TOKENS, .priority = 3},
    {.name = "reasoning_tokens", .type = OUT_TOKENS, .hidden = true},
    {.name = "cost", .type = OUT_MONEY},
    {.name = "share", .type = OUT_PPM, .priority = 1},
    {.name = "unpriced_requests",
     .title = "unpriced",
     .type = OUT_INT,
     .priority = 5,
     .hidden = true},
    {.name = "estimated_requests", .type = OUT_INT, .hidden = true},
};

static enum zone_unit unit_of(enum report_dim d)
{
    switch (d) {
    case REPORT_BY_HOUR:
        return ZONE_HOUR;
    case REPORT_BY_WEEK:
        return ZONE_WEEK;
    case REPORT_BY_MONTH:
        return ZONE_MONTH;
    case REPORT_BY_DAY:
    case REPORT_BY_MODEL:
    case REPORT_BY_PROVIDER:
    case REPORT_BY_ROUTE:
    case REPORT_BY_PROJECT:
    case REPORT_BY_TEMPLATE:
    case REPORT_BY_CLIENT:
    case REPORT_BY_KIND:
    case REPORT_BY_STATUS:
    case REPORT_BY_CONVERSATION:
    case REPORT_BY_USER:
    case REPORT_BY_TAG:
    case REPORT_BY_N_:
        break;
    }
    return ZONE_DAY;
}

static void put_ppm(struct out *o, int64_t part, int64_t whole)
{
    if (whole > 0)
        out_int(o, (int64_t)((i128)part * 1000000 / whole));
    else
        out_null(o);
}

static void put_sums(struct out *o, const struct report_sums *s, pico all_pico)
{
    pico cost = report_cost(s);
    out_int(o, s->n_requests);
    out_int(o, s->n_failed);
    out_int(o, s->n_attempts);
    out_int(o, s->input_tok);
    out_int(o, s->cached_tok);
    put_ppm(o, s->cached_tok, s->input_tok);
    out_int(o, s->output_tok);
    out_int(o, s->reasoning_tok);
    out_money(o, cost);
    if (cost == PICO_UNKNOWN)
        out_null(o);
    else
        put_ppm(o, cost, all_pico);
    out_int(o, s->n_unpriced);
    out_int(o, s->n_estimated);
}

/* "2026-11-25 10:00"; with its offset where clocks are changed, as one hour comes twice. */
static void put_hour(struct out *o, int64_t from_us)
{
    AUTO(buf_release) struct buf name = BUF_INIT(CLOCK_TEXT_LEN);
    char text[CLOCK_TEXT_LEN];
    int offset_s = zone_offset_s(from_us);
    clock_rfc3339(text, from_us, offset_s, false);
    buf_printf(&name, "%.10s %.5s", text, text + strlen("2026-11-25T"));
    if (zone_offset_s(from_us - US_PER_HOUR) != offset_s ||
        zone_offset_s(from_us + US_PER_HOUR) != offset_s)
        buf_printf(&name, " %s", text + strlen("2026-11-25T10:00:00"));
    out_text(o, buf_str(&name));
}

static void put_row(struct out *o, const struct report_query *q,
                    const struct report_row *row, pico all_pico, bool is_table)
{
    for (size_t i = 0; i < q->n_by; i++) {
        if (is_table && q->by[i] == REPORT_BY_HOUR) {
            put_hour(o, row->from_us);
        } else if (report_dim_is_time(q->by[i])) {
            AUTO(buf_release) struct buf name = BUF_INIT(CLOCK_TEXT_LEN);
            period_unit_name(&name, row->from_us, unit_of(q->by[i]));
            out_text(o, buf_str(&name));
        } else if (row->key[i].len > 0) {
            out_text(o, row->key[i]);
        } else {
            out_null(o);
        }
    }
    put_sums(o, &row->sums, all_pico);
    out_row_end(o);
}

static void put_totals(struct out *o, const struct report_query *q,
                       const struct report *r, bool is_table)
{
    for (size_t i = 0; i < q->n_by; i++)
        if (is_table)
            out_textz(o, i == 0 ? "total" : "");
        else
            out_null(o);
    put_sums(o, &r->all, r->all.cost_pico);
    out_totals(o);
}

/* ---- the lines above and below ---- */

/* A bar a day, from nothing to the dearest. */
static void draw_spark(struct buf *b, const struct report *days, const struct period *p,
                       int64_t now_us)
{
    static const char *const blocks[] = {
        "\xE2\x96\x81", "\xE2\x96\x82", "\xE2\x96\x83", "\xE2\x96\x84",
        "\xE2\x96\x85", "\xE2\x96\x86", "\xE2\x96\x87", "\xE2\x96\x88",
    };
    static const char ascii[] = ".:-=+*#@";
    pico most = 1;
    for (size_t i = 0; i < days->n; i++)
        most = MAX(most, days->rows[i]->sums.cost_pico);
    int64_t end_us = MIN(p->until_us, now_us + 1);
    for (int64_t at_us = zone_floor(p->since_us, ZONE_DAY); at_us < end_us;
         at_us = zone_step(at_us, ZONE_DAY, 1)) {
        pico cost = 0;
        for (size_t i = 0; i < days->n; i++)
            if (days->rows[i]->from_us == at_us)
                cost = days->rows[i]->sums.cost_pico;
        size_t level = (size_t)((i128)cost * 7 / most);
        if (out_is_utf8())
            buf_addz(b, blocks[level]);
        else
            buf_addc(b, ascii[level]);
    }
}

static void add_money(struct buf *b, const char *before, pico cost, const char *behind)
{
    char text[MONEY_TEXT_LEN];
    money_people(text, cost);
    buf_printf(b, "%s%s%s", before, text, behind);
}

enum { DAYS_MAX = 62 }; /* more bars than a screen is wide */

/* "today $1.92 · avg $1.90/day · forecast $57.10" */
static enum errc add_pace(struct buf *b, const struct report *days,
                          const struct period *p, pico spent, int64_t now_us,
                          struct err *e)
{
    const char *dot = out_is_utf8() ? " \xC2\xB7 " : ", ";
    int64_t elapsed_us = now_us - p->since_us;
    pico today = 0, average, forecast;
    for (size_t i = 0; i < days->n; i++)
        if (days->rows[i]->from_us == zone_floor(now_us, ZONE_DAY))
            today = days->rows[i]->sums.cost_pico;
    if (money_scale((i128)spent * US_PER_DAY, elapsed_us, &average) != ERR_OK ||
        money_scale((i128)spent * (p->until_us - p->since_us), elapsed_us, &forecast) !=
            ERR_OK)
        return err_set(e, ERR_RANGE, "the forecast leaves 64 bits");
    add_money(b, "    today ", today, dot);
    add_money(b, "avg ", average, "/day");
    buf_addz(b, dot);
    add_money(b, "forecast ", forecast, "");
    return ERR_OK;
}

/* The bars, and what they come to: today, on average, by the end of the month. */
static enum errc add_days(struct cmd_ctx *ctx, struct db *db, struct report_query q,
                          const struct period *p, const struct report *r, struct out *out,
                          struct err *e)
{
    int64_t now_us = clock_wall_us(ctx->clock);
    int64_t span_us = MIN(p->until_us, now_us) - p->since_us;
    if (span_us <= US_PER_DAY || span_us > DAYS_MAX * US_PER_DAY || r->all.cost_pico <= 0)
        return ERR_OK;
    struct report days;
    q.by[0] = REPORT_BY_DAY;
    q.n_by = 1;
    enum errc rc = cost_report(ctx, db, &q, &days, e);
    if (rc != ERR_OK)
        return rc;
    AUTO(buf_release) struct buf line = BUF_INIT(4096);
    draw_spark(&line, &days, p, now_us);
    if (p->is_open && p->name != NULL)
        rc = add_pace(&line, &days, p, r->all.cost_pico, now_us, e);
    out_headline(out, "%.*s", STR_ARG(buf_str(&line)));
    return rc;
}

/* " of $60.00 ▓▓▓▓▓▓▓░░░ 70 %" */
static void add_budget(struct cmd_ctx *ctx, struct buf *b, const struct period *p,
                       pico spent)
{
    pico limit;
    if (!cost_budget(ctx, p, &limit) || limit <= 0)
        return;
    int64_t percent = (int64_t)((i128)spent * 100 / limit);
    add_money(b, " of ", limit, " ");
    for (int i = 0; i < 10; i++) {
        bool is_full = percent >= 10 * i + 5;
        if (out_is_utf8())
            buf_addz(b, is_full ? "\xE2\x96\x93" : "\xE2\x96\x91");
        else
            buf_addc(b, is_full ? '#' : '.');
    }
    buf_printf(b, " %lld %%", (long long)percent);
}

static void add_headline(struct cmd_ctx *ctx, const struct period *p,
                         const struct report *r, bool has_filter, struct out *out)
{
    AUTO(buf_release) struct buf line = BUF_INIT(4096);
    buf_printf(&line, "%s", p->label);
    add_money(&line, "    ", report_cost(&r->all), "");
    if (!has_filter)
        add_budget(ctx, &line, p, r->all.cost_pico);
    out_headline(out, "%.*s", STR_ARG(buf_str(&line)));
}

/* What a reader must know to read the sum right; below a table, or a warning to a program. */
static void add_remark(struct out *out, bool is_table, const char *text)
{
    if (is_table)
        out_footer(out, "%s", text);
    else
        out_warning(out, "%s", text);
}

static void add_unpriced(struct out *out, bool is_table, const struct report_sums *s)
{
    char sum[MONEY_TEXT_LEN], n[NUM_TEXT_LEN], text[LIMIT_ERR_TEXT];
    if (s->n_unpriced == 0)
        return;
    money_people(sum, s->cost_pico);
    num_group(n, s->n_unpriced);
    if (s->n_unpriced == s->n_requests)
        snprintf(text, sizeof text, "no request has a known price");
    else
        snprintf(text, sizeof text,
                 s->n_unpriced == 1
                     ? "%s request has no known price and is not in the sum of %s"
                     : "%s requests have no known price and are not in the sum of %s",
                 n, sum);
    add_remark(out, is_table, text);
}

static void add_missing(struct out *out, bool is_table, int64_t n, const char *why)
{
    char text[LIMIT_ERR_TEXT];
    if (n == 0)
        return;
    snprintf(text, sizeof text, "%lld request%s %s", (long long)n, n == 1 ? "" : "s",
             why);
    add_remark(out, is_table, text);
}

static enum errc add_footers(struct db *db, const struct period *p,
                             const struct report *r, bool is_table, struct out *out,
                             struct err *e)
{
    int64_t rows_lost = 0, bodies_lost = 0;
    char n[NUM_TEXT_LEN];
    num_group(n, r->all.n_estimated);
    add_unpriced(out, is_table, &r->all);
    if (r->all.n_estimated > 0)
        out_footer(out,
                   r->all.n_estimated == 1
                       ? "%s request costs what we estimate: the provider did not tell"
                       : "%s requests cost what we estimate: the provider did not tell",
                   n);
    enum errc rc =
        db != NULL ? report_losses(db, p->since_us, &rows_lost, &bodies_lost, e) : ERR_OK;
    add_missing(out, is_table, rows_lost, "could not be recorded: missing here");
    return rc;
}

/* ---- printing ---- */

static bool has_filter(const struct cost_options *o)
{
    return o->model != NULL || o->route != NULL || o->project != NULL || o->tag != NULL ||
           o->kind != NULL;
}

struct page {
    struct cmd_ctx *ctx;
    const struct cost_options *o;
    enum cmd_format format;
    struct db *db; /* NULL: there is no ledger */
    const struct period *period;
    struct report_query query;
    struct report report;
    int64_t n_waiting; /* requests that have ended and are not in the ledger yet */
};

/* What is on its way to the ledger is in no sum. */
static enum errc add_waiting(const struct page *g, bool is_table, struct out *out,
                             struct err *e)
{
    int64_t n = 0;
    char json[24];
    enum errc rc = cost_waiting(g->ctx, g->db, &n, e);
    if (rc != ERR_OK)
        return rc;
    snprintf(json, sizeof json, "%lld", (long long)n);
    out_meta(out, "waiting_requests", str_of(json));
    add_missing(out, is_table, n,
                "still in the spool: missing here until a broker can write");
    return ERR_OK;
}

static enum errc fill(struct page *g, struct out *out, struct err *e)
{
    const struct report *r = &g->report;
    bool is_table = g->format == FORMAT_TABLE || g->format == FORMAT_MARKDOWN ||
                    g->format == FORMAT_HTML;
    struct item *items = sort_rows(g->ctx, g->o, r);
    if (items == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    size_t n = g->o->top > 0 ? MIN(r->n, (size_t)g->o->top) : r->n;
    if (g->o->csv_raw)
        out_csv_raw(out);
    period_meta(out, g->period);
    enum errc rc = add_waiting(g, is_table, out, e);
    if (is_table)
        add_headline(g->ctx, g->period, r, has_filter(g->o), out);
    if (rc == ERR_OK && is_table && g->o->spark)
        rc = add_days(g->ctx, g->db, g->query, g->period, r, out, e);
    for (size_t i = 0; i < n && rc == ERR_OK && !g->o->total_only; i++)
        put_row(out, &g->query, items[i].row, r->all.cost_pico, is_table);
    put_totals(out, &g->query, r, is_table);
    if (n < r->n)
        out_footer(out, "%zu more in the total", r->n - n);
    return rc == ERR_OK ? add_footers(g->db, g->period, r, is_table, out, e) : rc;
}

static enum errc print_page(struct page *g, struct err *e)
{
    struct out_column columns[COLUMNS];
    size_t n = 0;
    for (size_t i = 0; i < g->query.n_by; i++)
        columns[n++] = (struct out_column){
            .name = report_dim_name(g->query.by[i]),
            .type = OUT_TEXT,
            .soft = 26,
        };
    for (size_t i = 0; i < ARRAY_LEN(sum_columns); i++) {
        columns[n] = sum_columns[i];
        if (strcmp(columns[n].name, "unpriced_requests") == 0)
            columns[n].hidden = g->report.all.n_unpriced == 0;
        n++;
    }
    struct out *out;
    enum errc rc = out_new(g->ctx, g->format, "llmgw.cost/1", columns, n, &out, e);
    if (rc != ERR_OK)
        return rc;
    rc = fill(g, out, e);
    if (rc == ERR_OK)
        rc = out_finish(out, e);
    out_free(&out);
    return rc;
}

static enum errc print_line(struct cmd_ctx *ctx, struct buf *b, struct err *e)
{
    buf_addc(b, '\n');
    if (buf_err(b) != ERR_OK)
        return err_set(e, buf_err(b), "out of memory");
    return out_write(ctx, buf_str(b), e);
}

/* "today $0.43 of $5.00" */
static enum errc print_oneline(struct page *g, struct err *e)
{
    AUTO(buf_release) struct buf b = BUF_INIT(4096);
    pico limit;
    if (cmd_formats(g->ctx, "--oneline", 0, e) != ERR_OK)
        return e->code;
    if (g->period->name != NULL)
        buf_printf(&b, "%s ", g->period->name);
    add_money(&b, "", report_cost(&g->report.all), "");
    if (!has_filter(g->o) && cost_budget(g->ctx, g->period, &limit))
        add_money(&b, " of ", limit, "");
    return print_line(g->ctx, &b, e);
}

static enum errc print_total(struct page *g, struct err *e)
{
    AUTO(buf_release) struct buf b = BUF_INIT(4096);
    add_money(&b, "", report_cost(&g->report.all), "");
    return print_line(g->ctx, &b, e);
}

static enum errc print(struct page *g, struct err *e)
{
    if (g->o->if_any && g->report.all.n_requests == 0)
        return ERR_OK;
    if (g->o->oneline)
        return print_oneline(g, e);
    if (g->o->total_only && g->format == FORMAT_TABLE)
        return print_total(g, e);
    return print_page(g, e);
}

static enum errc check_prices(const struct page *g, struct err *e)
{
    if (!g->o->strict || g->report.all.n_unpriced == 0)
        return ERR_OK;
    return err_set(e, ERR_CHECK,
                   g->report.all.n_unpriced == 1 ? "%lld request has no known price"
                                                 : "%lld requests have no known price",
                   (long long)g->report.all.n_unpriced);
}

/* ---- the command ---- */

/* The operand: a period, a grouping, or nothing. */
static enum errc read_word(const char *word, const struct cost_options *o,
                           const char **ret_word, const char **ret_preset,
                           struct report_query *q, struct err *e)
{
    *ret_word = word;
    *ret_preset = o->oneline ? "today" : "month";
    for (size_t i = 0; word != NULL && i < ARRAY_LEN(groupings); i++)
        if (strcmp(word, groupings[i].name) == 0) {
            *ret_word = NULL;
            *ret_preset = groupings[i].range;
            return add_by(q, groupings[i].by, e);
        }
    return ERR_OK;
}

static const char *mark_of(const struct cost_options *o)
{
    return o->mark != NULL ? o->mark : "default";
}

/* From the mark to the last moment that nothing more will come for. */
static enum errc since_last(struct page *g, const char *word, struct period *p,
                            struct err *e)
{
    const struct period_options *o = &g->o->period;
    int64_t since_us = 0;
    if (word != NULL || o->since != NULL || o->until != NULL || o->last_us > 0)
        return err_set(e, ERR_USAGE, "--since-last and another span: one of them");
    if (g->o->check || g->o->limit_pico != PICO_UNKNOWN)
        return err_set(e, ERR_USAGE, "--since-last is for reports, not for checks");
    enum errc rc = cost_mark_load(g->ctx, mark_of(g->o), &since_us, e);
    if (rc != ERR_OK)
        return rc;
    int64_t until_us = cost_settled_us(g->ctx);
    period_between(g->ctx, since_us, MAX(since_us, until_us), p);
    return cost_waiting(g->ctx, g->db, &g->n_waiting, e);
}

/* What still waits in the spool belongs to the next report: the mark stays for it. */
static enum errc move_mark(const struct page *g, struct err *e)
{
    if (!g->o->since_last || g->n_waiting > 0)
        return ERR_OK;
    return cost_mark_save(g->ctx, mark_of(g->o), g->period->until_us, e);
}

/* What shapes a report has no place in a check, nor what belongs to an option that is not there. */
static enum errc check_together(const struct cost_options *o, const struct opt_args *args,
                                struct err *e)
{
    bool is_check = o->check || o->limit_pico != PICO_UNKNOWN;
    const char *group = NULL;
    if (o->mark != NULL && !o->since_last)
        return err_set(e, ERR_USAGE, "--mark belongs to --since-last");
    if (o->warn_ppm >= 0 && !is_check)
        return err_set(e, ERR_USAGE, "--warn-at belongs to --check or --limit");
    for (const struct option_row *row = rows; is_check && row->name != NULL; row++) {
        group = row->group != NULL ? row->group : group;
        bool is_shape = strcmp(group, "groups") == 0 || strcmp(group, "output") == 0;
        for (size_t i = 0; is_shape && i < args->n_given; i++)
            if (args->given[i] == row && row->offset != AT(if_any))
                return err_set(e, ERR_USAGE, "--%s is for reports, not for checks",
                               row->name);
    }
    return ERR_OK;
}

static enum errc ask(struct page *g, const char *word, struct period *p, struct err *e)
{
    const char *preset;
    enum errc rc = read_word(word, g->o, &word, &preset, &g->query, e);
    if (rc == ERR_OK && g->o->since_last)
        rc = since_last(g, word, p, e);
    else if (rc == ERR_OK)
        rc = period_parse(g->ctx, word, preset, &g->o->period, p, e);
    if (rc == ERR_OK)
        rc = make_query(g->ctx, g->o, p, &g->query, e);
    if (rc != ERR_OK)
        return rc;
    g->period = p;
    if (g->o->check || g->o->limit_pico != PICO_UNKNOWN)
        return cost_check(g->ctx, g->o, g->db, p, &g->query, e);
    rc = cost_report(g->ctx, g->db, &g->query, &g->report, e);
    if (rc == ERR_OK)
        rc = print(g, e);
    if (rc == ERR_OK)
        rc = move_mark(g, e);
    return rc == ERR_OK ? check_prices(g, e) : rc;
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    struct period p;
    AUTO(db_close) struct db *db = NULL;
    if (args->n > 1)
        return err_set(e, ERR_USAGE, "one period, not %zu: \"%s\"", args->n,
                       args->items[1]);
    enum errc rc = check_together(options, args, e);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    if (rc != ERR_OK)
        return rc;
    struct page g = {
        .ctx = ctx,
        .o = options,
        .format = cmd_format(ctx, &cmd_cost),
        .db = db,
    };
    return ask(&g, args->n > 0 ? args->items[0] : NULL, &p, e);
}

static enum errc run_show(struct cmd_ctx *ctx, void *options, const char *const *args,
                          size_t n, struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    (void)options;
    (void)n;
    enum errc rc = cmd_open_ledger(ctx, &db, e);
    return rc == ERR_OK
               ? cost_show(ctx, cmd_format(ctx, &cmd_cost), db, str_of(args[0]), e)
               : rc;
}

static const struct cmd_sub subs[] = {{"show", "ID", 1, 1, run_show}, {0}};

static const struct cmd_example examples[] = {
    {"llmgw cost", "this month by model"},
    {"llmgw cost daily --last 14d -b", "two weeks, each day by model"},
    {"llmgw cost month --by project -F csv -o nov.csv", "for the accountant, exact"},
    {"llmgw cost last-month --by project -F html -o month.html",
     "a page for whoever pays"},
    {"llmgw cost --check --warn-at 0.8", "cron: silent until it matters, exit 6 then"},
    {"llmgw cost yesterday -F markdown --if-any",
     "cron mail, only when something was spent"},
    {"llmgw cost show last", "the arithmetic of one request, line by line"},
    {0},
};

const struct cmd_entry cmd_cost = {
    .name = "cost",
    .args = "[PERIOD] [options] | show ID",
    .summary = "what was spent, on what, and by whom",
    .options = rows,
    .options_with = OPT_BARE,
    .options_size = sizeof(struct cost_options),
    .init = init,
    .needs = CMD_CONF | CMD_LEDGER,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN |
               1 << FORMAT_HTML,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
    .run = run,
};
