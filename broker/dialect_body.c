/*
 * dialect_body.c: a client's body read strictly, and spliced; small readers of raw JSON.
 *
 * Shared by all dialects; knows no field of any of them.
 */
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"
#include "core/map.h"

#include "broker/dialect_priv.h"

/* ---- reading raw JSON ---- */

bool json_is_set(struct jspan s)
{
    return s.kind != J_NONE && s.kind != J_NULL;
}

bool json_is_empty(struct str text, struct jspan s)
{
    return s.len >= 2 && str_trim(str_sub(text, s.pos + 1, s.len - 2)).len == 0;
}

void copy_str(char *out, size_t size, struct str s)
{
    size_t len = str_utf8_prefix(s, size - 1);
    if (len > 0)
        memcpy(out, s.ptr, len);
    out[len] = '\0';
}

void json_copy(struct str text, struct jspan s, char *out, size_t size)
{
    struct buf decoded = BUF_INIT(LIMIT_REPLY_LEN);
    struct str v = STR_NONE;
    if (s.kind == J_NUMBER) {
        v = jscan_text(text, s);
    } else if (s.kind == J_STRING) {
        v = jscan_inside(text, s);
        if (str_find(v, '\\') < v.len)
            v = jscan_string(text, s, &decoded) == ERR_OK ? buf_str(&decoded) : STR_NONE;
    }
    copy_str(out, size, v);
    buf_release(&decoded);
}

/* Bytes of UTF-8 that the \uXXXX at p becomes; a surrogate is half of four bytes. */
static size_t escaped_len(const char *p)
{
    static const char hex[] = "0123456789abcdef";
    unsigned code = 0;
    for (size_t i = 2; i < 6; i++)
        code = code * 16 + (unsigned)(strchr(hex, p[i] | 0x20) - hex);
    if (code < 0x80)
        return 1;
    return code < 0x800 || (code >= 0xD800 && code < 0xE000) ? 2 : 3;
}

size_t json_decoded_len(struct str text, struct jspan s)
{
    if (s.kind != J_STRING)
        return 0;
    struct str v = jscan_inside(text, s);
    size_t len = str_find(v, '\\');
    for (size_t i = len; i < v.len; len++) {
        if (v.ptr[i] != '\\') {
            i++;
        } else if (v.ptr[i + 1] != 'u') {
            i += 2;
        } else {
            len += escaped_len(v.ptr + i) - 1;
            i += 6;
        }
    }
    return len;
}

/* ---- a client's fields ---- */

enum errc field_error(struct err *e, const char *field, const char *fmt, ...)
{
    char why[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    err_set(e, ERR_INVALID, "%s: %s", field, why);
    e->origin = ERR_BY_CLIENT;
    e->field_len = strlen(field);
    return ERR_INVALID;
}

const char *json_kind_name(enum jkind k)
{
    switch (k) {
    case J_NONE:
        return "nothing";
    case J_NULL:
        return "null";
    case J_FALSE:
    case J_TRUE:
        return "a boolean";
    case J_NUMBER:
        return "a number";
    case J_STRING:
        return "a string";
    case J_OBJECT:
        return "an object";
    case J_ARRAY:
        return "an array";
    }
    return "nothing";
}

enum errc field_kind(const struct jfield *f, enum jkind kind, struct err *e)
{
    if (!json_is_set(f->value) || f->value.kind == kind)
        return ERR_OK;
    return field_error(e, f->name, "must be %s, not %s", json_kind_name(kind),
                       json_kind_name(f->value.kind));
}

enum errc field_bool(const struct jfield *f, bool *ret, struct err *e)
{
    if (!json_is_set(f->value))
        return ERR_OK;
    if (f->value.kind != J_TRUE && f->value.kind != J_FALSE)
        return field_kind(f, J_TRUE, e);
    *ret = f->value.kind == J_TRUE;
    return ERR_OK;
}

enum errc field_i64(struct str text, const struct jfield *f, int64_t min, int64_t max,
                    int64_t *ret, struct err *e)
{
    if (!json_is_set(f->value))
        return ERR_OK;
    enum errc rc = field_kind(f, J_NUMBER, e);
    if (rc != ERR_OK)
        return rc;
    if (!jscan_i64(text, f->value, min, max, ret))
        return field_error(e, f->name, "must be an integer from %lld to %lld",
                           (long long)min, (long long)max);
    return ERR_OK;
}

enum errc field_model(struct str text, const struct jfield *f, struct body_facts *ret,
                      struct err *e)
{
    if (!json_is_set(f->value))
        return field_error(e, f->name, "is required");
    enum errc rc = field_kind(f, J_STRING, e);
    if (rc != ERR_OK)
        return rc;
    size_t len = json_decoded_len(text, f->value);
    if (len == 0 || len > LIMIT_NAME_LEN)
        return field_error(e, f->name, "must have 1 to %d bytes", LIMIT_NAME_LEN);
    json_copy(text, f->value, ret->model_name, sizeof ret->model_name);
    if (strlen(ret->model_name) != len)
        return field_error(e, f->name, "must not hold a NUL");
    ret->model = f->value;
    return ERR_OK;
}

enum errc body_fields(struct str body, const struct jcheck *check, struct jfield *fields,
                      size_t n, struct err *e)
{
    enum errc rc = check != NULL ? jcheck_fields(check, body, fields, n, e)
                                 : jscan_object(body, fields, n, e);
    if (rc == ERR_OK || rc == ERR_MEMORY)
        return rc;
    err_ctx(e, "the body is not valid JSON");
    e->code = ERR_INVALID;
    e->origin = ERR_BY_CLIENT;
    return ERR_INVALID;
}

enum errc body_facts_fields(struct str body, const struct jcheck *check,
                            const struct fact_field *rows, struct jfield *fields,
                            size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        fields[i].name = rows[i].name;
    enum errc rc = body_fields(body, check, fields, n, e);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        if (rows[i].kind != J_NONE)
            rc = field_kind(&fields[i], rows[i].kind, e);
    return rc;
}

void system_hash(struct str text, char out[17])
{
    /* a key of no secret: the same prompt must give the same name on every day */
    static const uint64_t seed[2] = {0, 0};
    out[0] = '\0';
    if (text.len > 0)
        snprintf(out, 17, "%016llx", (unsigned long long)map_hash(seed, text));
}

bool is_text_mime(struct str mime)
{
    static const char *const others[] = {"application/json", "application/xml",
                                         "application/yaml", "application/toml"};
    bool is_text = str_starts(mime, STR("text/"));
    for (size_t i = 0; i < ARRAY_LEN(others) && !is_text; i++)
        is_text = str_eqz(mime, others[i]);
    return is_text;
}

void file_facts(struct str body, struct jspan data, struct body_facts *f)
{
    struct str url = jscan_inside(body, data), prefix = STR("data:");
    bool is_data = data.kind == J_STRING && str_starts(url, prefix);
    struct str mime = is_data ? str_sub(url, prefix.len,
                                        str_find(str_sub(url, prefix.len, url.len), ';'))
                              : STR_NONE;
    if (is_text_mime(mime)) {
        f->prompt_len -= data.len / 4; /* as it stands in base64 */
        return;
    }
    f->needs |= CAP_PDF_IN;
    f->prompt_len -= data.len;
}

/* ---- splicing ---- */

enum errc body_own(struct str body, const char *name, own_item_fn *write, struct buf *out,
                   struct err *e)
{
    struct jspan array = jscan_get(body, jscan_root(body), name), item;
    size_t it = 0, n = 0;
    buf_adds(out, str_sub(body, 0, array.pos));
    buf_addc(out, '[');
    while (jscan_next(body, array, &it, &item)) {
        size_t before = out->len;
        buf_addz(out, n > 0 ? "," : "");
        if (write(body, item, out))
            n++;
        else
            buf_truncate(out, before);
    }
    buf_addc(out, ']');
    buf_adds(out, str_sub(body, array.pos + array.len, body.len));
    if (n == 0) {
        buf_reset(out);
        buf_adds(out, body);
    }
    enum errc rc = buf_err(out);
    return rc == ERR_OK ? ERR_OK : err_set(e, rc, "no room for the request body");
}

/* A place in order for a patch whose new text goes to the end of p->text. */
static struct patch *patch_at(struct patches *p, size_t pos, size_t old_len)
{
    size_t i = p->n++;
    for (; i > 0 && p->at[i - 1].pos > pos; i--)
        p->at[i] = p->at[i - 1];
    p->at[i] = (struct patch){.pos = pos, .old_len = old_len, .from = p->text.len};
    return &p->at[i];
}

void patches_add(struct patches *p, size_t pos, size_t old_len, const char *fmt, ...)
{
    struct patch *at = patch_at(p, pos, old_len);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&p->text, fmt, ap);
    va_end(ap);
    at->new_len = p->text.len - at->from;
}

void patches_add_quoted(struct patches *p, size_t pos, size_t old_len, struct str with)
{
    struct patch *at = patch_at(p, pos, old_len);
    json_quote(&p->text, with);
    at->new_len = p->text.len - at->from;
}

void patches_add_cap(struct patches *p, struct str body, const struct body_facts *f,
                     const struct body_edits *edits, const char *default_key)
{
    if (f->cap.kind == J_NONE) {
        const char *key = edits->cap_field != NULL ? edits->cap_field : default_key;
        if (edits->max_output_tok >= 0)
            patches_add(p, f->model.pos + f->model.len, 0, ",\"%s\":%lld", key,
                        (long long)edits->max_output_tok);
        return;
    }
    if (edits->cap_field != NULL)
        patches_add(p, f->cap_key_pos, json_key_len(body, f->cap_key_pos), "\"%s\"",
                    edits->cap_field);
    if (edits->max_output_tok >= 0)
        patches_add(p, f->cap.pos, f->cap.len, "%lld", (long long)edits->max_output_tok);
}

enum errc patches_apply(struct patches *p, struct str body, struct buf *text,
                        struct pieces *ret, struct err *e)
{
    size_t pos = 0;
    buf_release(text);
    *text = p->text;
    *ret = (struct pieces){.n = 0};
    for (size_t i = 0; i < p->n; i++) {
        pieces_add(ret, str_sub(body, pos, p->at[i].pos - pos));
        pieces_add(ret, str_sub(buf_str(text), p->at[i].from, p->at[i].new_len));
        pos = p->at[i].pos + p->at[i].old_len;
    }
    pieces_add(ret, str_sub(body, pos, body.len - pos));
    enum errc rc = buf_err(text);
    return rc == ERR_OK ? ERR_OK : err_set(e, rc, "no room for the request body");
}

enum errc patches_apply_copy(struct patches *p, struct str body, struct buf *text,
                             struct pieces *ret, struct err *e)
{
    AUTO(buf_release) struct buf patched = BUF_INIT(LIMIT_BODY_LEN);
    struct pieces pieces;
    enum errc rc = patches_apply(p, body, &patched, &pieces, e);
    buf_release(text);
    buf_init(text, LIMIT_BODY_LEN);
    if (rc == ERR_OK) {
        pieces_join(&pieces, text);
        rc = buf_err(text);
        if (rc != ERR_OK)
            err_set(e, rc, "no room for the request body");
    }
    *ret = (struct pieces){.n = 0};
    pieces_add(ret, buf_str(text));
    return rc;
}

size_t json_key_len(struct str text, size_t pos)
{
    size_t end = pos + 1;
    while (text.ptr[end] != '"')
        end += text.ptr[end] == '\\' ? 2 : 1;
    return end + 1 - pos;
}
