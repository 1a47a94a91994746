/*
 * out_format.c: the seven formats of out.c. Machine formats are an API: names carry units, numbers
 * are exact and never localised, unknown is null or empty. Tables are for people.
 */
#include "cmd/out_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/near.h"
#include "core/num.h"
#include "core/opt.h"
#include "core/zone.h"

#include "cmd/term.h"

static bool is_machine(enum cmd_format f)
{
    return f == FORMAT_JSON || f == FORMAT_JSONL || f == FORMAT_CSV || f == FORMAT_TSV;
}

/* The unit, as a part of the field's name. */
static const char *suffix(const struct out_column *c)
{
    return c->type == OUT_MONEY ? "_usd" : c->type == OUT_DURATION ? "_ms" : "";
}

/* As a table has it, or as programs read it: "cost", "cost_usd". */
static bool is_named(const struct out_column *c, struct str name)
{
    struct str plain = str_of(c->name), rest = str_sub(name, plain.len, name.len);
    return str_starts(name, plain) && (str_eqz(rest, "") || str_eqz(rest, suffix(c)) ||
                                       (c->type == OUT_MONEY && str_eqz(rest, "_pusd")));
}

/* The nearest ones, or all. */
static enum errc no_field(const struct out *o, struct str name, struct err *e)
{
    AUTO(buf_release) struct buf all = BUF_INIT(4096);
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, name);
    for (size_t i = 0; i < o->n_columns; i++) {
        near_offerz(&near, o->columns[i].name);
        buf_printf(&all, "%s%s", i == 0 ? "\nhint: there are " : ", ",
                   o->columns[i].name);
    }
    near_hint(&near, NEAR_MAX, hint);
    return err_set(e, ERR_USAGE, "--fields: no field \"%.*s\" here%.*s", STR_ARG(name),
                   STR_ARG(hint[0] != '\0' ? str_of(hint) : buf_str(&all)));
}

enum errc out_choose_columns(struct out *o, struct err *e)
{
    struct str rest = str_of(o->ctx->global.fields), name;
    if (rest.ptr == NULL) {
        for (size_t i = 0; i < o->n_columns; i++)
            if (!o->columns[i].hidden || is_machine(o->format))
                o->shown[o->n_shown++] = i;
        return ERR_OK;
    }
    while (str_split(&rest, ',', &name)) {
        size_t i = 0;
        name = str_trim(name);
        while (i < o->n_columns && !is_named(&o->columns[i], name))
            i++;
        if (i == o->n_columns)
            return no_field(o, name, e);
        if (o->n_shown == OUT_COLUMNS)
            return err_set(e, ERR_USAGE, "--fields: more than %d of them", OUT_COLUMNS);
        o->shown[o->n_shown++] = i;
    }
    return ERR_OK;
}

static const struct out_cell *cell(const struct out *o, size_t row, size_t column)
{
    return &o->cells[row * o->n_columns + column];
}

/* v / 10^places without trailing zeros. */
static void add_scaled(struct buf *b, int64_t v, unsigned places)
{
    int64_t unit = 1;
    for (unsigned i = 0; i < places; i++)
        unit *= 10;
    uint64_t abs = v < 0 ? -(uint64_t)v : (uint64_t)v;
    buf_printf(b, "%s%" PRIu64, v < 0 ? "-" : "", abs / (uint64_t)unit);
    uint64_t rest = abs % (uint64_t)unit;
    if (rest == 0)
        return;
    buf_printf(b, ".%0*" PRIu64, (int)places, rest);
    while (b->data[b->len - 1] == '0')
        buf_truncate(b, b->len - 1);
}

static void add_time(struct buf *b, int64_t wall_us)
{
    char text[CLOCK_TEXT_LEN];
    clock_rfc3339(text, wall_us, zone_offset_s(wall_us), wall_us % US_PER_S != 0);
    buf_addz(b, text);
}

/* A set cell that is no text, as every machine format writes it; money as exact dollars. */
static void add_value(struct buf *b, enum out_type type, int64_t v)
{
    char usd[MONEY_TEXT_LEN];
    switch (type) {
    case OUT_INT:
    case OUT_TOKENS:
        buf_printf(b, "%" PRId64, v);
        break;
    case OUT_MONEY:
        money_exact(usd, v);
        buf_addz(b, usd);
        break;
    case OUT_PPM:
        add_scaled(b, v, 6);
        break;
    case OUT_DURATION:
        add_scaled(b, v, 3);
        break;
    case OUT_TIME:
        add_time(b, v);
        break;
    case OUT_BOOL:
        buf_addz(b, v ? "true" : "false");
        break;
    case OUT_TEXT:
    case OUT_JSON:
        break;
    }
}

/* ---- JSON ---- */

static void json_cell(struct buf *b, const struct out_column *c, const struct out_cell *v)
{
    buf_printf(b, "\"%s%s\":", c->name, suffix(c));
    if (!v->is_set)
        buf_addz(b, "null");
    else if (c->type == OUT_TEXT)
        json_quote(b, v->text);
    else if (c->type == OUT_JSON)
        buf_adds(b, v->text);
    else {
        const char *quote = c->type == OUT_TIME ? "\"" : "";
        buf_addz(b, quote);
        add_value(b, c->type, v->v);
        buf_addz(b, quote);
    }
    if (c->type != OUT_MONEY)
        return;
    buf_printf(b, ",\"%s_pusd\":", c->name);
    if (v->is_set)
        buf_printf(b, "%" PRId64, v->v);
    else
        buf_addz(b, "null");
}

static void json_row(struct out *o, size_t row)
{
    buf_addc(&o->text, '{');
    for (size_t i = 0; i < o->n_shown; i++) {
        if (i > 0)
            buf_addc(&o->text, ',');
        json_cell(&o->text, &o->columns[o->shown[i]], cell(o, row, o->shown[i]));
    }
    buf_addc(&o->text, '}');
}

static void format_json(struct out *o)
{
    char now[CLOCK_TEXT_LEN];
    int64_t wall_us = clock_wall_us(o->ctx->clock);
    clock_rfc3339(now, wall_us, zone_offset_s(wall_us), false);
    buf_printf(&o->text, "{\"schema\":\"%s\",\"generated_at\":\"%s\",\"tz\":", o->schema,
               now);
    json_quote(&o->text, str_of(zone_name()));
    buf_adds(&o->text, buf_str(&o->meta));
    buf_addz(&o->text, ",\"rows\":[");
    for (size_t r = 0; r < o->n_rows; r++) {
        buf_addz(&o->text, r > 0 ? ",\n" : "\n");
        json_row(o, r);
    }
    buf_addz(&o->text, o->n_rows > 0 ? "\n]" : "]");
    if (o->has_totals) {
        buf_addz(&o->text, ",\"totals\":");
        json_row(o, o->n_rows);
    }
    buf_addz(&o->text, ",\"warnings\":[");
    for (size_t i = 0; i < o->warnings.n; i++) {
        if (i > 0)
            buf_addc(&o->text, ',');
        json_quote(&o->text, str_of(o->warnings.items[i]));
    }
    buf_addz(&o->text, "]}\n");
}

static void format_jsonl(struct out *o)
{
    for (size_t r = 0; r < o->n_rows; r++) {
        json_row(o, r);
        buf_addc(&o->text, '\n');
    }
}

/* ---- CSV and TSV ---- */

/* RFC 4180 quoting; a cell that a spreadsheet would run as a formula gets a leading '. */
static void csv_text(const struct out *o, struct buf *b, struct str s)
{
    bool formula = !o->csv_raw && s.len > 0 && strchr("=+-@", s.ptr[0]) != NULL;
    bool quote = false;
    for (size_t i = 0; i < s.len; i++)
        quote = quote || strchr(",\"\r\n", s.ptr[i]) != NULL;
    if (!quote) {
        buf_addz(b, formula ? "'" : "");
        buf_adds(b, s);
        return;
    }
    buf_addz(b, formula ? "\"'" : "\"");
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            buf_addc(b, '"');
        buf_addc(b, s.ptr[i]);
    }
    buf_addc(b, '"');
}

/* TSV has no quoting: tabs and line ends become blanks. */
static void tsv_text(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_addc(b,
                 strchr("\t\r\n", s.ptr[i]) != NULL && s.ptr[i] != '\0' ? ' ' : s.ptr[i]);
}

static void csv_cell(struct out *o, const struct out_column *c, const struct out_cell *v,
                     char sep)
{
    struct buf *b = &o->text;
    bool is_text = c->type == OUT_TEXT || c->type == OUT_JSON;
    if (v->is_set && is_text && sep == ',')
        csv_text(o, b, v->text);
    else if (v->is_set && is_text)
        tsv_text(b, v->text);
    else if (v->is_set)
        add_value(b, c->type, v->v);
    if (c->type != OUT_MONEY)
        return;
    buf_addc(b, sep);
    if (v->is_set)
        buf_printf(b, "%" PRId64, v->v);
}

static void format_csv(struct out *o, char sep)
{
    for (size_t i = 0; i < o->n_shown; i++) {
        const struct out_column *c = &o->columns[o->shown[i]];
        if (i > 0)
            buf_addc(&o->text, sep);
        if (c->type == OUT_MONEY)
            buf_printf(&o->text, "%s_usd%c%s_pusd", c->name, sep, c->name);
        else
            buf_printf(&o->text, "%s%s", c->name, suffix(c));
    }
    buf_addc(&o->text, '\n');
    for (size_t r = 0; r < o->n_rows; r++) {
        for (size_t i = 0; i < o->n_shown; i++) {
            if (i > 0)
                buf_addc(&o->text, sep);
            csv_cell(o, &o->columns[o->shown[i]], cell(o, r, o->shown[i]), sep);
        }
        buf_addc(&o->text, '\n');
    }
}

/* ---- for people ---- */

/* Per cent, away from zero at the half; "+" says that a growth is one. */
static void ppm_people(char text[NUM_TEXT_LEN], int64_t ppm, bool is_change)
{
    int64_t percent = (ppm + (ppm < 0 ? -5000 : 5000)) / 10000;
    const char *sign = is_change && percent > 0 ? "+" : "";
    if (percent < 0)
        sign = out_is_utf8() ? "\xE2\x88\x92" : "-"; /* a minus sign */
    snprintf(text, NUM_TEXT_LEN, "%s%" PRId64 " %%", sign,
             percent < 0 ? -percent : percent);
}

/* The text of a cell as a table shows it; lives in the arena. */
static struct str people_cell(struct out *o, const struct out_column *c,
                              const struct out_cell *v)
{
    char text[NUM_TEXT_LEN];
    _Static_assert((int)NUM_TEXT_LEN >= (int)MONEY_TEXT_LEN, "one buffer serves both");
    if (!v->is_set)
        return out_is_utf8() ? STR("\xE2\x80\x94") : STR("-");
    switch (c->type) {
    case OUT_TEXT:
    case OUT_JSON:
        return v->text;
    case OUT_INT:
        num_group(text, v->v);
        break;
    case OUT_TOKENS:
        num_short(text, v->v);
        break;
    case OUT_MONEY:
        money_people(text, v->v);
        break;
    case OUT_PPM:
        ppm_people(text, v->v, c->is_change);
        break;
    case OUT_DURATION:
        num_duration(text, v->v);
        break;
    case OUT_TIME: {
        struct civil t = zone_local(v->v);
        snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", t.year % 10000,
                 t.month, t.day, t.hour, t.minute, t.second);
        break;
    }
    case OUT_BOOL:
        return v->v ? STR("yes") : STR("no");
    }
    return arena_str(&o->arena, str_of(text));
}

static const char *heading(const struct out_column *c)
{
    return c->title ? c->title : c->name;
}

/* One cell as plain printable text: all else becomes a blank. */
static struct str flatten(struct out *o, struct str s)
{
    if (s.len == 0)
        return s;
    char *copy = arena_strndup(&o->arena, s.ptr, s.len);
    size_t at = 0, to = 0;
    while (copy != NULL && at < s.len) {
        size_t len = str_utf8_len(str_sub(s, at, s.len));
        struct str cp = str_sub(s, at, MAX(len, (size_t)1));
        if (term_is_line(cp)) {
            memmove(copy + to, cp.ptr, cp.len);
            to += cp.len;
        } else {
            copy[to++] = ' ';
        }
        at += cp.len;
    }
    return copy != NULL ? (struct str){copy, to} : STR_NONE;
}

struct grid {
    struct str *cells; /* arena; (rows + totals) × shown */
    size_t n_rows;     /* with the totals */
    size_t width[OUT_COLUMNS];
    bool dropped[OUT_COLUMNS];
};

static bool grid_build(struct out *o, struct grid *g)
{
    g->n_rows = o->n_rows + o->has_totals;
    g->cells = ARENA_ARRAY(&o->arena, MAX(g->n_rows * o->n_shown, (size_t)1), struct str);
    if (g->cells == NULL)
        return false;
    for (size_t i = 0; i < o->n_shown; i++) {
        const struct out_column *c = &o->columns[o->shown[i]];
        g->width[i] = out_width(str_of(heading(c)));
        for (size_t r = 0; r < g->n_rows; r++) {
            struct str s = flatten(o, people_cell(o, c, cell(o, r, o->shown[i])));
            g->cells[r * o->n_shown + i] = s;
            g->width[i] = MAX(g->width[i], out_width(s));
        }
    }
    return true;
}

static size_t grid_width(const struct out *o, const struct grid *g)
{
    size_t total = 0;
    for (size_t i = 0; i < o->n_shown; i++)
        if (!g->dropped[i])
            total += g->width[i] + (total > 0 ? 2 : 0);
    return total;
}

/* The column that may go first; OUT_COLUMNS if none may. */
static size_t least_important(const struct out *o, const struct grid *g)
{
    size_t worst = OUT_COLUMNS;
    for (size_t i = 0; i < o->n_shown; i++) {
        int priority = o->columns[o->shown[i]].priority;
        if (!g->dropped[i] && priority > 0 &&
            (worst == OUT_COLUMNS || priority >= o->columns[o->shown[worst]].priority))
            worst = i;
    }
    return worst;
}

/* The text to cut next, of those that are wider than they must be; OUT_COLUMNS if none is. */
static size_t widest_text(const struct out *o, const struct grid *g, bool all_keep)
{
    enum { NARROWEST = 4 };
    size_t widest = OUT_COLUMNS;
    for (size_t i = 0; i < o->n_shown; i++) {
        const struct out_column *c = &o->columns[o->shown[i]];
        size_t least = all_keep ? MAX((size_t)c->keep, (size_t)NARROWEST) : NARROWEST;
        if (!g->dropped[i] && c->type == OUT_TEXT && g->width[i] > least &&
            (widest == OUT_COLUMNS || g->width[i] > g->width[widest]))
            widest = i;
    }
    return widest;
}

enum { YEAR_LEN = 5, TIME_LEN = 19 }; /* "2026-", "2026-11-30 04:45:48" */

static bool is_of_one_year(const struct out *o, const struct grid *g, size_t column)
{
    struct str first = STR_NONE;
    for (size_t r = 0; r < g->n_rows; r++) {
        struct str s = g->cells[r * o->n_shown + column];
        if (s.len != TIME_LEN) /* not known */
            continue;
        struct str year = str_sub(s, 0, YEAR_LEN);
        if (first.ptr != NULL && !str_eq(first, year))
            return false;
        first = year;
    }
    return first.ptr != NULL;
}

static size_t soft_width(const struct out *o, const struct grid *g, size_t column)
{
    const struct out_column *c = &o->columns[o->shown[column]];
    size_t full = g->width[column];
    if (c->soft == 0)
        return full;
    if (c->type != OUT_TIME)
        return MIN(full, (size_t)c->soft);
    return full == TIME_LEN && is_of_one_year(o, g, column) ? full - YEAR_LEN : full;
}

/* Gives cut texts the room that is left; then times their years, where there still is some. */
static void widen(const struct out *o, struct grid *g, const size_t *full, size_t screen)
{
    for (int times = 0; times < 2; times++)
        for (size_t i = 0; i < o->n_shown; i++) {
            size_t used = grid_width(o, g), lost = full[i] - g->width[i];
            if (g->dropped[i] || used >= screen ||
                (o->columns[o->shown[i]].type == OUT_TIME) != times ||
                (times && screen - used < lost))
                continue;
            g->width[i] += MIN(screen - used, lost);
        }
}

/*
 * Cuts long names a little, drops the least important columns, and cuts what is widest, until it
 * fits.
 */
static void grid_fit(const struct out *o, struct grid *g, size_t screen)
{
    size_t full[OUT_COLUMNS], at;
    memcpy(full, g->width, sizeof full);
    for (size_t i = 0; i < o->n_shown; i++)
        g->width[i] = soft_width(o, g, i);
    while (grid_width(o, g) > screen && (at = least_important(o, g)) != OUT_COLUMNS)
        g->dropped[at] = true;
    widen(o, g, full, screen);
    while (grid_width(o, g) > screen && ((at = widest_text(o, g, true)) != OUT_COLUMNS ||
                                         (at = widest_text(o, g, false)) != OUT_COLUMNS))
        g->width[at]--;
}

static void pad(struct buf *b, size_t n)
{
    while (n-- > 0)
        buf_addc(b, ' ');
}

static void grid_cell(struct buf *b, struct str s, size_t width, bool right)
{
    struct buf cut = BUF_INIT(LIMIT_BODY_LEN);
    out_fit(&cut, s, width);
    size_t used = out_width(buf_str(&cut));
    if (right)
        pad(b, width - MIN(used, width));
    buf_adds(b, buf_str(&cut));
    if (!right)
        pad(b, width - MIN(used, width));
    buf_release(&cut);
}

static bool is_right(const struct out_column *c)
{
    return c->right || (c->type != OUT_TEXT && c->type != OUT_TIME &&
                        c->type != OUT_BOOL && c->type != OUT_JSON);
}

/* Takes what the cell shows on this line; what is left of it stands on the next one. */
static struct str take_line(size_t width, bool flows, struct str *rest)
{
    struct str s = *rest;
    *rest = STR_NONE;
    if (!flows || out_width(s) <= width)
        return s;
    size_t n = out_words_that_fit(s, width);
    *rest = str_trim(str_sub(s, n, s.len));
    return str_sub(s, 0, n);
}

/* One line of the cells that `rest` has left; true when it still has some. */
static bool grid_cells(struct out *o, const struct grid *g, bool is_heading,
                       struct str *rest)
{
    size_t n_before = 0;
    bool has_more = false;
    for (size_t i = 0; i < o->n_shown; i++) {
        const struct out_column *c = &o->columns[o->shown[i]];
        if (g->dropped[i])
            continue;
        if (n_before++ > 0)
            buf_addz(&o->text, "  ");
        grid_cell(&o->text, take_line(g->width[i], c->flows && !is_heading, &rest[i]),
                  g->width[i], is_right(c));
        has_more = has_more || rest[i].len > 0;
    }
    while (o->text.len > 0 && o->text.data[o->text.len - 1] == ' ')
        buf_truncate(&o->text, o->text.len - 1);
    buf_addc(&o->text, '\n');
    return has_more;
}

/* A row, or the heading: `cells` is NULL. */
static void grid_line(struct out *o, const struct grid *g, const struct str *cells)
{
    struct str rest[OUT_COLUMNS];
    for (size_t i = 0; i < o->n_shown; i++) {
        const struct out_column *c = &o->columns[o->shown[i]];
        rest[i] = cells != NULL ? cells[i] : str_of(heading(c));
        if (cells != NULL && c->type == OUT_TIME && rest[i].len == TIME_LEN &&
            g->width[i] < TIME_LEN)
            rest[i] = str_sub(rest[i], YEAR_LEN, TIME_LEN);
    }
    while (grid_cells(o, g, cells == NULL, rest))
        continue;
}

/* What is above and below a table is not wider than the screen, either. */
static void add_lines(struct out *o, const struct out_lines *lines)
{
    for (size_t i = 0; i < lines->n; i++) {
        AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_BODY_LEN);
        out_own(&line, str_of(lines->items[i]));
        opt_wrap(&o->text, buf_str(&line), 2, 0, (size_t)out_screen_width());
    }
}

/* The rows one below the other, a line for each field that is known. */
static void format_vertical(struct out *o, const struct grid *g)
{
    AUTO(buf_release) struct buf lines = BUF_INIT(LIMIT_BODY_LEN);
    size_t width = 0;
    for (size_t i = 0; i < o->n_shown; i++)
        width = MAX(width, out_width(str_of(heading(&o->columns[o->shown[i]]))));
    for (size_t r = 0; r < o->n_rows; r++) {
        buf_addz(&lines, r > 0 ? "\n" : "");
        for (size_t i = 0; i < o->n_shown; i++) {
            if (!cell(o, r, o->shown[i])->is_set)
                continue;
            grid_cell(&lines, str_of(heading(&o->columns[o->shown[i]])), width, false);
            buf_printf(&lines, "  %.*s\n", STR_ARG(g->cells[r * o->n_shown + i]));
        }
    }
    out_wrap(&o->text, &lines);
    add_lines(o, &o->footers);
}

static void format_table(struct out *o)
{
    struct grid g = {.cells = NULL};
    add_lines(o, &o->headlines);
    if (!grid_build(o, &g))
        return;
    if (o->vertical) {
        format_vertical(o, &g);
        return;
    }
    grid_fit(o, &g, (size_t)out_screen_width());
    if (o->headlines.n > 0 && g.n_rows > 0)
        buf_addc(&o->text, '\n');
    if (g.n_rows > 0)
        grid_line(o, &g, NULL);
    for (size_t r = 0; r < g.n_rows; r++)
        grid_line(o, &g, g.cells + r * o->n_shown);
    add_lines(o, &o->footers);
}

/* A pipe would end the cell, a line end the row. */
static void markdown_text(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '|')
            buf_addc(b, '\\');
        buf_addc(b, s.ptr[i]);
    }
}

static void format_markdown(struct out *o)
{
    struct grid g = {.cells = NULL};
    for (size_t i = 0; i < o->headlines.n; i++)
        buf_printf(&o->text, "%s\n\n", o->headlines.items[i]);
    if (!grid_build(o, &g) || g.n_rows == 0)
        return;
    for (size_t i = 0; i < o->n_shown; i++)
        buf_printf(&o->text, "| %s ", heading(&o->columns[o->shown[i]]));
    buf_addz(&o->text, "|\n");
    for (size_t i = 0; i < o->n_shown; i++)
        buf_addz(&o->text, is_right(&o->columns[o->shown[i]]) ? "| ---: " : "| --- ");
    buf_addz(&o->text, "|\n");
    for (size_t r = 0; r < g.n_rows; r++) {
        for (size_t i = 0; i < o->n_shown; i++) {
            buf_addz(&o->text, "| ");
            markdown_text(&o->text, g.cells[r * o->n_shown + i]);
            buf_addc(&o->text, ' ');
        }
        buf_addz(&o->text, "|\n");
    }
    for (size_t i = 0; i < o->footers.n; i++)
        buf_printf(&o->text, "\n%s\n", o->footers.items[i]);
}

static void html_lines(struct out *o, const struct out_lines *lines)
{
    for (size_t i = 0; i < lines->n; i++) {
        buf_addz(&o->text, "<p>");
        out_html_text(&o->text, str_of(lines->items[i]));
        buf_addz(&o->text, "</p>\n");
    }
}

/* cells NULL: the headings. */
static void html_row(struct out *o, const struct str *cells)
{
    const char *tag = cells == NULL ? "th" : "td";
    buf_addz(&o->text, "<tr>");
    for (size_t i = 0; i < o->n_shown; i++) {
        const struct out_column *c = &o->columns[o->shown[i]];
        buf_printf(&o->text, "<%s%s>", tag, is_right(c) ? " class=\"n\"" : "");
        out_html_text(&o->text, cells == NULL ? str_of(heading(c)) : cells[i]);
        buf_printf(&o->text, "</%s>", tag);
    }
    buf_addz(&o->text, "</tr>\n");
}

/* "llmgw.cost/1" is the page "llmgw cost". */
static void format_html(struct out *o)
{
    struct grid g = {.cells = NULL};
    char title[64];
    size_t len =
        str_copy(title, sizeof title,
                 str_sub(str_of(o->schema), 0, str_find(str_of(o->schema), '/')));
    for (size_t i = 0; i < len; i++)
        title[i] = title[i] == '.' ? ' ' : title[i];
    out_html_begin(&o->text, str_of(title));
    html_lines(o, &o->headlines);
    if (grid_build(o, &g) && g.n_rows > 0) {
        buf_addz(&o->text, "<table>\n<thead>\n");
        html_row(o, NULL);
        buf_addz(&o->text, "</thead>\n<tbody>\n");
        for (size_t r = 0; r < o->n_rows; r++)
            html_row(o, g.cells + r * o->n_shown);
        buf_addz(&o->text, o->has_totals ? "</tbody>\n<tfoot>\n" : "</tbody>\n");
        if (o->has_totals)
            html_row(o, g.cells + o->n_rows * o->n_shown);
        buf_addz(&o->text, o->has_totals ? "</tfoot>\n</table>\n" : "</table>\n");
    }
    html_lines(o, &o->footers);
    out_html_end(&o->text);
}

void out_format(struct out *o)
{
    switch (o->format) {
    case FORMAT_JSON:
        format_json(o);
        return;
    case FORMAT_JSONL:
        format_jsonl(o);
        return;
    case FORMAT_CSV:
        format_csv(o, ',');
        return;
    case FORMAT_TSV:
        format_csv(o, '\t');
        return;
    case FORMAT_MARKDOWN:
        format_markdown(o);
        return;
    case FORMAT_HTML:
        format_html(o);
        return;
    case FORMAT_UNSET:
    case FORMAT_TEXT:
    case FORMAT_TABLE:
        format_table(o);
        return;
    }
}
