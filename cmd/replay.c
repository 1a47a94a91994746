/*
 * replay.c: `llmgw replay`: recorded requests again on other models: what would they have cost,
 * how fast, and do the answers agree?
 *
 * Reads the ledger itself; the requests go through the broker as any other, marked kind=replay,
 * and the broker keeps the run. Tool calls are compared by name and arguments, never executed.
 */
#include "cmd/replay.h"

#include <string.h>

#include "core/jsonx.h"
#include "core/mem.h"
#include "core/num.h"

#include "cmd/ask.h"
#include "cmd/progress.h"
#include "cmd/sig.h"

#define AT(field) offsetof(struct replay_options, field)
static const struct option_row options[] = {
    {.group = "which",
     .name = "since",
     .type = OPT_STRING,
     .offset = AT(span.since),
     .arg = "TIME",
     .help = "recorded at or after TIME"},
    {.name = "until",
     .type = OPT_STRING,
     .offset = AT(span.until),
     .arg = "TIME",
     .help = "recorded before TIME; a date includes its day"},
    {.name = "last",
     .type = OPT_DURATION,
     .offset = AT(span.last_us),
     .arg = "DUR",
     .help = "recorded in the last DUR, such as 7d"},
    {.letter = 'm',
     .name = "model",
     .type = OPT_STRING,
     .offset = AT(model),
     .arg = "NAME",
     .complete = OPT_C_MODEL,
     .help = "served by this model, or by PROVIDER/MODEL"},
    {.letter = 'r',
     .name = "route",
     .type = OPT_STRING,
     .offset = AT(route),
     .arg = "NAME",
     .complete = OPT_C_ROUTE,
     .help = "asked through this route"},
    {.letter = 't',
     .name = "template",
     .type = OPT_STRING,
     .offset = AT(template_name),
     .arg = "NAME",
     .complete = OPT_C_TEMPLATE,
     .help = "made from this template"},
    {.name = "tag",
     .type = OPT_STRINGS,
     .offset = AT(tags),
     .arg = "K=V",
     .complete = OPT_C_TAG,
     .help = "with this tag; repeatable, all must match"},
    {.letter = 'g',
     .name = "grep",
     .type = OPT_STRING,
     .offset = AT(grep),
     .arg = "TEXT",
     .help = "in whose texts these words, \"phrases\" or beginnings* are"},
    {.name = "cid",
     .is_filled = true,
     .type = OPT_STRING,
     .offset = AT(conversation),
     .arg = "ID|NAME",
     .complete = OPT_C_CONVERSATION,
     .help = "of this conversation"},
    {.letter = 'f',
     .name = "file",
     .is_filled = true,
     .type = OPT_STRING,
     .offset = AT(file),
     .arg = "FILE",
     .complete = OPT_C_FILE,
     .help = "the requests of a file of JSON lines instead; - is stdin"},
    {.letter = 'n',
     .name = "count",
     .with = "- list",
     .type = OPT_INT,
     .offset = AT(n),
     .arg = "N",
     .values = "1..",
     .help = "the newest N of them"},
    {.name = "sample",
     .type = OPT_STRING,
     .offset = AT(sample),
     .arg = "N[:SEED]",
     .help = "N of them drawn by chance, the same for the same seed"},
    {.group = "run",
     .name = "against",
     .is_filled = true,
     .type = OPT_STRINGS,
     .offset = AT(against),
     .arg = "MODEL",
     .complete = OPT_C_MODEL,
     .help = "model or route to ask; repeatable"},
    {.letter = 'J',
     .name = "jobs",
     .type = OPT_INT,
     .offset = AT(jobs),
     .arg = "N",
     .values = "1..64",
     .help = "requests at a time; replay.jobs, 4 by default"},
    {.name = "rate",
     .type = OPT_STRING,
     .offset = AT(rate),
     .arg = "N/min",
     .help = "begin no more than so many in that time; /s, /min, /h and /day"},
    {.name = "repeat",
     .type = OPT_INT,
     .offset = AT(repeat),
     .arg = "K",
     .values = "1..100",
     .help = "send each K times"},
    {.name = "max-cost",
     .type = OPT_MONEY,
     .offset = AT(max_cost_pico),
     .arg = "USD",
     .help = "start no more when this much is spent"},
    {.name = "resume",
     .is_filled = true,
     .type = OPT_STRING,
     .offset = AT(resume),
     .arg = "RUN",
     .complete = OPT_C_RUN,
     .help = "go on with a run: send what has no answer yet"},
    {.name = "only",
     .type = OPT_CHOICE,
     .offset = AT(only),
     .arg = "WHICH",
     .values = "failed|disagree",
     .help = "with --resume: only what failed, or ask again what disagreed"},
    {.group = "judge",
     .name = "metric",
     .with = "- show",
     .type = OPT_STRING,
     .offset = AT(metric),
     .arg = "NAME,…",
     .help = "exact, norm, json, contains or rouge; what agree means is the first"},
    {.name = "cmd",
     .with = "- show",
     .type = OPT_STRING,
     .offset = AT(cmd),
     .arg = "PROG",
     .help = "ask a program: it gets two files, recorded and new; exit 0 agrees"},
    {.name = "fail-if",
     .with = "- show",
     .type = OPT_STRINGS,
     .offset = AT(fail_if),
     .arg = "COND",
     .help = "exit 6 if so, as in 'agree<0.95' or 'cost>recorded'; repeatable"},
    {.name = "show",
     .with = "diff",
     .type = OPT_CHOICE,
     .offset = AT(show),
     .arg = "WHICH",
     .values = "disagreements|all",
     .help = "which answers; disagreements by default"},
    {.group = "other",
     .name = "dry-run",
     .type = OPT_FLAG,
     .offset = AT(dry_run),
     .help = "send nothing, only price the recorded usage"},
    {.name = NULL},
};
#undef AT

enum { SELECT_MAX = 100000, LIST_MAX = 20 };

static void init(void *p)
{
    struct replay_options *o = p;
    *o = (struct replay_options){
        .max_cost_pico = PICO_UNKNOWN, .n = SELECT_MAX, .repeat = 1};
}

/* ---- a run ---- */

enum { GATES = 16 };

/* How answers are judged. */
struct judging {
    unsigned metrics; /* a bit per metric that was asked for */
    bool has_first;   /* "agree" is by … */
    enum agree_metric first;
    const char *cmd;
};

struct run {
    struct cmd_ctx *ctx;
    const struct replay_options *opt;
    struct judging judging;
    struct replay_gate gates[GATES];
    size_t n_gates;
    struct replay_plan plan;
    struct buf args; /* JSON: the options that say what was selected */
};

static void write_texts(struct jw *w, const char *key, const char *const *items, size_t n)
{
    if (n == 0)
        return;
    jw_key(w, key);
    jw_array(w);
    for (size_t i = 0; i < n; i++)
        jw_strz(w, items[i]);
    jw_array_end(w);
}

static void write_args(const struct replay_options *o, const struct opt_args *ids,
                       struct buf *out)
{
    const struct {
        const char *key, *value;
    } texts[] = {
        {"since", o->span.since}, {"until", o->span.until},       {"model", o->model},
        {"route", o->route},      {"cid", o->conversation},       {"grep", o->grep},
        {"sample", o->sample},    {"template", o->template_name}, {"file", o->file},
        {"rate", o->rate},        {"metric", o->metric},          {"cmd", o->cmd},
    };
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].value != NULL)
            jw_kstrz(&w, texts[i].key, texts[i].value);
    if (o->span.last_us > 0)
        jw_ki64(&w, "last_us", o->span.last_us);
    if (o->repeat > 1)
        jw_ki64(&w, "repeat", o->repeat);
    write_texts(&w, "against", o->against.items, o->against.n);
    write_texts(&w, "tag", o->tags.items, o->tags.n);
    write_texts(&w, "ids", ids->items, ids->n);
    jw_object_end(&w);
}

/* How far a run is, for the terminal; in tenths for -v without one. */
struct teller {
    const struct run *run;
    struct progress line;
    int64_t start_us,
        kept_us; /* monotonic: the beginning, and when results were last kept */
    size_t n_tenths, n_kept;
    bool has_told_stop, has_told_trouble;
};

/* A run that nobody remembers is no reason to throw its answers away. */
static void keep(struct teller *t, const char *state, const size_t *at, size_t n)
{
    struct err why = ERR_INIT;
    if (replay_keep(t->run->ctx, &t->run->plan, state, at, n, &why) != ERR_OK &&
        !t->has_told_trouble) {
        t->has_told_trouble = true;
        progress_hide(&t->line);
        cmd_warn(t->run->ctx, "the run is not recorded: %s", why.text);
    }
}

/* What has come so far, about once a second: a run may be killed. */
static void keep_some(struct teller *t, const struct replay_progress *p, int64_t now_us)
{
    if (p->n_done == t->n_kept || now_us - t->kept_us < US_PER_S)
        return;
    keep(t, "running", p->done + t->n_kept, p->n_done - t->n_kept);
    t->n_kept = p->n_done;
    t->kept_us = now_us;
}

static void tell_progress(void *arg, const struct replay_progress *p)
{
    struct teller *t = arg;
    const struct cmd_ctx *ctx = t->run->ctx;
    char money[MONEY_TEXT_LEN], left[NUM_TEXT_LEN] = "";
    int64_t now_us = clock_mono_us(&clock_system), took_us = now_us - t->start_us;
    money_people(money, p->spent_pico);
    if (p->n_done > 0 && p->n_done < p->n_all)
        num_duration(left,
                     took_us / (int64_t)p->n_done * (int64_t)(p->n_all - p->n_done));
    progress_label(&t->line, "%zu/%zu · %s%s%s ·", p->n_done, p->n_all, money,
                   left[0] ? " · left " : "", left);
    if (p->is_stopped && !t->has_told_stop) {
        t->has_told_stop = true;
        progress_hide(&t->line);
        cmd_note(ctx, "stopping; %zu under way, Ctrl-C again abandons them",
                 p->n_running);
    }
    if (t->line.is_on)
        progress_tick(&t->line);
    else if (ctx->global.verbose > 0 && p->n_all > 0 &&
             p->n_done * 10 / p->n_all > t->n_tenths) {
        t->n_tenths = p->n_done * 10 / p->n_all;
        cmd_note(ctx, "%zu of %zu, %s", p->n_done, p->n_all, money);
    }
    keep_some(t, p, now_us);
}

static size_t *due_places(const struct replay_plan *plan, size_t *ret_n)
{
    size_t n = replay_n_places(plan), *at = mem_alloc(MAX(n, 1), sizeof *at);
    *ret_n = 0;
    for (size_t i = 0; i < n && at != NULL; i++)
        if (replay_place(plan, i).result->is_due)
            at[(*ret_n)++] = i;
    return at;
}

static enum errc send_due(struct run *r, struct err *e)
{
    struct teller teller = {.run = r, .start_us = clock_mono_us(&clock_system)};
    size_t n, *due = due_places(&r->plan, &n);
    if (due == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    teller.kept_us = teller.start_us;
    progress_init(&teller.line, r->ctx);
    progress_start(&teller.line);
    enum errc rc = sig_open(true, &r->plan.stop_fd, e);
    if (rc == ERR_OK) {
        keep(&teller, "running", due, n);
        rc = replay_run(r->ctx, &r->plan, tell_progress, &teller, e);
    }
    progress_end(&teller.line);
    if (rc == ERR_OK)
        keep(&teller, teller.has_told_stop ? "stopped" : "done", due, n);
    mem_free(due);
    return rc;
}

/* ---- judging ---- */

/* "json,norm" */
static enum errc parse_metrics(const char *text, struct judging *j, struct err *e)
{
    struct str rest = str_of(text), name;
    while (str_split(&rest, ',', &name)) {
        enum agree_metric m;
        name = str_trim(name);
        if (!agree_metric_by_name(name, &m))
            return err_set(e, ERR_USAGE,
                           "--metric: no \"%.*s\": exact, norm, json, contains, rouge",
                           STR_ARG(name));
        if (m == AGREE_CMD && j->cmd == NULL)
            return err_set(e, ERR_USAGE, "--metric cmd needs --cmd PROG");
        if (!j->has_first)
            j->first = m;
        j->has_first = true;
        j->metrics |= 1U << m;
    }
    return ERR_OK;
}

static enum errc parse_judging(const char *metric, const char *cmd, struct judging *ret,
                               struct err *e)
{
    struct judging j = {.cmd = cmd};
    enum errc rc = metric != NULL ? parse_metrics(metric, &j, e) : ERR_OK;
    if (rc != ERR_OK)
        return rc;
    if (cmd != NULL) {
        j.metrics |= 1U << AGREE_CMD;
        if (!j.has_first)
            j.first = AGREE_CMD;
        j.has_first = true;
    }
    *ret = j;
    return ERR_OK;
}

/* As the run was begun, where the options say nothing. */
static enum errc past_judging(struct cmd_ctx *ctx, const struct replay_options *o,
                              const struct replay_past *past, struct judging *ret,
                              struct err *e)
{
    AUTO(jx_put) struct json_object *args = NULL;
    enum errc rc = jx_parse(str_of(past->args), &args, e);
    if (rc != ERR_OK)
        return rc;
    struct str metric = jx_str(args, "metric"), cmd = jx_str(args, "cmd");
    const char *kept_metric = metric.len > 0 ? arena_strz(&ctx->arena, metric) : NULL;
    const char *kept_cmd = cmd.len > 0 ? arena_strz(&ctx->arena, cmd) : NULL;
    bool is_said = o->metric != NULL || o->cmd != NULL;
    return parse_judging(is_said ? o->metric : kept_metric, is_said ? o->cmd : kept_cmd,
                         ret, e);
}

static enum errc parse_gates(struct run *r, struct err *e)
{
    const struct opt_list *texts = &r->opt->fail_if;
    enum errc rc = ERR_OK;
    if (texts->n > GATES)
        return err_set(e, ERR_USAGE, "more than %d --fail-if", GATES);
    if (texts->n > 0 && r->opt->dry_run)
        return err_set(e, ERR_USAGE, "--fail-if judges answers: not with --dry-run");
    for (size_t i = 0; i < texts->n && rc == ERR_OK; i++)
        rc = replay_gate_parse(texts->items[i], &r->gates[i], e);
    r->n_gates = texts->n;
    return rc;
}

static void apply_judging(struct run *r, struct replay_selection *s)
{
    r->plan.metrics = r->judging.metrics | REPLAY_CHEAP;
    r->plan.cmd = r->judging.cmd;
    for (size_t i = 0; i < s->n; i++)
        s->items[i].metric =
            r->judging.has_first ? r->judging.first : agree_preset(s->items[i].body);
}

static enum errc check_gates(const struct run *r, const struct replay_selection *s,
                             struct err *e)
{
    struct replay_summary recorded, one;
    if (r->n_gates == 0)
        return ERR_OK;
    replay_summarise(s, REPLAY_RECORDED, false, &recorded);
    for (size_t t = 0; t < s->n_against; t++) {
        replay_summarise(s, t, false, &one);
        for (size_t i = 0; i < r->n_gates; i++)
            if (replay_gate_fails(&r->gates[i], &recorded, &one))
                return err_set(e, ERR_CHECK, "%s: %s, or it cannot be told",
                               s->against[t], r->gates[i].text);
    }
    return ERR_OK;
}

/* Some sent, some not: useful, but incomplete. */
static enum errc verdict(const struct run *r, struct err *e)
{
    const struct replay_plan *p = &r->plan;
    size_t n_failed = 0, n_unsent = 0, n_all = 0;
    const char *why = "";
    int signo = sig_take();
    for (size_t at = 0; at < replay_n_places(p); at++) {
        const struct replay_result *one = replay_place(p, at).result;
        n_all += one->is_due;
        n_failed += one->is_due && one->outcome != ERR_OK;
        n_unsent += one->is_due && one->outcome == ERR_AGAIN;
        if (one->is_due && one->error[0] != '\0')
            why = one->error;
    }
    if (signo != 0) {
        err_set(e, ERR_CANCELLED,
                "stopped: %zu of %zu requests were not sent\n"
                "hint: llmgw replay --resume %s",
                n_unsent, n_all, p->run);
        e->sys = signo;
        return e->code;
    }
    if (n_failed == 0)
        return ERR_OK;
    return err_set(e, ERR_PARTIAL,
                   "%zu of %zu requests brought no answer%s%s\n"
                   "hint: llmgw replay --resume %s",
                   n_failed, n_all, why[0] ? ": " : "", why, p->run);
}

/* Money that nobody has agreed to is not spent: a terminal is asked, a script must say it. */
static enum errc confirm(struct cmd_ctx *ctx, const struct replay_options *o,
                         pico estimate, struct err *e)
{
    char about[MONEY_TEXT_LEN], limit[MONEY_TEXT_LEN];
    pico above = ctx->conf->replay.confirm_above_pico;
    if (o->max_cost_pico != PICO_UNKNOWN || estimate == PICO_UNKNOWN || estimate <= above)
        return ERR_OK;
    money_people(about, estimate);
    money_people(limit, above);
    if (!ask_can(ctx))
        return err_set(e, ERR_REFUSED,
                       "this may cost %s, more than replay.confirm-above (%s)\n"
                       "hint: --max-cost USD says what it may cost",
                       about, limit);
    return ask_yes(ctx, "this may cost %s; go on?", about)
               ? ERR_OK
               : err_set(e, ERR_REFUSED, "nothing was sent");
}

static int n_jobs(const struct cmd_ctx *ctx, const struct replay_options *o)
{
    int64_t n = o->jobs > 0 ? o->jobs : ctx->conf->replay.jobs;
    return (int)MIN(MAX(n, 1), 64);
}

/* Prices, asks, sends, shows. `past` NULL: a new run. */
static enum errc run_due(struct run *r, struct replay_selection *s,
                         const struct replay_past *past, struct err *e)
{
    char fresh[ULID_LEN + 1];
    pico estimate;
    enum errc rc = replay_price(r->ctx, s, &estimate, e);
    if (rc != ERR_OK)
        return rc;
    if (s->n == 0 && s->n_bodiless == 0) /* else that is told */
        cmd_note(r->ctx, "no request is like that");
    if (r->opt->dry_run)
        return replay_show(r->ctx, s, NULL, 0, e);
    rc = confirm(r->ctx, r->opt, estimate, e);
    if (rc != ERR_OK)
        return rc;
    clock_ulid(fresh, clock_wall_us(r->ctx->clock));
    r->plan.run = past != NULL ? past->id : fresh;
    r->plan.start_us = past != NULL ? past->start_us : clock_wall_us(r->ctx->clock);
    r->plan.args = past != NULL ? str_of(past->args) : buf_str(&r->args);
    r->plan.items = s->items;
    r->plan.n_items = s->n;
    r->plan.against = s->against;
    r->plan.n_against = s->n_against;
    r->plan.n_repeats = s->n_repeats;
    rc = s->n == 0 ? (enum errc)ERR_OK : send_due(r, e);
    if (rc == ERR_OK)
        rc =
            replay_show(r->ctx, s, s->n == 0 ? NULL : r->plan.run, r->judging.metrics, e);
    if (rc != ERR_OK)
        return rc;
    struct err failed = ERR_INIT;
    rc = verdict(r, e);
    if (rc != ERR_CANCELLED && check_gates(r, s, &failed) != ERR_OK)
        *e = failed;
    return e->code;
}

/* Everything that is named must be there before anything begins. */
static enum errc check_targets(struct cmd_ctx *ctx, const struct opt_list *against,
                               struct err *e)
{
    if (against->n == 0)
        return err_set(e, ERR_USAGE,
                       "against what?\nhint: llmgw replay --last 7d --against MODEL");
    if (against->n > REPLAY_AGAINST)
        return err_set(e, ERR_USAGE, "more than %d --against", REPLAY_AGAINST);
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < against->n && rc == ERR_OK; i++) {
        struct conf_resolved to;
        rc = conf_resolve(ctx->conf, ctx->catalog, str_of(against->items[i]), &ctx->arena,
                          &to, e);
    }
    return rc == ERR_OK ? rc : err_ctx(e, "--against");
}

static enum errc run_new(struct run *r, struct db *db, const struct opt_args *ids,
                         struct replay_selection *s, struct err *e)
{
    const struct replay_options *o = r->opt;
    write_args(o, ids, &r->args);
    if (buf_err(&r->args) != ERR_OK)
        return err_set(e, buf_err(&r->args), "the selection is too long to be recorded");
    s->against = o->against.items;
    s->n_against = o->against.n;
    s->n_repeats = (size_t)o->repeat;
    enum errc rc = o->file != NULL ? replay_read_file(db, o->file, s, e)
                                   : replay_select(r->ctx, db, o, ids, s, e);
    if (rc != ERR_OK)
        return rc;
    if (ids->n > 0 && s->n == 0)
        return err_set(e, ERR_NOT_FOUND,
                       "only requests recorded in full can be sent again\n"
                       "hint: record = full, see llmgw-config(5)");
    (void)replay_take_up(s, NULL);
    apply_judging(r, s);
    return run_due(r, s, NULL, e);
}

/* Do options choose from the ledger? */
static bool chooses(const struct replay_options *o)
{
    return o->span.since != NULL || o->span.until != NULL || o->span.last_us > 0 ||
           o->model != NULL || o->route != NULL || o->template_name != NULL ||
           o->tags.n > 0 || o->grep != NULL || o->conversation != NULL ||
           o->sample != NULL || o->n != SELECT_MAX;
}

static enum errc run_resume(struct run *r, struct db *db, const struct opt_args *ids,
                            struct replay_selection *s, struct err *e)
{
    struct replay_past past;
    if (ids->n > 0 || r->opt->against.n > 0 || r->opt->file != NULL || chooses(r->opt) ||
        r->opt->repeat > 1)
        return err_set(e, ERR_USAGE,
                       "a run knows its requests and targets: --resume takes neither");
    enum errc rc = replay_find(r->ctx, db, r->opt->resume, &past, e);
    if (rc == ERR_OK)
        rc = replay_load(db, &past, s, e);
    if (rc == ERR_OK)
        rc = past_judging(r->ctx, r->opt, &past, &r->judging, e);
    if (rc != ERR_OK)
        return rc;
    if (replay_take_up(s, r->opt->only) == 0) {
        cmd_note(r->ctx, "nothing is left to be sent");
        rc = replay_show(r->ctx, s, past.id, r->judging.metrics, e);
        return rc == ERR_OK ? check_gates(r, s, e) : rc;
    }
    apply_judging(r, s);
    return run_due(r, s, &past, e);
}

static enum errc run_select(struct cmd_ctx *ctx, const struct replay_options *o,
                            struct db *db, const struct opt_args *ids, struct err *e)
{
    struct replay_selection s;
    struct run r = {
        .ctx = ctx,
        .opt = o,
        .args = BUF_INIT(LIMIT_RUN_LEN / 2),
        .plan = {.jobs = n_jobs(ctx, o), .max_cost_pico = o->max_cost_pico},
    };
    if (o->only != NULL && o->resume == NULL)
        return err_set(e, ERR_USAGE, "--only belongs to --resume RUN");
    if (o->file != NULL && ids->n > 0)
        return err_set(e, ERR_USAGE, "ids or --file, not both");
    if (o->file != NULL && chooses(o))
        return err_set(e, ERR_USAGE,
                       "all requests of --file are sent: nothing else chooses");
    if (o->rate != NULL && !conf_rate_parse(str_of(o->rate), false, &r.plan.rate))
        return err_set(e, ERR_USAGE, "--rate takes a rate such as 60/min, not \"%s\"",
                       o->rate);
    enum errc rc = parse_gates(&r, e);
    if (rc == ERR_OK)
        rc = parse_judging(o->metric, o->cmd, &r.judging, e);
    if (rc == ERR_OK && o->resume == NULL)
        rc = check_targets(ctx, &o->against, e);
    if (rc != ERR_OK)
        return rc;
    replay_selection_init(&s);
    rc = o->resume != NULL ? run_resume(&r, db, ids, &s, e) : run_new(&r, db, ids, &s, e);
    replay_selection_release(&s);
    buf_release(&r.args);
    return rc;
}

/* ---- the command ---- */

static enum errc show_past(struct cmd_ctx *ctx, const struct replay_options *o,
                           const struct replay_past *past,
                           const struct replay_selection *s, struct err *e)
{
    struct run r = {.ctx = ctx, .opt = o};
    enum errc rc = parse_gates(&r, e);
    if (rc == ERR_OK)
        rc = past_judging(ctx, o, past, &r.judging, e);
    for (size_t i = 0; rc == ERR_OK && i < s->n; i++)
        for (size_t k = 0; k < s->n_against * s->n_repeats; k++) {
            struct replay_result *one = &s->items[i].results[k];
            if (one->answer.ptr != NULL)
                replay_judge(&s->items[i], one->answer, r.judging.metrics & ~one->known,
                             one);
        }
    if (rc == ERR_OK)
        rc = replay_show(ctx, s, past->id, r.judging.metrics, e);
    return rc == ERR_OK ? check_gates(&r, s, e) : rc;
}

static enum errc run_list(struct cmd_ctx *ctx, void *p, const char *const *args, size_t n,
                          struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    const struct replay_options *o = p;
    (void)args;
    (void)n;
    enum errc rc = cmd_open_ledger(ctx, &db, e);
    return rc == ERR_OK ? replay_list(ctx, db, o->n == SELECT_MAX ? LIST_MAX : o->n, e)
                        : rc;
}

/* A run that the ledger has, and what came of it; the selection is released in any case. */
static enum errc load_past(struct cmd_ctx *ctx, const char *id, struct replay_past *past,
                           struct replay_selection *s, struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    replay_selection_init(s);
    enum errc rc = cmd_open_ledger(ctx, &db, e);
    if (rc == ERR_OK)
        rc = replay_find(ctx, db, id, past, e);
    return rc == ERR_OK ? replay_load(db, past, s, e) : rc;
}

static enum errc run_show(struct cmd_ctx *ctx, void *p, const char *const *args, size_t n,
                          struct err *e)
{
    struct replay_past past;
    struct replay_selection s;
    (void)n;
    enum errc rc = load_past(ctx, args[0], &past, &s, e);
    if (rc == ERR_OK)
        rc = show_past(ctx, p, &past, &s, e);
    replay_selection_release(&s);
    return rc;
}

static enum errc run_diff(struct cmd_ctx *ctx, void *p, const char *const *args, size_t n,
                          struct err *e)
{
    struct replay_past past;
    struct replay_selection s;
    const struct replay_options *o = p;
    bool all = o->show != NULL && strcmp(o->show, "all") == 0;
    enum errc rc = load_past(ctx, args[0], &past, &s, e);
    if (rc == ERR_OK)
        rc = replay_diff(ctx, &s, n > 1 ? args[1] : NULL, all, e);
    replay_selection_release(&s);
    return rc;
}

static enum errc run_export(struct cmd_ctx *ctx, void *p, const char *const *args,
                            size_t n, struct err *e)
{
    struct replay_past past;
    struct replay_selection s;
    (void)p;
    (void)n;
    enum errc rc = load_past(ctx, args[0], &past, &s, e);
    if (rc == ERR_OK)
        rc = replay_export(ctx, &s, past.id, e);
    replay_selection_release(&s);
    return rc;
}

static enum errc run_rm(struct cmd_ctx *ctx, void *p, const char *const *args, size_t n,
                        struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    struct replay_past past;
    (void)p;
    (void)n;
    enum errc rc = cmd_open_ledger(ctx, &db, e);
    if (rc == ERR_OK)
        rc = replay_find(ctx, db, args[0], &past, e);
    return rc == ERR_OK ? replay_rm(ctx, &past, e) : rc;
}

static enum errc run(struct cmd_ctx *ctx, void *p, const struct opt_args *args,
                     struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    enum errc rc = cmd_open_ledger(ctx, &db, e);
    return rc == ERR_OK ? run_select(ctx, p, db, args, e) : rc;
}

static const struct cmd_sub subs[] = {
    {"list", "", 0, 0, run_list},         {"show", "RUN", 1, 1, run_show},
    {"diff", "RUN [ID]", 1, 2, run_diff}, {"export", "RUN", 1, 1, run_export},
    {"rm", "RUN", 1, 1, run_rm},          {0},
};

static const struct cmd_example examples[] = {
    {"llmgw replay --last 7d --against openai/gpt-6-luna",
     "last week's prompts on another model"},
    {"llmgw replay -m claude-sonnet-5 --against haiku --dry-run",
     "what they would cost there; sends nothing"},
    {"llmgw replay --tag task=triage --sample 50:7 --against haiku -j",
     "fifty of them, as JSON"},
    {"llmgw replay --last 7d --rate 30/min --max-cost 0.50 --against haiku",
     "slowly, and for no more than that"},
    {"llmgw replay --last 7d --against haiku --metric json --fail-if 'agree<0.5'",
     "a gate for a change of model: exit status 6"},
    {"llmgw replay list", "earlier runs"},
    {"llmgw replay show last", "what came of the newest"},
    {"llmgw replay diff last", "what disagreed, word by word"},
    {"llmgw replay export last -F csv -o run.csv", "every answer, as rows"},
    {"llmgw replay --resume last", "send what it left without an answer"},
    {NULL, NULL},
};

const struct cmd_entry cmd_replay = {
    .name = "replay",
    .args = "[list | show RUN | diff RUN [ID] | export RUN | rm RUN] [options] [ID...]",
    .summary = "run recorded requests again on other models and compare",
    .options = options,
    .options_with = OPT_BARE,
    .options_size = sizeof(struct replay_options),
    .init = init,
    .needs = CMD_CONF | CMD_CATALOG | CMD_BROKER | CMD_LEDGER,
    .formats = 1U << FORMAT_TABLE | 1U << FORMAT_JSON | 1U << FORMAT_JSONL |
               1U << FORMAT_CSV | 1U << FORMAT_TSV | 1U << FORMAT_MARKDOWN |
               1U << FORMAT_HTML,
    .preset = FORMAT_TABLE,
    .examples = examples,
    .subs = subs,
    .run = run,
};
