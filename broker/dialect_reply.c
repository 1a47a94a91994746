/*
 * dialect_reply.c: what decoders and encoders of answers share.
 */
#include <stdio.h>

#include "broker/dialect_priv.h"

void put_delta(struct delta_out *o, const struct msg_delta *d)
{
    if (o->rc == ERR_OK)
        o->rc = o->fn(o->arg, d, o->e);
}

void put_text(struct delta_out *o, enum msg_delta_kind kind, struct str text)
{
    if (text.len > 0)
        put_delta(o, &(struct msg_delta){.kind = kind, .text = text});
}

struct str scratch_str(struct delta_out *o, struct buf *scratch, struct str t,
                       struct jspan v)
{
    buf_reset(scratch);
    if (v.kind != J_STRING)
        return STR_NONE;
    enum errc rc = jscan_string(t, v, scratch);
    if (rc == ERR_OK)
        return buf_str(scratch);
    if (o->rc == ERR_OK)
        o->rc = err_set(o->e, rc, "no room for the provider's answer");
    return STR_NONE;
}

enum errc collect_delta(void *collect, const struct msg_delta *d, struct err *e)
{
    return msg_collect_delta(collect, d, e);
}

void answer_id(const char *prefix, struct str id, const char *request_id, char out[128])
{
    if (str_starts(id, str_of(prefix)) && id.len < 128)
        snprintf(out, 128, "%.*s", STR_ARG(id));
    else
        snprintf(out, 128, "%s%s", prefix, request_id != NULL ? request_id : "");
}

void call_id(const char *prefix, struct str id, const char *request_id, unsigned index,
             char out[128])
{
    if (id.len > 0 && id.len < 128)
        snprintf(out, 128, "%.*s", STR_ARG(id));
    else
        snprintf(out, 128, "%s%s_%u", prefix, request_id != NULL ? request_id : "",
                 index);
}

unsigned scan_usage(struct scan_state *s, enum usage_wire wire, struct str text,
                    struct jspan v)
{
    struct usage u;
    bool mismatch = false;
    struct err ignored = ERR_INIT;
    if (v.kind != J_OBJECT ||
        usage_parse(wire, str_of(s->kind->catalog), jscan_text(text, v), &u, &mismatch,
                    &ignored) != ERR_OK)
        return 0;
    s->usage = u;
    s->has_usage = true;
    s->usage_mismatch = mismatch;
    s->told_tok = mismatch ? usage_told_tok(jscan_text(text, v)) : -1;
    return EV_USAGE;
}

enum errc reply_check(struct str body, struct err *e)
{
    struct err why = ERR_INIT;
    if (jscan_check(body, &why) == ERR_OK)
        return ERR_OK;
    return err_set(e, ERR_SERVER, "the provider's answer is not JSON: %s", why.text);
}
