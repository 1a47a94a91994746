/* test_fit.c: answers against schemas of which the target knew only a part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/fit.h"

#include <cmocka.h>

#define SCHEMA "{\"type\":\"object\",\"properties\":{\"a\":{\"minimum\":1}}}"

static enum errc judge(const char *schema, bool is_cut, const char *text,
                       enum msg_finish finish, struct err *e)
{
    const struct msg_request m = {.format = MSG_FORMAT_SCHEMA, .schema = str_of(schema)};
    const struct dropped d = {.is_schema_cut = is_cut};
    struct fit f;
    fit_init(&f);
    assert_int_equal(fit_start(&f, &m, &d, e), ERR_OK);
    /* in two pieces, as a stream brings it */
    struct str whole = str_of(text);
    fit_hear(&f, &(struct msg_delta){.kind = MSG_D_TEXT, .text = str_sub(whole, 0, 3)});
    fit_hear(&f, &(struct msg_delta){.kind = MSG_D_THINKING, .text = STR("hm")});
    fit_hear(&f, &(struct msg_delta){.kind = MSG_D_TEXT,
                                     .text = str_sub(whole, 3, whole.len)});
    enum errc rc = fit_check(&f, finish, e);
    fit_release(&f);
    return rc;
}

static void an_answer_is_judged_by_the_whole_schema(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        bool is_cut;
        const char *text;
        enum msg_finish finish;
        const char *why; /* NULL: it passes */
    } rows[] = {
        {SCHEMA, true, "{\"a\": 1}", MSG_FINISH_STOP, NULL},
        {SCHEMA, true, "{\"a\": 0}", MSG_FINISH_STOP, "/a: minimum: is below 1"},
        {SCHEMA, true, "{\"a\": 0}", MSG_FINISH_UNKNOWN, "/a: minimum: is below 1"},
        {SCHEMA, true, "{\"a\": ", MSG_FINISH_STOP, "JSON"},
        {SCHEMA, true, "", MSG_FINISH_STOP, "JSON"},
        {SCHEMA, true, "[]", MSG_FINISH_STOP, "type: is array, not object"},
        /* the target knows it all: nothing is judged */
        {SCHEMA, false, "[]", MSG_FINISH_STOP, NULL},
        /* told as what it is */
        {SCHEMA, true, "{\"a\": ", MSG_FINISH_LENGTH, NULL},
        {SCHEMA, true, "", MSG_FINISH_TOOL, NULL},
        {SCHEMA, true, "I will not", MSG_FINISH_FILTERED, NULL},
        /* no schema that anybody could check */
        {"{\"type\":\"objekt\"}", true, "[]", MSG_FINISH_STOP, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        enum errc rc =
            judge(rows[i].schema, rows[i].is_cut, rows[i].text, rows[i].finish, &e);
        assert_int_equal(rc, rows[i].why != NULL ? ERR_UNUSABLE : ERR_OK);
        if (rows[i].why != NULL) {
            assert_int_equal(e.origin, ERR_BY_PROVIDER);
            assert_true(str_contains(str_of(e.text), str_of(rows[i].why)));
        }
    }
}

static void a_refusal_or_a_call_is_no_structured_answer(void **state)
{
    (void)state;
    static const enum msg_delta_kind kinds[] = {MSG_D_REFUSAL, MSG_D_CALL};
    const struct msg_request m = {.format = MSG_FORMAT_SCHEMA, .schema = STR(SCHEMA)};
    const struct dropped d = {.is_schema_cut = true};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct err e = ERR_INIT;
        struct fit f;
        fit_init(&f);
        assert_int_equal(fit_start(&f, &m, &d, &e), ERR_OK);
        assert_int_equal(fit_check(&f, MSG_FINISH_STOP, &e), ERR_UNUSABLE);
        fit_hear(&f, &(struct msg_delta){.kind = kinds[i], .text = STR("no")});
        assert_int_equal(fit_check(&f, MSG_FINISH_STOP, &e), ERR_OK);
        fit_release(&f);
    }
}

static void a_whole_answer_is_heard_as_a_stream_is(void **state)
{
    (void)state;
    struct msg_part parts[] = {{.kind = MSG_THINKING, .text = STR("hm")},
                               {.kind = MSG_TEXT, .text = STR("{\"a\":0}")}};
    const struct msg_reply r = {.parts = parts, .n_parts = ARRAY_LEN(parts)};
    const struct msg_request m = {.format = MSG_FORMAT_SCHEMA, .schema = STR(SCHEMA)};
    const struct dropped d = {.is_schema_cut = true};
    struct err e = ERR_INIT;
    struct fit f;
    fit_init(&f);
    assert_int_equal(fit_start(&f, &m, &d, &e), ERR_OK);
    fit_hear_reply(&f, &r);
    assert_int_equal(fit_check(&f, MSG_FINISH_STOP, &e), ERR_UNUSABLE);
    fit_release(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_judged_by_the_whole_schema),
        cmocka_unit_test(a_refusal_or_a_call_is_no_structured_answer),
        cmocka_unit_test(a_whole_answer_is_heard_as_a_stream_is),
    };
    return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
