/*
 * dialect_openai_embed.c: OpenAI's embeddings, which clients speak and most providers do.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CreateEmbeddingRequest, CreateEmbeddingResponse).
 * `input_type` is no field of OpenAI's: servers of its shape take it whose models tell questions
 * from documents (docs.api.nvidia.com/nim, docs.voyageai.com/reference, 2026-11).
 */
#include <stdio.h>

#include "core/catalog.h"

#include "broker/dialect_embed.h"
#include "broker/dialect_openai.h"

enum { MODEL, INPUT, DIMENSIONS, ENCODING, USER, USE, N_FIELDS };

static const char *const field_names[N_FIELDS] = {
    [MODEL] = "model",
    [INPUT] = "input",
    [DIMENSIONS] = "dimensions",
    [ENCODING] = "encoding_format",
    [USER] = "user",
    [USE] = "input_type",
};

/* ---- facts of a client's request ---- */

static enum errc input_error(struct err *e, size_t i, const char *why)
{
    char name[48];
    snprintf(name, sizeof name, "input[%zu]", i);
    return field_error(e, name, "%s", why);
}

static void add_input(struct body_facts *f, size_t len, int64_t tok)
{
    f->n_inputs++;
    f->prompt_len += len;
    f->longest_len = MAX(f->longest_len, len);
    f->input_tok += tok;
    f->longest_tok = MAX(f->longest_tok, tok);
}

/* How many tokens; −1 when they are none. */
static int64_t count_tokens(struct str body, struct jspan array)
{
    struct jspan v;
    size_t it = 0;
    int64_t n = 0, token;
    for (; jscan_next(body, array, &it, &v); n++)
        if (!jscan_i64(body, v, 0, INT32_MAX, &token))
            return -1;
    return n;
}

/* One of several. All are of the kind of the first. */
static enum errc item_facts(struct str body, struct jspan v, enum jkind kind, size_t i,
                            struct body_facts *f, struct err *e)
{
    if (v.kind != kind || (kind != J_STRING && kind != J_ARRAY))
        return input_error(e, i,
                           "must be a string, or an array of tokens, as all others");
    if (kind == J_STRING && v.len <= 2)
        return input_error(e, i, "must not be empty");
    if (kind == J_STRING) {
        add_input(f, v.len - 2, 0);
        return ERR_OK;
    }
    int64_t n = count_tokens(body, v);
    if (n <= 0)
        return input_error(e, i,
                           n < 0 ? "must be an array of tokens" : "must not be empty");
    add_input(f, 0, n);
    return ERR_OK;
}

static enum errc input_facts(struct str body, const struct jfield *input,
                             struct body_facts *f, struct err *e)
{
    struct jspan v = input->value, first = {.kind = J_NONE};
    size_t it = 0, i = 0;
    enum errc rc = ERR_OK;
    if (!json_is_set(v))
        return field_error(e, "input", "is required");
    if (v.kind == J_STRING && v.len > 2) {
        add_input(f, v.len - 2, 0);
        return ERR_OK;
    }
    if (v.kind != J_STRING && v.kind != J_ARRAY)
        return field_error(e, "input", "must be a string or an array, not %s",
                           json_kind_name(v.kind));
    if (v.kind == J_STRING || !jscan_next(body, v, &it, &first))
        return field_error(e, "input", "must not be empty");
    if (first.kind == J_NUMBER) {
        int64_t n = count_tokens(body, v);
        if (n < 0)
            return field_error(e, "input", "must be an array of tokens");
        add_input(f, 0, n);
        return ERR_OK;
    }
    for (it = 0; rc == ERR_OK && jscan_next(body, v, &it, &first); i++)
        rc = item_facts(body, first,
                        i == 0             ? first.kind
                        : f->input_tok > 0 ? J_ARRAY
                                           : J_STRING,
                        i, f, e);
    return rc;
}

static enum errc encoding_facts(struct str body, const struct jfield *encoding,
                                struct body_facts *f, struct err *e)
{
    enum errc rc = field_kind(encoding, J_STRING, e);
    if (rc != ERR_OK || !json_is_set(encoding->value))
        return rc;
    f->base64 = jscan_is(body, encoding->value, "base64");
    if (f->base64 || jscan_is(body, encoding->value, "float"))
        return ERR_OK;
    return field_error(e, encoding->name, "must be float or base64");
}

static enum errc openai_embed_facts(struct str body, const struct jcheck *check,
                                    struct body_facts *ret, struct err *e)
{
    /* what comes out has no tokens */
    struct body_facts f = {.max_output_tok = 0, .n = 1, .needs = CAP_EMBEDDING};
    struct jfield fields[N_FIELDS];
    int64_t dimensions;
    for (size_t i = 0; i < N_FIELDS; i++)
        fields[i] = (struct jfield){.name = field_names[i]};
    enum errc rc = body_fields(body, check, fields, N_FIELDS, e);
    if (rc == ERR_OK)
        rc = field_model(body, &fields[MODEL], &f, e);
    if (rc == ERR_OK)
        rc = field_i64(body, &fields[DIMENSIONS], 1, INT32_MAX, &dimensions, e);
    if (rc == ERR_OK)
        rc = encoding_facts(body, &fields[ENCODING], &f, e);
    if (rc == ERR_OK)
        rc = field_kind(&fields[USER], J_STRING, e);
    if (rc == ERR_OK)
        rc = input_facts(body, &fields[INPUT], &f, e);
    if (rc != ERR_OK)
        return rc;
    json_copy(body, fields[USER].value, f.user, sizeof f.user);
    *ret = f;
    return ERR_OK;
}

static enum errc openai_embed_splice(struct str body, const struct body_facts *f,
                                     const struct body_edits *edits, struct buf *text,
                                     struct pieces *ret, struct err *e)
{
    struct patches p = {.text = BUF_INIT(LIMIT_BODY_LEN)};
    patches_add_quoted(&p, f->model.pos, f->model.len, edits->model);
    return patches_apply(&p, body, text, ret, e);
}

/* ---- the request, decoded ---- */

/* Cohere's words, and those of the servers named above. */
static enum msg_embed_use read_use(struct reader *r, const struct jfield *f)
{
    static const struct {
        const char *word;
        enum msg_embed_use use;
    } rows[] = {
        {"search_query", MSG_EMBED_QUERY},
        {"query", MSG_EMBED_QUERY},
        {"search_document", MSG_EMBED_DOCUMENT},
        {"document", MSG_EMBED_DOCUMENT},
        {"passage", MSG_EMBED_DOCUMENT},
        {"semantic_similarity", MSG_EMBED_SIMILARITY},
        {"classification", MSG_EMBED_CLASSIFICATION},
        {"clustering", MSG_EMBED_CLUSTERING},
    };
    const char *words[ARRAY_LEN(rows)];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        words[i] = rows[i].word;
    int at = read_word(r, f, words, ARRAY_LEN(words));
    return at >= 0 ? rows[at].use : MSG_EMBED_ANY;
}

static void read_texts(struct reader *r, const struct jfield *input, struct msg_embed *m)
{
    bool is_one = input->value.kind == J_STRING;
    size_t n = is_one ? 1 : read_array(r, input), it = 0;
    struct jspan v = input->value;
    struct str *texts = ARENA_ARRAY(r->arena, MAX(n, (size_t)1), struct str);
    if (texts == NULL)
        return;
    if (is_one)
        texts[0] = read_string(r, v);
    for (size_t i = 0; !is_one && jscan_next(r->text, input->value, &it, &v); i++) {
        if (v.kind != J_STRING)
            return; /* tokens */
        texts[i] = read_string(r, v);
    }
    m->texts = texts;
    m->n_texts = n;
}

static enum errc openai_embed_request_decode(struct str body, const struct jcheck *check,
                                             struct arena *a, struct msg_request *ret,
                                             struct err *e)
{
    struct jfield fields[N_FIELDS];
    struct reader r;
    enum errc rc = reader_open(&r, body, check, field_names, fields, N_FIELDS, a, e);
    if (rc != ERR_OK)
        return rc;
    struct msg_request m = {.budget_tok = -1,
                            .max_output_tok = -1,
                            .parallel_tools = -1,
                            .schema_strict = -1,
                            .n = 1};
    struct msg_embed *embed = ARENA_NEW(a, struct msg_embed);
    if (embed == NULL)
        return err_set(e, ERR_MEMORY, "no memory to read the body");
    m.model = read_need_str(&r, &fields[MODEL]);
    m.user = read_str(&r, &fields[USER]);
    m.embed = embed;
    embed->dimensions = read_i64(&r, &fields[DIMENSIONS], 1, INT32_MAX, -1);
    embed->use = read_use(&r, &fields[USE]);
    read_texts(&r, &fields[INPUT], embed);
    read_ignored(&r, &m, field_names, N_FIELDS);
    rc = reader_end(&r);
    if (rc == ERR_OK)
        *ret = m;
    return rc;
}

/* ---- a provider's answer ---- */

static bool next_embedding(struct str t, struct jspan list, size_t *it,
                           struct embedding *ret)
{
    enum { VECTOR, INDEX, N };
    struct jfield f[N] = {[VECTOR] = {.name = "embedding"}, [INDEX] = {.name = "index"}};
    struct jspan item;
    if (!jscan_next(t, list, it, &item))
        return false;
    jscan_fields(t, item, f, N);
    ret->vector = f[VECTOR].value;
    ret->index = f[INDEX].value;
    return true;
}

static enum errc openai_embed_read(struct scan_state *s, struct str body,
                                   struct jspan root, struct arena *a,
                                   struct embeddings *ret, struct err *e)
{
    enum { DATA, SERVED, USAGE, N };
    struct jfield f[N] = {[DATA] = {.name = "data"},
                          [SERVED] = {.name = "model"},
                          [USAGE] = {.name = "usage"}};
    jscan_fields(body, root, f, N);
    json_copy(body, f[SERVED].value, s->model, sizeof s->model);
    embed_scan_usage(s, USAGE_WIRE_EMBEDDING, body, f[USAGE].value);
    return embed_list(s, body, f[DATA].value, next_embedding, a, ret, e);
}

/* ---- an answer to a client ---- */

static void openai_embed_head(size_t i, struct buf *out)
{
    buf_addz(out, i == 0 ? "{\"object\":\"list\",\"data\":[" : "},");
    buf_addz(out, "{\"object\":\"embedding\",\"index\":");
    buf_addu(out, i);
    buf_addz(out, ",\"embedding\":");
}

static void openai_embed_end(const struct usage *u, struct str model, struct buf *out)
{
    buf_addz(out, "}],\"model\":");
    json_quote(out, model);
    buf_addz(out, ",\"usage\":{\"prompt_tokens\":");
    buf_addi(out, usage_input_tok(u));
    buf_addz(out, ",\"total_tokens\":");
    buf_addi(out, usage_input_tok(u));
    buf_addz(out, "}}");
}

const struct dialect_ops dialect_openai_embed = {
    .id = DIALECT_OPENAI,
    .name = "openai",
    .facts = openai_embed_facts,
    .splice = openai_embed_splice,
    .request_decode = openai_embed_request_decode,
    .path = embed_path_fixed,
    .request_headers = openai_request_headers,
    .scan_init = openai_scan_init,
    .error_parse = error_parse_any,
    .embed_read = openai_embed_read,
    .embed_head = openai_embed_head,
    .embed_end = openai_embed_end,
    .error_status = openai_error_status,
    .error_body = openai_error_body,
};
