/*
 * dialect_openai.c: OpenAI Chat Completions, as bytes that pass: facts, splice, scan, errors.
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

/* ---- facts of a client's request ---- */

enum {
    F_MODEL,
    F_MESSAGES,
    F_STREAM,
    F_STREAM_OPTIONS,
    F_MAX_COMPLETION,
    F_MAX_TOKENS,
    F_N,
    F_TOOLS,
    F_FUNCTIONS,
    F_TEMPERATURE,
    F_SEED,
    F_CACHE_OPTIONS,
    F_LOGPROBS,
    F_RESPONSE_FORMAT,
    F_EFFORT,
    F_MODALITIES,
    F_SAFETY_ID,
    F_USER,
    F_COUNT,
};

/* clang-format off */
static const struct fact_field fact_fields[F_COUNT] = {
    [F_MODEL] = {"model", J_NONE},
    [F_MESSAGES] = {"messages", J_ARRAY},
    [F_STREAM] = {"stream", J_NONE},
    [F_STREAM_OPTIONS] = {"stream_options", J_OBJECT},
    [F_MAX_COMPLETION] = {"max_completion_tokens", J_NONE},
    [F_MAX_TOKENS] = {"max_tokens", J_NONE},
    [F_N] = {"n", J_NONE},
    [F_TOOLS] = {"tools", J_ARRAY},
    [F_FUNCTIONS] = {"functions", J_ARRAY},
    [F_TEMPERATURE] = {"temperature", J_NUMBER},
    [F_SEED] = {"seed", J_NUMBER},
    [F_CACHE_OPTIONS] = {"prompt_cache_options", J_OBJECT},
    [F_LOGPROBS] = {"logprobs", J_NONE},
    [F_RESPONSE_FORMAT] = {"response_format", J_OBJECT},
    [F_EFFORT] = {"reasoning_effort", J_STRING},
    [F_MODALITIES] = {"modalities", J_ARRAY},
    [F_SAFETY_ID] = {"safety_identifier", J_STRING},
    [F_USER] = {"user", J_STRING}, /* its older name */
};
/* clang-format on */

static bool is_data_url(struct str text, struct jspan url)
{
    return url.kind == J_STRING && str_starts(jscan_inside(text, url), STR("data:"));
}

/* What a part of a message needs of the model; media are not text for the estimator. */
static void part_facts(struct str body, struct jspan part, struct body_facts *f)
{
    struct jspan type = jscan_get(body, part, "type");
    if (jscan_is(body, type, "image_url")) {
        struct jspan url = jscan_get(body, jscan_get(body, part, "image_url"), "url");
        f->n_images++;
        f->needs |= CAP_VISION;
        if (is_data_url(body, url))
            f->prompt_len -= url.len;
    } else if (jscan_is(body, type, "file")) {
        struct jspan data = jscan_get(body, jscan_get(body, part, "file"), "file_data");
        file_facts(body, data, f);
    } else if (jscan_is(body, type, "input_audio")) {
        struct jspan data = jscan_get(body, jscan_get(body, part, "input_audio"), "data");
        f->needs |= CAP_AUDIO_IN;
        f->prompt_len -= data.len;
    }
}

/* Text of a system message: a string, or text parts. */
static void system_text(struct str body, struct jspan content, struct buf *system)
{
    if (system->len > 0)
        buf_addz(system, "\n\n");
    if (content.kind == J_STRING && jscan_string(body, content, system) != ERR_OK)
        system->fail = ERR_MEMORY;
    struct jspan part;
    size_t it = 0;
    while (content.kind == J_ARRAY && jscan_next(body, content, &it, &part)) {
        struct jspan text = jscan_get(body, part, "text");
        if (text.kind == J_STRING && jscan_string(body, text, system) != ERR_OK)
            system->fail = ERR_MEMORY;
    }
}

/* The name is made only when it is needed: conversations are long. */
static enum errc message_error(struct err *e, size_t i, const char *field,
                               const char *why)
{
    char name[48];
    snprintf(name, sizeof name, "messages[%zu]%s", i, field);
    return field_error(e, name, "%s", why);
}

static enum errc message_facts(struct str body, struct jspan message, size_t i,
                               bool *ret_leading, struct buf *system,
                               struct body_facts *f, struct err *e)
{
    enum { ROLE, CONTENT, N };
    struct jfield fields[N] = {
        [ROLE] = {.name = "role"}, [CONTENT] = {.name = "content"}};
    if (!jscan_fields(body, message, fields, N))
        return message_error(e, i, "", "must be an object");
    struct jspan role = fields[ROLE].value, content = fields[CONTENT].value;
    if (role.kind != J_STRING)
        return message_error(e, i, ".role", "must be a string");
    if (json_is_set(content) && content.kind != J_STRING && content.kind != J_ARRAY)
        return message_error(e, i, ".content", "must be a string or an array of parts");
    bool is_system = jscan_is(body, role, "system") || jscan_is(body, role, "developer");
    *ret_leading = *ret_leading && is_system;
    if (*ret_leading)
        system_text(body, content, system);
    if (jscan_is(body, role, "tool") || jscan_is(body, role, "function"))
        f->tool_results = true;
    struct jspan part;
    size_t it = 0;
    while (content.kind == J_ARRAY && jscan_next(body, content, &it, &part))
        part_facts(body, part, f);
    return ERR_OK;
}

static enum errc messages_facts(struct str body, struct jspan messages,
                                struct body_facts *f, struct err *e)
{
    AUTO(buf_release) struct buf system = BUF_INIT(LIMIT_BODY_LEN);
    struct jspan message;
    size_t it = 0, i = 0;
    bool leading = true;
    enum errc rc = ERR_OK;
    for (; rc == ERR_OK && jscan_next(body, messages, &it, &message); i++)
        rc = message_facts(body, message, i, &leading, &system, f, e);
    if (rc != ERR_OK)
        return rc;
    if (i == 0)
        return field_error(e, "messages", "must not be empty");
    f->is_prefixed = jscan_get(body, message, "prefix").kind == J_TRUE;
    if (buf_err(&system) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory for the system prompt");
    system_hash(buf_str(&system), f->system_hash);
    return ERR_OK;
}

static enum errc cap_facts(struct str body, const struct jfield *fields,
                           struct body_facts *f, struct err *e)
{
    const struct jfield *cap = &fields[F_MAX_COMPLETION], *other = &fields[F_MAX_TOKENS];
    if (json_is_set(cap->value) && json_is_set(other->value))
        return field_error(e, "max_tokens",
                           "give this or max_completion_tokens, not both");
    if (cap->value.kind == J_NONE || json_is_set(other->value)) {
        cap = &fields[F_MAX_TOKENS];
        other = &fields[F_MAX_COMPLETION];
    }
    enum errc rc = field_i64(body, cap, 1, INT32_MAX, &f->max_output_tok, e);
    if (rc != ERR_OK)
        return rc;
    f->cap = cap->value;
    f->cap_key_pos = cap->key_pos;
    f->null_cap_pos = other->value.kind == J_NULL ? other->key_pos : 0;
    return ERR_OK;
}

static bool array_has(struct str body, struct jspan array, const char *word)
{
    struct jspan v;
    size_t it = 0;
    while (array.kind == J_ARRAY && jscan_next(body, array, &it, &v))
        if (jscan_is(body, v, word))
            return true;
    return false;
}

static bool has_items(struct str body, struct jspan array)
{
    return array.kind == J_ARRAY && !json_is_empty(body, array);
}

static void needs_facts(struct str body, const struct jfield *fields,
                        struct body_facts *f)
{
    const struct jspan effort = fields[F_EFFORT].value;
    struct jspan type = jscan_get(body, fields[F_RESPONSE_FORMAT].value, "type");
    int64_t zero;
    if (has_items(body, fields[F_TOOLS].value) ||
        has_items(body, fields[F_FUNCTIONS].value))
        f->needs |= CAP_TOOLS;
    if (jscan_is(body, type, "json_schema"))
        f->needs |= CAP_JSON_SCHEMA;
    f->says_effort = effort.kind == J_STRING;
    if (f->says_effort && !jscan_is(body, effort, "none"))
        f->needs |= CAP_REASONING;
    if (array_has(body, fields[F_MODALITIES].value, "audio"))
        f->needs |= CAP_AUDIO_OUT;
    json_copy(body, jscan_get(body, fields[F_CACHE_OPTIONS].value, "ttl"), f->cache_ttl,
              sizeof f->cache_ttl);
    bool has_id = json_is_set(fields[F_SAFETY_ID].value);
    json_copy(body, fields[has_id ? F_SAFETY_ID : F_USER].value, f->user, sizeof f->user);
    f->repeatable = jscan_i64(body, fields[F_TEMPERATURE].value, 0, 0, &zero) ||
                    json_is_set(fields[F_SEED].value);
    f->prompt_len += fields[F_MESSAGES].value.len + fields[F_TOOLS].value.len +
                     fields[F_FUNCTIONS].value.len;
}

static enum errc openai_facts(struct str body, const struct jcheck *check,
                              struct body_facts *ret, struct err *e)
{
    struct body_facts f = {.max_output_tok = -1, .n = 1};
    struct jfield fields[F_COUNT] = {0};
    enum errc rc = body_facts_fields(body, check, fact_fields, fields, F_COUNT, e);
    if (rc == ERR_OK && !json_is_set(fields[F_MESSAGES].value))
        rc = field_error(e, "messages", "is required");
    struct jfield include = {.name = "stream_options.include_usage"};
    include.value = jscan_get(body, fields[F_STREAM_OPTIONS].value, "include_usage");
    if (rc == ERR_OK)
        rc = field_model(body, &fields[F_MODEL], &f, e);
    if (rc == ERR_OK)
        rc = field_bool(&fields[F_STREAM], &f.stream, e);
    if (rc == ERR_OK)
        rc = field_bool(&include, &f.include_usage, e);
    if (rc == ERR_OK)
        rc = field_bool(&fields[F_LOGPROBS], &f.logprobs, e);
    if (rc == ERR_OK)
        rc = field_i64(body, &fields[F_N], 1, 128, &f.n, e);
    if (rc == ERR_OK)
        rc = cap_facts(body, fields, &f, e);
    if (rc != ERR_OK)
        return rc;
    needs_facts(body, fields, &f);
    rc = messages_facts(body, fields[F_MESSAGES].value, &f, e);
    if (rc != ERR_OK)
        return rc;
    f.stream_options = fields[F_STREAM_OPTIONS].value;
    *ret = f;
    return ERR_OK;
}

/* ---- splice ---- */

static void splice_include_usage(struct patches *p, struct str body,
                                 const struct body_facts *f, size_t after_model)
{
    const struct jspan o = f->stream_options;
    struct jspan include = jscan_get(body, o, "include_usage");
    if (o.kind == J_NONE)
        patches_add(p, after_model, 0, ",\"stream_options\":{\"include_usage\":true}");
    else if (o.kind == J_NULL)
        patches_add(p, o.pos, o.len, "{\"include_usage\":true}");
    else if (include.kind != J_NONE)
        patches_add(p, include.pos, include.len, "true");
    else
        patches_add(p, o.pos + 1, 0, "\"include_usage\":true%s",
                    json_is_empty(body, o) ? "" : ",");
}

/* When the cap gets the name that stands beside a null, that gets the other. */
static void splice_null_cap(struct patches *p, struct str body,
                            const struct body_facts *f, const struct body_edits *edits)
{
    static const char *const names[] = {"max_tokens", "max_completion_tokens"};
    for (size_t i = 0; f->null_cap_pos > 0 && edits->cap_field != NULL && i < 2; i++)
        if (strcmp(edits->cap_field, names[i]) == 0)
            patches_add(p, f->null_cap_pos, json_key_len(body, f->null_cap_pos), "\"%s\"",
                        names[1 - i]);
}

/* The body from `from` up to the id, which becomes a short one; where it goes on. */
static size_t write_short_id(struct str body, size_t from, struct jspan id,
                             struct buf *out)
{
    char fit[TOOL_ID_LEN + 1];
    if (id.kind != J_STRING || id.pos < from)
        return from;
    fit_tool_id(jscan_inside(body, id), true, SHORT_ID_LEN, fit);
    buf_adds(out, str_sub(body, from, id.pos - from));
    json_quote(out, str_of(fit));
    return id.pos + id.len;
}

/* The body with short ids of calls, the same wherever a call is named. */
static void write_short_ids(struct str body, struct buf *out)
{
    struct jspan messages = jscan_get(body, jscan_root(body), "messages"), message, call;
    size_t it = 0, from = 0;
    while (jscan_next(body, messages, &it, &message)) {
        struct jspan calls = jscan_get(body, message, "tool_calls");
        size_t at = 0;
        while (calls.kind == J_ARRAY && jscan_next(body, calls, &at, &call))
            from = write_short_id(body, from, jscan_get(body, call, "id"), out);
        from = write_short_id(body, from, jscan_get(body, message, "tool_call_id"), out);
    }
    buf_adds(out, str_sub(body, from, body.len));
}

static enum errc openai_splice(struct str body, const struct body_facts *f,
                               const struct body_edits *edits, struct buf *text,
                               struct pieces *ret, struct err *e)
{
    AUTO(buf_release) struct buf own = BUF_INIT(LIMIT_BODY_LEN);
    struct body_facts moved = *f;
    /* another provider may have begun the conversation, with ids of its own */
    bool has_own =
        f->tool_results && edits->kind != NULL && edits->kind->quirks.short_ids;
    if (has_own) {
        write_short_ids(body, &own);
        enum errc rc = buf_err(&own);
        if (rc != ERR_OK)
            return err_set(e, rc, "no room for the request body");
        body = buf_str(&own);
        rc = openai_facts(body, NULL, &moved, e);
        if (rc != ERR_OK)
            return rc;
    }
    struct patches p = {.text = BUF_INIT(LIMIT_BODY_LEN)};
    size_t after_model = moved.model.pos + moved.model.len;
    patches_add_quoted(&p, moved.model.pos, moved.model.len, edits->model);
    if (edits->add_include_usage && moved.stream && !moved.include_usage)
        splice_include_usage(&p, body, &moved, after_model);
    patches_add_cap(&p, body, &moved, edits, "max_completion_tokens");
    splice_null_cap(&p, body, &moved, edits);
    return has_own ? patches_apply_copy(&p, body, text, ret, e)
                   : patches_apply(&p, body, text, ret, e);
}

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
    if (f[USAGE].value.kind == J_OBJECT && !has_items(t, f[CHOICES].value))
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
