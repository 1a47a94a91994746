/* test_echo.c: a beginning that is said again is taken out, however the answer is cut to pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/buf.h"

#include "broker/echo.h"

#include <cmocka.h>

static struct msg_part begun = {.kind = MSG_TEXT};
static struct msg_turn turns[] = {{.role = MSG_USER},
                                  {.role = MSG_ASSISTANT, .parts = &begun, .n_parts = 1}};

/* The answer in pieces of `step` bytes, as it is told. */
static void tell(struct str answer, size_t step, struct buf *out)
{
    const struct msg_request m = {.turns = turns, .n_turns = ARRAY_LEN(turns)};
    struct arena a;
    struct echo e;
    begun.text = STR("1. Brest\n2.");
    arena_init(&a, 1 << 16);
    echo_start(&e, &m, &a);
    for (size_t at = 0; at < answer.len; at += step) {
        struct str held, rest;
        echo_hear(&e, str_sub(answer, at, step), &held, &rest);
        buf_adds(out, held);
        buf_adds(out, rest);
    }
    buf_adds(out, echo_end(&e));
    arena_release(&a);
}

static void only_a_whole_echo_is_taken_out(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *told;
    } rows[] = {
        {"1. Brest\n2. Lorient", " Lorient"},
        {" Lorient\n1. Brest\n2.", " Lorient\n1. Brest\n2."},
        {"1. Brest\n3. Lorient", "1. Brest\n3. Lorient"},
        {"1. B", "1. B"},
        {"1. Brest\n2.", ""},
        {"1. Brest\n2.1. Brest\n2.", "1. Brest\n2."},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t step = 1; step <= strlen(rows[i].answer) + 1; step++) {
            AUTO(buf_release) struct buf out = BUF_INIT(1000);
            tell(str_of(rows[i].answer), step, &out);
            assert_true(str_eqz(buf_str(&out), rows[i].told));
        }
}

static void without_a_beginning_nothing_is_held(void **state)
{
    (void)state;
    const struct msg_request m = {.turns = turns, .n_turns = 1};
    struct arena a;
    struct echo e;
    struct str held, rest;
    begun.text = STR("1. Brest\n2.");
    arena_init(&a, 1 << 16);
    echo_start(&e, &m, &a);
    echo_hear(&e, STR("1."), &held, &rest);
    assert_int_equal(held.len, 0);
    assert_true(str_eqz(rest, "1."));
    assert_int_equal(echo_end(&e).len, 0);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_echo_is_taken_out),
        cmocka_unit_test(without_a_beginning_nothing_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
