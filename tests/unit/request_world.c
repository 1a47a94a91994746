/* request_world.c: see request_world.h. */
#include "tests/unit/request_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "broker/habit.h"

#include <cmocka.h>

struct world *the_world;

/* ---- played: conn ---- */

void conn_hold(struct conn *c, const struct conn_fns *fns, void *arg)
{
    (void)c;
    the_world->client_fns = fns;
    the_world->client_arg = arg;
}

void conn_reply_start(struct conn *c, int status, struct str headers)
{
    (void)c;
    struct world *w = the_world;
    assert_false(w->has_replied);
    w->has_replied = true;
    w->status = status;
    fault_hold(true);
    buf_adds(&w->got_headers, headers);
    fault_hold(false);
}

bool conn_write(struct conn *c, struct str bytes)
{
    (void)c;
    assert_true(the_world->has_replied);
    assert_int_equal(the_world->n_ends, 0);
    fault_hold(true);
    buf_adds(&the_world->got, bytes);
    fault_hold(false);
    return !the_world->is_full;
}

void conn_reply_end(struct conn *c)
{
    (void)c;
    the_world->n_ends++;
    the_world->client_fns = NULL;
}

void conn_reply_abort(struct conn *c)
{
    (void)c;
    if (!the_world->may_abort)
        fail_msg("answers end properly, also with errors");
    the_world->is_aborted = true;
    the_world->client_fns = NULL;
}

void conn_reply(struct conn *c, int status, struct str headers, struct str body)
{
    conn_reply_start(c, status, headers);
    conn_write(c, body);
    conn_reply_end(c);
}

void conn_reply_take(struct conn *c, int status, struct str headers, struct buf *body)
{
    conn_reply(c, status, headers, buf_str(body));
    buf_release(body);
}

bool conn_has_replied(const struct conn *c)
{
    (void)c;
    return the_world->has_replied;
}

size_t conn_queue_len(const struct conn *c)
{
    (void)c;
    return the_world->is_full ? LIMIT_OUT_HIGH : 0;
}

/* ---- played: upstream ---- */

enum errc upstream_start(struct upstream *u, const struct upstream_request *req,
                         const struct upstream_fns *fns, void *arg,
                         struct upstream_xfer **ret, struct err *e)
{
    (void)u;
    struct world *w = the_world;
    if (w->n_calls == CALLS)
        return err_set(e, ERR_MEMORY, "no call left");
    struct upstream_xfer *x = &w->calls[w->n_calls++];
    *x = (struct upstream_xfer){.fns = fns,
                                .arg = arg,
                                .is_foreign = req->is_foreign,
                                .is_public = req->is_public};
    fault_hold(true);
    buf_init(&x->body, LIMIT_BODY_LEN);
    buf_init(&x->head, LIMIT_BODY_LEN);
    pieces_join(&req->body, &x->body);
    for (size_t i = 0; i < req->n_headers; i++)
        buf_printf(&x->head, "%.*s: %.*s\n", STR_ARG(req->headers[i].name),
                   STR_ARG(req->headers[i].value));
    fault_hold(false);
    snprintf(x->url, sizeof x->url, "%s", req->url);
    *ret = x;
    return ERR_OK;
}

void upstream_cancel(struct upstream_xfer **x)
{
    if (*x != NULL)
        (*x)->is_cancelled = true;
    *x = NULL;
}

void upstream_detach(struct upstream_xfer **x)
{
    if (*x != NULL)
        (*x)->is_detached = true;
    *x = NULL;
}

void upstream_pause(struct upstream_xfer *x)
{
    x->is_paused = true;
}

void upstream_resume(struct upstream_xfer *x)
{
    x->is_paused = false;
    the_world->n_resumes++;
}

bool upstream_is_sent(const struct upstream_xfer *x)
{
    (void)x;
    return true;
}

bool upstream_is_paused(const struct upstream_xfer *x)
{
    return x->is_paused;
}

/* ---- played: ledger, secrets, broker ---- */

const char *ledger_cost_source_name(enum ledger_cost_source s)
{
    static const char *const names[] = {"computed", "reported", "estimated", "unknown"};
    return names[s];
}

enum errc ledger_admit(struct ledger *l, const struct ledger_admit *a, uint64_t *ret_seq,
                       struct err *e)
{
    (void)l, (void)ret_seq, (void)e;
    the_world->told.n_admits++;
    the_world->told.expected_pico = a->reserved_pico;
    return ERR_OK;
}

enum errc ledger_settle(struct ledger *l, const struct ledger_settle *s,
                        uint64_t *ret_seq, struct err *e)
{
    (void)l;
    struct told *t = &the_world->told;
    if (the_world->ledger_fails)
        return err_set(e, ERR_STORE, "the spool is full");
    t->n_settles++;
    t->outcome = s->outcome;
    t->n_attempts = s->n_attempts;
    for (size_t i = 0; i < s->n_attempts; i++)
        t->classes[i] = s->attempts[i].outcome;
    if (s->n_attempts > 0)
        snprintf(t->pricing, sizeof t->pricing, "%.*s", STR_ARG(s->attempts[0].pricing));
    t->cost_pico = s->cost_pico;
    t->reported_pico = s->reported_pico;
    t->cost_source = s->cost_source;
    t->flags = s->flags;
    t->has_usage = s->usage != NULL;
    if (s->usage != NULL) {
        t->in_tok = usage_input_tok(s->usage);
        t->out_tok = usage_output_tok(s->usage);
    }
    snprintf(t->served, sizeof t->served, "%.*s", STR_ARG(s->served_model));
    snprintf(t->finish, sizeof t->finish, "%.*s", STR_ARG(s->finish));
    snprintf(t->text, sizeof t->text, "%.*s", STR_ARG(s->response_text));
    snprintf(t->response, sizeof t->response, "%.*s", STR_ARG(s->response_body));
    t->seen_len = the_world->got.len;
    *ret_seq = ++the_world->seq;
    return ERR_OK;
}

enum errc ledger_state(struct ledger *l, const struct ledger_state *s, struct err *e)
{
    (void)l, (void)e;
    snprintf(the_world->told.state, sizeof the_world->told.state, "%.*s=%.*s",
             STR_ARG(s->key), STR_ARG(s->value));
    return ERR_OK;
}

void ledger_ask_scores(struct ledger *l)
{
    (void)l;
}

struct scores *ledger_take_scores(struct ledger *l)
{
    (void)l;
    return NULL;
}

uint64_t ledger_applied_seq(const struct ledger *l)
{
    (void)l;
    return the_world->applied;
}

struct secret_key *secrets_pick(struct secrets *s, struct str provider, int64_t now_us)
{
    (void)s, (void)provider;
    for (size_t i = 0; i < the_world->n_keys; i++)
        if (breaker_allows(&the_world->states[i].breaker, now_us))
            return &the_world->keys[i];
    return NULL;
}

bool secrets_await(struct secrets *s, struct str provider, int64_t now_us)
{
    (void)s, (void)provider;
    return now_us < the_world->key_comes_us;
}

bool secrets_has(const struct secrets *s, struct str provider)
{
    (void)s, (void)provider;
    return the_world->n_keys > 0;
}

int64_t secrets_benched_us(const struct secrets *s, struct str provider, int64_t now_us)
{
    (void)s, (void)provider;
    int64_t wait_us = the_world->n_keys > 0 ? INT64_MAX : -1;
    for (size_t i = 0; i < the_world->n_keys; i++)
        wait_us = MIN(wait_us, breaker_wait_us(&the_world->states[i].breaker, now_us));
    return wait_us;
}

const struct secret_key *secrets_first(const struct secrets *s, struct str provider,
                                       int64_t now_us, int64_t *ret_wait_us)
{
    *ret_wait_us = secrets_benched_us(s, provider, now_us);
    for (size_t i = 0; i < the_world->n_keys; i++)
        if (breaker_wait_us(&the_world->states[i].breaker, now_us) == *ret_wait_us)
            return &the_world->keys[i];
    return NULL;
}

enum errc secret_class(const struct secret_key *k)
{
    return k->state->breaker.is_quota ? ERR_QUOTA : ERR_UPSTREAM_AUTH;
}

struct secret_state *secret_state(struct map *states, struct str name, int64_t now_us)
{
    (void)states, (void)name, (void)now_us;
    return NULL; /* nothing is loaded here */
}

void secret_started(struct secret_key *k, int64_t now_us)
{
    breaker_start(&k->state->breaker, now_us);
}

const struct secret_state *secrets_heard(struct secrets *s, struct secret_key *k,
                                         const struct err *e, int64_t now_us)
{
    (void)s;
    enum breaker_state before = k->state->breaker.state;
    if (e->code == ERR_OK)
        breaker_ok(&k->state->breaker, now_us);
    else
        breaker_key_failed(&k->state->breaker, e, now_us);
    return k->state->breaker.state != before ? k->state : NULL;
}

struct target_state *broker_target(struct broker *b, struct str provider,
                                   struct str model)
{
    fault_hold(true);
    struct target_state *t = targets_get(&b->targets, provider, model);
    fault_hold(false);
    assert_non_null(t);
    return t;
}

void broker_limits_told(struct broker *b, struct target_state *t, bool is_spent)
{
    (void)b, (void)is_spent;
    t->has_new_limits = true;
}

uint64_t broker_random(struct broker *b)
{
    (void)b;
    return 0; /* no jitter */
}

void broker_request_began(struct broker *b)
{
    b->n_requests++;
}

void broker_request_ended(struct broker *b)
{
    b->n_requests--;
}

struct conf *broker_conf_ref(struct broker *b)
{
    return b->conf;
}

void broker_conf_unref(struct broker *b, struct conf **c)
{
    (void)b;
    *c = NULL;
}

/* ---- the world ---- */

static int64_t world_mono(const struct clock *c)
{
    return ((const struct world *)(const void *)c)->mono_us;
}

static int64_t world_wall(const struct clock *c)
{
    return ((const struct world *)(const void *)c)->wall_us;
}

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static const char config[] =
    "[broker]\n fetch-host = *.example.com\n"
    "[provider \"one\"]\n kind = openai\n base-url = http://one\n"
    " key-env = ONE\n"
    "[provider \"two\"]\n kind = openai\n base-url = http://two\n"
    " key-env = TWO\n"
    " header = x-api-token: pass-87654321\n header = x-tenant: tenant-7\n"
    "[provider \"claude\"]\n kind = anthropic\n base-url = http://claude\n"
    " key-env = CLAUDE\n"
    "[provider \"gem\"]\n kind = gemini\n base-url = http://gem\n"
    " key-env = GEM\n"
    "[provider \"aws\"]\n kind = bedrock\n"
    " base-url = https://bedrock-runtime.eu-west-1.amazonaws.com\n"
    " key-env = AWS\n"
    "[provider \"co\"]\n kind = cohere\n base-url = http://co\n"
    " key-env = CO\n"
    "[route \"both\"]\n target = one/m\n target = two/m\n"
    "[route \"again\"]\n target = one/m\n target = two/m\n"
    " stream = restart\n"
    "[route \"cross\"]\n target = claude/c\n"
    "[route \"quick\"]\n strategy = fastest\n explore = 100%\n"
    " target = one/m\n target = two/m\n"
    "[model \"one/narrow\"]\n context = 8000\n"
    "[model \"two/narrow\"]\n context = 8000\n"
    "[model \"two/wide\"]\n context = 8001\n"
    "[route \"far\"]\n target = aws/a\n target = gem/g\n"
    "[limit \"target:one/slow\"]\n requests = 1/s\n"
    "[limit \"project:short\"]\n output-tokens = 1000/min\n"
    "[model \"one/big\"]\n max-output = 1000000\n"
    "[budget \"cents\"]\n limit = 0.01/day\n hard = yes\n project = cents\n tz = UTC\n";

int set_up(void **state)
{
    struct world *w = MEM_NEW(struct world);
    struct err e = ERR_INIT;
    the_world = *state = w;
    w->clock = (struct clock){world_mono, world_wall};
    w->mono_us = 1000 * (int64_t)S;
    w->wall_us = 1795575911 * (int64_t)S;
    w->b.clock = &w->clock;
    buf_init(&w->got, LIMIT_REPLY_LEN);
    buf_init(&w->asked, LIMIT_BODY_LEN);
    buf_init(&w->got_headers, LIMIT_REPLY_LEN);
    w->n_keys = 1;
    w->states[0] = (struct secret_state){.name = "one:1"};
    w->states[1] = (struct secret_state){.name = "one:2"};
    w->keys[0] = (struct secret_key){
        .id = "one#1", .value = "sk-1", .len = 4, .state = &w->states[0]};
    w->keys[1] = (struct secret_key){
        .id = "one#2", .value = "sk-2", .len = 4, .state = &w->states[1]};
    log_init(&w->b.log, -1, LOG_ERROR, &w->clock);
    targets_init(&w->b.targets);
    list_init(&w->b.requests);
    list_init(&w->b.conns);
    snprintf(w->b.hop_id, sizeof w->b.hop_id, "HOP");
    assert_int_equal(loop_new(&w->clock, &w->b.loop, &e), ERR_OK);
    assert_int_equal(catalog_parse(STR("date\t2026-11-22\n"), "test", &w->b.catalog, &e),
                     ERR_OK);
    struct conf_source src = {.file = "test.conf",
                              .edited = "test.conf",
                              .edited_text = str_of(config),
                              .getenv = no_env};
    if (conf_load(&src, w->b.catalog, &w->b.conf, NULL, &e) != ERR_OK)
        fail_msg("%s", e.text);
    static const struct {
        const char *provider, *model;
    } priced[] = {{"one", "m"}, {"one", "big"}, {"two", "m"}, {"claude", "c"}};
    for (size_t i = 0; i < ARRAY_LEN(priced); i++) {
        struct str provider = str_of(priced[i].provider), model = str_of(priced[i].model);
        struct catalog *c = w->b.catalog;
        assert_int_equal(catalog_override(c, provider, model, STR("input"), 1000000, &e),
                         ERR_OK);
        assert_int_equal(catalog_override(c, provider, model, STR("output"), 2000000, &e),
                         ERR_OK);
    }
    assert_int_equal(limiter_new(w->b.conf, &w->b.limiter, &e), ERR_OK);
    assert_int_equal(estimator_new(&w->b.estimator, &e), ERR_OK);
    assert_int_equal(habits_new(&w->b.habits, &e), ERR_OK);
    freed_watch("sk-"); /* all keys here begin so */
    return 0;
}

void turn(struct world *w)
{
    struct err e = ERR_INIT;
    assert_int_equal(loop_turn(w->b.loop, 0, &e), ERR_OK);
}

void pass_time(struct world *w, int64_t us)
{
    w->mono_us += us;
    w->wall_us += us;
    turn(w);
    turn(w);
}

void forget_calls(struct world *w)
{
    fault_hold(true);
    for (size_t i = 0; i < w->n_calls; i++) {
        buf_release(&w->calls[i].body);
        buf_release(&w->calls[i].head);
    }
    fault_hold(false);
    w->n_calls = 0;
}

int tear_down(void **state)
{
    struct world *w = *state;
    turn(w);
    assert_int_equal(freed_with_secret(), 0);
    freed_watch(NULL);
    assert_int_equal(w->b.n_requests, 0);
    assert_true(list_is_empty(&w->b.requests));
    assert_int_equal(w->b.n_waiting, 0);
    assert_int_equal(limiter_n_grants(w->b.limiter), 0);
    for (size_t i = 0; i < w->n_calls; i++) {
        const struct upstream_xfer *x = &w->calls[i];
        assert_true(x->is_done || x->is_cancelled || x->is_detached);
    }
    forget_calls(w);
    map_for_each (slot, &w->b.targets.by_name) {
        assert_int_equal(((struct target_state *)slot->value)->n_users, 0);
    }
    targets_release(&w->b.targets);
    limiter_free(&w->b.limiter);
    estimator_free(&w->b.estimator);
    habits_free(&w->b.habits);
    conf_free(&w->b.conf);
    catalog_free(&w->b.catalog);
    loop_free(&w->b.loop);
    buf_release(&w->asked);
    buf_release(&w->got);
    buf_release(&w->got_headers);
    mem_free(w);
    return 0;
}

/* ---- the client's side ---- */

void ask_in(struct world *w, const struct dialect_ops *dialect, const char *headers,
            const char *body)
{
    struct str rest = str_of(headers), line;
    w->head = (struct http1_head){.method = STR("POST")};
    while (rest.len > 0 && str_split(&rest, '\n', &line)) {
        size_t colon = str_find(line, ':');
        w->head.headers[w->head.n_headers++] = (struct http1_header){
            str_sub(line, 0, colon), str_trim(str_sub(line, colon + 1, line.len))};
    }
    const struct conn_request cr = {
        .head = &w->head,
        .body = str_of(body),
        .is_unix = true,
        .start_mono_us = w->mono_us,
        .start_wall_us = w->wall_us,
    };
    w->has_replied = false;
    w->n_ends = 0;
    buf_reset(&w->got);
    buf_reset(&w->got_headers);
    request_begin(&w->b, (struct conn *)(void *)w, &cr, dialect);
}

void ask(struct world *w, const char *headers, const char *body)
{
    ask_in(w, &dialect_openai, headers, body);
}

bool has(const struct buf *b, const char *text)
{
    return b->len > 0 && str_contains(buf_str(b), str_of(text));
}

void expect(const struct buf *b, const char *text)
{
    if (!has(b, text))
        fail_msg("\"%s\" is not in:\n%s", text, b->len > 0 ? b->data : "");
}

void expect_ended(const struct world *w, int status)
{
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->status, status);
    assert_int_equal(w->told.n_admits, 1);
    assert_int_equal(w->told.n_settles, 1);
}

/* ---- the provider's side ---- */

struct upstream_xfer *call(struct world *w, size_t i)
{
    if (i >= w->n_calls)
        fail_msg("only %zu calls", w->n_calls);
    assert_false(w->calls[i].is_done);
    return &w->calls[i];
}

void send_head(struct upstream_xfer *x, int status, const char *type,
               const struct http1_header *more, size_t n_more)
{
    struct http1_header headers[8] = {{STR("content-type"), str_of(type)},
                                      {STR("x-request-id"), STR("up-1")}};
    if (n_more > 0)
        memcpy(headers + 2, more, n_more * sizeof *more);
    x->fns->on_head(x->arg, &(struct upstream_head){.status = status,
                                                    .headers = headers,
                                                    .n_headers = 2 + n_more,
                                                    .reused = true});
}

void begin_stream(struct upstream_xfer *x)
{
    send_head(x, 200, "text/event-stream", NULL, 0);
}

void say(struct upstream_xfer *x, const char *text)
{
    x->fns->on_body(x->arg, str_of(text));
}

void end(struct upstream_xfer *x)
{
    struct err ok = ERR_INIT;
    x->is_done = true;
    x->fns->on_done(x->arg, ERR_OK, &ok);
}

void cut(struct upstream_xfer *x)
{
    struct err e = ERR_INIT;
    err_set(&e, ERR_NETWORK, "connection reset");
    e.origin = ERR_BY_TRANSPORT;
    e.sys = 56;
    x->is_done = true;
    x->fns->on_done(x->arg, ERR_NETWORK, &e);
}

void reject(struct upstream_xfer *x, int status, const char *retry_after,
            const char *body)
{
    struct http1_header more = {STR("retry-after"), str_of(retry_after)};
    send_head(x, status, "application/json", &more, retry_after != NULL);
    say(x, body);
    end(x);
}

void answer_stream(struct upstream_xfer *x)
{
    begin_stream(x);
    say(x, ROLE HELLO WORLD);
    say(x, FINISH USAGE DONE);
}
