/* sub.c: the words behind a command: `llmgw config set`; which options go with which. */
#include <string.h>

#include "core/near.h"

#include "cmd/cmd.h"

static const struct cmd_sub *find_sub(const struct cmd_entry *entry, const char *word)
{
    for (const struct cmd_sub *s = entry->subs; s != NULL && s->name != NULL; s++)
        if (strcmp(s->name, word) == 0)
            return s;
    return NULL;
}

static enum errc unknown_sub(const struct cmd_entry *entry, const struct opt_args *args,
                             struct err *e)
{
    const char *word = args->items[0];
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, str_of(word));
    for (const struct cmd_sub *s = entry->subs; s->name != NULL; s++)
        near_offerz(&near, s->name);
    /* a name where a verb belongs: most likely it is to be shown */
    const char *show = find_sub(entry, "show") != NULL  ? "show"
                       : find_sub(entry, "get") != NULL ? "get"
                                                        : NULL;
    if (near.n == 0 && args->n == 1 && show != NULL)
        return err_set(
            e, ERR_USAGE,
            "unknown subcommand \"%s\"\nhint: llmgw %s %s %s, or llmgw help %s", word,
            entry->name, show, word, entry->name);
    return err_set(e, ERR_USAGE, "unknown subcommand \"%s\"%s\nhint: llmgw help %s", word,
                   near_hint(&near, 1, hint), entry->name);
}

/*
 * A VALUE or a PROMPT may be empty. Any other word that is was mostly a variable of the shell that
 * is not set, and never means "any of them".
 */
static bool is_line_right(const struct cmd_sub *s, const char *const *args, size_t n)
{
    bool is_right = n >= s->min && n <= s->max;
    bool takes_empty =
        strstr(s->args, "VALUE") != NULL || strstr(s->args, "PROMPT") != NULL;
    for (size_t i = 0; i < n && !takes_empty; i++)
        is_right = is_right && args[i][0] != '\0';
    return is_right;
}

enum errc cmd_run(struct cmd_ctx *ctx, const struct cmd_entry *entry, void *options,
                  const struct opt_args *args, struct err *e)
{
    const struct cmd_sub *s = args->n > 0 ? find_sub(entry, args->items[0]) : NULL;
    if (s == NULL && entry->run != NULL)
        return entry->run(ctx, options, args, e);
    if (args->n == 0)
        return entry->subs[0].run(ctx, options, NULL, 0, e);
    if (s == NULL)
        return unknown_sub(entry, args, e);
    if (!is_line_right(s, args->items + 1, args->n - 1))
        return err_set(e, ERR_USAGE, "usage: llmgw %s %s%s%s", entry->name, s->name,
                       s->args[0] ? " " : "", s->args);
    return s->run(ctx, options, args->items + 1, args->n - 1, e);
}

static bool is_row_of(const struct option_row *table, const struct option_row *row)
{
    for (; table != NULL && table->name != NULL; table++)
        if (table == row)
            return true;
    return false;
}

const char *cmd_option_with(const struct cmd_entry *entry, const struct option_row *row)
{
    if (entry->like != NULL && is_row_of(entry->like->options, row))
        return entry->like_with;
    if (!is_row_of(entry->options, row))
        return NULL; /* a global one */
    return row->with != NULL ? row->with : entry->options_with;
}

/* The word in force; NULL when there is none of that name. */
static const char *word_of(const struct cmd_entry *entry, const struct opt_args *args)
{
    const struct cmd_sub *s = args->n > 0 ? find_sub(entry, args->items[0]) : NULL;
    if (s != NULL)
        return s->name;
    if (entry->run != NULL)
        return OPT_BARE;
    return args->n == 0 ? entry->subs[0].name : NULL;
}

static enum errc does_not_go(const char *option, const char *with, const char *word,
                             struct err *e)
{
    AUTO(buf_release) struct buf words = BUF_INIT(LIMIT_HEAD_LEN);
    opt_words(with, &words);
    struct str all = buf_str(&words);
    if (opt_has_word(with, STR(OPT_BARE)))
        return err_set(e, ERR_USAGE, "--%s does not go with %s", option, word);
    if (strcmp(word, OPT_BARE) == 0)
        return err_set(e, ERR_USAGE, "--%s goes with %.*s only", option, STR_ARG(all));
    return err_set(e, ERR_USAGE, "--%s goes with %.*s, not with %s", option, STR_ARG(all),
                   word);
}

enum errc cmd_check_options(const struct cmd_entry *entry, const struct opt_args *args,
                            struct err *e)
{
    const char *word = word_of(entry, args);
    for (size_t i = 0; word != NULL && i < args->n_given; i++) {
        const struct option_row *row = args->given[i];
        const char *with = cmd_option_with(entry, row);
        if (with != NULL && !opt_has_word(with, str_of(word)))
            return does_not_go(row->name, with, word, e);
    }
    return ERR_OK;
}
