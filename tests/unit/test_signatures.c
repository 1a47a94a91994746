/* test_signatures.c: signatures of tool calls are kept, and not for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/limits.h"

#include "broker/signatures.h"

#include <cmocka.h>

static struct signatures *make(void)
{
    struct signatures *s;
    struct err e = ERR_INIT;
    assert_int_equal(signatures_new(&s, &e), ERR_OK);
    return s;
}

/* What a conversation with that one call is given; of static life. */
static struct str given(struct signatures *s, const char *id, const char *name,
                        int64_t mono_us)
{
    static char text[256];
    struct msg_part call = {
        .kind = MSG_TOOL_CALL, .id = str_of(id), .name = str_of(name)};
    struct msg_turn turn = {.role = MSG_ASSISTANT, .parts = &call, .n_parts = 1};
    struct msg_request m = {.turns = &turn, .n_turns = 1};
    struct arena a;
    arena_init(&a, 1 << 20);
    signatures_attach(s, &m, &a, mono_us);
    size_t n = MIN(call.signature.len, sizeof text - 1);
    for (size_t i = 0; i < n; i++)
        text[i] = call.signature.ptr[i];
    arena_release(&a);
    return (struct str){text, n};
}

static void a_call_gets_its_own_back(void **state)
{
    (void)state;
    struct signatures *s = make();
    signatures_put(s, STR("c1"), STR("f"), STR("one"), 1);
    signatures_put(s, STR("c2"), STR("f"), STR("two"), 1);
    assert_true(str_eqz(given(s, "c1", "f", 2), "one"));
    assert_true(str_eqz(given(s, "c2", "f", 2), "two"));
    assert_int_equal(given(s, "c3", "f", 2).len, 0);
    assert_int_equal(given(s, "c1", "g", 2).len, 0); /* another provider's id, perhaps */
    signatures_put(s, STR("c1"), STR("f"), STR("new"), 3);
    assert_true(str_eqz(given(s, "c1", "f", 4), "new"));
    signatures_free(&s);
    assert_null(s);
}

static void what_has_no_id_is_not_kept(void **state)
{
    (void)state;
    struct signatures *s = make();
    signatures_put(s, STR_NONE, STR("f"), STR("one"), 1);
    assert_int_equal(given(s, "", "f", 2).len, 0);
    signatures_put(NULL, STR("c"), STR("f"), STR("one"), 1);
    assert_int_equal(given(NULL, "c", "f", 2).len, 0);
    signatures_free(&s);
}

static void a_whole_answer_is_kept_call_by_call(void **state)
{
    (void)state;
    struct signatures *s = make();
    struct msg_part parts[] = {
        {.kind = MSG_THINKING, .signature = STR("no")},
        {.kind = MSG_TOOL_CALL,
         .id = STR("a"),
         .name = STR("f"),
         .signature = STR("sig")},
        {.kind = MSG_TOOL_CALL, .id = STR("b"), .name = STR("f")},
    };
    signatures_put_reply(s, &(struct msg_reply){.parts = parts, .n_parts = 3}, 1);
    assert_true(str_eqz(given(s, "a", "f", 2), "sig"));
    assert_int_equal(given(s, "b", "f", 2).len, 0);
    signatures_free(&s);
}

static void the_oldest_go_first_and_use_keeps_young(void **state)
{
    (void)state;
    enum { EACH = LIMIT_SIGNATURES_LEN / 16 };
    static char text[EACH];
    struct signatures *s = make();
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        signatures_put(s, str_of(id), STR("f"), (struct str){text, EACH}, i);
        assert_int_not_equal(given(s, "c0", "f", i).len, 0);
    }
    assert_int_equal(given(s, "c1", "f", 20).len, 0);
    assert_int_not_equal(given(s, "c19", "f", 20).len, 0);
    static char huge[LIMIT_SIGNATURES_LEN / 4];
    signatures_put(s, STR("h"), STR("f"), (struct str){huge, sizeof huge}, 21);
    assert_int_equal(given(s, "h", "f", 21).len, 0);
    signatures_free(&s);
}

static void a_session_later_they_are_gone(void **state)
{
    (void)state;
    const int64_t life_us = (int64_t)LIMIT_SIGNATURES_S * US_PER_S;
    struct signatures *s = make();
    signatures_put(s, STR("c"), STR("f"), STR("sig"), 0);
    assert_int_not_equal(given(s, "c", "f", life_us).len, 0);
    assert_int_not_equal(given(s, "c", "f", 2 * life_us).len, 0); /* used in between */
    assert_int_equal(given(s, "c", "f", 3 * life_us + 1).len, 0);
    signatures_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_gets_its_own_back),
        cmocka_unit_test(what_has_no_id_is_not_kept),
        cmocka_unit_test(a_whole_answer_is_kept_call_by_call),
        cmocka_unit_test(the_oldest_go_first_and_use_keeps_young),
        cmocka_unit_test(a_session_later_they_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
