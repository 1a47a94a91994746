/*
 * dialect_cohere_embed.c: Cohere's embed, version 2.
 *
 * Source: cohere-openapi.yaml of 2026-08-20, /v2/embed; docs.cohere.com/reference/embed (2026-08).
 */
#include "broker/dialect_cohere.h"
#include "broker/dialect_embed.h"

enum { TEXTS_MAX = 96 }; /* of one call */

static size_t embed_most(const struct provider_kind *kind, struct str model)
{
    (void)kind;
    (void)model;
    return TEXTS_MAX;
}

/* It must be said; documents are what is embedded most. */
static const char *use_word(enum msg_embed_use use)
{
    switch (use) {
    case MSG_EMBED_ANY:
    case MSG_EMBED_DOCUMENT:
        return "search_document";
    case MSG_EMBED_QUERY:
        return "search_query";
    case MSG_EMBED_SIMILARITY: /* as it advises for it */
    case MSG_EMBED_CLUSTERING:
        return "clustering";
    case MSG_EMBED_CLASSIFICATION:
        return "classification";
    }
    return "search_document";
}

/* The sizes of version 3 are fixed. */
static bool is_of_fixed_size(struct str model)
{
    return str_ends(model, STR("-v3.0")) || str_ends(model, STR("-v2.0"));
}

static enum errc cohere_embed_request_encode(const struct msg_request *m,
                                             const struct target_caps *t, struct buf *out,
                                             struct dropped *d, struct err *e)
{
    struct request_writer w = {.m = m, .t = t, .dropped = d, .e = e};
    struct jw *j = &w.w;
    embed_begin(&w, TEXTS_MAX, out);
    if (m->embed->dimensions >= 0 && is_of_fixed_size(t->model))
        refuse(&w, "dimensions", "the target's embeddings have one size only");
    j->later = t->later;
    jw_object(j);
    jw_kstr(j, "model", t->model);
    jw_key(j, "texts");
    jw_array(j);
    for (size_t i = 0; i < m->embed->n_texts; i++) {
        jw_string(j);
        jw_string_kept(j, m->embed->texts[i]);
        jw_string_end(j);
    }
    jw_array_end(j);
    jw_kstrz(j, "input_type", use_word(m->embed->use));
    jw_key(j, "embedding_types");
    jw_raw(j, STR("[\"float\"]"));
    if (m->embed->dimensions >= 0)
        jw_ki64(j, "output_dimension", m->embed->dimensions);
    /* else the end of a text that is too long is lost without a word */
    jw_kstrz(j, "truncate", "NONE");
    jw_object_end(j);
    return embed_end(&w, out);
}

static bool next_embedding(struct str t, struct jspan list, size_t *it,
                           struct embedding *ret)
{
    *ret = (struct embedding){.vector = {.kind = J_NONE}};
    return jscan_next(t, list, it, &ret->vector);
}

/* {"embeddings": {"float": [[…]]}}; without the types, as version 1 has it, the list itself. */
static enum errc cohere_embed_read(struct scan_state *s, struct str body,
                                   struct jspan root, struct arena *a,
                                   struct embeddings *ret, struct err *e)
{
    enum { ID, EMBEDDINGS, META, N };
    struct jfield f[N] = {[ID] = {.name = "id"},
                          [EMBEDDINGS] = {.name = "embeddings"},
                          [META] = {.name = "meta"}};
    jscan_fields(body, root, f, N);
    struct jspan list = f[EMBEDDINGS].value;
    if (list.kind != J_ARRAY)
        list = jscan_get(body, list, "float");
    json_copy(body, f[ID].value, s->id, sizeof s->id);
    embed_scan_usage(s, USAGE_WIRE_COHERE, body, f[META].value);
    return embed_list(s, body, list, next_embedding, a, ret, e);
}

const struct dialect_ops dialect_cohere_embed = {
    .id = DIALECT_COHERE,
    .name = "cohere",
    .path = embed_path_fixed,
    .request_encode = cohere_embed_request_encode,
    .embed_most = embed_most,
    .request_headers = cohere_request_headers,
    .scan_init = cohere_scan_init,
    .error_parse = cohere_error_parse,
    .embed_read = cohere_embed_read,
};
