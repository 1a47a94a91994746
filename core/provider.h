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
    DIALECT_RESPONSES, /* OpenAI Responses; beside Chat Completions, not instead of it */
    DIALECT_N_,
};

enum auth_style {
    AUTH_NONE,      /* never a key */
    AUTH_BEARER,    /* Authorization: Bearer KEY; nothing when a local one has no key */
    AUTH_X_API_KEY, /* x-api-key: KEY */
    AUTH_API_KEY,   /* api-key: KEY (Azure) */
    AUTH_GOOGLE,    /* x-goog-api-key: KEY */
};

struct provider_kind {
    const char *kind;    /* name in `kind =` and default name of the provider */
    const char *catalog; /* the catalog's provider name for prices */
    enum dialect dialect;
    const char *base_url; /* without trailing slash; NULL: must be configured */
    const char *path; /* appended: "/chat/completions", "/messages"; Gemini: "/models/" */
    const char *key_env[3]; /* environment variables, first wins; NULL-terminated */
    enum auth_style auth;
    /* output cap on the wire: "max_completion_tokens", "max_tokens" or "maxOutputTokens" */
    const char *cap_field;
    bool ask_usage;  /* stream_options.include_usage must be set to get usage */
    bool is_local;   /* no key needed, price zero by definition */
    bool counts_cap; /* admission counts the output cap, not real output */
    enum usage_wire usage;
    const char *responses; /* path of OpenAI Responses; NULL: not offered */
    bool is_responses;     /* asked there only, whatever the client speaks */
};

/* NULL when unknown. */
const struct provider_kind *provider_kind_find(struct str kind);
const struct provider_kind *provider_kinds(size_t *ret_n);
const char *dialect_name(enum dialect d); /* "openai", "anthropic", "gemini" */
bool dialect_by_name(struct str name, enum dialect *ret);

#endif
