/*
 * schema.c: `llmgw schema`: the JSON Schema of a command's JSON, made from its shape.
 *
 * Members that are not named are allowed: they may be added within a version, never taken away.
 */
#include <string.h>

#include "core/jsonx.h"

#include "cmd/cmd.h"
#include "cmd/out.h"
#include "cmd/schema_shapes.h"

/* Members of every report's envelope. */
static const char envelope[] = "generated_at:t tz:s warnings:[s]";

static void skip_blanks(struct str *s)
{
    while (s->len > 0 && s->ptr[0] == ' ')
        *s = str_sub(*s, 1, s->len);
}

static bool take(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

/* Up to the character that ends a name, a constant, or a type with all that is nested in it. */
static struct str until(struct str s, const char *ends)
{
    int depth = 0;
    size_t n = 0;
    for (; n < s.len; n++) {
        depth += s.ptr[n] == '{' || s.ptr[n] == '[';
        if (depth == 0 && strchr(ends, s.ptr[n]) != NULL)
            break;
        depth -= s.ptr[n] == '}' || s.ptr[n] == ']';
    }
    return str_sub(s, 0, n);
}

static void write_type(struct jw *w, const char *type, bool or_null)
{
    jw_key(w, "type");
    if (!or_null) {
        jw_strz(w, type);
        return;
    }
    jw_array(w);
    jw_strz(w, type);
    jw_strz(w, "null");
    jw_array_end(w);
}

static void write_members(struct jw *w, struct str members, bool all_or_null);

/* What "s", "i?", "{a:s}", "[{a:s}]" stand for, as members of a schema that is open. */
static void write_value(struct jw *w, struct str type, bool or_null)
{
    static const struct {
        char letter;
        const char *type;
    } rows[] = {{'s', "string"},
                {'t', "string"},
                {'i', "integer"},
                {'n', "number"},
                {'b', "boolean"}};
    if (str_ends(type, STR("?"))) {
        or_null = true;
        type = str_sub(type, 0, type.len - 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (type.len > 0 && type.ptr[0] == rows[i].letter)
            write_type(w, rows[i].type, or_null);
    if (str_eqz(type, "t"))
        jw_kstrz(w, "format", "date-time");
    if (type.len < 2)
        return;
    struct str inner = str_sub(type, 1, type.len - 2);
    if (type.ptr[0] == '{') {
        write_type(w, "object", or_null);
        write_members(w, inner, false);
    } else if (type.ptr[0] == '[') {
        write_type(w, "array", or_null);
        jw_key(w, "items");
        jw_object(w);
        write_value(w, inner, false);
        jw_object_end(w);
    }
}

/* Takes a member off the notation; false at its end. */
static bool next_member(struct str *rest, struct str *ret_name, struct str *ret_type,
                        bool *ret_optional, bool *ret_constant)
{
    skip_blanks(rest);
    *ret_name = until(*rest, ":=*");
    if (ret_name->len == 0)
        return false;
    *rest = str_sub(*rest, ret_name->len, rest->len);
    *ret_optional = take(rest, '*');
    *ret_constant = take(rest, '=');
    (void)take(rest, ':');
    *ret_type = until(*rest, " ");
    *rest = str_sub(*rest, ret_type->len, rest->len);
    return true;
}

static void write_properties(struct jw *w, struct str members, bool all_or_null)
{
    struct str name, type;
    bool optional, constant;
    while (next_member(&members, &name, &type, &optional, &constant)) {
        jw_key_str(w, name);
        jw_object(w);
        if (constant)
            jw_kstr(w, "const", type);
        else
            write_value(w, type, all_or_null);
        jw_object_end(w);
    }
}

static void write_required(struct jw *w, struct str members)
{
    struct str name, type;
    bool optional, constant;
    while (next_member(&members, &name, &type, &optional, &constant))
        if (!optional)
            jw_str(w, name);
}

static void write_members(struct jw *w, struct str members, bool all_or_null)
{
    jw_key(w, "properties");
    jw_object(w);
    write_properties(w, members, all_or_null);
    jw_object_end(w);
    jw_key(w, "required");
    jw_array(w);
    write_required(w, members);
    jw_array_end(w);
}

static void write_object(struct jw *w, struct str members, bool all_or_null)
{
    jw_object(w);
    jw_kstrz(w, "type", "object");
    write_members(w, members, all_or_null);
    jw_object_end(w);
}

/* The envelope: its members, the rows and, where there are any, the totals. */
static void write_report(struct jw *w, const struct schema_shape *s, struct arena *a)
{
    struct str row = str_of(s->members);
    struct str members = str_of(arena_printf(a, "schema=%s %s%s", s->name, envelope,
                                             s->meta != NULL ? s->meta : ""));
    jw_kstrz(w, "type", "object");
    jw_key(w, "properties");
    jw_object(w);
    write_properties(w, members, false);
    jw_key(w, "rows");
    jw_object(w);
    jw_kstrz(w, "type", "array");
    jw_key(w, "items");
    write_object(w, row, true);
    jw_object_end(w);
    jw_key(w, "totals");
    write_object(w, row, true);
    jw_object_end(w);
    jw_key(w, "required");
    jw_array(w);
    write_required(w, members);
    jw_strz(w, "rows");
    jw_array_end(w);
}

static void write_events(struct jw *w, const char *members)
{
    struct str rest = str_of(members), one;
    jw_key(w, "anyOf");
    jw_array(w);
    while (str_split(&rest, ';', &one))
        write_object(w, one, false);
    jw_array_end(w);
}

/* Source: json-schema.org, draft 2020-12, core (2022-06-16). */
static void write_schema(const struct schema_shape *s, struct arena *a, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    jw_kstrz(&w, "title", s->name);
    jw_kstrz(&w, "description", arena_printf(a, "llmgw %s: %s", s->command, s->what));
    switch (s->kind) {
    case SCHEMA_ROWS:
        write_report(&w, s, a);
        break;
    case SCHEMA_OBJECT:
        jw_kstrz(&w, "type", "object");
        write_members(&w, str_of(s->members), false);
        break;
    case SCHEMA_EVENTS:
        write_events(&w, s->members);
        break;
    }
    jw_object_end(&w);
    buf_addc(out, '\n');
}

static enum errc list(struct cmd_ctx *ctx, struct err *e)
{
    static const struct out_column columns[] = {
        {.name = "schema", .type = OUT_TEXT},
        {.name = "command", .type = OUT_TEXT},
        {.name = "what", .type = OUT_TEXT, .priority = 1},
    };
    AUTO(out_free) struct out *out = NULL;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_schema), "llmgw.schema/1", columns,
                           ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    for (const struct schema_shape *s = schema_shapes; s->name != NULL; s++) {
        out_textz(out, s->name);
        out_textz(out, s->command);
        out_textz(out, s->what);
        out_row_end(out);
    }
    return out_finish(out, e);
}

/* "cost show", "cost" for "cost list" or the only one of its name, "llmgw.cost/1". */
static const struct schema_shape *find(struct str said)
{
    for (const struct schema_shape *s = schema_shapes; s->name != NULL; s++)
        if (str_eqz(said, s->command) || str_eqz(said, s->name))
            return s;
    for (const struct schema_shape *s = schema_shapes; s->name != NULL; s++)
        if (str_starts(str_of(s->command), said) && s->command[said.len] == ' ')
            return s;
    return NULL;
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    (void)options;
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf said = BUF_INIT(LIMIT_HEAD_LEN);
    if (args->n == 0 || (args->n == 1 && strcmp(args->items[0], "list") == 0))
        return list(ctx, e);
    for (size_t i = 0; i < args->n; i++)
        buf_printf(&said, "%s%s", i > 0 ? " " : "", args->items[i]);
    const struct schema_shape *s = find(buf_str(&said));
    if (s == NULL)
        return err_set(e, ERR_NOT_FOUND,
                       "no schema for \"%.*s\"\nhint: llmgw schema lists them",
                       STR_ARG(buf_str(&said)));
    write_schema(s, &ctx->arena, &out);
    return out_write(ctx, buf_str(&out), e);
}

static const struct cmd_example examples[] = {
    {"llmgw schema", "the schemas there are"},
    {"llmgw schema cost", "that of llmgw cost -j"},
    {"llmgw schema chat events", "that of a line of llmgw chat -F jsonl"},
    {0},
};

const struct cmd_entry cmd_schema = {
    .name = "schema",
    .args = "[COMMAND...]",
    .summary = "the JSON Schema of what a command prints as JSON",
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .run = run,
};
