/* agree.c: see agree.h. */
#include "cmd/agree.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/jscan.h"
#include "core/jsonx.h"
#include "core/mem.h"

#include "cmd/code.h"
#include "cmd/words.h"

static const char *const metric_names[AGREE_N_] = {
    [AGREE_EXACT] = "exact",       [AGREE_NORM] = "norm",   [AGREE_JSON] = "json",
    [AGREE_CONTAINS] = "contains", [AGREE_ROUGE] = "rouge", [AGREE_CMD] = "cmd",
};

const char *agree_metric_name(enum agree_metric m)
{
    return metric_names[m];
}

bool agree_metric_by_name(struct str s, enum agree_metric *ret)
{
    for (unsigned i = 0; i < ARRAY_LEN(metric_names); i++) {
        if (str_eqz(s, metric_names[i])) {
            *ret = (enum agree_metric)i;
            return true;
        }
    }
    return false;
}

/* White space as Unicode has it, after NFKC has folded most of it to U+0020. */
static bool is_space(utf8proc_int32_t c)
{
    utf8proc_category_t cat = utf8proc_category(c);
    return (c >= 9 && c <= 13) || cat == UTF8PROC_CATEGORY_ZS ||
           cat == UTF8PROC_CATEGORY_ZL || cat == UTF8PROC_CATEGORY_ZP;
}

/* Appends s with runs of white space as one blank, none at the ends. */
static void squeeze(struct str s, struct buf *out)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s.ptr;
    size_t start = out->len;
    bool pending = false;
    for (size_t at = 0; at < s.len;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate(p + at, (utf8proc_ssize_t)(s.len - at), &c);
        size_t len = n > 0 ? (size_t)n : 1;
        if (n > 0 && is_space(c)) {
            pending = out->len > start;
        } else {
            if (pending)
                buf_addc(out, ' ');
            pending = false;
            buf_add(out, s.ptr + at, len);
        }
        at += len;
    }
}

/* Appends the normalised text; what is no UTF-8 stays as it is. */
static void normalise(struct str s, struct buf *out)
{
    enum {
        FOLD = UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STABLE
    };
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)s.ptr, (utf8proc_ssize_t)s.len, &folded,
                     (utf8proc_option_t)FOLD);
    if (n < 0) {
        squeeze(s, out);
        return;
    }
    squeeze((struct str){(const char *)folded, (size_t)n}, out);
    mem_free(folded); /* utf8proc allocates with malloc, which is what mem_free frees */
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void canonical(struct json_object *v, struct buf *out, unsigned depth);

static void canonical_object(struct json_object *o, struct buf *out, unsigned depth)
{
    size_t n = 0, len = (size_t)json_object_object_length(o);
    const char **keys = mem_alloc(len, sizeof *keys);
    if (keys == NULL) {
        out->fail = ERR_MEMORY;
        return;
    }
    struct json_object_iterator it = json_object_iter_begin(o),
                                end = json_object_iter_end(o);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
        keys[n++] = json_object_iter_peek_name(&it);
    qsort(keys, n, sizeof *keys, by_key);
    buf_addc(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(out, ',');
        json_quote(out, str_of(keys[i]));
        buf_addc(out, ':');
        canonical(json_object_object_get(o, keys[i]), out, depth + 1);
    }
    buf_addc(out, '}');
    mem_free(keys);
}

/* Compact JSON with sorted keys, so that two spellings of one object compare equal. */
static void canonical(struct json_object *v, struct buf *out, unsigned depth)
{
    if (depth > LIMIT_JSON_DEPTH)
        return;
    if (json_object_is_type(v, json_type_object)) {
        canonical_object(v, out, depth);
    } else if (json_object_is_type(v, json_type_array)) {
        buf_addc(out, '[');
        for (size_t i = 0; i < json_object_array_length(v); i++) {
            if (i > 0)
                buf_addc(out, ',');
            canonical(json_object_array_get_idx(v, i), out, depth + 1);
        }
        buf_addc(out, ']');
    } else {
        buf_addz(out, json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
    }
}

/* The value, from the text as it stands or from its first fence; NULL when it is none. */
static struct json_object *parse(struct str s)
{
    AUTO(buf_release) struct buf code = BUF_INIT(LIMIT_REPLY_LEN);
    struct json_object *v = NULL;
    struct err ignored = ERR_INIT;
    if (jx_parse(str_trim(s), &v, &ignored) == ERR_OK)
        return v;
    if (code_find(s, 1, &code) && jx_parse(buf_str(&code), &v, &ignored) == ERR_OK)
        return v;
    return NULL;
}

bool agree_is_json(struct str s)
{
    AUTO(jx_put) struct json_object *v = parse(s);
    return v != NULL;
}

static bool same_json(struct str a, struct str b)
{
    AUTO(jx_put) struct json_object *va = parse(a);
    AUTO(jx_put) struct json_object *vb = parse(b);
    AUTO(buf_release) struct buf ta = BUF_INIT(2 * LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf tb = BUF_INIT(2 * LIMIT_REPLY_LEN);
    if (va == NULL || vb == NULL)
        return false;
    canonical(va, &ta, 0);
    canonical(vb, &tb, 0);
    return buf_err(&ta) == ERR_OK && buf_err(&tb) == ERR_OK &&
           str_eq(buf_str(&ta), buf_str(&tb));
}

enum { WORDS_LEN = 64 * 1024 * 1024 }; /* bytes for the words of two answers */

int64_t agree_rouge_ppm(struct str a, struct str b)
{
    struct arena arena;
    struct words wa, wb;
    struct err ignored = ERR_INIT;
    size_t common = 0, all = 0;
    arena_init(&arena, WORDS_LEN);
    if (words_split(a, false, &arena, &wa, &ignored) == ERR_OK &&
        words_split(b, false, &arena, &wb, &ignored) == ERR_OK &&
        words_common(&wa, &wb, &common, &ignored) == ERR_OK)
        all = MIN(wa.n, (size_t)WORDS_MAX) + MIN(wb.n, (size_t)WORDS_MAX);
    arena_release(&arena);
    return all == 0 ? 0 : (int64_t)(2 * common * 1000000 / all);
}

bool agree(enum agree_metric m, struct str recorded, struct str answer)
{
    if (m == AGREE_EXACT || str_eq(recorded, answer))
        return str_eq(recorded, answer);
    if (m == AGREE_JSON)
        return same_json(recorded, answer);
    AUTO(buf_release) struct buf a = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(buf_release) struct buf b = BUF_INIT(LIMIT_REPLY_LEN);
    normalise(recorded, &a);
    normalise(answer, &b);
    if (buf_err(&a) != ERR_OK || buf_err(&b) != ERR_OK)
        return false;
    if (m == AGREE_CONTAINS)
        return str_contains(buf_str(&b), buf_str(&a));
    if (m == AGREE_ROUGE)
        return agree_rouge_ppm(buf_str(&a), buf_str(&b)) >= AGREE_ROUGE_PPM;
    return str_eq(buf_str(&a), buf_str(&b));
}

/* "format", however it is called: anything but text is JSON of some kind. */
static bool is_json_format(struct str request, struct jspan format)
{
    return format.kind == J_OBJECT &&
           !jscan_is(request, jscan_get(request, format, "type"), "text");
}

/*
 * Source: OpenAI, "Structured model outputs", of Chat Completions and Responses, and Anthropic,
 * "Structured outputs"; 2026-10.
 */
enum agree_metric agree_preset(struct str request)
{
    struct jfield f[] = {{.name = "response_format"},
                         {.name = "output_format"},
                         {.name = "output_config"},
                         {.name = "text"}};
    struct err ignored = ERR_INIT;
    if (jscan_object(request, f, ARRAY_LEN(f), &ignored) != ERR_OK)
        return AGREE_NORM;
    bool asks = is_json_format(request, f[0].value) ||
                is_json_format(request, f[1].value) ||
                is_json_format(request, jscan_get(request, f[2].value, "format")) ||
                is_json_format(request, jscan_get(request, f[3].value, "format"));
    return asks ? AGREE_JSON : AGREE_NORM;
}

static void add_call(struct buf *out, struct str name, struct json_object *args)
{
    if (out->len > 0 && out->data[out->len - 1] != '\n')
        buf_addc(out, '\n');
    buf_printf(out, "tool %.*s ", STR_ARG(name));
    canonical(args, out, 0);
    buf_addc(out, '\n');
}

/* choices[0].message of Chat Completions; arguments are a string that should hold JSON. */
static void openai_answer(struct json_object *message, struct buf *out)
{
    buf_adds(out, jx_str(message, "content"));
    buf_adds(out, jx_str(message, "refusal"));
    struct json_object *calls = jx_arr(message, "tool_calls");
    for (size_t i = 0; calls != NULL && i < json_object_array_length(calls); i++) {
        struct json_object *f = jx_obj(json_object_array_get_idx(calls, i), "function");
        AUTO(jx_put) struct json_object *args = NULL;
        struct err ignored = ERR_INIT;
        struct str text = jx_str(f, "arguments");
        if (jx_parse(text, &args, &ignored) == ERR_OK)
            add_call(out, jx_str(f, "name"), args);
        else
            buf_printf(out, "\ntool %.*s %.*s\n", STR_ARG(jx_str(f, "name")),
                       STR_ARG(text));
    }
}

/* content[] of Messages. */
static void anthropic_answer(struct json_object *content, struct buf *out)
{
    for (size_t i = 0; i < json_object_array_length(content); i++) {
        struct json_object *block = json_object_array_get_idx(content, i);
        if (str_eqz(jx_str(block, "type"), "text"))
            buf_adds(out, jx_str(block, "text"));
        else if (str_eqz(jx_str(block, "type"), "tool_use"))
            add_call(out, jx_str(block, "name"), jx_get(block, "input"));
    }
}

enum errc agree_answer(struct str json, struct buf *out, struct err *e)
{
    AUTO(jx_put) struct json_object *root = NULL;
    enum errc rc = jx_parse(json, &root, e);
    if (rc != ERR_OK)
        return rc;
    struct json_object *choices = jx_arr(root, "choices"),
                       *content = jx_arr(root, "content");
    if (choices != NULL && json_object_array_length(choices) > 0)
        openai_answer(jx_obj(json_object_array_get_idx(choices, 0), "message"), out);
    else if (content != NULL)
        anthropic_answer(content, out);
    else
        return err_set(e, ERR_SYNTAX, "no answer of a known dialect");
    return buf_err(out) == ERR_OK ? ERR_OK : err_set(e, buf_err(out), "answer too long");
}
