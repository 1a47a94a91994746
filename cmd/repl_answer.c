/*
 * repl_answer.c: commands of the interactive chat about answers: others beside the last one, why it
 * is what it is, where else it goes, how answers are shown.
 */
#include <stdio.h>
#include <string.h>

#include "core/base64.h"
#include "core/num.h"

#include "cmd/files.h"
#include "cmd/out.h"
#include "cmd/repl_cmd.h"
#include "cmd/shell.h"

/* ---- others beside it ---- */

static void compare_one(struct repl *r, const char *model)
{
    AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_HEAD_LEN);
    printf("── %s\n", model);
    fflush(stdout);
    repl_ask_again(r, model);
    if (!r->s->answer.opt.usage) { /* else it has told already */
        answer_usage_line(&r->s->answer, &line);
        repl_print(buf_str(&line), 2);
    }
    printf("\n");
}

static const struct out_column compare_columns[] = {
    {.name = "answer", .type = OUT_TEXT, .soft = 24},
    {.name = "input", .type = OUT_TOKENS, .priority = 3, .right = true},
    {.name = "output", .type = OUT_TOKENS, .priority = 2, .right = true},
    {.name = "cost", .type = OUT_MONEY},
    {.name = "first", .type = OUT_DURATION, .priority = 1, .right = true},
    {.name = "took", .type = OUT_DURATION, .right = true},
};

static void put_number(struct out *out, int64_t v)
{
    if (v >= 0)
        out_int(out, v);
    else
        out_null(out);
}

static enum errc print_comparison(struct repl *r, const struct answer_facts *all,
                                  size_t n, struct err *e)
{
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = out_new(r->s->ctx, FORMAT_TABLE, "", compare_columns,
                           ARRAY_LEN(compare_columns), &out, e);
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        out_textz(out, all[i].target);
        put_number(out, all[i].input_tok);
        put_number(out, all[i].output_tok);
        out_money(out, all[i].cost);
        put_number(out, all[i].first_us);
        put_number(out, all[i].total_us);
        out_row_end(out);
    }
    if (rc == ERR_OK)
        out_footer(out, "the conversation goes on from the last one");
    return rc == ERR_OK ? out_finish(out, e) : rc;
}

/*
 * The answer that was there, if it was asked for in this session, and the others; the conversation
 * goes on from the last.
 */
void repl_compare(struct repl *r, struct str arg)
{
    enum { COMPARED = 16 };
    struct answer_facts all[COMPARED];
    struct err e = ERR_INIT;
    struct str model;
    size_t n = 0;
    if (arg.len == 0 || r->n_turns == 0) {
        cmd_warn(r->s->ctx, arg.len == 0 ? "which models?" : "there is no question yet");
        return;
    }
    if (r->has_facts)
        all[n++] = r->facts;
    r->was_stopped = false;
    while (!r->was_stopped && n < COMPARED && str_split(&arg, ' ', &model)) {
        if (model.len == 0)
            continue;
        compare_one(r, repl_keep(r, model));
        if (r->s->answer.text.len > 0)
            all[n++] = r->facts;
    }
    if (n > 1 && print_comparison(r, all, n, &e) != ERR_OK)
        repl_tell(&e, r);
}

/* ---- the last answer ---- */

/* Appends it; false, told, when there is none. */
static bool last_answer(struct repl *r, struct buf *out)
{
    if (repl_last_answer(r, out))
        return true;
    cmd_warn(r->s->ctx, "there is no answer yet");
    return false;
}

void repl_why(struct repl *r, struct str arg)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    struct err e = ERR_INIT;
    (void)arg;
    if (r->s->answer.request_id[0] == '\0') {
        cmd_warn(r->s->ctx, "there is no answer yet");
        return;
    }
    if (session_explain(r->s, &text, &e) != ERR_OK)
        repl_tell(&e, r);
    else if (text.len == 0)
        cmd_warn(r->s->ctx, "nobody could be asked");
    repl_print(buf_str(&text), 6);
}

void repl_save(struct repl *r, struct str arg)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    struct err e = ERR_INIT;
    if (arg.len == 0)
        cmd_warn(r->s->ctx, "to which file?");
    else if (!last_answer(r, &text))
        return;
    else if (files_write(repl_path(r, arg), buf_str(&text), &e) != ERR_OK)
        repl_tell(&e, r);
    else
        printf("%zu bytes written\n", text.len);
}

/* As the terminal shows it, but for what a pager would not pass on. */
static void render(const struct repl *r, struct str text, struct buf *out)
{
    const struct answer *a = &r->s->answer;
    struct term_filter filter = {0};
    struct markdown m;
    AUTO(buf_release) struct buf safe = BUF_INIT(LIMIT_REPLY_LEN);
    term_filter(&filter, text, &safe);
    if (!a->is_rendered) {
        buf_adds(out, buf_str(&safe));
        return;
    }
    markdown_init(&m, (size_t)out_screen_width(), a->markdown.has_style,
                  a->markdown.is_utf8);
    markdown_feed(&m, buf_str(&safe), out);
    markdown_end(&m, out);
    markdown_release(&m);
}

void repl_view(struct repl *r, struct str arg)
{
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_REPLY_LEN);
    struct err e = ERR_INIT;
    int status;
    const char *pager = out_pager(r->s->ctx);
    (void)arg;
    if (!last_answer(r, &answer))
        return;
    render(r, buf_str(&answer), &text);
    buf_addc(&text, '\n');
    keys_lend(&r->keys);
    if (shell_run(pager[0] != '\0' ? pager : "cat", buf_str(&text), NULL, &status, &e) !=
        ERR_OK)
        repl_tell(&e, r);
    keys_take_back(&r->keys);
}

/* The console of Linux shows what it does not know; Source: console_codes(4). */
static bool has_clipboard(void)
{
    const char *term = cmd_getenv("TERM");
    return term != NULL && strcmp(term, "dumb") != 0 && strcmp(term, "linux") != 0;
}

static void warn_of_code(struct repl *r, struct str answer)
{
    size_t n = code_count(answer);
    if (n == 0)
        cmd_warn(r->s->ctx, "the answer has no code; /copy takes all of it");
    else
        cmd_warn(r->s->ctx, "the answer has %zu block%s of code", n, n == 1 ? "" : "s");
}

/* "code": the last block of code of the answer, N: the N-th of them. False, told: there is none. */
static bool choose_code(struct repl *r, struct str arg, struct str answer,
                        struct buf *ret_code)
{
    bool is_last = str_eqz(arg, "code");
    uint64_t n = 0;
    if (!is_last && (num_u64(arg, INT32_MAX, &n) != ERR_OK || n == 0)) {
        cmd_warn(r->s->ctx, "code, or the number of a block of code?");
        return false;
    }
    if (!code_find(answer, n, ret_code))
        warn_of_code(r, answer);
    else if (ret_code->len == 0)
        cmd_warn(r->s->ctx, "that block of code is empty");
    return ret_code->len > 0;
}

/* Source: xterm, "Operating System Commands", 52: the terminal's clipboard. */
void repl_copy(struct repl *r, struct str arg)
{
    AUTO(buf_release) struct buf base64 = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf code = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    if (!last_answer(r, &answer) ||
        (arg.len > 0 && !choose_code(r, arg, buf_str(&answer), &code)))
        return;
    struct str text = buf_str(arg.len > 0 ? &code : &answer);
    if (!has_clipboard()) {
        cmd_warn(r->s->ctx,
                 "this terminal has no clipboard that we know of; /save writes "
                 "a file");
        return;
    }
    base64_add(&base64, text);
    printf("\033]52;c;%.*s\033\\", STR_ARG(buf_str(&base64)));
    printf("%zu bytes copied\n", text.len);
}

void repl_raw(struct repl *r, struct str arg)
{
    r->s->answer.is_rendered = !repl_switched(arg, !r->s->answer.is_rendered);
    printf("Markdown is %s\n", r->s->answer.is_rendered ? "rendered" : "shown as it is");
}

void repl_usage(struct repl *r, struct str arg)
{
    r->s->answer.opt.usage = repl_switched(arg, r->s->answer.opt.usage);
    printf("usage is %s\n", r->s->answer.opt.usage ? "told" : "not told");
}
