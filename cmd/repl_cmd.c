/*
 * repl_cmd.c: the commands of the interactive chat: one row, one function each.
 *
 * What another command of llmgw can tell is left to it: it is run as a program of its own.
 */
#include "cmd/repl_cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/near.h"
#include "core/num.h"

#include "cmd/history.h"
#include "cmd/link.h"
#include "cmd/out.h"
#include "cmd/shell.h"

enum takes { TAKES_TEXT, TAKES_MODELS, TAKES_FILES };

struct command {
    const char *name, *args, *help;
    void (*run)(struct repl *r, struct str arg);
    enum takes takes;
};

static const struct command *find_command(struct str name);

/* ---- small help ---- */

const char *repl_keep(struct repl *r, struct str s)
{
    const char *text = arena_strz(&r->s->ctx->arena, s);
    return text != NULL ? text : "";
}

void repl_tell(const struct err *e, struct repl *r)
{
    cmd_fail(r->s->ctx, e);
}

bool repl_switched(struct str arg, bool was)
{
    return str_eqz(arg, "on") ? true : str_eqz(arg, "off") ? false : !was;
}

void repl_print(struct str text, size_t indent)
{
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    struct str line;
    while (str_split(&text, '\n', &line))
        if (line.len > 0)
            opt_wrap(&out, line, indent, 0, (size_t)out_screen_width());
    printf("%.*s", STR_ARG(buf_str(&out)));
}

/* ---- what is asked ---- */

static void show(const char *name, const char *value)
{
    printf("%s: %s\n", name, value != NULL ? value : "not set");
}

/* What is asked from now on, unless nobody knows it: then it is told, and all stays as it was. */
static void choose(struct repl *r, const char *model, const char *route)
{
    struct err e = ERR_INIT;
    if (repl_check_name(r, model, route, &e) != ERR_OK) {
        repl_tell(&e, r);
        return;
    }
    r->opt.model = model;
    r->opt.route = route;
}

static void run_model(struct repl *r, struct str arg)
{
    AUTO(buf_release) struct buf target = BUF_INIT(LIMIT_HEAD_LEN);
    if (arg.len > 0) {
        choose(r, repl_keep(r, arg), NULL);
        return;
    }
    repl_write_target(r, &target);
    show("model", target.data);
}

static void run_route(struct repl *r, struct str arg)
{
    if (arg.len > 0)
        choose(r, NULL, repl_keep(r, arg));
    else
        show("route", r->opt.route != NULL ? r->opt.route : r->s->turn.route);
}

/* "K=": what was set of that field is forgotten. */
static void unset(struct opt_list *list, struct str key)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct str rest = str_of(list->items[i]), one;
        str_split(&rest, '=', &one);
        if (!str_eq(one, key))
            list->items[kept++] = list->items[i];
    }
    list->n = kept;
}

/* Later settings of the same key win, as on the command line. */
static void run_set(struct repl *r, struct str arg)
{
    struct err e = ERR_INIT;
    struct opt_list *list = &r->opt.options;
    if (arg.len == 0) {
        for (size_t i = 0; i < list->n; i++)
            printf("%s\n", list->items[i]);
        if (list->n == 0)
            printf("set: nothing; /set temperature=0.2, as -O of chat\n");
        return;
    }
    if (str_find(arg, '=') + 1 == arg.len) {
        unset(list, str_sub(arg, 0, arg.len - 1));
        return;
    }
    if (list->n == OPT_LIST_MAX) {
        cmd_warn(r->s->ctx, "too many settings");
        return;
    }
    list->items[list->n++] = repl_keep(r, arg);
    if (chat_check(&r->opt, &e) != ERR_OK || repl_check_request(r, &e) != ERR_OK) {
        list->n--;
        repl_tell(&e, r);
    }
}

static void run_system(struct repl *r, struct str arg)
{
    struct err e = ERR_INIT;
    if (arg.len == 0)
        show("system", r->opt.system);
    else if (prompt_system(r->s->ctx, repl_keep(r, arg), &r->opt.system, &e) != ERR_OK)
        repl_tell(&e, r);
    else
        session_set_system(r->s, r->opt.system);
}

/* Its settings hold from now on; its text takes in the next question, or is one. */
static void use_template(struct repl *r)
{
    const struct template_file *t = &r->template_file;
    struct err e = ERR_INIT;
    if (t->schema != NULL && session_set_shape(r->s, t->schema, &e) != ERR_OK)
        repl_tell(&e, r);
    if (t->system != NULL)
        session_set_system(r->s, r->opt.system);
    r->s->template_file = t->text[0] != '\0' ? t : NULL;
    r->s->params = &r->params;
    if (t->text[0] != '\0' && !t->takes_input)
        repl_ask(r, "");
    else if (t->takes_input)
        printf("template %s: say what goes into it\n", t->name);
    else
        printf("template %s is in force\n", t->name);
}

/* NAME [K=V...] */
static void run_template(struct repl *r, struct str arg)
{
    struct err e = ERR_INIT;
    struct template_file t;
    struct chat_options o = r->opt;
    struct opt_list params = {.n = 0};
    struct str name, word;
    if (!str_split(&arg, ' ', &name) || name.len == 0) {
        cmd_warn(r->s->ctx, "which template?");
        return;
    }
    while (str_split(&arg, ' ', &word) && params.n < OPT_LIST_MAX)
        if (word.len > 0)
            params.items[params.n++] = repl_keep(r, word);
    enum errc rc = template_load(r->s->ctx, repl_keep(r, name), &t, &e);
    if (rc == ERR_OK) {
        template_overrule(&t, &o);
        rc = template_apply(r->s->ctx, &t, &params, &o, &e);
    }
    if (rc == ERR_OK)
        rc = chat_check(&o, &e);
    if (rc != ERR_OK) {
        repl_tell(&e, r);
        return;
    }
    r->opt = o;
    r->template_file = t;
    r->params = params;
    use_template(r);
}

static void run_private(struct repl *r, struct str arg)
{
    r->opt.no_log = repl_switched(arg, r->opt.no_log);
    r->opt.log = r->opt.log && !r->opt.no_log;
    printf("recording is %s\n", r->opt.no_log ? "off" : "on");
}

/* ---- what goes with the next question ---- */

static void add_path(struct repl *r, struct opt_list *list, struct str arg)
{
    const char *path = repl_path(r, arg);
    struct str name = str_of(path);
    if (arg.len == 0)
        cmd_warn(r->s->ctx, "which file?");
    else if (access(path, R_OK) != 0 && str_find(name, ':') == name.len)
        cmd_warn(r->s->ctx, "%s cannot be read", path);
    else if (list->n == OPT_LIST_MAX)
        cmd_warn(r->s->ctx, "too many files");
    else
        list->items[list->n++] = path;
}

static void run_file(struct repl *r, struct str arg)
{
    add_path(r, &r->files, arg);
}

static void run_attach(struct repl *r, struct str arg)
{
    add_path(r, &r->attach, arg);
}

static void run_context(struct repl *r, struct str arg)
{
    struct err e = ERR_INIT;
    (void)arg;
    if (repl_show_context(r, &e) != ERR_OK)
        repl_tell(&e, r);
}

static void run_budget(struct repl *r, struct str arg)
{
    struct err e = ERR_INIT;
    (void)arg;
    if (repl_show_budgets(r, &e) != ERR_OK)
        repl_tell(&e, r);
}

static void remove_at(struct opt_list *list, size_t at)
{
    memmove(list->items + at, list->items + at + 1,
            (list->n - at - 1) * sizeof list->items[0]);
    list->n--;
}

static void run_drop(struct repl *r, struct str arg)
{
    uint64_t n = 0;
    size_t last = r->files.n + r->attach.n;
    if (num_u64(arg, last, &n) != ERR_OK || n == 0)
        cmd_warn(r->s->ctx, "which one? /context numbers them");
    else if (n <= r->files.n)
        remove_at(&r->files, n - 1);
    else
        remove_at(&r->attach, n - r->files.n - 1);
}

/* ---- turns ---- */

static void run_retry(struct repl *r, struct str arg)
{
    repl_ask_again(r, arg.len > 0 ? repl_keep(r, arg) : NULL);
}

static void run_undo(struct repl *r, struct str arg)
{
    uint64_t n = 1, done = 0;
    if (arg.len > 0 && num_u64(arg, INT32_MAX, &n) != ERR_OK) {
        cmd_warn(r->s->ctx, "how many turns?");
        return;
    }
    while (done < n && repl_undo(r))
        done++;
    printf("%zu turn%s left\n", r->n_turns, r->n_turns == 1 ? " is" : "s are");
}

static void run_edit(struct repl *r, struct str arg)
{
    (void)arg;
    if (r->n_turns == 0) {
        cmd_warn(r->s->ctx, "there is no question yet");
        return;
    }
    line_preset(r->turns[r->n_turns - 1].text);
    r->is_editing = true;
}

static void run_fork(struct repl *r, struct str arg)
{
    session_fork(r->s, arg.len > 0 ? repl_keep(r, arg) : NULL);
    printf("a conversation of its own: %s\n", r->s->turn.conversation);
}

/* ---- other commands ---- */

static void self(struct repl *r, const char *const *words)
{
    const struct cmd_global *g = &r->s->ctx->global;
    const char *argv[16] = {"llmgw"};
    struct err e = ERR_INIT;
    size_t n = 1;
    int status;
    if (g->config != NULL) {
        argv[n++] = "--config";
        argv[n++] = g->config;
    }
    if (g->socket != NULL) {
        argv[n++] = "--socket";
        argv[n++] = g->socket;
    }
    for (; *words != NULL && n + 1 < ARRAY_LEN(argv); words++)
        argv[n++] = *words;
    fflush(stdout);
    keys_lend(&r->keys);
    if (shell_run_self(argv, &status, &e) != ERR_OK)
        repl_tell(&e, r);
    keys_take_back(&r->keys);
}

static void run_cost(struct repl *r, struct str arg)
{
    AUTO(buf_release) struct buf text = BUF_INIT(2 * MONEY_TEXT_LEN);
    if (arg.len == 0 || str_eqz(arg, "session")) {
        repl_write_spent(r, &text);
        printf("this session: %s\n", text.data);
        return;
    }
    self(r, (const char *const[]){"cost", repl_keep(r, arg), NULL});
}

static const struct out_column list_columns[] = {
    {.name = "#", .type = OUT_INT, .right = true},
    {.name = "last", .type = OUT_TIME, .priority = 2},
    {.name = "requests", .type = OUT_INT, .priority = 1, .right = true},
    {.name = "about", .type = OUT_TEXT, .soft = 20},
};

static enum errc print_list(struct repl *r, const struct history_item *items, size_t n,
                            struct err *e)
{
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = out_new(r->s->ctx, FORMAT_TABLE, "", list_columns,
                           ARRAY_LEN(list_columns), &out, e);
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        out_int(out, (int64_t)i + 1);
        out_int(out, items[i].last_us);
        out_int(out, items[i].n_requests);
        out_textz(out, items[i].about[0] != '\0' ? items[i].about : items[i].id);
        out_row_end(out);
        r->listed[i] = items[i].id;
    }
    r->n_listed = n;
    if (rc == ERR_OK)
        out_if_empty(out, "no conversation is like that");
    return rc == ERR_OK ? out_finish(out, e) : rc;
}

static void run_list(struct repl *r, struct str arg)
{
    struct history_item items[REPL_LISTED];
    struct err e = ERR_INIT;
    size_t n;
    fflush(stdout);
    keys_lend(&r->keys); /* a pager may want them */
    if (history_recent(r->s->ctx, arg, items, REPL_LISTED, &n, &e) != ERR_OK ||
        print_list(r, items, n, &e) != ERR_OK)
        repl_tell(&e, r);
    keys_take_back(&r->keys);
}

static void run_log(struct repl *r, struct str arg)
{
    const char *n = arg.len > 0 ? repl_keep(r, arg) : "10";
    self(r, (const char *const[]){"log", "list", "-n", n, "--cid",
                                  r->s->turn.conversation, NULL});
}

static void run_resume(struct repl *r, struct str arg)
{
    struct err e = ERR_INIT;
    uint64_t n = 0;
    bool is_listed = num_u64(arg, r->n_listed, &n) == ERR_OK && n > 0;
    if (arg.len == 0)
        cmd_warn(r->s->ctx, "which conversation?");
    else if (session_resume(r->s, is_listed ? r->listed[n - 1] : repl_keep(r, arg), &e) !=
             ERR_OK)
        repl_tell(&e, r);
    else {
        repl_adopt_turns(r);
        repl_say_resumed(r);
    }
}

/* The ledger takes it with the next answer. */
static void run_title(struct repl *r, struct str arg)
{
    const char *name = repl_keep(r, arg);
    if (arg.len == 0)
        show("title", r->s->turn.name);
    else if (arg.len > LIMIT_NAME_LEN)
        cmd_warn(r->s->ctx, "a title has at most %d bytes", LIMIT_NAME_LEN);
    else if (history_exists(r->s->ctx, name))
        cmd_warn(r->s->ctx, "another conversation is called \"%s\"", name);
    else {
        r->s->turn.name = name;
        printf("with the next answer this conversation is called \"%s\"\n", name);
    }
}

static void run_rm(struct repl *r, struct str arg)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf got = BUF_INIT(LIMIT_REPLY_LEN);
    struct err e = ERR_INIT;
    struct jw w;
    (void)arg;
    jw_init(&w, &body);
    jw_object(&w);
    jw_kstrz(&w, "conversation", r->s->turn.conversation);
    jw_object_end(&w);
    if (link_ask(r->s->ctx, true, "POST", "/llmgw/v1/log/rm", STR_NONE, buf_str(&body),
                 &got, &e) != ERR_OK) {
        repl_tell(&e, r);
        return;
    }
    repl_forget_turns(r);
    session_forget(r->s, 0, "");
    session_fork(r->s, NULL);
    r->s->about = NULL;
    printf("deleted; a new conversation begins\n");
}

/* ---- the shell ---- */

/* "!CMD" runs it; "!!CMD" puts what it prints before the next question, too. */
static void run_shell(struct repl *r, struct str line)
{
    AUTO(buf_release) struct buf output = BUF_INIT(LIMIT_BODY_LEN);
    struct err e = ERR_INIT;
    bool is_kept = line.len > 1 && line.ptr[1] == '!';
    const char *text = repl_keep(r, str_trim(str_sub(line, is_kept ? 2 : 1, line.len)));
    int status = 0;
    fflush(stdout);
    keys_lend(&r->keys);
    enum errc rc = shell_run(text, STR_NONE, is_kept ? &output : NULL, &status, &e);
    keys_take_back(&r->keys);
    if (rc != ERR_OK) {
        repl_tell(&e, r);
        return;
    }
    if (status != 0)
        printf("[exit %d]\n", status);
    if (!is_kept)
        return;
    printf("%.*s", STR_ARG(buf_str(&output)));
    repl_add_text(r, text, buf_str(&output));
}

/* ---- the table ---- */

static void run_exit(struct repl *r, struct str arg)
{
    (void)arg;
    r->is_over = true;
}

static void run_help(struct repl *r, struct str arg);

static const struct command commands[] = {
    {"help", "[COMMAND]", "these lines", run_help, TAKES_TEXT},
    {"model", "[NAME]", "show or set who is asked", run_model, TAKES_MODELS},
    {"route", "[NAME]", "show or set the route", run_route, TAKES_TEXT},
    {"set", "[K=V]", "show or set a field of requests; K= forgets it", run_set,
     TAKES_TEXT},
    {"system", "[TEXT]", "show or set the system prompt", run_system, TAKES_TEXT},
    {"template", "NAME [K=V...]", "put the next question into a template", run_template,
     TAKES_TEXT},
    {"file", "PATH|DIR", "put a file before the next question", run_file, TAKES_FILES},
    {"attach", "FILE[:MIME]", "attach an image, PDF or text to it", run_attach,
     TAKES_FILES},
    {"context", "", "what goes with the next question", run_context, TAKES_TEXT},
    {"drop", "N", "leave one of these out", run_drop, TAKES_TEXT},
    {"retry", "[MODEL]", "ask the last question again", run_retry, TAKES_MODELS},
    {"undo", "[N]", "forget the last turns", run_undo, TAKES_TEXT},
    {"edit", "", "change the last question and ask it again", run_edit, TAKES_TEXT},
    {"fork", "[NAME]", "go on in a conversation of its own", run_fork, TAKES_TEXT},
    {"compare", "MODEL...", "ask others the last question", repl_compare, TAKES_MODELS},
    {"why", "", "why this target answered", repl_why, TAKES_TEXT},
    {"cost", "[session|today|month]", "what was spent", run_cost, TAKES_TEXT},
    {"budget", "", "the budgets that count it", run_budget, TAKES_TEXT},
    {"usage", "[on|off]", "tell tokens and cost of each answer", repl_usage, TAKES_TEXT},
    {"list", "[QUERY]", "conversations of late, or with these words in them", run_list,
     TAKES_TEXT},
    {"log", "[N]", "requests of this conversation", run_log, TAKES_TEXT},
    {"resume", "ID|NAME|N", "go on with another conversation, or the N-th of /list",
     run_resume, TAKES_TEXT},
    {"title", "[TEXT]", "show or set the name of this conversation", run_title,
     TAKES_TEXT},
    {"rm", "", "delete this conversation for good", run_rm, TAKES_TEXT},
    {"copy", "[code|N]", "the last answer, or code in it, to the clipboard", repl_copy,
     TAKES_TEXT},
    {"save", "FILE", "the last answer to a file", repl_save, TAKES_FILES},
    {"view", "", "the last answer in the pager", repl_view, TAKES_TEXT},
    {"raw", "[on|off]", "show Markdown as it is", repl_raw, TAKES_TEXT},
    {"private", "[on|off]", "record nothing", run_private, TAKES_TEXT},
    {"exit", "", "leave, as Ctrl-D does", run_exit, TAKES_TEXT},
    {"quit", "", "the same", run_exit, TAKES_TEXT},
};

static const struct command *find_command(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (str_eqz(name, commands[i].name))
            return &commands[i];
    return NULL;
}

/* In two columns where there is room for them. */
static void print_help(const char *left, const char *text)
{
    enum { LEFT = 31, NARROW = 50 };
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_HEAD_LEN);
    size_t width = (size_t)out_screen_width(), indent = width < NARROW ? 4 : LEFT;
    buf_printf(&out, "%-*s", LEFT - 1, left);
    buf_addz(&out, width < NARROW ? "\n    " : " ");
    opt_wrap(&out, str_of(text), indent, indent, width);
    printf("%.*s", STR_ARG(buf_str(&out)));
}

static void print_command(const struct command *c)
{
    char left[64];
    snprintf(left, sizeof left, "/%s %s", c->name, c->args);
    print_help(left, c->help);
}

static void unknown(struct repl *r, struct str name)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        near_offerz(&near, commands[i].name);
    if (near.n > 0)
        cmd_warn(r->s->ctx, "no command /%.*s; did you mean /%.*s?", STR_ARG(name),
                 STR_ARG(near.names[0]));
    else
        cmd_warn(r->s->ctx, "no command /%.*s; /help lists them", STR_ARG(name));
}

static void run_help(struct repl *r, struct str arg)
{
    struct str name = str_sub(arg, str_starts(arg, STR("/")), arg.len);
    const struct command *one = find_command(name);
    if (one != NULL) {
        print_command(one);
        return;
    }
    if (name.len > 0) {
        unknown(r, name);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        print_command(&commands[i]);
    print_help("!CMD", "run a command of the shell");
    print_help("!!CMD", "run it, and put its output before the next question");
    print_help("Ctrl-J, Alt-Enter", "begin a new line");
    print_help("Ctrl-X Ctrl-E", "write the line in the editor");
    print_help("Ctrl-C, Esc", "stop an answer");
}

void repl_command(struct repl *r, struct str line)
{
    if (line.ptr[0] == '!') {
        run_shell(r, line);
        return;
    }
    size_t blank = str_find(line, ' ');
    struct str name = str_sub(line, 1, blank - 1);
    const struct command *c = find_command(name);
    if (c != NULL)
        c->run(r, str_trim(str_sub(line, blank, line.len)));
    else
        unknown(r, name);
}

/* ---- for completion ---- */

void repl_each_command(line_add_fn *fn, void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char name[32];
        snprintf(name, sizeof name, "/%s", commands[i].name);
        fn(arg, name, commands[i].help);
    }
}

static bool takes(struct str word, enum takes what)
{
    const struct command *c = find_command(str_sub(word, 1, word.len));
    return c != NULL && c->takes == what;
}

bool repl_takes_models(struct str word)
{
    return takes(word, TAKES_MODELS);
}

bool repl_takes_files(struct str word)
{
    return takes(word, TAKES_FILES);
}

const char *repl_arguments(struct str word)
{
    const struct command *c = find_command(str_sub(word, 1, word.len));
    return c != NULL ? c->args : "";
}
