/*
 * ratelimit.c: see ratelimit.h.
 *
 * Sources: each provider's page on rate limits, read in 2026-11:
 *
 *     OpenAI, Groq   x-ratelimit-{limit,remaining,reset}-{requests,tokens}, Go durations; OpenAI
 *                    also -project-tokens
 *     Azure          the same names, whole seconds; -1 and 0 where there is no figure
 *     Cerebras       …-requests-day, …-tokens-minute and the like, seconds with a fraction
 *     SambaNova      …-requests, …-requests-day, seconds since 1970
 *     xAI            …-requests, …-tokens, seconds since 1970
 *     Together       x-ratelimit-{limit,remaining,reset}, x-tokenlimit-{limit,remaining}, seconds
 *     Kimi           X-RateLimit-{Limit,Remaining,Reset}
 *     OpenRouter     the same, milliseconds since 1970, with a 429 only
 *     Mistral        x-ratelimit-{limit,remaining}-{req-minute,tokens-minute,tokens-month}, no reset
 *     Fireworks      x-ratelimit-{limit,remaining}-tokens-{prompt,generated,…} a second, no reset
 *     Anthropic      anthropic-{ratelimit-,priority-,fast-}WHAT-{limit,remaining,reset}, RFC 3339
 */
#include "broker/ratelimit.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/num.h"

/* ---- times ---- */

/* Seconds, or since 1970 in seconds or milliseconds when the figure is that large; −1: no. */
static int64_t wait_of_number(struct str s, int64_t unit_us, int64_t wall_us)
{
    int64_t us;
    if (num_decimal(s, 6, false, true, &us) != ERR_OK || us < 0)
        return -1;
    int64_t n = us / US_PER_S;
    if (n > (int64_t)1000 * 1000 * 1000 * 1000)
        return MAX(n * US_PER_MS - wall_us, 0);
    if (n > (int64_t)1000 * 1000 * 1000)
        return MAX(us - wall_us, 0);
    return us / (US_PER_S / unit_us);
}

/* Any spelling: a number, a Go duration ("6m0s"), RFC 3339 or an HTTP date. */
static int64_t wait_of_text(struct str s, int64_t wall_us)
{
    struct err ignored = ERR_INIT;
    int64_t us = wait_of_number(s, US_PER_S, wall_us);
    if (us >= 0 || str_starts(s, STR("-")))
        return us;
    if (num_duration_us(s, 0, &us) == ERR_OK)
        return us;
    if (clock_parse_rfc3339(s, &us, &ignored) == ERR_OK ||
        clock_parse_http_date(s, &us, &ignored) == ERR_OK)
        return MAX(us - wall_us, 0);
    return -1;
}

static struct str header_find(const struct http1_header *headers, size_t n,
                              const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_ieqz(headers[i].name, name))
            return headers[i].value;
    return STR_NONE;
}

int64_t retry_after_us(const struct http1_header *headers, size_t n, int64_t wall_us)
{
    int64_t us =
        wait_of_number(header_find(headers, n, "retry-after-ms"), US_PER_MS, wall_us);
    if (us < 0)
        us = wait_of_text(header_find(headers, n, "retry-after"), wall_us);
    return MIN(us, RATELIMIT_RESET_MAX_US);
}

/* ---- names ---- */

enum figure { LIMIT, REMAINING, RESET, FIGURES };

static const struct {
    const char *prefix;
    const char *bare;    /* what the name counts when it says no more */
    const char *kind;    /* before the name in the record */
    bool is_figure_last; /* anthropic-ratelimit-requests-limit */
} families[] = {
    {"x-ratelimit-", "requests", "", false},
    {"x-tokenlimit-", "tokens", "", false},
    {"anthropic-ratelimit-", NULL, "", true},
    {"anthropic-priority-", NULL, "priority-", true},
    {"anthropic-fast-", NULL, "fast-", true},
};

static bool istarts(struct str s, struct str with)
{
    return s.len >= with.len && str_ieq(str_sub(s, 0, with.len), with);
}

/* Takes the figure's name off `rest`, with its hyphen; FIGURES: there is none. */
static enum figure take_figure(struct str *rest, bool is_last)
{
    static const char *const names[FIGURES] = {"limit", "remaining", "reset"};
    for (enum figure i = LIMIT; i < FIGURES; i++) {
        struct str name = str_of(names[i]), s = *rest;
        if (str_ieq(s, name)) {
            *rest = STR_NONE;
            return i;
        }
        if (s.len < name.len + 2)
            continue;
        size_t hyphen = is_last ? s.len - name.len - 1 : name.len;
        struct str figure =
            is_last ? str_sub(s, hyphen + 1, s.len) : str_sub(s, 0, hyphen);
        if (s.ptr[hyphen] != '-' || !str_ieq(figure, name))
            continue;
        *rest = is_last ? str_sub(s, 0, hyphen) : str_sub(s, hyphen + 1, s.len);
        return i;
    }
    return FIGURES;
}

/* FIGURES: the header names no limit. */
static enum figure read_name(struct str name, char *out, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        struct str prefix = str_of(families[i].prefix);
        struct str rest = str_sub(name, prefix.len, name.len);
        if (!istarts(name, prefix))
            continue;
        enum figure figure = take_figure(&rest, families[i].is_figure_last);
        if (figure == FIGURES || (rest.len == 0 && families[i].bare == NULL))
            return FIGURES;
        if (rest.len == 0)
            rest = str_of(families[i].bare);
        int len = snprintf(out, size, "%s%.*s", families[i].kind, STR_ARG(rest));
        for (char *c = out; *c != '\0'; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        /* too long, or no name at all but bytes of any kind */
        bool is_whole = (size_t)len == strlen(families[i].kind) + rest.len;
        return is_whole && (size_t)len < size ? figure : FIGURES;
    }
    return FIGURES;
}

static enum ratelimit_gauge gauge_of(struct str name)
{
    /* Fireworks' "cache-adjusted-prompt" and Anthropic's other pools count what nobody knows yet */
    if (str_contains(name, STR("cache-adjusted")) || str_starts(name, STR("priority-")) ||
        str_starts(name, STR("fast-")))
        return RATELIMIT_OTHER;
    if (str_contains(name, STR("req")))
        return RATELIMIT_REQUESTS;
    if (str_contains(name, STR("input")) || str_contains(name, STR("prompt")))
        return RATELIMIT_INPUT;
    if (str_contains(name, STR("output")) || str_contains(name, STR("generated")))
        return RATELIMIT_OUTPUT;
    return str_contains(name, STR("token")) ? RATELIMIT_TOKENS : RATELIMIT_OTHER;
}

/* A name that says for how long is one of a window; the rest fill up little by little. */
static bool names_window(struct str name)
{
    static const char *const periods[] = {"-second", "-minute", "-hour", "-day",
                                          "-month"};
    for (size_t i = 0; i < ARRAY_LEN(periods); i++)
        if (str_ends(name, str_of(periods[i])))
            return true;
    return false;
}

/* ---- the record ---- */

static struct ratelimit_row *row_of(struct ratelimit_row *rows, size_t *n,
                                    const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eqz(str_of(rows[i].name), name))
            return &rows[i];
    if (*n == RATELIMIT_ROWS)
        return NULL;
    struct ratelimit_row *row = &rows[(*n)++];
    *row = (struct ratelimit_row){.gauge = gauge_of(str_of(name)),
                                  .limit = -1,
                                  .left = -1,
                                  .reset_us = -1,
                                  .is_window = names_window(str_of(name))};
    snprintf(row->name, sizeof row->name, "%s", name);
    return row;
}

size_t ratelimit_read(const struct http1_header *headers, size_t n, int64_t wall_us,
                      struct ratelimit_row ret[RATELIMIT_ROWS])
{
    bool is_void[RATELIMIT_ROWS] = {false};
    size_t n_rows = 0, n_kept = 0;
    for (size_t i = 0; i < n; i++) {
        char name[sizeof ret[0].name];
        enum figure figure = read_name(headers[i].name, name, sizeof name);
        struct ratelimit_row *row = figure != FIGURES ? row_of(ret, &n_rows, name) : NULL;
        if (row == NULL)
            continue;
        struct str value = headers[i].value;
        int64_t v = -1;
        if (figure == RESET)
            row->reset_us = v = MIN(wait_of_text(value, wall_us), RATELIMIT_RESET_MAX_US);
        else if (num_decimal(value, 0, false, true, &v) == ERR_OK && figure == LIMIT)
            row->limit = v;
        else if (v >= 0)
            row->left = v;
        if (v < 0)
            is_void[row - ret] = true;
    }
    for (size_t i = 0; i < n_rows; i++)
        if (!is_void[i])
            ret[n_kept++] = ret[i];
    return n_kept;
}

int64_t ratelimit_wait_us(const struct http1_header *headers, size_t n, int64_t wall_us)
{
    struct ratelimit_row rows[RATELIMIT_ROWS];
    size_t n_rows = ratelimit_read(headers, n, wall_us, rows);
    int64_t soonest_empty = -1, latest = -1;
    for (size_t i = 0; i < n_rows; i++) {
        int64_t us = rows[i].reset_us;
        if (us >= 0 && rows[i].left == 0 && (soonest_empty < 0 || us < soonest_empty))
            soonest_empty = us;
        latest = MAX(latest, us);
    }
    return soonest_empty >= 0 ? soonest_empty : latest;
}
