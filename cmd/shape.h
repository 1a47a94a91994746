/*
 * shape.h: the shape that an answer must have: what chat --schema says.
 *
 * A JSON Schema (jschema.h tells what of it is checked), from the command line or a file, or a
 * line of fields, which becomes one:
 *
 *     name, age int, tags str[], nick? : what friends say
 *
 * is an object with these members, all of them required and no others; one with "?" may be null.
 * Types are str, int, float and bool, or their long names; without one, str.
 */
#ifndef CMD_SHAPE_H
#define CMD_SHAPE_H

#include "core/jsonx.h"

#include "cmd/cmd.h"

struct shape {
    struct json_object *schema; /* owned */
    struct buf text;            /* the same, in one line */
    bool is_native; /* OpenAI's response_format takes it; else words must do */
    bool is_strict; /* … also in its strict form */
};

/*
 * What `given` says: JSON when it begins with "{", a file when it begins with "@" or looks like
 * one, else fields. ERR_USAGE tells what is wrong with it, ERR_NOT_FOUND, ERR_IO.
 */
enum errc shape_load(const char *given, struct shape *ret, struct err *e) MUST_USE;
void shape_release(struct shape *s);
/* Appends the places of the schema that nobody checks, each with a newline. */
enum errc shape_unchecked(const struct shape *s, struct buf *out, struct err *e) MUST_USE;

/*
 * Does a model's answer have the shape? Text around a block of code is passed over. Appends the
 * JSON to *out as it was written, without blanks between its parts. ERR_UNUSABLE says what does
 * not fit, and where.
 */
enum errc shape_check(const struct shape *s, struct str answer, struct buf *out,
                      struct err *e) MUST_USE;

/* The member "response_format" of a request. */
void shape_write_format(const struct shape *s, struct jw *w);
/* What asks for the shape in words, where a target has no other way. */
void shape_ask(const struct shape *s, struct buf *out);
/* What asks for a better answer; `why` is what shape_check said. */
void shape_ask_again(const struct shape *s, const char *why, struct buf *out);

#endif
