/*
 * repl_next.c: what goes with the next question, what that costs before a word is answered, and
 * which budgets count it. The broker estimates; of a file the share of its bytes is told.
 */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/num.h"

#include "cmd/explain.h"
#include "cmd/link.h"
#include "cmd/repl_priv.h"

/* A request as it would be, and what the broker says of it. */
struct outlook {
    struct prompt prompt;
    struct json_object *decision; /* owned */
    size_t system_len, earlier_len, all_len;
    int64_t input_tok;
    pico input_cost; /* PICO_UNKNOWN */
};

static void release(struct outlook *l)
{
    prompt_release(&l->prompt);
    jx_put(&l->decision);
}

static pico read_cost(struct json_object *decision)
{
    pico cost;
    struct str digits = jx_number(jx_obj(decision, "cost_usd"), "uncached");
    return digits.len > 0 && money_parse(digits, &cost) == ERR_OK ? cost : PICO_UNKNOWN;
}

static enum errc ask_broker(struct repl *r, struct str messages, struct json_object **ret,
                            struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf got = BUF_INIT(LIMIT_REPLY_LEN);
    struct chat_turn turn = r->s->turn;
    turn.messages = messages;
    enum errc rc = chat_request(r->s->ctx, r->s->o, &turn, &body, &headers, e);
    if (rc == ERR_OK)
        rc = link_ask(r->s->ctx, true, "POST", "/llmgw/v1/explain", buf_str(&headers),
                      buf_str(&body), &got, e);
    mem_wipe(headers.data, headers.cap);
    return rc == ERR_OK ? jx_parse(buf_str(&got), ret, e) : rc;
}

/* ---- is there such a name? ---- */

static enum errc check_route(struct repl *r, const char *route, struct err *e)
{
    const struct conf *conf = r->s->ctx->conf;
    return conf_route(conf, str_of(route)) != NULL
               ? ERR_OK
               : conf_no_route(conf, str_of(route), e);
}

static const char any_question[] = "{\"role\":\"user\",\"content\":\"?\"},";

enum errc repl_check_request(struct repl *r, struct err *e)
{
    AUTO(jx_put) struct json_object *ignored = NULL;
    enum errc rc = ask_broker(r, STR(any_question), &ignored, e);
    if (rc == ERR_INVALID)
        return rc;
    err_clear(e);
    return ERR_OK;
}

/* The broker's word on it: true unless it says that there is no such thing. */
static bool broker_knows(struct repl *r, const char *model, const char *route)
{
    AUTO(jx_put) struct json_object *ignored = NULL;
    const char *said_model = r->opt.model, *said_route = r->opt.route;
    struct err why = ERR_INIT;
    r->opt.model = model;
    r->opt.route = route;
    enum errc rc = ask_broker(r, STR(any_question), &ignored, &why);
    r->opt.model = said_model;
    r->opt.route = said_route;
    return rc != ERR_NOT_FOUND && rc != ERR_BROKER && rc != ERR_UPSTREAM_AUTH;
}

enum errc repl_check_name(struct repl *r, const char *model, const char *route,
                          struct err *e)
{
    struct cmd_ctx *ctx = r->s->ctx;
    struct conf_resolved ignored;
    enum errc rc = ERR_OK;
    if (ctx->conf != NULL && route != NULL)
        rc = check_route(r, route, e);
    else if (ctx->conf != NULL)
        rc = conf_resolve(ctx->conf, ctx->catalog, str_of(model), &ctx->arena, &ignored,
                          e);
    if (rc != ERR_OK && broker_knows(r, model, route)) {
        err_clear(e);
        return ERR_OK;
    }
    /* names that only the catalog knows are unknown without it */
    if (rc != ERR_OK && ctx->catalog_err.code != ERR_OK)
        rc = cmd_need_catalog(ctx, e);
    return rc;
}

/* With a question of one byte, and those files; release it after success. */
static enum errc look_ahead(struct repl *r, const struct opt_list *attach,
                            struct outlook *ret, struct err *e)
{
    AUTO(buf_release) struct buf messages = BUF_INIT(LIMIT_BODY_LEN);
    struct outlook l = {.system_len = r->s->system.len,
                        .earlier_len = r->s->messages.len};
    struct opt_args words;
    words.n = 0;
    if (r->extra.len > 0)
        words.items[words.n++] = r->extra.data;
    words.items[words.n++] = "?";
    const struct prompt_source source = {
        .files = &r->files, .attach = attach, .words = &words, .never_stdin = true};
    struct jw w;
    enum errc rc = prompt_build(r->s->ctx, &source, &l.prompt, e);
    if (rc != ERR_OK)
        return rc;
    session_messages(r->s, &messages);
    jw_init(&w, &messages);
    prompt_write(&l.prompt, &w);
    buf_addc(&messages, ',');
    rc = ask_broker(r, buf_str(&messages), &l.decision, e);
    if (rc != ERR_OK) {
        release(&l);
        return rc;
    }
    l.all_len = l.system_len + l.earlier_len + l.prompt.text.len;
    if (!jx_i64(l.decision, "input_tok", 0, INT64_MAX, &l.input_tok))
        l.input_tok = 0;
    l.input_cost = read_cost(l.decision);
    *ret = l;
    return ERR_OK;
}

/* ---- /context ---- */

/* tok < 0 and PICO_UNKNOWN: not known. */
static void print_item(size_t n, int64_t tok, pico cost, const char *kind,
                       const char *name)
{
    char count[NUM_TEXT_LEN] = "—", money[MONEY_TEXT_LEN], number[NUM_TEXT_LEN] = "";
    if (tok >= 0)
        num_group(count, tok);
    if (n > 0)
        snprintf(number, sizeof number, "%zu", n);
    money_people(money, cost);
    /* "—" is one cell and three bytes */
    printf("%3s %*s  %*s  %s%s\n", number, tok >= 0 ? 9 : 11, count,
           cost != PICO_UNKNOWN ? 10 : 12, money, kind, name);
}

/* Of a text, its part of all bytes. */
static void print_share(const struct outlook *l, size_t n, size_t len, const char *kind,
                        const char *name)
{
    i128 all = (i128)MAX(l->all_len, (size_t)1);
    pico cost = PICO_UNKNOWN;
    if (l->input_cost != PICO_UNKNOWN)
        cost = (pico)((i128)l->input_cost * (i128)len / all);
    print_item(n, (int64_t)((i128)l->input_tok * (i128)len / all), cost, kind, name);
}

/* Bytes of the parts that a path has brought: of a folder, all below it. */
static size_t len_of(const struct prompt *p, const char *path)
{
    struct str name = str_of(path);
    size_t len = 0;
    while (name.len > 1 && str_ends(name, STR("/")))
        name.len--;
    for (size_t i = 0; i < p->n_parts; i++) {
        struct str part = str_of(p->parts[i].name);
        bool is_below =
            str_starts(part, name) && part.len > name.len && part.ptr[name.len] == '/';
        len += str_eq(part, name) || is_below ? p->parts[i].len : 0;
    }
    return len;
}

/* `l` is without what is attached, `all` with it. */
static void print_outlook(const struct repl *r, const struct outlook *l,
                          const struct outlook *all)
{
    char tok[NUM_TEXT_LEN], cost[MONEY_TEXT_LEN];
    bool is_one = r->attach.n == 1, is_priced = l->input_cost != PICO_UNKNOWN;
    if (l->system_len > 0)
        print_share(l, 0, l->system_len, "system prompt", "");
    if (l->earlier_len > 0)
        print_share(l, 0, l->earlier_len, "earlier turns", "");
    if (r->extra.len > 0)
        print_share(l, 0, r->extra.len, "output of commands", "");
    for (size_t i = 0; i < r->files.n; i++)
        print_share(l, i + 1, len_of(&l->prompt, r->files.items[i]), "file    ",
                    r->files.items[i]);
    for (size_t i = 0; i < r->attach.n; i++)
        print_item(r->files.n + i + 1, is_one ? all->input_tok - l->input_tok : -1,
                   is_one && is_priced ? all->input_cost - l->input_cost : PICO_UNKNOWN,
                   "attach  ", r->attach.items[i]);
    num_group(tok, all->input_tok);
    money_people(cost, all->input_cost);
    printf("about %s tokens, %s, in %zu turn%s\n", tok, cost, r->n_turns,
           r->n_turns == 1 ? "" : "s");
}

enum errc repl_show_context(struct repl *r, struct err *e)
{
    static const struct opt_list none = {.n = 0};
    struct outlook texts, all;
    enum errc rc = look_ahead(r, &none, &texts, e);
    if (rc != ERR_OK)
        return rc;
    rc = look_ahead(r, &r->attach, &all, e);
    if (rc == ERR_OK) {
        print_outlook(r, &texts, &all);
        release(&all);
    }
    release(&texts);
    return rc;
}

/* ---- /budget ---- */

enum errc repl_show_budgets(struct repl *r, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    struct outlook l;
    enum errc rc = look_ahead(r, &r->attach, &l, e);
    if (rc != ERR_OK)
        return rc;
    struct json_object *all = jx_arr(l.decision, "budgets");
    size_t n = all != NULL ? json_object_array_length(all) : 0;
    for (size_t i = 0; i < n; i++) {
        explain_budget(json_object_array_get_idx(all, i), &text);
        buf_addc(&text, '\n');
    }
    printf("%.*s", STR_ARG(buf_str(&text)));
    if (n == 0)
        printf("no budget counts what is asked here\n");
    release(&l);
    return ERR_OK;
}

/* ---- a warning ---- */

/*
 * From a tenth of a dollar on people want to know; a turn below half of that is not worth asking.
 */
void repl_warn_of_history(struct repl *r)
{
    const pico dear = PICO_PER_USD / 10;
    struct outlook l;
    struct err ignored = ERR_INIT;
    char cost[MONEY_TEXT_LEN];
    pico last = answer_cost(&r->s->answer);
    if (last == PICO_UNKNOWN || last < dear / 2 || r->s->ctx->global.quiet ||
        look_ahead(r, &r->attach, &l, &ignored) != ERR_OK)
        return;
    if (l.input_cost != PICO_UNKNOWN && l.input_cost > dear) {
        money_people(cost, l.input_cost);
        cmd_note(r->s->ctx, "the next question costs %s for what was said before it",
                 cost);
    }
    release(&l);
}
