/*
 * replay.h: what the files of `llmgw replay` share: its options, and the requests that a run is
 * made of. replay.c is the command; replay_select.c chooses from the ledger, replay_file.c from
 * a file, replay_past.c takes up what an earlier run left; replay_show.c prints what came of it.
 */
#ifndef CMD_REPLAY_H
#define CMD_REPLAY_H

#include "core/db.h"

#include "cmd/period.h"
#include "cmd/replay_run.h"

struct replay_options {
    struct period_options span;
    const char *model, *route, *template_name, *conversation, *grep, *sample, *file,
        *rate, *resume, *only, *metric, *cmd, *show;
    int64_t n, jobs, repeat;
    struct opt_list tags, against, fail_if;
    pico max_cost_pico;
    bool dry_run;
};

struct replay_selection {
    struct arena arena;        /* holds what the items refer to */
    struct replay_item *items; /* owned */
    size_t n, cap;
    size_t n_bodiless; /* chosen, but their bodies were not recorded or are gone */
    size_t n_unusable; /* bodies that cannot be read or sent again */
    /* what each is sent to; the names live in the arena, or are options */
    const char *const *against;
    size_t n_against, n_repeats;
};
void replay_selection_init(struct replay_selection *s);
void replay_selection_release(struct replay_selection *s);
/* The next item, with room for its results, none of which is due; NULL: no memory. */
struct replay_item *replay_selection_add(struct replay_selection *s);
/* ERR_MEMORY when something did not fit. */
enum errc replay_selection_err(const struct replay_selection *s, struct err *e);

/* What options and ids choose from the ledger; `db` NULL: there is none. */
enum errc replay_select(struct cmd_ctx *ctx, struct db *db,
                        const struct replay_options *o, const struct opt_args *ids,
                        struct replay_selection *s, struct err *e) MUST_USE;
/* The requests of a file of JSON lines, as llmgw-replay(1) describes it; "-": stdin. */
enum errc replay_read_file(struct db *db, const char *path, struct replay_selection *s,
                           struct err *e) MUST_USE;
/*
 * Reads one recorded request by its number in the ledger, with bodies where they are; item->body
 * has a NULL ptr when it cannot be sent again.
 */
enum errc replay_read_item(struct arena *a, struct db *db, int64_t rid,
                           struct replay_item *item, struct err *e) MUST_USE;
/*
 * A recorded answer in its comparable form: from the whole response, else the plain text, both as
 * they are packed in the ledger. NULL ptr when neither can be read.
 */
struct str replay_read_answer(struct arena *a, struct str response, struct str text);
/* Can requests of that dialect be sent again? */
bool replay_knows_dialect(const char *dialect);

/* One run of table replay_run. Texts live in the arena. */
struct replay_past {
    const char *id, *state, *args;
    int64_t start_us;
};
/* By id, the beginning of one, or "last". ERR_NOT_FOUND, also when it fits several. */
enum errc replay_find(struct cmd_ctx *ctx, struct db *db, const char *id,
                      struct replay_past *ret, struct err *e) MUST_USE;
/* Its requests with what has come of them; none of the results is due. */
enum errc replay_load(struct db *db, const struct replay_past *run,
                      struct replay_selection *s, struct err *e) MUST_USE;
/* Makes due what an interrupted run lacks: "failed", "disagree", NULL: all without an answer. */
size_t replay_take_up(struct replay_selection *s, const char *only);
enum errc replay_list(struct cmd_ctx *ctx, struct db *db, int64_t max, struct err *e)
    MUST_USE;

/*
 * The recorded usage at the prices of each target, as the cost of what is due; nothing is sent.
 * *ret_sum: of all, PICO_UNKNOWN when a part is.
 */
enum errc replay_price(struct cmd_ctx *ctx, struct replay_selection *s, pico *ret_sum,
                       struct err *e) MUST_USE;
/* What one target, or the record itself, comes to. Costs are of the same requests. */
struct replay_summary {
    const char *name;
    bool is_record, is_dry;
    size_t n_answered, n_errors, n_unpriced;
    size_t n_asked_json, n_json; /* answered, and asked for JSON; … and JSON */
    size_t n_compared, n_agree;  /* by the metric of each request */
    size_t n_known[AGREE_N_], n_by[AGREE_N_]; /* compared, and agreeing, by each metric */
    int64_t agree_low_ppm, agree_high_ppm;    /* the interval around the share */
    pico cost_pico, recorded_pico;            /* of those that were answered */
    int64_t p50_us, p95_us;                   /* -1: not known */
};
/* Of against[target]; is_dry: of what is due, priced only. */
#define REPLAY_RECORDED SIZE_MAX
void replay_summarise(const struct replay_selection *s, size_t target, bool is_dry,
                      struct replay_summary *ret);

/* The table, with a column for each metric of the mask. `run` NULL: of what is due, priced only. */
enum errc replay_show(struct cmd_ctx *ctx, const struct replay_selection *s,
                      const char *run, unsigned metrics, struct err *e) MUST_USE;

/* --fail-if: 'agree<0.95', 'cost>recorded'. */
struct replay_gate {
    const char *text;
    size_t fact, sign; /* rows of replay_gate.c's tables */
    int64_t value;
    bool is_recorded; /* the value is the recorded one */
};
enum errc replay_gate_parse(const char *text, struct replay_gate *ret, struct err *e)
    MUST_USE;
/* Does the condition hold, or cannot be told? */
bool replay_gate_fails(const struct replay_gate *g, const struct replay_summary *recorded,
                       const struct replay_summary *s);

/* What an earlier run answered: word by word beside the record, or as rows. */
enum errc replay_diff(struct cmd_ctx *ctx, const struct replay_selection *s,
                      const char *id, bool all, struct err *e) MUST_USE;
enum errc replay_export(struct cmd_ctx *ctx, const struct replay_selection *s,
                        const char *run, struct err *e) MUST_USE;
/* Forgets the run and its items; the requests stay in the log. */
enum errc replay_rm(struct cmd_ctx *ctx, const struct replay_past *run, struct err *e)
    MUST_USE;

#endif
