/*
 * dialect_anthropic_encode.h: between the files that write a Messages request:
 * dialect_anthropic_encode.c the messages and the tools, …_blocks.c what a message is of,
 * …_options.c how to answer.
 */
#ifndef BROKER_DIALECT_ANTHROPIC_ENCODE_H
#define BROKER_DIALECT_ANTHROPIC_ENCODE_H

#include "broker/dialect_anthropic.h"
#include "broker/dialect_priv.h"

enum none_style {
    NONE_ABSENT,   /* thinking is off unless a budget is given */
    NONE_DISABLED, /* thinking: disabled */
    NONE_BETWEEN,  /* thinking: between_tools, as near as it gets */
    NONE_LOW,      /* always on: low effort */
};

struct family {
    const char *name; /* NULL: any */
    int from, to;     /* versions, 45 is 4.5 */
    enum none_style none;
    bool is_manual;   /* thinking by budget, prefill allowed */
    bool is_sampled;  /* takes temperature, top_p and top_k */
    bool is_unforced; /* a forced choice of tools is a 400 */
    bool has_system;  /* takes role "system" inside messages */
    bool is_silent;   /* does not tell what it thinks unless it is asked to */
};

struct anthropic_writer {
    struct request_writer r;
    const struct family *family;
    int64_t max_tok;
    int64_t budget_tok; /* of manual thinking; 0: none */
    size_t first;       /* turn after the leading system turns */
};

/*
 * Objects closed, no bounds, and no recursion: definitions stand where they are referred to, which
 * finds the recursive ones out. Source: build-with-claude/structured-outputs (2026-08).
 */
enum { STRICT_SCHEMA = SCHEMA_CLOSE | SCHEMA_BARE | SCHEMA_INLINE };

/* ---- dialect_anthropic_encode.c ---- */

/* With a last turn of the assistant's. */
bool anthropic_goes_on(const struct anthropic_writer *a);

/* ---- dialect_anthropic_blocks.c ---- */

/* Whether a part becomes a block: empty texts are a 400, foreign thoughts mean nothing. */
bool anthropic_is_told(const struct msg_part *p);
void anthropic_write_cache(struct jw *w, struct str ttl);
/* A text block; `text` is the request's own, with something before and after it. */
void anthropic_write_wrapped(struct jw *w, struct str before, struct str text,
                             struct str after, struct str ttl);
void anthropic_write_text(struct jw *w, struct str text, struct str ttl);
void anthropic_write_block(struct anthropic_writer *a, const struct msg_part *p);

/* ---- dialect_anthropic_options.c ---- */

bool anthropic_takes_schema(const struct anthropic_writer *a);
/* Tokens to think with, for models that count them: 0 where it cannot be. */
int64_t anthropic_budget(const struct anthropic_writer *a);
/* The word for output_config.effort; NULL: none. */
const char *anthropic_write_thinking(struct anthropic_writer *a);
void anthropic_write_output_config(struct anthropic_writer *a, const char *effort);
void anthropic_write_sampling(struct anthropic_writer *a);
void anthropic_write_stops(struct anthropic_writer *a);
void anthropic_write_extras(struct anthropic_writer *a);

#endif
