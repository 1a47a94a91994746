/*
 * broker.c: `llmgw broker`: is it there, start it, stop it, let it read its configuration.
 *
 * Owns no state: everything is asked of the running broker, by requests that never change
 * between versions, so that any llmgw can stop any llmgwd.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"

#include "cmd/link.h"
#include "cmd/out.h"

enum {
    /* a broker lets its streams end for 30 s; then it stops all the same */
    STOP_WAIT_US = 40 * US_PER_S,
    STOP_POLL_MS = 20,
    TEXT_LEN = 64 * 1024,
};

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

/* A line for each member, those of objects as "outer.name"; what says nothing is left out. */
static void write_members(struct json_object *o, const char *prefix, struct buf *out)
{
    struct json_object_iterator it = json_object_iter_begin(o),
                                end = json_object_iter_end(o);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        struct json_object *v = json_object_iter_peek_value(&it);
        const char *name = json_object_iter_peek_name(&it);
        if (json_object_is_type(v, json_type_object)) {
            char inner[LIMIT_NAME_LEN];
            snprintf(inner, sizeof inner, "%s%s.", prefix, name);
            write_members(v, inner, out);
        } else if (says_something(v))
            buf_printf(out, "%s%-*s %s\n", prefix, (int)(26 - MIN(strlen(prefix), 25)),
                       name, json_object_get_string(v));
    }
}

static enum errc run_status(struct cmd_ctx *ctx, void *options, const char *const *args,
                            size_t n, struct err *e)
{
    (void)options;
    (void)args;
    (void)n;
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf text = BUF_INIT(TEXT_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    enum errc rc = ask(ctx, "GET", "/llmgw/v1/status", &body, e);
    if (rc == ERR_OK)
        rc = jx_parse(buf_str(&body), &o, e);
    if (rc != ERR_OK)
        return rc;
    write_members(o, "", &text);
    return say(ctx, buf_str(&body), buf_str(&text).ptr, e);
}

/* --- start and stop --- */

static bool is_running(struct cmd_ctx *ctx)
{
    AUTO(link_close) struct link *l = NULL;
    struct err why = ERR_INIT;
    return link_open(ctx, false, &l, &why) == ERR_OK;
}

static enum errc start(struct cmd_ctx *ctx, struct err *e)
{
    if (is_running(ctx))
        return say(ctx, STR("{\"started\":false}"), "already running", e);
    enum errc rc = link_start(ctx, false, e);
    return rc == ERR_OK ? say(ctx, STR("{\"started\":true}"), "started", e) : rc;
}

static enum errc run_start(struct cmd_ctx *ctx, void *options, const char *const *args,
                           size_t n, struct err *e)
{
    (void)options;
    (void)args;
    (void)n;
    return start(ctx, e);
}

static enum errc run_here(struct cmd_ctx *ctx, void *options, const char *const *args,
                          size_t n, struct err *e)
{
    (void)options;
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

static enum errc run_stop(struct cmd_ctx *ctx, void *options, const char *const *args,
                          size_t n, struct err *e)
{
    (void)options;
    (void)args;
    (void)n;
    bool was;
    enum errc rc = stop(ctx, &was, e);
    if (rc != ERR_OK)
        return rc;
    return was ? say(ctx, STR("{\"stopped\":true}"), "stopped", e)
               : say(ctx, STR("{\"stopped\":false}"), "not running", e);
}

static enum errc run_restart(struct cmd_ctx *ctx, void *options, const char *const *args,
                             size_t n, struct err *e)
{
    (void)options;
    (void)args;
    (void)n;
    bool was;
    enum errc rc = stop(ctx, &was, e);
    return rc == ERR_OK ? start(ctx, e) : rc;
}

static enum errc run_reload(struct cmd_ctx *ctx, void *options, const char *const *args,
                            size_t n, struct err *e)
{
    (void)options;
    (void)args;
    (void)n;
    AUTO(buf_release) struct buf body = BUF_INIT(TEXT_LEN);
    enum errc rc = ask(ctx, "POST", "/llmgw/v1/reload", &body, e);
    return rc == ERR_OK ? say(ctx, buf_str(&body), "reloaded", e) : rc;
}

/* --- the command --- */

static const struct cmd_sub subs[] = {
    {"status", "", 0, 0, run_status},
    {"run", "", 0, 0, run_here},
    {"start", "", 0, 0, run_start},
    {"stop", "", 0, 0, run_stop},
    {"restart", "", 0, 0, run_restart},
    {"reload", "", 0, 0, run_reload},
    {.name = NULL},
};

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    return cmd_run_sub(ctx, subs, options, args, e);
}

static const struct cmd_example examples[] = {
    {"llmgw broker", "is it running, since when, how busy"},
    {"llmgw broker restart", "after an update of llmgw"},
    {"llmgw broker reload", "read the configuration again, if it is right"},
    {0},
};

const struct cmd_entry cmd_broker = {
    .name = "broker",
    .args = "[status|run|start|stop|restart|reload]",
    .summary = "see, start and stop the broker that all requests go through",
    .needs = CMD_CONF | CMD_BROKER,
    .formats = 1 << FORMAT_TEXT | 1 << FORMAT_JSON,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .run = run,
};
