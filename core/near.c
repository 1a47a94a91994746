/* near.c: see near.h. */
#include "core/near.h"

#include <stdio.h>
#include <string.h>

enum { FOLDED_LEN = 160 };

void near_init(struct near *n, struct str wanted)
{
    *n = (struct near){.wanted = wanted};
}

/* In small letters, as far as there is room: who writes GPT means gpt. */
static struct str folded(char out[FOLDED_LEN], struct str s)
{
    size_t n = MIN(s.len, (size_t)FOLDED_LEN);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + 32 : s.ptr[i]);
    return (struct str){out, n};
}

/* Are the parts of "gemini-flash", two or more, in the name in their order? */
static bool has_parts(struct str wanted, struct str name)
{
    struct str part;
    size_t n = 0;
    while (str_split(&wanted, '-', &part)) {
        size_t at = 0;
        while (at + part.len <= name.len && !str_eq(str_sub(name, at, part.len), part))
            at++;
        if (part.len == 0 || at + part.len > name.len)
            return false;
        name = str_sub(name, at + part.len, name.len);
        n++;
    }
    return n > 1;
}

/* In halves of an edit. A telling piece of the other is nearer than a slip of the hand. */
static unsigned near_distance(struct str wanted, struct str name)
{
    enum { TELLING = 3 }; /* shorter pieces are found in nearly every name */
    bool is_most = name.len >= TELLING && 2 * name.len >= wanted.len;
    if (str_eq(wanted, name))
        return 0;
    if ((wanted.len >= TELLING && str_contains(name, wanted)) ||
        (is_most && str_contains(wanted, name)))
        return 1;
    unsigned edits = 2 * str_distance(wanted, name);
    return has_parts(wanted, name) ? MIN(edits, 2U) : edits;
}

void near_offer(struct near *n, struct str name)
{
    char a[FOLDED_LEN], b[FOLDED_LEN];
    unsigned d = near_distance(folded(a, n->wanted), folded(b, name));
    /* One slip in four letters begun is a typing error; more is another word. */
    if (d > 2 * ((n->wanted.len + 3) / 4) || d >= 2 * MAX(name.len, n->wanted.len))
        return;
    size_t at = n->n;
    while (at > 0 && n->distance[at - 1] > d)
        at--;
    for (size_t i = 0; i < n->n; i++)
        if (str_eq(n->names[i], name))
            return;
    if (at == NEAR_MAX)
        return;
    size_t moved = MIN(n->n, (size_t)NEAR_MAX - 1) - at;
    memmove(&n->names[at + 1], &n->names[at], moved * sizeof n->names[0]);
    memmove(&n->distance[at + 1], &n->distance[at], moved * sizeof n->distance[0]);
    n->names[at] = name;
    n->distance[at] = d;
    n->n = MIN(n->n + 1, (size_t)NEAR_MAX);
}

void near_offerz(struct near *n, const char *name)
{
    near_offer(n, str_of(name));
}

const char *near_hint(const struct near *n, size_t max, char out[NEAR_TEXT_LEN])
{
    size_t count = MIN(n->n, max), used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *before = i == 0 ? " (did you mean " : i + 1 < count ? ", " : " or ";
        int len = snprintf(out + used, NEAR_TEXT_LEN - used, "%s\"%.*s\"%s", before,
                           STR_ARG(n->names[i]), i + 1 < count ? "" : "?)");
        used = MIN(used + (size_t)MAX(len, 0), (size_t)NEAR_TEXT_LEN - 1);
    }
    return out;
}
