/*
 * request_world.h: a request's life against a client, a provider and a ledger played by the test.
 *
 * What is real: states, timers, router, limiter, retries, breakers, dialects, prices. What is
 * played: conn, upstream, ledger, secrets and the broker's few functions, all defined in
 * request_world.c, so that the library's own are not linked. Time is the test's: nothing waits.
 */
#ifndef TESTS_REQUEST_WORLD_H
#define TESTS_REQUEST_WORLD_H

#include "core/mem.h"

#include "broker/request_priv.h"
#include "tests/unit/fault.h"

enum { S = US_PER_S, CALLS = 24 };

/* One transfer, as the provider sees it. */
struct upstream_xfer {
    const struct upstream_fns *fns;
    void *arg;
    struct buf body, head; /* what was sent */
    char url[128];
    bool is_foreign, is_public;
    bool is_cancelled, is_detached, is_paused, is_done;
};

/* What the ledger was told at the end. */
struct told {
    int n_admits, n_settles;
    enum errc outcome, classes[LIMIT_ATTEMPTS];
    size_t n_attempts;
    pico expected_pico; /* at admission */
    pico cost_pico, reported_pico;
    enum ledger_cost_source cost_source;
    unsigned flags;
    int64_t in_tok, out_tok;
    bool has_usage;
    char served[64], finish[32], text[256], pricing[64], state[256];
    char response[2048];
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

extern struct world *the_world; /* of the test that runs */

/* A new world for each test: one and two (OpenAI), claude, gem (Gemini) and aws, all with keys. */
int set_up(void **state);
/* Whatever happened: nothing is in flight, nothing reserved, and no freed memory has a key. */
int tear_down(void **state);
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

void turn(struct world *w);
void pass_time(struct world *w, int64_t us);
/* What was sent, with its keys, is the provider's to forget. */
void forget_calls(struct world *w);

/* ---- the client's side ---- */

#define ASK(model)                                                                       \
    "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define ASK_STREAM(model)                                                                \
    "{\"model\":\"" model                                                                \
    "\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
/* `headers`: "name: value" lines. */
void ask_in(struct world *w, const struct dialect_ops *dialect, const char *headers,
            const char *body);
void ask(struct world *w, const char *headers, const char *body);
bool has(const struct buf *b, const char *text);
void expect(const struct buf *b, const char *text);
void expect_ended(const struct world *w, int status);

/* ---- the provider's side ---- */

struct upstream_xfer *call(struct world *w, size_t i);
void send_head(struct upstream_xfer *x, int status, const char *type,
               const struct http1_header *more, size_t n_more);
void begin_stream(struct upstream_xfer *x);
void say(struct upstream_xfer *x, const char *text);
void end(struct upstream_xfer *x);
void cut(struct upstream_xfer *x);
void reject(struct upstream_xfer *x, int status, const char *retry_after,
            const char *body);
void answer_stream(struct upstream_xfer *x);

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
#define ERROR(type)    "{\"error\":{\"message\":\"no\",\"type\":\"" type "\",\"code\":null}}"
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

#endif
