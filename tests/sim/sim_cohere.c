/*
 * sim_cohere.c: Cohere's chat, version 2, as the vendor describes it, both ways.
 *
 * Sources: cohere-openapi.yaml of 2026-08-20; docs.cohere.com pages on streaming, errors, tool
 * use, reasoning and structured outputs (2026-08).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"
#include "core/num.h"

#include "tests/sim/sim.h"

enum {
    IMAGE_TOK = 1032,
    MESSAGE_TOK = 3,
    PREAMBLE_TOK = 496, /* the vendor's own prompt: processed, and not billed */
    STOPS_MAX = 5,
};

static bool bad(struct fault *f, const char *message)
{
    fault_invalid(f, NULL, NULL, NULL, message);
    return false;
}

/* ---- reading ---- */

static const char *const known_fields[] = {
    "model",
    "messages",
    "stream",
    "tools",
    "tool_choice",
    "strict_tools",
    "documents",
    "citation_options",
    "response_format",
    "safety_mode",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "p",
    "k",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logprobs",
    "thinking",
    "priority",
};

/* In millionths. */
static const struct {
    const char *name;
    int64_t min, max;
} ranges[] = {
    {"temperature", 0, 1000000},
    {"p", 10000, 990000},
    {"k", 0, 500000000},
    {"frequency_penalty", 0, 1000000},
    {"presence_penalty", 0, 1000000},
};

static bool check_fields(const struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object_iter it;
    json_object_object_foreachC(ask->body, it)
    {
        size_t i = 0;
        while (i < ARRAY_LEN(known_fields) && strcmp(known_fields[i], it.key) != 0)
            i++;
        if (i == ARRAY_LEN(known_fields) && !p->lax) {
            bad(f, arena_printf(ask->arena,
                                "unknown field: parameter '%s' is not a valid field",
                                it.key));
            f->status = 422;
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        struct str number = jx_number(ask->body, ranges[i].name);
        int64_t v = 0;
        if (number.len > 0 && (num_decimal(number, 6, true, true, &v) != ERR_OK ||
                               v < ranges[i].min || v > ranges[i].max))
            return bad(f, arena_printf(ask->arena, "invalid request: %s is out of range",
                                       ranges[i].name));
    }
    struct json_object *stops = jx_arr(ask->body, "stop_sequences");
    return stops == NULL || json_object_array_length(stops) <= STOPS_MAX ||
           bad(f, "invalid request: at most 5 stop_sequences");
}

static bool read_text(struct str s, struct buf *text, struct fault *f)
{
    buf_adds(text, s);
    return s.len > 0 || bad(f, "invalid request: all elements must have text");
}

static bool read_part(struct ask *ask, struct json_object *part, bool is_user,
                      struct buf *text, struct fault *f)
{
    struct str type = jx_str(part, "type");
    if (str_eqz(type, "text"))
        return read_text(jx_str(part, "text"), text, f);
    if (str_eqz(type, "thinking") && !is_user)
        return read_text(jx_str(part, "thinking"), text, f);
    struct str url = jx_str(jx_obj(part, "image_url"), "url");
    if (!str_eqz(type, "image_url") || !is_user)
        return bad(f, "invalid request: unknown type of content");
    ask->prompt_tok += IMAGE_TOK;
    return str_starts(url, STR("https://")) || str_starts(url, STR("data:image/")) ||
           bad(f, "invalid request: image_url must be a URL or a data URI");
}

static bool read_content(struct ask *ask, struct json_object *m, bool is_user,
                         struct buf *text, struct fault *f)
{
    struct json_object *parts = jx_arr(m, "content");
    struct str plain = jx_str(m, "content");
    size_t n = parts != NULL ? json_object_array_length(parts) : 0;
    if (parts == NULL)
        return (plain.ptr == NULL && jx_arr(m, "tool_calls") != NULL) ||
               read_text(plain, text, f);
    for (size_t i = 0; i < n; i++)
        if (!read_part(ask, json_object_array_get_idx(parts, i), is_user, text, f))
            return false;
    return n > 0 || bad(f, "invalid request: content must not be empty");
}

static bool is_tool_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool begins = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!begins && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return s.len > 0;
}

/* The calls of the assistant's message: each with an id, a fit name, and arguments as a text. */
static bool check_calls(struct json_object *m, struct fault *f)
{
    struct json_object *calls = jx_arr(m, "tool_calls");
    for (size_t i = 0; calls != NULL && i < json_object_array_length(calls); i++) {
        struct json_object *call = json_object_array_get_idx(calls, i);
        struct json_object *fn = jx_obj(call, "function");
        if (jx_str(call, "id").len == 0 || !is_tool_name(jx_str(fn, "name")) ||
            jx_str(fn, "arguments").ptr == NULL)
            return bad(f, "invalid request: a tool call needs id, name and arguments");
    }
    return true;
}

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

static bool read_message(struct ask *ask, struct json_object *messages, size_t at,
                         struct fault *f)
{
    struct json_object *m = json_object_array_get_idx(messages, at);
    struct str role = jx_str(m, "role");
    bool is_user = str_eqz(role, "user");
    if (str_eqz(role, "system") && at > 0)
        return bad(f, "invalid request: a system message must be the first");
    if (!is_user && !str_eqz(role, "assistant") && !str_eqz(role, "system") &&
        !str_eqz(role, "tool"))
        return bad(f, "invalid request: unknown role");
    if (str_eqz(role, "tool") && !call_exists(messages, at, jx_str(m, "tool_call_id")))
        return bad(f, "invalid request: tool_call_id is of no tool call before it");
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (!check_calls(m, f) || !read_content(ask, m, is_user, &text, f))
        return false;
    ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
    if (is_user)
        ask->prompt = arena_str(ask->arena, buf_str(&text));
    return true;
}

static bool read_messages(struct ask *ask, struct fault *f)
{
    struct json_object *messages = jx_arr(ask->body, "messages");
    size_t n = messages ? json_object_array_length(messages) : 0;
    if (n == 0)
        return bad(f, "invalid request: message must be at least 1 token long");
    for (size_t i = 0; i < n; i++)
        if (!read_message(ask, messages, i, f))
            return false;
    return true;
}

static bool read_tools(struct ask *ask, struct fault *f)
{
    struct json_object *tools = jx_arr(ask->body, "tools");
    struct str choice = jx_str(ask->body, "tool_choice");
    size_t n = tools ? json_object_array_length(tools) : 0;
    if (json_object_object_get_ex(ask->body, "tool_choice", NULL) &&
        !str_eqz(choice, "REQUIRED") && !str_eqz(choice, "NONE"))
        return bad(f, "invalid request: tool_choice must be REQUIRED or NONE");
    if (n == 0 && choice.len > 0)
        return bad(f, "invalid request: tool_choice without tools");
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(tools, i);
        struct json_object *fn = jx_obj(one, "function");
        if (!str_eqz(jx_str(one, "type"), "function") ||
            !is_tool_name(jx_str(fn, "name")))
            return bad(f, "invalid request: a tool's name has letters, digits and _");
        if (ask->n_tools < SIM_TOOLS)
            ask->tools[ask->n_tools++] =
                (struct sim_tool){jx_str(fn, "name"), jx_obj(fn, "parameters")};
    }
    ask->tool_none = str_eqz(choice, "NONE");
    ask->tool_forced = str_eqz(choice, "REQUIRED");
    return n == 0 || !ask->json ||
           bad(f, "invalid request: response_format is not supported with tools");
}

static bool read_thinking(struct ask *ask, struct fault *f)
{
    struct json_object *thinking = jx_obj(ask->body, "thinking");
    struct str type = jx_str(thinking, "type");
    int64_t budget;
    ask->want_reasoning = !str_eqz(type, "disabled");
    if (thinking != NULL && ask->want_reasoning && !str_eqz(type, "enabled"))
        return bad(f, "invalid request: thinking.type is enabled or disabled");
    return thinking == NULL ||
           !json_object_object_get_ex(thinking, "token_budget", NULL) ||
           jx_i64(thinking, "token_budget", 1, INT32_MAX, &budget) ||
           bad(f, "invalid request: thinking.token_budget must be positive");
}

static bool cohere_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                        struct fault *f)
{
    struct json_object *format = jx_obj(ask->body, "response_format");
    if (!str_starts(http1_header(h, "authorization"), STR("Bearer "))) {
        bad(f, "no api key supplied");
        f->status = 401;
        return false;
    }
    if (ask->model.len == 0)
        return bad(f, "invalid request: model is required");
    ask->n_choices = 1;
    jx_i64(ask->body, "max_tokens", 1, INT32_MAX, &ask->max_tok);
    ask->json = str_eqz(jx_str(format, "type"), "json_object");
    ask->schema = jx_obj(format, "json_schema");
    ask->logprobs = jx_bool(ask->body, "logprobs", false);
    if (format != NULL && !ask->json && !str_eqz(jx_str(format, "type"), "text"))
        return bad(f, "invalid request: response_format.type is text or json_object");
    return check_fields(ask, p, f) && read_messages(ask, f) && read_tools(ask, f) &&
           read_thinking(ask, f);
}

/* ---- writing ---- */

static const char *finish_word(const struct answer *a)
{
    static const char *const rows[][2] = {{"stop", "COMPLETE"},
                                          {"length", "MAX_TOKENS"},
                                          {"tools", "TOOL_CALL"},
                                          {"filter", "ERROR"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(a->finish, rows[i][0]) == 0)
            return rows[i][1];
    return a->finish;
}

/* All counts are floats. What is cached is mostly of the preamble, and costs what all costs. */
static void write_usage(const struct answer *a, struct buf *out)
{
    const struct sim_usage *u = &a->usage;
    if (a->plan->usage == USAGE_NONE)
        return;
    if (a->plan->usage == USAGE_NULL) {
        buf_addz(out, ",\"usage\":null");
        return;
    }
    buf_printf(out,
               ",\"usage\":{\"billed_units\":{\"input_tokens\":%" PRId64
               ".0,\"output_tokens\":%" PRId64 ".0}",
               u->prompt, u->output);
    if (a->plan->usage == USAGE_FULL || a->plan->usage == USAGE_ODD)
        buf_printf(out,
                   ",\"tokens\":{\"input_tokens\":%" PRId64
                   ".0,\"output_tokens\":%" PRId64 ".0},\"cached_tokens\":%" PRId64 ".0",
                   u->prompt + PREAMBLE_TOK, u->output,
                   u->cached + (answer_odd(a) > 0 ? u->prompt + PREAMBLE_TOK + 1 : 0));
    buf_addc(out, '}');
}

static void begin_event(struct buf *out, const char *type)
{
    buf_printf(out, "event: %s\ndata: {\"type\":\"%s\"", type, type);
}

static void write_start(const struct answer *a, struct buf *out)
{
    begin_event(out, "message-start");
    buf_printf(out,
               ",\"id\":\"%016" PRIx64
               "\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],"
               "\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n\n",
               a->id);
}

/* What is thought before a call is its plan. */
static bool is_plan(const struct answer *a, size_t block)
{
    return a->parts[block].kind == PART_REASONING && block + 1 < a->n_parts &&
           a->parts[block + 1].kind == PART_TOOL;
}

static void write_call(const struct part *part, struct str args, struct buf *out)
{
    char name[96];
    snprintf(name, sizeof name, "%.*s", STR_ARG(part->name));
    buf_printf(out, "{\"id\":\"%s_%012" PRIx64 "\",\"type\":\"function\",\"function\":{",
               name, part->id & 0xffffffffffff);
    buf_addz(out, "\"name\":");
    json_quote(out, part->name);
    buf_addz(out, ",\"arguments\":");
    json_quote(out, args);
    buf_addz(out, "}}");
}

static const char *key_of(const struct part *part)
{
    return part->kind == PART_REASONING ? "thinking" : "text";
}

static void write_open(const struct event *ev, struct buf *out)
{
    if (ev->part->kind == PART_TOOL) {
        begin_event(out, "tool-call-start");
        buf_printf(out, ",\"index\":%zu,\"delta\":{\"message\":{\"tool_calls\":",
                   ev->part->index);
        write_call(ev->part, STR_NONE, out);
        buf_addz(out, "}}}\n\n");
        return;
    }
    const char *key = key_of(ev->part);
    begin_event(out, "content-start");
    buf_printf(out,
               ",\"index\":%zu,\"delta\":{\"message\":{\"content\":{\"type\":\"%s\","
               "\"%s\":\"\"}}}}\n\n",
               ev->block, key, key);
}

static void write_delta(const struct answer *a, const struct event *ev, struct buf *out)
{
    if (ev->part->kind == PART_TOOL) {
        begin_event(out, "tool-call-delta");
        buf_printf(out,
                   ",\"index\":%zu,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{"
                   "\"arguments\":",
                   ev->part->index);
        json_quote(out, ev->text);
        buf_addz(out, "}}}}}\n\n");
        return;
    }
    begin_event(out, "content-delta");
    buf_printf(out,
               ",\"index\":%zu,\"delta\":{\"message\":{\"content\":{\"%s\":", ev->block,
               key_of(ev->part));
    json_quote(out, ev->text);
    buf_addz(out, "}}}");
    if (ev->part->kind == PART_TEXT)
        logprobs_cohere(a, ev->text, false, out);
    buf_addz(out, "}\n\n");
}

/* The document that is cited, or the last result; nothing without either. */
static void write_source(const struct answer *a, struct buf *out)
{
    struct json_object *documents = jx_arr(a->ask->body, "documents");
    struct json_object *messages = jx_arr(a->ask->body, "messages");
    struct json_object *first =
        documents != NULL ? json_object_array_get_idx(documents, 0) : NULL;
    struct json_object *data = jx_obj(first, "data");
    size_t n = messages != NULL ? json_object_array_length(messages) : 0;
    struct json_object *last = n > 0 ? json_object_array_get_idx(messages, n - 1) : NULL;
    if (data != NULL) {
        buf_addz(out, "{\"type\":\"document\",\"id\":");
        json_quote(out, jx_str(first, "id"));
        buf_addz(out, ",\"document\":{\"id\":");
        json_quote(out, jx_str(first, "id"));
        buf_addz(out, ",\"text\":");
        json_quote(out, jx_str(data, "text"));
        buf_addz(out, ",\"title\":");
        json_quote(out, jx_str(data, "title"));
        buf_addz(out, "}}");
    } else if (str_eqz(jx_str(last, "role"), "tool")) {
        char id[96];
        snprintf(id, sizeof id, "%.*s:0", STR_ARG(jx_str(last, "tool_call_id")));
        buf_addz(out, "{\"type\":\"tool\",\"id\":");
        json_quote(out, str_of(id));
        buf_addz(out, ",\"tool_output\":{\"content\":");
        json_quote(out, jx_str(last, "content"));
        buf_addz(out, "}}");
    }
}

/* What the first word of an answer stands on. */
static void write_citation(const struct answer *a, struct str text, struct buf *out)
{
    AUTO(buf_release) struct buf source = BUF_INIT(LIMIT_BODY_LEN);
    struct str word = text_token(text);
    size_t n_chars = 0;
    write_source(a, &source);
    if (source.len == 0)
        return;
    for (size_t i = 0; i < word.len; i++)
        n_chars += (word.ptr[i] & 0xc0) != 0x80; /* no byte that goes on with one */
    buf_printf(out, "{\"start\":0,\"end\":%zu,\"text\":", n_chars);
    json_quote(out, word);
    buf_addz(out, ",\"sources\":[");
    buf_adds(out, buf_str(&source));
    buf_addz(out, "],\"type\":\"TEXT_CONTENT\"}");
}

static void write_citation_events(const struct answer *a, struct str text,
                                  struct buf *out)
{
    struct buf citation = BUF_INIT(LIMIT_BODY_LEN);
    write_citation(a, text, &citation);
    if (citation.len > 0) {
        begin_event(out, "citation-start");
        buf_addz(out, ",\"index\":0,\"delta\":{\"message\":{\"citations\":");
        buf_adds(out, buf_str(&citation));
        buf_addz(out, "}}}\n\n");
        begin_event(out, "citation-end");
        buf_addz(out, ",\"index\":0}\n\n");
    }
    buf_release(&citation);
}

static void write_piece(const struct answer *a, const struct event *ev, struct buf *out)
{
    bool is_tool = ev->part->kind == PART_TOOL;
    if (is_plan(a, ev->block)) {
        begin_event(out, "tool-plan-delta");
        buf_addz(out, ",\"delta\":{\"message\":{\"tool_plan\":");
        json_quote(out, ev->text);
        buf_addz(out, "}}}\n\n");
        return;
    }
    if (ev->first)
        write_open(ev, out);
    write_delta(a, ev, out);
    if (!ev->last)
        return;
    begin_event(out, is_tool ? "tool-call-end" : "content-end");
    buf_printf(out, ",\"index\":%zu}\n\n", is_tool ? ev->part->index : ev->block);
    if (ev->part->kind == PART_TEXT)
        write_citation_events(a, ev->part->text, out);
}

static void write_end(const struct answer *a, struct buf *out)
{
    begin_event(out, "message-end");
    buf_addz(out, ",\"delta\":{\"finish_reason\":");
    json_quote(out, str_of(finish_word(a)));
    write_usage(a, out);
    buf_addz(out, "}}\n\n");
}

static void cohere_event(struct answer *a, const struct event *ev, struct buf *out)
{
    switch (ev->kind) {
    case EV_START:
        write_start(a, out);
        return;
    case EV_COMMENT:
        return; /* no sign of life is documented */
    case EV_PIECE:
        write_piece(a, ev, out);
        return;
    case EV_FINISH:
        write_end(a, out);
        return;
    case EV_USAGE:
        return; /* came with the finish */
    case EV_END:
        buf_addz(out, "data: [DONE]\n\n");
        return;
    }
}

static void write_contents(const struct answer *a, struct buf *out)
{
    size_t n = 0;
    buf_addz(out, ",\"content\":[");
    for (size_t i = 0; i < a->n_parts; i++) {
        const struct part *part = &a->parts[i];
        if (part->kind == PART_TOOL || is_plan(a, i))
            continue;
        buf_printf(out, "%s{\"type\":\"%s\",\"%s\":", n++ > 0 ? "," : "", key_of(part),
                   key_of(part));
        json_quote(out, part->text);
        buf_addc(out, '}');
    }
    buf_addc(out, ']');
}

static void write_calls(const struct answer *a, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_parts; i++) {
        if (is_plan(a, i)) {
            buf_addz(out, ",\"tool_plan\":");
            json_quote(out, a->parts[i].text);
        }
        if (a->parts[i].kind != PART_TOOL)
            continue;
        buf_addz(out, n++ > 0 ? "," : ",\"tool_calls\":[");
        write_call(&a->parts[i], a->parts[i].text, out);
    }
    buf_addz(out, n > 0 ? "]" : "");
}

static void cohere_whole(struct answer *a, struct buf *out)
{
    struct str said = STR_NONE;
    buf_printf(out, "{\"id\":\"%016" PRIx64 "\"", a->id);
    if (!a->plan->no_finish) {
        buf_addz(out, ",\"finish_reason\":");
        json_quote(out, str_of(finish_word(a)));
    }
    buf_addz(out, ",\"message\":{\"role\":\"assistant\"");
    write_contents(a, out);
    write_calls(a, out);
    for (size_t i = 0; i < a->n_parts; i++)
        if (a->parts[i].kind == PART_TEXT)
            said = a->parts[i].text;
    buf_addz(out, ",\"citations\":[");
    for (size_t i = 0; i < a->n_parts; i++)
        if (a->parts[i].kind == PART_TEXT)
            write_citation(a, a->parts[i].text, out);
    buf_addz(out, "]}");
    logprobs_cohere(a, said, true, out);
    write_usage(a, out);
    buf_addc(out, '}');
}

static void cohere_error(const struct fault *f, uint64_t id, struct buf *out)
{
    buf_printf(out, "{\"id\":\"%016" PRIx64 "\",\"message\":", id);
    json_quote(out, str_of(f->message));
    buf_addc(out, '}');
}

/* In a stream the finish is the error, and a text says why. */
static void cohere_in_band(const struct fault *f, uint64_t id, struct buf *out)
{
    (void)id;
    begin_event(out, "message-end");
    buf_addz(out, ",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":");
    json_quote(out, str_of(f->message));
    buf_addz(out, "}}\n\n");
}

static void cohere_headers(const struct plan *p, uint64_t id, int64_t wall_us,
                           struct buf *out)
{
    http1_printf_header(out, "x-debug-trace-id", "%016" PRIx64, id);
    if (p->limit_requests >= 0) /* seconds since 1970 */
        http1_printf_header(out, "x-ratelimit-reset", "%" PRId64,
                            (wall_us + p->reset_requests_us) / US_PER_S);
}

static void cohere_models(struct buf *out)
{
    buf_addz(out, "{\"models\":[{\"name\":\"command-sim\",\"endpoints\":[\"chat\"],"
                  "\"context_length\":256000}]}");
}

const struct sim_dialect sim_cohere = {
    .name = "cohere",
    .shape = SIM_COHERE,
    .read = cohere_read,
    .event = cohere_event,
    .whole = cohere_whole,
    .embed_read = embed_cohere_read,
    .embed_whole = embed_cohere_whole,
    .error = cohere_error,
    .in_band = cohere_in_band,
    .garbled = "event: content-delta\ndata: {\"type\":\"content-delta\",\"ind\n\n",
    .headers = cohere_headers,
    .models = cohere_models,
};
