/*
 * log.c: `llmgw log`: the requests that the ledger holds, newest first, and those that come; and
 * where the ledger is. Reads the database itself; needs no broker.
 */
#include "cmd/log.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core/near.h"
#include "core/texts.h"

#include "cmd/files.h"
#include "cmd/history.h"
#include "cmd/term.h"

#define AT(field) offsetof(struct log_options, field)
#define SPAN      "list conversations export rm redact"
#define WHICH     "list export rm redact"
#define GONE      "rm redact"

/* clang-format off */
static const struct option_row rows[] = {
    {'n', "number", OPT_INT, AT(n), "N", .values = "1..", .with = SPAN, .group = "how many, and when",
     .help = "so many of them; 10 in a list, all in an export, unless given"},
    {0, "since", OPT_STRING, AT(period.since), "WHEN", .with = SPAN,
     .help = "from then on: a date, a date and time, -7d, @EPOCH"},
    {0, "until", OPT_STRING, AT(period.until), "WHEN", .with = SPAN,
     .help = "up to then; a date includes that day"},
    {0, "last", OPT_DURATION, AT(period.last_us), "DUR", .with = SPAN,
     .help = "the last 30d, 24h, ..."},
    {'g', "grep", OPT_STRING, AT(grep), "TEXT", .with = WHICH, .group = "which",
     .help = "only those in whose recorded texts these words, \"phrases\" or beginnings* are"},
    {'m', "model", OPT_STRING, AT(model), "NAME", .complete = OPT_C_MODEL, .with = WHICH,
     .help = "only this model: PROVIDER/MODEL, or a model of any provider"},
    {'r', "route", OPT_STRING, AT(route), "NAME", .complete = OPT_C_ROUTE, .with = WHICH,
     .help = "only this route"},
    {'P', "project", OPT_STRING, AT(project), "NAME", .complete = OPT_C_PROJECT, .with = WHICH,
     .help = "only this project"},
    {'t', "template", OPT_STRING, AT(template_name), "NAME", .complete = OPT_C_TEMPLATE,
     .with = WHICH, .help = "only this template"},
    {0, "tag", OPT_STRING, AT(tag), "K=V", .complete = OPT_C_TAG, .with = WHICH,
     .help = "only with this tag"},
    {0, "status", OPT_STRING, AT(status), "STATUS", .with = WHICH,
     .help = "only with this outcome: ok, rate_limit, cancelled, ..."},
    {0, "kind", OPT_CHOICE, AT(kind), "KIND", .values = "chat|batch|replay|judge|embed",
     .with = WHICH, .help = "only requests of this kind"},
    {'c', "current", OPT_FLAG, AT(current), .with = WHICH,
     .help = "only the newest conversation"},
    {0, "cid", OPT_STRING, AT(cid), "ID|NAME", .complete = OPT_C_CONVERSATION, .with = WHICH,
     .is_filled = true, .help = "only this conversation"},
    {0, "id-gt", OPT_STRING, AT(id_gt), "ID", .with = WHICH,
     .is_filled = true, .help = "only those after this one, oldest first"},
    {'f', "follow", OPT_FLAG, AT(follow), .with = "list", .group = "output",
     .help = "and then those that come, until it is interrupted"},
    {0, "short", OPT_FLAG, AT(is_short), .with = "list", .help = "a few columns only"},
    {'x', "extract", OPT_FLAG, AT(extract), .with = "show", .group = "parts",
     .help = "the first block of code in the answer"},
    {'u', "usage", OPT_FLAG, AT(usage), .with = "show",
     .help = "one line of tokens, cost and times"},
    {0, "request", OPT_FLAG, AT(request), .with = "show", .help = "the request as it was sent"},
    {0, "response", OPT_FLAG, AT(response), .with = "show", .help = "the response as it came"},
    {0, "headers", OPT_FLAG, AT(headers), .with = "show",
     .help = "the headers that told the client of it"},
    {0, "older-than", OPT_DURATION, AT(older_than_us), "DUR", .with = GONE, .group = "deletion",
     .help = "what is older, as in 90d"},
    {0, "yes", OPT_FLAG, AT(yes), .with = GONE, .help = "do not ask"},
    {0},
};
/* clang-format on */

/* ---- the list ---- */

enum {
    LIST_FORMATS = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
                   1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN
};

static const struct out_column columns[] = {
    {.name = "start", .type = OUT_TIME, .priority = 2, .soft = 1},
    {.name = "id", .type = OUT_TEXT, .keep = ULID_LEN},
    {.name = "model", .type = OUT_TEXT, .priority = 1, .soft = 12},
    {.name = "status", .type = OUT_TEXT, .soft = 9},
    {.name = "input_tokens", .title = "input", .type = OUT_TOKENS, .priority = 4},
    {.name = "output_tokens", .title = "output", .type = OUT_TOKENS, .priority = 4},
    {.name = "cost", .type = OUT_MONEY},
    {.name = "ttft", .type = OUT_DURATION, .priority = 5},
    {.name = "total", .title = "took", .type = OUT_DURATION, .priority = 3},
    {.name = "kind", .type = OUT_TEXT, .hidden = true},
    {.name = "route", .type = OUT_TEXT, .hidden = true},
    {.name = "asked_model", .type = OUT_TEXT, .hidden = true},
    {.name = "served_model", .type = OUT_TEXT, .hidden = true},
    {.name = "project", .type = OUT_TEXT, .hidden = true},
    {.name = "client", .type = OUT_TEXT, .hidden = true},
    {.name = "user", .type = OUT_TEXT, .hidden = true},
    {.name = "template", .type = OUT_TEXT, .hidden = true},
    {.name = "conversation", .type = OUT_TEXT, .hidden = true},
    {.name = "finish", .type = OUT_TEXT, .hidden = true},
    {.name = "attempts", .type = OUT_INT, .hidden = true},
    {.name = "cached_tokens", .type = OUT_TOKENS, .hidden = true},
    {.name = "reasoning_tokens", .type = OUT_TOKENS, .hidden = true},
    {.name = "cost_source", .type = OUT_TEXT, .hidden = true},
    {.name = "interrupted", .type = OUT_BOOL, .hidden = true},
    {.name = "error", .type = OUT_TEXT, .hidden = true},
    {.name = "match", .type = OUT_TEXT, .soft = 40, .hidden = true},
};
enum { SHORT_COLUMNS = 4, MATCH_COLUMN = ARRAY_LEN(columns) - 1, LIST_MAX = 10 };

static void put_text(struct out *o, struct str s)
{
    if (s.len > 0)
        out_text(o, s);
    else
        out_null(o);
}

const char *log_target(struct arena *a, const struct report_request *r)
{
    if (r->model.len == 0)
        return "";
    return arena_printf(a, "%.*s/%.*s", STR_ARG(r->provider), STR_ARG(r->model));
}

struct listing {
    struct out *out;
    struct arena *arena;
    bool is_short, is_table;
};

/* In a table what was left out before and behind is marked in the characters of the locale. */
static void put_match(const struct listing *l, struct str s)
{
    struct str mark = STR("…");
    AUTO(buf_release) struct buf shown = BUF_INIT(LIMIT_HEAD_LEN);
    bool is_cut_before = l->is_table && str_starts(s, mark);
    bool is_cut_behind = l->is_table && s.len > mark.len && str_ends(s, mark);
    if (is_cut_before) {
        out_own(&shown, mark);
        s = str_sub(s, mark.len, s.len);
    }
    buf_adds(&shown, str_sub(s, 0, s.len - (is_cut_behind ? mark.len : 0)));
    if (is_cut_behind)
        out_own(&shown, mark);
    put_text(l->out, buf_err(&shown) == ERR_OK ? buf_str(&shown) : s);
}

static void put_numbers(struct out *o, const struct report_request *r)
{
    bool is_known = r->usage.known != 0;
    if (is_known) {
        out_int(o, usage_input_tok(&r->usage));
        out_int(o, usage_output_tok(&r->usage));
    } else {
        out_null(o);
        out_null(o);
    }
    out_money(o, r->cost_pico);
    if (r->first_token_us > 0)
        out_int(o, r->first_token_us - r->start_us);
    else
        out_null(o);
    out_int(o, r->end_us - r->start_us);
}

static enum errc put_request(void *arg, const struct report_request *r, struct err *e)
{
    struct listing *l = arg;
    struct out *o = l->out;
    (void)e;
    out_int(o, r->start_us);
    out_text(o, r->id);
    put_text(o, str_of(log_target(l->arena, r)));
    out_text(o, r->outcome);
    if (!l->is_short) {
        const struct str texts[] = {
            r->kind,   r->route, r->asked_model,   r->served_model, r->project,
            r->client, r->user,  r->template_name, r->conversation, r->finish};
        put_numbers(o, r);
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
            put_text(o, texts[i]);
        out_int(o, r->n_attempts);
        out_int(o, usage_cached_tok(&r->usage));
        out_int(o, r->usage.n[USAGE_REASONING]);
        out_text(o, r->cost_source);
        out_int(o, (r->flags & LOG_INTERRUPTED) != 0);
        put_text(o, r->error);
        put_match(l, r->match);
    }
    out_row_end(o);
    return ERR_OK;
}

static enum errc choose_conversation(struct cmd_ctx *ctx, const struct log_options *o,
                                     struct db *db, struct report_filter *f,
                                     struct err *e)
{
    const char *id = "";
    if (o->current && o->cid != NULL)
        return err_set(e, ERR_USAGE, "--current or --cid, not both");
    if (db == NULL || (!o->current && o->cid == NULL))
        return ERR_OK;
    enum errc rc = history_find(ctx, db, o->cid, &id, e);
    f->conversation = str_of(id);
    return rc;
}

static enum errc choose_words(struct cmd_ctx *ctx, const char *words,
                              struct report_filter *f, struct err *e)
{
    AUTO(buf_release) struct buf query = BUF_INIT(LIMIT_CONF_LINE);
    if (words == NULL)
        return ERR_OK;
    texts_query(str_of(words), &query);
    if (buf_err(&query) != ERR_OK)
        return err_set(e, ERR_USAGE, "--grep: too long");
    if (query.len == 0)
        return err_set(e, ERR_USAGE, "--grep: what is to be searched for?");
    f->search = arena_str(&ctx->arena, buf_str(&query));
    return ERR_OK;
}

/* Outcomes are the classes of the error contract; one that is none would find nothing. */
static enum errc check_status(const char *status, struct err *e)
{
    AUTO(buf_release) struct buf known = BUF_INIT(LIMIT_HEAD_LEN);
    struct near near;
    char hint[NEAR_TEXT_LEN];
    if (status == NULL || errc_by_name(status) != ERR_N_)
        return ERR_OK;
    near_init(&near, str_of(status));
    for (unsigned code = ERR_OK; code < ERR_N_; code++) {
        if (code != ERR_OK && (errc_http((enum errc)code) < 400 ||
                               errc_exit((enum errc)code) == errc_exit(ERR_USAGE)))
            continue; /* the commands' own */
        near_offerz(&near, errc_name((enum errc)code));
        buf_printf(&known, "%s%s", code > 0 ? ", " : "", errc_name((enum errc)code));
    }
    return err_set(e, ERR_USAGE,
                   "--status: no outcome is called \"%s\"%s\nhint: they are %.*s", status,
                   near_hint(&near, 1, hint), STR_ARG(buf_str(&known)));
}

enum errc log_filter(struct cmd_ctx *ctx, const struct log_options *o, struct db *db,
                     int64_t max, struct report_filter *ret, struct err *e)
{
    struct period p;
    enum errc rc = period_parse(ctx, NULL, "all", &o->period, &p, e);
    if (rc == ERR_OK)
        rc = check_status(o->status, e);
    if (rc != ERR_OK)
        return rc;
    *ret = (struct report_filter){
        .since_us = p.since_us,
        .until_us = p.until_us,
        .model = str_of(o->model),
        .route = str_of(o->route),
        .project = str_of(o->project),
        .status = str_of(o->status),
        .template_name = str_of(o->template_name),
        .kind = str_of(o->kind),
        .id_gt = str_of(o->id_gt),
        .max = o->n > 0 ? o->n : max,
    };
    rc = choose_conversation(ctx, o, db, ret, e);
    if (rc == ERR_OK)
        rc = choose_words(ctx, o->grep, ret, e);
    return rc == ERR_OK ? cmd_tag(o->tag, &ret->tag_key, &ret->tag_value, e) : rc;
}

static enum errc list(struct cmd_ctx *ctx, const struct log_options *o, struct db *db,
                      struct err *e)
{
    AUTO(out_free) struct out *out = NULL;
    struct report_filter f;
    struct out_column shown[ARRAY_LEN(columns)];
    memcpy(shown, columns, sizeof columns);
    shown[MATCH_COLUMN].hidden = o->grep == NULL;
    enum errc rc = log_filter(ctx, o, db, LIST_MAX, &f, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_log), "llmgw.log/1", shown,
                     o->is_short ? SHORT_COLUMNS : ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    struct listing l = {.out = out,
                        .arena = &ctx->arena,
                        .is_short = o->is_short,
                        .is_table = cmd_format(ctx, &cmd_log) == FORMAT_TABLE};
    if (db != NULL)
        rc = report_requests(db, &f, put_request, &l, e);
    if (rc == ERR_OK)
        out_if_empty(out,
                     db == NULL ? "nothing is recorded yet" : "no request is like that");
    return rc == ERR_OK ? out_finish(out, e) : rc;
}

/* ---- following ---- */

enum { POLL_MS = 250, LINE_LEN = 64 * 1024 };

struct following {
    struct cmd_ctx *ctx;
    const struct log_options *opt;
    struct report_filter filter;
    struct arena arena; /* of one round */
    int64_t next_rid;
};

/* A line that needs no width of the others: they are not there yet. */
static void write_line(struct arena *a, const struct report_request *r, struct buf *out)
{
    AUTO(buf_release) struct buf usage = BUF_INIT(LINE_LEN);
    struct term_filter clean = {0};
    char at[CLOCK_TEXT_LEN];
    clock_rfc3339(at, r->start_us, zone_offset_s(r->start_us), false);
    at[10] = ' '; /* 2026-11-25 03:05:11 */
    log_usage_line(a, r, &usage);
    buf_printf(out, "%.19s %.*s %-10.*s ", at, STR_ARG(r->id), STR_ARG(r->outcome));
    term_filter(&clean, buf_str(&usage), out);
}

static enum errc put_followed(void *arg, const struct report_request *r, struct err *e)
{
    struct following *f = arg;
    AUTO(buf_release) struct buf line = BUF_INIT(LINE_LEN);
    f->next_rid = r->rid + 1;
    if (cmd_format(f->ctx, &cmd_log) != FORMAT_JSONL) {
        write_line(&f->arena, r, &line);
        return files_write_fd(1, "stdout", buf_str(&line), e);
    }
    struct out *out;
    enum errc rc =
        out_new(f->ctx, FORMAT_JSONL, "llmgw.log/1", columns,
                f->opt->is_short ? SHORT_COLUMNS : ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    struct listing l = {.out = out, .arena = &f->arena, .is_short = f->opt->is_short};
    rc = put_request(&l, r, e);
    if (rc == ERR_OK)
        rc = out_finish(out, e);
    out_free(&out);
    return rc;
}

/* Those that have come since the last round; a ledger may come into being meanwhile. */
static enum errc follow_round(struct following *f, struct db **db, struct err *e)
{
    enum errc rc = *db == NULL ? cmd_open_ledger(f->ctx, db, e) : ERR_OK;
    if (rc != ERR_OK || *db == NULL)
        return rc;
    f->filter.rid_from = f->next_rid;
    f->filter.max = INT64_MAX;
    arena_init(&f->arena, LIMIT_ARENA_LEN);
    rc = report_requests(*db, &f->filter, put_followed, f, e);
    arena_release(&f->arena);
    return rc;
}

static enum errc take_first(void *arg, const struct report_request *r, struct err *e)
{
    int64_t *first = arg;
    (void)e;
    *first = MIN(*first, r->rid);
    return ERR_OK;
}

/* Where the last ones begin; behind the last row when there are none. */
static enum errc find_tail(struct db *db, const struct report_filter *f, int64_t *ret,
                           struct err *e)
{
    int64_t first = INT64_MAX, last = 0;
    enum errc rc = report_requests(db, f, take_first, &first, e);
    if (rc == ERR_OK)
        rc = report_last_rid(db, &last, e);
    if (rc == ERR_OK)
        *ret = MIN(first, last + 1);
    return rc;
}

/* The last ones in the order in which they came, then what comes; a signal ends it. */
static enum errc follow(struct cmd_ctx *ctx, const struct log_options *o, struct db **db,
                        struct err *e)
{
    struct following f = {.ctx = ctx, .opt = o, .next_rid = 1};
    enum errc rc =
        cmd_formats(ctx, "log --follow", 1 << FORMAT_TABLE | 1 << FORMAT_JSONL, e);
    if (rc == ERR_OK && ctx->global.output != NULL)
        rc = err_set(e, ERR_USAGE, "--follow and --output do not go together");
    if (rc == ERR_OK)
        rc = log_filter(ctx, o, *db, LIST_MAX, &f.filter, e);
    f.filter.until_us = 0;
    if (rc == ERR_OK && *db != NULL)
        rc = find_tail(*db, &f.filter, &f.next_rid, e);
    while (rc == ERR_OK) {
        rc = follow_round(&f, db, e);
        if (rc == ERR_OK)
            poll(NULL, 0, POLL_MS);
    }
    return rc;
}

/* ---- the command ---- */

static enum errc run_list(struct cmd_ctx *ctx, void *options, const char *const *args,
                          size_t n, struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    const struct log_options *o = options;
    (void)args;
    (void)n;
    enum errc rc = cmd_formats(ctx, "log list", (unsigned)LIST_FORMATS, e);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    if (rc != ERR_OK)
        return rc;
    return o->follow ? follow(ctx, o, &db, e) : list(ctx, o, db, e);
}

static enum errc run_path(struct cmd_ctx *ctx, void *options, const char *const *args,
                          size_t n, struct err *e)
{
    (void)options;
    (void)args;
    (void)n;
    const char *path = conf_path_db(&ctx->arena, ctx->conf, cmd_getenv);
    if (cmd_formats(ctx, "log path", 0, e) != ERR_OK)
        return e->code;
    return out_write(ctx, str_of(arena_printf(&ctx->arena, "%s\n", path)), e);
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},
    {"show", "ID", 1, 1, log_show},
    {"conversations", "", 0, 0, log_conversations},
    {"export", "[ID...]", 0, 256, log_export},
    {"rm", "[ID...]", 0, 256, log_rm},
    {"redact", "[ID...]", 0, 256, log_redact},
    {"stats", "", 0, 0, log_stats},
    {"backup", "FILE", 1, 1, log_backup},
    {"path", "", 0, 0, run_path},
    {0},
};

static const struct cmd_example examples[] = {
    {"llmgw log", "the last ten requests"},
    {"llmgw log -n 50 --status rate_limit --last 1d", "who was refused since yesterday"},
    {"llmgw log -g '\"connection pool\" pgb*' --since -30d --short",
     "find that answer again"},
    {"llmgw log show last", "one request: attempts, usage, cost, and its answer"},
    {"llmgw log --id-gt 01KB00000000000000000000 -F jsonl", "what came after that one"},
    {"llmgw log conversations", "what was talked about"},
    {"llmgw log export -c -F markdown -o talk.md", "the newest conversation, to read"},
    {"llmgw log backup ledger.db", "a copy, while the broker goes on"},
    {"llmgw log rm --last 10m --yes", "\"I pasted a password\""},
    {"sqlite3 \"$(llmgw log path)\" .schema",
     "the ledger itself, with a comment per column"},
    {0},
};

const struct cmd_entry cmd_log = {
    .name = "log",
    .alias = "logs",
    .args = "[list | show ID | conversations | export | rm | redact ID | stats | "
            "backup FILE | path] [options]",
    .summary = "the requests that were made, and what became of them",
    .options = rows,
    .options_size = sizeof(struct log_options),
    .needs = CMD_CONF | CMD_LEDGER,
    .formats = LIST_FORMATS | 1 << FORMAT_HTML,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
};
