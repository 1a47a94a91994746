/*
 * request_settle.c: what a request used: usage → price → limits → breaker → ledger.
 *
 * Called once per attempt and once per request, on every way out; what was reserved is given
 * back here and nowhere else. Must not answer the client or change states.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/request_priv.h"
#include "broker/state.h"

const char *target_name(const struct conf_target *t, char out[TARGET_NAME_LEN])
{
    size_t len = str_copy(out, TARGET_NAME_LEN - 1, str_of(t->provider));
    out[len++] = '/';
    str_copy(out + len, TARGET_NAME_LEN - len, str_of(t->model));
    return out;
}

static struct str client_name(const struct request *r)
{
    return r->cr.client != NULL ? str_of(r->cr.client->name) : STR_NONE;
}

/* ---- admission ---- */

void settle_admit(struct request *r)
{
    struct err e = ERR_INIT;
    char why[2 * LIMIT_ERR_TEXT];
    if (r->is_admitted ||
        r->facts.counts_only) /* which costs nothing, and is no answer */
        return;
    r->is_admitted = true;
    bool has_target = r->at < r->decision.n;
    const struct conf_target *t =
        has_target ? &r->targets[r->decision.items[r->at].target] : NULL;
    struct ledger_admit admit = {
        .start_us = r->cr.start_wall_us,
        .client = client_name(r),
        .dialect = str_of(r->client->name),
        .route = str_of(r->rules.name),
        .asked_model = str_of(r->facts.model_name),
        .project = r->opt.project,
        .conversation = r->opt.conversation,
        .conversation_name = r->opt.conversation_name,
        .parent = r->opt.parent,
        .template_name = r->opt.template_name,
        .template_version = r->opt.template_version,
        .kind = r->opt.kind,
        .user = str_of(r->facts.user),
        .provider = t != NULL ? str_of(t->provider) : STR_NONE,
        .model = t != NULL ? str_of(t->model) : STR_NONE,
        .tags = r->opt.tags,
        .n_tags = r->opt.n_tags,
        .input_tok_estimate = t != NULL ? r->prospects[0].bounds.cost.input_tok : 0,
        .reserved_pico = r->bounds.likely_pico,
    };
    memcpy(admit.id, r->id, sizeof admit.id);
    if (ledger_admit(r->b->ledger, &admit, NULL, &e) != ERR_OK)
        log_write(&r->b->log, LOG_WARN, "request", "an admission could not be recorded",
                  "req=%s why=%s", r->id, log_quote(why, sizeof why, str_of(e.text)));
}

/* ---- the price of an attempt ---- */

/*
 * What the account's contract adds, where the model has it: no answer tells.
 * Source: OpenAI, data residency; Azure, deployment types (2026-11).
 */
static void add_account_service(const struct request *r, const struct attempt_row *row,
                                struct price_query *q)
{
    const struct conf_provider *p = conf_provider(r->conf, str_of(row->target->provider));
    const struct str ids[] = {str_of(row->served), str_of(row->target->model)};
    const struct catalog_model *m = NULL;
    if (p == NULL || p->price_service == NULL || q->n_services == PRICE_SERVICES)
        return;
    for (size_t i = 0; i < ARRAY_LEN(ids) && m == NULL; i++)
        if (ids[i].len > 0)
            m = catalog_find(r->catalog, q->provider, ids[i]);
    struct str name = str_of(p->price_service);
    if (m != NULL && catalog_service(m, name, q->at_us) != NULL)
        q->services[q->n_services++] = name;
}

/* What the answer tells beside its usage, and the request where the answer is silent. */
static struct price_query price_facts(const struct request *r, const struct attempt *a,
                                      const struct attempt_row *row)
{
    const struct target_model *m = attempt_model(a);
    const struct scan_state *scan = attempt_scan(a);
    struct price_query q = {
        .provider = m->price_provider,
        .at_us = row->start_us,
        .usage = &row->usage,
        .n_services = scan->n_services,
        .search_context = str_of(scan->search_context),
        .thinking = scan->reasoning_len > 0 && !usage_has(&row->usage, USAGE_REASONING),
    };
    memcpy(q.services, scan->services, scan->n_services * sizeof q.services[0]);
    add_account_service(r, row, &q);
    if (attempt_dialect(a) == r->client->id)
        q.cache_ttl = str_of(r->facts.cache_ttl);
    return q;
}

/* "-2026-11-25" or "-20261125": dashes and eight digits, a dash first */
static bool is_date(struct str s)
{
    size_t n_digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
            n_digits++;
        else if (s.ptr[i] != '-')
            return false;
    }
    return n_digits == 8 && s.ptr[0] == '-';
}

/*
 * May the price of the model asked for stand for that of the answer? When the answer names none,
 * or a dated version of it, or when the user wrote a price for this very target.
 */
static bool is_same_model(const struct request *r, const struct attempt_row *row)
{
    struct str served = str_of(row->served), asked = str_of(row->target->model);
    bool is_version =
        str_starts(served, asked) && is_date(str_sub(served, asked.len, served.len));
    return served.len == 0 || is_version ||
           conf_has_price(r->conf, str_of(row->target->provider), asked);
}

static bool price_model(const struct catalog *c, struct price_query *q, struct str model,
                        struct price_cost *ret)
{
    struct err ignored = ERR_INIT;
    q->model = model;
    return model.len > 0 && price_cost(c, q, ret, &ignored) == ERR_OK &&
           ret->total_pico != PICO_UNKNOWN;
}

/* So that `cost show` can do the same arithmetic. */
static void keep_facts(const struct price_query *q, struct attempt_row *row)
{
    AUTO(buf_release) struct buf b = BUF_INIT(sizeof row->pricing - 1);
    price_facts_write(q, &b);
    if (buf_err(&b) == ERR_OK)
        str_copy(row->pricing, sizeof row->pricing, buf_str(&b));
}

/* The model of the answer counts. Source: llmgw-prices(7), the first step. */
static void price_attempt(struct request *r, const struct attempt *a,
                          struct attempt_row *row)
{
    const struct target_model *m = attempt_model(a);
    struct price_cost cost;
    struct price_query q = price_facts(r, a, row);
    keep_facts(&q, row);
    bool is_priced = price_model(r->catalog, &q, str_of(row->served), &cost) ||
                     (is_same_model(r, row) &&
                      price_model(r->catalog, &q, str_of(row->target->model), &cost));
    if (is_priced) {
        row->cost_pico = cost.total_pico;
        row->cost_source = row->usage.estimated ? COST_ESTIMATED : COST_COMPUTED;
        str_copy(row->price_row, sizeof row->price_row, str_of(cost.row_id));
    } else if (row->usage.reported_pico != PICO_UNKNOWN) {
        row->cost_pico = row->usage.reported_pico;
        row->cost_source = COST_REPORTED;
    } else if (m->kind->is_local) {
        row->cost_pico = 0;
        row->cost_source = COST_COMPUTED;
    } else {
        row->cost_pico = PICO_UNKNOWN;
        row->cost_source = COST_UNKNOWN;
    }
}

/* ---- what an attempt teaches ---- */

static void learn_tokens(struct request *r, const struct attempt *a,
                         const struct usage *u)
{
    struct estimate_key k = request_estimate_key(r, attempt_model(a));
    if (!u->estimated && r->facts.n_images == 0 && r->facts.input_tok == 0)
        estimate_learn(r->b->estimator, &k, r->facts.prompt_len, usage_input_tok(u));
}

/* True when the failure was the key's, and another one may be tried. */
static bool tell_key(struct request *r, const struct attempt *a, const struct err *e)
{
    struct broker *b = r->b;
    int64_t now_us = loop_mono_us(b->loop);
    struct secret_key *key = attempt_key(a);
    const struct secret_state *changed =
        key != NULL ? secrets_heard(r->secrets, key, e, now_us) : NULL;
    if (changed != NULL) {
        bool is_open = changed->breaker.state == BREAKER_OPEN;
        log_write(&b->log, is_open ? LOG_WARN : LOG_INFO, "request",
                  is_open ? "a key is put aside" : "a key is in use again",
                  "req=%s key=%s class=%s", r->id, key->id, errc_name(e->code));
        state_save_key(b, changed);
    }
    if (key == NULL || (e->code != ERR_UPSTREAM_AUTH && e->code != ERR_QUOTA))
        return false;
    struct str provider = str_of(r->rows[r->n_rows - 1]->target->provider);
    return secrets_benched_us(r->secrets, provider, now_us) == 0;
}

void settle_accepted(struct request *r)
{
    const struct err ok = ERR_INIT;
    (void)tell_key(r, r->attempt, &ok);
}

/* What a provider says of the key that the client brought is no news of the target. */
static bool is_about_clients_key(const struct request *r, const struct err *e)
{
    const struct attempt_row *row = r->rows[r->n_rows - 1];
    return (e->code == ERR_QUOTA || e->code == ERR_RATE_LIMIT) &&
           request_key(r, row->target->provider).len > 0;
}

static void tell_breaker(struct request *r, const struct attempt *a, const struct err *e)
{
    struct target_state *t = attempt_target(a);
    int64_t now_us = loop_mono_us(r->b->loop);
    enum breaker_state before = t->breaker.state;
    bool has_other_key = tell_key(r, a, e), is_clients = is_about_clients_key(r, e);
    if (!t->no_prefill && error_says_no_prefill(e)) {
        t->no_prefill = true;
        state_save_facts(r->b, t);
    }
    if (r->facts.counts_only) { /* providers count apart from what they answer with */
        breaker_void(&t->breaker, now_us);
        return;
    }
    targets_count(&r->b->targets, t, e->code);
    if (e->code == ERR_OK)
        breaker_ok(&t->breaker, now_us);
    else if (has_other_key || is_clients)
        breaker_void(&t->breaker, now_us);
    else
        breaker_failed(&t->breaker, e, now_us);
    if (t->breaker.state != before)
        state_save_breaker(r->b, t);
    if (e->code == ERR_RATE_LIMIT && e->retry_after_us > 0 && !is_clients) {
        struct limit_scope scope = request_scope(r, r->rows[r->n_rows - 1]->target);
        const struct ratelimit_row row = {.name = "requests",
                                          .gauge = RATELIMIT_REQUESTS,
                                          .limit = -1,
                                          .left = 0,
                                          .reset_us = e->retry_after_us};
        learned_add(limiter_learned(r->b->limiter), &scope, &row, now_us);
        broker_limits_told(r->b, t, true);
    }
}

static void note_times(struct request *r, struct target_state *t,
                       const struct attempt_row *row)
{
    bool is_whole = row->err.code == ERR_OK && row->has_usage && !r->facts.counts_only;
    const struct target_times x = {
        .ttft_us = row->first_token_us > 0 ? row->first_token_us - row->start_us : 0,
        .total_us = row->end_us - row->start_us,
        .output_tok = is_whole ? usage_output_tok(&row->usage) : -1,
    };
    targets_time(t, &x, loop_mono_us(r->b->loop));
}

/* ---- the end of an attempt ---- */

static void settle_grant(struct request *r, const struct attempt *a,
                         const struct attempt_row *row)
{
    struct broker *b = r->b;
    int64_t mono_us = loop_mono_us(b->loop), wall_us = loop_wall_us(b->loop);
    if (a == NULL ||
        r->facts.counts_only) { /* it never reached the provider, or is free */
        limiter_release(b->limiter, &r->grant, mono_us, wall_us);
        return;
    }
    struct limit_cost used = {.requests = attempt_n_calls(a)};
    if (row->has_usage) {
        used.input_tok = usage_input_tok(&row->usage);
        used.output_tok = usage_output_tok(&row->usage);
        used.money_pico = row->cost_pico;
    }
    limiter_settle(b->limiter, &r->grant, &used, mono_us, wall_us);
}

/* What was made of the report goes into the books; that it is doubtful, to whoever can ask. */
static void note_mismatch(const struct request *r, const struct attempt_row *row,
                          const struct scan_state *scan)
{
    char name[TARGET_NAME_LEN], told[32] = "none";
    const struct usage *u = &scan->usage;
    if (scan->told_tok >= 0)
        snprintf(told, sizeof told, "%" PRId64, scan->told_tok);
    log_write(&r->b->log, LOG_WARN, "request", "an answer's usage contradicts itself",
              "req=%s target=%s in_tok=%" PRId64 " out_tok=%" PRId64 " sum=%" PRId64
              " told_sum=%s",
              r->id, target_name(row->target, name), usage_input_tok(u),
              usage_output_tok(u), usage_input_tok(u) + usage_output_tok(u), told);
}

/* It counts as a plain stop; the word is for whoever looks after the tables. */
static void note_finish(const struct request *r, const struct attempt_row *row,
                        const struct scan_state *scan)
{
    char name[TARGET_NAME_LEN], quoted[2 * sizeof scan->finish_raw + 4];
    if (scan->finish != MSG_FINISH_UNKNOWN || scan->finish_raw[0] == '\0')
        return;
    log_write(&r->b->log, LOG_WARN, "request", "an answer ended for an unknown reason",
              "req=%s target=%s finish=%s", r->id, target_name(row->target, name),
              log_quote(quoted, sizeof quoted, str_of(scan->finish_raw)));
}

static void settle_sent(struct request *r, const struct attempt *a,
                        struct attempt_row *row, const struct err *e)
{
    const struct scan_state *scan = attempt_scan(a);
    str_copy(row->served, sizeof row->served, str_of(scan->model));
    row->has_usage = attempt_usage(a, e, &row->usage);
    if (row->has_usage)
        price_attempt(r, a, row);
    if (e->code == ERR_OK) {
        r->finish = scan->finish;
        note_finish(r, row, scan);
        learn_tokens(r, a, r->facts.counts_only ? &scan->usage : &row->usage);
    }
    r->is_mismatch |= scan->usage_mismatch;
    if (scan->usage_mismatch)
        note_mismatch(r, row, scan);
    r->is_crossed |= attempt_dialect(a) != r->client->id;
    note_times(r, attempt_target(a), row);
    if (e->code == ERR_OK)
        request_learn_rank(r, attempt_target(a), row);
    tell_breaker(r, a, e);
}

void settle_attempt(struct request *r, const struct err *e)
{
    const struct attempt *a = r->attempt;
    struct attempt_row *row = r->n_rows > 0 ? r->rows[r->n_rows - 1] : NULL;
    if (row != NULL && row->end_us == 0) {
        row->err = *e;
        row->end_us = loop_wall_us(r->b->loop);
        if (a != NULL)
            settle_sent(r, a, row, e);
    }
    settle_grant(r, a, row);
    attempt_end(r);
}

/* ---- the end of the request ---- */

static void sum_up(struct request *r)
{
    struct usage sum;
    usage_none(&sum);
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct attempt_row *row = r->rows[i];
        if (!row->has_usage)
            continue;
        usage_add(&sum, &row->usage);
        r->has_usage = true;
        r->cost_source = MAX(r->cost_source, row->cost_source);
        if (row->cost_pico == PICO_UNKNOWN || r->cost_pico == PICO_UNKNOWN ||
            money_add(r->cost_pico, row->cost_pico, &r->cost_pico) != ERR_OK)
            r->cost_pico = PICO_UNKNOWN;
    }
    if (r->has_usage)
        r->usage = sum;
}

static void count(struct request *r, enum errc outcome)
{
    struct broker_metrics *m = &r->b->metrics;
    m->n_by_class[outcome]++;
    m->n_failed += outcome != ERR_OK && outcome != ERR_CANCELLED;
    m->n_cancelled += outcome == ERR_CANCELLED;
    m->n_rescued += outcome == ERR_OK && r->n_rows > 1;
    m->n_streams += r->facts.stream;
    m->n_usage_mismatch += r->is_mismatch;
    m->n_input_tok += (uint64_t)usage_input_tok(&r->usage);
    m->n_output_tok += (uint64_t)usage_output_tok(&r->usage);
    if (r->cost_pico != PICO_UNKNOWN)
        m->spent_pico += r->cost_pico;
}

static unsigned flags_of(const struct request *r, enum errc outcome)
{
    bool is_held = r->facts.stream && r->rules.stream == CONF_STREAM_HOLD;
    return (r->usage.estimated ? LEDGER_ESTIMATED : 0U) |
           (outcome != ERR_OK && r->is_seen ? LEDGER_PARTIAL : 0U) |
           (r->facts.stream ? LEDGER_STREAMED : 0U) | (is_held ? LEDGER_HELD : 0U) |
           (r->answer.n_resets > 0 ? LEDGER_RESTARTED : 0U) |
           (r->is_crossed ? LEDGER_CROSSED : 0U) |
           (r->is_mismatch ? LEDGER_MISMATCH : 0U);
}

static void fill_attempt(const struct attempt_row *row, int index,
                         struct ledger_attempt *ret)
{
    *ret = (struct ledger_attempt){
        .index = index,
        .provider = str_of(row->target->provider),
        .model = str_of(row->target->model),
        .served_model = str_of(row->served),
        .key_id = str_of(row->key_id),
        .price_row = str_of(row->price_row),
        .pricing = str_of(row->pricing),
        .start_us = row->start_us,
        .connect_us = row->connect_us,
        .first_byte_us = row->first_byte_us,
        .first_token_us = row->first_token_us,
        .end_us = row->end_us,
        .http_status = row->http_status,
        .outcome = row->err.code,
        .provider_code = str_of(row->err.provider_code),
        .upstream_id = str_of(row->upstream_id),
        .bytes_in = row->bytes_in,
        .bytes_out = row->bytes_out,
        .usage = row->has_usage ? &row->usage : NULL,
        .cost_pico = row->cost_pico,
        .cost_source = row->cost_source,
        .billed_estimate = row->has_usage && row->usage.estimated,
    };
}

/* The row of the attempt that speaks for the request: the one that answered, else the last. */
static void fill_served(const struct request *r, struct ledger_settle *ret)
{
    if (r->n_rows == 0)
        return;
    const struct attempt_row *row = r->rows[r->n_rows - 1];
    ret->provider = str_of(row->target->provider);
    ret->model = str_of(row->target->model);
    ret->served_model = str_of(row->served);
    ret->price_row = str_of(row->price_row);
}

/* Nothing rather than a part. */
static struct str whole_or_none(const struct buf *b)
{
    return buf_err(b) == ERR_OK ? buf_str(b) : STR_NONE;
}

static void fill_bodies(const struct request *r, struct ledger_settle *ret)
{
    if (r->record != CONF_RECORD_FULL)
        return;
    const struct buf *answer = r->facts.stream ? &r->answer.kept : &r->answer.whole;
    ret->request_body = r->cr.body;
    ret->response_body = whole_or_none(answer);
    ret->response_text = whole_or_none(&r->answer.text);
}

/* Why this target. Where there was no other, and it answered, only our own clients may ask. */
static void write_trace(const struct request *r, struct buf *out)
{
    struct jw w;
    if (!r->opt.events && r->decision.n == 1 && r->n_rows == 1 && r->err.code == ERR_OK)
        return;
    jw_init(&w, out);
    request_write_trace(r, &w);
}

/* Providers quote what they were sent: where nothing of that may be kept, neither may this. */
static struct str error_text(const struct request *r, enum errc outcome)
{
    bool is_told = r->n_rows > 0 && r->rows[r->n_rows - 1]->http_status != 0;
    if (outcome == ERR_OK)
        return STR_NONE;
    if (is_told && r->record == CONF_RECORD_OFF)
        return STR("what the provider said is not recorded");
    return str_of(r->err.text);
}

static void record(struct request *r, enum errc outcome)
{
    struct err e = ERR_INIT;
    char why[2 * LIMIT_ERR_TEXT];
    struct ledger_attempt attempts[LIMIT_ATTEMPTS];
    if (r->facts.counts_only)
        return;
    AUTO(buf_release) struct buf trace = BUF_INIT(LIMIT_REPLY_LEN);
    write_trace(r, &trace);
    for (size_t i = 0; i < r->n_rows; i++)
        fill_attempt(r->rows[i], (int)i, &attempts[i]);
    struct ledger_settle s = {
        .end_us = loop_wall_us(r->b->loop),
        .first_token_us = r->first_token_us,
        .outcome = outcome,
        .finish =
            r->finish != MSG_FINISH_NONE ? str_of(msg_finish_name(r->finish)) : STR_NONE,
        .catalog_date = str_of(catalog_date(r->catalog)),
        .usage = r->has_usage ? &r->usage : NULL,
        .cost_pico = r->cost_pico,
        .reported_pico = r->usage.reported_pico,
        .cost_source = r->cost_source,
        .flags = flags_of(r, outcome),
        .attempts = attempts,
        .n_attempts = r->n_rows,
        .trace = whole_or_none(&trace),
        .error = error_text(r, outcome),
        .record = r->record,
        .is_told = r->facts.stream || r->opt.events,
    };
    memcpy(s.id, r->id, sizeof s.id);
    fill_served(r, &s);
    fill_bodies(r, &s);
    if (ledger_settle(r->b->ledger, &s, &r->record_seq, &e) != ERR_OK) {
        r->record_seq = 0;
        log_write(&r->b->log, LOG_ERROR, "request", "a request could not be recorded",
                  "req=%s why=%s", r->id, log_quote(why, sizeof why, str_of(e.text)));
    }
}

void settle_request(struct request *r, enum errc outcome)
{
    settle_admit(r); /* a request refused before that has a row, too */
    sum_up(r);
    count(r, outcome);
    record(r, outcome);
    log_write(&r->b->log,
              outcome == ERR_OK || outcome == ERR_CANCELLED ? LOG_INFO : LOG_WARN,
              "request", outcome == ERR_OK ? "answered" : "not answered",
              "req=%s class=%s route=%s attempts=%zu in_tok=%" PRId64 " out_tok=%" PRId64
              " ms=%" PRId64,
              r->id, errc_name(outcome), r->rules.name, r->n_rows,
              usage_input_tok(&r->usage), usage_output_tok(&r->usage),
              (loop_mono_us(r->b->loop) - r->cr.start_mono_us) / US_PER_MS);
}

const char *settle_recorded(const struct request *r)
{
    if (r->record_seq == 0)
        return "dropped";
    return r->record_seq <= ledger_applied_seq(r->b->ledger) ? "committed" : "spooled";
}

/* ---- for the client ---- */

static void write_served(const struct request *r, struct jw *w)
{
    char name[TARGET_NAME_LEN];
    const struct attempt_row *row = r->n_rows > 0 ? r->rows[r->n_rows - 1] : NULL;
    const char *model = NULL;
    if (row != NULL)
        model = row->served[0] != '\0' ? row->served : row->target->model;
    jw_kstrz(w, "target", row != NULL ? target_name(row->target, name) : NULL);
    jw_kstrz(w, "model", model);
}

const char *settle_warning(const struct request *r)
{
    if (!r->is_crossed || r->err.code != ERR_OK)
        return NULL;
    if (r->finish == MSG_FINISH_PAUSED)
        return "the provider paused its turn: send the conversation again and it goes on";
    if (r->finish == MSG_FINISH_UNKNOWN)
        return "the provider ended for a reason that this dialect has no word for";
    return NULL;
}

void settle_write_end(const struct request *r, const char *type, const char *recorded,
                      struct buf *out)
{
    AUTO(buf_release) struct buf usage = BUF_INIT(LIMIT_HEAD_LEN);
    int64_t end_us = loop_wall_us(r->b->loop);
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    if (type != NULL)
        jw_kstrz(&w, "type", type);
    jw_kstrz(&w, "request_id", r->id);
    jw_kstrz(&w, "route", r->rules.name);
    write_served(r, &w);
    jw_ki64(&w, "attempts", (int64_t)r->n_rows);
    usage_write_openai(&r->usage, &usage);
    jw_key(&w, "usage");
    jw_raw(&w, buf_str(&usage));
    jw_key(&w, "cost_usd");
    jw_usd(&w, r->cost_pico);
    jw_kstrz(&w, "cost_source", ledger_cost_source_name(r->cost_source));
    jw_ki64_if(&w, "ttft_ms", r->first_token_us != 0,
               (r->first_token_us - r->cr.start_wall_us) / US_PER_MS);
    jw_ki64(&w, "total_ms", (end_us - r->cr.start_wall_us) / US_PER_MS);
    jw_kstrz(&w, "finish", r->err.code == ERR_OK ? msg_finish_name(r->finish) : "error");
    jw_kstrz(&w, "recorded", recorded);
    if (r->bounds.is_cap_ours)
        jw_ki64(&w, "max_output_tokens", r->bounds.cap_tok);
    jw_ki64(&w, "legs", 1 + (int64_t)r->answer.n_resets);
    if (settle_warning(r) != NULL)
        jw_kstrz(&w, "warning", settle_warning(r));
    if (r->err.code != ERR_OK)
        jw_kstrz(&w, "error", errc_name(r->err.code));
    jw_object_end(&w);
}
