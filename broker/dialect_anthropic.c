/*
 * dialect_anthropic.c: Anthropic Messages, as bytes that pass: facts, splice, scan, errors.
 *
 * The crossed half, to and from msg, is in …_decode.c, …_encode.c and …_reply.c.
 *
 * Source: Anthropic api/messages, api/errors, api/versioning and build-with-claude/streaming
 * (2026-08, release notes to 2026-11).
 */
#include "broker/dialect_anthropic.h"

#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/clock.h"
#include "core/jsonx.h"

#include "broker/dialect_count.h"
#include "broker/dialect_priv.h"

/* ---- facts of a client's request ---- */

enum {
    F_MODEL,
    F_MESSAGES,
    F_SYSTEM,
    F_STREAM,
    F_MAX_TOKENS,
    F_TOOLS,
    F_THINKING,
    F_OUTPUT_CONFIG,
    F_OUTPUT_FORMAT,
    F_TEMPERATURE,
    F_METADATA,
    F_COUNT,
};

/* clang-format off */
static const struct fact_field fact_fields[F_COUNT] = {
    [F_MODEL] = {"model", J_NONE},
    [F_MESSAGES] = {"messages", J_ARRAY},
    [F_SYSTEM] = {"system", J_NONE},
    [F_STREAM] = {"stream", J_NONE},
    [F_MAX_TOKENS] = {"max_tokens", J_NONE},
    [F_TOOLS] = {"tools", J_ARRAY},
    [F_THINKING] = {"thinking", J_OBJECT},
    [F_OUTPUT_CONFIG] = {"output_config", J_OBJECT},
    [F_OUTPUT_FORMAT] = {"output_format", J_OBJECT}, /* older name, with a beta header */
    [F_TEMPERATURE] = {"temperature", J_NUMBER},
    [F_METADATA] = {"metadata", J_OBJECT},
};
/* clang-format on */

static enum errc block_error(struct err *e, size_t i, const char *field)
{
    char name[48];
    snprintf(name, sizeof name, "system.%zu%s", i, field);
    return field_error(e, name, "%s",
                       field[0] != '\0' ? "must be a string" : "must be a text block");
}

static enum errc system_facts(struct str body, const struct jfield *system,
                              struct body_facts *f, struct err *e)
{
    struct jspan v = system->value, block;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    enum errc rc = ERR_OK;
    size_t it = 0;
    if (!json_is_set(v))
        return ERR_OK;
    if (v.kind != J_STRING && v.kind != J_ARRAY)
        return field_error(e, system->name,
                           "must be a string or an array of text blocks");
    if (v.kind == J_STRING)
        rc = jscan_string(body, v, &text);
    for (size_t i = 0;
         rc == ERR_OK && v.kind == J_ARRAY && jscan_next(body, v, &it, &block); i++) {
        struct jspan part = jscan_get(body, block, "text");
        if (part.kind != J_STRING)
            return block_error(e, i, block.kind == J_OBJECT ? ".text" : "");
        if (text.len > 0)
            buf_addz(&text, "\n\n");
        rc = jscan_string(body, part, &text);
    }
    if (rc != ERR_OK || buf_err(&text) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory for the system prompt");
    system_hash(buf_str(&text), f->system_hash);
    return ERR_OK;
}

/*
 * A thought that nobody has signed is another provider's, which has come through us: Anthropic
 * signs all, and answers 400 to one without.
 * Source: platform.claude.com build-with-claude/thinking, preserving thinking blocks (2026-11).
 */
static bool is_foreign_thought(struct str body, struct jspan type, struct jspan signature)
{
    return jscan_is(body, type, "thinking") && json_decoded_len(body, signature) == 0;
}

/*
 * Whether a call's id is another provider's, as "functions.tide_at:0" is, with what stands for it:
 * the same wherever the call is named. Source: Anthropic api/messages, tool_use.id (2026-08).
 */
static bool is_foreign_id(struct str body, struct jspan id, char out[TOOL_ID_LEN + 1])
{
    struct str raw = id.kind == J_STRING ? jscan_inside(body, id) : STR_NONE;
    fit_tool_id(raw, false, TOOL_ID_LEN, out);
    return raw.len > 0 && !str_eqz(raw, out);
}

/* Media are not text for the estimator. */
static void block_facts(struct str body, struct jspan block, struct body_facts *f)
{
    enum { TYPE, SOURCE, CONTENT, SIGNATURE, ID, USE_ID, N };
    struct jfield fields[N] = {
        [TYPE] = {.name = "type"},       [SOURCE] = {.name = "source"},
        [CONTENT] = {.name = "content"}, [SIGNATURE] = {.name = "signature"},
        [ID] = {.name = "id"},           [USE_ID] = {.name = "tool_use_id"}};
    char id[TOOL_ID_LEN + 1];
    if (!jscan_fields(body, block, fields, N))
        return;
    f->has_foreign |=
        is_foreign_thought(body, fields[TYPE].value, fields[SIGNATURE].value) ||
        is_foreign_id(body, fields[ID].value, id) ||
        is_foreign_id(body, fields[USE_ID].value, id);
    struct jspan type = fields[TYPE].value, source = fields[SOURCE].value;
    struct jspan media = jscan_get(body, source, "media_type");
    bool is_image = jscan_is(body, type, "image");
    bool is_tool_result = jscan_is(body, type, "tool_result");
    if (is_image) {
        f->n_images++;
        f->needs |= CAP_VISION;
    } else if (jscan_is(body, type, "document") && !jscan_is(body, media, "text/plain") &&
               !jscan_is(body, jscan_get(body, source, "type"), "content")) {
        f->needs |= CAP_PDF_IN;
    }
    if (jscan_is(body, jscan_get(body, source, "type"), "base64"))
        f->prompt_len -= jscan_get(body, source, "data").len;
    f->tool_results = f->tool_results || is_tool_result;
    struct jspan inner;
    size_t it = 0;
    while (is_tool_result && fields[CONTENT].value.kind == J_ARRAY &&
           jscan_next(body, fields[CONTENT].value, &it, &inner)) {
        if (!jscan_is(body, jscan_get(body, inner, "type"), "tool_result"))
            block_facts(body, inner, f);
    }
}

/* The name is made only when it is needed: conversations are long. */
static enum errc message_error(struct err *e, size_t i, const char *field,
                               const char *why)
{
    char name[48];
    snprintf(name, sizeof name, "messages.%zu%s", i, field);
    return field_error(e, name, "%s", why);
}

static enum errc message_facts(struct str body, struct jspan message, size_t i,
                               bool *ret_assistant, struct body_facts *f, struct err *e)
{
    enum { ROLE, CONTENT, N };
    struct jfield fields[N] = {
        [ROLE] = {.name = "role"}, [CONTENT] = {.name = "content"}};
    if (!jscan_fields(body, message, fields, N))
        return message_error(e, i, "", "must be an object");
    struct jspan role = fields[ROLE].value, content = fields[CONTENT].value;
    if (role.kind != J_STRING)
        return message_error(e, i, ".role", "must be a string");
    if (content.kind != J_STRING && content.kind != J_ARRAY)
        return message_error(e, i, ".content", "must be a string or an array of blocks");
    *ret_assistant = jscan_is(body, role, "assistant");
    struct jspan block;
    size_t it = 0;
    while (content.kind == J_ARRAY && jscan_next(body, content, &it, &block))
        block_facts(body, block, f);
    return ERR_OK;
}

static enum errc messages_facts(struct str body, struct jspan messages,
                                struct body_facts *f, struct err *e)
{
    struct jspan message;
    size_t it = 0, i = 0;
    bool is_assistant = false;
    enum errc rc = ERR_OK;
    for (; rc == ERR_OK && jscan_next(body, messages, &it, &message); i++)
        rc = message_facts(body, message, i, &is_assistant, f, e);
    if (rc == ERR_OK && i == 0)
        rc = field_error(e, "messages", "must not be empty");
    /* the answer is to continue this text: only some models do */
    if (is_assistant)
        f->needs |= CAP_PREFILL;
    return rc;
}

static void needs_facts(struct str body, const struct jfield *fields,
                        struct body_facts *f)
{
    struct jspan config = fields[F_OUTPUT_CONFIG].value;
    struct jspan thinking = jscan_get(body, fields[F_THINKING].value, "type");
    int64_t zero;
    if (fields[F_TOOLS].value.kind == J_ARRAY &&
        !json_is_empty(body, fields[F_TOOLS].value))
        f->needs |= CAP_TOOLS;
    if (json_is_set(jscan_get(body, config, "format")) ||
        json_is_set(fields[F_OUTPUT_FORMAT].value))
        f->needs |= CAP_JSON_SCHEMA;
    if (thinking.kind == J_STRING && !jscan_is(body, thinking, "disabled"))
        f->needs |= CAP_REASONING;
    json_copy(body, jscan_get(body, fields[F_METADATA].value, "user_id"), f->user,
              sizeof f->user);
    f->repeatable = jscan_i64(body, fields[F_TEMPERATURE].value, 0, 0, &zero);
    f->prompt_len += fields[F_MESSAGES].value.len + fields[F_SYSTEM].value.len +
                     fields[F_TOOLS].value.len;
}

static enum errc read_facts(struct str body, const struct jcheck *check, bool counts_only,
                            struct body_facts *ret, struct err *e)
{
    /* usage is always part of the stream here */
    struct body_facts f = {
        .max_output_tok = -1, .n = 1, .include_usage = true, .counts_only = counts_only};
    struct jfield fields[F_COUNT] = {0};
    enum errc rc = body_facts_fields(body, check, fact_fields, fields, F_COUNT, e);
    if (rc == ERR_OK && !json_is_set(fields[F_MESSAGES].value))
        rc = field_error(e, "messages", "is required");
    if (rc == ERR_OK)
        rc = field_model(body, &fields[F_MODEL], &f, e);
    if (rc == ERR_OK && !counts_only)
        rc = field_bool(&fields[F_STREAM], &f.stream, e);
    if (rc == ERR_OK && !counts_only && !json_is_set(fields[F_MAX_TOKENS].value))
        rc = field_error(e, "max_tokens", "is required");
    if (rc == ERR_OK)
        rc = field_i64(body, &fields[F_MAX_TOKENS], 0, INT32_MAX, &f.max_output_tok, e);
    if (rc == ERR_OK)
        rc = system_facts(body, &fields[F_SYSTEM], &f, e);
    if (rc != ERR_OK)
        return rc;
    f.cap = fields[F_MAX_TOKENS].value;
    f.cap_key_pos = fields[F_MAX_TOKENS].key_pos;
    needs_facts(body, fields, &f);
    rc = messages_facts(body, fields[F_MESSAGES].value, &f, e);
    if (rc == ERR_OK)
        *ret = f;
    return rc;
}

static enum errc anthropic_facts(struct str body, const struct jcheck *check,
                                 struct body_facts *ret, struct err *e)
{
    return read_facts(body, check, false, ret, e);
}

/* The prompt of a request, and nothing about an answer. */
static enum errc count_facts(struct str body, const struct jcheck *check,
                             struct body_facts *ret, struct err *e)
{
    return read_facts(body, check, true, ret, e);
}

static void count_path(const struct provider_kind *kind, struct str model, bool stream,
                       struct buf *out)
{
    path_fixed(kind, model, stream, out);
    buf_addz(out, "/count_tokens");
}

static struct str up_to(struct str body, size_t from, size_t to)
{
    return str_sub(body, from, to - from);
}

/* The block, with an id that Anthropic takes. */
static void write_own_block(struct str body, struct jspan block, struct buf *out)
{
    char fit[TOOL_ID_LEN + 1];
    struct jspan id = jscan_get(body, block, "id");
    if (id.kind == J_NONE)
        id = jscan_get(body, block, "tool_use_id");
    if (!is_foreign_id(body, id, fit)) {
        buf_adds(out, jscan_text(body, block));
        return;
    }
    buf_adds(out, up_to(body, block.pos, id.pos));
    json_quote(out, str_of(fit));
    buf_adds(out, up_to(body, id.pos + id.len, block.pos + block.len));
}

/* The message without foreign thoughts; false and nothing when it is made of nothing else. */
static bool write_own(struct str body, struct jspan message, struct buf *out)
{
    struct jspan content = jscan_get(body, message, "content"), block;
    size_t it = 0, n_cut = 0, n = 0, begin = out->len;
    if (content.kind != J_ARRAY) {
        buf_adds(out, jscan_text(body, message));
        return true;
    }
    buf_adds(out, up_to(body, message.pos, content.pos));
    buf_addc(out, '[');
    while (jscan_next(body, content, &it, &block)) {
        if (is_foreign_thought(body, jscan_get(body, block, "type"),
                               jscan_get(body, block, "signature"))) {
            n_cut++;
            continue;
        }
        buf_addz(out, n++ > 0 ? "," : "");
        write_own_block(body, block, out);
    }
    buf_addc(out, ']');
    buf_adds(out, up_to(body, content.pos + content.len, message.pos + message.len));
    if (n == 0 && n_cut > 0)
        buf_truncate(out, begin);
    return n > 0 || n_cut == 0;
}

static enum errc anthropic_splice(struct str body, const struct body_facts *f,
                                  const struct body_edits *edits, struct buf *text,
                                  struct pieces *ret, struct err *e)
{
    AUTO(buf_release) struct buf own = BUF_INIT(LIMIT_BODY_LEN);
    struct body_facts moved = *f;
    if (f->has_foreign) {
        /* without foreign thoughts, and with ids of our own for foreign ones */
        if (body_own(body, "messages", write_own, &own, e) != ERR_OK)
            return e->code;
        body = buf_str(&own);
        if (read_facts(body, NULL, f->counts_only, &moved, e) != ERR_OK)
            return e->code;
    }
    struct patches p = {.text = BUF_INIT(LIMIT_BODY_LEN)};
    patches_add_quoted(&p, moved.model.pos, moved.model.len, edits->model);
    patches_add_cap(&p, body, &moved, edits, "max_tokens");
    return f->has_foreign ? patches_apply_copy(&p, body, text, ret, e)
                          : patches_apply(&p, body, text, ret, e);
}

/*
 * Every anthropic-* header passes: a beta field and its beta header must travel together. A
 * request of our own making keeps to the version that still takes sampling parameters.
 */
static void anthropic_request_headers(const struct http1_head *client, bool same_dialect,
                                      struct buf *out)
{
    bool has_version = false;
    for (size_t i = 0; same_dialect && i < client->n_headers; i++) {
        const struct http1_header *h = &client->headers[i];
        if (!str_ieqz(str_sub(h->name, 0, 10), "anthropic-"))
            continue;
        has_version = has_version || str_ieqz(h->name, "anthropic-version");
        buf_printf(out, "%.*s: %.*s\r\n", STR_ARG(h->name), STR_ARG(h->value));
    }
    if (!has_version)
        http1_write_header(out, "anthropic-version", STR("2023-06-01"));
}

/* ---- a provider's answer, watched ---- */

enum msg_finish anthropic_finish(struct str word)
{
    /* clang-format off */
    static const struct {
        const char *word;
        enum msg_finish finish;
    } rows[] = {
        {"end_turn", MSG_FINISH_STOP},
        {"stop_sequence", MSG_FINISH_STOP_SEQUENCE},
        {"max_tokens", MSG_FINISH_LENGTH},
        {"model_context_window_exceeded", MSG_FINISH_CONTEXT_FULL},
        {"tool_use", MSG_FINISH_TOOL},
        {"refusal", MSG_FINISH_FILTERED},
        {"pause_turn", MSG_FINISH_PAUSED},
        {"compaction", MSG_FINISH_PAUSED},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(word, rows[i].word))
            return rows[i].finish;
    return MSG_FINISH_UNKNOWN;
}

static void anthropic_scan_init(struct scan_state *s, const struct provider_kind *kind)
{
    *s = (struct scan_state){.kind = kind};
    usage_init(&s->usage);
}

/*
 * Usage is cumulative: what a later report knows replaces what was known. The first one, at the
 * start of a stream, knows nothing of the output yet.
 */
static unsigned scan_report(struct scan_state *s, struct str t, struct jspan usage,
                            bool is_final)
{
    struct usage u;
    bool mismatch = false;
    struct err ignored = ERR_INIT;
    if (usage.kind != J_OBJECT ||
        usage_parse(s->kind->usage, str_of(s->kind->catalog), jscan_text(t, usage), &u,
                    &mismatch, &ignored) != ERR_OK)
        return 0;
    usage_update(&s->usage, &u);
    s->has_usage = is_final;
    s->usage_mismatch = s->usage_mismatch || mismatch;
    s->told_tok = -1; /* there is no sum: two of the parts disagree */
    struct str services[PRICE_SERVICES];
    size_t n = usage_services(s->kind->usage, jscan_text(t, usage), services,
                              ARRAY_LEN(services));
    if (n > 0) { /* later reports may be silent about them */
        memcpy(s->services, services, n * sizeof services[0]);
        s->n_services = n;
    }
    return EV_USAGE;
}

static unsigned scan_stop(struct scan_state *s, struct str t, struct jspan reason)
{
    if (reason.kind != J_STRING)
        return 0;
    json_copy(t, reason, s->finish_raw, sizeof s->finish_raw);
    s->finish = anthropic_finish(str_of(s->finish_raw));
    return EV_FINISH;
}

/* The head of an answer: message_start's message, or a whole answer. */
static unsigned scan_head(struct scan_state *s, struct str t, struct jspan message,
                          bool is_whole)
{
    enum { ID, MODEL, USAGE, STOP, N };
    struct jfield f[N] = {[ID] = {.name = "id"},
                          [MODEL] = {.name = "model"},
                          [USAGE] = {.name = "usage"},
                          [STOP] = {.name = "stop_reason"}};
    jscan_fields(t, message, f, N);
    json_copy(t, f[ID].value, s->id, sizeof s->id);
    json_copy(t, f[MODEL].value, s->model, sizeof s->model);
    return scan_report(s, t, f[USAGE].value, is_whole) | scan_stop(s, t, f[STOP].value);
}

/* A block as it opens, or whole. What it already holds may be nothing to see yet. */
static unsigned scan_block(struct scan_state *s, struct str t, struct jspan block)
{
    enum { TYPE, TEXT, THINKING, NAME, INPUT, N };
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [TEXT] = {.name = "text"},
                          [THINKING] = {.name = "thinking"},
                          [NAME] = {.name = "name"},
                          [INPUT] = {.name = "input"}};
    jscan_fields(t, block, f, N);
    struct jspan type = f[TYPE].value;
    if (jscan_is(t, type, "text")) {
        size_t len = json_decoded_len(t, f[TEXT].value);
        s->output_len += len;
        return len > 0 ? EV_CONTENT : 0;
    }
    if (jscan_is(t, type, "thinking")) {
        size_t len = json_decoded_len(t, f[THINKING].value);
        s->reasoning_len += len;
        return len > 0 ? EV_CONTENT | EV_REASONING : EV_REASONING;
    }
    if (jscan_is(t, type, "redacted_thinking"))
        return EV_CONTENT | EV_REASONING;
    if (jscan_is(t, type, "tool_use")) {
        s->output_len += json_decoded_len(t, f[NAME].value);
        if (!json_is_empty(t, f[INPUT].value))
            s->output_len += f[INPUT].value.len;
        s->tool_open = true;
        return EV_CONTENT | EV_TOOL;
    }
    return EV_CONTENT; /* server tools and their results, compaction, … */
}

static unsigned scan_delta(struct scan_state *s, struct str t, struct jspan delta)
{
    enum { TEXT, THINKING, JSON, SIGNATURE, N };
    struct jfield f[N] = {[TEXT] = {.name = "text"},
                          [THINKING] = {.name = "thinking"},
                          [JSON] = {.name = "partial_json"},
                          [SIGNATURE] = {.name = "signature"}};
    jscan_fields(t, delta, f, N);
    if (f[SIGNATURE].value.kind == J_STRING)
        return EV_REASONING;
    if (f[JSON].value.kind == J_STRING) {
        s->output_len += json_decoded_len(t, f[JSON].value);
        return EV_CONTENT | EV_TOOL;
    }
    if (f[THINKING].value.kind == J_STRING) {
        size_t len = json_decoded_len(t, f[THINKING].value);
        s->reasoning_len += len;
        return len > 0 ? EV_CONTENT | EV_REASONING : EV_REASONING;
    }
    size_t len = json_decoded_len(t, f[TEXT].value);
    s->output_len += len;
    s->text = f[TEXT].value;
    /* citations and what is yet to be invented count as content too */
    return f[TEXT].value.kind == J_NONE || len > 0 ? EV_CONTENT : 0;
}

static unsigned scan_parsed(struct scan_state *s, struct str t, struct err *e)
{
    enum { TYPE, MESSAGE, BLOCK, DELTA, USAGE, ERROR, N };
    struct jfield f[N] = {
        [TYPE] = {.name = "type"},           [MESSAGE] = {.name = "message"},
        [BLOCK] = {.name = "content_block"}, [DELTA] = {.name = "delta"},
        [USAGE] = {.name = "usage"},         [ERROR] = {.name = "error"}};
    struct err why;
    err_clear(&why);
    if (jscan_object(t, f, N, &why) != ERR_OK) {
        s->n_malformed++;
        return EV_MALFORMED;
    }
    struct jspan type = f[TYPE].value;
    if (json_is_set(f[ERROR].value) && error_in_band(s->kind, t, e))
        return EV_ERROR;
    if (jscan_is(t, type, "content_block_delta"))
        return scan_delta(s, t, f[DELTA].value);
    if (jscan_is(t, type, "content_block_start"))
        return scan_block(s, t, f[BLOCK].value);
    if (jscan_is(t, type, "content_block_stop")) {
        s->tool_open = false;
        return 0;
    }
    if (jscan_is(t, type, "message_delta"))
        return scan_report(s, t, f[USAGE].value, true) |
               scan_stop(s, t, jscan_get(t, f[DELTA].value, "stop_reason"));
    if (jscan_is(t, type, "message_start"))
        return scan_head(s, t, f[MESSAGE].value, false);
    if (jscan_is(t, type, "message_stop"))
        return EV_END;
    return jscan_is(t, type, "ping") ? EV_PING : 0;
}

static unsigned anthropic_scan_event(struct scan_state *s, const struct sse_event *ev,
                                     struct err *e)
{
    if (!ev->has_data)
        return scan_bare(s, ev->raw, e);
    unsigned flags = scan_again(s, ev->data);
    if (flags != 0)
        return flags;
    size_t had_len = scan_told_len(s);
    flags = scan_parsed(s, ev->data, e);
    scan_remember(s, ev->data, flags, had_len);
    return flags;
}

static enum errc anthropic_scan_reply(struct scan_state *s, struct str body,
                                      struct err *e)
{
    enum { CONTENT, COUNT, N };
    struct jfield f[N] = {
        [CONTENT] = {.name = "content"}, [COUNT] = {.name = "input_tokens"}};
    struct err why = ERR_INIT;
    enum errc rc = ERR_OK;
    if (jscan_object(body, f, N, &why) != ERR_OK)
        rc = err_set(e, ERR_SERVER, "the provider's answer is not JSON: %s", why.text);
    else if (error_in_band(s->kind, body, e))
        return e->code;
    else if (f[CONTENT].value.kind != J_ARRAY && f[COUNT].value.kind != J_NUMBER)
        rc = err_set(e, ERR_SERVER, "the provider's answer holds no content");
    if (rc != ERR_OK) {
        e->origin = ERR_BY_PROVIDER;
        return rc;
    }
    scan_head(s, body, jscan_root(body), true);
    struct jspan block;
    size_t it = 0;
    while (f[CONTENT].value.kind == J_ARRAY &&
           jscan_next(body, f[CONTENT].value, &it, &block))
        scan_block(s, body, block);
    s->tool_open = false;
    return ERR_OK;
}

/* ---- events for a client ---- */

static const char *anthropic_end_mark(void)
{
    return "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
}

static void anthropic_keepalive(struct buf *out)
{
    buf_addz(out, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

/* ---- errors to a client ---- */

static const char *error_type(enum errc code)
{
    /* clang-format off */
    static const char *const types[ERR_N_] = {
        [ERR_RANGE] = "invalid_request_error",
        [ERR_SYNTAX] = "invalid_request_error",
        [ERR_USAGE] = "invalid_request_error",
        [ERR_INVALID] = "invalid_request_error",
        [ERR_CONTEXT] = "invalid_request_error",
        [ERR_FILTER] = "invalid_request_error",
        [ERR_TOO_LARGE] = "request_too_large",
        [ERR_AUTH] = "authentication_error",
        [ERR_PERMISSION] = "permission_error",
        [ERR_REFUSED] = "permission_error",
        [ERR_NOT_FOUND] = "not_found_error",
        [ERR_RATE_LIMIT] = "rate_limit_error",
        [ERR_QUOTA] = "billing_error",
        [ERR_AGAIN] = "overloaded_error",
        [ERR_MEMORY] = "overloaded_error",
        [ERR_OVERLOADED] = "overloaded_error",
        [ERR_TIMEOUT] = "timeout_error",
    };
    /* clang-format on */
    return types[code] != NULL ? types[code] : "api_error";
}

static int anthropic_error_status(const struct err *e)
{
    if (e->code == ERR_QUOTA)
        return 402;
    if (strcmp(error_type(e->code), "overloaded_error") == 0)
        return 529;
    if (e->code == ERR_INVALID && e->sys == 422)
        return 422;
    return errc_http(e->code);
}

static void anthropic_error_body(const struct err *e, const struct error_ext *x,
                                 struct buf *out)
{
    /* Claude Code knows a full context by these words. Source: code.claude.com/docs, errors */
    static const char context_words[] = "prompt is too long";
    struct str text = str_of(e->text);
    bool needs_words =
        e->code == ERR_CONTEXT &&
        !str_ieqz(str_sub(text, 0, sizeof context_words - 1), context_words);
    char message[LIMIT_ERR_TEXT + sizeof context_words + 2];
    snprintf(message, sizeof message, "%s%s%s", needs_words ? context_words : "",
             needs_words ? ": " : "", e->text);
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "type", "error");
    jw_key(&w, "error");
    jw_object(&w);
    jw_kstrz(&w, "type", error_type(e->code));
    jw_kstrz(&w, "message", message);
    error_write_ext(&w, e, x);
    jw_object_end(&w);
    if (x != NULL)
        jw_kstrz(&w, "request_id", x->request_id);
    jw_object_end(&w);
}

static void anthropic_error_event(const struct err *e, const struct error_ext *x,
                                  struct buf *out)
{
    buf_addz(out, "event: error\ndata: ");
    anthropic_error_body(e, x, out);
    buf_addz(out, "\n\n");
}

const struct dialect_ops dialect_anthropic = {
    .id = DIALECT_ANTHROPIC,
    .name = "anthropic",
    .facts = anthropic_facts,
    .splice = anthropic_splice,
    .request_decode = anthropic_request_decode,
    .path = path_fixed,
    .request_encode = anthropic_request_encode,
    .request_headers = anthropic_request_headers,
    .scan_init = anthropic_scan_init,
    .scan_event = anthropic_scan_event,
    .scan_reply = anthropic_scan_reply,
    .error_parse = error_parse_any,
    .strip_usage = usage_stays,
    .reply_decode = anthropic_reply_decode,
    .decoder_new = anthropic_decoder_new,
    .decode_event = anthropic_decode_event,
    .decoder_free = decoder_free,
    .reply_encode = anthropic_reply_encode,
    .encoder_new = anthropic_encoder_new,
    .encode_delta = anthropic_encode_delta,
    .encoder_free = anthropic_encoder_free,
    .end_mark = anthropic_end_mark,
    .keepalive = anthropic_keepalive,
    .error_status = anthropic_error_status,
    .error_body = anthropic_error_body,
    .error_event = anthropic_error_event,
};

/* Only Anthropic's clients ask it: no other dialect is translated to it. */
const struct dialect_ops dialect_anthropic_count = {
    .id = DIALECT_ANTHROPIC,
    .name = "anthropic",
    .facts = count_facts,
    .splice = anthropic_splice,
    .request_decode = anthropic_request_decode,
    .path = count_path,
    .request_headers = anthropic_request_headers,
    .scan_init = anthropic_scan_init,
    .scan_reply = count_scan_reply,
    .error_parse = error_parse_any,
    .reply_decode = count_reply_decode,
    .reply_encode = count_reply_encode,
    .error_status = anthropic_error_status,
    .error_body = anthropic_error_body,
    .error_event = anthropic_error_event,
};
