/*
 * main.c: llmgw: finds the command, fills its options, gives it what it needs, runs it, and
 * turns the result into the exit status. The only file of cmd/ that ends the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/zone.h"

#include "cmd/link.h"
#include "cmd/out.h"
#include "cmd/sig.h"
#include "cmd/today.h"

enum { HELP_LEN = 256 * 1024, CTX_LEN = 64 * 1024 * 1024 };

/*
 * A closed descriptor 0, 1 or 2 would be taken by the next file we open. It is filled with one
 * that fails the same way: /dev/null opened the other way round.
 */
static void fill_closed_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(1);
}

static enum errc print_help(struct cmd_ctx *ctx, const struct cmd_entry *entry, bool full,
                            struct err *e)
{
    AUTO(buf_release) struct buf out = BUF_INIT(HELP_LEN);
    if (entry != NULL)
        cmd_help_entry(entry, full, &out);
    else
        cmd_help_all(full, &out);
    return out_write(ctx, buf_str(&out), e);
}

static enum errc print_version(struct cmd_ctx *ctx, struct err *e)
{
    AUTO(buf_release) struct buf out = BUF_INIT(HELP_LEN);
    cmd_version_text(ctx, ctx->global.verbose > 0, &out);
    return out_write(ctx, buf_str(&out), e);
}

/* One line of where things stand, for a person who typed the bare name. */
static enum errc print_state(struct cmd_ctx *ctx, struct err *e)
{
    AUTO(link_close) struct link *l = NULL;
    enum errc rc = cmd_load(ctx, CMD_CONF, e);
    if (rc != ERR_OK)
        return rc;
    AUTO(buf_release) struct buf line = BUF_INIT(4096);
    struct err why = ERR_INIT;
    bool is_running = link_open(ctx, false, &l, &why) == ERR_OK;
    AUTO(buf_release) struct buf text = BUF_INIT(8192);
    buf_addz(&line,
             is_running ? "broker running" : "broker not running; it starts when needed");
    today_add(ctx, ", ", &line);
    buf_addc(&text, '\n');
    opt_wrap(&text, buf_str(&line), 2, 0, (size_t)out_screen_width());
    return out_write(ctx, buf_str(&text), e);
}

/* `llmgw` with nothing behind it: help for people, a usage error for scripts. */
static enum errc run_bare(struct cmd_ctx *ctx, struct err *e)
{
    if (ctx->global.help_short || ctx->global.help_full)
        return print_help(ctx, NULL, ctx->global.help_full, e);
    if (isatty(STDOUT_FILENO)) {
        enum errc rc = print_help(ctx, NULL, false, e);
        return rc == ERR_OK ? print_state(ctx, e) : rc;
    }
    return err_set(e, ERR_USAGE,
                   "no command\nhint: llmgw chat asks a model; llmgw help lists the "
                   "commands");
}

/* `llmgw foo` is `llmgw-foo` when that is in PATH. Returns only when it is not. */
static enum errc run_external(struct cmd_ctx *ctx, char *argv[], struct err *e)
{
    struct str name = str_of(argv[0]);
    if (name.len > 0 && str_find(name, '/') == name.len) {
        char *shown = argv[0];
        const char *program = arena_printf(&ctx->arena, "llmgw-%s", argv[0]);
        execvp(program, argv);
        if (errno != ENOENT)
            return err_errno(e, ERR_USAGE, "%s", program);
        argv[0] = shown;
    }
    return cmd_unknown(name, e);
}

static enum errc check_format(const struct cmd_ctx *ctx, const struct cmd_entry *entry,
                              struct err *e)
{
    enum cmd_format format = cmd_format(ctx, entry);
    if (format == entry->preset || (entry->formats & 1U << format) != 0)
        return ERR_OK;
    char known[128] = "";
    size_t used = 0;
    for (unsigned f = FORMAT_TEXT; f <= FORMAT_HTML; f++)
        if ((entry->formats & 1U << f) != 0 && used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, " %s",
                                     cmd_format_name((enum cmd_format)f));
    return err_set(e, ERR_USAGE, "no format %s here; there is%s", cmd_format_name(format),
                   used > 0 ? known : " none");
}

static enum errc run_entry(struct cmd_ctx *ctx, const struct cmd_entry *entry, int argc,
                           char *argv[], struct err *e)
{
    struct opt_args args = {.n = 0};
    void *options = arena_alloc(&ctx->arena, 1, MAX(entry->options_size, 1));
    if (options == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    if (entry->like != NULL && entry->like->init != NULL)
        entry->like->init(options);
    if (entry->init != NULL)
        entry->init(options);
    const struct option_row *const tables[OPT_TABLES] = {
        entry->options,
        entry->like != NULL ? entry->like->options : NULL,
        cmd_global_options,
    };
    void *const into[OPT_TABLES] = {options, options, &ctx->global};
    enum errc rc = opt_parse(argc, argv, tables, into, false, &args, NULL, e);
    if (rc != ERR_OK)
        return rc;
    if (ctx->global.help_short || ctx->global.help_full)
        return print_help(ctx, entry, ctx->global.help_full, e);
    if (ctx->global.version)
        return print_version(ctx, e);
    if (entry->args[0] == '\0' && args.n > 0)
        return err_set(e, ERR_USAGE, "it takes no words, not \"%s\"\nhint: llmgw help %s",
                       args.items[0], entry->name);
    rc = cmd_check_options(entry, &args, e);
    if (rc == ERR_OK)
        rc = check_format(ctx, entry, e);
    if (rc == ERR_OK)
        rc = zone_use(ctx->global.tz, e);
    if (rc == ERR_OK)
        rc = cmd_load(ctx, entry->needs, e);
    return rc == ERR_OK ? cmd_run(ctx, entry, options, &args, e) : rc;
}

static enum errc run(struct cmd_ctx *ctx, int argc, char *argv[], struct err *e)
{
    struct opt_args none = {.n = 0};
    const struct option_row *const tables[OPT_TABLES] = {NULL, cmd_global_options};
    void *const into[OPT_TABLES] = {NULL, &ctx->global};
    int used;
    enum errc rc = opt_parse(argc, argv, tables, into, true, &none, &used, e);
    if (rc != ERR_OK)
        return rc;
    if (ctx->global.version)
        return print_version(ctx, e);
    if (used >= argc)
        return run_bare(ctx, e);
    const struct cmd_entry *entry = cmd_find(str_of(argv[used]));
    if (entry == NULL)
        return run_external(ctx, argv + used, e);
    ctx->command = entry->name;
    return run_entry(ctx, entry, argc - used, argv + used, e);
}

/* See core/mem.h: nothing is printed by half. */
void mem_failed(void)
{
    static const char text[] = "llmgw: out of memory\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(errc_exit(ERR_MEMORY));
}

int main(int argc, char *argv[])
{
    fill_closed_descriptors();
    setlocale(LC_CTYPE, "");
    struct cmd_ctx ctx = {.program = "llmgw", .clock = &clock_system};
    struct err e = ERR_INIT;
    arena_init(&ctx.arena, CTX_LEN);
    enum errc rc = run(&ctx, argc, argv, &e);
    if (fflush(stdout) != 0 && rc == ERR_OK)
        rc = err_errno(&e, ERR_IO, "write to standard output");
    if (rc != ERR_OK)
        cmd_fail(&ctx, &e);
    conf_free(&ctx.conf);
    catalog_free(&ctx.catalog);
    arena_release(&ctx.arena);
    if (rc == ERR_CANCELLED && (e.sys == SIGINT || e.sys == SIGTERM))
        sig_die(e.sys);
    return errc_exit(rc);
}
