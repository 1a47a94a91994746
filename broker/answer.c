/*
 * answer.c: what the client gets, and when.
 *
 *     provider's events ──▶ held ──first content──▶ batch ──end of the callback──▶ conn
 *                                                 ╲ tail ──after the record──▶ conn
 *                                                   end  ──told "recorded"──▶ conn
 *
 * Before the first content all is held, so that a failure can still be another attempt or an
 * HTTP status; in `hold` everything is held until the answer is whole. From the finish on all
 * waits in the tail, because nothing may look complete before the ledger has it.
 *
 * Owns the buffers and the answer's headers. Must not know states, timers or targets to come.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/request_priv.h"

/* retry-after above this is not to be obeyed: SDKs sleep any value they are given (measured) */
#define RETRY_AFTER_MAX_US ((int64_t)60 * US_PER_S)

enum {
    FALLBACKS_MAX = 8, /* as many as a person reads */
    /* candidates that are looked at for them: each may be a translation */
    FALLBACKS_LOOK = 16,
};

#define EVENT_STREAM "content-type: text/event-stream; charset=utf-8\r\n"
/* what clients of either dialect read, when there is no memory for more */
#define NO_MEMORY                                                                        \
    "{\"type\":\"error\",\"error\":{\"type\":\"server_error\",\"code\":null,\"param\":"  \
    "null,"                                                                              \
    "\"message\":\"out of memory\"}}"
#define JSON "content-type: application/json\r\n"

void answer_init(struct request *r)
{
    struct answer *a = &r->answer;
    size_t max = (size_t)r->conf->broker.stream_memory;
    buf_init(&a->notes, LIMIT_HEAD_LEN);
    buf_init(&a->batch, LIMIT_REPLY_LEN);
    buf_init(&a->held, max > 0 ? max : LIMIT_REPLY_LEN);
    buf_init(&a->tail, LIMIT_EVENT_LEN + LIMIT_HEAD_LEN);
    buf_init(&a->end, LIMIT_EVENT_LEN);
    buf_init(&a->kept, LIMIT_REPLY_LEN);
    buf_init(&a->text, LIMIT_REPLY_LEN);
    buf_init(&a->whole, LIMIT_REPLY_LEN);
    buf_init(&a->unfit, LIMIT_REPLY_LEN / 2); /* an error holds it as JSON, and more */
    a->last_us = loop_mono_us(r->b->loop);
}

void answer_release(struct request *r)
{
    struct answer *a = &r->answer;
    struct buf *const all[] = {&a->notes, &a->batch, &a->held,  &a->tail, &a->end,
                               &a->kept,  &a->text,  &a->whole, &a->unfit};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        buf_release(all[i]);
}

enum errc answer_err(const struct request *r)
{
    const struct answer *a = &r->answer;
    const struct buf *const needed[] = {&a->batch, &a->held, &a->tail, &a->end,
                                        &a->whole};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (buf_err(needed[i]) != ERR_OK)
            return buf_err(needed[i]);
    return ERR_OK;
}

bool answer_is_streamed(const struct request *r)
{
    return r->facts.stream;
}

/* ---- the head ---- */

static const struct attempt_row *last_row(const struct request *r)
{
    return r->n_rows > 0 ? r->rows[r->n_rows - 1] : NULL;
}

static void write_dropped(const struct dropped *d, struct buf *out)
{
    AUTO(buf_release) struct buf list = BUF_INIT(LIMIT_HEAD_LEN);
    for (size_t i = 0; i < d->n; i++)
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", d->names[i]);
    if (d->n > 0)
        http1_write_header(out, "x-llmgw-dropped", buf_str(&list));
}

static void write_room_openai(const char *gauge, const struct limit_room *room,
                              struct buf *out)
{
    char name[64];
    snprintf(name, sizeof name, "x-ratelimit-limit-%s", gauge);
    http1_number_header(out, name, room->amount, "");
    snprintf(name, sizeof name, "x-ratelimit-remaining-%s", gauge);
    http1_number_header(out, name, room->left, "");
    snprintf(name, sizeof name, "x-ratelimit-reset-%s", gauge);
    http1_number_header(out, name, (room->full_us + US_PER_MS - 1) / US_PER_MS, "ms");
}

static void write_room_anthropic(const struct request *r, const char *gauge,
                                 const struct limit_room *room, struct buf *out)
{
    char name[64], at[CLOCK_TEXT_LEN];
    snprintf(name, sizeof name, "anthropic-ratelimit-%s-limit", gauge);
    http1_number_header(out, name, room->amount, "");
    snprintf(name, sizeof name, "anthropic-ratelimit-%s-remaining", gauge);
    http1_number_header(out, name, room->left, "");
    snprintf(name, sizeof name, "anthropic-ratelimit-%s-reset", gauge);
    clock_rfc3339(at, loop_wall_us(r->b->loop) + room->full_us + US_PER_S - 1, 0, false);
    http1_write_header(out, name, str_of(at));
}

/*
 * How much room the limits of this target and client have left.
 * Source: OpenAI rate-limits guide and Anthropic api/rate-limits, response headers, 2026-08.
 */
static void write_room(const struct request *r, const struct conf_target *t,
                       struct buf *out)
{
    struct limit_room rooms[LIMIT_ROOMS];
    struct limit_scope scope = request_scope(r, t);
    bool is_anthropic = r->client->id == DIALECT_ANTHROPIC;
    limiter_rooms(r->b->limiter, &scope, loop_mono_us(r->b->loop), rooms);
    for (size_t i = 0; i < LIMIT_ROOMS; i++) {
        bool is_split = i == LIMIT_ROOM_INPUT || i == LIMIT_ROOM_OUTPUT;
        if (rooms[i].amount > 0 && is_anthropic)
            write_room_anthropic(r, limit_room_names[i], &rooms[i], out);
        else if (rooms[i].amount > 0 && !is_split)
            write_room_openai(limit_room_names[i], &rooms[i], out);
    }
}

/* What is known from the start. */
static void write_headers(const struct request *r, struct buf *out)
{
    char name[TARGET_NAME_LEN];
    const struct attempt_row *row = last_row(r);
    http1_write_header(out, "x-llmgw-proto", STR(BROKER_PROTO));
    http1_write_header(out, "x-llmgw-request-id", str_of(r->id));
    http1_write_header(out, dialect_id_header(r->client), str_of(r->id));
    http1_number_header(out, "x-llmgw-attempts", (int64_t)r->n_rows, "");
    if (row == NULL)
        return;
    const char *model =
        r->attempt != NULL ? attempt_scan(r->attempt)->model : row->served;
    http1_write_header(out, "x-llmgw-target", str_of(target_name(row->target, name)));
    if (model[0] != '\0')
        http1_write_header(out, "x-llmgw-model", str_of(model));
    if (r->bounds.is_cap_ours)
        http1_number_header(out, "x-llmgw-max-output-tokens", r->bounds.cap_tok, "");
    write_dropped(&r->answer.dropped, out);
    write_room(r, row->target, out);
}

/* For want of memory only the body's type is told: half a header would be worse. */
static struct str headers_or(const struct buf *headers, struct str type)
{
    return buf_err(headers) == ERR_OK ? buf_str(headers) : type;
}

static void start(struct request *r)
{
    if (conn_has_replied(r->conn))
        return;
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    buf_addz(&headers, EVENT_STREAM);
    http1_write_header(&headers, "cache-control", STR("no-cache"));
    write_headers(r, &headers);
    conn_reply_start(r->conn, 200, headers_or(&headers, STR(EVENT_STREAM)));
}

/* ---- bytes ---- */

struct buf *answer_sink(struct request *r)
{
    struct answer *a = &r->answer;
    if (a->is_finished)
        return &a->tail;
    return a->is_open ? &a->batch : &a->held;
}

/* False when the client is slow. */
static bool write(struct request *r, struct str bytes)
{
    if (bytes.len == 0)
        return true;
    if (r->record == CONF_RECORD_FULL && r->state != REQ_SETTLING)
        buf_adds(&r->answer.kept, bytes);
    r->answer.last_us = loop_mono_us(r->b->loop);
    return conn_write(r->conn, bytes);
}

static void move(struct buf *to, struct buf *from)
{
    buf_adds(to, buf_str(from));
    buf_release(from);
}

void answer_open(struct request *r)
{
    struct answer *a = &r->answer;
    if (r->rules.stream == CONF_STREAM_HOLD || !answer_is_streamed(r))
        return;
    start(r);
    a->is_open = true;
    move(&a->batch, &a->notes);
    move(&a->batch, &a->held);
}

void answer_reopen(struct request *r)
{
    struct answer *a = &r->answer;
    if (!a->is_finished)
        return;
    a->is_finished = false;
    request_timer_stop(r, TIMER_USAGE);
    move(answer_sink(r), &a->tail);
}

void answer_flush(struct request *r)
{
    struct answer *a = &r->answer;
    if (a->batch.len == 0)
        return;
    a->is_seen = true;
    if (!write(r, buf_str(&a->batch)))
        attempt_pause(r->attempt);
    buf_reset(&a->batch);
}

void answer_keepalive(struct request *r)
{
    AUTO(buf_release) struct buf sign = BUF_INIT(LIMIT_HEAD_LEN);
    start(r);
    if (conn_queue_len(r->conn) > 0)
        return; /* it has more than enough to read */
    r->client->keepalive(&sign);
    r->answer.last_us = loop_mono_us(r->b->loop);
    conn_write(r->conn, buf_str(&sign));
}

/* ---- our own events ---- */

/* Held with the rest until the head is out. */
static void note(struct request *r, struct str json)
{
    if (!r->opt.events || r->conn == NULL)
        return;
    sse_write(&r->answer.notes, "llmgw", json);
    if (!conn_has_replied(r->conn))
        return;
    write(r, buf_str(&r->answer.notes));
    buf_reset(&r->answer.notes);
}

void answer_note_start(struct request *r)
{
    char name[TARGET_NAME_LEN];
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_HEAD_LEN);
    struct jw w;
    if (!r->opt.events)
        return;
    const struct conf_target *t = &r->targets[r->decision.items[r->at].target];
    jw_init(&w, &json);
    jw_object(&w);
    jw_kstrz(&w, "type", "start");
    jw_kstrz(&w, "request_id", r->id);
    jw_kstrz(&w, "route", r->rules.name);
    jw_kstrz(&w, "target", target_name(t, name));
    jw_kstrz(&w, "model", t->model);
    if (r->bounds.is_cap_ours)
        jw_ki64(&w, "max_output_tokens", r->bounds.cap_tok);
    jw_object_end(&w);
    note(r, buf_str(&json));
}

/* "429", or the class where no status came. */
static void write_reason(struct jw *w, const struct err *e)
{
    char status[16];
    snprintf(status, sizeof status, "%d", e->sys);
    bool is_status = e->origin != ERR_BY_TRANSPORT && e->sys >= 400;
    jw_kstrz(w, "reason", is_status ? status : errc_name(e->code));
    jw_kstrz(w, "class", errc_name(e->code));
}

void answer_note_fallback(struct request *r, const struct conf_target *from,
                          const struct conf_target *to, const struct err *why)
{
    char name[TARGET_NAME_LEN];
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_HEAD_LEN);
    struct jw w;
    if (!r->opt.events)
        return;
    jw_init(&w, &json);
    jw_object(&w);
    jw_kstrz(&w, "type", "fallback");
    jw_kstrz(&w, "from", target_name(from, name));
    jw_kstrz(&w, "to", target_name(to, name));
    write_reason(&w, why);
    jw_object_end(&w);
    note(r, buf_str(&json));
}

void answer_discard(struct request *r)
{
    struct answer *a = &r->answer;
    struct buf *const of_attempt[] = {&a->batch, &a->held, &a->tail,
                                      &a->end,   &a->text, &a->whole};
    for (size_t i = 0; i < ARRAY_LEN(of_attempt); i++)
        buf_reset(of_attempt[i]);
    a->is_open = a->is_finished = a->is_seen = false;
    a->dropped.n = 0;
}

void answer_reset(struct request *r, const struct err *why)
{
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_HEAD_LEN);
    struct jw w;
    answer_discard(r);
    buf_reset(&r->answer.kept);
    r->answer.n_resets++;
    jw_init(&w, &json);
    jw_object(&w);
    jw_kstrz(&w, "type", "reset");
    write_reason(&w, why);
    jw_object_end(&w);
    note(r, buf_str(&json));
}

/* ---- the end ---- */

/* What an encoder wrote with the end mark, but stands before it, need not wait for it. */
static void split_end(struct request *r)
{
    struct answer *a = &r->answer;
    struct str mark = str_of(r->client->end_mark());
    if (mark.len == 0 || !str_ends(buf_str(&a->end), mark))
        return;
    buf_adds(&a->tail, str_sub(buf_str(&a->end), 0, a->end.len - mark.len));
    buf_consume(&a->end, a->end.len - mark.len);
}

enum errc answer_seal(struct request *r)
{
    if (answer_is_streamed(r))
        split_end(r);
    return answer_err(r);
}

void answer_keep_rest(struct request *r)
{
    struct answer *a = &r->answer;
    const struct buf *const rest[] = {&a->notes, &a->batch, &a->held, &a->tail, &a->end};
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        buf_adds(&a->kept, buf_str(rest[i]));
}

void answer_finish(struct request *r)
{
    struct answer *a = &r->answer;
    if (!answer_is_streamed(r))
        return;
    start(r);
    write(r, buf_str(&a->notes));
    write(r, buf_str(&a->batch));
    write(r, buf_str(&a->held));
    write(r, buf_str(&a->tail));
}

/* What is only known at the end: a comment that every client skips, or an event for ours. */
static void write_summary(const struct request *r, const char *recorded, struct buf *out)
{
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_HEAD_LEN);
    if (!r->opt.events)
        buf_addz(&json, "llmgw ");
    settle_write_end(r, r->opt.events ? "end" : NULL, recorded, &json);
    if (buf_err(&json) != ERR_OK)
        return;
    if (r->opt.events)
        sse_write(out, "llmgw", buf_str(&json));
    else
        sse_write_comment(out, buf_str(&json));
}

static void reply_whole(struct request *r)
{
    char cost[MONEY_TEXT_LEN];
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    buf_addz(&headers, JSON);
    write_headers(r, &headers);
    money_exact(cost, r->cost_pico);
    if (r->cost_pico != PICO_UNKNOWN)
        http1_write_header(&headers, "x-llmgw-cost-usd", str_of(cost));
    http1_number_header(&headers, "x-llmgw-legs", 1 + (int64_t)r->answer.n_resets, "");
    http1_write_header(&headers, "x-llmgw-cost-source",
                       str_of(ledger_cost_source_name(r->cost_source)));
    if (settle_warning(r) != NULL)
        http1_write_header(&headers, "x-llmgw-warning", str_of(settle_warning(r)));
    if (r->facts.counts_only)
        http1_write_header(&headers, "x-llmgw-count-source",
                           r->answer.is_estimate ? STR("estimated") : STR("provider"));
    conn_reply_take(r->conn, 200, headers_or(&headers, STR(JSON)), &r->answer.whole);
}

void answer_estimate(struct request *r, int64_t input_tok)
{
    struct msg_reply reply = {.finish = MSG_FINISH_NONE};
    usage_init(&reply.usage);
    usage_set(&reply.usage, USAGE_INPUT, input_tok);
    r->answer.is_estimate = true;
    r->client->reply_encode(&reply, NULL, &r->answer.whole);
}

void answer_end(struct request *r, const char *recorded)
{
    if (!answer_is_streamed(r)) {
        reply_whole(r);
        return;
    }
    AUTO(buf_release) struct buf last = BUF_INIT(LIMIT_EVENT_LEN);
    struct str end = buf_str(&r->answer.end);
    write_summary(r, recorded, &last);
    buf_adds(&last, end);
    /* for want of memory the summary is left out, never the end */
    conn_write(r->conn, buf_err(&last) == ERR_OK ? buf_str(&last) : end);
    conn_reply_end(r->conn);
}

/* ---- errors ---- */

static void write_attempts(const struct request *r, struct buf *out)
{
    char name[TARGET_NAME_LEN];
    struct jw w;
    jw_init(&w, out);
    jw_array(&w);
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct attempt_row *row = r->rows[i];
        jw_object(&w);
        jw_kstrz(&w, "target", target_name(row->target, name));
        jw_kstrz(&w, "class", errc_name(row->err.code));
        if (row->http_status != 0)
            jw_ki64(&w, "status", row->http_status);
        jw_ki64(&w, "ms", (row->end_us - row->start_us) / US_PER_MS);
        jw_object_end(&w);
    }
    jw_array_end(&w);
}

static bool was_asked(const struct request *r, const struct conf_target *t)
{
    for (size_t i = 0; i < r->n_rows; i++)
        if (strcmp(r->rows[i]->target->provider, t->provider) == 0 &&
            strcmp(r->rows[i]->target->model, t->model) == 0)
            return true;
    return false;
}

/* Could another target do better with this request, or is it wrong everywhere? */
static bool is_worth_asking(const struct request *r)
{
    enum errc class = r->err.code;
    if (class == ERR_INVALID) /* the gateway's own word is about one target's dialect */
        return r->err.origin == ERR_BY_GATEWAY;
    if (class == ERR_TOO_LARGE) /* above one target's budget for a minute */
        return r->n_rows > 0;
    return class != ERR_AUTH && class != ERR_FILTER && class != ERR_CANCELLED &&
           class != ERR_MEMORY;
}

/* Would it have served what this one could not? */
static bool is_fallback(struct request *r, const struct candidate *c)
{
    const struct target_model *m = &r->prospects[c->target].model;
    if (was_asked(r, &r->targets[c->target]))
        return false;
    if (r->err.code == ERR_CONTEXT && m->context_tok <= r->too_small_tok)
        return false;
    /* what one could not be sent may be beyond the next, too */
    return r->err.code != ERR_INVALID || attempt_would_take(r, c->target);
}

static size_t add_fallbacks(struct request *r, struct jw *w)
{
    char name[TARGET_NAME_LEN];
    size_t n = 0;
    request_decide(r, false);
    size_t n_looks = MIN(r->decision.n_usable, (size_t)FALLBACKS_LOOK);
    for (size_t i = 0; i < n_looks && n < FALLBACKS_MAX; i++) {
        const struct candidate *c = &r->decision.items[i];
        if (is_fallback(r, c)) {
            jw_strz(w, target_name(&r->targets[c->target], name));
            n++;
        }
    }
    return n;
}

/* What no route has, but the catalogue: those that the message names, too. */
static void add_able(const struct request *r, struct jw *w)
{
    struct able able[ABLE_MOST];
    char name[TARGET_NAME_LEN];
    size_t n = request_find_able(r, able, ARRAY_LEN(able));
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s/%s", able[i].provider, able[i].model);
        jw_strz(w, name);
    }
}

/*
 * Names of what would have served it, best first, to be asked for as they stand: other candidates
 * of its own, else those of other routes, else models of its kind.
 */
static void write_fallbacks(struct request *r, struct buf *out)
{
    struct err ignored = ERR_INIT;
    struct jw w;
    bool is_of_other_mode = r->n_rows == 0 && candidate_is_of_other_mode(&r->decision);
    jw_init(&w, out);
    jw_array(&w);
    size_t n = 0;
    if (r->n_targets > 0 && is_worth_asking(r)) {
        n = add_fallbacks(r, &w);
        bool is_wanted = n == 0 && !r->opt.no_fallback;
        if (is_wanted && request_widen(r, &ignored) == ERR_OK && r->n_targets > 0)
            n = add_fallbacks(r, &w);
        if (is_wanted && n == 0 && is_of_other_mode)
            add_able(r, &w);
    }
    jw_array_end(&w);
}

/* SDKs obey these; what the gateway has retried already is not to be retried on top of it. */
static void write_retry_headers(const struct request *r, struct buf *out)
{
    const struct err *e = &r->err;
    bool is_told = e->retry_after_us >= 0 && !r->is_hint_ours;
    bool is_soon = is_told && e->retry_after_us <= RETRY_AFTER_MAX_US;
    bool is_fresh = !is_told && r->n_rows <= 1;
    bool may_retry = errc_is_retryable(e->code) && (is_soon || is_fresh);
    http1_write_header(out, "x-should-retry", may_retry ? STR("true") : STR("false"));
    if (e->retry_after_us < 0 || !errc_is_retryable(e->code))
        return;
    http1_printf_header(out, "retry-after", "%" PRId64,
                        (e->retry_after_us + US_PER_S - 1) / US_PER_S);
    http1_printf_header(out, "retry-after-ms", "%" PRId64,
                        (e->retry_after_us + US_PER_MS - 1) / US_PER_MS);
}

static void reply_error(struct request *r, const struct error_ext *x)
{
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_REPLY_LEN);
    buf_addz(&headers, JSON);
    write_headers(r, &headers);
    write_retry_headers(r, &headers);
    r->client->error_body(&r->err, x, &body);
    conn_reply(r->conn, r->client->error_status(&r->err), headers_or(&headers, STR(JSON)),
               buf_err(&body) == ERR_OK ? buf_str(&body) : STR(NO_MEMORY));
}

/* Without an end mark: what was shown is not the whole answer. */
static void stream_error(struct request *r, const struct error_ext *x)
{
    AUTO(buf_release) struct buf last = BUF_INIT(LIMIT_REPLY_LEN);
    write_summary(r, settle_recorded(r), &last);
    r->client->error_event(&r->err, x, &last);
    if (buf_err(&last) != ERR_OK) {
        conn_reply_abort(r->conn);
        return;
    }
    conn_write(r->conn, buf_str(&last));
    conn_reply_end(r->conn);
}

/* The error's event follows those that were seen. */
static int64_t next_sequence(const struct answer *a)
{
    if (!a->is_seen)
        return 0;
    return a->end.len > 0 ? a->end_sequence : a->sequence;
}

void answer_error(struct request *r)
{
    AUTO(buf_release) struct buf attempts = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf fallbacks = BUF_INIT(LIMIT_REPLY_LEN);
    const struct attempt_row *row = last_row(r);
    bool is_unfit = r->err.code == ERR_UNUSABLE && buf_err(&r->answer.unfit) == ERR_OK;
    write_attempts(r, &attempts);
    write_fallbacks(r, &fallbacks);
    const struct error_ext x = {
        .request_id = r->id,
        .provider = row != NULL ? row->target->provider : "",
        .n_attempts = (int)r->n_rows,
        .attempts = buf_str(&attempts),
        .fallbacks = buf_str(&fallbacks),
        .answer = is_unfit ? buf_str(&r->answer.unfit) : STR_NONE,
        .sequence = next_sequence(&r->answer),
        .id = r->answer.is_seen ? r->answer.id : "",
    };
    if (conn_has_replied(r->conn))
        stream_error(r, &x);
    else
        reply_error(r, &x);
}
