/*
 * dialect_openai_thought.h: thoughts of compatible servers that need putting together: between tags
 * in the text, or as details that must come back unchanged.
 */
#ifndef BROKER_DIALECT_OPENAI_THOUGHT_H
#define BROKER_DIALECT_OPENAI_THOUGHT_H

#include "core/buf.h"
#include "core/jscan.h"

/* ---- <think>…</think> before a text, however it is cut ---- */

enum tags_at {
    TAGS_BEFORE, /* nothing but white space, or a part of the first tag, has come */
    TAGS_OPENED, /* behind the first tag: white space is passed over */
    TAGS_INSIDE,
    TAGS_CLOSED, /* behind the second: the same */
    TAGS_TEXT,   /* all that comes is text */
};
struct tags {
    enum tags_at at; /* begins as zero */
    char
        held[24]; /* TAGS_BEFORE: what has come; TAGS_INSIDE: n_held of the closing tag */
    size_t n_held;
};
/* Slices live during the call only. */
typedef void tags_fn(void *arg, bool is_thought, struct str text);
void tags_hear(struct tags *k, struct str text, tags_fn *fn, void *arg);
/* Nothing more comes: what was held is what it seemed. */
void tags_end(struct tags *k, tags_fn *fn, void *arg);

/* ---- reasoning_details, of which a stream tells pieces ---- */

struct details {
    struct buf all;           /* those that are whole, joined by commas */
    struct buf open;          /* the last, as it began */
    struct buf text;          /* what its text has grown by, as it stands in JSON */
    struct buf mark;          /* its signature, if that came later; a JSON value */
    size_t text_end;          /* where its text ends, in `open`; 0: it has none */
    size_t mark_at, mark_len; /* its own null for one; 0: it has no such member */
    bool may_grow, has_failed;
};
void details_init(struct details *d);
void details_release(struct details *d);
/* One more, of a checked text. */
void details_add(struct details *d, struct str t, struct jspan detail);
/* All so far, whole and joined by commas, until the next call; empty: none, or no room. */
struct str details_take(struct details *d);
/* After that: what comes is new. */
void details_reset(struct details *d);

#endif
