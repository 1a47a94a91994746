/*
 * dialect_bedrock.c: Amazon Bedrock's Converse and ConverseStream as a provider speaks them: where
 * they are asked, and their answers, watched.
 *
 * No client speaks them to us: every pair is crossed. Requests are in …_encode.c, answers in
 * …_reply.c. Streams are binary messages (core/eventstream.h), which come here as events whose id
 * is the message's type: event, exception or error.
 *
 * A stream ends with metadata, which has the usage; the finish came before it.
 *
 * Source: botocore bedrock-runtime service model 2023-09-30, of 2026-08-07;
 * docs.aws.amazon.com/bedrock, Converse and ConverseStream (2026).
 */
#include "broker/dialect_bedrock.h"

#include <stdio.h>
#include <string.h>

#include "broker/dialect_count.h"
#include "broker/dialect_priv.h"

/* ---- where ---- */

/* /model/ID/converse: an id, an inference profile or an ARN, which is one piece of the path. */
static void bedrock_path(const struct provider_kind *kind, struct str model, bool stream,
                         struct buf *out)
{
    buf_addz(out, kind->path);
    path_add_piece(model, out);
    buf_addz(out, stream ? "/converse-stream" : "/converse");
}

/*
 * Tokens are counted for models, not for the profiles of places that lead to them:
 * "eu.anthropic.…".
 */
static void count_path(const struct provider_kind *kind, struct str model, bool stream,
                       struct buf *out)
{
    (void)stream;
    if (!str_starts(model, STR("arn:")))
        model = str_sub(model, str_search(model, STR("anthropic.")), model.len);
    buf_addz(out, kind->path);
    path_add_piece(model, out);
    buf_addz(out, "/count-tokens");
}

static void bedrock_request_headers(const struct http1_head *client, bool same_dialect,
                                    struct buf *out)
{
    (void)client;
    (void)same_dialect;
    (void)out;
}

/* ---- reading an answer ---- */

static enum bedrock_what what_is(const struct sse_event *ev)
{
    static const struct {
        const char *type;
        enum bedrock_what what;
    } rows[] = {
        {"contentBlockDelta", BR_DELTA}, {"contentBlockStart", BR_OPEN},
        {"contentBlockStop", BR_CLOSE},  {"messageStart", BR_START},
        {"messageStop", BR_FINISH},      {"metadata", BR_METADATA},
    };
    if (str_eqz(ev->id, "exception") || str_eqz(ev->id, "error"))
        return BR_EXCEPTION;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(ev->event, rows[i].type))
            return rows[i].what;
    return BR_OTHER;
}

bool bedrock_event_read(const struct sse_event *ev, struct bedrock_event *ret)
{
    enum { INDEX, START, DELTA, FINISH, USAGE, MORE, N };
    struct jfield f[N] = {[INDEX] = {.name = "contentBlockIndex"},
                          [START] = {.name = "start"},
                          [DELTA] = {.name = "delta"},
                          [FINISH] = {.name = "stopReason"},
                          [USAGE] = {.name = "usage"},
                          [MORE] = {.name = "additionalModelResponseFields"}};
    struct str t = ev->data;
    *ret = (struct bedrock_event){.what = what_is(ev), .index = -1};
    if (ret->what == BR_EXCEPTION) /* one may have no JSON at all */
        return true;
    if (!jscan_fields(t, jscan_root(t), f, N))
        return false;
    struct jspan delta = f[DELTA].value;
    struct jspan reasoning = jscan_get(t, delta, "reasoningContent");
    jscan_i64(t, f[INDEX].value, 0, INT64_MAX, &ret->index);
    ret->call = jscan_get(t, f[START].value, "toolUse");
    ret->text = jscan_get(t, delta, "text");
    ret->args = jscan_get(t, jscan_get(t, delta, "toolUse"), "input");
    ret->thinking = jscan_get(t, reasoning, "text");
    ret->signature = jscan_get(t, reasoning, "signature");
    ret->redacted = jscan_get(t, reasoning, "redactedContent");
    ret->finish = f[FINISH].value;
    ret->usage = f[USAGE].value;
    ret->stop = jscan_get(t, f[MORE].value, "stop_sequence");
    return true;
}

void bedrock_block_read(struct str t, struct jspan block, struct bedrock_event *ret)
{
    struct jspan reasoning = jscan_get(t, block, "reasoningContent");
    struct jspan inner = jscan_get(t, reasoning, "reasoningText");
    *ret = (struct bedrock_event){.what = BR_DELTA,
                                  .text = jscan_get(t, block, "text"),
                                  .call = jscan_get(t, block, "toolUse"),
                                  .thinking = jscan_get(t, inner, "text"),
                                  .signature = jscan_get(t, inner, "signature"),
                                  .redacted = jscan_get(t, reasoning, "redactedContent"),
                                  .index = -1};
}

bool bedrock_reply_read(struct str t, struct jspan root, struct bedrock_reply *ret)
{
    enum { OUTPUT, FINISH, USAGE, MORE, N };
    struct jfield f[N] = {[OUTPUT] = {.name = "output"},
                          [FINISH] = {.name = "stopReason"},
                          [USAGE] = {.name = "usage"},
                          [MORE] = {.name = "additionalModelResponseFields"}};
    if (!jscan_fields(t, root, f, N))
        return false;
    struct jspan message = jscan_get(t, f[OUTPUT].value, "message");
    *ret = (struct bedrock_reply){.content = jscan_get(t, message, "content"),
                                  .finish = f[FINISH].value,
                                  .usage = f[USAGE].value,
                                  .stop = jscan_get(t, f[MORE].value, "stop_sequence")};
    return ret->content.kind == J_ARRAY;
}

enum msg_finish bedrock_finish(struct str word, bool saw_call)
{
    static const struct {
        const char *word;
        enum msg_finish finish;
    } rows[] = {
        {"end_turn", MSG_FINISH_STOP},
        {"tool_use", MSG_FINISH_TOOL},
        {"max_tokens", MSG_FINISH_LENGTH},
        {"stop_sequence", MSG_FINISH_STOP_SEQUENCE},
        {"guardrail_intervened", MSG_FINISH_FILTERED},
        {"content_filtered", MSG_FINISH_FILTERED},
        {"model_context_window_exceeded", MSG_FINISH_CONTEXT_FULL},
    };
    enum msg_finish finish = MSG_FINISH_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(word, rows[i].word))
            finish = rows[i].finish;
    bool is_plain_end = finish == MSG_FINISH_STOP || finish == MSG_FINISH_UNKNOWN;
    return saw_call && is_plain_end ? MSG_FINISH_TOOL : finish;
}

bool bedrock_failed(struct str t, struct jspan finish, struct err *e)
{
    if (!jscan_is(t, finish, "malformed_model_output") &&
        !jscan_is(t, finish, "malformed_tool_use"))
        return false;
    char word[48];
    json_copy(t, finish, word, sizeof word);
    err_set(e, ERR_SERVER, "the model's output is broken: %s", word);
    snprintf(e->provider_code, sizeof e->provider_code, "%s", word);
    e->origin = ERR_BY_PROVIDER;
    return true;
}

/* ---- errors ---- */

/*
 * The status that an exception has, or would have as an answer. Names are compared without case:
 * in a stream they begin with a small letter. Source: the service model's list of errors.
 */
static const struct exception_row {
    const char *name;
    int status;
    enum errc class; /* ERR_OK: by the message, then by the status */
} exception_rows[] = {
    {"ThrottlingException", 429, ERR_OK},
    {"ModelNotReadyException", 429, ERR_OVERLOADED}, /* it is being loaded */
    {"ServiceQuotaExceededException", 400, ERR_QUOTA},
    {"ValidationException", 400, ERR_OK},
    {"ConflictException", 400, ERR_INVALID},
    {"AccessDeniedException", 403, ERR_OK},
    {"UnrecognizedClientException", 403, ERR_UPSTREAM_AUTH},
    {"InvalidSignatureException", 403, ERR_UPSTREAM_AUTH},
    {"ExpiredTokenException", 403, ERR_UPSTREAM_AUTH},
    {"ResourceNotFoundException", 404, ERR_OK},
    {"ModelTimeoutException", 408, ERR_TIMEOUT},
    {"ModelErrorException", 424, ERR_OK},
    {"ModelStreamErrorException", 424, ERR_OK},
    {"InternalServerException", 500, ERR_OK},
    {"ServiceUnavailableException", 503, ERR_OVERLOADED},
};

static const struct exception_row *exception_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(exception_rows); i++)
        if (str_ieqz(str_of(name), exception_rows[i].name))
            return &exception_rows[i];
    return NULL;
}

/* What an exception's body says: {"message": "…"}, of a model's error also its own status. */
static void read_exception(struct said *s, struct str body)
{
    static const char *const names[] = {"message", "Message", "originalMessage"};
    struct err ignored = ERR_INIT;
    int64_t status = 0;
    if (jscan_check(body, &ignored) != ERR_OK)
        return;
    struct jspan root = jscan_root(body);
    for (size_t i = 0; i < ARRAY_LEN(names) && s->message.len == 0; i++) {
        struct jspan v = jscan_get(body, root, names[i]);
        if (v.kind == J_STRING && jscan_string(body, v, &s->message) != ERR_OK)
            buf_reset(&s->message);
    }
    if (s->code[0] == '\0') { /* "com.amazonaws.bedrock#ThrottlingException" */
        json_copy(body, jscan_get(body, root, "__type"), s->code, sizeof s->code);
        char *hash = strchr(s->code, '#');
        if (hash != NULL)
            memmove(s->code, hash + 1, strlen(hash));
    }
    jscan_i64(body, jscan_get(body, root, "originalStatusCode"), 400, 599, &status);
    s->status = (int)status;
}

static void classify(struct said *s, const struct provider_kind *kind, int status,
                     struct err *e)
{
    const struct exception_row *row = exception_find(s->code);
    int original = s->status;
    if (status < 400)
        status = row != NULL ? row->status : 500;
    s->status = 0;
    said_classify(s, kind, status, e);
    if (row != NULL && row->class != ERR_OK) {
        e->code = row->class;
        e->origin = row->class == ERR_INVALID ? ERR_BY_CLIENT : ERR_BY_PROVIDER;
    } else if (status == 424 && original >= 400 && original < 500) {
        e->code = ERR_INVALID; /* the model itself refuses it */
        e->origin = ERR_BY_CLIENT;
    }
    if (e->code == ERR_UPSTREAM_AUTH) /* the message may quote the key */
        snprintf(e->text, sizeof e->text, "the provider refused the API key (%d %s)",
                 status, s->code);
}

void bedrock_exception(const struct provider_kind *kind, const struct sse_event *ev,
                       bool has_content, struct err *e)
{
    struct said s = {.message = BUF_INIT(LIMIT_REPLY_LEN), .wait_us = -1};
    copy_str(s.code, sizeof s.code, ev->event);
    if (str_eqz(ev->id, "error")) /* not modelled: its text stands in a header */
        buf_adds(&s.message, ev->data);
    else
        read_exception(&s, ev->data);
    classify(&s, kind, 200, e);
    if (str_ieqz(ev->event, "modelStreamErrorException") && has_content)
        e->code = ERR_INTERRUPTED;
    said_release(&s);
}

/* "x-amzn-ErrorType: ThrottlingException:http://…" */
static void read_error_type(struct said *s, const struct http1_header *headers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_ieqz(headers[i].name, "x-amzn-errortype")) {
            struct str v = headers[i].value;
            copy_str(s->code, sizeof s->code, str_sub(v, 0, str_find(v, ':')));
        }
}

static void bedrock_error_parse(const struct provider_kind *kind, int status,
                                const struct http1_header *headers, size_t n_headers,
                                struct str body, int64_t wall_us, struct err *e)
{
    struct said s = {.message = BUF_INIT(LIMIT_REPLY_LEN), .wait_us = -1};
    read_error_type(&s, headers, n_headers);
    read_exception(&s, body);
    classify(&s, kind, status, e);
    e->retry_after_us = error_retry_after_us(headers, n_headers, wall_us);
    said_release(&s);
}

/* ---- a provider's answer, watched ---- */

static void bedrock_scan_init(struct scan_state *s, const struct provider_kind *kind)
{
    *s = (struct scan_state){.kind = kind};
    usage_init(&s->usage);
}

static unsigned scan_thought(struct scan_state *s, struct str t,
                             const struct bedrock_event *b)
{
    size_t len = json_decoded_len(t, b->thinking);
    s->reasoning_len += len;
    if (len > 0)
        return EV_CONTENT | EV_REASONING;
    bool is_sign = b->thinking.kind == J_STRING || b->signature.kind == J_STRING ||
                   b->redacted.kind == J_STRING;
    return is_sign ? EV_REASONING : 0;
}

static unsigned scan_block(struct scan_state *s, struct str t,
                           const struct bedrock_event *b)
{
    unsigned flags = scan_thought(s, t, b);
    size_t len = json_decoded_len(t, b->text);
    s->output_len += len;
    flags |= len > 0 ? EV_CONTENT : 0;
    if (b->call.kind == J_OBJECT) {
        s->saw_call = true;
        s->output_len += json_decoded_len(t, jscan_get(t, b->call, "name"));
        s->output_len += jscan_get(t, b->call, "input").len;
        flags |= EV_CONTENT | EV_TOOL;
    }
    if (b->args.kind == J_STRING) {
        s->output_len += json_decoded_len(t, b->args);
        flags |= EV_CONTENT | EV_TOOL;
    }
    return flags;
}

static unsigned scan_finish(struct scan_state *s, struct str t, struct jspan v)
{
    if (v.kind != J_STRING)
        return 0;
    json_copy(t, v, s->finish_raw, sizeof s->finish_raw);
    s->finish = bedrock_finish(str_of(s->finish_raw), s->saw_call);
    return EV_FINISH;
}

static unsigned scan_object(struct scan_state *s, const struct sse_event *ev,
                            const struct bedrock_event *b, struct err *e)
{
    switch (b->what) {
    case BR_OPEN:
    case BR_DELTA:
        return scan_block(s, ev->data, b);
    case BR_FINISH:
        if (bedrock_failed(ev->data, b->finish, e))
            return EV_ERROR;
        return scan_finish(s, ev->data, b->finish);
    case BR_METADATA:
        return scan_usage(s, s->kind->usage, ev->data, b->usage) | EV_END;
    case BR_EXCEPTION:
        bedrock_exception(s->kind, ev, s->output_len + s->reasoning_len > 0, e);
        return EV_ERROR;
    case BR_START:
    case BR_CLOSE:
    case BR_OTHER:
        break;
    }
    return 0;
}

static unsigned bedrock_scan_event(struct scan_state *s, const struct sse_event *ev,
                                   struct err *e)
{
    struct bedrock_event b;
    struct err why = ERR_INIT;
    if (!ev->has_data)
        return EV_PING;
    bool is_checked =
        what_is(ev) == BR_EXCEPTION || jscan_check(ev->data, &why) == ERR_OK;
    if (is_checked && bedrock_event_read(ev, &b))
        return scan_object(s, ev, &b, e);
    s->n_malformed++;
    return EV_MALFORMED;
}

static enum errc bedrock_scan_reply(struct scan_state *s, struct str body, struct err *e)
{
    struct bedrock_reply r;
    struct bedrock_event b;
    struct jspan block;
    size_t it = 0;
    if (reply_open(s->kind, body, e) != ERR_OK)
        return e->code;
    if (!bedrock_reply_read(body, jscan_root(body), &r))
        return reply_broken(e, "the provider's answer holds no message");
    scan_usage(s, BEDROCK_WHOLE_USAGE, body, r.usage);
    if (bedrock_failed(body, r.finish, e))
        return e->code;
    while (jscan_next(body, r.content, &it, &block)) {
        bedrock_block_read(body, block, &b);
        scan_block(s, body, &b);
    }
    scan_finish(s, body, r.finish);
    return ERR_OK;
}

const struct dialect_ops dialect_bedrock = {
    .id = DIALECT_BEDROCK,
    .takes_no_urls = true,
    .name = "bedrock",
    .is_binary = true,
    .path = bedrock_path,
    .request_encode = bedrock_request_encode,
    .request_headers = bedrock_request_headers,
    .scan_init = bedrock_scan_init,
    .scan_event = bedrock_scan_event,
    .scan_reply = bedrock_scan_reply,
    .error_parse = bedrock_error_parse,
    .reply_decode = bedrock_reply_decode,
    .decoder_new = bedrock_decoder_new,
    .decode_event = bedrock_decode_event,
    .decoder_free = decoder_free,
};

const struct dialect_ops dialect_bedrock_count = {
    .id = DIALECT_BEDROCK,
    .name = "bedrock",
    .path = count_path,
    .request_encode = bedrock_count_encode,
    .request_headers = bedrock_request_headers,
    .scan_init = bedrock_scan_init,
    .scan_reply = count_scan_reply,
    .error_parse = bedrock_error_parse,
    .reply_decode = count_reply_decode,
};
