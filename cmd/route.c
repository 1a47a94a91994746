/*
 * route.c: `llmgw route`: see where requests go and why, and steer them for a while.
 *
 * Routes are read from the configuration, their health from the broker when one runs. Pins and
 * drains live in the broker alone and end with it; what shall last belongs into the file.
 */
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"
#include "core/near.h"
#include "core/num.h"
#include "core/price.h"

#include "cmd/chat_request.h"
#include "cmd/link.h"
#include "cmd/out.h"

struct route_options {
    struct chat_options chat; /* what `explain` takes of them */
    int64_t for_us;           /* 0: until undone */
};

#define AT(field) offsetof(struct route_options, field)

/* clang-format off */
static const struct option_row rows[] = {
    {'r', "route", OPT_STRING, AT(chat.route), "NAME", .complete = OPT_C_ROUTE,
     .help = "only on this route"},
    {0, "for", OPT_DURATION, AT(for_us), "DUR", .help = "for so long, as in 30m or 2h"},
    {'m', "model", OPT_STRING, AT(chat.model), "NAME", .complete = OPT_C_MODEL,
     .group = "explain", .help = "model, alias or route to ask"},
    {'s', "system", OPT_STRING, AT(chat.system), "TEXT|@FILE", .help = "system prompt"},
    {'f', "file", OPT_STRINGS, AT(chat.files), "FILE|DIR|-", .complete = OPT_C_FILE,
     .help = "put a file, or what git knows of a directory, before the prompt"},
    {'a', "attach", OPT_STRINGS, AT(chat.attach), "FILE|-[:MIME]", .complete = OPT_C_FILE,
     .help = "attach an image, a PDF file or a text"},
    {0, "no-stdin", OPT_FLAG, AT(chat.no_stdin), .help = "never read standard input"},
    {0, "fallback", OPT_STRINGS, AT(chat.fallback), "MODEL", .complete = OPT_C_MODEL,
     .help = "ask this one when the others fail; may be repeated"},
    {0, "max-cost", OPT_MONEY, AT(chat.max_cost), "USD",
     .help = "refuse, before sending, what could cost more"},
    {0, "max-tokens", OPT_INT, AT(chat.max_tok), "N", .values = "1..", .help = "output cap"},
    {'P', "project", OPT_STRING, AT(chat.project), "NAME", .help = "project it belongs to"},
    {0, "tag", OPT_STRINGS, AT(chat.tags), "K=V", .complete = OPT_C_TAG,
     .help = "as if the request had this tag; may be repeated"},
    {0},
};
/* clang-format on */

static void init(void *options)
{
    struct route_options *o = options;
    cmd_chat.init(&o->chat);
}

/* ---- asking the broker ---- */

static enum errc call(struct cmd_ctx *ctx, bool may_start, const char *method,
                      const char *path, struct str body, struct json_object **ret,
                      struct err *e)
{
    AUTO(link_close) struct link *l = NULL;
    AUTO(link_answer_release) struct link_answer a = {0};
    enum errc rc = link_open(ctx, may_start, &l, e);
    if (rc == ERR_OK)
        rc = link_call(l, method, path, STR_NONE, body, &a, e);
    if (rc == ERR_OK && a.status != 200)
        rc = link_error(&a, e);
    return rc == ERR_OK ? jx_parse(buf_str(&a.body), ret, e) : rc;
}

/* What the broker knows of its targets; *ret stays NULL when none runs. */
static void look(struct cmd_ctx *ctx, struct json_object **ret)
{
    struct err e = ERR_INIT;
    if (call(ctx, false, "GET", "/llmgw/v1/targets", STR_NONE, ret, &e) != ERR_OK)
        *ret = NULL;
}

static struct json_object *find_target(struct json_object *health, const char *name)
{
    struct json_object *targets = jx_arr(health, "targets");
    for (size_t i = 0; targets != NULL && i < json_object_array_length(targets); i++) {
        struct json_object *t = json_object_array_get_idx(targets, i);
        if (str_eqz(jx_str(t, "target"), name))
            return t;
    }
    return NULL;
}

static bool is_pinned(struct json_object *health, const char *route, const char *target)
{
    struct json_object *pins = jx_arr(health, "pins");
    for (size_t i = 0; pins != NULL && i < json_object_array_length(pins); i++) {
        struct json_object *p = json_object_array_get_idx(pins, i);
        struct str on = jx_str(p, "route");
        if ((on.len == 0 || str_eqz(on, route)) && str_eqz(jx_str(p, "target"), target))
            return true;
    }
    return false;
}

/* One word for how a target is. */
static struct str condition(struct json_object *target)
{
    struct str key = jx_str(target, "key"), circuit = jx_str(target, "circuit");
    if (jx_bool(target, "drained", false))
        return STR("drained");
    if (str_eqz(key, "missing"))
        return STR("no key");
    if (str_eqz(key, "benched"))
        return STR("key benched");
    return str_eqz(circuit, "closed") ? STR("ok") : circuit;
}

/* A duration in milliseconds under `key`, as a cell in microseconds. */
static void put_ms(struct out *out, struct json_object *o, const char *key)
{
    int64_t ms;
    if (jx_i64(o, key, 0, INT64_MAX / US_PER_MS, &ms))
        out_int(out, ms * US_PER_MS);
    else
        out_null(out);
}

static void put_count(struct out *out, struct json_object *o, const char *key)
{
    int64_t n;
    if (jx_i64(o, key, 0, INT64_MAX, &n))
        out_int(out, n);
    else
        out_null(out);
}

/* ---- list ---- */

static const struct out_column list_columns[] = {
    {.name = "route", .type = OUT_TEXT},
    {.name = "position", .title = "#", .type = OUT_INT, .right = true},
    {.name = "target", .type = OUT_TEXT},
    {.name = "health", .type = OUT_TEXT, .priority = 1},
    {.name = "pinned", .type = OUT_BOOL, .priority = 4},
    {.name = "ttft", .type = OUT_DURATION, .priority = 3, .right = true},
    {.name = "input_per_mtok",
     .title = "in $/M",
     .type = OUT_MONEY,
     .priority = 2,
     .right = true},
    {.name = "output_per_mtok",
     .title = "out $/M",
     .type = OUT_MONEY,
     .priority = 2,
     .right = true},
    {.name = "condition", .title = "when", .type = OUT_TEXT, .priority = 5},
};

enum { MTOK = 1000 * 1000 };

static void list_row(struct cmd_ctx *ctx, struct out *out, struct json_object *health,
                     const struct conf_route *r, size_t i)
{
    const struct conf_target *t = &r->targets[i];
    const char *name = arena_printf(&ctx->arena, "%s/%s", t->provider, t->model);
    struct json_object *seen = find_target(health, name);
    struct str provider = str_of(t->provider), model = str_of(t->model);
    int64_t now_us = clock_wall_us(ctx->clock);
    out_textz(out, r->name);
    out_int(out, (int64_t)i + 1);
    out_textz(out, name);
    if (seen != NULL)
        out_text(out, condition(seen));
    else
        out_null(out);
    out_int(out, is_pinned(health, r->name, name));
    put_ms(out, seen, "ttft_ms");
    out_money(out, price_estimate(ctx->catalog, provider, model, now_us, MTOK, 0, 0));
    out_money(out, price_estimate(ctx->catalog, provider, model, now_us, 0, 0, MTOK));
    if (t->when != NULL)
        out_textz(out, t->when);
    else
        out_null(out);
    out_row_end(out);
}

static enum errc run_list(struct cmd_ctx *ctx, const struct route_options *o,
                          const struct opt_args *args, struct err *e)
{
    (void)args;
    AUTO(out_free) struct out *out = NULL;
    AUTO(jx_put) struct json_object *health = NULL;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_route), "llmgw.route/1",
                           list_columns, ARRAY_LEN(list_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    look(ctx, &health);
    for (size_t i = 0; i < ctx->conf->n_routes; i++) {
        const struct conf_route *r = &ctx->conf->routes[i];
        if (o->chat.route != NULL && strcmp(o->chat.route, r->name) != 0)
            continue;
        for (size_t k = 0; k < r->n_targets; k++)
            list_row(ctx, out, health, r, k);
    }
    if (ctx->conf->n_routes == 0)
        out_footer(
            out, "no routes: set a key such as OPENAI_API_KEY, or see llmgw config init");
    else if (health == NULL)
        out_footer(out, "no broker runs, so nothing is known of health");
    return out_finish(out, e);
}

/* ---- show ---- */

static const struct out_column show_columns[] = {
    {.name = "key", .type = OUT_TEXT},
    {.name = "value", .type = OUT_TEXT},
    {.name = "target", .title = "means", .type = OUT_TEXT, .priority = 1},
    {.name = "where", .type = OUT_TEXT},
};

/* What the name in a `target =` line stands for. */
static const struct conf_target *target_at(const struct conf_route *r,
                                           struct conf_pos pos)
{
    for (size_t i = 0; i < r->n_targets; i++)
        if (r->targets[i].pos.line == pos.line && r->targets[i].pos.file != NULL &&
            strcmp(r->targets[i].pos.file, pos.file) == 0)
            return &r->targets[i];
    return NULL;
}

static void show_row(struct out *out, const char *key, const char *value,
                     const struct conf_target *t, struct conf_pos pos)
{
    char text[2 * LIMIT_NAME_LEN + 2];
    out_textz(out, key);
    out_textz(out, value != NULL ? value : "yes");
    if (t != NULL) {
        snprintf(text, sizeof text, "%s/%s", t->provider, t->model);
        out_textz(out, text);
    } else {
        out_null(out);
    }
    if (pos.file != NULL && pos.line > 0)
        snprintf(text, sizeof text, "%s:%d", pos.file, pos.line);
    else
        snprintf(text, sizeof text, "%s",
                 pos.file && pos.file[0] ? pos.file : "built-in");
    out_textz(out, text);
    out_row_end(out);
}

static enum errc unknown_route(const struct conf *c, const char *name, struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, str_of(name));
    for (size_t i = 0; i < c->n_routes; i++)
        near_offerz(&near, c->routes[i].name);
    return err_set(e, ERR_NOT_FOUND, "no route \"%s\"%s", name,
                   near_hint(&near, NEAR_MAX, hint));
}

static enum errc run_show(struct cmd_ctx *ctx, const struct route_options *o,
                          const struct opt_args *args, struct err *e)
{
    (void)o;
    const struct conf *c = ctx->conf;
    const struct conf_route *r = conf_route(c, str_of(args->items[0]));
    AUTO(out_free) struct out *out = NULL;
    if (r == NULL)
        return unknown_route(c, args->items[0], e);
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_route), "llmgw.route.show/1",
                           show_columns, ARRAY_LEN(show_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    size_t n = 0;
    for (size_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        if (!v->in_force || strcmp(v->section, "route") != 0 || v->sub == NULL ||
            strcmp(v->sub, r->name) != 0)
            continue;
        bool is_target = strcmp(v->key, "target") == 0;
        show_row(out, v->key, v->value, is_target ? target_at(r, v->pos) : NULL, v->pos);
        n++;
    }
    for (size_t i = 0; n == 0 && i < r->n_targets; i++)
        show_row(out, "target", r->targets[i].name, &r->targets[i], r->targets[i].pos);
    return out_finish(out, e);
}

/* ---- health ---- */

static const struct out_column health_columns[] = {
    {.name = "target", .type = OUT_TEXT},
    {.name = "health", .type = OUT_TEXT},
    {.name = "circuit", .type = OUT_TEXT, .hidden = true},
    {.name = "key", .type = OUT_TEXT, .priority = 1},
    {.name = "retry_in", .title = "retry in", .type = OUT_DURATION, .right = true},
    {.name = "drained_for",
     .title = "drained for",
     .type = OUT_DURATION,
     .priority = 2,
     .right = true},
    {.name = "attempts", .type = OUT_INT, .priority = 3, .right = true},
    {.name = "ok", .type = OUT_INT, .priority = 4, .right = true},
    {.name = "failed", .type = OUT_INT, .priority = 3, .right = true},
    {.name = "ttft", .type = OUT_DURATION, .priority = 3, .right = true},
    {.name = "why", .type = OUT_TEXT, .priority = 2},
};

static void health_row(struct out *out, struct json_object *t)
{
    int64_t retry_ms;
    out_text(out, jx_str(t, "target"));
    out_text(out, condition(t));
    out_text(out, jx_str(t, "circuit"));
    out_text(out, jx_str(t, "key"));
    if (jx_i64(t, "retry_in_ms", 1, INT64_MAX, &retry_ms))
        put_ms(out, t, "retry_in_ms");
    else
        out_null(out);
    put_ms(out, t, "drained_for_ms");
    put_count(out, t, "attempts");
    put_count(out, t, "ok");
    put_count(out, t, "failed");
    put_ms(out, t, "ttft_ms");
    out_text(out, jx_str(t, "why"));
    out_row_end(out);
}

static void tell_pins(struct out *out, struct json_object *health)
{
    struct json_object *pins = jx_arr(health, "pins");
    for (size_t i = 0; pins != NULL && i < json_object_array_length(pins); i++) {
        struct json_object *p = json_object_array_get_idx(pins, i);
        struct str route = jx_str(p, "route"), target = jx_str(p, "target");
        char left[NUM_TEXT_LEN] = "until unpinned";
        int64_t ms;
        if (jx_i64(p, "for_ms", 0, INT64_MAX / US_PER_MS, &ms))
            num_duration(left, ms * US_PER_MS);
        out_footer(out, "pinned: %.*s on %s%.*s, %s", STR_ARG(target),
                   route.len > 0 ? "route " : "every route", STR_ARG(route), left);
    }
}

static void copy_meta(struct out *out, struct json_object *health, const char *key)
{
    struct json_object *v = jx_arr(health, key);
    if (v != NULL)
        out_meta(
            out, key,
            str_of(json_object_to_json_string_ext(v, JSON_C_TO_STRING_NOSLASHESCAPE)));
}

static enum errc run_health(struct cmd_ctx *ctx, const struct route_options *o,
                            const struct opt_args *args, struct err *e)
{
    (void)o;
    (void)args;
    AUTO(out_free) struct out *out = NULL;
    AUTO(jx_put) struct json_object *health = NULL;
    enum errc rc = call(ctx, true, "GET", "/llmgw/v1/targets", STR_NONE, &health, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_route), "llmgw.route.health/1",
                     health_columns, ARRAY_LEN(health_columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    struct json_object *targets = jx_arr(health, "targets");
    for (size_t i = 0; targets != NULL && i < json_object_array_length(targets); i++)
        health_row(out, json_object_array_get_idx(targets, i));
    copy_meta(out, health, "pins");
    copy_meta(out, health, "limits");
    tell_pins(out, health);
    return out_finish(out, e);
}

/* ---- explain: what chat would do, without doing it ---- */

static enum errc run_explain(struct cmd_ctx *ctx, const struct route_options *o,
                             const struct opt_args *args, struct err *e)
{
    struct chat_options chat = o->chat;
    chat.dry_run = true;
    return cmd_chat.run(ctx, &chat, args, e);
}

/* ---- pin, drain and back ---- */

struct steering {
    const char *path, *done; /* "%s" in done is the target */
    bool needs_target;
};

/* "for 2h", or nothing. */
static void write_span(int64_t for_us, struct buf *out)
{
    char text[NUM_TEXT_LEN];
    if (for_us == 0)
        return;
    num_duration(text, for_us);
    buf_printf(out, " for %s", text);
}

static enum errc steer_one(struct cmd_ctx *ctx, const struct route_options *o,
                           const struct steering *s, const char *target, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(jx_put) struct json_object *answer = NULL;
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    if (target != NULL)
        jw_kstrz(&w, "target", target);
    jw_kstrz(&w, "route", o->chat.route != NULL ? o->chat.route : "");
    if (o->for_us > 0)
        jw_ki64(&w, "for_ms", MAX(o->for_us / US_PER_MS, 1));
    jw_object_end(&w);
    enum errc rc = call(ctx, true, "POST", s->path, buf_str(&body), &answer, e);
    if (rc != ERR_OK)
        return rc;
    if (cmd_format(ctx, &cmd_route) == FORMAT_JSON)
        buf_printf(
            &text, "%s",
            json_object_to_json_string_ext(answer, JSON_C_TO_STRING_NOSLASHESCAPE));
    else
        buf_printf(&text, "%s%s%s", s->done, target != NULL ? " " : "",
                   target ? target : "");
    if (cmd_format(ctx, &cmd_route) != FORMAT_JSON)
        write_span(o->for_us, &text);
    buf_addc(&text, '\n');
    return ctx->global.quiet ? ERR_OK : cmd_print(buf_str(&text), e);
}

/* A provider's name stands for all its targets. */
static enum errc steer(struct cmd_ctx *ctx, const struct route_options *o,
                       const struct opt_args *args, const struct steering *s,
                       struct err *e)
{
    const char *name = args->n > 0 ? args->items[0] : NULL;
    if (o->for_us < 0)
        return err_set(e, ERR_USAGE, "--for: a negative time");
    if (name == NULL || conf_provider(ctx->conf, str_of(name)) == NULL)
        return steer_one(ctx, o, s, name, e);
    struct map seen;
    enum errc rc = ERR_OK;
    map_init(&seen);
    for (size_t i = 0; rc == ERR_OK && i < ctx->conf->n_routes; i++) {
        const struct conf_route *r = &ctx->conf->routes[i];
        for (size_t k = 0; rc == ERR_OK && k < r->n_targets; k++) {
            const struct conf_target *t = &r->targets[k];
            const char *full = arena_printf(&ctx->arena, "%s/%s", t->provider, t->model);
            if (strcmp(t->provider, name) != 0 || map_get(&seen, str_of(full)) != NULL)
                continue;
            rc = map_set(&seen, str_of(full), &seen);
            if (rc == ERR_OK)
                rc = steer_one(ctx, o, s, full, e);
        }
    }
    if (rc == ERR_OK && seen.n == 0)
        rc = err_set(e, ERR_NOT_FOUND, "no route has a target of provider \"%s\"", name);
    map_release(&seen);
    return rc;
}

static enum errc run_pin(struct cmd_ctx *ctx, const struct route_options *o,
                         const struct opt_args *args, struct err *e)
{
    static const struct steering s = {.path = "/llmgw/v1/pin", .done = "pinned"};
    if (conf_provider(ctx->conf, str_of(args->items[0])) != NULL)
        return err_set(e, ERR_USAGE, "a pin takes one target, PROVIDER/MODEL");
    return steer(ctx, o, args, &s, e);
}

static enum errc run_unpin(struct cmd_ctx *ctx, const struct route_options *o,
                           const struct opt_args *args, struct err *e)
{
    static const struct steering s = {.path = "/llmgw/v1/unpin", .done = "unpinned"};
    return steer(ctx, o, args, &s, e);
}

static enum errc run_drain(struct cmd_ctx *ctx, const struct route_options *o,
                           const struct opt_args *args, struct err *e)
{
    static const struct steering s = {.path = "/llmgw/v1/drain", .done = "drained"};
    return steer(ctx, o, args, &s, e);
}

static enum errc run_undrain(struct cmd_ctx *ctx, const struct route_options *o,
                             const struct opt_args *args, struct err *e)
{
    static const struct steering s = {.path = "/llmgw/v1/undrain", .done = "undrained"};
    return steer(ctx, o, args, &s, e);
}

/* ---- the command ---- */

static const struct subcommand {
    const char *name;
    size_t min, max; /* operands */
    enum errc (*run)(struct cmd_ctx *ctx, const struct route_options *o,
                     const struct opt_args *args, struct err *e);
} subcommands[] = {
    {"list", 0, 0, run_list},
    {"show", 1, 1, run_show},
    {"explain", 0, SIZE_MAX, run_explain},
    {"health", 0, 0, run_health},
    {"pin", 1, 1, run_pin},
    {"unpin", 0, 0, run_unpin},
    {"drain", 1, 1, run_drain},
    {"undrain", 1, 1, run_undrain},
};

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    const char *name = args->n == 0 ? "list" : args->items[0];
    struct opt_args rest = {.n = args->n == 0 ? 0 : args->n - 1};
    memcpy(rest.items, args->items + 1, rest.n * sizeof rest.items[0]);
    near_init(&near, str_of(name));
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++) {
        const struct subcommand *s = &subcommands[i];
        near_offerz(&near, s->name);
        if (strcmp(s->name, name) != 0)
            continue;
        if (rest.n < s->min)
            return err_set(e, ERR_USAGE, "%s takes a name", name);
        if (rest.n > s->max)
            return err_set(e, ERR_USAGE, "unexpected argument \"%s\"",
                           rest.items[s->max]);
        return s->run(ctx, options, &rest, e);
    }
    return err_set(e, ERR_USAGE, "unknown subcommand \"%s\"%s", name,
                   near_hint(&near, NEAR_MAX, hint));
}

static const struct cmd_example examples[] = {
    {"llmgw route", "where requests go, and how the targets are"},
    {"llmgw route explain -r fast \"hello\"", "why this target, and at what cost"},
    {"llmgw route drain anthropic --for 30m", "send nothing there during an outage"},
    {"llmgw route pin openai/gpt-5.6-luna -r fast", "only there, until unpinned"},
    {0},
};

const struct cmd_entry cmd_route = {
    .name = "route",
    .args = "[list|show|explain|health|pin|unpin|drain|undrain] [options] [NAME]",
    .summary = "see where requests go and why, and steer them",
    .options = rows,
    .options_size = sizeof(struct route_options),
    .init = init,
    .needs = CMD_CONF | CMD_CATALOG | CMD_BROKER,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_TEXT | 1 << FORMAT_JSON |
               1 << FORMAT_JSONL | 1 << FORMAT_CSV | 1 << FORMAT_TSV |
               1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .run = run,
};
