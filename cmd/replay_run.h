/*
 * replay_run.h: sending recorded requests again, several at a time.
 *
 * replay_run.c sends them, and replay_keep.c has the run recorded.
 */
#ifndef CMD_REPLAY_RUN_H
#define CMD_REPLAY_RUN_H

#include "core/conf.h"
#include "core/usage.h"

#include "cmd/agree.h"
#include "cmd/cmd.h"

enum { REPLAY_AGAINST = 16, REPLAY_REPEATS = 100 };

/* What one model or route made of one recorded request, once. */
struct replay_result {
    bool is_due;       /* is to be sent */
    enum errc outcome; /* ERR_AGAIN: not sent (yet, stopped, or over --max-cost) */
    char id[27];       /* of the new request in the ledger; "" if none */
    pico cost_pico;    /* PICO_UNKNOWN if unpriced */
    int64_t total_us;
    unsigned known, agree; /* a bit per metric: was it asked, does it agree? */
    bool is_json;
    /* of an earlier run: in its comparable form; NULL ptr: not to be had */
    struct str answer;
    char error[200];
};
/* Metrics that cost next to nothing. */
enum {
    REPLAY_CHEAP =
        1 << AGREE_EXACT | 1 << AGREE_NORM | 1 << AGREE_JSON | 1 << AGREE_CONTAINS
};

/* One recorded request. All text lives in the arena of the selection. */
struct replay_item {
    const char *id, *dialect, *provider, *model;
    struct str body; /* as the client sent it; NULL ptr: not to be had */
    /* text and tool calls, as agree_answer prints them; NULL ptr: none */
    struct str answer;
    struct usage usage;
    pico cost_pico;
    int64_t total_us, start_us; /* start 0: not from the ledger */
    enum agree_metric metric;   /* what "agree" means for it */
    /* one per target and repeat: the repeats of one together */
    struct replay_result *results;
};

struct replay_plan {
    const char *run; /* ULID of this run */
    int64_t start_us;
    struct str args; /* JSON object: what was selected, and how it runs */
    struct replay_item *items;
    size_t n_items;
    const char *const *against;
    size_t n_against, n_repeats;
    int jobs;
    unsigned metrics;      /* a bit per metric that is asked beside the item's own */
    const char *cmd;       /* shell command of AGREE_CMD; NULL: none */
    struct conf_rate rate; /* requests begin no faster; amount 0: as they come */
    pico max_cost_pico;    /* PICO_UNKNOWN: no cap */
    int stop_fd;           /* readable: nothing more is sent, what is under way ends */
};

bool replay_is_compared(const struct replay_item *i, const struct replay_result *r);
bool replay_agrees(const struct replay_item *i, const struct replay_result *r);
/* Judges `answer` by each metric of the mask; those that need no program. */
void replay_judge(const struct replay_item *i, struct str answer, unsigned metrics,
                  struct replay_result *r);

/* Results are counted through all items: the place of one in that order. */
struct replay_place {
    struct replay_item *item;
    struct replay_result *result;
    const char *against;
    size_t repeat;
};
size_t replay_n_places(const struct replay_plan *p);
struct replay_place replay_place(const struct replay_plan *p, size_t at);

struct replay_progress {
    size_t n_done, n_running, n_all;
    const size_t *done; /* the places that are done, n_done of them, in that order */
    pico spent_pico;
    bool is_stopped;
};
/* Is called by the caller's thread, about ten times a second, and once at the end. */
typedef void replay_progress_fn(void *arg, const struct replay_progress *p);

/*
 * Sends what is due and fills those results. Failures of single requests are results; an error
 * is only that no broker can be reached, or no thread started.
 */
enum errc replay_run(struct cmd_ctx *ctx, struct replay_plan *plan,
                     replay_progress_fn *progress, void *arg, struct err *e) MUST_USE;

/*
 * Tells the broker of the run, for tables replay_run and replay_item: its state, "running",
 * "stopped" or "done", and the results at `n` places.
 */
enum errc replay_keep(struct cmd_ctx *ctx, const struct replay_plan *plan,
                      const char *state, const size_t *at, size_t n, struct err *e)
    MUST_USE;

/*
 * Runs a shell command with the names of two files behind it, the recorded answer and the new
 * one: 0 agrees, 1 to 125 disagree; ERR_CHECK when it could not be run.
 */
enum errc replay_ask_command(const char *command, struct str recorded, struct str answer,
                             bool *ret_agrees, struct err *e) MUST_USE;

/*
 * The recorded body for another model: only `model`, `stream` and `stream_options` change.
 * ERR_SYNTAX when it is no request.
 */
enum errc replay_body(struct str body, const char *model, struct buf *out, struct err *e)
    MUST_USE;

#endif
