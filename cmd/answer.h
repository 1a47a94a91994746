/*
 * answer.h: one streamed answer: read from the broker's events, shown as text or as JSON.
 *
 * answer.c understands the events and decides how it ended; answer_print.c shows it.
 */
#ifndef CMD_ANSWER_H
#define CMD_ANSWER_H

#include "core/jsonx.h"
#include "core/sse.h"

#include "cmd/cmd.h"
#include "cmd/code.h"
#include "cmd/markdown.h"
#include "cmd/progress.h"
#include "cmd/term.h"

/* Of the answer's text, what is shown: all, or the first or last block of code in it. */
enum answer_extract { EXTRACT_NONE, EXTRACT_FIRST, EXTRACT_LAST };

struct answer_options {
    enum cmd_format format; /* text, markdown, json or jsonl */
    enum answer_extract extract;
    bool raw; /* control sequences reach a terminal */
    bool hide_reasoning;
    bool usage;  /* one line on stderr at the end */
    bool strict; /* an answer cut by the output cap is unusable */
    /* what it must fit; it is shown when it does. NULL: nothing */
    const struct shape *shape;
    const char *usage_file; /* FILE or &FD; NULL: none */
    const char *tee;        /* FILE that gets the text too; NULL: none */
    const char *conversation;
};

struct answer_printer;
struct shape;
struct link_answer;

struct answer {
    struct cmd_ctx *ctx;
    struct answer_options opt;
    const struct answer_printer *printer;
    struct progress progress;

    /* where it goes */
    int out_fd, tee_fd;
    const char *out_path; /* NULL: standard output */
    const char *out_temp; /* renamed to out_path at the end; NULL: written as it is */
    bool is_tty;
    struct term_filter filter;
    bool is_rendered;                  /* its Markdown is shown as what it means */
    struct markdown markdown, thought; /* of the answer, of the reasoning */
    struct code_scan code;             /* of EXTRACT_FIRST */
    size_t n_newlines; /* held back: how many end the answer is not known yet */
    bool has_shown;    /* text has been written */
    bool is_reasoning; /* what was shown last is reasoning */
    struct err io;     /* the first failure to write */

    /* what came */
    struct buf text, reasoning;
    struct json_object *end;   /* owned: the gateway's last word; NULL so far */
    struct json_object *usage; /* owned: of the last chunk that had any */
    struct json_object *tried; /* owned: the attempts that an error lists */
    char request_id[32], route[LIMIT_NAME_LEN + 1], model[LIMIT_NAME_LEN + 1];
    char target[2 * LIMIT_NAME_LEN + 2];
    char finish[48]; /* "" as long as there is none */
    int64_t cap_tok; /* output cap that the broker set for the money; 0: none */
    bool has_end_mark, has_error, is_refusal;
    const char *asked;          /* borrowed: by which name; NULL: not known */
    bool is_misfit;             /* it has not the shape it must have */
    struct err error;           /* told by the stream */
    int64_t start_us, first_us; /* monotonic; first text, 0 if none yet */

    /* before it, in the same turn: requests whose answers were of no use */
    int64_t n_rounds; /* with this one; 1 mostly */
    pico paid;        /* PICO_UNKNOWN: not all is known */
};

/* Opens what is to be written, before any money is spent. */
enum errc answer_open(struct answer *a, struct cmd_ctx *ctx,
                      const struct answer_options *opt, struct err *e) MUST_USE;
/* Before each turn: forgets what came, keeps where it goes. */
void answer_begin(struct answer *a);
/* What came is of no use, and the turn asks once more. */
void answer_again(struct answer *a);
/* An sse_fn; arg is the answer. */
enum errc answer_event(void *arg, const struct sse_event *ev, struct err *e);
/* An answer that came whole. */
enum errc answer_whole(struct answer *a, struct str body, struct err *e) MUST_USE;
/* No answer came, but an error with a status; returns it. */
enum errc answer_refused(struct answer *a, const struct link_answer *got, struct err *e);
/*
 * `rc` and *e are how the call ended; returns what came of it, with *e filled: ERR_OK only for a
 * whole, usable answer.
 */
enum errc answer_judge(struct answer *a, enum errc rc, struct err *e) MUST_USE;
/* The turn is over, and was judged so. Shows the end; returns that, or how showing it failed. */
enum errc answer_end(struct answer *a, enum errc rc, struct err *e) MUST_USE;
/* What the turn cost, in all its rounds; PICO_UNKNOWN. */
pico answer_cost(const struct answer *a);
/* Closes, renames. ERR_IO when that fails. */
enum errc answer_close(struct answer *a, struct err *e) MUST_USE;
/* Is it shown as text, Markdown or not? Else as JSON. */
bool answer_is_text(const struct answer *a);
/* Appends the block of code that was asked for; false: there is none in the text. */
bool answer_code(const struct answer *a, struct buf *out);

#endif
