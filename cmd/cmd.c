/*
 * cmd.c: see cmd.h.
 *
 * Owns the table of commands, the global options and the way every command speaks on stderr.
 */
#include "cmd/cmd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"
#include "core/near.h"

#include "cmd/out.h"
#include "cmd/term.h"

const struct cmd_entry *const cmd_table[] = {
#define COMMAND(name) &cmd_##name,
#include "cmd/commands.def"
#undef COMMAND
    NULL,
};

#define AT(field) .offset = offsetof(struct cmd_global, field)

const struct option_row cmd_global_options[] = {
    {'h', "short-help", OPT_FLAG, AT(help_short), .hidden = true, .help = "short help"},
    {0, "help", OPT_FLAG, AT(help_full), .group = "global options",
     .help = "show help; -h is the short form"},
    {'V', "version", OPT_FLAG, AT(version),
     .help = "show the version; with -v also build, libraries and paths"},
    {'v', "verbose", OPT_COUNT, AT(verbose), .help = "say more; may be repeated"},
    {'q', "quiet", OPT_FLAG, AT(quiet), .help = "no notes and no progress, only errors"},
    {'F', "format", OPT_CHOICE, AT(format), .arg = "FMT",
     .values = "text|table|json|jsonl|csv|tsv|markdown|html", .complete = OPT_C_CHOICE,
     .help =
         "text, table, json, jsonl, csv, tsv, markdown or html, as the command allows"},
    {'j', "json", OPT_FLAG, AT(json), .help = "the same as -F json"},
    {'o', "output", OPT_STRING, AT(output), .arg = "FILE", .complete = OPT_C_FILE,
     .is_filled = true,
     .help = "write the result to FILE, whole or not at all; - is standard output"},
    {0, "fields", OPT_STRING, AT(fields), .arg = "LIST",
     .help = "choose and order the columns, as in A,B,C; names as in tables or JSON"},
    {0, "color", OPT_CHOICE, AT(color), .arg = "WHEN", .values = "auto|always|never",
     .complete = OPT_C_CHOICE, .help = "auto, always or never"},
    {0, "no-pager", OPT_FLAG, AT(no_pager), .help = "never start a pager"},
    {0, "config", OPT_STRING, AT(config), .arg = "FILE", .complete = OPT_C_FILE,
     .is_filled = true, .help = "read this configuration file instead of the usual ones"},
    {0, "conf", OPT_STRINGS, AT(conf), .arg = "KEY=VALUE", .complete = OPT_C_KEY,
     .help = "set one configuration key for this run"},
    {'S', "socket", OPT_STRING, AT(socket), .arg = "PATH", .complete = OPT_C_FILE,
     .help = "the broker's socket"},
    {0, "no-autostart", OPT_FLAG, AT(no_autostart),
     .help = "fail rather than start a broker"},
    {0, "no-input", OPT_FLAG, AT(no_input), .help = "never ask"},
    {0, "offline", OPT_FLAG, AT(offline),
     .help = "use no network at all: ask only targets on this machine"},
    {'z', "tz", OPT_STRING, AT(tz), .arg = "ZONE",
     .help = "time zone for dates, such as Europe/Berlin; local by default"},
    {0},
};

#undef AT

static const char *const format_names[] = {
    [FORMAT_TEXT] = "text",         [FORMAT_TABLE] = "table", [FORMAT_JSON] = "json",
    [FORMAT_JSONL] = "jsonl",       [FORMAT_CSV] = "csv",     [FORMAT_TSV] = "tsv",
    [FORMAT_MARKDOWN] = "markdown", [FORMAT_HTML] = "html",
};

const char *cmd_format_name(enum cmd_format format)
{
    return format_names[format];
}

/* What -F and -j ask for; FORMAT_UNSET without them. */
static enum cmd_format format_asked(const struct cmd_ctx *ctx)
{
    if (ctx->global.json)
        return FORMAT_JSON;
    for (size_t i = 1; ctx->global.format != NULL && i < ARRAY_LEN(format_names); i++)
        if (strcmp(format_names[i], ctx->global.format) == 0)
            return (enum cmd_format)i;
    return FORMAT_UNSET;
}

enum cmd_format cmd_format(const struct cmd_ctx *ctx, const struct cmd_entry *entry)
{
    enum cmd_format asked = format_asked(ctx);
    return asked != FORMAT_UNSET ? asked : entry->preset;
}

enum errc cmd_formats(const struct cmd_ctx *ctx, const char *what, unsigned formats,
                      struct err *e)
{
    enum cmd_format asked = format_asked(ctx);
    if (asked == FORMAT_UNSET || (formats >> asked & 1) != 0)
        return ERR_OK;
    return err_set(e, ERR_USAGE, "%s has no format \"%s\"", what, cmd_format_name(asked));
}

const struct cmd_entry *cmd_find(struct str name)
{
    for (size_t i = 0; cmd_table[i] != NULL; i++)
        if (str_eqz(name, cmd_table[i]->name) ||
            (cmd_table[i]->alias != NULL && str_eqz(name, cmd_table[i]->alias)))
            return cmd_table[i];
    return NULL;
}

enum errc cmd_unknown(struct str name, struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, name);
    for (size_t i = 0; cmd_table[i] != NULL; i++)
        if (cmd_table[i]->summary != NULL)
            near_offerz(&near, cmd_table[i]->name);
    /* other tools take it for a prompt */
    if (str_find(name, ' ') < name.len)
        return err_set(e, ERR_USAGE,
                       "unknown command \"%.*s\"\nhint: llmgw chat \"...\" asks a model",
                       STR_ARG(name));
    return err_set(e, ERR_USAGE, "unknown command \"%.*s\"%s%s", STR_ARG(name),
                   near_hint(&near, NEAR_MAX, hint),
                   near.n == 0 ? "\nhint: llmgw help lists the commands" : "");
}

void cmd_tell(struct str lines)
{
    AUTO(buf_release) struct buf out = BUF_INIT(2 * LIMIT_HEAD_LEN);
    size_t width = isatty(STDERR_FILENO) ? (size_t)out_width_of(STDERR_FILENO) : SIZE_MAX;
    struct str line;
    while (str_split(&lines, '\n', &line))
        opt_wrap(&out, line, 2, 0, width);
    fprintf(stderr, "%.*s", STR_ARG(buf_str(&out)));
}

/* What is told may quote a provider, a file or an answer: nobody's words may steer the terminal. */
static void say(const struct cmd_ctx *ctx, const char *text)
{
    AUTO(buf_release) struct buf safe = BUF_INIT(LIMIT_HEAD_LEN);
    struct term_filter filter = {0};
    buf_printf(&safe, "%s: ", ctx->program);
    if (ctx->command != NULL)
        buf_printf(&safe, "%s: ", ctx->command);
    term_filter(&filter, str_of(text), &safe);
    cmd_tell(buf_str(&safe));
}

static void say_formatted(const struct cmd_ctx *ctx, const char *fmt, va_list ap)
    PRINTF(2, 0);

static void say_formatted(const struct cmd_ctx *ctx, const char *fmt, va_list ap)
{
    char text[2 * LIMIT_ERR_TEXT];
    vsnprintf(text, sizeof text, fmt, ap);
    say(ctx, text);
}

void cmd_note(const struct cmd_ctx *ctx, const char *fmt, ...)
{
    if (ctx->global.quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    say_formatted(ctx, fmt, ap);
    va_end(ap);
}

void cmd_warn(const struct cmd_ctx *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_formatted(ctx, fmt, ap);
    va_end(ap);
}

const struct cmd_exit cmd_exits[] = {
    {0, "ok", "done"},
    {1, "error", "anything that is not below, and internal errors"},
    {2, "usage", "a bad option or argument, or an error in the configuration"},
    {3, "partial",
     "useful output, but incomplete: a stream was cut, or some rows failed"},
    {4, "not_found", "no such model, route, conversation, request or template"},
    {5, "refused", "policy said no before anything was sent: budget, price cap"},
    {6, "check_failed", "the command ran, and the answer to its check is bad"},
    {7, "upstream", "every target failed, after retries and fallbacks"},
    {8, "auth", "a key is missing or not accepted"},
    {9, "timeout", "the time allowed is over"},
    {10, "broker", "the broker cannot be reached or started, or speaks another protocol"},
    {11, "unusable_answer",
     "refusal, content filter, or an answer that misses the schema"},
    {130, "signal", "ended by SIGINT (141: SIGPIPE, 143: SIGTERM), really by the signal"},
    {0},
};

static const char *exit_name(int status)
{
    for (const struct cmd_exit *x = cmd_exits; x->name != NULL; x++)
        if (x->status == status)
            return x->name;
    return "error";
}

/*
 * {"error":{"code":7,"name":"upstream","class":"rate_limit","message":…,"attempts":[…],
 * "retry_after_s":12}}
 */
static void fail_json(const struct cmd_ctx *ctx, const struct err *e)
{
    AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    struct str text = str_of(e->text), hint = STR("\nhint: ");
    size_t at = str_search(text, hint);
    bool is_signal = e->code == ERR_CANCELLED && (e->sys == SIGINT || e->sys == SIGTERM);
    int status = is_signal ? 128 + e->sys : errc_exit(e->code);
    jw_init(&w, &line);
    jw_object(&w);
    jw_key(&w, "error");
    jw_object(&w);
    jw_key(&w, "code");
    jw_i64(&w, status);
    jw_key(&w, "name");
    jw_strz(&w, exit_name(is_signal ? 130 : status));
    jw_key(&w, "class");
    jw_strz(&w, errc_name(e->code));
    jw_key(&w, "message");
    jw_str(&w, str_sub(text, 0, at));
    if (at < text.len) {
        jw_key(&w, "hint");
        jw_str(&w, str_sub(text, at + hint.len, text.len));
    }
    if (ctx->tried != NULL) {
        jw_key(&w, "attempts");
        jw_raw(&w, str_of(ctx->tried));
    }
    if (e->retry_after_us >= 0) {
        jw_key(&w, "retry_after_s");
        jw_i64(&w, (e->retry_after_us + US_PER_S - 1) / US_PER_S);
    }
    jw_object_end(&w);
    jw_object_end(&w);
    fprintf(stderr, "%s\n", line.data ? line.data : "{}");
}

void cmd_fail(const struct cmd_ctx *ctx, const struct err *e)
{
    enum cmd_format format = format_asked(ctx);
    if (e->code == ERR_CHECK && e->text[0] == '\0')
        return; /* the result has said it */
    if (format == FORMAT_JSON || format == FORMAT_JSONL)
        fail_json(ctx, e);
    else
        say(ctx, e->text);
}

const char *cmd_getenv(const char *name)
{
    return getenv(name);
}

enum errc cmd_tag(const char *tag, struct str *ret_key, struct str *ret_value,
                  struct err *e)
{
    if (tag == NULL)
        return ERR_OK;
    struct str s = str_of(tag);
    size_t eq = str_find(s, '=');
    if (eq == s.len)
        return err_set(e, ERR_USAGE, "--tag: KEY=VALUE, not \"%s\"", tag);
    *ret_key = str_sub(s, 0, eq);
    *ret_value = str_sub(s, eq + 1, s.len);
    return ERR_OK;
}
