/*
 * chat_request.h: what `llmgw chat` was asked to do, as a request to the broker.
 */
#ifndef CMD_CHAT_REQUEST_H
#define CMD_CHAT_REQUEST_H

#include "cmd/cmd.h"

/* Source: OpenAI API reference, reasoning_effort (2026-11), and Anthropic's "max". */
#define CHAT_EFFORTS "none|minimal|low|medium|high|xhigh|max"

struct chat_options {
    const char *system;        /* TEXT; from the command line also @FILE */
    const char *template_name; /* or the file of one */
    struct opt_list params;    /* of the template: K=V */
    const char *save;          /* name of the template to make */
    const char *template_id;   /* NAME@VERSION, for the ledger; NULL: none */
    struct opt_list files, attach;
    bool want_stdin, no_stdin, editor;
    const char *model, *route;
    struct opt_list fallback;
    bool no_fallback;
    int64_t timeout_us, ttft_us; /* 0: not said */
    pico max_cost;               /* PICO_UNKNOWN: not said */
    struct opt_list options;
    const char *temperature, *seed, *effort, *schema, *tier;
    int64_t max_tok; /* -1: not said */
    bool cont;
    const char *cid, *name, *fork;
    struct opt_list tags;
    const char *project;
    bool log, no_log;
    bool extract, extract_last, raw, no_stream, hide_reasoning, usage, strict;
    const char *usage_file, *tee;
    bool dry_run, explain, interactive;
};

struct shape;

/* What changes from turn to turn of a conversation. */
struct chat_turn {
    struct str messages;      /* JSON, each with a comma behind */
    const char *conversation; /* id */
    const char *name;         /* for a conversation that has none yet; or NULL */
    const char *parent;       /* request id of the turn before; NULL or "" if none */
    const char *model,
        *route; /* of the turn before, unless options say another; may be NULL */
    const struct shape *shape; /* what the answer must fit; NULL: nothing */
    bool is_told_shape;        /* … in words, for the target has no other way */
    pico spent; /* for this turn already, of the money allowed; PICO_UNKNOWN: not known */
    bool may_restart; /* whoever reads the answer can forget what was shown */
};

/* Wrong values are found before anything is read or sent. */
enum errc chat_check(const struct chat_options *o, struct err *e) MUST_USE;
/*
 * Who is asked: options say, else the conversation so far, the configuration, and the route
 * "default". *ret_model is what the request names; *ret_route is NULL when it is no route's turn.
 */
void chat_choose(const struct cmd_ctx *ctx, const struct chat_options *o,
                 const struct chat_turn *turn, const char **ret_model,
                 const char **ret_route);
/* Body and header lines. Both buffers are the caller's; headers may hold keys: wipe them. */
enum errc chat_request(struct cmd_ctx *ctx, const struct chat_options *o,
                       const struct chat_turn *turn, struct buf *body,
                       struct buf *headers, struct err *e) MUST_USE;

#endif
