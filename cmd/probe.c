/* probe.c: see probe.h. */
#include "cmd/probe.h"

#include "core/jsonx.h"
#include "core/mem.h"

#include "cmd/key_source.h"
#include "cmd/link.h"

/* Some models refuse less. Source: OpenAI API reference, responses (2026-11). */
enum { PROBE_TOK = 16 };

/* A key or target that has failed is left alone for a while; we want to know how it is now. */
static void may_try_again(struct cmd_ctx *ctx, const char *target)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    struct err ignored = ERR_INIT; /* no broker, or an old one: then we shall be told */
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    jw_kstrz(&w, "target", target);
    jw_object_end(&w);
    (void)!link_ask(ctx, false, "POST", "/llmgw/v1/retry", STR_NONE, buf_str(&body),
                    &answer, &ignored);
}

/*
 * What makes embeddings makes nothing else. By the catalog, and what the configuration says of
 * it.
 */
static bool makes_embeddings(const struct cmd_ctx *ctx, const char *target)
{
    const struct conf *c = ctx->conf;
    struct str model = str_of(target), provider;
    str_split(&model, '/', &provider);
    const struct catalog_model *m = catalog_find(
        ctx->catalog, conf_price_provider(c, ctx->catalog, provider, model), model);
    unsigned caps = m != NULL ? m->caps_yes : 0;
    for (size_t i = 0; i < c->n_models; i++)
        if (str_eqz(provider, c->models[i].provider) &&
            str_eqz(model, c->models[i].model))
            caps = (caps & ~c->models[i].caps_no) | c->models[i].caps_yes;
    return (caps & CAP_EMBEDDING) != 0;
}

static void write_embedding(const char *target, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "model", target);
    jw_kstrz(&w, "input", "Say yes.");
    jw_object_end(&w);
}

static void write_question(const char *target, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "model", target);
    jw_ki64(&w, "max_completion_tokens", PROBE_TOK);
    jw_key(&w, "messages");
    jw_array(&w);
    jw_object(&w);
    jw_kstrz(&w, "role", "user");
    jw_kstrz(&w, "content", "Say yes.");
    jw_object_end(&w);
    jw_array_end(&w);
    jw_object_end(&w);
}

static enum errc call(struct cmd_ctx *ctx, const char *path, struct str body,
                      pico *ret_cost, struct err *e)
{
    AUTO(link_close) struct link *l = NULL;
    AUTO(link_answer_release) struct link_answer got = {0};
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    enum errc rc = link_open(ctx, true, &l, e);
    /* a provider that asks for more patience than that has failed */
    buf_addz(&headers, "content-type: application/json\r\nx-llmgw-record: meta\r\n"
                       "x-llmgw-no-fallback: 1\r\nx-llmgw-timeout-ms: 20000\r\n");
    key_headers(ctx->conf, &headers);
    if (rc == ERR_OK)
        rc = link_call(l, "POST", path, buf_str(&headers), body, &got, e);
    mem_wipe(headers.data, headers.cap);
    if (rc == ERR_OK)
        (void)!money_parse(http1_header(&got.head, "x-llmgw-cost-usd"), ret_cost);
    if (rc == ERR_OK && got.status != 200)
        rc = link_error(&got, e);
    return rc;
}

/* Why it failed, as a cell of a table tells it: who and what to do stand elsewhere. */
static void shorten(const char *target, struct err *e)
{
    struct str text = str_of(e->text);
    size_t name = strlen(target);
    text.len = str_search(text, STR("\nhint: "));
    if (str_starts(text, str_of(target)) &&
        str_starts(str_sub(text, name, text.len), STR(": ")))
        text = str_sub(text, name + 2, text.len);
    memmove(e->text, text.ptr, text.len);
    e->text[text.len] = '\0';
}

enum errc probe_ask(struct cmd_ctx *ctx, const char *target, struct probe *ret,
                    struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_HEAD_LEN);
    int64_t start_us = clock_mono_us(&clock_system);
    *ret = (struct probe){.cost = PICO_UNKNOWN};
    may_try_again(ctx, target);
    bool embeds = makes_embeddings(ctx, target);
    (embeds ? write_embedding : write_question)(target, &body);
    enum errc rc = call(ctx, embeds ? "/v1/embeddings" : "/v1/chat/completions",
                        buf_str(&body), &ret->cost, e);
    ret->took_us = clock_mono_us(&clock_system) - start_us;
    if (rc != ERR_OK)
        shorten(target, e);
    return rc;
}
