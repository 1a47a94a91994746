/* code.c: see code.h. Source: CommonMark 0.31.2, section 4.5, fenced code blocks. */
#include "cmd/code.h"

enum { FENCE_MIN = 3 };

void code_init(struct code_scan *c)
{
    *c = (struct code_scan){.line = BUF_INIT(LIMIT_REPLY_LEN)};
}

void code_release(struct code_scan *c)
{
    buf_release(&c->line);
}

void code_restart(struct code_scan *c)
{
    code_release(c);
    code_init(c);
}

static size_t run_of(struct str s, char mark)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] == mark)
        n++;
    return n;
}

static bool opens(struct code_scan *c, struct str line)
{
    size_t indent = run_of(line, ' ');
    struct str s = str_sub(line, indent, line.len);
    char mark = s.len > 0 ? s.ptr[0] : '\0';
    size_t len = run_of(s, mark);
    if ((mark != '`' && mark != '~') || len < FENCE_MIN)
        return false;
    /* what follows backticks names a language: it has none itself */
    if (mark == '`' && str_find(str_sub(s, len, s.len), '`') < s.len - len)
        return false;
    c->mark = mark;
    c->fence_len = len;
    c->indent = indent;
    c->n++;
    return true;
}

static bool closes(const struct code_scan *c, struct str line)
{
    struct str s = str_trim(line);
    return s.len >= c->fence_len && run_of(s, c->mark) == s.len;
}

/* One whole line, without its newline. */
static void take_line(struct code_scan *c, struct str line, size_t wanted,
                      struct buf *out)
{
    if (c->mark == '\0') {
        (void)opens(c, line);
    } else if (closes(c, line)) {
        c->mark = '\0';
    } else if (c->n == wanted) {
        size_t blanks = MIN(run_of(line, ' '), c->indent);
        buf_adds(out, str_sub(line, blanks, line.len));
        buf_addc(out, '\n');
    }
}

void code_feed(struct code_scan *c, struct str text, size_t wanted, struct buf *out)
{
    while (text.len > 0) {
        size_t end = str_find(text, '\n');
        buf_adds(&c->line, str_sub(text, 0, end));
        if (end == text.len)
            return;
        take_line(c, buf_str(&c->line), wanted, out);
        buf_reset(&c->line);
        text = str_sub(text, end + 1, text.len);
    }
}

void code_end(struct code_scan *c, size_t wanted, struct buf *out)
{
    if (c->line.len > 0)
        take_line(c, buf_str(&c->line), wanted, out);
    buf_reset(&c->line);
    c->mark = '\0';
}

size_t code_count(struct str text)
{
    AUTO(buf_release) struct buf none = BUF_INIT(1);
    struct code_scan all;
    code_init(&all);
    code_feed(&all, text, 0, &none);
    code_end(&all, 0, &none);
    size_t n = all.n;
    code_release(&all);
    return n;
}

bool code_find(struct str text, size_t wanted, struct buf *out)
{
    struct code_scan all;
    if (wanted == 0)
        wanted = code_count(text);
    code_init(&all);
    code_feed(&all, text, wanted, out);
    code_end(&all, wanted, out);
    bool has_found = wanted > 0 && all.n >= wanted;
    code_release(&all);
    return has_found;
}
