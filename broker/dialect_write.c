/*
 * dialect_write.c: what the encoders of requests share: refusals, drops, tool ids, images, schemas.
 */
#include <stdio.h>
#include <string.h>

#include "core/map.h"
#include "core/num.h"

#include "broker/dialect_priv.h"

void refuse(struct request_writer *w, const char *field, const char *why)
{
    if (w->rc != ERR_OK)
        return;
    w->rc = field_error(w->e, field, "%s", why);
    w->e->origin = ERR_BY_GATEWAY;
}

void drop(struct request_writer *w, const char *field)
{
    struct dropped *d = w->dropped;
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->names[i], field) == 0)
            return;
    if (d->n < ARRAY_LEN(d->names))
        d->names[d->n++] = field;
}

bool target_is(const struct target_caps *t, const char *kind)
{
    return strcmp(t->kind->kind, kind) == 0;
}

void write_taken(struct jw *w, const char *key, struct buf *b)
{
    jw_kstr(w, key, buf_str(b));
    if (buf_err(b) != ERR_OK)
        w->out->fail = buf_err(b);
    buf_release(b);
}

bool turn_has(const struct msg_turn *t, bool (*is)(const struct msg_part *p))
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (is(&t->parts[i]))
            return true;
    return false;
}

const char *claude_display(bool is_silent, enum msg_thoughts wish)
{
    bool is_hidden = wish == MSG_THOUGHTS_HIDDEN;
    if (is_hidden == is_silent)
        return NULL;
    return is_hidden ? "omitted" : "summarized";
}

int64_t claude_budget(const struct msg_request *m, int64_t cap_tok)
{
    enum { LEAST = 1024 };
    static const int64_t budgets[] = {
        [MSG_EFFORT_UNSET] = 0,       [MSG_EFFORT_NONE] = 0,
        [MSG_EFFORT_MINIMAL] = LEAST, [MSG_EFFORT_LOW] = 2048,
        [MSG_EFFORT_MEDIUM] = 8192,   [MSG_EFFORT_HIGH] = 16384,
        [MSG_EFFORT_XHIGH] = 32768,   [MSG_EFFORT_MAX] = INT64_MAX,
    };
    int64_t budget = budgets[m->effort];
    if (budget > 0 && m->budget_tok > 0)
        budget = m->budget_tok;
    if (cap_tok > 0)
        budget = MIN(budget, cap_tok - 1);
    return budget >= LEAST && budget < INT64_MAX ? budget : 0;
}

void drop_cache(struct request_writer *w, struct str ttl)
{
    if (ttl.len > 0)
        drop(w, "cache_control");
}

void refuse_logprobs(struct request_writer *w)
{
    if (w->m->logprobs)
        refuse(w, "logprobs", "the target does not tell them");
}

void refuse_audio(struct request_writer *w)
{
    if (w->m->audio_out)
        refuse(w, "modalities", "the target cannot speak");
}

void refuse_unsayable(struct request_writer *w)
{
    refuse_logprobs(w);
    refuse_audio(w);
}

bool take_media(struct request_writer *w, const struct msg_part *p, struct msg_part *ret)
{
    const char *field = p->kind == MSG_IMAGE ? "image_url" : "file";
    const char *why =
        "the target fetches nothing from the web: send the data, or have the "
        "broker fetch it over https: broker.fetch-host lists hosts";
    *ret = *p;
    if (p->url.len == 0)
        return true;
    for (size_t i = 0; i < w->t->n_media; i++) {
        const struct media *m = &w->t->media[i];
        bool is_image = str_starts(m->mime, STR("image/"));
        if (!str_eq(m->url, p->url))
            continue;
        ret->url = STR_NONE;
        ret->mime = m->mime;
        ret->data = m->data;
        if (m->why == NULL && is_image == (p->kind == MSG_IMAGE))
            return true;
        why = m->why != NULL ? m->why
              : is_image     ? "what its URL leads to is an image"
                             : "what its URL leads to is a PDF";
    }
    refuse(w, field, why);
    return false;
}

void refuse_choices(struct request_writer *w)
{
    if (w->m->n > 1)
        refuse(w, "n", "the target gives one choice");
}

void drop_ignored(struct request_writer *w)
{
    for (size_t i = 0; i < w->m->n_ignored; i++)
        drop(w, w->m->ignored[i]);
}

size_t first_turn(const struct msg_request *m)
{
    size_t i = 0;
    while (i < m->n_turns && m->turns[i].role == MSG_SYSTEM)
        i++;
    return i;
}

enum errc request_end(struct request_writer *w)
{
    if (w->rc == ERR_OK && buf_err(w->w.out) != ERR_OK)
        w->rc = err_set(w->e, buf_err(w->w.out), "no room for the request body");
    return w->rc;
}

void write_clamped(struct jw *w, const char *key, struct str number, int64_t min_u,
                   int64_t max_u)
{
    int64_t v;
    if (number.len == 0)
        return;
    jw_key(w, key);
    if (num_decimal(number, 6, true, true, &v) != ERR_OK)
        v = str_starts(number, STR("-")) ? min_u : max_u;
    if (v >= min_u && v <= max_u)
        jw_raw(w, number);
    else
        jw_i64(w, (v < min_u ? min_u : max_u) / 1000000);
}

void write_sampling_rows(struct request_writer *w, const struct sampling_row *rows,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].is_taken)
            write_clamped(&w->w, rows[i].key, rows[i].number, 0, rows[i].max_u);
        else if (rows[i].number.len > 0)
            drop(w, rows[i].key);
    }
}

bool is_blank(struct str s)
{
    return str_trim(s).len == 0;
}

struct str media_mime(struct str data)
{
    const struct msg_part image = {.data = data};
    return str_starts(data, STR("JVBERi0")) /* "%PDF-" */ ? STR("application/pdf")
                                                          : image_mime(&image);
}

struct str image_mime(const struct msg_part *p)
{
    static const struct {
        struct str magic, mime;
    } rows[] = {
        {{"iVBORw0KGgo", 11}, {"image/png", 9}},
        {{"/9j/", 4}, {"image/jpeg", 10}},
        {{"R0lGOD", 6}, {"image/gif", 9}},
        {{"UklGR", 5}, {"image/webp", 10}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_starts(p->data, rows[i].magic))
            return rows[i].mime;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq(p->mime, rows[i].mime))
            return p->mime;
    return STR_NONE;
}

void format_words(struct request_writer *w, struct buf *out)
{
    const struct msg_request *m = w->m;
    w->dropped->is_schema_cut = true; /* nobody but the model itself keeps to it */
    buf_addz(out, out->len > 0 ? "\n\n" : "");
    buf_addz(out, "Answer with one JSON object and nothing else.");
    if (m->schema.len > 0) {
        buf_addz(out, " It must be valid under this JSON Schema: ");
        buf_adds(out, m->schema);
    }
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void fit_tool_id(struct str id, bool alnum, size_t max, char out[TOOL_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static const uint64_t seed[2] = {0, 0};
    bool fits = alnum ? id.len == max : id.len > 0 && id.len <= max;
    for (size_t i = 0; i < id.len && fits; i++)
        fits = is_alnum(id.ptr[i]) || (!alnum && (id.ptr[i] == '_' || id.ptr[i] == '-'));
    if (fits) {
        snprintf(out, TOOL_ID_LEN + 1, "%.*s", STR_ARG(id));
        return;
    }
    uint64_t hash = map_hash(seed, id);
    if (!alnum) {
        snprintf(out, TOOL_ID_LEN + 1, "call_%016llx", (unsigned long long)hash);
        return;
    }
    for (size_t i = 0; i < max; i++, hash /= 36)
        out[i] = digits[hash % 36];
    out[max] = '\0';
}

void write_args(struct jw *w, struct str args)
{
    struct err ignored = ERR_INIT;
    struct str trimmed = str_trim(args);
    if (trimmed.len == 0) {
        jw_raw(w, STR("{}"));
    } else if (trimmed.ptr[0] == '{' && jscan_check(trimmed, &ignored) == ERR_OK) {
        jw_raw(w, trimmed);
    } else {
        jw_object(w);
        jw_kstr(w, "_raw", args);
        jw_object_end(w);
    }
}

/* ---- JSON Schema ---- */

enum keyword_what {
    KEYWORD_OTHER,  /* copied */
    KEYWORD_MAP,    /* its members are schemas */
    KEYWORD_SCHEMA, /* a schema, or true or false */
    KEYWORD_LIST,   /* its elements are schemas */
    KEYWORD_CLOSES, /* additionalProperties */
    KEYWORD_CONST,  /* an enum of one where that is better known */
};

/*
 * Sources: JSON Schema 2020-12; Anthropic build-with-claude/structured-outputs (2026-08);
 * ai.google.dev/api/generate-content, responseJsonSchema (2026-08).
 */
/* clang-format off */
static const struct keyword {
    const char *name;
    enum keyword_what what;
    unsigned goes;       /* the rules that take it out */
    const char *dropped; /* its name when it goes; NULL: nothing is lost */
} keywords[] = {
    {"properties", KEYWORD_MAP, 0, NULL},
    {"$defs", KEYWORD_MAP, SCHEMA_INLINE, NULL},
    {"definitions", KEYWORD_MAP, SCHEMA_INLINE, NULL},
    {"$schema", KEYWORD_OTHER, SCHEMA_SUBSET, NULL},
    {"items", KEYWORD_SCHEMA, 0, NULL},
    {"anyOf", KEYWORD_LIST, 0, NULL},
    {"oneOf", KEYWORD_LIST, 0, NULL},
    {"prefixItems", KEYWORD_LIST, 0, NULL},
    {"additionalProperties", KEYWORD_CLOSES, 0, NULL},
    {"const", KEYWORD_CONST, 0, NULL},
    {"allOf", KEYWORD_LIST, SCHEMA_SUBSET, "schema.allOf"},
    {"not", KEYWORD_SCHEMA, SCHEMA_SUBSET, "schema.not"},
    {"if", KEYWORD_SCHEMA, SCHEMA_SUBSET, "schema.if"},
    {"then", KEYWORD_SCHEMA, SCHEMA_SUBSET, "schema.then"},
    {"else", KEYWORD_SCHEMA, SCHEMA_SUBSET, "schema.else"},
    {"contains", KEYWORD_SCHEMA, SCHEMA_SUBSET, "schema.contains"},
    {"patternProperties", KEYWORD_MAP, SCHEMA_SUBSET, "schema.patternProperties"},
    {"propertyNames", KEYWORD_SCHEMA, SCHEMA_SUBSET, "schema.propertyNames"},
    {"dependentRequired", KEYWORD_OTHER, SCHEMA_SUBSET, "schema.dependentRequired"},
    {"pattern", KEYWORD_OTHER, SCHEMA_SUBSET, "schema.pattern"},
    {"default", KEYWORD_OTHER, SCHEMA_SUBSET, "schema.default"},
    {"examples", KEYWORD_OTHER, SCHEMA_SUBSET, "schema.examples"},
    {"minimum", KEYWORD_OTHER, SCHEMA_BARE, "schema.minimum"},
    {"maximum", KEYWORD_OTHER, SCHEMA_BARE, "schema.maximum"},
    {"maxItems", KEYWORD_OTHER, SCHEMA_BARE, "schema.maxItems"},
    {"exclusiveMinimum", KEYWORD_OTHER, SCHEMA_BARE | SCHEMA_SUBSET, "schema.exclusiveMinimum"},
    {"exclusiveMaximum", KEYWORD_OTHER, SCHEMA_BARE | SCHEMA_SUBSET, "schema.exclusiveMaximum"},
    {"multipleOf", KEYWORD_OTHER, SCHEMA_BARE | SCHEMA_SUBSET, "schema.multipleOf"},
    {"minLength", KEYWORD_OTHER, SCHEMA_BARE | SCHEMA_SUBSET, "schema.minLength"},
    {"maxLength", KEYWORD_OTHER, SCHEMA_BARE | SCHEMA_SUBSET, "schema.maxLength"},
    {"uniqueItems", KEYWORD_OTHER, SCHEMA_BARE | SCHEMA_SUBSET, "schema.uniqueItems"},
};
/* clang-format on */

static const struct keyword *keyword_find(struct str key)
{
    static const struct keyword other = {NULL, KEYWORD_OTHER, 0, NULL};
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (str_eqz(key, keywords[i].name))
            return &keywords[i];
    return &other;
}

/* A schema that is nested deeper, once its definitions are in place, is taken for recursive. */
enum { SCHEMA_DEPTH = 32 };

/* One schema, or a container of schemas, being rewritten. */
struct schema_job {
    struct request_writer *w;
    struct str text;
    unsigned rules;
    struct buf *out;
    unsigned depth;
    bool is_cut;
};

static void write_schema(struct schema_job *j, struct jspan v);

static void write_schema_key(struct schema_job *j, struct str key, size_t *n)
{
    buf_printf(j->out, "%s\"", (*n)++ > 0 ? "," : "");
    buf_adds(j->out, key);
    buf_addz(j->out, "\":");
}

static void write_schema_map(struct schema_job *j, struct jspan map)
{
    struct jspan v;
    struct str key;
    size_t it = 0, n = 0;
    buf_addc(j->out, '{');
    while (jscan_member(j->text, map, &it, &key, &v)) {
        write_schema_key(j, key, &n);
        write_schema(j, v);
    }
    buf_addc(j->out, '}');
}

static void write_schema_list(struct schema_job *j, struct jspan list)
{
    struct jspan v;
    size_t it = 0, n = 0;
    buf_addc(j->out, '[');
    while (jscan_next(j->text, list, &it, &v)) {
        buf_addz(j->out, n++ > 0 ? "," : "");
        write_schema(j, v);
    }
    buf_addc(j->out, ']');
}

static void write_keyword(struct schema_job *j, const struct keyword *k, struct str key,
                          struct jspan v, size_t *n)
{
    if (k->what == KEYWORD_CONST && (j->rules & SCHEMA_SUBSET) != 0) {
        write_schema_key(j, STR("enum"), n);
        buf_printf(j->out, "[%.*s]", STR_ARG(jscan_text(j->text, v)));
        return;
    }
    write_schema_key(j, key, n);
    if (k->what == KEYWORD_MAP && v.kind == J_OBJECT)
        write_schema_map(j, v);
    else if (k->what == KEYWORD_LIST && v.kind == J_ARRAY)
        write_schema_list(j, v);
    else if (k->what == KEYWORD_SCHEMA || k->what == KEYWORD_CLOSES)
        write_schema(j, v);
    else
        buf_adds(j->out, jscan_text(j->text, v));
}

static bool is_object_schema(struct str text, struct jspan v)
{
    return jscan_is(text, jscan_get(text, v, "type"), "object") ||
           json_is_set(jscan_get(text, v, "properties"));
}

/* What "#/$defs/NAME" stands for; the root for anything else, which ends as recursion. */
static struct jspan definition_of(struct schema_job *j, struct jspan ref)
{
    static const char *const places[] = {"$defs", "definitions"};
    struct jspan root = jscan_root(j->text);
    char path[160], name[160];
    json_copy(j->text, ref, path, sizeof path);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        size_t len = (size_t)snprintf(name, sizeof name, "#/%s/", places[i]);
        if (!str_starts(str_of(path), str_of(name)))
            continue;
        struct jspan defs = jscan_get(j->text, root, places[i]);
        struct jspan v = jscan_get(j->text, defs, path + len);
        if (v.kind != J_NONE)
            return v;
    }
    return root;
}

/* A schema that this one only points to: a $ref, or an allOf of one. */
static struct jspan base_of(struct schema_job *j, struct jspan v)
{
    struct jspan ref = jscan_get(j->text, v, "$ref"), one, second;
    struct jspan all = jscan_get(j->text, v, "allOf");
    size_t it = 0;
    if ((j->rules & SCHEMA_INLINE) != 0 && ref.kind == J_STRING)
        return definition_of(j, ref);
    if ((j->rules & SCHEMA_SUBSET) != 0 && all.kind == J_ARRAY &&
        jscan_next(j->text, all, &it, &one) && !jscan_next(j->text, all, &it, &second))
        return one;
    return (struct jspan){0};
}

static bool has_member(struct str text, struct jspan object, struct str key)
{
    struct jspan v;
    struct str other;
    size_t it = 0;
    while (object.kind == J_OBJECT && jscan_member(text, object, &it, &other, &v))
        if (str_eq(key, other))
            return true;
    return false;
}

/* The members of `v`, but for those that `over` has too; n counts what stands there. */
static void write_members(struct schema_job *j, struct jspan v, struct jspan over,
                          size_t *n)
{
    struct jspan base = base_of(j, v), member;
    bool close = (j->rules & SCHEMA_CLOSE) != 0 && is_object_schema(j->text, v);
    struct str key;
    size_t it = 0;
    if (++j->depth > SCHEMA_DEPTH)
        refuse(j->w, "schema", "is recursive, or nested too deep for this target");
    /* definitions that hold each other twice can grow without end: the body's cap ends that */
    while (j->w->rc == ERR_OK && buf_err(j->out) == ERR_OK &&
           jscan_member(j->text, v, &it, &key, &member)) {
        const struct keyword *k = keyword_find(key);
        if (base.kind != J_NONE && (str_eqz(key, "$ref") || str_eqz(key, "allOf")))
            continue;
        if ((k->goes & j->rules) != 0) {
            if (k->dropped != NULL)
                drop(j->w, k->dropped);
            j->is_cut |= k->dropped != NULL;
            continue;
        }
        if ((k->what == KEYWORD_CLOSES && close) || has_member(j->text, over, key))
            continue;
        write_keyword(j, k, key, member, n);
    }
    if (close) {
        write_schema_key(j, STR("additionalProperties"), n);
        buf_addz(j->out, "false");
    }
    if (base.kind == J_OBJECT && j->w->rc == ERR_OK)
        write_members(j, base, v, n);
    j->depth--;
}

static void write_schema(struct schema_job *j, struct jspan v)
{
    size_t n = 0;
    if (v.kind != J_OBJECT) {
        buf_adds(j->out, jscan_text(j->text, v));
        return;
    }
    buf_addc(j->out, '{');
    write_members(j, v, (struct jspan){0}, &n);
    buf_addc(j->out, '}');
}

bool schema_write(struct request_writer *w, struct str schema, unsigned rules,
                  struct buf *out)
{
    struct schema_job j = {.w = w, .text = schema, .rules = rules, .out = out};
    if (schema.len > 0)
        write_schema(&j, jscan_root(schema));
    return j.is_cut;
}

void answer_schema_write(struct request_writer *w, unsigned rules, struct buf *out)
{
    if (schema_write(w, w->m->schema, rules, out))
        w->dropped->is_schema_cut = true;
}

static bool requires_all(struct str text, struct jspan v)
{
    struct jspan properties = jscan_get(text, v, "properties"), member, name;
    struct jspan required = jscan_get(text, v, "required");
    struct str key;
    size_t it = 0;
    while (jscan_member(text, properties, &it, &key, &member)) {
        bool found = false;
        size_t at = 0;
        while (required.kind == J_ARRAY && !found &&
               jscan_next(text, required, &at, &name))
            found = name.kind == J_STRING && str_eq(jscan_inside(text, name), key);
        if (!found)
            return false;
    }
    return true;
}

static bool is_strict(struct str text, struct jspan v)
{
    if (is_object_schema(text, v) &&
        (jscan_get(text, v, "additionalProperties").kind != J_FALSE ||
         !requires_all(text, v)))
        return false;
    struct jspan member, inner;
    struct str key;
    size_t it = 0;
    while (v.kind == J_OBJECT && jscan_member(text, v, &it, &key, &member)) {
        enum keyword_what what = keyword_find(key)->what;
        size_t at = 0;
        if (what == KEYWORD_SCHEMA && !is_strict(text, member))
            return false;
        while (what == KEYWORD_MAP && jscan_member(text, member, &at, &key, &inner))
            if (!is_strict(text, inner))
                return false;
        while (what == KEYWORD_LIST && jscan_next(text, member, &at, &inner))
            if (!is_strict(text, inner))
                return false;
    }
    return true;
}

bool schema_is_strict(struct str schema)
{
    return schema.len > 0 && is_strict(schema, jscan_root(schema));
}
