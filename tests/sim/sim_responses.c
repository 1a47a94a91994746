/*
 * sim_responses.c: OpenAI Responses as the vendor describes it, both ways.
 *
 * Stateless: it keeps no response, and refuses what would need one.
 *
 * Sources: openai-openapi file of 2026-08-21 (CreateResponse, Response, Item, ResponseStreamEvent),
 * the guides on reasoning, streaming and migration (2026-10), captured streams.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"

#include "tests/sim/sim.h"

enum {
    IMAGE_TOK = 85,  /* low detail */
    MESSAGE_TOK = 3, /* around every message */
    CAP_LEAST = 16,
};

/* ---- reading ---- */

static const char *const known_fields[] = {
    "model",
    "input",
    "instructions",
    "previous_response_id",
    "conversation",
    "store",
    "background",
    "stream",
    "stream_options",
    "max_output_tokens",
    "max_tool_calls",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "include",
    "truncation",
    "context_management",
    "prompt",
    "temperature",
    "top_p",
    "top_logprobs",
    "metadata",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "user",
    "moderation",
};

static bool bad(struct fault *f, const char *code, const char *param, const char *message)
{
    fault_invalid(f, "invalid_request_error", code, param, message);
    return false;
}

static bool is_known(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(known_fields); i++)
        if (strcmp(known_fields[i], key) == 0)
            return true;
    return false;
}

/* Is it about the answer, of which there is none when a prompt is counted? */
static bool is_of_answer(const char *key)
{
    static const char *const words[] = {"store",   "stream",      "max_output_tokens",
                                        "include", "temperature", "top_p"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i], key) == 0)
            return true;
    return false;
}

static bool check_fields(struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object_iter it;
    json_object_object_foreachC(ask->body, it)
    {
        bool is_odd = ask->count_only && is_of_answer(it.key);
        if ((is_odd || !is_known(it.key)) && !p->lax)
            return bad(f, "unknown_parameter", arena_strz(ask->arena, str_of(it.key)),
                       arena_printf(ask->arena, "Unknown parameter: '%s'.", it.key));
    }
    if (p->reasoner && (json_object_object_get_ex(ask->body, "temperature", NULL) ||
                        json_object_object_get_ex(ask->body, "top_p", NULL)))
        return bad(f, "unsupported_parameter", "temperature",
                   "Unsupported parameter: 'temperature' is not supported with this "
                   "model.");
    if (jx_str(ask->body, "previous_response_id").len > 0)
        return bad(f, "previous_response_not_found", "previous_response_id",
                   "Previous response with that id not found.");
    if (ask->max_tok >= 0 && ask->max_tok < CAP_LEAST)
        return bad(f, "integer_below_min_value", "max_output_tokens",
                   "Invalid 'max_output_tokens': integer below minimum value. Expected a "
                   "value >= 16.");
    return true;
}

/* A part of a message, or of a result; its text is appended. */
static bool read_part(struct ask *ask, struct json_object *part, bool is_assistant,
                      struct buf *text, struct fault *f)
{
    struct str type = jx_str(part, "type");
    const char *text_type = is_assistant ? "output_text" : "input_text";
    if (str_eqz(type, text_type)) {
        buf_adds(text, jx_str(part, "text"));
        return jx_str(part, "text").ptr != NULL ||
               bad(f, "missing_required_parameter", "input", "A part has no text.");
    }
    if (is_assistant && str_eqz(type, "refusal"))
        return true;
    if (!is_assistant && str_eqz(type, "input_image")) {
        struct str url = jx_str(part, "image_url");
        if (!str_starts(url, STR("https://")) && !str_starts(url, STR("data:image/")))
            return bad(f, "invalid_value", "input", "Invalid image URL.");
        ask->prompt_tok += IMAGE_TOK;
        return true;
    }
    if (!is_assistant && str_eqz(type, "input_file"))
        return jx_str(part, "file_url").len > 0 || jx_str(part, "file_data").len > 0 ||
               bad(f, "invalid_value", "input", "A file has no data.");
    return bad(f, "invalid_value", "input", "Invalid content part type.");
}

static bool read_content(struct ask *ask, struct json_object *o, const char *key,
                         bool is_assistant, struct buf *text, struct fault *f)
{
    struct json_object *parts = jx_arr(o, key);
    struct str plain = jx_str(o, key);
    if (parts == NULL) {
        buf_adds(text, plain);
        return plain.ptr != NULL ||
               bad(f, "missing_required_parameter", "input", "An item has no content.");
    }
    for (size_t i = 0; i < json_object_array_length(parts); i++)
        if (!read_part(ask, json_object_array_get_idx(parts, i), is_assistant, text, f))
            return false;
    return true;
}

static bool read_message(struct ask *ask, struct json_object *item, struct fault *f)
{
    static const char *const roles[] = {"user", "assistant", "system", "developer"};
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    struct str role = jx_str(item, "role");
    size_t i = 0;
    while (i < ARRAY_LEN(roles) && !str_eqz(role, roles[i]))
        i++;
    if (i == ARRAY_LEN(roles))
        return bad(f, "invalid_value", "input", "Invalid role of a message.");
    if (!read_content(ask, item, "content", str_eqz(role, "assistant"), &text, f))
        return false;
    ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
    if (str_eqz(role, "user"))
        ask->prompt = arena_str(ask->arena, buf_str(&text));
    return true;
}

/* Was it called by an item before? */
static bool call_exists(struct json_object *input, size_t at, struct str id,
                        const char *type)
{
    for (size_t i = 0; i < at; i++) {
        struct json_object *item = json_object_array_get_idx(input, i);
        if (str_eqz(jx_str(item, "type"), type) && str_eq(jx_str(item, "call_id"), id))
            return true;
    }
    return false;
}

static bool read_result(struct ask *ask, struct json_object *input, size_t at,
                        struct fault *f)
{
    struct json_object *item = json_object_array_get_idx(input, at);
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    bool is_custom = str_eqz(jx_str(item, "type"), "custom_tool_call_output");
    if (!call_exists(input, at, jx_str(item, "call_id"),
                     is_custom ? "custom_tool_call" : "function_call"))
        return bad(f, NULL, "input",
                   "No tool call found for function call output with that call_id.");
    if (!read_content(ask, item, "output", false, &text, f))
        return false;
    ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
    return true;
}

static bool read_call(struct ask *ask, struct json_object *item, struct fault *f)
{
    bool is_custom = str_eqz(jx_str(item, "type"), "custom_tool_call");
    struct str said = jx_str(item, is_custom ? "input" : "arguments");
    if (jx_str(item, "call_id").len == 0 || jx_str(item, "name").len == 0 ||
        said.ptr == NULL)
        return bad(f, "missing_required_parameter", "input",
                   "A call lacks call_id, name, and arguments or input.");
    ask->prompt_tok += MESSAGE_TOK + text_cost(said.len);
    return true;
}

/* Encrypted by us, or it cannot be read. */
static bool read_reasoning(struct json_object *item, struct fault *f)
{
    struct str id = jx_str(item, "id"), state = jx_str(item, "encrypted_content");
    if (!str_starts(id, STR("rs_")) || jx_arr(item, "summary") == NULL)
        return bad(f, "missing_required_parameter", "input",
                   "A reasoning item lacks id or summary.");
    size_t from = state.len - MIN(state.len, id.len);
    struct str mark = str_sub(state, from, id.len);
    return str_eq(mark, id) || bad(f, "invalid_encrypted_content", "input",
                                   "The encrypted content could not be verified.");
}

static bool read_item(struct ask *ask, struct json_object *input, size_t at,
                      struct fault *f)
{
    struct json_object *item = json_object_array_get_idx(input, at);
    struct str type = jx_str(item, "type");
    if (type.len == 0 || str_eqz(type, "message"))
        return read_message(ask, item, f);
    if (str_eqz(type, "function_call") || str_eqz(type, "custom_tool_call"))
        return read_call(ask, item, f);
    if (str_eqz(type, "function_call_output") || str_eqz(type, "custom_tool_call_output"))
        return read_result(ask, input, at, f);
    if (str_eqz(type, "reasoning"))
        return read_reasoning(item, f);
    return bad(f, "invalid_value", "input", "Invalid item type.");
}

static bool read_input(struct ask *ask, struct fault *f)
{
    struct json_object *input = jx_arr(ask->body, "input");
    struct str text = jx_str(ask->body, "input");
    ask->prompt_tok += text_cost(jx_str(ask->body, "instructions").len);
    if (input == NULL && text.ptr == NULL)
        return bad(f, "missing_required_parameter", "input",
                   "Missing required parameter: 'input'.");
    if (input == NULL) {
        ask->prompt = text;
        ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
        return true;
    }
    for (size_t i = 0; i < json_object_array_length(input); i++)
        if (!read_item(ask, input, i, f))
            return false;
    return true;
}

/* May the tool be called: the one that is named, one of those that are, or any? */
static bool is_callable(struct json_object *choice, struct str name)
{
    struct str only = jx_str(choice, "name");
    struct json_object *some = jx_arr(choice, "tools");
    for (size_t i = 0; some != NULL && i < json_object_array_length(some); i++)
        if (str_eq(jx_str(json_object_array_get_idx(some, i), "name"), name))
            return true;
    return some == NULL && (only.len == 0 || str_eq(only, name));
}

static bool read_tools(struct ask *ask, struct fault *f)
{
    struct json_object *tools = jx_arr(ask->body, "tools");
    struct json_object *choice = jx_obj(ask->body, "tool_choice");
    struct str word = jx_str(ask->body, "tool_choice");
    bool is_required = str_eqz(jx_str(choice, "mode"), "required");
    for (size_t i = 0; tools != NULL && i < json_object_array_length(tools); i++) {
        struct json_object *tool = json_object_array_get_idx(tools, i);
        struct str name = jx_str(tool, "name");
        if (jx_obj(tool, "function") != NULL)
            return bad(f, "missing_required_parameter", "tools[0].name",
                       "Missing required parameter: 'tools[0].name'.");
        bool is_custom = str_eqz(jx_str(tool, "type"), "custom");
        if (!is_custom && !str_eqz(jx_str(tool, "type"), "function"))
            continue;
        if (name.len == 0 || name.len > 64)
            return bad(f, "invalid_value", "tools", "Invalid name of a function.");
        if (ask->n_tools < SIM_TOOLS && is_callable(choice, name)) {
            ask->takes_text[ask->n_tools] = is_custom;
            ask->tools[ask->n_tools++] =
                (struct sim_tool){name, jx_obj(tool, "parameters")};
        }
    }
    ask->tool_none = str_eqz(word, "none");
    ask->tool_forced =
        str_eqz(word, "required") || is_required || jx_str(choice, "name").len > 0;
    ask->one_tool = !jx_bool(ask->body, "parallel_tool_calls", true);
    return true;
}

static void read_format(struct ask *ask)
{
    struct json_object *format = jx_obj(jx_obj(ask->body, "text"), "format");
    struct str type = jx_str(format, "type");
    ask->json = str_eqz(type, "json_object") || str_eqz(type, "json_schema");
    ask->schema = jx_obj(format, "schema");
}

/* A summary is told, and the thought handed out to be kept, only where that is asked for. */
static void read_wishes(struct ask *ask)
{
    struct json_object *include = jx_arr(ask->body, "include");
    struct str summary = jx_str(jx_obj(ask->body, "reasoning"), "summary");
    ask->want_reasoning = true;
    ask->hide_reasoning = summary.len == 0;
    for (size_t i = 0; include != NULL && i < json_object_array_length(include); i++) {
        struct str what = jx_text(json_object_array_get_idx(include, i));
        ask->seal_reasoning |= str_eqz(what, "reasoning.encrypted_content");
        ask->logprobs |= str_eqz(what, "message.output_text.logprobs");
    }
    jx_i64(ask->body, "top_logprobs", 0, 20, &ask->top_logprobs);
}

static bool responses_read(struct ask *ask, const struct http1_head *h,
                           const struct plan *p, struct fault *f)
{
    if (!str_starts(http1_header(h, "authorization"), STR("Bearer "))) {
        bad(f, "invalid_api_key", NULL, "You didn't provide an API key.");
        f->status = 401;
        return false;
    }
    if (ask->model.len == 0)
        return bad(f, NULL, NULL, "you must provide a model parameter");
    ask->want_usage = true;
    ask->n_choices = 1;
    read_wishes(ask);
    jx_i64(ask->body, "max_output_tokens", 1, INT32_MAX, &ask->max_tok);
    read_format(ask);
    return check_fields(ask, p, f) && read_input(ask, f) && read_tools(ask, f);
}

/* ---- writing objects ---- */

static const char *status_of(const struct answer *a)
{
    bool is_cut = strcmp(a->finish, "length") == 0 || strcmp(a->finish, "filter") == 0;
    return is_cut ? "incomplete" : "completed";
}

static void write_usage(const struct answer *a, struct buf *out)
{
    const struct sim_usage *u = &a->usage;
    if (a->plan->usage == USAGE_NULL || a->plan->usage == USAGE_NONE) {
        buf_addz(out, "null");
        return;
    }
    buf_printf(out,
               "{\"input_tokens\":%" PRId64
               ",\"input_tokens_details\":{\"cached_tokens\":%" PRId64
               ",\"cache_write_tokens\":%" PRId64 "},\"output_tokens\":%" PRId64
               ",\"output_tokens_details\":{\"reasoning_tokens\":%" PRId64
               "},\"total_tokens\":%" PRId64 "}",
               u->prompt, u->cached, u->written_5m, u->output, u->reasoning,
               u->prompt + u->output + answer_odd(a));
}

/* What ends with the item's id was encrypted by us. */
static void write_reasoning(const struct answer *a, const struct part *part,
                            bool is_whole, struct buf *out)
{
    buf_printf(out, "{\"id\":\"rs_%016" PRIx64 "\",\"type\":\"reasoning\",\"summary\":[",
               part->id);
    if (is_whole && !a->ask->hide_reasoning) {
        buf_addz(out, "{\"type\":\"summary_text\",\"text\":");
        json_quote(out, part->text);
        buf_addc(out, '}');
    }
    buf_addc(out, ']');
    if (is_whole && a->ask->seal_reasoning)
        buf_printf(out, ",\"encrypted_content\":\"gAAAAA-rs_%016" PRIx64 "\"", part->id);
    buf_addc(out, '}');
}

static void write_call(const struct part *part, bool is_whole, const char *status,
                       struct buf *out)
{
    bool is_custom = part->is_custom;
    buf_printf(out,
               "{\"id\":\"%s_%016" PRIx64 "\",\"type\":\"%s\",\"status\":\"%s\",\"%s\":",
               is_custom ? "ctc" : "fc", part->id,
               is_custom ? "custom_tool_call" : "function_call", status,
               is_custom ? "input" : "arguments");
    json_quote(out, is_whole ? part->text : STR_NONE);
    buf_printf(
        out, ",\"call_id\":\"call_%012" PRIx64 "\",\"name\":", part->id & 0xffffffffffff);
    json_quote(out, part->name);
    buf_addc(out, '}');
}

static void write_text_part(const struct answer *a, struct str text, struct buf *out)
{
    if (a->plan->refuse) {
        buf_addz(out, "{\"type\":\"refusal\",\"refusal\":");
    } else {
        buf_addz(out, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":");
        logprobs_openai(a, text, true, out);
        buf_addz(out, ",\"text\":");
    }
    json_quote(out, text);
    buf_addc(out, '}');
}

static void write_item(const struct answer *a, const struct part *part, bool is_whole,
                       const char *status, struct buf *out)
{
    if (part->kind == PART_REASONING) {
        write_reasoning(a, part, is_whole, out);
    } else if (part->kind == PART_TOOL) {
        write_call(part, is_whole, status, out);
    } else {
        buf_printf(out,
                   "{\"id\":\"msg_%016" PRIx64
                   "\",\"type\":\"message\",\"status\":\"%s\",\"content\":[",
                   part->id, status);
        if (is_whole)
            write_text_part(a, part->text, out);
        buf_addz(out, "],\"role\":\"assistant\"}");
    }
}

static void write_response(const struct answer *a, const char *status, bool is_ended,
                           struct buf *out)
{
    bool is_filtered = strcmp(a->finish, "filter") == 0;
    buf_printf(out,
               "{\"id\":\"resp_%016" PRIx64
               "\",\"object\":\"response\",\"created_at\":%" PRId64
               ",\"status\":\"%s\",\"background\":false,\"error\":null,"
               "\"incomplete_details\":",
               a->id, a->created_s, status);
    if (is_ended && strcmp(status, "incomplete") == 0)
        buf_printf(out, "{\"reason\":\"%s\"}",
                   is_filtered ? "content_filter" : "max_output_tokens");
    else
        buf_addz(out, "null");
    buf_addz(out, ",\"instructions\":null,\"max_output_tokens\":null,\"model\":");
    json_quote(out, str_of(a->model));
    buf_addz(out, ",\"output\":[");
    for (size_t i = 0; is_ended && i < a->n_parts; i++) {
        buf_addz(out, i > 0 ? "," : "");
        write_item(a, &a->parts[i], true, "completed", out);
    }
    buf_addz(out, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
                  "\"reasoning\":{\"effort\":null,\"summary\":null},"
                  "\"service_tier\":\"default\",\"store\":false,\"temperature\":1.0,"
                  "\"text\":{\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\","
                  "\"tools\":[],\"top_p\":1.0,\"truncation\":\"disabled\",\"usage\":");
    if (is_ended)
        write_usage(a, out);
    else
        buf_addz(out, "null");
    buf_addz(out, ",\"metadata\":{}}");
}

/* ---- writing events ---- */

static void begin(struct answer *a, const char *type, struct buf *out)
{
    buf_printf(out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%" PRId64,
               type, type, a->sequence++);
}

static void end(const struct answer *a, struct buf *out)
{
    if (a->plan->obfuscate)
        buf_printf(out, ",\"obfuscation\":\"%.*s\"", (int)(text_mix(out->len) % 16),
                   "q7Tz0LmP0aZ9wxBk");
    buf_addz(out, "}\n\n");
}

static void response_event(struct answer *a, const char *type, const char *status,
                           bool is_ended, struct buf *out)
{
    begin(a, type, out);
    buf_addz(out, ",\"response\":");
    write_response(a, status, is_ended, out);
    end(a, out);
}

static void item_event(struct answer *a, const struct event *ev, const char *type,
                       bool is_whole, struct buf *out)
{
    begin(a, type, out);
    buf_printf(out, ",\"output_index\":%zu,\"item\":", ev->block);
    write_item(a, ev->part, is_whole, is_whole ? "completed" : "in_progress", out);
    end(a, out);
}

static const char *const prefixes[] = {
    [PART_REASONING] = "rs", [PART_TEXT] = "msg", [PART_TOOL] = "fc"};

/* An event of a part of the item, up to its own members. */
static void begin_part(struct answer *a, const struct event *ev, const char *type,
                       struct buf *out)
{
    begin(a, type, out);
    buf_printf(out, ",\"item_id\":\"%s_%016" PRIx64 "\",\"output_index\":%zu",
               ev->part->is_custom ? "ctc" : prefixes[ev->part->kind], ev->part->id,
               ev->block);
    if (ev->part->kind == PART_REASONING)
        buf_addz(out, ",\"summary_index\":0");
    else if (ev->part->kind == PART_TEXT)
        buf_addz(out, ",\"content_index\":0");
}

static void part_event(struct answer *a, const struct event *ev, bool is_done,
                       struct buf *out)
{
    struct str text = is_done ? ev->part->text : STR_NONE;
    bool is_text = ev->part->kind == PART_TEXT;
    if (ev->part->kind == PART_TOOL)
        return;
    begin_part(a, ev,
               is_text   ? is_done ? "response.content_part.done"
                                   : "response.content_part.added"
               : is_done ? "response.reasoning_summary_part.done"
                         : "response.reasoning_summary_part.added",
               out);
    buf_addz(out, ",\"part\":");
    if (is_text) {
        write_text_part(a, text, out);
    } else {
        buf_addz(out, "{\"type\":\"summary_text\",\"text\":");
        json_quote(out, text);
        buf_addc(out, '}');
    }
    end(a, out);
}

static void text_event(struct answer *a, const struct event *ev, bool is_done,
                       struct buf *out)
{
    enum { SUMMARY, TEXT, REFUSAL, ARGS, CUSTOM };
    static const struct {
        const char *delta, *done;
        const char *member; /* of `done` */
    } rows[] = {
        [SUMMARY] = {"response.reasoning_summary_text.delta",
                     "response.reasoning_summary_text.done", "text"},
        [TEXT] = {"response.output_text.delta", "response.output_text.done", "text"},
        [REFUSAL] = {"response.refusal.delta", "response.refusal.done", "refusal"},
        [ARGS] = {"response.function_call_arguments.delta",
                  "response.function_call_arguments.done", "arguments"},
        [CUSTOM] = {"response.custom_tool_call_input.delta",
                    "response.custom_tool_call_input.done", "input"},
    };
    int i = ev->part->is_custom                ? CUSTOM
            : ev->part->kind == PART_TOOL      ? ARGS
            : ev->part->kind == PART_REASONING ? SUMMARY
            : a->plan->refuse                  ? REFUSAL
                                               : TEXT;
    begin_part(a, ev, is_done ? rows[i].done : rows[i].delta, out);
    buf_printf(out, ",\"%s\":", is_done ? rows[i].member : "delta");
    json_quote(out, is_done ? ev->part->text : ev->text);
    if (i == TEXT) {
        buf_addz(out, ",\"logprobs\":");
        logprobs_openai(a, is_done ? ev->part->text : ev->text, false, out);
    }
    end(a, out);
}

static void piece(struct answer *a, const struct event *ev, struct buf *out)
{
    bool is_told = ev->part->kind != PART_REASONING || !a->ask->hide_reasoning;
    if (ev->first)
        item_event(a, ev, "response.output_item.added", false, out);
    if (ev->first && is_told)
        part_event(a, ev, false, out);
    if (is_told)
        text_event(a, ev, false, out);
    if (ev->last && is_told) {
        text_event(a, ev, true, out);
        part_event(a, ev, true, out);
    }
    if (ev->last)
        item_event(a, ev, "response.output_item.done", true, out);
}

/* The last event holds finish and usage; nothing follows it. */
static void responses_event(struct answer *a, const struct event *ev, struct buf *out)
{
    bool is_cut = strcmp(status_of(a), "incomplete") == 0;
    switch (ev->kind) {
    case EV_START:
        response_event(a, "response.created", "in_progress", false, out);
        response_event(a, "response.in_progress", "in_progress", false, out);
        return;
    case EV_COMMENT:
        buf_addz(out, ": keep-alive\n\n");
        return;
    case EV_PIECE:
        piece(a, ev, out);
        return;
    case EV_FINISH:
        return;
    case EV_USAGE:
        if (!a->plan->no_finish)
            response_event(a, is_cut ? "response.incomplete" : "response.completed",
                           status_of(a), true, out);
        return;
    case EV_END:
        if (a->plan->no_finish) /* as a compatible server ends that lost its own source */
            buf_addz(out, "data: [DONE]\n\n");
        return;
    }
}

static void responses_whole(struct answer *a, struct buf *out)
{
    write_response(a, a->plan->no_finish ? "in_progress" : status_of(a), true, out);
}

/* As captured: an error event, then the response that failed by it. */
static void responses_in_band(const struct fault *f, uint64_t id, struct buf *out)
{
    AUTO(buf_release) struct buf error = BUF_INIT(LIMIT_HEAD_LEN);
    sim_openai.error(f, id, &error);
    struct str inside = buf_str(&error); /* {"error":{…}} without its outer braces */
    buf_addz(out, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":99,");
    buf_adds(out, str_sub(inside, 1, inside.len - 2));
    buf_printf(out,
               "}\n\nevent: response.failed\ndata: {\"type\":\"response.failed\","
               "\"sequence_number\":100,\"response\":{\"id\":\"resp_%016" PRIx64
               "\",\"object\":\"response\",\"status\":\"failed\",",
               id);
    buf_adds(out, str_sub(inside, 1, inside.len - 2));
    buf_addz(out, ",\"output\":[],\"usage\":null}}\n\n");
}

static void responses_error(const struct fault *f, uint64_t id, struct buf *out)
{
    sim_openai.error(f, id, out);
}

static void responses_headers(const struct plan *p, uint64_t id, int64_t wall_us,
                              struct buf *out)
{
    sim_openai.headers(p, id, wall_us, out);
}

static void responses_models(struct buf *out)
{
    sim_openai.models(out);
}

static void responses_count(int64_t n, struct buf *out)
{
    buf_printf(out, "{\"object\":\"response.input_tokens\",\"input_tokens\":%" PRId64 "}",
               n);
}

const struct sim_dialect sim_responses = {
    .name = "responses",
    .shape = SIM_OPENAI, /* the same errors */
    .count = responses_count,
    .read = responses_read,
    .event = responses_event,
    .whole = responses_whole,
    .error = responses_error,
    .in_band = responses_in_band,
    .garbled = "event: response.output_text.delta\ndata: "
               "{\"type\":\"response.output_text.delta\",\"seque\n\n",
    .headers = responses_headers,
    .models = responses_models,
};
