/*
 * catalog_cell.c: what stands in single cells of a catalog's rows.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog_rows.h"
#include "core/clock.h"
#include "core/num.h"

static struct str column_name(const struct row_kind *kind, size_t column)
{
    struct str name = str_of(kind->columns[column]);
    return str_ends(name, STR("?")) ? str_sub(name, 0, name.len - 1) : name;
}

enum errc cell_bad(struct loader *l, size_t column, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct str name = column_name(l->kind, column);
    return err_set(l->e, ERR_SYNTAX, "%s:%d: %s: %.*s: %s", l->file, l->line,
                   l->kind->name, STR_ARG(name), text);
}

enum errc loader_no_memory(struct loader *l)
{
    return err_set(l->e, ERR_MEMORY, "%s: no memory for the catalog", l->file);
}

enum errc cell_time(struct loader *l, size_t column, int64_t absent, int64_t *ret)
{
    struct err ignored = ERR_INIT;
    *ret = absent;
    if (l->cell[column] != NULL &&
        clock_parse_rfc3339(str_of(l->cell[column]), ret, &ignored) != ERR_OK)
        return cell_bad(l, column, "\"%s\" is no date or time", l->cell[column]);
    return ERR_OK;
}

enum errc cell_span(struct loader *l, size_t from, int64_t *ret_from, int64_t *ret_to)
{
    enum errc rc = cell_time(l, from, INT64_MIN, ret_from);
    if (rc == ERR_OK)
        rc = cell_time(l, from + 1, INT64_MAX, ret_to);
    if (rc == ERR_OK && *ret_from >= *ret_to)
        rc = cell_bad(l, from + 1, "\"%s\" is not after the begin", l->cell[from + 1]);
    return rc;
}

/* A count; "-" is 0. */
enum errc cell_count(struct loader *l, size_t column, int64_t *ret)
{
    *ret = 0;
    if (l->cell[column] != NULL &&
        num_i64(str_of(l->cell[column]), 1, LIMIT_MODEL_TOK, ret) != ERR_OK)
        return cell_bad(l, column, "\"%s\" is no count from 1 to %d", l->cell[column],
                        LIMIT_MODEL_TOK);
    return ERR_OK;
}

/* One of the words; the list ends with NULL. */
enum errc cell_word(struct loader *l, size_t column, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(l->cell[column], *words) == 0)
            return ERR_OK;
    return cell_bad(l, column, "unknown word \"%s\"", l->cell[column]);
}

/* "inside" or "outside" */
enum errc cell_inside(struct loader *l, size_t column, bool *ret)
{
    static const char *const words[] = {"inside", "outside", NULL};
    *ret = strcmp(l->cell[column], words[0]) == 0;
    return cell_word(l, column, words);
}

/* Turns a list of flags into bits, bit i for words[i]. */
enum errc cell_flags(struct loader *l, size_t column, const char *const *words,
                     unsigned *ret)
{
    struct str rest = str_of(l->cell[column]), flag;
    *ret = 0;
    while (str_split(&rest, ' ', &flag)) {
        size_t i = 0;
        while (words[i] != NULL && !str_eqz(flag, words[i]))
            i++;
        if (words[i] == NULL)
            return cell_bad(l, column, "unknown word \"%.*s\"", STR_ARG(flag));
        *ret |= 1U << i;
    }
    return ERR_OK;
}

/* "num/den", both above 0 and small enough for products of several. */
bool cell_ratio(struct str s, int64_t *num, int64_t *den)
{
    enum { RATIO_MAX = 1000000 };
    size_t slash = str_find(s, '/');
    return slash < s.len && num_i64(str_sub(s, 0, slash), 1, RATIO_MAX, num) == ERR_OK &&
           num_i64(str_sub(s, slash + 1, s.len), 1, RATIO_MAX, den) == ERR_OK;
}

enum errc cell_prices(struct loader *l, size_t column, struct price_set *ret)
{
    struct str rest = str_of(l->cell[column]), pair;
    *ret = (struct price_set){0};
    while (str_split(&rest, ' ', &pair)) {
        size_t eq = str_find(pair, '=');
        enum price_component p = price_component_by_name(str_sub(pair, 0, eq));
        if (p == PRICE_N_ || price_set_has(ret, p))
            return cell_bad(l, column, "unknown or doubled component \"%.*s\"",
                            STR_ARG(pair));
        if (num_decimal(str_sub(pair, eq + 1, pair.len), price_component_decimals(p),
                        false, false, &ret->unit[p]) != ERR_OK ||
            ret->unit[p] < 0)
            return cell_bad(l, column, "\"%.*s\" is no exact price", STR_ARG(pair));
        ret->known |= 1U << p;
    }
    return ERR_OK;
}

/* Every name stands in a source row. */
enum errc cell_sources(struct loader *l, size_t column)
{
    struct str all = str_of(l->cell[column]), rest = all, name;
    if (all.ptr == NULL || (l->sources != NULL && str_eqz(all, l->sources)))
        return ERR_OK; /* most rows have those of the row above */
    while (str_split(&rest, ' ', &name)) {
        const struct catalog_source *s = l->c->sources;
        while (s != NULL && !str_eqz(name, s->name))
            s = s->next;
        if (s == NULL)
            return cell_bad(l, column, "\"%.*s\" has no source row", STR_ARG(name));
    }
    l->sources = all.ptr;
    return ERR_OK;
}

/* The first two cells name the model whose row came last. */
enum errc cell_owner(struct loader *l)
{
    if (l->model == NULL || strcmp(l->cell[0], l->model->provider) != 0)
        return cell_bad(l, 0, "\"%s\" is not the provider of the model above",
                        l->cell[0]);
    if (strcmp(l->cell[1], l->model->model) != 0)
        return cell_bad(l, 1, "\"%s\" is not the model above", l->cell[1]);
    return ERR_OK;
}
