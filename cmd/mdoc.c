/*
 * mdoc.c: `llmgw __mdoc PART [NAME]`: the parts of manual pages that are made from tables.
 *
 * man/update.sh puts them between ".\" generated: PART [NAME]" and ".\" end generated" in the
 * pages, and a test compares, so that no page tells of an option that is not there.
 */
#include <string.h>

#include "core/db.h"

#include "cmd/cmd.h"
#include "cmd/out.h"

static void begin_list(struct buf *out)
{
    buf_addz(out, ".Bl -tag -width Ds\n");
}

static void end_list(struct buf *out)
{
    buf_addz(out, ".El\n");
}

static void write_examples(const struct cmd_example *examples, struct buf *out)
{
    buf_addz(out, ".Bd -literal -offset indent\n");
    for (const struct cmd_example *x = examples; x != NULL && x->line != NULL; x++) {
        buf_printf(out, "# %s\n$ ", x->what);
        opt_mdoc_text(out, str_of(x->line));
        buf_addc(out, '\n');
    }
    buf_addz(out, ".Ed\n");
}

static void write_commands(struct buf *out)
{
    begin_list(out);
    for (size_t i = 0; cmd_table[i] != NULL; i++)
        if (cmd_table[i]->summary != NULL) {
            buf_printf(out, ".It Xr llmgw-%s 1\n", cmd_table[i]->name);
            opt_mdoc_sentence(out, cmd_table[i]->summary);
        }
    end_list(out);
}

static void write_exits(struct buf *out)
{
    buf_addz(out, ".Bl -tag -width 3n\n");
    for (const struct cmd_exit *x = cmd_exits; x->name != NULL; x++)
        buf_printf(out, ".It %d\n.Em %s :\n%s.\n", x->status, x->name, x->when);
    end_list(out);
}

static const char *type_text(const struct conf_key *k)
{
    switch (k->type) {
    case CONF_STRING:
        return "text";
    case CONF_CHOICE:
    case CONF_ENUM:
        return k->values;
    case CONF_CAPS:
        return "names";
    case CONF_BOOL:
        return "yes|no";
    case CONF_INT:
        return "number";
    case CONF_SIZE:
        return "size";
    case CONF_DURATION:
        return "duration";
    case CONF_MONEY:
        return "dollars";
    case CONF_FRACTION:
        return "fraction";
    case CONF_MODEL:
        return "model";
    case CONF_ROUTE:
        return "route";
    case CONF_PROVIDER:
        return "provider";
    case CONF_CLIENT:
        return "client";
    case CONF_TARGET:
        return "target";
    case CONF_RATE:
        return "rate";
    case CONF_SPEND:
    case CONF_BUDGET:
        return "dollars/period";
    case CONF_HEADER:
        return "pair";
    case CONF_SECRET:
        return "source";
    case CONF_URL:
        return "URL";
    case CONF_ADDRESS:
        return "address:port";
    case CONF_PATH:
        return "path";
    case CONF_HASH:
        return "hash";
    case CONF_ALIAS:
        return "model";
    case CONF_PRICE:
        return "dollars";
    }
    return "text";
}

/* "a|b|c" as a list that can be broken. */
static void write_names(const char *values, struct buf *out)
{
    struct str rest = str_of(values), name;
    buf_addz(out, "Known names:\n.Cm");
    while (str_split(&rest, '|', &name))
        buf_printf(out, " %.*s%s", STR_ARG(name), rest.ptr != NULL ? " ," : " .\n");
}

static void write_key(const struct conf_key *k, struct buf *out)
{
    if (k->key != NULL)
        buf_printf(out, ".It Ic %s No = Ar %s\n", k->key, type_text(k));
    else
        buf_printf(out, ".It Ar name No = Ar %s\n", type_text(k));
    opt_mdoc_sentence(out, k->help);
    if (k->preset != NULL)
        buf_printf(out, "The default is\n.Ql %s .\n", k->preset);
    if (k->type == CONF_INT && k->values != NULL)
        buf_printf(out, "In the range %s.\n", k->values);
    if (k->type == CONF_CAPS)
        write_names(k->values, out);
    if (k->multi)
        buf_addz(out, "May be repeated.\n");
    if (k->in_project)
        buf_addz(out, "A project's file may set it.\n");
}

static void write_config(struct buf *out)
{
    size_t n, n_sections;
    const struct conf_key *keys = conf_schema(&n);
    const struct conf_section *sections = conf_sections(&n_sections);
    for (size_t s = 0; s < n_sections; s++) {
        buf_printf(out, ".Ss [%s", sections[s].name);
        if (sections[s].sub != NULL)
            buf_printf(out, " \\(dq%s\\(dq", sections[s].sub);
        buf_addz(out, "]\\&\n"); /* no delimiter at the end of a sentence */
        opt_mdoc_sentence(out, sections[s].help);
        begin_list(out);
        for (size_t i = 0; i < n; i++)
            if (strcmp(keys[i].section, sections[s].name) == 0)
                write_key(&keys[i], out);
        end_list(out);
    }
}

static void write_schema(struct buf *out)
{
    buf_addz(out, ".Bd -literal\n");
    for (size_t v = 0; v < DB_SCHEMA_VERSION; v++)
        for (const char *const *piece = db_migrations[v]; *piece != NULL; piece++)
            opt_mdoc_text(out, str_of(*piece));
    buf_addz(out, ".Ed\n");
}

static void write_errors(struct buf *out)
{
    buf_addz(out, ".Bl -column upstream_authentication HTTP exit retry\n"
                  ".It Em class Ta Em HTTP Ta Em exit Ta Em retry\n");
    for (unsigned i = ERR_OK + 1; i < ERR_N_; i++)
        buf_printf(out, ".It %s Ta %d Ta %d Ta %s\n", errc_name((enum errc)i),
                   errc_http((enum errc)i), errc_exit((enum errc)i),
                   errc_is_retryable((enum errc)i) ? "yes" : "no");
    end_list(out);
}

static void write_kinds(struct buf *out)
{
    size_t n;
    const struct provider_kind *kinds = provider_kinds(&n);
    buf_addz(out, ".Bl -column openai-compatible ANTHROPIC_API_KEY address\n"
                  ".It Em kind Ta Em key Ta Em address\n");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, ".It %s Ta %s Ta %s\n", kinds[i].kind,
                   kinds[i].key_env[0] ? kinds[i].key_env[0] : "\\(em",
                   kinds[i].base_url ? kinds[i].base_url
                   : kinds[i].dialect == DIALECT_BEDROCK
                       ? "region must be set, or AWS_REGION"
                       : "base-url must be set");
    end_list(out);
}

static enum errc write_part(const char *part, const struct cmd_entry *entry,
                            struct buf *out, struct err *e)
{
    if (strcmp(part, "global") == 0)
        opt_mdoc(cmd_global_options, out);
    else if (strcmp(part, "commands") == 0)
        write_commands(out);
    else if (strcmp(part, "exits") == 0)
        write_exits(out);
    else if (strcmp(part, "config") == 0)
        write_config(out);
    else if (strcmp(part, "kinds") == 0)
        write_kinds(out);
    else if (strcmp(part, "schema") == 0)
        write_schema(out);
    else if (strcmp(part, "errors") == 0)
        write_errors(out);
    else if (strcmp(part, "options") == 0 && entry != NULL)
        opt_mdoc(entry->options, out);
    else if (strcmp(part, "examples") == 0 && entry != NULL)
        write_examples(entry->examples, out);
    else
        return err_set(e, ERR_USAGE, "no part \"%s\"", part);
    return ERR_OK;
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    (void)ctx;
    (void)options;
    AUTO(buf_release) struct buf out = BUF_INIT(1024 * 1024);
    const struct cmd_entry *entry = args->n > 1 ? cmd_find(str_of(args->items[1])) : NULL;
    if (args->n == 0)
        return err_set(e, ERR_USAGE, "usage: llmgw __mdoc PART [COMMAND]");
    enum errc rc = write_part(args->items[0], entry, &out, e);
    return rc == ERR_OK ? out_write(ctx, buf_str(&out), e) : rc;
}

const struct cmd_entry cmd___mdoc = {
    .name = "__mdoc",
    .args = "PART [COMMAND]",
    .formats = 1 << FORMAT_TEXT,
    .preset = FORMAT_TEXT,
    .run = run,
};
