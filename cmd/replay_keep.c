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
    for (size_t at = 0; at < replay_n_places(p); at++) {
        const struct replay_result *r = replay_place(p, at).result;
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
    jw_ki64(&k->w, "n_items", (int64_t)replay_n_places(p));
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

static void write_item(struct keeper *k, size_t at)
{
    struct replay_place to = replay_place(k->plan, at);
    const struct replay_result *r = to.result;
    jw_object(&k->w);
    jw_kstrz(&k->w, "source", to.item->id);
    jw_kstrz(&k->w, "against", to.against);
    jw_ki64(&k->w, "repeat", (int64_t)to.repeat);
    jw_kstrz(&k->w, "request", r->id[0] != '\0' ? r->id : NULL);
    jw_kstrz(&k->w, "state",
             r->outcome == ERR_OK      ? "done"
             : r->outcome == ERR_AGAIN ? "waiting"
                                       : "failed");
    if (replay_is_compared(to.item, r)) {
        jw_kstrz(&k->w, "metric", agree_metric_name(to.item->metric));
        jw_ki64(&k->w, "agree", replay_agrees(to.item, r));
    }
    jw_kstrz(&k->w, "note", r->error[0] != '\0' ? r->error : NULL);
    jw_object_end(&k->w);
}

enum errc replay_keep(struct cmd_ctx *ctx, const struct replay_plan *plan,
                      const char *state, const size_t *at, size_t n, struct err *e)
{
    struct keeper k = {
        .ctx = ctx, .plan = plan, .state = state, .body = BUF_INIT(LIMIT_BODY_LEN)};
    enum errc rc = link_open(ctx, true, &k.link, e);
    begin(&k);
    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        if (k.body.len + ITEM_LEN > LIMIT_RUN_LEN) {
            rc = send(&k, e);
            begin(&k);
        }
        write_item(&k, at[i]);
    }
    if (rc == ERR_OK)
        rc = send(&k, e);
    link_close(&k.link);
    buf_release(&k.body);
    return rc;
}
