/*
 * sim_embed.c: embeddings as OpenAI, Gemini, Vertex and Cohere describe them. The same text gets
 * the same vector from every model and in all dialects.
 *
 * Sources: openai-openapi file of 2026-08-21 (CreateEmbeddingRequest and …Response); googleapis
 * generativelanguage/v1beta of 2026-08-21 and ai.google.dev/api/embeddings; cloud.google.com, text
 * embeddings API (2026-11); cohere-openapi.yaml of 2026-08-20, /v2/embed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"

#include "tests/sim/sim.h"

enum {
    DIMENSIONS = 16, /* small, for people who look at it */
    DIMENSIONS_MAX = 4096,
    OPENAI_INPUTS = 2048,
    OPENAI_TOK = 8192, /* of one input */
    OPENAI_ALL_TOK = 300000,
    GEMINI_INPUTS = 100,
    VERTEX_INPUTS = 250,
    COHERE_TEXTS = 96,
    MILLION = 1000000,
};

/* ---- reading ---- */

/* Fields of an object that the vendor does not know; NULL if none. */
static const char *unknown_field(struct json_object *o, const char *const *known,
                                 size_t n)
{
    struct json_object_iter it;
    json_object_object_foreachC(o, it)
    {
        size_t i = 0;
        while (i < n && strcmp(known[i], it.key) != 0)
            i++;
        if (i == n)
            return it.key;
    }
    return NULL;
}

static bool add_input(struct ask *ask, struct str text, int64_t tok)
{
    struct sim_input *in = &ask->inputs[ask->n_inputs++];
    in->text = text;
    in->tok = tok;
    ask->prompt_tok += tok;
    return true;
}

static bool make_room(struct ask *ask, size_t n)
{
    ask->inputs = ARENA_ARRAY(ask->arena, MAX(n, (size_t)1), struct sim_input);
    return ask->inputs != NULL;
}

static bool openai_bad(struct fault *f, const char *param, const char *message)
{
    fault_invalid(f, "invalid_request_error", NULL, param, message);
    return false;
}

/* One input: a string, or tokens. */
static bool openai_input(struct ask *ask, struct json_object *v, struct fault *f)
{
    struct str text = jx_text(v);
    if (text.ptr != NULL)
        return text.len > 0 ? add_input(ask, text, text_cost(text.len))
                            : openai_bad(f, "input", "input cannot be an empty string.");
    size_t n = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
    for (size_t i = 0; i < n; i++)
        if (!json_object_is_type(json_object_array_get_idx(v, i), json_type_int))
            return openai_bad(f, "input", "'$.input' is invalid.");
    const char *as_text = json_object_to_json_string(v);
    if (n == 0)
        return openai_bad(f, "input", "'$.input' is invalid.");
    return add_input(ask, arena_str(ask->arena, str_of(as_text)), (int64_t)n);
}

static bool openai_inputs(struct ask *ask, struct fault *f)
{
    struct json_object *all = jx_arr(ask->body, "input");
    struct json_object *one = jx_get(ask->body, "input");
    size_t n = all != NULL ? json_object_array_length(all) : 1;
    bool is_tokens =
        all != NULL && n > 0 &&
        json_object_is_type(json_object_array_get_idx(all, 0), json_type_int);
    if (one == NULL || n == 0)
        return openai_bad(f, "input", "'$.input' is invalid.");
    if (n > OPENAI_INPUTS && !is_tokens)
        return openai_bad(f, "input", "'$.input' is too long: at most 2048 items.");
    if (!make_room(ask, n))
        return openai_bad(f, "input", "too large");
    if (all == NULL || is_tokens)
        return openai_input(ask, one, f);
    for (size_t i = 0; i < n; i++)
        if (!openai_input(ask, json_object_array_get_idx(all, i), f))
            return false;
    return true;
}

static bool openai_sizes(const struct ask *ask, struct fault *f)
{
    for (size_t i = 0; i < ask->n_inputs; i++)
        if (ask->inputs[i].tok > OPENAI_TOK)
            return openai_bad(f, "input",
                              "This model's maximum context length is 8192 tokens, "
                              "however you requested more. Please reduce your prompt.");
    return ask->prompt_tok <= OPENAI_ALL_TOK ||
           openai_bad(f, "input", "Requested more than the maximum of 300000 tokens.");
}

bool embed_openai_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                       struct fault *f)
{
    static const char *const known[] = {"model", "input", "encoding_format", "dimensions",
                                        "user"};
    const char *other = unknown_field(ask->body, known, ARRAY_LEN(known));
    struct str format = jx_str(ask->body, "encoding_format");
    if (!str_starts(http1_header(h, "authorization"), STR("Bearer ")) &&
        http1_header(h, "api-key").len == 0 && !p->lax) {
        openai_bad(f, NULL, "You didn't provide an API key.");
        f->status = 401;
        return false;
    }
    if (ask->model.len == 0)
        return openai_bad(f, "model", "you must provide a model parameter");
    if (other != NULL && !p->lax)
        return openai_bad(f, arena_strz(ask->arena, str_of(other)),
                          arena_printf(ask->arena, "Unknown parameter: '%s'.", other));
    if (format.ptr != NULL && !str_eqz(format, "float") && !str_eqz(format, "base64"))
        return openai_bad(f, "encoding_format", "'$.encoding_format' is invalid.");
    ask->base64 = str_eqz(format, "base64") && !p->numbers;
    ask->dimensions = DIMENSIONS;
    if (json_object_object_get_ex(ask->body, "dimensions", NULL) &&
        !jx_i64(ask->body, "dimensions", 1, DIMENSIONS_MAX, &ask->dimensions))
        return openai_bad(f, "dimensions", "'$.dimensions' is invalid.");
    return openai_inputs(ask, f) && openai_sizes(ask, f);
}

static bool gemini_bad(struct fault *f, const char *message)
{
    fault_invalid(f, "INVALID_ARGUMENT", NULL, NULL, message);
    return false;
}

static const char *const task_types[] = {"RETRIEVAL_QUERY",     "RETRIEVAL_DOCUMENT",
                                         "SEMANTIC_SIMILARITY", "CLASSIFICATION",
                                         "CLUSTERING",          "QUESTION_ANSWERING",
                                         "FACT_VERIFICATION",   "CODE_RETRIEVAL_QUERY"};

static bool gemini_task(struct str task, struct fault *f)
{
    size_t i = 0;
    while (i < ARRAY_LEN(task_types) && !str_eqz(task, task_types[i]))
        i++;
    return task.ptr == NULL || i < ARRAY_LEN(task_types) ||
           gemini_bad(f, "Invalid value at 'task_type'");
}

static bool gemini_dimensions(struct ask *ask, struct json_object *o, struct fault *f)
{
    ask->dimensions = DIMENSIONS;
    return !json_object_object_get_ex(o, "outputDimensionality", NULL) ||
           jx_i64(o, "outputDimensionality", 1, DIMENSIONS_MAX, &ask->dimensions) ||
           gemini_bad(f, "Invalid value at 'output_dimensionality'");
}

/* {"content": {"parts": [{"text": …}]}, "taskType", "title", "outputDimensionality"} */
static bool gemini_content(struct ask *ask, struct json_object *o, struct fault *f)
{
    static const char *const known[] = {"model",
                                        "content",
                                        "taskType",
                                        "title",
                                        "outputDimensionality",
                                        "embedContentConfig"};
    const char *other = unknown_field(o, known, ARRAY_LEN(known));
    struct json_object *parts = jx_arr(jx_obj(o, "content"), "parts");
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (other != NULL)
        return gemini_bad(
            f,
            arena_printf(
                ask->arena,
                "Invalid JSON payload received. Unknown name \"%s\": Cannot find field.",
                other));
    for (size_t i = 0; parts != NULL && i < json_object_array_length(parts); i++)
        buf_adds(&text, jx_str(json_object_array_get_idx(parts, i), "text"));
    if (text.len == 0)
        return gemini_bad(f, "content is required");
    add_input(ask, arena_str(ask->arena, buf_str(&text)), text_cost(text.len));
    return gemini_task(jx_str(o, "taskType"), f) && gemini_dimensions(ask, o, f);
}

static bool gemini_batch(struct ask *ask, struct fault *f)
{
    struct json_object *all = jx_arr(ask->body, "requests");
    size_t n = all != NULL ? json_object_array_length(all) : 0;
    const char *model = arena_printf(ask->arena, "models/%.*s", STR_ARG(ask->model));
    if (n == 0 || n > GEMINI_INPUTS || !make_room(ask, n))
        return gemini_bad(f, n == 0 ? "* BatchEmbedContentsRequest.requests: is empty"
                                    : "* BatchEmbedContentsRequest.requests: at most 100 "
                                      "requests can be in one batch");
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(all, i);
        if (model == NULL || !str_eqz(jx_str(one, "model"), model))
            return gemini_bad(f, "* BatchEmbedContentsRequest.requests[].model: must be "
                                 "the model of the batch");
        if (!gemini_content(ask, one, f))
            return false;
    }
    return true;
}

static bool vertex_predict(struct ask *ask, struct fault *f)
{
    struct json_object *all = jx_arr(ask->body, "instances");
    size_t n = all != NULL ? json_object_array_length(all) : 0;
    size_t most =
        str_starts(ask->model, STR("gemini-embedding")) ? 1 : (size_t)VERTEX_INPUTS;
    if (n == 0 || n > most || !make_room(ask, n))
        return gemini_bad(f, "Invalid number of instances: too many, or none");
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(all, i);
        struct str text = jx_str(one, "content");
        if (text.len == 0)
            return gemini_bad(f, "content is required");
        if (!gemini_task(jx_str(one, "task_type"), f))
            return false;
        add_input(ask, text, text_cost(text.len));
    }
    return gemini_dimensions(ask, jx_obj(ask->body, "parameters"), f);
}

bool embed_gemini_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                       struct fault *f)
{
    (void)p;
    if (http1_header(h, "x-goog-api-key").len == 0 &&
        !str_starts(http1_header(h, "authorization"), STR("Bearer "))) {
        gemini_bad(f, "Method doesn't allow unregistered callers.");
        f->type = "PERMISSION_DENIED";
        f->status = 403;
        return false;
    }
    ask->form = str_ends(h->path, STR(":predict"))        ? SIM_EMBED_PREDICT
                : str_ends(h->path, STR(":embedContent")) ? SIM_EMBED_ONE
                                                          : SIM_EMBED_BATCH;
    if (ask->form == SIM_EMBED_BATCH)
        return gemini_batch(ask, f);
    if (ask->form == SIM_EMBED_PREDICT)
        return vertex_predict(ask, f);
    struct json_object *config = jx_obj(ask->body, "embedContentConfig");
    return make_room(ask, 1) && gemini_content(ask, ask->body, f) &&
           (config == NULL || gemini_dimensions(ask, config, f));
}

static bool cohere_bad(struct fault *f, const char *message)
{
    fault_invalid(f, NULL, NULL, NULL, message);
    return false;
}

static bool is_one_of(struct str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eqz(s, words[i]))
            return true;
    return false;
}

static bool cohere_options(struct ask *ask, struct fault *f)
{
    static const char *const uses[] = {"search_document", "search_query",
                                       "classification", "clustering", "image"};
    static const char *const cuts[] = {"NONE", "START", "END"};
    struct json_object *types = jx_arr(ask->body, "embedding_types");
    struct str cut = jx_str(ask->body, "truncate");
    if (!is_one_of(jx_str(ask->body, "input_type"), uses, ARRAY_LEN(uses)))
        return cohere_bad(f, "invalid request: valid input_type must be provided");
    if (cut.ptr != NULL && !is_one_of(cut, cuts, ARRAY_LEN(cuts)))
        return cohere_bad(f, "invalid request: truncate");
    if (types != NULL &&
        (json_object_array_length(types) != 1 ||
         !str_eqz(jx_text(json_object_array_get_idx(types, 0)), "float")))
        return cohere_bad(f, "the simulator makes float embeddings only");
    ask->dimensions = DIMENSIONS;
    return !json_object_object_get_ex(ask->body, "output_dimension", NULL) ||
           jx_i64(ask->body, "output_dimension", 1, DIMENSIONS_MAX, &ask->dimensions) ||
           cohere_bad(f, "invalid request: output_dimension");
}

bool embed_cohere_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                       struct fault *f)
{
    static const char *const known[] = {"model",    "texts",           "input_type",
                                        "truncate", "embedding_types", "output_dimension",
                                        "images",   "inputs",          "max_tokens"};
    struct json_object *texts = jx_arr(ask->body, "texts");
    size_t n = texts != NULL ? json_object_array_length(texts) : 0;
    const char *other = unknown_field(ask->body, known, ARRAY_LEN(known));
    if (!str_starts(http1_header(h, "authorization"), STR("Bearer "))) {
        cohere_bad(f, "no api key supplied");
        f->status = 401;
        return false;
    }
    if (other != NULL && !p->lax) {
        cohere_bad(f, arena_printf(ask->arena,
                                   "unknown field: parameter '%s' is not a valid field",
                                   other));
        f->status = 422;
        return false;
    }
    if (ask->model.len == 0)
        return cohere_bad(f, "invalid request: model is required");
    if (n == 0 || n > COHERE_TEXTS || !make_room(ask, n))
        return cohere_bad(
            f, n == 0 ? "invalid request: texts must be provided"
                      : "invalid request: total number of texts must be at most 96");
    for (size_t i = 0; i < n; i++) {
        struct str text = jx_text(json_object_array_get_idx(texts, i));
        if (text.len == 0)
            return cohere_bad(f, "invalid request: texts must not be empty");
        add_input(ask, text, text_cost(text.len));
    }
    return cohere_options(ask, f);
}

/* ---- writing ---- */

/* From −1 to 1 in millionths. */
static int64_t number_at(const struct answer *a, const struct sim_input *in, int64_t i)
{
    static const uint64_t fixed[2] = {0x656d62, 0x6564};
    uint64_t seed = map_hash(fixed, in->text) ^ (a->plan->vary ? a->id : 0);
    return (int64_t)(text_mix(seed + (uint64_t)i) % (2 * MILLION + 1)) - MILLION;
}

/* How many vectors are given, one of them for each input unless the plan spoils it. */
static size_t n_given(const struct answer *a)
{
    return a->ask->n_inputs + (a->plan->vectors == VECTORS_EXTRA) -
           (a->plan->vectors == VECTORS_MISSING);
}

/* What the vector at this place is of; those that nobody asked for are of the last. */
static const struct sim_input *input_at(const struct answer *a, size_t at)
{
    return &a->ask->inputs[MIN(at, a->ask->n_inputs - 1)];
}

static int64_t size_at(const struct answer *a, size_t at)
{
    bool is_odd_one = a->plan->vectors == VECTORS_UNEVEN && at + 1 == n_given(a);
    return a->ask->dimensions - is_odd_one;
}

static void write_numbers(const struct answer *a, size_t at, struct buf *out)
{
    const struct sim_input *in = input_at(a, at);
    buf_addc(out, '[');
    for (int64_t i = 0; i < size_at(a, at); i++) {
        int64_t v = number_at(a, in, i);
        buf_printf(out, "%s%s%" PRId64 ".%06" PRId64, i > 0 ? "," : "", v < 0 ? "-" : "",
                   (v < 0 ? -v : v) / MILLION, (v < 0 ? -v : v) % MILLION);
    }
    buf_addc(out, ']');
}

/* The machine's own rounding: the broker has its own. */
static void write_base64(const struct answer *a, size_t at, struct buf *out)
{
    const struct sim_input *in = input_at(a, at);
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t held = 0;
    unsigned n_bits = 0;
    size_t n_letters = 0;
    buf_addc(out, '"');
    for (int64_t i = 0; i < size_at(a, at); i++) {
        float f = (float)((double)number_at(a, in, i) / MILLION);
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        for (unsigned byte = 0; byte < 4; byte++) {
            held = held << 8 | (bits >> 8 * byte & 0xff);
            for (n_bits += 8; n_bits >= 6; n_letters++) {
                n_bits -= 6;
                buf_addc(out, letters[held >> n_bits & 63]);
            }
        }
    }
    if (n_bits > 0) {
        buf_addc(out, letters[held << (6 - n_bits) & 63]);
        n_letters++;
    }
    for (; n_letters % 4 != 0; n_letters++)
        buf_addc(out, '=');
    buf_addc(out, '"');
}

/* In the list they may stand anywhere: the index tells whose each is. */
static void write_item(const struct answer *a, size_t i, struct buf *out)
{
    size_t at = a->plan->vectors == VECTORS_REVERSED ? n_given(a) - 1 - i : i;
    buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":",
               i > 0 ? "," : "", a->plan->vectors == VECTORS_SAME_INDEX ? 0 : at);
    if (a->ask->base64)
        write_base64(a, at, out);
    else
        write_numbers(a, at, out);
    buf_addc(out, '}');
}

void embed_openai_whole(struct answer *a, struct buf *out)
{
    buf_addz(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < n_given(a); i++)
        write_item(a, i, out);
    buf_addz(out, "],\"model\":");
    json_quote(out, str_of(a->model));
    if (a->plan->usage == USAGE_FULL || a->plan->usage == USAGE_BARE)
        buf_printf(out,
                   ",\"usage\":{\"prompt_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64
                   "}",
                   a->usage.prompt, a->usage.prompt);
    buf_addc(out, '}');
}

static void write_prediction(const struct answer *a, size_t at, struct buf *out)
{
    buf_addz(out,
             "{\"embeddings\":{\"statistics\":{\"truncated\":false,\"token_count\":");
    buf_printf(out, "%" PRId64 "},\"values\":",
               a->plan->prompt >= 0 ? a->plan->prompt : input_at(a, at)->tok);
    write_numbers(a, at, out);
    buf_addz(out, "}}");
}

/* The Gemini API tells no token count, unless the scenario says how many. */
void embed_gemini_whole(struct answer *a, struct buf *out)
{
    static const char *const begin[] = {[SIM_EMBED_BATCH] = "{\"embeddings\":[",
                                        [SIM_EMBED_ONE] = "{\"embedding\":",
                                        [SIM_EMBED_PREDICT] = "{\"predictions\":["};
    enum sim_embed_form form = a->ask->form;
    buf_addz(out, begin[form]);
    for (size_t i = 0; i < n_given(a); i++) {
        buf_addz(out, i > 0 ? "," : "");
        if (form == SIM_EMBED_PREDICT) {
            write_prediction(a, i, out);
            continue;
        }
        buf_addz(out, "{\"values\":");
        write_numbers(a, i, out);
        buf_addc(out, '}');
    }
    buf_addz(out, form == SIM_EMBED_ONE ? "" : "]");
    if (form != SIM_EMBED_PREDICT && a->plan->prompt >= 0)
        buf_printf(out, ",\"usageMetadata\":{\"promptTokenCount\":%" PRId64 "}",
                   a->plan->prompt);
    buf_addc(out, '}');
}

void embed_cohere_whole(struct answer *a, struct buf *out)
{
    buf_printf(out, "{\"id\":\"%016" PRIx64 "\",\"embeddings\":{\"float\":[", a->id);
    for (size_t i = 0; i < n_given(a); i++) {
        buf_addz(out, i > 0 ? "," : "");
        write_numbers(a, i, out);
    }
    buf_addz(out, "]},\"texts\":[");
    for (size_t i = 0; i < a->ask->n_inputs; i++) {
        buf_addz(out, i > 0 ? "," : "");
        json_quote(out, a->ask->inputs[i].text);
    }
    buf_addz(out, "],\"meta\":{\"api_version\":{\"version\":\"2\"}");
    if (a->plan->usage == USAGE_FULL || a->plan->usage == USAGE_BARE)
        buf_printf(out, ",\"billed_units\":{\"input_tokens\":%" PRId64 ".0}",
                   a->usage.prompt);
    buf_addz(out, "}}");
}
