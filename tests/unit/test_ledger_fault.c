/*
 * test_ledger_fault.c: the ledger is killed in the middle of every call to a file, and every
 * such call and every allocation fails: once, and for ever until the next start. What was
 * acknowledged is a row exactly once, with its cost; the roll-ups are the sums of the rows.
 *
 * FAULT_STRIDE in the environment: only every so many calls; 8 unless it is given.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/db.h"

#include "broker/ledger.h"
#include "broker/record.h"
#include "tests/unit/fault.h"

#include <cmocka.h>

#define T0 ((int64_t)1795575911000000) /* 2026-11-25T03:05:11Z */
enum { N_REQUESTS = 8, REST_US = 60 * US_PER_S /* for the writer, on a slow disk */ };

/* How far each request came, as its client knows; shared with the process that is killed. */
enum ack { ACK_NONE, ACK_ADMITTED, ACK_SETTLED };

struct fixture {
    char dir[64], db[96], spool[112];
    enum ack *acks;
    long stride;
    int64_t n_refused; /* records that were not taken … */
    int64_t n_dropped; /* … of which so many were ends of requests */
};

static int setup(void **state)
{
    static struct fixture f;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    const char *stride = getenv("FAULT_STRIDE");
    snprintf(f.dir, sizeof f.dir, "%s/test_fault.XXXXXX", base);
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.db, sizeof f.db, "%s/llmgw.db", f.dir);
    snprintf(f.spool, sizeof f.spool, "%s.spool", f.db);
    f.acks = mmap(NULL, N_REQUESTS * sizeof *f.acks, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(f.acks != MAP_FAILED);
    f.stride = stride != NULL ? strtol(stride, NULL, 10) : 8;
    *state = &f;
    return 0;
}

static void clear(struct fixture *f)
{
    static const char *const suffixes[] = {"",         "-wal",   "-shm",
                                           "-journal", ".spool", ".spool.damaged"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", f->db, suffixes[i]);
        unlink(path);
    }
    memset(f->acks, 0, N_REQUESTS * sizeof *f->acks);
    f->n_refused = f->n_dropped = 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    clear(f);
    munmap(f->acks, N_REQUESTS * sizeof *f->acks);
    return rmdir(f->dir);
}

/* Ready for a run: a small spool and, unless the schema is the matter, a database. */
static void prepare(struct fixture *f, bool with_schema)
{
    struct err e = ERR_INIT;
    struct spool *s = NULL;
    struct db *d = NULL;
    clear(f);
    assert_int_equal(spool_open(f->spool, SPOOL_SIZE_MIN, &s, &e), ERR_OK);
    spool_close(&s);
    if (with_schema)
        assert_int_equal(db_open(f->db, DB_WRITE, &d, &e), ERR_OK);
    db_close(&d);
}

/* ---- requests ---- */

static pico cost_of(int n)
{
    return 7 * n + 3;
}

static pico reserved_of(int n)
{
    return 1000 + n;
}

static void make_id(char id[ULID_LEN + 1], int n)
{
    clock_ulid_floor(id, T0 + n);
    snprintf(id + 20, 7, "%06d", n);
}

static void note(struct fixture *f, int n, enum ack ack, enum errc rc)
{
    assert_true(rc == ERR_OK || rc == ERR_STORE || rc == ERR_MEMORY);
    if (rc == ERR_OK)
        f->acks[n] = ack;
    else {
        f->n_refused++;
        f->n_dropped += ack == ACK_SETTLED;
    }
}

static void admit(struct fixture *f, struct ledger *l, int n)
{
    struct err e = ERR_INIT;
    const struct http1_header tag = {STR("ticket"), STR("A-1")};
    struct ledger_admit a = {
        .start_us = T0 + n,
        .client = STR("cli"),
        .dialect = STR("openai"),
        .asked_model = STR("fast"),
        .conversation = n % 2 ? STR("c1") : STR_NONE,
        .kind = STR("chat"),
        .provider = STR("openai"),
        .model = n % 3 ? STR("small") : STR("big"),
        .tags = &tag,
        .n_tags = 1,
        .reserved_pico = reserved_of(n),
    };
    make_id(a.id, n);
    note(f, n, ACK_ADMITTED, ledger_admit(l, &a, NULL, &e));
}

static void settle(struct fixture *f, struct ledger *l, int n)
{
    struct err e = ERR_INIT;
    struct usage usage = {.known = 1U << USAGE_INPUT,
                          .n = {[USAGE_INPUT] = n + 1},
                          .reported_pico = PICO_UNKNOWN};
    struct ledger_attempt attempt = {
        .provider = STR("openai"),
        .model = n % 3 ? STR("small") : STR("big"),
        .start_us = T0 + n,
        .end_us = T0 + n + 10,
        .http_status = 200,
        .usage = &usage,
        .cost_pico = cost_of(n),
    };
    struct ledger_settle s = {
        .end_us = T0 + n + 10,
        .provider = attempt.provider,
        .model = attempt.model,
        .usage = &usage,
        .cost_pico = cost_of(n),
        .reported_pico = PICO_UNKNOWN,
        .attempts = &attempt,
        .n_attempts = 1,
        .request_body = STR("{\"q\":1}"),
        .response_text = STR("answer"),
        .record = n % 2 ? CONF_RECORD_FULL : CONF_RECORD_META,
        .flags = n % 4 == 1 ? LEDGER_ESTIMATED : 0U,
    };
    make_id(s.id, n);
    note(f, n, ACK_SETTLED, ledger_settle(l, &s, NULL, &e));
}

static enum errc start(struct fixture *f, struct ledger **l, struct err *e)
{
    *e = (struct err)ERR_INIT;
    return ledger_open(f->db, NULL, NULL, NULL, NULL, NULL, l, e);
}

/* Trouble is told when it is there, and no longer; on a busy machine rest may come late. */
static void check_trouble(struct ledger *l, bool is_at_rest)
{
    struct ledger_stats stats;
    for (int i = 0; i < 60000; i++) {
        is_at_rest = is_at_rest || ledger_wait(l, 0);
        ledger_stats(l, &stats);
        if ((stats.trouble[0] == '\0') == is_at_rest)
            return;
        usleep(1000);
    }
    fail_msg("trouble: \"%s\"", stats.trouble);
}

/*
 * Two lives of a broker. 3 and 4 are open at the end of the first; the second, which has to
 * interrupt them, is short. Each step waits for the writer, at most wait_us.
 */
static enum errc run(struct fixture *f, int64_t wait_us, struct err *e)
{
    struct ledger *l = NULL;
    if (start(f, &l, e) != ERR_OK)
        return e->code;
    admit(f, l, 0);
    settle(f, l, 0);
    (void)ledger_wait(l, wait_us);
    for (int n = 1; n <= 3; n++)
        admit(f, l, n);
    settle(f, l, 2);
    settle(f, l, 1);
    (void)ledger_wait(l, wait_us);
    admit(f, l, 4);
    ledger_close(&l, wait_us);
    if (start(f, &l, e) != ERR_OK)
        return e->code;
    admit(f, l, 5);
    settle(f, l, 5);
    settle(f, l, 6);
    check_trouble(l, ledger_wait(l, wait_us));
    ledger_close(&l, wait_us);
    return ERR_OK;
}

/* A start without faults: what the spool holds becomes rows. */
static void live(struct fixture *f)
{
    struct err e;
    struct ledger *l = NULL;
    if (start(f, &l, &e) != ERR_OK)
        fail_msg("%s", e.text);
    assert_true(ledger_wait(l, REST_US));
    struct ledger_stats stats;
    ledger_stats(l, &stats);
    assert_string_equal(stats.trouble, "");
    ledger_close(&l, REST_US);
}

/* ---- the rows ---- */

static struct db *read_ok(struct fixture *f)
{
    struct err e = ERR_INIT;
    struct db *d = NULL;
    if (db_open(f->db, DB_READ, &d, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return d;
}

static int64_t ask_number(struct db *d, const char *sql)
{
    struct err e = ERR_INIT;
    sqlite3_stmt *st;
    bool row;
    if (db_prepare(d, sql, &st, &e) != ERR_OK || db_step(d, st, &row, &e) != ERR_OK ||
        !row)
        fail_msg("%s: %s", sql, e.text);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return n;
}

static const char *rollups_sql(void)
{
    static char sql[8192];
    char path[512];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/tests/data/rollups.sql", top != NULL ? top : "..");
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, sql, sizeof sql - 1);
    close(fd);
    assert_true(n > 0);
    sql[n] = '\0';
    return sql;
}

/* How many rows of request n, with that cost, are as `what` says. */
static int64_t n_rows(struct db *d, int n, const char *what, pico cost)
{
    char sql[512], id[ULID_LEN + 1];
    make_id(id, n);
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM requests WHERE id = '%s' AND cost_pico = %lld AND %s",
             id, (long long)cost, what);
    return ask_number(d, sql);
}

/* What the client of request n was told is what its row says. */
static void check_request(struct fixture *f, struct db *d, int n)
{
    int64_t n_whole = n_rows(d, n,
                             "NOT interrupted AND outcome = 'ok' AND "
                             "cost_source = 'computed' AND n_attempts = 1",
                             cost_of(n));
    int64_t n_cut = n_rows(d, n,
                           "interrupted AND estimated AND outcome = 'stream_interrupted' "
                           "AND n_attempts = 0",
                           reserved_of(n));
    switch (f->acks[n]) {
    case ACK_SETTLED:
        assert_int_equal(n_whole, 1);
        assert_int_equal(n_cut, 0);
        break;
    case ACK_ADMITTED:
        assert_int_equal(n_whole + n_cut, 1);
        break;
    case ACK_NONE:
        assert_true(n_whole + n_cut <= 1);
        break;
    }
}

static void check_rows(struct fixture *f)
{
    AUTO(db_close) struct db *d = read_ok(f);
    for (int n = 0; n < N_REQUESTS; n++)
        check_request(f, d, n);
    static const char *const zeroes[] = {
        "SELECT count(*) FROM admitted",
        "SELECT (SELECT count(*) FROM attempt) - (SELECT sum(n_attempts) FROM request)",
        "SELECT count(*) FROM requests WHERE NOT interrupted AND outcome != 'ok'",
        "SELECT count(*) FROM attempt WHERE rid NOT IN (SELECT rid FROM request)",
        "SELECT count(*) FROM tag WHERE rid NOT IN (SELECT rid FROM request)",
        "SELECT count(*) FROM body WHERE rid NOT IN (SELECT rid FROM request)",
        "SELECT ifnull(sum(n_requests), 0) - (SELECT count(*) FROM request "
        "WHERE conversation IS NOT NULL) FROM conversation",
    };
    for (size_t i = 0; i < ARRAY_LEN(zeroes); i++)
        assert_int_equal(ask_number(d, zeroes[i]), 0);
    assert_int_equal(ask_number(d, rollups_sql()), 0);
    assert_int_equal(ask_number(d,
                                "SELECT n_hit FROM (SELECT count(*) AS n_hit FROM "
                                "pragma_integrity_check WHERE integrity_check = 'ok')"),
                     1);
}

static void check_spool_is_empty(struct fixture *f)
{
    struct err e = ERR_INIT;
    struct spool_info info;
    AUTO(spool_close) struct spool *s = NULL;
    assert_int_equal(spool_open(f->spool, SPOOL_SIZE_MIN, &s, &e), ERR_OK);
    spool_info(s, &info);
    assert_true(info.tail == info.head);
}

/* The next start mends everything, and another one finds nothing to do. */
static void check_recovery(struct fixture *f)
{
    for (int i = 0; i < 2; i++) {
        live(f);
        check_rows(f);
        check_spool_is_empty(f);
    }
}

static void an_undisturbed_run_records_all(void **state)
{
    struct fixture *f = *state;
    struct err e;
    prepare(f, true);
    assert_int_equal(run(f, US_PER_S, &e), ERR_OK);
    check_rows(f);
    AUTO(db_close) struct db *d = read_ok(f);
    assert_int_equal(ask_number(d, "SELECT count(*) FROM request"), 7);
    assert_int_equal(ask_number(d, "SELECT count(*) FROM requests WHERE interrupted"), 2);
    assert_int_equal(ask_number(d, "SELECT count(*) FROM body"), 2);
    for (int n = 0; n < 7; n++)
        assert_int_equal(f->acks[n], n == 3 || n == 4 ? ACK_ADMITTED : ACK_SETTLED);
}

/* ---- kills ---- */

/* Runs in a process that is killed at call n; false: it lived to its end. */
static bool run_killed(struct fixture *f, unsigned kinds, long n)
{
    struct err e;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fault_arm(kinds, FAULT_KILL, n);
        _exit(run(f, US_PER_S, &e) == ERR_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(status, 0);
    return false;
}

static void kill_everywhere(struct fixture *f, unsigned kinds, bool with_schema)
{
    bool was_killed = true;
    long n = 0;
    for (; was_killed; n += f->stride) {
        prepare(f, with_schema);
        was_killed = run_killed(f, kinds, n);
        check_recovery(f);
    }
    assert_true(n > 20);
}

static void a_kill_in_any_write_to_the_spool_loses_nothing(void **state)
{
    kill_everywhere(*state, FAULT_SPOOL, true);
}

static void a_kill_in_any_call_to_the_database_loses_nothing(void **state)
{
    kill_everywhere(*state, FAULT_DATABASE, true);
}

static void a_kill_while_the_schema_is_made_loses_nothing(void **state)
{
    kill_everywhere(*state, FAULT_DATABASE, false);
}

static void a_kill_while_the_spool_is_made_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    bool was_killed = true;
    for (long n = 0; was_killed; n++) {
        clear(f);
        was_killed = run_killed(f, FAULT_SPOOL, n);
        if (n > 6)
            break; /* from here on as with a spool that was there */
        check_recovery(f);
    }
}

/* ---- errors ---- */

static void check_start_error(const struct err *e)
{
    assert_true(e->code == ERR_STORE || e->code == ERR_MEMORY);
    assert_true(e->text[0] != '\0');
}

/* What could not be recorded is noted at the end of the run at the latest. */
static void check_losses(struct fixture *f)
{
    AUTO(db_close) struct db *d = read_ok(f);
    assert_int_equal(ask_number(d, "SELECT ifnull(sum(n_rows), 0) FROM loss"),
                     f->n_dropped);
}

/*
 * Each call fails in turn. Once: the ledger comes to rest in the same run, and what was said
 * to be recorded is. For ever: nothing waits for it, and the next start finds everything.
 */
static void fail_everywhere(struct fixture *f, unsigned kinds, enum fault_how how)
{
    bool has_struck = true;
    int64_t wait_us = how == FAULT_ONCE ? REST_US : 30 * US_PER_MS;
    for (long n = 0; has_struck; n += f->stride) {
        struct err e;
        prepare(f, true);
        fault_arm(kinds, how, n);
        enum errc rc = run(f, wait_us, &e);
        has_struck = fault_disarm();
        if (rc != ERR_OK)
            check_start_error(&e);
        else if (how == FAULT_ONCE && f->n_refused == 0)
            check_rows(f);
        check_recovery(f);
        if (how == FAULT_ONCE)
            check_losses(f);
    }
}

static void an_error_of_the_database_is_overcome(void **state)
{
    fail_everywhere(*state, FAULT_DATABASE, FAULT_ONCE);
}

static void a_dead_database_is_caught_up_with_later(void **state)
{
    fail_everywhere(*state, FAULT_DATABASE, FAULT_EVER);
}

static void an_error_of_the_spool_is_overcome(void **state)
{
    fail_everywhere(*state, FAULT_SPOOL, FAULT_ONCE);
}

static void a_dead_spool_loses_nothing_that_was_acknowledged(void **state)
{
    fail_everywhere(*state, FAULT_SPOOL, FAULT_EVER);
}

static void a_failing_allocation_is_overcome(void **state)
{
    fail_everywhere(*state, FAULT_MEMORY, FAULT_ONCE);
}

static void a_failing_allocation_of_sqlite_is_overcome(void **state)
{
    struct fixture *f = *state;
    f->stride *= 16; /* thousands */
    fail_everywhere(f, FAULT_SQLITE_MEMORY, FAULT_ONCE);
}

/* Trouble is over when its reason is, even if no request comes that shows it. */
static void trouble_passes_by_itself(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct ledger *l = NULL;
    prepare(f, true);
    assert_int_equal(start(f, &l, &e), ERR_OK);
    assert_true(ledger_wait(l, REST_US));
    admit(f, l, 0);
    fault_arm(FAULT_SPOOL, FAULT_EVER, 2); /* the settlement is written and read */
    settle(f, l, 0);
    check_trouble(l, false);
    fault_disarm();
    check_trouble(l, true);
    ledger_close(&l, REST_US);
    assert_int_equal(f->acks[0], ACK_SETTLED);
    check_rows(f);
}

/* ---- what cannot be read, what cannot be a row ---- */

static void poke(const char *path, off_t at, char xor)
{
    char c;
    int fd = open(path, O_RDWR);
    assert_true(pread(fd, &c, 1, at) == 1);
    c ^= xor;
    assert_true(pwrite(fd, &c, 1, at) == 1);
    close(fd);
}

static int64_t ask(struct fixture *f, const char *sql)
{
    AUTO(db_close) struct db *d = read_ok(f);
    return ask_number(d, sql);
}

/* A process that is killed when it has spooled three settlements, none of them a row. */
static void leave_three_in_the_spool(struct fixture *f)
{
    prepare(f, true);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct err e;
        struct ledger *l = NULL;
        fault_arm(FAULT_DATABASE, FAULT_EVER, 0);
        if (start(f, &l, &e) == ERR_OK)
            for (int n = 0; n < 3; n++)
                settle(f, l, n);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(f->acks[2], ACK_SETTLED);
}

static void an_unreadable_record_is_counted_and_the_others_are_rows(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct ledger *l = NULL;
    struct ledger_stats stats;
    leave_three_in_the_spool(f);
    poke(f->spool, 4096 + 40, 1); /* in the first record */
    assert_int_equal(start(f, &l, &e), ERR_OK);
    assert_true(ledger_wait(l, REST_US));
    ledger_stats(l, &stats);
    assert_int_equal(stats.n_dropped_rows, 1);
    ledger_close(&l, REST_US);
    f->acks[0] = ACK_NONE;
    check_rows(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM request"), 2);
    assert_int_equal(ask(f, "SELECT n_rows FROM loss WHERE why LIKE 'unreadable%'"), 1);
    live(f);
    assert_int_equal(ask(f, "SELECT sum(n_rows) FROM loss"), 1);
}

/* … once, whichever call to the database fails when that is noted. */
static void an_unreadable_record_is_counted_once_whatever_fails(void **state)
{
    struct fixture *f = *state;
    bool has_struck = true;
    for (long n = 0; has_struck; n += f->stride) {
        struct err e;
        struct ledger *l = NULL;
        leave_three_in_the_spool(f);
        poke(f->spool, 4096 + 40, 1);
        fault_arm(FAULT_DATABASE, FAULT_ONCE, n);
        enum errc rc = start(f, &l, &e);
        if (rc == ERR_OK)
            assert_true(ledger_wait(l, 5 * US_PER_S));
        ledger_close(&l, 5 * US_PER_S);
        has_struck = fault_disarm();
        live(f);
        f->acks[0] = ACK_NONE;
        check_rows(f);
        assert_int_equal(ask(f, "SELECT count(*) FROM request"), 2);
        assert_int_equal(ask(f, "SELECT sum(n_rows) FROM loss"), 1);
    }
}

/* Two attempts of one number: the table refuses the second, when a row is there already. */
static void half_a_row_is_none(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct ledger *l = NULL;
    const struct ledger_attempt twins[2] = {{.index = 1}, {.index = 1}};
    struct ledger_settle s = {.attempts = twins, .n_attempts = 2, .cost_pico = 5};
    prepare(f, true);
    assert_int_equal(start(f, &l, &e), ERR_OK);
    for (int n = 0; n < 6; n++) {
        make_id(s.id, 100 + n);
        settle(f, l, n);
        assert_int_equal(ledger_settle(l, &s, NULL, &e), ERR_OK);
    }
    assert_true(ledger_wait(l, REST_US));
    check_trouble(l, true);
    ledger_close(&l, REST_US);
    check_rows(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM request"), 6);
    assert_int_equal(ask(f, "SELECT sum(n_rows) FROM loss"), 6);
}

/* More than one transaction takes: those of the next ones are not forgotten with the first. */
static void bodies_of_several_transactions_are_kept(void **state)
{
    enum { MANY = 5000 };
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct ledger *l = NULL;
    struct db *locker = NULL;
    struct ledger_settle s = {.request_body = STR("{}"),
                              .record = CONF_RECORD_FULL,
                              .cost_pico = 1,
                              .reported_pico = PICO_UNKNOWN};
    prepare(f, true);
    assert_int_equal(db_open(f->db, DB_WRITE, &locker, &e), ERR_OK);
    assert_int_equal(db_exec(locker, "BEGIN IMMEDIATE", &e), ERR_OK);
    assert_int_equal(start(f, &l, &e), ERR_OK);
    for (int n = 0; n < MANY; n++) {
        make_id(s.id, n);
        assert_int_equal(ledger_settle(l, &s, NULL, &e), ERR_OK);
    }
    assert_int_equal(db_exec(locker, "ROLLBACK", &e), ERR_OK);
    db_close(&locker);
    assert_true(ledger_wait(l, 60 * US_PER_S));
    ledger_close(&l, 60 * US_PER_S);
    assert_int_equal(ask(f, "SELECT count(*) FROM request"), MANY);
    assert_int_equal(ask(f, "SELECT count(*) FROM body"), MANY);
}

static void wait_removed(struct ledger *l)
{
    struct ledger_stats stats = {.n_removals = 0};
    for (int i = 0; i < 60000 && stats.n_removals == 0; i++) {
        ledger_stats(l, &stats);
        usleep(1000);
    }
    assert_int_equal(stats.n_removals, 1);
}

/* Who is told that a request was deleted may rely on it, whichever call failed once. */
static void what_is_said_to_be_deleted_is(void **state)
{
    struct fixture *f = *state;
    bool has_struck = true;
    for (long n = 0; has_struck; n += f->stride) {
        struct err e = ERR_INIT;
        struct ledger *l = NULL;
        uint64_t number;
        char id[ULID_LEN + 1];
        prepare(f, true);
        assert_int_equal(start(f, &l, &e), ERR_OK);
        settle(f, l, 0);
        settle(f, l, 1);
        assert_true(ledger_wait(l, 60 * US_PER_S));
        make_id(id, 1);
        fault_arm(FAULT_DATABASE, FAULT_ONCE, n);
        const struct prune_selection what = {.id = str_of(id)};
        assert_int_equal(ledger_remove(l, &what, &number, &e), ERR_OK);
        wait_removed(l);
        has_struck = fault_disarm();
        ledger_close(&l, 60 * US_PER_S);
        assert_int_equal(ask(f, "SELECT count(*) FROM request"), 1);
        assert_int_equal(ask(f, "SELECT count(*) FROM body"), 0);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    fault_install();
    const struct CMUnitTest tests[] = {
        TEST(an_undisturbed_run_records_all),
        TEST(a_kill_in_any_write_to_the_spool_loses_nothing),
        TEST(a_kill_in_any_call_to_the_database_loses_nothing),
        TEST(a_kill_while_the_schema_is_made_loses_nothing),
        TEST(a_kill_while_the_spool_is_made_leaves_no_trace),
        TEST(an_error_of_the_database_is_overcome),
        TEST(a_dead_database_is_caught_up_with_later),
        TEST(an_error_of_the_spool_is_overcome),
        TEST(a_dead_spool_loses_nothing_that_was_acknowledged),
        TEST(a_failing_allocation_is_overcome),
        TEST(a_failing_allocation_of_sqlite_is_overcome),
        TEST(trouble_passes_by_itself),
        TEST(an_unreadable_record_is_counted_and_the_others_are_rows),
        TEST(an_unreadable_record_is_counted_once_whatever_fails),
        TEST(half_a_row_is_none),
        TEST(bodies_of_several_transactions_are_kept),
        TEST(what_is_said_to_be_deleted_is),
    };
    cmocka_set_test_filter(getenv("FAULT_TESTS"));
    return cmocka_run_group_tests_name("ledger_fault", tests, NULL, NULL);
}
