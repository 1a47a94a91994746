/*
 * main.c: llmgw-sim: options, then serve. The only file here that ends the process.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/opt.h"

#include "tests/sim/sim.h"

enum { HELP_LEN = 64 * 1024, HELP_WIDTH = 80 };

struct options {
    struct opt_list listen;
    const char *dialect, *scenario, *journal;
    int64_t seed;
    bool bench, check, help, version;
};

#define O(field) offsetof(struct options, field)
static const struct option_row option_rows[] = {
    {'l', "listen", OPT_STRINGS, O(listen), "[NAME=]127.0.0.1:PORT", .group = "Serving",
     .help = "accept here; port 0 takes any free one; repeatable"},
    {'d', "dialect", OPT_CHOICE, O(dialect), "DIALECT",
     .values = "openai|anthropic|gemini|cohere|bedrock|responses|all",
     .help = "which endpoints exist"},
    {'s', "scenario", OPT_STRING, O(scenario), "FILE", .complete = OPT_C_FILE,
     .help = "which answers and faults; read again on SIGHUP"},
    {'j', "journal", OPT_STRING, O(journal), "FILE", .complete = OPT_C_FILE,
     .help = "append a JSON line for each request and each answer"},
    {'S', "seed", OPT_INT, O(seed), "N", .values = "0..",
     .help = "of texts and chances; the same seed says the same"},
    {'b', "bench", OPT_FLAG, O(bench),
     .help = "scan requests instead of checking them, for speed"},
    {'n', "check", OPT_FLAG, O(check), .help = "only read the scenario"},
    {'h', "help", OPT_FLAG, O(help), .group = "Other", .help = "show this"},
    {'V', "version", OPT_FLAG, O(version), .help = "show the version"},
    {.name = NULL},
};
#undef O

static void print_help(void)
{
    AUTO(buf_release) struct buf out = BUF_INIT(HELP_LEN);
    opt_help(option_rows, HELP_WIDTH, &out);
    printf("usage: llmgw-sim [options]\n%.*s", STR_ARG(buf_str(&out)));
}

static enum errc open_journal(struct sim *s, const char *file, struct err *e)
{
    if (file == NULL)
        return ERR_OK;
    s->journal_fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return s->journal_fd >= 0 ? ERR_OK : err_errno(e, ERR_IO, "open %s", file);
}

static enum errc serve(const struct options *o, struct err *e)
{
    static const char *const anywhere[] = {"127.0.0.1:0"};
    static const struct sim_dialect *const dialects[] = {&sim_openai,  &sim_anthropic,
                                                         &sim_gemini,  &sim_cohere,
                                                         &sim_bedrock, &sim_responses};
    struct sim s = {.journal_fd = -1, .seed = (uint64_t)o->seed, .bench = o->bench};
    list_init(&s.replaced);
    s.scenario_file = o->scenario;
    for (size_t i = 0; o->dialect != NULL && i < ARRAY_LEN(dialects); i++)
        if (strcmp(o->dialect, dialects[i]->name) == 0)
            s.only = dialects[i];
    enum errc rc =
        o->scenario ? sim_load(&s, o->scenario, e) : sim_load_text(&s, STR_NONE, e);
    if (rc == ERR_OK)
        rc = open_journal(&s, o->journal, e);
    if (rc == ERR_OK && !o->check)
        rc = sim_serve(&s, o->listen.n ? o->listen.items : anywhere,
                       o->listen.n ? o->listen.n : ARRAY_LEN(anywhere), e);
    sim_release(&s);
    return rc;
}

static enum errc run(int argc, char *argv[], struct err *e)
{
    struct options o = {0};
    struct opt_args args = {.n = 0};
    const struct option_row *const tables[OPT_TABLES] = {option_rows, NULL};
    void *const into[OPT_TABLES] = {&o, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, false, &args, NULL, e);
    if (rc != ERR_OK)
        return rc;
    if (args.n > 0)
        return err_set(e, ERR_USAGE, "no operands are taken: %s", args.items[0]);
    if (o.listen.n > SIM_LISTENERS)
        return err_set(e, ERR_USAGE, "at most %d times --listen", SIM_LISTENERS);
    if (o.help)
        print_help();
    else if (o.version)
        printf("llmgw-sim %s\n", PACKAGE_VERSION);
    else
        return serve(&o, e);
    return ERR_OK;
}

int main(int argc, char *argv[])
{
    struct err e = ERR_INIT;
    enum errc rc = run(argc, argv, &e);
    if (rc != ERR_OK)
        fprintf(stderr, "llmgw-sim: %s\n", e.text);
    return errc_exit(rc);
}
