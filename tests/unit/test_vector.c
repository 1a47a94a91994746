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

static void a_vector_is_little_endian_base64(void **state)
{
    static const struct {
        const char *array, *base64;
        enum errc rc;
    } rows[] = {
        {"[1]", "AACAPw==", ERR_OK},
        {"[1,-2]", "AACAPwAAAMA=", ERR_OK},
        {"[ 0.25 , 1e-3,\n-0.021534257 ]", "AACAPm8SgzqcaLC8", ERR_OK},
        {"[]", "", ERR_OK},
        {"[1,null]", "", ERR_SYNTAX},
        {"[1,\"2\"]", "", ERR_SYNTAX},
        {"{}", "", ERR_SYNTAX},
        {"1", "", ERR_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = BUF_INIT(1000);
        buf_addz(&b, "x");
        assert_int_equal(vector_base64(str_of(rows[i].array), &b), rows[i].rc);
        buf_addz(&b, "y");
        char want[64];
        snprintf(want, sizeof want, "x%sy", rows[i].base64);
        assert_string_equal(b.data, want);
        buf_release(&b);
    }
}

static void no_room_is_told(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(8);
    assert_int_equal(vector_base64(STR("[1,2,3,4]"), &b), ERR_TOO_LARGE);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_become_the_nearest_binary32),
        cmocka_unit_test(what_was_printed_is_read_back),
        cmocka_unit_test(what_is_no_number_is_none),
        cmocka_unit_test(short_numbers_are_what_libc_says),
        cmocka_unit_test(a_vector_is_little_endian_base64),
        cmocka_unit_test(no_room_is_told),
    };
    return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
