/*
 * models_refresh.c: `llmgw models refresh`: the broker asks providers what they serve; what the
 * catalog does not know of it is told, and remembered for completion, in a file that may be
 * deleted at any time.
 */
#include <poll.h>
#include <string.h>

#include "core/jsonx.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/os.h"

#include "cmd/key_source.h"
#include "cmd/link.h"
#include "cmd/models.h"
#include "cmd/out.h"

/* The broker gives each provider some 15 s, and asks 16 at a time. */
enum { POLL_MS = 50, POLLS = 400, AT_ONCE = 16, FOUND_LEN = 4 * 1024 * 1024 };

static const struct out_column columns[] = {
    {.name = "provider", .type = OUT_TEXT},
    {.name = "model", .type = OUT_TEXT},
    {.name = "known", .type = OUT_BOOL, .hidden = true},
};

static enum errc call(struct cmd_ctx *ctx, const char *method, const char *path,
                      struct json_object **ret, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    jx_put(ret);
    key_headers(ctx->conf, &headers);
    enum errc rc =
        link_ask(ctx, true, method, path, buf_str(&headers), STR_NONE, &body, e);
    mem_wipe(headers.data, headers.cap);
    return rc == ERR_OK ? jx_parse(buf_str(&body), ret, e) : rc;
}

static size_t n_asking(struct json_object *providers)
{
    size_t n = 0;
    for (size_t i = 0; i < json_object_array_length(providers); i++)
        n += str_eqz(jx_str(json_object_array_get_idx(providers, i), "state"), "asking");
    return n;
}

/* The broker asks all of them; we wait until it has heard from each, or no more will come. */
static enum errc ask(struct cmd_ctx *ctx, struct json_object **ret, struct err *e)
{
    enum errc rc = call(ctx, "POST", "/llmgw/v1/models/refresh", ret, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, ERR_BROKER,
                       "the broker that runs is older than this\n"
                       "hint: llmgw broker restart");
    for (size_t i = 0, n = 0; rc == ERR_OK && i < POLLS * (n / AT_ONCE + 1); i++) {
        struct json_object *providers = jx_arr(*ret, "providers");
        if (providers == NULL)
            return err_set(
                e, ERR_BROKER,
                "the broker cannot ask for models\nhint: llmgw broker restart");
        n = json_object_array_length(providers);
        if (n_asking(providers) == 0)
            return ERR_OK;
        poll(NULL, 0, POLL_MS);
        rc = call(ctx, "GET", "/llmgw/v1/models/served", ret, e);
    }
    return rc;
}

struct refreshing {
    struct cmd_ctx *ctx;
    struct out *out;
    const char *only; /* NULL: every provider */
    struct buf found;
    struct map fresh;                 /* names of those that told their models */
    size_t n_told, n_asked, n_failed; /* the first: of whom the broker said something */
};

static bool is_known(struct cmd_ctx *ctx, const struct conf_provider *p, struct str model)
{
    const struct catalog_model *named[MODELS_NAMED_MAX];
    struct str by = conf_price_provider(ctx->conf, ctx->catalog, str_of(p->name), model);
    if (catalog_find(ctx->catalog, by, model) != NULL)
        return true;
    size_t n = MIN(catalog_by_id(ctx->catalog, model, named, MODELS_NAMED_MAX),
                   (size_t)MODELS_NAMED_MAX);
    for (size_t i = 0; i < n; i++)
        if (conf_serves(p, named[i]))
            return true;
    return false;
}

static bool is_table(const struct cmd_ctx *ctx)
{
    return cmd_format(ctx, &cmd_models) == FORMAT_TABLE;
}

static void put_models(struct refreshing *r, const struct conf_provider *p,
                       struct json_object *models)
{
    size_t n = json_object_array_length(models), n_new = 0;
    for (size_t i = 0; i < n; i++) {
        struct str model = jx_text(json_object_array_get_idx(models, i));
        bool known = is_known(r->ctx, p, model);
        n_new += !known;
        buf_printf(&r->found, "%s/%.*s\n", p->name, STR_ARG(model));
        if (known && is_table(r->ctx))
            continue; /* people want to know what is new */
        out_textz(r->out, p->name);
        out_text(r->out, model);
        out_int(r->out, known);
        out_row_end(r->out);
    }
    out_footer(r->out, "%s: %zu model%s, %zu that the catalog does not know", p->name, n,
               n == 1 ? "" : "s", n_new);
}

static void put_provider(struct refreshing *r, struct json_object *o)
{
    struct str name = jx_str(o, "provider"), state = jx_str(o, "state");
    const struct conf_provider *p = conf_provider(r->ctx->conf, name);
    struct json_object *models = jx_arr(o, "models");
    if (p == NULL || models == NULL || (r->only != NULL && strcmp(r->only, p->name) != 0))
        return;
    r->n_told++;
    if (str_eqz(state, "ok") && map_set(&r->fresh, str_of(p->name), r) == ERR_OK) {
        r->n_asked++;
        put_models(r, p, models);
    } else if (str_eqz(state, "skipped") && is_table(r->ctx)) {
        out_footer(r->out, "%s: not asked: %.*s", p->name, STR_ARG(jx_str(o, "error")));
    } else if (str_eqz(state, "skipped")) {
        out_warning(r->out, "%s: not asked: %.*s", p->name, STR_ARG(jx_str(o, "error")));
    } else {
        r->n_failed++;
        out_warning(r->out, "%s: %.*s", p->name,
                    STR_ARG(state.len > 0 && str_eqz(state, "asking")
                                ? STR("no answer yet")
                                : jx_str(o, "error")));
    }
}

/* Who was not asked, or did not tell, keeps the names that it told before, while it is in use. */
static void keep_others(struct refreshing *r)
{
    AUTO(buf_release) struct buf before = BUF_INIT(FOUND_LEN);
    struct str rest, line, provider;
    models_found(r->ctx, &before);
    rest = buf_str(&before);
    while (str_split(&rest, '\n', &line)) {
        struct str model = line;
        str_split(&model, '/', &provider);
        if (line.len > 0 && map_get(&r->fresh, provider) == NULL &&
            conf_is_in_use(r->ctx->conf, provider))
            buf_printf(&r->found, "%.*s\n", STR_ARG(line));
    }
}

static const char *found_path(struct cmd_ctx *ctx)
{
    return conf_path_cache(&ctx->arena, cmd_getenv, "models");
}

void models_found(struct cmd_ctx *ctx, struct buf *out)
{
    struct err ignored = ERR_INIT;
    const char *path = found_path(ctx);
    if (path != NULL)
        (void)!conf_read_file(path, out, &ignored);
}

static enum errc keep(struct refreshing *r, struct err *e)
{
    const char *path = found_path(r->ctx);
    keep_others(r);
    if (buf_err(&r->found) != ERR_OK)
        out_warning(r->out, "completion keeps its names: there are too many new ones");
    if (r->n_asked == 0 || path == NULL || buf_err(&r->found) != ERR_OK)
        return ERR_OK;
    enum errc rc = os_make_parents(path, 0700, e);
    return rc == ERR_OK ? conf_write_file(path, buf_str(&r->found), e) : rc;
}

enum errc models_refresh(struct cmd_ctx *ctx, void *opts, const char *const *args,
                         size_t n, struct err *e)
{
    (void)opts;
    AUTO(jx_put) struct json_object *answer = NULL;
    AUTO(out_free) struct out *out = NULL;
    struct refreshing r = {
        .ctx = ctx, .only = n > 0 ? args[0] : NULL, .found = BUF_INIT(FOUND_LEN)};
    if (ctx->global.offline)
        return err_set(e, ERR_REFUSED, "--offline: providers are not asked");
    if (r.only != NULL && conf_provider(ctx->conf, str_of(r.only)) == NULL)
        return err_set(e, ERR_NOT_FOUND, "no provider \"%s\"\nhint: llmgw keys", r.only);
    enum errc rc = ask(ctx, &answer, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_models), "llmgw.models.refresh/1", columns,
                     ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    r.out = out;
    map_init(&r.fresh);
    struct json_object *providers = jx_arr(answer, "providers");
    for (size_t i = 0; i < json_object_array_length(providers); i++)
        put_provider(&r, json_object_array_get_idx(providers, i));
    rc = keep(&r, e);
    if (rc == ERR_OK && r.only != NULL && r.n_told == 0)
        rc = err_set(e, ERR_NOT_FOUND,
                     "the broker that runs has no provider \"%s\"\n"
                     "hint: llmgw broker reload; of keys, llmgw doctor",
                     r.only);
    if (rc == ERR_OK)
        rc = out_finish(out, e);
    buf_release(&r.found);
    map_release(&r.fresh);
    if (rc == ERR_OK && r.n_failed > 0)
        return err_set(e, r.n_asked > 0 ? ERR_PARTIAL : ERR_SERVER,
                       "%zu provider%s did not tell", r.n_failed,
                       r.n_failed == 1 ? "" : "s");
    return rc;
}
