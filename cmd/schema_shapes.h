/*
 * schema_shapes.h: what each command's JSON looks like, in a notation that fits on a screen.
 *
 *     name:TYPE    a member; name*:TYPE one that may be absent; name=word the constant "word"
 *     s text, t time (RFC 3339), i integer, n number, b true or false, j anything
 *     {…} an object of members, […] a list of such; ? behind a type: or null
 */
#ifndef CMD_SCHEMA_SHAPES_H
#define CMD_SCHEMA_SHAPES_H

#include <stddef.h>

enum schema_kind {
    SCHEMA_ROWS,   /* the members of a row of a report, each of which may be null */
    SCHEMA_OBJECT, /* those of the only object */
    SCHEMA_EVENTS, /* of each kind of line, apart by ";" */
};

struct schema_shape {
    const char *name; /* "llmgw.cost/1" */
    /* "cost", "cost show": what prints it, and how it is asked for */
    const char *command;
    const char *what;
    enum schema_kind kind;
    const char *members;
    /* of a report: members of its envelope besides those of all; or NULL */
    const char *meta;
};

/* Ends with a NULL name. */
extern const struct schema_shape schema_shapes[];

#endif
