/*
 * msg.h: a chat request, an answer and its deltas, in no provider's dialect.
 *
 * Everything lives in one arena; what a request says as it came borrows from its body instead.
 * Text is UTF-8 and decoded; JSON that is passed on (schemas, tool arguments) stays raw text.
 * Only crossed pairs of dialects come through here: the same dialect in and out is a pass-through
 * of bytes.
 */
#ifndef CORE_MSG_H
#define CORE_MSG_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/usage.h"

enum msg_role { MSG_SYSTEM, MSG_USER, MSG_ASSISTANT, MSG_TOOL };

enum msg_part_kind {
    MSG_TEXT,
    MSG_IMAGE, /* base64 data, or url */
    MSG_FILE,  /* PDF and the like */
    MSG_AUDIO,
    MSG_THINKING, /* text + signature */
    MSG_REDACTED, /* opaque data of a thinking block */
    MSG_REFUSAL,
    MSG_TOOL_CALL,
    MSG_TOOL_RESULT, /* in role MSG_TOOL */
};

/* Where the visible text of an answer stands on a document, or a tool's result, of the request. */
struct msg_citation {
    int64_t start, end;       /* code points of the text */
    struct str result;        /* the provider's id of a result; empty: it is … */
    int64_t document;         /* … this one of all documents, from 0 */
    struct str title, quoted; /* its title, and what it says */
    struct msg_citation *next;
};

struct msg_part {
    enum msg_part_kind kind;
    struct str text;     /* TEXT, THINKING, REFUSAL; TOOL_RESULT: its text parts joined */
    struct str mime;     /* IMAGE, FILE, AUDIO with data: "image/png" */
    struct str data;     /* base64, as it came; REDACTED: the opaque data */
    struct str url;      /* instead of data */
    struct str detail;   /* IMAGE: auto, low, high; empty if not said */
    struct str filename; /* FILE */
    struct str signature; /* THINKING, TEXT, TOOL_CALL: what must come back with it */
    struct str id;        /* TOOL_CALL, TOOL_RESULT; THINKING: the item's own, if any */
    struct str name;      /* TOOL_CALL: function */
    struct str args;      /* TOOL_CALL: raw argument text, possibly no valid JSON */
    bool is_error;        /* TOOL_RESULT */
    bool is_custom; /* TOOL_CALL: of a tool that takes a text: args hold it as "input" */
    struct str logprobs;    /* TEXT of an answer: see msg_delta */
    struct msg_part *parts; /* TOOL_RESULT: images and files beside the text */
    size_t n_parts;
    struct msg_citation *citations; /* TEXT of an answer */
    struct str cache_ttl; /* cache mark on this part: "5m", "1h"; empty if none */
};

struct msg_turn {
    enum msg_role role;
    struct str name; /* participant; empty if none */
    struct msg_part *parts;
    size_t n_parts;
};

struct msg_tool {
    struct str name, description;
    struct str schema; /* raw JSON object; empty: none given */
    int strict;        /* −1 not said, 0, 1 */
    struct str cache_ttl;
    bool is_custom;             /* it takes a text, in the schema as "input" … */
    struct str grammar, syntax; /* … that this grammar describes; empty: any */
};

enum msg_choice {
    MSG_CHOICE_UNSET,
    MSG_CHOICE_AUTO,
    MSG_CHOICE_NONE,
    MSG_CHOICE_ANY,
    MSG_CHOICE_ONE
};
enum msg_format { MSG_FORMAT_TEXT, MSG_FORMAT_JSON, MSG_FORMAT_SCHEMA };
enum msg_effort {
    MSG_EFFORT_UNSET,
    MSG_EFFORT_NONE,
    MSG_EFFORT_MINIMAL,
    MSG_EFFORT_LOW,
    MSG_EFFORT_MEDIUM,
    MSG_EFFORT_HIGH,
    MSG_EFFORT_XHIGH,
    MSG_EFFORT_MAX,
};

/* Whether the client wants to read what is thought; unset: by its dialect's own custom. */
enum msg_thoughts { MSG_THOUGHTS_UNSET, MSG_THOUGHTS_SHOWN, MSG_THOUGHTS_HIDDEN };
/* What embeddings are for: some models make other ones for a question than for what answers it. */
enum msg_embed_use {
    MSG_EMBED_ANY,
    MSG_EMBED_QUERY,
    MSG_EMBED_DOCUMENT,
    MSG_EMBED_SIMILARITY,
    MSG_EMBED_CLASSIFICATION,
    MSG_EMBED_CLUSTERING,
};

/* What is to be embedded. */
struct msg_embed {
    struct str *texts; /* NULL: tokens of some model's own were given */
    size_t n_texts;
    int64_t dimensions; /* −1 not said */
    enum msg_embed_use use;
};

enum { MSG_IGNORED = 24, MSG_EXTRAS = 6 };
struct msg_request {
    struct str model; /* as the client asked */
    struct msg_turn *turns;
    size_t n_turns;
    struct msg_tool *tools; /* those that may be called */
    size_t n_tools;
    /* where only some may: all that are defined, in the client's order; else NULL */
    struct msg_tool *all_tools;
    size_t n_all_tools;
    enum msg_choice choice;
    struct str choice_name; /* MSG_CHOICE_ONE */
    int parallel_tools;     /* −1 not said, 0, 1 */
    enum msg_format format;
    struct str schema_name, schema; /* raw JSON */
    int schema_strict;
    enum msg_effort effort;
    int64_t budget_tok; /* thinking budget, −1 not said */
    enum msg_thoughts thoughts;
    int64_t max_output_tok; /* −1 not said */
    /* sampling parameters travel as the client's own number text; empty if not said */
    struct str temperature, top_p, top_k, frequency_penalty, presence_penalty, seed;
    struct str *stops;
    size_t n_stops;
    int64_t n; /* choices; 1 if not said */
    bool stream;
    bool include_usage;
    bool logprobs;
    int64_t top_logprobs; /* how many other tokens are told with each; 0: none */
    bool audio_out;       /* cannot be translated: refused by rule */
    struct str user;      /* end user id */
    struct str service_tier;
    const struct msg_embed *embed; /* this, and no turns; NULL: a chat */
    /* fields of the client's dialect that have no place here; dropped by name */
    const char *ignored[MSG_IGNORED];
    size_t n_ignored;
    /* of these, what OpenAI's other API takes as it stands */
    struct msg_extra {
        const char *name; /* one of ignored[] */
        struct str json;
    } extras[MSG_EXTRAS];
    size_t n_extras;
};

/* STR_NONE: it is none of the extras. */
struct str msg_extra(const struct msg_request *m, const char *name);

/* Answers to one request that can be translated: as many as Gemini gives. */
enum { MSG_CHOICES = 8 };

enum msg_finish {
    MSG_FINISH_NONE, /* not finished */
    MSG_FINISH_STOP,
    MSG_FINISH_STOP_SEQUENCE,
    MSG_FINISH_LENGTH,
    MSG_FINISH_CONTEXT_FULL,
    MSG_FINISH_TOOL,
    MSG_FINISH_FILTERED,
    MSG_FINISH_PAUSED,
    MSG_FINISH_UNKNOWN,
};

struct msg_reply {
    struct str id, model; /* as the provider sent them */
    int64_t created_s;    /* 0 if not told */
    struct msg_part *parts;
    size_t n_parts;
    enum msg_finish finish;
    struct str finish_raw;    /* the provider's own word */
    struct str stop_sequence; /* the one that matched */
    struct usage usage;
    struct str service_tier;
    struct msg_reply *more; /* other choices: their parts and how they finish */
    size_t n_more;
};

enum msg_delta_kind {
    MSG_D_START, /* id, model */
    MSG_D_TEXT,
    MSG_D_THINKING,
    MSG_D_SIGNATURE,
    MSG_D_STATE, /* id, text: opaque state of a thought, to be kept and not to be shown */
    MSG_D_TEXT_STATE, /* text: the same, of the visible text before it */
    MSG_D_CITATION,   /* of the visible text before it */
    MSG_D_REDACTED,
    MSG_D_REFUSAL,
    MSG_D_CALL,   /* a tool call opens: index, id, name */
    MSG_D_ARGS,   /* its argument text grows */
    MSG_D_FINISH, /* finish, finish_raw, stop_sequence */
    MSG_D_USAGE,  /* usage so far (cumulative) */
    MSG_D_END,    /* the dialect's end mark */
};

struct msg_delta {
    enum msg_delta_kind kind;
    unsigned choice; /* of several, below MSG_CHOICES; not of START, USAGE and END */
    /* TEXT, THINKING, SIGNATURE, STATE, TEXT_STATE, REDACTED, REFUSAL, ARGS */
    struct str text;
    /* TEXT: how likely its tokens were: objects as Chat has them, with commas between */
    struct str logprobs;
    unsigned index;             /* CALL, ARGS: counts tool calls from 0 */
    struct str id, name, model; /* START: id, model; CALL: id, name; STATE: id */
    enum msg_finish finish;
    struct str finish_raw, stop_sequence;
    struct str signature; /* CALL: opaque, to come back with it */
    const struct usage *usage;
    const struct msg_citation *citation;
};

const char *msg_finish_name(enum msg_finish f);
const char *msg_effort_name(enum msg_effort e);
bool msg_effort_by_name(struct str s, enum msg_effort *ret);

/* Does it end with a beginning of the answer? A call is none. */
bool msg_is_begun(const struct msg_request *m);

/*
 * Puts deltas together into a reply: for clients that do not stream over upstreams that do, and
 * for whole answers, which are read as deltas too. Neighbouring texts become one part.
 */
struct msg_collect {
    struct arena *arena; /* borrowed */
    struct msg_reply reply;
    size_t cap_parts;
    struct buf text, logprobs; /* of the part that grows */
    bool is_open;
    size_t open_part; /* the part that grows: an earlier one when calls interleave */
    struct msg_citation *last_cited; /* arena; of the part … */
    size_t cited_part;               /* … that is the last text */
    struct msg_collect *more;        /* arena; of other choices, as reply.n_more says */
};
void msg_collect_init(struct msg_collect *c, struct arena *a);
void msg_collect_release(struct msg_collect *c);
enum errc msg_collect_delta(struct msg_collect *c, const struct msg_delta *d,
                            struct err *e) MUST_USE;
/* The reply so far; lives in the arena. */
const struct msg_reply *msg_collect_reply(struct msg_collect *c);

#endif
