/* test_provider.c: the table of provider kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/provider.h"

#include <cmocka.h>

static void every_kind_is_found_by_its_name_and_only_once(void **state)
{
    (void)state;
    size_t n;
    const struct provider_kind *k = provider_kinds(&n);
    assert_true(n > 20);
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(provider_kind_find(str_of(k[i].kind)), &k[i]);
    assert_null(provider_kind_find(STR("no-such")));
    assert_null(provider_kind_find(STR_NONE));
}

static void every_row_can_be_asked(void **state)
{
    (void)state;
    size_t n;
    const struct provider_kind *k = provider_kinds(&n);
    for (size_t i = 0; i < n; i++) {
        struct str base = str_of(k[i].base_url);
        if (base.len == 0) {
            assert_true(!strcmp(k[i].kind, "azure") || !strcmp(k[i].kind, "vertex") ||
                        !strcmp(k[i].kind, "bedrock") ||
                        !strcmp(k[i].kind, "openai-compatible"));
        } else {
            assert_true(str_starts(base, k[i].is_local ? STR("http://localhost:")
                                                       : STR("https://")));
            assert_false(str_ends(base, STR("/")));
        }
        assert_int_equal(k[i].path[0], '/');
        assert_true(!strcmp(k[i].cap_field, "max_tokens") ||
                    !strcmp(k[i].cap_field, "max_completion_tokens") ||
                    !strcmp(k[i].cap_field, "maxOutputTokens") ||
                    !strcmp(k[i].cap_field, "maxTokens"));
        assert_true((unsigned)k[i].usage < USAGE_WIRE_N_);
        assert_int_equal(k[i].dialect == DIALECT_ANTHROPIC,
                         !strcmp(k[i].path, "/messages"));
        assert_int_equal(k[i].dialect == DIALECT_GEMINI, !strcmp(k[i].path, "/models/"));
        assert_int_equal(k[i].dialect == DIALECT_COHERE, !strcmp(k[i].path, "/chat"));
        assert_int_equal(k[i].dialect == DIALECT_BEDROCK, !strcmp(k[i].path, "/model/"));
    }
}

static void the_rules_that_cost_users_money_hold(void **state)
{
    (void)state;
    const struct provider_kind *mistral = provider_kind_find(STR("mistral"));
    assert_false(mistral->ask_usage); /* it refuses stream_options */
    const struct provider_kind *xai = provider_kind_find(STR("xai"));
    assert_int_equal(xai->usage, USAGE_WIRE_XAI_CHAT); /* reasoning is outside there */
    const struct provider_kind *deepseek = provider_kind_find(STR("deepseek"));
    assert_int_equal(deepseek->usage, USAGE_WIRE_DEEPSEEK_CHAT);
    assert_true(provider_kind_find(STR("openai"))->counts_cap);
    assert_false(provider_kind_find(STR("anthropic"))->counts_cap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_found_by_its_name_and_only_once),
        cmocka_unit_test(every_row_can_be_asked),
        cmocka_unit_test(the_rules_that_cost_users_money_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
