/*
 * catalog_rows.h: between the files that read a catalog: catalog_load.c cuts a file into lines and
 * cells, catalog_rows.c knows what each kind of row says, catalog_cell.c reads single cells.
 */
#ifndef CORE_CATALOG_ROWS_H
#define CORE_CATALOG_ROWS_H

#include "core/catalog_priv.h"

enum { CELLS_MAX = 16 };

enum row_id {
    ROW_DATE,
    ROW_SOURCE,
    ROW_HOLIDAY,
    ROW_RULE,
    ROW_SERVICE,
    ROW_MODEL,
    ROW_ALIAS,
    ROW_FEE,
    ROW_PRICE,
    ROW_BAND,
    ROW_PEAK,
    ROW_DISPUTE,
    ROW_N_,
};

struct row_kind;

struct loader {
    struct catalog *c;
    const char *file;
    int line;
    const struct row_kind *kind;
    char *cell[CELLS_MAX]; /* NULL for "-" */
    struct err *e;
    struct catalog_model *model;   /* the one whose rows are being read */
    struct catalog_period *period; /* its last */
    const char *sources;           /* the last list of which every name was found */
    /* room for as many as the file has rows of that kind */
    struct catalog_model *models;
    struct catalog_period *periods;
    struct catalog_band *bands;
    struct catalog_fee *fees;
    struct catalog_dispute *disputes;
    const char **aliases;
    size_t n_models, n_periods, n_bands, n_fees, n_disputes, n_aliases;
};

struct row_kind {
    const char *name;
    enum errc (*read)(struct loader *l);
    const char *columns[CELLS_MAX + 1]; /* a last "?" allows "-" */
};

extern const struct row_kind catalog_row_kinds[ROW_N_];

/* ---- catalog_cell.c; all are ERR_SYNTAX that names file, line, kind of row and column ---- */

enum errc cell_bad(struct loader *l, size_t column, const char *fmt, ...) PRINTF(3, 4);
enum errc loader_no_memory(struct loader *l); /* ERR_MEMORY */
/* A date or time; `absent` for "-". */
enum errc cell_time(struct loader *l, size_t column, int64_t absent, int64_t *ret);
/* Two columns: from, and to. */
enum errc cell_span(struct loader *l, size_t from, int64_t *ret_from, int64_t *ret_to);
/* A count; "-" is 0. */
enum errc cell_count(struct loader *l, size_t column, int64_t *ret);
/* One of the words; the list ends with NULL. */
enum errc cell_word(struct loader *l, size_t column, const char *const *words);
/* "inside" or "outside" */
enum errc cell_inside(struct loader *l, size_t column, bool *ret);
/* Turns a list of flags into bits, bit i for words[i]. */
enum errc cell_flags(struct loader *l, size_t column, const char *const *words,
                     unsigned *ret);
/* "num/den", both above 0 and small enough for products of several. */
bool cell_ratio(struct str s, int64_t *num, int64_t *den);
enum errc cell_prices(struct loader *l, size_t column, struct price_set *ret);
/* Every name stands in a source row. */
enum errc cell_sources(struct loader *l, size_t column);
/* The first two cells name the model whose row came last. */
enum errc cell_owner(struct loader *l);

#endif
