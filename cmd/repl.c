/*
 * repl.c: see repl.h. One turn after the other: a line, then a command or a question; Ctrl-C,
 * Esc and Ctrl-D stop an answer and keep what came of it. Nothing but leaving ends the loop.
 */
#include "cmd/repl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/num.h"
#include "core/os.h"

#include "cmd/editor.h"
#include "cmd/history.h"
#include "cmd/out.h"
#include "cmd/repl_priv.h"
#include "cmd/sig.h"

/* ---- what it says of itself ---- */

/* What is asked: as the user calls it. */
static const char *name_of(const struct repl *r)
{
    const char *model, *route;
    chat_choose(r->s->ctx, &r->opt, &r->s->turn, &model, &route);
    return route != NULL ? route : model;
}

void repl_write_target(const struct repl *r, struct buf *out)
{
    struct cmd_ctx *ctx = r->s->ctx;
    const char *name = name_of(r);
    struct conf_resolved found;
    struct err ignored = ERR_INIT;
    buf_addz(out, name);
    if (ctx->conf == NULL || conf_resolve(ctx->conf, ctx->catalog, str_of(name),
                                          &ctx->arena, &found, &ignored) != ERR_OK)
        return;
    const struct conf_target *t =
        found.route != NULL ? &found.route->targets[0] : &found.target;
    const char *target = arena_printf(&ctx->arena, "%s/%s", t->provider, t->model);
    if (target == NULL || strcmp(target, name) == 0)
        return;
    buf_reset(out);
    buf_printf(out, "%s%s → %s", found.route != NULL ? "route " : "", name, target);
}

void repl_say_resumed(const struct repl *r)
{
    AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf out = BUF_INIT(2 * LIMIT_HEAD_LEN);
    struct term_filter filter = {0}; /* a title is what somebody has said */
    buf_addz(&line, "goes on with \"");
    term_filter(&filter, str_of(r->s->about), &line);
    buf_printf(&line, "\", %zu turn%s so far; /view shows the last answer", r->n_turns,
               r->n_turns == 1 ? "" : "s");
    opt_wrap(&out, buf_str(&line), 2, 0, (size_t)out_screen_width());
    printf("%.*s", STR_ARG(buf_str(&out)));
}

static void greet(const struct repl *r)
{
    AUTO(buf_release) struct buf target = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf out = BUF_INIT(2 * LIMIT_HEAD_LEN);
    if (r->s->ctx->global.quiet)
        return;
    repl_write_target(r, &target);
    buf_printf(&line, "llmgw chat · %.*s · /help · Ctrl-D exits",
               STR_ARG(buf_str(&target)));
    opt_wrap(&out, buf_str(&line), 2, 0, (size_t)out_screen_width());
    printf("%.*s", STR_ARG(buf_str(&out)));
    if (r->s->about != NULL)
        repl_say_resumed(r);
}

/* The prompt of the configuration, with what its places stand for. */
static void write_own_prompt(const struct repl *r, const char *text, const char *cost,
                             struct buf *out)
{
    const struct chat_options *o = &r->opt;
    const struct conf *conf = r->s->ctx->conf;
    const char *project = o->project != NULL ? o->project : conf->chat.project;
    char turns[NUM_TEXT_LEN];
    num_group(turns, (int64_t)r->n_turns);
    const struct {
        const char *place, *value;
    } rows[] = {
        {"{name}", name_of(r)},
        {"{cost}", cost},
        {"{turns}", turns},
        {"{project}", project != NULL ? project : ""},
        {"{private}", o->no_log ? "private" : ""},
        {"{title}", r->s->turn.name != NULL ? r->s->turn.name : ""},
    };
    for (struct str rest = str_of(text); rest.len > 0;) {
        size_t i = 0;
        while (i < ARRAY_LEN(rows) && !str_starts(rest, str_of(rows[i].place)))
            i++;
        bool is_place = i < ARRAY_LEN(rows);
        if (is_place)
            buf_addz(out, rows[i].value);
        else
            buf_addc(out, rest.ptr[0]);
        size_t len = is_place ? strlen(rows[i].place) : 1;
        rest = str_sub(rest, len, rest.len);
    }
}

static void add_cost(struct repl *r, pico cost)
{
    if (cost == PICO_UNKNOWN || r->spent == PICO_UNKNOWN ||
        money_add(r->spent, cost, &r->spent) != ERR_OK)
        r->spent = PICO_UNKNOWN;
}

void repl_write_spent(struct repl *r, struct buf *out)
{
    char money[MONEY_TEXT_LEN];
    struct err ignored = ERR_INIT;
    pico cost;
    /* the broker that died before it could tell has a successor, which has settled it */
    if (r->owed[0] != '\0' &&
        history_cost(r->s->ctx, r->owed, &cost, &ignored) == ERR_OK) {
        r->owed[0] = '\0';
        add_cost(r, cost);
    }
    money_people(money, r->spent);
    buf_printf(out, "%s%s", money, r->owed[0] != '\0' ? "+" : "");
}

/* "fast $0.0031 private> " */
static void write_prompt(struct repl *r, struct buf *out)
{
    const struct conf *conf = r->s->ctx->conf;
    bool has_color = out_has_color(r->s->ctx, STDOUT_FILENO);
    AUTO(buf_release) struct buf money = BUF_INIT(2 * MONEY_TEXT_LEN);
    repl_write_spent(r, &money);
    if (conf != NULL && conf->chat.prompt != NULL) {
        write_own_prompt(r, conf->chat.prompt, money.data, out);
        return;
    }
    buf_addz(out, has_color ? "\001\033[1m\002" : "");
    buf_addz(out, name_of(r));
    if (r->n_turns > 0 || r->spent != 0)
        buf_printf(out, " %s", money.data);
    buf_addz(out, r->opt.no_log ? " private" : "");
    buf_addz(out, has_color ? "\001\033[0m\002> " : "> ");
}

/* ---- turns ---- */

void repl_add_text(struct repl *r, const char *command, struct str output)
{
    buf_printf(&r->extra, "$ %s\n", command);
    buf_adds(&r->extra, output);
    buf_addc(&r->extra, '\n');
}

/* One turn on what has been said so far. */
static void take_turn(struct repl *r)
{
    struct err e = ERR_INIT;
    sig_catch_stop(true);
    enum errc rc = session_turn(r->s, &e);
    sig_catch_stop(false);
    keys_settle(&r->keys, rc == ERR_CANCELLED);
    r->was_stopped = rc == ERR_CANCELLED;
    if (rc == ERR_CANCELLED) {
        (void)sig_take();
        printf("[stopped]\n");
    } else if (rc != ERR_OK) {
        cmd_fail(r->s->ctx, &e);
    }
    if (r->s->answer.text.len > 0) {
        answer_facts(&r->s->answer, &r->facts);
        r->has_facts = true;
    }
    r->is_over = r->is_over || r->keys.has_left;
    if (r->s->answer.end != NULL)
        add_cost(r, answer_cost(&r->s->answer));
    else if (r->s->answer.text.len > 0 && r->owed[0] != '\0')
        r->spent = PICO_UNKNOWN;
    else if (r->s->answer.text.len > 0)
        str_copy(r->owed, sizeof r->owed, str_of(r->s->answer.request_id));
    if (rc == ERR_OK)
        repl_warn_of_history(r);
}

const char *repl_path(struct repl *r, struct str path)
{
    struct arena *a = &r->s->ctx->arena;
    const char *home = cmd_getenv("HOME");
    if (str_starts(path, STR("~/")) && home != NULL)
        return arena_printf(a, "%s%.*s", home, STR_ARG(str_sub(path, 1, path.len)));
    return arena_strz(a, path);
}

/* "@src/main.c" in a question brings the file along; a word that names none is a word. */
static void take_paths(struct repl *r, const char *text)
{
    struct str rest = str_of(text), lines, word;
    while (str_split(&rest, '\n', &lines))
        while (str_split(&lines, ' ', &word)) {
            if (word.len < 2 || word.ptr[0] != '@')
                continue;
            const char *path = repl_path(r, str_sub(word, 1, word.len));
            bool is_media = path != NULL && prompt_is_media(path);
            struct opt_list *list = is_media ? &r->attach : &r->files;
            if (path != NULL && access(path, R_OK) == 0 && list->n < OPT_LIST_MAX)
                list->items[list->n++] = path;
        }
}

/* The question with the files that were put before it. */
static enum errc gather(struct repl *r, const char *text, struct prompt *ret,
                        struct err *e)
{
    struct opt_args words;
    size_t before = r->extra.len;
    buf_addz(&r->extra, text);
    words.items[0] = r->extra.data;
    words.n = r->extra.len > 0;
    const struct prompt_source source = {.files = &r->files,
                                         .attach = &r->attach,
                                         .words = &words,
                                         .never_stdin = true,
                                         .template_file = r->s->template_file,
                                         .params = r->s->params};
    enum errc rc = buf_err(&r->extra);
    if (rc == ERR_OK)
        rc = prompt_build(r->s->ctx, &source, ret, e);
    if (rc != ERR_OK) {
        buf_truncate(&r->extra, before);
        return rc;
    }
    buf_reset(&r->extra);
    r->files.n = r->attach.n = 0;
    return ERR_OK;
}

/* The turn is kept when an answer came; `text` is what /edit offers. */
static void ask(struct repl *r, const struct prompt *p, const char *text)
{
    struct repl_turn turn = {.from = r->s->messages.len};
    struct jw w;
    memcpy(turn.parent, r->s->parent, sizeof turn.parent);
    jw_init(&w, &r->s->messages);
    prompt_write(p, &w);
    buf_addc(&r->s->messages, ',');
    turn.asked = r->s->messages.len;
    take_turn(r);
    if (r->s->template_file != NULL) { /* further questions are not made from it */
        r->s->template_file = NULL;
        r->opt.template_id = NULL;
    }
    bool has_answer = r->s->answer.text.len > 0;
    if (!has_answer || !repl_keep_turn(r, &turn, text))
        session_forget(r->s, turn.from, turn.parent);
}

void repl_ask(struct repl *r, const char *text)
{
    struct err e = ERR_INIT;
    struct prompt p;
    size_t n_files = r->files.n, n_attach = r->attach.n;
    take_paths(r, text);
    if (gather(r, text, &p, &e) != ERR_OK) {
        cmd_fail(r->s->ctx, &e);
        r->files.n = n_files;
        r->attach.n = n_attach;
        return;
    }
    ask(r, &p, text);
    prompt_release(&p);
}

void repl_ask_again(struct repl *r, const char *model)
{
    const char *said_model = r->opt.model, *said_route = r->opt.route;
    if (r->n_turns == 0) {
        cmd_warn(r->s->ctx, "there is no question yet");
        return;
    }
    const struct repl_turn *last = &r->turns[r->n_turns - 1];
    AUTO(buf_release) struct buf before = BUF_INIT(LIMIT_BODY_LEN);
    char parent[ULID_LEN + 1];
    buf_adds(&before, str_sub(buf_str(&r->s->messages), last->asked, SIZE_MAX));
    memcpy(parent, r->s->parent, sizeof parent);
    session_forget(r->s, last->asked, last->parent);
    if (model != NULL) {
        r->opt.model = model;
        r->opt.route = NULL;
    }
    take_turn(r);
    r->opt.model = said_model;
    r->opt.route = said_route;
    if (r->s->answer.text.len > 0)
        return;
    buf_adds(&r->s->messages, buf_str(&before));
    memcpy(r->s->parent, parent, sizeof parent);
    cmd_note(r->s->ctx, "the answer before it stays");
}

/* ---- the loop ---- */

/* "/model fast", but not "/usr/bin/env is what?". */
static bool is_command(struct str text)
{
    struct str word = str_sub(text, 1, str_find(text, ' '));
    return text.ptr[0] == '!' || (text.ptr[0] == '/' && str_find(word, '/') == word.len &&
                                  str_find(word, '\n') == word.len);
}

static void one_line(struct repl *r, struct buf *line)
{
    AUTO(buf_release) struct buf prompt = BUF_INIT(LIMIT_HEAD_LEN);
    bool is_edited = r->is_editing;
    r->is_editing = false;
    write_prompt(r, &prompt);
    fflush(stdout);
    switch (line_read(prompt.data, r->s->sig_fd, line)) {
    case LINE_CLOSED:
        printf("\n");
        r->is_over = true;
        return;
    case LINE_STOPPED:
        printf("Ctrl-D or /exit leaves\n");
        return;
    case LINE_ENTERED:
        break;
    }
    struct str text = str_trim(buf_str(line));
    if (text.len == 0)
        return;
    if (is_command(text)) {
        repl_command(r, text);
        return;
    }
    if (is_edited)
        (void)repl_undo(r);
    repl_ask(r, line->data);
}

static void lend_terminal(void *repl, bool is_lent)
{
    const struct repl *r = repl;
    (is_lent ? keys_lend : keys_take_back)(&r->keys);
}

static void edit_line(void *repl, struct buf *text)
{
    struct repl *r = repl;
    struct err e = ERR_INIT;
    keys_lend(&r->keys);
    if (editor_edit(r->s->ctx, text, &e) != ERR_OK)
        cmd_fail(r->s->ctx, &e);
    keys_take_back(&r->keys);
}

/* Without a file for it the history lives as long as the session. */
static void open_line(struct repl *r)
{
    struct err e = ERR_INIT;
    const struct line_user user = {r, repl_complete, lend_terminal, edit_line};
    const char *path = conf_path_state(&r->s->ctx->arena, cmd_getenv, "history");
    if (path != NULL && os_make_parents(path, 0700, &e) != ERR_OK)
        err_clear(&e); /* opening it tells */
    if (line_open(path, &user, &e) != ERR_OK)
        cmd_note(r->s->ctx, "%s; what you type is not kept", e.text);
}

/* A name that nobody knows, or no provider at all, is told before anything is typed. */
static enum errc check_start(struct repl *r, struct err *e)
{
    const char *model, *route;
    chat_choose(r->s->ctx, &r->opt, &r->s->turn, &model, &route);
    return repl_check_name(r, route != NULL ? NULL : model, route, e);
}

static void release(struct repl *r)
{
    repl_forget_turns(r);
    mem_free(r->turns);
    buf_release(&r->extra);
    buf_release(&r->models);
}

static bool on_key(void *repl)
{
    struct repl *r = repl;
    return keys_typed(&r->keys);
}

/* Who stops us writes where the answer is; it goes on below. */
static bool on_signal(void *repl)
{
    struct repl *r = repl;
    if (keys_signalled(&r->keys))
        return true;
    answer_row_anew(&r->s->answer);
    return false;
}

enum errc repl_run(struct session *s, const struct prompt *first, struct err *e)
{
    AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_BODY_LEN);
    struct repl r = {.s = s,
                     .opt = *s->o,
                     .models = BUF_INIT(LIMIT_REPLY_LEN),
                     .extra = BUF_INIT(LIMIT_BODY_LEN)};
    s->o = &r.opt;
    s->on_cancel = on_signal;
    s->on_key = on_key;
    s->key_arg = &r;
    enum errc rc = check_start(&r, e);
    if (rc == ERR_OK)
        rc = session_show(s, e);
    if (rc == ERR_OK)
        rc = sig_open(false, &s->sig_fd, e);
    if (rc != ERR_OK)
        return rc;
    open_line(&r);
    keys_open(&r.keys);
    repl_adopt_turns(&r);
    greet(&r);
    if (first != NULL)
        ask(&r, first, first->text.data != NULL ? first->text.data : "");
    while (!r.is_over)
        one_line(&r, &line);
    keys_close(&r.keys);
    line_close();
    release(&r);
    return answer_close(&s->answer, e);
}
