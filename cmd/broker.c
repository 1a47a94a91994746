/*
 * broker.c: `llmgw broker`: is it there, start it, stop it, let it read its configuration.
 *
 * Owns no state: everything is asked of the running broker, by requests that never change
 * between versions, so that any llmgw can stop any llmgwd.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/jsonx.h"
#include "core/money.h"
#include "core/num.h"
#include "core/zone.h"

#include "cmd/broker_units.h"
#include "cmd/link.h"
#include "cmd/out.h"

enum {
    /* a broker lets its streams end for 30 s; then it stops all the same */
    STOP_WAIT_US = 40 * US_PER_S,
    STOP_POLL_MS = 20,
    TEXT_LEN = 64 * 1024,
};

struct broker_options {
    int64_t lines;
    bool follow, user;
};

#define AT(field) .offset = offsetof(struct broker_options, field)

static const struct option_row options[] = {
    {'n', "lines", OPT_INT, AT(lines), .arg = "N", .values = "0..1000000", .with = "logs",
     .help = "how many of the last lines (default 50)"},
    {'f', "follow", OPT_FLAG, AT(follow), .with = "logs",
     .help = "go on with what comes, until ^C"},
    {0, "user", OPT_FLAG, AT(user), .with = "install uninstall",
     .help = "the units of this user, as without it"},
    {0},
};

#undef AT

static void set_defaults(void *opts)
{
    struct broker_options *o = opts;
    o->lines = 50;
}

static enum errc say(struct cmd_ctx *ctx, struct str json, const char *text,
                     struct err *e)
{
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    bool is_json = cmd_format(ctx, &cmd_broker) == FORMAT_JSON;
    if (is_json)
        buf_adds(&out, json);
    else
        buf_addz(&out, text);
    if (!str_ends(buf_str(&out), STR("\n")))
        buf_addc(&out, '\n');
    return ctx->global.quiet && !is_json ? ERR_OK : out_write(ctx, buf_str(&out), e);
}

/* What became of a verb: as JSON {"schema": …, VERB: did}, else `text`. */
static enum errc say_did(struct cmd_ctx *ctx, const char *verb, bool did,
                         const char *text, struct err *e)
{
    AUTO(buf_release) struct buf json = BUF_INIT(TEXT_LEN);
    struct jw w;
    jw_init(&w, &json);
    jw_object(&w);
    jw_kstrz(&w, "schema", "llmgw.broker/1");
    jw_kbool(&w, verb, did);
    jw_object_end(&w);
    return say(ctx, buf_str(&json), text, e);
}

/* One request to a broker that runs already. ERR_BROKER when there is none. */
static enum errc ask(struct cmd_ctx *ctx, const char *method, const char *path,
                     struct buf *body, struct err *e)
{
    return link_ask(ctx, false, method, path, STR_NONE, STR_NONE, body, e);
}

/* --- status --- */

static bool says_something(struct json_object *v)
{
    return v != NULL && (!json_object_is_type(v, json_type_string) || jx_text(v).len > 0);
}

/* A value for people: the unit at the end of its name tells what it is, and is dropped there. */
static void write_member(const char *prefix, struct str name, struct json_object *v,
                         struct buf *out)
{
    char text[MAX((int)NUM_TEXT_LEN, MAX((int)MONEY_TEXT_LEN, (int)CLOCK_TEXT_LEN))];
    struct str value = str_of(json_object_get_string(v));
    int64_t n = json_object_get_int64(v), at_us;
    struct err ignored = ERR_INIT;
    pico cost;
    if (json_object_is_type(v, json_type_boolean))
        value = json_object_get_boolean(v) ? STR("yes") : STR("no");
    else if (str_ends(name, STR("_at")) &&
             clock_parse_rfc3339(value, &at_us, &ignored) == ERR_OK) {
        clock_rfc3339(text, at_us, zone_offset_s(at_us), false);
        value = str_of(text);
    } else if (str_ends(name, STR("_usd")) && money_parse(value, &cost) == ERR_OK) {
        money_people(text, cost);
        value = str_of(text);
        name.len -= strlen("_usd");
    } else if (str_ends(name, STR("_s"))) {
        num_duration(text, n * US_PER_S);
        value = str_of(text);
        name.len -= strlen("_s");
    } else if (json_object_is_type(v, json_type_int) && !str_eqz(name, "pid")) {
        num_group(text, n);
        value = str_of(text);
    }
    size_t from = out->len;
    buf_printf(out, "%s%.*s", prefix, STR_ARG(name));
    for (size_t i = from; buf_err(out) == ERR_OK && i < out->len; i++)
        if (out->data[i] == '_')
            out->data[i] = ' ';
    buf_printf(out, "%*s %.*s\n", (int)(26 - MIN(out->len - from, (size_t)26)), "",
               STR_ARG(value));
}

/* A line for each member, those of objects as "outer name"; what says nothing is left out. */
static void write_members(struct json_object *o, const char *prefix, struct buf *out)
{
    struct json_object_iterator it = json_object_iter_begin(o),
                                end = json_object_iter_end(o);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        struct json_object *v = json_object_iter_peek_value(&it);
        const char *name = json_object_iter_peek_name(&it);
        if (json_object_is_type(v, json_type_object)) {
            char inner[LIMIT_NAME_LEN];
            snprintf(inner, sizeof inner, "%s%s ", prefix, name);
            write_members(v, inner, out);
        } else if (says_something(v))
            write_member(prefix, str_of(name), v, out);
    }
}

static enum errc run_status(struct cmd_ctx *ctx, void *opts, const char *const *args,
                            size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf lines = BUF_INIT(TEXT_LEN);
    AUTO(buf_release) struct buf text = BUF_INIT(TEXT_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    enum errc rc = ask(ctx, "GET", "/llmgw/v1/status", &body, e);
    if (rc == ERR_OK)
        rc = jx_parse(buf_str(&body), &o, e);
    if (rc != ERR_OK)
        return rc;
    write_members(o, "", &lines);
    out_wrap(&text, &lines);
    return say(ctx, buf_str(&body), buf_str(&text).ptr, e);
}

/* --- start and stop --- */

static bool is_running(struct cmd_ctx *ctx)
{
    AUTO(link_close) struct link *l = NULL;
    struct err why = ERR_INIT;
    return link_open(ctx, false, &l, &why) == ERR_OK;
}

/* `did` is the word for it. */
static enum errc start(struct cmd_ctx *ctx, const char *did, struct err *e)
{
    if (is_running(ctx))
        return say_did(ctx, "started", false, "already running", e);
    enum errc rc = link_start(ctx, false, e);
    return rc == ERR_OK ? say_did(ctx, "started", true, did, e) : rc;
}

static enum errc run_start(struct cmd_ctx *ctx, void *opts, const char *const *args,
                           size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    return start(ctx, "started", e);
}

static enum errc run_here(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    return link_run(ctx, e);
}

/* Asks, and waits for the end of what was running. *ret_was tells whether anything was. */
static enum errc stop(struct cmd_ctx *ctx, bool *ret_was, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(TEXT_LEN);
    *ret_was = is_running(ctx);
    if (!*ret_was)
        return ERR_OK;
    enum errc rc = ask(ctx, "POST", "/llmgw/v1/stop", &body, e);
    int64_t until_us = clock_mono_us(ctx->clock) + STOP_WAIT_US;
    while (rc == ERR_OK && !link_has_ended(ctx)) {
        if (clock_mono_us(ctx->clock) >= until_us)
            return err_set(e, ERR_BROKER, "the broker does not stop");
        poll(NULL, 0, STOP_POLL_MS);
    }
    return rc;
}

static enum errc run_stop(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    bool was;
    enum errc rc = stop(ctx, &was, e);
    if (rc != ERR_OK)
        return rc;
    return was ? say_did(ctx, "stopped", true, "stopped", e)
               : say_did(ctx, "stopped", false, "not running", e);
}

static enum errc run_restart(struct cmd_ctx *ctx, void *opts, const char *const *args,
                             size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    bool was;
    enum errc rc = stop(ctx, &was, e);
    return rc == ERR_OK ? start(ctx, was ? "restarted" : "started", e) : rc;
}

static enum errc run_reload(struct cmd_ctx *ctx, void *opts, const char *const *args,
                            size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    AUTO(buf_release) struct buf body = BUF_INIT(TEXT_LEN);
    enum errc rc = ask(ctx, "POST", "/llmgw/v1/reload", &body, e);
    return rc == ERR_OK ? say_did(ctx, "reloaded", true, "reloaded", e) : rc;
}

/* --- as a unit of systemd --- */

/* One that runs already would keep the socket that systemd is to listen on. */
static enum errc run_install(struct cmd_ctx *ctx, void *opts, const char *const *args,
                             size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    bool was;
    enum errc rc = broker_units_link(ctx, e);
    if (rc == ERR_OK)
        rc = stop(ctx, &was, e);
    if (rc == ERR_OK)
        rc = broker_units_enable(e);
    return rc == ERR_OK ? say_did(ctx, "installed", true,
                                  "installed: systemd starts the broker on demand", e)
                        : rc;
}

static enum errc run_uninstall(struct cmd_ctx *ctx, void *opts, const char *const *args,
                               size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    enum errc rc = broker_units_uninstall(e);
    return rc == ERR_OK
               ? say_did(ctx, "installed", false,
                         "uninstalled: llmgw starts the broker itself when it needs it",
                         e)
               : rc;
}

/* --- what it is doing --- */

/* A cell of the object's member, a text; unknown when there is none. */
static void add_text(struct out *out, struct json_object *o, const char *key)
{
    struct str s = jx_str(o, key);
    if (s.len > 0)
        out_text(out, s);
    else
        out_null(out);
}

static enum errc add_requests(struct out *out, struct json_object *all, struct err *e)
{
    static const char *const texts[] = {"request_id", "state",   "route",
                                        "target",     "project", "client"};
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        struct json_object *o = json_object_array_get_idx(all, i);
        int64_t attempts = 0, age_ms = 0;
        if (!jx_i64(o, "attempts", 0, INT32_MAX, &attempts) ||
            !jx_i64(o, "age_ms", 0, INT64_MAX / US_PER_MS, &age_ms))
            return err_set(e, ERR_BROKER, "the broker's list is not understood");
        for (size_t t = 0; t < ARRAY_LEN(texts); t++)
            add_text(out, o, texts[t]);
        out_int(out, attempts);
        out_int(out, jx_bool(o, "stream", false));
        out_int(out, age_ms * US_PER_MS);
        out_row_end(out);
    }
    return ERR_OK;
}

static enum errc run_ps(struct cmd_ctx *ctx, void *opts, const char *const *args,
                        size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    static const struct out_column columns[] = {
        {.name = "request_id", .title = "request", .type = OUT_TEXT, .keep = ULID_LEN},
        {.name = "state", .type = OUT_TEXT},
        {.name = "route", .type = OUT_TEXT, .priority = 2},
        {.name = "target", .type = OUT_TEXT},
        {.name = "project", .type = OUT_TEXT, .priority = 3},
        {.name = "client", .type = OUT_TEXT, .priority = 4},
        {.name = "attempts", .type = OUT_INT, .priority = 1, .right = true},
        {.name = "stream", .type = OUT_BOOL, .priority = 5},
        {.name = "age", .type = OUT_DURATION, .right = true},
    };
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = ask(ctx, "GET", "/llmgw/v1/inflight", &body, e);
    if (rc == ERR_OK)
        rc = jx_parse(buf_str(&body), &o, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_broker), "llmgw.broker.ps/1", columns,
                     ARRAY_LEN(columns), &out, e);
    if (rc == ERR_OK)
        rc = add_requests(out, jx_get(o, "requests"), e);
    if (rc == ERR_OK)
        out_if_empty(out, "no request is under way; llmgw log tells of those that were");
    return rc == ERR_OK ? out_finish(out, e) : rc;
}

static enum errc run_cancel(struct cmd_ctx *ctx, void *opts, const char *const *args,
                            size_t n, struct err *e)
{
    (void)opts;
    (void)n;
    AUTO(buf_release) struct buf body = BUF_INIT(TEXT_LEN);
    AUTO(buf_release) struct buf asked = BUF_INIT(TEXT_LEN);
    struct jw w;
    jw_init(&w, &asked);
    jw_object(&w);
    jw_kstrz(&w, "request_id", args[0]);
    jw_object_end(&w);
    enum errc rc = link_ask(ctx, false, "POST", "/llmgw/v1/cancel", STR_NONE,
                            buf_str(&asked), &body, e);
    return rc == ERR_OK ? say_did(ctx, "cancelled", true, "cancelled", e) : rc;
}

/* --- where its things are --- */

/* Becomes tail(1), which knows all about files that grow and are put aside. */
static enum errc run_logs(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)args;
    (void)n;
    const struct broker_options *o = opts;
    enum errc rc = cmd_formats(ctx, "broker logs", 0, e);
    if (rc != ERR_OK)
        return rc;
    const char *log = conf_path_state(&ctx->arena, cmd_getenv, "broker.log");
    if (access(log, R_OK) != 0)
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                       "%s: %s\nhint: under systemd: journalctl --user -u llmgw", log,
                       strerror(errno));
    const char *lines = arena_printf(&ctx->arena, "-n%" PRId64, o->lines);
    execlp("tail", "tail", lines, o->follow ? "-F" : "--", log, (char *)NULL);
    return err_errno(e, ERR_IO, "tail");
}

static enum errc run_path(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    AUTO(buf_release) struct buf json = BUF_INIT(TEXT_LEN);
    const char *socket = NULL;
    enum errc rc = conf_path_socket(&ctx->arena, ctx->conf, ctx->global.socket,
                                    cmd_getenv, &socket, e);
    if (rc != ERR_OK)
        return rc;
    struct jw w;
    jw_init(&w, &json);
    jw_object(&w);
    jw_kstrz(&w, "schema", "llmgw.broker.path/1");
    jw_kstrz(&w, "socket", socket);
    jw_kstrz(&w, "log", conf_path_state(&ctx->arena, cmd_getenv, "broker.log"));
    jw_kstrz(&w, "db", conf_path_db(&ctx->arena, ctx->conf, cmd_getenv));
    jw_object_end(&w);
    return say(ctx, buf_str(&json), socket, e);
}

/* --- the command --- */

static const struct cmd_sub subs[] = {
    {"status", "", 0, 0, run_status},
    {"run", "", 0, 0, run_here},
    {"start", "", 0, 0, run_start},
    {"stop", "", 0, 0, run_stop},
    {"restart", "", 0, 0, run_restart},
    {"reload", "", 0, 0, run_reload},
    {"ps", "", 0, 0, run_ps},
    {"cancel", "ID", 1, 1, run_cancel},
    {"logs", "", 0, 0, run_logs},
    {"path", "", 0, 0, run_path},
    {"install", "", 0, 0, run_install},
    {"uninstall", "", 0, 0, run_uninstall},
    {.name = NULL},
};

static const struct cmd_example examples[] = {
    {"llmgw broker", "is it running, since when, how busy"},
    {"llmgw broker restart", "after an update of llmgw"},
    {"llmgw broker reload", "read the configuration again, if it is right"},
    {"llmgw broker ps", "which requests are under way, and where"},
    {"llmgw broker logs -n 20", "what it said last"},
    {"llmgw broker install", "let systemd start it on demand"},
    {0},
};

const struct cmd_entry cmd_broker = {
    .name = "broker",
    .args = "[status | run | start | stop | restart | reload | ps | cancel ID | logs | "
            "path | "
            "install | uninstall]",
    .summary = "see, start and stop the broker that all requests go through",
    .options = options,
    .options_size = sizeof(struct broker_options),
    .init = set_defaults,
    .needs = CMD_CONF | CMD_BROKER,
    .formats = 1 << FORMAT_TEXT | 1 << FORMAT_TABLE | 1 << FORMAT_JSON,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .subs = subs,
};
