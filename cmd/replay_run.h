/*
 * replay_run.h: sending recorded requests again, several at a time.
 *
 * replay.c selects what to send and shows what came of it; replay_run.c sends it, and
 * replay_keep.c has the run recorded.
 */
#ifndef CMD_REPLAY_RUN_H
#define CMD_REPLAY_RUN_H

#include "core/money.h"

#include "cmd/cmd.h"

enum { REPLAY_AGAINST = 16 };

/* What one model or route made of one recorded request. */
struct replay_result {
    enum errc outcome; /* ERR_AGAIN: not sent (stopped, or over --max-cost) */
    char id[27];       /* of the new request in the ledger; "" if none */
    pico cost_pico;    /* PICO_UNKNOWN if unpriced */
    int64_t total_us;
    bool exact, norm; /* agreement with the recorded answer */
    char error[200];
};

/* One recorded request. All text lives in the arena of the selection. */
struct replay_item {
    const char *id, *dialect, *provider, *model;
    struct str body;   /* as the client sent it */
    struct str answer; /* recorded: text and tool calls, as agree_answer prints them */
    pico cost_pico;
    int64_t total_us, start_us;
    struct replay_result results[REPLAY_AGAINST];
};

struct replay_plan {
    const char *run; /* ULID of this run */
    int64_t start_us;
    struct str args; /* JSON object: what was selected, and how it runs */
    struct replay_item *items;
    size_t n_items;
    const char *const *against;
    size_t n_against;
    int jobs;
    pico max_cost_pico; /* PICO_UNKNOWN: no cap */
    int stop_fd;        /* readable: nothing more is sent, what is under way ends */
};

struct replay_progress {
    size_t n_done, n_running, n_all;
    pico spent_pico;
    bool is_stopped;
};
/* Is called by the caller's thread, about ten times a second, and once at the end. */
typedef void replay_progress_fn(void *arg, const struct replay_progress *p);

/*
 * Sends every item to every target and fills results. Failures of single requests are results;
 * an error is only that no broker can be reached, or no thread started.
 */
enum errc replay_run(struct cmd_ctx *ctx, struct replay_plan *plan,
                     replay_progress_fn *progress, void *arg, struct err *e) MUST_USE;

/*
 * Tells the broker of the run, for tables replay_run and replay_item. state: "running" before
 * it begins; "done" or "stopped" with all results.
 */
enum errc replay_keep(struct cmd_ctx *ctx, const struct replay_plan *plan,
                      const char *state, struct err *e) MUST_USE;

/*
 * The recorded body for another model: only `model`, `stream` and `stream_options` change.
 * ERR_SYNTAX when it is no request.
 */
enum errc replay_body(struct str body, const char *model, struct buf *out, struct err *e)
    MUST_USE;

#endif
