/*
 * estimate.h: how many tokens some bytes are, before or instead of the provider's own count.
 *
 * Bytes per token depend on the provider, the family of the model and the script of the text.
 * Shipped starting values are corrected by every answer that tells real usage: integers,
 * exponentially weighted. Good for routing, reservations and cut streams; never for a bill
 * that the provider's count can give.
 */
#ifndef BROKER_ESTIMATE_H
#define BROKER_ESTIMATE_H

#include "core/err.h"
#include "core/provider.h"
#include "core/str.h"

enum script {
    SCRIPT_LATIN,      /* prose in Latin letters */
    SCRIPT_CODE,       /* programs, JSON, tables: many marks and digits */
    SCRIPT_ALPHABETIC, /* Cyrillic, Greek, Arabic, Hebrew, Devanagari, … */
    SCRIPT_CJK,
    SCRIPT_N_,
};

/* Whose tokenizer it is. */
struct estimate_key {
    enum dialect dialect;        /* of the provider: chooses the starting values */
    struct str provider, family; /* family may be empty */
    enum script script;
};

struct estimator;

enum errc estimator_new(struct estimator **ret, struct err *e) MUST_USE;
void estimator_free(struct estimator **s);
/* The class of a text, from samples of it. JSON escapes (\u4e2d) count as what they stand for. */
enum script estimate_script(struct str text);
const char *script_name(enum script s);
/* Tokens of len bytes; at least 1. */
int64_t estimate_tok(const struct estimator *s, const struct estimate_key *k, size_t len);
/* The same with what is known of its error, for people. */
struct estimate {
    int64_t tok, low_tok, high_tok; /* nine of ten are in between */
    int64_t milli_len;              /* thousandths of a byte per token */
    int64_t n_learned;              /* answers it was learned from; 0: as shipped */
};
void estimate_range(const struct estimator *s, const struct estimate_key *k, size_t len,
                    struct estimate *ret);
/* The provider counted `tok` for len bytes. */
void estimate_learn(struct estimator *s, const struct estimate_key *k, size_t len,
                    int64_t tok);
/* Tokens of so many images of unknown size. */
int64_t estimate_image_tok(enum dialect d, size_t n_images);

#endif
