/*
 * provider.h: one row per kind of provider: where it is, how it is asked, its quirks.
 *
 * Adding an OpenAI-compatible provider is one row here. Rows are data; what reads them is
 * conf.c (defaults, checks), the broker (URLs, headers, edits) and `llmgw env`, `llmgw keys`.
 */
#ifndef CORE_PROVIDER_H
#define CORE_PROVIDER_H

#include "core/str.h"
#include "core/usage.h"

enum dialect {
    DIALECT_OPENAI,    /* Chat Completions */
    DIALECT_ANTHROPIC, /* Messages */
    DIALECT_GEMINI,    /* generateContent; providers only, no clients */
    DIALECT_COHERE,    /* chat, version 2; providers only, as the rest */
    DIALECT_BEDROCK,   /* Converse */
    DIALECT_RESPONSES, /* OpenAI Responses; beside Chat Completions, not instead of it */
    DIALECT_N_,
};

enum auth_style {
    AUTH_NONE,      /* never a key */
    AUTH_BEARER,    /* Authorization: Bearer KEY; nothing when a local one has no key */
    AUTH_X_API_KEY, /* x-api-key: KEY */
    AUTH_API_KEY,   /* api-key: KEY (Azure) */
    AUTH_GOOGLE,    /* x-goog-api-key: KEY */
    AUTH_AWS,       /* as bearer; ID:SECRET or ID:SECRET:TOKEN signs with Signature V4 */
};

/* How hard to think is asked for. */
enum effort_style {
    EFFORT_WORD,     /* reasoning_effort: low, medium, high */
    EFFORT_OPENAI,   /* reasoning_effort, by model family */
    EFFORT_DEEPSEEK, /* thinking.type, and reasoning_effort: low, high, max */
    EFFORT_SWITCH,   /* thinking.type */
    EFFORT_ALIBABA,  /* enable_thinking */
    EFFORT_NESTED,   /* reasoning.effort */
};

/* What makes a server go on with the assistant's last message. */
enum prefill_style {
    PREFILL_NONE,     /* nothing does: a new turn begins */
    PREFILL_PLAIN,    /* that it is the last */
    PREFILL_PREFIX,   /* "prefix": true beside it; without, it is a 400 */
    PREFILL_PARTIAL,  /* "partial": true beside it */
    PREFILL_CONTINUE, /* continue_final_message, and no add_generation_prompt */
};

/* Parameters that a server refuses or does not look at. */
enum provider_lack {
    LACKS_N = 1 << 0,         /* more than one choice: another target is asked */
    LACKS_PENALTIES = 1 << 1, /* the rest is dropped by name */
    LACKS_SEED = 1 << 2,
    LACKS_PARALLEL = 1 << 3,       /* parallel_tool_calls */
    LACKS_TOOL_CHOICE = 1 << 4,    /* but auto */
    LACKS_SCHEMA = 1 << 5,         /* json_object only */
    LACKS_WHILE_THINKING = 1 << 6, /* stop and penalties, of models that reason */
    LACKS_LOGPROBS = 1 << 7,       /* another target is asked */
};

/* Where servers of OpenAI's shape differ in what they take. */
struct provider_quirks {
    enum effort_style effort;
    enum prefill_style prefill;
    unsigned lacks;
    bool is_openai; /* OpenAI's own models: strict about what reasoning models take */
    bool takes_top_k;
    /* reasoning_content must come back with the calls, or it is a 400 */
    bool wants_thought;
    /*
     * a cap that does not fit the window with its prompt is lowered in silence, unless told not
     * to
     */
    bool cuts_cap;
    bool begins_no_json; /* what is begun by the client cannot be a json_object */
    /* thoughts may stand in the text, before it, as <think>…</think> */
    bool tags_thought;
    /* reasoning_details must come back unchanged with the calls that they led to */
    bool wants_details;
    bool splits_thought;  /* reasoning_split keeps thoughts out of the text */
    bool knows_developer; /* the role; "system" is known to all */
    bool short_ids;       /* tool call ids of nine letters and digits */
    int max_temperature;  /* 0: two */
    int max_stops;        /* 0: four */
    const char *seed;     /* NULL: "seed" */
    const char *required; /* its word for a tool choice of any; NULL: "required" */
    bool may_echo; /* a beginning may be said again first, by the server's version */
    /* prefilled only at this path, beside the usual address; NULL: there */
    const char *prefill_dir;
    /* its Responses are Perplexity's Agent API: fewer fields, and names of models that it had */
    bool is_agent;
    bool is_cached_free; /* cached input does not count for its limits */
    /* response headers that are 0 when money or allowance is gone, whatever the status means */
    const char *spent[2];
};

struct provider_kind {
    const char *kind;    /* name in `kind =` and default name of the provider */
    const char *catalog; /* the catalog's provider name for prices */
    enum dialect dialect;
    const char *base_url; /* without trailing slash; NULL: must be configured */
    const char *path; /* appended: "/chat/completions", "/messages"; Gemini: "/models/" */
    const char *key_env[3]; /* environment variables, first wins; NULL-terminated */
    enum auth_style auth;
    /* output cap on the wire: "max_completion_tokens", "max_tokens", … */
    const char *cap_field;
    bool ask_usage;  /* stream_options.include_usage must be set to get usage */
    bool is_local;   /* no key needed, price zero by definition */
    bool counts_cap; /* admission counts the output cap, not real output */
    enum usage_wire usage;
    struct provider_quirks quirks;
    const char *responses;  /* path of OpenAI Responses; NULL: not offered */
    const char *counts;     /* path where OpenAI's shape counts a prompt; NULL: nowhere */
    bool is_responses;      /* asked there only, whatever the client speaks */
    const char *embeddings; /* path of embeddings, as `path`; NULL: not offered */
};

/* NULL when unknown. */
const struct provider_kind *provider_kind_find(struct str kind);
/* The kind as it is for one of its models: hosts of several makers differ by them. */
const struct provider_kind *provider_kind_for(const struct provider_kind *k,
                                              struct str model);
const struct provider_kind *provider_kinds(size_t *ret_n);
const char *dialect_name(enum dialect d); /* "openai", "anthropic", … */

#endif
