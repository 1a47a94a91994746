/*
 * dialect_custom.c: custom tools, whose input is a text instead of an object.
 *
 * Only OpenAI has them. Everywhere else, and in msg, each is a function with one string,
 * {"input": "…"}, and its calls have it as their arguments: on the way back it is taken out again.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CustomTool, CustomToolCall), guides/function-calling.
 */
#include "broker/dialect_priv.h"

void custom_tool(struct reader *r, struct jspan custom, struct msg_tool *t)
{
    enum { NAME, DESCRIPTION, FORMAT, N };
    struct jfield f[N] = {[NAME] = {.name = "name"},
                          [DESCRIPTION] = {.name = "description"},
                          [FORMAT] = {.name = "format"}};
    if (!read_fields(r, custom, f, N))
        return;
    t->is_custom = true;
    t->name = read_need_str(r, &f[NAME]);
    t->description = read_str(r, &f[DESCRIPTION]);
    t->strict = -1;
    t->schema =
        STR("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
            "\"required\":[\"input\"],\"additionalProperties\":false}");
    if (read_raw(r, &f[FORMAT], J_OBJECT).len == 0)
        return;
    /* Chat has an object more around them */
    struct jspan inner = jscan_get(r->text, f[FORMAT].value, "grammar");
    struct jspan grammar = inner.kind == J_OBJECT ? inner : f[FORMAT].value;
    struct jfield definition = {.name = "format.definition"},
                  syntax = {.name = "format.syntax"};
    definition.value = jscan_get(r->text, grammar, "definition");
    syntax.value = jscan_get(r->text, grammar, "syntax");
    t->grammar = read_str(r, &definition);
    t->syntax = read_str(r, &syntax);
}

struct str custom_args(struct reader *r, const struct jfield *input)
{
    if (read_need_str(r, input).ptr == NULL || r->rc != ERR_OK)
        return STR_NONE;
    struct str raw = jscan_text(r->text, input->value);
    return str_of(arena_printf(r->arena, "{\"input\":%.*s}", STR_ARG(raw)));
}

void custom_input(struct str args, struct buf *out)
{
    struct err ignored = ERR_INIT;
    struct jspan input = {.kind = J_NONE};
    if (jscan_check(args, &ignored) == ERR_OK)
        input = jscan_get(args, jscan_root(args), "input");
    if (input.kind != J_STRING) /* the model's own idea of it */
        buf_adds(out, args);
    else if (jscan_string(args, input, out) != ERR_OK)
        out->fail = ERR_MEMORY;
}

void custom_escape(struct str text, struct buf *out)
{
    AUTO(buf_release) struct buf quoted = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    jw_init(&w, &quoted);
    jw_str(&w, text);
    if (buf_err(&quoted) != ERR_OK)
        out->fail = buf_err(&quoted);
    else
        buf_adds(out, str_sub(buf_str(&quoted), 1, quoted.len - 2));
}

bool is_custom_tool(const struct encode_ctx *ctx, struct str name)
{
    struct jfield tools = {.name = "tools"};
    struct err ignored = ERR_INIT;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_HEAD_LEN);
    struct jspan v;
    size_t it = 0;
    if (ctx->body.len == 0 ||
        body_fields(ctx->body, ctx->check, &tools, 1, &ignored) != ERR_OK)
        return false;
    while (tools.value.kind == J_ARRAY && jscan_next(ctx->body, tools.value, &it, &v)) {
        struct jspan inner = jscan_get(ctx->body, v, "custom");
        struct jspan own =
            jscan_get(ctx->body, inner.kind == J_OBJECT ? inner : v, "name");
        if (!jscan_is(ctx->body, jscan_get(ctx->body, v, "type"), "custom") ||
            own.kind != J_STRING)
            continue;
        buf_reset(&text);
        if (jscan_string(ctx->body, own, &text) == ERR_OK && str_eq(buf_str(&text), name))
            return true;
    }
    return false;
}
