/*
 * jschema_priv.h: what the two halves of jschema share: jschema.c walks, jschema_keyword.c knows
 * the keywords.
 */
#ifndef CORE_JSCHEMA_PRIV_H
#define CORE_JSCHEMA_PRIV_H

#include "core/jschema.h"

/* Where a value or a schema stands: a chain of steps, on the stack, printed when needed. */
struct place {
    const struct place *up; /* NULL: the whole */
    struct str key;         /* of a member */
    size_t index;           /* of an element, when key.ptr is NULL */
};

struct check {
    struct json_object *root; /* the whole schema, for $ref */
    size_t steps;             /* left */
    unsigned depth;
    unsigned quiet;     /* within a branch whose failure needs no text */
    size_t n_unchecked; /* ignored keywords met so far */
    struct err *e;
};

/* One value against one schema. */
struct pair {
    struct json_object *schema; /* an object */
    struct json_object *value;
    const struct place *place;
};

/* What a keyword's argument must be. */
enum form {
    FORM_ANY,
    FORM_TYPE,
    FORM_ARRAY,
    FORM_BOOL,
    FORM_STRING,
    FORM_STRINGS,
    FORM_NUMBER,
    FORM_COUNT,
    FORM_SCHEMA,
    FORM_SCHEMAS,      /* an array of them */
    FORM_SOME_SCHEMAS, /* at least one */
    FORM_NAMED,        /* an object of them */
    FORM_ITEMS,        /* one, or an array */
    FORM_REF,
};

struct keyword {
    const char *name;
    enum form form;
    /* NULL: asks nothing of a value */
    enum errc (*check)(struct check *c, const struct pair *p, struct json_object *arg);
};

/* The row of a keyword, NULL when it is none of ours. */
const struct keyword *jschema_keyword(const char *name);
/* Is it about patterns, which have to be read to know whether they can be checked? */
bool jschema_is_pattern(const struct keyword *k);
bool jschema_is_patterns(const struct keyword *k);
/* The value against a schema, which may be a boolean. */
enum errc jschema_walk(struct check *c, struct json_object *schema,
                       struct json_object *value, const struct place *place) MUST_USE;

/* ERR_UNUSABLE with the text, which is left out within a branch. */
PRINTF(3, 4)
enum errc jschema_misfit(struct check *c, const struct pair *p, const char *fmt, ...);
/* ERR_TOO_LARGE when the steps are used up. */
enum errc jschema_spend(struct check *c, size_t steps) MUST_USE;

static inline bool jschema_is_number(struct json_object *v)
{
    return json_object_is_type(v, json_type_int) ||
           json_object_is_type(v, json_type_double);
}

static inline struct str jschema_digits(struct json_object *v)
{
    return str_of(json_object_get_string(v));
}

static inline bool jschema_is_container(struct json_object *v)
{
    return json_object_is_type(v, json_type_object) ||
           json_object_is_type(v, json_type_array);
}

/* The steps it costs to look at a value once, without what is in its members. */
size_t jschema_weight(struct json_object *v);

#endif
