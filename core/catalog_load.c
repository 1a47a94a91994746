/*
 * catalog_load.c: reads catalog.tsv, strictly; the head of that file documents its rows.
 *
 * Cuts the text into cells in place; every string of the catalog points into it. What the rows say
 * is in catalog_rows.c. An error names file, line, kind of row and column.
 */
#include <string.h>

#include "core/catalog_rows.h"

static const struct row_kind *find_kind(struct str name)
{
    for (size_t i = 0; i < ROW_N_; i++)
        if (str_eqz(name, catalog_row_kinds[i].name))
            return &catalog_row_kinds[i];
    return NULL;
}

static bool is_skipped(struct str line)
{
    return line.len == 0 || line.ptr[0] == '#';
}

/* What stands before the next `end`, which becomes a NUL; *rest moves behind it, or is NULL. */
static char *cut(char **rest, char end)
{
    char *from = *rest, *at = strchr(from, end);
    if (at != NULL)
        *at++ = '\0';
    *rest = at;
    return from;
}

/* Cuts what follows the kind into cells; every column there, none empty, "-" only where allowed. */
static enum errc cut_cells(struct loader *l, char *at)
{
    for (size_t i = 0; l->kind->columns[i] != NULL; i++) {
        if (at == NULL)
            return cell_bad(l, i, "the column is missing");
        l->cell[i] = cut(&at, '\t');
        if (l->cell[i][0] == '\0')
            return cell_bad(l, i, "the cell is empty; \"-\" is none");
        if (l->cell[i][0] != '-' || l->cell[i][1] != '\0')
            continue;
        l->cell[i] = NULL;
        if (!str_ends(str_of(l->kind->columns[i]), STR("?")))
            return cell_bad(l, i, "must be given");
    }
    if (at != NULL)
        return err_set(l->e, ERR_SYNTAX, "%s:%d: %s: one column too many: \"%s\"",
                       l->file, l->line, l->kind->name, at);
    return ERR_OK;
}

static enum errc read_line(struct loader *l, char *line)
{
    char *rest = line, *name = cut(&rest, '\t');
    l->kind = find_kind(str_of(name));
    if (l->kind == NULL)
        return err_set(l->e, ERR_SYNTAX, "%s:%d: unknown kind of row \"%.40s\"", l->file,
                       l->line, name);
    enum errc rc = cut_cells(l, rest);
    return rc == ERR_OK ? l->kind->read(l) : rc;
}

static bool make_room(struct loader *l, struct str text)
{
    size_t n[ROW_N_] = {0};
    struct str rest = text, line;
    while (str_split(&rest, '\n', &line)) {
        const struct row_kind *kind = find_kind(str_sub(line, 0, str_find(line, '\t')));
        if (kind != NULL)
            n[kind - catalog_row_kinds]++;
    }
    struct arena *a = &l->c->arena;
    /* one more than needed, so that none is of size 0 */
    l->models = ARENA_ARRAY(a, n[ROW_MODEL] + 1, struct catalog_model);
    l->periods = ARENA_ARRAY(a, n[ROW_PRICE] + 1, struct catalog_period);
    l->bands = ARENA_ARRAY(a, n[ROW_BAND] + 1, struct catalog_band);
    l->fees = ARENA_ARRAY(a, n[ROW_FEE] + 1, struct catalog_fee);
    l->disputes = ARENA_ARRAY(a, n[ROW_DISPUTE] + 1, struct catalog_dispute);
    l->aliases = ARENA_ARRAY(a, n[ROW_ALIAS] + 1, const char *);
    return !arena_is_broken(a);
}

/* The catalog's models with the file's put in their places. */
static bool merge_models(struct catalog *c, struct catalog_model *models, size_t n)
{
    size_t i = 0, j = 0, k = 0;
    if (c->n_models == 0) {
        c->models = models;
        c->n_models = n;
        return true;
    }
    struct catalog_model *all =
        ARENA_ARRAY(&c->arena, c->n_models + n + 1, struct catalog_model);
    if (all == NULL)
        return false;
    while (i < c->n_models || j < n) {
        int order = i == c->n_models ? 1
                    : j == n         ? -1
                             : catalog_compare(&c->models[i], str_of(models[j].provider),
                                               str_of(models[j].model));
        i += order <= 0;
        if (order < 0)
            all[k++] = c->models[i - 1];
        else
            all[k++] = models[j++];
    }
    c->models = all;
    c->n_models = k;
    c->models_cap = k;
    return true;
}

static enum errc check_defaults(struct loader *l)
{
    for (const struct catalog_rule *r = l->c->rules; r != NULL; r = r->next)
        if (r->default_model != NULL &&
            catalog_find(l->c, str_of(r->provider), str_of(r->default_model)) == NULL)
            return err_set(l->e, ERR_SYNTAX,
                           "%s:%d: rule: default model: no model \"%s/%s\"", l->file,
                           r->line, r->provider, r->default_model);
    return ERR_OK;
}

enum errc catalog_read(struct catalog *c, char *text, size_t len, const char *name,
                       struct err *e)
{
    struct loader l = {.c = c, .file = name, .e = e};
    struct str all = {text, len};
    if (memchr(text, '\0', len) != NULL || !str_is_utf8(all))
        return err_set(e, ERR_SYNTAX, "%s: is no UTF-8 text", name);
    if (!make_room(&l, all))
        return loader_no_memory(&l);
    while (text != NULL) {
        char *line = cut(&text, '\n');
        l.line++;
        enum errc rc = is_skipped(str_of(line)) ? ERR_OK : read_line(&l, line);
        if (rc != ERR_OK)
            return rc;
    }
    if (arena_is_broken(&c->arena) || !merge_models(c, l.models, l.n_models))
        return loader_no_memory(&l);
    return check_defaults(&l);
}
