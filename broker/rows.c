/*
 * rows.c: see rows.h. Owns the writing connection, its statements, the admissions without an
 * end, and the sums of the batch at hand: each sum is written once per batch, not per request.
 */
#include "broker/rows.h"

#include <string.h>

#include "core/arena.h"
#include "core/db.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/pack.h"
#include "core/texts.h"

#include "broker/bind.h"

enum {
    BUSY_MS =
        200, /* the spool holds what comes meanwhile; short, so that stopping is quick */
    SUMS_MAX = 256 * 1024 * 1024, /* bytes for the sums of one batch */
};

#define NAME(e, name) ", " name
#define MARK(e, name) ", ?"

/* What both roll-ups add up, in their order. */
#define SUMS(X)                                                                          \
    X(N_REQUESTS, "n_requests")                                                          \
    X(N_FAILED, "n_failed")                                                              \
    X(N_UNPRICED, "n_unpriced")                                                          \
    X(N_ESTIMATED, "n_estimated")                                                        \
    X(N_ATTEMPTS, "n_attempts")                                                          \
    X(INPUT_TOK, "input_tok")                                                            \
    X(CACHED_TOK, "cached_tok")                                                          \
    X(OUTPUT_TOK, "output_tok")                                                          \
    X(REASONING_TOK, "reasoning_tok")                                                    \
    X(COST_PICO, "cost_pico")
#define ADD(e, name) ", " name " = " name " + excluded." name

enum sum_name {
#define SUM_ENUM(e, name) SUM_##e,
    SUMS(SUM_ENUM)
#undef SUM_ENUM
        SUM_N_
};

/* hour = hour: so that every item of the list may begin with a comma. */
#define UPSERT(table, dims, marks)                                                       \
    "INSERT INTO " table " (hour, " dims SUMS(NAME) ") VALUES (?, " marks SUMS(          \
        MARK) ") ON CONFLICT DO UPDATE SET hour = hour" SUMS(ADD)

enum statement {
    ST_REQUEST,
    ST_ATTEMPT,
    ST_TAG,
    ST_BODY,
    ST_CONVERSATION,
    ST_ROLLUP,
    ST_ROLLUP_DIM,
    ST_KEEP,
    ST_UNKEEP,
    ST_LOSS,
    ST_STATE,
    ST_NO_STATE,
    ST_REPLAY_RUN,
    ST_REPLAY_ITEMS,
    ST_REPLAY_NO_ITEMS,
    ST_REPLAY_NO_RUN,
    ST_SPOOL,
    ST_N_
};

#define TEN "?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

static const char *const statements[ST_N_] = {
    [ST_REQUEST] =
        "INSERT INTO request (rid, id, start_us, first_token_us, end_us, kind, outcome, "
        "provider, model, served_model, asked_model, "
        "route, client, dialect, user, project, template, template_version, "
        "conversation, "
        "parent, finish, "
        "flags, n_attempts, input_tok_estimate, reserved_pico, cost_pico, cost_source, "
        "reported_pico, price_row, catalog_date, record, "
        "error, trace" USAGE_CLASSES(NAME) ") VALUES (?, " TEN ", " TEN ", " TEN
                                           ", ?, ?" USAGE_CLASSES(
                                               MARK) ") ON CONFLICT (id) DO NOTHING",
    [ST_ATTEMPT] =
        "INSERT INTO attempt (rid, idx, leg, provider, model, served_model, key_id, "
        "start_us, connect_us, first_byte_us, "
        "first_token_us, end_us, http_status, outcome, provider_code, upstream_id, "
        "bytes_in, bytes_out, cost_pico, cost_source, "
        "estimated, price_row, pricing, usage) VALUES (" TEN ", " TEN ", ?, ?, ?, ?)",
    [ST_TAG] = "INSERT OR IGNORE INTO tag VALUES (?, ?, ?)",
    [ST_BODY] =
        "INSERT INTO body (rid, at_us, stored_len, request_len, response_len, "
        "answer_len, request, response, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [ST_CONVERSATION] =
        "INSERT INTO conversation (id, project, start_us, last_us, last_request, "
        "n_requests, name) VALUES (?1, ?2, ?3, ?3, ?4, 1, "
        "iif(EXISTS (SELECT 1 FROM conversation WHERE name = ?5), NULL, ?5)) "
        "ON CONFLICT (id) DO UPDATE SET name = ifnull(excluded.name, name), "
        "n_requests = n_requests + 1, last_us = max(last_us, excluded.last_us), "
        "start_us = min(start_us, excluded.start_us), last_request = "
        "iif(excluded.last_us >= last_us, excluded.last_request, last_request)",
    [ST_ROLLUP] = UPSERT("rollup_hour", "provider, model, status", "?, ?, ?"),
    [ST_ROLLUP_DIM] = UPSERT("rollup_hour_dim",
                             "provider, model, route, template, project, client, kind",
                             "?, ?, ?, ?, ?, ?, ?"),
    [ST_KEEP] = "INSERT OR REPLACE INTO admitted VALUES (?, ?)",
    [ST_UNKEEP] = "DELETE FROM admitted WHERE id = ?",
    [ST_LOSS] = "INSERT INTO loss VALUES (?, ?, ?, ?)",
    [ST_STATE] = "INSERT OR REPLACE INTO state VALUES (?, ?, ?)",
    [ST_NO_STATE] = "DELETE FROM state WHERE key = ?",
    [ST_REPLAY_RUN] =
        "INSERT INTO replay_run (id, start_us, end_us, state, args, n_items, cost_pico) "
        "SELECT ?1->>'$.id', ?1->>'$.start_us', ?1->>'$.end_us', ?1->>'$.state', "
        "?1->'$.args', ?1->>'$.n_items', ?1->>'$.cost_pico' WHERE json_valid(?1) "
        "ON CONFLICT (id) DO UPDATE SET end_us = excluded.end_us, "
        "state = excluded.state, cost_pico = excluded.cost_pico",
    [ST_REPLAY_ITEMS] =
        "INSERT OR REPLACE INTO replay_item SELECT ?1->>'$.id', value->>'$.source', "
        "value->>'$.against', value->>'$.repeat', value->>'$.request', "
        "value->>'$.state', value->>'$.metric', value->>'$.agree', value->>'$.note' "
        "FROM json_each(iif(json_valid(?1), ?1, '{}'), '$.items')",
    [ST_REPLAY_NO_ITEMS] =
        "WITH r AS (SELECT iif(json_valid(?1), ?1, '{}') AS j) DELETE FROM replay_item "
        "WHERE run = (SELECT j->>'$.id' FROM r WHERE j->>'$.state' = 'removed')",
    [ST_REPLAY_NO_RUN] =
        "WITH r AS (SELECT iif(json_valid(?1), ?1, '{}') AS j) DELETE FROM replay_run "
        "WHERE id = (SELECT j->>'$.id' FROM r WHERE j->>'$.state' = 'removed')",
    [ST_SPOOL] = "INSERT INTO spool VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET "
                 "file = excluded.file, applied = excluded.applied",
};

/* An admitted request whose end has not been committed. */
struct pending {
    struct list link; /* in rows.open, or in rows.closing when its end is in this batch */
    uint64_t from;    /* where its record begins in the spool */
    bool is_saved;    /* in table admitted: the spool is free to forget it */
    bool is_saving;   /* in this batch */
    char id[ULID_LEN + 1];
    size_t len;
    char record[]; /* as in the spool */
};

enum { ROLLUP_DIMS = 7 };
enum rollup { ROLLUP_HOUR, ROLLUP_DIM, ROLLUP_N_ };

/* The sums of one key of a roll-up; in the batch's arena. */
struct sum {
    int64_t hour;
    struct str dims[ROLLUP_DIMS];
    int64_t v[SUM_N_];
};

struct rows {
    struct db *db;
    struct bind bind[ST_N_];
    uint64_t spool_id;
    struct map pending; /* id → struct pending, owned */
    struct list open, closing;
    struct arena arena; /* of the batch */
    struct map sums[ROLLUP_N_];
    struct sum *last_sum[ROLLUP_N_]; /* in sums; the next request is often of the same */
    struct buf text;                 /* scratch: keys of the maps, JSON */
    struct record *scratch;          /* owned: an admission, decoded */
    struct buf packed[3];            /* scratch for compressed bodies */
    int64_t next_rid;  /* numbers are not used again while we live, for who follows */
    int64_t first_rid; /* of the batch */
    int wal_pages;
};

/* ---- opening ---- */

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct rows *r = arg;
    (void)db;
    (void)name;
    r->wal_pages = pages;
    return SQLITE_OK;
}

static enum errc read_position(struct rows *r, uint64_t *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    enum errc rc = db_prepare(r->db, "SELECT file, applied FROM spool", &st, e);
    if (rc == ERR_OK)
        rc = db_step(r->db, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    *ret = 0;
    if (row && (uint64_t)sqlite3_column_int64(st, 0) == r->spool_id)
        *ret = (uint64_t)sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    return ERR_OK;
}

static enum errc read_next_rid(struct rows *r, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    enum errc rc =
        db_prepare(r->db, "SELECT ifnull(max(rid), 0) + 1 FROM request", &st, e);
    if (rc == ERR_OK)
        rc = db_step(r->db, st, &row, e);
    if (rc != ERR_OK)
        return rc;
    r->next_rid = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return ERR_OK;
}

static enum errc remember(struct rows *r, const char *id, struct str record,
                          uint64_t from, bool is_saved, struct err *e)
{
    struct pending *p = mem_alloc(1, sizeof *p + record.len);
    if (p == NULL || map_set(&r->pending, str_of(id), p) != ERR_OK) {
        mem_free(p);
        return err_set(e, ERR_MEMORY, "ledger: out of memory");
    }
    *p = (struct pending){.from = from, .is_saved = is_saved, .len = record.len};
    memcpy(p->id, id, strnlen(id, ULID_LEN));
    memcpy(p->record, record.ptr, record.len);
    list_add(&r->open, &p->link);
    return ERR_OK;
}

static enum errc read_admitted(struct rows *r, struct err *e)
{
    sqlite3_stmt *st;
    bool row = true;
    enum errc rc = db_prepare(r->db, "SELECT id, record FROM admitted", &st, e);
    while (rc == ERR_OK && (rc = db_step(r->db, st, &row, e)) == ERR_OK && row) {
        const void *blob = sqlite3_column_blob(st, 1);
        struct str record = {blob, (size_t)sqlite3_column_bytes(st, 1)};
        if (record.len > 0)
            rc =
                remember(r, (const char *)sqlite3_column_text(st, 0), record, 0, true, e);
    }
    return rc;
}

static enum errc prepare_all(struct rows *r, struct err *e)
{
    enum errc rc = ERR_OK;
    for (unsigned i = 0; i < ST_N_ && rc == ERR_OK; i++) {
        sqlite3_stmt *st;
        rc = db_prepare(r->db, statements[i], &st, e);
        if (rc == ERR_OK)
            rc = bind_init(&r->bind[i], st, e);
    }
    return rc;
}

static void begin_sums(struct rows *r)
{
    arena_init(&r->arena, SUMS_MAX);
    for (unsigned i = 0; i < ROLLUP_N_; i++) {
        map_init(&r->sums[i]);
        r->last_sum[i] = NULL;
    }
}

static void end_sums(struct rows *r)
{
    for (unsigned i = 0; i < ROLLUP_N_; i++)
        map_release(&r->sums[i]);
    arena_release(&r->arena);
}

enum errc rows_open(const char *path, uint64_t spool_id, struct rows **ret,
                    uint64_t *ret_applied, struct err *e)
{
    AUTO(rows_close) struct rows *r = MEM_NEW(struct rows);
    if (r == NULL)
        return err_set(e, ERR_MEMORY, "ledger: out of memory");
    r->spool_id = spool_id;
    map_init(&r->pending);
    list_init(&r->open);
    list_init(&r->closing);
    begin_sums(r);
    buf_init(&r->text, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(r->packed); i++)
        buf_init(&r->packed[i], SIZE_MAX);
    r->scratch = MEM_NEW(struct record);
    if (r->scratch == NULL)
        return err_set(e, ERR_MEMORY, "ledger: out of memory");
    uint64_t applied = 0;
    enum errc rc = db_open(path, DB_WRITE, &r->db, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_busy_timeout(db_handle(r->db), BUSY_MS);
    sqlite3_wal_hook(db_handle(r->db), on_wal, r);
    rc = prepare_all(r, e);
    if (rc == ERR_OK)
        rc = read_position(r, &applied, e);
    if (rc == ERR_OK)
        rc = read_next_rid(r, e);
    if (rc == ERR_OK)
        rc = read_admitted(r, e);
    if (rc != ERR_OK)
        return rc;
    *ret = r;
    *ret_applied = applied;
    r = NULL;
    return ERR_OK;
}

void rows_close(struct rows **rp)
{
    struct rows *r = *rp;
    if (r == NULL)
        return;
    map_for_each (slot, &r->pending)
        mem_free(slot->value);
    map_release(&r->pending);
    end_sums(r);
    buf_release(&r->text);
    for (size_t i = 0; i < ARRAY_LEN(r->packed); i++)
        buf_release(&r->packed[i]);
    mem_free(r->scratch);
    for (unsigned i = 0; i < ST_N_; i++)
        bind_release(&r->bind[i]);
    db_close(&r->db);
    mem_free(r);
    *rp = NULL;
}

/* Its parameters follow in the order of the statement. */
static struct bind *bind_to(struct rows *r, enum statement which)
{
    bind_start(&r->bind[which]);
    return &r->bind[which];
}

static enum errc run(struct rows *r, const struct bind *b, struct err *e)
{
    return db_step(r->db, b->st, NULL, e);
}

/* ---- sums ---- */

static bool is_of(const struct sum *sum, int64_t hour, const struct str *dims, size_t n)
{
    bool same = sum != NULL && sum->hour == hour;
    for (size_t i = 0; i < n && same; i++)
        same = str_eq(sum->dims[i], dims[i]);
    return same;
}

static struct sum *make_sum(struct rows *r, enum rollup which, int64_t hour,
                            const struct str *dims, size_t n)
{
    struct sum *sum = ARENA_NEW(&r->arena, struct sum);
    if (sum == NULL || map_set(&r->sums[which], buf_str(&r->text), sum) != ERR_OK)
        return NULL;
    sum->hour = hour;
    for (size_t i = 0; i < n; i++)
        sum->dims[i] = (struct str){arena_strz(&r->arena, dims[i]), dims[i].len};
    return arena_is_broken(&r->arena) ? NULL : sum;
}

static struct sum *find_sum(struct rows *r, enum rollup which, int64_t hour,
                            const struct str *dims, size_t n)
{
    struct sum **last = &r->last_sum[which];
    if (is_of(*last, hour, dims, n))
        return *last;
    buf_reset(&r->text);
    buf_add(&r->text, &hour, sizeof hour);
    for (size_t i = 0; i < n; i++) {
        buf_adds(&r->text, dims[i]);
        buf_addc(&r->text, '\0');
    }
    if (buf_err(&r->text) != ERR_OK)
        return NULL;
    struct sum *sum = map_get(&r->sums[which], buf_str(&r->text));
    if (sum == NULL)
        sum = make_sum(r, which, hour, dims, n);
    return *last = sum;
}

static enum errc add_sums(struct rows *r, const struct ledger_admit *a,
                          const struct ledger_settle *s, struct err *e)
{
    const struct usage *u = s->usage;
    bool is_priced = s->cost_pico != PICO_UNKNOWN;
    bool is_estimate = s->cost_source == COST_ESTIMATED || (s->flags & LEDGER_ESTIMATED);
    const int64_t v[SUM_N_] = {
        [SUM_N_REQUESTS] = 1,
        [SUM_N_FAILED] = s->outcome != ERR_OK,
        [SUM_N_UNPRICED] = !is_priced,
        [SUM_N_ESTIMATED] = is_priced && is_estimate,
        [SUM_N_ATTEMPTS] = (int64_t)s->n_attempts,
        [SUM_INPUT_TOK] = u != NULL ? usage_input_tok(u) : 0,
        [SUM_CACHED_TOK] = u != NULL ? usage_cached_tok(u) : 0,
        [SUM_OUTPUT_TOK] = u != NULL ? usage_output_tok(u) : 0,
        [SUM_REASONING_TOK] = u != NULL ? u->n[USAGE_REASONING] : 0,
        [SUM_COST_PICO] = is_priced ? s->cost_pico : 0,
    };
    const struct str by_status[] = {s->provider, s->model, str_of(errc_name(s->outcome))};
    const struct str by_dim[] = {s->provider, s->model,  a->route, a->template_name,
                                 a->project,  a->client, a->kind};
    int64_t hour = a->start_us / US_PER_HOUR;
    struct sum *const sums[] = {
        find_sum(r, ROLLUP_HOUR, hour, by_status, ARRAY_LEN(by_status)),
        find_sum(r, ROLLUP_DIM, hour, by_dim, ARRAY_LEN(by_dim)),
    };
    for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
        if (sums[i] == NULL)
            return err_set(e, ERR_MEMORY, "ledger: out of memory");
        for (unsigned k = 0; k < SUM_N_; k++)
            if (__builtin_add_overflow(sums[i]->v[k], v[k], &sums[i]->v[k]))
                return err_set(e, ERR_RANGE, "ledger: a sum leaves 64 bits");
    }
    return ERR_OK;
}

static enum errc write_sums(struct rows *r, enum rollup which, struct err *e)
{
    static const struct {
        enum statement st;
        size_t n_dims;
    } how[ROLLUP_N_] = {
        [ROLLUP_HOUR] = {ST_ROLLUP, 3}, [ROLLUP_DIM] = {ST_ROLLUP_DIM, 7}};
    map_for_each (slot, &r->sums[which]) {
        const struct sum *sum = slot->value;
        struct bind *b = bind_to(r, how[which].st);
        bind_i64(b, sum->hour);
        for (size_t i = 0; i < how[which].n_dims; i++)
            bind_str(b, sum->dims[i]);
        for (unsigned k = 0; k < SUM_N_; k++)
            bind_i64(b, sum->v[k]);
        enum errc rc = run(r, b, e);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* ---- rows of one request ---- */

static enum errc insert_request(struct rows *r, const struct ledger_admit *a,
                                const struct ledger_settle *s, struct err *e)
{
    struct bind *b = bind_to(r, ST_REQUEST);
    bind_i64(b, r->next_rid);
    bind_str(b, str_of(s->id));
    bind_i64(b, a->start_us);
    bind_if(b, s->first_token_us);
    bind_i64(b, s->end_us);
    bind_str(b, a->kind);
    bind_str(b, str_of(errc_name(s->outcome)));
    const struct str names[] = {
        s->provider, s->model,         s->served_model,     a->asked_model,
        a->route,    a->client,        a->dialect,          a->user,
        a->project,  a->template_name, a->template_version, a->conversation,
        a->parent,   s->finish,
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        bind_text(b, names[i]);
    bind_i64(b, s->flags);
    bind_i64(b, (int64_t)s->n_attempts);
    bind_i64(b, a->input_tok_estimate);
    bind_pico(b, a->reserved_pico);
    bind_pico(b, s->cost_pico);
    bind_str(b, str_of(ledger_cost_source_name(s->cost_source)));
    bind_pico(b, s->reported_pico);
    bind_text(b, s->price_row);
    bind_text(b, s->catalog_date);
    static const char *const records[] = {
        [CONF_RECORD_UNSET] = "meta",
        [CONF_RECORD_FULL] = "full",
        [CONF_RECORD_META] = "meta",
        [CONF_RECORD_OFF] = "off",
    };
    bind_str(b, str_of(records[s->record]));
    bind_text(b, s->error);
    bind_text(b, s->trace);
    bind_usage(b, s->usage);
    return run(r, b, e);
}

static enum errc insert_attempt(struct rows *r, int64_t rid,
                                const struct ledger_attempt *a, struct err *e)
{
    struct bind *b = bind_to(r, ST_ATTEMPT);
    bind_i64(b, rid);
    bind_i64(b, a->index);
    bind_i64(b, a->leg);
    bind_str(b, a->provider.ptr != NULL ? a->provider : STR(""));
    bind_str(b, a->model.ptr != NULL ? a->model : STR(""));
    bind_text(b, a->served_model);
    bind_text(b, a->key_id);
    bind_i64(b, a->start_us);
    bind_if(b, a->connect_us);
    bind_if(b, a->first_byte_us);
    bind_if(b, a->first_token_us);
    bind_i64(b, a->end_us);
    bind_if(b, a->http_status);
    bind_str(b, str_of(errc_name(a->outcome)));
    bind_text(b, a->provider_code);
    bind_text(b, a->upstream_id);
    bind_i64(b, a->bytes_in);
    bind_i64(b, a->bytes_out);
    bind_pico(b, a->cost_pico);
    bind_str(b, str_of(ledger_cost_source_name(a->cost_source)));
    bind_i64(b, a->billed_estimate);
    bind_text(b, a->price_row);
    bind_text(b, a->pricing);
    buf_reset(&r->text);
    if (a->usage != NULL)
        usage_write_classes(a->usage, &r->text);
    bind_text(b, buf_str(&r->text));
    return run(r, b, e);
}

static enum errc insert_tags(struct rows *r, int64_t rid, const struct ledger_admit *a,
                             struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < a->n_tags && rc == ERR_OK; i++) {
        struct bind *b = bind_to(r, ST_TAG);
        bind_i64(b, rid);
        bind_str(b, a->tags[i].name.ptr != NULL ? a->tags[i].name : STR(""));
        bind_str(b, a->tags[i].value.ptr != NULL ? a->tags[i].value : STR(""));
        rc = run(r, b, e);
    }
    return rc;
}

static enum errc insert_conversation(struct rows *r, const struct ledger_admit *a,
                                     const char *id, struct err *e)
{
    if (a->conversation.len == 0)
        return ERR_OK;
    struct bind *b = bind_to(r, ST_CONVERSATION);
    bind_str(b, a->conversation);
    bind_text(b, a->project);
    bind_i64(b, a->start_us);
    bind_str(b, str_of(id));
    bind_text(b, a->conversation_name);
    return run(r, b, e);
}

static enum errc insert_body(struct rows *r, int64_t rid, int64_t at_us,
                             const struct rows_body *body, struct err *e)
{
    if (body == NULL)
        return ERR_OK;
    const struct str parts[] = {body->request, body->response, body->answer};
    int64_t stored = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_reset(&r->packed[i]);
        enum errc rc = parts[i].len > 0 ? pack(parts[i], &r->packed[i], e) : ERR_OK;
        if (rc != ERR_OK)
            return rc;
        stored += (int64_t)r->packed[i].len;
    }
    struct bind *b = bind_to(r, ST_BODY);
    bind_i64(b, rid);
    bind_i64(b, at_us);
    bind_i64(b, stored);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        bind_i64(b, (int64_t)parts[i].len);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        bind_blob(b, buf_str(&r->packed[i]));
    enum errc rc = run(r, b, e);
    return rc == ERR_OK ? texts_add(r->db, rid, body->request, body->answer, e) : rc;
}

static enum errc insert_all(struct rows *r, const struct ledger_admit *a,
                            const struct ledger_settle *s, const struct rows_body *body,
                            struct err *e)
{
    enum errc rc = insert_request(r, a, s, e);
    if (rc != ERR_OK || sqlite3_changes(db_handle(r->db)) == 0)
        return rc; /* the id has a row already */
    int64_t rid = r->next_rid++;
    for (size_t i = 0; i < s->n_attempts && rc == ERR_OK; i++)
        rc = insert_attempt(r, rid, &s->attempts[i], e);
    if (rc == ERR_OK)
        rc = insert_tags(r, rid, a, e);
    if (rc == ERR_OK)
        rc = insert_conversation(r, a, s->id, e);
    if (rc == ERR_OK)
        rc = insert_body(r, rid, s->end_us, body, e);
    if (rc == ERR_OK)
        rc = add_sums(r, a, s, e);
    return rc;
}

/* ---- admissions and ends ---- */

enum errc rows_admit(struct rows *r, const char *id, struct str record, uint64_t from,
                     struct err *e)
{
    struct pending *p = map_get(&r->pending, str_of(id));
    if (p != NULL) { /* done again after a rollback, or saved in the last life */
        p->from = from;
        return ERR_OK;
    }
    return remember(r, id, record, from, false, e);
}

static void close_pending(struct rows *r, struct pending *p)
{
    list_del(&p->link);
    list_add(&r->closing, &p->link);
}

void rows_forget(struct rows *r, const char *id)
{
    struct pending *p = map_get(&r->pending, str_of(id));
    if (p != NULL)
        close_pending(r, p);
}

/* What is known of the beginning: the admission, or at least the time that is in the id. */
static const struct ledger_admit *admission(struct rows *r, const struct pending *p,
                                            const struct ledger_settle *s)
{
    struct ledger_admit *a = &r->scratch->admit;
    struct err ignored = ERR_INIT;
    if (p == NULL ||
        record_get((struct str){p->record, p->len}, r->scratch, &ignored) != ERR_OK) {
        int64_t start_us = clock_ulid_us(str_of(s->id));
        *a = (struct ledger_admit){
            .start_us = start_us >= 0 ? start_us : s->end_us,
            .reserved_pico = PICO_UNKNOWN,
        };
    }
    if (a->kind.len == 0)
        a->kind = STR("chat");
    return a;
}

static enum errc unkeep(struct rows *r, const struct pending *p, struct err *e)
{
    if (!p->is_saved && !p->is_saving)
        return ERR_OK;
    struct bind *b = bind_to(r, ST_UNKEEP);
    bind_str(b, str_of(p->id));
    return run(r, b, e);
}

enum errc rows_settle(struct rows *r, const struct ledger_settle *s,
                      const struct rows_body *body, struct err *e)
{
    struct pending *p = map_get(&r->pending, str_of(s->id));
    enum errc rc = insert_all(r, admission(r, p, s), s, body, e);
    if (rc == ERR_OK && p != NULL) {
        rc = unkeep(r, p, e);
        close_pending(r, p);
    }
    return rc;
}

enum errc rows_interrupt(struct rows *r, int64_t now_us, struct err *e)
{
    enum errc rc = ERR_OK;
    list_for_each_safe (node, &r->open) {
        struct pending *p = container_of(node, struct pending, link);
        struct ledger_settle s = {
            .end_us = now_us,
            .outcome = ERR_INTERRUPTED,
            .flags = LEDGER_INTERRUPTED | LEDGER_ESTIMATED,
            .reported_pico = PICO_UNKNOWN,
            .error = STR("the broker ended before the answer did"),
        };
        memcpy(s.id, p->id, sizeof s.id);
        const struct ledger_admit *a = admission(r, p, &s);
        s.provider = a->provider;
        s.model = a->model;
        s.cost_pico = a->reserved_pico;
        s.cost_source = a->reserved_pico == PICO_UNKNOWN ? COST_UNKNOWN : COST_ESTIMATED;
        rc = insert_all(r, a, &s, NULL, e);
        if (rc == ERR_OK)
            rc = unkeep(r, p, e);
        if (rc != ERR_OK)
            break;
        close_pending(r, p);
    }
    return rc;
}

size_t rows_n_open(const struct rows *r)
{
    return r->pending.n;
}

uint64_t rows_tail(const struct rows *r, uint64_t applied)
{
    uint64_t tail = applied;
    list_for_each (node, &r->open) {
        const struct pending *p = container_of(node, struct pending, link);
        if (!p->is_saved && p->from < tail)
            tail = p->from;
    }
    return tail;
}

enum errc rows_keep(struct rows *r, uint64_t before, struct err *e)
{
    enum errc rc = ERR_OK;
    list_for_each (node, &r->open) {
        struct pending *p = container_of(node, struct pending, link);
        if (p->is_saved || p->from >= before)
            continue;
        struct bind *b = bind_to(r, ST_KEEP);
        bind_str(b, str_of(p->id));
        bind_blob(b, (struct str){p->record, p->len});
        rc = run(r, b, e);
        if (rc != ERR_OK)
            break;
        p->is_saving = true;
    }
    return rc;
}

enum errc rows_loss(struct rows *r, int64_t now_us, uint64_t n_rows, uint64_t n_bodies,
                    const char *why, struct err *e)
{
    struct bind *b = bind_to(r, ST_LOSS);
    bind_i64(b, now_us);
    bind_i64(b, (int64_t)n_rows);
    bind_i64(b, (int64_t)n_bodies);
    bind_str(b, str_of(why));
    return run(r, b, e);
}

enum errc rows_state(struct rows *r, const struct ledger_state *s, struct err *e)
{
    bool is_gone = s->value.len == 0;
    struct bind *b = bind_to(r, is_gone ? ST_NO_STATE : ST_STATE);
    bind_str(b, s->key);
    if (!is_gone) {
        bind_str(b, s->value);
        bind_i64(b, s->at_us);
    }
    return run(r, b, e);
}

enum errc rows_replay(struct rows *r, struct str json, struct err *e)
{
    static const enum statement all[] = {ST_REPLAY_RUN, ST_REPLAY_ITEMS,
                                         ST_REPLAY_NO_ITEMS, ST_REPLAY_NO_RUN};
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(all) && rc == ERR_OK; i++) {
        struct bind *b = bind_to(r, all[i]);
        bind_str(b, json);
        rc = run(r, b, e);
    }
    return rc;
}

/* ---- transactions ---- */

enum errc rows_begin(struct rows *r, struct err *e)
{
    r->first_rid = r->next_rid;
    return db_exec(r->db, "BEGIN IMMEDIATE", e);
}

enum errc rows_commit(struct rows *r, uint64_t applied, struct err *e)
{
    enum errc rc = write_sums(r, ROLLUP_HOUR, e);
    if (rc == ERR_OK)
        rc = write_sums(r, ROLLUP_DIM, e);
    if (rc == ERR_OK) {
        struct bind *b = bind_to(r, ST_SPOOL);
        bind_i64(b, (int64_t)r->spool_id);
        bind_i64(b, (int64_t)applied);
        rc = run(r, b, e);
    }
    if (rc == ERR_OK)
        rc = db_exec(r->db, "COMMIT", e);
    if (rc != ERR_OK)
        return rc;
    list_for_each_safe (node, &r->closing) {
        struct pending *p = container_of(node, struct pending, link);
        list_del(node);
        map_del(&r->pending, str_of(p->id));
        mem_free(p);
    }
    list_for_each (node, &r->open) {
        struct pending *p = container_of(node, struct pending, link);
        p->is_saved |= p->is_saving;
        p->is_saving = false;
    }
    end_sums(r);
    begin_sums(r);
    return ERR_OK;
}

void rows_rollback(struct rows *r)
{
    struct err ignored = ERR_INIT;
    if (!sqlite3_get_autocommit(db_handle(r->db)))
        (void)!db_exec(r->db, "ROLLBACK", &ignored);
    r->next_rid = r->first_rid;
    list_for_each_safe (node, &r->closing) {
        list_del(node);
        list_add(&r->open, node);
    }
    list_for_each (node, &r->open)
        container_of(node, struct pending, link)->is_saving = false;
    end_sums(r);
    begin_sums(r);
}

struct db *rows_db(struct rows *r)
{
    return r->db;
}

int rows_wal_pages(const struct rows *r)
{
    return r->wal_pages;
}

enum errc rows_checkpoint(struct rows *r, struct err *e)
{
    int rc = sqlite3_wal_checkpoint_v2(db_handle(r->db), NULL, SQLITE_CHECKPOINT_PASSIVE,
                                       NULL, NULL);
    r->wal_pages = 0;
    if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
        return ERR_OK;
    return err_set(e, ERR_STORE, "checkpoint: %s", sqlite3_errmsg(db_handle(r->db)));
}
