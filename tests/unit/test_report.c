/*
 * test_report.c: every report against brute force over the rows, to the pico-dollar: groups,
 * filters, odd ends, zones on both sides of the date line and of half hours, days on which
 * the clocks change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/map.h"
#include "core/report.h"

#include "tests/tools/seed_ledger.h"

#include <cmocka.h>

enum { N_REQUESTS = 6000 };

struct fixture {
    char dir[64], path[96];
    struct db *db;
};

static int64_t utc(const char *text)
{
    int64_t us = 0;
    struct err e = ERR_INIT;
    assert_int_equal(clock_parse_rfc3339(str_of(text), &us, &e), ERR_OK);
    return us;
}

/* Two stretches of time: around both changes of clocks of Berlin in 2026. */
static int group_setup(void **state)
{
    static struct fixture f;
    struct err e = ERR_INIT;
    strcpy(f.dir, "/tmp/test_report.XXXXXX");
    if (mkdtemp(f.dir) == NULL)
        return -1;
    snprintf(f.path, sizeof f.path, "%s/llmgw.db", f.dir);
    if (seed_ledger(f.path, N_REQUESTS / 2, 7, utc("2026-03-27T11:13:00Z"),
                    utc("2026-04-01T05:00:00Z"), &e) != ERR_OK ||
        seed_ledger(f.path, N_REQUESTS / 2, 8, utc("2026-10-23T00:00:00Z"),
                    utc("2026-11-02T23:59:59Z"), &e) != ERR_OK ||
        db_open(f.path, DB_READ, &f.db, &e) != ERR_OK) {
        fprintf(stderr, "%s\n", e.text);
        return -1;
    }
    *state = &f;
    return 0;
}

static int group_teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    db_close(&f->db);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
        unlink(path);
    }
    return rmdir(f->dir);
}

/* ---- brute force ---- */

struct brute {
    const struct report_query *q;
    struct map groups; /* "bucket|key|key" → struct report_sums */
    struct arena *arena;
    struct report_sums all;
    struct str tag; /* smallest value of the tag to group by */
};

static int64_t bucket_of(const struct report_query *q, int64_t start_us)
{
    struct civil c = zone_local(start_us);
    struct civil day = {.year = c.year, .month = c.month, .day = c.day};
    for (size_t i = 0; i < q->n_by; i++) {
        if (q->by[i] == REPORT_BY_HOUR)
            return start_us -
                   (c.minute * US_PER_MIN + (int64_t)c.second * US_PER_S + c.us);
        if (q->by[i] == REPORT_BY_WEEK)
            day.day -= (c.weekday + 6) % 7;
        if (q->by[i] == REPORT_BY_MONTH)
            day.day = 1;
        if (report_dim_is_time(q->by[i]))
            return zone_to_us(day);
    }
    return 0;
}

static const char *key_of(struct brute *b, const struct report_request *r, size_t i)
{
    char text[200] = "";
    if (i < b->q->n_by) {
        const struct str names[REPORT_BY_N_] = {
            [REPORT_BY_PROVIDER] = r->provider,
            [REPORT_BY_ROUTE] = r->route,
            [REPORT_BY_PROJECT] = r->project,
            [REPORT_BY_TEMPLATE] = r->template_name,
            [REPORT_BY_CLIENT] = r->client,
            [REPORT_BY_KIND] = r->kind,
            [REPORT_BY_STATUS] = r->outcome,
            [REPORT_BY_CONVERSATION] = r->conversation,
            [REPORT_BY_USER] = r->user,
            [REPORT_BY_TAG] = b->tag,
        };
        if (b->q->by[i] == REPORT_BY_MODEL)
            snprintf(text, sizeof text, "%.*s/%.*s", STR_ARG(r->provider),
                     STR_ARG(r->model));
        else
            snprintf(text, sizeof text, "%.*s", STR_ARG(names[b->q->by[i]]));
    }
    return arena_strz(b->arena, str_of(text));
}

static bool wants(struct str want, struct str have)
{
    return want.ptr == NULL || str_eq(want, have);
}

static bool is_wanted(const struct report_query *q, const struct report_request *r)
{
    return r->start_us >= q->since_us && r->start_us < q->until_us &&
           wants(q->model, r->model) && wants(q->route, r->route) &&
           wants(q->project, r->project) && wants(q->kind, r->kind) &&
           wants(q->status, r->outcome) && wants(q->provider, r->provider);
}

static void add(struct report_sums *s, const struct report_request *r)
{
    s->n_requests++;
    s->n_failed += !str_eqz(r->outcome, "ok");
    s->n_unpriced += r->cost_pico == PICO_UNKNOWN;
    s->n_estimated +=
        r->cost_pico != PICO_UNKNOWN && str_eqz(r->cost_source, "estimated");
    s->n_attempts += r->n_attempts;
    s->input_tok += usage_input_tok(&r->usage);
    s->cached_tok += usage_cached_tok(&r->usage);
    s->output_tok += usage_output_tok(&r->usage);
    s->reasoning_tok += r->usage.n[USAGE_REASONING];
    s->cost_pico += r->cost_pico != PICO_UNKNOWN ? r->cost_pico : 0;
}

static const char *name_of(struct brute *b, int64_t bucket_us, const char *one,
                           const char *two)
{
    return arena_printf(b->arena, "%lld|%s|%s", (long long)bucket_us, one, two);
}

static struct db *tag_db; /* for the callback below, which has one argument only */

static enum errc on_request(void *arg, const struct report_request *r, struct err *e)
{
    struct brute *b = arg;
    sqlite3_stmt *st;
    bool row;
    if (!is_wanted(b->q, r))
        return ERR_OK;
    b->tag = STR_NONE;
    if (b->q->by_tag.ptr != NULL || b->q->tag_key.ptr != NULL) {
        assert_int_equal(
            db_prepare(tag_db,
                       "SELECT min(value), sum(value = ?2) FROM tag WHERE rid = ?1", &st,
                       e),
            ERR_OK);
        sqlite3_bind_int64(st, 1, r->rid);
        db_bind_str(st, 2, b->q->tag_value);
        assert_int_equal(db_step(tag_db, st, &row, e), ERR_OK);
        b->tag = arena_str(b->arena, db_col_str(st, 0));
        bool has = sqlite3_column_int64(st, 1) > 0;
        sqlite3_reset(st);
        if (b->q->tag_key.ptr != NULL && !has)
            return ERR_OK;
    }
    const char *name =
        name_of(b, bucket_of(b->q, r->start_us), key_of(b, r, 0), key_of(b, r, 1));
    struct report_sums *s = map_get(&b->groups, str_of(name));
    if (s == NULL) {
        s = ARENA_NEW(b->arena, struct report_sums);
        assert_int_equal(map_set(&b->groups, str_of(name), s), ERR_OK);
    }
    add(s, r);
    add(&b->all, r);
    return ERR_OK;
}

static void check(struct fixture *f, const struct report_query *q)
{
    struct err e = ERR_INIT;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct brute b = {.q = q, .arena = &arena};
    map_init(&b.groups);
    tag_db = f->db;
    const struct report_filter everything = {.max = INT64_MAX};
    assert_int_equal(report_requests(f->db, &everything, on_request, &b, &e), ERR_OK);
    struct report got;
    if (report_run(f->db, q, &arena, &got, &e) != ERR_OK)
        fail_msg("%s", e.text);
    assert_int_equal(got.n, b.groups.n);
    assert_memory_equal(&got.all, &b.all, sizeof b.all);
    for (size_t i = 0; i < got.n; i++) {
        const struct report_row *row = got.rows[i];
        const char *name = name_of(&b, row->from_us, arena_strz(&arena, row->key[0]),
                                   arena_strz(&arena, row->key[1]));
        const struct report_sums *want = map_get(&b.groups, str_of(name));
        if (want == NULL)
            fail_msg("%s is no group", name);
        else
            assert_memory_equal(&row->sums, want, sizeof *want);
    }
    map_release(&b.groups);
    arena_release(&arena);
}

/* ---- tests ---- */

static const struct {
    const char *since, *until;
} ranges[] = {
    {"1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z"},
    {"2026-03-28T10:40:12Z", "2026-10-25T00:10:00Z"}, /* both ends inside an hour */
    {"2026-10-25T00:20:00Z", "2026-10-25T00:50:00Z"}, /* within one hour */
    {"2026-10-25T00:00:00Z", "2026-10-25T00:50:00Z"},
    {"2026-10-25T00:10:00Z", "2026-10-25T01:00:00Z"},
    {"2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"}, /* nothing there */
};

static void groups_are_exact_in_every_zone(void **state)
{
    static const char *const zones[] = {
        "UTC",          "Europe/Berlin", "Pacific/Kiritimati",
        "Pacific/Niue", "Asia/Kolkata",  "America/St_Johns"};
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
        assert_int_equal(zone_use(zones[z], &e), ERR_OK);
        for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
            for (unsigned d = REPORT_BY_HOUR; d <= REPORT_BY_MONTH; d++) {
                const struct report_query q = {
                    .since_us = utc(ranges[i].since),
                    .until_us = utc(ranges[i].until),
                    .by = {REPORT_BY_MODEL, (enum report_dim)d},
                    .n_by = i % 2 ? 2 : 1,
                };
                check(f, &q);
            }
    }
    assert_int_equal(zone_use("UTC", &e), ERR_OK);
}

static void every_dimension_is_exact(void **state)
{
    struct fixture *f = *state;
    for (unsigned d = 0; d < REPORT_BY_N_; d++)
        for (unsigned second = 0; second <= REPORT_BY_N_; second += 3) {
            bool is_twice = second < REPORT_BY_N_ &&
                            report_dim_is_time((enum report_dim)d) &&
                            report_dim_is_time((enum report_dim)second);
            if (is_twice)
                continue;
            const struct report_query q = {
                .since_us = utc(ranges[1].since),
                .until_us = utc(ranges[1].until),
                .by = {(enum report_dim)d, (enum report_dim)(second % REPORT_BY_N_)},
                .n_by = second < REPORT_BY_N_ ? 2 : 1,
                .by_tag = STR("ticket"),
            };
            check(f, &q);
        }
}

static void every_filter_is_exact(void **state)
{
    struct fixture *f = *state;
    const struct report_query filters[] = {
        {.model = STR("gpt-5.6-sol")},
        {.provider = STR("openai")},
        {.route = STR("fast")},
        {.project = STR("\xE6\x97\xA5\xE6\x9C\xAC")},
        {.kind = STR("batch")},
        {.status = STR("cancelled")},
        {.tag_key = STR("ticket"), .tag_value = STR("A-1")},
        {.model = STR("qwen3"),
         .route = STR("smart"),
         .kind = STR("chat"),
         .status = STR("ok"),
         .tag_key = STR("ticket"),
         .tag_value = STR("B-9")},
        {.model = STR("no such")},
    };
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        for (size_t n_by = 0; n_by <= 2; n_by++) {
            struct report_query q = filters[i];
            q.since_us = utc(ranges[1].since);
            q.until_us = utc(ranges[1].until);
            q.by[0] = REPORT_BY_DAY;
            q.by[1] = REPORT_BY_STATUS;
            q.n_by = n_by;
            check(f, &q);
        }
}

/* "provider/model" and "model" name the same requests. */
static void a_model_is_found_by_both_names(void **state)
{
    struct fixture *f = *state;
    struct arena arena;
    struct err e = ERR_INIT;
    struct report one, two;
    arena_init(&arena, SIZE_MAX);
    struct report_query q = {.until_us = INT64_MAX, .model = STR("gpt-5.6-sol")};
    assert_int_equal(report_run(f->db, &q, &arena, &one, &e), ERR_OK);
    q.model = STR("openai/gpt-5.6-sol");
    assert_int_equal(report_run(f->db, &q, &arena, &two, &e), ERR_OK);
    assert_true(one.all.n_requests > 100);
    assert_memory_equal(&one.all, &two.all, sizeof one.all);
    arena_release(&arena);
}

static void unknown_is_not_zero(void **state)
{
    struct fixture *f = *state;
    struct arena arena;
    struct err e = ERR_INIT;
    struct report got;
    arena_init(&arena, SIZE_MAX);
    const struct report_query q = {.until_us = INT64_MAX, .model = STR("qwen3")};
    assert_int_equal(report_run(f->db, &q, &arena, &got, &e), ERR_OK);
    assert_true(got.all.n_unpriced > 0 && got.all.n_unpriced == got.all.n_requests);
    assert_true(report_cost(&got.all) == PICO_UNKNOWN);
    assert_int_equal(report_cost(&(struct report_sums){0}), 0);
    assert_int_equal(report_cost(&(struct report_sums){
                         .n_requests = 2, .n_unpriced = 1, .cost_pico = 5}),
                     5);
    arena_release(&arena);
}

static void names_of_dimensions_go_both_ways(void **state)
{
    (void)state;
    for (unsigned d = 0; d < REPORT_BY_TAG; d++)
        assert_int_equal(report_dim_by_name(str_of(report_dim_name((enum report_dim)d))),
                         d);
    assert_int_equal(report_dim_by_name(STR("tag:ticket")), REPORT_BY_TAG);
    assert_int_equal(report_dim_by_name(STR("tag:")), REPORT_BY_N_);
    assert_int_equal(report_dim_by_name(STR("weather")), REPORT_BY_N_);
}

struct seen {
    char ids[10][ULID_LEN + 1];
    size_t n;
};

static enum errc on_seen(void *arg, const struct report_request *r, struct err *e)
{
    struct seen *s = arg;
    (void)e;
    assert_true(s->n < ARRAY_LEN(s->ids));
    memcpy(s->ids[s->n++], r->id.ptr, ULID_LEN + 1);
    return ERR_OK;
}

static void lists_are_newest_first_or_go_on_from_an_id(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct seen newest = {.n = 0}, next = {.n = 0};
    const struct report_filter last = {.max = 3};
    assert_int_equal(report_requests(f->db, &last, on_seen, &newest, &e), ERR_OK);
    assert_int_equal(newest.n, 3);
    assert_true(strcmp(newest.ids[0], newest.ids[1]) > 0 &&
                strcmp(newest.ids[1], newest.ids[2]) > 0);
    const struct report_filter after = {.max = 10, .id_gt = str_of(newest.ids[2])};
    assert_int_equal(report_requests(f->db, &after, on_seen, &next, &e), ERR_OK);
    assert_int_equal(next.n, 2);
    assert_string_equal(next.ids[0], newest.ids[1]);
    assert_string_equal(next.ids[1], newest.ids[0]);
}

static void a_request_is_found_by_the_beginning_of_its_id(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct arena arena;
    struct report_request r, again;
    struct seen s = {.n = 0};
    struct report_attempt *attempts;
    size_t n;
    arena_init(&arena, SIZE_MAX);
    const struct report_filter one = {.max = 1};
    assert_int_equal(report_requests(f->db, &one, on_seen, &s, &e), ERR_OK);
    assert_int_equal(report_find(f->db, str_of(s.ids[0]), &arena, &r, &e), ERR_OK);
    assert_true(str_eqz(r.id, s.ids[0]));
    assert_int_equal(report_find(f->db, STR("last"), &arena, &again, &e), ERR_OK);
    assert_true(str_eqz(again.id, s.ids[0]));
    for (char *p = s.ids[0]; *p != '\0'; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    assert_int_equal(report_find(f->db, (struct str){s.ids[0], 25}, &arena, &again, &e),
                     ERR_OK);
    assert_true(r.rid == again.rid);
    assert_int_equal(report_find(f->db, STR("01"), &arena, &r, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "several"));
    assert_int_equal(report_find(f->db, STR("01ZZZZ"), &arena, &r, &e), ERR_NOT_FOUND);
    assert_int_equal(report_find(f->db, STR(""), &arena, &r, &e), ERR_NOT_FOUND);
    assert_int_equal(report_attempts(f->db, again.rid, &arena, &attempts, &n, &e),
                     ERR_OK);
    assert_int_equal(n, again.n_attempts);
    assert_true(attempts[n - 1].has_usage);
    assert_memory_equal(attempts[n - 1].usage.n, again.usage.n, sizeof again.usage.n);
    assert_true(attempts[n - 1].cost_pico == again.cost_pico);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dimension_is_exact),
        cmocka_unit_test(every_filter_is_exact),
        cmocka_unit_test(groups_are_exact_in_every_zone),
        cmocka_unit_test(a_model_is_found_by_both_names),
        cmocka_unit_test(unknown_is_not_zero),
        cmocka_unit_test(names_of_dimensions_go_both_ways),
        cmocka_unit_test(lists_are_newest_first_or_go_on_from_an_id),
        cmocka_unit_test(a_request_is_found_by_the_beginning_of_its_id),
    };
    return cmocka_run_group_tests_name("report", tests, group_setup, group_teardown);
}
