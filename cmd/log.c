/*
 * log.c: `llmgw log`: the requests that the ledger holds, newest first; one of them in full; and
 * where the ledger is. Reads the database itself; needs no broker.
 */
#include <string.h>

#include "core/num.h"
#include "core/pack.h"
#include "core/report.h"

#include "cmd/out.h"
#include "cmd/period.h"
#include "cmd/term.h"

struct log_options {
    struct period_options period;
    int64_t n;
    const char *model, *route, *project, *template_name, *tag, *status, *kind, *cid,
        *id_gt;
    bool is_short, request, response;
};

#define AT(field) offsetof(struct log_options, field)

/* clang-format off */
static const struct option_row rows[] = {
    {'n', "number", OPT_INT, AT(n), "N", .values = "1..", .group = "which",
     .help = "so many of them; 10 by default"},
    {0, "since", OPT_STRING, AT(period.since), "WHEN",
     .help = "from then on: a date, a date and time, -7d, @EPOCH"},
    {0, "until", OPT_STRING, AT(period.until), "WHEN",
     .help = "up to then; a date includes that day"},
    {0, "last", OPT_DURATION, AT(period.last_us), "DUR", .help = "the last 30d, 24h, …"},
    {'m', "model", OPT_STRING, AT(model), "NAME", .complete = OPT_C_MODEL,
     .help = "only this model: PROVIDER/MODEL, or a model of any provider"},
    {'r', "route", OPT_STRING, AT(route), "NAME", .complete = OPT_C_ROUTE,
     .help = "only this route"},
    {'P', "project", OPT_STRING, AT(project), "NAME", .help = "only this project"},
    {'t', "template", OPT_STRING, AT(template_name), "NAME", .complete = OPT_C_TEMPLATE,
     .help = "only this template"},
    {0, "tag", OPT_STRING, AT(tag), "K=V", .complete = OPT_C_TAG, .help = "only with this tag"},
    {0, "status", OPT_STRING, AT(status), "STATUS",
     .help = "only with this outcome: ok, rate_limit, cancelled, …"},
    {0, "kind", OPT_CHOICE, AT(kind), "KIND", .values = "chat|batch|replay|judge|embed",
     .help = "only requests of this kind"},
    {0, "cid", OPT_STRING, AT(cid), "ID|NAME", .complete = OPT_C_CONVERSATION,
     .help = "only this conversation"},
    {0, "id-gt", OPT_STRING, AT(id_gt), "ID",
     .help = "only those after this one, oldest first"},
    {0, "short", OPT_FLAG, AT(is_short), .group = "output", .help = "a few columns only"},
    {0, "request", OPT_FLAG, AT(request), .help = "with show: the request as it was sent"},
    {0, "response", OPT_FLAG, AT(response), .help = "with show: the response as it came"},
    {0},
};
/* clang-format on */

static void init(void *options)
{
    struct log_options *o = options;
    o->n = 10;
}

static enum errc open_ledger(struct cmd_ctx *ctx, struct db **ret, struct err *e)
{
    *ret = NULL;
    const char *path = conf_path_db(&ctx->arena, ctx->conf, cmd_getenv);
    enum errc rc = db_open(path, DB_READ, ret, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    return ERR_OK;
}

/* ---- the list ---- */

static const struct out_column columns[] = {
    {.name = "start", .type = OUT_TIME, .priority = 2},
    {.name = "id", .type = OUT_TEXT},
    {.name = "model", .type = OUT_TEXT, .priority = 1, .soft = 24},
    {.name = "status", .type = OUT_TEXT},
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
};
enum { SHORT_COLUMNS = 4 };

enum { FLAG_INTERRUPTED = 1 << 2 }; /* column flags of llmgw-log(5) */

static void put_text(struct out *o, struct str s)
{
    if (s.len > 0)
        out_text(o, s);
    else
        out_null(o);
}

static const char *target_of(struct arena *a, const struct report_request *r)
{
    if (r->model.len == 0)
        return "";
    return arena_printf(a, "%.*s/%.*s", STR_ARG(r->provider), STR_ARG(r->model));
}

struct listing {
    struct out *out;
    struct arena *arena;
    bool is_short;
};

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
    put_text(o, str_of(target_of(l->arena, r)));
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
        out_int(o, (r->flags & FLAG_INTERRUPTED) != 0);
        put_text(o, r->error);
    }
    out_row_end(o);
    return ERR_OK;
}

static enum errc make_filter(struct cmd_ctx *ctx, const struct log_options *o,
                             struct report_filter *f, struct err *e)
{
    struct period p;
    enum errc rc = period_parse(ctx, NULL, "all", &o->period, &p, e);
    if (rc != ERR_OK)
        return rc;
    *f = (struct report_filter){
        .since_us = p.since_us,
        .until_us = p.until_us,
        .model = str_of(o->model),
        .route = str_of(o->route),
        .project = str_of(o->project),
        .status = str_of(o->status),
        .conversation = str_of(o->cid),
        .template_name = str_of(o->template_name),
        .kind = str_of(o->kind),
        .id_gt = str_of(o->id_gt),
        .max = o->n,
    };
    return cmd_tag(o->tag, &f->tag_key, &f->tag_value, e);
}

static enum errc list(struct cmd_ctx *ctx, const struct log_options *o, struct db *db,
                      struct err *e)
{
    struct report_filter f;
    struct out *out;
    enum errc rc = make_filter(ctx, o, &f, e);
    if (rc == ERR_OK)
        rc = out_new(ctx, cmd_format(ctx, &cmd_log), "llmgw.log/1", columns,
                     o->is_short ? SHORT_COLUMNS : ARRAY_LEN(columns), &out, e);
    if (rc != ERR_OK)
        return rc;
    struct listing l = {.out = out, .arena = &ctx->arena, .is_short = o->is_short};
    if (db != NULL)
        rc = report_requests(db, &f, put_request, &l, e);
    if (rc == ERR_OK)
        rc = out_finish(out, e);
    out_free(&out);
    return rc;
}

/* ---- one request ---- */

struct bodies {
    struct buf request, response, answer;
    bool has_row;
};

static enum errc read_bodies(struct db *db, int64_t rid, struct bodies *ret,
                             struct err *e)
{
    sqlite3_stmt *st;
    struct buf *const parts[] = {&ret->request, &ret->response, &ret->answer};
    enum errc rc = db_prepare(
        db, "SELECT request, response, answer FROM body WHERE rid = ?", &st, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(st, 1, rid);
    rc = db_step(db, st, &ret->has_row, e);
    for (int i = 0; rc == ERR_OK && ret->has_row && i < (int)ARRAY_LEN(parts); i++)
        if (sqlite3_column_type(st, i) != SQLITE_NULL)
            rc = unpack(db_col_str(st, i), parts[i], e);
    sqlite3_reset(st);
    return rc;
}

/* A name and its value, when it has one. */
static void put_fact(struct buf *b, const char *name, struct str value)
{
    if (value.len > 0)
        buf_printf(b, "%-13s %.*s\n", name, STR_ARG(value));
}

static void put_usage(struct buf *b, const struct usage *u)
{
    char number[NUM_TEXT_LEN];
    bool first = true;
    for (unsigned c = 0; c < USAGE_N_; c++) {
        if (!usage_has(u, (enum usage_class)c))
            continue;
        num_group(number, u->n[c]);
        buf_printf(b, "%s%s %s", first ? "usage         " : ", ",
                   usage_class_name((enum usage_class)c), number);
        first = false;
    }
    if (!first)
        buf_addc(b, '\n');
}

static void put_attempt(struct buf *b, const struct report_attempt *t)
{
    char took[NUM_TEXT_LEN], cost[MONEY_TEXT_LEN];
    num_duration(took, t->end_us - t->start_us);
    money_people(cost, t->cost_pico);
    buf_printf(b, "  %lld  %.*s/%.*s  %.*s", (long long)t->idx + 1, STR_ARG(t->provider),
               STR_ARG(t->model), STR_ARG(t->outcome));
    if (t->http_status > 0)
        buf_printf(b, "  %lld", (long long)t->http_status);
    if (t->provider_code.len > 0)
        buf_printf(b, " %.*s", STR_ARG(t->provider_code));
    buf_printf(b, "  %s  %s", took, cost);
    if (t->upstream_id.len > 0)
        buf_printf(b, "  %.*s", STR_ARG(t->upstream_id));
    buf_addc(b, '\n');
}

static void put_times(struct buf *b, const struct report_request *r)
{
    char at[CLOCK_TEXT_LEN], ttft[NUM_TEXT_LEN], took[NUM_TEXT_LEN];
    clock_rfc3339(at, r->start_us, zone_offset_s(r->start_us), true);
    num_duration(took, r->end_us - r->start_us);
    buf_printf(b, "%-13s %s, took %s", "start", at, took);
    if (r->first_token_us > 0) {
        num_duration(ttft, r->first_token_us - r->start_us);
        buf_printf(b, ", first token after %s", ttft);
    }
    buf_addc(b, '\n');
}

static void write_text(struct cmd_ctx *ctx, const struct report_request *r,
                       const struct report_attempt *attempts, size_t n,
                       const struct bodies *bodies, struct buf *b)
{
    char cost[MONEY_TEXT_LEN];
    put_fact(b, "request", r->id);
    put_times(b, r);
    put_fact(b, "status", r->outcome);
    put_fact(b, "error", r->error);
    put_fact(b, "kind", r->kind);
    put_fact(b, "target", str_of(target_of(&ctx->arena, r)));
    put_fact(b, "served model", r->served_model);
    put_fact(b, "asked for", r->asked_model);
    put_fact(b, "route", r->route);
    put_fact(b, "client", r->client);
    put_fact(b, "user", r->user);
    put_fact(b, "project", r->project);
    put_fact(b, "template", r->template_name);
    put_fact(b, "conversation", r->conversation);
    put_fact(b, "finish", r->finish);
    put_usage(b, &r->usage);
    money_people(cost, r->cost_pico);
    buf_printf(b, "%-13s %s (%.*s)\n", "cost", cost, STR_ARG(r->cost_source));
    buf_addz(b, n > 0 ? "attempts\n" : "no attempt was made\n");
    for (size_t i = 0; i < n; i++)
        put_attempt(b, &attempts[i]);
    if (bodies->answer.len > 0)
        buf_printf(b, "\n%.*s\n", STR_ARG(buf_str(&bodies->answer)));
    else if (!bodies->has_row)
        put_fact(b, "texts",
                 str_eqz(r->record, "full") ? STR("not kept any more")
                                            : STR("not recorded"));
}

static void json_text(struct jw *w, const char *key, struct str s)
{
    jw_key(w, key);
    if (s.len > 0)
        jw_str(w, s);
    else
        jw_null(w);
}

static void json_attempt(struct jw *w, const struct report_attempt *t)
{
    jw_object(w);
    jw_kstr(w, "provider", t->provider);
    jw_kstr(w, "model", t->model);
    json_text(w, "served_model", t->served_model);
    json_text(w, "key", t->key_id);
    jw_key(w, "start");
    jw_time(w, t->start_us);
    jw_key(w, "first_token");
    jw_time(w, t->first_token_us);
    jw_key(w, "end");
    jw_time(w, t->end_us);
    jw_kstr(w, "status", t->outcome);
    jw_ki64(w, "http_status", t->http_status);
    json_text(w, "provider_code", t->provider_code);
    json_text(w, "upstream_id", t->upstream_id);
    jw_key(w, "usage");
    if (t->has_usage)
        jw_raw(w, t->usage_json);
    else
        jw_null(w);
    jw_key(w, "cost_usd");
    jw_usd(w, t->cost_pico);
    jw_kstr(w, "cost_source", t->cost_source);
    json_text(w, "price_row", t->price_row);
    jw_object_end(w);
}

static void json_body(struct jw *w, const char *key, const struct buf *body)
{
    json_text(w, key, buf_str(body));
}

static void json_facts(struct jw *w, const struct report_request *r)
{
    const struct {
        const char *key;
        struct str value;
    } texts[] = {
        {"id", r->id},
        {"kind", r->kind},
        {"status", r->outcome},
        {"error", r->error},
        {"provider", r->provider},
        {"model", r->model},
        {"served_model", r->served_model},
        {"asked_model", r->asked_model},
        {"route", r->route},
        {"client", r->client},
        {"dialect", r->dialect},
        {"user", r->user},
        {"project", r->project},
        {"template", r->template_name},
        {"template_version", r->template_version},
        {"conversation", r->conversation},
        {"parent", r->parent},
        {"finish", r->finish},
        {"cost_source", r->cost_source},
        {"price_row", r->price_row},
        {"catalog_date", r->catalog_date},
        {"record", r->record},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        json_text(w, texts[i].key, texts[i].value);
    jw_key(w, "start");
    jw_time(w, r->start_us);
    jw_key(w, "first_token");
    jw_time(w, r->first_token_us);
    jw_key(w, "end");
    jw_time(w, r->end_us);
    jw_kbool(w, "interrupted", (r->flags & FLAG_INTERRUPTED) != 0);
    jw_key(w, "cost_usd");
    jw_usd(w, r->cost_pico);
    jw_key(w, "cost_pusd");
    if (r->cost_pico == PICO_UNKNOWN)
        jw_null(w);
    else
        jw_i64(w, r->cost_pico);
    jw_key(w, "reported_usd");
    jw_usd(w, r->reported_pico);
}

static void write_json(const struct report_request *r,
                       const struct report_attempt *attempts, size_t n,
                       const struct bodies *bodies, struct buf *b)
{
    AUTO(buf_release) struct buf usage = BUF_INIT(64 * 1024);
    struct jw w;
    jw_init(&w, b);
    jw_object(&w);
    jw_kstrz(&w, "schema", "llmgw.log.show/1");
    json_facts(&w, r);
    usage_write_classes(&r->usage, &usage);
    jw_key(&w, "usage");
    jw_raw(&w, buf_str(&usage));
    jw_key(&w, "attempts");
    jw_array(&w);
    for (size_t i = 0; i < n; i++)
        json_attempt(&w, &attempts[i]);
    jw_array_end(&w);
    jw_key(&w, "trace");
    if (r->trace.len > 0)
        jw_raw(&w, r->trace);
    else
        jw_null(&w);
    json_body(&w, "request", &bodies->request);
    json_body(&w, "response", &bodies->response);
    json_body(&w, "answer", &bodies->answer);
    jw_object_end(&w);
    buf_addc(b, '\n');
}

/* One body, byte for byte. */
static enum errc print_body(struct cmd_ctx *ctx, const struct buf *body, const char *what,
                            struct str id, struct err *e)
{
    if (body->len == 0)
        return err_set(e, ERR_NOT_FOUND, "the %s of %.*s was not recorded", what,
                       STR_ARG(id));
    return out_write(ctx, buf_str(body), e);
}

enum { SHOW_MAX = 2 * (LIMIT_BODY_LEN + LIMIT_REPLY_LEN) };

static enum errc print_one(struct cmd_ctx *ctx, const struct log_options *o,
                           struct db *db, const struct report_request *r,
                           const struct bodies *bodies, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(SHOW_MAX);
    AUTO(buf_release) struct buf clean = BUF_INIT(SHOW_MAX);
    struct report_attempt *attempts;
    struct term_filter filter = {0};
    size_t n;
    if (o->request)
        return print_body(ctx, &bodies->request, "request", r->id, e);
    if (o->response)
        return print_body(ctx, &bodies->response, "response", r->id, e);
    enum errc rc = report_attempts(db, r->rid, &ctx->arena, &attempts, &n, e);
    if (rc != ERR_OK)
        return rc;
    if (cmd_format(ctx, &cmd_log) == FORMAT_JSON) {
        write_json(r, attempts, n, bodies, &clean);
    } else {
        write_text(ctx, r, attempts, n, bodies, &text);
        term_filter(&filter, buf_str(&text), &clean);
    }
    if (buf_err(&clean) != ERR_OK || buf_err(&text) != ERR_OK)
        return err_set(e, ERR_MEMORY, "out of memory");
    return out_write(ctx, buf_str(&clean), e);
}

static enum errc show(struct cmd_ctx *ctx, const struct log_options *o, struct db *db,
                      struct str id, struct err *e)
{
    struct report_request r;
    struct bodies bodies = {
        .request = BUF_INIT(LIMIT_BODY_LEN),
        .response = BUF_INIT(LIMIT_REPLY_LEN),
        .answer = BUF_INIT(LIMIT_REPLY_LEN),
    };
    if (db == NULL)
        return err_set(e, ERR_NOT_FOUND, "no request %.*s: there is no ledger yet",
                       STR_ARG(id));
    enum errc rc = cmd_formats(ctx, "log show", 1 << FORMAT_TABLE | 1 << FORMAT_JSON, e);
    if (rc == ERR_OK)
        rc = report_find(db, id, &ctx->arena, &r, e);
    if (rc == ERR_OK)
        rc = read_bodies(db, r.rid, &bodies, e);
    if (rc == ERR_OK)
        rc = print_one(ctx, o, db, &r, &bodies, e);
    buf_release(&bodies.request);
    buf_release(&bodies.response);
    buf_release(&bodies.answer);
    return rc;
}

/* ---- the command ---- */

static enum errc print_path(struct cmd_ctx *ctx, struct err *e)
{
    const char *path = conf_path_db(&ctx->arena, ctx->conf, cmd_getenv);
    if (cmd_formats(ctx, "log path", 0, e) != ERR_OK)
        return e->code;
    return out_write(ctx, str_of(arena_printf(&ctx->arena, "%s\n", path)), e);
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    const char *word = args->n > 0 ? args->items[0] : "list";
    bool is_show = strcmp(word, "show") == 0;
    if (args->n > (is_show ? 2U : 1U))
        return err_set(e, ERR_USAGE, "log %s: \"%s\" is too much", word,
                       args->items[args->n - 1]);
    if (strcmp(word, "path") == 0)
        return print_path(ctx, e);
    if (is_show && args->n != 2)
        return err_set(e, ERR_USAGE, "log show ID: which request?");
    if (!is_show && strcmp(word, "list") != 0)
        return err_set(e, ERR_USAGE, "log: no \"%s\" (list, show ID, path)", word);
    enum errc rc = open_ledger(ctx, &db, e);
    if (rc != ERR_OK)
        return rc;
    return is_show ? show(ctx, options, db, str_of(args->items[1]), e)
                   : list(ctx, options, db, e);
}

static const struct cmd_example examples[] = {
    {"llmgw log", "the last ten requests"},
    {"llmgw log -n 50 --status rate_limit --last 1d", "who was refused since yesterday"},
    {"llmgw log show last", "one request: attempts, usage, cost, and its answer"},
    {"llmgw log --id-gt 01KB00000000000000000000 -F jsonl", "what came after that one"},
    {"sqlite3 \"$(llmgw log path)\" .schema",
     "the ledger itself, with a comment per column"},
    {0},
};

const struct cmd_entry cmd_log = {
    .name = "log",
    .alias = "logs",
    .args = "[list | show ID | path] [options]",
    .summary = "the requests that were made, and what became of them",
    .options = rows,
    .options_size = sizeof(struct log_options),
    .init = init,
    .needs = CMD_CONF | CMD_LEDGER,
    .formats = 1 << FORMAT_TABLE | 1 << FORMAT_JSON | 1 << FORMAT_JSONL |
               1 << FORMAT_CSV | 1 << FORMAT_TSV | 1 << FORMAT_MARKDOWN,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .run = run,
};
