/*
 * client.h: a client for tests: asks one question in a dialect and reports what came, as
 * facts to check. It reads answers by the vendors' descriptions alone and is pedantic.
 */
#ifndef E2E_CLIENT_H
#define E2E_CLIENT_H

#include <stdio.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/http1.h"
#include "core/opt.h"

enum { CLIENT_TOOLS = 16, CLIENT_PROBLEMS = 16 };
enum client_dialect {
    CLIENT_OPENAI,
    CLIENT_ANTHROPIC,
    CLIENT_RESPONSES,
    CLIENT_EMBEDDINGS
};

struct client_options {
    const char *socket, *dialect, *model, *key, *path, *body, *system, *extra;
    int64_t port, timeout_us, leave_after, pause_us, max_tok;
    bool stream, usage, tools, keep_alive;
    struct opt_list headers;
    FILE *to; /* client_run's facts; borrowed */
};

/* What was seen of an answer. */
struct seen {
    enum client_dialect dialect;
    int status; /* 0: no head came */
    struct buf text, reasoning;
    struct buf second; /* OpenAI: text of a second choice; other facts are of the first */
    int64_t n_choices; /* that finished */
    struct buf tokens; /* of which it was told how likely they were */
    struct buf tool_args[CLIENT_TOOLS];
    char tool_names[CLIENT_TOOLS][72], tool_ids[CLIENT_TOOLS][128];
    size_t n_tools;
    char finish[64], id[128], model[256];
    char err_type[64], err_code[64], err_class[64], err_message[LIMIT_ERR_TEXT];
    char err_origin[16], err_provider[64], err_request_id[32], err_provider_code[64];
    int64_t err_attempts; /* −1: not told */
    int err_retryable;    /* −1: not told */
    bool is_refusal;      /* some of the text is one */
    int n_start, n_finish, n_failed, n_usage, n_end, n_error, n_comments, n_events,
        n_resets;
    int64_t n_pieces; /* content events */
    /* −1: not told */
    int64_t input_tok, output_tok, cached_tok, written_tok, reasoning_tok;
    struct buf note;                   /* the last `: llmgw {…}` comment */
    char request_id[32], cost_usd[32]; /* as headers tell; "" if they do not */
    /* Anthropic: blocks open one at a time, in order; Responses: items so far, and which are open */
    int64_t n_blocks;
    bool block_open;
    uint64_t open_items; /* bit per output_index */
    int64_t sequence;    /* Responses: of the event to come */
    const char *problems[CLIENT_PROBLEMS];
    size_t n_problems;
};

void seen_init(struct seen *s, enum client_dialect dialect);
void seen_release(struct seen *s);
/* The protocol was broken in this way; each is kept once. */
void seen_problem(struct seen *s, const char *what);
/* One event of a stream: its name ("" if none) and its data lines joined. */
void seen_event(struct seen *s, struct str name, struct str data);
void seen_comment(struct seen *s, struct str text);
/* A body that is no stream. */
void seen_body(struct seen *s, struct str body);
/* "ok", "error" (said so in the dialect's way) or "broken". */
const char *seen_verdict(const struct seen *s, bool stream);
/* KEY=VALUE lines. */
void seen_print(const struct seen *s, struct buf *out);

/* Asks and prints KEY=VALUE lines. ERR_OK whatever was answered. */
enum errc client_run(const struct client_options *o, struct str prompt, struct err *e)
    MUST_USE;
/* Asks and shows what came, with the outcome as client_run prints it. */
typedef void client_fn(void *arg, const struct seen *s, const char *outcome);
enum errc client_look(const struct client_options *o, struct str prompt, client_fn *fn,
                      void *arg, struct err *e) MUST_USE;

#endif
