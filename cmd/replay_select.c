/*
 * replay_select.c: which recorded requests a replay is made of. Numbers first, by one query; then
 * a sample of them; then the bodies of those that are left.
 */
#include <inttypes.h>
#include <string.h>

#include "core/mem.h"
#include "core/num.h"
#include "core/pack.h"
#include "core/report.h"
#include "core/texts.h"

#include "cmd/replay.h"

enum { MAX_BINDS = 300 };

enum { SELECTION_LEN = 1024 * 1024 * 1024 }; /* bytes of all the texts of a run */

void replay_selection_init(struct replay_selection *s)
{
    *s = (struct replay_selection){.n_repeats = 1};
    arena_init(&s->arena, SELECTION_LEN);
}

void replay_selection_release(struct replay_selection *s)
{
    mem_free(s->items);
    arena_release(&s->arena);
    *s = (struct replay_selection){.n_repeats = 1};
}

enum errc replay_selection_err(const struct replay_selection *s, struct err *e)
{
    if (!arena_is_broken(&s->arena))
        return ERR_OK;
    return err_set(e, ERR_MEMORY, "the selection is too large; use -n or --sample");
}

struct replay_item *replay_selection_add(struct replay_selection *s)
{
    size_t n_results = s->n_against * s->n_repeats;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct replay_item *grown = mem_resize(s->items, cap, sizeof *grown);
        if (grown == NULL)
            return NULL;
        s->items = grown;
        s->cap = cap;
    }
    struct replay_item *item = &s->items[s->n];
    *item = (struct replay_item){
        .id = "",
        .dialect = "openai",
        .provider = "",
        .model = "",
        .metric = AGREE_NORM,
        .cost_pico = PICO_UNKNOWN,
        .results = ARENA_ARRAY(&s->arena, n_results, struct replay_result),
    };
    if (item->results == NULL)
        return NULL;
    usage_init(&item->usage);
    for (size_t i = 0; i < n_results; i++)
        item->results[i] =
            (struct replay_result){.outcome = ERR_AGAIN, .cost_pico = PICO_UNKNOWN};
    s->n++;
    return item;
}

/* ---- conditions ---- */

struct query {
    struct buf where;
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
    buf_printf(&q->where, " AND %s", condition);
    q->binds[q->n_binds++].text = value;
}

static void add_time(struct query *q, const char *condition, int64_t us)
{
    buf_printf(&q->where, " AND %s", condition);
    q->binds[q->n_binds++].number = us;
}

/* Everything, unless options name a span. */
static enum errc add_span(struct query *q, struct cmd_ctx *ctx,
                          const struct period_options *span, struct err *e)
{
    struct period p;
    if (span->since == NULL && span->until == NULL && span->last_us == 0)
        return ERR_OK;
    enum errc rc = period_parse(ctx, NULL, "all", span, &p, e);
    if (rc != ERR_OK)
        return rc;
    add_time(q, "r.start_us >= ?", p.since_us);
    add_time(q, "r.start_us < ?", p.until_us);
    return ERR_OK;
}

/* What is named by its id is meant, whatever became of it. */
static enum errc add_ids(struct query *q, struct cmd_ctx *ctx, struct db *db,
                         const struct opt_args *ids, struct err *e)
{
    if (ids->n == 0)
        buf_addz(&q->where, " AND r.kind = 'chat' AND r.outcome = 'ok'");
    for (size_t i = 0; i < ids->n && q->n_binds < MAX_BINDS; i++) {
        struct report_request found;
        enum errc rc = report_find(db, str_of(ids->items[i]), &ctx->arena, &found, e);
        if (rc != ERR_OK)
            return rc;
        if (str_eqz(found.kind, "embed"))
            return err_set(e, ERR_USAGE, "%s made embeddings: replay repeats chats",
                           ids->items[i]);
        buf_addz(&q->where, i == 0 ? " AND r.rid IN (?" : ",?");
        q->binds[q->n_binds++].number = found.rid;
    }
    if (ids->n > 0)
        buf_addc(&q->where, ')');
    return ERR_OK;
}

/* The expression must live as long as the query. */
static enum errc add_words(struct query *q, struct cmd_ctx *ctx, struct db *db,
                           const char *words, struct err *e)
{
    AUTO(buf_release) struct buf match = BUF_INIT(LIMIT_CONF_LINE);
    if (words == NULL)
        return ERR_OK;
    texts_query(str_of(words), &match);
    if (match.len == 0 || buf_err(&match) != ERR_OK)
        return err_set(e, ERR_USAGE, "--grep: what is to be searched for?");
    if (db_schema(db) < DB_SCHEMA_TEXTS)
        return err_set(e, ERR_STORE,
                       "the ledger cannot be searched yet: a newer broker makes it so\n"
                       "hint: llmgw broker restart");
    add_text(q, "r.rid IN (SELECT rowid FROM body_text WHERE body_text MATCH ?)",
             arena_strz(&ctx->arena, buf_str(&match)));
    return ERR_OK;
}

static enum errc add_conditions(struct query *q, struct cmd_ctx *ctx, struct db *db,
                                const struct replay_options *o,
                                const struct opt_args *ids, struct err *e)
{
    if (ids->n + o->tags.n + 8 > MAX_BINDS)
        return err_set(e, ERR_USAGE, "more than %d ids and tags", MAX_BINDS - 8);
    enum errc rc = add_span(q, ctx, &o->span, e);
    if (rc == ERR_OK)
        rc = add_ids(q, ctx, db, ids, e);
    if (rc == ERR_OK)
        rc = add_words(q, ctx, db, o->grep, e);
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
    return buf_err(&q->where) == ERR_OK ? ERR_OK
                                        : err_set(e, buf_err(&q->where), "selection");
}

static enum errc prepare(struct db *db, const struct query *q, const char *sql,
                         sqlite3_stmt **ret, struct err *e)
{
    enum errc rc = db_prepare(db, sql, ret, e);
    for (int i = 0; rc == ERR_OK && i < q->n_binds; i++) {
        if (q->binds[i].text != NULL)
            db_bind_strz(*ret, i + 1, q->binds[i].text);
        else
            sqlite3_bind_int64(*ret, i + 1, q->binds[i].number);
    }
    return rc;
}

/* ---- numbers ---- */

struct numbers {
    int64_t *rids; /* owned */
    size_t n, cap;
};

static enum errc read_numbers(struct db *db, sqlite3_stmt *st, struct numbers *ret,
                              struct err *e)
{
    bool row;
    enum errc rc;
    while ((rc = db_step(db, st, &row, e)) == ERR_OK && row) {
        if (ret->n == ret->cap) {
            size_t cap = ret->cap ? ret->cap * 2 : 256;
            int64_t *grown = mem_resize(ret->rids, cap, sizeof *grown);
            if (grown == NULL) {
                sqlite3_reset(st);
                return err_set(e, ERR_MEMORY, "out of memory");
            }
            ret->rids = grown;
            ret->cap = cap;
        }
        ret->rids[ret->n++] = sqlite3_column_int64(st, 0);
    }
    return rc;
}

/* Newest first, at most `max`; and how many have no body to be sent. */
static enum errc find_numbers(struct db *db, const struct query *q, int64_t max,
                              struct numbers *ret, size_t *ret_bodiless, struct err *e)
{
    AUTO(buf_release) struct buf sql = BUF_INIT(LIMIT_CONF_LEN);
    sqlite3_stmt *st;
    bool row = false;
    buf_printf(
        &sql,
        "SELECT r.rid FROM request r JOIN body b USING (rid) WHERE b.request_len > 0"
        "%.*s ORDER BY r.start_us DESC, r.rid DESC LIMIT %" PRId64,
        STR_ARG(buf_str(&q->where)), max);
    enum errc rc = buf_err(&sql) == ERR_OK ? prepare(db, q, sql.data, &st, e)
                                           : err_set(e, buf_err(&sql), "selection");
    if (rc == ERR_OK)
        rc = read_numbers(db, st, ret, e);
    if (rc != ERR_OK)
        return rc;
    buf_reset(&sql);
    buf_printf(&sql,
               "SELECT count(*) FROM request r LEFT JOIN body b USING (rid)"
               " WHERE ifnull(b.request_len, 0) = 0%.*s",
               STR_ARG(buf_str(&q->where)));
    rc = prepare(db, q, sql.data, &st, e);
    if (rc == ERR_OK)
        rc = db_step(db, st, &row, e);
    if (rc == ERR_OK && row) {
        *ret_bodiless = (size_t)sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return rc;
}

/* Keeps n of them: a partial shuffle. */
static enum errc sample(struct numbers *s, const char *text, struct err *e)
{
    struct str rest = str_of(text), part;
    uint64_t n = 0, seed = 1;
    bool ok = str_split(&rest, ':', &part) && num_u64(part, 1000000, &n) == ERR_OK &&
              (rest.ptr == NULL || num_u64(rest, UINT64_MAX, &seed) == ERR_OK);
    if (!ok || n == 0)
        return err_set(e, ERR_USAGE, "--sample takes N or N:SEED, not \"%s\"", text);
    for (size_t i = 0; i < n && i < s->n; i++) {
        size_t j = i + (size_t)(num_draw(&seed) % (s->n - i));
        int64_t keep = s->rids[i];
        s->rids[i] = s->rids[j];
        s->rids[j] = keep;
    }
    s->n = MIN(s->n, (size_t)n);
    return ERR_OK;
}

/* ---- one request ---- */

#define NAME(e, name) ", r." name

enum { USAGE_FIRST_COLUMN = 10 };
static const char item_sql[] =
    "SELECT r.id, r.dialect, r.provider, r.model, r.cost_pico, r.start_us, r.end_us,"
    " b.request, b.response, b.answer" USAGE_CLASSES(
        NAME) " FROM request r LEFT JOIN body b USING (rid) WHERE r.rid = ?";

/* NULL ptr when there is none, or it cannot be read. */
static struct str read_blob(struct arena *a, struct str packed)
{
    struct buf plain = BUF_INIT(LIMIT_REPLY_LEN);
    struct err ignored = ERR_INIT;
    struct str text = STR_NONE;
    if (packed.ptr != NULL && unpack(packed, &plain, &ignored) == ERR_OK)
        text = arena_str(a, buf_str(&plain));
    buf_release(&plain);
    return text;
}

struct str replay_read_answer(struct arena *a, struct str response, struct str text)
{
    struct buf plain = BUF_INIT(LIMIT_REPLY_LEN), answer = BUF_INIT(LIMIT_REPLY_LEN);
    struct err ignored = ERR_INIT;
    struct str ret;
    bool from_response = response.ptr != NULL &&
                         unpack(response, &plain, &ignored) == ERR_OK &&
                         agree_answer(buf_str(&plain), &answer, &ignored) == ERR_OK;
    if (!from_response)
        ret = read_blob(a, text);
    else
        ret = answer.len > 0 ? arena_str(a, buf_str(&answer)) : STR("");
    buf_release(&plain);
    buf_release(&answer);
    return ret;
}

bool replay_knows_dialect(const char *dialect)
{
    return strcmp(dialect, "openai") == 0 || strcmp(dialect, "anthropic") == 0;
}

enum errc replay_read_item(struct arena *a, struct db *db, int64_t rid,
                           struct replay_item *item, struct err *e)
{
    sqlite3_stmt *st;
    bool row = false;
    enum errc rc = db_prepare(db, item_sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(st, 1, rid);
    rc = db_step(db, st, &row, e);
    if (rc != ERR_OK || !row)
        return rc;
    item->id = arena_strz(a, db_col_str(st, 0));
    item->dialect = arena_strz(a, db_col_str(st, 1));
    item->provider = arena_strz(a, db_col_str(st, 2));
    item->model = arena_strz(a, db_col_str(st, 3));
    item->cost_pico = db_col_pico(st, 4);
    item->start_us = sqlite3_column_int64(st, 5);
    item->total_us = sqlite3_column_int64(st, 6) - item->start_us;
    for (int c = 0; c < USAGE_N_; c++)
        if (sqlite3_column_type(st, USAGE_FIRST_COLUMN + c) != SQLITE_NULL)
            usage_set(&item->usage, (enum usage_class)c,
                      sqlite3_column_int64(st, USAGE_FIRST_COLUMN + c));
    if (replay_knows_dialect(item->dialect))
        item->body = read_blob(a, db_col_str(st, 7));
    item->answer = replay_read_answer(a, db_col_str(st, 8), db_col_str(st, 9));
    sqlite3_reset(st);
    return ERR_OK;
}

enum errc replay_select(struct cmd_ctx *ctx, struct db *db,
                        const struct replay_options *o, const struct opt_args *ids,
                        struct replay_selection *s, struct err *e)
{
    struct query q = {.where = BUF_INIT(LIMIT_CONF_LEN / 2)};
    struct numbers numbers = {.rids = NULL};
    if (db == NULL)
        return err_set(e, ERR_NOT_FOUND, "there is no ledger yet: nothing is recorded");
    enum errc rc = add_conditions(&q, ctx, db, o, ids, e);
    if (rc == ERR_OK)
        rc = find_numbers(db, &q, o->n, &numbers, &s->n_bodiless, e);
    if (rc == ERR_OK && o->sample != NULL)
        rc = sample(&numbers, o->sample, e);
    for (size_t i = 0; rc == ERR_OK && i < numbers.n; i++) {
        struct replay_item *item = replay_selection_add(s);
        rc = item == NULL ? err_set(e, ERR_MEMORY, "out of memory")
                          : replay_read_item(&s->arena, db, numbers.rids[i], item, e);
        if (rc == ERR_OK)
            rc = replay_selection_err(s, e);
        if (rc == ERR_OK && item->body.ptr == NULL) {
            s->n--;
            s->n_unusable++;
        }
    }
    mem_free(numbers.rids);
    buf_release(&q.where);
    return rc;
}
