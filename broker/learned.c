/* learned.c: see learned.h. Must not read clocks, nor know configured limits. */
#include "broker/learned.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

#include "broker/limiter.h"

/* A reset that is nearer comes before a restart ends. */
#define KEPT_FROM_US US_PER_S

/* What a target's headers said of one limit. */
struct told {
    char name[sizeof((struct ratelimit_row *)0)->name]; /* "" if none */
    enum ratelimit_gauge gauge;
    int64_t limit, left; /* −1: not told; what was admitted since is taken off */
    int64_t at_us;
    int64_t until_us; /* at_us: no reset was told */
    bool is_window;
};

struct learned_target {
    struct told told[RATELIMIT_ROWS];
};

void learned_init(struct learned *k)
{
    map_init(&k->by_target);
}

void learned_release(struct learned *k)
{
    map_for_each (slot, &k->by_target)
        mem_free(slot->value);
    map_release(&k->by_target);
}

bool learned_is_empty(const struct learned *k)
{
    return k->by_target.n == 0;
}

static struct learned_target *find(const struct learned *k, const struct limit_scope *s,
                                   char name[LEARNED_NAME_LEN])
{
    size_t len = str_copy(name, LEARNED_NAME_LEN - 1, s->provider);
    name[len++] = '/';
    len += str_copy(name + len, LEARNED_NAME_LEN - len, s->model);
    return map_get(&k->by_target, (struct str){name, len});
}

/* ---- learning ---- */

static bool is_past(const struct learned_target *t, int64_t now_us)
{
    bool all = true;
    for (unsigned i = 0; i < RATELIMIT_ROWS; i++)
        all &= t->told[i].until_us <= now_us;
    return all;
}

/* Clients may invent targets: when they are many, those go whose word is void. */
static void unlearn_old(struct learned *k, int64_t now_us)
{
    map_for_each (slot, &k->by_target) {
        if (k->by_target.n < LIMIT_TARGET_STATES)
            return;
        struct learned_target *t = slot->value;
        if (is_past(t, now_us)) {
            (void)map_del(&k->by_target, (struct str){slot->key, slot->len});
            mem_free(t);
        }
    }
}

/*
 * Of that name; else one that is free, or, when all have been used, whose word is void: one without
 * a reset is from the start, and yet shown. NULL: there are too many.
 */
static struct told *told_of(struct learned_target *target, const char *name,
                            int64_t now_us)
{
    struct told *void_one = NULL;
    for (size_t i = 0; i < RATELIMIT_ROWS; i++) {
        struct told *t = &target->told[i];
        if (t->name[0] == '\0' || strcmp(t->name, name) == 0)
            return t; /* none is behind a free one */
        if (void_one == NULL && t->until_us <= now_us)
            void_one = t;
    }
    return void_one;
}

/* NULL: no room. What is not learned is only not learned: the provider says it again. */
static struct told *place(struct learned *k, const struct limit_scope *s,
                          const char *row_name, int64_t now_us)
{
    char name[LEARNED_NAME_LEN];
    struct learned_target *t = find(k, s, name);
    if (t == NULL) {
        unlearn_old(k, now_us);
        t = MEM_NEW(struct learned_target);
        if (t == NULL || k->by_target.n >= LIMIT_TARGET_STATES ||
            map_set(&k->by_target, str_of(name), t) != ERR_OK) {
            mem_free(t);
            return NULL;
        }
    }
    return told_of(t, row_name, now_us);
}

void learned_add(struct learned *k, const struct limit_scope *s,
                 const struct ratelimit_row *row, int64_t now_us)
{
    struct told *t = place(k, s, row->name, now_us);
    if (t == NULL)
        return;
    *t = (struct told){.gauge = row->gauge,
                       .limit = row->limit,
                       .left = row->left,
                       .at_us = now_us,
                       .until_us = now_us + MAX(row->reset_us, 0),
                       .is_window = row->is_window};
    snprintf(t->name, sizeof t->name, "%s", row->name);
}

/* ---- asking ---- */

/* How long until `need` is there; 0 when it is, or nothing is known of it. */
static int64_t told_wait_us(const struct told *t, int64_t need, int64_t now_us)
{
    if (t->left < 0 || need <= t->left || t->until_us <= now_us)
        return 0;
    int64_t wait_us = t->until_us - now_us, missing = need - t->left;
    if (t->is_window || missing >= t->limit - t->left)
        return wait_us;
    /* it fills evenly: the reset is when it is full */
    int64_t span_us = t->until_us - t->at_us;
    i128 due_us = (i128)span_us * missing / (t->limit - t->left);
    return MAX(t->at_us + (int64_t)due_us + 1 - now_us, 0);
}

int64_t learned_wait_us(const struct learned *k, const struct limit_scope *s,
                        const int64_t needs[RATELIMIT_OTHER], int64_t now_us,
                        char ret_target[LEARNED_NAME_LEN], const char **ret_name)
{
    const struct learned_target *target = find(k, s, ret_target);
    int64_t longest_us = 0;
    for (size_t i = 0; target != NULL && i < RATELIMIT_ROWS; i++) {
        const struct told *t = &target->told[i];
        int64_t wait_us =
            t->gauge != RATELIMIT_OTHER ? told_wait_us(t, needs[t->gauge], now_us) : 0;
        if (wait_us <= longest_us)
            continue;
        longest_us = wait_us;
        *ret_name = t->name;
    }
    return longest_us;
}

void learned_take(struct learned *k, const struct limit_scope *s,
                  const int64_t needs[RATELIMIT_OTHER])
{
    char name[LEARNED_NAME_LEN];
    struct learned_target *target = find(k, s, name);
    for (size_t i = 0; target != NULL && i < RATELIMIT_ROWS; i++) {
        struct told *t = &target->told[i];
        if (t->gauge != RATELIMIT_OTHER && t->left > 0)
            t->left -= MIN(t->left, MAX(needs[t->gauge], 0));
    }
}

/* ---- over a restart ---- */

static const char *const gauge_names[] = {[RATELIMIT_REQUESTS] = "requests",
                                          [RATELIMIT_INPUT] = "input-tokens",
                                          [RATELIMIT_OUTPUT] = "output-tokens",
                                          [RATELIMIT_TOKENS] = "tokens",
                                          [RATELIMIT_OTHER] = "other"};

bool learned_keep(const struct learned *k, const struct limit_scope *s,
                  int64_t now_mono_us, int64_t now_wall_us, struct jw *w)
{
    char name[LEARNED_NAME_LEN];
    const struct learned_target *target = find(k, s, name);
    bool any = false;
    jw_array(w);
    for (size_t i = 0; target != NULL && i < RATELIMIT_ROWS; i++) {
        const struct told *t = &target->told[i];
        if (t->until_us - now_mono_us < KEPT_FROM_US)
            continue;
        any = true;
        jw_object(w);
        jw_kstrz(w, "name", t->name);
        jw_kstrz(w, "gauge", gauge_names[t->gauge]);
        jw_ki64(w, "limit", t->limit);
        jw_ki64(w, "left", t->left);
        jw_ki64(w, "at_us", t->at_us - now_mono_us + now_wall_us);
        jw_ki64(w, "until_us", t->until_us - now_mono_us + now_wall_us);
        jw_kbool(w, "is_window", t->is_window);
        jw_object_end(w);
    }
    jw_array_end(w);
    return any;
}

/* false: it is none that is still to come. */
static bool read_told(struct json_object *o, int64_t wall_us, struct told *ret)
{
    struct str name = jx_str(o, "name"), gauge = jx_str(o, "gauge");
    unsigned g = 0;
    while (g < RATELIMIT_OTHER && !str_eqz(gauge, gauge_names[g]))
        g++;
    *ret = (struct told){.gauge = (enum ratelimit_gauge)g,
                         .is_window = jx_bool(o, "is_window", false)};
    str_copy(ret->name, sizeof ret->name, name);
    return name.len > 0 && name.len < sizeof ret->name &&
           jx_i64(o, "limit", -1, INT64_MAX, &ret->limit) &&
           jx_i64(o, "left", -1, INT64_MAX, &ret->left) &&
           jx_i64(o, "at_us", 0, wall_us, &ret->at_us) &&
           jx_i64(o, "until_us", wall_us + 1, wall_us + RATELIMIT_RESET_MAX_US,
                  &ret->until_us);
}

bool learned_recall(struct learned *k, const struct limit_scope *s,
                    struct json_object *rows, int64_t now_mono_us, int64_t now_wall_us)
{
    bool any = false;
    for (size_t i = 0; rows != NULL && i < json_object_array_length(rows); i++) {
        struct told told, *t;
        if (!read_told(json_object_array_get_idx(rows, i), now_wall_us, &told))
            continue;
        told.at_us += now_mono_us - now_wall_us;
        told.until_us += now_mono_us - now_wall_us;
        t = place(k, s, told.name, now_mono_us);
        if (t != NULL)
            *t = told;
        any |= t != NULL;
    }
    return any;
}

/* ---- for people ---- */

/* What has been reset since is news no more. */
static void write_told(const char *target, const struct told *t, int64_t now_us,
                       struct jw *w)
{
    bool has_reset = t->until_us > t->at_us;
    if (t->name[0] == '\0' || (has_reset && t->until_us <= now_us))
        return;
    jw_object(w);
    jw_kstrz(w, "learned", target);
    jw_kstrz(w, "gauge", t->name);
    if (t->limit >= 0)
        jw_ki64(w, "amount", t->limit);
    if (t->left >= 0)
        jw_ki64(w, "left", t->left);
    if (has_reset)
        jw_ki64(w, "resets_in_us", t->until_us - now_us);
    jw_ki64(w, "age_us", MAX(now_us - t->at_us, 0));
    jw_object_end(w);
}

void learned_write(const struct learned *k, int64_t now_us, struct jw *w)
{
    map_for_each (slot, &k->by_target)
        for (size_t i = 0; i < RATELIMIT_ROWS; i++)
            write_told(slot->key, &((const struct learned_target *)slot->value)->told[i],
                       now_us, w);
}
