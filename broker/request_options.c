/*
 * request_options.c: what a request's x-llmgw-… headers ask for, and what becomes of its route's
 * rules by them.
 *
 * Must not look at the body, or at targets.
 */
#include <stdio.h>

#include "core/num.h"

#include "broker/request_priv.h"
#include "broker/secret.h"

/* ---- headers ---- */

typedef enum errc read_fn(struct request *r, struct str v, struct err *e);

/* No target would take it as it is: none is named to be asked in its place. */
static enum errc blame_client(struct err *e)
{
    e->origin = ERR_BY_CLIENT;
    return e->code;
}

static enum errc bad(struct err *e, const char *want, struct str v)
{
    struct str shown = {v.ptr, str_utf8_prefix(v, 64)};
    if (shown.len > 0)
        err_set(e, ERR_INVALID, "must be %s, not \"%.*s\"", want, STR_ARG(shown));
    else
        err_set(e, ERR_INVALID, "must be %s", want);
    return blame_client(e);
}

static enum errc read_name(struct str v, struct str *ret, struct err *e)
{
    if (v.len == 0 || v.len > LIMIT_NAME_LEN || !str_is_utf8(v))
        return bad(e, "a name of 1 to 200 bytes", v);
    *ret = v;
    return ERR_OK;
}

static enum errc read_route(struct request *r, struct str v, struct err *e)
{
    return read_name(v, &r->opt.route, e);
}

static enum errc read_project(struct request *r, struct str v, struct err *e)
{
    return read_name(v, &r->opt.project, e);
}

static enum errc read_conversation(struct request *r, struct str v, struct err *e)
{
    return read_name(v, &r->opt.conversation, e);
}

static enum errc read_conversation_name(struct request *r, struct str v, struct err *e)
{
    return read_name(v, &r->opt.conversation_name, e);
}

static enum errc read_parent(struct request *r, struct str v, struct err *e)
{
    return read_name(v, &r->opt.parent, e);
}

static enum errc read_template(struct request *r, struct str v, struct err *e)
{
    size_t at = str_find(v, '@');
    if (at < v.len &&
        read_name(str_sub(v, at + 1, v.len), &r->opt.template_version, e) != ERR_OK)
        return e->code;
    return read_name(str_sub(v, 0, at), &r->opt.template_name, e);
}

/* KEY=VALUE */
static enum errc read_pair(struct str v, struct http1_header *ret, struct err *e)
{
    size_t eq = str_find(v, '=');
    if (eq == 0 || eq == v.len)
        return bad(e, "NAME=VALUE", STR_NONE); /* it may hold a key: never quoted */
    *ret = (struct http1_header){str_sub(v, 0, eq), str_sub(v, eq + 1, v.len)};
    return ERR_OK;
}

/* The next one of a list, which is made when its first one comes, with room for `max`. */
static enum errc add_pair(struct request *r, struct str v, struct http1_header **list,
                          size_t *n, size_t max, struct err *e)
{
    if (*list == NULL)
        *list = ARENA_ARRAY(&r->arena, max, struct http1_header);
    if (*list == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the request's headers");
    enum errc rc = read_pair(v, &(*list)[*n], e);
    *n += rc == ERR_OK;
    return rc;
}

static enum errc read_tag(struct request *r, struct str v, struct err *e)
{
    if (r->opt.n_tags == LIMIT_TAGS)
        return bad(e, "given at most 16 times", v);
    if (v.len > 2 * LIMIT_NAME_LEN || !str_is_utf8(v))
        return bad(e, "KEY=VALUE of at most 200 bytes each", v);
    return add_pair(r, v, &r->opt.tags, &r->opt.n_tags, LIMIT_TAGS, e);
}

static enum errc read_fallback(struct request *r, struct str v, struct err *e)
{
    if (r->opt.n_fallbacks == ARRAY_LEN(r->opt.fallbacks))
        return bad(e, "given at most 8 times", v);
    return read_name(v, &r->opt.fallbacks[r->opt.n_fallbacks++], e);
}

static enum errc read_key(struct request *r, struct str v, struct err *e)
{
    if (!r->cr.is_unix)
        return bad(e, "sent over the Unix socket only", STR_NONE);
    if (r->opt.n_keys == LIMIT_CLIENT_KEYS)
        return bad(e, "given at most 16 times", STR_NONE);
    return add_pair(r, v, &r->opt.keys, &r->opt.n_keys, LIMIT_CLIENT_KEYS, e);
}

static enum errc read_max_cost(struct request *r, struct str v, struct err *e)
{
    if (money_parse(v, &r->opt.max_cost_pico) != ERR_OK || r->opt.max_cost_pico < 0)
        return bad(e, "an amount in dollars, as 0.05", v);
    return ERR_OK;
}

static enum errc read_ms(struct str v, int64_t *ret_us, struct err *e)
{
    int64_t ms;
    if (num_i64(v, 1, 24 * 3600 * 1000, &ms) != ERR_OK)
        return bad(e, "milliseconds from 1 to 86400000", v);
    *ret_us = ms * US_PER_MS;
    return ERR_OK;
}

static enum errc read_timeout(struct request *r, struct str v, struct err *e)
{
    return read_ms(v, &r->opt.timeout_us, e);
}

static enum errc read_first_token(struct request *r, struct str v, struct err *e)
{
    return read_ms(v, &r->opt.first_token_us, e);
}

static enum errc read_stream(struct request *r, struct str v, struct err *e)
{
    static const char *const words[] = {[CONF_STREAM_LIVE] = "live",
                                        [CONF_STREAM_HOLD] = "hold",
                                        [CONF_STREAM_RESTART] = "restart"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eqz(v, words[i])) {
            r->opt.stream = (enum conf_stream)i;
            r->opt.has_stream = true;
            return ERR_OK;
        }
    return bad(e, "live, hold or restart", v);
}

static enum errc read_record(struct request *r, struct str v, struct err *e)
{
    static const char *const words[] = {[CONF_RECORD_UNSET] = "",
                                        [CONF_RECORD_FULL] = "full",
                                        [CONF_RECORD_META] = "meta",
                                        [CONF_RECORD_OFF] = "off"};
    for (size_t i = CONF_RECORD_FULL; i < ARRAY_LEN(words); i++)
        if (str_eqz(v, words[i])) {
            r->opt.record = (enum conf_record)i;
            return ERR_OK;
        }
    return bad(e, "full, meta or off", v);
}

/* What the request is for: reports tell a replay's money from a chat's. */
static enum errc read_kind(struct request *r, struct str v, struct err *e)
{
    static const char *const words[] = {"chat", "batch", "replay", "judge"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eqz(v, words[i])) {
            r->opt.kind = str_of(words[i]);
            return ERR_OK;
        }
    return bad(e, "chat, batch, replay or judge", v);
}

static enum errc read_switch(struct str v, bool *ret, struct err *e)
{
    if (!str_eqz(v, "0") && !str_eqz(v, "1"))
        return bad(e, "0 or 1", v);
    *ret = str_eqz(v, "1");
    return ERR_OK;
}

static enum errc read_events(struct request *r, struct str v, struct err *e)
{
    return read_switch(v, &r->opt.events, e);
}

static enum errc read_offline(struct request *r, struct str v, struct err *e)
{
    return read_switch(v, &r->opt.is_offline, e);
}

static enum errc read_spare_keys(struct request *r, struct str v, struct err *e)
{
    return read_switch(v, &r->opt.has_spare_keys, e);
}

static enum errc read_no_fallback(struct request *r, struct str v, struct err *e)
{
    return read_switch(v, &r->opt.no_fallback, e);
}

/* What would change the meaning of the request must not be passed over in silence. */
static enum errc read_unsupported(struct request *r, struct str v, struct err *e)
{
    (void)r, (void)v;
    err_set(e, ERR_INVALID, "is not supported by llmgwd " PACKAGE_VERSION);
    return blame_client(e);
}

/* The path table has read it. */
static enum errc read_proto(struct request *r, struct str v, struct err *e)
{
    (void)r, (void)v, (void)e;
    return ERR_OK;
}

/* A broker that finds itself in the chain would ask itself for ever. */
static enum errc read_hop(struct request *r, struct str v, struct err *e)
{
    if (!str_contains(v, str_of(r->b->hop_id)))
        return ERR_OK;
    err_set(e, ERR_INVALID, "this request has come through this broker before");
    return blame_client(e);
}

static const struct header_row {
    const char *name; /* behind "x-llmgw-" */
    read_fn *read;
} header_rows[] = {
    {"route", read_route},
    {"project", read_project},
    {"tag", read_tag},
    {"conversation", read_conversation},
    {"parent", read_parent},
    {"template", read_template},
    {"max-cost", read_max_cost},
    {"timeout-ms", read_timeout},
    {"fallback", read_fallback},
    {"no-fallback", read_no_fallback},
    {"ttft-timeout-ms", read_first_token},
    {"stream", read_stream},
    {"record", read_record},
    {"events", read_events},
    {"provider-key", read_key},
    {"spare-keys", read_spare_keys},
    {"kind", read_kind},
    {"hop", read_hop},
    {"conversation-name", read_conversation_name},
    {"offline", read_offline},
    {"proto", read_proto},
    {"detach", read_unsupported},
    {"idempotency-key", read_unsupported},
    {"cache-ttl", read_unsupported},
};

static const char header_prefix[] = "x-llmgw-";

/* An unknown header is of a later version, or misspelt: the log says so. */
static enum errc read_header(struct request *r, const struct http1_header *h,
                             struct err *e)
{
    struct str name = str_sub(h->name, sizeof header_prefix - 1, h->name.len);
    for (size_t i = 0; i < ARRAY_LEN(header_rows); i++) {
        if (!str_ieqz(name, header_rows[i].name))
            continue;
        if (header_rows[i].read(r, h->value, e) == ERR_OK)
            return ERR_OK;
        return err_ctx(e, "header %s%s", header_prefix, header_rows[i].name);
    }
    log_write(&r->b->log, LOG_INFO, "request", "an unknown header is passed over",
              "req=%s header=%.*s", r->id, STR_ARG(str_sub(h->name, 0, 64)));
    return ERR_OK;
}

/* A provider that we have a key for is asked with ours. */
static void drop_spare_keys(struct request *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->opt.n_keys; i++)
        if (!secrets_has(r->secrets, r->opt.keys[i].name))
            r->opt.keys[kept++] = r->opt.keys[i];
    r->opt.n_keys = kept;
}

enum errc request_read_options(struct request *r, struct err *e)
{
    r->opt.max_cost_pico = PICO_UNKNOWN;
    r->opt.kind = STR("chat");
    for (size_t i = 0; i < r->cr.head->n_headers; i++) {
        const struct http1_header *h = &r->cr.head->headers[i];
        bool is_ours =
            str_ieqz(str_sub(h->name, 0, sizeof header_prefix - 1), header_prefix);
        if (is_ours && read_header(r, h, e) != ERR_OK)
            return e->code;
    }
    if (r->opt.has_spare_keys)
        drop_spare_keys(r);
    return ERR_OK;
}

struct str request_key(const struct request *r, const char *provider)
{
    for (size_t i = 0; i < r->opt.n_keys; i++)
        if (str_eqz(r->opt.keys[i].name, provider))
            return r->opt.keys[i].value;
    return STR_NONE;
}

/* ---- rules: the route's, tightened by the headers ---- */

/* A configured level may be lowered by the client, never raised: a private route stays private. */
static enum conf_record record_level(const struct request *r)
{
    static const int rank[] = {[CONF_RECORD_UNSET] = 3,
                               [CONF_RECORD_FULL] = 2,
                               [CONF_RECORD_META] = 1,
                               [CONF_RECORD_OFF] = 0};
    enum conf_record set = r->rules.record;
    if (set == CONF_RECORD_UNSET && r->cr.client != NULL)
        set = r->cr.client->record;
    if (set == CONF_RECORD_UNSET)
        set = r->conf->core.record;
    enum conf_record asked = r->opt.record;
    if (asked == CONF_RECORD_UNSET)
        return set != CONF_RECORD_UNSET ? set : CONF_RECORD_META;
    return rank[asked] < rank[set] ? asked : set;
}

enum errc request_apply_options(struct request *r, struct err *e)
{
    struct request_options *o = &r->opt;
    if (o->timeout_us > 0)
        r->rules.timeout_us = o->timeout_us;
    if (o->first_token_us > 0)
        r->rules.ttft_us = o->first_token_us;
    if (o->has_stream && o->stream == CONF_STREAM_RESTART && !o->events) {
        err_set(e, ERR_INVALID, "x-llmgw-stream: restart needs x-llmgw-events: 1");
        return blame_client(e);
    }
    if (o->has_stream)
        r->rules.stream = o->stream;
    if (o->max_cost_pico != PICO_UNKNOWN)
        r->rules.max_cost_pico = r->rules.max_cost_pico == PICO_UNKNOWN
                                     ? o->max_cost_pico
                                     : MIN(o->max_cost_pico, r->rules.max_cost_pico);
    if (o->project.len == 0 && r->cr.client != NULL)
        o->project = str_of(r->cr.client->project);
    if (o->template_name.len == 0 && r->facts.system_hash[0] != '\0') {
        snprintf(r->auto_template, sizeof r->auto_template, "auto:%s",
                 r->facts.system_hash);
        o->template_name = str_of(r->auto_template);
    }
    r->record = record_level(r);
    return ERR_OK;
}
