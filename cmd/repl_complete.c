/* repl_complete.c: what Tab offers: commands, models, files. */
#include "core/jsonx.h"

#include "cmd/link.h"
#include "cmd/repl_priv.h"

/* Models and routes as the broker lists them, asked for once. */
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
}

static void add_models(struct repl *r, line_add_fn *add, void *add_arg)
{
    const struct conf *conf = r->s->ctx->conf;
    struct str rest, name;
    if (!r->has_models)
        fetch_models(r);
    for (size_t i = 0; conf != NULL && i < conf->n_aliases; i++)
        add(add_arg, conf->aliases[i].name);
    rest = buf_str(&r->models);
    while (str_split(&rest, '\n', &name)) {
        char text[LIMIT_NAME_LEN * 2 + 2];
        if (name.len == 0 || name.len >= sizeof text)
            continue;
        str_copy(text, sizeof text, name);
        add(add_arg, text);
    }
}

static void add_routes(struct repl *r, line_add_fn *add, void *add_arg)
{
    const struct conf *conf = r->s->ctx->conf;
    for (size_t i = 0; conf != NULL && i < conf->n_routes; i++)
        add(add_arg, conf->routes[i].name);
}

bool repl_complete(void *repl, struct str line, size_t from, line_add_fn *add,
                   void *add_arg)
{
    struct repl *r = repl;
    struct str word = str_sub(line, 0, str_find(line, ' '));
    if (line.len == 0 || line.ptr[0] != '/')
        return false;
    if (from == 0) {
        repl_each_command(add, add_arg);
        return true;
    }
    if (repl_takes_files(word))
        return false;
    if (repl_takes_models(word))
        add_models(r, add, add_arg);
    else if (str_eqz(word, "/route"))
        add_routes(r, add, add_arg);
    return true;
}
