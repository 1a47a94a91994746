/*
 * replay_keep.c: a run as rows of replay_run and replay_item. The broker alone writes the
 * ledger, so it is told: an object with the columns as members, the items in several pieces.
 */
#include <string.h>

#include "core/jsonx.h"

#include "cmd/link.h"
#include "cmd/replay_run.h"

enum { ITEM_LEN = 4096 }; /* bytes of JSON that no item exceeds */

struct keeper {
    struct cmd_ctx *ctx;
    const struct replay_plan *plan;
    const char *state;
    struct link *link; /* owned */
    struct buf body;
    struct jw w;
};

/* What the run itself has cost; PICO_UNKNOWN when a part is. */
static pico cost_of(const struct replay_plan *p)
{
    pico sum = 0;
    for (size_t i = 0; i < p->n_items; i++)
        for (size_t t = 0; t < p->n_against; t++) {
            const struct replay_result *r = &p->items[i].results[t];
            if (r->outcome == ERR_OK && (r->cost_pico == PICO_UNKNOWN ||
                                         money_add(sum, r->cost_pico, &sum) != ERR_OK))
                return PICO_UNKNOWN;
        }
    return sum;
}

static void begin(struct keeper *k)
{
    const struct replay_plan *p = k->plan;
    bool is_running = strcmp(k->state, "running") == 0;
    pico cost = is_running ? PICO_UNKNOWN : cost_of(p);
    buf_reset(&k->body);
    jw_init(&k->w, &k->body);
    jw_object(&k->w);
    jw_kstrz(&k->w, "id", p->run);
    jw_ki64(&k->w, "start_us", p->start_us);
    if (!is_running)
        jw_ki64(&k->w, "end_us", clock_wall_us(k->ctx->clock));
    jw_kstrz(&k->w, "state", k->state);
    jw_key(&k->w, "args");
    jw_raw(&k->w, p->args);
    jw_ki64(&k->w, "n_items", (int64_t)(p->n_items * p->n_against));
    if (cost != PICO_UNKNOWN)
        jw_ki64(&k->w, "cost_pico", cost);
    jw_key(&k->w, "items");
    jw_array(&k->w);
}

static enum errc send(struct keeper *k, struct err *e)
{
    AUTO(link_answer_release) struct link_answer answer = {0};
    jw_array_end(&k->w);
    jw_object_end(&k->w);
    if (buf_err(&k->body) != ERR_OK)
        return err_set(e, buf_err(&k->body), "out of memory");
    enum errc rc = link_call(k->link, "POST", "/llmgw/v1/replay", STR(""),
                             buf_str(&k->body), &answer, e);
    return rc == ERR_OK && answer.status != 200 ? link_error(&answer, e) : rc;
}

static void write_item(struct keeper *k, const struct replay_item *item, size_t target)
{
    const struct replay_result *r = &item->results[target];
    jw_object(&k->w);
    jw_kstrz(&k->w, "source", item->id);
    jw_kstrz(&k->w, "against", k->plan->against[target]);
    jw_ki64(&k->w, "repeat", 0);
    jw_kstrz(&k->w, "request", r->id[0] != '\0' ? r->id : NULL);
    jw_kstrz(&k->w, "state",
             r->outcome == ERR_OK      ? "done"
             : r->outcome == ERR_AGAIN ? "waiting"
                                       : "failed");
    if (r->outcome == ERR_OK) {
        jw_kstrz(&k->w, "metric", "norm");
        jw_ki64(&k->w, "agree", r->norm);
    }
    jw_kstrz(&k->w, "note", r->error[0] != '\0' ? r->error : NULL);
    jw_object_end(&k->w);
}

static enum errc send_items(struct keeper *k, struct err *e)
{
    const struct replay_plan *p = k->plan;
    enum errc rc = ERR_OK;
    for (size_t at = 0; at < p->n_items * p->n_against && rc == ERR_OK; at++) {
        if (k->body.len + ITEM_LEN > LIMIT_RUN_LEN) {
            rc = send(k, e);
            begin(k);
        }
        write_item(k, &p->items[at / p->n_against], at % p->n_against);
    }
    return rc == ERR_OK ? send(k, e) : rc;
}

enum errc replay_keep(struct cmd_ctx *ctx, const struct replay_plan *plan,
                      const char *state, struct err *e)
{
    struct keeper k = {
        .ctx = ctx, .plan = plan, .state = state, .body = BUF_INIT(LIMIT_BODY_LEN)};
    enum errc rc = link_open(ctx, true, &k.link, e);
    begin(&k);
    if (rc == ERR_OK)
        rc = strcmp(state, "running") == 0 ? send(&k, e) : send_items(&k, e);
    link_close(&k.link);
    buf_release(&k.body);
    return rc;
}
