/*
 * cost_check.c: budgets against the ledger, for cron: nothing when all is well, a line each and
 * exit 6 when not. What is over its limit is said every time; a warning once per period, which
 * a small file in the state folder remembers.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/cost.h"
#include "cmd/files.h"
#include "cmd/out.h"

enum { MARKS_LEN = 64 * 1024 };

static const enum zone_unit budget_units[] = {
    [CONF_PER_HOUR] = ZONE_HOUR,
    [CONF_PER_DAY] = ZONE_DAY,
    [CONF_PER_WEEK] = ZONE_WEEK,
    [CONF_PER_MONTH] = ZONE_MONTH,
};

bool cost_budget(struct cmd_ctx *ctx, const struct period *p, pico *ret_limit)
{
    static const char *const names[] = {
        [CONF_PER_HOUR] = "",
        [CONF_PER_DAY] = "today",
        [CONF_PER_WEEK] = "week",
        [CONF_PER_MONTH] = "month",
    };
    for (size_t i = 0; p->name != NULL && i < ctx->conf->n_budgets; i++) {
        const struct conf_budget *b = &ctx->conf->budgets[i];
        bool is_whole = b->project == NULL && b->client == NULL && b->provider == NULL &&
                        b->tag == NULL;
        if (is_whole && strcmp(names[b->per], p->name) == 0) {
            *ret_limit = b->limit_pico;
            return true;
        }
    }
    return false;
}

/* ---- what was said already ---- */

/* Lines "PERIOD NAME"; PERIOD is the start of the window in microseconds. */
struct marks {
    const char *path;
    struct buf text;
    bool changed;
};

static enum errc load_marks(struct cmd_ctx *ctx, struct marks *m, struct err *e)
{
    m->path = conf_path_state(&ctx->arena, cmd_getenv, "budget-warnings");
    enum errc rc = files_read(m->path, &m->text, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    return ERR_OK;
}

/* Was this line there? It is now; others of the same name are over. */
static bool mark(struct marks *m, const char *name, int64_t period_us)
{
    AUTO(buf_release) struct buf kept = BUF_INIT(MARKS_LEN);
    char wanted[CLOCK_TEXT_LEN];
    snprintf(wanted, sizeof wanted, "%lld", (long long)period_us);
    struct str rest = buf_str(&m->text), line;
    bool was_there = false;
    while (str_split(&rest, '\n', &line)) {
        size_t blank = str_find(line, ' ');
        if (str_eqz(str_sub(line, blank + 1, line.len), name))
            was_there |= str_eqz(str_sub(line, 0, blank), wanted);
        else if (line.len > 0)
            buf_printf(&kept, "%.*s\n", STR_ARG(line));
    }
    buf_printf(&kept, "%s %s\n", wanted, name);
    if (was_there || buf_err(&kept) != ERR_OK)
        return was_there;
    buf_reset(&m->text);
    buf_adds(&m->text, buf_str(&kept));
    m->changed = true;
    return false;
}

/* ---- checking ---- */

struct check {
    struct cmd_ctx *ctx;
    struct db *db;
    int64_t warn_ppm; /* −1: as the budget says */
    struct marks marks;
    struct buf lines;
};

/* Says what is to be said of one limit. */
static void judge(struct check *k, const char *name, const char *span, pico spent,
                  pico limit, int64_t warn_ppm, int64_t period_us)
{
    char have[MONEY_TEXT_LEN], of[MONEY_TEXT_LEN];
    bool is_over = spent >= limit;
    bool is_near = warn_ppm >= 0 && (i128)spent * 1000000 >= (i128)limit * warn_ppm;
    if (!is_over && (!is_near || mark(&k->marks, name, period_us)))
        return;
    money_people(have, spent);
    money_people(of, limit);
    buf_printf(&k->lines, "%s: %s of %s", name, have, of);
    if (limit > 0)
        buf_printf(&k->lines, " (%lld %%)", (long long)((i128)spent * 100 / limit));
    buf_printf(&k->lines, " %s\n", span);
}

static enum errc check_budget(struct check *k, const struct conf_budget *b, struct err *e)
{
    static const char *const spans[] = {
        [CONF_PER_HOUR] = "this hour",
        [CONF_PER_DAY] = "today",
        [CONF_PER_WEEK] = "this week",
        [CONF_PER_MONTH] = "this month",
    };
    struct report r;
    enum errc rc = b->tz != NULL ? zone_use(b->tz, e) : ERR_OK;
    if (rc != ERR_OK)
        return rc;
    enum zone_unit unit = budget_units[b->per];
    struct report_query q = {
        .since_us = zone_floor(clock_wall_us(k->ctx->clock), unit),
        .project = str_of(b->project),
        .client = str_of(b->client),
        .provider = str_of(b->provider),
    };
    q.until_us = zone_step(q.since_us, unit, 1);
    if (b->tag != NULL) {
        struct str tag = str_of(b->tag);
        size_t eq = str_find(tag, '=');
        q.tag_key = str_sub(tag, 0, eq);
        q.tag_value = str_sub(tag, eq + 1, tag.len);
    }
    rc = cost_report(k->ctx, k->db, &q, &r, e);
    if (rc != ERR_OK)
        return rc;
    int64_t warn_ppm = k->warn_ppm >= 0 ? k->warn_ppm : b->warn_ppm;
    judge(k, arena_printf(&k->ctx->arena, "budget %s", b->name), spans[b->per],
          r.all.cost_pico, b->limit_pico, warn_ppm > 0 ? warn_ppm : -1, q.since_us);
    return ERR_OK;
}

/* Those with a zone of their own come last, because the process has one zone at a time. */
static enum errc check_budgets(struct check *k, struct err *e)
{
    const struct conf *c = k->ctx->conf;
    enum errc rc = ERR_OK;
    for (int has_zone = 0; has_zone <= 1; has_zone++)
        for (size_t i = 0; i < c->n_budgets && rc == ERR_OK; i++)
            if ((c->budgets[i].tz != NULL) == has_zone)
                rc = check_budget(k, &c->budgets[i], e);
    return rc;
}

static enum errc check_limit(struct check *k, pico limit, const struct period *p,
                             const struct report_query *q, struct err *e)
{
    struct report r;
    enum errc rc = cost_report(k->ctx, k->db, q, &r, e);
    if (rc == ERR_OK)
        judge(k, "limit", p->label, r.all.cost_pico, limit, k->warn_ppm, p->since_us);
    return rc;
}

static enum errc check_all(struct check *k, const struct cost_options *o,
                           const struct period *p, const struct report_query *q,
                           struct err *e)
{
    enum errc rc = load_marks(k->ctx, &k->marks, e);
    if (rc == ERR_OK && o->limit_pico != PICO_UNKNOWN)
        rc = check_limit(k, o->limit_pico, p, q, e);
    if (rc == ERR_OK && o->check)
        rc = check_budgets(k, e);
    if (rc == ERR_OK && k->marks.changed)
        rc = conf_write_file(k->marks.path, buf_str(&k->marks.text), e);
    if (rc == ERR_OK && buf_err(&k->lines) != ERR_OK)
        rc = err_set(e, buf_err(&k->lines), "out of memory");
    if (rc != ERR_OK || k->lines.len == 0)
        return rc;
    rc = out_write(k->ctx, buf_str(&k->lines), e);
    return rc == ERR_OK ? err_set(e, ERR_CHECK, "%s", "") : rc;
}

enum errc cost_check(struct cmd_ctx *ctx, const struct cost_options *o, struct db *db,
                     const struct period *p, const struct report_query *q, struct err *e)
{
    if (o->limit_pico == PICO_UNKNOWN && ctx->conf->n_budgets == 0)
        return err_set(e, ERR_USAGE,
                       "nothing to check: no [budget] is configured\n"
                       "hint: llmgw cost --limit USD");
    struct check k = {
        .ctx = ctx,
        .db = db,
        .warn_ppm = o->warn_ppm,
        .marks.text = BUF_INIT(MARKS_LEN),
        .lines = BUF_INIT(MARKS_LEN),
    };
    enum errc rc = check_all(&k, o, p, q, e);
    buf_release(&k.marks.text);
    buf_release(&k.lines);
    return rc;
}
