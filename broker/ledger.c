/*
 * ledger.c: the loop's half of the ledger: appends records to the spool, queues bodies, tells
 * what is committed. The writer thread's half is in writer.c.
 *
 *     loop thread                     writer thread
 *     record_put → spool_append  ──►  spool_next → rows_* → commit → spool_release
 *     body queue                 ──►  with the settlement they belong to
 *     on_wake ◄── loop_wake      ◄──  what is committed, what is wrong
 *
 * The log belongs to the loop's thread: the writer leaves its words in `trouble`.
 */
#include "broker/ledger.h"

#include <signal.h>
#include <string.h>

#include "core/mem.h"

#include "broker/record.h"
#include "broker/writer.h"

enum {
    /* retention without a configuration; what llmgw-config(5) says of [telemetry] */
    DEFAULT_BODY_DAYS = 30,
    DEFAULT_ROW_DAYS = 400,
};
#define DEFAULT_BODY_BYTES ((int64_t)1 << 30)

struct ledger {
    struct writer writer; /* shared with its thread, under its lock */
    pthread_t thread;
    bool has_thread;
    struct log *log; /* borrowed, may be NULL */
    ledger_committed_fn *fn;
    void *arg;
    struct buf encoded;     /* a record on its way to the spool */
    struct loop_task flush; /* of what is staged */
    uint64_t n_settled;     /* of that: records the thread is to hear of */
    char told[sizeof(((struct writer *)0)->trouble)]; /* trouble as last logged */
    uint64_t n_told_lost;                             /* writer.n_lost as last logged */
};

static void on_flush(void *arg);

const char *ledger_cost_source_name(enum ledger_cost_source s)
{
    switch (s) {
    case COST_COMPUTED:
        return "computed";
    case COST_REPORTED:
        return "reported";
    case COST_ESTIMATED:
        return "estimated";
    case COST_UNKNOWN:
        return "unknown";
    }
    return "unknown";
}

/* ---- what the writer tells ---- */

static void log_trouble(struct ledger *l, const char *trouble)
{
    char quoted[2 * sizeof l->told];
    if (strcmp(trouble, l->told) == 0)
        return;
    if (trouble[0] != '\0')
        log_write(l->log, LOG_WARN, "ledger", "the spool holds what comes", "trouble=%s",
                  log_quote(quoted, sizeof quoted, str_of(trouble)));
    else
        log_write(l->log, LOG_INFO, "ledger", "recording again", "%s", "");
    memcpy(l->told, trouble, sizeof l->told);
}

static void log_lost(struct ledger *l, uint64_t n_lost)
{
    if (n_lost > l->n_told_lost)
        log_write(l->log, LOG_ERROR, "ledger", "records of the spool were unreadable",
                  "spool=%s.spool n=%llu", l->writer.db_path,
                  (unsigned long long)(n_lost - l->n_told_lost));
    l->n_told_lost = n_lost;
}

static void on_wake(void *arg)
{
    struct ledger *l = arg;
    struct writer *w = &l->writer;
    char trouble[sizeof w->trouble];
    pthread_mutex_lock(&w->lock);
    uint64_t applied = w->applied, n_lost = w->n_lost;
    memcpy(trouble, w->trouble, sizeof trouble);
    pthread_mutex_unlock(&w->lock);
    log_trouble(l, trouble);
    log_lost(l, n_lost);
    if (l->fn != NULL)
        l->fn(l->arg, applied);
}

static void on_late_wake(void *arg)
{
    (void)arg; /* the ledger is gone */
}

/* ---- opening and closing ---- */

static struct retention retention_of(const struct conf *conf)
{
    if (conf == NULL)
        return (struct retention){DEFAULT_BODY_DAYS, DEFAULT_BODY_BYTES,
                                  DEFAULT_ROW_DAYS};
    return (struct retention){conf->telemetry.body_days, conf->telemetry.body_bytes,
                              conf->telemetry.row_days};
}

void ledger_reload(struct ledger *l, const struct conf *conf)
{
    const struct retention r = retention_of(conf);
    writer_set_retention(&l->writer, &r);
}

/* Signals are the loop's: the thread is born with all of them blocked. */
static enum errc start_thread(struct ledger *l, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&l->thread, NULL, writer_main, &l->writer);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return err_set(e, ERR_MEMORY, "ledger: cannot start the writer thread");
    l->has_thread = true;
    return ERR_OK;
}

static void log_spool(struct log *log, const struct writer *w)
{
    struct spool_info info;
    spool_info(w->spool, &info);
    if (info.was_set_aside)
        log_write(log, LOG_ERROR, "ledger", "the spool's head was damaged: set aside",
                  "as=%s.spool.damaged", w->db_path);
    if (info.recovered > info.tail)
        log_write(log, LOG_INFO, "ledger", "the spool holds records of the last run",
                  "bytes=%llu", (unsigned long long)(info.recovered - info.tail));
}

enum errc ledger_open(const char *db_path, const struct conf *conf, struct loop *loop,
                      struct log *log, ledger_committed_fn *fn, void *arg,
                      struct ledger **ret, struct err *e)
{
    struct ledger *l = MEM_NEW(struct ledger);
    if (l == NULL)
        return err_set(e, ERR_MEMORY, "ledger: out of memory");
    l->log = log;
    l->fn = fn;
    l->arg = arg;
    l->flush = (struct loop_task){.fn = on_flush, .arg = l};
    buf_init(&l->encoded, SPOOL_RECORD_MAX);
    l->writer.retention = retention_of(conf);
    enum errc rc = writer_init(&l->writer, db_path, loop, e);
    if (rc == ERR_OK && loop != NULL)
        rc = loop_on_wake(loop, on_wake, l, e);
    if (rc == ERR_OK)
        rc = start_thread(l, e);
    if (rc != ERR_OK) {
        ledger_close(&l, 0);
        return rc;
    }
    log_spool(log, &l->writer);
    *ret = l;
    return ERR_OK;
}

void ledger_close(struct ledger **lp, int64_t wait_us)
{
    struct ledger *l = *lp;
    if (l == NULL)
        return;
    if (l->has_thread) {
        ledger_flush(l);
        writer_stop(&l->writer, wait_us);
        pthread_join(l->thread, NULL);
    }
    struct err ignored = ERR_INIT;
    if (l->writer.loop != NULL) {
        (void)!loop_on_wake(l->writer.loop, on_late_wake, NULL, &ignored);
        loop_later_cancel(l->writer.loop, &l->flush);
    }
    writer_release(&l->writer);
    buf_release(&l->encoded);
    mem_free(l);
    *lp = NULL;
}

/* ---- appending ---- */

/*
 * Under the lock. What became of the records that were staged before (n_staged) and of n_new, of
 * which n_ends are settlements: those that wait are neither written nor lost. An admission that
 * is lost makes its row poorer, or goes with its settlement; hence rows are counted by these.
 */
static void account(struct ledger *l, enum errc rc, size_t n_staged, size_t n_new,
                    size_t n_ends)
{
    struct writer *w = &l->writer;
    size_t n_waiting = spool_n_staged(w->spool);
    size_t n_lost = rc == ERR_OK ? 0 : n_staged + n_new - n_waiting;
    w->n_records += n_new;
    w->n_records -= n_lost;
    if (rc != ERR_OK || n_waiting == 0)
        w->append_ok = rc == ERR_OK;
    if (rc != ERR_OK)
        writer_dropped(w, n_ends + (n_waiting == 0 ? l->n_settled : 0));
    else
        l->n_settled += n_ends;
    if (n_waiting > 0)
        return;
    if (rc == ERR_OK)
        writer_settled(w, l->n_settled);
    l->n_settled = 0;
}

enum when { NOW, WITH_THE_TURN };

/* Appends what is encoded. Under the lock. */
static enum errc append(struct ledger *l, enum when when, bool is_settled,
                        uint64_t *ret_seq, struct err *e)
{
    struct writer *w = &l->writer;
    bool is_now = when == NOW || w->loop == NULL;
    size_t n_staged = spool_n_staged(w->spool);
    enum errc rc = buf_err(&l->encoded);
    if (rc != ERR_OK)
        err_set(e, rc, "ledger: record");
    else
        rc = (is_now ? spool_append : spool_stage)(w->spool, buf_str(&l->encoded),
                                                   ret_seq, e);
    account(l, rc, n_staged, 1, is_settled);
    if (rc == ERR_OK && !is_now)
        loop_later(w->loop, &l->flush);
    return rc;
}

void ledger_flush(struct ledger *l)
{
    struct writer *w = &l->writer;
    struct err e = ERR_INIT;
    char why[2 * LIMIT_ERR_TEXT];
    size_t n_staged = spool_n_staged(w->spool);
    if (n_staged == 0)
        return;
    pthread_mutex_lock(&w->lock);
    enum errc rc = spool_flush(w->spool, &e);
    account(l, rc, n_staged, 0, 0);
    pthread_mutex_unlock(&w->lock);
    if (rc != ERR_OK)
        log_write(l->log, LOG_ERROR, "ledger", "requests could not be recorded",
                  "records=%zu why=%s", n_staged,
                  log_quote(why, sizeof why, str_of(e.text)));
}

static void on_flush(void *arg)
{
    ledger_flush(arg);
}

enum errc ledger_admit(struct ledger *l, const struct ledger_admit *a, uint64_t *ret_seq,
                       struct err *e)
{
    uint64_t seq = 0;
    buf_reset(&l->encoded);
    record_put_admit(&l->encoded, a);
    pthread_mutex_lock(&l->writer.lock);
    enum errc rc = append(l, WITH_THE_TURN, false, &seq, e);
    pthread_mutex_unlock(&l->writer.lock);
    if (rc == ERR_OK && ret_seq != NULL)
        *ret_seq = seq;
    return rc;
}

static char *put(char *p, struct str s)
{
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    return p + s.len;
}

/* A copy of the bodies, or NULL: nothing to keep, or no room. */
static struct body_node *copy_bodies(struct ledger *l, const struct ledger_settle *s)
{
    struct writer *w = &l->writer;
    size_t len = s->request_body.len + s->response_body.len + s->response_text.len;
    if (s->record != CONF_RECORD_FULL || len == 0)
        return NULL;
    pthread_mutex_lock(&w->lock);
    bool fits = w->bodies_len + len <= LIMIT_BODY_QUEUE;
    pthread_mutex_unlock(&w->lock);
    struct body_node *node = fits ? mem_alloc(1, sizeof *node + len) : NULL;
    if (node == NULL) {
        pthread_mutex_lock(&w->lock);
        w->n_dropped_bodies++;
        pthread_mutex_unlock(&w->lock);
        return NULL;
    }
    node->request_len = s->request_body.len;
    node->response_len = s->response_body.len;
    node->answer_len = s->response_text.len;
    put(put(put(node->bytes, s->request_body), s->response_body), s->response_text);
    return node;
}

enum errc ledger_settle(struct ledger *l, const struct ledger_settle *s,
                        uint64_t *ret_seq, struct err *e)
{
    struct writer *w = &l->writer;
    struct body_node *body = copy_bodies(l, s);
    /* bodies are queued under the number of a record that is surely there */
    enum when when = s->is_told || body != NULL ? NOW : WITH_THE_TURN;
    uint64_t seq = 0;
    buf_reset(&l->encoded);
    record_put_settle(&l->encoded, s);
    pthread_mutex_lock(&w->lock);
    enum errc rc = append(l, when, true, &seq, e);
    if (rc == ERR_OK && body != NULL)
        writer_queue_body(w, body, seq);
    pthread_mutex_unlock(&w->lock);
    if (rc != ERR_OK)
        mem_free(body);
    else if (ret_seq != NULL)
        *ret_seq = seq;
    return rc;
}

/* Appends what is encoded; nobody waits for its row. */
static enum errc append_aside(struct ledger *l, struct err *e)
{
    struct writer *w = &l->writer;
    uint64_t seq;
    pthread_mutex_lock(&w->lock);
    enum errc rc = append(l, NOW, true, &seq, e);
    pthread_mutex_unlock(&w->lock);
    return rc;
}

enum errc ledger_state(struct ledger *l, const struct ledger_state *s, struct err *e)
{
    buf_reset(&l->encoded);
    record_put_state(&l->encoded, s);
    return append_aside(l, e);
}

enum errc ledger_replay(struct ledger *l, struct str json, struct err *e)
{
    if (json.len > LIMIT_RUN_LEN)
        return err_set(e, ERR_TOO_LARGE, "more than %d bytes", LIMIT_RUN_LEN);
    buf_reset(&l->encoded);
    record_put_replay(&l->encoded, json);
    return append_aside(l, e);
}

enum errc ledger_remove(struct ledger *l, const struct prune_selection *what,
                        uint64_t *ret_number, struct err *e)
{
    struct removal *node =
        mem_alloc(1, sizeof *node + what->id.len + what->conversation.len);
    if (node == NULL)
        return err_set(e, ERR_MEMORY, "ledger: out of memory");
    node->what = *what;
    node->what.id.ptr = node->bytes;
    node->what.conversation.ptr = put(node->bytes, what->id);
    put(put(node->bytes, what->id), what->conversation);
    ledger_flush(l);
    *ret_number = writer_queue_removal(&l->writer, node);
    return ERR_OK;
}

bool ledger_wait(struct ledger *l, int64_t wait_us)
{
    ledger_flush(l);
    return writer_wait(&l->writer, wait_us);
}

/* ---- what there is to see ---- */

/* The lock of a const ledger: looking changes nothing that anybody can see. */
static struct writer *writer_of(const struct ledger *l)
{
    union {
        const struct writer *in;
        struct writer *out;
    } cast = {.in = &l->writer};
    return cast.out;
}

void ledger_ask_scores(struct ledger *l)
{
    writer_ask_scores(&l->writer);
}

struct scores *ledger_take_scores(struct ledger *l)
{
    return writer_take_scores(&l->writer);
}

uint64_t ledger_applied_seq(const struct ledger *l)
{
    struct writer *w = writer_of(l);
    pthread_mutex_lock(&w->lock);
    uint64_t applied = w->applied;
    pthread_mutex_unlock(&w->lock);
    return applied;
}

void ledger_stats(const struct ledger *l, struct ledger_stats *ret)
{
    struct writer *w = writer_of(l);
    struct spool_info info;
    spool_info(w->spool, &info);
    pthread_mutex_lock(&w->lock);
    *ret = (struct ledger_stats){
        .n_records = w->n_records,
        .n_applied = w->n_applied,
        .n_dropped_rows = w->n_dropped_rows + w->n_lost,
        .n_dropped_bodies = w->n_dropped_bodies,
        .n_removals = w->n_removed,
        .spool_used = info.head - info.tail,
        .spool_size = info.size,
        .writable = w->append_ok && w->trouble[0] == '\0',
    };
    memcpy(ret->trouble, w->trouble, sizeof ret->trouble);
    pthread_mutex_unlock(&w->lock);
}
