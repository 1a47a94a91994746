/*
 * sim_openai.c: OpenAI Chat Completions as the vendor describes it, both ways.
 *
 * Sources: openai-openapi file of 2026-08-21 (CreateChatCompletionRequest, ChatCompletion*,
 * CompletionUsage), the guides on streaming, errors and rate limits (2026-10).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"

#include "tests/sim/sim.h"

enum {
    IMAGE_TOK = 85,  /* low detail */
    MESSAGE_TOK = 3, /* around every message */
};

/* ---- reading ---- */

/* Unknown top-level fields are refused. */
static const char *const known_fields[] = {
    "messages",
    "model",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "n",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "seed",
    "stream",
    "stream_options",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "reasoning_effort",
    "verbosity",
    "modalities",
    "audio",
    "prediction",
    "web_search_options",
    "service_tier",
    "store",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "moderation",
};

/* What reasoning models refuse. */
static const char *const sampling_fields[] = {"max_tokens", "temperature", "top_p",
                                              "frequency_penalty", "presence_penalty"};

static bool bad(struct fault *f, const char *code, const char *param, const char *message)
{
    fault_invalid(f, "invalid_request_error", code, param, message);
    return false;
}

static bool check_fields(struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object_iter it;
    json_object_object_foreachC(ask->body, it)
    {
        const char *key = it.key;
        size_t i = 0;
        while (i < ARRAY_LEN(known_fields) && strcmp(known_fields[i], key) != 0)
            i++;
        if (i == ARRAY_LEN(known_fields) && !p->lax)
            return bad(f, "unknown_parameter", arena_strz(ask->arena, str_of(key)),
                       arena_printf(ask->arena, "Unknown parameter: '%s'.", key));
    }
    for (size_t i = 0; p->reasoner && i < ARRAY_LEN(sampling_fields); i++) {
        const char *name = sampling_fields[i];
        if (json_object_object_get_ex(ask->body, name, NULL))
            return bad(
                f, "unsupported_parameter", name,
                arena_printf(ask->arena,
                             "Unsupported parameter: '%s' is not supported with this "
                             "model.",
                             name));
    }
    return true;
}

/* One part of a message's content; its text is appended. */
static bool read_part(struct ask *ask, struct json_object *part, struct buf *text,
                      struct fault *f)
{
    struct str type = jx_str(part, "type");
    if (str_eqz(type, "text") || str_eqz(type, "refusal")) {
        struct str s = jx_str(part, str_eqz(type, "text") ? "text" : "refusal");
        if (s.ptr == NULL)
            return bad(f, "missing_required_parameter", "messages",
                       "A text part has no text.");
        buf_adds(text, s);
        return true;
    }
    if (str_eqz(type, "image_url")) {
        struct str url = jx_str(jx_obj(part, "image_url"), "url");
        if (!str_starts(url, STR("https://")) && !str_starts(url, STR("data:image/")))
            return bad(f, "invalid_value", "messages", "Invalid image URL.");
        ask->prompt_tok += IMAGE_TOK;
        return true;
    }
    if (str_eqz(type, "input_audio") || str_eqz(type, "file"))
        return true;
    return bad(f, "invalid_value", "messages", "Invalid content part type.");
}

static bool read_content(struct ask *ask, struct json_object *message, struct buf *text,
                         struct fault *f)
{
    struct json_object *parts = jx_arr(message, "content");
    struct str plain = jx_str(message, "content");
    if (parts == NULL) {
        bool may_lack =
            str_eqz(jx_str(message, "role"), "assistant") &&
            (jx_arr(message, "tool_calls") || jx_obj(message, "function_call"));
        buf_adds(text, plain);
        return plain.ptr != NULL || may_lack ||
               bad(f, "missing_required_parameter", "messages",
                   "A message has no content.");
    }
    for (size_t i = 0; i < json_object_array_length(parts); i++)
        if (!read_part(ask, json_object_array_get_idx(parts, i), text, f))
            return false;
    return true;
}

/* Was `id` called by the assistant message before the run of tool messages at `at`? */
static bool call_exists(struct json_object *messages, size_t at, struct str id)
{
    while (at-- > 0) {
        struct json_object *m = json_object_array_get_idx(messages, at);
        struct json_object *calls = jx_arr(m, "tool_calls");
        if (str_eqz(jx_str(m, "role"), "tool"))
            continue;
        for (size_t i = 0; calls != NULL && i < json_object_array_length(calls); i++)
            if (str_eq(jx_str(json_object_array_get_idx(calls, i), "id"), id))
                return true;
        return false;
    }
    return false;
}

#define DETAIL "{\"type\":\"reasoning.text\",\"format\":\"sim-v1\",\"index\":0,"
#define SIGNED "\"signature\":\"sim-signature\"}"

/* A turn with calls brings the thought that led to them, in one piece, signed. */
static bool read_details(struct json_object *m, struct fault *f)
{
    struct json_object *details = jx_arr(m, "reasoning_details");
    struct json_object *detail =
        details != NULL ? json_object_array_get_idx(details, 0) : NULL;
    bool is_there =
        jx_arr(m, "tool_calls") == NULL ||
        (detail != NULL && json_object_array_length(details) == 1 &&
         jx_str(detail, "text").len > 0 && str_eqz(jx_str(detail, "format"), "sim-v1") &&
         str_eqz(jx_str(detail, "signature"), "sim-signature"));
    return is_there || bad(f, "invalid_value", "messages",
                           "reasoning_details must be sent back unchanged.");
}

static bool read_message(struct ask *ask, const struct plan *p,
                         struct json_object *messages, size_t at, struct fault *f)
{
    static const char *const roles[] = {"developer", "system", "user",
                                        "assistant", "tool",   "function"};
    struct json_object *m = json_object_array_get_idx(messages, at);
    struct str role = jx_str(m, "role");
    size_t i = 0;
    while (i < ARRAY_LEN(roles) && !str_eqz(role, roles[i]))
        i++;
    if (i == ARRAY_LEN(roles))
        return bad(f, "invalid_value", "messages", "Invalid role of a message.");
    if (str_eqz(role, "tool") && !call_exists(messages, at, jx_str(m, "tool_call_id")))
        return bad(f, NULL, "messages",
                   "Invalid parameter: messages with role 'tool' must be a response to a "
                   "preceeding message with 'tool_calls'.");
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (!read_content(ask, m, &text, f) || (p->details && !read_details(m, f)))
        return false;
    ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
    if (str_eqz(role, "user"))
        ask->prompt = arena_str(ask->arena, buf_str(&text));
    /* the "prefix" flag of Mistral and DeepSeek; OpenAI itself starts a fresh turn */
    if (str_eqz(role, "assistant") && jx_bool(m, "prefix", false))
        ask->prefill = arena_str(ask->arena, buf_str(&text));
    return true;
}

static bool read_messages(struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object *messages = jx_arr(ask->body, "messages");
    size_t n = messages ? json_object_array_length(messages) : 0;
    if (n == 0)
        return bad(f, "missing_required_parameter", "messages",
                   "Missing required parameter: 'messages'.");
    for (size_t i = 0; i < n; i++)
        if (!read_message(ask, p, messages, i, f))
            return false;
    return true;
}

/* May the function be called: the one that is named, one of those that are, or any? */
static bool is_callable(struct json_object *choice, struct str name)
{
    struct str only = jx_str(jx_obj(choice, "function"), "name");
    struct json_object *some = jx_arr(jx_obj(choice, "allowed_tools"), "tools");
    for (size_t i = 0; some != NULL && i < json_object_array_length(some); i++) {
        struct json_object *fn = jx_obj(json_object_array_get_idx(some, i), "function");
        if (str_eq(jx_str(fn, "name"), name))
            return true;
    }
    return some == NULL && (only.len == 0 || str_eq(only, name));
}

static bool read_tools(struct ask *ask, struct fault *f)
{
    struct json_object *tools = jx_arr(ask->body, "tools");
    struct json_object *choice = jx_obj(ask->body, "tool_choice");
    struct str word = jx_str(ask->body, "tool_choice");
    size_t n = tools ? json_object_array_length(tools) : 0;
    if (n == 0 && (choice != NULL || word.ptr != NULL ||
                   json_object_object_get_ex(ask->body, "parallel_tool_calls", NULL)))
        return bad(f, "invalid_value", "tool_choice",
                   "'tool_choice' is only allowed when 'tools' are specified.");
    struct str mode = jx_str(jx_obj(choice, "allowed_tools"), "mode");
    for (size_t i = 0; i < n; i++) {
        struct json_object *fn = jx_obj(json_object_array_get_idx(tools, i), "function");
        struct str name = jx_str(fn, "name");
        if (fn != NULL && (name.len == 0 || name.len > 64))
            return bad(f, "invalid_value", "tools", "Invalid name of a function.");
        if (fn != NULL && ask->n_tools < SIM_TOOLS && is_callable(choice, name))
            ask->tools[ask->n_tools++] =
                (struct sim_tool){name, jx_obj(fn, "parameters")};
    }
    ask->tool_none = str_eqz(word, "none");
    ask->tool_forced = str_eqz(word, "required") || str_eqz(mode, "required") ||
                       jx_obj(choice, "function") != NULL;
    ask->one_tool = !jx_bool(ask->body, "parallel_tool_calls", true);
    return true;
}

static void read_format(struct ask *ask)
{
    struct json_object *format = jx_obj(ask->body, "response_format");
    struct str type = jx_str(format, "type");
    ask->json = str_eqz(type, "json_object") || str_eqz(type, "json_schema");
    ask->schema = jx_obj(jx_obj(format, "json_schema"), "schema");
}

static bool openai_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                        struct fault *f)
{
    struct json_object *options = jx_obj(ask->body, "stream_options");
    bool has_key = str_starts(http1_header(h, "authorization"), STR("Bearer ")) ||
                   http1_header(h, "api-key").len > 0; /* Azure */
    if (!has_key && !p->lax) {
        bad(f, "invalid_api_key", NULL, "You didn't provide an API key.");
        f->status = 401;
        return false;
    }
    if (ask->model.len == 0)
        return bad(f, NULL, NULL, "you must provide a model parameter");
    if (options != NULL && !ask->stream)
        return bad(
            f, NULL, "stream_options",
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
    ask->want_usage = jx_bool(options, "include_usage", false);
    ask->want_reasoning = true;
    ask->n_choices = 1;
    jx_i64(ask->body, "n", 1, SIM_CHOICES, &ask->n_choices);
    ask->logprobs = jx_bool(ask->body, "logprobs", false);
    if (jx_i64(ask->body, "top_logprobs", 0, 20, &ask->top_logprobs) && !ask->logprobs)
        return bad(f, NULL, "top_logprobs",
                   "'top_logprobs' is only allowed when 'logprobs' is true.");
    if (!jx_i64(ask->body, "max_completion_tokens", 1, INT32_MAX, &ask->max_tok))
        jx_i64(ask->body, "max_tokens", 1, INT32_MAX, &ask->max_tok);
    read_format(ask);
    return check_fields(ask, p, f) && read_messages(ask, p, f) && read_tools(ask, f);
}

/* ---- writing ---- */

static const char *finish_word(const struct answer *a)
{
    static const char *const rows[][2] = {{"tools", "tool_calls"},
                                          {"filter", "content_filter"}};
    return answer_finish_word(a, rows, ARRAY_LEN(rows));
}

static void write_usage(const struct answer *a, struct buf *out)
{
    const struct sim_usage *u = &a->usage;
    if (a->plan->usage == USAGE_NULL) {
        buf_addz(out, "null");
        return;
    }
    buf_printf(out,
               "{\"prompt_tokens\":%" PRId64 ",\"completion_tokens\":%" PRId64
               ",\"total_tokens\":%" PRId64,
               u->prompt, u->output, u->prompt + u->output + answer_odd(a));
    if (a->plan->usage == USAGE_FULL) {
        buf_printf(out, ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRId64,
                   u->cached);
        if (u->written_5m > 0)
            buf_printf(out, ",\"cache_write_tokens\":%" PRId64, u->written_5m);
        buf_printf(
            out,
            ",\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":"
            "%" PRId64 ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
            "\"rejected_prediction_tokens\":0}",
            u->reasoning);
    }
    buf_addc(out, '}');
}

static void write_head(const struct answer *a, const char *object, struct buf *out)
{
    buf_printf(out,
               "{\"id\":\"chatcmpl-%016" PRIx64
               "\",\"object\":\"%s\",\"created\":%" PRId64 ",\"model\":",
               a->id, object, a->created_s);
    json_quote(out, str_of(a->model));
    buf_addz(out,
             ",\"service_tier\":\"default\",\"system_fingerprint\":null,\"choices\":[");
}

/* The end of a chunk after its choices. */
static void write_tail(const struct answer *a, struct buf *out)
{
    buf_addc(out, ']');
    if (a->ask->want_usage && a->plan->usage != USAGE_NONE)
        buf_addz(out, ",\"usage\":null");
    if (a->plan->obfuscate)
        buf_printf(out, ",\"obfuscation\":\"%.*s\"", (int)(text_mix(out->len) % 16),
                   "q7Tz0LmP0aZ9wxBk");
    buf_addz(out, "}\n\n");
}

/* Where the text of an answer stands. */
static const char *text_key(const struct answer *a)
{
    return a->plan->refuse ? "refusal" : "content";
}

static void write_delta(const struct answer *a, const struct event *ev, int64_t choice,
                        struct buf *out)
{
    const struct part *part = ev->part;
    if (part->kind == PART_REASONING && a->plan->details) {
        buf_addz(out, "{\"reasoning_details\":[" DETAIL "\"text\":");
        json_quote(out, ev->text);
        buf_addz(out, ev->last ? "}," DETAIL SIGNED "]}" : "}]}");
        return;
    }
    if (part->kind != PART_TOOL) {
        buf_printf(
            out, "{\"%s\":", part->kind == PART_TEXT ? text_key(a) : "reasoning_content");
        answer_quote(out, ev->text, ev->last && part->kind == PART_TEXT, choice);
        buf_addc(out, '}');
        return;
    }
    buf_printf(
        out, "{\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":", part->index);
    json_quote(out, ev->text);
    buf_addz(out, "}}]}");
}

/* The first fragment of a call: id and name, no arguments yet. */
static void write_call_open(const struct part *part, struct buf *out)
{
    buf_printf(out,
               "{\"tool_calls\":[{\"index\":%zu,\"id\":\"call_%012" PRIx64
               "\",\"type\":\"function\",\"function\":{\"name\":",
               part->index, part->id & 0xffffffffffff);
    json_quote(out, part->name);
    buf_addz(out, ",\"arguments\":\"\"}}]}");
}

/* Of the text, of which nothing else is told so. */
static void write_logprobs(const struct answer *a, const struct part *part,
                           struct str text, struct buf *out)
{
    buf_addz(out, ",\"logprobs\":");
    if (!a->ask->logprobs || part == NULL || part->kind != PART_TEXT || a->plan->refuse) {
        buf_addz(out, "null");
        return;
    }
    buf_addz(out, "{\"content\":");
    logprobs_openai(a, text, true, out);
    buf_addz(out, ",\"refusal\":null}");
}

enum chunk { CHUNK_ROLE, CHUNK_CALL, CHUNK_DELTA, CHUNK_FINISH };

/* A chunk for each choice: they interleave and are told apart by index only. */
static void write_chunks(const struct answer *a, const struct event *ev, enum chunk what,
                         struct buf *out)
{
    for (int64_t i = 0; i < a->ask->n_choices; i++) {
        buf_addz(out, "data: ");
        write_head(a, "chat.completion.chunk", out);
        buf_printf(out, "{\"index\":%" PRId64 ",\"delta\":", i);
        if (what == CHUNK_ROLE)
            buf_addz(out, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}");
        else if (what == CHUNK_CALL)
            write_call_open(ev->part, out);
        else if (what == CHUNK_DELTA)
            write_delta(a, ev, i, out);
        else
            buf_addz(out, "{}");
        write_logprobs(a, what == CHUNK_DELTA ? ev->part : NULL, ev->text, out);
        buf_addz(out, ",\"finish_reason\":");
        if (what == CHUNK_FINISH)
            json_quote(out, str_of(finish_word(a)));
        else
            buf_addz(out, "null");
        buf_addc(out, '}');
        write_tail(a, out);
    }
}

static void write_usage_chunk(const struct answer *a, struct buf *out)
{
    if (!a->ask->want_usage || a->plan->usage == USAGE_NONE)
        return;
    buf_addz(out, "data: ");
    write_head(a, "chat.completion.chunk", out);
    buf_addz(out, "],\"usage\":");
    write_usage(a, out);
    buf_addz(out, "}\n\n");
}

static void openai_event(struct answer *a, const struct event *ev, struct buf *out)
{
    switch (ev->kind) {
    case EV_START:
        write_chunks(a, ev, CHUNK_ROLE, out);
        return;
    case EV_COMMENT:
        buf_addz(out, ": OPENROUTER PROCESSING\n\n"); /* as aggregators keep alive */
        return;
    case EV_PIECE:
        if (ev->first && ev->part->kind == PART_TOOL)
            write_chunks(a, ev, CHUNK_CALL, out);
        write_chunks(a, ev, CHUNK_DELTA, out);
        return;
    case EV_FINISH:
        write_chunks(a, ev, CHUNK_FINISH, out);
        return;
    case EV_USAGE:
        write_usage_chunk(a, out);
        return;
    case EV_END:
        buf_addz(out, "data: [DONE]\n\n");
        return;
    }
}

static void write_message(const struct answer *a, int64_t choice, struct buf *out)
{
    const char *sep = "";
    struct str text = STR_NONE;
    for (size_t i = 0; i < a->n_parts; i++)
        if (a->parts[i].kind == PART_TEXT)
            text = a->parts[i].text;
    buf_printf(out, "{\"role\":\"assistant\",\"%s\":null,\"%s\":",
               a->plan->refuse ? "content" : "refusal", text_key(a));
    if (text.ptr != NULL)
        answer_quote(out, text, true, choice);
    else
        buf_addz(out, "null");
    buf_addz(out, ",\"annotations\":[]");
    for (size_t i = 0; i < a->n_parts; i++) {
        const struct part *part = &a->parts[i];
        if (part->kind == PART_REASONING && a->plan->details) {
            buf_addz(out, ",\"reasoning_details\":[" DETAIL "\"text\":");
            json_quote(out, part->text);
            buf_addz(out, "," SIGNED "]");
        } else if (part->kind == PART_REASONING) {
            buf_addz(out, ",\"reasoning_content\":");
            json_quote(out, part->text);
        } else if (part->kind == PART_TOOL) {
            buf_addz(out, *sep ? sep : ",\"tool_calls\":[");
            buf_printf(out,
                       "{\"id\":\"call_%012" PRIx64
                       "\",\"type\":\"function\",\"function\":{\"name\":",
                       part->id & 0xffffffffffff);
            json_quote(out, part->name);
            buf_addz(out, ",\"arguments\":");
            json_quote(out, part->text);
            buf_addz(out, "}}");
            sep = ",";
        }
    }
    buf_addz(out, *sep ? "]}" : "}");
}

static void openai_whole(struct answer *a, struct buf *out)
{
    write_head(a, "chat.completion", out);
    for (int64_t i = 0; i < a->ask->n_choices; i++) {
        buf_printf(out, "%s{\"index\":%" PRId64 ",\"message\":", i ? "," : "", i);
        write_message(a, i, out);
        const struct part *last = a->n_parts > 0 ? &a->parts[a->n_parts - 1] : NULL;
        write_logprobs(a, last, last != NULL ? last->text : STR_NONE, out);
        buf_addz(out, ",\"finish_reason\":");
        if (a->plan->no_finish)
            buf_addz(out, "null");
        else
            json_quote(out, str_of(finish_word(a)));
        buf_addc(out, '}');
    }
    buf_addc(out, ']');
    if (a->plan->usage != USAGE_NONE) {
        buf_addz(out, ",\"usage\":");
        write_usage(a, out);
    }
    buf_addc(out, '}');
}

static void write_or_null(struct buf *out, const char *s)
{
    if (s != NULL)
        json_quote(out, str_of(s));
    else
        buf_addz(out, "null");
}

static void openai_error(const struct fault *f, uint64_t id, struct buf *out)
{
    (void)id;
    buf_addz(out, "{\"error\":{\"message\":");
    write_or_null(out, f->message);
    buf_addz(out, ",\"type\":");
    write_or_null(out, f->type);
    buf_addz(out, ",\"param\":");
    write_or_null(out, f->param);
    buf_addz(out, ",\"code\":");
    write_or_null(out, f->code);
    buf_addz(out, "}}");
}

static void openai_in_band(const struct fault *f, uint64_t id, struct buf *out)
{
    buf_addz(out, "data: ");
    openai_error(f, id, out);
    buf_addz(out, "\n\n");
}

/* A Go duration, as in "6m0s" or "17ms". */
static void write_go_duration(struct buf *out, const char *name, int64_t us)
{
    int64_t s = us / US_PER_S;
    if (us < US_PER_S)
        http1_printf_header(out, name, "%dms", (int)(us / US_PER_MS));
    else if (s < 60)
        http1_printf_header(out, name, "%d.%03ds", (int)s, (int)(us / US_PER_MS % 1000));
    else
        http1_printf_header(out, name, "%dm%ds", (int)(s / 60), (int)(s % 60));
}

static void write_limit(struct buf *out, const char *what, int64_t limit, int64_t left,
                        int64_t reset_us)
{
    char name[64];
    if (limit < 0)
        return;
    snprintf(name, sizeof name, "x-ratelimit-limit-%s", what);
    http1_printf_header(out, name, "%" PRId64, limit);
    snprintf(name, sizeof name, "x-ratelimit-remaining-%s", what);
    http1_printf_header(out, name, "%" PRId64, left < 0 ? limit : left);
    snprintf(name, sizeof name, "x-ratelimit-reset-%s", what);
    write_go_duration(out, name, reset_us);
}

static void openai_headers(const struct plan *p, uint64_t id, int64_t wall_us,
                           struct buf *out)
{
    (void)wall_us;
    http1_printf_header(out, "x-request-id", "req_%016" PRIx64, id);
    http1_write_header(out, "openai-version", STR("2020-10-01"));
    http1_write_header(out, "openai-organization", STR("org-sim"));
    http1_write_header(out, "openai-processing-ms", STR("7"));
    write_limit(out, "requests", p->limit_requests, p->left_requests,
                p->reset_requests_us);
    write_limit(out, "tokens", p->limit_tokens, p->left_tokens, p->reset_tokens_us);
}

/* The first one's name would steer a terminal: whoever asks leaves it out. */
static void openai_models(struct buf *out)
{
    buf_addz(out,
             "{\"object\":\"list\",\"data\":["
             "{\"id\":\"sim\\u001b[31m\",\"object\":\"model\",\"created\":1795000000,"
             "\"owned_by\":\"sim\"},"
             "{\"id\":\"sim\",\"object\":\"model\",\"created\":1795000000,"
             "\"owned_by\":\"sim\"}]}");
}

const struct sim_dialect sim_openai = {
    .name = "openai",
    .shape = SIM_OPENAI,
    .read = openai_read,
    .event = openai_event,
    .whole = openai_whole,
    .embed_read = embed_openai_read,
    .embed_whole = embed_openai_whole,
    .error = openai_error,
    .in_band = openai_in_band,
    .garbled =
        "data: {\"id\":\"chatcmpl-7h\",\"object\":\"chat.completion.chunk\",\"choi\n\n",
    .headers = openai_headers,
    .models = openai_models,
};
