/*
 * sim_gemini.c: Gemini generateContent as the vendor describes it, both ways.
 *
 * Sources: googleapis generativelanguage/v1beta protos of 2026-08-21; ai.google.dev api/
 * generate-content, gemini-api/docs/{function-calling, thinking, thought-signatures,
 * troubleshooting} of 2026-08, release notes to 2026-11-19.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"

#include "tests/sim/sim.h"

enum {
    BLOB_TOK = 258,
    MESSAGE_TOK = 3,
    STOPS_MAX = 5,
    WHOLE_MAX_TOK = 32768, /* of an answer that is not streamed */
    NAME_MAX_LEN = 128,
};

static bool bad(struct fault *f, const char *message)
{
    fault_invalid(f, "INVALID_ARGUMENT", NULL, NULL, message);
    return false;
}

/* ---- the URL ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* …/models/MODEL:METHOD, the model percent-encoded. */
static void gemini_place(struct ask *ask, const struct http1_head *h)
{
    struct buf model = BUF_INIT(LIMIT_HEAD_LEN);
    size_t from = h->path.len, to = h->path.len;
    while (from > 0 && h->path.ptr[from - 1] != '/')
        from--;
    while (to > from && h->path.ptr[to - 1] != ':')
        to--;
    struct str raw = str_sub(h->path, from, to > from ? to - 1 - from : 0);
    for (size_t i = 0; i < raw.len; i++) {
        bool is_code = raw.ptr[i] == '%' && i + 2 < raw.len && hex(raw.ptr[i + 1]) >= 0 &&
                       hex(raw.ptr[i + 2]) >= 0;
        buf_addc(&model, is_code ? (char)(hex(raw.ptr[i + 1]) * 16 + hex(raw.ptr[i + 2]))
                                 : raw.ptr[i]);
        i += is_code ? 2 : 0;
    }
    ask->model = arena_str(ask->arena, buf_str(&model));
    ask->stream = str_ends(h->path, STR(":streamGenerateContent"));
    buf_release(&model);
}

/* "gemini-3.8-flash" is 38; what has no number is taken for a current one. */
static int version_of(struct str model)
{
    int version = 0;
    if (!str_starts(model, STR("gemini-")) || model.len < 8 || model.ptr[7] < '0' ||
        model.ptr[7] > '9')
        return 38;
    version = (model.ptr[7] - '0') * 10;
    if (model.len > 9 && model.ptr[8] == '.' && model.ptr[9] >= '0' &&
        model.ptr[9] <= '9')
        version += model.ptr[9] - '0';
    return version;
}

static bool check_head(const struct http1_head *h, const struct ask *ask, struct fault *f)
{
    bool has_key = http1_header(h, "x-goog-api-key").len > 0 ||
                   str_starts(http1_header(h, "authorization"), STR("Bearer "));
    if (!has_key) {
        fault_invalid(f, "PERMISSION_DENIED", NULL, NULL,
                      "Method doesn't allow unregistered callers (callers without "
                      "established identity).");
        f->status = 403;
        return false;
    }
    if (ask->stream && !str_eqz(h->query, "alt=sse"))
        return bad(f, "llmgw-sim streams with alt=sse only");
    return true;
}

/* ---- reading ---- */

static const char *const known_fields[] = {
    "contents",      "systemInstruction", "tools",
    "toolConfig",    "generationConfig",  "safetySettings",
    "cachedContent", "serviceTier",       "store",
    "labels",        "continuationToken", NULL,
};
static const char *const known_config[] = {
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "stopSequences",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseLogprobs",
    "logprobs",
    "responseModalities",
    "thinkingConfig",
    "continuationToken",
    NULL,
};
static const char *const known_parts[] = {
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    NULL,
};

static bool is_known(const char *const *names, const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static bool check_fields(const struct ask *ask, struct json_object *o,
                         const char *const *names, const char *where, struct fault *f)
{
    struct json_object_iter it;
    if (o == NULL)
        return true;
    json_object_object_foreachC(o, it)
    {
        if (!is_known(names, it.key))
            return bad(f, arena_printf(ask->arena,
                                       "Invalid JSON payload received. Unknown name "
                                       "\"%s\"%s: Cannot find field.",
                                       it.key, where));
    }
    return true;
}

struct part_facts {
    size_t n_payloads;
    struct json_object *call, *response;
    struct str text, signature;
    bool is_blob;
};

static bool read_part(const struct ask *ask, struct json_object *part,
                      struct part_facts *ret, struct fault *f)
{
    static const char *const beside[] = {"thought", "thoughtSignature", "videoMetadata",
                                         "mediaResolution", NULL};
    struct json_object *text = jx_get(part, "text");
    struct json_object_iter it;
    *ret = (struct part_facts){.call = jx_obj(part, "functionCall"),
                               .response = jx_obj(part, "functionResponse"),
                               .text = jx_str(part, "text"),
                               .signature = jx_str(part, "thoughtSignature"),
                               .is_blob = jx_obj(part, "inlineData") != NULL ||
                                          jx_obj(part, "fileData") != NULL};
    if (part == NULL || !json_object_is_type(part, json_type_object))
        return bad(f, "Invalid value at 'contents.parts': must be an object");
    json_object_object_foreachC(part, it)
    {
        if (is_known(known_parts, it.key))
            ret->n_payloads++;
        else if (!is_known(beside, it.key))
            return bad(f, arena_printf(ask->arena,
                                       "Unknown name \"%s\" at "
                                       "'contents.parts': Cannot find field.",
                                       it.key));
    }
    if (ret->n_payloads != 1)
        return bad(f,
                   "Invalid value at 'contents.parts': required oneof field 'data' must "
                   "have one initialized field");
    if (text != NULL && ret->text.len == 0)
        return bad(f, "Unable to submit request because it must have a text parameter.");
    if (jx_obj(part, "inlineData") != NULL &&
        jx_str(jx_obj(part, "inlineData"), "mimeType").len == 0)
        return bad(f, "Unsupported MIME type: ");
    return true;
}

static struct json_object *part_at(struct json_object *content, size_t i)
{
    struct json_object *parts = jx_arr(content, "parts");
    bool there = parts != NULL && i < json_object_array_length(parts);
    return there ? json_object_array_get_idx(parts, i) : NULL;
}

/* Each call of the model's turn is answered in the next one: as many, by name and id. */
static bool check_responses(struct json_object *calls, struct json_object *content,
                            struct fault *f)
{
    struct json_object *part, *call, *response;
    size_t n_calls = 0, n_responses = 0;
    for (size_t i = 0; (part = part_at(calls, i)) != NULL; i++)
        n_calls += jx_obj(part, "functionCall") != NULL;
    for (size_t i = 0; (part = part_at(content, i)) != NULL; i++) {
        bool found = (response = jx_obj(part, "functionResponse")) == NULL;
        n_responses += response != NULL;
        if (response != NULL && jx_obj(response, "response") == NULL)
            return bad(f, "Invalid value at 'function_response.response'");
        for (size_t k = 0; !found && (part = part_at(calls, k)) != NULL; k++)
            found = (call = jx_obj(part, "functionCall")) != NULL &&
                    str_eq(jx_str(call, "name"), jx_str(response, "name")) &&
                    str_eq(jx_str(call, "id"), jx_str(response, "id"));
        if (!found)
            return bad(f, "Please ensure that function response turn comes immediately "
                          "after a function call turn.");
    }
    return n_calls == n_responses ||
           bad(f, "Please ensure that the number of function response parts is equal to "
                  "the number of function call parts of the function call turn.");
}

static bool has_user_text(struct json_object *content)
{
    struct json_object *part;
    for (size_t i = 0; (part = part_at(content, i)) != NULL; i++)
        if (jx_obj(part, "functionResponse") == NULL)
            return true;
    return false;
}

/* From Gemini 3 on the first call of each step of the current turn is signed. */
static bool check_signature(struct json_object *content, struct fault *f)
{
    struct json_object *part;
    for (size_t i = 0; (part = part_at(content, i)) != NULL; i++) {
        struct str signature = jx_str(part, "thoughtSignature");
        if (jx_obj(part, "functionCall") == NULL)
            continue;
        if (signature.len == 0)
            return bad(f, "Function call is missing a thought_signature in functionCall "
                          "parts.");
        return str_starts(signature, STR("U2lt")) ||
               str_eqz(signature, "skip_thought_signature_validator") ||
               bad(f, "Corrupted thought signature.");
    }
    return true;
}

static bool read_content(struct ask *ask, struct json_object *content, struct buf *text,
                         struct fault *f)
{
    struct json_object *part;
    struct part_facts facts;
    for (size_t i = 0; (part = part_at(content, i)) != NULL; i++) {
        if (!read_part(ask, part, &facts, f))
            return false;
        buf_adds(text, facts.text);
        ask->prompt_tok += facts.is_blob ? BLOB_TOK : 0;
    }
    return part_at(content, 0) != NULL ||
           bad(f, "GenerateContentRequest.contents: contents.parts must not be empty.");
}

/* A trailing model turn: older models go on from it. */
static bool read_last(struct ask *ask, const struct plan *p, struct str text,
                      struct fault *f)
{
    int version = version_of(ask->model);
    bool is_lite = str_contains(ask->model, STR("lite"));
    if (p->no_prefill || version > 35 || (version == 35 && is_lite))
        return bad(f, "Requests ending with a model turn are not supported.");
    ask->prefill = text;
    return true;
}

static bool check_turn(struct json_object *contents, size_t i, bool is_current,
                       const struct ask *ask, struct fault *f)
{
    struct json_object *content = json_object_array_get_idx(contents, i);
    struct json_object *prev = i > 0 ? json_object_array_get_idx(contents, i - 1) : NULL;
    struct str role = jx_str(content, "role");
    bool is_model = str_eqz(role, "model");
    if (!is_model && !str_eqz(role, "user"))
        return bad(f, "Please use a valid role: user, model.");
    if ((i == 0 && is_model) || str_eq(role, jx_str(prev, "role")))
        return bad(f, "Please ensure that multiturn requests alternate between user and "
                      "model.");
    if (is_model && is_current && version_of(ask->model) >= 30 &&
        !check_signature(content, f))
        return false;
    return is_model || check_responses(prev, content, f);
}

static bool read_contents(struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object *contents = jx_arr(ask->body, "contents");
    size_t n = contents ? json_object_array_length(contents) : 0, current = 0;
    if (n == 0)
        return bad(f, "GenerateContentRequest.contents: contents is not specified");
    for (size_t i = 0; i < n; i++) {
        struct json_object *c = json_object_array_get_idx(contents, i);
        if (str_eqz(jx_str(c, "role"), "user") && has_user_text(c))
            current = i;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *content = json_object_array_get_idx(contents, i);
        bool is_model = str_eqz(jx_str(content, "role"), "model");
        AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
        if (!check_turn(contents, i, i > current, ask, f) ||
            !read_content(ask, content, &text, f))
            return false;
        ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
        struct str kept = arena_str(ask->arena, buf_str(&text));
        if (!is_model)
            ask->prompt = kept;
        else if (i + 1 == n && !read_last(ask, p, kept, f))
            return false;
    }
    return true;
}

static bool read_system(struct ask *ask, struct fault *f)
{
    struct json_object *system = jx_obj(ask->body, "systemInstruction");
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (system == NULL)
        return true;
    if (!read_content(ask, system, &text, f))
        return false;
    ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
    return true;
}

static bool is_function_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool begins = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool follows = (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
        if (!begins && (i == 0 || !follows))
            return false;
    }
    return s.len > 0 && s.len <= NAME_MAX_LEN;
}

static bool is_allowed(struct json_object *allowed, struct str name)
{
    size_t n = allowed ? json_object_array_length(allowed) : 0;
    for (size_t i = 0; i < n; i++)
        if (str_eq(jx_text(json_object_array_get_idx(allowed, i)), name))
            return true;
    return n == 0;
}

static bool read_declarations(struct ask *ask, struct json_object *list,
                              struct json_object *allowed, struct fault *f)
{
    size_t n = list ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        struct json_object *schema = jx_obj(one, "parametersJsonSchema");
        struct str name = jx_str(one, "name");
        if (!is_function_name(name))
            return bad(f, "Invalid function name. Must start with a letter or an "
                          "underscore.");
        if (ask->n_tools < SIM_TOOLS && is_allowed(allowed, name))
            ask->tools[ask->n_tools++] = (struct sim_tool){
                name, schema != NULL ? schema : jx_obj(one, "parameters")};
    }
    return true;
}

static bool read_tools(struct ask *ask, struct fault *f)
{
    struct json_object *tools = jx_arr(ask->body, "tools");
    struct json_object *config =
        jx_obj(jx_obj(ask->body, "toolConfig"), "functionCallingConfig");
    struct json_object *allowed = jx_arr(config, "allowedFunctionNames");
    struct str mode = jx_str(config, "mode");
    size_t n = tools ? json_object_array_length(tools) : 0;
    ask->tool_none = str_eqz(mode, "NONE");
    ask->tool_forced = str_eqz(mode, "ANY");
    if (allowed != NULL && !ask->tool_forced && !str_eqz(mode, "VALIDATED"))
        return bad(f,
                   "Function calling config: allowed_function_names should only be set "
                   "when mode is ANY or VALIDATED.");
    for (size_t i = 0; i < n; i++) {
        struct json_object *tool = json_object_array_get_idx(tools, i);
        if (!read_declarations(ask, jx_arr(tool, "functionDeclarations"), allowed, f))
            return false;
    }
    bool has_json = ask->json && version_of(ask->model) < 30;
    return ask->n_tools == 0 || ask->tool_none || !has_json ||
           bad(f, "Function calling with a response mime type: 'application/json' is "
                  "unsupported");
}

static bool check_sampling(const struct ask *ask, struct json_object *config,
                           struct fault *f)
{
    struct json_object *stops = jx_arr(config, "stopSequences");
    bool is_4 = version_of(ask->model) >= 40;
    bool has_penalty = json_object_object_get_ex(config, "presencePenalty", NULL) ||
                       json_object_object_get_ex(config, "frequencyPenalty", NULL);
    int64_t seed = 0;
    if (stops != NULL && json_object_array_length(stops) > STOPS_MAX)
        return bad(f, "The number of stop sequences must be at most 5.");
    if (json_object_object_get_ex(config, "seed", NULL) &&
        !jx_i64(config, "seed", INT32_MIN, INT32_MAX, &seed))
        return bad(f, "Invalid value at 'generation_config.seed' (TYPE_INT32)");
    return !is_4 || !has_penalty || bad(f, "Penalty is not enabled for this model");
}

static bool read_choices(struct ask *ask, struct json_object *config, struct fault *f)
{
    bool is_4 = version_of(ask->model) >= 40;
    ask->n_choices = 1;
    if (json_object_object_get_ex(config, "candidateCount", NULL) &&
        !jx_i64(config, "candidateCount", 1, SIM_CHOICES, &ask->n_choices))
        return bad(f, "Unable to submit request because candidateCount must be between 1 "
                      "and 8.");
    return ask->n_choices == 1 || !is_4 ||
           bad(f, "Multiple candidates is not enabled for this model");
}

static bool read_thinking(struct ask *ask, struct json_object *config, struct fault *f)
{
    struct json_object *thinking = jx_obj(config, "thinkingConfig");
    struct str level = jx_str(thinking, "thinkingLevel");
    int64_t budget = -1;
    bool has_budget = jx_i64(thinking, "thinkingBudget", -1, INT32_MAX, &budget);
    bool is_4 = version_of(ask->model) >= 40;
    if (has_budget && level.len > 0)
        return bad(f, "You can only set only one of thinking budget and thinking level.");
    if (is_4 && (has_budget || str_eqz(level, "MINIMAL")))
        return bad(f, "Thinking level is not supported for this model.");
    if (level.len > 0 && version_of(ask->model) < 30)
        return bad(f, "Thinking level is not supported for this model.");
    ask->want_reasoning = !has_budget || budget != 0;
    ask->hide_reasoning = !jx_bool(thinking, "includeThoughts", false);
    return true;
}

static bool read_config(struct ask *ask, struct fault *f)
{
    struct json_object *config = jx_obj(ask->body, "generationConfig");
    ask->json = str_eqz(jx_str(config, "responseMimeType"), "application/json");
    ask->schema = jx_obj(config, "responseJsonSchema");
    ask->hide_reasoning = ask->want_reasoning = true;
    if (config == NULL)
        return true;
    if (ask->schema != NULL && !ask->json)
        return bad(f, "response_schema only applies with response_mime_type "
                      "'application/json'");
    if (json_object_object_get_ex(config, "maxOutputTokens", NULL) &&
        !jx_i64(config, "maxOutputTokens", 1, INT32_MAX, &ask->max_tok))
        return bad(f, "max_output_tokens must be positive.");
    if (!ask->stream && ask->max_tok > WHOLE_MAX_TOK)
        return bad(f, "max_output_tokens above 32768 needs streaming.");
    return check_sampling(ask, config, f) && read_choices(ask, config, f) &&
           logprobs_gemini_read(ask, config, f) && read_thinking(ask, config, f);
}

/*
 * A request to be counted names its model again, and holds all that an answer would need; without
 * it only contents are counted, but at Vertex.
 */
static bool read_counted(struct ask *ask, const struct http1_head *h, struct fault *f)
{
    static const char *const outer[] = {"contents", "generateContentRequest", NULL};
    static const char *const vertex[] = {
        "contents", "systemInstruction", "tools", "generationConfig", "model", NULL};
    struct json_object *inner = jx_obj(ask->body, "generateContentRequest");
    bool is_vertex = str_contains(h->path, STR("/publishers/google/"));
    if (!check_fields(ask, ask->body, is_vertex ? vertex : outer, "", f))
        return false;
    if (inner == NULL)
        return true;
    if (!str_starts(jx_str(inner, "model"), STR("models/")))
        return bad(f, "* GenerateContentRequest.model: unexpected model name format");
    json_object_object_del(inner, "model");
    ask->body = inner;
    return true;
}

/*
 * Which piece of a long answer is asked for. Where the token stands is documented for the SDKs
 * only: here in the configuration, or beside it if the scenario says so.
 */
static bool read_hop(struct ask *ask, const struct plan *p, struct fault *f)
{
    static const char name[] = "continuationToken";
    struct json_object *config = jx_obj(ask->body, "generationConfig");
    struct str token = jx_str(p->hops_on_top ? ask->body : config, name);
    struct json_object *wrong = p->hops_on_top ? config : ask->body;
    int64_t hop = 0;
    if (wrong != NULL && json_object_object_get_ex(wrong, name, NULL))
        return bad(f, "Invalid JSON payload received. Unknown name "
                      "\"continuationToken\": Cannot find field.");
    while (token.len > 0 && hop < p->hops && (token.len < 5 || token.ptr[4] != '0' + hop))
        hop++;
    if (hop == p->hops && token.len > 0)
        return bad(f, "The continuation token is not valid.");
    ask->hop = hop;
    return true;
}

/* Short and plain, and only where labels are. */
static bool check_labels(const struct ask *ask, const struct http1_head *h,
                         struct fault *f)
{
    struct json_object *labels = jx_obj(ask->body, "labels");
    struct json_object_iter it;
    if (labels == NULL)
        return true;
    if (!str_contains(h->path, STR("/publishers/google/")))
        return bad(f,
                   "Invalid JSON payload received. Unknown name \"labels\": Cannot find "
                   "field.");
    json_object_object_foreachC(labels, it)
    {
        struct str v = jx_text(it.val);
        for (size_t i = 0; i < v.len; i++)
            if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", v.ptr[i]) == NULL)
                return bad(f, "labels: values are lowercase letters, digits, _ and -");
    }
    return true;
}

static bool gemini_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                        struct fault *f)
{
    ask->n_choices = 1;
    if (!check_head(h, ask, f) || (ask->count_only && !read_counted(ask, h, f)))
        return false;
    if (!p->lax && (!check_fields(ask, ask->body, known_fields, "", f) ||
                    !check_fields(ask, jx_obj(ask->body, "generationConfig"),
                                  known_config, " at 'generation_config'", f)))
        return false;
    return check_labels(ask, h, f) && read_hop(ask, p, f) && read_config(ask, f) &&
           read_system(ask, f) && read_contents(ask, p, f) && read_tools(ask, f);
}

/* ---- writing ---- */

/* Calls have no reason of their own. */
static const char *finish_word(const struct answer *a)
{
    static const char *const rows[][2] = {{"stop", "STOP"},
                                          {"length", "MAX_TOKENS"},
                                          {"tools", "STOP"},
                                          {"filter", "SAFETY"},
                                          {"pause", "CONTINUATION"}};
    return answer_finish_word(a, rows, ARRAY_LEN(rows));
}

/* Cached tokens are inside the prompt, thoughts outside the candidates. */
static void write_usage(const struct answer *a, bool is_final, struct buf *out)
{
    const struct sim_usage *u = &a->usage;
    if (a->plan->usage == USAGE_NONE || a->plan->usage == USAGE_NULL)
        return;
    buf_printf(out, ",\"usageMetadata\":{\"promptTokenCount\":%" PRId64, u->prompt);
    if (a->plan->usage == USAGE_FULL && u->cached > 0)
        buf_printf(out, ",\"cachedContentTokenCount\":%" PRId64, u->cached);
    if (is_final && u->output > u->reasoning)
        buf_printf(out, ",\"candidatesTokenCount\":%" PRId64, u->output - u->reasoning);
    if (is_final && u->reasoning > 0)
        buf_printf(out, ",\"thoughtsTokenCount\":%" PRId64, u->reasoning);
    buf_printf(out, ",\"totalTokenCount\":%" PRId64,
               u->prompt + (is_final ? u->output : 0) + answer_odd(a));
    if (a->plan->usage == USAGE_FULL)
        buf_printf(
            out,
            ",\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":%" PRId64
            "}],\"serviceTier\":\"standard\"",
            u->prompt);
    buf_addc(out, '}');
}

static void write_tail(const struct answer *a, struct buf *out)
{
    buf_addz(out, ",\"modelVersion\":");
    json_quote(out, str_of(a->model));
    buf_printf(out, ",\"responseId\":\"rsp%016" PRIx64 "\"}", a->id);
}

#define TEXT_SIGNATURE "RU5E"

/* `is_whole`: of a body; `choice`: of which candidate; `is_last`: no more of it comes. */
static void write_part(const struct part *part, struct str text, bool is_whole,
                       bool is_last, int64_t choice, struct buf *out)
{
    switch (part->kind) {
    case PART_REASONING:
    case PART_TEXT:
        buf_addz(out, "{\"text\":");
        answer_quote(out, text, is_last && part->kind == PART_TEXT, choice);
        if (part->kind == PART_REASONING)
            buf_addz(out, ",\"thought\":true");
        else if (is_whole) /* in a stream it comes with the finish */
            buf_addz(out, ",\"thoughtSignature\":\"" TEXT_SIGNATURE "\"");
        buf_addc(out, '}');
        break;
    case PART_TOOL:
        buf_printf(out, "{\"functionCall\":{\"id\":\"fc-%012" PRIx64 "\",\"name\":",
                   (part->id + (uint64_t)choice) & 0xffffffffffff);
        json_quote(out, part->name);
        buf_addz(out, ",\"args\":");
        buf_adds(out, part->text);
        buf_addc(out, '}');
        if (part->index == 0) /* only the first of parallel calls is signed */
            buf_printf(out, ",\"thoughtSignature\":\"U2lt%016" PRIx64 "\"", part->id);
        buf_addc(out, '}');
        break;
    }
}

static const char content[] = "{\"content\":{\"role\":\"model\",\"parts\":[";

static void begin_candidate(int64_t choice, struct buf *out)
{
    buf_printf(out, "%s%s", choice == 0 ? "{\"candidates\":[" : ",", content);
}

/* proto3: what is 0 may stand there or be left out. */
static void end_candidate(const struct answer *a, int64_t choice, struct buf *out)
{
    buf_printf(out, ",\"index\":%" PRId64 "}", choice);
    buf_addz(out, choice + 1 == a->ask->n_choices ? "]" : "");
}

/* A call comes whole, with its first piece. Without their summary, thoughts are silent. */
static void write_piece(const struct answer *a, const struct event *ev, struct buf *out)
{
    bool is_silent = (ev->part->kind == PART_TOOL && !ev->first) ||
                     (ev->part->kind == PART_REASONING && a->ask->hide_reasoning);
    if (is_silent)
        return;
    buf_addz(out, "data: ");
    for (int64_t i = 0; i < a->ask->n_choices; i++) {
        begin_candidate(i, out);
        write_part(ev->part, ev->text, false, ev->last, i, out);
        buf_addz(out, "]}");
        if (ev->part->kind == PART_TEXT)
            logprobs_gemini(a, ev->text, out);
        end_candidate(a, i, out);
    }
    write_usage(a, false, out);
    write_tail(a, out);
    buf_addz(out, "\r\n\r\n");
}

/* Usage comes with the finish, unless it is to be late or the finish never comes. */
static bool is_usage_apart(const struct answer *a)
{
    return a->plan->usage_after_us > 0 || a->plan->no_finish;
}

/* Where there is more, the way to it. */
static void write_token(const struct answer *a, struct buf *out)
{
    if (a->plan->hops > 1 && strcmp(finish_word(a), "CONTINUATION") == 0)
        buf_printf(out, ",\"continuationToken\":\"hop+%" PRId64 "/==\"", a->ask->hop + 1);
}

static void write_finish(const struct answer *a, struct buf *out)
{
    buf_addz(out, "data: ");
    for (int64_t i = 0; i < a->ask->n_choices; i++) {
        begin_candidate(i, out);
        buf_addz(out, "{\"text\":\"\",\"thoughtSignature\":\"" TEXT_SIGNATURE
                      "\"}]},\"finishReason\":");
        json_quote(out, str_of(finish_word(a)));
        write_token(a, out);
        end_candidate(a, i, out);
    }
    if (!is_usage_apart(a))
        write_usage(a, true, out);
    write_tail(a, out);
    buf_addz(out, "\r\n\r\n");
}

static void write_late_usage(const struct answer *a, struct buf *out)
{
    if (!is_usage_apart(a))
        return;
    buf_addz(out, "data: {\"candidates\":[]");
    write_usage(a, true, out);
    write_tail(a, out);
    buf_addz(out, "\r\n\r\n");
}

static void gemini_event(struct answer *a, const struct event *ev, struct buf *out)
{
    switch (ev->kind) {
    case EV_START:
    case EV_COMMENT:
        return; /* no event without content, and no sign of life */
    case EV_PIECE:
        write_piece(a, ev, out);
        return;
    case EV_FINISH:
        write_finish(a, out);
        return;
    case EV_USAGE:
        write_late_usage(a, out);
        return;
    case EV_END:
        return; /* the end is the end of the body */
    }
}

static void write_candidate(const struct answer *a, int64_t choice, struct buf *out)
{
    struct str said = STR_NONE;
    size_t n = 0;
    begin_candidate(choice, out);
    for (size_t i = 0; i < a->n_parts; i++) {
        const struct part *part = &a->parts[i];
        if (part->kind == PART_REASONING && a->ask->hide_reasoning)
            continue;
        said = part->kind == PART_TEXT ? part->text : said;
        buf_addz(out, n++ > 0 ? "," : "");
        write_part(part, part->text, true, true, choice, out);
    }
    buf_addz(out, "]}");
    if (!a->plan->no_finish) {
        buf_addz(out, ",\"finishReason\":");
        json_quote(out, str_of(finish_word(a)));
    }
    logprobs_gemini(a, said, out);
    buf_addz(out, ",\"safetyRatings\":[]");
    end_candidate(a, choice, out);
}

static void gemini_whole(struct answer *a, struct buf *out)
{
    for (int64_t i = 0; i < a->ask->n_choices; i++)
        write_candidate(a, i, out);
    write_usage(a, true, out);
    write_tail(a, out);
}

/* google.rpc.Code's name for an HTTP status. */
static const char *status_word(int status)
{
    static const struct {
        int status;
        const char *word;
    } rows[] = {
        {401, "UNAUTHENTICATED"}, {403, "PERMISSION_DENIED"},  {404, "NOT_FOUND"},
        {409, "ABORTED"},         {429, "RESOURCE_EXHAUSTED"}, {499, "CANCELLED"},
        {500, "INTERNAL"},        {503, "UNAVAILABLE"},        {504, "DEADLINE_EXCEEDED"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].status == status)
            return rows[i].word;
    return status < 500 ? "INVALID_ARGUMENT" : "UNKNOWN";
}

/* A blocked prompt is no error here: status 200, no candidate, and the reason. */
static void write_blocked(const struct fault *f, uint64_t id, struct buf *out)
{
    buf_printf(
        out,
        "{\"promptFeedback\":{\"blockReason\":\"%s\"},\"usageMetadata\":"
        "{\"promptTokenCount\":4,\"totalTokenCount\":4},\"responseId\":\"rsp%016" PRIx64
        "\"}",
        f->type, id);
}

static void gemini_error(const struct fault *f, uint64_t id, struct buf *out)
{
    bool is_word = f->type != NULL && f->type[0] >= 'A' && f->type[0] <= 'Z';
    if (f->status == 200) {
        write_blocked(f, id, out);
        return;
    }
    buf_printf(out, "{\n  \"error\": {\n    \"code\": %d,\n    \"message\": ", f->status);
    json_quote(out, str_of(f->message));
    buf_printf(out, ",\n    \"status\": \"%s\"",
               is_word ? f->type : status_word(f->status));
    if (f->details != NULL)
        buf_printf(out, ",\n    \"details\": [%s]", f->details);
    buf_addz(out, "\n  }\n}\n");
}

/* Inside a stream the error is bare: in no event, and in several lines. */
static void gemini_in_band(const struct fault *f, uint64_t id, struct buf *out)
{
    buf_addz(out, f->status == 200 ? "data: " : "");
    gemini_error(f, id, out);
    buf_addz(out, f->status == 200 ? "\r\n\r\n" : "");
}

static void gemini_headers(const struct plan *p, uint64_t id, int64_t wall_us,
                           struct buf *out)
{
    (void)p; /* it announces no limits */
    (void)id;
    (void)wall_us;
    http1_write_header(out, "server", STR("scaffolding on HTTPServer2"));
    http1_write_header(out, "server-timing", STR("gfet4t7; dur=7"));
}

static void gemini_models(struct buf *out)
{
    buf_addz(out,
             "{\"models\":[{\"name\":\"models/gemini-sim\",\"displayName\":\"Sim\","
             "\"inputTokenLimit\":1048576,\"outputTokenLimit\":65536,"
             "\"supportedGenerationMethods\":[\"generateContent\"],\"thinking\":true}]}");
}

static void gemini_count(int64_t n, struct buf *out)
{
    buf_printf(out,
               "{\"totalTokens\":%" PRId64
               ",\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":%" PRId64
               "}]}",
               n, n);
}

const struct sim_dialect sim_gemini = {
    .name = "gemini",
    .shape = SIM_GEMINI,
    .place = gemini_place,
    .read = gemini_read,
    .event = gemini_event,
    .whole = gemini_whole,
    .embed_read = embed_gemini_read,
    .embed_whole = embed_gemini_whole,
    .error = gemini_error,
    .in_band = gemini_in_band,
    .garbled = "data: {\"candidates\":[{\"content\":{\"par\r\n\r\n",
    .headers = gemini_headers,
    .models = gemini_models,
    .count = gemini_count,
};
