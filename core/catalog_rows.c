/*
 * catalog_rows.c: what each kind of a catalog's rows says, and what it may not say; the head of
 * catalog.tsv documents them.
 */
#include "core/catalog_rows.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/num.h"

/* --- rows; the enums number the columns of row_kinds --- */

static enum errc read_date(struct loader *l)
{
    int64_t ignored;
    l->c->date = l->cell[0];
    return cell_time(l, 0, 0, &ignored);
}

static enum errc read_source(struct loader *l)
{
    struct catalog_source *s = ARENA_NEW(&l->c->arena, struct catalog_source);
    if (s == NULL)
        return loader_no_memory(l);
    *s = (struct catalog_source){.next = l->c->sources, .name = l->cell[0]};
    l->c->sources = s;
    return ERR_OK;
}

static enum errc read_holiday(struct loader *l)
{
    enum { CALENDAR, DAY };
    struct catalog_holiday *h = ARENA_NEW(&l->c->arena, struct catalog_holiday);
    if (h == NULL)
        return loader_no_memory(l);
    *h = (struct catalog_holiday){.next = l->c->holidays, .calendar = l->cell[CALENDAR]};
    enum errc rc = cell_time(l, DAY, 0, &h->day_us);
    if (rc == ERR_OK && h->day_us % US_PER_DAY != 0)
        rc = cell_bad(l, DAY, "\"%s\" is no day", l->cell[DAY]);
    if (rc == ERR_OK)
        l->c->holidays = h;
    return rc;
}

static enum errc read_rule_ratios(struct loader *l, size_t column, struct catalog_rule *r)
{
    static const char *const names[] = {
        [RATIO_IMPLICIT_READ] = "implicit_read",
        [RATIO_EXPLICIT_READ] = "explicit_read",
        [RATIO_EXPLICIT_WRITE] = "explicit_write",
    };
    struct str rest = str_of(l->cell[column]), pair;
    while (str_split(&rest, ' ', &pair)) {
        size_t eq = str_find(pair, '='), i = 0;
        while (i < RATIO_N_ && !str_eqz(str_sub(pair, 0, eq), names[i]))
            i++;
        if (i == RATIO_N_ || !cell_ratio(str_sub(pair, eq + 1, pair.len),
                                         &r->ratios[i].num, &r->ratios[i].den))
            return cell_bad(l, column, "\"%.*s\" is no ratio of a cache", STR_ARG(pair));
    }
    return ERR_OK;
}

static enum errc read_rule(struct loader *l)
{
    enum { PROVIDER, MODEL, READ, WRITE, REASONING, RATIOS, FLAGS, SOURCES, NOTE };
    static const char *const flags[] = {"audio-as-text", NULL};
    unsigned set;
    struct catalog_rule *r = ARENA_NEW(&l->c->arena, struct catalog_rule);
    if (r == NULL)
        return loader_no_memory(l);
    *r = (struct catalog_rule){
        .next = l->c->rules,
        .provider = l->cell[PROVIDER],
        .default_model = l->cell[MODEL],
        .sources = l->cell[SOURCES],
        .note = l->cell[NOTE],
        .line = l->line,
    };
    enum errc rc = cell_inside(l, READ, &r->read_inside);
    if (rc == ERR_OK)
        rc = cell_inside(l, WRITE, &r->write_inside);
    if (rc == ERR_OK)
        rc = cell_inside(l, REASONING, &r->reasoning_inside);
    if (rc == ERR_OK)
        rc = read_rule_ratios(l, RATIOS, r);
    if (rc == ERR_OK)
        rc = cell_flags(l, FLAGS, flags, &set);
    if (rc == ERR_OK)
        rc = cell_sources(l, SOURCES);
    if (rc != ERR_OK)
        return rc;
    r->audio_as_text = set & 1;
    l->c->rules = r;
    return ERR_OK;
}

/* Components by name, or all of them. */
static enum errc read_service_on(struct loader *l, size_t column, uint32_t *ret)
{
    struct str rest = str_of(l->cell[column]), name;
    *ret = 0;
    if (str_eqz(rest, "all")) {
        *ret = UINT32_MAX;
        return ERR_OK;
    }
    while (str_split(&rest, ' ', &name)) {
        enum price_component p = price_component_by_name(name);
        if (p == PRICE_N_)
            return cell_bad(l, column, "unknown component \"%.*s\"", STR_ARG(name));
        *ret |= 1U << p;
    }
    return ERR_OK;
}

static enum errc read_service(struct loader *l)
{
    enum { PROVIDER, ID, RATIO, ON, FROM, TO, FLAGS, PRICES, SOURCES, NOTE };
    static const char *const flags[] = {"no-cache-discount", "unverified", NULL};
    unsigned set;
    struct catalog_service *s = ARENA_NEW(&l->c->arena, struct catalog_service);
    if (s == NULL)
        return loader_no_memory(l);
    struct str id = str_of(l->cell[ID]);
    *s = (struct catalog_service){
        .next = l->c->services,
        .provider = l->cell[PROVIDER],
        .id = l->cell[ID],
        .name = arena_strz(&l->c->arena, str_sub(id, 0, str_find(id, '@'))),
        .sources = l->cell[SOURCES],
        .note = l->cell[NOTE],
    };
    if ((l->cell[RATIO] == NULL) != (l->cell[ON] == NULL) ||
        (l->cell[RATIO] == NULL) == (l->cell[PRICES] == NULL))
        return cell_bad(l, RATIO, "either a ratio on components, or prices");
    if (l->cell[RATIO] != NULL && !cell_ratio(str_of(l->cell[RATIO]), &s->num, &s->den))
        return cell_bad(l, RATIO, "\"%s\" is no ratio", l->cell[RATIO]);
    enum errc rc = read_service_on(l, ON, &s->on);
    if (rc == ERR_OK)
        rc = cell_span(l, FROM, &s->from_us, &s->to_us);
    if (rc == ERR_OK)
        rc = cell_flags(l, FLAGS, flags, &set);
    if (rc == ERR_OK)
        rc = cell_prices(l, PRICES, &s->printed);
    if (rc == ERR_OK)
        rc = cell_sources(l, SOURCES);
    if (rc != ERR_OK)
        return rc;
    s->no_cache_discount = set & 1;
    s->is_unverified = set >> 1 & 1;
    l->c->services = s;
    return ERR_OK;
}

/* "tools -vision" */
static enum errc read_caps(struct loader *l, size_t column, struct catalog_model *m)
{
    struct str rest = str_of(l->cell[column]), name;
    while (str_split(&rest, ' ', &name)) {
        bool no = str_starts(name, STR("-"));
        unsigned cap = catalog_cap_by_name(str_sub(name, no, name.len));
        if (cap == 0)
            return cell_bad(l, column, "unknown capability \"%.*s\"", STR_ARG(name));
        *(no ? &m->caps_no : &m->caps_yes) |= cap;
    }
    return ERR_OK;
}

/* The rows of one id are neighbours in the list, the one that came last first. */
static size_t find_services(const struct loader *l, const char *provider, struct str id,
                            const struct catalog_service **into)
{
    size_t n = 0;
    for (const struct catalog_service *s = l->c->services; s != NULL; s = s->next)
        if (str_eqz(id, s->id) && strcmp(provider, s->provider) == 0 && n++ < CELLS_MAX)
            *into++ = s;
    return MIN(n, (size_t)CELLS_MAX);
}

static enum errc read_model_services(struct loader *l, size_t column,
                                     struct catalog_model *m)
{
    enum { SERVICES_MAX = 4 * CELLS_MAX };
    const struct catalog_service *found[SERVICES_MAX + CELLS_MAX];
    struct str rest = str_of(l->cell[column]), id;
    size_t n = 0;
    while (str_split(&rest, ' ', &id)) {
        size_t more =
            n <= SERVICES_MAX ? find_services(l, m->provider, id, found + n) : 0;
        if (more == 0)
            return cell_bad(l, column, "\"%.*s\" has no service row above", STR_ARG(id));
        n += more;
    }
    if (n == 0)
        return ERR_OK;
    const struct catalog_service **list =
        ARENA_ARRAY(&l->c->arena, n, const struct catalog_service *);
    if (list == NULL)
        return loader_no_memory(l);
    memcpy(list, found, n * sizeof *list);
    m->services = list;
    m->n_services = n;
    return ERR_OK;
}

enum {
    MODEL_PROVIDER,
    MODEL_ID,
    MODEL_FAMILY,
    MODEL_MODE,
    MODEL_STATUS,
    MODEL_CONTEXT,
    MODEL_OUTPUT,
    MODEL_CAPS,
    MODEL_SERVICES,
    MODEL_PRICED,
    MODEL_FLAGS,
    MODEL_BASIS,
    MODEL_SHUTDOWN,
    MODEL_REPLACEMENT,
    MODEL_AGREEING,
    MODEL_NOTE,
};

static enum errc check_model(struct loader *l, struct catalog_model *m)
{
    static const char *const modes[] = {
        "chat",  "embedding", "realtime", "transcription", "speech",
        "image", "rerank",    "ocr",      "moderation",    NULL,
    };
    static const char *const statuses[] = {"active", "preview", "deprecated", "retired",
                                           NULL};
    static const char *const priced[] = {"priced", "listed_as_free", "zero_by_definition",
                                         "by_served_model", NULL};
    static const char *const flags[] = {"disputed", "boundary-disputed", NULL};
    unsigned set;
    int64_t ignored;
    enum errc rc = cell_word(l, MODEL_MODE, modes);
    if (rc == ERR_OK)
        rc = cell_word(l, MODEL_STATUS, statuses);
    if (rc == ERR_OK)
        rc = cell_count(l, MODEL_CONTEXT, &m->context_tok);
    if (rc == ERR_OK)
        rc = cell_count(l, MODEL_OUTPUT, &m->max_output_tok);
    if (rc == ERR_OK)
        rc = read_caps(l, MODEL_CAPS, m);
    if (rc == ERR_OK)
        rc = read_model_services(l, MODEL_SERVICES, m);
    if (rc == ERR_OK)
        rc = cell_word(l, MODEL_PRICED, priced);
    if (rc == ERR_OK)
        rc = cell_flags(l, MODEL_FLAGS, flags, &set);
    if (rc == ERR_OK)
        rc = cell_time(l, MODEL_SHUTDOWN, 0, &ignored);
    if (rc == ERR_OK)
        rc = cell_sources(l, MODEL_AGREEING);
    if (rc != ERR_OK)
        return rc;
    bool embeds = strcmp(l->cell[MODEL_MODE], "embedding") == 0;
    *(embeds ? &m->caps_yes : &m->caps_no) |= CAP_EMBEDDING;
    m->is_disputed = set & 1;
    m->is_boundary_disputed = set >> 1 & 1;
    return ERR_OK;
}

static enum errc read_model(struct loader *l)
{
    struct catalog_model *m = &l->models[l->n_models];
    *m = (struct catalog_model){
        .provider = l->cell[MODEL_PROVIDER],
        .model = l->cell[MODEL_ID],
        .family = l->cell[MODEL_FAMILY],
        .mode = l->cell[MODEL_MODE],
        .status = l->cell[MODEL_STATUS],
        .price_status = l->cell[MODEL_PRICED],
        .basis = l->cell[MODEL_BASIS],
        .shutdown = l->cell[MODEL_SHUTDOWN],
        .replacement = l->cell[MODEL_REPLACEMENT],
        .agreeing = l->cell[MODEL_AGREEING],
        .note = l->cell[MODEL_NOTE],
        .periods = &l->periods[l->n_periods],
        .aliases = &l->aliases[l->n_aliases],
        .fees = &l->fees[l->n_fees],
        .disputes = &l->disputes[l->n_disputes],
    };
    if (l->model != NULL &&
        catalog_compare(l->model, str_of(m->provider), str_of(m->model)) >= 0)
        return cell_bad(l, MODEL_ID, "\"%s/%s\" is out of order or there twice",
                        m->provider, m->model);
    enum errc rc = check_model(l, m);
    if (rc != ERR_OK)
        return rc;
    l->n_models++;
    l->model = m;
    l->period = NULL;
    return ERR_OK;
}

static enum errc read_alias(struct loader *l)
{
    enum { ALIAS = 2 };
    enum errc rc = cell_owner(l);
    if (rc != ERR_OK)
        return rc;
    l->aliases[l->n_aliases++] = l->cell[ALIAS];
    l->model->n_aliases++;
    return ERR_OK;
}

static enum errc read_fee(struct loader *l)
{
    enum { NAME = 2, USD };
    static const char *const names[] = {
        "web_search",        "file_search",        "x_search",        "code_execution",
        "attachment_search", "collections_search", "grounding_query", "grounded_request",
        "request_low",       "request_medium",     "request_high",    NULL,
    };
    struct catalog_fee *f = &l->fees[l->n_fees];
    enum errc rc = cell_owner(l);
    if (rc == ERR_OK)
        rc = cell_word(l, NAME, names);
    if (rc != ERR_OK)
        return rc;
    *f = (struct catalog_fee){.name = l->cell[NAME]};
    if (num_decimal(str_of(l->cell[USD]), 12, false, false, &f->usd) != ERR_OK ||
        f->usd < 0)
        return cell_bad(l, USD, "\"%s\" is no exact price", l->cell[USD]);
    l->n_fees++;
    l->model->n_fees++;
    return ERR_OK;
}

static enum errc read_price(struct loader *l)
{
    enum { FROM = 2, TO, DATES, PRICES, SOURCES, NOTE };
    static const char *const dates[] = {"effective",   "release", "first_seen",
                                        "approximate", "unknown", NULL};
    struct catalog_period *p = &l->periods[l->n_periods];
    enum errc rc = cell_owner(l);
    if (rc != ERR_OK)
        return rc;
    *p = (struct catalog_period){
        .from = l->cell[FROM],
        .to = l->cell[TO],
        .dates = l->cell[DATES],
        .sources = l->cell[SOURCES],
        .note = l->cell[NOTE],
        .bands = &l->bands[l->n_bands],
    };
    rc = cell_span(l, FROM, &p->from_us, &p->to_us);
    if (rc == ERR_OK && l->period != NULL && p->from_us < l->period->to_us)
        rc = cell_bad(l, FROM, "\"%s\" is before the end of the period above",
                      p->from != NULL ? p->from : "-");
    if (rc == ERR_OK)
        rc = cell_word(l, DATES, dates);
    if (rc == ERR_OK)
        rc = cell_prices(l, PRICES, &p->prices);
    if (rc == ERR_OK)
        rc = cell_sources(l, SOURCES);
    if (rc != ERR_OK)
        return rc;
    l->n_periods++;
    l->model->n_periods++;
    l->period = p;
    return ERR_OK;
}

/* Bands and peaks follow the period that they are of. */
static enum errc cell_period(struct loader *l, size_t column)
{
    const char *from = l->cell[column];
    enum errc rc = cell_owner(l);
    if (rc == ERR_OK &&
        (l->period == NULL || (from == NULL) != (l->period->from == NULL) ||
         (from != NULL && strcmp(from, l->period->from) != 0)))
        rc = cell_bad(l, column, "is not the begin of the price above");
    return rc;
}

static enum errc read_band(struct loader *l)
{
    enum { FROM = 2, LIMIT, PRICES };
    struct catalog_band *b = &l->bands[l->n_bands];
    enum errc rc = cell_period(l, FROM);
    if (rc != ERR_OK)
        return rc;
    struct str limit = str_of(l->cell[LIMIT]);
    *b = (struct catalog_band){.label = l->cell[LIMIT]};
    b->inclusive = str_starts(limit, STR(">="));
    if (!str_starts(limit, STR(">")) ||
        num_i64(str_sub(limit, b->inclusive ? 2 : 1, limit.len), 1, INT64_MAX,
                &b->limit_tok) != ERR_OK)
        return cell_bad(l, LIMIT, "\"%s\" is no limit such as >272000", b->label);
    if (l->period->n_bands > 0 && b->limit_tok <= b[-1].limit_tok)
        return cell_bad(l, LIMIT, "\"%s\" is not above the band before", b->label);
    rc = cell_prices(l, PRICES, &b->prices);
    if (rc != ERR_OK)
        return rc;
    l->n_bands++;
    l->period->n_bands++;
    return ERR_OK;
}

/* "01:00" in microseconds of the day; "24:00" is its end. */
static bool read_hour(struct str s, int64_t *ret_us)
{
    int64_t hour, minute;
    if (s.len != 5 || s.ptr[2] != ':' ||
        num_i64(str_sub(s, 0, 2), 0, 24, &hour) != ERR_OK ||
        num_i64(str_sub(s, 3, 2), 0, 59, &minute) != ERR_OK ||
        hour * 60 + minute > 24 * 60)
        return false;
    *ret_us = hour * US_PER_HOUR + minute * US_PER_MIN;
    return true;
}

static enum errc read_hours(struct loader *l, size_t column, struct catalog_peak *p)
{
    struct str rest = str_of(l->cell[column]), range;
    while (str_split(&rest, ' ', &range)) {
        size_t i = p->n_hours, dash = str_find(range, '-');
        if (i == CATALOG_HOURS ||
            !read_hour(str_sub(range, 0, dash), &p->hours[i].from_us) ||
            !read_hour(str_sub(range, dash + 1, range.len), &p->hours[i].to_us) ||
            p->hours[i].from_us >= p->hours[i].to_us)
            return cell_bad(l, column, "\"%.*s\" is no range such as 01:00-04:00",
                            STR_ARG(range));
        p->n_hours++;
    }
    return ERR_OK;
}

static enum errc read_peak(struct loader *l)
{
    enum { FROM = 2, DAYS, OFFSET, HOLIDAYS, HOURS, PRICES };
    static const char *const days[] = {"every", "mon-fri", NULL};
    enum errc rc = cell_period(l, FROM);
    if (rc != ERR_OK)
        return rc;
    if (l->period->peak != NULL)
        return cell_bad(l, FROM, "the period has a peak already");
    struct catalog_peak *p = ARENA_NEW(&l->c->arena, struct catalog_peak);
    if (p == NULL)
        return loader_no_memory(l);
    p->mon_fri = strcmp(l->cell[DAYS], "mon-fri") == 0;
    p->holidays = l->cell[HOLIDAYS];
    struct str offset = str_of(l->cell[OFFSET]);
    bool west = str_starts(offset, STR("-"));
    if ((!west && !str_starts(offset, STR("+"))) ||
        !read_hour(str_sub(offset, 1, offset.len), &p->day_offset_us))
        return cell_bad(l, OFFSET, "\"%s\" is no offset such as +08:00", l->cell[OFFSET]);
    if (west)
        p->day_offset_us = -p->day_offset_us;
    rc = cell_word(l, DAYS, days);
    if (rc == ERR_OK)
        rc = read_hours(l, HOURS, p);
    if (rc == ERR_OK)
        rc = cell_prices(l, PRICES, &p->prices);
    if (rc == ERR_OK)
        l->period->peak = p;
    return rc;
}

static enum errc read_dispute(struct loader *l)
{
    enum { COMPONENT = 2, CHOSEN, SOURCES, OTHERS };
    enum errc rc = cell_owner(l);
    if (rc == ERR_OK)
        rc = cell_sources(l, SOURCES);
    if (rc != ERR_OK)
        return rc;
    l->disputes[l->n_disputes++] = (struct catalog_dispute){
        .component = l->cell[COMPONENT],
        .chosen = l->cell[CHOSEN],
        .sources = l->cell[SOURCES],
        .others = l->cell[OTHERS],
    };
    l->model->n_disputes++;
    return ERR_OK;
}

const struct row_kind catalog_row_kinds[ROW_N_] = {
    [ROW_DATE] = {"date", read_date, {"day"}},
    [ROW_SOURCE] = {"source", read_source, {"name", "kind", "read", "where"}},
    [ROW_HOLIDAY] = {"holiday", read_holiday, {"calendar", "day"}},
    [ROW_RULE] = {"rule",
                  read_rule,
                  {"provider", "default model?", "cache read", "cache write", "reasoning",
                   "ratios?", "flags?", "sources?", "note?"}},
    [ROW_SERVICE] = {"service",
                     read_service,
                     {"provider", "id", "ratio?", "on?", "from?", "to?", "flags?",
                      "prices?", "sources", "note?"}},
    [ROW_MODEL] = {"model",
                   read_model,
                   {"provider", "model", "family?", "mode", "status", "context?",
                    "max output?", "capabilities?", "services?", "priced", "flags?",
                    "basis", "shutdown?", "replacement?", "agreeing?", "note?"}},
    [ROW_ALIAS] = {"alias", read_alias, {"provider", "model", "alias"}},
    [ROW_FEE] = {"fee", read_fee, {"provider", "model", "name", "usd"}},
    [ROW_PRICE] = {"price",
                   read_price,
                   {"provider", "model", "from?", "to?", "dates", "prices?", "sources",
                    "note?"}},
    [ROW_BAND] = {"band", read_band, {"provider", "model", "from?", "limit", "prices"}},
    [ROW_PEAK] = {"peak",
                  read_peak,
                  {"provider", "model", "from?", "days", "offset", "holidays?", "hours",
                   "prices"}},
    [ROW_DISPUTE] = {"dispute",
                     read_dispute,
                     {"provider", "model", "component", "chosen", "sources", "others"}},
};
