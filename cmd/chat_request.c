/*
 * chat_request.c: see chat_request.h. Owns the OpenAI request body and the x-llmgw- headers.
 *
 * Source: OpenAI API reference, chat completions (2026-11); llmgw-protocol(7), headers.
 */
#include "cmd/chat_request.h"

#include <stdio.h>
#include <string.h>

#include "core/http1.h"
#include "core/jscan.h"
#include "core/jsonx.h"
#include "core/num.h"

#include "cmd/key_source.h"
#include "cmd/shape.h"

/* --- checks --- */

static const char *const own_fields[] = {"model", "messages", "stream", "stream_options"};

static enum errc check_option(const char *item, struct err *e)
{
    struct str rest = str_of(item), key;
    str_split(&rest, '=', &key);
    if (key.len == 0 || rest.ptr == NULL)
        return err_set(e, ERR_USAGE, "-O %s: not KEY=VALUE", item);
    for (size_t i = 0; i < ARRAY_LEN(own_fields); i++)
        if (str_eqz(key, own_fields[i]))
            return err_set(e, ERR_USAGE, "-O %s: chat sets that field itself",
                           own_fields[i]);
    return ERR_OK;
}

/* Does -O set that field, as of item `from` on? */
static bool says(const struct chat_options *o, size_t from, struct str key)
{
    for (size_t i = from; i < o->options.n; i++) {
        struct str rest = str_of(o->options.items[i]), other;
        str_split(&rest, '=', &other);
        if (str_eq(key, other))
            return true;
    }
    return false;
}

enum errc chat_check(const struct chat_options *o, struct err *e)
{
    int64_t v;
    if (o->temperature != NULL &&
        num_decimal(str_of(o->temperature), 9, false, true, &v) != ERR_OK)
        return err_set(e, ERR_USAGE, "--temperature %s: no number", o->temperature);
    if (o->seed != NULL && num_i64(str_of(o->seed), INT64_MIN, INT64_MAX, &v) != ERR_OK)
        return err_set(e, ERR_USAGE, "--seed %s: no integer", o->seed);
    if (o->want_stdin && o->no_stdin)
        return err_set(e, ERR_USAGE, "--stdin and --no-stdin exclude each other");
    if (o->log && o->no_log)
        return err_set(e, ERR_USAGE, "--log and --no-log exclude each other");
    if (o->no_fallback && o->fallback.n > 0)
        return err_set(e, ERR_USAGE, "--fallback and --no-fallback exclude each other");
    if (o->extract && o->extract_last)
        return err_set(e, ERR_USAGE, "-x and --xl exclude each other");
    if (o->schema != NULL && (o->extract || o->extract_last))
        return err_set(e, ERR_USAGE, "--schema and -x exclude each other");
    if (o->schema != NULL && says(o, 0, STR("response_format")))
        return err_set(e, ERR_USAGE, "--schema sets response_format itself");
    if (o->template_name == NULL && o->params.n > 0)
        return err_set(e, ERR_USAGE, "-p is for the template that -t names");
    if (o->save != NULL && (o->template_name != NULL || o->cont || o->cid != NULL ||
                            o->fork != NULL || o->files.n > 0 || o->attach.n > 0))
        return err_set(e, ERR_USAGE,
                       "--save keeps options and words: not -t, -c, --cid, "
                       "--fork, -f or -a");
    if (o->interactive && o->dry_run)
        return err_set(e, ERR_USAGE, "-i and --dry-run exclude each other");
    if (o->name != NULL && (o->cont || o->cid != NULL))
        return err_set(e, ERR_USAGE,
                       "--name begins a conversation, -c and --cid go on with one");
    if (o->cont + (o->cid != NULL) + (o->fork != NULL) > 1)
        return err_set(e, ERR_USAGE, "-c, --cid and --fork exclude each other");
    for (size_t i = 0; i < o->options.n; i++)
        if (check_option(o->options.items[i], e) != ERR_OK)
            return e->code;
    for (size_t i = 0; i < o->tags.n; i++)
        if (strchr(o->tags.items[i], '=') == NULL || o->tags.items[i][0] == '=')
            return err_set(e, ERR_USAGE, "--tag %s: not KEY=VALUE", o->tags.items[i]);
    return ERR_OK;
}

/* --- body --- */

void chat_choose(const struct cmd_ctx *ctx, const struct chat_options *o,
                 const struct chat_turn *turn, const char **ret_model,
                 const char **ret_route)
{
    const struct conf *c = ctx->conf;
    const struct {
        const char *model, *route;
    } rows[] = {
        {o->model, o->route},
        {turn->model, turn->route},
        {c == NULL ? NULL : c->chat.model, c == NULL ? NULL : c->chat.route},
        {c == NULL ? NULL : c->core.default_model,
         c == NULL ? NULL : c->core.default_route},
        {"default", NULL},
    };
    size_t i = 0;
    while (rows[i].model == NULL && rows[i].route == NULL)
        i++;
    *ret_route = rows[i].route;
    *ret_model = rows[i].model != NULL ? rows[i].model : rows[i].route;
}

static void write_option(struct jw *w, const char *item)
{
    struct str value = str_of(item), key;
    struct err why = ERR_INIT;
    str_split(&value, '=', &key);
    jw_key_str(w, key);
    if (jscan_check(value, &why) == ERR_OK)
        jw_raw(w, value);
    else
        jw_str(w, value);
}

/* The last of those with the same key. */
static void write_options(const struct chat_options *o, struct jw *w)
{
    for (size_t i = 0; i < o->options.n; i++) {
        struct str rest = str_of(o->options.items[i]), key;
        str_split(&rest, '=', &key);
        if (!says(o, i + 1, key))
            write_option(w, o->options.items[i]);
    }
}

static void write_number(const struct chat_options *o, struct jw *w, const char *key,
                         const char *digits)
{
    if (digits == NULL || says(o, 0, str_of(key)))
        return;
    jw_key(w, key);
    jw_raw(w, str_of(digits));
}

static void write_body(const struct chat_options *o, const struct chat_turn *turn,
                       const char *model, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "model", model);
    jw_key(&w, "messages");
    jw_array(&w);
    jw_raw(&w, str_sub(turn->messages, 0, turn->messages.len - 1));
    jw_array_end(&w);
    jw_kbool(&w, "stream", true);
    jw_key(&w, "stream_options");
    jw_object(&w);
    jw_kbool(&w, "include_usage", true);
    jw_object_end(&w);
    write_number(o, &w, "temperature", o->temperature);
    write_number(o, &w, "seed", o->seed);
    if (o->max_tok >= 0 && !says(o, 0, STR("max_completion_tokens")))
        jw_ki64(&w, "max_completion_tokens", o->max_tok);
    if (o->effort != NULL && !says(o, 0, STR("reasoning_effort")))
        jw_kstrz(&w, "reasoning_effort", o->effort);
    if (o->tier != NULL &&
        !says(o, 0, STR("service_tier"))) /* "priority" by most names */
        jw_kstrz(&w, "service_tier", strcmp(o->tier, "fast") == 0 ? "priority" : o->tier);
    if (turn->shape != NULL && !turn->is_told_shape)
        shape_write_format(turn->shape, &w);
    write_options(o, &w);
    jw_object_end(&w);
}

/* --- headers --- */

static void add(struct buf *out, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        http1_write_header(out, name, str_of(value));
}

static void add_ms(struct buf *out, const char *name, int64_t us)
{
    if (us > 0)
        http1_printf_header(out, name, "%lld",
                            (long long)((us + US_PER_MS - 1) / US_PER_MS));
}

static void add_tags(const struct cmd_ctx *ctx, const struct chat_options *o,
                     struct buf *out)
{
    for (size_t i = 0; i < o->tags.n; i++)
        add(out, "x-llmgw-tag", o->tags.items[i]);
    if (o->tags.n > 0 || ctx->conf == NULL)
        return;
    for (size_t i = 0; i < ctx->conf->chat.n_tags; i++)
        http1_printf_header(out, "x-llmgw-tag", "%s=%s", ctx->conf->chat.tags[i].name,
                            ctx->conf->chat.tags[i].value);
}

/* What the turn has not spent yet of what it may. */
static void add_max_cost(const struct cmd_ctx *ctx, const struct chat_options *o,
                         const struct chat_turn *turn, struct buf *out)
{
    char text[MONEY_TEXT_LEN];
    pico cap = o->max_cost;
    if (cap == PICO_UNKNOWN && ctx->conf != NULL)
        cap = ctx->conf->chat.max_cost_pico;
    if (cap == PICO_UNKNOWN)
        return;
    if (turn->spent != PICO_UNKNOWN)
        cap = MAX(cap - turn->spent, 0);
    money_exact(text, cap);
    add(out, "x-llmgw-max-cost", text);
}

/* People want to go on with what they said: unlike other clients, chat records in full. */
static const char *record_level(const struct cmd_ctx *ctx, const struct chat_options *o)
{
    static const char *const words[] = {
        [CONF_RECORD_UNSET] = "full",
        [CONF_RECORD_FULL] = "full",
        [CONF_RECORD_META] = "meta",
        [CONF_RECORD_OFF] = "off",
    };
    if (o->no_log)
        return "off";
    return o->log || ctx->conf == NULL ? "full" : words[ctx->conf->core.record];
}

static void write_headers(const struct cmd_ctx *ctx, const struct chat_options *o,
                          const struct chat_turn *turn, const char *route,
                          struct buf *out)
{
    const char *project = o->project;
    if (project == NULL && ctx->conf != NULL)
        project = ctx->conf->chat.project;
    add(out, "x-llmgw-events", "1");
    add(out, "x-llmgw-stream",
        o->no_stream || turn->shape != NULL ? "hold"
        : turn->may_restart                 ? "restart"
                                            : "live");
    add(out, "x-llmgw-record", record_level(ctx, o));
    add(out, "x-llmgw-route", route);
    if (o->no_fallback)
        add(out, "x-llmgw-no-fallback", "1");
    for (size_t i = 0; i < o->fallback.n; i++)
        add(out, "x-llmgw-fallback", o->fallback.items[i]);
    add_ms(out, "x-llmgw-timeout-ms", o->timeout_us);
    add_ms(out, "x-llmgw-ttft-timeout-ms", o->ttft_us);
    add_max_cost(ctx, o, turn, out);
    add(out, "x-llmgw-template", o->template_id);
    add(out, "x-llmgw-project", project);
    add_tags(ctx, o, out);
    add(out, "x-llmgw-conversation", turn->conversation);
    add(out, "x-llmgw-conversation-name", turn->name);
    add(out, "x-llmgw-parent", turn->parent);
    if (ctx->conf != NULL)
        key_headers(ctx->conf, out);
}

enum errc chat_request(struct cmd_ctx *ctx, const struct chat_options *o,
                       const struct chat_turn *turn, struct buf *body,
                       struct buf *headers, struct err *e)
{
    const char *model, *route;
    chat_choose(ctx, o, turn, &model, &route);
    write_body(o, turn, model, body);
    write_headers(ctx, o, turn, route, headers);
    if (buf_err(body) != ERR_OK)
        return err_set(e, buf_err(body), "the request is larger than %d bytes",
                       LIMIT_BODY_LEN);
    if (buf_err(headers) != ERR_OK)
        return err_set(e, buf_err(headers),
                       "too many tags and other names for one request");
    return ERR_OK;
}
