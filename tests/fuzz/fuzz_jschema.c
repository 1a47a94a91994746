/*
 * fuzz_jschema.c: a document {"s":SCHEMA,"v":VALUE} is checked without harm; a schema that was
 * found well-formed is never called malformed; a keyword that nobody knows refuses nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/jschema.h"
#include "core/jsonx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_jschema: %s\n", what);
        abort();
    }
}

/* {"x-unknown":1} beside the schema: a value that fitted still does. */
static void add_unknown(struct json_object *schema, struct json_object *value,
                        enum errc before)
{
    struct err e = ERR_INIT;
    if (!json_object_is_type(schema, json_type_object))
        return;
    json_object_object_add(schema, "x-unknown", json_object_new_int(1));
    if (before == ERR_OK)
        require(jschema_check(schema, value, &e) != ERR_UNUSABLE,
                "an unknown keyword refuses nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(jx_put) struct json_object *doc = NULL;
    AUTO(buf_release) struct buf unchecked = BUF_INIT(1 << 20);
    struct err e = ERR_INIT;
    if (jx_parse((struct str){(const char *)data, len}, &doc, &e) != ERR_OK)
        return 0;
    struct json_object *schema = jx_get(doc, "s"), *value = jx_get(doc, "v");
    enum errc form = jschema_examine(schema, &unchecked, &e);
    enum errc rc = jschema_check(schema, value, &e);
    require(rc == ERR_OK || rc == ERR_UNUSABLE || rc == ERR_INVALID ||
                rc == ERR_TOO_LARGE,
            "one of four verdicts");
    if (form == ERR_OK && unchecked.len == 0)
        require(jschema_check(schema, value, &e) == rc, "the verdict is stable");
    /* $ref may lead into what is no schema, as "default" is none */
    if (form == ERR_OK &&
        str_search((struct str){(const char *)data, len}, STR("ref")) == len)
        require(rc != ERR_INVALID, "a well-formed schema is not called malformed");
    add_unknown(schema, value, rc);
    return 0;
}
