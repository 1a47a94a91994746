/*
 * out_html.c: pages for a browser or a mail: one file without scripts or anything from elsewhere,
 * light or dark as the reader has it.
 */
#include "cmd/out.h"

static const char style[] =
    ":root { color-scheme: light dark; }\n"
    "body { font: 16px/1.5 system-ui, sans-serif; max-width: 50em; margin: 2em auto;"
    " padding: 0 1em; }\n"
    "h2 { margin: 2em 0 0; font-size: 1.1em; }\n"
    "h3 { margin: 1em 0 .2em; font-size: .8em; opacity: .7; }\n"
    "p { margin: 0; font-size: .85em; opacity: .7; white-space: pre-wrap; }\n"
    "pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; padding: .6em;"
    " border: 1px solid #8884; border-radius: .3em; }\n"
    "pre.answer { background: #8881; }\n"
    "table { border-collapse: collapse; margin: 1em 0; }\n"
    "th, td { padding: .2em .8em; border-bottom: 1px solid #8884; text-align: left; }\n"
    "th.n, td.n { text-align: right; font-variant-numeric: tabular-nums;"
    " white-space: nowrap; }\n"
    "tfoot td { font-weight: bold; }\n";

void out_html_begin(struct buf *b, struct str title)
{
    buf_addz(b, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    out_html_text(b, title);
    buf_printf(b, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    out_html_text(b, title);
    buf_addz(b, "</h1>\n");
}

/* Source: HTML Standard 13.2.3.5 and Infra 4.6, 2026-11: controls, which no page may hold. */
static bool is_control(struct str cp)
{
    unsigned char c = (unsigned char)cp.ptr[0];
    if (cp.len == 1)
        return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
    return cp.len == 2 && c == 0xC2 && (unsigned char)cp.ptr[1] < 0xA0;
}

void out_html_text(struct buf *b, struct str s)
{
    while (s.len > 0) {
        size_t len = str_utf8_len(s);
        struct str cp = str_sub(s, 0, MAX(len, (size_t)1));
        s = str_sub(s, cp.len, s.len);
        if (len == 0 || is_control(cp))
            buf_addz(b, "\xEF\xBF\xBD"); /* U+FFFD */
        else if (cp.ptr[0] == '<')
            buf_addz(b, "&lt;");
        else if (cp.ptr[0] == '>')
            buf_addz(b, "&gt;");
        else if (cp.ptr[0] == '&')
            buf_addz(b, "&amp;");
        else if (cp.ptr[0] == '"')
            buf_addz(b, "&quot;");
        else if (cp.ptr[0] == '\'')
            buf_addz(b, "&#39;");
        else
            buf_adds(b, cp);
    }
}

void out_html_end(struct buf *b)
{
    buf_addz(b, "</body>\n</html>\n");
}
