/*
 * test_vector.c: numbers to the nearest binary32, and vectors as base64.
 *
 * The bits wanted were reckoned in fractions; base64 is that of RFC 4648's own coder elsewhere.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/num.h"
#include "core/vector.h"

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *number;
    uint32_t bits;
} numbers[] = {
    {"0", 0x00000000},
    {"-0", 0x80000000},
    {"-0.0", 0x80000000},
    {"1", 0x3f800000},
    {"-1", 0xbf800000},
    {"0.1", 0x3dcccccd},
    {"0.5", 0x3f000000},
    {"-0.021534257", 0xbcb0689c},
    {"1.2345678901234567e-05", 0x374f204a},
    {"16777216", 0x4b800000},
    {"16777217", 0x4b800000},
    {"16777219", 0x4b800002},
    {"1e10", 0x501502f9},
    {"3.4028234663852886e38", 0x7f7fffff},
    {"3.4028235677973366e38", 0x7f7fffff},
    {"3.4028235677973365e38", 0x7f7fffff},
    {"1e39", 0x7f800000},
    {"-1e400", 0xff800000},
    {"1e-45", 0x00000001},
    {"7.006492321624085e-46", 0x00000000},
    {"7.0064923216240861e-46", 0x00000001},
    {"1.1754943508222875e-38", 0x00800000},
    {"1.1754942106924411e-38", 0x007fffff},
    {"1e-400", 0x00000000},
    {"0.000000000000000000000000012345", 0x14748496},
    {"1.000000059604644775390625", 0x3f800000},
    {"1.00000005960464477539062", 0x3f800000},
    {"123456789012345678901234567890", 0x6fc77488},
    {"5e-324", 0x00000000},
    {"0.30000001192092896", 0x3e99999a},
    {"9007199254740993E-10", 0x495be6ff},
    {"0.100000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000000001", 0x3dcccccd},
};
/* clang-format on */

static void numbers_become_the_nearest_binary32(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uint32_t bits = 0;
        if (!vector_bits(str_of(numbers[i].number), &bits) || bits != numbers[i].bits)
            fail_msg("%s: %08x, not %08x", numbers[i].number, bits, numbers[i].bits);
    }
}

/* What is read the short way is what strtof says, also just beside and at what lies between floats. */
static void short_numbers_are_what_libc_says(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t dice = num_draw(&seed);
        char text[64];
        int len;
        if (i % 2 == 0) { /* any digits, a point anywhere */
            len = snprintf(text, sizeof text, "%s%" PRIu64 ".%0*" PRIu64,
                           dice & 1 ? "-" : "", (dice >> 1) % 3,
                           (int)((dice >> 8) % 14) + 1, num_draw(&seed) % 100000000);
        } else { /* half-way between two floats, exactly or nearly */
            uint32_t at = 0x30000000 + (uint32_t)(dice % 0x18000000);
            float low, high;
            uint32_t next = at + 1;
            memcpy(&low, &at, sizeof low);
            memcpy(&high, &next, sizeof high);
            len = snprintf(text, sizeof text, "%.*f", (int)((dice >> 40) % 16) + 1,
                           ((double)low + (double)high) / 2);
        }
        uint32_t got, want;
        float f = strtof(text, NULL);
        memcpy(&want, &f, sizeof want);
        if (!vector_bits((struct str){text, (size_t)len}, &got) || got != want)
            fail_msg("%s: %08x, not %08x", text, got, want);
    }
}

/* Nine significant digits tell every binary32 from its neighbours: printed and read, it is itself. */
static void what_was_printed_is_read_back(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t bits = (uint32_t)num_draw(&seed), back;
        float f;
        char text[64];
        if ((bits >> 23 & 0xff) == 0xff) /* infinite, or no number */
            bits &= 0x80000000 | 0x3fffffff;
        memcpy(&f, &bits, sizeof f);
        snprintf(text, sizeof text, i % 2 == 0 ? "%.8e" : "%.16e", (double)f);
        if (!vector_bits(str_of(text), &back) || back != bits)
            fail_msg("%s: %08x, not %08x", text, back, bits);
    }
}

static void what_is_no_number_is_none(void **state)
{
    static const char *const wrong[] = {"", "-", "x", "1x", "+1", "NaN", "1 ", "--1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint32_t bits;
        if (vector_bits(str_of(wrong[i]), &bits))
            fail_msg("\"%s\" was read", wrong[i]);
    }
}

/* In slices of so many bytes. */
static enum errc write(struct vector_writer *v, const char *text, bool base64,
                       size_t slice, struct buf *out)
{
    enum errc rc;
    vector_begin(v, str_of(text), base64);
    do
        rc = vector_go_on(v, slice, out);
    while (rc == ERR_AGAIN);
    return rc;
}

static void a_vector_is_written_in_slices_as_it_is_in_one(void **state)
{
    static const struct {
        const char *text, *plain, *base64; /* NULL: it is none */
        size_t n;
    } rows[] = {
        {"[1]", "[1]", "\"AACAPw==\"", 1},
        {"[1,-2]", "[1,-2]", "\"AACAPwAAAMA=\"", 2},
        {"[ 0.25 , 1e-3,\n-0.021534257 ]", "[ 0.25 , 1e-3,\n-0.021534257 ]",
         "\"AACAPm8SgzqcaLC8\"", 3},
        {"[1,1,1,1]", "[1,1,1,1]", "\"AACAPwAAgD8AAIA/AACAPw==\"", 4},
        {"[]", "[]", "\"\"", 0},
        {"[1,null]", NULL, NULL, 0},
        {"[true]", NULL, NULL, 0},
        {"[false]", NULL, NULL, 0},
        {"[[1]]", NULL, NULL, 0},
        {"[{}]", NULL, NULL, 0},
        {"[1,\"2\"]", NULL, NULL, 0},
        {"\"AACAPw==\"", "\"AACAPw==\"", "\"AACAPw==\"", 1},
        {"\"=\"", "\"=\"", "\"=\"", 0},
        {"\"==\"", "\"==\"", "\"==\"", 0},
        {"\"AACAPwAAAMA=\"", "\"AACAPwAAAMA=\"", "\"AACAPwAAAMA=\"", 2},
        {"\"AACAPwAAgD8AAIA/\"", "\"AACAPwAAgD8AAIA/\"", "\"AACAPwAAgD8AAIA/\"", 3},
        {"\"AACAPwAAgD8AAIA\\/\"", "\"AACAPwAAgD8AAIA\\/\"", "\"AACAPwAAgD8AAIA\\/\"", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t slice = 1; slice < 40; slice++)
            for (int base64 = 0; base64 <= 1; base64++) {
                const char *want = base64 ? rows[i].base64 : rows[i].plain;
                struct vector_writer v;
                struct buf b = BUF_INIT(1000);
                enum errc rc = write(&v, rows[i].text, base64, slice, &b);
                assert_int_equal(rc, want != NULL ? ERR_OK : ERR_SYNTAX);
                if (want != NULL)
                    assert_string_equal(b.data, want);
                if (want != NULL)
                    assert_int_equal(v.n_numbers, rows[i].n);
                assert_int_equal(write(&v, rows[i].text, base64, slice, NULL), rc);
                if (want != NULL)
                    assert_int_equal(v.n_numbers, rows[i].n);
                buf_release(&b);
            }
}

/* A slice is no more than it should be, and a few numbers. */
static void a_long_vector_takes_many_slices(void **state)
{
    enum { N = 3072, SLICE = 1000, FEW = 192 * 2 };
    (void)state;
    for (int base64 = 0; base64 <= 1; base64++) {
        struct buf text = BUF_INIT(100000), out = BUF_INIT(100000);
        for (size_t i = 0; i < N; i++)
            buf_addz(&text, i == 0 ? "[1" : ",1");
        buf_addc(&text, ']');
        struct vector_writer v;
        vector_begin(&v, buf_str(&text), base64);
        for (size_t at = 0; vector_go_on(&v, SLICE, &out) == ERR_AGAIN; at = v.at)
            assert_in_range(v.at - at, SLICE, SLICE + FEW);
        assert_int_equal(v.n_numbers, N);
        assert_int_equal(out.len, base64 ? N * 4 / 3 * 4 + 2 : text.len);
        buf_release(&text);
        buf_release(&out);
    }
}

static void no_room_is_told(void **state)
{
    struct vector_writer v;
    (void)state;
    for (int base64 = 0; base64 <= 1; base64++) {
        struct buf b = BUF_INIT(8);
        assert_int_equal(write(&v, "[1,2,3,4]", base64, 100, &b), ERR_TOO_LARGE);
        buf_release(&b);
    }
}

static void base64_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes; /* NULL: it is none */
    } rows[] = {{"", ""},        {"YQ==", "a"},        {"YWI=", "ab"},
                {"YWJj", "abc"}, {"YWJjZA==", "abcd"}, {"+/+/", "\xfb\xff\xbf"},
                {"YQ", NULL},    {"YQ=", NULL},        {"Y===", NULL},
                {"Y Q=", NULL},  {"YQ==YQ==", NULL},   {"=", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf out = BUF_INIT(100);
        assert_int_equal(base64_read(str_of(rows[i].text), &out), rows[i].bytes != NULL);
        assert_true(str_eqz(buf_str(&out), rows[i].bytes != NULL ? rows[i].bytes : ""));
    }
    struct buf small = BUF_INIT(2);
    assert_true(base64_read(STR("YWJj"), &small)); /* it is base64, all the same */
    assert_int_equal(buf_err(&small), ERR_TOO_LARGE);
    for (size_t n = 0; n < 100; n++) { /* and back */
        AUTO(buf_release) struct buf text = BUF_INIT(1000), out = BUF_INIT(1000);
        char bytes[100];
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(i * 37 + n);
        base64_add(&text, (struct str){bytes, n});
        assert_true(base64_read(buf_str(&text), &out));
        assert_true(str_eq(buf_str(&out), (struct str){bytes, n}));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_read_strictly),
        cmocka_unit_test(numbers_become_the_nearest_binary32),
        cmocka_unit_test(what_was_printed_is_read_back),
        cmocka_unit_test(what_is_no_number_is_none),
        cmocka_unit_test(short_numbers_are_what_libc_says),
        cmocka_unit_test(a_vector_is_written_in_slices_as_it_is_in_one),
        cmocka_unit_test(a_long_vector_takes_many_slices),
        cmocka_unit_test(no_room_is_told),
    };
    return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
