/* repl_complete.c: what Tab offers: commands, models, files. */
#include "core/jsonx.h"
#include "core/num.h"
#include "core/report.h"
#include "core/turns.h"

#include "cmd/link.h"
#include "cmd/models.h"
#include "cmd/repl_priv.h"

/* "$3/$15 a million, 200 k tokens" */
static void write_about(const struct repl *r, struct str provider, struct str model,
                        struct buf *out)
{
    struct cmd_ctx *ctx = r->s->ctx;
    const struct conf_provider *p = conf_provider(ctx->conf, provider);
    const struct catalog_model *m = catalog_find(ctx->catalog, provider, model);
    char tok[NUM_TEXT_LEN];
    if (m == NULL && p != NULL)
        m = catalog_find(ctx->catalog, str_of(p->kind->kind), model);
    if (m == NULL)
        return;
    const struct catalog_period *now = catalog_period(m, clock_wall_us(ctx->clock));
    const struct price_set *prices = now != NULL ? &now->prices : NULL;
    struct str in = models_price(ctx, prices, PRICE_INPUT);
    struct str produced = models_price(ctx, prices, PRICE_OUTPUT);
    if (in.len > 0 && produced.len > 0)
        buf_printf(out, "$%.*s/$%.*s a million", STR_ARG(in), STR_ARG(produced));
    if (m->context_tok > 0) {
        num_short(tok, m->context_tok);
        buf_printf(out, "%s%s tokens", out->len > 0 ? ", " : "", tok);
    }
}

/* Prices of the user's own may stand in a row of their own, which knows nothing else. */
static bool talks(const struct repl *r, struct str provider, struct str model)
{
    const struct cmd_ctx *ctx = r->s->ctx;
    const struct conf_provider *p = conf_provider(ctx->conf, provider);
    const struct catalog_model *rows[] = {
        catalog_find(ctx->catalog, provider, model),
        p != NULL ? catalog_find(ctx->catalog, str_of(p->kind->kind), model) : NULL};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i] != NULL && (rows[i]->caps_yes & CAP_EMBEDDING) != 0)
            return false;
    return true;
}

static void add_target(const struct repl *r, const char *name, struct str provider,
                       struct str model, line_add_fn *add, void *add_arg)
{
    AUTO(buf_release) struct buf about = BUF_INIT(LIMIT_HEAD_LEN);
    if (!talks(r, provider, model))
        return;
    write_about(r, provider, model, &about);
    add(add_arg, name, about.len > 0 ? about.data : NULL);
}

/* Of a route, what its first target is. */
static void add_route(const struct conf_route *route, line_add_fn *add, void *add_arg)
{
    AUTO(buf_release) struct buf about = BUF_INIT(LIMIT_HEAD_LEN);
    for (size_t i = 0; i < route->n_targets && i < 2; i++)
        buf_printf(&about, "%s%s/%s", i == 0 ? "route: " : ", ",
                   route->targets[i].provider, route->targets[i].model);
    buf_addz(&about, route->n_targets > 2 ? ", …" : "");
    add(add_arg, route->name, about.data);
}

static void add_routes(struct repl *r, line_add_fn *add, void *add_arg)
{
    const struct conf *conf = r->s->ctx->conf;
    for (size_t i = 0; conf != NULL && i < conf->n_routes; i++)
        add_route(&conf->routes[i], add, add_arg);
}

/* What `llmgw models refresh` has found beside those. */
static void add_found(struct repl *r)
{
    AUTO(buf_release) struct buf found = BUF_INIT(LIMIT_REPLY_LEN);
    struct str rest, name;
    models_found(r->s->ctx, &found);
    rest = buf_str(&found);
    while (str_split(&rest, '\n', &name)) {
        const char *line = arena_printf(&r->s->ctx->arena, "%.*s\n", STR_ARG(name));
        if (name.len > 0 && line != NULL &&
            !str_contains(buf_str(&r->models), str_of(line)))
            buf_addz(&r->models, line);
    }
}

/* Models as the broker lists them, asked for once. */
static void fetch_models(struct repl *r)
{
    AUTO(buf_release) struct buf got = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    struct err ignored = ERR_INIT;
    r->has_models = true;
    if (link_ask(r->s->ctx, false, "GET", "/v1/models", STR_NONE, STR_NONE, &got,
                 &ignored) != ERR_OK ||
        jx_parse(buf_str(&got), &o, &ignored) != ERR_OK)
        return;
    struct json_object *list = jx_arr(o, "data");
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        buf_adds(&r->models, jx_str(json_object_array_get_idx(list, i), "id"));
        buf_addc(&r->models, '\n');
    }
    add_found(r);
}

static void add_models(struct repl *r, line_add_fn *add, void *add_arg)
{
    const struct conf *conf = r->s->ctx->conf;
    struct str rest, name;
    if (!r->has_models)
        fetch_models(r);
    for (size_t i = 0; conf != NULL && i < conf->n_aliases; i++) {
        struct str model = str_of(conf->aliases[i].target), provider;
        str_split(&model, '/', &provider);
        add_target(r, conf->aliases[i].name, provider, model, add, add_arg);
    }
    add_routes(r, add, add_arg);
    rest = buf_str(&r->models);
    while (str_split(&rest, '\n', &name)) {
        char text[LIMIT_NAME_LEN * 2 + 2];
        struct str model = name, provider;
        if (name.len == 0 || name.len >= sizeof text || str_find(name, '/') == name.len)
            continue; /* aliases and routes: those of the configuration are there */
        str_copy(text, sizeof text, name);
        str_split(&model, '/', &provider);
        add_target(r, text, provider, model, add, add_arg);
    }
}

static void add_templates(struct repl *r, line_add_fn *add, void *add_arg)
{
    const char **names;
    size_t n;
    struct err ignored = ERR_INIT;
    if (template_names(r->s->ctx, &names, &n, &ignored) != ERR_OK)
        return;
    for (size_t i = 0; i < n; i++)
        add(add_arg, names[i], NULL);
}

struct adding {
    line_add_fn *fn;
    void *arg;
};

static void on_conversation(void *arg, struct str name, struct str title)
{
    const struct adding *a = arg;
    AUTO(buf_release) struct buf about = BUF_INIT(4 * TURNS_TITLE_LEN);
    struct term_filter filter = {0};
    char text[LIMIT_NAME_LEN + 1];
    if (name.len >= sizeof text)
        return;
    str_copy(text, sizeof text, name);
    term_filter(&filter, title, &about);
    a->fn(a->arg, text, about.len > 0 ? about.data : NULL);
}

static void add_conversations(struct repl *r, line_add_fn *add, void *add_arg)
{
    AUTO(db_close) struct db *db = NULL;
    struct adding a = {add, add_arg};
    struct err ignored = ERR_INIT;
    struct cmd_ctx *ctx = r->s->ctx;
    if (db_open(conf_path_db(&ctx->arena, ctx->conf, cmd_getenv), DB_READ, &db,
                &ignored) == ERR_OK)
        (void)!report_words(db, REPORT_CONVERSATIONS, on_conversation, &a, &ignored);
}

/* Of "[session|today|N]" the words that are typed as they stand. */
static void add_choices(struct str args, line_add_fn *add, void *add_arg)
{
    struct str choice;
    if (str_find(args, '|') == args.len)
        return;
    if (str_starts(args, STR("[")))
        args = str_sub(args, 1, args.len - 2);
    while (str_split(&args, '|', &choice)) {
        char text[32];
        str_copy(text, sizeof text, choice);
        if (choice.len > 0 && choice.ptr[0] >= 'a' && choice.ptr[0] <= 'z')
            add(add_arg, text, NULL);
    }
}

/* What may stand behind the command `word`. */
static void add_arguments(struct repl *r, struct str word, line_add_fn *add,
                          void *add_arg)
{
    if (repl_takes_models(word))
        add_models(r, add, add_arg);
    else if (str_eqz(word, "/route"))
        add_routes(r, add, add_arg);
    else if (str_eqz(word, "/template"))
        add_templates(r, add, add_arg);
    else if (str_eqz(word, "/help"))
        repl_each_command(add, add_arg);
    else if (str_eqz(word, "/resume"))
        add_conversations(r, add, add_arg);
    else
        add_choices(str_of(repl_arguments(word)), add, add_arg);
}

bool repl_complete(void *repl, struct str line, size_t from, line_add_fn *add,
                   void *add_arg)
{
    struct repl *r = repl;
    struct str word = str_sub(line, 0, str_find(line, ' '));
    bool is_path = str_find(str_sub(word, 1, word.len), '/') + 1 < word.len;
    if (line.len == 0 || line.ptr[0] != '/' || is_path)
        return false;
    if (from == 0) {
        repl_each_command(add, add_arg);
        return true;
    }
    if (repl_takes_files(word))
        return false;
    bool is_first = str_trim(str_sub(line, word.len, from - word.len)).len == 0;
    if (is_first || str_eqz(word, "/compare"))
        add_arguments(r, word, add, add_arg);
    return true;
}
