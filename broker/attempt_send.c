/*
 * attempt_send.c: what is sent to a provider: the body, spliced or encoded, the headers, the key
 * or a signature, the address; then the call itself.
 *
 * Must not read what comes back.
 */
#include "core/sha256.h"

#include "broker/attempt_priv.h"
#include "broker/call_headers.h"
#include "broker/fetch.h"
#include "broker/signatures.h"

enum {
    /* a longer body that is translated is written piece by piece, so much a turn: bytes */
    WRITE_FROM_LEN = 256 * 1024,
    WRITE_LEN = 64 * 1024,
    /* more calls for one request's embeddings would take minutes */
    CALLS_MAX = 32,
};

/* ---- the body ---- */

static enum errc build_same(struct attempt *a, struct err *e)
{
    const struct request *r = a->r;
    const struct body_edits edits = {
        .kind = a->model.kind,
        .model = str_of(a->target->model),
        .add_include_usage = a->model.kind->ask_usage,
        .max_output_tok = r->bounds.is_cap_ours ? r->bounds.cap_tok : -1,
        .cap_field = a->model.kind->cap_field,
    };
    a->is_begun = r->facts.is_prefixed;
    return a->ops->splice(r->cr.body, &r->facts, &edits, &a->text, &a->body, e);
}

struct str attempt_origin(const struct attempt *a)
{
    if (a->ops->id == DIALECT_GEMINI)
        return str_of(a->ops->name);
    return str_of(
        arena_printf(&a->r->arena, "%s/%s", a->target->provider, a->target->model));
}

/* Of so many inputs those behind n_had that one call takes. ERR_INVALID: of too many calls. */
static enum errc take_part(const struct msg_embed *all, size_t n_had, size_t most,
                           struct msg_embed *ret, struct err *e)
{
    if (all->n_texts > most * CALLS_MAX)
        return err_set(
            e, ERR_INVALID,
            "input: the target takes %zu at most, %d times over, these are %zu", most,
            CALLS_MAX, all->n_texts);
    *ret = *all;
    ret->n_texts = MIN(all->n_texts - n_had, most);
    if (all->texts != NULL)
        ret->texts = all->texts + n_had;
    return ERR_OK;
}

enum errc attempt_decode(struct request *r, struct err *e)
{
    if (r->msg != NULL)
        return ERR_OK;
    struct msg_request *msg = ARENA_NEW(&r->arena, struct msg_request);
    if (msg == NULL)
        return err_set(e, ERR_MEMORY, "no memory to translate the request");
    if (r->client->request_decode(r->cr.body, r->cr.check, &r->arena, msg, e) != ERR_OK)
        return e->code;
    r->msg = msg;
    return ERR_OK;
}

static struct target_caps caps_of(const struct request *r, const struct target_model *m,
                                  const struct conf_target *t)
{
    size_t n_media;
    const struct media *media = fetch_media(r, &n_media);
    return (struct target_caps){
        .media = media,
        .n_media = n_media,
        .kind = m->kind,
        .model = str_of(t->model),
        .max_output_tok = m->max_output_tok,
        .caps_yes = m->caps_yes,
        .caps_no = m->caps_no,
    };
}

bool attempt_would_take(struct request *r, size_t i)
{
    struct err ignored = ERR_INIT;
    struct dropped dropped = {.n = 0};
    struct jw_later later = {.n = 0};
    const struct target_model *m = &r->prospects[i].model;
    struct str model = str_of(r->targets[i].model);
    const struct dialect_ops *ops = dialect_for(m->kind, r->client->id, &r->facts, model);
    if (ops == NULL || ops == r->client)
        return ops != NULL;
    if (attempt_decode(r, &ignored) != ERR_OK)
        return false;
    struct msg_request msg = *r->msg;
    struct msg_embed part;
    if (msg.embed != NULL && take_part(msg.embed, 0, ops->embed_most(m->kind, model),
                                       &part, &ignored) != ERR_OK)
        return false;
    msg.embed = msg.embed != NULL ? &part : NULL;
    fetch_plan(r, ops); /* it would be fetched */
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    struct target_caps caps = caps_of(r, m, &r->targets[i]);
    caps.later = &later; /* long texts need not be written to know it */
    enum errc rc = ops->request_encode(&msg, &caps, &out, &dropped, &ignored);
    jw_later_release(&later);
    return rc == ERR_OK;
}

static enum errc build_crossed(struct attempt *a, struct err *e)
{
    struct request *r = a->r;
    if (attempt_decode(r, e) != ERR_OK)
        return e->code;
    struct msg_request msg = *r->msg;
    signatures_attach(r->b->signatures, attempt_origin(a), &msg, &r->arena,
                      loop_mono_us(r->b->loop));
    if (r->bounds.is_cap_ours)
        msg.max_output_tok = r->bounds.cap_tok;
    a->is_begun = msg_is_begun(&msg);
    if (a->model.kind->quirks.may_echo)
        echo_start(&a->echo, &msg, &r->arena);
    if (msg.embed != NULL) {
        size_t most = a->ops->embed_most(a->model.kind, str_of(a->target->model));
        if (take_part(msg.embed, a->n_had, most, &a->part, e) != ERR_OK)
            return e->code;
        a->n_now = a->part.n_texts;
        msg.embed = &a->part;
    }
    struct target_caps caps = caps_of(r, &a->model, a->target);
    caps.stream = a->is_streamed;
    size_t len = r->cr.body.len;
    for (size_t i = 0; i < caps.n_media; i++)
        len += caps.media[i].data.len;
    caps.later = len > WRITE_FROM_LEN ? &a->later : NULL;
    caps.hop_token = buf_str(&a->hop_token);
    caps.is_hop_on_top = a->is_hop_on_top;
    struct dropped dropped = {.n = 0};
    if (a->ops->request_encode(&msg, &caps, &a->frame, &dropped, e) != ERR_OK)
        return e->code;
    r->answer.dropped = dropped;
    if (!r->facts.counts_only && a->n_hops == 0 &&
        fit_start(&a->fit, &msg, &dropped, e) != ERR_OK)
        return e->code;
    if (a->later.n > 0) /* at once: it is long */
        (void)buf_room(&a->text, a->frame.len + a->later.len);
    return ERR_OK;
}

enum errc attempt_build(struct attempt *a, struct err *e)
{
    return a->is_crossed ? build_crossed(a, e) : build_same(a, e);
}

/* What leaves nothing for later needs no copy. */
bool attempt_write_on(struct attempt *a)
{
    if (!a->is_crossed)
        return true;
    if (a->later.n == 0) {
        buf_release(&a->text);
        a->text = a->frame;
        buf_init(&a->frame, a->frame.max);
    } else if (!jw_later_write(&a->later, buf_str(&a->frame), &a->text, WRITE_LEN)) {
        return false;
    }
    buf_release(&a->frame);
    jw_later_release(&a->later);
    pieces_add(&a->body, buf_str(&a->text));
    return true;
}

/* ---- headers and the call ---- */

/* https://bedrock-runtime.REGION.amazonaws.com */
static struct str region_of(const struct conf_provider *p)
{
    struct str host = str_of(p->base_url), marker = STR("bedrock-runtime.");
    size_t at = str_search(host, marker);
    if (p->region != NULL)
        return str_of(p->region);
    host = str_sub(host, at + marker.len, host.len);
    return str_sub(host, 0, str_find(host, '.'));
}

/*
 * ID:SECRET or ID:SECRET:TOKEN, the token of a session: what signs a request. The service is
 * "bedrock", whatever the host's name says. Source: AWS general reference, Signature Version 4.
 */
static enum errc sign(struct attempt *a, struct call_headers *h, struct str key,
                      struct upstream_sign *ret, struct err *e)
{
    struct str id, secret, region = region_of(a->provider);
    char *hash = arena_alloc(&a->r->arena, SHA256_HEX_LEN + 1, 1);
    if (hash == NULL)
        return err_set(e, ERR_MEMORY, "no memory to sign a request");
    if (region.len == 0)
        return err_set(e, ERR_CONFIG,
                       "provider %s has no region, which its requests are signed for",
                       a->target->provider);
    AUTO(buf_release) struct buf whole = BUF_INIT(LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    pieces_join(&a->body, &whole);
    if (buf_err(&whole) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory to sign a request");
    sha256_hex(buf_str(&whole), hash);
    str_split(&key, ':', &id);
    str_split(&key, ':', &secret);
    /* at once: growing would leave a copy of the secret behind */
    (void)buf_room(&h->text, region.len + key.len + secret.len + id.len + 64);
    buf_printf(&h->text, "aws:amz:%.*s:bedrock", STR_ARG(region));
    buf_addc(&h->text, '\0');
    size_t id_at = h->text.len;
    buf_adds(&h->text, id);
    buf_addc(&h->text, '\0');
    size_t secret_at = h->text.len;
    buf_adds(&h->text, secret);
    buf_addc(&h->text, '\0');
    size_t token_at = h->text.len;
    buf_adds(&h->text, key);
    if (buf_err(&h->text) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory to sign a request");
    call_header(h, "x-amz-content-sha256", str_of(hash));
    if (key.len > 0)
        call_header(h, "x-amz-security-token",
                    (struct str){h->text.data + token_at, key.len});
    *ret = (struct upstream_sign){.scope = h->text.data,
                                  .id = h->text.data + id_at,
                                  .secret = h->text.data + secret_at};
    return ERR_OK;
}

/* The client's own key for this provider, else the next of ours; ERR_UPSTREAM_AUTH: none. */
static enum errc pick_key(struct attempt *a, struct str *ret, struct err *e)
{
    *ret = request_key(a->r, a->target->provider);
    bool is_keyless = a->model.kind->auth == AUTH_NONE ||
                      (a->model.kind->is_local &&
                       !secrets_has(a->r->secrets, str_of(a->target->provider)));
    if (ret->len > 0 || is_keyless)
        return ERR_OK;
    /* who began goes on, and hears how it ended */
    if (a->n_calls > 0 && attempt_key(a) != NULL) {
        *ret = (struct str){a->key->value, a->key->len};
        return ERR_OK;
    }
    a->key = secrets_pick(a->r->secrets, str_of(a->target->provider),
                          loop_mono_us(a->r->b->loop));
    if (a->key == NULL)
        return err_set(e, ERR_UPSTREAM_AUTH,
                       "provider %s has no key that may be used now",
                       a->target->provider);
    a->key_read_us = a->key->read_mono_us;
    *ret = (struct str){a->key->value, a->key->len};
    str_copy(a->row->key_id, sizeof a->row->key_id, str_of(a->key->id));
    return ERR_OK;
}

/*
 * DeepSeek goes on with a beginning at /beta only (api-docs.deepseek.com, chat prefix completion).
 * Azure's classic form has the model, which is a deployment there, and a version in the address.
 * Source: learn.microsoft.com/azure/foundry/openai, API versions (2026).
 */
static void write_url(const struct attempt *a, struct str path, struct buf *out)
{
    const struct conf_provider *p = a->provider;
    bool is_classic = p->api_version != NULL;
    const char *dir = a->is_begun ? a->model.kind->quirks.prefill_dir : NULL;
    struct str base = str_of(p->base_url);
    if (dir != NULL && str_ends(base, STR("/v1")))
        base.len -= 3;
    buf_adds(out, base);
    if (dir != NULL)
        buf_addz(out, dir);
    if (is_classic) {
        buf_addz(out, "/openai/deployments/");
        path_add_piece(str_of(a->target->model), out);
    }
    buf_adds(out, path);
    if (is_classic) {
        buf_addz(out, "?api-version=");
        path_add_piece(str_of(p->api_version), out);
    }
}

static struct str accepted(const struct attempt *a)
{
    if (!a->is_streamed)
        return STR("application/json");
    return a->ops->is_binary ? STR("application/vnd.amazon.eventstream")
                             : STR("text/event-stream");
}

enum errc attempt_call(struct attempt *a, const struct upstream_fns *fns, struct err *e)
{
    struct request *r = a->r;
    struct upstream_sign signature;
    struct str key;
    if (pick_key(a, &key, e) != ERR_OK)
        return e->code;
    AUTO(call_headers_release)
    struct call_headers h = {.text = BUF_SECRET(LIMIT_HEAD_LEN)};
    AUTO(buf_release) struct buf lines = BUF_INIT(LIMIT_HEAD_LEN);
    call_header(&h, "content-type", STR("application/json"));
    call_header(&h, "accept", accepted(a));
    call_header(&h, "user-agent", STR("llmgw/" PACKAGE_VERSION));
    call_header(&h, "x-llmgw-hop", str_of(r->b->hop_id));
    a->ops->request_headers(r->cr.head, !a->is_crossed, &lines);
    call_header_lines(&h, buf_str(&lines));
    for (size_t i = 0; i < a->provider->n_headers; i++)
        call_header(&h, a->provider->headers[i].name,
                    str_of(a->provider->headers[i].value));
    bool is_signed = a->model.kind->auth == AUTH_AWS && str_find(key, ':') < key.len;
    if (!is_signed && key.len > 0)
        call_credentials(&h, a->model.kind->auth, key);
    else if (is_signed && sign(a, &h, key, &signature, e) != ERR_OK)
        return e->code;
    AUTO(buf_release) struct buf path = BUF_INIT(LIMIT_HEAD_LEN);
    a->ops->path(a->model.kind, str_of(a->target->model), a->is_streamed, &path);
    AUTO(buf_release) struct buf url = BUF_INIT(LIMIT_HEAD_LEN);
    write_url(a, buf_str(&path), &url);
    /* half a key would be refused by the provider, and set aside by us */
    if (buf_err(&h.text) != ERR_OK || buf_err(&lines) != ERR_OK ||
        buf_err(&path) != ERR_OK || buf_err(&url) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory for the request's headers");
    const struct upstream_request req = {
        .method = "POST",
        .url = url.data,
        .headers = h.items,
        .n_headers = h.n,
        .body = a->body,
        .connect_us = MIN(r->rules.connect_us, MAX(request_left_us(r), US_PER_MS)),
        .proxy = a->provider->proxy,
        .ca_file = a->provider->ca_file,
        .http2 = a->provider->http2,
        .sign = is_signed ? &signature : NULL,
        .is_stream = a->is_streamed,
    };
    enum errc rc = buf_err(&a->text);
    if (rc != ERR_OK)
        return err_set(e, rc, "no room for the body");
    rc = upstream_start(r->b->upstream, &req, fns, a, &a->xfer, e);
    if (rc != ERR_OK)
        return rc;
    a->n_calls++;
    a->row->bytes_out += (int64_t)a->body.len;
    if (a->key != NULL)
        secret_started(a->key, loop_mono_us(r->b->loop));
    return ERR_OK;
}
