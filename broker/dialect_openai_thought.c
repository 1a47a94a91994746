/*
 * dialect_openai_thought.c: see dialect_openai_thought.h.
 *
 * Sources: MiniMax, reasoning_split; Together, reasoning models (2026-11): older models tell their
 * thoughts in the text. OpenRouter, reasoning tokens (2026-11): a stream tells the text of one
 * detail in pieces of the same index, its signature in the last.
 */
#include "broker/dialect_openai_thought.h"

#include <string.h>

#include "core/limits.h"

static const struct str open_tag = {"<think>", 7}, close_tag = {"</think>", 8};

/* ---- tags ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void tell(tags_fn *fn, void *arg, bool is_thought, struct str text)
{
    if (text.len > 0)
        fn(arg, is_thought, text);
}

static struct str without_space(struct str s)
{
    size_t n = 0;
    while (n < s.len && is_space(s.ptr[n]))
        n++;
    return str_sub(s, n, s.len);
}

/* How many bytes of `text` were taken; the rest is for the next state. */
static size_t hear_before(struct tags *k, struct str text, tags_fn *fn, void *arg)
{
    for (size_t i = 0; i < text.len; i++) {
        k->held[k->n_held++] = text.ptr[i];
        struct str said = without_space((struct str){k->held, k->n_held});
        bool may_be = said.len <= open_tag.len && str_starts(open_tag, said);
        if (may_be && said.len == open_tag.len) {
            k->at = TAGS_OPENED;
            k->n_held = 0;
            return i + 1;
        }
        if (may_be && k->n_held < sizeof k->held)
            continue;
        tags_end(k, fn, arg);
        return i + 1;
    }
    return text.len;
}

static size_t hear_inside(struct tags *k, struct str text, tags_fn *fn, void *arg)
{
    size_t before = k->n_held; /* of the tag, in earlier pieces */
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != close_tag.ptr[k->n_held]) {
            tell(fn, arg, true, str_sub(close_tag, 0, before)); /* it was none */
            before = 0;
            k->n_held = text.ptr[i] == close_tag.ptr[0];
        } else if (++k->n_held == close_tag.len) {
            size_t in_text = close_tag.len - before;
            tell(fn, arg, true, str_sub(text, 0, i + 1 - in_text));
            k->at = TAGS_CLOSED;
            k->n_held = 0;
            return i + 1;
        }
    }
    tell(fn, arg, true, str_sub(text, 0, text.len - (k->n_held - before)));
    return text.len;
}

void tags_hear(struct tags *k, struct str text, tags_fn *fn, void *arg)
{
    while (text.len > 0) {
        size_t n = 0;
        switch (k->at) {
        case TAGS_BEFORE:
            n = hear_before(k, text, fn, arg);
            break;
        case TAGS_INSIDE:
            n = hear_inside(k, text, fn, arg);
            break;
        case TAGS_OPENED:
        case TAGS_CLOSED:
            n = text.len - without_space(text).len;
            if (n < text.len)
                k->at = k->at == TAGS_OPENED ? TAGS_INSIDE : TAGS_TEXT;
            break;
        case TAGS_TEXT:
            tell(fn, arg, false, text);
            n = text.len;
            break;
        }
        text = str_sub(text, n, text.len);
    }
}

void tags_end(struct tags *k, tags_fn *fn, void *arg)
{
    if (k->at == TAGS_BEFORE)
        tell(fn, arg, false, (struct str){k->held, k->n_held});
    else if (k->at == TAGS_INSIDE)
        tell(fn, arg, true, str_sub(close_tag, 0, k->n_held));
    k->n_held = 0;
    k->at = TAGS_TEXT;
}

/* ---- details ---- */

void details_init(struct details *d)
{
    *d = (struct details){.all = BUF_INIT(LIMIT_REPLY_LEN),
                          .open = BUF_INIT(LIMIT_REPLY_LEN),
                          .text = BUF_INIT(LIMIT_REPLY_LEN),
                          .mark = BUF_INIT(LIMIT_REPLY_LEN)};
}

void details_release(struct details *d)
{
    buf_release(&d->all);
    buf_release(&d->open);
    buf_release(&d->text);
    buf_release(&d->mark);
}

/* A signature that came later: in the place of its null, else before all the rest. */
static void put_mark(struct details *d)
{
    static const struct str member = {"\"signature\":,", 13};
    if (d->mark.len == 0)
        return;
    if (d->mark_at == 0)
        buf_splice(&d->open, 1, 0, member);
    buf_splice(&d->open, d->mark_at == 0 ? member.len : d->mark_at, d->mark_len,
               buf_str(&d->mark));
}

/* The one that is open is whole. */
static void close_detail(struct details *d)
{
    if (d->open.len == 0)
        return;
    bool is_mark_behind = d->mark_at > d->text_end; /* places before it stay right */
    if (is_mark_behind)
        put_mark(d);
    if (d->text_end > 0)
        buf_splice(&d->open, d->text_end, 0, buf_str(&d->text));
    if (!is_mark_behind)
        put_mark(d);
    buf_addz(&d->all, d->all.len > 0 ? "," : "");
    buf_adds(&d->all, buf_str(&d->open));
    d->has_failed |= buf_err(&d->open) != ERR_OK || buf_err(&d->text) != ERR_OK ||
                     buf_err(&d->mark) != ERR_OK || buf_err(&d->all) != ERR_OK;
    buf_reset(&d->open);
    buf_reset(&d->text);
    buf_reset(&d->mark);
}

enum { TYPE, INDEX, TEXT, SIGNATURE, N };

static void fields_of(struct str t, struct jspan detail, struct jfield f[N])
{
    static const char *const names[N] = {"type", "index", "text", "signature"};
    for (size_t i = 0; i < N; i++)
        f[i] = (struct jfield){.name = names[i]};
    (void)jscan_fields(t, detail, f, N); /* of what is no object: none */
}

static void open_detail(struct details *d, struct str t, struct jspan detail)
{
    struct jfield f[N];
    buf_adds(&d->open, jscan_text(t, detail));
    struct str own = buf_str(&d->open);
    if (own.len == 0) {
        d->has_failed = true;
        return;
    }
    fields_of(own, jscan_root(own), f);
    d->may_grow = jscan_is(own, f[TYPE].value, "reasoning.text");
    d->text_end =
        f[TEXT].value.kind == J_STRING ? f[TEXT].value.pos + f[TEXT].value.len - 1 : 0;
    d->mark_at = f[SIGNATURE].value.kind == J_NULL ? f[SIGNATURE].value.pos : 0;
    d->mark_len = d->mark_at > 0 ? f[SIGNATURE].value.len : 0;
}

/* A piece of the text that is open, or its signature; false: it is another detail. */
static bool grow(struct details *d, struct str t, struct jspan detail)
{
    struct jfield f[N], had[N];
    struct str own = buf_str(&d->open);
    if (own.len == 0)
        return false;
    fields_of(t, detail, f);
    fields_of(own, jscan_root(own), had);
    struct jspan text = f[TEXT].value, mark = f[SIGNATURE].value;
    bool is_same =
        d->may_grow && jscan_is(t, f[TYPE].value, "reasoning.text") &&
        str_eq(jscan_text(t, f[INDEX].value), jscan_text(own, had[INDEX].value));
    bool is_marked = d->mark.len > 0 || had[SIGNATURE].value.kind == J_STRING;
    bool has_text = text.kind == J_STRING && text.len > 2;
    if (!is_same || (has_text && (is_marked || d->text_end == 0)))
        return false; /* behind a signature another thought begins */
    if (has_text)
        buf_adds(&d->text, jscan_inside(t, text));
    if (mark.kind == J_STRING && !is_marked)
        buf_adds(&d->mark, jscan_text(t, mark));
    return true;
}

void details_add(struct details *d, struct str t, struct jspan detail)
{
    if (detail.kind != J_OBJECT || detail.len <= 2 || grow(d, t, detail))
        return;
    close_detail(d);
    open_detail(d, t, detail);
}

struct str details_take(struct details *d)
{
    close_detail(d);
    return d->has_failed ? STR_NONE : buf_str(&d->all);
}

void details_reset(struct details *d)
{
    buf_reset(&d->all);
}
