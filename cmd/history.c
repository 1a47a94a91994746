/*
 * history.c: see history.h. Reads only; the schema is core/db_schema.c's.
 *
 * A request holds all turns before it, so the last answered one and its answer are enough.
 */
#include "cmd/history.h"

#include <ctype.h>
#include <poll.h>
#include <string.h>

#include "core/db.h"
#include "core/jscan.h"
#include "core/pack.h"
#include "core/report.h"
#include "core/texts.h"

/*
 * One whose only request was sent to nobody, as to a model that does not exist, is none to go on
 * with. Only the newest are looked at: there is no index.
 */
#define WAS_SENT(c, r) "(" c ".n_requests > 1 OR " r ".n_attempts > 0)"
static const char latest_sql[] =
    "SELECT c.id, last_request, name, title FROM"
    " (SELECT * FROM conversation ORDER BY last_us DESC LIMIT 100) c"
    " LEFT JOIN request r ON r.id = c.last_request"
    " WHERE " WAS_SENT("c", "r") " ORDER BY last_us DESC LIMIT 1";
static const char exact_sql[] =
    "SELECT id, last_request, name, title FROM conversation WHERE id = ?1 OR name = ?1";
static const char prefix_sql[] = "SELECT id, last_request, name, title FROM conversation"
                                 " WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2";
/* Backwards from the newest request, which is nearly always the one. */
static const char turn_sql[] =
    "SELECT r.id, r.asked_model, r.route, b.request, b.answer, r.dialect"
    " FROM request r JOIN body b USING (rid)"
    " WHERE r.conversation = ?1 AND r.id <= ?2 AND b.answer_len > 0"
    " ORDER BY r.id DESC LIMIT 1";

/* A conversation whose texts are recorded, but whose questions were not answered. */
static const char asked_sql[] =
    "SELECT asked_model, route FROM request JOIN body USING (rid)"
    " WHERE conversation = ?1 AND request_len > 0 LIMIT 1";

struct found {
    const char *id, *last_request, *name, *title;
    bool is_unique;
};

static const char *keep(struct cmd_ctx *ctx, sqlite3_stmt *st, int at)
{
    struct str s = db_col_str(st, at);
    return s.ptr == NULL ? NULL : arena_strz(&ctx->arena, s);
}

/* *ret->id is NULL when there is none. */
static enum errc find(struct cmd_ctx *ctx, struct db *db, const char *sql,
                      const char *which, struct found *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row = false, more = false;
    enum errc rc = db_prepare(db, sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    if (which != NULL)
        db_bind_strz(st, 1, which);
    rc = db_step(db, st, &row, e);
    *ret = (struct found){.is_unique = true};
    if (rc != ERR_OK || !row)
        return rc;
    ret->id = keep(ctx, st, 0);
    ret->last_request = keep(ctx, st, 1);
    ret->name = keep(ctx, st, 2);
    ret->title = keep(ctx, st, 3);
    rc = db_step(db, st, &more, e);
    ret->is_unique = !more;
    return rc;
}

static enum errc find_conversation(struct cmd_ctx *ctx, struct db *db, const char *which,
                                   struct found *ret, struct err *e)
{
    enum errc rc = find(ctx, db, which == NULL ? latest_sql : exact_sql, which, ret, e);
    if (rc == ERR_OK && ret->id == NULL && which != NULL)
        rc = find(ctx, db, prefix_sql, which, ret, e);
    if (rc != ERR_OK)
        return rc;
    if (ret->id == NULL && which == NULL)
        return err_set(e, ERR_NOT_FOUND, "no conversation yet");
    if (ret->id == NULL)
        return err_set(e, ERR_NOT_FOUND,
                       "no conversation \"%s\"\nhint: llmgw log conversations", which);
    if (!ret->is_unique)
        return err_set(e, ERR_NOT_FOUND, "\"%s\" begins several conversations' ids",
                       which);
    return ERR_OK;
}

static enum errc add_messages(struct history *h, struct str request, bool keep_system,
                              struct err *e)
{
    struct jfield messages = {.name = "messages"};
    enum errc rc = jscan_object(request, &messages, 1, e);
    if (rc != ERR_OK)
        return rc;
    size_t it = 0;
    struct jspan message;
    while (jscan_next(request, messages.value, &it, &message)) {
        struct jspan role = jscan_get(request, message, "role");
        bool is_system =
            jscan_is(request, role, "system") || jscan_is(request, role, "developer");
        if (is_system && !keep_system)
            continue;
        buf_adds(&h->messages, jscan_text(request, message));
        buf_addc(&h->messages, ',');
    }
    return ERR_OK;
}

static void add_answer(struct history *h, struct str answer)
{
    struct jw w;
    jw_init(&w, &h->messages);
    jw_object(&w);
    jw_kstrz(&w, "role", "assistant");
    jw_kstr(&w, "content", answer);
    jw_object_end(&w);
    buf_addc(&h->messages, ',');
}

static enum errc load_turn(struct cmd_ctx *ctx, sqlite3_stmt *st, bool keep_system,
                           struct history *h, struct err *e)
{
    AUTO(buf_release) struct buf request = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    if (!str_eqz(db_col_str(st, 5), "openai"))
        return err_set(e, ERR_USAGE,
                       "the conversation was held by another program's API (%.*s)",
                       STR_ARG(db_col_str(st, 5)));
    h->parent = keep(ctx, st, 0);
    h->model = keep(ctx, st, 1);
    h->route = keep(ctx, st, 2);
    enum errc rc = unpack(db_col_str(st, 3), &request, e);
    if (rc == ERR_OK)
        rc = unpack(db_col_str(st, 4), &answer, e);
    if (rc == ERR_OK)
        rc = add_messages(h, buf_str(&request), keep_system, e);
    if (rc != ERR_OK)
        return rc;
    add_answer(h, buf_str(&answer));
    if (buf_err(&h->messages) != ERR_OK)
        return err_set(e, buf_err(&h->messages), "the conversation is too long");
    return ERR_OK;
}

/* Nothing was said yet that counts: the next turn is its first. */
static enum errc load_unanswered(struct cmd_ctx *ctx, struct db *db, struct history *h,
                                 struct err *e)
{
    sqlite3_stmt *st;
    bool row = false;
    enum errc rc = db_prepare(db, asked_sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_strz(st, 1, h->conversation);
    rc = db_step(db, st, &row, e);
    if (rc == ERR_OK && !row)
        return err_set(e, ERR_NOT_FOUND, "conversation %s: its texts were not recorded",
                       h->conversation);
    h->parent = "";
    h->model = rc == ERR_OK ? keep(ctx, st, 0) : NULL;
    h->route = rc == ERR_OK ? keep(ctx, st, 1) : NULL;
    return rc;
}

static enum errc load(struct cmd_ctx *ctx, struct db *db, const char *which,
                      bool keep_system, struct history *h, struct err *e)
{
    struct found found;
    sqlite3_stmt *st;
    bool row = false;
    enum errc rc = find_conversation(ctx, db, which, &found, e);
    if (rc == ERR_OK)
        rc = db_prepare(db, turn_sql, &st, e);
    if (rc != ERR_OK)
        return rc;
    h->conversation = found.id;
    h->name = found.name;
    h->title = found.title;
    db_bind_strz(st, 1, found.id);
    db_bind_strz(st, 2, found.last_request);
    rc = db_step(db, st, &row, e);
    if (rc == ERR_OK && !row)
        return load_unanswered(ctx, db, h, e);
    return rc == ERR_OK ? load_turn(ctx, st, keep_system, h, e) : rc;
}

static enum errc open_ledger(struct cmd_ctx *ctx, struct db **ret, struct err *e)
{
    return db_open(conf_path_db(&ctx->arena, ctx->conf, cmd_getenv), DB_READ, ret, e);
}

enum errc history_load(struct cmd_ctx *ctx, const char *which, bool keep_system,
                       struct history *ret, struct err *e)
{
    struct db *db;
    *ret = (struct history){.messages = BUF_INIT(LIMIT_BODY_LEN)};
    enum errc rc = open_ledger(ctx, &db, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "no conversation yet: there is no ledger");
    if (rc != ERR_OK)
        return rc;
    rc = load(ctx, db, which, keep_system, ret, e);
    db_close(&db);
    if (rc != ERR_OK)
        history_release(ret);
    return rc;
}

void history_release(struct history *h)
{
    buf_release(&h->messages);
}

enum errc history_find(struct cmd_ctx *ctx, struct db *db, const char *which,
                       const char **ret_id, struct err *e)
{
    struct found found;
    enum errc rc = find_conversation(ctx, db, which, &found, e);
    if (rc == ERR_OK)
        *ret_id = found.id;
    return rc;
}

bool history_exists(struct cmd_ctx *ctx, const char *name)
{
    struct db *db;
    struct found found;
    struct err why = ERR_INIT;
    if (open_ledger(ctx, &db, &why) != ERR_OK)
        return false;
    enum errc rc = find(ctx, db, exact_sql, name, &found, &why);
    db_close(&db);
    return rc == ERR_OK && found.id != NULL;
}

enum errc history_parents(struct cmd_ctx *ctx, const char *id, const char **ids,
                          size_t max, size_t *ret_n, struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    sqlite3_stmt *st;
    bool row = true;
    enum errc rc = open_ledger(ctx, &db, e);
    *ret_n = 0;
    while (rc == ERR_OK && row && id != NULL && id[0] != '\0' && *ret_n < max) {
        rc = db_prepare(db, "SELECT ifnull(parent, '') FROM request WHERE id = ?1", &st,
                        e);
        if (rc != ERR_OK)
            break;
        db_bind_strz(st, 1, id);
        rc = db_step(db, st, &row, e);
        id = rc == ERR_OK && row ? keep(ctx, st, 0) : NULL;
        if (id != NULL)
            ids[(*ret_n)++] = id;
    }
    return rc;
}

/* ---- all of them ---- */

enum {
    RECENT_MAX = 500, /* conversations whose names and first questions are looked at */
    ABOUT_LEN = 120,  /* bytes told of one */
};

#define RECENT(found)                                                                    \
    "SELECT c.id, c.name, c.last_us, c.n_requests, b.request, c.title, " found           \
    " FROM conversation c"                                                               \
    " LEFT JOIN request r ON r.id = c.last_request LEFT JOIN body b USING (rid)"         \
    " WHERE " WAS_SENT("c", "r") " ORDER BY c.last_us DESC"
static const char recent_sql[] = RECENT("0");
/* The last column: are the words in any text of it? */
static const char search_sql[] =
    RECENT("c.id IN (SELECT conversation FROM request WHERE rid IN"
           " (SELECT rowid FROM body_text WHERE body_text MATCH ?1))");

/* A text, or the first text among parts. */
static struct str text_of(struct json_object *content)
{
    size_t n = json_object_is_type(content, json_type_array)
                   ? json_object_array_length(content)
                   : 0;
    for (size_t i = 0; i < n; i++) {
        struct str text = jx_str(json_object_array_get_idx(content, i), "text");
        if (text.len > 0)
            return text;
    }
    return jx_text(content);
}

/* The first line that says something of the first question. */
static const char *first_question(struct cmd_ctx *ctx, struct str request)
{
    struct jfield messages = {.name = "messages"};
    struct jspan message;
    struct err ignored = ERR_INIT;
    size_t it = 0;
    if (jscan_object(request, &messages, 1, &ignored) != ERR_OK)
        return "";
    while (jscan_next(request, messages.value, &it, &message)) {
        AUTO(jx_put) struct json_object *o = NULL;
        if (!jscan_is(request, jscan_get(request, message, "role"), "user"))
            continue;
        if (jx_parse(jscan_text(request, message), &o, &ignored) != ERR_OK)
            return "";
        struct str text = str_trim(text_of(jx_get(o, "content")));
        text = str_sub(text, 0, str_find(text, '\n'));
        return arena_strz(&ctx->arena,
                          str_sub(text, 0, str_utf8_prefix(text, ABOUT_LEN)));
    }
    return "";
}

static const char *about(struct cmd_ctx *ctx, sqlite3_stmt *st)
{
    AUTO(buf_release) struct buf request = BUF_INIT(LIMIT_BODY_LEN);
    struct err ignored = ERR_INIT;
    const char *name = keep(ctx, st, 1);
    if (name == NULL)
        name = keep(ctx, st, 5);
    if (name != NULL)
        return name;
    if (db_col_str(st, 4).len == 0 ||
        unpack(db_col_str(st, 4), &request, &ignored) != ERR_OK)
        return "";
    return first_question(ctx, buf_str(&request));
}

static struct str lower(struct cmd_ctx *ctx, struct str s)
{
    char *copy = arena_alloc(&ctx->arena, s.len + 1, 1);
    for (size_t i = 0; copy != NULL && i < s.len; i++)
        copy[i] = (char)tolower((unsigned char)s.ptr[i]);
    return (struct str){copy, copy != NULL ? s.len : 0};
}

/* What is being typed is a beginning. */
static enum errc prepare_recent(struct cmd_ctx *ctx, struct db *db, struct str query,
                                sqlite3_stmt **ret, struct err *e)
{
    AUTO(buf_release) struct buf words = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf match = BUF_INIT(LIMIT_HEAD_LEN);
    unsigned char last = query.len > 0 ? (unsigned char)query.ptr[query.len - 1] : ' ';
    bool ends_in_word = isalnum(last) != 0 || (last & 0x80) != 0;
    buf_printf(&words, "%.*s%s", STR_ARG(query), ends_in_word ? "*" : "");
    if (db_schema(db) >= DB_SCHEMA_TEXTS)
        texts_query(buf_str(&words), &match);
    bool is_search = match.len > 0 && buf_err(&match) == ERR_OK;
    enum errc rc = db_prepare(db, is_search ? search_sql : recent_sql, ret, e);
    if (rc == ERR_OK && is_search)
        db_bind_str(*ret, 1, arena_str(&ctx->arena, buf_str(&match)));
    return rc;
}

enum errc history_recent(struct cmd_ctx *ctx, struct str query,
                         struct history_item *items, size_t max, size_t *ret_n,
                         struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    sqlite3_stmt *st = NULL;
    bool row = false;
    size_t n = 0;
    *ret_n = 0;
    enum errc rc = open_ledger(ctx, &db, e);
    if (rc == ERR_NOT_FOUND) {
        err_clear(e);
        return ERR_OK;
    }
    if (rc == ERR_OK)
        rc = prepare_recent(ctx, db, query, &st, e);
    if (rc != ERR_OK)
        return rc;
    query = lower(ctx, query);
    for (size_t i = 0; n < max && (rc = db_step(db, st, &row, e)) == ERR_OK && row; i++) {
        bool is_found = db_col_i64(st, 6, 0) != 0;
        if (!is_found && i >= RECENT_MAX)
            continue;
        struct history_item item = {.about = about(ctx, st)};
        if (item.about == NULL ||
            (!is_found && !str_icontains(str_of(item.about), query)))
            continue;
        item.id = keep(ctx, st, 0);
        item.last_us = db_col_i64(st, 2, 0);
        item.n_requests = db_col_i64(st, 3, 0);
        items[n++] = item;
    }
    *ret_n = n;
    return rc;
}

enum errc history_trace(struct cmd_ctx *ctx, const char *request_id, struct buf *out,
                        struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    sqlite3_stmt *st;
    bool row = false;
    enum errc rc = open_ledger(ctx, &db, e);
    if (rc == ERR_OK)
        rc = db_prepare(
            db, "SELECT trace FROM request WHERE id = ?1 AND trace IS NOT NULL", &st, e);
    if (rc != ERR_OK)
        return rc;
    db_bind_strz(st, 1, request_id);
    rc = db_step(db, st, &row, e);
    if (rc == ERR_OK && !row)
        rc = err_set(e, ERR_NOT_FOUND, "request %s is not recorded", request_id);
    if (rc == ERR_OK)
        buf_adds(out, db_col_str(st, 0));
    return rc;
}

static void write_facts(struct cmd_ctx *ctx, const struct report_request *r,
                        struct buf *out)
{
    AUTO(buf_release) struct buf usage = BUF_INIT(LIMIT_HEAD_LEN);
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstr(&w, "route", r->route);
    jw_kstrz(
        &w, "target",
        arena_printf(&ctx->arena, "%.*s/%.*s", STR_ARG(r->provider), STR_ARG(r->model)));
    jw_kstr(&w, "model", r->served_model);
    jw_ki64(&w, "attempts", r->n_attempts);
    usage_write_openai(&r->usage, &usage);
    jw_key(&w, "usage");
    jw_raw(&w, buf_str(&usage));
    jw_key(&w, "cost_usd");
    jw_usd(&w, r->cost_pico);
    jw_kstr(&w, "cost_source", r->cost_source);
    if (r->first_token_us != 0)
        jw_ki64(&w, "ttft_ms", (r->first_token_us - r->start_us) / US_PER_MS);
    jw_ki64(&w, "total_ms", (r->end_us - r->start_us) / US_PER_MS);
    jw_kstrz(&w, "recorded", "committed");
    jw_object_end(&w);
}

enum errc history_cost(struct cmd_ctx *ctx, const char *request_id, pico *ret,
                       struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    struct report_request r;
    enum errc rc = open_ledger(ctx, &db, e);
    if (rc == ERR_OK)
        rc = report_find(db, str_of(request_id), &ctx->arena, &r, e);
    if (rc == ERR_OK)
        *ret = r.cost_pico;
    return rc;
}

enum errc history_facts(struct cmd_ctx *ctx, const char *request_id, struct buf *out,
                        struct err *e)
{
    enum { TRIES = 50, STEP_MS = 20 }; /* the ledger's writer is a moment behind */
    AUTO(db_close) struct db *db = NULL;
    struct report_request r;
    enum errc rc = open_ledger(ctx, &db, e);
    if (rc != ERR_OK)
        return rc;
    for (int i = 0; i < TRIES; i++) {
        rc = report_find(db, str_of(request_id), &ctx->arena, &r, e);
        if (rc != ERR_NOT_FOUND)
            break;
        poll(NULL, 0, STEP_MS);
    }
    if (rc == ERR_OK)
        write_facts(ctx, &r, out);
    return rc;
}
