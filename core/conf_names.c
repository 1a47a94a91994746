/*
 * conf_names.c: what names mean: the last step of loading, and conf_resolve.
 *
 * Owns the order in which a model's name is looked up (alias, route, provider/model, bare id),
 * the providers that need no section, and route "default". Reads no file.
 */
#include <arpa/inet.h>
#include <string.h>

#include "core/conf_load.h"
#include "core/envkey.h"
#include "core/near.h"
#include "core/num.h"

enum { SERVED_MOST = 64 }; /* providers that serve one id */

/* ---- look-ups ---- */

const struct conf_provider *conf_provider(const struct conf *c, struct str name)
{
    for (size_t i = 0; i < c->n_providers; i++)
        if (str_eqz(name, c->providers[i].name))
            return &c->providers[i];
    for (size_t i = 0; i < c->n_others; i++)
        if (str_eqz(name, c->others[i].name))
            return &c->others[i];
    return NULL;
}

bool conf_is_in_use(const struct conf *c, struct str name)
{
    for (size_t i = 0; i < c->n_providers; i++)
        if (str_eqz(name, c->providers[i].name))
            return true;
    return false;
}

/* 127.0.0.0/8 as an address; a name may begin so and stand anywhere. */
static bool is_loopback(struct str name)
{
    char text[INET_ADDRSTRLEN];
    uint8_t address[4];
    return name.len < sizeof text && str_copy(text, sizeof text, name) > 0 &&
           inet_pton(AF_INET, text, address) == 1 && address[0] == 127;
}

bool conf_provider_is_near(const struct conf_provider *p)
{
    struct str url = str_of(p->base_url);
    struct str host = str_sub(url, str_search(url, STR("://")) + 3, url.len);
    struct str name = str_sub(host, 0, MIN(str_find(host, ':'), str_find(host, '/')));
    return str_starts(host, STR("[::1]")) || is_loopback(name) ||
           str_ieqz(name, "localhost");
}

const struct conf_route *conf_route(const struct conf *c, struct str name)
{
    for (size_t i = 0; i < c->n_routes; i++)
        if (str_eqz(name, c->routes[i].name))
            return &c->routes[i];
    return NULL;
}

static const struct conf_alias *find_alias(const struct conf *c, struct str name)
{
    for (size_t i = 0; i < c->n_aliases; i++)
        if (str_ieqz(name, c->aliases[i].name))
            return &c->aliases[i];
    return NULL;
}

static bool is_client(const struct conf *c, struct str name)
{
    for (size_t i = 0; i < c->n_clients; i++)
        if (str_eqz(name, c->clients[i].name))
            return true;
    return false;
}

/* Does the provider stand where its kind stands, so that the catalog tells its models? */
static bool is_original(const struct conf_provider *p)
{
    return p->kind->catalog != NULL && p->kind->base_url != NULL &&
           strcmp(p->base_url, p->kind->base_url) == 0;
}

/* One of its kind's name does so, wherever the user says it is. */
static bool stands_for_kind(const struct conf_provider *p)
{
    return is_original(p) || strcmp(p->name, p->kind->kind) == 0;
}

bool conf_serves(const struct conf_provider *p, const struct catalog_model *m)
{
    /* what a server on this machine has is not in the catalog, but for what the user priced */
    if (p->kind->is_local)
        return strcmp(p->name, m->provider) == 0;
    return p->kind->catalog != NULL && (is_original(p) || !p->is_implicit) &&
           strcmp(p->kind->catalog, m->provider) == 0;
}

static bool is_better(const struct conf_provider *a, const struct conf_provider *b)
{
    return is_original(a) != is_original(b) ? is_original(a) : a->kind < b->kind;
}

/*
 * The first provider of the list that serves the catalog's provider: those at their kind's own
 * address before others, makers before resellers.
 */
static const struct conf_provider *
first_serving(const struct conf_provider *list, size_t n,
              const struct catalog_model *const *models, size_t n_models)
{
    const struct conf_provider *best = NULL;
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < n_models; m++)
            if (conf_serves(&list[i], models[m]) &&
                (best == NULL || is_better(&list[i], best)))
                best = &list[i];
    return best;
}

/* Who serves a bare id: a provider in use, else one that a request may bring its key for. */
static const struct conf_provider *serving(const struct conf *c,
                                           const struct catalog *cat, struct str id)
{
    const struct catalog_model *models[SERVED_MOST];
    size_t n = cat ? catalog_by_id(cat, id, models, SERVED_MOST) : 0;
    n = MIN(n, (size_t)SERVED_MOST);
    const struct conf_provider *p =
        first_serving(c->providers, c->n_providers, models, n);
    return p ? p : first_serving(c->others, c->n_others, models, n);
}

/* PROVIDER/MODEL or a bare id; NULL how when it is neither. */
static const char *find_model(const struct conf *c, const struct catalog *cat,
                              struct str name, struct arena *a, struct conf_target *t)
{
    struct str prefix, model;
    const struct conf_provider *p = NULL;
    const char *how = "provider/model";
    if (conf_split_model(name, &prefix, &model))
        p = conf_provider(c, prefix);
    if (p == NULL) {
        p = serving(c, cat, name);
        model = name;
        how = "id";
    }
    if (p == NULL)
        return NULL;
    t->provider = p->name;
    t->model = arena_strz(a, model);
    return how;
}

/* With the provider's name only when one was said. */
static void offer_model(struct near *near, const char *provider, const char *model,
                        struct arena *a)
{
    bool is_bare = str_find(near->wanted, '/') == near->wanted.len;
    near_offerz(near, is_bare ? model : arena_printf(a, "%s/%s", provider, model));
}

/* What can be asked: models of providers in use. */
static void offer_served(struct near *near, const struct conf *c,
                         const struct catalog_model *m, struct arena *a)
{
    for (size_t i = 0; i < c->n_providers; i++)
        if (conf_serves(&c->providers[i], m))
            offer_model(near, c->providers[i].name, m->model, a);
}

/* What could be asked with a key: the makers' models before those of who sells them on. */
static void offer_others(struct near *near, const struct catalog *cat, struct arena *a)
{
    size_t n_kinds, n;
    const struct provider_kind *kinds = provider_kinds(&n_kinds);
    const struct catalog_model *models = catalog_models(cat, &n);
    for (size_t k = 0; k < n_kinds; k++)
        for (size_t i = n; kinds[k].catalog != NULL && i-- > 0;)
            if (strcmp(kinds[k].catalog, models[i].provider) == 0 &&
                catalog_can_chat(&models[i]))
                offer_model(near, kinds[k].kind, models[i].model, a);
}

/* ` (did you mean …?)`; the arena holds the names it is made of. Newer models come first. */
static const char *nearest(const struct conf *c, const struct catalog *cat,
                           struct str name, size_t max, bool with_routes, struct arena *a,
                           char hint[NEAR_TEXT_LEN])
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < c->n_aliases; i++)
        near_offerz(&near, c->aliases[i].name);
    for (size_t i = 0; with_routes && i < c->n_routes; i++)
        near_offerz(&near, c->routes[i].name);
    size_t n = 0;
    const struct catalog_model *models = cat ? catalog_models(cat, &n) : NULL;
    for (size_t i = n; i-- > 0;)
        offer_served(&near, c, &models[i], a);
    if (near.n == 0 && cat != NULL)
        offer_others(&near, cat, a);
    return near_hint(&near, max, hint);
}

enum errc conf_no_route(const struct conf *c, struct str name, struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, name);
    for (size_t i = 0; i < c->n_routes; i++)
        near_offerz(&near, c->routes[i].name);
    near_hint(&near, NEAR_MAX, hint);
    return err_set(e, ERR_NOT_FOUND, "no route \"%.*s\"%s", STR_ARG(name),
                   hint[0] != '\0' ? hint : "\nhint: llmgw route list");
}

enum errc conf_resolve(const struct conf *c, const struct catalog *cat, struct str name,
                       struct arena *arena, struct conf_resolved *ret, struct err *e)
{
    struct conf_resolved r = {.target = {.weight = 1}};
    const struct conf_alias *alias = find_alias(c, name);
    struct str meant = alias ? str_of(alias->target) : name;
    r.target.name = arena_strz(arena, name);
    r.route = conf_route(c, meant);
    r.how = r.route ? "route" : find_model(c, cat, meant, arena, &r.target);
    if (r.how == NULL && c->n_providers == 0 && str_eqz(name, "default"))
        return err_set(
            e, ERR_UPSTREAM_AUTH,
            "no provider is configured, and the environment has no key\n"
            "hint: set OPENAI_API_KEY, ANTHROPIC_API_KEY or another; llmgw doctor "
            "tells what is missing");
    if (r.how == NULL) {
        char hint[NEAR_TEXT_LEN];
        nearest(c, cat, name, NEAR_MAX, true, arena, hint);
        return err_set(e, ERR_NOT_FOUND, "no model or route \"%.*s\"%s", STR_ARG(name),
                       hint[0] != '\0' ? hint : "\nhint: llmgw models; llmgw route list");
    }
    if (alias != NULL)
        r.how = "alias";
    *ret = r;
    return ERR_OK;
}

/* ---- providers ---- */

/*
 * `llmgw env` puts a key of the broker's own clients where SDKs look for one. The maker is not to
 * be sent that; another broker, which base-url names, may well be.
 */
static bool is_clients_key(struct conf_load *l, const struct conf_provider *p,
                           const char *variable)
{
    const char *value = l->getenv(variable);
    if (value == NULL || !is_original(p) || !envkey_is_clients(str_of(value)))
        return false;
    if (l->conf->client_key_env == NULL)
        l->conf->client_key_env = variable;
    return true;
}

/* The first of the kind's own variables that holds something; NULL if none does. */
static const char *key_variable(struct conf_load *l, const struct conf_provider *p)
{
    const char *const *names = p->kind->key_env;
    for (size_t i = 0; i < ARRAY_LEN(p->kind->key_env) && names[i] != NULL; i++) {
        const char *value = l->getenv(names[i]);
        if (value != NULL && value[0] != '\0' && !is_clients_key(l, p, names[i]))
            return names[i];
    }
    return NULL;
}

/* Amazon's, which are there for many things: only for a provider that was asked for. */
static const char *amazon_variable(const struct conf_load *l,
                                   const struct provider_kind *k)
{
    static const char id[] = "AWS_ACCESS_KEY_ID", secret[] = "AWS_SECRET_ACCESS_KEY";
    bool is_there = l->getenv(id) != NULL && l->getenv(secret) != NULL;
    return k->auth == AUTH_AWS && is_there ? id : NULL;
}

/*
 * Where Bedrock is, when the configuration does not say it: for its address, and for signatures
 * unless that names it. Source: docs.aws.amazon.com/general, Bedrock endpoints (2026).
 */
static void complete_region(const struct conf_load *l, struct conf_provider *p)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    bool is_told =
        p->base_url != NULL && str_contains(str_of(p->base_url), STR("bedrock-runtime."));
    if (p->kind->dialect != DIALECT_BEDROCK || is_told)
        return;
    for (size_t i = 0; i < ARRAY_LEN(variables) && p->region == NULL; i++) {
        const char *value = l->getenv(variables[i]);
        if (value != NULL && value[0] != '\0')
            p->region = arena_strz(&l->conf->arena, str_of(value));
    }
    if (p->base_url == NULL && p->region != NULL)
        p->base_url = arena_printf(&l->conf->arena,
                                   "https://bedrock-runtime.%s.amazonaws.com", p->region);
}

static void unknown_kind(struct conf_load *l, const struct conf_provider *p)
{
    size_t n;
    const struct provider_kind *kinds = provider_kinds(&n);
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, str_of(p->kind_name ? p->kind_name : p->name));
    for (size_t i = 0; i < n; i++)
        near_offerz(&near, kinds[i].kind);
    if (p->kind_name != NULL)
        conf_problem(l, &p->pos, "provider", p->name, "unknown kind \"%s\"%s",
                     p->kind_name, near_hint(&near, 1, hint));
    else
        conf_problem(l, &p->pos, "provider", p->name,
                     "a kind is missing, such as openai-compatible%s",
                     near_hint(&near, 1, hint));
}

/* A word that no price knows would change nothing, and nobody would see it. */
static void check_price_service(struct conf_load *l, const struct conf_provider *p)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    size_t n = 0;
    const struct catalog_model *models =
        l->cat != NULL ? catalog_models(l->cat, &n) : NULL;
    near_init(&near, str_of(p->price_service));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(models[i].provider, p->kind->catalog) != 0)
            continue;
        for (size_t k = 0; k < models[i].n_services; k++) {
            if (strcmp(models[i].services[k]->name, p->price_service) == 0)
                return;
            near_offerz(&near, models[i].services[k]->name);
        }
    }
    if (l->src->is_partial)
        conf_unjudged(l, &p->pos, "provider", p->name, p->price_service);
    else if (l->cat != NULL)
        conf_problem(l, &p->pos, "provider", p->name,
                     "price-service: no price knows \"%s\"%s", p->price_service,
                     near_hint(&near, 1, hint));
}

/* What the kind says and the section does not; false when that leaves something out. */
static bool complete_provider(struct conf_load *l, struct conf_provider *p)
{
    p->kind = provider_kind_find(str_of(p->kind_name ? p->kind_name : p->name));
    if (p->kind == NULL) {
        unknown_kind(l, p);
        return false;
    }
    if (p->base_url == NULL)
        p->base_url = p->kind->base_url;
    bool has_regions = p->kind->dialect == DIALECT_BEDROCK;
    complete_region(l, p);
    if (p->base_url == NULL) {
        conf_problem(l, &p->pos, "provider", p->name, "%s is missing; kind %s has none%s",
                     has_regions ? "region" : "base-url", p->kind->kind,
                     has_regions ? ", nor has AWS_REGION" : "");
        return false;
    }
    if (p->n_keys == 0 && p->kind->auth != AUTH_NONE) {
        const char *variable = key_variable(l, p);
        if (variable == NULL)
            variable = amazon_variable(l, p->kind);
        /* a missing key is told by its variable's name, but local servers need none */
        if (variable == NULL && !p->kind->is_local &&
            !is_clients_key(l, p, p->kind->key_env[0]))
            variable = p->kind->key_env[0];
        if (variable != NULL)
            p->keys[p->n_keys++] = (struct conf_secret){CONF_KEY_ENV, variable};
    }
    if (p->price_service != NULL)
        check_price_service(l, p);
    return true;
}

/* A kind that no section names: in use when its key is in the environment. */
static void add_kind(struct conf_load *l, const struct provider_kind *k)
{
    struct conf *c = l->conf;
    struct conf_provider p = {
        .name = k->kind, .kind = k, .base_url = k->base_url, .is_implicit = true};
    const char *variable = key_variable(l, &p);
    p.pos.file = variable ? "environment" : "";
    complete_region(l, &p);
    if (p.base_url == NULL)
        return;
    if (variable != NULL)
        p.keys[p.n_keys++] = (struct conf_secret){CONF_KEY_ENV, variable};
    *(variable ? &c->providers[c->n_providers++] : &c->others[c->n_others++]) = p;
}

static enum errc providers(struct conf_load *l, struct err *e)
{
    struct conf *c = l->conf;
    size_t n_kinds, n_named = c->n_providers;
    const struct provider_kind *kinds = provider_kinds(&n_kinds);
    struct conf_provider *named = c->providers;
    c->n_providers = 0;
    c->providers = ARENA_ARRAY(&c->arena, n_named + n_kinds, struct conf_provider);
    c->others = ARENA_ARRAY(&c->arena, n_kinds, struct conf_provider);
    if (c->providers == NULL || c->others == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < n_named; i++)
        if (complete_provider(l, &named[i]))
            c->providers[c->n_providers++] = named[i];
    for (size_t i = 0; i < n_kinds; i++)
        if (conf_provider(c, str_of(kinds[i].kind)) == NULL)
            add_kind(l, &kinds[i]);
    return ERR_OK;
}

/* ---- aliases and routes ---- */

static bool alias_is_good(struct conf_load *l, const struct conf_alias *alias)
{
    struct conf *c = l->conf;
    struct conf_target t;
    char hint[NEAR_TEXT_LEN];
    struct str target = str_of(alias->target);
    if (alias->name == NULL)
        return false; /* its value was a problem already */
    if (conf_route(c, str_of(alias->name)) != NULL)
        conf_problem(l, &alias->pos, "alias", NULL, "%s: a route has this name",
                     alias->name);
    else if (conf_route(c, target) != NULL ||
             find_model(c, l->cat, target, &c->arena, &t) != NULL)
        return true;
    else if (l->src->is_partial) {
        conf_unjudged(l, &alias->pos, "alias", alias->name, alias->target);
        return true;
    } else
        conf_problem(l, &alias->pos, "alias", NULL, "%s: unknown model or route \"%s\"%s",
                     alias->name, alias->target,
                     nearest(c, l->cat, target, 1, true, &c->arena, hint));
    return false;
}

static void aliases(struct conf_load *l)
{
    struct conf *c = l->conf;
    size_t kept = 0, n = c->n_aliases;
    for (size_t i = 0; i < n; i++)
        if (alias_is_good(l, &c->aliases[i]))
            c->aliases[kept++] = c->aliases[i];
    c->n_aliases = kept;
}

/* An alias of an alias is not looked through: one name, one meaning. */
static bool target_is_good(struct conf_load *l, const struct conf_route *route,
                           struct conf_target *t)
{
    struct conf *c = l->conf;
    const struct conf_alias *alias = find_alias(c, str_of(t->name));
    struct str meant = str_of(alias ? alias->target : t->name);
    char hint[NEAR_TEXT_LEN];
    if (conf_route(c, meant) != NULL)
        conf_problem(l, &t->pos, "route", route->name,
                     "target \"%s\" is a route; name its targets", t->name);
    else if (find_model(c, l->cat, meant, &c->arena, t) != NULL)
        return true;
    else if (l->src
                 ->is_partial) { /* the route keeps its name, for those who refer to it */
        conf_unjudged(l, &t->pos, "route", route->name, t->name);
        t->provider = "";
        t->model = t->name;
        return true;
    } else
        conf_problem(l, &t->pos, "route", route->name, "unknown target \"%s\"%s", t->name,
                     nearest(c, l->cat, meant, 1, false, &c->arena, hint));
    return false;
}

static void routes(struct conf_load *l)
{
    struct conf *c = l->conf;
    size_t kept = 0;
    for (size_t i = 0; i < c->n_routes; i++) {
        struct conf_route *r = &c->routes[i];
        size_t named = r->n_targets;
        r->n_targets = 0;
        for (size_t j = 0; j < named; j++)
            if (target_is_good(l, r, &r->targets[j]))
                r->targets[r->n_targets++] = r->targets[j];
        if (named == 0)
            conf_problem(l, &r->pos, "route", r->name, "no target");
        if (r->n_targets > 0)
            c->routes[kept++] = *r;
    }
    c->n_routes = kept;
}

/* ---- route "default" ---- */

static struct conf_target default_target(const char *provider, const char *model,
                                         struct arena *a)
{
    return (struct conf_target){
        .provider = provider,
        .model = model,
        .name = arena_printf(a, "%s/%s", provider, model),
        .weight = 1,
        .pos = {.file = ""},
    };
}

bool conf_default_is_open(const struct conf *c)
{
    const struct conf_route *r = conf_route(c, STR("default"));
    return (r == NULL || r->is_implicit) && c->core.default_model == NULL &&
           find_alias(c, STR("default")) == NULL;
}

size_t conf_default_targets(const struct conf *c, const struct catalog *cat,
                            conf_used_fn *is_used, void *arg, struct arena *arena,
                            struct conf_target ret[LIMIT_TARGETS])
{
    size_t n_kinds, n = 0;
    const struct provider_kind *kinds = provider_kinds(&n_kinds);
    for (size_t k = 0; k < n_kinds; k++) {
        struct str provider = str_of(kinds[k].catalog);
        const char *model = provider.len ? catalog_default_model(cat, provider) : NULL;
        for (size_t i = 0; model != NULL && i < c->n_providers + c->n_others; i++) {
            const struct conf_provider *p =
                i < c->n_providers ? &c->providers[i] : &c->others[i - c->n_providers];
            if (n < LIMIT_TARGETS && p->kind == &kinds[k] && stands_for_kind(p) &&
                is_used(arg, p))
                ret[n++] = default_target(p->name, model, arena);
        }
    }
    return n;
}

static bool is_in_use(void *conf, const struct conf_provider *p)
{
    return conf_is_in_use(conf, str_of(p->name));
}

/* The default model alone, or the one of every provider in use, in the order of the kinds. */
static void default_targets(struct conf_load *l, struct conf_route *r)
{
    struct conf *c = l->conf;
    struct conf_resolved chosen;
    struct err e = ERR_INIT;
    r->targets = ARENA_ARRAY(&c->arena, LIMIT_TARGETS, struct conf_target);
    if (r->targets == NULL)
        return; /* the broken arena is told at the end */
    if (c->core.default_model == NULL) {
        if (l->cat != NULL)
            r->n_targets =
                conf_default_targets(c, l->cat, is_in_use, c, &c->arena, r->targets);
        return;
    }
    if (conf_resolve(c, l->cat, str_of(c->core.default_model), &c->arena, &chosen, &e) !=
        ERR_OK)
        return; /* told where it stands */
    if (chosen.route == NULL)
        r->targets[r->n_targets++] =
            default_target(chosen.target.provider, chosen.target.model, &c->arena);
    else if (c->core.default_route == NULL)
        c->core.default_route = chosen.route->name;
}

static enum errc default_route(struct conf_load *l, struct err *e)
{
    struct conf *c = l->conf;
    struct str name = STR("default");
    if (conf_route(c, name) == NULL) {
        struct conf_route r = {
            .name = "default", .is_implicit = true, .pos = {.file = ""}};
        struct conf_route *old = c->routes;
        enum errc rc = conf_presets(l, "route", &r);
        if (rc != ERR_OK)
            return err_set(e, rc, "presets of a route");
        default_targets(l, &r);
        if (r.n_targets == 0)
            return ERR_OK;
        c->routes = ARENA_ARRAY(&c->arena, c->n_routes + 1, struct conf_route);
        if (c->routes == NULL)
            return err_set(e, ERR_MEMORY, "out of memory");
        if (c->n_routes > 0)
            memcpy(c->routes, old, c->n_routes * sizeof *old);
        c->routes[c->n_routes++] = r;
    }
    if (c->core.default_route == NULL)
        c->core.default_route = "default";
    return ERR_OK;
}

/* ---- names that must exist ---- */

static void check_reference(struct conf_load *l, const struct conf_setting *s,
                            const struct conf_key *row)
{
    struct conf *c = l->conf;
    struct str name = str_of(s->value);
    struct near near;
    char hint[NEAR_TEXT_LEN];
    const char *what = NULL;
    struct conf_resolved resolved;
    struct err e = ERR_INIT;
    near_init(&near, name);
    if (row->type == CONF_MODEL) {
        if (conf_resolve(c, l->cat, name, &c->arena, &resolved, &e) == ERR_OK)
            return;
        if (l->src->is_partial)
            conf_unjudged(l, &s->place.pos, s->section, s->sub, s->value);
        else
            conf_problem(l, &s->place.pos, s->section, s->sub, "%s: %s", s->key, e.text);
        return;
    }
    if (row->type == CONF_ROUTE && conf_route(c, name) == NULL) {
        what = "route";
        for (size_t i = 0; i < c->n_routes; i++)
            near_offerz(&near, c->routes[i].name);
    } else if (row->type == CONF_PROVIDER && conf_provider(c, name) == NULL) {
        what = "provider";
        for (size_t i = 0; i < c->n_providers; i++)
            near_offerz(&near, c->providers[i].name);
    } else if (row->type == CONF_CLIENT && !is_client(c, name)) {
        what = "client";
        for (size_t i = 0; i < c->n_clients; i++)
            near_offerz(&near, c->clients[i].name);
    }
    if (what != NULL)
        conf_problem(l, &s->place.pos, s->section, s->sub, "%s: unknown %s \"%s\"%s",
                     s->key, what, s->value, near_hint(&near, 1, hint));
}

/* Names in files only: one in the environment is for the command that uses it to judge. */
static void references(struct conf_load *l)
{
    for (size_t i = 0; i < l->n_settings; i++) {
        const struct conf_setting *s = &l->settings[i];
        const struct conf_key *row = conf_key(str_of(s->section), str_of(s->key));
        if (row != NULL && s->value != NULL && s->layer <= CONF_PROJECT)
            check_reference(l, s, row);
    }
    struct conf *c = l->conf;
    if (c->core.default_route != NULL &&
        conf_route(c, str_of(c->core.default_route)) == NULL)
        c->core.default_route = NULL;
}

/* ---- what a section cannot do without ---- */

static const struct conf_pos *pos_of(const struct conf_load *l, const char *section,
                                     const char *key)
{
    static const struct conf_pos nowhere = {.file = "configuration"};
    const struct conf_pos *found = &nowhere;
    for (size_t i = 0; i < l->n_settings; i++)
        if (strcmp(l->settings[i].section, section) == 0 &&
            strcmp(l->settings[i].key, key) == 0)
            found = &l->settings[i].place.pos;
    return found;
}

/* "host", "*.domain", either with ":port": letters, digits, dots and hyphens. */
static bool is_host_pattern(struct str s)
{
    uint64_t port = 1;
    size_t colon = str_find(s, ':');
    if (colon < s.len && num_u64(str_sub(s, colon + 1, s.len), 65535, &port) != ERR_OK)
        return false;
    struct str host = str_sub(s, 0, colon);
    if (str_starts(host, STR("*.")))
        host = str_sub(host, 2, host.len);
    for (size_t i = 0; i < host.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-",
                   host.ptr[i]) == NULL)
            return false;
    return host.len > 0 && port > 0;
}

/* UTC is counted without the C library, which has one zone for all else. */
static const char *zone_of(const struct conf_budget *b)
{
    bool is_named = b->tz != NULL && b->tz[0] != '\0' && strcmp(b->tz, "UTC") != 0;
    return is_named ? b->tz : NULL;
}

const char *conf_zone(const struct conf *c)
{
    const char *zone = NULL;
    for (size_t i = 0; i < c->n_budgets && zone == NULL; i++)
        zone = zone_of(&c->budgets[i]);
    return zone;
}

static void budgets(struct conf_load *l)
{
    const struct conf *c = l->conf;
    for (size_t i = 0; i < c->n_budgets; i++) {
        const struct conf_budget *b = &c->budgets[i];
        const char *zone = zone_of(b);
        if (b->limit_pico == 0)
            conf_problem(l, &b->pos, "budget", b->name, "no limit");
        if (zone != NULL && strcmp(zone, conf_zone(c)) != 0)
            conf_problem(l, &b->pos, "budget", b->name,
                         "tz: %s, but another budget has %s; they share one, UTC aside",
                         zone, conf_zone(c));
    }
}

static void completeness(struct conf_load *l)
{
    struct conf *c = l->conf;
    for (size_t i = 0; i < c->n_clients; i++)
        if (c->clients[i].key_hash == NULL)
            conf_problem(l, &c->clients[i].pos, "client", c->clients[i].name,
                         "no key-hash; llmgw client add makes one");
    for (size_t i = 0; i < c->broker.n_fetch_host; i++)
        if (!is_host_pattern(str_of(c->broker.fetch_host[i])))
            conf_problem(l, pos_of(l, "broker", "fetch-host"), "broker", NULL,
                         "fetch-host: %s is no host, *.domain or host:port",
                         c->broker.fetch_host[i]);
    const char *listen = c->broker.listen;
    if (listen != NULL && !c->broker.listen_any &&
        !str_starts(str_of(listen), STR("127.")) &&
        !str_starts(str_of(listen), STR("[::1]")))
        conf_problem(l, pos_of(l, "broker", "listen"), "broker", NULL,
                     "listen: %s is not loopback; that needs listen-any = yes", listen);
}

/*
 * A provider with its kind's name has its prices under the catalog's name, "google" for gemini;
 * those of local servers, which share one, each under its own.
 */
static void prices(struct conf *c)
{
    size_t kept = 0, n = c->n_prices;
    for (size_t i = 0; i < n; i++) {
        struct conf_price p = c->prices[i];
        const struct provider_kind *kind = provider_kind_find(str_of(p.provider));
        if (kind != NULL && kind->catalog != NULL && !kind->is_local)
            p.provider = kind->catalog;
        if (p.component != NULL)
            c->prices[kept++] = p;
    }
    c->n_prices = kept;
}

enum errc conf_names(struct conf_load *l, struct err *e)
{
    enum errc rc = providers(l, e);
    if (rc != ERR_OK)
        return rc;
    routes(l);
    aliases(l);
    rc = default_route(l, e);
    if (rc != ERR_OK)
        return rc;
    references(l);
    budgets(l);
    completeness(l);
    prices(l->conf);
    return ERR_OK;
}

struct str conf_price_provider(const struct conf *c, const struct catalog *cat,
                               struct str provider, struct str model)
{
    const struct conf_provider *p = conf_provider(c, provider);
    bool has_own = catalog_find(cat, provider, model) != NULL;
    return has_own || p == NULL ? provider : str_of(p->kind->catalog);
}

bool conf_has_price(const struct conf *c, struct str provider, struct str model)
{
    for (size_t i = 0; i < c->n_prices; i++)
        if (str_eqz(provider, c->prices[i].provider) &&
            str_eqz(model, c->prices[i].model))
            return true;
    return false;
}
