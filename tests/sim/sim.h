/*
 * sim.h: llmgw-sim, a scriptable fake provider on loopback.
 *
 * Its frames are written from the vendors' own descriptions alone and share no dialect code
 * with the broker, so that a misreading there cannot agree with itself here. It must never
 * include anything of broker/ or cmd/.
 *
 * The life of one request: server.c reads it whole → scenario.c decides a `plan` → the dialect
 * reads the body into an `ask`, strictly → answer.c lays the answer out as parts → play.c
 * pulls event by event from the answer, lets the dialect write each, and spoils them as the
 * plan says → journal.c writes what happened.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <json-c/json.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/http1.h"
#include "core/list.h"
#include "core/map.h"

/* ---- scenario.c: who gets which answer ---- */

enum plan_cut_by { CUT_BY_FIN, CUT_BY_RST, CUT_BY_END };
enum plan_usage { USAGE_FULL, USAGE_BARE, USAGE_NULL, USAGE_NONE, USAGE_ODD };
enum plan_vectors {
    VECTORS_RIGHT,
    VECTORS_MISSING,
    VECTORS_EXTRA,
    VECTORS_REVERSED,
    VECTORS_SAME_INDEX,
    VECTORS_UNEVEN
};
enum plan_framing { FRAMING_AUTO, FRAMING_CHUNKED, FRAMING_LENGTH, FRAMING_EOF };

/*
 * What to do with one request. Every field is an int64_t or a text, so that one table
 * (scenario.c) reads, presets and copies them; `set` has a bit per row of that table. Counts
 * and places that are not set are −1.
 */
struct plan {
    uint64_t set;
    /* the answer */
    const char *text; /* "lorem", "echo", or the text itself */
    const char *as;   /* model named in the answer */
    const char *finish;
    int64_t tokens, reasoning, tools, vary;
    int64_t prompt, cached, written, written_1h, usage;
    int64_t hops, hops_on_top, details;
    int64_t obfuscate, comments, reasoner, lax, no_prefill, refuse, times;
    int64_t vectors, numbers; /* embeddings */
    /* its pace */
    int64_t wait_us, first_us, gap_us, usage_after_us, batch, drip_us, split;
    /* headers */
    const char *headers; /* lines "Name: value", joined by LF */
    const char *content_type;
    const char *retry_after, *retry_after_ms;
    int64_t limit_requests, left_requests, reset_requests_us;
    int64_t limit_tokens, left_tokens, reset_tokens_us;
    int64_t big_head, framing;
    /* an error instead */
    const char *type, *code, *message;
    int64_t status, error, html, empty;
    /* the connection instead */
    int64_t reset, close, silent;
    /* the answer, spoiled; counts are of content pieces */
    int64_t cut, cut_byte, by, stall, stall_for_us, garble, inband;
    int64_t no_end, no_finish, oversize, idle_close_us;
};

/* Facts by which rules choose, known before the dialect reads the body. */
struct plan_facts {
    struct str listener, path, model, key, body;
    const char *dialect;
    bool stream, tools;
    unsigned nth_on_conn; /* from 1 */
    int64_t now_us;       /* since the scenario was loaded */
    uint64_t random;
};

struct scenario;

/* ERR_SYNTAX or ERR_RANGE with "line N: …". */
enum errc scenario_parse(struct str text, struct scenario **ret, struct err *e) MUST_USE;
void scenario_free(struct scenario **s);
/*
 * The defaults, then the first rule that matches, then the words after "sim:" in the model's
 * name. Counts the request. *ret_line is the rule's line, 0 if none. Texts of the plan live as
 * long as the scenario or `arena`. ERR_SYNTAX when the model's words are not valid.
 */
enum errc scenario_plan(struct scenario *s, const struct plan_facts *f,
                        struct arena *arena, struct plan *ret, int *ret_line,
                        struct err *e) MUST_USE;
/* Every word at its preset. */
void plan_init(struct plan *p);

/* ---- ask: what the client wants, in no dialect ---- */

enum { SIM_TOOLS = 16, SIM_CHOICES = 8 };

struct sim_tool {
    struct str name;
    struct json_object *schema; /* borrowed from the body; NULL if none */
};

/* One text to embed, or the digits of its tokens. */
struct sim_input {
    struct str text;
    int64_t tok;
};

/* Gemini: which of its methods was asked. */
enum sim_embed_form { SIM_EMBED_BATCH, SIM_EMBED_ONE, SIM_EMBED_PREDICT };

struct ask {
    struct arena *arena;        /* borrowed */
    struct json_object *body;   /* owned by the peer; NULL in bench mode */
    struct str model, prompt;   /* prompt: text of the last user message */
    struct str prefill;         /* text of a trailing assistant message */
    struct json_object *schema; /* of a structured answer */
    struct sim_tool tools[SIM_TOOLS];
    bool takes_text[SIM_TOOLS]; /* of tools[]: not an object (Responses) */
    size_t n_tools;
    int64_t hop; /* Gemini: which piece of a long answer, from 0 */
    bool tool_forced, tool_none, one_tool;
    bool count_only; /* how many tokens the prompt has */
    bool stream, want_usage, want_reasoning, hide_reasoning, json;
    bool
        seal_reasoning; /* Responses: the thought is wanted back, for its maker to read */
    int64_t max_tok;    /* −1: none */
    int64_t prompt_tok;
    int64_t n_images, n_files; /* Bedrock */
    int64_t n_choices;
    bool logprobs;
    int64_t top_logprobs;
    /* embeddings */
    bool is_embed, base64;
    struct sim_input *inputs; /* arena */
    size_t n_inputs;
    int64_t dimensions;
    enum sim_embed_form form;
};

/* ---- text.c: words and numbers from a seed ---- */

uint64_t text_mix(uint64_t x); /* splitmix64 */
/* n words, deterministic, some of them not ASCII. */
void text_lorem(struct buf *out, uint64_t seed, int64_t n);
/* The first token of s: a word with the blanks before it. */
struct str text_token(struct str s);
int64_t text_count(struct str s);
/* The first n tokens. */
struct str text_first(struct str s, int64_t n);
/* What a body of that many bytes costs: a quarter of them, rounded up. */
int64_t text_cost(size_t len);
/* JSON that fits a JSON Schema: required members only. */
void text_fill_schema(struct buf *out, struct json_object *schema, uint64_t seed,
                      int depth);

/* ---- answer.c: an answer as parts, read piece by piece ---- */

enum part_kind { PART_REASONING, PART_TEXT, PART_TOOL };

struct part {
    enum part_kind kind;
    struct str text; /* of a tool call: its arguments */
    struct str name; /* of the tool */
    bool is_custom;  /* … which takes a text */
    uint64_t id;
    size_t index; /* among the parts of its kind */
};

struct sim_usage {
    int64_t prompt, cached, written_5m, written_1h; /* prompt: everything read, once */
    int64_t output, reasoning;                      /* output includes reasoning */
};

enum event_kind { EV_START, EV_COMMENT, EV_PIECE, EV_FINISH, EV_USAGE, EV_END };

struct event {
    enum event_kind kind;
    const struct part *part; /* of EV_PIECE */
    size_t block;            /* index of the part among all */
    struct str text;
    bool first, last; /* of its part */
};

struct answer {
    const struct ask *ask;
    const struct plan *plan;
    struct part parts[2 + SIM_TOOLS];
    size_t n_parts;
    const char *finish; /* stop, length, tools, filter, or a word of the provider's own */
    const char *model;
    struct sim_usage usage;
    uint64_t id;
    int64_t created_s;
    /* cursor */
    enum event_kind next;
    int64_t n_comments;
    size_t part;
    struct str rest; /* of the part being read */
    bool ended;
    int64_t sequence; /* Responses: number of the next event */
};

/* False when memory is out. */
bool answer_init(struct answer *a, const struct ask *ask, const struct plan *plan,
                 uint64_t id, uint64_t seed, int64_t wall_us);
/* The dialect's word for the finish: of `rows`, or a finish of the provider's own as it stands. */
const char *answer_finish_word(const struct answer *a, const char *const rows[][2],
                               size_t n_rows);
/* Text as a JSON string; behind the last of a further choice stands which it is. */
void answer_quote(struct buf *out, struct str text, bool is_last, int64_t choice);
/* False after EV_END. */
bool answer_next(struct answer *a, struct event *ret);

/* What is added to a sum so that it is wrong, as the plan may want it. */
int64_t answer_odd(const struct answer *a);

/* ---- fault.c: errors as providers send them ---- */

struct fault {
    int status; /* 200: Google's blocked prompt, which is an answer */
    const char *type, *code, *param;
    const char *message;
    /* raw JSON: an object, Google: the list's inside; NULL if none */
    const char *details;
    bool html; /* a proxy in front answers, not the provider */
};

struct sim_dialect;
/* Names for the scenario's `error=`, in table order; the index is plan.error. */
const char *fault_name(size_t i);
size_t fault_count(void);
void fault_of_plan(const struct plan *p, const struct sim_dialect *d, struct fault *ret);
/* One that the dialect found in the request. */
void fault_invalid(struct fault *ret, const char *type, const char *code,
                   const char *param, const char *message);

/* ---- logprobs.c: how likely the tokens of a text were, if that was asked for ---- */

/* OpenAI's array, empty if not; without bytes in a stream of Responses. */
void logprobs_openai(const struct answer *a, struct str text, bool has_bytes,
                     struct buf *out);
/* What a generationConfig says of them; false: it is refused. */
bool logprobs_gemini_read(struct ask *ask, struct json_object *config, struct fault *f);
/* The member of a candidate; nothing if not. */
void logprobs_gemini(const struct answer *a, struct str text, struct buf *out);
/* The member of an event, or of a whole answer, which is an array; nothing if not. */
void logprobs_cohere(const struct answer *a, struct str text, bool is_whole,
                     struct buf *out);

/* ---- the dialects ---- */

/* The column of a table that has one for each dialect. */
enum sim_shape {
    SIM_OPENAI,
    SIM_ANTHROPIC,
    SIM_GEMINI,
    SIM_COHERE,
    SIM_BEDROCK,
    SIM_SHAPES
};

struct sim_dialect {
    const char *name;
    enum sim_shape shape;
    /* What the URL says of the request, before the scenario is asked; NULL: nothing. */
    void (*place)(struct ask *ask, const struct http1_head *h);
    /* Reads and checks the body. False: *ret is the error to answer with. */
    bool (*read)(struct ask *ask, const struct http1_head *h, const struct plan *p,
                 struct fault *ret);
    /* One event of a stream; may write nothing. */
    void (*event)(struct answer *a, const struct event *ev, struct buf *out);
    void (*whole)(struct answer *a, struct buf *out);
    /* The same of embeddings; NULL: it has none. */
    bool (*embed_read)(struct ask *ask, const struct http1_head *h, const struct plan *p,
                       struct fault *ret);
    void (*embed_whole)(struct answer *a, struct buf *out);
    void (*error)(const struct fault *f, uint64_t id, struct buf *out);
    /* The error as an event in a stream, and an event that is no JSON. */
    void (*in_band)(const struct fault *f, uint64_t id, struct buf *out);
    const char *garbled;
    void (*garble)(struct buf *out); /* instead, where events are no text */
    const char *stream_type;         /* of its streams; NULL: text/event-stream */
    /* What the head of an error says beside its status; NULL: nothing. */
    void (*error_headers)(const char *type, struct buf *out);
    void (*headers)(const struct plan *p, uint64_t id, int64_t wall_us, struct buf *out);
    void (*models)(struct buf *out);
    /* How many tokens a prompt has; NULL: it does not count. */
    void (*count)(int64_t n, struct buf *out);
};

extern const struct sim_dialect sim_openai;
extern const struct sim_dialect sim_anthropic;
extern const struct sim_dialect sim_gemini;
extern const struct sim_dialect sim_cohere;
extern const struct sim_dialect sim_bedrock;
extern const struct sim_dialect sim_responses;

/* ---- sim_embed.c: embeddings, in three of the dialects ---- */

bool embed_openai_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                       struct fault *f);
bool embed_gemini_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                       struct fault *f);
bool embed_cohere_read(struct ask *ask, const struct http1_head *h, const struct plan *p,
                       struct fault *f);
void embed_openai_whole(struct answer *a, struct buf *out);
void embed_gemini_whole(struct answer *a, struct buf *out);
void embed_cohere_whole(struct answer *a, struct buf *out);

/* ---- play.c: an answer as bytes and pauses ---- */

enum play_verb {
    PLAY_ON,   /* send, wait, then call again */
    PLAY_DONE, /* whole; the connection may be used again */
    PLAY_FIN,  /* send, then close */
    PLAY_RST,  /* send, then reset */
    PLAY_HANG, /* send, then nothing for ever */
};

struct play_step {
    enum play_verb verb;
    int64_t wait_us;
};

enum play_state { PS_BEGIN, PS_HEAD, PS_EVENTS, PS_BODY };

struct play {
    const struct sim_dialect *dialect;
    const struct plan *plan; /* borrowed: outlived by the peer */
    struct answer answer;
    struct buf body; /* owned: the whole one, or the events about to be framed */
    enum play_state state;
    bool streaming, keep_alive, has_stalled, has_garbled;
    enum plan_framing framing;
    int status;
    const char *content_type;
    const char *error_type; /* of an error; NULL: none */
    uint64_t id;
    int64_t wall_us;
    int64_t n_pieces, n_body; /* sent so far; n_body in bytes */
    const char *end;          /* for the journal: "whole", "cut", …; NULL under way */
};

/* What is common to all answers; one of the three below follows. */
void play_init(struct play *p, const struct sim_dialect *d, const struct plan *plan,
               uint64_t id, int64_t wall_us, bool keep_alive);
/* False when memory is out. */
bool play_answer(struct play *p, const struct ask *ask, uint64_t seed) MUST_USE;
void play_fault(struct play *p, const struct fault *f);
/* A ready body in p->body, for what is no chat. */
void play_body(struct play *p, int status, const char *content_type);
void play_release(struct play *p);
/* Appends the bytes to send next. */
struct play_step play_next(struct play *p, struct buf *out);

/* ---- journal.c: what came in and what went out, a JSON line each ---- */

struct journal_request {
    uint64_t n, conn;
    unsigned nth_on_conn;
    const char *listener;
    const struct http1_head *head;
    struct str body;
    int64_t wall_us;
};

struct journal_answer {
    uint64_t n;
    int status, rule; /* line of the scenario; 0 none */
    int64_t n_pieces, n_body, took_us, wall_us;
    const char *end;
    bool client_gone;
};

/* Both write one line to fd; the value of a header that holds a key is hashed. */
void journal_request(int fd, const struct journal_request *r);
void journal_answer(int fd, const struct journal_answer *a);

/* ---- exchange.c: one request and what becomes of it ---- */

struct sim {
    const struct sim_dialect *only; /* NULL: all */
    struct scenario *scenario;      /* owned */
    struct list replaced;      /* scenarios whose texts running plans may still use */
    const char *scenario_file; /* NULL: none */
    int journal_fd;            /* −1: none */
    uint64_t seed;
    bool bench;
    uint64_t n_requests, n_conns, n_open;
    int64_t loaded_mono_us;   /* when the scenario was */
    int64_t mono_us, wall_us; /* of this turn */
};

/* Reads the file, or takes the text; on failure the old scenario stays. */
enum errc sim_load(struct sim *s, const char *file, struct err *e) MUST_USE;
enum errc sim_load_text(struct sim *s, struct str text, struct err *e) MUST_USE;
void sim_release(struct sim *s);

struct exchange {
    struct arena arena;
    struct json_object *tree; /* owned: the body */
    struct ask ask;
    struct plan plan;
    struct play play;
    uint64_t n;
    int rule;
    int64_t began_us; /* monotonic */
    bool is_open;
};

/* A request that is whole. The play is ready after it. */
void exchange_begin(struct sim *s, struct exchange *x, const struct http1_head *head,
                    struct str body, uint64_t conn, unsigned nth_on_conn,
                    const char *listener);
void exchange_end(struct sim *s, struct exchange *x, bool client_gone);

/* ---- server.c: sockets, bytes and timers ---- */

enum { SIM_LISTENERS = 16 };

/* Binds each "[NAME=]ADDRESS:PORT", prints "ready PORT [NAME]", serves until SIGTERM or SIGINT. */
enum errc sim_serve(struct sim *s, const char *const *listen, size_t n, struct err *e)
    MUST_USE;

#endif
