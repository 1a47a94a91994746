/*
 * markdown.c: lines and what they are: prose, headings, lists, quotes, rules, code, tables.
 * Marks inside a line are markdown_inline.c's.
 * Source: CommonMark 0.31.2, sections 4 and 5; tables: GitHub Flavored Markdown 0.29, 4.10.
 */
#include "cmd/markdown.h"

#include <ctype.h>
#include <string.h>

#include "cmd/out.h"

enum {
    LINE_MAX = 1024 * 1024,
    TABLE_MAX = 256 * 1024,
    COLUMNS_MAX = 24,
    INDENT_MAX = 24,
    FENCE_MIN = 3,
    HEADING_MAX = 6,
};

void markdown_init(struct markdown *m, size_t width, bool has_style, bool is_utf8)
{
    *m = (struct markdown){.width = MAX(width, (size_t)20),
                           .has_style = has_style,
                           .is_utf8 = is_utf8,
                           .line = BUF_INIT(LINE_MAX),
                           .table = BUF_INIT(TABLE_MAX),
                           .word = BUF_INIT(LINE_MAX),
                           .last = -1};
}

void markdown_release(struct markdown *m)
{
    buf_release(&m->line);
    buf_release(&m->table);
    buf_release(&m->word);
}

/* ---- what is this line? ---- */

static size_t leading_blanks(struct str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] == ' ')
        n++;
    return n;
}

static size_t run_at_start(struct str s, char c)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] == c)
        n++;
    return n;
}

static bool is_only(struct str s, const char *chars)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr(chars, s.ptr[i]) == NULL)
            return false;
    return true;
}

static enum markdown_block fence_or_prose(struct str s, bool is_whole)
{
    size_t n = run_at_start(s, s.ptr[0]);
    if (n < FENCE_MIN)
        return n == s.len && !is_whole ? MD_UNDECIDED : MD_PROSE;
    if (!is_whole)
        return MD_UNDECIDED;
    /* what follows backticks names a language: it has none itself */
    bool has_more = s.ptr[0] == '`' && str_find(str_sub(s, n, s.len), '`') < s.len - n;
    return has_more ? MD_PROSE : MD_FENCE;
}

static enum markdown_block heading_or_prose(struct str s, bool is_whole)
{
    size_t n = run_at_start(s, '#');
    if (n == s.len && !is_whole)
        return MD_UNDECIDED;
    return n <= HEADING_MAX && n < s.len && s.ptr[n] == ' ' ? MD_HEADING : MD_PROSE;
}

/* "- item", "---", "*emphasis*" */
static enum markdown_block item_rule_or_prose(struct str s, bool is_whole)
{
    const char rule[] = {s.ptr[0], ' ', '\0'};
    if (is_only(s, rule)) {
        size_t n = 0;
        for (size_t i = 0; i < s.len; i++)
            n += s.ptr[i] != ' ';
        if (!is_whole)
            return MD_UNDECIDED;
        if (n >= 3)
            return MD_RULE;
    }
    bool is_item = s.ptr[0] != '_' && s.len > 1 && s.ptr[1] == ' ';
    return is_item ? MD_ITEM : MD_PROSE;
}

static enum markdown_block number_or_prose(struct str s, bool is_whole)
{
    size_t n = 0;
    while (n < s.len && n < 9 && isdigit((unsigned char)s.ptr[n]) != 0)
        n++;
    if (n + 1 >= s.len && !is_whole)
        return MD_UNDECIDED;
    bool is_item =
        n + 1 < s.len && (s.ptr[n] == '.' || s.ptr[n] == ')') && s.ptr[n + 1] == ' ';
    return is_item ? MD_ITEM : MD_PROSE;
}

static enum markdown_block decide(const struct markdown *m, struct str s, bool is_whole)
{
    if (m->fence != 0) {
        struct str t = str_trim(s);
        bool closes = run_at_start(t, m->fence) >= m->fence_len &&
                      is_only(t, (const char[]){m->fence, '\0'});
        return !is_whole ? MD_UNDECIDED : closes ? MD_FENCE : MD_CODE;
    }
    s = str_sub(s, leading_blanks(s), s.len);
    if (s.len == 0)
        return is_whole ? MD_PROSE : MD_UNDECIDED;
    if (m->is_plain)
        return MD_PROSE;
    switch (s.ptr[0]) {
    case '#':
        return heading_or_prose(s, is_whole);
    case '`':
    case '~':
        return fence_or_prose(s, is_whole);
    case '>':
        return s.len > 1 || is_whole ? MD_QUOTE : MD_UNDECIDED;
    case '|':
        return is_whole ? MD_TABLE : MD_UNDECIDED;
    case '-':
    case '*':
    case '+':
    case '_':
        return item_rule_or_prose(s, is_whole);
    default:
        return isdigit((unsigned char)s.ptr[0]) != 0 ? number_or_prose(s, is_whole)
                                                     : MD_PROSE;
    }
}

/* ---- lines whose words leave as they come ---- */

static void blanks(struct buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addc(out, ' ');
}

/* Of a line's blanks, those that leave room for its words. */
static size_t kept_indent(const struct markdown *m, size_t lead)
{
    return MIN(lead, MIN((size_t)INDENT_MAX, m->width / 2));
}

/* Writes what stands before the first word, and takes it from the line. */
static void begin_item(struct markdown *m, struct str s, struct buf *out)
{
    size_t lead = leading_blanks(s), indent = kept_indent(m, lead);
    struct str t = str_sub(s, lead, s.len);
    size_t marker = isdigit((unsigned char)t.ptr[0]) != 0 ? str_find(t, ' ') : 1;
    blanks(out, indent);
    if (marker == 1)
        buf_addz(out, m->is_utf8 ? "• " : "- ");
    else
        buf_printf(out, "%.*s ", (int)marker, t.ptr);
    m->column = indent + marker + 1;
    buf_consume(&m->line, lead + marker + 1);
}

static void begin(struct markdown *m, struct buf *out)
{
    struct str s = buf_str(&m->line);
    size_t lead = leading_blanks(s);
    m->column = 0;
    if (m->block == MD_ITEM) {
        begin_item(m, s, out);
    } else if (m->block == MD_HEADING) {
        size_t marks = run_at_start(str_sub(s, lead, s.len), '#');
        buf_consume(&m->line, lead + marks + 1);
    } else if (m->block == MD_QUOTE) {
        bool has_blank = lead + 1 < s.len && s.ptr[lead + 1] == ' ';
        buf_addz(out, m->is_utf8 ? "│ " : "> ");
        m->column = 2;
        buf_consume(&m->line, lead + 1 + has_blank);
    } else {
        m->column = kept_indent(m, lead);
        blanks(out, m->column);
        buf_consume(&m->line, lead);
    }
    m->indent = kept_indent(m, m->column);
    m->has_gap = m->may_break = m->is_in_word = false;
    m->last = -1;
    m->cluster_state = 0;
}

static void take_words(struct markdown *m, bool is_whole, struct buf *out)
{
    unsigned style = m->block == MD_HEADING ? MD_BOLD : 0;
    struct str s = buf_str(&m->line);
    if (m->is_plain) {
        markdown_put(m, s, 0, out);
        buf_reset(&m->line);
    } else if (s.len > 0) {
        buf_consume(&m->line, markdown_inline(m, s, style, is_whole, out));
    }
    if (!is_whole)
        return;
    markdown_set_style(m, 0);
    markdown_flush_word(m, out);
    buf_reset(&m->line);
}

/* ---- whole lines ---- */

static void write_rule(const struct markdown *m, struct str label, struct buf *out)
{
    size_t width = MIN(m->width, (size_t)72), used = 0;
    buf_addz(out, m->has_style ? "\033[2m" : "");
    if (label.len > 0) {
        buf_printf(out, "%s %.*s ", m->is_utf8 ? "──" : "--", STR_ARG(label));
        used = 4 + out_width(label);
    }
    for (; used < width; used++)
        buf_addz(out, m->is_utf8 ? "─" : "-");
    buf_addz(out, m->has_style ? "\033[0m" : "");
}

static void turn_fence(struct markdown *m, struct str s, struct buf *out)
{
    struct str t = str_trim(s);
    if (m->fence != 0) {
        m->fence = '\0';
        write_rule(m, STR_NONE, out);
        return;
    }
    m->fence = t.ptr[0];
    m->fence_len = run_at_start(t, m->fence);
    write_rule(m, str_trim(str_sub(t, m->fence_len, t.len)), out);
}

/* ---- tables ---- */

struct table {
    size_t width[COLUMNS_MAX];
    char align[COLUMNS_MAX]; /* 'l', 'c', 'r' */
    size_t n;                /* columns */
};

/* The next cell of a row, without its bars; false at the row's end. */
static bool next_cell(struct str *row, struct str *ret)
{
    size_t end = 0;
    if (row->len == 0)
        return false;
    while (end < row->len && row->ptr[end] != '|')
        end += 1 + (size_t)(row->ptr[end] == '\\' && end + 1 < row->len);
    *ret = str_trim(str_sub(*row, 0, end));
    *row = str_sub(*row, end + 1, row->len);
    return true;
}

static struct str inner_row(struct str line)
{
    line = str_trim(line);
    return str_sub(line, 1, line.len); /* behind the first bar */
}

/* The cell as it is shown, in rows of so many columns; returns the width of the last one. */
static size_t show_cell(const struct markdown *m, struct str cell, unsigned style,
                        size_t width, struct buf *out)
{
    struct markdown one;
    markdown_init(&one, SIZE_MAX, m->has_style, m->is_utf8);
    one.width = width;
    (void)markdown_inline(&one, cell, style, true, out);
    markdown_set_style(&one, 0);
    markdown_flush_word(&one, out);
    markdown_release(&one);
    return one.column;
}

/* A style would go on into the next column: what has several rows has none. */
static void show_rows(const struct markdown *m, struct str cell, unsigned style,
                      size_t width, struct buf *out)
{
    const struct markdown plain = {.is_utf8 = m->is_utf8};
    (void)show_cell(m, cell, style, width, out);
    if (!m->has_style || str_find(buf_str(out), '\n') == out->len)
        return;
    buf_reset(out);
    (void)show_cell(&plain, cell, 0, width, out);
}

static bool is_delimiter(struct str row, struct table *t)
{
    struct str cell;
    size_t n = 0;
    row = inner_row(row);
    while (next_cell(&row, &cell) && n < COLUMNS_MAX) {
        if (cell.len == 0 || !is_only(cell, ":-"))
            return false;
        bool left = cell.ptr[0] == ':', right = cell.ptr[cell.len - 1] == ':';
        t->align[n++] = left && right ? 'c' : right ? 'r' : 'l';
    }
    return n > 0;
}

static void measure(const struct markdown *m, struct str rows, struct table *t)
{
    struct str row, cell;
    for (size_t y = 0; str_split(&rows, '\n', &row); y++) {
        if (y == 1)
            continue;
        row = inner_row(row);
        for (size_t x = 0; x < COLUMNS_MAX && next_cell(&row, &cell); x++) {
            AUTO(buf_release) struct buf shown = BUF_INIT(LINE_MAX);
            t->width[x] = MAX(t->width[x], show_cell(m, cell, 0, SIZE_MAX, &shown));
            t->n = MAX(t->n, x + 1);
        }
    }
}

/* Columns get narrower, the widest first, until all fit; false when they would be too narrow. */
static bool fit(struct table *t, size_t width)
{
    enum { GAP = 2, NARROWEST = 8 };
    size_t total = GAP * (t->n - 1);
    for (size_t x = 0; x < t->n; x++)
        total += t->width[x];
    for (; total > width; total--) {
        size_t widest = 0;
        for (size_t x = 1; x < t->n; x++)
            widest = t->width[x] > t->width[widest] ? x : widest;
        if (t->width[widest] <= NARROWEST)
            return false;
        t->width[widest]--;
    }
    return true;
}

static void write_cell(const struct table *t, size_t x, struct str shown, struct buf *out)
{
    size_t pad = t->width[x] - MIN(out_width(shown), t->width[x]);
    size_t before = t->align[x] == 'r' ? pad : t->align[x] == 'c' ? pad / 2 : 0;
    buf_addz(out, x > 0 ? "  " : "");
    blanks(out, before);
    buf_adds(out, shown);
    blanks(out, x + 1 < t->n ? pad - before : 0);
}

static void write_row(const struct markdown *m, const struct table *t, struct str row,
                      unsigned style, struct buf *out)
{
    struct buf shown[COLUMNS_MAX];
    struct str rest[COLUMNS_MAX], cell, line;
    row = inner_row(row);
    for (size_t x = 0; x < t->n; x++) {
        buf_init(&shown[x], LINE_MAX);
        cell = STR_NONE;
        (void)next_cell(&row, &cell);
        show_rows(m, cell, style, t->width[x], &shown[x]);
        rest[x] = buf_str(&shown[x]);
    }
    for (bool has_more = true; has_more;) {
        has_more = false;
        for (size_t x = 0; x < t->n; x++) {
            line = STR_NONE;
            (void)str_split(&rest[x], '\n', &line);
            write_cell(t, x, line, out);
            has_more = has_more || rest[x].len > 0;
        }
        buf_addc(out, '\n');
    }
    for (size_t x = 0; x < t->n; x++)
        buf_release(&shown[x]);
}

static void write_table(struct markdown *m, struct buf *out)
{
    struct table t = {.n = 0};
    struct str rows = str_sub(buf_str(&m->table), 0, m->table.len - 1);
    struct str rest = rows, row, second = STR_NONE;
    size_t total = 0;
    if (m->table.len == 0)
        return;
    (void)str_split(&rest, '\n', &row);
    bool is_table = str_split(&rest, '\n', &second) && is_delimiter(second, &t);
    measure(m, rows, &t);
    is_table = is_table && t.n > 0 && fit(&t, m->width);
    for (size_t x = 0; x < t.n; x++)
        total += t.width[x] + (x > 0 ? 2 : 0);
    for (size_t y = 0; str_split(&rows, '\n', &row); y++) {
        if (!is_table) {
            buf_adds(out, row);
            buf_addc(out, '\n');
        } else if (y == 1) {
            write_rule(&(struct markdown){.width = total,
                                          .has_style = m->has_style,
                                          .is_utf8 = m->is_utf8},
                       STR_NONE, out);
            buf_addc(out, '\n');
        } else {
            write_row(m, &t, row, y == 0 ? MD_BOLD : 0, out);
        }
    }
    buf_reset(&m->table);
}

/* ---- a line from start to end ---- */

/* What of the line can leave; all of it when it is whole. */
static void take(struct markdown *m, bool is_whole, struct buf *out)
{
    struct str s = buf_str(&m->line);
    if (m->block == MD_UNDECIDED) {
        m->block = decide(m, s, is_whole);
        if (m->block == MD_UNDECIDED)
            return;
        if (m->block != MD_TABLE)
            write_table(m, out);
        if (m->block == MD_PROSE || m->block == MD_ITEM || m->block == MD_QUOTE ||
            m->block == MD_HEADING)
            begin(m, out);
    }
    switch (m->block) {
    case MD_UNDECIDED:
        return;
    case MD_PROSE:
    case MD_HEADING:
    case MD_ITEM:
    case MD_QUOTE:
        take_words(m, is_whole, out);
        return;
    case MD_RULE:
        write_rule(m, STR_NONE, out);
        break;
    case MD_FENCE:
        turn_fence(m, s, out);
        break;
    case MD_CODE:
        buf_adds(out, s);
        break;
    case MD_TABLE:
        buf_adds(&m->table, s);
        buf_addc(&m->table, '\n');
        break;
    }
    buf_reset(&m->line);
}

void markdown_feed(struct markdown *m, struct str text, struct buf *out)
{
    while (text.len > 0) {
        size_t end = str_find(text, '\n');
        bool is_whole = end < text.len;
        buf_adds(&m->line, str_sub(text, 0, end));
        take(m, is_whole, out);
        if (!is_whole)
            return;
        if (m->block != MD_TABLE)
            buf_addc(out, '\n');
        m->block = MD_UNDECIDED;
        text = str_sub(text, end + 1, text.len);
    }
}

void markdown_end(struct markdown *m, struct buf *out)
{
    if (m->line.len > 0 || m->block != MD_UNDECIDED)
        take(m, true, out);
    bool has_table = m->table.len > 0;
    write_table(m, out);
    if (has_table)
        buf_truncate(out, out->len - 1);
    m->block = MD_UNDECIDED;
    m->fence = '\0';
}
