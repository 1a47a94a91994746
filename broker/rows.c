/*
 * rows.c: see rows.h. Owns the writing connection, the admissions without an end, and the
 * transactions; what goes into a row is rows_insert.c's.
 */
#include "broker/rows.h"

#include <string.h>

#include "core/mem.h"

#include "broker/rows_priv.h"

enum {
    /* the spool holds what comes meanwhile; short, so that stopping is quick */
    BUSY_MS = 200,
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
    rows_begin_sums(r);
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
    rc = rows_prepare(r, e);
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
    rows_end_sums(r);
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
    struct bind *b = rows_bind(r, ST_UNKEEP);
    bind_str(b, str_of(p->id));
    return rows_run(r, b, e);
}

enum errc rows_settle(struct rows *r, const struct ledger_settle *s,
                      const struct rows_body *body, struct err *e)
{
    struct pending *p = map_get(&r->pending, str_of(s->id));
    enum errc rc = rows_insert(r, admission(r, p, s), s, body, e);
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
        rc = rows_insert(r, a, &s, NULL, e);
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
        struct bind *b = rows_bind(r, ST_KEEP);
        bind_str(b, str_of(p->id));
        bind_blob(b, (struct str){p->record, p->len});
        rc = rows_run(r, b, e);
        if (rc != ERR_OK)
            break;
        p->is_saving = true;
    }
    return rc;
}

enum errc rows_loss(struct rows *r, int64_t now_us, uint64_t n_rows, uint64_t n_bodies,
                    const char *why, struct err *e)
{
    struct bind *b = rows_bind(r, ST_LOSS);
    bind_i64(b, now_us);
    bind_i64(b, (int64_t)n_rows);
    bind_i64(b, (int64_t)n_bodies);
    bind_str(b, str_of(why));
    return rows_run(r, b, e);
}

enum errc rows_state(struct rows *r, const struct ledger_state *s, struct err *e)
{
    bool is_gone = s->value.len == 0;
    struct bind *b = rows_bind(r, is_gone ? ST_NO_STATE : ST_STATE);
    bind_str(b, s->key);
    if (!is_gone) {
        bind_str(b, s->value);
        bind_i64(b, s->at_us);
    }
    return rows_run(r, b, e);
}

enum errc rows_replay(struct rows *r, struct str json, struct err *e)
{
    static const enum statement all[] = {ST_REPLAY_RUN, ST_REPLAY_ITEMS,
                                         ST_REPLAY_NO_ITEMS, ST_REPLAY_NO_RUN};
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(all) && rc == ERR_OK; i++) {
        struct bind *b = rows_bind(r, all[i]);
        bind_str(b, json);
        rc = rows_run(r, b, e);
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
    enum errc rc = rows_write_sums(r, e);
    if (rc == ERR_OK) {
        struct bind *b = rows_bind(r, ST_SPOOL);
        bind_i64(b, (int64_t)r->spool_id);
        bind_i64(b, (int64_t)applied);
        rc = rows_run(r, b, e);
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
    rows_end_sums(r);
    rows_begin_sums(r);
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
    rows_end_sums(r);
    rows_begin_sums(r);
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
