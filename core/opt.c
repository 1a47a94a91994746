/*
 * opt.c: see opt.h.
 *
 * Owns the grammar of the command line; knows no command. Values are checked and stored by the
 * row's type; what is borrowed points into argv.
 */
#include "core/opt.h"

#include <inttypes.h>
#include <string.h>

#include "core/money.h"
#include "core/near.h"
#include "core/num.h"

/* Where parsing stands. */
struct opt_run {
    const struct option_row *const *tables;
    void *const *into;
    int argc;
    char *const *argv;
    int at; /* index of the argument being read */
    struct opt_args *args;
    struct err *e;
};

/* An option as found: its row, the struct it fills, and whether it came as --no-NAME. */
struct opt_hit {
    const struct option_row *row;
    void *into;
    bool is_negated;
};

#define for_each_row(row, table)                                                         \
    for (const struct option_row *row = (table); row != NULL && row->name != NULL; row++)

enum { ABOUT_LEN = 8 * 1024 };

static bool takes_value(const struct option_row *row)
{
    return row->type != OPT_FLAG && row->type != OPT_COUNT;
}

static bool find_letter(const struct opt_run *r, char letter, struct opt_hit *ret)
{
    for (size_t i = 0; i < OPT_TABLES; i++)
        for_each_row (row, r->tables[i]) {
            if (row->letter != letter)
                continue;
            *ret = (struct opt_hit){.row = row, .into = r->into[i]};
            return true;
        }
    return false;
}

static bool find_name(const struct opt_run *r, struct str name, struct opt_hit *ret)
{
    struct str no = STR("no-");
    struct str rest = str_starts(name, no) ? str_sub(name, no.len, name.len) : STR_NONE;
    for (size_t i = 0; i < OPT_TABLES; i++)
        for_each_row (row, r->tables[i]) {
            bool negated = row->negatable && str_eqz(rest, row->name);
            if (!negated && !str_eqz(name, row->name))
                continue;
            *ret =
                (struct opt_hit){.row = row, .into = r->into[i], .is_negated = negated};
            return true;
        }
    return false;
}

static enum errc unknown_name(const struct opt_run *r, struct str name)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < OPT_TABLES; i++)
        for_each_row (row, r->tables[i])
            if (!row->hidden)
                near_offerz(&near, row->name);
    if (near.n == 0)
        return err_set(r->e, ERR_USAGE, "unknown option --%.*s", STR_ARG(name));
    return err_set(r->e, ERR_USAGE, "unknown option --%.*s (did you mean --%.*s?)",
                   STR_ARG(name), STR_ARG(near.names[0]));
}

static enum errc bad_value(struct err *e, const struct option_row *row, const char *value,
                           const char *want)
{
    return err_set(e, ERR_USAGE, "--%s: \"%s\" is not %s", row->name, value, want);
}

static enum errc store_choice(const struct option_row *row, const char *value,
                              const char **field, struct err *e)
{
    struct near near;
    near_init(&near, str_of(value));
    struct str rest = str_of(row->values), choice;
    while (str_split(&rest, '|', &choice)) {
        if (str_eqz(choice, value)) {
            *field = value;
            return ERR_OK;
        }
        near_offer(&near, choice);
    }
    char hint[NEAR_TEXT_LEN];
    return err_set(e, ERR_USAGE, "--%s: \"%s\" is none of %s%s", row->name, value,
                   row->values, near_hint(&near, 1, hint));
}

static enum errc store_int(const struct option_row *row, const char *value,
                           int64_t *field, struct err *e)
{
    int64_t min, max;
    opt_range(row->values, &min, &max);
    enum errc rc = num_i64(str_of(value), min, max, field);
    if (rc == ERR_RANGE && row->values != NULL && max == INT64_MAX)
        return err_set(e, ERR_USAGE, "--%s: %s is less than %" PRId64, row->name, value,
                       min);
    if (rc == ERR_RANGE && row->values != NULL)
        return err_set(e, ERR_USAGE, "--%s: %s is outside %s", row->name, value,
                       row->values);
    return rc == ERR_OK ? ERR_OK : bad_value(e, row, value, "a whole number");
}

static enum errc store_string(const struct option_row *row, const char *value,
                              struct opt_list *list, struct err *e)
{
    if (list->n == OPT_LIST_MAX)
        return err_set(e, ERR_USAGE, "--%s: more than %d of them", row->name,
                       OPT_LIST_MAX);
    list->items[list->n++] = value;
    return ERR_OK;
}

static enum errc store_money(const struct option_row *row, const char *value, pico *field,
                             struct err *e)
{
    pico amount;
    if (money_parse(str_of(value), &amount) != ERR_OK || amount < 0)
        return bad_value(e, row, value, "an amount in dollars such as 0.02");
    *field = amount;
    return ERR_OK;
}

/* Stores what a row with a value was given; `value` is NUL-terminated and in argv. */
static enum errc store(const struct opt_hit *hit, const char *value, struct err *e)
{
    const struct option_row *row = hit->row;
    void *field = (char *)hit->into + row->offset;
    struct str text = str_of(value);
    switch (row->type) {
    case OPT_FLAG:
        *(bool *)field = !hit->is_negated;
        return ERR_OK;
    case OPT_COUNT:
        ++*(int *)field;
        return ERR_OK;
    case OPT_STRING:
        *(const char **)field = value;
        return ERR_OK;
    case OPT_STRINGS:
        return store_string(row, value, field, e);
    case OPT_CHOICE:
        return store_choice(row, value, field, e);
    case OPT_INT:
        return store_int(row, value, field, e);
    case OPT_SIZE:
        if (num_size(text, field) == ERR_OK)
            return ERR_OK;
        return bad_value(e, row, value, "a size such as 64k or 10M");
    case OPT_DURATION:
        if (num_duration_us(text, 0, field) == ERR_OK)
            return ERR_OK;
        return bad_value(e, row, value, "a duration such as 1.5s, 10m or 2h");
    case OPT_MONEY:
        return store_money(row, value, field, e);
    case OPT_FRACTION:
        if (num_fraction_ppm(text, field) == ERR_OK)
            return ERR_OK;
        return bad_value(e, row, value, "a fraction such as 0.8 or 80%");
    }
    return err_set(e, ERR_INTERNAL, "--%s has no type", row->name);
}

static enum errc note_given(struct opt_run *r, const struct option_row *row)
{
    struct opt_args *a = r->args;
    for (size_t i = 0; i < a->n_given; i++)
        if (a->given[i] == row)
            return ERR_OK;
    if (a->n_given == OPT_GIVEN_MAX)
        return err_set(r->e, ERR_USAGE, "more than %d different options", OPT_GIVEN_MAX);
    a->given[a->n_given++] = row;
    return ERR_OK;
}

/* An option as it came: noted, and its value stored. */
static enum errc take(struct opt_run *r, const struct opt_hit *hit, const char *value)
{
    enum errc rc = store(hit, value, r->e);
    return rc == ERR_OK ? note_given(r, hit->row) : rc;
}

/* The value of an option: what stands behind it in the same word, else the next word. */
static enum errc with_value(struct opt_run *r, const struct opt_hit *hit,
                            const char *same_word)
{
    const char *value = same_word;
    if (value == NULL && r->at + 1 < r->argc)
        value = r->argv[++r->at];
    if (value == NULL || (value[0] == '\0' && hit->row->is_filled))
        return err_set(r->e, ERR_USAGE, "--%s needs a value (%s)", hit->row->name,
                       hit->row->arg ? hit->row->arg : hit->row->values);
    return take(r, hit, value);
}

/* --name, --name=value, --no-name */
static enum errc long_option(struct opt_run *r)
{
    const char *word = r->argv[r->at] + 2;
    struct str all = str_of(word);
    size_t eq = str_find(all, '=');
    struct str name = str_sub(all, 0, eq);
    const char *value = eq < all.len ? word + eq + 1 : NULL;
    struct opt_hit hit;
    if (!find_name(r, name, &hit))
        return unknown_name(r, name);
    if (takes_value(hit.row))
        return with_value(r, &hit, value);
    if (value != NULL)
        return err_set(r->e, ERR_USAGE, "--%.*s takes no value", STR_ARG(name));
    return take(r, &hit, NULL);
}

/* -x, -xyz, -x value, -xvalue */
static enum errc short_options(struct opt_run *r)
{
    for (const char *p = r->argv[r->at] + 1; *p != '\0'; p++) {
        struct opt_hit hit;
        if (!find_letter(r, *p, &hit))
            return err_set(r->e, ERR_USAGE, "unknown option -%c in \"%s\"", *p,
                           r->argv[r->at]);
        if (takes_value(hit.row))
            return with_value(r, &hit, p[1] != '\0' ? p + 1 : NULL);
        enum errc rc = take(r, &hit, NULL);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum errc operand(struct opt_run *r)
{
    struct opt_args *a = r->args;
    if (a->n == ARRAY_LEN(a->items))
        return err_set(r->e, ERR_USAGE, "more than %zu operands", a->n);
    a->items[a->n++] = r->argv[r->at];
    return ERR_OK;
}

enum errc opt_parse(int argc, char *const argv[],
                    const struct option_row *const tables[OPT_TABLES],
                    void *const into[OPT_TABLES], bool stop_at_operand,
                    struct opt_args *args, int *ret_used, struct err *e)
{
    struct opt_run r = {.tables = tables,
                        .into = into,
                        .argc = argc,
                        .argv = argv,
                        .at = 1,
                        .args = args,
                        .e = e};
    bool options_ended = false;
    args->n_given = 0;
    for (; r.at < argc; r.at++) {
        const char *word = argv[r.at];
        bool is_option = !options_ended && word[0] == '-' && word[1] != '\0';
        enum errc rc = ERR_OK;
        if (!is_option && stop_at_operand)
            break;
        if (!is_option)
            rc = operand(&r);
        else if (word[1] != '-')
            rc = short_options(&r);
        else if (word[2] != '\0')
            rc = long_option(&r);
        else
            options_ended = true;
        if (rc != ERR_OK)
            return rc;
    }
    if (ret_used != NULL)
        *ret_used = MIN(r.at, argc);
    return ERR_OK;
}

void opt_range(const char *range, int64_t *ret_min, int64_t *ret_max)
{
    *ret_min = INT64_MIN;
    *ret_max = INT64_MAX;
    struct str all = str_of(range), dots = STR("..");
    size_t at = str_search(all, dots);
    if (at == all.len)
        return;
    struct str low = str_sub(all, 0, at), high = str_sub(all, at + dots.len, all.len);
    if (low.len > 0 && num_i64(low, INT64_MIN, INT64_MAX, ret_min) != ERR_OK)
        *ret_min = INT64_MIN;
    if (high.len > 0 && num_i64(high, INT64_MIN, INT64_MAX, ret_max) != ERR_OK)
        *ret_max = INT64_MAX;
}

/* What stands for the value in help: "NAME", "text|json", or NULL for flags. */
static const char *value_word(const struct option_row *row)
{
    if (!takes_value(row))
        return NULL;
    return row->arg ? row->arg : row->values;
}

/* Code points: the columns of help, which has arrows and dots and nothing that is wider. */
static size_t columns(struct str s)
{
    size_t n = 0;
    while (s.len > 0) {
        s = str_sub(s, MAX(str_utf8_len(s), 1), s.len);
        n++;
    }
    return n;
}

void opt_wrap(struct buf *out, struct str text, size_t indent, size_t at, size_t width)
{
    struct str word;
    bool first = true;
    while (str_split(&text, ' ', &word)) {
        if (!first && at + 1 + columns(word) > width) {
            buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        if (!first) {
            buf_addc(out, ' ');
            at++;
        }
        buf_adds(out, word);
        at += columns(word);
        first = false;
    }
    buf_addc(out, '\n');
}

/* ---- what options are said to do ---- */

bool opt_has_word(const char *with, struct str word)
{
    struct str rest = str_of(with), one;
    while (str_split(&rest, ' ', &one))
        if (str_eq(one, word))
            return true;
    return false;
}

/* Those of a `with` that stand behind the command; the last is set apart by "and". */
void opt_words(const char *with, struct buf *out)
{
    struct str rest = str_of(with), word;
    size_t n_left = 0, n = 0;
    while (str_split(&rest, ' ', &word))
        n_left += !str_eqz(word, OPT_BARE);
    rest = str_of(with);
    while (str_split(&rest, ' ', &word)) {
        if (str_eqz(word, OPT_BARE))
            continue;
        buf_printf(out, "%s%.*s",
                   n == 0        ? ""
                   : n_left == 1 ? " and "
                                 : ", ",
                   STR_ARG(word));
        n++;
        n_left--;
    }
}

void opt_about(const struct option_row *row, struct buf *out)
{
    bool is_bare = row->with != NULL && opt_has_word(row->with, STR(OPT_BARE));
    if (row->with != NULL && !is_bare) {
        buf_addz(out, "with ");
        opt_words(row->with, out);
        buf_addz(out, ": ");
    }
    buf_addz(out, row->help);
    if (is_bare && strcmp(row->with, OPT_BARE) != 0) {
        buf_addz(out, "; also with ");
        opt_words(row->with, out);
    }
}

/* The words that a whole group belongs to: its heading says so, once. NULL: each row by itself. */
static const char *group_with(const struct option_row *first)
{
    if (first->group == NULL || first->with == NULL ||
        opt_has_word(first->with, STR(OPT_BARE)))
        return NULL;
    for_each_row (row, first + 1) {
        if (row->group != NULL)
            break;
        if (row->with == NULL || strcmp(row->with, first->with) != 0)
            return NULL;
    }
    return first->with;
}

/* "which, with list, export and rm:" */
static void add_heading(const struct option_row *first, struct buf *out)
{
    buf_addz(out, first->group);
    if (group_with(first) != NULL) {
        buf_addz(out, ", with ");
        opt_words(first->with, out);
    }
    buf_addc(out, ':');
}

/* What a row says below the heading of its group. */
static void add_about(const struct option_row *row, const char *heading_with,
                      struct buf *out)
{
    if (heading_with != NULL)
        buf_addz(out, row->help);
    else
        opt_about(row, out);
}

/* ---- help ---- */

static void help_row(const struct option_row *row, const char *heading_with, size_t width,
                     struct buf *out)
{
    enum { INDENT = 26, NARROW = 12 };
    AUTO(buf_release) struct buf about = BUF_INIT(ABOUT_LEN);
    size_t from = out->len, indent = width < 60 ? NARROW : INDENT;
    if (row->letter != 0)
        buf_printf(out, "  -%c, ", row->letter);
    else
        buf_addz(out, "      ");
    buf_printf(out, "--%s%s", row->negatable ? "[no-]" : "", row->name);
    if (value_word(row) != NULL)
        buf_printf(out, " %s", value_word(row));
    size_t used = columns(str_sub(buf_str(out), from, out->len));
    if (used + 2 > indent) {
        buf_printf(out, "\n%*s", (int)indent, "");
        used = indent;
    }
    buf_printf(out, "%*s", (int)(indent - used), "");
    add_about(row, heading_with, &about);
    opt_wrap(out, buf_str(&about), indent, indent, width);
}

void opt_help(const struct option_row *table, int width, struct buf *out)
{
    enum { NARROWEST = 40 };
    const char *with = NULL;
    bool first = true;
    size_t columns = (size_t)MAX(width, NARROWEST);
    for_each_row (row, table) {
        if (row->hidden)
            continue;
        if (row->group != NULL) {
            AUTO(buf_release) struct buf heading = BUF_INIT(ABOUT_LEN);
            add_heading(row, &heading);
            if (!first)
                buf_addc(out, '\n');
            opt_wrap(out, buf_str(&heading), 2, 0, columns);
            with = group_with(row);
        }
        first = false;
        help_row(row, with, columns, out);
    }
}

/* ---- manual pages ---- */

void opt_mdoc_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool starts_line = i == 0 || text.ptr[i - 1] == '\n';
        if (starts_line && (c == '.' || c == '\''))
            buf_addz(out, "\\&");
        if (c == '\\')
            buf_addz(out, "\\e");
        else
            buf_addc(out, c);
    }
}

static void mdoc_capital(struct buf *out, struct str text)
{
    if (text.len > 0 && text.ptr[0] >= 'a' && text.ptr[0] <= 'z') {
        buf_addc(out, (char)(text.ptr[0] - ('a' - 'A')));
        text = str_sub(text, 1, text.len);
    }
    opt_mdoc_text(out, text);
}

void opt_mdoc_sentence(struct buf *out, const char *help)
{
    mdoc_capital(out, str_of(help));
    buf_addz(out, ".\n");
}

static void mdoc_row(const struct option_row *row, const char *heading_with,
                     struct buf *out)
{
    AUTO(buf_release) struct buf about = BUF_INIT(ABOUT_LEN);
    buf_addz(out, ".It ");
    if (row->letter != 0)
        buf_printf(out, "Fl %c , ", row->letter);
    buf_printf(out, "Fl -%s", row->name);
    if (value_word(row) != NULL)
        buf_printf(out, " Ar %s", value_word(row));
    if (row->negatable)
        buf_printf(out, " , Fl -no-%s", row->name);
    buf_addc(out, '\n');
    add_about(row, heading_with, &about);
    opt_mdoc_sentence(out, about.data);
}

/* A heading that is the only one, and says nothing of words, is none. */
static bool has_headings(const struct option_row *table)
{
    size_t n = 0;
    for_each_row (row, table)
        n += row->group == NULL ? 0 : group_with(row) != NULL ? 2 : 1;
    return n > 1;
}

void opt_mdoc(const struct option_row *table, struct buf *out)
{
    bool is_open = false, is_grouped = has_headings(table);
    const char *with = NULL;
    for_each_row (row, table) {
        if (row->hidden)
            continue;
        bool begins = is_grouped && row->group != NULL;
        if (is_open && begins)
            buf_addz(out, ".El\n.Pp\n");
        if (begins) {
            AUTO(buf_release) struct buf heading = BUF_INIT(ABOUT_LEN);
            add_heading(row, &heading);
            mdoc_capital(out, buf_str(&heading));
            buf_addc(out, '\n');
            with = group_with(row);
        }
        if (begins || !is_open)
            buf_addz(out, ".Bl -tag -width Ds\n");
        is_open = true;
        mdoc_row(row, with, out);
    }
    if (is_open)
        buf_addz(out, ".El\n");
}
