/*
 * dialect_embed.c: what the dialects' embeddings share.
 */
#include "broker/dialect_embed.h"

#include <stdio.h>

/* ---- answers ---- */

/* Something in it: numbers, or their base64. */
static bool has_vector(struct str t, struct jspan v)
{
    return (v.kind == J_ARRAY && !json_is_empty(t, v)) ||
           (v.kind == J_STRING && v.len > 2);
}

static enum errc wrong(struct err *e, size_t i, const char *what)
{
    err_set(e, ERR_SERVER, "the provider's embedding %zu %s", i, what);
    e->origin = ERR_BY_PROVIDER;
    return e->code;
}

/* To the place that it says it has, or to the next one. */
static enum errc put_vector(struct str t, const struct embedding *v, size_t i,
                            struct embeddings *all, struct err *e)
{
    int64_t at = (int64_t)i;
    if (!has_vector(t, v->vector))
        return wrong(e, i, "is empty");
    if (json_is_set(v->index) && !jscan_i64(t, v->index, 0, (int64_t)all->n - 1, &at))
        return wrong(e, i, "has an index that is none of theirs");
    if (all->vectors[at].ptr != NULL)
        return wrong(e, i, "has the index of another");
    all->vectors[at] = jscan_text(t, v->vector);
    all->has_numbers |= v->vector.kind == J_ARRAY;
    return ERR_OK;
}

enum errc embed_list(const struct scan_state *s, struct str body, struct jspan list,
                     embed_next_fn *next, struct arena *a, struct embeddings *ret,
                     struct err *e)
{
    struct embedding v;
    struct embeddings all = {.n = 0};
    size_t it = 0;
    bool is_there = list.kind == J_ARRAY || list.kind == J_OBJECT;
    if (!is_there && error_in_band(s->kind, body, e))
        return e->code;
    while (is_there && next(body, list, &it, &v))
        all.n++;
    if (all.n == 0)
        return reply_broken(e, "the provider's answer holds no embeddings");
    all.vectors = ARENA_ARRAY(a, all.n, struct str);
    if (all.vectors == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the provider's answer");
    it = 0;
    for (size_t i = 0; next(body, list, &it, &v); i++)
        if (put_vector(body, &v, i, &all, e) != ERR_OK)
            return e->code;
    *ret = all;
    return ERR_OK;
}

void embed_scan_usage(struct scan_state *s, enum usage_wire wire, struct str body,
                      struct jspan v)
{
    (void)scan_usage(s, wire, body, v);
    s->has_usage = usage_has(&s->usage, USAGE_INPUT);
}

/* ---- requests ---- */

void embed_path_fixed(const struct provider_kind *kind, struct str model, bool stream,
                      struct buf *out)
{
    (void)model;
    (void)stream;
    buf_addz(out, kind->embeddings);
}

void embed_begin(struct request_writer *w, size_t max_n, struct buf *out)
{
    const struct msg_embed *m = w->m->embed;
    char why[80];
    snprintf(why, sizeof why, "the target takes %zu at most, these are %zu", max_n,
             m->n_texts);
    if (m->texts == NULL)
        refuse(w, "input", "tokens are another model's: the target takes text");
    else if (m->n_texts > max_n)
        refuse(w, "input", why);
    if (w->m->user.len > 0)
        drop(w, "user");
    for (size_t i = 0; i < w->m->n_ignored; i++)
        drop(w, w->m->ignored[i]);
    jw_init(&w->w, out);
}

enum errc embed_end(struct request_writer *w, struct buf *out)
{
    if (w->rc == ERR_OK && buf_err(out) != ERR_OK)
        w->rc = err_set(w->e, buf_err(out), "no room for the request body");
    return w->rc;
}
