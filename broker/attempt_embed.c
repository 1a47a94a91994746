/*
 * attempt_embed.c: a provider's embeddings, as their client wants them; they may take several
 * calls.
 *
 * An answer has millions of numbers, which are looked at, copied or made base64 in slices, so that
 * no stream waits for them; its JSON is checked as it comes. What is asked in one call by a client
 * of the provider's dialect passes as it came.
 */
#include "broker/attempt_priv.h"

enum {
    /* a longer answer is checked as it comes, and read on in so much a turn: bytes */
    CHECK_FROM_LEN = 256 * 1024,
    SLICE_LEN = 64 * 1024,
};

/* ---- while it comes ---- */

/* Asked again, or of anybody else, it would be no shorter. */
static enum errc too_long(const struct attempt *a, struct err *e)
{
    return err_set(e, ERR_INVALID,
                   "input: the embeddings of all %zu are more than the %d MiB that an "
                   "answer may have: ask for %sfewer dimensions, or for fewer at once",
                   a->r->facts.n_inputs, LIMIT_REPLY_LEN >> 20,
                   a->r->facts.base64 ? "" : "\"encoding_format\": \"base64\", ");
}

enum errc attempt_embed_came(struct attempt *a, struct err *e)
{
    enum errc rc = buf_err(&a->reply);
    if (rc == ERR_TOO_LARGE) {
        a->got.n = a->n_now; /* they were made, and are billed */
        return too_long(a, e);
    }
    if (rc != ERR_OK)
        return err_set(e, rc, "no memory for the provider's answer");
    if (a->check == NULL && a->reply.len > CHECK_FROM_LEN)
        a->check = jcheck_new(false);
    if (a->check != NULL)
        jcheck_feed(a->check, buf_str(&a->reply), false);
    return ERR_OK;
}

/* ---- when it is there ---- */

static enum errc check_reply(struct attempt *a, struct jspan *ret, struct err *e)
{
    struct str body = buf_str(&a->reply);
    struct err why = ERR_INIT;
    if (a->check != NULL)
        jcheck_feed(a->check, body, true);
    enum errc rc =
        a->check != NULL ? jcheck_result(a->check, &why) : jscan_check(body, &why);
    if (rc == ERR_OK) {
        *ret = a->check != NULL ? jcheck_root(a->check) : jscan_root(body);
        return ERR_OK;
    }
    err_set(e, ERR_SERVER, "the provider's answer is not JSON: %s", why.text);
    e->origin = ERR_BY_PROVIDER;
    return ERR_SERVER;
}

/* The vectors of this call's answer: one for each of its inputs. */
static enum errc find_vectors(struct attempt *a, struct err *e)
{
    struct jspan root;
    if (check_reply(a, &root, e) != ERR_OK)
        return e->code;
    if (a->ops->embed_read(&a->scan, buf_str(&a->reply), root, &a->r->arena, &a->got,
                           e) != ERR_OK)
        return e->code;
    if (a->got.n == a->n_now)
        return ERR_OK;
    err_set(e, ERR_SERVER, "the provider gave %zu embeddings for %zu inputs", a->got.n,
            a->n_now);
    e->origin = ERR_BY_PROVIDER;
    return ERR_SERVER;
}

/* All have as many numbers as the first, where that is known. */
static enum errc check_vector(struct attempt *a, enum errc rc, struct err *e)
{
    size_t n = a->vector.n_numbers, at = a->n_had + a->at;
    if (rc == ERR_SYNTAX)
        err_set(e, ERR_SERVER, "the provider's embedding %zu is no list of numbers", at);
    else if (rc != ERR_OK)
        return rc == ERR_TOO_LARGE ? too_long(a, e)
                                   : err_set(e, rc, "no memory for so many embeddings");
    else if (n > 0 && a->n_numbers > 0 && n != a->n_numbers)
        err_set(e, ERR_SERVER, "the provider's embedding %zu has %zu numbers, not %zu",
                at, n, a->n_numbers);
    else {
        a->n_numbers = MAX(n, a->n_numbers);
        return ERR_OK;
    }
    e->origin = ERR_BY_PROVIDER;
    return ERR_SERVER;
}

/* ERR_AGAIN: more than a slice is left. */
static enum errc read_slice(struct attempt *a, struct err *e)
{
    struct buf *out = a->is_rewritten ? &a->r->answer.whole : NULL;
    for (size_t left = SLICE_LEN; a->at < a->got.n; a->at++) {
        struct vector_writer *v = &a->vector;
        if (left == 0)
            return ERR_AGAIN;
        if (!a->is_in_vector) {
            vector_begin(v, a->got.vectors[a->at], a->r->facts.base64);
            if (out != NULL)
                a->r->client->embed_head(a->n_had + a->at, out);
        }
        size_t from = v->at;
        enum errc rc = vector_go_on(v, left, out);
        a->is_in_vector = rc == ERR_AGAIN;
        if (rc == ERR_AGAIN)
            return ERR_AGAIN;
        if (check_vector(a, rc, e) != ERR_OK)
            return e->code;
        left -= MIN(left, v->at - from);
    }
    return ERR_OK;
}

/* ---- the next call, or the end ---- */

static bool has_more(const struct attempt *a)
{
    return a->n_had + a->n_now < a->r->facts.n_inputs;
}

/* The next inputs, by a call of their own. */
static void ask_on(struct attempt *a)
{
    struct err e = ERR_INIT;
    struct request *r = a->r;
    size_t n_asked = a->n_had + a->n_now;
    bool is_too_much = (i128)r->answer.whole.len * (i128)r->facts.n_inputs >
                       (i128)LIMIT_REPLY_LEN * (i128)n_asked;
    if (is_too_much) {
        too_long(a, &e);
        attempt_broken(a, &e);
        return;
    }
    attempt_spend(a);
    a->n_had = n_asked;
    a->got.n = 0;
    a->ops->scan_init(&a->scan, a->model.kind);
    attempt_reset_reply(a);
    buf_release(&a->text);
    buf_init(&a->text, LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    buf_init(&a->frame, LIMIT_BODY_LEN + LIMIT_HEAD_LEN);
    a->body = (struct pieces){.n = 0};
    if (r->silence_us > 0) /* it is at work */
        request_on_sign(r);
    if (attempt_build(a, &e) != ERR_OK)
        attempt_broken(a, &e);
    else
        loop_later(r->b->loop, &a->task);
}

static void finish(struct attempt *a)
{
    const struct err ok = ERR_INIT;
    struct request *r = a->r;
    struct usage u;
    usage_init(&u);
    (void)attempt_usage(a, &ok, &u);
    if (a->is_rewritten)
        r->client->embed_end(&u, attempt_served(a), &r->answer.whole);
    else
        attempt_pass_reply(a);
    attempt_whole(a);
}

void attempt_embed_on(struct attempt *a)
{
    struct err e = ERR_INIT;
    enum errc rc = read_slice(a, &e);
    a->is_reading = rc == ERR_AGAIN;
    if (rc == ERR_AGAIN)
        loop_later(a->r->b->loop, &a->task);
    else if (rc != ERR_OK)
        attempt_broken(a, &e);
    else if (has_more(a))
        ask_on(a);
    else
        finish(a);
}

void attempt_embed_take(struct attempt *a)
{
    struct err e = ERR_INIT;
    if (find_vectors(a, &e) != ERR_OK) {
        attempt_broken(a, &e);
        return;
    }
    /* some servers of OpenAI's shape know no base64, which its SDKs ask for by themselves */
    a->is_rewritten = a->is_crossed || (a->r->facts.base64 && a->got.has_numbers);
    a->at = 0;
    attempt_embed_on(a);
}
