/*
 * chat.c: `llmgw chat`: one question and its answer, or a conversation line by line.
 *
 * Owns the options, the request they make, and the order of things: everything is read and
 * opened first, so that nothing is paid for that cannot be shown.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"
#include "core/mem.h"

#include "cmd/answer.h"
#include "cmd/chat_request.h"
#include "cmd/explain.h"
#include "cmd/history.h"
#include "cmd/line.h"
#include "cmd/link.h"
#include "cmd/prompt.h"
#include "cmd/sig.h"

#define AT(field) .offset = offsetof(struct chat_options, field)

static const struct option_row rows[] = {
    {'s', "system", OPT_STRING, AT(system), "TEXT|@FILE", .group = "prompt",
     .help = "system prompt"},
    {'f', "file", OPT_STRINGS, AT(files), "FILE|DIR|-", .complete = OPT_C_FILE,
     .help = "put a file, or what git knows of a directory, before the prompt"},
    {'a', "attach", OPT_STRINGS, AT(attach), "FILE|-[:MIME]", .complete = OPT_C_FILE,
     .help = "attach an image, a PDF file or a text"},
    {0, "stdin", OPT_FLAG, AT(want_stdin), .help = "read standard input, whatever it is"},
    {0, "no-stdin", OPT_FLAG, AT(no_stdin),
     .help = "never read it, as in a loop that reads it itself"},

    {'m', "model", OPT_STRING, AT(model), "NAME", .complete = OPT_C_MODEL,
     .group = "where", .help = "model, alias or route to ask"},
    {'r', "route", OPT_STRING, AT(route), "NAME", .complete = OPT_C_ROUTE,
     .help = "route to ask"},
    {0, "fallback", OPT_STRINGS, AT(fallback), "MODEL", .complete = OPT_C_MODEL,
     .help = "ask this one when the others fail; may be repeated"},
    {0, "timeout", OPT_DURATION, AT(timeout_us), "DUR",
     .help = "give up after so long; 600s by default"},
    {0, "ttft-timeout", OPT_DURATION, AT(ttft_us), "DUR",
     .help = "give a target up that has not begun to answer after so long"},
    {0, "max-cost", OPT_MONEY, AT(max_cost), "USD",
     .help = "refuse, before sending, what could cost more"},

    {'O', "option", OPT_STRINGS, AT(options), "K=V", .group = "how",
     .help = "set a field of the request; V is JSON if it can be, else a string"},
    {0, "temperature", OPT_STRING, AT(temperature), "N", .help = "randomness, from 0"},
    {0, "max-tokens", OPT_INT, AT(max_tok), "N", .values = "1..", .help = "output cap"},
    {0, "seed", OPT_STRING, AT(seed), "N", .help = "for answers that can be had again"},
    {0, "effort", OPT_STRING, AT(effort), "LEVEL",
     .help = "how long to think: none, minimal, low, medium, high"},

    {'c', "continue", OPT_FLAG, AT(cont), .group = "conversation",
     .help = "go on with the latest conversation"},
    {0, "cid", OPT_STRING, AT(cid), "ID|NAME", .complete = OPT_C_CONVERSATION,
     .help = "go on with this conversation"},
    {0, "conversation", OPT_STRING, AT(cid), "ID|NAME", .complete = OPT_C_CONVERSATION,
     .hidden = true, .help = "the same as --cid"},
    {0, "name", OPT_STRING, AT(name), "NAME",
     .help = "begin a conversation of this name"},
    {0, "tag", OPT_STRINGS, AT(tags), "K=V", .complete = OPT_C_TAG,
     .help = "mark the request in the ledger; may be repeated"},
    {'P', "project", OPT_STRING, AT(project), "NAME", .help = "project it belongs to"},
    {0, "log", OPT_FLAG, AT(log), .help = "record question and answer"},
    {0, "no-log", OPT_FLAG, AT(no_log), .help = "record nothing"},

    {0, "raw", OPT_FLAG, AT(raw), .group = "output",
     .help = "let control sequences through to the terminal"},
    {0, "no-stream", OPT_FLAG, AT(no_stream),
     .help = "show nothing before the answer is whole"},
    {'R', "hide-reasoning", OPT_FLAG, AT(hide_reasoning), .help = "show the answer only"},
    {'u', "usage", OPT_FLAG, AT(usage),
     .help = "tell tokens, cost, time and what today has cost, on stderr"},
    {0, "usage-file", OPT_STRING, AT(usage_file), "FILE|&FD", .complete = OPT_C_FILE,
     .help = "write the same as JSON"},
    {0, "tee", OPT_STRING, AT(tee), "FILE", .complete = OPT_C_FILE,
     .help = "write the answer there too"},
    {0, "strict", OPT_FLAG, AT(strict),
     .help = "fail when the output cap cuts the answer"},

    {0, "dry-run", OPT_FLAG, AT(dry_run), .group = "modes",
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

/* --- a conversation under way --- */

struct session {
    struct cmd_ctx *ctx;
    const struct chat_options *o;
    struct answer answer;
    struct buf messages; /* JSON, each with a comma behind */
    struct chat_turn turn;
    char parent[ULID_LEN + 1];
    int sig_fd;
};

static void add_message(struct buf *messages, const char *role, struct str text)
{
    struct jw w;
    jw_init(&w, messages);
    jw_object(&w);
    jw_kstrz(&w, "role", role);
    jw_kstr(&w, "content", text);
    jw_object_end(&w);
    buf_addc(messages, ',');
}

/* The system prompt: said now, else that of the conversation, else the configured one. */
static enum errc add_system(struct session *s, bool is_new, struct err *e)
{
    const char *text = s->o->system;
    if (text == NULL && is_new && s->ctx->conf != NULL)
        text = s->ctx->conf->chat.system;
    enum errc rc = prompt_system(s->ctx, text, &text, e);
    if (rc == ERR_OK && text != NULL && text[0] != '\0')
        add_message(&s->messages, "system", str_of(text));
    return rc;
}

static enum errc go_on(struct session *s, struct err *e)
{
    struct history h;
    enum errc rc = add_system(s, false, e);
    if (rc == ERR_OK)
        rc = history_load(s->ctx, s->o->cid, s->o->system == NULL, &h, e);
    if (rc != ERR_OK)
        return rc;
    buf_adds(&s->messages, buf_str(&h.messages));
    s->turn.conversation = h.conversation;
    s->turn.model = h.model;
    s->turn.route = h.route;
    snprintf(s->parent, sizeof s->parent, "%s", h.parent);
    history_release(&h);
    return ERR_OK;
}

static enum errc begin_new(struct session *s, struct err *e)
{
    const char *name = s->o->name;
    if (name != NULL && history_exists(s->ctx, name))
        return err_set(e, ERR_USAGE,
                       "there is a conversation \"%s\"\nhint: --cid %s goes on with it",
                       name, name);
    char id[ULID_LEN + 1];
    clock_ulid(id, clock_wall_us(s->ctx->clock));
    s->turn.conversation = arena_strz(&s->ctx->arena, str_of(id));
    s->turn.name = name;
    return add_system(s, true, e);
}

static enum errc session_open(struct session *s, struct cmd_ctx *ctx,
                              const struct chat_options *o, struct err *e)
{
    *s = (struct session){
        .ctx = ctx, .o = o, .messages = BUF_INIT(LIMIT_BODY_LEN), .sig_fd = -1};
    s->turn.parent = s->parent;
    return o->cont || o->cid != NULL ? go_on(s, e) : begin_new(s, e);
}

/* --- one turn --- */

/* Appends the answer to what was said, also one that was cut short. */
static void keep_answer(struct session *s)
{
    struct answer *a = &s->answer;
    if (a->text.len > 0)
        add_message(&s->messages, "assistant", buf_str(&a->text));
    if (a->request_id[0] != '\0')
        snprintf(s->parent, sizeof s->parent, "%.*s", ULID_LEN, a->request_id);
}

static enum errc exchange(struct session *s, struct link *l, struct str headers,
                          struct str body, struct err *e)
{
    struct link_answer got = {0};
    const struct link_waiting waiting = {s->sig_fd, 0, PROGRESS_TICK_US, progress_tick,
                                         &s->answer.progress};
    link_wait(l, &waiting);
    enum errc rc = link_stream(l, "/v1/chat/completions", headers, body, answer_event,
                               &s->answer, &got, e);
    if (rc == ERR_OK && got.status != 200)
        rc = answer_refused(&s->answer, &got, e);
    else if (rc == ERR_OK && !got.is_stream)
        rc = answer_whole(&s->answer, buf_str(&got.body), e);
    link_answer_release(&got);
    return rc;
}

static enum errc take_turn(struct session *s, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(link_close) struct link *l = NULL;
    s->turn.messages = buf_str(&s->messages);
    s->turn.may_restart = s->answer.opt.format != FORMAT_TEXT || s->answer.is_tty;
    answer_begin(&s->answer);
    enum errc rc = chat_request(s->ctx, s->o, &s->turn, &body, &headers, e);
    if (rc == ERR_OK)
        rc = link_open(s->ctx, true, &l, e);
    if (rc == ERR_OK)
        rc = exchange(s, l, buf_str(&headers), buf_str(&body), e);
    mem_wipe(headers.data, headers.cap);
    link_close(&l); /* lets a stopped answer end, so that its cost is known */
    rc = answer_end(&s->answer, rc, e);
    keep_answer(s);
    return rc;
}

static enum errc open_answer(struct session *s, struct err *e)
{
    const struct cmd_ctx *ctx = s->ctx;
    const struct answer_options opt = {
        .format = cmd_format(ctx, &cmd_chat),
        .raw = s->o->raw,
        .hide_reasoning = s->o->hide_reasoning,
        .usage = s->o->usage,
        .strict = s->o->strict,
        .usage_file = s->o->usage_file,
        .tee = s->o->tee,
        .conversation = s->turn.conversation,
    };
    return answer_open(&s->answer, s->ctx, &opt, e);
}

/* --- the ways to run --- */

static enum errc print_trace(struct session *s, struct err *e)
{
    AUTO(buf_release) struct buf trace = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    enum errc rc = history_trace(s->ctx, s->answer.request_id, &trace, e);
    if (rc == ERR_OK)
        rc = jx_parse(buf_str(&trace), &o, e);
    if (rc != ERR_OK)
        return err_ctx(e, "--explain");
    explain_candidates(o, &text);
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
    enum errc rc = open_answer(s, e);
    if (rc == ERR_OK)
        rc = sig_open(true, &s->sig_fd, e);
    if (rc == ERR_OK)
        rc = take_turn(s, e);
    if (rc == ERR_CANCELLED)
        e->sys = sig_take();
    if (s->o->explain && print_trace(s, &why) != ERR_OK)
        cmd_warn(s->ctx, "%s", why.text);
    if (answer_close(&s->answer, rc == ERR_OK ? e : &why) != ERR_OK && rc == ERR_OK)
        rc = e->code;
    return rc;
}

static enum errc run_dry(struct session *s, const struct prompt *p, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf got = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *decision = NULL;
    struct jw w;
    jw_init(&w, &s->messages);
    prompt_write(p, &w);
    buf_addc(&s->messages, ',');
    s->turn.messages = buf_str(&s->messages);
    enum errc rc = chat_request(s->ctx, s->o, &s->turn, &body, &headers, e);
    if (rc == ERR_OK)
        rc = link_ask(s->ctx, true, "POST", "/llmgw/v1/explain", buf_str(&headers),
                      buf_str(&body), &got, e);
    mem_wipe(headers.data, headers.cap);
    if (rc == ERR_OK)
        rc = jx_parse(buf_str(&got), &decision, e);
    if (rc != ERR_OK)
        return rc;
    if (cmd_format(s->ctx, &cmd_chat) != FORMAT_TEXT) {
        buf_adds(&text, buf_str(&got));
        buf_addz(&text, str_ends(buf_str(&text), STR("\n")) ? "" : "\n");
    } else {
        explain_write(decision, &text);
        for (size_t i = 0; i < p->n_parts; i++)
            buf_printf(&text, "%10zu bytes  %s\n", p->parts[i].len, p->parts[i].name);
        if (s->ctx->global.verbose > 0)
            buf_printf(&text, "%.*s\n", STR_ARG(buf_str(&body)));
    }
    rc = cmd_print(buf_str(&text), e);
    return rc == ERR_OK ? explain_verdict(decision, e) : rc;
}

/* Line by line; a turn that fails is told, and the conversation goes on. */
static enum errc run_lines(struct session *s, struct err *e)
{
    AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_BODY_LEN);
    const char *prompt = "> ";
    if (s->ctx->conf != NULL && s->ctx->conf->chat.prompt != NULL)
        prompt = s->ctx->conf->chat.prompt;
    enum errc rc = open_answer(s, e);
    if (rc == ERR_OK)
        rc = sig_open(false, &s->sig_fd, e);
    while (rc == ERR_OK && line_read(prompt, &line)) {
        struct err why = ERR_INIT;
        size_t before = s->messages.len;
        if (str_trim(buf_str(&line)).len == 0)
            continue;
        add_message(&s->messages, "user", buf_str(&line));
        if (take_turn(s, &why) == ERR_CANCELLED)
            sig_take();
        if (why.code != ERR_OK)
            cmd_fail(s->ctx, &why);
        if (s->answer.text.len == 0)
            buf_truncate(&s->messages, before);
    }
    fputc('\n', stderr);
    struct err why = ERR_INIT;
    if (answer_close(&s->answer, rc == ERR_OK ? e : &why) != ERR_OK && rc == ERR_OK)
        rc = e->code;
    return rc;
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    const struct chat_options *o = options;
    bool never = ctx->conf != NULL && ctx->conf->chat.stdin_rule != NULL &&
                 strcmp(ctx->conf->chat.stdin_rule, "never") == 0;
    const struct prompt_source source = {&o->files, &o->attach, args, o->want_stdin,
                                         o->no_stdin || (never && !o->want_stdin)};
    struct session s;
    struct prompt p;
    enum errc rc = chat_check(o, e);
    if (rc != ERR_OK)
        return rc;
    bool by_line = prompt_is_interactive(&source) && !ctx->global.no_input;
    if (!by_line)
        rc = prompt_build(ctx, &source, &p, e);
    if (rc != ERR_OK)
        return rc;
    rc = session_open(&s, ctx, o, e);
    if (rc == ERR_OK)
        rc = by_line      ? run_lines(&s, e)
             : o->dry_run ? run_dry(&s, &p, e)
                          : run_once(&s, &p, e);
    buf_release(&s.messages);
    if (!by_line)
        prompt_release(&p);
    return rc;
}

const struct cmd_entry cmd_chat = {
    .name = "chat",
    .args = "[options] [PROMPT...]",
    .summary = "ask a model; with no PROMPT on a terminal, talk with it",
    .options = rows,
    .options_size = sizeof(struct chat_options),
    .init = init,
    .needs = CMD_CONF | CMD_BROKER,
    .formats = 1 << FORMAT_TEXT | 1 << FORMAT_JSON | 1 << FORMAT_JSONL,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .run = run,
};
