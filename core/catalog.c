/*
 * catalog.c: finds models, periods, services and peaks in a loaded catalog.
 *
 * Owns the look-ups; catalog_load.c owns the format, price.c the arithmetic.
 */
#include "core/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/catalog_priv.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/os.h"

_Static_assert(PRICE_N_ <= 32, "price_set.known has one bit per component");

static const struct {
    const char *name;
    unsigned decimals;
} components[] = {
#define COMPONENT(e, n, d) [PRICE_##e] = {(n), (d)},
    PRICE_COMPONENTS(COMPONENT)
#undef COMPONENT
};

/* In the order of enum catalog_cap's bits. */
static const char *const cap_names[] = {
    "tools",   "vision",         "json_schema", "reasoning", "audio_in",  "audio_out",
    "prefill", "prompt_caching", "pdf_in",      "video_in",  "image_out", "embedding",
};

/* --- names --- */

const char *price_component_name(enum price_component p)
{
    return (unsigned)p < PRICE_N_ ? components[p].name : "unknown";
}

enum price_component price_component_by_name(struct str name)
{
    unsigned i = 0;
    while (i < PRICE_N_ && !str_eqz(name, components[i].name))
        i++;
    return (enum price_component)i;
}

unsigned price_component_decimals(enum price_component p)
{
    return components[p].decimals;
}

bool price_set_has(const struct price_set *s, enum price_component p)
{
    return s->known >> p & 1;
}

void price_set_replace(struct price_set *s, const struct price_set *by)
{
    for (unsigned p = 0; p < PRICE_N_; p++)
        if (price_set_has(by, (enum price_component)p))
            s->unit[p] = by->unit[p];
    s->known |= by->known;
}

unsigned catalog_cap_by_name(struct str name)
{
    for (unsigned i = 0; i < ARRAY_LEN(cap_names); i++)
        if (str_eqz(name, cap_names[i]))
            return 1U << i;
    return 0;
}

const char *catalog_cap_name(unsigned cap)
{
    for (unsigned i = 0; i < ARRAY_LEN(cap_names); i++)
        if (cap == 1U << i)
            return cap_names[i];
    return NULL;
}

/* --- loading --- */

static enum errc catalog_new(struct catalog **ret, struct err *e)
{
    struct catalog *c = MEM_NEW(struct catalog);
    if (c == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the catalog");
    arena_init(&c->arena, LIMIT_CATALOG_MEMORY);
    c->date = "-";
    *ret = c;
    return ERR_OK;
}

void catalog_free(struct catalog **c)
{
    if (*c == NULL)
        return;
    arena_release(&(*c)->arena);
    mem_free(*c);
    *c = NULL;
}

enum errc catalog_parse(struct str text, const char *name, struct catalog **ret,
                        struct err *e)
{
    AUTO(catalog_free) struct catalog *c = NULL;
    enum errc rc = catalog_new(&c, e);
    if (rc != ERR_OK)
        return rc;
    char *copy = arena_strndup(&c->arena, text.ptr, text.len);
    if (copy == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the catalog");
    rc = catalog_read(c, copy, text.len, name, e);
    if (rc != ERR_OK)
        return rc;
    *ret = c;
    c = NULL;
    return ERR_OK;
}

static enum errc read_whole(int fd, const char *path, struct arena *a, char **ret,
                            size_t *ret_len, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(e, ERR_IO, "%s", path);
    if (st.st_size > LIMIT_CATALOG_LEN)
        return err_set(e, ERR_TOO_LARGE, "%s: more than %d bytes", path,
                       LIMIT_CATALOG_LEN);
    size_t len = (size_t)st.st_size, used = 0;
    char *text = arena_alloc(a, len + 1, 1);
    if (text == NULL)
        return err_set(e, ERR_MEMORY, "%s: no memory for the catalog", path);
    while (used < len) {
        ssize_t n = read(fd, text + used, len - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "%s", path);
        if (n == 0)
            break;
        used += (size_t)n;
    }
    *ret = text;
    *ret_len = used;
    return ERR_OK;
}

static enum errc add_file(struct catalog *c, const char *path, bool may_lack,
                          struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && may_lack)
        return ERR_OK;
    if (fd < 0)
        return err_errno(e, ERR_IO, "%s", path);
    char *text = NULL;
    size_t len = 0;
    enum errc rc = read_whole(fd, path, &c->arena, &text, &len, e);
    close(fd);
    if (rc != ERR_OK)
        return rc;
    /* messages and rows outlive the caller's path */
    return catalog_read(c, text, len, arena_strz(&c->arena, str_of(path)), e);
}

enum errc catalog_load(const char *path, const char *overrides, struct catalog **ret,
                       struct err *e)
{
    AUTO(catalog_free) struct catalog *c = NULL;
    enum errc rc = catalog_new(&c, e);
    if (rc == ERR_OK)
        rc = add_file(c, path, false, e);
    if (rc == ERR_OK && overrides != NULL)
        rc = add_file(c, overrides, true, e);
    if (rc != ERR_OK)
        return rc;
    *ret = c;
    c = NULL;
    return ERR_OK;
}

const char *catalog_default_path(struct arena *a)
{
    /* where a program that was not installed, or moved after it, finds the file */
    static const char *const beside[] = {"/core", "/../core", "/../share/llmgw"};
    static const char installed[] = LLMGW_DATADIR "/catalog.tsv";
    const char *set = getenv("LLMGW_CATALOG");
    char dir[4096];
    if (set != NULL && set[0] != '\0')
        return set;
    if (access(installed, R_OK) == 0)
        return installed;
    if (!os_program_dir(dir, sizeof dir))
        return installed;
    for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
        const char *path = arena_printf(a, "%s%s/catalog.tsv", dir, beside[i]);
        if (access(path, R_OK) == 0)
            return path;
    }
    return installed;
}

/* --- look-ups --- */

int catalog_compare(const struct catalog_model *a, struct str provider, struct str model)
{
    int order = str_cmp(str_of(a->provider), provider);
    return order != 0 ? order : str_cmp(str_of(a->model), model);
}

/* The first model that does not come before the one named. */
static size_t lower_bound(const struct catalog *c, struct str provider, struct str model)
{
    size_t from = 0, to = c->n_models;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (catalog_compare(&c->models[mid], provider, model) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static bool has_alias(const struct catalog_model *m, struct str name)
{
    for (size_t i = 0; i < m->n_aliases; i++)
        if (str_eqz(name, m->aliases[i]))
            return true;
    return false;
}

/* "ollama/" for "ollama/" and a star: every id that begins so. */
static bool is_pattern_of(const struct catalog_model *m, struct str name)
{
    struct str id = str_of(m->model);
    return str_ends(id, STR("*")) && str_starts(name, str_sub(id, 0, id.len - 1));
}

const struct catalog_model *catalog_find(const struct catalog *c, struct str provider,
                                         struct str model)
{
    size_t at = lower_bound(c, provider, model);
    if (at < c->n_models && catalog_compare(&c->models[at], provider, model) == 0)
        return &c->models[at];
    const struct catalog_model *pattern = NULL;
    for (at = lower_bound(c, provider, STR_NONE);
         at < c->n_models && str_eqz(provider, c->models[at].provider); at++) {
        if (has_alias(&c->models[at], model))
            return &c->models[at];
        if (is_pattern_of(&c->models[at], model))
            pattern = &c->models[at];
    }
    return pattern;
}

const struct catalog_model *catalog_models(const struct catalog *c, size_t *ret_n)
{
    *ret_n = c->n_models;
    return c->models;
}

bool catalog_is_retired(const struct catalog_model *m)
{
    return strcmp(m->status, "retired") == 0;
}

bool catalog_can_chat(const struct catalog_model *m)
{
    return strcmp(m->mode, "chat") == 0 && !catalog_is_retired(m);
}

bool catalog_can_embed(const struct catalog_model *m)
{
    return strcmp(m->mode, "embedding") == 0 && !catalog_is_retired(m);
}

size_t catalog_by_id(const struct catalog *c, struct str model,
                     const struct catalog_model **ret, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_models; i++) {
        const struct catalog_model *m = &c->models[i];
        if (!str_eqz(model, m->model) && !has_alias(m, model))
            continue;
        if (n < max)
            ret[n] = m;
        n++;
    }
    return n;
}

const struct catalog_rule *catalog_rule(const struct catalog *c, struct str provider)
{
    const struct catalog_rule *r = c->rules;
    while (r != NULL && !str_eqz(provider, r->provider))
        r = r->next;
    return r;
}

const char *catalog_default_model(const struct catalog *c, struct str provider)
{
    const struct catalog_rule *r = catalog_rule(c, provider);
    return r != NULL ? r->default_model : NULL;
}

const char *catalog_date(const struct catalog *c)
{
    return c->date;
}

const struct catalog_period *catalog_period(const struct catalog_model *m, int64_t at_us)
{
    for (size_t i = m->n_periods; i-- > 0;)
        if (at_us >= m->periods[i].from_us && at_us < m->periods[i].to_us)
            return &m->periods[i];
    return NULL;
}

const struct catalog_service *catalog_service(const struct catalog_model *m,
                                              struct str name, int64_t at_us)
{
    for (size_t i = 0; i < m->n_services; i++) {
        const struct catalog_service *s = m->services[i];
        if (str_eqz(name, s->name) && at_us >= s->from_us && at_us < s->to_us)
            return s;
    }
    return NULL;
}

const struct catalog_fee *catalog_fee(const struct catalog_model *m, struct str name)
{
    for (size_t i = 0; i < m->n_fees; i++)
        if (str_eqz(name, m->fees[i].name))
            return &m->fees[i];
    return NULL;
}

bool catalog_is_peak(const struct catalog *c, const struct catalog_peak *p, int64_t at_us)
{
    struct civil day = civil_of_us(at_us + p->day_offset_us);
    if (p->mon_fri && (day.weekday == 0 || day.weekday == 6))
        return false;
    int64_t time_us = at_us % US_PER_DAY;
    if (time_us < 0)
        time_us += US_PER_DAY;
    int64_t day_us = civil_to_us(
        &(struct civil){.year = day.year, .month = day.month, .day = day.day});
    for (const struct catalog_holiday *h = c->holidays; p->holidays != NULL && h != NULL;
         h = h->next)
        if (h->day_us == day_us && strcmp(h->calendar, p->holidays) == 0)
            return false;
    for (size_t i = 0; i < p->n_hours; i++)
        if (time_us >= p->hours[i].from_us && time_us < p->hours[i].to_us)
            return true;
    return false;
}

/* --- prices of the configuration --- */

/* Opens a gap at `at`; room doubles, so that a long configuration costs what it holds. */
static struct catalog_model *open_gap(struct catalog *c, size_t at)
{
    if (c->n_models >= c->models_cap) {
        size_t cap = 2 * c->n_models + 1;
        struct catalog_model *all = ARENA_ARRAY(&c->arena, cap, struct catalog_model);
        if (all == NULL)
            return NULL;
        if (c->n_models > 0)
            memcpy(all, c->models, c->n_models * sizeof *all);
        c->models = all;
        c->models_cap = cap;
    }
    struct catalog_model *gap = &c->models[at];
    memmove(gap + 1, gap, (c->n_models - at) * sizeof *gap);
    c->n_models++;
    return gap;
}

/* A place for a model that is not there yet, priced from now on, for all time. */
static struct catalog_model *add_model(struct catalog *c, struct str provider,
                                       struct str model)
{
    size_t at = lower_bound(c, provider, model);
    struct catalog_period *period = ARENA_NEW(&c->arena, struct catalog_period);
    const char *provider_z = arena_strz(&c->arena, provider);
    const char *model_z = arena_strz(&c->arena, model);
    struct catalog_model *m = arena_is_broken(&c->arena) ? NULL : open_gap(c, at);
    if (m == NULL)
        return NULL;
    *period = (struct catalog_period){.from_us = INT64_MIN,
                                      .to_us = INT64_MAX,
                                      .dates = "effective",
                                      .sources = "configuration"};
    *m = (struct catalog_model){
        .provider = provider_z,
        .model = model_z,
        .mode = "chat",
        .status = "active",
        .price_status = "priced",
        .basis = "configuration",
        .periods = period,
        .n_periods = 1,
    };
    return m;
}

static void set_price(struct price_set *s, enum price_component p, pico per_unit)
{
    s->unit[p] = per_unit;
    s->known |= 1U << p;
}

/* Periods and what hangs on them may be shared with nobody, but they are const: copied. */
static bool override_period(struct arena *a, struct catalog_period *period,
                            enum price_component p, pico per_unit)
{
    struct catalog_band *bands = ARENA_ARRAY(a, period->n_bands + 1, struct catalog_band);
    struct catalog_peak *peak = ARENA_NEW(a, struct catalog_peak);
    if (arena_is_broken(a))
        return false;
    for (size_t i = 0; i < period->n_bands; i++) {
        bands[i] = period->bands[i];
        set_price(&bands[i].prices, p, per_unit);
    }
    period->bands = bands;
    if (period->peak != NULL) {
        *peak = *period->peak;
        set_price(&peak->prices, p, per_unit);
        period->peak = peak;
    }
    set_price(&period->prices, p, per_unit);
    return true;
}

/* The model of that id or alias, which is added when there is none. */
static struct catalog_model *find_or_add(struct catalog *c, struct str provider,
                                         struct str model)
{
    const struct catalog_model *m = catalog_find(c, provider, model);
    if (m == NULL || (!str_eqz(model, m->model) && !has_alias(m, model)))
        return add_model(c, provider, model);
    return &c->models[m - c->models];
}

enum errc catalog_override(struct catalog *c, struct str provider, struct str model,
                           struct str component, pico per_unit, struct err *e)
{
    enum price_component p = price_component_by_name(component);
    if (p == PRICE_N_ || per_unit < 0)
        return err_set(e, ERR_INVALID,
                       "price \"%.*s/%.*s\": no component \"%.*s\" to price",
                       STR_ARG(provider), STR_ARG(model), STR_ARG(component));
    struct catalog_model *m = find_or_add(c, provider, model);
    struct catalog_period *periods =
        m != NULL ? ARENA_ARRAY(&c->arena, m->n_periods + 1, struct catalog_period)
                  : NULL;
    if (periods == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the catalog");
    for (size_t i = 0; i < m->n_periods; i++) {
        periods[i] = m->periods[i];
        if (!override_period(&c->arena, &periods[i], p, per_unit))
            return err_set(e, ERR_MEMORY, "no memory for the catalog");
    }
    m->periods = periods;
    m->price_status = "priced";
    return ERR_OK;
}
