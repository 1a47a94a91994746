/*
 * request_explain.c: the decision for people: the trace that the ledger keeps, and all that
 * `route explain` and `chat --dry-run` tell.
 *
 * Must not send, reserve or change states.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"
#include "core/num.h"

#include "broker/request_priv.h"

static void write_candidate(const struct request *r, const struct candidate *c,
                            bool is_short, struct jw *w)
{
    const struct conf_target *t = &r->targets[c->target];
    char name[TARGET_NAME_LEN];
    jw_object(w);
    jw_kstrz(w, "target", target_name(t, name));
    jw_kstrz(w, "verdict", verdict_name(c->verdict));
    if (c->skip != SKIP_NONE)
        jw_kstrz(w, "skip", skip_name(c->skip));
    if (c->lacks != 0)
        jw_kstrz(w, "lacks", catalog_cap_name(c->lacks));
    if (c->verdict == VERDICT_LATER)
        jw_ki64(w, "wait_ms", (c->wait_us + US_PER_MS - 1) / US_PER_MS);
    if (c->rank[0] != '\0')
        jw_kstrz(w, "rank", c->rank);
    if (c->why[0] != '\0')
        jw_kstrz(w, "why", c->why);
    if (!is_short) {
        if (c->skip != SKIP_NONE)
            jw_kstrz(w, "class", errc_name(c->class));
        jw_key(w, "min_usd");
        jw_usd(w, c->min_pico);
        jw_key(w, "max_usd");
        jw_usd(w, c->max_pico);
        jw_kstrz(w, "file", t->pos.file);
        jw_ki64(w, "line", t->pos.line);
    }
    jw_object_end(w);
}

static void write_candidates(const struct request *r, bool is_short, struct jw *w)
{
    jw_array(w);
    for (size_t i = 0; i < r->decision.n; i++)
        write_candidate(r, &r->decision.items[i], is_short, w);
    jw_array_end(w);
}

void request_write_trace(const struct request *r, struct jw *w)
{
    write_candidates(r, true, w);
}

static bool can_be_asked(const struct request *r, const struct conf_provider *p)
{
    return p->kind->is_local || p->kind->auth == AUTH_NONE ||
           secrets_has(r->secrets, str_of(p->name)) || request_key(r, p->name).len > 0;
}

static bool could_serve(const struct request *r, const struct conf_provider *p,
                        const struct catalog_model *m)
{
    const char *preset = catalog_default_model(r->catalog, str_of(p->kind->catalog));
    if (!conf_serves(p, m))
        return false;
    if (request_is_embed(r))
        return p->kind->embeddings != NULL && catalog_can_embed(m);
    /* there are hundreds for chats: one of each provider */
    return preset != NULL && strcmp(m->model, preset) == 0;
}

size_t request_find_able(const struct request *r, struct able *ret, size_t most)
{
    size_t n_models, n = 0;
    const struct catalog_model *models = catalog_models(r->catalog, &n_models);
    for (size_t i = 0; i < r->conf->n_providers; i++) {
        const struct conf_provider *p = &r->conf->providers[i];
        bool is_asked = can_be_asked(r, p) && p->kind->catalog != NULL;
        for (size_t k = 0; is_asked && k < n_models && n < most; k++)
            if (could_serve(r, p, &models[k]))
                ret[n++] = (struct able){p->name, models[k].model};
    }
    return n;
}

/* How many tokens the prompt is, by the first target's tokenizer, and how sure that is. */
static void write_estimate(const struct request *r, const struct target_model *m,
                           struct jw *w)
{
    struct estimate_key k = request_estimate_key(r, m);
    int64_t image_tok = estimate_image_tok(m->kind->dialect, r->facts.n_images);
    struct estimate x;
    char each[NUM_TEXT_LEN];
    estimate_range(r->b->estimator, &k, r->facts.prompt_len, &x);
    int n = snprintf(each, sizeof each, "%" PRId64 ".%03" PRId64, x.milli_len / 1000,
                     x.milli_len % 1000);
    jw_key(w, "estimate");
    jw_object(w);
    jw_ki64(w, "tok", x.tok + image_tok);
    jw_ki64(w, "low_tok", x.low_tok + image_tok);
    jw_ki64(w, "high_tok", x.high_tok + image_tok);
    jw_kstrz(w, "method", x.n_learned > 0 ? "learned" : "shipped");
    jw_ki64(w, "learned_from", x.n_learned);
    jw_kstrz(w, "script", script_name(r->script));
    jw_ki64(w, "bytes", (int64_t)r->facts.prompt_len);
    jw_key(w, "bytes_per_tok");
    jw_raw(w, (struct str){each, (size_t)n});
    jw_ki64(w, "images", (int64_t)r->facts.n_images);
    jw_ki64(w, "image_tok", image_tok);
    jw_object_end(w);
}

/* What it would cost at the first candidate. */
static void write_cost(const struct request *r, const struct candidate *c, struct jw *w)
{
    const struct {
        const char *name;
        pico cost;
    } rows[] = {
        {"cached", c->cached_pico},
        {"uncached", c->min_pico},
        {"likely", r->prospects[c->target].bounds.likely_pico},
        {"max", c->max_pico},
    };
    jw_key(w, "cost_usd");
    jw_object(w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        jw_key(w, rows[i].name);
        jw_usd(w, rows[i].cost);
    }
    jw_object_end(w);
    jw_ki64_if(w, "cost_output_tok", c->top_out_tok >= 0, c->top_out_tok);
}

static void write_budgets(const struct request *r, const struct candidate *c,
                          struct jw *w)
{
    AUTO(buf_release) struct buf budgets = BUF_INIT(LIMIT_REPLY_LEN);
    struct limit_scope scope = request_scope(r, &r->targets[c->target]);
    limiter_write_budgets(r->b->limiter, &scope, loop_wall_us(r->b->loop), &budgets);
    jw_key(w, "budgets");
    jw_raw(w, buf_str(&budgets));
}

/* Why the strategy is not the one of the configuration. */
static void write_prefer(const struct request *r, struct jw *w)
{
    const struct prefer *p = request_prefer(r);
    if (p == NULL)
        return;
    jw_kstrz(w, "prefer", conf_aim_name(p->strategy));
    jw_ki64_if(w, "prefer_for_ms", p->until_us != INT64_MAX,
               (p->until_us - loop_mono_us(r->b->loop)) / US_PER_MS);
}

static void write_explanation(const struct request *r, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "route", r->rules.name);
    jw_kstrz(&w, "file", r->rules.pos.file);
    jw_ki64(&w, "line", r->rules.pos.line);
    jw_kstrz(&w, "model", r->facts.model_name);
    jw_kstrz(&w, "how", r->how);
    jw_kstrz(&w, "strategy", conf_strategy_name(r->strategy));
    write_prefer(r, &w);
    jw_ki64(&w, "input_tok", r->prospects[0].bounds.cost.input_tok);
    int64_t cap_tok = r->facts.max_output_tok;
    jw_ki64_if(&w, "max_output_tok", cap_tok >= 0, cap_tok);
    int64_t wait_us = request_room_us(r);
    jw_kbool(&w, "would_send", wait_us >= 0);
    if (wait_us > 0)
        jw_ki64(&w, "wait_ms", (wait_us + US_PER_MS - 1) / US_PER_MS);
    jw_key(&w, "candidates");
    write_candidates(r, false, &w);
    const struct candidate *first = &r->decision.items[0];
    write_estimate(r, &r->prospects[0].model, &w);
    write_cost(r, first, &w);
    write_budgets(r, first, &w);
    AUTO(buf_release) struct buf limits = BUF_INIT(LIMIT_REPLY_LEN);
    limiter_write(r->b->limiter, loop_mono_us(r->b->loop), loop_wall_us(r->b->loop),
                  &limits);
    jw_key(&w, "limits");
    jw_raw(&w, buf_str(&limits));
    jw_object_end(&w);
}

enum errc request_explain(struct broker *b, const struct conn_request *cr,
                          const struct dialect_ops *client, struct buf *out,
                          struct err *e)
{
    AUTO(request_free) struct request *r = request_new(b, NULL, cr, client);
    if (r == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the request");
    enum errc rc = request_ask(r, e);
    if (rc != ERR_OK)
        return rc;
    request_decide(r, true);
    write_explanation(r, out);
    return buf_err(out) == ERR_OK ? ERR_OK
                                  : err_set(e, buf_err(out), "no room for the answer");
}
