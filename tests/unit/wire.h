/*
 * wire.h: the other end of a dialect that only providers speak: reads a request as the provider
 * would, and writes its answers, whole and streamed.
 *
 * Written from the vendors' descriptions, as llmgw-sim is, and sharing no dialect code with the
 * broker: what both ends misread alike would not be seen. Where the wire leaves a choice (the
 * order of members, what is left out, where a text is cut), chance makes it.
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include "core/jscan.h"
#include "core/jsonx.h"

#include "tests/unit/gen_msg.h"

struct wire {
    /* ERR_SYNTAX with what a provider could not read. Takes checked text. */
    enum errc (*read_request)(struct str body, struct arena *a, struct msg_request *ret,
                              struct err *e);
    void (*write_reply)(struct dice *d, const struct msg_reply *r, struct buf *out);
    void (*write_stream)(struct dice *d, const struct msg_reply *r, struct buf *out);
    /* What it takes as the name of a tool. */
    bool (*is_name)(struct str name);
};
extern const struct wire wire_gemini, wire_cohere, wire_bedrock;

/* ---- for the files that implement it ---- */

/* A request being read. The first failure sticks. */
struct wire_doc {
    struct str text;
    struct arena *arena;
    struct msg_request *m;
    struct err *e;
};
/* Room for any request of gen_msg.h. */
void wire_begin(struct wire_doc *doc, struct str body, struct arena *a,
                struct msg_request *ret, struct err *e);
void wire_fail(struct wire_doc *doc, const char *what, struct jspan v);
enum errc wire_end(const struct wire_doc *doc);
struct jspan wire_get(const struct wire_doc *doc, struct jspan v, const char *name);
/* The elements of an array in turn; what is none has none. */
bool wire_next(const struct wire_doc *doc, struct jspan array, size_t *it,
               struct jspan *ret);
bool wire_is(const struct wire_doc *doc, struct jspan v, const char *text);
struct str wire_str(struct wire_doc *doc,
                    struct jspan v); /* decoded; STR_NONE if absent */
struct str wire_raw(struct wire_doc *doc, struct jspan v); /* as it stands */
int64_t wire_i64(struct wire_doc *doc, struct jspan v, int64_t other);
struct msg_turn *wire_add_turn(struct wire_doc *doc, enum msg_role role);
/* Of a message that may hold results: `t` goes on, or a turn of this role begins; a tool's must be
 * the first. */
struct msg_turn *wire_go_on(struct wire_doc *doc, struct msg_turn *t, enum msg_role role,
                            struct jspan v);
struct msg_part *wire_add_part(struct msg_turn *t, enum msg_part_kind kind);
struct msg_tool *wire_add_tool(struct wire_doc *doc);
void wire_stops(struct wire_doc *doc, struct jspan array);
/* Is it one of the characters, or a letter or a digit? */
bool wire_is_word(char c, const char *others);

/* The next piece of a text, cut between code points; false when it is used up. */
bool wire_piece(struct dice *d, struct str *rest, struct str *ret);
/* An event of a text stream, without its name unless there is one. */
void wire_event(const char *event, const struct buf *data, struct buf *out);

#endif
