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
};

const char *agree_metric_name(enum agree_metric m);
bool agree_metric_by_name(struct str s, enum agree_metric *ret);

bool agree(enum agree_metric m, struct str a, struct str b);
/* Appends the normalised text; what is no UTF-8 stays as it is. */
void agree_normalise(struct str s, struct buf *out);

/*
 * Appends the comparable form of a whole answer (JSON of the OpenAI or Anthropic dialect, told
 * apart by shape): the text, then a line "tool NAME ARGUMENTS" per call, arguments as compact
 * JSON with sorted keys. ERR_SYNTAX when it is neither.
 */
enum errc agree_answer(struct str json, struct buf *out, struct err *e) MUST_USE;

#endif
