/*
 * broker.h: struct broker owns all; start, drain, stop.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "core/catalog.h"
#include "core/conf.h"
#include "core/list.h"
#include "core/log.h"
#include "core/map.h"

#include "broker/estimate.h"
#include "broker/ledger.h"
#include "broker/limiter.h"
#include "broker/loop.h"
#include "broker/secret.h"
#include "broker/target.h"
#include "broker/upstream.h"

/* The protocol's major version; every message carries it as x-llmgw-proto. */
#define BROKER_PROTO "1"

struct conn;
struct conn_request;
struct http1_head;

struct broker_options {
    const char *config;           /* NULL: the usual places */
    const char *socket;           /* NULL: the usual places */
    const char *const *overrides; /* --conf */
    bool is_auto;                 /* started by a client: idle exit applies */
    int ready_fd;                 /* readiness pipe; −1 none */
    int log_fd;
    const char *log_level; /* NULL: as configured */
};

struct pin {
    char route[LIMIT_NAME_LEN + 1], target[2 * LIMIT_NAME_LEN + 2];
    int64_t until_us; /* monotonic */
};
/* Another strategy than a route's own, "" for every route, for a while. */
struct prefer {
    char route[LIMIT_NAME_LEN + 1];
    enum conf_strategy strategy; /* one that has an aim */
    int64_t until_us;            /* as above */
};
enum { BROKER_PINS = 32 }; /* of both, each */

/* Counters for /metrics, all since start. */
struct broker_metrics {
    uint64_t n_requests, n_failed, n_cancelled, n_attempts, n_retries, n_fallbacks;
    uint64_t n_streams, n_cut, n_rescued, n_malformed_events, n_usage_mismatch,
        n_rejected;
    uint64_t n_input_tok, n_output_tok;
    pico spent_pico;
    uint64_t n_by_class[ERR_N_];
};

struct broker {
    struct broker_options options;
    const struct clock *clock;
    struct log log;
    struct loop *loop;       /* owned, as all below */
    struct list generations; /* of the next three; the last one is in force, old ones live
                                until their requests end */
    struct catalog *catalog;
    struct conf *conf;
    struct secrets *secrets;
    struct upstream *upstream;
    struct limiter *limiter;
    struct estimator *estimator;
    struct habits *habits;
    struct scores *scores;   /* NULL: not read yet */
    int64_t scores_asked_us; /* monotonic; 0 never */
    struct signatures *signatures;
    struct served *served;
    struct ledger *ledger;
    struct targets targets;
    struct map key_states; /* struct secret_state, owned */
    struct pin pins[BROKER_PINS];
    size_t n_pins;
    struct prefer prefers[BROKER_PINS];
    size_t n_prefers;
    struct list conns; /* struct conn */
    size_t n_conns;
    struct list requests; /* struct request, in flight */
    size_t n_requests;
    size_t n_waiting;    /* of them in WAITING */
    int64_t queue_clock; /* request.c's: the tag of the one served last */
    struct broker_metrics metrics;
    int64_t started_wall_us, conf_read_wall_us;
    int64_t last_active_us;   /* monotonic; for the idle exit */
    bool draining, is_forced; /* forced: requests have been cancelled */
    char hop_id[27];          /* ULID of this process, for the header against loops */
    uint64_t seed;            /* state of broker_random() */
    struct ulid_pool ids;     /* of requests */
    /* listen.c's */
    struct listen *listen;
    struct loop_timer drain_timer, idle_timer, warm_timer, limits_timer;
    char error_text[256]; /* last reload error, "" if none */
};

enum errc broker_new(const struct broker_options *o, struct broker **ret, struct err *e)
    MUST_USE;
/* Until stopped by SIGTERM, SIGINT, admin or idleness. */
enum errc broker_run(struct broker *b, struct err *e) MUST_USE;
void broker_free(struct broker **b);
/* Finish what is in flight (at most drain_us), then leave broker_run. */
void broker_drain(struct broker *b);
/* New configuration, or the old one kept and the reason in *e. */
enum errc broker_reload(struct broker *b, struct err *e) MUST_USE;
/* Created on first use, until others need its place; NULL only when memory is out. */
struct target_state *broker_target(struct broker *b, struct str provider,
                                   struct str model);
/*
 * A provider has told of its limits, which outlive a restart: kept at once when one of them is used
 * up, else within a second.
 */
void broker_limits_told(struct broker *b, struct target_state *t, bool is_spent);
/* SplitMix64; for weights and jitter. */
uint64_t broker_random(struct broker *b);
/*
 * A request took or ended: keeps the count that drain and idle exit wait for. request.c calls
 * these as it links itself into and out of b->requests.
 */
void broker_request_began(struct broker *b);
void broker_request_ended(struct broker *b);
/* listen.c tells of each new client: after a pause it finds a warm connection upstream. */
void broker_client_came(struct broker *b);
/*
 * The configuration a request started with stays valid until it is put back, and the catalog and
 * the keys of that time with it.
 */
struct conf *broker_conf_ref(struct broker *b);
void broker_conf_unref(struct broker *b, struct conf **c);

/* api.c: the path table; the conn_handler of every connection. */
void api_handle(struct broker *b, struct conn *c, const struct conn_request *r);
/*
 * The status, headers and body of a refusal before any handler runs, in the shape of the path's
 * dialect. `head` NULL: it could not be read.
 */
int api_refusal(struct broker *b, const struct http1_head *head, const struct err *e,
                struct buf *headers, struct buf *body);

#endif
