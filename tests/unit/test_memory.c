/*
 * test_memory.c: every allocation of ours, and of SQLite, fails once: what was asked for comes
 * out as without the failure, or the answer is out_of_memory; never half of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/catalog.h"
#include "core/jsonx.h"
#include "core/report.h"
#include "core/sse.h"

#include "tests/tools/seed_ledger.h"
#include "tests/unit/fault.h"

#include <cmocka.h>

static char db_path[96]; /* a ledger to read */

/* ---- what is done ---- */

static enum errc keep_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct buf *out = arg;
    fault_hold(true);
    buf_printf(out, "[%.*s|%.*s|%.*s]", STR_ARG(ev->event), STR_ARG(ev->data),
               STR_ARG(ev->raw));
    fault_hold(false);
    (void)e;
    return ERR_OK;
}

static enum errc read_events(struct buf *out, struct err *e)
{
    static const char text[] =
        "\xef\xbb\xbf"
        "event: a\ndata: one\ndata: two\n\n: comment\n\n"
        "id: 7\ndata: {\"x\":\"a longer line than the ones before\"}"
        "\n\ndata: last\n\n";
    struct sse s;
    sse_init(&s, 1 << 20);
    enum errc rc = ERR_OK;
    for (size_t i = 0; i < sizeof text - 1 && rc == ERR_OK; i++)
        rc = sse_feed(&s, (struct str){text + i, 1}, keep_event, out, e);
    sse_release(&s);
    return rc;
}

static enum errc write_json(struct buf *out, struct err *e)
{
    AUTO(buf_release) struct buf json = BUF_INIT(1 << 20);
    struct jw w;
    jw_init(&w, &json);
    jw_object(&w);
    for (int i = 0; i < 40; i++)
        jw_kstrz(&w, "a key with a name", "a \"text\"\n that is quoted");
    jw_object_end(&w);
    if (buf_err(&json) != ERR_OK)
        return err_set(e, buf_err(&json), "json");
    fault_hold(true);
    buf_adds(out, buf_str(&json));
    fault_hold(false);
    return ERR_OK;
}

static enum errc read_catalog(struct buf *out, struct err *e)
{
    AUTO(catalog_free) struct catalog *c = NULL;
    enum errc rc = catalog_load(getenv("CATALOG"), NULL, &c, e);
    if (rc == ERR_OK)
        rc = catalog_override(c, STR("one"), STR("new"), STR("input"), 5, e);
    if (rc != ERR_OK)
        return rc;
    const struct catalog_model *m = catalog_find(c, STR("one"), STR("new"));
    fault_hold(true);
    buf_printf(out, "%s %s", catalog_date(c), m != NULL ? "found" : "not found");
    fault_hold(false);
    return ERR_OK;
}

/* The rows of a report in no order: their sums alone are compared. */
static enum errc run_report(struct buf *out, struct err *e)
{
    AUTO(db_close) struct db *d = NULL;
    const struct report_query q = {
        .until_us = INT64_MAX, .by = {REPORT_BY_MODEL, REPORT_BY_DAY}, .n_by = 2};
    struct arena a;
    struct report r;
    arena_init(&a, 1 << 24);
    enum errc rc = db_open(db_path, DB_READ, &d, e);
    if (rc == ERR_OK)
        rc = report_run(d, &q, &a, &r, e);
    fault_hold(true);
    if (rc == ERR_OK)
        buf_printf(out, "%zu rows, %lld requests, %lld pico", r.n,
                   (long long)r.all.n_requests, (long long)r.all.cost_pico);
    fault_hold(false);
    arena_release(&a);
    return rc;
}

static enum errc keep_request(void *arg, const struct report_request *r, struct err *e)
{
    (void)e;
    struct buf *out = arg;
    fault_hold(true);
    buf_printf(out, "%.*s %.*s %lld\n", STR_ARG(r->id), STR_ARG(r->model),
               (long long)r->cost_pico);
    fault_hold(false);
    return ERR_OK;
}

static enum errc list_requests(struct buf *out, struct err *e)
{
    AUTO(db_close) struct db *d = NULL;
    const struct report_filter f = {.max = 20};
    enum errc rc = db_open(db_path, DB_READ, &d, e);
    return rc == ERR_OK ? report_requests(d, &f, keep_request, out, e) : rc;
}

static enum errc show_request(struct buf *out, struct err *e)
{
    AUTO(db_close) struct db *d = NULL;
    struct report_request r;
    struct report_attempt *attempts;
    size_t n = 0;
    struct arena a;
    arena_init(&a, 1 << 24);
    enum errc rc = db_open(db_path, DB_READ, &d, e);
    if (rc == ERR_OK)
        rc = report_find(d, STR("last"), &a, &r, e);
    if (rc == ERR_OK)
        rc = report_attempts(d, r.rid, &a, &attempts, &n, e);
    fault_hold(true);
    if (rc == ERR_OK)
        buf_printf(out, "%.*s %.*s %zu", STR_ARG(r.id), STR_ARG(r.trace), n);
    fault_hold(false);
    arena_release(&a);
    return rc;
}

/* ---- each allocation of it fails ---- */

typedef enum errc work_fn(struct buf *out, struct err *e);

static void fail_everywhere(work_fn *work, unsigned kinds, long stride)
{
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf want = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
    if (work(&want, &e) != ERR_OK)
        fail_msg("%s", e.text);
    assert_true(want.len > 0);
    bool has_struck = true;
    long n = 0;
    for (; has_struck; n += stride) {
        e = (struct err)ERR_INIT;
        buf_reset(&got);
        fault_arm(kinds, FAULT_ONCE, n);
        enum errc rc = work(&got, &e);
        has_struck = fault_disarm();
        if (rc == ERR_OK)
            assert_string_equal(got.data, want.data);
        else if (rc != ERR_MEMORY)
            fail_msg("allocation %ld: %s", n, e.text);
    }
    assert_true(n > stride);
}

static void events_are_read_whole(void **state)
{
    (void)state;
    fail_everywhere(read_events, FAULT_MEMORY, 1);
}

static void json_is_written_whole(void **state)
{
    (void)state;
    fail_everywhere(write_json, FAULT_MEMORY, 1);
}

static void the_catalog_is_read_whole(void **state)
{
    (void)state;
    fail_everywhere(read_catalog, FAULT_MEMORY, 1);
}

static void reports_are_whole(void **state)
{
    (void)state;
    fail_everywhere(run_report, FAULT_MEMORY, 1);
    fail_everywhere(run_report, FAULT_SQLITE_MEMORY, 1);
}

static void lists_of_requests_are_whole(void **state)
{
    (void)state;
    fail_everywhere(list_requests, FAULT_MEMORY, 1);
    fail_everywhere(list_requests, FAULT_SQLITE_MEMORY, 1);
}

static void a_request_is_shown_whole(void **state)
{
    (void)state;
    fail_everywhere(show_request, FAULT_MEMORY, 1);
    fail_everywhere(show_request, FAULT_SQLITE_MEMORY, 1);
}

static int make_ledger(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    char dir[] = "/tmp/test_memory.XXXXXX", path[512];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/core/catalog.tsv", top != NULL ? top : "..");
    setenv("CATALOG", path, 1);
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(db_path, sizeof db_path, "%s/llmgw.db", dir);
    return seed_ledger(db_path, 200, 7, 1795575911000000, 1795775911000000, &e) == ERR_OK
               ? 0
               : -1;
}

static int remove_ledger(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", db_path, suffixes[i]);
        unlink(path);
    }
    *strrchr(db_path, '/') = '\0';
    return rmdir(db_path);
}

int main(void)
{
    fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_read_whole),
        cmocka_unit_test(json_is_written_whole),
        cmocka_unit_test(the_catalog_is_read_whole),
        cmocka_unit_test(reports_are_whole),
        cmocka_unit_test(lists_of_requests_are_whole),
        cmocka_unit_test(a_request_is_shown_whole),
    };
    return cmocka_run_group_tests_name("memory", tests, make_ledger, remove_ledger);
}
