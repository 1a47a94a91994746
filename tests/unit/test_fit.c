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
    fit_hear(&f, &(struct msg_delta){.kind = MSG_D_FINISH, .finish = finish});
    struct str said = STR_NONE;
    enum errc rc = fit_check(&f, &said, e);
    if (rc != ERR_OK)
        assert_true(str_eq(said, whole));
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
        struct str said;
        struct fit f;
        fit_init(&f);
        assert_int_equal(fit_start(&f, &m, &d, &e), ERR_OK);
        assert_int_equal(fit_check(&f, &said, &e), ERR_UNUSABLE);
        fit_hear(&f, &(struct msg_delta){.kind = kinds[i], .text = STR("no")});
        assert_int_equal(fit_check(&f, &said, &e), ERR_OK);
        fit_release(&f);
    }
}

/* Each choice is an answer for itself: together they would be no JSON. */
static void each_choice_is_judged_for_itself(void **state)
{
    (void)state;
    static const struct {
        const char *texts[3];
        enum msg_finish finish[3];
        int bad; /* which does not fit; −1: all do */
    } rows[] = {
        {{"{\"a\":1}", "{\"a\":2}", "{\"a\":3}"}, {MSG_FINISH_STOP}, -1},
        {{"{\"a\":1}", "{\"a\":0}", "{\"a\":3}"}, {MSG_FINISH_STOP}, 1},
        {{"{\"a\":1}", "{\"a\":2}", "{\"a\":"}, {MSG_FINISH_STOP}, 2},
        /* that one is cut short says nothing of the others */
        {{"{\"a\":", "{\"a\":2}", "{\"a\":3}"}, {MSG_FINISH_LENGTH}, -1},
        {{"{\"a\":", "{\"a\":0}", "{\"a\":3}"}, {MSG_FINISH_LENGTH}, 1},
        {{"{\"a\":0}", "{\"a\":2}", "{\"a\":"}, {0, 0, MSG_FINISH_LENGTH}, 0},
    };
    const struct msg_request m = {.format = MSG_FORMAT_SCHEMA, .schema = STR(SCHEMA)};
    const struct dropped d = {.is_schema_cut = true};
    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        bool is_whole = i % 2 == 1;
        struct err e = ERR_INIT;
        struct str said = STR_NONE;
        struct msg_part parts[3];
        struct msg_reply more[3];
        struct fit f;
        fit_init(&f);
        assert_int_equal(fit_start(&f, &m, &d, &e), ERR_OK);
        for (unsigned k = 0; k < 3; k++) {
            struct str text = str_of(rows[i / 2].texts[k]);
            enum msg_finish finish = rows[i / 2].finish[k];
            parts[k] = (struct msg_part){.kind = MSG_TEXT, .text = text};
            more[k] =
                (struct msg_reply){.parts = &parts[k], .n_parts = 1, .finish = finish};
            if (is_whole)
                continue;
            fit_hear(&f,
                     &(struct msg_delta){.kind = MSG_D_TEXT, .choice = k, .text = text});
            fit_hear(&f, &(struct msg_delta){
                             .kind = MSG_D_FINISH, .choice = k, .finish = finish});
        }
        more[0].more = more + 1;
        more[0].n_more = 2;
        if (is_whole)
            fit_hear_reply(&f, &more[0]);
        enum errc rc = fit_check(&f, &said, &e);
        assert_int_equal(rc, rows[i / 2].bad < 0 ? ERR_OK : ERR_UNUSABLE);
        if (rc != ERR_OK)
            assert_true(str_eqz(said, rows[i / 2].texts[rows[i / 2].bad]));
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
    struct str said;
    assert_int_equal(fit_check(&f, &said, &e), ERR_UNUSABLE);
    fit_release(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_judged_by_the_whole_schema),
        cmocka_unit_test(a_refusal_or_a_call_is_no_structured_answer),
        cmocka_unit_test(each_choice_is_judged_for_itself),
        cmocka_unit_test(a_whole_answer_is_heard_as_a_stream_is),
    };
    return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
