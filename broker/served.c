/*
 * served.c: see served.h. One GET a provider, of one page that holds all.
 *
 * Source: OpenAI API reference, models; Anthropic API reference, models (limit up to 1000);
 * Gemini API reference, models.list (pageSize up to 1000); 2026-11. Cohere and Bedrock tell their
 * models elsewhere than where they are asked: they are skipped.
 */
#include "broker/served.h"

#include <stdio.h>

#include "core/mem.h"

#include "broker/broker.h"
#include "broker/call_headers.h"
#include "broker/secret.h"
#include "broker/upstream.h"

enum {
    SERVED_MAX = 64,                  /* providers */
    SERVED_LEN = 8 * 1024 * 1024,     /* bytes of one answer */
    SERVED_WAIT_US = 15 * US_PER_S,   /* for all of it */
    SERVED_CONNECT_US = 5 * US_PER_S, /* name, TCP and TLS */
};

enum served_state { SERVED_ASKING, SERVED_OK, SERVED_FAILED, SERVED_SKIPPED };

struct served_one {
    uint32_t magic;
    struct served *all; /* borrowed: owns us */
    char name[LIMIT_NAME_LEN + 1];
    enum served_state state;
    struct upstream_xfer *xfer; /* owned; NULL: not under way */
    struct loop_timer timer;
    int status;
    struct buf body, models; /* as it comes; an id a line */
    struct err err;
};
enum { served_one_MAGIC = 0x73727664 };

struct served {
    struct broker *b;                    /* borrowed: owns us */
    struct served_one *ones[SERVED_MAX]; /* owned */
    size_t n;
};

enum errc served_new(struct broker *b, struct served **ret, struct err *e)
{
    struct served *s = MEM_NEW(struct served);
    if (s == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    s->b = b;
    *ret = s;
    return ERR_OK;
}

static void one_free(struct served_one *o)
{
    upstream_cancel(&o->xfer);
    loop_timer_stop(o->all->b->loop, &o->timer);
    buf_release(&o->body);
    buf_release(&o->models);
    o->magic = 0;
    mem_free(o);
}

static void forget(struct served *s)
{
    while (s->n > 0)
        one_free(s->ones[--s->n]);
}

void served_free(struct served **sp)
{
    struct served *s = *sp;
    if (s == NULL)
        return;
    *sp = NULL;
    forget(s);
    mem_free(s);
}

/* ---- an answer ---- */

/* {"data": [{"id"}]}, or Gemini's {"models": [{"name": "models/ID"}]}. */
static bool take_models(struct served_one *o)
{
    AUTO(jx_put) struct json_object *root = NULL;
    struct err ignored = ERR_INIT;
    struct str prefix = STR("models/");
    if (jx_parse(buf_str(&o->body), &root, &ignored) != ERR_OK)
        return false;
    struct json_object *data = jx_arr(root, "data"), *models = jx_arr(root, "models");
    struct json_object *all = data != NULL ? data : models;
    if (all == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        struct json_object *m = json_object_array_get_idx(all, i);
        struct str id = jx_str(m, data != NULL ? "id" : "name");
        if (data == NULL && str_starts(id, prefix))
            id = str_sub(id, prefix.len, id.len);
        if (id.len == 0 || id.len > LIMIT_NAME_LEN || str_has_control(id))
            continue;
        buf_adds(&o->models, id);
        buf_addc(&o->models, '\n');
    }
    return buf_err(&o->models) == ERR_OK;
}

static void settle(struct served_one *o, enum served_state state)
{
    o->state = state;
    loop_timer_stop(o->all->b->loop, &o->timer);
    buf_release(&o->body);
}

static void failed(struct served_one *o, const char *why)
{
    err_set(&o->err, ERR_SERVER, "%s", why);
    settle(o, SERVED_FAILED);
}

static void on_head(void *arg, const struct upstream_head *h)
{
    struct served_one *o = OBJ(served_one, arg);
    o->status = h->status;
}

static void on_body(void *arg, struct str bytes)
{
    struct served_one *o = OBJ(served_one, arg);
    buf_adds(&o->body, bytes);
}

static void on_done(void *arg, enum errc rc, const struct err *e)
{
    struct served_one *o = OBJ(served_one, arg);
    char text[64];
    o->xfer = NULL;
    if (rc != ERR_OK) {
        failed(o, e->text);
    } else if (o->status != 200) {
        snprintf(text, sizeof text, "it answered %d %s", o->status,
                 http1_reason(o->status));
        failed(o, text);
    } else if (!take_models(o)) {
        failed(o, "its answer is no list of models");
    } else {
        settle(o, SERVED_OK);
    }
}

static void on_timer(void *arg)
{
    struct served_one *o = OBJ(served_one, arg);
    upstream_cancel(&o->xfer);
    failed(o, "it did not answer in time");
}

/* ---- asking ---- */

/* What is asked behind the base URL; NULL: nothing that is a list of models. */
static const char *list_path(const struct provider_kind *kind)
{
    switch (kind->dialect) {
    case DIALECT_OPENAI:
    case DIALECT_RESPONSES:
        return "/models";
    case DIALECT_ANTHROPIC:
        return "/models?limit=1000";
    case DIALECT_GEMINI:
        return "/models?pageSize=1000";
    case DIALECT_COHERE:
    case DIALECT_BEDROCK:
    case DIALECT_N_:
        break;
    }
    return NULL;
}

static enum errc start(struct served_one *o, const struct conf_provider *p,
                       const char *path, struct str key, struct err *e)
{
    static const struct upstream_fns fns = {on_head, on_body, on_done};
    struct broker *b = o->all->b;
    AUTO(call_headers_release) struct call_headers h = {.text = BUF_INIT(LIMIT_HEAD_LEN)};
    AUTO(buf_release) struct buf url = BUF_INIT(LIMIT_HEAD_LEN);
    call_header(&h, "accept", STR("application/json"));
    call_header(&h, "user-agent", STR("llmgw/" PACKAGE_VERSION));
    if (p->kind->dialect == DIALECT_ANTHROPIC)
        call_header(&h, "anthropic-version", STR("2023-06-01"));
    for (size_t i = 0; i < p->n_headers; i++)
        call_header(&h, p->headers[i].name, str_of(p->headers[i].value));
    if (key.len > 0)
        call_credentials(&h, p->kind->auth, key);
    buf_printf(&url, "%s%s", p->base_url, path);
    if (buf_err(&url) != ERR_OK || buf_err(&h.text) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory for the request");
    const struct upstream_request req = {.method = "GET",
                                         .url = url.data,
                                         .headers = h.items,
                                         .n_headers = h.n,
                                         .connect_us = SERVED_CONNECT_US,
                                         .proxy = p->proxy,
                                         .ca_file = p->ca_file,
                                         .http2 = p->http2};
    enum errc rc = loop_timer_set(b->loop, &o->timer, SERVED_WAIT_US);
    return rc == ERR_OK ? upstream_start(b->upstream, &req, &fns, o, &o->xfer, e)
                        : err_set(e, rc, "no memory for a timer");
}

static void ask(struct served_one *o, const struct conf_provider *p)
{
    struct broker *b = o->all->b;
    const char *path = list_path(p->kind);
    struct secret_key *key =
        secrets_pick(b->secrets, str_of(p->name), loop_mono_us(b->loop));
    bool needs_key = p->kind->auth != AUTH_NONE && !p->kind->is_local;
    o->state = SERVED_SKIPPED;
    if (path == NULL)
        err_set(&o->err, ERR_INVALID, "it does not tell its models where it is asked");
    else if (b->conf->core.offline && !conf_provider_is_near(p))
        err_set(&o->err, ERR_REFUSED, "offline, and it is not on this machine");
    else if (key == NULL && needs_key)
        err_set(&o->err, ERR_UPSTREAM_AUTH, "the broker has no key for it now");
    else if (start(o, p, path,
                   key != NULL ? (struct str){key->value, key->len} : STR_NONE,
                   &o->err) == ERR_OK)
        o->state = SERVED_ASKING;
    else
        settle(o, SERVED_FAILED);
}

void served_refresh(struct served *s)
{
    const struct conf *c = s->b->conf;
    for (size_t i = 0; i < s->n; i++)
        if (s->ones[i]->state == SERVED_ASKING)
            return;
    forget(s);
    for (size_t i = 0; i < c->n_providers && s->n < SERVED_MAX; i++) {
        struct served_one *o = MEM_NEW(struct served_one);
        if (o == NULL)
            return;
        o->magic = served_one_MAGIC;
        o->all = s;
        o->timer = (struct loop_timer){.fn = on_timer, .arg = o};
        o->err = (struct err)ERR_INIT;
        buf_init(&o->body, SERVED_LEN);
        buf_init(&o->models, SERVED_LEN);
        str_copy(o->name, sizeof o->name, str_of(c->providers[i].name));
        s->ones[s->n++] = o;
        ask(o, &c->providers[i]);
    }
}

void served_write(const struct served *s, struct jw *w)
{
    static const char *const states[] = {"asking", "ok", "failed", "skipped"};
    jw_array(w);
    for (size_t i = 0; i < s->n; i++) {
        const struct served_one *o = s->ones[i];
        struct str rest = buf_str(&o->models), id;
        jw_object(w);
        jw_kstrz(w, "provider", o->name);
        jw_kstrz(w, "state", states[o->state]);
        jw_kstrz(w, "error", o->err.code != ERR_OK ? o->err.text : NULL);
        jw_key(w, "models");
        jw_array(w);
        while (str_split(&rest, '\n', &id))
            if (id.len > 0)
                jw_str(w, id);
        jw_array_end(w);
        jw_object_end(w);
    }
    jw_array_end(w);
}
