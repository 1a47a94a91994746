/*
 * gen_msg.h: messages by chance, for tests of what holds for every message; and messages as text,
 * to compare them.
 *
 * A message depends on its seed alone. What it may hold is said by traits: a dialect's test names
 * those that the dialect can express, and what it cannot is not generated.
 */
#ifndef TESTS_UNIT_GEN_MSG_H
#define TESTS_UNIT_GEN_MSG_H

#include "core/msg.h"

/* ---- chance ---- */

struct dice {
    uint64_t x;
    struct arena a; /* what is generated lives here */
};
void dice_init(struct dice *d, uint64_t seed);
void dice_release(struct dice *d);
/* 0 to n − 1. */
unsigned roll(struct dice *d, unsigned n);
struct str pick(struct dice *d, const char *const *words, unsigned n);
/* Never blank: with quotes, controls, NUL, what looks like markup, and all widths of UTF-8. */
struct str any_text(struct dice *d);
/* The prefix and a number. */
struct str any_name(struct dice *d, const char *prefix);
/* What OpenAI and Anthropic take as the name of a tool: [A-Za-z0-9_-]{1,64}. */
struct str any_tool_name(struct dice *d);
/* A JSON object, in odd spelling, too. */
struct str any_args(struct dice *d);

/* ---- what a dialect can express ---- */

enum trait {
    /* in the turns of a request */
    SYSTEM_PARTS = 1 << 0, /* several texts of the system */
    CACHE_MARKS = 1 << 1,
    IMAGE_URL = 1 << 2,
    IMAGE_DETAIL = 1 << 3,
    FILES = 1 << 4,
    FILE_NAMES = 1 << 5,
    AUDIO = 1 << 6,
    ONE_RESULT_TURN =
        1 << 7, /* results of parallel calls stand together; else a turn each */
    RESULT_ERROR = 1 << 8,
    RESULT_MEDIA = 1 << 9,
    /* in an assistant's turn or answer */
    MIXED = 1 << 10,    /* its parts in any order; else thoughts, text, calls */
    THOUGHTS = 1 << 11, /* plain ones, or, if one of the next two, those */
    SIGNED = 1 << 12,
    STATE = 1 << 13, /* signed, and with an id */
    REDACTED = 1 << 14,
    SIGNED_CALLS = 1 << 15, /* the first of them; some texts, too */
    ANY_ARGS = 1 << 16,     /* of a call: text that is no object, too */
    ANY_IDS = 1 << 17,      /* of a call: any text */
    ANY_NAMES = 1 << 18,    /* of a tool: all that any_tool_name() gives */
    /* in a request */
    SAMPLING = 1 << 19,     /* temperature, top_p */
    PARTICIPANTS = 1 << 20, /* users with names */
    TOP_K = 1 << 21,
    PENALTIES = 1 << 22,
    SEED = 1 << 23,
    USER = 1 << 24,
    CHOICES = 1 << 25, /* more than one answer */
    SCHEMA = 1 << 26,
    SCHEMA_NAME = 1 << 27,
    SCHEMA_STRICT = 1 << 28,
    JSON_MODE = 1 << 29,
    LATE_SYSTEM = 1 << 30, /* turns of the system anywhere */
};

/* Bits of what is said of three: −1 not said, 0, 1. */
enum { UNSAID = 1 << 0, NO = 1 << 1, YES = 1 << 2, ANY = UNSAID | NO | YES };

/* A choice more: some of the tools, auto or any of them. */
enum { MSG_CHOICE_SOME = MSG_CHOICE_ONE + 1 };

struct asks {
    unsigned traits;
    unsigned choices;  /* bit per enum msg_choice, and for MSG_CHOICE_SOME */
    unsigned strict;   /* of a tool */
    unsigned parallel; /* of calls */
    unsigned efforts;  /* bit per enum msg_effort */
    unsigned stops;    /* the most */
};
void any_request(struct dice *d, const struct asks *can, struct msg_request *ret);
/* The last turn of it is the assistant's, and its calls have no results. */
void any_exchange(struct dice *d, const struct asks *can, struct msg_request *ret);

enum told {
    TOLD_ID = 1,
    TOLD_MODEL = 2,
    TOLD_STOP = 4, /* the stop sequence that matched */
    TOLD_CACHED = 8,
    TOLD_REASONING = 16,
    TOLD_REFUSAL = 32, /* a refusal that is not a text like any other */
    TOLD_LOGPROBS = 64,
};
struct tells {
    unsigned traits;
    unsigned told;
    unsigned finishes;     /* bit per enum msg_finish; MSG_FINISH_TOOL goes with calls */
    const char *id_prefix; /* of an answer */
};
void any_reply(struct dice *d, const struct tells *can, struct msg_reply *ret);

/* ---- as text ---- */

void show_parts(struct buf *out, const struct msg_part *parts, size_t n);
void show_request(struct buf *out, const struct msg_request *m);
void show_reply(struct buf *out, const struct msg_reply *r);

#endif
