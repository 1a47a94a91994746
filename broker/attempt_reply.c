/*
 * attempt_reply.c: an answer that is no stream, as its client wants it; embeddings may take several
 * calls.
 */
#include "core/vector.h"

#include "broker/attempt_priv.h"

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

bool attempt_has_more(const struct attempt *a)
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

enum errc attempt_take_reply(struct attempt *a, struct err *e)
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
    if (a->n_had > 0 || attempt_has_more(a)) {
        if (keep_part(a, &reply, e) != ERR_OK || attempt_has_more(a))
            return e->code;
        reply = a->had;
    }
    fit_hear_reply(&a->fit, &reply);
    attempt_keep_state(a, &reply);
    attempt_encode(a, &reply);
    return ERR_OK;
}

void attempt_ask_on(struct attempt *a)
{
    struct err e = ERR_INIT;
    attempt_spend(a);
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
        attempt_broken(a, &e);
    else
        loop_later(a->r->b->loop, &a->task);
}
