/*
 * fuzz_embed.c: any bytes as a client's wish for embeddings, and as each provider's answer. What
 * is taken must be valid JSON again on the other side, with as many vectors as were counted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/catalog.h"
#include "core/vector.h"

#include "broker/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_embed: not so: %s\n", what);
    abort();
}

static void require_json(const struct buf *b, const char *what)
{
    struct err e = ERR_INIT;
    require(buf_err(b) == ERR_OK && jscan_check(buf_str(b), &e) == ERR_OK, what);
}

static void splice(struct str body)
{
    struct body_facts f, g;
    struct err e = ERR_INIT;
    struct buf text = BUF_INIT(LIMIT_BODY_LEN), all = BUF_INIT(LIMIT_BODY_LEN);
    struct pieces pieces = {.n = 0};
    const struct body_edits edits = {.model = STR("a/\"b\""), .max_output_tok = -1};
    const struct dialect_ops *ops = &dialect_openai_embed;
    if (ops->facts(body, NULL, &f, &e) == ERR_OK) {
        require(f.n_inputs > 0 && f.needs == CAP_EMBEDDING, "has inputs");
        require(f.prompt_len + (size_t)f.input_tok > 0, "has something to count");
        require(ops->splice(body, &f, &edits, &text, &pieces, &e) == ERR_OK, "splices");
        pieces_join(&pieces, &all);
        require_json(&all, "splices to JSON");
        require(ops->facts(buf_str(&all), NULL, &g, &e) == ERR_OK, "reads it again");
        require(g.n_inputs == f.n_inputs && g.prompt_len == f.prompt_len,
                "asks the same");
        require(str_eqz(edits.model, g.model_name), "has the model");
    }
    buf_release(&text);
    buf_release(&all);
}

static void translate(struct str body, const char *kind_name, const char *model)
{
    const struct provider_kind *kind = provider_kind_find(str_of(kind_name));
    const struct target_caps caps = {.kind = kind, .model = str_of(model)};
    struct arena a;
    struct msg_request m;
    struct err e = ERR_INIT;
    struct dropped dropped = {.n = 0};
    struct buf out = BUF_INIT(LIMIT_BODY_LEN);
    arena_init(&a, LIMIT_BODY_LEN);
    if (dialect_openai_embed.request_decode(body, NULL, &a, &m, &e) == ERR_OK &&
        dialect_embed_ops(kind->dialect)->request_encode(&m, &caps, &out, &dropped, &e) ==
            ERR_OK)
        require_json(&out, "writes a body");
    arena_release(&a);
    buf_release(&out);
}

/* As an OpenAI client has them; false: one is no vector. */
static bool write(const struct embeddings *all, const struct usage *u, bool base64,
                  size_t slice, struct buf *out)
{
    const struct dialect_ops *client = &dialect_openai_embed;
    for (size_t i = 0; i < all->n; i++) {
        struct vector_writer v;
        enum errc rc;
        client->embed_head(i, out);
        vector_begin(&v, all->vectors[i], base64);
        do
            rc = vector_go_on(&v, slice, out);
        while (rc == ERR_AGAIN);
        if (rc != ERR_OK)
            return false;
    }
    client->embed_end(u, STR("m"), out);
    return true;
}

static void answer(struct str body, const char *kind_name, bool base64)
{
    const struct provider_kind *kind = provider_kind_find(str_of(kind_name));
    const struct dialect_ops *ops = dialect_embed_ops(kind->dialect);
    struct scan_state scan;
    struct embeddings all, again;
    struct arena a;
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(LIMIT_REPLY_LEN), whole = BUF_INIT(LIMIT_REPLY_LEN);
    arena_init(&a, LIMIT_BODY_LEN);
    ops->scan_init(&scan, kind);
    if (jscan_check(body, &e) == ERR_OK &&
        ops->embed_read(&scan, body, jscan_root(body), &a, &all, &e) == ERR_OK) {
        require(all.n > 0, "has vectors");
        bool is_good = write(&all, &scan.usage, base64, 1 + body.len % 9, &out);
        require(write(&all, &scan.usage, base64, SIZE_MAX, &whole) == is_good,
                "is as good in one");
        if (is_good) {
            require(str_eq(buf_str(&out), buf_str(&whole)), "is the same in one");
            require_json(&out, "writes an answer");
            require(dialect_openai_embed.embed_read(&scan, buf_str(&out),
                                                    jscan_root(buf_str(&out)), &a, &again,
                                                    &e) == ERR_OK &&
                        again.n == all.n,
                    "reads its own answer");
            require(!base64 || !again.has_numbers, "is base64 throughout");
        }
    }
    buf_release(&whole);
    arena_release(&a);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const kinds[] = {"openai", "gemini", "vertex", "cohere"};
    struct str bytes = {(const char *)data, len};
    splice(bytes);
    translate(bytes, "gemini", "gemini-embedding-001");
    translate(bytes, "vertex", "gemini-embedding-2");
    translate(bytes, "vertex", "text-embedding-005");
    translate(bytes, "cohere", "embed-v4.0");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        answer(bytes, kinds[i], false);
        answer(bytes, kinds[i], true);
    }
    return 0;
}
