/*
 * log_show.c: one request in full, for people and as JSON; or one part of it: its code, what it
 * cost, a recorded body byte for byte, the headers that its answer carried.
 */
#include <stdio.h>

#include "core/num.h"
#include "core/turns.h"

#include "cmd/code.h"
#include "cmd/log.h"
#include "cmd/term.h"

enum { SHOW_MAX = 2 * (LIMIT_BODY_LEN + LIMIT_REPLY_LEN) };

/* ---- for people ---- */

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

static void pad(struct buf *b, size_t used, size_t width)
{
    buf_printf(b, "%*s", (int)(width - MIN(used, width)), "");
}

static size_t target_width(const struct report_attempt *t)
{
    return out_width(t->provider) + 1 + out_width(t->model);
}

/* Targets and outcomes stand below each other. */
static void put_attempts(struct buf *b, const struct report_attempt *all, size_t n)
{
    size_t target = 0, outcome = 0;
    for (size_t i = 0; i < n; i++) {
        target = MAX(target, target_width(&all[i]));
        outcome = MAX(outcome, all[i].outcome.len);
    }
    for (const struct report_attempt *t = all; t < all + n; t++) {
        char took[NUM_TEXT_LEN], cost[MONEY_TEXT_LEN];
        num_duration(took, t->end_us - t->start_us);
        money_people(cost, t->cost_pico);
        buf_printf(b, "  %lld  %.*s/%.*s", (long long)t->idx + 1, STR_ARG(t->provider),
                   STR_ARG(t->model));
        pad(b, target_width(t), target);
        buf_printf(b, "  %.*s", STR_ARG(t->outcome));
        pad(b, t->outcome.len, outcome);
        if (t->http_status > 0)
            buf_printf(b, "  %lld", (long long)t->http_status);
        else
            pad(b, 0, strlen("  200"));
        if (t->provider_code.len > 0)
            buf_printf(b, " %.*s", STR_ARG(t->provider_code));
        buf_printf(b, "  %s  %s", took, cost);
        if (t->upstream_id.len > 0)
            buf_printf(b, "  %.*s", STR_ARG(t->upstream_id));
        buf_addc(b, '\n');
    }
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

static void put_tags(struct buf *b, const struct log_one *one)
{
    for (size_t i = 0; i < one->n_tags; i++)
        buf_printf(b, "%-13s %.*s=%.*s\n", i == 0 ? "tags" : "",
                   STR_ARG(one->tags[i].key), STR_ARG(one->tags[i].value));
}

/* What was new in the request, as mail quotes it, so that nobody takes it for the answer. */
static void put_question(struct buf *b, const struct log_one *one)
{
    enum { LINES = 10, MOST = 2000 };
    AUTO(buf_release) struct buf asked = BUF_INIT(2 * LIMIT_BODY_LEN);
    turns_new(buf_str(&one->bodies->request), &asked);
    struct str all = str_trim(buf_str(&asked)), line;
    struct str rest = str_sub(all, 0, str_utf8_prefix(all, MOST));
    size_t cut = all.len - rest.len;
    if (all.len > 0)
        buf_addc(b, '\n');
    for (int i = 0; i < LINES && rest.len > 0; i++) {
        str_split(&rest, '\n', &line);
        buf_printf(b, ">%s%.*s\n", line.len > 0 ? " " : "", STR_ARG(line));
    }
    if (rest.len + cut > 0)
        buf_printf(b, "> … %zu bytes more, in --request\n", rest.len + cut);
}

static void put_texts(struct buf *b, const struct log_one *one)
{
    put_question(b, one);
    if (one->bodies->answer.len > 0)
        buf_printf(b, "\n%.*s\n", STR_ARG(buf_str(&one->bodies->answer)));
    else if (!one->bodies->has_row)
        put_fact(b, "texts",
                 str_eqz(one->request.record, "full") ? STR("not kept any more")
                                                      : STR("not recorded"));
}

static void write_facts(struct arena *a, const struct log_one *one, struct buf *b)
{
    const struct report_request *r = &one->request;
    char cost[MONEY_TEXT_LEN];
    put_fact(b, "request", r->id);
    put_times(b, r);
    put_fact(b, "status", r->outcome);
    put_fact(b, "error", r->error);
    put_fact(b, "kind", r->kind);
    put_fact(b, "target", str_of(log_target(a, r)));
    put_fact(b, "served model", r->served_model);
    put_fact(b, "asked for", r->asked_model);
    put_fact(b, "route", r->route);
    put_fact(b, "client", r->client);
    put_fact(b, "user", r->user);
    put_fact(b, "project", r->project);
    put_fact(b, "template", r->template_name);
    put_fact(b, "conversation", r->conversation);
    put_tags(b, one);
    put_fact(b, "finish", r->finish);
    put_usage(b, &r->usage);
    money_people(cost, r->cost_pico);
    buf_printf(b, "%-13s %s (%.*s)\n", "cost", cost, STR_ARG(r->cost_source));
    buf_addz(b, one->n_attempts > 0 ? "attempts\n" : "no attempt was made\n");
    put_attempts(b, one->attempts, one->n_attempts);
}

static void write_text(struct arena *a, const struct log_one *one, struct buf *b)
{
    AUTO(buf_release) struct buf facts = BUF_INIT(SHOW_MAX);
    write_facts(a, one, &facts);
    out_wrap(b, &facts);
    put_texts(b, one);
}

static void add_tokens(const struct usage *u, struct buf *out)
{
    char text[NUM_TEXT_LEN];
    if (u->known == 0)
        return;
    num_group(text, usage_input_tok(u));
    buf_printf(out, " · %s in", text);
    if (usage_cached_tok(u) > 0) {
        num_group(text, usage_cached_tok(u));
        buf_printf(out, " (%s cached)", text);
    }
    num_group(text, usage_output_tok(u));
    buf_printf(out, " + %s out", text);
}

void log_usage_line(struct arena *a, const struct report_request *r, struct buf *out)
{
    char text[NUM_TEXT_LEN];
    if (r->route.len > 0)
        buf_printf(out, "%.*s → ", STR_ARG(r->route));
    buf_addz(out, r->model.len > 0 ? log_target(a, r) : "nobody");
    add_tokens(&r->usage, out);
    money_people(text, r->cost_pico);
    buf_printf(out, " · %s · ", text);
    if (r->first_token_us > 0) {
        num_duration(text, r->first_token_us - r->start_us);
        buf_printf(out, "%s/", text);
    }
    num_duration(text, r->end_us - r->start_us);
    buf_printf(out, "%s\n", text);
}

/* What llmgw-protocol(7) puts on an answer, of what the ledger knows of it. */
static void write_headers(struct arena *a, const struct report_request *r, struct buf *b)
{
    char cost[MONEY_TEXT_LEN];
    const struct {
        const char *name;
        struct str value;
    } rows[] = {
        {"x-llmgw-request-id", r->id},
        {"x-llmgw-target", str_of(log_target(a, r))},
        {"x-llmgw-model", r->served_model},
        {"x-llmgw-cost-source", r->cost_source},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].value.len > 0)
            buf_printf(b, "%s: %.*s\n", rows[i].name, STR_ARG(rows[i].value));
    buf_printf(b, "x-llmgw-attempts: %lld\n", (long long)r->n_attempts);
    if (r->cost_pico != PICO_UNKNOWN) {
        money_exact(cost, r->cost_pico);
        buf_printf(b, "x-llmgw-cost-usd: %s\n", cost);
    }
}

/* ---- JSON ---- */

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
    jw_kbool(w, "interrupted", (r->flags & LOG_INTERRUPTED) != 0);
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

static void json_tags(struct jw *w, const struct log_one *one)
{
    jw_key(w, "tags");
    jw_object(w);
    for (size_t i = 0; i < one->n_tags; i++) {
        jw_key_str(w, one->tags[i].key);
        jw_str(w, one->tags[i].value);
    }
    jw_object_end(w);
}

void log_write_json(const struct log_one *one, const char *schema, struct buf *out)
{
    AUTO(buf_release) struct buf usage = BUF_INIT(64 * 1024);
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "schema", schema);
    json_facts(&w, &one->request);
    json_tags(&w, one);
    usage_write_classes(&one->request.usage, &usage);
    jw_key(&w, "usage");
    jw_raw(&w, buf_str(&usage));
    jw_key(&w, "attempts");
    jw_array(&w);
    for (size_t i = 0; i < one->n_attempts; i++)
        json_attempt(&w, &one->attempts[i]);
    jw_array_end(&w);
    jw_key(&w, "trace");
    if (one->request.trace.len > 0)
        jw_raw(&w, one->request.trace);
    else
        jw_null(&w);
    json_body(&w, "request", &one->bodies->request);
    json_body(&w, "response", &one->bodies->response);
    json_body(&w, "answer", &one->bodies->answer);
    jw_object_end(&w);
    buf_addc(out, '\n');
}

/* ---- the command ---- */

enum errc log_load(struct db *db, struct arena *a, struct log_one *one, struct err *e)
{
    struct report_attempt *attempts;
    struct report_tag *tags;
    enum errc rc =
        report_attempts(db, one->request.rid, a, &attempts, &one->n_attempts, e);
    if (rc == ERR_OK)
        rc = report_tags(db, one->request.rid, a, &tags, &one->n_tags, e);
    if (rc != ERR_OK)
        return rc;
    one->attempts = attempts;
    one->tags = tags;
    return ERR_OK;
}

/* One body, byte for byte. */
static enum errc print_body(struct cmd_ctx *ctx, const struct buf *body, const char *what,
                            const struct report_request *r, struct err *e)
{
    if (body->len == 0)
        return err_set(e, ERR_NOT_FOUND, "the %s of %.*s was not recorded", what,
                       STR_ARG(r->id));
    return out_write(ctx, buf_str(body), e);
}

/* Text for a terminal, which is not to be told what to do by an answer. */
static enum errc print_text(struct cmd_ctx *ctx, const struct buf *text, struct err *e)
{
    AUTO(buf_release) struct buf clean = BUF_INIT(SHOW_MAX);
    struct term_filter filter = {0};
    term_filter(&filter, buf_str(text), &clean);
    if (buf_err(&clean) != ERR_OK || buf_err(text) != ERR_OK)
        return err_set(e, ERR_MEMORY, "out of memory");
    return out_write(ctx, buf_str(&clean), e);
}

/* The first block, as `chat -x` would have printed it. */
static enum errc print_code(struct cmd_ctx *ctx, const struct log_one *one, struct err *e)
{
    AUTO(buf_release) struct buf code = BUF_INIT(LIMIT_REPLY_LEN);
    struct str answer = buf_str(&one->bodies->answer);
    if (answer.len == 0)
        return print_body(ctx, &one->bodies->answer, "answer", &one->request, e);
    if (!code_find(answer, 1, &code))
        return err_set(e, ERR_UNUSABLE, "there is no block of code in the answer");
    return out_write(ctx, buf_str(&code), e);
}

static enum errc print_one(struct cmd_ctx *ctx, const struct log_options *o,
                           const struct log_one *one, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(SHOW_MAX);
    AUTO(buf_release) struct buf line = BUF_INIT(SHOW_MAX);
    if (o->extract)
        return print_code(ctx, one, e);
    if (o->request)
        return print_body(ctx, &one->bodies->request, "request", &one->request, e);
    if (o->response)
        return print_body(ctx, &one->bodies->response, "response", &one->request, e);
    if (cmd_format(ctx, &cmd_log) == FORMAT_JSON) {
        log_write_json(one, "llmgw.log.show/1", &text);
        return buf_err(&text) == ERR_OK ? out_write(ctx, buf_str(&text), e)
                                        : err_set(e, ERR_MEMORY, "out of memory");
    }
    if (o->headers)
        write_headers(&ctx->arena, &one->request, &text);
    else if (o->usage) {
        log_usage_line(&ctx->arena, &one->request, &line);
        out_wrap(&text, &line);
    } else
        write_text(&ctx->arena, one, &text);
    return print_text(ctx, &text, e);
}

enum errc log_show(struct cmd_ctx *ctx, void *options, const char *const *args, size_t n,
                   struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    AUTO(report_bodies_release) struct report_bodies bodies;
    const struct log_options *o = options;
    struct log_one one = {.bodies = &bodies};
    (void)n;
    report_bodies_init(&bodies);
    if (o->extract + o->request + o->response + o->headers + o->usage > 1)
        return err_set(e, ERR_USAGE,
                       "only one of --extract, --usage, --request, --response and "
                       "--headers");
    enum errc rc = cmd_formats(ctx, "log show", 1 << FORMAT_TABLE | 1 << FORMAT_JSON, e);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    if (rc == ERR_OK && db == NULL)
        rc = err_set(e, ERR_NOT_FOUND, "no request %s: there is no ledger yet", args[0]);
    if (rc == ERR_OK)
        rc = report_find(db, str_of(args[0]), &ctx->arena, &one.request, e);
    if (rc == ERR_OK)
        rc = log_load(db, &ctx->arena, &one, e);
    if (rc == ERR_OK)
        rc = report_bodies(db, one.request.rid, &bodies, e);
    return rc == ERR_OK ? print_one(ctx, o, &one, e) : rc;
}
