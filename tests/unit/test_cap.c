/* test_cap.c: the output cap that a refusal leads to, by each provider's wording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base.h"

#include "broker/cap.h"

#include <cmocka.h>

static int64_t cap_of(enum errc code, const char *text, int64_t sent, int64_t model,
                      bool *is_model)
{
    struct err e = ERR_INIT;
    err_set(&e, code, "%s", text);
    e.origin = ERR_BY_CLIENT;
    return cap_of_refusal(&e, sent, model, is_model);
}

#define WINDOW(n, asked)                                                                 \
    "This model's maximum context length is " n " tokens. However, you requested " asked

static void every_wording_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t sent, cap; /* −1: it is left as it is */
        bool is_model;
    } rows[] = {
        {"max_tokens is too large: 90000. This model supports at most 16384 completion "
         "tokens, whereas you provided 90000.",
         90000, 16384, true},
        {"Invalid value: 'tokens is too large, at most 5'.", 90000, 5, false},
        {"<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, "
         "8192]",
         90000, 8192, true},
        {"Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 90000,
         8192, true},
        {"max_tokens: 90000 > 64000, which is the maximum allowed number of output "
         "tokens for claude-sonnet-4",
         90000, 64000, true},
        {"The maximum tokens you requested exceeds the model limit of 4096. Try again "
         "with a maximum tokens value that is lower than 4096.",
         90000, 4096, true},
        {"`max_tokens` must be less than or equal to `40960`, the maximum value for "
         "`max_tokens` is less than the `context_window` for this model",
         90000, 40960, true},
        {"Unable to submit request because it has a maxOutputTokens value of 90000 but "
         "the supported range is from 1 (inclusive) to 65537 (exclusive).",
         90000, 65536, true},
        {"This request requires more credits, or fewer max_tokens. You requested up to "
         "65536 tokens, but can only afford 5000.",
         -1, 5000, false},
        {"This request requires more credits, or fewer max_tokens. You requested up to "
         "65536 tokens, but can only afford 12.",
         65536, -1, false},
        {WINDOW("8192", "9000 tokens (1000 in the messages, 8000 in the completion)."),
         8000, 7192, false},
        {WINDOW("8192", "9000 tokens (8000 in the messages, 1000 in the completion)."),
         1000, -1, false},
        {WINDOW("8192", "about 9000 tokens (9000 of text input, 99 in the output)."), 99,
         -1, false},
        {WINDOW("32768", "30000 output tokens and your prompt contains at least 4000 "
                         "input tokens, for a total of at least 34000 tokens."),
         30000, 28768, false},
        {WINDOW("8192", "9000 tokens."), 99, -1, false},
        {"Your request exceeded model token limit: 131072 (requested: 140000)", 20000,
         11072, false},
        {"Your request exceeded model token limit: 131072 (requested: 140000)", 20, -1,
         false},
        {"max_tokens is too large: 5. This model supports at most 7 tokens.", 5, -1,
         true},
        {"max_tokens is too large: 5. This model supports at most none.", 500, -1, true},
        {"the prompt is at most funny", 500, -1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool is_model;
        print_message("# %s\n", rows[i].text);
        assert_int_equal(cap_of(ERR_INVALID, rows[i].text, rows[i].sent, 0, &is_model),
                         rows[i].cap);
        if (rows[i].cap > 0)
            assert_int_equal(is_model, rows[i].is_model);
    }
}

static void the_catalog_knows_what_is_not_said(void **state)
{
    (void)state;
    static const char vague[] = "max_tokens is too large for this model";
    bool is_model;
    struct err e = ERR_INIT;
    assert_int_equal(cap_of(ERR_INVALID, vague, 90000, 4000, &is_model), 4000);
    assert_true(is_model);
    assert_int_equal(cap_of(ERR_INVALID, vague, 90000, 0, &is_model), -1);
    err_set(&e, ERR_INVALID, "no");
    e.origin = ERR_BY_CLIENT;
    snprintf(e.provider_code, sizeof e.provider_code, "max_tokens_exceeded");
    assert_int_equal(cap_of_refusal(&e, 90000, 4000, &is_model), 4000);
    e.origin = ERR_BY_GATEWAY; /* nobody was asked */
    assert_int_equal(cap_of_refusal(&e, 90000, 4000, &is_model), -1);
    assert_int_equal(cap_of(ERR_SERVER, vague, 90000, 4000, &is_model), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wording_is_understood),
        cmocka_unit_test(the_catalog_knows_what_is_not_said),
    };
    return cmocka_run_group_tests_name("cap", tests, NULL, NULL);
}
