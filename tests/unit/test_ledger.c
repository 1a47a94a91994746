/*
 * test_ledger.c: done means recorded. The broker is killed at every record boundary and the
 * spool cut at every byte; the rows must be those of the undisturbed run, and the roll-ups
 * the sums of the rows.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "core/db.h"
#include "core/mem.h"
#include "core/prune.h"

#include "broker/ledger.h"
#include "broker/record.h"
#include "broker/rows.h"
#include "broker/spool.h"

#include <cmocka.h>

#define T0 ((int64_t)1795575911000000) /* 2026-11-25T03:05:11Z */

struct fixture {
    char dir[64], db[96], spool[112], saved[112];
};

static int setup(void **state)
{
    static struct fixture f;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(f.dir, sizeof f.dir, "%s/test_ledger.XXXXXX", base);
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.db, sizeof f.db, "%s/llmgw.db", f.dir);
    snprintf(f.spool, sizeof f.spool, "%s.spool", f.db);
    snprintf(f.saved, sizeof f.saved, "%s.saved", f.db);
    *state = &f;
    return 0;
}

static void remove_files(const struct fixture *f)
{
    static const char *const suffixes[] = {"",       "-wal",   "-shm",
                                           ".spool", ".saved", ".spool.damaged"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", f->db, suffixes[i]);
        unlink(path);
    }
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    remove_files(f);
    return rmdir(f->dir);
}

/* ---- requests to record ---- */

/* The n-th id: a ULID with its time. */
static void make_id(char id[ULID_LEN + 1], int64_t start_us, int n)
{
    clock_ulid_floor(id, start_us);
    snprintf(id + 20, 7, "%06d", n);
}

struct sample {
    int64_t start_us;
    const char *provider, *model, *route, *project, *kind, *conversation;
    enum errc outcome;
    int64_t input, cached, output, reasoning;
    pico cost;
    enum ledger_cost_source source;
    int n_attempts;
};

/* Two hours, two targets, unknown and estimated costs, failures. */
static const struct sample samples[] = {
    {T0, "openai", "gpt", "fast", "web", "chat", "c1", ERR_OK, 9, 100, 31, 5, 412000000,
     COST_COMPUTED, 1},
    {T0 + 1, "openai", "gpt", "fast", "web", "chat", "c1", ERR_OK, 1, 0, 1, 0, 7,
     COST_COMPUTED, 2},
    {T0 + 2, "local", "qwen", NULL, NULL, "chat", NULL, ERR_OK, 50, 0, 5, 0, PICO_UNKNOWN,
     COST_UNKNOWN, 1},
    {T0 + US_PER_HOUR, "openai", "gpt", "fast", NULL, "batch", NULL, ERR_OVERLOADED, 0, 0,
     0, 0, 0, COST_COMPUTED, 3},
    {T0 + US_PER_HOUR, "openai", "gpt", "fast", "web", "chat", "c2", ERR_CANCELLED, 3, 0,
     2, 0, 99, COST_ESTIMATED, 1},
    {T0 + US_PER_HOUR + 5, NULL, NULL, NULL, NULL, "chat", NULL, ERR_REFUSED, 0, 0, 0, 0,
     0, COST_COMPUTED, 0},
};
enum { N_SAMPLES = ARRAY_LEN(samples), N_RECORDS = 2 * N_SAMPLES };
enum {
    REST_US = 60 * US_PER_S
}; /* until all is written: in no time, but for a slow disk */

static struct ledger_admit admit_of(int n)
{
    static const struct http1_header tags[] = {{{"ticket", 6}, {"A-1", 3}},
                                               {{"team", 4}, {"x", 1}}};
    const struct sample *s = &samples[n];
    struct ledger_admit a = {
        .start_us = s->start_us,
        .client = STR("cli"),
        .dialect = STR("openai"),
        .route = str_of(s->route),
        .asked_model = STR("fast"),
        .project = str_of(s->project),
        .conversation = str_of(s->conversation),
        .kind = str_of(s->kind),
        .provider = str_of(s->provider),
        .model = str_of(s->model),
        .tags = tags,
        .n_tags = (size_t)n % 3,
        .input_tok_estimate = 10,
        .reserved_pico = n == 2 ? PICO_UNKNOWN : 1000 + n,
    };
    make_id(a.id, s->start_us, n);
    return a;
}

struct settle_room {
    struct usage usage;
    struct ledger_attempt attempts[3];
};

static struct ledger_settle settle_of(int n, struct settle_room *room)
{
    const struct sample *s = &samples[n];
    room->usage = (struct usage){
        .known = 1U << USAGE_INPUT | 1U << USAGE_CACHE_READ | 1U << USAGE_OUTPUT |
                 1U << USAGE_REASONING,
        .n = {[USAGE_INPUT] = s->input,
              [USAGE_CACHE_READ] = s->cached,
              [USAGE_OUTPUT] = s->output,
              [USAGE_REASONING] = s->reasoning},
        .reported_pico = PICO_UNKNOWN,
    };
    for (int i = 0; i < s->n_attempts; i++)
        room->attempts[i] = (struct ledger_attempt){
            .index = i,
            .provider = str_of(s->provider),
            .model = str_of(s->model),
            .start_us = s->start_us + i,
            .end_us = s->start_us + i + 10,
            .http_status = i + 1 < s->n_attempts ? 503 : 200,
            .outcome = i + 1 < s->n_attempts ? ERR_SERVER : s->outcome,
            .usage = i + 1 < s->n_attempts ? NULL : &room->usage,
            .cost_pico = i + 1 < s->n_attempts ? 0 : s->cost,
            .cost_source = s->source,
        };
    struct ledger_settle r = {
        .end_us = s->start_us + 1234,
        .outcome = s->outcome,
        .provider = str_of(s->provider),
        .model = str_of(s->model),
        .usage = s->input > 0 ? &room->usage : NULL,
        .cost_pico = s->cost,
        .reported_pico = PICO_UNKNOWN,
        .cost_source = s->source,
        .attempts = room->attempts,
        .n_attempts = (size_t)s->n_attempts,
        .record = CONF_RECORD_META,
    };
    make_id(r.id, s->start_us, n);
    return r;
}

/* Record i of the whole run: admissions run ahead of settlements by up to three requests. */
static void put_record(struct buf *out, int i)
{
    static const int order[N_RECORDS] = {0, 1, ~0, 2, 3, ~2, ~1, 4, ~4, 5, ~3, ~5};
    struct settle_room room;
    buf_reset(out);
    if (order[i] >= 0) {
        struct ledger_admit a = admit_of(order[i]);
        record_put_admit(out, &a);
    } else {
        struct ledger_settle s = settle_of(~order[i], &room);
        record_put_settle(out, &s);
    }
    assert_int_equal(buf_err(out), ERR_OK);
}

/* The records [from, to) as a broker leaves them that is killed before its writer ran. */
static uint64_t spool_records(const struct fixture *f, int from, int to)
{
    struct err e = ERR_INIT;
    AUTO(spool_close) struct spool *s = NULL;
    AUTO(buf_release) struct buf record = BUF_INIT(SPOOL_RECORD_MAX);
    uint64_t end = 0;
    assert_int_equal(spool_open(f->spool, SPOOL_SIZE_MIN, &s, &e), ERR_OK);
    for (int i = from; i < to; i++) {
        put_record(&record, i);
        assert_int_equal(spool_append(s, buf_str(&record), &end, &e), ERR_OK);
    }
    return end;
}

static struct ledger *open_ok(const struct fixture *f)
{
    struct err e = ERR_INIT;
    struct ledger *l = NULL;
    if (ledger_open(f->db, NULL, NULL, NULL, NULL, NULL, &l, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return l;
}

/* A whole life of the ledger: what the spool holds becomes rows. */
static void live(const struct fixture *f)
{
    struct ledger *l = open_ok(f);
    ledger_close(&l, REST_US);
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n;
    while ((n = read(in, bytes, sizeof bytes)) > 0)
        assert_true(write(out, bytes, (size_t)n) == n);
    close(in);
    close(out);
}

/* ---- looking at the database ---- */

static struct db *read_ok(const struct fixture *f)
{
    struct err e = ERR_INIT;
    struct db *d = NULL;
    if (db_open(f->db, DB_READ, &d, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return d;
}

static void dump_query(struct db *d, const char *sql, struct buf *out)
{
    struct err e = ERR_INIT;
    sqlite3_stmt *st;
    bool row;
    if (db_prepare(d, sql, &st, &e) != ERR_OK)
        fail_msg("%s", e.text);
    while (db_step(d, st, &row, &e) == ERR_OK && row) {
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            const void *text = sqlite3_column_text(st, i);
            buf_printf(out, "%s|", text != NULL ? (const char *)text : "NULL");
        }
        buf_addc(out, '\n');
    }
}

/* Everything but row numbers, and the time at which an interruption was found. */
static char *dump(const struct fixture *f)
{
    AUTO(db_close) struct db *d = read_ok(f);
    struct buf out = BUF_INIT(10000000);
    dump_query(d,
               "SELECT id, start_us, iif(interrupted, 0, end_us), kind, outcome, "
               "provider, model,"
               " asked_model, route, client, project, conversation, flags, n_attempts, "
               "cost_pico,"
               " cost_source, reserved_pico, input, cache_read, output, reasoning, "
               "audio_ms, error,"
               " record FROM requests ORDER BY id",
               &out);
    dump_query(
        d,
        "SELECT id, a.idx, a.provider, a.start_us, a.http_status, a.outcome, a.cost_pico,"
        " a.usage FROM attempt a JOIN request USING (rid) ORDER BY id, a.idx",
        &out);
    dump_query(d,
               "SELECT id, key, value FROM tag JOIN request USING (rid) ORDER BY id, key",
               &out);
    dump_query(d,
               "SELECT id, project, start_us, last_us, last_request, n_requests FROM "
               "conversation",
               &out);
    dump_query(d, "SELECT * FROM rollup_hour", &out);
    dump_query(d, "SELECT * FROM rollup_hour_dim", &out);
    dump_query(d, "SELECT * FROM admitted", &out);
    char *text = mem_strdup(buf_str(&out).ptr);
    buf_release(&out);
    return text;
}

#define INPUTS                                                                           \
    "ifnull(input,0)+ifnull(cache_read,0)+ifnull(cache_write_5m,0)+ifnull(cache_write_"  \
    "30m,0)"                                                                             \
    "+ifnull(cache_write_1h,0)+ifnull(cache_write_12h,0)"
#define SUMS_OF_ROWS                                                                     \
    ", count(*), sum(outcome != 'ok'), sum(cost_pico IS NULL),"                          \
    " sum(cost_pico IS NOT NULL AND (estimated OR cost_source = 'estimated')),"          \
    " sum(n_attempts), sum(" INPUTS "), sum(ifnull(cache_read,0)),"                      \
    " sum(ifnull(output,0)+ifnull(reasoning,0)), sum(ifnull(reasoning,0)),"              \
    " ifnull(sum(cost_pico), 0) FROM requests GROUP BY "

static void check_rollups(const struct fixture *f)
{
    AUTO(db_close) struct db *d = read_ok(f);
    AUTO(buf_release) struct buf rows = BUF_INIT(1000000), sums = BUF_INIT(1000000);
    dump_query(d,
               "SELECT start_us/3600000000, ifnull(provider,''), ifnull(model,''), "
               "outcome" SUMS_OF_ROWS "1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
               &rows);
    dump_query(d, "SELECT * FROM rollup_hour ORDER BY 1, 2, 3, 4", &sums);
    assert_string_equal(rows.data != NULL ? rows.data : "",
                        sums.data != NULL ? sums.data : "");
    buf_reset(&rows);
    buf_reset(&sums);
    dump_query(d,
               "SELECT start_us/3600000000, ifnull(provider,''), ifnull(model,''),"
               " ifnull(route,''), ifnull(template,''), ifnull(project,''), "
               "ifnull(client,''), kind" SUMS_OF_ROWS
               "1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8",
               &rows);
    dump_query(d, "SELECT * FROM rollup_hour_dim ORDER BY 1, 2, 3, 4, 5, 6, 7, 8", &sums);
    assert_string_equal(rows.data != NULL ? rows.data : "",
                        sums.data != NULL ? sums.data : "");
}

static int64_t count(const struct fixture *f, const char *sql)
{
    AUTO(db_close) struct db *d = read_ok(f);
    struct err e = ERR_INIT;
    sqlite3_stmt *st;
    bool row;
    if (db_prepare(d, sql, &st, &e) != ERR_OK || db_step(d, st, &row, &e) != ERR_OK ||
        !row)
        fail_msg("%s: %s", sql, e.text);
    return sqlite3_column_int64(st, 0);
}

/* ---- appending through the front door ---- */

static void admit_ok(struct ledger *l, int n)
{
    struct err e = ERR_INIT;
    struct ledger_admit a = admit_of(n);
    if (ledger_admit(l, &a, NULL, &e) != ERR_OK)
        fail_msg("%s", e.text);
}

static uint64_t settle_ok(struct ledger *l, int n)
{
    struct err e = ERR_INIT;
    struct settle_room room;
    struct ledger_settle s = settle_of(n, &room);
    uint64_t seq = 0;
    if (ledger_settle(l, &s, &seq, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return seq;
}

static void wait_applied(struct ledger *l, uint64_t seq)
{
    for (int i = 0; i < 60000 && ledger_applied_seq(l) < seq; i++)
        usleep(1000);
    assert_true(ledger_applied_seq(l) >= seq);
}

/* The dump of a run that nothing disturbed. */
static char *undisturbed(struct fixture *f)
{
    struct ledger *l = open_ok(f);
    for (int n = 0; n < N_SAMPLES; n++)
        admit_ok(l, n);
    uint64_t seq = 0;
    for (int n = 0; n < N_SAMPLES; n++)
        seq = settle_ok(l, n);
    wait_applied(l, seq);
    ledger_close(&l, REST_US);
    check_rollups(f);
    char *want = dump(f);
    remove_files(f);
    return want;
}

static void what_is_settled_becomes_a_row(void **state)
{
    struct fixture *f = *state;
    AUTO(mem_freep) char *want = undisturbed(f);
    assert_non_null(strstr(want, "|412000000|computed|1000|9|100|31|5|NULL|NULL|meta|"));
    assert_non_null(strstr(want, "|NULL|unknown|NULL|50|")); /* unknown is never 0 */
    assert_non_null(strstr(want, "|ticket|A-1|"));
    spool_records(f, 0, N_RECORDS);
    live(f);
    AUTO(mem_freep) char *got = dump(f);
    assert_string_equal(got, want);
}

/* What a writer had committed of the first k records when it was killed. */
static void commit_records(const struct fixture *f, int k)
{
    struct err e = ERR_INIT;
    AUTO(spool_close) struct spool *s = NULL;
    AUTO(rows_close) struct rows *r = NULL;
    static struct record record;
    struct spool_info info;
    uint64_t applied;
    bool found;
    assert_int_equal(spool_open(f->spool, SPOOL_SIZE_MIN, &s, &e), ERR_OK);
    spool_info(s, &info);
    struct spool_cursor c = {.at = info.tail};
    assert_int_equal(rows_open(f->db, info.id, &r, &applied, &e), ERR_OK);
    assert_int_equal(rows_begin(r, &e), ERR_OK);
    for (int i = 0; i < k; i++) {
        uint64_t from = c.at;
        struct str bytes;
        assert_int_equal(spool_next(s, &c, &bytes, &found, &e), ERR_OK);
        assert_int_equal(record_get(bytes, &record, &e), ERR_OK);
        if (record.kind == RECORD_ADMIT)
            assert_int_equal(rows_admit(r, record.admit.id, bytes, from, &e), ERR_OK);
        else
            assert_int_equal(rows_settle(r, &record.settle, NULL, &e), ERR_OK);
    }
    assert_int_equal(rows_commit(r, c.at, &e), ERR_OK);
    /* Half of the time the room was released as well, as far as nothing open needs it. */
    if (k % 2 == 1)
        assert_int_equal(spool_release(s, rows_tail(r, c.at), c.at, &e), ERR_OK);
    spool_cursor_release(&c);
}

/* Killed when any number of records was committed and all were spooled. */
static void a_kill_after_any_commit_changes_no_row(void **state)
{
    struct fixture *f = *state;
    AUTO(mem_freep) char *want = undisturbed(f);
    for (int k = 0; k <= N_RECORDS; k++) {
        spool_records(f, 0, N_RECORDS);
        commit_records(f, k);
        live(f);
        AUTO(mem_freep) char *got = dump(f);
        assert_string_equal(got, want);
        check_rollups(f);
        remove_files(f);
    }
}

/* The database is ahead of the spool's head: killed between commit and release. */
static void records_are_applied_once(void **state)
{
    struct fixture *f = *state;
    AUTO(mem_freep) char *want = undisturbed(f);
    spool_records(f, 0, N_RECORDS);
    copy_file(f->spool, f->saved);
    for (int i = 0; i < 3; i++) {
        live(f);
        AUTO(mem_freep) char *got = dump(f);
        assert_string_equal(got, want);
        copy_file(f->saved, f->spool);
    }
}

/* What was admitted and not settled at the kill is interrupted, once, whatever comes after. */
static void an_admission_without_an_end_is_interrupted(void **state)
{
    struct fixture *f = *state;
    for (int k = 1; k <= N_RECORDS; k++) {
        spool_records(f, 0, k);
        copy_file(f->spool, f->saved);
        live(f);
        check_rollups(f);
        int admitted = 0, settled = 0;
        static const int is_settle[N_RECORDS] = {0, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1};
        for (int i = 0; i < k; i++) {
            admitted += !is_settle[i];
            settled += is_settle[i];
        }
        assert_int_equal(count(f, "SELECT count(*) FROM request"), admitted);
        assert_int_equal(
            count(f, "SELECT count(*) FROM requests WHERE interrupted AND estimated AND"
                     " outcome = 'stream_interrupted' AND cost_pico IS reserved_pico AND"
                     " cost_source = iif(cost_pico IS NULL, 'unknown', 'estimated')"),
            admitted - settled);
        AUTO(mem_freep) char *once = dump(f);
        copy_file(f->saved, f->spool);
        live(f);
        live(f);
        AUTO(mem_freep) char *thrice = dump(f);
        assert_string_equal(once, thrice);
        remove_files(f);
    }
}

/* The spool cut at every byte of an admission and its settlement. */
static void a_cut_at_any_byte_keeps_the_rest_whole(void **state)
{
    struct fixture *f = *state;
    uint64_t end = spool_records(f, 0, 3);
    copy_file(f->spool, f->saved);
    AUTO(buf_release) struct buf record = BUF_INIT(SPOOL_RECORD_MAX);
    uint64_t ends[3], at = 0;
    for (int i = 0; i < 3; i++) {
        put_record(&record, i);
        ends[i] = at + 24 + record.len;
        for (size_t n = record.len; n > 0 && record.data[n - 1] == 0; n--)
            ends[i]--; /* what a short file lacks reads as zeroes */
        at += 24 + (record.len + 7) / 8 * 8;
    }
    assert_true(at == end);
    for (uint64_t cut = 0; cut <= end; cut++) {
        copy_file(f->saved, f->spool);
        assert_int_equal(truncate(f->spool, (off_t)(4096 + cut)), 0);
        live(f);
        assert_int_equal(count(f, "SELECT count(*) FROM request"),
                         (cut >= ends[0]) + (cut >= ends[1]));
        assert_int_equal(count(f, "SELECT count(*) FROM requests WHERE NOT interrupted"),
                         cut >= ends[2]);
        if (cut % 16 == 0)
            check_rollups(f);
        unlink(f->db); /* its log went with the last connection */
    }
}

static void a_settlement_alone_is_a_row_too(void **state)
{
    struct fixture *f = *state;
    struct ledger *l = open_ok(f);
    settle_ok(l, 0);
    settle_ok(l, 0);
    ledger_close(&l, REST_US);
    assert_int_equal(
        count(f, "SELECT count(*) FROM request WHERE kind = 'chat' AND client IS NULL"),
        1);
    assert_true(count(f, "SELECT start_us FROM request") == T0 / US_PER_MS * US_PER_MS);
    check_rollups(f);
}

static void one_ledger_has_one_broker(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct ledger *l = open_ok(f), *second = NULL;
    assert_int_equal(ledger_open(f->db, NULL, NULL, NULL, NULL, NULL, &second, &e),
                     ERR_BROKER);
    assert_null(second);
    ledger_close(&l, REST_US);
}

/* ---- trouble ---- */

static void lock_database(const struct fixture *f, struct db **ret)
{
    struct err e = ERR_INIT;
    assert_int_equal(db_open(f->db, DB_WRITE, ret, &e), ERR_OK);
    assert_int_equal(db_exec(*ret, "BEGIN IMMEDIATE", &e), ERR_OK);
}

static void a_locked_database_delays_no_answer(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *locker = NULL;
    struct err e = ERR_INIT;
    lock_database(f, &locker);
    struct ledger *l = open_ok(f);
    struct ledger_stats stats;
    int64_t t = clock_mono_us(&clock_system);
    uint64_t seq = 0;
    for (int n = 0; n < N_SAMPLES; n++) {
        admit_ok(l, n);
        seq = settle_ok(l, n);
    }
    /* whoever waits for the lock waits for 200 ms at least, with each record */
    assert_true(clock_mono_us(&clock_system) - t < N_RECORDS * 100 * US_PER_MS);
    for (int i = 0; i < 60000; i++) {
        ledger_stats(l, &stats);
        if (!stats.writable)
            break;
        usleep(1000);
    }
    assert_false(stats.writable);
    assert_non_null(strstr(stats.trouble, "locked"));
    assert_int_equal(stats.n_records, N_RECORDS);
    assert_int_equal(stats.n_applied, 0);
    assert_true(stats.spool_used > 0);
    assert_int_equal(db_exec(locker, "ROLLBACK", &e), ERR_OK);
    wait_applied(l, seq);
    ledger_stats(l, &stats);
    assert_true(stats.writable && stats.trouble[0] == '\0');
    assert_int_equal(stats.n_applied, N_RECORDS);
    ledger_close(&l, REST_US);
    assert_int_equal(count(f, "SELECT count(*) FROM request"), N_SAMPLES);
    check_rollups(f);
}

static void closing_does_not_wait_for_ever(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *locker = NULL;
    struct err e = ERR_INIT;
    lock_database(f, &locker);
    struct ledger *l = open_ok(f);
    admit_ok(l, 0);
    settle_ok(l, 0);
    int64_t t = clock_mono_us(&clock_system);
    ledger_close(&l, 300 * US_PER_MS);
    assert_true(clock_mono_us(&clock_system) - t < 30 * US_PER_S);
    assert_int_equal(db_exec(locker, "ROLLBACK", &e), ERR_OK);
    live(f); /* nothing is lost */
    assert_int_equal(count(f, "SELECT count(*) FROM request"), 1);
}

/* A full spool drops rows, counts them, and says so in the ledger later. */
static void drops_are_counted_and_noted(void **state)
{
    struct fixture *f = *state;
    AUTO(db_close) struct db *locker = NULL;
    struct err e = ERR_INIT;
    lock_database(f, &locker);
    struct ledger *l = open_ok(f);
    AUTO(buf_release) struct buf trace = BUF_INIT(200000);
    while (trace.len < 120000)
        buf_addz(&trace, "[]");
    struct settle_room room;
    struct ledger_settle s = settle_of(0, &room);
    s.trace = buf_str(&trace);
    int n = 0;
    uint64_t seq = 0;
    for (; n < 10000; n++) {
        make_id(s.id, T0, n);
        if (ledger_settle(l, &s, &seq, &e) != ERR_OK)
            break;
    }
    assert_int_equal(e.code, ERR_STORE);
    assert_true(n > 100);
    assert_int_equal(ledger_settle(l, &s, &seq, &e), ERR_STORE);
    struct ledger_stats stats;
    ledger_stats(l, &stats);
    assert_int_equal(stats.n_dropped_rows, 2);
    assert_false(stats.writable);
    assert_int_equal(db_exec(locker, "ROLLBACK", &e), ERR_OK);
    wait_applied(l, seq);
    make_id(s.id, T0, n + 1);
    assert_int_equal(ledger_settle(l, &s, &seq, &e), ERR_OK);
    wait_applied(l, seq);
    ledger_close(&l, REST_US);
    assert_int_equal(count(f, "SELECT count(*) FROM request"), n + 1);
    assert_int_equal(count(f, "SELECT sum(n_rows) FROM loss"), 2);
    assert_int_equal(count(f, "SELECT sum(n_bodies) FROM loss"), 0);
    check_rollups(f);
}

/* A record whose bytes are sound and mean nothing: another version's, say. */
static void spool_nonsense(const struct fixture *f)
{
    struct err e = ERR_INIT;
    AUTO(spool_close) struct spool *s = NULL;
    uint64_t end;
    assert_int_equal(spool_open(f->spool, SPOOL_SIZE_MIN, &s, &e), ERR_OK);
    assert_int_equal(spool_append(s, STR("nonsense"), &end, &e), ERR_OK);
}

/* What the database will never take must not keep the rest out: it is left out, and noted. */
static void a_hopeless_record_is_left_out_and_noted(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct settle_room room;
    uint64_t seq = 0;
    AUTO(db_close) struct db *other = NULL;
    spool_nonsense(f);
    struct ledger *l = open_ok(f);
    assert_int_equal(db_open(f->db, DB_WRITE, &other, &e), ERR_OK);
    assert_int_equal(db_exec(other,
                             "CREATE TRIGGER never BEFORE INSERT ON attempt "
                             "WHEN NEW.provider = 'local' "
                             "BEGIN SELECT RAISE(ABORT, 'never'); END",
                             &e),
                     ERR_OK);
    for (int i = 0; i < N_SAMPLES; i++) { /* the third is of that provider */
        struct ledger_settle s = settle_of(i, &room);
        assert_int_equal(ledger_settle(l, &s, &seq, &e), ERR_OK);
    }
    wait_applied(l, seq);
    ledger_close(&l, REST_US);
    assert_int_equal(count(f, "SELECT count(*) FROM request"), N_SAMPLES - 1);
    assert_int_equal(count(f, "SELECT count(*) FROM request WHERE provider = 'local'"),
                     0);
    assert_int_equal(count(f, "SELECT sum(n_rows) FROM loss"), 2);
    check_rollups(f);
}

static void long_requests_do_not_hold_the_ring(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct rows *r = NULL;
    uint64_t applied;
    assert_int_equal(rows_open(f->db, 42, &r, &applied, &e), ERR_OK);
    assert_int_equal(applied, 0);
    AUTO(buf_release) struct buf record = BUF_INIT(SPOOL_RECORD_MAX);
    struct ledger_admit a = admit_of(0);
    record_put_admit(&record, &a);
    assert_int_equal(rows_admit(r, a.id, buf_str(&record), 100, &e), ERR_OK);
    assert_int_equal(rows_tail(r, 5000), 100);
    for (int i = 0; i < 2; i++) { /* the first time is taken back */
        assert_int_equal(rows_begin(r, &e), ERR_OK);
        assert_int_equal(rows_keep(r, 1000, &e), ERR_OK);
        if (i == 0)
            rows_rollback(r);
        else
            assert_int_equal(rows_commit(r, 5000, &e), ERR_OK);
        assert_int_equal(rows_tail(r, 5000), i == 0 ? 100 : 5000);
    }
    rows_close(&r);
    assert_int_equal(rows_open(f->db, 42, &r, &applied, &e), ERR_OK);
    assert_int_equal(applied, 5000);
    assert_int_equal(rows_n_open(r), 1);
    struct settle_room room;
    struct ledger_settle s = settle_of(0, &room);
    assert_int_equal(rows_begin(r, &e), ERR_OK);
    assert_int_equal(rows_settle(r, &s, NULL, &e), ERR_OK);
    assert_int_equal(rows_commit(r, 6000, &e), ERR_OK);
    rows_close(&r);
    assert_int_equal(count(f, "SELECT count(*) FROM admitted"), 0);
    assert_int_equal(count(f, "SELECT count(*) FROM request WHERE client = 'cli'"), 1);
    assert_int_equal(rows_open(f->db, 43, &r, &applied, &e), ERR_OK);
    assert_int_equal(applied, 0); /* another spool: nothing of it is known */
    rows_close(&r);
}

/* The ring goes round twice while one request is open: its record moves to the database. */
static void an_open_request_outlives_the_ring(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct settle_room room;
    struct ledger_settle s = settle_of(0, &room);
    struct ledger_stats stats;
    AUTO(buf_release) struct buf trace = BUF_INIT(200000);
    while (trace.len < 120000)
        buf_addz(&trace, "[]");
    s.trace = buf_str(&trace);
    struct ledger *l = open_ok(f);
    admit_ok(l, 0);
    ledger_stats(l, &stats);
    uint64_t seq = 0, laps = 2 * stats.spool_size;
    int n = 1;
    for (; seq < laps; n++) {
        make_id(s.id, T0, n);
        if (ledger_settle(l, &s, &seq, &e) != ERR_OK)
            fail_msg("%d records, %s", n, e.text);
        wait_applied(l, seq);
    }
    wait_applied(l, settle_ok(l, 0));
    ledger_close(&l, REST_US);
    assert_int_equal(count(f, "SELECT count(*) FROM request"), n);
    assert_int_equal(count(f, "SELECT count(*) FROM request WHERE client = 'cli'"), 1);
    assert_int_equal(count(f, "SELECT count(*) FROM loss"), 0);
}

/* ---- bodies ---- */

static void unpack(struct db *d, const char *sql, char *out, size_t size)
{
    struct err e = ERR_INIT;
    sqlite3_stmt *st;
    bool row;
    assert_int_equal(db_prepare(d, sql, &st, &e), ERR_OK);
    assert_int_equal(db_step(d, st, &row, &e), ERR_OK);
    assert_true(row);
    size_t n = ZSTD_decompress(out, size - 1, sqlite3_column_blob(st, 0),
                               (size_t)sqlite3_column_bytes(st, 0));
    assert_false(ZSTD_isError(n));
    out[n] = '\0';
    sqlite3_reset(st);
}

static void bodies_are_kept_when_asked_for(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct ledger *l = open_ok(f);
    for (int n = 0; n < 3; n++) {
        struct settle_room room;
        struct ledger_settle s = settle_of(n, &room);
        char request[32];
        snprintf(request, sizeof request, "question %d", n);
        s.request_body = str_of(request);
        s.response_body = n == 2 ? STR_NONE : STR("{\"response\":1}");
        s.response_text = STR("answer");
        s.record = n == 1 ? CONF_RECORD_META : CONF_RECORD_FULL;
        admit_ok(l, n);
        assert_int_equal(ledger_settle(l, &s, NULL, &e), ERR_OK);
    }
    ledger_close(&l, REST_US);
    AUTO(db_close) struct db *d = read_ok(f);
    char text[64];
    assert_int_equal(count(f, "SELECT count(*) FROM body"), 2);
    unpack(
        d,
        "SELECT request FROM body JOIN request q USING (rid) WHERE q.provider = 'local'",
        text, sizeof text);
    assert_string_equal(text, "question 2");
    unpack(d, "SELECT response FROM body WHERE response IS NOT NULL", text, sizeof text);
    assert_string_equal(text, "{\"response\":1}");
    unpack(d, "SELECT answer FROM body WHERE rid = 1", text, sizeof text);
    assert_string_equal(text, "answer");
    assert_int_equal(
        count(f, "SELECT count(*) FROM body WHERE response IS NULL AND response_len = 0"),
        1);
    assert_int_equal(count(f, "SELECT request_len FROM body LIMIT 1"), 10);
    assert_int_equal(
        count(f, "SELECT count(*) FROM body WHERE stored_len != length(request) +"
                 " ifnull(length(response), 0) + length(answer)"),
        0);
}

static void a_body_too_many_is_dropped_and_the_row_kept(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct ledger *l = open_ok(f);
    static char big[LIMIT_BODY_QUEUE + 1];
    struct settle_room room;
    struct ledger_settle s = settle_of(0, &room);
    s.record = CONF_RECORD_FULL;
    s.request_body = (struct str){big, sizeof big};
    assert_int_equal(ledger_settle(l, &s, NULL, &e), ERR_OK);
    struct ledger_stats stats;
    ledger_stats(l, &stats);
    assert_int_equal(stats.n_dropped_bodies, 1);
    assert_int_equal(stats.n_dropped_rows, 0);
    ledger_close(&l, REST_US);
    assert_int_equal(count(f, "SELECT count(*) FROM request"), 1);
    assert_int_equal(count(f, "SELECT count(*) FROM body"), 0);
    assert_int_equal(count(f, "SELECT n_bodies FROM loss"), 1);
}

/* ---- the loop ---- */

struct told {
    struct loop *loop;
    uint64_t applied, wanted;
};

static void on_committed(void *arg, uint64_t applied)
{
    struct told *t = arg;
    t->applied = applied;
    if (applied >= t->wanted && t->wanted > 0)
        loop_quit(t->loop);
}

static void the_loop_is_told_of_commits(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    AUTO(loop_free) struct loop *loop = NULL;
    assert_int_equal(loop_new(NULL, &loop, &e), ERR_OK);
    struct told t = {.loop = loop};
    struct ledger *l = NULL;
    assert_int_equal(ledger_open(f->db, NULL, loop, NULL, on_committed, &t, &l, &e),
                     ERR_OK);
    admit_ok(l, 0);
    t.wanted = settle_ok(l, 0);
    int64_t start = clock_mono_us(&clock_system);
    while (t.applied < t.wanted && clock_mono_us(&clock_system) - start < REST_US)
        assert_int_equal(loop_turn(loop, 100 * US_PER_MS, &e), ERR_OK);
    assert_true(t.applied >= t.wanted);
    assert_int_equal(count(f, "SELECT count(*) FROM request"), 1);
    settle_ok(l, 1);
    ledger_close(&l, REST_US);
    assert_int_equal(loop_turn(loop, 0, &e),
                     ERR_OK); /* a wake that comes late is harmless */
}

/* ---- deleting ---- */

static bool file_holds(const char *path, const char *text)
{
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return false;
    struct stat st;
    fstat(fd, &st);
    char *bytes = malloc((size_t)st.st_size + 1);
    ssize_t n = read(fd, bytes, (size_t)st.st_size);
    bool found = n > 0 && memmem(bytes, (size_t)n, text, strlen(text)) != NULL;
    free(bytes);
    close(fd);
    return found;
}

/* One write for all requests of a turn; but what a client is told of is true when it is told. */
static void what_nobody_is_told_of_waits_for_the_turn(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    AUTO(loop_free) struct loop *loop = NULL;
    assert_int_equal(loop_new(NULL, &loop, &e), ERR_OK);
    struct ledger *l = NULL;
    assert_int_equal(ledger_open(f->db, NULL, loop, NULL, NULL, NULL, &l, &e), ERR_OK);
    for (int n = 0; n < 3; n++) {
        struct ledger_admit a = admit_of(n);
        struct settle_room room;
        struct ledger_settle s = settle_of(n, &room);
        uint64_t seq = 0;
        s.record = CONF_RECORD_META;
        s.is_told = n == 2;
        assert_int_equal(ledger_admit(l, &a, NULL, &e), ERR_OK);
        assert_int_equal(ledger_settle(l, &s, &seq, &e), ERR_OK);
        assert_true(seq > 0);
        assert_int_equal(file_holds(f->spool, a.id), n == 2);
        if (n == 0)
            ledger_flush(l);
        else
            assert_int_equal(loop_turn(loop, 0, &e), ERR_OK);
        assert_true(file_holds(f->spool, a.id));
    }
    struct ledger_stats stats;
    ledger_stats(l, &stats);
    assert_int_equal(stats.n_records, 6);
    assert_int_equal(stats.n_dropped_rows, 0);
    struct ledger_admit last = admit_of(3);
    assert_int_equal(ledger_admit(l, &last, NULL, &e), ERR_OK);
    ledger_close(&l, REST_US);
    assert_true(file_holds(f->spool, last.id));
    assert_int_equal(count(f, "SELECT count(*) FROM request"), 3);
}

static void remove_all(struct ledger *l, struct prune_selection what)
{
    struct err e = ERR_INIT;
    uint64_t number;
    assert_int_equal(ledger_remove(l, &what, &number, &e), ERR_OK);
}

static void deleting_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct ledger *l = open_ok(f);
    const struct http1_header tag = {STR("note"), STR("sesame-open")};
    admit_ok(l, 4); /* stays open meanwhile, and is kept */
    struct ledger_admit a = admit_of(0);
    a.tags = &tag;
    a.n_tags = 1;
    struct settle_room room;
    struct ledger_settle s = settle_of(0, &room);
    s.error = STR("sesame-open");
    s.trace = STR("[\"sesame-open\"]");
    assert_int_equal(ledger_admit(l, &a, NULL, &e), ERR_OK);
    assert_int_equal(ledger_settle(l, &s, NULL, &e), ERR_OK);
    admit_ok(l, 1);
    wait_applied(l, settle_ok(l, 1));
    char wal[160];
    snprintf(wal, sizeof wal, "%s-wal", f->db);
    assert_true(file_holds(f->spool, "sesame-open"));
    assert_true(file_holds(wal, "sesame-open") || file_holds(f->db, "sesame-open"));
    remove_all(l, (struct prune_selection){.id = str_of(a.id)});
    for (int i = 0; i < 60000 && file_holds(f->spool, "sesame-open"); i++)
        usleep(1000);
    assert_false(file_holds(f->spool, "sesame-open"));
    assert_false(file_holds(wal, "sesame-open"));
    assert_false(file_holds(f->db, "sesame-open"));
    assert_int_equal(count(f, "SELECT count(*) FROM request"), 1);
    assert_int_equal(count(f, "SELECT sum(n_requests) FROM rollup_hour"),
                     2); /* the money stays */
    settle_ok(l, 4);
    ledger_close(&l, REST_US);
    assert_int_equal(count(f, "SELECT count(*) FROM request WHERE client = 'cli'"), 2);
}

/* Who follows the log by its numbers must not miss what takes a deleted one's place. */
static void numbers_of_deleted_rows_are_not_used_again(void **state)
{
    struct fixture *f = *state;
    struct ledger *l = open_ok(f);
    admit_ok(l, 0);
    wait_applied(l, settle_ok(l, 0));
    int64_t last = count(f, "SELECT max(rid) FROM request");
    remove_all(l, (struct prune_selection){.until_us = INT64_MAX / 2});
    for (int i = 0; i < 60000 && count(f, "SELECT count(*) FROM request") > 0; i++)
        usleep(1000);
    admit_ok(l, 1);
    wait_applied(l, settle_ok(l, 1));
    assert_int_equal(count(f, "SELECT max(rid) FROM request"), last + 1);
    ledger_close(&l, REST_US);
}

static void deleting_goes_by_conversation_and_by_age(void **state)
{
    struct fixture *f = *state;
    spool_records(f, 0, N_RECORDS);
    live(f);
    struct ledger *l = open_ok(f);
    remove_all(l, (struct prune_selection){.conversation = STR("c1")});
    ledger_close(&l, REST_US);
    assert_int_equal(count(f, "SELECT count(*) FROM request"), N_SAMPLES - 2);
    assert_int_equal(count(f, "SELECT count(*) FROM conversation"), 1);
    assert_int_equal(
        count(f,
              "SELECT count(*) FROM attempt WHERE rid NOT IN (SELECT rid FROM request)"),
        0);
    l = open_ok(f);
    remove_all(l, (struct prune_selection){.until_us = T0 + US_PER_HOUR / 2});
    ledger_close(&l, REST_US);
    assert_int_equal(count(f, "SELECT count(*) FROM request"), 3);
    assert_int_equal(
        count(f, "SELECT count(*) FROM request WHERE start_us < 1795577711000000"), 0);
}

static void old_and_too_many_bodies_go(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    AUTO(db_close) struct db *d = NULL;
    assert_int_equal(db_open(f->db, DB_WRITE, &d, &e), ERR_OK);
    for (int i = 1; i <= 1200; i++) {
        char sql[128];
        snprintf(sql, sizeof sql,
                 "INSERT INTO body VALUES (%d, %d, 100, 1, 1, 1, x'00', NULL, NULL)", i,
                 i);
        assert_int_equal(db_exec(d, sql, &e), ERR_OK);
    }
    int64_t n;
    /* the first of each conversation has given it its title */
    assert_int_equal(
        db_exec(d,
                "INSERT INTO request (rid, id, start_us, end_us, kind, outcome, flags,"
                " n_attempts, cost_source, record, conversation) VALUES"
                " (600, 'a', 1, 1, 'chat', 'ok', 0, 1, 'unknown', 'full', 'old'),"
                " (601, 'b', 1, 1, 'chat', 'ok', 0, 1, 'unknown', 'full', 'new');"
                "INSERT INTO conversation (id, title, start_us, last_us, last_request,"
                " n_requests) VALUES ('old', 'said', 1, 1, 'a', 1),"
                " ('new', 'said', 1, 1, 'b', 1)",
                &e),
        ERR_OK);
    assert_int_equal(prune_bodies(d, 601, 0, &n, &e), ERR_OK);
    assert_int_equal(n, 600);
    assert_int_equal(count(f, "SELECT count(*) FROM conversation WHERE title IS NULL"),
                     1);
    assert_int_equal(count(f, "SELECT title IS NULL FROM conversation WHERE id = 'old'"),
                     1);
    assert_int_equal(prune_bodies(d, 0, 5950, &n, &e), ERR_OK);
    assert_int_equal(n, 541);
    assert_int_equal(count(f, "SELECT min(rid) FROM body"), 1142);
    assert_int_equal(prune_bodies(d, 0, 5950, &n, &e), ERR_OK);
    assert_int_equal(n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_settled_becomes_a_row),
        TEST(a_kill_after_any_commit_changes_no_row),
        TEST(records_are_applied_once),
        TEST(an_admission_without_an_end_is_interrupted),
        TEST(a_cut_at_any_byte_keeps_the_rest_whole),
        TEST(a_settlement_alone_is_a_row_too),
        TEST(one_ledger_has_one_broker),
        TEST(a_locked_database_delays_no_answer),
        TEST(closing_does_not_wait_for_ever),
        TEST(drops_are_counted_and_noted),
        TEST(a_hopeless_record_is_left_out_and_noted),
        TEST(long_requests_do_not_hold_the_ring),
        TEST(an_open_request_outlives_the_ring),
        TEST(bodies_are_kept_when_asked_for),
        TEST(a_body_too_many_is_dropped_and_the_row_kept),
        TEST(the_loop_is_told_of_commits),
        TEST(what_nobody_is_told_of_waits_for_the_turn),
        TEST(deleting_leaves_no_trace),
        TEST(numbers_of_deleted_rows_are_not_used_again),
        TEST(deleting_goes_by_conversation_and_by_age),
        TEST(old_and_too_many_bodies_go),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
