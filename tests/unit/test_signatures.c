/* test_signatures.c: what a model wants back with its calls is kept, and not for ever. */
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

static void put(struct signatures *s, const char *id, const char *name,
                struct str signature, int64_t mono_us)
{
    struct msg_part call = {.kind = MSG_TOOL_CALL,
                            .id = str_of(id),
                            .name = str_of(name),
                            .signature = signature};
    const struct msg_reply r = {.parts = &call, .n_parts = 1};
    signatures_put_reply(s, STR("p/m"), &r, mono_us);
}

/* The signature that a conversation with that one call is given; of static life. */
static struct str given_by(struct signatures *s, const char *origin, const char *id,
                           const char *name, int64_t mono_us)
{
    static char text[256];
    struct msg_part call = {
        .kind = MSG_TOOL_CALL, .id = str_of(id), .name = str_of(name)};
    struct msg_turn turn = {.role = MSG_ASSISTANT, .parts = &call, .n_parts = 1};
    struct msg_request m = {.turns = &turn, .n_turns = 1};
    struct arena a;
    arena_init(&a, 1 << 20);
    signatures_attach(s, str_of(origin), &m, &a, mono_us);
    assert_int_equal(call.signature.len, 0); /* the shared one is left alone */
    assert_int_equal(m.turns[0].n_parts, 1);
    struct str got = m.turns[0].parts[0].signature;
    size_t n = MIN(got.len, sizeof text - 1);
    for (size_t i = 0; i < n; i++)
        text[i] = got.ptr[i];
    arena_release(&a);
    return (struct str){text, n};
}

static struct str given(struct signatures *s, const char *id, const char *name,
                        int64_t mono_us)
{
    return given_by(s, "p/m", id, name, mono_us);
}

static void a_call_gets_its_own_back(void **state)
{
    (void)state;
    struct signatures *s = make();
    put(s, "c1", "f", STR("one"), 1);
    put(s, "c2", "f", STR("two"), 1);
    assert_true(str_eqz(given(s, "c1", "f", 2), "one"));
    assert_true(str_eqz(given(s, "c2", "f", 2), "two"));
    assert_int_equal(given(s, "c3", "f", 2).len, 0);
    assert_int_equal(given(s, "c1", "g", 2).len, 0); /* another provider's id, perhaps */
    put(s, "c1", "f", STR("new"), 3);
    assert_true(str_eqz(given(s, "c1", "f", 4), "new"));
    signatures_free(&s);
    assert_null(s);
}

static void only_its_origin_can_read_it(void **state)
{
    (void)state;
    struct signatures *s = make();
    put(s, "c1", "f", STR("one"), 1);
    assert_int_equal(given_by(s, "p/n", "c1", "f", 2).len, 0);
    assert_int_equal(given_by(s, "", "c1", "f", 2).len, 0);
    assert_true(str_eqz(given(s, "c1", "f", 2), "one"));
    signatures_free(&s);
}

static void what_has_no_id_is_not_kept(void **state)
{
    (void)state;
    struct signatures *s = make();
    put(s, "", "f", STR("one"), 1);
    assert_int_equal(given(s, "", "f", 2).len, 0);
    put(NULL, "c", "f", STR("one"), 1);
    assert_int_equal(given(NULL, "c", "f", 2).len, 0);
    signatures_free(&s);
}

/* The signature that a turn of that text is given; of static life. */
static const char *given_for(struct signatures *s, const char *origin, enum msg_role role,
                             const char *first, const char *second)
{
    static char text[64];
    struct msg_part parts[] = {{.kind = MSG_TEXT, .text = str_of(first)},
                               {.kind = MSG_TEXT, .text = str_of(second)}};
    size_t n = second != NULL ? 2 : 1;
    struct msg_turn turn = {.role = role, .parts = parts, .n_parts = n};
    struct msg_request m = {.turns = &turn, .n_turns = 1};
    struct arena a;
    arena_init(&a, 1 << 20);
    signatures_attach(s, str_of(origin), &m, &a, 2);
    assert_int_equal(parts[n - 1].signature.len, 0); /* the shared one is left alone */
    assert_int_equal(m.turns[0].n_parts, n);
    str_copy(text, sizeof text, m.turns[0].parts[n - 1].signature);
    arena_release(&a);
    return text;
}

static void a_text_gets_its_own_back(void **state)
{
    (void)state;
    struct signatures *s = make();
    struct msg_part parts[] = {
        {.kind = MSG_THINKING, .text = STR("hm"), .signature = STR("thought")},
        {.kind = MSG_TEXT, .text = STR("high "), .signature = STR("first")},
        {.kind = MSG_TEXT, .text = STR("water"), .signature = STR("last")}};
    const struct msg_reply r = {.parts = parts, .n_parts = 3};
    const struct msg_reply unsigned_one = {.parts = parts, .n_parts = 1};
    signatures_put_reply(s, STR("p/m"), &unsigned_one, 1);
    assert_string_equal(given_for(s, "p/m", MSG_ASSISTANT, "high water", NULL), "");
    signatures_put_reply(s, STR("p/m"), &r, 1);
    assert_string_equal(given_for(s, "p/m", MSG_ASSISTANT, "high water", NULL), "last");
    assert_string_equal(given_for(s, "p/m", MSG_ASSISTANT, "high", " water"), "last");
    assert_string_equal(given_for(s, "p/m", MSG_ASSISTANT, "low water", NULL), "");
    assert_string_equal(given_for(s, "p/m", MSG_USER, "high water", NULL), "");
    assert_string_equal(given_for(s, "p/n", MSG_ASSISTANT, "high water", NULL), "");
    put(s, "c1", "f", STR("one"), 1 + (int64_t)LIMIT_SIGNATURES_S * US_PER_S * 2);
    assert_string_equal(given_for(s, "p/m", MSG_ASSISTANT, "high water", NULL), "");
    signatures_free(&s);
}

/* Such a memcpy is undefined: seen under sanitizers. */
static void a_request_without_turns_stays_one(void **state)
{
    (void)state;
    struct signatures *s = make();
    struct msg_request m = {.n_turns = 0};
    struct arena a;
    arena_init(&a, 1 << 20);
    put(s, "c1", "f", STR("one"), 1);
    signatures_attach(s, STR("p/m"), &m, &a, 1);
    assert_null(m.turns);
    arena_release(&a);
    signatures_free(&s);
}

#define CALL(i)                                                                          \
    {                                                                                    \
        .kind = MSG_TOOL_CALL, .id = STR(i), .name = STR("f")                            \
    }

/* The kinds of a turn's parts, and what each says: "think:T/S text:… call:a". */
static const char *show(const struct msg_turn *t, char out[256])
{
    struct buf b = BUF_INIT(255);
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (p->kind == MSG_THINKING)
            buf_printf(&b, "think:%.*s/%.*s ", STR_ARG(p->text), STR_ARG(p->signature));
        else if (p->kind == MSG_REDACTED)
            buf_printf(&b, "redacted:%.*s ", STR_ARG(p->data));
        else if (p->kind == MSG_TEXT)
            buf_printf(&b, "text:%.*s ", STR_ARG(p->text));
        else
            buf_printf(&b, "call:%.*s ", STR_ARG(p->id));
    }
    str_copy(out, 256, buf_str(&b));
    buf_release(&b);
    return out;
}

static void thoughts_come_back_before_their_calls(void **state)
{
    (void)state;
    struct signatures *s = make();
    struct arena a;
    char text[256];
    struct msg_part reply[] = {
        {.kind = MSG_THINKING, .text = STR("unsigned")},
        {.kind = MSG_THINKING, .text = STR("t1"), .signature = STR("s1")},
        {.kind = MSG_REDACTED, .data = STR("d1")},
        {.kind = MSG_TEXT, .text = STR("Let me see.")},
        CALL("a"),
        CALL("b"),
        {.kind = MSG_THINKING, .signature = STR("s2")},
        CALL("c"),
    };
    const struct msg_reply r = {.parts = reply, .n_parts = ARRAY_LEN(reply)};
    signatures_put_reply(s, STR("p/m"), &r, 1);
    struct msg_part again[] = {
        {.kind = MSG_TEXT, .text = STR("Let me see.")}, CALL("a"), CALL("b"), CALL("c")};
    struct msg_part own[] = {
        {.kind = MSG_THINKING, .text = STR("mine"), .signature = STR("s0")}, CALL("a")};
    struct msg_part other[] = {CALL("z")};
    struct msg_turn turns[] = {
        {.role = MSG_ASSISTANT, .parts = again, .n_parts = ARRAY_LEN(again)},
        {.role = MSG_ASSISTANT, .parts = own, .n_parts = ARRAY_LEN(own)},
        {.role = MSG_ASSISTANT, .parts = other, .n_parts = ARRAY_LEN(other)},
    };
    struct msg_request m = {.turns = turns, .n_turns = ARRAY_LEN(turns)};
    arena_init(&a, 1 << 20);
    signatures_attach(s, STR("p/m"), &m, &a, 2);
    assert_string_equal(show(&m.turns[0], text),
                        "think:t1/s1 redacted:d1 text:Let me see. call:a call:b "
                        "think:/s2 call:c ");
    assert_string_equal(show(&m.turns[1], text), "think:mine/s0 call:a ");
    assert_string_equal(show(&m.turns[2], text), "call:z ");
    assert_int_equal(turns[0].n_parts, ARRAY_LEN(again));
    /* for another target the same conversation is as the client sent it */
    m = (struct msg_request){.turns = turns, .n_turns = ARRAY_LEN(turns)};
    signatures_attach(s, STR("p/other"), &m, &a, 2);
    assert_string_equal(show(&m.turns[0], text),
                        "text:Let me see. call:a call:b call:c ");
    arena_release(&a);
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
        put(s, id, "f", (struct str){text, EACH}, i);
        assert_int_not_equal(given(s, "c0", "f", i).len, 0);
    }
    assert_int_equal(given(s, "c1", "f", 20).len, 0);
    assert_int_not_equal(given(s, "c19", "f", 20).len, 0);
    static char huge[LIMIT_SIGNATURES_LEN / 4];
    put(s, "h", "f", (struct str){huge, sizeof huge}, 21);
    assert_int_equal(given(s, "h", "f", 21).len, 0);
    signatures_free(&s);
}

static void a_session_later_they_are_gone(void **state)
{
    (void)state;
    const int64_t life_us = (int64_t)LIMIT_SIGNATURES_S * US_PER_S;
    struct signatures *s = make();
    put(s, "c", "f", STR("sig"), 0);
    assert_int_not_equal(given(s, "c", "f", life_us).len, 0);
    assert_int_not_equal(given(s, "c", "f", 2 * life_us).len, 0); /* used in between */
    assert_int_equal(given(s, "c", "f", 3 * life_us + 1).len, 0);
    signatures_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_gets_its_own_back),
        cmocka_unit_test(a_request_without_turns_stays_one),
        cmocka_unit_test(a_text_gets_its_own_back),
        cmocka_unit_test(what_has_no_id_is_not_kept),
        cmocka_unit_test(only_its_origin_can_read_it),
        cmocka_unit_test(thoughts_come_back_before_their_calls),
        cmocka_unit_test(the_oldest_go_first_and_use_keeps_young),
        cmocka_unit_test(a_session_later_they_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
