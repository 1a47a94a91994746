/*
 * help.c: `llmgw help`, and the help texts of every command, all made from the tables.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"

extern char **environ;

enum { HELP_LEN = 256 * 1024, HELP_WIDTH = 80 };

static const struct cmd_example general_examples[] = {
    {"llmgw chat \"why is the sky blue?\"", "ask"},
    {"git diff --staged | llmgw chat \"write a commit message\"", "ask about a pipe"},
    {"llmgw cost", "this month's money"},
    {0},
};

static void help_examples(const struct cmd_example *examples, struct buf *out)
{
    for (const struct cmd_example *x = examples; x != NULL && x->line != NULL; x++)
        buf_printf(out, "  %-58s # %s\n", x->line, x->what);
}

void cmd_help_entry(const struct cmd_entry *entry, bool full, struct buf *out)
{
    buf_printf(out, "usage: llmgw %s%s%s\n", entry->name, entry->args[0] ? " " : "",
               entry->args);
    if (entry->summary != NULL) {
        buf_addc(out, '\n');
        opt_wrap(out, str_of(entry->summary), 0, 0, HELP_WIDTH);
    }
    if (full && entry->examples != NULL) {
        buf_addz(out, "\nexamples:\n");
        help_examples(entry->examples, out);
    }
    if (entry->options != NULL && entry->options->name != NULL) {
        buf_addz(out, entry->options->group == NULL ? "\noptions:\n" : "\n");
        opt_help(entry->options, HELP_WIDTH, out);
    }
    if (!full)
        return;
    buf_addc(out, '\n');
    opt_help(cmd_global_options, HELP_WIDTH, out);
}

static void help_commands(struct buf *out)
{
    buf_addz(out, "\ncommands:\n");
    for (size_t i = 0; cmd_table[i] != NULL; i++)
        if (cmd_table[i]->summary != NULL)
            buf_printf(out, "  %-12s  %s\n", cmd_table[i]->name, cmd_table[i]->summary);
}

void cmd_help_all(bool full, struct buf *out)
{
    buf_addz(out, "usage: llmgw [global options] COMMAND [options] [args]\n\n");
    help_examples(general_examples, out);
    if (!full) {
        buf_addz(out, "\ncommands:");
        size_t at = strlen("commands:"), width = HELP_WIDTH;
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
        buf_addz(out,
                 "\n\nllmgw COMMAND -h tells a command's options, llmgw help COMMAND "
                 "all about it.\n");
        return;
    }
    help_commands(out);
    buf_addc(out, '\n');
    opt_help(cmd_global_options, HELP_WIDTH, out);
}

static void help_exit_codes(struct buf *out)
{
    static const struct {
        int status;
        const char *when;
    } rows[] = {
        {0, "done"},
        {1, "anything not below, internal error"},
        {2, "bad option or argument, or an error in the configuration"},
        {3, "useful output, but incomplete: a stream was cut, or some rows failed"},
        {4, "no such model, route, conversation, request or template"},
        {5, "policy refused before sending: budget, price cap"},
        {6,
         "the command ran and the answer is bad: over budget, unhealthy, problems found"},
        {7, "every target failed, after retries and fallbacks"},
        {8, "missing or invalid key"},
        {9, "the time allowed is over"},
        {10, "the broker cannot be reached or started, or speaks another protocol"},
        {11, "refusal, content filter, or an answer that does not fit the schema"},
        {130, "ended by SIGINT; 141 SIGPIPE, 143 SIGTERM: really by the signal"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        buf_printf(out, "%4d  %-15s  %s\n", rows[i].status,
                   rows[i].status < 130 ? cmd_exit_name(rows[i].status) : "signal",
                   rows[i].when);
}

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

static enum errc help_topic(const char *topic, struct buf *out, struct err *e)
{
    const struct cmd_entry *entry = cmd_find(str_of(topic));
    if (strcmp(topic, "exit-codes") == 0) {
        help_exit_codes(out);
        return ERR_OK;
    }
    if (entry == NULL)
        return cmd_unknown(str_of(topic), e);
    char page[64];
    snprintf(page, sizeof page, "llmgw-%s", entry->name);
    if (!isatty(STDOUT_FILENO) || !help_man(page))
        cmd_help_entry(entry, true, out);
    return ERR_OK;
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    (void)ctx;
    (void)options;
    AUTO(buf_release) struct buf out = BUF_INIT(HELP_LEN);
    if (args->n > 1)
        return err_set(e, ERR_USAGE, "one command or topic at a time");
    enum errc rc = ERR_OK;
    if (args->n == 0)
        cmd_help_all(true, &out);
    else
        rc = help_topic(args->items[0], &out, e);
    return rc == ERR_OK ? cmd_print(buf_str(&out), e) : rc;
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
    .formats = 1 << FORMAT_TEXT,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .run = run,
};
