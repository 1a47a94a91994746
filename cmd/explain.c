/* explain.c: see explain.h. Only words the broker's decision; decides nothing. */
#include "cmd/explain.h"

#include "core/clock.h"
#include "core/num.h"

void explain_candidates(struct json_object *candidates, struct buf *out)
{
    size_t width = 0, n = candidates == NULL ? 0 : json_object_array_length(candidates);
    for (size_t i = 0; i < n; i++)
        width =
            MAX(width, jx_str(json_object_array_get_idx(candidates, i), "target").len);
    for (size_t i = 0; i < n; i++) {
        struct json_object *c = json_object_array_get_idx(candidates, i);
        struct str target = jx_str(c, "target"), verdict = jx_str(c, "verdict");
        struct str why = jx_str(c, "why");
        buf_printf(out, "%3zu %-*.*s  %-8.*s", i + 1, (int)width, STR_ARG(target),
                   STR_ARG(verdict));
        buf_printf(out, " %.*s\n", STR_ARG(why));
    }
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

void explain_write(struct json_object *decision, struct buf *out)
{
    struct str route = jx_str(decision, "route"), strategy = jx_str(decision, "strategy");
    struct str model = jx_str(decision, "model");
    int64_t in, cap;
    if (route.len > 0)
        buf_printf(out, "route %.*s", STR_ARG(route));
    else
        buf_printf(out, "model %.*s", STR_ARG(model));
    write_place(decision, out);
    if (strategy.len > 0)
        buf_printf(out, ", strategy %.*s", STR_ARG(strategy));
    buf_addc(out, '\n');
    explain_candidates(jx_arr(decision, "candidates"), out);
    if (jx_i64(decision, "input_tok", 0, INT64_MAX, &in)) {
        char text[NUM_TEXT_LEN];
        num_group(text, in);
        buf_printf(out, "~%s tokens in", text);
        if (jx_i64(decision, "max_output_tok", 0, INT64_MAX, &cap)) {
            num_group(text, cap);
            buf_printf(out, ", at most %s out", text);
        }
        buf_addz(out, "; ");
    }
    write_outlook(decision, out);
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
    return err_set(e, ERR_OVERLOADED, "no target can take this request now");
}
