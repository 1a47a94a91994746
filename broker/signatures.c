/*
 * signatures.c: signatures by tool call, bounded in bytes and in age; see signatures.h.
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

enum { KEY_LEN = 512 };

struct signature {
    struct list link;
    struct str text; /* in the bytes behind this */
    size_t key_len;
    char *key;    /* in the bytes behind that */
    size_t cost;  /* bytes of all three */
    int64_t used; /* monotonic, when it was last asked for */
};

struct signatures {
    struct map by_call;
    struct list order; /* struct signature, the one used last at the end */
    size_t total;
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
static bool make_key(struct str id, struct str name, char key[KEY_LEN], struct str *ret)
{
    if (id.len == 0 || id.len + name.len + 1 > KEY_LEN)
        return false;
    memcpy(key, id.ptr, id.len);
    key[id.len] = '\0';
    if (name.len > 0)
        memcpy(key + id.len + 1, name.ptr, name.len);
    *ret = (struct str){key, id.len + 1 + name.len};
    return true;
}

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

void signatures_put(struct signatures *s, struct str id, struct str name,
                    struct str signature, int64_t mono_us)
{
    char bytes[KEY_LEN];
    struct str key;
    if (s == NULL || signature.len == 0 || signature.len > LIMIT_SIGNATURES_LEN / 8 ||
        !make_key(id, name, bytes, &key))
        return;
    struct signature *old = map_get(&s->by_call, key);
    if (old != NULL)
        forget(s, old);
    struct signature *g = signature_new(key, signature);
    if (g == NULL || map_set(&s->by_call, key, g) != ERR_OK) {
        mem_free(g);
        return;
    }
    s->total += g->cost;
    use(s, g, mono_us);
    make_room(s, mono_us);
}

void signatures_put_reply(struct signatures *s, const struct msg_reply *r,
                          int64_t mono_us)
{
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i].kind == MSG_TOOL_CALL)
            signatures_put(s, r->parts[i].id, r->parts[i].name, r->parts[i].signature,
                           mono_us);
}

static void attach(struct signatures *s, struct msg_part *p, struct arena *a,
                   int64_t mono_us)
{
    char bytes[KEY_LEN];
    struct str key;
    struct signature *g = NULL;
    if (p->kind == MSG_TOOL_CALL && make_key(p->id, p->name, bytes, &key))
        g = map_get(&s->by_call, key);
    if (g == NULL)
        return;
    p->signature = arena_str(a, g->text);
    use(s, g, mono_us);
}

void signatures_attach(struct signatures *s, struct msg_request *m, struct arena *a,
                       int64_t mono_us)
{
    if (s == NULL)
        return;
    make_room(s, mono_us);
    for (size_t i = 0; i < m->n_turns && s->by_call.n > 0; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++)
            attach(s, &m->turns[i].parts[k], a, mono_us);
}
