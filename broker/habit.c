/*
 * habit.c: see habit.h. Two tables of hashes, four places for each. Must not know targets or
 * requests.
 */
#include "broker/habit.h"

#include <string.h>

#include "core/jscan.h"
#include "core/limits.h"
#include "core/map.h"
#include "core/mem.h"

enum {
    WAYS = 4, /* places that a key may stand in */
    /*
     * Bytes of a prompt's beginning. Source: OpenAI, prompt caching (2026-11): requests go to a
     * machine by a hash of about their first 256 tokens.
     */
    PREFIX_LEN = 1024,
    SMOOTHING =
        8, /* a new answer moves what is expected by an eighth of the difference */
};

struct slot {
    uint64_t key; /* 0: free */
    int64_t value;
    int64_t at_us; /* the one with the least makes room */
};

struct habits {
    struct slot answers[LIMIT_HABIT_ANSWERS];
    struct slot caches[LIMIT_HABIT_CACHES];
};

enum errc habits_new(struct habits **ret, struct err *e)
{
    *ret = MEM_NEW(struct habits);
    return *ret != NULL ? ERR_OK : err_set(e, ERR_MEMORY, "no memory for statistics");
}

void habits_free(struct habits **hp)
{
    mem_free(*hp);
    *hp = NULL;
}

/* ---- tables ---- */

/* The same on every day, so that a restart changes no choice. */
static uint64_t hash(uint64_t seed, struct str s)
{
    const uint64_t seeds[2] = {seed, 0};
    uint64_t h = map_hash(seeds, s);
    return h != 0 ? h : 1;
}

static const struct slot *find(const struct slot *slots, size_t n, uint64_t key)
{
    const struct slot *set = &slots[key % (n / WAYS) * WAYS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* Its place, or the one that it takes; a new one has value −1. */
static struct slot *take(struct slot *slots, size_t n, uint64_t key)
{
    struct slot *set = &slots[key % (n / WAYS) * WAYS], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].at_us < oldest->at_us)
            oldest = &set[i];
    }
    *oldest = (struct slot){.key = key, .value = -1};
    return oldest;
}

/* ---- answers ---- */

static void note_answer(struct habits *h, uint64_t key, int64_t output_tok,
                        int64_t now_us)
{
    struct slot *s = take(h->answers, LIMIT_HABIT_ANSWERS, key);
    s->value = s->value < 0 ? output_tok : s->value + (output_tok - s->value) / SMOOTHING;
    s->at_us = now_us;
}

void habits_answered(struct habits *h, struct str template_name, struct str target,
                     int64_t output_tok, int64_t now_us)
{
    uint64_t of_all = hash(0, template_name);
    note_answer(h, of_all, output_tok, now_us);
    note_answer(h, hash(of_all, target), output_tok, now_us);
}

int64_t habits_output_tok(const struct habits *h, struct str template_name,
                          struct str target)
{
    uint64_t of_all = hash(0, template_name);
    const struct slot *s = find(h->answers, LIMIT_HABIT_ANSWERS, hash(of_all, target));
    if (s == NULL)
        s = find(h->answers, LIMIT_HABIT_ANSWERS, of_all);
    return s != NULL ? s->value : -1;
}

/* ---- prompt caches ---- */

void habits_cached(struct habits *h, uint64_t prefix, struct str target,
                   int64_t cached_tok, int64_t until_us)
{
    struct slot *s = take(h->caches, LIMIT_HABIT_CACHES, hash(prefix, target));
    s->value = cached_tok;
    s->at_us = until_us;
}

int64_t habits_cached_tok(const struct habits *h, uint64_t prefix, struct str target,
                          int64_t now_us)
{
    const struct slot *s = find(h->caches, LIMIT_HABIT_CACHES, hash(prefix, target));
    return s != NULL && s->at_us > now_us ? s->value : -1;
}

/* ---- who served it last ---- */

/* The target's name as a value. */
static int64_t name_of(struct str target)
{
    return (int64_t)(hash(0, target) >> 1);
}

void habits_served(struct habits *h, uint64_t prefix, struct str target, int64_t until_us)
{
    struct slot *s = take(h->caches, LIMIT_HABIT_CACHES, hash(prefix, STR_NONE));
    s->value = name_of(target);
    s->at_us = until_us;
}

int64_t habits_kept_us(const struct habits *h, uint64_t prefix, struct str target,
                       int64_t now_us)
{
    const struct slot *s = find(h->caches, LIMIT_HABIT_CACHES, hash(prefix, STR_NONE));
    return s != NULL && s->value == name_of(target) ? MAX(s->at_us - now_us, 0) : 0;
}

/* ---- prefixes ---- */

struct beginning {
    char bytes[PREFIX_LEN];
    size_t len;
};

static void add(struct beginning *b, struct str s)
{
    size_t n = MIN(s.len, sizeof b->bytes - b->len);
    if (n > 0)
        memcpy(b->bytes + b->len, s.ptr, n);
    b->len += n;
}

/* Of a list what the next request of its conversation will repeat for sure. */
static void add_messages(struct beginning *b, struct str body, struct jspan messages)
{
    size_t it = 0;
    struct jspan m;
    if (messages.kind != J_ARRAY) {
        add(b, jscan_text(body, messages));
        return;
    }
    while (b->len < sizeof b->bytes && jscan_next(body, messages, &it, &m)) {
        add(b, jscan_text(body, m));
        if (jscan_is(body, jscan_get(body, m, "role"), "user"))
            return;
    }
}

uint64_t habit_prefix(struct str conversation, struct str body,
                      const struct jcheck *check)
{
    /* of the three dialects that clients speak */
    struct jfield fields[] = {{.name = "system"},
                              {.name = "instructions"},
                              {.name = "messages"},
                              {.name = "input"}};
    struct beginning b = {.len = 0};
    struct err ignored = ERR_INIT;
    if (conversation.len > 0)
        return hash(1, conversation);
    enum errc rc = check != NULL
                       ? jcheck_fields(check, body, fields, ARRAY_LEN(fields), &ignored)
                       : jscan_object(body, fields, ARRAY_LEN(fields), &ignored);
    for (size_t i = 0; rc == ERR_OK && i < ARRAY_LEN(fields); i++)
        if (fields[i].value.kind != J_NONE)
            add_messages(&b, body, fields[i].value);
    return hash(0, (struct str){b.bytes, b.len});
}
