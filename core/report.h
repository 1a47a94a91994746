/*
 * report.h: the read-only questions behind `cost` and `log`.
 *
 * Sums come from the hourly roll-ups whenever grouping and filters allow; hours that a boundary
 * splits (a span that begins at 10:40, days in a zone of half hours) are divided by the rows of
 * requests; what deleted rows had cost stays in the earlier part. Sums are exact integers. Knows
 * SQL, not how anything is printed.
 */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/db.h"
#include "core/usage.h"
#include "core/zone.h"

/* X(enum, name as in --by, is time) */
#define REPORT_DIMS(X)                                                                   \
    X(HOUR, "hour", true)                                                                \
    X(DAY, "day", true)                                                                  \
    X(WEEK, "week", true)                                                                \
    X(MONTH, "month", true)                                                              \
    X(MODEL, "model", false)                                                             \
    X(PROVIDER, "provider", false)                                                       \
    X(ROUTE, "route", false)                                                             \
    X(PROJECT, "project", false)                                                         \
    X(TEMPLATE, "template", false)                                                       \
    X(CLIENT, "client", false)                                                           \
    X(KIND, "kind", false)                                                               \
    X(STATUS, "status", false)                                                           \
    X(CONVERSATION, "conversation", false)                                               \
    X(USER, "user", false)                                                               \
    X(TAG, "tag", false)

enum report_dim {
#define REPORT_DIM_ENUM(e, name, is_time) REPORT_BY_##e,
    REPORT_DIMS(REPORT_DIM_ENUM)
#undef REPORT_DIM_ENUM
        REPORT_BY_N_
};

const char *report_dim_name(enum report_dim d);
/* REPORT_BY_N_ if there is none; "tag:KEY" is REPORT_BY_TAG. */
enum report_dim report_dim_by_name(struct str name);
bool report_dim_is_time(enum report_dim d);

enum { REPORT_BY_MAX = 2 };

struct report_query {
    int64_t since_us, until_us; /* wall, half open */
    enum report_dim by[REPORT_BY_MAX];
    size_t n_by;       /* at most one of them is a time */
    struct str by_tag; /* KEY of REPORT_BY_TAG */
    /* filters; a NULL ptr is none */
    struct str model; /* PROVIDER/MODEL, or a model of any provider */
    struct str provider, route, project, client, kind, status;
    struct str tag_key, tag_value;
};

struct report_sums {
    int64_t n_requests, n_failed, n_unpriced, n_estimated, n_attempts;
    int64_t input_tok, cached_tok, output_tok, reasoning_tok;
    pico cost_pico; /* of the priced ones */
};

/* What a sum cost: PICO_UNKNOWN when there are requests and none of them is priced. */
pico report_cost(const struct report_sums *s);

struct report_row {
    int64_t from_us; /* start of the hour, day, …; 0 when not grouped by time */
    struct str key[REPORT_BY_MAX]; /* in the order of `by`; empty: the request has none */
    struct report_sums sums;
};

struct report {
    struct report_row **rows; /* in no order */
    size_t n;
    struct report_sums all;
    int64_t first_us,
        last_us; /* hours of the first and the last request in the ledger; 0: empty */
};

/* Everything returned lives in the arena. */
enum errc report_run(struct db *d, const struct report_query *q, struct arena *a,
                     struct report *ret, struct err *e) MUST_USE;

/* ---- names, for the completion of command lines ---- */

enum report_word {
    REPORT_CONVERSATIONS, /* names, else ids, with their titles */
    REPORT_REQUESTS,      /* ids, with what was asked */
    REPORT_TAGS,          /* KEY=VALUE */
    REPORT_PROJECTS,
    REPORT_RUNS, /* of replay, with their state */
};
/* Valid during the call. */
typedef void report_word_fn(void *arg, struct str word, struct str what);
/* Some of the newest. */
enum errc report_words(struct db *d, enum report_word what, report_word_fn *fn, void *arg,
                       struct err *e) MUST_USE;

/* ---- requests ---- */

struct report_filter {
    int64_t since_us, until_us; /* 0: open */
    struct str model, route, project, status, conversation, template_name, kind;
    struct str tag_key, tag_value;
    struct str id_gt; /* only newer ones, oldest first; otherwise newest first */
    int64_t rid_from; /* only those recorded from this row on, in that order; 0: not so */
    bool oldest_first; /* always */
    struct str search; /* an expression of texts_query */
    int64_t max;
};

/* One row of table request; texts are valid during the callback, or live in the arena. */
struct report_request {
    int64_t rid;
    struct str id, kind, outcome, provider, model, served_model, asked_model, route,
        client, dialect, user, project, template_name, template_version, conversation,
        parent, finish, cost_source, price_row, catalog_date, record, error, trace;
    int64_t start_us, first_token_us, end_us; /* first_token_us: 0 if there was none */
    int64_t flags, n_attempts;
    pico cost_pico, reported_pico;
    struct usage usage;
    /* where a search found it: some words, "…" at a cut; of lists only */
    struct str match;
};

typedef enum errc report_request_fn(void *arg, const struct report_request *r,
                                    struct err *e);

enum errc report_requests(struct db *d, const struct report_filter *f,
                          report_request_fn *fn, void *arg, struct err *e) MUST_USE;
/* By id, by the beginning of one, or the "last". ERR_NOT_FOUND, also when it fits several. */
enum errc report_find(struct db *d, struct str id, struct arena *a,
                      struct report_request *ret, struct err *e) MUST_USE;

struct report_attempt {
    int64_t idx, leg;
    struct str provider, model, served_model, key_id, outcome, provider_code, upstream_id,
        cost_source, price_row, pricing, usage_json;
    int64_t start_us, connect_us, first_byte_us, first_token_us,
        end_us; /* 0: did not happen */
    int64_t http_status, bytes_in, bytes_out;
    pico cost_pico;
    bool estimated;
    bool has_usage;
    struct usage usage;
};

/* In order of their start; they live in the arena. */
enum errc report_attempts(struct db *d, int64_t rid, struct arena *a,
                          struct report_attempt **ret, size_t *ret_n, struct err *e)
    MUST_USE;

struct report_tag {
    struct str key, value;
};
/* In order of their keys; they live in the arena. */
enum errc report_tags(struct db *d, int64_t rid, struct arena *a, struct report_tag **ret,
                      size_t *ret_n, struct err *e) MUST_USE;
/* Number of the newest row; 0: there is none. */
enum errc report_last_rid(struct db *d, int64_t *ret, struct err *e) MUST_USE;

/* The recorded texts of a request; those that were not kept stay empty. */
struct report_bodies {
    struct buf request, response, answer;
    bool has_row; /* the request has bodies, if only empty ones */
};
void report_bodies_init(struct report_bodies *b);
void report_bodies_release(struct report_bodies *b);
/* What was in *ret before goes. */
enum errc report_bodies(struct db *d, int64_t rid, struct report_bodies *ret,
                        struct err *e) MUST_USE;

/* Requests and bodies that could not be recorded since `since_us`. */
enum errc report_losses(struct db *d, int64_t since_us, int64_t *ret_rows,
                        int64_t *ret_bodies, struct err *e) MUST_USE;

/* Which spool file the database has read, and how far; 0 and 0 before the first. */
enum errc report_spool(struct db *d, uint64_t *ret_file, uint64_t *ret_applied,
                       struct err *e) MUST_USE;

#endif
