/* test_when.c: conditions of targets: meaning, precedence, and clear errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/when.h"

#include <cmocka.h>

static const struct http1_header tags[] = {
    {{"team", 4}, {"red", 3}},
    {{"why so", 6}, {"x = y", 5}},
};

static const struct route_facts facts = {
    .input_tok = 50001,
    .needs = CAP_TOOLS | CAP_JSON_SCHEMA,
    .template_name = {"triage", 6},
    .project = {"web", 3},
    .client = {"ci", 2},
    .tags = tags,
    .n_tags = 2,
};

static void conditions_mean_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool want;
    } rows[] = {
        {"tokens > 50000", true},
        {"tokens>50001", false},
        {"tokens >= 50001", true},
        {"tokens < 50001", false},
        {"tokens <= 50001", true},
        {"tokens = 50001", true},
        {"tools", true},
        {"vision", false},
        {"json", true},
        {"reasoning or audio", false},
        {"template = triage", true},
        {"template = \"triage\"", true},
        {"template = tri", false},
        {"project = web and client = ci", true},
        {"tag team = red", true},
        {"tag team = blue", false},
        {"tag \"why so\" = \"x = y\"", true},
        {"not vision", true},
        {"not not tools", true},
        {"vision or tools and tokens < 5", false},
        {"tools or vision and tokens < 5", true},
        {"(tools or vision) and tokens < 5", false},
        {"not (vision or audio) and tools", true},
        {"not vision and not tools", false},
    };
    struct err e = ERR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (when_check(rows[i].text, &e) != ERR_OK)
            fail_msg("%s: %s", rows[i].text, e.text);
        if (when_holds(rows[i].text, &facts) != rows[i].want)
            fail_msg("%s is not %s", rows[i].text, rows[i].want ? "true" : "false");
    }
}

static void errors_name_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "expected tokens, tools, vision, json, reasoning, audio, template, project, "
             "client "
             "or tag at its end"},
        {"tokens", "expected a comparison at its end"},
        {"tokens > many", "expected a number at \"many\""},
        {"tokens > -1", "expected a number at \"-1\""},
        {"tokens ! 5", "expected a comparison at \"!\""},
        {"tools tools", "expected \"and\" or \"or\" at \"tools\""},
        {"(tools", "expected \")\" at its end"},
        {"tools)", "expected \"and\" or \"or\" at \")\""},
        {"template triage", "expected \"=\" at \"triage\""},
        {"template =", "expected a name at its end"},
        {"template = \"tri", "expected a closing quote at \"\"tri\""},
        {"tag = red", "expected a name at \"=\""},
        {"colour = red", "at \"colour\""},
        {"tools and", "at its end"},
        {"((((((((((((((((((tools))))))))))))))))))", "expected less nesting"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(when_check(rows[i].text, &e), ERR_CONFIG);
        char head[128];
        snprintf(head, sizeof head, "condition \"%s\": ", rows[i].text);
        assert_ptr_equal(strstr(e.text, head), e.text);
        if (strstr(e.text, rows[i].want) == NULL)
            fail_msg("%s", e.text);
        assert_false(when_holds(rows[i].text, &facts));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_mean_what_they_say),
        cmocka_unit_test(errors_name_the_place),
    };
    return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
