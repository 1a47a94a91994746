/*
 * markdown_inline.c: marks inside a line: emphasis, code, links.
 *
 * A mark is only a mark when its other end is there. As long as it may still come, the text
 * from the mark on is not taken; at the end of the line it is text like any other.
 * Source: CommonMark 0.31.2, section 6; without nested links and entities, which models do not
 * write in answers for a terminal.
 */
#include <ctype.h>
#include <string.h>

#include "cmd/markdown.h"

/* A mark that has not ended within so many bytes is none. */
enum { SPAN_MAX = 4096 };

enum span_kind { SPAN_TEXT, SPAN_STYLED, SPAN_LINK, SPAN_OPEN };

/* What begins at a place: some bytes of text, a marked stretch, or nobody knows yet. */
struct span {
    enum span_kind kind;
    size_t len; /* bytes, marks included */
    struct str inside, url;
    unsigned style;
};

/* ---- marks ---- */

static size_t run_of(struct str s, size_t at, char c)
{
    size_t n = 0;
    while (at + n < s.len && s.ptr[at + n] == c)
        n++;
    return n;
}

static bool is_word_at(struct str s, size_t at)
{
    return at < s.len &&
           (isalnum((unsigned char)s.ptr[at]) != 0 || (s.ptr[at] & 0x80) != 0);
}

static bool is_blank_at(struct str s, size_t at)
{
    return at >= s.len || s.ptr[at] == ' ' || s.ptr[at] == '\t';
}

/* Where a run of exactly n times c begins that may close; s.len if nowhere. */
static size_t find_close(struct str s, size_t from, char c, size_t n)
{
    for (size_t i = from; i < s.len;) {
        size_t run = run_of(s, i, c);
        bool may_close = c == '`' || (i > from && !is_blank_at(s, i - 1) &&
                                      (c == '*' || !is_word_at(s, i + run)));
        if (run == n && may_close)
            return i;
        i += run > 0 ? run : 1 + (size_t)(s.ptr[i] == '\\' && c != '`');
    }
    return s.len;
}

static struct span text_of(size_t len)
{
    return (struct span){.kind = SPAN_TEXT, .len = len};
}

static struct span open_or_text(struct str s, size_t at, size_t len, bool is_whole)
{
    struct span open = {.kind = SPAN_OPEN};
    return is_whole || s.len - at > SPAN_MAX ? text_of(len) : open;
}

static struct span code_at(struct str s, size_t at, bool is_whole)
{
    size_t n = run_of(s, at, '`'), from = at + n;
    size_t close = find_close(s, from, '`', n);
    /* a run at the end of what is there may grow */
    if (close == s.len || (!is_whole && close + n == s.len))
        return open_or_text(s, at, n, is_whole);
    struct str inside = str_sub(s, from, close - from);
    if (inside.len > 2 && inside.ptr[0] == ' ' && inside.ptr[inside.len - 1] == ' ')
        inside = str_sub(inside, 1, inside.len - 2);
    return (struct span){SPAN_STYLED, close + n - at, inside, STR_NONE, MD_VERBATIM};
}

/* Does a letter or digit stand before it? in_word: so it was before s. */
static bool is_behind_word(struct str s, size_t at, bool in_word)
{
    return at > 0 ? is_word_at(s, at - 1) : in_word;
}

static struct span emphasis_at(struct str s, size_t at, bool is_whole, bool in_word)
{
    static const unsigned styles[] = {0, MD_ITALIC, MD_BOLD, MD_BOLD | MD_ITALIC};
    char c = s.ptr[at];
    size_t n = run_of(s, at, c), from = at + n;
    if (from == s.len)
        return open_or_text(s, at, n, is_whole);
    if (n > 3 || is_blank_at(s, from) || (c == '_' && is_behind_word(s, at, in_word)))
        return text_of(n);
    size_t close = find_close(s, from, c, n);
    if (close == s.len || (!is_whole && close + n == s.len))
        return open_or_text(s, at, n, is_whole);
    struct str inside = str_sub(s, from, close - from);
    return (struct span){SPAN_STYLED, close + n - at, inside, STR_NONE, styles[n]};
}

static struct span link_at(struct str s, size_t at, bool is_whole)
{
    size_t close = at + str_find(str_sub(s, at, s.len), ']');
    if (close >= s.len || (!is_whole && close + 1 == s.len))
        return open_or_text(s, at, 1, is_whole);
    if (close + 1 == s.len || s.ptr[close + 1] != '(')
        return text_of(1);
    size_t end = close + str_find(str_sub(s, close, s.len), ')');
    if (end >= s.len)
        return open_or_text(s, at, 1, is_whole);
    return (struct span){SPAN_LINK, end + 1 - at, str_sub(s, at + 1, close - at - 1),
                         str_sub(s, close + 2, end - close - 2), 0};
}

static struct span span_at(struct str s, size_t at, bool is_whole, bool in_word)
{
    switch (s.ptr[at]) {
    case '`':
        return code_at(s, at, is_whole);
    case '*':
    case '_':
        return emphasis_at(s, at, is_whole, in_word);
    case '[':
        return link_at(s, at, is_whole);
    default:
        return text_of(strcspn(s.ptr + at, "`*_[\\"));
    }
}

/* A backslash takes the meaning from the mark behind it. */
static struct span escape_at(struct str s, size_t at, bool is_whole)
{
    if (at + 1 == s.len)
        return open_or_text(s, at, 1, is_whole);
    struct span mark = {SPAN_STYLED, 2, str_sub(s, at + 1, 1), STR_NONE, 0};
    return ispunct((unsigned char)s.ptr[at + 1]) != 0 ? mark : text_of(1);
}

static size_t put_marked(struct markdown *m, struct str s, unsigned style, bool is_whole,
                         bool in_word, struct buf *out);

static void put_link(struct markdown *m, const struct span *span, unsigned style,
                     struct buf *out)
{
    (void)put_marked(m, span->inside, style, true, false, out);
    if (span->url.len == 0 || str_eq(span->url, span->inside))
        return;
    markdown_put(m, STR(" ("), style, out);
    markdown_put(m, span->url, style | MD_DIM, out);
    markdown_put(m, STR(")"), style, out);
}

/* in_word: a letter or digit stood before s. */
static size_t put_marked(struct markdown *m, struct str s, unsigned style, bool is_whole,
                         bool in_word, struct buf *out)
{
    size_t at = 0;
    while (at < s.len) {
        bool is_escape = s.ptr[at] == '\\';
        struct span span =
            is_escape ? escape_at(s, at, is_whole) : span_at(s, at, is_whole, in_word);
        bool is_literal = is_escape || (span.style & MD_VERBATIM) != 0;
        span.len = MIN(span.len, s.len - at);
        switch (span.kind) {
        case SPAN_OPEN:
            return at;
        case SPAN_TEXT:
            markdown_put(m, str_sub(s, at, span.len), style, out);
            break;
        case SPAN_LINK:
            put_link(m, &span, style, out);
            break;
        case SPAN_STYLED:
            if (is_literal)
                markdown_put(m, span.inside, style | span.style, out);
            else
                (void)put_marked(m, span.inside, style | span.style, true, false, out);
            markdown_set_style(m, style);
            break;
        }
        at += span.len;
    }
    return at;
}

size_t markdown_inline(struct markdown *m, struct str s, unsigned style, bool is_whole,
                       struct buf *out)
{
    size_t n = put_marked(m, s, style, is_whole, m->is_in_word, out);
    if (n > 0)
        m->is_in_word = is_word_at(s, n - 1);
    return n;
}
