/* test_chat_request.c: options of chat become a body and headers, or a usage error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/jscan.h"

#include "cmd/chat_request.h"

#include <cmocka.h>

#define USER "{\"role\":\"user\",\"content\":\"q\"},"
#define BODY(model, rest)                                                                \
    "{\"model\":\"" model                                                                \
    "\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"stream\":true,"           \
    "\"stream_options\":{\"include_usage\":true}" rest "}"
#define HEADERS "x-llmgw-events: 1\r\nx-llmgw-stream: live\r\nx-llmgw-record: full\r\n"
#define SPARE   "x-llmgw-spare-keys: 1\r\n"

static struct chat_options plain(void)
{
    return (struct chat_options){.max_cost = PICO_UNKNOWN, .max_tok = -1};
}

static void check(const struct conf *conf, const struct chat_options *o,
                  const struct chat_turn *turn, const char *want_body,
                  const char *want_headers)
{
    struct cmd_ctx ctx = {.program = "llmgw", .conf = (struct conf *)(uintptr_t)conf};
    struct buf body = BUF_INIT(10000), headers = BUF_INIT(10000);
    struct err e = ERR_INIT;
    assert_int_equal(chat_request(&ctx, o, turn, &body, &headers, &e), ERR_OK);
    assert_string_equal(buf_str(&body).ptr, want_body);
    assert_string_equal(buf_str(&headers).ptr, want_headers);
    assert_int_equal(jscan_check(buf_str(&body), &e), ERR_OK);
    buf_release(&body);
    buf_release(&headers);
}

static void options_become_fields_and_headers(void **state)
{
    (void)state;
    struct chat_turn turn = {
        .messages = STR(USER), .conversation = "c", .name = "trip", .parent = "p"};
    struct chat_options o = plain();
    check(NULL, &o, &(struct chat_turn){.messages = STR(USER)}, BODY("default", ""),
          HEADERS);
    o.no_fallback = true;
    check(NULL, &o, &(struct chat_turn){.messages = STR(USER)}, BODY("default", ""),
          HEADERS "x-llmgw-no-fallback: 1\r\n");
    o.no_fallback = false;
    o.model = "haiku";
    o.temperature = "0.70";
    o.seed = "-3";
    o.max_tok = 12;
    o.effort = "low";
    o.options = (struct opt_list){{"n=2", "stop=[\"a\"]", "user=me", "x=\"y\""}, 4};
    o.fallback = (struct opt_list){{"a", "b"}, 2};
    o.timeout_us = 1500000;
    o.ttft_us = 1;
    o.max_cost = PICO_PER_USD / 50;
    o.project = "proj\r\nEvil: 1";
    o.tags = (struct opt_list){{"k=v"}, 1};
    turn.may_restart = true;
    check(NULL, &o, &turn,
          BODY("haiku",
               ",\"temperature\":0.70,\"seed\":-3,\"max_completion_tokens\":12,"
               "\"reasoning_effort\":\"low\",\"n\":2,\"stop\":[\"a\"],\"user\":\"me\","
               "\"x\":\"y\""),
          "x-llmgw-events: 1\r\nx-llmgw-stream: restart\r\nx-llmgw-record: full\r\n"
          "x-llmgw-fallback: a\r\nx-llmgw-fallback: b\r\nx-llmgw-timeout-ms: 1500\r\n"
          "x-llmgw-ttft-timeout-ms: 1\r\nx-llmgw-max-cost: 0.02\r\n"
          "x-llmgw-project: proj  Evil: 1\r\nx-llmgw-tag: k=v\r\n"
          "x-llmgw-conversation: c\r\nx-llmgw-conversation-name: trip\r\nx-llmgw-parent: "
          "p\r\n");
}

static void of_two_settings_of_a_field_the_last_counts(void **state)
{
    (void)state;
    struct chat_options o = plain();
    o.temperature = "0.5";
    o.max_tok = 7;
    o.template_id = "t@1";
    o.options = (struct opt_list){{"n=1", "temperature=1", "n=2"}, 3};
    check(NULL, &o, &(struct chat_turn){.messages = STR(USER)},
          BODY("default", ",\"max_completion_tokens\":7,\"temperature\":1,\"n\":2"),
          HEADERS "x-llmgw-template: t@1\r\n");
}

static void configuration_fills_in_what_options_leave_out(void **state)
{
    (void)state;
    struct conf *conf = calloc(1, sizeof *conf);
    struct chat_turn turn = {.messages = STR(USER)};
    struct chat_options o = plain();
    conf->core.default_model = "m";
    conf->core.record = CONF_RECORD_META;
    conf->chat.max_cost_pico = PICO_PER_USD;
    conf->chat.project = "p";
    conf->chat.tags[0] = (struct conf_header){"a", "b"};
    conf->chat.n_tags = 1;
    check(conf, &o, &turn, BODY("m", ""),
          "x-llmgw-events: 1\r\nx-llmgw-stream: live\r\nx-llmgw-record: meta\r\n"
          "x-llmgw-max-cost: 1\r\nx-llmgw-project: p\r\nx-llmgw-tag: a=b\r\n");
    conf->chat.max_cost_pico = PICO_UNKNOWN;
    conf->chat.n_tags = 0;
    conf->chat.project = NULL;
    conf->core.record = CONF_RECORD_UNSET;
    conf->chat.route = "fast";
    check(conf, &o, &turn, BODY("fast", ""), HEADERS "x-llmgw-route: fast\r\n");
    turn.model = "before";
    check(conf, &o, &turn, BODY("before", ""), HEADERS);
    o.model = "now";
    check(conf, &o, &turn, BODY("now", ""), HEADERS);
    o.no_log = true;
    o.no_stream = true;
    check(conf, &o, &turn, BODY("now", ""),
          "x-llmgw-events: 1\r\nx-llmgw-stream: hold\r\nx-llmgw-record: off\r\n");
    free(conf);
}

static void keys_of_the_environment_go_along(void **state)
{
    (void)state;
    struct chat_turn turn = {.messages = STR(USER)};
    struct chat_options o = plain();
    struct conf *conf = calloc(1, sizeof *conf);
    struct conf_provider p[2 + LIMIT_CLIENT_KEYS] = {
        {.name = "openai", .keys = {{CONF_KEY_ENV, "TEST_KEY"}}, .n_keys = 1}};
    conf->providers = p;
    conf->n_providers = 1;
    conf->chat.max_cost_pico = PICO_UNKNOWN;
    check(conf, &o, &turn, BODY("default", ""), HEADERS);
    setenv("TEST_KEY", "sk-1 \nsecond line", 1);
    check(conf, &o, &turn, BODY("default", ""),
          HEADERS "x-llmgw-provider-key: openai=sk-1\r\n" SPARE);
    p[0].keys[0] = (struct conf_secret){CONF_KEY_FILE, "/key"}; /* the broker reads it */
    p[1] = (struct conf_provider){.name = "bedrock",
                                  .keys = {{CONF_KEY_ENV, "TEST_AWS_ACCESS_KEY_ID"}},
                                  .n_keys = 1};
    conf->n_providers = 2;
    setenv("TEST_AWS_ACCESS_KEY_ID", "id", 1);
    check(conf, &o, &turn, BODY("default", ""), HEADERS);
    setenv("TEST_AWS_SECRET_ACCESS_KEY", "secret", 1);
    check(conf, &o, &turn, BODY("default", ""),
          HEADERS "x-llmgw-provider-key: bedrock=id:secret\r\n" SPARE);
    unsetenv("TEST_AWS_ACCESS_KEY_ID");
    unsetenv("TEST_AWS_SECRET_ACCESS_KEY");
    struct buf want = BUF_INIT(10000);
    buf_addz(&want, HEADERS);
    setenv("TEST_KEY", "sk-1", 1);
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        p[i] = (struct conf_provider){
            .name = "p", .keys = {{CONF_KEY_ENV, "TEST_KEY"}}, .n_keys = 1};
        if (i < LIMIT_CLIENT_KEYS)
            buf_addz(&want, "x-llmgw-provider-key: p=sk-1\r\n");
    }
    buf_addz(&want, SPARE);
    conf->n_providers = ARRAY_LEN(p); /* no more than the broker takes */
    check(conf, &o, &turn, BODY("default", ""), buf_str(&want).ptr);
    buf_release(&want);
    char long_key[6000] = "";
    memset(long_key, 'k', sizeof long_key - 1);
    setenv("TEST_KEY", long_key, 1);
    setenv("TEST_SHORT_KEY", "s", 1);
    p[2].keys[0].value = "TEST_SHORT_KEY";
    conf->n_providers = 3; /* nor more bytes: the second one stays out */
    struct cmd_ctx ctx = {.program = "llmgw", .conf = conf};
    struct buf body = BUF_INIT(10000), headers = BUF_INIT(10000);
    struct err e = ERR_INIT;
    assert_int_equal(chat_request(&ctx, &o, &turn, &body, &headers, &e), ERR_OK);
    assert_true(
        str_ends(buf_str(&headers), STR("kk\r\nx-llmgw-provider-key: p=s\r\n" SPARE)));
    assert_in_range(headers.len, 6000, 6300);
    buf_release(&body);
    buf_release(&headers);
    free(conf);
    unsetenv("TEST_KEY");
    unsetenv("TEST_SHORT_KEY");
}

static void wrong_values_are_told(void **state)
{
    (void)state;
    struct chat_options rows[16];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        rows[i] = plain();
    rows[0].temperature = "warm";
    rows[1].seed = "1.5";
    rows[2].options = (struct opt_list){{"novalue"}, 1};
    rows[3].options = (struct opt_list){{"model=x"}, 1};
    rows[4].options = (struct opt_list){{"=x"}, 1};
    rows[5].tags = (struct opt_list){{"novalue"}, 1};
    rows[6].tags = (struct opt_list){{"=x"}, 1};
    rows[7].cont = true;
    rows[7].cid = "x";
    rows[8].cont = true;
    rows[8].name = "x";
    rows[9].log = rows[9].no_log = true;
    rows[10].want_stdin = rows[10].no_stdin = true;
    rows[11].no_fallback = true;
    rows[11].fallback = (struct opt_list){{"a"}, 1};
    rows[12].extract = rows[12].extract_last = true;
    rows[13].interactive = rows[13].dry_run = true;
    rows[14].cont = true;
    rows[14].fork = "x";
    rows[15].cid = rows[15].fork = "x";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        if (chat_check(&rows[i], &e) != ERR_USAGE)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_become_fields_and_headers),
        cmocka_unit_test(of_two_settings_of_a_field_the_last_counts),
        cmocka_unit_test(configuration_fills_in_what_options_leave_out),
        cmocka_unit_test(keys_of_the_environment_go_along),
        cmocka_unit_test(wrong_values_are_told),
    };
    size_t n;
    const struct provider_kind *kinds = provider_kinds(&n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_LEN(kinds[i].key_env) && kinds[i].key_env[k]; k++)
            unsetenv(kinds[i].key_env[k]);
    return cmocka_run_group_tests_name("chat_request", tests, NULL, NULL);
}
