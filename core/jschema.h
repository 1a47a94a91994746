/*
 * jschema.h: does a JSON value fit a JSON Schema? For the part of the language that schemas of
 * tools and structured answers use.
 *
 * Checked, as draft 2020-12 means them: type (a name or several), enum, const, properties,
 * patternProperties, additionalProperties, required, minProperties, maxProperties, items,
 * prefixItems (and `items` as an array, its older spelling), minItems, maxItems, uniqueItems,
 * minLength, maxLength, pattern (pattern.h says which), minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, anyOf, oneOf, allOf, not, and $ref to a place of the same schema ("#",
 * "#/$defs/a", "#/definitions/a"). A schema may be true or false. Siblings of $ref count.
 *
 * `format` and what only describes are without effect. Every other keyword is ignored, and named
 * by jschema_examine(). What cannot be checked never refuses a value: `not` and `oneOf` pass when
 * their verdict would hang on an ignored keyword.
 *
 * Numbers are compared by their digits. An integer beyond 64 bits has become the nearest limit
 * before it comes here (json-c).
 * Source: json-schema.org, draft 2020-12, core (2022-06-16) and validation (2022-06-16).
 */
#ifndef CORE_JSCHEMA_H
#define CORE_JSCHEMA_H

#include <json-c/json.h>

#include "core/buf.h"

/*
 * ERR_OK: the value fits. ERR_UNUSABLE: it does not; the text is "PLACE: KEYWORD: what", PLACE
 * a JSON pointer into the value ("/people/0/age"), or "the value" for the whole. It has names of
 * members, but no values. ERR_INVALID: the schema is malformed; ERR_TOO_LARGE: it nests or takes
 * more than limits.h allows ($ref in a circle does); ERR_MEMORY. Both are borrowed; JSON null is
 * NULL, as in json-c.
 */
enum errc jschema_check(struct json_object *schema, struct json_object *value,
                        struct err *e) MUST_USE;

/*
 * Is the schema well-formed? ERR_INVALID with the place in the schema when not. Appends the
 * places of what would be ignored ("/properties/a/multipleOf"), each with a newline, to
 * *unchecked unless that is NULL.
 */
enum errc jschema_examine(struct json_object *schema, struct buf *unchecked,
                          struct err *e) MUST_USE;

/* The place that a local reference ("#/$defs/a") names in the schema. False when there is none. */
bool jschema_resolve(struct json_object *root, struct str ref, struct json_object **ret);

#endif
