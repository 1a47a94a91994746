/*
 * estimate.c: bytes per token, learned.
 *
 * Owns the starting values and what was learned since. Must not know requests or prices.
 */
#include "broker/estimate.h"

#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "core/map.h"
#include "core/mem.h"

enum {
    /* a shorter text says more about its frame than about its language */
    LEARN_MIN_LEN = 256,
    /* each answer moves the value by 1/8 of its error */
    LEARN_SHARE = 8,
    /* thousandths of a byte per token; outside is a count of something else (images, caches) */
    MILLI_MIN = 700,
    MILLI_MAX = 16000,
    /* enough to tell scripts apart, little enough for every request */
    SAMPLES = 6,
    SAMPLE_LEN = 32,
    KEY_LEN = 2 * LIMIT_NAME_LEN + 32,
    /* nine of ten held-out texts are within so many mean distances of what was learned … */
    OFF_SPREAD = 3,
    /* … which is never more exact than this */
    OFF_MIN_MILLI = 20,
    /* what a provider puts around messages differs by some tokens, whatever the text */
    FRAME_TOK = 8,
};

/*
 * Thousandths of a byte per token, of the JSON text that holds a prompt.
 * Source: messages of git, apt and libraries in 20 languages, licences and sources as Debian 12
 * has them, counted with o200k_base (npm gpt-tokenizer 4.0.0) and with Anthropic's published
 * tokenizer (npm @anthropic-ai/tokenizer 0.0.4), 2026-11-25. tests/data/token_counts.tsv is the
 * held-out half. Gemini: o200k_base's, whose vocabulary is of a size; Google names about four
 * characters a token (ai.google.dev/gemini-api/docs/tokens, 2026-08). Cohere: the same, with a
 * vocabulary of 255,000 (docs.cohere.com, command-a). Bedrock: Anthropic's, whose models most
 * ask there.
 */
static const int64_t first_milli[DIALECT_N_][SCRIPT_N_] = {
    [DIALECT_OPENAI] = {[SCRIPT_LATIN] = 4070,
                        [SCRIPT_CODE] = 4050,
                        [SCRIPT_ALPHABETIC] = 5150,
                        [SCRIPT_CJK] = 3570},
    [DIALECT_ANTHROPIC] = {[SCRIPT_LATIN] = 3300,
                           [SCRIPT_CODE] = 3730,
                           [SCRIPT_ALPHABETIC] = 2520,
                           [SCRIPT_CJK] = 2720},
    [DIALECT_GEMINI] = {[SCRIPT_LATIN] = 4070,
                        [SCRIPT_CODE] = 4050,
                        [SCRIPT_ALPHABETIC] = 5150,
                        [SCRIPT_CJK] = 3570},
    [DIALECT_BEDROCK] = {[SCRIPT_LATIN] = 3300,
                         [SCRIPT_CODE] = 3730,
                         [SCRIPT_ALPHABETIC] = 2520,
                         [SCRIPT_CJK] = 2720},
    [DIALECT_COHERE] = {[SCRIPT_LATIN] = 4070,
                        [SCRIPT_CODE] = 4050,
                        [SCRIPT_ALPHABETIC] = 5150,
                        [SCRIPT_CJK] = 3570},
};

/*
 * How far nine of ten held-out texts are from what the starting values say, in thousandths of
 * it: of the counts above; test_estimate.c checks it. Nothing was counted with Gemini's tokenizer,
 * which is not published, with Cohere's and with those of Bedrock's models: as far as the worst.
 */
static const int64_t first_off_milli[DIALECT_N_][SCRIPT_N_] = {
    [DIALECT_OPENAI] = {[SCRIPT_LATIN] = 190,
                        [SCRIPT_CODE] = 165,
                        [SCRIPT_ALPHABETIC] = 220,
                        [SCRIPT_CJK] = 200},
    [DIALECT_ANTHROPIC] = {[SCRIPT_LATIN] = 360,
                           [SCRIPT_CODE] = 245,
                           [SCRIPT_ALPHABETIC] = 455,
                           [SCRIPT_CJK] = 230},
    [DIALECT_GEMINI] = {[SCRIPT_LATIN] = 455,
                        [SCRIPT_CODE] = 455,
                        [SCRIPT_ALPHABETIC] = 455,
                        [SCRIPT_CJK] = 455},
    [DIALECT_BEDROCK] = {[SCRIPT_LATIN] = 455,
                         [SCRIPT_CODE] = 455,
                         [SCRIPT_ALPHABETIC] = 455,
                         [SCRIPT_CJK] = 455},
    [DIALECT_COHERE] = {[SCRIPT_LATIN] = 455,
                        [SCRIPT_CODE] = 455,
                        [SCRIPT_ALPHABETIC] = 455,
                        [SCRIPT_CJK] = 455},
};

/* What a key's answers have taught. */
struct learned {
    int64_t milli; /* bytes per token, in thousandths */
    /* mean distance of the truth from the estimate, in its thousandths */
    int64_t off_milli;
    int64_t n; /* answers */
};

struct estimator {
    struct map learned; /* "PROVIDER FAMILY SCRIPT" → struct learned, owned */
};

enum errc estimator_new(struct estimator **ret, struct err *e)
{
    struct estimator *s = MEM_NEW(struct estimator);
    if (s == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the token estimator");
    map_init(&s->learned);
    *ret = s;
    return ERR_OK;
}

void estimator_free(struct estimator **sp)
{
    struct estimator *s = *sp;
    if (s == NULL)
        return;
    map_for_each (slot, &s->learned) {
        mem_free(slot->value);
    }
    map_release(&s->learned);
    mem_free(s);
    *sp = NULL;
}

/* ---- script classes ---- */

struct census {
    size_t latin, mark, alphabetic, cjk; /* bytes of each */
};

/* Ranges of code points. Source: Unicode 15.0, Blocks.txt. */
static void count_code(struct census *c, uint32_t code, size_t len)
{
    if (code < 0x250 || (code >= 0x1E00 && code < 0x1F00) ||
        (code >= 0x2000 && code < 0x2C00))
        c->latin += len;
    else if (code >= 0x2E80 && code < 0xFB00)
        c->cjk += len;
    else
        c->alphabetic += len;
}

/* ASCII digits, and marks that programs use more than prose does: a bit per character. */
static bool is_code_mark(uint32_t c)
{
    static const uint64_t marks[2] = {
        /* "#$%&()*+/0-9;<=> */ 0x7BFF8F7C00000000U,
        /* @[\\]^_{|}~ */ 0x78000000F8000001U,
    };
    return c < 128 && (marks[c / 64] >> (c % 64) & 1) != 0;
}

/* The code point at s[*i], which moves behind it; UTF-8 or a JSON escape of four hex digits. */
static uint32_t next_code(struct str s, size_t *i)
{
    unsigned char lead = (unsigned char)s.ptr[*i];
    size_t n = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = n == 1 ? lead : lead & (0x7FU >> n);
    if (lead == '\\' && *i + 6 <= s.len && s.ptr[*i + 1] == 'u') {
        static const char hex[] = "0123456789abcdef";
        for (size_t k = *i + 2; k < *i + 6; k++) {
            const char *digit = strchr(hex, s.ptr[k] | 0x20);
            code = k == *i + 2 ? 0 : code * 16;
            code += digit != NULL ? (uint32_t)(digit - hex) : 0;
        }
        *i += 6;
        return code;
    }
    for (size_t k = 1; k < n && *i + k < s.len; k++)
        code = code << 6 | ((unsigned char)s.ptr[*i + k] & 0x3F);
    *i = MIN(*i + n, s.len);
    return code;
}

static void count_sample(struct census *c, struct str s)
{
    size_t i = 0;
    while (i < s.len && ((unsigned char)s.ptr[i] & 0xC0) == 0x80)
        i++; /* the rest of a character that began before the sample */
    while (i < s.len) {
        unsigned char byte = (unsigned char)s.ptr[i];
        bool is_plain = byte < 0x80 && byte != '\\';
        uint32_t code = is_plain ? byte : next_code(s, &i);
        i += is_plain;
        if (is_code_mark(code))
            c->mark++;
        else
            count_code(c, code, code < 0x80 ? 1 : code < 0x800 ? 2 : 3);
    }
}

enum script estimate_script(struct str text)
{
    struct census c = {0};
    size_t step = MAX(text.len / SAMPLES, (size_t)SAMPLE_LEN);
    for (size_t at = 0; at < text.len; at += step)
        count_sample(&c, str_sub(text, at, SAMPLE_LEN));
    size_t all = c.latin + c.mark + c.alphabetic + c.cjk;
    if (c.cjk * 4 > all)
        return SCRIPT_CJK;
    if (c.alphabetic * 4 > all)
        return SCRIPT_ALPHABETIC;
    return c.mark * 10 >= all && all > 0 ? SCRIPT_CODE : SCRIPT_LATIN;
}

const char *script_name(enum script s)
{
    static const char *const names[SCRIPT_N_] = {"latin", "code", "alphabetic", "cjk"};
    return names[s];
}

/* ---- counting ---- */

static struct str key_text(const struct estimate_key *k, char out[KEY_LEN])
{
    const struct str parts[] = {k->provider, k->family, str_of(script_name(k->script))};
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts) && len < KEY_LEN - 2; i++) {
        len += str_copy(out + len, KEY_LEN - 1 - len, parts[i]);
        out[len++] = ' ';
    }
    return (struct str){out, len};
}

static struct learned *find(const struct estimator *s, const struct estimate_key *k)
{
    char text[KEY_LEN];
    return s->learned.n == 0 ? NULL : map_get(&s->learned, key_text(k, text));
}

static int64_t tok_of(size_t len, int64_t milli)
{
    return (int64_t)((i128)len * 1000 / milli) + 1;
}

int64_t estimate_tok(const struct estimator *s, const struct estimate_key *k, size_t len)
{
    const struct learned *l = find(s, k);
    return tok_of(len, l != NULL ? l->milli : first_milli[k->dialect][k->script]);
}

void estimate_range(const struct estimator *s, const struct estimate_key *k, size_t len,
                    struct estimate *ret)
{
    const struct learned *l = find(s, k);
    int64_t milli = l != NULL ? l->milli : first_milli[k->dialect][k->script];
    int64_t off_milli = l != NULL ? MAX(OFF_SPREAD * l->off_milli, OFF_MIN_MILLI)
                                  : first_off_milli[k->dialect][k->script];
    int64_t tok = tok_of(len, milli);
    int64_t off_tok = (int64_t)((i128)tok * off_milli / 1000) + FRAME_TOK;
    *ret = (struct estimate){.tok = tok,
                             .low_tok = MAX(1, tok - off_tok),
                             .high_tok = tok + off_tok,
                             .milli_len = milli,
                             .n_learned = l != NULL ? l->n : 0};
}

/* 1/8 of the way to what was seen. */
static void move(int64_t *value, int64_t seen)
{
    *value += (seen - *value) / LEARN_SHARE;
}

void estimate_learn(struct estimator *s, const struct estimate_key *k, size_t len,
                    int64_t tok)
{
    if (len < LEARN_MIN_LEN || tok <= 0)
        return;
    int64_t milli = (int64_t)((i128)len * 1000 / tok);
    if (milli < MILLI_MIN || milli > MILLI_MAX)
        return;
    struct learned *l = find(s, k);
    int64_t first = first_milli[k->dialect][k->script];
    int64_t guess = tok_of(len, l != NULL ? l->milli : first);
    int64_t off = tok > guess ? tok - guess : guess - tok;
    int64_t off_milli = (int64_t)((i128)off * 1000 / guess);
    if (l != NULL) {
        move(&l->milli, milli);
        move(&l->off_milli, off_milli);
        l->n++;
        return;
    }
    char text[KEY_LEN];
    l = MEM_NEW(struct learned);
    /* nothing learned without memory: the starting value stays */
    if (l == NULL || map_set(&s->learned, key_text(k, text), l) != ERR_OK) {
        mem_free(l);
        return;
    }
    /* the first true count weighs as much as ours */
    *l = (struct learned){first + (milli - first) / 2, off_milli / 2, 1};
}

/*
 * Sizes are not looked at, so the usual upper case counts.
 * Source: OpenAI images-vision guide (2026-10): 85 + 170 for each of the four 512-pixel tiles of
 * a 1024-pixel image; Anthropic vision page (2026-08): width × height / 750, at most about 1,600;
 * Gemini tokens page (2026-08): 258 for each of the four 768-pixel tiles of a 1024-pixel image;
 * Cohere says nothing of it: as Gemini; Bedrock: as Anthropic.
 */
int64_t estimate_image_tok(enum dialect d, size_t n_images)
{
    static const int64_t each[DIALECT_N_] = {[DIALECT_OPENAI] = 765,
                                             [DIALECT_ANTHROPIC] = 1600,
                                             [DIALECT_GEMINI] = 1032,
                                             [DIALECT_COHERE] = 1032,
                                             [DIALECT_BEDROCK] = 1600};
    return each[d] * (int64_t)n_images;
}
