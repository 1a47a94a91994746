/* complete_words.c: see complete.h. */
#include <string.h>

#include "core/db.h"
#include "core/report.h"

#include "cmd/complete.h"
#include "cmd/key_source.h"
#include "cmd/models.h"
#include "cmd/template_file.h"

/* Warnings about the configuration are for another time. */
static bool load(struct cmd_ctx *ctx)
{
    struct err ignored = ERR_INIT;
    bool was_quiet = ctx->global.quiet;
    ctx->global.quiet = true;
    bool ok = cmd_load(ctx, CMD_CONF, &ignored) == ERR_OK;
    ctx->global.quiet = was_quiet;
    return ok;
}

/* ---- configuration ---- */

static void add_aliases(struct complete *c)
{
    const struct conf *conf = c->ctx->conf;
    for (size_t i = 0; i < conf->n_aliases; i++)
        complete_offerz(c, conf->aliases[i].name, conf->aliases[i].target);
}

static void add_routes(struct complete *c)
{
    const struct conf *conf = c->ctx->conf;
    for (size_t i = 0; i < conf->n_routes; i++)
        complete_offerz(c, conf->routes[i].name, "route");
}

static void add_targets(struct complete *c)
{
    const struct conf *conf = c->ctx->conf;
    for (size_t i = 0; i < conf->n_providers; i++)
        complete_offerz(c, conf->providers[i].name, "provider");
    for (size_t i = 0; i < conf->n_routes; i++)
        for (size_t k = 0; k < conf->routes[i].n_targets; k++)
            complete_offerz(c,
                            arena_printf(&c->ctx->arena, "%s/%s",
                                         conf->routes[i].targets[k].provider,
                                         conf->routes[i].targets[k].model),
                            conf->routes[i].name);
}

/*
 * PROVIDER/MODEL of what can be asked, with its price and window; the model alone, too, once it
 * is begun: it is a name of its own.
 */
static void add_catalog(struct complete *c)
{
    size_t n;
    struct cmd_ctx *ctx = c->ctx;
    const struct catalog_model *all = catalog_models(ctx->catalog, &n);
    for (size_t p = 0; p < ctx->conf->n_providers; p++) {
        const struct conf_provider *provider = &ctx->conf->providers[p];
        bool can_ask = key_can_ask(provider);
        for (size_t i = 0; can_ask && i < n; i++)
            if (conf_serves(provider, &all[i]) && catalog_can_chat(&all[i])) {
                complete_offerz(
                    c, arena_printf(&ctx->arena, "%s/%s", provider->name, all[i].model),
                    all[i].family);
                if (c->word.len > 0)
                    complete_offerz(c, all[i].model, all[i].family);
            }
    }
}

/* What providers have said that they serve. */
static void add_found(struct complete *c)
{
    AUTO(buf_release) struct buf found = BUF_INIT(LIMIT_REPLY_LEN);
    models_found(c->ctx, &found);
    struct str rest = arena_str(&c->ctx->arena, buf_str(&found)), name, model, provider;
    while (str_split(&rest, '\n', &name)) {
        model = name;
        str_split(&model, '/', &provider);
        const struct conf_provider *p = conf_provider(c->ctx->conf, provider);
        if (model.len > 0 && p != NULL && key_can_ask(p))
            complete_offer(c, name, STR_NONE);
    }
}

static void add_config_keys(struct complete *c)
{
    size_t n;
    const struct conf_key *keys = conf_schema(&n);
    for (size_t i = 0; i < n; i++) {
        const struct conf_key *k = &keys[i];
        bool has_name = false;
        size_t n_sections;
        const struct conf_section *sections = conf_sections(&n_sections);
        for (size_t s = 0; s < n_sections; s++)
            has_name |= strcmp(sections[s].name, k->section) == 0 && sections[s].sub;
        if (k->key != NULL && !has_name)
            complete_offerz(c, arena_printf(&c->ctx->arena, "%s.%s", k->section, k->key),
                            k->help);
    }
    const struct conf *conf = c->ctx->conf;
    for (size_t i = 0; conf != NULL && i < conf->n_values; i++) {
        const struct conf_value *v = &conf->values[i];
        complete_offerz(c,
                        arena_printf(&c->ctx->arena, "%s%s%s.%s", v->section,
                                     v->sub != NULL ? "." : "",
                                     v->sub != NULL ? v->sub : "", v->key),
                        v->value);
    }
}

/* ---- the ledger ---- */

static void on_word(void *arg, struct str word, struct str what)
{
    complete_offer(arg, word, what);
}

static void add_ledger(struct complete *c, enum report_word what)
{
    AUTO(db_close) struct db *db = NULL;
    struct err ignored = ERR_INIT;
    const char *path = conf_path_db(&c->ctx->arena, c->ctx->conf, cmd_getenv);
    if (db_open(path, DB_READ, &db, &ignored) == ERR_OK)
        (void)!report_words(db, what, on_word, c, &ignored);
}

/* ---- the rest ---- */

static void add_list(struct complete *c, const char *values)
{
    struct str rest = str_of(values), value;
    while (str_split(&rest, '|', &value))
        complete_offer(c, value, STR_NONE);
}

static void add_commands(struct complete *c)
{
    for (size_t i = 0; cmd_table[i] != NULL; i++)
        if (cmd_table[i]->summary != NULL)
            complete_offerz(c, cmd_table[i]->name, cmd_table[i]->summary);
}

enum opt_complete complete_kind(struct str operand)
{
    static const struct {
        const char *name;
        enum opt_complete kind;
    } rows[] = {
        {"MODEL", OPT_C_MODEL},       {"ROUTE", OPT_C_ROUTE},
        {"TARGET", OPT_C_TARGET},     {"FILE", OPT_C_FILE},
        {"KEY", OPT_C_KEY},           {"PERIOD", OPT_C_PERIOD},
        {"ID", OPT_C_REQUEST},        {"RUN", OPT_C_RUN},
        {"COMMAND", OPT_C_COMMAND},   {"PROVIDER", OPT_C_PROVIDER},
        {"TEMPLATE", OPT_C_TEMPLATE}, {"AIM", OPT_C_AIM},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(operand, rows[i].name))
            return rows[i].kind;
    return OPT_C_NONE;
}

static void add_providers(struct complete *c)
{
    const struct conf *conf = c->ctx->conf;
    size_t n;
    const struct provider_kind *kinds = provider_kinds(&n);
    for (size_t i = 0; i < conf->n_providers; i++)
        complete_offerz(c, conf->providers[i].name, conf->providers[i].base_url);
    for (size_t i = 0; i < n; i++)
        if (conf_provider(conf, str_of(kinds[i].kind)) == NULL ||
            conf_provider(conf, str_of(kinds[i].kind))->is_implicit)
            complete_offerz(c, kinds[i].kind, kinds[i].key_env[0]);
}

static void add_templates(struct complete *c)
{
    const char **names;
    size_t n = 0;
    struct err ignored = ERR_INIT;
    if (template_names(c->ctx, &names, &n, &ignored) != ERR_OK)
        return;
    for (size_t i = 0; i < n; i++)
        complete_offerz(c, names[i], NULL);
}

static void add_periods(struct complete *c)
{
    add_list(c, "today|yesterday|week|month|last-month|year|all|hourly|daily|weekly|"
                "monthly|sessions");
}

static void add_models(struct complete *c)
{
    add_aliases(c);
    add_routes(c);
    add_catalog(c);
    add_found(c);
}

void complete_words(struct complete *c, enum opt_complete kind, const char *values)
{
    if (!load(c->ctx))
        return;
    switch (kind) {
    case OPT_C_NONE:
        return;
    case OPT_C_FILE:
        buf_addz(&c->out, ":files\n");
        return;
    case OPT_C_MODEL:
        add_models(c);
        return;
    case OPT_C_ROUTE:
        add_routes(c);
        return;
    case OPT_C_TARGET:
        add_targets(c);
        return;
    case OPT_C_CONVERSATION:
        add_ledger(c, REPORT_CONVERSATIONS);
        return;
    case OPT_C_REQUEST:
        complete_offerz(c, "last", "the newest request");
        add_ledger(c, REPORT_REQUESTS);
        return;
    case OPT_C_TEMPLATE:
        add_templates(c);
        return;
    case OPT_C_TAG:
        add_ledger(c, REPORT_TAGS);
        return;
    case OPT_C_PROJECT:
        add_ledger(c, REPORT_PROJECTS);
        return;
    case OPT_C_RUN:
        add_ledger(c, REPORT_RUNS);
        return;
    case OPT_C_PERIOD:
        add_periods(c);
        return;
    case OPT_C_KEY:
        add_config_keys(c);
        return;
    case OPT_C_CHOICE:
        add_list(c, values);
        return;
    case OPT_C_COMMAND:
        add_commands(c);
        return;
    case OPT_C_AIM:
        add_list(c, "cost|latency|quality");
        return;
    case OPT_C_PROVIDER:
        add_providers(c);
        return;
    }
}
