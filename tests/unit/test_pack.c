/* test_pack.c: recorded bodies come back byte for byte, and damage is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "core/pack.h"

#include <cmocka.h>

static void bodies_come_back(void **state)
{
    (void)state;
    struct buf plain = BUF_INIT(1 << 20);
    for (int size = 0; size < 70000; size = size * 3 + 1) {
        struct buf packed = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
        struct err e = ERR_INIT;
        while (plain.len < (size_t)size)
            buf_printf(&plain, "{\"n\":%zu}", plain.len);
        assert_int_equal(pack(buf_str(&plain), &packed, &e), ERR_OK);
        assert_int_equal(unpack(buf_str(&packed), &again, &e), ERR_OK);
        assert_true(str_eq(buf_str(&plain), buf_str(&again)));
        buf_release(&packed);
        buf_release(&again);
    }
    buf_release(&plain);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct buf packed = BUF_INIT(1000), out = BUF_INIT(1000);
    struct err e = ERR_INIT;
    assert_int_equal(pack(STR("hello hello hello"), &packed, &e), ERR_OK);
    assert_int_equal(unpack(str_sub(buf_str(&packed), 0, packed.len - 3), &out, &e),
                     ERR_STORE);
    assert_int_equal(unpack(STR("no zstd at all"), &out, &e), ERR_STORE);
    assert_int_equal(unpack(STR_NONE, &out, &e), ERR_STORE);
    assert_int_equal(out.len, 0);
    buf_release(&packed);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_come_back),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
