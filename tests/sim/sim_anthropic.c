/*
 * sim_anthropic.c: Anthropic Messages as the vendor describes it, both ways.
 *
 * Sources: platform.claude.com/docs api/messages, api/errors, api/versioning, api/rate-limits,
 * build-with-claude/streaming and /thinking, as of 2026-08-22 and release notes to 2026-11-12.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"

#include "tests/sim/sim.h"

enum {
    IMAGE_TOK = 1600,
    MESSAGE_TOK = 3,
    MIN_THINKING_TOK = 1024,
};

/* ---- reading ---- */

static const char *const known_fields[] = {
    "model",
    "max_tokens",
    "messages",
    "system",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "cache_control",
    "metadata",
    "service_tier",
    "inference_geo",
    "container",
    "mcp_servers",
    "context_management",
    "fallbacks",
    "fallback_credit_token",
    "diagnostics",
    "speed",
};

static bool bad(struct fault *f, const char *message)
{
    fault_invalid(f, "invalid_request_error", NULL, NULL, message);
    return false;
}

static bool check_head(const struct ask *ask, const struct http1_head *h, struct fault *f)
{
    static const char *const sampling[] = {"temperature", "top_p", "top_k"};
    struct str version = http1_header(h, "anthropic-version");
    bool has_key = http1_header(h, "x-api-key").len > 0 ||
                   str_starts(http1_header(h, "authorization"), STR("Bearer "));
    if (!has_key) {
        fault_invalid(f, "authentication_error", NULL, NULL,
                      "x-api-key header is required");
        f->status = 401;
        return false;
    }
    if (version.len == 0)
        return bad(f, "anthropic-version: header is required");
    if (!str_eqz(version, "2023-06-01") && !str_eqz(version, "2026-10-21"))
        return bad(f, "anthropic-version: not a valid version");
    /* the newer version refuses sampling parameters even at their default value */
    for (size_t i = 0; str_eqz(version, "2026-10-21") && i < ARRAY_LEN(sampling); i++)
        if (json_object_object_get_ex(ask->body, sampling[i], NULL))
            return bad(f, arena_printf(ask->arena, "%s: not supported in this version",
                                       sampling[i]));
    return true;
}

static bool check_fields(const struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object_iter it;
    json_object_object_foreachC(ask->body, it)
    {
        const char *key = it.key;
        size_t i = 0;
        while (i < ARRAY_LEN(known_fields) && strcmp(known_fields[i], key) != 0)
            i++;
        if (i == ARRAY_LEN(known_fields) && !p->lax)
            return bad(
                f, arena_printf(ask->arena, "%s: Extra inputs are not permitted", key));
    }
    return true;
}

static bool read_blocks(struct ask *ask, struct json_object *blocks, struct buf *text,
                        struct fault *f);

static bool read_block(struct ask *ask, struct json_object *block, struct buf *text,
                       struct fault *f)
{
    struct str type = jx_str(block, "type");
    if (str_eqz(type, "text")) {
        struct str s = jx_str(block, "text");
        buf_adds(text, s);
        return s.len > 0 || bad(f, "messages: text content blocks must be non-empty");
    }
    if (str_eqz(type, "image")) {
        struct str source = jx_str(jx_obj(block, "source"), "type");
        ask->prompt_tok += IMAGE_TOK;
        return str_eqz(source, "base64") || str_eqz(source, "url") ||
               str_eqz(source, "file") || bad(f, "messages: invalid image source");
    }
    if (str_eqz(type, "tool_result")) {
        struct json_object *inner = jx_arr(block, "content");
        buf_adds(text, jx_str(block, "content"));
        return inner == NULL || read_blocks(ask, inner, text, f);
    }
    if (str_eqz(type, "tool_use"))
        return jx_obj(block, "input") != NULL ||
               bad(f, "messages: tool_use.input: Input should be a valid dictionary");
    if (str_eqz(type, "thinking"))
        return jx_str(block, "signature").len > 0 ||
               bad(f, "messages: thinking.signature: Field required");
    return type.len > 0 || bad(f, "messages: content block has no type");
}

static bool read_blocks(struct ask *ask, struct json_object *blocks, struct buf *text,
                        struct fault *f)
{
    for (size_t i = 0; i < json_object_array_length(blocks); i++)
        if (!read_block(ask, json_object_array_get_idx(blocks, i), text, f))
            return false;
    return true;
}

static bool read_content(struct ask *ask, struct json_object *of, const char *key,
                         struct buf *text, struct fault *f)
{
    struct json_object *blocks = jx_arr(of, key);
    struct str plain = jx_str(of, key);
    if (blocks != NULL)
        return read_blocks(ask, blocks, text, f);
    buf_adds(text, plain);
    return plain.len > 0 ||
           bad(f, arena_printf(ask->arena, "%s: must not be empty", key));
}

static struct json_object *block_at(struct json_object *message, size_t i)
{
    struct json_object *blocks = jx_arr(message, "content");
    bool there = blocks != NULL && i < json_object_array_length(blocks);
    return there ? json_object_array_get_idx(blocks, i) : NULL;
}

/* Every tool_use of a message is answered first thing in the message after it. */
static bool check_tool_results(struct json_object *message, struct json_object *after,
                               struct fault *f)
{
    struct json_object *block, *result;
    for (size_t i = 0; (block = block_at(message, i)) != NULL; i++) {
        bool found = !str_eqz(jx_str(block, "type"), "tool_use");
        for (size_t k = 0; !found && (result = block_at(after, k)) != NULL; k++) {
            if (!str_eqz(jx_str(result, "type"), "tool_result"))
                break;
            found = str_eq(jx_str(result, "tool_use_id"), jx_str(block, "id"));
        }
        if (!found)
            return bad(f,
                       "messages: `tool_use` ids were found without `tool_result` blocks "
                       "immediately after");
    }
    return true;
}

static bool read_prefill(struct ask *ask, const struct plan *p, struct str text,
                         struct fault *f)
{
    if (p->no_prefill)
        return bad(f, "This model does not support assistant message prefill. The "
                      "conversation must end with a user message.");
    if (text.len > 0 && str_trim(text).len < text.len &&
        strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
        return bad(
            f, "messages: final assistant content cannot end with trailing whitespace");
    ask->prefill = text;
    return true;
}

static bool read_messages(struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object *messages = jx_arr(ask->body, "messages");
    size_t n = messages ? json_object_array_length(messages) : 0;
    if (n == 0)
        return bad(f, "messages: at least one message is required");
    for (size_t i = 0; i < n; i++) {
        struct json_object *m = json_object_array_get_idx(messages, i);
        struct json_object *after =
            i + 1 < n ? json_object_array_get_idx(messages, i + 1) : NULL;
        struct str role = jx_str(m, "role");
        AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
        if (!str_eqz(role, "user") && !str_eqz(role, "assistant") &&
            (!str_eqz(role, "system") || i == 0))
            return bad(f, "messages: role: Input should be 'user' or 'assistant'");
        if (!read_content(ask, m, "content", &text, f))
            return false;
        if (str_eqz(role, "assistant") && !check_tool_results(m, after, f))
            return false;
        ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
        struct str kept = arena_str(ask->arena, buf_str(&text));
        if (str_eqz(role, "user"))
            ask->prompt = kept;
        else if (str_eqz(role, "assistant") && after == NULL &&
                 !read_prefill(ask, p, kept, f))
            return false;
    }
    return true;
}

static bool read_system(struct ask *ask, struct fault *f)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (json_object_object_get_ex(ask->body, "system", NULL) &&
        !read_content(ask, ask->body, "system", &text, f))
        return false;
    ask->prompt_tok += text_cost(text.len);
    return true;
}

static bool is_tool_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return s.len > 0 && s.len <= 64;
}

static bool read_tools(struct ask *ask, struct fault *f)
{
    struct json_object *tools = jx_arr(ask->body, "tools");
    struct json_object *choice = jx_obj(ask->body, "tool_choice");
    struct str type = jx_str(choice, "type"), wanted = STR_NONE;
    size_t n = tools ? json_object_array_length(tools) : 0;
    if (choice != NULL && n == 0)
        return bad(f, "tool_choice: may only be specified while providing tools");
    if (str_eqz(type, "tool"))
        wanted = jx_str(choice, "name");
    for (size_t i = 0; i < n; i++) {
        struct json_object *tool = json_object_array_get_idx(tools, i);
        struct json_object *schema = jx_obj(tool, "input_schema");
        struct str name = jx_str(tool, "name"), kind = jx_str(tool, "type");
        bool is_custom = kind.len == 0 || str_eqz(kind, "custom");
        if (!is_tool_name(name))
            return bad(
                f, "tools: name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'");
        if (is_custom && schema == NULL)
            return bad(f, "tools: input_schema: Field required");
        if (is_custom && ask->n_tools < SIM_TOOLS &&
            (!wanted.len || str_eq(wanted, name)))
            ask->tools[ask->n_tools++] = (struct sim_tool){name, schema};
    }
    ask->tool_none = str_eqz(type, "none");
    ask->tool_forced = str_eqz(type, "any") || str_eqz(type, "tool");
    ask->one_tool = jx_bool(choice, "disable_parallel_tool_use", false);
    return true;
}

/* Models after 4.6 do not tell what they think unless they are asked to. */
static bool is_silent(struct str model)
{
    static const char *const names[] = {"opus-4-7", "opus-4-8", "opus-5", "sonnet-5",
                                        "haiku-5",  "fable",    "mythos"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_contains(model, str_of(names[i])))
            return true;
    return false;
}

static bool read_thinking(struct ask *ask, struct fault *f)
{
    struct json_object *thinking = jx_obj(ask->body, "thinking");
    struct str type = jx_str(thinking, "type");
    int64_t budget = 0;
    ask->want_reasoning = str_eqz(type, "enabled") || str_eqz(type, "adaptive");
    struct str display = jx_str(thinking, "display");
    ask->hide_reasoning =
        display.len > 0 ? str_eqz(display, "omitted") : is_silent(ask->model);
    if (!str_eqz(type, "enabled"))
        return true;
    if (!jx_i64(thinking, "budget_tokens", MIN_THINKING_TOK, INT32_MAX, &budget))
        return bad(
            f, "thinking.budget_tokens: Input should be greater than or equal to 1024");
    return budget < ask->max_tok ||
           bad(f, "`max_tokens` must be greater than `thinking.budget_tokens`");
}

static bool anthropic_read(struct ask *ask, const struct http1_head *h,
                           const struct plan *p, struct fault *f)
{
    struct json_object *format = jx_obj(jx_obj(ask->body, "output_config"), "format");
    ask->n_choices = 1;
    if (!check_head(ask, h, f))
        return false;
    if (ask->model.len == 0)
        return bad(f, "model: Field required");
    if (!jx_i64(ask->body, "max_tokens", 0, INT32_MAX, &ask->max_tok) && !ask->count_only)
        return bad(f, "max_tokens: Field required");
    ask->schema = jx_obj(format, "schema");
    ask->json = format != NULL;
    return check_fields(ask, p, f) && read_thinking(ask, f) && read_system(ask, f) &&
           read_messages(ask, p, f) && read_tools(ask, f);
}

/* ---- writing ---- */

static const char *finish_word(const struct answer *a)
{
    static const char *const rows[][2] = {{"stop", "end_turn"},
                                          {"length", "max_tokens"},
                                          {"tools", "tool_use"},
                                          {"filter", "refusal"},
                                          {"pause", "pause_turn"}};
    return answer_finish_word(a, rows, ARRAY_LEN(rows));
}

/* The whole object; input counts exclude what the cache read and wrote. */
static void write_usage(const struct answer *a, int64_t output, struct buf *out)
{
    const struct sim_usage *u = &a->usage;
    int64_t written = u->written_5m + u->written_1h;
    buf_printf(out, "{\"input_tokens\":%" PRId64,
               MAX(u->prompt - u->cached - written, 0));
    if (a->plan->usage == USAGE_NULL)
        buf_addz(
            out,
            ",\"cache_creation_input_tokens\":null,\"cache_read_input_tokens\":null");
    if (a->plan->usage == USAGE_FULL || a->plan->usage == USAGE_ODD)
        buf_printf(out,
                   ",\"cache_creation_input_tokens\":%" PRId64
                   ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":%" PRId64
                   ",\"ephemeral_1h_input_tokens\":%" PRId64
                   "},\"cache_read_input_tokens\":%" PRId64,
                   written, u->written_5m + answer_odd(a), u->written_1h, u->cached);
    buf_printf(out, ",\"output_tokens\":%" PRId64, output);
    if (a->plan->usage == USAGE_FULL)
        buf_printf(out,
                   ",\"output_tokens_details\":{\"thinking_tokens\":%" PRId64
                   "},\"service_tier\":\"standard\",\"inference_geo\":\"global\"",
                   MIN(u->reasoning, output));
    buf_addc(out, '}');
}

static void write_message_head(const struct answer *a, struct buf *out)
{
    buf_printf(out,
               "{\"id\":\"msg_%016" PRIx64
               "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
               a->id);
    json_quote(out, str_of(a->model));
    buf_addz(out, ",\"content\":[");
}

static void write_start(const struct answer *a, struct buf *out)
{
    buf_addz(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
    write_message_head(a, out);
    buf_addz(out, "],\"stop_reason\":null,\"stop_sequence\":null");
    if (a->plan->usage != USAGE_NONE) {
        buf_addz(out, ",\"usage\":");
        write_usage(a, 1, out);
    }
    buf_addz(out, "}}\n\n");
}

static const char ping[] = "event: ping\ndata: {\"type\":\"ping\"}\n\n";

static void write_block_start(const struct event *ev, struct buf *out)
{
    buf_printf(out,
               "event: content_block_start\ndata: {\"type\":\"content_block_start\","
               "\"index\":%zu,\"content_block\":",
               ev->block);
    switch (ev->part->kind) {
    case PART_REASONING:
        buf_addz(out, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
        break;
    case PART_TEXT:
        buf_addz(out, "{\"type\":\"text\",\"text\":\"\"}");
        break;
    case PART_TOOL:
        buf_printf(out,
                   "{\"type\":\"tool_use\",\"id\":\"toolu_%012" PRIx64 "\",\"name\":",
                   ev->part->id & 0xffffffffffff);
        json_quote(out, ev->part->name);
        buf_addz(out, ",\"input\":{}}");
        break;
    }
    buf_addz(out, "}\n\n");
}

static void write_delta(const struct event *ev, const char *type, const char *key,
                        struct str text, struct buf *out)
{
    buf_printf(out,
               "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
               "\"index\":%zu,\"delta\":{\"type\":\"%s\",\"%s\":",
               ev->block, type, key);
    json_quote(out, text);
    buf_addz(out, "}}\n\n");
}

/* Opaque to everyone but its maker; returned byte for byte. */
static struct str signature_of(const struct part *part, char text[32])
{
    int n = snprintf(text, 32, "Sig%016" PRIx64 "==", part->id);
    return (struct str){text, (size_t)n};
}

static void write_piece(const struct answer *a, const struct event *ev, struct buf *out)
{
    static const char *const types[][2] = {
        [PART_REASONING] = {"thinking_delta", "thinking"},
        [PART_TEXT] = {"text_delta", "text"},
        [PART_TOOL] = {"input_json_delta", "partial_json"}};
    const char *const *type = types[ev->part->kind];
    bool hidden = ev->part->kind == PART_REASONING && a->ask->hide_reasoning;
    if (ev->first)
        write_block_start(ev, out);
    if (ev->first && ev->block == 0)
        buf_addz(out, ping);
    if (!hidden)
        write_delta(ev, type[0], type[1], ev->text, out);
    if (!ev->last)
        return;
    char text[32];
    if (ev->part->kind == PART_REASONING)
        write_delta(ev, "signature_delta", "signature", signature_of(ev->part, text),
                    out);
    buf_printf(out,
               "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
               "\"index\":%zu}\n\n",
               ev->block);
}

static void write_stop(const struct answer *a, struct buf *out)
{
    const char *word = finish_word(a);
    buf_addz(out, "\"stop_reason\":");
    json_quote(out, str_of(word));
    buf_addz(out, ",\"stop_sequence\":null");
    if (strcmp(word, "refusal") == 0)
        buf_addz(out,
                 ",\"stop_details\":{\"type\":\"refusal\",\"category\":\"general_harms\","
                 "\"explanation\":\"declined\"}");
}

static void write_finish(const struct answer *a, struct buf *out)
{
    buf_addz(out, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{");
    write_stop(a, out);
    buf_addc(out, '}');
    if (a->plan->usage != USAGE_NONE)
        buf_printf(out, ",\"usage\":{\"output_tokens\":%" PRId64, a->usage.output);
    if (a->plan->usage == USAGE_FULL)
        buf_printf(out, ",\"output_tokens_details\":{\"thinking_tokens\":%" PRId64 "}",
                   a->usage.reasoning);
    buf_addz(out, a->plan->usage != USAGE_NONE ? "}}\n\n" : "}\n\n");
}

static void anthropic_event(struct answer *a, const struct event *ev, struct buf *out)
{
    switch (ev->kind) {
    case EV_START:
        write_start(a, out);
        return;
    case EV_COMMENT:
        buf_addz(out, ping);
        return;
    case EV_PIECE:
        write_piece(a, ev, out);
        return;
    case EV_FINISH:
        write_finish(a, out);
        return;
    case EV_USAGE:
        return; /* came with the finish */
    case EV_END:
        buf_addz(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        return;
    }
}

static void write_block(const struct answer *a, const struct part *part, struct buf *out)
{
    char text[32];
    switch (part->kind) {
    case PART_REASONING:
        buf_addz(out, "{\"type\":\"thinking\",\"thinking\":");
        json_quote(out, a->ask->hide_reasoning ? STR_NONE : part->text);
        buf_addz(out, ",\"signature\":");
        json_quote(out, signature_of(part, text));
        break;
    case PART_TEXT:
        buf_addz(out, "{\"type\":\"text\",\"text\":");
        json_quote(out, part->text);
        break;
    case PART_TOOL:
        buf_printf(out,
                   "{\"type\":\"tool_use\",\"id\":\"toolu_%012" PRIx64 "\",\"name\":",
                   part->id & 0xffffffffffff);
        json_quote(out, part->name);
        buf_addz(out, ",\"input\":");
        buf_adds(out, part->text);
        break;
    }
    buf_addc(out, '}');
}

static void anthropic_whole(struct answer *a, struct buf *out)
{
    write_message_head(a, out);
    for (size_t i = 0; i < a->n_parts; i++) {
        buf_addz(out, i > 0 ? "," : "");
        write_block(a, &a->parts[i], out);
    }
    buf_addz(out, "],");
    if (a->plan->no_finish)
        buf_addz(out, "\"stop_reason\":null,\"stop_sequence\":null");
    else
        write_stop(a, out);
    if (a->plan->usage != USAGE_NONE) {
        buf_addz(out, ",\"usage\":");
        write_usage(a, a->usage.output, out);
    }
    buf_addc(out, '}');
}

static void anthropic_error(const struct fault *f, uint64_t id, struct buf *out)
{
    buf_addz(out, "{\"type\":\"error\",\"error\":{\"type\":");
    json_quote(out, str_of(f->type));
    buf_addz(out, ",\"message\":");
    json_quote(out, str_of(f->message));
    if (f->details != NULL)
        buf_printf(out, ",\"details\":%s", f->details);
    buf_printf(out, "},\"request_id\":\"req_%016" PRIx64 "\"}", id);
}

static void anthropic_in_band(const struct fault *f, uint64_t id, struct buf *out)
{
    buf_addz(out, "event: error\ndata: ");
    anthropic_error(f, id, out);
    buf_addz(out, "\n\n");
}

static void write_limit(struct buf *out, const char *what, int64_t limit, int64_t left,
                        int64_t reset_wall_us)
{
    char name[64], reset[CLOCK_TEXT_LEN];
    if (limit < 0)
        return;
    snprintf(name, sizeof name, "anthropic-ratelimit-%s-limit", what);
    http1_printf_header(out, name, "%" PRId64, limit);
    snprintf(name, sizeof name, "anthropic-ratelimit-%s-remaining", what);
    http1_printf_header(out, name, "%" PRId64, left < 0 ? limit : left);
    snprintf(name, sizeof name, "anthropic-ratelimit-%s-reset", what);
    clock_rfc3339(reset, reset_wall_us, 0, false);
    http1_write_header(out, name, str_of(reset));
}

static void anthropic_headers(const struct plan *p, uint64_t id, int64_t wall_us,
                              struct buf *out)
{
    http1_printf_header(out, "request-id", "req_%016" PRIx64, id);
    http1_write_header(out, "anthropic-organization-id", STR("org-sim"));
    write_limit(out, "requests", p->limit_requests, p->left_requests,
                wall_us + p->reset_requests_us);
    write_limit(out, "input-tokens", p->limit_tokens, p->left_tokens,
                wall_us + p->reset_tokens_us);
}

static void anthropic_models(struct buf *out)
{
    buf_addz(
        out,
        "{\"data\":[{\"type\":\"model\",\"id\":\"claude-sim\",\"display_name\":\"Sim\","
        "\"created_at\":\"2026-11-25T00:00:00Z\",\"max_input_tokens\":200000,"
        "\"max_tokens\":64000}],\"has_more\":false,\"first_id\":\"claude-sim\","
        "\"last_id\":\"claude-sim\"}");
}

static void anthropic_count(int64_t n, struct buf *out)
{
    buf_printf(out, "{\"input_tokens\":%" PRId64 "}", n);
}

const struct sim_dialect sim_anthropic = {
    .name = "anthropic",
    .shape = SIM_ANTHROPIC,
    .read = anthropic_read,
    .event = anthropic_event,
    .whole = anthropic_whole,
    .error = anthropic_error,
    .in_band = anthropic_in_band,
    .garbled =
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"ind\n\n",
    .headers = anthropic_headers,
    .models = anthropic_models,
    .count = anthropic_count,
};
