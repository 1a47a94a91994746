/*
 * dialect_openai_client.c: what the broker reads in the body of a Chat Completions request that
 * passes as bytes, and the few of them that it changes for the provider. Must not touch answers.
 *
 * Sources: see dialect_openai.c.
 */
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/jsonx.h"

#include "broker/dialect_openai.h"
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
    bool is_developer = jscan_is(body, role, "developer");
    bool is_system = is_developer || jscan_is(body, role, "system");
    f->has_developer |= is_developer;
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

enum errc openai_facts(struct str body, const struct jcheck *check,
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
    f.seed_key_pos = fields[F_SEED].value.kind != J_NONE ? fields[F_SEED].key_pos : 0;
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

/* The body up to the role, which becomes the one that all know; where it goes on. */
static size_t write_role(struct str body, size_t from, struct jspan role, struct buf *out)
{
    if (!jscan_is(body, role, "developer"))
        return from;
    buf_adds(out, str_sub(body, from, role.pos - from));
    buf_addz(out, "\"system\"");
    return role.pos + role.len;
}

/* The body as a provider with these quirks takes it; ids are the same wherever a call is named. */
static void write_own(struct str body, const struct provider_quirks *q, struct buf *out)
{
    struct jspan messages = jscan_get(body, jscan_root(body), "messages"), message, call;
    size_t it = 0, from = 0;
    while (jscan_next(body, messages, &it, &message)) {
        struct jspan calls = jscan_get(body, message, "tool_calls");
        size_t at = 0;
        if (!q->knows_developer)
            from = write_role(body, from, jscan_get(body, message, "role"), out);
        if (!q->short_ids)
            continue;
        while (calls.kind == J_ARRAY && jscan_next(body, calls, &at, &call))
            from = write_short_id(body, from, jscan_get(body, call, "id"), out);
        from = write_short_id(body, from, jscan_get(body, message, "tool_call_id"), out);
    }
    buf_adds(out, str_sub(body, from, body.len));
}

/* Another provider may have begun the conversation, with ids of its own. */
static bool needs_own(const struct body_facts *f, const struct provider_quirks *q)
{
    return (f->tool_results && q->short_ids) || (f->has_developer && !q->knows_developer);
}

enum errc openai_splice(struct str body, const struct body_facts *f,
                        const struct body_edits *edits, struct buf *text,
                        struct pieces *ret, struct err *e)
{
    AUTO(buf_release) struct buf own = BUF_INIT(LIMIT_BODY_LEN);
    struct body_facts moved = *f;
    bool has_own = edits->kind != NULL && needs_own(f, &edits->kind->quirks);
    if (has_own) {
        write_own(body, &edits->kind->quirks, &own);
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
    if (edits->kind != NULL && edits->kind->quirks.seed != NULL && moved.seed_key_pos > 0)
        patches_add(&p, moved.seed_key_pos, json_key_len(body, moved.seed_key_pos),
                    "\"%s\"", edits->kind->quirks.seed);
    return has_own ? patches_apply_copy(&p, body, text, ret, e)
                   : patches_apply(&p, body, text, ret, e);
}
