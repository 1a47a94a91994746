/*
 * help.c: `llmgw help`, and the help texts of every command, all made from the tables.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/jsonx.h"

#include "cmd/cmd.h"
#include "cmd/out.h"

extern char **environ;

enum { HELP_LEN = 256 * 1024 };

static const struct cmd_example general_examples[] = {
    {"llmgw chat \"why is the sky blue?\"", "ask"},
    {"git diff --staged | llmgw chat \"write a commit message\"", "ask about a pipe"},
    {"llmgw cost", "this month's money"},
    {0},
};

/* The screen's width; 80 where there is none, so that the text does not depend on it. */
static int help_width(void)
{
    enum { WIDEST = 90, NO_SCREEN = 80 };
    return isatty(STDOUT_FILENO) ? MIN(out_screen_width(), WIDEST) : NO_SCREEN;
}

/* What each does stands beside it where all have room for that, else above. */
static void help_examples(const struct cmd_example *examples, struct buf *out)
{
    size_t line = 0, what = 0;
    for (const struct cmd_example *x = examples; x->line != NULL; x++) {
        line = MAX(line, strlen(x->line));
        what = MAX(what, strlen(x->what));
    }
    bool is_wide = strlen("  ") + line + strlen("  # ") + what <= (size_t)help_width();
    for (const struct cmd_example *x = examples; x->line != NULL; x++)
        if (is_wide)
            buf_printf(out, "  %-*s  # %s\n", (int)line, x->line, x->what);
        else
            buf_printf(out, "  # %s\n  %s\n", x->what, x->line);
}

void cmd_help_entry(const struct cmd_entry *entry, bool full, struct buf *out)
{
    size_t from = out->len;
    buf_printf(out, "usage: llmgw %s%s", entry->name, entry->args[0] ? " " : "");
    opt_wrap(out, str_of(entry->args), strlen("usage: llmgw "), out->len - from,
             (size_t)help_width());
    if (entry->summary != NULL) {
        buf_addc(out, '\n');
        opt_wrap(out, str_of(entry->summary), 0, 0, (size_t)help_width());
    }
    if (full && entry->examples != NULL) {
        buf_addz(out, "\nexamples:\n");
        help_examples(entry->examples, out);
    }
    if (entry->options != NULL && entry->options->name != NULL) {
        buf_addz(out, entry->options->group == NULL ? "\noptions:\n" : "\n");
        opt_help(entry->options, help_width(), out);
    }
    if (entry->like != NULL)
        buf_printf(out, "\nwith %s also the options of llmgw %s: llmgw help %s\n",
                   entry->like_with, entry->like->name, entry->like->name);
    if (!full)
        return;
    buf_addc(out, '\n');
    opt_help(cmd_global_options, help_width(), out);
}

static void help_commands(struct buf *out)
{
    enum { COLUMN = 16 };
    buf_addz(out, "\ncommands:\n");
    for (size_t i = 0; cmd_table[i] != NULL; i++) {
        if (cmd_table[i]->summary == NULL)
            continue;
        buf_printf(out, "  %-12s  ", cmd_table[i]->name);
        opt_wrap(out, str_of(cmd_table[i]->summary), COLUMN, COLUMN,
                 (size_t)help_width());
    }
}

void cmd_help_all(bool full, struct buf *out)
{
    buf_addz(out, "usage: llmgw [global options] COMMAND [options] [args]\n\n");
    help_examples(general_examples, out);
    if (!full) {
        buf_addz(out, "\ncommands:");
        size_t at = strlen("commands:"), width = (size_t)help_width();
        for (size_t i = 0; cmd_table[i] != NULL; i++) {
            if (cmd_table[i]->summary == NULL)
                continue;
            if (at + 1 + strlen(cmd_table[i]->name) > width) {
                buf_addz(out, "\n ");
                at = 1;
            }
            buf_printf(out, " %s", cmd_table[i]->name);
            at += 1 + strlen(cmd_table[i]->name);
        }
        buf_addz(out, "\n\n");
        opt_wrap(out,
                 STR("llmgw COMMAND -h tells a command's options, llmgw help COMMAND "
                     "all about it."),
                 0, 0, width);
        return;
    }
    help_commands(out);
    buf_addc(out, '\n');
    opt_help(cmd_global_options, help_width(), out);
}

static void help_exit_codes(struct buf *out)
{
    AUTO(buf_release) struct buf lines = BUF_INIT(HELP_LEN);
    for (const struct cmd_exit *x = cmd_exits; x->name != NULL; x++)
        buf_printf(&lines, "%4d  %-15s  %s\n", x->status, x->name, x->when);
    out_wrap(out, &lines);
}

/* ---- help as JSON: the tables, for programs ---- */

/* The words that an option goes with, "" for none behind the command; null: all of them. */
static void json_with(struct jw *w, const char *key, const char *with)
{
    struct str rest = str_of(with), word;
    jw_key(w, key);
    if (with == NULL) {
        jw_null(w);
        return;
    }
    jw_array(w);
    while (str_split(&rest, ' ', &word))
        jw_str(w, str_eqz(word, OPT_BARE) ? STR("") : word);
    jw_array_end(w);
}

static void json_option(struct jw *w, const struct cmd_entry *entry,
                        const struct option_row *row)
{
    char letter[2] = {row->letter, '\0'};
    jw_object(w);
    jw_key(w, "name");
    jw_strz(w, row->name);
    jw_key(w, "letter");
    jw_strz(w, row->letter ? letter : NULL);
    jw_key(w, "argument");
    jw_strz(w, row->arg);
    jw_key(w, "values");
    jw_strz(w, row->values);
    jw_key(w, "negatable");
    jw_bool(w, row->negatable);
    json_with(w, "with", entry != NULL ? cmd_option_with(entry, row) : NULL);
    jw_key(w, "help");
    jw_strz(w, row->help);
    jw_object_end(w);
}

static void json_options(struct jw *w, const char *key, const struct cmd_entry *entry,
                         const struct option_row *table)
{
    jw_key(w, key);
    jw_array(w);
    for (const struct option_row *row = table; row != NULL && row->name != NULL; row++)
        if (!row->hidden)
            json_option(w, entry, row);
    jw_array_end(w);
}

static void json_examples(struct jw *w, const struct cmd_example *examples)
{
    jw_key(w, "examples");
    jw_array(w);
    for (const struct cmd_example *x = examples; x != NULL && x->line != NULL; x++) {
        jw_object(w);
        jw_key(w, "line");
        jw_strz(w, x->line);
        jw_key(w, "what");
        jw_strz(w, x->what);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void json_command(struct jw *w, const struct cmd_entry *entry)
{
    const char *const texts[][2] = {{"name", entry->name},
                                    {"alias", entry->alias},
                                    {"arguments", entry->args},
                                    {"summary", entry->summary}};
    jw_object(w);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        jw_key(w, texts[i][0]);
        jw_strz(w, texts[i][1]);
    }
    jw_key(w, "formats");
    jw_array(w);
    for (unsigned f = FORMAT_TEXT; f <= FORMAT_HTML; f++)
        if ((entry->formats & 1U << f) != 0)
            jw_strz(w, cmd_format_name((enum cmd_format)f));
    jw_array_end(w);
    json_options(w, "options", entry, entry->options);
    jw_key(w, "options_of");
    jw_strz(w, entry->like != NULL ? entry->like->name : NULL);
    json_with(w, "options_of_with", entry->like_with);
    json_examples(w, entry->examples);
    jw_object_end(w);
}

static void json_exits(struct jw *w)
{
    jw_key(w, "exit_codes");
    jw_array(w);
    for (const struct cmd_exit *x = cmd_exits; x->name != NULL; x++) {
        jw_object(w);
        jw_key(w, "code");
        jw_i64(w, x->status);
        jw_key(w, "name");
        jw_strz(w, x->name);
        jw_key(w, "when");
        jw_strz(w, x->when);
        jw_object_end(w);
    }
    jw_array_end(w);
}

/* All commands, or the one given. */
static void help_json(const struct cmd_entry *only, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_key(&w, "schema");
    jw_strz(&w, "llmgw.help/1");
    jw_key(&w, "version");
    jw_strz(&w, PACKAGE_VERSION);
    json_options(&w, "global_options", NULL, cmd_global_options);
    jw_key(&w, "commands");
    jw_array(&w);
    for (size_t i = 0; cmd_table[i] != NULL; i++)
        if (only == NULL ? cmd_table[i]->summary != NULL : only == cmd_table[i])
            json_command(&w, cmd_table[i]);
    jw_array_end(&w);
    json_exits(&w);
    jw_object_end(&w);
    buf_addc(out, '\n');
}

/* ---- manuals ---- */

/* Shows the man page; false when there is no man or no such page. */
static bool help_man(const char *page)
{
    char man[] = "man", name[64];
    snprintf(name, sizeof name, "%s", page);
    char *const argv[] = {man, name, NULL};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status = -1;
    bool started = posix_spawnp(&pid, man, &quiet, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&quiet);
    return started && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static enum errc help_topic(const struct cmd_ctx *ctx, const char *topic, struct buf *out,
                            struct err *e)
{
    const struct cmd_entry *entry = cmd_find(str_of(topic));
    bool is_json = cmd_format(ctx, &cmd_help) == FORMAT_JSON;
    char page[64];
    if (entry == NULL && strcmp(topic, "exit-codes") != 0)
        return cmd_unknown(str_of(topic), e);
    snprintf(page, sizeof page, "llmgw-%s", entry ? entry->name : topic);
    if (is_json)
        help_json(entry, out);
    else if (isatty(STDOUT_FILENO) && help_man(page))
        return ERR_OK;
    else if (entry == NULL)
        help_exit_codes(out);
    else
        cmd_help_entry(entry, true, out);
    return ERR_OK;
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    (void)options;
    AUTO(buf_release) struct buf out = BUF_INIT(HELP_LEN);
    enum errc rc = ERR_OK;
    if (args->n > 1)
        return err_set(e, ERR_USAGE, "one command or topic at a time");
    if (args->n == 1)
        rc = help_topic(ctx, args->items[0], &out, e);
    else if (cmd_format(ctx, &cmd_help) == FORMAT_JSON)
        help_json(NULL, &out);
    else
        cmd_help_all(true, &out);
    return rc == ERR_OK ? out_write(ctx, buf_str(&out), e) : rc;
}

static const struct cmd_example examples[] = {
    {"llmgw help cost", "the manual of one command"},
    {"llmgw help exit-codes", "what each exit status means"},
    {0},
};

const struct cmd_entry cmd_help = {
    .name = "help",
    .args = "[COMMAND|exit-codes]",
    .summary = "show help for a command or topic",
    .formats = 1 << FORMAT_TEXT | 1 << FORMAT_JSON,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .run = run,
};
