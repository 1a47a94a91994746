/*
 * writer.c: see writer.h.
 *
 * Commits in groups: a lone request at once, more of them every WINDOW_US or GROUP_MAX; what
 * lies between follows the size of the last group, so that one who asks, waits and asks again
 * never waits for a window. An error rolls the group back and it is tried again; meanwhile the
 * spool fills. Admissions alone need no commit: an open request keeps its record in the spool,
 * unless it runs so long that the ring needs the room; then the record moves into table
 * `admitted`.
 */
#include "broker/writer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/texts.h"

#include "broker/record.h"
#include "broker/rows.h"

/* Between two commits: for each settlement of the last one, and at most. */
#define WINDOW_STEP_US ((int64_t)1 * US_PER_MS)
#define WINDOW_US      ((int64_t)20 * US_PER_MS)
#define RETRY_MIN_US   ((int64_t)50 * US_PER_MS) /* after an error, doubled each time … */
#define RETRY_MAX_US   ((int64_t)2 * US_PER_S)   /* … up to this */
#define LOSS_US        ((int64_t)1 * US_PER_S)   /* losses are noted so late */
#define PRUNE_FIRST    ((int64_t)60 * US_PER_S) /* not in the middle of a start */
#define SCRUB_US       ((int64_t)200 * US_PER_MS) /* a reader in the way is let pass so long */

enum {
    GROUP_MAX = 4096, /* records in one transaction */
    WAL_PAGES = 1000, /* log pages before a checkpoint: SQLite's own number */
    FILL_STEP = 200,  /* bodies of an older schema that are made searchable at a time */
};

/* What could not be recorded. */
struct losses {
    uint64_t rows, bodies; /* no room */
    uint64_t lost;         /* records that are unreadable or cannot be rows */
};

/* What only the thread touches. */
struct work {
    struct writer *w;
    struct rows *rows; /* owned; NULL until the database could be opened */
    struct spool_cursor cursor;
    struct record *record; /* owned: the one at hand */
    uint64_t recovered;    /* records before it are from the last run … */
    uint64_t done_before;  /* … and those up to this are rows already */
    /* in writer.bodies: before the next one to look at, and the last that may be */
    struct list *next_body, *last_body;
    uint64_t bodies_head;   /* cursor.head when last_body was the last */
    uint64_t n_group;       /* records in the group at hand … */
    uint64_t n_settled;     /* … and those of them that were waited for */
    uint64_t n_lost;        /* records that are unreadable or cannot be rows; in all */
    uint64_t hopeless_from; /* where the last of them begins in the spool */
    struct losses noted;    /* of all losses, those that are in the database */
    int64_t commit_us, prune_us, scrub_us, retry_us; /* monotonic */
    /* when the search index was last freed of deleted words; monotonic */
    int64_t clean_us;
    int64_t pause_us; /* a duration */
    bool is_filled;   /* every body can be searched for */
};

/* ---- shared with the loop ---- */

static enum errc open_spool(struct writer *w, const char *db_path, struct err *e)
{
    AUTO(buf_release) struct buf path = BUF_INIT(8192);
    buf_printf(&path, "%s.spool", db_path);
    w->db_path = mem_strdup(db_path);
    if (buf_err(&path) != ERR_OK || w->db_path == NULL)
        return err_set(e, ERR_MEMORY, "ledger: out of memory");
    return spool_open(path.data, LIMIT_SPOOL_LEN, &w->spool, e);
}

enum errc writer_init(struct writer *w, const char *db_path, struct loop *loop,
                      struct err *e)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->work, &attr);
    pthread_cond_init(&w->rest, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->lock, NULL);
    list_init(&w->bodies);
    list_init(&w->removals);
    w->loop = loop;
    w->append_ok = true;
    w->signal_at = UINT64_MAX;
    return open_spool(w, db_path, e);
}

void writer_release(struct writer *w)
{
    list_for_each_safe (node, &w->bodies)
        mem_free(container_of(node, struct body_node, link));
    list_for_each_safe (node, &w->removals)
        mem_free(container_of(node, struct removal, link));
    scores_free(&w->scores);
    spool_close(&w->spool);
    mem_free(w->db_path);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->rest);
}

void writer_queue_body(struct writer *w, struct body_node *node, uint64_t seq)
{
    node->seq = seq;
    w->bodies_len += node->request_len + node->response_len + node->answer_len;
    list_add(&w->bodies, &node->link);
}

void writer_settled(struct writer *w, uint64_t n)
{
    bool was_below = w->n_waiting < w->signal_at;
    w->n_waiting += n;
    if (was_below && w->n_waiting >= w->signal_at)
        pthread_cond_signal(&w->work);
}

void writer_dropped(struct writer *w, size_t n_rows)
{
    w->n_dropped_rows += n_rows;
    pthread_cond_signal(&w->work);
}

void writer_ask_scores(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->must_score = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

struct scores *writer_take_scores(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct scores *s = w->scores;
    w->scores = NULL;
    pthread_mutex_unlock(&w->lock);
    return s;
}

uint64_t writer_queue_removal(struct writer *w, struct removal *node)
{
    pthread_mutex_lock(&w->lock);
    list_add(&w->removals, &node->link);
    uint64_t number = ++w->n_removals;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    return number;
}

static struct timespec at_mono(int64_t us)
{
    return (struct timespec){.tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * 1000};
}

bool writer_wait(struct writer *w, int64_t wait_us)
{
    const struct timespec until = at_mono(clock_mono_us(&clock_system) + wait_us);
    struct spool_info info;
    int rc = 0;
    spool_info(w->spool, &info);
    bool has_left = info.recovered > info.tail;
    pthread_mutex_lock(&w->lock);
    while (rc == 0 && ((has_left && !w->is_replayed) || w->n_waiting > 0))
        rc = pthread_cond_timedwait(&w->rest, &w->lock, &until);
    pthread_mutex_unlock(&w->lock);
    return rc == 0;
}

void writer_set_retention(struct writer *w, const struct retention *r)
{
    pthread_mutex_lock(&w->lock);
    if (memcmp(&w->retention, r, sizeof *r) != 0) {
        w->retention = *r;
        w->must_prune = true;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
}

void writer_stop(struct writer *w, int64_t wait_us)
{
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    w->stop_at_us = clock_mono_us(&clock_system) + wait_us;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

/* ---- one group ---- */

/* All bodies up to the cursor's head are queued: a settlement and its body come under the lock. */
static void see_bodies(struct work *k)
{
    pthread_mutex_lock(&k->w->lock);
    k->last_body = k->w->bodies.prev;
    pthread_mutex_unlock(&k->w->lock);
    k->bodies_head = k->cursor.head;
}

/* The body of the settlement `seq`, which is the one at hand; NULL when none was kept. */
static const struct body_node *take_body(struct work *k, uint64_t seq)
{
    if (k->bodies_head != k->cursor.head)
        see_bodies(k);
    while (k->next_body != k->last_body) {
        struct body_node *node = container_of(k->next_body->next, struct body_node, link);
        if (node->seq >= seq)
            return node->seq == seq ? node : NULL;
        k->next_body = &node->link;
    }
    return NULL;
}

static enum errc settle(struct work *k, struct err *e)
{
    const struct ledger_settle *s = &k->record->settle;
    uint64_t seq = k->cursor.at;
    if (seq <= k->recovered && seq <= k->done_before) {
        rows_forget(k->rows, s->id);
        return ERR_OK;
    }
    k->n_settled += seq > k->recovered;
    const struct body_node *node = take_body(k, seq);
    if (node == NULL)
        return rows_settle(k->rows, s, NULL, e);
    const char *response = node->bytes + node->request_len;
    const struct rows_body body = {
        .request = {node->bytes, node->request_len},
        .response = {response, node->response_len},
        .answer = {response + node->response_len, node->answer_len},
    };
    return rows_settle(k->rows, s, &body, e);
}

/* Would it fail for ever, and is therefore left out? */
static bool is_hopeless(const struct err *e)
{
    int sqlite = e->sys & 0xff;
    return e->code == ERR_SYNTAX || e->code == ERR_RANGE ||
           (e->code == ERR_STORE &&
            (sqlite == SQLITE_CONSTRAINT || sqlite == SQLITE_MISMATCH ||
             sqlite == SQLITE_TOOBIG));
}

/* An admission stays bytes until its end has come. */
static enum errc apply_record(struct work *k, struct str bytes, uint64_t from,
                              struct err *e)
{
    enum record_kind kind;
    char id[ULID_LEN + 1];
    enum errc rc = record_peek(bytes, &kind, id, e);
    if (rc == ERR_OK && kind == RECORD_ADMIT)
        return rows_admit(k->rows, id, bytes, from, e);
    if (rc == ERR_OK)
        rc = record_get(bytes, k->record, e);
    if (rc != ERR_OK)
        return rc;
    switch (kind) {
    case RECORD_ADMIT:
        break;
    case RECORD_SETTLE:
        return settle(k, e);
    case RECORD_STATE: /* the last one counts, however often they are done */
        k->n_settled += k->cursor.at > k->recovered;
        return rows_state(k->rows, &k->record->state, e);
    case RECORD_REPLAY: /* likewise */
        k->n_settled += k->cursor.at > k->recovered;
        return rows_replay(k->rows, k->record->replay, e);
    }
    return ERR_OK;
}

static enum errc apply(struct work *k, struct str bytes, uint64_t from, struct err *e)
{
    enum errc rc = apply_record(k, bytes, from, e);
    if (rc != ERR_OK && is_hopeless(e))
        k->hopeless_from = from;
    return rc;
}

/*
 * Up to GROUP_MAX records. One that is hopeless may have left half of its rows: then the group
 * is rolled back and done again, up to that one and without it.
 */
static enum errc apply_group(struct work *k, struct err *e)
{
    enum errc rc = ERR_OK;
    bool found = true, is_hopeless_end = false;
    struct spool_info before, after;
    spool_info(k->w->spool, &before);
    k->next_body = k->last_body = &k->w->bodies;
    k->bodies_head = 0;
    while (rc == ERR_OK && k->n_group < GROUP_MAX && !is_hopeless_end) {
        uint64_t from = k->cursor.at;
        struct str bytes;
        rc = spool_next(k->w->spool, &k->cursor, &bytes, &found, e);
        if (rc != ERR_OK || !found)
            break;
        is_hopeless_end = from == k->hopeless_from;
        if (is_hopeless_end)
            k->n_lost++;
        else
            rc = apply(k, bytes, from, e);
        k->n_group++;
    }
    if (!found && k->cursor.limit != 0)
        k->cursor.at = k->cursor.limit;
    spool_info(k->w->spool, &after);
    k->n_lost += after.n_damaged - before.n_damaged;
    return rc;
}

/* Long requests must not hold the ring: past half of it their records go to the database. */
static enum errc keep_old(struct work *k, struct err *e)
{
    struct spool_info info;
    spool_info(k->w->spool, &info);
    if (info.head - rows_tail(k->rows, k->cursor.at) <= info.size / 2)
        return ERR_OK;
    return rows_keep(k->rows, info.head - info.size / 4, e);
}

/* What is not in the database yet. Under the lock. */
static struct losses losses(const struct work *k)
{
    return (struct losses){
        .rows = k->w->n_dropped_rows - k->noted.rows,
        .bodies = k->w->n_dropped_bodies - k->noted.bodies,
        .lost = k->n_lost - k->noted.lost,
    };
}

static bool has_losses(const struct work *k)
{
    struct losses l = losses(k);
    return l.rows > 0 || l.bodies > 0 || l.lost > 0;
}

static enum errc note_losses(struct work *k, struct err *e)
{
    int64_t now_us = clock_wall_us(&clock_system);
    enum errc rc = ERR_OK;
    pthread_mutex_lock(&k->w->lock);
    struct losses l = losses(k);
    pthread_mutex_unlock(&k->w->lock);
    if (l.rows > 0 || l.bodies > 0)
        rc = rows_loss(k->rows, now_us, l.rows, l.bodies,
                       "no room on the way to the database", e);
    if (rc == ERR_OK && l.lost > 0)
        rc = rows_loss(k->rows, now_us, l.lost, 0, "unreadable in the spool", e);
    k->noted.rows += l.rows;
    k->noted.bodies += l.bodies;
    k->noted.lost += l.lost;
    return rc;
}

static void free_bodies(struct writer *w, uint64_t applied)
{
    list_for_each_safe (node, &w->bodies) {
        struct body_node *b = container_of(node, struct body_node, link);
        if (b->seq > applied)
            break;
        w->bodies_len -= b->request_len + b->response_len + b->answer_len;
        list_del(node);
        mem_free(b);
    }
}

/* Tells the loop. */
static void publish(struct work *k)
{
    struct writer *w = k->w;
    struct spool_info info;
    pthread_mutex_lock(&w->lock);
    spool_info(w->spool, &info);
    w->applied = k->cursor.at;
    w->n_applied += k->n_group;
    w->n_waiting = info.head <= w->applied ? 0 : w->n_waiting - k->n_settled;
    w->n_lost = k->n_lost;
    free_bodies(w, w->applied);
    if (w->n_waiting == 0)
        pthread_cond_signal(&w->rest);
    pthread_mutex_unlock(&w->lock);
    if (w->loop != NULL)
        loop_wake(w->loop);
}

static enum errc commit(struct work *k, struct err *e)
{
    struct losses noted = k->noted;
    enum errc rc = keep_old(k, e);
    if (rc == ERR_OK)
        rc = note_losses(k, e);
    if (rc == ERR_OK)
        rc = rows_commit(k->rows, k->cursor.at, e);
    if (rc != ERR_OK)
        k->noted = noted;
    return rc;
}

typedef enum errc step_fn(struct work *k, struct err *e);

/* One step, committed, published and its room in the spool freed; or nothing of it. */
static enum errc in_transaction(struct work *k, step_fn *step, struct err *e)
{
    uint64_t start = k->cursor.at, lost = k->n_lost, hopeless = k->hopeless_from;
    k->n_group = k->n_settled = 0;
    enum errc rc = rows_begin(k->rows, e);
    if (rc != ERR_OK)
        return rc;
    rc = step(k, e);
    if (rc == ERR_OK)
        rc = commit(k, e);
    if (rc != ERR_OK) {
        rows_rollback(k->rows);
        k->cursor.at = start;
        k->n_lost = lost;
        if (k->hopeless_from == hopeless)
            return rc;
        err_clear(e); /* and once more, without it */
        return ERR_OK;
    }
    k->commit_us = clock_mono_us(&clock_system);
    publish(k);
    return spool_release(k->w->spool, rows_tail(k->rows, k->cursor.at), k->cursor.at, e);
}

/* ---- the start ---- */

static enum errc open_rows(struct work *k, struct err *e)
{
    struct spool_info info;
    spool_info(k->w->spool, &info);
    if (k->record == NULL)
        k->record = MEM_NEW(struct record);
    if (k->record == NULL)
        return err_set(e, ERR_MEMORY, "ledger: out of memory");
    enum errc rc = rows_open(k->w->db_path, info.id, &k->rows, &k->done_before, e);
    if (rc != ERR_OK)
        return rc;
    k->cursor.at = info.tail;
    k->cursor.limit = k->recovered = info.recovered;
    return texts_is_full(rows_db(k->rows), &k->is_filled, e);
}

static enum errc interrupt_open(struct work *k, struct err *e)
{
    return rows_interrupt(k->rows, clock_wall_us(&clock_system), e);
}

/* What the last run left: settlements become rows, admissions without one are interrupted. */
static enum errc replay(struct work *k, struct err *e)
{
    enum errc rc = ERR_OK;
    while (rc == ERR_OK && k->cursor.at < k->recovered)
        rc = in_transaction(k, apply_group, e);
    if (rc == ERR_OK && rows_n_open(k->rows) > 0)
        rc = in_transaction(k, interrupt_open, e);
    if (rc != ERR_OK)
        return rc;
    k->cursor.limit = 0;
    pthread_mutex_lock(&k->w->lock);
    k->w->is_replayed = true;
    pthread_cond_signal(&k->w->rest);
    pthread_mutex_unlock(&k->w->lock);
    return ERR_OK;
}

/* ---- deleting ---- */

static enum errc keep_all(struct work *k, struct err *e)
{
    return rows_keep(k->rows, UINT64_MAX, e);
}

/*
 * No trace is left: not in the search index, in the database's log, or in the spool, which is all
 * free then. *ret_done false: a reader still needs the log.
 */
static enum errc scrub(struct work *k, bool *ret_done, struct err *e)
{
    struct db *d = rows_db(k->rows);
    enum errc rc = texts_clean(d, e);
    if (rc == ERR_OK)
        rc = in_transaction(k, keep_all, e);
    if (rc == ERR_OK)
        rc = db_truncate_wal(d, ret_done, e);
    return rc == ERR_OK ? spool_scrub(k->w->spool, e) : rc;
}

/* The first one whose rows are still there. */
static struct removal *next_removal(struct writer *w)
{
    struct removal *found = NULL;
    pthread_mutex_lock(&w->lock);
    list_for_each (node, &w->removals) {
        struct removal *r = container_of(node, struct removal, link);
        if (!r->is_done) {
            found = r;
            break;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

static void end_removals(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    list_for_each_safe (node, &w->removals) {
        struct removal *r = container_of(node, struct removal, link);
        if (!r->is_done)
            continue;
        list_del(node);
        w->n_removed++;
        mem_free(r);
    }
    pthread_mutex_unlock(&w->lock);
}

/* Rows first, of all that are asked for; then every trace of them at once. */
static enum errc do_removals(struct work *k, struct err *e)
{
    struct removal *r;
    bool is_scrubbed = false;
    enum errc rc = ERR_OK;
    k->scrub_us = 0;
    while (rc == ERR_OK && (r = next_removal(k->w)) != NULL) {
        int64_t n;
        rc = prune_requests(rows_db(k->rows), &r->what, &n, e);
        r->is_done = rc == ERR_OK;
    }
    if (rc == ERR_OK)
        rc = scrub(k, &is_scrubbed, e);
    if (rc == ERR_OK && is_scrubbed)
        end_removals(k->w);
    else if (rc == ERR_OK)
        k->scrub_us = clock_mono_us(&clock_system) + SCRUB_US;
    return rc;
}

static bool has_removals(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool has = !list_is_empty(&w->removals);
    pthread_mutex_unlock(&w->lock);
    return has;
}

/* Retention. What fails is tried again in an hour. */
static void prune(struct work *k)
{
    struct writer *w = k->w;
    struct db *d = rows_db(k->rows);
    int64_t now_us = clock_wall_us(&clock_system),
            now_mono_us = clock_mono_us(&clock_system);
    int64_t n_rows = 0, n_bodies = 0;
    struct err ignored = ERR_INIT;
    pthread_mutex_lock(&w->lock);
    const struct retention r = w->retention;
    w->must_prune = false;
    pthread_mutex_unlock(&w->lock);
    const struct prune_selection old = {.until_us = now_us - r.row_days * US_PER_DAY};
    if (r.row_days > 0)
        (void)!prune_requests(d, &old, &n_rows, &ignored);
    if (r.body_days > 0 || r.body_bytes > 0)
        (void)!prune_bodies(d, r.body_days > 0 ? now_us - r.body_days * US_PER_DAY : 0,
                            r.body_bytes, &n_bodies, &ignored);
    bool is_unclean = n_rows + n_bodies > 0;
    if (is_unclean && now_mono_us - k->clean_us >= US_PER_DAY) {
        (void)!texts_clean(d, &ignored);
        k->clean_us = now_mono_us;
    }
    k->prune_us = now_mono_us + US_PER_HOUR;
}

/* For the loop, which takes them when it ranks again; what fails is asked for again. */
static void read_scores(struct work *k)
{
    struct writer *w = k->w;
    struct err ignored = ERR_INIT;
    struct scores *s = NULL;
    (void)!scores_read(rows_db(k->rows), &s, &ignored);
    pthread_mutex_lock(&w->lock);
    w->must_score = false;
    if (s != NULL) {
        scores_free(&w->scores);
        w->scores = s;
    }
    pthread_mutex_unlock(&w->lock);
}

static bool must_score(struct work *k)
{
    pthread_mutex_lock(&k->w->lock);
    bool must = k->w->must_score;
    pthread_mutex_unlock(&k->w->lock);
    return must;
}

static enum errc fill_texts(struct work *k, struct err *e)
{
    enum errc rc = texts_fill(rows_db(k->rows), FILL_STEP, e);
    return rc == ERR_OK ? texts_is_full(rows_db(k->rows), &k->is_filled, e) : rc;
}

/* ---- the thread ---- */

/* When there is something to do: 0 now, else a monotonic time. Under the lock. */
static int64_t due_us(struct work *k)
{
    struct writer *w = k->w;
    w->signal_at = UINT64_MAX;
    if (k->retry_us > 0)
        return w->is_stopping ? MIN(k->retry_us, w->stop_at_us) : k->retry_us;
    if (w->is_stopping || !w->is_replayed || w->n_waiting >= GROUP_MAX / 2 ||
        w->must_prune || w->must_score)
        return 0;
    if (!list_is_empty(&w->removals))
        return k->scrub_us;
    if (w->n_waiting > 0) {
        w->signal_at = GROUP_MAX / 2;
        return k->commit_us + MIN((int64_t)k->n_settled * WINDOW_STEP_US, WINDOW_US);
    }
    w->signal_at = 1;
    if (!k->is_filled)
        return 0;
    return has_losses(k) ? k->commit_us + LOSS_US : k->prune_us;
}

static bool is_finished(struct work *k)
{
    struct writer *w = k->w;
    if (!w->is_stopping)
        return false;
    struct spool_info info;
    spool_info(w->spool, &info);
    bool is_drained = w->is_replayed && k->cursor.at >= info.head &&
                      list_is_empty(&w->removals) && !has_losses(k);
    return is_drained || clock_mono_us(&clock_system) >= w->stop_at_us;
}

/* Waits until there is something to do; false: the thread ends. */
static bool wait_for_work(struct work *k)
{
    struct writer *w = k->w;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        int64_t at_us = due_us(k);
        if (at_us <= clock_mono_us(&clock_system) || is_finished(k))
            break;
        const struct timespec until = at_mono(at_us);
        pthread_cond_timedwait(&w->work, &w->lock, &until);
    }
    w->signal_at = UINT64_MAX;
    bool go_on = !is_finished(k);
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static bool must_prune(struct work *k)
{
    pthread_mutex_lock(&k->w->lock);
    bool must = k->w->must_prune || clock_mono_us(&clock_system) >= k->prune_us;
    pthread_mutex_unlock(&k->w->lock);
    return must;
}

static bool must_note(struct work *k)
{
    pthread_mutex_lock(&k->w->lock);
    bool must = has_losses(k);
    pthread_mutex_unlock(&k->w->lock);
    return must;
}

static enum errc no_step(struct work *k, struct err *e)
{
    (void)k;
    (void)e;
    return ERR_OK; /* the commit itself notes losses */
}

static enum errc do_work(struct work *k, struct err *e)
{
    enum errc rc = ERR_OK;
    struct spool_info info;
    if (k->rows == NULL)
        rc = open_rows(k, e);
    if (rc == ERR_OK && !k->w->is_replayed) /* only this thread sets it */
        rc = replay(k, e);
    spool_info(k->w->spool, &info);
    while (rc == ERR_OK && k->cursor.at < info.head)
        rc = in_transaction(k, apply_group, e);
    if (rc == ERR_OK && must_note(k))
        rc = in_transaction(k, no_step, e);
    if (rc == ERR_OK && has_removals(k->w))
        rc = do_removals(k, e);
    if (rc == ERR_OK && must_prune(k))
        prune(k);
    if (rc == ERR_OK && must_score(k))
        read_scores(k);
    if (rc == ERR_OK && !k->is_filled)
        rc = in_transaction(k, fill_texts, e);
    if (rc == ERR_OK && rows_wal_pages(k->rows) > WAL_PAGES)
        rc = rows_checkpoint(k->rows, e);
    return rc;
}

static void after_error(struct work *k, const struct err *e)
{
    struct writer *w = k->w;
    k->pause_us = k->pause_us == 0 ? RETRY_MIN_US : MIN(2 * k->pause_us, RETRY_MAX_US);
    k->retry_us = clock_mono_us(&clock_system) + k->pause_us;
    pthread_mutex_lock(&w->lock);
    snprintf(w->trouble, sizeof w->trouble, "%s", e->text);
    pthread_mutex_unlock(&w->lock);
    if (w->loop != NULL)
        loop_wake(w->loop);
}

static void after_success(struct work *k)
{
    struct writer *w = k->w;
    k->pause_us = 0;
    pthread_mutex_lock(&w->lock);
    bool was_in_trouble = w->trouble[0] != '\0';
    w->trouble[0] = '\0';
    pthread_mutex_unlock(&w->lock);
    if (was_in_trouble && w->loop != NULL)
        loop_wake(w->loop);
}

void *writer_main(void *arg)
{
    struct work k = {
        .w = arg,
        .hopeless_from = UINT64_MAX,
        .prune_us = clock_mono_us(&clock_system) + PRUNE_FIRST,
    };
    while (wait_for_work(&k)) {
        struct err e = ERR_INIT;
        k.retry_us = 0;
        if (do_work(&k, &e) != ERR_OK)
            after_error(&k, &e);
        else
            after_success(&k);
    }
    rows_close(&k.rows);
    spool_cursor_release(&k.cursor);
    mem_free(k.record);
    return NULL;
}
