/* state.c: see state.h. Must not decide anything: it writes down and reads back. */
#include "broker/state.h"

#include <string.h>

#include "core/jsonx.h"

/* What a model could not do then it may be able to do now. */
#define FACTS_KEPT_US (7 * US_PER_DAY)
/* A key that nothing holds (a command has not printed it yet) is remembered so long at most. */
#define KEY_KEPT_US (7 * US_PER_DAY)

/* ---- monotonic here, wall time there ---- */

static int64_t to_wall_us(const struct broker *b, int64_t mono_us)
{
    return clock_wall_us(b->clock) + (mono_us - clock_mono_us(b->clock));
}

static int64_t to_mono_us(const struct broker *b, int64_t wall_us)
{
    return clock_mono_us(b->clock) + (wall_us - clock_wall_us(b->clock));
}

/* "until_us", null for ever. */
static void write_until(const struct broker *b, struct jw *w, int64_t mono_us)
{
    jw_key(w, "until_us");
    if (mono_us == INT64_MAX)
        jw_null(w);
    else
        jw_i64(w, to_wall_us(b, mono_us));
}

/* INT64_MAX: for ever. */
static int64_t read_until(const struct broker *b, struct json_object *o)
{
    int64_t wall_us;
    bool is_bound = jx_i64(o, "until_us", 0, INT64_MAX, &wall_us);
    return is_bound ? to_mono_us(b, wall_us) : INT64_MAX;
}

/* ---- writing ---- */

/* No value: the row goes. */
static void save(struct broker *b, const char *kind, const char *name, struct str value)
{
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf key = BUF_INIT(LIMIT_HEAD_LEN);
    buf_printf(&key, "%s:%s", kind, name);
    const struct ledger_state s = {
        .key = buf_str(&key), .value = value, .at_us = clock_wall_us(b->clock)};
    if (ledger_state(b->ledger, &s, &e) != ERR_OK)
        log_write(&b->log, LOG_WARN, "state", e.text, "lost=%s:%s", kind, name);
}

void state_save_pin(struct broker *b, const struct pin *p)
{
    struct jw w;
    AUTO(buf_release) struct buf value = BUF_INIT(LIMIT_HEAD_LEN);
    jw_init(&w, &value);
    jw_object(&w);
    jw_kstrz(&w, "target", p->target);
    write_until(b, &w, p->until_us);
    jw_object_end(&w);
    save(b, "pin", p->route, buf_str(&value));
}

void state_forget_pin(struct broker *b, const char *route)
{
    save(b, "pin", route, STR_NONE);
}

void state_save_prefer(struct broker *b, const struct prefer *p)
{
    struct jw w;
    AUTO(buf_release) struct buf value = BUF_INIT(LIMIT_HEAD_LEN);
    jw_init(&w, &value);
    jw_object(&w);
    jw_kstrz(&w, "aim", conf_aim_name(p->strategy));
    write_until(b, &w, p->until_us);
    jw_object_end(&w);
    save(b, "prefer", p->route, buf_str(&value));
}

void state_forget_prefer(struct broker *b, const char *route)
{
    save(b, "prefer", route, STR_NONE);
}

void state_save_drain(struct broker *b, const struct target_state *t)
{
    struct jw w;
    AUTO(buf_release) struct buf value = BUF_INIT(LIMIT_HEAD_LEN);
    jw_init(&w, &value);
    jw_object(&w);
    write_until(b, &w, t->drained_until_us);
    jw_object_end(&w);
    save(b, "drain", t->name, t->drained_until_us == 0 ? STR_NONE : buf_str(&value));
}

void state_save_weight(struct broker *b, const struct target_state *t)
{
    struct jw w;
    AUTO(buf_release) struct buf value = BUF_INIT(LIMIT_HEAD_LEN);
    jw_init(&w, &value);
    jw_object(&w);
    jw_ki64(&w, "weight", t->weight);
    write_until(b, &w, t->weight_until_us);
    jw_object_end(&w);
    save(b, "weight", t->name, t->weight_until_us == 0 ? STR_NONE : buf_str(&value));
}

static void save_breaker(struct broker *b, const char *kind, const char *name,
                         const struct breaker *k)
{
    struct jw w;
    AUTO(buf_release) struct buf value = BUF_INIT(LIMIT_HEAD_LEN);
    jw_init(&w, &value);
    jw_object(&w);
    write_until(b, &w, k->open_until_us);
    jw_ki64(&w, "pause_us", k->pause_us);
    jw_kstrz(&w, "why", k->why);
    jw_object_end(&w);
    save(b, kind, name, k->state == BREAKER_OPEN ? buf_str(&value) : STR_NONE);
}

void state_save_breaker(struct broker *b, const struct target_state *t)
{
    save_breaker(b, "breaker", t->name, &t->breaker);
}

void state_save_key(struct broker *b, const struct secret_state *k)
{
    save_breaker(b, "key", k->name, &k->breaker);
}

/* "PROVIDER/MODEL" */
static struct limit_scope scope_of(struct str name)
{
    size_t slash = str_find(name, '/');
    return (struct limit_scope){.provider = str_sub(name, 0, slash),
                                .model = str_sub(name, slash + 1, name.len)};
}

void state_forget_limits(struct broker *b, struct target_state *t)
{
    if (t->has_kept_limits)
        save(b, "limits", t->name, STR_NONE);
    t->has_kept_limits = false;
}

void state_save_limits(struct broker *b, struct target_state *t)
{
    struct jw w;
    struct limit_scope scope = scope_of(str_of(t->name));
    AUTO(buf_release) struct buf value = BUF_INIT(LIMIT_HEAD_LEN);
    jw_init(&w, &value);
    jw_object(&w);
    jw_key(&w, "told");
    bool any = learned_keep(limiter_learned(b->limiter), &scope, clock_mono_us(b->clock),
                            clock_wall_us(b->clock), &w);
    jw_object_end(&w);
    t->has_new_limits = false;
    if (!any) {
        state_forget_limits(b, t);
        return;
    }
    save(b, "limits", t->name, buf_str(&value));
    t->has_kept_limits = true;
}

void state_save_facts(struct broker *b, const struct target_state *t)
{
    struct jw w;
    AUTO(buf_release) struct buf value = BUF_INIT(LIMIT_HEAD_LEN);
    jw_init(&w, &value);
    jw_object(&w);
    jw_kbool(&w, "no_prefill", t->no_prefill);
    jw_ki64(&w, "cap_tok", t->cap_tok);
    jw_ki64(&w, "until_us", clock_wall_us(b->clock) + FACTS_KEPT_US);
    jw_object_end(&w);
    save(b, "facts", t->name, buf_str(&value));
}

void state_forget_facts(struct broker *b, const struct target_state *t)
{
    if (t->no_prefill || t->cap_tok > 0)
        save(b, "facts", t->name, STR_NONE);
}

/* ---- reading ---- */

static struct target_state *target_of(struct broker *b, struct str name)
{
    struct limit_scope s = scope_of(name);
    return broker_target(b, s.provider, s.model);
}

static void load_pin(struct broker *b, struct str route, struct json_object *o)
{
    struct str target = jx_str(o, "target");
    int64_t until_us = read_until(b, o);
    if (b->n_pins == BROKER_PINS || target.len == 0 ||
        until_us <= clock_mono_us(b->clock))
        return;
    struct pin *p = &b->pins[b->n_pins++];
    p->until_us = until_us;
    str_copy(p->route, sizeof p->route, route);
    str_copy(p->target, sizeof p->target, target);
}

static void load_prefer(struct broker *b, struct str route, struct json_object *o)
{
    struct prefer p = {.until_us = read_until(b, o)};
    if (b->n_prefers == BROKER_PINS || !conf_aim(jx_str(o, "aim"), &p.strategy) ||
        p.until_us <= clock_mono_us(b->clock))
        return;
    str_copy(p.route, sizeof p.route, route);
    b->prefers[b->n_prefers++] = p;
}

static void load_drain(struct broker *b, struct str name, struct json_object *o)
{
    struct target_state *t = target_of(b, name);
    if (t != NULL)
        t->drained_until_us = read_until(b, o);
}

static void load_weight(struct broker *b, struct str name, struct json_object *o)
{
    struct target_state *t = target_of(b, name);
    int64_t weight;
    if (t == NULL || !jx_i64(o, "weight", 1, LIMIT_WEIGHT, &weight))
        return;
    t->weight = (int)weight; /* in range, as just checked */
    t->weight_until_us = read_until(b, o);
}

static void reopen(const struct broker *b, struct breaker *k, struct json_object *o)
{
    int64_t pause_us;
    if (jx_i64(o, "pause_us", 0, US_PER_DAY, &pause_us))
        breaker_reopen(k, read_until(b, o), pause_us, jx_str(o, "why"));
}

static void load_breaker(struct broker *b, struct str name, struct json_object *o)
{
    struct target_state *t = target_of(b, name);
    if (t != NULL)
        reopen(b, &t->breaker, o);
}

static void load_limits(struct broker *b, struct str name, struct json_object *o)
{
    struct target_state *t = target_of(b, name);
    struct limit_scope scope = scope_of(name);
    if (t == NULL)
        return;
    t->has_kept_limits = true;
    if (!learned_recall(limiter_learned(b->limiter), &scope, jx_arr(o, "told"),
                        clock_mono_us(b->clock), clock_wall_us(b->clock)))
        state_forget_limits(b, t);
}

static void load_facts(struct broker *b, struct str name, struct json_object *o)
{
    struct target_state *t = target_of(b, name);
    int64_t cap_tok = 0;
    if (t == NULL)
        return;
    if (read_until(b, o) <= clock_mono_us(b->clock)) {
        save(b, "facts", t->name, STR_NONE);
        return;
    }
    t->no_prefill = jx_bool(o, "no_prefill", false);
    if (jx_i64(o, "cap_tok", 0, INT32_MAX, &cap_tok))
        t->cap_tok = cap_tok;
}

/* One whose pause was over long ago is a key that is not used any more. */
static void load_key(struct broker *b, struct str name, struct json_object *o)
{
    int64_t now_us = clock_mono_us(b->clock);
    if (name.len >= SECRET_NAME_LEN)
        return;
    struct secret_state *k = secret_state(&b->key_states, name, now_us);
    if (k == NULL)
        return;
    reopen(b, &k->breaker, o);
    if (k->n_users == 0 && k->breaker.open_until_us < now_us - KEY_KEPT_US) {
        breaker_init(&k->breaker);
        state_save_key(b, k);
    }
}

static void load_row(struct broker *b, struct str key, struct str value)
{
    static const struct {
        const char *kind;
        void (*load)(struct broker *b, struct str name, struct json_object *o);
    } rows[] = {{"pin", load_pin},       {"drain", load_drain},
                {"weight", load_weight}, {"breaker", load_breaker},
                {"limits", load_limits}, {"facts", load_facts},
                {"key", load_key},       {"prefer", load_prefer}};
    struct err e = ERR_INIT;
    AUTO(jx_put) struct json_object *o = NULL;
    size_t colon = str_find(key, ':');
    if (jx_parse(value, &o, &e) != ERR_OK) {
        log_write(&b->log, LOG_WARN, "state", e.text, "key=%.*s", STR_ARG(key));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(str_sub(key, 0, colon), rows[i].kind))
            rows[i].load(b, str_sub(key, colon + 1, key.len), o);
}

static enum errc load_from(struct broker *b, struct db *db, struct err *e)
{
    sqlite3_stmt *st = NULL;
    bool has_row;
    enum errc rc = db_prepare(db, "SELECT key, value FROM state ORDER BY at_us", &st, e);
    while (rc == ERR_OK && (rc = db_step(db, st, &has_row, e)) == ERR_OK && has_row)
        load_row(b, db_col_str(st, 0), db_col_str(st, 1));
    return rc;
}

void state_load(struct broker *b, struct db *db)
{
    struct err e = ERR_INIT;
    if (db != NULL && load_from(b, db, &e) != ERR_OK)
        log_write(&b->log, LOG_WARN, "state", e.text, "lost=%s",
                  "pins, preferences, drains, weights, breakers, "
                  "learned limits and facts");
}
