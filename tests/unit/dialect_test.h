/*
 * dialect_test.h: what the tests of single dialects share: JSON with ' for ", requests crossed to
 * a dialect, streams watched and decoded. Included after cmocka.h.
 */
#ifndef TESTS_UNIT_DIALECT_TEST_H
#define TESTS_UNIT_DIALECT_TEST_H

#include "core/sse.h"
#include "core/vector.h"

#include "broker/dialect.h"

/* The text with " for each '. Eight of them live at a time. */
const char *json(const char *s);

/* What routing needs of a body, which must be right. */
struct body_facts facts_of(const struct dialect_ops *ops, const char *body);
/* It is the client's fault, told with this word. */
void check_no_facts(const struct dialect_ops *ops, const char *body, const char *word);

/*
 * A client's request in one dialect, as it goes to a target in another. `dropped` gets the names of
 * what was left out, joined by commas.
 */
enum errc cross(enum dialect from, const struct dialect_ops *to,
                const struct target_caps *caps, const char *in, struct buf *out,
                struct buf *dropped, struct err *e);
/* It crosses, becomes `want`, and leaves out `dropped`; NULL: nothing. */
void check_crossing(enum dialect from, const struct dialect_ops *to,
                    const struct target_caps *caps, const char *in, const char *want,
                    const char *dropped);

/* It is refused because of `field`, and not by the client's fault: the next target may take it. */
void check_refused(enum dialect from, const struct dialect_ops *to,
                   const struct target_caps *caps, const char *in, const char *field);

void check_call(const struct msg_part *p, const char *id, const char *name,
                const char *args);

/* A stream of text, watched and decoded in pieces of `step` bytes. */
struct watched {
    const struct dialect_ops *ops;
    struct scan_state scan;
    struct event_decoder *decoder;
    struct msg_collect collect;
    struct arena arena;
    struct sse sse;
    struct err err; /* of the stream itself */
    unsigned flags, n_end;
};
void watch(struct watched *w, const struct dialect_ops *ops,
           const struct provider_kind *kind, const char *bytes, size_t step);
void unwatch(struct watched *w);
/*
 * Scans the events in turn, and beside that by a state that takes none for the last one with
 * another text: both tell the same. The first one does so at least min_again times.
 */
void check_again(const struct dialect_ops *ops, const struct provider_kind *kind,
                 const char *const *events, size_t n, unsigned min_again);

/* A provider's answer of embeddings, which is JSON, as an OpenAI client has it from model "m". */
enum errc cross_embeddings(const struct dialect_ops *ops, struct scan_state *scan,
                           struct str body, bool base64, struct embeddings *ret_got,
                           struct buf *out, struct err *e);

/* A whole answer, scanned and decoded: both say that it ends with calls. */
void read_whole(const struct dialect_ops *ops, const struct provider_kind *kind,
                const char *body, struct arena *a, struct msg_reply *ret);

#endif
