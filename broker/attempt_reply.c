/*
 * attempt_reply.c: an answer that is no stream, as its client wants it; embeddings are
 * attempt_embed.c's.
 */
#include "broker/attempt_priv.h"

void attempt_reset_reply(struct attempt *a)
{
    buf_reset(&a->reply);
    jcheck_free(&a->check);
}

void attempt_pass_reply(struct attempt *a)
{
    struct buf reply = a->reply; /* it may be long, and both may be as long as any */
    a->reply = a->r->answer.whole;
    a->r->answer.whole = reply;
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

static void keep_text(struct request *r, const struct msg_reply *reply)
{
    for (size_t i = 0; i < reply->n_parts; i++)
        if (reply->parts[i].kind == MSG_TEXT)
            buf_adds(&r->answer.text, reply->parts[i].text);
}

enum errc attempt_take_reply(struct attempt *a, struct err *e)
{
    struct request *r = a->r;
    struct msg_reply reply;
    bool is_recorded = r->record == CONF_RECORD_FULL;
    if (a->is_crossed || is_recorded) {
        enum errc rc =
            a->ops->reply_decode(buf_str(&a->reply), a->model.kind, &r->arena, &reply, e);
        if (rc != ERR_OK && a->is_crossed)
            return rc;
        if (rc == ERR_OK && is_recorded)
            keep_text(r, &reply);
    }
    if (!a->is_crossed) {
        attempt_pass_reply(a);
        return ERR_OK;
    }
    without_echo(a, &reply);
    fit_hear_reply(&a->fit, &reply);
    attempt_keep_state(a, &reply);
    attempt_encode(a, &reply);
    return ERR_OK;
}
