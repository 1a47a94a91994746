/*
 * test_request.c: a request's life against a client, a provider and a ledger played by the test.
 *
 * What is real: states, timers, router, limiter, retries, breakers, dialects, prices. What is
 * played: conn, upstream, ledger, secrets and the broker's few functions, all defined below, so
 * that the library's own are not linked. Time is the test's: nothing here waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#include "broker/request_priv.h"
#include "tests/unit/fault.h"

#include <cmocka.h>

enum { S = US_PER_S, CALLS = 24 };

/* One transfer, as the provider sees it. */
struct upstream_xfer {
    const struct upstream_fns *fns;
    void *arg;
    struct buf body, head; /* what was sent */
    char url[128];
    bool is_cancelled, is_detached, is_paused, is_done;
};

/* What the ledger was told at the end. */
struct told {
    int n_admits, n_settles;
    enum errc outcome, classes[LIMIT_ATTEMPTS];
    size_t n_attempts;
    pico expected_pico; /* at admission */
    pico cost_pico;
    enum ledger_cost_source cost_source;
    unsigned flags;
    int64_t in_tok, out_tok;
    bool has_usage;
    char served[64], finish[32], text[256], pricing[64], state[256];
    size_t seen_len; /* bytes the client had when the record was made */
};

struct world {
    struct clock clock; /* first: the clock's functions find us by it */
    int64_t mono_us, wall_us;
    struct broker b;
    /* the client */
    const struct conn_fns *client_fns;
    void *client_arg;
    struct http1_head head;
    struct buf asked; /* a long body, which is read for some turns */
    struct buf got, got_headers;
    int status, n_ends, n_resumes;
    bool has_replied, is_full;
    bool may_abort, is_aborted;
    /* the provider */
    struct upstream_xfer calls[CALLS];
    size_t n_calls;
    /* the ledger */
    struct told told;
    int64_t key_comes_us; /* monotonic */
    uint64_t seq, applied;
    bool ledger_fails;
    /* keys */
    struct secret_key keys[2];
    struct secret_state states[2]; /* of them */
    size_t n_keys;
};

static struct world *the_world; /* of the test that runs */

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
    *x = (struct upstream_xfer){.fns = fns, .arg = arg};
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
    "[provider \"one\"]\n kind = openai\n base-url = http://one\n"
    " key-env = ONE\n"
    "[provider \"two\"]\n kind = openai\n base-url = http://two\n"
    " key-env = TWO\n"
    "[provider \"claude\"]\n kind = anthropic\n base-url = http://claude\n"
    " key-env = CLAUDE\n"
    "[route \"both\"]\n target = one/m\n target = two/m\n"
    "[route \"again\"]\n target = one/m\n target = two/m\n"
    " stream = restart\n"
    "[route \"cross\"]\n target = claude/c\n"
    "[limit \"target:one/slow\"]\n requests = 1/s\n"
    "[model \"one/big\"]\n max-output = 1000000\n"
    "[budget \"cents\"]\n limit = 0.01/day\n hard = yes\n project = cents\n tz = UTC\n";

static int set_up(void **state)
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
    freed_watch("sk-"); /* all keys here begin so */
    return 0;
}

static void turn(struct world *w)
{
    struct err e = ERR_INIT;
    assert_int_equal(loop_turn(w->b.loop, 0, &e), ERR_OK);
}

static void pass_time(struct world *w, int64_t us)
{
    w->mono_us += us;
    w->wall_us += us;
    turn(w);
    turn(w);
}

/* What was sent, with its keys, is the provider's to forget. */
static void forget_calls(struct world *w)
{
    fault_hold(true);
    for (size_t i = 0; i < w->n_calls; i++) {
        buf_release(&w->calls[i].body);
        buf_release(&w->calls[i].head);
    }
    fault_hold(false);
    w->n_calls = 0;
}

/* Whatever happened: nothing is in flight, nothing reserved, and no freed memory has a key. */
static int tear_down(void **state)
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

#define ASK(model)                                                                       \
    "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define ASK_STREAM(model)                                                                \
    "{\"model\":\"" model                                                                \
    "\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* `headers`: "name: value" lines. */
static void ask_in(struct world *w, const struct dialect_ops *dialect,
                   const char *headers, const char *body)
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

static void ask(struct world *w, const char *headers, const char *body)
{
    ask_in(w, &dialect_openai, headers, body);
}

static bool has(const struct buf *b, const char *text)
{
    return b->len > 0 && str_contains(buf_str(b), str_of(text));
}

static void expect(const struct buf *b, const char *text)
{
    if (!has(b, text))
        fail_msg("\"%s\" is not in:\n%s", text, b->len > 0 ? b->data : "");
}

static void expect_ended(const struct world *w, int status)
{
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->status, status);
    assert_int_equal(w->told.n_admits, 1);
    assert_int_equal(w->told.n_settles, 1);
}

/* ---- the provider's side ---- */

static struct upstream_xfer *call(struct world *w, size_t i)
{
    if (i >= w->n_calls)
        fail_msg("only %zu calls", w->n_calls);
    assert_false(w->calls[i].is_done);
    return &w->calls[i];
}

static void send_head(struct upstream_xfer *x, int status, const char *type,
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

static void begin_stream(struct upstream_xfer *x)
{
    send_head(x, 200, "text/event-stream", NULL, 0);
}

static void say(struct upstream_xfer *x, const char *text)
{
    x->fns->on_body(x->arg, str_of(text));
}

static void end(struct upstream_xfer *x)
{
    struct err ok = ERR_INIT;
    x->is_done = true;
    x->fns->on_done(x->arg, ERR_OK, &ok);
}

static void cut(struct upstream_xfer *x)
{
    struct err e = ERR_INIT;
    err_set(&e, ERR_NETWORK, "connection reset");
    e.origin = ERR_BY_TRANSPORT;
    e.sys = 56;
    x->is_done = true;
    x->fns->on_done(x->arg, ERR_NETWORK, &e);
}

static void refuse(struct upstream_xfer *x, int status, const char *retry_after,
                   const char *body)
{
    struct http1_header more = {STR("retry-after"), str_of(retry_after)};
    send_head(x, status, "application/json", &more, retry_after != NULL);
    say(x, body);
    end(x);
}

#define CHUNK(delta, finish)                                                             \
    "data: "                                                                             \
    "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m-2026-01-02\","    \
    "\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define ROLE   CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null")
#define HELLO  CHUNK("{\"content\":\"Hello\"}", "null")
#define WORLD  CHUNK("{\"content\":\" world\"}", "null")
#define FINISH CHUNK("{}", "\"stop\"")
#define USAGE                                                                            \
    "data: "                                                                             \
    "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m-2026-01-02\","    \
    "\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,"             \
    "\"total_tokens\":11}}\n\n"
#define DONE "data: [DONE]\n\n"
#define WHOLE                                                                            \
    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":\"m-2026-01-02\","          \
    "\"choices\":[{"                                                                     \
    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},"            \
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":" \
    "2,"                                                                                 \
    "\"total_tokens\":11}}"
#define ERROR(type) "{\"error\":{\"message\":\"no\",\"type\":\"" type "\",\"code\":null}}"

#define AN(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define AN_START                                                                         \
    AN("message_start",                                                                  \
       ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","     \
       "\"model\":"                                                                      \
       "\"c-2026\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":9,"   \
       "\"output_tokens\":1}}")
#define AN_HELLO                                                                         \
    AN("content_block_start",                                                            \
       ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")               \
    AN("content_block_delta",                                                            \
       ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}")
#define AN_END                                                                           \
    AN("content_block_stop", ",\"index\":0")                                             \
    AN("message_delta",                                                                  \
       ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"               \
       "\"usage\":{\"output_tokens\":2}")                                                \
    AN("message_stop", "")

static void answer_stream(struct upstream_xfer *x)
{
    begin_stream(x);
    say(x, ROLE HELLO WORLD);
    say(x, FINISH USAGE DONE);
}

/* ---- states ---- */

static void only_listed_pairs_of_states_may_follow(void **state)
{
    (void)state;
    /* written apart from the table in request_priv.h, so that a slip there is seen */
    static const enum request_state pairs[][2] = {
        {REQ_NEW, REQ_ROUTED},         {REQ_NEW, REQ_SETTLING},
        {REQ_ROUTED, REQ_ADMITTED},    {REQ_ROUTED, REQ_WAITING},
        {REQ_ROUTED, REQ_SETTLING},    {REQ_WAITING, REQ_ROUTED},
        {REQ_WAITING, REQ_SETTLING},   {REQ_ADMITTED, REQ_SENDING},
        {REQ_ADMITTED, REQ_ROUTED},    {REQ_ADMITTED, REQ_WAITING},
        {REQ_ADMITTED, REQ_SETTLING},  {REQ_SENDING, REQ_STREAMING},
        {REQ_SENDING, REQ_ROUTED},     {REQ_SENDING, REQ_WAITING},
        {REQ_SENDING, REQ_SETTLING},   {REQ_STREAMING, REQ_ROUTED},
        {REQ_STREAMING, REQ_WAITING},  {REQ_STREAMING, REQ_SETTLING},
        {REQ_SETTLING, REQ_DONE},      {REQ_SETTLING, REQ_FAILED},
        {REQ_SETTLING, REQ_CANCELLED},
    };
    AUTO(buf_release) struct buf graph = BUF_INIT(100000);
    request_write_graph(&graph);
    for (unsigned from = 0; from < REQ_N_; from++)
        for (unsigned to = 0; to < REQ_N_; to++) {
            bool is_listed = false;
            char edge[64];
            for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
                is_listed |= pairs[i][0] == from && pairs[i][1] == to;
            assert_int_equal(
                request_may((enum request_state)from, (enum request_state)to), is_listed);
            snprintf(edge, sizeof edge, "%s -> %s;",
                     request_state_name((enum request_state)from),
                     request_state_name((enum request_state)to));
            assert_int_equal(has(&graph, edge), is_listed);
        }
}

/* ---- streams ---- */

static void a_stream_passes_and_ends_after_its_record(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    struct upstream_xfer *x = call(w, 0);
    expect(&x->body, "\"model\":\"m\"");
    expect(&x->body, "\"include_usage\":true");
    expect(&x->head, "authorization: Bearer sk-1\n");
    assert_string_equal(x->url, "http://one/chat/completions");
    begin_stream(x);
    say(x, ROLE);
    assert_false(w->has_replied); /* a role is no content */
    say(x, HELLO);
    assert_int_equal(w->status, 200);
    assert_string_equal(w->got.data, ROLE HELLO);
    expect(&w->got_headers, "x-llmgw-target: one/m\r\n");
    expect(&w->got_headers, "x-llmgw-model: m-2026-01-02\r\n");
    say(x, WORLD FINISH);
    assert_string_equal(w->got.data, ROLE HELLO WORLD); /* nothing that looks complete */
    say(x, USAGE DONE);
    expect_ended(w, 200);
    assert_true(x->is_detached);
    assert_int_equal(w->told.seen_len, strlen(ROLE HELLO WORLD));
    assert_int_equal(w->told.cost_pico, 9 * 1000000 + 2 * 2000000);
    assert_int_equal(w->told.cost_source, COST_COMPUTED);
    assert_string_equal(w->told.served, "m-2026-01-02");
    assert_string_equal(w->told.finish, "stop");
    assert_false(has(&w->got, "\"usage\":{\"prompt_tokens\"") &&
                 !has(&w->got, ": llmgw"));
    expect(&w->got, FINISH ": llmgw {\"request_id\"");
    expect(&w->got, "\"cost_usd\":0.000013,");
    assert_true(str_ends(buf_str(&w->got), STR("\n\n" DONE)));
}

static void usage_reaches_the_client_that_asked(void **state)
{
    struct world *w = *state;
    ask(w, "",
        "{\"model\":\"one/"
        "m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    answer_stream(call(w, 0));
    expect(&w->got, FINISH USAGE ": llmgw");
}

static void nobody_else_hears_that_there_is_none_yet(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0),
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n");
    expect(&w->got, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
    say(call(w, 0), FINISH USAGE DONE);
    expect_ended(w, 200);
}

static void the_model_of_the_answer_has_the_price(void **state)
{
    static const struct {
        const char *served, *pricing;
        enum ledger_cost_source source;
        const char *asked;
    } rows[] = {
        {"\"model\":\"m\",", "", COST_COMPUTED, ASK("one/m")},
        {"\"model\":\"m-20260102\",", "", COST_COMPUTED, ASK("one/m")},
        /* who does not say is believed to be what was asked for */
        {"", "", COST_COMPUTED, ASK("one/m")},
        {"\"model\":\"m-mini\",", "", COST_UNKNOWN, ASK("one/m")},
        {"\"model\":\"m-2.5\",", "", COST_UNKNOWN, ASK("one/m")},
        {"\"model\":\"m\",\"service_tier\":\"default\",", "", COST_COMPUTED,
         ASK("one/m")},
        /* a tier without a price */
        {"\"model\":\"m\",\"service_tier\":\"priority\",", "priority", COST_UNKNOWN,
         ASK("one/m")},
        /* how long a cache is to live only the request tells */
        {"\"model\":\"m\",", "ttl=12h", COST_COMPUTED,
         "{\"model\":\"one/m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
         "\"prompt_cache_options\":{\"mode\":\"implicit\",\"ttl\":\"12h\"}}"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{%s\"choices\":[{\"index\":0,\"message\":{\"content\":\"Hello\"},"
                 "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
                 "\"completion_tokens\":2,\"total_tokens\":11}}",
                 rows[i].served);
        w->told = (struct told){0};
        ask(w, "", rows[i].asked);
        send_head(call(w, i), 200, "application/json", NULL, 0);
        say(call(w, i), body);
        end(call(w, i));
        expect_ended(w, 200);
        assert_int_equal(w->told.cost_source, rows[i].source);
        assert_string_equal(w->told.pricing, rows[i].pricing);
        turn(w);
    }
}

static void a_stream_cut_at_any_byte_is_never_a_success(void **state)
{
    struct world *w = *state;
    static const char text[] = ROLE HELLO WORLD FINISH USAGE DONE;
    size_t finished = strlen(ROLE HELLO WORLD FINISH), content = strlen(ROLE HELLO);
    for (size_t n = 0; n < sizeof text; n += 7) {
        char part[sizeof text];
        memcpy(part, text, n);
        part[n] = '\0';
        w->told = (struct told){0};
        ask(w, "", ASK_STREAM("one/m"));
        for (size_t i = 0; i < w->n_calls && w->n_ends == 0; i++) {
            begin_stream(call(w, i));
            say(call(w, i), part);
            if (!w->calls[i].is_detached)
                cut(call(w, i));
            pass_time(w, 9 * S);
        }
        assert_int_equal(w->n_ends, 1);
        assert_int_equal(has(&w->got, DONE), n >= finished);
        assert_int_equal(w->told.outcome == ERR_OK, n >= finished);
        assert_int_equal(w->status == 200, n >= content);
        forget_calls(w);
        breaker_init(&broker_target(&w->b, STR("one"), STR("m"))->breaker);
    }
}

static void usage_that_never_comes_is_estimated(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO WORLD FINISH);
    pass_time(w, S);
    assert_int_equal(w->n_ends, 0);
    pass_time(w, S);
    expect_ended(w, 200);
    assert_int_equal(w->told.outcome, ERR_OK);
    assert_true(w->told.has_usage && w->told.out_tok > 0);
    assert_int_equal(w->told.cost_source, COST_ESTIMATED);
    assert_true((w->told.flags & LEDGER_ESTIMATED) != 0);
    assert_true(str_ends(buf_str(&w->got), STR(DONE)));
}

/* A stream tells at its start what went in, and one token out: no count of what it said by then. */
static void usage_told_at_the_start_is_not_that_of_a_cut_answer(void **state)
{
    struct world *w = *state;
    w->may_abort = true;
    ask_in(w, &dialect_anthropic, "",
           "{\"model\":\"claude/"
           "c\",\"stream\":true,\"max_tokens\":100,\"messages\":[{\"role\":"
           "\"user\",\"content\":\"hi\"}]}");
    begin_stream(call(w, 0));
    say(call(w, 0), AN_START AN_HELLO);
    for (int i = 0; i < 20; i++)
        say(call(w, 0), AN("content_block_delta",
                           ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
                           "\" and so on, and on\"}"));
    cut(call(w, 0));
    assert_int_equal(w->told.outcome, ERR_INTERRUPTED);
    assert_int_equal(w->told.in_tok, 9);
    assert_true(w->told.out_tok > 20);
    assert_true((w->told.flags & LEDGER_ESTIMATED) != 0);
}

static void a_second_choice_may_go_on_behind_the_first_finish(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO FINISH);
    say(call(w, 0), WORLD);
    assert_string_equal(w->got.data, HELLO FINISH WORLD);
    say(call(w, 0), FINISH USAGE DONE);
    expect_ended(w, 200);
}

static void malformed_events_are_skipped(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO "data: {\"choices\":[{\n\n" WORLD FINISH USAGE DONE);
    expect_ended(w, 200);
    assert_int_equal(w->b.metrics.n_malformed_events, 1);
    assert_true(str_starts(buf_str(&w->got), STR(ROLE HELLO WORLD)));
}

/* What a server sends whose own upstream was cut: neither a success nor an end mark. */
static void an_end_mark_without_a_finish_is_a_cut(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO DONE);
    expect_ended(w, 200);
    assert_int_equal(w->n_calls, 1);
    expect(&w->got, "\"code\":\"stream_interrupted\"");
    assert_false(has(&w->got, "[DONE]"));
    assert_int_equal(w->told.outcome, ERR_INTERRUPTED);
}

static void a_cut_after_content_is_a_typed_error_in_the_stream(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    cut(call(w, 0));
    expect_ended(w, 200);
    assert_int_equal(w->n_calls, 1); /* nobody opted in to a second sample */
    expect(&w->got, "\"code\":\"stream_interrupted\"");
    assert_false(has(&w->got, "[DONE]"));
    assert_int_equal(w->told.outcome, ERR_INTERRUPTED);
    assert_true((w->told.flags & LEDGER_PARTIAL) != 0);
    assert_true(w->told.has_usage && w->told.cost_pico > 0);
    assert_int_equal(w->told.cost_source, COST_ESTIMATED);
    assert_int_equal(w->b.metrics.n_cut, 1);
}

static void an_error_event_before_content_is_an_attempt(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE "data: " ERROR("permission_error") "\n\n");
    answer_stream(call(w, 1));
    expect_ended(w, 200);
    assert_string_equal(w->calls[1].url, "http://two/chat/completions");
    assert_int_equal(w->told.classes[0], ERR_PERMISSION);
    assert_true(w->calls[0].is_cancelled);
    assert_true(str_starts(buf_str(&w->got), STR(ROLE HELLO WORLD)));
}

static void a_held_answer_is_rescued_by_another_target(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-stream: hold", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    assert_false(w->has_replied);
    cut(call(w, 0));
    answer_stream(call(w, 1));
    expect_ended(w, 200);
    assert_true(str_starts(buf_str(&w->got), STR(ROLE HELLO WORLD FINISH)));
    assert_int_equal(w->told.n_attempts, 2);
    assert_int_equal(w->told.classes[0], ERR_INTERRUPTED);
    assert_true((w->told.flags & LEDGER_HELD) != 0);
    assert_int_equal(w->b.metrics.n_rescued, 1);
    /* the lost leg is paid for, too */
    assert_true(w->told.cost_pico > 9 * 1000000 + 2 * 2000000);
}

static void a_client_that_understands_it_starts_over(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("again"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    cut(call(w, 0));
    assert_int_equal(w->n_ends, 0);
    expect(&w->got,
           "event: llmgw\ndata: {\"type\":\"reset\",\"reason\":\"stream_interrupted\"");
    answer_stream(call(w, 1));
    w->applied = w->seq;
    request_on_committed(&w->b, w->seq);
    expect_ended(w, 200);
    expect(&w->got, ROLE HELLO WORLD FINISH "event: llmgw\ndata: {\"type\":\"end\"");
    expect(&w->got, "\"legs\":2");
    assert_true((w->told.flags & LEDGER_RESTARTED) != 0);
}

static void others_get_the_error_even_on_such_a_route(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("again"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO);
    cut(call(w, 0));
    expect_ended(w, 200);
    expect(&w->got, "stream_interrupted");
}

static void our_own_clients_hear_of_the_commit(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 0));
    expect(&w->got, "{\"type\":\"start\"");
    expect(&w->got, FINISH);
    assert_false(has(&w->got, "[DONE]"));
    w->applied = w->seq;
    request_on_committed(&w->b, w->seq);
    expect_ended(w, 200);
    expect(&w->got, "\"recorded\":\"committed\"");

    w->told = (struct told){0};
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 1));
    pass_time(w, 250 * US_PER_MS);
    expect_ended(w, 200);
    expect(&w->got, "\"recorded\":\"spooled\"");
}

static void a_record_that_was_dropped_is_told(void **state)
{
    struct world *w = *state;
    w->ledger_fails = true;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("one/m"));
    answer_stream(call(w, 0));
    assert_int_equal(w->n_ends, 1);
    expect(&w->got, "\"recorded\":\"dropped\"");
}

static void silence_is_broken_by_signs_of_life(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    pass_time(w, 14 * S);
    assert_false(w->has_replied);
    pass_time(w, S);
    assert_true(w->has_replied);
    assert_string_equal(w->got.data, ": keep-alive\n\n");
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO);
    pass_time(w, 14 * S);
    assert_string_equal(w->got.data, ": keep-alive\n\n" HELLO);
    pass_time(w, S);
    assert_string_equal(w->got.data, ": keep-alive\n\n" HELLO ": keep-alive\n\n");
    w->is_full = true; /* a client that does not even read is not sent more */
    pass_time(w, 15 * S);
    w->is_full = false;
    say(call(w, 0), FINISH USAGE DONE);
    assert_true(str_starts(buf_str(&w->got),
                           STR(": keep-alive\n\n" HELLO ": keep-alive\n\n" FINISH)));
}

static void a_failure_after_the_head_is_told_inside(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    pass_time(w, 15 * S);
    refuse(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 200);
    expect(&w->got, "\"type\":\"invalid_request_error\"");
    assert_false(has(&w->got, "[DONE]"));
}

static void a_slow_client_pauses_its_own_upstream(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    w->is_full = true;
    say(call(w, 0), HELLO);
    assert_true(call(w, 0)->is_paused);
    pass_time(w, 500 * (int64_t)S); /* the gap timer does not run while we pause */
    assert_int_equal(w->n_ends, 0);
    w->is_full = false;
    w->client_fns->on_drain(w->client_arg);
    assert_int_equal(w->n_resumes, 1);
    pass_time(w, 90 * (int64_t)S);
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->told.outcome, ERR_TIMEOUT);
}

/* ---- what comes after a failure ---- */

static void a_server_error_is_tried_once_more_then_elsewhere(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("both"));
    refuse(call(w, 0), 500, NULL, ERROR("server_error"));
    pass_time(w, 0);
    refuse(call(w, 1), 500, NULL, ERROR("server_error"));
    assert_string_equal(w->calls[1].url, "http://one/chat/completions");
    assert_string_equal(w->calls[2].url, "http://two/chat/completions");
    send_head(call(w, 2), 200, "application/json", NULL, 0);
    say(call(w, 2), WHOLE);
    end(call(w, 2));
    expect_ended(w, 200);
    assert_string_equal(w->got.data, WHOLE);
    expect(&w->got_headers, "x-llmgw-attempts: 3\r\n");
    expect(&w->got_headers, "x-llmgw-cost-usd: 0.000013\r\n");
    expect(&w->got_headers, "x-llmgw-cost-source: computed\r\n");
    assert_int_equal(w->told.classes[2], ERR_OK);
    assert_int_equal(w->b.metrics.n_fallbacks, 1);
}

static void a_short_retry_after_is_waited_out_on_the_same_target(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("both"));
    refuse(call(w, 0), 429, "2", ERROR("rate_limit_error"));
    assert_int_equal(w->n_calls, 1);
    pass_time(w, 2 * S - 1);
    assert_int_equal(w->n_calls, 1);
    pass_time(w, 1);
    assert_string_equal(w->calls[1].url, "http://one/chat/completions");
    refuse(call(w, 1), 429, "2", ERROR("rate_limit_error")); /* patience is used up */
    assert_string_equal(w->calls[2].url, "http://two/chat/completions");
    refuse(call(w, 2), 429, "100", ERROR("rate_limit_error"));
    assert_int_equal(w->n_ends,
                     0); /* nobody has room now: the one that has it first is awaited */
    pass_time(w, 2 * S);
    assert_string_equal(w->calls[3].url, "http://one/chat/completions");
    refuse(call(w, 3), 429, "700", ERROR("rate_limit_error")); /* beyond the deadline */
    expect_ended(w, 429);
    expect(&w->got_headers, "retry-after: 2\r\n");
    expect(&w->got, "\"attempts\":[{\"target\":\"one/m\",\"class\":\"rate_limit\"");
}

static void a_long_retry_after_moves_on_at_once(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-events: 1", ASK_STREAM("both"));
    refuse(call(w, 0), 429, "30", ERROR("rate_limit_error"));
    answer_stream(call(w, 1));
    pass_time(w, S);
    expect_ended(w, 200);
    expect(
        &w->got,
        "{\"type\":\"fallback\",\"from\":\"one/m\",\"to\":\"two/m\",\"reason\":\"429\"");
}

static void a_silent_target_is_never_asked_twice(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-ttft-timeout-ms: 5000", ASK_STREAM("both"));
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE);
    pass_time(w, 5 * S);
    assert_true(w->calls[0].is_cancelled);
    assert_string_equal(w->calls[1].url, "http://two/chat/completions");
    pass_time(w, 5 * S);
    expect_ended(w, 504);
    assert_int_equal(w->n_calls, 2);
    assert_int_equal(w->told.classes[0], ERR_TIMEOUT);
}

/* Without a stream nobody knows who is at work: the next one gets half of the time. */
static void a_silent_target_leaves_time_for_the_next(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-timeout-ms: 20000", ASK("both"));
    pass_time(w, 10 * S - 1);
    assert_int_equal(w->n_calls, 1);
    pass_time(w, 1);
    assert_true(w->calls[0].is_cancelled);
    assert_string_equal(w->calls[1].url, "http://two/chat/completions");
    pass_time(w, 10 * S - 1);
    assert_int_equal(w->n_ends, 0);
    pass_time(w, 1);
    expect_ended(w, 504);
    assert_int_equal(w->told.classes[0], ERR_TIMEOUT);
}

static void who_thinks_is_not_silent(void **state)
{
    static const char thought[] = AN(
        "content_block_delta",
        ",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}");
    struct world *w = *state;
    ask(w, "", ASK_STREAM("cross"));
    begin_stream(call(w, 0));
    say(call(w, 0), AN_START);
    for (int i = 0; i < 3; i++) {
        pass_time(w, 50 * S);
        say(call(w, 0), thought);
    }
    pass_time(w, 50 * S);
    say(call(w, 0), AN("ping", "")); /* says only that the line holds */
    assert_false(w->calls[0].is_cancelled);
    pass_time(w, 10 * S);
    assert_true(w->calls[0].is_cancelled);
    expect(&w->got, "no first token within 1m");
}

static void the_smallest_hint_is_told_whoever_gave_none(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-timeout-ms: 1000", ASK("both"));
    refuse(call(w, 0), 429, "20", ERROR("rate_limit_error"));
    refuse(call(w, 1), 429, NULL, ERROR("rate_limit_error"));
    pass_time(w, 2 * S);
    while (w->n_ends == 0)
        refuse(call(w, w->n_calls - 1), 429, NULL, ERROR("rate_limit_error"));
    expect_ended(w, 429);
    expect(&w->got_headers, "retry-after: 20\r\n");
}

static void who_gets_no_hint_is_given_ours(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    refuse(call(w, 0), 503, NULL, ERROR("overloaded_error"));
    refuse(call(w, 1), 503, NULL, ERROR("overloaded_error"));
    refuse(call(w, 2), 503, NULL, ERROR("overloaded_error"));
    expect_ended(w, 503);
    expect(&w->got_headers, "retry-after: 4\r\n");
    expect(&w->got_headers, "retry-after-ms: 4000\r\n");
    expect(&w->got_headers, "x-should-retry: false\r\n"); /* that was done here */
}

static void nobody_waits_long_for_the_ill(void **state)
{
    struct world *w = *state;
    struct err e = ERR_INIT;
    err_set(&e, ERR_TIMEOUT, "silent");
    e.retry_after_us = 20 * S;
    for (int i = 0; i < 3; i++)
        breaker_failed(&broker_target(&w->b, STR("one"), STR("m"))->breaker, &e,
                       w->mono_us);
    ask(w, "", ASK("one/m"));
    expect_ended(w, 503);
    assert_int_equal(w->n_calls, 0);
    expect(&w->got_headers, "retry-after: 20\r\n");
}

static void one_deadline_bounds_it_all(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-timeout-ms: 20000", ASK("one/m"));
    pass_time(w, 10 * S);
    refuse(call(w, 0), 429, "3", ERROR("rate_limit_error"));
    pass_time(w, 3 * S);
    assert_int_equal(w->n_calls, 2);
    pass_time(w, 7 * S);
    expect_ended(w, 429); /* the rate limit says more than the deadline */
    assert_true(w->calls[1].is_cancelled);
}

static void what_the_request_itself_does_wrong_stops(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("both"));
    refuse(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 400);
    assert_int_equal(w->n_calls, 1);
    expect(&w->got_headers, "x-should-retry: false\r\n");
}

static void a_key_that_is_being_fetched_is_waited_for(void **state)
{
    struct world *w = *state;
    w->key_comes_us = w->mono_us + S;
    ask(w, "", ASK("both"));
    pass_time(w, S - 1);
    assert_int_equal(w->n_calls, 0);
    pass_time(w, S / 10);
    assert_string_equal(w->calls[0].url, "http://one/chat/completions");
    refuse(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    expect_ended(w, 400);
}

static void a_refused_key_rests_and_the_next_is_tried(void **state)
{
    struct world *w = *state;
    w->n_keys = 2;
    ask(w, "", ASK("both"));
    refuse(call(w, 0), 401, NULL, ERROR("authentication_error"));
    expect(&call(w, 1)->head, "authorization: Bearer sk-2\n");
    assert_string_equal(w->calls[1].url, "http://one/chat/completions");
    refuse(call(w, 1), 401, NULL, ERROR("authentication_error"));
    expect_ended(w, 502); /* "two" has no key that may be used either */
    assert_int_equal(w->states[0].breaker.state, BREAKER_OPEN);
    assert_int_equal(w->states[1].breaker.state, BREAKER_OPEN);
    expect(&w->got, "upstream_authentication");
}

/* The next request is one of its own, for the ledger too. */
static void ask_next(struct world *w, const struct dialect_ops *dialect,
                     const char *headers, const char *body)
{
    w->told = (struct told){0};
    ask_in(w, dialect, headers, body);
}

static void a_quota_that_is_used_up_is_told_to_whoever_asks_next(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    refuse(call(w, 0), 429, NULL, ERROR("insufficient_quota"));
    expect_ended(w, 429);
    static const char *const models[] = {ASK("one/m"), ASK("one/other")};
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        ask_next(w, &dialect_openai, "", models[i]);
        expect_ended(w, 429);
        expect(&w->got, "\"code\":\"insufficient_quota\"");
        expect(&w->got, "key one#1 has used up its quota, retry in 10m");
        expect(&w->got_headers, "x-should-retry: false\r\n");
        assert_false(has(&w->got_headers, "retry-after"));
    }
    ask_next(w, &dialect_anthropic, "",
             "{\"model\":\"one/m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
             "\"content\":\"hi\"}]}");
    expect_ended(w, 402);
    expect(&w->got, "billing_error");
    assert_int_equal(w->n_calls, 1);
}

static void a_quota_rests_until_its_reset_however_far(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    refuse(call(w, 0), 429, "604800", ERROR("insufficient_quota"));
    expect_ended(w, 429);
    pass_time(w, 6 * 86400 * (int64_t)S);
    ask_next(w, &dialect_openai, "", ASK("one/m"));
    expect_ended(w, 429);
    assert_int_equal(w->n_calls, 1);
}

static void a_refused_key_is_named_to_whoever_asks_next(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    refuse(call(w, 0), 401, NULL, ERROR("authentication_error"));
    ask_next(w, &dialect_openai, "", ASK("one/other"));
    expect_ended(w, 502);
    expect(&w->got, "upstream_authentication");
    expect(&w->got, "key one#1 was not accepted, retry in 10m");
}

static void one_request_tries_a_benched_key_for_all(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    refuse(call(w, 0), 401, NULL, ERROR("authentication_error"));
    expect(&w->got, "upstream_authentication");
    assert_non_null(strstr(w->told.state, "key:one:1={\"until_us\":"));
    pass_time(w, 600 * (int64_t)S);
    ask_next(w, &dialect_openai, "", ASK_STREAM("one/m"));
    expect(&call(w, 1)->head, "authorization: Bearer sk-1\n");
    assert_int_equal(breaker_wait_us(&w->states[0].breaker, w->mono_us), S);
    begin_stream(call(w, 1));
    say(call(w, 1), ROLE HELLO);
    /* the key is good, whatever comes of this answer */
    assert_int_equal(w->states[0].breaker.state, BREAKER_CLOSED);
    assert_string_equal(w->told.state, "key:one:1=");
    say(call(w, 1), FINISH USAGE DONE);
    expect_ended(w, 200);
}

static void the_clients_own_key_is_no_matter_of_others(void **state)
{
    struct world *w = *state;
    static const int told[] = {429, 402};
    static const char *const why[] = {ERROR("rate_limit_error"), ERROR("billing_error")};
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        ask_next(w, &dialect_openai, "x-llmgw-provider-key: one=sk-mine", ASK("one/m"));
        refuse(call(w, 2 * i), told[i], "700", why[i]);
        expect_ended(w, 429);
        ask_next(w, &dialect_openai, "", ASK("one/m"));
        expect(&call(w, 2 * i + 1)->head, "authorization: Bearer sk-1\n");
        refuse(call(w, 2 * i + 1), 400, NULL, ERROR("invalid_request_error"));
    }
}

static void our_quota_is_no_matter_of_a_client_with_a_key(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/m"));
    refuse(call(w, 0), 429, NULL, ERROR("insufficient_quota"));
    ask_next(w, &dialect_openai, "x-llmgw-provider-key: one=sk-mine", ASK("one/m"));
    refuse(call(w, 1), 402, NULL, ERROR("billing_error"));
    expect_ended(w, 429);
    expect(&w->got, "insufficient_quota");
}

static void a_key_of_the_client_is_used_once(void **state)
{
    struct world *w = *state;
    w->n_keys = 0;
    ask(w, "x-llmgw-provider-key: one=sk-mine", ASK("one/m"));
    expect(&call(w, 0)->head, "authorization: Bearer sk-mine\n");
    refuse(call(w, 0), 401, NULL, ERROR("authentication_error"));
    expect_ended(w, 502);
    assert_false(has(&w->got, "sk-mine"));
}

static void nothing_answers_where_nobody_can(void **state)
{
    struct world *w = *state;
    w->n_keys = 0;
    ask(w, "", ASK("both"));
    expect_ended(w, 502);
    assert_int_equal(w->n_calls, 0);
    expect(&w->got, "one/m: no key; two/m: no key\\nhint: llmgw keys ");
}

/* ---- limits ---- */

static void what_does_not_fit_waits_for_its_turn(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/slow"));
    send_head(call(w, 0), 200, "application/json", NULL, 0);
    say(call(w, 0), WHOLE);
    end(call(w, 0));
    w->told = (struct told){0};
    ask(w, "", ASK("one/slow"));
    assert_int_equal(w->n_calls, 1);
    assert_int_equal(w->b.n_waiting, 1);
    pass_time(w, S);
    assert_int_equal(w->b.n_waiting, 0);
    send_head(call(w, 1), 200, "application/json", NULL, 0);
    say(call(w, 1), WHOLE);
    end(call(w, 1));
    expect_ended(w, 200);
}

static void who_waits_may_go(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("one/slow"));
    w->client_fns->on_gone(w->client_arg);
    w->told = (struct told){0};
    ask(w, "", ASK("one/slow"));
    assert_int_equal(w->b.n_waiting, 1);
    w->client_fns->on_gone(w->client_arg);
    assert_int_equal(w->told.outcome, ERR_CANCELLED);
    assert_int_equal(w->told.n_attempts, 0);
}

/* ---- the client goes ---- */

static void a_client_that_goes_stops_its_upstream(void **state)
{
    struct world *w = *state;
    static const char *const said[] = {"", ROLE, ROLE HELLO, ROLE HELLO FINISH};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        w->told = (struct told){0};
        ask(w, "", ASK_STREAM("both"));
        begin_stream(call(w, i));
        say(call(w, i), said[i]);
        w->client_fns->on_gone(w->client_arg);
        assert_true(w->calls[i].is_cancelled);
        assert_int_equal(w->told.outcome, ERR_CANCELLED);
        assert_int_equal(w->told.n_settles, 1);
        assert_int_equal(w->told.cost_source, COST_ESTIMATED);
        assert_true(w->told.in_tok > 0);
        turn(w);
    }
    assert_true(
        breaker_allows(&broker_target(&w->b, STR("one"), STR("m"))->breaker, w->mono_us));
}

static void an_administrator_may_end_it(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("one/m"));
    begin_stream(call(w, 0));
    say(call(w, 0), HELLO);
    AUTO(buf_release) struct buf list = BUF_INIT(10000);
    request_write_inflight(&w->b, &list);
    expect(&list, "\"state\":\"STREAMING\"");
    char id[27];
    memcpy(id, container_of(w->b.requests.next, struct request, link)->id, sizeof id);
    assert_false(request_cancel(&w->b, STR("nobody")));
    assert_true(request_cancel(&w->b, str_of(id)));
    expect_ended(w, 200);
    assert_int_equal(w->told.outcome, ERR_CANCELLED);
    assert_false(has(&w->got, "[DONE]"));
}

/* ---- what is asked ---- */

static void headers_are_read_strictly(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *header, *want;
    } rows[] = {
        {"x-llmgw-timeout-ms: soon", "header x-llmgw-timeout-ms: must be milliseconds"},
        {"x-llmgw-timeout-ms: 0", "x-llmgw-timeout-ms"},
        {"x-llmgw-max-cost: -1", "x-llmgw-max-cost"},
        {"x-llmgw-tag: colour", "x-llmgw-tag: must be NAME=VALUE"},
        {"x-llmgw-stream: maybe", "must be live, hold or restart"},
        {"x-llmgw-stream: restart", "needs x-llmgw-events: 1"},
        {"x-llmgw-record: all", "must be full, meta or off"},
        {"x-llmgw-events: yes", "must be 0 or 1"},
        {"x-llmgw-hop: HOP", "through this broker before"},
        {"x-llmgw-template: @2", "x-llmgw-template"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        w->told = (struct told){0};
        ask(w, rows[i].header, ASK("one/m"));
        expect_ended(w, 400);
        expect(&w->got, rows[i].want);
        assert_int_equal(w->told.outcome, ERR_INVALID);
    }
    assert_int_equal(w->n_calls, 0);
}

static void unknown_names_are_not_found(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK("nobody/knows"));
    expect_ended(w, 404);
    w->told = (struct told){0};
    ask(w, "x-llmgw-route: nowhere", ASK("one/m"));
    expect_ended(w, 404);
    expect(&w->got, "no route \\\"nowhere\\\"");
}

static void a_body_that_is_no_request_is_recorded_too(void **state)
{
    struct world *w = *state;
    ask(w, "", "{\"model\":1}");
    expect_ended(w, 400);
    assert_int_equal(w->told.n_attempts, 0);
}

static void fallbacks_of_the_client_come_last(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-fallback: two/m", ASK("one/m"));
    refuse(call(w, 0), 404, NULL, ERROR("not_found_error"));
    assert_string_equal(w->calls[1].url, "http://two/chat/completions");
    refuse(call(w, 1), 404, NULL, ERROR("not_found_error"));
    expect_ended(w, 404);
}

static void a_cost_cap_becomes_an_output_cap(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-max-cost: 0.001", ASK("one/m"));
    expect(&call(w, 0)->body, "\"max_completion_tokens\":");
    refuse(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    expect(&w->got_headers, "x-llmgw-max-output-tokens: ");
    w->told = (struct told){0};
    ask(w, "x-llmgw-max-cost: 0", ASK("one/m"));
    expect_ended(w, 403);
}

/* The worst case of a model without a cap is all that it may say: never affordable. */
static void what_money_buys_becomes_the_output_cap(void **state)
{
    static const struct {
        const char *headers, *body, *cap;
    } rows[] = {
        {"x-llmgw-max-cost: 0.01", ASK("one/big"), "\"max_completion_tokens\":499"},
        {"x-llmgw-project: cents", ASK("one/big"), "\"max_completion_tokens\":499"},
        {"x-llmgw-max-cost: 0.01",
         "{\"model\":\"one/big\",\"n\":4,\"messages\":"
         "[{\"role\":\"user\",\"content\":\"hi\"}]}",
         "\"max_completion_tokens\":124"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask(w, rows[i].headers, rows[i].body);
        expect(&call(w, i)->body, rows[i].cap);
        /* if we die now: not all that was allowed, but what is to be expected */
        assert_in_range(w->told.expected_pico, 500 * 2000000, 9999999999);
        refuse(call(w, i), 400, NULL, ERROR("invalid_request_error"));
        expect(&w->got_headers, "x-llmgw-max-output-tokens: ");
        w->told = (struct told){0};
    }
}

static void a_spent_budget_refuses_at_once(void **state)
{
    struct world *w = *state;
    const struct limit_scope scope = {.provider = STR("one"), .project = STR("cents")};
    limiter_seed(w->b.limiter, &scope, PICO_PER_USD / 100, w->wall_us, w->wall_us);
    ask(w, "x-llmgw-project: cents", ASK("one/big"));
    expect_ended(w, 403);
    assert_int_equal(w->told.outcome, ERR_REFUSED);
    expect(&w->got, "budget cents is used up, next one in ");
    expect(&w->got, "\"code\":\"refused\"");
    expect(&w->got_headers, "x-should-retry: false");
    assert_int_equal(w->n_calls, 0);
}

static void an_output_cap_is_kept_mid_stream(void **state)
{
    struct world *w = *state;
    ask(w, "",
        "{\"model\":\"one/m\",\"stream\":true,\"max_tokens\":5,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    begin_stream(call(w, 0));
    for (int i = 0; i < 100 && w->n_ends == 0; i++)
        say(call(w, 0), HELLO WORLD);
    expect_ended(w, 200);
    assert_int_equal(w->told.outcome, ERR_REFUSED);
    expect(&w->got, "has passed its cap of 5 tokens");
    assert_true(w->calls[0].is_cancelled);
}

static void explaining_sends_nothing(void **state)
{
    struct world *w = *state;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(100000);
    const struct conn_request cr = {.head = &w->head, .body = STR(ASK("both"))};
    assert_int_equal(request_explain(&w->b, &cr, &dialect_openai, &out, &e), ERR_OK);
    expect(&out, "\"route\":\"both\"");
    expect(&out, "{\"target\":\"one/m\",\"verdict\":\"chosen\"");
    expect(&out, "{\"target\":\"two/m\",\"verdict\":\"standby\"");
    expect(&out, "\"would_send\":true");
    assert_false(has(&out, "wait_ms"));
    assert_int_equal(jscan_check(buf_str(&out), &e), ERR_OK);
    assert_int_equal(w->n_calls, 0);
    assert_int_equal(w->told.n_admits, 0);
}

static void explaining_tells_what_asking_would_wait_for(void **state)
{
    struct world *w = *state;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf out = BUF_INIT(100000);
    ask(w, "", ASK("one/slow"));
    refuse(call(w, 0), 400, NULL, ERROR("invalid_request_error"));
    const struct conn_request cr = {
        .head = &w->head, .body = STR(ASK("one/slow")), .start_mono_us = w->mono_us};
    assert_int_equal(request_explain(&w->b, &cr, &dialect_openai, &out, &e), ERR_OK);
    expect(&out, "\"verdict\":\"later\"");
    expect(&out, "\"would_send\":true,\"wait_ms\":1000");
}

/* ---- crossed ---- */

static void a_stream_is_translated(void **state)
{
    struct world *w = *state;
    ask(w, "", ASK_STREAM("cross"));
    assert_string_equal(w->calls[0].url, "http://claude/messages");
    expect(&call(w, 0)->head, "x-api-key: sk-1\n");
    expect(&call(w, 0)->body, "\"max_tokens\":");
    begin_stream(call(w, 0));
    say(call(w, 0), AN_START AN("ping", ""));
    assert_false(w->has_replied);
    say(call(w, 0), AN_HELLO);
    expect(&w->got, "\"content\":\"Hello\"");
    say(call(w, 0), AN_END);
    expect_ended(w, 200);
    expect(&w->got, "\"finish_reason\":\"stop\"");
    assert_true(str_ends(buf_str(&w->got), STR(DONE)));
    assert_int_equal(w->told.in_tok, 9);
    assert_int_equal(w->told.out_tok, 2);
    assert_true((w->told.flags & LEDGER_CROSSED) != 0);
}

static void a_translated_answer_that_is_not_streamed_is_collected(void **state)
{
    struct world *w = *state;
    ask(w, "x-llmgw-record: full", ASK("cross"));
    expect(&call(w, 0)->body, "\"stream\":true");
    begin_stream(call(w, 0));
    say(call(w, 0), AN_START AN_HELLO AN_END);
    expect_ended(w, 200);
    expect(&w->got, "\"object\":\"chat.completion\"");
    expect(&w->got, "\"content\":\"Hello\"");
    assert_string_equal(w->told.text, "Hello");
}

/* A request for the crossed route whose message holds `piece` until it has so many bytes. */
static void ask_long(struct world *w, const char *from, const char *piece, const char *to,
                     size_t len)
{
    struct buf *body = &w->asked;
    buf_reset(body);
    buf_addz(body, "{\"model\":\"cross\",\"messages\":[{\"role\":\"user\",\"content\":");
    buf_addz(body, from);
    while (body->len < len)
        buf_addz(body, piece);
    buf_addz(body, to);
    buf_addz(body, "}]}");
    w->told = (struct told){0};
    ask(w, "", body->data);
}

/* The turns that the loop takes until call i is made. */
static size_t turns_to_call(struct world *w, size_t i)
{
    size_t n = 0;
    for (; w->n_calls <= i && n < 10000; n++)
        turn(w);
    return n;
}

static void long_texts_are_translated_too(void **state)
{
    struct world *w = *state;
    static const char *const pieces[] = {"one sentence after another, ",
                                         "lines of text\\n"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        ask_long(w, "\"", pieces[i], "\"", (size_t)33 << 20);
        /* others have their turn meanwhile: no turn writes more than 64 KB of it */
        assert_true(turns_to_call(w, i) > ((size_t)30 << 20) / (64 * 1024));
        assert_true(call(w, i)->body.len > (size_t)33 << 20);
        expect(&call(w, i)->body, pieces[i]);
        refuse(call(w, i), 400, NULL, ERROR("invalid_request_error"));
        expect_ended(w, 400);
    }
}

static void nobody_is_asked_for_who_left_while_his_text_was_written(void **state)
{
    struct world *w = *state;
    ask_long(w, "\"", "lines of text\\n", "\"", (size_t)1 << 20);
    turn(w);
    assert_int_equal(w->n_calls, 0);
    w->client_fns->on_gone(w->client_arg);
    for (int i = 0; i < 100; i++)
        turn(w);
    assert_int_equal(w->n_calls, 0);
    assert_int_equal(w->told.outcome, ERR_CANCELLED);
}

static void a_call_that_fails_when_its_text_is_written_is_told(void **state)
{
    struct world *w = *state;
    ask_long(w, "\"", "lines of text\\n", "\"", (size_t)1 << 20);
    turn(w);
    w->n_keys = 0; /* a reload took it away */
    for (int i = 0; i < 100; i++)
        turn(w);
    assert_int_equal(w->n_calls, 0);
    expect_ended(w, 502);
    expect(&w->got, "has no key that may be used now");
}

static void parts_without_end_are_too_many(void **state)
{
    struct world *w = *state;
    ask_long(w, "[{\"type\":\"text\",\"text\":\"a\"}",
             ",{\"type\":\"text\",\"text\":\"a\"}", "]", (size_t)16 << 20);
    expect_ended(w, 413);
    expect(&w->got, "no room to read the body");
    assert_int_equal(w->n_calls, 0);
}

static void a_translated_stream_without_its_end_is_completed(void **state)
{
    struct world *w = *state;
    ask_in(
        w, &dialect_anthropic, "",
        "{\"model\":\"one/m\",\"stream\":true,\"max_tokens\":100,\"messages\":[{\"role\":"
        "\"user\",\"content\":\"hi\"}]}");
    begin_stream(call(w, 0));
    say(call(w, 0), ROLE HELLO FINISH);
    end(call(w, 0));
    expect_ended(w, 200);
    expect(&w->got, "event: message_delta\n");
    assert_true(
        str_ends(buf_str(&w->got),
                 STR("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")));
}

/* ---- memory ---- */

/* What an open transfer is answered; the request may let it go at any of these. */
static void answer_if_open(struct upstream_xfer *x, bool is_anthropic)
{
    const char *const openai[] = {ROLE, HELLO, WORLD, FINISH, USAGE DONE};
    const char *const anthropic[] = {AN_START, AN_HELLO, AN_END};
    const char *const *parts = is_anthropic ? anthropic : openai;
    size_t n = is_anthropic ? ARRAY_LEN(anthropic) : ARRAY_LEN(openai);
    begin_stream(x);
    for (size_t i = 0; i < n && !x->is_cancelled && !x->is_detached; i++)
        say(x, parts[i]);
    if (!x->is_cancelled && !x->is_detached)
        end(x);
}

/* Until the request is over: every transfer is answered, and waits pass. */
static void play(struct world *w, bool is_anthropic)
{
    for (int i = 0; i < 20 && w->b.n_requests > 0; i++) {
        for (size_t k = 0; k < w->n_calls; k++) {
            struct upstream_xfer *x = &w->calls[k];
            if (!x->is_done && !x->is_cancelled && !x->is_detached)
                answer_if_open(x, is_anthropic);
        }
        pass_time(w, S);
    }
}

/* Either what comes without a fault or an error; never an end that only looks like one. */
static void check_outcome(const struct world *w, const char *whole,
                          const struct told *want)
{
    assert_int_equal(w->b.n_requests, 0);
    assert_true(w->n_ends == 1 || w->is_aborted);
    assert_true(w->told.n_settles <= 1);
    if (w->n_ends == 0)
        return;
    expect(&w->got_headers, "content-type: ");
    assert_true(str_ends(buf_str(&w->got_headers), STR("\r\n")));
    if (w->status == 200 && !has(&w->got, "\"error\"")) {
        expect(&w->got, whole);
        assert_int_equal(w->told.outcome, ERR_OK);
        assert_int_equal(w->told.cost_pico, want->cost_pico);
        if (w->told.text[0] != '\0') /* else there was no room to keep it */
            assert_string_equal(w->told.text, want->text);
    } else {
        expect(&w->got, "\"error\"");
    }
}

struct memory_case {
    const char *headers, *body, *whole;
    bool is_anthropic;
};

/* The request with its n-th allocation failing, or none; false: it has not so many. */
static bool ask_failing_at(void **state, const struct memory_case *c, enum fault_how how,
                           long n, struct told *want)
{
    set_up(state);
    struct world *w = *state;
    w->may_abort = true;
    fault_arm(FAULT_MEMORY, how, n);
    ask(w, c->headers, c->body);
    play(w, c->is_anthropic);
    bool has_struck = fault_disarm();
    if (how == FAULT_NONE)
        *want = w->told;
    check_outcome(w, c->whole, want);
    tear_down(state);
    return has_struck;
}

static void a_failing_allocation_is_never_a_wrong_answer(void **state)
{
    static const struct memory_case cases[] = {
        {"", ASK_STREAM("one/m"), FINISH, false},
        {"x-llmgw-record: full", ASK_STREAM("both"), FINISH, false},
        {"", ASK_STREAM("cross"), DONE, true},
        {"x-llmgw-stream: hold", ASK_STREAM("both"), FINISH, false},
        {"x-llmgw-record: full", ASK("cross"), "\"content\":\"Hello\"", true},
    };
    tear_down(state);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct told want;
        ask_failing_at(state, &cases[i], FAULT_NONE, 0, &want);
        for (long n = 0; ask_failing_at(state, &cases[i], FAULT_ONCE, n, &want);)
            n++;
    }
    set_up(state);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(only_listed_pairs_of_states_may_follow),
        CASE(a_stream_passes_and_ends_after_its_record),
        CASE(usage_reaches_the_client_that_asked),
        CASE(nobody_else_hears_that_there_is_none_yet),
        CASE(the_model_of_the_answer_has_the_price),
        CASE(a_stream_cut_at_any_byte_is_never_a_success),
        CASE(usage_that_never_comes_is_estimated),
        CASE(usage_told_at_the_start_is_not_that_of_a_cut_answer),
        CASE(a_second_choice_may_go_on_behind_the_first_finish),
        CASE(malformed_events_are_skipped),
        CASE(an_end_mark_without_a_finish_is_a_cut),
        CASE(a_cut_after_content_is_a_typed_error_in_the_stream),
        CASE(an_error_event_before_content_is_an_attempt),
        CASE(a_held_answer_is_rescued_by_another_target),
        CASE(a_client_that_understands_it_starts_over),
        CASE(others_get_the_error_even_on_such_a_route),
        CASE(our_own_clients_hear_of_the_commit),
        CASE(a_record_that_was_dropped_is_told),
        CASE(silence_is_broken_by_signs_of_life),
        CASE(a_failure_after_the_head_is_told_inside),
        CASE(a_slow_client_pauses_its_own_upstream),
        CASE(a_server_error_is_tried_once_more_then_elsewhere),
        CASE(a_short_retry_after_is_waited_out_on_the_same_target),
        CASE(a_long_retry_after_moves_on_at_once),
        CASE(a_silent_target_is_never_asked_twice),
        CASE(a_silent_target_leaves_time_for_the_next),
        CASE(who_thinks_is_not_silent),
        CASE(the_smallest_hint_is_told_whoever_gave_none),
        CASE(who_gets_no_hint_is_given_ours),
        CASE(nobody_waits_long_for_the_ill),
        CASE(one_deadline_bounds_it_all),
        CASE(what_the_request_itself_does_wrong_stops),
        CASE(a_key_that_is_being_fetched_is_waited_for),
        CASE(a_refused_key_rests_and_the_next_is_tried),
        CASE(a_quota_that_is_used_up_is_told_to_whoever_asks_next),
        CASE(a_quota_rests_until_its_reset_however_far),
        CASE(a_refused_key_is_named_to_whoever_asks_next),
        CASE(the_clients_own_key_is_no_matter_of_others),
        CASE(one_request_tries_a_benched_key_for_all),
        CASE(our_quota_is_no_matter_of_a_client_with_a_key),
        CASE(a_key_of_the_client_is_used_once),
        CASE(nothing_answers_where_nobody_can),
        CASE(what_does_not_fit_waits_for_its_turn),
        CASE(who_waits_may_go),
        CASE(a_client_that_goes_stops_its_upstream),
        CASE(an_administrator_may_end_it),
        CASE(headers_are_read_strictly),
        CASE(unknown_names_are_not_found),
        CASE(a_body_that_is_no_request_is_recorded_too),
        CASE(fallbacks_of_the_client_come_last),
        CASE(a_cost_cap_becomes_an_output_cap),
        CASE(what_money_buys_becomes_the_output_cap),
        CASE(a_spent_budget_refuses_at_once),
        CASE(an_output_cap_is_kept_mid_stream),
        CASE(explaining_tells_what_asking_would_wait_for),
        CASE(explaining_sends_nothing),
        CASE(a_stream_is_translated),
        CASE(a_translated_answer_that_is_not_streamed_is_collected),
        CASE(long_texts_are_translated_too),
        CASE(nobody_is_asked_for_who_left_while_his_text_was_written),
        CASE(a_call_that_fails_when_its_text_is_written_is_told),
        CASE(parts_without_end_are_too_many),
        CASE(a_translated_stream_without_its_end_is_completed),
        CASE(a_failing_allocation_is_never_a_wrong_answer),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
