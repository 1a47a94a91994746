/*
 * answer_print.h: three ways to show an answer; between answer.c and answer_print.c.
 */
#ifndef CMD_ANSWER_PRINT_H
#define CMD_ANSWER_PRINT_H

#include "cmd/answer.h"

struct answer_printer {
    void (*start)(struct answer *a);
    void (*fallback)(struct answer *a, struct str from, struct str to, struct str reason);
    void (*text)(struct answer *a, struct str text);
    void (*reasoning)(struct answer *a, struct str text);
    void (*reset)(struct answer *a, struct str reason);
    /* `error` is NULL after success. */
    void (*end)(struct answer *a, const struct err *error);
};

/* Others have written to the terminal meanwhile; the cursor is at the beginning of a row. */
void answer_row_anew(struct answer *a);
const struct answer_printer *answer_printer(enum cmd_format format);

/* "fast → anthropic/claude · 1,204 in (1,024 cached) + 187 out · $0.0012 · 0.3s/1.2s" */
void answer_usage_line(const struct answer *a, struct buf *out);
/* What it took, for comparisons; −1 and PICO_UNKNOWN where that is not known. */
struct answer_facts {
    char target[LIMIT_NAME_LEN * 2 + 2];
    int64_t input_tok, output_tok, first_us, total_us;
    pico cost;
};
void answer_facts(const struct answer *a, struct answer_facts *ret);
/* Members of an object: all that is known of the answer but its text. */
void answer_write_facts(const struct answer *a, struct jw *w);

#endif
