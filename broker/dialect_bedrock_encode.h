/*
 * dialect_bedrock_encode.h: between the files that write a Converse request:
 * dialect_bedrock_encode.c the messages and the tools, …_blocks.c what a message is of,
 * …_options.c how to answer.
 */
#ifndef BROKER_DIALECT_BEDROCK_ENCODE_H
#define BROKER_DIALECT_BEDROCK_ENCODE_H

#include "broker/dialect_bedrock.h"
#include "broker/dialect_priv.h"

struct bedrock_writer {
    struct request_writer r;
    size_t first;   /* turn after the leading system turns */
    size_t n_files; /* documents need names of their own */
    size_t n_images;
    bool has_calls; /* the conversation holds tool calls or results */
    bool is_claude, is_mistral;
    int claude;         /* its version, 45 is 4.5; 0: none in the id */
    int64_t budget_tok; /* Claude up to 4.5 thinks by one; 0: it does not */
};

/* ---- dialect_bedrock_encode.c ---- */

/* One call at a time: only Claude can be told, in its own words … */
bool bedrock_is_single(const struct bedrock_writer *b);
/* … which stand in for toolChoice. */
void bedrock_write_single(struct bedrock_writer *b);

/* ---- dialect_bedrock_blocks.c ---- */

bool bedrock_is_thought(const struct msg_part *p);
/* Whether a part is sent: empty texts are a 400, and only Claude reads its own thoughts. */
bool bedrock_is_told(const struct bedrock_writer *b, const struct msg_part *p);
/* A block of these texts, one behind the other. */
void bedrock_write_text(struct bedrock_writer *b, struct str before, struct str text,
                        struct str after);
/* What stands before it is kept. Marks with an odd lifetime get the default one. */
void bedrock_write_cache_mark(struct bedrock_writer *b, struct str ttl);
void bedrock_write_part(struct bedrock_writer *b, const struct msg_part *p);

/* ---- dialect_bedrock_options.c ---- */

/* The answer's schema has a place of its own. */
bool bedrock_takes_format(const struct bedrock_writer *b);
/* Tokens to think with, where a model thinks by a budget; 0: it does not. */
int64_t bedrock_budget(const struct bedrock_writer *b);
void bedrock_write_inference(struct bedrock_writer *b);
void bedrock_write_output_config(struct bedrock_writer *b);
/* What only Claude knows goes to it as it stands. */
void bedrock_write_model_fields(struct bedrock_writer *b);
void bedrock_write_tier(struct bedrock_writer *b);
void bedrock_write_user(struct bedrock_writer *b);

#endif
