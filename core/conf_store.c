/*
 * conf_store.c: see conf_store.h.
 *
 * One function per type that is more than a number or a word; what is kept is copied into the
 * configuration's arena. Names of other sections are not looked up here: conf_names.c does
 * that when all is read.
 */
#include "core/conf_store.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/catalog.h"
#include "core/clock.h"
#include "core/near.h"
#include "core/num.h"
#include "core/opt.h"
#include "core/when.h"

/* One value on its way. */
struct store {
    const struct conf_key *row;
    const struct conf_place *at;
    struct str value;
    struct err *e;
};

static const char *keep(const struct store *s, struct str text)
{
    return arena_strz(s->at->arena, text);
}

static const char *key_name(const struct store *s)
{
    return s->row->key ? s->row->key : s->at->key;
}

static enum errc is_not(const struct store *s, const char *want)
{
    return err_set(s->e, ERR_CONFIG, "%s: \"%.*s\" is not %s", key_name(s),
                   STR_ARG(s->value), want);
}

/* Which of `values` the word is, from 0. */
static enum errc one_of(const struct store *s, struct str word, int *ret)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    struct str rest = str_of(s->row->values), choice;
    near_init(&near, word);
    for (int i = 0; str_split(&rest, '|', &choice); i++) {
        if (str_eq(choice, word)) {
            *ret = i;
            return ERR_OK;
        }
        near_offer(&near, choice);
    }
    return err_set(s->e, ERR_CONFIG, "%s: \"%.*s\" is none of %s%s", key_name(s),
                   STR_ARG(word), s->row->values, near_hint(&near, 1, hint));
}

static enum errc store_choice(const struct store *s, const char **field)
{
    int ignored;
    enum errc rc = one_of(s, s->value, &ignored);
    if (rc == ERR_OK)
        *field = keep(s, s->value);
    return rc;
}

static enum errc store_enum(const struct store *s, void *field)
{
    _Static_assert(sizeof(enum conf_cut) == sizeof(int), "enums are stored as int");
    int which;
    enum errc rc = one_of(s, s->value, &which);
    if (rc != ERR_OK)
        return rc;
    which += s->row->first;
    memcpy(field, &which, sizeof which);
    return ERR_OK;
}

static enum errc store_caps(const struct store *s, unsigned *field)
{
    unsigned bits = 0;
    struct str rest = s->value, word;
    while (str_split(&rest, ' ', &word)) {
        int which;
        if (word.len == 0)
            continue;
        enum errc rc = one_of(s, word, &which);
        if (rc != ERR_OK)
            return rc;
        bits |= 1U << which;
    }
    *field |= bits;
    return ERR_OK;
}

static enum errc store_bool(const struct store *s, bool is_bare, bool *field)
{
    /* git: a bare key is true, an empty value is false */
    if (s->value.len == 0) {
        *field = is_bare;
        return ERR_OK;
    }
    return num_bool(s->value, field) == ERR_OK ? ERR_OK : is_not(s, "yes or no");
}

static enum errc store_int(const struct store *s, int64_t *field)
{
    int64_t min, max;
    opt_range(s->row->values, &min, &max);
    enum errc rc = num_i64(s->value, min, max, field);
    if (rc == ERR_RANGE)
        return err_set(s->e, ERR_CONFIG, "%s: %.*s is outside %s", key_name(s),
                       STR_ARG(s->value), s->row->values);
    return rc == ERR_OK ? ERR_OK : is_not(s, "a whole number");
}

static enum errc store_money(const struct store *s, pico *field)
{
    pico amount;
    if (money_parse(s->value, &amount) != ERR_OK || amount < 0)
        return is_not(s, "an amount in dollars such as 0.02");
    *field = amount;
    return ERR_OK;
}

static enum errc store_duration(const struct store *s, int64_t *field)
{
    if (str_eqz(s->value, "0")) {
        *field = 0;
        return ERR_OK;
    }
    if (num_duration_us(s->value, 0, field) != ERR_OK)
        return is_not(s, "a duration such as 8s, 1.5s or 10m");
    return ERR_OK;
}

static enum errc store_fraction(const struct store *s, int64_t *field)
{
    int64_t ppm;
    if (num_fraction_ppm(s->value, &ppm) != ERR_OK || ppm < 0)
        return is_not(s, "a fraction such as 0.8 or 80%");
    if (s->row->values != NULL && ppm > 1000000)
        return is_not(s, "in 0..100%");
    *field = ppm;
    return ERR_OK;
}

/* "100k", "1.5M", "60": counts in powers of ten, as providers print their limits. */
static bool parse_count(struct str s, int64_t *ret)
{
    static const struct {
        char suffix;
        unsigned scale;
    } rows[] = {{'k', 3}, {'M', 6}, {'G', 9}};
    unsigned scale = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows) && s.len > 0; i++)
        if (s.ptr[s.len - 1] == rows[i].suffix)
            scale = rows[i].scale;
    if (scale != 0)
        s.len--;
    return num_decimal(s, scale, false, false, ret) == ERR_OK && *ret > 0;
}

static bool parse_window(struct str s, int64_t *ret_us)
{
    static const struct {
        const char *name;
        int64_t us;
    } rows[] = {
        {"s", US_PER_S},     {"sec", US_PER_S},     {"second", US_PER_S},
        {"m", US_PER_MIN},   {"min", US_PER_MIN},   {"minute", US_PER_MIN},
        {"h", US_PER_HOUR},  {"hour", US_PER_HOUR}, {"d", US_PER_DAY},
        {"day", US_PER_DAY},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(s, rows[i].name)) {
            *ret_us = rows[i].us;
            return true;
        }
    return false;
}

bool conf_rate_parse(struct str text, bool is_money, struct conf_rate *ret)
{
    size_t slash = str_find(text, '/');
    struct str amount = str_trim(str_sub(text, 0, slash));
    struct str window = str_trim(str_sub(text, slash + 1, text.len));
    struct conf_rate rate;
    bool ok = is_money ? money_parse(amount, &rate.amount) == ERR_OK && rate.amount > 0
                       : parse_count(amount, &rate.amount);
    if (!ok || !parse_window(window, &rate.window_us))
        return false;
    *ret = rate;
    return true;
}

static enum errc store_rate(const struct store *s, bool is_money, struct conf_rate *field)
{
    if (!conf_rate_parse(s->value, is_money, field))
        return is_not(s,
                      is_money ? "a rate such as 5.00/day" : "a rate such as 100k/min");
    return ERR_OK;
}

static enum errc store_budget(const struct store *s, struct conf_budget *b)
{
    static const char *const periods[] = {[CONF_PER_HOUR] = "hour",
                                          [CONF_PER_DAY] = "day",
                                          [CONF_PER_WEEK] = "week",
                                          [CONF_PER_MONTH] = "month"};
    size_t slash = str_find(s->value, '/');
    struct str amount = str_trim(str_sub(s->value, 0, slash));
    struct str period = str_trim(str_sub(s->value, slash + 1, s->value.len));
    pico limit;
    for (unsigned i = 0; i < ARRAY_LEN(periods); i++) {
        if (!str_eqz(period, periods[i]) || money_parse(amount, &limit) != ERR_OK ||
            limit <= 0)
            continue;
        b->limit_pico = limit;
        memcpy(&b->per, &i, sizeof i);
        return ERR_OK;
    }
    return is_not(s, "a budget such as 5.00/day; hour, day, week and month are known");
}

/* "name: value" or "key=value"; `values` holds the sign between. */
static enum errc store_pair(const struct store *s, struct conf_header *field)
{
    size_t at = str_find(s->value, s->row->values[0]);
    struct str name = str_trim(str_sub(s->value, 0, at));
    bool ok = at < s->value.len && name.len > 0 && name.len <= LIMIT_NAME_LEN;
    for (size_t i = 0; i < s->value.len; i++)
        ok = ok && (unsigned char)s->value.ptr[i] >= ' ' && s->value.ptr[i] != 0x7F;
    for (size_t i = 0; i < name.len; i++)
        ok = ok && name.ptr[i] > ' ';
    if (!ok)
        return is_not(s, s->row->values[0] == ':' ? "a header, NAME: VALUE"
                                                  : "a tag, KEY=VALUE");
    field->name = keep(s, name);
    field->value = keep(s, str_trim(str_sub(s->value, at + 1, s->value.len)));
    return ERR_OK;
}

static enum errc store_url(const struct store *s, const char **field)
{
    struct str url = s->value, rest = STR_NONE;
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    if (str_starts(url, STR("https://")))
        rest = str_sub(url, 8, url.len);
    else if (str_starts(url, STR("http://")))
        rest = str_sub(url, 7, url.len);
    bool ok = rest.len > 0 && rest.ptr[0] != '/' && rest.ptr[0] != ':';
    for (size_t i = 0; i < rest.len; i++)
        ok = ok && rest.ptr[i] > ' ' && rest.ptr[i] < 0x7F &&
             memchr("?#@\\\"<>", rest.ptr[i], 7) == NULL;
    if (!ok)
        return is_not(s, "an address such as https://api.example.com/v1, without name, "
                         "password or query");
    *field = keep(s, url);
    return ERR_OK;
}

/* 127.0.0.1:4100, [::1]:4100. Names are left out: they would be looked up at start. */
static enum errc store_address(const struct store *s, const char **field)
{
    struct str host = s->value, port = STR_NONE;
    for (size_t i = s->value.len; i > 0 && port.ptr == NULL; i--)
        if (s->value.ptr[i - 1] == ':') {
            host = str_sub(s->value, 0, i - 1);
            port = str_sub(s->value, i, s->value.len);
        }
    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    char text[INET6_ADDRSTRLEN] = "";
    unsigned char address[sizeof(struct in6_addr)];
    int64_t number;
    if (bracketed)
        host = str_sub(host, 1, host.len - 2);
    if (host.len < sizeof text)
        memcpy(text, host.ptr, host.len);
    if (inet_pton(bracketed ? AF_INET6 : AF_INET, text, address) != 1 ||
        num_i64(port, 0, 65535, &number) != ERR_OK)
        return is_not(s, "an address and port such as 127.0.0.1:4100 or [::1]:4100");
    *field = keep(s, s->value);
    return ERR_OK;
}

static enum errc store_path(const struct store *s, const char **field)
{
    const struct conf_place *at = s->at;
    if (s->value.len == 0)
        return err_set(s->e, ERR_CONFIG, "%s: an empty path", key_name(s));
    if (str_starts(s->value, STR("~/")) && at->home != NULL)
        *field = arena_printf(at->arena, "%s%.*s", at->home,
                              STR_ARG(str_sub(s->value, 1, s->value.len)));
    else if (s->value.ptr[0] != '/' && at->dir != NULL)
        *field = arena_printf(at->arena, "%s/%.*s", at->dir, STR_ARG(s->value));
    else
        *field = keep(s, s->value);
    return ERR_OK;
}

static enum errc store_secret(const struct store *s, struct conf_secret *field)
{
    if (s->value.len == 0)
        return err_set(s->e, ERR_CONFIG, "%s: nothing there", key_name(s));
    const char *value = keep(s, s->value);
    if (s->row->first == CONF_KEY_FILE && store_path(s, &value) != ERR_OK)
        return ERR_CONFIG;
    field->value = value;
    memcpy(&field->source, &s->row->first, sizeof field->source);
    return ERR_OK;
}

static enum errc store_hash(const struct store *s, const char **field)
{
    struct str prefix = STR("sha256:"), hex = str_sub(s->value, 7, s->value.len);
    bool ok = str_starts(s->value, prefix) && hex.len == 64;
    for (size_t i = 0; i < hex.len; i++)
        ok = ok && memchr("0123456789abcdef", hex.ptr[i], 16) != NULL;
    if (!ok)
        return is_not(s, "sha256: and 64 hexadecimal digits");
    *field = keep(s, s->value);
    return ERR_OK;
}

/* The next word of *rest, which then begins behind the blanks that follow it. */
static struct str next_word(struct str *rest)
{
    size_t end = str_find(*rest, ' ');
    struct str word = str_sub(*rest, 0, end);
    *rest = str_trim(str_sub(*rest, end, rest->len));
    return word;
}

/* NAME [weight=N] [when CONDITION] */
static enum errc parse_target(const struct store *s, struct conf_target *t)
{
    struct str rest = str_trim(s->value), weight = STR("weight=");
    t->name = keep(s, next_word(&rest));
    while (rest.len > 0) {
        struct str word = next_word(&rest);
        int64_t n;
        if (str_eqz(word, "when") && rest.len > 0) {
            t->when = keep(s, rest);
            return when_check(t->when, s->e) == ERR_OK ? ERR_OK : err_ctx(s->e, "target");
        }
        if (!str_starts(word, weight))
            return err_set(
                s->e, ERR_CONFIG,
                "target: \"%.*s\"; only weight=N and when CONDITION may follow "
                "the name",
                STR_ARG(word));
        if (num_i64(str_sub(word, weight.len, word.len), 1, LIMIT_WEIGHT, &n) != ERR_OK)
            return err_set(s->e, ERR_CONFIG, "target: \"%.*s\" is not from 1 to 1000000",
                           STR_ARG(word));
        t->weight = (int)n; /* in range, as just checked */
    }
    return t->name[0] ? ERR_OK : err_set(s->e, ERR_CONFIG, "target: nothing there");
}

static enum errc store_target(const struct store *s, struct conf_route *route)
{
    struct conf_target t = {.weight = 1, .pos = s->at->pos};
    enum errc rc = parse_target(s, &t);
    if (rc != ERR_OK)
        return rc;
    if (route->n_targets == LIMIT_TARGETS)
        return err_set(s->e, ERR_CONFIG, "target: more than %d of them", LIMIT_TARGETS);
    if (route->targets == NULL)
        route->targets = ARENA_ARRAY(s->at->arena, LIMIT_TARGETS, struct conf_target);
    if (route->targets == NULL)
        return err_set(s->e, ERR_MEMORY, "out of memory");
    route->targets[route->n_targets++] = t;
    return ERR_OK;
}

static enum errc store_alias(const struct store *s, struct conf_alias *alias)
{
    if (s->value.len == 0)
        return err_set(s->e, ERR_CONFIG, "%s: nothing there", key_name(s));
    alias->name = keep(s, str_of(s->at->key));
    alias->target = keep(s, s->value);
    return ERR_OK;
}

/* Decimals of a price component's unit; false when there is no such component. */
static bool find_component(const char *name, unsigned *ret_decimals)
{
    static const struct {
        const char *name;
        unsigned decimals;
    } rows[] = {
#define COMPONENT(e, text, decimals) {text, decimals},
        PRICE_COMPONENTS(COMPONENT)
#undef COMPONENT
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].name, name) == 0) {
            *ret_decimals = rows[i].decimals;
            return true;
        }
    return false;
}

/* Dollars, for a million units or for one, as the component has it in the catalog. */
static enum errc store_price(const struct store *s, struct conf_price *price)
{
    char component[LIMIT_NAME_LEN + 1] = "";
    struct str key = str_sub(str_of(s->at->key), 0, LIMIT_NAME_LEN);
    unsigned decimals;
    for (size_t i = 0; i < key.len; i++)
        component[i] = key.ptr[i] == '-' ? '_' : key.ptr[i];
    if (!find_component(component, &decimals))
        return err_set(s->e, ERR_CONFIG, "unknown price component \"%s\"", s->at->key);
    pico per_unit;
    if (num_decimal(s->value, decimals, false, false, &per_unit) != ERR_OK ||
        per_unit < 0)
        return is_not(s, "dollars such as 0.25");
    price->component = keep(s, str_of(component));
    price->per_unit = per_unit;
    return ERR_OK;
}

/* The field itself, or the next element of an array; NULL when the array is full. */
static void *place_of(const struct conf_key *row, void *item)
{
    char *field = (char *)item + row->offset;
    if (row->max == 0)
        return field;
    size_t n = *(size_t *)(void *)((char *)item + row->n_offset);
    return n < row->max ? field + n * row->size : NULL;
}

static enum errc store(const struct store *s, bool is_bare, void *field, void *item)
{
    switch (s->row->type) {
    case CONF_STRING:
    case CONF_MODEL:
    case CONF_ROUTE:
    case CONF_PROVIDER:
    case CONF_CLIENT:
        *(const char **)field = keep(s, s->value);
        return ERR_OK;
    case CONF_CHOICE:
        return store_choice(s, field);
    case CONF_BOOL:
        return store_bool(s, is_bare, field);
    case CONF_INT:
        return store_int(s, field);
    case CONF_SIZE:
        if (num_size(s->value, field) == ERR_OK)
            return ERR_OK;
        return is_not(s, "a size such as 64k or 10M");
    case CONF_DURATION:
        return store_duration(s, field);
    case CONF_MONEY:
        return store_money(s, field);
    case CONF_FRACTION:
        return store_fraction(s, field);
    case CONF_ENUM:
        return store_enum(s, field);
    case CONF_CAPS:
        return store_caps(s, field);
    case CONF_TARGET:
        return store_target(s, item);
    case CONF_RATE:
        return store_rate(s, false, field);
    case CONF_SPEND:
        return store_rate(s, true, field);
    case CONF_BUDGET:
        return store_budget(s, item);
    case CONF_HEADER:
        return store_pair(s, field);
    case CONF_SECRET:
        return store_secret(s, field);
    case CONF_URL:
        return store_url(s, field);
    case CONF_ADDRESS:
        return store_address(s, field);
    case CONF_PATH:
        return store_path(s, field);
    case CONF_HASH:
        return store_hash(s, field);
    case CONF_ALIAS:
        return store_alias(s, item);
    case CONF_PRICE:
        return store_price(s, item);
    }
    return err_set(s->e, ERR_INTERNAL, "%s has no type", key_name(s));
}

enum errc conf_store(const struct conf_key *row, void *item, const char *value,
                     const struct conf_place *at, struct err *e)
{
    struct store s = {.row = row, .at = at, .value = str_of(value), .e = e};
    if (value == NULL && row->type != CONF_BOOL)
        return err_set(e, ERR_CONFIG, "%s: a value is missing", key_name(&s));
    void *field = place_of(row, item);
    if (field == NULL)
        return err_set(e, ERR_CONFIG, "%s: more than %zu of them", key_name(&s),
                       row->max);
    enum errc rc = store(&s, value == NULL, field, item);
    if (rc == ERR_OK && row->max != 0)
        ++*(size_t *)(void *)((char *)item + row->n_offset);
    return rc;
}

bool conf_split_model(struct str s, struct str *ret_provider, struct str *ret_model)
{
    size_t slash = str_find(s, '/');
    *ret_provider = str_sub(s, 0, slash);
    *ret_model = str_sub(s, slash + 1, s.len);
    return ret_provider->len > 0 && ret_model->len > 0;
}
