/*
 * chat.c: `llmgw chat`: one question and its answer, or a conversation line by line.
 *
 * Owns the options, the request they make, and the order of things: everything is read and
 * opened first, so that nothing is paid for that cannot be shown.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"
#include "core/os.h"

#include "cmd/chat_request.h"
#include "cmd/dry.h"
#include "cmd/locals.h"
#include "cmd/out.h"
#include "cmd/prompt.h"
#include "cmd/repl.h"
#include "cmd/session.h"
#include "cmd/sig.h"
#include "cmd/template_file.h"

#define AT(field) .offset = offsetof(struct chat_options, field)

static const struct option_row rows[] = {
    {'s', "system", OPT_STRING, AT(system), "TEXT|@FILE", .group = "prompt",
     .help = "system prompt"},
    {'f', "file", OPT_STRINGS, AT(files), "FILE|DIR|-", .complete = OPT_C_FILE,
     .is_filled = true,
     .help = "put a file, or what git knows of a directory, before the prompt"},
    {'a', "attach", OPT_STRINGS, AT(attach), "FILE|-[:MIME]", .complete = OPT_C_FILE,
     .is_filled = true, .help = "attach an image, a PDF file or a text"},
    {'t', "template", OPT_STRING, AT(template_name), "NAME|FILE",
     .complete = OPT_C_TEMPLATE, .is_filled = true,
     .help = "put the prompt into a template"},
    {'p', "param", OPT_STRINGS, AT(params), "K=V",
     .help = "set a parameter of the template; may be repeated"},
    {0, "save", OPT_STRING, AT(save), "NAME", .is_filled = true,
     .help = "make a template of these options and words; ask nothing"},
    {'e', "editor", OPT_FLAG, AT(editor),
     .help = "write the prompt in VISUAL or EDITOR; empty, it is not sent"},
    {0, "stdin", OPT_FLAG, AT(want_stdin), .help = "read standard input, whatever it is"},
    {0, "no-stdin", OPT_FLAG, AT(no_stdin),
     .help = "never read it, as in a loop that reads it itself"},

    {'m', "model", OPT_STRING, AT(model), "NAME", .complete = OPT_C_MODEL,
     .group = "where", .is_filled = true, .help = "model, alias or route to ask"},
    {'r', "route", OPT_STRING, AT(route), "NAME", .complete = OPT_C_ROUTE,
     .is_filled = true, .help = "route to ask"},
    {0, "fallback", OPT_STRINGS, AT(fallback), "MODEL", .complete = OPT_C_MODEL,
     .is_filled = true, .help = "ask this one when the others fail; may be repeated"},
    {0, "no-fallback", OPT_FLAG, AT(no_fallback),
     .help = "ask one target only, whatever the route lists behind it"},
    {0, "timeout", OPT_DURATION, AT(timeout_us), "DUR",
     .help = "give up after so long; 600s by default"},
    {0, "ttft-timeout", OPT_DURATION, AT(ttft_us), "DUR",
     .help = "give a target up that has not begun to answer after so long"},
    {0, "tier", OPT_CHOICE, AT(tier), "TIER", .values = "fast|flex",
     .help = "pay more to be answered sooner, or less to be answered later"},
    {0, "max-cost", OPT_MONEY, AT(max_cost), "USD",
     .help = "refuse, before sending, what could cost more"},

    {'O', "option", OPT_STRINGS, AT(options), "K=V", .group = "how",
     .help = "set a field of the request; V is JSON if it can be, else a string"},
    {0, "temperature", OPT_STRING, AT(temperature), "N", .help = "randomness, from 0"},
    {0, "max-tokens", OPT_INT, AT(max_tok), "N", .values = "1..", .help = "output cap"},
    {0, "seed", OPT_STRING, AT(seed), "N", .help = "for answers that can be had again"},
    {0, "effort", OPT_CHOICE, AT(effort), "LEVEL", .values = CHAT_EFFORTS,
     .help = "how long to think"},

    {0, "schema", OPT_STRING, AT(schema), "FILE|JSON|DSL", .complete = OPT_C_FILE,
     .help = "an answer in JSON that fits a schema, or fields such as 'name, age int'"},

    {'c', "continue", OPT_FLAG, AT(cont), .group = "conversation",
     .help = "go on with the latest conversation"},
    {0, "cid", OPT_STRING, AT(cid), "ID|NAME", .complete = OPT_C_CONVERSATION,
     .is_filled = true, .help = "go on with this conversation"},
    {0, "conversation", OPT_STRING, AT(cid), "ID|NAME", .complete = OPT_C_CONVERSATION,
     .hidden = true, .is_filled = true, .help = "the same as --cid"},
    {0, "fork", OPT_STRING, AT(fork), "ID|NAME", .complete = OPT_C_CONVERSATION,
     .is_filled = true, .help = "begin a conversation with the turns of this one"},
    {0, "name", OPT_STRING, AT(name), "NAME", .is_filled = true,
     .help = "begin a conversation of this name"},
    {0, "tag", OPT_STRINGS, AT(tags), "K=V", .complete = OPT_C_TAG,
     .help = "mark the request in the ledger; may be repeated"},
    {'P', "project", OPT_STRING, AT(project), "NAME", .complete = OPT_C_PROJECT,
     .help = "project it belongs to"},
    {0, "log", OPT_FLAG, AT(log), .help = "record question and answer"},
    {0, "no-log", OPT_FLAG, AT(no_log), .help = "record nothing"},

    {'x', "extract", OPT_FLAG, AT(extract), .group = "output",
     .help = "show the first block of code in the answer, and nothing else"},
    {0, "extract-last", OPT_FLAG, AT(extract_last),
     .help = "show the last one; --xl is the same"},
    {0, "xl", OPT_FLAG, AT(extract_last), .hidden = true,
     .help = "the same as --extract-last"},
    {0, "raw", OPT_FLAG, AT(raw),
     .help = "let control sequences through to the terminal"},
    {0, "no-stream", OPT_FLAG, AT(no_stream),
     .help = "show nothing before the answer is whole"},
    {'R', "hide-reasoning", OPT_FLAG, AT(hide_reasoning), .help = "show the answer only"},
    {'u', "usage", OPT_FLAG, AT(usage),
     .help = "tell tokens, cost, time and what today has cost, on stderr"},
    {0, "usage-file", OPT_STRING, AT(usage_file), "FILE|&FD", .complete = OPT_C_FILE,
     .is_filled = true, .help = "write the same as JSON"},
    {0, "tee", OPT_STRING, AT(tee), "FILE", .complete = OPT_C_FILE, .is_filled = true,
     .help = "write the answer there too"},
    {0, "strict", OPT_FLAG, AT(strict),
     .help = "fail when the output cap cuts the answer"},

    {'i', "interactive", OPT_FLAG, AT(interactive), .group = "modes",
     .help = "go on at the terminal after this prompt"},
    {0, "dry-run", OPT_FLAG, AT(dry_run),
     .help = "send nothing; tell what would be asked, and what it would cost"},
    {0, "explain", OPT_FLAG, AT(explain), .help = "tell why this target was asked"},
    {0},
};

#undef AT

static const struct cmd_example examples[] = {
    {"llmgw chat \"why is the sky blue?\"", "ask"},
    {"git diff --staged | llmgw chat \"write a commit message\"", "ask about a pipe"},
    {"llmgw chat -f src \"where is the retry logic?\"", "ask about a directory"},
    {"llmgw chat -c \"and in C?\"", "go on"},
    {"llmgw chat -x \"a shell function that joins lines\"", "the code, and nothing else"},
    {"llmgw chat --max-tokens 500 --max-cost 0.01 hi", "refused if it could cost more"},
    {"llmgw chat -F jsonl hi", "events, one JSON object a line"},
    {0},
};

static void init(void *options)
{
    struct chat_options *o = options;
    o->max_tok = -1;
    o->max_cost = PICO_UNKNOWN;
}

/* --- the ways to run --- */

static enum errc print_trace(struct session *s, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    if (session_explain(s, &text, e) != ERR_OK)
        return err_ctx(e, "--explain");
    fprintf(stderr, "%.*s", STR_ARG(buf_str(&text)));
    return ERR_OK;
}

static enum errc run_once(struct session *s, const struct prompt *p, struct err *e)
{
    struct jw w;
    struct err why = ERR_INIT;
    jw_init(&w, &s->messages);
    prompt_write(p, &w);
    buf_addc(&s->messages, ',');
    enum errc rc = session_show(s, e);
    if (rc == ERR_OK)
        rc = sig_open(true, &s->sig_fd, e);
    if (rc == ERR_OK)
        rc = session_turn(s, e);
    if (rc == ERR_CANCELLED)
        e->sys = sig_take();
    if (s->o->explain && print_trace(s, &why) != ERR_OK)
        cmd_warn(s->ctx, "%s", why.text);
    if (answer_close(&s->answer, rc == ERR_OK ? e : &why) != ERR_OK && rc == ERR_OK)
        rc = e->code;
    return rc;
}

/* Whoever piped his question in goes on at the terminal. */
static enum errc take_terminal(struct err *e)
{
    if (isatty(STDIN_FILENO))
        return ERR_OK;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
        return err_errno(e, ERR_USAGE, "-i: no terminal to go on at: /dev/tty");
    close(fd);
    return ERR_OK;
}

/* -i and -e need a person. */
static enum errc check_person(const struct cmd_ctx *ctx, const struct chat_options *o,
                              struct err *e)
{
    enum cmd_format format = cmd_format(ctx, &cmd_chat);
    if (ctx->global.no_input && (o->interactive || o->editor))
        return err_set(e, ERR_USAGE, "%s and --no-input exclude each other",
                       o->interactive ? "-i" : "-e");
    if (o->interactive && (format == FORMAT_JSON || format == FORMAT_JSONL))
        return err_set(e, ERR_USAGE, "-i is for people: it has no format %s",
                       cmd_format_name(format));
    return ERR_OK;
}

/* With what has been read: `p` is NULL when a person has said nothing yet. */
static enum errc converse(struct cmd_ctx *ctx, const struct chat_options *o,
                          const struct prompt_source *source, const struct prompt *p,
                          bool is_dry, struct err *e)
{
    struct session s;
    enum errc rc = o->interactive && !is_dry ? take_terminal(e) : ERR_OK;
    if (rc == ERR_OK)
        rc = session_open(&s, ctx, o, e);
    if (rc != ERR_OK)
        return rc;
    s.template_file = source->template_file;
    s.params = source->params;
    rc = is_dry                        ? dry_run(&s, p, e)
         : p == NULL || o->interactive ? repl_run(&s, p, e)
                                       : run_once(&s, p, e);
    session_release(&s);
    return rc;
}

/* What the command line leaves out comes from the template, if there is one. */
static enum errc prepare(struct cmd_ctx *ctx, struct chat_options *o,
                         struct template_file *t, struct err *e)
{
    enum errc rc = chat_check(o, e);
    if (rc == ERR_OK)
        rc = check_person(ctx, o, e);
    if (rc == ERR_OK)
        rc = prompt_system(ctx, o->system, &o->system, e);
    if (rc != ERR_OK || o->template_name == NULL)
        return rc;
    rc = template_load(ctx, o->template_name, t, e);
    if (rc == ERR_OK)
        rc = template_apply(ctx, t, &o->params, o, e);
    if (rc == ERR_OK && chat_check(o, e) != ERR_OK)
        rc = err_ctx(e, "%s", t->path);
    return rc;
}

static enum errc save(struct cmd_ctx *ctx, const struct chat_options *o,
                      const struct opt_args *args, struct err *e)
{
    AUTO(buf_release) struct buf words = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    struct template_file t;
    const char *path;
    enum errc rc = template_path(ctx, o->save, &path, e);
    if (rc != ERR_OK)
        return rc;
    if (access(path, F_OK) == 0)
        return err_set(e, ERR_USAGE,
                       "there is a template \"%s\"\nhint: llmgw template edit %s",
                       o->save, o->save);
    prompt_join(args, &words);
    template_write(o, buf_str(&words), &text);
    rc = template_parse(ctx, path, buf_str(&text), &t, e);
    if (rc == ERR_OK)
        rc = os_make_parents(path, 0700, e);
    if (rc == ERR_OK)
        rc = conf_write_file(path, buf_str(&text), e);
    if (rc == ERR_OK)
        cmd_note(ctx, "saved as %s", path);
    return rc;
}

/*
 * Where no key is set and no model is configured, a server on this machine may still serve. A
 * conversation that is gone on with has a model already.
 */
static void look_near(struct cmd_ctx *ctx, struct chat_options *o)
{
    struct local_server servers[LOCALS_MAX];
    const struct conf *c = ctx->conf;
    bool is_set = o->model != NULL || o->route != NULL || o->save != NULL || c == NULL ||
                  o->cont || o->cid != NULL || o->fork != NULL ||
                  c->core.default_model != NULL || c->core.default_route != NULL ||
                  c->chat.model != NULL || c->chat.route != NULL ||
                  conf_route(c, STR("default")) != NULL;
    if (is_set)
        return;
    o->model = locals_first(ctx, servers, locals_find(ctx, servers));
    if (o->model != NULL)
        cmd_note(ctx, "no key is set: asking %s on this machine", o->model);
}

static enum errc ask(struct cmd_ctx *ctx, const struct chat_options *given,
                     const struct opt_args *args, bool is_dry, struct err *e)
{
    bool never = ctx->conf != NULL && ctx->conf->chat.stdin_rule != NULL &&
                 strcmp(ctx->conf->chat.stdin_rule, "never") == 0;
    struct chat_options o = *given;
    struct template_file t;
    struct prompt p;
    enum errc rc = prepare(ctx, &o, &t, e);
    if (rc != ERR_OK)
        return rc;
    look_near(ctx, &o);
    if (o.save != NULL)
        return save(ctx, &o, args, e);
    const struct prompt_source source = {
        .files = &o.files,
        .attach = &o.attach,
        .words = args,
        .want_stdin = o.want_stdin,
        .never_stdin = o.no_stdin || (never && !o.want_stdin),
        .has_editor = o.editor,
        .template_file = o.template_name != NULL ? &t : NULL,
        .params = &o.params,
    };
    if (!is_dry && prompt_is_interactive(&source) && !ctx->global.no_input)
        return converse(ctx, &o, &source, NULL, false, e);
    rc = prompt_build(ctx, &source, &p, e);
    if (rc != ERR_OK)
        return rc;
    rc = converse(ctx, &o, &source, &p, is_dry, e);
    prompt_release(&p);
    return rc;
}

enum errc chat_dry_run(struct cmd_ctx *ctx, const struct chat_options *o,
                       const struct opt_args *words, struct err *e)
{
    return ask(ctx, o, words, true, e);
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    const struct chat_options *o = options;
    return ask(ctx, o, args, o->dry_run, e);
}

const struct cmd_entry cmd_chat = {
    .name = "chat",
    .args = "[options] [PROMPT...]",
    .summary = "ask a model; with no PROMPT on a terminal, talk with it",
    .options = rows,
    .options_size = sizeof(struct chat_options),
    .init = init,
    .needs = CMD_CONF | CMD_BROKER,
    .formats =
        1 << FORMAT_TEXT | 1 << FORMAT_MARKDOWN | 1 << FORMAT_JSON | 1 << FORMAT_JSONL,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .run = run,
};
