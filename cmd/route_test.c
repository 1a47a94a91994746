/*
 * route_test.c: `llmgw route test`, which asks targets, and `llmgw route history`, which tells how
 * requests were decided. The second reads the ledger and needs no broker.
 */
#include <string.h>

#include "core/jsonx.h"
#include "core/report.h"

#include "cmd/log.h"
#include "cmd/out.h"
#include "cmd/probe.h"
#include "cmd/route.h"

/* ---- test ---- */

struct testing {
    struct cmd_ctx *ctx;
    struct out *out;
    const char **seen; /* arena; targets that were asked */
    size_t n, n_failed;
    pico cost;
};

static const struct out_column test_columns[] = {
    {.name = "target", .type = OUT_TEXT, .soft = 22},
    {.name = "result", .type = OUT_TEXT},
    {.name = "took", .type = OUT_DURATION, .priority = 1, .right = true},
    {.name = "cost", .type = OUT_MONEY, .priority = 2},
    {.name = "why", .type = OUT_TEXT, .soft = 24, .flows = true},
};

/* One that several routes have is asked once. */
static bool is_new(struct testing *t, const char *target)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->seen[i], target) == 0)
            return false;
    t->seen[t->n++] = target;
    return true;
}

static void test_target(struct testing *t, const char *target)
{
    struct probe p;
    struct err why = ERR_INIT;
    if (target == NULL || !is_new(t, target))
        return;
    enum errc rc = probe_ask(t->ctx, target, &p, &why);
    out_textz(t->out, target);
    out_textz(t->out, rc == ERR_OK ? "ok" : errc_name(rc));
    out_int(t->out, p.took_us);
    out_money(t->out, p.cost);
    if (rc == ERR_OK)
        out_null(t->out);
    else
        out_textz(t->out, why.text);
    out_row_end(t->out);
    t->n_failed += rc != ERR_OK;
    if (p.cost != PICO_UNKNOWN)
        (void)!money_add(t->cost, p.cost, &t->cost);
}

static const char *name_of(struct cmd_ctx *ctx, const struct conf_target *t)
{
    return arena_printf(&ctx->arena, "%s/%s", t->provider, t->model);
}

static void test_route(struct testing *t, const struct conf_route *r)
{
    for (size_t i = 0; i < r->n_targets; i++)
        test_target(t, name_of(t->ctx, &r->targets[i]));
}

/* Room for all names that there can be: before anything is asked, so that nothing is half done. */
static enum errc resolve(struct cmd_ctx *ctx, const char *const *args, size_t n,
                         struct conf_resolved *named, struct testing *t, struct err *e)
{
    const struct conf *c = ctx->conf;
    size_t max = n;
    for (size_t i = 0; i < c->n_routes; i++)
        max += c->routes[i].n_targets;
    t->seen = ARENA_ARRAY(&ctx->arena, max + 1, const char *);
    if (t->seen == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (conf_resolve(c, ctx->catalog, str_of(args[i]), &ctx->arena, &named[i], e) !=
            ERR_OK)
            return e->code;
    return ERR_OK;
}

enum errc route_test(struct cmd_ctx *ctx, void *opts, const char *const *args, size_t n,
                     struct err *e)
{
    (void)opts;
    AUTO(out_free) struct out *out = NULL;
    struct testing t = {.ctx = ctx};
    struct conf_resolved *named = ARENA_ARRAY(&ctx->arena, n + 1, struct conf_resolved);
    if (named == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    enum errc rc = cmd_need_catalog(ctx, e);
    if (rc == ERR_OK)
        rc = resolve(ctx, args, n, named, &t, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_route), "llmgw.route.test/1", test_columns,
                     ARRAY_LEN(test_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    t.out = out;
    for (size_t i = 0; i < n; i++)
        if (named[i].route != NULL)
            test_route(&t, named[i].route);
        else
            test_target(&t, name_of(ctx, &named[i].target));
    for (size_t i = 0; n == 0 && i < ctx->conf->n_routes; i++)
        test_route(&t, &ctx->conf->routes[i]);
    char money[MONEY_TEXT_LEN];
    money_people(money, t.cost);
    if (t.n > 0)
        out_footer(out, "this test cost %s", money);
    rc = out_finish(out, e);
    /* a script asks whether all is well: nobody there is not well */
    if (rc == ERR_OK && t.n == 0)
        return err_set(
            e, ERR_CHECK,
            "no route has a target\nhint: llmgw keys set openai, or llmgw route "
            "test PROVIDER/MODEL");
    if (rc == ERR_OK && t.n_failed > 0)
        return err_set(e, ERR_CHECK, "%zu of %zu target%s failed", t.n_failed, t.n,
                       t.n == 1 ? "" : "s");
    return rc;
}

/* ---- history ---- */

enum { HISTORY_MAX = 10, PASSED_LEN = 4096 };

static const struct out_column history_columns[] = {
    {.name = "start", .type = OUT_TIME, .priority = 1, .soft = 1},
    {.name = "id", .type = OUT_TEXT, .priority = 3, .keep = ULID_LEN},
    {.name = "asked", .type = OUT_TEXT, .priority = 2, .soft = 12},
    {.name = "route", .type = OUT_TEXT, .hidden = true},
    {.name = "target", .type = OUT_TEXT, .soft = 14},
    {.name = "status", .type = OUT_TEXT, .soft = 9},
    {.name = "rank", .type = OUT_TEXT, .priority = 4, .soft = 18},
    {.name = "passed_over",
     .title = "passed over",
     .type = OUT_TEXT,
     .soft = 24,
     .flows = true},
};

/*
 * "one/sim: circuit open, retry in 41s; two/x: drained; two/y: expected $0.02": of those that did
 * not serve it; and by what the one that did was ranked.
 */
static void write_passed(struct str trace, const char *served, struct buf *rank,
                         struct buf *out)
{
    AUTO(jx_put) struct json_object *all = NULL;
    struct err ignored = ERR_INIT;
    if (trace.len == 0 || jx_parse(trace, &all, &ignored) != ERR_OK ||
        !json_object_is_type(all, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        struct json_object *c = json_object_array_get_idx(all, i);
        struct str target = jx_str(c, "target"), verdict = jx_str(c, "verdict");
        struct str why = jx_str(c, "why");
        if (str_eqz(target, served)) {
            buf_adds(rank, jx_str(c, "rank"));
            continue;
        }
        if (str_eqz(verdict, "chosen"))
            continue;
        if (str_eqz(verdict, "standby"))
            why = jx_str(c, "rank");
        if (why.len > 0)
            buf_printf(out, "%s%.*s: %.*s", out->len > 0 ? "; " : "", STR_ARG(target),
                       STR_ARG(why));
    }
}

static void put(struct out *out, struct str s)
{
    if (s.len > 0)
        out_text(out, s);
    else
        out_null(out);
}

static enum errc put_decision(void *arg, const struct report_request *r, struct err *e)
{
    struct testing *t = arg;
    AUTO(buf_release) struct buf passed = BUF_INIT(PASSED_LEN);
    AUTO(buf_release) struct buf rank = BUF_INIT(PASSED_LEN);
    const char *served = log_target(&t->ctx->arena, r);
    (void)e;
    write_passed(r->trace, served, &rank, &passed);
    out_int(t->out, r->start_us);
    out_text(t->out, r->id);
    put(t->out, r->asked_model);
    put(t->out, r->route);
    put(t->out, str_of(served));
    out_text(t->out, r->outcome);
    put(t->out, buf_str(&rank));
    put(t->out, buf_str(&passed));
    out_row_end(t->out);
    return ERR_OK;
}

enum errc route_history(struct cmd_ctx *ctx, int64_t max, const char *route,
                        struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    AUTO(out_free) struct out *out = NULL;
    const struct report_filter f = {.until_us = INT64_MAX,
                                    .route = str_of(route),
                                    .max = max > 0 ? max : HISTORY_MAX};
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_route), "llmgw.route.history/1",
                           history_columns, ARRAY_LEN(history_columns), &out, e);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    struct testing t = {.ctx = ctx, .out = out};
    if (rc == ERR_OK && db != NULL)
        rc = report_requests(db, &f, put_decision, &t, e);
    if (rc == ERR_OK)
        out_if_empty(out, "nothing is recorded %s", db == NULL ? "yet" : "of that");
    return rc == ERR_OK ? out_finish(out, e) : rc;
}
