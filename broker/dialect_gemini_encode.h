/*
 * dialect_gemini_encode.h: between the files that write a generateContent request:
 * dialect_gemini_encode.c the contents and the tools, …_parts.c what a content is of, …_options.c
 * how to answer.
 */
#ifndef BROKER_DIALECT_GEMINI_ENCODE_H
#define BROKER_DIALECT_GEMINI_ENCODE_H

#include "broker/dialect_gemini.h"
#include "broker/dialect_priv.h"

enum thinking_style {
    THINK_NONE,
    THINK_BUDGET, /* thinkingBudget, in tokens */
    THINK_LEVEL,  /* thinkingLevel, a word; a budget beside it is a 400 */
};

enum level { LEVEL_MINIMAL = 1 << 0, LEVEL_MEDIUM = 1 << 1, LEVEL_XHIGH = 1 << 2 };

struct family {
    const char *name; /* a word of the id; NULL: any */
    int from, to;     /* versions, 25 is 2.5 */
    enum thinking_style style;
    int64_t min_tok, max_tok; /* of a budget */
    bool can_rest;            /* a budget of 0 turns thinking off */
    unsigned levels;          /* beside LOW and HIGH */
};

struct gemini_writer {
    struct request_writer r;
    const struct family *family;
    int version; /* 0: none in the id */
    bool is_gemini, is_vertex;
    size_t first; /* turn after the leading system turns */
};

enum { SCHEMA_RULES = SCHEMA_SUBSET | SCHEMA_INLINE };

static inline bool is_digit(struct str s, size_t i)
{
    return i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9';
}

/* ---- dialect_gemini_encode.c ---- */

/* Gemini 3 and later check the signatures of calls. */
bool gemini_is_signed(const struct gemini_writer *g);

/* ---- dialect_gemini_parts.c ---- */

/* Whether a part is sent: empty texts are a 400, thoughts are not said again. */
bool gemini_is_told(const struct msg_part *p);
/* A text of the request as a part, with something before and after it. */
void gemini_write_text(struct gemini_writer *g, struct str before, struct str text,
                       struct str after);
/* A name that begins as none may here gets a mark that the decoder takes off again. */
void gemini_write_name_value(struct jw *w, struct str name);
void gemini_write_name(struct jw *w, struct str name);
/*
 * Only the first of parallel calls is signed, and from Gemini 3 on must be. A call from elsewhere
 * has no signature; the vendor names a text for it.
 */
void gemini_write_call(struct gemini_writer *g, const struct msg_part *p, bool is_first);
void gemini_write_part(struct gemini_writer *g, const struct msg_part *p);
/* What lies beside a result's text is a part of it from Gemini 3 on, before that beside it. */
void gemini_write_result(struct gemini_writer *g, const struct msg_part *p,
                         struct str name);

/* ---- dialect_gemini_options.c ---- */

/* With tools, older models take no schema: they are told in words. */
bool gemini_takes_format(const struct gemini_writer *g);
/*
 * The next piece of a long answer: the same request, and the token of the last piece. Where it
 * stands is documented for the SDKs only, beside maxOutputTokens.
 * Source: ai.google.dev/gemini-api/docs, long decode (2026-11).
 */
void gemini_write_hop_token(struct gemini_writer *g);
/* With the token, unless it stands on top. */
void gemini_write_config(struct gemini_writer *g);
void gemini_write_tier(struct gemini_writer *g);
void gemini_write_user(struct gemini_writer *g);

#endif
