/*
 * when.c: see when.h. The grammar:
 *
 *     either = both { "or" both }
 *     both   = one { "and" one }
 *     one    = "not" one | "(" either ")" | fact
 *     fact   = "tokens" ( ">" | ">=" | "<" | "<=" | "=" ) NUMBER
 *            | "tools" | "vision" | "json" | "reasoning" | "audio"
 *            | ( "template" | "project" | "client" ) "=" WORD
 *            | "tag" WORD "=" WORD
 *
 * A WORD is bare or in double quotes. Parsing and evaluating are one walk: a condition is
 * a line of text, read once per decision. Must not know targets, health or prices.
 */
#include "core/when.h"

#include <string.h>

#include "core/catalog.h"
#include "core/num.h"

enum {
    WHEN_DEPTH = 16, /* nesting of "not" and parentheses */
};

struct when {
    struct str rest;
    struct str all;
    const struct route_facts *facts; /* NULL: only check */
    unsigned depth;
    struct err *e;
};

static bool parse_either(struct when *w, bool *ret);

/* Characters that stand for themselves. */
static bool is_mark(char c)
{
    return c != '\0' && strchr("()<>=", c) != NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next word, mark or quoted text, not taken; empty at the end. */
static struct str peek(struct when *w)
{
    while (w->rest.len > 0 && is_blank(w->rest.ptr[0]))
        w->rest = str_sub(w->rest, 1, w->rest.len);
    struct str s = w->rest;
    size_t n = 0;
    if (s.len == 0)
        return s;
    if (is_mark(s.ptr[0])) {
        bool is_pair =
            s.len > 1 && s.ptr[1] == '=' && (s.ptr[0] == '<' || s.ptr[0] == '>');
        return str_sub(s, 0, is_pair ? 2 : 1);
    }
    if (s.ptr[0] == '"')
        return str_sub(s, 0, str_find(str_sub(s, 1, s.len), '"') + 2);
    while (n < s.len && !is_blank(s.ptr[n]) && !is_mark(s.ptr[n]) && s.ptr[n] != '"')
        n++;
    return str_sub(s, 0, n);
}

static struct str take(struct when *w)
{
    struct str token = peek(w);
    w->rest = str_sub(w->rest, token.len, w->rest.len);
    return token;
}

static bool accept(struct when *w, const char *token)
{
    if (!str_eqz(peek(w), token))
        return false;
    take(w);
    return true;
}

/* "condition "tokens > x": expected a number at "x"" */
static bool expected(struct when *w, const char *what, struct str at)
{
    err_set(w->e, ERR_CONFIG, "condition \"%.*s\": expected %s %s%.*s%s", STR_ARG(w->all),
            what, at.len > 0 ? "at \"" : "at its end", STR_ARG(at),
            at.len > 0 ? "\"" : "");
    return false;
}

static bool parse_word(struct when *w, struct str *ret)
{
    struct str token = take(w);
    if (token.len == 0 || is_mark(token.ptr[0]))
        return expected(w, "a name", token);
    if (token.ptr[0] == '"') {
        if (token.len < 2 || token.ptr[token.len - 1] != '"')
            return expected(w, "a closing quote", token);
        token = str_sub(token, 1, token.len - 2);
    }
    *ret = token;
    return true;
}

static bool parse_equals(struct when *w, struct str *ret)
{
    if (!accept(w, "="))
        return expected(w, "\"=\"", peek(w));
    return parse_word(w, ret);
}

static bool parse_tokens(struct when *w, bool *ret)
{
    static const char *const ops[] = {">", ">=", "<", "<=", "="};
    struct str op = take(w);
    size_t i = 0;
    while (i < ARRAY_LEN(ops) && !str_eqz(op, ops[i]))
        i++;
    if (i == ARRAY_LEN(ops))
        return expected(w, "a comparison", op);
    struct str digits = take(w);
    int64_t n;
    if (num_i64(digits, 0, INT64_MAX, &n) != ERR_OK)
        return expected(w, "a number", digits);
    int64_t tok = w->facts != NULL ? w->facts->input_tok : 0;
    const bool results[ARRAY_LEN(ops)] = {tok > n, tok >= n, tok < n, tok <= n, tok == n};
    *ret = results[i];
    return true;
}

static bool parse_text(struct when *w, struct str value, bool *ret)
{
    struct str want;
    if (!parse_equals(w, &want))
        return false;
    *ret = str_eq(value, want);
    return true;
}

static bool parse_tag(struct when *w, bool *ret)
{
    struct str key, value;
    if (!parse_word(w, &key) || !parse_equals(w, &value))
        return false;
    *ret = false;
    for (size_t i = 0; w->facts != NULL && i < w->facts->n_tags; i++)
        *ret |=
            str_eq(w->facts->tags[i].name, key) && str_eq(w->facts->tags[i].value, value);
    return true;
}

static bool parse_fact(struct when *w, bool *ret)
{
    static const struct {
        const char *name;
        unsigned cap;
    } caps[] = {
        {"tools", CAP_TOOLS},         {"vision", CAP_VISION},  {"json", CAP_JSON_SCHEMA},
        {"reasoning", CAP_REASONING}, {"audio", CAP_AUDIO_IN},
    };
    static const struct route_facts none;
    const struct route_facts *f = w->facts != NULL ? w->facts : &none;
    struct str name = take(w);
    for (size_t i = 0; i < ARRAY_LEN(caps); i++)
        if (str_eqz(name, caps[i].name)) {
            *ret = (f->needs & caps[i].cap) != 0;
            return true;
        }
    if (str_eqz(name, "tokens"))
        return parse_tokens(w, ret);
    if (str_eqz(name, "template"))
        return parse_text(w, f->template_name, ret);
    if (str_eqz(name, "project"))
        return parse_text(w, f->project, ret);
    if (str_eqz(name, "client"))
        return parse_text(w, f->client, ret);
    if (str_eqz(name, "tag"))
        return parse_tag(w, ret);
    return expected(w,
                    "tokens, tools, vision, json, reasoning, audio, template, project, "
                    "client or tag",
                    name);
}

static bool parse_one(struct when *w, bool *ret)
{
    if (++w->depth > WHEN_DEPTH)
        return expected(w, "less nesting", peek(w));
    bool ok;
    if (accept(w, "not")) {
        ok = parse_one(w, ret);
        *ret = !*ret;
    } else if (accept(w, "(")) {
        ok = parse_either(w, ret) && (accept(w, ")") || expected(w, "\")\"", peek(w)));
    } else {
        ok = parse_fact(w, ret);
    }
    w->depth--;
    return ok;
}

static bool parse_both(struct when *w, bool *ret)
{
    if (!parse_one(w, ret))
        return false;
    while (accept(w, "and")) {
        bool right = false;
        if (!parse_one(w, &right))
            return false;
        *ret &= right;
    }
    return true;
}

static bool parse_either(struct when *w, bool *ret)
{
    if (!parse_both(w, ret))
        return false;
    while (accept(w, "or")) {
        bool right = false;
        if (!parse_both(w, &right))
            return false;
        *ret |= right;
    }
    return true;
}

static bool parse(const char *condition, const struct route_facts *f, bool *ret,
                  struct err *e)
{
    struct when w = {.rest = str_of(condition), .facts = f, .e = e};
    w.all = w.rest;
    *ret = false;
    if (!parse_either(&w, ret))
        return false;
    return peek(&w).len == 0 || expected(&w, "\"and\" or \"or\"", peek(&w));
}

bool when_holds(const char *condition, const struct route_facts *f)
{
    struct err e = ERR_INIT;
    bool holds;
    return parse(condition, f, &holds, &e) && holds;
}

enum errc when_check(const char *condition, struct err *e)
{
    bool holds;
    return parse(condition, NULL, &holds, e) ? ERR_OK : e->code;
}
