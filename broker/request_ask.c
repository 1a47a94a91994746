/*
 * request_ask.c: what the client asks for: facts of the body, targets by the documented order of
 * names, and the router's decision over them as they are now. Its headers are request_options.c's.
 *
 * Must not send, reserve or change states.
 */
#include <stdio.h>
#include <string.h>

#include "broker/request_priv.h"
#include "broker/secret.h"

enum {
    /* a lower cap would only buy a stump: what does not pay for this is refused */
    USEFUL_OUTPUT_TOK = 16,
    TOK_PER_M = 1000 * 1000,
};

/* ---- targets ---- */

/* What holds for a model that no route speaks of. Source: llmgw-config(5), [route] defaults. */
static const struct conf_route bare_rules = {
    .name = "",
    .strategy = CONF_ORDER,
    .timeout_us = 600 * (int64_t)US_PER_S,
    .connect_us = 10 * US_PER_S,
    .gap_us = 90 * US_PER_S,
    .patience_us = 3 * US_PER_S,
    .stream = CONF_STREAM_LIVE,
    .max_cost_pico = PICO_UNKNOWN,
};

static size_t n_resolved(const struct conf_resolved *f)
{
    return f->route != NULL ? f->route->n_targets : 1;
}

static void add_resolved(struct request *r, const struct conf_resolved *f)
{
    const struct conf_target *t = f->route != NULL ? f->route->targets : &f->target;
    for (size_t i = 0; i < n_resolved(f) && r->n_targets < LIMIT_TARGETS; i++) {
        r->prospects[r->n_targets].is_configured = f->route != NULL;
        r->targets[r->n_targets++] = t[i];
    }
}

static enum errc know_target(struct request *r, size_t i, struct err *e)
{
    const struct conf_target *t = &r->targets[i];
    struct prospect *p = &r->prospects[i];
    router_model(r->conf, r->catalog, t, &p->model);
    p->state = broker_target(r->b, str_of(t->provider), str_of(t->model));
    if (p->state == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the targets");
    p->state->n_users++;
    if (p->state->no_prefill) { /* whatever was thought of it before */
        p->model.caps_yes &= ~(unsigned)CAP_PREFILL;
        p->model.caps_no |= CAP_PREFILL;
    }
    if (p->state->cap_tok > 0)
        p->model.max_output_tok = p->model.max_output_tok > 0
                                      ? MIN(p->model.max_output_tok, p->state->cap_tok)
                                      : p->state->cap_tok;
    p->state->is_known |= p->is_configured || p->model.row != NULL;
    return ERR_OK;
}

void request_ask_release(struct request *r)
{
    for (size_t i = 0; i < r->n_targets; i++)
        if (r->prospects[i].state != NULL)
            r->prospects[i].state->n_users--;
}

/* Ours, or one that we have no key for, but the client has. */
static bool is_used(void *arg, const struct conf_provider *p)
{
    const struct request *r = arg;
    return conf_is_in_use(r->conf, str_of(p->name)) || request_key(r, p->name).len > 0;
}

/* Route "default" as it would be had we found the client's keys in our own environment. */
static const struct conf_route *widened_default(struct request *r)
{
    const struct conf_route *ours = conf_route(r->conf, STR("default"));
    struct conf_route *route = ARENA_ARRAY(&r->arena, 1, struct conf_route);
    struct conf_target *targets =
        ARENA_ARRAY(&r->arena, LIMIT_TARGETS, struct conf_target);
    if (route == NULL || targets == NULL)
        return ours; /* the broken arena is told soon */
    *route = ours != NULL ? *ours : bare_rules;
    route->name = "default";
    route->is_implicit = true;
    route->targets = targets;
    route->n_targets =
        conf_default_targets(r->conf, r->catalog, is_used, r, &r->arena, targets);
    return route->n_targets > 0 ? route : ours;
}

/* The route by name if the client or its key says one, else what the model name means. */
static enum errc resolve(struct request *r, struct conf_resolved *ret, struct err *e)
{
    struct str name = r->opt.route, model = str_of(r->facts.model_name);
    if (name.len == 0 && r->cr.client != NULL)
        name = str_of(r->cr.client->route);
    bool is_default = str_eqz(name.len > 0 ? name : model, "default");
    if (is_default && r->opt.n_keys > 0 && conf_default_is_open(r->conf)) {
        *ret = (struct conf_resolved){.route = widened_default(r), .how = "route"};
        if (ret->route != NULL)
            return ERR_OK;
    }
    if (name.len == 0 || (is_default && r->conf->n_providers == 0))
        return conf_resolve(r->conf, r->catalog, name.len > 0 ? name : model, &r->arena,
                            ret, e);
    *ret = (struct conf_resolved){.route = conf_route(r->conf, name), .how = "header"};
    if (ret->route != NULL)
        return ERR_OK;
    return conf_no_route(r->conf, name, e);
}

static enum errc make_room(struct request *r, size_t n, struct err *e)
{
    r->targets = ARENA_ARRAY(&r->arena, n, struct conf_target);
    r->prospects = ARENA_ARRAY(&r->arena, n, struct prospect);
    r->views = ARENA_ARRAY(&r->arena, n, struct target_view);
    r->decision.items = ARENA_ARRAY(&r->arena, n, struct candidate);
    if (arena_is_broken(&r->arena))
        return err_set(e, ERR_MEMORY, "no memory for the targets");
    return ERR_OK;
}

static enum errc know_targets(struct request *r, struct err *e)
{
    for (size_t i = 0; i < r->n_targets; i++)
        if (know_target(r, i, e) != ERR_OK)
            return e->code;
    return ERR_OK;
}

static bool has_target(const struct conf_target *targets, size_t n,
                       const struct conf_target *t)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(targets[i].provider, t->provider) == 0 &&
            strcmp(targets[i].model, t->model) == 0)
            return true;
    return false;
}

enum errc request_widen(struct request *r, struct err *e)
{
    const struct conf_target *had = r->targets;
    size_t n_had = r->n_targets, n = 0;
    for (size_t i = 0; i < r->conf->n_routes; i++)
        n += r->conf->routes[i].n_targets;
    request_ask_release(r);
    r->n_targets = r->n_own = r->decision.n = r->decision.n_usable = 0;
    if (n == 0)
        return ERR_OK;
    if (make_room(r, n, e) != ERR_OK)
        return e->code;
    for (size_t i = 0; i < r->conf->n_routes; i++) {
        const struct conf_route *route = &r->conf->routes[i];
        for (size_t k = 0; k < route->n_targets && r->n_targets < LIMIT_TARGETS; k++) {
            const struct conf_target *t = &route->targets[k];
            if (has_target(had, n_had, t) || has_target(r->targets, r->n_targets, t))
                continue;
            r->prospects[r->n_targets].is_configured = true;
            r->targets[r->n_targets++] = *t;
        }
    }
    return know_targets(r, e);
}

static enum errc find_targets(struct request *r, struct err *e)
{
    struct conf_resolved found[1 + ARRAY_LEN(r->opt.fallbacks)];
    enum errc rc = resolve(r, &found[0], e);
    if (rc != ERR_OK)
        return rc;
    size_t n = n_resolved(&found[0]);
    for (size_t i = 0; i < r->opt.n_fallbacks; i++) {
        rc = conf_resolve(r->conf, r->catalog, r->opt.fallbacks[i], &r->arena,
                          &found[1 + i], e);
        if (rc != ERR_OK)
            return err_ctx(e, "header x-llmgw-fallback");
        n += n_resolved(&found[1 + i]);
    }
    if (make_room(r, n, e) != ERR_OK)
        return e->code;
    for (size_t i = 0; i <= r->opt.n_fallbacks; i++)
        add_resolved(r, &found[i]);
    r->n_own = n_resolved(&found[0]);
    if (know_targets(r, e) != ERR_OK)
        return e->code;
    r->how = found[0].how;
    if (found[0].route != NULL)
        r->rules = *found[0].route;
    return ERR_OK;
}

/* ---- all of it ---- */

enum errc request_ask(struct request *r, struct err *e)
{
    r->rules = bare_rules;
    enum errc rc = request_read_options(r, e);
    if (rc == ERR_OK)
        rc = r->client->facts(r->cr.body, r->cr.check, &r->facts, e);
    if (rc == ERR_OK && request_is_embed(r) && str_eqz(r->opt.kind, "chat"))
        r->opt.kind = STR("embed");
    if (rc == ERR_OK)
        rc = find_targets(r, e);
    if (rc == ERR_OK)
        rc = request_apply_options(r, e);
    if (rc == ERR_OK)
        r->script = estimate_script(r->cr.body);
    return rc;
}

/* ---- what it may cost ---- */

struct estimate_key request_estimate_key(const struct request *r,
                                         const struct target_model *m)
{
    return (struct estimate_key){
        .dialect = m->kind->dialect,
        .provider = m->price_provider,
        .family = m->row != NULL ? str_of(m->row->family) : STR_NONE,
        .script = r->script,
    };
}

int64_t request_input_tok(const struct request *r, const struct target_model *m)
{
    struct estimate_key k = request_estimate_key(r, m);
    return r->facts.input_tok + estimate_tok(r->b->estimator, &k, r->facts.prompt_len) +
           estimate_image_tok(m->kind->dialect, r->facts.n_images);
}

bool request_is_embed(const struct request *r)
{
    return (r->facts.needs & CAP_EMBEDDING) != 0;
}

/* Each input has the whole window for itself. 0: there is but one prompt. */
static int64_t longest_tok(const struct request *r, const struct target_model *m)
{
    struct estimate_key k = request_estimate_key(r, m);
    if (!request_is_embed(r))
        return 0;
    return MAX(r->facts.longest_tok,
               estimate_tok(r->b->estimator, &k, r->facts.longest_len));
}

struct limit_scope request_scope(const struct request *r, const struct conf_target *t)
{
    return (struct limit_scope){
        .provider = str_of(t->provider),
        .model = str_of(t->model),
        .client = r->cr.client != NULL ? str_of(r->cr.client->name) : STR_NONE,
        .project = r->opt.project,
        .route = str_of(r->rules.name),
        .tags = r->opt.tags,
        .n_tags = r->opt.n_tags,
    };
}

/* Output tokens of each choice that so much money buys after the input; −1: any number. */
static int64_t affordable_tok(const struct request *r, const struct target_model *m,
                              int64_t in_tok, pico money)
{
    int64_t at_us = loop_wall_us(r->b->loop);
    pico in = router_cost(r->catalog, m, at_us, in_tok, 0);
    pico out = router_cost(r->catalog, m, at_us, 0, TOK_PER_M);
    if (in == PICO_UNKNOWN || out == PICO_UNKNOWN || out <= 0)
        return -1;
    i128 of_all = (i128)(money - in) * TOK_PER_M / out;
    return money <= in ? 0 : (int64_t)(of_all / MAX(r->facts.n, 1));
}

/* The least of what hard budgets and the client's own cap leave; PICO_UNKNOWN: no bound. */
static pico money_bound(const struct request *r, const struct limit_scope *s)
{
    pico left = limiter_headroom(r->b->limiter, s, loop_wall_us(r->b->loop));
    pico cap = r->rules.max_cost_pico;
    if (left == PICO_UNKNOWN || cap == PICO_UNKNOWN)
        return left == PICO_UNKNOWN ? cap : left;
    return MIN(left, cap);
}

/* How often a target has to be asked for all embeddings; 1 for all else. */
static int64_t n_calls(const struct request *r, size_t i)
{
    const struct provider_kind *kind = r->prospects[i].model.kind;
    const struct dialect_ops *ops = dialect_embed_ops(kind->dialect);
    if (!request_is_embed(r) || ops == NULL || ops->embed_most == NULL)
        return 1;
    size_t most = ops->embed_most(kind, str_of(r->targets[i].model));
    return (int64_t)((r->facts.n_inputs + most - 1) / most);
}

/* Above this the target has refused the cap: of this request, or of any; 0: it has not. */
static int64_t known_cap_tok(const struct request *r, size_t i)
{
    const struct prospect *p = &r->prospects[i];
    int64_t of_any = p->state->cap_tok;
    if (p->cap_tok > 0)
        return p->cap_tok;
    return of_any < r->facts.max_output_tok ? of_any : 0;
}

/* The most that a target may use now, for its limits and its body. */
static void find_bounds(const struct request *r, size_t i, struct bounds *ret)
{
    const struct conf_target *t = &r->targets[i];
    const struct target_model *m = &r->prospects[i].model;
    int64_t in_tok = request_input_tok(r, m), cap = r->facts.max_output_tok;
    *ret = (struct bounds){.cap_tok = cap};
    if (r->facts.counts_only) /* is free, and of no provider's limits on answers */
        return;
    struct limit_scope scope = request_scope(r, t);
    pico money = cap < 0 ? money_bound(r, &scope) : PICO_UNKNOWN;
    if (money != PICO_UNKNOWN) {
        int64_t buys = affordable_tok(r, m, in_tok, money);
        int64_t top = m->max_output_tok > 0 ? m->max_output_tok : INT64_MAX;
        ret->is_cap_ours = buys >= 0 && buys < top;
        if (ret->is_cap_ours)
            ret->cap_tok = MIN(MAX(buys, USEFUL_OUTPUT_TOK), top);
    }
    int64_t known = known_cap_tok(r, i);
    if (known > 0 && (ret->cap_tok < 0 || ret->cap_tok > known)) {
        ret->cap_tok = known;
        ret->is_cap_ours = true;
    }
    int64_t likely = ret->cap_tok >= 0 ? MIN(ret->cap_tok, (int64_t)EXPECTED_OUTPUT_TOK)
                                       : EXPECTED_OUTPUT_TOK;
    int64_t worst = ret->cap_tok >= 0       ? ret->cap_tok
                    : m->max_output_tok > 0 ? m->max_output_tok
                                            : EXPECTED_OUTPUT_TOK;
    /* OpenAI counts so: cookbook, examples/api_request_parallel_processor.py (2026-11) */
    int64_t n = MAX(r->facts.n, 1);
    int64_t counted = m->kind->counts_cap && ret->cap_tok >= 0 ? ret->cap_tok : likely;
    int64_t now_us = loop_wall_us(r->b->loop);
    ret->cost = (struct limit_cost){
        .requests = n_calls(r, i),
        .input_tok = in_tok,
        .output_tok = counted * n,
        .money_pico = router_cost(r->catalog, m, now_us, in_tok, worst * n),
    };
    ret->likely_pico = router_cost(r->catalog, m, now_us, in_tok, likely * n);
}

/* ---- the decision ---- */

static bool is_pinned(const struct request *r, const struct conf_target *t)
{
    char name[TARGET_NAME_LEN];
    for (size_t i = 0; i < r->b->n_pins; i++) {
        const struct pin *p = &r->b->pins[i];
        bool is_here = p->route[0] == '\0' || strcmp(p->route, r->rules.name) == 0;
        if (is_here && p->until_us > loop_mono_us(r->b->loop) &&
            strcmp(p->target, target_name(t, name)) == 0)
            return true;
    }
    return false;
}

const struct prefer *request_prefer(const struct request *r)
{
    const struct prefer *found = NULL;
    for (size_t i = 0; i < r->b->n_prefers && r->rules.name[0] != '\0'; i++) {
        const struct prefer *p = &r->b->prefers[i];
        bool is_own = strcmp(p->route, r->rules.name) == 0;
        if (p->until_us > loop_mono_us(r->b->loop) &&
            (is_own || (p->route[0] == '\0' && found == NULL)))
            found = p;
    }
    return found;
}

/* A quota that is spent is ours: it does not stop a client who brings its own key. */
static bool is_not_our_quota(const struct request *r, size_t i)
{
    return r->prospects[i].state->breaker.is_quota &&
           request_key(r, r->targets[i].provider).len > 0;
}

int64_t request_breaker_us(const struct request *r, size_t i)
{
    if (is_not_our_quota(r, i))
        return 0;
    return breaker_wait_us(&r->prospects[i].state->breaker, loop_mono_us(r->b->loop));
}

static void view_health(const struct request *r, size_t i, struct target_view *v)
{
    const struct target_state *s = r->prospects[i].state;
    int64_t now_us = loop_mono_us(r->b->loop);
    v->breaker_open = s->breaker.state != BREAKER_CLOSED && !is_not_our_quota(r, i);
    v->breaker_retry_us = request_breaker_us(r, i);
    v->half_open = v->breaker_open && v->breaker_retry_us == 0;
    v->is_quota = s->breaker.is_quota;
    v->breaker_why = s->breaker.why;
    v->drained = s->drained_until_us > now_us;
    v->weight = s->weight_until_us > now_us ? s->weight : 0;
}

static void view_key(const struct request *r, size_t i, struct target_view *v)
{
    const struct conf_target *t = &r->targets[i];
    struct str provider = str_of(t->provider);
    const struct provider_kind *kind = r->prospects[i].model.kind;
    bool is_there = secrets_has(r->secrets, provider);
    /* a local server is asked without a key where it has none */
    v->has_key = kind->auth == AUTH_NONE || (kind->is_local && !is_there) ||
                 request_key(r, t->provider).len > 0;
    if (v->has_key)
        return;
    v->has_key = is_there;
    const struct secret_key *first =
        secrets_first(r->secrets, provider, loop_mono_us(r->b->loop), &v->key_benched_us);
    if (first == NULL)
        return;
    v->key_class = secret_class(first);
    v->key_id = first->id;
}

void request_bound(struct request *r, size_t i)
{
    find_bounds(r, i, &r->prospects[i].bounds);
}

static void view_limits(struct request *r, size_t i, struct target_view *v)
{
    struct limit_refusal why;
    struct bounds *bounds = &r->prospects[i].bounds;
    struct limit_scope scope = request_scope(r, &r->targets[i]);
    request_bound(r, i);
    v->fits_in_us =
        limiter_fits_in_us(r->b->limiter, &scope, &bounds->cost, loop_mono_us(r->b->loop),
                           loop_wall_us(r->b->loop), &why);
    v->our_cap_tok = bounds->is_cap_ours ? bounds->cap_tok : 0;
    v->is_spent = why.is_spent;
    if (v->fits_in_us != 0)
        v->limit_name = arena_strz(&r->arena, str_of(why.bucket));
}

/* All but what the targets' tokenizers say. */
static struct route_facts facts_of(const struct request *r)
{
    return (struct route_facts){
        .max_output_tok = r->facts.max_output_tok,
        .n_choices = r->facts.n,
        .needs = r->facts.needs,
        .is_offline = r->opt.is_offline || r->conf->core.offline,
        .no_fallback = r->opt.no_fallback,
        .dialect = r->client->id,
        .template_name = r->opt.template_name,
        .project = r->opt.project,
        .client = r->cr.client != NULL ? str_of(r->cr.client->name) : STR_NONE,
        .tags = r->opt.tags,
        .n_tags = r->opt.n_tags,
        .max_cost_pico = r->rules.max_cost_pico,
        .now_wall_us = loop_wall_us(r->b->loop),
        .now_mono_us = loop_mono_us(r->b->loop),
        .n_own = r->n_own,
        .is_conversation = r->opt.conversation.len > 0,
        .seed = broker_random(r->b),
    };
}

/* The first one stands where it stands because somebody wants it so now. */
static void tell_aim(struct candidate *c, const char *aim)
{
    size_t len = strlen(c->rank);
    snprintf(c->rank + len, sizeof c->rank - len, " (prefer %s)", aim);
}

void request_decide(struct request *r, bool is_for_people)
{
    struct route_facts facts = facts_of(r);
    const struct prefer *by = request_prefer(r);
    r->strategy = by != NULL ? by->strategy : r->rules.strategy;
    const struct rank_rules rules = {r->strategy, r->rules.explore_ppm,
                                     r->rules.min_quality_ppm};
    bool is_ranked = request_is_ranked(r);
    if (r->strategy == CONF_BEST)
        request_refresh_scores(r);
    for (size_t i = 0; i < r->n_targets; i++) {
        r->views[i] = (struct target_view){.model = &r->prospects[i].model,
                                           .pinned = is_pinned(r, &r->targets[i])};
        view_health(r, i, &r->views[i]);
        view_key(r, i, &r->views[i]);
        view_limits(r, i, &r->views[i]);
        if (is_ranked)
            request_view_rank(r, i, &r->views[i]);
    }
    facts.prefix = is_ranked ? request_prefix(r) : 0;
    facts.input_tok = r->facts.counts_only ? request_input_tok(r, &r->prospects[0].model)
                                           : r->prospects[0].bounds.cost.input_tok;
    facts.longest_tok = longest_tok(r, &r->prospects[0].model);
    router_decide(&facts, &rules, r->targets, r->views, r->n_targets, r->catalog, r->conf,
                  &r->decision);
    if (by != NULL && r->decision.n_usable > 0)
        tell_aim(&r->decision.items[0], conf_aim_name(by->strategy));
    if (is_for_people)
        router_explain(&facts, r->targets, r->views, r->catalog, r->conf, &r->decision);
}
