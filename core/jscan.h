/*
 * jscan.h: finds values in raw JSON text, strictly, without building a tree.
 *
 * The basis of pass-through: fields that routing needs are found with their places, so that
 * edits can be spliced into the text and every other byte stays as it came.
 *
 * Strict means RFC 8259 and more: UTF-8 only, no NaN, no raw control characters, no lone
 * surrogate escapes, no NUL in a key, nesting up to LIMIT_JSON_DEPTH; and by jscan_object() no
 * duplicate key in the outermost object. What this scanner takes, json-c takes with the same
 * meaning; fuzzing holds it to that.
 */
#ifndef CORE_JSCAN_H
#define CORE_JSCAN_H

#include "core/buf.h"

enum jkind {
    J_NONE, /* absent */
    J_NULL,
    J_FALSE,
    J_TRUE,
    J_NUMBER,
    J_STRING,
    J_OBJECT,
    J_ARRAY,
};

/* Where a value stands: text[pos, pos+len), quotes and brackets included. */
struct jspan {
    enum jkind kind;
    size_t pos, len;
    const struct jindex *index; /* of a jcheck, so that walks are quick; else NULL */
};

/* One wanted field of an object. */
struct jfield {
    const char *name;   /* in: the key, plain ASCII */
    struct jspan value; /* out: J_NONE when the object has no such key */
    size_t key_pos;     /* out: place of the key's opening quote */
};

/* Whole document, any kind. ERR_SYNTAX with the byte offset in the text. */
enum errc jscan_check(struct str text, struct err *e) MUST_USE;
/*
 * Whole document, must be an object; fills fields[]. Duplicate outermost keys and more than
 * LIMIT_JSON_KEYS of them are ERR_SYNTAX; keys are compared after decoding their escapes.
 */
enum errc jscan_object(struct str text, struct jfield *fields, size_t n, struct err *e)
    MUST_USE;

/*
 * The same for a document that comes in pieces, or is to be asked several times. Where its long
 * values end is remembered, so that walks from what it returns step over them.
 */
struct jcheck;
/* has_fields: jcheck_fields() is to be asked, for which keys are kept. NULL when memory is out. */
struct jcheck *jcheck_new(bool has_fields);
void jcheck_free(struct jcheck **c);
/*
 * `text` is all that has come, from the first byte on (it may have moved), and is_all says that
 * nothing follows. Looks at no byte again but a few at the end of the last piece.
 */
void jcheck_feed(struct jcheck *c, struct str text, bool is_all);
/* After the last piece: as jscan_object() of the whole text. */
enum errc jcheck_fields(const struct jcheck *c, struct str text, struct jfield *fields,
                        size_t n, struct err *e) MUST_USE;
/* After the last piece: as jscan_check() of the whole text. */
enum errc jcheck_result(const struct jcheck *c, struct err *e) MUST_USE;
/* The span of the whole value, when that went well. */
struct jspan jcheck_root(const struct jcheck *c);

/*
 * The rest works on text that was checked before (in whole or as a part of a checked one),
 * does not check again, and is fast enough for each event of a stream.
 */
/* Fills fields[] from the object at `span`; first of equal keys wins. False if no object. */
bool jscan_fields(struct str text, struct jspan span, struct jfield *fields, size_t n);
/* One field. J_NONE when absent or when `span` is no object. */
struct jspan jscan_get(struct str text, struct jspan span, const char *name);
/* The span of the whole text. */
struct jspan jscan_root(struct str text);
/* Elements in turn: size_t it = 0; while (jscan_next(text, array, &it, &element)) … */
bool jscan_next(struct str text, struct jspan array, size_t *it, struct jspan *ret);
/* Members in turn; the key is raw (quotes stripped, escapes kept). */
bool jscan_member(struct str text, struct jspan object, size_t *it, struct str *ret_key,
                  struct jspan *ret);
/* The raw text of a span. */
struct str jscan_text(struct str text, struct jspan s);
/* The raw inside of a J_STRING, escapes kept. */
struct str jscan_inside(struct str text, struct jspan s);
/*
 * Decodes a J_STRING into `out`, which has room for as many bytes as its inside; returns how
 * many.
 */
size_t jscan_decode(struct str text, struct jspan s, char *out);
/* Appends the decoded string. ERR_SYNTAX if it is no string, else what buf_err() says. */
enum errc jscan_string(struct str text, struct jspan s, struct buf *out) MUST_USE;
/* Integers; false when it is no integer in [min, max] ("1.0" and "1e3" count when whole). */
bool jscan_i64(struct str text, struct jspan s, int64_t min, int64_t max, int64_t *ret);
/* Does the string's decoded text equal s? */
bool jscan_is(struct str text, struct jspan span, const char *s);

/* Bytes at the start of s that stand for themselves in a JSON string and are ASCII. Any text. */
size_t jscan_plain(struct str s);

#endif
