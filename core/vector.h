/*
 * vector.h: embeddings as text: a JSON array of numbers as it stands, or as base64 of their
 * binary form.
 */
#ifndef CORE_VECTOR_H
#define CORE_VECTOR_H

#include "core/buf.h"

/*
 * The bits of the IEEE 754 binary32 that is nearest to a JSON number, ties to even. What is too
 * large is infinite. False if it is none, or memory is out.
 */
bool vector_bits(struct str number, uint32_t *ret) MUST_USE;

/* A vector on its way into an answer, slice by slice: a long answer has millions of numbers. */
struct vector_writer {
    struct str text;  /* borrowed */
    size_t at;        /* bytes of it that are behind us */
    size_t n_numbers; /* so far; a string's are known from the start, if at all */
    bool is_array, base64;
};

/*
 * `text` is checked JSON: an array of numbers, or a string that is their base64 already. base64:
 * numbers become a string of their little-endian binary32 in base64; else it stays as it stands.
 * Source: OpenAI API reference, embeddings, encoding_format (2026-08).
 */
void vector_begin(struct vector_writer *w, struct str text, bool base64);
/*
 * Appends what the next `len` bytes (not 0) become, and a few more where a number goes on; out
 * NULL: they are only looked at. ERR_AGAIN: it goes on behind them. ERR_SYNTAX: it is no list of
 * numbers. Else what buf_err() says.
 */
enum errc vector_go_on(struct vector_writer *w, size_t len, struct buf *out) MUST_USE;

#endif
