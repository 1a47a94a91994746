/*
 * ledger.h: done means recorded, without waiting for the database.
 *
 * The loop appends each admission and each settled request as a checksummed record to the
 * spool (spool.c: a preallocated file, pwrite, survives kill -9), and only then do the final
 * frames leave. A writer thread moves records into SQLite in groups and stores the applied
 * sequence number in the same transaction; at start what is left is replayed exactly once, and
 * an admission without an end becomes a row marked `interrupted`. Bodies travel in a bounded
 * queue beside it.
 */
#ifndef BROKER_LEDGER_H
#define BROKER_LEDGER_H

#include "core/conf.h"
#include "core/http1.h"
#include "core/log.h"
#include "core/prune.h"
#include "core/usage.h"

#include "broker/loop.h"

struct ledger;

enum {
    LEDGER_ESTIMATED = 1 << 0,   /* usage or cost is our estimate */
    LEDGER_PARTIAL = 1 << 1,     /* the client got only a part */
    LEDGER_INTERRUPTED = 1 << 2, /* admitted, never settled: the broker died */
    LEDGER_STREAMED = 1 << 3,
    LEDGER_HELD = 1 << 4,      /* released only when whole */
    LEDGER_RESTARTED = 1 << 5, /* the client was told to start over */
    LEDGER_CROSSED = 1 << 6,   /* translated between dialects */
    LEDGER_MISMATCH = 1 << 7,  /* the provider's own sums did not agree */
    LEDGER_DETACHED = 1 << 8,  /* finished after its client had left */
    LEDGER_CACHED = 1 << 9,    /* answered from our own cache */
};

enum ledger_cost_source { COST_COMPUTED, COST_REPORTED, COST_ESTIMATED, COST_UNKNOWN };
const char *ledger_cost_source_name(enum ledger_cost_source s); /* "computed", … */

/* At admission. Everything is copied; absent text is STR_NONE. */
struct ledger_admit {
    char id[27];
    int64_t start_us; /* wall */
    struct str client, dialect, route, asked_model, project, conversation, parent,
        template_name, template_version, kind, user;
    struct str conversation_name; /* given to one that has none; kept when it is free */
    struct str provider, model;   /* first candidate; what an interrupted row names */
    const struct http1_header *tags;
    size_t n_tags; /* the first LIMIT_TAGS are kept */
    int64_t input_tok_estimate;
    pico
        reserved_pico; /* expected cost, an interrupted row's; PICO_UNKNOWN if unpriced */
};

/* One upstream call; times are wall microseconds, 0 where it did not happen. */
struct ledger_attempt {
    int index, leg;
    struct str provider, model, served_model, key_id;
    struct str price_row, pricing; /* pricing: price_facts_write (core/price.h) */
    int64_t start_us, connect_us, first_byte_us, first_token_us, end_us;
    int http_status;
    enum errc outcome;
    struct str provider_code, upstream_id;
    int64_t bytes_in, bytes_out;
    const struct usage *usage; /* NULL: none known */
    pico cost_pico;
    enum ledger_cost_source cost_source;
    bool billed_estimate;
};

/* At the end, on every way out. */
struct ledger_settle {
    char id[27];
    int64_t end_us, first_token_us;
    enum errc outcome;
    struct str provider, model, served_model, finish, price_row, catalog_date;
    const struct usage *usage;
    pico cost_pico, reported_pico;
    enum ledger_cost_source cost_source;
    unsigned flags;
    const struct ledger_attempt *attempts;
    size_t n_attempts; /* the first LIMIT_ATTEMPTS are kept */
    struct str trace;  /* decision trace, JSON */
    struct str error;  /* text, "" if none */
    /* bodies: empty when not recorded; copied into the bounded queue */
    struct str request_body, response_body;
    struct str response_text; /* plain text of the answer, for search and replay */
    enum conf_record record;
    bool is_told; /* the client hears what became of the record: it is written at once */
};

/* A row of table `state`; without a value the key goes. */
struct ledger_state {
    struct str key, value;
    int64_t at_us; /* wall */
};

/* Told in the loop when everything appended up to that number is committed. */
typedef void ledger_committed_fn(void *arg, uint64_t applied_seq);

/*
 * Opens or creates the spool (PATH.spool beside the database, locked: one ledger has one broker;
 * ERR_BROKER when another holds it) and starts the writer thread, which opens the database and
 * replays. The directory must exist. conf may be NULL: default retention; so may l: then
 * nothing is told or logged.
 */
enum errc ledger_open(const char *db_path, const struct conf *conf, struct loop *l,
                      struct log *log, ledger_committed_fn *fn, void *arg,
                      struct ledger **ret, struct err *e) MUST_USE;
/* Waits for the writer to commit what the spool holds, at most wait_us; then closes. */
void ledger_close(struct ledger **l, int64_t wait_us);

/* Another configuration: what stays too long by its [telemetry] goes at once. */
void ledger_reload(struct ledger *l, const struct conf *conf);

/*
 * Append; *ret_seq numbers the record (ret_seq may be NULL). ERR_STORE when the spool is full or
 * failing: counted, and the request goes on (rows are money: the caller tells its client
 * `recorded: dropped`). With a loop, admissions and settlements that nobody is told of are only
 * staged: they are written at the end of its turn, or by ledger_flush.
 */
enum errc ledger_admit(struct ledger *l, const struct ledger_admit *a, uint64_t *ret_seq,
                       struct err *e) MUST_USE;
enum errc ledger_settle(struct ledger *l, const struct ledger_settle *s,
                        uint64_t *ret_seq, struct err *e) MUST_USE;
enum errc ledger_state(struct ledger *l, const struct ledger_state *s, struct err *e)
    MUST_USE;
/* A JSON object: a row of replay_run, and rows of replay_item in its "items"; see rows_replay. */
enum errc ledger_replay(struct ledger *l, struct str json, struct err *e) MUST_USE;
/*
 * Writes what is staged: before any bytes leave that a client may take for the end, or that make
 * a provider work, because what it did for money must be known after a kill.
 */
void ledger_flush(struct ledger *l);
uint64_t ledger_applied_seq(const struct ledger *l);
/*
 * Until all settlements so far, and what the last run left, are in the database; false: not
 * within wait_us. For the start and for a reload: it blocks.
 */
bool ledger_wait(struct ledger *l, int64_t wait_us);

struct ledger_stats {
    uint64_t n_records, n_applied, n_dropped_rows, n_dropped_bodies;
    uint64_t n_removals;             /* that are done */
    uint64_t spool_used, spool_size; /* bytes */
    bool writable;                   /* the last append and the last commit worked */
    char trouble[256];               /* "" or what the writer is struggling with */
};
void ledger_stats(const struct ledger *l, struct ledger_stats *ret);
/*
 * How good answers were found: asks the writer thread to read it, and takes what it has read since
 * the last time, the caller's from then on; NULL: nothing new. Never waits for the database.
 */
struct scores;
void ledger_ask_scores(struct ledger *l);
struct scores *ledger_take_scores(struct ledger *l);
/*
 * Asks the writer thread to delete, for good; roll-ups keep the sums. It is done, to the last
 * trace, when stats.n_removals has come to *ret_number.
 */
enum errc ledger_remove(struct ledger *l, const struct prune_selection *what,
                        uint64_t *ret_number, struct err *e) MUST_USE;

#endif
