/*
 * markdown_words.c: words and rows: where a line may break.
 *
 * A row breaks at a blank; beside a wide character, as Chinese, Japanese and Korean are written
 * without blanks; and inside of what is longer than a row, so that the terminal never breaks one:
 * it knows of no indent. Never inside a grapheme cluster, before what closes or behind what opens.
 * Source: Unicode 15 UAX #14, rules LB7, LB13 to LB15, LB22 to LB25 and class CJ (small kana);
 * general categories stand in for its classes.
 */
#include <utf8proc.h>

#include "cmd/markdown.h"

void markdown_set_style(struct markdown *m, unsigned style)
{
    if (!m->has_style || m->style == style)
        return;
    if (m->word.len > 0 && m->word.len == m->style_end) /* nothing was written in it */
        buf_truncate(&m->word, m->style_from);
    m->style_from = m->word.len;
    buf_addz(&m->word, "\033[0");
    buf_addz(&m->word, (style & MD_BOLD) != 0 ? ";1" : "");
    buf_addz(&m->word, (style & MD_DIM) != 0 ? ";2" : "");
    buf_addz(&m->word, (style & MD_ITALIC) != 0 ? ";3" : "");
    /* magenta: the one colour that common palettes show well on white and on black */
    buf_addz(&m->word, (style & MD_VERBATIM) != 0 ? ";35" : "");
    buf_addc(&m->word, 'm');
    m->style_end = m->word.len;
    m->style = style;
}

static void begin_row(struct markdown *m, struct buf *out)
{
    if (m->block == MD_QUOTE)
        buf_addz(out, m->is_utf8 ? "│ " : "> ");
    else
        for (size_t i = 0; i < m->indent; i++)
            buf_addc(out, ' ');
    m->column = m->indent;
}

static void new_row(struct markdown *m, struct buf *out)
{
    buf_addc(out, '\n');
    begin_row(m, out);
}

void markdown_row_anew(struct markdown *m, struct buf *out)
{
    if (m->column == 0)
        return; /* nothing of the line has left */
    begin_row(m, out);
    m->has_gap = m->may_break = false;
}

void markdown_flush_word(struct markdown *m, struct buf *out)
{
    size_t gap = m->has_gap ? 1 : 0;
    if (m->word_width > 0 && (m->has_gap || m->may_break)) {
        if (m->column + gap + m->word_width > m->width && m->column > m->indent) {
            new_row(m, out);
        } else if (m->has_gap) {
            buf_addc(out, ' ');
            m->column++;
        }
        m->has_gap = m->may_break = false;
    }
    buf_adds(out, buf_str(&m->word));
    m->column += m->word_width;
    m->word_width = 0;
    m->style_from = m->style_end = 0; /* what set it has left */
    buf_reset(&m->word);
}

/* ---- breaks ---- */

static size_t cells_of(utf8proc_int32_t c)
{
    return (size_t)MAX(utf8proc_charwidth(c), 0);
}

/* Small kana stand for half a sound; so do the marks that lengthen or repeat one. */
static bool is_small_kana(utf8proc_int32_t c)
{
    static const utf8proc_int32_t small[] = {0x3041, 0x3043, 0x3045, 0x3047,
                                             0x3049, 0x3063, 0x3083, 0x3085,
                                             0x3087, 0x308E, 0x3095, 0x3096};
    enum { TO_KATAKANA = 0x60 };
    for (size_t i = 0; i < ARRAY_LEN(small); i++)
        if (c == small[i] || c == small[i] + TO_KATAKANA)
            return true;
    return (c >= 0x31F0 && c <= 0x31FF) || utf8proc_category(c) == UTF8PROC_CATEGORY_LM;
}

static bool begins_no_row(utf8proc_int32_t c)
{
    utf8proc_category_t cat = utf8proc_category(c);
    return cat == UTF8PROC_CATEGORY_PE || cat == UTF8PROC_CATEGORY_PF ||
           cat == UTF8PROC_CATEGORY_PO || cat == UTF8PROC_CATEGORY_PD || is_small_kana(c);
}

/* What opens; a quote that may do either; the sign of a currency. */
static bool ends_no_row(utf8proc_int32_t c)
{
    utf8proc_category_t cat = utf8proc_category(c);
    return cat == UTF8PROC_CATEGORY_PS || cat == UTF8PROC_CATEGORY_PI ||
           cat == UTF8PROC_CATEGORY_SC || c == '"' || c == '\'';
}

/* Before the cluster that c begins? */
static bool may_break_before(const struct markdown *m, utf8proc_int32_t c)
{
    size_t room = m->width - MIN(m->indent, m->width), cells = cells_of(c);
    if (m->word_width == 0)
        return false;
    if (m->word_width + cells > room && cells > 0)
        return true;
    return (m->last_width == 2 || cells == 2) && !begins_no_row(c) &&
           !ends_no_row(m->last);
}

/* The word leaves. Before what begins no row its last cluster stays, to begin one with it. */
static void break_before(struct markdown *m, utf8proc_int32_t c, struct buf *out)
{
    AUTO(buf_release) struct buf tail = BUF_INIT(m->word.len + 1);
    size_t from = m->last_from, style_end = m->style_end, style_from = m->style_from;
    bool has_tail = begins_no_row(c) && m->word_width > m->last_width;
    if (has_tail) {
        buf_adds(&tail, str_sub(buf_str(&m->word), from, m->word.len));
        buf_truncate(&m->word, from);
        m->word_width -= m->last_width;
    }
    markdown_flush_word(m, out);
    m->may_break = true;
    if (has_tail) {
        buf_adds(&m->word, buf_str(&tail));
        m->word_width = m->last_width;
        m->last_from = 0;
        if (style_end > from) { /* what set it has come along */
            m->style_from = style_from - from;
            m->style_end = style_end - from;
        }
    }
}

/* A code point joins the word, or the last one leaves and it begins the next. */
static void put_char(struct markdown *m, utf8proc_int32_t c, struct str bytes,
                     struct buf *out)
{
    if (m->last < 0 || utf8proc_grapheme_break_stateful(m->last, c, &m->cluster_state)) {
        if (may_break_before(m, c))
            break_before(m, c, out);
        m->last_width = 0;
        m->last_from = m->word.len;
    }
    size_t width = MIN(MAX(m->last_width, cells_of(c)), (size_t)2);
    m->word_width += width - m->last_width;
    m->last_width = width;
    m->last = c;
    buf_adds(&m->word, bytes);
}

void markdown_put(struct markdown *m, struct str s, unsigned style, struct buf *out)
{
    while (s.len > 0) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s.ptr,
                                              (utf8proc_ssize_t)s.len, &c);
        if (n <= 0) { /* term.h lets none through; a cell of something */
            c = 0xFFFD;
            n = 1;
        }
        if (c == ' ' || c == '\t') {
            markdown_flush_word(m, out);
            m->has_gap = true;
            m->last = -1;
            m->cluster_state = 0;
        } else {
            markdown_set_style(m, style);
            put_char(m, c, str_sub(s, 0, (size_t)n), out);
        }
        s = str_sub(s, (size_t)n, s.len);
    }
}
