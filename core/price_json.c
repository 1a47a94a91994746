/*
 * price_json.c: reads a request to price from JSON, strictly, and writes what it costs.
 *
 * Owns the two shapes; the arithmetic is price.c's.
 */
#include "core/price_json.h"

#include <string.h>

#include "core/clock.h"
#include "core/jscan.h"
#include "core/near.h"

/* --- reading --- */

enum {
    KEY_ID,
    KEY_PROVIDER,
    KEY_REQUESTED,
    KEY_SERVED,
    KEY_AT,
    KEY_WIRE,
    KEY_USAGE,
    KEY_CONTEXT,
    KEY_SERVICE,
    KEY_FEES,
    KEYS_READ, /* those below belong to results */
    KEYS = KEYS_READ + 11,
};

static const char *const key_names[] = {
    "id",
    "provider",
    "model_requested",
    "model_served",
    "at",
    "wire",
    "usage",
    "context",
    "service",
    "fees",
    "price",
    "lines",
    "multipliers",
    "total_pusd",
    "total_usd",
    "exact",
    "reason",
    "note",
    "usage_mismatch",
    "arithmetic_usd",
    "exact_fraction_pusd",
};
_Static_assert(ARRAY_LEN(key_names) == KEYS, "a name for every key");

struct reading {
    struct str text;
    struct arena *arena;
    struct jfield fields[KEYS];
    struct err *e;
};

/* Every key of the object is one of the names. */
static enum errc check_keys(struct reading *r, struct jspan object, const char *where,
                            const char *const *names, size_t n)
{
    struct str key;
    struct jspan value;
    for (size_t it = 0; jscan_member(r->text, object, &it, &key, &value);) {
        struct near near;
        char hint[NEAR_TEXT_LEN];
        size_t i = 0;
        while (i < n && !str_eqz(key, names[i]))
            i++;
        if (i < n)
            continue;
        near_init(&near, key);
        for (i = 0; i < n; i++)
            near_offerz(&near, names[i]);
        return err_set(r->e, ERR_SYNTAX, "%s: unknown key \"%.*s\"%s", where,
                       STR_ARG(key), near_hint(&near, 1, hint));
    }
    return ERR_OK;
}

static enum errc wrong(struct reading *r, const char *name, const char *what)
{
    return err_set(r->e, ERR_SYNTAX, "\"%s\" must be %s", name, what);
}

/* Decoded, in the arena. Absent and null leave *ret empty where that is allowed. */
static enum errc read_text(struct reading *r, struct jspan v, const char *name,
                           bool may_lack, struct str *ret)
{
    AUTO(buf_release) struct buf b = BUF_INIT(LIMIT_CONF_LINE);
    *ret = STR_NONE;
    if (may_lack && (v.kind == J_NONE || v.kind == J_NULL))
        return ERR_OK;
    if (v.kind != J_STRING || jscan_string(r->text, v, &b) != ERR_OK || b.len == 0)
        return wrong(r, name, "a text");
    *ret = arena_str(r->arena, buf_str(&b));
    if (arena_is_broken(r->arena))
        return err_set(r->e, ERR_MEMORY, "no memory for \"%s\"", name);
    return ERR_OK;
}

static enum errc read_key(struct reading *r, size_t key, bool may_lack, struct str *ret)
{
    return read_text(r, r->fields[key].value, key_names[key], may_lack, ret);
}

static enum errc read_usage(struct reading *r, struct price_request *ret)
{
    struct str name;
    struct jspan usage = r->fields[KEY_USAGE].value;
    struct price_query *q = &ret->query;
    enum errc rc = read_key(r, KEY_WIRE, false, &name);
    if (rc != ERR_OK)
        return rc;
    enum usage_wire wire = usage_wire_by_name(name);
    if (wire == USAGE_WIRE_N_)
        return err_set(r->e, ERR_SYNTAX, "unknown wire \"%.*s\"", STR_ARG(name));
    if (usage.kind != J_OBJECT)
        return wrong(r, "usage", "an object");
    struct str json = jscan_text(r->text, usage);
    rc = usage_parse(wire, q->provider, json, &ret->usage, &ret->mismatch, r->e);
    if (rc != ERR_OK)
        return rc;
    q->n_services = usage_services(wire, json, q->services, PRICE_SERVICES);
    struct jspan width = jscan_get(r->text, usage, "search_context_size");
    return read_text(r, width, "search_context_size", true, &q->search_context);
}

static enum errc read_context(struct reading *r, struct price_query *q)
{
    static const char *const names[] = {"cache_ttl", "search_context_size", "thinking"};
    struct jspan context = r->fields[KEY_CONTEXT].value;
    if (context.kind == J_NONE || context.kind == J_NULL)
        return ERR_OK;
    if (context.kind != J_OBJECT)
        return wrong(r, "context", "an object");
    enum errc rc = check_keys(r, context, "context", names, ARRAY_LEN(names));
    if (rc != ERR_OK)
        return rc;
    struct jspan width = jscan_get(r->text, context, "search_context_size");
    struct jspan thinking = jscan_get(r->text, context, "thinking");
    if (width.kind != J_NONE)
        rc = read_text(r, width, "search_context_size", true, &q->search_context);
    if (rc == ERR_OK)
        rc = read_text(r, jscan_get(r->text, context, "cache_ttl"), "cache_ttl", true,
                       &q->cache_ttl);
    if (rc == ERR_OK && thinking.kind != J_NONE && thinking.kind != J_TRUE &&
        thinking.kind != J_FALSE)
        rc = wrong(r, "thinking", "true or false");
    q->thinking = thinking.kind == J_TRUE;
    return rc;
}

/* A list of names, or one name. */
static enum errc read_services(struct reading *r, struct price_query *q)
{
    struct jspan list = r->fields[KEY_SERVICE].value, one;
    if (list.kind == J_NONE || list.kind == J_NULL)
        return ERR_OK;
    q->n_services = 1;
    if (list.kind == J_STRING)
        return read_text(r, list, "service", false, &q->services[0]);
    if (list.kind != J_ARRAY)
        return wrong(r, "service", "a list of texts");
    q->n_services = 0;
    for (size_t it = 0; jscan_next(r->text, list, &it, &one);) {
        if (q->n_services == PRICE_SERVICES)
            return wrong(r, "service", "a list of at most 4 texts");
        enum errc rc = read_text(r, one, "service", false, &q->services[q->n_services++]);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* Calls beside the usage object. What it tells itself must not be told otherwise. */
static enum errc read_fee(struct reading *r, struct jspan fee, struct usage *u)
{
    struct str name;
    int64_t n;
    enum errc rc = read_text(r, jscan_get(r->text, fee, "fee"), "fee", false, &name);
    if (rc != ERR_OK)
        return rc;
    if (!jscan_i64(r->text, jscan_get(r->text, fee, "quantity"), 0, INT32_MAX, &n))
        return wrong(r, "quantity", "a count");
    if (str_eqz(name, "request_fee")) /* follows from the model */
        return ERR_OK;
    enum usage_class c = usage_class_by_name(name);
    if (c == USAGE_N_ || c < USAGE_WEB_SEARCH)
        return err_set(r->e, ERR_SYNTAX, "unknown fee \"%.*s\"", STR_ARG(name));
    if (usage_has(u, c) && u->n[c] != n)
        return err_set(r->e, ERR_SYNTAX, "\"usage\" and \"fees\" differ about %.*s",
                       STR_ARG(name));
    usage_set(u, c, n);
    return ERR_OK;
}

static enum errc read_fees(struct reading *r, struct usage *u)
{
    struct jspan list = r->fields[KEY_FEES].value, one;
    enum errc rc = ERR_OK;
    if (list.kind == J_NONE || list.kind == J_NULL)
        return ERR_OK;
    if (list.kind != J_ARRAY)
        return wrong(r, "fees", "a list of objects");
    for (size_t it = 0; rc == ERR_OK && jscan_next(r->text, list, &it, &one);)
        rc = read_fee(r, one, u);
    return rc;
}

static enum errc read_names(struct reading *r, struct price_request *ret)
{
    struct str at = STR_NONE, served = STR_NONE;
    enum errc rc = read_key(r, KEY_ID, true, &ret->id);
    if (rc == ERR_OK)
        rc = read_key(r, KEY_PROVIDER, false, &ret->query.provider);
    if (rc == ERR_OK)
        rc = read_key(r, KEY_SERVED, true, &served);
    if (rc == ERR_OK) /* the served model is enough */
        rc = read_key(r, KEY_REQUESTED, served.len > 0, &ret->model_requested);
    if (rc == ERR_OK)
        rc = read_key(r, KEY_AT, false, &at);
    if (rc == ERR_OK && clock_parse_rfc3339(at, &ret->query.at_us, r->e) != ERR_OK)
        rc = wrong(r, "at", "a time such as 2026-11-20T12:00:00Z");
    ret->query.model = served.len > 0 ? served : ret->model_requested;
    return rc;
}

enum errc price_request_read(struct str json, struct arena *a, struct price_request *ret,
                             struct err *e)
{
    struct reading r = {.text = json, .arena = a, .e = e};
    struct price_request request = {.query = {.usage = NULL}};
    for (size_t i = 0; i < KEYS; i++)
        r.fields[i].name = key_names[i];
    enum errc rc = jscan_object(json, r.fields, KEYS, e);
    if (rc == ERR_OK)
        rc = check_keys(&r, jscan_root(json), "request", key_names, KEYS);
    if (rc == ERR_OK)
        rc = read_names(&r, &request);
    if (rc == ERR_OK)
        rc = read_usage(&r, &request);
    if (rc == ERR_OK)
        rc = read_context(&r, &request.query);
    if (rc == ERR_OK)
        rc = read_services(&r, &request.query);
    if (rc == ERR_OK)
        rc = read_fees(&r, &request.usage);
    if (rc != ERR_OK)
        return rc;
    *ret = request;
    ret->query.usage = &ret->usage;
    return ERR_OK;
}

/* --- writing --- */

static char *put_digits(char *end, i128 v)
{
    *--end = '\0';
    do {
        *--end = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v > 0);
    return end;
}

void price_fraction(char out[PRICE_FRACTION_LEN], i128 num, i128 den)
{
    char digits[PRICE_FRACTION_LEN / 2];
    char *text = put_digits(digits + sizeof digits, num);
    size_t len = strlen(text);
    memcpy(out, text, len + 1);
    if (den == 1)
        return;
    out[len] = '/';
    text = put_digits(digits + sizeof digits, den);
    memcpy(out + len + 1, text, strlen(text) + 1);
}

/* A whole number, or a fraction as a text. */
static void write_fraction(struct jw *w, const char *key, i128 num, i128 den)
{
    char text[PRICE_FRACTION_LEN];
    price_fraction(text, num, den);
    jw_key(w, key);
    if (den == 1)
        jw_raw(w, str_of(text));
    else
        jw_strz(w, text);
}

void price_write_lines(const struct price_cost *c, bool fees, struct jw *w)
{
    jw_array(w);
    for (size_t i = 0; i < c->n_lines; i++) {
        const struct price_line *l = &c->lines[i];
        if (l->is_fee != fees)
            continue;
        jw_object(w);
        jw_kstrz(w, fees ? "fee" : "component", l->component);
        jw_ki64(w, "quantity", l->quantity);
        write_fraction(w, "unit_price_pusd", l->unit_pico, l->unit_den);
        write_fraction(w, "amount_pusd", l->amount_num, l->amount_den);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void write_time(struct jw *w, const char *key, int64_t wall_us)
{
    char text[CLOCK_TEXT_LEN];
    jw_key(w, key);
    if (wall_us == INT64_MIN || wall_us == INT64_MAX) {
        jw_null(w);
        return;
    }
    clock_rfc3339(text, wall_us, 0, false);
    jw_strz(w, text);
}

void price_write_row(const struct price_cost *c, struct jw *w)
{
    jw_object(w);
    jw_kstrz(w, "row", c->row_id);
    write_time(w, "period_from", c->period_from_us);
    write_time(w, "period_to", c->period_to_us);
    if (c->band != NULL) {
        jw_kstrz(w, "band", c->band);
        jw_ki64(w, "prompt_tokens_for_band", c->prompt_tok);
    }
    if (c->window != NULL)
        jw_kstrz(w, "window", c->window);
    if (c->printed != NULL)
        jw_kstrz(w, "service_prices", c->printed);
    jw_kbool(w, "disputed", c->is_disputed);
    jw_object_end(w);
}

void price_write_ratios(const struct price_cost *c, struct jw *w)
{
    jw_array(w);
    for (size_t i = 0; i < c->n_ratios; i++) {
        jw_object(w);
        jw_kstrz(w, "name", c->ratios[i].name);
        jw_ki64(w, "num", c->ratios[i].num);
        jw_ki64(w, "den", c->ratios[i].den);
        jw_object_end(w);
    }
    jw_array_end(w);
}
