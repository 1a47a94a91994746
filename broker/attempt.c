/*
 * attempt.c: one call to a provider: its transfer, and what its answer says. What is sent is
 * attempt_send.c's.
 *
 * Same dialect in and out: the body is spliced, the answer's events pass as they came, and a
 * scanner watches them. Crossed: the body is encoded from a msg, events become deltas, and
 * deltas become the client's events. Either way request.c hears of content, finish, the whole
 * answer or a failure, and hears it once the transfer's callback has nothing more to do.
 *
 * Must not decide what comes next, and knows no candidate but its own.
 */
#include <inttypes.h>
#include <string.h>

#include "core/mem.h"
#include "core/vector.h"

#include "broker/attempt_priv.h"
#include "broker/signatures.h"

enum {
    /* bytes of an error answer worth reading */
    ERROR_BODY_LEN = 256 * 1024,
    /* an estimate must be over by this factor to end a stream: tokens may be long */
    CAP_SLACK = 4,
    CAP_SLACK_TOK = 64,
};

const struct scan_state *attempt_scan(const struct attempt *a)
{
    return &a->scan;
}

enum dialect attempt_dialect(const struct attempt *a)
{
    return a->ops->id;
}

int64_t attempt_n_calls(const struct attempt *a)
{
    return MAX((int64_t)a->n_calls, 1);
}

const struct target_model *attempt_model(const struct attempt *a)
{
    return &a->model;
}

bool attempt_is_streamed(const struct attempt *a)
{
    return a->is_streamed;
}

struct target_state *attempt_target(const struct attempt *a)
{
    return a->state;
}

/* What is said of a key that was renewed in the meantime is no news of the new one. */
struct secret_key *attempt_key(const struct attempt *a)
{
    bool is_same =
        a->key != NULL && a->key->value != NULL && a->key->read_mono_us == a->key_read_us;
    return is_same ? a->key : NULL;
}

static int64_t wall_us(const struct attempt *a)
{
    return loop_wall_us(a->r->b->loop);
}

/* ---- birth and death ---- */

static void on_head(void *arg, const struct upstream_head *h);
static void on_body(void *arg, struct str bytes);
static void on_done(void *arg, enum errc rc, const struct err *e);
static void on_task(void *arg);

static const struct upstream_fns upstream_fns = {on_head, on_body, on_done};

static void attempt_free(struct attempt **ap)
{
    struct attempt *a = *ap;
    if (a == NULL)
        return;
    *ap = NULL;
    loop_later_cancel(a->r->b->loop, &a->task);
    upstream_cancel(&a->xfer);
    sse_release(&a->sse);
    eventstream_release(&a->messages);
    if (a->decoder != NULL)
        a->ops->decoder_free(&a->decoder);
    if (a->encoder != NULL)
        a->r->client->encoder_free(&a->encoder);
    if (a->is_collecting)
        msg_collect_release(&a->collect);
    if (a->is_keeping)
        msg_collect_release(&a->thoughts);
    fit_release(&a->fit);
    buf_release(&a->text);
    buf_release(&a->frame);
    jw_later_release(&a->later);
    buf_release(&a->reply);
    buf_release(&a->hop_token);
    a->magic = 0;
    mem_free(a);
}

/* The row is made first: an attempt that cannot even start is told in the ledger, too. */
static struct attempt_row *row_new(struct request *r, const struct conf_target *t)
{
    struct attempt_row *row = ARENA_NEW(&r->arena, struct attempt_row);
    if (row == NULL)
        return NULL;
    *row = (struct attempt_row){
        .target = t, .start_us = loop_wall_us(r->b->loop), .cost_source = COST_COMPUTED};
    usage_init(&row->usage);
    r->rows[r->n_rows++] = row;
    return row;
}

/* Gemini's texts are signed, too. Source: ai.google.dev, thought signatures (2026-08). */
static bool signs_text(const struct attempt *a)
{
    return a->ops->id == DIALECT_GEMINI;
}

/* Machinery for crossed answers, and for the recorder's text of any. */
static enum errc make_coders(struct attempt *a, struct err *e)
{
    struct request *r = a->r;
    bool is_recorded = r->record == CONF_RECORD_FULL;
    bool to_collect = a->is_streamed && !r->facts.stream;
    if (a->is_streamed && (a->is_crossed || is_recorded)) {
        a->decoder = a->ops->decoder_new(a->model.kind);
        if (a->decoder == NULL)
            return err_set(e, ERR_MEMORY, "no memory to translate the answer");
    }
    r->answer.id[0] = '\0';
    if (a->is_crossed && a->is_streamed && !to_collect) {
        const struct encode_ctx ctx = {
            .request_id = r->id,
            .model = str_of(a->target->model),
            .created_s = wall_us(a) / US_PER_S,
            .include_usage = r->facts.include_usage,
            .sequence = &r->answer.sequence,
            .body = r->cr.body,
            .check = r->cr.check,
        };
        a->encoder = r->client->encoder_new(&ctx);
        if (a->encoder == NULL)
            return err_set(e, ERR_MEMORY, "no memory to translate the answer");
    }
    a->is_collecting = to_collect;
    if (to_collect)
        msg_collect_init(&a->collect, &r->arena);
    a->is_keeping =
        a->encoder != NULL && ((r->facts.needs & CAP_TOOLS) != 0 || signs_text(a));
    if (a->is_keeping)
        msg_collect_init(&a->thoughts, &r->arena);
    return ERR_OK;
}

/*
 * Anthropic ends long answers that are not streamed: translated ones always are. Gemini refuses a
 * cap above 32,768 then. Source: ai.google.dev/gemini-api/docs, long decode (2026-11).
 */
static bool must_stream(const struct attempt *a)
{
    enum { GEMINI_WHOLE_TOK = 32768 };
    enum dialect d = a->ops->id;
    return d == DIALECT_ANTHROPIC ||
           (d == DIALECT_GEMINI && a->r->facts.max_output_tok > GEMINI_WHOLE_TOK);
}

static struct attempt *attempt_new(struct request *r)
{
    struct attempt *a = MEM_NEW(struct attempt);
    if (a == NULL)
        return NULL;
    size_t i = r->decision.items[r->at].target;
    const struct conf_target *t = &r->targets[i];
    a->magic = attempt_MAGIC;
    a->r = r;
    a->target = t;
    a->provider = conf_provider(r->conf, str_of(t->provider));
    a->model = r->prospects[i].model;
    a->ops = dialect_for(a->model.kind, r->client->id, &r->facts, str_of(t->model));
    a->is_crossed = a->ops != r->client;
    a->is_streamed =
        !r->facts.counts_only && (r->facts.stream || (a->is_crossed && must_stream(a)));
    a->state = r->prospects[i].state;
    a->row = row_new(r, t);
    a->task = (struct loop_task){.fn = on_task, .arg = a};
    buf_init(&a->text, LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    buf_init(&a->frame, LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    buf_init(&a->reply, LIMIT_REPLY_LEN);
    sse_init(&a->sse, LIMIT_EVENT_LEN);
    eventstream_init(&a->messages, LIMIT_EVENT_LEN);
    fit_init(&a->fit);
    usage_init(&a->had_usage);
    a->n_now = r->facts.n_inputs;
    buf_init(&a->hop_token, LIMIT_EVENT_LEN);
    usage_init(&a->hop_usage);
    a->ops->scan_init(&a->scan, a->model.kind);
    if (a->row == NULL)
        attempt_free(&a);
    return a;
}

/* The bytes at which an answer has surely passed its cap; providers that keep it never come near. */
static size_t output_bound(const struct attempt *a)
{
    const int64_t mib = 1024 * 1024;
    int64_t cap = a->r->bounds.cap_tok;
    if (cap < 0)
        return SIZE_MAX;
    struct estimate_key k = request_estimate_key(a->r, &a->model);
    i128 bound = (i128)cap * CAP_SLACK + CAP_SLACK_TOK;
    return (size_t)(bound * mib / estimate_tok(a->r->b->estimator, &k, (size_t)mib));
}

enum errc attempt_start(struct request *r, struct err *e)
{
    AUTO(attempt_free) struct attempt *a = attempt_new(r);
    if (a == NULL)
        return err_set(e, ERR_MEMORY, "no memory for another attempt");
    enum errc rc = make_coders(a, e);
    if (rc == ERR_OK)
        rc = attempt_build(a, e);
    if (rc == ERR_OK && attempt_write_on(a))
        rc = attempt_call(a, &upstream_fns, e);
    else if (rc == ERR_OK)
        loop_later(r->b->loop, &a->task);
    if (rc != ERR_OK)
        return rc;
    r->b->metrics.n_attempts++;
    retry_budget_request(&a->state->retries, loop_mono_us(r->b->loop));
    breaker_start(&a->state->breaker, loop_mono_us(r->b->loop));
    a->max_output_len = output_bound(a);
    r->attempt = a;
    a = NULL;
    return ERR_OK;
}

void attempt_end(struct request *r)
{
    struct attempt *a = r->attempt;
    if (a == NULL)
        return;
    r->attempt = NULL;
    a->row->end_us = wall_us(a);
    if (a->outcome == WHOLE)
        upstream_detach(&a->xfer);
    attempt_free(&a);
}

void attempt_pause(struct attempt *a)
{
    if (a->xfer == NULL || upstream_is_paused(a->xfer))
        return;
    upstream_pause(a->xfer);
    request_timer_stop(a->r, TIMER_GAP);
}

bool attempt_resume(struct attempt *a)
{
    if (a->xfer == NULL || !upstream_is_paused(a->xfer))
        return false;
    upstream_resume(a->xfer);
    return true;
}

/* ---- outcomes ---- */

static void conclude(struct attempt *a, enum outcome o)
{
    if (a->outcome == GOING_ON)
        a->outcome = o;
}

/* By its name: may this header's value be a credential? */
static bool is_credential(const char *header)
{
    static const char *const words[] = {"key",    "token",  "auth",
                                        "secret", "cookie", "password"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_icontains(str_of(header), str_of(words[i])))
            return true;
    return false;
}

/* What the provider quotes of what it was sent must not go where its message goes. */
static void hide_secrets(const struct attempt *a, struct err *e)
{
    struct str key = request_key(a->r, a->target->provider);
    if (a->key != NULL)
        key = (struct str){a->key->value, a->key->len};
    str_hide(e->text, key);
    str_hide(e->provider_code, key);
    for (size_t i = 0; i < a->provider->n_headers; i++)
        if (is_credential(a->provider->headers[i].name))
            str_hide(e->text, str_of(a->provider->headers[i].value));
}

static void broken(struct attempt *a, const struct err *e)
{
    if (a->outcome == GOING_ON) {
        a->err = *e;
        hide_secrets(a, &a->err);
    }
    conclude(a, BROKEN);
}

/* All has come: it is whole, if it is what was asked for. */
static void whole(struct attempt *a)
{
    struct err e = ERR_INIT;
    if (a->outcome == GOING_ON && fit_check(&a->fit, a->scan.finish, &e) != ERR_OK) {
        buf_reset(&a->r->answer.unfit);
        buf_adds(&a->r->answer.unfit, fit_said(&a->fit));
        broken(a, &e);
    }
    conclude(a, WHOLE);
}

/* Of an answer whose client cannot carry it. */
static void keep_state(struct attempt *a, const struct msg_reply *reply)
{
    signatures_put_reply(a->r->b->signatures, attempt_origin(a), reply,
                         loop_mono_us(a->r->b->loop));
}

/* A translated answer for a client that does not stream. */
static void encode_whole(struct attempt *a, const struct msg_reply *reply)
{
    const struct encode_ctx ctx = {
        .request_id = a->r->id,
        .model =
            a->scan.model[0] != '\0' ? str_of(a->scan.model) : str_of(a->target->model),
        .created_s = wall_us(a) / US_PER_S,
        .body = a->r->cr.body,
        .check = a->r->cr.check,
        .base64 = a->r->facts.base64,
    };
    const struct err ok = ERR_INIT;
    struct msg_reply told = *reply;
    if (!usage_has(&told.usage, USAGE_INPUT)) /* it has none, or it is not known */
        (void)attempt_usage(a, &ok, &told.usage);
    a->r->client->reply_encode(&told, &ctx, &a->r->answer.whole);
}

/* The last thing a callback does: `a` may be gone after it. */
static void tell(struct attempt *a)
{
    struct err e = a->err;
    switch (a->outcome) {
    case GOING_ON:
        break;
    case WHOLE:
        if (a->is_collecting) {
            keep_state(a, msg_collect_reply(&a->collect));
            encode_whole(a, msg_collect_reply(&a->collect));
        }
        request_on_whole(a->r);
        break;
    case BROKEN:
        request_on_failure(a->r, &e);
        break;
    }
}

/* ---- events of a stream ---- */

static bool has_content(const struct attempt *a)
{
    return a->row->first_token_us != 0;
}

static void on_content(struct attempt *a)
{
    struct request *r = a->r;
    if (has_content(a)) {
        answer_reopen(r);
        return;
    }
    a->row->first_token_us = wall_us(a);
    request_on_content(r);
}

static void on_finish(struct attempt *a)
{
    if (a->r->answer.is_finished)
        return;
    a->r->answer.is_finished = true;
    request_on_finish(a->r);
}

/* It is of use only as a whole, and its want harms nobody: errors stay here. */
static void hear_state(struct attempt *a, const struct msg_delta *d)
{
    struct err ignored = ERR_INIT;
    bool is_state = d->kind == MSG_D_THINKING || d->kind == MSG_D_SIGNATURE ||
                    d->kind == MSG_D_STATE || d->kind == MSG_D_REDACTED ||
                    d->kind == MSG_D_CALL || d->kind == MSG_D_TEXT_STATE ||
                    (d->kind == MSG_D_TEXT && signs_text(a));
    if (!a->is_keeping)
        return;
    if (d->kind == MSG_D_FINISH)
        keep_state(a, msg_collect_reply(&a->thoughts));
    else if (is_state && msg_collect_delta(&a->thoughts, d, &ignored) != ERR_OK) {
        msg_collect_release(&a->thoughts);
        a->is_keeping = false;
    }
}

static enum errc tell_delta(struct attempt *a, const struct msg_delta *d, struct err *e)
{
    struct request *r = a->r;
    if (d->kind == MSG_D_TEXT && r->record == CONF_RECORD_FULL)
        buf_adds(&r->answer.text, d->text);
    fit_hear(&a->fit, d);
    hear_state(a, d);
    if (a->is_collecting)
        return msg_collect_delta(&a->collect, d, e);
    if (d->kind == MSG_D_END) /* it may yet be found out not to be one */
        r->answer.end_sequence = r->answer.sequence;
    if (a->encoder != NULL)
        r->client->encode_delta(a->encoder, d,
                                d->kind == MSG_D_END ? &r->answer.end : answer_sink(r));
    return ERR_OK;
}

static enum errc tell_text(struct attempt *a, struct str text, struct err *e)
{
    const struct msg_delta d = {.kind = MSG_D_TEXT, .text = text};
    return text.len > 0 ? tell_delta(a, &d, e) : ERR_OK;
}

/* What the client has begun itself is not told to it again. */
static enum errc on_delta(void *arg, const struct msg_delta *d, struct err *e)
{
    struct attempt *a = OBJ(attempt, arg);
    struct str held, rest;
    bool is_end =
        d->kind == MSG_D_CALL || d->kind == MSG_D_FINISH || d->kind == MSG_D_END;
    if (!a->echo.is_listening || (d->kind != MSG_D_TEXT && !is_end))
        return tell_delta(a, d, e);
    if (is_end) {
        enum errc rc = tell_text(a, echo_end(&a->echo), e);
        return rc == ERR_OK ? tell_delta(a, d, e) : rc;
    }
    echo_hear(&a->echo, d->text, &held, &rest);
    enum errc rc = tell_text(a, held, e);
    return rc == ERR_OK ? tell_text(a, rest, e) : rc;
}

/* The same of a whole answer: the beginning is all in its first text, or is none. */
static void without_echo(struct attempt *a, struct msg_reply *reply)
{
    for (size_t i = 0; a->echo.is_listening && i < reply->n_parts; i++) {
        struct msg_part *p = &reply->parts[i];
        if (p->kind == MSG_TEXT && str_starts(p->text, a->echo.begun))
            p->text = str_sub(p->text, a->echo.begun.len, p->text.len);
        a->echo.is_listening = p->kind != MSG_TEXT;
    }
}

/* What a stream reports is of its piece of the answer; the client hears of all together. */
static enum errc on_decoded(void *arg, const struct msg_delta *d, struct err *e)
{
    struct attempt *a = OBJ(attempt, arg);
    struct msg_delta sum = *d;
    struct usage all = a->hop_usage;
    if (a->n_hops == 0 || d->kind != MSG_D_USAGE)
        return on_delta(arg, d, e);
    usage_add(&all, d->usage);
    sum.usage = &all;
    return on_delta(arg, &sum, e);
}

/* The event's own bytes, without the usage that only we have asked for. */
static void pass(struct attempt *a, const struct sse_event *ev, unsigned flags)
{
    struct request *r = a->r;
    if ((flags & EV_END) != 0)
        r->answer.end_sequence = r->answer.sequence;
    r->answer.sequence = a->scan.sequence;
    memcpy(r->answer.id, a->scan.id, sizeof r->answer.id);
    bool is_unasked = a->model.kind->ask_usage && !r->facts.include_usage;
    if ((flags & EV_END) != 0)
        buf_adds(&r->answer.end, ev->raw);
    else if ((flags & EV_PING) != 0 && !has_content(a))
        return; /* signs of life before the first content are ours to give */
    else if ((flags & (EV_USAGE | EV_NO_USAGE)) != 0 && is_unasked)
        (void)a->ops->strip_usage(ev, answer_sink(r)); /* nothing may be left of it */
    else
        buf_adds(answer_sink(r), ev->raw);
}

/*
 * An end mark without a finish is what a server sends whose own upstream was cut: no success, even
 * where the bytes would pass as they came. Of several choices one finish is enough.
 * Source: OpenAI's stream has a finish_reason before [DONE], always (API reference, 2026-08).
 */
static void on_end(struct attempt *a)
{
    struct err e = ERR_INIT;
    bool is_finished =
        a->is_crossed ? a->r->answer.is_finished : a->scan.finish != MSG_FINISH_NONE;
    if (is_finished) {
        whole(a);
        return;
    }
    err_set(&e, has_content(a) ? ERR_INTERRUPTED : ERR_SERVER,
            "the provider ended its stream without saying why");
    e.origin = ERR_BY_PROVIDER;
    broken(a, &e);
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct attempt *a = OBJ(attempt, arg);
    struct err why = ERR_INIT;
    unsigned flags = a->ops->scan_event(&a->scan, ev, &why);
    if ((flags & EV_MALFORMED) != 0) {
        a->r->b->metrics.n_malformed_events++;
        return ERR_OK;
    }
    if ((flags & EV_ERROR) != 0 && !a->r->answer.is_finished)
        broken(a, &why);
    else if ((flags & EV_ERROR) != 0)
        whole(a); /* the answer was complete before it */
    if (a->outcome != GOING_ON)
        return ERR_CANCELLED;
    if ((flags & EV_CONTENT) != 0)
        on_content(a);
    else if ((flags & EV_REASONING) != 0 && !has_content(a))
        request_on_sign(a->r);
    if ((flags & EV_FINISH) != 0)
        on_finish(a);
    if ((flags & EV_HOP) != 0) {
        buf_reset(&a->hop_token);
        a->ops->hop_token(ev, &a->hop_token);
    }
    enum errc rc = ERR_OK;
    if (a->decoder != NULL)
        rc = a->ops->decode_event(a->decoder, ev, on_decoded, a, e);
    if (a->is_crossed && rc != ERR_OK)
        return rc;
    if (!a->is_crossed)
        pass(a, ev, flags); /* its decoder serves the recorder only */
    if ((flags & EV_END) == 0)
        return ERR_OK;
    on_end(a);
    return ERR_CANCELLED; /* nothing behind the end mark is of interest */
}

/* An answer beyond our caps is the provider's fault, and no fault of the request. */
static void blame_provider(struct err *e)
{
    if (e->code == ERR_TOO_LARGE)
        e->code = ERR_SERVER;
    if (e->code != ERR_MEMORY)
        e->origin = ERR_BY_PROVIDER;
}

static void feed(struct attempt *a, struct str bytes)
{
    struct request *r = a->r;
    struct err e = ERR_INIT;
    enum errc rc = a->ops->is_binary
                       ? eventstream_feed(&a->messages, bytes, on_event, a, &e)
                       : sse_feed(&a->sse, bytes, on_event, a, &e);
    if (rc == ERR_SYNTAX) /* bytes are lost, or were never of a stream */
        e.code = has_content(a) ? ERR_INTERRUPTED : ERR_NETWORK;
    if (rc != ERR_OK && a->outcome == GOING_ON) {
        blame_provider(&e);
        broken(a, &e);
    }
    if (answer_err(r) != ERR_OK) {
        err_set(&e, answer_err(r), "no room to hold the answer back");
        blame_provider(&e);
        broken(a, &e);
    }
    if (a->scan.output_len + a->scan.reasoning_len > a->max_output_len) {
        err_set(&e, ERR_REFUSED, "the output has passed its cap of %" PRId64 " tokens",
                r->bounds.cap_tok);
        broken(a, &e);
    }
    answer_flush(r);
    if (has_content(a) && !r->answer.is_finished && !upstream_is_paused(a->xfer))
        request_timer_set(r, TIMER_GAP, r->rules.gap_us);
}

/* The end of a stream that finished without one: what the client's dialect still needs. */
static void complete(struct attempt *a)
{
    struct request *r = a->r;
    struct err ignored = ERR_INIT;
    whole(a);
    if (a->outcome != WHOLE || a->is_collecting)
        return;
    if (!a->is_crossed) {
        if (r->answer.end.len == 0)
            buf_addz(&r->answer.end, a->ops->end_mark());
        return;
    }
    struct usage usage;
    const struct err ok = ERR_INIT;
    if (!a->scan.has_usage && attempt_usage(a, &ok, &usage))
        (void)on_delta(a, &(struct msg_delta){.kind = MSG_D_USAGE, .usage = &usage},
                       &ignored);
    (void)on_delta(a, &(struct msg_delta){.kind = MSG_D_END}, &ignored);
}

void attempt_complete(struct attempt *a)
{
    complete(a);
    tell(a);
}

/* ---- the transfer's callbacks ---- */

/* What the provider says is left of its limits. */
static void learn_limits(struct attempt *a, const struct upstream_head *h)
{
    struct ratelimit_row rows[RATELIMIT_ROWS];
    struct broker *b = a->r->b;
    if (request_key(a->r, a->target->provider).len > 0)
        return; /* the buckets of the client's key are not ours */
    size_t n = ratelimit_read(h->headers, h->n_headers, wall_us(a), rows);
    struct limit_scope scope = request_scope(a->r, a->target);
    bool is_cached_free = a->model.kind->quirks.is_cached_free;
    for (size_t i = 0; i < n; i++) {
        /* who knows how much of a prompt is cached? only that nothing is left holds for all */
        if (is_cached_free && rows[i].left > 0 && rows[i].gauge != RATELIMIT_REQUESTS)
            rows[i].gauge = RATELIMIT_OTHER;
        limiter_learn(b->limiter, &scope, &rows[i], loop_mono_us(b->loop));
    }
}

/* The headers of an error say when to come back; they are read when its body is whole. */
static void keep_headers(struct attempt *a, const struct upstream_head *h)
{
    size_t n = MIN(h->n_headers, (size_t)HEADERS_MAX);
    a->headers = ARENA_ARRAY(&a->r->arena, n, struct http1_header);
    for (size_t i = 0; a->headers != NULL && i < n; i++)
        a->headers[a->n_headers++] =
            (struct http1_header){arena_str(&a->r->arena, h->headers[i].name),
                                  arena_str(&a->r->arena, h->headers[i].value)};
}

/* By which the provider finds the request in its own logs. */
static bool is_id_header(struct str name)
{
    static const char *const names[] = {
        "x-request-id",                         /* OpenAI and most */
        "request-id",                           /* Anthropic */
        "x-amzn-requestid",  "apim-request-id", /* Azure */
        "x-kong-request-id",                    /* Mistral */
        "msh-request-id",                       /* Kimi */
        "x-generation-id",                      /* OpenRouter */
        "trace_id",                             /* MiniMax */
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_ieqz(name, names[i]))
            return true;
    return false;
}

static void on_head(void *arg, const struct upstream_head *h)
{
    struct attempt *a = OBJ(attempt, arg);
    struct attempt_row *row = a->row;
    bool is_json = false;
    row->http_status = h->status;
    if (row->first_byte_us == 0)
        row->first_byte_us = wall_us(a);
    if (!h->reused)
        row->connect_us = row->start_us + h->connect_us;
    for (size_t i = 0; i < h->n_headers; i++) {
        const struct http1_header *x = &h->headers[i];
        if (is_id_header(x->name))
            str_copy(row->upstream_id, sizeof row->upstream_id, x->value);
        else if (str_ieqz(x->name, "content-type"))
            is_json = str_icontains(str_sub(x->value, 0, 16), STR("application/json"));
    }
    learn_limits(a, h);
    bool is_good = h->status / 100 == 2;
    a->is_event_stream = is_good && a->is_streamed && !is_json;
    if (!is_good)
        keep_headers(a, h);
    else
        buf_reset(&a->hop_token); /* it is of use once */
    if (upstream_is_sent(a->xfer))
        buf_release(&a->text); /* the answer may take minutes */
}

static void on_body(void *arg, struct str bytes)
{
    struct attempt *a = OBJ(attempt, arg);
    a->row->bytes_in += (int64_t)bytes.len;
    if (a->is_event_stream)
        feed(a, bytes);
    else if (a->row->http_status / 100 == 2 || a->reply.len < ERROR_BODY_LEN)
        buf_adds(&a->reply, bytes);
    if (buf_err(&a->reply) != ERR_OK) {
        struct err e = ERR_INIT;
        err_set(&e, buf_err(&a->reply), "no room for the provider's answer");
        blame_provider(&e);
        broken(a, &e);
    }
    tell(a);
}

static void keep_text(struct request *r, const struct msg_reply *reply)
{
    for (size_t i = 0; i < reply->n_parts; i++)
        if (reply->parts[i].kind == MSG_TEXT)
            buf_adds(&r->answer.text, reply->parts[i].text);
}

/* One vector for each input: who has the wrong number of them cannot tell whose they are. */
static enum errc check_vectors(const struct attempt *a, struct err *e)
{
    size_t want = a->n_now, got = a->scan.n_vectors;
    if (got == want)
        return ERR_OK;
    err_set(e, ERR_SERVER, "the provider gave %zu embeddings for %zu inputs", got, want);
    e->origin = ERR_BY_PROVIDER;
    return ERR_SERVER;
}

static bool has_more(const struct attempt *a)
{
    return a->n_had + a->n_now < a->r->facts.n_inputs;
}

/* Vectors of one of several calls, as the client wants them: all at the end would take too long. */
static enum errc keep_part(struct attempt *a, const struct msg_reply *part, struct err *e)
{
    struct arena *arena = &a->r->arena;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_REPLY_LEN);
    if (a->had.vectors == NULL)
        a->had.vectors = ARENA_ARRAY(arena, a->r->facts.n_inputs, struct str);
    for (size_t i = 0; a->had.vectors != NULL && i < part->n_vectors; i++) {
        buf_reset(&text);
        vector_write(part->vectors[i], a->r->facts.base64, &text);
        a->had.vectors[a->had.n_vectors++] = arena_str(arena, buf_str(&text));
    }
    if (arena_is_broken(arena) || buf_err(&text) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory for so many embeddings");
    return ERR_OK;
}

/* The answer as its client's dialect has it. */
static enum errc make_whole(struct attempt *a, struct err *e)
{
    struct request *r = a->r;
    struct msg_reply reply;
    bool is_recorded = r->record == CONF_RECORD_FULL;
    /* some servers of OpenAI's shape know no base64, which its SDKs ask for by themselves */
    bool is_rewritten = a->is_crossed || (r->facts.base64 && a->scan.has_numbers);
    if (check_vectors(a, e) != ERR_OK)
        return e->code;
    if (is_rewritten || is_recorded) {
        enum errc rc =
            a->ops->reply_decode(buf_str(&a->reply), a->model.kind, &r->arena, &reply, e);
        if (rc != ERR_OK && is_rewritten)
            return rc;
        if (rc == ERR_OK && is_recorded)
            keep_text(r, &reply);
    }
    if (!is_rewritten) {
        buf_adds(&r->answer.whole, buf_str(&a->reply));
        return ERR_OK;
    }
    without_echo(a, &reply);
    if (a->n_had > 0 || has_more(a)) {
        if (keep_part(a, &reply, e) != ERR_OK || has_more(a))
            return e->code;
        reply = a->had;
    }
    fit_hear_reply(&a->fit, &reply);
    keep_state(a, &reply);
    encode_whole(a, &reply);
    return ERR_OK;
}

/* The next inputs, by a call of their own: what came for these is kept. */
static void ask_on(struct attempt *a)
{
    struct err e = ERR_INIT;
    a->is_untold |= !a->scan.has_usage;
    usage_add(&a->had_usage, &a->scan.usage);
    a->n_had += a->n_now;
    a->ops->scan_init(&a->scan, a->model.kind);
    buf_reset(&a->reply);
    buf_release(&a->text);
    buf_init(&a->text, LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    buf_init(&a->frame, LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    a->body = (struct pieces){.n = 0};
    if (a->r->silence_us > 0) /* it is at work */
        request_on_sign(a->r);
    if (attempt_build(a, &e) != ERR_OK)
        broken(a, &e);
    else
        loop_later(a->r->b->loop, &a->task);
}

/* ---- the next piece of an answer ---- */

/* The same request once more, with the token. */
static void ask_next_piece(struct attempt *a)
{
    struct err e = ERR_INIT;
    sse_release(&a->sse);
    sse_init(&a->sse, LIMIT_EVENT_LEN);
    a->is_event_stream = false;
    a->row->http_status = 0;
    buf_reset(&a->reply);
    buf_reset(&a->text);
    a->body = (struct pieces){.n = 0};
    if (attempt_build(a, &e) != ERR_OK)
        broken(a, &e);
    else if (!attempt_write_on(a))
        loop_later(a->r->b->loop, &a->task);
    else if (attempt_call(a, &upstream_fns, &e) != ERR_OK)
        broken(a, &e);
    if (has_content(a))
        request_timer_set(a->r, TIMER_GAP, a->r->rules.gap_us);
    else
        request_on_sign(a->r);
}

/* Each piece is billed for itself. */
static void hop(struct attempt *a)
{
    enum { MOST_HOPS = 64 }; /* four times what the longest answer there is needs */
    struct err e = ERR_INIT;
    usage_add(&a->hop_usage, &a->scan.usage);
    usage_init(&a->scan.usage);
    a->scan.has_usage = false;
    if (++a->n_hops <= MOST_HOPS) {
        ask_next_piece(a);
        return;
    }
    err_set(&e, ERR_INTERRUPTED, "the provider's answer does not come to an end");
    e.origin = ERR_BY_PROVIDER;
    broken(a, &e);
}

/* The provider knows no such field: then it stands in the other place that it may have. */
static bool is_token_misplaced(const struct attempt *a, const struct err *e)
{
    return a->n_hops > 0 && !a->is_hop_on_top && e->code == ERR_INVALID &&
           str_icontains(str_of(e->text), STR("continuation"));
}

/* The other side has ended an event stream, well or badly. */
static void stream_ended(struct attempt *a, enum errc rc, const struct err *why)
{
    struct err e = ERR_INIT;
    if (a->r->answer.is_finished) {
        complete(a);
        return;
    }
    if (a->hop_token.len > 0) {
        hop(a);
        return;
    }
    /* the reason may lie behind the last event, and be none itself (Gemini) */
    const struct sse_event rest = {.raw = sse_rest(&a->sse)};
    if ((a->ops->scan_event(&a->scan, &rest, &e) & EV_ERROR) != 0) {
        broken(a, &e);
        return;
    }
    err_set(&e, has_content(a) ? ERR_INTERRUPTED : ERR_NETWORK, "%s%s%s",
            has_content(a) ? "the provider's stream was cut before its end"
                           : "the provider's stream ended before its first content",
            rc != ERR_OK ? ": " : "", rc != ERR_OK ? why->text : "");
    e.origin = ERR_BY_TRANSPORT;
    broken(a, &e);
}

/* A body that is no event stream is there, or what came of it. */
static void reply_ended(struct attempt *a, enum errc rc, const struct err *why)
{
    struct err e = ERR_INIT;
    int status = a->row->http_status;
    if (status / 100 != 2 && status != 0) {
        a->ops->error_parse(a->model.kind, status, a->headers, a->n_headers,
                            buf_str(&a->reply), wall_us(a), &e);
        if (is_token_misplaced(a, &e)) {
            a->is_hop_on_top = true;
            ask_next_piece(a);
        } else {
            broken(a, &e);
        }
    } else if (rc != ERR_OK) {
        broken(a, why);
    } else if (a->ops->scan_reply(&a->scan, buf_str(&a->reply), &e) != ERR_OK) {
        broken(a, &e);
    } else if (a->is_streamed) {
        err_set(&e, ERR_SERVER, "the provider did not stream its answer");
        e.origin = ERR_BY_PROVIDER;
        broken(a, &e);
    } else if (make_whole(a, &e) != ERR_OK) {
        broken(a, &e);
    } else if (has_more(a)) {
        ask_on(a);
    } else {
        whole(a);
    }
}

static void on_done(void *arg, enum errc rc, const struct err *e)
{
    struct attempt *a = OBJ(attempt, arg);
    a->xfer = NULL;
    if (a->is_event_stream)
        stream_ended(a, rc, e);
    else
        reply_ended(a, rc, e);
    tell(a);
}

/* The rest of a long body is written; then it is asked. */
static void on_task(void *arg)
{
    struct attempt *a = OBJ(attempt, arg);
    struct err e = ERR_INIT;
    if (!attempt_write_on(a))
        loop_later(a->r->b->loop, &a->task);
    else if (attempt_call(a, &upstream_fns, &e) != ERR_OK)
        broken(a, &e);
    tell(a);
}

/* ---- what it used ---- */

/*
 * May the provider bill an attempt that ended so? Told failures are free everywhere, and so is
 * an answer without a token; one that was at work until we hung up is not.
 */
static bool is_billable(const struct attempt *a, enum errc outcome, int sys)
{
    int status = a->row->http_status;
    if (a->scan.output_len + a->scan.reasoning_len > 0 || a->scan.n_vectors > 0 ||
        a->n_had > 0 || outcome == ERR_OK)
        return true;
    if (status != 0 && status / 100 != 2)
        return false;
    /* a timeout of the transport's own is one of connecting */
    return outcome == ERR_CANCELLED || (outcome == ERR_TIMEOUT && sys == 0);
}

/* Of all, or of the calls that were answered before one was not. */
static int64_t likely_input_tok(const struct attempt *a, bool is_whole)
{
    int64_t tok = request_input_tok(a->r, &a->model);
    if (is_whole || a->n_had == 0)
        return tok;
    return tok * (int64_t)a->n_had / (int64_t)a->r->facts.n_inputs;
}

bool attempt_usage(const struct attempt *a, const struct err *e, struct usage *ret)
{
    struct request *r = a->r;
    bool is_billed = a->n_hops > 0 || is_billable(a, e->code, e->sys);
    if (r->facts.counts_only || !is_billed)
        return false;
    *ret = a->scan.usage;
    if (a->n_had > 0)
        usage_add(ret, &a->had_usage);
    if (a->n_hops > 0)
        usage_add(ret, &a->hop_usage);
    /* what is told at the start of a stream is not yet all of it */
    bool is_whole = e->code == ERR_OK || e->code == ERR_UNUSABLE;
    bool is_finished = is_whole && a->scan.finish != MSG_FINISH_NONE;
    bool is_told = a->scan.has_usage && !a->is_untold;
    if (is_told && (is_finished || request_is_embed(r)))
        return true;
    /* what the provider told at the start counts; the rest is ours to guess */
    struct estimate_key k = request_estimate_key(r, &a->model);
    size_t out_len = a->scan.output_len + a->scan.reasoning_len;
    int64_t out_tok = out_len > 0 ? estimate_tok(r->b->estimator, &k, out_len) : 0;
    if (!usage_has(ret, USAGE_INPUT))
        usage_set(ret, USAGE_INPUT, likely_input_tok(a, is_whole));
    if (usage_output_tok(ret) < out_tok)
        usage_set(ret, USAGE_OUTPUT, out_tok);
    ret->estimated = true;
    return true;
}
