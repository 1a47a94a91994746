/*
 * dialect_read.c: typed members of a client's body into an arena, with the path in errors.
 */
#include <stdio.h>
#include <string.h>

#include "broker/dialect_priv.h"

enum errc reader_open(struct reader *r, struct str body, const struct jcheck *check,
                      const char *const *names, struct jfield *fields, size_t n,
                      struct arena *a, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        fields[i] = (struct jfield){.name = names[i]};
    enum errc rc = body_fields(body, check, fields, n, e);
    if (rc != ERR_OK)
        return rc;
    *r = (struct reader){.text = body, .arena = a, .e = e};
    r->root = check != NULL ? jcheck_root(check) : jscan_root(body);
    return ERR_OK;
}

enum errc reader_end(struct reader *r)
{
    if (r->rc == ERR_OK && arena_is_broken(r->arena))
        r->rc = err_set(r->e, arena_err(r->arena), "no room to read the body");
    return r->rc;
}

static void path_add(struct reader *r, const char *text)
{
    size_t len = MIN(strlen(text), sizeof r->path - 1 - r->path_len);
    memcpy(r->path + r->path_len, text, len);
    r->path_len += len;
    r->path[r->path_len] = '\0';
}

size_t read_enter(struct reader *r, const char *fmt, ...)
{
    size_t mark = r->path_len;
    char step[80];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(step, sizeof step, fmt, ap);
    va_end(ap);
    path_add(r, step);
    path_add(r, ".");
    return mark;
}

void read_leave(struct reader *r, size_t mark)
{
    r->path_len = mark;
    r->path[mark] = '\0';
}

void read_fail(struct reader *r, const char *name, const char *fmt, ...)
{
    if (r->rc != ERR_OK)
        return;
    char why[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    size_t mark = r->path_len;
    if (name[0] != '\0')
        path_add(r, name);
    else if (mark > 0) /* the object itself: without the dot */
        r->path[mark - 1] = '\0';
    r->rc = field_error(r->e, r->path, "%s", why);
    read_leave(r, mark);
    if (mark > 0)
        r->path[mark - 1] = '.';
}

void read_foreign(struct reader *r, const char *name, const char *why)
{
    if (r->rc != ERR_OK)
        return;
    read_fail(r, name, "%s", why);
    r->e->origin = ERR_BY_GATEWAY;
}

/* Must be of this kind unless absent or null; true when there is a value to read. */
static bool is_readable(struct reader *r, const struct jfield *f, enum jkind kind)
{
    if (r->rc != ERR_OK || !json_is_set(f->value))
        return false;
    if (f->value.kind == kind)
        return true;
    read_fail(r, f->name, "must be %s, not %s", json_kind_name(kind),
              json_kind_name(f->value.kind));
    return false;
}

bool read_fields(struct reader *r, struct jspan v, struct jfield *f, size_t n)
{
    if (r->rc != ERR_OK)
        return false;
    if (jscan_fields(r->text, v, f, n))
        return true;
    read_fail(r, "", "must be an object");
    return false;
}

struct str read_string(struct reader *r, struct jspan v)
{
    struct str inside = jscan_inside(r->text, v);
    if (str_find(inside, '\\') == inside.len)
        return inside;
    char *decoded = arena_alloc(r->arena, inside.len, 1);
    return decoded == NULL ? STR_NONE
                           : (struct str){decoded, jscan_decode(r->text, v, decoded)};
}

struct str read_taken(struct reader *r, struct buf *b)
{
    struct str s = arena_str(r->arena, buf_str(b));
    if (buf_err(b) != ERR_OK && r->rc == ERR_OK)
        r->rc = err_set(r->e, buf_err(b), "no room to read the body");
    buf_release(b);
    return s;
}

struct str read_str(struct reader *r, const struct jfield *f)
{
    return is_readable(r, f, J_STRING) ? read_string(r, f->value) : STR_NONE;
}

struct str read_need_str(struct reader *r, const struct jfield *f)
{
    if (!json_is_set(f->value))
        read_fail(r, f->name, "is required");
    return read_str(r, f);
}

struct str read_raw(struct reader *r, const struct jfield *f, enum jkind kind)
{
    if (!is_readable(r, f, kind))
        return STR_NONE;
    return jscan_text(r->text, f->value);
}

struct str read_number(struct reader *r, const struct jfield *f)
{
    return read_raw(r, f, J_NUMBER);
}

int read_bool(struct reader *r, const struct jfield *f)
{
    if (json_is_set(f->value) && f->value.kind == J_FALSE)
        return 0;
    return is_readable(r, f, J_TRUE) ? 1 : -1;
}

int64_t read_i64(struct reader *r, const struct jfield *f, int64_t min, int64_t max,
                 int64_t other)
{
    int64_t v = other;
    if (is_readable(r, f, J_NUMBER) && !jscan_i64(r->text, f->value, min, max, &v))
        read_fail(r, f->name, "must be an integer from %lld to %lld", (long long)min,
                  (long long)max);
    return v;
}

size_t read_array(struct reader *r, const struct jfield *f)
{
    size_t n = 0, it = 0;
    struct jspan v;
    if (is_readable(r, f, J_ARRAY))
        while (jscan_next(r->text, f->value, &it, &v))
            n++;
    return n;
}

int read_word(struct reader *r, const struct jfield *f, const char *const *words,
              size_t n)
{
    if (!is_readable(r, f, J_STRING))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (jscan_is(r->text, f->value, words[i]))
            return (int)i;
    struct str word = jscan_text(r->text, f->value);
    char why[80];
    snprintf(why, sizeof why, "%.*s is not known here", (int)str_utf8_prefix(word, 40),
             word.ptr);
    read_foreign(r, f->name, why);
    return -1;
}

void ignore_field(struct msg_request *m, const char *name)
{
    for (size_t i = 0; i < m->n_ignored; i++)
        if (strcmp(m->ignored[i], name) == 0)
            return;
    if (m->n_ignored < MSG_IGNORED)
        m->ignored[m->n_ignored++] = name;
}

/* A name that may stand in a header. */
static bool is_plain_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return name.len > 0 && name.len <= 64;
}

void read_ignored(struct reader *r, struct msg_request *m, const char *const *known,
                  size_t n)
{
    struct jspan v;
    struct str key;
    size_t it = 0;
    while (jscan_member(r->text, r->root, &it, &key, &v)) {
        bool is_known = !json_is_set(v) || !is_plain_name(key);
        for (size_t i = 0; i < n && !is_known; i++)
            is_known = str_eqz(key, known[i]);
        if (!is_known)
            ignore_field(m, arena_strz(r->arena, key));
    }
}

static bool is_named(const struct str *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

void read_allowed(struct reader *r, const struct jfield *list,
                  struct str (*name_of)(struct reader *r, struct jspan v),
                  struct msg_request *m)
{
    size_t n = read_array(r, list), n_names = 0, it = 0;
    struct str *names = ARENA_ARRAY(r->arena, n, struct str);
    struct msg_tool *kept = ARENA_ARRAY(r->arena, m->n_tools, struct msg_tool);
    struct jspan v;
    while (names != NULL && r->rc == ERR_OK &&
           jscan_next(r->text, list->value, &it, &v)) {
        struct jfield type = {.name = "type"}; /* name_of() reads the rest */
        size_t mark = read_enter(r, "%s[%zu]", list->name, n_names);
        if (read_fields(r, v, &type, 1))
            names[n_names++] = name_of(r, v);
        read_leave(r, mark);
    }
    if (kept == NULL || names == NULL)
        return;
    m->all_tools = m->tools;
    m->n_all_tools = m->n_tools;
    m->tools = kept;
    m->n_tools = 0;
    for (size_t i = 0; i < m->n_all_tools; i++)
        if (is_named(names, n_names, m->all_tools[i].name))
            kept[m->n_tools++] = m->all_tools[i];
}

bool read_data_url(struct str url, struct str *ret_mime, struct str *ret_data)
{
    static const char marker[] = ";base64,";
    size_t at = str_search(url, STR(";base64,"));
    if (!str_starts(url, STR("data:")) || at == url.len)
        return false;
    *ret_mime = str_sub(url, 5, at - 5);
    *ret_data = str_sub(url, at + sizeof marker - 1, url.len);
    return true;
}
