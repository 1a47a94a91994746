/*
 * attempt_stream.c: a provider's event stream, event by event: to the client as it came, or through
 * deltas into the client's dialect; what it means for the request; its end, told or not.
 */
#include <inttypes.h>
#include <string.h>

#include "broker/attempt_priv.h"

bool attempt_has_content(const struct attempt *a)
{
    return a->row->first_token_us != 0;
}

static void on_content(struct attempt *a)
{
    struct request *r = a->r;
    if (attempt_has_content(a)) {
        answer_reopen(r);
        return;
    }
    a->row->first_token_us = attempt_wall_us(a);
    request_on_content(r);
}

/* Of several choices all that have begun must have ended: some servers give fewer than asked. */
static bool has_finished(const struct attempt *a)
{
    return a->r->facts.n > 1 ? scan_is_finished(&a->scan)
                             : a->scan.finish != MSG_FINISH_NONE;
}

static void on_finish(struct attempt *a)
{
    if (a->r->answer.is_finished || !has_finished(a))
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
                    (d->kind == MSG_D_TEXT && attempt_signs_text(a));
    if (a->thoughts == NULL)
        return;
    if (d->kind == MSG_D_FINISH)
        attempt_keep_state(a, msg_collect_reply(a->thoughts));
    else if (is_state && msg_collect_delta(a->thoughts, d, &ignored) != ERR_OK) {
        msg_collect_release(a->thoughts);
        a->thoughts = NULL;
    }
}

static enum errc tell_delta(struct attempt *a, const struct msg_delta *d, struct err *e)
{
    struct request *r = a->r;
    if (d->kind == MSG_D_TEXT && d->choice == 0 && r->record == CONF_RECORD_FULL)
        buf_adds(&r->answer.text, d->text);
    fit_hear(&a->fit, d);
    hear_state(a, d);
    if (a->collect != NULL)
        return msg_collect_delta(a->collect, d, e);
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

/* What a stream reports is of its piece of the answer; the client hears of all together. */
static enum errc on_decoded(void *arg, const struct msg_delta *d, struct err *e)
{
    struct attempt *a = OBJ(attempt, arg);
    struct msg_delta sum = *d;
    struct usage all = a->spent;
    if (d->choice >= MAX(a->r->facts.n, 1))
        return ERR_OK; /* nobody asked for it, and most dialects have no place for it */
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
    else if ((flags & EV_PING) != 0 && !attempt_has_content(a))
        return; /* signs of life before the first content are ours to give */
    else if ((flags & (EV_USAGE | EV_NO_USAGE)) != 0 && is_unasked)
        (void)a->ops->strip_usage(ev, answer_sink(r)); /* nothing may be left of it */
    else
        buf_adds(answer_sink(r), ev->raw);
}

/*
 * An end mark without a finish is what a server sends whose own upstream was cut: no success, even
 * where the bytes would pass as they came.
 * Source: OpenAI's stream has a finish_reason before [DONE], always (API reference, 2026-08).
 */
static void on_end(struct attempt *a)
{
    struct err e = ERR_INIT;
    bool is_finished = a->is_crossed ? a->r->answer.is_finished : has_finished(a);
    if (is_finished) {
        attempt_whole(a);
        return;
    }
    err_set(&e, attempt_has_content(a) ? ERR_INTERRUPTED : ERR_SERVER,
            "the provider ended its stream without saying why");
    e.origin = ERR_BY_PROVIDER;
    attempt_broken(a, &e);
}

static enum errc on_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct attempt *a = OBJ(attempt, arg);
    struct err why;
    err_clear(&why);
    unsigned flags = a->ops->scan_event(&a->scan, ev, &why);
    if ((flags & EV_MALFORMED) != 0) {
        a->r->b->metrics.n_malformed_events++;
        return ERR_OK;
    }
    if ((flags & EV_ERROR) != 0 && !a->r->answer.is_finished)
        attempt_broken(a, &why);
    else if ((flags & EV_ERROR) != 0)
        attempt_end_stream(a); /* the answer was complete before it */
    if (a->outcome != GOING_ON)
        return ERR_CANCELLED;
    if ((flags & EV_CONTENT) != 0)
        on_content(a);
    else if ((flags & EV_REASONING) != 0 && !attempt_has_content(a))
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

void attempt_feed(struct attempt *a, struct str bytes)
{
    struct request *r = a->r;
    struct err e;
    err_clear(&e);
    enum errc rc = a->ops->is_binary
                       ? eventstream_feed(&a->messages, bytes, on_event, a, &e)
                       : sse_feed(&a->sse, bytes, on_event, a, &e);
    if (rc == ERR_SYNTAX) /* bytes are lost, or were never of a stream */
        e.code = attempt_has_content(a) ? ERR_INTERRUPTED : ERR_NETWORK;
    if (rc != ERR_OK && a->outcome == GOING_ON) {
        attempt_blame_provider(&e);
        attempt_broken(a, &e);
    }
    if (answer_err(r) != ERR_OK) {
        err_set(&e, answer_err(r), "no room to hold the answer back");
        attempt_blame_provider(&e);
        attempt_broken(a, &e);
    }
    if (a->scan.output_len + a->scan.reasoning_len > a->max_output_len) {
        err_set(&e, ERR_REFUSED, "the output has passed its cap of %" PRId64 " tokens",
                r->bounds.cap_tok);
        attempt_broken(a, &e);
    }
    answer_flush(r);
    if (attempt_has_content(a) && !r->answer.is_finished && !upstream_is_paused(a->xfer))
        request_timer_set(r, TIMER_GAP, r->rules.gap_us);
}

void attempt_end_stream(struct attempt *a)
{
    struct request *r = a->r;
    struct err ignored = ERR_INIT;
    attempt_whole(a);
    if (a->outcome != WHOLE || a->collect != NULL)
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
