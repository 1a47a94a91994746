/*
 * dialect_cohere.c: Cohere's chat, version 2, as a provider speaks it: its answers, watched.
 *
 * No client speaks it to us: every pair is crossed. Requests are in …_encode.c, answers in
 * …_reply.c.
 *
 * A stream ends with message-end, which has the finish and the usage; [DONE] may follow it.
 *
 * Source: cohere-openapi.yaml of 2026-08-20; docs.cohere.com, streaming, errors, rate-limits and
 * reasoning pages (2026-08).
 */
#include "broker/dialect_cohere.h"

#include <stdio.h>

#include "broker/dialect_priv.h"

void cohere_request_headers(const struct http1_head *client, bool same_dialect,
                            struct buf *out)
{
    (void)client;
    (void)same_dialect;
    (void)out; /* the key says all */
}

/* ---- names of tools ---- */

#define NAME_MARK "Z_"

static bool name_fits(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == '-')
            return false;
    bool begins_well = name.len > 0 && (name.ptr[0] < '0' || name.ptr[0] > '9');
    return begins_well && !str_starts(name, STR(NAME_MARK));
}

void cohere_name_write(struct str name, struct buf *out)
{
    if (name_fits(name)) {
        buf_adds(out, name);
        return;
    }
    buf_addz(out, NAME_MARK);
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '_')
            buf_addz(out, "__");
        else if (name.ptr[i] == '-')
            buf_addz(out, "_d");
        else
            buf_addc(out, name.ptr[i]);
    }
}

/* A model may invent names, too: what we cannot have written stays as it is. */
static bool is_written(struct str name)
{
    if (!str_starts(name, STR(NAME_MARK)))
        return false;
    for (size_t i = sizeof NAME_MARK - 1; i < name.len; i++) {
        if (name.ptr[i] != '_')
            continue;
        if (++i == name.len || (name.ptr[i] != '_' && name.ptr[i] != 'd'))
            return false;
    }
    return true;
}

void cohere_name_read(struct str name, struct buf *out)
{
    if (!is_written(name)) {
        buf_adds(out, name);
        return;
    }
    for (size_t i = sizeof NAME_MARK - 1; i < name.len; i++) {
        if (name.ptr[i] == '_')
            buf_addc(out, name.ptr[++i] == 'd' ? '-' : '_');
        else
            buf_addc(out, name.ptr[i]);
    }
}

/* ---- reading an answer ---- */

static enum cohere_what what_is(struct str t, struct jspan type)
{
    static const struct {
        const char *type;
        enum cohere_what what;
    } rows[] = {
        {"content-delta", CO_CONTENT},   {"content-start", CO_CONTENT},
        {"tool-plan-delta", CO_PLAN},    {"tool-call-delta", CO_ARGS},
        {"tool-call-start", CO_CALL},    {"tool-call-end", CO_CALL_END},
        {"message-start", CO_START},     {"message-end", CO_END},
        {"citation-start", CO_CITATION},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (jscan_is(t, type, rows[i].type))
            return rows[i].what;
    return CO_OTHER;
}

bool cohere_event_read(struct str t, struct jspan root, struct cohere_event *ret)
{
    enum { TYPE, ID, DELTA, LOGPROBS, N };
    struct jfield f[N] = {[TYPE] = {.name = "type"},
                          [ID] = {.name = "id"},
                          [DELTA] = {.name = "delta"},
                          [LOGPROBS] = {.name = "logprobs"}};
    enum { MESSAGE, FINISH, USAGE, ERROR, D_N };
    struct jfield d[D_N] = {[MESSAGE] = {.name = "message"},
                            [FINISH] = {.name = "finish_reason"},
                            [USAGE] = {.name = "usage"},
                            [ERROR] = {.name = "error"}};
    enum { CONTENT, PLAN, CALLS, CITATIONS, M_N };
    struct jfield m[M_N] = {[CONTENT] = {.name = "content"},
                            [PLAN] = {.name = "tool_plan"},
                            [CALLS] = {.name = "tool_calls"},
                            [CITATIONS] = {.name = "citations"}};
    *ret = (struct cohere_event){.what = CO_OTHER};
    if (!jscan_fields(t, root, f, N) || f[TYPE].value.kind != J_STRING)
        return false;
    jscan_fields(t, f[DELTA].value, d, D_N);
    jscan_fields(t, d[MESSAGE].value, m, M_N);
    ret->what = what_is(t, f[TYPE].value);
    ret->id = f[ID].value;
    ret->text = jscan_get(t, m[CONTENT].value, "text");
    ret->thinking = jscan_get(t, m[CONTENT].value, "thinking");
    ret->plan = m[PLAN].value;
    ret->logprobs = f[LOGPROBS].value;
    ret->call =
        m[CALLS].value; /* one object in a stream, a list of them in a whole answer */
    ret->citation = m[CITATIONS].value;
    ret->finish = d[FINISH].value;
    ret->usage = d[USAGE].value;
    ret->error = d[ERROR].value;
    return true;
}

bool cohere_reply_read(struct str t, struct jspan root, struct cohere_reply *ret)
{
    enum { ID, FINISH, MESSAGE, USAGE, LOGPROBS, N };
    struct jfield f[N] = {[ID] = {.name = "id"},
                          [FINISH] = {.name = "finish_reason"},
                          [MESSAGE] = {.name = "message"},
                          [USAGE] = {.name = "usage"},
                          [LOGPROBS] = {.name = "logprobs"}};
    enum { CONTENT, PLAN, CALLS, CITATIONS, M_N };
    struct jfield m[M_N] = {[CONTENT] = {.name = "content"},
                            [PLAN] = {.name = "tool_plan"},
                            [CALLS] = {.name = "tool_calls"},
                            [CITATIONS] = {.name = "citations"}};
    if (!jscan_fields(t, root, f, N) || !jscan_fields(t, f[MESSAGE].value, m, M_N))
        return false;
    *ret = (struct cohere_reply){.id = f[ID].value,
                                 .finish = f[FINISH].value,
                                 .usage = f[USAGE].value,
                                 .content = m[CONTENT].value,
                                 .calls = m[CALLS].value,
                                 .citations = m[CITATIONS].value,
                                 .logprobs = f[LOGPROBS].value,
                                 .plan = m[PLAN].value};
    return true;
}

void cohere_call_read(struct str t, struct jspan v, struct cohere_call *ret)
{
    struct jspan fn = jscan_get(t, v, "function");
    *ret = (struct cohere_call){.id = jscan_get(t, v, "id"),
                                .name = jscan_get(t, fn, "name"),
                                .args = jscan_get(t, fn, "arguments")};
}

enum msg_finish cohere_finish(struct str word, bool saw_call)
{
    static const struct {
        const char *word;
        enum msg_finish finish;
    } rows[] = {
        {"COMPLETE", MSG_FINISH_STOP},
        {"STOP_SEQUENCE", MSG_FINISH_STOP_SEQUENCE},
        {"MAX_TOKENS", MSG_FINISH_LENGTH},
        {"TOOL_CALL", MSG_FINISH_TOOL},
    };
    enum msg_finish finish = MSG_FINISH_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(word, rows[i].word))
            finish = rows[i].finish;
    return saw_call && finish != MSG_FINISH_LENGTH ? MSG_FINISH_TOOL : finish;
}

bool cohere_failed(struct str t, const struct provider_kind *kind, struct jspan finish,
                   struct jspan error, struct err *e)
{
    bool is_timeout = jscan_is(t, finish, "TIMEOUT");
    if (!is_timeout && !jscan_is(t, finish, "ERROR"))
        return false;
    struct said s = {.message = BUF_INIT(LIMIT_REPLY_LEN), .wait_us = -1};
    json_copy(t, finish, s.code, sizeof s.code);
    if (error.kind == J_STRING && jscan_string(t, error, &s.message) != ERR_OK)
        buf_reset(&s.message);
    said_classify(&s, kind, 200, e);
    if (is_timeout) {
        e->code = ERR_TIMEOUT;
        e->origin = ERR_BY_PROVIDER;
    }
    said_release(&s);
    return true;
}

/* ---- a provider's answer, watched ---- */

void cohere_scan_init(struct scan_state *s, const struct provider_kind *kind)
{
    *s = (struct scan_state){.kind = kind};
    usage_init(&s->usage);
}

static unsigned scan_text(struct scan_state *s, struct str t, struct jspan v)
{
    size_t len = json_decoded_len(t, v);
    s->output_len += len;
    return len > 0 ? EV_CONTENT : 0;
}

static unsigned scan_thinking(struct scan_state *s, struct str t, struct jspan v)
{
    size_t len = json_decoded_len(t, v);
    s->reasoning_len += len;
    if (v.kind != J_STRING)
        return 0;
    return len > 0 ? EV_CONTENT | EV_REASONING : EV_REASONING;
}

static unsigned scan_call(struct scan_state *s, struct str t, struct jspan v)
{
    struct cohere_call c;
    cohere_call_read(t, v, &c);
    s->saw_call = true;
    s->output_len += json_decoded_len(t, c.name) + json_decoded_len(t, c.args);
    return EV_CONTENT | EV_TOOL;
}

static unsigned scan_finish(struct scan_state *s, struct str t, struct jspan v)
{
    if (v.kind != J_STRING)
        return 0;
    json_copy(t, v, s->finish_raw, sizeof s->finish_raw);
    s->finish = cohere_finish(str_of(s->finish_raw), s->saw_call);
    return EV_FINISH;
}

static unsigned scan_object(struct scan_state *s, struct str t,
                            const struct cohere_event *ev, struct err *e)
{
    unsigned flags;
    switch (ev->what) {
    case CO_START:
        json_copy(t, ev->id, s->id, sizeof s->id);
        return 0;
    case CO_CONTENT:
        flags = scan_thinking(s, t, ev->thinking);
        return flags | scan_text(s, t, ev->text);
    case CO_PLAN:
        return scan_thinking(s, t, ev->plan);
    case CO_CALL:
    case CO_ARGS:
        return scan_call(s, t, ev->call);
    case CO_END:
        flags = scan_usage(s, s->kind->usage, t, ev->usage);
        if (cohere_failed(t, s->kind, ev->finish, ev->error, e))
            return flags | EV_ERROR;
        return flags | scan_finish(s, t, ev->finish) | EV_END;
    case CO_CALL_END:
    case CO_CITATION:
    case CO_OTHER:
        break;
    }
    return 0;
}

static unsigned cohere_scan_event(struct scan_state *s, const struct sse_event *ev,
                                  struct err *e)
{
    struct cohere_event c;
    struct err why = ERR_INIT;
    if (!ev->has_data)
        return scan_bare(s, ev->raw, e);
    if (str_eqz(ev->data, "[DONE]"))
        return EV_END;
    if (jscan_check(ev->data, &why) != ERR_OK) {
        s->n_malformed++;
        return EV_MALFORMED;
    }
    if (cohere_event_read(ev->data, jscan_root(ev->data), &c))
        return scan_object(s, ev->data, &c, e);
    if (error_in_band(s->kind, ev->data, e))
        return EV_ERROR;
    s->n_malformed++;
    return EV_MALFORMED;
}

static enum errc cohere_scan_reply(struct scan_state *s, struct str body, struct err *e)
{
    struct cohere_reply r;
    struct jspan v;
    size_t it = 0;
    if (reply_open(s->kind, body, e) != ERR_OK)
        return e->code;
    if (!cohere_reply_read(body, jscan_root(body), &r))
        return reply_broken(e, "the provider's answer holds no message");
    scan_usage(s, s->kind->usage, body, r.usage);
    if (cohere_failed(body, s->kind, r.finish, (struct jspan){0}, e))
        return e->code;
    json_copy(body, r.id, s->id, sizeof s->id);
    scan_thinking(s, body, r.plan);
    while (r.content.kind == J_ARRAY && jscan_next(body, r.content, &it, &v)) {
        scan_thinking(s, body, jscan_get(body, v, "thinking"));
        scan_text(s, body, jscan_get(body, v, "text"));
    }
    for (it = 0; r.calls.kind == J_ARRAY && jscan_next(body, r.calls, &it, &v);)
        scan_call(s, body, v);
    scan_finish(s, body, r.finish);
    return ERR_OK;
}

/* Errors have no code; one status is Cohere's own. Source: docs.cohere.com/reference/errors. */
void cohere_error_parse(const struct provider_kind *kind, int status,
                        const struct http1_header *headers, size_t n_headers,
                        struct str body, int64_t wall_us, struct err *e)
{
    error_parse_any(kind, status, headers, n_headers, body, wall_us, e);
    if (status == 498) { /* a word of the prompt, or of the answer, is on a list */
        e->code = ERR_FILTER;
        e->origin = ERR_BY_CLIENT;
    }
}

const struct dialect_ops dialect_cohere = {
    .id = DIALECT_COHERE,
    .name = "cohere",
    .path = path_fixed,
    .request_encode = cohere_request_encode,
    .request_headers = cohere_request_headers,
    .scan_init = cohere_scan_init,
    .scan_event = cohere_scan_event,
    .scan_reply = cohere_scan_reply,
    .error_parse = cohere_error_parse,
    .reply_decode = cohere_reply_decode,
    .decoder_new = cohere_decoder_new,
    .decode_event = cohere_decode_event,
    .decoder_free = decoder_free,
};
