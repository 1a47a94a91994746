/*
 * out.h: one printer for rows, many back ends: table, JSON, JSON lines, CSV, TSV, Markdown, HTML.
 *
 * A report declares its columns once and adds rows of typed cells; out.c knows widths (utf8proc),
 * locales, quoting and the JSON envelope {"schema", "generated_at", "tz", "rows", "totals",
 * "warnings"}.
 */
#ifndef CMD_OUT_H
#define CMD_OUT_H

#include "core/jsonx.h"

#include "cmd/cmd.h"

enum out_type {
    OUT_TEXT,
    OUT_INT,      /* 1,204 in tables; digits elsewhere */
    OUT_TOKENS,   /* 18.2 M in tables */
    OUT_MONEY,    /* $41.87 in tables; NAME_usd and NAME_pusd elsewhere */
    OUT_PPM,      /* 58 % in tables; a fraction elsewhere */
    OUT_DURATION, /* 1.9s in tables; NAME_ms elsewhere */
    OUT_TIME,     /* local in tables; RFC 3339 elsewhere */
    OUT_BOOL,
    OUT_JSON, /* raw JSON by out_text; as it stands in JSON, a text elsewhere */
};

struct out_column {
    const char *name;  /* field name in machine formats, without unit suffix */
    const char *title; /* heading in tables; NULL: the name */
    enum out_type type;
    int priority; /* 0 never dropped; higher goes first when the screen is narrow */
    int soft; /* cells that a text is cut to before columns are dropped; 0: not then. Of a
                 time any number: its year goes, when all have the same */
    int keep; /* cells that a text keeps while another one can be cut; 0: none */
    bool flows;     /* a text that is too long goes on below; it is not cut */
    bool is_change; /* of OUT_PPM: tables show its sign */
    bool right;     /* aligned to the right in tables */
    bool hidden;    /* only in machine formats or by --fields */
};

struct out;

/* Writes to --output (atomically) or stdout. `schema` is "llmgw.cost/1". */
enum errc out_new(struct cmd_ctx *ctx, enum cmd_format format, const char *schema,
                  const struct out_column *columns, size_t n, struct out **ret,
                  struct err *e) MUST_USE;
void out_free(struct out **o);
/* The envelope's own members before rows ("since", "until", …); value is raw JSON. */
void out_meta(struct out *o, const char *key, struct str json);
/* CSV cells that look like formulas stay as they are. */
void out_csv_raw(struct out *o);
/* Tables show a field a line, known ones only, and an empty line between rows. */
void out_vertical(struct out *o);
/* Lines above and below a table; ignored by machine formats. */
void out_headline(struct out *o, const char *fmt, ...) PRINTF(2, 3);
void out_footer(struct out *o, const char *fmt, ...) PRINTF(2, 3);
void out_warning(struct out *o, const char *fmt, ...) PRINTF(2, 3);
/*
 * What a person at a terminal is told, on standard error, when a table has no row. Scripts, and
 * those who want nothing but what they asked for, get nothing.
 */
void out_if_empty(struct out *o, const char *fmt, ...) PRINTF(2, 3);
/* Cells in column order; then out_row_end. Unknown cells: out_null. */
void out_text(struct out *o, struct str s);
void out_textz(struct out *o, const char *s);
void out_int(
    struct out *o,
    int64_t v); /* OUT_INT, _TOKENS, _PPM, _DURATION (us), _TIME (wall us), _BOOL */
void out_money(struct out *o, pico p);
void out_null(struct out *o);
void out_row_end(struct out *o);
/* The cells of the row just begun are the totals. */
void out_totals(struct out *o);
/* Appends what out_finish would print. */
enum errc out_render(struct out *o, struct buf *ret, struct err *e) MUST_USE;
/* Prints everything. ERR_IO when the output cannot be written. */
enum errc out_finish(struct out *o, struct err *e) MUST_USE;
/* The user's pager, or less(1), which leaves what it showed on the screen; "": none is wanted. */
const char *out_pager(const struct cmd_ctx *ctx);
/* Text of one's own to where reports go: --output (atomically) or stdout. */
enum errc out_write(struct cmd_ctx *ctx, struct str text, struct err *e) MUST_USE;

/* A page, with text that cannot be taken for its own: */
void out_html_begin(struct buf *b, struct str title);
void out_html_text(struct buf *b, struct str s);
void out_html_end(struct buf *b);

/* Display width of UTF-8 text in terminal cells, by grapheme cluster. */
size_t out_width(struct str s);
/* Bytes of the words that fit into `cells`; of a word that is too long itself, what fits. */
size_t out_words_that_fit(struct str s, size_t cells);
/* Cuts to `cells`, ending in "…" when something was cut. */
void out_fit(struct buf *b, struct str s, size_t cells);
/*
 * Adds lines for people, each broken at the screen's width; what goes on stands under the line's
 * last column, or is indented by two. `b` fails when `lines` have.
 */
void out_wrap(struct buf *b, const struct buf *lines);
/*
 * The same of an answer or a diff, which may have colours: its words are not ours, nor is its
 * form.
 */
void out_wrap_prose(struct buf *b, const struct buf *text);
/*
 * Columns of the screen: LLMGW_COLUMNS; on a terminal COLUMNS, its size, else 80; otherwise a
 * large number, whatever a shell has exported.
 */
int out_screen_width(void);
/* The same of another descriptor. */
int out_width_of(int fd);
bool out_is_utf8(void);
/* Adds text in which the folder of the user is "~". */
void out_without_home(struct buf *b, struct str s);
/* Adds text of ours; where the locale has no UTF-8, its arrows, dots and dashes are in ASCII. */
void out_own(struct buf *b, struct str s);
bool out_has_color(const struct cmd_ctx *ctx, int fd);

#endif
