/*
 * complete.c: `llmgw __complete -- WORD…`: what may stand where the last word is.
 *
 * For the shells' completion scripts (completion.c). Made from the option tables and the
 * commands' own lines of arguments, so that it offers what there is. Reads local files only,
 * never starts a broker, says nothing when something is wrong.
 */
#include "cmd/complete.h"

#include <string.h>

#include "cmd/out.h"
#include "cmd/term.h"

/* The words before the last, as far as they matter. */
struct line {
    const struct cmd_entry *entry; /* NULL: the command is not said yet */
    const struct option_row *open; /* the option that waits for the last word; or NULL */
    const char *operands[2];       /* the first ones behind the command */
    size_t n_operands;
    bool options_ended;
};

static bool is_offered(const struct complete *c, struct str candidate)
{
    struct str rest = buf_str(&c->out), line;
    while (str_split(&rest, '\n', &line))
        if (str_eq(str_sub(line, 0, str_find(line, '\t')), candidate))
            return true;
    return false;
}

void complete_offer(struct complete *c, struct str candidate, struct str what)
{
    struct term_filter filter = {0};
    if (!str_starts(candidate, c->word) || !term_is_line(candidate) ||
        is_offered(c, candidate))
        return;
    buf_adds(&c->out, candidate);
    if (what.len > 0) {
        buf_addc(&c->out, '\t');
        term_filter(&filter, str_sub(what, 0, str_find(what, '\n')), &c->out);
    }
    buf_addc(&c->out, '\n');
}

void complete_offerz(struct complete *c, const char *candidate, const char *what)
{
    complete_offer(c, str_of(candidate), str_of(what));
}

/* ---- options ---- */

static void tables_of(const struct cmd_entry *entry,
                      const struct option_row *ret[OPT_TABLES])
{
    ret[0] = entry != NULL ? entry->options : NULL;
    ret[1] = entry != NULL && entry->like != NULL ? entry->like->options : NULL;
    ret[2] = cmd_global_options;
}

static bool takes_value(const struct option_row *row)
{
    return row->type != OPT_FLAG && row->type != OPT_COUNT;
}

static const struct option_row *find_option(const struct cmd_entry *entry,
                                            struct str name, char letter)
{
    const struct option_row *tables[OPT_TABLES];
    tables_of(entry, tables);
    for (size_t i = 0; i < OPT_TABLES; i++)
        for (const struct option_row *row = tables[i]; row != NULL && row->name != NULL;
             row++)
            if (letter != 0 ? row->letter == letter : str_eqz(name, row->name))
                return row;
    return NULL;
}

/* The option whose value is the next word, if this word is one. */
static const struct option_row *opened_by(const struct cmd_entry *entry, struct str word)
{
    const struct option_row *row = NULL;
    if (str_starts(word, STR("--"))) {
        if (str_find(word, '=') < word.len)
            return NULL;
        row = find_option(entry, str_sub(word, 2, word.len), 0);
        return row != NULL && takes_value(row) ? row : NULL;
    }
    for (size_t i = 1; i < word.len; i++) {
        row = find_option(entry, STR_NONE, word.ptr[i]);
        if (row == NULL)
            return NULL;
        if (takes_value(row))
            return i + 1 == word.len ? row : NULL;
    }
    return NULL;
}

static void offer_value(struct complete *c, const struct option_row *row)
{
    bool is_choice = row->type == OPT_CHOICE;
    complete_words(c, is_choice ? OPT_C_CHOICE : row->complete, row->values);
}

/* --name=VALUE in one word: candidates are the whole word. */
static void offer_joined(struct complete *c, const struct cmd_entry *entry)
{
    struct str whole = c->word;
    size_t eq = str_find(whole, '=');
    const struct option_row *row = find_option(entry, str_sub(whole, 2, eq - 2), 0);
    struct complete inner = {
        .ctx = c->ctx,
        .word = str_sub(whole, eq + 1, whole.len),
        .out = BUF_INIT(c->out.max),
    };
    if (row != NULL && takes_value(row))
        offer_value(&inner, row);
    struct str rest = buf_str(&inner.out), line;
    while (str_split(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        if (line.ptr[0] != ':')
            buf_adds(&c->out, str_sub(whole, 0, eq + 1));
        buf_printf(&c->out, "%.*s\n", STR_ARG(line));
    }
    buf_release(&inner.out);
}

/* ---- operands ---- */

static bool is_word(struct str s)
{
    bool is_lower = s.len > 0;
    for (size_t i = 0; i < s.len; i++)
        is_lower = is_lower && ((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || s.ptr[i] == '-');
    return is_lower;
}

/* The next word of "[list | show ROUTE | explain [PROMPT...]]", without brackets and dots. */
static bool next_piece(struct str *rest, struct str *ret, bool *ret_bar)
{
    *ret_bar = false;
    while (rest->len > 0 && strchr(" []|.", rest->ptr[0]) != NULL) {
        *ret_bar = *ret_bar || rest->ptr[0] == '|';
        *rest = str_sub(*rest, 1, rest->len);
    }
    size_t n = 0;
    while (n < rest->len && strchr(" []|.", rest->ptr[n]) == NULL)
        n++;
    *ret = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return n > 0;
}

/* … but for "[options]", which nobody is to type. */
static bool next_token(struct str *rest, struct str *ret, bool *ret_bar)
{
    bool bar, found = next_piece(rest, ret, ret_bar);
    while (found && str_eqz(*ret, "options")) {
        found = next_piece(rest, ret, &bar);
        *ret_bar = *ret_bar || bar;
    }
    return found;
}

/* Is the first operand one of the command's words? */
static bool has_word(const struct line *l)
{
    struct str rest = str_of(l->entry->args), token;
    bool bar;
    while (l->n_operands > 0 && next_token(&rest, &token, &bar))
        if (is_word(token) && str_eqz(token, l->operands[0]))
            return true;
    return false;
}

static void offer_option(struct complete *c, const struct option_row *row)
{
    struct arena *a = &c->ctx->arena;
    AUTO(buf_release) struct buf about = BUF_INIT(LIMIT_HEAD_LEN);
    opt_about(row, &about);
    complete_offerz(c, arena_printf(a, "--%s", row->name), about.data);
    if (row->negatable)
        complete_offerz(c, arena_printf(a, "--no-%s", row->name), about.data);
}

/* Those that go with the word behind the command; all while there is none. */
static void offer_options(struct complete *c, const struct line *l)
{
    const struct option_row *tables[OPT_TABLES];
    bool is_bare = l->entry != NULL && l->n_operands > 0 && !has_word(l);
    struct str word = is_bare             ? STR(OPT_BARE)
                      : l->n_operands > 0 ? str_of(l->operands[0])
                                          : STR_NONE;
    tables_of(l->entry, tables);
    for (size_t i = 0; i < OPT_TABLES; i++)
        for (const struct option_row *row = tables[i]; row != NULL && row->name != NULL;
             row++) {
            const char *with = l->entry != NULL ? cmd_option_with(l->entry, row) : NULL;
            if (!row->hidden &&
                (with == NULL || word.len == 0 || opt_has_word(with, word)))
                offer_option(c, row);
        }
}

/* Operands by the command's own line: words, and behind a word what its names stand for. */
static void offer_operands(struct complete *c, const struct line *l)
{
    struct str rest = str_of(l->entry->args), token, word = STR_NONE;
    bool is_first = true, bar, behind_word = has_word(l);
    while (next_token(&rest, &token, &bar)) {
        is_first = is_first || bar;
        bool starts = is_first && is_word(token);
        word = starts ? token : bar ? STR_NONE : word;
        if (l->n_operands == 0 && starts)
            complete_offer(c, token, STR_NONE);
        else if (l->n_operands == 0 && (word.len == 0 || bar))
            complete_words(c, complete_kind(token), NULL);
        else if (l->n_operands > 0 && !starts &&
                 (behind_word ? str_eqz(word, l->operands[0]) : word.len == 0))
            complete_words(c, complete_kind(token), NULL);
        is_first = false;
    }
}

static void offer_commands(struct complete *c)
{
    for (size_t i = 0; cmd_table[i] != NULL; i++)
        if (cmd_table[i]->summary != NULL)
            complete_offerz(c, cmd_table[i]->name, cmd_table[i]->summary);
}

/* ---- the line ---- */

static void read_word(struct cmd_ctx *ctx, struct line *l, const char *text)
{
    struct str word = str_of(text);
    bool is_option = !l->options_ended && word.len > 1 && word.ptr[0] == '-';
    if (l->open != NULL) {
        if (strcmp(l->open->name, "config") == 0)
            ctx->global.config = text;
        l->open = NULL;
    } else if (is_option && word.len == 2 && word.ptr[1] == '-') {
        l->options_ended = true;
    } else if (is_option) {
        l->open = opened_by(l->entry, word);
    } else if (l->entry == NULL) {
        l->entry = cmd_find(word);
    } else if (l->n_operands < ARRAY_LEN(l->operands)) {
        l->operands[l->n_operands++] = text;
    }
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    (void)options;
    struct complete c = {.ctx = ctx, .out = BUF_INIT(LIMIT_REPLY_LEN)};
    struct line l = {.entry = NULL};
    if (args->n == 0)
        return err_set(e, ERR_USAGE, "usage: llmgw __complete -- WORD...");
    for (size_t i = 0; i + 1 < args->n; i++)
        read_word(ctx, &l, args->items[i]);
    c.word = str_of(args->items[args->n - 1]);
    bool is_option = !l.options_ended && c.word.len > 0 && c.word.ptr[0] == '-';
    if (l.open != NULL)
        offer_value(&c, l.open);
    else if (is_option && str_find(c.word, '=') < c.word.len)
        offer_joined(&c, l.entry);
    else if (is_option)
        offer_options(&c, &l);
    else if (l.entry == NULL)
        offer_commands(&c);
    else
        offer_operands(&c, &l);
    enum errc rc = out_write(ctx, buf_str(&c.out), e);
    buf_release(&c.out);
    return rc;
}

const struct cmd_entry cmd___complete = {
    .name = "__complete",
    .args = "-- WORD...",
    .formats = 1 << FORMAT_TEXT,
    .preset = FORMAT_TEXT,
    .run = run,
};
