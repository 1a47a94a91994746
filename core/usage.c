/*
 * usage.c: what a request used, in disjoint classes: sums over them, and back to clients in their
 * own shapes. What providers report is read in usage_parse.c. Knows no prices.
 */
#include "core/usage.h"

#include <string.h>

#include "core/jsonx.h"
#include "core/money.h"

_Static_assert(USAGE_N_ <= 32, "usage.known has one bit per class");

static const char *const class_names[] = {
#define CLASS_NAME(e, name) [USAGE_##e] = (name),
    USAGE_CLASSES(CLASS_NAME)
#undef CLASS_NAME
};

static const char *const wire_names[] = {
#define WIRE_NAME(e, name) [USAGE_WIRE_##e] = (name),
    USAGE_WIRES(WIRE_NAME)
#undef WIRE_NAME
};

/* --- the record --- */

void usage_init(struct usage *u)
{
    *u = (struct usage){.reported_pico = PICO_UNKNOWN};
}

void usage_none(struct usage *u)
{
    *u = (struct usage){.reported_pico = 0};
}

void usage_set(struct usage *u, enum usage_class c, int64_t n)
{
    u->n[c] = n;
    u->known |= (uint32_t)1 << c;
}

bool usage_has(const struct usage *u, enum usage_class c)
{
    return u->known >> c & 1;
}

const char *usage_class_name(enum usage_class c)
{
    return (unsigned)c < USAGE_N_ ? class_names[c] : "unknown";
}

enum usage_class usage_class_by_name(struct str name)
{
    unsigned i = 0;
    while (i < USAGE_N_ && !str_eqz(name, class_names[i]))
        i++;
    return (enum usage_class)i;
}

const char *usage_wire_name(enum usage_wire w)
{
    return (unsigned)w < USAGE_WIRE_N_ ? wire_names[w] : "unknown";
}

enum usage_wire usage_wire_by_name(struct str name)
{
    unsigned i = 0;
    while (i < USAGE_WIRE_N_ && !str_eqz(name, wire_names[i]))
        i++;
    return (enum usage_wire)i;
}

static int64_t sum(const struct usage *u, const enum usage_class *classes, size_t n)
{
    int64_t all = 0;
    for (size_t i = 0; i < n; i++)
        if (__builtin_add_overflow(all, u->n[classes[i]], &all))
            return INT64_MAX;
    return all;
}

int64_t usage_input_tok(const struct usage *u)
{
    static const enum usage_class in[] = {
        USAGE_INPUT,          USAGE_CACHE_READ,
        USAGE_CACHE_WRITE_5M, USAGE_CACHE_WRITE_30M,
        USAGE_CACHE_WRITE_1H, USAGE_CACHE_WRITE_12H,
        USAGE_AUDIO_IN,       USAGE_AUDIO_CACHE_READ,
        USAGE_IMAGE_IN,       USAGE_IMAGE_CACHE_READ,
        USAGE_VIDEO_IN,
    };
    return sum(u, in, ARRAY_LEN(in));
}

int64_t usage_output_tok(const struct usage *u)
{
    static const enum usage_class out[] = {
        USAGE_OUTPUT,
        USAGE_REASONING,
        USAGE_AUDIO_OUT,
        USAGE_IMAGE_OUT,
    };
    return sum(u, out, ARRAY_LEN(out));
}

int64_t usage_cached_tok(const struct usage *u)
{
    static const enum usage_class cached[] = {
        USAGE_CACHE_READ,
        USAGE_AUDIO_CACHE_READ,
        USAGE_IMAGE_CACHE_READ,
    };
    return sum(u, cached, ARRAY_LEN(cached));
}

int64_t usage_written_tok(const struct usage *u)
{
    static const enum usage_class writes[] = {
        USAGE_CACHE_WRITE_5M,
        USAGE_CACHE_WRITE_30M,
        USAGE_CACHE_WRITE_1H,
        USAGE_CACHE_WRITE_12H,
    };
    return sum(u, writes, ARRAY_LEN(writes));
}

void usage_update(struct usage *u, const struct usage *newer)
{
    for (unsigned c = 0; c < USAGE_N_; c++)
        if (usage_has(newer, (enum usage_class)c))
            usage_set(u, (enum usage_class)c, newer->n[c]);
    if (newer->reported_pico != PICO_UNKNOWN)
        u->reported_pico = newer->reported_pico;
    u->estimated = newer->estimated;
    u->explicit_cache |= newer->explicit_cache;
}

void usage_add(struct usage *u, const struct usage *more)
{
    for (unsigned c = 0; c < USAGE_N_; c++)
        if (__builtin_add_overflow(u->n[c], more->n[c], &u->n[c]))
            u->n[c] = INT64_MAX;
    u->known |= more->known;
    u->estimated |= more->estimated;
    u->explicit_cache |= more->explicit_cache;
    if (u->reported_pico == PICO_UNKNOWN || more->reported_pico == PICO_UNKNOWN ||
        money_add(u->reported_pico, more->reported_pico, &u->reported_pico) != ERR_OK)
        u->reported_pico = PICO_UNKNOWN;
}

/* --- writing --- */

void usage_write_openai(const struct usage *u, struct buf *out)
{
    struct jw w;
    int64_t prompt = usage_input_tok(u), completion = usage_output_tok(u);
    jw_init(&w, out);
    jw_object(&w);
    jw_ki64(&w, "prompt_tokens", prompt);
    jw_ki64(&w, "completion_tokens", completion);
    jw_ki64(&w, "total_tokens", prompt + completion);
    jw_key(&w, "prompt_tokens_details");
    jw_object(&w);
    jw_ki64(&w, "cached_tokens", usage_cached_tok(u));
    if (usage_written_tok(u) > 0)
        jw_ki64(&w, "cache_write_tokens", usage_written_tok(u));
    if (usage_has(u, USAGE_AUDIO_IN))
        jw_ki64(&w, "audio_tokens", u->n[USAGE_AUDIO_IN] + u->n[USAGE_AUDIO_CACHE_READ]);
    jw_object_end(&w);
    jw_key(&w, "completion_tokens_details");
    jw_object(&w);
    jw_ki64(&w, "reasoning_tokens", u->n[USAGE_REASONING]);
    if (usage_has(u, USAGE_AUDIO_OUT))
        jw_ki64(&w, "audio_tokens", u->n[USAGE_AUDIO_OUT]);
    jw_object_end(&w);
    jw_object_end(&w);
}

/* All details are required there. Source: OpenAPI file of 2026-08-21, ResponseUsage. */
void usage_write_responses(const struct usage *u, struct buf *out)
{
    struct jw w;
    int64_t input = usage_input_tok(u), output = usage_output_tok(u);
    jw_init(&w, out);
    jw_object(&w);
    jw_ki64(&w, "input_tokens", input);
    jw_key(&w, "input_tokens_details");
    jw_object(&w);
    jw_ki64(&w, "cached_tokens", usage_cached_tok(u));
    jw_ki64(&w, "cache_write_tokens", usage_written_tok(u));
    jw_object_end(&w);
    jw_ki64(&w, "output_tokens", output);
    jw_key(&w, "output_tokens_details");
    jw_object(&w);
    jw_ki64(&w, "reasoning_tokens", u->n[USAGE_REASONING]);
    jw_object_end(&w);
    jw_ki64(&w, "total_tokens", input + output);
    jw_object_end(&w);
}

void usage_write_anthropic(const struct usage *u, struct buf *out)
{
    struct jw w;
    int64_t cached = usage_cached_tok(u), written = usage_written_tok(u);
    int64_t hour = u->n[USAGE_CACHE_WRITE_1H] + u->n[USAGE_CACHE_WRITE_12H];
    jw_init(&w, out);
    jw_object(&w);
    jw_ki64(&w, "input_tokens", usage_input_tok(u) - cached - written);
    jw_ki64(&w, "cache_creation_input_tokens", written);
    jw_ki64(&w, "cache_read_input_tokens", cached);
    jw_key(&w, "cache_creation");
    jw_object(&w);
    jw_ki64(&w, "ephemeral_5m_input_tokens", written - hour);
    jw_ki64(&w, "ephemeral_1h_input_tokens", hour);
    jw_object_end(&w);
    jw_ki64(&w, "output_tokens", usage_output_tok(u));
    jw_object_end(&w);
}

/* The names need no quoting: one of these objects is made for each row of the ledger. */
void usage_write_classes(const struct usage *u, struct buf *out)
{
    static const struct str keys[] = {
#define KEY(e, name) {"\"" name "\":", sizeof("\"" name "\":") - 1},
        USAGE_CLASSES(KEY)
#undef KEY
    };
    char before = '{';
    for (unsigned c = 0; c < USAGE_N_; c++) {
        if (!usage_has(u, (enum usage_class)c))
            continue;
        buf_addc(out, before);
        buf_adds(out, keys[c]);
        buf_addi(out, u->n[c]);
        before = ',';
    }
    buf_addz(out, before == '{' ? "{}" : "}");
}
