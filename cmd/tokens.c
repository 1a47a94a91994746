/*
 * tokens.c: `llmgw tokens`: about how many tokens a text is, or the text cut to so many.
 *
 * The broker estimates, by what it has learned from the answers of the model; nothing is sent to
 * a provider.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"
#include "core/mem.h"
#include "core/num.h"

#include "cmd/files.h"
#include "cmd/key_source.h"
#include "cmd/link.h"
#include "cmd/models.h"
#include "cmd/out.h"

struct tokens_options {
    const char *model;
    int64_t max_tok; /* 0: count */
};

#define AT(field) .offset = offsetof(struct tokens_options, field)

static const struct option_row options[] = {
    {'m', "model", OPT_STRING, AT(model), .arg = "NAME", .complete = OPT_C_MODEL,
     .help = "for this model; else for the one that chat would ask"},
    {0, "max", OPT_INT, AT(max_tok), .arg = "N", .values = "1..",
     .help = "print the text, cut to about N tokens"},
    {0},
};

#undef AT

/* What the broker thinks of a text. */
struct guess {
    int64_t milli_len; /* thousandths of a byte per token, of the text as JSON */
    int64_t tok, low_tok, high_tok;
    const char *model; /* the first candidate */
    bool is_learned;
};

/* Bytes of the text in a JSON string. */
static size_t json_len(struct str text)
{
    AUTO(buf_release) struct buf quoted = BUF_INIT(8 * (size_t)LIMIT_BODY_LEN);
    json_quote(&quoted, text);
    return quoted.len >= 2 ? quoted.len - 2 : 0;
}

static enum errc ask(struct cmd_ctx *ctx, const char *model, struct str text,
                     struct json_object **ret, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    jw_kstrz(&w, "model", model);
    jw_key(&w, "messages");
    jw_array(&w);
    jw_object(&w);
    jw_kstrz(&w, "role", "user");
    jw_kstr(&w, "content", text);
    jw_object_end(&w);
    jw_array_end(&w);
    jw_object_end(&w);
    if (buf_err(&body) != ERR_OK)
        return err_set(e, buf_err(&body), "the text is larger than %d bytes",
                       LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    http1_write_header(&headers, "content-type", STR("application/json"));
    key_headers(ctx->conf, &headers);
    enum errc rc = link_ask(ctx, true, "POST", "/llmgw/v1/explain", buf_str(&headers),
                            buf_str(&body), &json, e);
    mem_wipe(headers.data, headers.cap);
    return rc == ERR_OK ? jx_parse(buf_str(&json), ret, e) : rc;
}

/* The message around the text is left out of the count. */
static enum errc guess(struct cmd_ctx *ctx, const char *model, struct str text,
                       struct guess *ret, struct err *e)
{
    AUTO(jx_put) struct json_object *decision = NULL;
    int64_t tok, low, high;
    enum errc rc = ask(ctx, model, text, &decision, e);
    /* nobody is asked, so no key is needed, but the name of a model */
    if (rc == ERR_UPSTREAM_AUTH && strcmp(model, "default") == 0)
        return err_set(e, rc,
                       "for which model? no provider is in use\nhint: llmgw tokens -m "
                       "gpt-6-luna, or any other of llmgw models");
    if (rc != ERR_OK)
        return rc;
    struct json_object *x = jx_obj(decision, "estimate"),
                       *each = jx_get(x, "bytes_per_tok");
    *ret = (struct guess){
        .model = model,
        .is_learned = str_eqz(jx_str(x, "method"), "learned"),
    };
    if (each == NULL || !jx_i64(x, "tok", 1, INT64_MAX, &tok) ||
        !jx_i64(x, "low_tok", 1, INT64_MAX, &low) ||
        !jx_i64(x, "high_tok", 1, INT64_MAX, &high) ||
        num_decimal(str_of(json_object_get_string(each)), 3, false, true,
                    &ret->milli_len) != ERR_OK ||
        ret->milli_len <= 0)
        return err_set(e, ERR_BROKER, "the broker tells no estimate\nhint: %s",
                       "llmgw broker restart");
    ret->tok = (int64_t)((i128)json_len(text) * 1000 / ret->milli_len);
    ret->tok += text.len > 0 && ret->tok == 0;
    ret->low_tok = (int64_t)((i128)ret->tok * low / tok);
    ret->high_tok = (int64_t)(((i128)ret->tok * high + tok - 1) / tok);
    return ERR_OK;
}

/* ---- counting ---- */

static const struct out_column columns[] = {
    {.name = "tokens", .title = "~tokens", .type = OUT_INT},
    {.name = "low", .title = "from", .type = OUT_INT, .priority = 1},
    {.name = "high", .title = "to", .type = OUT_INT, .priority = 1},
    {.name = "bytes", .type = OUT_INT, .priority = 2},
    {.name = "file", .type = OUT_TEXT},
};

static void put(struct out *out, const struct guess *g, size_t len, const char *name)
{
    out_int(out, g->tok);
    out_int(out, g->low_tok);
    out_int(out, g->high_tok);
    out_int(out, (int64_t)len);
    out_textz(out, name);
}

static void add_footer(struct out *out, const struct guess *g)
{
    out_footer(out,
               "estimated for %s: %" PRId64 ".%02" PRId64 " bytes a token, %s; "
               "nine of ten texts are in between",
               g->model, g->milli_len / 1000, g->milli_len % 1000 / 10,
               g->is_learned ? "learned from its answers" : "as shipped");
}

static enum errc read_one(const char *name, struct buf *text, struct err *e)
{
    if (strcmp(name, "-") == 0)
        return files_read_fd(STDIN_FILENO, "standard input", text, e);
    enum errc rc = files_read(name, text, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc,
                       "no file \"%s\"\nhint: words are counted in a pipe: echo \"%s\" | "
                       "llmgw tokens",
                       name, name);
    return rc;
}

static enum errc count(struct cmd_ctx *ctx, const char *model,
                       const struct opt_args *args, struct err *e)
{
    AUTO(out_free) struct out *out = NULL;
    struct guess g = {.model = model}, all = {.model = model};
    size_t all_len = 0;
    enum errc rc = out_new(ctx, cmd_format(ctx, &cmd_tokens), "llmgw.tokens/1", columns,
                           ARRAY_LEN(columns), &out, e);
    for (size_t i = 0; rc == ERR_OK && i < args->n; i++) {
        AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
        rc = read_one(args->items[i], &text, e);
        if (rc == ERR_OK)
            rc = guess(ctx, model, buf_str(&text), &g, e);
        if (rc != ERR_OK)
            return rc;
        put(out, &g, text.len, args->items[i]);
        out_row_end(out);
        all.tok += g.tok;
        all.low_tok += g.low_tok;
        all.high_tok += g.high_tok;
        all_len += text.len;
    }
    if (rc != ERR_OK)
        return rc;
    if (args->n > 1) {
        put(out, &all, all_len,
            cmd_format(ctx, &cmd_tokens) == FORMAT_TABLE ? "total" : NULL);
        out_totals(out);
    }
    add_footer(out, &g);
    return out_finish(out, e);
}

/* ---- cutting ---- */

/* The longest beginning, of whole characters, that is at most so many bytes as JSON. */
static struct str cut_to(struct str text, int64_t most)
{
    size_t low = 0, high = text.len;
    while (low < high) { /* longer texts are longer in JSON */
        size_t mid = low + (high - low + 1) / 2;
        size_t whole = str_utf8_prefix(text, mid);
        if ((int64_t)json_len(str_sub(text, 0, whole)) <= most)
            low = mid;
        else
            high = mid - 1;
    }
    return str_sub(text, 0, str_utf8_prefix(text, low));
}

static enum errc cut(struct cmd_ctx *ctx, const char *model, const struct opt_args *args,
                     int64_t max_tok, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    struct guess g;
    enum errc rc = cmd_formats(ctx, "tokens --max", 0, e);
    for (size_t i = 0; rc == ERR_OK && i < args->n; i++)
        rc = read_one(args->items[i], &text, e);
    if (rc == ERR_OK)
        rc = guess(ctx, model, buf_str(&text), &g, e);
    if (rc != ERR_OK)
        return rc;
    struct str whole = buf_str(&text);
    struct str part = g.tok <= max_tok
                          ? whole
                          : cut_to(whole, (int64_t)((i128)max_tok * g.milli_len / 1000));
    if (part.len < whole.len)
        cmd_note(ctx, "cut to ~%" PRId64 " tokens: %zu of %zu bytes", max_tok, part.len,
                 whole.len);
    return out_write(ctx, part, e);
}

static enum errc run(struct cmd_ctx *ctx, void *opts, const struct opt_args *args,
                     struct err *e)
{
    static const struct opt_args standard = {.items = {"-"}, .n = 1};
    const struct tokens_options *o = opts;
    const char *model = o->model != NULL ? o->model : models_default_name(ctx->conf);
    if (args->n == 0)
        args = &standard;
    return o->max_tok > 0 ? cut(ctx, model, args, o->max_tok, e)
                          : count(ctx, model, args, e);
}

static const struct cmd_example examples[] = {
    {"llmgw tokens src/main.c", "about how many tokens a file is"},
    {"git diff --staged | llmgw tokens", "… or a pipe"},
    {"git diff --staged | llmgw tokens --max 2000 | llmgw chat \"what is new?\"",
     "no more than so many"},
    {0},
};

const struct cmd_entry cmd_tokens = {
    .name = "tokens",
    .args = "[FILE...]",
    .summary = "about how many tokens a text is, or the text cut to so many",
    .options = options,
    .options_size = sizeof(struct tokens_options),
    .needs = CMD_CONF | CMD_BROKER,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .run = run,
};
