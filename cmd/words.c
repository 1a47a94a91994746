/*
 * words.c: see words.h. The table of longest common subsequences, row by row; Hirschberg's
 * refinement is not needed for texts of this size.
 */
#include "cmd/words.h"

#include "core/mem.h"

enum { CELLS_MAX = 32 * 1024 * 1024 }; /* of the table that a diff needs: 64 MiB */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

/* Bytes of the item at the start of s, which is not empty. */
static size_t item_len(struct str s)
{
    size_t n = 1;
    if (s.ptr[0] == '\n')
        return 1;
    while (n < s.len && is_blank(s.ptr[n]) == is_blank(s.ptr[0]) && s.ptr[n] != '\n')
        n++;
    return n;
}

enum errc words_split(struct str text, bool blanks, struct arena *a, struct words *ret,
                      struct err *e)
{
    struct words w = {.n = 0};
    for (int round = 0; round < 2; round++) { /* counted, then kept */
        struct str rest = text;
        if (round == 1)
            w.items = ARENA_ARRAY(a, w.n + 1, struct str);
        if (round == 1 && w.items == NULL)
            return err_set(e, ERR_MEMORY, "out of memory");
        w.n = 0;
        while (rest.len > 0) {
            struct str item = str_sub(rest, 0, item_len(rest));
            rest = str_sub(rest, item.len, rest.len);
            if (!blanks && is_blank(item.ptr[0]))
                continue;
            if (round == 1)
                w.items[w.n] = item;
            w.n++;
        }
    }
    *ret = w;
    return ERR_OK;
}

enum errc words_common(const struct words *a, const struct words *b, size_t *ret,
                       struct err *e)
{
    size_t na = MIN(a->n, (size_t)WORDS_MAX), nb = MIN(b->n, (size_t)WORDS_MAX);
    uint16_t *row = mem_alloc(nb + 1, sizeof *row);
    if (row == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < na; i++) {
        uint16_t diagonal = 0; /* of the row before, one to the left */
        for (size_t j = 1; j <= nb; j++) {
            uint16_t above = row[j];
            if (str_eq(a->items[i], b->items[j - 1]))
                row[j] = (uint16_t)(diagonal + 1);
            else
                row[j] = MAX(above, row[j - 1]);
            diagonal = above;
        }
    }
    *ret = row[nb];
    mem_free(row);
    return ERR_OK;
}

static void all(const struct words *w, size_t from, size_t to, enum words_change change,
                words_fn *fn, void *arg)
{
    for (size_t i = from; i < to; i++)
        fn(arg, change, w->items[i]);
}

/* Between the common ends: [from, a_to) of a and [from, b_to) of b. */
static enum errc middle(const struct words *a, const struct words *b, size_t from,
                        size_t a_to, size_t b_to, words_fn *fn, void *arg, struct err *e)
{
    size_t na = a_to - from, nb = b_to - from, wide = nb + 1;
    if (na >= UINT16_MAX || nb >= UINT16_MAX || na > CELLS_MAX / wide) {
        all(a, from, a_to, WORDS_GONE, fn, arg);
        all(b, from, b_to, WORDS_NEW, fn, arg);
        return ERR_OK;
    }
    uint16_t *table = mem_alloc((na + 1) * wide, sizeof *table);
    if (table == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t i = na; i-- > 0;) /* the common part of what is left, from i and j on */
        for (size_t j = nb; j-- > 0;)
            table[i * wide + j] =
                str_eq(a->items[from + i], b->items[from + j])
                    ? (uint16_t)(table[(i + 1) * wide + j + 1] + 1)
                    : MAX(table[(i + 1) * wide + j], table[i * wide + j + 1]);
    size_t i = 0, j = 0;
    while (i < na && j < nb) {
        if (str_eq(a->items[from + i], b->items[from + j])) {
            fn(arg, WORDS_SAME, b->items[from + j]);
            i++;
            j++;
        } else if (table[(i + 1) * wide + j] >= table[i * wide + j + 1]) {
            fn(arg, WORDS_GONE, a->items[from + i++]);
        } else {
            fn(arg, WORDS_NEW, b->items[from + j++]);
        }
    }
    all(a, from + i, a_to, WORDS_GONE, fn, arg);
    all(b, from + j, b_to, WORDS_NEW, fn, arg);
    mem_free(table);
    return ERR_OK;
}

enum errc words_diff(const struct words *a, const struct words *b, words_fn *fn,
                     void *arg, struct err *e)
{
    size_t from = 0, a_to = a->n, b_to = b->n;
    while (from < a_to && from < b_to && str_eq(a->items[from], b->items[from]))
        from++;
    while (a_to > from && b_to > from && str_eq(a->items[a_to - 1], b->items[b_to - 1])) {
        a_to--;
        b_to--;
    }
    all(b, 0, from, WORDS_SAME, fn, arg);
    enum errc rc = middle(a, b, from, a_to, b_to, fn, arg, e);
    if (rc == ERR_OK)
        all(b, b_to, b->n, WORDS_SAME, fn, arg);
    return rc;
}
