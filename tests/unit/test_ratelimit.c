/*
 * test_ratelimit.c: the limits that headers name, one row for each provider's spelling.
 *
 * Samples are made up after each provider's page on rate limits (2026-11), as ratelimit.c has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"

#include "broker/ratelimit.h"

#include <cmocka.h>

/* 2026-11-25T03:05:11Z */
static const int64_t now_us = 1795575911LL * US_PER_S;

/* "name: value" a line, as a head has them; the texts are borrowed. */
static size_t split(const char *lines, struct http1_header *headers, size_t max)
{
    size_t n = 0;
    struct str rest = str_of(lines);
    while (rest.len > 0 && n < max) {
        size_t end = str_find(rest, '\n'), colon = str_find(rest, ':');
        headers[n].name = str_sub(rest, 0, colon);
        headers[n++].value = str_trim(str_sub(rest, colon + 1, end - colon - 1));
        rest = str_sub(rest, end + 1, rest.len);
    }
    return n;
}

static const char *const gauges[] = {[RATELIMIT_REQUESTS] = "requests",
                                     [RATELIMIT_INPUT] = "input",
                                     [RATELIMIT_OUTPUT] = "output",
                                     [RATELIMIT_TOKENS] = "tokens",
                                     [RATELIMIT_OTHER] = "other"};

/* "name gauge left/limit reset_ms[ window]; …" */
static void say(const struct ratelimit_row *rows, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s %s %lld/%lld %lld%s", i > 0 ? "; " : "", rows[i].name,
                   gauges[rows[i].gauge], (long long)rows[i].left,
                   (long long)rows[i].limit,
                   (long long)(rows[i].reset_us < 0 ? -1 : rows[i].reset_us / US_PER_MS),
                   rows[i].is_window ? " window" : "");
    buf_addz(out, "");
}

static void every_spelling_is_one_record(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *provider, *headers, *rows;
    } table[] = {
        {"OpenAI",
         "x-ratelimit-limit-requests: 500\nx-ratelimit-remaining-requests: 499\n"
         "x-ratelimit-reset-requests: 120ms\nx-ratelimit-limit-tokens: 30000\n"
         "x-ratelimit-remaining-tokens: 29000\nx-ratelimit-reset-tokens: 1h12m3.5s\n"
         "x-ratelimit-limit-project-tokens: 900\nx-ratelimit-remaining-project-tokens: 0\n"
         "x-ratelimit-reset-project-tokens: 6m0s",
         "requests requests 499/500 120; tokens tokens 29000/30000 4323500; "
         "project-tokens tokens 0/900 360000"},
        {"Groq",
         "x-ratelimit-limit-requests: 14400\nx-ratelimit-remaining-requests: 14370\n"
         "x-ratelimit-reset-requests: 2m59.56s\nx-ratelimit-remaining-tokens: 17997\n"
         "x-ratelimit-reset-tokens: 7.66s",
         "requests requests 14370/14400 179560; tokens tokens 17997/-1 7660"},
        {"Azure: seconds, and placeholders",
         "x-ratelimit-remaining-requests: 9\nx-ratelimit-reset-requests: 12\n"
         "x-ratelimit-limit-tokens: -1\nx-ratelimit-remaining-tokens: 0",
         "requests requests 9/-1 12000"},
        {"Cerebras",
         "x-ratelimit-limit-requests-day: 14400\nx-ratelimit-remaining-requests-day: 14399\n"
         "x-ratelimit-reset-requests-day: 33011.38\nx-ratelimit-remaining-tokens-minute: 59000\n"
         "x-ratelimit-reset-tokens-minute: 11.5",
         "requests-day requests 14399/14400 33011380 window; "
         "tokens-minute tokens 59000/-1 11500 window"},
        {"SambaNova",
         "x-ratelimit-limit-requests: 20\nx-ratelimit-remaining-requests: 0\n"
         "x-ratelimit-reset-requests: 1795575971\nx-ratelimit-remaining-requests-day: 7\n"
         "x-ratelimit-reset-requests-day: 1795579511",
         "requests requests 0/20 60000; requests-day requests 7/-1 3600000 window"},
        {"xAI",
         "x-ratelimit-limit-tokens: 100\nx-ratelimit-remaining-tokens: 60\n"
         "x-ratelimit-reset-tokens: 1795575921",
         "tokens tokens 60/100 10000"},
        {"Together",
         "x-ratelimit-limit: 10\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 3\n"
         "x-tokenlimit-limit: 3000\nx-tokenlimit-remaining: 2000",
         "requests requests 0/10 3000; tokens tokens 2000/3000 -1"},
        {"Kimi",
         "X-RateLimit-Limit: 60\nX-RateLimit-Remaining: 59\nX-RateLimit-Reset: 1",
         "requests requests 59/60 1000"},
        {"OpenRouter",
         "X-RateLimit-Limit: 20\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1795575941000",
         "requests requests 0/20 30000"},
        {"Mistral",
         "x-ratelimit-limit-req-minute: 60\nx-ratelimit-remaining-req-minute: 58\n"
         "x-ratelimit-limit-tokens-month: 1000000\nx-ratelimit-remaining-tokens-month: 0\n"
         "x-ratelimit-tokens-query-cost: 32",
         "req-minute requests 58/60 -1 window; tokens-month tokens 0/1000000 -1 window"},
        {"Fireworks",
         "x-ratelimit-limit-tokens-prompt: 60000\nx-ratelimit-remaining-tokens-prompt: 100\n"
         "x-ratelimit-limit-tokens-cache-adjusted-prompt: 15000\n"
         "x-ratelimit-limit-tokens-generated: 600\nx-ratelimit-over-limit: no",
         "tokens-prompt input 100/60000 -1; tokens-cache-adjusted-prompt other -1/15000 -1; "
         "tokens-generated output -1/600 -1"},
        {"Anthropic",
         "anthropic-ratelimit-requests-limit: 50\nanthropic-ratelimit-requests-remaining: 49\n"
         "anthropic-ratelimit-requests-reset: 2026-11-25T03:05:12Z\n"
         "anthropic-ratelimit-input-tokens-remaining: 0\n"
         "anthropic-ratelimit-input-tokens-reset: 2026-11-25T03:05:21Z\n"
         "anthropic-ratelimit-output-tokens-remaining: 8000\n"
         "anthropic-ratelimit-tokens-limit: 40000\n"
         "anthropic-priority-input-tokens-remaining: 5\nanthropic-fast-requests-limit: 6\n"
         "anthropic-organization-id: org",
         "requests requests 49/50 1000; input-tokens input 0/-1 10000; "
         "output-tokens output 8000/-1 -1; tokens tokens -1/40000 -1; "
         "priority-input-tokens other 5/-1 -1; fast-requests other -1/6 -1"},
        {"Cohere", "x-ratelimit-reset: 1795575923", "requests requests -1/-1 12000"},
        {"nothing of the kind",
         "retry-after: 3\nx-ratelimit-: 1\nx-ratelimit-limitless: 1\nx-ratelimit: 1\n"
         "anthropic-ratelimit-limit: 4\nx-ratelimit-limit-requests: many\n"
         "x-ratelimit-limit-a-name-that-is-longer-than-any-provider-has: 1",
         ""},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct http1_header headers[16];
        struct ratelimit_row rows[RATELIMIT_ROWS];
        AUTO(buf_release) struct buf said = BUF_INIT(4096);
        size_t n = split(table[i].headers, headers, ARRAY_LEN(headers));
        say(rows, ratelimit_read(headers, n, now_us, rows), &said);
        if (!str_eqz(buf_str(&said), table[i].rows))
            fail_msg("%s: %.*s\nnot %s", table[i].provider, STR_ARG(buf_str(&said)),
                     table[i].rows);
    }
}

static void more_limits_than_there_is_room_for_are_left_out(void **state)
{
    (void)state;
    static char names[2 * RATELIMIT_ROWS][40];
    struct http1_header headers[2 * RATELIMIT_ROWS];
    struct ratelimit_row rows[RATELIMIT_ROWS];
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        snprintf(names[i], sizeof names[i], "x-ratelimit-limit-a%zu", i);
        headers[i] = (struct http1_header){str_of(names[i]), STR("1")};
    }
    assert_int_equal(ratelimit_read(headers, ARRAY_LEN(headers), now_us, rows),
                     RATELIMIT_ROWS);
    assert_string_equal(rows[RATELIMIT_ROWS - 1].name, "a11");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_is_one_record),
        cmocka_unit_test(more_limits_than_there_is_room_for_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
