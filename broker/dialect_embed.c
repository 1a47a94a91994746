/*
 * dialect_embed.c: what the dialects' embeddings share.
 */
#include "broker/dialect_embed.h"

#include <stdio.h>
#include <string.h>

/* ---- answers ---- */

static enum errc blame(struct err *e)
{
    e->origin = ERR_BY_PROVIDER;
    return e->code;
}

/* Something in it: numbers, or their base64. */
static bool has_vector(struct str t, struct jspan v)
{
    return (v.kind == J_ARRAY && !json_is_empty(t, v)) ||
           (v.kind == J_STRING && v.len > 2);
}

enum errc embed_scan(struct scan_state *s, struct str body, struct jspan list,
                     embed_next_fn *next, struct err *e)
{
    struct jspan v;
    size_t it = 0;
    bool is_there = list.kind == J_ARRAY || list.kind == J_OBJECT;
    if (!is_there && error_in_band(s->kind, body, e))
        return e->code;
    for (; is_there && next(body, list, &it, &v); s->n_vectors++) {
        if (!has_vector(body, v)) {
            err_set(e, ERR_SERVER, "the provider's embedding %zu is empty", s->n_vectors);
            return blame(e);
        }
        s->has_numbers |= v.kind == J_ARRAY;
    }
    if (s->n_vectors > 0)
        return ERR_OK;
    err_set(e, ERR_SERVER, "the provider's answer holds no embeddings");
    return blame(e);
}

/* In checked JSON, whatever else an array may hold begins with one of these, or is a literal. */
static bool is_numbers(struct str array)
{
    for (size_t i = 1; i < array.len; i++)
        switch (array.ptr[i]) {
        case '"':
        case '[':
        case '{':
        case 't':
        case 'f':
        case 'n':
            return false;
        }
    return true;
}

/* Room for one more; an answer is walked through once only: it may be long. */
static bool make_room(struct arena *a, struct msg_reply *r, size_t *cap)
{
    if (r->n_vectors < *cap)
        return true;
    *cap = MAX(2 * *cap, (size_t)16);
    struct str *grown = ARENA_ARRAY(a, *cap, struct str);
    if (grown != NULL && r->n_vectors > 0)
        memcpy(grown, r->vectors, r->n_vectors * sizeof *grown);
    r->vectors = grown;
    return grown != NULL;
}

enum errc embed_decode(struct str body, struct jspan list, embed_next_fn *next,
                       struct arena *a, struct msg_reply *ret, struct err *e)
{
    struct jspan v;
    size_t it = 0, cap = 0;
    struct msg_reply r = {.vectors = NULL};
    usage_init(&r.usage);
    while (next(body, list, &it, &v)) {
        struct str vector = jscan_text(body, v);
        if (v.kind == J_ARRAY && !is_numbers(vector)) {
            err_set(e, ERR_SERVER, "the provider's embedding %zu is no list of numbers",
                    r.n_vectors);
            return blame(e);
        }
        if (!make_room(a, &r, &cap))
            return err_set(e, ERR_MEMORY, "no memory for the provider's answer");
        r.vectors[r.n_vectors++] = vector;
    }
    *ret = r;
    return ERR_OK;
}

void embed_scan_usage(struct scan_state *s, enum usage_wire wire, struct str body,
                      struct jspan v)
{
    (void)scan_usage(s, wire, body, v);
    s->has_usage = usage_has(&s->usage, USAGE_INPUT);
}

/* ---- requests ---- */

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
