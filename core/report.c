/*
 * report.c: sums by group and time, for `cost` and for budgets.
 *
 * A query is cut into spans (the buckets of its time dimension, or one). A span is a range of a
 * roll-up's key, with what its ends cut of an hour: behind a cut the rows are summed; before
 * it the hour's roll-up less the rows behind. Pieces add up in a map.
 */
#include "core/report.h"

#include <string.h>

#include "core/map.h"

enum { SQL_MAX = 16 * 1024 };
/* How far an id's time may lie from the request's start: clocks can be set. */
#define ID_MARGIN_US US_PER_HOUR

static const struct {
    const char *name;
    bool is_time;
} dims[] = {
#define REPORT_DIM_ROW(e, name, is_time) {(name), (is_time)},
    REPORT_DIMS(REPORT_DIM_ROW)
#undef REPORT_DIM_ROW
};

const char *report_dim_name(enum report_dim d)
{
    return dims[d].name;
}

bool report_dim_is_time(enum report_dim d)
{
    return dims[d].is_time;
}

enum report_dim report_dim_by_name(struct str name)
{
    if (str_starts(name, STR("tag:")) && name.len > 4)
        return REPORT_BY_TAG;
    for (unsigned d = 0; d < REPORT_BY_TAG; d++)
        if (str_eqz(name, dims[d].name))
            return (enum report_dim)d;
    return REPORT_BY_N_;
}

pico report_cost(const struct report_sums *s)
{
    return s->n_requests > 0 && s->n_unpriced == s->n_requests ? PICO_UNKNOWN
                                                               : s->cost_pico;
}

/* ---- sources ---- */

enum source { FROM_STATUS, FROM_DIM, FROM_ROWS };

/* What each source can group and filter by; rows can do all. */
static bool has_dim(enum source s, enum report_dim d)
{
    switch (d) {
    case REPORT_BY_HOUR:
    case REPORT_BY_DAY:
    case REPORT_BY_WEEK:
    case REPORT_BY_MONTH:
    case REPORT_BY_MODEL:
    case REPORT_BY_PROVIDER:
        return true;
    case REPORT_BY_STATUS:
        return s != FROM_DIM;
    case REPORT_BY_ROUTE:
    case REPORT_BY_PROJECT:
    case REPORT_BY_TEMPLATE:
    case REPORT_BY_CLIENT:
    case REPORT_BY_KIND:
        return s != FROM_STATUS;
    case REPORT_BY_CONVERSATION:
    case REPORT_BY_USER:
    case REPORT_BY_TAG:
    case REPORT_BY_N_:
        return s == FROM_ROWS;
    }
    return false;
}

/* A filter is a dimension with a wanted value. */
struct filter {
    enum report_dim dim;
    struct str value;
};
enum { FILTERS = 8 };

static size_t filters_of(const struct report_query *q, struct filter ret[FILTERS])
{
    const struct filter all[] = {
        {REPORT_BY_MODEL, q->model},   {REPORT_BY_PROVIDER, q->provider},
        {REPORT_BY_ROUTE, q->route},   {REPORT_BY_PROJECT, q->project},
        {REPORT_BY_CLIENT, q->client}, {REPORT_BY_KIND, q->kind},
        {REPORT_BY_STATUS, q->status}, {REPORT_BY_TAG, q->tag_key},
    };
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].value.ptr != NULL)
            ret[n++] = all[i];
    return n;
}

/* The smallest table that knows every dimension of the query. */
static enum source choose_source(const struct report_query *q, const struct filter *f,
                                 size_t n_f)
{
    for (enum source s = FROM_STATUS; s < FROM_ROWS; s++) {
        bool ok = true;
        for (size_t i = 0; i < q->n_by; i++)
            ok = ok && has_dim(s, q->by[i]);
        for (size_t i = 0; i < n_f; i++)
            ok = ok && has_dim(s, f[i].dim);
        if (ok)
            return s;
    }
    return FROM_ROWS;
}

/* ---- SQL ---- */

/* As usage_input_tok and its sisters count them. */
#define CACHED_TOK                                                                       \
    "ifnull(cache_read, 0) + ifnull(audio_cache_read, 0) + ifnull(image_cache_read, 0)"
#define INPUT_TOK                                                                        \
    "ifnull(input, 0) + " CACHED_TOK                                                     \
    " + ifnull(cache_write_5m, 0) + ifnull(cache_write_30m, 0)"                          \
    " + ifnull(cache_write_1h, 0) + ifnull(cache_write_12h, 0)"                          \
    " + ifnull(audio_in, 0) + ifnull(image_in, 0) + ifnull(video_in, 0)"
#define OUTPUT_TOK                                                                       \
    "ifnull(output, 0) + ifnull(reasoning, 0) + ifnull(audio_out, 0)"                    \
    " + ifnull(image_out, 0)"

/* The ten sums, in the order of struct report_sums: of a group of rows, or of one row. */
static const char sums_of_rows[] =
    "count(*), sum(outcome != 'ok'), sum(cost_pico IS NULL), "
    "sum(cost_pico IS NOT NULL AND (flags & 1 OR cost_source = 'estimated')), "
    "sum(n_attempts), sum(" INPUT_TOK "), sum(" CACHED_TOK "), sum(" OUTPUT_TOK
    "), sum(ifnull(reasoning, 0)), ifnull(sum(cost_pico), 0)";
static const char sums_of_rollup[] =
    "n_requests, n_failed, n_unpriced, n_estimated, n_attempts, input_tok, cached_tok, "
    "output_tok, reasoning_tok, cost_pico";
enum { N_SUMS = sizeof(struct report_sums) / sizeof(int64_t) };

/* ?1 and ?2 bound the time, ?3 and ?4 the ids, ?5 is the tag to group by, ?6 … are filters. */
enum { BIND_TAG = 5, BIND_FILTER = 6 };

static const char *dim_column(enum report_dim d)
{
    switch (d) {
    case REPORT_BY_MODEL:
        return "model";
    case REPORT_BY_PROVIDER:
        return "provider";
    case REPORT_BY_ROUTE:
        return "route";
    case REPORT_BY_PROJECT:
        return "project";
    case REPORT_BY_TEMPLATE:
        return "template";
    case REPORT_BY_CLIENT:
        return "client";
    case REPORT_BY_KIND:
        return "kind";
    case REPORT_BY_CONVERSATION:
        return "conversation";
    case REPORT_BY_USER:
        return "user";
    case REPORT_BY_STATUS:
    case REPORT_BY_TAG:
    case REPORT_BY_HOUR:
    case REPORT_BY_DAY:
    case REPORT_BY_WEEK:
    case REPORT_BY_MONTH:
    case REPORT_BY_N_:
        break;
    }
    return NULL;
}

/* The value to group by; '' where there is none. A tag that stands twice counts once. */
static void put_dim(struct buf *sql, enum source s, enum report_dim d)
{
    if (report_dim_is_time(d))
        buf_addz(sql, "''"); /* the span is the group */
    else if (d == REPORT_BY_MODEL)
        buf_addz(sql, "iif(ifnull(model, '') = '', '', provider || '/' || model)");
    else if (d == REPORT_BY_CONVERSATION)
        buf_addz(sql, "coalesce((SELECT name FROM conversation c"
                      " WHERE c.id = request.conversation), conversation, '')");
    else if (d == REPORT_BY_STATUS)
        buf_addz(sql, s == FROM_ROWS ? "outcome" : "status");
    else if (d == REPORT_BY_TAG)
        buf_printf(sql,
                   "ifnull((SELECT min(value) FROM tag WHERE tag.rid = request.rid AND"
                   " key = ?%d), '')",
                   BIND_TAG);
    else
        buf_printf(sql, "ifnull(%s, '')", dim_column(d));
}

static void put_filter(struct buf *sql, enum source s, enum report_dim d, int at)
{
    if (d == REPORT_BY_MODEL)
        buf_printf(sql, " AND (model = ?%d OR provider || '/' || model = ?%d)", at, at);
    else if (d == REPORT_BY_TAG)
        buf_printf(sql,
                   " AND EXISTS (SELECT 1 FROM tag WHERE tag.rid = request.rid AND"
                   " key = ?%d AND value = ?%d)",
                   at, at + 1);
    else if (d == REPORT_BY_STATUS)
        buf_printf(sql, " AND %s = ?%d", s == FROM_ROWS ? "outcome" : "status", at);
    else
        buf_printf(sql, " AND %s = ?%d", dim_column(d), at);
}

struct run {
    struct db *db;
    const struct report_query *q;
    struct arena *arena;
    struct filter filters[FILTERS];
    size_t n_filters;
    enum source source;
    sqlite3_stmt *whole, *split; /* whole hours from a roll-up; rows; borrowed from db */
    struct map groups;           /* key → struct report_row in the arena */
    struct buf name;             /* scratch: a key of it */
    struct report *out;
};

/* A roll-up's rows are added up here, in half the time that SQLite needs to sort them. */
static enum errc prepare(struct run *r, enum source s, sqlite3_stmt **ret, struct err *e)
{
    AUTO(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
    buf_addz(&sql, "SELECT ");
    for (size_t i = 0; i < REPORT_BY_MAX; i++) {
        if (i < r->q->n_by)
            put_dim(&sql, s, r->q->by[i]);
        else
            buf_addz(&sql, "''");
        buf_addz(&sql, ", ");
    }
    buf_addz(&sql, s == FROM_ROWS ? sums_of_rows : sums_of_rollup);
    if (s == FROM_ROWS)
        buf_addz(&sql, " FROM request WHERE id >= ?3 AND id < ?4 AND start_us >= ?1"
                       " AND start_us < ?2");
    else
        buf_printf(&sql, " FROM %s WHERE hour >= ?1 AND hour < ?2",
                   s == FROM_STATUS ? "rollup_hour" : "rollup_hour_dim");
    for (size_t i = 0; i < r->n_filters; i++)
        put_filter(&sql, s, r->filters[i].dim, BIND_FILTER + (int)i);
    if (s == FROM_ROWS)
        buf_addz(&sql, " GROUP BY 1, 2");
    if (buf_err(&sql) != ERR_OK)
        return err_set(e, buf_err(&sql), "report: query");
    return db_prepare(r->db, sql.data, ret, e);
}

/* ---- adding up ---- */

static struct report_row *find_group(struct run *r, int64_t from_us,
                                     const struct str key[REPORT_BY_MAX])
{
    buf_reset(&r->name);
    buf_add(&r->name, &from_us, sizeof from_us);
    buf_adds(&r->name, key[0]);
    buf_addc(&r->name, '\0');
    buf_adds(&r->name, key[1]);
    if (buf_err(&r->name) != ERR_OK)
        return NULL;
    struct report_row *row = map_get(&r->groups, buf_str(&r->name));
    if (row != NULL)
        return row;
    row = ARENA_NEW(r->arena, struct report_row);
    if (row == NULL || map_set(&r->groups, buf_str(&r->name), row) != ERR_OK)
        return NULL;
    row->from_us = from_us;
    for (size_t i = 0; i < REPORT_BY_MAX; i++)
        row->key[i] = arena_str(r->arena, key[i]);
    return arena_is_broken(r->arena) ? NULL : row;
}

/* Adds, or takes away. */
static bool add_sums(struct report_sums *to, const struct report_sums *more, bool minus)
{
    int64_t a[N_SUMS], b[N_SUMS];
    memcpy(a, to, sizeof a);
    memcpy(b, more, sizeof b);
    bool fits = true;
    for (size_t i = 0; i < N_SUMS; i++)
        fits = fits && !(minus ? __builtin_sub_overflow(a[i], b[i], &a[i])
                               : __builtin_add_overflow(a[i], b[i], &a[i]));
    memcpy(to, a, sizeof a);
    return fits;
}

/* Where the groups of a statement go. */
struct piece {
    int64_t bucket_us;
    bool minus; /* they are taken away */
};

static enum errc add_groups(struct run *r, sqlite3_stmt *st, struct piece p,
                            struct err *e)
{
    bool has_row;
    enum errc rc;
    while ((rc = db_step(r->db, st, &has_row, e)) == ERR_OK && has_row) {
        const struct str key[REPORT_BY_MAX] = {db_col_str(st, 0), db_col_str(st, 1)};
        int64_t v[N_SUMS];
        for (int i = 0; i < N_SUMS; i++)
            v[i] = sqlite3_column_int64(st, REPORT_BY_MAX + i);
        struct report_sums sums;
        memcpy(&sums, v, sizeof sums);
        struct report_row *row = find_group(r, p.bucket_us, key);
        if (row == NULL)
            return err_set(e, ERR_MEMORY, "report: out of memory");
        if (!add_sums(&row->sums, &sums, p.minus) ||
            !add_sums(&r->out->all, &sums, p.minus))
            return err_set(e, ERR_RANGE, "report: a sum leaves 64 bits");
    }
    return rc;
}

static void bind_filters(struct run *r, sqlite3_stmt *st)
{
    db_bind_str(st, BIND_TAG, r->q->by_tag);
    for (size_t i = 0; i < r->n_filters; i++)
        db_bind_str(st, BIND_FILTER + (int)i, r->filters[i].value);
    if (r->q->tag_key.ptr != NULL) /* the last filter, and its value behind it */
        db_bind_str(st, BIND_FILTER + (int)r->n_filters, r->q->tag_value);
}

/* Requests that began in [from, to), row by row. */
static enum errc add_rows(struct run *r, int64_t from_us, int64_t to_us, struct piece p,
                          struct err *e)
{
    char first[ULID_LEN + 1], last[ULID_LEN + 1];
    if (from_us >= to_us)
        return ERR_OK;
    clock_ulid_floor(first, from_us - ID_MARGIN_US);
    clock_ulid_floor(last, to_us + ID_MARGIN_US);
    sqlite3_bind_int64(r->split, 1, from_us);
    sqlite3_bind_int64(r->split, 2, to_us);
    db_bind_strz(r->split, 3, first);
    db_bind_strz(r->split, 4, last);
    bind_filters(r, r->split);
    return add_groups(r, r->split, p, e);
}

/* Whole UTC hours [from, to), counted from 1970. */
static enum errc add_hours(struct run *r, int64_t from, int64_t to, struct piece p,
                           struct err *e)
{
    if (from >= to)
        return ERR_OK;
    sqlite3_bind_int64(r->whole, 1, from);
    sqlite3_bind_int64(r->whole, 2, to);
    bind_filters(r, r->whole);
    return add_groups(r, r->whole, p, e);
}

static enum errc add_span(struct run *r, int64_t from_us, int64_t to_us,
                          int64_t bucket_us, struct err *e)
{
    const struct piece plus = {bucket_us, false}, minus = {bucket_us, true};
    int64_t first = (from_us + US_PER_HOUR - 1) / US_PER_HOUR;
    int64_t last = (to_us + US_PER_HOUR - 1) / US_PER_HOUR;
    if (r->source == FROM_ROWS || to_us < first * US_PER_HOUR)
        return add_rows(r, from_us, to_us, plus, e);
    enum errc rc = add_rows(r, from_us, first * US_PER_HOUR, plus, e);
    if (rc == ERR_OK)
        rc = add_hours(r, first, last, plus, e);
    if (rc == ERR_OK)
        rc = add_rows(r, to_us, last * US_PER_HOUR, minus, e);
    return rc;
}

/* ---- spans ---- */

static bool time_unit(const struct report_query *q, enum zone_unit *ret)
{
    static const enum zone_unit units[] = {
        [REPORT_BY_HOUR] = ZONE_HOUR,
        [REPORT_BY_DAY] = ZONE_DAY,
        [REPORT_BY_WEEK] = ZONE_WEEK,
        [REPORT_BY_MONTH] = ZONE_MONTH,
    };
    for (size_t i = 0; i < q->n_by; i++)
        if (report_dim_is_time(q->by[i])) {
            *ret = units[q->by[i]];
            return true;
        }
    return false;
}

/* Hours from the first request in the ledger to the last: no span outside is looked at. */
static enum errc read_extent(struct run *r, struct err *e)
{
    /* one by one: SQLite takes an end of the key for one of them, and reads all for both */
    static const char sql[] = "SELECT (SELECT min(hour) FROM rollup_hour),"
                              " (SELECT max(hour) FROM rollup_hour)";
    sqlite3_stmt *st;
    bool row;
    enum errc rc = db_prepare(r->db, sql, &st, e);
    if (rc == ERR_OK)
        rc = db_step(r->db, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    if (sqlite3_column_type(st, 0) != SQLITE_NULL) {
        r->out->first_us = sqlite3_column_int64(st, 0) * US_PER_HOUR;
        r->out->last_us = sqlite3_column_int64(st, 1) * US_PER_HOUR;
    }
    sqlite3_reset(st);
    return ERR_OK;
}

static enum errc add_spans(struct run *r, struct err *e)
{
    enum zone_unit unit;
    int64_t from_us = MAX(r->q->since_us, r->out->first_us);
    int64_t until_us = MIN(r->q->until_us, r->out->last_us + US_PER_HOUR);
    if (r->out->first_us == 0 || from_us >= until_us)
        return ERR_OK;
    if (!time_unit(r->q, &unit))
        return add_span(r, from_us, until_us, 0, e);
    enum errc rc = ERR_OK;
    int64_t bucket_us = zone_floor(from_us, unit);
    while (from_us < until_us && rc == ERR_OK) {
        int64_t next_us = zone_step(bucket_us, unit, 1);
        rc = add_span(r, from_us, MIN(next_us, until_us), bucket_us, e);
        from_us = bucket_us = next_us;
    }
    return rc;
}

static void collect(struct run *r)
{
    struct report *out = r->out;
    out->rows = ARENA_ARRAY(r->arena, MAX(r->groups.n, (size_t)1), struct report_row *);
    if (out->rows == NULL)
        return;
    map_for_each (slot, &r->groups) {
        struct report_row *row = slot->value;
        if (row->sums.n_requests > 0) /* else all of it was taken away again */
            out->rows[out->n++] = row;
    }
}

static enum errc run(struct run *r, struct err *e)
{
    enum errc rc = read_extent(r, e);
    if (rc == ERR_OK)
        rc = prepare(r, FROM_ROWS, &r->split, e);
    if (rc == ERR_OK && r->source != FROM_ROWS)
        rc = prepare(r, r->source, &r->whole, e);
    if (rc == ERR_OK)
        rc = add_spans(r, e);
    if (rc == ERR_OK)
        collect(r);
    return rc;
}

enum errc report_run(struct db *d, const struct report_query *q, struct arena *a,
                     struct report *ret, struct err *e)
{
    struct report out = {0};
    struct run r = {.db = d, .q = q, .arena = a, .out = &out};
    r.n_filters = filters_of(q, r.filters);
    r.source = choose_source(q, r.filters, r.n_filters);
    map_init(&r.groups);
    buf_init(&r.name, SIZE_MAX);
    enum errc rc = db_exec(d, "BEGIN", e); /* one state of the ledger for all pieces */
    if (rc == ERR_OK)
        rc = run(&r, e);
    sqlite3_exec(db_handle(d), "ROLLBACK", NULL, NULL, NULL);
    map_release(&r.groups);
    buf_release(&r.name);
    if (rc == ERR_OK && arena_is_broken(a))
        rc = err_set(e, ERR_MEMORY, "report: out of memory");
    if (rc == ERR_OK)
        *ret = out;
    return rc;
}

enum errc report_losses(struct db *d, int64_t since_us, int64_t *ret_rows,
                        int64_t *ret_bodies, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    enum errc rc = db_prepare(d,
                              "SELECT ifnull(sum(n_rows), 0), ifnull(sum(n_bodies), 0)"
                              " FROM loss WHERE at_us >= ?",
                              &st, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(st, 1, since_us);
    rc = db_step(d, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    *ret_rows = sqlite3_column_int64(st, 0);
    *ret_bodies = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    return ERR_OK;
}

enum errc report_spool(struct db *d, uint64_t *ret_file, uint64_t *ret_applied,
                       struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    enum errc rc = db_prepare(d, "SELECT file, applied FROM spool", &st, e);
    if (rc == ERR_OK)
        rc = db_step(d, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    *ret_file = row ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    *ret_applied = row ? (uint64_t)sqlite3_column_int64(st, 1) : 0;
    sqlite3_reset(st);
    return ERR_OK;
}
