/*
 * signatures.c: opaque state by tool call or text, bounded in bytes and in age; see signatures.h.
 *
 * The oldest go first. Must not know a dialect.
 */
#include "broker/signatures.h"

#include <string.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/sha256.h"

enum { KEY_LEN = 512 };

struct signature {
    struct list link;
    struct str text; /* parts, as put_part() writes them; in the bytes behind this */
    size_t key_len;
    char *key;    /* in the bytes behind that */
    size_t cost;  /* bytes of all three */
    bool is_text; /* of a turn's text, not of a call */
    int64_t used; /* monotonic, when it was last asked for */
};

struct signatures {
    struct map by_call;
    struct list order; /* struct signature, the one used last at the end */
    size_t total;
    size_t n_texts; /* without any, no turn need be looked at for its text */
};

enum errc signatures_new(struct signatures **ret, struct err *e)
{
    struct signatures *s = MEM_NEW(struct signatures);
    if (s == NULL)
        return err_set(e, ERR_MEMORY, "no memory for signatures");
    map_init(&s->by_call);
    list_init(&s->order);
    *ret = s;
    return ERR_OK;
}

static void forget(struct signatures *s, struct signature *g)
{
    map_del(&s->by_call, (struct str){g->key, g->key_len});
    list_del(&g->link);
    s->total -= g->cost;
    s->n_texts -= g->is_text;
    mem_free(g);
}

void signatures_free(struct signatures **sp)
{
    struct signatures *s = *sp;
    if (s == NULL)
        return;
    *sp = NULL;
    list_for_each_safe (node, &s->order)
        forget(s, container_of(node, struct signature, link));
    map_release(&s->by_call);
    mem_free(s);
}

/* An id is its provider's; with the name it is hardly another's, too. False: too long. */
static bool make_key(struct str origin, const struct msg_part *call, char key[KEY_LEN],
                     struct str *ret)
{
    const struct str parts[] = {origin, call->id, call->name};
    size_t len = 0;
    if (call->id.len == 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].len >= KEY_LEN - len)
            return false;
        if (parts[i].len > 0)
            memcpy(key + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
        key[len++] = '\0';
    }
    *ret = (struct str){key, len};
    return true;
}

/* ---- parts as bytes ---- */

static void put_text(struct buf *b, struct str s)
{
    buf_add(b, &s.len, sizeof s.len);
    buf_adds(b, s);
}

static struct str get_text(struct str *rest)
{
    struct str s = {.len = 0};
    memcpy(&s.len, rest->ptr, sizeof s.len);
    s.ptr = rest->ptr + sizeof s.len;
    *rest = str_sub(*rest, sizeof s.len + s.len, rest->len);
    return s;
}

/* Never leaves this process. */
static void put_part(struct buf *b, const struct msg_part *p)
{
    buf_add(b, &p->kind, sizeof p->kind);
    put_text(b, p->id);
    put_text(b, p->text);
    put_text(b, p->data);
    put_text(b, p->signature);
}

static bool get_part(struct str *rest, struct arena *a, struct msg_part *ret)
{
    if (rest->len == 0)
        return false;
    *ret = (struct msg_part){.kind = MSG_TEXT};
    memcpy(&ret->kind, rest->ptr, sizeof ret->kind);
    *rest = str_sub(*rest, sizeof ret->kind, rest->len);
    ret->id = arena_str(a, get_text(rest));
    ret->text = arena_str(a, get_text(rest));
    ret->data = arena_str(a, get_text(rest));
    ret->signature = arena_str(a, get_text(rest));
    return true;
}

/* ---- keeping ---- */

static struct signature *signature_new(struct str key, struct str text)
{
    size_t cost = sizeof(struct signature) + key.len + text.len;
    struct signature *g = mem_alloc(1, cost);
    if (g == NULL)
        return NULL;
    char *bytes = (char *)(g + 1);
    memcpy(bytes, key.ptr, key.len);
    memcpy(bytes + key.len, text.ptr, text.len);
    *g = (struct signature){.key = bytes,
                            .key_len = key.len,
                            .text = {bytes + key.len, text.len},
                            .cost = cost};
    list_init(&g->link);
    return g;
}

/* Those that are too old, and the oldest while there are too many. */
static void make_room(struct signatures *s, int64_t mono_us)
{
    list_for_each_safe (node, &s->order) {
        struct signature *g = container_of(node, struct signature, link);
        if (s->total <= LIMIT_SIGNATURES_LEN &&
            mono_us - g->used <= (int64_t)LIMIT_SIGNATURES_S * US_PER_S)
            return;
        forget(s, g);
    }
}

static void use(struct signatures *s, struct signature *g, int64_t mono_us)
{
    g->used = mono_us;
    list_del(&g->link);
    list_add(&s->order, &g->link);
}

/* A turn's text, which has no id, as a call that its hash is the id of; false: there is none. */
static bool name_text(const struct msg_part *parts, size_t n,
                      char hex[SHA256_HEX_LEN + 1], struct msg_part *ret)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t i = 0; i < n; i++)
        if (parts[i].kind == MSG_TEXT)
            buf_adds(&text, parts[i].text);
    if (text.len == 0 || buf_err(&text) != ERR_OK)
        return false;
    sha256_hex(buf_str(&text), hex);
    *ret = (struct msg_part){
        .kind = MSG_TOOL_CALL, .id = {hex, SHA256_HEX_LEN}, .name = STR("(text)")};
    return true;
}

static void put(struct signatures *s, struct str origin, const struct msg_part *call,
                struct str parts, bool is_text, int64_t mono_us)
{
    char bytes[KEY_LEN];
    struct str key;
    if (parts.len > LIMIT_SIGNATURES_LEN / 8 || !make_key(origin, call, bytes, &key))
        return;
    struct signature *old = map_get(&s->by_call, key);
    if (old != NULL)
        forget(s, old);
    struct signature *g = signature_new(key, parts);
    if (g == NULL || map_set(&s->by_call, key, g) != ERR_OK) {
        mem_free(g);
        return;
    }
    s->total += g->cost;
    g->is_text = is_text;
    s->n_texts += is_text;
    use(s, g, mono_us);
    make_room(s, mono_us);
}

/* A thought that its model can check. */
static bool is_signed_thought(const struct msg_part *p)
{
    return (p->kind == MSG_THINKING && p->signature.len > 0) || p->kind == MSG_REDACTED;
}

/* Of several texts the last one's signature counts. */
static void put_text_state(struct signatures *s, struct str origin,
                           const struct msg_reply *r, int64_t mono_us)
{
    AUTO(buf_release) struct buf parts = BUF_INIT(LIMIT_SIGNATURES_LEN);
    struct msg_part named;
    char hex[SHA256_HEX_LEN + 1];
    size_t i = r->n_parts;
    while (i > 0 &&
           (r->parts[i - 1].kind != MSG_TEXT || r->parts[i - 1].signature.len == 0))
        i--;
    if (s == NULL || i == 0 || !name_text(r->parts, r->n_parts, hex, &named))
        return;
    put_part(&parts, &(struct msg_part){.kind = MSG_TEXT,
                                        .signature = r->parts[i - 1].signature});
    if (buf_err(&parts) == ERR_OK)
        put(s, origin, &named, buf_str(&parts), true, mono_us);
}

/* Is there a call from parts[i] on? */
static bool has_call(const struct msg_reply *r, size_t i)
{
    while (i < r->n_parts && r->parts[i].kind != MSG_TOOL_CALL)
        i++;
    return i < r->n_parts;
}

static void put_call(struct signatures *s, struct str origin,
                     const struct msg_part **call, struct buf *parts, int64_t mono_us)
{
    if (parts->len > 0 && buf_err(parts) == ERR_OK)
        put(s, origin, *call, buf_str(parts), false, mono_us);
    buf_reset(parts);
    *call = NULL;
}

void signatures_put_reply(struct signatures *s, struct str origin,
                          const struct msg_reply *r, int64_t mono_us)
{
    struct buf parts = BUF_INIT(LIMIT_SIGNATURES_LEN);
    const struct msg_part *call = NULL; /* that `parts` belong to; NULL: to the next */
    for (size_t i = 0; i < r->n_parts && s != NULL; i++) {
        const struct msg_part *p = &r->parts[i];
        bool is_call = p->kind == MSG_TOOL_CALL;
        if (call != NULL && (is_call || (is_signed_thought(p) && has_call(r, i))))
            put_call(s, origin, &call, &parts, mono_us);
        if (is_signed_thought(p) || (is_call && p->signature.len > 0))
            put_part(&parts, &(struct msg_part){.kind = p->kind,
                                                .id = p->id,
                                                .text = p->text,
                                                .data = p->data,
                                                .signature = p->signature});
        if (is_call)
            call = p;
    }
    if (call != NULL)
        put_call(s, origin, &call, &parts, mono_us);
    buf_release(&parts);
    put_text_state(s, origin, r, mono_us);
}

/* ---- giving back ---- */

static struct signature *find(struct signatures *s, struct str origin,
                              const struct msg_part *p)
{
    char bytes[KEY_LEN];
    struct str key;
    if (p->kind != MSG_TOOL_CALL || !make_key(origin, p, bytes, &key))
        return NULL;
    return map_get(&s->by_call, key);
}

static size_t count_parts(struct str kept)
{
    size_t n = 0;
    for (; kept.len > 0; n++) {
        kept = str_sub(kept, sizeof(enum msg_part_kind), kept.len);
        for (size_t i = 0; i < 4; i++)
            get_text(&kept);
    }
    return n;
}

/* A turn being written anew. */
struct rewrite {
    struct signatures *s;
    struct str origin;
    struct arena *arena;
    int64_t mono_us;
    bool has_own;      /* the client brought thoughts */
    size_t n_thoughts; /* written to the front */
    struct msg_part *to;
    size_t n;
};

static void insert(struct rewrite *w, size_t at, const struct msg_part *p)
{
    memmove(w->to + at + 1, w->to + at, (w->n - at) * sizeof *w->to);
    w->to[at] = *p;
    w->n++;
}

/* What was kept for the call: its thoughts go before it, those of the first call to the front. */
static void give_back(struct rewrite *w, struct msg_part *call, struct signature *g,
                      bool is_first)
{
    struct str kept = g->text;
    struct msg_part p;
    while (get_part(&kept, w->arena, &p)) {
        if (p.kind == MSG_TOOL_CALL)
            call->signature = p.signature;
        else if (!w->has_own)
            insert(w, is_first ? w->n_thoughts++ : w->n, &p);
    }
    use(w->s, g, w->mono_us);
}

/* The turn with all that is known of its calls; as it is when that is nothing. */
static void attach(struct rewrite *w, struct msg_turn *t)
{
    size_t n_kept = 0;
    bool is_first = true;
    w->has_own = false;
    for (size_t i = 0; i < t->n_parts; i++) {
        struct signature *g = find(w->s, w->origin, &t->parts[i]);
        n_kept += g != NULL ? count_parts(g->text) : 0;
        w->has_own |= is_signed_thought(&t->parts[i]);
    }
    if (n_kept == 0)
        return;
    w->to = ARENA_ARRAY(w->arena, t->n_parts + n_kept, struct msg_part);
    w->n = w->n_thoughts = 0;
    if (w->to == NULL)
        return;
    for (size_t i = 0; i < t->n_parts; i++) {
        struct msg_part p = t->parts[i];
        struct signature *g = find(w->s, w->origin, &p);
        if (g != NULL)
            give_back(w, &p, g, is_first);
        is_first &= p.kind != MSG_TOOL_CALL;
        w->to[w->n++] = p;
    }
    t->parts = w->to;
    t->n_parts = w->n;
}

static void attach_to_text(struct rewrite *w, struct msg_turn *t)
{
    struct msg_part named, kept;
    char hex[SHA256_HEX_LEN + 1];
    if (t->role != MSG_ASSISTANT || !name_text(t->parts, t->n_parts, hex, &named))
        return;
    struct signature *g = find(w->s, w->origin, &named);
    struct msg_part *parts =
        g != NULL ? ARENA_ARRAY(w->arena, t->n_parts, struct msg_part) : NULL;
    if (parts == NULL)
        return;
    memcpy(parts, t->parts, t->n_parts * sizeof *parts);
    size_t i = t->n_parts;
    while (parts[i - 1].kind != MSG_TEXT)
        i--;
    struct str text = g->text;
    if (get_part(&text, w->arena, &kept))
        parts[i - 1].signature = kept.signature;
    t->parts = parts;
    use(w->s, g, w->mono_us);
}

void signatures_attach(struct signatures *s, struct str origin, struct msg_request *m,
                       struct arena *a, int64_t mono_us)
{
    if (s == NULL)
        return;
    make_room(s, mono_us);
    if (s->by_call.n == 0 || m->n_turns == 0)
        return;
    struct msg_turn *turns = ARENA_ARRAY(a, m->n_turns, struct msg_turn);
    struct rewrite w = {.s = s, .origin = origin, .arena = a, .mono_us = mono_us};
    if (turns == NULL)
        return;
    memcpy(turns, m->turns, m->n_turns * sizeof *turns);
    m->turns = turns;
    for (size_t i = 0; i < m->n_turns; i++) {
        attach(&w, &turns[i]);
        if (s->n_texts > 0)
            attach_to_text(&w, &turns[i]);
    }
}
