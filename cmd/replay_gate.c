/* replay_gate.c: --fail-if: conditions on a summary that make a run fail, as in CI. */
#include <stdio.h>
#include <string.h>

#include "core/near.h"
#include "core/num.h"

#include "cmd/replay.h"

enum unit { SHARE, MONEY, COUNT, TIME };

/* What can be asked of a summary; false: it is not known. */
typedef bool value_fn(const struct replay_summary *s, int64_t *ret);

static bool share(size_t k, size_t n, int64_t *ret)
{
    *ret = n > 0 ? (int64_t)(k * 1000000 / n) : 0;
    return n > 0;
}

static bool get_agree(const struct replay_summary *s, int64_t *ret)
{
    return share(s->n_agree, s->n_compared, ret);
}

static bool get_agree_low(const struct replay_summary *s, int64_t *ret)
{
    *ret = s->agree_low_ppm;
    return s->n_compared > 0;
}

static bool get_agree_high(const struct replay_summary *s, int64_t *ret)
{
    *ret = s->agree_high_ppm;
    return s->n_compared > 0;
}

static bool get_json_ok(const struct replay_summary *s, int64_t *ret)
{
    return share(s->n_json, s->n_asked_json, ret);
}

static bool get_cost(const struct replay_summary *s, int64_t *ret)
{
    *ret = s->cost_pico;
    return s->cost_pico != PICO_UNKNOWN;
}

static bool get_errors(const struct replay_summary *s, int64_t *ret)
{
    *ret = (int64_t)s->n_errors;
    return true;
}

static bool get_p50(const struct replay_summary *s, int64_t *ret)
{
    *ret = s->p50_us;
    return s->p50_us >= 0;
}

static bool get_p95(const struct replay_summary *s, int64_t *ret)
{
    *ret = s->p95_us;
    return s->p95_us >= 0;
}

#define METRIC(name, m)                                                                  \
    static bool name(const struct replay_summary *s, int64_t *ret)                       \
    {                                                                                    \
        return share(s->n_by[m], s->n_known[m], ret);                                    \
    }
METRIC(get_exact, AGREE_EXACT)
METRIC(get_norm, AGREE_NORM)
METRIC(get_json, AGREE_JSON)
METRIC(get_contains, AGREE_CONTAINS)
METRIC(get_rouge, AGREE_ROUGE)
METRIC(get_cmd, AGREE_CMD)
#undef METRIC

static const struct fact {
    const char *name;
    enum unit unit;
    value_fn *get;
} facts[] = {
    {"agree", SHARE, get_agree},
    {"agree_low", SHARE, get_agree_low},
    {"agree_high", SHARE, get_agree_high},
    {"exact", SHARE, get_exact},
    {"norm", SHARE, get_norm},
    {"json", SHARE, get_json},
    {"contains", SHARE, get_contains},
    {"rouge", SHARE, get_rouge},
    {"cmd", SHARE, get_cmd},
    {"json_ok", SHARE, get_json_ok},
    {"cost", MONEY, get_cost},
    {"errors", COUNT, get_errors},
    {"p50", TIME, get_p50},
    {"p95", TIME, get_p95},
};

static const struct fact *find_fact(struct str name, struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    near_init(&near, name);
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        near_offerz(&near, facts[i].name);
        if (str_eqz(name, facts[i].name))
            return &facts[i];
    }
    err_set(e, ERR_USAGE, "--fail-if: there is no \"%.*s\"%s", STR_ARG(name),
            near_hint(&near, 1, hint));
    return NULL;
}

/* "0.95", ".95", "95%" of shares; dollars; a number; "2s". */
static bool parse_value(enum unit unit, struct str s, int64_t *ret)
{
    char zero[64];
    if (s.len > 0 && s.ptr[0] == '.' && s.len < sizeof zero - 1) {
        snprintf(zero, sizeof zero, "0%.*s", STR_ARG(s));
        s = str_of(zero);
    }
    switch (unit) {
    case SHARE:
        return num_fraction_ppm(s, ret) == ERR_OK;
    case MONEY:
        return money_parse(s, ret) == ERR_OK;
    case COUNT:
        return num_i64(s, 0, INT64_MAX, ret) == ERR_OK;
    case TIME:
        return num_duration_us(s, US_PER_S, ret) == ERR_OK;
    }
    return false;
}

/* The two-letter signs first, so that "<=" is not read as "<". */
static const char *const signs[] = {"<=", ">=", "==", "!=", "<", ">"};

static bool holds(size_t sign, int64_t a, int64_t b)
{
    switch (sign) {
    case 0:
        return a <= b;
    case 1:
        return a >= b;
    case 2:
        return a == b;
    case 3:
        return a != b;
    case 4:
        return a < b;
    default:
        return a > b;
    }
}

enum errc replay_gate_parse(const char *text, struct replay_gate *ret, struct err *e)
{
    struct str s = str_of(text);
    size_t at = strcspn(text, "<>=!");
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        struct str sign = str_of(signs[i]);
        if (!str_eq(str_sub(s, at, sign.len), sign))
            continue;
        struct str value = str_trim(str_sub(s, at + sign.len, s.len));
        const struct fact *fact = find_fact(str_trim(str_sub(s, 0, at)), e);
        if (fact == NULL)
            return e->code;
        *ret =
            (struct replay_gate){.text = text, .fact = (size_t)(fact - facts), .sign = i};
        ret->is_recorded = str_eqz(value, "recorded");
        if (ret->is_recorded || parse_value(fact->unit, value, &ret->value))
            return ERR_OK;
        return err_set(e, ERR_USAGE, "--fail-if: \"%.*s\" is no value of %s",
                       STR_ARG(value), fact->name);
    }
    return err_set(e, ERR_USAGE,
                   "--fail-if takes a condition such as 'agree<0.95', not \"%s\"", text);
}

/* What is not known cannot pass: a gate that nobody could check is no gate. */
bool replay_gate_fails(const struct replay_gate *g, const struct replay_summary *recorded,
                       const struct replay_summary *s)
{
    const struct fact *fact = &facts[g->fact];
    int64_t value, limit = g->value;
    if (!fact->get(s, &value))
        return true;
    if (!g->is_recorded)
        return holds(g->sign, value, limit);
    if (fact->get == get_cost) { /* of the same requests */
        limit = s->recorded_pico;
        return limit == PICO_UNKNOWN || holds(g->sign, value, limit);
    }
    return !fact->get(recorded, &limit) || holds(g->sign, value, limit);
}
