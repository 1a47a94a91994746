/*
 * attempt.c: one call to a provider: its life, its transfer and how it ends. What is sent is
 * attempt_send.c's, what comes attempt_stream.c's and attempt_reply.c's.
 *
 * Same dialect in and out: the body is spliced, the answer's events pass as they came, and a
 * scanner watches them. Crossed: the body is encoded from a msg, events become deltas, and
 * deltas become the client's events. Either way request.c hears of content, finish, the whole
 * answer or a failure, and hears it once the transfer's callback has nothing more to do.
 *
 * Must not decide what comes next, and knows no candidate but its own.
 */
#include <string.h>

#include "core/mem.h"

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

int64_t attempt_wall_us(const struct attempt *a)
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
    a->state->n_in_flight--;
    loop_later_cancel(a->r->b->loop, &a->task);
    upstream_cancel(&a->xfer);
    sse_release(&a->sse);
    eventstream_release(&a->messages);
    if (a->decoder != NULL)
        a->ops->decoder_free(&a->decoder);
    if (a->encoder != NULL)
        a->r->client->encoder_free(&a->encoder);
    if (a->collect != NULL)
        msg_collect_release(a->collect);
    if (a->thoughts != NULL)
        msg_collect_release(a->thoughts);
    fit_release(&a->fit);
    buf_release(&a->text);
    buf_release(&a->frame);
    jw_later_release(&a->later);
    buf_release(&a->reply);
    jcheck_free(&a->check);
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
bool attempt_signs_text(const struct attempt *a)
{
    return a->ops->id == DIALECT_GEMINI;
}

static struct msg_collect *collect_new(struct arena *a)
{
    struct msg_collect *c = ARENA_NEW(a, struct msg_collect);
    if (c != NULL)
        msg_collect_init(c, a);
    return c;
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
            .created_s = attempt_wall_us(a) / US_PER_S,
            .include_usage = r->facts.include_usage,
            .sequence = &r->answer.sequence,
            .body = r->cr.body,
            .check = r->cr.check,
        };
        a->encoder = r->client->encoder_new(&ctx);
        if (a->encoder == NULL)
            return err_set(e, ERR_MEMORY, "no memory to translate the answer");
    }
    bool to_keep = a->encoder != NULL &&
                   ((r->facts.needs & CAP_TOOLS) != 0 || attempt_signs_text(a));
    if (to_collect)
        a->collect = collect_new(&r->arena);
    if (to_keep)
        a->thoughts = collect_new(&r->arena);
    if (arena_is_broken(&r->arena))
        return err_set(e, ERR_MEMORY, "no memory to translate the answer");
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
    a->state->n_in_flight++;
    a->row = row_new(r, t);
    a->task = (struct loop_task){.fn = on_task, .arg = a};
    buf_init(&a->text, LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    buf_init(&a->frame, LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    buf_init(&a->reply, LIMIT_REPLY_LEN);
    sse_init(&a->sse, LIMIT_EVENT_LEN);
    eventstream_init(&a->messages, LIMIT_EVENT_LEN);
    fit_init(&a->fit);
    usage_none(&a->spent);
    a->n_now = r->facts.n_inputs;
    buf_init(&a->hop_token, LIMIT_EVENT_LEN);
    a->ops->scan_init(&a->scan, a->model.kind);
    if (a->row == NULL)
        attempt_free(&a);
    return a;
}

/*
 * The bytes at which an answer has surely passed its cap; providers that keep it never come near.
 */
static size_t output_bound(const struct attempt *a)
{
    const int64_t mib = 1024 * 1024;
    int64_t cap = a->r->bounds.cap_tok;
    if (cap < 0)
        return SIZE_MAX;
    struct estimate_key k = request_estimate_key(a->r, &a->model);
    i128 bound = (i128)cap * MAX(a->r->facts.n, 1) * CAP_SLACK + CAP_SLACK_TOK;
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
    a->row->end_us = attempt_wall_us(a);
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
        if (is_credential(a->provider->headers[i].name)) {
            str_hide(e->text, str_of(a->provider->headers[i].value));
            str_hide(e->provider_code, str_of(a->provider->headers[i].value));
        }
}

void attempt_broken(struct attempt *a, const struct err *e)
{
    if (a->outcome == GOING_ON) {
        a->err = *e;
        hide_secrets(a, &a->err);
    }
    conclude(a, BROKEN);
}

void attempt_blame_provider(struct err *e)
{
    if (e->code == ERR_TOO_LARGE)
        e->code = ERR_SERVER;
    if (e->code != ERR_MEMORY)
        e->origin = ERR_BY_PROVIDER;
}

void attempt_whole(struct attempt *a)
{
    struct err e = ERR_INIT;
    struct str said;
    if (a->outcome == GOING_ON && fit_check(&a->fit, &said, &e) != ERR_OK) {
        buf_reset(&a->r->answer.unfit);
        buf_adds(&a->r->answer.unfit, said);
        attempt_broken(a, &e);
    }
    conclude(a, WHOLE);
}

void attempt_keep_state(struct attempt *a, const struct msg_reply *reply)
{
    signatures_put_reply(a->r->b->signatures, attempt_origin(a), reply,
                         loop_mono_us(a->r->b->loop));
    for (size_t i = 0; i < reply->n_more; i++)
        attempt_keep_state(a, &reply->more[i]);
}

struct str attempt_served(const struct attempt *a)
{
    return str_of(a->scan.model[0] != '\0' ? a->scan.model : a->target->model);
}

void attempt_encode(struct attempt *a, const struct msg_reply *reply)
{
    const struct encode_ctx ctx = {
        .request_id = a->r->id,
        .model = attempt_served(a),
        .created_s = attempt_wall_us(a) / US_PER_S,
        .body = a->r->cr.body,
        .check = a->r->cr.check,
    };
    const struct err ok = ERR_INIT;
    struct msg_reply told = *reply;
    if (!usage_has(&told.usage, USAGE_INPUT)) /* it has none, or it is not known */
        (void)attempt_usage(a, &ok, &told.usage);
    a->r->client->reply_encode(&told, &ctx, &a->r->answer.whole);
}

static void tell_failure(struct attempt *a)
{
    struct err e = a->err; /* which goes with it */
    request_on_failure(a->r, &e);
}

/* The last thing a callback does: `a` may be gone after it. */
static void tell(struct attempt *a)
{
    switch (a->outcome) {
    case GOING_ON:
        break;
    case WHOLE:
        if (a->collect != NULL) {
            attempt_keep_state(a, msg_collect_reply(a->collect));
            attempt_encode(a, msg_collect_reply(a->collect));
        }
        request_on_whole(a->r);
        break;
    case BROKEN:
        tell_failure(a);
        break;
    }
}

void attempt_complete(struct attempt *a)
{
    attempt_end_stream(a);
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
    size_t n = ratelimit_read(h->headers, h->n_headers, attempt_wall_us(a), rows);
    struct limit_scope scope = request_scope(a->r, a->target);
    bool is_cached_free = a->model.kind->quirks.is_cached_free;
    bool is_spent = false;
    for (size_t i = 0; i < n; i++) {
        /* who knows how much of a prompt is cached? only that nothing is left holds for all */
        if (is_cached_free && rows[i].left > 0 && rows[i].gauge != RATELIMIT_REQUESTS)
            rows[i].gauge = RATELIMIT_OTHER;
        learned_add(limiter_learned(b->limiter), &scope, &rows[i], loop_mono_us(b->loop));
        is_spent |= rows[i].left == 0 && rows[i].gauge != RATELIMIT_OTHER;
    }
    if (n > 0)
        broker_limits_told(b, a->state, is_spent);
}

/* The headers of an error say when to come back; they are read when its body is whole. */
static void keep_headers(struct attempt *a, const struct upstream_head *h)
{
    size_t n = MIN(h->n_headers, (size_t)HEADERS_MAX);
    a->n_headers = 0; /* it may be the second error of one attempt */
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
        row->first_byte_us = attempt_wall_us(a);
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
    struct err e;
    err_clear(&e);
    bool is_good = a->row->http_status / 100 == 2;
    a->row->bytes_in += (int64_t)bytes.len;
    if (a->is_event_stream)
        attempt_feed(a, bytes);
    else if (is_good || a->reply.len < ERROR_BODY_LEN)
        buf_adds(&a->reply, bytes);
    if (is_good && request_is_embed(a->r)) {
        if (attempt_embed_came(a, &e) != ERR_OK)
            attempt_broken(a, &e);
    } else if (buf_err(&a->reply) != ERR_OK) {
        err_set(&e, buf_err(&a->reply), "no room for the provider's answer");
        attempt_blame_provider(&e);
        attempt_broken(a, &e);
    }
    tell(a);
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
    attempt_reset_reply(a);
    buf_reset(&a->text);
    a->body = (struct pieces){.n = 0};
    if (attempt_build(a, &e) != ERR_OK)
        attempt_broken(a, &e);
    else if (!attempt_write_on(a))
        loop_later(a->r->b->loop, &a->task);
    else if (attempt_call(a, &upstream_fns, &e) != ERR_OK)
        attempt_broken(a, &e);
    if (attempt_has_content(a))
        request_timer_set(a->r, TIMER_GAP, a->r->rules.gap_us);
    else
        request_on_sign(a->r);
}

/* Each piece is billed for itself. */
static void hop(struct attempt *a)
{
    enum { MOST_HOPS = 64 }; /* four times what the longest answer there is needs */
    struct err e = ERR_INIT;
    a->scan.has_usage = usage_has(&a->scan.usage, USAGE_INPUT);
    attempt_spend(a);
    usage_init(&a->scan.usage);
    a->scan.has_usage = false;
    if (++a->n_hops <= MOST_HOPS) {
        ask_next_piece(a);
        return;
    }
    err_set(&e, ERR_INTERRUPTED, "the provider's answer does not come to an end");
    e.origin = ERR_BY_PROVIDER;
    attempt_broken(a, &e);
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
        attempt_end_stream(a);
        return;
    }
    if (a->hop_token.len > 0) {
        hop(a);
        return;
    }
    /* the reason may lie behind the last event, and be none itself (Gemini) */
    const struct sse_event rest = {.raw = sse_rest(&a->sse)};
    if ((a->ops->scan_event(&a->scan, &rest, &e) & EV_ERROR) != 0) {
        attempt_broken(a, &e);
        return;
    }
    err_set(&e, attempt_has_content(a) ? ERR_INTERRUPTED : ERR_NETWORK, "%s%s%s",
            attempt_has_content(a)
                ? "the provider's stream was cut before its end"
                : "the provider's stream ended before its first content",
            rc != ERR_OK ? ": " : "", rc != ERR_OK ? why->text : "");
    e.origin = ERR_BY_TRANSPORT;
    attempt_broken(a, &e);
}

/* A body that is no event stream is there, or what came of it. */
static void reply_ended(struct attempt *a, enum errc rc, const struct err *why)
{
    struct err e = ERR_INIT;
    int status = a->row->http_status;
    if (status / 100 != 2 && status != 0) {
        a->ops->error_parse(a->model.kind, status, a->headers, a->n_headers,
                            buf_str(&a->reply), attempt_wall_us(a), &e);
        if (is_token_misplaced(a, &e)) {
            a->is_hop_on_top = true;
            ask_next_piece(a);
        } else {
            attempt_broken(a, &e);
        }
    } else if (rc != ERR_OK) {
        attempt_broken(a, why);
    } else if (request_is_embed(a->r)) {
        attempt_embed_take(a);
    } else if (a->ops->scan_reply(&a->scan, buf_str(&a->reply), &e) != ERR_OK) {
        attempt_broken(a, &e);
    } else if (a->is_streamed) {
        err_set(&e, ERR_SERVER, "the provider did not stream its answer");
        e.origin = ERR_BY_PROVIDER;
        attempt_broken(a, &e);
    } else if (attempt_take_reply(a, &e) != ERR_OK) {
        attempt_broken(a, &e);
    } else {
        attempt_whole(a);
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

/* The rest of a long body is written, then it is asked; or a long answer is read on. */
static void on_task(void *arg)
{
    struct attempt *a = OBJ(attempt, arg);
    struct err e = ERR_INIT;
    if (a->is_reading)
        attempt_embed_on(a);
    else if (!attempt_write_on(a))
        loop_later(a->r->b->loop, &a->task);
    else if (attempt_call(a, &upstream_fns, &e) != ERR_OK)
        attempt_broken(a, &e);
    tell(a);
}

/* ---- what it used ---- */

/* Of all its calls: bytes. */
static size_t output_len(const struct attempt *a)
{
    return a->scan.output_len + a->scan.reasoning_len;
}

/*
 * May the provider bill a call that ended so? Told failures are free everywhere, and so is
 * an answer without a token; one that was at work until we hung up is not.
 */
static bool is_billable(const struct attempt *a, enum errc outcome, int sys)
{
    int status = a->row->http_status;
    bool is_told = request_is_embed(a->r) && a->scan.has_usage;
    if (output_len(a) > a->spent_len || a->got.n > 0 || is_told || outcome == ERR_OK)
        return true;
    if (status != 0 && status / 100 != 2)
        return false;
    /* a timeout of the transport's own is one of connecting */
    return outcome == ERR_CANCELLED || (outcome == ERR_TIMEOUT && sys == 0);
}

static size_t texts_len(const struct msg_embed *m)
{
    size_t len = 0;
    for (size_t i = 0; i < m->n_texts; i++)
        len += m->texts[i].len;
    return len;
}

/* Of this call. */
static int64_t likely_input_tok(const struct attempt *a)
{
    const struct request *r = a->r;
    int64_t tok = request_input_tok(r, &a->model);
    if (a->part.n_texts == 0)
        return tok;
    return (int64_t)((i128)tok * (i128)texts_len(&a->part) /
                     (i128)texts_len(r->msg->embed));
}

/* What this call used: as told, if that is all of it; the rest is ours to guess. */
static void call_usage(const struct attempt *a, bool is_ended, struct usage *ret)
{
    struct request *r = a->r;
    *ret = a->scan.usage;
    if (a->scan.has_usage && (is_ended || request_is_embed(r)))
        return;
    struct estimate_key k = request_estimate_key(r, &a->model);
    size_t out_len = output_len(a) - a->spent_len;
    int64_t out_tok = out_len > 0 ? estimate_tok(r->b->estimator, &k, out_len) : 0;
    if (!usage_has(ret, USAGE_INPUT))
        usage_set(ret, USAGE_INPUT, likely_input_tok(a));
    if (usage_output_tok(ret) < out_tok)
        usage_set(ret, USAGE_OUTPUT, out_tok);
    ret->estimated = true;
}

void attempt_spend(struct attempt *a)
{
    struct usage u;
    call_usage(a, true, &u);
    usage_add(&a->spent, &u);
    a->has_spent = true;
    a->spent_len = output_len(a);
}

bool attempt_usage(const struct attempt *a, const struct err *e, struct usage *ret)
{
    struct usage u;
    bool is_billed = is_billable(a, e->code, e->sys);
    bool is_ended = (e->code == ERR_OK || e->code == ERR_UNUSABLE) &&
                    a->scan.finish != MSG_FINISH_NONE;
    if (a->r->facts.counts_only || !(is_billed || a->has_spent))
        return false;
    *ret = a->spent;
    if (is_billed) {
        call_usage(a, is_ended, &u);
        usage_add(ret, &u);
    }
    return true;
}
