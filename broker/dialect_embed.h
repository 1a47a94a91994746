/*
 * dialect_embed.h: what the dialects' embeddings share: dialect_X_embed.c each.
 *
 * A request and an answer, whole: what a chat needs for streams has no counterpart here.
 */
#ifndef BROKER_DIALECT_EMBED_H
#define BROKER_DIALECT_EMBED_H

#include "broker/dialect_priv.h"

/* One of an answer's, and its place in a list where that is told. */
struct embedding {
    struct jspan vector, index;
};
/* They in turn, whatever stands around them. */
typedef bool embed_next_fn(struct str text, struct jspan list, size_t *it,
                           struct embedding *ret);

/*
 * An error that hides in an answer, else the vectors of its `list`; ERR_SERVER when there is none,
 * or one of them is empty, or their places are not those of a list.
 */
enum errc embed_list(const struct scan_state *s, struct str body, struct jspan list,
                     embed_next_fn *next, struct arena *a, struct embeddings *ret,
                     struct err *e) MUST_USE;
/* Usage counts when it tells of the input. */
void embed_scan_usage(struct scan_state *s, enum usage_wire wire, struct str body,
                      struct jspan v);

/* The path of kinds whose URL says nothing of the request. */
void embed_path_fixed(const struct provider_kind *kind, struct str model, bool stream,
                      struct buf *out);
/*
 * What can be said of a request before it is written: refuses inputs that are tokens, and more
 * than max_n of them; drops the fields that have no place at the target.
 */
void embed_begin(struct request_writer *w, size_t max_n, struct buf *out);
/* ERR_OK, or what stuck. */
enum errc embed_end(struct request_writer *w, struct buf *out) MUST_USE;

#endif
