/*
 * scenario.c: the scenario language. It decides which plan a request gets, and nothing else:
 * no I/O, no clock.
 *
 *     scenario = *( line LF )
 *     line     = [ "set" 1*word | "on" *term ":" *word ] [ "#" comment ]
 *     term     = NAME "=" VALUE
 *     word     = NAME [ "=" VALUE ] | STATUS
 *
 * Blanks separate; a VALUE may be quoted ("a \"b\" \n c"). A model's name may carry words too,
 * after "sim:" and separated by commas: "gpt-x-sim:cut=5,rst". llmgw-sim(1) has every word.
 */
#include <fnmatch.h>
#include <string.h>

#include "core/mem.h"
#include "core/num.h"

#include "tests/sim/sim.h"

enum { SCENARIO_MAX = 4 * 1024 * 1024 };

enum word_type {
    W_FLAG,
    W_INT,
    W_US,
    W_SIZE,
    W_PPM,
    W_TEXT,
    W_LINES,  /* texts that add up, a line each */
    W_CHOICE, /* index into `choices` */
    W_ERROR,  /* index into fault.c's names */
    W_RANGE,  /* two: "3", "1..3", "2.." */
    W_WINDOW, /* two durations: "5s/20s" */
    W_RATE,   /* amount and duration: "5/1s" */
};

struct word {
    const char *name;
    enum word_type type;
    size_t at;
    int64_t preset;
    int64_t bare; /* the value of the name alone; −1: a value must follow */
    const char *choices;
};

#define P(field) offsetof(struct plan, field)
static const struct word plan_words[] = {
    {"text", W_TEXT, P(text), 0, -1, NULL},
    {"as", W_TEXT, P(as), 0, -1, NULL},
    {"finish", W_TEXT, P(finish), 0, -1, NULL},
    {"tokens", W_INT, P(tokens), 16, -1, NULL},
    {"reasoning", W_INT, P(reasoning), 0, -1, NULL},
    {"tools", W_INT, P(tools), 0, 1, NULL},
    {"vary", W_FLAG, P(vary), 0, 1, NULL},
    {"prompt", W_INT, P(prompt), -1, -1, NULL},
    {"cached", W_INT, P(cached), 0, -1, NULL},
    {"written", W_INT, P(written), 0, -1, NULL},
    {"written-1h", W_INT, P(written_1h), 0, -1, NULL},
    {"usage", W_CHOICE, P(usage), USAGE_FULL, -1, "full|bare|null|none|odd"},
    {"hops", W_INT, P(hops), 1, -1, NULL},
    {"hops-on-top", W_FLAG, P(hops_on_top), 0, 1, NULL},
    {"details", W_FLAG, P(details), 0, 1, NULL},
    {"obfuscate", W_FLAG, P(obfuscate), 0, 1, NULL},
    {"comments", W_INT, P(comments), 0, 1, NULL},
    {"reasoner", W_FLAG, P(reasoner), 0, 1, NULL},
    {"lax", W_FLAG, P(lax), 0, 1, NULL},
    {"no-prefill", W_FLAG, P(no_prefill), 0, 1, NULL},
    {"refuse", W_FLAG, P(refuse), 0, 1, NULL},
    {"vectors", W_CHOICE, P(vectors), VECTORS_RIGHT, -1,
     "right|missing|extra|reversed|same-index|uneven"},
    {"numbers", W_FLAG, P(numbers), 0, 1, NULL},
    {"times", W_INT, P(times), 0, -1, NULL},
    {"wait", W_US, P(wait_us), 0, -1, NULL},
    {"first", W_US, P(first_us), 0, -1, NULL},
    {"gap", W_US, P(gap_us), 0, -1, NULL},
    {"usage-after", W_US, P(usage_after_us), 0, -1, NULL},
    {"batch", W_INT, P(batch), 1, -1, NULL},
    {"drip", W_US, P(drip_us), -1, 0, NULL},
    {"split", W_SIZE, P(split), 0, -1, NULL},
    {"header", W_LINES, P(headers), 0, -1, NULL},
    {"content-type", W_TEXT, P(content_type), 0, -1, NULL},
    {"retry-after", W_TEXT, P(retry_after), 0, -1, NULL},
    {"retry-after-ms", W_TEXT, P(retry_after_ms), 0, -1, NULL},
    {"limit-requests", W_INT, P(limit_requests), -1, -1, NULL},
    {"left-requests", W_INT, P(left_requests), -1, -1, NULL},
    {"reset-requests", W_US, P(reset_requests_us), 0, -1, NULL},
    {"limit-tokens", W_INT, P(limit_tokens), -1, -1, NULL},
    {"left-tokens", W_INT, P(left_tokens), -1, -1, NULL},
    {"reset-tokens", W_US, P(reset_tokens_us), 0, -1, NULL},
    {"big-head", W_SIZE, P(big_head), 0, -1, NULL},
    {"framing", W_CHOICE, P(framing), FRAMING_AUTO, -1, "auto|chunked|length|eof"},
    {"status", W_INT, P(status), 0, -1, NULL},
    {"error", W_ERROR, P(error), -1, -1, NULL},
    {"type", W_TEXT, P(type), 0, -1, NULL},
    {"code", W_TEXT, P(code), 0, -1, NULL},
    {"message", W_TEXT, P(message), 0, -1, NULL},
    {"html", W_FLAG, P(html), 0, 1, NULL},
    {"empty", W_FLAG, P(empty), 0, 1, NULL},
    {"reset", W_FLAG, P(reset), 0, 1, NULL},
    {"close", W_FLAG, P(close), 0, 1, NULL},
    {"silent", W_FLAG, P(silent), 0, 1, NULL},
    {"cut", W_INT, P(cut), -1, -1, NULL},
    {"cut-byte", W_SIZE, P(cut_byte), -1, -1, NULL},
    {"by", W_CHOICE, P(by), CUT_BY_FIN, -1, "fin|rst|end"},
    {"stall", W_INT, P(stall), -1, -1, NULL},
    {"stall-for", W_US, P(stall_for_us), 0, -1, NULL},
    {"garble", W_INT, P(garble), -1, 0, NULL},
    {"in-band", W_INT, P(inband), -1, 0, NULL},
    {"no-end", W_FLAG, P(no_end), 0, 1, NULL},
    {"no-finish", W_FLAG, P(no_finish), 0, 1, NULL},
    {"oversize", W_SIZE, P(oversize), 0, -1, NULL},
    {"idle-close", W_US, P(idle_close_us), -1, 0, NULL},
};
#undef P
_Static_assert(ARRAY_LEN(plan_words) <= 64, "plan.set has a bit per word");

/* What a rule asks of a request. */
struct match {
    uint64_t set;
    const char *model, *path, *listener, *key, *has;
    int64_t dialect, stream, tools;
    int64_t nth[2], conn[2], during_us[2], over[2];
    int64_t every, p_ppm, after_us, before_us;
};

#define M(field) offsetof(struct match, field)
static const struct word match_words[] = {
    {"model", W_TEXT, M(model), 0, -1, NULL},
    {"path", W_TEXT, M(path), 0, -1, NULL},
    {"listener", W_TEXT, M(listener), 0, -1, NULL},
    {"key", W_TEXT, M(key), 0, -1, NULL},
    {"has", W_TEXT, M(has), 0, -1, NULL},
    {"dialect", W_CHOICE, M(dialect), -1, -1,
     "openai|anthropic|gemini|cohere|bedrock|responses"},
    {"stream", W_CHOICE, M(stream), -1, -1, "no|yes"},
    {"tools", W_CHOICE, M(tools), -1, -1, "no|yes"},
    {"nth", W_RANGE, M(nth), 0, -1, NULL},
    {"conn", W_RANGE, M(conn), 0, -1, NULL},
    {"every", W_INT, M(every), 0, -1, NULL},
    {"p", W_PPM, M(p_ppm), -1, -1, NULL},
    {"during", W_WINDOW, M(during_us), 0, -1, NULL},
    {"after", W_US, M(after_us), 0, -1, NULL},
    {"before", W_US, M(before_us), INT64_MAX, -1, NULL},
    {"over", W_RATE, M(over), 0, -1, NULL},
};
#undef M

struct rule {
    struct rule *next; /* arena */
    int line;
    struct match match;
    struct plan plan;
    uint64_t n_seen; /* requests that met every condition but nth, every, p and over */
    int64_t tat_us;  /* of `over`: when its bucket is empty again */
};

struct scenario {
    struct arena arena;
    struct plan defaults;
    struct rule *rules; /* arena; in the file's order */
    struct map times;   /* requests for each model that names `times`, as integers */
};

/* ---- words ---- */

static bool is_text(enum word_type t)
{
    return t == W_TEXT || t == W_LINES;
}

static void put_i64(void *base, size_t at, int64_t v)
{
    memcpy((char *)base + at, &v, sizeof v);
}

static void put_text(void *base, size_t at, const char *v)
{
    memcpy((char *)base + at, &v, sizeof v);
}

static const char *get_text(const void *base, size_t at)
{
    const char *v;
    memcpy(&v, (const char *)base + at, sizeof v);
    return v;
}

static void words_preset(const struct word *table, size_t n, void *base)
{
    for (size_t i = 0; i < n; i++)
        if (!is_text(table[i].type))
            put_i64(base, table[i].at, table[i].preset);
}

void plan_init(struct plan *p)
{
    *p = (struct plan){0};
    words_preset(plan_words, ARRAY_LEN(plan_words), p);
}

static void plan_overlay(struct plan *to, const struct plan *from)
{
    for (size_t i = 0; i < ARRAY_LEN(plan_words); i++)
        if (from->set >> i & 1)
            memcpy((char *)to + plan_words[i].at, (const char *)from + plan_words[i].at,
                   sizeof(int64_t));
    to->set |= from->set;
}
_Static_assert(sizeof(const char *) == sizeof(int64_t), "plan_overlay copies both alike");

static enum errc read_us(struct str s, int64_t *ret)
{
    if (str_eqz(s, "0")) {
        *ret = 0;
        return ERR_OK;
    }
    return num_duration_us(s, 0, ret);
}

static enum errc read_choice(struct str s, const char *choices, int64_t *ret)
{
    struct str rest = str_of(choices), part;
    for (int64_t i = 0; str_split(&rest, '|', &part); i++) {
        if (str_eq(part, s)) {
            *ret = i;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

static enum errc read_error(struct str s, int64_t *ret)
{
    for (size_t i = 0; i < fault_count(); i++) {
        if (str_eqz(s, fault_name(i))) {
            *ret = (int64_t)i;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

/* "3" is 3..3; an open end is the largest number. */
static enum errc read_range(struct str s, int64_t ret[2])
{
    size_t dots = str_search(s, STR(".."));
    struct str from = str_sub(s, 0, dots), to = str_sub(s, dots + 2, s.len);
    int64_t v[2] = {1, INT64_MAX};
    enum errc rc = ERR_OK;
    if (from.len > 0 || dots == s.len)
        rc = num_i64(from, 1, INT64_MAX, &v[0]);
    if (rc == ERR_OK && dots == s.len)
        v[1] = v[0];
    else if (rc == ERR_OK && to.len > 0)
        rc = num_i64(to, v[0], INT64_MAX, &v[1]);
    if (rc == ERR_OK)
        memcpy(ret, v, sizeof v);
    return rc;
}

/* "A/DURATION" with A a duration or an amount; both must be positive. */
static enum errc read_pair(struct str s, bool is_rate, int64_t ret[2])
{
    size_t slash = str_find(s, '/');
    int64_t v[2];
    enum errc rc = is_rate ? num_i64(str_sub(s, 0, slash), 1, US_PER_S, &v[0])
                           : read_us(str_sub(s, 0, slash), &v[0]);
    if (rc == ERR_OK)
        rc = read_us(str_sub(s, slash + 1, s.len), &v[1]);
    if (rc == ERR_OK && v[1] < (is_rate ? v[0] : 1))
        rc = ERR_RANGE;
    if (rc == ERR_OK)
        memcpy(ret, v, sizeof v);
    return rc;
}

static enum errc read_value(const struct word *w, struct str s, int64_t ret[2])
{
    switch (w->type) {
    case W_INT:
        return num_i64(s, 0, INT32_MAX, ret);
    case W_US:
        return read_us(s, ret);
    case W_SIZE:
        return num_size(s, ret);
    case W_PPM:
        return num_fraction_ppm(s, ret);
    case W_CHOICE:
        return read_choice(s, w->choices, ret);
    case W_ERROR:
        return read_error(s, ret);
    case W_RANGE:
        return read_range(s, ret);
    case W_WINDOW:
    case W_RATE:
        return read_pair(s, w->type == W_RATE, ret);
    case W_FLAG:
    case W_TEXT:
    case W_LINES:
        break;
    }
    return ERR_SYNTAX;
}

/* One "NAME" or "NAME=VALUE" into the struct at `base`. */
static enum errc word_read(const struct word *table, size_t n, struct str token,
                           void *base, uint64_t *set, struct arena *arena, struct err *e)
{
    size_t eq = str_find(token, '=');
    struct str name = str_sub(token, 0, eq), value = str_sub(token, eq + 1, token.len);
    size_t i = 0;
    while (i < n && !str_eqz(name, table[i].name))
        i++;
    if (i == n)
        return err_set(e, ERR_SYNTAX, "unknown word \"%.*s\"", STR_ARG(name));
    const struct word *w = &table[i];
    int64_t v[2] = {w->bare, 0};
    enum errc rc = ERR_OK;
    if (eq == token.len && w->bare < 0)
        return err_set(e, ERR_SYNTAX, "%s needs a value", w->name);
    if (is_text(w->type)) {
        const char *old = w->type == W_LINES ? get_text(base, w->at) : NULL;
        put_text(base, w->at,
                 old ? arena_printf(arena, "%s\n%.*s", old, STR_ARG(value))
                     : arena_strz(arena, value));
    } else {
        rc = eq == token.len ? ERR_OK : read_value(w, value, v);
        bool two = w->type == W_RANGE || w->type == W_WINDOW || w->type == W_RATE;
        if (rc == ERR_OK)
            memcpy((char *)base + w->at, v, two ? sizeof v : sizeof v[0]);
    }
    if (rc != ERR_OK)
        return err_set(e, rc, "%s: bad value \"%.*s\"", w->name, STR_ARG(value));
    *set |= (uint64_t)1 << i;
    return ERR_OK;
}

/* A word of a plan; digits alone are a status. */
static enum errc plan_word(struct plan *p, struct str token, struct arena *arena,
                           struct err *e)
{
    int64_t status;
    if (num_i64(token, 100, 599, &status) == ERR_OK)
        token = str_of(arena_printf(arena, "status=%d", (int)status));
    else if (str_eqz(token, "rst") || str_eqz(token, "fin"))
        token = str_of(arena_printf(arena, "by=%.*s", STR_ARG(token)));
    enum errc rc =
        word_read(plan_words, ARRAY_LEN(plan_words), token, p, &p->set, arena, e);
    if (rc == ERR_OK && p->status != 0 && (p->status < 200 || p->status > 599))
        return err_set(e, ERR_RANGE, "status: %d is not in 200..599", (int)p->status);
    return rc;
}

/* ---- lines ---- */

struct token {
    struct str text;
    bool ends_terms; /* it was ":", or an unquoted ":" ended it */
};

static char unescape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

/* The next token of a line; false at its end or at a comment. */
static bool next_token(struct str *rest, struct arena *arena, struct token *ret,
                       struct err *e)
{
    size_t at = 0;
    while (at < rest->len && (rest->ptr[at] == ' ' || rest->ptr[at] == '\t'))
        at++;
    *ret = (struct token){0};
    if (at == rest->len || rest->ptr[at] == '#')
        return false;
    char *text = arena_alloc(arena, rest->len - at + 1, 1);
    if (text == NULL)
        return false;
    size_t n = 0;
    bool quoted = false, last_was_quote = false;
    for (; at < rest->len; at++) {
        char c = rest->ptr[at];
        if (!quoted && (c == ' ' || c == '\t'))
            break;
        last_was_quote = c == '"';
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\' && at + 1 < rest->len)
            text[n++] = unescape(rest->ptr[++at]);
        else
            text[n++] = c;
    }
    if (quoted)
        err_set(e, ERR_SYNTAX, "a quote is not closed");
    *rest = str_sub(*rest, at, rest->len);
    ret->ends_terms = n > 0 && text[n - 1] == ':' && !last_was_quote;
    ret->text = (struct str){text, n - ret->ends_terms};
    return !quoted;
}

static enum errc read_plan(struct plan *p, struct str rest, struct arena *arena,
                           struct err *e)
{
    struct token t;
    enum errc rc = ERR_OK;
    while (rc == ERR_OK && next_token(&rest, arena, &t, e)) {
        if (t.ends_terms)
            return err_set(e, ERR_SYNTAX, "\":\" is out of place");
        rc = plan_word(p, t.text, arena, e);
    }
    return rc != ERR_OK ? rc : e->code;
}

/* What follows "on"; `t` is that token, since "on:" is a rule for everything. */
static enum errc read_rule(struct rule *r, struct token t, struct str rest,
                           struct arena *arena, struct err *e)
{
    enum errc rc = ERR_OK;
    words_preset(match_words, ARRAY_LEN(match_words), &r->match);
    plan_init(&r->plan);
    while (rc == ERR_OK && !t.ends_terms) {
        if (!next_token(&rest, arena, &t, e))
            return e->code ? e->code : err_set(e, ERR_SYNTAX, "\"on …:\" has no colon");
        if (t.text.len > 0)
            rc = word_read(match_words, ARRAY_LEN(match_words), t.text, &r->match,
                           &r->match.set, arena, e);
    }
    return rc == ERR_OK ? read_plan(&r->plan, rest, arena, e) : rc;
}

static enum errc read_line(struct scenario *s, struct str line, int number,
                           struct rule ***end, struct err *e)
{
    struct token t;
    if (!next_token(&line, &s->arena, &t, e))
        return e->code;
    if (str_eqz(t.text, "set") && !t.ends_terms)
        return read_plan(&s->defaults, line, &s->arena, e);
    if (!str_eqz(t.text, "on"))
        return err_set(e, ERR_SYNTAX, "a line starts with \"set\" or \"on\"");
    struct rule *r = ARENA_NEW(&s->arena, struct rule);
    if (r == NULL)
        return err_set(e, ERR_MEMORY, "no memory");
    r->line = number;
    enum errc rc = read_rule(r, t, line, &s->arena, e);
    if (rc == ERR_OK) {
        **end = r;
        *end = &r->next;
    }
    return rc;
}

enum errc scenario_parse(struct str text, struct scenario **ret, struct err *e)
{
    AUTO(scenario_free) struct scenario *s = MEM_NEW(struct scenario);
    if (s == NULL)
        return err_set(e, ERR_MEMORY, "no memory");
    arena_init(&s->arena, 16 * (size_t)SCENARIO_MAX);
    map_init(&s->times);
    plan_init(&s->defaults);
    if (text.len > SCENARIO_MAX)
        return err_set(e, ERR_TOO_LARGE, "a scenario has at most %d bytes", SCENARIO_MAX);
    struct str line;
    struct rule **end = &s->rules;
    err_clear(e);
    for (int number = 1; str_split(&text, '\n', &line); number++) {
        if (read_line(s, str_trim(line), number, &end, e) != ERR_OK)
            return err_ctx(e, "line %d", number);
        if (arena_is_broken(&s->arena))
            return err_set(e, ERR_MEMORY, "no memory");
    }
    *ret = s;
    s = NULL;
    return ERR_OK;
}

void scenario_free(struct scenario **s)
{
    if (*s == NULL)
        return;
    arena_release(&(*s)->arena);
    map_release(&(*s)->times);
    mem_free(*s);
    *s = NULL;
}

/* ---- choosing ---- */

static bool glob(const char *pattern, struct str s, struct arena *arena)
{
    return pattern == NULL || fnmatch(pattern, arena_strz(arena, s), 0) == 0;
}

static bool in_range(const int64_t range[2], int64_t v)
{
    return range[1] == 0 || (v >= range[0] && v <= range[1]);
}

static bool match_dialect(const struct match *m, const struct plan_facts *f)
{
    static const char *const names[] = {"openai", "anthropic", "gemini",
                                        "cohere", "bedrock",   "responses"};
    return m->dialect < 0 || strcmp(f->dialect, names[m->dialect]) == 0;
}

/* What depends on the request alone. */
static bool match_facts(const struct match *m, const struct plan_facts *f,
                        struct arena *arena)
{
    bool in_window =
        m->during_us[1] == 0 || f->now_us % m->during_us[1] < m->during_us[0];
    return in_window && f->now_us >= m->after_us && f->now_us < m->before_us &&
           in_range(m->conn, f->nth_on_conn) &&
           (m->stream < 0 || m->stream == f->stream) &&
           (m->tools < 0 || m->tools == f->tools) && match_dialect(m, f) &&
           glob(m->model, f->model, arena) && glob(m->path, f->path, arena) &&
           glob(m->listener, f->listener, arena) && glob(m->key, f->key, arena) &&
           (m->has == NULL || str_contains(f->body, str_of(m->has)));
}

/* Is this request more than amount/duration? A bucket that leaks at that rate. */
static bool match_over(struct rule *r, int64_t now_us)
{
    const int64_t *over = r->match.over;
    if (over[1] == 0)
        return true;
    int64_t step = over[1] / over[0];
    int64_t tat = MAX(r->tat_us, now_us);
    if (tat - now_us > over[1] - step)
        return true;
    r->tat_us = tat + step;
    return false;
}

/* What counts: each request that met the facts is counted once. */
static bool match_counts(struct rule *r, const struct plan_facts *f)
{
    const struct match *m = &r->match;
    int64_t nth = (int64_t)++r->n_seen;
    if (!in_range(m->nth, nth) || (m->every > 0 && nth % m->every != 0))
        return false;
    if (m->p_ppm >= 0 &&
        (int64_t)(text_mix(f->random ^ (uint64_t)r->line) % 1000000) >= m->p_ppm)
        return false;
    return match_over(r, f->now_us);
}

/* Has a model that names `times` been asked for more often than that? */
static bool is_over_times(struct scenario *s, struct str model, int64_t times)
{
    if (times == 0)
        return false;
    uintptr_t n = (uintptr_t)map_get(&s->times, model) + 1;
    return map_set(&s->times, model, (void *)n) != ERR_OK || (int64_t)n > times;
}

static enum errc plan_of_model(struct scenario *s, struct plan *p, struct str model,
                               struct arena *arena, struct err *e)
{
    size_t at = str_search(model, STR("sim:"));
    struct str words = str_sub(model, at + 4, model.len), word;
    struct plan own;
    if (at == model.len || words.len == 0)
        return ERR_OK;
    plan_init(&own);
    while (str_split(&words, ',', &word)) {
        enum errc rc = plan_word(&own, word, arena, e);
        if (rc != ERR_OK)
            return err_ctx(e, "model %.*s", STR_ARG(model));
    }
    if (!is_over_times(s, model, own.times))
        plan_overlay(p, &own);
    return ERR_OK;
}

enum errc scenario_plan(struct scenario *s, const struct plan_facts *f,
                        struct arena *arena, struct plan *ret, int *ret_line,
                        struct err *e)
{
    struct plan p = s->defaults;
    int line = 0;
    for (struct rule *r = s->rules; r != NULL && line == 0; r = r->next) {
        if (match_facts(&r->match, f, arena) && match_counts(r, f)) {
            plan_overlay(&p, &r->plan);
            line = r->line;
        }
    }
    enum errc rc = plan_of_model(s, &p, f->model, arena, e);
    if (rc != ERR_OK)
        return rc;
    *ret = p;
    *ret_line = line;
    return ERR_OK;
}
