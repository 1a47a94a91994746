/*
 * agree.h: do two answers say the same? The comparisons behind `llmgw replay`.
 *
 * An answer is its visible text and its tool calls. Tool calls are compared by name and
 * arguments, never executed.
 */
#ifndef CMD_AGREE_H
#define CMD_AGREE_H

#include "core/buf.h"

enum agree_metric {
    AGREE_EXACT, /* the same bytes */
    AGREE_NORM,  /* the same after NFKC, case folding and white space */
    AGREE_JSON,  /* the same JSON, however it is spelled; in a fence of Markdown, too */
    AGREE_CONTAINS, /* the normalised answer contains the recorded one */
    AGREE_ROUGE,    /* ROUGE-L of the normalised words is AGREE_ROUGE_PPM or more */
    AGREE_CMD,      /* a program of the user's says so: not by agree() */
    AGREE_N_
};
/* Source: promptfoo, "Deterministic metrics", rouge-n: the threshold is 0.75; 2026-10. */
enum { AGREE_ROUGE_PPM = 750000 };

const char *agree_metric_name(enum agree_metric m);
bool agree_metric_by_name(struct str s, enum agree_metric *ret);

/* Does `answer` agree with the recorded one? */
bool agree(enum agree_metric m, struct str recorded, struct str answer);
/*
 * Twice the longest common subsequence over all words of both, in parts per million.
 * Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004: ROUGE-L, F with
 * beta 1.
 */
int64_t agree_rouge_ppm(struct str a, struct str b);
/* Is it JSON, or Markdown with JSON in its first fence? */
bool agree_is_json(struct str s);
/* The metric for a request when none was asked for: JSON when it asks for that, else NORM. */
enum agree_metric agree_preset(struct str request);

/*
 * Appends the comparable form of a whole answer (JSON of the OpenAI or Anthropic dialect, told
 * apart by shape): the text, then a line "tool NAME ARGUMENTS" per call, arguments as compact
 * JSON with sorted keys. ERR_SYNTAX when it is neither.
 */
enum errc agree_answer(struct str json, struct buf *out, struct err *e) MUST_USE;

#endif
