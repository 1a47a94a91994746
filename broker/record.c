/*
 * record.c: the layout of spool records. Each field list stands once and serves both ways: the
 * codec either appends a field to its buffer or fills it from its bytes.
 */
#include "broker/record.h"

#include <string.h>

enum {
    LAYOUT = 2,
    LAYOUT_WITH_NAMES = 2, /* since then, admissions name conversations */
    TEXT_MAX = 4096,       /* bytes kept of any text but the trace */
    TRACE_MAX = 128 * 1024 /* bytes of a decision trace; a longer one is left out */
};

/* The caps keep every record below RECORD_MAX. */
_Static_assert(LIMIT_ATTEMPTS *(9 * TEXT_MAX + 512) + 10 * TEXT_MAX + TRACE_MAX <
                   RECORD_MAX,
               "the longest settlement fits");
_Static_assert((16 + 2 * LIMIT_TAGS) * (TEXT_MAX + 10) < RECORD_MAX,
               "the longest admission fits");

struct codec {
    unsigned char *out; /* writing: where the next byte goes; NULL when reading */
    const unsigned char *at, *end;
    unsigned char layout;
    bool bad; /* the bytes are no record */
};

static void put_varint(struct codec *c, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *c->out++ = (unsigned char)(v | 0x80);
    *c->out++ = (unsigned char)v;
}

static uint64_t get_varint(struct codec *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; c->at < c->end && shift < 64; shift += 7) {
        uint64_t byte = *c->at++;
        v |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    c->bad = true;
    return 0;
}

static void code_u64(struct codec *c, uint64_t *v)
{
    if (c->out != NULL)
        put_varint(c, *v);
    else
        *v = get_varint(c);
}

/* Zigzag: small numbers of either sign are short. */
static void code_i64(struct codec *c, int64_t *v)
{
    uint64_t u = (uint64_t)*v << 1 ^ (uint64_t)(*v >> 63);
    code_u64(c, &u);
    *v = (int64_t)(u >> 1 ^ (0 - (u & 1)));
}

/* A small number in an int, an unsigned or an enum, from 0 to max. */
static unsigned code_small(struct codec *c, unsigned v, unsigned max)
{
    uint64_t u = v;
    code_u64(c, &u);
    if (u > max)
        c->bad = true;
    return c->bad ? 0 : (unsigned)u;
}

static bool code_bool(struct codec *c, bool v)
{
    return code_small(c, v, 1) == 1;
}

static void code_text(struct codec *c, struct str *s, size_t max)
{
    if (c->out != NULL) {
        size_t len = str_utf8_prefix(*s, max);
        put_varint(c, s->ptr == NULL ? 0 : len + 1);
        if (s->ptr != NULL)
            memcpy(c->out, s->ptr, len);
        c->out += len;
        return;
    }
    uint64_t len = get_varint(c);
    *s = STR_NONE;
    if (len == 0)
        return;
    if (len - 1 > (uint64_t)(c->end - c->at)) {
        c->bad = true;
        return;
    }
    *s = (struct str){(const char *)c->at, (size_t)(len - 1)};
    c->at += len - 1;
}

static void code_str(struct codec *c, struct str *s)
{
    code_text(c, s, TEXT_MAX);
}

static void code_id(struct codec *c, char id[ULID_LEN + 1])
{
    struct str s = {id, c->out != NULL ? strnlen(id, ULID_LEN) : 0};
    code_text(c, &s, ULID_LEN);
    if (c->out != NULL)
        return;
    if (s.len == 0 || s.len > ULID_LEN || memchr(s.ptr, 0, s.len) != NULL) {
        c->bad = true;
        return;
    }
    memcpy(id, s.ptr, s.len);
    memset(id + s.len, 0, ULID_LEN + 1 - s.len);
}

/* Only the classes that are known. */
static void code_classes(struct codec *c, struct usage *u)
{
    uint64_t known = u->known;
    code_u64(c, &known);
    if (known >> USAGE_N_ != 0)
        c->bad = true;
    u->known = (uint32_t)known;
    for (unsigned i = 0; i < USAGE_N_ && !c->bad; i++)
        if (known >> i & 1)
            code_i64(c, &u->n[i]);
    u->estimated = code_bool(c, u->estimated);
    code_i64(c, &u->reported_pico);
}
_Static_assert(USAGE_N_ <= 32, "usage.known has a bit per class");

/* `room` takes the usage when reading. */
static void code_usage(struct codec *c, const struct usage **u, struct usage *room)
{
    if (!code_bool(c, *u != NULL)) {
        *u = NULL;
        return;
    }
    if (c->out != NULL)
        *room = **u;
    else
        *room = (struct usage){0};
    code_classes(c, room);
    *u = room;
}

static void code_admit(struct codec *c, struct ledger_admit *a,
                       struct http1_header tags[LIMIT_TAGS])
{
    struct str *const texts[] = {
        &a->client,      &a->dialect,       &a->route,
        &a->asked_model, &a->project,       &a->conversation,
        &a->parent,      &a->template_name, &a->template_version,
        &a->kind,        &a->user,          &a->provider,
        &a->model,
    };
    code_id(c, a->id);
    code_i64(c, &a->start_us);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        code_str(c, texts[i]);
    code_i64(c, &a->input_tok_estimate);
    code_i64(c, &a->reserved_pico);
    a->n_tags = code_small(c, (unsigned)MIN(a->n_tags, (size_t)LIMIT_TAGS), LIMIT_TAGS);
    for (size_t i = 0; i < a->n_tags; i++) {
        if (c->out != NULL)
            tags[i] = a->tags[i];
        code_str(c, &tags[i].name);
        code_str(c, &tags[i].value);
    }
    a->tags = tags;
    if (c->layout >= LAYOUT_WITH_NAMES)
        code_str(c, &a->conversation_name);
}

static void code_attempt(struct codec *c, struct ledger_attempt *a, struct usage *room)
{
    struct str *const texts[] = {
        &a->provider,  &a->model,   &a->served_model,  &a->key_id,
        &a->price_row, &a->pricing, &a->provider_code, &a->upstream_id,
    };
    int64_t *const numbers[] = {
        &a->start_us, &a->connect_us, &a->first_byte_us, &a->first_token_us,
        &a->end_us,   &a->bytes_in,   &a->bytes_out,     &a->cost_pico,
    };
    a->index = (int)code_small(c, (unsigned)a->index, INT32_MAX);
    a->leg = (int)code_small(c, (unsigned)a->leg, INT32_MAX);
    a->http_status = (int)code_small(c, (unsigned)a->http_status, 999);
    a->outcome = (enum errc)code_small(c, a->outcome, ERR_N_ - 1);
    a->cost_source = (enum ledger_cost_source)code_small(c, a->cost_source, COST_UNKNOWN);
    a->billed_estimate = code_bool(c, a->billed_estimate);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        code_str(c, texts[i]);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        code_i64(c, numbers[i]);
    code_usage(c, &a->usage, room);
}

static void code_settle(struct codec *c, struct ledger_settle *s, struct usage *room)
{
    struct str *const texts[] = {
        &s->provider,  &s->model,        &s->served_model, &s->finish,
        &s->price_row, &s->catalog_date, &s->error,
    };
    code_id(c, s->id);
    code_i64(c, &s->end_us);
    code_i64(c, &s->first_token_us);
    s->outcome = (enum errc)code_small(c, s->outcome, ERR_N_ - 1);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        code_str(c, texts[i]);
    code_i64(c, &s->cost_pico);
    code_i64(c, &s->reported_pico);
    s->cost_source = (enum ledger_cost_source)code_small(c, s->cost_source, COST_UNKNOWN);
    s->record = (enum conf_record)code_small(c, s->record, CONF_RECORD_OFF);
    s->flags = code_small(c, s->flags, INT32_MAX);
    if (c->out != NULL && s->trace.len > TRACE_MAX)
        s->trace = STR_NONE;
    code_text(c, &s->trace, TRACE_MAX);
    code_usage(c, &s->usage, room);
    s->n_attempts = code_small(c, (unsigned)MIN(s->n_attempts, (size_t)LIMIT_ATTEMPTS),
                               LIMIT_ATTEMPTS);
}

static void code_state(struct codec *c, struct ledger_state *s)
{
    code_str(c, &s->key);
    code_str(c, &s->value);
    code_i64(c, &s->at_us);
}

/* Room for the longest record, once: fields are then written without a check each. */
static bool begin_record(struct buf *out, enum record_kind kind, struct codec *c)
{
    *c = (struct codec){.out = (unsigned char *)buf_room(out, RECORD_MAX),
                        .layout = LAYOUT};
    if (c->out == NULL)
        return false;
    *c->out++ = (unsigned char)kind;
    *c->out++ = LAYOUT;
    return true;
}

static void end_record(struct buf *out, const struct codec *c)
{
    buf_grown(out, (size_t)(c->out - (unsigned char *)out->data) - out->len);
}

void record_put_admit(struct buf *out, const struct ledger_admit *a)
{
    struct codec c;
    struct ledger_admit copy = *a;
    struct http1_header tags[LIMIT_TAGS];
    if (!begin_record(out, RECORD_ADMIT, &c))
        return;
    code_admit(&c, &copy, tags);
    end_record(out, &c);
}

void record_put_settle(struct buf *out, const struct ledger_settle *s)
{
    struct codec c;
    struct ledger_settle copy = *s;
    struct usage room;
    if (!begin_record(out, RECORD_SETTLE, &c))
        return;
    code_settle(&c, &copy, &room);
    for (size_t i = 0; i < copy.n_attempts; i++) {
        struct ledger_attempt one = s->attempts[i];
        code_attempt(&c, &one, &room);
    }
    end_record(out, &c);
}

void record_put_state(struct buf *out, const struct ledger_state *s)
{
    struct codec c;
    struct ledger_state copy = *s;
    if (!begin_record(out, RECORD_STATE, &c))
        return;
    code_state(&c, &copy);
    end_record(out, &c);
}

void record_put_replay(struct buf *out, struct str json)
{
    struct codec c;
    if (!begin_record(out, RECORD_REPLAY, &c))
        return;
    code_text(&c, &json, LIMIT_RUN_LEN);
    end_record(out, &c);
}

/* An end of a request and its attempts. */
static void get_settle(struct codec *c, struct record *ret)
{
    ret->settle = (struct ledger_settle){0};
    code_settle(c, &ret->settle, &ret->usages[LIMIT_ATTEMPTS]);
    for (size_t i = 0; i < ret->settle.n_attempts && !c->bad; i++) {
        ret->attempts[i] = (struct ledger_attempt){0};
        code_attempt(c, &ret->attempts[i], &ret->usages[i]);
    }
    ret->settle.attempts = ret->attempts;
}

static void get_fields(struct codec *c, struct record *ret)
{
    switch (ret->kind) {
    case RECORD_ADMIT:
        ret->admit = (struct ledger_admit){0};
        code_admit(c, &ret->admit, ret->tags);
        return;
    case RECORD_SETTLE:
        get_settle(c, ret);
        return;
    case RECORD_STATE:
        ret->state = (struct ledger_state){0};
        code_state(c, &ret->state);
        return;
    case RECORD_REPLAY:
        code_text(c, &ret->replay, LIMIT_RUN_LEN);
        return;
    }
    c->bad = true;
}

static enum errc begin_get(struct str bytes, struct codec *c, enum record_kind *ret,
                           struct err *e)
{
    if (bytes.len < 2 || bytes.ptr[1] < 1 || bytes.ptr[1] > LAYOUT ||
        memchr("ASTR", bytes.ptr[0], 4) == NULL)
        return err_set(e, ERR_SYNTAX, "spool: a record of a kind not known here");
    *c = (struct codec){
        .at = (const unsigned char *)bytes.ptr + 2,
        .end = (const unsigned char *)bytes.ptr + bytes.len,
        .layout = (unsigned char)bytes.ptr[1],
    };
    *ret = (enum record_kind)bytes.ptr[0];
    return ERR_OK;
}

static enum errc bad_record(struct err *e)
{
    return err_set(e, ERR_SYNTAX, "spool: a record that does not add up");
}

enum errc record_peek(struct str bytes, enum record_kind *ret, char ret_id[ULID_LEN + 1],
                      struct err *e)
{
    struct codec c;
    enum errc rc = begin_get(bytes, &c, ret, e);
    if (rc != ERR_OK || *ret != RECORD_ADMIT)
        return rc;
    code_id(&c, ret_id);
    return c.bad ? bad_record(e) : ERR_OK;
}

enum errc record_get(struct str bytes, struct record *ret, struct err *e)
{
    struct codec c;
    enum errc rc = begin_get(bytes, &c, &ret->kind, e);
    if (rc != ERR_OK)
        return rc;
    get_fields(&c, ret);
    return c.bad || c.at != c.end ? bad_record(e) : ERR_OK;
}
