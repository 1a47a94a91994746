/*
 * conf_text.c: the text layer of conf.h: git-config syntax, read and edited in place.
 *
 * Owns the grammar and every byte offset; knows no section and no key by name. The grammar is
 * git's own, so that `git config -f` reads and writes the same file: sections in brackets with
 * an optional quoted subsection, keys of letters, digits and "-", values with quotes, four
 * escapes, line continuation, and comments from "#" or ";" outside quotes.
 *
 * Source: git-config(1), "Syntax", git 2.39; its parser's behaviour is the oracle of the tests.
 */
#include <string.h>

#include "core/arena.h"
#include "core/conf.h"
#include "core/mem.h"

struct section {
    struct conf_heading header;
    size_t from;     /* of its "[" */
    size_t line_end; /* behind the newline of the header's line */
    size_t end;      /* behind its last setting, or line_end without one */
};

struct conf_text {
    struct arena arena; /* all strings but text */
    char *text;         /* owned */
    size_t len;
    const char *file;
    struct conf_entry *entries; /* owned; grown */
    size_t n_entries, cap_entries;
    struct section *sections; /* owned; grown */
    size_t n_sections, cap_sections;
};

/* A reader over the text, one character at a time; "\r\n" reads as "\n". */
struct reader {
    struct conf_text *t;
    size_t at;       /* of the next character */
    int line;        /* of the next character, from 1 */
    struct buf word; /* what is being read, decoded */
    enum errc fail;  /* a word did not fit, or memory was out */
    struct err *e;
};

enum { END = -1 };

static bool is_alpha(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_key_char(int c)
{
    return is_alpha(c) || (c >= '0' && c <= '9') || c == '-';
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static char lower(int c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int peek(const struct reader *r)
{
    const struct conf_text *t = r->t;
    if (r->at == t->len)
        return END;
    if (t->text[r->at] == '\r' && r->at + 1 < t->len && t->text[r->at + 1] == '\n')
        return '\n';
    return (unsigned char)t->text[r->at];
}

static int next(struct reader *r)
{
    int c = peek(r);
    if (c == END)
        return END;
    r->at += r->t->text[r->at] == '\r' && c == '\n' ? 2 : 1;
    r->line += c == '\n';
    return c;
}

static enum errc wrong(struct reader *r, int line, const char *what)
{
    return err_set(r->e, ERR_CONFIG, "%s:%d: %s", r->t->file, line, what);
}

static const char *word_end(struct reader *r)
{
    const char *s = arena_strz(&r->t->arena, buf_str(&r->word));
    if (r->fail == ERR_OK)
        r->fail = arena_is_broken(&r->t->arena) ? ERR_MEMORY : buf_err(&r->word);
    buf_reset(&r->word);
    return s;
}

static void skip_comment(struct reader *r)
{
    while (peek(r) != END && peek(r) != '\n')
        next(r);
}

/* One more element; NULL when memory is out. */
static void *grow(void **items, size_t *n, size_t *cap, size_t size)
{
    if (*n == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        void *bigger = mem_resize(*items, more, size);
        if (bigger == NULL)
            return NULL;
        *items = bigger;
        *cap = more;
    }
    return (char *)*items + (*n)++ * size;
}

static struct section *section_new(struct conf_text *t)
{
    void *items = t->sections;
    struct section *s =
        grow(&items, &t->n_sections, &t->cap_sections, sizeof *t->sections);
    t->sections = items;
    return s;
}

static struct conf_entry *entry_new(struct conf_text *t)
{
    void *items = t->entries;
    struct conf_entry *x =
        grow(&items, &t->n_entries, &t->cap_entries, sizeof *t->entries);
    t->entries = items;
    return x;
}

/* Blanks and the quoted subsection. A backslash takes the next character as it is. */
static enum errc read_sub(struct reader *r)
{
    while (is_blank(peek(r)))
        next(r);
    if (peek(r) != '"')
        return wrong(r, r->line, "section header: a name in quotes is missing");
    next(r);
    for (;;) {
        int c = next(r);
        if (c == '"')
            break;
        if (c == '\\')
            c = next(r);
        if (c == '\n' || c == END)
            return wrong(r, r->line - (c == '\n'), "section header without its end");
        buf_addc(&r->word, (char)c);
    }
    return ERR_OK;
}

static size_t line_start(const struct conf_text *t, size_t at)
{
    while (at > 0 && t->text[at - 1] != '\n')
        at--;
    return at;
}

/* Behind the newline of the line that `at` is in. */
static size_t line_end(const struct conf_text *t, size_t at)
{
    struct str rest = {t->text + at, t->len - at};
    return MIN(at + str_find(rest, '\n') + 1, t->len);
}

/* Behind "[": NAME], NAME.SUB] or NAME "SUB"]. */
static enum errc read_section(struct reader *r)
{
    int line = r->line;
    struct section s = {.header.line = line, .from = r->at - 1};
    while (is_key_char(peek(r)))
        buf_addc(&r->word, lower(next(r)));
    s.header.section = word_end(r);
    if (s.header.section[0] == '\0')
        return wrong(r, line, "section without a name");
    bool dotted = peek(r) == '.';
    if (dotted) {
        next(r);
        while (is_key_char(peek(r)) || peek(r) == '.')
            buf_addc(&r->word, lower(next(r)));
    }
    if (is_blank(peek(r))) {
        if (dotted)
            buf_addc(&r->word, '.');
        enum errc rc = read_sub(r);
        if (rc != ERR_OK)
            return rc;
        dotted = true;
    }
    if (dotted)
        s.header.sub = word_end(r);
    if (next(r) != ']')
        return wrong(r, line, "section header without its \"]\"");
    s.line_end = s.end = line_end(r->t, r->at);
    if (r->t->n_sections > 0) {
        struct section *before = &r->t->sections[r->t->n_sections - 1];
        before->end = MIN(before->end, s.from);
    }
    struct section *place = section_new(r->t);
    if (place == NULL)
        return err_set(r->e, ERR_MEMORY, "out of memory");
    *place = s;
    return ERR_OK;
}

/* The character that a backslash and c stand for; END when they stand for nothing. */
static int escaped(int c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case '\\':
    case '"':
        return c;
    default:
        return END;
    }
}

/*
 * A value up to the end of its last line, which stays unread. Blanks outside quotes are held
 * back until something follows them, so that those at both ends are dropped.
 */
static enum errc read_value(struct reader *r, struct conf_entry *x)
{
    bool quoted = false;
    size_t n_blanks = 0;
    for (;;) {
        int c = peek(r);
        if (c == END || c == '\n')
            break;
        if (!quoted && is_blank(c)) {
            n_blanks += r->word.len > 0;
            next(r);
            continue;
        }
        if (!quoted && (c == '#' || c == ';')) {
            skip_comment(r);
            break;
        }
        if (x->value_from == SIZE_MAX)
            x->value_from = r->at;
        for (size_t i = 0; i < n_blanks; i++)
            buf_addc(&r->word, ' ');
        n_blanks = 0;
        next(r);
        if (c == '"') {
            quoted = !quoted;
        } else if (c == '\\') {
            c = next(r);
            if (c != '\n' && c != END && escaped(c) == END)
                return wrong(r, r->line, "value: unknown escape after \"\\\"");
            if (c != '\n' && c != END)
                buf_addc(&r->word, (char)escaped(c));
        } else {
            buf_addc(&r->word, (char)c);
        }
        x->value_to = r->at;
    }
    if (quoted)
        return wrong(r, r->line, "value: quote without its end");
    x->value = word_end(r);
    return ERR_OK;
}

/* KEY = VALUE, or KEY alone, which git takes for true. The key begins at the reader. */
static enum errc read_entry(struct reader *r)
{
    struct conf_text *t = r->t;
    struct conf_entry x = {.line = r->line, .value_from = SIZE_MAX};
    if (t->n_sections == 0)
        return wrong(r, r->line, "setting outside a section");
    struct section *s = &t->sections[t->n_sections - 1];
    x.section = s->header.section;
    x.sub = s->header.sub;
    s->header.n_entries++;
    /* Behind a section header on the same line only the setting itself is ours. */
    x.from = s->line_end > r->at ? r->at : line_start(t, r->at);
    while (is_key_char(peek(r)))
        buf_addc(&r->word, lower(next(r)));
    x.key = word_end(r);
    size_t key_end = r->at;
    while (is_blank(peek(r)))
        next(r);
    enum errc rc = ERR_OK;
    int c = peek(r);
    if (c == '=') {
        next(r);
        x.value_to = r->at;
        rc = read_value(r, &x);
        if (x.value_from == SIZE_MAX)
            x.value_from = x.value_to;
    } else if (c == END || c == '\n') {
        x.value_from = x.value_to = key_end;
    } else {
        return wrong(r, x.line, "setting: \"=\" is missing");
    }
    if (rc != ERR_OK)
        return rc;
    next(r); /* the newline belongs to the setting */
    x.to = s->end = r->at;
    struct conf_entry *place = entry_new(t);
    if (place == NULL)
        return err_set(r->e, ERR_MEMORY, "out of memory");
    *place = x;
    return ERR_OK;
}

static enum errc read_text(struct reader *r)
{
    struct str bom = STR("\xEF\xBB\xBF");
    if (str_starts((struct str){r->t->text, r->t->len}, bom))
        r->at = bom.len;
    for (;;) {
        int c = peek(r);
        enum errc rc = ERR_OK;
        if (c == END)
            return ERR_OK;
        if (is_alpha(c)) {
            rc = read_entry(r);
        } else if (c == '[') {
            next(r);
            rc = read_section(r);
        } else if (c == '#' || c == ';') {
            skip_comment(r);
        } else if (is_blank(c) || c == '\n') {
            next(r);
        } else {
            return wrong(r, r->line, "neither section, setting nor comment");
        }
        /* what was made of a word that failed is no syntax error of the file */
        if (r->fail == ERR_MEMORY)
            return err_set(r->e, ERR_MEMORY, "out of memory");
        if (r->fail != ERR_OK)
            return wrong(r, r->line, "a name or value is too long");
        if (rc != ERR_OK)
            return rc;
    }
}

static struct conf_text *text_new(struct str text, const char *file)
{
    struct conf_text *t = MEM_NEW(struct conf_text);
    if (t == NULL)
        return NULL;
    arena_init(&t->arena, 4 * (size_t)LIMIT_CONF_LEN);
    t->text = mem_strndup(text.ptr, text.len);
    t->len = text.len;
    t->file = arena_strz(&t->arena, str_of(file));
    if (t->text == NULL)
        conf_text_free(&t);
    return t;
}

enum errc conf_text_parse(struct str text, const char *file, struct conf_text **ret,
                          struct err *e)
{
    if (text.len > LIMIT_CONF_LEN)
        return err_set(e, ERR_CONFIG, "%s: longer than %d bytes", file, LIMIT_CONF_LEN);
    if (str_find(text, '\0') < text.len)
        return err_set(e, ERR_CONFIG, "%s: a zero byte in it", file);
    AUTO(conf_text_free) struct conf_text *t = text_new(text, file);
    if (t == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    struct reader r = {.t = t, .line = 1, .word = BUF_INIT(LIMIT_CONF_LINE), .e = e};
    enum errc rc = read_text(&r);
    mem_wipe(r.word.data, r.word.cap);
    buf_release(&r.word);
    if (rc != ERR_OK)
        return rc;
    *ret = t;
    t = NULL;
    return ERR_OK;
}

void conf_text_free(struct conf_text **tp)
{
    struct conf_text *t = *tp;
    if (t == NULL)
        return;
    mem_wipe_free(t->text, t->len);
    mem_free(t->entries);
    mem_free(t->sections);
    arena_wipe(&t->arena); /* values may be passwords */
    arena_release(&t->arena);
    mem_free(t);
    *tp = NULL;
}

struct str conf_text_str(const struct conf_text *t)
{
    return (struct str){t->text, t->len};
}

const struct conf_entry *conf_text_entries(const struct conf_text *t, size_t *ret_n)
{
    *ret_n = t->n_entries;
    return t->entries;
}

const struct conf_heading *conf_text_heading(const struct conf_text *t, size_t at)
{
    return at < t->n_sections ? &t->sections[at].header : NULL;
}

/* ---- look-up and editing by dotted name ---- */

/* SECTION.SUB.KEY in its parts; the subsection may hold dots itself. */
struct dotted {
    struct str section, sub, key;
    bool has_sub;
};

static bool all_key_chars(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_key_char(s.ptr[i]))
            return false;
    return s.len > 0;
}

bool conf_split_key(struct str dotted, struct str *ret_section, struct str *ret_sub,
                    struct str *ret_key)
{
    size_t first = str_find(dotted, '.'), last = dotted.len;
    while (last > 0 && dotted.ptr[last - 1] != '.')
        last--;
    if (first == dotted.len)
        return false;
    *ret_section = str_sub(dotted, 0, first);
    *ret_sub = last - 1 > first ? str_sub(dotted, first + 1, last - first - 2) : STR_NONE;
    *ret_key = str_sub(dotted, last, dotted.len);
    return true;
}

static enum errc dotted_parse(const char *text, struct dotted *ret, struct err *e)
{
    struct dotted d;
    if (!conf_split_key(str_of(text), &d.section, &d.sub, &d.key))
        return err_set(e, ERR_USAGE, "\"%s\" is no SECTION.KEY", text);
    d.has_sub = d.sub.ptr != NULL;
    if (!all_key_chars(d.section) || !all_key_chars(d.key) || !is_alpha(d.key.ptr[0]) ||
        str_find(d.sub, '\n') < d.sub.len)
        return err_set(e, ERR_USAGE,
                       "\"%s\": sections and keys are letters, digits and \"-\"", text);
    *ret = d;
    return ERR_OK;
}

static bool is_section(const char *section, const char *sub, const struct dotted *d)
{
    return str_ieqz(d->section, section) && d->has_sub == (sub != NULL) &&
           (!d->has_sub || str_eqz(d->sub, sub));
}

static bool is_entry(const struct conf_entry *x, const struct dotted *d)
{
    return is_section(x->section, x->sub, d) && str_ieqz(d->key, x->key);
}

/* The last entry of that name, and how many there are. */
static const struct conf_entry *find_last(const struct conf_text *t,
                                          const struct dotted *d, size_t *ret_n)
{
    const struct conf_entry *hit = NULL;
    *ret_n = 0;
    for (size_t i = 0; i < t->n_entries; i++)
        if (is_entry(&t->entries[i], d)) {
            hit = &t->entries[i];
            ++*ret_n;
        }
    return hit;
}

const struct conf_entry *conf_text_get(const struct conf_text *t, const char *dotted)
{
    struct dotted d;
    struct err e = ERR_INIT;
    size_t n;
    return dotted_parse(dotted, &d, &e) == ERR_OK ? find_last(t, &d, &n) : NULL;
}

static void write_value(struct buf *out, const char *value)
{
    struct str s = str_of(value);
    bool quote = s.len == 0 || is_blank(s.ptr[0]) || is_blank(s.ptr[s.len - 1]) ||
                 str_find(s, '#') < s.len || str_find(s, ';') < s.len ||
                 str_find(s, '\r') < s.len;
    if (quote)
        buf_addc(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        static const char plain[] = "\n\t\b\"\\", letters[] = "ntb\"\\";
        const char *at = memchr(plain, s.ptr[i], sizeof plain - 1);
        if (at != NULL)
            buf_addc(out, '\\');
        buf_addc(out, at != NULL ? letters[at - plain] : s.ptr[i]);
    }
    if (quote)
        buf_addc(out, '"');
}

static void copy(const struct conf_text *t, size_t from, size_t to, struct buf *out)
{
    buf_add(out, t->text + from, to - from);
}

/* Everything but the settings of that name; a header on the same line keeps its newline. */
static void write_without(const struct conf_text *t, const struct dotted *d,
                          struct buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < t->n_entries; i++) {
        const struct conf_entry *x = &t->entries[i];
        if (!is_entry(x, d))
            continue;
        copy(t, at, x->from, out);
        at = x->to;
        if (x->from != line_start(t, x->from))
            buf_addc(out, '\n');
    }
    copy(t, at, t->len, out);
}

static void write_replaced(const struct conf_text *t, const struct conf_entry *x,
                           const char *value, struct buf *out)
{
    copy(t, 0, x->value_from, out);
    bool has_equals = memchr(t->text + x->from, '=', x->value_from - x->from) != NULL;
    if (!has_equals)
        buf_addz(out, " =");
    if (x->value_from == x->value_to)
        buf_addc(out, ' ');
    write_value(out, value);
    copy(t, x->value_to, t->len, out);
}

/* The blanks that settings of the section are indented by: those of its last one. */
static struct str indent_of(const struct conf_text *t, const struct dotted *d)
{
    struct str found = STR("    ");
    for (size_t i = 0; i < t->n_entries; i++) {
        const struct conf_entry *x = &t->entries[i];
        if (!is_section(x->section, x->sub, d) || x->from != line_start(t, x->from))
            continue;
        size_t n = 0;
        while (x->from + n < t->len && is_blank(t->text[x->from + n]))
            n++;
        found = (struct str){t->text + x->from, n};
    }
    return found;
}

static void write_header(const struct dotted *d, struct buf *out)
{
    buf_printf(out, "[%.*s", STR_ARG(d->section));
    if (d->has_sub) {
        buf_addz(out, " \"");
        for (size_t i = 0; i < d->sub.len; i++) {
            if (d->sub.ptr[i] == '"' || d->sub.ptr[i] == '\\')
                buf_addc(out, '\\');
            buf_addc(out, d->sub.ptr[i]);
        }
        buf_addc(out, '"');
    }
    buf_addz(out, "]\n");
}

/*
 * Makes the end of the text the beginning of a line. A backslash as its last character, with or
 * without a newline, would go on with what follows.
 */
static void end_text(const struct conf_text *t, struct buf *out)
{
    bool has_newline = t->len > 0 && t->text[t->len - 1] == '\n';
    size_t end = t->len - has_newline, n = 0;
    while (n < end && t->text[end - 1 - n] == '\\')
        n++;
    if (t->len > 0 && !has_newline)
        buf_addc(out, '\n');
    if (n % 2 == 1)
        buf_addc(out, '\n');
}

/* A new line: behind the last of that name, else behind its section's last, else a new section. */
static void write_added(const struct conf_text *t, const struct dotted *d,
                        const struct conf_entry *after, const char *value,
                        struct buf *out)
{
    size_t at = SIZE_MAX;
    for (size_t i = 0; i < t->n_sections; i++)
        if (is_section(t->sections[i].header.section, t->sections[i].header.sub, d))
            at = t->sections[i].end;
    bool is_new = at == SIZE_MAX;
    at = after != NULL ? after->to : is_new ? t->len : at;
    copy(t, 0, at, out);
    if (at == t->len)
        end_text(t, out);
    else if (at > 0 && t->text[at - 1] != '\n')
        buf_addc(out, '\n'); /* between two headers on one line */
    if (is_new)
        write_header(d, out);
    buf_printf(out, "%.*s%.*s = ", STR_ARG(indent_of(t, d)), STR_ARG(d->key));
    write_value(out, value);
    buf_addc(out, '\n');
    copy(t, at, t->len, out);
}

static enum errc edited(const struct buf *out, struct err *e)
{
    return buf_err(out) == ERR_OK ? ERR_OK
                                  : err_set(e, buf_err(out), "edit configuration");
}

enum errc conf_text_set(const struct conf_text *t, const char *dotted, const char *value,
                        bool add, struct buf *out, struct err *e)
{
    struct dotted d;
    size_t n;
    enum errc rc = dotted_parse(dotted, &d, e);
    if (rc != ERR_OK)
        return rc;
    const struct conf_entry *last = find_last(t, &d, &n);
    if (value != NULL && n > 1 && !add)
        return err_set(e, ERR_USAGE,
                       "%s has %zu values in %s; which one is not clear\n"
                       "hint: llmgw config edit; --add adds one, llmgw config unset "
                       "drops them all",
                       dotted, n, t->file);
    if (value == NULL)
        write_without(t, &d, out);
    else if (last != NULL && !add)
        write_replaced(t, last, value, out);
    else
        write_added(t, &d, last, value, out);
    return edited(out, e);
}

enum errc conf_text_drop(const struct conf_text *t, const char *section, const char *sub,
                         struct buf *out, struct err *e)
{
    struct dotted d = {
        .section = str_of(section), .sub = str_of(sub), .has_sub = sub != NULL};
    size_t at = 0;
    for (size_t i = 0; i < t->n_sections; i++) {
        const struct section *s = &t->sections[i];
        if (!is_section(s->header.section, s->header.sub, &d))
            continue;
        copy(t, at, s->from, out);
        at = s->end;
    }
    copy(t, at, t->len, out);
    return edited(out, e);
}
