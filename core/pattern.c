/*
 * pattern.c: a pattern becomes a small program; a text is searched by running all of the
 * program's threads side by side, so that the time is at most text × program.
 *
 * Owns the syntax and both halves. Jumps are relative: a piece of program may be moved and
 * copied as it stands, which is how `*` gets its branch in front and {n} its repetitions.
 * Source of the method: Pike's, as told by Russ Cox, "Regular Expression Matching: the Virtual
 * Machine Approach", 2009.
 */
#include "core/pattern.h"

#include <string.h>

#include "core/mem.h"

enum {
    /* instructions of one program; a schema's patterns have about a hundred */
    PROGRAM_MAX = 4096,
    RANGES_MAX = 4096,
    GROUPS_MAX = 64, /* nesting: bounds the parser's own stack */
    COUNT_MAX = 1000,
};

enum op {
    OP_CHAR,
    OP_CLASS,
    OP_SPLIT, /* to both a and b */
    OP_JUMP,
    OP_BEGIN,
    OP_END,
    OP_WORD_EDGE,
    OP_NO_WORD_EDGE,
    OP_MATCH,
};

struct instr {
    enum op op;
    bool negated; /* OP_CLASS */
    int32_t a, b; /* jumps: relative to this instruction; OP_CLASS: first range, number */
    uint32_t point; /* OP_CHAR */
};

struct range {
    uint32_t first, last;
};

struct pattern {
    struct instr *code; /* owned */
    size_t n_code;
    struct range *ranges; /* owned */
    size_t n_ranges;
};

struct parser {
    struct str source;
    size_t pos;
    unsigned depth;
    struct pattern *p;
    struct err *e;
};

static const struct range digits[] = {{'0', '9'}};
static const struct range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
/* Source: ECMA-262, CharacterClassEscape :: s is WhiteSpace and LineTerminator. */
static const struct range spaces[] = {
    {0x09, 0x0D},     {0x20, 0x20},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
    {0x3000, 0x3000}, {0xFEFF, 0xFEFF},
};
static const struct range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

static enum errc refuse(struct parser *ps, const char *why)
{
    return err_set(ps->e, ERR_INVALID, "pattern, byte %zu: %s", ps->pos + 1, why);
}

static enum errc too_large(struct parser *ps)
{
    return err_set(ps->e, ERR_TOO_LARGE, "pattern: too large");
}

/* The code point at pos; its length, 0 at the end. What is no UTF-8 counts as a byte. */
static size_t decode(struct str s, size_t pos, uint32_t *ret)
{
    struct str rest = str_sub(s, pos, s.len);
    if (rest.len == 0)
        return 0;
    size_t len = str_utf8_len(rest);
    unsigned char first = (unsigned char)rest.ptr[0];
    if (len <= 1) {
        *ret = first;
        return 1;
    }
    uint32_t point = first & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        point = (point << 6) | ((unsigned char)rest.ptr[i] & 0x3Fu);
    *ret = point;
    return len;
}

static char peek(const struct parser *ps)
{
    return ps->pos < ps->source.len ? ps->source.ptr[ps->pos] : '\0';
}

static bool at_end(const struct parser *ps)
{
    return ps->pos >= ps->source.len;
}

static bool take(struct parser *ps, const char *text)
{
    if (!str_starts(str_sub(ps->source, ps->pos, ps->source.len), str_of(text)))
        return false;
    ps->pos += strlen(text);
    return true;
}

/* --- emitting --- */

/* Room was reserved whole by pattern_new(). */
static enum errc emit(struct parser *ps, struct instr in)
{
    if (ps->p->n_code >= PROGRAM_MAX)
        return too_large(ps);
    ps->p->code[ps->p->n_code++] = in;
    return ERR_OK;
}

/* Puts an instruction in front of what was emitted since `at`. */
static enum errc emit_before(struct parser *ps, size_t at, struct instr in)
{
    enum errc rc = emit(ps, in);
    if (rc != ERR_OK)
        return rc;
    struct instr *code = ps->p->code;
    memmove(code + at + 1, code + at, (ps->p->n_code - 1 - at) * sizeof *code);
    code[at] = in;
    return ERR_OK;
}

static enum errc emit_copy(struct parser *ps, const struct instr *piece, size_t n)
{
    if (n > PROGRAM_MAX - ps->p->n_code)
        return too_large(ps);
    memcpy(ps->p->code + ps->p->n_code, piece, n * sizeof *piece);
    ps->p->n_code += n;
    return ERR_OK;
}

static enum errc add_range(struct parser *ps, uint32_t first, uint32_t last)
{
    if (first > last)
        return refuse(ps, "a range goes backwards");
    if (ps->p->n_ranges >= RANGES_MAX)
        return too_large(ps);
    ps->p->ranges[ps->p->n_ranges++] = (struct range){first, last};
    return ERR_OK;
}

/* The ranges, or all that lies between them. */
static enum errc add_ranges(struct parser *ps, const struct range *r, size_t n,
                            bool negated)
{
    enum errc rc = ERR_OK;
    uint32_t next = 0;
    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        if (!negated)
            rc = add_range(ps, r[i].first, r[i].last);
        else if (r[i].first > next)
            rc = add_range(ps, next, r[i].first - 1);
        next = r[i].last + 1;
    }
    return negated && rc == ERR_OK ? add_range(ps, next, 0x10FFFF) : rc;
}

/* --- parsing --- */

static enum errc hex(struct parser *ps, unsigned min, unsigned max, uint32_t *ret)
{
    uint32_t v = 0;
    unsigned n = 0;
    for (; n < max; n++, ps->pos++) {
        char c = peek(ps);
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            break;
        v = v * 16 + digit;
    }
    if (n < min || v > 0x10FFFF)
        return refuse(ps, "hexadecimal digits of a character are expected");
    *ret = v;
    return ERR_OK;
}

/* \uHHHH, a pair of surrogates written so, or \u{H…}; behind the u. */
static enum errc unicode(struct parser *ps, uint32_t *ret)
{
    if (take(ps, "{")) {
        enum errc rc = hex(ps, 1, 6, ret);
        return rc != ERR_OK ? rc : take(ps, "}") ? ERR_OK : refuse(ps, "} is expected");
    }
    enum errc rc = hex(ps, 4, 4, ret);
    if (rc != ERR_OK || *ret < 0xD800 || *ret > 0xDBFF || !take(ps, "\\u"))
        return rc;
    uint32_t low;
    rc = hex(ps, 4, 4, &low);
    if (rc == ERR_OK && (low < 0xDC00 || low > 0xDFFF))
        return refuse(ps, "half a pair of surrogates");
    if (rc == ERR_OK)
        *ret = 0x10000 + ((*ret - 0xD800) << 10) + (low - 0xDC00);
    return rc;
}

/* An escape that stands for one character; behind the backslash. */
static enum errc escaped(struct parser *ps, uint32_t *ret)
{
    static const char plain[] = "^$\\.*+?()[]{}|/-";
    static const char names[] = "tnvfr0", values[] = "\t\n\v\f\r\0";
    char c = peek(ps);
    if (at_end(ps) || c == '\0')
        return refuse(ps, "a backslash stands alone");
    const char *name = strchr(names, c);
    if (name != NULL || strchr(plain, c) != NULL) {
        *ret = (unsigned char)(name != NULL ? values[name - names] : c);
        ps->pos++;
        return ERR_OK;
    }
    if (take(ps, "x"))
        return hex(ps, 2, 2, ret);
    if (take(ps, "u"))
        return unicode(ps, ret);
    if (take(ps, "c") && ((peek(ps) | 0x20) >= 'a' && (peek(ps) | 0x20) <= 'z')) {
        *ret = (unsigned char)ps->source.ptr[ps->pos++] & 0x1F;
        return ERR_OK;
    }
    return refuse(ps, "this escape is not supported");
}

/* \d \D \w \W \s \S: its ranges are added. False: another escape. */
static bool class_escape(struct parser *ps, enum errc *ret_rc)
{
    char c = peek(ps);
    switch (c) {
    case 'd':
    case 'D':
        *ret_rc = add_ranges(ps, digits, ARRAY_LEN(digits), c == 'D');
        break;
    case 'w':
    case 'W':
        *ret_rc = add_ranges(ps, words, ARRAY_LEN(words), c == 'W');
        break;
    case 's':
    case 'S':
        *ret_rc = add_ranges(ps, spaces, ARRAY_LEN(spaces), c == 'S');
        break;
    default:
        return false;
    }
    ps->pos++;
    return true;
}

/* One member of [ ]; *ret_is_set: it was a whole class, which ends no range. */
static enum errc class_atom(struct parser *ps, uint32_t *ret, bool *ret_is_set)
{
    enum errc rc = ERR_OK;
    *ret_is_set = false;
    if (take(ps, "\\")) {
        if (class_escape(ps, &rc)) {
            *ret_is_set = true;
            return rc;
        }
        if (take(ps, "b")) { /* within a class it is a backspace */
            *ret = 0x08;
            return ERR_OK;
        }
        return escaped(ps, ret);
    }
    ps->pos += decode(ps->source, ps->pos, ret);
    return rc;
}

/* Behind the [. */
static enum errc parse_class(struct parser *ps)
{
    struct instr in = {.op = OP_CLASS, .negated = take(ps, "^")};
    in.a = (int32_t)ps->p->n_ranges;
    while (!take(ps, "]")) {
        uint32_t first, last;
        bool is_set, is_last_set = false;
        if (at_end(ps))
            return refuse(ps, "[ has no ]");
        enum errc rc = class_atom(ps, &first, &is_set);
        if (rc != ERR_OK)
            return rc;
        bool is_range = !is_set && peek(ps) == '-' && ps->pos + 1 < ps->source.len &&
                        ps->source.ptr[ps->pos + 1] != ']';
        last = first;
        if (is_range) {
            ps->pos++;
            rc = class_atom(ps, &last, &is_last_set);
            if (rc == ERR_OK && is_last_set)
                rc = refuse(ps, "a class cannot end a range");
        }
        if (rc == ERR_OK && !is_set)
            rc = add_range(ps, first, last);
        if (rc != ERR_OK)
            return rc;
    }
    in.b = (int32_t)ps->p->n_ranges - in.a;
    return emit(ps, in);
}

static enum errc parse_either(struct parser *ps);

/* Behind the (: what kind of group it is. A captured one is as good as any other. */
static enum errc group_kind(struct parser *ps)
{
    if (peek(ps) != '?' || take(ps, "?:"))
        return ERR_OK;
    if (take(ps, "?=") || take(ps, "?!") || take(ps, "?<=") || take(ps, "?<!"))
        return refuse(ps, "look-around is not supported");
    if (!take(ps, "?<"))
        return refuse(ps, "this kind of group is not supported");
    while (!at_end(ps) && peek(ps) != '>')
        ps->pos++;
    return take(ps, ">") ? ERR_OK : refuse(ps, "> is expected");
}

static enum errc parse_group(struct parser *ps)
{
    enum errc rc = group_kind(ps);
    if (rc == ERR_OK && ps->depth >= GROUPS_MAX)
        rc = too_large(ps);
    if (rc != ERR_OK)
        return rc;
    ps->depth++;
    rc = parse_either(ps);
    ps->depth--;
    return rc == ERR_OK && !take(ps, ")") ? refuse(ps, "( has no )") : rc;
}

static enum errc parse_escape(struct parser *ps)
{
    enum errc rc = ERR_OK;
    struct instr in = {.op = OP_CLASS, .a = (int32_t)ps->p->n_ranges};
    if (class_escape(ps, &rc)) {
        in.b = (int32_t)ps->p->n_ranges - in.a;
        return rc != ERR_OK ? rc : emit(ps, in);
    }
    if (take(ps, "b"))
        return emit(ps, (struct instr){.op = OP_WORD_EDGE});
    if (take(ps, "B"))
        return emit(ps, (struct instr){.op = OP_NO_WORD_EDGE});
    in.op = OP_CHAR;
    rc = escaped(ps, &in.point);
    return rc != ERR_OK ? rc : emit(ps, in);
}

static enum errc parse_dot(struct parser *ps)
{
    struct instr in = {.op = OP_CLASS, .negated = true, .a = (int32_t)ps->p->n_ranges};
    in.b = ARRAY_LEN(line_ends);
    enum errc rc = add_ranges(ps, line_ends, ARRAY_LEN(line_ends), false);
    return rc != ERR_OK ? rc : emit(ps, in);
}

/* One atom or assertion; *ret_can_repeat: a quantifier may follow. */
static enum errc parse_atom(struct parser *ps, bool *ret_can_repeat)
{
    *ret_can_repeat = true;
    if (take(ps, "("))
        return parse_group(ps);
    if (take(ps, "["))
        return parse_class(ps);
    if (take(ps, "."))
        return parse_dot(ps);
    if (take(ps, "\\")) {
        *ret_can_repeat = peek(ps) != 'b' && peek(ps) != 'B';
        return parse_escape(ps);
    }
    if (take(ps, "^") || take(ps, "$")) {
        *ret_can_repeat = false;
        bool is_begin = ps->source.ptr[ps->pos - 1] == '^';
        return emit(ps, (struct instr){.op = is_begin ? OP_BEGIN : OP_END});
    }
    if (peek(ps) != '\0' && strchr("*+?{}]", peek(ps)) != NULL)
        return refuse(ps, "nothing to repeat, or a bracket too many");
    struct instr in = {.op = OP_CHAR};
    ps->pos += decode(ps->source, ps->pos, &in.point);
    return emit(ps, in);
}

static bool count(struct parser *ps, unsigned *ret)
{
    unsigned v = 0;
    size_t start = ps->pos;
    for (; peek(ps) >= '0' && peek(ps) <= '9'; ps->pos++)
        v = MIN(v * 10 + (unsigned)(peek(ps) - '0'), COUNT_MAX + 1U);
    *ret = v;
    return ps->pos > start;
}

enum { NO_END = COUNT_MAX + 2 };

/* * + ? {n} {n,} {n,m}; false when there is none. A lazy one matches the same texts. */
static bool parse_quantifier(struct parser *ps, unsigned *ret_min, unsigned *ret_max,
                             enum errc *ret_rc)
{
    *ret_min = 0;
    *ret_max = NO_END;
    if (take(ps, "?")) {
        *ret_max = 1;
    } else if (take(ps, "+")) {
        *ret_min = 1;
    } else if (take(ps, "{")) {
        if (!count(ps, ret_min)) {
            *ret_rc = refuse(ps, "a number is expected");
            return true;
        }
        *ret_max = *ret_min;
        if (take(ps, ",") && !count(ps, ret_max))
            *ret_max = NO_END;
        if (!take(ps, "}"))
            *ret_rc = refuse(ps, "} is expected");
        else if (*ret_min > COUNT_MAX || *ret_max == COUNT_MAX + 1)
            *ret_rc = too_large(ps);
        else if (*ret_max < *ret_min)
            *ret_rc = refuse(ps, "a count goes backwards");
    } else if (!take(ps, "*")) {
        return false;
    }
    take(ps, "?");
    return true;
}

/* A piece that may be left out: a branch around it. */
static enum errc emit_optional(struct parser *ps, const struct instr *piece, size_t n)
{
    enum errc rc = emit(ps, (struct instr){.op = OP_SPLIT, .a = 1, .b = (int32_t)n + 1});
    return rc != ERR_OK ? rc : emit_copy(ps, piece, n);
}

/* The piece emitted since `at` becomes min to max of it. */
static enum errc repeat(struct parser *ps, size_t at, unsigned min, unsigned max)
{
    size_t n = ps->p->n_code - at;
    struct instr *piece = mem_alloc(n + 1, sizeof *piece);
    enum errc rc = ERR_OK;
    if (piece == NULL)
        return err_set(ps->e, ERR_MEMORY, "pattern: out of memory");
    memcpy(piece, ps->p->code + at, n * sizeof *piece);
    ps->p->n_code = at;
    for (unsigned i = 0; i < min && rc == ERR_OK; i++)
        rc = emit_copy(ps, piece, n);
    for (unsigned i = min; max != NO_END && i < max && rc == ERR_OK; i++)
        rc = emit_optional(ps, piece, n);
    if (max == NO_END && rc == ERR_OK)
        rc = emit(ps, (struct instr){.op = OP_SPLIT, .a = 1, .b = (int32_t)n + 2});
    if (max == NO_END && rc == ERR_OK)
        rc = emit_copy(ps, piece, n);
    if (max == NO_END && rc == ERR_OK)
        rc = emit(ps, (struct instr){.op = OP_JUMP, .a = -(int32_t)n - 1});
    mem_free(piece);
    return rc;
}

static enum errc parse_sequence(struct parser *ps)
{
    while (!at_end(ps) && peek(ps) != '|' && peek(ps) != ')') {
        size_t at = ps->p->n_code;
        unsigned min, max;
        bool can_repeat;
        enum errc rc = parse_atom(ps, &can_repeat);
        if (rc == ERR_OK && can_repeat && parse_quantifier(ps, &min, &max, &rc) &&
            rc == ERR_OK)
            rc = repeat(ps, at, min, max);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum errc parse_either(struct parser *ps)
{
    size_t at = ps->p->n_code;
    enum errc rc = parse_sequence(ps);
    if (rc != ERR_OK || !take(ps, "|"))
        return rc;
    /* split; left; jump over right; right. The branch goes in front last: the right part
     * may have moved nothing before it. */
    size_t n_left = ps->p->n_code - at;
    size_t jump = ps->p->n_code;
    rc = emit(ps, (struct instr){.op = OP_JUMP});
    if (rc == ERR_OK && ps->depth >= GROUPS_MAX)
        rc = too_large(ps);
    ps->depth++; /* a|b|c nests to the right */
    if (rc == ERR_OK)
        rc = parse_either(ps);
    ps->depth--;
    if (rc != ERR_OK)
        return rc;
    ps->p->code[jump].a = (int32_t)(ps->p->n_code - jump);
    return emit_before(ps, at,
                       (struct instr){.op = OP_SPLIT, .a = 1, .b = (int32_t)n_left + 2});
}

enum errc pattern_new(struct str source, struct pattern **ret, struct err *e)
{
    AUTO(pattern_free) struct pattern *p = MEM_NEW(struct pattern);
    if (p != NULL)
        p->code = mem_alloc(PROGRAM_MAX, sizeof *p->code);
    if (p != NULL)
        p->ranges = mem_alloc(RANGES_MAX, sizeof *p->ranges);
    if (p == NULL || p->code == NULL || p->ranges == NULL)
        return err_set(e, ERR_MEMORY, "pattern: out of memory");
    struct parser ps = {.source = source, .p = p, .e = e};
    enum errc rc = parse_either(&ps);
    if (rc == ERR_OK && !at_end(&ps))
        rc = refuse(&ps, ") has no (");
    if (rc == ERR_OK)
        rc = emit(&ps, (struct instr){.op = OP_MATCH});
    if (rc != ERR_OK)
        return rc;
    *ret = p;
    p = NULL;
    return ERR_OK;
}

void pattern_free(struct pattern **p)
{
    if (*p == NULL)
        return;
    mem_free((*p)->code);
    mem_free((*p)->ranges);
    mem_free(*p);
    *p = NULL;
}

/* --- searching --- */

/* The places of the program that wait for the next character, each once. */
struct threads {
    uint16_t *at; /* owned by search */
    uint32_t
        *seen; /* owned by search; the turn in which a place was last added, from 1 */
    size_t n;
};

struct search {
    const struct pattern *p;
    struct str text;
    size_t *steps;
    struct threads now, next;
    uint16_t *stack; /* owned; places to be followed */
    uint32_t turn;
    uint32_t before; /* the character before the place, 0 at the start */
    bool found;
};

static bool is_in(const struct range *r, size_t n, uint32_t point)
{
    for (size_t i = 0; i < n; i++)
        if (point >= r[i].first && point <= r[i].last)
            return true;
    return false;
}

static bool eats(const struct pattern *p, const struct instr *in, uint32_t point)
{
    if (in->op == OP_CHAR)
        return in->point == point;
    return in->op == OP_CLASS &&
           is_in(p->ranges + in->a, (size_t)in->b, point) != in->negated;
}

static bool is_word_edge(const struct search *s, size_t pos)
{
    uint32_t next;
    bool before = pos > 0 && is_in(words, ARRAY_LEN(words), s->before);
    bool after = decode(s->text, pos, &next) > 0 && is_in(words, ARRAY_LEN(words), next);
    return before != after;
}

/* Follows jumps and assertions from a place; pushes where they lead. False: out of steps. */
static bool add_thread(struct search *s, struct threads *to, size_t first, size_t pos)
{
    size_t n = 0;
    s->stack[n++] = (uint16_t)first;
    while (n > 0) {
        size_t at = s->stack[--n];
        const struct instr *in = &s->p->code[at];
        if (to->seen[at] == s->turn)
            continue;
        if (*s->steps == 0)
            return false;
        --*s->steps;
        to->seen[at] = s->turn;
        switch (in->op) {
        case OP_CHAR:
        case OP_CLASS:
            to->at[to->n++] = (uint16_t)at;
            continue;
        case OP_MATCH:
            s->found = true;
            continue;
        case OP_SPLIT:
            s->stack[n++] = (uint16_t)((int32_t)at + in->b);
            s->stack[n++] = (uint16_t)((int32_t)at + in->a);
            continue;
        case OP_JUMP:
            s->stack[n++] = (uint16_t)((int32_t)at + in->a);
            continue;
        case OP_BEGIN:
            if (pos != 0)
                continue;
            break;
        case OP_END:
            if (pos != s->text.len)
                continue;
            break;
        case OP_WORD_EDGE:
        case OP_NO_WORD_EDGE:
            if (is_word_edge(s, pos) != (in->op == OP_WORD_EDGE))
                continue;
            break;
        }
        s->stack[n++] = (uint16_t)(at + 1);
    }
    return true;
}

static enum errc run(struct search *s)
{
    size_t pos = 0;
    for (;;) {
        uint32_t point = 0;
        /* a match may begin at every place; `now` has been filled in the same turn */
        if (!add_thread(s, &s->now, 0, pos))
            return ERR_TOO_LARGE;
        size_t len = decode(s->text, pos, &point);
        if (s->found || len == 0)
            return ERR_OK;
        s->turn++;
        s->before = point;
        pos += len;
        s->next.n = 0;
        for (size_t i = 0; i < s->now.n && !s->found; i++)
            if (eats(s->p, &s->p->code[s->now.at[i]], point) &&
                !add_thread(s, &s->next, s->now.at[i] + 1U, pos))
                return ERR_TOO_LARGE;
        struct threads t = s->now;
        s->now = s->next;
        s->next = t;
    }
}

enum errc pattern_search(const struct pattern *p, struct str text, size_t *steps,
                         bool *ret_found)
{
    size_t n = p->n_code;
    struct search s = {.p = p, .text = text, .steps = steps, .turn = 1};
    enum errc rc = ERR_MEMORY;
    s.now.at = mem_alloc(n, sizeof *s.now.at);
    s.next.at = mem_alloc(n, sizeof *s.next.at);
    s.now.seen = mem_alloc(n, sizeof *s.now.seen);
    s.next.seen = mem_alloc(n, sizeof *s.next.seen);
    /* each place is followed once a turn and pushes at most two more */
    s.stack = mem_alloc(2 * n + 2, sizeof *s.stack);
    if (s.now.at != NULL && s.next.at != NULL && s.now.seen != NULL &&
        s.next.seen != NULL && s.stack != NULL)
        rc = run(&s);
    if (rc == ERR_OK)
        *ret_found = s.found;
    mem_free(s.now.at);
    mem_free(s.next.at);
    mem_free(s.now.seen);
    mem_free(s.next.seen);
    mem_free(s.stack);
    return rc;
}
