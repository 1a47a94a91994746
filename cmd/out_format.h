/* out_format.h: what out.c and out_format.c share; nobody else includes it. */
#ifndef CMD_OUT_FORMAT_H
#define CMD_OUT_FORMAT_H

#include "cmd/out.h"

enum { OUT_COLUMNS = 64, OUT_LINES = 64 };

struct out_cell {
    bool is_set;
    int64_t v;
    struct str text; /* arena */
};

struct out_lines {
    const char *items[OUT_LINES]; /* arena */
    size_t n;
};

struct out {
    struct cmd_ctx *ctx; /* borrowed */
    enum cmd_format format;
    const char *schema;
    const struct out_column *columns; /* borrowed */
    size_t n_columns;
    size_t shown[OUT_COLUMNS]; /* columns in the order to print them */
    size_t n_shown;
    struct arena arena;
    struct buf meta, text;
    struct out_lines headlines, footers, warnings, if_empty;
    struct out_cell *cells; /* owned; rows one after another, then the totals */
    size_t n_cells, cap_cells, n_rows;
    bool has_totals, csv_raw, vertical, broken;
};

/* Fills `shown` from --fields, or with every column that is not hidden. */
enum errc out_choose_columns(struct out *o, struct err *e) MUST_USE;
/* Prints everything into o->text. */
void out_format(struct out *o);

#endif
