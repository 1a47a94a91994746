/*
 * route.c: `llmgw route`: which models requests go to, why, how they fare, and steering them.
 *
 * Reads the configuration itself; health, pins and drains live in the broker and are asked for
 * over its socket. `list` and `show` work without a broker and say so.
 */
#include "cmd/route.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"
#include "core/num.h"
#include "core/price.h"
#include "core/zone.h"

#include "cmd/dry.h"
#include "cmd/explain.h"
#include "cmd/link.h"
#include "cmd/out.h"

struct options {
    struct chat_options chat; /* of explain; first, as cmd_entry.like wants it */
    int64_t for_us, n;
    bool watch;
};

#define AT(field) offsetof(struct options, field)
static const struct option_row options[] = {
    {'r', "route", OPT_STRING, AT(chat.route), .arg = "NAME", .complete = OPT_C_ROUTE,
     .group = "options", .with = "explain pin unpin prefer unprefer history",
     .help = "the route that is meant"},
    {0, "for", OPT_DURATION, AT(for_us), .arg = "DUR", .with = "pin drain weight prefer",
     .help = "only so long"},
    {'n', "number", OPT_INT, AT(n), .arg = "N", .values = "1..", .with = "history",
     .help = "so many; 10 unless given"},
    {0, "watch", OPT_FLAG, AT(watch), .with = "health",
     .help = "show it again whenever it changes"},
    {.name = NULL},
};
#undef AT

/* ---- the broker's side ---- */

/* One call; the answer as JSON. No body for GET. */
static enum errc call(struct cmd_ctx *ctx, bool may_start, const char *path,
                      struct str body, struct json_object **ret, struct err *e)
{
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_REPLY_LEN);
    enum errc rc = link_ask(ctx, may_start, body.ptr ? "POST" : "GET", path,
                            STR("content-type: application/json\r\n"), body, &json, e);
    return rc == ERR_OK ? jx_parse(buf_str(&json), ret, e) : rc;
}

/* What the broker knows of targets; NULL, and a note, when none runs. */
static struct json_object *health(struct cmd_ctx *ctx)
{
    struct json_object *o = NULL;
    struct err e = ERR_INIT;
    if (call(ctx, false, "/llmgw/v1/targets", STR_NONE, &o, &e) == ERR_OK)
        return o;
    cmd_note(ctx, "no broker runs: health is not known");
    return NULL;
}

static struct json_object *find_target(struct json_object *known, const char *name)
{
    struct json_object *targets = jx_arr(known, "targets");
    for (size_t i = 0; targets != NULL && i < json_object_array_length(targets); i++) {
        struct json_object *t = json_object_array_get_idx(targets, i);
        if (str_eqz(jx_str(t, "target"), name))
            return t;
    }
    return NULL;
}

static bool is_pinned(struct json_object *known, const char *route, const char *target)
{
    struct json_object *pins = jx_arr(known, "pins");
    for (size_t i = 0; pins != NULL && i < json_object_array_length(pins); i++) {
        struct json_object *p = json_object_array_get_idx(pins, i);
        struct str r = jx_str(p, "route");
        if (str_eqz(jx_str(p, "target"), target) && (r.len == 0 || str_eqz(r, route)))
            return true;
    }
    return false;
}

/* What is preferred on a route: its own before that of all; NULL: nothing. */
static struct json_object *find_prefer(struct json_object *known, const char *route)
{
    struct json_object *prefers = jx_arr(known, "prefers"), *found = NULL;
    for (size_t i = 0; prefers != NULL && i < json_object_array_length(prefers); i++) {
        struct json_object *p = json_object_array_get_idx(prefers, i);
        struct str r = jx_str(p, "route");
        if (str_eqz(r, route) || (r.len == 0 && found == NULL))
            found = p;
    }
    return found;
}

/* "route fast: prefer cost, 1h59m left" for each */
static void add_prefers(struct out *o, struct json_object *known)
{
    struct json_object *prefers = jx_arr(known, "prefers");
    for (size_t i = 0; prefers != NULL && i < json_object_array_length(prefers); i++) {
        AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_HEAD_LEN);
        struct json_object *p = json_object_array_get_idx(prefers, i);
        struct str route = jx_str(p, "route");
        buf_printf(&line, "%s%.*s: prefer %.*s", route.len > 0 ? "route " : "all routes",
                   STR_ARG(route), STR_ARG(jx_str(p, "prefer")));
        explain_left(p, "for_ms", &line);
        out_footer(o, "%.*s", STR_ARG(buf_str(&line)));
    }
}

/* "healthy", or what keeps requests away, in a few words. */
static const char *health_words(struct cmd_ctx *ctx, struct json_object *t, bool pinned)
{
    int64_t ms;
    if (t == NULL)
        return "unknown";
    struct str circuit = jx_str(t, "circuit"), key = jx_str(t, "key"),
               why = jx_str(t, "why");
    if (jx_bool(t, "drained", false))
        return "drained";
    if (str_eqz(key, "missing") || str_eqz(key, "benched"))
        return arena_printf(&ctx->arena, "key %.*s", STR_ARG(key));
    if (!str_eqz(circuit, "closed")) {
        char wait[NUM_TEXT_LEN] = "";
        if (jx_i64(t, "retry_in_ms", 1, INT64_MAX / US_PER_MS, &ms))
            num_duration(wait, ms * US_PER_MS);
        return arena_printf(&ctx->arena, "%.*s%s%.*s%s%s", STR_ARG(circuit),
                            why.len ? ": " : "", STR_ARG(why),
                            wait[0] ? ", retry in " : "", wait);
    }
    const char *healthy = pinned ? "healthy, pinned" : "healthy";
    if (!jx_i64(t, "weight", 1, INT64_MAX, &ms))
        return healthy;
    return arena_printf(&ctx->arena, "%s, weight %jd", healthy, (intmax_t)ms);
}

/* ---- list ---- */

static const struct out_column list_columns[] = {
    {.name = "route", .type = OUT_TEXT, .soft = 16},
    {.name = "place", .title = "#", .type = OUT_INT, .priority = 3},
    {.name = "target", .type = OUT_TEXT, .soft = 32},
    {.name = "health", .type = OUT_TEXT, .priority = 1},
    {.name = "ttft", .type = OUT_DURATION, .priority = 4},
    {.name = "ok", .type = OUT_PPM, .priority = 5},
    {.name = "input", .title = "in $/M", .type = OUT_MONEY, .priority = 2},
    {.name = "output", .title = "out $/M", .type = OUT_MONEY, .priority = 2},
    {.name = "strategy", .type = OUT_TEXT, .hidden = true},
    {.name = "prefer", .type = OUT_TEXT, .hidden = true},
    {.name = "weight", .type = OUT_INT, .hidden = true},
    {.name = "when", .type = OUT_TEXT, .hidden = true},
};

/* Prices per million tokens, now; plain input and output of a short prompt. */
static void add_prices(struct cmd_ctx *ctx, struct out *o, const struct conf_target *t)
{
    enum { MILLION = 1000000 };
    struct str model = str_of(t->model);
    struct str provider =
        conf_price_provider(ctx->conf, ctx->catalog, str_of(t->provider), model);
    int64_t now_us = clock_wall_us(ctx->clock);
    const struct conf_provider *p = conf_provider(ctx->conf, str_of(t->provider));
    struct str service = p != NULL ? str_of(p->price_service) : STR_NONE;
    pico in = price_estimate(ctx->catalog, provider, model, service, now_us, 1, 0, 0);
    pico out = price_estimate(ctx->catalog, provider, model, service, now_us, 0, 0, 1);
    out_money(o, in == PICO_UNKNOWN ? PICO_UNKNOWN : in * MILLION);
    out_money(o, out == PICO_UNKNOWN ? PICO_UNKNOWN : out * MILLION);
}

static void add_record(struct out *o, struct json_object *t)
{
    int64_t ms, attempts = 0, ok = 0;
    if (jx_i64(t, "ttft_ms", 0, INT64_MAX / US_PER_MS, &ms))
        out_int(o, ms * US_PER_MS);
    else
        out_null(o);
    if (jx_i64(t, "attempts", 1, INT64_MAX / 1000000, &attempts) &&
        jx_i64(t, "ok", 0, attempts, &ok))
        out_int(o, ok * 1000000 / attempts);
    else
        out_null(o);
}

/* The one in force, and what it is preferred for. */
static void add_strategy(struct out *o, const struct conf_route *r,
                         struct json_object *known)
{
    struct json_object *prefer = find_prefer(known, r->name);
    if (prefer == NULL) {
        out_textz(o, conf_strategy_name(r->strategy));
        out_null(o);
        return;
    }
    out_text(o, jx_str(prefer, "strategy"));
    out_text(o, jx_str(prefer, "prefer"));
}

static int64_t weight_in_force(const struct conf_target *t, struct json_object *state)
{
    int64_t steered;
    return jx_i64(state, "weight", 1, INT64_MAX, &steered) ? steered : t->weight;
}

static void add_target(struct cmd_ctx *ctx, struct out *o, const struct conf_route *r,
                       size_t i, struct json_object *known)
{
    const struct conf_target *t = &r->targets[i];
    const char *name = arena_printf(&ctx->arena, "%s/%s", t->provider, t->model);
    struct json_object *state = find_target(known, name);
    out_textz(o, r->name);
    out_int(o, (int64_t)i + 1);
    out_textz(o, name);
    out_textz(o, health_words(ctx, state, is_pinned(known, r->name, name)));
    add_record(o, state);
    add_prices(ctx, o, t);
    add_strategy(o, r, known);
    out_int(o, weight_in_force(t, state));
    out_textz(o, t->when);
    out_row_end(o);
}

static enum errc run_list(struct cmd_ctx *ctx, void *p, const char *const *args, size_t n,
                          struct err *e)
{
    (void)p;
    (void)args;
    (void)n;
    struct out *o = NULL;
    enum errc rc = cmd_need_catalog(ctx, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_route), "llmgw.route/1", list_columns,
                     ARRAY_LEN(list_columns), &o, e);
    if (rc != ERR_OK)
        return rc;
    AUTO(jx_put) struct json_object *known = health(ctx);
    for (size_t i = 0; i < ctx->conf->n_routes; i++)
        for (size_t j = 0; j < ctx->conf->routes[i].n_targets; j++)
            add_target(ctx, o, &ctx->conf->routes[i], j, known);
    add_prefers(o, known);
    if (ctx->conf->n_routes == 0)
        out_if_empty(o, "no route, as no provider is in use\n"
                        "hint: llmgw keys set openai, or set OPENAI_API_KEY");
    rc = out_finish(o, e);
    out_free(&o);
    return rc;
}

/* ---- show ---- */

static void add_duration(struct buf *out, const char *before, const char *name,
                         int64_t us)
{
    char text[NUM_TEXT_LEN] = "none";
    if (us > 0)
        num_duration(text, us);
    buf_printf(out, "%s%s %s", before, name, text);
}

static void show_place(struct buf *out, struct conf_pos pos)
{
    if (pos.file != NULL && pos.file[0] != '\0')
        buf_printf(out, "  (%s:%d)", pos.file, pos.line);
}

static enum errc run_show(struct cmd_ctx *ctx, void *p, const char *const *args, size_t n,
                          struct err *e)
{
    (void)p;
    (void)n;
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf screen = BUF_INIT(LIMIT_REPLY_LEN);
    const struct conf_route *r = conf_route(ctx->conf, str_of(args[0]));
    if (cmd_formats(ctx, "route show", 0, e) != ERR_OK ||
        cmd_need_catalog(ctx, e) != ERR_OK)
        return e->code;
    if (r == NULL)
        return conf_no_route(ctx->conf, str_of(args[0]), e);
    buf_printf(&out, "route %s, strategy %s", r->name, conf_strategy_name(r->strategy));
    if (r->is_implicit)
        buf_addz(&out, "  (made from the keys in the environment)");
    show_place(&out, r->pos);
    buf_addc(&out, '\n');
    for (size_t i = 0; i < r->n_targets; i++) {
        const struct conf_target *t = &r->targets[i];
        buf_printf(&out, "%3zu %s/%s", i + 1, t->provider, t->model);
        if (r->strategy == CONF_WEIGHTED)
            buf_printf(&out, "  weight %d", t->weight);
        if (t->when != NULL)
            buf_printf(&out, "  when %s", t->when);
        show_place(&out, t->pos);
        buf_addc(&out, '\n');
    }
    add_duration(&out, "limits of time: ", "whole", r->timeout_us);
    add_duration(&out, ", ", "connect", r->connect_us);
    add_duration(&out, ", ", "first token", r->ttft_us);
    add_duration(&out, ", ", "between tokens", r->gap_us);
    add_duration(&out, ", ", "patience", r->patience_us);
    buf_addc(&out, '\n');
    out_wrap(&screen, &out);
    if (buf_err(&screen) != ERR_OK)
        return err_set(e, buf_err(&screen), "out of memory");
    return out_write(ctx, buf_str(&screen), e);
}

/* ---- explain ---- */

static enum errc run_explain(struct cmd_ctx *ctx, void *p, const char *const *args,
                             size_t n, struct err *e)
{
    const struct options *opt = p;
    struct opt_args words = {.n = n};
    memcpy(words.items, args, n * sizeof *args);
    if (cmd_formats(ctx, "route explain", 1U << FORMAT_JSON | 1U << FORMAT_JSONL, e) !=
        ERR_OK)
        return e->code;
    return chat_dry_run(ctx, &opt->chat, &words, e);
}

/* ---- health ---- */

static const struct out_column health_columns[] = {
    {.name = "target", .type = OUT_TEXT, .soft = 36},
    {.name = "health", .type = OUT_TEXT},
    {.name = "key", .type = OUT_TEXT, .priority = 3},
    {.name = "attempts", .type = OUT_INT, .priority = 2},
    {.name = "failed", .type = OUT_INT, .priority = 1},
    {.name = "ttft", .type = OUT_DURATION, .priority = 4},
    {.name = "retry_in", .type = OUT_DURATION, .hidden = true},
    {.name = "why", .type = OUT_TEXT, .hidden = true},
};

static void add_number(struct out *o, struct json_object *t, const char *key,
                       int64_t unit)
{
    int64_t v;
    if (jx_i64(t, key, 0, INT64_MAX / unit, &v))
        out_int(o, v * unit);
    else
        out_null(o);
}

/* ", says the provider; resets in 1m", or how long ago it said so. */
static void word_learned(struct json_object *l, struct buf *out)
{
    char text[NUM_TEXT_LEN];
    int64_t v;
    buf_addz(out, ", says the provider");
    if (jx_i64(l, "resets_in_us", 1, INT64_MAX, &v)) {
        num_duration(text, v);
        buf_printf(out, "; resets in %s", text);
    } else if (jx_i64(l, "age_us", US_PER_S, INT64_MAX, &v)) {
        num_duration(text, v);
        buf_printf(out, " %s ago", text);
    }
}

/* "limit one/sim requests: 3 of 10 left in 1m", or what a provider's headers have told. */
static void word_limit(struct json_object *l, struct buf *out)
{
    char text[NUM_TEXT_LEN];
    struct str name = jx_str(l, "limit"), learned = jx_str(l, "learned");
    int64_t v;
    if (name.len > 0)
        buf_printf(out, "limit %.*s", STR_ARG(name));
    else
        buf_printf(out, "%.*s", STR_ARG(learned));
    buf_printf(out, " %.*s:", STR_ARG(jx_str(l, "gauge")));
    bool has_left = jx_i64(l, "left", INT64_MIN, INT64_MAX, &v);
    if (has_left) {
        num_group(text, v);
        buf_printf(out, " %s", text);
    }
    if (jx_i64(l, "amount", 0, INT64_MAX, &v)) {
        num_group(text, v);
        buf_printf(out, "%s %s", has_left ? " of" : "", text);
    }
    if (has_left)
        buf_addz(out, " left");
    if (jx_i64(l, "window_us", 1, INT64_MAX, &v)) {
        num_duration(text, v);
        buf_printf(out, " in %s", text);
    }
    if (learned.len > 0)
        word_learned(l, out);
}

static void add_limits(struct out *o, struct json_object *limits)
{
    for (size_t i = 0; limits != NULL && i < json_object_array_length(limits); i++) {
        AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_HEAD_LEN);
        struct json_object *l = json_object_array_get_idx(limits, i);
        if (jx_str(l, "budget").len > 0)
            explain_budget(l, &line);
        else
            word_limit(l, &line);
        out_footer(o, "%.*s", STR_ARG(buf_str(&line)));
    }
    if (limits != NULL)
        out_meta(o, "limits",
                 str_of(json_object_to_json_string_ext(limits, JSON_C_TO_STRING_PLAIN)));
}

/* What the broker knows of its targets, as it is to be shown. */
static enum errc word_health(struct cmd_ctx *ctx, struct json_object *known,
                             struct buf *text, struct err *e)
{
    AUTO(out_free) struct out *o = NULL;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_route), "llmgw.route.health/1",
                           health_columns, ARRAY_LEN(health_columns), &o, e);
    if (rc != ERR_OK)
        return rc;
    struct json_object *targets = jx_arr(known, "targets");
    for (size_t i = 0; targets != NULL && i < json_object_array_length(targets); i++) {
        struct json_object *t = json_object_array_get_idx(targets, i);
        out_text(o, jx_str(t, "target"));
        out_textz(o, health_words(ctx, t, false));
        out_text(o, jx_str(t, "key"));
        add_number(o, t, "attempts", 1);
        add_number(o, t, "failed", 1);
        add_number(o, t, "ttft_ms", US_PER_MS);
        add_number(o, t, "retry_in_ms", US_PER_MS);
        out_text(o, jx_str(t, "why"));
        out_row_end(o);
    }
    add_prefers(o, known);
    add_limits(o, jx_arr(known, "limits"));
    return out_render(o, text, e);
}

static enum errc ask_health(struct cmd_ctx *ctx, bool may_start, struct buf *text,
                            struct err *e)
{
    AUTO(jx_put) struct json_object *known = NULL;
    enum errc rc = call(ctx, may_start, "/llmgw/v1/targets", STR_NONE, &known, e);
    return rc == ERR_OK ? word_health(ctx, known, text, e) : rc;
}

/* Over what was there before, without a blank screen in between. Source: ECMA-48, CUP, EL, ED. */
static enum errc redraw(struct cmd_ctx *ctx, struct str text, struct err *e)
{
    AUTO(buf_release) struct buf screen = BUF_INIT(LIMIT_REPLY_LEN);
    struct civil now = zone_local(clock_wall_us(ctx->clock));
    struct str line;
    buf_printf(&screen, "\033[Hhealth at %02d:%02d:%02d; Ctrl-C ends\033[K\n\033[K\n",
               now.hour, now.minute, now.second);
    while (str_split(&text, '\n', &line))
        if (line.len > 0 || text.len > 0)
            buf_printf(&screen, "%.*s\033[K\n", STR_ARG(line));
    buf_addz(&screen, "\033[J");
    return out_write(ctx, buf_str(&screen), e);
}

/*
 * Once a second: on a screen in place, elsewhere when something has changed. A broker that
 * restarts is waited for; Ctrl-C ends us as it ends anybody.
 */
static enum errc watch_health(struct cmd_ctx *ctx, struct err *e)
{
    enum { STEP_MS = 1000 };
    const char *term = cmd_getenv("TERM");
    bool is_screen = isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0 &&
                     ctx->global.output == NULL &&
                     cmd_format(ctx, &cmd_route) == FORMAT_TABLE;
    AUTO(buf_release) struct buf shown = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    ctx->global.no_pager = true;
    enum errc rc = ask_health(ctx, true, &text, e);
    while (rc == ERR_OK) {
        if (is_screen)
            rc = redraw(ctx, buf_str(&text), e);
        else if (!str_eq(buf_str(&text), buf_str(&shown)))
            rc = out_write(ctx, buf_str(&text), e);
        if (rc != ERR_OK)
            return rc;
        buf_reset(&shown);
        buf_adds(&shown, buf_str(&text));
        poll(NULL, 0, STEP_MS);
        struct err gone = ERR_INIT;
        buf_reset(&text);
        if (ask_health(ctx, false, &text, &gone) != ERR_OK)
            buf_addz(&text, is_screen ? "no broker answers\n" : "");
    }
    return rc;
}

static enum errc run_health(struct cmd_ctx *ctx, void *p, const char *const *args,
                            size_t n, struct err *e)
{
    (void)args;
    (void)n;
    const struct options *opt = p;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    if (opt->watch) {
        if (cmd_formats(ctx, "route health --watch",
                        1U << FORMAT_TABLE | 1U << FORMAT_JSONL, e) != ERR_OK)
            return e->code;
        return watch_health(ctx, e);
    }
    enum errc rc = ask_health(ctx, true, &text, e);
    return rc == ERR_OK ? out_write(ctx, buf_str(&text), e) : rc;
}

/* ---- steering ---- */

/* What is asked of the broker; NULL and 0: not said. */
struct steering {
    const char *path, *target, *prefer;
    int64_t weight;
};

static enum errc steer(struct cmd_ctx *ctx, const struct steering *s,
                       const struct options *opt, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(jx_put) struct json_object *answer = NULL;
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    if (s->target != NULL)
        jw_kstrz(&w, "target", s->target);
    if (s->prefer != NULL)
        jw_kstrz(&w, "prefer", s->prefer);
    if (s->weight > 0)
        jw_ki64(&w, "weight", s->weight);
    if (opt->chat.route != NULL)
        jw_kstrz(&w, "route", opt->chat.route);
    if (opt->for_us > 0)
        jw_ki64(&w, "for_ms", MAX(opt->for_us / US_PER_MS, 1));
    jw_object_end(&w);
    enum errc rc = call(ctx, true, s->path, buf_str(&body), &answer, e);
    if (rc == ERR_INVALID) /* the broker's word for an argument that is wrong */
        rc = e->code = ERR_USAGE;
    return rc;
}

static enum errc run_pin(struct cmd_ctx *ctx, void *p, const char *const *args, size_t n,
                         struct err *e)
{
    const struct steering s = {.path = "/llmgw/v1/pin", .target = args[0]};
    (void)n;
    return steer(ctx, &s, p, e);
}

static enum errc run_unpin(struct cmd_ctx *ctx, void *p, const char *const *args,
                           size_t n, struct err *e)
{
    const struct steering s = {.path = "/llmgw/v1/unpin"};
    (void)args;
    (void)n;
    return steer(ctx, &s, p, e);
}

static enum errc run_drain(struct cmd_ctx *ctx, void *p, const char *const *args,
                           size_t n, struct err *e)
{
    const struct steering s = {.path = "/llmgw/v1/drain", .target = args[0]};
    (void)n;
    return steer(ctx, &s, p, e);
}

static enum errc run_undrain(struct cmd_ctx *ctx, void *p, const char *const *args,
                             size_t n, struct err *e)
{
    const struct steering s = {.path = "/llmgw/v1/undrain", .target = args[0]};
    (void)n;
    return steer(ctx, &s, p, e);
}

static enum errc run_weight(struct cmd_ctx *ctx, void *p, const char *const *args,
                            size_t n, struct err *e)
{
    struct steering s = {.path = "/llmgw/v1/weight", .target = args[0]};
    (void)n;
    if (num_i64(str_of(args[1]), 1, LIMIT_WEIGHT, &s.weight) != ERR_OK)
        return err_set(e, ERR_USAGE,
                       "weight \"%s\" is no whole number from 1 to %d\n"
                       "hint: llmgw route drain takes a target out",
                       args[1], LIMIT_WEIGHT);
    return steer(ctx, &s, p, e);
}

static enum errc run_unweight(struct cmd_ctx *ctx, void *p, const char *const *args,
                              size_t n, struct err *e)
{
    const struct steering s = {.path = "/llmgw/v1/unweight", .target = args[0]};
    (void)n;
    return steer(ctx, &s, p, e);
}

static enum errc run_prefer(struct cmd_ctx *ctx, void *p, const char *const *args,
                            size_t n, struct err *e)
{
    const struct steering s = {.path = "/llmgw/v1/prefer", .prefer = args[0]};
    enum conf_strategy ignored;
    (void)n;
    if (!conf_aim(str_of(args[0]), &ignored))
        return err_set(e, ERR_USAGE,
                       "\"%s\" is nothing to prefer: cost, latency or quality\n"
                       "hint: llmgw route unprefer ends it",
                       args[0]);
    return steer(ctx, &s, p, e);
}

static enum errc run_unprefer(struct cmd_ctx *ctx, void *p, const char *const *args,
                              size_t n, struct err *e)
{
    const struct steering s = {.path = "/llmgw/v1/unprefer"};
    (void)args;
    (void)n;
    return steer(ctx, &s, p, e);
}

static enum errc run_history(struct cmd_ctx *ctx, void *p, const char *const *args,
                             size_t n, struct err *e)
{
    const struct options *opt = p;
    (void)args;
    (void)n;
    return route_history(ctx, opt->n, opt->chat.route, e);
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},
    {"show", "ROUTE", 1, 1, run_show},
    {"explain", "[PROMPT...]", 0, 4000, run_explain},
    {"test", "[ROUTE or TARGET...]", 0, 4000, route_test},
    {"health", "", 0, 0, run_health},
    {"history", "", 0, 0, run_history},
    {"pin", "TARGET", 1, 1, run_pin},
    {"unpin", "", 0, 0, run_unpin},
    {"drain", "TARGET", 1, 1, run_drain},
    {"undrain", "TARGET", 1, 1, run_undrain},
    {"weight", "TARGET N", 2, 2, run_weight},
    {"unweight", "TARGET", 1, 1, run_unweight},
    {"prefer", "AIM", 1, 1, run_prefer},
    {"unprefer", "", 0, 0, run_unprefer},
    {NULL, NULL, 0, 0, NULL},
};

static const struct cmd_example examples[] = {
    {"llmgw route", "every route, its targets in order, and how they fare"},
    {"llmgw route explain -r fast \"hello\"",
     "which target would get it, and why; sends nothing"},
    {"llmgw route test fast", "does each of its targets answer? costs a few tokens"},
    {"llmgw route drain anthropic/claude-haiku-5-5 --for 30m",
     "take a target out while it is in trouble"},
    {"llmgw route weight openai/gpt-6-luna 9 --for 2h",
     "a weighted route draws it nine times as often as one of weight 1"},
    {"llmgw route prefer cost --for 8h", "the cheapest target of each route goes first"},
    {NULL, NULL},
};

const struct cmd_entry cmd_route = {
    .name = "route",
    .args =
        "[list | show ROUTE | explain [PROMPT...] | test [ROUTE or TARGET...] | health | "
        "history | pin TARGET | unpin | drain TARGET | undrain TARGET | weight TARGET N "
        "| unweight TARGET | prefer AIM | unprefer]",
    .summary = "see and steer which models requests go to",
    .options = options,
    .options_size = sizeof(struct options),
    .like = &cmd_chat,
    .like_with = "explain",
    .needs = CMD_CONF | CMD_BROKER,
    .formats = 1U << FORMAT_TABLE | 1U << FORMAT_JSON | 1U << FORMAT_JSONL |
               1U << FORMAT_CSV | 1U << FORMAT_TSV | 1U << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
};
