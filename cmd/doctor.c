/*
 * doctor.c: `llmgw doctor`: is everything in its place? Looks, changes nothing, asks nobody but
 * the broker that runs and model servers on this machine, starts no broker. Each check says what it
 * found; what is wrong comes with what to do.
 */
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/db.h"
#include "core/jsonx.h"
#include "core/spoolfile.h"

#include "cmd/cost.h"
#include "cmd/key_source.h"
#include "cmd/link.h"
#include "cmd/locals.h"
#include "cmd/out.h"
#include "cmd/shell.h"
#include "cmd/stale.h"

enum { OLD_CATALOG_DAYS = 90 };

struct doctor_options {
    bool report;
};

#define AT(field) .offset = offsetof(struct doctor_options, field)

static const struct option_row options[] = {
    {0, "report", OPT_FLAG, AT(report),
     .help = "for a bug report: also versions and settings, without what is private"},
    {0},
};

#undef AT

enum state { OK, WARN, BAD };

struct doctor {
    struct cmd_ctx *ctx;
    struct out *out;
    bool for_others; /* what is quoted stays here */
    size_t n_bad;
};

/* The text with what stands in quotes left out: messages quote what the user wrote. */
static void without_quotes(struct str text, struct buf *out)
{
    struct str part;
    for (bool is_quoted = false; str_split(&text, '"', &part); is_quoted = !is_quoted)
        if (is_quoted)
            buf_addz(out, "\"…\"");
        else
            buf_adds(out, part);
}

static void say(struct doctor *d, const char *check, enum state state, const char *fmt,
                ...) PRINTF(4, 5);

/* A row. A text may end in "\nhint: what to do". */
static void say(struct doctor *d, const char *check, enum state state, const char *fmt,
                ...)
{
    static const char *const names[] = {"ok", "warning", "problem"};
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_ERR_TEXT);
    AUTO(buf_release) struct buf safe = BUF_INIT(4 * LIMIT_ERR_TEXT);
    AUTO(buf_release) struct buf safer = BUF_INIT(4 * LIMIT_ERR_TEXT);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    if (d->for_others) { /* before the columns get their widths */
        out_without_home(&safe, buf_str(&text));
        without_quotes(buf_str(&safe), &safer);
    }
    struct str all = buf_str(d->for_others ? &safer : &text), hint = STR("\nhint: ");
    size_t at = str_search(all, hint);
    out_textz(d->out, check);
    out_textz(d->out, names[state]);
    out_text(d->out, str_sub(all, 0, at));
    out_text(d->out, at < all.len ? str_sub(all, at + hint.len, all.len) : STR_NONE);
    out_row_end(d->out);
    d->n_bad += state == BAD;
}

/* ---- files ---- */

static void check_config(struct doctor *d)
{
    AUTO(buf_release) struct buf problems = BUF_INIT(1024 * 1024);
    AUTO(conf_free) struct conf *conf = NULL;
    struct err e = ERR_INIT;
    struct conf_source src;
    struct stat st;
    const char *path = cmd_conf_path(d->ctx);
    enum errc rc = cmd_conf_source(d->ctx, &src, &e);
    src.is_partial = d->ctx->catalog_err.code != ERR_OK;
    if (rc == ERR_OK)
        rc = conf_load(&src, d->ctx->catalog, &conf, &problems, &e);
    if (rc != ERR_OK)
        say(d, "configuration", BAD, "%s", e.text);
    else if (stat(path, &st) != 0)
        say(d, "configuration", OK, "no file: providers by keys in the environment");
    else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        say(d, "configuration", BAD,
            "%s can be changed by others: it may run commands as you\nhint: chmod go-w "
            "%s",
            path, path);
    else if (conf->n_unjudged > 0)
        say(d, "configuration", WARN,
            "%s: not all names can be checked without a catalog", path);
    else
        say(d, "configuration", OK, "%s", path);
    for (size_t i = 0; conf != NULL && i < conf->n_warnings; i++)
        say(d, "configuration", WARN, "%s", conf->warnings[i]);
}

/* What a file of keys lets others do. */
static void check_key_file(struct doctor *d, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        say(d, "keys", BAD, "%s can be read by others\nhint: chmod 600 %s", path, path);
}

/* The keys as the broker that runs has them: [{"provider", "key"}]; NULL: none runs. */
static struct json_object *ask_broker_keys(struct doctor *d)
{
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    struct err ignored = ERR_INIT;
    if (link_ask(d->ctx, false, "GET", "/llmgw/v1/targets", STR_NONE, STR_NONE, &answer,
                 &ignored) != ERR_OK ||
        jx_parse(buf_str(&answer), &o, &ignored) != ERR_OK)
        return NULL;
    return json_object_get(jx_arr(o, "keys"));
}

/* "ok", "none needed", "benched", or "missing": also when it does not know the provider. */
static struct str broker_key(struct json_object *keys, const char *provider)
{
    for (size_t i = 0; i < json_object_array_length(keys); i++) {
        struct json_object *one = json_object_array_get_idx(keys, i);
        if (str_eqz(jx_str(one, "provider"), provider))
            return jx_str(one, "key");
    }
    return STR("missing");
}

static bool has_command(const struct conf_provider *p)
{
    for (size_t k = 0; k < p->n_keys; k++)
        if (p->keys[k].source == CONF_KEY_CMD)
            return true;
    return false;
}

/* Is there a key in a variable? Then llmgw sends it along with what it asks itself. */
static bool has_spare_key(const struct conf_provider *p)
{
    for (size_t k = 0; k < p->n_keys; k++)
        if (p->keys[k].source == CONF_KEY_ENV && key_look(&p->keys[k], NULL) == KEY_THERE)
            return true;
    return false;
}

/* Programs of others send no keys of ours. */
static bool has_others(const struct conf *c)
{
    return c->broker.listen != NULL || c->n_clients > 0;
}

/* The broker asks with its keys, and with ours only for what we ask it ourselves. */
static void check_provider(struct doctor *d, const struct conf_provider *p,
                           struct json_object *broker_keys)
{
    bool is_known = broker_keys != NULL && !has_command(p);
    struct str state = is_known ? broker_key(broker_keys, p->name) : STR("");
    bool is_there = key_can_ask(p);
    if (str_eqz(state, "benched"))
        say(d, "keys", WARN,
            "%s: its key was not accepted, or its quota is used up\nhint: llmgw keys "
            "test %s",
            p->name, p->name);
    else if (str_eqz(state, "missing") && has_spare_key(p) && !has_others(d->ctx->conf))
        say(d, "keys", OK, "%s, llmgw sends the key of this shell along", p->name);
    else if (is_there && str_eqz(state, "missing"))
        say(d, "keys", WARN,
            "%s: this shell has a key, the broker that runs has none\n"
            "hint: llmgw broker restart, or llmgw keys set %s",
            p->name, p->name);
    else if (!is_there && (!is_known || str_eqz(state, "missing")))
        say(d, "keys", WARN, "%s has none: %s\nhint: llmgw keys set %s", p->name,
            p->n_keys > 0 ? p->keys[0].value : "nothing is configured", p->name);
    else
        say(d, "keys", OK, "%s%s", p->name,
            !is_there        ? ", the broker has it"
            : p->n_keys == 0 ? " needs none"
            : p->n_keys > 1  ? " has several"
                             : "");
}

/* Providers that only the broker's environment has brought in. */
static size_t check_others(struct doctor *d, struct json_object *broker_keys)
{
    size_t n = 0;
    for (size_t i = 0; i < json_object_array_length(broker_keys); i++) {
        struct str name = jx_str(json_object_array_get_idx(broker_keys, i), "provider");
        if (conf_is_in_use(d->ctx->conf, name))
            continue;
        say(d, "keys", OK, "%.*s, the broker has it", STR_ARG(name));
        n++;
    }
    return n;
}

static void check_keys(struct doctor *d, bool has_locals)
{
    AUTO(jx_put) struct json_object *broker_keys = ask_broker_keys(d);
    const struct conf *c = d->ctx->conf;
    size_t n = c->n_providers;
    for (size_t i = 0; i < c->n_providers; i++) {
        const struct conf_provider *p = &c->providers[i];
        for (size_t k = 0; k < p->n_keys; k++)
            if (p->keys[k].source == CONF_KEY_FILE)
                check_key_file(d, p->keys[k].value);
        check_provider(d, p, broker_keys);
    }
    if (broker_keys != NULL)
        n += check_others(d, broker_keys);
    if (c->client_key_env != NULL)
        say(d, "keys", WARN,
            "%s is a key of the broker's own clients, as llmgw env sets it: no provider "
            "is sent it\nhint: llmgw keys set keeps a provider's apart",
            c->client_key_env);
    if (n == 0 && !has_locals)
        say(d, "keys", BAD,
            "no provider is in use\nhint: llmgw keys set openai, or set OPENAI_API_KEY");
}

/* How many answer. */
static size_t check_locals(struct doctor *d)
{
    struct local_server servers[LOCALS_MAX];
    size_t n = locals_find(d->ctx, servers);
    for (size_t i = 0; i < n; i++) {
        const struct local_server *s = &servers[i];
        const char *first = locals_first(d->ctx, s, 1);
        say(d, "local server", OK, "%s at %s has %zu model%s%s%s", s->provider->name,
            s->provider->base_url, s->n_models, s->n_models == 1 ? "" : "s",
            first != NULL ? "\nhint: llmgw chat -m " : "", first != NULL ? first : "");
    }
    return n;
}

/* Can a broker that is started reserve the room without which it promises nothing? */
static void check_room(struct doctor *d, const char *db)
{
    AUTO(buf_release) struct buf place = BUF_INIT(8192);
    struct stat st;
    struct statvfs fs;
    buf_printf(&place, "%s.spool", db);
    if (buf_err(&place) != ERR_OK ||
        (stat(place.data, &st) == 0 && (int64_t)st.st_blocks * 512 >= SPOOL_SIZE_MIN))
        return;
    /* where it would be made: the nearest folder that is there */
    size_t len = place.len;
    while (len > 1 && statvfs(place.data, &fs) != 0) {
        while (len > 1 && place.data[len - 1] != '/')
            len--;
        len -= len > 1;
        place.data[len] = '\0';
    }
    if (len > 1 && (uint64_t)fs.f_bavail * fs.f_frsize < SPOOL_SIZE_MIN)
        say(d, "ledger", BAD, "%s: no room for the %d MiB that a broker begins with",
            place.data, SPOOL_SIZE_MIN / 1024 / 1024);
}

static void check_ledger(struct doctor *d)
{
    AUTO(db_close) struct db *db = NULL;
    struct err e = ERR_INIT;
    struct stat st;
    int64_t n = 0;
    const char *path = conf_path_db(&d->ctx->arena, d->ctx->conf, cmd_getenv);
    enum errc rc = db_open(path, DB_READ, &db, &e);
    if (rc == ERR_NOT_FOUND)
        say(d, "ledger", OK, "%s: nothing is recorded yet", path);
    else if (rc != ERR_OK)
        say(d, "ledger", BAD, "%s", e.text);
    else if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        say(d, "ledger", BAD, "%s can be read by others\nhint: chmod 600 %s", path, path);
    else
        say(d, "ledger", OK, "%s", path);
    check_room(d, path);
    if (db != NULL && cost_waiting(d->ctx, db, &n, &e) == ERR_OK && n > 0)
        say(d, "ledger", WARN,
            "%lld requests wait in the spool\nhint: llmgw broker start writes them",
            (long long)n);
}

/* ---- the broker ---- */

static void check_broker_config(struct doctor *d, struct json_object *status)
{
    switch (stale_conf(d->ctx, status)) {
    case STALE_NOT:
    case STALE_OTHER: /* a service may have its own */
        return;
    case STALE_UNREAD:
        say(d, "broker", WARN,
            "%s was changed after the broker read it\nhint: llmgw broker reload",
            cmd_conf_path(d->ctx));
        return;
    case STALE_REFUSED:
        say(d, "broker", BAD,
            "it keeps an older configuration: %.*s\nhint: llmgw config check",
            STR_ARG(jx_str(status, "config_error")));
        return;
    }
}

static void check_broker(struct doctor *d)
{
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    struct err e = ERR_INIT;
    enum errc rc = link_ask(d->ctx, false, "GET", "/llmgw/v1/status", STR_NONE, STR_NONE,
                            &answer, &e);
    if (rc != ERR_OK) {
        say(d, "broker", OK, "none runs; it starts when it is needed");
        return;
    }
    if (jx_parse(buf_str(&answer), &o, &e) != ERR_OK) {
        say(d, "broker", BAD, "what answers is no broker of ours: %s", e.text);
        return;
    }
    struct str version = jx_str(o, "version");
    if (!str_eqz(version, PACKAGE_VERSION))
        say(d, "broker", WARN, "it is %.*s, this is %s\nhint: llmgw broker restart",
            STR_ARG(version), PACKAGE_VERSION);
    else
        say(d, "broker", OK, "%.*s runs", STR_ARG(version));
    check_broker_config(d, o);
    struct json_object *ledger = jx_obj(o, "ledger");
    struct str trouble = jx_str(ledger, "trouble");
    if (ledger != NULL && trouble.len > 0)
        say(d, "broker", BAD, "it cannot write the ledger: %.*s", STR_ARG(trouble));
}

static void check_socket(struct doctor *d)
{
    const char *path = NULL;
    struct err e = ERR_INIT;
    if (conf_path_socket(&d->ctx->arena, d->ctx->conf, d->ctx->global.socket, cmd_getenv,
                         &path, &e) != ERR_OK)
        say(d, "socket", BAD, "%s", e.text);
    else
        say(d, "socket", OK, "%s", path);
}

/* ---- the machine ---- */

static void check_clock(struct doctor *d)
{
    if (d->ctx->catalog_err.code != ERR_OK) {
        say(d, "prices", BAD, "%s", d->ctx->catalog_err.text);
        return;
    }
    int64_t now_us = clock_wall_us(d->ctx->clock), made_us;
    struct err e = ERR_INIT;
    const char *date = catalog_date(d->ctx->catalog);
    const char *text = arena_printf(&d->ctx->arena, "%sT00:00:00Z", date);
    if (clock_parse_rfc3339(str_of(text), &made_us, &e) != ERR_OK)
        say(d, "prices", BAD, "the catalog has no date: %s", date);
    else if (now_us < made_us - US_PER_DAY)
        say(d, "clock", BAD, "it is before %s, when the catalog was made\nhint: set it",
            date);
    else if (now_us > made_us + OLD_CATALOG_DAYS * US_PER_DAY)
        say(d, "prices", WARN, "the catalog is of %s\nhint: install a newer llmgw", date);
    else
        say(d, "prices", OK, "the catalog is of %s", date);
}

static void check_locale(struct doctor *d)
{
    const char *charset = nl_langinfo(CODESET);
    if (out_is_utf8())
        say(d, "locale", OK, "%s", charset);
    else
        say(d, "locale", WARN, "%s: tables are drawn in ASCII\nhint: LC_ALL=C.UTF-8",
            charset);
}

/* "%" ends a command of a crontab unless there is a backslash before it. Source: crontab(5). */
static bool has_bare_percent(struct str line)
{
    size_t at = str_search(line, STR("llmgw"));
    for (size_t i = at + 1; i < line.len; i++)
        if (line.ptr[i] == '%' && line.ptr[i - 1] != '\\')
            return true;
    return false;
}

static void check_cron(struct doctor *d)
{
    AUTO(buf_release) struct buf table = BUF_INIT(LIMIT_CONF_LEN);
    struct err e = ERR_INIT;
    int status = 0;
    if (shell_run("crontab -l 2>/dev/null", STR_NONE, &table, &status, &e) != ERR_OK ||
        status != 0)
        return;
    struct str rest = buf_str(&table), line;
    for (int n = 1; str_split(&rest, '\n', &line); n++)
        if (!str_starts(str_trim(line), STR("#")) && has_bare_percent(line))
            say(d, "cron", BAD,
                "line %d of crontab: a %% behind llmgw ends the command\n"
                "hint: write a fraction, as 0.8, or \\%%",
                n);
}

/* ---- the report ---- */

/* Settings whose value tells nothing of a person. */
static bool is_public(const struct conf_key *k)
{
    if (k == NULL)
        return false;
    switch (k->type) {
    case CONF_CHOICE:
    case CONF_ENUM:
    case CONF_CAPS:
    case CONF_BOOL:
    case CONF_INT:
    case CONF_SIZE:
    case CONF_DURATION:
    case CONF_FRACTION:
    case CONF_RATE:
        return true;
    case CONF_STRING:
    case CONF_MONEY:
    case CONF_MODEL:
    case CONF_ROUTE:
    case CONF_PROVIDER:
    case CONF_CLIENT:
    case CONF_TARGET:
    case CONF_SPEND:
    case CONF_BUDGET:
    case CONF_HEADER:
    case CONF_SECRET:
    case CONF_URL:
    case CONF_ADDRESS:
    case CONF_PATH:
    case CONF_HASH:
    case CONF_ALIAS:
    case CONF_PRICE:
        break;
    }
    return false;
}

/* Names that the user gave are left out. */
static void add_settings(struct cmd_ctx *ctx, struct buf *out)
{
    const struct conf *c = ctx->conf;
    for (size_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        const struct conf_key *k = conf_key(str_of(v->section), str_of(v->key));
        if (!v->in_force)
            continue;
        buf_printf(out, "%s%s.%s = %s\n", v->section, v->sub != NULL ? ".*" : "",
                   k != NULL && k->key != NULL ? v->key : "*",
                   is_public(k) ? v->value ? v->value : "true" : "(set)");
    }
}

static enum errc print_report(struct doctor *d, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf safe = BUF_INIT(LIMIT_REPLY_LEN);
    cmd_version_text(d->ctx, true, &text);
    buf_addc(&text, '\n');
    enum errc rc = out_render(d->out, &text, e);
    buf_addz(&text, "\nsettings:\n");
    add_settings(d->ctx, &text);
    out_without_home(&safe, buf_str(&text));
    return rc == ERR_OK ? out_write(d->ctx, buf_str(&safe), e) : rc;
}

/* ---- the command ---- */

static const struct out_column columns[] = {
    {.name = "check", .type = OUT_TEXT},
    {.name = "state", .type = OUT_TEXT},
    {.name = "what", .type = OUT_TEXT, .flows = true},
    {.name = "hint", .type = OUT_TEXT, .flows = true},
};

static enum errc run(struct cmd_ctx *ctx, void *opts, const struct opt_args *args,
                     struct err *e)
{
    const struct doctor_options *o = opts;
    AUTO(out_free) struct out *out = NULL;
    (void)args; /* main lets none through */
    if (o->report && cmd_formats(ctx, "doctor --report", 1 << FORMAT_TABLE, e) != ERR_OK)
        return e->code;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_doctor), "llmgw.doctor/1", columns,
                           ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    struct doctor d = {.ctx = ctx, .out = out, .for_others = o->report};
    check_config(&d);
    check_keys(&d, check_locals(&d) > 0);
    check_socket(&d);
    check_broker(&d);
    check_ledger(&d);
    check_clock(&d);
    check_locale(&d);
    check_cron(&d);
    rc = o->report ? print_report(&d, e) : out_finish(out, e);
    if (rc == ERR_OK && d.n_bad > 0)
        return err_set(e, ERR_CHECK, "%zu problem%s", d.n_bad, d.n_bad == 1 ? "" : "s");
    return rc;
}

static const struct cmd_example examples[] = {
    {"llmgw doctor", "what is wrong, and what to do"},
    {"llmgw doctor --report >report.txt", "for a bug report; read it before you send it"},
    {0},
};

const struct cmd_entry cmd_doctor = {
    .name = "doctor",
    .args = "",
    .summary = "is everything in its place? looks, and changes nothing",
    .options = options,
    .options_size = sizeof(struct doctor_options),
    .needs = CMD_CONF,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .run = run,
};
