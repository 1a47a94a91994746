/* main.c: llmgwd: options, one struct broker, exit status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/opt.h"

#include "broker/broker.h"

struct main_options {
    bool foreground, is_auto, help, version;
    const char *socket, *config, *log_level;
    struct opt_list conf;
    int64_t ready_fd;
};

#define AT(field) offsetof(struct main_options, field)

/* clang-format off */
static const struct option_row rows[] = {
    {'f', "foreground", OPT_FLAG, AT(foreground),
     .help = "stay in the foreground (the default; for unit files)"},
    {0, "auto", OPT_FLAG, AT(is_auto),
     .help = "started by a client: end when idle for broker.idle-exit"},
    {'S', "socket", OPT_STRING, AT(socket), .arg = "PATH", .complete = OPT_C_FILE,
     .help = "listen on this Unix socket"},
    {0, "config", OPT_STRING, AT(config), .arg = "FILE", .complete = OPT_C_FILE,
     .help = "read this configuration instead of the usual files"},
    {0, "conf", OPT_STRINGS, AT(conf), .arg = "KEY=VALUE", .complete = OPT_C_KEY,
     .help = "set one key for this run, above all files"},
    {0, "ready-fd", OPT_INT, AT(ready_fd), .arg = "N",
     .help = "write a line to this descriptor when ready to answer"},
    {0, "log-level", OPT_CHOICE, AT(log_level), .arg = "LEVEL",
     .values = "error|warn|info|debug", .complete = OPT_C_CHOICE,
     .help = "what goes to standard error"},
    {'h', "help", OPT_FLAG, AT(help), .help = "show this help"},
    {'V', "version", OPT_FLAG, AT(version), .help = "show the version"},
    {.name = NULL},
};
/* clang-format on */

static int complain(const struct err *e)
{
    fprintf(stderr, "llmgwd: %s\n", e->text);
    return errc_exit(e->code);
}

static int print_help(void)
{
    AUTO(buf_release) struct buf help = BUF_INIT(64 * 1024);
    buf_addz(&help, "Usage: llmgwd [options]\n"
                    "The broker of llmgw: one endpoint for many LLM providers.\n\n");
    opt_help(rows, 80, &help);
    fwrite(help.data, 1, help.len, stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* A daemon that a client left behind must not keep that client's directory busy. */
static void leave_directory(const struct main_options *o)
{
    if (o->is_auto && (o->config == NULL || o->config[0] == '/') && chdir("/") != 0)
        fputs("llmgwd: cannot change to /\n", stderr);
}

static int serve(const struct main_options *o)
{
    struct err e = ERR_INIT;
    const struct broker_options b_options = {
        .config = o->config,
        .socket = o->socket,
        .overrides = o->conf.items, /* zeroed, so it ends with a NULL */
        .is_auto = o->is_auto,
        .ready_fd = (int)o->ready_fd,
        .log_fd = STDERR_FILENO,
        .log_level = o->log_level,
    };
    AUTO(broker_free) struct broker *b = NULL;
    leave_directory(o);
    if (broker_new(&b_options, &b, &e) != ERR_OK || broker_run(b, &e) != ERR_OK)
        return complain(&e);
    return 0;
}

int main(int argc, char *argv[])
{
    struct main_options o = {.ready_fd = -1};
    const struct option_row *const tables[OPT_TABLES] = {rows, NULL};
    void *const into[OPT_TABLES] = {&o, NULL};
    struct opt_args args = {.n = 0};
    int used;
    struct err e = ERR_INIT;
    signal(SIGPIPE, SIG_IGN); /* a write to one who has gone is an error like others */
    signal(SIGXFSZ, SIG_IGN); /* … as is one beyond the limit of a file's size */
    if (opt_parse(argc, argv, tables, into, false, &args, &used, &e) != ERR_OK)
        return complain(&e);
    if (o.help)
        return print_help();
    if (o.version)
        return puts("llmgwd " PACKAGE_VERSION) < 0;
    if (args.n > 0) {
        err_set(&e, ERR_USAGE, "unexpected argument \"%s\"", args.items[0]);
        return complain(&e);
    }
    return serve(&o);
}
