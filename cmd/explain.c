/* explain.c: see explain.h. Only words the broker's decision; decides nothing. */
#include "cmd/explain.h"

#include <string.h>

#include "core/clock.h"
#include "core/money.h"
#include "core/num.h"

#include "cmd/out.h"

enum { TEXT_LEN = 1024 * 1024 };

void explain_left(struct json_object *o, const char *key, struct buf *out)
{
    char left[NUM_TEXT_LEN];
    int64_t ms;
    if (!jx_i64(o, key, 0, INT64_MAX / US_PER_MS, &ms))
        return;
    num_duration(left, ms * US_PER_MS);
    buf_printf(out, ", %s left", left);
}

static void write_candidates(struct json_object *candidates, struct buf *out)
{
    size_t width = 0, n = candidates == NULL ? 0 : json_object_array_length(candidates);
    for (size_t i = 0; i < n; i++)
        width =
            MAX(width, jx_str(json_object_array_get_idx(candidates, i), "target").len);
    for (size_t i = 0; i < n; i++) {
        struct json_object *c = json_object_array_get_idx(candidates, i);
        struct str target = jx_str(c, "target"), verdict = jx_str(c, "verdict");
        struct str rank = jx_str(c, "rank"), why = jx_str(c, "why");
        buf_printf(out, "%3zu %-*.*s  %-8.*s", i + 1, (int)width, STR_ARG(target),
                   STR_ARG(verdict));
        buf_printf(out, " %.*s%s%.*s\n", STR_ARG(rank),
                   rank.len > 0 && why.len > 0 ? ", " : "", STR_ARG(why));
    }
}

void explain_candidates(struct json_object *candidates, struct buf *out)
{
    AUTO(buf_release) struct buf text = BUF_INIT(TEXT_LEN);
    write_candidates(candidates, &text);
    out_wrap(out, &text);
}

static void write_place(struct json_object *decision, struct buf *out)
{
    struct str file = jx_str(decision, "file");
    int64_t line;
    if (file.len == 0)
        return;
    buf_printf(out, " (%.*s", STR_ARG(file));
    if (jx_i64(decision, "line", 1, INT32_MAX, &line))
        buf_printf(out, ":%d", (int)line);
    buf_addc(out, ')');
}

/* " (prefer cost, 1h59m left)" */
static void write_prefer(struct json_object *decision, struct buf *out)
{
    struct str prefer = jx_str(decision, "prefer");
    if (prefer.len == 0)
        return;
    buf_printf(out, " (prefer %.*s", STR_ARG(prefer));
    explain_left(decision, "prefer_for_ms", out);
    buf_addc(out, ')');
}

static void write_outlook(struct json_object *decision, struct buf *out)
{
    char wait[NUM_TEXT_LEN];
    int64_t wait_ms;
    bool would_send = jx_bool(decision, "would_send", false);
    if (would_send && jx_i64(decision, "wait_ms", 1, INT32_MAX, &wait_ms)) {
        num_duration(wait, wait_ms * US_PER_MS);
        buf_printf(out, "would wait %s, then send\n", wait);
        return;
    }
    buf_printf(out, "would send: %s\n", would_send ? "yes" : "no");
}

/* What was put together, one line a part. */
static void write_parts(struct json_object *decision, struct buf *out)
{
    struct json_object *parts = jx_arr(decision, "parts");
    size_t n = parts == NULL ? 0 : json_object_array_length(parts);
    for (size_t i = 0; i < n; i++) {
        struct json_object *part = json_object_array_get_idx(parts, i);
        char text[NUM_TEXT_LEN];
        int64_t len = 0;
        (void)jx_i64(part, "bytes", 0, INT64_MAX, &len);
        num_group(text, len);
        buf_printf(out, "%s%10s bytes  %.*s\n", i == 0 ? "prompt:\n" : "", text,
                   STR_ARG(jx_str(part, "name")));
    }
}

/* A count of an object with thousands apart; "?" when it is not there. */
static const char *count(struct json_object *o, const char *key, char text[NUM_TEXT_LEN])
{
    int64_t v;
    if (jx_i64(o, key, 0, INT64_MAX, &v))
        num_group(text, v);
    else
        memcpy(text, "?", 2);
    return text;
}

/* "input: ~9 tokens (1–18), from 33 bytes read as latin, 4.070 a token as shipped" */
static void write_estimate(struct json_object *decision, struct buf *out)
{
    struct json_object *x = jx_obj(decision, "estimate");
    char tok[NUM_TEXT_LEN], low[NUM_TEXT_LEN], high[NUM_TEXT_LEN], len[NUM_TEXT_LEN];
    int64_t answers = 0, images = 0;
    if (x == NULL)
        return;
    buf_printf(out, "input: ~%s tokens (%s–%s), from %s bytes read as %.*s, %s a token ",
               count(x, "tok", tok), count(x, "low_tok", low), count(x, "high_tok", high),
               count(x, "bytes", len), STR_ARG(jx_str(x, "script")),
               json_object_get_string(jx_get(x, "bytes_per_tok")));
    if (jx_i64(x, "learned_from", 1, INT64_MAX, &answers))
        buf_printf(out, "learned from %lld answer%s", (long long)answers,
                   answers == 1 ? "" : "s");
    else
        buf_addz(out, "as shipped");
    if (jx_i64(x, "images", 1, INT64_MAX, &images))
        buf_printf(out, ", and %lld image%s of %s tokens", (long long)images,
                   images == 1 ? "" : "s", count(x, "image_tok", tok));
    buf_addc(out, '\n');
}

/* Money of an object for people; false when it is not known. */
static bool money(struct json_object *o, const char *key, char text[MONEY_TEXT_LEN])
{
    struct json_object *v = jx_get(o, key);
    pico p = PICO_UNKNOWN;
    if (v == NULL || money_parse(str_of(json_object_get_string(v)), &p) != ERR_OK)
        return false;
    money_people(text, p);
    return true;
}

/* "cost: input $0.0010, $0.0001 cached; likely $0.0022; at most $0.0123, with 1,024 tokens out" */
static void write_cost(struct json_object *decision, struct buf *out)
{
    struct json_object *cost = jx_obj(decision, "cost_usd");
    char text[MONEY_TEXT_LEN], tok[NUM_TEXT_LEN];
    if (cost == NULL)
        return;
    if (!money(cost, "uncached", text)) {
        buf_addz(out, "cost: not known, there is no price\n");
        return;
    }
    buf_printf(out, "cost: input %s", text);
    if (money(cost, "cached", text))
        buf_printf(out, ", %s cached", text);
    if (money(cost, "likely", text))
        buf_printf(out, "; likely %s", text);
    if (money(cost, "max", text))
        buf_printf(out, "; at most %s, with %s tokens out\n", text,
                   count(decision, "cost_output_tok", tok));
    else
        buf_addz(out, "; no bound without an output cap\n");
}

void explain_budget(struct json_object *b, struct buf *out)
{
    char spent[MONEY_TEXT_LEN] = "?", limit[MONEY_TEXT_LEN] = "?", more[MONEY_TEXT_LEN];
    struct str name = jx_str(b, "budget"), per = jx_str(b, "per");
    (void)money(b, "spent_usd", spent);
    (void)money(b, "limit_usd", limit);
    buf_printf(out, "budget %.*s: %s of %s%s%.*s (%s)", STR_ARG(name), spent, limit,
               str_eqz(per, "hour") ? " an " : " a ", STR_ARG(per),
               jx_bool(b, "hard", false) ? "hard" : "soft");
    if (money(b, "reserved_usd", more) && strcmp(more, "$0.00") != 0)
        buf_printf(out, ", %s more under way", more);
    if (jx_bool(b, "warn", false))
        buf_addz(out, ", above its warning");
}

static void write_budgets(struct json_object *decision, struct buf *out)
{
    struct json_object *all = jx_arr(decision, "budgets");
    for (size_t i = 0; all != NULL && i < json_object_array_length(all); i++) {
        explain_budget(json_object_array_get_idx(all, i), out);
        buf_addc(out, '\n');
    }
}

void explain_write(struct json_object *decision, struct buf *out)
{
    AUTO(buf_release) struct buf text = BUF_INIT(TEXT_LEN);
    struct str route = jx_str(decision, "route"), strategy = jx_str(decision, "strategy");
    struct str model = jx_str(decision, "model");
    if (route.len > 0)
        buf_printf(&text, "route %.*s", STR_ARG(route));
    else
        buf_printf(&text, "model %.*s", STR_ARG(model));
    write_place(decision, &text);
    if (strategy.len > 0)
        buf_printf(&text, ", strategy %.*s", STR_ARG(strategy));
    write_prefer(decision, &text);
    buf_addc(&text, '\n');
    write_candidates(jx_arr(decision, "candidates"), &text);
    write_parts(decision, &text);
    write_estimate(decision, &text);
    write_cost(decision, &text);
    write_budgets(decision, &text);
    write_outlook(decision, &text);
    out_wrap(out, &text);
}

/* Candidates that are out by a rule about money or limits, not by their health. */
static bool is_policy(struct str skip)
{
    static const char *const words[] = {"max_cost", "unpriced", "limit", "never_fits",
                                        "budget"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eqz(skip, words[i]))
            return true;
    return false;
}

/* As chat would end: the first candidate's class speaks for all. */
static enum errc first_verdict(struct json_object *candidates, struct err *e)
{
    struct json_object *c = candidates ? json_object_array_get_idx(candidates, 0) : NULL;
    char name[32] = "";
    str_copy(name, sizeof name, jx_str(c, "class"));
    enum errc class = errc_by_name(name);
    bool no_key = str_eqz(jx_str(c, "skip"), "key");
    if (class == ERR_N_ || class == ERR_OK)
        return err_set(e, ERR_OVERLOADED, "no target can take this request now");
    return err_set(e, class, "%.*s: %.*s%s", STR_ARG(jx_str(c, "target")),
                   STR_ARG(jx_str(c, "why")),
                   no_key ? "\nhint: llmgw doctor tells which keys are missing" : "");
}

enum errc explain_verdict(struct json_object *decision, struct err *e)
{
    struct json_object *candidates = jx_arr(decision, "candidates");
    if (jx_bool(decision, "would_send", false))
        return ERR_OK;
    for (size_t i = 0; candidates != NULL && i < json_object_array_length(candidates);
         i++) {
        struct json_object *c = json_object_array_get_idx(candidates, i);
        struct str why = jx_str(c, "why"), target = jx_str(c, "target");
        if (is_policy(jx_str(c, "skip")))
            return err_set(e, ERR_REFUSED, "%.*s: %.*s", STR_ARG(target), STR_ARG(why));
    }
    return first_verdict(candidates, e);
}
