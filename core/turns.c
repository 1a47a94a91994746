/* turns.c: see turns.h. */
#include "core/turns.h"

static void add_string(struct str text, struct jspan at, size_t start, struct buf *out)
{
    if (out->len > start)
        buf_addz(out, "\n\n");
    (void)!jscan_string(text, at, out);
}

/* A string, or parts: strings, objects with `text`, results of tools with content of their own. */
static void add_content(struct str text, struct jspan content, unsigned depth,
                        size_t start, struct buf *out)
{
    enum { DEPTH = 4 }; /* a result within a part within a message: 3 */
    struct jspan part;
    size_t it = 0;
    if (depth > DEPTH)
        return;
    if (content.kind == J_STRING) {
        add_string(text, content, start, out);
    } else if (content.kind == J_OBJECT) {
        struct jfield f[] = {{.name = "text"}, {.name = "content"}, {.name = "output"}};
        if (!jscan_fields(text, content, f, ARRAY_LEN(f)))
            return;
        for (size_t i = 0; i < ARRAY_LEN(f); i++)
            if (f[i].value.kind == J_STRING || f[i].value.kind == J_ARRAY)
                add_content(text, f[i].value, depth + 1, start, out);
    } else if (content.kind == J_ARRAY) {
        while (jscan_next(text, content, &it, &part))
            add_content(text, part, depth + 1, start, out);
    }
}

void turns_text(struct str request, struct jspan content, struct buf *out)
{
    add_content(request, content, 0, out->len, out);
}

static void each_message(struct str request, struct jspan messages, turns_fn *fn,
                         void *arg)
{
    struct jspan one;
    size_t it = 0;
    while (jscan_next(request, messages, &it, &one)) {
        struct jfield f[] = {{.name = "role"}, {.name = "content"}, {.name = "type"}};
        if (one.kind == J_STRING) {
            fn(arg, STR("user"), one);
            continue;
        }
        if (!jscan_fields(request, one, f, ARRAY_LEN(f)))
            continue;
        if (f[0].value.kind == J_STRING)
            fn(arg, jscan_inside(request, f[0].value), f[1].value);
        else if (jscan_is(request, f[2].value, "function_call_output"))
            fn(arg, STR("tool"), one);
    }
}

void turns_each(struct str request, turns_fn *fn, void *arg)
{
    enum { SYSTEM, INSTRUCTIONS, MESSAGES, INPUT, N_FIELDS };
    struct jfield f[N_FIELDS] = {[SYSTEM] = {.name = "system"},
                                 [INSTRUCTIONS] = {.name = "instructions"},
                                 [MESSAGES] = {.name = "messages"},
                                 [INPUT] = {.name = "input"}};
    struct err ignored = ERR_INIT;
    if (jscan_object(request, f, N_FIELDS, &ignored) != ERR_OK)
        return;
    for (int i = SYSTEM; i <= INSTRUCTIONS; i++)
        if (f[i].value.kind == J_STRING || f[i].value.kind == J_ARRAY)
            fn(arg, STR("system"), f[i].value);
    if (f[INPUT].value.kind == J_STRING)
        fn(arg, STR("user"), f[INPUT].value);
    for (int i = MESSAGES; i <= INPUT; i++)
        if (f[i].value.kind == J_ARRAY)
            each_message(request, f[i].value, fn, arg);
}

/* ---- what is new ---- */

struct fresh {
    struct str request;
    struct buf *out;
    size_t n, after; /* messages seen; the first behind the last answer */
    bool is_writing;
};

static bool is_one_of(struct str s, const char *a, const char *b)
{
    return str_eqz(s, a) || str_eqz(s, b);
}

static void on_turn(void *arg, struct str role, struct jspan content)
{
    struct fresh *f = arg;
    size_t at = f->n++;
    if (!f->is_writing && is_one_of(role, "assistant", "model"))
        f->after = f->n;
    if (!f->is_writing || at < f->after || is_one_of(role, "system", "developer"))
        return;
    size_t before = f->out->len;
    if (before > 0)
        buf_addz(f->out, "\n\n");
    size_t start = f->out->len;
    turns_text(f->request, content, f->out);
    if (f->out->len == start) /* nothing but an image, perhaps */
        buf_truncate(f->out, before);
}

void turns_new(struct str request, struct buf *out)
{
    struct fresh f = {.request = request, .out = out};
    turns_each(request, on_turn, &f);
    f.n = 0;
    f.is_writing = true;
    turns_each(request, on_turn, &f);
}

void turns_title(struct str request, struct buf *out)
{
    AUTO(buf_release) struct buf said = BUF_INIT(LIMIT_BODY_LEN);
    turns_new(request, &said);
    struct str line = str_trim(buf_str(&said));
    line = str_trim(str_sub(line, 0, str_find(line, '\n')));
    buf_adds(out, str_sub(line, 0, str_utf8_prefix(line, TURNS_TITLE_LEN)));
}
