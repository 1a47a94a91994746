/*
 * dry.c: see dry.h. Owns the JSON of a dry run: the broker's decision, with what only the client
 * knows put in; the text is made from that JSON, so that both tell the same.
 */
#include "cmd/dry.h"

#include <string.h>

#include "core/jsonx.h"
#include "core/mem.h"

#include "cmd/explain.h"
#include "cmd/link.h"
#include "cmd/out.h"
#include "cmd/stale.h"

static void write_part(struct jw *w, const char *name, size_t len)
{
    jw_object(w);
    jw_kstrz(w, "name", name);
    jw_ki64(w, "bytes", (int64_t)len);
    jw_object_end(w);
}

/* Bytes of text in the system message, which is JSON with a comma behind, or nothing. */
static size_t system_len(struct str json)
{
    AUTO(jx_put) struct json_object *message = NULL;
    struct err ignored = ERR_INIT;
    if (json.len == 0 ||
        jx_parse(str_sub(json, 0, json.len - 1), &message, &ignored) != ERR_OK)
        return 0;
    return jx_str(message, "content").len;
}

static void write_parts(const struct session *s, const struct prompt *p,
                        size_t earlier_len, struct jw *w)
{
    size_t len = system_len(buf_str(&s->system));
    jw_key(w, "parts");
    jw_array(w);
    if (len > 0)
        write_part(w, "system", len);
    if (earlier_len > 0)
        write_part(w, "earlier turns", earlier_len);
    for (size_t i = 0; i < p->n_parts; i++)
        write_part(w, p->parts[i].name, p->parts[i].len);
    jw_array_end(w);
}

/* The header lines as an object of arrays; of a key only whose it is. */
static void write_headers(struct str lines, struct jw *w)
{
    struct str line, name, value;
    jw_key(w, "headers");
    jw_array(w);
    while (str_split(&lines, '\n', &line)) {
        value = str_ends(line, STR("\r")) ? str_sub(line, 0, line.len - 1) : line;
        if (value.len == 0 || !str_split(&value, ':', &name))
            continue;
        value = str_trim(value);
        bool is_key = str_ieqz(name, "x-llmgw-provider-key");
        jw_object(w);
        jw_kstr(w, "name", name);
        jw_kstr(w, "value", is_key ? str_sub(value, 0, str_find(value, '=')) : value);
        if (is_key)
            jw_kbool(w, "redacted", true);
        jw_object_end(w);
    }
    jw_array_end(w);
}

/* Puts our members before the first one of the broker's object. */
static enum errc merge(struct str decision, struct str ours, struct buf *out,
                       struct err *e)
{
    size_t brace = str_find(decision, '{');
    if (brace == decision.len)
        return err_set(e, ERR_BROKER, "the broker's answer is no JSON object");
    buf_adds(out, str_sub(ours, 0, ours.len - 1)); /* without its "}" */
    buf_addc(out, ',');
    buf_adds(out, str_sub(decision, brace + 1, decision.len));
    if (!str_ends(buf_str(out), STR("\n")))
        buf_addc(out, '\n');
    return buf_err(out) == ERR_OK
               ? ERR_OK
               : err_set(e, buf_err(out), "the decision is too long to show");
}

static enum errc show(struct session *s, struct str json, struct str body, struct err *e)
{
    AUTO(jx_put) struct json_object *decision = NULL;
    AUTO(buf_release) struct buf text = BUF_INIT(2 * LIMIT_BODY_LEN);
    enum cmd_format format = cmd_format(s->ctx, cmd_find(str_of(s->ctx->command)));
    bool is_json = format == FORMAT_JSON || format == FORMAT_JSONL;
    enum errc rc = jx_parse(json, &decision, e);
    if (rc != ERR_OK)
        return rc;
    if (!is_json)
        explain_write(decision, &text);
    if (s->ctx->global.verbose > 0)
        buf_printf(&text, "\n%.*s\n", STR_ARG(body));
    rc = out_write(s->ctx, is_json ? json : buf_str(&text), e);
    return rc == ERR_OK ? explain_verdict(decision, e) : rc;
}

/* What would be sent, and what the broker says of it. */
struct dry {
    struct buf headers, body, decision;
};

static void release(struct dry *d)
{
    mem_wipe(d->headers.data, d->headers.cap);
    buf_release(&d->headers);
    buf_release(&d->body);
    buf_release(&d->decision);
}

static enum errc decide(struct session *s, struct dry *d, struct err *e)
{
    const char *model, *route;
    AUTO(buf_release) struct buf messages = BUF_INIT(LIMIT_BODY_LEN);
    release(d);
    d->headers = (struct buf)BUF_INIT(LIMIT_HEAD_LEN);
    d->body = (struct buf)BUF_INIT(LIMIT_BODY_LEN);
    d->decision = (struct buf)BUF_INIT(LIMIT_REPLY_LEN);
    session_messages(s, &messages);
    s->turn.messages = buf_str(&messages);
    enum errc rc = chat_request(s->ctx, s->o, &s->turn, &d->body, &d->headers, e);
    if (rc == ERR_OK)
        rc = link_ask(s->ctx, true, "POST", "/llmgw/v1/explain", buf_str(&d->headers),
                      buf_str(&d->body), &d->decision, e);
    if (rc == ERR_NOT_FOUND) {
        chat_choose(s->ctx, s->o, &s->turn, &model, &route);
        stale_hint(s->ctx, model, route, e);
    }
    return rc;
}

/* Is the first candidate out because it takes no schema? Then it is told of it in words. */
static bool needs_words(const struct session *s, const struct dry *d)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct err ignored = ERR_INIT;
    if (s->turn.shape == NULL || s->turn.is_told_shape ||
        jx_parse(buf_str(&d->decision), &o, &ignored) != ERR_OK)
        return false;
    struct json_object *all = jx_arr(o, "candidates");
    struct json_object *first = all != NULL ? json_object_array_get_idx(all, 0) : NULL;
    return str_eqz(jx_str(first, "lacks"), catalog_cap_name(CAP_JSON_SCHEMA));
}

static void write_ours(const struct session *s, const struct prompt *p,
                       size_t earlier_len, const struct dry *d, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "schema", "llmgw.explain/1");
    write_parts(s, p, earlier_len, &w);
    if (s->ctx->global.verbose > 0) {
        write_headers(buf_str(&d->headers), &w);
        jw_key(&w, "body");
        jw_raw(&w, buf_str(&d->body));
    }
    jw_object_end(&w);
}

enum errc dry_run(struct session *s, const struct prompt *p, struct err *e)
{
    AUTO(release) struct dry d = {.headers = {.max = 0}};
    AUTO(buf_release) struct buf ours = BUF_INIT(2 * LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf all = BUF_INIT(2 * LIMIT_BODY_LEN);
    size_t earlier_len = s->messages.len;
    struct jw w;
    jw_init(&w, &s->messages);
    prompt_write(p, &w);
    buf_addc(&s->messages, ',');
    enum errc rc = decide(s, &d, e);
    if (rc == ERR_OK && needs_words(s, &d)) {
        s->turn.is_told_shape = true;
        rc = decide(s, &d, e);
    }
    write_ours(s, p, earlier_len, &d, &ours);
    if (rc == ERR_OK)
        rc = merge(buf_str(&d.decision), buf_str(&ours), &all, e);
    return rc == ERR_OK ? show(s, buf_str(&all), buf_str(&d.body), e) : rc;
}
