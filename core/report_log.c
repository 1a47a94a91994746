/* report_log.c: single requests and their attempts, for `log` and `cost show`. */
#include <string.h>

#include "core/jsonx.h"
#include "core/pack.h"
#include "core/report.h"
#include "core/texts.h"

enum { SQL_MAX = 16 * 1024 };

#define NAME(e, name) ", " name

/* The order of take_request; what was found of a search may follow. */
static const char request_columns[] =
    "SELECT rid, start_us, first_token_us, end_us, flags, n_attempts, cost_pico, "
    "reported_pico, id, kind, outcome, provider, model, served_model, asked_model, "
    "route, client, dialect, user, project, template, template_version, conversation, "
    "parent, finish, cost_source, price_row, catalog_date, record, error, "
    "trace" USAGE_CLASSES(NAME);
static const char match_column[] =
    ", (SELECT replace(snippet(body_text, -1, '', '', '…', 12), '" TEXTS_GAP "', '')"
    " FROM body_text WHERE body_text MATCH :search AND rowid = request.rid)";

static void take_usage(sqlite3_stmt *st, int at, struct usage *ret)
{
    usage_init(ret);
    for (int c = 0; c < USAGE_N_; c++)
        if (sqlite3_column_type(st, at + c) != SQLITE_NULL)
            usage_set(ret, (enum usage_class)c, sqlite3_column_int64(st, at + c));
}

enum { TEXTS = 23 };

static void texts_of(struct report_request *r, struct str *ret[TEXTS])
{
    struct str *const texts[TEXTS] = {
        &r->id,
        &r->kind,
        &r->outcome,
        &r->provider,
        &r->model,
        &r->served_model,
        &r->asked_model,
        &r->route,
        &r->client,
        &r->dialect,
        &r->user,
        &r->project,
        &r->template_name,
        &r->template_version,
        &r->conversation,
        &r->parent,
        &r->finish,
        &r->cost_source,
        &r->price_row,
        &r->catalog_date,
        &r->record,
        &r->error,
        &r->trace,
    };
    memcpy(ret, texts, sizeof texts);
}

static struct report_request take_request(sqlite3_stmt *st)
{
    struct report_request r = {
        .rid = sqlite3_column_int64(st, 0),
        .start_us = sqlite3_column_int64(st, 1),
        .first_token_us = sqlite3_column_int64(st, 2),
        .end_us = sqlite3_column_int64(st, 3),
        .flags = sqlite3_column_int64(st, 4),
        .n_attempts = sqlite3_column_int64(st, 5),
        .cost_pico = db_col_pico(st, 6),
        .reported_pico = db_col_pico(st, 7),
    };
    struct str *texts[TEXTS];
    texts_of(&r, texts);
    int at = 8;
    for (size_t i = 0; i < TEXTS; i++)
        *texts[i] = db_col_str(st, at++);
    take_usage(st, at, &r.usage);
    at += USAGE_N_;
    r.match = sqlite3_column_count(st) > at ? db_col_str(st, at) : STR_NONE;
    return r;
}

/* ---- lists ---- */

/* A condition that stands in the query when its parameter has a value. */
struct clause {
    const char *name, *sql;
    struct str value;
};
enum { CLAUSES = 11 };

static size_t clauses_of(const struct report_filter *f, struct clause ret[CLAUSES])
{
    const struct clause all[CLAUSES] = {
        {":model", " AND (model = :model OR provider || '/' || model = :model)",
         f->model},
        {":route", " AND route = :route", f->route},
        {":project", " AND project = :project", f->project},
        {":status", " AND outcome = :status", f->status},
        {":conversation",
         " AND conversation IN (SELECT :conversation UNION ALL"
         " SELECT id FROM conversation WHERE name = :conversation)",
         f->conversation},
        {":template", " AND template = :template", f->template_name},
        {":kind", " AND kind = :kind", f->kind},
        {":id", " AND id > :id", f->id_gt},
        {":key",
         " AND EXISTS (SELECT 1 FROM tag WHERE tag.rid = request.rid AND key = :key"
         " AND value = :value)",
         f->tag_key},
        {":search",
         " AND rid IN (SELECT rowid FROM body_text WHERE body_text MATCH :search)",
         f->search},
        {":value", "", f->tag_key.ptr != NULL ? f->tag_value : STR_NONE},
    };
    size_t n = 0;
    for (size_t i = 0; i < CLAUSES; i++)
        if (all[i].value.ptr != NULL)
            ret[n++] = all[i];
    return n;
}

/* How far an id's time may lie from the request's start: clocks can be set. */
#define ID_MARGIN_US US_PER_HOUR

static enum errc write_list(const struct report_filter *f, const struct clause *clauses,
                            size_t n, struct buf *sql, struct err *e)
{
    buf_addz(sql, request_columns);
    if (f->search.ptr != NULL)
        buf_addz(sql, match_column);
    buf_addz(sql, " FROM request WHERE id >= :first AND start_us >= :since"
                  " AND start_us < :until");
    if (f->rid_from > 0)
        buf_addz(sql, " AND rid >= :rid");
    for (size_t i = 0; i < n; i++)
        buf_addz(sql, clauses[i].sql);
    bool is_upwards = f->oldest_first || f->id_gt.ptr != NULL;
    buf_printf(sql, " ORDER BY %s LIMIT :max",
               f->rid_from > 0 ? "rid"
               : is_upwards    ? "id"
                               : "id DESC");
    return buf_err(sql) == ERR_OK ? ERR_OK : err_set(e, buf_err(sql), "log: query");
}

static enum errc prepare_list(struct db *d, const struct report_filter *f,
                              sqlite3_stmt **ret, struct err *e)
{
    AUTO(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
    struct clause clauses[CLAUSES];
    size_t n = clauses_of(f, clauses);
    if (f->search.ptr != NULL && db_schema(d) < DB_SCHEMA_TEXTS)
        return err_set(e, ERR_STORE,
                       "the ledger cannot be searched yet: a newer broker makes it so\n"
                       "hint: llmgw broker restart");
    enum errc rc = write_list(f, clauses, n, &sql, e);
    if (rc == ERR_OK)
        rc = db_prepare(d, sql.data, ret, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < n; i++)
        db_bind_str(*ret, sqlite3_bind_parameter_index(*ret, clauses[i].name),
                    clauses[i].value);
    return ERR_OK;
}

static void bind_number(sqlite3_stmt *st, const char *name, int64_t v)
{
    sqlite3_bind_int64(st, sqlite3_bind_parameter_index(st, name), v);
}

enum errc report_requests(struct db *d, const struct report_filter *f,
                          report_request_fn *fn, void *arg, struct err *e)
{
    sqlite3_stmt *st;
    char first[ULID_LEN + 1];
    bool row;
    enum errc rc = prepare_list(d, f, &st, e);
    if (rc != ERR_OK)
        return rc;
    clock_ulid_floor(first, f->since_us - ID_MARGIN_US);
    db_bind_strz(st, sqlite3_bind_parameter_index(st, ":first"), first);
    bind_number(st, ":since", f->since_us);
    bind_number(st, ":until", f->until_us > 0 ? f->until_us : INT64_MAX);
    bind_number(st, ":max", f->max);
    bind_number(st, ":rid", f->rid_from);
    while ((rc = db_step(d, st, &row, e)) == ERR_OK && row) {
        struct report_request r = take_request(st);
        rc = fn(arg, &r, e);
        if (rc != ERR_OK)
            break;
    }
    sqlite3_reset(st);
    return rc;
}

/* ---- one request ---- */

static void keep_texts(struct report_request *r, struct arena *a)
{
    struct str *texts[TEXTS];
    texts_of(r, texts);
    for (size_t i = 0; i < TEXTS; i++)
        if (texts[i]->ptr != NULL)
            *texts[i] = arena_str(a, *texts[i]);
}

/* The first id that begins so, or NULL in ret->id.ptr; *ret_more: there is another. */
static const char prefix_tail[] =
    " FROM request WHERE id >= ?1 AND substr(id, 1, ?2) = ?1 ORDER BY id LIMIT 2";
static const char last_tail[] =
    " FROM request ORDER BY id DESC LIMIT 1"; /* no id begins with L */

/* The first row that `tail` chooses, of ?1 an id's beginning and ?2 its length. */
static enum errc find_first(struct db *d, const char *tail, struct str id,
                            struct arena *a, struct report_request *ret, bool *ret_more,
                            struct err *e)
{
    AUTO(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
    sqlite3_stmt *st;
    bool row;
    buf_addz(&sql, request_columns);
    buf_addz(&sql, tail);
    if (buf_err(&sql) != ERR_OK)
        return err_set(e, buf_err(&sql), "log: query");
    enum errc rc = db_prepare(d, sql.data, &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_str(st, 1, id);
    sqlite3_bind_int64(st, 2, (int64_t)id.len);
    rc = db_step(d, st, &row, e);
    *ret = (struct report_request){0};
    *ret_more = false;
    if (rc != ERR_OK || !row)
        return rc;
    *ret = take_request(st);
    keep_texts(ret, a);
    return db_step(d, st, ret_more, e);
}

enum errc report_find(struct db *d, struct str id, struct arena *a,
                      struct report_request *ret, struct err *e)
{
    bool more;
    struct report_request found;
    char upper[ULID_LEN + 1];
    size_t n = 0;
    for (; n < id.len && n < ULID_LEN; n++)
        upper[n] =
            (char)(id.ptr[n] >= 'a' && id.ptr[n] <= 'z' ? id.ptr[n] - 32 : id.ptr[n]);
    if (id.len == 0 || id.len > ULID_LEN)
        return err_set(e, ERR_NOT_FOUND, "no request \"%.*s\"\nhint: llmgw log",
                       STR_ARG(str_sub(id, 0, 40)));
    const char *tail = str_eqz(id, "last") ? last_tail : prefix_tail;
    enum errc rc = find_first(d, tail, (struct str){upper, n}, a, &found, &more, e);
    if (rc != ERR_OK)
        return rc;
    if (arena_is_broken(a))
        return err_set(e, ERR_MEMORY, "log: out of memory");
    if (found.id.ptr == NULL)
        return err_set(e, ERR_NOT_FOUND, "no request %.*s in the ledger\nhint: llmgw log",
                       STR_ARG(id));
    if (more)
        return err_set(e, ERR_NOT_FOUND, "several requests begin with %.*s", STR_ARG(id));
    *ret = found;
    return ERR_OK;
}

/* ---- attempts ---- */

static const char attempts_sql[] =
    "SELECT idx, leg, start_us, connect_us, first_byte_us, first_token_us, end_us, "
    "http_status, bytes_in, bytes_out, estimated, cost_pico, provider, model, "
    "served_model, "
    "key_id, outcome, provider_code, upstream_id, cost_source, price_row, pricing, usage "
    "FROM attempt WHERE rid = ? ORDER BY idx";

static enum errc parse_usage(struct report_attempt *t, struct err *e)
{
    AUTO(jx_put) struct json_object *o = NULL;
    usage_init(&t->usage);
    if (t->usage_json.len == 0)
        return ERR_OK;
    enum errc rc = jx_parse(t->usage_json, &o, e);
    if (rc != ERR_OK)
        return err_ctx(e, "ledger: usage of an attempt");
    for (unsigned c = 0; c < USAGE_N_; c++) {
        int64_t n;
        if (jx_i64(o, usage_class_name((enum usage_class)c), 0, INT64_MAX, &n))
            usage_set(&t->usage, (enum usage_class)c, n);
    }
    t->usage.estimated = t->estimated;
    t->has_usage = true;
    return ERR_OK;
}

static enum errc take_attempt(sqlite3_stmt *st, struct arena *a, struct report_attempt *t,
                              struct err *e)
{
    int64_t *const numbers[] = {
        &t->idx,        &t->leg,           &t->start_us,
        &t->connect_us, &t->first_byte_us, &t->first_token_us,
        &t->end_us,     &t->http_status,   &t->bytes_in,
        &t->bytes_out,
    };
    struct str *const texts[] = {
        &t->provider,  &t->model,         &t->served_model, &t->key_id,
        &t->outcome,   &t->provider_code, &t->upstream_id,  &t->cost_source,
        &t->price_row, &t->pricing,       &t->usage_json,
    };
    int at = 0;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *numbers[i] = sqlite3_column_int64(st, at++);
    t->estimated = sqlite3_column_int64(st, at++) != 0;
    t->cost_pico = db_col_pico(st, at++);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++, at++)
        *texts[i] = arena_str(a, db_col_str(st, at));
    return parse_usage(t, e);
}

enum errc report_attempts(struct db *d, int64_t rid, struct arena *a,
                          struct report_attempt **ret, size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    struct report_attempt *all = ARENA_ARRAY(a, LIMIT_ATTEMPTS, struct report_attempt);
    if (all == NULL)
        return err_set(e, ERR_MEMORY, "log: out of memory");
    enum errc rc = db_prepare(d, attempts_sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(st, 1, rid);
    size_t n = 0;
    while (n < LIMIT_ATTEMPTS && (rc = db_step(d, st, &row, e)) == ERR_OK && row) {
        rc = take_attempt(st, a, &all[n], e);
        if (rc != ERR_OK)
            break;
        n++;
    }
    sqlite3_reset(st);
    if (rc != ERR_OK)
        return rc;
    *ret = all;
    *ret_n = n;
    return ERR_OK;
}

/* ---- tags and texts ---- */

enum errc report_tags(struct db *d, int64_t rid, struct arena *a, struct report_tag **ret,
                      size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    size_t n = 0;
    struct report_tag *tags = ARENA_ARRAY(a, LIMIT_TAGS, struct report_tag);
    if (tags == NULL)
        return err_set(e, ERR_MEMORY, "log: out of memory");
    enum errc rc = db_prepare(
        d, "SELECT key, value FROM tag WHERE rid = ? ORDER BY key, value", &st, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(st, 1, rid);
    while ((rc = db_step(d, st, &row, e)) == ERR_OK && row && n < LIMIT_TAGS)
        tags[n++] = (struct report_tag){arena_str(a, db_col_str(st, 0)),
                                        arena_str(a, db_col_str(st, 1))};
    sqlite3_reset(st);
    if (rc == ERR_OK) {
        *ret = tags;
        *ret_n = n;
    }
    return rc;
}

enum errc report_last_rid(struct db *d, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    enum errc rc = db_prepare(d, "SELECT ifnull(max(rid), 0) FROM request", &st, e);
    if (rc == ERR_OK)
        rc = db_step(d, st, &row, e);
    if (rc == ERR_OK) {
        *ret = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return rc;
}

void report_bodies_init(struct report_bodies *b)
{
    *b = (struct report_bodies){
        .request = BUF_INIT(LIMIT_BODY_LEN),
        .response = BUF_INIT(LIMIT_REPLY_LEN),
        .answer = BUF_INIT(LIMIT_REPLY_LEN),
    };
}

void report_bodies_release(struct report_bodies *b)
{
    buf_release(&b->request);
    buf_release(&b->response);
    buf_release(&b->answer);
}

enum errc report_bodies(struct db *d, int64_t rid, struct report_bodies *ret,
                        struct err *e)
{
    sqlite3_stmt *st;
    struct buf *const parts[] = {&ret->request, &ret->response, &ret->answer};
    ret->has_row = false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        buf_reset(parts[i]);
    enum errc rc =
        db_prepare(d, "SELECT request, response, answer FROM body WHERE rid = ?", &st, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(st, 1, rid);
    rc = db_step(d, st, &ret->has_row, e);
    for (int i = 0; rc == ERR_OK && ret->has_row && i < (int)ARRAY_LEN(parts); i++)
        if (sqlite3_column_type(st, i) != SQLITE_NULL)
            rc = unpack(db_col_str(st, i), parts[i], e);
    sqlite3_reset(st);
    return rc;
}
