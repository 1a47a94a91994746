/*
 * dialect.h: everything the broker knows about one API dialect, client side and provider side.
 *
 * One file a dialect (dialect_openai.c, dialect_anthropic.c, …), each exporting one const
 * struct dialect_ops. request.c never looks into JSON itself. A dialect that only providers speak
 * (Gemini) has NULL for all that concerns clients: no path of api.c leads there, and every pair
 * with it is crossed.
 *
 * Same dialect in and out: facts, splice, scan: bytes pass, a scanner watches. Crossed: the
 * request is decoded to a msg and encoded again, events become deltas and events again.
 */
#ifndef BROKER_DIALECT_H
#define BROKER_DIALECT_H

#include "core/http1.h"
#include "core/jscan.h"
#include "core/jsonx.h"
#include "core/msg.h"
#include "core/pieces.h"
#include "core/price.h"
#include "core/provider.h"
#include "core/sse.h"

/* What routing needs of a client's body; found by scanning. */
struct body_facts {
    struct jspan model;                  /* its place, a string */
    char model_name[LIMIT_NAME_LEN + 1]; /* decoded */
    bool stream;
    struct jspan stream_options; /* J_NONE if absent */
    bool include_usage;          /* the client asked for usage in the stream */
    int64_t max_output_tok;      /* −1: no cap given */
    struct jspan cap; /* place of the cap's value, which may be null; J_NONE if absent */
    size_t cap_key_pos;  /* place of the cap's key (opening quote) */
    size_t null_cap_pos; /* OpenAI: of the other name's key, beside a null; 0: absent */
    size_t prompt_len;   /* bytes of messages, system and tools: for the estimator */
    size_t n_images;
    unsigned needs; /* enum catalog_cap: tools, vision, json schema, reasoning, audio */
    int64_t n;      /* choices */
    bool logprobs;
    bool says_effort;  /* how hard to think was said, if only "none" */
    bool repeatable;   /* temperature 0 or a seed: splice may be offered */
    bool is_prefixed;  /* the last message is marked as a beginning (DeepSeek, Mistral) */
    bool tool_results; /* the conversation holds tool turns */
    bool has_developer;  /* OpenAI: a message of that role */
    size_t seed_key_pos; /* OpenAI: of the seed's key; 0: absent */
    bool
        has_foreign; /* thoughts, or ids of calls, that another provider had and we passed on:
                          made to fit where bytes pass, for they would be refused */
    char cache_ttl[8]; /* of caches that the answer may write; "": the default */
    char system_hash
        [17]; /* hex of 64 bits over the system prompt; "" if none: auto template */
    char user[LIMIT_NAME_LEN +
              1];     /* the end user's id, as the client has it; "" if none */
    bool counts_only; /* how many tokens the prompt has, and no answer */
    /* embeddings (CAP_EMBEDDING is among the needs) */
    size_t n_inputs;
    size_t longest_len;  /* bytes of the longest input */
    int64_t input_tok;   /* inputs that came as tokens: how many are in all … */
    int64_t longest_tok; /* … and in the longest */
    bool base64;         /* vectors are wanted so, and not as numbers */
};

/* Edits of a pass-through; all else stays byte for byte. */
struct body_edits {
    const struct provider_kind *kind;
    struct str model;       /* always */
    bool add_include_usage; /* OpenAI: stream_options.include_usage = true */
    int64_t max_output_tok; /* −1: leave as it is */
    const char *cap_field;  /* rename the cap to this key; NULL: leave */
};

enum event_flag {
    EV_CONTENT = 1 << 0, /* text, a tool call or reasoning that a client can see */
    EV_TOOL = 1 << 1,    /* part of a tool call */
    /* only reasoning; without EV_CONTENT: a sign of life, with nothing to see yet */
    EV_REASONING = 1 << 2,
    EV_FINISH = 1 << 3,     /* the finish reason */
    EV_USAGE = 1 << 4,      /* usage was updated */
    EV_END = 1 << 5,        /* the end mark: [DONE], message_stop */
    EV_ERROR = 1 << 6,      /* an error inside the stream: *e of scan is filled */
    EV_USAGE_ONLY = 1 << 7, /* nothing but usage: swallowed unless the client asked */
    EV_MALFORMED = 1 << 8,  /* not JSON, or not of the dialect: skipped and counted */
    EV_PING = 1 << 9,       /* keep-alive */
    EV_NO_USAGE = 1 << 10,  /* has the member, and says that it is not known yet */
    EV_HOP =
        1 << 11, /* no finish: another request goes on with the answer, see hop_token */
};

/* What a scanned answer has told so far. One per attempt. */
struct scan_state {
    const struct provider_kind *kind;
    struct usage usage;
    bool has_usage; /* of the output too: what usage says is the whole of it */
    bool usage_mismatch;
    int64_t told_tok; /* then: the sum that the report itself tells, −1: none */
    enum msg_finish finish;
    char finish_raw[48];
    char model[LIMIT_NAME_LEN + 1]; /* as served */
    char id[96];
    /* Told by the answer, for its price. The names are static. */
    struct str services[PRICE_SERVICES];
    size_t n_services;
    char search_context[8]; /* Perplexity */
    size_t output_len;      /* bytes of visible output: for the estimator */
    size_t reasoning_len;
    bool tool_open; /* inside a tool call */
    /* Gemini: calls have no finish reason of their own; a bit for each choice that has any */
    unsigned saw_call;
    uint64_t open[2]; /* a bit for each choice that goes on: n is at most 128 */
    unsigned n_malformed;
    int64_t sequence; /* Responses: of the event to come */
    /*
     * What stands around the text of the last event, when that was all it brought: those that
     * follow differ in the text alone, mostly. See scan_again().
     */
    struct scan_again {
        unsigned flags;
        size_t before_len, after_len; /* with the quotes; 0: none */
        char bytes[448];
    } again;
    struct jspan text; /* where the event at hand has its text, for that */
};

/*
 * What a provider's answer holds of embeddings, in the order of the inputs: each an array of
 * numbers or a string, their base64, as it stands there.
 */
struct embeddings {
    struct str *vectors; /* arena */
    size_t n;
    bool has_numbers; /* some are arrays */
};

/* Have all choices that have begun their finish, too? */
bool scan_is_finished(const struct scan_state *s);

/* A conversion of one stream, crossed pairs only. */
struct event_decoder; /* upstream dialect → deltas */
struct delta_encoder; /* deltas → client dialect */
typedef enum errc delta_fn(void *arg, const struct msg_delta *d, struct err *e);

/* What an encoder needs to know of the request. */
struct encode_ctx {
    /* ours; ids in answers are made from it when the provider's do not fit */
    const char *request_id;
    struct str model; /* name to show: what the provider served */
    int64_t created_s;
    bool include_usage;
    int64_t *sequence; /* Responses: of the event to come; borrowed, NULL where none is */
    /* the client's request, which an answer of Responses repeats; borrowed, empty: nobody's */
    struct str body;
    const struct jcheck *check; /* has seen it; NULL: nobody has */
};

/* What a URL of the request led to, for targets that fetch nothing themselves. */
struct media {
    struct str url;
    struct str mime, data; /* by its first bytes; base64 */
    const char *why;       /* it is not there; NULL: it is */
};

/* What the first bytes say, in base64: of the four kinds of images, or a PDF; else STR_NONE. */
struct str media_mime(struct str data);

/* What an upstream body may hold; from catalog and configuration. */
struct target_caps {
    const struct provider_kind *kind;
    struct str model;       /* id to send */
    int64_t max_output_tok; /* the model's own limit, 0 unknown; Anthropic needs a cap */
    unsigned caps_yes, caps_no; /* enum catalog_cap */
    bool stream;                /* ask for a stream */
    struct jw_later *later;     /* where long texts may be left; NULL: none */
    const struct media *media;  /* what was fetched */
    size_t n_media;
    struct str hop_token; /* of an answer that goes on in this request; else empty */
    bool is_hop_on_top;   /* the token stands beside the configuration, not in it */
};

/* Names of dropped fields, for x-llmgw-dropped. */
struct dropped {
    const char *names[32];
    size_t n;
    bool is_schema_cut; /* the target does not know all of the answer's schema */
};

/*
 * The `llmgw` object inside an error object:
 *
 *     "llmgw": {"class": "rate_limit", "origin": "provider", "retryable": true,
 *               "retry_after_ms": 8000, "request_id": "01K…", "provider": "openai",
 *               "provider_code": "rate_limit_exceeded", "attempts": […],
 *               "fallback_models": ["anthropic/claude-sonnet-5"],
 *               "answer": "…"}
 *
 * Members that are not known are left out.
 */
struct error_ext {
    const char *request_id;
    const char *provider; /* "" if none */
    int n_attempts;
    struct str attempts;  /* raw JSON array */
    struct str fallbacks; /* raw JSON array of what would have served it */
    struct str answer;    /* a whole one that did not fit its schema; empty: none */
    int64_t sequence;     /* Responses: of the error's event */
    const char *id;       /* Responses: of the answer that was shown; "" if it is ours */
};

struct dialect_ops {
    enum dialect id;
    const char *name;
    bool is_binary;     /* its streams are messages of core/eventstream.h */
    bool takes_no_urls; /* of images and files: fetch.h fetches them */

    /* ---- a client's request; `check` has seen the body, NULL: nobody has ---- */
    /* Strict: ERR_INVALID with field and reason for anything routing cannot rely on. */
    enum errc (*facts)(struct str body, const struct jcheck *check,
                       struct body_facts *ret, struct err *e);
    /* The body with its edits: borrowed from it, and from what is new, in `text`. */
    enum errc (*splice)(struct str body, const struct body_facts *f,
                        const struct body_edits *edits, struct buf *text,
                        struct pieces *ret, struct err *e);
    enum errc (*request_decode)(struct str body, const struct jcheck *check,
                                struct arena *a, struct msg_request *ret, struct err *e);

    /* ---- a provider's request ---- */
    /* Appends what follows the base URL; only Gemini's holds the model and the method. */
    void (*path)(const struct provider_kind *kind, struct str model, bool stream,
                 struct buf *out);
    /* Refuses (ERR_INVALID) what the target cannot express, drops the rest by name. */
    enum errc (*request_encode)(const struct msg_request *r, const struct target_caps *t,
                                struct buf *out, struct dropped *d, struct err *e);
    /* Extra headers beside credentials ("anthropic-version: …"), as header lines. */
    void (*request_headers)(const struct http1_head *client, bool same_dialect,
                            struct buf *out);

    /* ---- a provider's answer, watched ---- */
    void (*scan_init)(struct scan_state *s, const struct provider_kind *kind);
    /* Flags of the event; *e is filled when EV_ERROR. */
    unsigned (*scan_event)(struct scan_state *s, const struct sse_event *ev,
                           struct err *e);
    /* What the next request must bring after EV_HOP; NULL: answers come in one piece. */
    void (*hop_token)(const struct sse_event *ev, struct buf *out);
    /* A whole 200 body. ERR_OK, or the error that hides in it (no choices, in-band error). */
    enum errc (*scan_reply)(struct scan_state *s, struct str body, struct err *e);
    /* Classifies an error answer; fills class, origin, retry_after_us, provider_code, text. */
    void (*error_parse)(const struct provider_kind *kind, int status,
                        const struct http1_header *headers, size_t n_headers,
                        struct str body, int64_t wall_us, struct err *e);
    /* Appends the event for a client that did not ask for usage; false: nothing is left of it. */
    bool (*strip_usage)(const struct sse_event *ev, struct buf *out);

    /* ---- a provider's answer, decoded ---- */
    enum errc (*reply_decode)(struct str body, const struct provider_kind *kind,
                              struct arena *a, struct msg_reply *ret, struct err *e);
    struct event_decoder *(*decoder_new)(
        const struct provider_kind *kind); /* NULL: memory */
    enum errc (*decode_event)(struct event_decoder *d, const struct sse_event *ev,
                              delta_fn *fn, void *arg, struct err *e);
    void (*decoder_free)(struct event_decoder **d);

    /* ---- an answer to a client ---- */
    void (*reply_encode)(const struct msg_reply *r, const struct encode_ctx *ctx,
                         struct buf *out);
    struct delta_encoder *(*encoder_new)(const struct encode_ctx *ctx);
    /* Output for MSG_D_END ends with end_mark(); finish and usage are written once. */
    void (*encode_delta)(struct delta_encoder *n, const struct msg_delta *d,
                         struct buf *out);
    void (*encoder_free)(struct delta_encoder **n);
    const char *(*end_mark)(
        void); /* bytes of the end mark as this dialect's server sends it */
    void (*keepalive)(struct buf *out);

    /* ---- embeddings; of the others, what has to do with answers is NULL then ---- */
    /* How many inputs one call takes; NULL: any number. */
    size_t (*embed_most)(const struct provider_kind *kind, struct str model);
    /*
     * A whole 200 body, strict JSON with its value at `root`. ERR_OK, the error that hides in it,
     * or ERR_SERVER: there are none, or it cannot be told whose they are. What it says of its
     * usage is billed even then, and is in `s`.
     */
    enum errc (*embed_read)(struct scan_state *s, struct str body, struct jspan root,
                            struct arena *a, struct embeddings *ret, struct err *e);
    /* To a client: embed_head(0), a vector, embed_head(1), a vector, …, embed_end(). */
    void (*embed_head)(size_t i, struct buf *out);
    void (*embed_end)(const struct usage *u, struct str model, struct buf *out);

    /* ---- errors to a client ---- */
    int (*error_status)(const struct err *e); /* HTTP status in this dialect */
    void (*error_body)(const struct err *e, const struct error_ext *x, struct buf *out);
    void (*error_event)(const struct err *e, const struct error_ext *x, struct buf *out);
};

extern const struct dialect_ops dialect_openai;
extern const struct dialect_ops dialect_anthropic;
extern const struct dialect_ops dialect_gemini;
extern const struct dialect_ops dialect_cohere;
extern const struct dialect_ops dialect_bedrock;
extern const struct dialect_ops dialect_responses;
/* How many tokens a prompt has: no streams, so that all about events is NULL. */
extern const struct dialect_ops dialect_anthropic_count;
extern const struct dialect_ops dialect_gemini_count;
extern const struct dialect_ops dialect_bedrock_count;
extern const struct dialect_ops dialect_responses_count;

/* The same dialects' embeddings: no streams, so that all about events is NULL. */
extern const struct dialect_ops dialect_openai_embed;
extern const struct dialect_ops dialect_gemini_embed;
extern const struct dialect_ops dialect_cohere_embed;

const struct dialect_ops *dialect_ops(enum dialect d);
/* How this model's provider is asked to count; NULL where it does not. */
const struct dialect_ops *dialect_count_ops(const struct provider_kind *kind,
                                            struct str model);
/* NULL where it has none. */
const struct dialect_ops *dialect_embed_ops(enum dialect d);
/* Appends any text as one piece of a path: all but unreserved characters as %XX (RFC 3986). */
void path_add_piece(struct str s, struct buf *out);
/*
 * Which of its dialects a target is asked in: the client's own where it speaks it, else the
 * kind's; Responses where only that serves what is asked. NULL where nobody counts, or makes
 * embeddings, and that is asked.
 */
const struct dialect_ops *dialect_for(const struct provider_kind *kind,
                                      enum dialect client, const struct body_facts *f,
                                      struct str model);
/* Under which name the vendor's SDK shows the id of a request. */
const char *dialect_id_header(const struct dialect_ops *client);

/*
 * The shared half of error_parse: bare status and message patterns, first match wins, and
 * retry-after(-ms) in all its spellings. Source: the error contract, llmgw-protocol(7).
 */
enum errc error_class_by_message(struct str message); /* ERR_OK: no pattern matches */
enum errc error_class_by_status(int status);
/* Is it that a conversation must not end with the assistant's turn? */
bool error_says_no_prefill(const struct err *e);
int64_t error_retry_after_us(const struct http1_header *headers, size_t n,
                             int64_t wall_us);

#endif
