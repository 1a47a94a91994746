/*
 * api.c: the path table: which handler answers which method and path, and who may ask.
 *
 * Must not know what a handler does. Everything that a client can get wrong before a handler
 * runs (path, method, protocol version, a door that is closed to TCP) is answered here.
 */
#include "broker/api.h"

#include <stdio.h>
#include <unistd.h>

#include "broker/request.h"

enum api_flag {
    API_PREFIX = 1 << 0,    /* the rest of the path is an argument */
    API_UNIX = 1 << 1,      /* not over TCP: it steers the broker */
    API_ANY_PROTO = 1 << 2, /* never changes, so every version may call it */
};

static void chat_openai(const struct api_call *a)
{
    request_begin(a->b, a->c, a->r, &dialect_openai);
}

static void chat_anthropic(const struct api_call *a)
{
    request_begin(a->b, a->c, a->r, &dialect_anthropic);
}

static void count_anthropic(const struct api_call *a)
{
    request_begin(a->b, a->c, a->r, &dialect_anthropic_count);
}

static void chat_responses(const struct api_call *a)
{
    request_begin(a->b, a->c, a->r, &dialect_responses);
}

static void embed_openai(const struct api_call *a)
{
    request_begin(a->b, a->c, a->r, &dialect_openai_embed);
}

static const struct api_row {
    const char *method, *path;
    api_fn *fn;
    unsigned flags;
} api_rows[] = {
    {"POST", "/v1/chat/completions", chat_openai, 0},
    {"POST", "/v1/responses", chat_responses, 0},
    {"POST", "/v1/messages", chat_anthropic, 0},
    {"POST", "/v1/messages/count_tokens", count_anthropic, 0},
    {"POST", "/v1/embeddings", embed_openai, 0},
    {"GET", "/v1/models", api_models, 0},
    {"GET", "/v1/models/", api_model, API_PREFIX},
    {"GET", "/healthz", api_healthz, 0},
    {"GET", "/readyz", api_readyz, 0},
    {"GET", "/metrics", api_metrics, 0},
    {"GET", "/llmgw/v1/status", api_status, API_UNIX | API_ANY_PROTO},
    {"POST", "/llmgw/v1/stop", api_stop, API_UNIX | API_ANY_PROTO},
    {"POST", "/llmgw/v1/reload", api_reload, API_UNIX},
    {"POST", "/llmgw/v1/explain", api_explain, API_UNIX},
    {"GET", "/llmgw/v1/targets", api_targets, API_UNIX},
    {"POST", "/llmgw/v1/pin", api_pin, API_UNIX},
    {"POST", "/llmgw/v1/unpin", api_unpin, API_UNIX},
    {"POST", "/llmgw/v1/drain", api_drain, API_UNIX},
    {"POST", "/llmgw/v1/undrain", api_undrain, API_UNIX},
    {"POST", "/llmgw/v1/weight", api_weight, API_UNIX},
    {"POST", "/llmgw/v1/unweight", api_unweight, API_UNIX},
    {"POST", "/llmgw/v1/prefer", api_prefer, API_UNIX},
    {"POST", "/llmgw/v1/unprefer", api_unprefer, API_UNIX},
    {"POST", "/llmgw/v1/models/refresh", api_models_refresh, API_UNIX},
    {"GET", "/llmgw/v1/models/served", api_models_served, API_UNIX},
    {"POST", "/llmgw/v1/retry", api_retry, API_UNIX},
    {"GET", "/llmgw/v1/inflight", api_inflight, API_UNIX},
    {"POST", "/llmgw/v1/cancel", api_cancel, API_UNIX},
    {"POST", "/llmgw/v1/log/rm", api_log_rm, API_UNIX},
    {"POST", "/llmgw/v1/replay", api_replay, API_UNIX},
};

static void standard_headers(struct buf *out)
{
    http1_write_header(out, "x-llmgw-proto", STR(BROKER_PROTO));
    http1_write_header(out, "content-type", STR("application/json"));
}

void api_reply(const struct api_call *a, int status, struct str json)
{
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    standard_headers(&headers);
    conn_reply(a->c, status, buf_str(&headers), json);
}

/* Every answer has an id, though no request of this one is in the ledger. */
static int write_failure(struct broker *b, const struct dialect_ops *dialect,
                         const struct err *e, struct buf *headers, struct buf *body)
{
    char id[ULID_LEN + 1];
    clock_ulid_pooled(&b->ids, id, loop_wall_us(b->loop));
    const struct error_ext ext = {.request_id = id, .provider = ""};
    bool is_ours = e->sys >= 400 && e->sys < 600;
    standard_headers(headers);
    http1_write_header(headers, "x-llmgw-request-id", str_of(id));
    http1_write_header(headers, dialect_id_header(dialect), str_of(id));
    if (!errc_is_retryable(
            e->code)) /* Source: OpenAI and Anthropic SDKs, client retries, 2026-08 */
        http1_write_header(headers, "x-should-retry", STR("false"));
    dialect->error_body(e, &ext, body);
    return is_ours ? e->sys : dialect->error_status(e);
}

void api_fail(const struct api_call *a, const struct err *e)
{
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_HEAD_LEN);
    int status = write_failure(a->b, a->dialect, e, &headers, &body);
    conn_reply(a->c, status, buf_str(&headers), buf_str(&body));
}

static bool path_matches(const struct api_row *row, struct str path, struct str *ret_rest)
{
    struct str want = str_of(row->path);
    if ((row->flags & API_PREFIX) == 0)
        return str_eq(path, want);
    if (!str_starts(path, want) || path.len == want.len)
        return false;
    *ret_rest = str_sub(path, want.len, path.len);
    return true;
}

/* By path and method; with only the path known, *ret_allow names the method it takes. */
static const struct api_row *find_row(const struct http1_head *h, struct str *ret_rest,
                                      const char **ret_allow)
{
    for (size_t i = 0; i < ARRAY_LEN(api_rows); i++) {
        const struct api_row *row = &api_rows[i];
        if (!path_matches(row, h->path, ret_rest))
            continue;
        if (str_eqz(h->method, row->method) ||
            (str_eqz(h->method, "HEAD") && str_eqz(STR("GET"), row->method)))
            return row;
        *ret_allow = row->method;
    }
    return NULL;
}

/* The shape of answers and errors where the path does not decide it. */
static const struct dialect_ops *dialect_of(const struct http1_head *h)
{
    bool anthropic = str_starts(h->path, STR("/v1/messages")) ||
                     http1_header(h, "anthropic-version").len > 0;
    return anthropic ? &dialect_anthropic : &dialect_openai;
}

int api_refusal(struct broker *b, const struct http1_head *head, const struct err *e,
                struct buf *headers, struct buf *body)
{
    const struct dialect_ops *d = head != NULL ? dialect_of(head) : &dialect_openai;
    struct err why = *e;
    why.origin = ERR_BY_CLIENT;
    return write_failure(b, d, &why, headers, body);
}

static bool speaks_our_version(const struct http1_head *h)
{
    struct str proto = http1_header(h, "x-llmgw-proto");
    return proto.len == 0 ||
           str_eqz(str_sub(proto, 0, str_find(proto, '.')), BROKER_PROTO);
}

static void refuse(const struct api_call *a, const char *allow)
{
    const struct http1_head *h = a->r->head;
    struct err e = ERR_INIT;
    struct str path = str_sub(h->path, 0, 200);
    if (allow == NULL) {
        err_set(&e, ERR_NOT_FOUND, "no such path: %.*s %.*s", STR_ARG(h->method),
                STR_ARG(path));
        /* Source: api.openai.com's answer to unknown paths, 2026-08 */
        snprintf(e.provider_code, sizeof e.provider_code, "unknown_url");
    } else {
        err_set(&e, ERR_INVALID, "%.*s takes %s, not %.*s", STR_ARG(path), allow,
                STR_ARG(h->method));
        e.sys = 405;
    }
    e.origin = ERR_BY_CLIENT;
    api_fail(a, &e);
}

void api_handle(struct broker *b, struct conn *c, const struct conn_request *r)
{
    const char *allow = NULL;
    struct api_call a = {.b = b, .c = c, .r = r, .dialect = dialect_of(r->head)};
    const struct api_row *row = find_row(r->head, &a.rest, &allow);
    bool is_open = row != NULL && (r->is_unix || (row->flags & API_UNIX) == 0);
    if (!is_open) { /* over TCP the steering paths do not exist */
        refuse(&a, row == NULL ? allow : NULL);
        return;
    }
    if ((row->flags & API_ANY_PROTO) == 0 && !speaks_our_version(r->head)) {
        struct err e = ERR_INIT;
        err_set(&e, ERR_BROKER,
                "llmgwd %s (pid %ld) speaks protocol " BROKER_PROTO
                ", the client another",
                PACKAGE_VERSION, (long)getpid());
        e.sys = 426;
        api_fail(&a, &e);
        return;
    }
    row->fn(&a);
}
