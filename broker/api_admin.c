/*
 * api_admin.c: seeing and steering the broker: /llmgw/v1/…, over the Unix socket only.
 *
 * Answers are JSON objects to which fields are only ever added. `status` and `stop` never
 * change, so that every version of llmgw can use them on every version of llmgwd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"

#include "broker/api.h"
#include "broker/request.h"
#include "broker/served.h"
#include "broker/state.h"

static void done(const struct api_call *a, struct jw *w)
{
    jw_object_end(w);
    api_reply(a, 200, buf_str(w->out));
}

/* "why" as an error the caller can mend. */
static void wrong(const struct api_call *a, enum errc code, const char *why)
{
    struct err e = ERR_INIT;
    err_set(&e, code, "%s", why);
    e.origin = ERR_BY_CLIENT;
    api_fail(a, &e);
}

static void no_route(const struct api_call *a, struct str name)
{
    struct err e = ERR_INIT;
    err_set(&e, ERR_NOT_FOUND, "no route \"%.*s\"\nhint: llmgw route list",
            STR_ARG(name));
    e.origin = ERR_BY_CLIENT;
    api_fail(a, &e);
}

/* The request's body as a JSON object, an empty one for no body. Answers when it is none. */
static bool read_body(const struct api_call *a, struct json_object **ret)
{
    struct err e = ERR_INIT;
    struct str body = a->r->body.len > 0 ? a->r->body : STR("{}");
    if (jx_parse(body, ret, &e) == ERR_OK && json_object_is_type(*ret, json_type_object))
        return true;
    wrong(a, ERR_INVALID, "the body is no JSON object");
    return false;
}

/* ---- seeing ---- */

static void write_ledger(const struct broker *b, struct jw *w)
{
    struct ledger_stats s;
    ledger_stats(b->ledger, &s);
    jw_key(w, "ledger");
    jw_object(w);
    jw_kbool(w, "writable", s.writable);
    jw_kstrz(w, "trouble", s.trouble);
    jw_key(w, "records");
    jw_u64(w, s.n_records);
    jw_key(w, "applied");
    jw_u64(w, s.n_applied);
    jw_key(w, "removals");
    jw_u64(w, s.n_removals);
    jw_key(w, "spool_used_bytes");
    jw_u64(w, s.spool_used);
    jw_key(w, "spool_size_bytes");
    jw_u64(w, s.spool_size);
    jw_key(w, "dropped_rows");
    jw_u64(w, s.n_dropped_rows);
    jw_key(w, "dropped_bodies");
    jw_u64(w, s.n_dropped_bodies);
    jw_object_end(w);
}

static const char *env(const char *name)
{
    return getenv(name);
}

/* The user's file, which may not be there, when it was read, and what was wrong since. */
static void write_config(const struct broker *b, struct jw *w)
{
    struct arena arena;
    arena_init(&arena, LIMIT_HEAD_LEN);
    const char *path = b->options.config;
    jw_kstrz(w, "config", path != NULL ? path : conf_path_user(&arena, env));
    arena_release(&arena);
    jw_key(w, "config_read_at");
    jw_time(w, b->conf_read_wall_us);
    jw_kstrz(w, "config_error", b->error_text);
}

void api_status(const struct api_call *a)
{
    const struct broker *b = a->b;
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_ki64(&w, "proto", 1);
    jw_kstrz(&w, "version", PACKAGE_VERSION);
    jw_ki64(&w, "pid", getpid());
    jw_key(&w, "started_at");
    jw_time(&w, b->started_wall_us);
    jw_ki64(&w, "uptime_s", (loop_wall_us(b->loop) - b->started_wall_us) / US_PER_S);
    jw_kbool(&w, "auto", b->options.is_auto);
    jw_kbool(&w, "draining", b->draining);
    jw_ki64(&w, "connections", (int64_t)b->n_conns);
    jw_ki64(&w, "in_flight", (int64_t)b->n_requests);
    jw_ki64(&w, "requests", (int64_t)b->metrics.n_requests);
    jw_ki64(&w, "failed", (int64_t)b->metrics.n_failed);
    jw_ki64(&w, "attempts", (int64_t)b->metrics.n_attempts);
    jw_ki64(&w, "fallbacks", (int64_t)b->metrics.n_fallbacks);
    jw_key(&w, "spent_usd");
    jw_usd(&w, b->metrics.spent_pico);
    write_config(b, &w);
    write_ledger(b, &w);
    done(a, &w);
}

void api_explain(const struct api_call *a)
{
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    struct err e = ERR_INIT;
    if (request_explain(a->b, a->r, a->dialect, &out, &e) == ERR_OK)
        api_reply(a, 200, buf_str(&out));
    else
        api_fail(a, &e);
}

void api_inflight(const struct api_call *a)
{
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    buf_addz(&out, "{\"requests\":");
    request_write_inflight(a->b, &out);
    buf_addc(&out, '}');
    api_reply(a, 200, buf_str(&out));
}

static const char *key_state(const struct broker *b, const char *provider, int64_t now_us)
{
    const struct conf_provider *p = conf_provider(b->conf, str_of(provider));
    if (p != NULL && (p->kind->is_local || p->kind->auth == AUTH_NONE))
        return "none needed";
    int64_t wait_us = secrets_benched_us(b->secrets, str_of(provider), now_us);
    return wait_us == 0 ? "ok" : wait_us < 0 ? "missing" : "benched";
}

/* What of it is left; null: no end. */
static void write_for(struct jw *w, const char *key, int64_t until_us, int64_t now_us)
{
    jw_ki64_if(w, key, until_us != INT64_MAX, (until_us - now_us) / US_PER_MS);
}

static void write_target(const struct broker *b, struct jw *w, struct str name,
                         const char *provider, const struct target_state *t)
{
    int64_t now_us = loop_mono_us(b->loop);
    jw_object(w);
    jw_kstr(w, "target", name);
    jw_kstrz(w, "key", key_state(b, provider, now_us));
    jw_kstrz(w, "circuit", breaker_state_name(t ? t->breaker.state : BREAKER_CLOSED));
    jw_ki64(w, "retry_in_ms", t ? breaker_wait_us(&t->breaker, now_us) / US_PER_MS : 0);
    jw_kstrz(w, "why", t && t->breaker.state != BREAKER_CLOSED ? t->breaker.why : "");
    bool drained = t != NULL && t->drained_until_us > now_us;
    jw_kbool(w, "drained", drained);
    write_for(w, "drained_for_ms", drained ? t->drained_until_us : INT64_MAX, now_us);
    bool is_weighed = t != NULL && t->weight_until_us > now_us;
    jw_ki64_if(w, "weight", is_weighed, is_weighed ? t->weight : 0);
    write_for(w, "weight_for_ms", is_weighed ? t->weight_until_us : INT64_MAX, now_us);
    jw_ki64(w, "attempts", t ? (int64_t)t->counts.n_attempts : 0);
    jw_ki64(w, "ok", t ? (int64_t)t->counts.n_ok : 0);
    jw_ki64(w, "failed", t ? (int64_t)t->counts.n_failed : 0);
    jw_ki64(w, "in_flight", t ? (int64_t)t->n_in_flight : 0);
    int64_t ttft_us = t != NULL ? t->ttft_us : 0;
    jw_ki64_if(w, "ttft_ms", ttft_us > 0, ttft_us / US_PER_MS);
    jw_object_end(w);
}

/* Every target of a route once, in the order of the configuration. */
static void write_targets(const struct broker *b, struct jw *w)
{
    struct map seen;
    map_init(&seen);
    for (size_t i = 0; i < b->conf->n_routes; i++) {
        const struct conf_route *r = &b->conf->routes[i];
        for (size_t j = 0; j < r->n_targets; j++) {
            char text[2 * LIMIT_NAME_LEN + 2];
            snprintf(text, sizeof text, "%s/%s", r->targets[j].provider,
                     r->targets[j].model);
            struct str name = str_of(text);
            if (map_get(&seen, name) != NULL || map_set(&seen, name, text) != ERR_OK)
                continue;
            write_target(b, w, name, r->targets[j].provider,
                         targets_find(&b->targets, name));
        }
    }
    map_release(&seen);
}

static void write_pins(const struct broker *b, struct jw *w)
{
    int64_t now_us = loop_mono_us(b->loop);
    for (size_t i = 0; i < b->n_pins; i++) {
        if (b->pins[i].until_us <= now_us)
            continue;
        jw_object(w);
        jw_kstrz(w, "route", b->pins[i].route);
        jw_kstrz(w, "target", b->pins[i].target);
        write_for(w, "for_ms", b->pins[i].until_us, now_us);
        jw_object_end(w);
    }
}

static void write_prefers(const struct broker *b, struct jw *w)
{
    int64_t now_us = loop_mono_us(b->loop);
    for (size_t i = 0; i < b->n_prefers; i++) {
        const struct prefer *p = &b->prefers[i];
        if (p->until_us <= now_us)
            continue;
        jw_object(w);
        jw_kstrz(w, "route", p->route);
        jw_kstrz(w, "prefer", conf_aim_name(p->strategy));
        jw_kstrz(w, "strategy", conf_strategy_name(p->strategy));
        write_for(w, "for_ms", p->until_us, now_us);
        jw_object_end(w);
    }
}

/* Those in use, also ones that no route asks. */
static void write_keys(const struct broker *b, struct jw *w)
{
    int64_t now_us = loop_mono_us(b->loop);
    for (size_t i = 0; i < b->conf->n_providers; i++) {
        const char *name = b->conf->providers[i].name;
        jw_object(w);
        jw_kstrz(w, "provider", name);
        jw_kstrz(w, "key", key_state(b, name, now_us));
        jw_object_end(w);
    }
}

void api_targets(const struct api_call *a)
{
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf limits = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_key(&w, "targets");
    jw_array(&w);
    write_targets(a->b, &w);
    jw_array_end(&w);
    jw_key(&w, "pins");
    jw_array(&w);
    write_pins(a->b, &w);
    jw_array_end(&w);
    jw_key(&w, "prefers");
    jw_array(&w);
    write_prefers(a->b, &w);
    jw_array_end(&w);
    jw_key(&w, "keys");
    jw_array(&w);
    write_keys(a->b, &w);
    jw_array_end(&w);
    limiter_write(a->b->limiter, loop_mono_us(a->b->loop), loop_wall_us(a->b->loop),
                  &limits);
    jw_key(&w, "limits");
    jw_raw(&w, buf_str(&limits));
    done(a, &w);
}

/* ---- steering ---- */

void api_stop(const struct api_call *a)
{
    api_reply(a, 200, STR("{\"stopping\":true}"));
    broker_drain(a->b);
}

void api_reload(const struct api_call *a)
{
    struct err e = ERR_INIT;
    if (broker_reload(a->b, &e) == ERR_OK)
        api_reply(a, 200, STR("{\"reloaded\":true}"));
    else
        api_fail(a, &e);
}

/* {"for_ms": N}: until then, or for ever when it is absent. */
static int64_t until(const struct broker *b, struct json_object *o)
{
    int64_t ms;
    if (!jx_i64(o, "for_ms", 1, INT64_MAX / US_PER_MS / 2, &ms))
        return INT64_MAX;
    return loop_mono_us(b->loop) + ms * US_PER_MS;
}

/* "PROVIDER/MODEL", an alias, or a bare model, as PROVIDER/MODEL; answers when it is none. */
static bool read_target(const struct api_call *a, struct json_object *o,
                        struct arena *arena, struct conf_resolved *ret)
{
    struct err e = ERR_INIT;
    struct str name = jx_str(o, "target");
    enum errc rc = conf_resolve(a->b->conf, a->b->catalog, name, arena, ret, &e);
    if (rc == ERR_OK && ret->route == NULL)
        return true;
    if (rc == ERR_OK)
        err_set(&e, ERR_INVALID, "\"%.*s\" is a route; a target is PROVIDER/MODEL",
                STR_ARG(name));
    e.origin = ERR_BY_CLIENT;
    api_fail(a, &e);
    return false;
}

static void drain(struct broker *b, struct target_state *t, int64_t until_us)
{
    t->drained_until_us = until_us;
    state_save_drain(b, t);
}

/* Every target of a provider that a route names, or that was asked before. */
static bool drain_provider(struct broker *b, struct str provider, int64_t until_us)
{
    for (size_t i = 0; i < b->conf->n_routes; i++) {
        const struct conf_route *r = &b->conf->routes[i];
        for (size_t j = 0; j < r->n_targets; j++)
            if (str_eqz(provider, r->targets[j].provider) &&
                broker_target(b, provider, str_of(r->targets[j].model)) == NULL)
                return false;
    }
    map_for_each (slot, &b->targets.by_name) {
        struct target_state *t = slot->value;
        struct str name = str_of(t->name);
        if (str_eq(str_sub(name, 0, str_find(name, '/')), provider))
            drain(b, t, until_us);
    }
    return true;
}

static void set_drained(const struct api_call *a, bool drained)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct conf_resolved to;
    struct arena arena;
    if (!read_body(a, &o))
        return;
    struct str name = jx_str(o, "target");
    int64_t until_us = drained ? until(a->b, o) : 0;
    bool ok = true;
    arena_init(&arena, LIMIT_HEAD_LEN);
    if (conf_provider(a->b->conf, name) != NULL) {
        ok = drain_provider(a->b, name, until_us);
    } else if (read_target(a, o, &arena, &to)) {
        struct target_state *t =
            broker_target(a->b, str_of(to.target.provider), str_of(to.target.model));
        ok = t != NULL;
        if (ok)
            drain(a->b, t, until_us);
    } else {
        arena_release(&arena);
        return;
    }
    arena_release(&arena);
    if (ok)
        api_reply(a, 200,
                  drained ? STR("{\"drained\":true}") : STR("{\"drained\":false}"));
    else
        wrong(a, ERR_MEMORY, "out of memory");
}

void api_drain(const struct api_call *a)
{
    set_drained(a, true);
}

void api_undrain(const struct api_call *a)
{
    set_drained(a, false);
}

/* Does a weighted route draw from this target? */
static bool is_drawn(const struct conf *conf, const struct conf_target *t)
{
    for (size_t i = 0; i < conf->n_routes; i++) {
        const struct conf_route *r = &conf->routes[i];
        for (size_t j = 0; r->strategy == CONF_WEIGHTED && j < r->n_targets; j++)
            if (strcmp(r->targets[j].provider, t->provider) == 0 &&
                strcmp(r->targets[j].model, t->model) == 0)
                return true;
    }
    return false;
}

/* weight 0: as configured again. */
static void weigh(const struct api_call *a, struct json_object *o, int weight)
{
    struct conf_resolved to;
    struct arena arena;
    arena_init(&arena, LIMIT_HEAD_LEN);
    if (read_target(a, o, &arena, &to)) {
        struct target_state *t =
            broker_target(a->b, str_of(to.target.provider), str_of(to.target.model));
        if (t == NULL) {
            wrong(a, ERR_MEMORY, "out of memory");
        } else if (weight > 0 && !is_drawn(a->b->conf, &to.target)) {
            wrong(a, ERR_INVALID,
                  "no route with strategy = weighted has this target; "
                  "its weight would change nothing");
        } else {
            t->weight = weight;
            t->weight_until_us = weight > 0 ? until(a->b, o) : 0;
            state_save_weight(a->b, t);
            api_reply(a, 200,
                      weight > 0 ? STR("{\"weighed\":true}")
                                 : STR("{\"weighed\":false}"));
        }
    }
    arena_release(&arena);
}

void api_weight(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    int64_t weight;
    if (!read_body(a, &o))
        return;
    if (jx_i64(o, "weight", 1, LIMIT_WEIGHT, &weight))
        weigh(a, o, (int)weight); /* in range, as just checked */
    else
        wrong(a, ERR_INVALID, "\"weight\" must be a whole number from 1 to 1000000");
}

void api_unweight(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    if (read_body(a, &o))
        weigh(a, o, 0);
}

/* {"target"}: it, and its provider's keys, may be asked again now, whatever became of them. */
void api_retry(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct conf_resolved to;
    struct arena arena;
    int64_t now_us = loop_mono_us(a->b->loop);
    if (!read_body(a, &o))
        return;
    arena_init(&arena, LIMIT_HEAD_LEN);
    if (read_target(a, o, &arena, &to)) {
        struct target_state *t =
            broker_target(a->b, str_of(to.target.provider), str_of(to.target.model));
        if (t != NULL)
            breaker_retry(&t->breaker, now_us);
        secrets_retry(a->b->secrets, str_of(to.target.provider), now_us);
        api_reply(a, 200, STR("{\"retry\":true}"));
    }
    arena_release(&arena);
}

/* ---- what providers serve ---- */

void api_models_served(const struct api_call *a)
{
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_key(&w, "providers");
    served_write(a->b->served, &w);
    done(a, &w);
}

/* Begins; what comes of it is read above. */
void api_models_refresh(const struct api_call *a)
{
    served_refresh(a->b->served, a->r->head);
    api_models_served(a);
}

/* ---- pins ---- */

/* Removes the pins of a route ("" is every route's), and those that have run out. */
static size_t remove_pins(struct broker *b, struct str route)
{
    size_t kept = 0, removed = 0;
    int64_t now_us = loop_mono_us(b->loop);
    for (size_t i = 0; i < b->n_pins; i++) {
        bool mine = str_eqz(route, b->pins[i].route);
        bool in_force = b->pins[i].until_us > now_us;
        removed += mine && in_force;
        if (!mine && in_force)
            b->pins[kept++] = b->pins[i];
        else
            state_forget_pin(b, b->pins[i].route);
    }
    b->n_pins = kept;
    return removed;
}

void api_pin(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct broker *b = a->b;
    struct conf_resolved to;
    struct arena arena;
    arena_init(&arena, LIMIT_HEAD_LEN);
    if (read_body(a, &o) && read_target(a, o, &arena, &to)) {
        struct str route = jx_str(o, "route");
        remove_pins(b, route);
        if (route.len > 0 && conf_route(b->conf, route) == NULL) {
            no_route(a, route);
        } else if (b->n_pins == BROKER_PINS) {
            wrong(a, ERR_INVALID, "too many pins");
        } else {
            struct pin *p = &b->pins[b->n_pins++];
            p->until_us = until(b, o);
            snprintf(p->route, sizeof p->route, "%.*s", STR_ARG(route));
            snprintf(p->target, sizeof p->target, "%s/%s", to.target.provider,
                     to.target.model);
            state_save_pin(b, p);
            api_reply(a, 200, STR("{\"pinned\":true}"));
        }
    }
    arena_release(&arena);
}

void api_unpin(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    char text[64];
    if (!read_body(a, &o))
        return;
    int n = snprintf(text, sizeof text, "{\"unpinned\":%zu}",
                     remove_pins(a->b, jx_str(o, "route")));
    api_reply(a, 200, (struct str){text, (size_t)n});
}

/* ---- preferences ---- */

/* As remove_pins. */
static size_t remove_prefers(struct broker *b, struct str route)
{
    size_t kept = 0, removed = 0;
    int64_t now_us = loop_mono_us(b->loop);
    for (size_t i = 0; i < b->n_prefers; i++) {
        bool mine = str_eqz(route, b->prefers[i].route);
        bool in_force = b->prefers[i].until_us > now_us;
        removed += mine && in_force;
        if (!mine && in_force)
            b->prefers[kept++] = b->prefers[i];
        else
            state_forget_prefer(b, b->prefers[i].route);
    }
    b->n_prefers = kept;
    return removed;
}

/* {"prefer": AIM}, and "route" or all of them. */
void api_prefer(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct broker *b = a->b;
    struct prefer p;
    if (!read_body(a, &o))
        return;
    struct str route = jx_str(o, "route");
    p.until_us = until(b, o);
    if (!conf_aim(jx_str(o, "prefer"), &p.strategy)) {
        wrong(a, ERR_INVALID, "\"prefer\" must be cost, latency or quality");
    } else if (route.len > 0 && conf_route(b->conf, route) == NULL) {
        no_route(a, route);
    } else {
        remove_prefers(b, route);
        if (b->n_prefers == BROKER_PINS) {
            wrong(a, ERR_INVALID, "too many preferences");
            return;
        }
        str_copy(p.route, sizeof p.route, route);
        b->prefers[b->n_prefers++] = p;
        state_save_prefer(b, &p);
        api_reply(a, 200, STR("{\"preferred\":true}"));
    }
}

void api_unprefer(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    char text[64];
    if (!read_body(a, &o))
        return;
    int n = snprintf(text, sizeof text, "{\"unpreferred\":%zu}",
                     remove_prefers(a->b, jx_str(o, "route")));
    api_reply(a, 200, (struct str){text, (size_t)n});
}

void api_cancel(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    if (!read_body(a, &o))
        return;
    struct str id = jx_str(o, "request_id"); /* as inflight calls it */
    if (request_cancel(a->b, id.len > 0 ? id : jx_str(o, "id")))
        api_reply(a, 200, STR("{\"cancelled\":true}"));
    else
        wrong(a, ERR_NOT_FOUND,
              "no request with that id is under way\nhint: llmgw broker ps");
}

/*
 * {"id"} or {"conversation"}, both also with "texts_only"; or {"since_us"}, {"until_us"} (once
 * called "older_than_us") or both.
 * What becomes of it is told by `removals` in status.
 */
void api_log_rm(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_HEAD_LEN);
    struct err e = ERR_INIT;
    uint64_t number;
    struct jw w;
    if (!read_body(a, &o))
        return;
    struct prune_selection what = {
        .id = jx_str(o, "id"),
        .conversation = jx_str(o, "conversation"),
        .texts_only = jx_bool(o, "texts_only", false),
    };
    bool has_span = jx_i64(o, "since_us", 1, INT64_MAX, &what.since_us);
    has_span |= jx_i64(o, "until_us", 1, INT64_MAX, &what.until_us);
    has_span |= jx_i64(o, "older_than_us", 1, INT64_MAX, &what.until_us);
    if ((what.id.len > 0) + (what.conversation.len > 0) + has_span != 1 ||
        (has_span && what.texts_only)) {
        wrong(a, ERR_INVALID,
              "exactly one of id, conversation, and since_us or until_us");
        return;
    }
    if (ledger_remove(a->b->ledger, &what, &number, &e) != ERR_OK) {
        api_fail(a, &e);
        return;
    }
    jw_init(&w, &out);
    jw_object(&w);
    jw_kbool(&w, "removed", true);
    jw_key(&w, "removal");
    jw_u64(&w, number);
    done(a, &w);
}

/* What `llmgw replay` says of a run: a row of replay_run, and rows of replay_item. */
void api_replay(const struct api_call *a)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct err e = ERR_INIT;
    int64_t number;
    if (!read_body(a, &o))
        return;
    bool is_run = jx_str(o, "id").len == ULID_LEN && jx_str(o, "state").len > 0 &&
                  jx_obj(o, "args") != NULL &&
                  jx_i64(o, "start_us", 1, INT64_MAX, &number) &&
                  jx_i64(o, "n_items", 0, INT64_MAX, &number);
    if (!is_run)
        wrong(a, ERR_INVALID, "id, start_us, state, args and n_items are needed");
    else if (ledger_replay(a->b->ledger, a->r->body, &e) == ERR_OK)
        api_reply(a, 200, STR("{\"recorded\":true}"));
    else
        api_fail(a, &e);
}
