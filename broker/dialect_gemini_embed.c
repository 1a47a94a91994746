/*
 * dialect_gemini_embed.c: Gemini's embeddings: batchEmbedContents of the Gemini API, and Vertex's
 * predict and embedContent.
 *
 * The Gemini API may tell no token count; then the input is estimated.
 *
 * Source: googleapis generativelanguage/v1beta (generative_service.proto) of 2026-08-21,
 * ai.google.dev/api/embeddings (2026-11); docs.cloud.google.com/vertex-ai, text embeddings API
 * and batch embeddings (2026-11).
 */
#include "broker/dialect_embed.h"
#include "broker/dialect_gemini.h"

enum {
    /* ai.google.dev/api/embeddings: requests of one batch */
    BATCH_MAX = 100,
    /* docs.cloud.google.com: texts of one predict, but one for Gemini's own models */
    PREDICT_MAX = 250,
};

static bool is_vertex(const struct provider_kind *kind)
{
    return str_eqz(STR("vertex"), kind->kind);
}

static struct str bare_name(struct str model)
{
    return str_starts(model, STR("models/")) ? str_sub(model, 7, model.len) : model;
}

static bool is_geminis(struct str model)
{
    return str_starts(bare_name(model), STR("gemini-embedding-"));
}

/*
 * gemini-embedding-2 and later: at Vertex they have a method of their own, and they know no task
 * type. Source: docs.cloud.google.com, batch embeddings, JSONL examples (2026-11).
 */
static bool is_second(struct str model)
{
    return is_geminis(model) && !str_starts(bare_name(model), STR("gemini-embedding-0"));
}

static size_t embed_most(const struct provider_kind *kind, struct str model)
{
    if (!is_vertex(kind))
        return BATCH_MAX;
    return is_geminis(model) ? 1 : PREDICT_MAX;
}

static void gemini_embed_path(const struct provider_kind *kind, struct str model,
                              bool stream, struct buf *out)
{
    (void)stream;
    const char *method = !is_vertex(kind)   ? ":batchEmbedContents"
                         : is_second(model) ? ":embedContent"
                                            : ":predict";
    gemini_path_write(kind, model, method, out);
}

/* ---- requests ---- */

static void write_content(struct jw *w, struct str text)
{
    jw_key(w, "content");
    jw_object(w);
    jw_key(w, "parts");
    jw_array(w);
    jw_object(w);
    jw_kstr_kept(w, "text", text);
    jw_object_end(w);
    jw_array_end(w);
    jw_object_end(w);
}

static void write_task(struct request_writer *w, const char *key)
{
    static const char *const words[] = {
        [MSG_EMBED_ANY] = NULL,
        [MSG_EMBED_QUERY] = "RETRIEVAL_QUERY",
        [MSG_EMBED_DOCUMENT] = "RETRIEVAL_DOCUMENT",
        [MSG_EMBED_SIMILARITY] = "SEMANTIC_SIMILARITY",
        [MSG_EMBED_CLASSIFICATION] = "CLASSIFICATION",
        [MSG_EMBED_CLUSTERING] = "CLUSTERING",
    };
    const char *word = words[w->m->embed->use];
    if (word != NULL && is_second(w->t->model))
        drop(w, "input_type");
    else if (word != NULL)
        jw_kstrz(&w->w, key, word);
}

static void write_dimensions(struct request_writer *w)
{
    if (w->m->embed->dimensions >= 0)
        jw_ki64(&w->w, "outputDimensionality", w->m->embed->dimensions);
}

static void write_batch(struct request_writer *w)
{
    const struct msg_embed *m = w->m->embed;
    struct str model = bare_name(w->t->model);
    jw_key(&w->w, "requests");
    jw_array(&w->w);
    for (size_t i = 0; i < m->n_texts; i++) {
        jw_object(&w->w);
        jw_key(&w->w, "model");
        jw_string(&w->w);
        jw_string_add(&w->w, STR("models/"));
        jw_string_add(&w->w, model);
        jw_string_end(&w->w);
        write_content(&w->w, m->texts[i]);
        write_task(w, "taskType");
        write_dimensions(w);
        jw_object_end(&w->w);
    }
    jw_array_end(&w->w);
}

/* Vertex cuts a text that is too long unless it is told not to: others answer with an error. */
static void write_predict(struct request_writer *w)
{
    const struct msg_embed *m = w->m->embed;
    jw_key(&w->w, "instances");
    jw_array(&w->w);
    for (size_t i = 0; i < m->n_texts; i++) {
        jw_object(&w->w);
        jw_kstr_kept(&w->w, "content", m->texts[i]);
        write_task(w, "task_type");
        jw_object_end(&w->w);
    }
    jw_array_end(&w->w);
    jw_key(&w->w, "parameters");
    jw_object(&w->w);
    jw_kbool(&w->w, "autoTruncate", false);
    write_dimensions(w);
    jw_object_end(&w->w);
}

static void write_one(struct request_writer *w)
{
    if (w->m->embed->n_texts > 0)
        write_content(&w->w, w->m->embed->texts[0]);
    write_task(w, "taskType");
    jw_key(&w->w, "embedContentConfig");
    jw_object(&w->w);
    jw_kbool(&w->w, "autoTruncate", false);
    write_dimensions(w);
    jw_object_end(&w->w);
}

static enum errc gemini_embed_request_encode(const struct msg_request *m,
                                             const struct target_caps *t, struct buf *out,
                                             struct dropped *d, struct err *e)
{
    struct request_writer w = {.m = m, .t = t, .dropped = d, .e = e};
    embed_begin(&w, embed_most(t->kind, t->model), out);
    w.w.later = t->later;
    jw_object(&w.w);
    if (!is_vertex(t->kind))
        write_batch(&w);
    else if (is_second(t->model))
        write_one(&w);
    else
        write_predict(&w);
    jw_object_end(&w.w);
    return embed_end(&w, out);
}

/* ---- answers ---- */

/* Of a batch; of one (an object: it is its own list); of predict. */
static bool next_embedding(struct str t, struct jspan list, size_t *it,
                           struct embedding *ret)
{
    struct jspan item = list;
    if (list.kind == J_OBJECT && (*it)++ > 0)
        return false;
    if (list.kind == J_ARRAY && !jscan_next(t, list, it, &item))
        return false;
    struct jspan inner = jscan_get(t, item, "embeddings");
    *ret = (struct embedding){
        .vector = jscan_get(t, inner.kind == J_OBJECT ? inner : item, "values")};
    return true;
}

struct answer {
    struct jspan list, usage, predictions, model;
};

static struct answer read_answer(struct str body, struct jspan root)
{
    enum { BATCH, ONE, PREDICTIONS, USAGE, MODEL, N };
    struct jfield f[N] = {[BATCH] = {.name = "embeddings"},
                          [ONE] = {.name = "embedding"},
                          [PREDICTIONS] = {.name = "predictions"},
                          [USAGE] = {.name = "usageMetadata"},
                          [MODEL] = {.name = "modelVersion"}};
    struct answer a = {.list = {.kind = J_NONE}};
    if (!jscan_fields(body, root, f, N))
        return a;
    a.usage = f[USAGE].value;
    a.model = f[MODEL].value;
    a.predictions = f[PREDICTIONS].value;
    a.list = f[BATCH].value.kind == J_ARRAY  ? f[BATCH].value
             : f[ONE].value.kind == J_OBJECT ? f[ONE].value
                                             : a.predictions;
    return a;
}

/* Vertex counts each text for itself. Source: text embeddings API, statistics (2026-11). */
static void scan_statistics(struct scan_state *s, struct str body, struct jspan list)
{
    struct jspan item;
    size_t it = 0, n = 0;
    int64_t sum = 0, tok;
    for (; list.kind == J_ARRAY && jscan_next(body, list, &it, &item); n++) {
        struct jspan inner = jscan_get(body, item, "embeddings");
        struct jspan count =
            jscan_get(body, jscan_get(body, inner, "statistics"), "token_count");
        if (!jscan_i64(body, count, 0, INT32_MAX, &tok))
            return;
        sum += tok;
    }
    if (n == 0)
        return;
    usage_set(&s->usage, USAGE_INPUT, sum);
    s->has_usage = true;
}

static enum errc gemini_embed_read(struct scan_state *s, struct str body,
                                   struct jspan root, struct arena *arena,
                                   struct embeddings *ret, struct err *e)
{
    struct answer a = read_answer(body, root);
    json_copy(body, a.model, s->model, sizeof s->model);
    embed_scan_usage(s, USAGE_WIRE_GEMINI, body, a.usage);
    if (!s->has_usage)
        scan_statistics(s, body, a.predictions);
    return embed_list(s, body, a.list, next_embedding, arena, ret, e);
}

const struct dialect_ops dialect_gemini_embed = {
    .id = DIALECT_GEMINI,
    .name = "gemini",
    .path = gemini_embed_path,
    .request_encode = gemini_embed_request_encode,
    .embed_most = embed_most,
    .request_headers = gemini_request_headers,
    .scan_init = gemini_scan_init,
    .error_parse = error_parse_any,
    .embed_read = gemini_embed_read,
};
