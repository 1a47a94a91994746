/*
 * served.c: see served.h. One GET a provider, of one page that holds all; so many at a time, and
 * an answer is read as it comes, and its list some of it a turn, so that nobody waits for it.
 *
 * Source: OpenAI API reference, models; Anthropic API reference, models (limit up to 1000);
 * Gemini API reference, models.list (pageSize up to 1000); Cohere API reference, list models, of
 * version 1 (page_size up to 1000); 2026-11. Bedrock lists its models (ListFoundationModels) at
 * another host than the one that is asked: it is skipped.
 */
#include "broker/served.h"

#include <stdio.h>
#include <string.h>

#include "core/jscan.h"
#include "core/mem.h"

#include "broker/broker.h"
#include "broker/call_headers.h"
#include "broker/secret.h"
#include "broker/upstream.h"

enum {
    SERVED_AT_ONCE = 16,            /* providers: each may keep an answer */
    SERVED_LEN = 8 * 1024 * 1024,   /* bytes of one answer; OpenRouter's has about 1 MB */
    SERVED_TURN_LEN = 64 * 1024,    /* bytes of a list that are read in one turn */
    SERVED_WAIT_US = 15 * US_PER_S, /* for all of it, its key by a command included */
    SERVED_CONNECT_US = 5 * US_PER_S, /* name, TCP and TLS */
    /* until a key is looked for again that a command is about to print */
    SERVED_KEY_US = 20 * US_PER_MS,
};

enum served_state {
    SERVED_DUE,  /* waits for its turn */
    SERVED_KEY,  /* … for a command that prints its key */
    SERVED_CALL, /* … for the answer */
    SERVED_READ, /* the answer's list is read */
    SERVED_OK,
    SERVED_FAILED,
    SERVED_SKIPPED,
};

struct served_one {
    uint32_t magic;
    struct served *all; /* borrowed: owns us */
    char name[LIMIT_NAME_LEN + 1];
    enum served_state state;
    struct upstream_xfer *xfer; /* owned; NULL: not under way */
    struct loop_timer timer;
    struct loop_task task; /* reads on */
    int64_t until_us;      /* monotonic */
    int status;
    struct buf brought;      /* the client's key for it, until it is sent */
    struct buf body, models; /* as it comes; an id a line */
    struct jcheck *check;    /* owned; of the body */
    struct jspan list;
    bool is_named; /* its elements have a name, not an id */
    size_t at;     /* in the body: read so far */
    struct err err;
};
enum { served_one_MAGIC = 0x73727664 };

struct served {
    uint32_t magic;
    struct broker *b;         /* borrowed: owns us */
    struct served_one **ones; /* owned, each */
    size_t n, n_running;
    struct loop_task task; /* begins with who is due */
};
enum { served_MAGIC = 0x73727673 };

static void on_task(void *arg);

enum errc served_new(struct broker *b, struct served **ret, struct err *e)
{
    struct served *s = MEM_NEW(struct served);
    if (s == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    s->magic = served_MAGIC;
    s->b = b;
    s->task = (struct loop_task){.fn = on_task, .arg = s};
    *ret = s;
    return ERR_OK;
}

static void one_free(struct served_one *o)
{
    upstream_cancel(&o->xfer);
    loop_timer_stop(o->all->b->loop, &o->timer);
    loop_later_cancel(o->all->b->loop, &o->task);
    buf_release(&o->brought);
    jcheck_free(&o->check);
    buf_release(&o->body);
    buf_release(&o->models);
    o->magic = 0;
    mem_free(o);
}

static void forget(struct served *s)
{
    while (s->n > 0)
        one_free(s->ones[--s->n]);
    mem_free(s->ones);
    s->ones = NULL;
}

void served_free(struct served **sp)
{
    struct served *s = *sp;
    if (s == NULL)
        return;
    *sp = NULL;
    loop_later_cancel(s->b->loop, &s->task);
    forget(s);
    s->magic = 0;
    mem_free(s);
}

/* ---- an answer ---- */

static bool is_over(const struct served_one *o)
{
    return o->state >= SERVED_OK;
}

/* Somebody else's turn. */
static void settle(struct served_one *o, enum served_state state)
{
    o->state = state;
    loop_timer_stop(o->all->b->loop, &o->timer);
    loop_later_cancel(o->all->b->loop, &o->task);
    buf_release(&o->brought);
    jcheck_free(&o->check);
    buf_release(&o->body);
    o->all->n_running--;
    loop_later(o->all->b->loop, &o->all->task);
}

static void failed(struct served_one *o, const char *why)
{
    err_set(&o->err, ERR_SERVER, "%s", why);
    settle(o, SERVED_FAILED);
}

static void take_model(struct served_one *o, struct jspan element)
{
    struct str text = buf_str(&o->body), prefix = STR("models/");
    struct jspan at = jscan_get(text, element, o->is_named ? "name" : "id");
    /* an escape has up to six characters */
    char decoded[6 * LIMIT_NAME_LEN];
    if (at.kind != J_STRING || jscan_inside(text, at).len > sizeof decoded)
        return;
    struct str id = {decoded, jscan_decode(text, at, decoded)};
    if (o->is_named && str_starts(id, prefix)) /* Gemini's names are paths */
        id = str_sub(id, prefix.len, id.len);
    if (id.len == 0 || id.len > LIMIT_NAME_LEN || str_has_control(id))
        return;
    buf_adds(&o->models, id);
    buf_addc(&o->models, '\n');
}

static void on_read(void *arg)
{
    struct served_one *o = OBJ(served_one, arg);
    struct str text = buf_str(&o->body);
    size_t until = o->at + SERVED_TURN_LEN;
    struct jspan element = {0};
    bool more = true;
    while (more && o->at < until) {
        more = jscan_next(text, o->list, &o->at, &element);
        if (more)
            take_model(o, element);
    }
    if (more)
        loop_later(o->all->b->loop, &o->task);
    else if (buf_err(&o->models) != ERR_OK)
        failed(o, "its list of models is too long");
    else
        settle(o, SERVED_OK);
}

/* {"data": [{"id"}]}, or {"models": [{"name"}]} of Gemini and Cohere. */
static bool find_list(struct served_one *o)
{
    struct jfield f[] = {{.name = "data"}, {.name = "models"}};
    struct err ignored = ERR_INIT;
    struct str text = buf_str(&o->body);
    if (buf_err(&o->body) != ERR_OK || o->check == NULL)
        return false;
    jcheck_feed(o->check, text, true);
    if (jcheck_fields(o->check, text, f, ARRAY_LEN(f), &ignored) != ERR_OK)
        return false;
    o->is_named = f[0].value.kind != J_ARRAY;
    o->list = f[o->is_named ? 1 : 0].value;
    return o->list.kind == J_ARRAY;
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
    if (o->check != NULL && buf_err(&o->body) == ERR_OK)
        jcheck_feed(o->check, buf_str(&o->body), false);
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
    } else if (!find_list(o)) {
        failed(o, "its answer is no list of models");
    } else {
        o->state = SERVED_READ;
        loop_later(o->all->b->loop, &o->task);
    }
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
        return "/v1/models?page_size=1000";
    case DIALECT_BEDROCK:
    case DIALECT_N_:
        break;
    }
    return NULL;
}

/* Cohere lists its models in version 1 of its API, beside the one that is asked. */
static void write_url(const struct conf_provider *p, struct buf *out)
{
    struct str base = str_of(p->base_url), version = STR("/v2");
    if (p->kind->dialect == DIALECT_COHERE && str_ends(base, version))
        base = str_sub(base, 0, base.len - version.len);
    buf_adds(out, base);
    buf_addz(out, list_path(p->kind));
}

static enum errc start(struct served_one *o, const struct conf_provider *p,
                       struct str key, struct err *e)
{
    static const struct upstream_fns fns = {on_head, on_body, on_done};
    struct broker *b = o->all->b;
    AUTO(call_headers_release)
    struct call_headers h = {.text = BUF_SECRET(LIMIT_HEAD_LEN)};
    AUTO(buf_release) struct buf url = BUF_INIT(LIMIT_HEAD_LEN);
    call_header(&h, "accept", STR("application/json"));
    call_header(&h, "user-agent", STR("llmgw/" PACKAGE_VERSION));
    if (p->kind->dialect == DIALECT_ANTHROPIC)
        call_header(&h, "anthropic-version", STR("2023-06-01"));
    for (size_t i = 0; i < p->n_headers; i++)
        call_header(&h, p->headers[i].name, str_of(p->headers[i].value));
    if (key.len > 0)
        call_credentials(&h, p->kind->auth, key);
    write_url(p, &url);
    o->check = jcheck_new(true);
    if (buf_err(&url) != ERR_OK || buf_err(&h.text) != ERR_OK || o->check == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the request");
    const struct upstream_request req = {.method = "GET",
                                         .url = url.data,
                                         .headers = h.items,
                                         .n_headers = h.n,
                                         .connect_us = SERVED_CONNECT_US,
                                         .proxy = p->proxy,
                                         .ca_file = p->ca_file,
                                         .http2 = p->http2};
    int64_t left_us = MAX(o->until_us - loop_mono_us(b->loop), 0);
    enum errc rc = loop_timer_set(b->loop, &o->timer, left_us);
    return rc == ERR_OK ? upstream_start(b->upstream, &req, &fns, o, &o->xfer, e)
                        : err_set(e, rc, "no memory for a timer");
}

/* Ours, else the one that the client brought; NULL ptr: none now. */
static struct str key_of(const struct served_one *o)
{
    struct broker *b = o->all->b;
    struct secret_key *key =
        secrets_pick(b->secrets, str_of(o->name), loop_mono_us(b->loop));
    if (key != NULL)
        return (struct str){key->value, key->len};
    return secrets_has(b->secrets, str_of(o->name)) ? STR_NONE : buf_str(&o->brought);
}

static void skip(struct served_one *o, enum errc why, const char *text)
{
    err_set(&o->err, why, "%s", text);
    settle(o, SERVED_SKIPPED);
}

/* Sends, or waits for the key. */
static void ask(struct served_one *o, const struct conf_provider *p)
{
    struct broker *b = o->all->b;
    int64_t now_us = loop_mono_us(b->loop);
    struct str key = key_of(o);
    bool needs_key = p->kind->auth != AUTH_NONE && !p->kind->is_local;
    if (key.len == 0 && secrets_await(b->secrets, str_of(o->name), now_us) &&
        loop_timer_set(b->loop, &o->timer, SERVED_KEY_US) == ERR_OK) {
        o->state = SERVED_KEY;
        return;
    }
    o->state = SERVED_CALL;
    if (key.len == 0 && needs_key)
        skip(o, ERR_UPSTREAM_AUTH, "the broker has no key for it now");
    else if (start(o, p, key, &o->err) != ERR_OK)
        settle(o, SERVED_FAILED);
    else
        buf_release(&o->brought);
}

static void begin(struct served_one *o)
{
    struct broker *b = o->all->b;
    const struct conf_provider *p = conf_provider(b->conf, str_of(o->name));
    o->all->n_running++;
    o->until_us = loop_mono_us(b->loop) + SERVED_WAIT_US;
    if (p == NULL)
        skip(o, ERR_NOT_FOUND, "it is not configured any more");
    else if (p->kind->dialect == DIALECT_BEDROCK)
        skip(o, ERR_INVALID,
             "its models cannot be listed: Bedrock tells them at another address");
    else if (b->conf->core.offline && !conf_provider_is_near(p))
        skip(o, ERR_REFUSED, "offline, and it is not on this machine");
    else
        ask(o, p);
}

/* The key that it waits for may be there; or the time is over. */
static void on_timer(void *arg)
{
    struct served_one *o = OBJ(served_one, arg);
    struct broker *b = o->all->b;
    const struct conf_provider *p = conf_provider(b->conf, str_of(o->name));
    upstream_cancel(&o->xfer);
    if (o->state != SERVED_KEY)
        failed(o, "it did not answer in time");
    else if (p == NULL || loop_mono_us(b->loop) >= o->until_us)
        failed(o, "its key did not come in time");
    else
        ask(o, p);
}

static void on_task(void *arg)
{
    struct served *s = OBJ(served, arg);
    for (size_t i = 0; i < s->n && s->n_running < SERVED_AT_ONCE; i++)
        if (s->ones[i]->state == SERVED_DUE)
            begin(s->ones[i]);
}

/* A key that the request of a client brings along. Source: llmgw-protocol(7). */
static struct str brought_key(const struct http1_head *head, const char *provider)
{
    for (size_t i = 0; i < head->n_headers; i++) {
        struct str value = head->headers[i].value, name;
        if (str_ieqz(head->headers[i].name, "x-llmgw-provider-key") &&
            str_split(&value, '=', &name) && str_eqz(name, provider))
            return value;
    }
    return STR_NONE;
}

static void add(struct served *s, const struct conf_provider *p, struct str brought)
{
    struct served_one *o = MEM_NEW(struct served_one);
    if (o == NULL)
        return;
    o->magic = served_one_MAGIC;
    o->all = s;
    o->timer = (struct loop_timer){.fn = on_timer, .arg = o};
    o->task = (struct loop_task){.fn = on_read, .arg = o};
    o->err = (struct err)ERR_INIT;
    o->brought = (struct buf)BUF_SECRET(LIMIT_HEAD_LEN);
    buf_init(&o->body, SERVED_LEN);
    buf_init(&o->models, SERVED_LEN);
    buf_adds(&o->brought, brought);
    str_copy(o->name, sizeof o->name, str_of(p->name));
    s->ones[s->n++] = o;
}

void served_refresh(struct served *s, const struct http1_head *head)
{
    const struct conf *c = s->b->conf;
    for (size_t i = 0; i < s->n; i++)
        if (!is_over(s->ones[i]))
            return;
    forget(s);
    s->ones = mem_alloc(c->n_providers + c->n_others + 1, sizeof(struct served_one *));
    if (s->ones == NULL)
        return;
    for (size_t i = 0; i < c->n_providers; i++)
        add(s, &c->providers[i], brought_key(head, c->providers[i].name));
    for (size_t i = 0; i < c->n_others; i++) {
        struct str brought = brought_key(head, c->others[i].name);
        if (brought.len > 0)
            add(s, &c->others[i], brought);
    }
    on_task(s);
}

void served_write(const struct served *s, struct jw *w)
{
    static const char *const states[] = {
        [SERVED_DUE] = "asking",     [SERVED_KEY] = "asking", [SERVED_CALL] = "asking",
        [SERVED_READ] = "asking",    [SERVED_OK] = "ok",      [SERVED_FAILED] = "failed",
        [SERVED_SKIPPED] = "skipped"};
    jw_array(w);
    for (size_t i = 0; i < s->n; i++) {
        const struct served_one *o = s->ones[i];
        struct str rest = is_over(o) ? buf_str(&o->models) : STR_NONE, id;
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
