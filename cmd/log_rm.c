/*
 * log_rm.c: deleting, so that nothing is left in any file of the ledger. The broker does it when
 * one runs, for it alone writes; without one this does, and holds the spool's lock meanwhile.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"
#include "core/mem.h"
#include "core/prune.h"
#include "core/spoolfile.h"
#include "core/texts.h"

#include "cmd/ask.h"
#include "cmd/history.h"
#include "cmd/link.h"
#include "cmd/log.h"

/* What is to go: a conversation or a span as such, anything else request by request. */
struct doomed {
    struct prune_selection span; /* when n_ids is 0 */
    const char **ids;            /* owned; in the command's arena */
    size_t n_ids, cap;
    int64_t n_requests; /* how many they are */
    bool texts_only;
};

/* ---- choosing ---- */

static enum errc add_id(struct doomed *d, const char *id, struct err *e)
{
    if (d->n_ids == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 64;
        const char **grown = mem_resize(d->ids, cap, sizeof *grown);
        if (grown == NULL)
            return err_set(e, ERR_MEMORY, "out of memory");
        d->ids = grown;
        d->cap = cap;
    }
    d->ids[d->n_ids++] = id;
    return ERR_OK;
}

struct choosing {
    struct arena *arena;
    struct doomed *doomed;
};

static enum errc take_request(void *arg, const struct report_request *r, struct err *e)
{
    struct choosing *c = arg;
    return add_id(c->doomed, arena_strz(c->arena, r->id), e);
}

static bool has_filter(const struct log_options *o)
{
    return o->model != NULL || o->route != NULL || o->project != NULL ||
           o->template_name != NULL || o->tag != NULL || o->status != NULL ||
           o->kind != NULL || o->id_gt != NULL || o->grep != NULL || o->n > 0;
}

static bool has_span(const struct log_options *o)
{
    return o->period.since != NULL || o->period.until != NULL || o->period.last_us > 0 ||
           o->older_than_us > 0;
}

static bool has_conversation(const struct log_options *o)
{
    return o->current || o->cid != NULL;
}

enum errc log_ids_alone(const struct log_options *o, size_t n_ids, struct err *e)
{
    if (n_ids > 0 && (has_conversation(o) || has_span(o) || has_filter(o)))
        return err_set(e, ERR_USAGE, "ids, or options that choose: not both");
    return ERR_OK;
}

static enum errc choose_ids(struct cmd_ctx *ctx, struct db *db, const char *const *ids,
                            size_t n, struct doomed *d, struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        struct report_request r;
        rc = report_find(db, str_of(ids[i]), &ctx->arena, &r, e);
        if (rc == ERR_OK)
            rc = add_id(d, arena_strz(&ctx->arena, r.id), e);
    }
    d->n_requests = (int64_t)d->n_ids;
    return rc;
}

static enum errc count_span(struct db *db, struct doomed *d, struct err *e)
{
    char from[ULID_LEN + 1], to[ULID_LEN + 1] = "~"; /* above any id */
    bool by_name = d->span.conversation.len > 0, row;
    sqlite3_stmt *st;
    enum errc rc =
        db_prepare(db,
                   by_name ? "SELECT count(*) FROM request WHERE conversation = ?1"
                           : "SELECT count(*) FROM request WHERE id >= ?1 AND id < ?2",
                   &st, e);
    if (rc != ERR_OK)
        return rc;
    clock_ulid_floor(from, d->span.since_us);
    if (d->span.until_us > 0)
        clock_ulid_floor(to, d->span.until_us);
    db_bind_str(st, 1, by_name ? d->span.conversation : str_of(from));
    if (!by_name)
        db_bind_strz(st, 2, to);
    rc = db_step(db, st, &row, e);
    if (rc == ERR_OK) {
        d->n_requests = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return rc;
}

static enum errc choose_filtered(struct cmd_ctx *ctx, const struct log_options *o,
                                 struct db *db, struct doomed *d, struct err *e)
{
    struct report_filter f;
    struct choosing c = {&ctx->arena, d};
    enum errc rc = log_filter(ctx, o, db, INT64_MAX, &f, e);
    if (o->older_than_us > 0)
        f.until_us = clock_wall_us(ctx->clock) - o->older_than_us;
    if (rc == ERR_OK)
        rc = report_requests(db, &f, take_request, &c, e);
    d->n_requests = (int64_t)d->n_ids;
    return rc == ERR_OK && arena_is_broken(&ctx->arena)
               ? err_set(e, ERR_MEMORY, "too many requests at a time; choose by --until")
               : rc;
}

static enum errc choose_span(struct cmd_ctx *ctx, const struct log_options *o,
                             struct db *db, struct doomed *d, struct err *e)
{
    struct period p;
    const char *conversation = NULL;
    enum errc rc = ERR_OK;
    if (o->current || o->cid != NULL)
        rc = history_find(ctx, db, o->cid, &conversation, e);
    else if (o->older_than_us > 0)
        d->span.until_us = clock_wall_us(ctx->clock) - o->older_than_us;
    else
        rc = period_parse(ctx, NULL, "all", &o->period, &p, e);
    if (rc != ERR_OK)
        return rc;
    if (conversation != NULL) {
        d->span.conversation = str_of(conversation);
    } else if (o->older_than_us == 0) {
        d->span.since_us = p.since_us;
        d->span.until_us = p.is_open ? 0 : p.until_us;
    }
    return count_span(db, d, e);
}

static enum errc choose(struct cmd_ctx *ctx, const struct log_options *o, struct db *db,
                        const char *const *ids, size_t n, struct doomed *d, struct err *e)
{
    if ((n > 0) + has_conversation(o) + has_span(o) + has_filter(o) == 0)
        return err_set(
            e, ERR_USAGE,
            "which requests?\nhint: an ID, --cid, --older-than 90d, --last 1h");
    if (log_ids_alone(o, n, e) != ERR_OK)
        return e->code;
    if (o->older_than_us > 0 && (o->period.until != NULL || o->period.last_us > 0))
        return err_set(e, ERR_USAGE, "--older-than goes with neither --until nor --last");
    if (db == NULL)
        return n > 0 ? err_set(e, ERR_NOT_FOUND, "no request %s: there is no ledger yet",
                               ids[0])
                     : ERR_OK;
    if (n > 0)
        return choose_ids(ctx, db, ids, n, d, e);
    bool is_simple = !has_filter(o) && has_conversation(o) + has_span(o) == 1 &&
                     !(o->older_than_us > 0 && o->period.since != NULL);
    if (is_simple && !(d->texts_only && has_span(o)))
        return choose_span(ctx, o, db, d, e);
    return choose_filtered(ctx, o, db, d, e);
}

/* The selections, one by one: n of them. */
static size_t n_selections(const struct doomed *d)
{
    return d->n_ids > 0 ? d->n_ids : 1;
}

static struct prune_selection selection(const struct doomed *d, size_t i)
{
    struct prune_selection s = d->span;
    if (d->n_ids > 0)
        s = (struct prune_selection){.id = str_of(d->ids[i])};
    s.texts_only = d->texts_only;
    return s;
}

/* ---- by the broker ---- */

static enum errc ask_broker(struct link *link, const char *method, const char *path,
                            struct str body, struct json_object **ret, struct err *e)
{
    AUTO(link_answer_release) struct link_answer a = {0};
    enum errc rc = link_call(link, method, path, STR(""), body, &a, e);
    if (rc == ERR_OK && a.status != 200)
        rc = link_error(&a, e);
    return rc == ERR_OK ? jx_parse(buf_str(&a.body), ret, e) : rc;
}

static enum errc order_one(struct link *link, const struct prune_selection *s,
                           int64_t *ret_number, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    if (s->id.len > 0)
        jw_kstr(&w, "id", s->id);
    else if (s->conversation.len > 0)
        jw_kstr(&w, "conversation", s->conversation);
    if (s->since_us > 0)
        jw_ki64(&w, "since_us", s->since_us);
    if (s->until_us > 0)
        jw_ki64(&w, "until_us", s->until_us);
    if (s->texts_only)
        jw_kbool(&w, "texts_only", true);
    jw_object_end(&w);
    enum errc rc = ask_broker(link, "POST", "/llmgw/v1/log/rm", buf_str(&body), &o, e);
    if (rc == ERR_OK)
        (void)jx_i64(o, "removal", 1, INT64_MAX, ret_number);
    return rc;
}

/* Until nothing is left of them; what holds the broker up is told after a while. */
static enum errc wait_for(struct link *link, int64_t number, struct err *e)
{
    enum { STEP_MS = 20, PATIENCE_MS = 60000 };
    enum errc rc = ERR_OK;
    for (int ms = 0; rc == ERR_OK; ms += STEP_MS) {
        AUTO(jx_put) struct json_object *o = NULL;
        int64_t n_done = 0;
        rc = ask_broker(link, "GET", "/llmgw/v1/status", STR(""), &o, e);
        struct json_object *ledger = jx_obj(o, "ledger");
        if (rc == ERR_OK && jx_i64(ledger, "removals", 0, INT64_MAX, &n_done) &&
            n_done >= number)
            break;
        if (rc == ERR_OK && ms >= PATIENCE_MS) {
            struct str why = jx_str(ledger, "trouble");
            rc = err_set(e, ERR_STORE,
                         "not everything is deleted yet, the broker goes on trying: %.*s",
                         STR_ARG(why.len > 0 ? why : STR("a reader holds the ledger")));
        }
        if (rc == ERR_OK)
            poll(NULL, 0, STEP_MS);
    }
    return rc;
}

static enum errc by_broker(struct link *link, const struct doomed *d, struct err *e)
{
    int64_t number = 0;
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < n_selections(d) && rc == ERR_OK; i++) {
        struct prune_selection s = selection(d, i);
        rc = order_one(link, &s, &number, e);
    }
    return rc == ERR_OK ? wait_for(link, number, e) : rc;
}

/* ---- without one ---- */

static enum errc delete_rows(struct db *db, const struct doomed *d, struct err *e)
{
    bool is_truncated = false;
    int64_t n;
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < n_selections(d) && rc == ERR_OK; i++) {
        struct prune_selection s = selection(d, i);
        rc = prune_requests(db, &s, &n, e);
    }
    if (rc == ERR_OK)
        rc = texts_clean(db, e);
    if (rc == ERR_OK)
        rc = db_truncate_wal(db, &is_truncated, e);
    if (rc == ERR_OK && !is_truncated)
        rc = err_set(e, ERR_AGAIN,
                     "deleted, but another program still reads the ledger, which keeps "
                     "traces in its write-ahead log: end it and do this again");
    return rc;
}

/* *ret_done false: the spool holds what only a broker can sort out. */
static enum errc directly(struct cmd_ctx *ctx, const struct doomed *d, bool *ret_done,
                          struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    const char *path = conf_path_db(&ctx->arena, ctx->conf, cmd_getenv);
    int lock;
    enum errc rc =
        spool_claim(arena_printf(&ctx->arena, "%s.spool", path), &lock, ret_done, e);
    if (rc != ERR_OK)
        return rc;
    if (*ret_done)
        rc = db_open(path, DB_WRITE, &db, e);
    if (rc == ERR_OK && *ret_done)
        rc = delete_rows(db, d, e);
    if (rc == ERR_OK && *ret_done)
        rc = spool_wipe(lock, e);
    close(lock);
    return rc;
}

static enum errc carry_out(struct cmd_ctx *ctx, const struct doomed *d, struct err *e)
{
    AUTO(link_close) struct link *link = NULL;
    bool is_done = false;
    enum errc rc = link_open(ctx, false, &link, e);
    if (rc != ERR_OK) {
        err_clear(e);
        rc = directly(ctx, d, &is_done, e);
    }
    if (rc == ERR_OK && link == NULL && !is_done)
        rc = link_open(ctx, true, &link, e);
    return rc == ERR_OK && link != NULL ? by_broker(link, d, e) : rc;
}

/* ---- the commands ---- */

static enum errc run(struct cmd_ctx *ctx, const struct log_options *o,
                     const char *const *ids, size_t n, struct doomed *d, struct err *e)
{
    struct db *db = NULL;
    const char *verb = d->texts_only ? "redact" : "delete";
    enum errc rc = cmd_formats(ctx, d->texts_only ? "log redact" : "log rm", 0, e);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    if (rc == ERR_OK)
        rc = choose(ctx, o, db, ids, n, d, e);
    db_close(&db); /* a reader would keep what is to go */
    bool is_told = ctx->global.verbose > 0 || isatty(STDERR_FILENO);
    if (rc == ERR_OK && d->n_requests == 0 && is_told)
        cmd_note(ctx, "no request is like that");
    if (rc != ERR_OK || d->n_requests == 0)
        return rc;
    if (!o->yes && ask_can(ctx) &&
        !ask_yes(ctx, "%s %lld request%s for good?", verb, (long long)d->n_requests,
                 d->n_requests == 1 ? "" : "s"))
        return err_set(e, ERR_REFUSED, "nothing was deleted");
    rc = carry_out(ctx, d, e);
    if (rc == ERR_OK && is_told)
        cmd_note(ctx, "%lld request%s %sd", (long long)d->n_requests,
                 d->n_requests == 1 ? "" : "s", d->texts_only ? "redacte" : "delete");
    return rc;
}

enum errc log_rm(struct cmd_ctx *ctx, void *options, const char *const *args, size_t n,
                 struct err *e)
{
    struct doomed d = {.ids = NULL};
    enum errc rc = run(ctx, options, args, n, &d, e);
    mem_free(d.ids);
    return rc;
}

enum errc log_redact(struct cmd_ctx *ctx, void *options, const char *const *args,
                     size_t n, struct err *e)
{
    struct doomed d = {.texts_only = true};
    enum errc rc = run(ctx, options, args, n, &d, e);
    mem_free(d.ids);
    return rc;
}
