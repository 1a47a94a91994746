/*
 * fuzz_template.c: any text as a template, and as fields of a schema: read or refused with a
 * reason; what is read can be filled, written and read again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/shape.h"
#include "cmd/template_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TEXT_MAX = 1 << 22 };

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_template: %s\n", what);
        abort();
    }
}

/* Every parameter gets a value. */
static void fill(struct cmd_ctx *ctx, const struct template_file *t)
{
    struct opt_list params = {.n = 0};
    struct buf out = BUF_INIT(TEXT_MAX), text = BUF_INIT(TEXT_MAX);
    struct chat_options o = {.max_cost = PICO_UNKNOWN, .max_tok = -1};
    struct template_file again;
    struct err e = ERR_INIT;
    for (size_t i = 0; i < t->n_params; i++)
        params.items[params.n++] = arena_printf(&ctx->arena, "%s=$x", t->params[i].name);
    require(template_expand(t, &params, STR("input"), &out, &e) == ERR_OK, "it fills");
    require(template_apply(ctx, t, &params, &o, &e) == ERR_OK, "it applies");
    require(o.template_id != NULL, "it has an id");
    template_write(&o, STR("$input"), &text);
    enum errc rc = template_parse(ctx, "again.md", buf_str(&text), &again, &e);
    require(rc == ERR_OK || rc == ERR_CONFIG,
            "what is written is read, or has too many places");
    buf_release(&out);
    buf_release(&text);
}

static void check_fields(const char *text)
{
    struct shape s;
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(TEXT_MAX);
    if (text[0] == '@' || strchr(text, '/') != NULL || strchr(text, '.') != NULL)
        return; /* could be a file */
    if (shape_load(text, &s, &e) != ERR_OK) {
        require(e.text[0] != '\0', "a refusal has a reason");
        return;
    }
    require(shape_check(&s, STR("{}"), &out, &e) != ERR_INVALID, "the schema is sound");
    shape_release(&s);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cmd_ctx ctx = {.program = "llmgw", .clock = &clock_system};
    struct template_file *t = calloc(1, sizeof *t);
    struct err e = ERR_INIT;
    char *text = malloc(len + 1);
    if (t == NULL || text == NULL)
        abort();
    memcpy(text, data, len);
    text[len] = '\0';
    arena_init(&ctx.arena, 1 << 26);
    /* no file beside it is read: there is none of that name */
    if (template_parse(&ctx, "/nonexistent/t.md", (struct str){text, len}, t, &e) ==
        ERR_OK)
        fill(&ctx, t);
    else
        require(e.text[0] != '\0', "a refusal has a reason");
    if (strlen(text) == len)
        check_fields(text);
    arena_release(&ctx.arena);
    free(text);
    free(t);
    return 0;
}
