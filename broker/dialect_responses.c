/*
 * dialect_responses.c: OpenAI Responses as bytes that pass: facts, splice, scan, errors.
 *
 * The broker keeps no responses: what needs one that was stored (previous_response_id,
 * conversation) or that goes on without its client (background) is refused, whatever the target.
 * A stream's end mark is its last event, which holds the whole answer once more.
 *
 * Source: OpenAI OpenAPI file of 2026-08-21 (CreateResponse, Response, ResponseStreamEvent), guides
 * of 2026-10.
 */
#include "broker/dialect_responses.h"

#include <string.h>

#include "core/catalog.h"
#include "core/clock.h"

#include "broker/dialect_count.h"
#include "broker/dialect_openai.h"
#include "broker/dialect_priv.h"

/* ---- facts of a client's request ---- */

enum {
    F_MODEL,
    F_INPUT,
    F_INSTRUCTIONS,
    F_STREAM,
    F_CAP,
    F_TOOLS,
    F_TEXT,
    F_REASONING,
    F_TEMPERATURE,
    F_INCLUDE,
    F_TOP_LOGPROBS,
    F_CACHE_OPTIONS,
    F_SAFETY_ID,
    F_USER,
    F_PREVIOUS,
    F_CONVERSATION,
    F_BACKGROUND,
    F_COUNT,
};

/* clang-format off */
static const struct fact_field fact_fields[F_COUNT] = {
    [F_MODEL] = {"model", J_NONE},
    [F_INPUT] = {"input", J_NONE},
    [F_INSTRUCTIONS] = {"instructions", J_STRING},
    [F_STREAM] = {"stream", J_NONE},
    [F_CAP] = {"max_output_tokens", J_NONE},
    [F_TOOLS] = {"tools", J_ARRAY},
    [F_TEXT] = {"text", J_OBJECT},
    [F_REASONING] = {"reasoning", J_OBJECT},
    [F_TEMPERATURE] = {"temperature", J_NUMBER},
    [F_INCLUDE] = {"include", J_ARRAY},
    [F_TOP_LOGPROBS] = {"top_logprobs", J_NUMBER},
    [F_CACHE_OPTIONS] = {"prompt_cache_options", J_OBJECT},
    [F_SAFETY_ID] = {"safety_identifier", J_STRING},
    [F_USER] = {"user", J_STRING},
    [F_PREVIOUS] = {"previous_response_id", J_NONE},
    [F_CONVERSATION] = {"conversation", J_NONE},
    [F_BACKGROUND] = {"background", J_NONE},
};
/* clang-format on */

/* What a part of a message needs of the model; media are not text for the estimator. */
static void part_facts(struct str body, struct jspan part, struct body_facts *f)
{
    struct jspan type = jscan_get(body, part, "type");
    if (jscan_is(body, type, "input_image")) {
        struct jspan url = jscan_get(body, part, "image_url");
        f->n_images++;
        f->needs |= CAP_VISION;
        if (url.kind == J_STRING && str_starts(jscan_inside(body, url), STR("data:")))
            f->prompt_len -= url.len;
    } else if (jscan_is(body, type, "input_file")) {
        file_facts(body, jscan_get(body, part, "file_data"), f);
    } else if (jscan_is(body, type, "input_audio")) {
        f->needs |= CAP_AUDIO_IN;
    }
}

static void parts_facts(struct str body, struct jspan parts, struct body_facts *f)
{
    struct jspan part;
    size_t it = 0;
    while (parts.kind == J_ARRAY && jscan_next(body, parts, &it, &part))
        part_facts(body, part, f);
}

static void add_system(struct str body, struct jspan text, struct buf *system)
{
    if (system->len > 0)
        buf_addz(system, "\n\n");
    if (text.kind == J_STRING && jscan_string(body, text, system) != ERR_OK)
        system->fail = ERR_MEMORY;
}

/*
 * A reasoning item that we have made of another provider's thought: by its id, which holds that
 * of a request, and since nobody has encrypted anything in it. OpenAI answers 400 to an item that
 * it neither keeps nor can read. Source: OpenAI guides/reasoning, "Encrypted reasoning items"
 * (2026-10).
 */
static bool is_foreign_thought(struct str body, struct jspan item)
{
    enum { TYPE, ID, ENCRYPTED, N };
    struct jfield m[N] = {[TYPE] = {.name = "type"},
                          [ID] = {.name = "id"},
                          [ENCRYPTED] = {.name = "encrypted_content"}};
    if (!jscan_fields(body, item, m, N) || !jscan_is(body, m[TYPE].value, "reasoning") ||
        m[ID].value.kind != J_STRING || json_decoded_len(body, m[ENCRYPTED].value) > 0)
        return false;
    struct str id = jscan_inside(body, m[ID].value);
    return str_starts(id, STR("rs_")) && id.len > 3 + ULID_LEN &&
           id.ptr[3 + ULID_LEN] == '_' && clock_ulid_us(str_sub(id, 3, ULID_LEN)) >= 0;
}

static void item_facts(struct str body, struct jspan item, bool *ret_leading,
                       struct buf *system, struct body_facts *f)
{
    enum { TYPE, ROLE, CONTENT, OUTPUT, N };
    struct jfield m[N] = {[TYPE] = {.name = "type"},
                          [ROLE] = {.name = "role"},
                          [CONTENT] = {.name = "content"},
                          [OUTPUT] = {.name = "output"}};
    jscan_fields(body, item, m, N);
    f->has_foreign |= is_foreign_thought(body, item);
    struct jspan role = m[ROLE].value, content = m[CONTENT].value, part;
    bool is_system = jscan_is(body, role, "system") || jscan_is(body, role, "developer");
    *ret_leading = *ret_leading && is_system;
    if (*ret_leading)
        add_system(body, content, system);
    size_t it = 0;
    while (*ret_leading && content.kind == J_ARRAY &&
           jscan_next(body, content, &it, &part))
        add_system(body, jscan_get(body, part, "text"), system);
    if (jscan_is(body, m[TYPE].value, "function_call_output"))
        f->tool_results = true;
    parts_facts(body, content, f);
    parts_facts(body, m[OUTPUT].value, f);
}

static enum errc input_facts(struct str body, const struct jfield *fields,
                             struct body_facts *f, struct err *e)
{
    AUTO(buf_release) struct buf system = BUF_INIT(LIMIT_BODY_LEN);
    const struct jfield *input = &fields[F_INPUT];
    struct jspan item;
    size_t it = 0, n = 0;
    bool leading = true;
    if (!json_is_set(input->value))
        return field_error(e, input->name, "is required");
    if (input->value.kind != J_STRING && input->value.kind != J_ARRAY)
        return field_error(e, input->name, "must be a string or an array of items");
    if (fields[F_INSTRUCTIONS].value.kind == J_STRING)
        add_system(body, fields[F_INSTRUCTIONS].value, &system);
    for (; input->value.kind == J_ARRAY && jscan_next(body, input->value, &it, &item);
         n++) {
        if (item.kind != J_OBJECT)
            return field_error(e, input->name, "element %zu must be an object", n);
        item_facts(body, item, &leading, &system, f);
    }
    if (input->value.kind == J_ARRAY && n == 0)
        return field_error(e, input->name, "must not be empty");
    if (buf_err(&system) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory for the system prompt");
    system_hash(buf_str(&system), f->system_hash);
    return ERR_OK;
}

static bool has_function(struct str body, struct jspan tools)
{
    struct jspan tool;
    size_t it = 0;
    while (tools.kind == J_ARRAY && jscan_next(body, tools, &it, &tool))
        if (jscan_is(body, jscan_get(body, tool, "type"), "function"))
            return true;
    return false;
}

static bool wants_logprobs(struct str body, const struct jfield *fields)
{
    struct jspan v;
    size_t it = 0;
    int64_t n = 0;
    jscan_i64(body, fields[F_TOP_LOGPROBS].value, 0, INT32_MAX, &n);
    while (fields[F_INCLUDE].value.kind == J_ARRAY &&
           jscan_next(body, fields[F_INCLUDE].value, &it, &v))
        if (jscan_is(body, v, RESPONSES_LOGPROBS))
            return true;
    return n > 0;
}

static void needs_facts(struct str body, const struct jfield *fields,
                        struct body_facts *f)
{
    struct jspan format = jscan_get(body, fields[F_TEXT].value, "format");
    struct jspan effort = jscan_get(body, fields[F_REASONING].value, "effort");
    int64_t zero;
    if (has_function(body, fields[F_TOOLS].value))
        f->needs |= CAP_TOOLS;
    if (jscan_is(body, jscan_get(body, format, "type"), "json_schema"))
        f->needs |= CAP_JSON_SCHEMA;
    f->says_effort = effort.kind == J_STRING;
    if (f->says_effort && !jscan_is(body, effort, "none"))
        f->needs |= CAP_REASONING;
    json_copy(body, jscan_get(body, fields[F_CACHE_OPTIONS].value, "ttl"), f->cache_ttl,
              sizeof f->cache_ttl);
    bool has_id = json_is_set(fields[F_SAFETY_ID].value);
    json_copy(body, fields[has_id ? F_SAFETY_ID : F_USER].value, f->user, sizeof f->user);
    f->repeatable = jscan_i64(body, fields[F_TEMPERATURE].value, 0, 0, &zero);
    f->logprobs = wants_logprobs(body, fields);
    f->prompt_len += fields[F_INPUT].value.len + fields[F_INSTRUCTIONS].value.len +
                     fields[F_TOOLS].value.len;
}

static enum errc refuse_state(struct str body, const struct jfield *fields, struct err *e)
{
    bool background = false;
    (void)body;
    if (json_is_set(fields[F_PREVIOUS].value))
        return field_error(e, "previous_response_id",
                           "answers are not kept here: send the whole conversation as "
                           "input");
    if (json_is_set(fields[F_CONVERSATION].value))
        return field_error(e, "conversation",
                           "conversations are not kept here: send the whole one as "
                           "input");
    enum errc rc = field_bool(&fields[F_BACKGROUND], &background, e);
    if (rc == ERR_OK && background)
        return field_error(e, "background", "answers in the background are not kept");
    return rc;
}

static enum errc responses_facts(struct str body, const struct jcheck *check,
                                 struct body_facts *ret, struct err *e)
{
    /* usage is in the last event, asked for or not */
    struct body_facts f = {.max_output_tok = -1, .n = 1, .include_usage = true};
    struct jfield fields[F_COUNT] = {0};
    enum errc rc = body_facts_fields(body, check, fact_fields, fields, F_COUNT, e);
    if (rc == ERR_OK)
        rc = field_model(body, &fields[F_MODEL], &f, e);
    if (rc == ERR_OK)
        rc = field_bool(&fields[F_STREAM], &f.stream, e);
    if (rc == ERR_OK)
        rc = field_i64(body, &fields[F_CAP], 1, INT32_MAX, &f.max_output_tok, e);
    if (rc == ERR_OK)
        rc = refuse_state(body, fields, e);
    if (rc != ERR_OK)
        return rc;
    f.cap = fields[F_CAP].value;
    f.cap_key_pos = fields[F_CAP].key_pos;
    needs_facts(body, fields, &f);
    rc = input_facts(body, fields, &f, e);
    if (rc == ERR_OK)
        *ret = f;
    return rc;
}

/* ---- splice and path ---- */

/*
 * A preset without a model may run on somebody else's: both are said. Source:
 * docs.perplexity.ai/agent-api/migrate-from-sonar (2026-09).
 */
const char *agent_preset(const struct provider_kind *kind, struct str *model)
{
    static const struct {
        const char *model, *preset;
    } rows[] = {{"sonar", NULL}, {"sonar-pro", "fast"}, {"sonar-reasoning-pro", "low"}};
    for (size_t i = 0; kind != NULL && kind->quirks.is_agent && i < ARRAY_LEN(rows); i++)
        if (str_eqz(*model, rows[i].model)) {
            *model = STR("perplexity/sonar");
            return rows[i].preset;
        }
    return NULL;
}

static bool write_own(struct str body, struct jspan item, struct buf *out)
{
    if (is_foreign_thought(body, item))
        return false;
    buf_adds(out, jscan_text(body, item));
    return true;
}

static enum errc responses_splice(struct str body, const struct body_facts *f,
                                  const struct body_edits *edits, struct buf *text,
                                  struct pieces *ret, struct err *e)
{
    AUTO(buf_release) struct buf own = BUF_INIT(LIMIT_BODY_LEN);
    struct body_facts moved = *f;
    struct body_edits fit = *edits;
    fit.cap_field = NULL; /* that is Chat's */
    if (f->has_foreign) {
        if (body_own(body, "input", write_own, &own, e) != ERR_OK)
            return e->code;
        body = buf_str(&own);
        if (responses_facts(body, NULL, &moved, e) != ERR_OK)
            return e->code;
    }
    struct patches p = {.text = BUF_INIT(LIMIT_BODY_LEN)};
    const char *preset = agent_preset(edits->kind, &fit.model);
    patches_add_quoted(&p, moved.model.pos, moved.model.len, fit.model);
    if (preset != NULL && jscan_get(body, jscan_root(body), "preset").kind == J_NONE)
        patches_add(&p, moved.model.pos + moved.model.len, 0, ",\"preset\":\"%s\"",
                    preset);
    patches_add_cap(&p, body, &moved, &fit, "max_output_tokens");
    return f->has_foreign ? patches_apply_copy(&p, body, text, ret, e)
                          : patches_apply(&p, body, text, ret, e);
}

static void responses_path(const struct provider_kind *kind, struct str model,
                           bool stream, struct buf *out)
{
    (void)model;
    (void)stream;
    buf_addz(out, kind->responses != NULL ? kind->responses : "");
}

/* ---- reading an answer ---- */

/* clang-format off */
static const struct {
    const char *type;
    enum responses_kind kind;
} event_rows[] = {
    {"response.output_text.delta", RESPONSES_TEXT},
    {"response.function_call_arguments.delta", RESPONSES_ARGS},
    {"response.reasoning_summary_text.delta", RESPONSES_THOUGHT},
    {"response.reasoning_text.delta", RESPONSES_THOUGHT},
    {"response.created", RESPONSES_CREATED},
    {"response.output_item.added", RESPONSES_ITEM_ADDED},
    {"response.output_item.done", RESPONSES_ITEM_DONE},
    {"response.output_text.done", RESPONSES_TEXT_DONE},
    {"response.function_call_arguments.done", RESPONSES_ARGS_DONE},
    {"response.reasoning_summary_text.done", RESPONSES_THOUGHT_DONE},
    {"response.reasoning_text.done", RESPONSES_THOUGHT_DONE},
    {"response.refusal.delta", RESPONSES_REFUSAL},
    {"response.refusal.done", RESPONSES_REFUSAL_DONE},
    {"response.custom_tool_call_input.delta", RESPONSES_CUSTOM_INPUT},
    {"response.completed", RESPONSES_END},
    {"response.incomplete", RESPONSES_END},
    {"response.failed", RESPONSES_FAILED},
    {"error", RESPONSES_ERROR},
};
/* clang-format on */

bool responses_event_read(struct str t, struct responses_event *ret)
{
    enum {
        TYPE,
        SEQUENCE,
        RESPONSE,
        ITEM,
        DELTA,
        TEXT,
        ARGS,
        REFUSAL,
        INDEX,
        PART,
        SUMMARY,
        LOGPROBS,
        N
    };
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [SEQUENCE] = {.name = "sequence_number"},
                          [RESPONSE] = {.name = "response"},
                          [ITEM] = {.name = "item"},
                          [DELTA] = {.name = "delta"},
                          [TEXT] = {.name = "text"},
                          [ARGS] = {.name = "arguments"},
                          [REFUSAL] = {.name = "refusal"},
                          [INDEX] = {.name = "output_index"},
                          [PART] = {.name = "content_index"},
                          [SUMMARY] = {.name = "summary_index"},
                          [LOGPROBS] = {.name = "logprobs"}};
    *ret = (struct responses_event){.output_index = -1, .part_index = -1, .sequence = -1};
    if (!jscan_fields(t, jscan_root(t), f, N))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(event_rows); i++)
        if (jscan_is(t, f[TYPE].value, event_rows[i].type)) {
            ret->kind = event_rows[i].kind;
            break;
        }
    ret->response = f[RESPONSE].value;
    ret->item = f[ITEM].value;
    ret->delta = f[DELTA].value;
    ret->logprobs = f[LOGPROBS].value;
    ret->whole = ret->kind == RESPONSES_ARGS_DONE      ? f[ARGS].value
                 : ret->kind == RESPONSES_REFUSAL_DONE ? f[REFUSAL].value
                                                       : f[TEXT].value;
    jscan_i64(t, f[INDEX].value, 0, INT32_MAX, &ret->output_index);
    jscan_i64(t, f[PART].value, 0, INT32_MAX, &ret->part_index);
    jscan_i64(t, f[SUMMARY].value, 0, INT32_MAX, &ret->part_index);
    jscan_i64(t, f[SEQUENCE].value, 0, INT32_MAX, &ret->sequence);
    return true;
}

void responses_object_read(struct str t, struct jspan v, struct responses_object *ret)
{
    enum { ID, MODEL, STATUS, OUTPUT, USAGE, ERROR, TIER, DETAILS, N };
    struct jfield f[N] = {[ID] = {.name = "id"},
                          [MODEL] = {.name = "model"},
                          [STATUS] = {.name = "status"},
                          [OUTPUT] = {.name = "output"},
                          [USAGE] = {.name = "usage"},
                          [ERROR] = {.name = "error"},
                          [TIER] = {.name = "service_tier"},
                          [DETAILS] = {.name = "incomplete_details"}};
    jscan_fields(t, v, f, N);
    *ret = (struct responses_object){
        .id = f[ID].value,
        .model = f[MODEL].value,
        .status = f[STATUS].value,
        .output = f[OUTPUT].value,
        .usage = f[USAGE].value,
        .error = f[ERROR].value,
        .tier = f[TIER].value,
        .reason = jscan_get(t, f[DETAILS].value, "reason"),
    };
}

enum msg_finish responses_finish(struct str t, const struct responses_object *o,
                                 bool saw_call)
{
    if (jscan_is(t, o->status, "requires_action")) /* Perplexity: of the client's tools */
        return MSG_FINISH_TOOL;
    if (jscan_is(t, o->status, "completed"))
        return saw_call ? MSG_FINISH_TOOL : MSG_FINISH_STOP;
    if (!jscan_is(t, o->status, "incomplete"))
        return MSG_FINISH_NONE;
    if (jscan_is(t, o->reason, "content_filter"))
        return MSG_FINISH_FILTERED;
    return jscan_is(t, o->reason, "max_output_tokens") ? MSG_FINISH_LENGTH
                                                       : MSG_FINISH_UNKNOWN;
}

bool responses_failed(const struct provider_kind *kind, struct str t,
                      const struct responses_object *o, struct jspan v, struct err *e)
{
    bool is_failed =
        jscan_is(t, o->status, "failed") || jscan_is(t, o->status, "cancelled");
    if (json_is_set(o->error) && error_in_band(kind, jscan_text(t, v), e))
        return true;
    if (!is_failed)
        return false;
    err_set(e, ERR_SERVER, "the provider's answer failed, without a reason");
    e->origin = ERR_BY_PROVIDER;
    return true;
}

/* ---- a provider's answer, watched ---- */

static void responses_scan_init(struct scan_state *s, const struct provider_kind *kind)
{
    *s = (struct scan_state){.kind = kind};
    usage_init(&s->usage);
}

static void scan_names(struct scan_state *s, struct str t,
                       const struct responses_object *o)
{
    json_copy(t, o->id, s->id, sizeof s->id);
    json_copy(t, o->model, s->model, sizeof s->model);
    openai_scan_tier(s, t, o->tier);
}

/* The end of a stream, or a whole answer. */
static unsigned scan_end(struct scan_state *s, struct str t,
                         const struct responses_object *o)
{
    scan_names(s, t, o);
    s->finish = responses_finish(t, o, s->saw_call);
    json_copy(t, json_is_set(o->reason) ? o->reason : o->status, s->finish_raw,
              sizeof s->finish_raw);
    return EV_FINISH | scan_usage(s, USAGE_WIRE_OPENAI_RESPONSES, t, o->usage);
}

static unsigned scan_piece(struct scan_state *s, struct str t,
                           const struct responses_event *ev)
{
    size_t len = json_decoded_len(t, ev->delta);
    if (ev->kind == RESPONSES_THOUGHT) {
        s->reasoning_len += len;
        return len > 0 ? EV_CONTENT | EV_REASONING : 0;
    }
    s->output_len += len;
    if (ev->kind == RESPONSES_ARGS || ev->kind == RESPONSES_CUSTOM_INPUT)
        return EV_CONTENT | EV_TOOL;
    return len > 0 ? EV_CONTENT : 0;
}

/* A call is seen when it opens; a message, with its first text. */
static unsigned scan_item(struct scan_state *s, struct str t, struct jspan item)
{
    struct jspan type = jscan_get(t, item, "type");
    if (jscan_is(t, type, "reasoning"))
        return EV_REASONING;
    if (jscan_is(t, type, "message"))
        return 0;
    s->saw_call |=
        jscan_is(t, type, "function_call") || jscan_is(t, type, "custom_tool_call");
    s->output_len += json_decoded_len(t, jscan_get(t, item, "name"));
    return EV_CONTENT | EV_TOOL;
}

static unsigned scan_failure(struct scan_state *s, struct str t,
                             const struct responses_event *ev, struct err *e)
{
    struct responses_object o;
    responses_object_read(t, ev->response, &o);
    if (json_is_set(o.error) && responses_failed(s->kind, t, &o, ev->response, e))
        return EV_ERROR;
    if (error_in_band(s->kind, t, e)) /* Perplexity: beside the response, not in it */
        return EV_ERROR;
    err_set(e, ERR_SERVER, "the provider broke off, without a reason");
    e->origin = ERR_BY_PROVIDER;
    return EV_ERROR;
}

static unsigned responses_scan_event(struct scan_state *s, const struct sse_event *ev,
                                     struct err *e)
{
    struct responses_event r;
    struct responses_object o;
    struct err why = ERR_INIT;
    if (!ev->has_data)
        return scan_bare(s, ev->raw, e);
    if (ev->data.len == 0)
        return EV_PING;
    if (str_eqz(ev->data,
                "[DONE]")) /* of some compatible servers, without an end before it */
        return EV_END;
    if (jscan_check(ev->data, &why) != ERR_OK || !responses_event_read(ev->data, &r)) {
        s->n_malformed++;
        return EV_MALFORMED;
    }
    s->sequence = r.sequence >= 0 ? r.sequence + 1 : s->sequence + 1;
    switch (r.kind) {
    case RESPONSES_CREATED:
        responses_object_read(ev->data, r.response, &o);
        scan_names(s, ev->data, &o);
        return 0;
    case RESPONSES_ITEM_ADDED:
        return scan_item(s, ev->data, r.item);
    case RESPONSES_TEXT:
    case RESPONSES_REFUSAL:
    case RESPONSES_THOUGHT:
    case RESPONSES_ARGS:
    case RESPONSES_CUSTOM_INPUT:
        return scan_piece(s, ev->data, &r);
    case RESPONSES_END:
        responses_object_read(ev->data, r.response, &o);
        return scan_end(s, ev->data, &o) | EV_END;
    case RESPONSES_FAILED:
    case RESPONSES_ERROR:
        return scan_failure(s, ev->data, &r, e);
    case RESPONSES_ITEM_DONE:
    case RESPONSES_TEXT_DONE:
    case RESPONSES_REFUSAL_DONE:
    case RESPONSES_THOUGHT_DONE:
    case RESPONSES_ARGS_DONE:
    case RESPONSES_OTHER:
        break;
    }
    return 0;
}

/* Bytes of what an item of a whole answer says. */
static void scan_whole_item(struct scan_state *s, struct str t, struct jspan item)
{
    struct jspan part;
    size_t it = 0;
    bool is_thought = jscan_is(t, jscan_get(t, item, "type"), "reasoning");
    (void)scan_item(s, t, item);
    s->output_len += json_decoded_len(t, jscan_get(t, item, "arguments"));
    struct jspan parts = jscan_get(t, item, is_thought ? "summary" : "content");
    while (parts.kind == J_ARRAY && jscan_next(t, parts, &it, &part)) {
        size_t len = json_decoded_len(t, jscan_get(t, part, "text")) +
                     json_decoded_len(t, jscan_get(t, part, "refusal"));
        *(is_thought ? &s->reasoning_len : &s->output_len) += len;
    }
}

static enum errc responses_scan_reply(struct scan_state *s, struct str body,
                                      struct err *e)
{
    struct responses_object o;
    struct jspan item;
    size_t it = 0;
    if (reply_check(body, e) != ERR_OK)
        return e->code;
    struct jspan root = jscan_root(body);
    responses_object_read(body, root, &o);
    if (responses_failed(s->kind, body, &o, root, e))
        return e->code;
    while (o.output.kind == J_ARRAY && jscan_next(body, o.output, &it, &item))
        scan_whole_item(s, body, item);
    scan_end(s, body, &o);
    if (o.output.kind != J_ARRAY || s->finish == MSG_FINISH_NONE)
        return reply_broken(e, "the provider's answer is no finished response");
    return ERR_OK;
}

/* The last event is the end; it is the encoder's. */
static const char *responses_end_mark(void)
{
    return "";
}

/* ---- errors to a client ---- */

/* As the service sends them: an error, then the response that failed by it. */
static void responses_error_event(const struct err *e, const struct error_ext *x,
                                  struct buf *out)
{
    const char *type, *code;
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_REPLY_LEN);
    struct jw w;
    char id[128];
    openai_error_words(e, &type, &code);
    answer_id("resp_", x != NULL && x->id != NULL ? str_of(x->id) : STR_NONE,
              x != NULL ? x->request_id : NULL, id);
    jw_init(&w, &json);
    jw_object(&w);
    jw_kstrz(&w, "type", "error");
    jw_ki64(&w, "sequence_number", x != NULL ? x->sequence : 0);
    jw_kstrz(&w, "code", code);
    jw_kstrz(&w, "message", e->text);
    jw_kstrz(&w, "param", e->param[0] != '\0' ? e->param : NULL);
    jw_key(&w, "error");
    jw_object(&w);
    jw_kstrz(&w, "type", type);
    jw_kstrz(&w, "code", code);
    jw_kstrz(&w, "message", e->text);
    jw_kstrz(&w, "param", e->param[0] != '\0' ? e->param : NULL);
    error_write_ext(&w, e, x);
    jw_object_end(&w);
    jw_object_end(&w);
    sse_write(out, "error", buf_str(&json));
    buf_reset(&json);
    jw_init(&w, &json);
    jw_object(&w);
    jw_kstrz(&w, "type", "response.failed");
    jw_ki64(&w, "sequence_number", x != NULL ? x->sequence + 1 : 1);
    jw_key(&w, "response");
    jw_object(&w);
    jw_kstrz(&w, "id", id);
    jw_kstrz(&w, "object", "response");
    jw_kstrz(&w, "status", "failed");
    jw_key(&w, "error");
    jw_object(&w);
    jw_kstrz(&w, "code", code != NULL ? code : type);
    jw_kstrz(&w, "message", e->text);
    jw_object_end(&w);
    jw_key(&w, "output");
    jw_array(&w);
    jw_array_end(&w);
    jw_kstrz(&w, "usage", NULL);
    jw_object_end(&w);
    jw_object_end(&w);
    sse_write(out, "response.failed", buf_str(&json));
    if (buf_err(&json) != ERR_OK)
        out->fail = buf_err(&json);
}

static void count_path(const struct provider_kind *kind, struct str model, bool stream,
                       struct buf *out)
{
    (void)model;
    (void)stream;
    buf_addz(out, kind->counts);
}

const struct dialect_ops dialect_responses_count = {
    .id = DIALECT_RESPONSES,
    .name = "responses",
    .path = count_path,
    .request_encode = responses_count_encode,
    .request_headers = openai_request_headers,
    .scan_init = responses_scan_init,
    .scan_reply = count_scan_reply,
    .error_parse = error_parse_any,
    .reply_decode = count_reply_decode,
};

const struct dialect_ops dialect_responses = {
    .id = DIALECT_RESPONSES,
    .name = "responses",
    .facts = responses_facts,
    .splice = responses_splice,
    .request_decode = responses_request_decode,
    .path = responses_path,
    .request_encode = responses_request_encode,
    .request_headers = openai_request_headers,
    .scan_init = responses_scan_init,
    .scan_event = responses_scan_event,
    .scan_reply = responses_scan_reply,
    .error_parse = error_parse_any,
    .strip_usage = usage_stays,
    .reply_decode = responses_reply_decode,
    .decoder_new = responses_decoder_new,
    .decode_event = responses_decode_event,
    .decoder_free = decoder_free,
    .reply_encode = responses_reply_encode,
    .encoder_new = responses_encoder_new,
    .encode_delta = responses_encode_delta,
    .encoder_free = responses_encoder_free,
    .end_mark = responses_end_mark,
    .keepalive = openai_keepalive,
    .error_status = openai_error_status,
    .error_body = openai_error_body,
    .error_event = responses_error_event,
};
