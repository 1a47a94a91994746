/* test_spool.c: what was appended is found again, whatever happened to the file's end. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/spool.h"
#include "tests/unit/fault.h"

#include <cmocka.h>

enum { SIZE = SPOOL_SIZE_MIN, RING_AT = 4096 };

struct fixture {
    char dir[64], path[96], other[128];
};

static int setup(void **state)
{
    static struct fixture f;
    strcpy(f.dir, "/tmp/test_spool.XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.path, sizeof f.path, "%s/spool", f.dir);
    snprintf(f.other, sizeof f.other, "%s.damaged", f.path);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    unlink(f->other);
    return rmdir(f->dir);
}

static struct spool *open_ok(const struct fixture *f)
{
    struct err e = ERR_INIT;
    struct spool *s = NULL;
    if (spool_open(f->path, SIZE, &s, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return s;
}

static uint64_t append_ok(struct spool *s, const char *text)
{
    struct err e = ERR_INIT;
    uint64_t end = 0;
    if (spool_append(s, str_of(text), &end, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return end;
}

/* All records from the tail on, a comma behind each. */
static void read_all(struct spool *s, char *out, size_t size)
{
    struct err e = ERR_INIT;
    struct spool_info info;
    spool_info(s, &info);
    struct spool_cursor c = {.at = info.tail};
    struct str record;
    bool found = true;
    size_t used = 0;
    out[0] = '\0';
    while (spool_next(s, &c, &record, &found, &e) == ERR_OK && found)
        used += (size_t)snprintf(out + used, size - used, "%.*s,", STR_ARG(record));
    assert_false(found);
    spool_cursor_release(&c);
}

static void poke(const struct fixture *f, off_t at, const void *p, size_t len)
{
    int fd = open(f->path, O_WRONLY);
    assert_true(pwrite(fd, p, len, at) == (ssize_t)len);
    close(fd);
}

static void a_new_file_is_reserved_whole_and_private(void **state)
{
    struct fixture *f = *state;
    struct spool *s = open_ok(f);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_size, RING_AT + SIZE);
    assert_true(st.st_blocks * 512 >= SIZE);
    assert_int_equal(st.st_mode & 0777, 0600);
    spool_close(&s);
}

static void records_come_back_in_order_after_a_kill(void **state)
{
    struct fixture *f = *state;
    char got[256];
    struct spool *s = open_ok(f);
    uint64_t one = append_ok(s, "one"),
             two = append_ok(s, "two, longer than eight bytes");
    assert_true(one > 0 && two > one);
    read_all(s, got, sizeof got);
    assert_string_equal(got, "one,two, longer than eight bytes,");
    spool_close(&s); /* writes nothing: as good as a kill */
    s = open_ok(f);
    struct spool_info info;
    spool_info(s, &info);
    assert_true(info.head == two && info.recovered == two && info.tail == 0);
    read_all(s, got, sizeof got);
    assert_string_equal(got, "one,two, longer than eight bytes,");
    assert_true(append_ok(s, "three") > two);
    read_all(s, got, sizeof got);
    assert_string_equal(got, "one,two, longer than eight bytes,three,");
    spool_close(&s);
}

/* As a command sees it, while the broker runs or not. */
static void ends_that_wait_are_counted_from_outside(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct spool_waiting w;
    struct spool_info info;
    assert_int_equal(spool_waiting(f->path, 0, 0, &w, &e), ERR_OK);
    assert_int_equal(w.n_requests, 0); /* no file yet */
    struct spool *s = open_ok(f);
    uint64_t one = append_ok(s, "S one");
    append_ok(s, "A two");
    uint64_t end = append_ok(s, "S two, longer than eight bytes");
    spool_info(s, &info);
    const struct {
        uint64_t id, applied;
        int64_t n;
    } cases[] = {
        {info.id, 0, 2},
        {info.id, one, 1},
        {info.id, end, 0},
        {info.id + 1, end, 2}, /* the database knows another file */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(spool_waiting(f->path, cases[i].id, cases[i].applied, &w, &e),
                         ERR_OK);
        assert_int_equal(w.n_requests, cases[i].n);
        assert_int_equal(w.end, end);
    }
    assert_int_equal(spool_release(s, 0, one, &e), ERR_OK);
    assert_int_equal(spool_waiting(f->path, 0, 0, &w, &e), ERR_OK);
    assert_int_equal(w.n_requests, 1); /* the file's own head says so */
    spool_close(&s);
}

static void one_ledger_has_one_broker(void **state)
{
    struct fixture *f = *state;
    struct spool *s = open_ok(f), *second = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(spool_open(f->path, SIZE, &second, &e), ERR_BROKER);
    assert_non_null(strstr(e.text, "another broker"));
    spool_close(&s);
    second = open_ok(f);
    spool_close(&second);
}

static void what_was_released_stays_away(void **state)
{
    struct fixture *f = *state;
    char got[256];
    struct err e = ERR_INIT;
    struct spool *s = open_ok(f);
    append_ok(s, "one");
    uint64_t two = append_ok(s, "two");
    append_ok(s, "three");
    assert_int_equal(spool_release(s, two, two, &e), ERR_OK);
    for (int i = 0; i < 3; i++) {
        read_all(s, got, sizeof got);
        assert_string_equal(got, "three,");
        spool_close(&s);
        s = open_ok(f);
    }
    spool_close(&s);
}

/* Cut off at every byte, as a crash of the machine may leave the file. */
static void a_cut_file_keeps_every_whole_record(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"a", "bcdefgh", "ijklmnop", "q"};
    uint64_t ends[ARRAY_LEN(texts)];
    struct spool *s = open_ok(f);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ends[i] = append_ok(s, texts[i]);
    spool_close(&s);
    for (uint64_t cut = ends[ARRAY_LEN(texts) - 1] + 1; cut-- > 0;) {
        assert_int_equal(truncate(f->path, (off_t)(RING_AT + cut)), 0);
        char want[64] = "", got[64];
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
            /* the padding behind a record is zero, as is what a short file lacks */
            if (ends[i] - (8 - strlen(texts[i]) % 8) % 8 <= cut) {
                strcat(want, texts[i]);
                strcat(want, ",");
            }
        s = open_ok(f);
        read_all(s, got, sizeof got);
        assert_string_equal(got, want);
        spool_close(&s);
    }
}

static void a_damaged_record_does_not_hide_the_next(void **state)
{
    struct fixture *f = *state;
    struct spool *s = open_ok(f);
    uint64_t one = append_ok(s, "one"), two = append_ok(s, "two");
    append_ok(s, "three");
    spool_close(&s);
    char image[128], got[64];
    int fd = open(f->path, O_RDWR);
    assert_true(pread(fd, image, sizeof image, RING_AT) == sizeof image);
    for (uint64_t at = one; at < two; at++) {
        char bad = (char)(image[at] ^ 0x10);
        poke(f, (off_t)(RING_AT + at), &bad, 1);
        s = open_ok(f);
        read_all(s, got, sizeof got);
        bool padding = at >= one + 24 + 3; /* covered by no checksum, read by nobody */
        assert_string_equal(got, padding ? "one,two,three," : "one,three,");
        struct spool_info info;
        spool_info(s, &info);
        assert_int_equal(info.n_damaged, padding ? 0 : 1);
        spool_close(&s);
        poke(f, (off_t)(RING_AT + at), &image[at], 1);
    }
    close(fd);
}

/* Longer than what is read at once. */
static void nor_does_a_damaged_long_one(void **state)
{
    struct fixture *f = *state;
    struct spool *s = open_ok(f);
    static char big[300001];
    memset(big, 'x', sizeof big - 1);
    append_ok(s, big);
    append_ok(s, "two");
    spool_close(&s);
    poke(f, RING_AT + 24, "y", 1);
    s = open_ok(f);
    char got[64];
    read_all(s, got, sizeof got);
    assert_string_equal(got, "two,");
    spool_close(&s);
}

/* A head may lie across the end of what was read at once; the longest record may be damaged. */
static void nor_does_one_before_the_end_of_what_is_read(void **state)
{
    enum { READ_AT_ONCE = 256 * 1024, HEAD = 24 };
    static const size_t lens[] = {
        READ_AT_ONCE - 2 * HEAD,      READ_AT_ONCE - 2 * HEAD + 8,
        READ_AT_ONCE - 2 * HEAD + 16, READ_AT_ONCE - HEAD,
        READ_AT_ONCE - HEAD + 8,      SPOOL_RECORD_MAX};
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    static char big[SPOOL_RECORD_MAX];
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        uint64_t end;
        char got[64];
        struct spool *s = open_ok(f);
        assert_int_equal(spool_append(s, (struct str){big, lens[i]}, &end, &e), ERR_OK);
        append_ok(s, "two");
        spool_close(&s);
        poke(f, RING_AT + 8, "y", 1); /* its place */
        s = open_ok(f);
        read_all(s, got, sizeof got);
        assert_string_equal(got, "two,");
        spool_close(&s);
        unlink(f->path);
    }
}

/* What the file still counts as taken is not written over. */
static void a_release_that_fails_releases_nothing(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct spool_info info;
    char got[64];
    struct spool *s = open_ok(f);
    uint64_t one = append_ok(s, "one");
    append_ok(s, "two");
    fault_arm(FAULT_SPOOL, FAULT_ONCE, 0);
    assert_int_equal(spool_release(s, one, one, &e), ERR_STORE);
    assert_true(fault_disarm());
    spool_info(s, &info);
    assert_int_equal(info.tail, 0);
    read_all(s, got, sizeof got);
    assert_string_equal(got, "one,two,");
    assert_int_equal(spool_release(s, one, one, &e), ERR_OK);
    spool_info(s, &info);
    assert_int_equal(info.tail, one);
    spool_close(&s);
}

static void the_ring_goes_round(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct spool *s = open_ok(f);
    static char big[300001];
    memset(big, 'x', sizeof big - 1);
    uint64_t last = 0;
    struct spool_cursor c = {0};
    for (int i = 0; i < 100; i++) {
        char mark[16];
        snprintf(mark, sizeof mark, "%d", i);
        memcpy(big, mark, strlen(mark));
        size_t len = 100000 + (size_t)i * 1999;
        uint64_t end;
        assert_int_equal(spool_append(s, (struct str){big, len}, &end, &e), ERR_OK);
        assert_true(end > last);
        last = end;
        if (i % 7 == 3) {
            spool_close(&s);
            s = open_ok(f);
        }
        struct str got;
        bool found;
        assert_int_equal(spool_next(s, &c, &got, &found, &e), ERR_OK);
        assert_true(found && got.len == len && memcmp(got.ptr, big, len) == 0);
        assert_true(c.at == end);
        assert_int_equal(spool_release(s, c.at, c.at, &e), ERR_OK);
    }
    assert_true(last > (uint64_t)4 * SIZE);
    spool_cursor_release(&c);
    spool_close(&s);
}

static void staged_records_go_with_the_next(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct spool *s = open_ok(f);
    uint64_t a, b;
    char got[64];
    assert_int_equal(spool_stage(s, STR("a"), &a, &e), ERR_OK);
    assert_int_equal(spool_stage(s, STR("b"), &b, &e), ERR_OK);
    assert_int_equal(spool_n_staged(s), 2);
    read_all(s, got, sizeof got);
    assert_string_equal(got, "");
    uint64_t c = append_ok(s, "c");
    assert_true(a < b && b < c);
    assert_int_equal(spool_n_staged(s), 0);
    read_all(s, got, sizeof got);
    assert_string_equal(got, "a,b,c,");
    assert_int_equal(spool_stage(s, STR("lost"), &a, &e), ERR_OK);
    spool_close(&s);
    s = open_ok(f);
    assert_int_equal(spool_stage(s, STR("d"), &a, &e), ERR_OK);
    assert_int_equal(spool_flush(s, &e), ERR_OK);
    read_all(s, got, sizeof got);
    assert_string_equal(got, "a,b,c,d,");
    spool_close(&s);
}

/* More than the stage has room for, and over the end of many laps. */
static void staged_records_keep_their_order_from_lap_to_lap(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct spool *s = open_ok(f);
    static char big[250000];
    struct spool_cursor c = {0};
    uint64_t end = 0, last = 0;
    for (int i = 0; i < 40; i++) {
        size_t len = 90000 + (size_t)i * 3997;
        memset(big, 'a' + i % 26, len);
        for (int k = 0; k < 6; k++, last = end) {
            assert_int_equal(spool_stage(s, (struct str){big, len}, &end, &e), ERR_OK);
            assert_true(end > last);
        }
        assert_int_equal(spool_flush(s, &e), ERR_OK);
        for (int k = 0; k < 6; k++) {
            struct str got;
            bool found;
            assert_int_equal(spool_next(s, &c, &got, &found, &e), ERR_OK);
            assert_true(found && got.len == len && memcmp(got.ptr, big, len) == 0);
        }
        assert_true(c.at == end);
        assert_int_equal(spool_release(s, c.at, c.at, &e), ERR_OK);
    }
    assert_true(last > (uint64_t)8 * SIZE);
    spool_cursor_release(&c);
    spool_close(&s);
}

/* Whether the mark that ends a lap has room in it or not. */
static void every_rest_of_a_lap_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    static const char next[100] = "next";
    static char big[SPOOL_RECORD_MAX];
    for (size_t rest = 0; rest <= 64; rest += 8) {
        struct spool *s = open_ok(f);
        struct spool_info info;
        struct str got;
        uint64_t end = 0;
        bool found;
        for (int i = 0; i < 3; i++)
            assert_int_equal(spool_append(s, (struct str){big, sizeof big}, &end, &e),
                             ERR_OK);
        struct spool_cursor c = {.at = end};
        struct str last = {big, SIZE - end - 24 - rest};
        assert_int_equal(spool_release(s, end, end, &e), ERR_OK);
        assert_int_equal(spool_append(s, last, &end, &e), ERR_OK);
        assert_int_equal(spool_append(s, (struct str){next, sizeof next}, &end, &e),
                         ERR_OK);
        assert_int_equal(end, SIZE + 24 + 104);
        spool_close(&s);
        s = open_ok(f);
        assert_int_equal(spool_next(s, &c, &got, &found, &e), ERR_OK);
        assert_true(found && got.len == last.len);
        assert_int_equal(spool_next(s, &c, &got, &found, &e), ERR_OK);
        assert_true(found && got.len == sizeof next);
        spool_info(s, &info);
        assert_int_equal(info.n_damaged, 0);
        assert_int_equal(info.head, end);
        spool_cursor_release(&c);
        spool_close(&s);
        unlink(f->path);
    }
}

static void a_full_ring_refuses_and_goes_on_later(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct spool *s = open_ok(f);
    static char big[100000], huge[sizeof big + 8];
    uint64_t end = 0, first = 0;
    int n = 0;
    while (spool_append(s, (struct str){big, sizeof big}, &end, &e) == ERR_OK)
        if (n++ == 0)
            first = end;
    assert_int_equal(e.code, ERR_STORE);
    assert_int_equal(n, SIZE / (sizeof big + 24));
    struct spool_info info;
    spool_info(s, &info);
    assert_true(info.head - info.tail <= info.size);
    assert_int_equal(spool_append(s, (struct str){big, sizeof big}, &end, &e), ERR_STORE);
    assert_int_equal(spool_release(s, first, first, &e), ERR_OK);
    /* behind the end of this lap, where the next one would meet the second record */
    assert_int_equal(spool_append(s, (struct str){huge, sizeof huge}, &end, &e),
                     ERR_STORE);
    assert_int_equal(spool_append(s, STR("small"), &end, &e), ERR_OK);
    spool_close(&s);
    s = open_ok(f);
    struct spool_cursor c = {.at = first};
    struct str got;
    bool found = true;
    for (int i = 1; i < n; i++) {
        assert_int_equal(spool_next(s, &c, &got, &found, &e), ERR_OK);
        assert_true(found && got.len == sizeof big);
    }
    assert_int_equal(spool_next(s, &c, &got, &found, &e), ERR_OK);
    assert_true(found && str_eqz(got, "small"));
    spool_cursor_release(&c);
    spool_close(&s);
}

static void sizes_have_bounds(void **state)
{
    struct fixture *f = *state;
    AUTO(spool_close) struct spool *s = open_ok(f);
    struct err e = ERR_INIT;
    uint64_t end;
    static char huge[SPOOL_RECORD_MAX + 1];
    assert_int_equal(spool_append(s, STR_NONE, &end, &e), ERR_RANGE);
    assert_int_equal(spool_append(s, (struct str){huge, sizeof huge}, &end, &e),
                     ERR_RANGE);
    assert_int_equal(spool_append(s, (struct str){huge, SPOOL_RECORD_MAX}, &end, &e),
                     ERR_OK);
}

static void numbers_grow_even_when_the_ring_is_lost(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct spool *s = open_ok(f);
    append_ok(s, "one");
    uint64_t two = append_ok(s, "two");
    assert_int_equal(spool_release(s, 0, two, &e), ERR_OK);
    spool_close(&s);
    static const char zeroes[200];
    poke(f, RING_AT, zeroes, sizeof zeroes);
    s = open_ok(f);
    assert_true(append_ok(s, "three") > two);
    spool_close(&s);
}

static void one_copy_of_the_head_is_enough(void **state)
{
    struct fixture *f = *state;
    char got[64];
    struct err e = ERR_INIT;
    struct spool *s = open_ok(f);
    uint64_t one = append_ok(s, "one");
    append_ok(s, "two");
    assert_int_equal(spool_release(s, one, one, &e),
                     ERR_OK); /* generation 2, first copy */
    spool_close(&s);
    poke(f, 20, "damage", 6);
    s = open_ok(f);
    read_all(s, got, sizeof got);
    assert_string_equal(got, "one,two,"); /* generation 1 knows no release */
    spool_close(&s);
}

static void a_damaged_head_is_set_aside(void **state)
{
    struct fixture *f = *state;
    struct spool *s = open_ok(f);
    append_ok(s, "one");
    spool_close(&s);
    poke(f, 0, "no such head", 12);
    poke(f, 512, "no such head", 12);
    s = open_ok(f);
    struct spool_info info;
    spool_info(s, &info);
    assert_true(info.was_set_aside);
    assert_int_equal(access(f->other, F_OK), 0);
    append_ok(s, "two");
    char got[64];
    read_all(s, got, sizeof got);
    assert_string_equal(got, "two,");
    spool_close(&s);
}

static void what_a_newer_one_wrote_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct spool *s = open_ok(f);
    struct spool_head h;
    append_ok(s, "one");
    spool_close(&s);
    int fd = open(f->path, O_RDONLY);
    assert_true(pread(fd, &h, sizeof h, SPOOL_SLOT_LEN) == sizeof h);
    close(fd);
    h.version++;
    spool_head_seal(&h);
    poke(f, SPOOL_SLOT_LEN, &h, sizeof h);
    assert_int_equal(spool_open(f->path, SIZE, &s, &e), ERR_STORE);
    assert_non_null(strstr(e.text, "written by a newer llmgw"));
    assert_int_equal(access(f->other, F_OK), -1);
    h.version--;
    spool_head_seal(&h);
    poke(f, SPOOL_SLOT_LEN, &h, sizeof h);
    s = open_ok(f);
    char got[64];
    read_all(s, got, sizeof got);
    assert_string_equal(got, "one,");
    spool_close(&s);
}

static void scrubbing_leaves_only_what_is_not_released(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    AUTO(spool_close) struct spool *s = open_ok(f);
    uint64_t secret = append_ok(s, "my secret");
    append_ok(s, "kept");
    assert_int_equal(spool_release(s, secret, secret, &e), ERR_OK);
    assert_int_equal(spool_scrub(s, &e), ERR_OK);
    char bytes[256], got[64];
    int fd = open(f->path, O_RDONLY);
    assert_true(pread(fd, bytes, sizeof bytes, RING_AT) == sizeof bytes);
    close(fd);
    assert_null(memmem(bytes, sizeof bytes, "secret", 6));
    read_all(s, got, sizeof got);
    assert_string_equal(got, "kept,");
}

static void an_unusable_place_is_an_error(void **state)
{
    struct err e = ERR_INIT;
    struct spool *s = NULL;
    (void)state;
    assert_int_equal(spool_open("/dev/full/spool", SIZE, &s, &e), ERR_STORE);
    assert_null(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_is_reserved_whole_and_private),
        TEST(records_come_back_in_order_after_a_kill),
        TEST(ends_that_wait_are_counted_from_outside),
        TEST(one_ledger_has_one_broker),
        TEST(what_was_released_stays_away),
        TEST(a_cut_file_keeps_every_whole_record),
        TEST(a_damaged_record_does_not_hide_the_next),
        TEST(nor_does_a_damaged_long_one),
        TEST(nor_does_one_before_the_end_of_what_is_read),
        TEST(a_release_that_fails_releases_nothing),
        TEST(the_ring_goes_round),
        TEST(staged_records_go_with_the_next),
        TEST(staged_records_keep_their_order_from_lap_to_lap),
        TEST(every_rest_of_a_lap_is_passed_over),
        TEST(a_full_ring_refuses_and_goes_on_later),
        TEST(what_a_newer_one_wrote_is_left_alone),
        TEST(sizes_have_bounds),
        TEST(numbers_grow_even_when_the_ring_is_lost),
        TEST(one_copy_of_the_head_is_enough),
        TEST(a_damaged_head_is_set_aside),
        TEST(scrubbing_leaves_only_what_is_not_released),
        TEST(an_unusable_place_is_an_error),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
