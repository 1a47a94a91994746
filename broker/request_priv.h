/*
 * request_priv.h: what the files of a request share; nobody else includes it.
 *
 *     request.c         the states, what may happen in each, and the timers
 *     request_ask.c     what the client asks for: facts, targets, the decision
 *     request_options.c what its x-llmgw-… headers ask for
 *     request_candidates.c  who of the targets has room, or will have, and whose failure is told
 *     request_rank.c    what routes' strategies go by, before a request and learned from it
 *     request_explain.c the decision for people
 *     attempt.c         one call to a provider: transfer, scanning the answer
 *     attempt_send.c    what it sends: body, headers, key
 *     answer.c          what the client gets: what is held back, what leaves, and when
 *     request_settle.c  what it used: usage, price, limits, breaker, ledger
 *
 * Events go up to request.c (request_on_…), which alone changes states; actions go down.
 */
#ifndef BROKER_REQUEST_PRIV_H
#define BROKER_REQUEST_PRIV_H

#include "core/arena.h"
#include "core/jsonx.h"
#include "core/list.h"
#include "core/price.h"

#include "broker/broker.h"
#include "broker/conn.h"
#include "broker/dialect.h"
#include "broker/estimate.h"
#include "broker/request.h"
#include "broker/router.h"

/*
 * X(state, what it means, states that may follow)
 * The graph at the top of request.c is drawn from this.
 */
#define REQUEST_STATES(X)                                                                \
    X(NEW, "arrived; being read", TO(ROUTED) | TO(SETTLING))                             \
    X(ROUTED, "a candidate is chosen", TO(ADMITTED) | TO(WAITING) | TO(SETTLING))        \
    X(WAITING, "for room, for a retry, or for what is fetched",                          \
      TO(ROUTED) | TO(SETTLING))                                                         \
    X(ADMITTED, "room is reserved",                                                      \
      TO(SENDING) | TO(ROUTED) | TO(WAITING) | TO(SETTLING))                             \
    X(SENDING, "asked; no content yet",                                                  \
      TO(STREAMING) | TO(ROUTED) | TO(WAITING) | TO(SETTLING))                           \
    X(STREAMING, "content arrives", TO(ROUTED) | TO(WAITING) | TO(SETTLING))             \
    X(SETTLING, "usage, price, record; then the last bytes leave",                       \
      TO(DONE) | TO(FAILED) | TO(CANCELLED))                                             \
    X(DONE, "answered and recorded", 0)                                                  \
    X(FAILED, "refused or failed, and recorded", 0)                                      \
    X(CANCELLED, "client gone, or cancelled, and recorded", 0)

enum request_state {
#define REQUEST_ENUM(s, what, next) REQ_##s,
    REQUEST_STATES(REQUEST_ENUM)
#undef REQUEST_ENUM
        REQ_N_
};

/* One clock per request: what is due when, in monotonic microseconds. */
enum request_timer {
    TIMER_DEADLINE,    /* the whole request */
    TIMER_WAIT,        /* end of WAITING */
    TIMER_FIRST_TOKEN, /* from the start of an attempt, or its last sign, to its content */
    TIMER_GAP,         /* from byte to byte of an answer; not while we pause */
    TIMER_USAGE,       /* from the finish to the usage */
    TIMER_KEEPALIVE,   /* silence towards the client */
    TIMER_COMMIT,      /* the record on its way to the database */
    TIMER_N_
};

/* Output tokens of an answer that nothing is known of: for reservations, and for ranking. */
enum { EXPECTED_OUTPUT_TOK = 512 };

/* x-llmgw-… headers. Slices borrow from the request's head. */
struct request_options {
    struct str route, project, conversation, conversation_name, parent, template_name,
        template_version;
    struct str kind;           /* constant text: "chat", "replay", … */
    struct http1_header *tags; /* arena; NULL: none */
    size_t n_tags;
    struct str fallbacks[8];
    size_t n_fallbacks;
    /* provider and key: used once, never copied */
    struct http1_header *keys; /* arena; NULL: none */
    size_t n_keys;
    bool has_spare_keys; /* they are for providers that we have no key for */
    pico max_cost_pico;  /* PICO_UNKNOWN: not said, as 0 and UNSET below */
    int64_t timeout_us, first_token_us;
    enum conf_record record;
    enum conf_stream stream;
    bool has_stream;
    bool events;     /* the client understands `event: llmgw` */
    bool is_offline; /* only targets on this machine */
    bool no_fallback;
};

/* What is kept of an attempt when it is over; lives in the arena. */
struct attempt_row {
    const struct conf_target *target;
    char key_id[32], upstream_id[96], served[LIMIT_NAME_LEN + 1];
    int64_t start_us, connect_us, first_byte_us, first_token_us, end_us; /* wall */
    int http_status;
    struct err err; /* ERR_OK: it gave the answer */
    int64_t bytes_in, bytes_out;
    struct usage usage;
    bool has_usage; /* told or estimated; else nothing that anybody would bill */
    pico cost_pico;
    enum ledger_cost_source cost_source;
    char price_row[128], pricing[96];
};

/* What a candidate may use, for its limits and its body. */
struct bounds {
    struct limit_cost cost;
    pico likely_pico; /* what it will cost in all likelihood, where `cost` is the worst */
    int64_t cap_tok;  /* output cap, ours or the client's; −1: none */
    bool
        is_cap_ours; /* made from a budget or x-llmgw-max-cost, or what the target said */
};

/* What a request knows of each of its targets. */
struct prospect {
    struct target_model model;
    struct target_state *state; /* a reference */
    bool is_configured;         /* a route names it */
    int64_t cap_tok;      /* the cap that it would have taken, it has said; 0 none */
    struct bounds bounds; /* as of the last decision, or of what it has said since */
};

struct attempt;

/* What the client gets. */
struct answer {
    struct buf notes; /* our own events: survive a failed attempt */
    struct buf batch; /* of this turn: leaves with the next answer_flush */
    struct buf held; /* not yet shown: before the first content, or all of it in `hold` */
    struct buf tail; /* from the finish on: leaves after the record */
    struct buf end;  /* the end mark */
    struct buf kept; /* what left, for the recorder; at the end what is to leave, too */
    struct buf text; /* the visible text, for the recorder */
    struct buf whole; /* an answer that is not streamed */
    struct buf unfit; /* the last one that did not fit its schema: the error tells it */
    bool is_seen;     /* content of this attempt has left: a cut would be noticed */
    bool is_finished; /* the finish reason has come */
    unsigned n_resets;
    int64_t last_us;        /* monotonic: when bytes last left */
    bool is_open;           /* content has come: bytes may leave */
    struct dropped dropped; /* fields the target could not take */
    bool is_estimate;       /* a count that no provider made */
    int64_t sequence;       /* Responses: of the event to come … */
    int64_t end_sequence;   /* … and where the end begins, once `end` holds one */
    char
        id[sizeof((struct scan_state *)0)->id]; /* the provider's, where its bytes pass */
};

struct request {
    uint32_t magic;
    enum request_state state;
    struct broker *b;       /* borrowed: outlives every request */
    struct conn *conn;      /* borrowed; NULL once the client is gone */
    struct conn_request cr; /* borrowed slices, valid while conn is */
    const struct dialect_ops *client;
    struct conf *conf;             /* a reference, which keeps the next two alive */
    const struct catalog *catalog; /* borrowed: of conf's generation, as are … */
    struct secrets *secrets;
    struct list link;      /* in b->requests */
    struct loop_task task; /* frees */
    struct arena arena;
    char id[ULID_LEN + 1];

    /* what is asked for: request_ask.c */
    struct request_options opt;
    struct body_facts facts;
    struct msg_request *msg;     /* arena; decoded when a crossed target first needs it */
    struct fetches *fetches;     /* owned; NULL: nothing had to be fetched */
    struct conf_route rules;     /* the route's, or the defaults; with headers applied */
    const char *how;             /* the model's name was understood */
    struct conf_target *targets; /* arena */
    size_t n_targets, n_own;     /* all, and those before the client's own fallbacks */
    struct prospect *prospects;  /* arena; of targets[], as are … */
    struct target_view *views;
    struct decision decision;
    enum conf_strategy strategy; /* that the decision was made by */
    uint64_t prefix;             /* habit.h's, once it was asked for; 0: it was not */
    enum script script;          /* of the prompt */
    enum conf_record record;
    char auto_template[32]; /* "auto:HASH" */

    /* the way through the candidates */
    size_t at;                 /* in decision.items */
    bool is_admitted;          /* the ledger knows it */
    unsigned n_same;           /* tries on this candidate after the first */
    int64_t waited_us;         /* of the route's patience, on this candidate */
    int64_t silence_us;        /* that this attempt is allowed before its first content */
    int64_t queue_tag;         /* place among those who wait for room; 0: none */
    int64_t too_small_tok;     /* windows up to this have been too small */
    struct limit_grant *grant; /* owned */
    struct bounds bounds;      /* what the grant holds */
    struct attempt *attempt;   /* owned; NULL between attempts */
    struct attempt_row *rows[LIMIT_ATTEMPTS];
    size_t n_rows;

    struct answer answer;
    struct err err;      /* why it failed; ERR_OK otherwise */
    bool is_hint_ours;   /* nobody told err.retry_after_us: it is our guess */
    uint64_t record_seq; /* of the settled record; 0: dropped */
    struct usage usage;  /* of all attempts together */
    bool has_usage;
    pico cost_pico;
    enum ledger_cost_source cost_source;

    struct loop_timer clock;
    int64_t armed_us;                      /* when `clock` fires; 0 not set */
    int64_t due_us[TIMER_N_];              /* 0: not set */
    int64_t entered_us[REQ_N_];            /* monotonic, when a state was last entered */
    int64_t first_token_us;                /* wall; of the answer that is shown */
    enum msg_finish finish;                /* of the whole answer */
    bool is_crossed, is_mismatch, is_seen; /* of any attempt; for the record */
};

enum { request_MAGIC = 0x72657175 };

/* ---- request.c ---- */

/* conn NULL: only to explain. */
struct request *request_new(struct broker *b, struct conn *c,
                            const struct conn_request *cr,
                            const struct dialect_ops *client);
void request_free(struct request **r);
const char *request_state_name(enum request_state s);
bool request_may(enum request_state from, enum request_state to);
void request_timer_set(struct request *r, enum request_timer t, int64_t after_us);
void request_timer_stop(struct request *r, enum request_timer t);
int64_t request_left_us(const struct request *r); /* of the deadline */

/* Events an attempt reports. After the last two the attempt is gone. */
void request_on_sign(struct request *r); /* it thinks: nothing to see yet */
void request_on_content(struct request *r);
void request_on_finish(struct request *r);
void request_on_whole(struct request *r);
void request_on_failure(struct request *r, const struct err *e);

/* ---- request_ask.c ---- */

/* Reads headers and body. ERR_INVALID, ERR_NOT_FOUND, ERR_MEMORY. */
enum errc request_ask(struct request *r, struct err *e) MUST_USE;
/* Gives back what request_ask holds outside the arena. */
void request_ask_release(struct request *r);
/* In force for its route: that route's before that of all; NULL: nothing, as without a route. */
const struct prefer *request_prefer(const struct request *r);
/* Asks the router about all targets as they are now. */
void request_decide(struct request *r, bool is_for_people);
/*
 * In the place of its targets those of all routes that it does not have. Only once it is settled:
 * what pointed into them points to what is gone.
 */
enum errc request_widen(struct request *r, struct err *e) MUST_USE;
/* What targets[i] may use, anew. */
void request_bound(struct request *r, size_t i);
/* Which limits a target meets. */
struct limit_scope request_scope(const struct request *r, const struct conf_target *t);
/* Until targets[i] may be asked, for all its breaker knows; 0: now. */
int64_t request_breaker_us(const struct request *r, size_t i);
struct estimate_key request_estimate_key(const struct request *r,
                                         const struct target_model *m);
int64_t request_input_tok(const struct request *r, const struct target_model *m);
bool request_is_embed(const struct request *r); /* embeddings are asked for */
/*
 * Some targets that could serve what those asked for cannot; how many. They live as r->conf does.
 */
struct able {
    const char *provider, *model;
};
enum { ABLE_MOST = 4 };
size_t request_find_able(const struct request *r, struct able *ret, size_t most);
/* The decision for the ledger: a JSON array of all candidates. */
void request_write_trace(const struct request *r, struct jw *w);

/* ---- request_options.c ---- */

/* Into r->opt: what the headers say. ERR_INVALID names the header; ERR_MEMORY. */
enum errc request_read_options(struct request *r, struct err *e) MUST_USE;
/* Once r->rules are its route's: applies r->opt to them, and fills in what it leaves open. */
enum errc request_apply_options(struct request *r, struct err *e) MUST_USE;
/* The key the client sent for this provider; STR_NONE if none. */
struct str request_key(const struct request *r, const char *provider);

/* ---- request_rank.c ---- */

/* Is its strategy one that goes by more than the configuration? */
bool request_is_ranked(const struct request *r);
/* By what it is known again: habit.h's. Read from its body when first asked for. */
uint64_t request_prefix(struct request *r);
/* Before ranking by them: what was read of scores since the last time. */
void request_refresh_scores(struct request *r);
/* What such a strategy may ask of target i, whose bounds are found. */
void request_view_rank(struct request *r, size_t i, struct target_view *v);
/* A good answer of that target tells of those to come, if the request was ranked. */
void request_learn_rank(struct request *r, const struct target_state *t,
                        const struct attempt_row *row);

/* ---- request_candidates.c; candidate i is the one in decision.items[i] ---- */

const struct conf_target *candidate_target(const struct request *r, size_t i);
struct prospect *candidate_prospect(const struct request *r, size_t i);
/* May it be asked now, limits apart? */
bool candidate_is_healthy(const struct request *r, size_t i);
/* Is its window known to be too small? */
bool candidate_is_too_small(const struct request *r, size_t i);
/* A command fetches its key: it is worth a moment. */
bool candidate_is_key_coming(const struct request *r, size_t i);
/* Does its provider count for others? */
bool candidate_counts(const struct request *r, size_t i);
/* Into r->grant and r->bounds; false: its limits have no room. */
bool candidate_reserve(struct request *r, size_t i);
/* The first from `from` on that could be asked now; decision.n_usable if none. */
size_t candidate_find_fit(const struct request *r, size_t from);
/* The one that will have room first, if that is before *wait_us, which then is the time. */
size_t candidate_find_soonest(const struct request *r, int64_t *wait_us);
/*
 * A refusal of candidate r->at that tells what would have been taken: once for each thing, the
 * candidate knows it now and may be asked again. `is_crossed`: its request is ours to write.
 */
bool candidate_mend(struct request *r, const struct err *e, bool is_crossed);
/* After a decision: how long it would wait for room; 0: there is some, −1: it is refused. */
int64_t request_room_us(const struct request *r);
/* When it may be worth asking again. */
int64_t candidate_retry_us(const struct request *r);
/* After a decision: embeddings were asked of a model for chats, or the reverse. */
bool candidate_is_of_other_mode(const struct decision *d);
/* Why nobody can be asked, to be read aloud: the first one's class, everybody's reason. */
void candidate_explain(const struct request *r, struct err *e);
/* Which of the failures so far speaks for all; `last` is the last one. */
void candidate_failure(const struct request *r, const struct err *last, struct err *ret);

/* ---- attempt.c ---- */

/* Builds the body and sends it to candidate r->at. On failure there is no attempt, but a row. */
enum errc attempt_start(struct request *r, struct err *e) MUST_USE;
/* Into r->msg, once. */
enum errc attempt_decode(struct request *r, struct err *e) MUST_USE;
/* Could this request be written for targets[i]? Tries it, and forgets what came of it. */
bool attempt_would_take(struct request *r, size_t i);
/* Ends it: cancelled, unless its answer was whole. NULL-safe. */
void attempt_end(struct request *r);
void attempt_pause(struct attempt *a);
bool attempt_resume(struct attempt *a); /* false: it was not paused */
/* The usage of a finished stream is not waited for any more: the attempt ends, and tells. */
void attempt_complete(struct attempt *a);
/* What it used, as told or as guessed; false: nothing that anybody would bill. */
bool attempt_usage(const struct attempt *a, const struct err *e, struct usage *ret);
const struct scan_state *attempt_scan(const struct attempt *a);
/* How often the provider was asked: more than once only for many embeddings. */
int64_t attempt_n_calls(const struct attempt *a);
const struct target_model *attempt_model(const struct attempt *a);
enum dialect attempt_dialect(const struct attempt *a); /* that it was asked in */
bool attempt_is_streamed(const struct attempt *a);
struct target_state *attempt_target(const struct attempt *a);
struct secret_key *
attempt_key(const struct attempt *a); /* NULL: none of ours that is still in use */

/* ---- answer.c ---- */

void answer_init(struct request *r);
void answer_release(struct request *r);
/* ERR_OK, or why not all bytes could be kept. */
enum errc answer_err(const struct request *r);
/* All of it has come. An error when some of it could not be kept. */
enum errc answer_seal(struct request *r);
/* Where the next bytes of this attempt go. */
struct buf *answer_sink(struct request *r);
/* Content is there: from now on bytes leave, unless all is held. */
void answer_open(struct request *r);
/* Content behind a finish: of another choice. What the finish held back leaves. */
void answer_reopen(struct request *r);
/* Sends the batch; pauses the attempt when the client is slow. */
void answer_flush(struct request *r);
/* `event: llmgw`, for clients that asked for it. */
void answer_note_start(struct request *r);
void answer_note_fallback(struct request *r, const struct conf_target *from,
                          const struct conf_target *to, const struct err *why);
/* The whole answer to a request that only counts: so many tokens, by our own reckoning. */
void answer_estimate(struct request *r, int64_t input_tok);
/* What was shown is void: another attempt begins from the start. */
void answer_reset(struct request *r, const struct err *why);
/* The attempt's bytes are worth nothing: nobody has seen them. */
void answer_discard(struct request *r);
/* 15 s of silence: the head, and a sign of life. */
void answer_keepalive(struct request *r);
/* Before the record: what has not left yet is part of what is recorded. */
void answer_keep_rest(struct request *r);
/* After the record: all but the end. */
void answer_finish(struct request *r);
/* The end, told with `recorded`; the connection is free after it. */
void answer_end(struct request *r, const char *recorded);
/* The error, as a status or inside the stream; the connection is free after it. */
void answer_error(struct request *r);
bool answer_is_streamed(const struct request *r);

/* ---- request_settle.c ---- */

/* At admission: once, whatever the number of attempts. */
void settle_admit(struct request *r);
/* Content comes: the key is good. Who waits for its probe need not wait for the answer's end. */
void settle_accepted(struct request *r);
/*
 * The attempt is over, or did not even start: its usage and price, the limits, the breaker, the
 * key; then it is gone.
 */
void settle_attempt(struct request *r, const struct err *e);
/* The request is over: sums, metrics, and the record. */
void settle_request(struct request *r, enum errc outcome);
/* What the client should know of a translated answer's end; NULL: nothing. */
const char *settle_warning(const struct request *r);
/* "committed", "spooled" or "dropped", as it is now. */
const char *settle_recorded(const struct request *r);
/* The end's JSON object, for the comment and the event; `type` NULL: none. */
void settle_write_end(const struct request *r, const char *type, const char *recorded,
                      struct buf *out);

enum { TARGET_NAME_LEN = 2 * LIMIT_NAME_LEN + 2 };
/* "PROVIDER/MODEL" in out. */
const char *target_name(const struct conf_target *t, char out[TARGET_NAME_LEN]);

#endif
