/*
 * play.c: an answer as bytes and pauses, spoiled as the plan says. No I/O and no clock: the
 * server sends what is appended, waits as told, and asks again.
 *
 *     BEGIN ─wait→ HEAD ─first→ EVENTS (a stream)  → DONE, FIN, RST or HANG
 *                            └→ BODY   (all else)  → the same
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { BURST_LEN = 256 * 1024 }; /* bytes made per step when batch=0 */

static const char html_page[] =
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 "
    "Bad "
    "Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

void play_init(struct play *p, const struct sim_dialect *d, const struct plan *plan,
               uint64_t id, int64_t wall_us, bool keep_alive)
{
    *p = (struct play){.dialect = d, .plan = plan, .id = id, .wall_us = wall_us};
    p->keep_alive = keep_alive;
    buf_init(&p->body, LIMIT_REPLY_LEN * (size_t)2);
    p->content_type = "application/json";
    p->status = 200;
    p->state = PS_BEGIN;
}

bool play_answer(struct play *p, const struct ask *ask, uint64_t seed)
{
    if (!answer_init(&p->answer, ask, p->plan, p->id, seed, p->wall_us))
        return false;
    p->streaming = ask->stream && !p->plan->html && !p->plan->empty;
    if (p->streaming) {
        p->content_type = p->dialect->stream_type;
        if (p->content_type == NULL)
            p->content_type = "text/event-stream; charset=utf-8";
    } else if (p->plan->inband >= 0) {
        struct fault f;
        fault_of_plan(p->plan, p->dialect, &f);
        p->dialect->error(&f, p->id, &p->body);
    } else if (ask->is_embed) {
        p->dialect->embed_whole(&p->answer, &p->body);
    } else {
        p->dialect->whole(&p->answer, &p->body);
    }
    play_body(p, 200, p->content_type);
    return buf_err(&p->body) == ERR_OK;
}

void play_fault(struct play *p, const struct fault *f)
{
    p->dialect->error(f, p->id, &p->body);
    play_body(p, f->status, "application/json");
    p->error_type = f->html ? NULL : f->type;
    if (f->html && !p->plan->html)
        buf_reset(&p->body), buf_addz(&p->body, html_page), p->content_type = "text/html";
}

/* The framing, and what the plan makes of a body that is sent at once. */
void play_body(struct play *p, int status, const char *content_type)
{
    const struct plan *plan = p->plan;
    p->status = status;
    p->content_type = content_type;
    if (plan->html || plan->empty) {
        buf_reset(&p->body);
        buf_addz(&p->body, plan->html ? html_page : "");
        p->content_type = "text/html";
    }
    if (plan->garble >= 0 && !p->streaming)
        buf_truncate(&p->body, p->body.len / 2);
    if (plan->content_type != NULL)
        p->content_type = plan->content_type;
    p->framing = (enum plan_framing)plan->framing;
    if (p->framing == FRAMING_AUTO || (p->streaming && p->framing == FRAMING_LENGTH))
        p->framing = p->streaming ? FRAMING_CHUNKED : FRAMING_LENGTH;
    if (p->framing == FRAMING_EOF)
        p->keep_alive = false;
}

void play_release(struct play *p)
{
    buf_release(&p->body);
}

static void write_lines(struct buf *out, struct str lines)
{
    struct str line;
    while (str_split(&lines, '\n', &line)) {
        char name[128];
        size_t colon = str_find(line, ':');
        snprintf(name, sizeof name, "%.*s", STR_ARG(str_sub(line, 0, colon)));
        http1_write_header(out, name, str_trim(str_sub(line, colon + 1, line.len)));
    }
}

static void write_padding(struct buf *out, size_t len)
{
    buf_addz(out, "x-padding: ");
    char *at = buf_room(out, len);
    if (at != NULL) {
        memset(at, 'p', len);
        buf_grown(out, len);
    }
    buf_addz(out, "\r\n");
}

static void write_head(struct play *p, struct buf *out)
{
    const struct plan *plan = p->plan;
    http1_write_status(out, p->status);
    http1_write_header(out, "content-type", str_of(p->content_type));
    p->dialect->headers(plan, p->id, p->wall_us, out);
    if (p->error_type != NULL && p->dialect->error_headers != NULL)
        p->dialect->error_headers(p->error_type, out);
    if (plan->retry_after != NULL)
        http1_write_header(out, "retry-after", str_of(plan->retry_after));
    if (plan->retry_after_ms != NULL)
        http1_write_header(out, "retry-after-ms", str_of(plan->retry_after_ms));
    write_lines(out, str_of(plan->headers));
    if (plan->big_head > 0)
        write_padding(out, (size_t)plan->big_head);
    if (p->framing == FRAMING_CHUNKED)
        http1_write_header(out, "transfer-encoding", STR("chunked"));
    else if (p->framing == FRAMING_LENGTH)
        http1_printf_header(out, "content-length", "%zu", p->body.len);
    http1_write_header(out, "connection",
                       p->keep_alive ? STR("keep-alive") : STR("close"));
    http1_write_end(out);
}

static struct play_step stop(struct play *p, enum play_verb verb, const char *end)
{
    p->end = end;
    return (struct play_step){verb, 0};
}

static struct play_step finish(struct play *p, struct buf *out, const char *end)
{
    if (p->framing == FRAMING_CHUNKED)
        http1_write_last_chunk(out);
    return stop(p, p->keep_alive ? PLAY_DONE : PLAY_FIN, end);
}

/* The answer ends before its end. */
static struct play_step cut(struct play *p, struct buf *out, const char *end)
{
    if (p->plan->by == CUT_BY_END)
        return finish(p, out, end);
    return stop(p, p->plan->by == CUT_BY_RST ? PLAY_RST : PLAY_FIN, end);
}

/* Frames body bytes; false when the plan cuts in them. */
static bool emit(struct play *p, struct str bytes, struct buf *out)
{
    const struct plan *plan = p->plan;
    bool whole = plan->cut_byte < 0 || p->n_body + (int64_t)bytes.len <= plan->cut_byte;
    if (!whole)
        bytes = str_sub(bytes, 0, (size_t)(plan->cut_byte - p->n_body));
    p->n_body += (int64_t)bytes.len;
    if (p->framing == FRAMING_CHUNKED)
        http1_write_chunk(out, bytes);
    else
        buf_adds(out, bytes);
    return whole;
}

static bool emit_made(struct play *p, struct buf *out)
{
    bool whole = emit(p, buf_str(&p->body), out);
    buf_reset(&p->body);
    return whole;
}

static struct play_step stall(struct play *p)
{
    p->has_stalled = true;
    if (p->plan->stall_for_us == 0)
        return stop(p, PLAY_HANG, "stalled");
    return (struct play_step){PLAY_ON, p->plan->stall_for_us};
}

static struct play_step in_band(struct play *p, struct buf *out)
{
    struct fault f;
    fault_of_plan(p->plan, p->dialect, &f);
    p->dialect->in_band(&f, p->id, &p->body);
    emit_made(p, out);
    return p->plan->by == CUT_BY_RST ? cut(p, out, "in-band") : finish(p, out, "in-band");
}

/* A fault that is due before the next event; the first piece has number 0. */
static bool is_due(const struct play *p, int64_t at)
{
    return at >= 0 && p->n_pieces >= at && p->answer.next >= EV_PIECE;
}

static struct play_step events(struct play *p, struct buf *out)
{
    const struct plan *plan = p->plan;
    struct event ev;
    for (int64_t n = 0;;) {
        if (is_due(p, plan->garble) && !p->has_garbled) {
            p->has_garbled = true;
            if (p->dialect->garble != NULL)
                p->dialect->garble(&p->body);
            else
                buf_addz(&p->body, p->dialect->garbled);
            emit_made(p, out);
        }
        if (is_due(p, plan->stall) && !p->has_stalled)
            return stall(p);
        if (is_due(p, plan->inband))
            return in_band(p, out);
        if (is_due(p, plan->cut))
            return cut(p, out, "cut");
        if (!answer_next(&p->answer, &ev))
            return finish(p, out, "whole");
        p->dialect->event(&p->answer, &ev, &p->body);
        if (!emit_made(p, out))
            return cut(p, out, "cut");
        if (ev.kind == EV_FINISH && plan->usage_after_us > 0)
            return (struct play_step){PLAY_ON, plan->usage_after_us};
        if (ev.kind != EV_PIECE)
            continue;
        p->n_pieces++;
        if (++n == plan->batch || out->len > BURST_LEN)
            return (struct play_step){PLAY_ON, plan->gap_us};
    }
}

/* A body that is no stream: what spoils a stream after n pieces spoils it in the middle. */
static struct play_step body(struct play *p, struct buf *out)
{
    const struct plan *plan = p->plan;
    struct str all = buf_str(&p->body), rest = str_sub(all, (size_t)p->n_body, all.len);
    bool halved = plan->cut >= 0 || (plan->stall >= 0 && !p->has_stalled);
    if (!emit(p, halved ? str_sub(rest, 0, rest.len / 2) : rest, out))
        return cut(p, out, "cut");
    if (plan->stall >= 0 && !p->has_stalled)
        return stall(p);
    if (plan->cut >= 0)
        return cut(p, out, "cut");
    p->n_pieces = text_count(p->answer.n_parts ? p->answer.parts[0].text : STR_NONE);
    return finish(p, out, "whole");
}

static struct play_step head(struct play *p, struct buf *out)
{
    const struct plan *plan = p->plan;
    if (plan->reset)
        return stop(p, PLAY_RST, "reset");
    if (plan->close)
        return stop(p, PLAY_FIN, "closed");
    write_head(p, out);
    p->state = p->streaming ? PS_EVENTS : PS_BODY;
    if (plan->first_us > 0)
        return (struct play_step){PLAY_ON, plan->first_us};
    return p->streaming ? events(p, out) : body(p, out);
}

struct play_step play_next(struct play *p, struct buf *out)
{
    switch (p->state) {
    case PS_BEGIN:
        if (p->plan->silent)
            return stop(p, PLAY_HANG, "silent");
        p->state = PS_HEAD;
        return (struct play_step){PLAY_ON, p->plan->wait_us};
    case PS_HEAD:
        return head(p, out);
    case PS_EVENTS:
        return events(p, out);
    case PS_BODY:
        return body(p, out);
    }
    return stop(p, PLAY_FIN, "closed");
}
