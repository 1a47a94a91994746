/*
 * replay_diff.c: what an earlier run answered, beside what was recorded: as a word diff for people,
 * as rows for programs; and how it is forgotten.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/link.h"
#include "cmd/out.h"
#include "cmd/replay.h"
#include "cmd/term.h"
#include "cmd/words.h"

enum { DIFF_LEN = 256 * 1024 * 1024, WORDS_LEN = 256 * 1024 * 1024 };

/* ---- word by word ---- */

struct diff {
    struct buf out;
    bool has_color;
    enum words_change change; /* of the words written last */
    struct term_filter clean;
};

static void end_change(struct diff *d)
{
    static const char *const plain[] = {[WORDS_GONE] = "-]", [WORDS_NEW] = "+}"};
    if (d->change != WORDS_SAME)
        buf_addz(&d->out, d->has_color ? "\033[0m" : plain[d->change]);
    d->change = WORDS_SAME;
}

static void begin_change(struct diff *d, enum words_change change)
{
    static const char *const plain[] = {[WORDS_GONE] = "[-", [WORDS_NEW] = "{+"};
    static const char *const color[] = {
        [WORDS_GONE] = "\033[31m", [WORDS_NEW] = "\033[32m"};
    if (change != WORDS_SAME)
        buf_addz(&d->out, d->has_color ? color[change] : plain[change]);
    d->change = change;
}

/* Marks as git's --word-diff has them; a model's own control characters go. */
static void on_words(void *arg, enum words_change change, struct str item)
{
    struct diff *d = arg;
    if (change != d->change) {
        end_change(d);
        begin_change(d, change);
    }
    term_filter(&d->clean, item, &d->out);
}

static enum errc write_words(struct diff *d, struct str recorded, struct str answer,
                             struct err *e)
{
    struct arena arena;
    struct words a, b;
    arena_init(&arena, WORDS_LEN);
    enum errc rc = words_split(recorded, true, &arena, &a, e);
    if (rc == ERR_OK)
        rc = words_split(answer, true, &arena, &b, e);
    if (rc == ERR_OK)
        rc = words_diff(&a, &b, on_words, d, e);
    end_change(d);
    arena_release(&arena);
    return rc;
}

static enum errc write_result(struct diff *d, const struct replay_item *item,
                              const char *against, const struct replay_result *r,
                              struct err *e)
{
    const char *verdict = r->outcome != ERR_OK           ? "no answer"
                          : !replay_is_compared(item, r) ? "not compared"
                          : replay_agrees(item, r)       ? "agrees"
                                                         : "disagrees";
    if (d->out.len > 0)
        buf_addc(&d->out, '\n');
    buf_printf(&d->out, "%s%s → %s  %s  %s%s\n", d->has_color ? "\033[1m" : "", item->id,
               against, r->id, verdict, d->has_color ? "\033[0m" : "");
    if (r->outcome != ERR_OK) {
        buf_printf(&d->out, "%s\n", r->error);
        return ERR_OK;
    }
    if (item->answer.ptr == NULL || r->answer.ptr == NULL) {
        buf_addz(&d->out, "(one of the answers is not recorded any more)\n");
        return ERR_OK;
    }
    enum errc rc = write_words(d, item->answer, r->answer, e);
    buf_addc(&d->out, '\n');
    return rc;
}

/* Is it this request, by the beginning of either id? */
static bool is_meant(const struct replay_item *item, const struct replay_result *r,
                     const char *id)
{
    size_t n = strlen(id);
    return strncasecmp(item->id, id, n) == 0 ||
           (r->id[0] != '\0' && strncasecmp(r->id, id, n) == 0);
}

enum errc replay_diff(struct cmd_ctx *ctx, const struct replay_selection *s,
                      const char *id, bool all, struct err *e)
{
    struct diff d = {.has_color =
                         ctx->global.output == NULL && out_has_color(ctx, STDOUT_FILENO)};
    size_t n_each = s->n_against * s->n_repeats, n_shown = 0;
    enum errc rc = cmd_formats(ctx, "replay diff", 0, e);
    buf_init(&d.out, DIFF_LEN);
    for (size_t at = 0; rc == ERR_OK && at < s->n * n_each; at++) {
        const struct replay_item *item = &s->items[at / n_each];
        const struct replay_result *r = &item->results[at % n_each];
        bool differs = r->outcome == ERR_OK && replay_is_compared(item, r) &&
                       !replay_agrees(item, r);
        if (id != NULL ? !is_meant(item, r, id) : !all && !differs)
            continue;
        n_shown++;
        rc = write_result(&d, item, s->against[at % n_each / s->n_repeats], r, e);
    }
    if (rc == ERR_OK && id != NULL && n_shown == 0)
        rc = err_set(e, ERR_NOT_FOUND, "no request %s in the run", id);
    if (rc == ERR_OK && n_shown == 0 && isatty(STDOUT_FILENO))
        cmd_note(ctx, "no answer differs from the recorded one\nhint: --show all");
    AUTO(buf_release) struct buf screen = BUF_INIT(2 * DIFF_LEN);
    out_wrap_prose(&screen, &d.out);
    if (rc == ERR_OK && buf_err(&screen) != ERR_OK)
        rc = err_set(e, buf_err(&screen), "too much to show; give an ID");
    if (rc == ERR_OK)
        rc = out_write(ctx, buf_str(&screen), e);
    buf_release(&d.out);
    return rc;
}

/* ---- rows ---- */

static const struct out_column columns[] = {
    {.name = "source", .type = OUT_TEXT, .keep = ULID_LEN},
    {.name = "against", .type = OUT_TEXT, .soft = 24},
    {.name = "repeat", .type = OUT_INT, .priority = 4},
    {.name = "state", .type = OUT_TEXT},
    {.name = "metric", .type = OUT_TEXT, .priority = 3},
    {.name = "agree", .type = OUT_BOOL},
    {.name = "recorded_cost", .type = OUT_MONEY, .priority = 2},
    {.name = "cost", .type = OUT_MONEY},
    {.name = "recorded_total", .type = OUT_DURATION, .hidden = true},
    {.name = "total", .type = OUT_DURATION, .priority = 2},
    {.name = "request", .type = OUT_TEXT, .hidden = true},
    {.name = "model", .type = OUT_TEXT, .hidden = true},
    {.name = "recorded_answer", .type = OUT_TEXT, .hidden = true},
    {.name = "answer", .type = OUT_TEXT, .hidden = true},
    {.name = "note", .type = OUT_TEXT, .hidden = true},
};

static void put_text(struct out *o, struct str s)
{
    if (s.ptr != NULL)
        out_text(o, s);
    else
        out_null(o);
}

static void put_number(struct out *o, bool is_known, int64_t v)
{
    if (is_known)
        out_int(o, v);
    else
        out_null(o);
}

static void put_result(struct out *o, const struct replay_item *item, const char *against,
                       size_t repeat, const struct replay_result *r)
{
    bool is_done = r->outcome == ERR_OK, is_compared = replay_is_compared(item, r);
    out_textz(o, item->id);
    out_textz(o, against);
    out_int(o, (int64_t)repeat);
    out_textz(o, is_done ? "done" : r->outcome == ERR_AGAIN ? "waiting" : "failed");
    put_text(o, is_compared ? str_of(agree_metric_name(item->metric)) : STR_NONE);
    put_number(o, is_compared, replay_agrees(item, r));
    out_money(o, item->cost_pico);
    out_money(o, is_done ? r->cost_pico : PICO_UNKNOWN);
    put_number(o, item->start_us > 0, item->total_us);
    put_number(o, is_done, r->total_us);
    put_text(o, r->id[0] != '\0' ? str_of(r->id) : STR_NONE);
    put_text(o, item->model[0] != '\0' ? str_of(item->model) : STR_NONE);
    put_text(o, item->answer);
    put_text(o, r->answer);
    put_text(o, r->error[0] != '\0' ? str_of(r->error) : STR_NONE);
    out_row_end(o);
}

enum errc replay_export(struct cmd_ctx *ctx, const struct replay_selection *s,
                        const char *run, struct err *e)
{
    AUTO(out_free) struct out *o = NULL;
    AUTO(buf_release) struct buf json = BUF_INIT(1000);
    size_t n_each = s->n_against * s->n_repeats;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_replay), "llmgw.replay.export/1",
                           columns, ARRAY_LEN(columns), &o, e);
    if (rc != ERR_OK)
        return rc;
    json_quote(&json, str_of(run));
    out_meta(o, "run", buf_str(&json));
    for (size_t at = 0; at < s->n * n_each; at++) {
        const struct replay_item *item = &s->items[at / n_each];
        put_result(o, item, s->against[at % n_each / s->n_repeats], at % s->n_repeats,
                   &item->results[at % n_each]);
    }
    return out_finish(o, e);
}

/* ---- forgetting ---- */

enum errc replay_rm(struct cmd_ctx *ctx, const struct replay_past *run, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_RUN_LEN);
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_RUN_LEN);
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    jw_kstrz(&w, "id", run->id);
    jw_ki64(&w, "start_us", run->start_us);
    jw_kstrz(&w, "state", "removed");
    jw_key(&w, "args");
    jw_raw(&w, str_of(run->args));
    jw_ki64(&w, "n_items", 0);
    jw_object_end(&w);
    if (buf_err(&body) != ERR_OK)
        return err_set(e, buf_err(&body), "out of memory");
    return link_ask(ctx, true, "POST", "/llmgw/v1/replay", STR(""), buf_str(&body),
                    &answer, e);
}
