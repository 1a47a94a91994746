/*
 * api_metrics.c: what monitors ask: is it alive, is it ready, what did it do.
 *
 * Source: Prometheus, "Exposition formats", text format 0.0.4.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/api.h"

void api_healthz(const struct api_call *a)
{
    api_reply(a, 200, STR("{\"status\":\"ok\"}"));
}

/* Can this target take a request now? A target nobody has asked yet can. */
static bool is_usable(const struct broker *b, const struct conf_target *t)
{
    char name[2 * LIMIT_NAME_LEN + 2];
    int64_t now_us = loop_mono_us(b->loop);
    int len = snprintf(name, sizeof name, "%s/%s", t->provider, t->model);
    const struct target_state *s =
        targets_find(&b->targets, (struct str){name, (size_t)len});
    const struct conf_provider *p = conf_provider(b->conf, str_of(t->provider));
    bool has_key = p->kind->is_local || p->kind->auth == AUTH_NONE ||
                   secrets_benched_us(b->secrets, str_of(t->provider), now_us) == 0;
    return has_key && (s == NULL || (breaker_allows(&s->breaker, now_us) &&
                                     s->drained_until_us <= now_us));
}

void api_readyz(const struct api_call *a)
{
    const struct broker *b = a->b;
    struct ledger_stats stats;
    const char *name =
        b->conf->core.default_route ? b->conf->core.default_route : "default";
    const struct conf_route *route = conf_route(b->conf, str_of(name));
    bool usable = false;
    for (size_t i = 0; route != NULL && i < route->n_targets; i++)
        usable = usable || is_usable(b, &route->targets[i]);
    ledger_stats(b->ledger, &stats);
    if (b->draining)
        api_reply(a, 503, STR("{\"status\":\"draining\"}"));
    else if (!stats.writable)
        api_reply(a, 503, STR("{\"status\":\"the ledger cannot be written\"}"));
    else if (!usable)
        api_reply(a, 503,
                  STR("{\"status\":\"no target of the default route is usable\"}"));
    else
        api_reply(a, 200, STR("{\"status\":\"ready\"}"));
}

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP llmgw_%s %s\n# TYPE llmgw_%s %s\n", name, help, name, type);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t v)
{
    family(out, name, type, help);
    buf_printf(out, "llmgw_%s %" PRIu64 "\n", name, v);
}

static void write_totals(const struct broker *b, struct buf *out)
{
    const struct broker_metrics *m = &b->metrics;
    char usd[MONEY_TEXT_LEN];
    const struct {
        const char *name, *help;
        uint64_t v;
    } rows[] = {
        {"requests_total", "Client requests that began.", m->n_requests},
        {"requests_failed_total", "Client requests that ended with an error.",
         m->n_failed},
        {"requests_cancelled_total", "Client requests whose client went away.",
         m->n_cancelled},
        {"requests_rejected_total", "Requests refused before anything was sent.",
         m->n_rejected},
        {"attempts_total", "Calls to providers.", m->n_attempts},
        {"retries_total", "Calls repeated on the same target.", m->n_retries},
        {"fallbacks_total", "Moves to another target.", m->n_fallbacks},
        {"streams_total", "Answers that were streamed.", m->n_streams},
        {"streams_cut_total", "Streams that a provider cut after content.", m->n_cut},
        {"streams_rescued_total", "Cut streams that another attempt made whole.",
         m->n_rescued},
        {"malformed_events_total", "Stream events that were skipped.",
         m->n_malformed_events},
        {"usage_mismatch_total", "Answers whose usage contradicts itself.",
         m->n_usage_mismatch},
        {"input_tokens_total", "Input tokens of settled requests.", m->n_input_tok},
        {"output_tokens_total", "Output tokens of settled requests.", m->n_output_tok},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        metric(out, rows[i].name, "counter", rows[i].help, rows[i].v);
    family(out, "spent_usd_total", "counter",
           "Known cost of settled requests in US dollars.");
    money_exact(usd, m->spent_pico);
    buf_printf(out, "llmgw_spent_usd_total %s\n", usd);
    family(out, "errors_total", "counter", "Failed client requests by class.");
    for (unsigned i = 1; i < ERR_N_; i++)
        if (m->n_by_class[i] > 0)
            buf_printf(out, "llmgw_errors_total{class=\"%s\"} %" PRIu64 "\n",
                       errc_name((enum errc)i), m->n_by_class[i]);
}

static void write_ledger(const struct broker *b, struct buf *out)
{
    struct ledger_stats s;
    ledger_stats(b->ledger, &s);
    metric(out, "spool_records_total", "counter", "Records appended to the spool.",
           s.n_records);
    metric(out, "spool_applied_total", "counter", "Records moved into the database.",
           s.n_applied);
    metric(out, "spool_used_bytes", "gauge", "Bytes waiting in the spool.", s.spool_used);
    metric(out, "spool_size_bytes", "gauge", "Size of the spool.", s.spool_size);
    metric(out, "dropped_rows_total", "counter", "Rows that could not be recorded.",
           s.n_dropped_rows);
    metric(out, "dropped_bodies_total", "counter", "Bodies that could not be recorded.",
           s.n_dropped_bodies);
    metric(out, "ledger_writable", "gauge", "1 when the last append and commit worked.",
           s.writable);
}

/* A client chooses the model in a target's name: any byte may be in it. */
static void label(struct buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\' || *value == '\n')
            buf_addc(out, '\\');
        buf_addc(out, *value == '\n' ? 'n' : *value);
    }
}

static void write_count(struct buf *out, const char *name, const char *target,
                        const struct target_counts *c, size_t at)
{
    uint64_t v;
    memcpy(&v, (const char *)c + at, sizeof v);
    buf_printf(out, "llmgw_%s{target=\"", name);
    label(out, target);
    buf_printf(out, "\"} %" PRIu64 "\n", v);
}

/* Names that only clients know, which may be any number, are one row. */
static void write_targets(const struct broker *b, struct buf *out)
{
    static const struct {
        const char *name, *type, *help;
        size_t at;
    } rows[] = {
        {"target_attempts_total", "counter", "Calls by target.",
         offsetof(struct target_counts, n_attempts)},
        {"target_ok_total", "counter", "Answers by target.",
         offsetof(struct target_counts, n_ok)},
        {"target_failed_total", "counter", "Failures by target.",
         offsetof(struct target_counts, n_failed)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        family(out, rows[i].name, rows[i].type, rows[i].help);
        map_for_each (slot, &b->targets.by_name) {
            const struct target_state *t = slot->value;
            if (t->is_known)
                write_count(out, rows[i].name, t->name, &t->counts, rows[i].at);
        }
        /* a target's name has a slash in it: this is nobody's */
        write_count(out, rows[i].name, "other", &b->targets.others, rows[i].at);
    }
    family(out, "target_open", "gauge", "1 while the target's circuit is not closed.");
    map_for_each (slot, &b->targets.by_name) {
        const struct target_state *t = slot->value;
        if (!t->is_known)
            continue;
        buf_addz(out, "llmgw_target_open{target=\"");
        label(out, t->name);
        buf_printf(out, "\"} %d\n", t->breaker.state != BREAKER_CLOSED);
    }
}

void api_metrics(const struct api_call *a)
{
    const struct broker *b = a->b;
    AUTO(buf_release) struct buf out = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    write_totals(b, &out);
    metric(&out, "requests_in_flight", "gauge", "Client requests under way.",
           b->n_requests);
    metric(&out, "connections", "gauge", "Client connections.", b->n_conns);
    metric(&out, "upstream_connects_total", "counter", "Connections opened to providers.",
           upstream_n_connects(b->upstream));
    write_ledger(b, &out);
    write_targets(b, &out);
    http1_write_header(&headers, "content-type",
                       STR("text/plain; version=0.0.4; charset=utf-8"));
    conn_reply(a->c, 200, buf_str(&headers), buf_str(&out));
}
