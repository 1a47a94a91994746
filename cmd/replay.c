/*
 * replay.c: `llmgw replay`: recorded requests again on other models: what would they have cost,
 * how fast, and do the answers agree?
 *
 * Reads the ledger itself; the requests go through the broker as any other, marked kind=replay,
 * and the broker keeps the run. Tool calls are compared by name and arguments, never executed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/db.h"
#include "core/jsonx.h"
#include "core/mem.h"
#include "core/num.h"
#include "core/pack.h"
#include "core/price.h"

#include "cmd/agree.h"
#include "cmd/out.h"
#include "cmd/period.h"
#include "cmd/progress.h"
#include "cmd/replay_run.h"
#include "cmd/sig.h"
#include "cmd/stat.h"

struct options {
    const char *since, *until, *model, *route, *template_name, *conversation, *sample;
    int64_t last_us, n, jobs;
    struct opt_list tags, against;
    pico max_cost_pico;
    bool dry_run;
};

#define AT(field) offsetof(struct options, field)
static const struct option_row options[] = {
    {.group = "which",
     .name = "since",
     .type = OPT_STRING,
     .offset = AT(since),
     .arg = "TIME",
     .help = "recorded at or after TIME"},
    {.name = "until",
     .type = OPT_STRING,
     .offset = AT(until),
     .arg = "TIME",
     .help = "recorded before TIME; a date includes its day"},
    {.name = "last",
     .type = OPT_DURATION,
     .offset = AT(last_us),
     .arg = "DUR",
     .help = "recorded in the last DUR, such as 7d"},
    {.letter = 'm',
     .name = "model",
     .type = OPT_STRING,
     .offset = AT(model),
     .arg = "NAME",
     .complete = OPT_C_MODEL,
     .help = "served by this model, or by PROVIDER/MODEL"},
    {.letter = 'r',
     .name = "route",
     .type = OPT_STRING,
     .offset = AT(route),
     .arg = "NAME",
     .complete = OPT_C_ROUTE,
     .help = "asked through this route"},
    {.letter = 't',
     .name = "template",
     .type = OPT_STRING,
     .offset = AT(template_name),
     .arg = "NAME",
     .complete = OPT_C_TEMPLATE,
     .help = "made from this template"},
    {.name = "tag",
     .type = OPT_STRINGS,
     .offset = AT(tags),
     .arg = "K=V",
     .complete = OPT_C_TAG,
     .help = "with this tag; repeatable, all must match"},
    {.name = "cid",
     .type = OPT_STRING,
     .offset = AT(conversation),
     .arg = "ID|NAME",
     .complete = OPT_C_CONVERSATION,
     .help = "of this conversation"},
    {.letter = 'n',
     .name = "count",
     .type = OPT_INT,
     .offset = AT(n),
     .arg = "N",
     .values = "1..",
     .help = "the newest N of them"},
    {.name = "sample",
     .type = OPT_STRING,
     .offset = AT(sample),
     .arg = "N[:SEED]",
     .help = "N of them drawn by chance, the same for the same seed"},
    {.group = "run",
     .name = "against",
     .type = OPT_STRINGS,
     .offset = AT(against),
     .arg = "MODEL",
     .complete = OPT_C_MODEL,
     .help = "model or route to ask; repeatable"},
    {.letter = 'J',
     .name = "jobs",
     .type = OPT_INT,
     .offset = AT(jobs),
     .arg = "N",
     .values = "1..64",
     .help = "requests at a time; replay.jobs, 4 by default"},
    {.name = "max-cost",
     .type = OPT_MONEY,
     .offset = AT(max_cost_pico),
     .arg = "USD",
     .help = "start no more when this much is spent"},
    {.name = "dry-run",
     .type = OPT_FLAG,
     .offset = AT(dry_run),
     .help = "send nothing, only price the recorded usage"},
    {.name = NULL},
};
#undef AT

static void init(void *p)
{
    struct options *o = p;
    *o = (struct options){.max_cost_pico = PICO_UNKNOWN, .n = 100000};
}

/* ---- select ---- */

enum { MAX_BINDS = 300, USAGE_FIRST_COLUMN = 10 };

struct query {
    struct buf sql;
    struct {
        const char *text; /* NULL: the number */
        int64_t number;
    } binds[MAX_BINDS];
    int n_binds;
};

static void add_text(struct query *q, const char *condition, const char *value)
{
    if (value == NULL || q->n_binds >= MAX_BINDS)
        return;
    buf_printf(&q->sql, " AND %s", condition);
    q->binds[q->n_binds++].text = value;
}

static void add_time(struct query *q, const char *condition, int64_t us)
{
    buf_printf(&q->sql, " AND %s", condition);
    q->binds[q->n_binds++].number = us;
}

/* Everything, unless options name a span. */
static enum errc add_span(struct query *q, struct cmd_ctx *ctx, const struct options *o,
                          struct err *e)
{
    const struct period_options span = {o->since, o->until, o->last_us};
    struct period p;
    if (span.since == NULL && span.until == NULL && span.last_us == 0)
        return ERR_OK;
    enum errc rc = period_parse(ctx, NULL, "all", &span, &p, e);
    if (rc != ERR_OK)
        return rc;
    add_time(q, "r.start_us >= ?", p.since_us);
    add_time(q, "r.start_us < ?", p.until_us);
    return ERR_OK;
}

static void add_ids(struct query *q, const struct opt_args *args)
{
    for (size_t i = 0; i < args->n && q->n_binds < MAX_BINDS; i++) {
        buf_addz(&q->sql, i == 0 ? " AND r.id IN (?" : ",?");
        q->binds[q->n_binds++].text = args->items[i];
    }
    if (args->n > 0)
        buf_addc(&q->sql, ')');
}

static enum errc build_query(struct query *q, struct cmd_ctx *ctx,
                             const struct options *o, const struct opt_args *args,
                             struct err *e)
{
    buf_init(&q->sql, LIMIT_BODY_LEN);
    buf_addz(
        &q->sql,
        "SELECT r.id, r.dialect, r.provider, r.model, r.cost_pico, r.start_us, r.end_us,"
        " b.request, b.response, b.answer");
    for (int c = 0; c < USAGE_N_; c++)
        buf_printf(&q->sql, ", r.%s", usage_class_name((enum usage_class)c));
    buf_addz(&q->sql,
             " FROM request r JOIN body b USING (rid)"
             " WHERE r.kind = 'chat' AND r.outcome = 'ok' AND b.request IS NOT NULL");
    if (args->n + o->tags.n + 8 > MAX_BINDS)
        return err_set(e, ERR_USAGE, "more than %d ids and tags", MAX_BINDS - 8);
    enum errc rc = add_span(q, ctx, o, e);
    if (rc != ERR_OK)
        return rc;
    bool full = o->model != NULL && strchr(o->model, '/') != NULL;
    add_text(q, full ? "r.provider || '/' || r.model = ?" : "r.model = ?", o->model);
    add_text(q, "r.route = ?", o->route);
    add_text(q, "r.template = ?", o->template_name);
    add_text(q,
             "EXISTS (SELECT 1 FROM conversation c WHERE c.id = r.conversation AND "
             "? IN (c.id, c.name))",
             o->conversation);
    for (size_t i = 0; i < o->tags.n; i++)
        add_text(q,
                 "EXISTS (SELECT 1 FROM tag t WHERE t.rid = r.rid AND t.key || '=' || "
                 "t.value = ?)",
                 o->tags.items[i]);
    add_ids(q, args);
    buf_printf(&q->sql, " ORDER BY r.start_us DESC, r.rid DESC LIMIT %" PRId64, o->n);
    return buf_err(&q->sql) == ERR_OK ? ERR_OK
                                      : err_set(e, buf_err(&q->sql), "selection");
}

/* One recorded request, with its usage for pricing. */
struct recorded {
    struct replay_item item;
    struct usage usage;
};

struct selection {
    struct recorded *rows; /* owned */
    size_t n, cap;
    size_t n_unusable; /* bodies that cannot be read or compared */
};

static enum errc read_blob(struct arena *a, sqlite3_stmt *st, int at, struct str *ret,
                           struct err *e)
{
    struct buf plain = BUF_INIT(LIMIT_REPLY_LEN);
    enum errc rc = unpack(db_col_str(st, at), &plain, e);
    if (rc == ERR_OK)
        *ret = arena_str(a, buf_str(&plain));
    buf_release(&plain);
    return rc;
}

/* The recorded answer in its comparable form: from the whole response, else the plain text. */
static enum errc read_answer(struct arena *a, sqlite3_stmt *st, struct str *ret,
                             struct err *e)
{
    struct str response;
    struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    enum errc rc = ERR_STORE;
    if (sqlite3_column_type(st, 8) != SQLITE_NULL &&
        read_blob(a, st, 8, &response, e) == ERR_OK)
        rc = agree_answer(response, &text, e);
    if (rc == ERR_OK)
        *ret = arena_str(a, buf_str(&text));
    else
        rc = read_blob(a, st, 9, ret, e);
    buf_release(&text);
    return rc;
}

static enum errc read_row(struct arena *a, sqlite3_stmt *st, struct recorded *r,
                          struct err *e)
{
    *r = (struct recorded){.item.cost_pico = db_col_pico(st, 4)};
    r->item.id = arena_strz(a, db_col_str(st, 0));
    r->item.dialect = arena_strz(a, db_col_str(st, 1));
    r->item.provider = arena_strz(a, db_col_str(st, 2));
    r->item.model = arena_strz(a, db_col_str(st, 3));
    r->item.start_us = sqlite3_column_int64(st, 5);
    r->item.total_us = sqlite3_column_int64(st, 6) - r->item.start_us;
    usage_init(&r->usage);
    for (int c = 0; c < USAGE_N_; c++)
        if (sqlite3_column_type(st, USAGE_FIRST_COLUMN + c) != SQLITE_NULL)
            usage_set(&r->usage, (enum usage_class)c,
                      sqlite3_column_int64(st, USAGE_FIRST_COLUMN + c));
    enum errc rc = read_blob(a, st, 7, &r->item.body, e);
    return rc == ERR_OK ? read_answer(a, st, &r->item.answer, e) : rc;
}

static enum errc select_rows(struct arena *a, struct db *db, const struct query *q,
                             struct selection *s, struct err *e)
{
    sqlite3_stmt *st;
    bool row = false;
    enum errc rc = db_prepare(db, q->sql.data, &st, e);
    if (rc != ERR_OK)
        return rc;
    for (int i = 0; i < q->n_binds; i++) {
        if (q->binds[i].text != NULL)
            db_bind_strz(st, i + 1, q->binds[i].text);
        else
            sqlite3_bind_int64(st, i + 1, q->binds[i].number);
    }
    while ((rc = db_step(db, st, &row, e)) == ERR_OK && row) {
        if (s->n == s->cap) {
            size_t cap = s->cap ? s->cap * 2 : 64;
            struct recorded *grown = mem_resize(s->rows, cap, sizeof *grown);
            if (grown == NULL)
                return err_set(e, ERR_MEMORY, "out of memory");
            s->rows = grown;
            s->cap = cap;
        }
        if (read_row(a, st, &s->rows[s->n], e) == ERR_OK)
            s->n++;
        else
            s->n_unusable++;
    }
    sqlite3_reset(st);
    if (rc == ERR_OK && arena_is_broken(a))
        rc = err_set(e, ERR_MEMORY, "the selection is too large; use -n or --sample");
    return rc;
}

/* Keeps n of the rows: a partial shuffle. */
static void sample_rows(struct selection *s, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n && i < s->n; i++) {
        size_t j = i + (size_t)(num_draw(&seed) % (s->n - i));
        struct recorded keep = s->rows[i];
        s->rows[i] = s->rows[j];
        s->rows[j] = keep;
    }
    s->n = MIN(s->n, n);
}

static enum errc apply_sample(struct selection *s, const char *text, struct err *e)
{
    struct str rest = str_of(text), part;
    uint64_t n = 0, seed = 1;
    bool ok = str_split(&rest, ':', &part) && num_u64(part, 1000000, &n) == ERR_OK &&
              (rest.ptr == NULL || num_u64(rest, UINT64_MAX, &seed) == ERR_OK);
    if (!ok)
        return err_set(e, ERR_USAGE, "--sample takes N or N:SEED, not \"%s\"", text);
    sample_rows(s, (size_t)n, seed);
    return ERR_OK;
}

/* ---- show ---- */

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
    {.name = "unpriced", .type = OUT_INT, .hidden = true},
};

/* What one target, or the record itself, comes to. Costs are of the same requests. */
struct summary {
    const char *name;
    size_t n, n_exact, n_norm, n_errors, n_unpriced;
    pico cost_pico, recorded_pico; /* of the requests counted in n */
    int64_t *samples;              /* owned; durations of n answers, NULL for none */
    bool is_record, is_dry;
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

static void add_share(struct out *o, bool known, size_t k, size_t n)
{
    if (known && n > 0)
        out_int(o, (int64_t)(k * 1000000 / n));
    else
        out_null(o);
}

static void add_duration(struct out *o, const struct summary *s, unsigned permille)
{
    if (s->samples != NULL && s->n > 0)
        out_int(o, stat_quantile(s->samples, s->n, permille));
    else
        out_null(o);
}

static void add_summary(struct out *o, const struct summary *s)
{
    bool compared = !s->is_record && !s->is_dry && s->n > 0;
    int64_t ppm, low = 0, high = 0;
    out_textz(o, s->name);
    out_int(o, (int64_t)s->n);
    out_money(o, s->n_unpriced > 0 || (s->n == 0 && !s->is_record) ? PICO_UNKNOWN
                                                                   : s->cost_pico);
    if (!s->is_record && s->n_unpriced == 0 &&
        change_ppm(s->recorded_pico, s->cost_pico, &ppm))
        out_int(o, ppm);
    else
        out_null(o);
    add_duration(o, s, 500);
    add_duration(o, s, 950);
    add_share(o, compared, s->n_exact, s->n);
    add_share(o, compared, s->n_norm, s->n);
    stat_wilson(s->n_norm, s->n, &low, &high);
    if (compared) {
        out_int(o, low);
        out_int(o, high);
    } else {
        out_null(o);
        out_null(o);
    }
    out_int(o, (int64_t)s->n_errors);
    out_int(o, (int64_t)s->n_unpriced);
    out_row_end(o);
}

static void sentence(struct out *o, const struct summary *s)
{
    int64_t ppm;
    if (s->n == 0 || s->n_unpriced > 0 ||
        !change_ppm(s->recorded_pico, s->cost_pico, &ppm))
        return;
    int64_t percent = (llabs(ppm) + 5000) / 10000;
    char agreed[64] = "";
    if (!s->is_dry)
        snprintf(agreed, sizeof agreed, " and agree on %zu %%",
                 (s->n_norm * 100 + s->n / 2) / s->n);
    char prompts[40] = "prompt";
    if (s->n > 1)
        snprintf(prompts, sizeof prompts, "%zu prompts", s->n);
    out_footer(o, "The same %s on %s would have cost %" PRId64 " %% %s%s.", prompts,
               s->name, percent, ppm <= 0 ? "less" : "more", agreed);
}

static void summarise(const struct selection *sel, size_t target, struct summary *s)
{
    for (size_t i = 0; i < sel->n; i++) {
        const struct replay_item *item = &sel->rows[i].item;
        const struct replay_result *r = &item->results[target];
        if (r->outcome == ERR_AGAIN)
            continue;
        if (r->outcome != ERR_OK) {
            s->n_errors++;
            continue;
        }
        if (s->samples != NULL)
            s->samples[s->n] = r->total_us;
        s->n++;
        s->n_exact += r->exact;
        s->n_norm += r->norm;
        s->n_unpriced += r->cost_pico == PICO_UNKNOWN;
        add_cost(&s->cost_pico, r->cost_pico);
        add_cost(&s->recorded_pico, item->cost_pico);
    }
}

static void summarise_record(const struct selection *sel, struct summary *s)
{
    for (size_t i = 0; i < sel->n; i++) {
        const struct replay_item *item = &sel->rows[i].item;
        if (s->samples != NULL)
            s->samples[s->n] = item->total_us;
        s->n++;
        s->n_unpriced += item->cost_pico == PICO_UNKNOWN;
        add_cost(&s->cost_pico, item->cost_pico);
    }
}

static enum errc show(struct cmd_ctx *ctx, const struct cmd_entry *entry,
                      const struct selection *sel, const struct options *opt,
                      const char *run, struct err *e)
{
    struct out *o = NULL;
    enum errc rc = out_new(ctx, cmd_format(ctx, entry), "llmgw.replay/1", columns,
                           ARRAY_LEN(columns), &o, e);
    if (rc != ERR_OK)
        return rc;
    out_headline(o, "%zu request%s%s%s", sel->n, sel->n == 1 ? "" : "s",
                 opt->dry_run ? ", priced only" : " · run ", opt->dry_run ? "" : run);
    AUTO(buf_release) struct buf json = BUF_INIT(1000);
    json_quote(&json, str_of(run));
    out_meta(o, "run", opt->dry_run ? STR("null") : buf_str(&json));
    struct summary s = {.name = "recorded",
                        .is_record = true,
                        .samples = mem_alloc(sel->n, sizeof *s.samples)};
    summarise_record(sel, &s);
    add_summary(o, &s);
    for (size_t t = 0; t < opt->against.n; t++) {
        int64_t *samples = s.samples;
        s = (struct summary){.name = opt->against.items[t],
                             .is_dry = opt->dry_run,
                             .samples = opt->dry_run ? NULL : samples};
        summarise(sel, t, &s);
        add_summary(o, &s);
        sentence(o, &s);
        s.samples = samples;
    }
    mem_free(s.samples);
    if (sel->n_unusable > 0)
        out_warning(o, "%zu recorded request%s cannot be read and %s left out",
                    sel->n_unusable, sel->n_unusable == 1 ? "" : "s",
                    sel->n_unusable == 1 ? "was" : "were");
    rc = out_finish(o, e);
    out_free(&o);
    return rc;
}

/* ---- run ---- */

/* The recorded usage at another model's prices; nothing is sent. */
static enum errc price_only(struct cmd_ctx *ctx, struct selection *sel,
                            const struct options *opt, struct err *e)
{
    int64_t now_us = clock_wall_us(ctx->clock);
    for (size_t t = 0; t < opt->against.n; t++) {
        struct conf_resolved to;
        enum errc rc = conf_resolve(ctx->conf, ctx->catalog,
                                    str_of(opt->against.items[t]), &ctx->arena, &to, e);
        if (rc != ERR_OK)
            return rc;
        const struct conf_target *target =
            to.route != NULL ? &to.route->targets[0] : &to.target;
        struct str model = str_of(target->model);
        struct str provider =
            conf_price_provider(ctx->conf, ctx->catalog, str_of(target->provider), model);
        for (size_t i = 0; i < sel->n; i++) {
            struct price_query q = {
                .provider = provider,
                .model = model,
                .at_us = now_us,
                .usage = &sel->rows[i].usage,
            };
            struct price_cost cost;
            rc = price_cost(ctx->catalog, &q, &cost, e);
            if (rc != ERR_OK)
                return rc;
            sel->rows[i].item.results[t] =
                (struct replay_result){.outcome = ERR_OK, .cost_pico = cost.total_pico};
        }
    }
    return ERR_OK;
}

/* How far a run is, for the terminal; in tenths for -v without one. */
struct teller {
    const struct cmd_ctx *ctx;
    struct progress line;
    int64_t start_us;
    size_t n_tenths;
    bool has_told_stop;
};

static void tell_progress(void *arg, const struct replay_progress *p)
{
    struct teller *t = arg;
    char money[MONEY_TEXT_LEN], left[NUM_TEXT_LEN] = "";
    int64_t took_us = clock_mono_us(&clock_system) - t->start_us;
    money_people(money, p->spent_pico);
    if (p->n_done > 0 && p->n_done < p->n_all)
        num_duration(left,
                     took_us / (int64_t)p->n_done * (int64_t)(p->n_all - p->n_done));
    progress_label(&t->line, "%zu/%zu · %s%s%s ·", p->n_done, p->n_all, money,
                   left[0] ? " · left " : "", left);
    if (p->is_stopped && !t->has_told_stop) {
        t->has_told_stop = true;
        progress_hide(&t->line);
        cmd_note(t->ctx, "stopping; %zu under way, Ctrl-C again abandons them",
                 p->n_running);
    }
    if (t->line.is_on)
        progress_tick(&t->line);
    else if (t->ctx->global.verbose > 0 && p->n_done * 10 / p->n_all > t->n_tenths) {
        t->n_tenths = p->n_done * 10 / p->n_all;
        cmd_note(t->ctx, "%zu of %zu, %s", p->n_done, p->n_all, money);
    }
}

/* The options that say what was selected, as replay_run keeps them. */
static void write_args(const struct options *o, const struct opt_args *ids,
                       struct buf *out)
{
    const struct {
        const char *key, *value;
    } texts[] = {
        {"since", o->since},
        {"until", o->until},
        {"model", o->model},
        {"route", o->route},
        {"cid", o->conversation},
        {"sample", o->sample},
        {"template", o->template_name},
    };
    const struct {
        const char *key;
        const char *const *items;
        size_t n;
    } lists[] = {{"against", o->against.items, o->against.n},
                 {"tag", o->tags.items, o->tags.n},
                 {"ids", ids->items, ids->n}};
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].value != NULL)
            jw_kstrz(&w, texts[i].key, texts[i].value);
    if (o->last_us > 0)
        jw_ki64(&w, "last_us", o->last_us);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (lists[i].n == 0)
            continue;
        jw_key(&w, lists[i].key);
        jw_array(&w);
        for (size_t k = 0; k < lists[i].n; k++)
            jw_strz(&w, lists[i].items[k]);
        jw_array_end(&w);
    }
    jw_object_end(&w);
}

/* A run that nobody remembers is no reason to throw its answers away. */
static void keep(struct cmd_ctx *ctx, const struct replay_plan *plan, const char *state)
{
    struct err why = ERR_INIT;
    if (replay_keep(ctx, plan, state, &why) != ERR_OK)
        cmd_warn(ctx, "the run is not recorded: %s", why.text);
}

static int n_jobs(const struct cmd_ctx *ctx, const struct options *opt)
{
    int64_t n = opt->jobs > 0 ? opt->jobs : ctx->conf->replay.jobs;
    return (int)MIN(MAX(n, 1), 64);
}

static enum errc send_all(struct cmd_ctx *ctx, struct selection *sel,
                          const struct options *opt, const struct opt_args *ids,
                          const char *run, struct err *e)
{
    AUTO(buf_release) struct buf args = BUF_INIT(LIMIT_RUN_LEN / 2);
    write_args(opt, ids, &args);
    if (buf_err(&args) != ERR_OK)
        return err_set(e, buf_err(&args), "the selection is too long to be recorded");
    struct replay_item *items = mem_alloc(sel->n, sizeof *items);
    if (items == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < sel->n; i++)
        items[i] = sel->rows[i].item;
    struct replay_plan plan = {
        .run = run,
        .start_us = clock_wall_us(ctx->clock),
        .args = buf_str(&args),
        .items = items,
        .n_items = sel->n,
        .against = opt->against.items,
        .n_against = opt->against.n,
        .jobs = n_jobs(ctx, opt),
        .max_cost_pico = opt->max_cost_pico,
    };
    struct teller teller = {.ctx = ctx, .start_us = clock_mono_us(&clock_system)};
    progress_init(&teller.line, ctx);
    progress_start(&teller.line);
    enum errc rc = sig_open(true, &plan.stop_fd, e);
    if (rc == ERR_OK) {
        keep(ctx, &plan, "running");
        rc = replay_run(ctx, &plan, tell_progress, &teller, e);
    }
    progress_end(&teller.line);
    if (rc == ERR_OK)
        keep(ctx, &plan, teller.has_told_stop ? "stopped" : "done");
    for (size_t i = 0; rc == ERR_OK && i < sel->n; i++)
        sel->rows[i].item = items[i];
    mem_free(items);
    return rc;
}

/* Some sent, some not: useful, but incomplete. */
static enum errc verdict(const struct selection *sel, const struct options *opt,
                         struct err *e)
{
    size_t n_failed = 0, n_unsent = 0, n_all = sel->n * opt->against.n;
    const char *why = "";
    int signo = sig_take();
    for (size_t i = 0; i < sel->n; i++) {
        for (size_t t = 0; t < opt->against.n; t++) {
            const struct replay_result *r = &sel->rows[i].item.results[t];
            n_failed += r->outcome != ERR_OK;
            n_unsent += r->outcome == ERR_AGAIN;
            if (r->error[0] != '\0')
                why = r->error;
        }
    }
    if (signo != 0) {
        err_set(e, ERR_CANCELLED, "stopped: %zu of %zu requests were not sent", n_unsent,
                n_all);
        e->sys = signo;
        return e->code;
    }
    if (n_failed == 0)
        return ERR_OK;
    return err_set(e, ERR_PARTIAL, "%zu of %zu requests brought no answer%s%s", n_failed,
                   n_all, why[0] ? ": " : "", why);
}

static enum errc run_selected(struct cmd_ctx *ctx, const struct options *opt,
                              const struct opt_args *args, struct db *db,
                              struct selection *sel, struct err *e)
{
    char run[ULID_LEN + 1];
    struct query q = {.n_binds = 0};
    enum errc rc = build_query(&q, ctx, opt, args, e);
    if (rc == ERR_OK)
        rc = select_rows(&ctx->arena, db, &q, sel, e);
    buf_release(&q.sql);
    if (rc == ERR_OK && opt->sample != NULL)
        rc = apply_sample(sel, opt->sample, e);
    if (rc != ERR_OK)
        return rc;
    if (args->n > 0 && sel->n == 0)
        return err_set(
            e, ERR_NOT_FOUND,
            "no recorded request with that id\n"
            "hint: llmgw log list; only requests recorded in full can be replayed");
    clock_ulid(run, clock_wall_us(ctx->clock));
    rc = opt->dry_run || sel->n == 0 ? price_only(ctx, sel, opt, e)
                                     : send_all(ctx, sel, opt, args, run, e);
    if (rc == ERR_OK)
        rc = show(ctx, &cmd_replay, sel, opt, run, e);
    return rc == ERR_OK ? verdict(sel, opt, e) : rc;
}

static enum errc run(struct cmd_ctx *ctx, void *p, const struct opt_args *args,
                     struct err *e)
{
    const struct options *opt = p;
    if (opt->against.n == 0)
        return err_set(e, ERR_USAGE,
                       "against what?\nhint: llmgw replay --last 7d --against MODEL");
    if (opt->against.n > REPLAY_AGAINST)
        return err_set(e, ERR_USAGE, "more than %d --against", REPLAY_AGAINST);
    struct db *db = NULL;
    const char *path = conf_path_db(&ctx->arena, ctx->conf, cmd_getenv);
    enum errc rc = db_open(path, DB_READ, &db, e);
    struct selection sel = {.rows = NULL};
    if (rc == ERR_OK)
        rc = run_selected(ctx, opt, args, db, &sel, e);
    db_close(&db);
    mem_free(sel.rows);
    return rc;
}

static const struct cmd_example examples[] = {
    {"llmgw replay --last 7d --against openai/gpt-6-luna",
     "last week's prompts on another model"},
    {"llmgw replay -m claude-sonnet-5 --against haiku --dry-run",
     "what they would cost there; sends nothing"},
    {"llmgw replay --tag task=triage --sample 50:7 --against haiku -j",
     "fifty of them, as JSON"},
    {NULL, NULL},
};

const struct cmd_entry cmd_replay = {
    .name = "replay",
    .args = "[options] [ID...]",
    .summary = "run recorded requests again on other models and compare",
    .options = options,
    .options_size = sizeof(struct options),
    .init = init,
    .needs = CMD_CONF | CMD_CATALOG | CMD_BROKER | CMD_LEDGER,
    .formats = 1U << FORMAT_TABLE | 1U << FORMAT_JSON | 1U << FORMAT_JSONL |
               1U << FORMAT_CSV | 1U << FORMAT_TSV | 1U << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .run = run,
};
