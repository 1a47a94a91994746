/*
 * seen.c: reads answers of all clients' dialects and keeps score. No I/O. Every rule that an SDK
 * relies on and that is broken becomes a `problem`.
 *
 * Sources: OpenAI chat streaming reference and Responses streaming events; Anthropic
 * build-with-claude/streaming (2026-08).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"

#include "tests/e2e/client.h"

enum { SEEN_MAX = 256 * 1024 * 1024 };

void seen_init(struct seen *s, enum client_dialect dialect)
{
    *s = (struct seen){.dialect = dialect, .err_retryable = -1, .err_attempts = -1};
    s->input_tok = s->output_tok = -1;
    s->cached_tok = s->written_tok = s->reasoning_tok = -1;
    buf_init(&s->text, SEEN_MAX);
    buf_init(&s->reasoning, SEEN_MAX);
    buf_init(&s->second, SEEN_MAX);
    buf_init(&s->tokens, SEEN_MAX);
    buf_init(&s->note, SEEN_MAX);
    for (size_t i = 0; i < CLIENT_TOOLS; i++)
        buf_init(&s->tool_args[i], SEEN_MAX);
}

void seen_release(struct seen *s)
{
    buf_release(&s->text);
    buf_release(&s->reasoning);
    buf_release(&s->second);
    buf_release(&s->tokens);
    buf_release(&s->note);
    for (size_t i = 0; i < CLIENT_TOOLS; i++)
        buf_release(&s->tool_args[i]);
}

void seen_problem(struct seen *s, const char *what)
{
    for (size_t i = 0; i < s->n_problems; i++)
        if (strcmp(s->problems[i], what) == 0)
            return;
    if (s->n_problems < CLIENT_PROBLEMS)
        s->problems[s->n_problems++] = what;
}

static void copy(char *to, size_t size, struct str s)
{
    if (s.ptr != NULL)
        snprintf(to, size, "%.*s", STR_ARG(s));
}

/* The same value in every event. */
static void same(struct seen *s, char *kept, size_t size, struct str value,
                 const char *problem)
{
    if (value.ptr == NULL)
        return;
    if (kept[0] != '\0' && !str_eqz(value, kept))
        seen_problem(s, problem);
    copy(kept, size, value);
}

static void count(struct json_object *o, const char *key, int64_t *ret)
{
    jx_i64(o, key, 0, INT64_MAX, ret);
}

static void content(struct seen *s, struct buf *to, struct str piece)
{
    if (piece.ptr == NULL)
        return;
    if (!str_is_utf8(piece))
        seen_problem(s, "utf8");
    if (s->n_finish > 0)
        seen_problem(s, "content-after-finish");
    if (piece.len > 0)
        s->n_pieces++;
    buf_adds(to, piece);
}

static void refusal(struct seen *s, struct str piece)
{
    s->is_refusal |= piece.len > 0;
    content(s, &s->text, piece);
}

static void finish(struct seen *s, struct str word)
{
    if (word.ptr == NULL)
        return;
    s->n_finish++;
    copy(s->finish, sizeof s->finish, word);
}

/* {"error": {…}} of OpenAI, {"type": "error", "error": {…}} of Anthropic; false if none. */
static bool error(struct seen *s, struct json_object *o)
{
    struct json_object *err = jx_obj(o, "error"), *ext = jx_obj(err, "llmgw");
    if (err == NULL)
        return false;
    s->n_error++;
    if (ext == NULL)
        ext = jx_obj(o, "llmgw");
    copy(s->err_type, sizeof s->err_type, jx_str(err, "type"));
    copy(s->err_code, sizeof s->err_code, jx_str(err, "code"));
    copy(s->err_message, sizeof s->err_message, jx_str(err, "message"));
    copy(s->err_class, sizeof s->err_class, jx_str(ext, "class"));
    copy(s->err_origin, sizeof s->err_origin, jx_str(ext, "origin"));
    copy(s->err_provider, sizeof s->err_provider, jx_str(ext, "provider"));
    copy(s->err_provider_code, sizeof s->err_provider_code, jx_str(ext, "provider_code"));
    copy(s->err_request_id, sizeof s->err_request_id, jx_str(ext, "request_id"));
    if (jx_arr(ext, "attempts") != NULL)
        s->err_attempts = (int64_t)json_object_array_length(jx_arr(ext, "attempts"));
    if (json_object_object_get_ex(ext, "retryable", NULL))
        s->err_retryable = jx_bool(ext, "retryable", false);
    if (s->dialect == CLIENT_ANTHROPIC && !str_eqz(jx_str(o, "type"), "error"))
        seen_problem(s, "error-without-type");
    if (s->err_message[0] == '\0')
        seen_problem(s, "error-without-message");
    return true;
}

/* How likely tokens were, with as many others to each as to the first. */
static void logprobs(struct seen *s, struct json_object *list, bool needs_bytes)
{
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        buf_adds(&s->tokens, jx_str(one, "token"));
        if (jx_get(one, "logprob") == NULL || jx_arr(one, "top_logprobs") == NULL)
            seen_problem(s, "half-a-logprob");
        if (needs_bytes && !json_object_object_get_ex(one, "bytes", NULL))
            seen_problem(s, "logprob-without-bytes");
    }
}

/* ---- OpenAI ---- */

static void openai_usage(struct seen *s, struct json_object *o)
{
    struct json_object *usage = jx_obj(o, "usage");
    if (usage == NULL)
        return;
    s->n_usage++;
    count(usage, "prompt_tokens", &s->input_tok);
    count(usage, "completion_tokens", &s->output_tok);
    count(jx_obj(usage, "prompt_tokens_details"), "cached_tokens", &s->cached_tok);
    count(jx_obj(usage, "prompt_tokens_details"), "cache_write_tokens", &s->written_tok);
    count(jx_obj(usage, "completion_tokens_details"), "reasoning_tokens",
          &s->reasoning_tok);
}

/* Of the call `at`: two of an answer must not share one. */
static void new_id(struct seen *s, size_t at, struct str id)
{
    if (id.len == 0)
        seen_problem(s, "tool-without-id");
    for (size_t i = 0; i < at; i++)
        if (str_eqz(id, s->tool_ids[i]))
            seen_problem(s, "tool-id-twice");
    copy(s->tool_ids[at], sizeof s->tool_ids[at], id);
}

/* A call or a fragment of one; `at` is its index. */
static void openai_call(struct seen *s, struct json_object *call, int64_t at)
{
    struct json_object *fn = jx_obj(call, "function");
    if (at < 0 || at >= CLIENT_TOOLS)
        return;
    if ((size_t)at > s->n_tools)
        seen_problem(s, "tool-index-gap");
    if ((size_t)at >= s->n_tools) {
        s->n_tools = (size_t)at + 1;
        new_id(s, (size_t)at, jx_str(call, "id"));
    }
    copy(s->tool_names[at], sizeof s->tool_names[at], jx_str(fn, "name"));
    content(s, &s->tool_args[at], jx_str(fn, "arguments"));
}

static void openai_calls(struct seen *s, struct json_object *message, bool has_index)
{
    struct json_object *calls = jx_arr(message, "tool_calls");
    for (size_t i = 0; calls != NULL && i < json_object_array_length(calls); i++) {
        struct json_object *call = json_object_array_get_idx(calls, i);
        int64_t at = (int64_t)i;
        if (has_index && !jx_i64(call, "index", 0, CLIENT_TOOLS - 1, &at))
            seen_problem(s, "tool-without-index");
        openai_call(s, call, at);
    }
}

/* A choice, or some of it: its message or delta is to be looked at if it is the first. */
static bool openai_choice(struct seen *s, struct json_object *choice, const char *key)
{
    int64_t index = 0;
    jx_i64(choice, "index", 0, INT32_MAX, &index);
    s->n_choices += jx_str(choice, "finish_reason").ptr != NULL;
    if (index == 1 && jx_str(jx_obj(choice, key), "content").ptr != NULL)
        buf_adds(&s->second, jx_str(jx_obj(choice, key), "content"));
    return index == 0;
}

static void openai_chunk(struct seen *s, struct json_object *o)
{
    struct json_object *choices = jx_arr(o, "choices");
    if (error(s, o))
        return;
    same(s, s->id, sizeof s->id, jx_str(o, "id"), "id-changed");
    same(s, s->model, sizeof s->model, jx_str(o, "model"), "model-changed");
    if (!str_eqz(jx_str(o, "object"), "chat.completion.chunk"))
        seen_problem(s, "chunk-object");
    openai_usage(s, o);
    if (choices == NULL) {
        seen_problem(s, "chunk-without-choices");
        return;
    }
    struct json_object *choice =
        json_object_array_length(choices) ? json_object_array_get_idx(choices, 0) : NULL;
    struct json_object *delta = jx_obj(choice, "delta");
    if (!openai_choice(s, choice, "delta"))
        return;
    if (jx_str(delta, "role").ptr != NULL)
        s->n_start++;
    content(s, &s->reasoning, jx_str(delta, "reasoning_content"));
    content(s, &s->text, jx_str(delta, "content"));
    refusal(s, jx_str(delta, "refusal"));
    openai_calls(s, delta, true);
    logprobs(s, jx_arr(jx_obj(choice, "logprobs"), "content"), true);
    finish(s, jx_str(choice, "finish_reason"));
}

static void openai_body(struct seen *s, struct json_object *o)
{
    struct json_object *choices = jx_arr(o, "choices");
    if (error(s, o))
        return;
    if (choices == NULL || json_object_array_length(choices) == 0) {
        seen_problem(s, "no-choices");
        return;
    }
    for (size_t i = 0; i < json_object_array_length(choices); i++)
        openai_choice(s, json_object_array_get_idx(choices, i), "message");
    struct json_object *choice = json_object_array_get_idx(choices, 0);
    struct json_object *message = jx_obj(choice, "message");
    copy(s->id, sizeof s->id, jx_str(o, "id"));
    copy(s->model, sizeof s->model, jx_str(o, "model"));
    content(s, &s->reasoning, jx_str(message, "reasoning_content"));
    content(s, &s->text, jx_str(message, "content"));
    refusal(s, jx_str(message, "refusal"));
    openai_calls(s, message, false);
    logprobs(s, jx_arr(jx_obj(choice, "logprobs"), "content"), true);
    openai_usage(s, o);
    finish(s, jx_str(choice, "finish_reason"));
}

/*
 * Vectors as they are spelt, in the order of their indexes; that they are there is the finish.
 * Source: OpenAI's OpenAPI file of 2026-08-21, CreateEmbeddingResponse.
 */
static void embeddings_body(struct seen *s, struct json_object *o)
{
    struct json_object *data = jx_arr(o, "data");
    size_t n = data != NULL ? json_object_array_length(data) : 0;
    if (error(s, o))
        return;
    if (!str_eqz(jx_str(o, "object"), "list") || n == 0)
        seen_problem(s, "no-list");
    copy(s->model, sizeof s->model, jx_str(o, "model"));
    for (size_t at = 0; at < n; at++) {
        struct json_object *found = NULL;
        for (size_t i = 0; i < n; i++) {
            struct json_object *item = json_object_array_get_idx(data, i);
            int64_t index;
            if (jx_i64(item, "index", 0, (int64_t)n - 1, &index) && (size_t)index == at)
                found = jx_get(item, "embedding");
        }
        if (found == NULL)
            seen_problem(s, "no-embedding");
        else
            content(s, &s->text, str_of(json_object_to_json_string(found)));
    }
    openai_usage(s, o);
    /* what is told beside the prompt has no name of its own */
    if (jx_i64(jx_obj(o, "usage"), "total_tokens", 0, INT64_MAX, &s->output_tok))
        s->output_tok -= s->input_tok;
    finish(s, STR("embedded"));
}

/* ---- Anthropic ---- */

static void anthropic_usage(struct seen *s, struct json_object *o)
{
    struct json_object *usage = jx_obj(o, "usage");
    if (usage == NULL)
        return;
    s->n_usage++;
    count(usage, "input_tokens", &s->input_tok);
    count(usage, "output_tokens", &s->output_tok);
    count(usage, "cache_read_input_tokens", &s->cached_tok);
    count(usage, "cache_creation_input_tokens", &s->written_tok);
}

static void tool_begin(struct seen *s, struct json_object *block)
{
    if (s->n_tools >= CLIENT_TOOLS)
        return;
    copy(s->tool_names[s->n_tools], sizeof s->tool_names[0], jx_str(block, "name"));
    new_id(s, s->n_tools++, jx_str(block, "id"));
}

static void block_start(struct seen *s, struct json_object *o)
{
    struct json_object *block = jx_obj(o, "content_block");
    int64_t index = -1;
    jx_i64(o, "index", 0, INT32_MAX, &index);
    if (s->block_open || index != s->n_blocks)
        seen_problem(s, "block-order");
    s->block_open = true;
    s->n_blocks++;
    if (str_eqz(jx_str(block, "type"), "tool_use"))
        tool_begin(s, block);
}

/* Whatever it is of, it says what it quotes. */
static void citation(struct seen *s, struct json_object *o)
{
    struct str type = jx_str(o, "type");
    bool is_known =
        str_eqz(type, "content_block_location") ||
        (str_eqz(type, "search_result_location") && jx_str(o, "source").len > 0);
    if (!is_known || jx_str(o, "cited_text").len == 0)
        seen_problem(s, "half-a-citation");
}

static void block_delta(struct seen *s, struct json_object *o)
{
    struct json_object *delta = jx_obj(o, "delta");
    struct str type = jx_str(delta, "type");
    int64_t index = -1;
    jx_i64(o, "index", 0, INT32_MAX, &index);
    if (!s->block_open || index != s->n_blocks - 1)
        seen_problem(s, "delta-outside-block");
    if (str_eqz(type, "text_delta"))
        content(s, &s->text, jx_str(delta, "text"));
    else if (str_eqz(type, "thinking_delta"))
        content(s, &s->reasoning, jx_str(delta, "thinking"));
    else if (str_eqz(type, "input_json_delta") && s->n_tools > 0)
        content(s, &s->tool_args[s->n_tools - 1], jx_str(delta, "partial_json"));
    else if (str_eqz(type, "citations_delta"))
        citation(s, jx_obj(delta, "citation"));
    else if (!str_eqz(type, "signature_delta"))
        seen_problem(s, "unknown-delta");
}

static void message_start(struct seen *s, struct json_object *o)
{
    struct json_object *message = jx_obj(o, "message");
    s->n_start++;
    same(s, s->id, sizeof s->id, jx_str(message, "id"), "id-changed");
    same(s, s->model, sizeof s->model, jx_str(message, "model"), "model-changed");
    if (jx_obj(message, "usage") == NULL)
        seen_problem(s, "start-without-usage");
    anthropic_usage(s, message);
}

static void block_stop(struct seen *s, struct json_object *o)
{
    (void)o;
    if (!s->block_open)
        seen_problem(s, "block-order");
    s->block_open = false;
}

static void message_delta(struct seen *s, struct json_object *o)
{
    if (s->block_open)
        seen_problem(s, "block-left-open");
    anthropic_usage(s, o);
    finish(s, jx_str(jx_obj(o, "delta"), "stop_reason"));
}

static void message_stop(struct seen *s, struct json_object *o)
{
    (void)o;
    s->n_end++;
}

static void ping(struct seen *s, struct json_object *o)
{
    (void)s;
    (void)o;
}

static void stream_error(struct seen *s, struct json_object *o)
{
    error(s, o);
}

static void anthropic_event(struct seen *s, struct str name, struct json_object *o)
{
    static const struct {
        const char *name;
        void (*fn)(struct seen *s, struct json_object *o);
    } rows[] = {
        {"message_start", message_start},
        {"content_block_start", block_start},
        {"content_block_delta", block_delta},
        {"content_block_stop", block_stop},
        {"message_delta", message_delta},
        {"message_stop", message_stop},
        {"ping", ping},
        {"error", stream_error},
    };
    if (!str_eq(name, jx_str(o, "type")))
        seen_problem(s, "event-name");
    if (s->n_start == 0 && !str_eqz(name, "message_start") && !str_eqz(name, "ping") &&
        !str_eqz(name, "error"))
        seen_problem(s, "event-before-start");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(name, rows[i].name))
            rows[i].fn(s, o);
}

static void anthropic_body(struct seen *s, struct json_object *o)
{
    struct json_object *blocks = jx_arr(o, "content");
    if (error(s, o))
        return;
    if (blocks == NULL) {
        seen_problem(s, "no-content");
        return;
    }
    copy(s->id, sizeof s->id, jx_str(o, "id"));
    copy(s->model, sizeof s->model, jx_str(o, "model"));
    for (size_t i = 0; i < json_object_array_length(blocks); i++) {
        struct json_object *block = json_object_array_get_idx(blocks, i);
        struct json_object *input = jx_obj(block, "input");
        content(s, &s->text, jx_str(block, "text"));
        content(s, &s->reasoning, jx_str(block, "thinking"));
        if (input != NULL) {
            tool_begin(s, block);
            content(
                s, &s->tool_args[s->n_tools - 1],
                str_of(json_object_to_json_string_ext(input, JSON_C_TO_STRING_PLAIN)));
        }
    }
    anthropic_usage(s, o);
    finish(s, jx_str(o, "stop_reason"));
}

/* ---- Responses ---- */

static void responses_usage(struct seen *s, struct json_object *o)
{
    struct json_object *usage = jx_obj(o, "usage");
    if (usage == NULL)
        return;
    s->n_usage++;
    count(usage, "input_tokens", &s->input_tok);
    count(usage, "output_tokens", &s->output_tok);
    count(jx_obj(usage, "input_tokens_details"), "cached_tokens", &s->cached_tok);
    count(jx_obj(usage, "input_tokens_details"), "cache_write_tokens", &s->written_tok);
    count(jx_obj(usage, "output_tokens_details"), "reasoning_tokens", &s->reasoning_tok);
    if (jx_obj(usage, "input_tokens_details") == NULL ||
        jx_obj(usage, "output_tokens_details") == NULL)
        seen_problem(s, "usage-without-details");
}

/* "completed", or why it is incomplete. */
static void responses_finish(struct seen *s, struct json_object *o)
{
    struct str why = jx_str(jx_obj(o, "incomplete_details"), "reason");
    finish(s, why.len > 0 ? why : jx_str(o, "status"));
}

/* The buffer of what an item says; a call opens when it is first seen. */
static struct buf *item_text(struct seen *s, struct json_object *item, bool is_new)
{
    struct str type = jx_str(item, "type");
    if (str_eqz(type, "reasoning"))
        return &s->reasoning;
    if (!str_eqz(type, "function_call"))
        return &s->text;
    if (is_new && s->n_tools < CLIENT_TOOLS) {
        new_id(s, s->n_tools, jx_str(item, "call_id"));
        copy(s->tool_names[s->n_tools++], sizeof s->tool_names[0], jx_str(item, "name"));
    }
    return &s->tool_args[s->n_tools > 0 ? s->n_tools - 1 : 0];
}

/* What an item says as a whole, appended. */
static void whole_item(struct seen *s, struct json_object *item, struct buf *out)
{
    struct json_object *parts = jx_arr(item, "content");
    if (parts == NULL)
        parts = jx_arr(item, "summary");
    buf_adds(out, jx_str(item, "arguments"));
    for (size_t i = 0; parts != NULL && i < json_object_array_length(parts); i++) {
        struct json_object *part = json_object_array_get_idx(parts, i);
        buf_adds(out, jx_str(part, "text"));
        buf_adds(out, jx_str(part, "refusal"));
        s->is_refusal |= jx_str(part, "refusal").len > 0;
    }
}

static void item_added(struct seen *s, struct json_object *o)
{
    int64_t index = -1;
    jx_i64(o, "output_index", 0, 63, &index);
    if (index != s->n_blocks)
        seen_problem(s, "item-order");
    s->open_items |= index >= 0 ? UINT64_C(1) << index : 0;
    s->n_blocks++;
    (void)item_text(s, jx_obj(o, "item"), true);
}

static bool is_item_open(struct seen *s, struct json_object *o)
{
    int64_t index = -1;
    jx_i64(o, "output_index", 0, 63, &index);
    return index >= 0 && (s->open_items >> index & 1) != 0;
}

static void item_done(struct seen *s, struct json_object *o)
{
    int64_t index = 0;
    jx_i64(o, "output_index", 0, 63, &index);
    if (!is_item_open(s, o))
        seen_problem(s, "item-order");
    s->open_items &= ~(UINT64_C(1) << index);
}

static void item_delta(struct seen *s, struct json_object *o, struct buf *to)
{
    if (!is_item_open(s, o))
        seen_problem(s, "delta-outside-item");
    content(s, to, jx_str(o, "delta"));
}

static void text_delta(struct seen *s, struct json_object *o)
{
    item_delta(s, o, &s->text);
    logprobs(s, jx_arr(o, "logprobs"), false);
}

static void summary_delta(struct seen *s, struct json_object *o)
{
    item_delta(s, o, &s->reasoning);
}

static void args_delta(struct seen *s, struct json_object *o)
{
    item_delta(s, o, &s->tool_args[s->n_tools > 0 ? s->n_tools - 1 : 0]);
}

static void response_begin(struct seen *s, struct json_object *o)
{
    struct json_object *response = jx_obj(o, "response");
    s->n_start += str_eqz(jx_str(o, "type"), "response.created");
    same(s, s->id, sizeof s->id, jx_str(response, "id"), "id-changed");
    same(s, s->model, sizeof s->model, jx_str(response, "model"), "model-changed");
    if (!str_eqz(jx_str(response, "status"), "in_progress"))
        seen_problem(s, "status-at-start");
}

/* The last event repeats what was said: it must be the same. */
static void response_end(struct seen *s, struct json_object *o)
{
    AUTO(buf_release) struct buf told = BUF_INIT(SEEN_MAX), whole = BUF_INIT(SEEN_MAX);
    struct json_object *response = jx_obj(o, "response");
    struct json_object *output = jx_arr(response, "output");
    if (s->open_items != 0)
        seen_problem(s, "item-left-open");
    for (size_t i = 0; output != NULL && i < json_object_array_length(output); i++)
        whole_item(s, json_object_array_get_idx(output, i), &whole);
    buf_adds(&told, buf_str(&s->reasoning));
    buf_adds(&told, buf_str(&s->text));
    for (size_t i = 0; i < s->n_tools; i++)
        buf_adds(&told, buf_str(&s->tool_args[i]));
    if (!str_eq(buf_str(&told), buf_str(&whole)))
        seen_problem(s, "whole-differs");
    same(s, s->id, sizeof s->id, jx_str(response, "id"), "id-changed");
    same(s, s->model, sizeof s->model, jx_str(response, "model"), "model-changed");
    responses_usage(s, response);
    responses_finish(s, response);
    s->n_end++;
}

/* What follows an error: the response that failed by it. */
static void response_failed(struct seen *s, struct json_object *o)
{
    struct json_object *response = jx_obj(o, "response");
    s->n_failed++;
    same(s, s->id, sizeof s->id, jx_str(response, "id"), "id-changed");
    if (!str_eqz(jx_str(response, "status"), "failed"))
        seen_problem(s, "failed-without-status");
    if (jx_str(jx_obj(response, "error"), "code").len == 0 ||
        jx_str(jx_obj(response, "error"), "message").len == 0)
        seen_problem(s, "failed-without-error");
}

static void responses_event(struct seen *s, struct str name, struct json_object *o)
{
    static const struct {
        const char *name;
        void (*fn)(struct seen *s, struct json_object *o);
    } rows[] = {
        {"response.created", response_begin},
        {"response.in_progress", response_begin},
        {"response.output_item.added", item_added},
        {"response.output_item.done", item_done},
        {"response.output_text.delta", text_delta},
        {"response.refusal.delta", text_delta},
        {"response.reasoning_summary_text.delta", summary_delta},
        {"response.function_call_arguments.delta", args_delta},
        {"response.completed", response_end},
        {"response.incomplete", response_end},
        {"response.failed", response_failed},
        {"error", stream_error},
    };
    int64_t sequence = -1;
    jx_i64(o, "sequence_number", 0, INT64_MAX, &sequence);
    if (!str_eq(name, jx_str(o, "type")))
        seen_problem(s, "event-name");
    if (sequence != s->sequence)
        seen_problem(s, "sequence-gap");
    s->sequence = sequence + 1;
    if (s->n_start == 0 && !str_eqz(name, "response.created") &&
        !str_eqz(name, "error") && !str_eqz(name, "response.failed"))
        seen_problem(s, "event-before-start");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(name, rows[i].name))
            rows[i].fn(s, o);
}

static void responses_body(struct seen *s, struct json_object *o)
{
    struct json_object *output = jx_arr(o, "output");
    if (error(s, o))
        return;
    if (output == NULL) {
        seen_problem(s, "no-output");
        return;
    }
    copy(s->id, sizeof s->id, jx_str(o, "id"));
    copy(s->model, sizeof s->model, jx_str(o, "model"));
    for (size_t i = 0; i < json_object_array_length(output); i++) {
        struct json_object *item = json_object_array_get_idx(output, i);
        AUTO(buf_release) struct buf said = BUF_INIT(SEEN_MAX);
        whole_item(s, item, &said);
        content(s, item_text(s, item, true), buf_str(&said));
        struct json_object *parts = jx_arr(item, "content");
        if (parts != NULL)
            logprobs(s, jx_arr(json_object_array_get_idx(parts, 0), "logprobs"), true);
    }
    responses_usage(s, o);
    responses_finish(s, o);
}

/* ---- all ---- */

/* The gateway's own events, for clients that asked for them. */
static void llmgw_event(struct seen *s, struct json_object *o)
{
    if (!str_eqz(jx_str(o, "type"), "reset"))
        return;
    s->n_resets++;
    s->n_pieces = 0;
    s->n_start = 0;
    s->n_blocks = 0;
    s->block_open = false;
    for (size_t i = 0; i < s->n_tools; i++)
        buf_reset(&s->tool_args[i]);
    s->n_tools = 0;
    s->id[0] = s->model[0] = '\0';
    s->open_items = 0;
    s->sequence = 0;
    buf_reset(&s->text);
    buf_reset(&s->reasoning);
}

void seen_event(struct seen *s, struct str name, struct str data)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct err e = ERR_INIT;
    s->n_events++;
    if (s->n_end > 0 && !str_eqz(name, "llmgw"))
        seen_problem(s, "event-after-end");
    if (s->dialect == CLIENT_OPENAI && str_eqz(data, "[DONE]")) {
        s->n_end++;
        return;
    }
    if (jx_parse(data, &o, &e) != ERR_OK) {
        seen_problem(s, "bad-json");
        return;
    }
    if (str_eqz(name, "llmgw"))
        llmgw_event(s, o);
    else if (s->dialect == CLIENT_ANTHROPIC)
        anthropic_event(s, name, o);
    else if (s->dialect == CLIENT_RESPONSES)
        responses_event(s, name, o);
    else
        openai_chunk(s, o);
}

void seen_comment(struct seen *s, struct str text)
{
    s->n_comments++;
    if (!str_starts(text, STR(" llmgw {")))
        return;
    buf_reset(&s->note);
    buf_adds(&s->note, str_sub(text, STR(" llmgw ").len, text.len));
}

void seen_body(struct seen *s, struct str body)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct err e = ERR_INIT;
    if (jx_parse(body, &o, &e) != ERR_OK)
        seen_problem(s, "bad-json");
    else if (s->dialect == CLIENT_ANTHROPIC)
        anthropic_body(s, o);
    else if (s->dialect == CLIENT_RESPONSES)
        responses_body(s, o);
    else if (s->dialect == CLIENT_EMBEDDINGS)
        embeddings_body(s, o);
    else
        openai_body(s, o);
}

const char *seen_verdict(const struct seen *s, bool stream)
{
    bool ended = s->n_end == 1 || !stream || s->status != 200;
    if (s->n_problems > 0)
        return "broken";
    if (s->status == 200 && s->n_error == 0 && s->n_finish == 1 && ended && s->finish[0])
        return "ok";
    if (s->n_error == 1 && s->n_finish == 0 && s->n_end == 0)
        return "error";
    return "broken";
}

static void line(struct buf *out, const char *key, struct str value)
{
    buf_printf(out, "%s=", key);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\n')
            buf_addz(out, "\\n");
        else
            buf_addc(out, value.ptr[i]);
    }
    buf_addc(out, '\n');
}

static void number(struct buf *out, const char *key, int64_t v)
{
    if (v >= 0)
        buf_printf(out, "%s=%" PRId64 "\n", key, v);
    else
        buf_printf(out, "%s=\n", key);
}

void seen_print(const struct seen *s, struct buf *out)
{
    line(out, "finish", str_of(s->finish));
    line(out, "text", buf_str(&s->text));
    line(out, "reasoning", buf_str(&s->reasoning));
    line(out, "text1", buf_str(&s->second));
    line(out, "tokens", buf_str(&s->tokens));
    number(out, "n_choices", s->n_choices);
    number(out, "refusal", s->is_refusal);
    number(out, "pieces", s->n_pieces);
    number(out, "tools", (int64_t)s->n_tools);
    for (size_t i = 0; i < s->n_tools; i++)
        buf_printf(out, "tool%zu=%s %.*s\ntool%zu_id=%s\n", i, s->tool_names[i],
                   STR_ARG(buf_str(&s->tool_args[i])), i, s->tool_ids[i]);
    line(out, "id", str_of(s->id));
    line(out, "model", str_of(s->model));
    number(out, "input_tok", s->input_tok);
    number(out, "output_tok", s->output_tok);
    number(out, "cached_tok", s->cached_tok);
    number(out, "written_tok", s->written_tok);
    number(out, "reasoning_tok", s->reasoning_tok);
    number(out, "n_start", s->n_start);
    number(out, "n_finish", s->n_finish);
    number(out, "n_usage", s->n_usage);
    number(out, "n_end", s->n_end);
    number(out, "n_error", s->n_error);
    number(out, "n_failed", s->n_failed);
    number(out, "n_comments", s->n_comments);
    number(out, "n_resets", s->n_resets);
    line(out, "class", str_of(s->err_class));
    line(out, "origin", str_of(s->err_origin));
    line(out, "provider", str_of(s->err_provider));
    line(out, "provider_code", str_of(s->err_provider_code));
    line(out, "request_id", str_of(s->err_request_id));
    number(out, "attempts", s->err_attempts);
    number(out, "retryable", s->err_retryable);
    line(out, "type", str_of(s->err_type));
    line(out, "code", str_of(s->err_code));
    line(out, "message", str_of(s->err_message));
    line(out, "note", buf_str(&s->note));
    buf_addz(out, "problems=");
    for (size_t i = 0; i < s->n_problems; i++)
        buf_printf(out, "%s%s", i ? "," : "", s->problems[i]);
    buf_addc(out, '\n');
}
