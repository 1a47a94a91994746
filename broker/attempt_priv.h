/*
 * attempt_priv.h: what the parts of an attempt share: attempt_send.c is what is sent, attempt.c
 * the life of the transfer and how it ends, attempt_stream.c, attempt_reply.c and attempt_embed.c
 * what comes.
 */
#ifndef BROKER_ATTEMPT_PRIV_H
#define BROKER_ATTEMPT_PRIV_H

#include "core/eventstream.h"
#include "core/vector.h"

#include "broker/echo.h"
#include "broker/fit.h"
#include "broker/request_priv.h"

enum outcome { GOING_ON, WHOLE, BROKEN };

enum {
    attempt_MAGIC = 0x61747470,
    HEADERS_MAX = 32, /* of an answer */
};

struct attempt {
    uint32_t magic;
    struct request *r; /* borrowed: owns us */
    const struct conf_provider *provider;
    const struct conf_target *target;
    struct target_model model;
    struct target_state *state;    /* borrowed: outlives us */
    const struct dialect_ops *ops; /* the provider's */
    struct attempt_row *row;       /* arena */
    struct secret_key *key;        /* borrowed; NULL: none, or the client's own */
    int64_t key_read_us;           /* that key's read_mono_us then */
    bool is_crossed, is_streamed;
    bool is_begun;         /* the request ends with a beginning of the answer */
    bool is_event_stream;  /* what comes is one */
    size_t max_output_len; /* bytes of output that the cap allows, by estimate */

    struct pieces body;           /* sent */
    struct buf text;              /* of it, what is not the client's */
    struct buf frame;             /* a long one that is being written, without … */
    struct jw_later later;        /* … its long texts */
    struct loop_task task;        /* writes on */
    struct upstream_xfer *xfer;   /* owned */
    struct buf reply;             /* an answer that is no event stream, or an error */
    struct jcheck *check;         /* owned; of a long one of embeddings, as it comes */
    struct http1_header *headers; /* arena; of an error answer */
    size_t n_headers;
    struct sse sse;
    struct eventstream messages; /* instead, where streams are binary */
    struct scan_state scan;
    struct event_decoder *decoder; /* crossed, or for the recorder's text */
    struct delta_encoder *encoder; /* crossed streams */
    struct msg_collect *collect;   /* arena; crossed, to a client that does not stream */
    /* arena; crossed streams: signed thoughts and texts, and the calls they led to */
    struct msg_collect *thoughts;
    struct fit fit;
    struct echo echo; /* of the beginning that the request ends with */
    /* one answer may take several calls */
    unsigned n_calls;
    bool has_spent;     /* of the calls before this one … */
    struct usage spent; /* … what they used, told or estimated */
    size_t spent_len;   /* … bytes of output */
    /* embeddings, of which a provider may make so many at a time only */
    size_t n_had, n_now;         /* inputs of the calls before, and of this one */
    struct msg_embed part;       /* of this call */
    struct embeddings got;       /* by this call */
    size_t at;                   /* of them is … */
    struct vector_writer vector; /* … being read */
    bool is_reading, is_in_vector, is_rewritten;
    size_t n_numbers; /* of each; 0: not known yet */
    /* a long answer comes in pieces, by a request each */
    struct buf hop_token; /* of the next; empty: none is to come */
    unsigned n_hops;      /* after the first */
    bool is_hop_on_top;   /* where the provider takes the token */

    enum outcome outcome; /* told when the callback ends */
    struct err err;
};

/* ---- attempt.c ---- */

int64_t attempt_wall_us(const struct attempt *a);
/* Do texts of this target's answers have signatures? */
bool attempt_signs_text(const struct attempt *a);
/* How it has ended; the first that is said counts. request.c hears it when the callback ends. */
void attempt_broken(struct attempt *a, const struct err *e);
/* All has come: it is whole, if it is what was asked for. */
void attempt_whole(struct attempt *a);
/* An answer beyond our caps is the provider's fault, and no fault of the request. */
void attempt_blame_provider(struct err *e);
/* Of an answer whose client cannot carry it. */
void attempt_keep_state(struct attempt *a, const struct msg_reply *reply);
/* This call has ended well, and is not the last one: what it used is added up. */
void attempt_spend(struct attempt *a);
/* A translated answer for a client that does not stream. */
void attempt_encode(struct attempt *a, const struct msg_reply *reply);
/* The model as the answer names it, else as it was asked for. */
struct str attempt_served(const struct attempt *a);

/* ---- attempt_stream.c ---- */

bool attempt_has_content(const struct attempt *a);
/* Bytes of an event stream. */
void attempt_feed(struct attempt *a, struct str bytes);
/* The end of a stream that finished without one: what the client's dialect still needs. */
void attempt_end_stream(struct attempt *a);

/* ---- attempt_reply.c ---- */

/* Another one is to come. */
void attempt_reset_reply(struct attempt *a);
/* To the client as it came: `reply` is of no use then. */
void attempt_pass_reply(struct attempt *a);
/* The answer as its client's dialect has it. */
enum errc attempt_take_reply(struct attempt *a, struct err *e) MUST_USE;

/* ---- attempt_embed.c ---- */

/* More of an answer is in `reply`, or found no room there: then this says why. */
enum errc attempt_embed_came(struct attempt *a, struct err *e) MUST_USE;
/* The answer is there; it is whole or broken at once, in a later turn, or after more calls. */
void attempt_embed_take(struct attempt *a);
/* Goes on with one that is_reading. */
void attempt_embed_on(struct attempt *a);

/* ---- attempt_send.c ---- */

/*
 * Who can read the opaque state of this target's answers: any Gemini model its dialect's, else the
 * model itself.
 */
struct str attempt_origin(const struct attempt *a);
/* Makes the body; a long one that is translated may still have to be written. */
enum errc attempt_build(struct attempt *a, struct err *e) MUST_USE;
/* Writes on; true when the body is there. */
bool attempt_write_on(struct attempt *a) MUST_USE;
/* Picks a key and sends the body, once it is there. ERR_UPSTREAM_AUTH: no key may be used. */
enum errc attempt_call(struct attempt *a, const struct upstream_fns *fns, struct err *e)
    MUST_USE;

#endif
