/*
 * rows_insert.c: what a record is in SQL: the statements, the rows of one request, and the sums
 * of the batch at hand: each sum is written once per batch, not per request.
 *
 * Must not open or end a transaction.
 */
#include "core/pack.h"
#include "core/texts.h"
#include "core/turns.h"

#include "broker/rows_priv.h"

enum {
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
        "n_requests, name, title, forked_from) VALUES (?1, ?2, ?3, ?3, ?4, 1, "
        "iif(EXISTS (SELECT 1 FROM conversation WHERE name = ?5), NULL, ?5), ?6, "
        "(SELECT id FROM request WHERE id = ?7 AND conversation IS NOT ?1)) "
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

enum { ROLLUP_DIMS = 7 };

/* The sums of one key of a roll-up; in the batch's arena. */
struct sum {
    int64_t hour;
    struct str dims[ROLLUP_DIMS];
    int64_t v[SUM_N_];
};

/* ---- statements ---- */

enum errc rows_prepare(struct rows *r, struct err *e)
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

struct bind *rows_bind(struct rows *r, enum statement which)
{
    bind_start(&r->bind[which]);
    return &r->bind[which];
}

enum errc rows_run(struct rows *r, const struct bind *b, struct err *e)
{
    return db_step(r->db, b->st, NULL, e);
}

/* ---- sums ---- */

void rows_begin_sums(struct rows *r)
{
    arena_init(&r->arena, SUMS_MAX);
    for (unsigned i = 0; i < ROLLUP_N_; i++) {
        map_init(&r->sums[i]);
        r->last_sum[i] = NULL;
    }
}

void rows_end_sums(struct rows *r)
{
    for (unsigned i = 0; i < ROLLUP_N_; i++)
        map_release(&r->sums[i]);
    arena_release(&r->arena);
}

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

static enum errc write_rollup(struct rows *r, enum rollup which, struct err *e)
{
    static const struct {
        enum statement st;
        size_t n_dims;
    } how[ROLLUP_N_] = {
        [ROLLUP_HOUR] = {ST_ROLLUP, 3}, [ROLLUP_DIM] = {ST_ROLLUP_DIM, 7}};
    map_for_each (slot, &r->sums[which]) {
        const struct sum *sum = slot->value;
        struct bind *b = rows_bind(r, how[which].st);
        bind_i64(b, sum->hour);
        for (size_t i = 0; i < how[which].n_dims; i++)
            bind_str(b, sum->dims[i]);
        for (unsigned k = 0; k < SUM_N_; k++)
            bind_i64(b, sum->v[k]);
        enum errc rc = rows_run(r, b, e);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum errc rows_write_sums(struct rows *r, struct err *e)
{
    enum errc rc = write_rollup(r, ROLLUP_HOUR, e);
    return rc == ERR_OK ? write_rollup(r, ROLLUP_DIM, e) : rc;
}

/* ---- rows of one request ---- */

static enum errc insert_request(struct rows *r, const struct ledger_admit *a,
                                const struct ledger_settle *s, struct err *e)
{
    struct bind *b = rows_bind(r, ST_REQUEST);
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
    return rows_run(r, b, e);
}

static enum errc insert_attempt(struct rows *r, int64_t rid,
                                const struct ledger_attempt *a, struct err *e)
{
    struct bind *b = rows_bind(r, ST_ATTEMPT);
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
    return rows_run(r, b, e);
}

static enum errc insert_tags(struct rows *r, int64_t rid, const struct ledger_admit *a,
                             struct err *e)
{
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < a->n_tags && rc == ERR_OK; i++) {
        struct bind *b = rows_bind(r, ST_TAG);
        bind_i64(b, rid);
        bind_str(b, a->tags[i].name.ptr != NULL ? a->tags[i].name : STR(""));
        bind_str(b, a->tags[i].value.ptr != NULL ? a->tags[i].value : STR(""));
        rc = rows_run(r, b, e);
    }
    return rc;
}

/* One that begins with a request that continues another conversation's is a fork of that. */
static enum errc insert_conversation(struct rows *r, const struct ledger_admit *a,
                                     const char *id, const struct rows_body *body,
                                     struct err *e)
{
    AUTO(buf_release) struct buf title = BUF_INIT(LIMIT_HEAD_LEN);
    if (a->conversation.len == 0)
        return ERR_OK;
    if (body != NULL)
        turns_title(body->request, &title);
    struct bind *b = rows_bind(r, ST_CONVERSATION);
    bind_str(b, a->conversation);
    bind_text(b, a->project);
    bind_i64(b, a->start_us);
    bind_str(b, str_of(id));
    bind_text(b, a->conversation_name);
    bind_text(b, buf_str(&title));
    bind_text(b, a->parent);
    return rows_run(r, b, e);
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
    struct bind *b = rows_bind(r, ST_BODY);
    bind_i64(b, rid);
    bind_i64(b, at_us);
    bind_i64(b, stored);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        bind_i64(b, (int64_t)parts[i].len);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        bind_blob(b, buf_str(&r->packed[i]));
    enum errc rc = rows_run(r, b, e);
    return rc == ERR_OK ? texts_add(r->db, rid, body->request, body->answer, e) : rc;
}

enum errc rows_insert(struct rows *r, const struct ledger_admit *a,
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
        rc = insert_conversation(r, a, s->id, body, e);
    if (rc == ERR_OK)
        rc = insert_body(r, rid, s->end_us, body, e);
    if (rc == ERR_OK)
        rc = add_sums(r, a, s, e);
    return rc;
}
