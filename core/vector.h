/*
 * vector.h: embeddings as text: a JSON array of numbers as base64 of their binary form.
 */
#ifndef CORE_VECTOR_H
#define CORE_VECTOR_H

#include "core/buf.h"

/*
 * The bits of the IEEE 754 binary32 that is nearest to a JSON number, ties to even. What is too
 * large is infinite. False if it is none, or memory is out.
 */
bool vector_bits(struct str number, uint32_t *ret) MUST_USE;

/*
 * Appends an array of numbers (checked JSON) as base64 of little-endian binary32, without
 * quotes. ERR_SYNTAX, and nothing appended, when it is none or holds something else; else
 * what buf_err() says.
 * Source: OpenAI API reference, embeddings, encoding_format (2026-08).
 */
enum errc vector_base64(struct str array, struct buf *out) MUST_USE;
/*
 * Appends a vector as a JSON value: the array as it stands, or its base64 as a string; what is a
 * string already stays one. A failure is told by buf_err().
 */
void vector_write(struct str vector, bool base64, struct buf *out);

#endif
