/*
 * dialect_reply.c: what decoders and encoders of answers share.
 */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

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

/* ---- decoders ---- */

void decoder_init(struct decoder *d, const struct provider_kind *kind)
{
    *d = (struct decoder){.kind = kind,
                          .text = BUF_INIT(LIMIT_REPLY_LEN),
                          .name = BUF_INIT(LIMIT_REPLY_LEN),
                          .more = BUF_INIT(LIMIT_REPLY_LEN),
                          .logprobs = BUF_INIT(LIMIT_REPLY_LEN)};
    usage_init(&d->usage);
}

void decoder_release(struct decoder *d)
{
    buf_release(&d->text);
    buf_release(&d->name);
    buf_release(&d->more);
    buf_release(&d->logprobs);
}

struct event_decoder *decoder_alloc(size_t size, const struct provider_kind *kind)
{
    struct decoder *d = mem_alloc(1, size);
    if (d != NULL)
        decoder_init(d, kind);
    return (void *)d; /* it begins with that */
}

void decoder_free(struct event_decoder **dp)
{
    if (*dp != NULL)
        decoder_release((void *)*dp);
    mem_free(*dp);
    *dp = NULL;
}

void decode_usage(struct decoder *d, enum usage_wire wire, struct str t, struct jspan v,
                  struct delta_out *o)
{
    struct err ignored = ERR_INIT;
    if (v.kind == J_OBJECT &&
        usage_parse(wire, str_of(d->kind->catalog), jscan_text(t, v), &d->usage, NULL,
                    &ignored) == ERR_OK)
        put_delta(o, &(struct msg_delta){.kind = MSG_D_USAGE, .usage = &d->usage});
}

static enum errc collect_delta(void *collect, const struct msg_delta *d, struct err *e)
{
    return msg_collect_delta(collect, d, e);
}

struct delta_out collect_begin(struct msg_collect *c, struct arena *a, struct err *e)
{
    msg_collect_init(c, a);
    return (struct delta_out){collect_delta, c, e, ERR_OK};
}

enum errc collect_end(struct msg_collect *c, struct delta_out *o, struct msg_reply *ret)
{
    if (o->rc == ERR_OK)
        *ret = *msg_collect_reply(c);
    if (o->rc == ERR_OK && arena_is_broken(c->arena))
        o->rc = err_set(o->e, ERR_MEMORY, "no memory for the answer");
    msg_collect_release(c);
    return o->rc;
}

/* ---- what is told of an answer ---- */

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

void citation_write_address(struct jw *w, const struct msg_citation *c)
{
    bool is_result = c->result.len > 0;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)c->document);
    jw_ki64(w, "start_index", c->start);
    jw_ki64(w, "end_index", c->end);
    jw_kstr(w, "title", is_result ? c->result : c->title);
    jw_key(w, "url");
    jw_string(w);
    jw_string_add(w, is_result ? STR("tool:") : STR("document:"));
    jw_string_add(w, is_result ? c->result : str_of(number));
    jw_string_end(w);
}

unsigned scan_bare(const struct scan_state *s, struct str raw, struct err *e)
{
    struct err ignored = ERR_INIT;
    struct str t = str_trim(raw);
    bool is_json = str_starts(t, STR("{")) || str_starts(t, STR("["));
    if (is_json && jscan_check(t, &ignored) == ERR_OK && error_in_band(s->kind, t, e))
        return EV_ERROR;
    return EV_PING;
}

unsigned scan_usage(struct scan_state *s, enum usage_wire wire, struct str text,
                    struct jspan v)
{
    struct usage u;
    bool mismatch = false;
    struct err ignored;
    err_clear(&ignored);
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

static void scan_choice(struct scan_state *s, int64_t index, bool is_open)
{
    uint64_t bit = (uint64_t)1 << (index & 63);
    if (index >= 128)
        return;
    s->open[index / 64] =
        is_open ? s->open[index / 64] | bit : s->open[index / 64] & ~bit;
}

void scan_choice_goes_on(struct scan_state *s, int64_t index)
{
    scan_choice(s, index, true);
}

void scan_choice_ends(struct scan_state *s, int64_t index)
{
    scan_choice(s, index, false);
}

bool scan_is_finished(const struct scan_state *s)
{
    return s->finish != MSG_FINISH_NONE && s->open[0] == 0 && s->open[1] == 0;
}

unsigned scan_again(struct scan_state *s, struct str t)
{
    struct scan_again *a = &s->again;
    size_t around = a->before_len + a->after_len;
    struct err ignored;
    err_clear(&ignored);
    if (a->before_len > 0 && t.len > around &&
        memcmp(t.ptr, a->bytes, a->before_len) == 0 &&
        memcmp(t.ptr + t.len - a->after_len, a->bytes + a->before_len, a->after_len) ==
            0) {
        struct jspan text = {J_STRING, a->before_len - 1, t.len - around + 2, NULL};
        if (jscan_check(jscan_text(t, text), &ignored) == ERR_OK) {
            s->output_len += json_decoded_len(t, text);
            return a->flags;
        }
    }
    a->before_len = a->after_len = 0;
    s->text = (struct jspan){0};
    return 0;
}

size_t scan_told_len(const struct scan_state *s)
{
    return s->output_len + s->reasoning_len;
}

void scan_remember(struct scan_state *s, struct str t, unsigned flags, size_t had_len)
{
    struct scan_again *a = &s->again;
    if ((flags & ~(unsigned)EV_NO_USAGE) != EV_CONTENT || s->text.kind != J_STRING ||
        scan_told_len(s) - had_len != json_decoded_len(t, s->text))
        return; /* there is more to it than this text */
    size_t before_len = s->text.pos + 1, after_from = s->text.pos + s->text.len - 1;
    size_t after_len = t.len - after_from;
    if (before_len + after_len > sizeof a->bytes)
        return;
    memcpy(a->bytes, t.ptr, before_len);
    memcpy(a->bytes + before_len, t.ptr + after_from, after_len);
    a->before_len = before_len;
    a->after_len = after_len;
    a->flags = flags;
}

enum errc reply_broken(struct err *e, const char *why)
{
    err_set(e, ERR_SERVER, "%s", why);
    e->origin = ERR_BY_PROVIDER;
    return e->code;
}

enum errc reply_check(struct str body, struct err *e)
{
    struct err why = ERR_INIT;
    if (jscan_check(body, &why) == ERR_OK)
        return ERR_OK;
    err_set(e, ERR_SERVER, "the provider's answer is not JSON: %s", why.text);
    e->origin = ERR_BY_PROVIDER;
    return e->code;
}

enum errc reply_open(const struct provider_kind *kind, struct str body, struct err *e)
{
    if (reply_check(body, e) == ERR_OK)
        error_in_band(kind, body, e);
    return e->code;
}
