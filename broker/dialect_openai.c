/*
 * dialect_openai.c: OpenAI Chat Completions, as bytes that pass: answers watched, events and errors
 * for a client; …_client.c reads and mends its requests.
 *
 * The crossed half, to and from msg, is in …_decode.c, …_encode.c and …_reply.c.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CreateChatCompletionRequest, …StreamResponse),
 * error-codes guide (2026-10); deviations of compatible servers beside their lines.
 */
#include "broker/dialect_openai.h"

#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/clock.h"
#include "core/jsonx.h"

#include "broker/dialect_priv.h"

/* Credentials are the broker's own, so organisation and project headers do not pass. */
void openai_request_headers(const struct http1_head *client, bool same_dialect,
                            struct buf *out)
{
    struct str trace = http1_header(client, "x-client-request-id");
    if (same_dialect && trace.len > 0 && trace.len <= 512)
        http1_write_header(out, "x-client-request-id", trace);
}

/* ---- a provider's answer, watched ---- */

enum msg_finish openai_finish(struct str word, bool saw_call)
{
    /* clang-format off */
    static const struct {
        const char *word;
        enum msg_finish finish;
    } rows[] = {
        {"stop", MSG_FINISH_STOP},
        {"length", MSG_FINISH_LENGTH},
        {"tool_calls", MSG_FINISH_TOOL},
        {"function_call", MSG_FINISH_TOOL}, /* before tools */
        {"content_filter", MSG_FINISH_FILTERED},
        {"eos", MSG_FINISH_STOP},                                     /* Together */
        {"model_length", MSG_FINISH_CONTEXT_FULL},                    /* Mistral */
        {"model_context_window_exceeded", MSG_FINISH_CONTEXT_FULL},   /* Z.ai */
        {"sensitive", MSG_FINISH_FILTERED},                           /* Z.ai */
    };
    /* clang-format on */
    enum msg_finish finish = MSG_FINISH_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(word, rows[i].word))
            finish = rows[i].finish;
    /* compatible servers say "stop" after calls too */
    if (saw_call && (finish == MSG_FINISH_STOP || finish == MSG_FINISH_UNKNOWN))
        return MSG_FINISH_TOOL;
    return finish;
}

bool openai_finish_is_error(struct str word)
{
    /* OpenRouter; Z.ai; DeepSeek */
    static const char *const words[] = {"error", "network_error",
                                        "insufficient_system_resource"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eqz(word, words[i]))
            return true;
    return false;
}

void openai_scan_init(struct scan_state *s, const struct provider_kind *kind)
{
    *s = (struct scan_state){.kind = kind};
    usage_init(&s->usage);
}

/* Text of a delta or a message: a string, or parts (Mistral: text and thinking). */
static unsigned scan_content(struct scan_state *s, struct str t, struct jspan content)
{
    if (content.kind == J_STRING && content.len > 2) {
        s->output_len += json_decoded_len(t, content);
        s->text = content;
        return EV_CONTENT;
    }
    unsigned flags = 0;
    struct jspan part;
    size_t it = 0;
    while (content.kind == J_ARRAY && jscan_next(t, content, &it, &part)) {
        struct jspan thinking = jscan_get(t, part, "thinking");
        if (json_is_set(thinking)) {
            s->reasoning_len += thinking.len;
            flags |= EV_CONTENT | EV_REASONING;
        } else {
            s->output_len += json_decoded_len(t, jscan_get(t, part, "text"));
            flags |= EV_CONTENT;
        }
    }
    return flags;
}

static unsigned scan_calls(struct scan_state *s, struct str t, struct jspan calls)
{
    struct jspan call;
    size_t it = 0;
    unsigned flags = 0;
    while (calls.kind == J_ARRAY && jscan_next(t, calls, &it, &call)) {
        struct jspan function = jscan_get(t, call, "function");
        s->output_len += json_decoded_len(t, jscan_get(t, function, "name"));
        s->output_len += json_decoded_len(t, jscan_get(t, function, "arguments"));
        flags = EV_CONTENT | EV_TOOL;
    }
    return flags;
}

struct jspan openai_detail_text(struct str t, struct jspan detail)
{
    struct jspan text = jscan_get(t, detail, "text");
    return text.kind == J_STRING ? text : jscan_get(t, detail, "summary");
}

static size_t details_len(struct str t, struct jspan details)
{
    struct jspan detail;
    size_t it = 0, len = 0;
    while (details.kind == J_ARRAY && jscan_next(t, details, &it, &detail))
        len += json_decoded_len(t, openai_detail_text(t, detail));
    return len;
}

/* A delta of a stream, or the message of a whole answer. */
static unsigned scan_message(struct scan_state *s, struct str t, struct jspan message)
{
    enum {
        CONTENT,
        REASONING_CONTENT,
        REASONING,
        DETAILS,
        REFUSAL,
        CALLS,
        FUNCTION,
        AUDIO,
        N
    };
    struct jfield f[N] = {[CONTENT] = {.name = "content"},
                          [REASONING_CONTENT] = {.name = "reasoning_content"},
                          [REASONING] = {.name = "reasoning"},
                          [DETAILS] = {.name = "reasoning_details"},
                          [REFUSAL] = {.name = "refusal"},
                          [CALLS] = {.name = "tool_calls"},
                          [FUNCTION] = {.name = "function_call"},
                          [AUDIO] = {.name = "audio"}};
    if (!jscan_fields(t, message, f, N))
        return 0;
    unsigned flags = scan_content(s, t, f[CONTENT].value);
    flags |= scan_content(s, t, f[REFUSAL].value);
    flags |= scan_calls(s, t, f[CALLS].value);
    if (f[FUNCTION].value.kind == J_OBJECT) {
        s->output_len += f[FUNCTION].value.len;
        flags |= EV_CONTENT | EV_TOOL;
    }
    if (f[AUDIO].value.kind == J_OBJECT)
        flags |= EV_CONTENT;
    /* one of the two names, never both with different text */
    struct jspan reasoning = f[REASONING_CONTENT].value;
    if (reasoning.kind != J_STRING || reasoning.len <= 2)
        reasoning = f[REASONING].value;
    size_t thought_len = reasoning.kind == J_STRING && reasoning.len > 2
                             ? json_decoded_len(t, reasoning)
                             : details_len(t, f[DETAILS].value);
    if (thought_len > 0) {
        s->reasoning_len += thought_len;
        flags |= (flags & EV_CONTENT) != 0 ? 0 : EV_CONTENT | EV_REASONING;
    }
    if ((flags & EV_TOOL) != 0)
        s->tool_open = true;
    return flags;
}

/* The last usage wins, wherever it stands. */
static unsigned scan_report(struct scan_state *s, struct str t, struct jspan usage)
{
    unsigned flags = scan_usage(s, s->kind->usage, t, usage);
    if (flags != 0)
        json_copy(t, jscan_get(t, usage, "search_context_size"), s->search_context,
                  sizeof s->search_context);
    return flags;
}

static unsigned scan_choice(struct scan_state *s, struct str t, struct jspan choice,
                            struct err *e)
{
    enum { INDEX, DELTA, MESSAGE, FINISH, USAGE, ERROR, N };
    struct jfield f[N] = {
        [INDEX] = {.name = "index"},     [DELTA] = {.name = "delta"},
        [MESSAGE] = {.name = "message"}, [FINISH] = {.name = "finish_reason"},
        [USAGE] = {.name = "usage"},     [ERROR] = {.name = "error"}};
    if (!jscan_fields(t, choice, f, N))
        return 0;
    unsigned flags =
        scan_message(s, t, f[DELTA].value) | scan_message(s, t, f[MESSAGE].value);
    int64_t index = 0;
    jscan_i64(t, f[INDEX].value, 0, INT32_MAX, &index);
    if (flags != 0)
        scan_choice_goes_on(s, index);
    flags |= scan_report(s, t, f[USAGE].value); /* Moonshot */
    if (f[FINISH].value.kind != J_STRING || f[FINISH].value.len <= 2)
        return flags;
    json_copy(t, f[FINISH].value, s->finish_raw, sizeof s->finish_raw);
    if (openai_finish_is_error(str_of(s->finish_raw))) {
        if (!error_in_band(s->kind, jscan_text(t, choice), e)) {
            err_set(e, ERR_SERVER, "the provider broke off: %s", s->finish_raw);
            e->origin = ERR_BY_PROVIDER;
        }
        return flags | EV_ERROR;
    }
    s->finish = openai_finish(str_of(s->finish_raw), s->tool_open);
    s->tool_open = false;
    scan_choice_ends(s, index);
    return flags | EV_FINISH;
}

enum {
    R_CHOICES,
    R_USAGE,
    R_ERROR,
    R_X_GROQ,
    R_MODEL,
    R_ID,
    R_TIER,
    R_BASE_RESP,
    R_COUNT
};

static const char *const reply_fields[R_COUNT] = {
    [R_CHOICES] = "choices",   [R_USAGE] = "usage",         [R_ERROR] = "error",
    [R_X_GROQ] = "x_groq",     [R_MODEL] = "model",         [R_ID] = "id",
    [R_TIER] = "service_tier", [R_BASE_RESP] = "base_resp",
};

/* Azure's first chunk has them empty. */
static void copy_once(struct str t, struct jspan v, char *out, size_t size)
{
    if (out[0] == '\0' && v.kind == J_STRING)
        json_copy(t, v, out, size);
}

/* It may be a lower one than was asked for. */
void openai_scan_tier(struct scan_state *s, struct str t, struct jspan tier)
{
    /*
     * Others ("default", "scale") cost the standard price.
     * Source: developers.openai.com/api/reference, chat and responses objects, 2026-11.
     */
    static const char *const priced[] = {"batch", "flex", "priority", "ultrafast"};
    if (tier.kind != J_STRING)
        return;
    s->n_services = 0;
    for (size_t i = 0; i < ARRAY_LEN(priced); i++)
        if (jscan_is(t, tier, priced[i]))
            s->services[s->n_services++] = str_of(priced[i]);
}

/* A checked object: a chunk or a whole answer. */
static unsigned scan_object(struct scan_state *s, struct str t, const struct jfield *f,
                            struct err *e)
{
    if ((json_is_set(f[R_ERROR].value) || json_is_set(f[R_X_GROQ].value) ||
         json_is_set(f[R_BASE_RESP].value) || f[R_CHOICES].value.kind != J_ARRAY) &&
        error_in_band(s->kind, t, e))
        return EV_ERROR;
    copy_once(t, f[R_MODEL].value, s->model, sizeof s->model);
    copy_once(t, f[R_ID].value, s->id, sizeof s->id);
    openai_scan_tier(s, t, f[R_TIER].value);
    unsigned flags = 0;
    struct jspan choice;
    size_t it = 0, n = 0;
    for (; f[R_CHOICES].value.kind == J_ARRAY &&
           jscan_next(t, f[R_CHOICES].value, &it, &choice);
         n++)
        flags |= scan_choice(s, t, choice, e);
    if (f[R_X_GROQ].value.kind == J_OBJECT)
        flags |= scan_report(s, t, jscan_get(t, f[R_X_GROQ].value, "usage"));
    flags |= scan_report(s, t, f[R_USAGE].value);
    if (f[R_USAGE].value.kind == J_NULL)
        flags |= EV_NO_USAGE;
    if (n == 0 && (flags & EV_USAGE) != 0)
        flags |= EV_USAGE_ONLY;
    return flags;
}

static unsigned openai_scan_event(struct scan_state *s, const struct sse_event *ev,
                                  struct err *e)
{
    if (!ev->has_data)
        return scan_bare(s, ev->raw, e);
    if (ev->data.len == 0)
        return EV_PING;
    if (str_eqz(ev->data, "[DONE]"))
        return EV_END;
    unsigned flags = scan_again(s, ev->data);
    if (flags != 0)
        return flags;
    size_t had_len = scan_told_len(s);
    struct jfield f[R_COUNT] = {0};
    for (size_t i = 0; i < R_COUNT; i++)
        f[i].name = reply_fields[i];
    struct err why;
    err_clear(&why);
    if (jscan_object(ev->data, f, R_COUNT, &why) != ERR_OK) {
        s->n_malformed++;
        return EV_MALFORMED;
    }
    flags = scan_object(s, ev->data, f, e);
    scan_remember(s, ev->data, flags, had_len);
    return flags;
}

static enum errc openai_scan_reply(struct scan_state *s, struct str body, struct err *e)
{
    struct jfield f[R_COUNT] = {0};
    for (size_t i = 0; i < R_COUNT; i++)
        f[i].name = reply_fields[i];
    struct err why = ERR_INIT;
    enum errc rc = ERR_OK;
    if (jscan_object(body, f, R_COUNT, &why) != ERR_OK)
        rc = err_set(e, ERR_SERVER, "the provider's answer is not JSON: %s", why.text);
    else if ((scan_object(s, body, f, e) & EV_ERROR) != 0)
        return e->code;
    else if (f[R_CHOICES].value.kind != J_ARRAY || f[R_CHOICES].value.len <= 2)
        rc = err_set(e, ERR_SERVER, "the provider's answer holds no choices");
    if (rc != ERR_OK)
        e->origin = ERR_BY_PROVIDER;
    return rc;
}

/* ---- events for a client ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The member at [*from, *to) and its comma: the one after it, else the one before. */
static void with_comma(struct str t, size_t *from, size_t *to)
{
    size_t after = *to, before = *from;
    while (after < t.len && is_space(t.ptr[after]))
        after++;
    while (before > 0 && is_space(t.ptr[before - 1]))
        before--;
    if (after < t.len && t.ptr[after] == ',')
        *to = after + 1;
    else if (before > 0 && t.ptr[before - 1] == ',')
        *from = before - 1;
}

static bool openai_strip_usage(const struct sse_event *ev, struct buf *out)
{
    enum { USAGE, CHOICES, N };
    struct jfield f[N] = {[USAGE] = {.name = "usage"}, [CHOICES] = {.name = "choices"}};
    struct str t = ev->data;
    if (!ev->has_data || !jscan_fields(t, jscan_root(t), f, N) ||
        f[USAGE].value.kind == J_NONE) {
        buf_adds(out, ev->raw);
        return true;
    }
    bool is_alone =
        f[CHOICES].value.kind != J_ARRAY || json_is_empty(t, f[CHOICES].value);
    if (f[USAGE].value.kind == J_OBJECT && is_alone)
        return false;
    size_t from = f[USAGE].key_pos, to = f[USAGE].value.pos + f[USAGE].value.len;
    with_comma(t, &from, &to);
    AUTO(buf_release) struct buf left = BUF_INIT(LIMIT_EVENT_LEN);
    buf_adds(&left, str_sub(t, 0, from));
    buf_adds(&left, str_sub(t, to, t.len));
    if (buf_err(&left) != ERR_OK)
        out->fail = buf_err(&left);
    sse_write(out, NULL, buf_str(&left)); /* chunks have no event name */
    return true;
}

static const char *openai_end_mark(void)
{
    return "data: [DONE]\n\n";
}

void openai_keepalive(struct buf *out)
{
    buf_addz(out, ": keep-alive\n\n");
}

/* ---- errors to a client ---- */

/* clang-format off */
static const struct {
    const char *type, *code; /* code NULL: the provider's own, or null */
} error_words[ERR_N_] = {
    [ERR_RANGE] = {"invalid_request_error", NULL},
    [ERR_SYNTAX] = {"invalid_request_error", NULL},
    [ERR_USAGE] = {"invalid_request_error", NULL},
    [ERR_REFUSED] = {"permission_error", "refused"},
    [ERR_AUTH] = {"invalid_request_error", "invalid_api_key"},
    [ERR_UPSTREAM_AUTH] = {"server_error", "upstream_authentication"},
    [ERR_PERMISSION] = {"permission_error", "permission_denied"},
    [ERR_NOT_FOUND] = {"invalid_request_error", "model_not_found"},
    [ERR_INVALID] = {"invalid_request_error", NULL},
    [ERR_TOO_LARGE] = {"invalid_request_error", "request_too_large"},
    [ERR_CONTEXT] = {"invalid_request_error", "context_length_exceeded"},
    [ERR_FILTER] = {"invalid_request_error", "content_filter"},
    [ERR_RATE_LIMIT] = {"rate_limit_error", "rate_limit_exceeded"},
    [ERR_QUOTA] = {"insufficient_quota", "insufficient_quota"},
    [ERR_AGAIN] = {"service_unavailable_error", "server_is_overloaded"},
    [ERR_MEMORY] = {"service_unavailable_error", "server_is_overloaded"},
    [ERR_OVERLOADED] = {"service_unavailable_error", "server_is_overloaded"},
    [ERR_TIMEOUT] = {"server_error", "upstream_timeout"},
    [ERR_SERVER] = {"server_error", "upstream_error"},
    [ERR_NETWORK] = {"server_error", "upstream_unreachable"},
    [ERR_INTERRUPTED] = {"server_error", "stream_interrupted"},
};
/* clang-format on */

int openai_error_status(const struct err *e)
{
    if (e->code == ERR_INVALID && e->sys == 422)
        return 422;
    return errc_http(e->code);
}

void openai_error_words(const struct err *e, const char **ret_type, const char **ret_code)
{
    const char *type = error_words[e->code].type;
    const char *code = error_words[e->code].code;
    if (type == NULL) {
        type = "server_error";
        code = errc_name(e->code);
    } else if (code == NULL && e->provider_code[0] != '\0' &&
               strcmp(e->provider_code, type) != 0) {
        code = e->provider_code;
    } else if (e->code == ERR_NOT_FOUND && e->origin == ERR_BY_CLIENT &&
               e->provider_code[0] != '\0') {
        code = e->provider_code; /* no model is meant: see api.c */
    }
    *ret_type = type;
    *ret_code = code;
}

void openai_error_body(const struct err *e, const struct error_ext *x, struct buf *out)
{
    const char *type, *code;
    struct jw w;
    openai_error_words(e, &type, &code);
    jw_init(&w, out);
    jw_object(&w);
    jw_key(&w, "error");
    jw_object(&w);
    jw_kstrz(&w, "message", e->text);
    jw_kstrz(&w, "type", type);
    jw_key(&w, "param");
    if (e->field_len > 0)
        jw_str(&w, (struct str){e->text, e->field_len});
    else
        jw_strz(&w, e->param[0] != '\0' ? e->param : NULL);
    jw_kstrz(&w, "code", code);
    error_write_ext(&w, e, x);
    jw_object_end(&w);
    jw_object_end(&w);
}

static void openai_error_event(const struct err *e, const struct error_ext *x,
                               struct buf *out)
{
    buf_addz(out, "data: ");
    openai_error_body(e, x, out);
    buf_addz(out, "\n\n");
}

const struct dialect_ops dialect_openai = {
    .id = DIALECT_OPENAI,
    .name = "openai",
    .facts = openai_facts,
    .splice = openai_splice,
    .request_decode = openai_request_decode,
    .path = path_fixed,
    .request_encode = openai_request_encode,
    .request_headers = openai_request_headers,
    .scan_init = openai_scan_init,
    .scan_event = openai_scan_event,
    .scan_reply = openai_scan_reply,
    .error_parse = error_parse_any,
    .strip_usage = openai_strip_usage,
    .reply_decode = openai_reply_decode,
    .decoder_new = openai_decoder_new,
    .decode_event = openai_decode_event,
    .decoder_free = openai_decoder_free,
    .reply_encode = openai_reply_encode,
    .encoder_new = openai_encoder_new,
    .encode_delta = openai_encode_delta,
    .encoder_free = openai_encoder_free,
    .end_mark = openai_end_mark,
    .keepalive = openai_keepalive,
    .error_status = openai_error_status,
    .error_body = openai_error_body,
    .error_event = openai_error_event,
};
