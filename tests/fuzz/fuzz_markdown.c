/*
 * fuzz_markdown.c: any answer as a terminal shows it: however it is cut, the same; with styles the
 * same words as without; no control sequence but our own; and the code in it, too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/code.h"
#include "cmd/markdown.h"
#include "cmd/term.h"
#include "tests/fuzz/cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TEXT_MAX = 1 << 20, SHOWN_MAX = 1 << 24, INPUT_MAX = 2000, WIDTH = 40 };

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_markdown: %s\n", what);
        abort();
    }
}

/* Answers come in whole code points. */
static struct str next_piece(struct str *rest, struct cuts *cuts)
{
    size_t step = MIN(cuts_next(cuts), rest->len);
    while (step < rest->len && (rest->ptr[step] & 0xc0) == 0x80)
        step++;
    struct str piece = str_sub(*rest, 0, step);
    *rest = str_sub(*rest, step, rest->len);
    return piece;
}

static void show(struct str text, unsigned how, bool has_style, struct buf *out)
{
    struct cuts cuts = cuts_of(how);
    struct term_filter filter = {0};
    struct markdown m;
    markdown_init(&m, WIDTH, has_style, true);
    while (text.len > 0) {
        struct buf safe = BUF_INIT(TEXT_MAX);
        term_filter(&filter, next_piece(&text, &cuts), &safe);
        markdown_feed(&m, buf_str(&safe), out);
        buf_release(&safe);
    }
    markdown_end(&m, out);
    markdown_release(&m);
}

/* Takes our own sequences out: ESC [ digits m. */
static void strip(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '\033') {
            buf_addc(out, s.ptr[i]);
            continue;
        }
        i++;
        require(i < s.len && s.ptr[i] == '[', "a sequence is one of ours");
        while (++i < s.len && strchr("0123456789;", s.ptr[i]) != NULL)
            ;
        require(i < s.len && s.ptr[i] == 'm', "a sequence sets a style");
    }
}

static void check_markdown(struct str text)
{
    struct buf plain = BUF_INIT(SHOWN_MAX), styled = BUF_INIT(SHOWN_MAX);
    struct buf words = BUF_INIT(SHOWN_MAX);
    show(text, CUT_WHOLE, false, &plain);
    show(text, CUT_WHOLE, true, &styled);
    strip(buf_str(&styled), &words);
    require(str_eq(buf_str(&plain), buf_str(&words)), "styles change no word");
    for (unsigned how = CUT_BYTES; how < CUT_RANDOM + 2; how++) {
        struct buf again = BUF_INIT(SHOWN_MAX);
        show(text, how, true, &again);
        require(str_eq(buf_str(&styled), buf_str(&again)), "cuts change nothing");
        buf_release(&again);
    }
    buf_release(&plain);
    buf_release(&styled);
    buf_release(&words);
}

static void check_code(struct str text)
{
    struct buf whole = BUF_INIT(TEXT_MAX), pieces = BUF_INIT(TEXT_MAX);
    struct cuts cuts = cuts_of(CUT_BYTES);
    struct code_scan scan;
    bool has_code = code_find(text, 1, &whole);
    code_init(&scan);
    for (struct str rest = text; rest.len > 0;)
        code_feed(&scan, next_piece(&rest, &cuts), 1, &pieces);
    code_end(&scan, 1, &pieces);
    require(has_code == (scan.n > 0), "there is code or not");
    require(str_eq(buf_str(&whole), buf_str(&pieces)), "cuts change no code");
    code_release(&scan);
    buf_release(&whole);
    buf_release(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str text = {(const char *)data, len};
    if (len > INPUT_MAX || !str_is_utf8(text))
        return 0;
    check_markdown(text);
    check_code(text);
    return 0;
}
