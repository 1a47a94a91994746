/* target.c: see target.h. Must not know requests, nor what is kept over a restart. */
#include "broker/target.h"

#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

void targets_init(struct targets *ts)
{
    *ts = (struct targets){.others = {0}};
    map_init(&ts->by_name);
    list_init(&ts->by_use);
}

void targets_release(struct targets *ts)
{
    map_for_each (slot, &ts->by_name) {
        mem_free(slot->value);
    }
    map_release(&ts->by_name);
    list_init(&ts->by_use);
}

struct target_state *targets_find(const struct targets *ts, struct str name)
{
    return map_get(&ts->by_name, name);
}

static struct target_state *state_new(struct targets *ts, struct str name)
{
    struct target_state *t = MEM_NEW(struct target_state);
    if (t == NULL || map_set(&ts->by_name, name, t) != ERR_OK) {
        mem_free(t);
        return NULL;
    }
    str_copy(t->name, sizeof t->name, name);
    breaker_init(&t->breaker);
    list_init(&t->link);
    return t;
}

struct target_state *targets_get(struct targets *ts, struct str provider,
                                 struct str model)
{
    char name[sizeof((struct target_state *)0)->name];
    size_t len = str_copy(name, sizeof name - 1, provider);
    name[len++] = '/';
    len += str_copy(name + len, sizeof name - len, model);
    struct str key = {name, len};
    struct target_state *t = targets_find(ts, key);
    if (t == NULL)
        t = state_new(ts, key);
    if (t == NULL)
        return NULL;
    list_del(&t->link);
    list_add(&ts->by_use, &t->link);
    return t;
}

struct target_state *targets_surplus(const struct targets *ts)
{
    struct target_state *oldest = NULL;
    if (ts->by_name.n <= LIMIT_TARGET_STATES)
        return NULL;
    list_for_each (node, &ts->by_use) {
        struct target_state *t = container_of(node, struct target_state, link);
        bool is_newest = node == ts->by_use.prev;
        if (t->n_users > 0 || t->drained_until_us != 0 || t->weight_until_us != 0 ||
            is_newest)
            continue;
        if (!t->is_known)
            return t;
        if (oldest == NULL)
            oldest = t;
    }
    return oldest;
}

static void add(struct target_counts *sum, const struct target_counts *c)
{
    sum->n_attempts += c->n_attempts;
    sum->n_ok += c->n_ok;
    sum->n_failed += c->n_failed;
}

void targets_forget(struct targets *ts, struct target_state **tp)
{
    struct target_state *t = *tp;
    *tp = NULL;
    add(&ts->others, &t->counts);
    (void)map_del(&ts->by_name, str_of(t->name));
    list_del(&t->link);
    mem_free(t);
}

void targets_count(struct targets *ts, struct target_state *t, enum errc outcome)
{
    t->is_known |= outcome == ERR_OK;
    const struct target_counts one = {
        .n_attempts = 1,
        .n_ok = outcome == ERR_OK,
        .n_failed = outcome != ERR_OK && outcome != ERR_CANCELLED,
    };
    add(t->is_known ? &t->counts : &ts->others, &one);
}

/* An eighth of each new value; the first one stands for itself. 0 means none. */
static void smooth(int64_t *mean, int64_t value)
{
    *mean = MAX(1, *mean == 0 ? value : *mean + (value - *mean) / 8);
}

void targets_time(struct target_state *t, const struct target_times *x, int64_t now_us)
{
    if (x->ttft_us > 0)
        smooth(&t->ttft_us, x->ttft_us);
    if (x->output_tok < 0)
        return;
    if (x->ttft_us == 0)
        smooth(&t->whole_us, x->total_us);
    else if (x->output_tok > 1) /* one alone tells nothing of those after it */
        smooth(&t->us_per_ktok, (x->total_us - x->ttft_us) * 1000 / (x->output_tok - 1));
    else
        return;
    t->measured_us = now_us;
}

int64_t target_last_token_us(const struct target_state *t, int64_t output_tok)
{
    /* a provider may have told any number of tokens */
    i128 rest_us = (i128)t->us_per_ktok * output_tok / 1000;
    if (t->us_per_ktok > 0)
        return t->ttft_us + (int64_t)MIN(rest_us, (i128)US_PER_DAY);
    return t->whole_us;
}
