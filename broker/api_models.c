/*
 * api_models.c: which models a client may ask for: routes, aliases, the targets they lead to,
 * and what the catalog knows of providers that have a key, in OpenAI's or Anthropic's shape.
 *
 * Source of the shapes: OpenAI, API reference, Models, 2026-08; Anthropic, GET /v1/models, 2026-08.
 */
#include <string.h>

#include "core/jsonx.h"

#include "broker/api.h"

/* One name a client may send as `model`. */
struct name {
    const char *id, *owner;
    const struct catalog_model *row; /* NULL: not in the catalog */
};

struct names {
    struct name *items; /* arena */
    size_t n, cap;
};

static void add(struct names *all, struct arena *a, const char *id, const char *owner,
                const struct catalog_model *row)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->items[i].id, id) == 0)
            return;
    if (all->n < all->cap)
        all->items[all->n++] = (struct name){arena_strz(a, str_of(id)), owner, row};
}

static const struct catalog_model *find(const struct broker *b, const char *provider,
                                        const char *model)
{
    struct str id = str_of(model);
    return catalog_find(
        b->catalog, conf_price_provider(b->conf, b->catalog, str_of(provider), id), id);
}

/* Models of the catalog at a provider that can be asked, as far as there is a path for them. */
static void add_catalog(const struct broker *b, struct arena *a,
                        const struct conf_provider *p, struct names *all)
{
    size_t n;
    const struct catalog_model *rows = catalog_models(b->catalog, &n);
    if (!secrets_has(b->secrets, str_of(p->name)))
        return;
    for (size_t i = 0; i < n; i++)
        if (conf_serves(p, &rows[i]) &&
            (catalog_can_chat(&rows[i]) ||
             (catalog_can_embed(&rows[i]) && p->kind->embeddings != NULL)))
            add(all, a, arena_printf(a, "%s/%s", p->name, rows[i].model), p->name,
                &rows[i]);
}

static void collect(const struct broker *b, struct arena *a, struct names *all)
{
    const struct conf *c = b->conf;
    size_t n_catalog;
    (void)catalog_models(b->catalog, &n_catalog);
    all->cap = c->n_routes + c->n_aliases + n_catalog * c->n_providers;
    for (size_t i = 0; i < c->n_routes; i++)
        all->cap += c->routes[i].n_targets;
    all->items = ARENA_ARRAY(a, MAX(all->cap, (size_t)1), struct name);
    if (all->items == NULL)
        all->cap = 0;
    for (size_t i = 0; i < c->n_routes; i++)
        add(all, a, c->routes[i].name, "llmgw", NULL);
    for (size_t i = 0; i < c->n_aliases; i++)
        add(all, a, c->aliases[i].name, "llmgw", NULL);
    for (size_t i = 0; i < c->n_routes; i++) {
        for (size_t j = 0; j < c->routes[i].n_targets; j++) {
            const struct conf_target *t = &c->routes[i].targets[j];
            add(all, a, arena_printf(a, "%s/%s", t->provider, t->model), t->provider,
                find(b, t->provider, t->model));
        }
    }
    for (size_t i = 0; i < c->n_providers; i++)
        add_catalog(b, a, &c->providers[i], all);
}

static void write_openai(struct jw *w, const struct name *n, int64_t created_s)
{
    jw_object(w);
    jw_kstrz(w, "id", n->id);
    jw_kstrz(w, "object", "model");
    jw_ki64(w, "created", created_s);
    jw_kstrz(w, "owned_by", n->owner);
    jw_object_end(w);
}

static void write_anthropic(struct jw *w, const struct name *n, int64_t created_us)
{
    jw_object(w);
    jw_kstrz(w, "type", "model");
    jw_kstrz(w, "id", n->id);
    jw_kstrz(w, "display_name", n->id);
    jw_key(w, "created_at");
    jw_time(w, created_us);
    if (n->row != NULL && n->row->context_tok > 0)
        jw_ki64(w, "max_input_tokens", n->row->context_tok);
    if (n->row != NULL && n->row->max_output_tok > 0)
        jw_ki64(w, "max_tokens", n->row->max_output_tok);
    jw_object_end(w);
}

static void write_one(const struct api_call *a, struct jw *w, const struct name *n)
{
    if (a->dialect->id == DIALECT_ANTHROPIC)
        write_anthropic(w, n, a->b->started_wall_us);
    else
        write_openai(w, n, a->b->started_wall_us / US_PER_S);
}

static void write_edge(struct jw *w, const char *key, const struct names *all, size_t at)
{
    jw_key(w, key);
    jw_strz(w, all->n > 0 ? all->items[at].id : NULL);
}

void api_models(const struct api_call *a)
{
    struct arena arena;
    struct names all = {.n = 0};
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    arena_init(&arena, LIMIT_REPLY_LEN);
    collect(a->b, &arena, &all);
    jw_init(&w, &out);
    jw_object(&w);
    if (a->dialect->id == DIALECT_OPENAI)
        jw_kstrz(&w, "object", "list");
    jw_key(&w, "data");
    jw_array(&w);
    for (size_t i = 0; i < all.n; i++)
        write_one(a, &w, &all.items[i]);
    jw_array_end(&w);
    if (a->dialect->id == DIALECT_ANTHROPIC) {
        jw_kbool(&w, "has_more", false);
        write_edge(&w, "first_id", &all, 0);
        write_edge(&w, "last_id", &all, all.n > 0 ? all.n - 1 : 0);
    }
    jw_object_end(&w);
    api_reply(a, 200, buf_str(&out));
    arena_release(&arena);
}

void api_model(const struct api_call *a)
{
    struct arena arena;
    struct names all = {.n = 0};
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    size_t i = 0;
    arena_init(&arena, LIMIT_REPLY_LEN);
    collect(a->b, &arena, &all);
    /* a slash in an id: OpenAI's SDK for Node encodes it */
    char decoded[LIMIT_HEAD_LEN];
    struct str id = {decoded, http1_percent_decode(a->rest, decoded)};
    while (i < all.n && !str_eqz(id, all.items[i].id))
        i++;
    if (i < all.n) {
        jw_init(&w, &out);
        write_one(a, &w, &all.items[i]);
        api_reply(a, 200, buf_str(&out));
    } else {
        struct err e = ERR_INIT;
        err_set(&e, ERR_NOT_FOUND, "no model \"%.*s\"", STR_ARG(str_sub(id, 0, 200)));
        e.origin = ERR_BY_CLIENT;
        api_fail(a, &e);
    }
    arena_release(&arena);
}
