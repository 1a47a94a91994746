/* wire.c: see wire.h. */
#include "tests/unit/wire.h"

#include <stdlib.h>

enum { MOST_TURNS = 64, MOST_PARTS = 32, MOST_TOOLS = 8, MOST_STOPS = 16 };

void wire_begin(struct wire_doc *doc, struct str body, struct arena *a,
                struct msg_request *ret, struct err *e)
{
    *ret = (struct msg_request){.parallel_tools = -1,
                                .schema_strict = -1,
                                .budget_tok = -1,
                                .max_output_tok = -1,
                                .n = 1};
    ret->turns = ARENA_ARRAY(a, MOST_TURNS, struct msg_turn);
    ret->tools = ARENA_ARRAY(a, MOST_TOOLS, struct msg_tool);
    ret->stops = ARENA_ARRAY(a, MOST_STOPS, struct str);
    *doc = (struct wire_doc){.text = body, .arena = a, .m = ret, .e = e};
}

void wire_fail(struct wire_doc *doc, const char *what, struct jspan v)
{
    if (doc->e->code == ERR_OK)
        (void)err_set(doc->e, ERR_SYNTAX, "%s: %.*s", what,
                      STR_ARG(jscan_text(doc->text, v)));
}

enum errc wire_end(const struct wire_doc *doc)
{
    return doc->e->code;
}

struct jspan wire_get(const struct wire_doc *doc, struct jspan v, const char *name)
{
    return jscan_get(doc->text, v, name);
}

bool wire_next(const struct wire_doc *doc, struct jspan array, size_t *it,
               struct jspan *ret)
{
    return array.kind == J_ARRAY && jscan_next(doc->text, array, it, ret);
}

bool wire_is(const struct wire_doc *doc, struct jspan v, const char *text)
{
    return jscan_is(doc->text, v, text);
}

struct str wire_str(struct wire_doc *doc, struct jspan v)
{
    if (v.kind == J_NONE)
        return STR_NONE;
    char *s = arena_alloc(doc->arena, v.len, 1);
    if (v.kind != J_STRING || s == NULL) {
        wire_fail(doc, "no string", v);
        return STR_NONE;
    }
    return (struct str){s, jscan_decode(doc->text, v, s)};
}

struct str wire_raw(struct wire_doc *doc, struct jspan v)
{
    return v.kind == J_NONE ? STR_NONE : arena_str(doc->arena, jscan_text(doc->text, v));
}

int64_t wire_i64(struct wire_doc *doc, struct jspan v, int64_t other)
{
    int64_t n = other;
    if (v.kind != J_NONE && !jscan_i64(doc->text, v, INT64_MIN, INT64_MAX, &n))
        wire_fail(doc, "no integer", v);
    return n;
}

/* The place of one more; the generator makes no message with so many. */
static size_t next(size_t *n, size_t most)
{
    if (*n == most)
        abort();
    return (*n)++;
}

struct msg_turn *wire_add_turn(struct wire_doc *doc, enum msg_role role)
{
    struct msg_turn *t = &doc->m->turns[next(&doc->m->n_turns, MOST_TURNS)];
    *t = (struct msg_turn){.role = role,
                           .parts = ARENA_ARRAY(doc->arena, MOST_PARTS, struct msg_part)};
    return t;
}

struct msg_turn *wire_go_on(struct wire_doc *doc, struct msg_turn *t, enum msg_role role,
                            struct jspan v)
{
    if (t != NULL && t->role == role)
        return t;
    if (t != NULL && role == MSG_TOOL)
        wire_fail(doc, "a result behind the user's words", v);
    return wire_add_turn(doc, role);
}

struct msg_part *wire_add_part(struct msg_turn *t, enum msg_part_kind kind)
{
    struct msg_part *p = &t->parts[next(&t->n_parts, MOST_PARTS)];
    *p = (struct msg_part){.kind = kind};
    return p;
}

struct msg_tool *wire_add_tool(struct wire_doc *doc)
{
    struct msg_tool *t = &doc->m->tools[next(&doc->m->n_tools, MOST_TOOLS)];
    *t = (struct msg_tool){.strict = -1};
    return t;
}

void wire_stops(struct wire_doc *doc, struct jspan array)
{
    struct jspan v;
    size_t it = 0;
    while (wire_next(doc, array, &it, &v))
        doc->m->stops[next(&doc->m->n_stops, MOST_STOPS)] = wire_str(doc, v);
}

bool wire_is_word(char c, const char *others)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(others, c) != NULL);
}

bool wire_piece(struct dice *d, struct str *rest, struct str *ret)
{
    size_t len = str_utf8_prefix(*rest, 4 + roll(d, 8));
    *ret = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return len > 0;
}

void wire_event(const char *event, const struct buf *data, struct buf *out)
{
    if (event != NULL)
        buf_printf(out, "event: %s\n", event);
    buf_addz(out, "data: ");
    buf_adds(out, buf_str(data));
    buf_addz(out, "\n\n");
}
