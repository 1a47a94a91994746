/*
 * cuts.h: recorded answers, cut after every byte: a provider that cuts them and the clients
 * that ask it through the broker and judge what they get.
 */
#ifndef E2E_CUTS_H
#define E2E_CUTS_H

#include "core/buf.h"
#include "core/err.h"

enum cut_framing { CUT_CHUNKED, CUT_LENGTH, CUT_EOF, CUT_FRAMINGS_ };
enum cut_how { CUT_FIN, CUT_RST, CUT_SPLIT, CUT_HOWS_ };
enum cut_dialect {
    CUT_OPENAI,
    CUT_ANTHROPIC,
    CUT_GEMINI,
    CUT_RESPONSES,
    CUT_COHERE,
    CUT_BEDROCK,
    CUT_DIALECTS_
};
extern const char *const cut_dialects[CUT_DIALECTS_];
extern const char *const cut_framings[CUT_FRAMINGS_];
extern const char *const cut_hows[CUT_HOWS_];

/* An answer as it stands on the wire. */
struct cut_record {
    struct buf bytes;
    size_t enough; /* with so many of them it is whole: to the finish, or to the last */
};

/*
 * tests/data/cut-DIALECT.sse or .json in `dir`, framed. `other`: with another text of the same
 * length, so that a mixture of two answers can be told.
 */
enum errc cut_record_load(const char *dir, enum cut_dialect dialect, bool stream,
                          bool other, enum cut_framing framing, struct cut_record *ret,
                          struct err *e) MUST_USE;
void cut_record_release(struct cut_record *r);

/*
 * Prints "ready PORT" and serves until it is killed. The model says what: "other", or
 * FRAMING.HOW.OFFSET, and more behind another dot.
 */
enum errc cut_serve(const char *dir, struct err *e) MUST_USE;

struct cut_options {
    const char *dir, *socket;
    int64_t port;         /* of the server */
    int64_t stride, seed; /* every so many offsets, from one that the seed chooses */
    int64_t jobs;         /* requests at a time */
};

/* Asks everything; a line for each way of cutting, and one for each wrong answer. */
enum errc cut_ask(const struct cut_options *o, struct err *e) MUST_USE;

#endif
