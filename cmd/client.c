/*
 * client.c: `llmgw client`: keys of those who come over TCP. A key is made here, shown once,
 * and only its hash is kept.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/envkey.h"
#include "core/mem.h"
#include "core/sha256.h"

#include "cmd/cmd.h"
#include "cmd/link.h"
#include "cmd/out.h"

struct client_options {
    const char *project, *route;
};

#define AT(field) .offset = offsetof(struct client_options, field)

static const struct option_row options[] = {
    {'P', "project", OPT_STRING, AT(project), .arg = "NAME", .with = "add",
     .help = "the project that its requests belong to"},
    {'r', "route", OPT_STRING, AT(route), .arg = "NAME", .complete = OPT_C_ROUTE,
     .with = "add",
     .help = "the route of its requests that name neither route nor model"},
    {0},
};

#undef AT

/* Nothing to escape anywhere. */
enum { KEY_LEN = sizeof ENVKEY_CLIENT_PREFIX - 1 + 2 * (size_t)ENVKEY_CLIENT_RANDOM_LEN };

static enum errc make_key(char out[KEY_LEN + 1], struct err *e)
{
    unsigned char bytes[ENVKEY_CLIENT_RANDOM_LEN];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_errno(e, ERR_INTERNAL, "random numbers");
    int at = snprintf(out, KEY_LEN + 1, ENVKEY_CLIENT_PREFIX);
    for (size_t i = 0; i < sizeof bytes; i++)
        at += snprintf(out + at, KEY_LEN + 1 - (size_t)at, "%02x", bytes[i]);
    mem_wipe(bytes, sizeof bytes);
    return ERR_OK;
}

/* The text with one more setting of the client; *text is replaced. */
static enum errc put(struct cmd_ctx *ctx, struct buf *text, const char *name,
                     const char *key, const char *value, struct err *e)
{
    if (value == NULL)
        return ERR_OK;
    return cmd_conf_put(text, arena_printf(&ctx->arena, "client.%s.%s", name, key), value,
                        false, e);
}

/* Is there a section of that name in the text? */
static bool exists(const struct conf_text *t, const char *name)
{
    size_t n;
    const struct conf_entry *x = conf_text_entries(t, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(x[i].section, "client") == 0 && x[i].sub != NULL &&
            strcmp(x[i].sub, name) == 0)
            return true;
    return false;
}

/* A word, so that reports and other commands can name it without quotes. */
static enum errc check_name(const char *name, struct err *e)
{
    struct str s = str_of(name);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
            return err_set(e, ERR_USAGE,
                           "\"%s\" has a blank in it, and a client's name has none",
                           name);
    if (s.len == 0 || s.len > LIMIT_NAME_LEN)
        return err_set(e, ERR_USAGE, "a client's name has from 1 to %d bytes",
                       LIMIT_NAME_LEN);
    return ERR_OK;
}

static enum errc add_client(struct cmd_ctx *ctx, const struct client_options *o,
                            const char *name, const char *hash, struct err *e)
{
    AUTO(conf_text_free) struct conf_text *t = NULL;
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_CONF_LEN);
    const char *path = NULL;
    enum errc rc = cmd_conf_open(ctx, &path, &t, e);
    if (rc == ERR_OK && exists(t, name))
        rc = err_set(e, ERR_USAGE, "client \"%s\" exists\nhint: llmgw client rm %s", name,
                     name);
    if (rc != ERR_OK)
        return rc;
    buf_adds(&text, conf_text_str(t));
    rc = put(ctx, &text, name, "key-hash", hash, e);
    if (rc == ERR_OK)
        rc = put(ctx, &text, name, "project", o->project, e);
    if (rc == ERR_OK)
        rc = put(ctx, &text, name, "route", o->route, e);
    if (rc == ERR_OK)
        rc = cmd_conf_save(ctx, path, buf_str(&text), e);
    if (rc == ERR_OK)
        link_reload(ctx);
    return rc;
}

/* The key as a line, or in an object. */
static enum errc print_key(struct cmd_ctx *ctx, const char *name, struct str key,
                           struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(KEY_LEN + 6 * LIMIT_NAME_LEN + 256);
    if (cmd_format(ctx, &cmd_client) == FORMAT_JSON) {
        struct jw w;
        jw_init(&w, &text);
        jw_object(&w);
        jw_kstrz(&w, "schema", "llmgw.client.add/1");
        jw_kstrz(&w, "client", name);
        jw_kstr(&w, "key", key);
        jw_object_end(&w);
    } else
        buf_adds(&text, key);
    buf_addc(&text, '\n');
    enum errc rc = buf_err(&text) == ERR_OK ? out_write(ctx, buf_str(&text), e)
                                            : err_set(e, buf_err(&text), "out of memory");
    mem_wipe(text.data, text.len);
    return rc;
}

static enum errc run_add(struct cmd_ctx *ctx, void *opts, const char *const *args,
                         size_t n, struct err *e)
{
    (void)n;
    char key[KEY_LEN + 1], hex[SHA256_HEX_LEN + 1];
    enum errc rc =
        cmd_formats(ctx, "client add", 1 << FORMAT_TABLE | 1 << FORMAT_JSON, e);
    if (rc == ERR_OK)
        rc = check_name(args[0], e);
    if (rc == ERR_OK)
        rc = make_key(key, e);
    if (rc != ERR_OK)
        return rc;
    sha256_hex((struct str){key, KEY_LEN}, hex);
    rc = add_client(ctx, opts, args[0], arena_printf(&ctx->arena, "sha256:%s", hex), e);
    if (rc == ERR_OK) {
        rc = print_key(ctx, args[0], (struct str){key, KEY_LEN}, e);
        cmd_note(ctx, "this is the only time the key is shown");
    }
    mem_wipe(key, sizeof key);
    return rc;
}

static enum errc run_rm(struct cmd_ctx *ctx, void *opts, const char *const *args,
                        size_t n, struct err *e)
{
    (void)opts;
    (void)n;
    AUTO(conf_text_free) struct conf_text *t = NULL;
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_CONF_LEN);
    const char *path = NULL;
    enum errc rc = cmd_conf_open(ctx, &path, &t, e);
    if (rc == ERR_OK && !exists(t, args[0]))
        rc = err_set(e, ERR_NOT_FOUND, "no client \"%s\" in %s", args[0], path);
    if (rc == ERR_OK)
        rc = conf_text_drop(t, "client", args[0], &text, e);
    if (rc == ERR_OK)
        rc = cmd_conf_save(ctx, path, buf_str(&text), e);
    if (rc == ERR_OK)
        link_reload(ctx);
    return rc;
}

static enum errc run_list(struct cmd_ctx *ctx, void *opts, const char *const *args,
                          size_t n, struct err *e)
{
    (void)opts;
    (void)args;
    (void)n;
    static const struct out_column columns[] = {
        {.name = "client", .type = OUT_TEXT},
        {.name = "project", .type = OUT_TEXT},
        {.name = "route", .type = OUT_TEXT},
        {.name = "key_hash", .title = "key hash", .type = OUT_TEXT, .priority = 1},
    };
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = cmd_load(ctx, CMD_CONF, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_client), "llmgw.client/1", columns,
                     ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < ctx->conf->n_clients; i++) {
        const struct conf_client *c = &ctx->conf->clients[i];
        const char *const cells[] = {c->name, c->project, c->route, c->key_hash};
        for (size_t j = 0; j < ARRAY_LEN(cells); j++)
            if (cells[j] != NULL)
                out_textz(out, cells[j]);
            else
                out_null(out);
        out_row_end(out);
    }
    out_if_empty(out, "no client may come over TCP\nhint: llmgw client add NAME");
    return out_finish(out, e);
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},
    {"add", "NAME", 1, 1, run_add},
    {"rm", "NAME", 1, 1, run_rm},
    {0},
};

static const struct cmd_example examples[] = {
    {"llmgw client add ci --project web >ci.key", "a key for one client, shown once"},
    {"llmgw client list", "who may come"},
    {0},
};

const struct cmd_entry cmd_client = {
    .name = "client",
    .args = "[list | add NAME | rm NAME]",
    .summary = "keys of clients that come over TCP",
    .options = options,
    .options_size = sizeof(struct client_options),
    .needs = CMD_NAMES,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
};
