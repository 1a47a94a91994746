/* bind.c: see bind.h. Knows SQLite's bindings and nothing of the rows. */
#include "broker/bind.h"

#include <string.h>

#include "core/mem.h"

enum { TEXT_MAX = 55 }; /* longer ones are seldom the same twice */

/* What a parameter holds. */
struct bind_slot {
    int64_t v; /* the integer, or the length of the text */
    enum { HOLDS_NULL, HOLDS_I64, HOLDS_TEXT, HOLDS_OTHER } what : 8;
    char text[TEXT_MAX]; /* SQLite reads it here */
};

enum errc bind_init(struct bind *b, sqlite3_stmt *st, struct err *e)
{
    size_t n = (size_t)sqlite3_bind_parameter_count(st);
    *b = (struct bind){.st = st, .slots = mem_alloc(MAX(n, (size_t)1), sizeof *b->slots)};
    return b->slots != NULL ? ERR_OK : err_set(e, ERR_MEMORY, "ledger: out of memory");
}

void bind_release(struct bind *b)
{
    mem_free(b->slots);
    *b = (struct bind){0};
}

void bind_start(struct bind *b)
{
    b->at = 0;
}

static struct bind_slot *next(struct bind *b)
{
    return &b->slots[b->at++];
}

void bind_null(struct bind *b)
{
    struct bind_slot *s = next(b);
    if (s->what == HOLDS_NULL)
        return;
    s->what = HOLDS_NULL;
    sqlite3_bind_null(b->st, b->at);
}

void bind_i64(struct bind *b, int64_t v)
{
    struct bind_slot *s = next(b);
    if (s->what == HOLDS_I64 && s->v == v)
        return;
    s->what = HOLDS_I64;
    s->v = v;
    sqlite3_bind_int64(b->st, b->at, v);
}

void bind_if(struct bind *b, int64_t v)
{
    if (v != 0)
        bind_i64(b, v);
    else
        bind_null(b);
}

void bind_pico(struct bind *b, pico p)
{
    if (p != PICO_UNKNOWN)
        bind_i64(b, p);
    else
        bind_null(b);
}

static void bind_long(struct bind *b, struct str text)
{
    next(b)->what = HOLDS_OTHER;
    sqlite3_bind_text64(b->st, b->at, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_short(struct bind *b, struct str text)
{
    struct bind_slot *s = next(b);
    if (s->what == HOLDS_TEXT && str_eq((struct str){s->text, (size_t)s->v}, text))
        return;
    s->what = HOLDS_TEXT;
    s->v = (int64_t)text.len;
    memcpy(s->text, text.ptr, text.len);
    sqlite3_bind_text64(b->st, b->at, s->text, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void bind_str(struct bind *b, struct str s)
{
    if (s.ptr == NULL)
        bind_null(b);
    else if (s.len <= TEXT_MAX)
        bind_short(b, s);
    else
        bind_long(b, s);
}

void bind_text(struct bind *b, struct str s)
{
    bind_str(b, s.len > 0 ? s : STR_NONE);
}

void bind_blob(struct bind *b, struct str s)
{
    if (s.len == 0) {
        bind_null(b);
        return;
    }
    next(b)->what = HOLDS_OTHER;
    sqlite3_bind_blob64(b->st, b->at, s.ptr, s.len, SQLITE_STATIC);
}

void bind_usage(struct bind *b, const struct usage *u)
{
    for (unsigned i = 0; i < USAGE_N_; i++) {
        if (u != NULL && u->known >> i & 1)
            bind_i64(b, u->n[i]);
        else
            bind_null(b);
    }
}
